//! From text to folded letters: which characters are letters, marks, breaks or nothing.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use zeroize::Zeroize;

/// Grave, acute, tilde, hook above, dot below: the five tones of Vietnamese.
const TONES: [char; 5] = ['\u{300}', '\u{301}', '\u{303}', '\u{309}', '\u{323}'];

/// The stroke through đ, as a mark like others.
const STROKE: char = '\u{335}';

/// Marks kept of one letter. No name has more; what comes after is dropped.
const MARKS: usize = 4;

/// What stands before a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Break {
    /// The letter before.
    None,
    /// An apostrophe, whatever stands around it: written together, apart, or with the apostrophe.
    Apostrophe,
    /// A space, a hyphen, or whatever else is no letter.
    Gap,
}

/// One letter of a folded name.
#[derive(Clone, Copy, Zeroize)]
pub(super) struct Letter {
    /// Lower case, without marks, as written: `y` stays `y`.
    pub(super) written: char,
    /// Its marks, sorted, unused places zero; the tones of a run of vowels stand on its last.
    pub(super) marks: [char; MARKS],
    /// Whether it is a `y` or `i` that may be written as the other: alone after a consonant, at the end (Mỹ, Mĩ).
    pub(super) y_or_i: bool,
    /// What stands before it.
    #[zeroize(skip)]
    pub(super) before: Break,
}

impl Letter {
    /// The letter that stands for all its spellings.
    pub(super) const fn plain(self) -> char {
        if self.y_or_i { 'i' } else { self.written }
    }

    /// Whether an MRZ may spell it as this lower-case letter.
    pub(super) const fn spelled(self, letter: char) -> bool {
        self.written == letter || (self.y_or_i && matches!(letter, 'y' | 'i'))
    }

    /// Whether both are one letter in two spellings.
    pub(super) fn equals(self, other: Self, marks: bool) -> bool {
        (self.spelled(other.written) || other.spelled(self.written)) && (!marks || self.marks == other.marks)
    }

    pub(super) fn is_marked(self) -> bool {
        self.marks[0] != '\0'
    }

    /// Appends letter and marks as text, decomposed.
    pub(super) fn write(self, text: &mut String) {
        match (self.plain(), self.marks.contains(&STROKE)) {
            ('d', true) => text.push('đ'),
            (plain, _) => text.push(plain),
        }
        text.extend(
            self.marks.iter().filter(|mark| !matches!(**mark, '\0') && (**mark, self.plain()) != (STROKE, 'd')),
        );
    }

    fn mark(&mut self, mark: char) {
        if let Some(free) = self.marks.iter_mut().find(|place| **place == '\0') {
            *free = mark;
        }
    }

    const fn is_vowel(self) -> bool {
        matches!(self.written, 'a' | 'e' | 'i' | 'o' | 'u' | 'y')
    }
}

/// Folds text. Never fails: what is no letter, digit or mark is a break.
pub(super) fn fold(text: &str) -> Vec<Letter> {
    let mut letters = Vec::with_capacity(text.len());
    let mut before = Break::None;
    for c in text.chars() {
        if is_nothing(c) {
            continue;
        }
        if is_apostrophe(c) {
            before = Break::Apostrophe;
            continue;
        }
        for c in std::iter::once(c).nfkd().flat_map(char::to_lowercase).nfkd() {
            if is_apostrophe(c) {
                before = Break::Apostrophe;
            } else if is_combining_mark(c) {
                // A mark after a break has no letter to stand on.
                if let (Some(letter), Break::None) = (letters.last_mut(), before) {
                    Letter::mark(letter, c);
                }
            } else if c.is_alphanumeric() {
                let (parts, mark) = parts(c);
                for (at, written) in parts.into_iter().enumerate().filter(|(_, written)| *written != '\0') {
                    let mut letter = Letter { written, marks: ['\0'; MARKS], y_or_i: false, before };
                    if let (0, Some(mark)) = (at, mark) {
                        letter.mark(mark);
                    }
                    letters.push(letter);
                    before = Break::None;
                }
            } else if before == Break::None {
                before = Break::Gap;
            }
        }
    }
    if let Some(first) = letters.first_mut() {
        first.before = Break::None;
    }
    find_y_or_i(&mut letters);
    settle_marks(&mut letters);
    letters
}

