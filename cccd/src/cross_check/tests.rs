use super::*;
use crate::date::Precision;
use crate::field_cases::json;
use crate::qr::{self, Scan};
use emrtd::hazmat::tlv::{self, tag};
use emrtd::mrz::check_digit;
use proptest::prelude::*;

/// The two groups and the code of one card, as text that a case may alter.
#[derive(Clone)]
struct Card {
    number: String,
    document_number: String,
    birth: String,
    sex: char,
    expiry: String,
    name: String,
    /// Added to the composite check digit.
    wrong: u8,
    dg13: Vec<(Field, String)>,
    qr: Vec<String>,
}

impl Card {
    fn new() -> Self {
        let dg13 = [
            (Field::IdNumber, "001099000017"),
            (Field::FullName, "Nguyễn Văn An"),
            (Field::DateOfBirth, "15/01/1999"),
            (Field::Sex, "Nam"),
            (Field::IssueDate, "15/04/2021"),
            (Field::ExpiryDate, "15/01/2039"),
        ];
        let qr = ["001099000017", "", "Nguyễn Văn An", "15011999", "Nam", "Số 1", "15042021"];
        Self {
            number: "001099000017".to_owned(),
            document_number: "099000017".to_owned(),
            birth: "990115".to_owned(),
            sex: 'M',
            expiry: "390115".to_owned(),
            name: "NGUYEN<<VAN<AN".to_owned(),
            wrong: 0,
            dg13: dg13.map(|(field, text)| (field, text.to_owned())).to_vec(),
            qr: qr.map(str::to_owned).to_vec(),
        }
    }

    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut card = self.clone();
        change(&mut card);
        card
    }

    fn dg13_with(&self, field: Field, text: &str) -> Self {
        self.with(|card| {
            card.dg13.retain(|(old, _)| *old != field);
            card.dg13.push((field, text.to_owned()));
        })
    }

    fn qr_with(&self, field: usize, text: &str) -> Self {
        self.with(|card| card.qr[field - 1] = text.to_owned())
    }

    fn mrz(&self) -> Mrz {
        let digit = |text: &str| check_digit(text).expect("digit");
        let with_digit = |text: &str| format!("{text}{}", digit(text));
        let first = format!("{:<<30}", format!("IDVNM{}{}", with_digit(&self.document_number), self.number));
        let (birth, expiry) = (with_digit(&self.birth), with_digit(&self.expiry));
        let composite = digit(&[&first[5..], &birth, &expiry, &"<".repeat(11)].concat()).to_digit(10).expect("digit");
        let composite = (composite + u32::from(self.wrong)) % 10;
        let text = format!("{first}{birth}{}{expiry}VNM{}{composite}{:<<30}", self.sex, "<".repeat(11), self.name);
        Mrz::parse(&text).expect("MRZ")
    }

    fn dg13(&self) -> Dg13 {
        let entry = |(field, text): &(Field, String)| {
            let index = tlv::encode(tag::INTEGER, &[*field as u8]);
            tlv::encode(tag::SEQUENCE, &[index, tlv::encode(tag::UTF8_STRING, text.as_bytes())].concat())
        };
        let entries: Vec<u8> = self.dg13.iter().flat_map(entry).collect();
        Dg13::parse(&tlv::encode(0x6D, &tlv::encode(tag::SEQUENCE, &entries))).expect("EF.DG13")
    }

    fn scan(&self) -> Qr {
        match qr::parse(&self.qr.join("|")) {
            Ok(Scan::Cccd(qr)) => *qr,
            other => panic!("{other:?}"),
        }
    }

    fn check(&self) -> CrossCheck {
        let (mrz, dg13, qr) = (self.mrz(), self.dg13(), self.scan());
        cross_check(Sources { mrz: Some(&mrz), dg13: Some(&dg13), qr: Some(&qr), number: Some(&qr.number) })
    }
}

/// What is not passed, as `id:reason`, in the order of the checks.
fn found(result: &CrossCheck, outcome: Outcome) -> Vec<String> {
    let checks = result.checks.iter().filter(|check| check.outcome == outcome);
    checks.map(|check| format!("{}:{}", check.id, check.reason.as_deref().unwrap_or_default())).collect()
}

