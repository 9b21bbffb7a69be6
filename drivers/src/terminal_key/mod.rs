//! The private key of an inspection system, for terminal authentication (ICAO 9303-11 §7.1): made elsewhere, certified
//! by a document verifier, and given to the operator in a file or on a token.
//!
//! Apart from [`KeyStore`](crate::key_store::KeyStore), whose keys are the device's own: this key's kind and algorithm
//! are its certificate's.

pub mod conformance;
pub mod file;
#[cfg(feature = "pkcs11")]
pub mod pkcs11;

#[cfg(feature = "pkcs11")]
use emrtd::HashAlgorithm;
use emrtd::{SigningRequest, TerminalAlgorithm};
use program::private::SecretError;
use thiserror::Error;

/// Why the terminal's key does not sign.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TerminalKeyError {
    /// The key's file cannot be read.
    #[error("cannot read {path}")]
    Io {
        /// Which file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file holds no private key, or the pass phrase does not open it.
    #[error("{0} holds no private key that the pass phrase opens")]
    Locked(std::path::PathBuf),
    /// Others can read the key's file.
    #[error(transparent)]
    Secret(SecretError),
    /// The token is not there, or refuses.
    #[error("PKCS#11: {operation}")]
    Token {
        /// What was being done.
        operation: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No token, or no private key, has this label.
    #[error("no PKCS#11 {what} {label:?}")]
    Missing {
        /// `token` or `private key`.
        what: &'static str,
        /// The label.
        label: String,
    },
    /// The certificate's algorithm does not go with the key.
    #[error("the key cannot sign with the algorithm of its certificate")]
    Algorithm,
    /// The cryptographic library failed.
    #[error("the cryptographic library failed")]
    Crypto(#[from] openssl::error::ErrorStack),
}

program::coded!(TerminalKeyError, status);

impl TerminalKeyError {
    const fn status(&self) -> u8 {
        program::exit::USAGE
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Secret(error) => error.remedy(),
            _ => "mend terminal.toml, or attach the token",
        }
    }

    /// A stable identifier.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "terminal_key_unreadable",
            Self::Locked(_) => "terminal_key_locked",
            Self::Secret(error) => error.code(),
            Self::Token { .. } => "terminal_token_failed",
            Self::Missing { .. } => "terminal_key_missing",
            Self::Algorithm => "terminal_key_algorithm",
            Self::Crypto(_) => "terminal_key_crypto",
        }
    }
}

/// A key that signs for terminal authentication.
pub trait TerminalKey: Send {
    /// Signs a request: RSA as long as the modulus, ECDSA plain `r ‖ s`.
    ///
    /// # Errors
    /// When the token is away, or the algorithm is not one of this key.
    fn sign(&self, request: &SigningRequest) -> Result<Vec<u8>, TerminalKeyError>;
}

/// Where the key on a token is.
#[derive(Debug, Clone, Copy)]
pub struct Location<'a> {
    /// The PKCS#11 module, a shared library.
    pub module: &'a std::path::Path,
    /// The token's label.
    pub token: &'a str,
    /// The private key's label.
    pub key: &'a str,
}

/// Opens the key on a token with its PIN.
///
/// # Errors
/// When module, token or key are not there, the PIN is wrong, or the program was built without tokens.
pub fn on_token(location: &Location<'_>, pin: &str) -> Result<Box<dyn TerminalKey>, TerminalKeyError> {
    #[cfg(feature = "pkcs11")]
    return Ok(Box::new(pkcs11::Pkcs11TerminalKey::open(location, pin)?));
    #[cfg(not(feature = "pkcs11"))]
    {
        let _ = (location, pin);
        Err(TerminalKeyError::Token { operation: "be used", source: program::without("pkcs11").into() })
    }
}

/// The digest of a request's message.
fn digest(request: &SigningRequest) -> Vec<u8> {
    request.algorithm.hash().digest(&request.message)
}

/// DigestInfo of PKCS #1 v1.5 (RFC 8017 §9.2), for keys that pad but do not hash.
#[cfg(feature = "pkcs11")]
fn digest_info(hash: HashAlgorithm, digest: &[u8]) -> Vec<u8> {
    use emrtd::hazmat::oid;
    use emrtd::hazmat::tlv::{encode, tag};
    let id = match hash {
        HashAlgorithm::Sha1 => oid::SHA1,
        HashAlgorithm::Sha224 => oid::SHA224,
        HashAlgorithm::Sha256 => oid::SHA256,
        HashAlgorithm::Sha384 => oid::SHA384,
        HashAlgorithm::Sha512 => oid::SHA512,
    };
    let algorithm = encode(tag::SEQUENCE, &[encode(tag::OID, id.0), encode(tag::NULL, &[])].concat());
    encode(tag::SEQUENCE, &[algorithm, encode(tag::OCTET_STRING, digest)].concat())
}

/// What kind of key an algorithm wants.
const fn wants_rsa(algorithm: TerminalAlgorithm) -> bool {
    !matches!(algorithm, TerminalAlgorithm::Ecdsa(_))
}
