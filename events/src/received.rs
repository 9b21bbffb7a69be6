//! An event as it is received by whoever collects events: what every version has, and the rest only as far as it is known.
//!
//! A fleet is not updated in one moment. What a newer device says must neither be lost nor stop what it says after it; and
//! signed bytes can be kept without being understood.

use crate::event::{Bytes, Event, VERSION};
use crate::signed::{self, EventError, Link, Verifier};
use serde_cbor::Value;

/// What every event has, whatever its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Format version.
    pub version: u32,
    /// Wall clock, seconds since 1970.
    pub at: i64,
    /// Quality of `at`.
    pub time_quality: String,
    /// Device identifier.
    pub device: String,
    /// Where it stands in its chain.
    pub link: Link,
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Version, kind and keys are known here.
    Known(Box<Event>),
    /// They are not.
    Unknown {
        /// The kind, as far as it can be shown: up to 32 lower-case letters, digits and `_`; otherwise `other`.
        kind: String,
        /// The payload.
        value: Value,
    },
}

/// An event, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// What every event has.
    pub head: Head,
    /// What it says.
    pub content: Content,
}

impl Received {
    /// From a payload.
    pub(crate) fn of(payload: &[u8]) -> Result<Self, EventError> {
        match serde_cbor::from_slice::<Event>(payload) {
            Ok(event) if (1..=VERSION).contains(&event.version) => {
                signed::fits(&event, payload)?;
                let head = Head {
                    version: event.version,
                    at: event.at,
                    time_quality: event.time_quality.clone(),
                    device: event.device.clone(),
                    link: Link { sequence: event.sequence, previous: event.previous },
                };
                Ok(Self { head, content: Content::Known(Box::new(event)) })
            }
            _ => Self::unknown(payload),
        }
    }

    /// The kind, where it is not known here.
    #[must_use]
    pub fn unknown_kind(&self) -> Option<&str> {
        match &self.content {
            Content::Known(_) => None,
            Content::Unknown { kind, .. } => Some(kind),
        }
    }

    fn unknown(payload: &[u8]) -> Result<Self, EventError> {
        let value: Value = serde_cbor::from_slice(payload).map_err(|_| EventError::Payload)?;
        // The order of keys is that of a type that is not known here; all else of a plain encoding can be told by its length:
        // what is longer than need be, comes twice or has no end of its own is shorter or longer when it is written again.
        let encoded = serde_cbor::to_vec(&value).map_err(|_| EventError::Payload)?;
        if encoded.len() != payload.len() {
            return Err(EventError::NotDeterministic);
        }
        if has_float(&value) {
            return Err(EventError::Payload);
        }
        let (head, kind) = head(&value).ok_or(EventError::Payload)?;
        if head.version == 0 {
            return Err(EventError::Version(head.version));
        }
        Ok(Self { head, content: Content::Unknown { kind, value } })
    }
}

impl Verifier {
    /// Checks envelope and signature of one event, and what every event has; of its kind and keys only those that are known
    /// here. A newer device may say what this program does not understand yet: that is no fault of the event.
    ///
    /// # Errors
    /// When envelope or signature is wrong, or the payload contradicts what is known of its kind.
    pub fn receive(&self, bytes: &[u8]) -> Result<Received, EventError> {
        let (message, payload) = signed::envelope(bytes)?;
        let received = Received::of(&payload)?;
        self.signed(&message)?;
        Ok(received)
    }
}

/// Reads what every event has without judging its signature.
///
/// # Errors
/// When the envelope is not in its one permitted form, or the payload is not that of an event.
pub fn read_any(bytes: &[u8]) -> Result<Received, EventError> {
    Received::of(&signed::envelope(bytes)?.1)
}

fn has_float(value: &Value) -> bool {
    match value {
        Value::Float(_) => true,
        Value::Array(values) => values.iter().any(has_float),
        Value::Map(map) => map.iter().any(|(key, value)| has_float(key) || has_float(value)),
        _ => false,
    }
}

fn head(value: &Value) -> Option<(Head, String)> {
    let Value::Map(map) = value else { return None };
    let get = |key: &str| map.get(&Value::Text(key.to_owned()));
    let number = |key| match get(key)? {
        Value::Integer(number) => Some(*number),
        _ => None,
    };
    let text = |key| match get(key)? {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    };
    let previous = match get("prev")? {
        Value::Bytes(bytes) => Bytes(bytes.as_slice().try_into().ok()?),
        _ => return None,
    };
    let kind = match get("body")? {
        Value::Map(body) if body.len() == 1 => body.keys().next()?,
        _ => return None,
    };
    let Value::Text(kind) = kind else { return None };
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let shown = (1..=32).contains(&kind.len()) && kind.bytes().all(plain);
    let head = Head {
        version: number("v")?.try_into().ok()?,
        at: number("at")?.try_into().ok()?,
        time_quality: text("tq")?,
        device: text("dev")?,
        link: Link { sequence: number("seq")?.try_into().ok()?, previous },
    };
    Some((head, if shown { kind.clone() } else { "other".to_owned() }))
}
