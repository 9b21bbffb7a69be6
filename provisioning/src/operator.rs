//! The operator's keys: one for each kind of document that devices take from the operator.

use drivers::key_store::KeyStore as _;
use drivers::key_store::file::FileKeyStore;
use events::EventError;
use fleet::FleetError;
use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use program::{Failure, files};
use std::path::Path;

/// Makes the key of this label in a directory and writes its public part.
///
/// # Errors
/// When there is one already, or a file cannot be written.
pub fn make_key(keys: &Path, label: &str, pass_phrase: &[u8], public: &Path) -> Result<(), Failure> {
    let der = FileKeyStore::new(keys, pass_phrase).generate(label)?;
    let pem = PKey::public_key_from_der(&der).and_then(|key| key.public_key_to_pem());
    files::write(public, pem.map_err(|error: ErrorStack| Failure::from(FleetError::Crypto(error)))?)
}

/// A public key that [`make_key`] wrote, SubjectPublicKeyInfo in DER.
///
/// # Errors
/// When the file holds none.
pub fn public_key(path: &Path) -> Result<Vec<u8>, Failure> {
    fleet::operator::public_key(path, &files::read(path)?)
}

/// A document that could not be signed.
pub(crate) fn not_signed(error: &EventError) -> Failure {
    let remedy = "check the directory of keys and the pass phrase; if both are right, report this as a bug";
    Failure::device(error.code(), error.to_string(), remedy)
}
