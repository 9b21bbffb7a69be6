//! The operator's side of trust: what a trust directory holds, what is wrong with it, how two of them differ, and how
//! something new comes in.
//!
//! | file of a directory | content |
//! |---|---|
//! | `*.cer`, `*.ml`, `*.crl`, `*.dl` | certificates, master lists, revocation and deviation lists; the content decides, not the name |
//! | `pins.toml` | document signers that are trusted without a CSCA |
//! | `provenance.toml` | when each file came, from where, and whose word it is |
//! | `replaced/` | what a newer version replaced |

pub mod check;
pub mod import;

use emrtd::trust::{Chain, Entry, Origin, TrustStore};
use emrtd::x509::Certificate;
use serde::Serialize;
use std::collections::BTreeMap;

/// A certificate as people and programs see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateView {
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// Country, upper case.
    pub country: String,
    /// The subject's name.
    pub subject: String,
    /// The issuer's name.
    pub issuer: String,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// `anchor` (self-issued), `link`, or `other`, which issues nothing.
    pub role: &'static str,
    /// The key, or why it cannot be used.
    pub key: String,
    /// First day of validity.
    pub not_before: String,
    /// Last day of validity.
    pub not_after: String,
    /// `operator`, or the master list's signer.
    pub origin: String,
    /// The file that it was found in.
    pub source: String,
}

impl CertificateView {
    /// What there is to say of an entry of a store.
    #[must_use]
    pub fn new(entry: &Entry) -> Self {
        let certificate = &entry.certificate;
        let origin = match &entry.origin {
            Origin::Operator => "operator".to_owned(),
            Origin::Directory => "directory".to_owned(),
            Origin::MasterList { signer, signed: Some(signed) } => format!("master list of {signer}, {signed}"),
            Origin::MasterList { signer, signed: None } => format!("master list of {signer}"),
        };
        Self {
            sha256: hex::encode(certificate.fingerprint()),
            country: certificate.country().unwrap_or_default(),
            subject: certificate.subject_name(),
            issuer: certificate.issuer_name(),
            serial: certificate.serial_hex(),
            role: role(certificate),
            key: certificate.public_key().map_or_else(|e| emrtd::error::describe(&e), |key| key.describe()),
            not_before: certificate.not_before.to_string(),
            not_after: certificate.not_after.to_string(),
            origin,
            source: entry.source.clone(),
        }
    }
}

/// What a certificate does in a store.
#[must_use]
pub fn role(certificate: &Certificate) -> &'static str {
    match (certificate.is_self_issued(), certificate.is_authority()) {
        (true, _) => "anchor",
        (false, true) => "link",
        (false, false) => "other",
    }
}

/// Whether something vouches for citizen cards: an anchor of Vietnam that the operator gave, or a pin. What public
/// master lists have for Vietnam is the CSCA of passports.
#[must_use]
pub fn vouches_for_citizen_cards(store: &TrustStore) -> bool {
    let own = |entry: &Entry| {
        entry.origin == Origin::Operator
            && entry.certificate.is_self_issued()
            && entry.certificate.country().as_deref() == Some("VN")
    };
    store.pins().next().is_some() || store.entries().iter().any(own)
}

/// What is in one store and not in another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Certificates only in the new one.
    pub added: Vec<CertificateView>,
    /// Certificates only in the old one.
    pub removed: Vec<CertificateView>,
    /// Certificates in both.
    pub common: usize,
}

/// Compares two stores, certificate by certificate.
#[must_use]
pub fn difference(old: &TrustStore, new: &TrustStore) -> Difference {
    let index = |store: &TrustStore| -> BTreeMap<Vec<u8>, CertificateView> {
        store.entries().iter().map(|e| (e.certificate.fingerprint(), CertificateView::new(e))).collect()
    };
    let (old, new) = (index(old), index(new));
    let only = |these: &BTreeMap<Vec<u8>, CertificateView>, those: &BTreeMap<Vec<u8>, CertificateView>| {
        let mut views: Vec<_> =
            these.iter().filter(|(key, _)| !those.contains_key(*key)).map(|(_, view)| view.clone()).collect();
        views.sort_by(|a, b| (&a.country, &a.subject, &a.not_before).cmp(&(&b.country, &b.subject, &b.not_before)));
        views
    };
    let common = new.keys().filter(|key| old.contains_key(*key)).count();
    Difference { added: only(&new, &old), removed: only(&old, &new), common }
}

/// Whether a certificate leads to an anchor of the store: always for an anchor itself.
#[must_use]
pub fn is_anchored(store: &TrustStore, certificate: &Certificate) -> bool {
    certificate.is_self_issued() || matches!(store.chain(certificate), Chain::Trusted(_))
}
