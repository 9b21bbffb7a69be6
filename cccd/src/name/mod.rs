//! The one folding of names in the product: whoever compares or looks up a name does it here.
//!
//! A name is written in many ways that are one name. What is folded:
//!
//! | what | for example |
//! |---|---|
//! | composed and decomposed letters, case | `Ễ`, `E` + `◌̂` + `◌̃`, `ễ` |
//! | the three letters that look like Đ | U+0110, U+00D0, U+0189 |
//! | the place of the tone mark | `Hòa`, `Hoà` |
//! | `y` for `i` alone at the end of a syllable | `Mỹ`, `Mĩ`; `Quý`, `Quí`; not `Thúy`, `Thúi` |
//! | apostrophes, and what stands around them | `H'Hen`, `H’Hen`, `H' Hen`, `H Hen` |
//! | hyphens, spaces of all kinds, what nobody sees | `Mỹ-Linh`, `Mỹ  Linh` |
//!
//! Nothing else is: names that differ in another letter are different names. Two marked names that differ in a mark
//! are different, too (Hoa, Hòa); only where one side has no marks at all are they taken for lost.
//!
//! | file | content |
//! |---|---|
//! | `mod.rs` | folded names, and text against text |
//! | `letters.rs` | from text to folded letters |
//! | `mrz.rs` | text against an MRZ, which may cut and shorten |

mod letters;
mod mrz;

use letters::{Break, Letter, fold};
use std::cmp::Ordering;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use zeroize::{Zeroize, Zeroizing};

/// How alike two names are, the closest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Likeness {
    /// One name, at most spelled in two ways.
    Same,
    /// The same but for marks that one side does not have at all: `Nguyen Van An`, `Nguyễn Văn An`.
    SameWithoutMarks,
    /// An MRZ that is too short for the name, and cuts or shortens it as ICAO 9303-4, -5 and -6, 4.2.3, allow.
    Cut,
    /// The same words in another order.
    OtherOrder,
    /// Another name.
    Differs,
}

impl Likeness {
    /// Every one, the closest first.
    pub const ALL: [Self; 5] = [Self::Same, Self::SameWithoutMarks, Self::Cut, Self::OtherOrder, Self::Differs];

    /// The stable reason code of a check with this result; nothing for [`Likeness::Same`].
    #[must_use]
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Same => None,
            Self::SameWithoutMarks => Some("name_without_marks"),
            Self::Cut => Some("name_cut"),
            Self::OtherOrder => Some("name_other_order"),
            Self::Differs => Some("name_differs"),
        }
    }
}

/// A folded name. Personal data: `Debug` hides it, and it is wiped when dropped.
#[derive(Clone)]
pub struct Folded(Vec<Letter>);

impl Drop for Folded {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Folded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Folded(…)")
    }
}

impl From<&str> for Folded {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl Folded {
    /// Folds any text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(fold(text))
    }

    /// Whether no letter is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The folded form with its marks: lower case, NFC, one space between words. A key, not for people to read.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(self.0.len() * 6));
        for letter in &self.0 {
            match letter.before {
                Break::None => {}
                Break::Apostrophe => text.push('\''),
                Break::Gap => text.push(' '),
            }
            letter.write(&mut text);
        }
        Zeroizing::new(text.nfc().collect())
    }

    /// Plain lower-case letters with one space between words. A key, not for people to read.
    #[must_use]
    pub fn plain(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(self.0.len() * 4));
        for letter in &self.0 {
            if letter.before == Break::Gap {
                text.push(' ');
            }
            text.push(letter.plain());
        }
        text
    }

    /// As [`Folded::plain`], with every `y` as `i`: for looking for a part of a name, where `quy` is to find Quỳnh and
    /// Quí alike. It takes more names for one than [`Folded::compare`] does, so it never decides whether two are.
    #[must_use]
    pub fn search(&self) -> Zeroizing<String> {
        Zeroizing::new(self.plain().replace('y', "i"))
    }

    /// Compares two names as text. Symmetric.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Likeness {
        let marks = self.is_marked() && other.is_marked();
        if self.equals(other, true) {
            Likeness::Same
        } else if !marks && self.equals(other, false) {
            Likeness::SameWithoutMarks
        } else if self.equals_unordered(other, marks) {
            Likeness::OtherOrder
        } else {
            Likeness::Differs
        }
    }

    fn is_marked(&self) -> bool {
        self.0.iter().any(|letter| letter.is_marked())
    }

    fn equals(&self, other: &Self, marks: bool) -> bool {
        let breaks = |a: Break, b: Break| a == b || a == Break::Apostrophe || b == Break::Apostrophe;
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|(a, b)| a.equals(*b, marks) && breaks(a.before, b.before))
    }

    fn equals_unordered(&self, other: &Self, marks: bool) -> bool {
        [false, true].into_iter().any(|apart| {
            [false, true].into_iter().any(|other_apart| {
                let (a, b) = (self.sorted(apart, marks), other.sorted(other_apart, marks));
                a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| order_words(a, b, marks).is_eq())
            })
        })
    }

    fn sorted(&self, apart: bool, marks: bool) -> Vec<&[Letter]> {
        let mut words = words(&self.0, apart);
        words.sort_unstable_by(|a, b| order_words(a, b, marks));
        words
    }
}

/// Compares two names as text: see [`Folded::compare`].
#[must_use]
pub fn compare(a: &str, b: &str) -> Likeness {
    Folded::new(a).compare(&Folded::new(b))
}

/// A text for people with its letters bare: case, signs and spaces stay, `Đ` and what looks like it become `D`. For
/// keyboards, printers and files that have no marks; never for comparing.
#[must_use]
pub fn without_marks(text: &str) -> Zeroizing<String> {
    let bare = text.nfd().filter(|c| !is_combining_mark(*c)).map(|c| match c {
        'Đ' | 'Ð' | '\u{189}' => 'D',
        'đ' | 'ð' | '\u{256}' => 'd',
        c => c,
    });
    Zeroizing::new(bare.collect())
}

/// The words of a name; `apart` says whether an apostrophe parts two.
fn words(letters: &[Letter], apart: bool) -> Vec<&[Letter]> {
    letters
        .chunk_by(|_, next| match next.before {
            Break::None => true,
            Break::Apostrophe => !apart,
            Break::Gap => false,
        })
        .collect()
}

fn order(a: Letter, b: Letter, marks: bool) -> Ordering {
    let plain = a.plain().cmp(&b.plain());
    if marks { plain.then_with(|| a.marks.cmp(&b.marks)) } else { plain }
}

fn order_words(a: &[Letter], b: &[Letter], marks: bool) -> Ordering {
    let letters = a.iter().zip(b).map(|(a, b)| order(*a, *b, marks));
    letters.fold(Ordering::Equal, Ordering::then).then(a.len().cmp(&b.len()))
}

#[cfg(test)]
mod tests;
