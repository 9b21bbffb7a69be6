//! What a file would change in a trust directory, and what stands against it. Nothing is written here.
//!
//! | certificate | under a name that is new here | under the name of a CSCA that vouches here |
//! |---|---|---|
//! | self-signed | anchor | with another key: only where a key of that name that is here signed for it; else refused unless the operator names its fingerprint |
//! | signed by the key that is here | link | link |
//! | signed by a stranger | comes in and stands for nothing | refused unless named, and then stands for nothing |
//! | self-issued, its own signature wrong; no authority | refused | refused |
//!
//! Whatever vouches for more than before, for a state that something here vouches for already or for the site's own, needs
//! a person's word. Of a master list's entries the lower rows stand for nothing, and the right column holds for the site's
//! own state and for names that the operator gave: for the others the list's signer vouches, and a person confirms.

use super::lists::{self, ListView};
use super::{CertificateView, vouches};
use crate::anchors::{self, Anchors, Loaded, name};
use crate::said::{Word, fingerprint, kinds};
use emrtd::hazmat::x509::same_name;
use emrtd::{Certificate, Chain, Entry, Origin, Role, Scope, TrustStore, UnixTime};
use program::Failure;
use program::describe;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// What the operator allows.
#[derive(Debug, Clone, Default)]
pub struct Permissions {
    /// A master list whose CSCA is not in the directory yet, although others of its country are.
    pub new_signer: bool,
    /// A list older than the one that is there.
    pub older: bool,
    /// Certificates that were compared, by SHA-256.
    pub accepted: Vec<Vec<u8>>,
    /// Whatever needs a person's word, but no key that is under a known name without a link.
    pub all: bool,
}

impl Permissions {
    /// Reads fingerprints of the command line.
    ///
    /// # Errors
    /// When one is no SHA-256.
    pub fn accept(mut self, texts: &[String]) -> Result<Self, Failure> {
        for text in texts {
            let found = fingerprint(text).ok_or_else(|| {
                let message = format!("{text:?} is no SHA-256 of a certificate");
                Failure::usage("fingerprint_malformed", message, "give all 64 hexadecimal digits")
            })?;
            self.accepted.push(found);
        }
        Ok(self)
    }
}

/// A certificate that will vouch for more than before.
#[derive(Debug, Clone, Serialize)]
pub struct Gain {
    /// What it will be.
    #[serde(flatten)]
    pub certificate: CertificateView,
    /// Whether a person must say so: its state is vouched for already, or is the site's own.
    pub to_confirm: bool,
}

/// A file that may come in.
#[derive(Debug)]
pub struct Plan {
    pub(super) directory: PathBuf,
    pub(super) original: String,
    pub(super) target: String,
    pub(super) sha256: String,
    pub(super) bytes: Vec<u8>,
    pub(super) file: Loaded,
    pub(super) before: Anchors,
    pub(super) after: TrustStore,
    pub(super) replaced: Vec<PathBuf>,
    pub(super) words: Vec<Word>,
    /// Master lists in the file.
    pub master_lists: Vec<ListView>,
    /// What will vouch for more than before.
    pub gains: Vec<Gain>,
}

/// For which documents the certificates of a file shall vouch.
#[derive(Debug, Clone)]
pub struct Documents {
    /// Words for kinds.
    pub words: Vec<String>,
    /// Why.
    pub reason: String,
}

fn refused(code: &str, message: String, remedy: &str) -> Failure {
    Failure::usage(code, message, remedy)
}

