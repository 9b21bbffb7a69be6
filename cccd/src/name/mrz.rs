//! A name in full against the name field of an MRZ.
//!
//! ICAO 9303-3, 4.6, spells a name in plain letters with fillers between its components, an apostrophe left out. What
//! does not fit into the field is shortened at the issuer's discretion (9303-4, -5 and -6, 4.2.3): components to
//! initials, to a fixed length, or the line cut where it ends. Issuers also leave components or the whole secondary
//! identifier out, and share the components out between the two identifiers in their own ways. A name that fits is
//! never shortened, so there nothing of this is taken for an excuse.

use super::letters::{Break, Letter};
use super::{Folded, Likeness, words};
use emrtd::{Mrz, MrzFormat};
use std::collections::BTreeSet;

/// Components that are followed through the ways of shortening; a name of more is compared whole only.
const MOST_WORDS: usize = 32;

/// The places of the name field: ICAO 9303-5, 9303-6, 9303-4, 4.2.2.
const fn width(format: MrzFormat) -> usize {
    match format {
        MrzFormat::Td1 => 30,
        MrzFormat::Td2 => 31,
        MrzFormat::Td3 => 39,
    }
}

impl Folded {
    /// Compares with the name of an MRZ, which never has marks: they are not missed. [`Likeness::Same`] means that
    /// the MRZ spells all letters in this order, however it parts them; [`Likeness::SameWithoutMarks`] never comes.
    #[must_use]
    pub fn compare_mrz(&self, mrz: &Mrz) -> Likeness {
        let field = Field::of(mrz);
        if field.is_all_of(self.0.iter()) {
            return Likeness::Same;
        }
        if words(&self.0, true).len() > MOST_WORDS || field.parts.is_empty() {
            return Likeness::Differs;
        }
        let is_cut = |apart: bool| {
            let parts = words(&self.0, apart);
            (0..parts.len()).any(|first| field.is_cut_of(&rotated(&parts, first)))
        };
        if self.is_other_order_of(&field) {
            Likeness::OtherOrder
        } else if self.places() > field.width && (is_cut(true) || is_cut(false)) {
            Likeness::Cut
        } else {
            Likeness::Differs
        }
    }

    /// The places that the full spelling takes at most, the double filler between the identifiers included.
    fn places(&self) -> usize {
        let breaks = self.0.iter().filter(|letter| letter.before != Break::None).count();
        self.0.len() + breaks + usize::from(breaks > 0)
    }

    /// The words in any order; an apostrophe parts words or not.
    fn is_other_order_of(&self, field: &Field) -> bool {
        let parts = words(&self.0, true);
        // Written together in any way, where only the family name is last.
        if (1..parts.len()).any(|first| field.is_all_of(rotated(&parts, first).into_iter().flatten())) {
            return true;
        }
        [true, false].into_iter().any(|apart| {
            let mut left = words(&self.0, apart);
            let all = field.parts.iter().all(|part| {
                let found = left.iter().position(|word| word.len() == part.len() && begins(word, part));
                found.map(|at| left.swap_remove(at)).is_some()
            });
            all && left.is_empty()
        })
    }
}

/// A name field, taken apart.
struct Field {
    /// Its components in order, in lower case.
    parts: Vec<Vec<char>>,
    /// Places from the first letter to the last.
    used: usize,
    /// Places that there are.
    width: usize,
    /// Whether there is no secondary identifier.
    one: bool,
}

impl Drop for Field {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.parts);
    }
}

impl Field {
    fn of(mrz: &Mrz) -> Self {
        let parts = [&mrz.surname, &mrz.given_names].into_iter().flat_map(|text| text.split('<'));
        let parts = parts.filter(|part| !part.is_empty());
        let parts = parts.map(|part| part.chars().map(|c| c.to_ascii_lowercase()).collect()).collect();
        let one = mrz.given_names.is_empty();
        let used = mrz.surname.len() + if one { 0 } else { 2 + mrz.given_names.len() };
        Self { parts, used, width: width(mrz.format), one }
    }

    /// Whether its letters are exactly these, wherever it breaks them.
    fn is_all_of<'a>(&self, letters: impl Iterator<Item = &'a Letter>) -> bool {
        let mut spelled = self.parts.iter().flatten();
        let mut letters = letters;
        letters.by_ref().all(|letter| spelled.next().is_some_and(|c| letter.spelled(*c))) && spelled.next().is_none()
    }

    /// Whether it is a shortened spelling of these components, in their order.
    ///
    /// Each of its parts is one component or the beginning of one, or several written together of which the last may
    /// be a beginning. Components may be left out only where the longest of them has no room any more, or where they
    /// are the secondary identifier as a whole.
    fn is_cut_of(&self, full: &[&[Letter]]) -> bool {
        let free = self.width.saturating_sub(self.used);
        // Up to which component the parts so far may reach, and what they leave out on the way.
        let mut reached = BTreeSet::from([(0, LeftOut::Nothing)]);
        for part in &self.parts {
            let mut further = BTreeSet::new();
            for (from, left_out) in reached {
                for start in from..full.len() {
                    if let Some(taken) = components(part, &full[start..]) {
                        further.insert((start + taken, left_out.and(&full[from..start], free)));
                    }
                }
            }
            reached = further;
        }
        reached.into_iter().any(|(end, left_out)| {
            left_out.and(&full[end..], free) != LeftOut::TooShort || (self.one && left_out == LeftOut::Nothing)
        })
    }
}

/// What a field leaves out of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum LeftOut {
    /// No component.
    Nothing,
    /// Components that all had room.
    TooShort,
    /// Among them one that had none.
    TooLong,
}

impl LeftOut {
    /// With these components, too, where so many places are free: the first of them is a filler.
    fn and(self, components: &[&[Letter]], free: usize) -> Self {
        components
            .iter()
            .fold(self, |so_far, word| so_far.max(if word.len() >= free { Self::TooLong } else { Self::TooShort }))
    }
}

/// How many of these components a part spells: whole ones written together, then one that may be shortened.
fn components(part: &[char], full: &[&[Letter]]) -> Option<usize> {
    let mut rest = part;
    for (at, word) in full.iter().enumerate() {
        if rest.len() <= word.len() {
            return begins(word, rest).then_some(at + 1);
        }
        let (whole, after) = rest.split_at(word.len());
        if !begins(word, whole) {
            return None;
        }
        rest = after;
    }
    None
}

/// Whether a component begins with what is spelled.
fn begins(word: &[Letter], spelled: &[char]) -> bool {
    spelled.len() <= word.len() && word.iter().zip(spelled).all(|(letter, c)| letter.spelled(*c))
}

/// The components from this one on, then those before it: the family name may stand first or last.
fn rotated<'a>(parts: &[&'a [Letter]], first: usize) -> Vec<&'a [Letter]> {
    [&parts[first..], &parts[..first]].concat()
}
