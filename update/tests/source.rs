//! The rollout in the active bundle: whose word counts, and which files.

use events::hash;
use fleet::bundle::{Bundle, Entry, Envelope};
use fleet::rollout::{Settings, Takes};
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use program::foreign::Foreign;
use std::path::Path;
use update::State;
use update::runner::Source as _;
use update::source::OfAgent;
use update::trust::{Trusted, Word};

struct Operator(PKey<Private>, Vec<u8>);

impl Operator {
    fn new() -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("group");
        let key = PKey::from_ec_key(EcKey::generate(&group).expect("key")).expect("key");
        let public = key.public_key_to_der().expect("public key");
        Self(key, public)
    }

    /// Signs a bundle and puts it where the agent has its active one.
    fn activate(&self, agent: &Path, version: u64, parts: &[(&str, String)]) {
        self.activate_with(&[], agent, version, parts);
    }

    /// The same with others.
    fn activate_with(&self, others: &[&Self], agent: &Path, version: u64, parts: &[(&str, String)]) {
        let entry =
            |(path, text): &(&str, String)| Entry { path: (*path).to_owned(), bytes: text.clone().into_bytes() };
        let bundle = Bundle::new(version, "practice", 1, parts.iter().map(entry).collect()).expect("bundle");
        let sign = |m: &[u8]| fleet::authority::sign(&self.0, m).map_err(|e| e.to_string());
        let mut envelope = Envelope::parse(&bundle.sign(&self.1, &sign).expect("signed")).expect("a bundle");
        for Self(key, public) in others {
            let sign = |m: &[u8]| fleet::authority::sign(key, m).map_err(|e| e.to_string());
            envelope.countersign(public, &sign).expect("signed");
        }
        let bytes = envelope.to_bytes();
        let (directory, active) = (agent.join(format!("bundles/{version}")), agent.join("bundles/active"));
        std::fs::create_dir_all(&directory).expect("directory");
        std::fs::write(directory.join(".bundle"), bytes).expect("bundle");
        drop(std::fs::remove_file(&active));
        std::os::unix::fs::symlink(version.to_string(), active).expect("linked");
    }
}

fn rollout(file: &str, stopped: bool) -> String {
    format!(
        "id = \"r1\"\nbegins = \"2026-01-01T00:00:00+07:00\"\npace = \"urgent\"\nwindow = \"01:00-04:00\"\nstopped = {stopped}\n\
         [[package]]\nname = \"cccd-agent\"\nversion = \"0.2.0\"\narchitecture = \"amd64\"\nfile = \"{file}\"\n\
         [[package]]\nname = \"cccd-agent\"\nversion = \"0.2.0\"\narchitecture = \"arm64\"\nfile = \"{}\"\n",
        hash(b"for another processor")
    )
}

/// Long after every wave.
const LATER: i64 = 1_900_000_000;

fn device(directory: &Path, operator: &Operator) -> OfAgent {
    let identity = directory.join("identity");
    let mut state = identity::State::new("serial", "kiosk", "https://central.example", None);
    state.place = Some(identity::state::Place {
        device: "kiosk-1".to_owned(),
        site: "A".to_owned(),
        central: "https://central.example".to_owned(),
        profile: "identify".to_owned(),
        environment: "practice".to_owned(),
        operators: vec![operator.1.iter().map(|byte| format!("{byte:02x}")).collect()],
    });
    state.save(&identity).expect("identity");
    OfAgent {
        user: Foreign::owner_of(directory).expect("an owner"),
        identity,
        bundles: directory.join("bundles"),
        files: directory.join("updates"),
        settings: Settings::default(),
        takes: Takes::Packages("amd64".to_owned()),
        own: directory.join("own"),
    }
}

#[test]
fn only_what_the_operator_signed_is_obeyed_and_never_an_older_one() {
    let directory = tempfile::tempdir().expect("directory");
    let (operator, next, stranger) = (Operator::new(), Operator::new(), Operator::new());
    let source = device(directory.path(), &operator);
    let mut state = State::default();
    assert!(source.order(&mut state, LATER).expect("no bundle").is_none());
    let text = rollout(&hash(b"package").to_string(), false);
    operator.activate(directory.path(), 5, &[("update/rollout.toml", text.clone())]);
    let order = source.order(&mut state, LATER).expect("believed").expect("an order");
    assert_eq!((order.wanted.target.version.as_str(), order.wanted.ready, state.bundle), ("0.2.0", false, 5));
    assert!(source.order(&mut state, LATER).expect("believed again").is_some());

    // Whoever owns the agent's files cannot put another in their place.
    stranger.activate(directory.path(), 6, &[("update/rollout.toml", text.clone())]);
    assert_eq!(source.order(&mut state, LATER).expect_err("a stranger's").code(), "fleet_signature");
    operator.activate(directory.path(), 4, &[("update/rollout.toml", text.clone())]);
    assert_eq!(source.order(&mut state, LATER).expect_err("an older one").code(), "bundle_older");
    let mut other = device(directory.path(), &stranger);
    stranger.activate(directory.path(), 6, &[("update/rollout.toml", text.clone())]);
    assert_eq!(other.order(&mut state, LATER).expect_err("the first word counts").code(), "fleet_signature");

    // The operator hands over to another key, inside a bundle.
    let pem = String::from_utf8(next.0.public_key_to_pem().expect("PEM")).expect("text");
    let handed_over = [("operators/next.pem", pem), ("update/rollout.toml", text.clone())];
    operator.activate(directory.path(), 7, &handed_over);
    let refused = source.order(&mut state, LATER).expect_err("whose key nobody showed");
    assert_eq!((refused.code(), state.bundle), ("bundle_signatures", 5));
    operator.activate_with(&[&next], directory.path(), 7, &handed_over);
    assert!(source.order(&mut state, LATER).expect("believed").is_some());
    next.activate(directory.path(), 8, &[("update/rollout.toml", text.clone())]);
    assert!(source.order(&mut state, LATER).expect("the successor's").is_some());
    operator.activate(directory.path(), 9, &[("update/rollout.toml", text)]);
    assert!(source.order(&mut state, LATER).is_err(), "and no longer the one before");
    other.takes = Takes::Image;
    next.activate(directory.path(), 10, &[("update/rollout.toml", rollout(&hash(b"x").to_string(), false))]);
    assert!(other.order(&mut state, LATER).expect("believed").is_none(), "no image is named");
}

