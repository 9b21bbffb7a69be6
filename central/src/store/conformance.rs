//! What every event store must do.

use super::{Addition, Entry, EventStore, Evidence, Passed, Place, StoreError, Trouble};
use crate::people::Scope;
use events::event::Bytes;
use events::sync::Enrolment;
use events::{Body, Chain, Event, SignedEvent, Signer, hash};

/// Runs the suite on an empty store; `reopen` opens the same store again.
///
/// # Panics
/// When the store does not conform; the message names the clause.
pub fn run(store: &dyn EventStore, reopen: impl Fn() -> Box<dyn EventStore>) {
    let enrolment = |device: &str, key: &str| Enrolment {
        device: device.to_owned(),
        site: "s".to_owned(),
        event_key: key.to_owned(),
    };
    assert_eq!(store.device("a").expect("lookup"), None, "an unknown device is None");
    store.add_device(&enrolment("a", "k1")).expect("registered");
    store.add_device(&enrolment("a", "k1")).expect("registering again is no error");
    assert!(
        matches!(store.add_device(&enrolment("a", "k2")), Err(StoreError::DeviceExists(_))),
        "a name cannot be taken over with another key"
    );
    let elsewhere = Enrolment { site: "t".to_owned(), ..enrolment("a", "k1") };
    assert!(
        matches!(store.add_device(&elsewhere), Err(StoreError::DeviceElsewhere(_))),
        "registering does not move a device to another site"
    );
    assert_eq!(store.device("a").expect("lookup"), Some(enrolment("a", "k1")), "nor does it change anything");
    store.move_device(&elsewhere).expect("moved");
    assert_eq!(store.device("a").expect("lookup"), Some(elsewhere), "who says that it moves, moves it");
    assert!(
        matches!(store.move_device(&enrolment("a", "k2")), Err(StoreError::DeviceExists(_))),
        "with its own key only"
    );
    store.move_device(&enrolment("a", "k1")).expect("moved back");
    store.add_device(&enrolment("b", "k2")).expect("registered");
    assert_eq!(store.device("a").expect("lookup"), Some(enrolment("a", "k1")), "a device is found");

    assert_eq!(store.chain("a").expect("chain"), Chain::EMPTY, "a new device has an empty chain");
    let (one, two, three) = (b"one".to_vec(), b"two".to_vec(), b"three".to_vec());
    let end = store.append("a", Chain::EMPTY, &[one.clone(), two.clone()], 10).expect("appended");
    assert_eq!(end, Chain { sequence: 2, head: hash(&two) }, "the chain ends at the last event");
    assert_eq!(store.chain("a").expect("chain"), end, "and is kept");
    assert_eq!(store.chain("b").expect("chain"), Chain::EMPTY, "chains are apart");
    assert!(
        matches!(store.append("a", Chain::EMPTY, std::slice::from_ref(&three), 11), Err(StoreError::Conflict(_))),
        "nothing is appended behind an old end"
    );
    assert_eq!(store.chain("a").expect("chain"), end, "a conflict changes nothing");
    store.append("b", Chain::EMPTY, std::slice::from_ref(&three), 12).expect("appended");
    assert_eq!(store.append("a", end, &[], 13).expect("nothing to append"), end, "an empty append is no error");

    let again = reopen();
    let found = again.event("a", 2).expect("lookup").expect("event");
    assert_eq!((found.bytes, found.received_at), (two.clone(), 10), "events survive unchanged");
    assert_eq!(again.event("a", 3).expect("lookup"), None, "an event that is not there is None");
    let (all, cursor) = again.scan(0, 10).expect("scan");
    let order: Vec<_> = all.iter().map(|e| (e.device.as_str(), e.sequence, e.bytes.as_slice())).collect();
    assert_eq!(order, [("a", 1, &one[..]), ("a", 2, &two), ("b", 1, &three)], "the log is in order of arrival");
    assert_eq!(again.scan(cursor, 10).expect("scan").0, [], "the cursor is behind the last");
    assert_eq!(again.scan(0, 1).expect("scan").0.len(), 1, "the limit is kept");
    signers(store, &reopen);
    strange(store, &reopen);
    let troubles = store.troubles(i64::MAX);
    assert!(!troubles.contains(&Trouble::Unwritable) && !troubles.contains(&Trouble::Clock), "it can be written");
    assert!(store.troubles(-1000).contains(&Trouble::Clock), "the newest event came in the future");
}

