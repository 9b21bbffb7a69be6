//! A SoftHSM of a test's own.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The module.
pub(crate) const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// A SoftHSM with tokens in a directory of its own.
pub(crate) struct SoftHsm(PathBuf);

/// SoftHSM finds its configuration through the environment. The first call therefore runs the test that calls it, by its
/// name, once more in a process of its own, and returns nothing; there it returns the SoftHSM.
pub(crate) fn here(test: &str) -> Option<SoftHsm> {
    if let Some(directory) = std::env::var_os("TOKEN_DIRECTORY") {
        return Some(SoftHsm(directory.into()));
    }
    let directory = tempfile::tempdir().expect("directory");
    let tokens = directory.path().join("tokens");
    std::fs::create_dir(&tokens).expect("directory");
    let configuration = directory.path().join("softhsm2.conf");
    let text = format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display());
    std::fs::write(&configuration, text).expect("configuration");
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.args(["--exact", test, "--nocapture"]);
    command.env("SOFTHSM2_CONF", &configuration).env("TOKEN_DIRECTORY", directory.path());
    let output = command.output().expect("test");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{errors}");
    None
}

impl SoftHsm {
    pub(crate) fn directory(&self) -> &Path {
        &self.0
    }

    pub(crate) fn run(&self, arguments: &[&str]) {
        let output = Command::new("softhsm2-util").args(arguments).output().expect("softhsm2-util");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub(crate) fn make_token(&self, label: &str, pin: &str) {
        self.run(&["--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "5678"]);
    }
}
