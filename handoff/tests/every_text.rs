//! Whatever a name is, every format carries it, and another parser than that of the product finds there what was to stand there.

use handoff::lodging::{self, Guest, PORTAL};
use handoff::{Envelope, checkin, fhir, his, hl7, read_back, table, webhook};
use program::Text;
use proptest::prelude::*;
use roxmltree::Document;
use std::sync::LazyLock;
use tinyjson::JsonValue;
use visit::content::{Content, Released, Source};
use visit::profile::{Item, Profile};

/// So many characters are in one name.
const BLOCK: usize = 400;

/// Every character of Unicode, in names; of the planes that hold ideographs alone, or nothing, the first and the last of them.
fn all_of_unicode() -> Vec<String> {
    let is_alike = |c: char| {
        matches!(u32::from(c), 0x2_0000..0xE_0000 | 0xE_1000..) && (0x40..0xFFC0).contains(&(u32::from(c) & 0xFFFF))
    };
    let all: Vec<char> = ('\0'..=char::MAX).filter(|c| !is_alike(*c)).collect();
    all.chunks(BLOCK).map(|block| block.iter().collect()).collect()
}

/// A guest or patient of this name, who answered the same wherever words are asked for.
fn content(source: Source, name: &str) -> Content {
    let items = [
        (Item::FullName, name),
        (Item::Residence, name),
        (Item::IdNumber, "001099000017"),
        (Item::DocumentNumber, "C01X00T47"),
        (Item::DateOfBirth, "05/01/1999"),
        (Item::Sex, "Nam"),
        (Item::Nationality, if source == Source::CitizenCard { "Việt Nam" } else { "KOR" }),
        (Item::IssueDate, "16/01/2022"),
    ];
    let answers = [
        ("phone", name),
        ("insurance", name),
        ("guardian", name),
        ("guardian_number", "C01X00T47"),
        ("department", "K01"),
        ("room", "0101"),
        ("arrival", "23/11/2026"),
        ("departure", "25/11/2026"),
        ("reason", "1 - Du lịch"),
        ("permitted_until", "30/11/2026"),
    ];
    Content {
        source,
        items: items.map(|(item, text)| (item, text.to_owned().into())).into(),
        answers: answers.map(|(id, text)| (id.to_owned(), text.to_owned().into())).into(),
        ..Content::default()
    }
}

static HOSPITAL: LazyLock<Profile> = LazyLock::new(|| Profile::built_in("hospital-desk").expect("profile"));
static LODGING: LazyLock<Profile> = LazyLock::new(|| Profile::built_in("lodging").expect("profile"));

fn released(profile: &Profile, recipient: &str, source: Source, name: &str) -> Released {
    Released::new(profile, recipient, &content(source, name)).expect("granted")
}

fn envelope(recipient: &str, name: &str) -> Envelope {
    Envelope {
        visit: "0f".repeat(16),
        at: 1_795_398_060,
        profile: "hospital-desk".to_owned(),
        device: "desk-1".to_owned(),
        number: Some("A001".to_owned()),
        released: released(&HOSPITAL, recipient, Source::CitizenCard, name),
    }
}

/// The portal takes nobody of one name and paper twice: each has a number of their own.
fn guest(source: Source, at: usize, name: &str) -> Guest {
    let mut content = content(source, name);
    content.items.insert(Item::IdNumber, format!("{at:012}").into());
    content.items.insert(Item::DocumentNumber, format!("C{at:08}").into());
    Guest::new(Released::new(&LODGING, PORTAL, &content).expect("granted"))
}

/// The texts of the elements of this name.
fn texts(xml: &[u8], element: &str) -> Vec<String> {
    let text = std::str::from_utf8(xml).expect("UTF-8");
    let document = Document::parse(text).unwrap_or_else(|error| panic!("{error}: {text:?}"));
    let of_name = document.descendants().filter(|node| node.has_tag_name(element));
    of_name.map(|node| node.children().filter_map(|child| child.text()).collect()).collect()
}

fn parsed(value: &serde_json::Value) -> JsonValue {
    let text = read_back::json(value).expect("the same again");
    text.parse().unwrap_or_else(|error| panic!("{error}: {:?}", text.as_str()))
}

