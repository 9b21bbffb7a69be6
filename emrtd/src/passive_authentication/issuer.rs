//! The issuer: the path to an anchor, and whether it vouches for this document.

use super::signer::unusable;
use super::{Judged, PassiveAuthentication, Path};
use crate::cms::Deviation;
use crate::country;
use crate::error::describe;
use crate::trust::{Chain, Entry, Revocation, TrustStore, Validity, validity};
use crate::verdict::{Check, Outcome};
use crate::x509::{Certificate, UnixTime};

impl PassiveAuthentication {
    /// The path to an anchor, or the pin.
    pub(super) fn chain(&mut self, trust: &TrustStore) -> Option<Path> {
        const ID: &str = "dsc_chain";
        let signer = self.document_signer.as_ref()?;
        let mut trusted = None;
        let not_performed =
            |reason, entry: &Entry| Check::not_performed(ID, reason).with_detail(entry.certificate.subject_name());
        let check = match trust.chain(signer) {
            Chain::Trusted(path) => {
                self.anchor = path.last().map(|e| (e.certificate.subject_name(), e.source.clone()));
                let issuer = path.first().and_then(|e| e.certificate.subject_key_identifier());
                if signer.authority_key_identifier().is_none_or(|named| issuer.is_some_and(|is| is != named)) {
                    self.deviations.push(Deviation::AuthorityKeyIdentifier);
                }
                let names: Vec<_> = path.iter().map(|e| e.certificate.subject_name()).collect();
                trusted = Some(Path::Chain(path));
                Check::passed(ID).with_detail(names.join(" → "))
            }
            Chain::Pinned(pin) => {
                self.anchor = Some((signer.subject_name(), pin.source.clone()));
                let check = Check::passed(ID).with_detail(format!("pinned by the operator: {}", pin.reason));
                trusted = Some(Path::Pin(pin));
                check
            }
            Chain::NoAnchor => {
                Check::not_performed(ID, "no_anchor").with_detail(format!("issuer {}", signer.issuer_name()))
            }
            Chain::UnknownKey(csca) => Check::not_performed(ID, "issuer_key_unknown").with_detail(format!(
                "{} is known here with another key: a newer CSCA, or a self-made one",
                csca.certificate.subject_name()
            )),
            Chain::Forged(csca) => {
                Check::failed(ID, "dsc_not_signed_by_csca").with_detail(csca.certificate.subject_name())
            }
            Chain::NotStanding(entry, role) => not_performed(role.code(), &entry),
            Chain::Unusable(csca, error) => Check::not_performed(ID, unusable(&error)).with_detail(format!(
                "{}: {}",
                csca.certificate.subject_name(),
                describe(&error)
            )),
        };
        self.checks.push(check);
        trusted
    }

    /// Whether a revocation list names the document signer, or a link on its path. Without a list nothing is held
    /// against it: none is public for the CCCD, and an operator who has one supplies it. But only a list that is in
    /// order clears.
    pub(super) fn revocation(&mut self, trust: &TrustStore, judged: &Judged) {
        let (Some(signer), Some(_)) = (&self.document_signer, &judged.path) else { return };
        let path = judged.entries();
        let own = revocation_check(trust.revocation(signer, path.first(), judged.now), judged.now);
        let above = path.iter().zip(path.iter().skip(1)).map(|(subject, issuer)| {
            revocation_check(trust.revocation(&subject.certificate, Some(issuer), judged.now), judged.now)
        });
        // The document signer's own line stands unless an issuer above it is revoked.
        let check = match own.outcome {
            Outcome::Failed => own,
            _ => above.into_iter().find(|check| check.outcome == Outcome::Failed).unwrap_or(own),
        };
        self.checks.push(check);
    }

    pub(super) fn validity(&mut self, signer: &Certificate, judged: &Judged) {
        const ID: &str = "dsc_validity";
        let path = judged.entries();
        let at =
            |time, which| (time, format!("{} to {}, judged at {time} ({which})", signer.not_before, signer.not_after));
        let ((time, detail), check) = match (judged.at, judged.signing_time) {
            (Some(time), _) => (at(time, "as asked"), valid_then(signer, path, time)),
            (None, Some(time)) => (at(time, "signing time"), valid_then(signer, path, time)),
            (None, None) => {
                // The latest moment at which the document can have been in use.
                let latest = self.facts.expires.map_or(judged.now, |expires| expires.min(judged.now));
                let issued = self.facts.issued.map(|(_, issued)| issued).filter(|issued| *issued <= judged.now);
                let moments = issued
                    .map(|issued| (issued, "date of issue"))
                    .into_iter()
                    .chain([(latest, "the latest certain moment; the SOD states no signing time")]);
                let passes = |(time, _): &(UnixTime, _)| valid_then(signer, path, *time).outcome == Outcome::Passed;
                match moments.into_iter().find(passes) {
                    Some((time, which)) => (at(time, which), Check::passed(ID)),
                    None => (
                        at(latest, "the SOD states no signing time"),
                        Check::not_performed(ID, "dsc_expired_signing_time_unknown"),
                    ),
                }
            }
        };
        self.judged_at = Some(time);
        self.checks.push(check.with_detail(detail));
    }

