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
fn only_the_devices_own_events_are_taken_and_only_up_to_where_they_are_right() {
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
    assert_eq!(rig.store.chain("a").expect("chain"), Chain::EMPTY, "nothing was kept of any");
    let mut changed = batch.clone();
    damage(&mut changed[2]);
    let receipt = ingest(&*rig.store, "a", &changed, 5).expect("what stands before the last one");
    assert_eq!((receipt.committed, receipt.refused.len()), (2, 0), "alone what is damaged moves nothing");
    assert_eq!(take(&changed[2..]), code("event_signature", Some(2)), "the last one is damaged");
    let elsewhere = events_of("a", &pair, Chain { sequence: 2, ..Chain::EMPTY }, 1, 100);
    let mixed = [batch[1].clone(), elsewhere[0].clone()];
    assert_eq!(take(&mixed), code("event_chain_broken", Some(2)), "it follows another one");
    assert_eq!(ingest(&*rig.store, "a", &batch, 5).expect("as it is").committed, 3);
    let strange = rig.store.strange(10).expect("list");
    let kept: Vec<_> = strange.evidence.iter().map(|it| (it.sequence, it.code.as_str(), it.bytes.clone())).collect();
    assert_eq!(kept, [(3, "event_chain_broken", Some(elsewhere[0].clone()))], "what it follows cannot be denied");
}

fn damage(event: &mut [u8]) {
    let last = event.len() - 1;
    event[last] ^= 1;
}

#[test]
fn one_damaged_event_of_five_hundred_costs_the_others_nothing() {
    let (rig, pair) = (Rig::new(), key());
    registered(&rig, "a", &pair);
    let mut batch = events_of("a", &pair, Chain::EMPTY, 500, 100);
    damage(&mut batch[249]);
    batch[250].truncate(20);
    for again in [false, true] {
        let receipt = ingest(&*rig.store, "a", &batch, 5).expect("taken");
        assert_eq!(receipt.committed, 500, "again: {again}");
        let refused: Vec<_> = receipt.refused.iter().map(|it| (it.sequence, it.code.as_str())).collect();
        assert_eq!(refused, [(250, "event_signature"), (251, "event_envelope")], "again: {again}");
    }
    assert_eq!(rig.store.scan(0, 1000).expect("log").0.len(), 498);
    let strange = rig.store.strange(10).expect("list");
    let kept: Vec<_> = strange.passed.iter().map(|it| (it.sequence, it.bytes.as_deref())).collect();
    assert_eq!(kept, [(250, Some(&batch[249][..])), (251, Some(&batch[250][..]))], "with their bytes");
    let more = events_of("a", &pair, Chain { sequence: 500, head: events::hash(&batch[499]) }, 2, 100);
    assert_eq!(ingest(&*rig.store, "a", &more, 5).expect("the chain goes on").committed, 502);
}

#[test]
fn only_so_much_is_passed_over_as_a_signed_event_leaves_room_for() {
    let (rig, pair) = (Rig::new(), key());
    registered(&rig, "a", &pair);
    let batch = events_of("a", &pair, Chain::EMPTY, 4, 100);
    let noise = b"no event".to_vec();
    let take = |batch: &[Vec<u8>]| refused(ingest(&*rig.store, "a", batch, 5));
    assert_eq!(
        take(&[noise.clone(), noise.clone()]),
        code("event_envelope", Some(0)),
        "nobody says that it is an event"
    );
    assert_eq!(take(&[noise.clone(), batch[3].clone()]), code("event_sequence", Some(0)), "two are missing");
    let receipt = ingest(&*rig.store, "a", &[noise.clone(), noise.clone(), batch[1].clone()], 5).expect("taken");
    assert_eq!((receipt.committed, receipt.refused.len()), (2, 1), "there is room for one");
    // What was passed over comes after all: it is kept, and accuses nobody.
    let receipt = ingest(&*rig.store, "a", &batch[..1], 6).expect("known");
    assert_eq!((receipt.committed, receipt.refused.len()), (2, 1));
    let strange = rig.store.strange(10).expect("list");
    assert_eq!(strange.evidence[0].code, "event_late");
    assert_eq!(strange.evidence[0].bytes.as_ref(), Some(&batch[0]));
}

/// An event as a newer program makes it: of a kind that nobody knows here.
fn newer(device: &str, pair: &Pair, chain: &mut Chain) -> Vec<u8> {
    use serde_cbor::Value;
    let text = |text: &str| Value::Text(text.to_owned());
    let sequence = chain.sequence + 1;
    let mut event = events::signed::read(&tells(device, sequence, sequence, 1)).expect("an event");
    event.previous = chain.head;
    let Value::Map(mut map) = serde_cbor::value::to_value(&event).expect("CBOR") else { panic!("a map") };
    let tally = Value::Map([(text("day"), Value::Integer(3))].into());
    map.insert(text("body"), Value::Map([(text("tally"), tally)].into()));
    let bytes = events::signed::sign_payload(serde_cbor::to_vec(&map).expect("CBOR"), &pair.1, |m| sign(pair, m));
    let bytes = bytes.expect("signed");
    *chain = Chain { sequence, head: events::hash(&bytes) };
    bytes
}

