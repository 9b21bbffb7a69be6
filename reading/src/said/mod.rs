//! What the operator says in a trust directory: `anchors.toml` about single certificates, `pins.toml` about single
//! document signers.
//!
//! A file with anything wrong in it counts for nothing as a whole. What is absent must fail closed: without it nothing is
//! widened and nothing is pinned; and as `anchors.toml` may also narrow, the certificates whose fingerprints stand in one
//! that cannot be used vouch for nothing until it is mended: all of the directory's, when not even its bytes can be read.
//! Those that it does not name are as they were.

pub mod kinds;

use emrtd::{Pin, Scope, TrustStore};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// The file of words about single certificates.
pub const ANCHORS: &str = "anchors.toml";

/// The file of pinned document signers.
pub const PINS: &str = "pins.toml";

/// `anchors.toml`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// One for each certificate.
    #[serde(default, rename = "anchor")]
    pub anchors: Vec<Word>,
}

/// For which kinds of document a certificate vouches, on the operator's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Word {
    /// SHA-256 of the certificate, hexadecimal.
    pub sha256: String,
    /// Kinds of document, no others; none at all when it is empty.
    pub documents: Vec<String>,
    /// Why: whoever audits the device reads it.
    pub reason: String,
    /// The day it was said.
    pub added: String,
}

/// `pins.toml`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pins {
    /// Document signers that are trusted by themselves.
    #[serde(default, rename = "pin")]
    pub pins: Vec<PinEntry>,
}

/// One pin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinEntry {
    /// SHA-256 of the certificate, hexadecimal.
    pub sha256: String,
    /// Kinds of document; citizen cards where it is absent.
    #[serde(default = "citizen_cards")]
    pub documents: Vec<String>,
    /// Why it is trusted: whoever audits the device reads it.
    pub reason: String,
    /// The day it was pinned.
    pub added: String,
}

/// What a pin is for that does not say it.
#[must_use]
pub fn citizen_cards() -> Vec<String> {
    vec![kinds::CITIZEN_CARD.code().to_owned()]
}

/// Reads a file of a directory; nothing when there is none. An error comes with the bytes, where there are any.
fn read<T: Default + DeserializeOwned>(directory: &Path, file: &str) -> Result<T, (String, Option<Vec<u8>>)> {
    match std::fs::read(directory.join(file)) {
        Ok(bytes) => {
            let text = std::str::from_utf8(&bytes).map_err(|e| e.to_string());
            let read = text.and_then(|text| toml::from_str(text).map_err(|e| e.to_string().trim().to_owned()));
            read.map_err(|why| (why, Some(bytes)))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(T::default()),
        Err(error) => Err((error.to_string(), None)),
    }
}

/// SHA-256 in hexadecimal.
#[must_use]
pub fn fingerprint(text: &str) -> Option<Vec<u8>> {
    hex::decode(text).ok().filter(|bytes| bytes.len() == 32)
}

/// Each fingerprint with its scope.
fn scopes<'a>(said: impl Iterator<Item = (&'a String, &'a Vec<String>)>) -> Result<Vec<(Vec<u8>, Scope)>, String> {
    let mut seen = BTreeSet::new();
    said.map(|(sha256, documents)| {
        let fingerprint = fingerprint(sha256).ok_or_else(|| format!("{sha256:?} is no SHA-256"))?;
        let scope = kinds::scope(documents).map_err(|why| format!("{sha256}: {why}"))?;
        // Of two words one would be believed by chance.
        if !seen.insert(fingerprint.clone()) {
            return Err(format!("{sha256} stands there twice"));
        }
        Ok((fingerprint, scope))
    })
    .collect()
}

impl Words {
    /// Reads those of a directory.
    ///
    /// # Errors
    /// In words, when the file cannot be used.
    pub fn load(directory: &Path) -> Result<Self, String> {
        let words: Self = read(directory, ANCHORS).map_err(|(why, _)| why)?;
        words.scopes().map(|_| words)
    }

    fn scopes(&self) -> Result<Vec<(Vec<u8>, Scope)>, String> {
        scopes(self.anchors.iter().map(|word| (&word.sha256, &word.documents)))
    }

    /// Tells a store that has everything else of the directory. What cannot be used is none, and shuts what it names.
    ///
    /// # Errors
    /// In words, when the file cannot be used.
    pub fn tell(directory: &Path, store: &mut TrustStore) -> Result<Self, String> {
        let read = read(directory, ANCHORS).and_then(|words: Self| match words.scopes() {
            Ok(scopes) => Ok((words, scopes)),
            Err(why) => Err((why, std::fs::read(directory.join(ANCHORS)).ok())),
        });
        match read {
            Ok((words, scopes)) => {
                scopes.iter().for_each(|(fingerprint, scope)| store.set_scope(fingerprint, *scope));
                Ok(words)
            }
            Err((why, bytes)) => {
                let everything = || store.entries().iter().map(|entry| entry.certificate.fingerprint()).collect();
                let shut = bytes.map_or_else(everything, |bytes| named(&bytes));
                shut.iter().for_each(|fingerprint| store.set_scope(fingerprint, Scope::NONE));
                Err(why)
            }
        }
    }

    /// Puts a word in the place of an earlier one about the same certificate.
    pub fn put(&mut self, word: Word) {
        self.anchors.retain(|other| !other.sha256.eq_ignore_ascii_case(&word.sha256));
        self.anchors.push(word);
    }
}

impl Pins {
    /// Reads those of a directory.
    ///
    /// # Errors
    /// In words, when the file cannot be used.
    pub fn load(directory: &Path) -> Result<Self, String> {
        let pins: Self = read(directory, PINS).map_err(|(why, _)| why)?;
        pins.scopes().map(|_| pins)
    }

    fn scopes(&self) -> Result<Vec<(Vec<u8>, Scope)>, String> {
        scopes(self.pins.iter().map(|pin| (&pin.sha256, &pin.documents)))
    }

    /// Tells a store; all of them or none.
    ///
    /// # Errors
    /// In words, when the file cannot be used.
    pub fn tell(directory: &Path, store: &mut TrustStore) -> Result<Self, String> {
        let pins = Self::load(directory)?;
        for ((fingerprint, scope), pin) in pins.scopes()?.into_iter().zip(&pins.pins) {
            store.pin(Pin::new(fingerprint, scope, PINS, &*pin.reason));
        }
        Ok(pins)
    }

    /// Puts a pin in the place of an earlier one of the same certificate.
    pub fn put(&mut self, pin: PinEntry) {
        self.pins.retain(|other| !other.sha256.eq_ignore_ascii_case(&pin.sha256));
        self.pins.push(pin);
    }
}

/// Every run of 64 hexadecimal digits.
fn named(bytes: &[u8]) -> Vec<Vec<u8>> {
    let runs = bytes.split(|byte| !byte.is_ascii_hexdigit());
    runs.filter_map(|run| fingerprint(std::str::from_utf8(run).ok()?)).collect()
}
