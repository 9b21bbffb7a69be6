//! Certificate revocation lists (RFC 5280 §5, ICAO 9303-12 §7.1.4): which document signers a CSCA has revoked.
//!
//! ICAO 9303 has one whole list per issuer. A list that is a part only (delta), or about another issuer's certificates
//! (indirect), or limited or changed by a critical extension that is not known here, clears nobody and is not used.

use crate::crypto::{CryptoError, SignatureAlgorithm};
use crate::oid::{self, Oid};
use crate::tlv::{self, Tlv, TlvError, tag};
use crate::x509::{Certificate, UnixTime, read_time};
use std::collections::HashSet;

/// A revocation list, read but not yet checked.
#[derive(Clone)]
pub struct Crl {
    tbs: Vec<u8>,
    issuer: Vec<u8>,
    /// When it was issued.
    pub this_update: UnixTime,
    /// When the next one is due.
    pub next_update: Option<UnixTime>,
    /// Its number, without leading zeros.
    number: Vec<u8>,
    authority_key_identifier: Option<Vec<u8>>,
    unusable: Option<Unusable>,
    revoked: HashSet<Vec<u8>>,
    algorithm: Result<SignatureAlgorithm, CryptoError>,
    signature: Vec<u8>,
}

/// Why a list is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unusable {
    /// It is a change to another list.
    Delta,
    /// It is about a part of the certificates, or about those of another issuer.
    Partial,
    /// It has a critical extension that is not known here.
    UnknownCritical,
}

impl std::fmt::Debug for Crl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Crl(of {}, {} revoked)", self.this_update, self.revoked.len())
    }
}

impl Crl {
    /// Reads a DER list.
    ///
    /// # Errors
    /// When the structure is malformed.
    pub fn parse(der: &[u8]) -> Result<Self, TlvError> {
        let mut fields = tlv::first(der, tag::SEQUENCE)?.children();
        let tbs = fields.expect(tag::SEQUENCE)?;
        let algorithm = fields.expect(tag::SEQUENCE)?;
        let signature = fields.expect(tag::BIT_STRING)?.bits()?.to_vec();
        let mut body = tbs.children();
        body.optional(tag::INTEGER)?;
        body.expect(tag::SEQUENCE)?;
        let issuer = body.expect(tag::SEQUENCE)?.raw.to_vec();
        let this_update = read_time(body.next()?)?;
        let next = match body.optional(tag::UTC_TIME)? {
            Some(time) => Some(time),
            None => body.optional(tag::GENERALIZED_TIME)?,
        };
        let next_update = next.map(|time| read_time(Some(time))).transpose()?;
        let (mut revoked, mut unusable) = (HashSet::new(), None);
        if let Some(list) = body.optional(tag::SEQUENCE)? {
            let mut entries = list.children();
            while let Some(entry) = entries.next()? {
                let mut parts = entry.children();
                revoked.insert(parts.expect(tag::INTEGER)?.value.to_vec());
                parts.next()?;
                if let Some(extensions) = parts.optional(tag::SEQUENCE)? {
                    read_extensions(&extensions, |id, critical, _| match id {
                        oid::CERTIFICATE_ISSUER => unusable = Some(Unusable::Partial),
                        oid::CRL_REASON | oid::INVALIDITY_DATE => {}
                        _ if critical => unusable = Some(Unusable::UnknownCritical),
                        _ => {}
                    })?;
                }
            }
        }
        let (mut number, mut authority_key_identifier) = (Vec::new(), None);
        if let Some(extensions) = body.optional(tag::CONTEXT_0)? {
            read_extensions(&tlv::first(extensions.value, tag::SEQUENCE)?, |id, critical, value| match id {
                oid::CRL_NUMBER => {
                    let stated = tlv::first(value, tag::INTEGER).and_then(|t| t.uint_bytes());
                    number = stated.map(<[u8]>::to_vec).unwrap_or_default();
                }
                oid::AUTHORITY_KEY_IDENTIFIER => {
                    let inner = tlv::first(value, tag::SEQUENCE).ok();
                    let id = inner.and_then(|t| tlv::find(t.value, 0x80).ok().flatten());
                    authority_key_identifier = id.map(|t| t.value.to_vec());
                }
                oid::DELTA_CRL => unusable = Some(Unusable::Delta),
                oid::ISSUING_DISTRIBUTION_POINT if critical => unusable = Some(Unusable::Partial),
                oid::ISSUER_ALTERNATIVE_NAME => {}
                _ if critical => unusable = Some(Unusable::UnknownCritical),
                _ => {}
            })?;
        }
        let algorithm = SignatureAlgorithm::from_algorithm(&algorithm, None);
        Ok(Self {
            tbs: tbs.raw.to_vec(),
            issuer,
            this_update,
            next_update,
            number,
            authority_key_identifier,
            unusable,
            revoked,
            algorithm,
            signature,
        })
    }

    /// The issuer's name in DER.
    #[must_use]
    pub fn issuer(&self) -> &[u8] {
        &self.issuer
    }

    /// Why it is not used, if so.
    #[must_use]
    pub const fn unusable(&self) -> Option<Unusable> {
        self.unusable
    }

    /// The identifier of the key that signed it, if it says so.
    #[must_use]
    pub fn authority_key_identifier(&self) -> Option<&[u8]> {
        self.authority_key_identifier.as_deref()
    }

    /// What orders the lists of one issuer: the day, then the number.
    #[must_use]
    pub fn age(&self) -> (UnixTime, usize, &[u8]) {
        (self.this_update, self.number.len(), &self.number)
    }

    /// Whether `issuer`'s key signed this list.
    ///
    /// # Errors
    /// When key or algorithm cannot be used.
    pub fn is_signed_by(&self, issuer: &Certificate) -> Result<bool, CryptoError> {
        let algorithm = self.algorithm.as_ref().map_err(Clone::clone)?;
        issuer.public_key()?.verify(algorithm, &self.tbs, &self.signature)
    }

    /// Whether it lists this certificate.
    #[must_use]
    pub fn revokes(&self, certificate: &Certificate) -> bool {
        self.revoked.contains(certificate.serial())
    }
}

/// Calls `each` with identifier, critical flag and value of every extension.
fn read_extensions(list: &Tlv<'_>, mut each: impl FnMut(Oid<'_>, bool, &[u8])) -> Result<(), TlvError> {
    let mut extensions = list.children();
    while let Some(extension) = extensions.next()? {
        let mut parts = extension.children();
        let id = Oid(parts.expect(tag::OID)?.value);
        let critical = parts.optional(tag::BOOLEAN)?.is_some_and(|flag| flag.value != [0]);
        each(id, critical, parts.expect(tag::OCTET_STRING)?.value);
    }
    Ok(())
}