#[test]
fn a_card_whose_parts_agree_passes_every_check() {
    let result = Card::new().check();
    let ids: Vec<&str> = result.checks.iter().map(|check| check.id.as_str()).collect();
    let expected = [
        "mrz_check_digits",
        "dg1_dg13_number",
        "dg1_dg13_birth",
        "dg1_dg13_sex",
        "dg1_dg13_expiry",
        "dg1_dg13_name",
        "chip_qr_number",
        "chip_qr_name",
        "chip_qr_birth",
        "chip_qr_sex",
        "chip_qr_issue",
    ];
    assert_eq!(ids, expected);
    assert!(result.checks.iter().all(|check| check.outcome == Outcome::Passed), "{result:?}");
    assert_eq!(result.consistency, Consistency::Agrees);
}

#[test]
fn every_field_altered_on_each_side_gives_its_remarks_and_no_others() {
    let card = Card::new();
    let (remarks, other) = (Consistency::Remarks, Consistency::OtherCard);
    for (what, card, expected, consistency) in [
        // EF.DG1.
        ("digit", card.with(|c| c.wrong = 1), &["mrz_check_digits:check_digit_wrong"][..], remarks),
        (
            "number",
            card.with(|c| c.number = "001099000018".to_owned()),
            &["dg1_dg13_number:number_differs", "chip_qr_number:number_differs"],
            other,
        ),
        (
            "document number",
            card.with(|c| c.document_number = "099000018".to_owned()),
            &["dg1_dg13_number:document_number_differs"],
            remarks,
        ),
        ("birth", card.with(|c| c.birth = "990116".to_owned()), &["dg1_dg13_birth:birth_differs"], remarks),
        ("sex", card.with(|c| c.sex = 'F'), &["dg1_dg13_sex:sex_differs"], remarks),
        ("expiry", card.with(|c| c.expiry = "390116".to_owned()), &["dg1_dg13_expiry:expiry_differs"], remarks),
        ("name", card.with(|c| c.name = "NGUYEN<<VAN<ANH".to_owned()), &["dg1_dg13_name:name_differs"], remarks),
        ("order", card.with(|c| c.name = "AN<<NGUYEN<VAN".to_owned()), &["dg1_dg13_name:name_other_order"], remarks),
        // EF.DG13.
        (
            "number",
            card.dg13_with(Field::IdNumber, "001099000018"),
            &["dg1_dg13_number:number_differs", "chip_qr_number:number_differs"],
            other,
        ),
        (
            "name",
            card.dg13_with(Field::FullName, "Nguyễn Văn Anh"),
            &["dg1_dg13_name:name_differs", "chip_qr_name:name_differs"],
            remarks,
        ),
        ("mark", card.dg13_with(Field::FullName, "Nguyễn Văn Ân"), &["chip_qr_name:name_differs"], remarks),
        (
            "birth",
            card.dg13_with(Field::DateOfBirth, "15/02/1999"),
            &["dg1_dg13_birth:birth_differs", "chip_qr_birth:birth_differs"],
            remarks,
        ),
        ("century", card.dg13_with(Field::DateOfBirth, "15/01/1899"), &["chip_qr_birth:birth_differs"], remarks),
        ("sex", card.dg13_with(Field::Sex, "NỮ"), &["dg1_dg13_sex:sex_differs", "chip_qr_sex:sex_differs"], remarks),
        ("expiry", card.dg13_with(Field::ExpiryDate, "15/01/2040"), &["dg1_dg13_expiry:expiry_differs"], remarks),
        ("issue", card.dg13_with(Field::IssueDate, "16/04/2021"), &["chip_qr_issue:issue_date_differs"], remarks),
        // The QR code.
        ("number", card.qr_with(1, "001099000018"), &["chip_qr_number:number_differs"], other),
        ("name", card.qr_with(3, "Trần Văn An"), &["chip_qr_name:name_differs"], remarks),
        ("marks", card.qr_with(3, "Nguyen Van An"), &["chip_qr_name:name_without_marks"], remarks),
        ("birth", card.qr_with(4, "15012000"), &["chip_qr_birth:birth_differs"], remarks),
        ("sex", card.qr_with(5, "Nữ"), &["chip_qr_sex:sex_differs"], remarks),
        ("issue", card.qr_with(7, "15042022"), &["chip_qr_issue:issue_date_differs"], remarks),
    ] {
        let result = card.check();
        assert_eq!(found(&result, Outcome::Remark), expected, "{what}");
        assert_eq!(result.consistency, consistency, "{what}");
        assert!(result.checks.iter().all(|check| matches!(check.outcome, Outcome::Passed | Outcome::Remark)), "{what}");
    }
}

