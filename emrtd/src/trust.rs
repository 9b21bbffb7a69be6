//! The operator's trust anchors and the path from a document signer to one of them (ICAO 9303-12 §5, §6).
//!
//! A self-issued CSCA certificate is an anchor. A link certificate is not: it only leads from a newer CSCA key
//! to an older one, and counts when the older one is an anchor. Nothing else in a bundle is believed. Chain
//! building is our own because OpenSSL refuses certificates with explicit EC parameters, such as Vietnam's.

use crate::cms::{CmsError, SignedData};
use crate::crl::Crl;
use crate::crypto::CryptoError;
use crate::oid::{self, Oid};
use crate::tlv::{self, TlvError, tag};
use crate::x509::{Certificate, UnixTime, same_name, split_certificates};
use std::collections::HashMap;
use thiserror::Error;

/// Why a file gives no trust anchors.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TrustError {
    /// Neither certificates nor a master list.
    #[error("neither X.509 certificates nor a CSCA master list")]
    Unreadable(#[source] TlvError),
    /// The master list's signature is wrong.
    #[error("the master list's signature does not verify ({0})")]
    MasterListSignature(&'static str),
    /// The master list cannot be read.
    #[error("the master list cannot be read")]
    MasterList(#[source] CmsError),
}

/// What one file added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// Certificates taken.
    pub certificates: usize,
    /// Revocation lists taken.
    pub revocation_lists: usize,
    /// Certificates that could not be read and were left out.
    pub unreadable: usize,
    /// For a master list: the name of its signer.
    pub master_list_signer: Option<String>,
}

/// A trusted or linking certificate and where it came from.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The certificate.
    pub certificate: Certificate,
    /// The name of the file it was found in.
    pub source: String,
}

/// Trust anchors and link certificates, indexed by country.
#[derive(Debug, Clone, Default)]
pub struct TrustStore {
    entries: Vec<Entry>,
    by_country: HashMap<String, Vec<usize>>,
    seen: std::collections::HashSet<Vec<u8>>,
    revocation_lists: Vec<RevocationList>,
}

#[derive(Debug, Clone)]
struct RevocationList {
    crl: Crl,
    /// The issuer that its signature was checked with, by fingerprint, and the result: checked once, used often.
    checked: std::sync::OnceLock<(Vec<u8>, bool)>,
}

/// What leads from a document signer to an anchor, or where it ends.
#[derive(Debug, Clone)]
pub enum Chain {
    /// Document signer's issuer first, anchor last.
    Trusted(Vec<Entry>),
    /// No anchor of the store issued this certificate.
    NoAnchor,
    /// A CSCA with the very key identifier that the certificate names exists, but did not sign it.
    Forged(Entry),
    /// A candidate issuer exists, but its key or the signature algorithm cannot be used.
    Unusable(Entry, CryptoError),
}

/// How many link certificates a path may have.
const MAX_LINKS: usize = 4;

impl TrustStore {
    /// A store without anchors.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the content of one file: certificates (DER or PEM, one or many) or a CSCA master list.
    ///
    /// # Errors
    /// When it is neither, or the master list's own signature is wrong. Nothing is added then.
    pub fn add(&mut self, source: &str, bytes: &[u8]) -> Result<Added, TrustError> {
        let objects = split_certificates(bytes).map_err(TrustError::Unreadable)?;
        let mut added = Added { certificates: 0, revocation_lists: 0, unreadable: 0, master_list_signer: None };
        let mut found = Vec::new();
        for object in &objects {
            if is_content_info(object) {
                let (signer, certificates) = master_list(object)?;
                added.master_list_signer = Some(signer);
                found.extend(certificates);
            } else if let Ok(crl) = Crl::parse(object) {
                self.revocation_lists.push(RevocationList { crl, checked: std::sync::OnceLock::new() });
                added.revocation_lists += 1;
            } else {
                found.push(object.clone());
            }
        }
        let mut last_error = TlvError::Missing(tag::SEQUENCE);
        for der in found {
            match Certificate::parse(&der) {
                Ok(certificate) => added.certificates += usize::from(self.add_certificate(source, certificate)),
                Err(error) => {
                    added.unreadable += 1;
                    last_error = error;
                }
            }
        }
        if objects.is_empty() || (added.certificates == 0 && added.unreadable > 0) {
            return Err(TrustError::Unreadable(last_error));
        }
        Ok(added)
    }

    /// Adds one certificate; false when it is there already.
    pub fn add_certificate(&mut self, source: &str, certificate: Certificate) -> bool {
        if !self.seen.insert(certificate.fingerprint()) {
            return false;
        }
        let country = certificate.country().unwrap_or_default();
        self.by_country.entry(country).or_default().push(self.entries.len());
        self.entries.push(Entry { certificate, source: source.to_owned() });
        true
    }

    /// The newest revocation list that `issuer` signed, if the operator supplied one.
    #[must_use]
    pub fn revocation_list(&self, issuer: &Certificate) -> Option<&Crl> {
        let fingerprint = issuer.fingerprint();
        let signed = |list: &&RevocationList| {
            let check = || list.crl.is_signed_by(issuer).unwrap_or(false);
            let (by, result) = list.checked.get_or_init(|| (fingerprint.clone(), check()));
            if *by == fingerprint { *result } else { check() }
        };
        let named = self.revocation_lists.iter().filter(|list| same_name(list.crl.issuer(), issuer.subject()));
        named.filter(signed).map(|list| &list.crl).max_by_key(|crl| crl.this_update)
    }

