//! Do DG1, DG13 and the QR code tell of the same card? DG1 and DG13 are signed, so a difference between them
//! means that somebody altered one or that the issuer erred; a QR code is unsigned, so a difference means that
//! the paper and the chip do not belong together.

use crate::date;
use crate::dg13::{Dg13, Field};
use crate::number::{Number, Sex};
use crate::qr::Qr;
use emrtd::mrz::Mrz;
use emrtd::verdict::Check;
use unicode_normalization::UnicodeNormalization as _;

/// What is at hand for the comparison.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sources<'a> {
    /// EF.DG1.
    pub mrz: Option<&'a Mrz>,
    /// EF.DG13.
    pub dg13: Option<&'a Dg13>,
    /// The scanned QR code.
    pub qr: Option<&'a Qr>,
    /// The number that opened the card, when it was typed or scanned.
    pub number: Option<&'a Number>,
}

/// Compares whatever is there. Each check's id says which sides it compares.
#[must_use]
pub fn cross_check(sources: Sources<'_>) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(mrz) = sources.mrz {
        checks.push(equal("mrz_check_digits", mrz.check_digits_ok.then_some(true), Some(true), "check_digit_wrong"));
    }
    if let (Some(mrz), Some(dg13)) = (sources.mrz, sources.dg13) {
        let number = dg13.get(Field::IdNumber);
        checks.push(equal("dg1_dg13_number", mrz_number(mrz), number, "number_differs"));
        let born = dg13.get(Field::DateOfBirth).and_then(date::parse_day_first).map(date::mrz);
        checks.push(equal("dg1_dg13_birth", Some(mrz.birth.as_str()), born.as_deref(), "birth_differs"));
        let sex = dg13.get(Field::Sex).and_then(sex_letter);
        checks.push(equal("dg1_dg13_sex", Some(mrz.sex), sex, "sex_differs"));
        // "Không thời hạn" and other texts are not compared: their MRZ form is not known.
        let expiry = dg13.get(Field::ExpiryDate).and_then(date::parse_day_first).map(date::mrz);
        checks.push(equal("dg1_dg13_expiry", Some(mrz.expiry.as_str()), expiry.as_deref(), "expiry_differs"));
        checks.push(names(mrz, dg13.get(Field::FullName)));
    }
    let chip_number = sources.dg13.and_then(|d| d.get(Field::IdNumber)).or_else(|| sources.mrz.and_then(mrz_number));
    if let Some(qr) = sources.qr {
        checks.push(equal("chip_qr_number", chip_number, Some(qr.number.digits()), "number_differs"));
        if let Some(dg13) = sources.dg13 {
            let name = dg13.get(Field::FullName).map(str::to_uppercase);
            checks.push(equal("chip_qr_name", name, Some(qr.name.to_uppercase()), "name_differs"));
            let born = dg13.get(Field::DateOfBirth).and_then(date::parse_day_first);
            checks.push(equal("chip_qr_birth", born, Some(qr.birth), "birth_differs"));
            let issued = dg13.get(Field::IssueDate).and_then(date::parse_day_first);
            checks.push(equal("chip_qr_issue", issued, Some(qr.issued), "issue_date_differs"));
        }
    } else if let Some(number) = sources.number {
        checks.push(equal("chip_number", chip_number, Some(number.digits()), "number_differs"));
    }
    checks
}

/// Structure of the number against sex and birth. Advice only: the law promises twelve digits and no more.
#[must_use]
pub fn number_advice(number: &Number, birth_year: i32, sex: char) -> Vec<&'static str> {
    let (expected_sex, expected_year) = number.sex_and_birth_year();
    let mut advice = Vec::new();
    if expected_year != birth_year {
        advice.push("number_birth_year_unusual");
    }
    if matches!((expected_sex, sex), (Sex::Male, 'F') | (Sex::Female, 'M')) {
        advice.push("number_sex_unusual");
    }
    if number.province().is_none() {
        advice.push("number_province_unknown");
    }
    advice
}

fn equal<T: PartialEq>(id: &str, a: Option<T>, b: Option<T>, reason: &str) -> Check {
    match (a, b) {
        (Some(a), Some(b)) if a == b => Check::passed(id),
        (Some(_), Some(_)) => Check::failed(id, reason),
        (None, Some(_)) if reason == "check_digit_wrong" => Check::failed(id, reason),
        _ => Check::not_performed(id, "field_absent"),
    }
}

/// The number in the optional data of the first MRZ line of a citizen card.
#[must_use]
pub fn mrz_number(mrz: &Mrz) -> Option<&str> {
    mrz.optional_1.get(..12).filter(|text| Number::parse(text).is_ok() && text.ends_with(&mrz.document_number))
}

fn sex_letter(text: &str) -> Option<char> {
    match text.to_lowercase().as_str() {
        "nam" => Some('M'),
        "nữ" => Some('F'),
        _ => None,
    }
}

/// MRZ spelling of a Vietnamese name: no diacritics, Đ as D (ICAO 9303-3 §6).
#[must_use]
pub fn mrz_spelling(name: &str) -> String {
    let plain = name.nfd().filter(|c| !unicode_normalization::char::is_combining_mark(*c)).map(|c| match c {
        'đ' | 'Đ' => 'D',
        c if c.is_whitespace() || c == '-' => '<',
        c => c.to_ascii_uppercase(),
    });
    let mut spelled = String::new();
    for c in plain {
        let repeated = c == '<' && (spelled.is_empty() || spelled.ends_with('<'));
        if (c.is_ascii_uppercase() || c == '<') && !repeated {
            spelled.push(c);
        }
    }
    spelled.trim_end_matches('<').to_owned()
}

/// The MRZ cuts long names, so its spelling need only begin the full one.
fn names(mrz: &Mrz, name: Option<&str>) -> Check {
    const ID: &str = "dg1_dg13_name";
    let Some(name) = name else { return Check::not_performed(ID, "field_absent") };
    let full = mrz_spelling(name);
    let printed =
        if mrz.given_names.is_empty() { mrz.surname.clone() } else { format!("{}<{}", mrz.surname, mrz.given_names) };
    // Surname, "<<" and given names have 30 places on a TD1 card.
    let cut = printed.len() + 1 >= 30 && full.starts_with(&printed);
    if full == printed || cut { Check::passed(ID) } else { Check::failed(ID, "name_differs") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vietnamese_names_in_mrz_spelling() {
        assert_eq!(mrz_spelling("Đặng Thị Ngọc Ánh"), "DANG<THI<NGOC<ANH");
        assert_eq!(mrz_spelling("  Nguyễn   Văn  A "), "NGUYEN<VAN<A");
        assert_eq!(mrz_spelling("H'Hen Niê"), "HHEN<NIE");
    }

    #[test]
    fn the_number_structure_is_advice() {
        let number = Number::parse("001099000017").expect("number");
        assert!(number_advice(&number, 1999, 'M').is_empty());
        assert_eq!(number_advice(&number, 1998, 'F'), ["number_birth_year_unusual", "number_sex_unusual"]);
        let abroad = Number::parse("116099000017").expect("number");
        assert_eq!(number_advice(&abroad, 1999, 'M'), ["number_province_unknown"]);
    }
}
