//! Cards that were reported lost or withdrawn: the part `revoked/cards` of a bundle.
//!
//! Bytes: `CCCDRVK3`, then entries of eight bytes, ascending, each once. An entry is the beginning of the keyed hash
//! ([`events::subject::keyed`], label `cccd-revoked-v1`) of number and `YYYY-MM-DD`, the card's date of issue, or of number and `*`
//! for whatever card of that number. Beside each dated one stands number and `?`: where the date of issue of a card was not
//! read, it tells whether the list has anything of that number at all. The key is the site's for lists: who has the bundle
//! learns nobody's number, lists of two sites have nothing in common, and a list opens no event. With a million entries an
//! innocent card is hit once in 18 million million.
//!
//! `CCCDRVK1` and `CCCDRVK2` were under a key that is no more. They are refused: under today's nobody would be on them.

use crate::FleetError;
use events::subject::keyed;

const MAGIC: &[u8; 8] = b"CCCDRVK3";
const ENTRY: usize = 8;
const WHAT: &str = "list of revoked cards";

/// The list.
#[derive(Clone, PartialEq, Eq)]
pub struct RevokedCards {
    entries: Vec<[u8; ENTRY]>,
}

/// What a list says of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// It is not on it.
    No,
    /// It is on it.
    Yes,
    /// Some card of that number may be on it, and the date that tells them apart is not known.
    Perhaps,
}

impl std::fmt::Debug for RevokedCards {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RevokedCards({})", self.entries.len())
    }
}

fn entry(key: &[u8], number: &str, issued: &str) -> [u8; ENTRY] {
    let hash = keyed(key, "cccd-revoked-v1", &[number.as_bytes(), issued.as_bytes()]).0;
    std::array::from_fn(|at| hash[at])
}

impl RevokedCards {
    /// Where it is in a bundle.
    pub const PATH: &'static str = "revoked/cards";

    /// Of cards by number and date of issue, `YYYY-MM-DD`; without one every card of that number.
    #[must_use]
    pub fn new<'a>(key: &[u8], cards: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Self {
        let of = |(number, issued): (&str, Option<&str>)| match issued {
            Some(issued) => vec![entry(key, number, issued), entry(key, number, "?")],
            None => vec![entry(key, number, "*")],
        };
        let mut entries: Vec<_> = cards.flat_map(of).collect();
        entries.sort_unstable();
        entries.dedup();
        Self { entries }
    }

    /// As it stands in a bundle.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [&MAGIC[..], self.entries.as_flattened()].concat()
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
        Ok(Self { entries: entries.to_vec() })
    }

    /// What it says of a card. `issued` is its date of issue, where that was read.
    #[must_use]
    pub fn look_up(&self, key: &[u8], number: &str, issued: Option<&str>) -> Listed {
        let is_there = |issued| self.entries.binary_search(&entry(key, number, issued)).is_ok();
        match issued {
            _ if is_there("*") => Listed::Yes,
            Some(issued) if is_there(issued) => Listed::Yes,
            Some(_) => Listed::No,
            None if !is_there("?") => Listed::No,
            None => Listed::Perhaps,
        }
    }

    /// How many entries it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
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
        let look_up = |number, issued| list.look_up(b"site", number, issued);
        assert_eq!(look_up("001099000017", Some("2022-01-16")), Listed::Yes);
        assert_eq!(look_up("001099000017", Some("2026-02-01")), Listed::No, "the new card of the same person");
        assert_eq!(look_up("001099000017", None), Listed::Perhaps, "nobody is turned away, or let pass, on a guess");
        assert_eq!(look_up("001300000011", None), Listed::No, "of this number there is nothing");
        assert_eq!(look_up("079085001234", Some("2026-02-01")), Listed::Yes);
        assert_eq!(look_up("079085001234", None), Listed::Yes);
        assert_eq!(list.look_up(b"another site", "001099000017", Some("2022-01-16")), Listed::No, "keyed");
        assert_eq!(RevokedCards::parse(&list.to_bytes()).expect("a list"), list);
    }

    #[test]
    fn a_list_of_a_former_version_is_refused_as_nobody_would_be_on_it() {
        let entries = [entry(b"k", "001099000017", "2022-01-16")];
        for former in [b"CCCDRVK1", b"CCCDRVK2"] {
            let bytes = [&former[..], entries.as_flattened()].concat();
            assert_eq!(RevokedCards::parse(&bytes).expect_err("refused").code(), "fleet_malformed");
        }
        let nothing = RevokedCards::parse(MAGIC).expect("a list");
        assert_eq!(nothing.look_up(b"k", "001300000011", None), Listed::No);
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
