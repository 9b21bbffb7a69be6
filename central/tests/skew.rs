//! Versions that are not alike: the device's own outbox and uplink machine against central, with events of a program that is
//! newer than central, and with a disk that has spoilt one.

mod fleet_of_one;

use cccd_central::store::conformance::tells;
use cccd_central::{EventStore as _, ingest};
use events::sync::Enrolment;
use events::{Chain, SignedEvent};
use fleet_of_one::{Pair, Rig, key, sign};
use serde_cbor::Value;
use std::time::Duration;
use store::outbox::Outbox;
use store::uplink::machine::{Answer, Machine, Note, Step};

/// The next event of device `a`; where `newer`, of a kind that no program here knows.
fn made(pair: &Pair, chain: Chain, newer: bool) -> SignedEvent {
    let sequence = chain.sequence + 1;
    let mut event = events::signed::read(&tells("a", sequence, sequence, 1)).expect("an event");
    event.previous = chain.head;
    let Value::Map(mut map) = serde_cbor::value::to_value(&event).expect("CBOR") else { panic!("a map") };
    if newer {
        let text = |text: &str| Value::Text(text.to_owned());
        let tally = Value::Map([(text("day"), Value::Integer(3))].into());
        map.insert(text("body"), Value::Map([(text("tally"), tally)].into()));
    }
    let payload = serde_cbor::to_vec(&map).expect("CBOR");
    let bytes = events::signed::sign_payload(payload, &pair.1, |message| sign(pair, message)).expect("signed");
    SignedEvent { event, bytes }
}

/// Lets the machine send until nothing waits, or it has asked so often.
fn synchronise(rig: &Rig, outbox: &mut Outbox, machine: &mut Machine) -> u32 {
    let mut now = Duration::ZERO;
    for asked in 0..20 {
        let pending = outbox.pending(machine.batch()).expect("outbox");
        match machine.next(now, !pending.is_empty()) {
            Step::Idle => return asked,
            Step::WaitUntil(then) => now = then,
            Step::Send => {
                let answer = match ingest(&*rig.store, "a", &pending, 5) {
                    Ok(receipt) => {
                        for refused in &receipt.refused {
                            outbox.note_refused(refused).expect("noted");
                        }
                        Answer::Receipt(receipt)
                    }
                    Err(error) => Answer::Refusal(error.refusal().1),
                };
                if let Note::Acknowledged(committed) = machine.feed(now, 0, answer) {
                    outbox.acknowledge(committed, 5).expect("noted");
                }
            }
        }
    }
    20
}

#[test]
fn a_device_that_is_newer_than_central_goes_on_and_so_does_one_whose_disk_spoilt_an_event() {
    let (rig, pair) = (Rig::new(), key());
    let (device, site) = ("a".to_owned(), "site".to_owned());
    rig.store.add_device(&Enrolment { device, site, event_key: hex::encode(&pair.1) }).expect("registered");
    let path = rig.directory.path().join("outbox.db");
    let (mut outbox, mut machine) = (Outbox::open(&path).expect("outbox"), Machine::default());
    for n in 0..100 {
        outbox.append(|chain| Ok(made(&pair, chain, n % 3 == 2))).expect("appended");
    }
    assert!(synchronise(&rig, &mut outbox, &mut machine) < 5);
    assert_eq!(rig.store.chain("a").expect("chain").sequence, 100);
    assert_eq!(rig.store.strange(10).expect("list").unknown[0].count, 33);

    // The disk spoils the last one that waits: alone it is refused, and passed over with the next.
    outbox.append(|chain| Ok(made(&pair, chain, false))).expect("appended");
    outbox.append(|chain| Ok(made(&pair, chain, false))).expect("appended");
    let disk = rusqlite::Connection::open(&path).expect("disk");
    let query = "SELECT bytes FROM event WHERE sequence = 101";
    let mut bytes: Vec<u8> = disk.query_row(query, [], |row| row.get(0)).expect("it waits");
    *bytes.last_mut().expect("a byte") ^= 1;
    assert_eq!(disk.execute("UPDATE event SET bytes = ?1 WHERE sequence = 101", [bytes]).expect("spoilt"), 1);
    synchronise(&rig, &mut outbox, &mut machine);
    assert_eq!((outbox.acknowledged().expect("outbox"), outbox.refused().expect("outbox")), (102, 1));
    assert_eq!(rig.store.chain("a").expect("chain").sequence, 102);
}
