use super::*;
use crate::field_cases::json;
use emrtd::Mrz;
use proptest::prelude::*;

/// An MRZ of this width with this name field and nothing else of interest.
fn mrz(width: usize, name: &str) -> Mrz {
    let name = format!("{name:<<width$}");
    assert_eq!(name.len(), width, "{name}");
    let text = match width {
        30 => format!("{:<<60}{name}", "IDVNM"),
        31 => format!("I<UTO{name}{:<<36}", ""),
        _ => format!("P<UTO{name}{:<<44}", ""),
    };
    Mrz::parse(&text).expect("MRZ")
}

fn td1(full: &str, field: &str) -> Likeness {
    Folded::new(full).compare_mrz(&mrz(30, field))
}

#[test]
fn one_name_in_many_spellings_is_the_same() {
    for (a, b) in [
        ("Nguyễn Thị Hòa", "Nguyễn Thị Hoà"),
        ("Thuỷ", "Thủy"),
        ("Khoẻ", "Khỏe"),
        ("Quý", "Qúy"),
        ("Đặng", "Ðặng"),
        ("Đặng", "\u{189}ặng"),
        ("đặng", "\u{256}ẶNG"),
        ("NGUYỄN", "Nguye\u{303}\u{302}n"),
        ("Lệ", "Le\u{323}\u{302}"),
        ("Mỹ", "Mĩ"),
        ("Lý", "Lí"),
        ("Quý", "Quí"),
        ("Nguyễn Mỹ-Linh", "Nguyễn Mĩ Linh"),
        ("Mỹ–Linh", "Mỹ — Linh"),
        ("H'Hen Niê", "H’Hen Niê"),
        ("H'Hen Niê", "H' Hen Niê"),
        ("H'Hen Niê", "H ʼHen Niê"),
        ("H`Hen Niê", "H´Hen Niê"),
        ("H'Hen Niê", "HHen Niê"),
        ("H'Hen Niê", "H Hen Niê"),
        ("  Nguyễn\u{a0}\u{a0}Văn\tAn ", "Nguyễn Văn An"),
        ("Nguyễn\u{200b} Văn\u{feff} A\u{200d}n", "Nguyễn Văn An"),
        ("Nguyễn, Văn An.", "Nguyễn Văn An"),
        ("K'Y", "KY"),
        ("K'Y", "K Y"),
        ("", " "),
    ] {
        assert_eq!(compare(a, b), Likeness::Same, "{a} / {b}");
        assert_eq!(compare(b, a), Likeness::Same, "{b} / {a}");
    }
}

#[test]
fn another_letter_or_another_mark_is_another_name() {
    for (a, b) in [
        ("Nguyễn Văn An", "Nguyễn Văn Anh"),
        ("Nguyễn Thị Hoa", "Nguyễn Thị Hòa"),
        ("Nguyễn Văn Ấn", "Nguyễn Văn Ẩn"),
        ("Thúy", "Thúi"),
        ("Mây", "Mâi"),
        ("Yến", "Iến"),
        ("Y Moan", "I Moan"),
        ("Quỳnh", "Quình"),
        ("Đinh Lê", "Dinh Lê"),
        ("HHen", "H Hen"),
        ("Nguyễn Văn An", ""),
        ("Bàca", "Bacà"),
    ] {
        assert_eq!(compare(a, b), Likeness::Differs, "{a} / {b}");
        assert_eq!(compare(b, a), Likeness::Differs, "{b} / {a}");
    }
}

#[test]
fn lost_marks_and_another_order_are_told_apart_from_another_name() {
    assert_eq!(compare("Nguyen Van An", "Nguyễn Văn An"), Likeness::SameWithoutMarks);
    assert_eq!(compare("DANG QUOC DUNG", "Ðặng Quốc Dũng"), Likeness::SameWithoutMarks);
    assert_eq!(compare("An Nguyễn Văn", "Nguyễn Văn An"), Likeness::OtherOrder);
    assert_eq!(compare("Nie Mau H'Hen", "H Hen Niê Mẫu"), Likeness::OtherOrder);
    assert_eq!(compare("An Nguyễn Vân", "Nguyễn Văn An"), Likeness::Differs);
}

