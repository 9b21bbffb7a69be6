//! The one set of words over a card, for every surface: kiosk, desk, paper and speech.
//!
//! Each [`Word`] has a title, a short name, what staff and citizens are told, what each does next, one shape and one
//! colour. `docs/verdict.md` says when a word is said; here is only how. Green and teal are for the two upper rungs
//! only. Nobody is accused: what fails is the card.
//!
//! | file | content |
//! |---|---|
//! | `mod.rs` | what is said when: the visit's course, reasons, rungs |
//! | `table.rs` | the texts |
//! | `tone.rs` | colours and shapes |
//! | `export.rs` | the same for what is not Rust: the desk's page |

mod export;
mod table;
mod tone;

pub use export::{ReasonRow, RungRow, Table, ToneRow, WordRow, spoken, table};
pub use table::{of, of_reason, of_rung};
pub use tone::{Edge, Shades, Tone};

use crate::icon::Icon;
use crate::text::Language;
use serde::Serialize;
use verdict::{Admission, Word};

/// A text in both languages. `{desk}` stands for where staff is; see [`with_desk`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// Vietnamese.
    pub vi: &'static str,
    /// English.
    pub en: &'static str,
}

impl Pair {
    /// The text in a language.
    #[must_use]
    pub const fn text(self, language: Language) -> &'static str {
        match language {
            Language::Vietnamese => self.vi,
            Language::English => self.en,
        }
    }

    /// Both, Vietnamese first.
    #[must_use]
    pub fn both(self) -> String {
        format!("{} / {}", self.vi, self.en)
    }
}

/// What is said, and what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// What is certain, and what is not.
    pub says: Pair,
    /// What to do. To citizens: where the visit does not go on here.
    pub next: Pair,
}

/// Everything that is said with a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// The word itself.
    pub title: Pair,
    /// The same where there is little room.
    pub chip: Pair,
    /// To whoever sits at the desk.
    pub staff: Advice,
    /// The one act that the desk offers, and its key.
    pub act: (Pair, &'static str),
    /// To whoever stands at the kiosk.
    pub citizen: Advice,
    /// The shape.
    pub icon: Icon,
    /// What is around it.
    pub edge: Edge,
    /// The colour.
    pub tone: Tone,
}

/// Where staff is, at a site that gives the place no name.
pub const DESK: Pair = Pair { vi: "quầy hỗ trợ", en: "the help desk" };

/// What a person is told of the visit.
#[must_use]
pub const fn course(word: Word, admission: Admission) -> Pair {
    match admission {
        Admission::GoesOn => Pair { vi: "Mời Quý khách tiếp tục.", en: "Please go on." },
        Admission::Marked(_) => {
            Pair { vi: "Quý khách vẫn tiếp tục được.", en: "You can go on all the same." }
        }
        Admission::AskStaff(_) => {
            Pair { vi: "Nhân viên cần xem thẻ trước.", en: "Staff has to see your card first." }
        }
        Admission::Refused(_) => of(word).citizen.next,
    }
}

/// A text with the name of the place where staff is.
#[must_use]
pub fn with_desk(text: Pair, language: Language, desk: Option<&str>) -> String {
    text.text(language).replace("{desk}", desk.unwrap_or_else(|| DESK.text(language)))
}

#[cfg(test)]
mod tests;
