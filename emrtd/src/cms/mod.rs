//! CMS SignedData (RFC 5652) as EF.SOD, CSCA master lists and EF.CardSecurity use it.
//!
//! Hashes and signatures are computed over the bytes as received. Departures from the profile that real
//! issuers are known for are accepted and named, see [`Deviation`].

use crate::crypto::curve::ParameterForm;
use crate::crypto::public_key::hash_algorithm;
use crate::crypto::{CryptoError, HashAlgorithm, Protection, PublicKey, SignatureAlgorithm, equal};
use crate::oid::{self, Oid};
use crate::tlv::{self, Reader, Tlv, TlvError, tag};
use crate::x509::{Certificate, UnixTime, read_time, same_name};
use thiserror::Error;

mod deviation;
mod lengths;

pub use deviation::{Deviation, Severity};
pub(crate) use lengths::has_shortest_lengths;

/// Why signed data cannot be checked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CmsError {
    /// The structure is malformed.
    #[error("malformed signed data")]
    Malformed(#[from] TlvError),
    /// The content is not SignedData.
    #[error("not CMS SignedData")]
    NotSignedData,
    /// There is not exactly one signer.
    #[error("{0} signers, expected one")]
    Signers(usize),
    /// An algorithm is not supported.
    #[error("signed data")]
    Crypto(#[from] CryptoError),
}

/// Why a signature is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureFault {
    /// The messageDigest attribute is not the content's hash.
    MessageDigest,
    /// A signed attribute that may stand once, with one value, stands more often: whoever reads the other one reads
    /// something else.
    Repeated,
    /// The contentType attribute differs from eContentType.
    ContentType,
    /// There is no messageDigest attribute: the signature says nothing of the content. It is no proof of anything.
    NoMessageDigest,
    /// The signature does not verify with the signer's key.
    Signature,
}

/// BER allows an OCTET STRING in segments.
const CONSTRUCTED_OCTET_STRING: u32 = 0x24;

/// How the signer is named.
#[derive(Debug, Clone, PartialEq, Eq)]
enum SignerId {
    IssuerAndSerial { issuer: Vec<u8>, serial: Vec<u8> },
    KeyIdentifier(Vec<u8>),
}

/// SignedData with its one signer.
#[derive(Debug, Clone)]
pub struct SignedData {
    /// eContentType, DER value octets.
    pub content_type: Vec<u8>,
    /// The signed content.
    pub content: Vec<u8>,
    /// Certificates in the message, in order; those that cannot be read are left out.
    pub certificates: Vec<Certificate>,
    /// The hash over the content.
    pub digest: HashAlgorithm,
    /// The signature algorithm.
    pub algorithm: SignatureAlgorithm,
    /// The signingTime attribute.
    pub signing_time: Option<UnixTime>,
    /// Departures that were accepted.
    pub deviations: Vec<Deviation>,
    signer: SignerId,
    signed_attributes: Option<SignedAttributes>,
    signature: Vec<u8>,
}

#[derive(Debug, Clone)]
struct SignedAttributes {
    /// Re-tagged as SET OF, which is what the signature covers (RFC 5652 §5.4).
    signed: Vec<u8>,
    /// The same in DER order, where they came in another.
    sorted: Option<Vec<u8>>,
    content_type: Option<Vec<u8>>,
    message_digest: Option<Vec<u8>>,
    /// Whether one of the two stands twice, or has two values.
    repeated: bool,
}

