//! Who signs: certificates of devices, the answers with their assignments, receipts. Behind [`Issuer`] stands a key in this process
//! ([`Local`], for one box or a test), or a process of its own ([`Remote`]), which alone has the issuing key and the sites' secret.
//!
//! # What is signed
//! Nothing that somebody else wrote. [`Wanted`] says which device, at which place, and brings its own signed request; names,
//! extensions, validity, time, address and operators are the issuer's. [`Local`] refuses every other form, and more of them in an
//! hour than [`Rate`] says. The root's key is in neither: it certified the issuing key ([`fleet::authority`]).

mod local;
mod rate;
pub mod remote;
pub mod settings;

pub use local::{Local, Rules};
pub use rate::Rate;
pub use remote::Remote;

use events::sync::Receipt;
use fleet::FleetError;
use fleet::answer::Octets;
use fleet::authority::Roots;
use openssl::x509::X509;
use program::{Coded, exit};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A device that was let in, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Its name: a-z, 0-9 and `-`.
    pub device: String,
    /// Where it stands.
    pub site: String,
    /// The profile that it begins with.
    pub profile: String,
    /// Its signed request ([`fleet::request`]).
    pub request: Octets,
    /// The certificate that it has, where a cut-off request is answered alike; DER.
    pub certificate: Option<Octets>,
}

/// What a device gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issued {
    /// Its certificate, DER.
    pub certificate: Octets,
    /// For [`fleet::answer::open`].
    pub answer: Octets,
}

/// What everybody may know of the fleet's keys; each certificate in DER.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// The roots that are trusted.
    pub roots: Vec<Octets>,
    /// The links between them.
    pub links: Vec<Octets>,
    /// The issuing keys that they certified.
    pub issuers: Vec<Octets>,
}

impl Trust {
    /// The roots.
    ///
    /// # Errors
    /// When there is none.
    pub fn roots(&self) -> Result<Roots, FleetError> {
        let pem: Result<Vec<Vec<u8>>, _> = self.roots.iter().map(|der| X509::from_der(&der.0)?.to_pem()).collect();
        Roots::from_pem(&pem?.concat())
    }
}

/// Why nothing was signed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// The process that signs is not there, or does not answer.
    #[error("the signer does not answer: {0}")]
    Unavailable(String),
    /// More was wanted in an hour than is signed.
    #[error("the signer signs no more of this within the hour")]
    Rate,
    /// It is none of the forms that are signed.
    #[error("the signer does not sign this: {0}")]
    Form(String),
    /// Whoever asks may not.
    #[error("the signer does not answer user {0}")]
    Peer(u32),
    /// What is signed could not be noted.
    #[error("the signer cannot write its own log: {0}")]
    Log(String),
    /// The key or its files.
    #[error("the signer failed: {0}")]
    Key(String),
}

impl IssuerError {
    /// HTTP status, stable code, remedy.
    #[must_use]
    pub const fn answer(&self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Unavailable(_) => {
                (503, "signer_unavailable", "try again later; systemctl status cccd-central-signer")
            }
            Self::Rate => {
                (503, "signer_rate", "try again within the hour; look in the signer's log who wanted so much")
            }
            Self::Form(_) => (400, "signer_form", "look in the signer's log; correct name, site and profile"),
            Self::Peer(_) => (503, "signer_peer", "name central's user in signer.toml: peers"),
            Self::Log(_) => (503, "signer_log", "make room on the disk of the signer's log"),
            Self::Key(_) => (503, "signer_key", "look at the signer's directory, and start it again"),
        }
    }

    fn of_code(code: &str, message: String) -> Self {
        match code {
            "signer_rate" => Self::Rate,
            "signer_form" => Self::Form(message),
            "signer_peer" => Self::Peer(message.parse().unwrap_or_default()),
            "signer_log" => Self::Log(message),
            "signer_key" => Self::Key(message),
            _ => Self::Unavailable(message),
        }
    }

    /// What is behind the sentence, for [`Self::of_code`].
    fn detail(&self) -> String {
        match self {
            Self::Rate => String::new(),
            Self::Peer(uid) => uid.to_string(),
            Self::Unavailable(why) | Self::Form(why) | Self::Log(why) | Self::Key(why) => why.clone(),
        }
    }
}

impl Coded for IssuerError {
    fn code(&self) -> &str {
        self.answer().1
    }

    fn remedy(&self) -> &str {
        self.answer().2
    }

    fn exit(&self) -> u8 {
        exit::DEVICE
    }
}

/// Signs what a fleet's central has to sign, and nothing else.
pub trait Issuer: Send + Sync {
    /// Certificate and answer of a device that was let in.
    ///
    /// # Errors
    /// When the form is not one that is signed, there were too many, or nobody answers.
    fn issue(&self, wanted: &Wanted) -> Result<Issued, IssuerError>;

    /// A receipt for events that came on a stick.
    ///
    /// # Errors
    /// As [`Self::issue`].
    fn receipt(&self, receipt: &Receipt) -> Result<Vec<u8>, IssuerError>;

    /// What everybody may know.
    ///
    /// # Errors
    /// When nobody answers.
    fn trust(&self) -> Result<Trust, IssuerError>;
}
