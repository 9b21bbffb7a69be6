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
