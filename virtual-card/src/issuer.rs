//! A synthetic issuing state: CSCA of two generations, link certificate, document signers, and the SOD.
//!
//! ```text
//! CSCA 1 (brainpoolP512r1, explicit parameters) ──┬─ DSC EC 256 (explicit), DSC RSA-PSS
//!    └─ link certificate ─ CSCA 2 (brainpoolP384r1) ── DSC EC 384
//! self-made CSCA: same names, other key, in no trust directory
//! ```

use crate::keys;
use emrtd::tlv::encode;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::EcGroupRef;
use openssl::ec::PointConversionForm;
use openssl::error::ErrorStack;
use openssl::hash::{MessageDigest, hash};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Signer};
use std::collections::BTreeMap;

/// Which document signer signs a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentSigner {
    /// ECDSA with SHA-256 on brainpoolP256r1, explicit parameters, under CSCA 1.
    Brainpool256,
    /// ECDSA with SHA-384 on brainpoolP384r1, under CSCA 2, which only the link certificate vouches for.
    Brainpool384,
    /// RSA-PSS with SHA-256, 2,048 bits, under CSCA 1.
    RsaPss,
}

/// What is wrong with the issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IssuerFault {
    /// Nothing.
    #[default]
    None,
    /// The CSCA is somebody's own, with the names of the real one.
    SelfMadeCsca,
    /// The document signer's certificate had expired when it signed.
    ExpiredDsc,
    /// The document signer's certificate is on the revocation list.
    RevokedDsc,
}

/// Where an EF.SOD departs from ICAO 9303-10 and 9303-12, as those of real issuers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the terminal's deviations")]
pub enum Oddity {
    None,
    /// No departure: LDS 1.8 states its version.
    Lds18,
    IndefiniteLength,
    ContentTypeIsData,
    SignatureAlgorithmIsKeyType,
    Sha1,
    NoSignedAttributes,
    Version,
    DigestAlgorithms,
    SignerIdentifier,
    CertificateAlgorithm,
    AuthorityKeyIdentifier,
    PssParameters,
    LdsVersion,
}

/// A file of the trust directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustFile {
    /// File name.
    pub name: &'static str,
    /// DER certificate or revocation list.
    pub der: Vec<u8>,
}

const OID_EC_PUBLIC_KEY: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
const OID_PRIME_FIELD: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x01, 0x01];
const OID_ECDSA: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03];
const OID_RSA_PSS: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0A];
const OID_MGF1: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x08];
const OID_SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
const OID_DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01];
const OID_SIGNED_DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];
const OID_PKCS9: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09];
const OID_SECURITY_OBJECT: &[u8] = &[0x04, 0x00, 0x7F, 0x00, 0x07, 0x03, 0x02, 0x01];
const OID_MASTER_LIST: &[u8] = &[0x67, 0x81, 0x08, 0x01, 0x01, 0x02];
const OID_DEVIATION_LIST: &[u8] = &[0x67, 0x81, 0x08, 0x01, 0x01, 0x07];
const OID_LDS_SECURITY_OBJECT: &[u8] = &[0x67, 0x81, 0x08, 0x01, 0x01, 0x01];

pub(crate) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    encode(0x30, &parts.concat())
}

fn oid(value: &[u8]) -> Vec<u8> {
    encode(0x06, value)
}

fn oid_under(prefix: &[u8], last: u8) -> Vec<u8> {
    encode(0x06, &[prefix, &[last]].concat())
}

/// A non-negative INTEGER from its magnitude.
pub(crate) fn integer(magnitude: &[u8]) -> Vec<u8> {
    let trimmed: Vec<u8> = magnitude.iter().copied().skip_while(|b| *b == 0).collect();
    match trimmed.first() {
        None => encode(0x02, &[0]),
        Some(b) if b & 0x80 != 0 => encode(0x02, &[&[0], &trimmed[..]].concat()),
        Some(_) => encode(0x02, &trimmed),
    }
}

pub(crate) fn bit_string(value: &[u8]) -> Vec<u8> {
    encode(0x03, &[&[0], value].concat())
}

/// A hash: of the SHA-2 family by the last arc of its identifier, or SHA-1.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha1 = 0,
    Sha256 = 1,
    Sha384 = 2,
    Sha512 = 3,
}

impl Hash {
    fn digest(self) -> MessageDigest {
        match self {
            Self::Sha1 => MessageDigest::sha1(),
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha384 => MessageDigest::sha384(),
            Self::Sha512 => MessageDigest::sha512(),
        }
    }

