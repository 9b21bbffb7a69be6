//! What hospitals get: the insurer's check-in against the layout that others wrote down, and FHIR for whom a card does not describe whole.

use config::{FhirSystems, HospitalEvent};
use handoff::{Envelope, checkin, fhir, his, hl7};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;

/// A file with an authority's layout; the test is skipped without it.
fn layout(name: &str) -> Option<String> {
    let path: PathBuf = test_support::shared(&format!("../reference/vn-codes/{name}"))?;
    Some(std::fs::read_to_string(path).expect("a text"))
}

/// What a recipient of the hospital's desk gets of a made-up patient, as the book keeps it.
fn envelope(recipient: &str, values: &Value) -> Envelope {
    serde_json::from_value(json!({
        "visit": "0f".repeat(16), "at": 1_795_398_060, "profile": "hospital-desk", "device": "kiosk-1", "number": "A001",
        "released": { "recipient": recipient, "source": "citizen_card", "values": values, "portrait": null },
    }))
    .expect("an envelope")
}

fn checked_in() -> Envelope {
    let values = json!({
        "id_number": "001099000017", "full_name": "Nguyễn Văn Ví Dụ", "date_of_birth": "15/01/1999", "sex": "Nam",
        "form.insurance": "DN4010012345678", "form.department": "K01",
    });
    envelope("checkin-xml", &values)
}

/// The patient of a bundle, and the condition under which nobody new is made.
fn patient(values: &Value) -> (Value, String) {
    let bundle = fhir::bundle(&envelope("fhir", values), &FhirSystems::default());
    assert!(is_full(&bundle), "{bundle}");
    let entry = &bundle["entry"][0];
    (entry["resource"].clone(), entry["request"]["ifNoneExist"].as_str().expect("a condition").to_owned())
}

/// What a reader that is not ours makes of a text, and what it finds wrong; `None` where it is not at hand.
fn judged(judge: &str, text: &str) -> Option<(String, String)> {
    let mut judge = test_support::python(judge)?;
    judge.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut judge = judge.spawn().expect("Python");
    judge.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("taken");
    let output = judge.wait_with_output().expect("judged");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Some((text(output.stdout), text(output.stderr)))
}

/// FHIR R4, §2.1.3.0: no empty text, list, object, and no null.
fn is_full(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty() && list.iter().all(is_full),
        Value::Object(map) => !map.is_empty() && map.values().all(is_full),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// The elements of a document in order, each with how deep it lies.
fn tree(text: &str) -> Vec<(usize, String)> {
    let document = roxmltree::Document::parse(text).expect("XML");
    let elements = document.descendants().filter(roxmltree::Node::is_element);
    elements.map(|element| (element.ancestors().count(), element.tag_name().name().to_owned())).collect()
}

#[test]
fn the_check_in_has_the_tree_of_the_insurers_example() {
    let Some(page) = layout("xml0.md") else { return };
    let (_, example) = page.split_once("```xml\n").expect("an example");
    let (example, _) = example.split_once("```").expect("its end");
    let file = checkin::xml(&checked_in(), "79001").expect("a file");
    assert_eq!(tree(std::str::from_utf8(&file).expect("UTF-8")), tree(example));
}

#[test]
fn the_check_in_fills_what_a_card_knows_and_nothing_that_only_the_hospital_can() {
    let Some(table) = layout("xml0-fields.tsv") else { return };
    let file = checkin::xml(&checked_in(), "79001").expect("a file");
    let document = roxmltree::Document::parse(std::str::from_utf8(&file).expect("UTF-8")).expect("XML");
    let mut count = 0;
    for line in table.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())) {
        let cells: Vec<&str> = line.split('\t').collect();
        let (name, most, by_card) = (cells[1], cells[3].parse().unwrap_or(usize::MAX), cells[6]);
        let element = document.descendants().find(|node| node.has_tag_name(name)).unwrap_or_else(|| panic!("{name}"));
        let text = element.text().unwrap_or_default();
        assert!(text.chars().count() <= most, "{name}: {text}");
        // Its place in the file, the facility's own code, and what the patient showed of their insurance are known as well.
        let known = matches!(by_card, "yes" | "(time)") || matches!(name, "STT" | "MA_CSKCB" | "MA_THE_BHYT");
        assert_eq!(!text.is_empty(), known, "{name}: {text:?}");
        count += 1;
    }
    assert_eq!(count, 26);
}

