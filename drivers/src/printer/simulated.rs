//! A printer without hardware: it understands the ESC/POS that it is sent and keeps what came out.

use super::Bitmap;
use super::transport::Transport;
use crate::device::DeviceError;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What lies in the tray, and the flap over the roll. Clones are handles on the same printer.
#[derive(Debug, Clone, Default)]
pub struct Tray(Arc<Mutex<Machine>>);

/// The printer's side of ESC/POS.
#[derive(Debug, Default)]
struct Machine {
    bytes: Vec<u8>,
    /// Of the receipt at hand: width in bytes and rows.
    width: usize,
    rows: Vec<u8>,
    receipts: Vec<Bitmap>,
    answers: VecDeque<u8>,
    no_paper: bool,
    cover_open: bool,
    unplugged: bool,
    unknown: usize,
    /// Bytes that are still taken before the paper ends.
    left: Option<usize>,
    /// It does not know the commands of real time inside another command.
    deaf: bool,
}

impl Tray {
    fn lock(&self) -> MutexGuard<'_, Machine> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was printed and cut off.
    #[must_use]
    pub fn receipts(&self) -> Vec<Bitmap> {
        self.lock().receipts.clone()
    }

    /// Bytes that are no command of this printer.
    #[must_use]
    pub fn unknown(&self) -> usize {
        self.lock().unknown
    }

    /// Takes the roll out, or puts one in.
    pub fn take_paper(&self, out: bool) {
        self.lock().no_paper = out;
    }

    /// Opens the cover, or closes it.
    pub fn open_cover(&self, open: bool) {
        self.lock().cover_open = open;
    }

    /// The paper ends when so many more bytes were taken: the cable fails then, and half a command stays.
    pub fn end_paper_after(&self, bytes: usize) {
        self.lock().left = Some(bytes);
    }

    /// Makes it a printer that takes commands of real time inside a picture for dots.
    pub fn be_deaf(&self) {
        self.lock().deaf = true;
    }

    /// Pulls the plug, or puts it back.
    pub fn unplug(&self, unplugged: bool) {
        let mut machine = self.lock();
        machine.unplugged = unplugged;
        (machine.bytes, machine.rows, machine.width) = (Vec::new(), Vec::new(), 0);
    }

    /// Takes bytes; gives what the printer says back.
    pub fn feed(&self, bytes: &[u8]) -> Vec<u8> {
        let mut machine = self.lock();
        machine.take(bytes);
        machine.answers.drain(..).collect()
    }
}

impl Machine {
    fn take(&mut self, bytes: &[u8]) {
        // What is sent in real time is heeded as it comes in, whatever it stands in.
        let bytes = match *bytes {
            [0x10, 0x04, which] if !self.deaf => {
                self.answer(which);
                return;
            }
            [0x10, 0x05, 0x02, ref rest @ ..] if !self.deaf => {
                self.bytes.clear();
                rest
            }
            _ => bytes,
        };
        self.bytes.extend_from_slice(bytes);
        while self.step() {}
    }

    fn answer(&mut self, which: u8) {
        self.answers.push_back(match which {
            2 => 0x12 | u8::from(self.cover_open) << 2 | u8::from(self.no_paper) << 5,
            4 if self.no_paper => 0x72,
            _ => 0x12,
        });
    }

    /// One command; false when it is not whole yet.
    fn step(&mut self) -> bool {
        let used = match *self.bytes.as_slice() {
            []
            | [0x10 | 0x1B | 0x1D]
            | [0x10, 0x04 | 0x05]
            | [0x1B, 0x4A]
            | [0x1D, 0x56, 0x41]
            | [0x1D, 0x56 | 0x76] => {
                return false;
            }
            [0x10, 0x04, which, ..] => {
                self.answer(which);
                3
            }
            [0x10, 0x05, _, ..] => 3,
            // Outside a command it is nothing.
            [0x00, ..] => 1,
            [0x1B, 0x40, ..] => 2,
            [0x1B, 0x4A, _, ..] => 3,
            [0x1D, 0x76, 0x30, _, xl, xh, yl, yh, ref rest @ ..] => {
                let (width, height) = (u16::from_le_bytes([xl, xh]).into(), u16::from_le_bytes([yl, yh]));
                let size = width * usize::from(height);
                let Some(band) = rest.get(..size) else { return false };
                self.width = width;
                self.rows.extend_from_slice(band);
                8 + size
            }
            [0x1D, 0x76, 0x30, ..] => return false,
            [0x1D, 0x56, 0x41, _, ..] | [0x1D, 0x56, 0x00, ..] => {
                let (rows, stride) = (std::mem::take(&mut self.rows), self.width);
                let height = u32::try_from(rows.len().checked_div(stride).unwrap_or(0)).unwrap_or(0);
                let width = u32::try_from(stride * 8).unwrap_or(0);
                let black = |x: u32, y: u32| rows[y as usize * stride + x as usize / 8] << (x % 8) & 0x80 != 0;
                self.receipts.push(Bitmap::from_fn(width, height, black));
                if self.bytes[2] == 0 { 3 } else { 4 }
            }
            _ => {
                self.unknown += 1;
                1
            }
        };
        self.bytes.drain(..used);
        true
    }
}

