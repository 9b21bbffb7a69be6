//! Speech and sounds.
//!
//! A [`Speaker`] says lines one after the other until it is hushed or told something else: whoever touches the screen
//! is not made to listen to the end. What is said may be personal: it goes to other programs through pipes and sockets,
//! never through their arguments, which every process of the machine can read.

mod beep;
mod dispatcher;
mod programs;
pub mod simulated;

pub use beep::wave;
pub use dispatcher::SpeechDispatcher;
pub use programs::{ProgramSpeaker, Programs};

use crate::device::DeviceError;

/// A language to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Voice {
    Vietnamese,
    English,
}

impl Voice {
    /// As BCP 47 and every speech program has it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Vietnamese => "vi",
            Self::English => "en",
        }
    }
}

/// One line to say.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// The words.
    pub text: zeroize::Zeroizing<String>,
    /// The name of a recording of them, for lines that are always the same.
    pub clip: Option<String>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Line({} bytes, clip: {:?})", self.text.len(), self.clip)
    }
}

/// A tone: frequency in hertz, 0 for silence, and milliseconds.
pub type Tone = (u16, u16);

/// Something that speaks.
pub trait Speaker: Send {
    /// What to call it in messages.
    fn name(&self) -> String;

    /// Ends what is being said and says these lines; none to be silent. Returns at once.
    ///
    /// # Errors
    /// As long as it cannot be used. What went wrong while an earlier line was said is told here, too.
    fn say(&mut self, voice: Voice, lines: &[Line]) -> Result<(), DeviceError>;

    /// Plays tones beside what is being said. Returns at once.
    ///
    /// # Errors
    /// As [`Speaker::say`].
    fn play(&mut self, tones: &[Tone]) -> Result<(), DeviceError>;
}