#[test]
fn a_patient_without_a_number_is_known_by_the_visit_and_by_nobody_elses() {
    let child = json!({ "full_name": "Bông", "date_of_birth": "2026", "sex": "", "id_number": "", "residence": "", "form.insurance": "" });
    let (patient, condition) = patient(&child);
    let visit = "0f".repeat(16);
    assert_eq!(condition, format!("identifier=urn:cccd-agent:visit|{visit}"));
    assert_eq!(patient["identifier"], json!([{ "use": "temp", "system": "urn:cccd-agent:visit", "value": visit }]));
    assert_eq!(patient["name"], json!([{ "use": "official", "text": "Bông", "family": "Bông" }]));
    assert_eq!((&patient["birthDate"], &patient["gender"]), (&json!("2026"), &json!("unknown")));
    assert!(patient.get("address").is_none());
}

#[test]
fn each_number_has_the_system_of_its_kind() {
    let of = |values: Value| {
        let (patient, condition) = patient(&values);
        let numbers = patient["identifier"].as_array().expect("a list").iter();
        let numbers = numbers.map(|one| {
            let text = |key: &str| one[key].as_str().expect("text").to_owned();
            (text("use"), text("system").rsplit('/').next().unwrap_or_default().to_owned(), text("value"))
        });
        (numbers.collect::<Vec<_>>(), condition)
    };
    let owned = |of: &str, system: &str, value: &str| (of.to_owned(), system.to_owned(), value.to_owned());
    let (numbers, condition) = of(json!({
        "id_number": "001099000017", "old_id_number": "012345678; 001099000017, 079099000021", "form.insurance": "0123456789"
    }));
    let expected = [
        owned("official", "cccd", "001099000017"),
        owned("old", "cmnd", "012345678"),
        owned("old", "cccd", "079099000021"),
        owned("secondary", "bhyt", "0123456789"),
    ];
    assert_eq!(numbers, expected);
    assert_eq!(condition, "identifier=http%3A%2F%2Ffhir.hl7.org.vn%2Fcore%2Fsid%2Fcccd|001099000017");
    let (numbers, condition) = of(json!({ "document_number": "L898902C3", "full_name": "ANNA MARIA ERIKSSON" }));
    assert_eq!(numbers, [owned("official", "passport", "L898902C3")]);
    assert!(condition.ends_with("passport|L898902C3"), "{condition}");
}

#[test]
fn whoever_answers_for_a_child_is_a_related_person_of_that_patient() {
    let guarded = |number: &str| {
        let values = json!({ "full_name": "Bông", "form.guardian": "Trần Thị Bình", "form.guardian_number": number });
        let bundle = fhir::bundle(&envelope("fhir", &values), &FhirSystems::default());
        assert!(is_full(&bundle), "{bundle}");
        bundle["entry"][2].clone()
    };
    let entry = guarded("079185000028");
    let related = &entry["resource"];
    assert_eq!(
        (&related["resourceType"], &entry["request"]["url"]),
        (&json!("RelatedPerson"), &json!("RelatedPerson"))
    );
    let patient = fhir::bundle(&checked_in(), &FhirSystems::default())["entry"][0]["fullUrl"].clone();
    assert_eq!(related["patient"]["reference"], patient);
    assert_eq!(related["relationship"][0]["coding"][0]["code"], "GUARD");
    assert_eq!(related["identifier"][1]["value"], "079185000028");
    assert_eq!(entry["request"]["ifNoneExist"], format!("identifier=urn:cccd-agent:visit|{}", "0f".repeat(16)));
    assert_eq!(guarded("")["resource"]["identifier"].as_array().map(Vec::len), Some(1));
    let nobody = fhir::bundle(&checked_in(), &FhirSystems::default());
    assert_eq!(nobody["entry"].as_array().map(Vec::len), Some(2));
}

#[test]
fn hospital_dates() {
    let Some(path) = test_support::shared("field-cases/hospital-dates.json") else { return };
    let case: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("a file")).expect("JSON");
    let expected = [
        ("1955", "1955", "195500000000"),
        ("1955", "1955", "195500000000"),
        ("1999-01-05", "19990105", "199901050000"),
    ];
    for (row, (iso, hl7, moment)) in case["rows"].as_array().expect("rows").iter().zip(expected) {
        let values =
            json!({ "full_name": "Nguyễn Văn Ví Dụ", "id_number": "001055000017", "date_of_birth": row["dg13"] });
        let (patient, _) = patient(&values);
        assert_eq!(patient["birthDate"], iso);
        let his = his::registration(&envelope("his", &values), &his::Known::default()).to_json();
        assert_eq!(his["NGAY_SINH"], iso);
        let message = hl7::message(&envelope("his", &values), "79001", HospitalEvent::A04, &FhirSystems::default());
        assert_eq!(message.split('|').nth(26), Some(hl7), "{}", *message);
        let file = checkin::xml(&envelope("checkin-xml", &values), "79001").expect("a file");
        let file = std::str::from_utf8(&file).expect("UTF-8");
        assert!(file.contains(&format!("<NGAY_SINH>{moment}</NGAY_SINH>")), "{file}");
    }
}

