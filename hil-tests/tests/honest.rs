//! Cards that are genuine and odd: nobody is accused, and every one is green but for the reasons that are stated.
//!
//! The cases of the field (`cccd/vectors/field-cases`, `virtual-card/vectors/field-cases`) go through the whole
//! judgement, each test named after its file; a generator makes two thousand more.

use cccd::judgement::{Judgement, Known, Today, judge};
use cccd::{Number, Scan};
use emrtd::{Evidence, Outcome, TrustStore};
use hil_tests::lying::{NOW, Person, Random, card_of, read_chip};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use verdict::{Consistency, Validity, Word};
use virtual_card::issuer::{CscaKey, DocumentSigner, IssuerFault, Oddity};
use virtual_card::make::CURVES;
use virtual_card::manners::{ActiveProof, ChipProof, Refused};
use virtual_card::{Chip, Fault, Issuer, MAKES, Make, Manners, PERSONAS};

const SIGNED_AT: &str = "220116120000Z";

/// The practice issuer's anchors, and the link to its new key.
static TRUST: LazyLock<TrustStore> = LazyLock::new(|| store(&issuer()));

/// A chip whose proofs are checked fast.
static CHIP: LazyLock<Evidence> = LazyLock::new(|| {
    let make = Make::with_pace(CURVES[4], 16, false);
    read_chip(&mut Chip::with_make(&PERSONAS[0], Fault::None, make).expect("card"), &PERSONAS[0])
});

/// A chip of every make.
static CHIPS: LazyLock<Vec<Evidence>> = LazyLock::new(|| {
    let chip = |make| Chip::with_make(&PERSONAS[0], Fault::None, make).expect("card");
    MAKES.into_iter().map(|make| read_chip(&mut chip(make), &PERSONAS[0])).collect()
});

fn issuer() -> Issuer {
    Issuer::new(IssuerFault::None).expect("issuer")
}

fn store(issuer: &Issuer) -> TrustStore {
    let mut store = TrustStore::new();
    for file in issuer.trust_files().expect("files") {
        store.add(file.name, &file.der).expect("a trust file");
    }
    let link = issuer.same_name(CscaKey::New, CscaKey::Old).expect("link");
    store.add("link", &link).expect("a trust file");
    store
}

fn field(text: &str) -> Value {
    serde_json::from_str(text).expect("a field case")
}

/// What was scanned: the card's QR code, and its number.
fn scanned(text: &str) -> Known {
    let Ok(Scan::Cccd(qr)) = cccd::qr::parse(text) else { panic!("{text} is no code of a card") };
    Known { number: Some(qr.number.clone()), qr: Some(*qr), ..Known::default() }
}

fn numbered(person: &Person) -> Known {
    Known { number: Number::parse(&person.number).ok(), ..Known::default() }
}

/// The whole judgement over a person's card.
fn judged(person: &Person, known: &Known) -> Judgement {
    let groups = person.groups(&CHIP);
    let sod = issuer().sod(DocumentSigner::Brainpool256, &groups, SIGNED_AT).expect("SOD");
    judge(&card_of(&CHIP, &groups, &sod), None, known, &TRUST, Today::certain(NOW))
}

/// Reasons of remarks.
fn remarks(judgement: &Judgement) -> Vec<String> {
    let checks = judgement.checks.iter().filter(|check| check.outcome == Outcome::Remark);
    checks.map(|check| format!("{}:{}", check.id, check.code().unwrap_or_default())).collect()
}

#[test]
fn names_dg13_mrz() {
    let case = field(include_str!("../../cccd/vectors/field-cases/names-dg13-mrz.json"));
    let pairs = case["pairs"].as_array().expect("pairs");
    for pair in pairs {
        let text = |key: &str| pair[key].as_str().expect("text").to_owned();
        assert_eq!(text("expected"), "genuine, with a remark");
        let person = Person { name: text("dg13"), mrz_name: text("mrz_line_3"), ..Person::default() };
        let judgement = judged(&person, &numbered(&person));
        assert_eq!(judgement.word(), Word::Proved, "{}: {:?}", text("why"), judgement.reasons());
        assert!(remarks(&judgement).iter().all(|remark| remark.starts_with("dg1_dg13_name")), "{}", text("why"));
    }
    assert_eq!(pairs.len(), 4);
}