    fn algorithm(self) -> Vec<u8> {
        match self {
            Self::Sha1 => sequence(&[oid(&[0x2B, 0x0E, 0x03, 0x02, 0x1A])]),
            _ => sequence(&[oid_under(OID_SHA2, self as u8)]),
        }
    }
}

/// A key that signs, with the algorithm that goes with it.
struct SigningKey {
    key: PKey<Private>,
    hash: Hash,
    spki: Vec<u8>,
    /// For RSA: the hash of PSS's mask.
    pss: Option<Hash>,
}

impl SigningKey {
    fn ec(label: &str, curve: Nid, hash: Hash, explicit: bool) -> Result<Self, ErrorStack> {
        let key = keys::ec(label, curve)?;
        let parameters = if explicit { explicit_parameters(key.group())? } else { named_curve(curve)? };
        let algorithm = sequence(&[oid(OID_EC_PUBLIC_KEY), parameters]);
        let spki = sequence(&[algorithm, bit_string(&keys::point(&key)?)]);
        Ok(Self { key: PKey::from_ec_key(key)?, hash, spki, pss: None })
    }

    fn rsa_pss() -> Result<Self, ErrorStack> {
        let key = keys::document_signer_rsa()?;
        let spki = key.public_key_to_der()?;
        Ok(Self { key, hash: Hash::Sha256, spki, pss: Some(Hash::Sha256) })
    }

    /// AlgorithmIdentifier of signatures.
    fn algorithm(&self) -> Vec<u8> {
        let Some(mask) = self.pss else {
            if self.hash == Hash::Sha1 {
                return sequence(&[oid(&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x01])]);
            }
            // ecdsa-with-SHA256 is arc 2, SHA384 3, SHA512 4.
            return sequence(&[oid_under(OID_ECDSA, self.hash as u8 + 1)]);
        };
        let hash = self.hash.algorithm();
        let mask = sequence(&[oid(OID_MGF1), mask.algorithm()]);
        let salt = integer(&[32]);
        let parameters = sequence(&[encode(0xA0, &hash), encode(0xA1, &mask), encode(0xA2, &salt)]);
        sequence(&[oid(OID_RSA_PSS), parameters])
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let mut signer = Signer::new(self.hash.digest(), &self.key)?;
        if let Some(mask) = self.pss {
            signer.set_rsa_padding(Padding::PKCS1_PSS)?;
            signer.set_rsa_mgf1_md(mask.digest())?;
            signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
        }
        signer.sign_oneshot_to_vec(message)
    }

    /// SHA-1 of the public key bits, the usual key identifier.
    fn identifier(&self) -> Result<Vec<u8>, ErrorStack> {
        Ok(hash(MessageDigest::sha1(), &self.spki)?.to_vec())
    }
}

fn named_curve(curve: Nid) -> Result<Vec<u8>, ErrorStack> {
    let value: &[u8] = match curve {
        Nid::BRAINPOOL_P384R1 => &[0x2B, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0B],
        _ => &[0x2B, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07],
    };
    Ok(oid(value))
}

/// ECParameters of X9.62, as Vietnam's CSCA has them.
pub(crate) fn explicit_parameters(group: &EcGroupRef) -> Result<Vec<u8>, ErrorStack> {
    let mut ctx = BigNumContext::new()?;
    let (mut p, mut a, mut b, mut order) = (BigNum::new()?, BigNum::new()?, BigNum::new()?, BigNum::new()?);
    group.components_gfp(&mut p, &mut a, &mut b, &mut ctx)?;
    group.order(&mut order, &mut ctx)?;
    let width = p.num_bytes();
    let generator = group.generator_opt().map(|g| g.to_bytes(group, PointConversionForm::UNCOMPRESSED, &mut ctx));
    Ok(sequence(&[
        integer(&[1]),
        sequence(&[oid(OID_PRIME_FIELD), integer(&p.to_vec())]),
        sequence(&[encode(0x04, &a.to_vec_padded(width)?), encode(0x04, &b.to_vec_padded(width)?)]),
        encode(0x04, &generator.transpose()?.unwrap_or_default()),
        integer(&order.to_vec()),
        integer(&[1]),
    ]))
}

fn name(common_name: &str) -> Vec<u8> {
    let attribute = |arc: u8, tag: u32, value: &str| {
        encode(0x31, &sequence(&[oid(&[0x55, 0x04, arc]), encode(tag, value.as_bytes())]))
    };
    sequence(&[
        attribute(6, 0x13, "VN"),
        attribute(10, 0x0C, "Practice cards, synthetic"),
        attribute(3, 0x0C, common_name),
    ])
}

