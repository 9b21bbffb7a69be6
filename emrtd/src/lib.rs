//! ICAO 9303 terminal without I/O: access (BAC, PACE), secure messaging, files, authentication, trust, evidence.
//!
//! The crate never reads a clock, opens a device or starts a thread. A [`session::Session`] says which bytes to
//! send and is fed what came back; randomness and time are arguments. The same code therefore runs under
//! PC/SC, a replayed recording, a fuzzer and a simulated card.
//!
//! | module | task | clause |
//! |---|---|---|
//! | [`session`] | one whole read | ICAO 9303-11 §4 |
//! | [`pace`], [`bac`] | access | ICAO 9303-11 §4.3, §4.4 |
//! | [`secure_messaging`] | protection of commands and responses | ICAO 9303-11 §9.8 |
//! | [`file`](mod@file), [`lds`] | elementary files | ICAO 9303-10 |
//! | [`manner`] | how a chip is asked for them | ISO/IEC 7816-4 |
//! | [`active_authentication`], [`chip_authentication`] | proofs against copies | ICAO 9303-11 §6 |
//! | [`terminal_authentication`], [`cvc`] | access to fingerprints and irises | ICAO 9303-11 §7, TR-03110-3 |
//! | [`cms`], [`x509`], [`crl`], [`deviation_list`], [`trust`], [`passive_authentication`](mod@passive_authentication) | issuer's signature | ICAO 9303-11 §5, 9303-12 |
//! | [`seal`] | visible digital seals | ICAO 9303-13, VDS-NC |
//! | [`document`], [`country`] | what document it is, and who may vouch for it | ICAO 9303-3, 9303-12 |
//! | [`evidence`], [`verdict`](mod@verdict) | what a read proves | |

pub mod active_authentication;
pub mod apdu;
pub mod bac;
pub mod chip_authentication;
pub mod cms;
pub mod country;
pub mod crl;
pub mod crypto;
pub mod cvc;
pub mod deviation_list;
pub mod document;
pub mod error;
pub mod evidence;
pub mod exchange;
pub mod file;
pub mod lds;
pub mod manner;
pub mod mrz;
pub mod oid;
pub mod pace;
pub mod passive_authentication;
pub mod password;
pub mod seal;
pub mod secret;
pub mod secure_messaging;
pub mod security_info;
pub mod session;
pub mod terminal_authentication;
pub mod tlv;
pub mod trust;
pub mod verdict;
pub mod x509;

pub use error::Error;
pub use evidence::Evidence;
pub use passive_authentication::passive_authentication;
pub use session::{Action, Plan, Session};
pub use trust::TrustStore;
