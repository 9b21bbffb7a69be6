//! What hostile people type and scan, against a running desk: no name stops the file of the others, controls a terminal or becomes
//! a formula. Through a real pcscd.

use hil_tests::Line;
use hil_tests::office::{Office, Setup};
use serde_json::{Value, json};

fn guest(name: &str, room: &str) -> Value {
    json!({
        "items": { "full_name": name, "date_of_birth": "12/08/1964", "sex": "M", "nationality": "USA",
                   "document_number": "C01X00T47" },
        "answers": { "room": room, "arrival": "23/11/2026", "departure": "25/11/2026", "reason": "1 - Du lịch",
                     "permitted_until": "30/11/2026" },
        "agreed": "en",
    })
}

/// The code with which something was refused.
fn refused(result: anyhow::Result<Value>) -> String {
    let error = result.expect_err("refused").to_string();
    assert!(!error.contains("DOE"), "nobody is named: {error}");
    error.split(' ').next().unwrap_or_default().to_owned()
}

/// A name with control characters was taken once, the file of three guests was no XML, and the portal had none of them.
#[test]
fn no_name_that_is_typed_stops_the_portals_file_or_becomes_a_formula() {
    let directory = tempfile::tempdir().expect("directory");
    let line = Line::provision(directory.path()).expect("a line; `cargo xtask doctor` says what is missing");
    let office = Office::open(&line, &Setup::of("lodging")).expect("desk");
    let typed = |name: &str, room: &str| office.post("/v1/typed", &guest(name, room));
    for (name, room, code) in [
        ("JOHN\u{1}\u{b} DOE", "0101", "text_control"),
        ("JOHN\u{1b}[2J DOE", "0101", "text_control"),
        ("JOHN \u{202e}EOD", "0101", "text_direction"),
        ("JO\u{200b}HN DOE", "0101", "text_invisible"),
        ("JOHN DOE\u{feff}", "0101", "text_invisible"),
        (&"DOE ".repeat(200), "0101", "text_too_long"),
        ("JOHN DOE", "01\u{7}01", "text_control"),
    ] {
        assert_eq!(refused(typed(name, room)), code);
    }
    let mut party = guest("JOHN DOE", "0101");
    party["party"] = json!("0101\r\n");
    office.post("/v1/typed", &party).expect("the end of a line around it is none in it");
    party["party"] = json!("01\u{2066}01");
    assert_eq!(refused(office.post("/v1/typed", &party)), "text_direction");
    for name in ["Nguyen;=1+1", "ERIKA ]]> & <b>"] {
        typed(name, "0202").expect("odd, and a name");
    }
    let batch = office.post("/v1/lodging/batches", &json!({ "kind": "xml" })).expect("file");
    assert_eq!((&batch["made"], &batch["left_out"]), (&json!(3), &json!([])), "{batch}");
    let file = office.download(&format!("/v1/lodging/batches/{}/file", batch["id"])).expect("file");
    let names = handoff::read_back::xml(&file).expect("well-formed");
    let names: Vec<&str> = names.iter().filter(|(name, _)| name == "ho_ten").map(|(_, text)| text.as_str()).collect();
    assert_eq!(names, ["JOHN DOE", "Nguyen;=1+1", "ERIKA ]]> & <b>"]);
    let table = String::from_utf8(office.download("/v1/records.csv").expect("table")).expect("UTF-8");
    assert!(table.contains("\"Nguyen;'=1+1\""), "{table}");
    assert!(table.lines().all(|row| row.trim_start_matches('\u{feff}').starts_with('"')), "{table}");
}
