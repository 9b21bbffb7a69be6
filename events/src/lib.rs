//! The signed event: what a device says happened, in a form that cannot be altered, reordered or dropped unseen.
//!
//! # Format, version 2
//! An event is a COSE_Sign1 (RFC 9052) with ES256. The external additional data are `cccd-event-v1`. The protected
//! header holds `alg` (-7) and `kid` (the first eight bytes of SHA-256 of the signer's SubjectPublicKeyInfo). The
//! payload is deterministic CBOR (RFC 8949 §4.2.1: shortest integers, definite lengths, keys in bytewise order of
//! their encoding, no floats):
//!
//! | key | type | meaning |
//! |---|---|---|
//! | `v` | uint | 2; 1 is still read |
//! | `at` | int | wall clock of the device, seconds since 1970 |
//! | `id` | bytes(16) | random identifier |
//! | `sw` | text | software version |
//! | `tq` | text | quality of `at`, see [`clock::Quality`] |
//! | `up` | uint | milliseconds since the process started |
//! | `dev` | text | device identifier |
//! | `seq` | uint | 1, 2, 3 … without gaps |
//! | `body` | map | what happened, by kind |
//! | `boot` | bytes(16) | random identifier of this run of the process |
//! | `prev` | bytes(32) | SHA-256 of the COSE bytes of event `seq`-1; zeros for the first |
//!
//! `body` is `{KIND: {…}}`, see [`Body`]. One pair of keys stands the other way round since version 1: `subject` before
//! `profile` in a visit. Verifiers re-encode what they decoded and compare, so
//! that one event has one encoding only. A new kind of body is a compatible change; a new key is a new version. Whoever
//! collects events takes what it does not know yet ([`received`]): `v`, `at`, `tq`, `dev`, `seq`, `prev` and a body of one
//! kind are in every version there will be.
//! Version 2 brought the five answers, word and rung of a verification, and rung, mark, staff and holder of a visit;
//! the `decision` of version 1 went.
//!
//! The same as a grammar: `events.cddl`, against which a second implementation in another language reads the vectors.
//!
//! An [`Access`] says who looked at what is kept of people: written before they were given it. A [`Change`] says who changed it,
//! and commits to what stands there now without a word of it; a [`Handover`] what one shift leaves to the next.
//!
//! A [`Tally`] says how many there were, by coarse classes: sums, and no class of anybody.
//!
//! Personal data have no place in an event: the holder appears as a keyed hash ([`subject`]), if the profile wants that at all,
//! under a key that ends with the profile's retention ([`chain`]). Events of erasure and disclosure name nobody.
//!
//! # Example
//!
//! ```
//! use events::event::{Bytes, VERSION};
//! use events::{Body, Chain, DeviceEvent, Event, SignedEvent, Verifier};
//! # use openssl::{ec::{EcGroup, EcKey}, ecdsa::EcdsaSig, error::ErrorStack, nid::Nid, pkey::PKey};
//! # let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
//! # let key = EcKey::generate(&group)?;
//! # let public_key = PKey::from_ec_key(key.clone())?.public_key_to_der()?;
//! # let sign = |data: &[u8]| -> Result<[u8; 64], ErrorStack> {
//! #     let signature = EcdsaSig::sign(&openssl::sha::sha256(data), &key)?;
//! #     let mut plain = [0; 64];
//! #     plain[..32].copy_from_slice(&signature.r().to_vec_padded(32)?);
//! #     plain[32..].copy_from_slice(&signature.s().to_vec_padded(32)?);
//! #     Ok(plain)
//! # };
//!
//! let event = Event {
//!     version: VERSION,
//!     at: 1_780_000_000,
//!     id: Bytes([7; 16]),
//!     software: "0.1.0".to_owned(),
//!     time_quality: "system".to_owned(),
//!     uptime_ms: 1234,
//!     device: "kiosk-1".to_owned(),
//!     sequence: 1,
//!     body: Body::Device(DeviceEvent { to: None, from: None, what: "started".to_owned() }),
//!     boot: Bytes([9; 16]),
//!     previous: Chain::EMPTY.head,
//! };
//! // `sign` is what the device's key store does.
//! let signed = SignedEvent::sign(event, &public_key, sign)?;
//!
//! let verifier = Verifier::new(&public_key)?;
//! let mut chain = Chain::EMPTY;
//! chain.append(&verifier.verify(&signed.bytes)?)?;
//! assert!(chain.append(&signed).is_err(), "an event comes once");
//!
//! let mut altered = signed.bytes;
//! altered[60] ^= 1;
//! assert!(verifier.verify(&altered).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod chain;
pub mod clock;
pub mod event;
pub mod received;
pub mod sealed;
pub mod signed;
pub mod subject;
pub mod sync;
pub mod tally;

pub use clock::{Certain, Clock, Quality, SystemClock};
pub use event::{
    Access, Act, Body, Change, CheckResult, Consent, Decision, DeviceEvent, Disclosure, Duty, Erasure, Event, Handover,
    Look, Receiving, Signer, Verification, Visit, Vouching,
};
pub use received::{Content, Head, Received, read_any};
pub use signed::{Chain, EventError, Link, SignedEvent, Verifier, hash, sign_document};
pub use tally::{Counted, Row, Table, Tally};
