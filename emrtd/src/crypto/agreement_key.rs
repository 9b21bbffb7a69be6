//! Static public keys of a chip that take part in a key agreement (ICAO 9303-11 §9.2.6): EF.DG14, EF.CardSecurity.

use super::curve::ParameterForm;
use super::{CryptoError, Curve, DhDomain, Domain, Group, ModpGroup, NamedGroup, PublicKey};
use crate::oid::{self, Oid};
use crate::tlv::{self, Tlv, TlvError, tag};

/// A key with the group that it lies in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgreementKey {
    /// A point on a named curve, uncompressed.
    Ec {
        /// The curve.
        curve: Curve,
        /// The point.
        point: Vec<u8>,
    },
    /// A number modulo a prime.
    Dh {
        /// Prime, order of the subgroup if stated, generator.
        group: DhParameters,
        /// The key.
        public: Vec<u8>,
    },
}

/// A MODP group by name or by its numbers, which are big-endian.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of RFC 2631 and PKCS #3")]
pub enum DhParameters {
    Named(ModpGroup),
    Stated { p: Vec<u8>, q: Option<Vec<u8>>, g: Vec<u8> },
}

impl AgreementKey {
    /// Reads a SubjectPublicKeyInfo. Its parameters may be a standardised domain parameter id, a named curve,
    /// explicit parameters of a named curve, PKCS #3 or X9.42 parameters.
    ///
    /// # Errors
    /// When it is malformed, or in a group that is not accepted.
    pub fn from_spki(spki: &Tlv<'_>) -> Result<Self, CryptoError> {
        let malformed = CryptoError::malformed("ChipAuthenticationPublicKeyInfo");
        let mut fields = spki.children();
        let mut algorithm = fields.expect(tag::SEQUENCE).map_err(&malformed)?.children();
        let bits = fields.expect(tag::BIT_STRING).and_then(|t| t.bits()).map_err(&malformed)?;
        match Oid(algorithm.expect(tag::OID).map_err(&malformed)?.value) {
            oid::STANDARDIZED_DOMAIN_PARAMETERS => {
                let id = algorithm.expect(tag::INTEGER).and_then(|t| t.small_uint()).map_err(&malformed)?;
                match NamedGroup::from_parameter_id(id) {
                    Some(NamedGroup::Ec(curve)) => Self::ec(curve, ParameterForm::Named, bits),
                    Some(NamedGroup::Dh(group)) => Self::dh(DhParameters::Named(group), bits),
                    None => Err(CryptoError::unsupported("domain parameter id", id)),
                }
            }
            id @ (oid::DH_KEY_AGREEMENT | oid::DH_PUBLIC_NUMBER) => {
                let numbers = algorithm.expect(tag::SEQUENCE).map_err(&malformed)?;
                Self::dh(DhParameters::read(&numbers, id == oid::DH_PUBLIC_NUMBER).map_err(&malformed)?, bits)
            }
            _ => match PublicKey::from_spki(spki)? {
                PublicKey::Ec { curve, form, point, .. } => Self::ec(curve, form, &point),
                PublicKey::Rsa { .. } => Err(CryptoError::unsupported("key agreement", "RSA")),
            },
        }
    }

    fn ec(curve: Curve, form: ParameterForm, point: &[u8]) -> Result<Self, CryptoError> {
        PublicKey::ec(curve, form, point)?;
        Ok(Self::Ec { curve, point: point.to_vec() })
    }

    fn dh(group: DhParameters, bits: &[u8]) -> Result<Self, CryptoError> {
        group.domain()?;
        let public = tlv::first(bits, tag::INTEGER).and_then(|t| t.uint_bytes());
        let public = public.map_err(CryptoError::malformed("DH public key"))?.to_vec();
        Ok(Self::Dh { group, public })
    }

    /// The key as it stands in key agreement.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        match self {
            Self::Ec { point, .. } => point,
            Self::Dh { public, .. } => public,
        }
    }

    /// The group to make an ephemeral key in.
    ///
    /// # Errors
    /// When the library fails.
    pub fn group(&self) -> Result<Group, CryptoError> {
        match self {
            Self::Ec { curve, .. } => Domain::standard(*curve).map(Group::Ec),
            Self::Dh { group, .. } => group.domain().map(Group::Dh),
        }
    }

    /// The group, when it is one of the standardised domain parameters.
    #[must_use]
    pub const fn named_group(&self) -> Option<NamedGroup> {
        match self {
            Self::Ec { curve, .. } => Some(NamedGroup::Ec(*curve)),
            Self::Dh { group: DhParameters::Named(group), .. } => Some(NamedGroup::Dh(*group)),
            Self::Dh { .. } => None,
        }
    }

    /// The key type as people write it.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Ec { curve, .. } => format!("EC {}", curve.name()),
            Self::Dh { group: DhParameters::Named(group), .. } => format!("DH {}", group.name()),
            Self::Dh { group: DhParameters::Stated { p, .. }, .. } => format!("DH {}", p.len() * 8),
        }
    }
}

impl DhParameters {
    /// `{ p, g, length }` of PKCS #3, `{ p, g, q, … }` of X9.42.
    fn read(numbers: &Tlv<'_>, x942: bool) -> Result<Self, TlvError> {
        let mut fields = numbers.children();
        let p = fields.expect(tag::INTEGER)?.uint_bytes()?.to_vec();
        let g = fields.expect(tag::INTEGER)?.uint_bytes()?.to_vec();
        let q = if x942 { Some(fields.expect(tag::INTEGER)?.uint_bytes()?.to_vec()) } else { None };
        Ok(Self::Stated { p, q, g })
    }

    fn domain(&self) -> Result<DhDomain, CryptoError> {
        match self {
            Self::Named(group) => DhDomain::standard(*group),
            Self::Stated { p, q, g } => DhDomain::stated(p, q.as_deref(), g),
        }
    }
}
