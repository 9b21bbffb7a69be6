//! Secrets and private keys in files, and words that somebody types: everything that a pass phrase protects where it lies.
//!
//! Layout: `CCCDSEAL`, version, what the version says, nonce (12), tag (16), ciphertext. All up to the nonce, with it, is authenticated.
//!
//! | version | is under | says |
//! |---|---|---|
//! | `01` | a pass phrase, PBKDF2-HMAC-SHA-256 of 200,000 rounds; read, not written any more | salt (16) |
//! | `02` | a key of 32 random bytes, which nobody guesses and which one round serves | salt (16) |
//! | `03` | a pass phrase, Argon2id (RFC 9106) | memory in KiB, passes, lanes (4 each, big-endian), salt (16) |
//!
//! A private key is PKCS#8 in version `03`, in Base64 between lines as of PEM (RFC 7468) with the label `CCCD SEALED KEY`.

use argon2::{Algorithm, Argon2, Params, Version};
use openssl::base64::{decode_block, encode_block};
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;

const MAGIC: &[u8; 8] = b"CCCDSEAL";
const SALT: usize = 16;
const NONCE: usize = 12;
const TAG: usize = 16;
const BEGIN: &str = "-----BEGIN CCCD SEALED KEY-----";
const END: &str = "-----END CCCD SEALED KEY-----";
/// Of cost and salt, as they stand in a file.
const HEAD: usize = 12 + SALT;

type Key = Zeroizing<[u8; 32]>;

/// What a guess costs (Argon2id). The one table: whatever is kept under a pass phrase, pass word or code is written at a cost from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes, which may be filled beside each other.
    pub lanes: u32,
}

impl Cost {
    /// Of all that lies on a disk: some 250 ms on the slowest board that is supported (docs/hardening.md says how that was reckoned).
    pub const AT_REST: Self = Self { memory: 12 * 1024, passes: 3, lanes: 1 };
    /// What a file may ask of whoever opens it: it may come from anybody.
    pub const MOST: Self = Self { memory: 64 * 1024, passes: 8, lanes: 4 };

    fn write(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        for (at, number) in bytes.chunks_exact_mut(4).zip([self.memory, self.passes, self.lanes]) {
            at.copy_from_slice(&number.to_be_bytes());
        }
        bytes
    }

    /// `None` for what nobody may ask.
    fn read(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let cost = Self { memory: number(0)?, passes: number(4)?, lanes: number(8)? };
        let most = Self::MOST;
        let bounded = cost.memory <= most.memory && cost.passes <= most.passes && cost.lanes <= most.lanes;
        bounded.then_some(cost)
    }

    fn derive(self, salt: &[u8], word: &[u8]) -> Option<Key> {
        let parameters = Params::new(self.memory, self.passes, self.lanes, Some(32)).ok()?;
        let mut key = Zeroizing::new([0; 32]);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
        argon2.hash_password_into(word, salt, &mut *key).ok()?;
        Some(key)
    }
}

/// Cost and salt.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Head([u8; HEAD]);

impl Head {
    fn new(cost: Cost) -> Result<Self, ErrorStack> {
        let mut head = [0; HEAD];
        head[..12].copy_from_slice(&cost.write());
        openssl::rand::rand_bytes(&mut head[12..])?;
        Ok(Self(head))
    }

    fn derive(&self, word: &[u8]) -> Option<Key> {
        Cost::read(&self.0[..12])?.derive(&self.0[12..], word)
    }
}

/// A pass phrase with the keys that were derived from it. What lies together is sealed under one salt, so that opening all of it
/// costs one derivation.
pub struct Lock {
    pass_phrase: Zeroizing<Vec<u8>>,
    /// Those that have opened something or sealed it.
    derived: Mutex<Vec<(Head, Key)>>,
}

impl std::fmt::Debug for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lock")
    }
}

impl Lock {
    /// Of a pass phrase. Nothing is derived yet.
    #[must_use]
    pub fn new(pass_phrase: &[u8]) -> Self {
        Self { pass_phrase: Zeroizing::new(pass_phrase.to_vec()), derived: Mutex::default() }
    }

