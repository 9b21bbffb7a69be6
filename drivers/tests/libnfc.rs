//! Readers through libnfc: its own driver for the PN532 on a UART, which a pseudo-terminal and an emulated chip play.

use drivers::reader::conformance::{self, EchoChip, Rig};
use drivers::reader::libnfc::LibnfcReader;
use drivers::reader::pn532::Pn532;
use drivers::reader::simulated::Slot;
use drivers::reader::{Reader, ReaderError};
use serialport::{SerialPort as _, TTYPort};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const MOMENT: Duration = Duration::from_millis(10);

/// A PN532 on a serial cable.
struct Board {
    slot: Slot,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    path: PathBuf,
}

impl Board {
    fn plug(slot: &Slot, directory: &Path) -> Self {
        let (mut wire, near) = TTYPort::pair().expect("pseudo-terminal");
        wire.set_timeout(MOMENT).expect("timeout");
        let path = directory.join("ttyUSB0");
        std::os::unix::fs::symlink(near.name().expect("name"), &path).expect("link");
        let (stop, mut chip) = (Arc::new(AtomicBool::new(false)), Pn532::new(slot.clone()));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut bytes = [0; 1024];
            while !stopped.load(Ordering::Relaxed) {
                match wire.read(&mut bytes) {
                    Ok(count) => {
                        let answer = chip.feed(&bytes[..count]);
                        // Nobody may be listening any more.
                        drop(wire.write_all(&answer));
                    }
                    Err(error) if error.kind() == ErrorKind::TimedOut => {}
                    Err(_) => std::thread::park_timeout(MOMENT),
                }
            }
        });
        Self { slot: slot.clone(), stop, thread: Some(thread), path }
    }

    fn connstring(&self) -> String {
        format!("pn532_uart:{}:115200", self.path.display())
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).expect("link");
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().expect("thread").join().expect("no panic");
    }
}

impl Rig for Board {
    fn reader(&mut self) -> Box<dyn Reader> {
        Box::new(LibnfcReader::open(&self.connstring()).expect("reader"))
    }

    fn insert(&mut self) {
        self.slot.insert(Box::new(EchoChip));
    }

    fn remove(&mut self) {
        self.slot.remove();
    }
}

#[test]
fn the_libnfc_reader_conforms() {
    let directory = tempfile::tempdir().expect("directory");
    conformance::run(&mut Board::plug(&Slot::default(), directory.path()));
}

#[test]
fn a_reader_that_is_pulled_out_is_lost_and_found_again() {
    let directory = tempfile::tempdir().expect("directory");
    let slot = Slot::default();
    let board = Board::plug(&slot, directory.path());
    let connstring = board.connstring();
    let mut reader = LibnfcReader::open(&connstring).expect("reader");
    slot.insert(Box::new(EchoChip));
    let mut card = reader.wait_for_card(MOMENT).expect("card");
    drop(board);
    assert_eq!(card.transmit(&[0, 1, 2, 3]), Err(ReaderError::ReaderLost));
    assert_eq!(card.transmit(&[0, 1, 2, 3]), Err(ReaderError::CardLifted), "the connection is gone with it");
    drop(card);
    assert!(matches!(reader.wait_for_card(MOMENT), Err(ReaderError::NoReader { .. })));
    assert!(matches!(LibnfcReader::open(&connstring), Err(ReaderError::NoReader { .. })));
    let _board = Board::plug(&slot, directory.path());
    let card = (0..200).find_map(|_| reader.wait_for_card(MOMENT).ok());
    assert_eq!(card.expect("found again").transmit(&[9]).expect("answer"), [9, 0x90, 0x00]);
}
