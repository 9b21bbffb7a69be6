//! X.509 certificates of the eMRTD PKI (ICAO 9303-12 §7), read without re-encoding.
//!
//! The reader takes what real issuers produce; what departs from the profile but does not weaken the
//! signature is left to the caller to judge.

use crate::crypto::{CryptoError, PublicKey, SignatureAlgorithm};
use crate::oid::{self, Oid};
use crate::tlv::{self, Reader, Tlv, TlvError, tag};

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
    key: Result<PublicKey, CryptoError>,
    algorithm: Result<SignatureAlgorithm, CryptoError>,
    signature: Vec<u8>,
    subject_key_identifier: Option<Vec<u8>>,
    authority_key_identifier: Option<Vec<u8>>,
    /// Whether basicConstraints or keyUsage marks a certification authority: some links have only one of them.
    pub is_authority: bool,
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
        let key = PublicKey::from_spki(&body.expect(tag::SEQUENCE)?);
        let mut certificate = Self {
            raw: outer.raw.to_vec(),
            tbs: start..start + tbs.raw.len(),
            issuer,
            subject,
            serial,
            not_before,
            not_after,
            key,
            algorithm: SignatureAlgorithm::from_algorithm(&algorithm, None),
            signature,
            subject_key_identifier: None,
            authority_key_identifier: None,
            is_authority: false,
            algorithms_agree,
        };
        while let Some(field) = body.next()? {
            if field.tag == tag::CONTEXT_3 {
                certificate.read_extensions(&field)?;
            }
        }
        Ok(certificate)
    }

    fn read_extensions(&mut self, field: &Tlv<'_>) -> Result<(), TlvError> {
        let mut extensions = tlv::first(field.value, tag::SEQUENCE)?.children();
        while let Some(extension) = extensions.next()? {
            let mut parts = extension.children();
            let id = Oid(parts.expect(tag::OID)?.value);
            parts.optional(tag::BOOLEAN)?;
            let value = parts.expect(tag::OCTET_STRING)?.value;
            match id {
                oid::SUBJECT_KEY_IDENTIFIER => {
                    self.subject_key_identifier = tlv::first(value, tag::OCTET_STRING).ok().map(|t| t.value.to_vec());
                }
                oid::AUTHORITY_KEY_IDENTIFIER => {
                    let inner = tlv::first(value, tag::SEQUENCE).ok();
                    let id = inner.and_then(|t| tlv::find(t.value, 0x80).ok().flatten());
                    self.authority_key_identifier = id.map(|t| t.value.to_vec());
                }
                oid::BASIC_CONSTRAINTS => {
                    let inner = tlv::first(value, tag::SEQUENCE).ok();
                    let flag = inner.and_then(|t| tlv::find(t.value, tag::BOOLEAN).ok().flatten());
                    self.is_authority |= flag.is_some_and(|t| t.value != [0]);
                }
                oid::KEY_USAGE => {
                    // Unused bits, then the first eight: keyCertSign is the sixth.
                    let usage = tlv::first(value, tag::BIT_STRING).ok();
                    self.is_authority |= usage.is_some_and(|t| t.value.get(1).is_some_and(|bits| bits & 0x04 != 0));
                }
                _ => {}
            }
        }
        Ok(())
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
        self.subject_key_identifier.as_deref()
    }

    /// The authority key identifier.
    #[must_use]
    pub fn authority_key_identifier(&self) -> Option<&[u8]> {
        self.authority_key_identifier.as_deref()
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
        self.key.as_ref().map_err(Clone::clone)
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

/// The country in a DER name, upper case.
#[must_use]
pub fn country(name: &[u8]) -> Option<String> {
    name_attribute(name, oid::COUNTRY_NAME).map(|c| c.to_uppercase())
}

/// The common name in a DER name, or its country when it has none.
#[must_use]
pub fn common_name(name: &[u8]) -> String {
    name_attribute(name, oid::COMMON_NAME).or_else(|| country(name)).unwrap_or_else(|| "(no name)".to_owned())
}

/// Whether two names are equal, letter case and the string type aside (RFC 5280 §7.1, simplified).
#[must_use]
pub fn same_name(a: &[u8], b: &[u8]) -> bool {
    a == b || matches!((normalised(a), normalised(b)), (Ok(a), Ok(b)) if a == b)
}

fn normalised(name: &[u8]) -> Result<Vec<(Vec<u8>, String)>, TlvError> {
    let mut parts = Vec::new();
    let mut sets = tlv::first(name, tag::SEQUENCE)?.children();
    while let Some(set) = sets.next()? {
        let mut pairs = set.children();
        while let Some(pair) = pairs.next()? {
            let mut pair = pair.children();
            let id = pair.expect(tag::OID)?.value.to_vec();
            let value = pair.next()?.ok_or(TlvError::Missing(tag::PRINTABLE_STRING))?;
            parts.push((id, text(&value).trim().to_lowercase()));
        }
    }
    Ok(parts)
}

fn name_attribute(name: &[u8], wanted: Oid<'_>) -> Option<String> {
    let mut sets = tlv::first(name, tag::SEQUENCE).ok()?.children();
    let mut found = None;
    while let Ok(Some(set)) = sets.next() {
        let mut pair = tlv::first(set.value, tag::SEQUENCE).ok()?.children();
        if pair.expect(tag::OID).is_ok_and(|t| Oid(t.value) == wanted) {
            found = pair.next().ok().flatten().map(|t| text(&t));
        }
    }
    found
}

fn text(value: &Tlv<'_>) -> String {
    if value.tag == tag::BMP_STRING {
        let units: Vec<u16> = value.value.chunks(2).map(|c| c.iter().fold(0, |n, b| n << 8 | u16::from(*b))).collect();
        return String::from_utf16_lossy(&units);
    }
    String::from_utf8_lossy(value.value).into_owned()
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

/// Splits concatenated DER certificates, or the PEM blocks of a text.
///
/// # Errors
/// When a DER object is malformed or a PEM block is not base64.
pub fn split_certificates(bytes: &[u8]) -> Result<Vec<Vec<u8>>, TlvError> {
    if let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| text.contains("-----BEGIN")) {
        return pem_blocks(text);
    }
    let mut reader = Reader::new(bytes);
    let mut all = Vec::new();
    while let Some(object) = reader.next()? {
        all.push(object.raw.to_vec());
    }
    Ok(all)
}

fn pem_blocks(text: &str) -> Result<Vec<Vec<u8>>, TlvError> {
    let mut blocks = Vec::new();
    let mut body: Option<String> = None;
    for line in text.lines().map(str::trim) {
        if line.starts_with("-----BEGIN") {
            body = Some(String::new());
        } else if line.starts_with("-----END") {
            let encoded = body.take().ok_or(TlvError::Value("PEM"))?;
            blocks.push(openssl::base64::decode_block(&encoded).map_err(|_| TlvError::Value("PEM base64"))?);
        } else if let Some(body) = &mut body {
            body.push_str(line);
        }
    }
    Ok(blocks)
}
