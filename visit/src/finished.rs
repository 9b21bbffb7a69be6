//! What a visit gives to its site, and what it gets back.

use crate::content::Content;
use crate::steps::Refusal;
use emrtd::{Entropy as _, SystemEntropy};
use events::event::Bytes;
use program::{Failure, Private};

/// A random identifier.
///
/// # Errors
/// When the kernel's random source fails.
pub fn random_id() -> Result<Bytes<16>, Failure> {
    let mut id = [0; 16];
    SystemEntropy
        .fill(&mut id)
        .map_err(|e| Failure::device("no_entropy", e.to_string(), "check the kernel's random source"))?;
    Ok(Bytes(id))
}

program::closed_set! {
    /// How a holder agreed.
    pub enum ConsentAct {
        /// They touched "I agree".
        Touch = "touch",
        /// They told a member of staff.
        ToldStaff = "told_staff",
        /// An app asked them.
        App = "app",
    }
}

/// A holder's consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// How.
    pub act: ConsentAct,
    /// `vi` or `en`.
    pub language: &'static str,
}

/// Somebody whose visit ends well.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The visit.
    pub visit: Bytes<16>,
    /// Position of the event of the verdict; 0 where no chip was read.
    pub sequence: u64,
    /// What is known of them, answers included.
    pub content: Content,
    /// The party that they belong to.
    pub party: Option<String>,
}

/// What was kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Identifier of the visit.
    pub id: String,
    /// The number of the ticket or receipt, if there is one.
    pub number: Option<String>,
    /// Where people with a ticket go.
    pub place: Option<String>,
    /// The lines of a receipt or page.
    pub lines: Vec<Private>,
    /// Whether the visit is marked: whoever serves its holder looks at the card again.
    pub look_again: bool,
    /// When.
    pub at: i64,
}

/// What became of a visit that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Keeping<T> {
    /// It is on disk, with all that follows from it.
    Kept(T),
    /// It must not be: the ledger says no, because somebody else was first. Nothing is on disk.
    TooLate(Refusal),
}

impl<T> Keeping<T> {
    /// What was kept, if it was.
    pub fn kept(self) -> Option<T> {
        match self {
            Self::Kept(kept) => Some(kept),
            Self::TooLate(_) => None,
        }
    }
}
