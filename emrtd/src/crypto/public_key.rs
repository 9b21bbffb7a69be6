//! Public keys from SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) and signature checks with them.

use super::curve::{Curve, ParameterForm};
use super::domain::signature_key;
use super::{CryptoError, HashAlgorithm, Protection};
use crate::oid::{self, Oid};
use crate::tlv::{self, Tlv, TlvError, encode, tag};
use openssl::bn::BigNum;
use openssl::pkey::{PKey, Public};
use openssl::rsa::{Padding, Rsa};
use openssl::sign::{RsaPssSaltlen, Verifier};

/// A public key that can check signatures or take part in a key agreement.
#[derive(Debug, Clone)]
pub enum PublicKey {
    /// RSA with its modulus length in bits.
    Rsa {
        /// The key.
        key: PKey<Public>,
        /// Modulus length.
        bits: u32,
    },
    /// A point on a named curve.
    Ec {
        /// The key.
        key: PKey<Public>,
        /// The curve.
        curve: Curve,
        /// How the bytes named the curve.
        form: ParameterForm,
        /// The encoded point as it stood.
        point: Vec<u8>,
    },
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// When it is malformed, or of an algorithm or curve that is not accepted.
    pub fn from_spki(spki: &Tlv<'_>) -> Result<Self, CryptoError> {
        Self::read(spki, Tlv::uint_bytes)
    }

    /// The same of a chip: those of the BSI's profile of 2008 leave out the zero octet in front of an RSA modulus, which
    /// no modulus can do without in DER, and none is negative.
    ///
    /// # Errors
    /// As [`Self::from_spki`].
    pub(crate) fn from_chip(spki: &Tlv<'_>) -> Result<Self, CryptoError> {
        Self::read(spki, |modulus| match modulus.value {
            [] => Err(TlvError::Value("empty INTEGER")),
            octets => Ok(octets),
        })
    }

    fn read<'a>(spki: &Tlv<'a>, modulus: impl Fn(&Tlv<'a>) -> Result<&'a [u8], TlvError>) -> Result<Self, CryptoError> {
        let malformed = CryptoError::malformed("SubjectPublicKeyInfo");
        let mut fields = spki.children();
        let algorithm = fields.expect(tag::SEQUENCE).map_err(&malformed)?;
        let bits = fields.expect(tag::BIT_STRING).map_err(&malformed)?;
        let bits = bits.bits().map_err(&malformed)?;
        let mut algorithm = algorithm.children();
        let id = Oid(algorithm.expect(tag::OID).map_err(&malformed)?.value);
        let parameters = algorithm.next().map_err(&malformed)?;
        match id {
            oid::RSA_ENCRYPTION | oid::RSA_PSS => {
                let key = tlv::first(bits, tag::SEQUENCE).map_err(&malformed)?;
                let mut numbers = key.children();
                let n = numbers.expect(tag::INTEGER).and_then(|t| modulus(&t)).map_err(&malformed)?;
                let e = numbers.expect(tag::INTEGER).and_then(|t| t.uint_bytes()).map_err(&malformed)?;
                Self::rsa(n, e)
            }
            oid::EC_PUBLIC_KEY => {
                let parameters = parameters.ok_or(TlvError::Missing(tag::OID)).map_err(&malformed)?;
                let (curve, form) = Curve::from_parameters(&parameters)?;
                Self::ec(curve, form, bits)
            }
            _ => Err(CryptoError::unsupported("public key algorithm", id)),
        }
    }

    fn rsa(n: &[u8], e: &[u8]) -> Result<Self, CryptoError> {
        let invalid = |_| CryptoError::Invalid("RSA key");
        // Larger moduli than any issuer uses only serve to keep the verifier busy.
        if n.len() > 1024 || e.len() > 8 {
            return Err(CryptoError::Invalid("RSA key"));
        }
        // With e = 1 everybody signs; an even one is no RSA.
        if e.last().is_none_or(|b| b & 1 == 0) || e == [1] {
            return Err(CryptoError::Broken("RSA exponent".to_owned()));
        }
        let n = BigNum::from_slice(n).map_err(invalid)?;
        let e = BigNum::from_slice(e).map_err(invalid)?;
        let bits = n.num_bits() as u32;
        let key = Rsa::from_public_components(n, e).and_then(PKey::from_rsa).map_err(invalid)?;
        Ok(Self::Rsa { key, bits })
    }

