//! The one place that knows which cryptographic libraries are used.
//!
//! Curves, big numbers, signatures and triple DES come from OpenSSL, the only library at hand with every brainpool
//! curve; AES, MACs, hashes and the arithmetic of brainpoolP256r1, where it is faster, from RustCrypto
//! (docs/decisions/0001-chip-cryptography.md).
//! What is weak is named where it is used ([`Protection`]); with what is broken nothing is checked at all.
//! Certificates and signed data are parsed by this crate; OpenSSL only ever sees numbers.

pub mod agreement_key;
pub mod curve;
pub mod dh;
pub mod domain;
pub mod group;
pub mod hash;
pub mod integrated;
mod number;
pub mod public_key;
pub mod symmetric;

pub use agreement_key::AgreementKey;
pub use curve::Curve;
pub use dh::{DhDomain, DhKeyPair, ModpGroup};
pub use domain::{Domain, KeyPair};
pub use group::{Group, GroupKey, KeyReserve, NamedGroup};
pub use hash::HashAlgorithm;
pub use public_key::{PublicKey, SignatureAlgorithm};
pub use symmetric::{Cipher, SessionKeys};

use thiserror::Error;

/// Why a cryptographic operation gave no result.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// An algorithm, curve or parameter that this crate does not implement or does not accept.
    #[error("unsupported {what}: {value}")]
    Unsupported {
        /// What kind of thing it is.
        what: &'static str,
        /// Its identifier.
        value: String,
    },
    /// A key or an algorithm that anybody can break: whatever it signs counts as not signed.
    #[error("broken: {0}")]
    Broken(String),
    /// A key or a point that is not valid for its algorithm.
    #[error("invalid {0}")]
    Invalid(&'static str),
    /// The bytes of a key or of parameters are malformed.
    #[error("malformed {what}")]
    Malformed {
        /// What was being read.
        what: &'static str,
        /// What is wrong with the bytes.
        #[source]
        source: crate::tlv::TlvError,
    },
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] crate::secret::EntropyError),
    /// The library itself failed, for example for want of memory.
    #[error("the cryptographic library failed in {0}")]
    Library(&'static str),
}

impl CryptoError {
    pub(crate) const fn malformed(what: &'static str) -> impl Fn(crate::tlv::TlvError) -> Self {
        move |source| Self::Malformed { what, source }
    }

    pub(crate) fn unsupported(what: &'static str, value: impl std::fmt::Display) -> Self {
        Self::Unsupported { what, value: value.to_string() }
    }
}

/// How much an algorithm or a key protects, by what ICAO 9303-12 §4.1.6 asks for today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protection {
    /// Nothing: RSA under 1,024 bits or with an exponent that is none, curves under 160 bits, MD5.
    Broken,
    /// Less than is asked for: RSA under 2,048 bits, curves under 224 bits, SHA-1.
    Weak,
    /// Enough.
    Current,
}

/// Compares without telling by its duration where two values differ.
#[must_use]
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    use subtle::ConstantTimeEq as _;
    a.ct_eq(b).into()
}