#[test]
fn what_is_absent_or_odd_is_not_compared_and_is_no_remark() {
    let card = Card::new();
    let without = |field: Field| card.with(|card| card.dg13.retain(|(old, _)| *old != field));
    for (card, expected) in [
        (without(Field::IdNumber), &["dg1_dg13_number:field_absent"][..]),
        // The chip's other group still has these.
        (without(Field::FullName), &["dg1_dg13_name:field_absent"]),
        (without(Field::DateOfBirth), &["dg1_dg13_birth:field_absent"]),
        (without(Field::Sex), &["dg1_dg13_sex:field_absent"]),
        (without(Field::ExpiryDate), &["dg1_dg13_expiry:field_absent"]),
        (without(Field::IssueDate), &["chip_qr_issue:field_absent"]),
        (card.dg13_with(Field::IdNumber, "12"), &["dg1_dg13_number:field_unreadable"]),
        (
            card.dg13_with(Field::DateOfBirth, "soon"),
            &["dg1_dg13_birth:field_unreadable", "chip_qr_birth:field_unreadable"],
        ),
        (card.dg13_with(Field::DateOfBirth, "00/00/0000"), &["dg1_dg13_birth:not_known", "chip_qr_birth:not_known"]),
        (card.dg13_with(Field::Sex, "?"), &["dg1_dg13_sex:field_unreadable", "chip_qr_sex:field_unreadable"]),
        (card.dg13_with(Field::ExpiryDate, "Không thời hạn"), &["dg1_dg13_expiry:without_end"]),
        (card.with(|card| card.sex = '<'), &["dg1_dg13_sex:field_absent"]),
        (card.with(|card| card.birth = "9901<5".to_owned()), &["dg1_dg13_birth:field_unreadable"]),
        (card.with(|card| card.name.clear()), &["dg1_dg13_name:field_absent"]),
        (card.with(|card| card.number.clear()), &["dg1_dg13_number:field_absent"]),
        (card.with(|card| card.number = "00109900001A".to_owned()), &["dg1_dg13_number:field_absent"]),
        (card.qr_with(3, ""), &["chip_qr_name:field_absent"]),
        (card.qr_with(3, "123"), &["chip_qr_name:field_unreadable"]),
        (card.qr_with(4, ""), &["chip_qr_birth:field_absent"]),
        (card.qr_with(4, "soon"), &["chip_qr_birth:field_unreadable"]),
        (card.qr_with(5, ""), &["chip_qr_sex:field_absent"]),
        (card.qr_with(5, "M"), &["chip_qr_sex:field_unreadable"]),
        (card.qr_with(7, ""), &["chip_qr_issue:field_absent"]),
    ] {
        let result = card.check();
        assert_eq!(found(&result, Outcome::NotPerformed), expected);
        assert_eq!(found(&result, Outcome::Remark), [""; 0], "{expected:?}");
        assert_eq!(result.consistency, Consistency::Agrees, "{expected:?}");
    }
}

#[test]
fn without_national_data_the_paper_is_compared_with_the_mrz() {
    let card = Card::new();
    let check = |card: &Card| {
        let (mrz, qr) = (card.mrz(), card.scan());
        cross_check(Sources { mrz: Some(&mrz), qr: Some(&qr), ..Sources::default() })
    };
    let result = check(&card);
    assert_eq!(found(&result, Outcome::NotPerformed), ["chip_qr_issue:field_absent"]);
    assert_eq!(result.consistency, Consistency::Agrees);
    for (field, text, remark) in [
        (3, "Trần Văn An", "chip_qr_name:name_differs"),
        (4, "16011999", "chip_qr_birth:birth_differs"),
        (5, "Nữ", "chip_qr_sex:sex_differs"),
    ] {
        assert_eq!(found(&check(&card.qr_with(field, text)), Outcome::Remark), [remark]);
    }
}

