//! Slots of one or several readers, watched together: whose card is given, and which are looked past. Knows no reader.
//!
//! - The newest card goes first: what came after [`Slots::arm`] is what somebody laid there for this read.
//! - A card of another kind (a signing token, a SAM, a bank card) is set aside until its slot has another one.
//! - Once a card is given, the others that lie there are passed over: a card that is lifted in the middle of a read is
//!   waited for, and not swapped for one that lay elsewhere.
//! - "Gone" means the card that was given.

use super::NotWanted;

/// What a slot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// A card, and a number that changes with every card.
    Card(u32),
    /// Nothing.
    Empty,
    /// The stack below does not know at the moment.
    Unclear,
}

#[derive(Debug)]
struct Slot {
    name: String,
    /// Lower is tried first among cards that came at the same time.
    rank: u8,
    card: Option<Lying>,
}

/// A card that lies in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lying {
    number: u32,
    /// In which look it was first seen.
    came: u64,
    /// In which arming it was first given.
    given: Option<u64>,
    aside: bool,
    passed_over: bool,
}

/// All slots that are watched.
#[derive(Debug, Default)]
pub struct Slots {
    slots: Vec<Slot>,
    looks: u64,
    armings: u64,
    /// The last look before the last arming.
    armed: u64,
    /// Name of the slot whose card was given last, and when that card came.
    given: Option<(String, u64)>,
}

impl Slots {
    /// Takes what the slots hold now: name, rank and content of each. A slot that is not named is not there any more.
    pub fn see(&mut self, seen: impl IntoIterator<Item = (String, u8, Look)>) {
        self.looks += 1;
        let came = self.looks;
        let mut old = std::mem::take(&mut self.slots);
        self.slots = seen
            .into_iter()
            .map(|(name, rank, look)| {
                let before = old.iter().position(|slot| slot.name == name).and_then(|at| old.swap_remove(at).card);
                let card = match look {
                    Look::Unclear => before,
                    Look::Empty => None,
                    Look::Card(number) => Some(before.filter(|card| card.number == number).unwrap_or(Lying {
                        number,
                        came,
                        given: None,
                        aside: false,
                        passed_over: false,
                    })),
                };
                Slot { name, rank, card }
            })
            .collect();
    }

    /// A read begins: what lies there lay there before, and every card counts again but those of another kind.
    pub fn arm(&mut self) {
        self.armings += 1;
        self.armed = self.looks;
        self.pass_over(false);
    }

    fn pass_over(&mut self, passed_over: bool) {
        for card in self.slots.iter_mut().filter_map(|slot| slot.card.as_mut()) {
            card.passed_over = passed_over;
        }
    }

    /// Slots with a card that may be the wanted one, best first.
    #[must_use]
    pub fn candidates(&self) -> Vec<String> {
        let counts = |slot: &&Slot| slot.card.is_some_and(|card| !card.aside && !card.passed_over);
        let mut found: Vec<&Slot> = self.slots.iter().filter(counts).collect();
        found.sort_by_key(|slot| (std::cmp::Reverse(slot.card.map(|card| card.came)), slot.rank));
        found.into_iter().map(|slot| slot.name.clone()).collect()
    }

    /// The card in this slot is given to whoever asked.
    pub fn give(&mut self, name: &str) {
        self.pass_over(true);
        let armings = self.armings;
        if let Some(card) = self.card(name) {
            card.passed_over = false;
            card.given.get_or_insert(armings);
            self.given = Some((name.to_owned(), card.came));
        }
    }

    fn card(&mut self, name: &str) -> Option<&mut Lying> {
        self.slots.iter_mut().find(|slot| slot.name == name).and_then(|slot| slot.card.as_mut())
    }

    /// The card that was given is not the wanted one. True where it is worth while to wait for another: there are more
    /// slots, and nobody laid this card there for this read.
    pub fn set_aside(&mut self, why: NotWanted) -> bool {
        let (armed, armings, several) = (self.armed, self.armings, self.slots.len() > 1);
        let Some((name, came)) = self.given.clone() else { return false };
        let Some(card) = self.card(&name).filter(|card| card.came == came && several) else { return false };
        let old = match why {
            NotWanted::OtherKind => {
                card.aside = true;
                card.came <= armed
            }
            // It was read for somebody before: whoever comes now has another.
            NotWanted::OtherCard => card.given.is_some_and(|given| given < armings),
        };
        if old {
            self.pass_over(false);
            if let Some(card) = self.card(&name) {
                card.passed_over = true;
            }
        }
        old
    }