#[test]
fn the_keys_of_a_name() {
    let name = Folded::new("  H’ Hen  NIÊ-Mỹ Ðào Hoà");
    assert_eq!((name.text().as_str(), name.plain().as_str()), ("h'hen niê mĩ đaò hoà", "hhen nie mi dao hoa"));
    assert_eq!(format!("{name:?}"), "Folded(…)");
    assert!(Folded::new(" \u{200b}'").is_empty());
    assert!(!name.is_empty());
}

#[test]
fn part_of_a_name_is_found_whichever_way_it_is_typed() {
    for (name, wanted) in [("Đỗ Như Quỳnh", "quy"), ("Đỗ Như Quỳnh", "QUI"), ("Lý Mĩ", "my"), ("H'Hen Niê", "hhen")]
    {
        assert!(Folded::new(name).search().contains(Folded::new(wanted).search().as_str()), "{wanted}");
    }
    assert!(!Folded::new("Đỗ Như Quỳnh").search().contains(Folded::new("quan").search().as_str()));
}

#[test]
fn a_text_without_marks_keeps_all_else() {
    assert_eq!(without_marks("Ðặng Mỹ-Linh, Số 1: H’Hen đỗ").as_str(), "Dang My-Linh, So 1: H’Hen do");
}

#[test]
fn names_dg13_mrz_of_the_field_are_no_other_names() {
    let cases = json("names-dg13-mrz.json");
    let found: Vec<_> = cases["pairs"]
        .as_array()
        .expect("pairs")
        .iter()
        .map(|pair| td1(pair["dg13"].as_str().expect("name"), pair["mrz_line_3"].as_str().expect("line")))
        .collect();
    assert_eq!(found, [Likeness::Same, Likeness::Cut, Likeness::Same, Likeness::OtherOrder]);
}

#[test]
fn list_names_of_the_field_are_no_differences() {
    for pair in json("list-names.json")["pairs"].as_array().expect("pairs") {
        let (listed, chip) = (pair["listed"].as_str().expect("name"), pair["chip"].as_str().expect("name"));
        let expected = if pair["expected"] == 0 { Likeness::Same } else { Likeness::SameWithoutMarks };
        assert_eq!(compare(listed, chip), expected, "{listed} / {chip}");
    }
}

#[test]
fn the_examples_of_icao_9303_4_5_and_6_are_accepted() {
    const DINGO: &str = "BENNELONG WOOLOOMOOLOO WARRANDYTE WARNAMBOOL, DINGO POTOROO";
    const CHAYAPA: &str = "NILAVADHANANANDA, CHAYAPA DEJTHAMRONG KRASUANG";
    const ARNPOL: &str = "NILAVADHANANANDA, ARNPOL PETCH CHARONGUANG";
    for (width, full, field, expected) in [
        (39, "SMITH-JONES, SUSIE MARGARET", "SMITH<JONES<<SUSIE<MARGARET", Likeness::Same),
        (39, "O'CONNOR, ENYA SIOBHAN", "OCONNOR<<ENYA<SIOBHAN", Likeness::Same),
        (39, "Huda Muhammad Jawad Al-Basri", "AL<BASRI<<HUDA<MUHAMMAD<JAWAD", Likeness::OtherOrder),
        (39, "ARKFREITH", "ARKFREITH", Likeness::Same),
        (39, CHAYAPA, "NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K", Likeness::Cut),
        (39, ARNPOL, "NILAVADHANANANDA<<ARNPOL<PETCH<CHARONGU", Likeness::Cut),
        (39, DINGO, "BENNELONG<WOOLOOMOOLOO<WARRANDYTE<W<<DI", Likeness::Cut),
        (39, DINGO, "BENNELONG<WOOLOOM<WARRAND<WARNAM<<DINGO", Likeness::Cut),
        (39, DINGO, "BENNEL<WOOLOO<WARRAN<WARNAM<<DINGO<POTO", Likeness::Cut),
        (39, "PAPANDROPOULOUS, JONATHON WARREN TREVOR", "PAPANDROPOULOUS<<JONATHON<WARREN<TREVOR", Likeness::Same),
        (30, CHAYAPA, "NILAVADHANANANDA<<CHAYAPA<DE<K", Likeness::Cut),
        (30, ARNPOL, "NILAVADHANANANDA<<ARNPOL<PE<CH", Likeness::Cut),
        (30, DINGO, "BENNELONG<WOOLOOMOOLOO<W<W<<DI", Likeness::Cut),
        (30, DINGO, "BENNELONG<WOOLOOM<WA<WARN<<D<P", Likeness::Cut),
        (30, DINGO, "BENNE<WOOLO<WARRA<WARNA<<DIN<P", Likeness::Cut),
        (31, CHAYAPA, "NILAVADHANANANDA<<CHAYAPA<DEJ<K", Likeness::Cut),
        (31, ARNPOL, "NILAVADHANANANDA<<ARN<PET<CHARO", Likeness::Cut),
        (31, DINGO, "BENNELONG<WOOLOOMOOLOO<W<W<<D<P", Likeness::Cut),
        (31, DINGO, "BENNELONG<WOOLOOM<WAR<WARN<<D<P", Likeness::Cut),
        (31, DINGO, "BENNEL<WOOLO<WARRA<WARNA<<DIN<P", Likeness::Cut),
    ] {
        assert_eq!(Folded::new(full).compare_mrz(&mrz(width, field)), expected, "{field}");
    }
}

