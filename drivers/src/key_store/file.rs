//! Keys in files: sealed under a pass phrase ([`sealed::Lock`]), readable by the owner only. The weakest store, and named
//! as such: it is for devices that have neither TPM nor token.

use super::{KeyStore, KeyStoreError, Protection, read_secret, remove_files, sealed, write_new};
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use zeroize::Zeroizing;

/// A directory of encrypted key files.
pub struct FileKeyStore {
    directory: PathBuf,
    /// All files of a store are under one salt, so the first that is opened pays for all.
    lock: sealed::Lock,
    /// What was opened stays open.
    open: Mutex<Vec<(String, PKey<Private>)>>,
    /// And so does a secret.
    told: Mutex<Vec<(String, Zeroizing<[u8; 32]>)>>,
}

impl std::fmt::Debug for FileKeyStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileKeyStore({})", self.directory.display())
    }
}

impl FileKeyStore {
    /// A store in a directory, which is made when the first key is.
    #[must_use]
    pub fn new(directory: &Path, pass_phrase: &[u8]) -> Self {
        let lock = sealed::Lock::new(pass_phrase);
        Self { directory: directory.to_owned(), lock, open: Mutex::default(), told: Mutex::default() }
    }

    fn path(&self, label: &str) -> PathBuf {
        self.directory.join(format!("{label}.key.pem"))
    }

    fn key(&self, label: &str) -> Result<PKey<Private>, KeyStoreError> {
        let mut open = self.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((_, key)) = open.iter().find(|(known, _)| known == label) {
            return Ok(key.clone());
        }
        let file = read_secret(&self.path(label))?.ok_or_else(|| KeyStoreError::NoKey(label.to_owned()))?;
        if sealed::cost(&file).is_none() {
            return Err(KeyStoreError::Format(label.to_owned()));
        }
        let key = self.lock.open_key(&file).ok_or_else(|| KeyStoreError::Locked(label.to_owned()))?;
        open.push((label.to_owned(), key.clone()));
        Ok(key)
    }

    fn read_or_make(&self, label: &str) -> Result<Zeroizing<[u8; 32]>, KeyStoreError> {
        let path = self.directory.join(format!("{label}.sealed"));
        let locked = || KeyStoreError::Locked(label.to_owned());
        let mut secret = Zeroizing::new([0; 32]);
        if let Some(bytes) = read_secret(&path)? {
            let plain = self.lock.open(&bytes).ok_or_else(locked)?;
            if plain.len() != secret.len() {
                return Err(locked());
            }
            secret.copy_from_slice(&plain);
            return Ok(secret);
        }
        openssl::rand::rand_priv_bytes(&mut *secret)?;
        match write_new(&self.directory, label, &path, &self.lock.seal(&*secret)?) {
            Ok(()) => Ok(secret),
            // Another process was faster: its secret is the one.
            Err(KeyStoreError::Exists(_)) => self.read_or_make(label),
            Err(error) => Err(error),
        }
    }
}

impl KeyStore for FileKeyStore {
    fn protection(&self) -> Protection {
        Protection::File
    }

    fn generate(&self, label: &str) -> Result<Vec<u8>, KeyStoreError> {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        let key = PKey::from_ec_key(EcKey::generate(&group)?)?;
        write_new(&self.directory, label, &self.path(label), &self.lock.seal_key(&key)?)?;
        Ok(key.public_key_to_der()?)
    }

    fn public_key(&self, label: &str) -> Result<Vec<u8>, KeyStoreError> {
        Ok(self.key(label)?.public_key_to_der()?)
    }

    fn secret(&self, label: &str) -> Result<Zeroizing<[u8; 32]>, KeyStoreError> {
        let mut told = self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((_, secret)) = told.iter().find(|(known, _)| known == label) {
            return Ok(secret.clone());
        }
        let secret = self.read_or_make(label)?;
        told.push((label.to_owned(), secret.clone()));
        Ok(secret)
    }

