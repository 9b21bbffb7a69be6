//! The log that proves itself: central's own tree and signatures, with the device's own outbox and the auditor's own verifier.

mod fleet_of_one;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use cccd_central::http::router_of_log;
use cccd_central::log::audit::{audit, copy};
use cccd_central::log::keys::{self, Signers};
use cccd_central::log::{Log, SealError};
use cccd_central::store::conformance::tells;
use cccd_central::store::log::tree;
use cccd_central::tls::{Peer, Presented};
use cccd_central::{EventStore, LogStore as _, SqliteStore, ingest};
use events::sync::{Enrolment, InLog};
use events::{Chain, SignedEvent};
use fleet_of_one::{Pair, key, sign};
use openssl::base64::encode_block;
use program::Coded as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use store::outbox::{KEEP, KEEP_DAYS, Outbox};
use store::receipts::Took;
use store::uplink::machine::{Answer, Machine, Note, Step};
use tlog::tree::{Nodes as _, Tree, leaf};
use tlog::verify::{Source, State, Task, verify};
use tlog::{Keys, LogError, tiles};
use tower::Service as _;

const ORIGIN: &str = "central.example/events";
/// The entries before the device's own, of another device.
const OTHERS: usize = 300;

/// The next event of device `a`.
fn made(pair: &Pair, chain: Chain) -> SignedEvent {
    let mut event = events::signed::read(&tells("a", chain.sequence + 1, 1, 1)).expect("an event");
    event.previous = chain.head;
    SignedEvent::sign(event, &pair.1, |message| sign(pair, message)).expect("signed")
}

struct Rig {
    directory: tempfile::TempDir,
    pair: Pair,
    outbox: Outbox,
}

impl Rig {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("directory");
        keys::create(&directory.path().join("log"), ORIGIN).expect("keys");
        let outbox = Outbox::open(&directory.path().join("outbox.db")).expect("outbox");
        Self { directory, pair: key(), outbox }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn signers(&self) -> Signers {
        Signers::open(&self.path("log")).expect("keys")
    }

    /// The table, as the device has it.
    fn keys(&self) -> Keys {
        Keys::parse(&std::fs::read_to_string(self.path("log/keys")).expect("table")).expect("keys")
    }

    /// A database of this name, where both devices are registered.
    fn central(&self, name: &str) -> Arc<SqliteStore> {
        let store = SqliteStore::open(&self.path(name)).expect("store");
        for (device, key) in [("a", hex::encode(&self.pair.1)), ("b", "k".to_owned())] {
            let enrolment = Enrolment { device: device.to_owned(), site: "s".to_owned(), event_key: key };
            store.add_device(&enrolment).expect("registered");
        }
        Arc::new(store)
    }

    fn log(&self, store: &Arc<SqliteStore>) -> Log {
        Log::new(Arc::clone(store) as Arc<dyn EventStore>, self.signers()).expect("log")
    }

    /// The device signs another event.
    fn event(&mut self) {
        let pair = self.pair.clone();
        self.outbox.append(|chain| Ok(made(&pair, chain))).expect("appended");
    }

    fn seen(&self) -> Option<String> {
        self.outbox.seen_header(&self.keys()).expect("outbox")
    }

    /// Sends what waits until nothing does; what the log said of it last, as the device took it.
    fn send(&mut self, store: &Arc<SqliteStore>, log: &Log) -> Option<Took> {
        let (mut machine, mut now, mut took) = (Machine::default(), Duration::ZERO, None);
        loop {
            let pending = self.outbox.pending(machine.batch()).expect("outbox");
            match machine.next(now, !pending.is_empty()) {
                Step::Idle => return took,
                Step::WaitUntil(then) => now = then,
                Step::Send => {
                    let answer = match ingest(&**store, "a", &pending, 5) {
                        Ok(receipt) => {
                            let said = log.prove("a", self.seen().as_deref(), 5).unwrap_or_default();
                            took = Some(self.outbox.take_receipt(&self.keys(), said.as_ref(), 5).expect("disk"));
                            Answer::Receipt(receipt)
                        }
                        Err(error) => Answer::Refusal(error.refusal().1),
                    };
                    if let Note::Acknowledged(committed) = machine.feed(now, 0, answer) {
                        self.outbox.acknowledge(committed, 5).expect("noted");
                    }
                }
            }
        }
    }
}

