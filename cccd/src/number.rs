//! The 12-digit personal identification number (số định danh cá nhân), `PPP G YY RRRRRR`.
//!
//! Only "twelve digits" is law (Luật Căn cước 26/2023, Art. 12). The structure of the older circulars
//! (TT 59/2021/TT-BCA, Art. 4) is therefore advice: it is shown, never enforced.

use crate::name::Folded;
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

/// The text is not a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a personal identification number has 12 digits")]
pub struct NumberError;

/// A personal identification number. Personal data: `Debug` hides it, and it is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Number(String);

impl Drop for Number {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Number(…)")
    }
}

/// Sex as the number encodes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Sex {
    Male,
    Female,
}

impl Sex {
    /// From the words of the card and its QR code, `Nam` and `Nữ`, in any spelling that [`Folded`] takes for these.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        match Folded::new(text).plain().as_str() {
            "nam" => Some(Self::Male),
            "nu" => Some(Self::Female),
            _ => None,
        }
    }

    /// From the letter of an MRZ; `<` and `X` are neither.
    #[must_use]
    pub const fn from_mrz(letter: char) -> Option<Self> {
        match letter {
            'M' => Some(Self::Male),
            'F' => Some(Self::Female),
            _ => None,
        }
    }
}

impl Number {
    /// Takes twelve ASCII digits, whatever spaces stand around and between them.
    #[must_use]
    pub fn from_spaced(text: &str) -> Option<Self> {
        let digits: Zeroizing<String> = Zeroizing::new(text.chars().filter(|c| !c.is_whitespace()).collect());
        Self::parse(&digits).ok()
    }

    /// Takes exactly twelve ASCII digits.
    ///
    /// # Errors
    /// For anything else.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NumberError)
        }
    }

    /// The twelve digits.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// The card access number of a CCCD: the last six digits.
    #[must_use]
    pub fn can(&self) -> &str {
        &self.0[6..]
    }

    /// The document number of the MRZ: the last nine digits.
    #[must_use]
    pub fn document_number(&self) -> &str {
        &self.0[3..]
    }

    /// Code of the province or country of birth registration. Codes are never removed from numbers in use, and
    /// foreign-born holders have country codes, so an unknown one means nothing.
    #[must_use]
    pub fn province_code(&self) -> &str {
        &self.0[..3]
    }

    /// Province name for the 63 codes in force until 2025-07-01.
    #[must_use]
    pub fn province(&self) -> Option<&'static str> {
        let code = self.province_code();
        PROVINCES.iter().find(|(known, _)| *known == code).map(|(_, name)| *name)
    }

    /// Sex and year of birth according to the older structure.
    #[must_use]
    pub fn sex_and_birth_year(&self) -> (Sex, i32) {
        let digit = |at: usize| i32::from(self.0.as_bytes()[at] - b'0');
        let sex = if digit(3) % 2 == 0 { Sex::Male } else { Sex::Female };
        (sex, 1900 + digit(3) / 2 * 100 + digit(4) * 10 + digit(5))
    }
}

