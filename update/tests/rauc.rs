//! RAUC over a private bus: against a stand-in with two slots, and what of it Debian's own RAUC says without slots to write to.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use update::engine::{Engine as _, EngineError};
use update::rauc::Rauc;
use update::state::Target;
use zbus::zvariant::{OwnedValue, Value};

/// A bus of the test's own.
struct Bus {
    daemon: Child,
    address: String,
}

impl Drop for Bus {
    fn drop(&mut self) {
        drop(self.daemon.kill());
        drop(self.daemon.wait());
    }
}

impl Bus {
    fn start() -> Self {
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address=1", "--address=unix:tmpdir=/tmp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon (package dbus-daemon)");
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().expect("output")).read_line(&mut address).expect("address");
        Self { daemon, address: address.trim().to_owned() }
    }
}

#[derive(Debug, Default)]
struct Inside {
    /// Hashes that the two slots hold.
    slots: [Option<String>; 2],
    marks: Vec<String>,
    /// What the file holds that is installed.
    file: String,
    operation: String,
    last_error: String,
    per_cent: i32,
    restarts: u32,
    knows_hashes: bool,
    /// As 1.8: of a slot it says checksum and time, and not from which bundle.
    names_checksums_only: bool,
    installed: u32,
    /// The one that runs.
    booted: usize,
}

#[derive(Clone, Default)]
struct StandIn(Arc<Mutex<Inside>>);

#[zbus::interface(name = "de.pengutronix.rauc.Installer")]
impl StandIn {
    fn install_bundle(&self, source: &str, args: HashMap<String, OwnedValue>) -> zbus::fdo::Result<()> {
        let mut inside = self.0.lock().expect("inside");
        if let Some(wanted) = args.get("require-manifest-hash") {
            if !inside.knows_hashes {
                // As 1.8 does: "Unsupported key".
                return Err(zbus::fdo::Error::Failed("Unsupported key: require-manifest-hash".to_owned()));
            }
            let wanted: String = wanted.downcast_ref().expect("a text");
            if wanted != inside.file {
                "manifest hash mismatch".clone_into(&mut inside.last_error);
                "idle".clone_into(&mut inside.operation);
                return Ok(());
            }
        }
        if !Path::new(source).exists() {
            return Err(zbus::fdo::Error::Failed("no such file".to_owned()));
        }
        "installing".clone_into(&mut inside.operation);
        inside.last_error.clear();
        drop(inside);
        let inside = Arc::clone(&self.0);
        std::thread::spawn(move || {
            for per_cent in [0, 20, 60, 100] {
                inside.lock().expect("inside").per_cent = per_cent;
                std::thread::park_timeout(Duration::from_millis(250));
            }
            let mut inside = inside.lock().expect("inside");
            inside.slots[1] = Some(inside.file.clone());
            inside.installed += 1;
            "idle".clone_into(&mut inside.operation);
        });
        Ok(())
    }

    fn mark(&self, state: &str, slot: &str) -> (String, String) {
        self.0.lock().expect("inside").marks.push(format!("{state} {slot}"));
        (format!("rootfs.{slot}"), "done".to_owned())
    }

    fn get_slot_status(&self) -> Vec<(String, HashMap<String, OwnedValue>)> {
        let inside = self.0.lock().expect("inside");
        let value = |text: &str| OwnedValue::try_from(Value::from(text)).expect("a value");
        let slot = |(at, hash): (usize, &Option<String>)| {
            let state = if at == inside.booted { "booted" } else { "inactive" };
            let mut status = HashMap::from([
                ("class".to_owned(), value("rootfs")),
                ("state".to_owned(), value(state)),
                ("device".to_owned(), value("/dev/null")),
            ]);
            match hash {
                Some(hash) if inside.names_checksums_only => {
                    status.insert("sha256".to_owned(), value(hash));
                    status.insert("installed.timestamp".to_owned(), value(&inside.installed.to_string()));
                }
                _ => status.extend(hash.as_ref().map(|hash| ("bundle.hash".to_owned(), value(hash)))),
            }
            (format!("rootfs.{at}"), status)
        };
        let data = ("data.0".to_owned(), HashMap::from([("class".to_owned(), value("data"))]));
        inside.slots.iter().enumerate().map(slot).chain([data]).collect()
    }

    #[zbus(property)]
    fn operation(&self) -> String {
        self.0.lock().expect("inside").operation.clone()
    }
    #[zbus(property)]
    fn last_error(&self) -> String {
        self.0.lock().expect("inside").last_error.clone()
    }
    #[zbus(property)]
    fn progress(&self) -> (i32, String, i32) {
        (self.0.lock().expect("inside").per_cent, "Copying".to_owned(), 1)
    }
}

struct Logind(Arc<Mutex<Inside>>);

