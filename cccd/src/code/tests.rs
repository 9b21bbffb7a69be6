use super::*;
use proptest::prelude::*;

const TD3: &str = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10";
const BOARDING_PASS: &str = "M1DESMARAIS/LUC       EABC123 YULFRAAC 0834 326J001A0025 100";
const PAYMENT: &str = "00020101021138540010A00000072701240006970436011012345678900208QRIBFTTA53037045802VN6304";

fn kind(text: &str) -> Kind {
    Code::of(text).kind()
}

fn payment() -> String {
    format!("{PAYMENT}{:04X}", crc16(PAYMENT.as_bytes()))
}

#[test]
fn every_kind_is_told_by_its_form() {
    let tail = "|4e677579e1bb856e|15/01/1999|1|48c3a0|01 - 043|01/01/2026|-|01/01/2026|x|-|4|-|t|$";
    let cases = [
        ("001099000017|012345678|Nguyễn Văn A|15011999|Nam|Số 1|15042021".to_owned(), Kind::CitizenCard),
        ("001099000017|".to_owned(), Kind::CitizenCard),
        ("001099000017".to_owned(), Kind::Number),
        ("001 099 000 017".to_owned(), Kind::Number),
        (TD3.to_owned(), Kind::Mrz),
        (TD3.lines().nth(1).expect("a line").to_owned(), Kind::Mrz),
        (TD3.replace("740812", "741812"), Kind::MrzUnread),
        ("00109900001x|a|b".to_owned(), Kind::CitizenCardUnread),
        (format!("GD4010123456789{tail}"), Kind::HealthInsurance),
        (format!("0123456789{tail}"), Kind::HealthInsurance),
        (format!("001099000017{tail}"), Kind::HealthInsurance),
        ("GD4010123456789".to_owned(), Kind::HealthInsurance),
        ("gd4010123456789".to_owned(), Kind::HealthInsurance),
        ("012345678".to_owned(), Kind::OldNumber),
        ("0123".to_owned(), Kind::Digits),
        ("https://vneid.gov.vn/qr?token=0123456789ab".to_owned(), Kind::Vneid),
        ("HTTPS://DVC.VNEID.GOV.VN/x".to_owned(), Kind::Vneid),
        ("vneid://login?a|b".to_owned(), Kind::Vneid),
        ("https://vneid.gov.vn.example.com/".to_owned(), Kind::Link),
        ("https://example.vn/?a|b".to_owned(), Kind::Link),
        ("www.example.vn".to_owned(), Kind::Link),
        (payment(), Kind::Payment),
        (BOARDING_PASS.to_owned(), Kind::BoardingPass),
        (
            "{\"data\":{\"hdr\":{\"t\":\"icao.vacc\",\"v\":1,\"is\":\"UTO\"},\"msg\":{}},\"sig\":{}}".to_owned(),
            Kind::Seal,
        ),
        ("dc036abc6d32c8a72cb10f7134b798155d0102".to_owned(), Kind::Seal),
        (String::new(), Kind::Unknown),
        ("hello".to_owned(), Kind::Unknown),
        ("{\"token\":\"001099000017\"}".to_owned(), Kind::Unknown),
        ("eyJhbGciOiJFUzI1NiJ9.e30.AAAA".to_owned(), Kind::Unknown),
    ];
    for (text, expected) in &cases {
        assert_eq!(kind(text), *expected, "{text}");
        assert_eq!(kind(&format!("\u{feff} {text}\r\n")), *expected, "{text}");
    }
    for one in Kind::ALL {
        assert!(cases.iter().any(|(_, kind)| *kind == one), "{one:?} has no case");
    }
}

#[test]
fn the_zone_of_a_citizen_card_is_told_from_a_passport() {
    let td1 = "IDVNM0990000176001099000017<<7\n9901155M3901153VNM<<<<<<<<<<<8\nNGUYEN<<VAN<A<<<<<<<<<<<<<<<<<";
    for (text, expected) in [(td1.to_owned(), true), (td1.to_lowercase(), true), (TD3.to_owned(), false)] {
        assert!(matches!(Code::of(&text), Code::Mrz { is_citizen, .. } if is_citizen == expected), "{text}");
    }
}

#[test]
fn a_payment_code_has_its_crc() {
    assert_eq!(crc16(b"123456789"), 0x29B1, "the check value of CRC-16/CCITT-FALSE");
    let right = payment();
    for at in 0..right.len() {
        let mut wrong = right.clone();
        let digit = if &wrong[at..=at] == "0" { "1" } else { "0" };
        wrong.replace_range(at..=at, digit);
        assert_ne!(kind(&wrong), Kind::Payment, "{at}");
    }
}

#[test]
fn the_code_of_an_insurance_card_is_kept_in_capitals() {
    for (text, code) in [("gd4010123456789|4e67|x", "GD4010123456789"), ("0123456789|4e67|x|$", "0123456789")] {
        assert!(matches!(Code::of(text), Code::HealthInsurance(card) if *card.code == code), "{text}");
    }
}

#[test]
fn wedge_insurance_of_the_field_is_taken() {
    let case = crate::field_cases::json("wedge-insurance.json");
    let typed = case["typed"].as_str().expect("text");
    let text = typed.split("<Enter>").next().expect("a line");
    assert!(matches!(Code::of(text), Code::HealthInsurance(card) if *card.code == "GD4010123456789"));
}

#[test]
fn every_kind_that_opens_nothing_has_a_code() {
    let codes: Vec<_> = Kind::ALL.into_iter().filter_map(Kind::refusal).collect();
    let distinct: std::collections::BTreeSet<_> = codes.iter().collect();
    assert_eq!((codes.len(), distinct.len()), (Kind::ALL.len() - 3, codes.len()));
}

#[test]
fn nothing_of_a_code_is_shown() {
    for text in ["001099000017|012345678|Nguyễn Văn A", "GD4010123456789", "001099000017", TD3] {
        let shown = format!("{:?}", Code::of(text));
        assert!(!shown.contains("0109900") && !shown.contains("GD40") && !shown.contains("ERIK"), "{shown}");
    }
}

proptest! {
    #[test]
    fn no_scan_panics(text in "\\PC{0,200}") {
        let _kind = kind(&text);
    }

    #[test]
    fn twelve_digits_in_front_open(tail in "[|;,~\t][^|$]{0,40}") {
        let code = Code::of(&format!("001099000017{tail}"));
        let opens = matches!(&code, Code::CitizenCard(qr) if qr.number.digits() == "001099000017");
        // Spaces and nothing else behind the number are around it.
        prop_assert!(opens || matches!(&code, Code::Number(_)) || matches!(code.kind(), Kind::HealthInsurance | Kind::Digits), "{:?}", code);
    }
}
