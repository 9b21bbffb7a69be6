//! What is kept is mended, and yesterday exists: check-out on the next day, corrections with their versions in the log, a file for
//! the portal made again, somebody taken out of it and put back, figures, a shift that is handed over.

use hil_tests::Line;
use hil_tests::office::{Office, Setup, day};
use serde_json::{Value, json};

fn refused<T: std::fmt::Debug>(result: anyhow::Result<T>) -> String {
    let error = result.expect_err("refused").to_string();
    error.split(' ').next().unwrap_or_default().to_owned()
}

fn stay(room: &str) -> Value {
    let date = |plus| day(plus).split('-').rev().collect::<Vec<_>>().join("/");
    json!({ "room": room, "arrival": date(0), "departure": date(1), "reason": "1 - Du lịch" })
}

/// The events of a kind that central has, once it has so many of them.
fn bodies(line: &Line, kind: &str, count: usize) -> Vec<Value> {
    let start = hil_tests::stack::now();
    loop {
        let events = line.events().expect("events");
        let of: Vec<Value> = events.iter().filter_map(|event| event["event"]["body"].get(kind).cloned()).collect();
        if of.len() >= count {
            return of;
        }
        assert!(start.elapsed().as_secs() < 40, "{} of {count} events came", of.len());
        hil_tests::stack::pause(100);
    }
}

