//! The files for the two portals, checked against the layout that the portals publish and the closed lists that come with it, by parsers that
//! are not those that wrote them.

use cccd::date::parse_day_first;
use handoff::lodging::{self, Guest, Layout, PORTAL, lists};
use program::Failure;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use verdict::Rung;
use visit::content::{Assurance, Content, Paper, Released, Source};
use visit::profile::{Item, Profile};

fn profile(id: &str) -> Profile {
    Profile::built_in(id).expect("profile")
}

/// A guest of a profile: who is typed in by what staff saw of them, anybody else by their chip.
fn guest(id: &str, source: Source, seen: Option<Paper>, change: &[(&str, &str)]) -> Guest {
    let base = [
        ("full_name", "Nguyễn Văn An"),
        ("id_number", "001099000017"),
        ("date_of_birth", "05/01/1999"),
        ("sex", "Nam"),
        ("nationality", "Việt Nam"),
        ("form.room", "0101"),
        ("form.arrival", "23/11/2026"),
        ("form.departure", "25/11/2026"),
        ("form.reason", "1 - Du lịch"),
    ];
    let (mut items, mut answers) = (BTreeMap::new(), BTreeMap::new());
    for (name, value) in base.iter().chain(change) {
        match name.split_once('.') {
            Some((_, field)) => drop(answers.insert(field.to_owned(), (*value).to_owned().into())),
            None => drop(items.insert(Item::find(name).expect("datum"), (*value).to_owned().into())),
        }
    }
    let profile = profile(id);
    let assurance =
        (!source.is_chip()).then(|| Assurance::without_chip(seen, profile.terms().assured(Rung::Shown, false)));
    let content = Content { source, assurance, items, answers, ..Content::default() };
    Guest::new(Released::new(&profile, PORTAL, &content).expect("granted"))
}

const FOREIGN: [(&str, &str); 6] = [
    ("full_name", "KIM MINJUN"),
    ("document_number", "M12345678"),
    ("date_of_birth", "12/08/1984"),
    ("sex", "M"),
    ("nationality", "KOR"),
    ("form.permitted_until", "30/12/2026"),
];

fn foreigner(change: &[(&str, &str)]) -> Guest {
    guest("lodging", Source::Passport, None, &[&FOREIGN, change].concat())
}

fn checked(guest: &Guest) -> Result<(), Failure> {
    lodging::check(&Layout::load(None).expect("layout"), guest, 1)
}

fn why(guest: &Guest) -> String {
    let failure = checked(guest).expect_err("the portal would not take it");
    assert_eq!(failure.code, "lodging_incomplete");
    failure.message
}

fn elements(guest: &Guest) -> Vec<(String, String)> {
    let bytes = lodging::xml(&[guest]).expect("file");
    let text = String::from_utf8(bytes).expect("UTF-8");
    let document = roxmltree::Document::parse(&text).expect("well-formed");
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "KHAI_BAO_TAM_TRU");
    let one = root.children().find(|node| node.has_tag_name("THONG_TIN_KHACH")).expect("a guest");
    let each = one.children().filter(|node| node.is_element());
    each.map(|node| (node.tag_name().name().to_owned(), node.text().unwrap_or_default().to_owned())).collect()
}

#[test]
fn the_lists_are_whole_and_say_their_own_hash() {
    let (said, body) = lists::own_hash();
    assert_eq!(
        hex::encode(Sha256::digest(body.as_bytes())),
        said,
        "who changes a list writes its hash, source and day anew"
    );
    let counts = ["sex", "document", "residence", "reason", "nationality", "province"];
    let counts = counts.map(|list| lists::texts(list).count());
    assert_eq!(counts, [2, 9, 3, 20, 205, 34], "as the portal\'s template has them");
}

#[test]
fn every_choice_of_a_lodging_and_every_word_of_the_layout_is_the_portals_own() {
    for id in ["lodging", "lodging-hospital"] {
        let profile = profile(id);
        for (field, list) in [("reason", "reason"), ("residence_kind", "residence"), ("province", "province")] {
            let field = profile.form().find(|one| one.id == field).expect("asked");
            let offered: Vec<&str> = field.choice.iter().map(|choice| choice.value.as_str()).collect();
            assert!(offered.iter().all(|value| lists::has(list, value)), "{id} {list}");
            assert_eq!(offered.len(), lists::texts(list).count(), "{id}: none of {list} is missing");
        }
    }
    let hospital = profile("lodging-hospital");
    let first = hospital.form().find(|field| field.id == "reason").and_then(|field| field.choice.first());
    assert_eq!(first.map(|choice| choice.value.as_str()), Some("18 - Chữa bệnh"));
    let layout = include_str!("../data/lodging.toml");
    for line in layout.lines().filter(|line| line.starts_with('"')) {
        let value = line.split(" = ").nth(1).expect("a value").trim_matches('"');
        let known = ["sex", "nationality", "document"].iter().any(|list| lists::has(list, value));
        assert!(known, "{value}");
    }
}

#[test]
fn every_paper_that_staff_may_see_has_a_word_of_the_portals_list() {
    for paper in Paper::ALL {
        let name = if paper == Paper::OtherPaper { "Giấy ra viện" } else { "" };
        let change = [("form.paper_name", name), ("issue_date", "05/08/2024")];
        let guest = guest("lodging", Source::without_chip(Some(paper)), Some(paper), &change);
        checked(&guest).unwrap_or_else(|failure| panic!("{}: {}", paper.code(), failure.message));
    }
    let nothing = guest("lodging", Source::Typed, None, &[]);
    assert!(why(&nothing).contains("LOẠI GIẤY TỜ"), "nobody saw anything of a grown-up");
    let nameless = guest("lodging", Source::Seen, Some(Paper::OtherPaper), &[]);
    assert!(why(&nameless).contains("TÊN GIẤY TỜ"));
}