#[zbus::interface(name = "org.freedesktop.login1.Manager")]
impl Logind {
    fn reboot(&self, interactive: bool) {
        assert!(!interactive);
        self.0.lock().expect("inside").restarts += 1;
    }
}

/// Bus, stand-in and the engine that talks to it.
fn rig(directory: &Path) -> (Bus, StandIn, zbus::blocking::Connection, Rauc) {
    let bus = Bus::start();
    let stand_in = StandIn::default();
    {
        let mut inside = stand_in.0.lock().expect("inside");
        (inside.slots, inside.operation, inside.knows_hashes) =
            ([Some("old".to_owned()), None], "idle".to_owned(), true);
        "new".clone_into(&mut inside.file);
    }
    let service = zbus::blocking::connection::Builder::address(bus.address.as_str())
        .and_then(|b| b.name("de.pengutronix.rauc"))
        .and_then(|b| b.name("org.freedesktop.login1"))
        .and_then(|b| b.serve_at("/", stand_in.clone()))
        .and_then(|b| b.serve_at("/org/freedesktop/login1", Logind(Arc::clone(&stand_in.0))))
        .and_then(zbus::blocking::connection::Builder::build)
        .expect("the stand-in");
    std::fs::write(directory.join("boot_id"), "one\n").expect("written");
    std::fs::write(directory.join("image"), "an image").expect("written");
    // What `rauc info` of 1.8 says of a bundle whose image has the checksum `new`.
    let tool = directory.join("rauc");
    let says = r#"{"compatible":"t","version":"1","images":[{"boot":{"checksum":"other"}},{"rootfs":{"filename":"r","checksum":"new"}}]}"#;
    std::fs::write(&tool, format!("#!/bin/sh\ntest -e \"$3\" && echo '{says}'\n")).expect("written");
    std::fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("mode");
    let rauc = Rauc::on(&bus.address, &directory.join("boot_id"), Duration::from_millis(10), directory).expect("bus");
    (bus, stand_in, service, rauc.with_tool(&tool))
}

fn target(hash: &str) -> Target {
    Target { rollout: "r1".to_owned(), version: "0.2.0".to_owned(), hash: hash.to_owned() }
}

#[test]
fn an_image_is_installed_with_progress_and_looked_at_afterwards() {
    let directory = tempfile::tempdir().expect("directory");
    let (_bus, stand_in, _service, rauc) = rig(directory.path());
    assert_eq!(rauc.running().expect("asked").as_deref(), Some("old"));
    assert_eq!(rauc.incarnation().expect("read"), "one");
    let seen = Mutex::new(Vec::new());
    let progress = |per_cent: u8, doing: &str| seen.lock().expect("seen").push((per_cent, doing.to_owned()));
    let files = [directory.path().join("image")];
    rauc.install(&target("new"), &files, &progress).expect("installed");
    let seen = seen.lock().expect("seen").clone();
    assert!(seen.iter().any(|(per_cent, doing)| (1..100).contains(per_cent) && doing == "Copying"), "{seen:?}");
    rauc.affirm().expect("marked");
    rauc.keep_running().expect("marked");
    rauc.reject().expect("marked");
    let error = rauc.restart().expect_err("the stand-in does not restart");
    assert!(matches!(error, EngineError::Program { .. }), "{error}");
    let inside = stand_in.0.lock().expect("inside");
    assert_eq!(inside.marks, ["good booted", "active booted", "active other", "bad booted"]);
    assert_eq!(inside.restarts, 1);
}

#[test]
fn another_image_than_the_rollout_names_is_refused_by_old_and_new_versions() {
    let directory = tempfile::tempdir().expect("directory");
    let (_bus, stand_in, _service, rauc) = rig(directory.path());
    let files = [directory.path().join("image")];
    let error = rauc.install(&target("wanted"), &files, &|_, _| {}).expect_err("refused by RAUC");
    assert!(matches!(&error, EngineError::Install(why) if why.contains("mismatch")), "{error}");
    // An old version installs what it is given: what it wrote is looked at.
    stand_in.0.lock().expect("inside").knows_hashes = false;
    let error = rauc.install(&target("wanted"), &files, &|_, _| {}).expect_err("seen afterwards");
    assert_eq!(error.code(), "update_other_file", "{error}");
    assert!(error.to_string().contains("rootfs.1 holds new"), "{error}");
    let nothing = rauc.install(&target("new"), &[directory.path().join("none")], &|_, _| {}).expect_err("no file");
    assert!(matches!(nothing, EngineError::Program { program: "rauc info", .. }), "{nothing}");
    stand_in.0.lock().expect("inside").knows_hashes = true;
    let nothing = rauc.install(&target("new"), &[directory.path().join("none")], &|_, _| {}).expect_err("no file");
    assert!(matches!(nothing, EngineError::Bus { operation: "install", .. }), "{nothing}");
}

