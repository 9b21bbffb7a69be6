//! A registrar on its own database, a clock that is set by hand, and machines with keys.

#![allow(dead_code, reason = "each test uses what it needs")]

pub(crate) mod asked;

use cccd_central::SqliteStore;
use cccd_central::people::Role;
use cccd_central::registrar::registry::{Device, Registry};
use cccd_central::registrar::{Policy, Registrar, RegistrarError};
use cccd_central::signin;
use cccd_central::signin::staff::{Member, Places, Staff};
use events::Clock;
use events::event::Bytes;
use fleet::authority::FleetCa;
use fleet::request::{self, About, Key, Keys, Way};
use fleet::{fingerprint, sealed_box};
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

pub(crate) const PHRASE: &[u8] = b"a pass phrase of the test";
pub(crate) const DAY: i64 = 86_400;

/// A clock that is set by hand.
#[derive(Debug)]
pub(crate) struct HandClock {
    wall: AtomicI64,
    steady: AtomicU64,
}

impl HandClock {
    /// Lets time pass.
    pub(crate) fn pass(&self, seconds: i64) {
        self.wall.fetch_add(seconds, Ordering::SeqCst);
        self.steady.fetch_add(seconds.unsigned_abs(), Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn wall(&self) -> i64 {
        self.wall.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.steady.load(Ordering::SeqCst))
    }
}

/// A private key and its SubjectPublicKeyInfo.
pub(crate) type Pair = (PKey<Private>, Vec<u8>);

pub(crate) fn key() -> Pair {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("group");
    let key = PKey::from_ec_key(EcKey::generate(&group).expect("key")).expect("key");
    let public = key.public_key_to_der().expect("public key");
    (key, public)
}

/// Signs as a device or an operator does.
pub(crate) fn sign((key, _): &Pair, message: &[u8]) -> Result<[u8; 64], String> {
    fleet::authority::sign(key, message).map_err(|error| error.to_string())
}

/// Central: certificates last 90 days and count for 400 after that.
pub(crate) struct Rig {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) registrar: Arc<Registrar>,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) operator: Pair,
}

impl Rig {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let clock = Arc::new(HandClock { wall: AtomicI64::new(1_800_000_000), steady: AtomicU64::new(1000) });
        let ca = FleetCa::create(&directory.path().join("ca"), PHRASE, &*clock).expect("CA");
        let db = directory.path().join("central.db");
        let store = Arc::new(SqliteStore::open(&db).expect("store"));
        let operator = key();
        let policy = Policy {
            url: "https://central.example".to_owned(),
            environment: "practice".to_owned(),
            operators: vec![operator.1.clone()],
            days: 90,
            grace_days: 400,
            files: Some(directory.path().join("files")),
        };
        let own = Arc::clone(&clock) as Arc<dyn Clock>;
        let registrar = Arc::new(Registrar::new(Registry::open(&db).expect("registry"), ca, policy, own));
        Self { directory, clock, registrar, store, operator }
    }

    /// The staff's table.
    pub(crate) fn staff(&self) -> Staff {
        Staff::open(&self.directory.path().join("central.db")).expect("staff")
    }

    /// Lets somebody sign in.
    pub(crate) fn staffed(&self, name: &str, role: Role, places: Places, pass_word: &[u8]) {
        let member = Member { name: name.to_owned(), role, places };
        signin::keep(&self.staff(), &member, pass_word, (self.clock.wall(), "test")).expect("kept");
    }

    /// Lets a technician of all sites sign in.
    pub(crate) fn technician(&self, name: &str, pass_word: &[u8]) {
        let places = Places { everywhere: true, ..Places::default() };
        self.staffed(name, Role::Technician, places, pass_word);
    }

    /// A device as central knows it.
    pub(crate) fn device(&self, name: &str) -> Device {
        self.registrar.registry().device(name).expect("registry").expect("a device")
    }
}

/// The code of a refusal; empty without one.
pub(crate) fn code<T>(result: Result<T, RegistrarError>) -> &'static str {
    result.err().map_or("", |error| error.answer().1)
}

/// A machine with its keys.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) serial: String,
    pub(crate) birth: Pair,
    pub(crate) event: Pair,
    pub(crate) tls: Pair,
}

impl Machine {
    pub(crate) fn new(serial: &str) -> Self {
        Self { serial: serial.to_owned(), birth: key(), event: key(), tls: key() }
    }

    /// Fingerprint of its birth key.
    pub(crate) fn birth(&self) -> String {
        fingerprint(&self.birth.1)
    }

    /// Its event key.
    pub(crate) fn event(&self) -> &[u8] {
        &self.event.1
    }

    /// Fingerprint of its TLS key.
    pub(crate) fn tls(&self) -> String {
        fingerprint(&self.tls.1)
    }

    /// It takes another TLS key.
    pub(crate) fn new_tls(&mut self) {
        self.tls = key();
    }

    /// Of its request: the same as long as it asks with the same TLS key.
    fn nonce(&self) -> Bytes<16> {
        let hash = events::hash(&self.tls.1);
        Bytes(std::array::from_fn(|at| hash.0[at]))
    }

    /// Its request.
    pub(crate) fn asks(&self, way: Way, token: Option<&str>) -> Vec<u8> {
        let by = |pair: &'_ Pair| {
            let pair = pair.clone();
            move |message: &[u8]| sign(&pair, message)
        };
        let (birth, event, tls) = (by(&self.birth), by(&self.event), by(&self.tls));
        let point = sealed_box::key(&[1; 32]).and_then(|key| sealed_box::public_point(&key)).expect("box key");
        let keys = Keys {
            birth: Key { public: &self.birth.1, sign: &birth },
            event: Key { public: &self.event.1, sign: &event },
            tls: Key { public: &self.tls.1, sign: &tls },
            box_key: &point,
        };
        let about = About { serial: &self.serial, model: "test", software: "0", protection: "file" };
        request::sign(about, keys, way, token, self.nonce()).expect("request")
    }
}