#[test]
fn the_file_for_foreigners_has_the_portals_elements_in_its_order() {
    let found = elements(&foreigner(&[]));
    let expected = [
        ("so_thu_tu", "1"),
        ("ho_ten", "KIM MINJUN"),
        ("ngay_sinh", "12/08/1984"),
        ("ngay_sinh_dung_den", "D"),
        ("gioi_tinh", "M"),
        ("ma_quoc_tich", "KOR"),
        ("so_ho_chieu", "M12345678"),
        ("so_phong", "0101"),
        ("ngay_den", "23/11/2026"),
        ("ngay_di_du_kien", "25/11/2026"),
        ("thoi_han_tam_tru", "30/12/2026"),
    ];
    assert_eq!(found, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    let exact = |birth: &str| {
        let found: BTreeMap<_, _> = elements(&foreigner(&[("date_of_birth", birth)])).into_iter().collect();
        (found["ngay_sinh"].clone(), found["ngay_sinh_dung_den"].clone())
    };
    assert_eq!(exact("00/00/1964"), ("1964".to_owned(), "Y".to_owned()));
    assert_eq!(exact("00/08/1964"), ("08/1964".to_owned(), "M".to_owned()));
    assert!(parse_day_first(&exact("12/08/1964").0).is_some());
}

#[test]
fn until_when_a_foreigner_may_stay_is_asked_and_is_neither_the_departure_nor_the_passports_end() {
    for (until, says) in
        [("", "missing"), ("24/11/2026", "until they leave"), ("12/09/2031", "the end of the passport")]
    {
        let change = [("form.permitted_until", until), ("expiry_date", "12/09/2031")];
        let said = why(&foreigner(&change));
        assert!(said.contains("thoi_han_tam_tru") && said.contains(says), "{said}");
    }
    checked(&foreigner(&[("form.permitted_until", "25/11/2026")])).expect("the day of departure may be the last one");
}

#[test]
fn what_cannot_be_is_refused_before_a_file_is_made() {
    for guest in [
        foreigner(&[("form.departure", "22/11/2026")]),
        guest("lodging", Source::CitizenCard, None, &[("form.departure", "22/11/2026")]),
    ] {
        assert!(why(&guest).contains("before they come"));
    }
    for nationality in ["XXA", "GBO", "ZZZ", "Bavaria", "DEU", ""] {
        assert!(why(&foreigner(&[("nationality", nationality)])).contains("ma_quoc_tich"), "{nationality}");
    }
    for (nationality, code) in [("D", "D"), ("Germany", "D"), ("RKS", "RKS"), ("KOR - Korea (South)", "KOR")] {
        let found: BTreeMap<_, _> = elements(&foreigner(&[("nationality", nationality)])).into_iter().collect();
        assert_eq!(found["ma_quoc_tich"], code, "{nationality}");
    }
    let other = [("form.reason", "20 - Mục đích khác")];
    assert!(why(&guest("lodging", Source::CitizenCard, None, &other)).contains("NHẬP LÝ DO"));
    let invented = [("form.reason", "21 - Đi chơi")];
    assert!(why(&guest("lodging", Source::CitizenCard, None, &invented)).contains("LÝ DO CƯ TRÚ"));
    for (sex, nationality) in [("NỮ", "VIỆT NAM"), ("nu", "Viet Nam")] {
        let spelled = [("sex", sex), ("nationality", nationality)];
        checked(&guest("lodging", Source::Seen, Some(Paper::CitizenCard), &spelled))
            .expect("one word in two spellings");
    }
}

#[test]
fn nobody_stands_in_a_file_twice() {
    let layout = Layout::load(None).expect("layout");
    let guests = [foreigner(&[]), foreigner(&[]), foreigner(&[("form.arrival", "24/11/2026")])];
    let made =
        lodging::make(&guests, |guest, index| lodging::check(&layout, guest, index), lodging::xml).expect("made");
    let left: Vec<_> = made.left_out.iter().map(|(at, why)| (*at, why.code.as_str())).collect();
    assert_eq!(left, [(1, "lodging_twice")]);
}

#[test]
fn an_address_of_before_the_merger_names_todays_province_and_an_unknown_one_names_none() {
    for (address, expected) in [
        ("Số 1, Phường Ví Dụ, Quận 1, TP. Hồ Chí Minh", &["701 - TP. Hồ Chí Minh"][..]),
        ("Thôn Ví Dụ, Bình Dương", &["701 - TP. Hồ Chí Minh"]),
        ("Ấp 1, Tháp Mười, Đồng Tháp", &["803 - Đồng Tháp"]),
        ("Ấp 1, Mỹ Tho, Tỉnh Tiền Giang", &["803 - Đồng Tháp"]),
        ("Buôn Ví Dụ, Dak Lak", &["605 - Đắk Lắk"]),
        ("Số 1, Đường Ví Dụ", &[]),
        ("", &[]),
    ] {
        assert_eq!(lists::provinces(address), expected, "{address}");
    }
    // Each of the 63 leads to one of the 34.
    let today: Vec<&str> = lists::texts("province").collect();
    assert!(lists::texts("was").count() == 63 && lists::texts("was").all(|text| today.contains(&text)));
}
