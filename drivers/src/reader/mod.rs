//! Chip card readers.
//!
//! A [`Reader`] waits for a card and hands out a [`Card`]; a card takes command APDUs. Both report a card that
//! leaves as [`ReaderError::CardLifted`], whatever the stack below calls it. [`conformance`] is the suite that
//! every implementation passes.

pub mod conformance;
#[cfg(feature = "libnfc")]
pub mod libnfc;
pub mod pcsc;
pub mod pn532;
pub mod quirks;
pub mod simulated;
pub mod slots;

use crate::device::DeviceError;
use program::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use thiserror::Error;

/// Why a reader or a card cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReaderError {
    /// The PC/SC service is not running.
    #[error("the PC/SC service (pcscd) is not running")]
    NoService,
    /// No reader of that name is attached.
    #[error("no reader {wanted}; attached: {attached}")]
    NoReader {
        /// What was asked for.
        wanted: String,
        /// Names of the readers that are there, or "none".
        attached: String,
    },
    /// It is there, and this user may not open it.
    #[error(transparent)]
    Denied(DeviceError),
    /// No card came in time.
    #[error("no card on the reader")]
    NoCard,
    /// The card left the reader.
    #[error("the card was taken away")]
    CardLifted,
    /// The reader was unplugged.
    #[error("the reader was unplugged")]
    ReaderLost,
    /// Another program has the card, and did not let go of it in time.
    #[error("another program is using the card")]
    CardInUse,
    /// The reader does not answer any more.
    #[error("the reader has stopped answering")]
    Hung,
    /// Anything else, in the words of the stack below.
    #[error("communication with the card failed: {0}")]
    Communication(String),
}

program::coded!(ReaderError, status);

impl ReaderError {
    const fn status(&self) -> u8 {
        match self {
            Self::NoService | Self::NoReader { .. } | Self::Denied(_) | Self::ReaderLost | Self::Hung => {
                exit::NO_READER
            }
            _ => exit::NOT_READ,
        }
    }

    /// A stable identifier.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoService => "no_pcsc_service",
            Self::NoReader { .. } => "no_reader",
            Self::Denied(error) => error.code(),
            Self::NoCard => "no_card",
            Self::CardLifted => "card_lifted",
            Self::ReaderLost => "reader_lost",
            Self::CardInUse => "card_in_use",
            Self::Hung => "reader_hung",
            Self::Communication(_) => "card_communication",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::NoService => "start it: systemctl start pcscd.socket (package pcscd)",
            Self::NoReader { .. } => "plug the reader in, or correct its name: cccd-agent devices lists the names",
            Self::Denied(error) => error.remedy(),
            Self::NoCard => "lay the card on the reader",
            Self::CardLifted => "leave the card on the reader until the read is over, then try again",
            Self::ReaderLost => "plug the reader in again",
            Self::CardInUse => "close the other program that reads cards: often a browser or mail program with a token",
            Self::Hung => {
                "unplug the reader and plug it in again; if it happens again, use another port or cable, or newer firmware"
            }
            Self::Communication(_) => "take the card off, lay it flat on the reader and try again",
        }
    }
}

/// Why a card is not the one that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotWanted {
    /// It does not know the application: a token, a SAM, a bank card.
    OtherKind,
    /// It does not open with this key: it may be somebody else's.
    OtherCard,
}

/// Something that cards are laid on. It may have several slots, which are watched together ([`slots`]).
pub trait Reader: Send {
    /// What to call it in messages.
    fn name(&self) -> String;

    /// Whether it is there, asked while nobody waits for a card.
    ///
    /// # Errors
    /// When the reader cannot be used.
    fn check(&mut self) -> Result<(), ReaderError>;

    /// A read begins: what lies there now lay there before. Of several cards the newest is given first.
    fn arm(&mut self) {}

    /// Waits until a card is there and powers it. A card that another program has is waited for, too.
    ///
    /// # Errors
    /// [`ReaderError::NoCard`] when none came in time, [`ReaderError::CardInUse`] when it was not let go of in time; others
    /// when the reader cannot be used.
    fn wait_for_card(&mut self, timeout: Duration) -> Result<Box<dyn Card>, ReaderError>;

