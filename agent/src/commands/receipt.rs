//! `cccd-agent receipt`: that central's log has an event, as a file that anybody can check who has the log's table of keys.
//!
//! `{"schema": "cccd-agent/receipt/1", "events": [hex, …], "receipt": hex}`: the event, those behind it up to the one that the receipt is
//! for, each of which names the hash of the one before, and the receipt (RFC 9942).

use crate::check;
use crate::commands::{print_json, print_text};
use events::{Received, hash, read_any};
use program::{Failure, exit, files};
use serde::{Deserialize, Serialize};
use std::path::Path;
use store::outbox::Outbox;
use tlog::{Keys, LogError};

const SCHEMA: &str = "cccd-agent/receipt/1";
/// The most events from one to that of its receipt: a receipt comes with each batch.
const MOST: usize = events::sync::MAX_BATCH;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    /// Signed bytes in hexadecimal, in the order of the chain.
    events: Vec<String>,
    /// In hexadecimal.
    receipt: String,
}

/// Writes an event with its receipt.
///
/// # Errors
/// When the event or its receipt is not here.
pub fn export(config: &Path, sequence: u64, out: &Path) -> Result<u8, Failure> {
    let config = check::load_or_last(config, None)?;
    let outbox = Outbox::open(&config.outbox())?;
    let missing = |why| Failure::from(LogError::NoReceipt(why));
    let (last, receipt) = outbox
        .receipt_for(sequence)?
        .ok_or_else(|| missing("none covers this event yet, or it is not kept here any more"))?;
    let mut events = Vec::new();
    for place in sequence..=last {
        if events.len() == MOST {
            return Err(missing("the next one is too far behind this event"));
        }
        let event = outbox.event(place)?.ok_or_else(|| missing("the event is not kept here any more"))?;
        events.push(hex::encode(event));
    }
    let file = File { schema: SCHEMA.to_owned(), events, receipt: hex::encode(receipt) };
    let text = serde_json::to_vec_pretty(&file).map_err(|_| LogError::State("encoding"))?;
    files::write(out, text)?;
    print_text(&format!("event {sequence} with the receipt of event {last} in {}\n", out.display()));
    Ok(exit::GENUINE)
}

/// What a file proves.
struct Proved {
    event: Received,
    hash: String,
    index: u64,
    checkpoint: tlog::Checkpoint,
    behind: usize,
}

/// Checks a file against a table of keys, and nothing else.
fn proved(bytes: &[u8], keys: &Keys) -> Result<Proved, LogError> {
    let not = LogError::Receipt;
    let file: File = serde_json::from_slice(bytes).map_err(|_| not("not a file of `cccd-agent receipt export`"))?;
    if file.schema != SCHEMA || file.events.len() > MOST {
        return Err(not("not a file of `cccd-agent receipt export`"));
    }
    let read = |text: &String| hex::decode(text).map_err(|_| LogError::Receipt("not in hexadecimal"));
    let events = file.events.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let link = |bytes: &Vec<u8>| read_any(bytes).map_err(|_| LogError::Receipt("one of its events is none"));
    for pair in events.windows(2) {
        // The device's own chain: whoever changes an event changes the hash that the next one names.
        if link(&pair[1])?.head.link.previous != hash(&pair[0]) {
            return Err(not("its events are not of one chain"));
        }
    }
    let (Some(first), Some(last)) = (events.first(), events.last()) else { return Err(not("it has no event")) };
    let (index, checkpoint) = keys.open_receipt(&read(&file.receipt)?, last)?;
    Ok(Proved { event: link(first)?, hash: hash(first).to_string(), index, checkpoint, behind: events.len() - 1 })
}

