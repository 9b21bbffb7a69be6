//! The active bundle, and the way to another.

use crate::key;
use fleet::FleetError;
use fleet::acceptance::Trust;
use fleet::bundle::{Bundle, Entry, Envelope};
use identity::bundles::{Bundles, SIGNED};
use openssl::pkey::{PKey, Private};
use std::path::Path;

struct Operator(PKey<Private>, Vec<u8>);

impl Operator {
    fn new() -> Self {
        let (key, public) = key();
        Self(key, public)
    }

    fn bundle(&self, version: u64) -> Vec<u8> {
        self.bundle_of(version, "practice")
    }

    fn bundle_of(&self, version: u64, environment: &str) -> Vec<u8> {
        let entry = |path: &str| Entry { path: path.to_owned(), bytes: format!("{path} of {version}").into_bytes() };
        let entries = vec![entry("site.toml"), entry("trust/vn/csca.der")];
        let sign = |m: &[u8]| fleet::authority::sign(&self.0, m).map_err(|e| e.to_string());
        Bundle::new(version, environment, 1, entries).and_then(|b| b.sign(&self.1, &sign)).expect("signed")
    }

    fn signs_too(&self, bytes: &[u8]) -> Vec<u8> {
        let mut envelope = Envelope::parse(bytes).expect("a bundle");
        let sign = |m: &[u8]| fleet::authority::sign(&self.0, m).map_err(|e| e.to_string());
        envelope.countersign(&self.1, &sign).expect("signed");
        envelope.to_bytes()
    }

    /// A bundle that names operators.
    fn naming(&self, version: u64, operators: &[&Self]) -> Vec<u8> {
        let pem = |key: &Self| key.0.public_key_to_pem().expect("PEM");
        let entry = |(at, key): (usize, &&Self)| Entry { path: format!("operators/{at}.pem"), bytes: pem(key) };
        let entries = operators.iter().enumerate().map(entry).collect();
        let sign = |m: &[u8]| fleet::authority::sign(&self.0, m).map_err(|e| e.to_string());
        Bundle::new(version, "practice", 1, entries).and_then(|b| b.sign(&self.1, &sign)).expect("signed")
    }

    fn gives(&self, bundles: &Bundles, version: u64) -> Result<(u64, u64), FleetError> {
        bundles.take(&self.bundle(version), std::slice::from_ref(&self.1), "practice", &|_, _| Ok(()))
    }
}

fn code(taken: Result<(u64, u64), FleetError>) -> &'static str {
    taken.expect_err("refused").code()
}

