//! The examples that need no reader, run.

#[path = "../examples/async_transport.rs"]
mod async_transport;
#[path = "../examples/verify_files.rs"]
mod verify_files;

use emrtd::{Issuer, UnixTime};
use std::fs;
use virtual_card::personalise::Card;
use virtual_card::{Fault, VISITOR, practice_files};

#[test]
fn a_chip_is_read_over_an_async_transport() {
    async_transport::main().expect("a genuine passport");
}

#[test]
fn files_of_a_directory_are_verified_and_changed_ones_refuted() {
    let directory = tempfile::tempdir().expect("directory");
    let place = |name: String| directory.path().join(name);
    let card = Card::new(&VISITOR, Fault::None).expect("card");
    for (id, content) in card.files() {
        match id {
            0x011D => fs::write(place("sod.bin".to_owned()), content).expect("written"),
            0x0101..=0x0110 => fs::write(place(format!("dg{}.bin", id & 0xFF)), content).expect("written"),
            _ => {}
        }
    }
    fs::create_dir(place("csca".to_owned())).expect("directory");
    for (name, content) in practice_files().expect("anchors") {
        fs::write(place(format!("csca/{name}")), content).expect("written");
    }
    let now = UnixTime::from_date(2026, 6, 1).expect("date");
    let found = verify_files::verify(directory.path(), now).expect("files");
    assert_eq!(found.issuer, Issuer::Vouched, "{:#?}", found.checks);
    assert!(found.bound.contains(&2), "{:?}", found.bound);

    let portrait = place("dg2.bin".to_owned());
    let mut changed = fs::read(&portrait).expect("EF.DG2");
    *changed.last_mut().expect("bytes") ^= 1;
    fs::write(&portrait, changed).expect("written");
    assert_eq!(verify_files::verify(directory.path(), now).expect("files").issuer, Issuer::Refuted);
    assert!(verify_files::main().is_err(), "the test's own arguments are no directory");
}
