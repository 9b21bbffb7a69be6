//! CMS SignedData (RFC 5652) as EF.SOD, CSCA master lists and EF.CardSecurity use it.
//!
//! Hashes and signatures are computed over the bytes as received. Departures from the profile that real
//! issuers are known for are accepted and named, see [`Deviation`].

use crate::crypto::public_key::hash_algorithm;
use crate::crypto::{CryptoError, HashAlgorithm, SignatureAlgorithm, equal};
use crate::oid::{self, Oid};
use crate::tlv::{self, Reader, Tlv, TlvError, tag};
use crate::x509::{Certificate, UnixTime, read_time, same_name};
use thiserror::Error;

/// A departure from ICAO 9303-10 or 9303-12 that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Deviation {
    /// BER with indefinite lengths where DER is prescribed (seen: New Zealand).
    IndefiniteLength,
    /// eContentType is id-data instead of id-icao-ldsSecurityObject (seen: China).
    ContentTypeIsData,
    /// signatureAlgorithm names the key type only; the digestAlgorithm decides (seen: United States, Australia).
    SignatureAlgorithmIsKeyType,
    /// SHA-1 protects the content or the signature.
    Sha1,
    /// There are no signed attributes; the signature is over the content itself.
    NoSignedAttributes,
    /// A version number differs from the one that RFC 5652 computes.
    Version,
    /// digestAlgorithms does not list the signer's, or lists something that is no hash algorithm.
    DigestAlgorithms,
    /// The signer identifier names another certificate than the one whose key signed.
    SignerIdentifier,
    /// A certificate states one signature algorithm inside its signed part and another outside.
    CertificateAlgorithm,
    /// The document signer does not name its issuer's key, or names another one (seen: New Zealand, China).
    AuthorityKeyIdentifier,
    /// RSASSA-PSS with another hash in the mask, or a salt of another length than the hash.
    PssParameters,
    /// The version of the LDS security object does not go with what stands in it (LDS 1.7, 1.8).
    LdsVersion,
}

/// What a departure means for trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Form only: what is signed, and by whom, is as certain as ever.
    Form,
    /// The protection is weaker than ICAO 9303-12 asks for today.
    Strength,
}

impl Severity {
    /// A stable identifier.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Strength => "strength",
        }
    }
}

impl Deviation {
    /// Every departure that can be reported.
    pub const ALL: [Self; 12] = [
        Self::IndefiniteLength,
        Self::ContentTypeIsData,
        Self::SignatureAlgorithmIsKeyType,
        Self::Sha1,
        Self::NoSignedAttributes,
        Self::Version,
        Self::DigestAlgorithms,
        Self::SignerIdentifier,
        Self::CertificateAlgorithm,
        Self::AuthorityKeyIdentifier,
        Self::PssParameters,
        Self::LdsVersion,
    ];

    /// What it means for trust.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            // Without attributes nothing says what kind of content was signed, nor when.
            Self::Sha1 | Self::NoSignedAttributes | Self::ContentTypeIsData => Severity::Strength,
            _ => Severity::Form,
        }
    }

    /// A stable identifier.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::IndefiniteLength => "ber_indefinite_length",
            Self::ContentTypeIsData => "econtent_type_id_data",
            Self::SignatureAlgorithmIsKeyType => "signature_algorithm_is_key_type",
            Self::Sha1 => "sha1",
            Self::NoSignedAttributes => "no_signed_attributes",
            Self::Version => "version",
            Self::DigestAlgorithms => "digest_algorithms",
            Self::SignerIdentifier => "signer_identifier",
            Self::CertificateAlgorithm => "certificate_algorithm",
            Self::AuthorityKeyIdentifier => "authority_key_identifier",
            Self::PssParameters => "pss_parameters",
            Self::LdsVersion => "lds_version",
        }
    }
}

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
pub enum SignatureFault {
    /// The messageDigest attribute is not the content's hash.
    MessageDigest,
    /// The contentType attribute differs from eContentType.
    ContentType,
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
    content_type: Option<Vec<u8>>,
    message_digest: Option<Vec<u8>>,
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
        if signer.digest == HashAlgorithm::Sha1 {
            deviations.push(Deviation::Sha1);
        }
        if signer.attributes.is_none() {
            deviations.push(Deviation::NoSignedAttributes);
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
        let identifier = (!named).then_some(Deviation::SignerIdentifier);
        let algorithm = (!signer.algorithms_agree).then_some(Deviation::CertificateAlgorithm);
        identifier.into_iter().chain(algorithm).collect()
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

    /// Checks content hash and signature with a signer's certificate.
    ///
    /// # Errors
    /// When the key cannot be used with the algorithm.
    pub fn verify(&self, signer: &Certificate) -> Result<Result<(), SignatureFault>, CryptoError> {
        let signed = match &self.signed_attributes {
            None => &self.content,
            Some(attributes) => {
                let digest = self.digest.digest(&self.content);
                if !attributes.message_digest.as_ref().is_some_and(|d| equal(d, &digest)) {
                    return Ok(Err(SignatureFault::MessageDigest));
                }
                if attributes.content_type.as_ref().is_some_and(|t| *t != self.content_type) {
                    return Ok(Err(SignatureFault::ContentType));
                }
                &attributes.signed
            }
        };
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
            (attributes, signing_time) = (Some(read), time);
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

impl SignedAttributes {
    fn read(set: &Tlv<'_>) -> Result<(Self, Option<UnixTime>), TlvError> {
        // Definite and indefinite forms both sign the DER form; the content octets are kept as they came.
        let mut attributes =
            Self { signed: tlv::encode(tag::SET, set.value), content_type: None, message_digest: None };
        let mut signing_time = None;
        let mut each = set.children();
        while let Some(attribute) = each.next()? {
            let mut parts = attribute.children();
            let id = Oid(parts.expect(tag::OID)?.value);
            let value = parts.expect(tag::SET)?.children().next()?;
            match (id, value) {
                (oid::CONTENT_TYPE, Some(value)) => attributes.content_type = Some(value.value.to_vec()),
                (oid::MESSAGE_DIGEST, Some(value)) => {
                    attributes.message_digest = Some(value.octets()?.into_owned());
                }
                (oid::SIGNING_TIME, value) => signing_time = read_time(value).ok(),
                _ => {}
            }
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