#[test]
fn birth_dg13_mrz() {
    let case = field(include_str!("../../cccd/vectors/field-cases/birth-dg13-mrz.json"));
    for pair in case["pairs"].as_array().expect("pairs") {
        let text = |key: &str| pair[key].as_str().expect("text").to_owned();
        assert_eq!(text("expected"), "year agrees: genuine");
        let person = Person { birth: text("dg13"), mrz_birth: text("mrz"), ..Person::default() };
        let judgement = judged(&person, &numbered(&person));
        assert_eq!((judgement.word(), remarks(&judgement)), (Word::Proved, Vec::new()));
    }
}

#[test]
fn mrz_signed_wrong_digit() {
    let case = field(include_str!("../../cccd/vectors/field-cases/mrz-signed-wrong-digit.json"));
    assert_eq!(case["expected"], "genuine with a remark");
    let person = Person { wrong_digit: 1, ..Person::default() };
    let judgement = judged(&person, &numbered(&person));
    assert_eq!(judgement.word(), Word::Proved);
    assert_eq!(remarks(&judgement), ["mrz_check_digits:check_digit_wrong"]);
}

#[test]
fn dg13_other_layout() {
    let case = field(include_str!("../../cccd/vectors/field-cases/dg13-other-layout.json"));
    assert_eq!(case["expected"], "national data not known: genuine, name from DG1");
    let bytes = case["dg13"].as_str().expect("text").split(',').next().expect("octets").replace(' ', "");
    let person = Person { national: Some(hex::decode(bytes).expect("hexadecimal")), ..Person::default() };
    let judgement = judged(&person, &numbered(&person));
    assert_eq!(judgement.word(), Word::Proved, "{:?}", judgement.reasons());
    assert!(
        judgement.dg13.is_none()
            || judgement.dg13.as_ref().is_some_and(|dg13| dg13.get(cccd::Field::FullName).is_none())
    );
    assert_eq!(judgement.mrz.as_ref().map(|mrz| mrz.surname.as_str()), Some("NGUYEN"));
    assert_eq!(judgement.number(), Number::parse(&person.number).ok());
}

#[test]
fn qr() {
    let text = include_str!("../../cccd/vectors/field-cases/qr.txt");
    let mut seen = 0;
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (code, expected) = line.split_once('\t').expect("a tab");
        // What the chip of that row says, where it says something else than the paper.
        let (name, mrz_name) = match expected {
            text if text.contains("Hoà") => ("Nguyễn Thị Hoà", "NGUYEN<<THI<HOA"),
            text if text.contains("\"Đặng An\"") => ("Đặng An", "DANG<<AN"),
            _ => ("Nguyễn Văn An", "NGUYEN<<VAN<AN"),
        };
        let person = Person { name: name.to_owned(), mrz_name: mrz_name.to_owned(), ..Person::default() };
        let judgement = judged(&person, &scanned(code));
        assert_eq!(judgement.word(), Word::Proved, "{line}: {:?}", judgement.reasons());
        assert_ne!(judgement.answers.consistency, Consistency::OtherCard, "{line}");
        seen += 1;
    }
    assert_eq!(seen, 10);
}

/// A chip of the field, read for real, through the whole judgement. `active_only`: one without chip authentication.
fn odd_chip(manners: impl Into<Manners>, active_only: bool) -> Judgement {
    let persona = &PERSONAS[0];
    let mut chip = Chip::new(persona, Fault::None).expect("card");
    if active_only {
        let card = virtual_card::personalise::Card::new(persona, Fault::None).expect("card");
        let groups: BTreeMap<u8, Vec<u8>> = card
            .files()
            .filter(|(id, _)| (0x0101..=0x0110).contains(id) && *id != 0x010E)
            .map(|(id, bytes)| ((id & 0xFF) as u8, bytes.to_vec()))
            .collect();
        chip.set_file(0x011D, issuer().sod(persona.signer, &groups, SIGNED_AT).expect("SOD"));
    }
    chip.set_manners(manners.into());
    let evidence = read_chip(&mut chip, persona);
    judge(&evidence, None, &scanned(&persona.qr()), &TRUST, Today::certain(NOW))
}

