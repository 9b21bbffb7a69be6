//! Taking a batch: every event checked, duplicates told from forks, and nothing half-stored.

use crate::store::{EventStore, StoreError};
use events::sync::{self, Receipt, Refusal};
use events::{EventError, Verifier};
use program::Failure;
use thiserror::Error;

/// Why a batch is not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IngestError {
    /// The device is not registered.
    #[error("device {0} is not registered")]
    UnknownDevice(String),
    /// An event does not fit; nothing of the batch was stored.
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
            Self::Event { source, committed } => {
                (422, source.code(), "the event is damaged or forged; keep it and call support", Some(*committed))
            }
            Self::Fork { committed, .. } => {
                (409, "event_fork", "two devices share one key, or a disk was restored: re-enrol", Some(*committed))
            }
            Self::OtherDevice { .. } => (403, "device_mismatch", "the certificate belongs to another device", None),
            Self::Store(_) => (503, "store_failed", "try again later", None),
        };
        let message = match self {
            Self::Event { source, .. } => source.to_string(),
            other => other.to_string(),
        };
        (status, Refusal { code: code.to_owned(), message, remedy: remedy.to_owned(), committed })
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
/// When anything in the batch is wrong; the batch is then not stored at all.
pub fn ingest(store: &dyn EventStore, device: &str, batch: &[Vec<u8>], at: i64) -> Result<Receipt, IngestError> {
    let enrolment = store.device(device)?.ok_or_else(|| IngestError::UnknownDevice(device.to_owned()))?;
    let from = store.chain(device)?;
    let refused = |source| IngestError::Event { source, committed: from.sequence };
    let key = hex::decode(&enrolment.event_key).map_err(|_| refused(EventError::Key))?;
    let verifier = Verifier::new(&key).map_err(refused)?;
    let mut chain = from;
    let mut fresh = Vec::new();
    for bytes in batch {
        let signed = verifier.verify(bytes).map_err(refused)?;
        if signed.event.device != device {
            let claimed = signed.event.device;
            return Err(IngestError::OtherDevice { connection: device.to_owned(), claimed });
        }
        let sequence = signed.event.sequence;
        if sequence <= from.sequence {
            // At-least-once delivery: the same bytes again are fine.
            if store.event(device, sequence)?.is_some_and(|known| known.bytes == *bytes) {
                continue;
            }
            return Err(IngestError::Fork { device: device.to_owned(), sequence, committed: from.sequence });
        }
        chain.append(&signed).map_err(refused)?;
        fresh.push(signed.bytes);
    }
    let chain = store.append(device, from, &fresh, at)?;
    Ok(Receipt { device: device.to_owned(), committed: chain.sequence, head: sync::hex(&chain.head), at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SqliteStore;
    use events::event::{Bytes, VERSION};
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
                previous = events::hash(&signed.bytes);
                signed.bytes
            })
            .collect();
        let directory = tempfile::tempdir().expect("directory");
        let store = SqliteStore::open(&directory.path().join("central.db")).expect("store");
        let (device, site) = ("a".to_owned(), "s".to_owned());
        store.add_device(&sync::Enrolment { device, site, event_key: hex::encode(&public) }).expect("registered");
        for from in [0, 0, 1] {
            assert_eq!(ingest(&store, "a", &batch[from..], 5).expect("taken").committed, 2);
            let seen = store.signers(10).expect("signers");
            assert_eq!((seen.len(), seen[0].devices, seen[0].count, seen[0].numbers), (1, 1, 2, 1));
        }
    }
}
