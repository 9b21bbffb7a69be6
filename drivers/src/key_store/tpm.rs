//! Keys in a TPM 2.0 (TCG TPM 2.0 Library): P-256 signing keys that are made inside and cannot be duplicated.
//!
//! The TPM has little room. What it makes is therefore kept outside, wrapped by it: `LABEL.tpm` (a key) and
//! `LABEL.tpm-sealed` (a secret) are `CCCDTPM`, version `01`, then TPM2B_PUBLIC and TPM2B_PRIVATE, each behind its length
//! (u16, big endian). Only the TPM that made them can load them, under its storage primary key, which it derives anew
//! from its seed each time (ECC P-256 template of TCG EK Credential Profile, default attributes).
//!
//! The pass phrase becomes the authorisation value (SHA-256), checked without the dictionary-attack lockout: a
//! wrong pass phrase must not lock the machine's TPM for its other users. It never goes over the bus (`bus`).

mod bus;
mod templates;
#[cfg(test)]
mod tests;

use super::{
    Endorsement, KeyStore, KeyStoreError, Protection, Residence, io, public_key_info, remove_files, write_new,
};
use bus::{Tpm, device};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use tss_esapi::TctiNameConf;
use tss_esapi::structures::{Private, Public};
use tss_esapi::traits::{Marshall as _, UnMarshall as _};
use zeroize::Zeroizing;

const MAGIC: &[u8; 8] = b"CCCDTPM\x01";
/// Under which storage key a directory's objects are: its public area.
const PARENT: &str = "storage.tpm-parent";

/// A TPM and a directory with what it wrapped.
pub struct TpmKeyStore {
    directory: PathBuf,
    /// The public area of its storage key.
    parent: Arc<[u8]>,
    /// The TPM's context may not change threads: it has one of its own.
    orders: Mutex<Sender<Order>>,
}

impl std::fmt::Debug for TpmKeyStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TpmKeyStore({})", self.directory.display())
    }
}

type Order = Box<dyn FnOnce(Result<&mut Tpm, KeyStoreError>) + Send>;

/// Does what is ordered. Once an answer was altered, the library takes nothing more over that connection: another is made then, to
/// the same TPM.
fn serve(tpm: Tpm, parent: &[u8], name: &TctiNameConf, auth: &[u8; 32], inbox: Receiver<Order>) {
    let mut tpm = Some(tpm);
    for order in inbox {
        if tpm.as_ref().is_some_and(Tpm::is_spent) {
            // Before the next: some TPMs serve one at a time.
            tpm = None;
        }
        if tpm.is_none() {
            match Tpm::open(name, auth) {
                Ok((again, its)) if its == parent => tpm = Some(again),
                Ok(_) => {
                    order(Err(KeyStoreError::OtherTpm));
                    continue;
                }
                Err(error) => {
                    order(Err(error));
                    continue;
                }
            }
        }
        order(tpm.as_mut().ok_or_else(gone));
    }
}

/// A wrapped object as it lies in its file.
struct Wrapped {
    public: Public,
    private: Private,
}

impl TpmKeyStore {
    /// Connects to a TPM. `tcti` is how the TPM is reached: `device:/dev/tpmrm0`, `swtpm:host=127.0.0.1,port=2321`.
    ///
    /// # Errors
    /// When there is no TPM.
    pub fn open(tcti: &str, directory: &Path, pass_phrase: &[u8]) -> Result<Self, KeyStoreError> {
        let name = TctiNameConf::from_str(tcti).map_err(device("be reached"))?;
        let auth = Zeroizing::new(openssl::sha::sha256(pass_phrase));
        let (orders, inbox): (Sender<Order>, Receiver<Order>) = channel();
        let (ready, started) = channel();
        std::thread::spawn(move || match Tpm::open(&name, &auth) {
            Err(error) => program::ignore(ready.send(Err(error)), "whoever listened has ended"),
            Ok((tpm, parent)) => {
                program::ignore(ready.send(Ok(parent.clone())), "whoever listened has ended");
                serve(tpm, &parent, &name, &auth, inbox);
            }
        });
        let parent = started.recv().map_err(|_| gone())??;
        Ok(Self { directory: directory.to_owned(), parent: parent.into(), orders: Mutex::new(orders) })
    }

