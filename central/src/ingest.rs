//! Taking a batch: every event checked once, duplicates told from forks, and nothing acknowledged that is not on disk.
//!
//! Of an event central wants envelope, signature and place in the chain. What else it says is for whoever understands it: a
//! kind that is not known here is stored as it is. What is no event, or nobody's, is passed over as soon as a signed event
//! behind it says that its place is taken; alone it moves nothing, so that whoever has no event key cannot make a hole.

use crate::store::{Addition, Entry, EventStore, Evidence, Passed, Place, StoreError};
use events::event::Bytes;
use events::read_any;
use events::sync::{self, Receipt, Refusal, RefusedEvent};
use events::{Chain, EventError, Link, Received, Verifier, hash};
use program::Failure;
use std::collections::BTreeMap;
use thiserror::Error;

/// Why a batch is not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IngestError {
    /// The device is not registered.
    #[error("device {0} is not registered")]
    UnknownDevice(String),
    /// An event does not fit; what stood before it in the batch is stored.
    #[error("event refused")]
    Event {
        /// Why.
        #[source]
        source: EventError,
        /// How far the chain is committed.
        committed: u64,
    },
    /// The device has sent another event under a position that is taken: its key or disk was copied.
    #[error("device {device} sent two different events {sequence}")]
    Fork {
        /// The device.
        device: String,
        /// The position.
        sequence: u64,
        /// How far the chain is committed.
        committed: u64,
    },
    /// The event names another device than the connection's certificate.
    #[error("the event of {claimed} came over the connection of {connection}")]
    OtherDevice {
        /// According to the certificate.
        connection: String,
        /// According to the event.
        claimed: String,
    },
    /// Whoever sent the batch waits no longer.
    #[error("the batch waited too long")]
    Late,
    /// Whoever looked at the batch or wrote it panicked; the log says why.
    #[error("central failed")]
    Broke,
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl IngestError {
    /// The answer for the device, with its HTTP status.
    #[must_use]
    pub fn refusal(&self) -> (u16, Refusal) {
        let (status, code, remedy, committed) = match self {
            Self::UnknownDevice(_) => (403, "device_unknown", "register it: cccd-central device add FILE", None),
            Self::Event { source: EventError::Sequence { .. }, committed } => {
                (409, "event_sequence", "send again from the event after `committed`", Some(*committed))
            }
            Self::Event { source: EventError::Broken(_), committed } => (
                409,
                "event_chain_broken",
                "two devices share one key, or a disk was restored: re-enrol",
                Some(*committed),
            ),
            Self::Event { source, committed } => (
                422,
                source.code(),
                "the event is damaged or forged; it is passed over with the next one",
                Some(*committed),
            ),
            Self::Fork { committed, .. } => {
                (409, "event_fork", "two devices share one key, or a disk was restored: re-enrol", Some(*committed))
            }
            Self::OtherDevice { .. } => (403, "device_mismatch", "the certificate belongs to another device", None),
            Self::Late => (503, "central_busy", "try again later", None),
            Self::Broke => (500, "internal", "try again later, and tell its operator", None),
            Self::Store(_) => (503, "store_failed", "try again later", None),
        };
        let message = match self {
            Self::Event { source, .. } => source.to_string(),
            other => other.to_string(),
        };
        (status, Refusal { code: code.to_owned(), message, remedy: remedy.to_owned(), committed })
    }

    /// Whether it proves that the device's chain goes two ways: two events that its key signed exclude each other.
    #[must_use]
    pub const fn goes_two_ways(&self) -> bool {
        matches!(self, Self::Fork { .. } | Self::Event { source: EventError::Broken(_), .. })
    }
}

impl From<IngestError> for Failure {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Store(error) => error.into(),
            error => {
                let (_, Refusal { code, message, remedy, .. }) = error.refusal();
                Self::usage(&code, message, &remedy)
            }
        }
    }
}

/// Checks and stores a batch of one device, and says how far its chain is committed.
///
/// # Errors
/// When nothing of the batch is taken, or an event contradicts the chain.
pub fn ingest(store: &dyn EventStore, device: &str, batch: &[Vec<u8>], at: i64) -> Result<Receipt, IngestError> {
    let checked = check(store, device, batch, at, &|| true)?;
    let end = store.commit_one(checked.addition())?;
    checked.answer(end)
}

/// A batch that was looked at, and what is to be stored of it.
#[derive(Debug)]
pub struct Checked {
    addition: Addition,
    refused: Vec<RefusedEvent>,
    known: bool,
    stopped: Option<Stopped>,
}

/// Why the rest of a batch was left.
#[derive(Debug)]
enum Stopped {
    Event(EventError),
    Late,
}

impl Checked {
    /// What is to be stored; nothing, where there are no entries.
    #[must_use]
    pub const fn addition(&self) -> &Addition {
        &self.addition
    }

