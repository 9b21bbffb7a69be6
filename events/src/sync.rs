//! What device and central say to each other. Shared, so that neither can drift.
//!
//! `POST /v1/events` over mutual TLS carries a batch: a CBOR array of byte strings, each one signed event, in
//! chain order. The answer is a [`Receipt`] in JSON, or a [`Refusal`] with a 4xx status. Sending an event again is
//! no error: it is stored once, and the receipt says how far the chain is committed.
//!
//! An event that cannot be read, or whose signature is wrong, is passed over once a signed event behind it says that its place
//! is taken; the receipt names it among `refused`, and older devices read past that. An event of a kind that central does not
//! know is no such thing: it is stored as it is. A 503 with Retry-After says that central has no time now, and when it will.

use crate::event::Bytes;
use serde::{Deserialize, Serialize};
use serde_cbor::Value;

/// Path of the ingestion endpoint.
pub const EVENTS_PATH: &str = "/v1/events";

/// Header in which a device names the last checkpoint of central's log that it took: COSE, in base64. It is the evidence by which a
/// central that was taken back to an older state learns of that.
pub const SEEN_HEADER: &str = "cccd-log-seen";

/// Media type of a batch.
pub const BATCH_MEDIA_TYPE: &str = "application/cbor";

/// The most events in one batch.
pub const MAX_BATCH: usize = 500;

/// Encodes a batch.
#[must_use]
pub fn encode_batch<'a>(events: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let array = events.into_iter().map(|bytes| Value::Bytes(bytes.to_vec())).collect();
    // Byte strings always encode.
    serde_cbor::to_vec(&Value::Array(array)).unwrap_or_default()
}

/// Decodes a batch; `None` when it is not an array of at most [`MAX_BATCH`] byte strings.
#[must_use]
pub fn decode_batch(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let Ok(Value::Array(array)) = serde_cbor::from_slice(bytes) else { return None };
    if array.len() > MAX_BATCH {
        return None;
    }
    let event = |value| match value {
        Value::Bytes(bytes) => Some(bytes),
        _ => None,
    };
    array.into_iter().map(event).collect()
}

/// Central's acknowledgement: everything up to `committed` is on its disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The device.
    pub device: String,
    /// Position of the last committed event.
    pub committed: u64,
    /// Hash of that event in hexadecimal.
    pub head: String,
    /// When this answer was given, seconds since 1970, by central's clock.
    pub at: i64,
    /// What of this batch was passed over: it is kept apart at central, and need not be sent again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedEvent>,
    /// What central's log says of it, where central keeps one; older devices read past that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<InLog>,
}

/// That central's log holds a device's event, and extends what the device saw of it. Whoever believes it checks it: it is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InLog {
    /// Place of the event in the device's chain: the last event up to `committed`.
    pub sequence: u64,
    /// Receipt (RFC 9942) of that event, base64.
    pub receipt: String,
    /// Proof (RFC 9942 clause 5.3, in CBOR) from the checkpoint that the device named in [`SEEN_HEADER`], base64; absent where there
    /// is nothing to prove.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
}

/// An event that central could not take, and passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedEvent {
    /// Its place in the chain.
    pub sequence: u64,
    /// Stable code of what is wrong with it.
    pub code: String,
}

/// Why central takes nothing of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Stable code.
    pub code: String,
    /// For people.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// How far this device's chain is committed, when it is known.
    pub committed: Option<u64>,
}

/// What central must know of a device before it takes its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// Device identifier, the common name of its TLS certificate.
    pub device: String,
    /// Where it stands; in the registry, not in the certificate, so that a move needs no new one.
    pub site: String,
    /// SubjectPublicKeyInfo of the event key, DER in hexadecimal.
    pub event_key: String,
}

/// Hexadecimal of a hash.
#[must_use]
pub fn hex(bytes: &Bytes<32>) -> String {
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_round_trip_and_refuse_anything_else() {
        let batch = encode_batch([&b"one"[..], b"", b"three"]);
        assert_eq!(decode_batch(&batch), Some(vec![b"one".to_vec(), Vec::new(), b"three".to_vec()]));
        assert_eq!(decode_batch(&[0x80]), Some(Vec::new()));
        for bad in [&[0x81, 0x01][..], &[0xA0], &[], &[0x41, 0x00], &[0x9B, 0, 0, 0, 1, 0, 0, 0, 0]] {
            assert_eq!(decode_batch(bad), None);
        }
        let many = encode_batch(std::iter::repeat_n(&b""[..], MAX_BATCH + 1));
        assert_eq!(decode_batch(&many), None);
    }
}
