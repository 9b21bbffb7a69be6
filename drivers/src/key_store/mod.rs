//! Where the device's private keys live. A key is made in the store, is named by a label, and never leaves it.
//! [`open`] makes a store from its name in the configuration; [`conformance`] is the suite that every store passes.

pub mod conformance;
pub mod file;
#[cfg(feature = "pkcs11")]
pub mod pkcs11;
#[cfg(feature = "tpm")]
pub mod tpm;

pub use events::sealed;

use program::private::{self, SecretError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
        path: PathBuf,
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
    /// The key's file is in another format than the sealed one.
    #[error("the file of key {0:?} is not in the format that keys lie in")]
    Format(String),
    /// Others can read the key's file.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// TPM or token do not do what they are asked for.
    #[error("the {device} cannot {operation}")]
    Device {
        /// `TPM` or `token`.
        device: &'static str,
        /// What was being done.
        operation: &'static str,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What the TPM said was changed on its way, or what it was told.
    #[error("the TPM was asked to {operation}, and somebody on the way altered it")]
    Altered {
        /// What was being done.
        operation: &'static str,
    },
    /// The keys here are under the storage key of another TPM.
    #[error("this is not the TPM that the keys here are in")]
    OtherTpm,
    /// What somebody encrypted for a key was for another one, or another TPM.
    #[error("this was encrypted for another TPM, or another key than {0:?}")]
    NotForUs(String),
    /// No kind of store has this name.
    #[error("no kind of key store is called {0:?}")]
    Unknown(String),
}

program::coded!(KeyStoreError);

impl KeyStoreError {
    /// A stable identifier.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoKey(_) => "key_missing",
            Self::Exists(_) => "key_exists",
            Self::Io { .. } => "key_store_io",
            Self::Locked(_) => "key_locked",
            Self::Format(_) => "key_format",
            Self::Secret(error) => error.code(),
            Self::Crypto(_) => "key_store_crypto",
            Self::Device { .. } => "key_store_device",
            Self::Altered { .. } => "key_store_altered",
            Self::OtherTpm => "key_store_other_tpm",
            Self::NotForUs(_) => "key_store_not_for_us",
            Self::Unknown(_) => "key_store_unknown",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::NoKey(_) => "enrol the device: provision enrol",
            Self::Exists(_) => "the device has keys already: provision reset before it is enrolled anew",
            Self::Io { .. } => "check the disk, and that the agent's user owns the keys directory",
            Self::Locked(_) => "put back the pass phrase (or PIN) that the keys were made under",
            Self::Format(_) => {
                "an older version or another program made it: make the keys anew (provision reset, provision enrol)"
            }
            Self::Secret(error) => error.remedy(),
            Self::Crypto(_) => "report this as a bug",
            Self::Device { .. } => "check that TPM or token are there and that the agent's user may use them",
            Self::Altered { .. } => {
                "look at the machine: somebody may sit between processor and TPM; if nobody does, the TPM is faulty"
            }
            Self::OtherTpm => "put the disk back into its machine, or make the keys anew (provision reset --hard)",
            Self::NotForUs(_) => "look at central: it asked this device for what belongs to another",
            Self::Unknown(_) => "use file, tpm:TCTI or pkcs11:MODULE#TOKEN",
        }
    }
}

/// Which key store, by its name in a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name<'a> {
    /// Files.
    File,
    /// A TPM 2.0 behind a TCTI.
    Tpm(&'a str),
    /// A token behind a PKCS#11 module.
    Pkcs11 {
        /// The module.
        module: &'a Path,
        /// The token's label.
        token: &'a str,
    },
}

impl<'a> Name<'a> {
    /// Reads a name, and opens nothing.
    ///
    /// # Errors
    /// When there is no such kind.
    pub fn parse(name: &'a str) -> Result<Self, KeyStoreError> {
        let named = match name.split_once(':') {
            None if name == "file" => Some(Self::File),
            Some(("tpm", tcti)) => Some(Self::Tpm(tcti)),
            Some(("pkcs11", place)) => {
                place.split_once('#').map(|(module, token)| Self::Pkcs11 { module: Path::new(module), token })
            }
            _ => None,
        };
        named.ok_or_else(|| KeyStoreError::Unknown(name.to_owned()))
    }
}

