//! Seals what lies in the book: AES-256-GCM under the device's data key.
//!
//! Layout: nonce (12, random), tag (16), ciphertext. The place where it lies (`table/row`) is authenticated, so that a
//! row cannot be moved. The data key is a secret of the key store.

use drivers::key_store::KeyStore;
use events::event::Bytes;
use events::subject::{Person, Purpose, keyed};
use openssl::error::ErrorStack;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use program::Failure;
use zeroize::Zeroizing;

/// Label of the data key.
const LABEL: &str = "book";

/// The data key.
pub struct Seal(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

impl Seal {
    /// With this key.
    #[must_use]
    pub const fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self(key)
    }

    /// The data key in the key store; made at the first start.
    ///
    /// # Errors
    /// When it cannot be opened, or made.
    pub fn open(keys: &dyn KeyStore) -> Result<Self, Failure> {
        keys.secret(LABEL).map(Self).map_err(|error| {
            let remedy = "restore the key directory, or enrol the device again";
            Failure::device("book_key_locked", program::describe(&error), remedy)
        })
    }

    /// How a person's rows are found: a keyed hash under a secret of this device.
    #[must_use]
    pub fn handle(&self, person: &Person) -> Bytes<32> {
        let key = Zeroizing::new(keyed(&*self.0, "cccd-book-v1", &[b"find"]).0);
        person.hash(&*key, Purpose::Book)
    }

    /// Seals bytes that lie at `place`.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let (mut nonce, mut tag) = ([0; 12], [0; 16]);
        openssl::rand::rand_bytes(&mut nonce)?;
        let cipher = Cipher::aes_256_gcm();
        let sealed = encrypt_aead(cipher, &*self.0, Some(&nonce), place.as_bytes(), plain, &mut tag)?;
        Ok([&nonce[..], &tag, &sealed].concat())
    }

    /// Opens what was sealed at `place`; `None` when it was changed or lay elsewhere.
    #[must_use]
    pub fn unseal(&self, place: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, rest) = sealed.split_at_checked(12)?;
        let (tag, text) = rest.split_at_checked(16)?;
        let plain = decrypt_aead(Cipher::aes_256_gcm(), &*self.0, Some(nonce), place.as_bytes(), text, tag);
        plain.ok().map(Zeroizing::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drivers::key_store::file::FileKeyStore;

    #[test]
    fn a_row_opens_in_its_place_only_and_unchanged_only() {
        let seal = Seal::new(Zeroizing::new([7; 32]));
        let sealed = seal.seal("record/1", b"text").expect("sealed");
        assert_eq!(seal.unseal("record/1", &sealed).as_deref(), Some(&b"text".to_vec()));
        assert_eq!(seal.unseal("record/2", &sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(seal.unseal("record/1", &changed), None, "byte {at}");
        }
        assert_eq!(seal.unseal("record/1", b""), None);
    }

    #[test]
    fn the_key_is_made_once_and_opens_with_its_phrase_only() {
        let directory = tempfile::tempdir().expect("directory");
        let keys = |phrase| FileKeyStore::new(directory.path(), phrase);
        let sealed = Seal::open(&keys(b"phrase")).expect("made").seal("p", b"x").expect("sealed");
        let again = Seal::open(&keys(b"phrase")).expect("opened");
        assert!(again.unseal("p", &sealed).is_some());
        assert_eq!(Seal::open(&keys(b"other!")).expect_err("locked").code, "book_key_locked");
    }
}
