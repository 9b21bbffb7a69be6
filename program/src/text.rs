//! Text about a person: kept private, and of a form that no file, screen or spreadsheet takes for anything else.
//!
//! | type | holds |
//! |---|---|
//! | [`Private`] | any text, wiped when dropped |
//! | [`Text`] | what may be shown, printed and handed on: one line, NFC, nothing that nobody sees |
//!
//! Whoever types is asked to type again ([`Text::typed`]): a form has time, and a mistake in it would be nobody else's. What a
//! card, a signed list or another system says is taken with its odd characters left out ([`Text::cleaned`]): refusing it
//! would turn a person away for what somebody else wrote. There is no third way to make one.

use crate::coded;
use std::fmt;
use std::ops::Deref;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};
use zeroize::Zeroizing;

/// What a person typed or a card said: wiped when dropped, and no `Debug` output tells more than its length.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Private(pub Zeroizing<String>);

/// For what is sealed, and for those to whom a profile releases it.
impl serde::Serialize for Private {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Private {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl fmt::Debug for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Private({})", self.0.len())
    }
}

impl From<String> for Private {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

/// Why something typed is not taken. What was typed is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TextError {
    /// A character of ISO/IEC 6429 (C0, C1) or an end of a line.
    #[error("it holds a control character or the end of a line")]
    Control,
    /// A character that turns the direction of what stands behind it (UAX #9).
    #[error("it holds a character that turns the direction of writing")]
    Direction,
    /// A character of no width, or one that is no character at all.
    #[error("it holds a character that nobody sees")]
    Invisible,
    /// Too many characters.
    #[error("it has more than {0} characters")]
    Long(usize),
}

impl TextError {
    /// A stable identifier.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Control => "text_control",
            Self::Direction => "text_direction",
            Self::Invisible => "text_invisible",
            Self::Long(_) => "text_too_long",
        }
    }

    /// What to do.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Control | Self::Direction | Self::Invisible => {
                "type it by hand from the paper: what was pasted brings characters along that cannot be seen"
            }
            Self::Long(_) => "write it shorter",
        }
    }

    const fn status(&self) -> u8 {
        match self {
            Self::Control | Self::Direction | Self::Invisible | Self::Long(_) => crate::exit::USAGE,
        }
    }
}

coded!(TextError, status);

/// One line in NFC without spaces around it, of at most [`Text::LONGEST`] characters, none of which controls a terminal, turns the
/// direction of writing or is invisible. ZWJ and ZWNJ stay where RFC 5892 (A.1, A.2) has a use for them. Every file format has
/// a place for it as it is. Wiped when dropped; `Debug` shows its length only.
///
/// ```
/// use program::{Text, TextError};
///
/// assert_eq!(Text::typed("JOHN\u{1}\u{b} DOE"), Err(TextError::Control));
/// let cleaned = Text::cleaned("JOHN\u{1}\u{b} DOE");
/// assert_eq!((cleaned.as_str(), cleaned.is_mended()), ("JOHN DOE", true));
/// assert_eq!(Text::typed(" Nguye\u{302}\u{303}n ")?.as_str(), "Nguyễn");
/// # Ok::<(), TextError>(())
/// ```
#[derive(Clone, Default)]
pub struct Text {
    text: Private,
    mended: bool,
}

/// Two are the same when they say the same.
impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Text {}

/// As JSON it is its characters, so that what reads it back is what was written.
impl serde::Serialize for Text {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

/// What lies in a book or a list may have been written before there was this type: it is cleaned.
impl<'de> serde::Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Private::deserialize(deserializer).map(|text| Self::cleaned(&text.0))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({})", self.text.0.len())
    }
}

/// Every use of a private text is one of this.
impl Deref for Text {
    type Target = Private;

    fn deref(&self) -> &Private {
        &self.text
    }
}

/// Of a card, a list or another system.
impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::cleaned(&Zeroizing::new(text))
    }
}

impl From<Private> for Text {
    fn from(text: Private) -> Self {
        Self::cleaned(&text.0)
    }
}

impl Text {
    /// The greatest length, in characters: no name, address or answer is longer.
    pub const LONGEST: usize = 1000;

    /// Of something that somebody typed, who can type it again. Normalised; every kind of space is a plain one.
    ///
    /// # Errors
    /// For a character that must not be in it, and when it is too long.
    pub fn typed(text: &str) -> Result<Self, TextError> {
        let whole = composed(text);
        let characters: Zeroizing<Vec<char>> = Zeroizing::new(whole.chars().collect());
        for (at, c) in characters.iter().enumerate() {
            match Odd::of(*c) {
                Some(Odd::Break) => return Err(TextError::Control),
                Some(Odd::Direction) => return Err(TextError::Direction),
                Some(Odd::Hidden) if !joins(&characters, at) => return Err(TextError::Invisible),
                Some(Odd::Hidden) | None => {}
            }
        }
        if characters.len() > Self::LONGEST {
            return Err(TextError::Long(Self::LONGEST));
        }
        Ok(Self { text: Private(with_plain_spaces(&whole)), mended: false })
    }