    /// Lets the TPM's thread do something.
    fn ask<T: Send + 'static>(
        &self,
        order: impl FnOnce(&mut Tpm) -> Result<T, KeyStoreError> + Send + 'static,
    ) -> Result<T, KeyStoreError> {
        let (answer, answered) = channel();
        let order: Order =
            Box::new(move |tpm| program::ignore(answer.send(tpm.and_then(order)), "whoever listened has ended"));
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).send(order).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?
    }

    fn key_path(&self, label: &str) -> PathBuf {
        self.directory.join(format!("{label}.tpm"))
    }

    fn sealed_path(&self, label: &str) -> PathBuf {
        self.directory.join(format!("{label}.tpm-sealed"))
    }

    fn load(&self, label: &str) -> Result<Wrapped, KeyStoreError> {
        read(label, &self.key_path(label))?.ok_or_else(|| KeyStoreError::NoKey(label.to_owned()))
    }

    /// Whether the storage key is the one that everything here is under; whoever comes first says which that is. With
    /// another, nothing is sent: another TPM is there, or somebody who stands between offers a key of their own.
    fn is_home(&self) -> Result<bool, KeyStoreError> {
        let path = self.directory.join(PARENT);
        match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            known => return Ok(known.map_err(io("read", &path))? == *self.parent),
        }
        match write_new(&self.directory, PARENT, &path, &self.parent) {
            // Another process was faster: its word counts.
            Err(KeyStoreError::Exists(_)) => Ok(std::fs::read(&path).map_err(io("read", &path))? == *self.parent),
            written => written.map(|()| true),
        }
    }

    /// What is there is opened at home only.
    fn opens(&self, label: &str) -> Result<(), KeyStoreError> {
        if self.is_home()? { Ok(()) } else { Err(KeyStoreError::Locked(label.to_owned())) }
    }

    /// And what is new is made there.
    fn makes(&self) -> Result<(), KeyStoreError> {
        if self.is_home()? { Ok(()) } else { Err(KeyStoreError::OtherTpm) }
    }
}

fn gone() -> KeyStoreError {
    KeyStoreError::Device { device: "TPM", operation: "answer", source: "its thread has ended".into() }
}

/// A wrapped object from its file; `None` when there is no file.
fn read(label: &str, path: &Path) -> Result<Option<Wrapped>, KeyStoreError> {
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes.map_err(io("read", path))?,
    };
    parse(&bytes).map(Some).ok_or_else(|| KeyStoreError::Locked(label.to_owned()))
}

fn parse(bytes: &[u8]) -> Option<Wrapped> {
    fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        rest.split_at_checked(u16::from_be_bytes(*length).into())
    }
    let (public, rest) = part(bytes.strip_prefix(MAGIC)?)?;
    let (private, rest) = part(rest)?;
    let wrapped = Wrapped { public: Public::unmarshall(public).ok()?, private: private.to_vec().try_into().ok()? };
    rest.is_empty().then_some(wrapped)
}

