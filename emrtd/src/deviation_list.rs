//! ICAO deviation lists (ICAO 9303-3 §7 and 9303-12 §7, id-icao-DeviationList): what an issuer declares to be wrong with
//! documents that it has issued.
//!
//! ```text
//! DeviationList ::= SEQUENCE { version INTEGER, digestAlg OPTIONAL, deviations SET OF Deviation }
//! Deviation ::= SEQUENCE { documents DeviationDocuments, descriptions SET OF DeviationDescription }
//! DeviationDocuments ::= SEQUENCE { documentType [0], dscIdentifier [1] IssuerAndSerialNumber, issuingDate [4]
//!                                   { firstIssued, lastIssued GeneralizedTime }, documentNumbers [5] }, all OPTIONAL
//! DeviationDescription ::= SEQUENCE { description PrintableString OPTIONAL, deviationType OBJECT IDENTIFIER,
//!                                     parameters [0] OPTIONAL, nationalUse [1] OPTIONAL }
//! ```
//!
//! A list takes doubt away from a check that fails for a declared reason; it never makes a check pass. Whose list it is,
//! is decided where it is used: its signer must lead to a trusted CSCA of the document's own country.

use crate::cms::{CmsError, SignedData};
use crate::oid::{self, Oid};
use crate::tlv::{self, Tlv, TlvError, tag};
use crate::x509::{Certificate, UnixTime, printable, read_time, same_name};

/// A deviation list, read and with its own signature checked, but not yet traced to a CSCA.
#[derive(Debug, Clone)]
pub struct DeviationList {
    /// Who signed it.
    pub signer: Certificate,
    /// When, if the list says so.
    pub signing_time: Option<UnixTime>,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    signer: Option<(Vec<u8>, Vec<u8>)>,
    issued: Option<(UnixTime, UnixTime)>,
    /// Document numbers narrow an entry; they are compared nowhere here, so such an entry is reported only.
    numbered: bool,
    descriptions: Vec<Description>,
}

#[derive(Debug, Clone)]
struct Description {
    kind: DeviationKind,
    data_groups: Vec<u8>,
    text: String,
}

/// What is wrong, as far as it changes what a check means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviationKind {
    /// The signature of the SOD is wrong.
    SodSignature,
    /// A data group does not have the hash that the SOD lists.
    DataGroupHash,
    /// A data group is malformed.
    DataGroupMalformed,
    /// The keys of active authentication are compromised.
    ActiveAuthenticationKey,
    /// Anything else: it is reported.
    Other,
}

/// A declared deviation that concerns the document at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownDeviation {
    /// What is wrong.
    pub kind: DeviationKind,
    /// The data groups meant; empty for all.
    pub data_groups: Vec<u8>,
    /// The issuer's words, or the type's identifier.
    pub text: String,
}

impl std::fmt::Display for KnownDeviation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl KnownDeviation {
    /// Whether it is about the group of a check `dg_hash.N`.
    #[must_use]
    pub fn concerns(&self, check: &str) -> bool {
        let number = check.rsplit('.').next().and_then(|n| n.parse().ok());
        self.data_groups.is_empty() || number.is_some_and(|n| self.data_groups.contains(&n))
    }
}

/// Whether signed data are a deviation list.
#[must_use]
pub fn is_deviation_list(signed: &SignedData) -> bool {
    Oid(&signed.content_type) == oid::DEVIATION_LIST
}

impl DeviationList {
    /// Reads a list and checks that its signer signed it.
    ///
    /// # Errors
    /// When it is malformed, or the signature does not verify with a certificate that comes with it.
    pub fn from_signed(signed: &SignedData) -> Result<Self, CmsError> {
        let signer = signed.certificates.iter().find(|c| matches!(signed.verify(c), Ok(Ok(()))));
        let signer = signer.ok_or(TlvError::Value("deviation list: no certificate verifies the signature"))?;
        let mut fields = tlv::first(&signed.content, tag::SEQUENCE)?.children();
        fields.expect(tag::INTEGER)?;
        fields.optional(tag::SEQUENCE)?;
        let mut each = fields.expect(tag::SET)?.children();
        let mut entries = Vec::new();
        while let Some(deviation) = each.next()? {
            entries.push(Entry::read(&deviation)?);
        }
        Ok(Self { signer: signer.clone(), signing_time: signed.signing_time, entries })
    }