    /// Every certificate of the store.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Looks for the path from `certificate` to an anchor.
    ///
    /// Key identifiers only order the candidates: issuers are known to write wrong ones, so every certificate
    /// of the country is tried before the answer is [`Chain::NoAnchor`].
    #[must_use]
    pub fn chain(&self, certificate: &Certificate) -> Chain {
        let mut path = Vec::new();
        let mut current = certificate.clone();
        loop {
            match self.issuer_of(&current) {
                Ok(entry) if entry.certificate.is_self_issued() => {
                    path.push(entry.clone());
                    return Chain::Trusted(path);
                }
                Ok(link) if path.len() < MAX_LINKS => {
                    current = link.certificate.clone();
                    path.push(link.clone());
                }
                Ok(_) => return Chain::NoAnchor,
                Err(end) => return end,
            }
        }
    }

    #[allow(clippy::result_large_err, reason = "one a read; the large variant says which CSCA was forged")]
    fn issuer_of(&self, certificate: &Certificate) -> Result<&Entry, Chain> {
        let country = certificate.issuer_country().unwrap_or_default();
        let mut candidates: Vec<&Entry> =
            self.by_country.get(&country).into_iter().flatten().map(|i| &self.entries[*i]).collect();
        let named_key = certificate.authority_key_identifier();
        let key_fits = |e: &Entry| named_key.is_some() && e.certificate.subject_key_identifier() == named_key;
        // Anchors before links, so that a key that is both ends the path at once.
        candidates.sort_by_key(|e| {
            (!key_fits(e), !same_name(e.certificate.subject(), certificate.issuer()), !e.certificate.is_self_issued())
        });
        let mut end = Chain::NoAnchor;
        for candidate in candidates {
            if candidate.certificate.fingerprint() == certificate.fingerprint() {
                continue;
            }
            match certificate.is_signed_by(&candidate.certificate) {
                Ok(true) => return Ok(candidate),
                Ok(false) if key_fits(candidate) => end = Chain::Forged(candidate.clone()),
                Err(error) if key_fits(candidate) => end = Chain::Unusable(candidate.clone(), error),
                _ => {}
            }
        }
        Err(end)
    }
}

fn is_content_info(object: &[u8]) -> bool {
    let outer = tlv::first(object, tag::SEQUENCE);
    outer.is_ok_and(|o| o.children().expect(tag::OID).is_ok_and(|id| Oid(id.value) == oid::SIGNED_DATA))
}

/// CscaMasterList ::= SEQUENCE { version INTEGER, certList SET OF Certificate } (ICAO 9303-12 §9), whose
/// signature must verify with a signer certificate that the list carries and whose issuer is in the list.
fn master_list(bytes: &[u8]) -> Result<(String, Vec<Vec<u8>>), TrustError> {
    let signed = SignedData::parse(bytes).map_err(TrustError::MasterList)?;
    if Oid(&signed.content_type) != oid::CSCA_MASTER_LIST {
        return Err(TrustError::MasterListSignature("not a CSCA master list"));
    }
    let signer = signed.certificates.iter().find(|c| signed.is_signer(c));
    let signer = signer.ok_or(TrustError::MasterListSignature("no signer certificate"))?;
    match signed.verify(signer) {
        Ok(Ok(())) => {}
        _ => return Err(TrustError::MasterListSignature("wrong signature")),
    }
    let mut fields = tlv::first(&signed.content, tag::SEQUENCE).map_err(TrustError::Unreadable)?.children();
    let read = |e| TrustError::MasterList(CmsError::Malformed(e));
    fields.expect(tag::INTEGER).map_err(read)?;
    let mut each = fields.expect(tag::SET).map_err(read)?.children();
    let mut list = Vec::new();
    while let Some(certificate) = each.next().map_err(read)? {
        list.push(certificate.raw.to_vec());
    }
    let parsed = list.iter().filter_map(|der| Certificate::parse(der).ok());
    let issuers: Vec<_> = parsed.chain(signed.certificates.iter().cloned()).collect();
    let vouched = issuers.iter().any(|issuer| {
        issuer.is_self_issued()
            && same_name(issuer.subject(), signer.issuer())
            && signer.is_signed_by(issuer).unwrap_or(false)
    });
    if !vouched {
        return Err(TrustError::MasterListSignature("the signer's CSCA is not in the list"));
    }
    Ok((signer.subject_name(), list))
}

/// Whether `at` lies within a certificate's validity.
#[must_use]
pub fn validity(certificate: &Certificate, at: UnixTime) -> Validity {
    if at < certificate.not_before {
        Validity::NotYet
    } else if at > certificate.not_after {
        Validity::Expired
    } else {
        Validity::Valid
    }
}

/// Where a point in time lies relative to a validity period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Validity {
    NotYet,
    Valid,
    Expired,
}
