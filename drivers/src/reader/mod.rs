//! Chip card readers.
//!
//! A [`Reader`] waits for a card and hands out a [`Card`]; a card takes command APDUs. Both report a card that
//! leaves as [`ReaderError::CardLifted`], whatever the stack below calls it. [`conformance`] is the suite that
//! every implementation passes.

pub mod conformance;
pub mod libnfc;
pub mod pcsc;
pub mod pn532;
pub mod simulated;

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
    /// No card came in time.
    #[error("no card on the reader")]
    NoCard,
    /// The card left the reader.
    #[error("the card was taken away")]
    CardLifted,
    /// The reader was unplugged.
    #[error("the reader was unplugged")]
    ReaderLost,
    /// Another program has the card.
    #[error("another program is using the card")]
    CardInUse,
    /// Anything else, in the words of the stack below.
    #[error("communication with the card failed: {0}")]
    Communication(String),
}

impl ReaderError {
    /// A stable identifier.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoService => "no_pcsc_service",
            Self::NoReader { .. } => "no_reader",
            Self::NoCard => "no_card",
            Self::CardLifted => "card_lifted",
            Self::ReaderLost => "reader_lost",
            Self::CardInUse => "card_in_use",
            Self::Communication(_) => "card_communication",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::NoService => "start it: systemctl start pcscd.socket (package pcscd)",
            Self::NoReader { .. } => "plug the reader in, or check its name with pcsc_scan",
            Self::NoCard => "lay the card on the reader",
            Self::CardLifted => "leave the card on the reader until the read is over, then try again",
            Self::ReaderLost => "plug the reader in again",
            Self::CardInUse => "close the other program that reads cards",
            Self::Communication(_) => "take the card off, lay it flat on the reader and try again",
        }
    }
}

/// Something that cards are laid on.
pub trait Reader: Send {
    /// What to call it in messages.
    fn name(&self) -> String;

    /// Whether it is there, asked while nobody waits for a card.
    ///
    /// # Errors
    /// When the reader cannot be used.
    fn check(&mut self) -> Result<(), ReaderError>;

    /// Waits until a card is there and powers it.
    ///
    /// # Errors
    /// [`ReaderError::NoCard`] when none came in time; others when the reader cannot be used.
    fn wait_for_card(&mut self, timeout: Duration) -> Result<Box<dyn Card>, ReaderError>;

    /// Waits until no card is there; false when one still is after `timeout`.
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
    /// [`ReaderError::CardLifted`] when the card left.
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ReaderError>;
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
