//! Readers through libnfc: its own driver for the PN532 on a UART, which a pseudo-terminal and an emulated chip play.

use drivers::reader::conformance::{self, EchoChip, Rig};
use drivers::reader::libnfc::LibnfcReader;
use drivers::reader::pn532::Board;
use drivers::reader::simulated::Slot;
use drivers::reader::{Reader, ReaderError};
use std::time::Duration;

const MOMENT: Duration = Duration::from_millis(10);

struct Cable(Board);

impl Rig for Cable {
    fn reader(&mut self) -> Box<dyn Reader> {
        Box::new(LibnfcReader::open(&self.0.connstring()).expect("reader"))
    }

    fn insert(&mut self) {
        self.0.slot().insert(Box::new(EchoChip));
    }

    fn remove(&mut self) {
        self.0.slot().remove();
    }
}

#[test]
fn the_libnfc_reader_conforms() {
    let directory = tempfile::tempdir().expect("directory");
    conformance::run(&mut Cable(Board::plug(&Slot::default(), directory.path()).expect("board")));
}

#[test]
fn a_reader_that_is_pulled_out_is_lost_and_found_again() {
    let directory = tempfile::tempdir().expect("directory");
    let slot = Slot::default();
    let board = Board::plug(&slot, directory.path()).expect("board");
    let connstring = board.connstring();
    let mut reader = LibnfcReader::open(&connstring).expect("reader");
    slot.insert(Box::new(EchoChip));
    let mut card = reader.wait_for_card(MOMENT).expect("card");
    drop(board);
    assert_eq!(card.transmit(&[0, 1, 2, 3]), Err(ReaderError::ReaderLost));
    assert_eq!(card.transmit(&[0, 1, 2, 3]), Err(ReaderError::CardLifted), "the connection is gone with it");
    drop(card);
    assert!(matches!(reader.wait_for_card(MOMENT), Err(ReaderError::NoReader { .. })));
    assert!(matches!(reader.check(), Err(ReaderError::NoReader { .. })));
    assert!(matches!(LibnfcReader::open(&connstring), Err(ReaderError::NoReader { .. })));
    let _board = Board::plug(&slot, directory.path()).expect("board");
    let card = (0..200).find_map(|_| reader.wait_for_card(MOMENT).ok());
    assert_eq!(card.expect("found again").transmit(&[9]).expect("answer"), [9, 0x90, 0x00]);
}