/// Checks such a file: that the log which these keys sign has the event. It reads no network and no device.
///
/// # Errors
/// When it does not prove it.
pub fn verify(file: &Path, keys: &Path, json: bool) -> Result<u8, Failure> {
    let text = String::from_utf8(files::read(keys)?).map_err(|_| LogError::Key("not UTF-8"))?;
    let Proved { event, hash, index, checkpoint, behind } = proved(&files::read(file)?, &Keys::parse(&text)?)?;
    let (device, sequence) = (&event.head.device, event.head.link.sequence);
    if json {
        print_json(&serde_json::json!({
            "schema": "cccd-agent/receipt-verified/1", "device": device, "sequence": sequence, "sha256": hash, "behind": behind,
            "origin": checkpoint.origin, "index": index, "size": checkpoint.size, "root": checkpoint.root.to_string(),
        }))?;
    } else {
        print_text(&format!(
            "event {sequence} of {device} is in {}: entry {index} of {} is that event or follows it in the device's chain\n",
            checkpoint.origin, checkpoint.size
        ));
    }
    Ok(exit::GENUINE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::event::{Bytes, VERSION};
    use events::{Body, Chain, DeviceEvent, Event, SignedEvent};
    use openssl::ec::{EcGroup, EcKey};
    use openssl::nid::Nid;
    use openssl::pkey::PKey;
    use tlog::tree::{Nodes as _, Tree, leaf};
    use tlog::{Checkpoint, SignedRoot};

    #[test]
    fn a_file_proves_its_first_event_and_nothing_that_was_changed_does() {
        let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("curve");
        let key = PKey::from_ec_key(EcKey::generate(&curve).expect("key")).expect("key");
        let public = key.public_key_to_der().expect("public");
        let mut chain = Chain::EMPTY;
        let mut events = Vec::new();
        for sequence in 1..=3 {
            let what = DeviceEvent { to: None, from: None, what: "time_signed".to_owned() };
            let event = Event {
                version: VERSION,
                at: 1000,
                id: Bytes([0; 16]),
                software: "rig".to_owned(),
                time_quality: "system".to_owned(),
                uptime_ms: 0,
                device: "kiosk-1".to_owned(),
                sequence,
                body: Body::Device(what),
                boot: Bytes([0; 16]),
                previous: chain.head,
            };
            let signed = SignedEvent::sign(event, b"key", |_| Ok::<_, String>([0; 64])).expect("signed");
            chain.append(&signed).expect("chain");
            events.push(signed.bytes);
        }
        let tree: Tree =
            [b"another".as_slice()].into_iter().chain(events.iter().map(Vec::as_slice)).map(leaf).collect();
        let origin = "log.example/events".to_owned();
        let root = tree.root(4).expect("root");
        let signed = SignedRoot::sign(Checkpoint { origin: origin.clone(), size: 4, root }, &public, |data| {
            fleet::authority::sign(&key, data)
        });
        let receipt = signed.and_then(|signed| signed.receipt(&tree.inclusion(3, 4)?)).expect("receipt");
        let keys = Keys::new(&origin).cose(0, &public).expect("keys");
        let file = |events: &[Vec<u8>], receipt: &[u8]| {
            let events = events.iter().map(hex::encode).collect();
            let file = File { schema: SCHEMA.to_owned(), events, receipt: hex::encode(receipt) };
            serde_json::to_vec(&file).expect("JSON")
        };
        let good = proved(&file(&events, &receipt), &keys).expect("proved");
        assert_eq!((good.event.head.link.sequence, good.index, good.checkpoint.size, good.behind), (1, 3, 4, 2));
        assert_eq!(proved(&file(&events[2..], &receipt), &keys).expect("the last alone").behind, 0);
        let mut rewritten = events.clone();
        rewritten[0][40] ^= 1;
        let swapped = [events[1].clone(), events[0].clone(), events[2].clone()];
        let dropped = [events[0].clone(), events[2].clone()];
        for wrong in [&rewritten[..], &swapped, &dropped, &events[..2], &[]] {
            assert!(proved(&file(wrong, &receipt), &keys).is_err());
        }
        let mut forged = receipt.clone();
        *forged.last_mut().expect("a byte") ^= 1;
        assert!(proved(&file(&events, &forged), &keys).is_err());
        let other = Keys::new("log.other/events").cose(0, &public).expect("keys");
        assert_eq!(proved(&file(&events, &receipt), &other).err().map(|error| error.code()), Some("log_origin"));
    }
}
