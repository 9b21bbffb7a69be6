//! QR payloads that a scanner at the desk or kiosk sees.
//!
//! ```text
//! CCCD 2021 and thẻ Căn cước 2024, UTF-8, '|' between fields, more fields may follow:
//!   number(12) | old number (0, 9 or 12 digits) | name | born ddMMyyyy | sex | residence | issued ddMMyyyy
//! Health insurance card (BHYT), ends in '$':
//!   code(10 or 15) | hex name | born | sex | hex address | …
//! ```
//!
//! A QR code is unsigned: it opens the chip, and it is compared with the chip, but it proves nothing.

use crate::date;
use crate::number::Number;
use thiserror::Error;
use time::Date;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroize;

/// Why a scan is not usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QrError {
    /// Neither a citizen card nor a health insurance card.
    #[error("this QR code is neither that of a citizen card nor of a health insurance card")]
    Unknown,
    /// Fewer fields than any known card.
    #[error("this QR code has {0} fields, a citizen card has at least seven")]
    TooFewFields(usize),
    /// The field of this number (from one) does not have the form that it must have.
    #[error("field {0} of this QR code is malformed")]
    Field(usize),
}

impl QrError {
    /// A stable identifier.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "qr_unknown",
            Self::TooFewFields(_) => "qr_too_few_fields",
            Self::Field(_) => "qr_field_malformed",
        }
    }
}

/// What a scan is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scan {
    /// A citizen card.
    Cccd(Box<Qr>),
    /// A health insurance card, told apart so that it can be said; its content is not interpreted here.
    HealthInsurance,
}

/// The seven fields of a citizen card. Personal data: `Debug` hides them, and they are wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Qr {
    /// Personal identification number.
    pub number: Number,
    /// The old CMND number, if the holder had one.
    pub old_number: Option<String>,
    /// Name with diacritics, NFC.
    pub name: String,
    /// Date of birth.
    pub birth: Date,
    /// `Nam` or `Nữ`, NFC.
    pub sex: String,
    /// Place of residence, NFC.
    pub residence: String,
    /// Date of issue.
    pub issued: Date,
    /// How many fields followed the seventh. They are not kept.
    pub trailing_fields: usize,
}

impl std::fmt::Debug for Qr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Qr(…, {} trailing fields)", self.trailing_fields)
    }
}

impl Drop for Qr {
    fn drop(&mut self) {
        self.old_number.zeroize();
        self.name.zeroize();
        self.sex.zeroize();
        self.residence.zeroize();
    }
}

/// Tells what a scan is and reads a citizen card's fields.
///
/// # Errors
/// When it is neither card, or a field is malformed.
pub fn parse(text: &str) -> Result<Scan, QrError> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\0');
    let fields: Vec<&str> = text.split('|').collect();
    if fields.len() < 2 {
        return Err(QrError::Unknown);
    }
    let first = fields[0].trim();
    match first.len() {
        12 => {}
        10 | 15 if first.bytes().all(|b| b.is_ascii_alphanumeric()) => return Ok(Scan::HealthInsurance),
        _ => return Err(QrError::Unknown),
    }
    if fields.len() < 7 {
        return Err(QrError::TooFewFields(fields.len()));
    }
    let normal = |text: &str| text.trim().nfc().collect::<String>();
    let number = Number::parse(first).map_err(|_| QrError::Field(1))?;
    let old = fields[1].trim();
    if !matches!(old.len(), 0 | 9 | 12) || !old.bytes().all(|b| b.is_ascii_digit()) {
        return Err(QrError::Field(2));
    }
    let name = normal(fields[2]);
    if name.is_empty() || name.chars().any(|c| c.is_control() || c.is_ascii_digit()) {
        return Err(QrError::Field(3));
    }
    let birth = date::parse_day_first(fields[3].trim()).ok_or(QrError::Field(4))?;
    let sex = normal(fields[4]);
    if !matches!(sex.as_str(), "Nam" | "Nữ") {
        return Err(QrError::Field(5));
    }
    let issued = date::parse_day_first(fields[6].trim()).ok_or(QrError::Field(7))?;
    Ok(Scan::Cccd(Box::new(Qr {
        number,
        old_number: (!old.is_empty()).then(|| old.to_owned()),
        name,
        birth,
        sex,
        residence: normal(fields[5]),
        issued,
        trailing_fields: fields.len() - 7,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CARD: &str = "001099000017|012345678|Nguyễn Văn A|15011999|Nam|Số 1, Đường Ví Dụ, Hà Nội|15042021";

    fn card(text: &str) -> Qr {
        match parse(text) {
            Ok(Scan::Cccd(qr)) => *qr,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn seven_fields_and_any_number_of_trailing_ones() {
        let qr = card(CARD);
        assert_eq!((qr.number.digits(), qr.old_number.as_deref()), ("001099000017", Some("012345678")));
        assert_eq!((qr.name.as_str(), qr.sex.as_str(), qr.trailing_fields), ("Nguyễn Văn A", "Nam", 0));
        assert_eq!(card(&format!("{CARD}|Tên cha|001070000001|\r\n")).trailing_fields, 3);
        assert_eq!(card(&CARD.replace("|012345678|", "||")).old_number, None);
    }

    #[test]
    fn decomposed_text_becomes_composed() {
        let decomposed: String = CARD.nfd().collect();
        assert_ne!(decomposed, CARD);
        assert_eq!(card(&decomposed).name, "Nguyễn Văn A");
    }

    #[test]
    fn six_fields_or_fewer_are_refused() {
        let six = CARD.rsplit_once('|').expect("fields").0;
        assert_eq!(parse(six), Err(QrError::TooFewFields(6)));
        assert_eq!(parse("001099000017"), Err(QrError::Unknown));
        assert_eq!(parse(""), Err(QrError::Unknown));
        assert_eq!(parse("https://example.vn/?a|b"), Err(QrError::Unknown));
    }

    #[test]
    fn malformed_fields_are_named() {
        for (from, to, field) in [
            ("001099000017", "00109900001x", 1),
            ("012345678", "12", 2),
            ("Nguyễn Văn A", "", 3),
            ("15011999", "31021999", 4),
            ("Nam", "M", 5),
            ("15042021", "2021", 7),
        ] {
            assert_eq!(parse(&CARD.replace(from, to)), Err(QrError::Field(field)), "{to}");
        }
    }

    #[test]
    fn a_health_insurance_card_is_told_apart() {
        let long = "GD4010123456789|4e677579e1bb856e|15/01/1999|1|48c3a0|01 - 043|01/01/2026|-|01/01/2026|x|-|4|-|t|$";
        assert_eq!(parse(long), Ok(Scan::HealthInsurance));
        assert_eq!(parse("0123456789|4e67|1999|1|48c3a0|$"), Ok(Scan::HealthInsurance));
    }

    proptest! {
        #[test]
        fn no_scan_panics(text in "\\PC{0,200}") {
            drop(parse(&text).map_err(QrError::code));
        }

        #[test]
        fn trailing_fields_never_change_the_card(tail in "[^|]{0,20}(\\|[^|]{0,20}){0,5}") {
            let long = card(&format!("{CARD}|{tail}"));
            prop_assert_eq!((long.number.digits(), long.name.as_str()), ("001099000017", "Nguyễn Văn A"));
        }
    }
}
