//! What every event store must do.

use super::{EventStore, StoreError};
use events::sync::Enrolment;
use events::{Chain, hash};

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
}
