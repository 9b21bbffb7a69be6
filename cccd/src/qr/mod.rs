//! QR payloads that a scanner at the desk or kiosk sees.
//!
//! ```text
//! CCCD 2021 and thẻ Căn cước 2024, UTF-8, '|' between fields, more fields may follow:
//!   number(12) | old numbers | name | born ddMMyyyy | sex | residence | issued ddMMyyyy
//! Health insurance card (BHYT), ends in '$':
//!   code(10, 12 or 15) | hex name | born | sex | hex address | …
//! ```
//!
//! A QR code is unsigned: it opens the chip, and it is compared with the chip, but it proves nothing. Twelve digits
//! open the chip, so nothing else is needed: every other field may be missing, empty or odd. What is odd is listed in
//! [`Qr::odd`] and not kept, as EF.DG13 does it. So is text in another alphabet than the Vietnamese one: bytes of TCVN3
//! and VNI that a scanner took for Latin letters.
//!
//! Where another character than `|` follows the twelve digits, that one parts the fields: keyboard layouts make `~`, `¦`
//! or nothing at all of it.
//!
//! The two cards are told apart by their shape and not by the length of the first field: since 2025 the number of a
//! health insurance card is the personal number, too.

use crate::date::CardDate;
use crate::insurance::Insurance;
use crate::number::{Number, Sex, old_numbers};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::{Zeroize, Zeroizing};

/// Why a scan is not usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QrError {
    /// Neither a citizen card nor a health insurance card.
    #[error("this QR code is neither that of a citizen card nor of a health insurance card")]
    Unknown,
    /// The field of this number (from one) does not have the form that it must have: only the first must have one.
    #[error("field {0} of this QR code is malformed")]
    Field(usize),
}

impl QrError {
    /// A stable identifier.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "qr_unknown",
            Self::Field(_) => "qr_field_malformed",
        }
    }
}

/// What a scan is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scan {
    /// A citizen card.
    Cccd(Box<Qr>),
    /// A health insurance card, told apart so that it can be said; but for its code it is not interpreted here.
    HealthInsurance(Insurance),
}

/// The fields of a citizen card. Personal data: `Debug` hides them, and they are wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Qr {
    /// Personal identification number.
    pub number: Number,
    /// Old and cancelled numbers of the holder, 9 or 12 digits each, in their order (NĐ 70/2024, Art. 12).
    pub old_numbers: Vec<String>,
    /// Name with diacritics as scanned, NFC.
    pub name: Option<String>,
    /// Date of birth.
    pub birth: Option<CardDate>,
    /// `Nam` or `Nữ` as scanned, NFC: `NAM`, `Nu`. [`Sex::from_text`] reads it.
    pub sex: Option<String>,
    /// Place of residence, NFC.
    pub residence: Option<String>,
    /// Date of issue.
    pub issued: Option<CardDate>,
    /// The numbers (from one) of fields that hold something of another form. It is not kept.
    pub odd: Vec<usize>,
    /// How many fields followed the seventh. They are not kept.
    pub trailing_fields: usize,
}

impl std::fmt::Debug for Qr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Qr(…, odd {:?}, {} trailing fields)", self.odd, self.trailing_fields)
    }
}

impl Drop for Qr {
    fn drop(&mut self) {
        self.old_numbers.zeroize();
        self.name.zeroize();
        self.birth.zeroize();
        self.sex.zeroize();
        self.residence.zeroize();
        self.issued.zeroize();
    }
}

/// What may stand around a code: white space, marks of byte order, ends of strings.
pub(crate) fn is_around(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{feff}' | '\0')
}

/// Tells what a scan is and reads a citizen card's fields.
///
/// # Errors
/// When it is neither card, or the first field has twelve characters that are not all digits.
pub fn parse(text: &str) -> Result<Scan, QrError> {
    let text = text.trim_matches(is_around);
    let fields: Vec<&str> = text.split(separator(text)).map(str::trim).collect();
    if fields.len() < 2 {
        return Err(QrError::Unknown);
    }
    let first: Zeroizing<String> = Zeroizing::new(fields[0].chars().filter(|c| !c.is_whitespace()).collect());
    let is_code = first.bytes().all(|b| b.is_ascii_alphanumeric());
    let insurance = || Scan::HealthInsurance(Insurance { code: first.to_ascii_uppercase().into() });
    match first.len() {
        10 | 15 if is_code => Ok(insurance()),
        12 if is_code && is_insurance(&fields) => Ok(insurance()),
        12 if is_code => {
            let number = Number::parse(&first).map_err(|_| QrError::Field(1))?;
            Ok(Scan::Cccd(Box::new(card(number, &fields))))
        }
        _ => Err(QrError::Unknown),
    }
}

