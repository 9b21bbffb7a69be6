//! The keyed hash that stands for a person: HMAC-SHA-256 over a label, a purpose, the kind of document, the state that issued
//! it, and the number; before each stands its length (four bytes, the highest first).
//!
//! So passports of two states with one number, or one person for two purposes, are never one value. A [`Person`] without
//! one of the three cannot be made: of whom too little is known there is no hash, and no event that seems to be of somebody
//! else. Which key belongs to which purpose, and when it ends, is [`crate::chain`]'s.

use crate::event::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

const LABEL: &str = "cccd-subject-v2";

/// HMAC-SHA-256 over a label and parts, before each of them its length.
#[must_use]
pub fn keyed(key: &[u8], label: &str, parts: &[&[u8]]) -> Bytes<32> {
    let mut mac = <Hmac<Sha256>>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in std::iter::once(label.as_bytes()).chain(parts.iter().copied()) {
        // Nothing that is hashed here comes near four gigabytes.
        mac.update(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        mac.update(part);
    }
    Bytes(mac.finalize().into_bytes().into())
}

/// What a hash is for. Each purpose has a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// Events of visits under this site profile.
    Event(&'a str),
    /// Lists of people, and through them ledgers.
    List,
    /// Rows of a device's own book.
    Book,
}

impl Purpose<'_> {
    const fn parts(&self) -> (&str, &str) {
        match self {
            Self::Event(profile) => ("event", profile),
            Self::List => ("list", ""),
            Self::Book => ("book", ""),
        }
    }
}

/// Who a document names: kind, issuing state and number. Wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    document: String,
    state: String,
    number: Zeroizing<String>,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Person")
    }
}

impl Person {
    /// Of a document of a kind (as `cccd::document` has them), which a state (as in ICAO 9303) issued under a number; `None`
    /// where one of them is not known.
    #[must_use]
    pub fn new(document: &str, state: &str, number: &str) -> Option<Self> {
        if document.is_empty() || state.is_empty() || number.is_empty() {
            return None;
        }
        let number = Zeroizing::new(number.to_owned());
        Some(Self { document: document.to_owned(), state: state.to_owned(), number })
    }

    /// A citizen of Vietnam, by the number of twelve digits.
    #[must_use]
    pub fn citizen(number: &str) -> Option<Self> {
        Self::new("citizen_card", "VNM", number)
    }

    /// Somebody whose paper was typed in, and nobody noted which state issued it. The device's own book finds them by
    /// that; it is nobody who showed a chip.
    #[must_use]
    pub fn on_paper(number: &str) -> Option<Self> {
        Self::new("paper", "XXX", number)
    }

    /// The keyed hash.
    #[must_use]
    pub fn hash(&self, key: &[u8], purpose: Purpose<'_>) -> Bytes<32> {
        let (kind, name) = purpose.parts();
        let texts = [kind, name, &self.document, &self.state, &self.number];
        keyed(key, LABEL, &texts.map(str::as_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_has_not_changed() {
        // l() { printf "\\0\\0\\0\\$(printf %o ${#1})%s" "$1"; }
        // for t in cccd-subject-v2 event exam citizen_card VNM 001099000017; do l $t; done | openssl dgst -sha256 -hmac key
        let expected = "eef68f7fde8695a0e7b73f68ed0357fe3024fe113774f7a79cfc8e1c263ea3e6";
        let person = Person::citizen("001099000017").expect("a person");
        assert_eq!(person.hash(b"key", Purpose::Event("exam")).to_string(), expected);
        assert_ne!(person.hash(b"other", Purpose::Event("exam")).to_string(), expected);
    }

    #[test]
    fn two_that_differ_in_anything_are_two_and_no_part_runs_into_the_next() {
        let person = |document, state, number| Person::new(document, state, number).expect("a person");
        let hashes = [
            person("passport", "VNM", "C1234567").hash(b"key", Purpose::Event("exam")),
            person("passport", "LAO", "C1234567").hash(b"key", Purpose::Event("exam")),
            person("identity_card", "VNM", "C1234567").hash(b"key", Purpose::Event("exam")),
            person("passport", "VNM", "C1234568").hash(b"key", Purpose::Event("exam")),
            person("passport", "VNM", "C1234567").hash(b"key", Purpose::Event("gate")),
            person("passport", "VNM", "C1234567").hash(b"key", Purpose::List),
            person("passport", "VNM", "C1234567").hash(b"key", Purpose::Book),
            person("passport", "VNMC", "1234567").hash(b"key", Purpose::Event("exam")),
            person("passportV", "NM", "C1234567").hash(b"key", Purpose::Event("exam")),
        ];
        for (at, one) in hashes.iter().enumerate() {
            assert!(!hashes[..at].contains(one), "{at}");
        }
    }

    #[test]
    fn of_whom_too_little_is_known_there_is_no_hash() {
        for (document, state, number) in [("", "VNM", "1"), ("passport", "", "1"), ("passport", "VNM", "")] {
            assert_eq!(Person::new(document, state, number), None);
        }
        assert!(!format!("{:?}", Person::citizen("001099000017")).contains("0010"));
    }
}