impl SignedData {
    /// Reads a ContentInfo that holds SignedData.
    ///
    /// # Errors
    /// When it is something else, malformed, or has not exactly one signer.
    pub fn parse(bytes: &[u8]) -> Result<Self, CmsError> {
        let mut deviations = Vec::new();
        let info = tlv::first(bytes, tag::SEQUENCE)?;
        let mut info_fields = info.children();
        if Oid(info_fields.expect(tag::OID)?.value) != oid::SIGNED_DATA {
            return Err(CmsError::NotSignedData);
        }
        let wrapped = info_fields.expect(tag::CONTEXT_0)?;
        let signed_data = tlv::first(wrapped.value, tag::SEQUENCE)?;
        if is_indefinite(&info) || is_indefinite(&wrapped) || is_indefinite(&signed_data) {
            deviations.push(Deviation::IndefiniteLength);
        }
        let mut fields = signed_data.children();
        let version = fields.expect(tag::INTEGER)?.small_uint()?;
        let digests = digest_algorithms(&fields.expect(tag::SET)?);
        let mut encapsulated = fields.expect(tag::SEQUENCE)?.children();
        let content_type = encapsulated.expect(tag::OID)?.value.to_vec();
        let content = encapsulated.expect(tag::CONTEXT_0)?;
        let content = tlv::first(content.value, tag::OCTET_STRING)
            .or_else(|_| tlv::first(content.value, CONSTRUCTED_OCTET_STRING))?
            .octets()?
            .into_owned();
        let mut certificates = Vec::new();
        if let Some(set) = fields.optional(tag::CONTEXT_0)? {
            let mut each = set.children();
            while let Some(certificate) = each.next()? {
                certificates.extend(Certificate::parse(certificate.raw));
            }
        }
        fields.optional(tag::CONTEXT_1)?;
        let signers = fields.expect(tag::SET)?;
        let mut each = signers.children();
        let signer = each.next()?.ok_or(CmsError::Signers(0))?.tagged(tag::SEQUENCE)?;
        if each.next()?.is_some() {
            return Err(CmsError::Signers(2));
        }
        let signer = Signer::read(&mut signer.children(), &mut deviations)?;
        let expected = if Oid(&content_type) == oid::DATA { 1 } else { 3 };
        if version != expected && !deviations.contains(&Deviation::Version) {
            deviations.push(Deviation::Version);
        }
        if !digests.is_ok_and(|digests| digests.contains(&signer.digest)) {
            deviations.push(Deviation::DigestAlgorithms);
        }
        if signer.digest.protection() == Protection::Weak || signer.algorithm.protection() == Protection::Weak {
            deviations.push(Deviation::Sha1);
        }
        match &signer.attributes {
            None => deviations.push(Deviation::NoSignedAttributes),
            Some(attributes) if attributes.content_type.is_none() => deviations.push(Deviation::ContentTypeMissing),
            Some(_) => {}
        }
        if signer.attributes.as_ref().is_some_and(|attributes| attributes.sorted.is_some()) {
            deviations.push(Deviation::AttributesUnsorted);
        }
        if !has_shortest_lengths(info.raw) {
            deviations.push(Deviation::LengthNotShortest);
        }
        Ok(Self {
            content_type,
            content,
            certificates,
            digest: signer.digest,
            algorithm: signer.algorithm,
            signing_time: signer.signing_time,
            deviations,
            signer: signer.id,
            signed_attributes: signer.attributes,
            signature: signer.signature,
        })
    }

    /// Departures that show only beside the certificate whose key made the signature.
    #[must_use]
    pub fn deviations_with(&self, signer: &Certificate) -> Vec<Deviation> {
        // To the letter: what the identifier says is not signed.
        let named = match &self.signer {
            SignerId::IssuerAndSerial { issuer, serial } => signer.issuer() == issuer && signer.serial() == serial,
            SignerId::KeyIdentifier(id) => signer.subject_key_identifier() == Some(id),
        };
        let key = signer.public_key();
        // Another signature check: only for attributes that came unsorted.
        let unsorted = self.signed_attributes.as_ref().is_some_and(|attributes| attributes.sorted.is_some());
        let resorted = unsorted && !matches!(self.check(signer, false), Ok(Ok(())));
        let no_cofactor = matches!(key, Ok(PublicKey::Ec { form: ParameterForm::ExplicitWithoutCofactor, .. }));
        let out_of_period = self.signing_time.is_some_and(|at| {
            let period = signer.extensions.private_key_usage.unwrap_or_default();
            period.0.is_some_and(|from| at < from) || period.1.is_some_and(|to| at > to)
        });
        [
            (!named, Deviation::SignerIdentifier),
            (!signer.algorithms_agree, Deviation::CertificateAlgorithm),
            (resorted, Deviation::AttributesResorted),
            (no_cofactor, Deviation::CurveWithoutCofactor),
            (out_of_period, Deviation::KeyUsagePeriod),
            (signer.country() != signer.issuer_country(), Deviation::SignerCountry),
        ]
        .into_iter()
        .filter_map(|(there, deviation)| there.then_some(deviation))
        .collect()
    }