/// A certificate to be issued.
struct Request<'a> {
    serial: u8,
    subject: &'a str,
    issuer: &'a str,
    not_before: &'a str,
    not_after: &'a str,
    is_ca: bool,
    oddity: Oddity,
}

fn certificate(request: &Request<'_>, subject: &SigningKey, issuer: &SigningKey) -> Result<Vec<u8>, ErrorStack> {
    let time = |text: &str| encode(0x18, text.as_bytes());
    let extension = |arc: u8, critical: bool, value: Vec<u8>| {
        let critical = if critical { encode(0x01, &[0xFF]) } else { Vec::new() };
        sequence(&[oid(&[0x55, 0x1D, arc]), critical, encode(0x04, &value)])
    };
    let mut authority = issuer.identifier()?;
    if request.oddity == Oddity::AuthorityKeyIdentifier {
        authority.reverse();
    }
    // Inside the signed part another algorithm may be named than outside.
    let inner = match request.oddity {
        Oddity::CertificateAlgorithm => sequence(&[oid_under(OID_ECDSA, 1)]),
        _ => issuer.algorithm(),
    };
    let mut extensions = vec![
        extension(14, false, encode(0x04, &subject.identifier()?)),
        extension(35, false, sequence(&[encode(0x80, &authority)])),
        // keyCertSign and cRLSign, or digitalSignature.
        extension(15, true, if request.is_ca { vec![0x03, 0x02, 0x01, 0x06] } else { vec![0x03, 0x02, 0x07, 0x80] }),
    ];
    if request.is_ca {
        extensions.push(extension(19, true, sequence(&[encode(0x01, &[0xFF]), integer(&[0])])));
    }
    let tbs = sequence(&[
        encode(0xA0, &integer(&[2])),
        integer(&[request.serial]),
        inner,
        name(request.issuer),
        sequence(&[time(request.not_before), time(request.not_after)]),
        name(request.subject),
        subject.spki.clone(),
        encode(0xA3, &sequence(&extensions)),
    ]);
    let signature = issuer.sign(&tbs)?;
    Ok(sequence(&[tbs, issuer.algorithm(), bit_string(&signature)]))
}

/// The serial number that the revocation list names.
const REVOKED_SERIAL: u8 = 66;

/// The first CSCA's revocation list.
fn revocation_list(issuer: &SigningKey) -> Result<Vec<u8>, ErrorStack> {
    let time = |text: &str| encode(0x18, text.as_bytes());
    let entry = sequence(&[integer(&[REVOKED_SERIAL]), time("20240601000000Z")]);
    let tbs = sequence(&[
        integer(&[1]),
        issuer.algorithm(),
        name(CSCA_1),
        time("20260101000000Z"),
        time("20400101000000Z"),
        sequence(&[entry]),
    ]);
    let signature = issuer.sign(&tbs)?;
    Ok(sequence(&[tbs, issuer.algorithm(), bit_string(&signature)]))
}

const CSCA_1: &str = "CSCA Practice 1 (synthetic)";
const CSCA_2: &str = "CSCA Practice 2 (synthetic)";

/// The issuing state with all its keys.
pub struct Issuer {
    csca_1: SigningKey,
    csca_2: SigningKey,
    fault: IssuerFault,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Issuer({:?})", self.fault)
    }
}

