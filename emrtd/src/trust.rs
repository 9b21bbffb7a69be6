//! The operator's trust anchors and the path from a document signer to one of them (ICAO 9303-12 §5, §6).
//!
//! A self-issued CSCA certificate is an anchor. A link certificate is not: it only leads from a newer CSCA key
//! to an older one, and counts when the older one is an anchor. A pin makes one document signer trusted by itself.
//! Nothing else in a bundle is believed. Chain building is our own because OpenSSL refuses certificates with explicit
//! EC parameters, such as Vietnam's.

use crate::cms::{CmsError, SignedData};
use crate::crl::Crl;
use crate::crypto::CryptoError;
use crate::deviation_list::{DeviationList, KnownDeviation, is_deviation_list};
use crate::oid::{self, Oid};
use crate::tlv::{self, TlvError, tag};
use crate::x509::{Certificate, UnixTime, same_name, split_certificates};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;

/// Why a file gives no trust anchors.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TrustError {
    /// Neither certificates nor a list.
    #[error("neither X.509 certificates nor a revocation list, a CSCA master list or a deviation list")]
    Unreadable(#[source] TlvError),
    /// The master list's signature is wrong.
    #[error("the master list's signature does not verify ({0})")]
    MasterListSignature(&'static str),
    /// The master list cannot be read.
    #[error("the master list cannot be read")]
    MasterList(#[source] CmsError),
    /// The deviation list cannot be read, or its signature is wrong.
    #[error("the deviation list cannot be used")]
    DeviationList(#[source] CmsError),
}

/// What one file added.
#[derive(Debug, Clone, Default)]
pub struct Added {
    /// Certificates taken.
    pub certificates: usize,
    /// Certificates that were there already.
    pub known: usize,
    /// Revocation lists taken.
    pub revocation_lists: usize,
    /// Deviation lists taken.
    pub deviation_lists: usize,
    /// Certificates that could not be read and were left out.
    pub unreadable: usize,
    /// For a master list: who signed it.
    pub master_list: Option<MasterList>,
}

/// Whose word a CSCA master list is.
#[derive(Debug, Clone)]
pub struct MasterList {
    /// The name of its signer.
    pub signer: String,
    /// The CSCA that vouches for the signer. It stands in the list itself: whether it is the right one, only somebody
    /// who knows it from elsewhere can tell.
    pub authority: Certificate,
    /// When it was signed, if it says so.
    pub signed: Option<UnixTime>,
}

/// How a certificate came into the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The operator gave the certificate itself.
    Operator,
    /// It stood in a master list that verified.
    MasterList {
        /// The name of the list's signer.
        signer: String,
        /// When the list was signed, if it says so.
        signed: Option<UnixTime>,
    },
}

/// A trusted or linking certificate and where it came from.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The certificate.
    pub certificate: Certificate,
    /// The name of the file it was found in.
    pub source: String,
    /// How it came there.
    pub origin: Origin,
}

/// A document signer that the operator trusts by itself, without a CSCA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// SHA-256 of the certificate.
    pub fingerprint: Vec<u8>,
    /// Where the pin stands.
    pub source: String,
    /// Why the operator trusts it, for the auditor.
    pub reason: String,
}

/// Trust anchors, link certificates, revocation and deviation lists and pins; certificates are indexed by country.
#[derive(Debug, Clone, Default)]
pub struct TrustStore {
    entries: Vec<Entry>,
    by_country: HashMap<String, Vec<usize>>,
    seen: HashSet<Vec<u8>>,
    revocation_lists: Vec<RevocationList>,
    deviation_lists: Vec<DeviationList>,
    pins: HashMap<Vec<u8>, Pin>,
    /// Paths found before, by fingerprint: one document signer signs thousands of cards.
    chains: Arc<Mutex<HashMap<Vec<u8>, Chain>>>,
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
    /// The operator trusts this very certificate.
    Pinned(Pin),
    /// No anchor of the store bears the name of this certificate's issuer, and none issued it.
    NoAnchor,
    /// A CSCA of the issuer's name is here, but its key did not sign: the issuer's key is newer than the store, or
    /// self-made.
    UnknownKey(Entry),
    /// A CSCA with the very key identifier that the certificate names exists, but did not sign it.
    Forged(Entry),
    /// A candidate issuer exists, but its key or the signature algorithm cannot be used.
    Unusable(Entry, CryptoError),
}

