//! Do DG1, DG13 and what was scanned tell of the same card?
//!
//! Nothing here fails a document. EF.DG1 and EF.DG13 stand under one signature, so what they say differently is the
//! issuer's affair: a remark. A QR code is unsigned and passes through printers, scanners and keyboards, so a name or
//! a date that differs is a remark, too. The number alone says whose card it is: a number that was scanned or typed,
//! and that the chip does not have, is that of another card.
//!
//! | check | compares | reasons of a remark |
//! |---|---|---|
//! | `mrz_check_digits` | EF.DG1 with itself | `check_digit_wrong` |
//! | `dg1_dg13_number` | groups | `number_differs`, `document_number_differs` |
//! | `dg1_dg13_birth`, `_sex`, `_expiry` | groups | `birth_differs`, `sex_differs`, `expiry_differs` |
//! | `dg1_dg13_name` | groups | `name_cut`, `name_other_order`, `name_differs` |
//! | `chip_qr_number`, `chip_number` | chip, QR code or typed number | `number_differs`, `number_not_on_chip` |
//! | `chip_qr_name` | chip, QR code | as `dg1_dg13_name`, and `name_without_marks` |
//! | `chip_qr_birth`, `_sex`, `_issue` | chip, QR code | `birth_differs`, `sex_differs`, `issue_date_differs` |
//!
//! A comparison that cannot be made is `not_performed`: `field_absent`, `field_unreadable` (it holds something of
//! another form), `not_known` (a date of which nothing is known) or `without_end` (a card that does not expire).

use crate::date::{Agreement, CardDate, Century, is_without_end};
use crate::dg13::{Dg13, Field};
use crate::name::{Folded, Likeness};
use crate::number::{Number, Sex};
use crate::qr::Qr;
use emrtd::{Check, Mrz, MrzFormat, Outcome};
use verdict::Consistency;

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

/// What the comparison found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrossCheck {
    /// Every comparison; none has failed. Each check's id says which sides it compares.
    pub checks: Vec<Check>,
    /// The answer over them.
    pub consistency: Consistency,
}

/// Compares whatever is there.
#[must_use]
pub fn cross_check(sources: Sources<'_>) -> CrossCheck {
    let mut checks = Vec::new();
    if let Some(mrz) = sources.mrz {
        checks.push(answer("mrz_check_digits", mrz.check_digits_ok, "check_digit_wrong"));
    }
    if let (Some(mrz), Some(dg13)) = (sources.mrz, sources.dg13) {
        checks.extend(groups(mrz, dg13));
    }
    let mut other_card = false;
    let scanned = sources.qr.map(|qr| ("chip_qr_number", &qr.number));
    // One number under two names is compared once.
    let typed = sources.number.filter(|number| scanned.is_none_or(|(_, scanned)| scanned != *number));
    for (id, number) in scanned.into_iter().chain(typed.map(|number| ("chip_number", number))) {
        let check = number_on_chip(id, number, sources);
        other_card |= check.outcome != Outcome::Passed;
        checks.push(check);
    }
    if let Some(qr) = sources.qr {
        checks.extend(paper(qr, sources));
    }
    let consistency = if other_card {
        Consistency::OtherCard
    } else if checks.iter().any(|check| check.outcome == Outcome::Remark) {
        Consistency::Remarks
    } else {
        Consistency::Agrees
    };
    CrossCheck { checks, consistency }
}

/// EF.DG1 against EF.DG13.
fn groups(mrz: &Mrz, dg13: &Dg13) -> [Check; 5] {
    let number = match (mrz_number(mrz), dg13.get(Field::IdNumber).map(Number::from_spaced)) {
        (None, _) | (_, None) => Check::not_performed("dg1_dg13_number", "field_absent"),
        (_, Some(None)) => Check::not_performed("dg1_dg13_number", "field_unreadable"),
        (Some(printed), Some(Some(number))) if printed != number.digits() => {
            Check::remark("dg1_dg13_number", "number_differs")
        }
        (_, Some(Some(number))) => {
            let ends = mrz.document_number == number.document_number();
            answer("dg1_dg13_number", ends, "document_number_differs")
        }
    };
    let born = read(dg13.get(Field::DateOfBirth));
    let expires = dg13.get(Field::ExpiryDate);
    let expiry = match expires {
        Some(text) if is_without_end(text) => Check::not_performed("dg1_dg13_expiry", "without_end"),
        text => {
            let printed = Datum::of(CardDate::from_mrz(&mrz.expiry, Century::Expiry));
            dates("dg1_dg13_expiry", printed, read(text), "expiry_differs")
        }
    };
    let name = match dg13.get(Field::FullName).map(Folded::new) {
        Some(name) if !mrz.surname.is_empty() => likeness("dg1_dg13_name", name.compare_mrz(mrz)),
        _ => Check::not_performed("dg1_dg13_name", "field_absent"),
    };
    [
        number,
        dates("dg1_dg13_birth", mrz_birth(mrz, born), born, "birth_differs"),
        sexes("dg1_dg13_sex", mrz_sex(mrz), dg13.get(Field::Sex)),
        expiry,
        name,
    ]
}

