//! Bundles in hostile hands: whoever has every file of central and of another site's devices reads no list of people, and what
//! would show one is not taken.

use fleet::acceptance::{Acceptance, Trust};
use fleet::bundle::{Bundle, Entry, Envelope, Kind};
use fleet::request::Way;
use fleet::sealed_list;
use hil_tests::fleet::{BEGIN, Machine, Rig, settle};
use identity::bundles::SIGNED;
use identity::keeper::Keeper;
use std::path::{Path, PathBuf};

/// Somebody on a list.
const NUMBER: &[u8] = b"001099000017";

fn let_in(rig: &Rig, machine: &Machine, site: &str) -> Keeper {
    let token = rig.registrar.make_token(site, "identify", 72, "test").expect("token");
    let mut keeper = machine.start(Way::Token, Some(&token)).expect("started");
    settle(&mut keeper).expect("let in");
    keeper
}

fn signed(rig: &Rig, version: u64, entries: Vec<Entry>) -> Vec<u8> {
    let bundle = Bundle::new(version, "practice", BEGIN, entries).expect("bundle");
    let sign = |message: &[u8]| fleet::authority::sign(&rig.operator.0, message).map_err(|error| error.to_string());
    bundle.sign(&rig.operator.1, &sign).expect("signed")
}

/// A list for a site, as whoever has its public half alone seals it.
fn list_for(rig: &Rig, site: &str) -> Entry {
    let keys = rig.ca().site_keys(site, BEGIN).expect("the site's keys");
    let pem = keys.box_key().and_then(|key| sealed_list::public_pem(&key)).expect("PEM");
    let point = sealed_list::point(&pem).expect("a point");
    let list = [&b"{\"number\":\""[..], NUMBER, b"\"}"].concat();
    Entry { path: format!("rosters/{site}"), bytes: sealed_list::seal(&point, &list).expect("sealed") }
}

