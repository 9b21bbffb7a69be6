//! Keys on a PKCS#11 token (OASIS PKCS#11 3.0): P-256, sensitive and not extractable.
//!
//! A secret is agreed with the token: `LABEL.point` holds a point whose private key nobody has, and the secret is the
//! SHA-256 of what CKM_ECDH1_DERIVE makes of it with the token's key `LABEL (secret)`. Tokens that can sign can usually
//! do that, while few offer AES.

use super::{KeyStore, KeyStoreError, Protection, io, public_key_info, remove_files, write_new};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as TokenError, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::elliptic_curve::{EcKdf, Ecdh1DeriveParams};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use openssl::ec::{EcGroup, EcKey, PointConversionForm};
use openssl::nid::Nid;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use zeroize::{Zeroize as _, Zeroizing};

/// A token, logged in, and a directory with what secrets are agreed over.
pub struct Pkcs11KeyStore {
    token: String,
    directory: PathBuf,
    session: Mutex<Session>,
}

impl std::fmt::Debug for Pkcs11KeyStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pkcs11KeyStore({})", self.token)
    }
}

/// OID prime256v1 in DER (CKA_EC_PARAMS).
const PRIME256V1: [u8; 10] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];

fn device(operation: &'static str) -> impl FnOnce(TokenError) -> KeyStoreError {
    move |source| KeyStoreError::Device { device: "token", operation, source: Box::new(source) }
}

fn missing(operation: &'static str, what: &'static str) -> KeyStoreError {
    KeyStoreError::Device { device: "token", operation, source: what.into() }
}

