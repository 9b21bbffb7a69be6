//! Extensions of certificates (RFC 5280 §4.2, ICAO 9303-12 §7.1) and what they let a certificate do.
//!
//! | extension | document signer | list signer | authority |
//! |---|---|---|---|
//! | keyUsage | if there: digitalSignature and not keyCertSign | the same | keyCertSign |
//! | extendedKeyUsage | if there: any, or documents | if there: any, or this kind of list | for health certificates: no documents |
//! | basicConstraints | not an authority | the same | cA |
//! | documentTypeList | if there: has the document's code | not looked at | not looked at |
//! | critical and not known here | refused (RFC 5280 §4.2) | refused | refused |
//!
//! A bar code signer (ICAO 9303-12 §7.1.3) is as a document signer, but its extendedKeyUsage must be there and name seals.

use super::{UnixTime, read_time};
use crate::oid::{self, Oid};
use crate::tlv::{self, Tlv, TlvError, tag};

/// keyUsage, bit 0 first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUsage(u16);

impl KeyUsage {
    /// digitalSignature.
    pub const SIGNATURE: Self = Self(1);
    /// keyCertSign.
    pub const CERTIFICATES: Self = Self(1 << 5);
    /// cRLSign.
    pub const REVOCATION_LISTS: Self = Self(1 << 6);

    /// Whether all of these are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    fn read(value: &[u8]) -> Result<Self, TlvError> {
        let bits = tlv::first(value, tag::BIT_STRING)?.value.get(1..).ok_or(TlvError::Truncated)?;
        let set = |at: usize| bits.get(at / 8).is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0);
        Ok(Self((0..9).filter(|at| set(*at)).fold(0, |all, at| all | 1 << at)))
    }
}

/// basicConstraints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BasicConstraints {
    /// Whether it is a certification authority.
    pub authority: bool,
    /// How many authorities may follow.
    pub path_length: Option<u32>,
}

/// What a certificate says about its key and its purpose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extensions {
    /// The identifier of its own key.
    pub subject_key_identifier: Option<Vec<u8>>,
    /// The identifier of its issuer's key.
    pub authority_key_identifier: Option<Vec<u8>>,
    /// What the key may be used for.
    pub key_usage: Option<KeyUsage>,
    /// Whether it is an authority.
    pub basic_constraints: Option<BasicConstraints>,
    /// Purposes, as DER value octets of object identifiers.
    pub extended_key_usage: Option<Vec<Vec<u8>>>,
    /// First and last moment at which the private key signs (RFC 3280 §4.2.1.4).
    pub private_key_usage: Option<(Option<UnixTime>, Option<UnixTime>)>,
    /// Document codes that it may sign (ICAO 9303-12 §7.1.1.6).
    pub document_types: Option<Vec<String>>,
    /// Extensions that are marked critical, as DER value octets of object identifiers.
    pub critical: Vec<Vec<u8>>,
    /// Critical extensions that are not known here.
    pub unknown_critical: Vec<Vec<u8>>,
    /// Extensions that stand twice.
    pub repeated: Vec<Vec<u8>>,
    /// Extensions of a known kind whose value cannot be read.
    pub unreadable: Vec<Vec<u8>>,
}

/// What a signer's certificate is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// Signing documents: EF.SOD, EF.CardSecurity.
    Documents,
    /// Signing a CSCA master list.
    MasterList,
    /// Signing a deviation list.
    DeviationList,
    /// Signing seals in the binary form.
    Seals,
    /// Signing seals in the JSON form (VDS-NC).
    NonConstrainedSeals,
}