fn words(status: &Value) -> Vec<u16> {
    let words = status["answer"]["sw"].as_array().expect("status words").iter();
    words.map(|word| u16::from_str_radix(word.as_str().expect("text"), 16).expect("hexadecimal")).collect()
}

#[test]
fn aa_exact_length() {
    let case = field(include_str!("../../virtual-card/vectors/field-cases/aa-exact-length.json"));
    assert_eq!(case["expected"], "asked again with that Le; active_authentication passed; genuine");
    for active_only in [false, true] {
        assert_eq!(odd_chip(ActiveProof::ExactOnly, active_only).word(), Word::Proved);
    }
}

#[test]
fn aa_empty_on_extended() {
    let case = field(include_str!("../../virtual-card/vectors/field-cases/aa-empty-on-extended.json"));
    assert_eq!(case["expected"], "asked again with Le 256");
    for active_only in [false, true] {
        assert_eq!(odd_chip(ActiveProof::EmptyOnExtended, active_only).word(), Word::Proved);
    }
}

#[test]
fn aa_refused() {
    let case = field(include_str!("../../virtual-card/vectors/field-cases/aa-refused.json"));
    for status in words(&case) {
        let word = |active_only| odd_chip(ActiveProof::Refused(Refused::protected(status)), active_only).word();
        assert_eq!((word(false), word(true)), (Word::Proved, Word::Unproved), "{status:04X}");
    }
}

#[test]
fn aa_truncated() {
    let case = field(include_str!("../../virtual-card/vectors/field-cases/aa-truncated.json"));
    assert_eq!(case["answer"]["data"], "signature[0..231]");
    let word = |active_only| odd_chip(ActiveProof::Truncated(231), active_only).word();
    assert_eq!((word(false), word(true)), (Word::Proved, Word::Unproved));
}

#[test]
fn ca_refused() {
    let case = field(include_str!("../../virtual-card/vectors/field-cases/ca-refused.json"));
    for status in words(&case) {
        for ins in [0x22, 0x86] {
            assert_eq!(
                odd_chip(ChipProof::Refused(ins, Refused::protected(status)), false).word(),
                Word::Proved,
                "{ins:02X}"
            );
        }
    }
}

/// Family name, the rest, and the same in plain letters.
const FAMILY: [(&str, &str); 14] = [
    ("Nguyễn", "NGUYEN"),
    ("Trần", "TRAN"),
    ("Đặng", "DANG"),
    ("Ðỗ", "DO"),
    ("Huỳnh", "HUYNH"),
    ("Vũ", "VU"),
    ("Lý", "LY"),
    ("Giàng", "GIANG"),
    ("Sùng", "SUNG"),
    ("Ksor", "KSOR"),
    ("Đinh", "DINH"),
    ("Lò", "LO"),
    ("Tôn Nữ", "TON<NU"),
    ("Thạch", "THACH"),
];
const GIVEN: [(&str, &str); 16] = [
    ("Văn", "VAN"),
    ("Thị", "THI"),
    ("A", "A"),
    ("Y", "Y"),
    ("Hoà", "HOA"),
    ("Hòa", "HOA"),
    ("Thuỳ", "THUY"),
    ("Phương", "PHUONG"),
    ("Khánh", "KHANH"),
    ("Ước", "UOC"),
    ("Páo", "PAO"),
    ("Êban", "EBAN"),
    ("Niê", "NIE"),
    ("Đức", "DUC"),
    ("Hoàng Thiên", "HOANG<THIEN"),
    ("Ngọc", "NGOC"),
];

