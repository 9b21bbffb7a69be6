//! The pages' own database over a real log.

use super::*;
use crate::store::conformance::tells;
use events::sync::Enrolment;

const NOW: i64 = 1_800_000_000;

struct Log {
    directory: tempfile::TempDir,
}

impl Log {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("directory") }
    }

    fn open(&self) -> SqliteStore {
        SqliteStore::open(&self.directory.path().join("central.db")).expect("store")
    }

    fn add(&self, device: &str, site: &str) {
        let (device, site) = (device.to_owned(), site.to_owned());
        let event_key = device.clone();
        self.open().add_device(&Enrolment { device, site, event_key }).expect("a device");
    }

    fn send(&self, device: &str, events: &[Vec<u8>]) {
        let store = self.open();
        let end = store.chain(device).expect("chain");
        store.append(device, end, events, NOW).expect("stored");
    }
}

fn everything(index: &Index, scope: &Scope) -> Vec<(String, String, u64)> {
    let found = index.events(scope, &Asked::default(), 100).expect("events");
    assert_eq!(found.count, found.events.len() as u64);
    found.events.into_iter().map(|event| (event.device, event.site, event.sequence)).collect()
}

fn row(device: &str, site: &str, sequence: u64) -> (String, String, u64) {
    (device.to_owned(), site.to_owned(), sequence)
}

#[test]
fn it_follows_the_log_once_and_keeps_the_site_of_the_time() {
    let log = Log::new();
    log.add("a", "A");
    log.send("a", &[tells("a", 1, 1, 10), tells("a", 2, 2, 10)]);
    let index = Index::in_memory().expect("index");
    let store = log.open();
    assert!(!index.follow(&store, 1).expect("followed"), "there is more");
    assert!(index.follow(&store, 10).expect("followed"));
    assert!(index.follow(&store, 10).expect("followed"), "and nothing twice");
    assert_eq!(everything(&index, &Scope::everywhere()), [row("a", "A", 2), row("a", "A", 1)]);
    let moved = Enrolment { device: "a".to_owned(), site: "B".to_owned(), event_key: "a".to_owned() };
    store.move_device(&moved).expect("moved");
    log.send("a", &[tells("a", 3, 3, 10)]);
    index.follow(&store, 10).expect("followed");
    assert_eq!(
        everything(&index, &Scope::everywhere()),
        [row("a", "B", 3), row("a", "A", 2), row("a", "A", 1)],
        "what was sent from A stays A's"
    );
    assert_eq!(everything(&index, &Scope::of(["A"])), [row("a", "A", 2), row("a", "A", 1)]);
    assert_eq!(everything(&index, &Scope::default()), [], "nobody sees what nobody said");
}

#[test]
fn where_another_log_was_put_in_its_place_it_begins_anew() {
    let (one, other) = (Log::new(), Log::new());
    for (log, site) in [(&one, "A"), (&other, "B")] {
        log.add("a", site);
        log.send("a", &[tells("a", 1, if site == "A" { 1 } else { 7 }, 10)]);
    }
    one.send("a", &[tells("a", 2, 2, 10)]);
    let index = Index::in_memory().expect("index");
    index.follow(&one.open(), 10).expect("followed");
    assert_eq!(everything(&index, &Scope::everywhere()).len(), 2);
    // Shorter, and of other events.
    index.follow(&other.open(), 10).expect("followed");
    assert_eq!(everything(&index, &Scope::everywhere()), [row("a", "B", 1)]);
    index.follow(&one.open(), 10).expect("followed");
    assert_eq!(everything(&index, &Scope::everywhere()).len(), 2);
}

#[test]
fn a_search_is_narrowed_by_each_of_its_words_and_goes_on_where_it_ended() {
    let log = Log::new();
    for (device, site) in [("a", "A"), ("b", "B")] {
        log.add(device, site);
        log.send(device, &[tells(device, 1, 1, 10), b"no event at all".to_vec(), tells(device, 3, 2, 10)]);
    }
    let index = Index::in_memory().expect("index");
    index.follow(&log.open(), 100).expect("followed");
    let all = Scope::everywhere();
    let count = |asked: Asked| index.events(&all, &asked, 100).expect("events").count;
    assert_eq!(count(Asked::default()), 4, "what is no event is none here");
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(count(Asked { site: some("A"), ..Asked::default() }), 2);
    assert_eq!(count(Asked { device: some("b"), site: some("A"), ..Asked::default() }), 0);
    assert_eq!(count(Asked { kind: some("signer"), ..Asked::default() }), 4);
    assert_eq!(count(Asked { kind: some("visit' OR 1=1 --"), ..Asked::default() }), 0);
    assert_eq!(count(Asked { from: Some(i64::MAX), ..Asked::default() }), 0);
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let found = index.events(&all, &Asked { before, ..Asked::default() }, 3).expect("events");
        seen.extend(found.events.into_iter().map(|event| (event.device, event.sequence)));
        before = found.next;
        if before.is_none() {
            break;
        }
    }
    let seen: Vec<(&str, u64)> = seen.iter().map(|(device, at)| (device.as_str(), *at)).collect();
    assert_eq!(seen, [("b", 3), ("b", 1), ("a", 3), ("a", 1)]);
}

#[test]
fn an_alert_begins_once_is_taken_once_and_ends() {
    let index = Index::in_memory().expect("index");
    let with = |troubles: &[Trouble]| {
        let of = |site: &str| (site.to_owned(), troubles.iter().copied().collect());
        BTreeMap::from([("a".to_owned(), of("A")), ("b".to_owned(), of("B"))])
    };
    for at in 0..3 {
        index.watch(&with(&[Trouble::Silent]), NOW + at).expect("watched");
    }
    let (own, all) = (Scope::of(["A"]), Scope::everywhere());
    let alerts = index.alerts(&own, 10).expect("alerts");
    assert_eq!(alerts.iter().map(|alert| (alert.device.as_str(), alert.since)).collect::<Vec<_>>(), [("a", NOW)]);
    let of_b = index.alerts(&all, 10).expect("alerts").into_iter().find(|alert| alert.device == "b").expect("one");
    assert_eq!(index.take(&own, of_b.id, "an", NOW).expect("asked"), Take::Unknown, "it is another's");
    assert_eq!(index.take(&own, alerts[0].id, "an", NOW).expect("asked"), Take::Taken);
    assert_eq!(index.take(&all, alerts[0].id, "bình", NOW).expect("asked"), Take::Before("an".to_owned()));
    assert_eq!((index.waiting(&own).expect("count"), index.waiting(&all).expect("count")), (0, 1));
    // It is gone; and when it comes again it is another alert, which nobody has taken.
    index.watch(&with(&[]), NOW + 10).expect("watched");
    assert!(index.alerts(&all, 10).expect("alerts").iter().all(|alert| alert.ended == Some(NOW + 10)));
    index.watch(&with(&[Trouble::Silent, Trouble::Clock]), NOW + 20).expect("watched");
    let again = index.alerts(&own, 10).expect("alerts");
    assert_eq!(again.iter().filter(|alert| alert.ended.is_none() && alert.taken.is_none()).count(), 2);
    assert_eq!(again.len(), 3);
    // Of a device that nobody looked at nothing is known: its alert goes on.
    index.watch(&BTreeMap::new(), NOW + 30).expect("watched");
    assert_eq!(index.alerts(&own, 10).expect("alerts").iter().filter(|alert| alert.ended.is_none()).count(), 2);
}
