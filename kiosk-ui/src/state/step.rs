//! What the steps of a visit show.

use crate::judged::{Texts, Then};
use crate::text::{Language, Phrase};
use zeroize::Zeroizing;

/// What somebody is asked to agree to: all of it is of the profile, so that it cannot say another thing than what is done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Consent {
    /// The profile's purpose in both languages.
    pub purpose: Texts,
    /// What is taken of the holder, in the order in which people read it; empty where nothing is.
    pub takes: Vec<Texts>,
    /// Who receives it.
    pub recipients: Vec<Texts>,
    /// For how many days the device keeps what it takes; `None` where it keeps nothing.
    pub keeps: Option<u32>,
    /// A code came already. Nothing is done with it before they agree.
    pub scanned: bool,
}

/// What became of a call for staff. Nothing is claimed that nobody has acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Help {
    /// It is under way.
    Calling,
    /// Whoever is to hear it has it.
    Received,
    /// Somebody comes: who, as the site calls them.
    Taken(String),
    /// Nobody hears calls here: this is where staff is, as the site calls it.
    At(Option<String>),
}

/// How it stands with a number in the queue, as the counter said it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Queue {
    /// How many are before it.
    pub ahead: u32,
    /// About how long it takes; `None` where there is no ground to say so.
    pub minutes: Option<u32>,
    /// Where that can be looked at later, shown as a QR code.
    pub link: Option<String>,
}

impl Queue {
    /// What is said of it.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        let phrase = match (self.ahead, self.minutes) {
            (0, _) => Phrase::QueueNext,
            (_, None) => Phrase::QueueAhead,
            (_, Some(_)) => Phrase::QueueAbout,
        };
        let minutes = self.minutes.unwrap_or_default().to_string();
        phrase.text(language).replace("{ahead}", &self.ahead.to_string()).replace("{minutes}", &minutes)
    }
}

/// What was filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// What was asked, and the answer.
    pub rows: Vec<(Texts, Answer)>,
    /// What the main button leads to.
    pub then: Then,
}

/// An answer, in Vietnamese and English. It may be personal: wiped when dropped, in no `Debug` output.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer(pub Zeroizing<String>, pub Zeroizing<String>);

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answer")
    }
}

/// Where something is, seen from the glass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Side {
    Above,
    Below,
    Left,
    Right,
}

impl Side {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Above, Self::Below, Self::Left, Self::Right];
}