/// The QR code's other fields against the chip: EF.DG13, and EF.DG1 where that has not the field.
fn paper(qr: &Qr, sources: Sources<'_>) -> [Check; 4] {
    let chip = |field| sources.dg13.and_then(|dg13| dg13.get(field));
    // What is odd on paper is there, and cannot be read.
    let scanned = |at: usize, date: Option<CardDate>| match date {
        None if qr.odd.contains(&at) => Datum::Unreadable,
        date => date.map_or(Datum::Absent, Datum::Read),
    };
    let name = match (qr.name.as_deref().map(Folded::new), chip(Field::FullName), sources.mrz) {
        (None, _, _) if qr.odd.contains(&3) => Check::not_performed("chip_qr_name", "field_unreadable"),
        (Some(name), Some(full), _) => likeness("chip_qr_name", name.compare(&Folded::new(full))),
        (Some(name), None, Some(mrz)) if !mrz.surname.is_empty() => likeness("chip_qr_name", name.compare_mrz(mrz)),
        _ => Check::not_performed("chip_qr_name", "field_absent"),
    };
    let born = scanned(4, qr.birth);
    let birth = match (read(chip(Field::DateOfBirth)), sources.mrz) {
        (Datum::Absent, Some(mrz)) => mrz_birth(mrz, born),
        (birth, _) => birth,
    };
    let sex = match (chip(Field::Sex), sources.mrz) {
        (Some(text), _) => Sex::from_text(text).map_or(Datum::Unreadable, Datum::Read),
        (None, Some(mrz)) => mrz_sex(mrz),
        (None, None) => Datum::Absent,
    };
    let sex = match qr.odd.contains(&5) {
        true => Check::not_performed("chip_qr_sex", "field_unreadable"),
        false => sexes("chip_qr_sex", sex, qr.sex.as_deref()),
    };
    [
        name,
        dates("chip_qr_birth", birth, born, "birth_differs"),
        sex,
        dates("chip_qr_issue", read(chip(Field::IssueDate)), scanned(7, qr.issued), "issue_date_differs"),
    ]
}

/// A scanned or typed number against every number that the signed data carry: it must be each of them.
fn number_on_chip(id: &str, number: &Number, sources: Sources<'_>) -> Check {
    let national = sources.dg13.and_then(|dg13| Number::from_spaced(dg13.get(Field::IdNumber)?));
    let printed = sources.mrz.and_then(mrz_number);
    match (national.as_ref().map(Number::digits), printed) {
        (None, None) => Check::remark(id, "number_not_on_chip"),
        (national, printed) => {
            let is_it = |digits: &str| digits == number.digits();
            answer(id, national.is_none_or(is_it) && printed.is_none_or(is_it), "number_differs")
        }
    }
}

/// Structure of the number against sex and birth. Advice only: the law promises twelve digits and no more.
#[must_use]
pub fn number_advice(number: &Number, birth_year: i32, sex: char) -> Vec<&'static str> {
    let (expected_sex, expected_year) = number.sex_and_birth_year();
    let mut advice = Vec::new();
    if expected_year != birth_year {
        advice.push("number_birth_year_unusual");
    }
    if Sex::from_mrz(sex).is_some_and(|sex| sex != expected_sex) {
        advice.push("number_sex_unusual");
    }
    if number.province().is_none() {
        advice.push("number_province_unknown");
    }
    advice
}

/// The number in the optional data of the first MRZ line of a Vietnamese card; other documents have none there.
#[must_use]
pub fn mrz_number(mrz: &Mrz) -> Option<&str> {
    let digits = mrz.optional_1.get(..12).filter(|text| Number::parse(text).is_ok())?;
    (mrz.format == MrzFormat::Td1 && mrz.issuer == "VNM").then_some(digits)
}

/// One side of a comparison.
#[derive(Clone, Copy)]
enum Datum<T> {
    Absent,
    Unreadable,
    Read(T),
}

impl<T> Datum<T> {
    fn of(value: Option<T>) -> Self {
        value.map_or(Self::Unreadable, Self::Read)
    }
}

fn read(text: Option<&str>) -> Datum<CardDate> {
    text.map_or(Datum::Absent, |text| Datum::of(CardDate::from_text(text)))
}

/// The MRZ has two digits of the year, so its century is that of the date that it is compared with.
fn mrz_birth(mrz: &Mrz, other: Datum<CardDate>) -> Datum<CardDate> {
    let not_after = match other {
        Datum::Read(date) => date.year(),
        _ => None,
    };
    Datum::of(CardDate::from_mrz(&mrz.birth, Century::Birth { not_after: not_after.unwrap_or(2099) }))
}

fn mrz_sex(mrz: &Mrz) -> Datum<Sex> {
    Sex::from_mrz(mrz.sex).map_or(Datum::Absent, Datum::Read)
}

fn dates(id: &str, a: Datum<CardDate>, b: Datum<CardDate>, reason: &str) -> Check {
    match (a, b) {
        (Datum::Unreadable, _) | (_, Datum::Unreadable) => Check::not_performed(id, "field_unreadable"),
        (Datum::Absent, _) | (_, Datum::Absent) => Check::not_performed(id, "field_absent"),
        (Datum::Read(a), Datum::Read(b)) => match a.agrees_with(b) {
            Agreement::Same | Agreement::Coarser => Check::passed(id),
            Agreement::Differs => Check::remark(id, reason),
            Agreement::NotKnown => Check::not_performed(id, "not_known"),
        },
    }
}

fn sexes(id: &str, chip: Datum<Sex>, text: Option<&str>) -> Check {
    match (chip, text.map(Sex::from_text)) {
        (Datum::Absent, _) | (_, None) => Check::not_performed(id, "field_absent"),
        (Datum::Unreadable, _) | (_, Some(None)) => Check::not_performed(id, "field_unreadable"),
        (Datum::Read(chip), Some(Some(sex))) => answer(id, chip == sex, "sex_differs"),
    }
}

fn likeness(id: &str, likeness: Likeness) -> Check {
    likeness.reason().map_or_else(|| Check::passed(id), |reason| Check::remark(id, reason))
}

fn answer(id: &str, agrees: bool, reason: &str) -> Check {
    if agrees { Check::passed(id) } else { Check::remark(id, reason) }
}

#[cfg(test)]
mod tests;
