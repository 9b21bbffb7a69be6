//! The words as plain lists, for what is not Rust: the desk's page is made from them.

use super::{Advice, Edge, Pair, Shades, Tone, of, of_reason, of_rung};
use serde::Serialize;
use verdict::{Because, Rung, Word};

/// Everything that is said of a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Every word.
    pub words: Vec<WordRow>,
    /// Why a visit does not simply go on.
    pub reasons: Vec<ReasonRow>,
    /// The ladder, from below.
    pub rungs: Vec<RungRow>,
    /// The colours.
    pub tones: Vec<ToneRow>,
}

/// A word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WordRow {
    /// Its code.
    pub word: Word,
    /// Whether it may be green or teal.
    pub green: bool,
    /// The word as people read it.
    pub title: Pair,
    /// The same where there is little room.
    pub chip: Pair,
    /// To staff.
    pub staff: Advice,
    /// What the desk offers.
    pub act: Pair,
    /// The key for it.
    pub key: &'static str,
    /// To citizens; `{desk}` stands for where staff is.
    pub citizen: Advice,
    /// The shape's name.
    pub icon: String,
    /// The shape as SVG path data in a box of 24 by 24.
    pub path: &'static str,
    /// What is around it.
    pub edge: Edge,
    /// Its colour.
    pub tone: Tone,
}

/// A reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReasonRow {
    /// Its code.
    pub because: Because,
    /// A sentence.
    pub text: Pair,
}

/// A rung.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RungRow {
    /// Its code.
    pub rung: Rung,
    /// From 1 to 5.
    pub level: u8,
    /// What it is called.
    pub name: Pair,
    /// What is assured on it.
    pub assured: Pair,
}

/// A colour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToneRow {
    /// Which.
    pub tone: Tone,
    /// Ink and ground where it is light, as `#rrggbb`.
    pub light: [String; 2],
    /// The same where it is dark.
    pub dark: [String; 2],
}

/// Everything that is said of a card.
#[must_use]
pub fn table() -> Table {
    let hex = |shades: Shades| [shades.ink, shades.ground].map(|color| format!("#{:06x}", color.0));
    let word = |word: Word| {
        let said = of(word);
        WordRow {
            word,
            green: word.is_green(),
            title: said.title,
            chip: said.chip,
            staff: said.staff,
            act: said.act.0,
            key: said.act.1,
            citizen: said.citizen,
            icon: format!("{:?}", said.icon),
            path: said.icon.path().0,
            edge: said.edge,
            tone: said.tone,
        }
    };
    let rung = |rung: Rung| RungRow { rung, level: rung.level(), name: of(rung.into()).chip, assured: of_rung(rung) };
    Table {
        words: Word::ALL.into_iter().map(word).collect(),
        reasons: Because::ALL.map(|because| ReasonRow { because, text: of_reason(because) }).to_vec(),
        rungs: Rung::ALL.into_iter().map(rung).collect(),
        tones: Tone::ALL.map(|tone| ToneRow { tone, light: hex(tone.light()), dark: hex(tone.dark()) }).to_vec(),
    }
}

/// What a kiosk says of a card, with the names that recordings of it have. What names a desk has no recording.
pub fn spoken() -> impl Iterator<Item = (String, Pair)> {
    let of_word = |word: Word| {
        let said = of(word);
        let named = |part: &str, text| (format!("{}.{part}", word.code()), text);
        [named("title", said.title), named("says", said.citizen.says), named("next", said.citizen.next)]
    };
    let reason = |because: Because| (format!("because.{}", because.code()), of_reason(because));
    let all = Word::ALL.into_iter().flat_map(of_word).chain(Because::ALL.into_iter().map(reason));
    all.filter(|(_, text)| !text.vi.contains("{desk}"))
}
