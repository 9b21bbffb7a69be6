//! Somebody whose chip cannot be read, or who has none: which way in a profile has for them, and who of staff answers for it.
//!
//! The profile says it in one place: `accept = ["typed"]` opens the way, `[without_chip]` says which papers are taken and whether a second
//! member of staff approves, `[assurance]` what a paper (`shown`) or a word (`claimed`) is worth. Where there is no way, the profile says
//! why, in words that are told to people.

use crate::content::{Assurance, Content};
use crate::profile::{Accept, Item, Profile};
use crate::source::{Paper, Source};
use program::Text;
use std::collections::BTreeMap;
use verdict::{Admission, Because, Rung};

/// A second member of staff has to approve, and nobody else is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondNeeded;

/// A way in without a chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// How much is assured.
    pub rung: Rung,
    /// What the profile makes of it; never [`Admission::Refused`].
    pub admission: Admission,
    /// Whether a second member of staff has to approve.
    pub second: bool,
}

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoWay {
    /// The profile takes nobody without a chip.
    NotTaken,
    /// It does not take this paper.
    Paper(Paper),
    /// It asks for more than this.
    TooLittle(Rung),
}

/// The way in for somebody of whom staff saw this, or nothing.
///
/// # Errors
/// Why there is none.
pub fn way(profile: &Profile, seen: Option<Paper>) -> Result<Way, NoWay> {
    if !profile.accepts(Accept::Typed) {
        return Err(NoWay::NotTaken);
    }
    let rules = profile.without_chip();
    let is_taken = |paper: &Paper| rules.papers.as_ref().is_none_or(|papers| papers.contains(paper));
    if let Some(paper) = seen.filter(|paper| !is_taken(paper)) {
        return Err(NoWay::Paper(paper));
    }
    let rung = if seen.is_some() { Rung::Shown } else { Rung::Claimed };
    match profile.terms().assured(rung, false) {
        Admission::Refused(_) => Err(NoWay::TooLittle(rung)),
        admission => Ok(Way { rung, admission, second: rules.second }),
    }
}

impl Way {
    /// Whether a member of staff has to answer for it.
    #[must_use]
    pub const fn asks_staff(&self) -> bool {
        matches!(self.admission, Admission::AskStaff(_)) || self.second
    }

    /// Who approves beside whoever is on duty, where two have to: somebody who is named, and somebody else. Nobody where one is enough.
    ///
    /// # Errors
    /// Nobody is named, or it is the same person.
    pub fn approver<'a>(&self, on_duty: &str, named: Option<&'a str>) -> Result<Option<&'a str>, SecondNeeded> {
        if !self.second {
            return Ok(None);
        }
        named.map(str::trim).filter(|named| !named.is_empty() && *named != on_duty).map(Some).ok_or(SecondNeeded)
    }

    /// What is known of somebody who comes in by it. Who of staff answers for them is added by whoever knows them.
    #[must_use]
    pub fn content(
        &self,
        seen: Option<Paper>,
        items: BTreeMap<Item, Text>,
        answers: BTreeMap<String, Text>,
    ) -> Content {
        // A passport or resident's card is told apart by its state, too; a paper of nobody knows which state is nobody who showed a chip.
        let state = items.get(&Item::Nationality).map(|state| state.as_str());
        let state =
            state.filter(|state| (1..=3).contains(&state.len()) && state.bytes().all(|b| b.is_ascii_uppercase()));
        let has_state = matches!(seen, Some(Paper::Passport | Paper::ResidenceCard));
        Content {
            source: Source::without_chip(seen),
            issuer: state.filter(|_| has_state).unwrap_or_default().to_owned(),
            assurance: Some(Assurance::without_chip(seen, self.admission)),
            items,
            answers,
            ..Content::default()
        }
    }
}

/// What must be right of a number that is typed in: where people are known by it, it is that of a person, and another paper's number stands
/// under its own name.
#[must_use]
pub fn is_number(profile: &Profile, item: Item, text: &str) -> bool {
    let counted = profile.roster().is_some() || profile.ledger().is_some();
    item != Item::IdNumber || !counted || cccd::number::Number::parse(text.trim()).is_ok()
}

impl From<NoWay> for Because {
    fn from(no: NoWay) -> Self {
        match no {
            NoWay::NotTaken | NoWay::TooLittle(_) => Self::Assurance,
            NoWay::Paper(_) => Self::OtherDocument,
        }
    }
}
