//! What is wrong with a trust directory, before a card shows it.

use super::{vouches, vouches_for_citizen_cards};
use crate::anchors::Anchors;
use crate::said::{self, kinds};
use emrtd::hazmat::crypto::Protection;
use emrtd::hazmat::x509::same_name;
use emrtd::{Certificate, Entry, Origin, Role, Scope, TrustStore, UnixTime};
use program::describe;
use serde::Serialize;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Good to know.
    Note,
    /// Verdicts will be worse than they could be.
    Warning,
    /// Something that the operator put there is not used.
    Error,
}

/// Something about a trust directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable code.
    pub code: &'static str,
    /// How much it matters.
    pub weight: Weight,
    /// What it is about.
    pub subject: String,
    /// What to do.
    pub remedy: &'static str,
}

const DAY: i64 = 86_400;

/// An anchor that ends within this time is named.
const SOON: i64 = 90 * DAY;

/// Looks at everything in a store. No finding means that nothing needs attention.
#[must_use]
pub fn findings(anchors: &Anchors, now: UnixTime) -> Vec<Finding> {
    let mut findings = Findings::default();
    for left_out in &anchors.left_out {
        let remedy = "replace the file with a sound one, or remove it";
        findings.add("trust_left_out", Weight::Error, left_out.clone(), remedy);
    }
    if !vouches_for_citizen_cards(&anchors.store) {
        let subject = "nothing here vouches for citizen cards: they are at best `signed`".to_owned();
        let remedy = "import the CSCA certificate that the issuing authority handed over, pin a document signer, or say \
                      it of a certificate that is here: trust scope";
        findings.add("cccd_anchor_missing", Weight::Warning, subject, remedy);
    }
    for entry in anchors.store.entries() {
        findings.entry(&anchors.store, entry, now);
    }
    findings.names(&anchors.store);
    findings.words(anchors);
    findings.lists(&anchors.store, now);
    findings.0.sort_by_key(|finding| std::cmp::Reverse(finding.weight));
    findings.0
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, code: &'static str, weight: Weight, subject: String, remedy: &'static str) {
        self.0.push(Finding { code, weight, subject, remedy });
    }

    fn entry(&mut self, store: &TrustStore, entry: &Entry, now: UnixTime) {
        let certificate = &entry.certificate;
        let named = |what: &str| {
            let fingerprint = hex::encode(&certificate.fingerprint()[..8]);
            format!("{} {fingerprint} ({}): {what}", certificate.subject_name(), entry.source)
        };
        // Of what others put on their lists nobody here can mend anything.
        let own = |weight| if entry.origin == Origin::Operator { weight } else { Weight::Note };
        let role = store.role(entry);
        match role {
            Role::NotAnAuthority if entry.certificate.is_seal_signer() => {}
            Role::NotAnAuthority => {
                let what = named("basicConstraints and keyUsage do not make it an authority");
                let remedy = "a document signer is trusted by a pin, not by lying there";
                self.add(role.code(), own(Weight::Error), what, remedy);
            }
            Role::SelfSignatureWrong => {
                let what = named("it names itself as its issuer, and its key did not sign it");
                self.add(role.code(), own(Weight::Error), what, "remove it, and find out who gave it");
            }
            Role::LinkUnanchored => {
                let what = named("nothing that stands here signed it");
                let remedy = "import the older CSCA certificate that it leads to; if its key did not sign, remove it";
                self.add(role.code(), own(Weight::Warning), what, remedy);
            }
            Role::Unusable => {
                let why = certificate.public_key().and_then(|_| certificate.signature_algorithm());
                let why = why.map_or_else(|e| describe(&e), |_| "anybody can break its key".to_owned());
                self.add(role.code(), Weight::Note, named(&why), "nothing; documents under it stay undecided");
            }
            Role::Anchor | Role::Link => self.standing(entry, now, &named),
        }
    }

    /// What there is to say of one that stands.
    fn standing(&mut self, entry: &Entry, now: UnixTime, named: &dyn Fn(&str) -> String) {
        let certificate = &entry.certificate;
        let key = certificate.public_key().map(|key| (key.protection(), key.describe()));
        let signature = certificate.signature_algorithm().map(|of| (of.protection(), of.describe()));
        let weak: Vec<_> =
            [key.ok(), signature.ok()].into_iter().flatten().filter(|(p, _)| *p < Protection::Current).collect();
        if !weak.is_empty() {
            let what: Vec<_> = weak.into_iter().map(|(_, what)| what).collect();
            let what = named(&format!("less than is asked for today: {}", what.join(", ")));
            let weight = if entry.origin == Origin::Operator { Weight::Warning } else { Weight::Note };
            self.add("anchor_weak", weight, what, "ask the issuer for its successor; documents under it are marked");
        }
        let left = certificate.not_after.0 - now.0;
        if left < 0 {
            let what = named(&format!("expired on {}", certificate.not_after));
            self.add("anchor_expired", Weight::Note, what, "keep it: cards that were signed before stay valid");
        } else if left < SOON {
            let what = named(&format!("expires on {}", certificate.not_after));
            self.add("anchor_expiring", Weight::Note, what, "ask the issuer for the next one");
        }
    }

    /// Anchors of one name whose keys no signature joins: one of them may be somebody else's.
    fn names(&mut self, store: &TrustStore) {
        let mut groups: Vec<Vec<&Entry>> = Vec::new();
        for entry in store.entries().iter().filter(|entry| vouches(store, entry) != Scope::NONE) {
            let same =
                |group: &&mut Vec<&Entry>| same_name(group[0].certificate.subject(), entry.certificate.subject());
            match groups.iter_mut().find(same) {
                Some(group) => group.push(entry),
                None => groups.push(vec![entry]),
            }
        }
        for group in groups {
            let certificates: Vec<&Certificate> = group.iter().map(|entry| &entry.certificate).collect();
            let islands = islands(&certificates);
            let [_, _, ..] = &islands[..] else { continue };
            let own = group.iter().any(|entry| entry.origin == Origin::Operator);
            let keys = islands.iter().map(|one| hex::encode(&one.fingerprint()[..8])).collect::<Vec<_>>().join(", ");
            let subject = format!("{}: {keys}", certificates[0].subject_name());
            let remedy = "compare each fingerprint with what the issuer publishes, or import its link certificate";
            self.add("anchors_unlinked", if own { Weight::Warning } else { Weight::Note }, subject, remedy);
        }
    }

    /// Words that say nothing.
    fn words(&mut self, anchors: &Anchors) {
        for word in &anchors.words.anchors {
            let wanted = said::fingerprint(&word.sha256);
            let entry = anchors.store.entries().iter().find(|e| Some(e.certificate.fingerprint()) == wanted);
            let named = |what: &str| format!("{} in {}: {what}", word.sha256, said::ANCHORS);
            let Some(entry) = entry else {
                let remedy = "import the certificate, or say it of the one that took its place: trust scope";
                self.add("scope_unused", Weight::Note, named("no such certificate is here"), remedy);
                continue;
            };
            let country = entry.certificate.country().unwrap_or_default();
            if let Some(word) = kinds::misfit(&word.documents, &country) {
                let what = named(&format!("{word} is no kind of document of {country:?}"));
                self.add(
                    "scope_unfit",
                    Weight::Warning,
                    what,
                    "say which of that state's documents it is for: trust scope",
                );
            }
        }
    }

    fn lists(&mut self, store: &TrustStore, now: UnixTime) {
        for crl in store.revocation_lists() {
            let issuer = emrtd::hazmat::x509::common_name(crl.issuer());
            let age = (now.0 - crl.this_update.0) / DAY;
            let of = format!("{issuer}, list of {}, {age} days old", crl.this_update);
            // As the verdict asks: any key of the name that stands and for which somebody vouches.
            let by = |entry: &&Entry| {
                same_name(entry.certificate.subject(), crl.issuer())
                    && crl.is_signed_by(&entry.certificate).unwrap_or(false)
            };
            let signed = store.entries().iter().filter(by).any(|entry| vouches(store, entry) != Scope::NONE);
            if !signed {
                let remedy = "no anchor here signed it; import the CSCA, or remove the list";
                self.add("crl_unsigned", Weight::Error, of, remedy);
            } else if crl.next_update.is_some_and(|next| next < now) {
                let remedy = "fetch the next list: this one still revokes but no longer clears";
                self.add("crl_stale", Weight::Warning, of, remedy);
            }
        }
        for (list, trusted) in store.deviation_lists() {
            if !trusted {
                let subject = format!("deviation list of {}", list.signer.subject_name());
                self.add("deviation_list_untrusted", Weight::Error, subject, "its signer leads to no anchor here");
            }
        }
    }
}

/// One certificate of each group of keys that signatures join.
fn islands<'a>(certificates: &[&'a Certificate]) -> Vec<&'a Certificate> {
    let joined = |a: &Certificate, b: &Certificate| {
        a.key_info() == b.key_info() || a.is_signed_by(b).unwrap_or(false) || b.is_signed_by(a).unwrap_or(false)
    };
    let mut left = certificates.to_vec();
    let mut islands = Vec::new();
    while let Some(first) = left.pop() {
        let mut island = vec![first];
        let mut at = 0;
        while let Some(one) = island.get(at).copied() {
            let (more, rest) = left.into_iter().partition(|other| joined(one, other));
            island.extend::<Vec<_>>(more);
            left = rest;
            at += 1;
        }
        islands.push(first);
    }
    islands
}
