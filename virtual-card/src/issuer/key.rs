//! Keys that sign, with the algorithm that goes with them.

use super::Oddity;
use super::der::{
    Hash, OID_EC_PUBLIC_KEY, OID_ECDSA, OID_ECDSA_PLAIN, OID_MGF1, OID_RSA, OID_RSA_PSS, bit_string, explicit_fields,
    explicit_parameters, integer, named_curve, oid, oid_under, sequence,
};
use crate::keys;
use emrtd::hazmat::tlv::encode;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::{MessageDigest, hash};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::{Padding, Rsa};
use openssl::sign::{RsaPssSaltlen, Signer};
use std::sync::OnceLock;

/// How a key signs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Ecdsa,
    /// `r ‖ s` of fixed width (TR-03111 §5.2.1).
    EcdsaPlain,
    /// With the hash of the mask.
    Pss(Hash),
    /// PSS without parameters.
    PssDefaults,
    Pkcs1,
    /// RSA under an exponent of one, where the padded hash is the signature.
    Plain,
}

/// A key that signs.
pub(super) struct SigningKey {
    pub(super) key: PKey<Private>,
    pub(super) hash: Hash,
    pub(super) spki: Vec<u8>,
    pub(super) scheme: Scheme,
}

/// An RSA key of this size, the same through the life of the process.
fn rsa(bits: u32) -> Result<PKey<Private>, ErrorStack> {
    static KEYS: [OnceLock<Vec<u8>>; 3] = [const { OnceLock::new() }; 3];
    let slot = &KEYS[match bits {
        512 => 0,
        1024 => 1,
        _ => 2,
    }];
    let der = match slot.get() {
        Some(der) => der,
        None => {
            let made = Rsa::generate(bits)?.private_key_to_der()?;
            // Whoever comes first decides; the others take that key.
            slot.get_or_init(|| made)
        }
    };
    PKey::from_rsa(Rsa::private_key_from_der(der)?)
}

impl SigningKey {
    /// The same key once more.
    pub(super) fn again(&self) -> Self {
        Self { key: self.key.clone(), hash: self.hash, spki: self.spki.clone(), scheme: self.scheme }
    }

    pub(super) fn ec(label: &str, curve: Nid, hash: Hash, explicit: bool) -> Result<Self, ErrorStack> {
        let key = keys::ec(label, curve)?;
        let parameters = if explicit { explicit_parameters(key.group())? } else { named_curve(curve)? };
        let algorithm = sequence(&[oid(OID_EC_PUBLIC_KEY), parameters]);
        let spki = sequence(&[algorithm, bit_string(&keys::point(&key)?)]);
        Ok(Self { key: PKey::from_ec_key(key)?, hash, spki, scheme: Scheme::Ecdsa })
    }

    pub(super) fn rsa_pss() -> Result<Self, ErrorStack> {
        let key = keys::document_signer_rsa()?;
        let spki = key.public_key_to_der()?;
        Ok(Self { key, hash: Hash::Sha256, spki, scheme: Scheme::Pss(Hash::Sha256) })
    }

    pub(super) fn rsa(bits: u32) -> Result<Self, ErrorStack> {
        let key = rsa(bits)?;
        let spki = key.public_key_to_der()?;
        Ok(Self { key, hash: Hash::Sha256, spki, scheme: Scheme::Pkcs1 })
    }

