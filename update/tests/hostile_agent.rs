//! A hostile agent: whatever its user puts into its directories, the updater refuses it with a code, follows nothing out of them, waits for
//! nobody, takes no more memory than the largest file may have, and obeys whom root named.

use events::hash;
use fleet::bundle::{Bundle, Entry};
use fleet::rollout::{Settings, Takes};
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use program::foreign::Foreign;
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use update::State;
use update::runner::Source as _;
use update::source::OfAgent;
use update::trust::{Trusted, Word};

/// A user that every Debian has, and that may do nothing.
const DAEMON: u32 = 1;
/// Long after every wave.
const LATER: i64 = 1_900_000_000;
const PACKAGE: &[u8] = b"a package";

struct Operator(PKey<Private>, Vec<u8>);

impl Operator {
    fn new() -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("group");
        let key = PKey::from_ec_key(EcKey::generate(&group).expect("key")).expect("key");
        let public = key.public_key_to_der().expect("public key");
        Self(key, public)
    }

    fn hex(&self) -> String {
        hex::encode(&self.1)
    }

    fn bundle(&self, version: u64, environment: &str) -> Vec<u8> {
        let text = format!(
            "id = \"r1\"\nbegins = \"2026-01-01T00:00:00+07:00\"\npace = \"urgent\"\nwindow = \"01:00-04:00\"\n[[package]]\n\
             name = \"cccd-agent\"\nversion = \"0.{version}.0\"\narchitecture = \"all\"\nfile = \"{}\"\n",
            hash(PACKAGE)
        );
        let entry = Entry { path: "update/rollout.toml".to_owned(), bytes: text.into_bytes() };
        let bundle = Bundle::new(version, environment, 1, vec![entry]).expect("bundle");
        bundle.sign(&self.1, &|m| fleet::authority::sign(&self.0, m).map_err(|e| e.to_string())).expect("signed")
    }
}

/// A device whose agent is another user, where the test may have one.
struct Device {
    place: tempfile::TempDir,
    operator: Operator,
}

