//! What device, technician and central say to each other about identity, time and trust. Formats, checks and schedules:
//! no network, no key store, no clock; keys are closures, time and randomness are arguments.
//!
//! | module | is |
//! |---|---|
//! | [`authority`] | the fleet's certification authority, with roots that follow one another |
//! | [`request`] | what a device sends to be enrolled: a PKCS#10 request, bound to its birth key |
//! | [`residence`] | what shows that a device's keys are in a TPM |
//! | [`answer`] | what comes back: certificates, and the assignment, sealed for that device |
//! | [`est`] | what RFC 7030 puts on the wire: base64, certs-only PKCS#7, paths |
//! | [`files`] | files that only their owner reads, replaced at once |
//! | [`time`] | the time, signed over a nonce |
//! | [`renewal`] | when a certificate is renewed |
//! | [`bundle`] | anchors, lists, profiles and settings in one signed file |
//! | [`revoked`] | cards that were lost or withdrawn, as keyed hashes |
//! | [`rollout`] | what devices shall run, and when the turn of each comes |
//! | [`words`] | six words that two screens show when nobody stands between them |
//! | [`profile`] | names of profiles that come with the agent |
//! | [`receipt`] | central's receipt for events on a stick |
//! | [`relay`] | any of these through a phone, as QR codes |
//!
//! # Example
//!
//! ```
//! use fleet::words::words;
//!
//! // Device and central show the same six words for the same request, and others when somebody stands between them.
//! let device = words(&[b"birth key", b"nonce"]);
//! assert_eq!(device, words(&[b"birth key", b"nonce"]));
//! assert_ne!(device, words(&[b"another key", b"nonce"]));
//! ```

pub mod acceptance;
pub mod answer;
pub mod authority;
pub mod bundle;
pub mod error;
pub mod est;
pub mod files;
pub mod operator;
pub mod profile;
pub mod receipt;
pub mod relay;
pub mod renewal;
pub mod request;
pub mod residence;
pub mod revoked;
pub mod rollout;
pub mod sealed_box;
pub mod sealed_list;
pub mod sites;
pub mod time;
pub mod words;

pub use authority::FleetCa;
pub use error::FleetError;

/// Signs a message with ECDSA P-256 and SHA-256: `r ‖ s`, or why not.
pub type Sign<'a> = &'a dyn Fn(&[u8]) -> Result<[u8; 64], String>;

/// SHA-256 of a key's SubjectPublicKeyInfo in hexadecimal: what lists of devices and people compare.
#[must_use]
pub fn fingerprint(public_key: &[u8]) -> String {
    events::hash(public_key).to_string()
}

/// The payload of a signed document before its signature is checked.
pub(crate) fn payload(what: &'static str, bytes: &[u8]) -> Result<Vec<u8>, FleetError> {
    events::signed::document_payload(bytes).map_err(|_| FleetError::Malformed(what))
}

/// Encodes a structure whose fields stand in the order of their encoded keys.
pub(crate) fn encode(value: &impl serde::Serialize) -> Vec<u8> {
    // Structures of text, integers and byte strings always encode.
    serde_cbor::to_vec(value).unwrap_or_default()
}

/// Decodes what [`encode`] made, and nothing else: there is one encoding of a value.
pub(crate) fn decode<T: serde::Serialize + serde::de::DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
) -> Result<T, FleetError> {
    let value: T = serde_cbor::from_slice(bytes).map_err(|_| FleetError::Malformed(what))?;
    if encode(&value) == bytes { Ok(value) } else { Err(FleetError::Malformed(what)) }
}
