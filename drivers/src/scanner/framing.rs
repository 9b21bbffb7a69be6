//! Where one scan ends and the next begins, in the bytes of a scanner.
//!
//! A scan ends with CR, LF, both, ETX or TAB, whatever the module is set to; STX before it and the symbology identifier
//! of AIM (`]Q3` and relatives) are taken off. A module without a suffix ends its scans by silence ([`QUIET`]); one
//! that has shown a suffix may pause in the middle of a scan for longer.

use super::{Garbled, Letters, Scan, Scanned};
use std::time::Duration;
use zeroize::{Zeroize as _, Zeroizing};

/// Silence after which a scan without a suffix is whole.
pub const QUIET: Duration = Duration::from_millis(150);

/// How many times [`QUIET`] a scan may pause where the module has shown a suffix.
const PATIENCE: u32 = 10;

/// Bytes of the longest scan: a QR code of version 40 holds 2,953.
pub const MOST: usize = 3072;

/// Cuts a scanner's bytes into scans. What is inside is wiped when dropped.
#[derive(Default)]
pub struct Framer {
    bytes: Zeroizing<Vec<u8>>,
    /// The rest of a scan that is too long is not another scan.
    overflowing: bool,
    has_suffix: bool,
    /// Since the last byte.
    silence: Duration,
}

impl std::fmt::Debug for Framer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Framer({} bytes)", self.bytes.len())
    }
}

impl Framer {
    /// Takes what came; gives the scans that are whole by it.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Scanned> {
        // A growing buffer would leave copies behind.
        if self.bytes.capacity() < MOST {
            self.bytes.reserve_exact(MOST);
        }
        let mut whole = Vec::new();
        self.silence = Duration::ZERO;
        for &byte in bytes {
            match byte {
                b'\r' | b'\n' | b'\t' | 0x03 => {
                    let scan = self.end();
                    self.has_suffix |= matches!(scan, Some(Scanned::Text(_)));
                    whole.extend(scan);
                }
                0x02 => {}
                _ if self.bytes.len() == MOST => self.overflowing = true,
                _ => self.bytes.push(byte),
            }
        }
        whole
    }

    /// Nothing came for this long, in addition to what was told before.
    pub fn silence(&mut self, duration: Duration) -> Option<Scanned> {
        if self.bytes.is_empty() {
            return None;
        }
        self.silence += duration;
        let patience = if self.has_suffix { QUIET * PATIENCE } else { QUIET };
        if self.silence < patience { None } else { self.end() }
    }

    /// Whether bytes of a scan are here that is not whole yet.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// Forgets what came of a scan that is over for another reason than its own bytes; `has_suffix` where that was one.
    pub(super) fn end_with(&mut self, has_suffix: bool) {
        self.has_suffix |= has_suffix;
        self.clear();
    }

    fn clear(&mut self) {
        self.bytes.zeroize();
        self.overflowing = false;
        self.silence = Duration::ZERO;
    }

    /// Forgets what came: the device was changed or set anew.
    pub fn reset(&mut self) {
        self.clear();
        self.has_suffix = false;
    }

    fn end(&mut self) -> Option<Scanned> {
        let overflowing = std::mem::take(&mut self.overflowing);
        let scanned = if overflowing { Some(Scanned::Garbled(Garbled::TooLong)) } else { text(&self.bytes) };
        self.bytes.zeroize();
        self.silence = Duration::ZERO;
        scanned
    }
}

fn text(bytes: &[u8]) -> Option<Scanned> {
    // The symbology identifier: ], a letter, a digit.
    let bytes = match bytes {
        [b']', code, modifier, rest @ ..] if code.is_ascii_alphabetic() && modifier.is_ascii_digit() => rest,
        _ => bytes,
    };
    if bytes.is_empty() {
        return None;
    }
    let garbled = match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => {
            return Some(Scanned::Text(Scan { text: Zeroizing::new(text.to_owned()), letters: Letters::All }));
        }
        _ => {
            let letters = bytes.iter().filter(|byte| byte.is_ascii_graphic() || **byte == b' ').count();
            if letters * 3 < bytes.len() * 2 { Garbled::Rate } else { Garbled::Encoding }
        }
    };
    Some(Scanned::Garbled(garbled))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(scans: impl IntoIterator<Item = Scanned>) -> Vec<String> {
        scans
            .into_iter()
            .map(|scan| match scan {
                Scanned::Text(scan) => scan.text.to_string(),
                Scanned::Garbled(garbled) => garbled.code().to_owned(),
            })
            .collect()
    }

    #[test]
    fn every_suffix_ends_a_scan_and_prefixes_go() {
        let mut framer = Framer::default();
        assert_eq!(texts(framer.feed(b"a\rb\nc\r\n\x02d\x03e\t]Q3f\r")), ["a", "b", "c", "d", "e", "f"]);
        assert!(!framer.is_waiting());
    }

    #[test]
    fn silence_ends_a_scan_only_where_there_is_no_suffix() {
        let mut framer = Framer::default();
        assert!(framer.feed("Nguyễn".as_bytes()).is_empty());
        assert_eq!(framer.silence(QUIET / 2), None);
        assert_eq!(texts(framer.silence(QUIET / 2)), ["Nguyễn"]);
        assert_eq!(texts(framer.feed(b"one\rtw")), ["one"]);
        assert_eq!(framer.silence(QUIET), None);
        assert_eq!(texts(framer.feed(b"o\r")), ["two"]);
        // A cable that was pulled in the middle must not glue its scan to the next one.
        framer.feed(b"thre");
        let later: Vec<_> = (0..PATIENCE).filter_map(|_| framer.silence(QUIET)).collect();
        assert_eq!(texts(later), ["thre"]);
    }

    #[test]
    fn what_is_no_text_says_why() {
        let mut framer = Framer::default();
        assert_eq!(texts(framer.feed(b"TR\xC2N TH\xCD\r")), ["scan_encoding"]);
        assert_eq!(texts(framer.feed(&[0xF8, 0x80, 0x00, 0xE6, 0x1E, b'\r'])), ["scan_bit_rate"]);
        assert_eq!(texts(framer.feed(&[vec![b'7'; MOST + 1], b"\r079\r".to_vec()].concat())), ["scan_too_long", "079"]);
    }
}
