//! Colours and shapes.

use crate::canvas::Color;
use serde::Serialize;

/// A colour of judgement. What colours nothing else may be judged by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say which colour")]
pub enum Tone {
    Green,
    Teal,
    Amber,
    Indigo,
    Slate,
    Plum,
    Red,
}

/// What is around a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// A full disc: a chip or a person stands behind the word.
    Filled,
    /// A ring: nothing is judged, something else is wanted.
    Outlined,
    /// A broken ring: too little is there to judge by.
    Dashed,
}

/// A tone on one kind of ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shades {
    /// Letters and shapes; the disc.
    pub ink: Color,
    /// Behind them, soft.
    pub ground: Color,
}

const fn shades(ink: u32, ground: u32) -> Shades {
    Shades { ink: Color(ink), ground: Color(ground) }
}

impl Tone {
    /// Every one.
    pub const ALL: [Self; 7] = [Self::Green, Self::Teal, Self::Amber, Self::Indigo, Self::Slate, Self::Plum, Self::Red];

    /// On light ground.
    #[must_use]
    pub const fn light(self) -> Shades {
        match self {
            Self::Green => shades(0x000A_6E3D, 0x00E1_F3E8),
            Self::Teal => shades(0x000B_6570, 0x00DD_F1F3),
            Self::Amber => shades(0x008A_4600, 0x00FF_F0D2),
            Self::Indigo => shades(0x0043_40A8, 0x00E9_E8FA),
            Self::Slate => shades(0x004A_5A70, 0x00ED_F1F6),
            Self::Plum => shades(0x0085_246A, 0x00FA_E7F4),
            Self::Red => shades(0x00B3_261E, 0x00FD_E8E6),
        }
    }

    /// On dark ground.
    #[must_use]
    pub const fn dark(self) -> Shades {
        match self {
            Self::Green => shades(0x0067_D69A, 0x0011_382A),
            Self::Teal => shades(0x006F_D3DC, 0x000F_3A40),
            Self::Amber => shades(0x00F8_C05C, 0x003D_2D0C),
            Self::Indigo => shades(0x00B9_B5FF, 0x002A_2860),
            Self::Slate => shades(0x00BA_C7D9, 0x0020_2F46),
            Self::Plum => shades(0x00F2_AADA, 0x0043_203A),
            Self::Red => shades(0x00FF_A39B, 0x0047_1E1D),
        }
    }
}
