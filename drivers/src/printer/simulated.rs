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

    /// Pulls the plug, or puts it back.
    pub fn unplug(&self, unplugged: bool) {
        let mut machine = self.lock();
        machine.unplugged = unplugged;
        (machine.bytes, machine.rows, machine.width) = (Vec::new(), Vec::new(), 0);
    }

    /// Takes bytes; gives what the printer says back.
    pub fn feed(&self, bytes: &[u8]) -> Vec<u8> {
        let mut machine = self.lock();
        machine.bytes.extend_from_slice(bytes);
        while machine.step() {}
        machine.answers.drain(..).collect()
    }
}

impl Machine {
    /// One command; false when it is not whole yet.
    fn step(&mut self) -> bool {
        let used = match *self.bytes.as_slice() {
            [] | [0x10 | 0x1B | 0x1D] | [0x10, 0x04] | [0x1B, 0x4A] | [0x1D, 0x56, 0x41] | [0x1D, 0x56 | 0x76] => {
                return false;
            }
            [0x10, 0x04, which, ..] => {
                let status = match which {
                    2 => 0x12 | u8::from(self.cover_open) << 2 | u8::from(self.no_paper) << 5,
                    4 if self.no_paper => 0x72,
                    _ => 0x12,
                };
                self.answers.push_back(status);
                3
            }
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
            [0x1D, 0x76, ..] => return false,
            [0x1D, 0x56, 0x41, _, ..] => {
                let (rows, stride) = (std::mem::take(&mut self.rows), self.width);
                let height = u32::try_from(rows.len().checked_div(stride).unwrap_or(0)).unwrap_or(0);
                let width = u32::try_from(stride * 8).unwrap_or(0);
                let black = |x: u32, y: u32| rows[y as usize * stride + x as usize / 8] << (x % 8) & 0x80 != 0;
                self.receipts.push(Bitmap::from_fn(width, height, black));
                4
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
        self.0.feed(bytes);
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
}
