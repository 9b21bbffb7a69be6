//! Certificate revocation lists (RFC 5280 §5, ICAO 9303-12 §7.4): which document signers a CSCA has revoked.

use crate::crypto::{CryptoError, SignatureAlgorithm};
use crate::tlv::{self, TlvError, tag};
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
    revoked: HashSet<Vec<u8>>,
    algorithm: Result<SignatureAlgorithm, CryptoError>,
    signature: Vec<u8>,
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
        let mut revoked = HashSet::new();
        if let Some(list) = body.optional(tag::SEQUENCE)? {
            let mut entries = list.children();
            while let Some(entry) = entries.next()? {
                revoked.insert(entry.children().expect(tag::INTEGER)?.value.to_vec());
            }
        }
        let algorithm = SignatureAlgorithm::from_algorithm(&algorithm, None);
        Ok(Self { tbs: tbs.raw.to_vec(), issuer, this_update, next_update, revoked, algorithm, signature })
    }

    /// The issuer's name in DER.
    #[must_use]
    pub fn issuer(&self) -> &[u8] {
        &self.issuer
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
