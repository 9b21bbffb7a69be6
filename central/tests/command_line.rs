//! The command line: what reads makes nothing, what is made is its owner's alone, and every failure has code and remedy.

use cccd_central::store::conformance::tells;
use cccd_central::{EventStore as _, SqliteStore};
use events::Chain;
use events::sync::Enrolment;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PHRASE: &[u8] = b"a pass phrase of the test";

fn central(db: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cccd-central"));
    command.arg("--db").arg(db).args(arguments).output().expect("cccd-central")
}

/// Status and code of a failure, as standard error has them.
fn failure(output: &Output) -> (Option<i32>, String) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = text.rsplit_once("]: ").and_then(|(before, _)| before.rsplit_once('[')).map(|(_, code)| code.to_owned());
    (output.status.code(), code.unwrap_or(text))
}

fn failed(status: i32, code: &str) -> (Option<i32>, String) {
    (Some(status), code.to_owned())
}

fn names(directory: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(directory).expect("directory").map(|entry| entry.expect("entry").path()).collect()
}

/// A registrar that can be opened.
fn registrar(directory: &Path) -> String {
    let path = |name: &str| directory.join(name);
    fleet::FleetCa::create(&path("ca"), PHRASE, &events::SystemClock::new()).expect("CA");
    program::private::replace(&path("phrase"), PHRASE).expect("phrase");
    let text = "ca='ca'\npass_phrase_file='phrase'\nurl='https://central.example:8443'\nenvironment='practice'\n";
    std::fs::write(path("registrar.toml"), text).expect("settings");
    path("registrar.toml").display().to_string()
}

/// The commands that only read.
fn reading(registrar: &str) -> Vec<Vec<&str>> {
    let words = [
        "events",
        "verify",
        "verify --json",
        "signers",
        "signers --json",
        "staff list",
        "staff list --json",
        "staff units",
    ];
    let fleet = ["list", "list --json", "journal"];
    let fleet = fleet.map(|what| ["--registrar", registrar, "fleet"].into_iter().chain(what.split(' ')).collect());
    words.into_iter().map(|text| text.split(' ').collect()).chain(fleet).collect()
}

#[test]
fn what_only_reads_makes_no_file() {
    let settings = tempfile::tempdir().expect("directory");
    let registrar = registrar(settings.path());
    for arguments in reading(&registrar) {
        let directory = tempfile::tempdir().expect("directory");
        for db in ["typo.db", "away/typo.db"] {
            let output = central(&directory.path().join(db), &arguments);
            assert_eq!(failure(&output), failed(64, "database_absent"), "{arguments:?}");
            assert_eq!(names(directory.path()), Vec::<PathBuf>::new(), "{arguments:?}");
        }
        let other = directory.path().join("other.db");
        for bytes in [Vec::new(), vec![b'x'; 4096]] {
            std::fs::write(&other, &bytes).expect("file");
            assert_eq!(failure(&central(&other, &arguments)), failed(64, "database_other"), "{arguments:?}");
            assert_eq!(std::fs::read(&other).expect("file"), bytes, "{arguments:?}");
            assert_eq!(names(directory.path()), std::slice::from_ref(&other), "{arguments:?}");
        }
    }
}

#[test]
fn reading_leaves_database_and_directory_as_they_were() {
    let settings = tempfile::tempdir().expect("directory");
    let registrar = registrar(settings.path());
    let directory = tempfile::tempdir().expect("directory");
    let db = directory.path().join("central.db");
    drop(SqliteStore::open(&db).expect("store"));
    let before = std::fs::read(&db).expect("database");
    for arguments in reading(&registrar) {
        let output = central(&db, &arguments);
        let status = if arguments[0] == "verify" { 11 } else { 0 };
        assert_eq!(output.status.code(), Some(status), "{arguments:?} {output:?}");
        assert!(std::fs::read(&db).expect("database") == before, "{arguments:?}");
        assert_eq!(names(directory.path()), std::slice::from_ref(&db), "{arguments:?}");
    }
}

#[test]
fn a_wrong_registrar_leaves_no_database() {
    let directory = tempfile::tempdir().expect("directory");
    let db = directory.path().join("central.db");
    let file = directory.path().join("registrar.toml");
    let name = file.display().to_string();
    let token = ["--registrar", &name, "fleet", "token", "--site", "A", "--profile", "identify"];
    std::fs::write(&file, "ca = 'ca'\n").expect("file");
    assert_eq!(failure(&central(&db, &token)), failed(64, "registrar_invalid"));
    registrar(directory.path());
    program::private::replace(&directory.path().join("phrase"), b"another pass phrase").expect("phrase");
    assert_eq!(failure(&central(&db, &token)), failed(70, "fleet_locked"));
    assert!(!db.exists());
    program::private::replace(&directory.path().join("phrase"), PHRASE).expect("phrase");
    assert!(central(&db, &token).status.success() && db.exists(), "what writes makes one");
}

