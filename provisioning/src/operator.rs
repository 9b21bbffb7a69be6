//! The operator's keys: one for each kind of document that devices take from the operator.

use anyhow::Context as _;
use drivers::key_store::KeyStore as _;
use drivers::key_store::file::FileKeyStore;
use openssl::pkey::PKey;
use std::path::Path;

/// Makes the key of this label in a directory and writes its public part.
///
/// # Errors
/// When there is one already, or a file cannot be written.
pub fn make_key(keys: &Path, label: &str, pass_phrase: &[u8], public: &Path) -> anyhow::Result<()> {
    let der = FileKeyStore::new(keys, pass_phrase).generate(label)?;
    let pem = PKey::public_key_from_der(&der)?.public_key_to_pem()?;
    std::fs::write(public, pem).with_context(|| format!("cannot write {}", public.display()))
}
