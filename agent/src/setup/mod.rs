//! Setting a device up: what is attached, what is proposed, what a technician tries, and the file that comes of it.
//!
//! | module | task |
//! |---|---|
//! | [`proposal`] | a whole `agent.toml` from what is attached, the file as it is, and the site's settings: pure |
//! | [`trial`] | each part tried: picture, touches, scan, card, slip, beep |
//! | [`ask`] | questions to a technician in a terminal |
//! | [`dialogue`] | one question after the other |

pub mod ask;
pub mod dialogue;
pub mod proposal;
pub mod trial;

use clap::ValueEnum;
use config::Stage;

/// What a device is set up as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Place {
    /// A kiosk without staff.
    Kiosk,
    /// A desk with staff.
    Desk,
    /// A gate that opens for whoever is on the list.
    Gate,
}

impl Place {
    /// In the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Kiosk, Self::Desk, Self::Gate];

    /// Its table in `agent.toml`.
    #[must_use]
    pub const fn table(self) -> &'static str {
        match self {
            Self::Kiosk | Self::Gate => "kiosk",
            Self::Desk => "desk",
        }
    }

    /// What works with it.
    #[must_use]
    pub const fn stage(self) -> Stage {
        match self {
            Self::Kiosk | Self::Gate => Stage::Kiosk,
            Self::Desk => Stage::Desk,
        }
    }

    /// The service that works with it.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Kiosk | Self::Gate => "cccd-kiosk",
            Self::Desk => "cccd-desk",
        }
    }

    /// What people call it, Vietnamese first.
    #[must_use]
    pub const fn called(self) -> &'static str {
        match self {
            Self::Kiosk => "Ki-ốt không có nhân viên · Kiosk without staff",
            Self::Desk => "Quầy có nhân viên · Desk with staff",
            Self::Gate => "Cổng tự mở · Gate that opens by itself",
        }
    }

    /// A whole configuration of such a device.
    const fn example(self) -> &'static str {
        match self {
            Self::Kiosk => include_str!("../../../docs/examples/kiosk.toml"),
            Self::Desk => include_str!("../../../docs/examples/desk.toml"),
            Self::Gate => include_str!("../../../docs/examples/gate.toml"),
        }
    }
}
