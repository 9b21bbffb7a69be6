//! The line when something is wrong around it: central away, the disk full, a disk restored, a stop signal.

use hil_tests::line::Device;
use hil_tests::{FIRST_READER, Laid, Line};
use serde_json::Value;
use std::path::Path;

const QR: &str = "001099000017||Nguyễn Văn An|15011999|Nam|Hà Nội|16012022";

struct Rig {
    line: Line,
    _card: Laid,
    _directory: tempfile::TempDir,
}

fn rig() -> Rig {
    let directory = tempfile::tempdir().expect("directory");
    let line = Line::provision(directory.path()).expect("a line; `cargo xtask doctor` says what is missing");
    let card = line.stack.lay("an", "none", FIRST_READER).expect("card");
    Rig { line, _card: card, _directory: directory }
}

fn started(line: &Line) -> Device {
    let device = line.start_device().expect("device");
    device.expect("ready").expect("ready");
    device
}

fn tap(device: &mut Device) -> u64 {
    device.scan(QR).expect("scan");
    device.expect("event").expect("event")["event"]["seq"].as_u64().expect("position")
}

/// Waits until central has committed up to this position.
fn committed(device: &Device, position: u64) {
    while device.expect("receipt").expect("receipt")["receipt"]["committed"].as_u64() != Some(position) {}
}

fn positions(events: &[Value]) -> Vec<u64> {
    events.iter().map(|e| e["event"]["seq"].as_u64().expect("position")).collect()
}

#[test]
fn events_of_an_outage_arrive_afterwards_in_order() {
    let mut rig = rig();
    let mut device = started(&rig.line);
    assert_eq!([tap(&mut device), tap(&mut device), tap(&mut device)], [1, 2, 3]);
    rig.line.start_central().expect("central");
    committed(&device, 3);
    assert_eq!(tap(&mut device), 4);
    committed(&device, 4);
    assert_eq!(positions(&rig.line.events().expect("log")), [1, 2, 3, 4]);
}

#[test]
fn sigterm_ends_the_device_gracefully() {
    let mut rig = rig();
    rig.line.start_central().expect("central");
    let mut device = started(&rig.line);
    tap(&mut device);
    hil_tests::signal(device.id(), hil_tests::Signal::TERM).expect("told");
    assert_eq!(device.wait().expect("end"), Some(0));
    assert_eq!(positions(&rig.line.events().expect("log")), [1], "the pending event was sent before the end");
}

#[test]
fn a_full_disk_ends_the_device_before_anything_is_announced_and_loses_nothing() {
    let mut rig = rig();
    rig.line.start_central().expect("central");
    let state = rig.line.path("device/state");
    std::fs::create_dir_all(&state).expect("directory");
    let run = |program: &str, arguments: &[&str]| {
        let path = state.to_str().expect("UTF-8");
        rig.line.stack.command(program).args(arguments).arg(path).output().expect(program)
    };
    assert!(run("mount", &["-t", "tmpfs", "-o", "size=600k", "none"]).status.success());
    let mut device = started(&rig.line);
    assert_eq!(tap(&mut device), 1);
    committed(&device, 1);
    // `head` fills what is left and then fails, which is the purpose.
    run("sh", &["-c", "head -c 10000000 /dev/zero > \"$0/filler\""]);
    device.scan(QR).expect("scan");
    let mut announced = Vec::new();
    while let Some(said) = device.says(std::time::Duration::from_secs(30)).expect("line") {
        announced.extend(said.get("event").cloned());
    }
    assert_eq!(announced, Vec::<Value>::new(), "an event that is not on disk is not announced");
    assert_eq!(device.wait().expect("end"), Some(70));
    let log = std::fs::read_to_string(rig.line.path("agent.log")).expect("log");
    assert!(log.contains("outbox_disk_full"), "{log}");
    run("sh", &["-c", "rm \"$0/filler\""]);
    let mut device = started(&rig.line);
    assert_eq!(tap(&mut device), 2);
    committed(&device, 2);
    assert_eq!(positions(&rig.line.events().expect("log")), [1, 2]);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("directory");
    for entry in std::fs::read_dir(from).expect("directory") {
        let path = entry.expect("entry").path();
        std::fs::copy(&path, to.join(path.file_name().expect("name"))).expect("copy");
    }
}

#[test]
fn a_device_restored_from_an_old_disk_is_found_out() {
    let mut rig = rig();
    rig.line.start_central().expect("central");
    let (state, backup) = (rig.line.path("device/state"), rig.line.path("backup"));
    let mut device = started(&rig.line);
    tap(&mut device);
    committed(&device, 1);
    assert_eq!(device.finish().expect("end"), Some(0));
    copy(&state, &backup);
    let mut device = started(&rig.line);
    tap(&mut device);
    committed(&device, 2);
    assert_eq!(device.finish().expect("end"), Some(0));
    // The old disk makes another event 2.
    std::fs::remove_dir_all(&state).expect("directory");
    copy(&backup, &state);
    let mut device = started(&rig.line);
    assert_eq!(tap(&mut device), 2);
    let log = rig.line.path("agent.log");
    let start = hil_tests::stack::now();
    while !std::fs::read_to_string(&log).expect("log").contains("event_fork") {
        assert!(start.elapsed().as_secs() < 30, "the fork is reported");
        hil_tests::stack::pause(50);
    }
    assert_eq!(positions(&rig.line.events().expect("log")), [1, 2], "central keeps what it had");
    rig.line.verify_log().expect("the log is sound");
}

