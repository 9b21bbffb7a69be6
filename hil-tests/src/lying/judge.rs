//! The product's judge over a scene, and judges that forget one thing each: a search that does not notice those would
//! notice nothing.

use super::Scene;
use cccd::document::Kind;
use cccd::judgement::{Judgement, Withdrawn};
use emrtd::{Check, Outcome};
use verdict::{Admission, Answers, Because, Chip, Consistency, Issuer, Validity, Word};
use visit::profile::Profile;

/// What a profile makes of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// What becomes of the visit.
    pub admission: Admission,
    /// The word on the screen.
    pub word: Word,
}

/// What the product makes of a scene under a profile: its terms, and after them its ledger, which counts nobody without
/// a number (`Site::admit`).
#[must_use]
pub fn judged(scene: &Scene, judgement: &Judgement, profile: &Profile) -> Verdict {
    let listed = judgement.clone().listed(scene.withdrawn(judgement));
    let accepted = profile.takes_document(judgement.kind, judgement.issuer());
    conclude(listed.answers, accepted, judgement.is_weak(), is_countable(judgement), profile)
}

/// A ledger counts citizens by their number, and anybody else by kind, state and number of the document.
fn is_countable(judgement: &Judgement) -> bool {
    judgement.kind != Kind::CitizenCard || judgement.number().is_some()
}

fn conclude(answers: Answers, accepted: bool, weak: bool, countable: bool, profile: &Profile) -> Verdict {
    let mut admission = profile.terms().admit(answers, accepted, weak);
    if profile.ledger().is_some() && !countable {
        admission = admission.and(Admission::Refused(Because::Assurance));
    }
    Verdict { admission, word: answers.word_where(accepted) }
}

/// What a judge forgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cripple {
    /// Which state signed.
    State,
    /// For which kinds an anchor or pin is.
    Scope,
    /// What the signer's certificate is for.
    Purpose,
    /// Whether the signer was in force.
    SignerValidity,
    /// Revocation.
    Revocation,
    /// The hashes of groups.
    Hashes,
    /// The signature.
    Signature,
    /// That groups are kept back.
    KeptBack,
    /// What was scanned.
    Number,
    /// The dates of the document.
    Dates,
    /// That dates are not certain.
    UnsureDates,
    /// The list of withdrawn cards.
    Withdrawn,
    /// That the keys of the chip must be bound.
    ChipBinding,
    /// That the key of PACE-CAM must be in EF.DG14.
    MappingBinding,
    /// That the channel must be the signed one.
    Channel,
    /// That a wrong answer is one of a copy.
    WrongAnswer,
    /// That a chip must prove itself at all.
    ChipProof,
    /// Which kind of document it is.
    Kind,
    /// How old its algorithms are.
    Strength,
    /// That an authority must be known.
    Authority,
}

impl Cripple {
    /// Every one.
    pub const ALL: [Self; 20] = [
        Self::State,
        Self::Scope,
        Self::Purpose,
        Self::SignerValidity,
        Self::Revocation,
        Self::Hashes,
        Self::Signature,
        Self::KeptBack,
        Self::Number,
        Self::Dates,
        Self::UnsureDates,
        Self::Withdrawn,
        Self::ChipBinding,
        Self::MappingBinding,
        Self::Channel,
        Self::WrongAnswer,
        Self::ChipProof,
        Self::Kind,
        Self::Strength,
        Self::Authority,
    ];