    /// How many deviations it declares.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it declares none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What it declares about documents of this signer, signed at this time.
    #[must_use]
    pub fn about(&self, document_signer: &Certificate, signed_at: Option<UnixTime>) -> Vec<KnownDeviation> {
        let concerned = |entry: &&Entry| {
            let by_signer = entry.signer.as_ref().map(|(issuer, serial)| {
                document_signer.serial() == serial && same_name(document_signer.issuer(), issuer)
            });
            let by_date = entry.issued.map(|(first, last)| signed_at.is_some_and(|at| first <= at && at <= last));
            // An entry that names neither is about single documents or types: it says nothing of this one for certain.
            (by_signer.is_some() || by_date.is_some()) && by_signer.unwrap_or(true) && by_date.unwrap_or(true)
        };
        let known = |entry: &Entry| {
            let numbered = entry.numbered;
            let known = move |d: &Description| KnownDeviation {
                kind: if numbered { DeviationKind::Other } else { d.kind },
                data_groups: d.data_groups.clone(),
                text: d.text.clone(),
            };
            entry.descriptions.iter().map(known).collect::<Vec<_>>()
        };
        self.entries.iter().filter(concerned).flat_map(known).collect()
    }
}

impl Entry {
    fn read(deviation: &Tlv<'_>) -> Result<Self, TlvError> {
        let mut parts = deviation.children();
        let documents = parts.expect(tag::SEQUENCE)?;
        let (mut signer, mut issued, mut numbered) = (None, None, false);
        let mut fields = documents.children();
        while let Some(field) = fields.next()? {
            match field.tag & 0x1F {
                1 => signer = Some(issuer_and_serial(&field)?),
                4 => {
                    let mut period = sequence_inside(&field);
                    issued = Some((read_time(period.next()?)?, read_time(period.next()?)?));
                }
                5 => numbered = true,
                _ => {}
            }
        }
        let mut descriptions = Vec::new();
        let mut each = parts.expect(tag::SET)?.children();
        while let Some(description) = each.next()? {
            descriptions.push(Description::read(&description)?);
        }
        Ok(Self { signer, issued, numbered, descriptions })
    }
}

/// The fields of a SEQUENCE under a context tag, explicit or implicit.
fn sequence_inside<'a>(field: &Tlv<'a>) -> tlv::Reader<'a> {
    tlv::first(field.value, tag::SEQUENCE).map_or_else(|_| field.children(), |inner| inner.children())
}

fn issuer_and_serial(field: &Tlv<'_>) -> Result<(Vec<u8>, Vec<u8>), TlvError> {
    // Implicit tagging leaves name and number; explicit tagging wraps them in a SEQUENCE of two.
    let mut parts = field.children();
    let name = parts.expect(tag::SEQUENCE)?;
    match parts.next()? {
        Some(serial) => Ok((name.raw.to_vec(), serial.tagged(tag::INTEGER)?.value.to_vec())),
        None => {
            let mut parts = name.children();
            let issuer = parts.expect(tag::SEQUENCE)?.raw.to_vec();
            Ok((issuer, parts.expect(tag::INTEGER)?.value.to_vec()))
        }
    }
}

impl Description {
    fn read(description: &Tlv<'_>) -> Result<Self, TlvError> {
        let mut fields = description.children();
        let words = fields.optional(tag::PRINTABLE_STRING)?;
        let id = Oid(fields.expect(tag::OID)?.value);
        let mut data_groups = Vec::new();
        if let Some(parameters) = fields.optional(tag::CONTEXT_0)? {
            collect_numbers(&parameters, &mut data_groups, 0);
        }
        // Under id-icao-DeviationList: 1 certificate or key, 2 LDS, 3 MRZ, 4 chip.
        let kind = match id.0.strip_prefix(oid::DEVIATION_LIST.0) {
            Some([1, 1] | [2, 3]) => DeviationKind::SodSignature,
            Some([1, 4]) => DeviationKind::ActiveAuthenticationKey,
            Some([2, 1]) => DeviationKind::DataGroupMalformed,
            Some([2, 2]) => DeviationKind::DataGroupHash,
            _ => DeviationKind::Other,
        };
        let text = words.map_or_else(|| id.to_string(), |w| printable(&String::from_utf8_lossy(w.value)));
        Ok(Self { kind, data_groups, text })
    }
}

/// Data group numbers among the parameters: an INTEGER, or a list of them.
fn collect_numbers(object: &Tlv<'_>, found: &mut Vec<u8>, depth: usize) {
    let mut children = object.children();
    while let Ok(Some(child)) = children.next() {
        if child.tag == tag::INTEGER {
            let number = child.small_uint().ok().and_then(|n| u8::try_from(n).ok());
            found.extend(number.filter(|n| (1..=16).contains(n)));
        } else if child.is_constructed() && depth < 4 {
            collect_numbers(&child, found, depth + 1);
        }
    }
}
