//! X.509 certificates of the eMRTD PKI (ICAO 9303-12 §7), read without re-encoding.
//!
//! The reader takes what real issuers produce; what departs from the profile is kept and named, and judged by who uses
//! the certificate.
//!
//! | file | content |
//! |---|---|
//! | `mod.rs` | the certificate itself, and points in time |
//! | `extensions.rs` | extensions, and whether they let a certificate sign documents or lists |
//! | `name.rs` | names: compared, and made fit to be shown |
//! | `split.rs` | many certificates in one file |

use crate::crypto::{CryptoError, PublicKey, SignatureAlgorithm};
use crate::tlv::{self, Tlv, TlvError, tag};
use std::sync::OnceLock;

mod extensions;
mod name;
mod split;

pub use extensions::{BasicConstraints, Extensions, KeyUsage, Purpose, PurposeFault};
pub(crate) use name::printable;
pub use name::{common_name, country, same_name};
pub use split::split_certificates;

/// Seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(pub i64);

impl UnixTime {
    /// Midnight UTC of a calendar day; `None` when there is no such day.
    #[must_use]
    pub fn from_date(year: i32, month: u8, day: u8) -> Option<Self> {
        let month = time::Month::try_from(month).ok()?;
        let date = time::Date::from_calendar_date(year, month, day).ok()?;
        Some(Self(date.midnight().assume_utc().unix_timestamp()))
    }
}

/// `YYYY-MM-DD`.
impl std::fmt::Display for UnixTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match time::OffsetDateTime::from_unix_timestamp(self.0) {
            Ok(t) => write!(f, "{:04}-{:02}-{:02}", t.year(), u8::from(t.month()), t.day()),
            Err(_) => write!(f, "@{}", self.0),
        }
    }
}

/// A certificate.
#[derive(Clone)]
pub struct Certificate {
    raw: Vec<u8>,
    tbs: std::ops::Range<usize>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    serial: Vec<u8>,
    /// Start of validity.
    pub not_before: UnixTime,
    /// End of validity.
    pub not_after: UnixTime,
    spki: std::ops::Range<usize>,
    /// Read when it is first asked for: a store of thousands uses few.
    key: OnceLock<Result<PublicKey, CryptoError>>,
    algorithm: Result<SignatureAlgorithm, CryptoError>,
    signature: Vec<u8>,
    /// What it says about its key and its purpose.
    pub extensions: Extensions,
    /// Whether the signature algorithm inside the signed part equals the one outside (RFC 5280 §4.1.1.2).
    pub algorithms_agree: bool,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate({}, serial {})", self.subject_name(), self.serial_hex())
    }
}

impl Certificate {
    /// Reads a DER certificate.
    ///
    /// # Errors
    /// When the structure is malformed. An unsupported key or signature algorithm is no error here: it shows
    /// when the certificate is used.
    pub fn parse(der: &[u8]) -> Result<Self, TlvError> {
        let outer = tlv::first(der, tag::SEQUENCE)?;
        let mut fields = outer.children();
        let tbs = fields.expect(tag::SEQUENCE)?;
        let algorithm = fields.expect(tag::SEQUENCE)?;
        let signature = fields.expect(tag::BIT_STRING)?.bits()?.to_vec();
        let start = tbs.raw.as_ptr() as usize - outer.raw.as_ptr() as usize;

        let mut body = tbs.children();
        body.optional(tag::CONTEXT_0)?;
        let serial = body.expect(tag::INTEGER)?.value.to_vec();
        let algorithms_agree = body.expect(tag::SEQUENCE)?.raw == algorithm.raw;
        let issuer = body.expect(tag::SEQUENCE)?.raw.to_vec();
        let mut validity = body.expect(tag::SEQUENCE)?.children();
        let not_before = read_time(validity.next()?)?;
        let not_after = read_time(validity.next()?)?;
        let subject = body.expect(tag::SEQUENCE)?.raw.to_vec();
        let spki = body.expect(tag::SEQUENCE)?.raw;
        let spki_start = spki.as_ptr() as usize - outer.raw.as_ptr() as usize;
        let mut certificate = Self {
            raw: outer.raw.to_vec(),
            tbs: start..start + tbs.raw.len(),
            issuer,
            subject,
            serial,
            not_before,
            not_after,
            spki: spki_start..spki_start + spki.len(),
            key: OnceLock::new(),
            algorithm: SignatureAlgorithm::from_algorithm(&algorithm, None),
            signature,
            extensions: Extensions::default(),
            algorithms_agree,
        };
        while let Some(field) = body.next()? {
            if field.tag == tag::CONTEXT_3 {
                certificate.extensions = Extensions::read(&field)?;
            }
        }
        Ok(certificate)
    }

