//! Checks and the decision over them. A verdict is a lattice: each check passed, failed or was not performed
//! for a stated reason, and only the policy turns them into one word.

use serde::{Deserialize, Serialize};

/// The result of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The check was made and holds.
    Passed,
    /// The check was made and does not hold.
    Failed,
    /// The check was made; what it found is noted and accuses nobody.
    Remark,
    /// The check could not be made; the reason says why.
    NotPerformed,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Stable identifier, for example `sod_signature` or `dg_hash.2`.
    pub id: String,
    /// The result.
    pub outcome: Outcome,
    /// Stable reason code; always there unless the check passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// More for a person: algorithm, name of a certificate. No personal data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Check {
    /// A check that holds.
    #[must_use]
    pub fn passed(id: impl Into<String>) -> Self {
        Self { id: id.into(), outcome: Outcome::Passed, reason: None, detail: None }
    }

    /// A check that does not hold.
    #[must_use]
    pub fn failed(id: impl Into<String>, reason: &str) -> Self {
        Self { id: id.into(), outcome: Outcome::Failed, reason: Some(reason.to_owned()), detail: None }
    }

    /// A check whose finding is noted and accuses nobody: see [`Outcome::Remark`].
    #[must_use]
    pub fn remark(id: impl Into<String>, reason: &str) -> Self {
        Self { id: id.into(), outcome: Outcome::Remark, reason: Some(reason.to_owned()), detail: None }
    }

    /// A check that was not made.
    #[must_use]
    pub fn not_performed(id: impl Into<String>, reason: &str) -> Self {
        Self { id: id.into(), outcome: Outcome::NotPerformed, reason: Some(reason.to_owned()), detail: None }
    }

    /// The same with more for a person.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// The word that a policy makes of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Everything that the policy requires passed and nothing failed.
    Genuine,
    /// A check failed.
    NotGenuine,
    /// Nothing failed, but something required was not performed.
    Undecided,
}

/// What must have passed for a document to count as genuine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// A card was read: signature, chain, validity, the hash of every group read (EF.DG1 among them), and at
    /// least one proof that the chip is no copy.
    Card,
    /// Files without a chip: signature, chain, validity, and the hash of every group given.
    Files,
}

impl Policy {
    /// Decides over checks. Cross-checks and others that the policy does not name can only fail a document; a remark
    /// neither passes nor fails it.
    #[must_use]
    pub fn decide(self, checks: &[Check]) -> Decision {
        if checks.iter().any(|c| c.outcome == Outcome::Failed) {
            return Decision::NotGenuine;
        }
        let passed = |id: &str| checks.iter().any(|c| c.id == id && c.outcome == Outcome::Passed);
        let hashes = || checks.iter().filter(|c| c.id.starts_with("dg_hash."));
        let signed = ["sod_signature", "dsc_chain", "dsc_validity"].into_iter().all(passed)
            && hashes().all(|c| c.outcome == Outcome::Passed);
        let enough = match self {
            Self::Card => {
                passed("dg_hash.1")
                    && ["active_authentication", "chip_authentication", "pace_cam"].into_iter().any(passed)
            }
            Self::Files => true,
        };
        if signed && enough { Decision::Genuine } else { Decision::Undecided }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all_passed() -> Vec<Check> {
        ["sod_signature", "dsc_chain", "dsc_validity", "dg_hash.1", "dg_hash.2", "chip_authentication"]
            .map(Check::passed)
            .to_vec()
    }

    #[test]
    fn a_valid_signature_without_an_anchor_is_undecided() {
        let mut checks = all_passed();
        assert_eq!(Policy::Card.decide(&checks), Decision::Genuine);
        checks[1] = Check::not_performed("dsc_chain", "no_anchor");
        assert_eq!(Policy::Card.decide(&checks), Decision::Undecided);
    }

    #[test]
    fn without_a_clone_check_a_card_is_undecided() {
        let checks = &all_passed()[..5];
        assert_eq!(Policy::Card.decide(checks), Decision::Undecided);
        assert_eq!(Policy::Files.decide(checks), Decision::Genuine);
    }

    #[test]
    fn a_remark_beside_the_checks_changes_nothing() {
        let mut checks = all_passed();
        checks.push(Check::remark("dg1_dg13_name", "name_differs"));
        assert_eq!(Policy::Card.decide(&checks), Decision::Genuine);
        checks[1] = Check::not_performed("dsc_chain", "no_anchor");
        assert_eq!(Policy::Card.decide(&checks), Decision::Undecided);
    }

    proptest! {
        #[test]
        fn one_failure_is_never_outvoted(at in 0usize..6) {
            let mut checks = all_passed();
            checks[at] = Check::failed(checks[at].id.clone(), "test");
            prop_assert_eq!(Policy::Card.decide(&checks), Decision::NotGenuine);
        }

        #[test]
        fn one_check_less_is_never_genuine_unless_policy_allows(at in 0usize..4) {
            let mut checks = all_passed();
            checks.remove(at);
            prop_assert_eq!(Policy::Card.decide(&checks), Decision::Undecided);
        }
    }
}