/// Finds out what a file would change.
///
/// # Errors
/// When it is no trust file, or is refused.
pub fn plan(
    file: &Path,
    directory: &Path,
    documents: Option<&Documents>,
    allowed: &Permissions,
    now: UnixTime,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Plan, Failure> {
    let bytes = program::files::read(file)?;
    let (mut alone, original, mut is_directory) = (TrustStore::new(), name(file), false);
    let added = alone.add_with(&original, &bytes, &mut |done, of| {
        is_directory = true;
        progress(done, of);
    });
    let added = added.map_err(|e| {
        refused("trust_unreadable", format!("{}: {}", file.display(), describe(&e)), "give a sound trust file")
    })?;
    let before = if directory.exists() { anchors::load(directory)? } else { Anchors::default() };
    let file = Loaded { path: file.to_owned(), added, is_directory };
    let replaced = lists::replaced(&file, &alone, &before, allowed)?;
    let words = documents.map_or_else(|| Ok(Vec::new()), |documents| said(documents, &file, &alone, now))?;
    let sha256 = hex::encode(emrtd::HashAlgorithm::Sha256.digest(&bytes));
    let target = target_name(&alone, &file, &sha256);
    let mut after = match &replaced[..] {
        [] => before.store.clone(),
        replaced => anchors::load_without(directory, replaced)?.store,
    };
    for word in &words {
        let scope = kinds::scope(&word.documents).map_err(|why| unknown(&why))?;
        fingerprint(&word.sha256).iter().for_each(|fingerprint| after.set_scope(fingerprint, scope));
    }
    after.add(&target, &bytes).map_err(|e| refused("trust_unreadable", describe(&e), "give a sound trust file"))?;
    faults(&alone, &after)?;
    strangers(&alone, &before.store, allowed)?;
    let gains = gains(&before.store, &after);
    let master_lists = file.added.master_lists.iter().map(|list| ListView::new(list, &before)).collect();
    let directory = directory.to_owned();
    Ok(Plan { directory, original, target, sha256, bytes, file, before, after, replaced, words, master_lists, gains })
}

impl Plan {
    /// What still needs a person's word.
    #[must_use]
    pub fn open(&self, allowed: &Permissions) -> Vec<&Gain> {
        let accepted: BTreeSet<String> = allowed.accepted.iter().map(hex::encode).collect();
        let open = |gain: &&Gain| gain.to_confirm && !allowed.all && !accepted.contains(&gain.certificate.sha256);
        self.gains.iter().filter(open).collect()
    }
}

/// That nobody confirmed these.
#[must_use]
pub fn unconfirmed(open: &[&Gain]) -> Failure {
    let named = open.iter().map(|gain| {
        let CertificateView { sha256, country, subject, .. } = &gain.certificate;
        format!("{sha256} ({country}, {subject})")
    });
    let message = format!(
        "{} certificates would vouch for a state that is vouched for already, or for the site's own: {}",
        open.len(),
        named.collect::<Vec<_>>().join("; ")
    );
    let remedy = "compare each fingerprint with what the issuer publishes, then import with --accept-anchor FINGERPRINT \
                  for each, or --accept-all-anchors";
    refused("trust_anchors_unconfirmed", message, remedy)
}

pub(super) fn unknown(why: &str) -> Failure {
    refused(
        "documents_unknown",
        why.to_owned(),
        "name the kinds as /usr/share/doc/cccd-agent/cli.md has them, with commas between",
    )
}

/// That a word means nothing for a certificate.
pub(super) fn unfit(word: &str, certificate: &str, country: &str) -> Failure {
    let message = format!("{word} is no kind of document of {country:?}, the state of {certificate}");
    refused("documents_unfit", message, "say which of that state's documents it is for: --documents passport")
}

/// The operator's word about each certificate of the file.
fn said(documents: &Documents, file: &Loaded, alone: &TrustStore, now: UnixTime) -> Result<Vec<Word>, Failure> {
    kinds::scope(&documents.words).map_err(|why| unknown(&why))?;
    if file.is_directory || !file.added.master_lists.is_empty() || alone.entries().is_empty() {
        let message = format!("{} has more in it than certificates, or none", name(&file.path));
        let remedy = "import it without --documents, then say it for each certificate: trust scope";
        return Err(refused("documents_not_for_lists", message, remedy));
    }
    let word = |entry: &Entry| {
        let country = entry.certificate.country().unwrap_or_default();
        if let Some(word) = kinds::misfit(&documents.words, &country) {
            return Err(unfit(word, &entry.certificate.subject_name(), &country));
        }
        Ok(Word {
            sha256: hex::encode(entry.certificate.fingerprint()),
            documents: documents.words.clone(),
            reason: documents.reason.clone(),
            added: now.to_string(),
        })
    };
    alone.entries().iter().map(word).collect()
}

/// Refuses what the operator gives in person and what can never stand.
fn faults(alone: &TrustStore, after: &TrustStore) -> Result<(), Failure> {
    for entry in alone.entries().iter().filter(|entry| entry.origin == Origin::Operator) {
        let named =
            format!("{}, SHA-256 {}", entry.certificate.subject_name(), hex::encode(entry.certificate.fingerprint()));
        match after.role(entry) {
            // Seals name their signer and do not carry its certificate: it has to be here, and vouches for nothing.
            Role::NotAnAuthority if entry.certificate.is_seal_signer() => {}
            Role::NotAnAuthority => {
                let message = format!("{named}: basicConstraints and keyUsage do not make it an authority");
                let remedy = "a document signer is pinned: --pin REASON; of a CSCA get the right certificate";
                return Err(refused("anchor_not_an_authority", message, remedy));
            }
            Role::SelfSignatureWrong => {
                let message = format!("{named}: it names itself as its issuer, and its key did not sign it");
                let remedy = "somebody changed or made it up: get it again, from its issuer and by another way";
                return Err(refused("anchor_self_signature_wrong", message, remedy));
            }
            Role::Anchor | Role::Link | Role::LinkUnanchored | Role::Unusable => {}
        }
    }
    Ok(())
}

/// Refuses other keys under the name of somebody who vouches here, where no key that is here signed for them.
fn strangers(alone: &TrustStore, before: &TrustStore, allowed: &Permissions) -> Result<(), Failure> {
    let known: Vec<&Entry> = before.entries().iter().filter(|entry| vouches(before, entry) != Scope::NONE).collect();
    let mut found = Vec::new();
    for entry in alone.entries() {
        let certificate = &entry.certificate;
        let of_name = |other: &Certificate| same_name(other.subject(), certificate.subject());
        let there: Vec<&Entry> = known.iter().copied().filter(|known| of_name(&known.certificate)).collect();
        let strict = match entry.origin {
            Origin::Directory => false,
            Origin::Operator => true,
            Origin::MasterList { .. } => {
                there.iter().any(|known| known.origin == Origin::Operator)
                    || kinds::is_own_state(&certificate.country().unwrap_or_default())
            }
        };
        if there.is_empty() || !strict || allowed.accepted.contains(&certificate.fingerprint()) {
            continue;
        }
        let here = there.iter().map(|entry| &entry.certificate).collect();
        let new = alone.entries().iter().map(|entry| &entry.certificate).filter(|other| of_name(other));
        let led = matches!(before.chain(certificate), Chain::Trusted(_));
        if !led && !joined(here, new.collect()).contains(&certificate.key_info()) {
            found.push(format!("{} ({})", hex::encode(certificate.fingerprint()), certificate.subject_name()));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let message = format!(
        "another key under the name of a CSCA that is trusted here, which did not sign for it: {}",
        found.join("; ")
    );
    let remedy = "import the issuer's link certificate first; or compare the fingerprint with the issuer by another way, then \
                  import with --accept-anchor FINGERPRINT";
    Err(refused("anchor_link_unsigned", message, remedy))
}

/// The keys that are here, and those of new certificates for which one of them signed, or one of these.
fn joined<'a>(here: Vec<&'a Certificate>, mut new: Vec<&'a Certificate>) -> Vec<&'a [u8]> {
    let mut keys = here;
    loop {
        let (led, rest): (Vec<_>, Vec<_>) = new.into_iter().partition(|certificate| {
            keys.iter().any(|key| {
                key.key_info() == certificate.key_info()
                    || (certificate.is_authority() && certificate.is_signed_by(key).unwrap_or(false))
            })
        });
        if led.is_empty() {
            return keys.into_iter().map(Certificate::key_info).collect();
        }
        keys.extend(led);
        new = rest;
    }
}

/// What vouches for more afterwards than before.
fn gains(before: &TrustStore, after: &TrustStore) -> Vec<Gain> {
    let mut had = HashMap::new();
    let mut covered = BTreeSet::new();
    for entry in before.entries() {
        let scope = vouches(before, entry);
        if scope != Scope::NONE {
            covered.insert(entry.certificate.country());
        }
        had.insert(entry.certificate.fingerprint(), scope);
    }
    let mut gains = Vec::new();
    for entry in after.entries() {
        let (scope, country) = (vouches(after, entry), entry.certificate.country());
        let then = had.get(&entry.certificate.fingerprint()).copied().unwrap_or(Scope::NONE);
        if then.or(scope) != then {
            let own = country.as_deref().is_some_and(kinds::is_own_state);
            let to_confirm = own || covered.contains(&country);
            gains.push(Gain { certificate: CertificateView::new(after, entry), to_confirm });
        }
    }
    gains.sort_by(|a, b| (a.to_confirm, a.certificate.order()).cmp(&(b.to_confirm, b.certificate.order())));
    gains
}

/// A name that tells what is in the file.
fn target_name(store: &TrustStore, file: &Loaded, sha256: &str) -> String {
    let of = |certificate: &Certificate| certificate.country().unwrap_or_default().to_lowercase();
    let lists = file.added.master_lists.first();
    let (kind, country) = match (file.is_directory, lists, store.entries().first(), store.revocation_lists().next()) {
        (true, ..) => ("ldif", "icao".to_owned()),
        (_, Some(list), ..) => ("ml", of(&list.authority)),
        (_, None, Some(entry), _) => ("cer", of(&entry.certificate)),
        (_, None, None, Some(crl)) => {
            ("crl", emrtd::hazmat::x509::country(crl.issuer()).unwrap_or_default().to_lowercase())
        }
        (_, None, None, None) => ("dl", store.deviation_lists().next().map(|(l, _)| of(&l.signer)).unwrap_or_default()),
    };
    let country: String = country.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{country}-{}.{kind}", &sha256[..12])
}
