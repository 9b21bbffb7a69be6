//! The terminal against cards that are not ours, and our card against a terminal that is not ours.

use hil_tests::{FIRST_READER, Laid, Stack};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

fn stack() -> Stack {
    Stack::start().expect("a PC/SC stack; `cargo xtask doctor` says what is missing")
}

fn peer(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}

/// Data of a persona without EF.DG14 and EF.DG15, since the peers have no private keys.
fn prepare(stack: &Stack, directory: &Path) -> (PathBuf, PathBuf) {
    let (files, trust) = (directory.join("files"), directory.join("trust"));
    let mut make = stack.command("cccd-card");
    make.args(["files", "--persona", "binh", "--fault", "no-clone-check", "--out"]).arg(&files);
    assert!(make.status().expect("cccd-card").success());
    assert!(stack.command("cccd-card").args(["trust", "--out"]).arg(&trust).status().expect("cccd-card").success());
    (files, trust)
}

fn read(stack: &Stack, trust: &Path, arguments: &[&str]) -> (Option<i32>, Value) {
    let mut command = stack.command("cccd-agent");
    command.args(["read", "--reader", "pcsc", "--json", "--trust"]).arg(trust).args(arguments);
    let output = command.output().expect("cccd-agent");
    let people = String::from_utf8_lossy(&output.stderr);
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{people}")))
}

/// Signature, chain and every hash pass; without a clone check the card stays undecided.
fn assert_read(status: Option<i32>, report: &Value, protocol: &str) {
    assert_eq!(report["access"]["protocol"], protocol, "{report:#}");
    for check in ["sod_signature", "dsc_chain", "dsc_validity", "dg_hash.1", "dg_hash.2", "dg_hash.13"] {
        assert_eq!(report["checks"][check]["outcome"], "passed", "{check}: {report:#}");
    }
    assert_eq!(report["holder"]["full_name"], "Trần Thị Bình");
    assert_eq!((status, report["word"].as_str()), (Some(11), Some("unproved")));
    assert_eq!(report["checks"]["active_authentication"]["reason"], "no_dg15");
    assert_eq!(report["checks"]["chip_authentication"]["reason"], "no_dg14");
}

/// Compiles a program that uses libeac.
fn compile(directory: &Path, name: &str) -> PathBuf {
    let program = directory.join(name);
    let mut gcc = Command::new("gcc");
    gcc.args(["-O1", "-Wall", "-o"]).arg(&program).arg(peer(&format!("{name}.c"))).args(["-leac", "-lcrypto"]);
    let compiled = gcc.output().expect("gcc");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    program
}

/// Compiles libeac's card and lays it on the reader.
fn lay_libeac(stack: &Stack, directory: &Path, files: &Path) -> Laid {
    let card = compile(directory, "eac_card");
    // libeac's retail MAC wants single DES, which OpenSSL 3 keeps in its legacy provider.
    let configuration = directory.join("openssl.cnf");
    let legacy = "openssl_conf = a\n[a]\nproviders = b\n[b]\ndefault = c\nlegacy = c\n[c]\nactivate = 1\n";
    std::fs::write(&configuration, legacy).expect("configuration");
    let mut command = stack.command(card.to_str().expect("UTF-8"));
    command.arg(files).args(["000028", &FIRST_READER.to_string()]).env("OPENSSL_CONF", configuration);
    stack.lay_process(command, "is on the reader").expect("card")
}

#[test]
fn the_terminal_opens_a_libeac_card_with_pace() {
    let stack = stack();
    let directory = tempfile::tempdir().expect("directory");
    let (files, trust) = prepare(&stack, directory.path());
    let _card = lay_libeac(&stack, directory.path(), &files);
    let (status, report) = read(&stack, &trust, &["--number", "079185000028"]);
    assert_read(status, &report, "PACE-ECDH-GM-AES-CBC-CMAC-128");
    let (status, report) = read(&stack, &trust, &["--can", "123456"]);
    assert_eq!((status, report["error"]["code"].as_str()), (Some(20), Some("wrong_access_key")));
}

/// Generic mapping on every curve and every MODP group with every cipher. Debian's libeac refuses an EF.CardAccess
/// that offers integrated mapping, and drops the leading zeros of a DH shared secret (`DH_compute_key` in its
/// eac_dh.c; RFC 2631 §2.1.2 keeps them): a DH run in which that happens is repeated.
#[test]
fn pace_generic_mapping_works_with_libeac_in_every_variant() {
    let stack = stack();
    let directory = tempfile::tempdir().expect("directory");
    let (files, trust) = prepare(&stack, directory.path());
    let _card = lay_libeac(&stack, directory.path(), &files);
    let ciphers = [(1, "3DES-CBC-CBC"), (2, "AES-CBC-CMAC-128"), (3, "AES-CBC-CMAC-192"), (4, "AES-CBC-CMAC-256")];
    let ecdh = (8..=18u8).flat_map(|id| ciphers.map(|cipher| (2, "ECDH-GM", cipher, id)));
    let dh = (0..=2u8).flat_map(|id| ciphers.map(|cipher| (1, "DH-GM", cipher, id)));
    let variants: Vec<_> = ecdh.chain(dh).collect();
    assert_eq!(variants.len(), 56);
    for (mapping, name, (suffix, cipher), id) in variants {
        let info = [
            &[0x31, 0x14, 0x30, 0x12, 0x06, 0x0A, 0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x04, mapping, suffix][..],
            &[0x02, 0x01, 0x02, 0x02, 0x01, id],
        ]
        .concat();
        std::fs::write(files.join("011C.bin"), info).expect("EF.CardAccess");
        let read = || read(&stack, &trust, &["--can", "000028", "--access", "pace"]);
        let (mut status, mut report) = read();
        for _ in 0..2 {
            if mapping == 1 && report["error"]["code"] == "wrong_access_key" {
                eprintln!("{name} {cipher} parameters {id}: once more");
                (status, report) = read();
            }
        }
        assert!(report.get("error").is_none(), "{name} {cipher} parameters {id}: {report:#}");
        assert_read(status, &report, &format!("PACE-{name}-{cipher}"));
    }
}

