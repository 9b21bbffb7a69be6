//! `./start` on machines that are made of stubs: what it installs, what it goes on to, and what it says when it cannot.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Programs of the least Debian that the script may use; besides these only what it checks for.
const MINBASE: [&str; 3] = ["sh", "sed", "dirname"];

/// A machine: a directory that is the whole PATH. Each stub adds its words to `log`.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new(user: u32) -> Self {
        let machine = Self(tempfile::tempdir().expect("directory"));
        for program in MINBASE {
            let real = ["/bin", "/usr/bin"].map(|dir| Path::new(dir).join(program));
            let real = real.into_iter().find(|path| path.exists()).expect(program);
            std::os::unix::fs::symlink(real, machine.path(program)).expect("link");
        }
        machine.has("id", &format!("echo {user}"));
        machine.has("apt-get", "");
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A stub that notes its call.
    fn has(&self, name: &str, does: &str) {
        let note = match name {
            "id" | "rustc" | "apt-cache" => String::new(),
            _ => format!("echo \"{name} $*\" >> '{}'\n", self.path("log").display()),
        };
        std::fs::write(self.path(name), format!("#!/bin/sh\n{note}{does}\n")).expect("stub");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(self.path(name), mode).expect("mode");
    }

    /// A toolchain of a version.
    fn has_rust(&self, version: &str) {
        self.has("cargo", "");
        self.has("rustc", &format!("echo 'rustc {version} (0000 2026-01-01)'"));
    }

    /// An apt-get that brings a toolchain when it is asked for `package`, of which it knows a version.
    fn offers(&self, package: &str, version: &str, brings: &str) {
        self.has("apt-cache", &format!("[ \"$2\" = {package} ] && echo '  Candidate: {version}+dfsg1-1~deb13u1'\n:"));
        let (cargo, rustc) = (self.path("cargo"), self.path("rustc"));
        let does = format!(
            "case \"$*\" in *' {package} '*) printf '#!/bin/sh\\necho \"cargo $*\" >> {log}\\n' > {cargo}; \
             printf '#!/bin/sh\\necho rustc {brings} x\\n' > {rustc}; {chmod} 755 {cargo} {rustc};; esac",
            log = self.path("log").display(),
            cargo = cargo.display(),
            rustc = rustc.display(),
            chmod = ["/bin/chmod", "/usr/bin/chmod"].into_iter().find(|path| Path::new(path).exists()).expect("chmod"),
        );
        self.has("apt-get", &does);
    }

    /// Exit status, what the stubs noted, what was said.
    fn start(&self, words: &[&str]) -> (Option<i32>, Vec<String>, String) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../start");
        let mut start = Command::new(script);
        start.args(words).env_clear().env("PATH", self.0.path()).env("HOME", self.0.path());
        let output = start.output().expect("started");
        let log = std::fs::read_to_string(self.path("log")).unwrap_or_default();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), log.lines().map(str::to_owned).collect(), said)
    }
}

const MINIMUM: &str = env!("CARGO_PKG_RUST_VERSION");

#[test]
fn a_machine_that_has_all_goes_straight_on() {
    let machine = Machine::new(1000);
    machine.has("cc", "");
    machine.has_rust(&format!("{MINIMUM}.0"));
    assert_eq!(machine.start(&[]), (Some(0), vec!["cargo xtask demo".to_owned()], "── cargo xtask demo\n".to_owned()));
    let (status, log, _) = machine.start(&["test"]);
    assert_eq!((status, log[1].as_str()), (Some(0), "cargo xtask test"));
}

#[test]
fn root_gets_compiler_and_rust_from_debian() {
    let machine = Machine::new(0);
    machine.offers("rustc-web", "1.99.1", "1.99.1");
    let (status, log, said) = machine.start(&["demo", "--once"]);
    let expected = [
        "apt-get -qq update",
        "apt-get -qq install --yes --no-install-recommends gcc libc6-dev",
        "apt-get -qq install --yes --no-install-recommends rustc-web cargo-web",
        "cargo xtask demo --once",
    ];
    assert_eq!((status, log), (Some(0), expected.map(str::to_owned).to_vec()), "{said}");
}

#[test]
fn without_root_and_sudo_the_command_is_said() {
    let machine = Machine::new(1000);
    machine.has_rust("1.99.0");
    let (status, log, said) = machine.start(&[]);
    assert_eq!((status, log.len()), (Some(1), 0));
    assert!(said.contains("as root: apt-get update"), "{said}");
    machine.has("sudo", "");
    let (_, log, _) = machine.start(&[]);
    assert_eq!(
        log[..2],
        ["sudo apt-get -qq update", "sudo apt-get -qq install --yes --no-install-recommends gcc libc6-dev"]
    );
}

#[test]
fn an_old_rust_is_told_and_rustup_comes_only_when_asked_for() {
    for old in ["1.63.0", "0.99.0", "no number"] {
        let machine = Machine::new(0);
        machine.has("cc", "");
        machine.has_rust(old);
        machine.offers("rustc", "1.85.1", "1.85.1");
        let (status, log, said) = machine.start(&[]);
        assert_eq!((status, log), (Some(1), vec!["apt-get -qq update".to_owned()]), "{old}");
        assert!(said.contains("--rustup") && said.contains(MINIMUM), "{said}");
        // It brings a toolchain that is still too old.
        machine.has("curl", "");
        let (status, log, said) = machine.start(&["--rustup"]);
        assert_eq!(status, Some(1), "{said}");
        assert!(log.iter().any(|line| line.starts_with("curl ") && line.ends_with("https://sh.rustup.rs")), "{log:?}");
        assert!(!log.iter().any(|line| line.starts_with("cargo")), "{log:?}");
    }
}

#[test]
fn debian_that_brings_less_than_it_said_is_noticed() {
    let machine = Machine::new(0);
    machine.has("cc", "");
    machine.offers("rustc", "2.0.0", "1.63.0");
    let (status, log, said) = machine.start(&[]);
    assert_eq!((status, log.len()), (Some(1), 2), "{said}");
    assert!(said.contains("stands before the new one"), "{said}");
}
