use super::workbook::blank;
use super::*;
use std::io::Cursor;
use umya_spreadsheet::Workbook;
use umya_spreadsheet::reader::xlsx::read_reader;
use visit::content::{Assurance, Content, Paper};

fn guest(source: Source, change: &[(&str, &str)]) -> Guest {
    of(Content { source, ..Content::default() }, change)
}

fn typed_of(assurance: Option<Assurance>, change: &[(&str, &str)]) -> Guest {
    of(Content { source: Source::Typed, assurance, ..Content::default() }, change)
}

fn of(mut content: Content, change: &[(&str, &str)]) -> Guest {
    let base = [
        ("full_name", "Nguyễn Văn An"),
        ("id_number", "001099000017"),
        ("date_of_birth", "05/01/1999"),
        ("sex", "Nam"),
        ("nationality", "Việt Nam"),
        ("issue_date", "16/01/2022"),
        ("residence", "Số 1, Đường Ví Dụ"),
        ("form.room", "0101"),
        ("form.arrival", "23/11/2026"),
        ("form.departure", "25/11/2026"),
        ("form.reason", "1 - Du lịch"),
        ("form.permitted_until", "30/11/2026"),
    ];
    for (name, value) in base.iter().chain(change) {
        let value = Text::from((*value).to_owned());
        match name.split_once('.') {
            Some((_, id)) => drop(content.answers.insert(id.to_owned(), value)),
            None => drop(content.items.insert(Item::find(name).expect("datum"), value)),
        }
    }
    let profile = Profile::built_in("lodging").expect("profile");
    Guest { released: Released::new(&profile, PORTAL, &content).expect("granted"), gone: None }
}

fn made(guests: &[Guest], template: Option<&[u8]>) -> Workbook {
    let guests: Vec<&Guest> = guests.iter().collect();
    let bytes = xlsx(&Layout::load(None).expect("layout"), template, &guests).expect("file");
    read_reader(Cursor::new(bytes), true).expect("reads")
}

#[test]
fn nineteen_columns_of_text_from_row_five() {
    let newer = [("issue_date", "01/07/2024"), ("sex", "Nữ")];
    let book = made(&[guest(Source::CitizenCard, &[]), guest(Source::CitizenCard, &newer)], None);
    let sheet = book.sheet_by_name("DS_KHACH_VIET_NAM_LUU_TRU").expect("sheet");
    let row = |row| (1..=19).map(|column| sheet.value((column, row))).collect::<Vec<_>>();
    let expected = [
        "1",
        "Nguyễn Văn An",
        "05/01/1999",
        "M - Nam",
        "VNM - Viet Nam",
        "1 - Thẻ CCCD",
        "",
        "001099000017",
        "",
        "",
        "",
        "",
        "Số 1, Đường Ví Dụ",
        "23/11/2026",
        "25/11/2026",
        "0101",
        "1 - Du lịch",
        "",
        "",
    ];
    assert_eq!(row(5), expected);
    assert_eq!((row(6)[0].as_str(), row(6)[3].as_str(), row(6)[5].as_str()), ("2", "F - Nữ", "8 - Thẻ Căn Cước"));
    assert!(row(7).iter().all(String::is_empty));
    assert_eq!(row(4)[0], "[EXAMPLE]");
    for column in [3, 8, 14, 16] {
        let format =
            sheet.cell((column, 5)).and_then(|cell| cell.style().number_format().map(|f| f.format_code().to_owned()));
        assert_eq!(format.as_deref(), Some("@"), "column {column} is text");
    }
}

#[test]
fn a_template_keeps_its_own_rows_and_sheets() {
    let mut template = blank(&Layout::load(None).expect("layout"));
    let sheet = template.sheet_by_name_mut("DS_KHACH_VIET_NAM_LUU_TRU").expect("sheet");
    sheet.cell_mut((2, 2)).set_value_string("của cổng");
    template.new_sheet("PHUONG_XA").expect("sheet").cell_mut((1, 1)).set_value_string("101900127 - Phường Việt Hưng");
    let mut bytes = Cursor::new(Vec::new());
    umya_spreadsheet::writer::xlsx::write_writer(&template, &mut bytes).expect("written");
    let book = made(&[guest(Source::CitizenCard, &[])], Some(bytes.get_ref()));
    let value = |sheet: &str, at: (u32, u32)| book.sheet_by_name(sheet).expect("sheet").value(at);
    assert_eq!(value("DS_KHACH_VIET_NAM_LUU_TRU", (2, 2)), "của cổng");
    assert_eq!(value("PHUONG_XA", (1, 1)), "101900127 - Phường Việt Hưng");
    assert_eq!(value("DS_KHACH_VIET_NAM_LUU_TRU", (2, 5)), "Nguyễn Văn An");
    let failure: Failure =
        xlsx(&Layout::load(None).expect("layout"), Some(b"no file"), &[]).expect_err("no template").into();
    assert_eq!(failure.code, "lodging_template");
}

