//! A reader without hardware: a slot into which a program lays chips.

use super::{Card, Reader, ReaderError, announces_extended_length};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A simulated chip.
pub trait Chip: Send {
    /// Answer to reset.
    fn atr(&self) -> Vec<u8>;
    /// Power on or reset.
    fn reset(&mut self);
    /// One command; `None` when the chip has left the field.
    fn transmit(&mut self, command: &[u8]) -> Option<Vec<u8>>;
}

/// The place where a chip is laid. Clones are handles on the same place.
#[derive(Clone, Default)]
pub struct Slot(Arc<(Mutex<Content>, Condvar)>);

#[derive(Default)]
struct Content {
    chip: Option<Box<dyn Chip>>,
    /// Changes with every insertion, so that an old connection does not talk to a new card.
    generation: u64,
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Slot(occupied: {})", self.lock().chip.is_some())
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Content> {
        // A chip that panicked leaves the slot usable for the next one.
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lays a chip on the reader, in place of one that lies there.
    pub fn insert(&self, chip: Box<dyn Chip>) {
        let mut content = self.lock();
        content.chip = Some(chip);
        content.generation += 1;
        self.0.1.notify_all();
    }

    /// Takes the chip away.
    pub fn remove(&self) {
        self.lock().chip = None;
        self.0.1.notify_all();
    }

    /// Which chip lies there, counted; `None` for none.
    pub(super) fn generation(&self) -> Option<u64> {
        let content = self.lock();
        content.chip.as_ref().map(|_| content.generation)
    }

    /// Works with the chip that lies there.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut dyn Chip) -> T) -> Option<T> {
        self.lock().chip.as_mut().map(|chip| work(&mut **chip))
    }

    fn wait(&self, timeout: Duration, until: impl Fn(&Content) -> bool) -> (MutexGuard<'_, Content>, bool) {
        let waited = self.0.1.wait_timeout_while(self.lock(), timeout, |content| !until(content));
        let (content, result) = waited.unwrap_or_else(PoisonError::into_inner);
        (content, !result.timed_out())
    }
}

/// A reader over a [`Slot`].
#[derive(Debug, Clone)]
pub struct SimulatedReader {
    slot: Slot,
}

impl SimulatedReader {
    /// A reader over this slot.
    #[must_use]
    pub const fn new(slot: Slot) -> Self {
        Self { slot }
    }
}

impl Reader for SimulatedReader {
    fn name(&self) -> String {
        "simulated reader".to_owned()
    }

    fn check(&mut self) -> Result<(), ReaderError> {
        Ok(())
    }

    fn wait_for_card(&mut self, timeout: Duration) -> Result<Box<dyn Card>, ReaderError> {
        let (mut content, found) = self.slot.wait(timeout, |c| c.chip.is_some());
        let generation = content.generation;
        match &mut content.chip {
            Some(chip) if found => {
                chip.reset();
                let atr = chip.atr();
                Ok(Box::new(SimulatedCard { slot: self.slot.clone(), generation, atr }))
            }
            _ => Err(ReaderError::NoCard),
        }
    }

    fn wait_for_removal(&mut self, timeout: Duration) -> Result<bool, ReaderError> {
        Ok(self.slot.wait(timeout, |c| c.chip.is_none()).1)
    }
}

struct SimulatedCard {
    slot: Slot,
    generation: u64,
    atr: Vec<u8>,
}

impl Card for SimulatedCard {
    fn atr(&self) -> &[u8] {
        &self.atr
    }

    fn max_response(&self) -> u32 {
        if announces_extended_length(&self.atr) == Some(false) { 256 } else { 65_536 }
    }

    fn reset(&mut self) -> Result<(), ReaderError> {
        let mut content = self.slot.lock();
        let same = content.generation == self.generation;
        match &mut content.chip {
            Some(chip) if same => {
                chip.reset();
                Ok(())
            }
            _ => Err(ReaderError::CardLifted),
        }
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ReaderError> {
        let mut content = self.slot.lock();
        if content.generation != self.generation {
            return Err(ReaderError::CardLifted);
        }
        let answer = content.chip.as_mut().and_then(|chip| chip.transmit(command));
        if answer.is_none() {
            content.chip = None;
            self.slot.0.1.notify_all();
        }
        answer.ok_or(ReaderError::CardLifted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::conformance::{self, EchoChip, Rig};

    struct SimulatedRig(Slot);

    impl Rig for SimulatedRig {
        fn reader(&mut self) -> Box<dyn Reader> {
            Box::new(SimulatedReader::new(self.0.clone()))
        }

        fn insert(&mut self) {
            self.0.insert(Box::new(EchoChip));
        }

        fn remove(&mut self) {
            self.0.remove();
        }
    }

    #[test]
    fn the_simulated_reader_conforms() {
        conformance::run(&mut SimulatedRig(Slot::default()));
    }
}
