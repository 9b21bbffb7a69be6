//! Root enrols a device: what only root can read is read first, and what is written is the device's.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::process::Command;

/// A user that every Debian has, and that may do nothing.
const DAEMON: u32 = 1;

/// A machine whose firmware has a serial number: `/sys` of the test's own, in a mount namespace.
const MACHINE: &str = "mount -t tmpfs none /sys && mkdir -p /sys/class/dmi/id && \
    (umask 0377 && echo SN-4711 > /sys/class/dmi/id/product_serial) && exec \"$@\"";

#[test]
fn the_firmware_and_roots_own_files_are_read_before_root_steps_down() {
    if fs::metadata("/proc/self").expect("/proc").uid() != 0 {
        return test_support::skipped("only root can be another user");
    }
    let place = tempfile::tempdir().expect("a directory");
    let path = |name: &str| place.path().join(name);
    fs::set_permissions(place.path(), Permissions::from_mode(0o755)).expect("mode");
    let program = path("provision");
    fs::copy(env!("CARGO_BIN_EXE_provision"), &program).expect("the program");
    // Roots that lie where only root may look.
    let (private, device) = (path("private"), path("device"));
    let ca = || Command::new(&program);
    program::private::replace(&path("pass-phrase"), b"a pass phrase of the test").expect("a pass phrase");
    // The agent's own, which root may read, too.
    chown(path("pass-phrase"), Some(DAEMON), Some(DAEMON)).expect("root may");
    let made =
        ca().arg("ca-init").arg("--ca").arg(&private).arg("--pass-phrase-file").arg(path("pass-phrase")).output();
    assert!(made.expect("provision").status.success());
    fs::set_permissions(&private, Permissions::from_mode(0o700)).expect("mode");
    fs::create_dir(&device).expect("a directory");
    chown(&device, Some(DAEMON), Some(DAEMON)).expect("root may");
    // What the agent says of the kiosk is not looked at here.
    let agent = path("cccd-agent");
    fs::write(&agent, "#!/bin/sh\necho '{\"findings\": []}'\n").expect("a program");
    fs::set_permissions(&agent, Permissions::from_mode(0o755)).expect("mode");
    let mut enrol = Command::new("unshare");
    enrol.env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", place.path().display()));
    enrol.args(["--mount", "sh", "-c", MACHINE, "sh"]).arg(&program).args(["enrol", "--by", "screen", "--dir"]);
    enrol.arg(&device).args(["--central", "https://localhost:1", "--pass-phrase-file"]).arg(path("pass-phrase"));
    enrol.arg("--roots").arg(private.join("fleet-ca.cert.pem"));
    // An operator that root names, where only root may look; what root notes lies in its own directory.
    let mut key = ca();
    key.args(["bundle", "key", "--keys"])
        .arg(private.join("operator"))
        .arg("--pass-phrase-file")
        .arg(path("pass-phrase"));
    let made = key.arg("--out").arg(private.join("operator.pem")).output();
    assert!(made.expect("provision").status.success(), "an operator's key");
    enrol.arg("--operator").arg(private.join("operator.pem")).arg("--updater").arg(path("updater"));
    let said = enrol.output().expect("unshare, of util-linux");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let state = identity::State::load(&device.join("identity")).expect("a state").expect("a device");
    assert_eq!(state.serial, "SN-4711");
    assert!(state.roots().expect("roots").is_some());
    for file in [device.join("agent.toml"), device.join("identity"), device.join("identity/identity.json")] {
        assert_eq!(fs::metadata(&file).expect("a file").uid(), DAEMON, "{}", file.display());
    }
    let word = update::trust::Word::load(&path("updater")).expect("a word");
    let public = fs::read(private.join("operator.pem")).expect("a key");
    let public = fleet::operator::public_key(&private, &public).expect("a key");
    assert_eq!(word, Some(update::trust::Word::Awaited { operators: vec![hex::encode(public)] }));
    for (file, mode) in [("updater", 0o755), ("updater/trusted.json", 0o600), ("updater/visits.lock", 0o640)] {
        let about = fs::metadata(path(file)).expect("a file");
        assert_eq!((about.uid(), about.mode() & 0o777), (0, mode), "{file}");
    }
    // Those of the agent's group see whether the device restarts, and can make nothing there.
    assert_eq!(fs::metadata(path("updater/visits.lock")).expect("the lock").gid(), DAEMON);
}

#[test]
fn root_reads_no_identity_over_a_link_of_the_agents() {
    if fs::metadata("/proc/self").expect("/proc").uid() != 0 {
        return test_support::skipped("only root can be another user");
    }
    let place = tempfile::tempdir().expect("a directory");
    let (device, outside) = (place.path().join("device"), place.path().join("outside"));
    for directory in [&device, &outside] {
        fs::create_dir(directory).expect("a directory");
    }
    identity::State::new("S-1", "kiosk", "https://central.example", None).save(&outside).expect("a state");
    std::os::unix::fs::symlink(&outside, device.join("identity")).expect("linked");
    chown(&device, Some(DAEMON), Some(DAEMON)).expect("root may");
    for words in [&["status"][..], &["enrol", "--by", "screen", "--pass-phrase-file", "none"]] {
        let mut call = Command::new(env!("CARGO_BIN_EXE_provision"));
        let said = call.args(words).arg("--dir").arg(&device).output().expect("provision");
        let text = String::from_utf8_lossy(&said.stderr);
        assert!(!said.status.success() && text.contains("[foreign_link]"), "{words:?}: {text}");
    }
}
