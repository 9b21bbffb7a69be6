//! Every profile from tap to what the recipient receives, through a real pcscd, and what each does when something is
//! wrong: offline, a list that has expired, a second time, power cut midway.

use events::Verifier;
use hil_tests::office::{HOSPITAL, Hospital, LIST_PHRASE, Office, Setup, day, list, photograph};
use hil_tests::{FIRST_READER, Line};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use virtual_card::{Persona, VISITOR};

struct Rig {
    line: Line,
    directory: tempfile::TempDir,
}

fn rig() -> Rig {
    let directory = tempfile::tempdir().expect("directory");
    let line = Line::provision(directory.path()).expect("a line; `cargo xtask doctor` says what is missing");
    Rig { line, directory }
}

fn persona(id: &str) -> &'static Persona {
    Persona::find(id).expect("persona")
}

fn scan(id: &str) -> Value {
    json!({ "scan": persona(id).qr() })
}

/// The code with which something was refused.
fn refused<T: std::fmt::Debug>(result: anyhow::Result<T>) -> String {
    let error = result.expect_err("refused").to_string();
    error.split(' ').next().unwrap_or_default().to_owned()
}

fn with_list(profile: &str) -> Setup {
    Setup { tables: "[roster]\nkey = \"operator.pem\"\ndevices = \"devices\"\n".to_owned(), ..Setup::of(profile) }
}

/// The desk of a profile with its list.
fn office_with_list(line: &Line, profile: &str, table: &str, hashed: bool) -> Office {
    let list = list(line, profile, table, 1, hashed);
    let office = Office::open(line, &with_list(profile)).expect("desk");
    office.upload("/v1/roster", list, LIST_PHRASE).expect("the list is taken in");
    office
}

fn outcome(session: &Value) -> &Value {
    &session["outcome"]
}

fn done(session: &Value) {
    assert_eq!(outcome(session), "done", "{session}");
}

/// The bodies of events at central, by kind.
fn bodies(line: &Line, kind: &str) -> Vec<Value> {
    let events = line.events().expect("events");
    events.iter().filter_map(|event| event["event"]["body"].get(kind).cloned()).collect()
}

/// Waits for events of what happened, and gives them; those of who looked (`access`) stand between and are left out.
fn wait_for_events(line: &Line, count: usize) -> Vec<Value> {
    wait_for(line, count, |kind| kind != "access")
}

fn wait_for(line: &Line, count: usize, wanted: impl Fn(&str) -> bool) -> Vec<Value> {
    let start = hil_tests::stack::now();
    loop {
        let mut events = line.events().expect("events");
        events.retain(|event| {
            event["event"]["body"].as_object().is_some_and(|body| body.keys().all(|kind| wanted(kind)))
        });
        if events.len() >= count {
            return events;
        }
        assert!(start.elapsed().as_secs() < 40, "{} of {count} events came", events.len());
        hil_tests::stack::pause(100);
    }
}

/// No name, number or birth of these people stands in what central holds.
fn names_nobody(line: &Line, people: &[&str]) {
    let text = format!("{:?}", line.events().expect("events"));
    for id in people {
        let one = persona(id);
        assert!(!text.contains(one.name) && !text.contains(one.number), "{id} stands in the log");
    }
}

// identify

#[test]
fn identify_tells_the_desk_and_the_software_what_each_may_know_and_central_nothing() {
    let mut rig = rig();
    rig.line.start_central().expect("central");
    let office = Office::open(&rig.line, &Setup::of("identify")).expect("desk");
    let session = office.visit_of(&rig.line, "an", &json!({})).expect("visit");
    done(&session);
    assert_eq!((&session["verdict"]["word"], &session["verdict"]["level"]), (&json!("proved"), &json!(5)));
    assert_eq!(session["holder"]["full_name"], persona("an").name);
    assert_eq!(session["holder"].get("id_number"), None, "the desk is not granted the number");
    // A client that lost its connection goes on after the last event that it saw, and none is missing.
    let last = session["last_event"].as_u64().expect("a number");
    let path = format!("/v1/sessions/{}/events", session["id"].as_str().expect("id"));
    let rest = office.download(&format!("{path}?after={}", last - 2)).expect("events");
    let rest = String::from_utf8(rest).expect("UTF-8");
    let ids: Vec<u64> = rest.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect();
    assert_eq!(ids, [last - 1, last], "{rest}");
    assert!(rest.contains("\"outcome\":\"done\"") && !rest.contains(persona("an").name), "{rest}");
    let all = String::from_utf8(office.download(&path).expect("events")).expect("UTF-8");
    assert_eq!(all.lines().filter(|line| line.starts_with("id: ")).count() as u64, last);
    let signed = office.get(&format!("/v1/sessions/{}/result", session["id"].as_str().expect("id"))).expect("result");
    let claim = open_jws(signed["jws"].as_str().expect("JWS"), &office.get("/v1").expect("about")["jwk"]);
    assert_eq!(claim, signed["result"]);
    let events = wait_for_events(&rig.line, 3);
    let kinds: Vec<_> =
        events.iter().filter_map(|event| event["event"]["body"].as_object()?.keys().next().cloned()).collect();
    assert_eq!(kinds, ["consent", "verification", "visit"]);
    // Whoever was on duty looked at the visit, and at its result.
    let looks = wait_for(&rig.line, 2, |kind| kind == "access");
    let looks: Vec<_> = looks.iter().map(|event| event["event"]["body"]["access"]["what"].clone()).collect();
    assert_eq!(looks, [json!("visit"), json!("result")], "central has who looked");
    let consent = &bodies(&rig.line, "consent")[0];
    assert_eq!((&consent["act"], &consent["language"]), (&json!("told_staff"), &json!("vi")));
    assert!(consent["text"].as_str().is_some_and(|text| text.contains("đọc thẻ")), "the words that were shown");
    let visit = &bodies(&rig.line, "visit")[0];
    assert_eq!(visit["visit"], consent["visit"]);
    assert_eq!(visit["recipients"][0]["id"], "desk");
    names_nobody(&rig.line, &["an"]);
    rig.line.verify_log().expect("every signature and chain");
}

/// Checks a compact JWS with nothing but its key: what other software does.
fn open_jws(jws: &str, jwk: &Value) -> Value {
    let decode = |text: &str| {
        let mut text = text.replace('-', "+").replace('_', "/");
        text.push_str(&"=".repeat((4 - text.len() % 4) % 4));
        openssl::base64::decode_block(&text).expect("base64url")
    };
    let number = |name: &str| BigNum::from_slice(&decode(jwk[name].as_str().expect("a coordinate"))).expect("number");
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("curve");
    let key = EcKey::from_public_key_affine_coordinates(&group, &number("x"), &number("y")).expect("key");
    let (signed, signature) = jws.rsplit_once('.').expect("three parts");
    let signature = decode(signature);
    let part = |range: std::ops::Range<usize>| BigNum::from_slice(&signature[range]).expect("number");
    let signature = EcdsaSig::from_private_components(part(0..32), part(32..64)).expect("signature");
    assert!(signature.verify(&openssl::sha::sha256(signed.as_bytes()), &key).expect("verifies"));
    serde_json::from_slice(&decode(signed.split('.').nth(1).expect("claim"))).expect("JSON")
}

#[test]
fn identify_goes_on_for_a_day_without_central_and_says_so() {
    let mut rig = rig();
    let mut office = Office::open(&rig.line, &Setup::of("identify")).expect("desk");
    done(&office.visit_of(&rig.line, "an", &json!({})).expect("visit"));
    assert!(office.get("/v1/status").expect("status")["central"]["unsent"].as_u64() >= Some(3));
    // A day later, and with power cut in between.
    office.cut_power_until(&rig.line, Some("+1d")).expect("up again");
    done(&office.visit_of(&rig.line, "binh", &json!({})).expect("visit"));
    rig.line.start_central().expect("central");
    let events = wait_for_events(&rig.line, 6);
    let at = |index: usize| events[index]["event"]["at"].as_i64().expect("a time");
    assert!(at(5) - at(0) > 80_000, "a day lies between them");
    // Between them stand the looks that the desk's page took.
    let all = rig.line.events().expect("events");
    let positions: Vec<_> = all.iter().filter_map(|event| event["event"]["seq"].as_u64()).collect();
    assert_eq!(positions, (1..=all.len() as u64).collect::<Vec<_>>());
    rig.line.verify_log().expect("every signature and chain");
}