impl Purpose {
    /// The extended key usages that allow it.
    const fn usages(self) -> &'static [Oid<'static>] {
        match self {
            Self::Documents => &[oid::ANY_EXTENDED_KEY_USAGE, oid::LDS_SECURITY_OBJECT],
            Self::MasterList => &[oid::ANY_EXTENDED_KEY_USAGE, oid::MASTER_LIST_SIGNING],
            Self::DeviationList => &[oid::ANY_EXTENDED_KEY_USAGE, oid::DEVIATION_LIST_SIGNING],
            Self::Seals => &[oid::SEAL_SIGNING, oid::ARRIVAL_ATTESTATION_SIGNING],
            Self::NonConstrainedSeals => &[oid::BARCODE_SIGNING],
        }
    }

    /// Whether the certificate must say that it is for this.
    const fn must_be_named(self) -> bool {
        matches!(self, Self::Seals | Self::NonConstrainedSeals)
    }
}

/// Why a certificate does not fit its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PurposeFault {
    /// It is for signing bar codes.
    ForBarcodes,
    /// It is for signing master lists.
    ForMasterLists,
    /// It is for signing deviation lists.
    ForDeviationLists,
    /// It is for something else.
    ForOther,
    /// Its key is not for signatures.
    NoSignatures,
    /// Its key is for issuing certificates.
    ForCertificates,
    /// It is not for documents with this code.
    DocumentType,
    /// It has a critical extension that is not known here.
    UnknownCritical,
    /// An extension stands twice, and who reads the other one reads something else.
    Repeated,
    /// An extension that would limit its use cannot be read.
    Unreadable,
    /// basicConstraints makes it an authority, keyUsage does not.
    Authority,
    /// It does not say that it is for signing bar codes.
    NotForBarcodes,
}

impl PurposeFault {
    /// Every one.
    pub const ALL: [Self; 12] = [
        Self::ForBarcodes,
        Self::ForMasterLists,
        Self::ForDeviationLists,
        Self::ForOther,
        Self::NoSignatures,
        Self::ForCertificates,
        Self::DocumentType,
        Self::UnknownCritical,
        Self::Repeated,
        Self::Unreadable,
        Self::Authority,
        Self::NotForBarcodes,
    ];

    /// A stable reason code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ForBarcodes => "for_barcodes",
            Self::ForMasterLists => "for_master_lists",
            Self::ForDeviationLists => "for_deviation_lists",
            Self::ForOther => "for_other_purpose",
            Self::NoSignatures => "not_for_signatures",
            Self::ForCertificates => "for_certificates",
            Self::DocumentType => "document_type_differs",
            Self::UnknownCritical => "critical_extension_unknown",
            Self::Repeated => "extension_repeated",
            Self::Unreadable => "extension_unreadable",
            Self::Authority => "signer_is_authority",
            Self::NotForBarcodes => "not_for_barcodes",
        }
    }

    /// Whether the certificate itself says that it must not be used so. The others are odd, and prove nothing.
    #[must_use]
    pub const fn is_proof(self) -> bool {
        !matches!(self, Self::Repeated | Self::Unreadable | Self::Authority | Self::NotForBarcodes)
    }
}

impl Extensions {
    pub(super) fn read(field: &Tlv<'_>) -> Result<Self, TlvError> {
        let mut found = Self::default();
        let mut seen: Vec<&[u8]> = Vec::new();
        let mut each = tlv::first(field.value, tag::SEQUENCE)?.children();
        while let Some(extension) = each.next()? {
            let mut parts = extension.children();
            let id = parts.expect(tag::OID)?.value;
            let critical = parts.optional(tag::BOOLEAN)?.is_some_and(|flag| flag.value != [0]);
            let value = parts.expect(tag::OCTET_STRING)?.value;
            if seen.contains(&id) {
                found.repeated.push(id.to_vec());
                continue;
            }
            seen.push(id);
            if critical {
                found.critical.push(id.to_vec());
            }
            match found.read_one(Oid(id), value) {
                Ok(true) => {}
                Ok(false) if critical => found.unknown_critical.push(id.to_vec()),
                Ok(false) => {}
                Err(_) => found.unreadable.push(id.to_vec()),
            }
        }
        Ok(found)
    }