/// A cable to a [`Tray`].
#[derive(Debug, Clone)]
pub struct SimulatedTransport(pub Tray);

impl SimulatedTransport {
    fn absent(&self) -> Result<(), DeviceError> {
        if self.0.lock().unplugged {
            return Err(DeviceError::Absent { device: self.name(), why: "unplugged".to_owned() });
        }
        Ok(())
    }
}

impl Transport for SimulatedTransport {
    fn name(&self) -> String {
        "simulated printer".to_owned()
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), DeviceError> {
        self.absent()?;
        let mut machine = self.0.lock();
        // Without paper it takes nothing.
        let most = if machine.no_paper { 0 } else { bytes.len() };
        let taken = machine.left.map_or(most, |left| left.min(most));
        machine.take(&bytes[..taken]);
        if let Some(left) = &mut machine.left {
            *left -= taken;
        }
        if taken < bytes.len() {
            (machine.left, machine.no_paper) = (None, true);
            let why = "the printer takes no more".to_owned();
            return Err(DeviceError::Failed { device: self.name(), why });
        }
        Ok(())
    }

    fn ask(&mut self, question: &[u8], _: Duration) -> Result<Option<u8>, DeviceError> {
        self.absent()?;
        Ok(self.0.feed(question).first().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printer::Printer;
    use crate::printer::conformance::{self, Rig};
    use crate::printer::escpos::EscPos;

    struct SimulatedRig(Tray);

    impl Rig for SimulatedRig {
        fn printer(&mut self) -> Box<dyn Printer> {
            Box::new(EscPos::new(SimulatedTransport(self.0.clone()), 384))
        }

        fn tray(&mut self) -> Tray {
            self.0.clone()
        }

        fn unplug(&mut self) {
            self.0.unplug(true);
        }

        fn plug(&mut self) {
            self.0.unplug(false);
        }
    }

    #[test]
    fn the_simulated_printer_conforms() {
        conformance::run(&mut SimulatedRig(Tray::default()));
    }

    #[test]
    fn printer_paper_ends() {
        let picture = Bitmap::from_fn(384, 400, |x, y| (x * 7 + y * 13) % 11 < 4);
        for deaf in [false, true] {
            // Wherever the paper ends: in the middle of dots, of a header, of the cut.
            for bytes in [0, 1, 3, 5000, 48 * 48 + 5, 48 * 48 + 12, 400 * 48 + 70, 400 * 48 + 76] {
                let tray = Tray::default();
                if deaf {
                    tray.be_deaf();
                }
                let mut printer = EscPos::new(SimulatedTransport(tray.clone()), 384);
                assert_eq!(printer.print(&picture), Ok(()));
                tray.end_paper_after(bytes);
                assert!(matches!(printer.print(&picture), Err(DeviceError::Failed { .. })), "{bytes}");
                // One that takes the question for dots gives no answer, and takes nothing.
                let error = printer.print(&picture).expect_err("there is no paper");
                assert!(matches!(error, DeviceError::Paper { .. } | DeviceError::Failed { .. }), "{error:?}");
                tray.take_paper(false);
                assert_eq!(printer.check(), Ok(()));
                assert_eq!(printer.print(&picture), Ok(()));
                assert_eq!(printer.print(&picture), Ok(()));
                let receipts = tray.receipts();
                let [first, half @ .., last, after] = &receipts[..] else { panic!("{receipts:?}") };
                assert_eq!([first, last, after], [&picture; 3], "{bytes}: what comes out is the picture");
                assert!(!half.is_empty(), "{bytes}: the half has paper of its own");
                assert!(bytes != 5000 || tray.unknown() == 0, "dots that are not there are no commands");
            }
        }
    }

    #[test]
    fn what_another_program_left_is_ended_too() {
        let tray = Tray::default();
        tray.be_deaf();
        // Half a band of the same width, from a program that was killed.
        tray.feed(&[0x1D, 0x76, 0x30, 0, 48, 0, 48, 0, 0xFF, 0xFF]);
        let mut printer = EscPos::new(SimulatedTransport(tray.clone()), 384);
        let picture = Bitmap::from_fn(384, 30, |x, y| x % 30 == y);
        assert_eq!(printer.print(&picture), Ok(()));
        let receipts = tray.receipts();
        assert_eq!((receipts.len(), tray.unknown()), (1, 0));
        assert_eq!(receipts[0].height(), 48 + 30, "the rest of that picture is white, and ours is whole");
        assert!((0..30).all(|y| (0..384).all(|x| receipts[0].is_black(x, 48 + y) == picture.is_black(x, y))));
    }
}
