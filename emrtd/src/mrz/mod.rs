//! Machine readable zone (ICAO 9303-3 §4.9, 9303-4, -5, -6): check digits, key data and the three layouts.
//!
//! | file | content |
//! |---|---|
//! | `mod.rs` | check digits, key data, and the zone as EF.DG1 holds it |
//! | `text.rs` | the zone as a person types it and OCR reads it |

mod text;

pub use text::{MAX_KEYS, MrzText, Remark, looks_like};

use crate::secret::Secret;
use thiserror::Error;
use zeroize::Zeroize;

/// Why a text is no machine readable zone or no key data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MrzError {
    /// Not 90 (TD1), 72 (TD2) or 88 (TD3) characters.
    #[error("an MRZ has 90, 72 or 88 characters, this has {0}")]
    Length(usize),
    /// A character outside `A-Z 0-9 <`.
    #[error("an MRZ holds only A-Z, 0-9 and <")]
    Character,
    /// A date that is not six digits.
    #[error("an MRZ date is six digits, YYMMDD")]
    Date,
    /// A document number that is empty or too long.
    #[error("a document number has 1 to 22 characters")]
    DocumentNumber,
    /// Nowhere in the text do document number, birth and expiry stand with check digits that fit.
    #[error("no document number, birth and expiry whose check digits fit")]
    NoKey,
    /// More mendings fit than are worth a try.
    #[error("it can be mended in more than {MAX_KEYS} ways")]
    Ambiguous,
}

/// The check digit of ICAO 9303-3 §4.9 (weights 7, 3, 1); `None` for a character outside the MRZ alphabet.
#[must_use]
pub fn check_digit(text: &str) -> Option<char> {
    let mut sum = 0;
    for (position, byte) in text.bytes().enumerate() {
        let value = match byte {
            b'0'..=b'9' => u32::from(byte - b'0'),
            b'A'..=b'Z' => u32::from(byte - b'A') + 10,
            b'<' => 0,
            _ => return None,
        };
        sum += value * [7, 3, 1][position % 3];
    }
    char::from_digit(sum % 10, 10)
}

/// The three MRZ fields that open a chip: document number, date of birth, date of expiry.
///
/// ```
/// use emrtd::MrzKey;
///
/// // The example of ICAO 9303-11, appendix D.
/// let key = MrzKey::new("L898902C", "690806", "940623")?;
/// assert_eq!(key.information(), b"L898902C<369080619406236");
/// assert!(MrzKey::new("L898902C", "1969-08-06", "940623").is_err());
/// # Ok::<(), emrtd::MrzError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct MrzKey {
    information: Secret,
}

impl std::fmt::Debug for MrzKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MrzKey")
    }
}

impl MrzKey {
    /// From the fields as printed, without check digits. Dates are `YYMMDD`; fillers are allowed in the expiry.
    ///
    /// # Errors
    /// When a field has the wrong length or characters.
    pub fn new(document_number: &str, birth: &str, expiry: &str) -> Result<Self, MrzError> {
        let number = document_number.trim_end_matches('<');
        if number.is_empty() || number.len() > 22 {
            return Err(MrzError::DocumentNumber);
        }
        let date = |text: &str| text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit() || b == b'<');
        if !date(birth) || !date(expiry) {
            return Err(MrzError::Date);
        }
        let mut information = Vec::with_capacity(40);
        let mut padded = format!("{number:<<9}");
        for field in [padded.as_str(), birth, expiry] {
            let digit = check_digit(field).ok_or(MrzError::Character)?;
            information.extend_from_slice(field.as_bytes());
            information.push(digit as u8);
        }
        padded.zeroize();
        Ok(Self { information: Secret::new(information) })
    }

    /// MRZ_information: the three fields, each with its check digit (ICAO 9303-11 §9.7.2).
    #[must_use]
    pub fn information(&self) -> &[u8] {
        self.information.expose()
    }

    /// The document number with its check digit: the chip's identifier in terminal authentication after BAC.
    #[must_use]
    pub fn document_number_with_check_digit(&self) -> &[u8] {
        let information = self.information();
        // Birth and expiry, six digits and a check digit each, follow.
        &information[..information.len() - 14]
    }
}