/// A name and a legal name field: whole, cut at the end of the line, cut where a word ends, or in initials (ICAO 9303-5
/// §4.2.3). What fits is never cut.
fn name(random: &mut Random) -> (String, String) {
    let family = *random.one_of(&FAMILY);
    let many = random.below(7);
    let given: Vec<_> = (0..many).map(|_| *random.one_of(&GIVEN)).collect();
    let full = [family].iter().chain(&given).map(|(name, _)| *name).collect::<Vec<_>>().join(" ");
    let plain: Vec<&str> = given.iter().flat_map(|(_, plain)| plain.split('<')).collect();
    let line = match plain.len() {
        0 => family.1.to_owned(),
        _ => format!("{}<<{}", family.1, plain.join("<")),
    };
    if line.len() <= 30 {
        return (full, line);
    }
    let line = match random.below(3) {
        0 => line[..30].trim_end_matches('<').to_owned(),
        1 => {
            // A word that ends at the last place is whole.
            let end = if line[30..].starts_with('<') { 30 } else { line[..30].rfind('<').unwrap_or(30) };
            line[..end].trim_end_matches('<').to_owned()
        }
        _ => {
            let (first, last) = plain.split_at(plain.len() - 1);
            let initials = first.iter().map(|word| &word[..1]).collect::<Vec<_>>().join("<");
            let line = format!("{}<<{initials}<{}", family.1, last.concat());
            line[..line.len().min(30)].to_owned()
        }
    };
    (full, line)
}

/// Birth as both groups have it, by what is known of it.
fn birth(random: &mut Random) -> (String, String) {
    let (year, month, day) = (1930 + random.below(80), 1 + random.below(12), 1 + random.below(28));
    let short = year % 100;
    match random.below(6) {
        0 => (format!("{year}"), format!("{short:02}<<<<")),
        1 => (format!("00/00/{year}"), format!("{short:02}<<<<")),
        2 => (format!("{month:02}/{year}"), format!("{short:02}{month:02}<<")),
        3 => (format!("01/01/{year}"), format!("{short:02}<<<<")),
        4 => (format!("{year}"), format!("{short:02}0000")),
        _ => (format!("{day:02}/{month:02}/{year}"), format!("{short:02}{month:02}{day:02}")),
    }
}

fn person(random: &mut Random) -> Person {
    let ((name, mrz_name), (birth, mrz_birth)) = (name(random), birth(random));
    let number = format!("{:03}{:09}", 1 + random.below(96), random.below(1_000_000_000));
    let (expiry, mrz_expiry) = match random.below(4) {
        0 => ("Không thời hạn".to_owned(), (*random.one_of(&["991231", "<<<<<<"])).to_owned()),
        1 => ("15/01/2027".to_owned(), "270115".to_owned()),
        2 => ("30/11/2044".to_owned(), "441130".to_owned()),
        _ => ("01/06/2026".to_owned(), "260601".to_owned()),
    };
    let mut more = Vec::new();
    for _ in 0..random.below(3) {
        more.push(match random.below(8) {
            0 => (1, format!("{} {} {}", &number[..3], &number[3..6], &number[6..])),
            1 => (9, String::new()),
            2 => (10, "\u{202e}dưới mép\u{7}".to_owned()),
            3 => (15, "012 345 678".to_owned()),
            4 => (16, "một trường mới".to_owned()),
            5 => (9, "Căn hộ ".repeat(60)),
            6 => (4, "NAM".to_owned()),
            _ => (5, "VIET NAM".to_owned()),
        });
    }
    Person {
        number,
        name,
        mrz_name,
        birth,
        mrz_birth,
        sex: *random.one_of(&['M', 'F', '<']),
        dates: ("16/01/2022".to_owned(), expiry),
        mrz_expiry,
        wrong_digit: usize::from(random.below(20) == 0) as u32,
        more,
        national: None,
    }
}