    /// The key of a document signer that departs from the profile, if this departure is one of the key.
    pub(super) fn odd(oddity: Oddity) -> Result<Option<Self>, ErrorStack> {
        let explicit = || Self::ec("practice/dsc-256", Nid::BRAINPOOL_P256R1, Hash::Sha256, true);
        Ok(Some(match oddity {
            Oddity::Rsa512 => Self::rsa(512)?,
            Oddity::Rsa1024 => Self::rsa(1024)?,
            Oddity::Md5Signature => Self { hash: Hash::Md5, ..Self::rsa(2048)? },
            Oddity::Md5Digest => Self::rsa(2048)?,
            Oddity::P192 => Self::ec("practice/dsc-192", Nid::X9_62_PRIME192V1, Hash::Sha256, false)?,
            Oddity::Sha1 | Oddity::Sha1Signature => Self { hash: Hash::Sha1, ..explicit()? },
            Oddity::Sha1PssDefaults => Self { hash: Hash::Sha1, scheme: Scheme::PssDefaults, ..Self::rsa_pss()? },
            Oddity::PssParameters => Self { scheme: Scheme::Pss(Hash::Sha1), ..Self::rsa_pss()? },
            Oddity::PlainSignature => explicit()?.in_plain_form(),
            Oddity::RsaExponentOne => {
                let key = rsa(2048)?;
                let numbers = sequence(&[integer(&key.rsa()?.n().to_vec()), integer(&[1])]);
                let spki = sequence(&[sequence(&[oid_under(OID_RSA, 1), encode(0x05, &[])]), bit_string(&numbers)]);
                Self { key, hash: Hash::Sha256, spki, scheme: Scheme::Plain }
            }
            Oddity::CurveWithoutCofactor => {
                let key = keys::ec("practice/dsc-256", Nid::BRAINPOOL_P256R1)?;
                let algorithm = sequence(&[oid(OID_EC_PUBLIC_KEY), sequence(&explicit_fields(key.group())?[..5])]);
                Self { spki: sequence(&[algorithm, bit_string(&keys::point(&key)?)]), ..explicit()? }
            }
            Oddity::InfinitePoint | Oddity::PointOffCurve => {
                let key = keys::ec("practice/dsc-256", Nid::BRAINPOOL_P256R1)?;
                let mut point = keys::point(&key)?;
                point[40] ^= 1;
                let point = if oddity == Oddity::InfinitePoint { vec![0] } else { point };
                let algorithm = sequence(&[oid(OID_EC_PUBLIC_KEY), explicit_parameters(key.group())?]);
                Self { spki: sequence(&[algorithm, bit_string(&point)]), ..explicit()? }
            }
            _ => return Ok(None),
        }))
    }

    /// The same key, which signs in the plain form.
    pub(super) fn in_plain_form(self) -> Self {
        Self { scheme: Scheme::EcdsaPlain, ..self }
    }

    /// AlgorithmIdentifier of signatures.
    pub(super) fn algorithm(&self) -> Vec<u8> {
        match self.scheme {
            Scheme::Ecdsa if self.hash == Hash::Sha1 => sequence(&[oid(&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x01])]),
            // ecdsa-with-SHA256 is arc 2, SHA384 3, SHA512 4.
            Scheme::Ecdsa => sequence(&[oid_under(OID_ECDSA, self.hash as u8 + 1)]),
            // ecdsa-plain-SHA256 is arc 3, SHA384 4, SHA512 5.
            Scheme::EcdsaPlain => sequence(&[oid_under(OID_ECDSA_PLAIN, self.hash as u8 + 2)]),
            Scheme::Pss(mask) => {
                let hash = self.hash.algorithm();
                let mask = sequence(&[oid(OID_MGF1), mask.algorithm()]);
                let salt = integer(&[32]);
                let parameters = sequence(&[encode(0xA0, &hash), encode(0xA1, &mask), encode(0xA2, &salt)]);
                sequence(&[oid(OID_RSA_PSS), parameters])
            }
            Scheme::PssDefaults => sequence(&[oid(OID_RSA_PSS)]),
            Scheme::Pkcs1 | Scheme::Plain => {
                // md5WithRSAEncryption is arc 4, sha1 5, sha256 11, sha384 12, sha512 13.
                let arc = match self.hash {
                    Hash::Md5 => 4,
                    Hash::Sha1 => 5,
                    hash => hash as u8 + 10,
                };
                sequence(&[oid_under(OID_RSA, arc), encode(0x05, &[])])
            }
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        if self.scheme == Scheme::Plain {
            let digest = hash(self.hash.digest(), message)?;
            let info =
                sequence(&[sequence(&[oid_under(super::der::OID_SHA2, 1), encode(0x05, &[])]), encode(0x04, &digest)]);
            let padding = vec![0xFF; self.key.size() - 3 - info.len()];
            return Ok([&[0, 1], &padding[..], &[0], &info].concat());
        }
        let mut signer = Signer::new(self.hash.digest(), &self.key)?;
        if let Scheme::Pss(_) | Scheme::PssDefaults = self.scheme {
            let mask = if let Scheme::Pss(mask) = self.scheme { mask } else { Hash::Sha1 };
            signer.set_rsa_padding(Padding::PKCS1_PSS)?;
            signer.set_rsa_mgf1_md(mask.digest())?;
            signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
        }
        let signature = signer.sign_oneshot_to_vec(message)?;
        if self.scheme == Scheme::EcdsaPlain {
            let (pair, width) = (EcdsaSig::from_der(&signature)?, self.key.bits().div_ceil(8) as i32);
            return Ok([pair.r().to_vec_padded(width)?, pair.s().to_vec_padded(width)?].concat());
        }
        Ok(signature)
    }

    /// SHA-1 of the public key bits, the usual key identifier.
    pub(super) fn identifier(&self) -> Result<Vec<u8>, ErrorStack> {
        Ok(hash(MessageDigest::sha1(), &self.spki)?.to_vec())
    }
}
