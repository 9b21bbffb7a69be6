use super::*;
use crate::field_cases::json;
use proptest::prelude::*;

fn read(text: &str) -> CardDate {
    CardDate::from_text(text).unwrap_or_else(|| panic!("{text}"))
}

fn day(text: &str) -> CardDate {
    CardDate::Day(parse_day_first(text).expect("day"))
}

#[test]
fn every_way_to_write_a_day_is_that_day() {
    for text in
        ["05/01/1999", "5/1/1999", "05011999", "1999-01-05", "05-01-1999", "05.01.1999", " 5 / 1 / 1999 ", "5–1–1999"]
    {
        assert_eq!(read(text).iso().as_deref(), Some("1999-01-05"), "{text}");
    }
}

#[test]
fn every_way_to_write_less_than_a_day_keeps_its_precision() {
    for text in
        ["03/1955", "3/1955", "00/03/1955", "1955-03", "031955", "00031955", "1955-3", "--/03/1955", "1955-03-00"]
    {
        assert_eq!(read(text).iso().as_deref(), Some("1955-03"), "{text}");
    }
    for text in [
        "1955",
        "00/00/1955",
        "--/--/1955",
        "//1955",
        "/1955",
        "00001955",
        "001955",
        "xx/xx/1955",
        "**.**.1955",
        "1955-00-00",
        "15/00/1955",
    ] {
        assert_eq!(read(text), CardDate::Year(1955), "{text}");
    }
    for text in ["00/00/0000", "00000000", "0000", "--/--/----", "//", "-"] {
        assert_eq!(read(text), CardDate::Unknown, "{text}");
    }
}

#[test]
fn nonsense_and_days_that_no_calendar_has_are_no_dates() {
    for text in [
        "",
        " ",
        "29/02/2023",
        "32/01/2000",
        "31/04/1999",
        "00/13/1999",
        "45/00/1999",
        "01/01/99",
        "1/1/0199",
        "990115",
        "20011201",
        "15/01",
        "15/01/0000",
        "aa/bb/cccc",
        "1/2/3/1999",
        "05 01 1999",
        "Không thời hạn",
        "1999-1",
        "١٩٩٩",
        "-",
        "19990105x",
        "+1/01/1999",
    ] {
        let found = CardDate::from_text(text);
        let allowed = (text == "1999-1").then_some(CardDate::Month { year: 1999, month: Month::January });
        assert!(found == allowed || (text == "-" && found == Some(CardDate::Unknown)), "{text}: {found:?}");
    }
}

#[test]
fn only_real_days_are_days_of_the_card() {
    assert!(parse_day_first("29/02/2024").is_some());
    assert!(parse_day_first("29022024").is_some());
    for text in
        ["29/02/2023", "32/01/2000", "15-01-1999", "1501199", "", "15/01/99", "aa/bb/cccc", "2024-02-29", "1955"]
    {
        assert!(parse_day_first(text).is_none(), "{text}");
    }
}

#[test]
fn an_mrz_date_is_read_in_its_century() {
    let birth = |text, not_after| CardDate::from_mrz(text, Century::Birth { not_after });
    assert_eq!(birth("990115", 2026), Some(day("15/01/1999")));
    assert_eq!(birth("260115", 2026), Some(day("15/01/2026")));
    assert_eq!(birth("270115", 2026), Some(day("15/01/1927")));
    assert_eq!(birth("55<<<<", 2026), Some(CardDate::Year(1955)));
    assert_eq!(birth("500000", 2026), Some(CardDate::Year(1950)));
    assert_eq!(birth("5503<<", 2026), Some(CardDate::Month { year: 1955, month: Month::March }));
    assert_eq!(birth("000229", 2026), Some(day("29/02/2000")));
    assert_eq!(birth("<<<<<<", 2026), Some(CardDate::Unknown));
    assert_eq!(CardDate::from_mrz("991231", Century::Expiry), Some(day("31/12/2099")));
    for text in ["", "99011", "9901155", "9901005", "990230", "991301", "9901AB", "9901<5", "<<0115", "é0115"] {
        assert_eq!(birth(text, 2026), None, "{text}");
    }
}

#[test]
fn dates_are_compared_in_the_parts_that_both_know() {
    let month = CardDate::Month { year: 1955, month: Month::March };
    for (a, b, expected) in [
        (day("05/03/1955"), day("05/03/1955"), Agreement::Same),
        (month, month, Agreement::Same),
        (day("05/03/1955"), month, Agreement::Coarser),
        (day("05/03/1955"), CardDate::Year(1955), Agreement::Coarser),
        (month, CardDate::Year(1955), Agreement::Coarser),
        (day("05/03/1955"), day("06/03/1955"), Agreement::Differs),
        (day("05/03/1955"), day("05/04/1955"), Agreement::Differs),
        (day("05/03/1955"), day("05/03/1956"), Agreement::Differs),
        (day("05/04/1955"), month, Agreement::Differs),
        (month, CardDate::Year(1956), Agreement::Differs),
        (day("05/03/1955"), CardDate::Unknown, Agreement::NotKnown),
        (CardDate::Unknown, CardDate::Unknown, Agreement::NotKnown),
    ] {
        assert_eq!((a.agrees_with(b), b.agrees_with(a)), (expected, expected));
    }
}