    /// Encrypts a secret at [`Cost::AT_REST`].
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn seal(&self, secret: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let mut derived = self.derived.lock().unwrap_or_else(PoisonError::into_inner);
        let usual = Cost::AT_REST.write();
        let at = match derived.iter().position(|(head, _)| head.0.starts_with(&usual)) {
            Some(at) => at,
            None => {
                let head = Head::new(Cost::AT_REST)?;
                // Of parameters that are constant only memory can be missing.
                let key = head.derive(&self.pass_phrase).ok_or_else(ErrorStack::get)?;
                derived.push((head, key));
                derived.len() - 1
            }
        };
        let (head, key) = &derived[at];
        encrypted(3, &head.0, key, secret)
    }

    /// Decrypts a secret of any version; `None` when the pass phrase is another or the bytes were changed.
    #[must_use]
    pub fn open(&self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let Some((3, rest)) = version(sealed) else { return open(&self.pass_phrase, sealed) };
        let head = Head(rest.get(..HEAD)?.try_into().ok()?);
        let mut derived = self.derived.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = derived.iter().find(|(known, _)| *known == head) {
            return decrypted(sealed, HEAD, key);
        }
        let key = head.derive(&self.pass_phrase)?;
        let plain = decrypted(sealed, HEAD, &key)?;
        derived.push((head, key));
        Some(plain)
    }

    /// Encrypts a private key, in the form of its files.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn seal_key(&self, key: &PKey<Private>) -> Result<Vec<u8>, ErrorStack> {
        let sealed = self.seal(&Zeroizing::new(key.private_key_to_pkcs8()?))?;
        let text = encode_block(&sealed);
        let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy);
        let lines: String = lines.map(|line| format!("{line}\n")).collect();
        Ok(format!("{BEGIN}\n{lines}{END}\n").into_bytes())
    }

    /// Decrypts a private key; `None` when it is none of this form, or not under this pass phrase.
    #[must_use]
    pub fn open_key(&self, file: &[u8]) -> Option<PKey<Private>> {
        PKey::private_key_from_pkcs8(&self.open(&unwrapped(file)?)?).ok()
    }
}

/// What is between the lines of a key's file.
fn unwrapped(file: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(file).ok()?.trim();
    let text = text.strip_prefix(BEGIN)?.strip_suffix(END)?;
    let text: String = text.split_ascii_whitespace().collect();
    decode_block(&text).ok().filter(|sealed| version(sealed).is_some_and(|(version, _)| version == 3))
}

fn version(sealed: &[u8]) -> Option<(u8, &[u8])> {
    let (version, rest) = sealed.strip_prefix(MAGIC)?.split_first()?;
    Some((*version, rest))
}

/// At what cost a file lies, of a secret or of a private key; `None` for whatever is not under a pass phrase by Argon2id.
#[must_use]
pub fn cost(file: &[u8]) -> Option<Cost> {
    let key = unwrapped(file);
    match version(key.as_deref().unwrap_or(file))? {
        (3, rest) => Cost::read(rest),
        _ => None,
    }
}

/// What is kept of a word that somebody will type again: cost with salt, and the hash of the word under them.
///
/// # Errors
/// When the cryptographic library fails.
pub fn remember(word: &[u8]) -> Result<(Vec<u8>, Zeroizing<[u8; 32]>), ErrorStack> {
    let head = Head::new(Cost::AT_REST)?;
    let hash = head.derive(word).ok_or_else(ErrorStack::get)?;
    Ok((head.0.to_vec(), hash))
}

/// Whether a word is the one that was [`remember`]ed. Where nothing was, it costs the same, and it is not.
#[must_use]
pub fn recalls((head, hash): (&[u8], &[u8]), word: &[u8]) -> bool {
    let known = head.try_into().ok().map(Head).filter(|head| Cost::read(&head.0).is_some());
    let derived = match known {
        Some(head) => head.derive(word),
        None => Cost::AT_REST.derive(&[0; SALT], word),
    };
    let same = derived.is_some_and(|derived| hash.len() == derived.len() && openssl::memcmp::eq(hash, &*derived));
    same && known.is_some()
}

/// Rounds of an old version; `None` for one that there is not.
const fn rounds(version: u8) -> Option<usize> {
    match version {
        1 => Some(200_000),
        2 => Some(1),
        _ => None,
    }
}

fn stretched(pass_phrase: &[u8], salt: &[u8], rounds: usize) -> Result<Key, ErrorStack> {
    let mut key = Zeroizing::new([0; 32]);
    let hash = openssl::hash::MessageDigest::sha256();
    openssl::pkcs5::pbkdf2_hmac(pass_phrase, salt, rounds, hash, &mut *key)?;
    Ok(key)
}

