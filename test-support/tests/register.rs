//! The register, written by a test that is skipped.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use test_support::{REGISTER, skipped};

const INSIDE: &str = "SKIP_SOMETHING";

/// What the next test starts; it passes otherwise.
#[test]
fn lacks_something() {
    if std::env::var_os(INSIDE).is_some() {
        skipped("there is none");
    }
}

#[test]
fn a_skip_is_registered_and_can_be_forbidden() {
    let register = concat!(env!("CARGO_TARGET_TMPDIR"), "/register.txt");
    drop(std::fs::remove_file(register));
    let run = |word: &str| -> Output {
        let mut test = Command::new(std::env::current_exe().expect("this program"));
        test.args(["--exact", "lacks_something"]).env(INSIDE, "1").env(REGISTER, register).env("SKIP", word);
        test.env_remove("NEXTEST_BINARY_ID").env_remove("NEXTEST_TEST_NAME").output().expect("started")
    };
    assert!(run("").status.success() && run("").status.success());
    let said = std::fs::read_to_string(register).expect("register");
    assert_eq!(said, "lacks_something\tthere is none\n".repeat(2));
    let forbidden = run("forbid");
    assert!(!forbidden.status.success() && String::from_utf8_lossy(&forbidden.stdout).contains("there is none"));
    assert_eq!(std::fs::read_to_string(register).expect("register"), said);
}

/// Tests that print a skip themselves, or look for the data themselves, would be missing from the register.
#[test]
fn no_test_keeps_a_register_of_its_own() {
    fn look(directory: &Path, found: &mut Vec<PathBuf>) {
        for path in std::fs::read_dir(directory).expect("directory").map(|entry| entry.expect("entry").path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && !["target", "test-support"].contains(&name.as_str()) && !name.starts_with('.') {
                look(&path, found);
            } else if name.ends_with(".rs") {
                let text = std::fs::read_to_string(&path).expect("source");
                let dense: String = text.to_lowercase().split_whitespace().collect();
                if dense.contains("(\"shared_testdata\"") || dense.contains("ln!(\"skipp") {
                    found.push(path);
                }
            }
        }
    }
    let mut found = Vec::new();
    look(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut found);
    assert!(found.is_empty(), "{found:?}");
}