#[test]
fn two_operators_order_an_update_together() {
    let directory = tempfile::tempdir().expect("directory");
    let (first, second) = (Operator::new(), Operator::new());
    let source = device(directory.path(), &first);
    let both = [&first, &second].map(|operator| hex::encode(&operator.1));
    let place =
        identity::State::load(&source.identity).expect("readable").and_then(|state| state.place).expect("a place");
    Word::Given(Trusted::of(place, both.to_vec())).save(&source.own).expect("noted");
    let mut state = State::default();
    let text = rollout(&hash(b"package").to_string(), false);
    let parts = [("update/rollout.toml", text.clone())];
    for alone in [&first, &second] {
        alone.activate(directory.path(), 5, &parts);
        assert_eq!(source.order(&mut state, LATER).expect_err("one alone").code(), "bundle_signatures");
    }
    first.activate_with(&[&second], directory.path(), 5, &parts);
    assert!(source.order(&mut state, LATER).expect("believed").is_some());
    // How many it takes is remembered, and said by as many only.
    assert_eq!((state.threshold, state.base), (Some(2), 5));
    let mut again: State = serde_json::from_slice(&serde_json::to_vec(&state).expect("JSON")).expect("a state");
    second.activate(directory.path(), 6, &[parts[0].clone(), ("operators/threshold", "1".to_owned())]);
    assert!(source.order(&mut again, LATER).is_err());
}

#[test]
fn files_are_copied_compared_and_left_alone_until_their_turn() {
    let directory = tempfile::tempdir().expect("directory");
    let operator = Operator::new();
    let mut source = device(directory.path(), &operator);
    let (mut state, name) = (State::default(), hash(b"package").to_string());
    std::fs::create_dir_all(&source.files).expect("directory");
    let fetched = source.files.join(&name);
    let mut ready = |source: &OfAgent, now: i64| {
        let order = source.order(&mut state, now).expect("believed").expect("an order");
        assert_eq!(order.files.len(), usize::from(order.wanted.ready));
        order.wanted.ready
    };
    operator.activate(directory.path(), 1, &[("update/rollout.toml", rollout(&name, false))]);
    std::fs::write(&fetched, "another package").expect("written");
    assert!(!ready(&source, LATER), "the wrong file");
    std::fs::remove_file(&fetched).expect("removed");
    std::fs::write(directory.path().join("elsewhere"), "package").expect("written");
    std::os::unix::fs::symlink(directory.path().join("elsewhere"), &fetched).expect("linked");
    assert_eq!(source.order(&mut State::default(), LATER).expect_err("a link").code(), "foreign_link");
    std::fs::remove_file(&fetched).expect("removed");
    std::fs::create_dir(&fetched).expect("directory");
    assert_eq!(source.order(&mut State::default(), LATER).expect_err("no file at all").code(), "foreign_kind");
    std::fs::remove_dir(&fetched).expect("removed");
    std::fs::write(&fetched, "package").expect("written");
    assert!(!ready(&source, 0), "its turn has not come");
    source.settings.hold = true;
    assert!(!ready(&source, LATER), "the site says to wait");
    source.settings.hold = false;
    assert!(ready(&source, LATER));
    // What the agent's user does to its file now changes nothing.
    std::fs::write(&fetched, "something else").expect("written");
    assert!(ready(&source, LATER));
    assert_eq!(std::fs::read(directory.path().join("own/files").join(&name)).expect("copied"), b"package");
    operator.activate(directory.path(), 2, &[]);
    assert!(source.order(&mut state, LATER).expect("believed").is_none());
    assert!(!directory.path().join("own/files").join(&name).exists(), "copies of no rollout are removed");
}

#[test]
fn a_rollout_that_was_stopped_takes_no_file_and_the_site_chooses_its_hours() {
    let directory = tempfile::tempdir().expect("directory");
    let operator = Operator::new();
    let mut source = device(directory.path(), &operator);
    let (mut state, name) = (State::default(), hash(b"package").to_string());
    std::fs::create_dir_all(&source.files).expect("directory");
    std::fs::write(source.files.join(&name), "package").expect("written");
    operator.activate(directory.path(), 1, &[("update/rollout.toml", rollout(&name, true))]);
    let mut order = |source: &OfAgent| source.order(&mut state, LATER).expect("believed").expect("an order");
    let stopped = order(&source);
    assert_eq!(
        (stopped.wanted.stopped, stopped.wanted.ready, stopped.window.to_string().as_str()),
        (true, false, "01:00-04:00")
    );
    operator.activate(directory.path(), 2, &[("update/rollout.toml", rollout(&name, false))]);
    source.settings.window = Some("22:00-23:00".to_owned().try_into().expect("a window"));
    let goes_on = order(&source);
    assert_eq!(
        (goes_on.wanted.stopped, goes_on.wanted.ready, goes_on.window.to_string().as_str()),
        (false, true, "22:00-23:00")
    );
}