/// Encrypts a secret under a pass phrase, at [`Cost::AT_REST`].
///
/// # Errors
/// When the cryptographic library fails.
pub fn seal(pass_phrase: &[u8], secret: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    Lock::new(pass_phrase).seal(secret)
}

/// Encrypts a secret under a key that a key store made.
///
/// # Errors
/// When the cryptographic library fails.
pub fn seal_under(key: &[u8; 32], secret: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let mut salt = [0; SALT];
    openssl::rand::rand_bytes(&mut salt)?;
    encrypted(2, &salt, &*stretched(key, &salt, 1)?, secret)
}

fn encrypted(version: u8, says: &[u8], key: &[u8; 32], secret: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let mut nonce = [0; NONCE];
    openssl::rand::rand_bytes(&mut nonce)?;
    let header = [&MAGIC[..], &[version], says, &nonce].concat();
    let mut tag = [0; TAG];
    let sealed = encrypt_aead(Cipher::aes_256_gcm(), key, Some(&nonce), &header, secret, &mut tag)?;
    Ok([&header[..], &tag, &sealed].concat())
}

/// `says` is how long that is which the version says.
fn decrypted(sealed: &[u8], says: usize, key: &[u8; 32]) -> Option<Zeroizing<Vec<u8>>> {
    let (header, rest) = sealed.split_at_checked(MAGIC.len() + 1 + says + NONCE)?;
    let (tag, ciphertext) = rest.split_at_checked(TAG)?;
    let nonce = &header[header.len() - NONCE..];
    let plain = decrypt_aead(Cipher::aes_256_gcm(), key, Some(nonce), header, ciphertext, tag);
    plain.ok().map(Zeroizing::new)
}

/// Whether bytes look like what [`seal`] makes.
#[must_use]
pub fn is_sealed(bytes: &[u8]) -> bool {
    version(bytes).is_some_and(|(version, _)| matches!(version, 1 | 3))
}

