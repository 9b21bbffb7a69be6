//! QR scanners.
//!
//! A [`Scanner`] waits for a code and hands out its text. It may be absent when the device starts and may be unplugged
//! at any time: as long as it is away, every wait says so, and the first one after its return works again.
//! [`conformance`] is the suite that every implementation passes.

#[cfg(feature = "camera")]
pub mod camera;
pub mod conformance;
mod framing;
pub mod layouts;
pub mod serial;
pub mod simulated;
pub mod wedge;

pub use framing::{Framer, MOST, QUIET};

use crate::device::DeviceError;
use std::collections::VecDeque;
use std::time::Duration;
use zeroize::Zeroizing;

/// The text of a code: personal data, wiped when dropped, in no `Debug` output.
#[derive(Clone, PartialEq, Eq)]
pub struct Scan {
    /// The text, without the scanner's own prefixes and suffixes.
    pub text: Zeroizing<String>,
    /// How many of its letters have come through.
    pub letters: Letters,
}

/// How much of a code's text has come through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Letters {
    /// All of it.
    All,
    /// It was typed, and is ASCII: a keyboard has keys for nothing else, so letters with signs may have been left out. A
    /// code whose form has only ASCII is whole.
    Ascii,
    /// Some are missing.
    Lost,
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scan({} bytes, {:?})", self.text.len(), self.letters)
    }
}

/// What came from a scanner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scanned {
    /// The text of a code.
    Text(Scan),
    /// Something came that is no text.
    Garbled(Garbled),
}

/// Why what came is no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Garbled {
    /// Hardly a letter in it: scanner and port have different bit rates.
    Rate,
    /// Text, but not in UTF-8.
    Encoding,
    /// Longer than any QR code.
    TooLong,
    /// Typed with a key that has no letter: the scanner is set to another country's keyboard.
    Layout,
}

impl Garbled {
    /// A stable identifier.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Rate => "scan_bit_rate",
            Self::Encoding => "scan_encoding",
            Self::TooLong => "scan_too_long",
            Self::Layout => "scan_layout",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Rate => "scan again: the next bit rate is tried; or set the scanner's rate in agent.toml",
            Self::Encoding => "set the scanner's output to UTF-8, by the setting codes in its manual",
            Self::TooLong => "scan one code at a time",
            Self::Layout => {
                "scan a citizen card's code: most keyboards are learnt from it; else set the scanner by the steps of cccd-agent scanner-code"
            }
        }
    }
}

/// Something that reads codes.
pub trait Scanner: Send {
    /// What to call it in messages.
    fn name(&self) -> String;

    /// Waits for a code; `None` when none came in time.
    ///
    /// # Errors
    /// As long as the device cannot be used. The call returns after `timeout` at the latest, and tries to open the
    /// device again each time.
    fn wait_for_scan(&mut self, timeout: Duration) -> Result<Option<Scanned>, DeviceError>;

    /// The layout of the keyboard that it plays, as far as it is known; nothing for one that plays none.
    fn layout(&self) -> Option<&'static str> {
        None
    }
}

/// Something that fills a queue of scans a little at a time.
trait Trickle {
    /// Scans that are whole.
    fn ready(&mut self) -> &mut VecDeque<Scanned>;

    /// Takes what comes within this time; gives how much of it is used up.
    fn read(&mut self, timeout: Duration) -> Result<Duration, DeviceError>;

    /// [`Scanner::wait_for_scan`] over both.
    fn wait(&mut self, timeout: Duration) -> Result<Option<Scanned>, DeviceError> {
        let mut left = timeout;
        loop {
            if let Some(scanned) = self.ready().pop_front() {
                return Ok(Some(scanned));
            }
            if left.is_zero() {
                return Ok(None);
            }
            left -= self.read(left.min(QUIET))?;
        }
    }
}