/// Departures that are those of issuers and not of forgers: named, and no more.
const TOLERATED: [Oddity; 35] = [
    Oddity::None,
    Oddity::Lds18,
    Oddity::AnyPurpose,
    Oddity::RightDocumentType,
    Oddity::IndefiniteLength,
    Oddity::ContentTypeIsData,
    Oddity::SignatureAlgorithmIsKeyType,
    Oddity::Sha1,
    Oddity::NoSignedAttributes,
    Oddity::Version,
    Oddity::DigestAlgorithms,
    Oddity::SignerIdentifier,
    Oddity::CertificateAlgorithm,
    Oddity::AuthorityKeyIdentifier,
    Oddity::PssParameters,
    Oddity::LdsVersion,
    Oddity::LdsVersionText,
    Oddity::ContentTypeMissing,
    Oddity::AttributesUnsorted,
    Oddity::AttributesResorted,
    Oddity::LengthNotShortest,
    Oddity::BytesAfterFile,
    Oddity::BytesAfterSignedData,
    Oddity::BytesAfterContent,
    Oddity::SigningTimeMissing,
    Oddity::SigningTimeUnreadable,
    Oddity::SigningTimeTwice,
    Oddity::SigningTimeFuture,
    Oddity::KeyUsagePeriod,
    Oddity::CurveWithoutCofactor,
    Oddity::SignerCountry,
    Oddity::Rsa1024,
    Oddity::P192,
    Oddity::Sha1Certificate,
    Oddity::HostileName,
];

/// What the chip's number is spelled like on paper.
fn paper(person: &Person) -> Known {
    let Person { number, name, birth, sex, dates: (issued, _), .. } = person;
    let sex = if *sex == 'F' { "Nữ" } else { "Nam" };
    let compact = |date: &str| date.replace('/', "");
    scanned(&format!("{number}||{name}|{}|{sex}|Số 1|{}", compact(birth), compact(issued)))
}

#[test]
fn two_thousand_genuine_cards_are_green_and_none_is_accused() {
    const CARDS: usize = 2_000;
    let seed = 20_261_129;
    let mut random = Random::new(seed);
    let (issuer, mut names) = (issuer(), BTreeMap::<String, usize>::new());
    let odd_authorities: Vec<(Issuer, TrustStore)> = [Oddity::Sha1Csca, Oddity::CscaRsa1024, Oddity::CscaP192]
        .map(|oddity| Issuer::odd(oddity).expect("issuer"))
        .map(|issuer| {
            let trust = store(&issuer);
            (issuer, trust)
        })
        .into();
    for card in 0..CARDS {
        let person = person(&mut random);
        let chip = if random.below(8) == 0 { random.one_of(&CHIPS) } else { &*CHIP };
        let groups = person.groups(chip);
        let mut trust = &*TRUST;
        let (sod, how) = match random.below(8) {
            0 => {
                let (odd, store) = random.one_of(&odd_authorities);
                trust = store;
                (odd.sod(DocumentSigner::Brainpool256, &groups, SIGNED_AT), format!("{odd:?}"))
            }
            1 => (issuer.sod_under(CscaKey::New, &groups, SIGNED_AT), "the new key".to_owned()),
            2 => (issuer.sod(DocumentSigner::Brainpool384, &groups, SIGNED_AT), "the link".to_owned()),
            3 => (issuer.sod(DocumentSigner::RsaPss, &groups, SIGNED_AT), "RSA-PSS".to_owned()),
            _ => {
                let oddity = TOLERATED[card % TOLERATED.len()];
                let sod = issuer.odd_sod(DocumentSigner::Brainpool256, &groups, SIGNED_AT, oddity);
                (sod, format!("{oddity:?}"))
            }
        };
        let evidence = card_of(chip, &groups, &sod.expect("SOD"));
        let known = if random.below(2) == 0 { numbered(&person) } else { paper(&person) };
        let judgement = judge(&evidence, None, &known, trust, Today::certain(NOW));
        let told = || format!("seed {seed}, card {card}, {how}, {person:?}: {:?}", judgement.reasons());
        assert!(judgement.checks.iter().all(|check| check.outcome != Outcome::Failed), "{}", told());
        assert_eq!(judgement.word(), Word::Proved, "{}", told());
        assert_ne!(judgement.answers.consistency, Consistency::OtherCard, "{}", told());
        assert_eq!(judgement.answers.validity, Validity::InDate, "{}", told());
        assert!(judgement.number().is_some_and(|number| number.digits() == person.number), "{}", told());
        for remark in remarks(&judgement) {
            *names.entry(remark).or_default() += 1;
        }
    }
    println!("{CARDS} cards; remarks: {names:#?}");
    assert_eq!(names.get("dg1_dg13_name:name_differs"), None, "a legal name field is not another name");
    assert_eq!(names.get("dg1_dg13_birth:birth_differs"), None, "what is not known does not differ");
}
