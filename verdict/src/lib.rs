//! What is said of a document and its holder: five answers, one word over them, and how much is assured.
//!
//! A judgement answers five questions, each by itself. [`Answers::word`] is the only place that turns them into a
//! word, [`Answers::rung`] the only one that says how much is assured, and [`Terms::admit`] the only one that decides
//! what a use of the card makes of both. `docs/verdict.md` shows the same three tables; a test compares every
//! combination with that page.
//!
//! | file | content |
//! |---|---|
//! | `lib.rs` | the five answers, and their codes |
//! | `word.rs` | the table from answers to word and rung |
//! | `terms.rs` | what a profile asks for, and what becomes of a word and a rung under it |
//!
//! Nothing here reads a card. `emrtd` answers the first two questions, `cccd` the next two, whoever compares the face
//! the last.
//!
//! # Example
//!
//! ```
//! use verdict::{Answers, Chip, Issuer, Rung, Word};
//!
//! let answers = Answers::of_chip(Issuer::Vouched, Chip::Proved);
//! assert_eq!((answers.word(), answers.rung()), (Word::Proved, Some(Rung::Proved)));
//!
//! // A copy is one, whoever signed what is on it.
//! let copy = Answers { chip: Chip::Copy, ..answers };
//! assert_eq!((copy.word(), copy.rung()), (Word::NotGenuine, None));
//! ```

mod terms;
mod word;

pub use terms::{Admission, Because, Below, Strength, Terms, WhenOver};
pub use word::{Rung, Word};

use serde::{Deserialize, Serialize};

/// A closed set of words, each with its code: in JSON, events, profiles and documents alike.
macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $code:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $code)] $variant),*
        }

        impl $name {
            /// Every one.
            pub const ALL: [Self; [$($code),*].len()] = [$(Self::$variant),*];

            /// Its stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// The one with this code.
            #[must_use]
            pub fn find(code: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|one| one.code() == code)
            }
        }
    };
}
pub(crate) use codes;

codes! {
    /// Who signed the document?
    Issuer {
        /// An authority that may sign this kind of document for this state, to an anchor in whose scope it lies.
        Vouched = "vouched",
        /// A document signer that the operator accepted by itself, for this kind of document.
        Pinned = "pinned",
        /// Signature and hashes are right, and nobody here vouches for the signer.
        Unknown = "unknown",
        /// Signature or hashes could not be checked, or something that they cover is not there.
        Unchecked = "unchecked",
        /// Shown to be wrong: a signature, a hash, the chain.
        Refuted = "refuted",
    }
}

codes! {
    /// Is the chip the one that was issued?
    Chip {
        /// It proved that it is no copy, under a key that the signed data bind.
        Proved = "proved",
        /// It proved nothing.
        Unproved = "unproved",
        /// It answered in full, and wrongly: a copy.
        Copy = "copy",
    }
}

codes! {
    /// Is the document in force?
    Validity {
        /// In date.
        InDate = "in_date",
        /// After its date of expiry.
        Expired = "expired",
        /// Before its date of issue.
        NotYet = "not_yet",
        /// On the list of withdrawn and lost documents.
        Withdrawn = "withdrawn",
        /// Its dates, or today's, are not certain.
        Unknown = "unknown",
    }
}

codes! {
    /// Do the parts of the document agree, and what was scanned with it?
    Consistency {
        /// Whatever could be compared agrees.
        Agrees = "agrees",
        /// Something differs that accuses nobody.
        Remarks = "remarks",
        /// The number that was scanned, typed or listed is not that of the chip, or the chip has none.
        OtherCard = "other_card",
    }
}

codes! {
    /// Is the holder the person to whom the document was issued?
    Holder {
        /// Nobody compared.
        NotCompared = "not_compared",
        /// A member of staff compared face and portrait.
        ByStaff = "by_staff",
        /// A machine did.
        ByMachine = "by_machine",
        /// They were compared, and differ.
        Differs = "differs",
    }
}

/// Nothing is known before something is.
impl Default for Issuer {
    fn default() -> Self {
        Self::Unchecked
    }
}

/// Nothing is proved before something is.
impl Default for Chip {
    fn default() -> Self {
        Self::Unproved
    }
}

/// The five answers. They stand in the order in which a signed event has them: shorter keys first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// Is the chip the one that was issued?
    pub chip: Chip,
    /// Is the holder the right person?
    pub holder: Holder,
    /// Who signed the document?
    pub issuer: Issuer,
    /// Is the document in force?
    pub validity: Validity,
    /// Do its parts agree?
    pub consistency: Consistency,
}

impl Answers {
    /// What issuer and chip alone say, when nothing else was asked: for checks of the chip protocols by themselves.
    #[must_use]
    pub const fn of_chip(issuer: Issuer, chip: Chip) -> Self {
        Self { issuer, chip, validity: Validity::InDate, consistency: Consistency::Agrees, holder: Holder::NotCompared }
    }

    /// Every combination there is.
    pub fn all() -> impl Iterator<Item = Self> {
        Issuer::ALL.into_iter().flat_map(|issuer| {
            Chip::ALL.into_iter().flat_map(move |chip| {
                Validity::ALL.into_iter().flat_map(move |validity| {
                    Consistency::ALL.into_iter().flat_map(move |consistency| {
                        Holder::ALL.map(|holder| Self { issuer, chip, validity, consistency, holder })
                    })
                })
            })
        })
    }
}
