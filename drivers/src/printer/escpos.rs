//! ESC/POS, the command set of nearly every receipt printer.
//!
//! ```text
//! DLE EOT 2 / 4   10 04 n            status in real time: cover and paper
//! DLE ENQ 2       10 05 02           out of an error; what was received and not printed is forgotten
//! ESC @           1B 40              everything as after switching on
//! GS v 0          1D 76 30 0 xL xH yL yH …   a picture, x bytes wide, y dots high
//! ESC J           1B 4A n            feed
//! GS V 65         1D 56 41 n         feed to the cutter and cut
//! ```
//!
//! A cable that fails in the middle of a picture leaves half a command in the printer, which takes whatever comes next for
//! the rest of it, `ESC @` included. Before the next picture it is told to forget that (`DLE ENQ 2`, which printers heed even
//! there), and for those that do not know how, the half command is ended: by as many zeros as the longest lacks. They are
//! white dots inside a picture, and nothing outside.

use super::transport::Transport;
use super::{Bitmap, Printer, check_width};
use crate::device::DeviceError;
use std::time::Duration;

/// Rows a command: small printers have a buffer of 4 KiB.
const BAND: usize = 48;

/// Feed to the cutter and cut.
const CUT: [u8; 4] = [0x1D, 0x56, 0x41, 0];

/// How long a printer may take to say how it is. One that has no way back says nothing at all.
const STATUS: Duration = Duration::from_millis(500);

/// A printer that speaks ESC/POS.
#[derive(Debug)]
pub struct EscPos<T> {
    transport: T,
    width: u32,
    left: Left,
}

/// What may be left in the printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    /// Whoever printed before this program began may have left half a command.
    Unknown,
    /// Half a picture of ours.
    Half,
}

impl<T: Transport> EscPos<T> {
    /// Over a transport, with paper of this width in dots.
    pub const fn new(transport: T, width: u32) -> Self {
        Self { transport, width, left: Left::Unknown }
    }

    /// What goes before a picture, so that it begins clean. Half a picture is cut off: the next one has paper of its own.
    fn beginning(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.left != Left::Nothing {
            bytes.extend_from_slice(&[0x10, 0x05, 0x02]);
            // A whole band, and a header that lacks its last byte.
            bytes.resize(bytes.len() + self.width.div_ceil(8) as usize * BAND + 8, 0);
        }
        bytes.extend_from_slice(&[0x1B, 0x40]);
        if self.left == Left::Half {
            bytes.extend_from_slice(&CUT);
        }
        bytes
    }

    /// Asks for one status byte. Bits 1 and 4 are always set, 0 and 7 never: anything else is no answer.
    fn status(&mut self, which: u8) -> Result<Option<u8>, DeviceError> {
        let answer = self.transport.ask(&[0x10, 0x04, which], STATUS)?;
        Ok(answer.filter(|byte| byte & 0x93 == 0x12))
    }
}

impl<T: Transport> Printer for EscPos<T> {
    fn name(&self) -> String {
        self.transport.name()
    }

    fn width(&self) -> u32 {
        self.width
    }

    fn print(&mut self, picture: &Bitmap) -> Result<(), DeviceError> {
        check_width(self, picture)?;
        self.check()?;
        let stride = picture.stride() as usize;
        let beginning = self.beginning();
        let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(beginning.len() + picture.rows.len() + 1024));
        bytes.extend_from_slice(&beginning);
        for band in picture.rows.chunks(stride * BAND) {
            let [low, high] = u16::try_from(stride).unwrap_or(u16::MAX).to_le_bytes();
            let rows = u8::try_from(band.len() / stride).unwrap_or(u8::MAX);
            bytes.extend_from_slice(&[0x1D, 0x76, 0x30, 0, low, high, rows, 0]);
            bytes.extend_from_slice(band);
        }
        bytes.extend_from_slice(&CUT);
        self.left = Left::Half;
        self.transport.write(&bytes)?;
        self.left = Left::Nothing;
        Ok(())
    }

    fn check(&mut self) -> Result<(), DeviceError> {
        let paper = |device: String, why| Err(DeviceError::Paper { device, why });
        match self.status(2)? {
            Some(cause) if cause & 0x04 != 0 => paper(self.name(), "its cover is open"),
            Some(cause) if cause & 0x20 != 0 => paper(self.name(), "there is no paper"),
            // A printer that answered once answers again.
            Some(_) => match self.status(4)? {
                Some(sensor) if sensor & 0x60 != 0 => paper(self.name(), "there is no paper"),
                _ => Ok(()),
            },
            None => Ok(()),
        }
    }
}