#[test]
fn birth_dg13_mrz_of_the_field_agrees() {
    for pair in json("birth-dg13-mrz.json")["pairs"].as_array().expect("pairs") {
        let dg13 = read(pair["dg13"].as_str().expect("text"));
        let mrz = CardDate::from_mrz(pair["mrz"].as_str().expect("text"), Century::Birth { not_after: 2026 });
        assert_eq!(dg13.agrees_with(mrz.expect("MRZ date")), Agreement::Coarser);
    }
}

#[test]
fn list_dates_of_the_field_are_no_differences() {
    for pair in json("list-dates.json")["pairs"].as_array().expect("pairs") {
        let [listed, chip] = ["listed", "chip"].map(|side| read(pair[side].as_str().expect("text")));
        assert_eq!(listed.agrees_with(chip), Agreement::Same);
    }
}

#[test]
fn hospital_dates_of_the_field_are_written_as_fhir_and_the_insurer_want_them() {
    let cases = json("hospital-dates.json");
    let written: Vec<_> = cases["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| read(row["dg13"].as_str().expect("text")))
        .map(|date| [date.iso(), date.compact(), date.day_first()].map(|text| text.expect("known")))
        .collect();
    let year = ["1955", "195500000000", "1955"].map(str::to_owned);
    assert_eq!(written, [year.clone(), year, ["1999-01-05", "199901050000", "05/01/1999"].map(str::to_owned)]);
}

#[test]
fn what_is_not_known_is_never_written() {
    let month = CardDate::Month { year: 1955, month: Month::March };
    let written = [month.day_first(), month.iso(), month.compact()].map(|text| text.expect("known"));
    assert_eq!(written, ["03/1955", "1955-03", "195503000000"]);
    assert_eq!((month.mrz().as_str(), CardDate::Unknown.mrz().as_str()), ("5503<<", "<<<<<<"));
    let unknown = CardDate::Unknown;
    assert_eq!([unknown.day_first(), unknown.iso(), unknown.compact()], [None, None, None]);
}

#[test]
fn cards_without_an_end_are_known_by_their_text() {
    for text in ["Không thời hạn", "KHÔNG THỜI HẠN", "khong thoi han", " Không  xác định thời hạn."]
    {
        assert!(is_without_end(text), "{text}");
    }
    for text in ["", "15/01/2039", "Có thời hạn", "Không"] {
        assert!(!is_without_end(text), "{text}");
    }
}

#[test]
fn a_date_shows_its_precision_only_and_can_be_wiped() {
    let mut date = day("15/01/1999");
    assert_eq!(format!("{date:?}"), "CardDate(Day, …)");
    zeroize::Zeroize::zeroize(&mut date);
    assert_eq!(date, CardDate::Unknown);
}

fn any_date() -> impl Strategy<Value = CardDate> {
    prop_oneof![
        (2_420_000i32..2_500_000).prop_map(|day| CardDate::Day(Date::from_julian_day(day).expect("day"))),
        (1800i32..9999, 1u8..=12)
            .prop_map(|(year, month)| CardDate::Month { year, month: Month::try_from(month).expect("month") }),
        (1800i32..9999).prop_map(CardDate::Year),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(date in any_date()) {
        for text in [date.day_first(), date.iso()] {
            prop_assert_eq!(CardDate::from_text(&text.expect("known")), Some(date));
        }
        let not_after = date.year().expect("year");
        prop_assert_eq!(CardDate::from_mrz(&date.mrz(), Century::Birth { not_after }), Some(date));
        prop_assert_eq!(date.agrees_with(date), Agreement::Same);
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,20}", digits in "[0-9/.<-]{0,12}") {
        for text in [text, digits] {
            for date in [CardDate::from_text(&text), CardDate::from_mrz(&text, Century::Expiry)].into_iter().flatten() {
                prop_assert_eq!(date.iso().is_none(), date.precision() == Precision::Unknown);
            }
        }
    }

    #[test]
    fn a_birth_is_never_after_its_last_year(year in 0u8..100, not_after in 1900i32..2100) {
        let date = CardDate::from_mrz(&format!("{year:02}<<<<"), Century::Birth { not_after }).expect("date");
        let read = date.year().expect("year");
        prop_assert!(read <= not_after && read > not_after - 100 && read % 100 == i32::from(year));
    }
}