fn at<'a>(value: &'a JsonValue, path: &[&str]) -> &'a str {
    let found = path.iter().fold(value, |value, key| match key.parse::<usize>() {
        Ok(index) => &value[index],
        Err(_) => &value[*key],
    });
    found.get::<String>().expect("text")
}

/// The formats that carry one person.
fn one_by_one(name: &str) {
    let text = Text::cleaned(name);
    let expected = text.as_str();
    let file = checkin::xml(&envelope("checkin-xml", name), "79001").expect("file");
    assert_eq!(texts(&file, "HO_TEN"), [expected]);
    assert_eq!(at(&parsed(&webhook::body(&envelope("webhook", name))), &["full_name"]), expected);
    let bundle = parsed(&fhir::bundle(&envelope("fhir", name), &config::FhirSystems::default()));
    if !expected.is_empty() {
        assert_eq!(at(&bundle, &["entry", "0", "resource", "name", "0", "text"]), expected);
        assert_eq!(at(&bundle, &["entry", "2", "resource", "name", "0", "text"]), expected);
    }
    let patient = envelope("his", name);
    let message = hl7::message(&patient, "79001", config::HospitalEvent::A04, &config::FhirSystems::default());
    assert!(hl7::comes_back(&message, &patient), "{:?}", message.as_str());
    let registration = his::registration(&envelope("his", name), &his::Known::default());
    for key in ["HO_TEN", "NGUOI_GIAM_HO"] {
        assert_eq!(at(&parsed(&registration.to_json()), &[key]), expected);
    }
}

/// The files that carry many. Whoever has no name at all is not taken by the portal.
fn together(names: &[String]) {
    let names: Vec<&String> = names.iter().filter(|name| !Text::cleaned(name).as_str().is_empty()).collect();
    let expected: Vec<Text> = names.iter().map(|name| Text::cleaned(name)).collect();
    let expected: Vec<&str> = expected.iter().map(Text::as_str).collect();
    if names.is_empty() {
        return;
    }
    let layout = lodging::Layout::load(None).expect("layout");
    let foreigners: Vec<Guest> = names.iter().enumerate().map(|(at, name)| guest(Source::Passport, at, name)).collect();
    let check = |guest: &Guest, index| lodging::check(&layout, guest, index);
    let made = lodging::make(&foreigners, check, lodging::xml).expect("file");
    assert!(made.left_out.is_empty(), "{:?}", made.left_out);
    assert_eq!(texts(&made.bytes, "ho_ten"), expected);
    #[cfg(feature = "lodging-xlsx")]
    {
        let citizens: Vec<Guest> =
            names.iter().enumerate().map(|(at, name)| guest(Source::CitizenCard, at, name)).collect();
        let made = lodging::make(&citizens, check, |of| lodging::xlsx(&layout, None, of)).expect("file");
        assert!(made.left_out.is_empty(), "{:?}", made.left_out);
        assert_eq!(workbook::column_b(&made.bytes, 5), expected);
    }
    let rows: Vec<Vec<String>> =
        names.iter().map(|name| vec![(*name).clone(), format!("x;{name}"), "1".to_owned()]).collect();
    spreadsheets(&String::from_utf8(table::csv(&rows).expect("table")).expect("UTF-8"), &expected);
}

/// What a spreadsheet program makes of a table whose cells it parts by this sign: as RFC 4180 where it is the right one, and as
/// lenient as they are where it is not.
fn cells(table: &str, separator: char) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let (mut quoted, mut begins) = (false, true);
    let mut signs = table.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(sign) = signs.next() {
        let row = rows.last_mut().expect("a row");
        match sign {
            '"' if quoted && signs.peek() == Some(&'"') => {
                signs.next();
                row.last_mut().expect("a cell").push('"');
            }
            '"' if quoted => quoted = false,
            '"' if begins => quoted = true,
            sign if !quoted && sign == separator => row.push(String::new()),
            '\n' if !quoted => rows.push(vec![String::new()]),
            sign => row.last_mut().expect("a cell").push(sign),
        }
        begins = !quoted && (sign == separator || sign == '\n');
    }
    rows.pop();
    rows
}

