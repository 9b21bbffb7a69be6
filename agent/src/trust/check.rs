//! What is wrong with a trust directory, before a card shows it.

use super::{is_anchored, vouches_for_citizen_cards};
use crate::anchors::Anchors;
use emrtd::x509::UnixTime;
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
    let store = &anchors.store;
    let mut findings = Vec::new();
    let mut find = |code, weight, subject: String, remedy| {
        findings.push(Finding { code, weight, subject, remedy });
    };
    for left_out in &anchors.left_out {
        find("trust_left_out", Weight::Error, left_out.clone(), "replace the file with a sound one, or remove it");
    }
    if !vouches_for_citizen_cards(store) {
        let subject = "no anchor for citizen cards: every card will be undecided".to_owned();
        let remedy = "import the CSCA certificate that the issuing authority handed over, or pin a document signer";
        find("cccd_anchor_missing", Weight::Warning, subject, remedy);
    }
    for entry in store.entries() {
        let certificate = &entry.certificate;
        let fingerprint = hex::encode(&certificate.fingerprint()[..8]);
        let named = |what: &str| format!("{} {fingerprint} ({}): {what}", certificate.subject_name(), entry.source);
        if !certificate.is_self_issued() && !certificate.is_authority() {
            let remedy = "a document signer is trusted by a pin, not by lying there";
            find("not_an_authority", Weight::Error, named("it is no certification authority"), remedy);
        } else if !is_anchored(store, certificate) {
            let remedy = "import the older CSCA certificate that it leads to";
            find("link_unanchored", Weight::Warning, named("this link leads to no anchor"), remedy);
        }
        if let Err(error) = certificate.public_key() {
            let what = format!("its key cannot be used: {}", emrtd::error::describe(&error));
            find("key_unsupported", Weight::Note, named(&what), "nothing; cards under it stay undecided");
        }
        let left = certificate.not_after.0 - now.0;
        if left < 0 {
            let what = format!("expired on {}", certificate.not_after);
            find("anchor_expired", Weight::Note, named(&what), "keep it: cards that were signed before stay valid");
        } else if left < SOON {
            let what = format!("expires on {}", certificate.not_after);
            find("anchor_expiring", Weight::Note, named(&what), "ask the issuer for the next one");
        }
    }
    for crl in store.revocation_lists() {
        let issuer = emrtd::x509::common_name(crl.issuer());
        let age = (now.0 - crl.this_update.0) / DAY;
        let of = format!("{issuer}, list of {}, {age} days old", crl.this_update);
        let signed = store.entries().iter().any(|e| crl.is_signed_by(&e.certificate).unwrap_or(false));
        if !signed {
            find("crl_unsigned", Weight::Error, of, "no anchor here signed it; import the CSCA, or remove the list");
        } else if crl.next_update.is_some_and(|next| next < now) {
            find("crl_stale", Weight::Warning, of, "fetch the next list: this one still revokes but no longer clears");
        }
    }
    for (list, trusted) in store.deviation_lists() {
        if !trusted {
            let subject = format!("deviation list of {}", list.signer.subject_name());
            find("deviation_list_untrusted", Weight::Error, subject, "its signer leads to no anchor here");
        }
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.weight));
    findings
}
