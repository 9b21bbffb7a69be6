//! The device itself: its parts and what is wrong with them, and how it is let in.

use crate::text::Phrase;

/// The steps of letting a device in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum EnrolStep {
    Keys,
    Request,
    Confirm,
    Certificate,
    Done,
}

impl EnrolStep {
    /// In order.
    pub const ALL: [Self; 5] = [Self::Keys, Self::Request, Self::Confirm, Self::Certificate, Self::Done];

    /// What it is called.
    #[must_use]
    pub const fn phrase(self) -> Phrase {
        match self {
            Self::Keys => Phrase::EnrolKeys,
            Self::Request => Phrase::EnrolRequest,
            Self::Confirm => Phrase::EnrolConfirm,
            Self::Certificate => Phrase::EnrolCertificate,
            Self::Done => Phrase::EnrolDone,
        }
    }
}

/// A device that is not let in yet, before a technician with a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The serial number on the machine.
    pub serial: String,
    /// Where it stands.
    pub step: EnrolStep,
    /// What the phone scans.
    pub code: Option<String>,
    /// What the technician compares.
    pub words: Vec<String>,
    /// Scanned codes of an answer that comes through the phone, and how many there are.
    pub scanned: Option<(usize, usize)>,
    /// The stable code of what goes wrong; it is tried again.
    pub trouble: Option<String>,
}

/// A part of the kiosk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Part {
    Reader,
    Display,
    Touch,
    Scanner,
    Printer,
    Speaker,
    Lines,
    Cabinet,
}

impl Part {
    /// In the order in which they are listed.
    pub const ALL: [Self; 8] = [
        Self::Reader,
        Self::Display,
        Self::Touch,
        Self::Scanner,
        Self::Printer,
        Self::Speaker,
        Self::Lines,
        Self::Cabinet,
    ];

    /// What people call it.
    #[must_use]
    pub const fn phrase(self) -> Phrase {
        match self {
            Self::Reader => Phrase::PartReader,
            Self::Display => Phrase::PartDisplay,
            Self::Touch => Phrase::PartTouch,
            Self::Scanner => Phrase::PartScanner,
            Self::Printer => Phrase::PartPrinter,
            Self::Speaker => Phrase::PartSpeaker,
            Self::Lines => Phrase::PartLines,
            Self::Cabinet => Phrase::PartCabinet,
        }
    }

    /// A stable identifier.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Display => "display",
            Self::Touch => "touch",
            Self::Scanner => "scanner",
            Self::Printer => "printer",
            Self::Speaker => "speaker",
            Self::Lines => "lines",
            Self::Cabinet => "cabinet",
        }
    }

    /// Whether nobody can be served without it. The others have somebody or something to stand in for them.
    #[must_use]
    pub const fn is_essential(self) -> bool {
        matches!(self, Self::Reader | Self::Cabinet)
    }
}

/// What is wrong with a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The time of day when it was noticed.
    pub since: String,
    /// The stable code of the failure.
    pub code: String,
}

/// A bundle that comes through a technician's phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carried {
    /// So many of so many codes.
    Parts(usize, usize),
    /// It is active, under this number.
    Taken(u64),
    /// It was refused: the stable code.
    Refused(String),
}

/// What a technician wants to know of the device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    /// The device's name.
    pub device: String,
    /// The version of the agent.
    pub version: String,
    /// Events that central has not acknowledged yet.
    pub unsent: u64,
    /// The bundle that is scanned from a phone.
    pub carried: Option<Carried>,
    /// The checks of the device by identifier, with the code of what is wrong; `None` while they run.
    pub checks: Option<Vec<(String, Option<String>)>>,
}
