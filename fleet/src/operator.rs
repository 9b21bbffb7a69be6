//! The operator's public key in a file.

use openssl::pkey::PKey;
use program::Failure;
use std::path::Path;

/// The key of a PEM file that `provision bundle key` wrote, SubjectPublicKeyInfo in DER. `path` names it in the failure.
///
/// # Errors
/// `operator_key` when there is none in it.
pub fn public_key(path: &Path, pem: &[u8]) -> Result<Vec<u8>, Failure> {
    PKey::public_key_from_pem(pem).and_then(|key| key.public_key_to_der()).map_err(|_| {
        let message = format!("{} holds no public key", path.display());
        Failure::usage("operator_key", message, "name what `provision bundle key --out` wrote")
    })
}