    /// A key from a curve and an encoded point.
    ///
    /// # Errors
    /// When the point is not on the curve.
    pub fn ec(curve: Curve, form: ParameterForm, point: &[u8]) -> Result<Self, CryptoError> {
        let key = signature_key(curve, point)?;
        Ok(Self::Ec { key, curve, form, point: point.to_vec() })
    }

    /// The key type as people write it, for example `EC brainpoolP256r1` or `RSA 2048`.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Rsa { bits, .. } => format!("RSA {bits}"),
            Self::Ec { curve, form: ParameterForm::Named, .. } => format!("EC {}", curve.name()),
            Self::Ec { curve, .. } => format!("EC {} (explicit parameters)", curve.name()),
        }
    }

    /// How much it protects.
    #[must_use]
    pub const fn protection(&self) -> Protection {
        match self {
            Self::Rsa { bits: 0..1024, .. } => Protection::Broken,
            Self::Rsa { bits: 1024..2048, .. } => Protection::Weak,
            Self::Rsa { .. } => Protection::Current,
            Self::Ec { curve, .. } => curve.protection(),
        }
    }

    /// Whether `signature` over `message` is valid.
    ///
    /// # Errors
    /// When the algorithm does not fit the key, or the key is broken: a right signature would mean nothing.
    pub fn verify(
        &self,
        algorithm: &SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, CryptoError> {
        let library = |_| CryptoError::Library("EVP_DigestVerify");
        if self.protection() == Protection::Broken {
            return Err(CryptoError::Broken(self.describe()));
        }
        match (self, algorithm) {
            (Self::Rsa { key, .. }, SignatureAlgorithm::RsaPkcs1(hash)) => {
                let mut verifier = Verifier::new(hash.message_digest(), key).map_err(library)?;
                verifier.set_rsa_padding(Padding::PKCS1).map_err(library)?;
                Ok(verifier.verify_oneshot(signature, message).unwrap_or(false))
            }
            (Self::Rsa { key, .. }, SignatureAlgorithm::RsaPss { hash, mgf1, salt_len }) => {
                let mut verifier = Verifier::new(hash.message_digest(), key).map_err(library)?;
                verifier.set_rsa_padding(Padding::PKCS1_PSS).map_err(library)?;
                verifier.set_rsa_mgf1_md(mgf1.message_digest()).map_err(library)?;
                verifier.set_rsa_pss_saltlen(RsaPssSaltlen::custom(*salt_len)).map_err(library)?;
                Ok(verifier.verify_oneshot(signature, message).unwrap_or(false))
            }
            (Self::Ec { key, .. }, SignatureAlgorithm::Ecdsa(hash)) => {
                let mut verifier = Verifier::new(hash.message_digest(), key).map_err(library)?;
                Ok(verifier.verify_oneshot(signature, message).unwrap_or(false))
            }
            (Self::Ec { curve, .. }, SignatureAlgorithm::EcdsaPlain(hash)) => {
                if signature.len() != 2 * curve.field_len() {
                    return Ok(false);
                }
                self.verify(&SignatureAlgorithm::Ecdsa(*hash), message, &plain_to_der(signature))
            }
            _ => Err(CryptoError::Invalid("signature algorithm for this key type")),
        }
    }

    /// RSA's public operation on a whole block, for ISO/IEC 9796-2. `None` when the block does not fit the key.
    #[must_use]
    pub fn rsa_recover(&self, signature: &[u8]) -> Option<Vec<u8>> {
        let Self::Rsa { key, .. } = self else { return None };
        let rsa = key.rsa().ok()?;
        let mut block = vec![0; rsa.size() as usize];
        let written = rsa.public_decrypt(signature, &mut block, Padding::NONE).ok()?;
        block.truncate(written);
        Some(block)
    }

    /// `n - m`, the other member of the pair that ISO/IEC 9796-2 §B allows as a signature.
    pub(crate) fn rsa_complement(&self, block: &[u8]) -> Option<Vec<u8>> {
        let Self::Rsa { key, .. } = self else { return None };
        let rsa = key.rsa().ok()?;
        let block_number = BigNum::from_slice(block).ok()?;
        let mut result = BigNum::new().ok()?;
        result.checked_sub(rsa.n(), &block_number).ok()?;
        if result.is_negative() { None } else { result.to_vec_padded(rsa.size() as i32).ok() }
    }
}

