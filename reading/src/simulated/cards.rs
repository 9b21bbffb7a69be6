//! Virtual cards.

use super::Practised;
use crate::anchors::Anchors;
use drivers::reader::simulated::Chip;
use program::Failure;
use virtual_card::{Answer, Fault, MAKES, Make, PERSONAS, Persona, practice_files};

struct VirtualChip(virtual_card::Chip);

impl Chip for VirtualChip {
    fn atr(&self) -> Vec<u8> {
        virtual_card::ATR.to_vec()
    }

    fn reset(&mut self) {
        self.0.reset();
    }

    fn transmit(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        match self.0.transmit(command) {
            Answer::Response(bytes) => Some(bytes),
            Answer::Lifted => None,
        }
    }
}

/// Everybody who is there to practise with.
#[must_use]
pub fn people() -> Vec<Practised> {
    PERSONAS.iter().map(|p| Practised { id: p.id, about: p.about, name: p.name, qr: p.qr() }).collect()
}

/// The trust anchors of virtual cards.
///
/// # Errors
/// When they cannot be made.
pub fn anchors() -> Result<Anchors, Failure> {
    let broken =
        |e: &dyn std::error::Error| Failure::device("virtual_card", program::describe(e), "report this as a bug");
    let mut anchors = Anchors::default();
    for (name, der) in practice_files().map_err(|e| broken(&e))? {
        anchors.store.add(&name, &der).map_err(|e| broken(&e))?;
    }
    Ok(anchors)
}

/// The chip of such a card.
///
/// # Errors
/// When persona, make or fault is unknown, or the card cannot be made.
pub fn chip(specification: &str) -> Result<Box<dyn Chip>, Failure> {
    let (persona, fault) = specification.split_once(':').unwrap_or((specification, "none"));
    let (persona, make) = persona.split_once('@').unwrap_or((persona, "cccd"));
    let make = Make::find(make).ok_or_else(|| {
        let known = MAKES.map(|make| make.id).join(", ");
        Failure::usage("make_unknown", format!("no make of chip {make:?}"), &format!("choose one of: {known}"))
    })?;
    let persona = Persona::find(persona).ok_or_else(|| {
        let known = PERSONAS.map(|p| p.id).join(", ");
        Failure::usage("persona_unknown", format!("no persona {persona:?}"), &format!("choose one of: {known}"))
    })?;
    let fault: Fault =
        fault.parse().map_err(|e| Failure::usage("fault_unknown", format!("{e}"), "see cccd-card serve --help"))?;
    let chip = virtual_card::Chip::with_make(persona, fault, *make)
        .map_err(|e| Failure::device("virtual_card", program::describe(&e), "report this as a bug"))?;
    Ok(Box::new(VirtualChip(chip)))
}
