//! What the agent says when it cannot do its work: a stable code, a sentence, a remedy and an exit status.
//! `docs/errors.md` lists the codes.

use drivers::reader::ReaderError;
use emrtd::error::describe;
use identity::KeeperError;
use serde::Serialize;

/// Exit statuses of the command line.
pub mod exit {
    /// The card is genuine.
    pub const GENUINE: u8 = 0;
    /// A check failed.
    pub const CHECK_FAILED: u8 = 10;
    /// Nothing failed, but something required was not performed.
    pub const UNDECIDED: u8 = 11;
    /// Nothing is wrong with the document, and it is not to be accepted: expired, withdrawn, another one than was named.
    pub const NOT_ACCEPTABLE: u8 = 12;
    /// The card could not be read.
    pub const NOT_READ: u8 = 20;
    /// No reader, or no reader service.
    pub const NO_READER: u8 = 21;
    /// The command line or a file that it names is wrong.
    pub const USAGE: u8 = 64;
    /// The device's own store, keys or configuration failed.
    pub const DEVICE: u8 = 70;
}

/// A failure as people and programs see it. Never holds personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Stable code.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// Exit status.
    #[serde(skip)]
    pub exit: u8,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} [{}]: {}", self.message, self.code, self.remedy)
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// The command line, or a file that it names, is wrong.
    #[must_use]
    pub fn usage(code: &str, message: impl Into<String>, remedy: &str) -> Self {
        Self { code: code.to_owned(), message: message.into(), remedy: remedy.to_owned(), exit: exit::USAGE }
    }

    /// The device's own store, keys or configuration failed.
    #[must_use]
    pub fn device(code: &str, message: impl Into<String>, remedy: &str) -> Self {
        Self { code: code.to_owned(), message: message.into(), remedy: remedy.to_owned(), exit: exit::DEVICE }
    }
}

impl From<KeeperError> for Failure {
    fn from(error: KeeperError) -> Self {
        Self::device(error.code(), describe(&error), error.remedy())
    }
}

impl From<ReaderError> for Failure {
    fn from(error: ReaderError) -> Self {
        let exit = match error {
            ReaderError::NoService | ReaderError::NoReader { .. } | ReaderError::ReaderLost => exit::NO_READER,
            _ => exit::NOT_READ,
        };
        Self { code: error.code().to_owned(), message: error.to_string(), remedy: error.remedy().to_owned(), exit }
    }
}

impl From<emrtd::Error> for Failure {
    fn from(error: emrtd::Error) -> Self {
        let remedy = match error.code() {
            "wrong_access_key" => "check the number (or the MRZ data) against the card that lies on the reader",
            "no_access_protocol" => "allow another access protocol, or give the data that it needs (--mrz for BAC)",
            "secure_messaging_failed" => {
                "take the card off and try again; if it happens again, the card is faulty or forged"
            }
            _ => "take the card off, lay it flat on the reader and try again",
        };
        let message = describe(&error);
        Self { code: error.code().to_owned(), message, remedy: remedy.to_owned(), exit: exit::NOT_READ }
    }
}
