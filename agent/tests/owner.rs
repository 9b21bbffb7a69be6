//! Root at a device: every command that works on one goes on as the owner of its directory, so that nothing of root's is left
//! there that the agent could not read.

use cccd_agent::cli::Arguments;
use clap::CommandFactory as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A user that every Debian has, and that may do nothing.
const DAEMON: u32 = 1;

/// Every command that takes `--config`, with the least else that it wants, and whether it leaves a file at a device that is not
/// enrolled.
const COMMANDS: [(&str, &[&str], bool); 25] = [
    ("run", &[], false),
    ("kiosk", &[], false),
    ("fault", &[], false),
    ("desk", &[], false),
    ("pair", &[], true),
    ("staff add", &["Lan", "--role=manager"], true),
    ("staff list", &[], false),
    ("staff remove", &["nv-1"], false),
    ("staff reset-pin", &["nv-1"], false),
    ("access list", &[], false),
    ("roster import", &["/dev/null"], false),
    ("attendance export", &["/dev/null"], false),
    ("attendance merge", &["/dev/null"], false),
    ("subject export", &["/dev/null", "--pass-phrase-file=/dev/null"], false),
    ("subject erase", &[], false),
    ("reset", &["--soft"], true),
    ("outbox export", &["."], true),
    ("outbox receipt", &["/dev/null"], false),
    ("receipt export", &["1", "--out=receipt.cbor"], false),
    ("devices", &[], false),
    ("doctor", &[], false),
    ("setup", &["--as=desk", "--site=S", "--yes"], true),
    ("config", &[], false),
    ("bundle", &["/dev/null"], false),
    ("trust seen", &[], false),
];

/// A device's directory of the daemon's, and the program where the daemon may start it.
struct Device {
    place: tempfile::TempDir,
}

impl Device {
    fn new() -> Self {
        let place = tempfile::tempdir().expect("a directory");
        fs::set_permissions(place.path(), Permissions::from_mode(0o755)).expect("mode");
        fs::copy(env!("CARGO_BIN_EXE_cccd-agent"), place.path().join("cccd-agent")).expect("the program");
        let device = Self { place };
        for name in ["trust", "identity"] {
            fs::create_dir_all(device.directory().join(name)).expect("a directory");
        }
        let settings = "reader = \"pcsc\"\nprofile = \"identify\"\ntrust = \"trust\"\nstate = \"state\"\nkeys = \"keys\"\n\
                        pass_phrase_file = \"pass-phrase\"\nsync = false\n";
        fs::write(device.config(), settings).expect("settings");
        program::private::replace(&device.directory().join("pass-phrase"), b"a pass phrase of the test")
            .expect("a pass phrase");
        for path in device.files() {
            chown(path, Some(DAEMON), Some(DAEMON)).expect("root may");
        }
        device
    }

    fn directory(&self) -> PathBuf {
        self.place.path().join("device")
    }

    fn config(&self) -> PathBuf {
        self.directory().join("agent.toml")
    }

    /// The directory and all that is in it.
    fn files(&self) -> Vec<PathBuf> {
        let mut all = vec![self.directory()];
        let mut at = 0;
        while let Some(path) = all.get(at).cloned() {
            at += 1;
            if path.is_dir() {
                all.extend(fs::read_dir(path).expect("a directory").map(|entry| entry.expect("an entry").path()));
            }
        }
        all
    }

    fn call(&self, (command, more, _): (&str, &[&str], bool)) -> Output {
        // Modes are set by the program: a caller's umask may let everybody in.
        let mut call = Command::new("sh");
        call.args(["-c", "umask 000 && exec timeout 60 \"$@\"", "sh"])
            .arg(self.place.path().join("cccd-agent"))
            .args(command.split(' '));
        call.arg("--config").arg(self.config()).args(more).current_dir(self.directory());
        call.stdin(Stdio::null()).output().expect("timeout, of coreutils")
    }
}

fn is_root() -> bool {
    let root = fs::metadata("/proc/self").expect("/proc").uid() == 0;
    if !root {
        test_support::skipped("only root can be another user");
    }
    root
}

/// The commands below one that take `--config`.
fn with_config(command: &clap::Command, above: &str) -> Vec<String> {
    let mut found = Vec::new();
    for below in command.get_subcommands() {
        let name = format!("{above} {}", below.get_name()).trim().to_owned();
        if below.get_arguments().any(|argument| argument.get_id() == "config") {
            found.push(name.clone());
        }
        found.extend(with_config(below, &name));
    }
    found
}

#[test]
fn the_list_has_every_command_of_a_device() {
    let mut listed: Vec<String> = COMMANDS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    let mut known = with_config(&Arguments::command(), "");
    listed.sort();
    known.sort();
    assert_eq!(known, listed);
}

/// Settings that root could read and the owner cannot: whoever has not stepped down gets further.
#[test]
fn every_command_is_the_owner_before_it_reads_the_settings() {
    if !is_root() {
        return;
    }
    let device = Device::new();
    chown(device.config(), Some(0), Some(0)).expect("root may");
    fs::set_permissions(device.config(), Permissions::from_mode(0o600)).expect("mode");
    for command in COMMANDS {
        let said = device.call(command);
        let text = String::from_utf8_lossy(&said.stderr);
        assert!(text.contains("Permission denied") && text.contains("config_invalid"), "{}: {text}", command.0);
    }
}

#[test]
fn no_command_leaves_a_file_of_roots() {
    if !is_root() {
        return;
    }
    for command in COMMANDS {
        let device = Device::new();
        let before = device.files().len();
        let said = device.call(command);
        let files = device.files();
        let of_root = |path: &&PathBuf| fs::symlink_metadata(path).is_ok_and(|about| about.uid() != DAEMON);
        let left: Vec<&PathBuf> = files.iter().filter(of_root).collect();
        let text = String::from_utf8_lossy(&said.stderr);
        assert!(left.is_empty(), "{} leaves {left:?}: {text}", command.0);
        // Where nothing is written nothing is shown by it.
        assert!(!command.2 || files.len() > before, "{} wrote nothing: {text}", command.0);
    }
}

#[test]
fn what_is_made_is_closed_to_others_whatever_the_umask() {
    if !is_root() {
        return;
    }
    // What an export writes is for others.
    for command in COMMANDS.into_iter().filter(|(name, _, writes)| *writes && *name != "outbox export") {
        let device = Device::new();
        let before = device.files();
        device.call(command);
        for path in device.files().iter().filter(|path| !before.contains(path)) {
            let mode = fs::symlink_metadata(path).expect("metadata").permissions().mode() & 0o777;
            assert_eq!(mode & 0o077, 0, "{} makes {} with mode {mode:o}", command.0, path.display());
        }
    }
}

/// In the directory itself the settings have a bare name.
#[test]
fn a_bare_name_has_a_directory_too() {
    if !is_root() {
        return;
    }
    let device = Device::new();
    let mut call = Command::new(device.place.path().join("cccd-agent"));
    let said = call.args(["pair", "--config", "agent.toml"]).current_dir(device.directory()).output().expect("pair");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let book = fs::metadata(device.directory().join("state/book.db")).expect("the book");
    assert_eq!(book.uid(), DAEMON);
}
