//! The checks. Each passed, failed, is a remark or was not performed, the last three for a stated reason.
//!
//! A failed check is a proof against the document or the chip, and nothing else fails: what is missing, refused, short
//! or odd accuses nobody. What the checks amount to is said by the answers ([`crate::evidence::Verification::answers`]),
//! which are computed from what was found, never from the identifiers here.

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
#[non_exhaustive]
pub struct Check {
    /// Stable identifier, for example `sod_signature` or `dg_hash.2`.
    pub id: String,
    /// The result.
    pub outcome: Outcome,
    /// Stable reason code; always there unless the check passed. Where the chip's own word matters it follows the code
    /// behind a colon, as four hexadecimal digits: `chip_refused:6985`.
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

    /// A check that was made, and found what accuses nobody.
    #[must_use]
    pub fn remark(id: impl Into<String>, reason: &str) -> Self {
        Self { id: id.into(), outcome: Outcome::Remark, reason: Some(reason.to_owned()), detail: None }
    }

    /// A check that was not made.
    #[must_use]
    pub fn not_performed(id: impl Into<String>, reason: &str) -> Self {
        Self { id: id.into(), outcome: Outcome::NotPerformed, reason: Some(reason.to_owned()), detail: None }
    }

    /// The reason without what the chip said: what texts and translations are looked up by.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.reason.as_deref().map(|reason| reason.split(':').next().unwrap_or(reason))
    }

    /// The same with more for a person.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}