#[test]
fn verify_says_how_much_and_nothing_is_no_success() {
    let directory = tempfile::tempdir().expect("directory");
    let db = directory.path().join("central.db");
    let key = openssl::ec::EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1)
        .and_then(|group| openssl::ec::EcKey::generate(&group))
        .and_then(openssl::pkey::PKey::from_ec_key)
        .expect("key");
    let public = key.public_key_to_der().expect("DER");
    let store = SqliteStore::open(&db).expect("store");
    for name in ["box-1", "box-2", "box-3"] {
        let (device, site) = (name.to_owned(), "A".to_owned());
        store.add_device(&Enrolment { device, site, event_key: hex::encode(&public) }).expect("registered");
    }
    let output = central(&db, &["verify", "--json"]);
    assert_eq!(failure(&output), failed(11, "log_empty"));
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(said["error"]["message"].as_str().is_some_and(|text| text.contains("3 devices")), "{said}");

    let mut chains = Vec::new();
    for (device, count) in [("box-1", 3), ("box-2", 2)] {
        let (mut chain, mut batch) = (Chain::EMPTY, Vec::new());
        for sequence in 1..=count {
            let mut event = events::signed::read(&tells(device, sequence, sequence, 100)).expect("an event");
            event.previous = chain.head;
            let signed = events::SignedEvent::sign(event, &public, |message| {
                let mut signer = openssl::sign::Signer::new(openssl::hash::MessageDigest::sha256(), &key)?;
                let der = signer.sign_oneshot_to_vec(message)?;
                let signature = openssl::ecdsa::EcdsaSig::from_der(&der)?;
                let (r, s) = (signature.r().to_vec_padded(32)?, signature.s().to_vec_padded(32)?);
                let mut raw = [0; 64];
                raw.copy_from_slice(&[r, s].concat());
                Ok::<_, openssl::error::ErrorStack>(raw)
            })
            .expect("signed");
            chain.append(&signed).expect("follows");
            batch.push(signed.bytes);
        }
        store.append(device, Chain::EMPTY, &batch, 1).expect("appended");
        chains.push(serde_json::json!({ "device": device, "events": count, "head": chain.head.to_string() }));
    }
    let output = central(&db, &["verify", "--json"]);
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let wanted = serde_json::json!({ "schema": "cccd-central/verify/1", "devices": 3, "events": 5, "passed_over": 0, "chains": chains });
    assert_eq!((said, output.status.code()), (wanted, Some(0)));
    let text = String::from_utf8(central(&db, &["verify"]).stdout).expect("text");
    assert!(text.ends_with("verified: 5 events in 2 chains of 3 devices\n"), "{text}");

    // One that the device did not sign is noticed, and how many there were is not said.
    store.append("box-3", Chain::EMPTY, &[tells("box-3", 1, 4, 100)], 1).expect("appended");
    drop(store);
    let output = central(&db, &["verify"]);
    assert_eq!((failure(&output), output.stdout.len()), (failed(10, "event_signature"), 0), "{output:?}");
}

#[test]
fn what_is_made_is_its_owners_alone() {
    let directory = tempfile::tempdir().expect("directory");
    let db = directory.path().join("of/central.db");
    let mode = |path: &Path| std::fs::metadata(path).expect("file").permissions().mode() & 0o777;
    let beside = |end: &str| PathBuf::from(format!("{}{end}", db.display()));
    let store = SqliteStore::open(&db).expect("store");
    let [device, site, event_key] = ["a", "s", "k"].map(str::to_owned);
    store.add_device(&Enrolment { device, site, event_key }).expect("registered");
    for path in [db.clone(), beside("-wal"), beside("-shm")] {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert_eq!(mode(db.parent().expect("directory")), 0o700);
    drop(store);
    // One that an older version made under the usual umask, with what a crash left beside it.
    std::fs::write(beside("-wal"), b"").expect("left");
    for path in [db.clone(), beside("-wal")] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("mode");
    }
    let store = SqliteStore::open(&db).expect("store");
    for path in [db.clone(), beside("-wal"), beside("-shm")] {
        assert_eq!(mode(&path) & 0o007, 0, "{}", path.display());
    }
    drop(store);
}

#[test]
fn every_failure_has_code_remedy_and_status() {
    let directory = tempfile::tempdir().expect("directory");
    let db = directory.path().join("central.db");
    let away = directory.path().join("away").display().to_string();
    for (arguments, code) in [
        (vec!["device", "add", &away], "file_unreadable"),
        (vec!["fleet", "list"], "registrar_missing"),
        (vec!["serve", "--tls", &away, "--pass-phrase-file", &away], "file_unreadable"),
        (vec!["serve", "--tls", &away, "--pass-phrase-file", "/dev/null"], "tls_unreadable"),
    ] {
        assert_eq!(failure(&central(&db, &arguments)), failed(64, code), "{arguments:?}");
        assert!(!db.exists(), "{arguments:?}");
    }
    assert_eq!(central(&db, &["nonsense"]).status.code(), Some(64));
    assert_eq!(central(&db, &["--help"]).status.code(), Some(0));
}
