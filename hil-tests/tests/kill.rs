//! `kill -9` at any point of the line: central holds exactly one event per completed read.

use hil_tests::{FIRST_READER, Line};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const KILLS: u32 = 200;

/// A small generator, so that a failing run can be repeated from the seed that it prints.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn seed() -> u64 {
    use std::io::Read as _;
    if let Some(seed) = std::env::var("KILL_SEED").ok().and_then(|text| text.parse().ok()) {
        return seed;
    }
    let mut bytes = [0; 8];
    std::fs::File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut bytes)).expect("random bytes");
    u64::from_le_bytes(bytes)
}

#[test]
fn two_hundred_kills_lose_nothing_and_double_nothing() {
    let seed = seed();
    println!("KILL_SEED={seed}");
    let mut random = Random(seed);
    let directory = tempfile::tempdir().expect("directory");
    let mut line = Line::provision(directory.path()).expect("a line; `cargo xtask doctor` says what is missing");
    line.start_central().expect("central");
    let qr = "001099000017||Nguyễn Văn An|15011999|Nam|Hà Nội|16012022";
    let _card = line.stack.lay("an", "none", FIRST_READER).expect("card");
    let mut announced: BTreeMap<String, u64> = BTreeMap::new();
    let mut note = |said: &Value| {
        if let Some(event) = said.get("event") {
            let hash = event["sha256"].as_str().expect("hash").to_owned();
            let sequence = event["seq"].as_u64().expect("position");
            assert_eq!(announced.insert(hash, sequence), None, "an event is announced once");
        }
    };
    // One life to the end tells how long the line takes on this machine, so that kills fall on all of it.
    let start = hil_tests::stack::now();
    let mut device = line.start_device().expect("device");
    device.scan(qr).expect("scan");
    note(&device.expect("event").expect("event"));
    device.expect("receipt").expect("receipt");
    let span = u64::try_from(start.elapsed().as_millis()).expect("a short time") * 5 / 4;
    assert_eq!(device.finish().expect("end"), Some(0), "a graceful end");
    println!("kills within {span} ms");
    let mut where_killed: BTreeMap<&str, u32> = BTreeMap::new();
    for kill in 0..KILLS {
        let mut device = line.start_device().expect("device");
        for _ in 0..2 {
            device.scan(qr).expect("scan");
        }
        hil_tests::stack::pause(random.below(span));
        // Now and then the network is gone as well.
        if kill % 25 == 7 {
            line.stop_central();
        } else if kill % 25 == 12 {
            line.start_central().expect("central");
        }
        let said = device.kill();
        said.iter().for_each(&mut note);
        let last = said.last();
        let at =
            ["receipt", "event", "armed", "ready"].into_iter().find(|key| last.is_some_and(|l| l.get(key).is_some()));
        *where_killed.entry(at.unwrap_or("start")).or_default() += 1;
    }
    println!("killed after: {where_killed:?}");
    assert!(where_killed.len() >= 3, "kills fell on every part of the line: {where_killed:?}");

    // One more life, not killed: everything that was committed goes out.
    line.stop_central();
    line.start_central().expect("central");
    let mut device = line.start_device().expect("device");
    device.scan(qr).expect("scan");
    let last = device.expect("event").expect("event");
    note(&last);
    let end = last["event"]["seq"].as_u64().expect("position");
    loop {
        let receipt = device.expect("receipt").expect("receipt");
        if receipt["receipt"]["committed"].as_u64() == Some(end) {
            break;
        }
    }
    assert_eq!(device.finish().expect("end"), Some(0), "a graceful end");

    let stored = line.events().expect("log");
    let sequences: Vec<u64> = stored.iter().map(|e| e["event"]["seq"].as_u64().expect("position")).collect();
    assert_eq!(sequences, (1..=end).collect::<Vec<_>>(), "each event once, in order, without gaps");
    let hashes: BTreeSet<&str> = stored.iter().map(|e| e["sha256"].as_str().expect("hash")).collect();
    assert_eq!(hashes.len(), stored.len(), "no event twice");
    let identifiers: BTreeSet<&str> = stored.iter().map(|e| e["event"]["id"].as_str().expect("id")).collect();
    assert_eq!(identifiers.len(), stored.len(), "no read twice");
    for (hash, sequence) in &announced {
        assert!(hashes.contains(hash.as_str()), "event {sequence} was announced and is not at central");
    }
    assert!(line.verify_log().expect("log").contains("chain and signatures correct"));
    println!("{} reads completed, {} announced before a kill", stored.len(), announced.len());
    assert!(announced.len() >= 50, "kills came after completed reads, too: {}", announced.len());
}