    /// What the signer identifier names: a serial number, or a key identifier.
    pub(crate) fn signer_identifier(&self) -> (Option<&[u8]>, Option<&[u8]>) {
        match &self.signer {
            SignerId::IssuerAndSerial { serial, .. } => (Some(serial), None),
            SignerId::KeyIdentifier(id) => (None, Some(id)),
        }
    }

    /// Whether the signer identifier names this certificate, letter case and string types aside.
    #[must_use]
    pub fn is_signer(&self, certificate: &Certificate) -> bool {
        match &self.signer {
            SignerId::IssuerAndSerial { issuer, serial } => {
                certificate.serial() == serial && same_name(certificate.issuer(), issuer)
            }
            SignerId::KeyIdentifier(id) => certificate.subject_key_identifier() == Some(id),
        }
    }

    /// Checks content hash and signature with a signer's certificate. Attributes that came unsorted are tried as they
    /// came and in DER order: issuers sign either.
    ///
    /// # Errors
    /// When the key cannot be used with the algorithm.
    pub fn verify(&self, signer: &Certificate) -> Result<Result<(), SignatureFault>, CryptoError> {
        match self.check(signer, false)? {
            Err(SignatureFault::Signature) => self.check(signer, true),
            result => Ok(result),
        }
    }

    fn check(&self, signer: &Certificate, sorted: bool) -> Result<Result<(), SignatureFault>, CryptoError> {
        let signed = match &self.signed_attributes {
            None => &self.content,
            Some(attributes) => {
                let digest = self.digest.digest(&self.content);
                match &attributes.message_digest {
                    _ if attributes.repeated => return Ok(Err(SignatureFault::Repeated)),
                    None => return Ok(Err(SignatureFault::NoMessageDigest)),
                    Some(stated) if !equal(stated, &digest) => return Ok(Err(SignatureFault::MessageDigest)),
                    Some(_) => {}
                }
                if attributes.content_type.as_ref().is_some_and(|t| *t != self.content_type) {
                    return Ok(Err(SignatureFault::ContentType));
                }
                match &attributes.sorted {
                    Some(in_order) if sorted => in_order,
                    _ if sorted => return Ok(Err(SignatureFault::Signature)),
                    _ => &attributes.signed,
                }
            }
        };
        if sorted && self.signed_attributes.is_none() {
            return Ok(Err(SignatureFault::Signature));
        }
        let valid = signer.public_key()?.verify(&self.algorithm, signed, &self.signature)?;
        Ok(if valid { Ok(()) } else { Err(SignatureFault::Signature) })
    }
}

struct Signer {
    id: SignerId,
    digest: HashAlgorithm,
    attributes: Option<SignedAttributes>,
    signing_time: Option<UnixTime>,
    algorithm: SignatureAlgorithm,
    signature: Vec<u8>,
}