#[test]
fn what_was_kept_yesterday_is_mended_today() {
    let directory = tempfile::tempdir().expect("directory");
    let mut line = Line::provision(directory.path()).expect("a line; `cargo xtask doctor` says what is missing");
    let mut office = Office::open(&line, &Setup::of("lodging")).expect("desk");
    for (persona, room) in [("an", "101"), ("binh", "102")] {
        let session = office.visit_of(&line, persona, &stay(room)).expect("visit");
        assert_eq!(session["outcome"], "done", "{session}");
    }
    // The next day.
    office.cut_power_until(&line, Some("+1d")).expect("up again");
    line.start_central().expect("central");
    assert_eq!(office.records("/v1/records").expect("of today"), json!([]));
    let list = office.get("/v1/records?in_house=true&limit=1").expect("who is here");
    assert_eq!(
        (&list["counts"]["here"], &list["counts"]["unsent"], &list["counts"]["today"]),
        (&json!(2), &json!(2), &json!(0))
    );
    let next = list["next"].as_str().expect("there is one more");
    let rest = office.get(&format!("/v1/records?in_house=true&limit=1&after={next}")).expect("the rest");
    assert_eq!((&rest["records"][0]["holder"]["form"]["room"], &rest["next"]), (&json!("101"), &Value::Null));
    let found = office.records("/v1/records?q=nguyen+van+an").expect("in all that is kept");
    let an = found[0]["id"].as_str().expect("found").to_owned();
    let binh = list["records"][0]["id"].as_str().expect("a record").to_owned();
    assert_eq!(
        (&found[0]["by"], &found[0]["portal"], &found[0]["version"]),
        (&json!("nv-1"), &json!("waiting"), &json!(1))
    );
    let rooms = office.get("/v1/lodging/rooms").expect("rooms");
    assert_eq!((&rooms["rooms"][0]["room"], &rooms["departures"]["expected"]), (&json!("101"), &json!(2)), "{rooms}");

    // Somebody leaves, by mistake, and leaves.
    let out = format!("/v1/records/{an}/check-out");
    assert_eq!(office.post(&out, &json!({})).expect("left"), json!({ "left": 1, "records": [an] }));
    assert_eq!(office.delete(&out).expect("back")["back"], 1);
    assert_eq!(refused(office.delete(&out)), "record_unknown");
    office.post(&out, &json!({})).expect("left");
    assert_eq!(office.get("/v1/records").expect("list")["counts"]["here"], 1);

    // A room was typed wrong.
    let path = format!("/v1/records/{binh}");
    let room = |room: &str| json!({ "answers": { "room": room }, "why": "typing_error", "version": 1 });
    let mended = office.patch(&path, &room("103")).expect("corrected");
    assert_eq!((&mended["version"], &mended["holder"]["form"]["room"]), (&json!(2), &json!("103")));
    let versions = mended["versions"].as_array().expect("versions");
    assert_eq!((&versions[0]["act"], &versions[0]["answers"]["room"]), (&json!("kept"), &json!("102")), "{mended}");
    assert_eq!((&versions[1]["by"], &versions[1]["changed"]), (&json!("nv-1"), &json!(["room"])), "{mended}");
    assert_eq!(refused(office.patch(&path, &room("104"))), "record_changed", "who saw the first version");
    let chip = json!({ "items": { "full_name": "Ai Khác" }, "why": "typing_error" });
    assert_eq!(refused(office.patch(&path, &chip)), "chip_fixed");
    let same = json!({ "answers": { "room": "103" }, "why": "typing_error" });
    assert_eq!(refused(office.patch(&path, &same)), "nothing_changed");

    // A file, somebody in it is changed, the file is made again; the portal takes nobody, and it is made once more.
    let make = |body: Value| office.post("/v1/lodging/batches", &body);
    let file = |batch: &Value| office.download(&format!("/v1/lodging/batches/{}/file", batch["id"]));
    let shows = |batch: &Value, taken: u64| {
        office.post(&format!("/v1/lodging/batches/{}/reconcile", batch["id"]), &json!({ "taken": taken }))
    };
    let first = make(json!({ "kind": "xlsx" })).expect("file");
    assert_eq!(first["made"], 2);
    office.patch(&path, &json!({ "answers": { "room": "104" }, "why": "guest_asked" })).expect("corrected");
    assert_eq!(refused(file(&first)), "batch_stale");
    assert_eq!(refused(make(json!({ "kind": "xlsx" }))), "batch_empty", "nobody is new");
    let second = make(json!({ "kind": "xlsx", "again": first["id"] })).expect("made again");
    assert_eq!(second["made"], 2);
    assert_eq!(refused(file(&first)), "batch_replaced");
    assert!(file(&second).expect("file").starts_with(b"PK"));
    assert_eq!(refused(shows(&second, 0)), "batch_differs");
    let third = make(json!({ "kind": "xlsx" })).expect("made again, and not batch_empty");
    assert_eq!(third["made"], 2);
    assert_eq!(refused(shows(&third, 1)), "batch_differs");
    assert_eq!(refused(make(json!({ "kind": "xlsx" }))), "batch_unsettled", "who of them is missing?");
    let fourth = make(json!({ "kind": "xlsx", "again": third["id"], "only": [binh] })).expect("who is missing");
    shows(&fourth, 1).expect("confirmed");
    let owed = office.get("/v1/lodging").expect("owed");
    assert_eq!((&owed["unreported"], &owed["correct"]), (&json!(0), &json!(0)), "{owed}");

    // Somebody is taken out of what the portal has, which is corrected there, and put back.
    let withdrawn = office.post(&format!("{path}/withdraw"), &json!({ "why": "not_staying" })).expect("withdrawn");
    assert_eq!(withdrawn["portal"], "correct");
    assert_eq!(refused(office.post(&format!("{path}/withdraw"), &json!({ "why": "duplicate" }))), "withdrawn_already");
    let there = office.post(&format!("{path}/corrected"), &json!({})).expect("corrected at the portal");
    assert_eq!(there["portal"], "withdrawn");
    assert_eq!(refused(make(json!({ "kind": "xlsx" }))), "batch_empty");
    assert_eq!(office.delete(&format!("{path}/withdraw")).expect("put back")["portal"], "waiting");
    assert_eq!(make(json!({ "kind": "xlsx" })).expect("file")["made"], 1);

    // Figures, by day, without anybody's name who was served; and a shift that is handed over.
    let days = office.get(&format!("/v1/days?from={}", day(0))).expect("figures");
    assert_eq!((&days["days"][0]["kept"], &days["days"][0]["staff"][0]["kept"]), (&json!(2), &json!(2)), "{days}");
    assert_eq!((&days["total"]["corrected"], &days["total"]["withdrawn"]), (&json!(2), &json!(1)));
    assert!(!days.to_string().contains(&an), "no record is named");
    let shift = office.get("/v1/shift").expect("shift");
    assert_eq!(
        (&shift["kept"], &shift["corrected"], &shift["open"]["here"]),
        (&json!(0), &json!(2), &json!(1)),
        "{shift}"
    );
    assert_eq!(refused(office.post("/v1/shift/close", &json!({ "to": "nv-9" }))), "form_invalid");
    let closed = office.post("/v1/shift/close", &json!({ "note": "Phòng 104 xin thêm chăn" })).expect("closed");
    assert!(closed["lines"].to_string().contains("Phòng 104 xin thêm chăn"), "{closed}");
    assert_eq!(office.get("/v1/shift").expect("the next one")["corrected"], 0);

    // The log has each act, and commits to each version; it names nobody and nothing that was typed.
    let acts = [
        "checked_out",
        "check_out_undone",
        "checked_out",
        "corrected",
        "corrected",
        "withdrawn",
        "corrected_at_portal",
        "restored",
    ];
    let changes = bodies(&line, "change", acts.len());
    assert_eq!(changes.iter().map(|change| change["act"].clone()).collect::<Vec<_>>(), acts);
    assert_eq!(
        (&changes[3]["by"], &changes[3]["why"], &changes[3]["version"]),
        (&json!("nv-1"), &json!("typing_error"), &json!(2))
    );
    let last = office.get(&path).expect("the record");
    let known = last["versions"].to_string();
    let commitment = changes[3]["commitment"].as_str().expect("a commitment");
    assert!(known.contains(commitment), "{commitment}: {known}");
    let handover = &bodies(&line, "handover", 1)[0];
    assert_eq!((&handover["by"], &handover["here"]), (&json!("nv-1"), &json!(1)));
    assert!(!json!([changes, handover]).to_string().contains("chăn"));
}
