//! A device that is being set up, or does not start.

use crate::text::Phrase;

/// Where the marks are that are touched one after the other, in hundredths of width and height: a corner each, and the middle,
/// which shows whether the corners were touched well.
pub const MARKS: [(i32, i32); 5] = [(10, 10), (90, 10), (90, 90), (10, 90), (50, 50)];

/// How far the marks have been touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Calibration {
    /// Which of [`MARKS`] is to be touched; `None` when all were, and well.
    pub mark: Option<usize>,
    /// The last round was touched badly: it begins anew.
    pub wrong: bool,
    /// Where the last touch was, in pixels; known once the corners were touched.
    pub point: Option<(i32, i32)>,
}

/// What a device has not been given yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// A configuration: nobody has set it up.
    Configuration,
    /// An identity: nobody has enrolled it.
    Identity,
}

impl Lack {
    /// What a screen says of it.
    #[must_use]
    pub const fn phrase(self) -> Phrase {
        match self {
            Self::Configuration => Phrase::NotSetUp,
            Self::Identity => Phrase::NotEnrolled,
        }
    }
}

/// Why a kiosk does not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotStarted {
    /// What it lacks: the remedy is then a command, and nothing is broken.
    pub lack: Option<Lack>,
    /// The stable code.
    pub code: String,
    /// What is the matter.
    pub message: String,
    /// What to do.
    pub remedy: String,
}
