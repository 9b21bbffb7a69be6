//! Every fault of the virtual card, through a real pcscd, gives its exit status and code.

use hil_tests::{FIRST_READER, Stack};
use serde_json::Value;

struct Rig {
    stack: Stack,
    directory: tempfile::TempDir,
}

impl Rig {
    fn new() -> Self {
        let stack = Stack::start().expect("a PC/SC stack; `cargo xtask doctor` says what is missing");
        let directory = tempfile::tempdir().expect("directory");
        let trust = directory.path().join("trust");
        assert!(stack.command("cccd-card").args(["trust", "--out"]).arg(trust).status().expect("cccd-card").success());
        Self { stack, directory }
    }

    fn read(&self, fault: &str, arguments: &[&str]) -> (Option<i32>, Value, String) {
        let _card = self.stack.lay("an", fault, FIRST_READER).expect("card");
        let mut command = self.stack.command("cccd-agent");
        command.args(["read", "--reader", "pcsc", "--json", "--wait", "10", "--resume", "1"]).args(arguments);
        let output = command.arg("--trust").arg(self.directory.path().join("trust")).output().expect("cccd-agent");
        let people = String::from_utf8_lossy(&output.stderr).into_owned();
        let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{fault}: {people}"));
        (output.status.code(), report, people)
    }
}

const QR: &str = "001099000017|012345678|Nguyễn Văn An|15011999|Nam|Số 1, Đường Ví Dụ, Phường Mẫu, Hà Nội|16012022";

#[test]
fn every_fault_has_its_exit_status_and_code() {
    let rig = Rig::new();
    // (fault, exit status, where the reason stands in the report, reason)
    let cases = [
        ("none", 0, "", ""),
        ("slow:5", 0, "", ""),
        ("lifted:500", 20, "/error/code", "card_lifted"),
        ("lifted:12000", 20, "/error/code", "card_lifted"),
        ("wrong-password", 20, "/error/code", "wrong_access_key"),
        ("garbage", 20, "/error/code", "secure_messaging_failed"),
        ("cloned", 10, "/checks/active_authentication/reason", "wrong_answer"),
        ("cloned", 10, "/checks/chip_authentication/reason", "wrong_answer"),
        ("stripped", 11, "/checks/dg_hash.15/reason", "listed_but_not_given"),
        ("altered:1", 10, "/checks/dg_hash.1/reason", "hash_differs"),
        ("altered:2", 10, "/checks/dg_hash.2/reason", "hash_differs"),
        ("altered:13", 10, "/checks/dg_hash.13/reason", "hash_differs"),
        ("expired-dsc", 10, "/checks/dsc_validity/reason", "dsc_expired"),
        ("revoked-dsc", 10, "/checks/dsc_revocation/reason", "dsc_revoked"),
        ("self-made-csca", 11, "/checks/dsc_chain/reason", "issuer_key_unknown"),
        ("no-pace", 0, "/access/fallback", "pace_not_offered"),
        ("hidden-card-access", 0, "/access/fallback", "card_access_assumed"),
        ("no-extended-length", 0, "", ""),
        ("tolerate-select-mf", 0, "", ""),
        ("no-clone-check", 11, "/checks/chip_authentication/reason", "no_dg14"),
    ];
    for (fault, status, pointer, reason) in cases {
        let (found, report, people) = rig.read(fault, &["--qr", QR]);
        assert_eq!(found, Some(status), "{fault}: {report:#}");
        if !pointer.is_empty() {
            assert_eq!(report.pointer(pointer).and_then(Value::as_str), Some(reason), "{fault}: {report:#}");
        }
        if let Some(error) = report.get("error") {
            for part in ["code", "message", "remedy"] {
                assert!(error[part].as_str().is_some_and(|text| !text.is_empty()), "{fault}: {part}");
            }
        }
        assert!(!people.contains("001099000017") && !people.contains("Nguyễn Văn An"), "{fault}: {people}");
    }
}