#[test]
fn the_terminal_opens_a_vicc_card_with_bac() {
    let stack = stack();
    let directory = tempfile::tempdir().expect("directory");
    let (files, trust) = prepare(&stack, directory.path());
    std::fs::remove_file(files.join("011C.bin")).expect("EF.CardAccess");
    let mut command = stack.command("/usr/bin/python3");
    command.arg(peer("vicc_bac.py")).arg(&files).args(["185000028085090264509028", &FIRST_READER.to_string()]);
    let _card = stack.lay_process(command, "is on the reader").expect("card");
    let (status, report) = read(&stack, &trust, &["--mrz", "185000028,850902,450902"]);
    assert_read(status, &report, "BAC");
    assert_eq!(report["access"]["fallback"], "pace_not_offered");
    let (status, report) = read(&stack, &trust, &["--mrz", "185000028,850902,450903"]);
    assert_eq!((status, report["error"]["code"].as_str()), (Some(20), Some("wrong_access_key")));
}

/// The `dmrtd` crate always sends SELECT MF, which a CCCD refuses: the card has a switch to let it pass.
#[test]
fn the_dmrtd_crate_reads_our_card() {
    let stack = stack();
    let _card = stack.lay("giang-2024", "tolerate-select-mf", FIRST_READER).expect("card");
    let output = stack.command("hil-probe").args(["dmrtd", "000051"]).output().expect("hil-probe");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    drop(_card);
    let _strict = stack.lay("giang-2024", "none", FIRST_READER).expect("card");
    let output = stack.command("hil-probe").args(["dmrtd", "000051"]).output().expect("hil-probe");
    assert!(!output.status.success(), "a strict card refuses SELECT MF");
}

/// Terminal authentication, judged by libeac: its own reading of the certificates, of the chain, of the message that is
/// signed. It has no chip authentication of version 1, so it cannot be the whole card.
#[test]
fn libeac_accepts_the_terminal_that_our_card_accepts() {
    use drivers::terminal_key::{TerminalKey as _, file::FileTerminalKey};
    use emrtd::{Action, Plan, Session, TerminalCertificates};
    use virtual_card::{Answer, Chip, Fault, Make, PERSONAS, eac};
    let directory = tempfile::tempdir().expect("directory");
    let check = compile(directory.path(), "ta_check");
    let write = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        program::private::replace(&path, bytes).expect("file");
        path
    };
    let anchor = write("anchor", &eac::anchor().expect("anchor"));
    for (number, said) in [(1, "verified"), (2, "verified"), (3, "certificate refused")] {
        let files = eac::terminal_files(number).expect("files");
        let paths: Vec<_> = files.iter().map(|file| write(&file.name, &file.content)).collect();
        let chain: Vec<_> = paths.iter().filter(|path| path.extension().is_some_and(|e| e == "cvcert")).collect();
        let certificates = files.iter().filter(|file| file.name.ends_with(".cvcert")).map(|file| &file.content[..]);
        let certificates = TerminalCertificates::parse(certificates).expect("certificates");
        let key = FileTerminalKey::open(&directory.path().join("terminal.key.pem"), b"").expect("key");
        // What our terminal signs for our card; where the card refuses before that, any signature will do.
        let mut chip = Chip::with_make(&PERSONAS[0], Fault::None, *Make::find("eac").expect("make")).expect("card");
        let passwords = vec![emrtd::Password::can(PERSONAS[0].can()).expect("CAN")];
        let plan = Plan::new(passwords, &[3, 14]).with_terminal(certificates);
        let mut session = Session::new(plan, Box::new(emrtd::SystemEntropy));
        let mut signed = (vec![0; 72], vec![0; 64]);
        loop {
            match session.next().expect("command") {
                Action::Transmit(command) => match chip.transmit(&command) {
                    Answer::Response(answer) => session.feed(&answer).expect("accepted"),
                    Answer::Lifted => panic!("the card stays"),
                },
                Action::Reset => panic!("the card breaks nothing off"),
                Action::Sign(request) => {
                    let signature = key.sign(&request).expect("signature");
                    session.signed(&signature).expect("asked for");
                    signed = (request.message, signature);
                }
                Action::Done => break,
            }
        }
        let result = session.into_evidence().expect("opened").terminal_authentication.expect("tried").result;
        assert_eq!(result == "granted", said == "verified", "our card says {result}");
        let (message, signature) = signed;
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        // Chip identifier, challenge, terminal's key.
        let parts = [&message[..32], &message[32..40], &message[40..], &signature].map(hex);
        let run = |parts: &[String]| {
            let output =
                Command::new(&check).arg(&anchor).args(&chain).arg("--").args(parts).output().expect("ta_check");
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        assert_eq!(run(&parts), said, "VNIS0000{number}");
        if said == "verified" {
            for changed in 0..3 {
                let mut parts = parts.clone();
                let flipped = if parts[changed].starts_with('0') { "1" } else { "0" };
                parts[changed].replace_range(..1, flipped);
                assert_eq!(run(&parts), "signature refused", "part {changed}");
            }
        }
    }
}
