//! What is to be read, and how.

use crate::cvc::TerminalCertificates;
use crate::manner::Manner;
use crate::password::Password;

/// Which access protocols may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AccessPolicy {
    /// PACE when the chip offers it, else BAC, which the evidence records.
    #[default]
    Auto,
    /// PACE only.
    Pace,
    /// BAC only.
    Bac,
}

/// The manner that cards of one type and signer took. A card that another signer signed is read as if nothing were known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expected {
    /// How they are read.
    pub manner: Manner,
    /// Their document signer's key, see [`Sod::signer_fingerprint`](crate::lds::Sod::signer_fingerprint).
    pub signer: [u8; 32],
}

impl Expected {
    /// The manner of the cards that this key signs.
    #[must_use]
    pub const fn new(manner: Manner, signer: [u8; 32]) -> Self {
        Self { manner, signer }
    }
}

/// What to read and how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Plan {
    /// Which access protocols may be used.
    pub access: AccessPolicy,
    /// Passwords to try, best first. BAC uses those of kind MRZ.
    pub passwords: Vec<Password>,
    /// Data groups wanted; read when the SOD lists them. EF.SOD is always read, and so are groups 14 and 15, which hold
    /// the keys that a chip proves itself with, and group 12 where EF.SOD does not say when it was signed. Groups 3
    /// and 4 are read only after terminal authentication.
    pub data_groups: Vec<u8>,
    /// What opens groups 3 and 4; never used unless one of them is wanted.
    pub terminal: Option<TerminalCertificates>,
    /// The most response bytes that reader and chip take in one extended APDU; 256 or less switches extended
    /// length off.
    pub max_response: u32,
    /// Whether EF.ATR/INFO is asked for the size of answers: one command, of use where the answer to reset does not tell.
    pub ask_sizes: bool,
    /// What cards like this one took before: spares the refusals that showed it.
    pub expected: Option<Expected>,
    /// EF.CardAccess to assume when the chip does not give one.
    pub card_access_fallback: Option<Vec<u8>>,
}

impl Plan {
    /// A plan with nothing special: PACE or BAC, extended length as the reader allows, no terminal authentication.
    #[must_use]
    pub fn new(passwords: Vec<Password>, data_groups: &[u8]) -> Self {
        Self {
            access: AccessPolicy::Auto,
            passwords,
            data_groups: data_groups.to_vec(),
            terminal: None,
            max_response: 65_536,
            ask_sizes: false,
            expected: None,
            card_access_fallback: None,
        }
    }

    /// With these access protocols only.
    #[must_use]
    pub fn with_access(self, access: AccessPolicy) -> Self {
        Self { access, ..self }
    }

    /// With these data groups instead.
    #[must_use]
    pub fn with_data_groups(self, data_groups: &[u8]) -> Self {
        Self { data_groups: data_groups.to_vec(), ..self }
    }

    /// With what opens groups 3 and 4.
    #[must_use]
    pub fn with_terminal(self, terminal: impl Into<Option<TerminalCertificates>>) -> Self {
        Self { terminal: terminal.into(), ..self }
    }

    /// With at most so many response bytes in one extended APDU.
    #[must_use]
    pub fn with_max_response(self, max_response: u32) -> Self {
        Self { max_response, ..self }
    }

    /// With what cards like this one took before.
    #[must_use]
    pub fn with_expected(self, expected: impl Into<Option<Expected>>) -> Self {
        Self { expected: expected.into(), ..self }
    }

    /// With an EF.CardAccess to assume when the chip does not give one.
    #[must_use]
    pub fn with_card_access_fallback(self, file: impl Into<Option<Vec<u8>>>) -> Self {
        Self { card_access_fallback: file.into(), ..self }
    }
}