/// Decrypts a secret under a pass phrase or a key; `None` when it is wrong or the bytes were changed.
#[must_use]
pub fn open(pass_phrase: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    match version(sealed)? {
        (3, _) => Lock::new(pass_phrase).open(sealed),
        (version, rest) => {
            let key = stretched(pass_phrase, rest.get(..SALT)?, rounds(version)?).ok()?;
            decrypted(sealed, SALT, &key)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openssl::ec::{EcGroup, EcKey};

    #[test]
    fn only_the_right_pass_phrase_opens_and_changes_are_seen() {
        let sealed = seal(b"pass", b"secret").expect("sealed");
        assert_eq!(open(b"pass", &sealed).as_deref(), Some(&b"secret".to_vec()));
        assert_eq!(open(b"other", &sealed), None);
        assert_eq!((cost(&sealed), is_sealed(&sealed)), (Some(Cost::AT_REST), true));
        for at in [0, 8, 12, 16, 20, 30, 40, 60, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(open(b"pass", &changed), None, "byte {at}");
        }
        assert_eq!(open(b"pass", b""), None);
        assert_eq!(open(b"pass", &sealed[..40]), None);
    }

    #[test]
    fn what_is_under_a_key_opens_under_that_key_and_is_no_file_of_a_pass_phrase() {
        let sealed = seal_under(&[7; 32], b"secret").expect("sealed");
        assert_eq!(open(&[7; 32], &sealed).as_deref(), Some(&b"secret".to_vec()));
        assert_eq!(open(&[8; 32], &sealed), None);
        assert_eq!((cost(&sealed), is_sealed(&sealed)), (None, false));
        for version in [0, 1, 3, 4] {
            let mut changed = sealed.clone();
            changed[8] = version;
            assert_eq!(open(&[7; 32], &changed), None, "version {version}");
        }
    }

    #[test]
    fn what_an_older_version_sealed_opens() {
        let salt = [5; SALT];
        let sealed = encrypted(1, &salt, &stretched(b"pass", &salt, 200_000).expect("key"), b"secret").expect("sealed");
        assert_eq!(open(b"pass", &sealed).as_deref(), Some(&b"secret".to_vec()));
        assert_eq!(Lock::new(b"pass").open(&sealed).as_deref(), Some(&b"secret".to_vec()));
        assert_eq!((cost(&sealed), is_sealed(&sealed)), (None, true));
    }

    #[test]
    fn a_file_that_asks_for_more_than_anybody_writes_is_not_worked_on() {
        let sealed = seal(b"pass", b"secret").expect("sealed");
        let asks = |memory: u32, passes: u32, lanes: u32| {
            let mut asking = sealed.clone();
            asking[9..21].copy_from_slice(&Cost { memory, passes, lanes }.write());
            (cost(&asking), open(b"pass", &asking))
        };
        // 100 GiB, a year, and a machine of its own: were one of these begun, this test would not end.
        for (memory, passes, lanes) in [(100 << 20, 2, 1), (8, u32::MAX, 1), (64 * 1024 + 1, 1, 1), (u32::MAX, 1, 1)] {
            assert_eq!(asks(memory, passes, lanes), (None, None), "{memory} {passes} {lanes}");
        }
        assert_eq!(asks(64, 1, 5), (None, None));
        // Within the bounds and no cost of Argon2.
        for (memory, passes, lanes) in [(0, 1, 1), (64, 0, 1), (64, 1, 0), (8, 1, 4)] {
            assert_eq!(asks(memory, passes, lanes).1, None, "{memory} {passes} {lanes}");
        }
    }

    #[test]
    fn what_one_lock_seals_is_under_one_salt_and_never_under_one_nonce() {
        let lock = Lock::new(b"pass");
        let (one, two) = (lock.seal(b"one").expect("sealed"), lock.seal(b"two").expect("sealed"));
        assert_eq!(one[..9 + HEAD], two[..9 + HEAD]);
        assert_ne!(one[9 + HEAD..9 + HEAD + NONCE], two[9 + HEAD..9 + HEAD + NONCE]);
        let later = Lock::new(b"pass");
        assert_eq!(later.open(&one).as_deref(), Some(&b"one".to_vec()));
        let three = later.seal(b"three").expect("sealed");
        assert_eq!(one[..9 + HEAD], three[..9 + HEAD], "nor where another process seals later");
        assert!(later.open(&two).is_some() && lock.open(&three).is_some());
        assert_ne!(one[..9 + HEAD], seal(b"pass", b"one").expect("sealed")[..9 + HEAD], "each store has its own");
        let wrong = Lock::new(b"other");
        assert!(wrong.open(&one).is_none() && wrong.derived.lock().expect("lock").is_empty());
    }

    #[test]
    fn a_private_key_lies_in_its_own_form_and_in_no_other() {
        let group = EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1).expect("curve");
        let key = PKey::from_ec_key(EcKey::generate(&group).expect("key")).expect("key");
        let lock = Lock::new(b"pass");
        let file = lock.seal_key(&key).expect("sealed");
        assert_eq!(cost(&file), Some(Cost::AT_REST));
        let text = String::from_utf8(file.clone()).expect("text");
        assert!(text.starts_with(BEGIN) && text.lines().all(|line| line.len() <= 64), "{text}");
        let opened = Lock::new(b"pass").open_key(&file).expect("opened");
        assert!(opened.public_eq(&key));
        assert!(Lock::new(b"other").open_key(&file).is_none());
        let pkcs8 = key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"pass").expect("PEM");
        for other in [pkcs8, key.private_key_to_pem_pkcs8().expect("PEM"), b"".to_vec(), text.replace('B', "C").into()]
        {
            assert!(lock.open_key(&other).is_none());
            assert_eq!(cost(&other), None);
        }
    }

    #[test]
    fn a_word_is_known_again_and_no_other() {
        let (head, hash) = remember(b"word").expect("remembered");
        assert_eq!(Cost::read(&head), Some(Cost::AT_REST));
        assert!(recalls((&head, &*hash), b"word"));
        assert!(!recalls((&head, &*hash), b"Word"));
        assert_ne!(remember(b"word").expect("remembered"), (head.clone(), hash.clone()), "salted");
        // Nothing was kept, of it, or what an older version kept.
        let nothing = Cost::AT_REST.derive(&[0; SALT], b"word").expect("derived");
        for (head, hash) in [(&[][..], &[][..]), (&[], &*nothing), (&[1; 16], &*hash), (&[0xFF; HEAD], &*hash)] {
            assert!(!recalls((head, hash), b"word"));
        }
    }
}