fn other(number: usize) -> Vec<u8> {
    tells("b", number as u64 + 1, 1, 1)
}

fn append(store: &SqliteStore, device: &str, entries: &[Vec<u8>]) {
    let from = store.chain(device).expect("chain");
    store.append(device, from, entries, 5).expect("appended");
}

/// A copy of a log on disk, as an auditor has it.
struct Files(PathBuf);

impl Source for Files {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, LogError> {
        Ok(std::fs::read(self.0.join(path)).ok())
    }
}

fn audited(rig: &Rig, store: &SqliteStore, log: &Log, to: &str, earlier: Option<&State>) -> Result<State, LogError> {
    let (to, newest) = (rig.path(to), log.newest().expect("signed"));
    copy(store, newest.checkpoint().size, newest.note(), &to).expect("copied");
    let mut last = None;
    let task = Task { keys: &rig.keys(), threads: 2, entries: true, every: 0 };
    verify(&Files(to), task, earlier, |state, _| {
        last = Some(state.clone());
        Ok(())
    })?;
    Ok(last.expect("told"))
}

/// Each of them catches each of these: the device, the auditor with a copy, and the audit with a checkpoint that somebody kept.
#[test]
fn a_log_that_dropped_inserted_moved_or_rewrote_one_event_is_caught_by_all_three() {
    for how in ["nothing", "dropped", "inserted", "moved", "rewritten"] {
        let mut rig = Rig::new();
        let first = rig.central("first.db");
        let others: Vec<Vec<u8>> = (0..OTHERS).map(other).collect();
        append(&first, "b", &others);
        rig.event();
        let log = rig.log(&first);
        assert!(matches!(rig.send(&first, &log), Some(Took::Kept(301))), "{how}");
        let state = audited(&rig, &first, &log, "copy", None).expect("in order");
        let table = rig.keys();
        let kept = rig.outbox.seen(&table).expect("outbox");
        let kept = [kept.last().expect("kept").clone()];
        assert_eq!(audit(&*first, &kept).expect("in order").extends, [301]);

        // Central's operator begins anew, and signs as before.
        let second = rig.central("second.db");
        let mut others = others;
        match how {
            "dropped" => drop(others.remove(100)),
            "inserted" => others.insert(100, other(1000)),
            "moved" => others.swap(100, 101),
            "rewritten" => others[100] = other(1000),
            _ => {}
        }
        append(&second, "b", &others);
        let own = rig.outbox.event(1).expect("outbox").expect("event");
        append(&second, "a", &[own]);
        append(&second, "b", &[other(2000), other(2001)]);
        assert_eq!(
            audit(&*second, &[]).expect("in itself it is in order").present,
            second.frontier().expect("size").size()
        );
        // It shows what proves the most.
        let (size, lies) = (second.frontier().expect("frontier").size(), rig.log(&second));
        let proof = tree(&*second, size).consistency(301, size).expect("proof");
        let said = lies.prove("a", None, 5).expect("signed").expect("an event");
        let said = InLog { extends: Some(encode_block(&proof.to_bytes())), ..said };
        let took = rig.outbox.take_receipt(&table, Some(&said), 7).expect("disk");
        let again = audited(&rig, &second, &lies, "second", Some(&state)).map(drop);
        let audited = audit(&*second, &kept);
        if how == "nothing" {
            assert!(matches!(took, Took::Kept(303)), "{took:?}");
            assert!(again.is_ok() && audited.is_ok());
            continue;
        }
        let Took::Refused(LogError::Inconsistent(evidence)) = took else { panic!("{how}: {took:?}") };
        assert!(evidence.is_certain(), "{how}");
        assert_eq!(again.expect_err(how).code(), "log_inconsistent");
        assert_eq!(program::Failure::from(audited.expect_err(how)).code, "log_tile_differs");
        let trouble = rig.outbox.log_trouble(&table).expect("disk").expect("kept");
        assert!(trouble.is_contradiction() && tlog::Evidence::open(&trouble.evidence.expect("kept"), &table).is_ok());
        assert_eq!(rig.outbox.untold_contradictions().expect("disk"), [ORIGIN]);
        rig.outbox.told_contradiction(ORIGIN).expect("disk");
        // What comes later does not undo it, and it is told once.
        let kept = rig.outbox.take_receipt(&table, None, 9).expect("disk");
        assert!(matches!(kept, Took::Refused(LogError::NoReceipt(_))));
        assert!(rig.outbox.log_trouble(&table).expect("disk").expect("kept").is_contradiction());
        assert_eq!(rig.outbox.untold_contradictions().expect("disk"), Vec::<String>::new());
        // An honest central learns it of the device.
        assert_eq!(lies.prove("a", rig.seen().as_deref(), 9).expect_err(how).code(), "log_gone_back");
        assert!(lies.has_gone_back() && lies.newest().is_err(), "{how}");
    }
}

