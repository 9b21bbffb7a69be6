//! The agent's command line over devices: a card read through libnfc, and what `doctor` says.

use cccd_agent::simulated;
use drivers::reader::pn532::Board;
use drivers::reader::simulated::Slot;
use hil_tests::program;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

fn run(arguments: &[&str]) -> (Option<i32>, Value) {
    let output = Command::new(program("cccd-agent")).args(arguments).output().expect("cccd-agent");
    let people = String::from_utf8_lossy(&output.stderr);
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{people}")))
}

fn trust(directory: &Path) -> String {
    let trust = directory.join("trust").display().to_string();
    let made = Command::new(program("cccd-card")).args(["trust", "--out", &trust]).status().expect("cccd-card");
    assert!(made.success());
    trust
}

/// The whole chip stack over libnfc's own driver: 262 bytes an answer, a card that is reset by switching the field.
#[test]
fn a_card_is_read_through_libnfc() {
    let directory = tempfile::tempdir().expect("directory");
    let trust = trust(directory.path());
    let slot = Slot::default();
    let board = Board::plug(&slot, directory.path()).expect("board");
    let reader = format!("libnfc:{}", board.connstring());
    let read = |number: &str| {
        run(&["read", "--reader", &reader, "--number", number, "--json", "--trust", &trust, "--wait", "2"])
    };
    let (status, report) = read("079185000028");
    assert_eq!((status, report["error"]["code"].as_str()), (Some(20), Some("no_card")));
    slot.insert(simulated::chip("binh").expect("card"));
    let (status, report) = read("079185000028");
    assert_eq!((status, report["holder"]["full_name"].as_str()), (Some(0), Some("Trần Thị Bình")), "{report:#}");
    assert_eq!(report["access"]["protocol"].as_str().map(|p| p.starts_with("PACE")), Some(true));
    slot.insert(simulated::chip("binh:cloned").expect("card"));
    assert_eq!(read("079185000028").0, Some(10), "a copy is no better over this reader");
    drop(board);
    let (status, report) = read("079185000028");
    assert_eq!((status, report["error"]["code"].as_str()), (Some(21), Some("no_reader")));
}

#[test]
fn doctor_says_what_is_wrong_and_what_to_do() {
    let directory = tempfile::tempdir().expect("directory");
    let config = directory.path().join("agent.toml");
    let printer = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    let address = printer.local_addr().expect("address");
    let text = format!(
        "device='k'\nprofile='identify'\nreader='sim:an'\ntrust='t'\nstate='s'\nkeys='k'\npass_phrase_file='p'\n\
         [kiosk]\nsite='S'\npanel='small-7'\ndisplay='drm:/dev/dri/card99'\ntouch='ILITEK'\n\
         scanner='serial:/dev/ttyACM99'\n[kiosk.printer]\ndevice='tcp:{address}'\n\
         [kiosk.lines]\nchip='/dev/gpiochip99'\nready='17'\n"
    );
    std::fs::write(&config, text).expect("configuration");
    let path = config.display().to_string();
    let (status, report) = run(&["doctor", "--config", &path, "--json"]);
    assert_eq!((status, report["source"].as_str()), (Some(70), Some("probe")));
    let parts = report["parts"].as_array().expect("parts");
    let seen: Vec<_> = parts.iter().map(|p| (p["part"].as_str(), p["fault"]["code"].as_str())).collect();
    let absent = Some("device_absent");
    let wanted = [
        (Some("reader"), None),
        (Some("display"), absent),
        (Some("touch"), absent),
        (Some("scanner"), absent),
        (Some("printer"), None),
        (Some("lines"), absent),
    ];
    assert_eq!(seen, wanted);
    assert!(
        parts
            .iter()
            .filter(|p| !p["fault"].is_null())
            .all(|p| p["fault"]["remedy"].as_str().is_some_and(|r| !r.is_empty()))
    );
    let output = Command::new(program("cccd-agent")).args(["doctor", "--config", &path]).output().expect("cccd-agent");
    let people = String::from_utf8_lossy(&output.stdout);
    assert!(people.contains("ok    reader") && people.contains("WRONG scanner"), "{people}");
    assert!(people.contains("/dev/ttyACM99 is not there"), "{people}");
}
