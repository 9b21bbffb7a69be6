//! The operator's side of trust: what a trust directory holds, what is wrong with it, how two of them differ, and how
//! something new comes in.
//!
//! | file of a directory | content |
//! |---|---|
//! | `*.cer`, `*.ml`, `*.crl`, `*.dl`, `*.ldif` | certificates, master lists, revocation and deviation lists, directories of all of them; the content decides, not the name |
//! | `anchors.toml` | for which kinds of document single certificates vouch |
//! | `pins.toml` | document signers that are trusted without a CSCA |
//! | `provenance.toml` | when each file came, from where, and whose word it is |
//! | `replaced/` | what a newer version replaced |
//!
//! | file | content |
//! |---|---|
//! | `mod.rs` | certificates as people see them, and for what they vouch |
//! | [`said`](crate::said) | `anchors.toml` and `pins.toml`, and words for kinds of document |
//! | `check.rs` | what is wrong with a directory |
//! | `plan.rs` | what a file would change, and what stands against it |
//! | `lists.rs` | which lists take whose place |
//! | `import.rs` | how it is written |
//! | `scope.rs` | the operator's word about one certificate |

pub mod check;
pub mod import;
mod lists;
pub mod plan;
pub mod scope;

use crate::said::kinds;
use emrtd::{Chain, DocumentKind, Entry, Origin, Role, Scope, TrustStore, scope_of};
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
    /// What it is in its store: [`Role::code`].
    pub role: &'static str,
    /// The kinds of document of its state for which it vouches here: none when it does not stand.
    pub documents: Vec<&'static str>,
    /// The key, or why it cannot be used.
    pub key: String,
    /// First day of validity.
    pub not_before: String,
    /// Last day of validity.
    pub not_after: String,
    /// `operator`, `directory`, or the master list's signer.
    pub origin: String,
    /// The file that it was found in.
    pub source: String,
}

impl CertificateView {
    /// What there is to say of an entry of this store.
    #[must_use]
    pub fn new(store: &TrustStore, entry: &Entry) -> Self {
        let certificate = &entry.certificate;
        let origin = match &entry.origin {
            Origin::Operator => "operator".to_owned(),
            Origin::Directory => "directory".to_owned(),
            Origin::MasterList { signer, signed: Some(signed) } => format!("master list of {signer}, {signed}"),
            Origin::MasterList { signer, signed: None } => format!("master list of {signer}"),
        };
        let country = certificate.country().unwrap_or_default();
        Self {
            sha256: hex::encode(certificate.fingerprint()),
            subject: certificate.subject_name(),
            issuer: certificate.issuer_name(),
            serial: certificate.serial_hex(),
            role: store.role(entry).code(),
            documents: kinds::words(vouches(store, entry), &country),
            country,
            key: certificate.public_key().map_or_else(|e| program::describe(&e), |key| key.describe()),
            not_before: certificate.not_before.to_string(),
            not_after: certificate.not_after.to_string(),
            origin,
            source: entry.source.clone(),
        }
    }

    /// How certificates are put in order.
    fn order(&self) -> (&str, &str, &str) {
        (&self.country, &self.subject, &self.not_before)
    }
}

/// Every certificate of a store, in order.
#[must_use]
pub fn views(store: &TrustStore) -> Vec<CertificateView> {
    let mut views: Vec<_> = store.entries().iter().map(|entry| CertificateView::new(store, entry)).collect();
    views.sort_by(|a, b| a.order().cmp(&b.order()));
    views
}

/// For which kinds of document of its state a certificate vouches in a store, with all that it stands on: by the same
/// [`scope_of`] that the verdict asks.
#[must_use]
pub fn vouches(store: &TrustStore, entry: &Entry) -> Scope {
    match store.role(entry) {
        Role::Anchor => entry.vouches(),
        Role::Link => match store.chain(&entry.certificate) {
            Chain::Trusted(path) => entry.vouches().and(scope_of(&path)),
            _ => Scope::NONE,
        },
        _ => Scope::NONE,
    }
}

/// Whether something vouches for citizen cards: a pin, or a certificate of Vietnam that stands.
#[must_use]
pub fn vouches_for_citizen_cards(store: &TrustStore) -> bool {
    let card = kinds::document(kinds::CITIZEN_CARD);
    let own = |entry: &Entry| {
        entry.vouches().contains(card)
            && entry.certificate.country().is_some_and(|country| kinds::is_own_state(&country))
            && vouches(store, entry).contains(card)
    };
    store.pins().any(|pin| pin.scope.contains(DocumentKind::IdentityCard)) || store.entries().iter().any(own)
}

/// What is in one store and not in another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Certificates only in the new one.
    pub added: Vec<CertificateView>,
    /// Certificates only in the old one.
    pub removed: Vec<CertificateView>,
    /// Certificates in both that are, or vouch for, something else in the new one.
    pub changed: Vec<CertificateView>,
    /// Certificates in both.
    pub common: usize,
}

/// Compares two stores, certificate by certificate.
#[must_use]
pub fn difference(old: &TrustStore, new: &TrustStore) -> Difference {
    let index = |store: &TrustStore| -> BTreeMap<String, CertificateView> {
        views(store).into_iter().map(|view| (view.sha256.clone(), view)).collect()
    };
    let (old, new) = (index(old), index(new));
    let select = |these: &BTreeMap<String, CertificateView>, wanted: &dyn Fn(&CertificateView) -> bool| {
        let mut views: Vec<_> = these.values().filter(|view| wanted(view)).cloned().collect();
        views.sort_by(|a, b| a.order().cmp(&b.order()));
        views
    };
    let other = |view: &CertificateView, before: &CertificateView| {
        (view.role, &view.documents) != (before.role, &before.documents)
    };
    Difference {
        added: select(&new, &|view| !old.contains_key(&view.sha256)),
        removed: select(&old, &|view| !new.contains_key(&view.sha256)),
        changed: select(&new, &|view| old.get(&view.sha256).is_some_and(|before| other(view, before))),
        common: new.keys().filter(|key| old.contains_key(*key)).count(),
    }
}