#[test]
fn a_central_restored_from_an_old_backup_is_brought_up_to_date() {
    let mut rig = rig();
    rig.line.start_central().expect("central");
    let mut device = started(&rig.line);
    tap(&mut device);
    committed(&device, 1);
    rig.line.stop_central();
    let files = ["central.db", "central.db-wal", "central.db-shm"];
    let saved: Vec<_> = files.map(|name| std::fs::read(rig.line.path(name)).ok()).into();
    rig.line.start_central().expect("central");
    tap(&mut device);
    committed(&device, 2);
    rig.line.stop_central();
    for (name, bytes) in files.iter().zip(saved) {
        match bytes {
            Some(bytes) => std::fs::write(rig.line.path(name), bytes).expect("restored"),
            None => drop(std::fs::remove_file(rig.line.path(name))),
        }
    }
    rig.line.start_central().expect("central");
    assert_eq!(tap(&mut device), 3);
    committed(&device, 3);
    assert_eq!(positions(&rig.line.events().expect("log")), [1, 2, 3]);
    rig.line.verify_log().expect("the log is sound");
}

/// Whatever is logged, stored or sent: nothing about the holder is in it, and no key.
#[test]
fn nothing_that_is_kept_or_logged_names_the_holder() {
    let mut rig = rig();
    rig.line.start_central().expect("central");
    let mut device = rig.line.start_device_logging("trace").expect("device");
    device.expect("ready").expect("ready");
    device.scan("00109900001x|bad").expect("scan");
    assert_eq!(
        device.says(std::time::Duration::from_secs(30)).expect("line").expect("line")["error"]["code"],
        "qr_field_malformed"
    );
    tap(&mut device);
    committed(&device, 1);
    assert_eq!(device.finish().expect("end"), Some(0));
    let pass_phrase = std::fs::read_to_string(rig.line.path("pass-phrase")).expect("pass phrase");
    let mut files = vec![rig.line.path("agent.log"), rig.line.path("central.db"), rig.line.path("central.db-wal")];
    files.extend(["outbox.db", "outbox.db-wal"].map(|name| rig.line.path("device/state").join(name)));
    let mut seen = 0;
    for file in files {
        let Ok(bytes) = std::fs::read(&file) else { continue };
        seen += bytes.len();
        let holds = |text: &[u8]| bytes.windows(text.len()).any(|w| w == text);
        for personal in
            ["001099000017", "099000017", "Nguyễn", "NGUYEN", "Ví Dụ", "15/01/1999", "990115", pass_phrase.trim()]
        {
            assert!(!holds(personal.as_bytes()), "{personal} in {}", file.display());
        }
        assert!(!holds(b"JFIF"), "a portrait in {}", file.display());
    }
    assert!(seen > 10_000, "the files were looked at");
}

#[test]
fn a_device_without_its_reader_says_so_and_waits() {
    let rig = rig();
    let configuration = rig.line.path("device/agent.toml");
    let text = std::fs::read_to_string(&configuration).expect("configuration");
    std::fs::write(&configuration, text.replace("reader = \"pcsc\"", "reader = \"pcsc:Omnikey\"")).expect("written");
    let mut device = rig.line.start_device().expect("device");
    let waiting = device.expect("waiting").expect("it says what it waits for");
    assert_eq!(waiting["waiting"]["code"], "no_reader");
    hil_tests::signal(device.id(), hil_tests::Signal::TERM).expect("told");
    assert_eq!(device.wait().expect("end"), Some(0), "a stop is no failure");
}

#[test]
fn a_configuration_that_is_not_valid_is_refused_and_the_last_good_one_works_on() {
    let mut rig = rig();
    rig.line.start_central().expect("central");
    started(&rig.line).finish().expect("ended");
    let path = rig.line.path("device/agent.toml");
    let good = std::fs::read_to_string(&path).expect("configuration");
    std::fs::write(&path, format!("{good}no_such_key = 1\n")).expect("configuration");
    let output = rig.line.agent().args(["doctor", "--json", "--config"]).arg(&path).output().expect("doctor");
    let report: Value = serde_json::from_slice(&output.stdout).expect("report");
    let check = |id: &str| report["checks"].as_array().expect("checks").iter().find(|c| c["id"] == id).cloned();
    assert_eq!(check("settings").expect("a check")["fault"]["code"], "config_invalid", "{report:#}");
    for id in ["key_store", "identity", "site_key", "certificate", "clock", "anchors", "bundle", "outbox", "disk"] {
        assert_eq!(check(id).expect(id)["fault"], Value::Null, "{id}: {report:#}");
    }
    assert_eq!(check("central").expect("a check")["fault"]["code"], "central_unreachable", "it has no registrar");
    let mut device = started(&rig.line);
    device.expect("receipt").expect("and says so in its log");
    device.finish().expect("ended");
    let what = |events: &[Value]| -> Vec<String> {
        let bodies = events.iter().filter_map(|event| event["event"]["body"]["device"]["what"].as_str());
        bodies.map(str::to_owned).collect()
    };
    assert_eq!(what(&rig.line.events().expect("log")), ["settings_refused"]);
    std::fs::write(&path, format!("{good}direction = \"in\"\n")).expect("configuration");
    let mut device = started(&rig.line);
    device.expect("receipt").expect("the new one is noted");
    device.finish().expect("ended");
    assert_eq!(what(&rig.line.events().expect("log")), ["settings_refused", "settings_activated"]);
}