/// The layout of an MRZ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MrzFormat {
    /// Three lines of 30: cards.
    Td1,
    /// Two lines of 36.
    Td2,
    /// Two lines of 44: passports.
    Td3,
}

/// The fields of an MRZ. All are as printed, fillers removed at the end only.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mrz {
    /// The layout.
    pub format: MrzFormat,
    /// Document code, for example `I` or `ID`.
    pub document_code: String,
    /// Issuing state, three letters (or `D`).
    pub issuer: String,
    /// Document number, joined with its overflow when it has over nine characters.
    pub document_number: String,
    /// Optional data of the first line (TD1) or of the personal number field.
    pub optional_1: String,
    /// Optional data of the second line (TD1 only).
    pub optional_2: String,
    /// Date of birth, `YYMMDD`.
    pub birth: String,
    /// `M`, `F` or `<`.
    pub sex: char,
    /// Date of expiry, `YYMMDD`.
    pub expiry: String,
    /// Nationality.
    pub nationality: String,
    /// Primary identifier, with `<` between its parts.
    pub surname: String,
    /// Secondary identifier, with `<` between its parts; may be empty.
    pub given_names: String,
    /// Whether every check digit fits.
    pub check_digits_ok: bool,
}

impl std::fmt::Debug for Mrz {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mrz({:?}, check digits ok: {})", self.format, self.check_digits_ok)
    }
}

impl Drop for Mrz {
    fn drop(&mut self) {
        for field in [
            &mut self.document_number,
            &mut self.optional_1,
            &mut self.optional_2,
            &mut self.birth,
            &mut self.expiry,
            &mut self.surname,
            &mut self.given_names,
        ] {
            field.zeroize();
        }
    }
}

impl Mrz {
    /// Reads an MRZ given as one run of characters, as EF.DG1 holds it.
    ///
    /// # Errors
    /// When length or alphabet are wrong. Wrong check digits are no error; see `check_digits_ok`.
    pub fn parse(text: &str) -> Result<Self, MrzError> {
        if !text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase() || b == b'<') {
            return Err(MrzError::Character);
        }
        match text.len() {
            90 => Ok(Self::td1(text)),
            72 => Ok(Self::two_lines(text, 36, MrzFormat::Td2)),
            88 => Ok(Self::two_lines(text, 44, MrzFormat::Td3)),
            other => Err(MrzError::Length(other)),
        }
    }

    /// The key data that this MRZ yields.
    ///
    /// # Errors
    /// When a field is not usable as key data.
    pub fn key(&self) -> Result<MrzKey, MrzError> {
        MrzKey::new(&self.document_number, &self.birth, &self.expiry)
    }

    fn td1(text: &str) -> Self {
        let (first, second) = (&text[..30], &text[30..60]);
        let number = DocumentNumber::read(&first[5..14], &first[14..15], &first[15..30]);
        let composite = [&first[5..30], &second[0..7], &second[8..15], &second[18..29]].concat();
        let check_digits_ok = number.check_ok
            && fits(&second[0..6], &second[6..7])
            && fits(&second[8..14], &second[14..15])
            && fits(&composite, &second[29..30]);
        let (surname, given_names) = names(&text[60..90]);
        Self {
            format: MrzFormat::Td1,
            document_code: trim(&first[0..2]),
            issuer: trim(&first[2..5]),
            document_number: number.number,
            optional_1: number.rest,
            optional_2: trim(&second[18..29]),
            birth: second[0..6].to_owned(),
            sex: second.as_bytes()[7] as char,
            expiry: second[8..14].to_owned(),
            nationality: trim(&second[15..18]),
            surname,
            given_names,
            check_digits_ok,
        }
    }

    fn two_lines(text: &str, width: usize, format: MrzFormat) -> Self {
        let (first, second) = text.split_at(width);
        let optional = &second[28..if format == MrzFormat::Td3 { 42 } else { 35 }];
        let number = match format {
            MrzFormat::Td3 => DocumentNumber {
                number: trim(&second[0..9]),
                rest: trim(optional),
                check_ok: fits(&second[0..9], &second[9..10]) && fits_or_empty(optional, &second[42..43]),
            },
            _ => DocumentNumber::read(&second[0..9], &second[9..10], optional),
        };
        let composite = [&second[0..10], &second[13..20], &second[21..width - 1]].concat();
        let check_digits_ok = number.check_ok
            && fits(&second[13..19], &second[19..20])
            && fits(&second[21..27], &second[27..28])
            && fits(&composite, &second[width - 1..]);
        let (surname, given_names) = names(&first[5..]);
        Self {
            format,
            document_code: trim(&first[0..2]),
            issuer: trim(&first[2..5]),
            document_number: number.number,
            optional_1: number.rest,
            optional_2: String::new(),
            birth: second[13..19].to_owned(),
            sex: second.as_bytes()[20] as char,
            expiry: second[21..27].to_owned(),
            nationality: trim(&second[10..13]),
            surname,
            given_names,
            check_digits_ok,
        }
    }
}

