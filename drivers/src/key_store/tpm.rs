//! Keys in a TPM 2.0 (TCG TPM 2.0 Library): P-256 signing keys that are made inside and cannot be duplicated.
//!
//! The TPM has little room. What it makes is therefore kept outside, wrapped by it: `LABEL.tpm` (a key) and
//! `LABEL.tpm-sealed` (a secret) are `CCCDTPM`, version `01`, then TPM2B_PUBLIC and TPM2B_PRIVATE, each behind its length
//! (u16, big endian). Only the TPM that made them can load them, under its storage primary key, which it derives anew
//! from its seed each time (ECC P-256 template of TCG EK Credential Profile, default attributes).
//!
//! The pass phrase becomes the authorisation value (SHA-256), checked without the dictionary-attack lockout: a
//! wrong pass phrase must not lock the machine's TPM for its other users.

use super::{KeyStore, KeyStoreError, Protection, io, public_key_info, remove_files, write_new};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use tss_esapi::attributes::{ObjectAttributes, ObjectAttributesBuilder};
use tss_esapi::constants::response_code::Tss2ResponseCodeKind as Kind;
use tss_esapi::handles::KeyHandle;
use tss_esapi::interface_types::algorithm::{HashingAlgorithm, PublicAlgorithm};
use tss_esapi::interface_types::ecc::EccCurve;
use tss_esapi::interface_types::resource_handles::Hierarchy;
use tss_esapi::interface_types::session_handles::AuthSession;
use tss_esapi::structures::{
    Auth, Digest, EccPoint, EccScheme, HashScheme, HashcheckTicket, KeyedHashScheme, Private, Public, PublicBuilder,
    PublicEccParameters, PublicEccParametersBuilder, PublicKeyedHashParameters, SensitiveData, Signature,
    SignatureScheme, SymmetricDefinitionObject,
};
use tss_esapi::traits::{Marshall as _, UnMarshall as _};
use tss_esapi::{Context, Error, TctiNameConf};
use zeroize::Zeroizing;

const MAGIC: &[u8; 8] = b"CCCDTPM\x01";

/// A TPM and a directory with what it wrapped.
pub struct TpmKeyStore {
    directory: PathBuf,
    /// The TPM's context may not change threads: it has one of its own.
    orders: Mutex<Sender<Order>>,
}

impl std::fmt::Debug for TpmKeyStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TpmKeyStore({})", self.directory.display())
    }
}

type Order = Box<dyn FnOnce(&mut Tpm) + Send>;

/// A wrapped object as it lies in its file.
struct Wrapped {
    public: Public,
    private: Private,
}

fn device(operation: &'static str) -> impl FnOnce(Error) -> KeyStoreError {
    move |source| KeyStoreError::Device { device: "TPM", operation, source: Box::new(source) }
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
        std::thread::spawn(move || match Tpm::open(name, &auth) {
            Err(error) => program::ignore(ready.send(Err(error)), "whoever listened has ended"),
            Ok(mut tpm) => {
                program::ignore(ready.send(Ok(())), "whoever listened has ended");
                inbox.into_iter().for_each(|order| order(&mut tpm));
            }
        });
        started.recv().map_err(|_| gone())??;
        Ok(Self { directory: directory.to_owned(), orders: Mutex::new(orders) })
    }

    /// Lets the TPM's thread do something.
    fn ask<T: Send + 'static>(
        &self,
        order: impl FnOnce(&mut Tpm) -> Result<T, KeyStoreError> + Send + 'static,
    ) -> Result<T, KeyStoreError> {
        let (answer, answered) = channel();
        let order: Order = Box::new(move |tpm| program::ignore(answer.send(order(tpm)), "whoever listened has ended"));
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
        let wrapped = self.ask(Tpm::create_key)?;
        write_new(&self.directory, label, &path, &encode(&wrapped)?)?;
        info(&wrapped.public)
    }

    fn public_key(&self, label: &str) -> Result<Vec<u8>, KeyStoreError> {
        info(&self.load(label)?.public)
    }

    fn sign(&self, label: &str, message: &[u8]) -> Result<[u8; 64], KeyStoreError> {
        let wrapped = self.load(label)?;
        let (digest, label) = (openssl::sha::sha256(message), label.to_owned());
        self.ask(move |tpm| tpm.sign(&label, wrapped, digest))
    }

    fn secret(&self, label: &str) -> Result<Zeroizing<[u8; 32]>, KeyStoreError> {
        let path = self.sealed_path(label);
        if let Some(wrapped) = read(label, &path)? {
            let label = label.to_owned();
            return self.ask(move |tpm| tpm.unseal(&label, wrapped));
        }
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
        remove_files(&[self.key_path(label), self.sealed_path(label)])
    }
}