#[test]
fn vietnamese_names_in_the_mrz() {
    const LONG: &str = "Nguyễn Thị Hoàng Phương Ánh Mỹ Linh";
    for (full, field, expected) in [
        ("Đặng Thị Ngọc Ánh", "DANG<<THI<NGOC<ANH", Likeness::Same),
        ("Đặng Thị Mỹ-Linh", "DANG<<THI<MYLINH", Likeness::Same),
        ("Đặng Thị Mỹ Linh", "DANG<<THI<MI<LINH", Likeness::Same),
        ("Phúc", "PHUC", Likeness::Same),
        ("Y Thanh Êban", "EBAN<<Y<THANH", Likeness::OtherOrder),
        ("H'Hen Niê", "H<<HEN<NIE", Likeness::Same),
        ("Nguyễn Văn An", "AN<<VAN<NGUYEN", Likeness::OtherOrder),
        ("Êban Mỹ-Linh", "MYLINH<<EBAN", Likeness::OtherOrder),
        ("H'Hen Niê Mẫu", "MAU<<NIE<HHEN", Likeness::OtherOrder),
        (LONG, "NGUYEN<<THI<HOANG<PHUONG<ANH<M", Likeness::Cut),
        (LONG, "NGUYEN<<THI<HOANG<PHUONG<ANH", Likeness::Cut),
        (LONG, "NGUYEN<<T<H<P<A<M<L", Likeness::Cut),
        (LONG, "NGUYEN<<T<HOANG<PHUONG<A<M<LIN", Likeness::Cut),
        (LONG, "NGUYEN<<THI<PHUONG<ANH<MY<LINH", Likeness::Cut),
        (LONG, "NGUYEN", Likeness::Cut),
        ("Y Nguyên Hoàng Phương Thanh Minh Êban", "EBAN<<Y<NGUYEN<HOANG<PHUONG<TH", Likeness::Cut),
        // What would be a cut is none where the name fits, or where much room is left.
        ("Nguyễn Văn Anh", "NGUYEN<<VAN<AN", Likeness::Differs),
        ("Nguyễn Văn Anh", "NGUYEN<<V<A", Likeness::Differs),
        ("Nguyễn Văn Anh", "NGUYEN", Likeness::Differs),
        (LONG, "NGUYEN<<THI<LINH", Likeness::Differs),
        // Given names are missing as a whole or not at all.
        (LONG, "NGUYEN<<THI<HOANG", Likeness::Differs),
        (LONG, "", Likeness::Differs),
        (LONG, "NGUYEN<<THI<HOANG<PHUONG<ANG<M", Likeness::Differs),
        (LONG, "TRAN<<THI<HOANG<PHUONG<ANH<MY", Likeness::Differs),
        ("Nguyễn Văn An", "NGUYEN<<VAN<ANH", Likeness::Differs),
        ("Nguyễn Văn An", "", Likeness::Differs),
        ("", "NGUYEN<<VAN<AN", Likeness::Differs),
    ] {
        assert_eq!(td1(full, field), expected, "{full} / {field}");
    }
}