fn encode(wrapped: &Wrapped) -> Result<Vec<u8>, KeyStoreError> {
    let public = wrapped.public.marshall().map_err(device("name what it made"))?;
    let mut bytes = MAGIC.to_vec();
    for part in [&public[..], wrapped.private.value()] {
        // A TPM2B has its length in 16 bits.
        bytes.extend_from_slice(&u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    Ok(bytes)
}

/// The point of an ECC object, as SubjectPublicKeyInfo.
fn info(public: &Public) -> Result<Vec<u8>, KeyStoreError> {
    let Public::Ecc { unique, .. } = public else {
        return Err(KeyStoreError::Device {
            device: "TPM",
            operation: "show the key",
            source: "it is no ECC key".into(),
        });
    };
    let coordinate = |bytes: &[u8]| {
        let mut padded = [0; 32];
        let from = padded.len().saturating_sub(bytes.len());
        padded[from..].copy_from_slice(bytes);
        padded
    };
    let (x, y) = (coordinate(unique.x().value()), coordinate(unique.y().value()));
    Ok(public_key_info(&[&[4][..], &x, &y].concat())?)
}

impl KeyStore for TpmKeyStore {
    fn protection(&self) -> Protection {
        Protection::Tpm
    }

    fn generate(&self, label: &str) -> Result<Vec<u8>, KeyStoreError> {
        let path = self.key_path(label);
        if path.exists() {
            return Err(KeyStoreError::Exists(label.to_owned()));
        }
        self.makes()?;
        let wrapped = self.ask(Tpm::create_key)?;
        write_new(&self.directory, label, &path, &encode(&wrapped)?)?;
        info(&wrapped.public)
    }

    fn public_key(&self, label: &str) -> Result<Vec<u8>, KeyStoreError> {
        info(&self.load(label)?.public)
    }

    fn sign(&self, label: &str, message: &[u8]) -> Result<[u8; 64], KeyStoreError> {
        let wrapped = self.load(label)?;
        self.opens(label)?;
        let (digest, label) = (openssl::sha::sha256(message), label.to_owned());
        self.ask(move |tpm| tpm.sign(&label, wrapped, digest))
    }

    fn secret(&self, label: &str) -> Result<Zeroizing<[u8; 32]>, KeyStoreError> {
        let path = self.sealed_path(label);
        if let Some(wrapped) = read(label, &path)? {
            self.opens(label)?;
            let label = label.to_owned();
            return self.ask(move |tpm| tpm.unseal(&label, wrapped));
        }
        self.makes()?;
        let mut secret = Zeroizing::new([0; 32]);
        openssl::rand::rand_priv_bytes(&mut *secret)?;
        let sealed = secret.clone();
        let wrapped = self.ask(move |tpm| tpm.seal(&sealed))?;
        match write_new(&self.directory, label, &path, &encode(&wrapped)?) {
            Ok(()) => Ok(secret),
            // Another process was faster: its secret is the one.
            Err(KeyStoreError::Exists(_)) => self.secret(label),
            Err(error) => Err(error),
        }
    }

    fn remove(&self, label: &str) -> Result<(), KeyStoreError> {
        remove_files(&[self.key_path(label), self.sealed_path(label)])?;
        // With nothing left under it, another TPM may take its place.
        let mut left = match std::fs::read_dir(&self.directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            left => left.map_err(io("read", &self.directory))?,
        };
        let wrapped = |name: &Path| name.extension().is_some_and(|kind| kind == "tpm" || kind == "tpm-sealed");
        if left.any(|entry| entry.map_or(true, |entry| wrapped(Path::new(&entry.file_name())))) {
            return Ok(());
        }
        remove_files(&[self.directory.join(PARENT)])
    }

    fn residence(&self) -> Option<&dyn Residence> {
        Some(self)
    }
}

impl Residence for TpmKeyStore {
    fn endorsement(&self) -> Result<Endorsement, KeyStoreError> {
        self.ask(Tpm::endorsement)
    }

    fn public_area(&self, label: &str) -> Result<Vec<u8>, KeyStoreError> {
        self.load(label)?.public.marshall().map_err(device("show the key"))
    }

    fn activate(&self, label: &str, blob: &[u8], secret: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyStoreError> {
        let wrapped = self.load(label)?;
        self.opens(label)?;
        let (label, blob, secret) = (label.to_owned(), blob.to_vec(), secret.to_vec());
        self.ask(move |tpm| tpm.activate(&label, wrapped, &blob, &secret))
    }
}
