//! What can go wrong while talking to a chip.

use crate::apdu::StatusWord;
use crate::crypto::CryptoError;
use crate::secure_messaging::SecureMessagingError;
use crate::tlv::TlvError;
use thiserror::Error;

/// A failure of a protocol step. The operation is named as in ICAO 9303-11.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The chip refused a command.
    #[error("{operation}: the chip answered {status}")]
    Status {
        /// The step.
        operation: &'static str,
        /// The status bytes.
        status: StatusWord,
    },
    /// Mutual authentication failed: the MRZ data or the CAN is not that of this card.
    #[error("{operation}: the chip does not accept this password")]
    WrongPassword {
        /// The step that showed it.
        operation: &'static str,
    },
    /// The response does not have the structure that the protocol prescribes.
    #[error("{operation}: malformed response")]
    Malformed {
        /// The step.
        operation: &'static str,
        /// What is wrong with the bytes.
        #[source]
        source: TlvError,
    },
    /// The response breaks the protocol in its meaning.
    #[error("{operation}: {reason}")]
    Protocol {
        /// The step.
        operation: &'static str,
        /// What the chip did.
        reason: &'static str,
    },
    /// A cryptographic operation failed.
    #[error("{operation}: cryptographic operation failed")]
    Crypto {
        /// The step.
        operation: &'static str,
        /// Why.
        #[source]
        source: CryptoError,
    },
    /// A protected response could not be opened.
    #[error("secure messaging")]
    SecureMessaging(#[from] SecureMessagingError),
    /// The chip offers no access protocol that this terminal implements and policy allows.
    #[error("the chip offers no access protocol that can be used: {0}")]
    NoAccessProtocol(&'static str),
    /// A limit that protects the terminal from a hostile chip was reached.
    #[error("{operation}: limit reached: {limit}")]
    Limit {
        /// The step.
        operation: &'static str,
        /// Which limit.
        limit: &'static str,
    },
    /// The caller used the session out of order.
    #[error("the session was used out of order")]
    OutOfOrder,
}

impl Error {
    /// A stable identifier for logs, documents and scripts.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Status { .. } => "card_refused",
            Self::WrongPassword { .. } => "wrong_access_key",
            Self::Malformed { .. } | Self::Protocol { .. } => "card_protocol_error",
            Self::Crypto { .. } => "card_crypto_error",
            Self::SecureMessaging(_) => "secure_messaging_failed",
            Self::NoAccessProtocol(_) => "no_access_protocol",
            Self::Limit { .. } => "card_limit_exceeded",
            Self::OutOfOrder => "internal_out_of_order",
        }
    }

    pub(crate) const fn malformed(operation: &'static str) -> impl Fn(TlvError) -> Self {
        move |source| Self::Malformed { operation, source }
    }

    pub(crate) const fn crypto(operation: &'static str) -> impl Fn(CryptoError) -> Self {
        move |source| Self::Crypto { operation, source }
    }
}

/// An error with its causes on one line.
#[must_use]
pub fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