/// The devices are the journal: a central from an older backup gets from them what it lost, and signs it under another name.
#[test]
fn a_central_from_an_older_backup_gets_back_what_it_lost_and_signs_no_second_log_of_one_name() {
    let mut rig = Rig::new();
    let central = rig.central("central.db");
    let log = rig.log(&central);
    rig.event();
    assert!(matches!(rig.send(&central, &log), Some(Took::Kept(1))));
    let backup = rig.path("backup.db");
    rusqlite::Connection::open(rig.path("central.db"))
        .and_then(|disk| disk.execute("VACUUM INTO ?1", [backup.display().to_string()]))
        .expect("a backup");
    for _ in 0..3 {
        rig.event();
    }
    assert!(matches!(rig.send(&central, &log), Some(Took::Kept(4))));

    let restored = rig.central("backup.db");
    let log = rig.log(&restored);
    append(&restored, "b", &[other(0)]);
    // A device without anything to send asks with an empty batch where central stands.
    let answer = ingest(&*restored, "a", &[], 5).expect("answered");
    let note = Machine::default().feed(Duration::ZERO, 0, Answer::Receipt(answer));
    assert_eq!(note, Note::Acknowledged(1));
    rig.outbox.acknowledge(1, 5).expect("noted");
    assert_eq!(rig.outbox.pending(10).expect("outbox").len(), 3, "what central lost waits again");
    rig.event();
    let took = rig.send(&restored, &log);
    assert_eq!(restored.chain("a").expect("chain").sequence, 5, "all of it is there again");
    assert!(matches!(took, Some(Took::Refused(LogError::NoReceipt(_)))), "{took:?}");
    assert!(matches!(log.newest(), Err(SealError::GoneBack)));
    assert!(rig.log(&restored).has_gone_back(), "it is known at the next start, too");
    let trouble = rig.outbox.log_trouble(&rig.keys()).expect("disk").expect("told");
    assert!(!trouble.is_contradiction(), "nobody is accused of a backup");

    // The operator begins a log of another name, and its table comes to the devices.
    std::fs::remove_dir_all(rig.path("log")).expect("taken away");
    keys::create(&rig.path("log"), "central.example/events-2").expect("keys");
    let log = rig.log(&restored);
    rig.event();
    assert!(matches!(rig.send(&restored, &log), Some(Took::Kept(7))));
    assert_eq!(rig.outbox.log_trouble(&rig.keys()).expect("disk"), None);
}

