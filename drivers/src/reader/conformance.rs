//! What every reader must do. An implementation brings a [`Rig`] that lays an [`EchoChip`] on its reader and takes
//! it away, and calls [`run`]; one that watches several slots brings a [`SlotsRig`] and calls [`run_slots`], too.

use super::{Card, NotWanted, Reader, ReaderError, simulated::Chip};
use std::time::Duration;

/// Patience for things that must happen.
const SOON: Duration = Duration::from_secs(10);
/// Patience for things that must not happen.
const MOMENT: Duration = Duration::from_millis(60);

/// A reader under test and the hand that moves its card.
pub trait Rig {
    /// The reader; each call opens it anew.
    fn reader(&mut self) -> Box<dyn Reader>;
    /// Lays an [`EchoChip`] on it.
    fn insert(&mut self);
    /// Takes the card away.
    fn remove(&mut self);
    /// Another program takes hold of the card that lies there, or lets go; false where nothing like that can happen.
    fn hold(&mut self, _held: bool) -> bool {
        false
    }
    /// The reader or what is behind it stops answering, or answers again; false where the rig cannot play that.
    fn hang(&mut self, _hung: bool) -> bool {
        false
    }
}

/// A reader with two slots, and the hand that moves their cards.
pub trait SlotsRig {
    /// The reader, over both slots; each call opens it anew.
    fn reader(&mut self) -> Box<dyn Reader>;
    /// Lays a chip in slot 0 or 1.
    fn insert(&mut self, slot: usize, chip: NamedChip);
    /// Takes it away.
    fn remove(&mut self, slot: usize);
}

/// A chip that answers its name, then 9000.
#[derive(Debug, Clone, Copy)]
pub struct NamedChip(pub u8);

impl Chip for NamedChip {
    fn atr(&self) -> Vec<u8> {
        EchoChip.atr()
    }

    fn reset(&mut self) {}

    fn transmit(&mut self, _: &[u8]) -> Option<Vec<u8>> {
        Some(vec![self.0, 0x90, 0x00])
    }
}

/// A chip that answers with the bytes of the command, then 9000. A command with INS `C0` gets as many bytes of
/// `5A` as its data field says (two bytes).
#[derive(Debug, Clone, Copy, Default)]
pub struct EchoChip;

impl Chip for EchoChip {
    fn atr(&self) -> Vec<u8> {
        vec![0x3B, 0x85, 0x80, 0x01, 0x80, 0x73, 0x00, 0x21, 0xC0, 0x16]
    }

    fn reset(&mut self) {}

    fn transmit(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        let mut answer = match *command {
            [_, 0xC0, _, _, 2, high, low, ..] | [_, 0xC0, _, _, 0, 0, 2, high, low, ..] => {
                vec![0x5A; usize::from(high) << 8 | usize::from(low)]
            }
            _ => command.to_vec(),
        };
        answer.extend_from_slice(&[0x90, 0x00]);
        Some(answer)
    }
}

/// Runs the suite.
///
/// # Panics
/// When the reader does not conform; the message names the clause.
pub fn run(rig: &mut dyn Rig) {
    an_empty_reader_says_so(rig);
    a_card_is_found_and_answers(rig);
    lengths_are_kept(rig);
    a_card_that_another_program_has_is_waited_for(rig);
    a_reader_that_hangs_is_reported_and_used_again(rig);
    a_lifted_card_is_reported_and_the_next_one_found(rig);
}

fn an_empty_reader_says_so(rig: &mut dyn Rig) {
    rig.remove();
    let mut reader = rig.reader();
    assert!(!reader.name().is_empty(), "a reader has a name");
    assert_eq!(reader.check(), Ok(()), "a reader that is there says so");
    assert_eq!(reader.wait_for_removal(SOON), Ok(true), "an empty reader has no card to wait for");
    assert_eq!(reader.wait_for_card(MOMENT).err(), Some(ReaderError::NoCard), "no card is NoCard");
}

fn a_card_is_found_and_answers(rig: &mut dyn Rig) {
    let mut reader = rig.reader();
    rig.insert();
    let mut card = reader.wait_for_card(SOON).expect("a card that lies there is found");
    assert_eq!(card.atr(), EchoChip.atr(), "the ATR is the card's");
    assert_eq!(card.transmit(&[0, 1, 2, 3]).expect("answer"), [0, 1, 2, 3, 0x90, 0x00], "bytes come back unchanged");
    assert_eq!(card.reset(), Ok(()), "a card that lies there can be reset");
    assert_eq!(card.transmit(&[4, 5, 6, 7]).expect("answer"), [4, 5, 6, 7, 0x90, 0x00], "and answers afterwards");
    assert_eq!(reader.wait_for_removal(MOMENT), Ok(false), "a card that lies there is not removed");
}

fn lengths_are_kept(rig: &mut dyn Rig) {
    let mut card = rig.reader().wait_for_card(SOON).expect("card");
    let longest = card.max_response().min(65_000);
    for wanted in [0, 1, 127, 254, 255, 256, 257, 4096, 32_768, longest] {
        if wanted > longest {
            continue;
        }
        let [_, _, high, low] = wanted.to_be_bytes();
        let command: &[u8] =
            if wanted > 256 { &[0, 0xC0, 0, 0, 0, 0, 2, high, low, 0, 0] } else { &[0, 0xC0, 0, 0, 2, high, low, 0] };
        let answer = card.transmit(command).unwrap_or_else(|e| panic!("{wanted} bytes: {e}"));
        assert_eq!(answer.len(), wanted as usize + 2, "{wanted} response bytes arrive whole");
    }
}

