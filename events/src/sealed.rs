//! Small secrets in files: AES-256-GCM under a key derived from the pass phrase (PBKDF2-HMAC-SHA-256).
//!
//! Layout: `CCCDSEAL`, version, salt (16), nonce (12), tag (16), ciphertext. The header up to the nonce is authenticated.
//! Version `01` is under a pass phrase; `02` under a key of 32 random bytes, which nobody guesses and which one round serves.

use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use zeroize::Zeroizing;

const MAGIC: &[u8; 8] = b"CCCDSEAL";

/// Rounds of a version; `None` for one that there is not.
const fn rounds(version: u8) -> Option<usize> {
    match version {
        1 => Some(200_000),
        2 => Some(1),
        _ => None,
    }
}

fn key(pass_phrase: &[u8], salt: &[u8], rounds: usize) -> Result<Zeroizing<[u8; 32]>, openssl::error::ErrorStack> {
    let mut key = Zeroizing::new([0; 32]);
    let hash = openssl::hash::MessageDigest::sha256();
    openssl::pkcs5::pbkdf2_hmac(pass_phrase, salt, rounds, hash, &mut *key)?;
    Ok(key)
}

/// Encrypts a secret.
///
/// # Errors
/// When the cryptographic library fails.
pub fn seal(pass_phrase: &[u8], secret: &[u8]) -> Result<Vec<u8>, openssl::error::ErrorStack> {
    sealed(1, pass_phrase, secret)
}

/// Encrypts a secret under a key that a key store made.
///
/// # Errors
/// When the cryptographic library fails.
pub fn seal_under(key: &[u8; 32], secret: &[u8]) -> Result<Vec<u8>, openssl::error::ErrorStack> {
    sealed(2, key, secret)
}

fn sealed(version: u8, pass_phrase: &[u8], secret: &[u8]) -> Result<Vec<u8>, openssl::error::ErrorStack> {
    let mut header = [&MAGIC[..], &[version]].concat();
    let mut random = [0; 28];
    openssl::rand::rand_bytes(&mut random)?;
    header.extend_from_slice(&random);
    let key = key(pass_phrase, &random[..16], rounds(version).unwrap_or_default())?;
    let mut tag = [0; 16];
    let sealed = encrypt_aead(Cipher::aes_256_gcm(), &*key, Some(&random[16..]), &header, secret, &mut tag)?;
    Ok([&header[..], &tag, &sealed].concat())
}

/// Whether bytes look like what [`seal`] makes.
#[must_use]
pub fn is_sealed(bytes: &[u8]) -> bool {
    bytes.strip_prefix(MAGIC).and_then(|rest| rest.first()) == Some(&1)
}

/// Decrypts a secret under a pass phrase or a key; `None` when it is wrong or the bytes were changed.
#[must_use]
pub fn open(pass_phrase: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (header, rest) = sealed.split_at_checked(MAGIC.len() + 29)?;
    let (tag, ciphertext) = rest.split_at_checked(16)?;
    let (version, random) = header.strip_prefix(MAGIC)?.split_first()?;
    let key = key(pass_phrase, &random[..16], rounds(*version)?).ok()?;
    let plain = decrypt_aead(Cipher::aes_256_gcm(), &*key, Some(&random[16..]), header, ciphertext, tag);
    plain.ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_pass_phrase_opens_and_changes_are_seen() {
        let sealed = seal(b"pass", b"secret").expect("sealed");
        assert_eq!(open(b"pass", &sealed).as_deref(), Some(&b"secret".to_vec()));
        assert_eq!(open(b"other", &sealed), None);
        for at in [0, 8, 10, 30, 40, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(open(b"pass", &changed), None, "byte {at}");
        }
        assert_eq!(open(b"pass", b""), None);
    }

    #[test]
    fn what_is_under_a_key_opens_under_that_key_and_is_no_file_of_a_pass_phrase() {
        let sealed = seal_under(&[7; 32], b"secret").expect("sealed");
        assert_eq!(open(&[7; 32], &sealed).as_deref(), Some(&b"secret".to_vec()));
        assert_eq!(open(&[8; 32], &sealed), None);
        assert!(!is_sealed(&sealed));
        for version in [0, 1, 3] {
            let mut changed = sealed.clone();
            changed[8] = version;
            assert_eq!(open(&[7; 32], &changed), None, "version {version}");
        }
    }
}
