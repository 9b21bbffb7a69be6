//! Small secrets in files: AES-256-GCM under a key derived from the pass phrase (PBKDF2-HMAC-SHA-256).
//!
//! Layout: `CCCDSEAL`, version `01`, salt (16), nonce (12), tag (16), ciphertext. The header up to the nonce is
//! authenticated.

use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use zeroize::Zeroizing;

const MAGIC: &[u8; 9] = b"CCCDSEAL\x01";
const ROUNDS: usize = 200_000;

fn key(pass_phrase: &[u8], salt: &[u8]) -> Result<Zeroizing<[u8; 32]>, openssl::error::ErrorStack> {
    let mut key = Zeroizing::new([0; 32]);
    let hash = openssl::hash::MessageDigest::sha256();
    openssl::pkcs5::pbkdf2_hmac(pass_phrase, salt, ROUNDS, hash, &mut *key)?;
    Ok(key)
}

/// Encrypts a secret.
///
/// # Errors
/// When the cryptographic library fails.
pub fn seal(pass_phrase: &[u8], secret: &[u8]) -> Result<Vec<u8>, openssl::error::ErrorStack> {
    let mut header = MAGIC.to_vec();
    let mut random = [0; 28];
    openssl::rand::rand_bytes(&mut random)?;
    header.extend_from_slice(&random);
    let key = key(pass_phrase, &random[..16])?;
    let mut tag = [0; 16];
    let sealed = encrypt_aead(Cipher::aes_256_gcm(), &*key, Some(&random[16..]), &header, secret, &mut tag)?;
    Ok([&header[..], &tag, &sealed].concat())
}

/// Whether bytes look like what [`seal`] makes.
#[must_use]
pub fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Decrypts a secret; `None` when the pass phrase is wrong or the bytes were changed.
#[must_use]
pub fn open(pass_phrase: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (header, rest) = sealed.split_at_checked(MAGIC.len() + 28)?;
    let (tag, ciphertext) = rest.split_at_checked(16)?;
    let random = header.strip_prefix(MAGIC)?;
    let key = key(pass_phrase, &random[..16]).ok()?;
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
}