#[test]
fn an_event_of_a_kind_that_is_not_known_is_stored_as_it_is_and_counted() {
    let (rig, pair) = (Rig::new(), key());
    registered(&rig, "a", &pair);
    let mut batch = events_of("a", &pair, Chain::EMPTY, 2, 100);
    let mut chain = Chain { sequence: 2, head: events::hash(&batch[1]) };
    batch.extend([newer("a", &pair, &mut chain), newer("a", &pair, &mut chain)]);
    batch.extend(events_of("a", &pair, chain, 2, 100));
    for part in [&batch[..], &batch[2..4]] {
        let receipt = ingest(&*rig.store, "a", part, 5).expect("taken");
        assert_eq!((receipt.committed, receipt.refused.len()), (6, 0));
    }
    assert_eq!(rig.store.event("a", 3).expect("log").expect("event").bytes, batch[2], "byte for byte");
    let strange = rig.store.strange(10).expect("list");
    let kinds: Vec<_> = strange.unknown.iter().map(|it| (it.kind.as_str(), it.count, it.first, it.last)).collect();
    assert_eq!(kinds, [("tally", 2, 3, 4)]);
    assert!(strange.text().contains("a: 2 events of kind tally are not known"), "{}", strange.text());
}

#[test]
fn a_clock_that_is_ahead_is_shown_and_the_event_is_kept() {
    let (rig, pair) = (Rig::new(), key());
    registered(&rig, "a", &pair);
    // They happened at 1001 and 1002, by the device's word.
    ingest(&*rig.store, "a", &events_of("a", &pair, Chain::EMPTY, 2, 100), 600).expect("taken");
    let clocks = rig.store.strange(10).expect("list").clocks;
    assert_eq!((clocks.len(), clocks[0].ahead, clocks[0].events, clocks[0].least), (1, 2, 2, -402));
    assert_eq!(clocks[0].quality, "system");
}

#[test]
fn nothing_is_verified_for_whoever_waits_no_longer_and_what_was_verified_is_not_lost() {
    use cccd_central::ingest::check;
    let (rig, pair) = (Rig::new(), key());
    registered(&rig, "a", &pair);
    let batch = events_of("a", &pair, Chain::EMPTY, 4, 100);
    let late = check(&*rig.store, "a", &batch, 5, &|| false).expect("looked at");
    assert!(late.addition().entries.is_empty());
    assert_eq!(refused(late.answer(Chain::EMPTY)), code("central_busy", None));
    let asked = std::cell::Cell::new(0);
    let some = check(&*rig.store, "a", &batch, 5, &|| asked.replace(asked.get() + 1) < 3).expect("looked at");
    let end = rig.store.commit(std::slice::from_ref(some.addition())).expect("store").pop().expect("one").expect("end");
    assert_eq!(some.answer(end).expect("a receipt").committed, 3);
    // What is known is not verified again: no time is asked for.
    let again = check(&*rig.store, "a", &batch[..3], 6, &|| false).expect("looked at");
    assert_eq!(again.answer(end).expect("a receipt").committed, 3);
}

#[test]
fn one_addition_that_comes_too_late_costs_no_other_of_its_group() {
    use cccd_central::store::{Addition, Entry};
    let (rig, pair) = (Rig::new(), key());
    registered(&rig, "a", &pair);
    registered(&rig, "b", &pair);
    let addition = |device: &str| Addition {
        device: device.to_owned(),
        from: Chain::EMPTY,
        entries: vec![Entry::Event { bytes: device.as_bytes().to_vec(), unknown: None, time: None }],
        at: 5,
    };
    let ends = rig.store.commit(&[addition("a"), addition("a"), addition("b")]).expect("store");
    let committed: Vec<_> = ends.into_iter().map(|end| end.ok().map(|end| end.sequence)).collect();
    assert_eq!(committed, [Some(1), None, Some(1)]);
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
    let kept = rig.store.strange(10).expect("list").evidence;
    let places: Vec<_> = kept.iter().map(|it| (it.sequence, it.code.as_str())).collect();
    assert_eq!(places, [(1, "event_fork"), (2, "event_fork")]);
    assert!(kept.iter().all(|it| it.bytes.is_some() && it.kept.is_some() && it.bytes != it.kept), "both are shown");
}