#[rustfmt::skip]
const PROVINCES: [(&str, &str); 63] = [
    ("001", "Hà Nội"), ("002", "Hà Giang"), ("004", "Cao Bằng"), ("006", "Bắc Kạn"), ("008", "Tuyên Quang"),
    ("010", "Lào Cai"), ("011", "Điện Biên"), ("012", "Lai Châu"), ("014", "Sơn La"), ("015", "Yên Bái"),
    ("017", "Hòa Bình"), ("019", "Thái Nguyên"), ("020", "Lạng Sơn"), ("022", "Quảng Ninh"), ("024", "Bắc Giang"),
    ("025", "Phú Thọ"), ("026", "Vĩnh Phúc"), ("027", "Bắc Ninh"), ("030", "Hải Dương"), ("031", "Hải Phòng"),
    ("033", "Hưng Yên"), ("034", "Thái Bình"), ("035", "Hà Nam"), ("036", "Nam Định"), ("037", "Ninh Bình"),
    ("038", "Thanh Hóa"), ("040", "Nghệ An"), ("042", "Hà Tĩnh"), ("044", "Quảng Bình"), ("045", "Quảng Trị"),
    ("046", "Thừa Thiên Huế"), ("048", "Đà Nẵng"), ("049", "Quảng Nam"), ("051", "Quảng Ngãi"), ("052", "Bình Định"),
    ("054", "Phú Yên"), ("056", "Khánh Hòa"), ("058", "Ninh Thuận"), ("060", "Bình Thuận"), ("062", "Kon Tum"),
    ("064", "Gia Lai"), ("066", "Đắk Lắk"), ("067", "Đắk Nông"), ("068", "Lâm Đồng"), ("070", "Bình Phước"),
    ("072", "Tây Ninh"), ("074", "Bình Dương"), ("075", "Đồng Nai"), ("077", "Bà Rịa - Vũng Tàu"), ("079", "TP. Hồ Chí Minh"),
    ("080", "Long An"), ("082", "Tiền Giang"), ("083", "Bến Tre"), ("084", "Trà Vinh"), ("086", "Vĩnh Long"),
    ("087", "Đồng Tháp"), ("089", "An Giang"), ("091", "Kiên Giang"), ("092", "Cần Thơ"), ("093", "Hậu Giang"),
    ("094", "Sóc Trăng"), ("095", "Bạc Liêu"), ("096", "Cà Mau"),
];

/// Old and cancelled numbers in one text (NĐ 70/2024, Art. 12), parted by a comma, a semicolon or a slash; spaces within one are no matter, spaces alone part whole
/// numbers. Nothing is kept when one of them has neither 9 nor 12 digits: a wrong number would find a wrong person.
#[must_use]
pub fn old_numbers(text: &str) -> Option<Vec<String>> {
    let is_number = |text: &str| matches!(text.len(), 9 | 12) && text.bytes().all(|b| b.is_ascii_digit());
    let mut numbers = Vec::new();
    for part in text.split([',', ';', '/']).filter(|part| !part.trim().is_empty()) {
        let words: Vec<&str> = part.split_whitespace().collect();
        let joined = Zeroizing::new(words.concat());
        if is_number(&joined) {
            numbers.push(String::clone(&joined));
        } else if words.iter().all(|word| is_number(word)) {
            numbers.extend(words.into_iter().map(str::to_owned));
        } else {
            numbers.zeroize();
            return None;
        }
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_number() {
        let number = Number::parse("001099000017").expect("number");
        assert_eq!((number.can(), number.document_number()), ("000017", "099000017"));
        assert_eq!(number.province(), Some("Hà Nội"));
        assert_eq!(number.sex_and_birth_year(), (Sex::Male, 1999));
        assert_eq!(Number::parse("079306000123").expect("number").sex_and_birth_year(), (Sex::Female, 2006));
    }

    #[test]
    fn a_sex_is_read_in_any_spelling_of_the_card() {
        for text in ["Nam", "NAM", " nam "] {
            assert_eq!(Sex::from_text(text), Some(Sex::Male), "{text}");
        }
        for text in ["Nữ", "NỮ", "nu", "Nu\u{31b}\u{303}"] {
            assert_eq!(Sex::from_text(text), Some(Sex::Female), "{text}");
        }
        for text in ["", "M", "F", "Khác", "Nam Nữ"] {
            assert_eq!(Sex::from_text(text), None, "{text}");
        }
        assert_eq!(['M', 'F', '<', 'X'].map(Sex::from_mrz), [Some(Sex::Male), Some(Sex::Female), None, None]);
    }

    #[test]
    fn spaces_in_a_number_are_no_matter() {
        assert_eq!(Number::from_spaced(" 001 099\u{a0}000017 "), Number::parse("001099000017").ok());
        assert_eq!(Number::from_spaced("001-099-000017"), None);
    }

    #[test]
    fn only_twelve_ascii_digits_are_a_number() {
        for text in ["", "00109900001", "0010990000170", "00109900001a", "٠٠١٠٩٩٠٠٠٠١٧"] {
            assert_eq!(Number::parse(text), Err(NumberError), "{text}");
        }
        assert_eq!(format!("{:?}", Number::parse("001099000017")), "Ok(Number(…))");
    }
}
