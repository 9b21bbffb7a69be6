//! A synthetic issuing state: CSCA of two generations, link certificate, document signers, and the SOD. It can be any
//! country, and it can depart from the rules in every way that [`Oddity`] lists.
//!
//! ```text
//! CSCA 1 (brainpoolP512r1, explicit parameters) ──┬─ DSC EC 256 (explicit), DSC RSA-PSS
//!    └─ link certificate ─ CSCA 2 (brainpoolP384r1) ── DSC EC 384
//! self-made CSCA: same names, other key, in no trust directory
//! ```
//!
//! | file | content |
//! |---|---|
//! | `mod.rs` | the issuer and what it gives out |
//! | `oddity.rs` | what can be wrong |
//! | `key.rs` | keys and signatures |
//! | `certificate.rs` | certificates and revocation lists |
//! | `rollover.rs` | a second key under the first CSCA's name |
//! | `below.rs` | what hangs below a certificate that must not carry it |
//! | `signed.rs` | signed data |
//! | `der.rs` | DER |

mod below;
mod certificate;
mod der;
mod key;
mod oddity;
mod rollover;
mod seal;
mod signed;

pub use certificate::{ListOddity, ListRequest};
pub use oddity::Oddity;
pub use rollover::CscaKey;
pub use seal::{SealRequest, SealSigner, c40};

pub(crate) use der::{bit_string, explicit_parameters, integer};

use certificate::{REVOKED_SERIAL, Request, certificate, name, revocation_list};
use der::{Hash, OID_DATA, OID_LDS_SECURITY_OBJECT, OID_MASTER_LIST, OID_SECURITY_OBJECT, sequence};
use emrtd::hazmat::tlv::encode;
use key::SigningKey;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use signed::{Signing, signer_name};
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

/// A file of the trust directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustFile {
    /// File name.
    pub name: &'static str,
    /// DER certificate or revocation list.
    pub der: Vec<u8>,
}

const CSCA_1: &str = "CSCA Practice 1 (synthetic)";
const CSCA_2: &str = "CSCA Practice 2 (synthetic)";

/// The issuing state with all its keys.
pub struct Issuer {
    country: String,
    csca_1: SigningKey,
    csca_2: SigningKey,
    fault: IssuerFault,
    oddity: Oddity,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Issuer({}, {:?}, {:?})", self.country, self.fault, self.oddity)
    }
}