#[test]
fn a_number_that_the_chip_cannot_confirm_is_another_card() {
    let card = Card::new();
    let (mrz, dg13, qr) = (card.mrz(), card.dg13(), card.scan());
    let (number, other) = (qr.number.clone(), Number::parse("001099000018").expect("number"));
    let (mrz, dg13) = (Some(&mrz), Some(&dg13));
    let numberless = card.with(|card| {
        card.number.clear();
        card.dg13.retain(|(field, _)| *field != Field::IdNumber);
    });
    let (bare_mrz, bare_dg13) = (numberless.mrz(), numberless.dg13());
    let mut foreign = card.mrz();
    foreign.issuer = "KOR".to_owned();
    // A Vietnamese passport has a number in the same place of another form.
    let passport =
        format!("P<VNM{:<<39}{:<<28}{:<<16}", "NGUYEN<<VAN<AN", "B1234567<1VNM9901155M3901153", "001099000017");
    let passport = Mrz::parse(&passport).expect("MRZ");
    assert_eq!(passport.optional_1.get(..12), Some("001099000017"));
    let contradiction = card.dg13_with(Field::IdNumber, "001099000018").dg13();
    for (sources, consistency, remarks) in [
        (Sources { mrz, dg13, number: Some(&number), qr: None }, Consistency::Agrees, &[][..]),
        (Sources { mrz, number: Some(&number), ..Sources::default() }, Consistency::Agrees, &[]),
        (Sources { dg13, number: Some(&number), ..Sources::default() }, Consistency::Agrees, &[]),
        // No number was scanned, so none is missed.
        (Sources { mrz, dg13, ..Sources::default() }, Consistency::Agrees, &[]),
        (Sources { mrz: Some(&bare_mrz), dg13: Some(&bare_dg13), ..Sources::default() }, Consistency::Agrees, &[]),
        (
            Sources { mrz, dg13, number: Some(&other), qr: None },
            Consistency::OtherCard,
            &["chip_number:number_differs"],
        ),
        // The code's number fits, the typed one does not.
        (
            Sources { mrz, dg13, number: Some(&other), qr: Some(&qr) },
            Consistency::OtherCard,
            &["chip_number:number_differs"],
        ),
        (
            Sources { mrz: Some(&bare_mrz), dg13: Some(&bare_dg13), number: Some(&number), qr: None },
            Consistency::OtherCard,
            &["chip_number:number_not_on_chip"],
        ),
        (
            Sources { mrz: Some(&foreign), number: Some(&number), ..Sources::default() },
            Consistency::OtherCard,
            &["chip_number:number_not_on_chip"],
        ),
        (
            Sources { mrz: Some(&passport), number: Some(&number), ..Sources::default() },
            Consistency::OtherCard,
            &["mrz_check_digits:check_digit_wrong", "chip_number:number_not_on_chip"],
        ),
        (
            Sources { number: Some(&number), ..Sources::default() },
            Consistency::OtherCard,
            &["chip_number:number_not_on_chip"],
        ),
        // Two numbers under one signature: whichever was scanned, it is not both.
        (
            Sources { mrz, dg13: Some(&contradiction), number: Some(&number), qr: None },
            Consistency::OtherCard,
            &["dg1_dg13_number:number_differs", "chip_number:number_differs"],
        ),
        (
            Sources { mrz, dg13: Some(&contradiction), number: Some(&other), qr: None },
            Consistency::OtherCard,
            &["dg1_dg13_number:number_differs", "chip_number:number_differs"],
        ),
        (
            Sources { mrz, dg13: Some(&contradiction), ..Sources::default() },
            Consistency::Remarks,
            &["dg1_dg13_number:number_differs"],
        ),
    ] {
        let result = cross_check(sources);
        assert_eq!((found(&result, Outcome::Remark), result.consistency), (remarks_of(remarks), consistency));
    }
}

fn remarks_of(remarks: &[&str]) -> Vec<String> {
    remarks.iter().map(|remark| (*remark).to_owned()).collect()
}