#[test]
fn a_log_grows_with_proofs_and_its_keys_change_by_size() {
    let mut rig = Rig::new();
    let central = rig.central("central.db");
    append(&central, "b", &(0..250).map(other).collect::<Vec<_>>());
    keys::rotate(&rig.path("log"), 255).expect("rotated");
    assert!(keys::rotate(&rig.path("log"), 255).is_err(), "not twice from one size");
    let log = rig.log(&central);
    for size in 251..260 {
        rig.event();
        assert!(matches!(rig.send(&central, &log), Some(Took::Kept(kept)) if kept == size), "{size}");
    }
    // Keys that are added count without a new start; those of another log do not.
    keys::rotate(&rig.path("log"), 260).expect("rotated");
    assert!(log.set_signers(rig.signers()).is_ok());
    keys::create(&rig.path("other"), "log.other/events").expect("keys");
    let other = Signers::open(&rig.path("other")).expect("keys");
    assert_eq!(log.set_signers(other).expect_err("refused").code(), "log_origin");
    // The old private key may be destroyed.
    for form in ["cose", "note"] {
        std::fs::remove_file(rig.path(&format!("log/0.{form}.key.pem"))).expect("destroyed");
    }
    rig.event();
    assert!(
        matches!(rig.send(&central, &log), Some(Took::Kept(260))),
        "the device has the new table, and sees it used"
    );
    let log = rig.log(&central);
    rig.event();
    assert!(matches!(rig.send(&central, &log), Some(Took::Kept(261))));
    assert!(rig.signers().sign(254, tlog::tree::empty()).is_err());
    let (at, receipt) = rig.outbox.receipt_for(3).expect("disk").expect("kept");
    let event = rig.outbox.event(at).expect("disk").expect("kept");
    assert_eq!(rig.keys().open_receipt(&receipt, &event).expect("proved").0, 252);
}

/// The answer, as a device knew it before.
#[derive(serde::Deserialize)]
struct Older {
    committed: u64,
    head: String,
}

/// A device of before this: it names nothing and reads past what it does not know.
#[test]
fn versions_that_do_not_know_receipts_go_on() {
    let mut rig = Rig::new();
    let central = rig.central("central.db");
    rig.event();
    let pending = rig.outbox.pending(10).expect("outbox");
    let plain = ingest(&*central, "a", &pending, 5).expect("taken");
    let text = serde_json::to_string(&plain).expect("JSON");
    assert!(!text.contains("log"), "a central without a log answers as ever");
    let said = rig.log(&central).prove("a", Some("no base64, and no checkpoint"), 5).expect("signed");
    let whole = serde_json::to_value(events::sync::Receipt { log: said, ..plain }).expect("JSON");
    let older: Older = serde_json::from_value(whole).expect("an older device reads past it");
    assert_eq!((older.committed, older.head.len()), (1, 64));
    // A checkpoint that this log did not sign closes nothing.
    let log = rig.log(&central);
    let mut rig2 = Rig::new();
    let larger = rig2.central("central.db");
    append(&larger, "b", &(0..5).map(other).collect::<Vec<_>>());
    rig2.event();
    let foreign = rig2.log(&larger);
    rig2.send(&larger, &foreign);
    log.prove("a", rig2.seen().as_deref(), 5).expect("another's signature says nothing here");
    assert!(!log.has_gone_back());
}

