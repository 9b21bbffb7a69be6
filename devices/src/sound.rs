//! The sounds of a kiosk.

use drivers::speech::Tone;

/// What a sound says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Sound {
    Touch,
    Done,
    Attention,
}

impl Sound {
    /// What it is made of.
    #[must_use]
    pub const fn tones(self) -> &'static [Tone] {
        match self {
            Self::Touch => &[(1200, 25)],
            Self::Done => &[(880, 90), (0, 40), (1175, 160)],
            Self::Attention => &[(660, 180), (0, 90), (660, 180)],
        }
    }
}
