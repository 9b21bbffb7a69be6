//! The key in a PKCS#8 file, which should be encrypted under a pass phrase.

use super::{TerminalKey, TerminalKeyError, digest, wants_rsa};
use emrtd::{HashAlgorithm, SigningRequest, TerminalAlgorithm};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Private};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Signer};
use program::private::SecretError;
use std::path::Path;

/// A key that was read from a file.
pub struct FileTerminalKey(PKey<Private>);

impl std::fmt::Debug for FileTerminalKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileTerminalKey")
    }
}

impl FileTerminalKey {
    /// Reads a PEM file. The pass phrase is ignored when the file is not encrypted.
    ///
    /// # Errors
    /// When it cannot be read, or the pass phrase does not open it.
    pub fn open(path: &Path, pass_phrase: &[u8]) -> Result<Self, TerminalKeyError> {
        let pem = program::private::secret(path).map_err(|error| match error {
            SecretError::Io { path, source } => TerminalKeyError::Io { path, source },
            error => TerminalKeyError::Secret(error),
        })?;
        let key = PKey::private_key_from_pem_passphrase(&pem, pass_phrase);
        key.map(Self).map_err(|_| TerminalKeyError::Locked(path.to_owned()))
    }

    fn sign_rsa(&self, request: &SigningRequest) -> Result<Vec<u8>, TerminalKeyError> {
        let mut signer = Signer::new(message_digest(request.algorithm.hash()), &self.0)?;
        if matches!(request.algorithm, TerminalAlgorithm::RsaPss(_)) {
            signer.set_rsa_padding(Padding::PKCS1_PSS)?;
            signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
        }
        Ok(signer.sign_oneshot_to_vec(&request.message)?)
    }
}

fn message_digest(hash: HashAlgorithm) -> MessageDigest {
    match hash {
        HashAlgorithm::Sha1 => MessageDigest::sha1(),
        HashAlgorithm::Sha224 => MessageDigest::sha224(),
        HashAlgorithm::Sha256 => MessageDigest::sha256(),
        HashAlgorithm::Sha384 => MessageDigest::sha384(),
        HashAlgorithm::Sha512 => MessageDigest::sha512(),
    }
}

impl TerminalKey for FileTerminalKey {
    fn sign(&self, request: &SigningRequest) -> Result<Vec<u8>, TerminalKeyError> {
        match self.0.id() {
            Id::RSA if wants_rsa(request.algorithm) => self.sign_rsa(request),
            Id::EC if !wants_rsa(request.algorithm) => {
                let key = self.0.ec_key()?;
                let signature = EcdsaSig::sign(&digest(request), &key)?;
                let width = key.group().order_bits().div_ceil(8) as i32;
                Ok([signature.r().to_vec_padded(width)?, signature.s().to_vec_padded(width)?].concat())
            }
            _ => Err(TerminalKeyError::Algorithm),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal_key::conformance::{self, Kind};
    use openssl::symm::Cipher;

    #[test]
    fn the_file_key_conforms() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("terminal.key.pem");
        for kind in Kind::ALL {
            let key = kind.generate();
            let pem = key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"phrase").expect("PEM");
            program::private::replace(&path, &pem).expect("file");
            let opened = FileTerminalKey::open(&path, b"phrase").expect("key");
            conformance::run(&opened, &key, kind);
            let wrong = FileTerminalKey::open(&path, b"another").expect_err("locked");
            assert_eq!(wrong.code(), "terminal_key_locked");
        }
        let missing = FileTerminalKey::open(&directory.path().join("nowhere"), b"").expect_err("missing");
        assert_eq!(missing.code(), "terminal_key_unreadable");
    }
}
