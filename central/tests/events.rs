//! Batches of events, as they are and as they must not be.

mod fleet_of_one;

use cccd_central::store::conformance::tells;
use cccd_central::{EventStore as _, IngestError, ingest};
use events::sync::{Enrolment, Receipt};
use events::{Chain, SignedEvent};
use fleet_of_one::{Pair, Rig, key, sign};

/// Events of a device behind an end of its chain; `word` tells chains apart.
fn events_of(device: &str, pair: &Pair, mut chain: Chain, count: u64, word: i64) -> Vec<Vec<u8>> {
    let from = chain.sequence;
    let mut batch = Vec::new();
    for sequence in from + 1..=from + count {
        let mut event = events::signed::read(&tells(device, sequence, sequence, word)).expect("an event");
        event.previous = chain.head;
        let signed = SignedEvent::sign(event, &pair.1, |message| sign(pair, message)).expect("signed");
        chain.append(&signed).expect("it follows");
        batch.push(signed.bytes);
    }
    batch
}

fn registered(rig: &Rig, device: &str, pair: &Pair) {
    let (name, site) = (device.to_owned(), "site".to_owned());
    rig.store.add_device(&Enrolment { device: name, site, event_key: hex::encode(&pair.1) }).expect("registered");
}

fn refused(result: Result<Receipt, IngestError>) -> (String, Option<u64>) {
    let (_, refusal) = result.expect_err("refused").refusal();
    (refusal.code, refusal.committed)
}

fn code(text: &str, committed: Option<u64>) -> (String, Option<u64>) {
    (text.to_owned(), committed)
}

#[test]
fn a_chain_goes_on_where_it_ended_and_what_came_twice_is_kept_once() {
    let (rig, pair) = (Rig::new(), key());
    registered(&rig, "a", &pair);
    let batch = events_of("a", &pair, Chain::EMPTY, 3, 100);
    for (part, committed) in [(&batch[..2], 2), (&batch[..2], 2), (&batch[1..], 3), (&batch[..], 3), (&[], 3)] {
        assert_eq!(ingest(&*rig.store, "a", part, 5).expect("taken").committed, committed);
    }
    assert_eq!(rig.store.chain("a").expect("chain").head, events::hash(&batch[2]));
    assert_eq!(rig.store.scan(0, 10).expect("log").0.len(), 3);
}

#[test]
fn only_the_devices_own_events_are_taken_and_nothing_of_a_batch_that_is_not_right() {
    let (rig, pair, other) = (Rig::new(), key(), key());
    registered(&rig, "a", &pair);
    registered(&rig, "b", &other);
    let batch = events_of("a", &pair, Chain::EMPTY, 3, 100);
    let take = |batch: &[Vec<u8>]| refused(ingest(&*rig.store, "a", batch, 5));
    assert_eq!(refused(ingest(&*rig.store, "c", &batch, 5)), code("device_unknown", None));
    let forged = events_of("a", &other, Chain::EMPTY, 1, 100);
    assert_eq!(take(&forged), code("event_signature", Some(0)), "signed with another device's key");
    let others = events_of("b", &pair, Chain::EMPTY, 1, 100);
    assert_eq!(take(&others), code("device_mismatch", None), "another device's, over this one's connection");
    assert_eq!(take(&batch[1..]), code("event_sequence", Some(0)), "one is missing");
    let mut changed = batch.clone();
    let at = changed[2].len() - 1;
    changed[2][at] ^= 1;
    assert_eq!(take(&changed), code("event_signature", Some(0)), "the last one is damaged");
    let elsewhere = events_of("a", &pair, Chain { sequence: 1, ..Chain::EMPTY }, 1, 100);
    let mixed = [batch[0].clone(), elsewhere[0].clone()];
    assert_eq!(take(&mixed), code("event_chain_broken", Some(0)), "it follows another one");
    assert_eq!(rig.store.chain("a").expect("chain"), Chain::EMPTY, "nothing was kept of any");
    assert_eq!(ingest(&*rig.store, "a", &batch, 5).expect("as it is").committed, 3);
}

#[test]
fn another_event_in_a_place_that_is_taken_is_a_fork() {
    let (rig, pair) = (Rig::new(), key());
    registered(&rig, "a", &pair);
    ingest(&*rig.store, "a", &events_of("a", &pair, Chain::EMPTY, 2, 100), 5).expect("taken");
    let restored = events_of("a", &pair, Chain::EMPTY, 3, 200);
    assert_eq!(refused(ingest(&*rig.store, "a", &restored, 5)), code("event_fork", Some(2)));
    assert_eq!(refused(ingest(&*rig.store, "a", &restored[1..2], 5)), code("event_fork", Some(2)));
    assert_eq!(rig.store.chain("a").expect("chain").sequence, 2);
}
