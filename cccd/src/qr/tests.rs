use super::*;
use crate::date::Precision;
use crate::field_cases;
use crate::name::{Likeness, compare};
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
    assert_eq!((qr.number.digits(), &qr.old_numbers[..]), ("001099000017", &["012345678".to_owned()][..]));
    assert_eq!((qr.name.as_deref(), qr.sex.as_deref()), (Some("Nguyễn Văn A"), Some("Nam")));
    assert_eq!(qr.residence.as_deref(), Some("Số 1, Đường Ví Dụ, Hà Nội"));
    assert_eq!(qr.birth.and_then(CardDate::iso).as_deref(), Some("1999-01-15"));
    assert_eq!(qr.issued.and_then(CardDate::iso).as_deref(), Some("2021-04-15"));
    assert_eq!((qr.odd.len(), qr.trailing_fields), (0, 0));
    assert_eq!(card(&format!("{CARD}|Tên cha|001070000001|\r\n")).trailing_fields, 3);
    assert!(card(&CARD.replace("|012345678|", "||")).old_numbers.is_empty());
}

#[test]
fn decomposed_text_becomes_composed() {
    let decomposed: String = CARD.nfd().collect();
    assert_ne!(decomposed, CARD);
    assert_eq!(card(&decomposed), card(CARD));
}

#[test]
fn twelve_digits_alone_open_the_chip() {
    let fields: Vec<&str> = CARD.split('|').collect();
    for kept in 2..=7 {
        let qr = card(&fields[..kept].join("|"));
        assert_eq!((qr.number.digits(), qr.odd.len()), ("001099000017", 0), "{kept}");
        assert_eq!(qr.issued.is_some(), kept == 7);
    }
    let bare = card("001 099 000017||||||");
    assert_eq!((bare.number.digits(), bare.odd.len()), ("001099000017", 0));
    assert_eq!((bare.name.as_deref(), bare.birth, bare.sex.as_deref(), bare.issued), (None, None, None, None));
}

#[test]
fn an_odd_field_is_listed_and_not_kept_and_keeps_no_other_out() {
    let whole = card(CARD);
    for (from, to, field) in [
        ("012345678", "12345678", 2),
        ("012345678", "01234567x", 2),
        ("012345678", "012345678,1", 2),
        ("Nguyễn Văn A", "Nguyễn Văn 2", 3),
        ("Nguyễn Văn A", "Nguyễn\u{7}Văn", 3),
        ("Nguyễn Văn A", "--", 3),
        ("15011999", "31021999", 4),
        ("|Nam|", "|M|", 5),
        ("Số 1", "Số\u{1}1", 6),
        ("15042021", "15042", 7),
    ] {
        let qr = card(&CARD.replace(from, to));
        assert_eq!(qr.odd, [field], "{to}");
        assert_eq!(qr.old_numbers.is_empty(), field == 2, "{to}");
        assert_eq!(qr.name.is_none(), field == 3, "{to}");
        assert_eq!(qr.birth.is_none(), field == 4, "{to}");
        assert_eq!(qr.sex.is_none(), field == 5, "{to}");
        assert_eq!(qr.residence.is_none(), field == 6, "{to}");
        assert_eq!(qr.issued.is_none(), field == 7, "{to}");
        assert_eq!(qr.number, whole.number);
    }
}

#[test]
fn bytes_of_older_encodings_are_odd_and_open_all_the_same() {
    // "Trần Đức An" in TCVN3, taken for Latin-1; and what UTF-8 decoders leave of it.
    for name in ["TrÇn §øc An", "NguyÔn V¨n An", "Tr\u{fffd}n \u{fffd}c An"] {
        let qr = card(&CARD.replace("Nguyễn Văn A", name).replace("Số 1", name));
        assert_eq!(
            (qr.number.digits(), &qr.odd[..], qr.name.as_deref()),
            ("001099000017", &[3, 6][..], None),
            "{name}"
        );
    }
    for name in ["H'Hen Niê Mẫu", "Y Bhŭk Êban", "Ðặng Quốc Dũng", "Lê Thị Mỹ-Linh", "Ka’ Sră", "ĐẶNG AN"]
    {
        assert_eq!(card(&CARD.replace("Nguyễn Văn A", name)).odd, [0; 0], "{name}");
    }
}