/// A lower-case letter that Unicode does not decompose, as plain letters and the mark that tells it apart.
const fn parts(c: char) -> ([char; 2], Option<char>) {
    match c {
        // U+0111, and what keyboards and old converters put in its place: U+00F0 and U+0256.
        'đ' | 'ð' | 'ɖ' => (['d', '\0'], Some(STROKE)),
        'ƀ' | 'ɓ' => (['b', '\0'], Some(STROKE)),
        'ł' => (['l', '\0'], Some(STROKE)),
        'ħ' => (['h', '\0'], Some(STROKE)),
        'ø' => (['o', '\0'], Some(STROKE)),
        'ı' => (['i', '\0'], Some(STROKE)),
        'æ' => (['a', 'e'], Some(STROKE)),
        'œ' => (['o', 'e'], Some(STROKE)),
        'þ' => (['t', 'h'], Some(STROKE)),
        'ß' => (['s', 's'], Some(STROKE)),
        c => ([c, '\0'], None),
    }
}

/// Every tone goes to the end of its run of vowels (hòa, hoà); the other marks stay, sorted.
fn settle_marks(letters: &mut [Letter]) {
    let mut tones = Vec::new();
    for at in 0..letters.len() {
        let (mut marks, vowel) = (std::mem::replace(&mut letters[at].marks, ['\0'; MARKS]), letters[at].is_vowel());
        marks.sort_unstable();
        let is_set = |mark: &char| *mark != '\0';
        for mark in marks.into_iter().filter(is_set) {
            if vowel && TONES.contains(&mark) { tones.push(mark) } else { letters[at].mark(mark) }
        }
        let goes_on = letters.get(at + 1).is_some_and(|next| next.is_vowel() && next.before == Break::None);
        if !(vowel && goes_on) {
            tones.sort_unstable();
            for tone in tones.drain(..) {
                letters[at].mark(tone);
            }
        }
    }
}

fn find_y_or_i(letters: &mut [Letter]) {
    for at in 1..letters.len() {
        let (letter, previous) = (letters[at], letters[at - 1]);
        // An apostrophe ends a syllable, and does not begin one: it may be left out.
        let last = letters.get(at + 1).is_none_or(|next| next.before != Break::None);
        // The u of "qu" belongs to the consonant: Quý, Quí.
        let q = previous.written == 'u'
            && previous.before == Break::None
            && at.checked_sub(2).is_some_and(|at| letters[at].written == 'q');
        let consonant = previous.written.is_ascii_lowercase() && (q || !previous.is_vowel());
        letters[at].y_or_i = matches!(letter.written, 'y' | 'i') && letter.before != Break::Gap && last && consonant;
    }
}

/// Every sign that is typed, printed or converted in the place of an apostrophe.
const fn is_apostrophe(c: char) -> bool {
    matches!(
        c,
        '\'' | '`'
            | '\u{B4}'
            | '\u{2B9}'
            | '\u{2BB}'..='\u{2BF}'
            | '\u{2C8}'
            | '\u{2CA}'
            | '\u{2CB}'
            | '\u{55A}'
            | '\u{1FBD}'
            | '\u{1FBF}'
            | '\u{2018}'..='\u{201B}'
            | '\u{2032}'
            | '\u{2035}'
            | '\u{A78B}'
            | '\u{A78C}'
            | '\u{FF07}'
            | '\u{FF40}'
    )
}

/// Characters that nobody sees: of no width, for direction or format.
const fn is_nothing(c: char) -> bool {
    matches!(
        c,
        '\u{AD}'
            | '\u{34F}'
            | '\u{61C}'
            | '\u{180B}'..='\u{180E}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\0'
    )
}