/// What parts the fields: `|`, or what follows the twelve digits.
fn separator(text: &str) -> char {
    let behind = text.get(..12).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit())).map(|_| &text[12..]);
    let next = behind.and_then(|behind| behind.trim_start_matches(' ').chars().next());
    next.filter(|next| !next.is_alphanumeric()).unwrap_or('|')
}

/// The code on a health insurance card by itself: two letters, the level of benefit, the place, ten digits.
pub(crate) fn is_insurance_code(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 15
        && bytes[..2].iter().all(u8::is_ascii_alphabetic)
        && matches!(bytes[2], b'1'..=b'5')
        && bytes[3..].iter().all(u8::is_ascii_digit)
}

/// The shape of a health insurance card: `$` at the end, or a name in hexadecimal digits.
fn is_insurance(fields: &[&str]) -> bool {
    let name = fields[1];
    // The old number of a citizen card is of decimal digits only; a name in UTF-8 or capitals never is.
    let hex = name.len() >= 4
        && name.len().is_multiple_of(2)
        && name.bytes().all(|b| b.is_ascii_hexdigit())
        && name.bytes().any(|b| b.is_ascii_alphabetic());
    hex || fields.last().is_some_and(|last| last.ends_with('$'))
}

fn card(number: Number, fields: &[&str]) -> Qr {
    let mut fields = Fields { fields, odd: Vec::new() };
    Qr {
        number,
        old_numbers: fields.read(2, old_numbers).unwrap_or_default(),
        name: fields.read(3, |text| {
            let is_name = is_vietnamese(text) && !text.chars().any(char::is_numeric);
            (is_name && text.chars().any(char::is_alphabetic)).then(|| normal(text))
        }),
        birth: fields.read(4, CardDate::from_text),
        sex: fields.read(5, |text| Sex::from_text(text).map(|_| normal(text))),
        residence: fields.read(6, |text| is_vietnamese(text).then(|| normal(text))),
        issued: fields.read(7, CardDate::from_text),
        odd: fields.odd,
        trailing_fields: fields.fields.len().saturating_sub(7),
    }
}

/// The fields of a scan, and which of them were odd.
struct Fields<'a> {
    fields: &'a [&'a str],
    odd: Vec<usize>,
}

impl Fields<'_> {
    /// The field of this number (from one), unless it is missing, empty or odd.
    fn read<T>(&mut self, at: usize, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let text = self.fields.get(at - 1).filter(|text| !text.is_empty())?;
        let value = read(text);
        if value.is_none() {
            self.odd.push(at);
        }
        value
    }
}

/// Whether every letter is one of the alphabets written in Vietnam: Latin letters with the marks of Vietnamese and of
/// the Ê Đê and Gia Rai, Đ, and Ƀ. TCVN3 and VNI read as Latin-1 have others, and signs that no name has.
fn is_vietnamese(text: &str) -> bool {
    const MARKS: [char; 9] =
        ['\u{300}', '\u{301}', '\u{302}', '\u{303}', '\u{306}', '\u{309}', '\u{30c}', '\u{31b}', '\u{323}'];
    const LETTERS: [char; 6] = ['đ', 'Đ', 'ð', 'Ð', 'ƀ', 'Ƀ'];
    // Typographic quotes and dashes, and the apostrophe that some keyboards have.
    const SIGNS: [char; 7] = ['’', '‘', 'ʼ', '–', '“', '”', '´'];
    text.nfd().all(|c| {
        c.is_ascii_graphic()
            || c.is_whitespace() && !c.is_control()
            || MARKS.contains(&c)
            || LETTERS.contains(&c)
            || SIGNS.contains(&c)
    })
}

fn normal(text: &str) -> String {
    text.nfc().collect()
}

#[cfg(test)]
mod tests;