/// How many link certificates a path may have.
const MAX_LINKS: usize = 4;

/// Paths remembered at most; a hostile card brings a new document signer every time.
const MAX_REMEMBERED: usize = 1024;

impl TrustStore {
    /// A store without anchors.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the content of one file: certificates (DER or PEM, one or many), revocation lists, a CSCA master list or
    /// a deviation list.
    ///
    /// # Errors
    /// When it is none of them, or a list's own signature is wrong. Nothing is added then.
    pub fn add(&mut self, source: &str, bytes: &[u8]) -> Result<Added, TrustError> {
        let objects = split_certificates(bytes).map_err(TrustError::Unreadable)?;
        let mut added = Added::default();
        let (mut crls, mut deviations, mut certificates) = (Vec::new(), Vec::new(), Vec::new());
        let mut last_error = TlvError::Missing(tag::SEQUENCE);
        let mut read = |der: &[u8], origin: &Origin, added: &mut Added| match Certificate::parse(der) {
            Ok(certificate) => {
                let origin = origin.clone();
                certificates.push(Entry { certificate, source: source.to_owned(), origin });
            }
            Err(error) => {
                added.unreadable += 1;
                last_error = error;
            }
        };
        for object in &objects {
            if is_content_info(object) {
                let signed = SignedData::parse(object).map_err(TrustError::MasterList)?;
                if is_deviation_list(&signed) {
                    deviations.push(DeviationList::from_signed(&signed).map_err(TrustError::DeviationList)?);
                    continue;
                }
                let (authority, list) = master_list(&signed)?;
                let origin = Origin::MasterList { signer: authority.signer.clone(), signed: signed.signing_time };
                added.master_list = Some(authority);
                list.iter().for_each(|der| read(der, &origin, &mut added));
            } else if let Ok(crl) = Crl::parse(object) {
                crls.push(RevocationList { crl, checked: std::sync::OnceLock::new() });
            } else {
                read(object, &Origin::Operator, &mut added);
            }
        }
        let found = certificates.len() + crls.len() + deviations.len();
        if found == 0 {
            return Err(TrustError::Unreadable(last_error));
        }
        for entry in certificates {
            if self.add_entry(entry) {
                added.certificates += 1;
            } else {
                added.known += 1;
            }
        }
        (added.revocation_lists, added.deviation_lists) = (crls.len(), deviations.len());
        self.revocation_lists.extend(crls);
        self.deviation_lists.extend(deviations);
        Ok(added)
    }

    /// Adds one certificate that the operator gave; false when it is there already.
    pub fn add_certificate(&mut self, source: &str, certificate: Certificate) -> bool {
        self.add_entry(Entry { certificate, source: source.to_owned(), origin: Origin::Operator })
    }

    fn add_entry(&mut self, entry: Entry) -> bool {
        if !self.seen.insert(entry.certificate.fingerprint()) {
            return false;
        }
        let country = entry.certificate.country().unwrap_or_default();
        self.by_country.entry(country).or_default().push(self.entries.len());
        self.entries.push(entry);
        self.chains = Arc::default();
        true
    }

    /// Trusts one document signer by its fingerprint.
    pub fn pin(&mut self, pin: Pin) {
        self.pins.insert(pin.fingerprint.clone(), pin);
        self.chains = Arc::default();
    }

    /// Every pin.
    pub fn pins(&self) -> impl Iterator<Item = &Pin> {
        self.pins.values()
    }

