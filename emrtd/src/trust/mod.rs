//! The operator's trust anchors and the path from a document signer to one of them (ICAO 9303-12 §5, §6).
//!
//! | file | content |
//! |---|---|
//! | `mod.rs` | the store and what stands in it |
//! | `role.rs` | what a certificate is, and for what it vouches |
//! | `chain.rs` | the path to an anchor |
//! | `files.rs` | files: certificates, master lists, the lists of a directory |
//! | `ldif.rs` | the form in which the ICAO PKD gives its directory |
//! | `revocation.rs` | which list decides |
//!
//! What stands in it, and what that does, is said at [`TrustStore`]. Chain building is our own because OpenSSL refuses
//! certificates with explicit EC parameters, such as Vietnam's.

mod chain;
mod files;
mod ldif;
mod revocation;
mod role;
mod signers;

pub use chain::{Chain, scope_of};
pub use files::{Added, MasterList, TrustError};
pub use revocation::Revocation;
pub use role::{Entry, Origin, Role};

use crate::crl::Crl;
use crate::deviation_list::{DeviationList, KnownDeviation};
use crate::document::Scope;
use crate::x509::{Certificate, Purpose, UnixTime};
use signers::Signers;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A document signer that the operator trusts by itself, without a CSCA.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pin {
    /// SHA-256 of the certificate.
    pub fingerprint: Vec<u8>,
    /// Where the pin stands.
    pub source: String,
    /// Why the operator trusts it, for the auditor.
    pub reason: String,
    /// For which kinds of document.
    pub scope: Scope,
}

impl Pin {
    /// The document signer with this SHA-256, for these kinds of document; where that stands, and why.
    #[must_use]
    pub fn new(fingerprint: Vec<u8>, scope: Scope, source: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { fingerprint, source: source.into(), reason: reason.into(), scope }
    }
}

/// The operator's trust anchors, and what leads from a document signer to one of them (ICAO 9303-12 §5, §6).
///
/// | in the store | what it does |
/// |---|---|
/// | anchor | self-*signed* and an authority by basicConstraints and keyCertSign: vouches for documents in its scope |
/// | link | an authority that another key signed, also under the same name: leads on, and stands as long as that key does |
/// | document signer of a directory (PKD) | is tried when a SOD carries no certificate; vouches for nothing |
/// | pin | makes one document signer trusted by itself, in its scope |
/// | revocation list | counts under any standing key of its issuer's name |
/// | deviation list | see [`hazmat::deviation_list`](crate::hazmat::deviation_list) |
///
/// Nothing else in a bundle is believed. Certificates are indexed by country.
#[derive(Debug, Clone, Default)]
pub struct TrustStore {
    entries: Vec<Entry>,
    by_country: HashMap<String, Vec<usize>>,
    by_fingerprint: HashMap<Vec<u8>, usize>,
    /// The operator's word about single certificates, also about those that are not here yet.
    scopes: HashMap<Vec<u8>, Scope>,
    signers: Signers,
    revocation_lists: Vec<Crl>,
    deviation_lists: Vec<DeviationList>,
    pins: HashMap<Vec<u8>, Pin>,
    remembered: Arc<Mutex<Remembered>>,
}

/// What was found out before: one document signer signs thousands of cards.
#[derive(Debug, Default)]
struct Remembered {
    /// Paths by fingerprint.
    chains: HashMap<Vec<u8>, Chain>,
    /// Whether a standing key signed the revocation list with this index.
    lists: HashMap<usize, bool>,
}

impl TrustStore {
    /// A store without anchors.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one certificate that the operator gave; false when it is there already on a word that is as good.
    pub fn add_certificate(&mut self, source: &str, certificate: Certificate) -> bool {
        self.add_entry(Entry::new(certificate, source, Origin::Operator))
    }

    /// What is there already on a lesser word is raised: the operator's own file makes an entry of a master list the
    /// operator's.
    fn add_entry(&mut self, mut entry: Entry) -> bool {
        let fingerprint = entry.certificate.fingerprint();
        let word = self.scopes.get(&fingerprint).copied();
        if let Some(word) = word {
            entry.scope = word;
        }
        if let Some(known) = self.by_fingerprint.get(&fingerprint).map(|at| &mut self.entries[*at]) {
            if entry.origin.rank() <= known.origin.rank() {
                return false;
            }
            let scope = word.unwrap_or_else(|| known.scope.or(entry.scope));
            *known = Entry { scope, ..entry };
            self.remembered = Arc::default();
            return true;
        }
        let country = entry.certificate.country().unwrap_or_default();
        self.by_country.entry(country).or_default().push(self.entries.len());
        self.by_fingerprint.insert(fingerprint, self.entries.len());
        self.entries.push(entry);
        self.remembered = Arc::default();
        true
    }

    /// The operator's word about one certificate, whether it is here already or comes later: it vouches for these
    /// kinds of document of its state, neither more nor less.
    pub fn set_scope(&mut self, fingerprint: &[u8], scope: Scope) {
        self.scopes.insert(fingerprint.to_vec(), scope);
        if let Some(entry) = self.by_fingerprint.get(fingerprint).map(|at| &mut self.entries[*at]) {
            entry.scope = scope;
        }
        self.remembered = Arc::default();
    }

    /// Keeps a document signer's certificate aside, for documents that carry none. It vouches for nothing. False when
    /// it is there already.
    pub fn add_signer(&mut self, certificate: &Certificate) -> bool {
        self.signers.add(certificate)
    }

    /// How many document signers are kept aside.
    #[must_use]
    pub fn signers(&self) -> usize {
        self.signers.len()
    }

    /// Trusts one document signer by its fingerprint.
    pub fn pin(&mut self, pin: Pin) {
        self.pins.insert(pin.fingerprint.clone(), pin);
        self.remembered = Arc::default();
    }

    /// Every pin.
    pub fn pins(&self) -> impl Iterator<Item = &Pin> {
        self.pins.values()
    }

    /// Every certificate of the store but the document signers that are kept aside.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Every revocation list, checked or not.
    pub fn revocation_lists(&self) -> impl Iterator<Item = &Crl> {
        self.revocation_lists.iter()
    }

    /// Every deviation list, with whether its signer leads to an anchor and may sign it.
    pub fn deviation_lists(&self) -> impl Iterator<Item = (&DeviationList, bool)> {
        self.deviation_lists.iter().map(|list| (list, self.is_own_list(list)))
    }

    /// What the issuer of a document declares about it: from lists whose signer leads to an anchor of the same
    /// country, and may sign such lists.
    #[must_use]
    pub fn known_deviations(
        &self,
        document_signer: &Certificate,
        signed_at: Option<UnixTime>,
        now: UnixTime,
    ) -> Vec<KnownDeviation> {
        let own = |list: &&DeviationList| {
            list.signer.issuer_country() == document_signer.issuer_country()
                && validity(&list.signer, list.signing_time.unwrap_or(now)) == Validity::Valid
                && self.is_own_list(list)
        };
        self.deviation_lists.iter().filter(own).flat_map(|list| list.about(document_signer, signed_at)).collect()
    }

    fn is_own_list(&self, list: &DeviationList) -> bool {
        let Chain::Trusted(path) = self.chain(&list.signer) else { return false };
        list.signer.extensions.faults(Purpose::DeviationList).is_empty()
            && scope_of(&path) != Scope::NONE
            && path.iter().all(|entry| entry.certificate.country() == list.signer.issuer_country())
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