/// A signature algorithm with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5.
    RsaPkcs1(HashAlgorithm),
    /// RSASSA-PSS.
    RsaPss {
        /// Hash of the message.
        hash: HashAlgorithm,
        /// Hash of the mask generation function, which need not be the same.
        mgf1: HashAlgorithm,
        /// Salt length in bytes.
        salt_len: i32,
    },
    /// ECDSA with a DER-encoded signature.
    Ecdsa(HashAlgorithm),
    /// ECDSA with the plain signature `r ‖ s` of TR-03111 §5.2.1.
    EcdsaPlain(HashAlgorithm),
}

impl SignatureAlgorithm {
    /// Reads an AlgorithmIdentifier. Some issuers write the bare key algorithm (`rsaEncryption`,
    /// `id-ecPublicKey`) here; `digest` then names the hash.
    ///
    /// # Errors
    /// When it is malformed or not a signature algorithm that this crate checks.
    pub fn from_algorithm(algorithm: &Tlv<'_>, digest: Option<HashAlgorithm>) -> Result<Self, CryptoError> {
        use HashAlgorithm::{Sha1, Sha224, Sha256, Sha384, Sha512};
        let malformed = CryptoError::malformed("AlgorithmIdentifier");
        let mut fields = algorithm.children();
        let id = Oid(fields.expect(tag::OID).map_err(&malformed)?.value);
        let parameters = fields.next().map_err(&malformed)?;
        Ok(match (id, digest) {
            (oid::RSA_SHA1, _) => Self::RsaPkcs1(Sha1),
            (oid::RSA_SHA224, _) => Self::RsaPkcs1(Sha224),
            (oid::RSA_SHA256, _) => Self::RsaPkcs1(Sha256),
            (oid::RSA_SHA384, _) => Self::RsaPkcs1(Sha384),
            (oid::RSA_SHA512, _) => Self::RsaPkcs1(Sha512),
            (oid::RSA_ENCRYPTION, Some(hash)) => Self::RsaPkcs1(hash),
            (oid::EC_PUBLIC_KEY, Some(hash)) => Self::Ecdsa(hash),
            (oid::RSA_PSS, _) => pss(parameters)?,
            (oid::RSA_MD2 | oid::RSA_MD5, _) => return Err(CryptoError::Broken("MD2 or MD5".to_owned())),
            _ => Self::ecdsa(id).ok_or_else(|| CryptoError::unsupported("signature algorithm", id))?,
        })
    }

    /// The ECDSA of an identifier: ecdsa-with-SHA* of X9.62 or ecdsa-plain-SHA* of BSI TR-03111.
    pub(crate) fn ecdsa(id: Oid<'_>) -> Option<Self> {
        use HashAlgorithm::{Sha1, Sha224, Sha256, Sha384, Sha512};
        if let Some([arc]) = id.0.strip_prefix(oid::ECDSA_PLAIN.0) {
            let hashes = [Sha1, Sha224, Sha256, Sha384, Sha512];
            return hashes.get(usize::from(*arc).checked_sub(1)?).copied().map(Self::EcdsaPlain);
        }
        Some(Self::Ecdsa(match id {
            oid::ECDSA_SHA1 => Sha1,
            oid::ECDSA_SHA224 => Sha224,
            oid::ECDSA_SHA256 => Sha256,
            oid::ECDSA_SHA384 => Sha384,
            oid::ECDSA_SHA512 => Sha512,
            _ => return None,
        }))
    }

