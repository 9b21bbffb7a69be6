//! What every terminal key must do: sign with each algorithm of its kind, refuse those of the other.

use super::TerminalKey;
use emrtd::hazmat::crypto::{PublicKey, SignatureAlgorithm};
use emrtd::hazmat::tlv::{self, tag};
use emrtd::{HashAlgorithm, SigningRequest, TerminalAlgorithm};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;

/// A kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the kinds'")]
pub enum Kind {
    Rsa2048,
    Secp256r1,
    BrainpoolP384r1,
}

impl Kind {
    /// Every kind that is tried.
    pub const ALL: [Self; 3] = [Self::Rsa2048, Self::Secp256r1, Self::BrainpoolP384r1];

    /// A fresh key.
    ///
    /// # Panics
    /// When the cryptographic library fails.
    #[must_use]
    pub fn generate(self) -> PKey<Private> {
        let ec = |nid| {
            let group = EcGroup::from_curve_name(nid).expect("curve");
            PKey::from_ec_key(EcKey::generate(&group).expect("key")).expect("key")
        };
        match self {
            Self::Rsa2048 => PKey::from_rsa(Rsa::generate(2048).expect("key")).expect("key"),
            Self::Secp256r1 => ec(Nid::X9_62_PRIME256V1),
            Self::BrainpoolP384r1 => ec(Nid::BRAINPOOL_P384R1),
        }
    }
}

/// Runs the suite on a key whose private half is known.
///
/// # Panics
/// When the key does not do what it must.
pub fn run(key: &dyn TerminalKey, original: &PKey<Private>, kind: Kind) {
    let spki = original.public_key_to_der().expect("DER");
    let public = PublicKey::from_spki(&tlv::first(&spki, tag::SEQUENCE).expect("SPKI")).expect("key");
    let request = |algorithm| SigningRequest::new(algorithm, b"chip, challenge, key".to_vec());
    for hash in HashAlgorithm::ALL {
        let rsa = [TerminalAlgorithm::RsaPkcs1(hash), TerminalAlgorithm::RsaPss(hash)];
        let ecdsa = [TerminalAlgorithm::Ecdsa(hash)];
        let (own, other) = if kind == Kind::Rsa2048 { (&rsa[..], &ecdsa[..]) } else { (&ecdsa[..], &rsa[..]) };
        for algorithm in own {
            let signature = key.sign(&request(*algorithm)).unwrap_or_else(|e| panic!("{algorithm:?}: {e:?}"));
            let (check, signature) = match algorithm {
                TerminalAlgorithm::RsaPkcs1(hash) => (SignatureAlgorithm::RsaPkcs1(*hash), signature),
                TerminalAlgorithm::RsaPss(hash) => {
                    let salt_len = hash.output_len() as i32;
                    (SignatureAlgorithm::RsaPss { hash: *hash, mgf1: *hash, salt_len }, signature)
                }
                TerminalAlgorithm::Ecdsa(hash) => {
                    let (r, s) = signature.split_at(signature.len() / 2);
                    let number = |bytes| BigNum::from_slice(bytes).expect("number");
                    let plain = EcdsaSig::from_private_components(number(r), number(s)).expect("signature");
                    (SignatureAlgorithm::Ecdsa(*hash), plain.to_der().expect("DER"))
                }
            };
            assert_eq!(public.verify(&check, &request(*algorithm).message, &signature), Ok(true), "{algorithm:?}");
        }
        for algorithm in other {
            let refused = key.sign(&request(*algorithm)).expect_err("another kind of key");
            assert_eq!(refused.code(), "terminal_key_algorithm", "{algorithm:?}");
        }
    }
}
