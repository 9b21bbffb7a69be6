//! A PN532 without hardware: the chip's side of its UART protocol, with a simulated card in its field.
//!
//! ```text
//! 00 00 FF LEN LCS | D4 command … | DCS 00        to the chip; LEN + LCS = 0, sum of data + DCS = 0
//! 00 00 FF FF FF LENM LENL LCS | … | DCS 00       the same for more than 254 bytes
//! 00 00 FF 00 FF 00                               acknowledgement, both ways
//! ```

use super::simulated::Slot;
use serialport::{SerialPort as _, TTYPort};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// The chip. What comes in on the wire is fed to it; it gives what goes out.
#[derive(Debug)]
pub struct Pn532 {
    slot: Slot,
    wire: Vec<u8>,
    /// A card is selected, of this generation of the slot.
    selected: Option<u64>,
}

const ACK: [u8; 6] = [0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00];

/// Status of an exchange that the card does not answer.
const STATUS_TIMEOUT: u8 = 0x01;

impl Pn532 {
    /// A chip with this slot as its field.
    #[must_use]
    pub const fn new(slot: Slot) -> Self {
        Self { slot, wire: Vec::new(), selected: None }
    }

    /// Takes bytes from the wire; gives the bytes that answer them.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.wire.extend_from_slice(bytes);
        let mut out = Vec::new();
        while let Some(start) = self.wire.windows(3).position(|code| code == [0x00, 0x00, 0xFF]) {
            // What stands before it wakes the chip.
            self.wire.drain(..start);
            let (header, length) = match self.wire[3..] {
                [0x00, 0xFF, ..] => {
                    // An acknowledgement: it ends whatever went on.
                    self.wire.drain(..5);
                    continue;
                }
                [0xFF, 0xFF, high, low, _, ..] => (8, usize::from(high) << 8 | usize::from(low)),
                [length, _, ..] if length != 0xFF => (5, usize::from(length)),
                _ => break,
            };
            let Some(frame) = self.wire.get(header..header + length + 1) else { break };
            let (data, sum) = (&frame[..length], frame.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)));
            let command = match data {
                [0xD4, command @ ..] if sum == 0 => command.to_vec(),
                _ => Vec::new(),
            };
            self.wire.drain(..header + length + 1);
            if let Some((&code, parameters)) = command.split_first() {
                out.extend_from_slice(&ACK);
                let answer = self.command(code, parameters);
                out.extend_from_slice(&frame_of(&[&[0xD5, code + 1], &answer[..]].concat()));
            }
        }
        out
    }

    /// Parameters of the answer to a command (PN532 user manual, chapter 7).
    fn command(&mut self, code: u8, parameters: &[u8]) -> Vec<u8> {
        match (code, parameters) {
            // Diagnose: the line test gives back what it was sent.
            (0x00, _) => parameters.to_vec(),
            (0x02, _) => vec![0x32, 0x01, 0x06, 0x07],
            (0x04, _) => vec![0; 4],
            // ReadRegister: two bytes of address, one of value.
            (0x06, _) => vec![0; parameters.len() / 2],
            // RFConfiguration: the field goes off.
            (0x32, [0x01, field, ..]) if field & 1 == 0 => {
                self.selected = None;
                Vec::new()
            }
            (0x4A, [_, 0x00, ..]) => self.list(),
            (0x4A, _) => vec![0],
            (0x40, [_, data @ ..]) => match self.exchange(data) {
                Some(answer) => [&[0], &answer[..]].concat(),
                None => vec![STATUS_TIMEOUT],
            },
            // InCommunicateThru carries libnfc's question whether the card is still there.
            (0x42, _) if self.is_there() => vec![0x00, 0xA3],
            (0x42, _) => vec![STATUS_TIMEOUT],
            (0x16 | 0x44 | 0x54, _) => vec![0],
            (0x52, _) => {
                self.selected = None;
                vec![0]
            }
            _ => Vec::new(),
        }
    }

    fn is_there(&self) -> bool {
        self.selected.is_some() && self.selected == self.slot.generation()
    }

    /// InListPassiveTarget at 106 kbit/s, type A.
    fn list(&mut self) -> Vec<u8> {
        self.selected = self.slot.generation();
        let Some(atr) = self.slot.with(|chip| {
            chip.reset();
            chip.atr()
        }) else {
            return vec![0];
        };
        // The historical bytes of the ATR are those of the ATS: TL T0 TA TB TC.
        let historical = atr.get(4..atr.len().saturating_sub(1)).unwrap_or_default();
        let mut answer = vec![0x01, 0x01, 0x03, 0x44, 0x20, 0x04, 0x08, 0x11, 0x22, 0x33];
        answer.push(u8::try_from(historical.len() + 5).unwrap_or(5));
        answer.extend_from_slice(&[0x78, 0x80, 0x70, 0x02]);
        answer.extend_from_slice(historical);
        answer
    }

    fn exchange(&mut self, data: &[u8]) -> Option<Vec<u8>> {
        if !self.is_there() {
            return None;
        }
        let answer = self.slot.with(|chip| chip.transmit(data))??;
        // Longer ones do not fit the chip's buffer.
        (answer.len() <= 262).then_some(answer)
    }
}

