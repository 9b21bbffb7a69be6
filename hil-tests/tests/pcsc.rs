//! The reader over a real PC/SC stack, and what the agent says when the stack or the reader is not there.

use hil_tests::{FIRST_READER, SECOND_READER, Stack};
use serde_json::Value;

fn stack() -> Stack {
    Stack::start().expect("a PC/SC stack; `cargo xtask doctor` says what is missing")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_pcsc_reader_conforms() {
    let output = stack().command("hil-probe").arg("conformance").output().expect("probe");
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn a_card_on_any_of_several_readers_is_found_and_a_name_selects() {
    let stack = stack();
    let directory = tempfile::tempdir().expect("directory");
    let trust = directory.path().join("trust");
    let made = stack.command("cccd-card").args(["trust", "--out"]).arg(&trust).status().expect("cccd-card");
    assert!(made.success());
    let _second = stack.lay("binh", "none", SECOND_READER).expect("card");
    let read = |reader: &str, number: &str| {
        let mut command = stack.command("cccd-agent");
        command.args(["read", "--reader", reader, "--number", number, "--wait", "2", "--json", "--trust"]);
        let output = command.arg(&trust).output().expect("cccd-agent");
        let report: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
        (output.status.code(), report)
    };
    let (status, report) = read("pcsc", "079185000028");
    assert_eq!((status, report["holder"]["id_number"].as_str()), (Some(0), Some("079185000028")));
    let (status, report) = read("pcsc:00 00", "079185000028");
    assert_eq!((status, report["error"]["code"].as_str()), (Some(20), Some("no_card")));
    let _first = stack.lay("an", "none", FIRST_READER).expect("card");
    let (status, report) = read("pcsc:00 00", "001099000017");
    assert_eq!((status, report["holder"]["id_number"].as_str()), (Some(0), Some("001099000017")));
    let (status, report) = read("pcsc:Omnikey", "001099000017");
    assert_eq!((status, report["error"]["code"].as_str()), (Some(21), Some("no_reader")));
    assert!(report["error"]["message"].as_str().expect("message").contains("Virtual PCD"), "{report}");
}

#[test]
fn without_pcscd_the_agent_says_how_to_start_it() {
    let stack = stack();
    let directory = tempfile::tempdir().expect("directory");
    // An empty /run hides the service from this one command.
    let agent = hil_tests::program("cccd-agent");
    let script = "mount -t tmpfs none /run && exec \"$@\"";
    let mut command = stack.command("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(agent);
    command.args(["read", "--reader", "pcsc", "--can", "000017", "--json", "--trust"]).arg(directory.path());
    let output = command.output().expect("cccd-agent");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    assert_eq!((output.status.code(), report["error"]["code"].as_str()), (Some(21), Some("no_pcsc_service")));
    assert!(report["error"]["remedy"].as_str().expect("remedy").contains("systemctl start pcscd"));
}

/// A stack, the anchors of its cards, and `read` on it.
struct Desk {
    stack: Stack,
    directory: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let (stack, directory) = (stack(), tempfile::tempdir().expect("directory"));
        let made = stack.command("cccd-card").args(["trust", "--out"]).arg(directory.path().join("trust")).status();
        assert!(made.expect("cccd-card").success());
        Self { stack, directory }
    }

    /// Begins to read a card of Bình on any reader.
    fn begin(&self, wait: &str) -> std::process::Child {
        let mut command = self.stack.command("cccd-agent");
        command.args(["read", "--reader", "pcsc", "--number", "079185000028", "--wait", wait, "--json", "--trust"]);
        command.arg(self.directory.path().join("trust"));
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().expect("cccd-agent")
    }
}

fn end(read: std::process::Child) -> (Option<i32>, Value) {
    let output = read.wait_with_output().expect("cccd-agent");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    (output.status.code(), report)
}

#[test]
fn reader_token() {
    let desk = Desk::new();
    let mut token = desk.stack.command("hil-probe");
    token.args(["token", &FIRST_READER.to_string()]);
    let _token = desk.stack.lay_process(token, "is in its slot").expect("token");
    let probe = |name: &str| desk.stack.command("hil-probe").args(["wait", name]).status().expect("probe").success();
    assert!(probe("Virtual PCD 00 00"), "pcscd has seen the token");
    // The citizen's card comes later, as people do.
    let read = desk.begin("10");
    hil_tests::stack::pause(2000);
    let card = desk.stack.lay("binh", "none", SECOND_READER).expect("card");
    let (status, report) = end(read);
    assert_eq!((status, report["holder"]["id_number"].as_str()), (Some(0), Some("079185000028")), "{report:#}");
    // Without one, the token is named for what it is.
    drop(card);
    let empty = desk.stack.command("hil-probe").args(["empty", &SECOND_READER.to_string()]).status();
    assert!(empty.expect("probe").success());
    let (status, report) = end(desk.begin("1"));
    assert_eq!((status, report["error"]["code"].as_str()), (Some(20), Some("card_other_kind")), "{report:#}");
    // The doctor says which slot to name.
    let config = desk.directory.path().join("agent.toml");
    let text = "profile='identify'\nreader='pcsc'\ntrust='t'\nstate='s'\nkeys='k'\npass_phrase_file='p'\n";
    std::fs::write(&config, text).expect("configuration");
    let doctor = desk.stack.command("cccd-agent").args(["doctor", "--json", "--config"]).arg(&config).output();
    let report: Value = serde_json::from_slice(&doctor.expect("cccd-agent").stdout).expect("a report");
    let checks = report["checks"].as_array().expect("checks");
    let slots = checks.iter().find(|check| check["id"] == "reader_slots").expect("reader_slots");
    assert_eq!(slots["warning"]["code"], "reader_ambiguous", "{slots:#}");
    let remedy = slots["warning"]["remedy"].as_str().expect("remedy");
    assert!(remedy.contains("reader = \"pcsc:Virtual PCD 00 01\""), "the slot without the token: {remedy}");
}

#[test]
fn reader_shared() {
    let desk = Desk::new();
    let _card = desk.stack.lay("binh", "none", FIRST_READER).expect("card");
    let hold = |milliseconds: &str| {
        let mut hog = desk.stack.command("hil-probe");
        hog.args(["hold", "Virtual PCD 00 00", milliseconds]);
        desk.stack.lay_process(hog, "is held").expect("hog")
    };
    let hog = hold("1500");
    let (status, report) = end(desk.begin("10"));
    assert_eq!((status, report["holder"]["id_number"].as_str()), (Some(0), Some("079185000028")), "{report:#}");
    drop(hog);
    let _hog = hold("60000");
    let (status, report) = end(desk.begin("1"));
    assert_eq!((status, report["error"]["code"].as_str()), (Some(20), Some("card_in_use")), "{report:#}");
}

#[test]
fn a_service_that_is_restarted_under_a_waiting_reader_is_found_again() {
    let mut stack = stack();
    let mut command = stack.command("hil-probe");
    command.args(["patient"]).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut patient = command.stderr(std::process::Stdio::inherit()).spawn().expect("probe");
    let mut said = std::io::BufRead::lines(std::io::BufReader::new(patient.stdout.take().expect("output")));
    let mut next = || said.next().expect("it goes on").expect("a line");
    let card = stack.lay("an", "none", FIRST_READER).expect("card");
    assert_eq!(next(), "card");
    drop(card);
    assert_eq!(next(), "gone");
    stack.restart().expect("pcscd comes back");
    let card = stack.lay("an", "none", FIRST_READER).expect("card");
    assert_eq!(next(), "card", "the same reader finds the next card");
    stack.restart().expect("pcscd comes back");
    drop(card);
    assert_eq!(next(), "gone", "a card that lay there while the service died");
    patient.kill().expect("killed");
    patient.wait().expect("ended");
}
