//! A document through a phone: QR codes that hold a part each, in any order.
//!
//! A part is the text `CCCD1/KIND/N/OF/SUM/` and up to [`PART`] bytes of the document in base64url. `SUM` is the first
//! eight hexadecimal digits of the document's SHA-256: parts of two documents do not mix.

use crate::FleetError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::BTreeMap;

/// Bytes in one part: a QR code of version 20 with error correction M.
pub const PART: usize = 480;
/// The most parts.
pub const MOST: usize = 64;
const PREFIX: &str = "CCCD1";

fn sum(document: &[u8]) -> String {
    events::hash(document).to_string()[..8].to_owned()
}

/// The parts of a document. `kind` is `request`, `answer` or `bundle`.
#[must_use]
pub fn split(kind: &str, document: &[u8]) -> Vec<String> {
    let (parts, sum) = (document.chunks(PART), sum(document));
    let of = parts.len();
    parts
        .enumerate()
        .map(|(n, part)| format!("{PREFIX}/{kind}/{}/{of}/{sum}/{}", n + 1, URL_SAFE_NO_PAD.encode(part)))
        .collect()
}

/// Whether a scan looks like a part of a document of this kind.
#[must_use]
pub fn is_part(kind: &str, scan: &str) -> bool {
    scan.strip_prefix(PREFIX)
        .and_then(|rest| rest.strip_prefix('/')?.strip_prefix(kind))
        .is_some_and(|rest| rest.starts_with('/'))
}

/// Collects scanned parts until the document is whole.
#[derive(Debug, Default)]
pub struct Collector {
    sum: String,
    of: usize,
    parts: BTreeMap<usize, Vec<u8>>,
}

impl Collector {
    /// Takes a scan; the document when it is whole. A part of another document begins anew.
    ///
    /// # Errors
    /// When it is no part of a document of this kind, or the parts do not belong together.
    pub fn take(&mut self, kind: &str, scan: &str) -> Result<Option<Vec<u8>>, FleetError> {
        let malformed = || FleetError::Malformed("part of a relayed document");
        let fields: Vec<&str> = scan.trim().split('/').collect();
        let [PREFIX, k, number, of, sum, content] = fields[..] else { return Err(malformed()) };
        let (number, of): (usize, usize) =
            (number.parse().map_err(|_| malformed())?, of.parse().map_err(|_| malformed())?);
        if k != kind || number == 0 || number > of || of > MOST {
            return Err(malformed());
        }
        let content = URL_SAFE_NO_PAD.decode(content).map_err(|_| malformed())?;
        if self.sum != sum || self.of != of {
            *self = Self { sum: sum.to_owned(), of, parts: BTreeMap::new() };
        }
        self.parts.insert(number, content);
        if self.parts.len() < of {
            return Ok(None);
        }
        let document: Vec<u8> = self.parts.values().flatten().copied().collect();
        let whole = self::sum(&document) == self.sum;
        *self = Self::default();
        if whole { Ok(Some(document)) } else { Err(FleetError::Parts("the sum is another")) }
    }

    /// How many parts there are, and of how many.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        (self.parts.len(), self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parts_in_any_order_make_the_document(document in proptest::collection::vec(any::<u8>(), 1..3000), turn in 0_usize..8) {
            let mut parts = split("answer", &document);
            let by = turn % parts.len();
            parts.rotate_left(by);
            let mut collector = Collector::default();
            let mut whole = None;
            for part in &parts {
                prop_assert!(whole.is_none());
                whole = collector.take("answer", part).expect("a part");
            }
            prop_assert_eq!(whole, Some(document));
        }

        #[test]
        fn nothing_scanned_panics(scan in ".{0,200}") {
            drop(Collector::default().take("answer", &scan));
        }
    }

    #[test]
    fn what_is_no_part_of_the_document_is_refused() {
        let part = |number: usize, of: usize| format!("CCCD1/answer/{number}/{of}/00000000/AA");
        assert!(Collector::default().take("answer", &part(1, MOST)).is_ok());
        for (scan, why) in [
            (part(1, MOST + 1), "more than there may be"),
            (part(0, 2), "before the first"),
            (part(3, 2), "behind the last"),
            (part(1, 2).replace("CCCD1", "CCCD2"), "another format"),
            (part(1, 2).replace("AA", "A*"), "no base64url"),
            (part(1, 2).replace("/answer/", "/request/"), "another kind"),
        ] {
            assert_eq!(Collector::default().take("answer", &scan).expect_err(why).code(), "fleet_malformed", "{why}");
        }
    }

    #[test]
    fn parts_whose_sum_is_another_make_no_document() {
        let parts = split("answer", &[1; 900]);
        let changed = split("answer", &[2; 900])[1].replace(&sum(&[2; 900]), &sum(&[1; 900]));
        let mut collector = Collector::default();
        assert!(collector.take("answer", &parts[0]).expect("part").is_none());
        assert_eq!(collector.take("answer", &changed).expect_err("another").code(), "relay_parts");
        assert_eq!(collector.progress(), (0, 0), "it begins anew");
        // A part that counts otherwise belongs to something else, whatever its sum.
        assert!(collector.take("answer", &parts[0]).expect("part").is_none());
        let longer = parts[1].replace("/2/2/", "/2/3/");
        assert!(collector.take("answer", &longer).expect("part").is_none());
        assert_eq!(collector.progress(), (1, 3));
    }

    #[test]
    fn parts_of_two_documents_do_not_mix() {
        let (one, two) = (split("answer", &[1; 900]), split("answer", &[2; 900]));
        let mut collector = Collector::default();
        assert!(collector.take("answer", &one[0]).expect("part").is_none());
        assert!(collector.take("answer", &two[1]).expect("part").is_none(), "begins anew");
        assert_eq!(collector.take("answer", &two[0]).expect("part"), Some(vec![2; 900]));
        assert!(collector.take("request", &one[0]).is_err(), "another kind");
    }
}