/// What cannot be read, and what contradicts the log, is kept apart, and is bounded.
fn strange(store: &dyn EventStore, reopen: impl Fn() -> Box<dyn EventStore>) {
    let from = store.chain("b").expect("chain");
    let named = Some(hash(b"as it was"));
    let entries = vec![
        Entry::Passed(Passed { bytes: b"noise".to_vec(), code: "event_envelope", named }),
        Entry::Event {
            bytes: b"behind".to_vec(),
            unknown: Some("tally".to_owned()),
            time: Some((1000, "ntp".to_owned())),
        },
    ];
    let (first, device) = (from.sequence + 1, "b".to_owned());
    let end =
        store.commit(&[Addition { device, from, entries, at: 100 }]).expect("store").pop().expect("one").expect("end");
    assert_eq!(end, Chain { sequence: first + 1, head: hash(b"behind") }, "a place that is passed over counts");
    let again = reopen();
    let places: Vec<_> = again.places("b", first, first + 1).expect("places").into_values().collect();
    let passed = Place::Passed { code: "event_envelope".to_owned(), named };
    assert_eq!(places, [passed, Place::Event(hash(b"behind"))], "and is known as such");
    assert_eq!(again.event("b", first).expect("lookup"), None, "it is no event");
    let evidence = |n: u32| Evidence {
        device: "b".to_owned(),
        sequence: first + 1,
        code: "event_fork".to_owned(),
        bytes: n.to_be_bytes().to_vec(),
        received_at: i64::from(n),
    };
    for n in (0..300).chain([0]) {
        store.keep(&evidence(n)).expect("kept");
    }
    let strange = again.strange(1000).expect("list");
    assert!((50..200).contains(&strange.evidence.len()), "evidence of one device is bounded");
    assert!(strange.evidence.iter().any(|it| it.bytes == Some(evidence(0).bytes)), "the first is kept");
    assert_eq!(strange.evidence[0].kept.as_deref(), Some(&b"behind"[..]), "with the event of the log");
    assert_eq!(strange.passed[0].bytes.as_deref(), Some(&b"noise"[..]), "bytes are kept as they came");
    assert_eq!((strange.unknown[0].kind.as_str(), strange.unknown[0].first), ("tally", first + 1), "kinds are counted");
    assert_eq!((strange.clocks[0].ahead, strange.clocks[0].least), (1, -900), "clocks are compared");
    assert_eq!(again.strange(1).expect("list").evidence.len(), 1, "the limit is kept");
}

/// An event of a device that tells of a signer: `count` documents of it since a time. A store asks nothing of its signature.
///
/// # Panics
/// When it cannot be made.
#[must_use]
pub fn tells(device: &str, sequence: u64, count: u64, since: i64) -> Vec<u8> {
    let document = "citizen_card".to_owned();
    of_signer(device, sequence, Signer { count, since, numbers: count, document, certificate: b"one".to_vec() })
}

fn of_signer(device: &str, sequence: u64, signer: Signer) -> Vec<u8> {
    let event = Event {
        version: events::event::VERSION,
        at: 1000 + i64::try_from(sequence).unwrap_or_default(),
        id: Bytes([0; 16]),
        software: "rig".to_owned(),
        time_quality: "system".to_owned(),
        uptime_ms: 0,
        device: device.to_owned(),
        sequence,
        body: Body::Signer(signer),
        boot: Bytes([0; 16]),
        previous: Bytes([0; 32]),
    };
    SignedEvent::sign(event, b"key", |_| Ok::<_, String>([0; 64])).expect("an event").bytes
}

/// What an event tells of document signers is counted once, whatever is sent again.
fn signers(store: &dyn EventStore, reopen: impl Fn() -> Box<dyn EventStore>) {
    assert_eq!(
        store.signers(10, &Scope::everywhere()).expect("signers"),
        [],
        "events of other kinds tell of no signer"
    );
    let (from, batch) = (store.chain("a").expect("chain"), [tells("a", 3, 1, 100), tells("a", 4, 2, 100)]);
    let end = store.append("a", from, &batch, 20).expect("appended");
    let seen = store.signers(10, &Scope::everywhere()).expect("signers");
    assert_eq!(seen.len(), 1, "a certificate is one signer");
    let one = &seen[0];
    assert_eq!((one.fingerprint, one.certificate.as_slice()), (hash(b"one"), &b"one"[..]), "as it came");
    assert_eq!((one.devices, one.count, one.numbers), (1, 2, 2), "the newest count of a device counts");
    assert_eq!((one.since, one.last, one.documents.join(" ").as_str()), (100, 1004, "citizen_card"));
    assert!(store.append("a", from, &batch, 21).is_err(), "the same batch again is a conflict");
    store.append("a", end, &[], 22).expect("appended");
    assert_eq!(store.signers(10, &Scope::everywhere()).expect("signers"), seen, "and changes nothing");
    assert_eq!(reopen().signers(10, &Scope::everywhere()).expect("signers"), seen, "signers survive");

    let passport =
        Signer { count: 8, since: 60, numbers: 5, document: "passport".into(), certificate: b"one".to_vec() };
    let other =
        Signer { certificate: b"two".to_vec(), document: "\u{1b}[2J,".to_owned(), count: u64::MAX, ..passport.clone() };
    let from = store.chain("b").expect("chain");
    store.append("b", from, &[of_signer("b", 2, passport), of_signer("b", 3, other)], 23).expect("appended");
    let seen = reopen().signers(10, &Scope::everywhere()).expect("signers");
    let shown: Vec<_> = seen.iter().map(|s| (s.devices, s.numbers, s.since, s.last)).collect();
    assert_eq!(shown, [(2, 7, 60, 1004), (1, 5, 60, 1003)], "another device adds; who was seen at more comes first");
    assert_eq!((seen[0].count, seen[0].documents.join(" ").as_str()), (10, "citizen_card passport"));
    assert_eq!(seen[1].documents, ["other"], "a device chooses no characters that reach a screen");
    assert_eq!(seen[1].count, 1 << 40, "nor a count that breaks the sums");
    assert_eq!(store.signers(1, &Scope::everywhere()).expect("signers"), seen[..1], "the limit is kept");
    // A device that was set up anew counts anew, and it was seen since then all the same.
    let from = store.chain("b").expect("chain");
    store.append("b", from, &[tells("b", 4, 1, 900)], 24).expect("appended");
    let seen = store.signers(1, &Scope::everywhere()).expect("signers");
    assert_eq!((seen[0].count, seen[0].since, seen[0].last), (3, 60, 1004));
}