#[test]
fn what_is_missing_or_unknown_is_named_by_guest_and_column_and_never_guessed() {
    let layout = Layout::load(None).expect("layout");
    for (change, column) in [(("nationality", "Lào"), "QUỐC TỊCH"), (("form.departure", ""), "NGÀY ĐI DỰ KIẾN")]
    {
        let guests = [guest(Source::CitizenCard, &[]), guest(Source::CitizenCard, &[change])];
        let failure: Failure = xlsx(&layout, None, &[&guests[0], &guests[1]]).expect_err("incomplete").into();
        assert_eq!(failure.code, "lodging_incomplete");
        assert!(failure.message.contains("guest 2") && failure.message.contains(column), "{}", failure.message);
        assert!(!failure.message.contains("Nguyễn"), "nobody is named");
    }
}

#[test]
fn foreigners_go_into_xml() {
    let foreign =
        [("nationality", "Đức"), ("document_number", "C01X00T47"), ("full_name", "MUSTERMANN & ERIKA"), ("sex", "F")];
    let unknown = guest(Source::Passport, &[&foreign[1..], &[("nationality", "Bavaria")]].concat());
    assert!(!unknown.is_citizen());
    let failure: Failure = xml(&[&unknown]).expect_err("no three letters").into();
    assert!(failure.message.contains("ma_quoc_tich"), "{}", failure.message);
    let known = guest(Source::Passport, &[&foreign[1..], &[("nationality", "D")]].concat());
    let text = String::from_utf8(xml(&[&known]).expect("XML")).expect("UTF-8");
    for part in [
        "<ho_ten>MUSTERMANN &amp; ERIKA</ho_ten>",
        "<so_ho_chieu>C01X00T47</so_ho_chieu>",
        "<ma_quoc_tich>D</ma_quoc_tich>",
        "<gioi_tinh>F</gioi_tinh>",
        "<ngay_den>23/11/2026</ngay_den>",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_child_without_a_card_has_a_birth_certificate() {
    let child = guest(Source::Typed, &[("date_of_birth", "02/03/2020")]);
    assert!(child.is_citizen());
    assert_eq!(child.document(), "birth_certificate");
}

#[test]
fn a_grown_up_who_was_typed_in_has_the_paper_that_staff_saw_and_no_other() {
    let born = |day: &str| guest(Source::Typed, &[("date_of_birth", day)]);
    assert_eq!(born("15/01/1999").document(), "", "nobody said what they saw");
    // They come on 23 November 2026.
    assert_eq!(born("24/11/2012").document(), "birth_certificate", "fourteen tomorrow");
    assert_eq!(born("23/11/2012").document(), "", "fourteen today");
    assert_eq!(born("2013").document(), "birth_certificate");
    let seen = |paper: Paper| {
        let admission = Profile::built_in("lodging").expect("profile").terms().assured(verdict::Rung::Shown, false);
        let assurance = Some(Assurance::without_chip(Some(paper), admission));
        typed_of(assurance, &[("date_of_birth", "15/01/1999"), ("issue_date", "05/08/2024")])
    };
    assert_eq!(seen(Paper::Vneid).document(), "can_cuoc");
    assert_eq!(seen(Paper::Passport).document(), "passport");
    assert_eq!(seen(Paper::BirthCertificate).document(), "birth_certificate");
    let layout = Layout::load(None).expect("layout");
    for (guest, column) in [(born("15/01/1999"), "LOẠI GIẤY TỜ"), (seen(Paper::OtherPaper), "TÊN GIẤY TỜ")] {
        let failure = check(&layout, &guest, 1).expect_err("no such paper at the portal");
        assert!(failure.code == "lodging_incomplete" && failure.message.contains(column), "{failure:?}");
    }
}

#[test]
fn before_eleven_in_the_evening_or_by_eight_in_the_morning() {
    // 23 November 2026 in Vietnam, hour and minute.
    let at = |hour: i64, minute: i64| 1_795_366_800 + hour * 3600 + minute * 60;
    let citizen = |arrived| deadline(arrived, true, false);
    assert_eq!(citizen(at(0, 0)), at(23, 0));
    assert_eq!(citizen(at(22, 59)), at(23, 0));
    assert_eq!(citizen(at(23, 0)), at(32, 0));
    assert_eq!(citizen(at(23, 59)), at(32, 0));
    assert_eq!(deadline(at(22, 59), true, true), at(23, 0), "wherever the house is");
    // Foreigners: twelve hours, or twenty-four.
    assert_eq!(deadline(at(6, 10), false, false), at(18, 10));
    assert_eq!(deadline(at(23, 30), false, false), at(35, 30));
    assert_eq!(deadline(at(6, 10), false, true), at(30, 10));
}

/// A guest of a book that an older version wrote: nobody asked there what a text holds.
fn old_guest(name: &str, nationality: &str) -> Guest {
    let content = serde_json::json!({
        "source": "passport",
        "items": {
            "full_name": name, "document_number": "C01X00T47", "date_of_birth": "12/08/1964", "sex": "F",
            "nationality": nationality,
        },
        "portrait": null, "answers": { "room": "0202", "arrival": "23/11/2026", "departure": "25/11/2026", "reason": "x", "permitted_until": "30/11/2026" },
        "listed": {}, "photo": null, "differences": [],
    });
    let content: Content = serde_json::from_value(content).expect("content");
    let profile = Profile::built_in("lodging").expect("profile");
    Guest { released: Released::new(&profile, PORTAL, &content).expect("granted"), gone: None }
}

#[test]
fn a_control_character_in_an_old_record_stops_no_file() {
    let guests = ["JOHN\u{1}\u{b} DOE", "AN\u{202e}NA", "ERIKA MUSTERMANN"].map(|name| old_guest(name, "D"));
    let layout = Layout::load(None).expect("layout");
    let made = make(&guests, |guest, index| check(&layout, guest, index), xml).expect("made");
    assert!(made.left_out.is_empty());
    let text = String::from_utf8(made.bytes).expect("UTF-8");
    let document = roxmltree::Document::parse(&text).expect("well-formed");
    let names: Vec<&str> =
        document.descendants().filter(|node| node.has_tag_name("ho_ten")).filter_map(|node| node.text()).collect();
    assert_eq!(names, ["JOHN DOE", "ANNA", "ERIKA MUSTERMANN"]);
}

#[test]
fn one_bad_guest_is_left_out_and_the_other_two_are_in_the_file() {
    let layout = Layout::load(None).expect("layout");
    let check = |guest: &Guest, index| check(&layout, guest, index);
    let count = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8").matches("<THONG_TIN_KHACH>").count();
    // Somebody whom the portal has no word for.
    let guests = [("JOHN DOE", "D"), ("ANNA", "nowhere"), ("ERIKA", "D")].map(|(name, of)| old_guest(name, of));
    let made = make(&guests, check, xml).expect("made");
    assert_eq!(
        made.left_out.iter().map(|(at, why)| (*at, why.code.as_str())).collect::<Vec<_>>(),
        [(1, "lodging_incomplete")]
    );
    assert_eq!(count(made.bytes), 2);
    // Somebody who does not come back from the file, for a reason that nobody thought of.
    let guests = ["JOHN DOE", "ANNA", "ERIKA"].map(|name| old_guest(name, "D"));
    let write = |of: &[&Guest]| match of.iter().position(|guest| guest.item(Item::FullName) == Some("ANNA")) {
        Some(at) => Err(NotMade::Guest(at, comes_back_otherwise(at + 1))),
        None => xml(of),
    };
    let made = make(&guests, check, write).expect("made");
    assert_eq!(
        made.left_out.iter().map(|(at, why)| (*at, why.code.as_str())).collect::<Vec<_>>(),
        [(1, "lodging_unreadable")]
    );
    assert_eq!(count(made.bytes), 2);
    // Nobody is left: no file, and the reason.
    let failure = make(&guests[1..2], check, write).expect_err("nobody");
    assert_eq!(failure.code, "lodging_unreadable");
}

#[test]
fn an_escape_of_workbooks_is_no_name() {
    let escaped = guest(Source::CitizenCard, &[("full_name", "An _x000B_ Nguyễn")]);
    let failure = check(&Layout::load(None).expect("layout"), &escaped, 1).expect_err("escape");
    assert!(failure.code == "lodging_incomplete" && failure.message.contains("HỌ TÊN"), "{}", failure.message);
    for fine in ["_x", "_x12_", "_xyzwq_", "Phòng_x001"] {
        assert!(!has_workbook_escape(fine), "{fine}");
    }
}
