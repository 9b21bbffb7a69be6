//! Text sizes and colours.

use crate::canvas::Color;
use crate::panel::{CAPITAL, Panel, TARGET};

/// The least size of a key of the number pad, as [`TARGET`].
pub const KEY: i32 = 200;

/// The least width of a letter's key on a panel that has no width for ten targets, as [`TARGET`].
pub const LETTER: i32 = 85;

/// The share of the em that a capital's height is, in hundredths.
pub const CAPITAL_SHARE: i32 = 74;

/// Sizes for a panel and a text size, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// What the screen is about.
    pub title: i32,
    /// A sentence under it.
    pub body: i32,
    /// Buttons.
    pub button: i32,
    /// Header, small print. Never larger in large mode: it is readable as it is, and has no room.
    pub label: i32,
    /// The word below a tool's picture.
    pub tool: i32,
    /// Between things.
    pub gap: i32,
    /// From the edge.
    pub margin: i32,
    /// Corners.
    pub radius: i32,
    /// Height of a button.
    pub target: i32,
    /// Height and width of a key of the number pad.
    pub key: i32,
}

impl Sizes {
    /// For a panel, in normal or large text.
    #[must_use]
    pub fn of(panel: Panel, large: bool) -> Self {
        let least = (panel.px(CAPITAL) * 100 + CAPITAL_SHARE - 1) / CAPITAL_SHARE;
        let grown = |size: i32, share: i32| if large { size * share / 100 } else { size };
        let scaled = |size: i32| panel.scaled(size);
        if panel.is_tiny() {
            let (title, body) = (grown(scaled(30), 112), grown(scaled(21), 112));
            return Self {
                title,
                body,
                button: scaled(22),
                label: scaled(18),
                tool: scaled(18),
                gap: scaled(6),
                margin: scaled(10),
                radius: scaled(8),
                target: 0,
                key: 0,
            };
        }
        let upright = panel.is_portrait() && !panel.is_slim();
        let (title, body, button) = if upright {
            (grown(scaled(80), 120), grown(scaled(42), 125), grown(scaled(42), 115))
        } else {
            (grown(least * 118 / 100, 112), grown(least, 113), least)
        };
        // A slim one has no width for all of it in the least size: sentences and buttons have it.
        let label = if panel.is_slim() { least * 66 / 100 } else { least.max(if upright { scaled(28) } else { 0 }) };
        Self {
            title,
            body,
            button,
            label,
            tool: if panel.is_slim() { least * 48 / 100 } else { label },
            gap: if upright { scaled(24) } else { panel.px(12) },
            margin: if upright { scaled(46) } else { panel.px(16) },
            radius: panel.area.w.min(panel.area.h) / 40,
            target: panel.px(TARGET),
            key: panel.px(KEY),
        }
    }
}

/// Colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say what they colour")]
pub struct Theme {
    pub background_top: Color,
    pub background_bottom: Color,
    pub surface: Color,
    pub border: Color,
    pub text: Color,
    pub muted: Color,
    pub primary: Color,
    pub on_primary: Color,
    pub quiet: Color,
    pub good: Color,
    pub bad: Color,
    pub warn: Color,
    pub on_signal: Color,
    pub track: Color,
    /// Width of borders in pixels.
    pub stroke: i32,
    /// Whether surfaces throw shadows.
    pub shadows: bool,
}

/// The usual colours.
pub const NORMAL: Theme = Theme {
    background_top: Color(0x00E9_F1FA),
    background_bottom: Color(0x00F6_F9FD),
    surface: Color(0x00FF_FFFF),
    border: Color(0x00CF_DBE8),
    text: Color(0x000B_2545),
    muted: Color(0x0045_5872),
    primary: Color(0x000A_5FC7),
    on_primary: Color(0x00FF_FFFF),
    quiet: Color(0x00E1_EDF9),
    good: Color(0x000B_7A40),
    bad: Color(0x00B3_261E),
    warn: Color(0x008A_5300),
    on_signal: Color(0x00FF_FFFF),
    track: Color(0x00CF_DBE8),
    stroke: 3,
    shadows: true,
};

/// White and yellow on black.
pub const HIGH_CONTRAST: Theme = Theme {
    background_top: Color(0x0000_0000),
    background_bottom: Color(0x0000_0000),
    surface: Color(0x0000_0000),
    border: Color(0x00FF_FFFF),
    text: Color(0x00FF_FFFF),
    muted: Color(0x00FF_FFFF),
    primary: Color(0x00FF_D60A),
    on_primary: Color(0x0000_0000),
    quiet: Color(0x0000_0000),
    good: Color(0x0059_FF9C),
    bad: Color(0x00FF_9B92),
    warn: Color(0x00FF_D60A),
    on_signal: Color(0x0000_0000),
    track: Color(0x0066_6666),
    stroke: 4,
    shadows: false,
};

impl Theme {
    /// Normal or high contrast.
    #[must_use]
    pub const fn of(high_contrast: bool) -> Self {
        if high_contrast { HIGH_CONTRAST } else { NORMAL }
    }
}