    /// False for an extension that is not known here.
    fn read_one(&mut self, id: Oid<'_>, value: &[u8]) -> Result<bool, TlvError> {
        match id {
            // Identifiers only order candidates: what cannot be read is as good as absent.
            oid::SUBJECT_KEY_IDENTIFIER => {
                self.subject_key_identifier = tlv::first(value, tag::OCTET_STRING).ok().map(|t| t.value.to_vec());
            }
            oid::AUTHORITY_KEY_IDENTIFIER => {
                let inner = tlv::first(value, tag::SEQUENCE).ok();
                let id = inner.and_then(|t| tlv::find(t.value, 0x80).ok().flatten());
                self.authority_key_identifier = id.map(|t| t.value.to_vec());
            }
            oid::BASIC_CONSTRAINTS => {
                let mut fields = tlv::first(value, tag::SEQUENCE)?.children();
                let authority = fields.optional(tag::BOOLEAN)?.is_some_and(|flag| flag.value != [0]);
                let path_length = fields.optional(tag::INTEGER)?.map(|t| t.small_uint()).transpose()?;
                self.basic_constraints = Some(BasicConstraints { authority, path_length });
            }
            oid::KEY_USAGE => self.key_usage = Some(KeyUsage::read(value)?),
            oid::EXTENDED_KEY_USAGE => {
                let mut each = tlv::first(value, tag::SEQUENCE)?.children();
                let mut usages = Vec::new();
                while let Some(usage) = each.next()? {
                    usages.push(usage.tagged(tag::OID)?.value.to_vec());
                }
                self.extended_key_usage = Some(usages);
            }
            oid::PRIVATE_KEY_USAGE_PERIOD => {
                let fields = tlv::first(value, tag::SEQUENCE)?;
                let time = |wanted| {
                    let field = tlv::find(fields.value, wanted).ok().flatten();
                    field.and_then(|t| read_time(Some(Tlv { tag: tag::GENERALIZED_TIME, ..t })).ok())
                };
                self.private_key_usage = Some((time(0x80), time(0x81)));
            }
            oid::DOCUMENT_TYPE_LIST => self.document_types = Some(document_types(value)?),
            // Known, and of no consequence here: other names, policies, where lists are published.
            oid::SUBJECT_ALTERNATIVE_NAME
            | oid::ISSUER_ALTERNATIVE_NAME
            | oid::CRL_DISTRIBUTION_POINTS
            | oid::CERTIFICATE_POLICIES
            | oid::NAME_CHANGE => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What speaks against this use, short of the document's own code.
    #[must_use]
    pub fn faults(&self, purpose: Purpose) -> Vec<PurposeFault> {
        let mut faults = Vec::new();
        if !self.unknown_critical.is_empty() {
            faults.push(PurposeFault::UnknownCritical);
        }
        if let Some(usages) = &self.extended_key_usage
            && !usages.iter().any(|usage| purpose.usages().contains(&Oid(usage)))
        {
            let names = |wanted: Oid<'_>| usages.iter().any(|usage| Oid(usage) == wanted);
            let barcodes = [oid::SEAL_SIGNING, oid::BARCODE_SIGNING, oid::ARRIVAL_ATTESTATION_SIGNING];
            faults.push(match () {
                () if barcodes.into_iter().any(names) && !purpose.must_be_named() => PurposeFault::ForBarcodes,
                () if names(oid::MASTER_LIST_SIGNING) => PurposeFault::ForMasterLists,
                () if names(oid::DEVIATION_LIST_SIGNING) => PurposeFault::ForDeviationLists,
                () => PurposeFault::ForOther,
            });
        }
        if self.extended_key_usage.is_none() && purpose.must_be_named() {
            faults.push(PurposeFault::NotForBarcodes);
        }
        if let Some(usage) = self.key_usage {
            if usage.contains(KeyUsage::CERTIFICATES) {
                faults.push(PurposeFault::ForCertificates);
            } else if !usage.contains(KeyUsage::SIGNATURE) {
                faults.push(PurposeFault::NoSignatures);
            }
        }
        if self.basic_constraints.is_some_and(|b| b.authority) && !faults.contains(&PurposeFault::ForCertificates) {
            faults.push(PurposeFault::Authority);
        }
        let limits = [oid::KEY_USAGE, oid::EXTENDED_KEY_USAGE, oid::BASIC_CONSTRAINTS, oid::DOCUMENT_TYPE_LIST];
        if self.unreadable.iter().any(|id| limits.contains(&Oid(id)) || self.critical.contains(id)) {
            faults.push(PurposeFault::Unreadable);
        }
        if !self.repeated.is_empty() {
            faults.push(PurposeFault::Repeated);
        }
        faults
    }

    /// Whether it is an authority for health certificates only: it vouches for no document.
    #[must_use]
    pub fn is_health_only(&self) -> bool {
        let usages = self.extended_key_usage.as_deref().unwrap_or_default();
        usages.iter().any(|usage| Oid(usage) == oid::HEALTH_AUTHORITY)
    }

    /// Whether documents with this code may be signed: `P` stands for every passport, `PN` for that kind only, and a
    /// document that says `P` alone does not say which.
    #[must_use]
    pub fn allows_document(&self, code: &str) -> bool {
        let fits = |allowed: &String| {
            let allowed = allowed.trim_end_matches('<');
            let first = |text: &str| text.chars().next().map(|c| c.to_ascii_uppercase());
            allowed.eq_ignore_ascii_case(code)
                || first(allowed) == first(code) && (allowed.len() == 1 || code.len() == 1)
        };
        self.document_types.as_ref().is_none_or(|types| types.iter().any(fits))
    }
}

/// DocumentTypeListSyntax ::= SEQUENCE { version INTEGER, docTypeList SET OF PrintableString }; Indonesia leaves out
/// version and SET.
fn document_types(value: &[u8]) -> Result<Vec<String>, TlvError> {
    let mut fields = tlv::first(value, tag::SEQUENCE)?.children();
    fields.optional(tag::INTEGER)?;
    let mut each = fields.optional(tag::SET)?.map_or(fields, |set| set.children());
    let mut types = Vec::new();
    while let Some(text) = each.next()? {
        let text = std::str::from_utf8(text.value).map_err(|_| TlvError::Value("document type"))?;
        types.push(super::printable(text));
    }
    if types.is_empty() { Err(TlvError::Missing(tag::PRINTABLE_STRING)) } else { Ok(types) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_types_are_read_in_the_forms_that_issuers_write() {
        let read = |hex: &str| document_types(&hex::decode(hex).expect("hex"));
        assert_eq!(read("3010020100310b1301501302415213024944"), Ok(vec!["P".into(), "AR".into(), "ID".into()]));
        assert_eq!(read("3003130150"), Ok(vec!["P".into()]), "Indonesia");
        assert!(read("3000").is_err() && read("0400").is_err());
    }

    #[test]
    fn a_type_of_one_letter_stands_for_every_document_of_that_letter() {
        let types = |types: &[&str]| Extensions {
            document_types: Some(types.iter().map(|t| (*t).to_owned()).collect()),
            ..Extensions::default()
        };
        for (listed, code, allowed) in [
            (&["P"][..], "P", true),
            (&["P"], "PN", true),
            (&["PN"], "PN", true),
            (&["PN"], "P", true),
            (&["PN"], "PD", false),
            (&["P"], "ID", false),
            (&["P", "AR", "ID"], "ID", true),
            (&["P", "AR", "ID"], "AR", true),
            (&["P", "IR"], "ID", false),
            (&["P<"], "P", true),
        ] {
            assert_eq!(types(listed).allows_document(code), allowed, "{listed:?} {code}");
        }
        assert!(Extensions::default().allows_document("ID"), "none listed, none excluded");
    }
}
