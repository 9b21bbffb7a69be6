//! VNeID, confirmed by a provider of electronic authentication (Nghị định 69/2024/NĐ-CP): the port, and what its answer becomes.
//!
//! Which providers are licensed, and how each is asked, is not public. So this is a port: who has a contract with one implements
//! [`Provider`], and nothing else changes. Until then VNeID is *shown*: a member of staff looks at the screen, and the rung is `shown`.
//!
//! A provider is asked with what the holder's telephone gave and with a challenge of this visit. It answers with whom it authenticated,
//! for that challenge, until a time. An answer to another challenge, one that is over, or one without a number confirms nobody.

use crate::content::{Assurance, Content};
use crate::profile::{Item, Profile};
use crate::source::{Paper, Source};
use cccd::number::Number;
use events::event::Bytes;
use program::{Failure, Private, Text};
use std::collections::BTreeMap;
use verdict::{Admission, Rung};

/// What the provider authenticated, and for which question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// The challenge that it was asked with.
    pub challenge: Bytes<32>,
    /// Seconds since 1970 after which it confirms nothing.
    pub until: i64,
    /// Of the holder, by the names of the field dictionary.
    pub items: BTreeMap<Item, Text>,
}

/// Somebody who may authenticate electronic identities.
pub trait Provider {
    /// Authenticates the holder of what a telephone gave. It verifies the provider's own signature before it answers.
    ///
    /// # Errors
    /// `vneid_refused` where the provider knows nobody by it, `vneid_away` where it does not answer.
    fn confirm(&self, presented: &Private, challenge: Bytes<32>) -> Result<Confirmed, Failure>;
}

fn refused(why: &str) -> Failure {
    let remedy = "have the holder open VNeID again, or look at another paper";
    Failure::usage("vneid_refused", format!("VNeID is not confirmed: {why}"), remedy)
}

/// Asks a provider, and makes of its answer what the profile takes; `now` is in seconds since 1970.
///
/// # Errors
/// Of the provider; `vneid_refused` when its answer is to another question, over, or names nobody; `assurance_too_low` when the profile
/// asks for more than a provider's word.
pub fn ask(
    provider: &dyn Provider,
    profile: &Profile,
    presented: &Private,
    challenge: Bytes<32>,
    now: i64,
) -> Result<Content, Failure> {
    let confirmed = provider.confirm(presented, challenge)?;
    if confirmed.challenge != challenge {
        return Err(refused("the answer is to another question"));
    }
    if now > confirmed.until {
        return Err(refused("the answer is over"));
    }
    let number = confirmed.items.get(&Item::IdNumber).and_then(|number| Number::parse(number.as_str()).ok());
    if number.is_none() {
        return Err(refused("the answer has no personal number"));
    }
    // The operator accepted who signed it, as with a document signer that is pinned; no chip proved anything.
    let admission = profile.terms().assured(Rung::Pinned, false);
    if matches!(admission, Admission::Refused(_)) {
        let remedy = "read the card";
        return Err(Failure::usage("assurance_too_low", "this use asks for more than a provider's word", remedy));
    }
    let items = confirmed.items.into_iter().filter(|(item, _)| profile.takes(*item) && *item != Item::Portrait);
    Ok(Content {
        source: Source::Vneid,
        assurance: Some(Assurance {
            rung: Rung::Pinned,
            word: Rung::Pinned.into(),
            ..Assurance::without_chip(Some(Paper::Vneid), admission)
        }),
        items: items.collect(),
        ..Content::default()
    })
}

/// A provider for tests and practice: it knows one holder by one text. It is not told apart from a real one by anything that follows.
#[derive(Debug, Clone)]
pub struct TestProvider {
    /// What the holder presents.
    pub presents: Private,
    /// Who that is.
    pub items: BTreeMap<Item, Text>,
    /// Until when it confirms them.
    pub until: i64,
}

impl Provider for TestProvider {
    fn confirm(&self, presented: &Private, challenge: Bytes<32>) -> Result<Confirmed, Failure> {
        if presented.0 != self.presents.0 {
            return Err(refused("the provider knows nobody by this"));
        }
        Ok(Confirmed { challenge, until: self.until, items: self.items.clone() })
    }
}
