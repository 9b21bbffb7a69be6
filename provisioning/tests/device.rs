//! A device's directory as `provision enrol` prepares it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

/// An agent that says this of any configuration, and notes what it was asked.
fn agent(place: &Path, status: u8, report: &str) {
    let program = place.join("cccd-agent");
    let text =
        format!("#!/bin/sh\necho \"$@\" > {}/asked\ncat <<'END'\n{report}\nEND\nexit {status}\n", place.display());
    std::fs::write(&program, text).expect("program");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("program");
}

fn enrol(place: &Path) -> Output {
    let phrase = place.join("phrase");
    program::private::replace(&phrase, b"correct horse battery").expect("phrase");
    let mut provision = Command::new(env!("CARGO_BIN_EXE_provision"));
    provision.args(["enrol", "--by", "screen", "--central", "https://localhost:8443", "--serial", "box-1", "--dir"]);
    provision.arg(place.join("device")).arg("--pass-phrase-file").arg(&phrase);
    provision.env("PATH", format!("{}:/usr/bin:/bin", place.display())).output().expect("provision")
}

#[test]
fn a_kiosk_is_prepared_only_when_it_can_start() {
    let directory = tempfile::tempdir().expect("directory");
    let place = directory.path();
    let finding = r#"{"key":"kiosk","works":false,"code":"config_no_kiosk","message":"the configuration has no [kiosk]",
        "remedy":"add it"}"#;
    let note = r#"{"key":"trust","works":true,"code":"trust_absent","message":"m","remedy":"r"}"#;
    agent(place, 70, &format!(r#"{{"findings":[{note},{finding}]}}"#));
    let refused = enrol(place);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && !String::from_utf8_lossy(&refused.stdout).contains("prepared"));
    assert!(said.contains("[config_no_kiosk] → add it") && !said.contains("trust_absent"), "{said}");
    let asked = std::fs::read_to_string(place.join("asked")).expect("asked");
    let file = place.join("device/agent.toml");
    assert_eq!(asked.trim(), format!("config --stage kiosk --json --config {}", file.display()));
    assert!(file.exists() && place.join("device/trust").is_dir(), "what is there is kept, and can be mended");

    // An agent that says nothing is no word that all is well.
    agent(place, 0, "");
    assert!(!enrol(place).status.success());
    agent(place, 0, r#"{"findings":[]}"#);
    let prepared = enrol(place);
    assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
    assert!(String::from_utf8_lossy(&prepared.stdout).contains("prepared; start the kiosk"));
}