/// No cell is a formula in any locale, and in the right one each is what was to stand there.
fn spreadsheets(table: &str, expected: &[&str]) {
    for separator in [',', ';', '\t', '|', ':'] {
        for cell in cells(table, separator).iter().flatten() {
            let begins = cell.trim_start_matches(|c: char| c.is_whitespace() || c == '"').chars().next();
            let formula = begins.is_some_and(|begins| "=+-@＝＋－＠".contains(begins));
            assert!(!formula, "{separator:?}: {cell:?}");
        }
    }
    let plain = |text: &str| text.replace('\'', "");
    let read: Vec<String> = cells(table, ',').iter().map(|row| plain(&row[0])).collect();
    assert_eq!(read, expected.iter().map(|name| plain(name)).collect::<Vec<_>>());
    assert!(cells(table, ',').iter().all(|row| row.len() == 3 && row[2] == "1"));
}

/// A workbook as ECMA-376 has it, without the crate that wrote it.
#[cfg(feature = "lodging-xlsx")]
mod workbook {
    use super::Document;
    use std::io::{Cursor, Read as _};

    /// The texts of column B from a row on. No cell holds a formula.
    pub(crate) fn column_b(bytes: &[u8], first: u32) -> Vec<String> {
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("zip");
        let mut part = |name: &str| {
            let mut text = String::new();
            archive.by_name(name).expect(name).read_to_string(&mut text).expect("UTF-8");
            text
        };
        let (shared, sheet) = (part("xl/sharedStrings.xml"), part("xl/worksheets/sheet1.xml"));
        let shared = Document::parse(&shared).expect("XML");
        let text = |node: roxmltree::Node<'_, '_>| -> String {
            let parts = node.descendants().filter(|node| node.has_tag_name_local("t"));
            parts.flat_map(|node| node.children().filter_map(|child| child.text())).collect()
        };
        let strings: Vec<String> =
            shared.descendants().filter(|node| node.has_tag_name_local("si")).map(text).collect();
        let sheet = Document::parse(&sheet).expect("XML");
        assert!(!sheet.descendants().any(|node| node.has_tag_name_local("f")), "a formula");
        let cell = |node: roxmltree::Node<'_, '_>| {
            let row: u32 = node.attribute("r")?.strip_prefix('B')?.parse().ok()?;
            assert_eq!(node.attribute("t"), Some("s"), "text");
            let value = node.children().find(|child| child.has_tag_name_local("v"))?.text()?;
            Some((row, strings[value.parse::<usize>().expect("index")].clone()))
        };
        let cells = sheet.descendants().filter(|node| node.has_tag_name_local("c")).filter_map(cell);
        let mut cells: Vec<(u32, String)> = cells.filter(|(row, _)| *row >= first).collect();
        cells.sort();
        cells.into_iter().map(|(_, text)| text).collect()
    }

    trait Local {
        fn has_tag_name_local(&self, name: &str) -> bool;
    }

    impl Local for roxmltree::Node<'_, '_> {
        fn has_tag_name_local(&self, name: &str) -> bool {
            self.is_element() && self.tag_name().name() == name
        }
    }
}

#[test]
fn every_character_that_there_is_goes_through_every_format() {
    let names = all_of_unicode();
    names.iter().for_each(|name| one_by_one(name));
    together(&names);
}

#[test]
fn what_hostile_people_type_goes_through_every_format() {
    let names = [
        "JOHN\u{1}\u{b} DOE",
        "\u{202e}EOD NHOJ",
        "Nguyen;=1+1",
        "=cmd|' /C calc'!A0",
        "\"=1\",\"=2\"",
        "x;\"\"=HYPERLINK(\"http://evil.example\")",
        "a\u{1}=1",
        ";\u{200b}=1",
        "]]></ho_ten><ho_ten>&amp;&#1;",
        "<!--",
        "\\u001b[2J\u{9b}31m",
    ]
    .map(str::to_owned);
    names.iter().for_each(|name| one_by_one(name));
    together(&names);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_names_go_through_every_format(
        names in proptest::collection::vec(
            proptest::collection::vec(prop_oneof![any::<char>(), proptest::sample::select(
                vec!['=', '+', '-', '@', ';', ',', '\t', '|', '"', '\'', '<', '&', ' ', '\u{200d}', '\u{301}', '_', 'x'],
            )], 0..24),
            1..6,
        ),
    ) {
        let names: Vec<String> = names.into_iter().map(|name| name.into_iter().collect()).collect();
        names.iter().for_each(|name| one_by_one(name));
        together(&names);
    }
}