#[test]
fn no_event_is_without_a_leaf_whatever_was_broken_off() {
    let rig = Rig::new();
    let central = rig.central("central.db");
    append(&central, "b", &(0..10).map(other).collect::<Vec<_>>());
    let disk = rusqlite::Connection::open(rig.path("central.db")).expect("disk");
    // As an older version left it, or whoever writes beside the store: more than one transaction's worth.
    let insert = "WITH RECURSIVE n (i) AS (SELECT 11 UNION ALL SELECT i + 1 FROM n WHERE i < 9000)
                  INSERT INTO event (device, sequence, bytes, hash, received_at) SELECT 'b', i, CAST('event ' || i AS BLOB), zeroblob(32), 5 FROM n";
    assert_eq!(disk.execute(insert, []).expect("inserted"), 8990);
    assert_eq!(central.frontier().expect("frontier").size(), 10);
    drop(central);
    let central = rig.central("central.db");
    let size = central.frontier().expect("frontier").size();
    assert_eq!(size, 9000);
    let leaves: Tree =
        (0..10).map(|n| leaf(&other(n))).chain((11..=9000).map(|n| leaf(format!("event {n}").as_bytes()))).collect();
    assert_eq!(central.frontier().expect("frontier").root(), leaves.root(9000).expect("root"));
    for old in [1, 255, 256, 8192, 8999] {
        let proof = tree(&*central, size).consistency(old, size).expect("proof");
        proof
            .verify(&leaves.root(old).expect("root"), &leaves.root(size).expect("root"))
            .expect("proved by its own tiles");
    }
    assert_eq!(audit(&*central, &[]).expect("in order").present, 9000);

    // A commit that cannot extend the tree stores no event.
    let last = central.chain("b").expect("chain");
    let tile: Vec<u8> = disk
        .query_row("SELECT hashes FROM log_tile WHERE level = 0 AND number = 35", [], |row| row.get(0))
        .expect("tile");
    let change = |bytes: &[u8]| {
        disk.execute("UPDATE log_tile SET hashes = ?1 WHERE level = 0 AND number = 35", [bytes]).expect("changed");
    };
    change(&tile[32..]);
    assert_eq!(central.append("b", last, &[b"x".to_vec()], 6).expect_err("refused").code(), "log_damaged");
    assert_eq!(central.chain("b").expect("chain"), last);
    change(&tile);
    central.append("b", last, &[b"x".to_vec()], 6).expect("appended");

    // Nothing is taken out, nor changes its place; and where that was forced the store does not go on.
    for forbidden in ["DELETE FROM event WHERE position = 9001", "UPDATE event SET position = 9999 WHERE position = 5"]
    {
        assert!(disk.execute(forbidden, []).is_err(), "{forbidden}");
    }
    disk.execute_batch("DROP TRIGGER event_stays; UPDATE event SET bytes = x'00' WHERE position = 300")
        .expect("forced");
    let rewritten = audit(&*central, &[]).map_err(|error| program::Failure::from(error).code);
    assert_eq!(rewritten.expect_err("rewritten"), "log_rewritten");
    disk.execute("DELETE FROM event WHERE position = 9001", []).expect("forced");
    let last = central.chain("b").expect("chain");
    assert_eq!(central.append("b", last, &[b"y".to_vec()], 6).expect_err("refused").code(), "log_damaged");
    assert_eq!(SqliteStore::open(&rig.path("central.db")).expect_err("refused").code(), "log_damaged");
}

#[test]
fn acknowledged_events_stay_thirty_days_and_the_newest_longer() {
    const DAY: i64 = 86_400;
    let rig = Rig::new();
    let mut outbox = Outbox::open(&rig.path("other.db")).expect("outbox");
    let disk = rusqlite::Connection::open(rig.path("other.db")).expect("disk");
    let fill = |from: u64, to: u64| {
        let insert = "WITH RECURSIVE n (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
                      INSERT INTO event (sequence, bytes) SELECT i, x'00' FROM n";
        disk.execute(insert, [i64::try_from(from).expect("n"), i64::try_from(to).expect("n")]).expect("filled");
    };
    let first = || {
        disk.query_row("SELECT min(sequence) FROM event", [], |row| row.get::<_, i64>(0)).expect("first").unsigned_abs()
    };
    fill(1, 3 * KEEP);
    outbox.acknowledge(KEEP / 2, 0).expect("noted");
    outbox.acknowledge(3 * KEEP, DAY * KEEP_DAYS).expect("noted");
    assert_eq!(first(), 1, "for thirty days all of it stays");
    outbox.acknowledge(3 * KEEP, DAY * (KEEP_DAYS + 1)).expect("noted");
    assert_eq!(first(), KEEP / 2 + 1, "what was acknowledged before them goes");
    outbox.acknowledge(3 * KEEP, DAY * (2 * KEEP_DAYS + 2)).expect("noted");
    assert_eq!(first(), 2 * KEEP + 1, "the newest stay, however old they are");
    // A central that went back takes the marks of what it lost with it.
    outbox.acknowledge(2 * KEEP + 5, DAY * (2 * KEEP_DAYS + 3)).expect("noted");
    outbox.acknowledge(3 * KEEP, DAY * (2 * KEEP_DAYS + 3)).expect("noted");
    assert_eq!(first(), 2 * KEEP + 1);
}