/// A frame to the host.
fn frame_of(data: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x00, 0x00, 0xFF];
    match u8::try_from(data.len()) {
        Ok(length) if length < 0xFF => frame.extend_from_slice(&[length, length.wrapping_neg()]),
        _ => {
            let [high, low] = u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes();
            frame.extend_from_slice(&[0xFF, 0xFF, high, low, high.wrapping_add(low).wrapping_neg()]);
        }
    }
    frame.extend_from_slice(data);
    frame.push(data.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg());
    frame.push(0x00);
    frame
}

/// A chip on a serial cable, which a pseudo-terminal plays: for libnfc it is a real one. Dropping it pulls the cable.
#[derive(Debug)]
pub struct Board {
    slot: Slot,
    path: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// How often a silent cable is looked at.
const MOMENT: Duration = Duration::from_millis(10);

impl Board {
    /// Plugs in a chip with this slot as its field; the port is a link in a directory, the same after every replugging.
    ///
    /// # Errors
    /// When there is no pseudo-terminal, or something is plugged in there already.
    pub fn plug(slot: &Slot, directory: &Path) -> std::io::Result<Self> {
        let (mut wire, near) = TTYPort::pair()?;
        wire.set_timeout(MOMENT)?;
        let path = directory.join("ttyUSB0");
        std::os::unix::fs::symlink(near.name().unwrap_or_default(), &path)?;
        let (stop, mut chip) = (Arc::new(AtomicBool::new(false)), Pn532::new(slot.clone()));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut bytes = [0; 1024];
            while !stopped.load(Ordering::Relaxed) {
                match wire.read(&mut bytes) {
                    Ok(count) => {
                        let answer = chip.feed(&bytes[..count]);
                        program::ignore(wire.write_all(&answer), "nobody may be listening any more");
                    }
                    Err(error) if error.kind() == ErrorKind::TimedOut => {}
                    // The other end is closed for now.
                    Err(_) => std::thread::park_timeout(MOMENT),
                }
            }
        });
        Ok(Self { slot: slot.clone(), path, stop, thread: Some(thread) })
    }

    /// What libnfc calls it.
    #[must_use]
    pub fn connstring(&self) -> String {
        format!("pn532_uart:{}:115200", self.path.display())
    }

    /// Its field.
    #[must_use]
    pub const fn slot(&self) -> &Slot {
        &self.slot
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        program::ignore(
            std::fs::remove_file(&self.path),
            "what stays there harms nobody, and the next one takes it away",
        );
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            program::ignore(thread.join(), "a panic there has been reported by the runtime");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_the_manual() {
        let mut chip = Pn532::new(Slot::default());
        // GetFirmwareVersion (user manual, 7.2.2), after a wake-up.
        let answer = chip.feed(&[0x55, 0x55, 0, 0, 0, 0, 0xFF, 0x02, 0xFE, 0xD4, 0x02, 0x2A, 0x00]);
        let version = [0x00, 0x00, 0xFF, 0x06, 0xFA, 0xD5, 0x03, 0x32, 0x01, 0x06, 0x07, 0xE8, 0x00];
        assert_eq!(answer, [&ACK[..], &version].concat());
        // A frame with a wrong sum is not taken; one that comes in pieces is.
        assert!(chip.feed(&[0x00, 0x00, 0xFF, 0x02, 0xFE, 0xD4, 0x02, 0x2B, 0x00]).is_empty());
        assert!(chip.feed(&[0x00, 0x00, 0xFF, 0x02, 0xFE, 0xD4]).is_empty());
        assert_eq!(chip.feed(&[0x02, 0x2A, 0x00]).len(), ACK.len() + version.len());
        assert_eq!(frame_of(&[0; 300])[3..8], [0xFF, 0xFF, 0x01, 0x2C, 0xD3]);
    }
}