    /// Every revocation list, checked or not.
    pub fn revocation_lists(&self) -> impl Iterator<Item = &Crl> {
        self.revocation_lists.iter().map(|list| &list.crl)
    }

    /// Every deviation list, with whether its signer leads to an anchor.
    pub fn deviation_lists(&self) -> impl Iterator<Item = (&DeviationList, bool)> {
        self.deviation_lists.iter().map(|list| (list, matches!(self.chain(&list.signer), Chain::Trusted(_))))
    }

    /// What the issuer of a document declares about it: from lists whose signer leads to an anchor of the same
    /// country.
    #[must_use]
    pub fn known_deviations(
        &self,
        document_signer: &Certificate,
        signed_at: Option<UnixTime>,
        now: UnixTime,
    ) -> Vec<KnownDeviation> {
        let own = |list: &&DeviationList| {
            list.signer.country() == document_signer.country()
                && validity(&list.signer, list.signing_time.unwrap_or(now)) == Validity::Valid
                && matches!(self.chain(&list.signer), Chain::Trusted(_))
        };
        self.deviation_lists.iter().filter(own).flat_map(|list| list.about(document_signer, signed_at)).collect()
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
    /// of the country is tried before the answer is that there is no anchor. The answer is remembered.
    #[must_use]
    pub fn chain(&self, certificate: &Certificate) -> Chain {
        let fingerprint = certificate.fingerprint();
        let lock = || self.chains.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(chain) = lock().get(&fingerprint) {
            return chain.clone();
        }
        let chain = match self.pins.get(&fingerprint) {
            Some(pin) => Chain::Pinned(pin.clone()),
            None => self.find_chain(certificate),
        };
        let mut remembered = lock();
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(fingerprint, chain.clone());
        chain
    }

    fn find_chain(&self, certificate: &Certificate) -> Chain {
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
        let of_country = self.by_country.get(&country).into_iter().flatten().map(|i| &self.entries[*i]);
        // Whatever lies in a trust directory: only a certification authority issues.
        let mut candidates: Vec<&Entry> =
            of_country.filter(|e| e.certificate.is_self_issued() || e.certificate.is_authority).collect();
        let named_key = certificate.authority_key_identifier();
        let key_fits = |e: &Entry| named_key.is_some() && e.certificate.subject_key_identifier() == named_key;
        let name_fits = |e: &Entry| same_name(e.certificate.subject(), certificate.issuer());
        // Anchors before links, so that a key that is both ends the path at once.
        candidates.sort_by_cached_key(|e| (!key_fits(e), !name_fits(e), !e.certificate.is_self_issued()));
        let mut end = Chain::NoAnchor;
        for candidate in candidates {
            if candidate.certificate.fingerprint() == certificate.fingerprint() {
                continue;
            }
            match certificate.is_signed_by(&candidate.certificate) {
                Ok(true) => return Ok(candidate),
                Ok(false) if key_fits(candidate) => end = Chain::Forged(candidate.clone()),
                Err(error) if key_fits(candidate) => end = Chain::Unusable(candidate.clone(), error),
                _ if matches!(end, Chain::NoAnchor) && name_fits(candidate) => {
                    end = Chain::UnknownKey(candidate.clone());
                }
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
fn master_list(signed: &SignedData) -> Result<(MasterList, Vec<Vec<u8>>), TrustError> {
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
    let vouches = |issuer: &&Certificate| {
        issuer.is_self_issued()
            && same_name(issuer.subject(), signer.issuer())
            && signer.is_signed_by(issuer).unwrap_or(false)
    };
    let authority = issuers.iter().find(vouches);
    let authority = authority.ok_or(TrustError::MasterListSignature("the signer's CSCA is not in the list"))?.clone();
    Ok((MasterList { signer: signer.subject_name(), authority, signed: signed.signing_time }, list))
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
