use super::workbook::blank;
use super::*;
use std::io::Cursor;
use umya_spreadsheet::Workbook;
use umya_spreadsheet::reader::xlsx::read_reader;
use visit::content::Content;

fn guest(source: Source, change: &[(&str, &str)]) -> Guest {
    let mut content = Content { source, ..Content::default() };
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
    ];
    for (name, value) in base.iter().chain(change) {
        let value = program::Private::from((*value).to_owned());
        match name.split_once('.') {
            Some((_, id)) => drop(content.answers.insert(id.to_owned(), value)),
            None => drop(content.items.insert(Item::find(name).expect("datum"), value)),
        }
    }
    let profile = Profile::built_in("lodging").expect("profile");
    Guest { released: Released::new(&profile, PORTAL, &content).expect("granted"), gone: None }
}

fn made(guests: &[Guest], template: Option<&[u8]>) -> Workbook {
    let bytes = xlsx(&Layout::load(None).expect("layout"), template, guests).expect("file");
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
        "1 - Thường trú",
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
    let failure = xlsx(&Layout::load(None).expect("layout"), Some(b"no file"), &[]).expect_err("no template");
    assert_eq!(failure.code, "lodging_template");
}

#[test]
fn what_is_missing_or_unknown_is_named_by_guest_and_column_and_never_guessed() {
    let layout = Layout::load(None).expect("layout");
    for (change, column) in [(("nationality", "Lào"), "QUỐC TỊCH"), (("form.departure", ""), "NGÀY ĐI DỰ KIẾN")]
    {
        let guests = [guest(Source::CitizenCard, &[]), guest(Source::CitizenCard, &[change])];
        let failure = xlsx(&layout, None, &guests).expect_err("incomplete");
        assert_eq!(failure.code, "lodging_incomplete");
        assert!(failure.message.contains("guest 2") && failure.message.contains(column), "{}", failure.message);
        assert!(!failure.message.contains("Nguyễn"), "nobody is named");
    }
}

#[test]
fn foreigners_go_into_xml() {
    let foreign =
        [("nationality", "Đức"), ("document_number", "C01X00T47"), ("full_name", "MUSTERMANN & ERIKA"), ("sex", "F")];
    let unknown = guest(Source::Passport, &foreign);
    assert!(!unknown.is_citizen());
    let failure = xml(&[unknown]).expect_err("no three letters");
    assert!(failure.message.contains("ma_quoc_tich"), "{}", failure.message);
    let known = guest(Source::Passport, &[&foreign[1..], &[("nationality", "D")]].concat());
    let text = String::from_utf8(xml(&[known]).expect("XML")).expect("UTF-8");
    for part in [
        "<ho_ten>MUSTERMANN &amp; ERIKA</ho_ten>",
        "<so_ho_chieu>C01X00T47</so_ho_chieu>",
        "<ma_quoc_tich>DEU</ma_quoc_tich>",
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
fn before_eleven_in_the_evening_or_by_eight_in_the_morning() {
    // 23 November 2026 in Vietnam, hour and minute.
    let at = |hour: i64, minute: i64| 1_795_366_800 + hour * 3600 + minute * 60;
    assert_eq!(deadline(at(0, 0)), at(23, 0));
    assert_eq!(deadline(at(22, 59)), at(23, 0));
    assert_eq!(deadline(at(23, 0)), at(32, 0));
    assert_eq!(deadline(at(23, 59)), at(32, 0));
}