#[test]
fn a_name_of_very_many_words_is_compared_whole_only() {
    let field = "A<".repeat(15);
    assert_eq!(td1(&"A ".repeat(32), &field), Likeness::Cut);
    assert_eq!(td1(&"A ".repeat(33), &field), Likeness::Differs);
}

#[test]
fn a_hostile_name_costs_nothing() {
    let long = "A ".repeat(2000);
    assert_eq!(td1(&long, &"A<".repeat(15)), Likeness::Differs);
    let many = "A ".repeat(32);
    assert_eq!(td1(&many, &"A<".repeat(15)), Likeness::Cut);
}

#[test]
fn folding_is_idempotent_for_every_character() {
    for c in '\0'..='\u{ffff}' {
        let once = Folded::new(&format!("a{c}y"));
        let again = Folded::new(&once.text());
        assert!(again.compare(&once) == Likeness::Same && again.text() == once.text(), "U+{:04X}", c as u32);
    }
}

/// Words of Vietnamese and ethnic names. None has the letters f, j, w, z.
const WORDS: [&str; 24] = [
    "Nguyễn",
    "Trần",
    "Đặng",
    "Hoàng",
    "Thị",
    "Văn",
    "Quốc",
    "Phương",
    "Thuỷ",
    "Mỹ",
    "Lý",
    "Quý",
    "Linh",
    "Ánh",
    "Khoẻ",
    "H'Hen",
    "K'Brếp",
    "Y",
    "Niê",
    "Êban",
    "Mỹ-Linh",
    "Đinh",
    "Trường",
    "Uyên",
];

fn name() -> impl Strategy<Value = Vec<&'static str>> {
    proptest::collection::vec(proptest::sample::select(&WORDS[..]), 1..10)
}

/// The components of a name as an issuer spells them; an apostrophe is left out or a filler.
fn spelled(words: &[&str], filler: bool) -> Vec<String> {
    let name = words.join(" ").replace('\'', if filler { " " } else { "" });
    let stroked = |c: &char| *c != 'đ' && *c != 'Đ';
    let whole: String = name.nfd().map(|c| if stroked(&c) { c } else { 'd' }).filter(char::is_ascii).collect();
    whole.to_uppercase().split([' ', '-']).map(str::to_owned).collect()
}

/// The name field with this many components in the primary identifier.
fn field(parts: &[String], primary: usize) -> String {
    let (primary, secondary) = parts.split_at(primary.min(parts.len()));
    let keep = |parts: &[String]| parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join("<");
    let (primary, secondary) = (keep(primary), keep(secondary));
    if secondary.is_empty() { primary } else { format!("{primary}<<{secondary}") }
}