    /// The check that is taken for passed.
    const fn check(self) -> &'static str {
        match self {
            Self::State => "issuing_state",
            Self::Scope => "anchor_scope",
            Self::Purpose => "dsc_purpose",
            Self::SignerValidity => "dsc_validity",
            Self::Revocation => "dsc_revocation",
            Self::Hashes => "dg_hash.",
            Self::Signature => "sod_signature",
            Self::Authority => "dsc_chain",
            _ => "-",
        }
    }

    fn forgets(self, check: &Check) -> bool {
        check.id.starts_with(self.check()) || self == Self::Authority && check.id == "anchor_scope"
    }

    /// What this judge makes of a scene.
    #[must_use]
    pub fn judged(self, scene: &Scene, judgement: &Judgement, profile: &Profile) -> Verdict {
        let withdrawn = if self == Self::Withdrawn { Withdrawn::No } else { scene.withdrawn(judgement) };
        let mut answers = judgement.clone().listed(withdrawn).answers;
        (answers.issuer, answers.chip) = (self.issuer(judgement), self.chip(judgement));
        match (self, answers.validity) {
            (Self::Number, _) if answers.consistency == Consistency::OtherCard => {
                answers.consistency = Consistency::Remarks;
            }
            (Self::Dates, Validity::Expired | Validity::NotYet) | (Self::UnsureDates, Validity::Unknown) => {
                answers.validity = Validity::InDate;
            }
            _ => {}
        }
        let accepted = self == Self::Kind || profile.takes_document(judgement.kind, judgement.issuer());
        let countable = is_countable(judgement);
        conclude(answers, accepted, self != Self::Strength && judgement.is_weak(), countable, profile)
    }

    /// The issuer's answer from the checks, without the forgotten one.
    fn issuer(self, judgement: &Judgement) -> Issuer {
        let passive = &judgement.verification.passive;
        let mut asked = passive.checks.iter().filter(|check| !self.forgets(check));
        if asked.any(|check| check.outcome == Outcome::Failed) {
            return Issuer::Refuted;
        }
        let holds = |id: &str| {
            let mut of = passive.checks.iter().filter(|check| check.id == id);
            of.any(|check| check.outcome == Outcome::Passed || self.forgets(check))
        };
        let open = |check: &Check| check.id.starts_with("dg_hash.") && check.outcome == Outcome::NotPerformed;
        let unbound = passive.checks.iter().any(|check| open(check) && !self.forgets(check));
        let bound = passive.bound.contains(&1) || self == Self::Hashes;
        let missing = !judgement.verification.missing.is_empty() && self != Self::KeptBack;
        if !holds("sod_signature") || unbound || !bound || missing {
            return Issuer::Unchecked;
        }
        let all = ["dsc_chain", "dsc_validity", "dsc_purpose", "issuing_state", "anchor_scope"];
        let scoped = |id: &str| self == Self::Authority && id == "anchor_scope";
        let pinned = passive.checks.iter().any(|check| {
            check.id == "dsc_chain" && check.detail.as_deref().is_some_and(|detail| detail.starts_with("pinned"))
        });
        match all.into_iter().all(|id| holds(id) || scoped(id)) {
            true if pinned => Issuer::Pinned,
            true => Issuer::Vouched,
            false => Issuer::Unknown,
        }
    }

    /// The chip's answer likewise.
    fn chip(self, judgement: &Judgement) -> Chip {
        let passive = &judgement.verification.passive;
        let bound = |group| passive.bound.contains(&group) || self == Self::ChipBinding;
        let proofs = [("active_authentication", 15), ("chip_authentication", 14), ("pace_cam", 14)];
        let found = |id: &str| judgement.checks.iter().find(|check| check.id == id);
        let (mut copy, mut holds) = (false, self == Self::ChipProof);
        for (id, group) in proofs {
            let Some(check) = found(id) else { continue };
            let mapped = self == Self::MappingBinding && id == "pace_cam";
            match (check.outcome, check.code()) {
                (Outcome::Failed, _) => copy |= self != Self::WrongAnswer,
                (Outcome::Passed, _) => holds = true,
                (_, Some("key_not_bound")) => holds |= bound(group) || mapped,
                (_, Some("card_security_differs_from_dg14")) => holds |= mapped,
                _ => {}
            }
        }
        let disputed = found("card_access").is_some_and(|check| check.outcome == Outcome::Remark);
        match (copy, holds, disputed && self != Self::Channel) {
            (true, ..) => Chip::Copy,
            (_, true, false) => Chip::Proved,
            _ => Chip::Unproved,
        }
    }
}
