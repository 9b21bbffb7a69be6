//! A reader without hardware: slots into which a program lays chips.

use super::slots::{Look, Slots};
use super::{Card, Failures, NotWanted, Reader, ReaderError, announces_extended_length};
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
    /// Another program has the card.
    held: bool,
    /// The reader does not answer.
    hung: bool,
    /// So many exchanges fail from now on.
    garbled: u32,
    /// How often a card was powered.
    powered: u32,
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

    /// Another program takes hold of whatever lies there, or lets go.
    pub fn hold(&self, held: bool) {
        self.lock().held = held;
        self.0.1.notify_all();
    }

    /// The reader stops answering, or answers again.
    pub fn hang(&self, hung: bool) {
        self.lock().hung = hung;
    }

    /// So many exchanges fail from now on, whatever lies there.
    pub fn garble(&self, exchanges: u32) {
        self.lock().garbled = exchanges;
    }

    /// How often a card was powered here.
    #[must_use]
    pub fn powered(&self) -> u32 {
        self.lock().powered
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

/// A reader over one [`Slot`] or several.
#[derive(Debug)]
pub struct SimulatedReader {
    places: Vec<Slot>,
    slots: Slots,
    failures: Failures,
}

/// How often several slots are looked at.
const ROUND: Duration = Duration::from_millis(5);

impl SimulatedReader {
    /// A reader over this slot.
    #[must_use]
    pub fn new(slot: Slot) -> Self {
        Self::over(vec![slot])
    }

    /// A reader over these slots.
    #[must_use]
    pub fn over(places: Vec<Slot>) -> Self {
        Self { places, slots: Slots::default(), failures: Failures::default() }
    }

    fn look(&mut self) {
        let look = |slot: &Slot| slot.generation().map_or(Look::Empty, |number| Look::Card(number as u32));
        self.slots.see(self.places.iter().enumerate().map(|(at, slot)| (at.to_string(), 0, look(slot))));
    }

    /// Looks until `done` finds what it looks for.
    fn watch<T>(&mut self, timeout: Duration, mut done: impl FnMut(&mut Self) -> Option<T>) -> Option<T> {
        let mut left = timeout;
        loop {
            self.look();
            if let Some(found) = done(self) {
                return Some(found);
            }
            if left.is_zero() {
                return None;
            }
            let round = left.min(ROUND);
            left -= round;
            let before = self.places.first().map(Slot::generation);
            if let Some(first) = self.places.first() {
                // Whatever happens at the first one wakes the wait.
                let slot = first.wait(round, |c| c.chip.as_ref().map(|_| c.generation) != before.flatten());
                drop(slot);
            }
        }
    }

    fn connect(&self, name: &str) -> Result<SimulatedCard, ReaderError> {
        let slot = name.parse().ok().and_then(|at: usize| self.places.get(at)).ok_or(ReaderError::ReaderLost)?;
        let mut content = slot.lock();
        if content.held {
            return Err(ReaderError::CardInUse);
        }
        content.powered += 1 + u32::from(self.failures.are_too_many());
        let generation = content.generation;
        let chip = content.chip.as_mut().ok_or(ReaderError::CardLifted)?;
        chip.reset();
        let atr = chip.atr();
        drop(content);
        Ok(SimulatedCard { slot: slot.clone(), generation, atr, failures: self.failures.clone() })
    }
}

impl Reader for SimulatedReader {
    fn name(&self) -> String {
        "simulated reader".to_owned()
    }

    fn check(&mut self) -> Result<(), ReaderError> {
        Ok(())
    }

    fn arm(&mut self) {
        self.look();
        self.slots.arm();
    }

    fn wait_for_card(&mut self, timeout: Duration) -> Result<Box<dyn Card>, ReaderError> {
        let mut why = ReaderError::NoCard;
        let card = self.watch(timeout, |reader| {
            for name in reader.slots.candidates() {
                match reader.connect(&name) {
                    Ok(card) => {
                        reader.slots.give(&name);
                        return Some(card);
                    }
                    Err(error) => why = error,
                }
            }
            None
        });
        match (card, why) {
            (Some(card), _) => Ok(Box::new(card)),
            (None, ReaderError::CardLifted) => Err(ReaderError::NoCard),
            (None, why) => Err(why),
        }
    }

    fn set_aside(&mut self, why: NotWanted) -> bool {
        self.slots.set_aside(why)
    }

    fn wait_for_removal(&mut self, timeout: Duration) -> Result<bool, ReaderError> {
        Ok(self.watch(timeout, |reader| reader.slots.is_gone().then_some(())).is_some())
    }
}

struct SimulatedCard {
    slot: Slot,
    generation: u64,
    atr: Vec<u8>,
    failures: Failures,
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
        if content.hung {
            return Err(ReaderError::Hung);
        }
        if content.garbled > 0 && content.chip.is_some() {
            content.garbled -= 1;
            let failed = Err(ReaderError::Communication("a byte was lost".to_owned()));
            self.failures.count(&failed);
            return failed;
        }
        let answer = content.chip.as_mut().and_then(|chip| chip.transmit(command));
        if answer.is_none() {
            content.chip = None;
            self.slot.0.1.notify_all();
        }
        let answer = answer.ok_or(ReaderError::CardLifted);
        self.failures.count(&answer);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::conformance::{self, EchoChip, NamedChip, Rig, SlotsRig};

    struct SimulatedRig(Vec<Slot>);

    impl Rig for SimulatedRig {
        fn reader(&mut self) -> Box<dyn Reader> {
            Box::new(SimulatedReader::new(self.0[0].clone()))
        }

        fn insert(&mut self) {
            self.0[0].insert(Box::new(EchoChip));
        }

        fn remove(&mut self) {
            self.0[0].remove();
        }

        fn hold(&mut self, held: bool) -> bool {
            self.0[0].hold(held);
            true
        }

        fn hang(&mut self, hung: bool) -> bool {
            self.0[0].hang(hung);
            true
        }
    }

    impl SlotsRig for SimulatedRig {
        fn reader(&mut self) -> Box<dyn Reader> {
            Box::new(SimulatedReader::over(self.0.clone()))
        }

        fn insert(&mut self, slot: usize, chip: NamedChip) {
            self.0[slot].insert(Box::new(chip));
        }

        fn remove(&mut self, slot: usize) {
            self.0[slot].remove();
        }
    }

    #[test]
    fn the_simulated_reader_conforms() {
        conformance::run(&mut SimulatedRig(vec![Slot::default()]));
        conformance::run_slots(&mut SimulatedRig(vec![Slot::default(), Slot::default()]));
    }

    #[test]
    fn after_errors_in_a_row_the_reader_is_powered_anew() {
        let slot = Slot::default();
        slot.insert(Box::new(EchoChip));
        let mut reader = SimulatedReader::new(slot.clone());
        let mut failed = |errors: u32| {
            slot.garble(errors);
            let before = slot.powered();
            for _ in 0..errors {
                let answer = reader.wait_for_card(Duration::ZERO).expect("card").transmit(&[0; 4]);
                assert!(matches!(answer, Err(ReaderError::Communication(_))), "{answer:?}");
            }
            let answer = reader.wait_for_card(Duration::ZERO).expect("card").transmit(&[0; 4]);
            assert!(answer.is_ok());
            slot.powered() - before
        };
        assert_eq!(failed(Failures::MOST - 1), Failures::MOST, "once for every card that is given");
        assert_eq!(failed(Failures::MOST), Failures::MOST + 2, "and once more after so many");
    }
}