/// The TPM's side, in its thread.
struct Tpm {
    context: Context,
    primary: KeyHandle,
    auth: Auth,
}

impl Drop for Tpm {
    fn drop(&mut self) {
        // The resource manager would do it, too.
        self.context.flush_context(self.primary.into()).unwrap_or_default();
    }
}

impl Tpm {
    fn open(name: TctiNameConf, auth: &[u8; 32]) -> Result<Self, KeyStoreError> {
        let mut context = Context::new(name).map_err(device("be reached"))?;
        let template = storage_template().map_err(device("make its storage key"))?;
        let primary = context
            .execute_with_nullauth_session(|context| {
                context.create_primary(Hierarchy::Owner, template, None, None, None, None)
            })
            .map_err(device("make its storage key"))?;
        let auth = Auth::try_from(auth.to_vec()).map_err(device("take the pass phrase"))?;
        Ok(Self { context, primary: primary.key_handle, auth })
    }

    fn create(
        &mut self,
        operation: &'static str,
        template: Result<Public, Error>,
        content: Option<SensitiveData>,
    ) -> Result<Wrapped, KeyStoreError> {
        let template = template.map_err(device(operation))?;
        let (primary, auth) = (self.primary, self.auth.clone());
        let made = self
            .context
            .execute_with_session(Some(AuthSession::Password), |context| {
                context.create(primary, template, Some(auth), content, None, None)
            })
            .map_err(device(operation))?;
        Ok(Wrapped { public: made.out_public, private: made.out_private })
    }

    fn create_key(&mut self) -> Result<Wrapped, KeyStoreError> {
        self.create("make a key", signing_template(), None)
    }

    fn seal(&mut self, secret: &[u8; 32]) -> Result<Wrapped, KeyStoreError> {
        let content = SensitiveData::try_from(secret.to_vec()).map_err(device("seal a secret"))?;
        self.create("seal a secret", sealing_template(), Some(content))
    }

    /// Loads an object, uses it, and flushes it.
    fn with<T>(
        &mut self,
        label: &str,
        wrapped: Wrapped,
        operation: &'static str,
        work: impl FnOnce(&mut Context, KeyHandle) -> Result<T, Error>,
    ) -> Result<T, KeyStoreError> {
        let (primary, auth) = (self.primary, self.auth.clone());
        let session = Some(AuthSession::Password);
        let loaded = self
            .context
            .execute_with_session(session, |context| context.load(primary, wrapped.private, wrapped.public))
            // Another TPM made it, or somebody changed it.
            .map_err(|_| KeyStoreError::Locked(label.to_owned()))?;
        let done = self.context.tr_set_auth(loaded.into(), auth);
        let done = done.and_then(|()| self.context.execute_with_session(session, |context| work(context, loaded)));
        self.context.flush_context(loaded.into()).map_err(device("forget a key"))?;
        done.map_err(|error| match error {
            Error::Tss2Error(code) if matches!(code.kind(), Some(Kind::BadAuth | Kind::AuthFail)) => {
                KeyStoreError::Locked(label.to_owned())
            }
            error => device(operation)(error),
        })
    }

