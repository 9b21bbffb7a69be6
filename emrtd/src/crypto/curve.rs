//! The named curves (ICAO 9303-11 §9.5.1, standardised domain parameter ids 8 to 18) and how certificates name them.

use super::{CryptoError, Protection};
use crate::oid::{self, Oid};
use crate::tlv::{Tlv, tag};
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, PointConversionForm};
use openssl::nid::Nid;
use std::sync::OnceLock;

/// A named prime curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are the curves'")]
#[non_exhaustive]
pub enum Curve {
    Secp192r1,
    BrainpoolP192r1,
    Secp224r1,
    BrainpoolP224r1,
    Secp256r1,
    BrainpoolP256r1,
    BrainpoolP320r1,
    Secp384r1,
    BrainpoolP384r1,
    BrainpoolP512r1,
    Secp521r1,
}

impl Curve {
    /// Every curve, in the order of its standardised domain parameter id.
    pub const ALL: [Self; 11] = [
        Self::Secp192r1,
        Self::BrainpoolP192r1,
        Self::Secp224r1,
        Self::BrainpoolP224r1,
        Self::Secp256r1,
        Self::BrainpoolP256r1,
        Self::BrainpoolP320r1,
        Self::Secp384r1,
        Self::BrainpoolP384r1,
        Self::BrainpoolP512r1,
        Self::Secp521r1,
    ];

    /// The standardised domain parameter id (ICAO 9303-11 table 8), 8 to 18.
    #[must_use]
    pub const fn parameter_id(self) -> u8 {
        8 + self as u8
    }

    /// By standardised domain parameter id.
    #[must_use]
    pub fn from_parameter_id(id: u32) -> Option<Self> {
        let index = usize::try_from(id).ok()?.checked_sub(8)?;
        Self::ALL.get(index).copied()
    }