fn a_card_that_another_program_has_is_waited_for(rig: &mut dyn Rig) {
    let mut reader = rig.reader();
    if !rig.hold(true) {
        return;
    }
    assert_eq!(reader.wait_for_card(MOMENT).err(), Some(ReaderError::CardInUse), "a held card is CardInUse in the end");
    rig.hold(false);
    let mut card = reader.wait_for_card(SOON).expect("a card that was let go of is found");
    assert_eq!(card.transmit(&[0, 1, 2, 3]).expect("answer"), [0, 1, 2, 3, 0x90, 0x00], "and answers");
}

fn a_reader_that_hangs_is_reported_and_used_again(rig: &mut dyn Rig) {
    let mut reader = rig.reader();
    let mut card = reader.wait_for_card(SOON).expect("card");
    if !rig.hang(true) {
        return;
    }
    assert_eq!(card.transmit(&[0, 1, 2, 3]), Err(ReaderError::Hung), "no answer in time is Hung");
    assert_eq!(card.transmit(&[0, 1, 2, 3]), Err(ReaderError::Hung), "and stays so for this card");
    drop(card);
    rig.hang(false);
    let card = std::iter::repeat_with(|| reader.wait_for_card(MOMENT)).take(200).find_map(Result::ok);
    let mut card = card.expect("a reader that answers again is used again");
    assert_eq!(card.transmit(&[0, 1, 2, 3]).expect("answer"), [0, 1, 2, 3, 0x90, 0x00], "as before");
}

/// Runs the suite of readers with several slots.
///
/// # Panics
/// When the reader does not conform; the message names the clause.
pub fn run_slots(rig: &mut dyn SlotsRig) {
    rig.remove(0);
    rig.remove(1);
    let mut reader = rig.reader();
    let reader = &mut *reader;
    let none = |reader: &mut dyn Reader, why: &str| {
        assert_eq!(reader.wait_for_card(MOMENT).err(), Some(ReaderError::NoCard), "{why}");
    };

    // A token that lies there always, and a card that comes.
    rig.insert(0, NamedChip(1));
    wait_for(reader, 1, "the only card is given");
    reader.arm();
    assert_eq!(next(reader), 1, "a card that lay there before is given where there is no other");
    assert!(reader.set_aside(NotWanted::OtherKind), "there is another slot to wait for");
    none(reader, "a card of another kind is not given again");
    rig.insert(1, NamedChip(2));
    assert_eq!(next(reader), 2, "the card that comes is found");
    assert_eq!(reader.wait_for_removal(MOMENT), Ok(false), "it lies there");
    rig.remove(1);
    assert_eq!(reader.wait_for_removal(SOON), Ok(true), "its removal is seen, whatever lies in the other slot");
    reader.arm();
    none(reader, "nor in the next read");
    rig.remove(0);
    rig.insert(0, NamedChip(3));
    wait_for(reader, 3, "another card in its slot is no longer set aside");
    assert!(!reader.set_aside(NotWanted::OtherKind), "what was laid there for this read is told");

    // Two cards: the newest is given, and is not swapped when it is lifted.
    rig.remove(0);
    rig.insert(0, NamedChip(4));
    wait_for(reader, 4, "card");
    rig.insert(1, NamedChip(5));
    reader.arm();
    wait_for(reader, 5, "of two cards the newest is given");
    assert_eq!(next(reader), 5, "and stays the one");
    rig.remove(1);
    assert_eq!(reader.wait_for_removal(SOON), Ok(true));
    none(reader, "a card that lies elsewhere does not stand in for one that was lifted");
    rig.insert(1, NamedChip(6));
    assert_eq!(next(reader), 6, "what is put back is");

    // A card that was read for somebody before.
    rig.remove(1);
    assert_eq!(reader.wait_for_removal(SOON), Ok(true));
    reader.arm();
    assert_eq!(next(reader), 4, "the one that lies there is given");
    assert!(reader.set_aside(NotWanted::OtherCard), "it was given in an earlier read: another may come");
    none(reader, "it is passed over");
    reader.arm();
    assert_eq!(next(reader), 4, "in this read only");
    rig.remove(0);
}

fn name(mut card: Box<dyn Card>) -> u8 {
    let answer = card.transmit(&[0, 1, 2, 3]).expect("answer");
    assert_eq!(answer.len(), 3);
    answer[0]
}

fn next(reader: &mut dyn Reader) -> u8 {
    name(reader.wait_for_card(SOON).expect("card"))
}

/// Until the stack below has noticed it.
fn wait_for(reader: &mut dyn Reader, wanted: u8, why: &str) {
    let found = std::iter::repeat_with(|| {
        // A card that lies there already is given at once.
        std::thread::park_timeout(MOMENT);
        reader.wait_for_card(MOMENT)
    });
    let found = found.take(200);
    assert!(found.filter_map(Result::ok).any(|card| name(card) == wanted), "{why}");
}

fn a_lifted_card_is_reported_and_the_next_one_found(rig: &mut dyn Rig) {
    let mut reader = rig.reader();
    let mut card = reader.wait_for_card(SOON).expect("card");
    rig.remove();
    assert_eq!(card.transmit(&[0, 1, 2, 3]), Err(ReaderError::CardLifted), "a lifted card is CardLifted");
    assert_eq!(card.transmit(&[0, 1, 2, 3]), Err(ReaderError::CardLifted), "and stays so");
    assert_eq!(card.reset(), Err(ReaderError::CardLifted), "a lifted card cannot be reset");
    drop(card);
    assert_eq!(reader.wait_for_removal(SOON), Ok(true), "the removal is seen");
    rig.insert();
    let mut card = reader.wait_for_card(SOON).expect("the next card is found by the same reader");
    assert_eq!(card.transmit(&[9, 9, 9, 9]).expect("answer"), [9, 9, 9, 9, 0x90, 0x00], "and answers");
    drop(card);
    rig.remove();
}