    fn sign(&mut self, label: &str, wrapped: Wrapped, digest: [u8; 32]) -> Result<[u8; 64], KeyStoreError> {
        let signature = self.with(label, wrapped, "sign", |context, key| {
            let digest = Digest::try_from(&digest[..])?;
            let scheme = SignatureScheme::EcDsa { hash_scheme: HashScheme::new(HashingAlgorithm::Sha256) };
            // The key is not restricted: it signs digests that were made elsewhere.
            let ticket = HashcheckTicket::try_from(tss_esapi::tss2_esys::TPMT_TK_HASHCHECK {
                tag: tss_esapi::constants::tss::TPM2_ST_HASHCHECK,
                hierarchy: tss_esapi::constants::tss::TPM2_RH_NULL,
                digest: Default::default(),
            })?;
            context.sign(key, digest, scheme, ticket)
        })?;
        let Signature::EcDsa(signature) = signature else {
            return Err(KeyStoreError::Device { device: "TPM", operation: "sign", source: "not ECDSA".into() });
        };
        let mut plain = [0; 64];
        for (part, number) in [signature.signature_r().value(), signature.signature_s().value()].iter().enumerate() {
            let end = (part + 1) * 32;
            plain[end - number.len().min(32)..end].copy_from_slice(&number[number.len().saturating_sub(32)..]);
        }
        Ok(plain)
    }

    fn unseal(&mut self, label: &str, wrapped: Wrapped) -> Result<Zeroizing<[u8; 32]>, KeyStoreError> {
        let data = self.with(label, wrapped, "unseal a secret", |context, item| context.unseal(item.into()))?;
        let mut secret = Zeroizing::new([0; 32]);
        if data.value().len() != secret.len() {
            return Err(KeyStoreError::Locked(label.to_owned()));
        }
        secret.copy_from_slice(data.value());
        Ok(secret)
    }
}

fn ecc_template(attributes: ObjectAttributes, parameters: PublicEccParameters) -> Result<Public, Error> {
    PublicBuilder::new()
        .with_public_algorithm(PublicAlgorithm::Ecc)
        .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
        .with_object_attributes(attributes)
        .with_ecc_parameters(parameters)
        .with_ecc_unique_identifier(EccPoint::default())
        .build()
}

/// An ECC P-256 storage key.
fn storage_template() -> Result<Public, Error> {
    let attributes = ObjectAttributesBuilder::new()
        .with_fixed_tpm(true)
        .with_fixed_parent(true)
        .with_sensitive_data_origin(true)
        .with_user_with_auth(true)
        .with_no_da(true)
        .with_restricted(true)
        .with_decrypt(true)
        .build()?;
    let parameters = PublicEccParametersBuilder::new_restricted_decryption_key(
        SymmetricDefinitionObject::AES_128_CFB,
        EccCurve::NistP256,
    )
    .build()?;
    ecc_template(attributes, parameters)
}

/// A P-256 key that signs, was made inside, and stays.
fn signing_template() -> Result<Public, Error> {
    let attributes = ObjectAttributesBuilder::new()
        .with_fixed_tpm(true)
        .with_fixed_parent(true)
        .with_sensitive_data_origin(true)
        .with_user_with_auth(true)
        .with_no_da(true)
        .with_sign_encrypt(true)
        .build()?;
    let scheme = EccScheme::EcDsa(HashScheme::new(HashingAlgorithm::Sha256));
    let parameters = PublicEccParametersBuilder::new_unrestricted_signing_key(scheme, EccCurve::NistP256)
        .with_symmetric(SymmetricDefinitionObject::Null)
        .build()?;
    ecc_template(attributes, parameters)
}