impl Issuer {
    /// The issuer, honest or not.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn new(fault: IssuerFault) -> Result<Self, ErrorStack> {
        let generation = if fault == IssuerFault::SelfMadeCsca { "self-made" } else { "practice" };
        Ok(Self {
            csca_1: SigningKey::ec(&format!("{generation}/csca-1"), Nid::BRAINPOOL_P512R1, Hash::Sha512, true)?,
            csca_2: SigningKey::ec(&format!("{generation}/csca-2"), Nid::BRAINPOOL_P384R1, Hash::Sha384, false)?,
            fault,
        })
    }

    /// What an operator would be given: the first CSCA, the link certificate to the second, and the first one's
    /// revocation list.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn trust_files(&self) -> Result<Vec<TrustFile>, ErrorStack> {
        let root = Request {
            serial: 1,
            subject: CSCA_1,
            issuer: CSCA_1,
            not_before: "20200101000000Z",
            not_after: "20401231235959Z",
            is_ca: true,
            oddity: Oddity::None,
        };
        let link = Request {
            serial: 2,
            subject: CSCA_2,
            issuer: CSCA_1,
            not_before: "20210101000000Z",
            not_after: "20401231235959Z",
            is_ca: true,
            oddity: Oddity::None,
        };
        Ok(vec![
            TrustFile { name: "csca-practice-1.cer", der: certificate(&root, &self.csca_1, &self.csca_1)? },
            TrustFile { name: "csca-practice-2-link.cer", der: certificate(&link, &self.csca_2, &self.csca_1)? },
            TrustFile { name: "practice-1.crl", der: revocation_list(&self.csca_1)? },
        ])
    }

    fn signing(&self, signer: DocumentSigner, oddity: Oddity) -> Result<Signing, ErrorStack> {
        let (mut key, issuer, issuer_name, serial) = match signer {
            DocumentSigner::Brainpool256 => {
                let key = SigningKey::ec("practice/dsc-256", Nid::BRAINPOOL_P256R1, Hash::Sha256, true)?;
                (key, &self.csca_1, CSCA_1, 11)
            }
            DocumentSigner::Brainpool384 => {
                let key = SigningKey::ec("practice/dsc-384", Nid::BRAINPOOL_P384R1, Hash::Sha384, false)?;
                (key, &self.csca_2, CSCA_2, 12)
            }
            DocumentSigner::RsaPss => (SigningKey::rsa_pss()?, &self.csca_1, CSCA_1, 13),
        };
        match oddity {
            Oddity::Sha1 => key.hash = Hash::Sha1,
            Oddity::PssParameters => key.pss = Some(Hash::Sha1),
            _ => {}
        }
        let expired = self.fault == IssuerFault::ExpiredDsc;
        let serial = if self.fault == IssuerFault::RevokedDsc { REVOKED_SERIAL } else { serial };
        let request = Request {
            serial,
            subject: "Document Signer Practice (synthetic)",
            issuer: issuer_name,
            not_before: if expired { "20200101000000Z" } else { "20210101000000Z" },
            not_after: if expired { "20201231235959Z" } else { "20381231235959Z" },
            is_ca: false,
            oddity,
        };
        Ok(Signing { certificate: certificate(&request, &key, issuer)?, key, issuer_name, serial, oddity })
    }

    /// Signs EF.SOD over the data groups. `signed_at` is `YYMMDDhhmmssZ`.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn sod(
        &self,
        signer: DocumentSigner,
        groups: &BTreeMap<u8, Vec<u8>>,
        signed_at: &str,
    ) -> Result<Vec<u8>, ErrorStack> {
        self.odd_sod(signer, groups, signed_at, Oddity::None)
    }

    /// The same with a departure from the profile.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn odd_sod(
        &self,
        signer: DocumentSigner,
        groups: &BTreeMap<u8, Vec<u8>>,
        signed_at: &str,
        oddity: Oddity,
    ) -> Result<Vec<u8>, ErrorStack> {
        let signing = self.signing(signer, oddity)?;
        let content = security_object(&signing.key, groups, oddity)?;
        let content_type = if oddity == Oddity::ContentTypeIsData { OID_DATA } else { OID_LDS_SECURITY_OBJECT };
        Ok(encode(0x77, &signing.signed_data(content_type, &content, signed_at)?))
    }

    /// Signs EF.CardSecurity over a SET of SecurityInfos.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn card_security(&self, signer: DocumentSigner, infos: &[u8], signed_at: &str) -> Result<Vec<u8>, ErrorStack> {
        self.signing(signer, Oddity::None)?.signed_data(OID_SECURITY_OBJECT, infos, signed_at)
    }

    /// A deviation list of the issuing state: what it declares about documents of one signer. `deviation` is what
    /// follows id-icao-DeviationList in the type's identifier, with a data group number if it has one.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn deviation_list(
        &self,
        about: DocumentSigner,
        deviation: [u8; 2],
        data_group: Option<u8>,
    ) -> Result<Vec<u8>, ErrorStack> {
        let signing = self.signing(about, Oddity::None)?;
        let documents = encode(0xA1, &[name(signing.issuer_name), integer(&[signing.serial])].concat());
        let kind = oid(&[OID_DEVIATION_LIST, &deviation].concat());
        let parameters = data_group.map(|n| encode(0xA0, &integer(&[n]))).unwrap_or_default();
        let description = sequence(&[encode(0x13, b"declared by the practice issuer"), kind, parameters]);
        let entry = sequence(&[sequence(&[documents]), encode(0x31, &description)]);
        let content = sequence(&[integer(&[]), encode(0x31, &entry)]);
        signing.signed_data(OID_DEVIATION_LIST, &content, "260101000000Z")
    }

    /// A CSCA master list with these certificates, which must have the first CSCA among them: it vouches for the
    /// signer. `signed_at` is `YYMMDDhhmmssZ`.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn master_list(&self, certificates: &[&[u8]], signed_at: &str) -> Result<Vec<u8>, ErrorStack> {
        let content = sequence(&[integer(&[]), encode(0x31, &certificates.concat())]);
        self.signing(DocumentSigner::Brainpool256, Oddity::None)?.signed_data(OID_MASTER_LIST, &content, signed_at)
    }

    /// The certificate of a document signer, for pins.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn document_signer(&self, signer: DocumentSigner) -> Result<Vec<u8>, ErrorStack> {
        Ok(self.signing(signer, Oddity::None)?.certificate)
    }
}