/// Over the interface: the acknowledgement has the receipt, and the pages have what proves it; entries are nobody's there.
#[tokio::test]
async fn a_device_gets_receipts_and_tiles_and_a_stranger_neither() {
    let mut rig = Rig::new();
    let central = rig.central("central.db");
    append(&central, "b", &(0..OTHERS).map(other).collect::<Vec<_>>());
    rig.event();
    let log = Arc::new(rig.log(&central));
    let clock = Arc::new(events::SystemClock::new());
    let router = router_of_log(Arc::clone(&central) as Arc<dyn EventStore>, clock, None, Some(log));
    let own = Presented { name: "a".to_owned(), key: String::new() };
    let ask = async |peer: Option<&Presented>, method: &str, path: &str, body: Vec<u8>| {
        let mut request = Request::builder().method(method).uri(path).body(Body::from(body)).expect("a request");
        request.extensions_mut().insert(Peer(peer.cloned()));
        let response = router.clone().call(request).await.expect("an answer");
        let status = response.status().as_u16();
        (status, to_bytes(response.into_body(), usize::MAX).await.expect("a body").to_vec())
    };
    let batch = events::sync::encode_batch(rig.outbox.pending(10).expect("outbox").iter().map(Vec::as_slice));
    let (status, body) = ask(Some(&own), "POST", events::sync::EVENTS_PATH, batch).await;
    let receipt: events::sync::Receipt = serde_json::from_slice(&body).expect("a receipt");
    assert_eq!((status, receipt.committed), (200, 1));
    let took = rig.outbox.take_receipt(&rig.keys(), receipt.log.as_ref(), 5).expect("disk");
    assert!(matches!(took, Took::Kept(301)), "{took:?}");
    let (status, note) = ask(Some(&own), "GET", "/v1/log/checkpoint", Vec::new()).await;
    assert_eq!(status, 200);
    let signed = rig.keys().open_note(&note).expect("signed");
    assert_eq!(rig.outbox.seen(&rig.keys()).expect("disk").last().expect("kept").checkpoint, signed.checkpoint);
    let mut leaves = Vec::new();
    for tile in ["tile/0/000", "tile/0/001.p/45"] {
        let (status, bytes) = ask(Some(&own), "GET", &format!("/v1/log/{tile}"), Vec::new()).await;
        assert_eq!(status, 200, "{tile}");
        leaves.extend(tiles::Tile::parse(tile).expect("a tile").read_hashes(&bytes).expect("hashes"));
    }
    let tree: Tree = leaves.into_iter().collect();
    assert_eq!(tree.root(301).expect("root"), signed.checkpoint.root, "the tiles lead to what was signed");
    for (path, status) in [
        ("tile/entries/000", 403),
        ("tile/0/001", 404),
        ("tile/0/001.p/46", 404),
        ("tile/0/002.p/1", 404),
        ("tile/9/000", 404),
        ("../events", 404),
        ("tile/0/0001", 404),
    ] {
        assert_eq!(ask(Some(&own), "GET", &format!("/v1/log/{path}"), Vec::new()).await.0, status, "{path}");
    }
    let stranger = Presented { name: "c".to_owned(), key: String::new() };
    for path in ["checkpoint", "tile/0/000"] {
        assert_eq!(ask(None, "GET", &format!("/v1/log/{path}"), Vec::new()).await.0, 401);
        assert_eq!(ask(Some(&stranger), "GET", &format!("/v1/log/{path}"), Vec::new()).await.0, 403);
    }
}