#[test]
fn where_rauc_keeps_no_hash_what_it_was_told_to_write_is_known_as_soon_as_it_has() {
    let directory = tempfile::tempdir().expect("directory");
    let (_bus, stand_in, _service, rauc) = rig(directory.path());
    stand_in.0.lock().expect("inside").names_checksums_only = true;
    let files = [directory.path().join("image")];
    assert_eq!(rauc.running().expect("asked"), None, "nobody knows what came from the factory");
    rauc.install(&target("new"), &[directory.path().join("none")], &|_, _| {}).expect_err("no file");
    stand_in.0.lock().expect("inside").booted = 1;
    assert_eq!(rauc.running().expect("asked"), None, "nothing was written");
    stand_in.0.lock().expect("inside").booted = 0;
    rauc.install(&target("new"), &files, &|_, _| {}).expect("installed");
    assert_eq!(rauc.running().expect("asked"), None, "it was not started");
    // Also where power was cut before `install` came back: the note is older than the writing.
    stand_in.0.lock().expect("inside").booted = 1;
    assert_eq!(rauc.running().expect("asked").as_deref(), Some("new"));
}

/// Somebody types `rauc install` behind the updater: before it has installed anything, or after.
#[test]
fn what_was_installed_by_hand_is_never_taken_for_what_the_rollout_names() {
    let directory = tempfile::tempdir().expect("directory");
    let (_bus, stand_in, _service, rauc) = rig(directory.path());
    let by_hand = |file: &str| {
        let mut inside = stand_in.0.lock().expect("inside");
        (inside.slots[1], inside.booted) = (Some(file.to_owned()), 1);
        inside.installed += 1;
    };
    {
        let mut inside = stand_in.0.lock().expect("inside");
        (inside.names_checksums_only, inside.knows_hashes) = (true, false);
    }
    // Noted, and power was cut before anything was written.
    let note = r#"{"rootfs.1":{"hash":"hash of new","checksum":"new","before":null}}"#;
    std::fs::write(directory.path().join("rauc.json"), note).expect("note");
    by_hand("another");
    assert_eq!(rauc.running().expect("asked"), None, "it was written since, and with another image");
    by_hand("new");
    assert_eq!(rauc.running().expect("asked").as_deref(), Some("hash of new"), "the same image is the same system");
    // Installed by the updater, and written over before the restart.
    stand_in.0.lock().expect("inside").booted = 0;
    let files = [directory.path().join("image")];
    rauc.install(&target("hash of new"), &files, &|_, _| {}).expect("installed");
    by_hand("another");
    assert_eq!(rauc.running().expect("asked"), None);
    // A note of which nobody knows the image is none.
    std::fs::write(directory.path().join("rauc.json"), r#"{"rootfs.1":{"hash":"x","before":null}}"#).expect("note");
    assert_eq!(rauc.running().expect("asked"), None);
}

#[test]
fn an_old_version_writes_nothing_of_which_nobody_could_tell_afterwards_what_it_is() {
    let directory = tempfile::tempdir().expect("directory");
    let (_bus, stand_in, _service, rauc) = rig(directory.path());
    stand_in.0.lock().expect("inside").knows_hashes = false;
    std::fs::write(directory.path().join("rauc"), "#!/bin/sh\necho 'no such option' >&2; exit 1\n").expect("tool");
    let files = [directory.path().join("image")];
    let error = rauc.install(&target("new"), &files, &|_, _| {}).expect_err("unknown");
    assert!(matches!(&error, EngineError::Program { why, .. } if why == "no such option"), "{error}");
    assert_eq!(stand_in.0.lock().expect("inside").installed, 0);
    // A new one compares by itself, and says afterwards what it holds.
    stand_in.0.lock().expect("inside").knows_hashes = true;
    rauc.install(&target("new"), &files, &|_, _| {}).expect("installed");
}

#[test]
fn nobody_on_the_bus_is_said_and_not_waited_for() {
    let directory = tempfile::tempdir().expect("directory");
    let bus = Bus::start();
    let rauc =
        Rauc::on(&bus.address, &directory.path().join("boot_id"), Duration::ZERO, directory.path()).expect("bus");
    let error = rauc.running().expect_err("nobody");
    assert_eq!(error.code(), "update_bus");
    assert!(rauc.incarnation().is_err());
}

/// Debian's RAUC on a bus of the test's own, with two files as slots: it answers in the shapes that are expected of it.
#[test]
fn the_real_service_is_understood() {
    if !Path::new("/usr/bin/rauc").exists() {
        return test_support::skipped("rauc is not installed");
    }
    let directory = tempfile::tempdir().expect("directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    for slot in ["a", "b"] {
        std::fs::write(directory.path().join(slot), vec![0; 4096]).expect("slot");
    }
    let boot = "#!/bin/sh\ncase $1 in get-primary) echo A ;; get-state) echo good ;; *) echo \"$@\" >> ".to_owned()
        + &path("said")
        + " ;; esac\n";
    std::fs::write(directory.path().join("boot"), boot).expect("boot loader");
    Command::new("chmod").args(["+x", &path("boot")]).status().expect("chmod");
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=test"])
        .args(["-keyout", &path("key.pem"), "-out", &path("ca.pem")])
        .stderr(Stdio::null())
        .status();
    assert!(made.expect("openssl").success());
    let slot = |name: &str, file: &str, boot: &str| {
        format!("[slot.rootfs.{name}]\ndevice={}\ntype=raw\nbootname={boot}\n", path(file))
    };
    let settings = format!(
        "[system]\ncompatible=cccd-test\nbootloader=custom\nstatusfile={}\n[keyring]\npath={}\n\
         [handlers]\nbootloader-custom-backend={}\n{}{}",
        path("status"),
        path("ca.pem"),
        path("boot"),
        slot("0", "a", "A"),
        slot("1", "b", "B")
    );
    std::fs::write(directory.path().join("system.conf"), settings).expect("settings");
    let status = "[slot.rootfs.0]\nbundle.compatible=cccd-test\nbundle.version=0.1.0\nstatus=ok\n";
    std::fs::write(directory.path().join("status"), status).expect("status");
    let bus = Bus::start();
    let service = Command::new("rauc")
        .args(["--conf", &path("system.conf"), "service", "--override-boot-slot=A"])
        .env("DBUS_STARTER_BUS_TYPE", "session")
        .env("DBUS_SESSION_BUS_ADDRESS", &bus.address)
        .env("DBUS_SYSTEM_BUS_ADDRESS", &bus.address)
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(directory.path().join("log")).expect("log"))
        .spawn()
        .expect("rauc");
    let mut service = Bus { daemon: service, address: String::new() };
    let rauc =
        Rauc::on(&bus.address, &directory.path().join("boot_id"), Duration::ZERO, directory.path()).expect("bus");
    let mut looks = 0;
    let running = loop {
        match rauc.running() {
            Ok(running) => break running,
            Err(error) => assert!(looks < 400, "{error}"),
        }
        looks += 1;
        let log = std::fs::read_to_string(directory.path().join("log")).unwrap_or_default();
        assert!(service.daemon.try_wait().expect("asked").is_none(), "RAUC ended: {log}");
        std::thread::park_timeout(Duration::from_millis(50));
    };
    assert_eq!(running, None, "version 1.8 knows no hash of what it wrote");
    rauc.affirm().expect("the booted slot is marked good");
    rauc.reject().expect("the other one is activated, and this one marked bad");
    let said = std::fs::read_to_string(directory.path().join("said")).expect("the boot loader heard");
    assert_eq!(said, "set-state A good\nset-primary B\nset-state A bad\n");
    // A bundle for another machine: what RAUC says of that arrives as an error of the installation, and not as a success. The checksum
    // of its image is noted before.
    let bundle = directory.path().join("bundle");
    std::fs::create_dir(&bundle).expect("directory");
    // What is packed must stay larger than a block.
    let image: Vec<u8> = (0..512_u32).flat_map(|at| openssl::sha::sha256(&at.to_be_bytes())).collect();
    std::fs::write(bundle.join("system.img"), &image).expect("image");
    let manifest =
        "[update]\ncompatible=another\nversion=1\n[bundle]\nformat=verity\n[image.rootfs]\nfilename=system.img\n";
    std::fs::write(bundle.join("manifest.raucm"), manifest).expect("manifest");
    let made = Command::new("rauc")
        .args(["bundle", "--cert", &path("ca.pem"), "--key", &path("key.pem"), &path("bundle"), &path("image")])
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .status();
    assert!(made.expect("rauc bundle").success(), "rauc bundle (package squashfs-tools)");
    std::fs::write(
        directory.path().join("tool"),
        format!("#!/bin/sh\nexec rauc --conf {} \"$@\"\n", path("system.conf")),
    )
    .expect("tool");
    Command::new("chmod").args(["+x", &path("tool")]).status().expect("chmod");
    let rauc = rauc.with_tool(&directory.path().join("tool"));
    let error = rauc.install(&target("new"), &[directory.path().join("image")], &|_, _| {}).expect_err("not for this");
    assert!(matches!(error, EngineError::Install(_) | EngineError::Bus { .. }), "{error}");
    println!("RAUC says: {error}: {:?}", std::error::Error::source(&error));
    let checksum = openssl::sha::sha256(&image).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let noted = std::fs::read_to_string(directory.path().join("rauc.json")).expect("a note");
    assert!(noted.contains(&checksum), "{noted}");
}