#[test]
fn each_way_of_opening_the_card_works_and_is_reported() {
    let rig = Rig::new();
    for (arguments, protocol, password) in [
        (&["--number", "001099000017"][..], "PACE-ECDH-GM-AES-CBC-CMAC-128", "CAN"),
        (&["--can", "000017"], "PACE-ECDH-GM-AES-CBC-CMAC-128", "CAN"),
        (&["--mrz", "099000017,990115,390115"], "PACE-ECDH-GM-AES-CBC-CMAC-128", "MRZ"),
        (&["--mrz", "099000017,990115,390115", "--access", "bac"], "BAC", "MRZ"),
        (&["--qr", QR, "--access", "bac"], "BAC", "MRZ"),
        (&["--qr", QR, "--access", "pace"], "PACE-ECDH-GM-AES-CBC-CMAC-128", "CAN"),
    ] {
        let (status, report, people) = rig.read("none", arguments);
        assert_eq!(status, Some(0), "{arguments:?}: {people}");
        let access = &report["access"];
        assert_eq!((access["protocol"].as_str(), access["password"].as_str()), (Some(protocol), Some(password)));
    }
}

#[test]
fn a_wrong_command_line_is_64_and_says_what_to_do() {
    let rig = Rig::new();
    for (arguments, code) in [
        (&["--number", "12"][..], "number_malformed"),
        (&["--can", "12345x"], "can_malformed"),
        (&["--mrz", "1,2"], "mrz_malformed"),
        (&["--qr", "hello"], "qr_unknown"),
        (&["--number", "001099000017", "--access", "bac"], "bac_needs_mrz"),
    ] {
        let (status, report, _) = rig.read("none", arguments);
        assert_eq!((status, report["error"]["code"].as_str()), (Some(64), Some(code)));
        assert!(report["error"]["remedy"].as_str().is_some_and(|text| !text.is_empty()));
    }
    let nothing = rig.stack.command("cccd-agent").arg("read").output().expect("cccd-agent");
    assert_eq!(nothing.status.code(), Some(64));
}

/// The evidence file is written without encryption, so nothing about the holder may be in it.
#[test]
fn stored_evidence_holds_no_personal_data_and_verifies() {
    let rig = Rig::new();
    let path = rig.directory.path().join("evidence.cbor");
    let (status, report, _) = rig.read("none", &["--qr", QR, "--evidence", path.to_str().expect("UTF-8")]);
    assert_eq!(status, Some(0));
    let bytes = std::fs::read(&path).expect("evidence");
    for personal in ["001099000017", "Nguyễn", "NGUYEN", "Ví Dụ", "990115", "JFIF"] {
        assert!(!bytes.windows(personal.len()).any(|w| w == personal.as_bytes()), "{personal}");
    }
    let trust = rig.directory.path().join("trust");
    let verify = |file: &std::path::Path| {
        let mut command = rig.stack.command("cccd-agent");
        let output = command.args(["evidence", "verify", "--json", "--trust"]).arg(&trust).arg(file).output();
        let output = output.expect("cccd-agent");
        (output.status.code(), serde_json::from_slice::<Value>(&output.stdout).expect("JSON"))
    };
    let (status, repeated) = verify(&path);
    assert_eq!(status, Some(0), "{repeated:#}");
    assert_eq!(repeated["evidence_sha256"], report["evidence_sha256"]);
    for (check, result) in repeated["checks"].as_object().expect("checks") {
        assert_eq!(report["checks"][check], *result, "{check}");
    }
    // Evidence cannot be touched up: a byte in the middle lies in the SOD or in a key.
    let mut changed = bytes.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 0x10;
    std::fs::write(&path, changed).expect("evidence");
    assert_ne!(verify(&path).0, Some(0), "changed evidence is not genuine");
}

#[test]
fn a_card_put_back_on_the_reader_is_read_on() {
    let rig = Rig::new();
    let mut card = rig.stack.command("cccd-card");
    card.args(["serve", "--persona", "an", "--fault", "lifted:12000", "--put-back", "300"]);
    let _card = rig.stack.lay_process(card, "is on the reader").expect("card");
    let mut command = rig.stack.command("cccd-agent");
    command.args(["read", "--reader", "pcsc", "--json", "--resume", "10", "--qr", QR, "--trust"]);
    let output = command.arg(rig.directory.path().join("trust")).output().expect("cccd-agent");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert_eq!(report["interruptions"], 1);
    let received = report["apdus"]["bytes_received"].as_u64().expect("bytes");
    assert!(received < 12_000 + 18_000, "the portrait was read on, not again: {received} bytes");
    assert!(String::from_utf8_lossy(&output.stderr).contains("Đặt lại thẻ"));
}
