//! `sim:PERSONA[@MAKE][:FAULT]`: a virtual card on the simulated reader.

#[cfg(not(feature = "practice"))]
mod absent;
#[cfg(feature = "practice")]
mod cards;

#[cfg(not(feature = "practice"))]
pub use absent::{anchors, chip, people};
#[cfg(feature = "practice")]
pub use cards::{anchors, chip, people};
use drivers::reader::simulated::{SimulatedReader, Slot};
use program::Failure;

/// A person of the practice, with a card.
#[derive(Debug, Clone)]
pub struct Practised {
    /// What the simulated reader calls them.
    pub id: &'static str,
    /// What is particular about them.
    pub about: &'static str,
    /// Their name.
    pub name: &'static str,
    /// The text of their card's QR code.
    pub qr: String,
}

/// A reader on which the card of `PERSONA`, `PERSONA:FAULT` or `PERSONA@MAKE:FAULT` lies.
///
/// # Errors
/// When persona, make or fault is unknown, or the card cannot be made.
pub fn reader(specification: &str) -> Result<SimulatedReader, Failure> {
    let slot = Slot::default();
    slot.insert(chip(specification)?);
    Ok(SimulatedReader::new(slot))
}
