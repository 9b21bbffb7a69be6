//! The words over a card as paper has them: short, both languages, one set for all surfaces (`kiosk_ui::words`).

use crate::holder::Assurance;
use kiosk_ui::words;

/// The short name of what is assured; nothing for records that do not say.
#[must_use]
pub fn chip(assurance: Option<&Assurance>) -> String {
    assurance.map(|assurance| words::of(assurance.word).chip.both()).unwrap_or_default()
}
