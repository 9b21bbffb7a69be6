//! The steps of a device, with a central that answers from within the test.

use crate::{DAY, HandClock, Home, NOW, PHRASE};
use drivers::key_store::file::FileKeyStore;
use events::Clock;
use events::chain::Chains;
use events::event::Bytes;
use fleet::answer::{self, Assignment, Octets};
use fleet::authority::Roots;
use fleet::est::Report;
use fleet::request::{self, Request, Way};
use fleet::residence::{Challenge, Claim, Opened};
use identity::central::{Central, CentralError, Enrolled};
use identity::keeper::{Keeper, KeeperError, Progress, system_random};
use identity::{Credential, State, TrustedClock};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

/// Lets everybody in, says a time, and notes what it was asked.
struct Near {
    home: Home,
    /// The roots that it shows to whoever asks without knowing it.
    shown: Roots,
    /// The time that it signs.
    at: AtomicI64,
    answer: Mutex<Vec<u8>>,
    asked: Mutex<Vec<&'static str>>,
}

impl Near {
    fn new() -> Arc<Self> {
        let home = Home::new();
        let shown = home.ca.roots().expect("roots");
        let (answer, asked) = (Mutex::default(), Mutex::default());
        Arc::new(Self { home, shown, at: AtomicI64::new(NOW), answer, asked })
    }

    /// The answer to a request, made at a time.
    fn answers(&self, request: &Request, at: i64) -> Vec<u8> {
        let assignment = Assignment {
            version: answer::ASSIGNMENT_VERSION,
            site: "site".to_owned(),
            device: "d".to_owned(),
            central: "https://central.example".to_owned(),
            profile: "identify".to_owned(),
            chains: vec![7; Chains::SIZE],
            counting: vec![7; 32],
            operators: vec![Octets(vec![1])],
            environment: "practice".to_owned(),
        };
        let key = request::csr_key(&request.csr).expect("key");
        let certificate = self.home.ca.device_certificate("d", &key, &*HandClock::at(at), 90).expect("certificate");
        answer::issue(&self.home.ca, request, certificate, &assignment, at).expect("answer")
    }

    fn note(&self, what: &'static str) {
        self.asked.lock().expect("asked").push(what);
    }

    fn asked(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.asked.lock().expect("asked"))
    }
}

impl Central for Near {
    fn unverified_roots(&self) -> Result<Roots, CentralError> {
        self.note("roots");
        Ok(self.shown.clone())
    }

    fn time(&self, _: &Roots, nonce: Bytes<16>) -> Result<Vec<u8>, CentralError> {
        self.note("time");
        let sign = |m: &[u8]| fleet::authority::sign(&self.home.key, m).map_err(|e| e.to_string());
        let signed = fleet::time::sign(self.at.load(Ordering::SeqCst), nonce, &self.home.chain, &sign);
        signed.map_err(|e| CentralError::Local(e.to_string()))
    }

    fn enrol(&self, _: &Roots, _: Option<&Credential>, bytes: &[u8], _: &[u8]) -> Result<Enrolled, CentralError> {
        self.note("enrol");
        let request = request::open(bytes).expect("a request");
        let answer = self.answers(&request, self.at.load(Ordering::SeqCst));
        *self.answer.lock().expect("answer") = answer;
        let key = request::csr_key(&request.csr).expect("key");
        let clock = HandClock::at(self.at.load(Ordering::SeqCst));
        Ok(Enrolled::Issued(self.home.ca.device_certificate("d", &key, &*clock, 90).expect("certificate")))
    }

    fn assignment(&self, _: &Roots, _: &Credential) -> Result<Vec<u8>, CentralError> {
        self.note("assignment");
        Ok(self.answer.lock().expect("answer").clone())
    }

    fn report(&self, _: &Roots, _: &Credential, _: &Report) -> Result<(), CentralError> {
        Ok(())
    }

    fn claim(&self, _: &Roots, _: &Credential, _: &Claim) -> Result<Challenge, CentralError> {
        Err(CentralError::Local("this central asks no TPM".to_owned()))
    }

    fn opened(&self, _: &Roots, _: &Credential, _: &Opened) -> Result<(), CentralError> {
        Err(CentralError::Local("this central asks no TPM".to_owned()))
    }

    fn bundle(&self, _: &Roots, _: &Credential, _: u64) -> Result<Option<Vec<u8>>, CentralError> {
        Ok(None)
    }

    fn file(&self, _: &Roots, _: &Credential, _: &str, _: u64) -> Result<Vec<u8>, CentralError> {
        Ok(Vec::new())
    }
}

/// A device out of the box.
struct Device {
    directory: tempfile::TempDir,
    clock: Arc<HandClock>,
}

impl Device {
    fn new(roots: Option<&Roots>) -> Self {
        let directory = tempfile::tempdir().expect("directory");
        State::new("SN-1", "test", "https://central.example", roots).save(directory.path()).expect("state");
        Self { directory, clock: HandClock::at(NOW) }
    }

    fn place(&self) -> &Path {
        self.directory.path()
    }

    fn open(&self, central: &Arc<Near>) -> Result<Keeper, KeeperError> {
        let keys = Arc::new(FileKeyStore::new(&self.place().join("keys"), PHRASE));
        let system = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let clock = Arc::new(TrustedClock::without_build_time(system, 0));
        Keeper::open(self.place(), keys, Arc::clone(central) as Arc<dyn Central>, clock, "test")
    }

    fn start(&self, central: &Arc<Near>, way: Way) -> Keeper {
        self.open(central).expect("opened").by(way, Some("token"))
    }

    fn state(&self) -> State {
        State::load(self.place()).expect("state").expect("state")
    }
}