impl Signer {
    fn read(fields: &mut Reader<'_>, deviations: &mut Vec<Deviation>) -> Result<Self, CmsError> {
        let version = fields.expect(tag::INTEGER)?.small_uint()?;
        let id = match fields.next()?.ok_or(TlvError::Missing(tag::SEQUENCE))? {
            name if name.tag == tag::SEQUENCE => {
                let mut parts = name.children();
                let issuer = parts.expect(tag::SEQUENCE)?.raw.to_vec();
                SignerId::IssuerAndSerial { issuer, serial: parts.expect(tag::INTEGER)?.value.to_vec() }
            }
            key => SignerId::KeyIdentifier(if key.is_constructed() {
                tlv::first(key.value, tag::OCTET_STRING)?.value.to_vec()
            } else {
                key.value.to_vec()
            }),
        };
        let expected = if matches!(id, SignerId::IssuerAndSerial { .. }) { 1 } else { 3 };
        if version != expected {
            deviations.push(Deviation::Version);
        }
        let digest = hash_algorithm(&fields.expect(tag::SEQUENCE)?)?;
        let (mut attributes, mut signing_time) = (None, None);
        if let Some(set) = fields.optional(tag::CONTEXT_0)? {
            let (read, time) = SignedAttributes::read(&set)?;
            if time.is_err() {
                deviations.push(Deviation::SigningTimeUnreadable);
            }
            (attributes, signing_time) = (Some(read), time.ok().flatten());
        }
        let algorithm = fields.expect(tag::SEQUENCE)?;
        let named = Oid(algorithm.children().expect(tag::OID)?.value);
        if matches!(named, oid::RSA_ENCRYPTION | oid::EC_PUBLIC_KEY) {
            deviations.push(Deviation::SignatureAlgorithmIsKeyType);
        }
        let algorithm = SignatureAlgorithm::from_algorithm(&algorithm, Some(digest))?;
        if let SignatureAlgorithm::RsaPss { hash, mgf1, salt_len } = &algorithm
            && (hash != mgf1 || usize::try_from(*salt_len) != Ok(hash.output_len()))
        {
            deviations.push(Deviation::PssParameters);
        }
        let signature = match fields.optional(CONSTRUCTED_OCTET_STRING)? {
            Some(segments) => segments,
            None => fields.expect(tag::OCTET_STRING)?,
        };
        let signature = signature.octets()?.into_owned();
        Ok(Self { id, digest, attributes, signing_time, algorithm, signature })
    }
}

/// A signing time that stands there, but cannot be read or stands twice.
struct Unreadable;

impl SignedAttributes {
    fn read(set: &Tlv<'_>) -> Result<(Self, Result<Option<UnixTime>, Unreadable>), TlvError> {
        // Definite and indefinite forms both sign the DER form; the content octets are kept as they came.
        let mut attributes = Self {
            signed: tlv::encode(tag::SET, set.value),
            sorted: None,
            content_type: None,
            message_digest: None,
            repeated: false,
        };
        let mut signing_time = Ok(None);
        let mut order = Vec::new();
        let mut each = set.children();
        while let Some(attribute) = each.next()? {
            order.push(attribute.raw);
            let mut parts = attribute.children();
            let id = Oid(parts.expect(tag::OID)?.value);
            let mut values = parts.expect(tag::SET)?.children();
            let value = values.next()?;
            let one = values.finish().is_ok();
            match (id, value) {
                (oid::CONTENT_TYPE, Some(value)) => {
                    attributes.repeated |= !one || attributes.content_type.is_some();
                    attributes.content_type = Some(value.value.to_vec());
                }
                (oid::MESSAGE_DIGEST, Some(value)) => {
                    attributes.repeated |= !one || attributes.message_digest.is_some();
                    attributes.message_digest = Some(value.octets()?.into_owned());
                }
                (oid::SIGNING_TIME, value) => {
                    signing_time = match (&signing_time, read_time(value)) {
                        (Ok(None), Ok(time)) if one => Ok(Some(time)),
                        _ => Err(Unreadable),
                    };
                }
                _ => {}
            }
        }
        if !order.is_sorted() {
            order.sort_unstable();
            attributes.sorted = Some(tlv::encode(tag::SET, &order.concat()));
        }
        Ok((attributes, signing_time))
    }
}

fn digest_algorithms(set: &Tlv<'_>) -> Result<Vec<HashAlgorithm>, CmsError> {
    let mut found = Vec::new();
    let mut each = set.children();
    while let Some(algorithm) = each.next()? {
        found.push(hash_algorithm(&algorithm)?);
    }
    Ok(found)
}

fn is_indefinite(object: &Tlv<'_>) -> bool {
    object.raw.ends_with(&[0, 0]) && object.raw.get(1) == Some(&0x80)
}