    /// Whether the card that was given has left its slot; where none was given, whether no slot holds a card that counts.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        match &self.given {
            Some((name, came)) => {
                let lies = |slot: &Slot| slot.name == *name && slot.card.is_some_and(|card| card.came == *came);
                !self.slots.iter().any(lies)
            }
            None => self.slots.iter().all(|slot| slot.card.is_none_or(|card| card.aside)),
        }
    }

    /// Forgets everything: the stack below counts anew.
    pub fn forget(&mut self) {
        *self = Self { looks: self.looks, armings: self.armings, armed: self.armed, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two slots; a number is a card.
    fn see(slots: &mut Slots, cards: [Option<u32>; 2]) {
        let names = ["a", "b"].into_iter().zip(cards);
        slots.see(names.map(|(name, card)| (name.to_owned(), 0, card.map_or(Look::Empty, Look::Card))));
    }

    #[test]
    fn the_newest_card_goes_first() {
        let mut slots = Slots::default();
        see(&mut slots, [Some(1), None]);
        slots.arm();
        see(&mut slots, [Some(1), Some(2)]);
        assert_eq!(slots.candidates(), ["b", "a"]);
        see(&mut slots, [Some(3), Some(2)]);
        assert_eq!(slots.candidates(), ["a", "b"], "another card in a slot is a new one");
        slots.see([("a".to_owned(), 0, Look::Unclear), ("b".to_owned(), 0, Look::Card(2))]);
        assert_eq!(slots.candidates(), ["a", "b"], "what is not known stays as it was");
        let together = [("contact", 1), ("contactless", 0)];
        slots.see(together.map(|(name, rank)| (name.to_owned(), rank, Look::Card(1))));
        assert_eq!(slots.candidates(), ["contactless", "contact"], "among equals the better slot");
    }

    #[test]
    fn what_is_set_aside_stays_there_until_its_card_changes() {
        let mut slots = Slots::default();
        see(&mut slots, [Some(1), None]);
        slots.arm();
        slots.give("a");
        assert!(slots.set_aside(NotWanted::OtherKind));
        assert!(slots.candidates().is_empty());
        slots.arm();
        see(&mut slots, [Some(1), Some(2)]);
        assert_eq!(slots.candidates(), ["b"]);
        slots.give("b");
        assert!(!slots.set_aside(NotWanted::OtherKind), "it was laid there for this read: that is told");
        slots.arm();
        assert!(slots.candidates().is_empty(), "and it is no card for the next one, either");
        see(&mut slots, [Some(3), Some(2)]);
        assert_eq!(slots.candidates(), ["a"]);
    }

    #[test]
    fn a_card_that_was_read_for_somebody_else_is_passed_over_for_one_read() {
        let mut slots = Slots::default();
        slots.arm();
        see(&mut slots, [Some(1), None]);
        slots.give("a");
        assert!(!slots.set_aside(NotWanted::OtherCard), "whoever laid it there learns of it");
        slots.arm();
        slots.give("a");
        assert!(slots.set_aside(NotWanted::OtherCard));
        assert!(slots.candidates().is_empty());
        slots.arm();
        assert_eq!(slots.candidates(), ["a"]);
    }

    #[test]
    fn removal_and_return_concern_the_card_that_was_given() {
        let mut slots = Slots::default();
        see(&mut slots, [Some(1), Some(2)]);
        slots.give("b");
        assert!(!slots.is_gone());
        see(&mut slots, [Some(1), None]);
        assert!(slots.is_gone() && slots.candidates().is_empty(), "the card on the other slot is nobody's");
        see(&mut slots, [Some(1), Some(3)]);
        assert_eq!(slots.candidates(), ["b"]);
        assert!(slots.is_gone(), "another card in its slot is not the card");
        let mut one = Slots::default();
        one.see([("a".to_owned(), 0, Look::Card(1))]);
        one.give("a");
        assert!(!one.set_aside(NotWanted::OtherKind), "there is nothing else to look at");
        assert_eq!(one.candidates(), ["a"]);
    }
}