/// Files below a directory that hold these bytes.
fn holding(directory: &Path, part: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            found.extend(holding(&path, part));
        } else if std::fs::read(&path).expect("a file").windows(part.len()).any(|window| window == part) {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_list_in_a_bundle_is_read_by_the_devices_of_its_site_and_lies_in_the_clear_nowhere() {
    let rig = Rig::new();
    let (first, second, elsewhere) = (rig.device(), rig.device(), rig.device());
    let keepers = [let_in(&rig, &first, "A"), let_in(&rig, &second, "A"), let_in(&rig, &elsewhere, "B")];
    rig.registrar.publish(&signed(&rig, 1, vec![list_for(&rig, "A")]), None, "test").expect("published");
    let operators = [rig.operator.1.clone()];
    let opens = |machine: &Machine, keeper: &Keeper| {
        let bytes = keeper.fetch_bundle(0).expect("asked").expect("a bundle");
        machine.bundles().take(&bytes, &operators, "practice", &|_, _| Ok(())).expect("taken");
        let bundle = machine.bundles().contents().expect("readable").expect("active");
        let list = &bundle.of_kind(Kind::Roster).next().expect("a list").bytes;
        let own = keeper.site_keys().expect("the site's keys").box_key().expect("a key");
        sealed_list::open(&own, list).expect("whole")
    };
    for (machine, keeper) in [(&first, &keepers[0]), (&second, &keepers[1])] {
        let list = opens(machine, keeper).expect("a list for this site");
        assert!(list.windows(NUMBER.len()).any(|part| part == NUMBER));
    }
    assert_eq!(opens(&elsewhere, &keepers[2]), None, "another site's");
    // Central, its log, and all that three devices have written.
    let everything = first.place.parent().expect("the rig's directory");
    assert!(!holding(everything, b"CCCDLIST").is_empty(), "this looks where bundles lie");
    assert_eq!(holding(everything, NUMBER), Vec::<PathBuf>::new());
}

#[test]
fn a_bundle_of_before_with_a_list_in_the_clear_is_offered_by_nobody_taken_by_nobody_and_does_not_stay() {
    let rig = Rig::new();
    let machine = rig.device();
    drop(let_in(&rig, &machine, "A"));
    // A bundle as it was before, in CBOR: {"v": 1, "at": 0, "entries": [{"path": …, "bytes": …}], "version": 1, "environment": …}.
    let clear = NUMBER.to_vec();
    let payload = [
        &b"\xa5\x61v\x01\x62at\x00\x67entries\x81\xa2\x64path\x69rosters/A\x65bytes\x4c"[..],
        NUMBER,
        b"\x67version\x01\x6benvironment\x68practice",
    ]
    .concat();
    let sign = |message: &[u8]| fleet::authority::sign(&rig.operator.0, message);
    let old = events::sign_document("bundle", &payload, &rig.operator.1, sign).expect("signed");

    let operators = [rig.operator.1.clone()];
    let trust = Trust::of(&operators);
    let accept = Acceptance { trust: &trust, environment: "practice", known: 0 };
    assert_eq!(accept.open(&old).expect_err("not taken").code(), "bundle_list_unsealed");
    let refused = rig.registrar.publish(&old, None, "test").expect_err("not offered");
    assert_eq!(refused.answer().1, "bundle_list_unsealed");
    let bundles = machine.bundles();
    let take = |bytes: &[u8]| bundles.take(bytes, &operators, "practice", &|_, _| Ok(()));
    assert_eq!(take(&old).expect_err("not taken").code(), "bundle_list_unsealed");

    // A device that took it before this version looks at it again when it starts, and lets go of it.
    take(&signed(&rig, 1, vec![list_for(&rig, "A")])).expect("taken");
    let active = machine.place.join("bundles/1");
    std::fs::write(active.join(SIGNED), &old).expect("written");
    std::fs::write(active.join("rosters/A"), &clear).expect("written");
    assert_eq!(bundles.check().expect_err("not used any more").code(), "bundle_list_unsealed");
    assert_eq!(bundles.withdraw().expect("withdrawn"), (1, 0));
    assert_eq!(holding(&machine.place, NUMBER), Vec::<PathBuf>::new(), "nor does it stay as the way back");
    // The remedy: sealed, and under a higher version.
    assert_eq!(take(&signed(&rig, 2, vec![list_for(&rig, "A")])).expect("taken"), (0, 2));
}

#[test]
fn one_operator_of_two_moves_a_device_to_nothing_that_would_harm_also_with_central_on_its_side() {
    let rig = Rig::new();
    let machine = rig.device();
    let keeper = let_in(&rig, &machine, "A");
    let second = hil_tests::fleet::key();
    let enrolled = [rig.operator.1.clone(), second.1.clone()];
    let both = |bytes: &[u8]| {
        let mut envelope = Envelope::parse(bytes).expect("a bundle");
        let sign = |message: &[u8]| fleet::authority::sign(&second.0, message).map_err(|error| error.to_string());
        envelope.countersign(&second.1, &sign).expect("signed");
        envelope.to_bytes()
    };
    let entry = |path: &str, text: &str| Entry { path: path.to_owned(), bytes: text.as_bytes().to_vec() };
    let settings = |text: &str| vec![entry("site.toml", text), entry("playlist/notices", text)];
    // Central trusts the one operator of the rig alone, so it offers what that one signs.
    let offered = |after: u64| {
        let bytes = keeper.fetch_bundle(after).expect("asked").expect("a bundle");
        machine.bundles().take(&bytes, &enrolled, "practice", &|_, _| Ok(()))
    };
    let publish = |bytes: &[u8]| rig.registrar.publish(bytes, None, "test").expect("published");
    let first = both(&signed(&rig, 1, settings("one")));
    publish(&first);
    assert_eq!(offered(0).expect("two signed it"), (0, 1));
    publish(&signed(&rig, 2, settings("mine")));
    assert_eq!(offered(1).expect_err("one alone").code(), "bundle_signatures");
    // Other notices beside what both signed.
    let base = Envelope::parse(&first).expect("a bundle");
    let light = Bundle::new(3, "practice", BEGIN, vec![entry("playlist/notices", "three")]).expect("a bundle");
    let mut light = Envelope::take_over(light, &base).expect("light");
    let sign = |message: &[u8]| fleet::authority::sign(&rig.operator.0, message).map_err(|error| error.to_string());
    light.countersign(&rig.operator.1, &sign).expect("signed");
    rig.registrar.publish(&light.to_bytes(), None, "test").expect("published");
    assert_eq!(offered(1).expect("one is enough"), (1, 3));
    let part = |path: &str| std::fs::read_to_string(machine.bundles().path().join(path)).expect("a part");
    assert_eq!((part("site.toml"), part("playlist/notices")), ("one".to_owned(), "three".to_owned()));
    // Started anew, the device finds the same.
    machine.bundles().check().expect("as it was taken");
    publish(&both(&signed(&rig, 4, settings("four"))));
    assert_eq!(offered(3).expect("both again"), (3, 4));
    // What both replaced does not come back.
    let old = Bundle::new(5, "practice", BEGIN, Vec::new()).expect("a bundle");
    let mut old = Envelope::take_over(old, &base).expect("light");
    old.countersign(&rig.operator.1, &sign).expect("signed");
    publish(&old.to_bytes());
    assert_eq!(offered(4).expect_err("of bundle 1").code(), "bundle_older");
    machine.bundles().check().expect("untouched");
    assert_eq!(machine.bundles().active(), 4);
}
