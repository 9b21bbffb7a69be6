//! Bundles and files that central offers.

mod fleet_of_one;

use cccd_central::registrar::files::Files;
use events::Clock as _;
use fleet::bundle::{Bundle, Entry};
use fleet::est::FILE_PART;
use fleet_of_one::{Pair, Rig, code, key, sign};

fn bundle(pair: &Pair, version: u64, environment: &str, parts: &[(&str, String)]) -> Vec<u8> {
    let entry = |(path, text): &(&str, String)| Entry { path: (*path).to_owned(), bytes: text.clone().into_bytes() };
    let bundle = Bundle::new(version, environment, 1, parts.iter().map(entry).collect()).expect("bundle");
    bundle.sign(&pair.1, &|message| sign(pair, message)).expect("signed")
}

fn rollout(file: &str, stopped: bool) -> (&'static str, String) {
    let text = format!(
        "id = \"r1\"\nbegins = \"2026-12-01T20:00:00+07:00\"\npace = \"steady\"\nwindow = \"23:00-04:30\"\nstopped = {stopped}\n\
         [[package]]\nname = \"cccd-agent\"\nversion = \"0.2.0\"\narchitecture = \"amd64\"\nfile = \"{file}\"\n"
    );
    ("update/rollout.toml", text)
}

#[test]
fn a_bundle_is_offered_when_an_operator_signed_it_for_this_fleet_and_its_files_are_here() {
    let rig = Rig::new();
    let publish = |bytes: &[u8], site| rig.registrar.publish(bytes, site, "test");
    assert_eq!(code(publish(&bundle(&key(), 1, "practice", &[]), None)), "fleet_signature");
    assert_eq!(code(publish(&bundle(&rig.operator, 1, "production", &[]), None)), "bundle_environment");
    assert_eq!(code(publish(b"no bundle", None)), "fleet_malformed");
    let image = rig.directory.path().join("image");
    std::fs::write(&image, "image").expect("written");
    let hash = events::hash(b"image").to_string();
    let wants = bundle(&rig.operator, 1, "practice", &[rollout(&hash, false)]);
    assert_eq!(code(publish(&wants, None)), "bundle_entry", "devices would ask for a file that is not here");
    assert_eq!(rig.registrar.registry().bundle("Site A", 0).expect("registry"), None);
    rig.registrar.files().expect("a directory").offer(&image).expect("offered");
    assert_eq!(publish(&wants, None).expect("published"), 1);
    assert_eq!(code(publish(&bundle(&rig.operator, 1, "practice", &[]), None)), "store_failed", "the version is taken");
    let elsewhere = "0".repeat(64);
    let stopped = bundle(&rig.operator, 2, "practice", &[rollout(&elsewhere, true)]);
    assert_eq!(publish(&stopped, Some("Site B")).expect("nobody asks for its files"), 2);
    // One site's is not another's.
    let newest = |site, after| rig.registrar.registry().bundle(site, after).expect("registry");
    assert_eq!((newest("Site A", 0), newest("Site B", 0)), (Some(wants), Some(stopped)));
    assert_eq!((newest("Site A", 1), newest("Site B", 2)), (None, None), "nothing newer");
    // What nobody replaced in time is told of.
    let stands = |site| rig.registrar.newest_bundle(site).expect("registry");
    assert_eq!((stands("Site A"), stands("Site B")), (Some((1, true)), Some((2, true))));
    let fresh = Bundle::new(3, "practice", rig.clock.wall(), Vec::new()).expect("bundle");
    let fresh = fresh.sign(&rig.operator.1, &|message| sign(&rig.operator, message)).expect("signed");
    assert_eq!(publish(&fresh, Some("Site B")).expect("published"), 3);
    assert_eq!((stands("Site A"), stands("Site B")), (Some((1, true)), Some((3, false))));
}

#[test]
fn a_file_is_given_in_parts_of_which_none_is_large() {
    let directory = tempfile::tempdir().expect("directory");
    let files = Files::new(&directory.path().join("files"));
    std::fs::write(directory.path().join("image"), vec![7; FILE_PART as usize + 10]).expect("written");
    let hash = files.offer(&directory.path().join("image")).expect("offered");
    for until in [None, Some(u64::MAX), Some(FILE_PART + 5)] {
        let part = files.part(&hash, 0, until).expect("read").expect("a file");
        assert_eq!((part.bytes.len() as u64, part.whole), (FILE_PART, FILE_PART + 10), "{until:?}");
    }
}
