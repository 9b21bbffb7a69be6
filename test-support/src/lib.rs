//! What tests of all crates share: data from outside the repository, and the register of what was skipped.
//!
//! A test that lacks something says so through [`skipped`] and nowhere else. `cargo xtask test` shows the register at its end;
//! `SKIP=forbid` makes a skip a failure, whoever runs the tests.

pub mod software_tpm;

use std::fmt::Display;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable with the register's file, which `cargo xtask test` sets.
pub const REGISTER: &str = "SKIPPED_TESTS";

/// The variable that says where the shared test data are.
pub const SHARED: &str = "SHARED_TESTDATA";

/// The variable that asks for what takes hours: `cargo xtask test --full` sets it.
pub const CAMPAIGN: &str = "CAMPAIGN";

/// How many cases a test by chance tries: the first number usually, the second in a campaign.
#[must_use]
pub fn cases(usual: u32, campaign: u32) -> u32 {
    if std::env::var_os(CAMPAIGN).is_some() { campaign } else { usual }
}

/// A file or directory of the shared test data (`SHARED_TESTDATA`, or `../shared/testdata` beside the repository). Where it is
/// not at hand, the running test is registered as skipped.
///
/// # Panics
/// As [`skipped`] does.
#[must_use]
pub fn shared(path: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/testdata");
    let file = std::env::var_os(SHARED).map_or_else(beside, PathBuf::from).join(path);
    if file.exists() {
        return Some(file);
    }
    skipped(format_args!("{path} is not at hand (set SHARED_TESTDATA)"));
    None
}

/// Registers the running test, or a part of it, as skipped.
///
/// # Panics
/// Where skips are forbidden (`SKIP=forbid`), or the register cannot be written.
pub fn skipped(why: impl Display) {
    let line = format!("{}\t{why}\n", name());
    assert!(!is_forbidden(), "skips are forbidden: {line}");
    print!("SKIPPED {line}");
    if let Some(register) = std::env::var_os(REGISTER) {
        // One write each: tests of several processes append to it.
        let file = std::fs::OpenOptions::new().create(true).append(true).open(register);
        file.and_then(|mut file| file.write_all(line.as_bytes())).expect("the register of skipped tests");
    }
}

/// Whether a skip is a failure.
#[must_use]
pub fn is_forbidden() -> bool {
    std::env::var_os("SKIP").is_some_and(|word| word == "forbid")
}

/// The running test: nextest says it, elsewhere the thread has its name.
fn name() -> String {
    let said = |key| std::env::var(key).ok();
    said("NEXTEST_BINARY_ID").zip(said("NEXTEST_TEST_NAME")).map_or_else(
        || std::thread::current().name().unwrap_or("main").to_owned(),
        |(binary, test)| format!("{binary} {test}"),
    )
}

/// A peer in Python, with what `cargo xtask doctor --install` has fetched from PyPI. Where that is not at hand, the running test is registered as
/// skipped.
///
/// # Panics
/// As [`skipped`] does.
#[must_use]
pub fn python(peer: &str) -> Option<Command> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let fetched = target.join("python");
    if !fetched.join("ready").exists() {
        skipped(format_args!("{peer} needs what `cargo xtask doctor --install` fetches from PyPI"));
        return None;
    }
    let mut python = Command::new("/usr/bin/python3");
    python.env("PYTHONPATH", fetched).arg(root.join("hil-tests/peers").join(peer));
    Some(python)
}