    /// The hash of the message.
    #[must_use]
    pub const fn hash(&self) -> HashAlgorithm {
        match self {
            Self::RsaPkcs1(hash) | Self::RsaPss { hash, .. } | Self::Ecdsa(hash) | Self::EcdsaPlain(hash) => *hash,
        }
    }

    /// How much it protects: as much as its hash.
    #[must_use]
    pub const fn protection(&self) -> Protection {
        self.hash().protection()
    }

    /// The name as people write it.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::RsaPkcs1(hash) => format!("RSA PKCS#1 v1.5 with {}", hash.name()),
            Self::RsaPss { hash, .. } => format!("RSA-PSS with {}", hash.name()),
            Self::Ecdsa(hash) => format!("ECDSA with {}", hash.name()),
            Self::EcdsaPlain(hash) => format!("ECDSA (plain) with {}", hash.name()),
        }
    }
}

/// RSASSA-PSS-params (RFC 4055 §3.1); absent fields have their defaults.
fn pss(parameters: Option<Tlv<'_>>) -> Result<SignatureAlgorithm, CryptoError> {
    let malformed = CryptoError::malformed("RSASSA-PSS parameters");
    let mut hash = HashAlgorithm::Sha1;
    let mut mgf1 = HashAlgorithm::Sha1;
    let mut salt_len = 20;
    let parameters = parameters.map(|p| p.tagged(tag::SEQUENCE)).transpose().map_err(&malformed)?;
    let mut fields = parameters.as_ref().map_or_else(|| tlv::Reader::new(&[]), Tlv::children);
    while let Some(field) = fields.next().map_err(&malformed)? {
        let inner = field.children().next().map_err(&malformed)?;
        let inner = inner.ok_or(TlvError::Missing(tag::SEQUENCE)).map_err(&malformed)?;
        match field.tag {
            tag::CONTEXT_0 => hash = hash_algorithm(&inner)?,
            tag::CONTEXT_1 => {
                let mut mask = inner.tagged(tag::SEQUENCE).map_err(&malformed)?.children();
                let id = Oid(mask.expect(tag::OID).map_err(&malformed)?.value);
                if id != oid::MGF1 {
                    return Err(CryptoError::unsupported("mask generation function", id));
                }
                mgf1 = hash_algorithm(&mask.expect(tag::SEQUENCE).map_err(&malformed)?)?;
            }
            0xA2 => {
                let length = inner.tagged(tag::INTEGER).and_then(|t| t.small_uint()).map_err(&malformed)?;
                salt_len = i32::try_from(length).map_err(|_| CryptoError::Invalid("PSS salt length"))?;
            }
            _ => {}
        }
    }
    Ok(SignatureAlgorithm::RsaPss { hash, mgf1, salt_len })
}

/// Reads the AlgorithmIdentifier of a hash.
///
/// # Errors
/// When it is malformed or not one of the five hashes.
pub fn hash_algorithm(algorithm: &Tlv<'_>) -> Result<HashAlgorithm, CryptoError> {
    let algorithm = algorithm.tagged(tag::SEQUENCE).map_err(CryptoError::malformed("hash algorithm"))?;
    let id = algorithm.children().expect(tag::OID).map_err(CryptoError::malformed("hash algorithm"))?;
    let id = Oid(id.value);
    if id == oid::MD5 {
        return Err(CryptoError::Broken("MD5".to_owned()));
    }
    HashAlgorithm::from_oid(id).ok_or_else(|| CryptoError::unsupported("hash algorithm", id))
}

/// The DER form (X9.62) of a plain signature `r ‖ s` (TR-03111).
fn plain_to_der(plain: &[u8]) -> Vec<u8> {
    let (r, s) = plain.split_at(plain.len() / 2);
    let integer = |bytes: &[u8]| {
        let zeros = bytes.iter().take_while(|b| **b == 0).count().min(bytes.len().saturating_sub(1));
        let mut value = Vec::with_capacity(bytes.len() + 1);
        if bytes.get(zeros).is_some_and(|b| b & 0x80 != 0) {
            value.push(0);
        }
        value.extend_from_slice(&bytes[zeros..]);
        encode(tag::INTEGER, &value)
    };
    encode(tag::SEQUENCE, &[integer(r), integer(s)].concat())
}
