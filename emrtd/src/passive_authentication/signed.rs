//! The questions of passive authentication, asked of something else that a signer below a CSCA signed.

use super::{Facts, Judged, PassiveAuthentication};
use crate::cms::{Deviation, Severity};
use crate::trust::TrustStore;
use crate::verdict::{Check, Outcome};
use crate::x509::{Certificate, Purpose, UnixTime};
use ::verdict::Issuer;

/// What was signed, and by whom.
#[derive(Debug)]
pub(crate) struct Signed {
    /// Whether the signature is right.
    pub(crate) signature: Check,
    /// The certificate under which it was checked.
    pub(crate) signer: Option<Certificate>,
    /// What that must be for.
    pub(crate) purpose: Purpose,
    /// When it was signed, if it says so.
    pub(crate) time: Option<UnixTime>,
    /// What it says of itself. The signature covers all of it.
    pub(crate) facts: Facts,
    /// Whether it says what it must.
    pub(crate) content: Check,
}

impl PassiveAuthentication {
    /// Judges it by the rules for documents.
    pub(crate) fn of_signed(signed: Signed, trust: &TrustStore, at: Option<UnixTime>, now: UnixTime) -> Self {
        let Signed { signature, signer, purpose, time, facts, content } = signed;
        let right = signature.outcome == Outcome::Passed;
        let complete = content.outcome != Outcome::NotPerformed;
        let mut result = Self { checks: vec![signature], document_signer: signer, ..Self::default() };
        let signing_time = time.filter(|time| *time <= now);
        result.deviations.extend((signing_time != time).then_some(Deviation::SigningTimeFuture));
        let judged = Judged { path: result.chain(trust), signing_time, at, now, purpose };
        result.revocation(trust, &judged);
        result.strength(&judged);
        result.conclude(&judged, facts);
        result.checks.push(content);
        result.issuer = if result.checks.iter().any(|check| check.outcome == Outcome::Failed) {
            Issuer::Refuted
        } else if right && complete {
            result.vouched(&judged).unwrap_or(Issuer::Unknown)
        } else {
            Issuer::Unchecked
        };
        result.signed = right && result.issuer != Issuer::Refuted;
        result.trusted = matches!(result.issuer, Issuer::Vouched | Issuer::Pinned);
        result.weak = result.deviations.iter().any(|deviation| deviation.severity() != Severity::Form);
        result
    }
}