impl Device {
    fn new() -> Self {
        let device = Self { place: tempfile::tempdir().expect("a directory"), operator: Operator::new() };
        fs::create_dir_all(device.path("agent/updates")).expect("directories");
        fs::write(device.path("secret"), "only root reads this").expect("a file");
        fs::set_permissions(device.path("secret"), Permissions::from_mode(0o600)).expect("mode");
        device.identify(&device.operator, "practice");
        device.activate(&device.operator, 5, "practice");
        fs::write(device.file(), PACKAGE).expect("a file");
        device.give_away();
        device
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn file(&self) -> PathBuf {
        self.path("agent/updates").join(hash(PACKAGE).to_string())
    }

    /// What the agent says of itself.
    fn identify(&self, operator: &Operator, environment: &str) {
        let mut state = identity::State::new("serial", "kiosk", "https://central.example", None);
        state.place = Some(identity::state::Place {
            device: "kiosk-1".to_owned(),
            site: "A".to_owned(),
            central: "https://central.example".to_owned(),
            profile: "identify".to_owned(),
            environment: environment.to_owned(),
            operators: vec![operator.hex()],
        });
        state.save(&self.path("agent/identity")).expect("identity");
    }

    fn activate(&self, operator: &Operator, version: u64, environment: &str) {
        let (directory, active) = (self.path(&format!("agent/bundles/{version}")), self.path("agent/bundles/active"));
        fs::create_dir_all(&directory).expect("a directory");
        fs::write(directory.join(".bundle"), operator.bundle(version, environment)).expect("a bundle");
        drop(fs::remove_file(&active));
        symlink(version.to_string(), active).expect("linked");
    }

    /// All of the agent's belongs to its user; without root's rights everything belongs to one user.
    fn give_away(&self) {
        let mut all = vec![self.path("agent")];
        while let Some(path) = all.pop() {
            if is_root() {
                std::os::unix::fs::lchown(&path, Some(DAEMON), Some(DAEMON)).expect("root may");
            }
            if fs::symlink_metadata(&path).expect("metadata").is_dir() {
                all.extend(fs::read_dir(path).expect("a directory").map(|entry| entry.expect("an entry").path()));
            }
        }
    }

    fn source(&self) -> OfAgent {
        OfAgent {
            user: Foreign::owner_of(&self.path("agent")).expect("an owner"),
            identity: self.path("agent/identity"),
            bundles: self.path("agent/bundles"),
            files: self.path("agent/updates"),
            settings: Settings::default(),
            takes: Takes::Packages("amd64".to_owned()),
            own: self.path("updater"),
        }
    }

    fn trust(&self, word: &Word) {
        word.save(&self.path("updater")).expect("noted");
    }

    fn given(&self) -> Word {
        let (device, environment) = ("kiosk-1".to_owned(), "practice".to_owned());
        Word::Given(Trusted { device, environment, operators: vec![self.operator.hex()] })
    }

    /// What an order comes to.
    fn code(&self, state: &mut State) -> String {
        match self.source().order(state, LATER) {
            Ok(None) => "nothing".to_owned(),
            Ok(Some(order)) => format!("{} {}", order.wanted.target.version, order.wanted.ready),
            Err(error) => error.code().to_owned(),
        }
    }

    /// Every file outside of the agent's directory, with what could have changed of it.
    fn outside(&self) -> Vec<(PathBuf, u64, u32, Vec<u8>)> {
        let mut found = Vec::new();
        let mut all: Vec<PathBuf> = vec![self.place.path().to_owned()];
        while let Some(path) = all.pop() {
            let about = fs::symlink_metadata(&path).expect("metadata");
            if about.is_dir() && path != self.path("agent") {
                all.extend(fs::read_dir(&path).expect("a directory").map(|entry| entry.expect("an entry").path()));
            } else if about.is_file() {
                found.push((path.clone(), about.ino(), about.mode(), fs::read(&path).expect("a file")));
            }
        }
        found.sort();
        found
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").expect("/proc").uid() == 0
}

fn remove(path: &Path) {
    if fs::symlink_metadata(path).is_ok_and(|about| about.is_dir()) {
        fs::remove_dir_all(path).expect("removed");
    } else {
        fs::remove_file(path).expect("removed");
    }
}

/// A file that the updater looks for, and where it is.
type Place = (&'static str, fn(&Device) -> PathBuf);
/// What may lie where a file must be, and with which code it is refused; `None` where this test may not make it.
type Trick = (&'static str, fn(&Device, &Path) -> Option<&'static str>);

const TRICKS: [Trick; 7] = [
    ("a link to what only root reads", |device, place| {
        symlink(device.path("secret"), place).expect("linked");
        Some("foreign_link")
    }),
    ("a link to what has no end", |_, place| {
        symlink("/dev/zero", place).expect("linked");
        Some("foreign_link")
    }),
    ("a second name of what only root reads", |device, place| {
        fs::hard_link(device.path("secret"), place).expect("linked");
        is_root().then_some("foreign_owner")
    }),
    ("a FIFO", |_, place| {
        mknodat(CWD, place, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a FIFO");
        Some("foreign_kind")
    }),
    ("a device", |_, place| {
        let made = mknodat(CWD, place, FileType::CharacterDevice, Mode::RUSR | Mode::WUSR, makedev(1, 5));
        made.is_ok().then_some("foreign_kind")
    }),
    ("a directory", |_, place| {
        fs::create_dir(place).expect("a directory");
        Some("foreign_kind")
    }),
    ("a sparse file of a tebibyte", |_, place| {
        fs::File::create(place).and_then(|file| file.set_len(1 << 40)).expect("sparse");
        Some("foreign_size")
    }),
];

#[test]
fn whatever_lies_in_the_place_of_a_file_is_refused_and_nothing_outside_changes() {
    let places: [Place; 3] = [
        ("identity", |device| device.path("agent/identity/identity.json")),
        ("bundle", |device| device.path("agent/bundles/5/.bundle")),
        ("package", Device::file),
    ];
    for (what, place) in places {
        for (trick, play) in TRICKS {
            let device = Device::new();
            // The identity is looked at as long as root has no word of its own.
            let word = Word::Awaited { operators: Vec::new() };
            device.trust(&if what == "identity" { word } else { device.given() });
            fs::create_dir_all(device.path("updater/files")).expect("a directory");
            let path = place(&device);
            remove(&path);
            let Some(code) = play(&device, &path) else {
                test_support::skipped(format_args!("{trick} in the place of the {what}: only root can make that"));
                continue;
            };
            if is_root() && fs::symlink_metadata(&path).is_ok_and(|about| about.nlink() == 1 || about.is_dir()) {
                std::os::unix::fs::lchown(&path, Some(DAEMON), Some(DAEMON)).expect("root may");
            }
            let before = device.outside();
            assert_eq!(device.code(&mut State::default()), code, "{trick} in the place of the {what}");
            assert!(device.outside() == before, "{trick} in the place of the {what} changed something outside");
        }
    }
}

#[test]
fn a_directory_that_is_a_link_leads_nowhere() {
    for name in ["identity", "bundles", "bundles/5", "updates"] {
        let device = Device::new();
        device.trust(&if name == "identity" { Word::Awaited { operators: Vec::new() } } else { device.given() });
        fs::create_dir_all(device.path("updater/files")).expect("a directory");
        // Moved to where it is root's, and reached over a link of the agent's.
        let path = device.path("agent").join(name);
        fs::rename(&path, device.path("elsewhere")).expect("moved");
        symlink(device.path("elsewhere"), &path).expect("linked");
        device.give_away();
        let before = device.outside();
        assert_eq!(device.code(&mut State::default()), "foreign_link", "{name}");
        assert!(device.outside() == before, "{name}");
    }
}

#[test]
fn the_link_to_the_active_bundle_says_a_number_and_nothing_else() {
    for to in ["../../secret", "/etc", "5/../5", "", "five"] {
        let device = Device::new();
        device.trust(&device.given());
        let active = device.path("agent/bundles/active");
        remove(&active);
        if symlink(to, &active).is_err() {
            continue;
        }
        device.give_away();
        assert_eq!(device.code(&mut State::default()), "fleet_malformed", "{to}");
    }
    let device = Device::new();
    device.trust(&device.given());
    assert_eq!(device.code(&mut State::default()), "0.5.0 true", "an honest agent is obeyed");
}

#[test]
fn whom_root_named_is_obeyed_whatever_the_agent_writes_afterwards() {
    if !is_root() {
        return test_support::skipped("only root can be another user");
    }
    let (device, stranger) = (Device::new(), Operator::new());
    let mut state = State::default();
    // Without root's word nobody is.
    assert_eq!(device.code(&mut state), "update_unvouched");
    device.trust(&device.given());
    assert_eq!(device.code(&mut state), "0.5.0 true");
    // The agent names another operator, or another fleet.
    device.identify(&stranger, "practice");
    device.activate(&stranger, 6, "practice");
    device.give_away();
    assert_eq!(device.code(&mut state), "fleet_signature");
    assert_eq!(device.code(&mut State::default()), "fleet_signature", "also where the updater begins anew");
    device.identify(&device.operator, "bench");
    device.activate(&device.operator, 7, "bench");
    device.give_away();
    assert_eq!(device.code(&mut state), "bundle_environment");
    assert_eq!(Word::load(&device.path("updater")).expect("a word"), Some(device.given()), "and it stays so");
    // Root says that the device came to another fleet.
    let anew =
        Trusted { device: "kiosk-1".to_owned(), environment: "practice".to_owned(), operators: vec![stranger.hex()] };
    device.trust(&Word::Given(anew));
    device.activate(&stranger, 1, "practice");
    device.give_away();
    assert_eq!(device.code(&mut state), "0.1.0 true");
}

#[test]
fn a_device_that_is_let_in_at_its_screen_is_asked_once() {
    let (device, stranger) = (Device::new(), Operator::new());
    device.trust(&Word::Awaited { operators: Vec::new() });
    assert_eq!(device.code(&mut State::default()), "0.5.0 true");
    device.identify(&stranger, "practice");
    device.activate(&stranger, 6, "practice");
    device.give_away();
    assert_eq!(device.code(&mut State::default()), "fleet_signature");
    // Where root has named the operator beforehand the agent is asked for the device's name only.
    let device = Device::new();
    device.identify(&stranger, "practice");
    device.give_away();
    device.trust(&Word::Awaited { operators: vec![device.operator.hex()] });
    assert_eq!(device.code(&mut State::default()), "0.5.0 true");
}

#[test]
fn what_an_older_updater_noted_still_counts() {
    let (device, stranger) = (Device::new(), Operator::new());
    device.identify(&stranger, "practice");
    device.give_away();
    let mut state = State { operators: vec![device.operator.hex()], bundle: 5, ..State::default() };
    assert_eq!(device.code(&mut state), "0.5.0 true");
    assert_eq!(Word::load(&device.path("updater")).expect("a word"), Some(device.given()));
    device.activate(&device.operator, 4, "practice");
    device.give_away();
    assert_eq!(device.code(&mut state), "bundle_older");
}

#[test]
fn the_updaters_directory_is_its_own() {
    let device = Device::new();
    let own = device.path("updater");
    fs::create_dir(&own).expect("a directory");
    fs::set_permissions(&own, Permissions::from_mode(0o777)).expect("mode");
    assert_eq!(device.given().save(&own).expect_err("open to all").code(), "foreign_kind");
    if is_root() {
        fs::set_permissions(&own, Permissions::from_mode(0o755)).expect("mode");
        chown(&own, Some(DAEMON), Some(DAEMON)).expect("root may");
        assert_eq!(device.given().save(&own).expect_err("the agent's").code(), "foreign_owner");
    }
}