struct DocumentNumber {
    number: String,
    rest: String,
    check_ok: bool,
}

impl DocumentNumber {
    /// A `<` in place of the check digit means that the number goes on in the optional data, followed there by
    /// its check digit and a filler (ICAO 9303-5 §4.2.4).
    fn read(field: &str, digit: &str, optional: &str) -> Self {
        if digit != "<" {
            return Self { number: trim(field), rest: trim(optional), check_ok: fits(field, digit) };
        }
        let (overflow, rest) = optional.split_once('<').unwrap_or((optional, ""));
        if overflow.is_empty() {
            return Self { number: trim(field), rest: trim(optional), check_ok: false };
        }
        let (tail, digit) = overflow.split_at(overflow.len() - 1);
        let number = [field, tail].concat();
        let check_ok = fits(&number, digit);
        Self { number, rest: trim(rest), check_ok }
    }
}

fn fits(field: &str, digit: &str) -> bool {
    check_digit(field).is_some_and(|expected| digit.starts_with(expected))
}

/// An all-filler field may carry `<` for its check digit.
fn fits_or_empty(field: &str, digit: &str) -> bool {
    fits(field, digit) || (digit == "<" && field.bytes().all(|b| b == b'<'))
}

fn trim(text: &str) -> String {
    text.trim_end_matches('<').to_owned()
}

fn names(field: &str) -> (String, String) {
    let (surname, given) = field.split_once("<<").unwrap_or((field, ""));
    (trim(surname), trim(given))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cccd_mrz_and_its_key_data() {
        let text = "IDVNM0990000176001099000017<<79901155M3901153VNM<<<<<<<<<<<8NGUYEN<<VAN<A<<<<<<<<<<<<<<<<<";
        let mrz = Mrz::parse(text).expect("MRZ");
        assert!(mrz.check_digits_ok);
        assert_eq!((mrz.document_number.as_str(), mrz.optional_1.as_str()), ("099000017", "001099000017<<7"));
        assert_eq!((mrz.surname.as_str(), mrz.given_names.as_str()), ("NGUYEN", "VAN<A"));
        assert_eq!(mrz.key().expect("key").information(), b"099000017699011553901153");
    }

    #[test]
    fn one_changed_character_fails_the_check_digits() {
        let text = "IDVNM0990000176001099000017<<79901155M3901153VNM<<<<<<<<<<<8NGUYEN<<VAN<A<<<<<<<<<<<<<<<<<";
        for position in (5..15).chain(30..37).chain(38..45) {
            let mut changed = text.as_bytes().to_vec();
            changed[position] = if changed[position] == b'1' { b'2' } else { b'1' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert!(!Mrz::parse(&changed).expect("MRZ").check_digits_ok, "position {position}");
        }
    }

    #[test]
    fn bad_input_is_refused() {
        assert_eq!(Mrz::parse("").unwrap_err(), MrzError::Length(0));
        assert_eq!(Mrz::parse("é").unwrap_err(), MrzError::Character);
        assert_eq!(MrzKey::new("1", "9901", "390115").unwrap_err(), MrzError::Date);
        assert_eq!(MrzKey::new("", "990115", "390115").unwrap_err(), MrzError::DocumentNumber);
    }
}