    fn sign(&self, label: &str, message: &[u8]) -> Result<[u8; 64], KeyStoreError> {
        let key = self.key(label)?.ec_key()?;
        let signature = EcdsaSig::sign(&openssl::sha::sha256(message), &key)?;
        let mut plain = [0; 64];
        plain[..32].copy_from_slice(&signature.r().to_vec_padded(32)?);
        plain[32..].copy_from_slice(&signature.s().to_vec_padded(32)?);
        Ok(plain)
    }

    fn remove(&self, label: &str) -> Result<(), KeyStoreError> {
        let mut open = self.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        open.retain(|(known, _)| known != label);
        self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner).retain(|(known, _)| known != label);
        remove_files(&[self.path(label), self.directory.join(format!("{label}.sealed"))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_store::conformance;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_file_store_conforms() {
        let directory = tempfile::tempdir().expect("directory");
        let open = || FileKeyStore::new(directory.path(), b"pass phrase");
        conformance::run(&open(), || Box::new(open()));
    }

    #[test]
    fn files_are_encrypted_and_private() {
        let directory = tempfile::tempdir().expect("directory");
        FileKeyStore::new(directory.path(), b"pass phrase").generate("event").expect("key");
        let path = directory.path().join("event.key.pem");
        assert_eq!(sealed::cost(&std::fs::read(&path).expect("file")), Some(sealed::Cost::AT_REST));
        assert_eq!(std::fs::metadata(&path).expect("metadata").permissions().mode() & 0o777, 0o600);
        let wrong = FileKeyStore::new(directory.path(), b"another").sign("event", b"x");
        assert!(matches!(wrong, Err(KeyStoreError::Locked(_))));
        let secret = FileKeyStore::new(directory.path(), b"pass phrase").secret("book").expect("secret");
        let file = std::fs::read(directory.path().join("book.sealed")).expect("file");
        assert!(!file.windows(8).any(|part| part == &secret[..8]), "it lies sealed");
        let wrong = FileKeyStore::new(directory.path(), b"another").secret("book");
        assert!(matches!(wrong, Err(KeyStoreError::Locked(_))), "and is not made anew");
    }

    #[test]
    fn what_is_removed_is_overwritten_first() {
        let directory = tempfile::tempdir().expect("directory");
        let store = FileKeyStore::new(directory.path(), b"pass phrase");
        store.secret("book-1").expect("secret");
        let path = directory.path().join("book-1.sealed");
        let held = directory.path().join("held");
        std::fs::hard_link(&path, &held).expect("another name of the same place");
        store.remove("book-1").expect("removed");
        let left = std::fs::read(&held).expect("read");
        assert!(!path.exists() && !left.is_empty() && left.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_key_that_others_can_read_or_of_another_format_is_not_used() {
        let directory = tempfile::tempdir().expect("directory");
        let open = || FileKeyStore::new(directory.path(), b"pass phrase");
        open().generate("event").expect("key");
        open().secret("book").expect("secret");
        let close = |name: &str, mode| {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(directory.path().join(name), mode).expect("mode");
        };
        for name in ["event.key.pem", "book.sealed"] {
            close(name, 0o644);
        }
        assert_eq!(open().public_key("event").expect_err("open").code(), "secret_open");
        assert_eq!(open().secret("book").expect_err("open").code(), "secret_open");
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("curve");
        let key = PKey::from_ec_key(EcKey::generate(&group).expect("key")).expect("key");
        let cipher = openssl::symm::Cipher::aes_256_cbc();
        let pem = key.private_key_to_pem_pkcs8_passphrase(cipher, b"pass phrase").expect("PEM");
        std::fs::write(directory.path().join("event.key.pem"), pem).expect("file");
        close("event.key.pem", 0o600);
        assert_eq!(open().public_key("event").expect_err("2,048 rounds").code(), "key_format");
    }
}