    /// Of what a card, a list or another system says: what must not be in it is left out, what parts words becomes a space, and
    /// what is too long is cut.
    #[must_use]
    pub fn cleaned(text: &str) -> Self {
        let mut whole = composed(text);
        let mut mended = false;
        // What stood apart may compose once nothing is between.
        while let Some(left) = without_odd(&whole) {
            mended = true;
            whole = composed(&left);
        }
        let mut whole = with_plain_spaces(&whole);
        if let Some((end, _)) = whole.char_indices().nth(Self::LONGEST) {
            mended = true;
            whole.truncate(end);
            let left = whole.trim_end_matches(|c: char| c == ' ' || is_odd(c)).len();
            whole.truncate(left);
        }
        Self { text: Private(whole), mended }
    }

    /// As it stands.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text.0
    }

    /// Whether something was left out or cut when it was made. This is not kept with it.
    #[must_use]
    pub const fn is_mended(&self) -> bool {
        self.mended
    }
}

/// NFC, without spaces around it.
fn composed(text: &str) -> Zeroizing<String> {
    let text = text.trim();
    // Room for everything, as Unicode bounds NFC: a text that grows leaves copies behind.
    let mut whole = Zeroizing::new(String::with_capacity(text.len() * 3));
    whole.extend(text.nfc());
    whole
}

fn with_plain_spaces(text: &str) -> Zeroizing<String> {
    let mut whole = Zeroizing::new(String::with_capacity(text.len()));
    whole.extend(text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }));
    whole
}

/// A text without what must not be in it; `None` where there is nothing of that.
fn without_odd(text: &str) -> Option<Zeroizing<String>> {
    let characters: Zeroizing<Vec<char>> = Zeroizing::new(text.chars().collect());
    let mut left = Zeroizing::new(String::with_capacity(text.len()));
    let (mut odd, mut parted) = (false, false);
    for (at, c) in characters.iter().enumerate() {
        match Odd::of(*c) {
            Some(Odd::Hidden) if joins(&characters, at) => left.push(*c),
            Some(Odd::Break) => (odd, parted) = (true, true),
            Some(Odd::Direction | Odd::Hidden) => odd = true,
            None => {
                if std::mem::take(&mut parted) && !c.is_whitespace() && !left.ends_with(char::is_whitespace) {
                    left.push(' ');
                }
                left.push(*c);
            }
        }
    }
    odd.then_some(left)
}

/// What a character is that must not be in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Odd {
    /// It ends a line or controls a terminal: words stand on both sides.
    Break,
    /// It turns the direction of writing.
    Direction,
    /// It has no width, or is no character.
    Hidden,
}

impl Odd {
    const fn of(c: char) -> Option<Self> {
        match c {
            '\0'..='\u{1F}' | '\u{7F}'..='\u{9F}' | '\u{2028}' | '\u{2029}' => Some(Self::Break),
            '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{206F}' => {
                Some(Self::Direction)
            }
            // Default_Ignorable_Code_Point of Unicode 16 without the above, and what stands between annotations.
            '\u{AD}'
            | '\u{34F}'
            | '\u{115F}'
            | '\u{1160}'
            | '\u{17B4}'
            | '\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200D}'
            | '\u{2060}'..='\u{2065}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}' => Some(Self::Hidden),
            // Noncharacters: XML has no place for the last two of the first plane.
            '\u{FDD0}'..='\u{FDEF}' => Some(Self::Hidden),
            c if (c as u32) & 0xFFFE == 0xFFFE => Some(Self::Hidden),
            _ => None,
        }
    }
}

/// Whether a ZWJ or ZWNJ stands where it changes how letters are written: behind a virama, or a ZWNJ between two letters of the
/// Arabic script (RFC 5892, A.1 and A.2).
fn joins(characters: &[char], at: usize) -> bool {
    const VIRAMA: u8 = 9;
    let joiner = characters[at];
    if !matches!(joiner, '\u{200C}' | '\u{200D}') {
        return false;
    }
    let Some(before) = at.checked_sub(1).map(|at| characters[at]) else { return false };
    let arabic = |c: char| matches!(c, '\u{620}'..='\u{6FF}' | '\u{750}'..='\u{77F}') && c.is_alphabetic();
    let letter = |c: &&char| !is_combining_mark(**c);
    let around = || {
        let before = characters[..at].iter().rev().find(letter);
        let after = characters[at + 1..].iter().find(letter);
        before.zip(after).is_some_and(|(before, after)| arabic(*before) && arabic(*after))
    };
    canonical_combining_class(before) == VIRAMA || joiner == '\u{200C}' && around()
}