// register

#[test]
fn register_keeps_how_to_reach_people_until_its_days_are_over() {
    let mut rig = rig();
    rig.line.start_central().expect("central");
    let mut office = Office::open(&rig.line, &Setup::of("register")).expect("desk");
    let answers = json!({ "phone": "0912345678", "address": "12 Nguyễn Huệ" });
    done(&office.visit_of(&rig.line, "an", &answers).expect("visit"));
    let records = office.records("/v1/records?q=nguyen+van+an").expect("list");
    assert_eq!(records[0]["holder"]["form"]["phone"], "0912345678");
    assert_eq!(office.records("/v1/records?q=binh").expect("list"), json!([]));
    let table = String::from_utf8(office.download("/v1/records.csv").expect("table")).expect("UTF-8");
    let lines: Vec<&str> = table.trim_start_matches('\u{feff}').lines().collect();
    assert_eq!(lines[0], r#""at","number","assurance","full_name","date_of_birth","form.phone","form.address""#);
    assert!(lines[1].contains(r#""Nguyễn Văn An","15/01/1999","0912345678","12 Nguyễn Huệ""#), "{}", lines[1]);
    let book = std::fs::read(rig.line.path("device/state/book.db")).expect("book");
    assert!(!book.windows(10).any(|part| part == b"0912345678"), "it lies sealed");
    // Thirty days, and one.
    office.cut_power_until(&rig.line, Some("+31d")).expect("up again");
    let erasures = || bodies(&rig.line, "erasure");
    wait_for_events(&rig.line, 4);
    assert_eq!((&erasures()[0]["why"], &erasures()[0]["count"]), (&json!("retention"), &json!(1)));
    let today = day(0);
    assert_eq!(office.records(&format!("/v1/records?day={today}")).expect("list"), json!([]));
}

#[test]
fn register_with_power_cut_before_the_form_leaves_nothing_half() {
    let mut rig = rig();
    rig.line.start_central().expect("central");
    let mut office = Office::open(&rig.line, &Setup::of("register")).expect("desk");
    office.ready().expect("reader");
    let card = rig.line.stack.lay("an", "none", FIRST_READER).expect("card");
    let session = office.post("/v1/sessions", &json!({})).expect("session");
    let stopped = office.go_on(&session, &scan("an"), &json!({}), &mut |session| {
        assert!(session["waits"] != "end", "not yet");
    });
    assert_eq!(refused(stopped), "form_invalid");
    office.cut_power(&rig.line).expect("up again");
    drop(card);
    assert_eq!(office.records("/v1/records").expect("list"), json!([]));
    assert_eq!(bodies(&rig.line, "visit").len(), 0);
    done(&office.visit_of(&rig.line, "an", &json!({ "phone": "0912" })).expect("visit"));
    assert_eq!(office.records("/v1/records").expect("list").as_array().map(Vec::len), Some(1));
    wait_for_events(&rig.line, 5);
    rig.line.verify_log().expect("every signature and chain");
}

#[test]
fn a_person_sees_what_is_kept_of_them_and_has_it_erased() {
    let rig = rig();
    let office = Office::open(&rig.line, &Setup::of("register")).expect("desk");
    done(&office.visit_of(&rig.line, "an", &json!({ "phone": "0912" })).expect("visit"));
    let path = |name: &str| rig.line.path(name).to_string_lossy().into_owned();
    let subject = |arguments: &[&str]| {
        let mut command = rig.line.agent();
        command.arg("subject").args(arguments).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = command.spawn().expect("agent");
        std::io::Write::write_all(&mut child.stdin.take().expect("input"), b"001099000017\n").expect("number");
        let output = child.wait_with_output().expect("output");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let (config, out, phrase) = (path("device/desk.toml"), path("an.sealed"), path("pass-phrase"));
    subject(&["export", "--config", &config, &out, "--pass-phrase-file", &phrase]);
    assert!(!std::fs::read(&out).expect("file").windows(4).any(|part| part == b"0912"));
    let shown = subject(&["show", &out, "--pass-phrase-file", &phrase]);
    assert!(shown.contains("0912") && shown.contains("Luật Căn cước") && shown.contains(persona("an").name), "{shown}");
    assert!(subject(&["erase", "--config", &config]).starts_with("1 records erased"));
    assert_eq!(office.records("/v1/records").expect("list"), json!([]));
}

// hospital-desk

fn hospital_setup(profile: &str, inbox: &Path) -> Setup {
    let tables = format!(
        "[desk.queue]\nletter = \"B\"\nplace = \"Quầy 3\"\n\
         [recipient.his]\nformat = \"kiosk-his\"\nurl = \"http://{HOSPITAL}\"\nmerchant = \"merchant-7\"\nsecret_file = \"his-secret\"\n\
         [recipient.fhir]\nformat = \"fhir\"\nurl = \"http://{HOSPITAL}/fhir\"\n\
         [recipient.webhook]\nformat = \"webhook\"\nurl = \"http://{HOSPITAL}/webhook\"\n\
         [recipient.checkin-xml]\nformat = \"checkin-xml\"\ndirectory = {inbox:?}\nfacility = \"79001\"\n"
    );
    Setup { tables, ..Setup::of(profile) }
}

#[test]
fn hospital_desk_checks_in_with_every_system_in_its_own_format() {
    let rig = rig();
    let hospital = Hospital::open(&rig.line).expect("hospital");
    let inbox = rig.line.path("inbox");
    std::fs::create_dir(&inbox).expect("directory");
    let office = Office::open(&rig.line, &hospital_setup("hospital-desk", &inbox)).expect("desk");
    // The departments are those of the hospital's system: one that it does not have cannot be chosen.
    let form = office.get("/v1").expect("about")["profile"]["form"][0].clone();
    assert_eq!(form["choice"][1]["label_vi"], "Khoa Tim mạch", "{form}");
    let answers = json!({ "department": "K04", "insurance": "GD4010123456789", "phone": "0912" });
    office.ready().expect("reader");
    let _card = rig.line.stack.lay("binh", "none", FIRST_READER).expect("card");
    let session = office.post("/v1/sessions", &json!({})).expect("session");
    let path = format!("/v1/sessions/{}", session["id"].as_str().expect("id"));
    let (mut insured, mut known) = (Value::Null, Value::Null);
    let session = office.go_on(&session, &scan("binh"), &answers, &mut |state| match state["waits"].as_str() {
        // What the insurer says comes while the face is looked at, and is in the form before anybody is asked.
        Some("face") => {
            let start = hil_tests::stack::now();
            while insured.is_null() && start.elapsed().as_secs() < 20 {
                insured = office.get(&path).expect("session")["insured"].clone();
                hil_tests::stack::pause(20);
            }
        }
        Some("form") => known = state["answers"].clone(),
        _ => {}
    });
    let session = session.expect("visit");
    done(&session);
    assert_eq!((&insured["standing"], &insured["until"]), (&json!("valid"), &json!("31/12/2099")));
    assert_eq!(known, json!({ "insurance": "0123456789" }));
    assert_eq!(
        (&session["number"], &session["place"]),
        (&json!("501"), &json!("Phòng khám 5")),
        "the hospital's own number"
    );
    let binh = persona("binh");
    let his = &hospital.wait_for("/dangky-kcb", 1).expect("came")[0]["body"];
    assert_eq!((&his["HO_TEN"], &his["MA_KHOA"], &his["GIOI_TINH"]), (&json!(binh.name), &json!("K04"), &json!("2")));
    assert_eq!(his["MA_BN"], "BN0042", "a patient whom the hospital knows");
    let fhir = &hospital.wait_for("/fhir", 1).expect("came")[0]["body"];
    assert_eq!(fhir["entry"][0]["resource"]["identifier"][0]["value"], binh.number);
    assert_eq!(fhir["entry"][1]["resource"]["resourceType"], "Encounter");
    let webhook = &hospital.wait_for("/webhook", 1).expect("came")[0];
    assert_eq!(webhook["body"]["id_card"], binh.number);
    assert_eq!(
        (&webhook["body"]["race"], &webhook["body"]["religion"]),
        (&json!(""), &json!("")),
        "nobody asked for them"
    );
    assert_eq!(webhook["headers"]["idempotency-key"], session["id"]);
    let file = inbox.join(format!("checkin-{}.xml", session["id"].as_str().expect("id")));
    let start = hil_tests::stack::now();
    while !file.exists() && start.elapsed().as_secs() < 10 {
        hil_tests::stack::pause(50);
    }
    let xml = std::fs::read_to_string(file).expect("file");
    assert!(xml.contains("<SO_CCCD>079185000028</SO_CCCD>") && xml.contains("<MA_CSKCB>79001</MA_CSKCB>"), "{xml}");
    let record = office.records("/v1/records").expect("list")[0].clone();
    assert_eq!(
        record["deliveries"],
        json!({ "checkin-xml": "done", "fhir": "done", "his": "done", "webhook": "done" })
    );
}

#[test]
fn hospital_desk_goes_on_while_the_hospitals_system_is_down_and_delivers_once_later() {
    let rig = rig();
    let hospital = Hospital::open(&rig.line).expect("hospital");
    hospital.set("down", true).expect("down");
    let mut office = Office::open(&rig.line, &hospital_setup("hospital-desk", &rig.line.path("away"))).expect("desk");
    let session = office.visit_of(&rig.line, "an", &json!({ "department": "K01" })).expect("visit");
    done(&session);
    assert_eq!((&session["number"], &session["place"]), (&json!("B001"), &json!("Quầy 3")), "the desk's own number");
    let start = hil_tests::stack::now();
    let waiting = loop {
        let status = office.get("/v1/status").expect("status");
        let waiting = status["recipients"].as_array().expect("recipients").clone();
        if waiting.len() == 4 && waiting.iter().all(|one| one["error"].is_string()) || start.elapsed().as_secs() > 20 {
            break waiting;
        }
        hil_tests::stack::pause(50);
    };
    let errors: Vec<_> = waiting.iter().map(|one| one["error"].as_str().unwrap_or_default()).collect();
    assert_eq!(errors, ["directory_absent", "recipient_http_503", "recipient_http_503", "recipient_http_503"]);
    // Power is cut while everything waits; the hospital comes back; somebody asks to try again.
    office.cut_power(&rig.line).expect("up again");
    hospital.set("down", false).expect("up");
    office.post("/v1/deliveries/retry", &json!({})).expect("retry");
    let his = &hospital.wait_for("/dangky-kcb", 1).expect("came")[0]["body"];
    assert_eq!((&his["MA_THE_BHYT"], &his["MA_BN"]), (&json!("0123456789"), &json!("")), "insured, and new there");
    hospital.wait_for("/webhook", 1).expect("came");
    hospital.wait_for("/fhir", 1).expect("came");
    hil_tests::stack::pause(1500);
    assert_eq!(hospital.came("/webhook").expect("came").len(), 1, "once");
}

// hospital-kiosk

#[test]
fn hospital_kiosk_takes_the_health_insurance_card_beside_the_citizen_card() {
    let rig = rig();
    let hospital = Hospital::open(&rig.line).expect("hospital");
    let office = Office::open(&rig.line, &hospital_setup("hospital-kiosk", rig.directory.path())).expect("desk");
    office.ready().expect("reader");
    let _card = rig.line.stack.lay("an", "none", FIRST_READER).expect("card");
    let session = office.post("/v1/sessions", &json!({})).expect("session");
    let path = |step: &str| format!("/v1/sessions/{}{step}", session["id"].as_str().expect("id"));
    office.post(&path("/consent"), &json!({ "language": "vi" })).expect("consent");
    let insurance = "GD4010123456789|4e67|15/01/1999|1|48|01 - 043|-|-|-|x|-|4|-|t|$";
    let still = office.post(&path("/key"), &json!({ "scan": insurance })).expect("noted");
    assert_eq!(still["waits"], "key");
    let mut known = Value::Null;
    let answers = json!({ "department": "K30", "insurance": "GD4010123456789" });
    let session = office.go_on(&session, &scan("an"), &answers, &mut |state| {
        if state["waits"] == "form" {
            known = state["answers"].clone();
        }
    });
    done(&session.expect("visit"));
    assert_eq!(known, json!({ "insurance": "GD4010123456789" }), "nobody types what was scanned");
    let his = &hospital.wait_for("/dangky-kcb", 1).expect("came")[0]["body"];
    assert_eq!((&his["MA_THE_BHYT"], &his["MA_KHOA"]), (&json!("GD4010123456789"), &json!("K30")));
}

#[test]
fn hospital_kiosk_sends_people_to_the_counter_when_the_hospital_does_not_know_them() {
    let rig = rig();
    let hospital = Hospital::open(&rig.line).expect("hospital");
    hospital.set("unknown", true).expect("set");
    let office = Office::open(&rig.line, &hospital_setup("hospital-kiosk", rig.directory.path())).expect("desk");
    let session = office.visit_of(&rig.line, "an", &json!({ "department": "K01" })).expect("visit");
    done(&session);
    assert_eq!(session["number"], "B001", "a number of the kiosk's own, for the counter");
    hospital.wait_for("/webhook", 1).expect("the others have it");
    let record = office.records("/v1/records").expect("list")[0].clone();
    assert_eq!(record["deliveries"]["his"], "refused");
}

// lodging

fn stay(room: &str) -> Value {
    let date = |plus| {
        let day = day(plus);
        let parts: Vec<&str> = day.split('-').rev().collect();
        parts.join("/")
    };
    json!({ "room": room, "arrival": date(0), "departure": date(2), "reason": "1 - Du lịch" })
}

#[test]
fn lodging_reports_a_family_and_a_foreigner_and_counts_only_what_the_portal_took() {
    let rig = rig();
    let office = Office::open(&rig.line, &Setup::of("lodging")).expect("desk");
    done(&office.visit_of(&rig.line, "an", &stay("0101")).expect("visit"));
    done(&office.visit_of(&rig.line, "giang-2024", &stay("0101")).expect("visit"));
    let child = json!({
        "items": { "full_name": "Nguyễn Bé Mẫu", "date_of_birth": "02/03/2020", "sex": "Nữ", "nationality": "Việt Nam",
                   "id_number": "001320000017" },
        "answers": stay("0101"), "party": "0101", "agreed": "vi",
    });
    office.post("/v1/typed", &child).expect("a child without a card");
    {
        let _card = rig.line.stack.lay(VISITOR.id, "none", FIRST_READER).expect("card");
        let mut foreign = stay("0202");
        foreign["permitted_until"] = foreign["departure"].clone();
        let session = office.visit(&json!({ "mrz": VISITOR.mrz() }), &foreign).expect("visit");
        done(&session);
        assert_eq!(session["holder"]["nationality"], "D");
    }
    let owed = office.get("/v1/lodging").expect("owed");
    assert_eq!((&owed["unreported"], &owed["late"]), (&json!(4), &json!(false)));
    // Vietnamese guests, read back by a spreadsheet program.
    let batch = office.post("/v1/lodging/batches", &json!({ "kind": "xlsx" })).expect("file");
    let id = batch["id"].as_i64().expect("id");
    let bytes = office.download(&format!("/v1/lodging/batches/{id}/file")).expect("file");
    let (xlsx, csv) = (rig.line.path("portal.xlsx"), rig.line.path("portal.csv"));
    std::fs::write(&xlsx, bytes).expect("file");
    let read = Command::new("ssconvert").args([&xlsx, &csv]).output().expect("ssconvert (package gnumeric)");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let text = std::fs::read_to_string(&csv).expect("table").replace('"', "");
    let rows: Vec<&str> = text.lines().skip(4).filter(|row| row.starts_with(|c: char| c.is_ascii_digit())).collect();
    assert_eq!(rows.len(), 3, "{text}");
    assert!(rows[0].contains("Nguyễn Văn An,15/01/1999,M - Nam,VNM - Viet Nam,1 - Thẻ CCCD"), "{}", rows[0]);
    assert!(rows[0].contains("001099000017") && rows[0].contains("0101"), "zeros stay: {}", rows[0]);
    assert!(rows[1].contains("8 - Thẻ Căn Cước"), "a card of 2024: {}", rows[1]);
    assert!(rows[2].contains("5 - Giấy khai sinh"), "the child: {}", rows[2]);
    // The portal said "success" and took none.
    let reconcile =
        |taken: u64| office.post(&format!("/v1/lodging/batches/{id}/reconcile"), &json!({ "taken": taken }));
    assert_eq!(refused(reconcile(0)), "batch_differs");
    assert_eq!(office.get("/v1/lodging").expect("owed")["unreported"], 4, "nothing counts as sent");
    reconcile(3).expect("as many as in the file");
    let foreign = office.post("/v1/lodging/batches", &json!({ "kind": "xml" })).expect("file");
    let id = foreign["id"].as_i64().expect("id");
    let xml =
        String::from_utf8(office.download(&format!("/v1/lodging/batches/{id}/file")).expect("file")).expect("UTF-8");
    assert!(
        xml.contains("<ho_ten>MUSTERMANN ERIKA</ho_ten>") && xml.contains("<ma_quoc_tich>D</ma_quoc_tich>"),
        "{xml}"
    );
    office.post(&format!("/v1/lodging/batches/{id}/reconcile"), &json!({ "taken": 1 })).expect("confirmed");
    assert_eq!(office.get("/v1/lodging").expect("owed")["unreported"], 0);
    assert_eq!(
        office.post("/v1/records/0101/check-out", &json!({})).expect("left")["left"],
        1,
        "the party that was named"
    );
}

#[test]
fn lodging_is_late_when_nobody_reports_and_keeps_people_until_somebody_does() {
    let rig = rig();
    let mut office = Office::open(&rig.line, &Setup::of("lodging")).expect("desk");
    done(&office.visit_of(&rig.line, "an", &stay("7")).expect("visit"));
    // Half a year later: the days of retention have not begun, because nothing is confirmed.
    office.cut_power_until(&rig.line, Some("+200d")).expect("up again");
    let owed = office.get("/v1/lodging").expect("owed");
    assert_eq!((&owed["unreported"], &owed["late"]), (&json!(1), &json!(true)));
    let batch = office.post("/v1/lodging/batches", &json!({ "kind": "xlsx" })).expect("file");
    // The file is made again after the power was cut: its people are known.
    office.cut_power_until(&rig.line, Some("+200d")).expect("up again");
    let path = format!("/v1/lodging/batches/{}", batch["id"]);
    assert!(office.download(&format!("{path}/file")).expect("file").starts_with(b"PK"));
    office.post(&format!("{path}/reconcile"), &json!({ "taken": 1 })).expect("confirmed");
    assert_eq!(refused(office.post("/v1/lodging/batches", &json!({ "kind": "xlsx" }))), "batch_empty");
}

#[test]
fn lodging_hospital_reports_the_ward() {
    let rig = rig();
    let office = Office::open(&rig.line, &Setup::of("lodging-hospital")).expect("desk");
    let mut answers = stay("12");
    answers["ward"] = json!("Khoa Nội 2");
    answers["reason"] = json!("18 - Chữa bệnh");
    done(&office.visit_of(&rig.line, "linh-foreign-born", &answers).expect("visit"));
    let batch = office.post("/v1/lodging/batches", &json!({ "kind": "xlsx" })).expect("file");
    let bytes = office.download(&format!("/v1/lodging/batches/{}/file", batch["id"])).expect("file");
    let (xlsx, csv) = (rig.line.path("portal.xlsx"), rig.line.path("portal.csv"));
    std::fs::write(&xlsx, bytes).expect("file");
    assert!(Command::new("ssconvert").args([&xlsx, &csv]).output().expect("ssconvert").status.success());
    let text = std::fs::read_to_string(&csv).expect("table");
    assert!(text.contains("Khoa Nội 2") && text.contains("18 - Chữa bệnh"), "{text}");
}

#[test]
fn lodging_hospital_names_who_is_incomplete_and_keeps_nobody_else_out() {
    let rig = rig();
    let office = Office::open(&rig.line, &Setup::of("lodging-hospital")).expect("desk");
    let mut answers = stay("12");
    answers["ward"] = json!("Khoa Nội 2");
    answers["reason"] = json!("18 - Chữa bệnh");
    let nameless = json!({ "items": { "full_name": "Trẻ Mẫu", "date_of_birth": "02/03/2020", "nationality": "Việt Nam" },
                           "answers": answers, "agreed": "vi" });
    let error = office.post("/v1/typed", &nameless).expect_err("incomplete").to_string();
    assert!(
        error.starts_with("lodging_incomplete") && error.contains("GIỚI TÍNH") && !error.contains("Trẻ Mẫu"),
        "{error}"
    );
    // A card whose reason the portal does not know keeps nobody else out of the file.
    done(&office.visit_of(&rig.line, "an", &answers).expect("visit"));
    std::fs::write(
        rig.line.path("device/columns.toml"),
        include_str!("../../handoff/data/lodging.toml").replace("\"Nữ\" = \"F - Nữ\"\n", ""),
    )
    .expect("columns");
    drop(office);
    let tables = "[lodging]\ncolumns = \"columns.toml\"\n".to_owned();
    let office = Office::open(&rig.line, &Setup { tables, ..Setup::of("lodging-hospital") }).expect("desk");
    done(&office.visit_of(&rig.line, "binh", &answers).expect("visit"));
    let batch = office.post("/v1/lodging/batches", &json!({ "kind": "xlsx" })).expect("file");
    assert_eq!((&batch["made"], batch["left_out"].as_array().map(Vec::len)), (&json!(1), Some(1)), "{batch}");
    assert!(
        batch["left_out"][0]["why"].as_str().is_some_and(|why| why.contains("guest 2") && why.contains("GIỚI TÍNH"))
    );
    assert_eq!(refused(office.post("/v1/lodging/batches", &json!({ "kind": "xlsx" }))), "lodging_incomplete");
}

// exam

const CANDIDATES: &str = "number,full_name,room,seat,subject\n001099000017,Nguyễn Văn An,P201,A12,Toán\n079185000028,Trần Thị Bình,P201,A13,Toán\n";

#[test]
fn exam_shows_seat_and_photograph_and_signs_who_was_there() {
    let rig = rig();
    std::fs::write(rig.line.path("an.jpg"), photograph("an")).expect("photo");
    let table =
        CANDIDATES.replace("number,", "photo,number,").replace("\n001", "\nan.jpg,001").replace("\n079", "\n,079");
    let office = office_with_list(&rig.line, "exam", &table, false);
    office.ready().expect("reader");
    let card = rig.line.stack.lay("an", "none", FIRST_READER).expect("card");
    let session = office.post("/v1/sessions", &json!({})).expect("session");
    let mut at_the_face = Value::Null;
    let session = office
        .go_on(&session, &scan("an"), &json!({}), &mut |state| {
            if state["waits"] == "face" {
                at_the_face = state.clone();
            }
        })
        .expect("visit");
    done(&session);
    drop(card);
    assert_eq!(at_the_face["holder"]["roster"], json!({ "room": "P201", "seat": "A12", "subject": "Toán" }));
    assert!(at_the_face["photo"]["base64"].is_string() && at_the_face["holder"]["portrait"]["base64"].is_string());
    let signed = office.download("/v1/attendance").expect("attendance");
    let enrolment: Value =
        serde_json::from_slice(&std::fs::read(rig.line.path("device/enrolment.json")).expect("file")).expect("JSON");
    let key: Vec<u8> = hex(enrolment["event_key"].as_str().expect("key"));
    let list = Verifier::new(&key).expect("key").open_document("attendance", &signed).expect("signed");
    let list: Value = serde_json::from_slice(&list).expect("JSON");
    assert_eq!((&list["schema"], list["entries"].as_array().map(Vec::len)), (&json!("cccd-attendance/1"), Some(1)));
    assert!(!list.to_string().contains("001099000017"), "by keyed hash");
}

fn hex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
    (0..text.len()).step_by(2).map(digit).collect()
}

/// A device's event key, for those who trust it.
fn trust_device(line: &Line, whose: &str, at: &str) {
    let enrolment = std::fs::read(line.path(&format!("{whose}/enrolment.json"))).expect("file");
    let enrolment: Value = serde_json::from_slice(&enrolment).expect("JSON");
    let key =
        openssl::pkey::PKey::public_key_from_der(&hex(enrolment["event_key"].as_str().expect("key"))).expect("key");
    let devices = line.path(&format!("{at}/devices"));
    std::fs::create_dir_all(&devices).expect("directory");
    let name = enrolment["device"].as_str().expect("name");
    std::fs::write(devices.join(format!("{name}.pem")), key.public_key_to_pem().expect("PEM")).expect("file");
}

#[test]
fn exam_rooms_that_were_offline_find_out_when_they_meet_who_sat_in_both() {
    let rig = rig();
    rig.line.enrol_another("kiosk-2").expect("a second room");
    let signed = list(&rig.line, "exam", CANDIDATES, 1, false);
    std::fs::copy(rig.line.path("device/operator.pem"), rig.line.path("kiosk-2/operator.pem")).expect("key");
    let setup = Setup { alone: true, ..with_list("exam") };
    trust_device(&rig.line, "kiosk-2", "device");
    let second = Setup { top: String::new(), ..setup.clone() };
    let other = {
        let office = Office::open_at(&rig.line, "kiosk-2", &second).expect("desk");
        office.upload("/v1/roster", signed.clone(), LIST_PHRASE).expect("list");
        done(&office.visit_of(&rig.line, "an", &json!({})).expect("visit"));
        office.download("/v1/attendance").expect("attendance")
    };
    let office = Office::open(&rig.line, &setup).expect("desk");
    office.upload("/v1/roster", signed, LIST_PHRASE).expect("list");
    done(&office.visit_of(&rig.line, "an", &json!({})).expect("nobody knew"));
    done(&office.visit_of(&rig.line, "binh", &json!({})).expect("visit"));
    let merged = office.upload("/v1/attendance", other.clone(), "").expect("merged");
    assert_eq!((&merged["device"], &merged["new"]), (&json!("kiosk-2"), &json!(1)));
    let duplicates = merged["duplicates"].as_array().expect("duplicates");
    assert_eq!(duplicates.len(), 1, "{merged}");
    assert_eq!(duplicates[0]["listed"]["seat"], "A12");
    // A list that was changed on the way is nobody's.
    let mut changed = other;
    let last = changed.len() - 1;
    changed[last] ^= 1;
    assert_eq!(refused(office.upload("/v1/attendance", changed, "")), "attendance_not_signed");
}

#[test]
fn exam_turns_away_a_second_time_and_everybody_when_the_list_has_expired() {
    let mut rig = rig();
    rig.line.start_central().expect("central");
    let mut office = office_with_list(&rig.line, "exam", CANDIDATES, false);
    done(&office.visit_of(&rig.line, "an", &json!({})).expect("visit"));
    let again = office.visit_of(&rig.line, "an", &json!({})).expect("visit");
    assert_eq!(again["outcome"], json!({ "refused": "already_done" }));
    let stranger = office.visit_of(&rig.line, "dung-no-spouse", &json!({})).expect("visit");
    assert_eq!(stranger["outcome"], json!({ "refused": "not_on_list" }));
    office.cut_power_until(&rig.line, Some("+3d")).expect("up again");
    let late = office.visit_of(&rig.line, "binh", &json!({})).expect("visit");
    assert_eq!(late["outcome"], json!({ "refused": "list_expired" }));
    assert_eq!(office.get("/v1/roster").expect("list")["valid_today"], false);
    wait_for_events(&rig.line, 12);
    let why: Vec<_> = bodies(&rig.line, "visit").iter().map(|visit| visit["why"].clone()).collect();
    assert_eq!(why, [Value::Null, json!("already_done"), json!("not_on_list"), json!("list_expired")]);
}

// gate

#[test]
fn gate_lets_in_and_out_by_turns_and_counts_who_is_inside() {
    let rig = rig();
    let office =
        office_with_list(&rig.line, "gate", "number,company\n001099000017,Công ty A\n079185000028,Công ty B\n", false);
    done(&office.visit_of(&rig.line, "an", &json!({})).expect("in"));
    done(&office.visit_of(&rig.line, "binh", &json!({})).expect("in"));
    assert_eq!(office.get("/v1/status").expect("status")["inside"], 2);
    let out = office.visit_of(&rig.line, "an", &json!({})).expect("out");
    assert_eq!(out["holder"]["roster"]["company"], "Công ty A");
    assert_eq!(office.get("/v1/status").expect("status")["inside"], 1);
    let stranger = office.visit_of(&rig.line, "chau-long-address", &json!({})).expect("visit");
    assert_eq!(stranger["outcome"], json!({ "refused": "not_on_list" }));
    // A door is no place for a card that is over, whoever is on the list.
    let late = office.visit_of(&rig.line, "dung-no-spouse", &json!({})).expect("visit");
    assert_eq!(late["outcome"], json!({ "refused": "card_expired" }));
}

#[test]
fn gate_with_a_direction_turns_away_whoever_is_inside_also_after_power_was_cut() {
    let rig = rig();
    let list = list(&rig.line, "gate", "number,company\n001099000017,Công ty A\n", 1, false);
    let setup = Setup { top: "direction = \"in\"\n".to_owned(), ..with_list("gate") };
    let mut office = Office::open(&rig.line, &setup).expect("desk");
    // Taken in by a technician's command while the desk is open.
    std::fs::write(rig.line.path("gate.roster"), list).expect("list");
    let path = |name: &str| rig.line.path(name).to_string_lossy().into_owned();
    let (config, file, phrase) = (path("device/desk.toml"), path("gate.roster"), path("list-phrase"));
    let import = ["roster", "import", "--config", &config, &file, "--pass-phrase-file", &phrase];
    assert!(rig.line.run("cccd-agent", &import).expect("taken in").contains("1 people"));
    done(&office.visit_of(&rig.line, "an", &json!({})).expect("in"));
    office.cut_power(&rig.line).expect("up again");
    let again = office.visit_of(&rig.line, "an", &json!({})).expect("visit");
    assert_eq!(again["outcome"], json!({ "refused": "already_inside" }));
}

// customer-check

#[test]
fn customer_check_gives_the_software_its_result_and_keeps_nothing() {
    let rig = rig();
    let office = Office::open(&rig.line, &Setup::of("customer-check")).expect("desk");
    office.ready().expect("reader");
    // The software of the bank, over the Unix socket: the kernel says who it is.
    let ask = |method: &str, path: &str, body: &Value| {
        let socket = rig.line.path("device/desk.socket");
        let mut command = Command::new("curl");
        command.args(["-sS", "-X", method, "--unix-socket"]).arg(socket);
        command.args(["-H", "content-type: application/json", "-d", &body.to_string(), &format!("http://desk{path}")]);
        let output = command.output().expect("curl");
        serde_json::from_slice::<Value>(&output.stdout).expect("JSON")
    };
    let _card = rig.line.stack.lay("an", "none", FIRST_READER).expect("card");
    let session = ask("POST", "/v1/sessions", &json!({ "correlation_id": "HD-2026-117" }));
    let path = |step: &str| format!("/v1/sessions/{}{step}", session["id"].as_str().expect("id"));
    ask("POST", &path("/consent"), &json!({ "language": "vi" }));
    ask("POST", &path("/key"), &scan("an"));
    let start = hil_tests::stack::now();
    while ask("GET", &path(""), &Value::Null)["waits"] != "face" && start.elapsed().as_secs() < 20 {
        hil_tests::stack::pause(50);
    }
    assert_eq!(office.get("/v1/status").expect("status")["session"], session["id"], "the desk sees that it is busy");
    assert_eq!(refused(office.post("/v1/sessions", &json!({}))), "busy");
    ask("POST", &path("/face"), &json!({ "same": true }));
    let start = hil_tests::stack::now();
    let result = loop {
        let result = ask("GET", &path("/result"), &Value::Null);
        if result["jws"].is_string() || start.elapsed().as_secs() > 10 {
            break result;
        }
        hil_tests::stack::pause(50);
    };
    assert_eq!(result["result"]["correlation_id"], "HD-2026-117");
    assert_eq!(result["result"]["holder"]["id_number"], persona("an").number);
    assert_eq!(ask("GET", "/v1/records", &Value::Null)["code"], "role_refused");
    assert_eq!(office.records("/v1/records").expect("list"), json!([]), "nothing is kept");
}

#[test]
fn customer_check_says_nothing_of_anybody_whose_card_is_a_copy() {
    let rig = rig();
    let office = Office::open(&rig.line, &Setup::of("customer-check")).expect("desk");
    office.ready().expect("reader");
    let _card = rig.line.stack.lay("an", "cloned", FIRST_READER).expect("card");
    let session = office.visit(&scan("an"), &json!({})).expect("visit");
    let refused = json!({ "refused": "not_genuine" });
    assert_eq!((outcome(&session), &session["verdict"]["word"]), (&refused, &json!("not_genuine")));
    let result = office.get(&format!("/v1/sessions/{}/result", session["id"].as_str().expect("id"))).expect("result");
    assert!(!result.to_string().contains(persona("an").number) && !result.to_string().contains(persona("an").name));
}

// A site without the ministry's anchor.

#[test]
fn without_any_anchor_a_hospital_serves_and_marks_and_an_examination_refuses_with_a_reason() {
    let rig = rig();
    rig.line.forget_anchors().expect("an empty directory");
    let office = Office::open(&rig.line, &Setup::of("hospital-desk")).expect("desk");
    let session = office.visit_of(&rig.line, "an", &json!({ "department": "K01" })).expect("visit");
    done(&session);
    let verdict = &session["verdict"];
    assert_eq!(
        (&verdict["word"], &verdict["rung"], &verdict["level"]),
        (&json!("signed"), &json!("signed"), &json!(3))
    );
    assert_eq!(verdict["answers"]["chip"], "proved", "the chip's own proof is made all the same");
    assert_eq!(verdict["admission"], json!({ "marked": "assurance" }));
    let record = &office.records("/v1/records").expect("list")[0];
    assert_eq!((&record["assurance"]["rung"], &record["assurance"]["marked"]), (&json!("signed"), &json!("assurance")));
    let table = String::from_utf8(office.download("/v1/records.csv").expect("table")).expect("UTF-8");
    assert!(table.lines().nth(1).is_some_and(|row| row.contains(r#","signed","#)), "{table}");
    drop(office);
    let office = Office::open(&rig.line, &Setup::of("exam")).expect("desk");
    let session = office.visit_of(&rig.line, "an", &json!({})).expect("visit");
    assert_eq!(outcome(&session), &json!({ "refused": "assurance_too_low" }));
    assert_eq!(session["verdict"]["admission"], json!({ "refused": "assurance" }));
    assert_eq!(session["holder"], Value::Null, "of somebody who is turned away nothing is taken");
}

// transit

#[test]
fn transit_reads_the_least_and_finds_an_entitlement_by_keyed_hash() {
    let rig = rig();
    let office = office_with_list(
        &rig.line,
        "transit",
        "number,full_name,entitlement\n001099000017,Nguyễn Văn An,miễn phí\n",
        true,
    );
    let session = office.visit_of(&rig.line, "an", &json!({})).expect("visit");
    done(&session);
    assert_eq!(session["holder"], json!({ "roster": { "entitlement": "miễn phí" } }));
    let checks = session["verdict"]["checks"].as_object().expect("checks");
    let hashed: Vec<&String> = checks.keys().filter(|id| id.starts_with("dg_hash.")).collect();
    assert_eq!(hashed, ["dg_hash.1", "dg_hash.14", "dg_hash.15"], "no text, no portrait");
    assert_eq!(office.records("/v1/records").expect("list"), json!([]), "nothing is kept");
}

#[test]
fn transit_turns_away_whoever_has_no_entitlement_without_central_as_well() {
    let rig = rig();
    let list = list(&rig.line, "transit", "number,entitlement\n001099000017,miễn phí\n", 1, true);
    let office = Office::open(&rig.line, &Setup { alone: true, ..with_list("transit") }).expect("desk");
    assert_eq!(
        office.visit_of(&rig.line, "an", &json!({})).expect("visit")["outcome"],
        json!({ "refused": "no_list" })
    );
    office.upload("/v1/roster", list, LIST_PHRASE).expect("list");
    assert_eq!(
        office.visit_of(&rig.line, "binh", &json!({})).expect("visit")["outcome"],
        json!({ "refused": "not_on_list" })
    );
    done(&office.visit_of(&rig.line, "an", &json!({})).expect("visit"));
}

// parking

#[test]
fn parking_pairs_entry_and_exit_also_when_power_was_cut_between() {
    let rig = rig();
    let mut office = Office::open(&rig.line, &Setup::of("parking")).expect("desk");
    done(&office.visit_of(&rig.line, "an", &json!({ "plate": "59A1-234.56" })).expect("in"));
    assert_eq!(office.get("/v1/status").expect("status")["inside"], 1);
    office.cut_power(&rig.line).expect("up again");
    assert_eq!(office.get("/v1/status").expect("status")["inside"], 1, "nobody is lost");
    assert_eq!(office.records("/v1/records?q=23457").expect("list"), json!([]));
    assert_eq!(office.records("/v1/records?q=59a1").expect("list")[0]["holder"]["form"]["plate"], "59A1-234.56");
    done(&office.visit_of(&rig.line, "an", &json!({})).expect("out"));
    assert_eq!(office.get("/v1/status").expect("status")["inside"], 0);
}

#[test]
fn parking_at_the_exit_turns_away_whoever_never_came_in() {
    let rig = rig();
    let setup = Setup { top: "direction = \"out\"\n".to_owned(), ..Setup::of("parking") };
    let office = Office::open(&rig.line, &setup).expect("desk");
    assert_eq!(
        office.visit_of(&rig.line, "an", &json!({})).expect("visit")["outcome"],
        json!({ "refused": "not_inside" })
    );
}

// beneficiary

const BENEFITS: &str = "number,full_name,amount,period\n001099000017,Nguyễn Văn An,500000,11/2026\n";

#[test]
fn beneficiary_pays_once_against_a_receipt_on_paper() {
    let rig = rig();
    let paper = rig.line.path("paper");
    let mut printer = rig.line.stack.command("socat");
    printer.args(["-u", "TCP-LISTEN:9100,fork,reuseaddr"]).arg(format!("OPEN:{},creat,append", paper.display()));
    let mut printer = printer.spawn().expect("socat");
    let list = list(&rig.line, "beneficiary", BENEFITS, 1, false);
    let mut setup = with_list("beneficiary");
    setup.tables = format!("[desk.printer]\ndevice = \"tcp:127.0.0.1:9100\"\ndots = 384\n{}", setup.tables);
    let office = Office::open(&rig.line, &setup).expect("desk");
    office.upload("/v1/roster", list, LIST_PHRASE).expect("list");
    let session = office.visit_of(&rig.line, "an", &json!({})).expect("visit");
    done(&session);
    assert_eq!(session["holder"]["roster"], json!({ "amount": "500000", "period": "11/2026" }));
    let start = hil_tests::stack::now();
    let raster = |bytes: &[u8]| bytes.windows(4).any(|part| part == [0x1D, b'v', b'0', 0]);
    while !std::fs::read(&paper).is_ok_and(|bytes| raster(&bytes)) && start.elapsed().as_secs() < 15 {
        hil_tests::stack::pause(100);
    }
    assert!(raster(&std::fs::read(&paper).expect("paper")), "a picture of the receipt came out (ESC/POS GS v 0)");
    let again = office.post(&format!("/v1/records/{}/print", session["record"].as_str().expect("record")), &json!({}));
    let lines = again.expect("printed again")["lines"].to_string();
    assert!(lines.contains("Số tiền: 500000 đồng") && lines.contains(persona("an").name), "{lines}");
    drop(printer.kill());
    drop(printer.wait());
}

#[test]
fn beneficiary_is_not_paid_twice_when_power_was_cut_after_the_first_time() {
    let mut rig = rig();
    rig.line.start_central().expect("central");
    let mut office = office_with_list(&rig.line, "beneficiary", BENEFITS, false);
    done(&office.visit_of(&rig.line, "an", &json!({})).expect("visit"));
    office.cut_power(&rig.line).expect("up again");
    let again = office.visit_of(&rig.line, "an", &json!({})).expect("visit");
    assert_eq!(again["outcome"], json!({ "refused": "already_done" }));
    wait_for_events(&rig.line, 6);
    let results: Vec<_> = bodies(&rig.line, "visit").iter().map(|visit| visit["result"].clone()).collect();
    assert_eq!(results, ["done", "refused"], "paid once, and the log says so");
    rig.line.verify_log().expect("every signature and chain");
}

#[test]
fn power_cut_at_any_moment_of_a_payment_leaves_it_paid_once_and_told_once() {
    let mut rig = rig();
    // From before the disk is asked to long after it has answered.
    let moments = [
        ("an", 0),
        ("binh", 1),
        ("dung-no-spouse", 3),
        ("giang-2024", 6),
        ("minh-one-parent", 12),
        ("phuc-short-name", 25),
    ];
    let mut table = "number,full_name,amount,period\n".to_owned();
    for (id, _) in moments {
        table += &format!("{},{},500000,11/2026\n", persona(id).number, persona(id).name);
    }
    let mut office = office_with_list(&rig.line, "beneficiary", &table, false);
    let mut paid_before = 0;
    for (id, moment) in moments {
        office.ready().expect("reader");
        let card = rig.line.stack.lay(id, "none", FIRST_READER).expect("card");
        let session = office.post("/v1/sessions", &json!({})).expect("session");
        let path = |step: &str| format!("/v1/sessions/{}{step}", session["id"].as_str().expect("id"));
        office.post(&path("/consent"), &json!({ "language": "vi" })).expect("consent");
        office.post(&path("/key"), &scan(id)).expect("key");
        let start = hil_tests::stack::now();
        while office.get(&path("")).expect("session")["waits"] != "face" && start.elapsed().as_secs() < 20 {
            hil_tests::stack::pause(20);
        }
        // The answer to this may never come.
        drop(office.post(&path("/face"), &json!({ "same": true })));
        hil_tests::stack::pause(moment);
        office.cut_power(&rig.line).expect("up again");
        drop(card);
        let again = office.visit_of(&rig.line, id, &json!({})).expect("visit");
        let refused = again["outcome"] == json!({ "refused": "already_done" });
        assert!(refused || again["outcome"] == "done", "{again}");
        paid_before += usize::from(refused);
    }
    let records = office.records("/v1/records").expect("list");
    assert_eq!(records.as_array().map(Vec::len), Some(moments.len()), "each is paid once");
    rig.line.start_central().expect("central");
    // Consent and verdict of each visit, an end of each that came to one.
    let start = hil_tests::stack::now();
    while office.get("/v1/status").expect("status")["central"]["unsent"] != 0 {
        assert!(start.elapsed().as_secs() < 40, "the log is not sent");
        hil_tests::stack::pause(100);
    }
    let ends = bodies(&rig.line, "visit");
    let mut done: Vec<&str> =
        ends.iter().filter(|end| end["result"] == "done").filter_map(|end| end["subject"].as_str()).collect();
    done.sort_unstable();
    assert_eq!(done.len(), moments.len(), "each payment is told once");
    done.dedup();
    assert_eq!(done.len(), moments.len(), "of different people");
    assert!(ends.iter().filter(|end| end["result"] == "refused").count() >= paid_before);
    rig.line.verify_log().expect("every signature and chain");
}

// school

#[test]
fn school_says_whose_child_may_be_fetched() {
    let rig = rig();
    let office = office_with_list(&rig.line, "school", "number,pupil,class\n079185000028,Lê Bé Mẫu,2A\n", false);
    let session = office.visit_of(&rig.line, "binh", &json!({})).expect("visit");
    done(&session);
    assert_eq!(session["holder"]["roster"], json!({ "pupil": "Lê Bé Mẫu", "class": "2A" }));
    assert_eq!(
        office.visit_of(&rig.line, "an", &json!({})).expect("visit")["outcome"],
        json!({ "refused": "not_on_list" })
    );
}

#[test]
fn school_takes_no_list_that_somebody_else_signed_or_that_is_older() {
    let rig = rig();
    let table = "number,pupil,class\n079185000028,Lê Bé Mẫu,2A\n";
    let (first, second) = (list(&rig.line, "school", table, 1, false), list(&rig.line, "school", table, 2, false));
    let office = Office::open(&rig.line, &with_list("school")).expect("desk");
    assert_eq!(
        office.visit_of(&rig.line, "binh", &json!({})).expect("visit")["outcome"],
        json!({ "refused": "no_list" })
    );
    assert_eq!(refused(office.upload("/v1/roster", second.clone(), "another phrase")), "roster_locked");
    let mut changed = second.clone();
    changed[60] ^= 1;
    assert_eq!(refused(office.upload("/v1/roster", changed, LIST_PHRASE)), "roster_locked");
    office.upload("/v1/roster", second, LIST_PHRASE).expect("taken in");
    assert_eq!(refused(office.upload("/v1/roster", first, LIST_PHRASE)), "roster_older");
    assert_eq!(refused(office.upload("/v1/roster", b"{}".to_vec(), LIST_PHRASE)), "roster_not_signed");
    let other = list(&rig.line, "exam", CANDIDATES, 9, false);
    assert_eq!(refused(office.upload("/v1/roster", other, LIST_PHRASE)), "roster_other_profile");
    done(&office.visit_of(&rig.line, "binh", &json!({})).expect("visit"));
}

// one-stop

#[test]
fn one_stop_fills_the_declaration_in() {
    let rig = rig();
    let office = Office::open(&rig.line, &Setup::of("one-stop")).expect("desk");
    let answers = json!({ "procedure": "Xác nhận cư trú", "request": "Cấp giấy xác nhận" });
    let session = office.visit_of(&rig.line, "an", &answers).expect("visit");
    done(&session);
    let printed =
        office.post(&format!("/v1/records/{}/print", session["record"].as_str().expect("record")), &json!({}));
    let lines = printed.expect("page")["lines"].to_string();
    for part in [persona("an").name, "15/01/1999", persona("an").number, "Xác nhận cư trú", "Cấp giấy xác nhận"]
    {
        assert!(lines.contains(part), "{part}: {lines}");
    }
    assert!(!lines.contains('{') && !lines.contains(persona("an").religion), "{lines}");
}

#[test]
fn one_stop_asks_again_for_what_is_missing_and_loses_nothing() {
    let rig = rig();
    let office = Office::open(&rig.line, &Setup::of("one-stop")).expect("desk");
    office.ready().expect("reader");
    let _card = rig.line.stack.lay("an", "none", FIRST_READER).expect("card");
    let session = office.post("/v1/sessions", &json!({})).expect("session");
    let stopped = office.go_on(&session, &scan("an"), &json!({ "procedure": "x" }), &mut |_| {});
    assert_eq!(refused(stopped), "form_invalid");
    let whole = json!({ "procedure": "x", "request": "y" });
    done(&office.go_on(&session, &scan("an"), &whole, &mut |_| {}).expect("the same visit goes on"));
}

// attest

#[test]
fn attest_binds_a_documents_hash_to_a_verified_holder() {
    let rig = rig();
    let office = Office::open(&rig.line, &Setup::of("attest")).expect("desk");
    let digest = openssl::sha::sha256(b"the document").iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let session =
        office.visit_of(&rig.line, "an", &json!({ "title": "Hợp đồng thuê", "document": digest })).expect("visit");
    done(&session);
    let path = format!("/v1/records/{}/attestation", session["record"].as_str().expect("record"));
    let signed = office.download(&path).expect("statement");
    let enrolment: Value =
        serde_json::from_slice(&std::fs::read(rig.line.path("device/enrolment.json")).expect("file")).expect("JSON");
    let verifier = Verifier::new(&hex(enrolment["event_key"].as_str().expect("key"))).expect("key");
    let statement: Value =
        serde_json::from_slice(&verifier.open_document("attestation", &signed).expect("signed")).expect("JSON");
    assert_eq!(statement["holder"]["form"]["document"], json!(digest));
    assert_eq!(
        (&statement["holder"]["id_number"], &statement["verification"]),
        (&json!(persona("an").number), &json!(2))
    );
    assert!(verifier.open_document("attendance", &signed).is_err(), "it is a statement and nothing else");
}

#[test]
fn attest_takes_nothing_but_a_hash_and_nobody_with_another_face() {
    let rig = rig();
    let office = Office::open(&rig.line, &Setup::of("attest")).expect("desk");
    let text = json!({ "title": "Hợp đồng", "document": "the whole text" });
    assert_eq!(refused(office.visit_of(&rig.line, "an", &text)), "form_invalid");
    let id = office.get("/v1/sessions/current").expect("session")["id"].as_str().expect("id").to_owned();
    assert_eq!(refused(office.post(&format!("/v1/sessions/{id}/face"), &json!({ "same": true }))), "wrong_step");
    office.cancel(&id).expect("broken off");
    let _card = rig.line.stack.lay("an", "none", FIRST_READER).expect("card");
    let session = office.post("/v1/sessions", &json!({})).expect("session");
    let path = |step: &str| format!("/v1/sessions/{}{step}", session["id"].as_str().expect("id"));
    office.post(&path("/consent"), &json!({ "language": "vi" })).expect("consent");
    office.post(&path("/key"), &scan("an")).expect("key");
    let start = hil_tests::stack::now();
    while office.get(&path("")).expect("session")["waits"] != "face" && start.elapsed().as_secs() < 20 {
        hil_tests::stack::pause(50);
    }
    let ended = office.post(&path("/face"), &json!({ "same": false })).expect("somebody else");
    assert_eq!(ended["outcome"], json!({ "refused": "face_differs" }));
    assert_eq!(office.records("/v1/records").expect("list"), json!([]));
}

// roster-check

#[test]
fn roster_check_turns_differences_into_a_correction_list() {
    let rig = rig();
    let (oanh, phuc) = (persona("oanh-reissued"), persona("phuc-short-name"));
    let table = format!(
        "number,full_name,date_of_birth,sex\n001099000017,NGUYỄN VĂN AN,15/01/1998,Nam\n079185000028,Trần Thị Bình,02/09/1985,Nữ\n\
         {},{},,\n001000000000,{},{},\n",
        oanh.old_number.expect("one"),
        oanh.name,
        phuc.name,
        phuc.birth,
    );
    let office = office_with_list(&rig.line, "roster-check", &table, false);
    let session = office.visit_of(&rig.line, "an", &json!({})).expect("visit");
    done(&session);
    assert_eq!(
        session["differences"],
        json!([{ "item": "date_of_birth", "listed": "15/01/1998", "chip": "15/01/1999" }])
    );
    assert_eq!(office.visit_of(&rig.line, "binh", &json!({})).expect("visit")["differences"], json!([]));
    // Models 29 and 30: a number that was, and one that is wrong, of whom staff say that it is the same person.
    for (who, listed) in [(oanh, oanh.old_number.expect("one")), (phuc, "001000000000")] {
        let session = office.visit_of(&rig.line, who.id, &json!({})).expect("visit");
        assert_eq!(session["differences"], json!([{ "item": "id_number", "listed": listed, "chip": who.number }]));
    }
    let csv = String::from_utf8(office.download("/v1/corrections.csv").expect("table")).expect("UTF-8");
    let lines: Vec<&str> = csv.trim_start_matches('\u{feff}').lines().collect();
    let number = |who: &Persona, listed: &str| format!(r#""{0}","id_number","{listed}","{0}""#, who.number);
    let expected = [
        r#""id_number","item","listed","chip""#.to_owned(),
        r#""001099000017","date_of_birth","15/01/1998","15/01/1999""#.to_owned(),
        number(oanh, oanh.old_number.expect("one")),
        number(phuc, "001000000000"),
    ];
    let sorted = |lines: &[String]| lines.iter().cloned().collect::<std::collections::BTreeSet<_>>();
    assert_eq!(sorted(&lines.into_iter().map(str::to_owned).collect::<Vec<_>>()), sorted(&expected));
}

#[test]
fn roster_check_goes_on_with_people_who_are_not_on_the_list_and_over_a_cut_of_power() {
    let rig = rig();
    let mut office =
        office_with_list(&rig.line, "roster-check", "number,full_name\n001099000017,Nguyễn Văn Ân\n", false);
    done(&office.visit_of(&rig.line, "binh", &json!({})).expect("not on the list, and welcome"));
    office.cut_power(&rig.line).expect("up again");
    let session = office.visit_of(&rig.line, "an", &json!({})).expect("visit");
    assert_eq!(session["differences"][0]["listed"], "Nguyễn Văn Ân", "the list is still there");
    assert_eq!(office.records("/v1/records").expect("list").as_array().map(Vec::len), Some(2));
}

// practice

#[test]
fn practice_works_without_a_card_and_reaches_nobody() {
    let mut rig = rig();
    rig.line.start_central().expect("central");
    let hospital = Hospital::open(&rig.line).expect("hospital");
    let office = Office::open(&rig.line, &hospital_setup("practice", rig.directory.path())).expect("desk");
    office.ready().expect("reader");
    let people = office.get("/v1/practice").expect("people");
    office.post("/v1/practice", &json!({ "persona": people[1]["id"] })).expect("laid");
    let session = office.visit(&json!({ "scan": people[1]["qr"] }), &json!({})).expect("visit");
    done(&session);
    assert_eq!(session["practice"], true);
    hil_tests::stack::pause(2000);
    assert_eq!(rig.line.events().expect("events").len(), 0, "central knows nothing of it");
    assert!(hospital.came("/webhook").expect("came").is_empty());
    assert!(rig.line.path("device/state/practice/outbox.db").exists());
}

#[test]
fn practice_shows_a_copy_for_what_it_is_and_reads_no_real_card() {
    let rig = rig();
    let office = Office::open(&rig.line, &Setup::of("practice")).expect("desk");
    office.ready().expect("reader");
    // A card on the real reader is not what practice looks at.
    let _card = rig.line.stack.lay("binh", "none", FIRST_READER).expect("card");
    office.post("/v1/practice", &json!({ "persona": "an", "fault": "cloned" })).expect("laid");
    let session = office.visit(&scan("an"), &json!({})).expect("visit");
    assert_eq!(session["outcome"], json!({ "refused": "not_genuine" }));
}

// A profile of one's own.

#[test]
fn a_new_use_of_the_card_is_a_file_and_no_code() {
    let rig = rig();
    let library = r#"
id = "library"
title_vi = "Thư viện"
title_en = "Library"
purpose_vi = "Thư viện đọc thẻ để cho bạn mượn sách."
purpose_en = "The library reads your card to lend you a book."
legal_basis = "Luật Thư viện 46/2019/QH14"
steps = ["consent", "scan-qr", "read-chip", "roster", "form", "print", "hand-off", "done"]
data_groups = [1, 13, 14, 15]
take = ["full_name", "id_number"]
[event]
fields = ["subject"]
recipients = ["central"]
retention_days = 30
[keep]
days = 14
[ledger]
rule = "count"
scope = "day"
[[recipient]]
id = "desk"
fields = ["full_name", "form.book"]
[[recipient]]
id = "app"
fields = ["id_number", "form.book"]
[[form]]
id = "book"
label_vi = "Mã sách"
label_en = "Book"
[print]
kind = "page"
lines = ["{site}", "{full_name}: {form.book}"]
"#;
    std::fs::write(rig.line.path("device/library.toml"), library).expect("file");
    let path = rig.line.path("device/library.toml").to_string_lossy().into_owned();
    let explained = rig.line.run("cccd-agent", &["profile", "explain", &path]).expect("explained");
    assert!(
        explained.contains("consent → scan-qr → read-chip → roster → form → print → hand-off → done"),
        "{explained}"
    );
    let office = Office::open(&rig.line, &Setup::of("library.toml")).expect("desk");
    let session = office.visit_of(&rig.line, "an", &json!({ "book": "QS-17" })).expect("visit");
    done(&session);
    assert_eq!(session["holder"], json!({ "full_name": persona("an").name, "form": { "book": "QS-17" } }));
    // One that would send what it does not take is no profile.
    let wrong = library.replace("fields = [\"full_name\", \"form.book\"]", "fields = [\"religion\"]");
    std::fs::write(rig.line.path("device/library.toml"), wrong).expect("file");
    let error = rig.line.run("cccd-agent", &["profile", "check", &path]).expect_err("not valid").to_string();
    assert!(error.contains("line ") && error.contains("religion"), "{error}");
}