#[test]
fn a_server_that_knows_other_systems_is_told_by_them() {
    let systems: FhirSystems =
        serde_json::from_value(json!({ "personal_number": "urn:a", "patient_profile": "" })).expect("some");
    let bundle = fhir::bundle(&envelope("fhir", &json!({ "id_number": "001099000017" })), &systems);
    let patient = &bundle["entry"][0]["resource"];
    assert_eq!(patient["identifier"][0]["system"], "urn:a");
    assert!(patient["meta"].get("profile").is_none());
    assert_eq!(systems.passport, FhirSystems::default().passport, "what is not said stays");
}

#[test]
fn a_judge_that_is_not_ours_takes_each_bundle_and_no_bundle_that_is_none() {
    let child = json!({ "full_name": "Bông", "date_of_birth": "2026", "id_number": "" });
    let old = json!({ "full_name": "Nguyễn Văn Ví Dụ", "date_of_birth": "00/00/1950", "id_number": "001050000017", "residence": "Hà Nội" });
    let full = json!({
        "id_number": "001099000017", "full_name": "Nguyễn Văn Ví Dụ", "date_of_birth": "15/01/1999", "sex": "Nam",
        "residence": "Hà Nội", "old_id_number": "012345678", "form.guardian": "Trần Thị Bình", "form.guardian_number": "C1234567",
        "form.insurance": "0123456789", "form.phone": "0900000000", "form.department": "K01",
    });
    for values in [child, old, full] {
        let mut bundle = fhir::bundle(&envelope("fhir", &values), &FhirSystems::default());
        let Some((_, said)) = judged("judge_fhir.py", &bundle.to_string()) else { return };
        assert_eq!(said, "", "{bundle}");
        bundle["entry"][0]["resource"]["birthDate"] = "1950-00-00".into();
        let (_, said) = judged("judge_fhir.py", &bundle.to_string()).expect("it is there");
        assert!(said.contains("birthDate"), "it looks at dates: {said}");
    }
}

#[test]
fn a_judge_that_is_not_ours_reads_the_hl7_message_as_it_was_meant() {
    let values = json!({
        "id_number": "001099000017", "full_name": "Nguyễn Văn Ví^Dụ", "date_of_birth": "01/1999", "sex": "Nam",
        "residence": "Số 1 | Đường & Ngõ ~ 2", "old_id_number": "012345678", "form.guardian": "Trần Thị & Bình",
        "form.guardian_number": "079185000028", "form.insurance": "0123456789", "form.phone": "0900000000", "form.department": "K01",
    });
    for (event, structure) in [(HospitalEvent::A04, "ADT_A01"), (HospitalEvent::A28, "ADT_A05")] {
        let envelope = envelope("his", &values);
        let message = hl7::message(&envelope, "79001", event, &FhirSystems::default());
        assert!(hl7::comes_back(&message, &envelope));
        let Some((read, said)) = judged("judge_hl7.py", &message) else { return };
        assert_eq!(said, "", "{message:?}");
        let read: Value = serde_json::from_str(&read).expect("JSON");
        let sid = "http://fhir.hl7.org.vn/core/sid";
        let cccd = format!("{sid}/cccd");
        let numbers = [
            ["001099000017", &cccd, "NI"],
            ["012345678", &format!("{sid}/cmnd"), "NI"],
            ["0123456789", &format!("{sid}/bhyt"), "HC"],
        ];
        assert_eq!(read["numbers"], json!(numbers));
        assert_eq!(read["guardian"], json!(["Trần", "Thị \\T\\ Bình", "GRD", "079185000028", cccd, "NI"]));
        assert_eq!((&read["structure"], &read["born"]), (&json!(structure), &json!("199901")));
        assert_eq!(
            (&read["family"], &read["given"]),
            (&json!("Nguyễn"), &json!("Văn Ví\\S\\Dụ")),
            "escaped as it was sent"
        );
        let without = message.replace("PID|1||", "PID|1|");
        assert_ne!(judged("judge_hl7.py", &without).expect("it is there"), (read.to_string(), String::new()));
    }
}