impl Issuer {
    /// The issuer of Vietnam, honest or not.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn new(fault: IssuerFault) -> Result<Self, ErrorStack> {
        let generation = if fault == IssuerFault::SelfMadeCsca { "self-made" } else { "practice" };
        Ok(Self {
            country: "VN".to_owned(),
            csca_1: SigningKey::ec(&format!("{generation}/csca-1"), Nid::BRAINPOOL_P512R1, Hash::Sha512, true)?,
            csca_2: SigningKey::ec(&format!("{generation}/csca-2"), Nid::BRAINPOOL_P384R1, Hash::Sha384, false)?,
            fault,
            oddity: Oddity::None,
        })
    }

    /// An honest issuer of another country, with keys of its own; of none where `country` is empty.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn of(country: &str) -> Result<Self, ErrorStack> {
        let label = |csca: u8| format!("practice-{country}/csca-{csca}");
        Ok(Self {
            country: country.to_owned(),
            csca_1: SigningKey::ec(&label(1), Nid::BRAINPOOL_P512R1, Hash::Sha512, true)?,
            csca_2: SigningKey::ec(&label(2), Nid::BRAINPOOL_P384R1, Hash::Sha384, false)?,
            ..Self::new(IssuerFault::None)?
        })
    }

    /// An issuer of Vietnam with something odd or wrong about it: what the operator is given, and what it signs.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn odd(oddity: Oddity) -> Result<Self, ErrorStack> {
        let honest = Self { oddity, ..Self::new(IssuerFault::None)? };
        Ok(match oddity {
            Oddity::CscaPlainSignature => Self { csca_1: honest.csca_1.in_plain_form(), ..honest },
            Oddity::CscaRsa1024 => Self { csca_1: SigningKey::rsa(1024)?, ..honest },
            Oddity::CscaRsa512 => Self { csca_1: SigningKey::rsa(512)?, ..honest },
            Oddity::CscaP192 => {
                let csca_1 = SigningKey::ec("practice/csca-192", Nid::X9_62_PRIME192V1, Hash::Sha256, false)?;
                Self { csca_1, ..honest }
            }
            _ => honest,
        })
    }

    /// What an operator would be given: the first CSCA, the link certificate to the second, and the first one's
    /// revocation list.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn trust_files(&self) -> Result<Vec<TrustFile>, ErrorStack> {
        let given = if self.oddity.is_of_authority() { self.oddity } else { Oddity::None };
        let (root_oddity, link_oddity) = match given {
            Oddity::LinkNotAuthority => (Oddity::None, given),
            _ => (given, Oddity::None),
        };
        let root = Request {
            serial: 1,
            subject: self.name(CSCA_1),
            issuer: self.name(CSCA_1),
            not_before: "20200101000000Z",
            not_after: "20401231235959Z",
            is_ca: true,
            seal: None,
            oddity: root_oddity,
        };
        let link = Request {
            serial: 2,
            subject: self.name(CSCA_2),
            issuer: self.name(CSCA_1),
            not_before: "20210101000000Z",
            not_after: "20401231235959Z",
            is_ca: true,
            seal: None,
            oddity: link_oddity,
        };
        let list = revocation_list(&ListRequest::default(), &self.name(CSCA_1), &self.csca_1)?;
        Ok(vec![
            TrustFile { name: "csca-practice-1.cer", der: certificate(&root, &self.csca_1, &self.csca_1)? },
            TrustFile { name: "csca-practice-2-link.cer", der: certificate(&link, &self.csca_2, &self.csca_1)? },
            TrustFile { name: "practice-1.crl", der: list },
        ])
    }

    fn name(&self, common_name: &str) -> Vec<u8> {
        name(&self.country, common_name)
    }

    fn signing(&self, signer: DocumentSigner, oddity: Oddity) -> Result<Signing, ErrorStack> {
        let (key, issuer, issuer_name, serial) = match signer {
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
        self.signing_under(SigningKey::odd(oddity)?.unwrap_or(key), issuer, issuer_name, serial, oddity)
    }

    /// A document signer with this key under this key of a CSCA.
    fn signing_under(
        &self,
        key: SigningKey,
        issuer: &SigningKey,
        issuer_name: &str,
        serial: u8,
        oddity: Oddity,
    ) -> Result<Signing, ErrorStack> {
        let expired = self.fault == IssuerFault::ExpiredDsc;
        let serial = if self.fault == IssuerFault::RevokedDsc { REVOKED_SERIAL } else { serial };
        let request = Request {
            serial,
            subject: signer_name(&self.country, oddity),
            issuer: self.name(issuer_name),
            not_before: if expired { "20200101000000Z" } else { "20210101000000Z" },
            not_after: if expired { "20201231235959Z" } else { "20381231235959Z" },
            is_ca: false,
            seal: None,
            oddity,
        };
        let mut der = certificate(&request, &key, issuer)?;
        if oddity == Oddity::ForeignCertificate {
            // Another document signer's, with another key and number.
            let other = SigningKey::ec("practice/dsc-384", Nid::BRAINPOOL_P384R1, Hash::Sha384, false)?;
            der = certificate(&Request { serial: serial + 50, ..request }, &other, issuer)?;
        }
        Ok(Signing { certificate: der, key, issuer_name: self.name(issuer_name), serial, oddity })
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
        self.odd_sod(signer, groups, signed_at, self.oddity)
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
        file(&self.signing(signer, oddity)?, groups, signed_at)
    }

    /// Signs EF.CardSecurity over a SET of SecurityInfos.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn card_security(&self, signer: DocumentSigner, infos: &[u8], signed_at: &str) -> Result<Vec<u8>, ErrorStack> {
        self.signing(signer, self.oddity)?.signed_data(OID_SECURITY_OBJECT, infos, signed_at)
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
        self.deviation_list_about(self, about, deviation, data_group)
    }

    /// A CSCA master list with these certificates, which must have the first CSCA among them: it vouches for the
    /// signer. `signed_at` is `YYMMDDhhmmssZ`.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn master_list(&self, certificates: &[&[u8]], signed_at: &str) -> Result<Vec<u8>, ErrorStack> {
        let content = sequence(&[integer(&[]), encode(0x31, &certificates.concat())]);
        self.signing(DocumentSigner::Brainpool256, self.oddity)?.signed_data(OID_MASTER_LIST, &content, signed_at)
    }

    /// The certificate of a document signer, for pins.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn document_signer(&self, signer: DocumentSigner) -> Result<Vec<u8>, ErrorStack> {
        Ok(self.signing(signer, self.oddity)?.certificate)
    }
}

/// EF.SOD.
fn file(signing: &Signing, groups: &BTreeMap<u8, Vec<u8>>, signed_at: &str) -> Result<Vec<u8>, ErrorStack> {
    let oddity = signing.oddity;
    let content_type = match oddity {
        Oddity::ContentTypeIsData => OID_DATA,
        Oddity::OtherContent => OID_MASTER_LIST,
        _ => OID_LDS_SECURITY_OBJECT,
    };
    let data = signing.signed_data(content_type, &signing.security_object(groups)?, signed_at)?;
    let more = encode(0x04, b"more");
    Ok(match oddity {
        Oddity::BytesAfterFile => [encode(0x77, &data), more].concat(),
        Oddity::BytesAfterSignedData => encode(0x77, &[data, more].concat()),
        Oddity::Truncated => encode(0x77, &data[..data.len() / 2]),
        _ => encode(0x77, &data),
    })
}
