//! EF.SOD (ICAO 9303-10 §4.6.2): the issuer's signature over the hashes of the data groups.
//!
//! ```text
//! 77 { ContentInfo { SignedData { eContent LDSSecurityObject } } }
//! LDSSecurityObject ::= SEQUENCE { version INTEGER, hashAlgorithm, SEQUENCE OF { number INTEGER, hash OCTET STRING },
//!                                  SEQUENCE { ldsVersion, unicodeVersion PrintableString } OPTIONAL }
//! ```

use crate::cms::{CmsError, Deviation, SignedData, has_shortest_lengths};
use crate::crypto::public_key::hash_algorithm;
use crate::crypto::{HashAlgorithm, Protection};
use crate::oid::{self, Oid};
use crate::tlv::{self, TlvError, tag};
use crate::x509::printable;
use std::collections::BTreeMap;

/// The hashes that the issuer signed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LdsSecurityObject {
    /// Version: 0 for LDS 1.7, 1 for LDS 1.8.
    pub version: u32,
    /// Hash over the data groups.
    pub hash: HashAlgorithm,
    /// LDS version, for example `0108`; stated since LDS 1.8.
    pub lds_version: Option<String>,
    /// Expected hash by data group number.
    pub data_groups: BTreeMap<u8, Vec<u8>>,
    /// Whether more follows it in the signed content.
    pub bytes_after: bool,
}

/// The LDS versions that state themselves.
const KNOWN_VERSIONS: [&str; 2] = ["0107", "0108"];

/// EF.SOD, read but not yet checked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Sod {
    /// The signed message.
    pub signed_data: SignedData,
    /// What it signs.
    pub security_object: LdsSecurityObject,
    /// Departures from the profile that were accepted.
    pub deviations: Vec<Deviation>,
}

impl Sod {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is malformed or uses an algorithm that is not supported.
    pub fn parse(file: &[u8]) -> Result<Self, CmsError> {
        let outer = tlv::first(file, 0x77)?;
        let signed_data = SignedData::parse(outer.value)?;
        let mut deviations = signed_data.deviations.clone();
        // Chips pad files with zeros or ones; anything else was put there.
        let rest = &file[outer.raw.len()..];
        if !rest.iter().all(|b| *b == 0) && !rest.iter().all(|b| *b == 0xFF) {
            deviations.push(Deviation::BytesAfterFile);
        }
        if tlv::first(outer.value, tag::SEQUENCE)?.raw.len() < outer.value.len() {
            deviations.push(Deviation::BytesAfterSignedData);
        }
        let shortest = has_shortest_lengths(outer.raw);
        if !shortest && !deviations.contains(&Deviation::LengthNotShortest) {
            deviations.push(Deviation::LengthNotShortest);
        }
        match Oid(&signed_data.content_type) {
            oid::LDS_SECURITY_OBJECT => {}
            oid::DATA => deviations.push(Deviation::ContentTypeIsData),
            _ => return Err(TlvError::Value("eContentType is not id-icao-ldsSecurityObject").into()),
        }
        let security_object = LdsSecurityObject::parse(&signed_data.content)?;
        if security_object.hash.protection() == Protection::Weak && !deviations.contains(&Deviation::Sha1) {
            deviations.push(Deviation::Sha1);
        }
        if security_object.version != u32::from(security_object.lds_version.is_some()) {
            deviations.push(Deviation::LdsVersion);
        }
        if security_object.lds_version.as_ref().is_some_and(|text| !KNOWN_VERSIONS.contains(&text.as_str())) {
            deviations.push(Deviation::LdsVersionText);
        }
        if security_object.bytes_after {
            deviations.push(Deviation::BytesAfterContent);
        }
        if !has_shortest_lengths(&signed_data.content) && !deviations.contains(&Deviation::LengthNotShortest) {
            deviations.push(Deviation::LengthNotShortest);
        }
        Ok(Self { signed_data, security_object, deviations })
    }

    /// SHA-256 of the signer's key (SubjectPublicKeyInfo) where the file carries its certificate, else of the serial number
    /// or key identifier by which it names the signer. Tells batches of cards apart, and vouches for nothing.
    #[must_use]
    pub fn signer_fingerprint(&self) -> Option<[u8; 32]> {
        let named = self.signed_data.certificates.iter().find(|c| self.signed_data.is_signer(c));
        let name = match (named, self.signed_data.signer_identifier()) {
            (Some(certificate), _) => certificate.key_info(),
            (None, (Some(name), _) | (None, Some(name))) => name,
            (None, (None, None)) => return None,
        };
        HashAlgorithm::Sha256.digest(name).try_into().ok()
    }
}

impl LdsSecurityObject {
    fn parse(content: &[u8]) -> Result<Self, CmsError> {
        let object = tlv::first(content, tag::SEQUENCE)?;
        let bytes_after = object.raw.len() < content.len();
        let mut fields = object.children();
        let version = fields.expect(tag::INTEGER)?.small_uint()?;
        let hash = hash_algorithm(&fields.expect(tag::SEQUENCE)?)?;
        let mut data_groups = BTreeMap::new();
        let mut entries = fields.expect(tag::SEQUENCE)?.children();
        while let Some(entry) = entries.next()? {
            let mut parts = entry.children();
            let number = parts.expect(tag::INTEGER)?.small_uint()?;
            let number = u8::try_from(number).ok().filter(|n| (1..=16).contains(n));
            let number = number.ok_or(TlvError::Value("data group number"))?;
            let digest = parts.expect(tag::OCTET_STRING)?.value.to_vec();
            if digest.len() != hash.output_len() || data_groups.insert(number, digest).is_some() {
                return Err(TlvError::Value("data group hash").into());
            }
        }
        let mut lds_version = None;
        if let Some(info) = fields.optional(tag::SEQUENCE)? {
            let text = info.children().expect(tag::PRINTABLE_STRING)?;
            lds_version = Some(printable(&String::from_utf8_lossy(text.value)));
        }
        Ok(Self { version, hash, lds_version, data_groups, bytes_after })
    }
}
