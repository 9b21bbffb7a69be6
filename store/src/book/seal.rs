//! How bytes lie sealed in the book, and who keeps the one key that all others of it lie under.
//!
//! Layout: nonce (12, random), tag (16), ciphertext; AES-256-GCM. The place where it lies (`table/row`) is authenticated, so
//! that a row cannot be moved.
//!
//! The keys of the days (`days`) lie in the book itself, sealed under a secret of the key store. Each time that some of
//! them are destroyed the others are sealed anew under the next secret, and the one before is removed from the key store: a
//! copy of the book from before opens by nothing that is left. Secrets are counted: `book-1`, `book-2`; `book` was the only
//! one up to version 3 of the book, and sealed the rows themselves.

use drivers::key_store::{KeyStore, KeyStoreError};
use events::subject::keyed;
use openssl::error::ErrorStack;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A key of AES-256.
pub(super) type Key = Zeroizing<[u8; 32]>;

/// Name of a device's book among its secrets.
const BOOK: &str = "book";
/// The same for practice, which has a book of its own beside it.
const PRACTICE: &str = "practice";

/// Who keeps the secrets.
enum Keeper {
    Store(Arc<dyn KeyStore>, &'static str),
    /// Made of one key, and none is ever removed: for books in memory.
    Fixed(Key),
}

/// The secrets of a book.
pub struct Seal(Keeper);

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

impl Seal {
    /// Secrets that are made of this key and never end: for a book in memory.
    #[must_use]
    pub const fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self(Keeper::Fixed(key))
    }

    /// The secrets of the device's book.
    #[must_use]
    pub fn open(keys: Arc<dyn KeyStore>) -> Self {
        Self(Keeper::Store(keys, BOOK))
    }

    /// Those of the book of practice.
    #[must_use]
    pub fn practice(keys: Arc<dyn KeyStore>) -> Self {
        Self(Keeper::Store(keys, PRACTICE))
    }

    /// Whether the book is one of practice, in which nobody is real.
    pub(super) fn is_practice(&self) -> bool {
        matches!(self.0, Keeper::Store(_, PRACTICE))
    }

    /// A secret by its number.
    pub(super) fn secret(&self, number: i64) -> Result<Key, KeyStoreError> {
        match &self.0 {
            Keeper::Store(keys, name) => keys.secret(&label(name, number)),
            Keeper::Fixed(key) if number == 0 => Ok(key.clone()),
            Keeper::Fixed(key) => Ok(Zeroizing::new(keyed(&**key, "cccd-book-v4", &[&number.to_be_bytes()]).0)),
        }
    }

    /// The same, where nothing is to lie under it yet: what an interrupted try may have left is removed first.
    pub(super) fn fresh(&self, number: i64) -> Result<Key, KeyStoreError> {
        self.remove(number)?;
        self.secret(number)
    }

    /// Removes a secret for ever.
    pub(super) fn remove(&self, number: i64) -> Result<(), KeyStoreError> {
        match &self.0 {
            Keeper::Store(keys, name) => keys.remove(&label(name, number)),
            Keeper::Fixed(_) => Ok(()),
        }
    }
}

fn label(name: &str, number: i64) -> String {
    if number == 0 { name.to_owned() } else { format!("{name}-{number}") }
}

/// The labels of all secrets that a book at a path may have, for whoever removes it. Also of one that is not there, or cannot be
/// read, the first ones.
#[must_use]
pub fn labels(path: &Path, practice: bool) -> Vec<String> {
    let state = |path: &Path| -> rusqlite::Result<(i64, i64)> {
        let connection = Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.query_row("SELECT destroyed, generation FROM day_state", [], |row| Ok((row.get(0)?, row.get(1)?)))
    };
    let (destroyed, generation) = state(path).unwrap_or((-1, 1));
    let name = if practice { PRACTICE } else { BOOK };
    // One more may be there from a try that was cut off.
    (destroyed + 1..=generation + 1).map(|number| label(name, number)).collect()
}

/// Seals bytes that lie at `place`.
pub(super) fn seal(key: &Key, place: &str, plain: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let (mut nonce, mut tag) = ([0; 12], [0; 16]);
    openssl::rand::rand_bytes(&mut nonce)?;
    let cipher = Cipher::aes_256_gcm();
    let sealed = encrypt_aead(cipher, &**key, Some(&nonce), place.as_bytes(), plain, &mut tag)?;
    Ok([&nonce[..], &tag, &sealed].concat())
}

/// Opens what was sealed at `place`; `None` when it was changed or lay elsewhere.
pub(super) fn unseal(key: &Key, place: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, rest) = sealed.split_at_checked(12)?;
    let (tag, text) = rest.split_at_checked(16)?;
    let plain = decrypt_aead(Cipher::aes_256_gcm(), &**key, Some(nonce), place.as_bytes(), text, tag);
    plain.ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_opens_in_its_place_only_and_unchanged_only() {
        let key = Zeroizing::new([7; 32]);
        let sealed = seal(&key, "record/1", b"text").expect("sealed");
        assert_eq!(unseal(&key, "record/1", &sealed).as_deref(), Some(&b"text".to_vec()));
        assert_eq!(unseal(&key, "record/2", &sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(unseal(&key, "record/1", &changed), None, "byte {at}");
        }
        assert_eq!(unseal(&key, "record/1", b""), None);
    }
}
