//! The key on a PKCS#11 token: it never leaves it.

use super::{Location, TerminalKey, TerminalKeyError, digest, digest_info, wants_rsa};
use crate::key_store::pkcs11::log_in;
use cryptoki::error::Error as TokenError;
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use emrtd::{HashAlgorithm, SigningRequest, TerminalAlgorithm};

/// A key on a token, with a session that stays open.
pub struct Pkcs11TerminalKey {
    session: Session,
    key: ObjectHandle,
    is_rsa: bool,
}

impl std::fmt::Debug for Pkcs11TerminalKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pkcs11TerminalKey")
    }
}

fn token(operation: &'static str) -> impl FnOnce(TokenError) -> TerminalKeyError {
    move |source| TerminalKeyError::Token { operation, source: Box::new(source) }
}

impl Pkcs11TerminalKey {
    /// Opens the token with its PIN and looks for the key.
    ///
    /// # Errors
    /// When module, token or key are not there, or the PIN is wrong.
    pub fn open(location: &Location<'_>, pin: &str) -> Result<Self, TerminalKeyError> {
        let missing = |what, label: &str| TerminalKeyError::Missing { what, label: label.to_owned() };
        let session = log_in(location.module, location.token, pin).map_err(|(operation, e)| token(operation)(e))?;
        let session = session.ok_or_else(|| missing("token", location.token))?;
        let wanted = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Label(location.key.as_bytes().to_vec())];
        let found = session.find_objects(&wanted).map_err(token("look for the key"))?;
        let key = *found.first().ok_or_else(|| missing("private key", location.key))?;
        let attributes =
            session.get_attributes(key, &[AttributeType::KeyType]).map_err(token("read the key's kind"))?;
        let is_rsa = attributes.iter().any(|a| matches!(a, Attribute::KeyType(kind) if *kind == KeyType::RSA));
        Ok(Self { session, key, is_rsa })
    }
}

impl TerminalKey for Pkcs11TerminalKey {
    fn sign(&self, request: &SigningRequest) -> Result<Vec<u8>, TerminalKeyError> {
        if self.is_rsa != wants_rsa(request.algorithm) {
            return Err(TerminalKeyError::Algorithm);
        }
        let digest = digest(request);
        let (mechanism, input) = match request.algorithm {
            TerminalAlgorithm::Ecdsa(_) => (Mechanism::Ecdsa, digest),
            TerminalAlgorithm::RsaPkcs1(hash) => (Mechanism::RsaPkcs, digest_info(hash, &digest)),
            TerminalAlgorithm::RsaPss(hash) => (Mechanism::RsaPkcsPss(pss(hash)), digest),
        };
        self.session.sign(&mechanism, self.key, &input).map_err(token("sign"))
    }
}

fn pss(hash: HashAlgorithm) -> PkcsPssParams {
    let (hash_alg, mgf) = match hash {
        HashAlgorithm::Sha1 => (MechanismType::SHA1, PkcsMgfType::MGF1_SHA1),
        HashAlgorithm::Sha224 => (MechanismType::SHA224, PkcsMgfType::MGF1_SHA224),
        HashAlgorithm::Sha256 => (MechanismType::SHA256, PkcsMgfType::MGF1_SHA256),
        HashAlgorithm::Sha384 => (MechanismType::SHA384, PkcsMgfType::MGF1_SHA384),
        HashAlgorithm::Sha512 => (MechanismType::SHA512, PkcsMgfType::MGF1_SHA512),
    };
    PkcsPssParams { hash_alg, mgf, s_len: (hash.output_len() as std::ffi::c_ulong).into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soft_hsm::{self, MODULE};
    use crate::terminal_key::conformance::{self, Kind};
    use std::path::Path;

    /// One key of each kind.
    #[test]
    fn the_token_key_conforms() {
        let Some(hsm) = soft_hsm::here("terminal_key::pkcs11::tests::the_token_key_conforms") else { return };
        hsm.make_token("inspection", "1234");
        for (number, kind) in Kind::ALL.into_iter().enumerate() {
            let key = kind.generate();
            let file = hsm.directory().join(format!("{number}.pem"));
            std::fs::write(&file, key.private_key_to_pem_pkcs8().expect("PEM")).expect("file");
            let (id, label) = (format!("0{number}"), format!("{kind:?}"));
            let file = file.display().to_string();
            hsm.run(&["--import", &file, "--token", "inspection", "--label", &label, "--id", &id, "--pin", "1234"]);
            let location = Location { module: Path::new(MODULE), token: "inspection", key: &label };
            let opened = Pkcs11TerminalKey::open(&location, "1234").expect("key");
            conformance::run(&opened, &key, kind);
        }
        let at = |token, key| Location { module: Path::new(MODULE), token, key };
        for (location, code) in [
            (at("another", "Rsa2048"), "terminal_key_missing"),
            (at("inspection", "another"), "terminal_key_missing"),
            (Location { module: Path::new("/nowhere.so"), ..at("inspection", "Rsa2048") }, "terminal_token_failed"),
        ] {
            assert_eq!(Pkcs11TerminalKey::open(&location, "1234").expect_err("nothing there").code(), code);
        }
    }
}
