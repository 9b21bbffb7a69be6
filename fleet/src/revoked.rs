//! Cards that were reported lost or withdrawn: the part `revoked/cards` of a bundle.
//!
//! Bytes: `CCCDRVK1`, then one entry of eight bytes for each card, ascending, each once. An entry is the beginning of the keyed
//! hash ([`events::subject::keyed_hash`]) of `revoked NUMBER YYYY-MM-DD` with the card's date of issue, or of `revoked NUMBER *`
//! for whatever card of that number. The key is the site's: who has the bundle learns nobody's number, and lists of two sites
//! have nothing in common. With a million entries an innocent card is hit once in 18 million million.

use crate::FleetError;
use events::subject::keyed_hash;

const MAGIC: &[u8; 8] = b"CCCDRVK1";
const ENTRY: usize = 8;
const WHAT: &str = "list of revoked cards";

/// The list.
#[derive(Clone, PartialEq, Eq)]
pub struct RevokedCards(Vec<[u8; ENTRY]>);

impl std::fmt::Debug for RevokedCards {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RevokedCards({})", self.0.len())
    }
}

fn entry(key: &[u8], number: &str, issued: &str) -> [u8; ENTRY] {
    // The label keeps it apart from the hash that stands for the person in events.
    let text = zeroize::Zeroizing::new(format!("revoked {number} {issued}"));
    let hash = keyed_hash(key, &text).0;
    std::array::from_fn(|at| hash[at])
}

impl RevokedCards {
    /// Where it is in a bundle.
    pub const PATH: &'static str = "revoked/cards";

    /// Of cards by number and date of issue, `YYYY-MM-DD`; without one every card of that number.
    #[must_use]
    pub fn new<'a>(key: &[u8], cards: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Self {
        let mut entries: Vec<_> = cards.map(|(number, issued)| entry(key, number, issued.unwrap_or("*"))).collect();
        entries.sort_unstable();
        entries.dedup();
        Self(entries)
    }

    /// As it stands in a bundle.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [&MAGIC[..], self.0.as_flattened()].concat()
    }

    /// From a bundle.
    ///
    /// # Errors
    /// When it is no such list, or out of order.
    pub fn parse(bytes: &[u8]) -> Result<Self, FleetError> {
        let entries = bytes.strip_prefix(MAGIC).ok_or(FleetError::Malformed(WHAT))?;
        let (entries, rest) = entries.as_chunks::<ENTRY>();
        if !rest.is_empty() || !entries.is_sorted_by(|one, other| one < other) {
            return Err(FleetError::Malformed(WHAT));
        }
        Ok(Self(entries.to_vec()))
    }

    /// Whether a card is on it. Where the date of issue is not known, only entries for every card of the number count.
    #[must_use]
    pub fn has(&self, key: &[u8], number: &str, issued: Option<&str>) -> bool {
        let is_there = |issued| self.0.binary_search(&entry(key, number, issued)).is_ok();
        is_there("*") || issued.is_some_and(is_there)
    }

    /// How many entries it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_lost_card_is_on_it_and_the_one_that_replaced_it_is_not() {
        let list =
            RevokedCards::new(b"site", [("001099000017", Some("2022-01-16")), ("079085001234", None)].into_iter());
        assert!(list.has(b"site", "001099000017", Some("2022-01-16")));
        assert!(!list.has(b"site", "001099000017", Some("2026-02-01")), "the new card of the same person");
        assert!(!list.has(b"site", "001099000017", None), "nobody is turned away on a guess");
        assert!(list.has(b"site", "079085001234", Some("2026-02-01")) && list.has(b"site", "079085001234", None));
        assert!(!list.has(b"another site", "001099000017", Some("2022-01-16")), "keyed");
        assert_eq!(RevokedCards::parse(&list.to_bytes()).expect("a list"), list);
    }

    #[test]
    fn what_is_torn_or_out_of_order_is_refused() {
        let bytes =
            RevokedCards::new(b"k", (0..9).map(|_| ("001099000017", None)).chain([("079085001234", None)])).to_bytes();
        assert_eq!(bytes.len(), 8 + 2 * ENTRY, "each once");
        for end in (0..bytes.len()).filter(|end| *end < 8 || (end - 8) % ENTRY != 0) {
            assert!(RevokedCards::parse(&bytes[..end]).is_err(), "{end} bytes");
        }
        let swapped = [&bytes[..8], &bytes[16..], &bytes[8..16]].concat();
        assert_eq!(RevokedCards::parse(&swapped).expect_err("out of order").code(), "fleet_malformed");
    }

    proptest! {
        #[test]
        fn what_parses_is_written_the_same(bytes: Vec<u8>) {
            let with_magic = [&MAGIC[..], &bytes].concat();
            if let Ok(list) = RevokedCards::parse(&with_magic) {
                prop_assert_eq!(list.to_bytes(), with_magic);
            }
        }
    }
}
