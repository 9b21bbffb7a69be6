//! Where a read stands.

use super::{Session, State};
use crate::file::FileId;

/// Where a read stands, for people and for timing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The step.
    pub phase: Phase,
    /// Bytes of the current file that are there.
    pub bytes: usize,
    /// Bytes of the current file in all, once known.
    pub total: Option<usize>,
}

impl Progress {
    /// So many bytes of a step's file.
    #[must_use]
    pub const fn new(phase: Phase, bytes: usize, total: Option<usize>) -> Self {
        Self { phase, bytes, total }
    }
}

/// The steps of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the protocols and files")]
pub enum Phase {
    Reset,
    CardAccess,
    Pace,
    Bac,
    SelectApplication,
    File(FileId),
    ActiveAuthentication,
    ChipAuthentication,
    TerminalAuthentication,
    Done,
}

impl Phase {
    /// A stable name for reports: `card_access`, `pace`, `dg2`, …
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Reset => "reset".to_owned(),
            Self::CardAccess => "card_access".to_owned(),
            Self::Pace => "pace".to_owned(),
            Self::Bac => "bac".to_owned(),
            Self::SelectApplication => "select_application".to_owned(),
            Self::File(FileId::CardSecurity) => "card_security".to_owned(),
            Self::File(file) => file.to_string().trim_start_matches("EF.").to_lowercase(),
            Self::ActiveAuthentication => "active_authentication".to_owned(),
            Self::ChipAuthentication => "chip_authentication".to_owned(),
            Self::TerminalAuthentication => "terminal_authentication".to_owned(),
            Self::Done => "done".to_owned(),
        }
    }
}

impl Session {
    /// Where the read stands.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let (phase, (bytes, total)) = match &self.state {
            State::CardAccess(read) => (Phase::CardAccess, read.progress()),
            State::SelectMasterFile | State::AtrInfo => (Phase::CardAccess, (0, None)),
            State::Reset => (Phase::Reset, (0, None)),
            State::Pace(_) => (Phase::Pace, (0, None)),
            State::Bac(_) => (Phase::Bac, (0, None)),
            State::Select(_) => (Phase::SelectApplication, (0, None)),
            State::File(read) => (Phase::File(read.file()), read.progress()),
            State::ActiveAuthentication(_) => (Phase::ActiveAuthentication, (0, None)),
            State::ChipAuthentication(_) | State::Confirm(_) => (Phase::ChipAuthentication, (0, None)),
            State::TerminalAuthentication(..) => (Phase::TerminalAuthentication, (0, None)),
            State::Done | State::Broken => (Phase::Done, (0, None)),
        };
        Progress { phase, bytes, total }
    }
}