    /// The name as OpenSSL and RFC 5639 / SEC 2 write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secp192r1 => "secp192r1",
            Self::BrainpoolP192r1 => "brainpoolP192r1",
            Self::Secp224r1 => "secp224r1",
            Self::BrainpoolP224r1 => "brainpoolP224r1",
            Self::Secp256r1 => "secp256r1",
            Self::BrainpoolP256r1 => "brainpoolP256r1",
            Self::BrainpoolP320r1 => "brainpoolP320r1",
            Self::Secp384r1 => "secp384r1",
            Self::BrainpoolP384r1 => "brainpoolP384r1",
            Self::BrainpoolP512r1 => "brainpoolP512r1",
            Self::Secp521r1 => "secp521r1",
        }
    }

    /// Length of a coordinate in bytes.
    #[must_use]
    pub const fn field_len(self) -> usize {
        match self {
            Self::Secp192r1 | Self::BrainpoolP192r1 => 24,
            Self::Secp224r1 | Self::BrainpoolP224r1 => 28,
            Self::Secp256r1 | Self::BrainpoolP256r1 => 32,
            Self::BrainpoolP320r1 => 40,
            Self::Secp384r1 | Self::BrainpoolP384r1 => 48,
            Self::BrainpoolP512r1 => 64,
            Self::Secp521r1 => 66,
        }
    }

    /// Length of the field's prime in bits.
    #[must_use]
    pub const fn field_bits(self) -> usize {
        match self {
            Self::Secp521r1 => 521,
            other => other.field_len() * 8,
        }
    }

    /// How much it protects.
    #[must_use]
    pub const fn protection(self) -> Protection {
        match self.field_bits() {
            0..160 => Protection::Broken,
            160..224 => Protection::Weak,
            _ => Protection::Current,
        }
    }

    const fn nid(self) -> Nid {
        match self {
            Self::Secp192r1 => Nid::X9_62_PRIME192V1,
            Self::BrainpoolP192r1 => Nid::BRAINPOOL_P192R1,
            Self::Secp224r1 => Nid::SECP224R1,
            Self::BrainpoolP224r1 => Nid::BRAINPOOL_P224R1,
            Self::Secp256r1 => Nid::X9_62_PRIME256V1,
            Self::BrainpoolP256r1 => Nid::BRAINPOOL_P256R1,
            Self::BrainpoolP320r1 => Nid::BRAINPOOL_P320R1,
            Self::Secp384r1 => Nid::SECP384R1,
            Self::BrainpoolP384r1 => Nid::BRAINPOOL_P384R1,
            Self::BrainpoolP512r1 => Nid::BRAINPOOL_P512R1,
            Self::Secp521r1 => Nid::SECP521R1,
        }
    }

    pub(super) fn group(self) -> Result<EcGroup, CryptoError> {
        EcGroup::from_curve_name(self.nid()).map_err(|_| CryptoError::unsupported("curve", self.name()))
    }

    /// By a namedCurve object identifier.
    #[must_use]
    pub fn from_oid(oid: Oid<'_>) -> Option<Self> {
        let dotted = openssl::asn1::Asn1Object::from_str(&oid.to_string()).ok()?;
        Self::ALL.into_iter().find(|curve| curve.nid() == dotted.nid())
    }

    /// By AlgorithmIdentifier parameters: a namedCurve, or explicit ECParameters (X9.62) that equal those of a
    /// named curve in field, coefficients, generator, order and cofactor. Nothing else is accepted, because
    /// signatures over chosen parameters can be forged.
    ///
    /// # Errors
    /// When the bytes are malformed or describe another curve.
    pub fn from_parameters(parameters: &Tlv<'_>) -> Result<(Self, ParameterForm), CryptoError> {
        if parameters.tag == tag::OID {
            let oid = Oid(parameters.value);
            let curve = Self::from_oid(oid).ok_or_else(|| CryptoError::unsupported("curve", oid))?;
            return Ok((curve, ParameterForm::Named));
        }
        let explicit = Explicit::read(parameters).map_err(CryptoError::malformed("explicit EC parameters"))?;
        Self::ALL
            .into_iter()
            .find(|curve| explicit.matches(curve.components()))
            .map(|curve| (curve, explicit.form()))
            .ok_or_else(|| CryptoError::unsupported("curve", "explicit parameters of no named curve"))
    }

    fn components(self) -> &'static Components {
        static ALL: [OnceLock<Components>; 11] = [const { OnceLock::new() }; 11];
        ALL[self as usize].get_or_init(|| Components::of(self).expect("the library has every named curve"))
    }
}

/// How a certificate names its curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParameterForm {
    /// By object identifier.
    Named,
    /// By explicit field, coefficients, generator and order, as ICAO 9303-12 prescribes.
    Explicit,
    /// The same without the cofactor, which ICAO 9303-12 §7.1 wants. It is one for every curve that is accepted.
    ExplicitWithoutCofactor,
}

/// The numbers of a curve, without leading zeros.
struct Components {
    p: Vec<u8>,
    a: Vec<u8>,
    b: Vec<u8>,
    order: Vec<u8>,
    uncompressed: Vec<u8>,
    compressed: Vec<u8>,
}

impl Components {
    fn of(curve: Curve) -> Result<Self, CryptoError> {
        let library = |_| CryptoError::Library("EC_GROUP");
        let group = curve.group()?;
        let mut ctx = BigNumContext::new().map_err(library)?;
        let [mut p, mut a, mut b, mut order] = [(); 4].map(|()| BigNum::new().expect("allocation of a number"));
        group.components_gfp(&mut p, &mut a, &mut b, &mut ctx).map_err(library)?;
        group.order(&mut order, &mut ctx).map_err(library)?;
        let mut encode = |form| {
            let generator = group.generator_opt().ok_or(CryptoError::Library("EC_GROUP"))?;
            generator.to_bytes(&group, form, &mut ctx).map_err(library)
        };
        Ok(Self {
            p: p.to_vec(),
            a: a.to_vec(),
            b: b.to_vec(),
            order: order.to_vec(),
            uncompressed: encode(PointConversionForm::UNCOMPRESSED)?,
            compressed: encode(PointConversionForm::COMPRESSED)?,
        })
    }
}

