//! What every reader must do. An implementation brings a [`Rig`] that lays an [`EchoChip`] on its reader and takes
//! it away, and calls [`run`].

use super::{Reader, ReaderError, simulated::Chip};
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