    /// The answer, once the chain ends at `end` on disk.
    ///
    /// # Errors
    /// When nothing of the batch is taken, or an event contradicts the chain.
    pub fn answer(self, end: Chain) -> Result<Receipt, IngestError> {
        let committed = end.sequence;
        let moved = self.known || !self.addition.entries.is_empty();
        match self.stopped {
            Some(Stopped::Event(source @ EventError::Broken(_))) => Err(IngestError::Event { source, committed }),
            // What was taken is said; of the rest the device hears when it begins with it.
            Some(Stopped::Event(source)) if !moved => Err(IngestError::Event { source, committed }),
            Some(Stopped::Late) if !moved => Err(IngestError::Late),
            _ => Ok(Receipt {
                device: self.addition.device,
                committed,
                head: sync::hex(&end.head),
                at: self.addition.at,
                refused: self.refused,
                log: None,
            }),
        }
    }
}

/// Looks at a batch of one device. `in_time` is asked before each signature that is to be checked: when it says no, the rest is
/// left.
///
/// # Errors
/// When the batch is to be refused as a whole.
pub fn check(
    store: &dyn EventStore,
    device: &str,
    batch: &[Vec<u8>],
    at: i64,
    in_time: &dyn Fn() -> bool,
) -> Result<Checked, IngestError> {
    let enrolment = store.device(device)?.ok_or_else(|| IngestError::UnknownDevice(device.to_owned()))?;
    let from = store.chain(device)?;
    let refused = |source| IngestError::Event { source, committed: from.sequence };
    let key = hex::decode(&enrolment.event_key).map_err(|_| refused(EventError::Key))?;
    let verifier = Verifier::new(&key).map_err(refused)?;
    let places = known_places(store, device, batch, from)?;
    let mut walk = Walk { device, at, chain: from, entries: Vec::new(), refused: passed(&places), damaged: Vec::new() };
    let (mut known, mut stopped) = (false, None);
    for bytes in batch {
        let own = hash(bytes);
        // At-least-once delivery: the same bytes again are fine, and were verified when they came.
        if !places.is_empty() && is_known(&places, bytes, own) {
            known = true;
            walk.damaged.clear();
            continue;
        }
        if !in_time() {
            stopped = Some(Stopped::Late);
            break;
        }
        let received = match verifier.receive(bytes) {
            Ok(received) => received,
            Err(error) => {
                walk.damaged.push((bytes, error));
                continue;
            }
        };
        if received.head.device != device {
            let claimed = received.head.device;
            return Err(IngestError::OtherDevice { connection: device.to_owned(), claimed });
        }
        let sequence = received.head.link.sequence;
        if sequence <= from.sequence {
            walk.damaged.clear();
            match places.get(&sequence) {
                Some(Place::Passed { .. }) => store.keep(&walk.evidence(sequence, "event_late", bytes))?,
                Some(Place::Event(_)) => {
                    store.keep(&walk.evidence(sequence, "event_fork", bytes))?;
                    return Err(IngestError::Fork { device: device.to_owned(), sequence, committed: from.sequence });
                }
                // Nothing stands there that it could contradict.
                None => return Err(refused(EventError::Sequence { expected: from.sequence + 1, got: sequence })),
            }
            known = true;
            continue;
        }
        if let Err(error) = walk.take(&received, bytes, own) {
            if let EventError::Broken(sequence) = error {
                store.keep(&walk.evidence(sequence, "event_chain_broken", bytes))?;
            }
            stopped = Some(Stopped::Event(error));
            break;
        }
    }
    let stopped = stopped.or_else(|| walk.damaged.pop().map(|(_, error)| Stopped::Event(error)));
    let addition = Addition { device: device.to_owned(), from, entries: walk.entries, at };
    Ok(Checked { addition, refused: walk.refused, known, stopped })
}

/// What stands at the places that a batch names and that are committed: one question to the store, and none where it begins
/// behind the end.
fn known_places(
    store: &dyn EventStore,
    device: &str,
    batch: &[Vec<u8>],
    from: Chain,
) -> Result<BTreeMap<u64, Place>, StoreError> {
    let places = batch.iter().filter_map(|bytes| Some(read_any(bytes).ok()?.head.link.sequence));
    // Batches are in the order of the chain.
    let Some(first) = places.take(1).find(|first| *first <= from.sequence) else { return Ok(BTreeMap::new()) };
    let last = from.sequence.min(first.saturating_add(batch.len() as u64));
    store.places(device, first, last)
}

/// What a batch names and was passed over before.
fn passed(places: &BTreeMap<u64, Place>) -> Vec<RefusedEvent> {
    let passed = places.iter().filter_map(|(sequence, place)| match place {
        Place::Passed { code, .. } => Some(RefusedEvent { sequence: *sequence, code: code.clone() }),
        Place::Event(_) => None,
    });
    passed.collect()
}