/// ECParameters as read from a certificate.
struct Explicit<'a> {
    p: &'a [u8],
    a: &'a [u8],
    b: &'a [u8],
    base: &'a [u8],
    order: &'a [u8],
    cofactor: Option<&'a [u8]>,
}

impl<'a> Explicit<'a> {
    fn read(parameters: &Tlv<'a>) -> Result<Self, crate::tlv::TlvError> {
        use crate::tlv::TlvError;
        if parameters.tag != tag::SEQUENCE {
            return Err(TlvError::Unexpected { expected: tag::SEQUENCE, found: parameters.tag });
        }
        let mut fields = parameters.children();
        fields.expect(tag::INTEGER)?;
        let mut field_id = fields.expect(tag::SEQUENCE)?.children();
        if Oid(field_id.expect(tag::OID)?.value) != oid::PRIME_FIELD {
            return Err(TlvError::Value("not a prime field"));
        }
        let p = field_id.expect(tag::INTEGER)?.uint_bytes()?;
        let mut coefficients = fields.expect(tag::SEQUENCE)?.children();
        let a = trim(coefficients.expect(tag::OCTET_STRING)?.value);
        let b = trim(coefficients.expect(tag::OCTET_STRING)?.value);
        let base = fields.expect(tag::OCTET_STRING)?.value;
        let order = fields.expect(tag::INTEGER)?.uint_bytes()?;
        let cofactor = fields.optional(tag::INTEGER)?.map(|t| t.uint_bytes()).transpose()?;
        Ok(Self { p, a, b, base, order, cofactor })
    }

    const fn form(&self) -> ParameterForm {
        match self.cofactor {
            Some(_) => ParameterForm::Explicit,
            None => ParameterForm::ExplicitWithoutCofactor,
        }
    }

    fn matches(&self, named: &Components) -> bool {
        self.p == named.p
            && self.a == named.a
            && self.b == named.b
            && self.order == named.order
            && (self.base == named.uncompressed || self.base == named.compressed)
            // Every curve here has cofactor one.
            && self.cofactor.is_none_or(|h| h == [1])
    }
}

fn trim(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    &bytes[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlv::{encode, first};

    /// ECParameters of a named curve, with one number after the other in the order of the structure.
    fn explicit(parts: &[Vec<u8>; 6]) -> Vec<u8> {
        let [p, a, b, base, order, cofactor] = parts;
        let integer = |bytes: &[u8]| encode(tag::INTEGER, &[&[0], bytes].concat());
        let field = encode(tag::SEQUENCE, &[encode(tag::OID, oid::PRIME_FIELD.0), integer(p)].concat());
        let octets = |bytes: &[u8]| encode(tag::OCTET_STRING, bytes);
        let curve = encode(tag::SEQUENCE, &[octets(a), octets(b)].concat());
        let numbers = [integer(&[1]), field, curve, octets(base), integer(order), integer(cofactor)];
        encode(tag::SEQUENCE, &numbers.concat())
    }

    #[test]
    fn explicit_parameters_are_a_named_curve_to_the_letter_or_nothing() {
        for curve in Curve::ALL {
            let c = Components::of(curve).expect("curve");
            let parts = [c.p, c.a, c.b, c.uncompressed, c.order, vec![1]];
            let read = |parts: &[Vec<u8>; 6]| {
                let bytes = explicit(parts);
                Curve::from_parameters(&first(&bytes, tag::SEQUENCE).expect("structure"))
            };
            assert_eq!(read(&parts), Ok((curve, ParameterForm::Explicit)));
            let compressed = c.compressed;
            let with = |at: usize, bytes: Vec<u8>| {
                let mut parts = parts.clone();
                parts[at] = bytes;
                parts
            };
            assert_eq!(read(&with(3, compressed)), Ok((curve, ParameterForm::Explicit)));
            // Any other number in any place, the generator above all: whoever chooses it can forge signatures.
            for (at, part) in parts.iter().enumerate() {
                for byte in [0, part.len() / 2, part.len() - 1] {
                    let mut changed = part.clone();
                    changed[byte] ^= 0x02;
                    assert!(read(&with(at, changed)).is_err(), "{} part {at} byte {byte}", curve.name());
                }
            }
        }
    }
}
