//! Keys at rest: what a stolen disk costs to open, and who else on the machine could have read it.
//!
//! At 26be0f9 private keys lay under 2,048 rounds of PBKDF2, and a pass phrase that everybody could read was taken.

use events::sealed::{self, Cost};
use hil_tests::program;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs a program of ours where the umask closes nothing.
fn open_handed(name: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", "umask 0; exec \"$@\"", "sh"]).arg(program(name)).args(arguments);
    command.output().expect(name)
}

fn run(name: &str, arguments: &[&str]) {
    let output = open_handed(name, arguments);
    assert!(output.status.success(), "{name} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// All files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).expect("directory").flatten() {
        match entry.file_type().expect("type") {
            kind if kind.is_dir() => all.extend(files(&entry.path())),
            _ => all.push(entry.path()),
        }
    }
    all
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("metadata").permissions().mode() & 0o777
}

#[test]
fn every_key_that_the_tools_write_costs_what_the_table_says_and_is_its_owners_alone() {
    let directory = tempfile::tempdir().expect("directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    program::private::replace(Path::new(&path("phrase")), b"0123456789abcdef0123").expect("file");
    let phrase = ["--pass-phrase-file", &path("phrase")];
    let ca = ["--ca", &path("ca"), "--pass-phrase-file", &path("phrase")];
    run("provision", &[&["ca-init"][..], &ca[..]].concat());
    run("provision", &[&["ca-add-root"][..], &ca[..]].concat());
    run("provision", &[&["server"][..], &ca[..], &["--out", &path("server"), "--host", "127.0.0.1"][..]].concat());
    let device = ["--out", &path("device"), "--device", "kiosk-1", "--site", "practice"];
    let central = ["--central", "https://127.0.0.1:8443", "--trust", &path("trust")];
    run("provision", &[&["bench"][..], &ca[..], &device[..], &central[..]].concat());
    run(
        "provision",
        &[&["bundle", "key", "--keys", &path("operator"), "--out", &path("operator.pem")][..], &phrase[..]].concat(),
    );
    run("cccd-central", &["init", "--dir", &path("central"), "--host", "127.0.0.1"]);
    // Whatever it finds, it opens what a device keeps.
    open_handed("cccd-agent", &["doctor", "--config", &path("device/agent.toml")]);
    let mut keys = 0;
    for file in files(directory.path()) {
        let name = file.file_name().expect("name").to_string_lossy().into_owned();
        let bytes = fs::read(&file).expect("file");
        assert!(!bytes.windows(11).any(|part| part == b"PRIVATE KEY"), "{}: a key in a form of others", file.display());
        // A site's keys, at the device and beside the CA, are under a key that lies sealed itself.
        let under_a_key = name == "subject.sealed" || file.parent().is_some_and(|place| place.ends_with("ca/chains"));
        if name.ends_with(".key.pem") || name.ends_with(".sealed") && !under_a_key {
            assert_eq!(sealed::cost(&bytes), Some(Cost::AT_REST), "{}", file.display());
            keys += 1;
        }
        let secret = name.ends_with(".key.pem") || name.ends_with(".sealed") || name.contains("phrase");
        let closed = if secret { 0o177 } else { 0o133 };
        assert_eq!(mode(&file) & closed, 0, "{}: {:o}", file.display(), mode(&file));
    }
    // Of two CAs three roots and two secrets of sites, two servers, two operators, and what a device has.
    assert!(keys >= 3 + 2 + 2 + 2 + 5, "{keys} keys were looked at");
}

#[test]
fn a_secret_that_others_can_read_is_refused_by_every_program_with_what_closes_it() {
    let directory = tempfile::tempdir().expect("directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    let phrase = path("phrase");
    let set = |mode| fs::set_permissions(&phrase, Permissions::from_mode(mode)).expect("mode");
    program::private::replace(Path::new(&phrase), b"0123456789abcdef0123").expect("file");
    let (ca, away) = (["--ca", &path("ca"), "--pass-phrase-file", &phrase], path("away"));
    let bench = ["bench", "--out", &path("device"), "--device", "kiosk-1", "--site", "practice"];
    let central = ["--central", "https://127.0.0.1:8443", "--trust", &path("trust")];
    let bench = [&bench[..], &central[..], &ca[..]].concat();
    run("provision", &[&["ca-init"][..], &ca[..]].concat());
    run("provision", &bench);
    let settings = fs::read_to_string(path("device/agent.toml")).expect("settings");
    let all: [(&str, Vec<&str>); 5] = [
        ("provision", [&["ca-add-root"][..], &ca[..]].concat()),
        ("provision", vec!["bundle", "key", "--keys", &away, "--out", &away, "--pass-phrase-file", &phrase]),
        ("cccd-central", vec!["--db", &away, "serve", "--tls", &away, "--pass-phrase-file", &phrase]),
        ("cccd-agent", vec!["subject", "show", &phrase, "--pass-phrase-file", &phrase]),
        ("provision", bench),
    ];
    for mode in [0o644, 0o604, 0o640] {
        // A file of root may be its group's to read, as systemd hands out credentials.
        if mode == 0o640 && rustix::process::geteuid().is_root() {
            continue;
        }
        set(mode);
        for (name, arguments) in &all {
            let output = open_handed(name, arguments);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.contains("[secret_open]") && said.contains("chmod 600"), "{name} {arguments:?}: {said}");
            assert_eq!(output.status.code(), Some(64), "{name} {arguments:?}");
        }
        assert!(settings.contains(&phrase), "the device is told the same file");
        let output = open_handed("cccd-agent", &["doctor", "--config", &path("device/agent.toml")]);
        let said = [output.stdout, output.stderr].concat();
        assert!(String::from_utf8_lossy(&said).contains("secret_open"), "{}", String::from_utf8_lossy(&said));
    }
    set(0o600);
    run("provision", &[&["ca-add-root"][..], &ca[..]].concat());
    // And a key that somebody opened to all.
    fs::set_permissions(path("ca/root-1.key.pem"), Permissions::from_mode(0o644)).expect("mode");
    let output = open_handed("provision", &[&["ca-add-root"][..], &ca[..]].concat());
    assert!(String::from_utf8_lossy(&output.stderr).contains("[secret_open]"));
}