/// Bytes that the TPM keeps.
fn sealing_template() -> Result<Public, Error> {
    let attributes = ObjectAttributesBuilder::new()
        .with_fixed_tpm(true)
        .with_fixed_parent(true)
        .with_user_with_auth(true)
        .with_no_da(true)
        .build()?;
    PublicBuilder::new()
        .with_public_algorithm(PublicAlgorithm::KeyedHash)
        .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
        .with_object_attributes(attributes)
        .with_keyed_hash_parameters(PublicKeyedHashParameters::new(KeyedHashScheme::Null))
        .with_keyed_hash_unique_identifier(Digest::default())
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_store::conformance;
    use std::net::{TcpListener, TcpStream};
    use std::process::{Child, Command};

    /// A software TPM in a directory of its own.
    struct SoftwareTpm {
        process: Child,
        port: u16,
        _state: tempfile::TempDir,
    }

    impl Drop for SoftwareTpm {
        fn drop(&mut self) {
            drop(self.process.kill());
            drop(self.process.wait());
        }
    }

    impl SoftwareTpm {
        fn start() -> Self {
            let state = tempfile::tempdir().expect("directory");
            loop {
                let server = TcpListener::bind("127.0.0.1:0").expect("a port");
                let free = server.local_addr().expect("an address").port();
                // The library expects the control channel on the next port, which may be somebody else's.
                let Some(control) = free.checked_add(1) else { continue };
                let Ok(both) = TcpListener::bind(("127.0.0.1", control)) else { continue };
                drop((server, both));
                let mut process = Command::new("swtpm")
                    .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
                    .args(["--tpmstate", &format!("dir={}", state.path().display())])
                    .args(["--server", &format!("type=tcp,port={free}"), "--ctrl", &format!("type=tcp,port={control}")])
                    .spawn()
                    .expect("swtpm");
                // It serves one connection after the other.
                let up = loop {
                    match (process.try_wait().expect("status"), TcpStream::connect(("127.0.0.1", control))) {
                        (Some(_), _) => break false,
                        // Somebody else's port would answer, too, and swtpm end over it.
                        (None, Ok(_)) => {
                            std::thread::park_timeout(std::time::Duration::from_millis(50));
                            break process.try_wait().expect("status").is_none();
                        }
                        (None, Err(_)) => std::thread::yield_now(),
                    }
                };
                if up {
                    return Self { process, port: free, _state: state };
                }
            }
        }

        fn open(&self, keys: &Path, pass_phrase: &[u8]) -> TpmKeyStore {
            let tcti = format!("swtpm:host=127.0.0.1,port={}", self.port);
            TpmKeyStore::open(&tcti, keys, pass_phrase).expect("TPM")
        }
    }

    /// A store over the connection of another, as swtpm has one at a time. What a store knows lies in its files.
    fn over(store: &TpmKeyStore) -> Box<dyn KeyStore> {
        let orders = store.orders.lock().expect("orders").clone();
        Box::new(TpmKeyStore { directory: store.directory.clone(), orders: Mutex::new(orders) })
    }

    #[test]
    fn the_tpm_store_conforms_and_gives_nothing_to_another_pass_phrase_or_tpm() {
        let (tpm, keys) = (SoftwareTpm::start(), tempfile::tempdir().expect("directory"));
        let store = tpm.open(keys.path(), b"pass phrase");
        conformance::run(&store, || over(&store));
        let (public, secret) = (store.public_key("tls").expect("key"), store.secret("book").expect("secret"));
        let locked = |store: &TpmKeyStore| {
            assert!(matches!(store.sign("tls", b"x"), Err(KeyStoreError::Locked(_))));
            assert!(matches!(store.secret("book"), Err(KeyStoreError::Locked(_))));
        };
        drop(store);
        for _ in 0..40 {
            // More often than a TPM's lockout would bear.
            locked(&tpm.open(keys.path(), b"another"));
        }
        let again = tpm.open(keys.path(), b"pass phrase");
        assert_eq!(again.public_key("tls").expect("key"), public);
        assert_eq!(*again.secret("book").expect("secret"), *secret);
        again.sign("tls", b"x").expect("signature");
        drop(again);
        let other = SoftwareTpm::start();
        locked(&other.open(keys.path(), b"pass phrase"));
    }

    #[test]
    fn a_file_that_is_cut_or_changed_is_locked() {
        let (tpm, keys) = (SoftwareTpm::start(), tempfile::tempdir().expect("directory"));
        let store = tpm.open(keys.path(), b"pass phrase");
        store.generate("event").expect("key");
        let path = keys.path().join("event.tpm");
        let whole = std::fs::read(&path).expect("file");
        for length in [0, 8, 9, 10, 40, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).expect("file");
            assert!(matches!(store.sign("event", b"x"), Err(KeyStoreError::Locked(_))), "{length} bytes");
        }
        let mut changed = whole;
        let last = changed.len() - 1;
        changed[last] ^= 1;
        std::fs::write(&path, &changed).expect("file");
        assert!(matches!(store.sign("event", b"x"), Err(KeyStoreError::Locked(_))));
    }

    #[test]
    fn without_a_tpm_it_says_so() {
        let error = TpmKeyStore::open("device:/nowhere", Path::new("/nowhere"), b"x").expect_err("no TPM");
        assert_eq!(error.code(), "key_store_device");
    }
}