#[test]
fn names_dg13_mrz_of_the_field_are_remarks_at_most() {
    let mut seen = Vec::new();
    for pair in json("names-dg13-mrz.json")["pairs"].as_array().expect("pairs") {
        let full = pair["dg13"].as_str().expect("name");
        let line = pair["mrz_line_3"].as_str().expect("line").to_owned();
        let card = Card::new().dg13_with(Field::FullName, full).qr_with(3, full).with(|card| card.name = line);
        let result = card.check();
        assert_eq!(found(&result, Outcome::Failed), [""; 0]);
        seen.push(found(&result, Outcome::Remark).concat());
    }
    assert_eq!(seen, ["", "dg1_dg13_name:name_cut", "", "dg1_dg13_name:name_other_order"]);
}

#[test]
fn birth_dg13_mrz_of_the_field_agrees() {
    let cases = json("birth-dg13-mrz.json");
    let pairs = cases["pairs"].as_array().expect("pairs").iter();
    let measured = [("01/01/1955", "500000"), ("1950", "500000"), ("00/00/1950", "500101"), ("01/01/1950", "500000")];
    let pairs = pairs.map(|pair| (pair["dg13"].as_str().expect("text"), pair["mrz"].as_str().expect("text")));
    for (at, (dg13, mrz)) in pairs.chain(measured).enumerate() {
        let card = Card::new().dg13_with(Field::DateOfBirth, dg13).qr_with(4, dg13);
        let result = card.with(|card| card.birth = mrz.to_owned()).check();
        // The second has another year.
        let expected = if at == 1 { "dg1_dg13_birth:birth_differs" } else { "" };
        assert_eq!(found(&result, Outcome::Remark).concat(), expected, "{dg13} {mrz}");
    }
}

#[test]
fn mrz_signed_wrong_digit_of_the_field_is_a_remark() {
    let case = json("mrz-signed-wrong-digit.json");
    assert_eq!(case["mrz_change"], "last character of line 2 plus one");
    let result = Card::new().with(|card| card.wrong = 1).check();
    assert_eq!(found(&result, Outcome::Remark), ["mrz_check_digits:check_digit_wrong"]);
    assert_eq!(result.consistency, Consistency::Remarks);
}

#[test]
fn a_code_that_knows_less_agrees_in_what_it_knows() {
    let card = Card::new().qr_with(4, "1999").qr_with(7, "04/2021").qr_with(5, "NAM").qr_with(3, "NGUYỄN  VĂN AN");
    assert_eq!(card.scan().birth.map(CardDate::precision), Some(Precision::Year));
    let result = card.check();
    assert!(result.checks.iter().all(|check| check.outcome == Outcome::Passed), "{result:?}");
}

#[test]
fn the_number_structure_is_advice() {
    let number = Number::parse("001099000017").expect("number");
    assert!(number_advice(&number, 1999, 'M').is_empty());
    assert!(number_advice(&number, 1999, '<').is_empty());
    assert_eq!(number_advice(&number, 1998, 'F'), ["number_birth_year_unusual", "number_sex_unusual"]);
    let abroad = Number::parse("116099000017").expect("number");
    assert_eq!(number_advice(&abroad, 1999, 'M'), ["number_province_unknown"]);
}

proptest! {
    #[test]
    fn nothing_ever_fails(
        birth in "[0-9<]{6}", expiry in "[0-9<]{6}", sex in "[MFX<]", name in "[A-Z<]{0,30}",
        texts in proptest::collection::vec("\\PC{0,20}", 6), codes in proptest::collection::vec("[^|$]{0,20}", 6),
    ) {
        let mut card = Card::new();
        (card.birth, card.expiry, card.name) = (birth, expiry, name);
        card.sex = sex.chars().next().expect("one");
        for (at, text) in texts.into_iter().enumerate() {
            card.dg13[at].1 = text;
        }
        card.qr.splice(2.., codes);
        let result = card.check();
        prop_assert!(result.checks.iter().all(|check| check.outcome != Outcome::Failed));
        let remarks = result.checks.iter().any(|check| check.outcome == Outcome::Remark);
        prop_assert!(remarks || result.consistency == Consistency::Agrees);
        // Only the number says "another card".
        let number = result.checks.iter().find(|check| check.id == "chip_qr_number").expect("number");
        prop_assert_eq!(result.consistency == Consistency::OtherCard, number.outcome != Outcome::Passed);
    }
}
