//! The agent's command line over devices: a card read through libnfc, and what `doctor` says.

use drivers::reader::pn532::Board;
use drivers::reader::simulated::Slot;
use hil_tests::{Line, program};
use reading::simulated;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

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
        "profile='identify'\nreader='sim:an'\ntrust='t'\nstate='s'\nkeys='k'\npass_phrase_file='p'\n\
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

/// Everything else may be missing: the kiosk runs, and says what it knows to whoever asks.
#[test]
fn a_running_kiosk_tells_what_is_away_and_since_when() {
    let directory = tempfile::tempdir().expect("directory");
    let line = Line::provision(directory.path()).expect("a line; `cargo xtask doctor` says what is missing");
    let config = directory.path().join("device/agent.toml");
    let text = std::fs::read_to_string(&config).expect("configuration");
    let kiosk = "\n[kiosk]\nsite = 'S'\npanel = 'small-7'\ndisplay = 'fbdev:/dev/fb99'\n\
                 scanner = 'serial:/dev/ttyACM99'\n";
    std::fs::write(&config, text + kiosk).expect("configuration");
    let path = config.display().to_string();
    let mut kiosk = line.agent().args(["kiosk", "--config", &path]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let kiosk = kiosk.as_mut().expect("kiosk");
    let until = |part: &str, code: Option<&str>| {
        let start = hil_tests::stack::now();
        loop {
            let (_, report) = run(&["doctor", "--config", &path, "--json"]);
            let parts = report["parts"].as_array().expect("parts").clone();
            let entry = parts.into_iter().find(|entry| entry["part"] == part);
            let found = entry.as_ref().filter(|entry| entry["fault"]["code"].as_str() == code);
            if let (Some(entry), Some("running_kiosk")) = (found, report["source"].as_str()) {
                return entry["since"].as_i64().expect("since");
            }
            assert!(start.elapsed() < Duration::from_secs(30), "{part} {code:?}: {report:#}");
            hil_tests::stack::pause(100);
        }
    };
    let there = until("reader", None);
    until("display", Some("device_absent"));
    until("scanner", Some("device_absent"));
    // The service of the readers dies while nobody is served.
    drop(line);
    let away = until("reader", Some("no_pcsc_service"));
    assert!(there > 1_700_000_000 && away >= there);
    kiosk.kill().expect("killed");
    kiosk.wait().expect("ended");
    let (_, report) = run(&["doctor", "--config", &path, "--json"]);
    assert_eq!(report["source"].as_str(), Some("probe"), "what a dead kiosk knew is the past");
}
