//! The way in without a chip, as a profile says it.

use super::{Accept, Fault, Profile};
use crate::source::Paper;
use serde::{Deserialize, Serialize};
use verdict::{Admission, Rung};

/// How somebody comes in whose chip cannot be read, or who has none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WithoutChip {
    /// Papers that are taken; every kind where it does not say.
    pub papers: Option<Vec<Paper>>,
    /// A second member of staff approves: money or an examination hangs on it.
    pub second: bool,
    /// Why nobody comes in without a chip, where nobody does.
    pub why_not_vi: String,
    /// The same in English.
    pub why_not_en: String,
}

impl Profile {
    /// How somebody comes in without a chip.
    #[must_use]
    pub fn without_chip(&self) -> WithoutChip {
        self.without_chip.as_ref().map(|rules| rules.get_ref().clone()).unwrap_or_default()
    }

    /// What does not fit together of the way in without a chip.
    pub(super) fn fault_without_chip(&self) -> Option<Fault> {
        let table = self.without_chip.as_ref()?;
        let (rules, terms) = (table.get_ref(), self.terms());
        let goes_on = |rung| !matches!(terms.assured(rung, false), Admission::Refused(_) | Admission::AskStaff(_));
        let fault = |why: &str, remedy| Some((table.span(), why.to_owned(), remedy));
        match (self.accepts(Accept::Typed), rules.why_not_vi.is_empty()) {
            (true, false) => fault("it says why nobody comes in without a chip, and takes them", "leave why_not out"),
            (false, true) => fault("nobody comes in without a chip, and it does not say why", "say it in why_not_vi"),
            _ if rules.second && (goes_on(Rung::Shown) || goes_on(Rung::Claimed)) => fault(
                "a second one approves what nobody of staff answers for",
                "let shown and claimed be staff or refuse",
            ),
            _ => None,
        }
    }
}