/// Loads a module and logs in to the token with this label.
pub(crate) fn log_in(module: &Path, label: &str, pin: &str) -> Result<Option<Session>, (&'static str, TokenError)> {
    let context = Pkcs11::new(module).map_err(|e| ("load the module", e))?;
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        // Another part of the process uses the module, too.
        Ok(()) | Err(TokenError::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(("initialise the module", error)),
    }
    let slots = context.get_slots_with_token().map_err(|e| ("list tokens", e))?;
    let labelled =
        |slot: &cryptoki::slot::Slot| context.get_token_info(*slot).is_ok_and(|info| info.label().trim_end() == label);
    let Some(slot) = slots.into_iter().find(labelled) else { return Ok(None) };
    let session = context.open_rw_session(slot).map_err(|e| ("open a session", e))?;
    match session.login(UserType::User, Some(&AuthPin::new(pin.to_owned().into_boxed_str()))) {
        Ok(()) | Err(TokenError::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(Some(session)),
        Err(error) => Err(("log in", error)),
    }
}

impl Pkcs11KeyStore {
    /// Opens a token by its label, with its PIN.
    ///
    /// # Errors
    /// When module or token are not there, or the PIN is wrong.
    pub fn open(module: &Path, token: &str, directory: &Path, pin: &str) -> Result<Self, KeyStoreError> {
        let session = match log_in(module, token, pin) {
            Ok(session) => session.ok_or_else(|| missing("be found", "no token has this label"))?,
            Err(("log in", TokenError::Pkcs11(RvError::PinIncorrect | RvError::PinLocked, _))) => {
                return Err(KeyStoreError::Locked(token.to_owned()));
            }
            Err((operation, error)) => return Err(device(operation)(error)),
        };
        Ok(Self { token: token.to_owned(), directory: directory.to_owned(), session: Mutex::new(session) })
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn point_path(&self, label: &str) -> PathBuf {
        self.directory.join(format!("{label}.point"))
    }
}

/// The key that a secret is agreed with.
fn secret_label(label: &str) -> String {
    format!("{label} (secret)")
}

fn find(session: &Session, class: ObjectClass, label: &str) -> Result<Option<ObjectHandle>, KeyStoreError> {
    let wanted = [Attribute::Class(class), Attribute::Label(label.as_bytes().to_vec())];
    Ok(session.find_objects(&wanted).map_err(device("look for a key"))?.first().copied())
}

/// Makes a key pair for one use; the handle of the public key.
fn generate(session: &Session, label: &str, signs: bool) -> Result<ObjectHandle, KeyStoreError> {
    let named = Attribute::Label(label.as_bytes().to_vec());
    let public = [
        Attribute::Token(true),
        Attribute::EcParams(PRIME256V1.to_vec()),
        named.clone(),
        Attribute::Verify(signs),
        Attribute::Derive(!signs),
    ];
    let private = [
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        named,
        Attribute::Sign(signs),
        Attribute::Derive(!signs),
    ];
    let made = session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private);
    Ok(made.map_err(device("make a key"))?.0)
}

/// SubjectPublicKeyInfo of a public key object. CKA_EC_POINT is an OCTET STRING around the point.
fn info(session: &Session, key: ObjectHandle) -> Result<Vec<u8>, KeyStoreError> {
    let attributes = session.get_attributes(key, &[AttributeType::EcPoint]).map_err(device("show a key"))?;
    let point = attributes.iter().find_map(|attribute| match attribute {
        Attribute::EcPoint(bytes) => Some(bytes.strip_prefix(&[0x04, 0x41]).unwrap_or(bytes)),
        _ => None,
    });
    Ok(public_key_info(point.ok_or_else(|| missing("show a key", "it has no point"))?)?)
}

impl KeyStore for Pkcs11KeyStore {
    fn protection(&self) -> Protection {
        Protection::Token
    }

    fn generate(&self, label: &str) -> Result<Vec<u8>, KeyStoreError> {
        let session = self.session();
        if find(&session, ObjectClass::PRIVATE_KEY, label)?.is_some() {
            return Err(KeyStoreError::Exists(label.to_owned()));
        }
        let public = generate(&session, label, true)?;
        info(&session, public)
    }

    fn public_key(&self, label: &str) -> Result<Vec<u8>, KeyStoreError> {
        let session = self.session();
        let key = find(&session, ObjectClass::PUBLIC_KEY, label)?;
        info(&session, key.ok_or_else(|| KeyStoreError::NoKey(label.to_owned()))?)
    }

    fn sign(&self, label: &str, message: &[u8]) -> Result<[u8; 64], KeyStoreError> {
        let session = self.session();
        let key = find(&session, ObjectClass::PRIVATE_KEY, label)?;
        let key = key.ok_or_else(|| KeyStoreError::NoKey(label.to_owned()))?;
        let digest = openssl::sha::sha256(message);
        let signature = session.sign(&Mechanism::Ecdsa, key, &digest).map_err(device("sign"))?;
        signature.try_into().map_err(|_| missing("sign", "the signature has not 64 bytes"))
    }

    fn secret(&self, label: &str) -> Result<Zeroizing<[u8; 32]>, KeyStoreError> {
        let path = self.point_path(label);
        let session = self.session();
        let point = match std::fs::read(&path) {
            Ok(point) => point,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if find(&session, ObjectClass::PRIVATE_KEY, &secret_label(label))?.is_none() {
                    generate(&session, &secret_label(label), false)?;
                }
                let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
                let passing = EcKey::generate(&group)?;
                let mut context = openssl::bn::BigNumContext::new()?;
                let form = PointConversionForm::UNCOMPRESSED;
                let point = passing.public_key().to_bytes(&group, form, &mut context)?;
                match write_new(&self.directory, label, &path, &point) {
                    Ok(()) => point,
                    // Another process was faster: its point is the one.
                    Err(KeyStoreError::Exists(_)) => std::fs::read(&path).map_err(io("read", &path))?,
                    Err(error) => return Err(error),
                }
            }
            Err(error) => return Err(io("read", &path)(error)),
        };
        // A file that somebody changed must not make the token agree on a point off the curve.
        public_key_info(&point).map_err(|_| KeyStoreError::Locked(label.to_owned()))?;
        let key = find(&session, ObjectClass::PRIVATE_KEY, &secret_label(label))?;
        let key = key.ok_or_else(|| KeyStoreError::Locked(label.to_owned()))?;
        let agree = Mechanism::Ecdh1Derive(Ecdh1DeriveParams::new(EcKdf::null(), &point));
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::GENERIC_SECRET),
            Attribute::ValueLen(32.into()),
            Attribute::Token(false),
            Attribute::Sensitive(false),
            Attribute::Extractable(true),
        ];
        let agreed = session.derive_key(&agree, key, &template).map_err(device("agree on a secret"))?;
        let value = session.get_attributes(agreed, &[AttributeType::Value]);
        session.destroy_object(agreed).map_err(device("forget a secret"))?;
        let value = value.map_err(device("agree on a secret"))?.into_iter().find_map(|attribute| match attribute {
            Attribute::Value(bytes) => Some(bytes),
            _ => None,
        });
        let mut value = value.ok_or_else(|| missing("agree on a secret", "it shows nothing"))?;
        let secret = Zeroizing::new(openssl::sha::sha256(&value));
        value.zeroize();
        Ok(secret)
    }

    fn remove(&self, label: &str) -> Result<(), KeyStoreError> {
        let session = self.session();
        for label in [label, &secret_label(label)] {
            for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
                while let Some(object) = find(&session, class, label)? {
                    session.destroy_object(object).map_err(device("forget a key"))?;
                }
            }
        }
        remove_files(&[self.point_path(label)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_store::conformance;
    use crate::soft_hsm;

    #[test]
    fn the_token_store_conforms() {
        let Some(hsm) = soft_hsm::here("key_store::pkcs11::tests::the_token_store_conforms") else { return };
        hsm.make_token("kiosk", "1234");
        let keys = hsm.directory().join("keys");
        let open = |token, pin| Pkcs11KeyStore::open(Path::new(soft_hsm::MODULE), token, &keys, pin);
        let store = open("kiosk", "1234").expect("token");
        conformance::run(&store, || Box::new(open("kiosk", "1234").expect("token")));
        let session = store.session();
        let key = find(&session, ObjectClass::PRIVATE_KEY, "event").expect("search").expect("a key");
        let shown = session.get_attributes(key, &[AttributeType::Value]).unwrap_or_default();
        assert!(shown.is_empty(), "the token shows no private key");
        drop(session);
        std::fs::write(keys.join("book.point"), [4; 65]).expect("file");
        assert!(matches!(store.secret("book"), Err(KeyStoreError::Locked(_))), "a point off the curve");
        drop(store);
        assert_eq!(open("another", "1234").expect_err("no token").code(), "key_store_device");
    }
}