fn names(directory: &Path) -> Vec<String> {
    let list = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> = list.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn an_older_bundle_is_never_taken_again() {
    let (directory, operator) = (tempfile::tempdir().expect("directory"), Operator::new());
    let bundles = Bundles::new(&directory.path().join("bundles"));
    assert_eq!(operator.gives(&bundles, 5).expect("the first"), (0, 5));
    for version in [5, 4, 0] {
        assert_eq!(code(operator.gives(&bundles, version)), "bundle_older", "{version} after 5");
    }
    // The note of the highest version is gone: the active one still says it.
    std::fs::remove_file(directory.path().join("bundles/known")).expect("removed");
    assert_eq!(code(operator.gives(&bundles, 4)), "bundle_older");
    // The active one is gone: the note still says it.
    assert_eq!(bundles.withdraw().expect("withdrawn"), (5, 0));
    assert_eq!((bundles.active(), bundles.known()), (0, 5));
    assert_eq!(code(operator.gives(&bundles, 5)), "bundle_older", "it turned out to be unusable");
    assert_eq!(operator.gives(&bundles, 6).expect("a newer one"), (0, 6));
}

#[test]
fn the_way_back_is_to_the_one_before_and_not_forward_again() {
    let (directory, operator) = (tempfile::tempdir().expect("directory"), Operator::new());
    let bundles = Bundles::new(directory.path());
    for version in 1..=3 {
        operator.gives(&bundles, version).expect("taken");
    }
    assert_eq!(names(directory.path()), ["2", "3", "active", "known", "previous", "trust.json"], "no more is kept");
    assert_eq!(bundles.withdraw().expect("withdrawn"), (3, 2));
    assert_eq!((bundles.active(), bundles.known()), (2, 3));
    bundles.check().expect("the one before is whole");
    assert_eq!(code(operator.gives(&bundles, 3)), "bundle_older");
    assert_eq!(bundles.withdraw().expect("withdrawn"), (2, 0), "there is none before");
}

#[test]
fn a_bundle_that_is_refused_leaves_the_active_one_and_nothing_of_itself() {
    let (directory, operator, stranger) = (tempfile::tempdir().expect("directory"), Operator::new(), Operator::new());
    let bundles = Bundles::new(directory.path());
    operator.gives(&bundles, 1).expect("taken");
    let own = std::slice::from_ref(&operator.1);
    let take = |bytes: &[u8]| code(bundles.take(bytes, own, "practice", &|_, _| Ok(())));
    let mut changed = operator.bundle(2);
    let at = changed.len() - 1;
    changed[at] ^= 1;
    assert_eq!(take(&changed), "fleet_signature");
    assert_eq!(take(&stranger.bundle(2)), "fleet_signature");
    assert_eq!(take(&operator.bundle_of(2, "production")), "bundle_environment");
    assert_eq!(take(b"no bundle"), "fleet_malformed");
    // Whoever uses a part says that it cannot be used.
    let unusable = |_: &Bundle, place: &Path| {
        assert_eq!(std::fs::read(place.join("site.toml")).expect("unpacked"), b"site.toml of 2");
        Err(FleetError::Malformed("site"))
    };
    assert_eq!(code(bundles.take(&operator.bundle(2), own, "practice", &unusable)), "fleet_malformed");
    assert_eq!((bundles.active(), bundles.known()), (1, 1));
    assert_eq!(names(directory.path()), ["1", "active", "known", "trust.json"]);
    operator.gives(&bundles, 2).expect("the version is still free");
}

#[test]
fn a_changed_file_of_the_active_bundle_is_noticed() {
    let (directory, operator) = (tempfile::tempdir().expect("directory"), Operator::new());
    let bundles = Bundles::new(directory.path());
    bundles.check().expect("nothing is active");
    assert!(bundles.contents().expect("nothing is active").is_none());
    operator.gives(&bundles, 1).expect("taken");
    operator.gives(&bundles, 2).expect("taken");
    bundles.check().expect("as it was signed");
    assert_eq!(bundles.contents().expect("readable").expect("active").version, 2);
    let anchor = bundles.path().join("trust/vn/csca.der");
    let whole = std::fs::read(&anchor).expect("a part");
    std::fs::write(&anchor, "another authority").expect("written");
    assert_eq!(bundles.check().expect_err("changed").code(), "bundle_entry");
    std::fs::remove_file(&anchor).expect("removed");
    assert_eq!(bundles.check().expect_err("gone").code(), "fleet_io");
    std::fs::write(&anchor, whole).expect("written");
    bundles.check().expect("as it was signed");
    let signed = bundles.path().join(SIGNED);
    std::fs::write(&signed, "torn").expect("written");
    assert_eq!(bundles.check().expect_err("torn").code(), "fleet_malformed");
}

#[test]
fn an_older_bundle_in_the_place_of_the_active_one_is_noticed() {
    let (directory, operator) = (tempfile::tempdir().expect("directory"), Operator::new());
    let bundles = Bundles::new(directory.path());
    operator.gives(&bundles, 1).expect("taken");
    operator.gives(&bundles, 2).expect("taken");
    std::fs::remove_dir_all(directory.path().join("2")).expect("removed");
    std::fs::rename(directory.path().join("1"), directory.path().join("2")).expect("moved");
    assert_eq!(bundles.active(), 2, "the link still says so");
    assert_eq!(bundles.check().expect_err("the older one").code(), "bundle_older");
}

#[test]
fn an_operator_who_was_removed_comes_back_by_no_restart_and_no_way_back() {
    let (directory, [a, b, c]) = (tempfile::tempdir().expect("directory"), [(); 3].map(|()| Operator::new()));
    let bundles = Bundles::new(directory.path());
    let enrolled = [a.1.clone(), b.1.clone()];
    let take = |bytes: &[u8]| Bundles::new(directory.path()).take(bytes, &enrolled, "practice", &|_, _| Ok(()));
    assert_eq!(code(take(&a.bundle(5))), "bundle_signatures", "one of two");
    take(&b.signs_too(&a.bundle(5))).expect("both");
    bundles.check().expect("as it was taken");
    // B leaves, C comes.
    take(&c.signs_too(&b.signs_too(&a.naming(6, &[&a, &c])))).expect("all three");
    bundles.check().expect("also under the trust that it made");
    assert_eq!(code(take(&b.signs_too(&a.bundle(7)))), "bundle_signatures");
    assert_eq!(code(take(&b.bundle(7))), "fleet_signature");
    // It is damaged on the disk: what B signed is no way back, and B is nobody still.
    std::fs::write(bundles.path().join("operators/0.pem"), "x").expect("written");
    assert_eq!(bundles.check().expect_err("changed").code(), "bundle_entry");
    assert_eq!(bundles.withdraw().expect("withdrawn"), (6, 0));
    assert_eq!(code(take(&b.signs_too(&a.bundle(7)))), "bundle_signatures");
    assert_eq!(take(&c.signs_too(&a.bundle(7))).expect("the two of today"), (0, 7));
    // A bundle that was put there by hand is nobody's.
    std::fs::write(bundles.path().join(SIGNED), b.signs_too(&a.bundle(7))).expect("written");
    assert_eq!(bundles.check().expect_err("another's").code(), "bundle_signatures");
    assert_eq!(bundles.withdraw().expect("withdrawn"), (7, 0));
    assert_eq!(names(directory.path()), ["known", "trust.json"], "nor does it stay");
}

#[test]
fn a_cut_between_a_bundle_and_its_trust_leaves_neither_behind() {
    let (directory, [a, b]) = (tempfile::tempdir().expect("directory"), [(); 2].map(|()| Operator::new()));
    let bundles = Bundles::new(directory.path());
    let enrolled = [a.1.clone()];
    let path = directory.path().join("trust.json");
    a.gives(&bundles, 1).expect("taken");
    let before = std::fs::read(&path).expect("noted");
    let naming = b.signs_too(&a.naming(2, &[&b]));
    bundles.take(&naming, &enrolled, "practice", &|_, _| Ok(())).expect("taken");
    let after = bundles.trust(&enrolled).expect("noted");
    // As it was when power was cut after the one step that counts.
    std::fs::write(&path, before).expect("written");
    bundles.check().expect("taken under the one before");
    assert_eq!(bundles.trust(&enrolled).expect("found again"), after);
    assert_eq!(code(a.gives(&bundles, 3)), "fleet_signature");
    // What was noted is gone, or torn: nothing that is there is used any more.
    std::fs::write(&path, "torn").expect("written");
    assert_eq!(bundles.check().expect_err("torn").code(), "fleet_malformed");
    assert_eq!(code(b.gives(&bundles, 3)), "fleet_malformed");
    std::fs::remove_file(&path).expect("removed");
    assert_eq!(bundles.check().expect_err("gone").code(), "bundle_trust");
    assert_eq!(bundles.withdraw().expect("withdrawn"), (2, 0));
}

#[test]
fn what_an_older_version_took_is_used_until_the_next_bundle() {
    let (directory, [a, b]) = (tempfile::tempdir().expect("directory"), [(); 2].map(|()| Operator::new()));
    let bundles = Bundles::new(directory.path());
    let enrolled = [a.1.clone(), b.1.clone()];
    // A bundle of version 1, made by hand: {"v": 1, "at": 0, "entries": [], "version": 3, "environment": "practice"}.
    let payload =
        [&b"\xa5\x61v\x01\x62at\x00\x67entries\x80"[..], b"\x67version\x03\x6benvironment\x68practice"].concat();
    let old = events::sign_document("bundle", &payload, &a.1, |m| fleet::authority::sign(&a.0, m)).expect("signed");
    std::fs::create_dir(directory.path().join("3")).expect("directory");
    std::fs::write(directory.path().join("3").join(SIGNED), old).expect("written");
    std::os::unix::fs::symlink("3", directory.path().join("active")).expect("linked");
    bundles.check().expect("it was taken before anybody noted whose it is");
    let Trust { operators, threshold, version, .. } = bundles.trust(&enrolled).expect("that of the enrolment");
    assert_eq!((operators.len(), threshold, version), (2, 2, 3));
    let take = |bytes: &[u8]| bundles.take(bytes, &enrolled, "practice", &|_, _| Ok(()));
    assert_eq!(code(take(&a.bundle(4))), "bundle_signatures");
    assert_eq!(take(&b.signs_too(&a.bundle(4))).expect("both"), (3, 4));
    assert_eq!(names(directory.path()), ["4", "active", "known", "trust.json"], "one alone is no way back");
}