/// One legal way of shortening to the width.
fn shortened(parts: &[String], primary: usize, width: usize, way: u8) -> String {
    let mut parts = parts.to_vec();
    let fits = |parts: &[String]| field(parts, primary).len() <= width;
    match way {
        // Cut where the line ends; a filler there is no letter.
        0 => {}
        // Cut at the end of a word.
        1 => {
            while !fits(&parts) && parts.len() > 1 {
                parts.pop();
            }
        }
        // Initials from the end, as many as are needed; then all from the second on.
        2 | 3 => {
            for at in (1..parts.len()).rev() {
                if way == 3 || !fits(&parts) {
                    parts[at].truncate(1);
                }
            }
        }
        // All to a fixed length.
        4 => {
            let mut length = 9;
            while !fits(&parts) && length > 1 {
                length -= 1;
                parts.iter_mut().for_each(|part| part.truncate(length));
            }
        }
        // The longest shortened, again and again.
        5 => {
            while !fits(&parts) {
                let Some(longest) = parts.iter_mut().max_by_key(|part| part.len()) else { break };
                longest.pop();
            }
            parts.retain(|part| !part.is_empty());
        }
        // Components in the middle left out.
        6 => {
            while !fits(&parts) && parts.len() > primary + 1 {
                parts.remove(primary);
            }
        }
        // The secondary identifier left out.
        _ => parts.truncate(primary),
    }
    let mut line = field(&parts, primary);
    line.truncate(width);
    line.trim_end_matches('<').to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn comparing_is_reflexive_and_symmetric_and_folding_is_idempotent(a in "\\PC{0,30}", b in "\\PC{0,30}") {
        let (a, b) = (Folded::new(&a), Folded::new(&b));
        prop_assert_eq!(a.compare(&a), Likeness::Same);
        prop_assert_eq!(a.compare(&b), b.compare(&a));
        let again = Folded::new(&a.text());
        prop_assert_eq!(again.text(), a.text());
        prop_assert_eq!(again.compare(&a), Likeness::Same);
        prop_assert_eq!(Folded::new(&a.plain()).plain(), a.plain());
    }

    #[test]
    fn composed_and_decomposed_names_are_the_same(words in name(), lower in any::<bool>()) {
        let name = words.join(" ");
        let other: String = if lower { name.to_lowercase().nfd().collect() } else { name.to_uppercase().nfc().collect() };
        prop_assert_eq!(compare(&name, &other), Likeness::Same);
        let bare: String = spelled(&words, false).join(" ");
        let marked = Folded::new(&name).is_marked();
        prop_assert_eq!(compare(&name, &bare), if marked { Likeness::SameWithoutMarks } else { Likeness::Same });
    }

    #[test]
    fn names_of_other_base_letters_are_never_the_same(a in name(), b in name()) {
        let key = |words: &[&str]| spelled(words, false).concat().replace('Y', "I");
        let likeness = compare(&a.join(" "), &b.join(" "));
        if key(&a) != key(&b) {
            prop_assert!(likeness >= Likeness::OtherOrder);
        }
        let sorted = |words: &[&str]| {
            let mut letters: Vec<char> = key(words).chars().collect();
            letters.sort_unstable();
            letters
        };
        if sorted(&a) != sorted(&b) {
            prop_assert_eq!(likeness, Likeness::Differs);
        }
    }

    #[test]
    fn every_legal_shortening_is_accepted(
        words in name(), primary in 1usize..4, filler in any::<bool>(), last in any::<bool>(), way in 0u8..8,
        width in proptest::sample::select(&[30usize, 31, 39][..]),
    ) {
        let full = Folded::new(&words.join(" "));
        let mut parts = spelled(&words, filler);
        if last {
            let at = parts.len() - primary.min(parts.len());
            parts.rotate_left(at);
        }
        let whole = field(&parts, primary);
        let fits = whole.len() <= width;
        let line = if fits { whole } else { shortened(&parts, primary, width, way) };
        let likeness = full.compare_mrz(&mrz(width, &line));
        if fits {
            prop_assert!(matches!(likeness, Likeness::Same | Likeness::OtherOrder), "{words:?} {line}: {likeness:?}");
        } else {
            prop_assert!(likeness < Likeness::Differs, "{words:?} {line}: {likeness:?}");
        }
    }

    #[test]
    fn a_letter_that_the_name_does_not_have_is_another_name(
        words in name(), way in 0u8..8, at in any::<proptest::sample::Index>(),
        letter in proptest::sample::select(&['F', 'J', 'W', 'Z'][..]),
    ) {
        let parts = spelled(&words, false);
        let whole = field(&parts, 1);
        let mut line = if whole.len() <= 30 { whole } else { shortened(&parts, 1, 30, way) };
        let places: Vec<usize> = line.char_indices().filter(|(_, c)| *c != '<').map(|(at, _)| at).collect();
        let at = *at.get(&places);
        line.replace_range(at..=at, &letter.to_string());
        prop_assert_eq!(Folded::new(&words.join(" ")).compare_mrz(&mrz(30, &line)), Likeness::Differs);
        let mut other: String = words.join(" ");
        other.push(letter);
        prop_assert_eq!(compare(&words.join(" "), &other), Likeness::Differs);
    }

    #[test]
    fn no_text_against_any_mrz_panics(text in "\\PC{0,60}", line in "[A-Z<]{30}") {
        let likeness = Folded::new(&text).compare_mrz(&mrz(30, &line));
        prop_assert_ne!(likeness, Likeness::SameWithoutMarks);
    }
}
