//! Keys in files: PKCS#8, encrypted under a pass phrase, readable by the owner only. The weakest store, and named
//! as such: it is for devices that have neither TPM nor token.

use super::{KeyStore, KeyStoreError, Protection, io, remove_files, sealed, write_new};
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::symm::Cipher;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use zeroize::Zeroizing;

/// A directory of encrypted key files.
pub struct FileKeyStore {
    directory: PathBuf,
    pass_phrase: Zeroizing<Vec<u8>>,
    /// Opening a key costs a pass phrase derivation; a key that was opened stays open.
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
        let pass_phrase = Zeroizing::new(pass_phrase.to_vec());
        Self { directory: directory.to_owned(), pass_phrase, open: Mutex::default(), told: Mutex::default() }
    }

    fn path(&self, label: &str) -> PathBuf {
        self.directory.join(format!("{label}.key.pem"))
    }

    fn key(&self, label: &str) -> Result<PKey<Private>, KeyStoreError> {
        let mut open = self.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((_, key)) = open.iter().find(|(known, _)| known == label) {
            return Ok(key.clone());
        }
        let path = self.path(label);
        let pem = match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(KeyStoreError::NoKey(label.to_owned()));
            }
            pem => pem.map_err(io("read", &path))?,
        };
        let key = PKey::private_key_from_pem_passphrase(&pem, &self.pass_phrase)
            .map_err(|_| KeyStoreError::Locked(label.to_owned()))?;
        open.push((label.to_owned(), key.clone()));
        Ok(key)
    }

    fn read_or_make(&self, label: &str) -> Result<Zeroizing<[u8; 32]>, KeyStoreError> {
        let path = self.directory.join(format!("{label}.sealed"));
        let locked = || KeyStoreError::Locked(label.to_owned());
        let mut secret = Zeroizing::new([0; 32]);
        match std::fs::read(&path) {
            Ok(bytes) => {
                let plain = sealed::open(&self.pass_phrase, &bytes).ok_or_else(locked)?;
                if plain.len() != secret.len() {
                    return Err(locked());
                }
                secret.copy_from_slice(&plain);
                Ok(secret)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                openssl::rand::rand_priv_bytes(&mut *secret)?;
                match write_new(&self.directory, label, &path, &sealed::seal(&self.pass_phrase, &*secret)?) {
                    Ok(()) => Ok(secret),
                    // Another process was faster: its secret is the one.
                    Err(KeyStoreError::Exists(_)) => self.read_or_make(label),
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(io("read", &path)(error)),
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
        let pem = key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), &self.pass_phrase)?;
        write_new(&self.directory, label, &self.path(label), &pem)?;
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
        let text = std::fs::read_to_string(&path).expect("file");
        assert!(text.contains("BEGIN ENCRYPTED PRIVATE KEY"));
        assert_eq!(std::fs::metadata(&path).expect("metadata").permissions().mode() & 0o777, 0o600);
        let wrong = FileKeyStore::new(directory.path(), b"another").sign("event", b"x");
        assert!(matches!(wrong, Err(KeyStoreError::Locked(_))));
        let secret = FileKeyStore::new(directory.path(), b"pass phrase").secret("book").expect("secret");
        let file = std::fs::read(directory.path().join("book.sealed")).expect("file");
        assert!(!file.windows(8).any(|part| part == &secret[..8]), "it lies sealed");
        let wrong = FileKeyStore::new(directory.path(), b"another").secret("book");
        assert!(matches!(wrong, Err(KeyStoreError::Locked(_))), "and is not made anew");
    }
}
