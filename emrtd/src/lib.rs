//! ICAO 9303 terminal without I/O: access (BAC, PACE), secure messaging, files, authentication, trust, evidence.
//!
//! The crate never reads a clock, opens a device or starts a thread. A [`Session`] says which bytes to send and is fed
//! what came back; randomness and time are arguments. The same code therefore runs under PC/SC, an async transport, a
//! replayed recording, a fuzzer and a simulated card.
//!
//! What one read brought can be verified by somebody else, here a recording in a trust store of one authority:
//!
//! ```
//! use emrtd::{Chip, Circumstances, Evidence, Outcome, TrustStore, UnixTime};
//!
//! let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/evidence-v1");
//! let mut trust = TrustStore::new();
//! trust.add("csca", &std::fs::read(format!("{vectors}/csca-practice-1.cer"))?)?;
//!
//! let evidence = Evidence::from_cbor(&std::fs::read(format!("{vectors}/genuine.cbor"))?)?;
//! let now = UnixTime::from_date(2026, 6, 1).ok_or("no such day")?;
//! let found = evidence.verify(&trust, &Circumstances::now(now));
//! assert_eq!(found.chip, Chip::Proved);
//! assert!(found.checks.iter().any(|check| check.id == "sod_signature" && check.outcome == Outcome::Passed));
//!
//! // A copy has the same files and not the key.
//! let copy = Evidence::from_cbor(&std::fs::read(format!("{vectors}/copy.cbor"))?)?;
//! assert_eq!(copy.verify(&trust, &Circumstances::now(now)).chip, Chip::Copy);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A whole reader stands in the README of this crate and at [`Session`].
//!
//! | you want to | names |
//! |---|---|
//! | open a chip | [`Password`] of a [`MrzKey`] or a card access number |
//! | say what is read, and how | [`Plan`], [`AccessPolicy`], [`Expected`], [`FileId`] |
//! | read it | [`Session`], [`Action`], [`Entropy`], [`SystemEntropy`], [`KeyReserve`] |
//! | show how far it is | [`Progress`], [`Phase`] |
//! | go on after the card was lifted | [`Interrupted`], [`Session::resume`] |
//! | read fingerprints | [`TerminalCertificates`], [`SigningRequest`] |
//! | know who may sign | [`TrustStore`], [`Certificate`], [`Pin`], [`Scope`] |
//! | judge what was read | [`Evidence`], [`Circumstances`], [`Verification`], [`Check`] |
//! | judge files without a chip | [`PassiveAuthentication`], [`SodVerification`], [`Group`], [`Facts`] |
//! | look into data groups | [`lds`], [`mrz`], [`Document`] |
//! | read a visible digital seal | [`seal`] |
//! | run one protocol by itself | [`hazmat`] |
//!
//! What a root name belongs to in the standard:
//!
//! | names | clause |
//! |---|---|
//! | [`Session`] | ICAO 9303-11 §4, §6, §7 |
//! | [`PassiveAuthentication`], [`TrustStore`] | ICAO 9303-11 §5, 9303-12 §5, §6 |
//! | [`Document`], [`Scope`] | ICAO 9303-3, 9303-12 |
//! | [`lds`] | ICAO 9303-10 |
//! | [`manner`] | ISO/IEC 7816-4 |
//! | [`mrz`] | ICAO 9303-3 §4.9, 9303-4, -5, -6 |
//! | [`seal`] | ICAO 9303-13, VDS-NC |

mod active_authentication;
mod apdu;
mod bac;
mod chip_authentication;
mod cms;
mod country;
mod crl;
mod crypto;
mod cvc;
mod deviation_list;
mod document;
mod error;
mod evidence;
mod exchange;
mod file;
mod oid;
mod pace;
mod passive_authentication;
mod password;
mod secret;
mod secure_messaging;
mod security_info;
mod session;
mod terminal_authentication;
mod tlv;
mod trust;
mod verdict;
mod x509;

/// What the README shows is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod hazmat;
// One module for each data group, with functions of the same name.
pub mod lds;
// What a chip was found to take, for who keeps it beyond one read.
pub mod manner;
// Also of use where there is no chip: the text that a scanner gives.
pub mod mrz;
// Documents of their own, with a vocabulary of their own.
pub mod seal;

pub use cms::{Deviation, Severity};
pub use crypto::{HashAlgorithm, KeyReserve};
pub use cvc::{TerminalAlgorithm, TerminalCertificates};
pub use document::{Document, DocumentKind, Scope};
pub use error::{Error, describe};
pub use evidence::{
    AccessRecord, Circumstances, Evidence, EvidenceError, FileEvidence, MAY_FAIL, Proof, TerminalRecord, Verification,
    may_stand,
};
pub use file::FileId;
pub use manner::Manner;
pub use mrz::{Mrz, MrzError, MrzFormat, MrzKey};
pub use passive_authentication::{Facts, Group, PassiveAuthentication, SodVerification};
pub use password::{CanError, Password};
pub use secret::{Entropy, EntropyError, ScriptedEntropy, Secret, SystemEntropy};
pub use session::{AccessPolicy, Action, Expected, Interrupted, Phase, Plan, Progress, Session};
pub use terminal_authentication::SigningRequest;
pub use trust::{
    Added, Chain, Entry, MasterList, Origin, Pin, Revocation, Role, TrustError, TrustStore, Validity, scope_of,
    validity,
};
pub use verdict::{Check, Outcome};
pub use x509::{Certificate, UnixTime};
// The words of an answer are a crate of their own: others than chips are judged in them, too.
pub use ::verdict::{Answers, Chip, Issuer};