    /// The card that was given last is not the wanted one. True where it is worth while to wait for another card: it lay
    /// there before, and there are other slots. A card of another kind is not given again until it has left its slot.
    fn set_aside(&mut self, _why: NotWanted) -> bool {
        false
    }

    /// Waits until the card that was given last is gone; false when it still lies there after `timeout`.
    ///
    /// # Errors
    /// When the reader cannot be used.
    fn wait_for_removal(&mut self, timeout: Duration) -> Result<bool, ReaderError>;
}

/// A powered card. Dropping it resets the card.
pub trait Card: Send {
    /// Answer to reset.
    fn atr(&self) -> &[u8];

    /// The most response bytes that one APDU can carry, as far as reader and card say: 256, or up to 65,536.
    fn max_response(&self) -> u32;

    /// Resets the card: whatever was selected or opened is forgotten.
    ///
    /// # Errors
    /// [`ReaderError::CardLifted`] when the card left.
    fn reset(&mut self) -> Result<(), ReaderError>;

    /// Sends a command APDU and returns data and status bytes.
    ///
    /// # Errors
    /// [`ReaderError::CardLifted`] when the card left, [`ReaderError::Hung`] when nothing answers.
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ReaderError>;
}

/// Counts exchanges that failed one after the other, whatever card lay there.
#[derive(Debug, Clone, Default)]
struct Failures(Arc<AtomicU32>);

impl Failures {
    /// So many in a row are the reader's fault: it is powered anew.
    const MOST: u32 = 3;

    fn count<T>(&self, result: &Result<T, ReaderError>) {
        match result {
            Ok(_) => self.0.store(0, Ordering::Relaxed),
            Err(ReaderError::Communication(_)) => {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => {}
        }
    }

    /// Whether there were so many; it counts from nought then.
    fn are_too_many(&self) -> bool {
        let too_many = self.0.load(Ordering::Relaxed) >= Self::MOST;
        if too_many {
            self.0.store(0, Ordering::Relaxed);
        }
        too_many
    }
}

/// Whether the card capabilities in the historical bytes allow extended length fields (ISO/IEC 7816-4 §12.1.1.9).
/// `None` when the ATR does not say.
#[must_use]
pub fn announces_extended_length(atr: &[u8]) -> Option<bool> {
    let (_, rest) = atr.split_first()?;
    let (&format, mut rest) = rest.split_first()?;
    let historical = usize::from(format & 0x0F);
    let mut interface = format >> 4;
    while interface != 0 {
        let skip = (interface & 0x7).count_ones() as usize;
        let more = interface & 0x8 != 0;
        rest = rest.get(skip..)?;
        interface = 0;
        if more {
            let (&next, after) = rest.split_first()?;
            interface = next >> 4;
            rest = after;
        }
    }
    let historical = rest.get(..historical)?;
    // Category 80 or 00: compact TLV objects follow; 73 holds three bytes of card capabilities.
    let mut objects = match historical.split_first()? {
        (0x80, objects) => objects,
        (0x00, objects) => objects.get(..objects.len().checked_sub(3)?)?,
        _ => return None,
    };
    while let Some((&head, after)) = objects.split_first() {
        let length = usize::from(head & 0x0F);
        let value = after.get(..length)?;
        if head >> 4 == 7 {
            return value.get(2).map(|third| third & 0x40 != 0);
        }
        objects = &after[length..];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_capabilities_in_the_atr() {
        let with = [0x3B, 0x85, 0x80, 0x01, 0x80, 0x73, 0x00, 0x21, 0xC0, 0x16];
        assert_eq!(announces_extended_length(&with), Some(true));
        let without = [0x3B, 0x85, 0x80, 0x01, 0x80, 0x73, 0x00, 0x21, 0x80, 0x56];
        assert_eq!(announces_extended_length(&without), Some(false));
        assert_eq!(announces_extended_length(&[0x3B, 0x80, 0x80, 0x01, 0x01]), None);
        assert_eq!(announces_extended_length(&[]), None);
        assert_eq!(announces_extended_length(&[0x3B, 0xFF, 0xFF]), None);
    }
}