    /// The DER bytes.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.raw
    }

    /// SHA-256 of the DER bytes.
    #[must_use]
    pub fn fingerprint(&self) -> Vec<u8> {
        crate::crypto::HashAlgorithm::Sha256.digest(&self.raw)
    }

    /// The serial number's octets.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// The serial number in hexadecimal.
    #[must_use]
    pub fn serial_hex(&self) -> String {
        self.serial.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// The issuer's name in DER.
    #[must_use]
    pub fn issuer(&self) -> &[u8] {
        &self.issuer
    }

    /// The subject's name in DER.
    #[must_use]
    pub fn subject(&self) -> &[u8] {
        &self.subject
    }

    /// The subject key identifier.
    #[must_use]
    pub fn subject_key_identifier(&self) -> Option<&[u8]> {
        self.extensions.subject_key_identifier.as_deref()
    }

    /// The authority key identifier.
    #[must_use]
    pub fn authority_key_identifier(&self) -> Option<&[u8]> {
        self.extensions.authority_key_identifier.as_deref()
    }

    /// The subject's country in upper case; issuers write it in either.
    #[must_use]
    pub fn country(&self) -> Option<String> {
        country(&self.subject)
    }

    /// The issuer's country in upper case.
    #[must_use]
    pub fn issuer_country(&self) -> Option<String> {
        country(&self.issuer)
    }

    /// The subject's common name, or its country when it has none.
    #[must_use]
    pub fn subject_name(&self) -> String {
        common_name(&self.subject)
    }

    /// The issuer's common name, or its country when it has none.
    #[must_use]
    pub fn issuer_name(&self) -> String {
        common_name(&self.issuer)
    }

    /// The public key.
    ///
    /// # Errors
    /// When its algorithm or curve is not accepted.
    pub fn public_key(&self) -> Result<&PublicKey, CryptoError> {
        let read = || {
            let spki = tlv::first(&self.raw[self.spki.clone()], tag::SEQUENCE);
            PublicKey::from_spki(&spki.map_err(CryptoError::malformed("SubjectPublicKeyInfo"))?)
        };
        self.key.get_or_init(read).as_ref().map_err(Clone::clone)
    }

    /// SubjectPublicKeyInfo in DER: two certificates for one key agree in it.
    #[must_use]
    pub fn key_info(&self) -> &[u8] {
        &self.raw[self.spki.clone()]
    }

    /// The algorithm that it was signed with.
    ///
    /// # Errors
    /// When it is none that is known here.
    pub fn signature_algorithm(&self) -> Result<&SignatureAlgorithm, CryptoError> {
        self.algorithm.as_ref().map_err(Clone::clone)
    }

    /// Whether it may issue certificates: basicConstraints *and* keyUsage say so (RFC 5280 §4.2.1.3, §4.2.1.9).
    #[must_use]
    pub fn is_authority(&self) -> bool {
        let usage = self.extensions.key_usage;
        self.extensions.basic_constraints.is_some_and(|b| b.authority)
            && usage.is_some_and(|u| u.contains(KeyUsage::CERTIFICATES))
    }

    /// Whether basicConstraints or keyUsage says that it is an authority: enough not to be taken for a document
    /// signer.
    #[must_use]
    pub fn claims_authority(&self) -> bool {
        self.extensions.basic_constraints.is_some_and(|b| b.authority)
            || self.extensions.key_usage.is_some_and(|u| u.contains(KeyUsage::CERTIFICATES))
    }

    /// Whether it is a bar code signer's, of either form of seal (ICAO 9303-12 §7.1.3): it signs no document, and vouches
    /// for nothing by itself.
    #[must_use]
    pub fn is_seal_signer(&self) -> bool {
        let signs = |purpose| self.extensions.faults(purpose).is_empty();
        !self.claims_authority() && (signs(Purpose::Seals) || signs(Purpose::NonConstrainedSeals))
    }

    /// Whether subject and issuer bear the same name.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        same_name(&self.subject, &self.issuer)
    }

    /// Whether `issuer`'s key signed this certificate.
    ///
    /// # Errors
    /// When key or algorithm cannot be used.
    pub fn is_signed_by(&self, issuer: &Self) -> Result<bool, CryptoError> {
        let algorithm = self.algorithm.as_ref().map_err(Clone::clone)?;
        issuer.public_key()?.verify(algorithm, &self.raw[self.tbs.clone()], &self.signature)
    }
}

/// UTCTime or GeneralizedTime, with or without seconds; years 50 to 99 of UTCTime are 19xx (RFC 5280 §4.1.2.5).
pub(crate) fn read_time(value: Option<Tlv<'_>>) -> Result<UnixTime, TlvError> {
    const BAD: TlvError = TlvError::Value("time");
    let value = value.ok_or(TlvError::Missing(tag::UTC_TIME))?;
    let digits = value.value.strip_suffix(b"Z").unwrap_or(value.value);
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(BAD);
    }
    let number = |range: std::ops::Range<usize>| -> Result<i32, TlvError> {
        let digits = digits.get(range).ok_or(BAD)?;
        Ok(digits.iter().fold(0, |n, b| n * 10 + i32::from(b - b'0')))
    };
    let (year, rest) = match value.tag {
        tag::UTC_TIME => {
            let short = number(0..2)?;
            (if short < 50 { 2000 + short } else { 1900 + short }, 2)
        }
        tag::GENERALIZED_TIME => (number(0..4)?, 4),
        found => return Err(TlvError::Unexpected { expected: tag::UTC_TIME, found }),
    };
    let part = |index: usize| number(rest + index * 2..rest + index * 2 + 2);
    let day = UnixTime::from_date(year, part(0)? as u8, part(1)? as u8).ok_or(BAD)?;
    let seconds = if digits.len() >= rest + 10 { part(4)? } else { 0 };
    Ok(UnixTime(day.0 + i64::from(part(2)? * 3600 + part(3)? * 60 + seconds)))
}