    /// The state of the MRZ, of the document signer's issuer and of every authority on the path.
    pub(super) fn state(&mut self, signer: &Certificate, judged: &Judged) {
        const ID: &str = "issuing_state";
        let Some(document) = &self.facts.document else {
            self.checks.push(Check::not_performed(ID, "no_dg1"));
            return;
        };
        let authorities = judged.entries().iter().map(|entry| entry.certificate.country());
        let mut found: Vec<String> = Vec::new();
        let mut worst = None;
        for state in std::iter::once(signer.issuer_country()).chain(authorities) {
            let state = state.unwrap_or_default();
            let check = match country::signs_for(&document.issuer, &state) {
                Some(true) => None,
                // What is not written anywhere differs from nothing.
                _ if state.is_empty() => Some(Check::not_performed(ID, "state_missing")),
                None => Some(Check::not_performed(ID, "state_unknown")),
                Some(false) => Some(Check::failed(ID, "state_differs")),
            };
            if worst.as_ref().is_none_or(|w: &Check| w.outcome != Outcome::Failed) {
                worst = check.or(worst);
            }
            if !found.contains(&state) {
                found.push(state);
            }
        }
        let detail = format!("{}: {}", document.issuer, found.join(", "));
        self.checks.push(worst.unwrap_or_else(|| Check::passed(ID)).with_detail(detail));
    }

    /// Whether pin or anchor, and every link, vouch for this kind of document.
    pub(super) fn scope(&mut self, judged: &Judged) {
        const ID: &str = "anchor_scope";
        let scope = match &judged.path {
            None => return,
            Some(Path::Pin(pin)) => pin.scope,
            Some(Path::Chain(path)) => crate::trust::scope_of(path),
        };
        self.checks.push(match &self.facts.document {
            None => Check::not_performed(ID, "no_dg1"),
            Some(document) if scope.contains(document.kind) => Check::passed(ID).with_detail(document.kind.code()),
            Some(document) => Check::not_performed(ID, "out_of_scope")
                .with_detail(format!("{}; the anchor vouches for: {scope}", document.kind.code())),
        });
    }
}

fn revocation_check(revocation: Revocation<'_>, now: UnixTime) -> Check {
    const ID: &str = "dsc_revocation";
    let (check, crl) = match revocation {
        Revocation::NoList => return Check::not_performed(ID, "no_revocation_list"),
        Revocation::Unsigned(crl) => (Check::not_performed(ID, "revocation_list_unsigned"), crl),
        Revocation::Unusable(crl) => (Check::not_performed(ID, "revocation_list_unusable"), crl),
        Revocation::Revoked(crl) => (Check::failed(ID, "dsc_revoked"), crl),
        Revocation::Stale(crl) => (Check::not_performed(ID, "revocation_list_stale"), crl),
        Revocation::Future(crl) => (Check::not_performed(ID, "revocation_list_future"), crl),
        Revocation::Clear(crl) => (Check::passed(ID), crl),
    };
    let next = crl.next_update.map(|t| format!(", next due {t}")).unwrap_or_default();
    let age = (now.0 - crl.this_update.0) / 86_400;
    check.with_detail(format!("list of {}, {age} days old{next}", crl.this_update))
}

/// Whether signer and issuer were valid then. What stands above them was asked to stand when it signed the link below
/// it; that it has ended since proves nothing.
fn valid_then(signer: &Certificate, path: &[Entry], time: UnixTime) -> Check {
    const ID: &str = "dsc_validity";
    match validity(signer, time) {
        Validity::Expired => return Check::failed(ID, "dsc_expired"),
        Validity::NotYet => return Check::failed(ID, "dsc_not_yet_valid"),
        Validity::Valid => {}
    }
    let mut below = None::<&Certificate>;
    for entry in path {
        let certificate = &entry.certificate;
        let reason = match validity(certificate, time) {
            Validity::Valid => None,
            Validity::Expired => Some("csca_expired"),
            Validity::NotYet => Some("csca_not_yet_valid"),
        };
        match (reason, below) {
            (Some(reason), None) => return Check::failed(ID, reason),
            (Some(reason), Some(link)) if validity(certificate, link.not_before) != Validity::Valid => {
                return Check::not_performed(ID, reason);
            }
            _ => {}
        }
        below = Some(certificate);
    }
    Check::passed(ID)
}
