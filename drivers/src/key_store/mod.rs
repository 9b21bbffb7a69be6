//! Where the device's private keys live. A key is made in the store, is named by a label, and never leaves it.

pub mod conformance;
pub mod file;
pub mod sealed;

use thiserror::Error;
use zeroize::Zeroizing;

/// Why a key cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyStoreError {
    /// There is no key with this label.
    #[error("no key {0:?} in the key store")]
    NoKey(String),
    /// There is a key with this label already; it is never overwritten.
    #[error("a key {0:?} is in the key store already")]
    Exists(String),
    /// The store's files cannot be read or written.
    #[error("cannot {operation} {path}")]
    Io {
        /// `read`, `write`, …
        operation: &'static str,
        /// Which file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The pass phrase does not open the key.
    #[error("the pass phrase does not open key {0:?}")]
    Locked(String),
    /// The cryptographic library failed.
    #[error("the key store's cryptography failed")]
    Crypto(#[from] openssl::error::ErrorStack),
}

impl KeyStoreError {
    /// A stable identifier.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoKey(_) => "key_missing",
            Self::Exists(_) => "key_exists",
            Self::Io { .. } => "key_store_io",
            Self::Locked(_) => "key_locked",
            Self::Crypto(_) => "key_store_crypto",
        }
    }
}

/// How well a store protects its keys, best last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protection {
    /// An encrypted file: whoever has the file and the pass phrase has the key.
    File,
    /// A PKCS#11 token.
    Token,
    /// A TPM 2.0.
    Tpm,
}

/// A store of P-256 keys, and of secrets that encrypt what lies on the device.
pub trait KeyStore: Send + Sync {
    /// How well keys are protected; shown to the technician.
    fn protection(&self) -> Protection;

    /// Makes a key and returns its SubjectPublicKeyInfo in DER.
    ///
    /// # Errors
    /// [`KeyStoreError::Exists`] when the label is taken.
    fn generate(&self, label: &str) -> Result<Vec<u8>, KeyStoreError>;

    /// SubjectPublicKeyInfo of a key, in DER.
    ///
    /// # Errors
    /// [`KeyStoreError::NoKey`] when there is none.
    fn public_key(&self, label: &str) -> Result<Vec<u8>, KeyStoreError>;

    /// ECDSA with SHA-256 over `message`; the signature is `r ‖ s`, 64 bytes.
    ///
    /// # Errors
    /// When there is no such key or the store cannot sign.
    fn sign(&self, label: &str, message: &[u8]) -> Result<[u8; 64], KeyStoreError>;

    /// A secret of 32 random bytes; made when it is asked for the first time.
    ///
    /// # Errors
    /// [`KeyStoreError::Locked`] when it is there and does not open: it is never made anew then.
    fn secret(&self, label: &str) -> Result<Zeroizing<[u8; 32]>, KeyStoreError>;
}