#[test]
fn other_separators_case_and_white_space() {
    let whole = card(CARD);
    for separator in ["¦", "｜", "~", ";", "\t", " | "] {
        assert_eq!(card(&CARD.replace('|', separator)), whole, "{separator}");
    }
    for text in [format!("\u{feff}{CARD}\r\n"), format!("  {CARD}  "), format!("{CARD}\0")] {
        assert_eq!(card(&text), whole, "{text}");
    }
    let lower = card(&CARD.to_lowercase());
    assert_eq!((lower.number.digits(), lower.odd.len(), lower.sex.as_deref()), ("001099000017", 0, Some("nam")));
    // With a separator that the address has, too, only what is behind the address is lost.
    let comma = card(&CARD.replace('|', ","));
    assert_eq!((comma.number.digits(), &comma.name, comma.birth), ("001099000017", &whole.name, whole.birth));
}

#[test]
fn several_old_numbers_are_several() {
    for (text, expected) in [
        ("012 345 678", &["012345678"][..]),
        ("012345678,001098000017", &["012345678", "001098000017"]),
        ("012 345 678; 001 098 000 017", &["012345678", "001098000017"]),
        ("012345678 001098000017", &["012345678", "001098000017"]),
        ("012345678/", &["012345678"]),
    ] {
        assert_eq!(card(&CARD.replace("012345678", text)).old_numbers, expected, "{text}");
    }
}

#[test]
fn what_is_neither_card_is_unknown() {
    for text in [
        "",
        "001099000017",
        "https://example.vn/?a|b",
        "https://vneid.gov.vn/qr?token=0123456789ab",
        "{\"token\":\"001099000017\"}",
        "eyJhbGciOiJFUzI1NiJ9.e30.AAAA",
        "00109900001|x",
    ] {
        assert_eq!(parse(text), Err(QrError::Unknown), "{text}");
    }
    assert_eq!(parse(&CARD.replace("001099000017", "00109900001x")), Err(QrError::Field(1)));
}

/// The code of a health insurance card.
fn insurance(text: &str) -> String {
    match parse(text) {
        Ok(Scan::HealthInsurance(card)) => card.code.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_health_insurance_card_is_told_apart_by_its_shape() {
    const TAIL: &str = "|15/01/1999|1|48c3a0|01 - 043|01/01/2026|-|01/01/2026|x|-|4|-|t|$";
    for first in ["GD4010123456789", "0123456789", "001099000017"] {
        let long = format!("{first}|4e677579e1bb856e{TAIL}");
        assert_eq!(insurance(&long), first);
        // Without its end, or without a hexadecimal name.
        assert_eq!(insurance(&long[..long.len() - 2]), first);
        assert_eq!(insurance(&format!("{first}|{TAIL}")), first);
    }
    // An old number of decimal digits is no name in hexadecimal ones.
    assert_eq!(card(&CARD.replace("012345678", "001098000017")).old_numbers, ["001098000017"]);
}

#[test]
fn qr_of_the_field_opens_by_number() {
    let mut opened = 0;
    for line in field_cases::text("qr.txt").lines().filter(|line| !line.starts_with('#')) {
        let (scan, what) = line.split_once('\t').expect("a tab");
        let qr = card(scan);
        assert_eq!(qr.number.digits(), "001099000017", "{scan}");
        let chip = what.split('"').nth(1).filter(|_| what.starts_with("chip says"));
        if let (Some(chip), Some(name)) = (chip, &qr.name) {
            assert_eq!(compare(name, chip), Likeness::Same, "{scan}");
        }
        opened += 1;
    }
    assert_eq!(opened, 10);
    let year = card("001099000017||Nguyễn Văn An|00001999|Nu|x|16012022");
    assert_eq!(year.birth.map(CardDate::precision), Some(Precision::Year));
    assert_eq!((year.sex.as_deref(), year.odd.len()), (Some("Nu"), 0));
}

#[test]
fn a_card_shows_nothing_of_its_holder() {
    let shown = format!("{:?}", card(&CARD.replace("15042021", "?!")));
    assert_eq!(shown, "Qr(…, odd [7], 0 trailing fields)");
}

proptest! {
    #[test]
    fn no_scan_panics(text in "\\PC{0,200}") {
        drop(parse(&text).map_err(QrError::code));
    }

    #[test]
    fn nothing_behind_the_number_keeps_the_chip_shut(tail in "[^|$]{0,20}(\\|[^|$]{0,20}){0,8}") {
        match parse(&format!("001099000017|{tail}")) {
            Ok(Scan::Cccd(qr)) => prop_assert_eq!(qr.number.digits(), "001099000017"),
            Ok(Scan::HealthInsurance(_)) => prop_assert!(tail.chars().take_while(|c| *c != '|').any(char::is_alphabetic)),
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn trailing_fields_never_change_the_card(tail in "[^|$]{0,20}(\\|[^|$]{0,20}){0,5}") {
        let mut long = card(&format!("{CARD}|{tail}"));
        long.trailing_fields = 0;
        prop_assert_eq!(long, card(CARD));
    }
}