/// A document signer at work.
struct Signing {
    key: SigningKey,
    certificate: Vec<u8>,
    issuer_name: &'static str,
    serial: u8,
    oddity: Oddity,
}

impl Signing {
    /// ContentInfo with SignedData over `content`.
    fn signed_data(&self, content_type: &[u8], content: &[u8], signed_at: &str) -> Result<Vec<u8>, ErrorStack> {
        let Self { key, certificate, issuer_name, serial, oddity } = self;
        let digest = hash(key.hash.digest(), content)?;
        let attribute = |arc: u8, value: Vec<u8>| sequence(&[oid_under(OID_PKCS9, arc), encode(0x31, &value)]);
        // DER order of a SET OF: by encoding.
        let mut attributes = [
            attribute(3, oid(content_type)),
            attribute(5, encode(0x17, signed_at.as_bytes())),
            attribute(4, encode(0x04, &digest)),
        ];
        attributes.sort();
        let attributes = attributes.concat();
        let bare = *oddity == Oddity::NoSignedAttributes;
        let signature = key.sign(&if bare { content.to_vec() } else { encode(0x31, &attributes) })?;
        let algorithm = match oddity {
            Oddity::SignatureAlgorithmIsKeyType => sequence(&[oid(OID_EC_PUBLIC_KEY)]),
            _ => key.algorithm(),
        };
        let named = if *oddity == Oddity::SignerIdentifier { serial + 1 } else { *serial };
        let signer_info = sequence(&[
            integer(&[1]),
            sequence(&[name(issuer_name), integer(&[named])]),
            key.hash.algorithm(),
            if bare { Vec::new() } else { encode(0xA0, &attributes) },
            algorithm,
            encode(0x04, &signature),
        ]);
        let version = match oddity {
            Oddity::Version => 4,
            Oddity::ContentTypeIsData => 1,
            _ => 3,
        };
        let digests = if *oddity == Oddity::DigestAlgorithms { Vec::new() } else { key.hash.algorithm() };
        let signed_data = sequence(&[
            integer(&[version]),
            encode(0x31, &digests),
            sequence(&[oid(content_type), encode(0xA0, &encode(0x04, content))]),
            encode(0xA0, certificate),
            encode(0x31, &signer_info),
        ]);
        let info = [oid(OID_SIGNED_DATA), encode(0xA0, &signed_data)].concat();
        Ok(match oddity {
            Oddity::IndefiniteLength => [&[0x30, 0x80], &info[..], &[0, 0]].concat(),
            _ => sequence(&[info]),
        })
    }
}

/// LDSSecurityObject with the hashes of the groups.
fn security_object(key: &SigningKey, groups: &BTreeMap<u8, Vec<u8>>, oddity: Oddity) -> Result<Vec<u8>, ErrorStack> {
    let mut hashes = Vec::new();
    for (number, bytes) in groups {
        let digest = hash(key.hash.digest(), bytes)?;
        hashes.push(sequence(&[integer(&[*number]), encode(0x04, &digest)]));
    }
    let version = integer(if matches!(oddity, Oddity::Lds18 | Oddity::LdsVersion) { &[1] } else { &[] });
    let info = match oddity {
        Oddity::Lds18 => sequence(&[encode(0x13, b"0108"), encode(0x13, b"040000")]),
        _ => Vec::new(),
    };
    Ok(sequence(&[version, key.hash.algorithm(), sequence(&hashes), info]))
}