fn is_known(places: &BTreeMap<u64, Place>, bytes: &[u8], own: Bytes<32>) -> bool {
    let Ok(received) = read_any(bytes) else { return false };
    match places.get(&received.head.link.sequence) {
        Some(Place::Event(known)) => *known == own,
        Some(Place::Passed { .. }) | None => false,
    }
}

/// The way along a batch.
struct Walk<'a> {
    device: &'a str,
    at: i64,
    chain: Chain,
    entries: Vec<Entry>,
    refused: Vec<RefusedEvent>,
    /// What could not be read since the last event that could.
    damaged: Vec<(&'a Vec<u8>, EventError)>,
}

impl Walk<'_> {
    fn evidence(&self, sequence: u64, code: &str, bytes: &[u8]) -> Evidence {
        let (device, code) = (self.device.to_owned(), code.to_owned());
        Evidence { device, sequence, code, bytes: bytes.to_vec(), received_at: self.at }
    }

    /// Takes a signed event, and passes over what could not be read before it, if its place says that there was just so much.
    fn take(&mut self, received: &Received, bytes: &[u8], own: Bytes<32>) -> Result<(), EventError> {
        let Link { sequence, previous } = received.head.link;
        let between = sequence.saturating_sub(self.chain.sequence + 1);
        let between = usize::try_from(between).unwrap_or(usize::MAX);
        if between > 0 && between <= self.damaged.len() {
            let skip = self.damaged.len() - between;
            for (at, (bytes, error)) in self.damaged.drain(..).skip(skip).enumerate() {
                let (place, code) = (self.chain.sequence + 1, error.code());
                let named = (at + 1 == between).then_some(previous);
                self.refused.push(RefusedEvent { sequence: place, code: code.to_owned() });
                self.entries.push(Entry::Passed(Passed { bytes: bytes.clone(), code, named }));
                self.chain = Chain { sequence: place, head: previous };
            }
        }
        self.chain.follow(received.head.link, own)?;
        self.damaged.clear();
        self.entries.push(Entry::Event {
            bytes: bytes.to_vec(),
            unknown: received.unknown_kind().map(str::to_owned),
            time: Some((received.head.at, received.head.time_quality.clone())),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SqliteStore;
    use events::event::VERSION;
    use events::{Body, Event, SignedEvent, Signer};
    use openssl::ec::{EcGroup, EcKey};
    use openssl::ecdsa::EcdsaSig;
    use openssl::nid::Nid;
    use openssl::pkey::PKey;
    use openssl::sha::sha256;

    #[test]
    fn a_batch_that_comes_twice_counts_a_signer_once() {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("group");
        let key = EcKey::generate(&group).expect("key");
        let public = PKey::from_ec_key(key.clone()).and_then(|key| key.public_key_to_der()).expect("public key");
        let sign = |data: &[u8]| {
            let signature = EcdsaSig::sign(&sha256(data), &key)?;
            let half = |number: &openssl::bn::BigNumRef| number.to_vec_padded(32);
            let whole = [half(signature.r())?, half(signature.s())?].concat();
            Ok::<[u8; 64], openssl::error::ErrorStack>(whole.try_into().expect("64 bytes"))
        };
        let mut previous = Bytes([0; 32]);
        let batch: Vec<Vec<u8>> = (1..=2)
            .map(|sequence| {
                let (certificate, document) = (b"certificate".to_vec(), "citizen_card".to_owned());
                let event = Event {
                    version: VERSION,
                    at: 1000,
                    id: Bytes([0; 16]),
                    software: "rig".to_owned(),
                    time_quality: "system".to_owned(),
                    uptime_ms: 0,
                    device: "a".to_owned(),
                    sequence,
                    body: Body::Signer(Signer { count: sequence, since: 900, numbers: 1, document, certificate }),
                    boot: Bytes([0; 16]),
                    previous,
                };
                let signed = SignedEvent::sign(event, &public, sign).expect("signed");
                previous = hash(&signed.bytes);
                signed.bytes
            })
            .collect();
        let directory = tempfile::tempdir().expect("directory");
        let store = SqliteStore::open(&directory.path().join("central.db")).expect("store");
        let (device, site) = ("a".to_owned(), "s".to_owned());
        store.add_device(&sync::Enrolment { device, site, event_key: hex::encode(&public) }).expect("registered");
        for from in [0, 0, 1] {
            assert_eq!(ingest(&store, "a", &batch[from..], 5).expect("taken").committed, 2);
            let seen = store.signers(10, &crate::people::Scope::everywhere()).expect("signers");
            assert_eq!((seen.len(), seen[0].devices, seen[0].count, seen[0].numbers), (1, 1, 2, 1));
        }
    }
}