/// Whether a terminal or a person could take a character for something else than a sign.
pub(crate) const fn is_odd(c: char) -> bool {
    Odd::of(c).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What must hold of every text, said once more in another way.
    fn is_clean(text: &str) -> bool {
        let forbidden = |c: char| {
            c.is_control()
                || matches!(u32::from(c),
                    0x61C | 0x200B | 0x200E | 0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF | 0xFFFE | 0xFFFF)
        };
        !text.chars().any(forbidden)
            && text.trim() == text
            && text.nfc().eq(text.chars())
            && text.chars().count() <= Text::LONGEST
    }

    #[test]
    fn what_is_typed_is_said_to_be_odd_and_what_a_card_says_is_taken() {
        for (hostile, error, cleaned) in [
            ("JOHN\u{1}\u{b} DOE", TextError::Control, "JOHN DOE"),
            ("JOHN\r\nDOE", TextError::Control, "JOHN DOE"),
            ("JOHN\u{85}DOE", TextError::Control, "JOHN DOE"),
            ("JOHN\u{2028}DOE", TextError::Control, "JOHN DOE"),
            ("AN\u{1b}[2J", TextError::Control, "AN [2J"),
            ("AN \u{202e}EOD", TextError::Direction, "AN EOD"),
            ("AN\u{2066}\u{2069}", TextError::Direction, "AN"),
            ("A\u{200b}N", TextError::Invisible, "AN"),
            ("A\u{200d}N", TextError::Invisible, "AN"),
            ("A\u{feff}N\u{ffff}", TextError::Invisible, "AN"),
            ("A\u{e0041}N", TextError::Invisible, "AN"),
        ] {
            assert_eq!(Text::typed(hostile), Err(error), "{hostile:?}");
            let taken = Text::cleaned(hostile);
            assert_eq!((taken.as_str(), taken.is_mended()), (cleaned, true), "{hostile:?}");
        }
    }

    #[test]
    fn names_of_people_are_as_they_are() {
        for name in ["Nguyễn Văn An", "H’Hen Niê", "Ðặng Quốc Dũng", "NGUYỄN  VĂN AN", "李小龍", "Jürgen O'Neill-Đỗ"]
        {
            assert_eq!(Text::typed(name).expect(name).as_str(), name);
            assert_eq!((Text::cleaned(name).as_str(), Text::cleaned(name).is_mended()), (name, false));
        }
        assert_eq!(Text::typed("Nguyê\u{303}n\u{a0}An\u{3000}").expect("typed").as_str(), "Nguyễn An");
    }

    #[test]
    fn a_joiner_stays_where_letters_need_it() {
        for name in ["\u{645}\u{6cc}\u{200c}\u{631}\u{648}", "\u{0d9a}\u{0dca}\u{200d}\u{0dbb}"] {
            assert_eq!(Text::typed(name).expect("wanted").as_str(), name);
            assert_eq!(Text::cleaned(name).as_str(), name);
        }
        assert_eq!(Text::typed("a\u{200c}b"), Err(TextError::Invisible));
        assert_eq!(Text::typed("\u{200d}"), Err(TextError::Invisible));
        // What it stood behind is gone.
        assert_eq!(Text::cleaned("\u{645}\u{200c}\u{200b}x").as_str(), "\u{645}x");
    }

    #[test]
    fn what_is_too_long_is_refused_or_cut() {
        let long = "ắ".repeat(Text::LONGEST + 1);
        assert_eq!(Text::typed(&long), Err(TextError::Long(Text::LONGEST)));
        let cut = Text::cleaned(&long);
        assert_eq!((cut.as_str().chars().count(), cut.is_mended()), (Text::LONGEST, true));
    }

    #[test]
    fn what_lay_in_a_book_is_cleaned_when_it_is_read() {
        let read: Text = serde_json::from_str("\"JOHN\\u0001 DOE\"").expect("JSON");
        assert_eq!((read.as_str(), read.is_mended()), ("JOHN DOE", true));
        assert_eq!(serde_json::to_string(&read).expect("JSON"), "\"JOHN DOE\"");
        assert_eq!(format!("{read:?}"), "Text(8)");
    }

    proptest! {
        #[test]
        fn every_text_is_clean_and_stays_as_it_is(text in proptest::collection::vec(any::<char>(), 0..40)) {
            let text: String = text.into_iter().collect();
            let cleaned = Text::cleaned(&text);
            prop_assert!(is_clean(cleaned.as_str()), "{:?}", cleaned.as_str());
            let again = Text::cleaned(cleaned.as_str());
            prop_assert_eq!((again.as_str(), again.is_mended()), (cleaned.as_str(), false));
            prop_assert_eq!(Text::typed(cleaned.as_str()).map(|text| text.is_mended()), Ok(false));
            match Text::typed(&text) {
                Ok(typed) => prop_assert_eq!((typed.as_str(), cleaned.is_mended()), (cleaned.as_str(), false)),
                Err(_) => prop_assert!(cleaned.is_mended()),
            }
        }
    }
}