/// Takes steps until the device rests.
fn settle(keeper: &mut Keeper) -> Result<Progress, KeeperError> {
    for _ in 0..20 {
        let progress = keeper.step(&system_random)?;
        if matches!(progress, Progress::Resting { .. } | Progress::Failed { .. }) {
            return Ok(progress);
        }
    }
    panic!("it never rests: {keeper:?}");
}

fn prepared(device: &Device, central: &Arc<Near>, way: Way) -> (Keeper, Request) {
    let mut keeper = device.start(central, way);
    keeper.prepare(&system_random).expect("prepared");
    let (bytes, _) = keeper.request().expect("request");
    (keeper, request::open(&bytes).expect("request"))
}

#[test]
fn a_device_that_knows_its_roots_believes_no_others() {
    let (home, impostor) = (Near::new(), Near::new());
    let device = Device::new(Some(&home.shown));
    let before = device.state().roots;
    let mut keeper = device.start(&impostor, Way::List);
    assert_eq!(settle(&mut keeper).expect_err("an impostor").code(), "fleet_signature");
    assert!(!impostor.asked().contains(&"roots"), "it asks nobody for what it knows");
    let state = device.state();
    assert_eq!((state.roots, state.current, state.next), (before, None, None));
    drop(keeper);
    assert!(matches!(settle(&mut device.start(&home, Way::List)).expect("let in"), Progress::Resting { .. }));
}

#[test]
fn an_answer_is_taken_to_the_request_that_is_under_way() {
    let (home, impostor) = (Near::new(), Near::new());
    let device = Device::new(Some(&home.shown));
    let (mut keeper, request) = prepared(&device, &home, Way::Usb);
    let before = device.state();
    let other = Request { nonce: Bytes([9; 16]), ..request.clone() };
    for (answer, code) in [
        (home.answers(&other, NOW), "fleet_nonce"),
        (impostor.answers(&request, NOW), "fleet_signature"),
        (b"no answer".to_vec(), "fleet_malformed"),
    ] {
        assert_eq!(keeper.take_answer(&answer).expect_err("refused").code(), code);
        assert_eq!(device.state(), before, "{code}");
        assert_eq!(keeper.site_keys().expect_err("none yet").code(), "subject_key_locked");
    }
    device.clock.set(0);
    assert!(matches!(keeper.take_answer(&home.answers(&request, NOW)).expect("taken"), Progress::Promoted { .. }));
    assert_eq!(keeper.site_keys().expect("the site's keys").counting(), &[7; 32]);
    assert_eq!(device.state().floor, NOW);
    assert!(keeper.clock().wall() >= NOW, "the answer was made at a time that is past");
}

#[test]
fn what_is_known_of_the_time_is_known_after_a_restart() {
    let home = Near::new();
    let device = Device::new(Some(&home.shown));
    settle(&mut device.start(&home, Way::List)).expect("let in");
    // The battery is empty.
    device.clock.set(0);
    assert!(device.start(&home, Way::List).clock().wall() >= NOW - DAY, "its certificate had begun");
    home.at.store(NOW + 5 * DAY, Ordering::SeqCst);
    assert_eq!(device.start(&home, Way::List).synchronise().expect("the time").1, NOW + 5 * DAY);
    assert!(device.start(&home, Way::List).clock().wall() >= NOW + 5 * DAY);
}

#[test]
fn a_clock_that_runs_ahead_renews_nothing() {
    let home = Near::new();
    let device = Device::new(Some(&home.shown));
    settle(&mut device.start(&home, Way::List)).expect("let in");
    home.asked();
    let certificate = device.state().current;
    device.clock.set(NOW + 1000 * DAY);
    let mut keeper = device.start(&home, Way::List);
    assert!(matches!(keeper.step(&system_random).expect("a step"), Progress::Resting { .. }));
    assert_eq!((home.asked(), device.state().current), (vec!["time"], certificate));
}

#[test]
fn one_process_at_a_time_changes_an_identity() {
    let home = Near::new();
    let device = Device::new(Some(&home.shown));
    let first = device.open(&home).expect("the first");
    assert_eq!(device.open(&home).expect_err("the second").code(), "identity_busy");
    drop(first);
    device.open(&home).expect("now");
    let nowhere = tempfile::tempdir().expect("directory");
    let elsewhere = Device { directory: nowhere, clock: HandClock::at(NOW) };
    assert_eq!(elsewhere.open(&home).expect_err("none").code(), "identity_missing");
}

#[test]
fn the_words_on_the_screen_are_of_the_roots_that_the_device_knows() {
    let home = Near::new();
    let device = Device::new(Some(&home.shown));
    let (keeper, request) = prepared(&device, &home, Way::Qr);
    let expected = fleet::words::of_request(&request.birth, request.nonce, &home.shown.fingerprints());
    assert_eq!(keeper.words().expect("words"), expected);
    let code = keeper.code_with_request().expect("a code");
    assert!(code.ends_with(&format!("&roots={}", home.shown.fingerprints().join(","))), "{code}");
    drop(keeper);
    // Whoever carries the request of a device without roots could not compare anything.
    let bare = Device::new(None);
    let (keeper, _) = prepared(&bare, &home, Way::Qr);
    assert_eq!(keeper.code_with_request().expect_err("no roots").code(), "roots_unknown");
}

#[test]
fn a_token_is_shown_to_those_whom_it_is_for() {
    let home = Near::new();
    for (way, token) in [(Way::Token, Some("token")), (Way::Qr, None), (Way::List, None)] {
        let device = Device::new(Some(&home.shown));
        let (_, request) = prepared(&device, &home, way);
        assert_eq!(request.token.as_deref(), token, "{way:?}");
    }
}