/// Opens a key store by its name in the configuration.
///
/// | name | keys are in | the pass phrase is |
/// |---|---|---|
/// | `file` | encrypted files of `directory` | what they are encrypted under |
/// | `tpm:TCTI`, as `tpm:device:/dev/tpmrm0` | a TPM 2.0; `directory` has what only that TPM can load | their authorisation value |
/// | `pkcs11:MODULE#TOKEN` | the token with this label | its PIN |
///
/// # Errors
/// When there is no such kind, or TPM or token are not there.
pub fn open(name: &str, directory: &Path, pass_phrase: &[u8]) -> Result<Arc<dyn KeyStore>, KeyStoreError> {
    Ok(match Name::parse(name)? {
        Name::File => Arc::new(file::FileKeyStore::new(directory, pass_phrase)),
        #[cfg(feature = "tpm")]
        Name::Tpm(tcti) => Arc::new(tpm::TpmKeyStore::open(tcti, directory, pass_phrase)?),
        #[cfg(not(feature = "tpm"))]
        Name::Tpm(_) => {
            let source = program::without("tpm").into();
            return Err(KeyStoreError::Device { device: "TPM", operation: "be used", source });
        }
        #[cfg(not(feature = "pkcs11"))]
        Name::Pkcs11 { .. } => {
            let source = program::without("pkcs11").into();
            return Err(KeyStoreError::Device { device: "token", operation: "be used", source });
        }
        #[cfg(feature = "pkcs11")]
        Name::Pkcs11 { module, token } => {
            let pin = std::str::from_utf8(pass_phrase).map_err(|_| KeyStoreError::Locked(token.to_owned()))?;
            Arc::new(pkcs11::Pkcs11KeyStore::open(module, token, directory, pin)?)
        }
    })
}

/// Writes a file that is not there yet, readable by the owner only. A power cut leaves either no file or a whole one,
/// and of two processes one is told that it was slower.
fn write_new(directory: &Path, label: &str, path: &Path, bytes: &[u8]) -> Result<(), KeyStoreError> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    private::directory(directory).map_err(io("make", directory))?;
    let beside = directory.join(format!(".{label}.{}.tmp", std::process::id()));
    let write = || {
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(io("write", &beside))?;
    // `hard_link` fails when another process was faster.
    let linked = std::fs::hard_link(&beside, path);
    std::fs::remove_file(&beside).map_err(io("remove", &beside))?;
    match linked {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(KeyStoreError::Exists(label.to_owned()));
        }
        linked => linked.map_err(io("write", path))?,
    }
    std::fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(io("sync", directory))
}

/// Reads a file that is nobody else's; `None` where there is none.
fn read_secret(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreError> {
    match private::secret(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(SecretError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(SecretError::Io { path, source }) => Err(io("read", &path)(source)),
        Err(error) => Err(error.into()),
    }
}

/// Writes over what a file holds, where it is. On a disk that writes in place it is then gone.
fn overwrite(path: &Path) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut file = std::fs::OpenOptions::new().write(true).open(path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or_default();
    file.write_all(&vec![0; length])?;
    file.sync_all()
}

/// Removes files, where they are, and what they held before.
fn remove_files(paths: &[PathBuf]) -> Result<(), KeyStoreError> {
    for path in paths {
        match overwrite(path).and_then(|()| std::fs::remove_file(path)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            removed => removed.map_err(io("remove", path))?,
        }
    }
    Ok(())
}

fn io(operation: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> KeyStoreError {
    move |source| KeyStoreError::Io { operation, path: path.to_owned(), source }
}

/// SubjectPublicKeyInfo of a P-256 point, in DER.
#[cfg(any(feature = "pkcs11", feature = "tpm"))]
fn public_key_info(point: &[u8]) -> Result<Vec<u8>, openssl::error::ErrorStack> {
    use openssl::ec::{EcGroup, EcKey, EcPoint};
    let group = EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1)?;
    let mut context = openssl::bn::BigNumContext::new()?;
    let point = EcPoint::from_bytes(&group, point, &mut context)?;
    let key = EcKey::from_public_key(&group, &point)?;
    key.check_key()?;
    openssl::pkey::PKey::from_ec_key(key)?.public_key_to_der()
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

impl Protection {
    /// The name in reports and in the registry of central.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Token => "token",
            Self::Tpm => "tpm",
        }
    }
}

/// What a TPM shows of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endorsement {
    /// The public area (TPMT_PUBLIC) of its endorsement key: P-256, template L-2 of the TCG EK Credential Profile.
    pub public: Vec<u8>,
    /// Its maker's certificate for that key, DER, perhaps with filling behind it; none where its memory has none.
    pub certificate: Option<Vec<u8>>,
}

/// Shows somebody else that keys are where the store says (TPM 2.0 part 1, clause 24).
pub trait Residence {
    /// What shows whose TPM it is.
    ///
    /// # Errors
    /// When the TPM makes no endorsement key.
    fn endorsement(&self) -> Result<Endorsement, KeyStoreError>;

    /// The public area (TPMT_PUBLIC) of a key, from which its name follows.
    ///
    /// # Errors
    /// [`KeyStoreError::NoKey`] when there is none.
    fn public_area(&self, label: &str) -> Result<Vec<u8>, KeyStoreError>;

    /// What was encrypted to the endorsement key for this key: TPMS_ID_OBJECT and the encrypted secret, without lengths around them.
    ///
    /// # Errors
    /// [`KeyStoreError::NotForUs`] when it was for another TPM or another key.
    fn activate(&self, label: &str, blob: &[u8], secret: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyStoreError>;
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

    /// Forgets a key or secret for ever; one that is not there is no error.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn remove(&self, label: &str) -> Result<(), KeyStoreError>;

    /// What shows that the keys are here, for stores that can.
    fn residence(&self) -> Option<&dyn Residence> {
        None
    }
}
