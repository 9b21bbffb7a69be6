//! A log that proves itself: nothing that it once acknowledged can be dropped, inserted, reordered or rewritten unseen.
//!
//! Whoever signs a log's *checkpoint* says: so many entries, and this root over all of them. From then on the log can show of
//! each entry that it is in there ([`Inclusion`]), and of each later checkpoint that it extends this one ([`Consistency`]); and
//! where it cannot, what it signed is the evidence against it. This crate makes and checks these things. It reads no network
//! and no clock and keeps nothing: [`verify`] is told where to read.
//!
//! # Format
//!
//! | what | by | module |
//! |---|---|---|
//! | the tree: leaf `SHA-256(00 ‖ entry)`, node `SHA-256(01 ‖ left ‖ right)` | RFC 9162 §2.1 | [`tree`] |
//! | an entry: the signed bytes of an event, 1 to 65535 | [`events`] | [`tiles`] |
//! | proofs, in deterministic CBOR | RFC 9162 §2.1.3-4, RFC 9942 §5.2 | [`proof`] |
//! | files of a log | C2SP `tlog-tiles` | [`tiles`] |
//! | a checkpoint as text, Ed25519, and witnesses | C2SP `signed-note`, `tlog-checkpoint`, `tlog-cosignature` | [`note`], [`checkpoint`] |
//! | a checkpoint and receipts as COSE_Sign1, ES256 | RFC 9942, words of RFC 9943 | [`receipt`] |
//! | whose key signs from which size on | here | [`keys`] |
//! | what somebody saw last, and takes next | here | [`seen`] |
//! | a whole log, against the keys alone | here; the program `verify-log` | [`verify`](mod@verify) |
//!
//! Two signatures stand over one root because there are two kinds of readers: devices and auditors have COSE and ES256 already,
//! for events; witnesses all over the world have notes and Ed25519.
//!
//! # Example
//!
//! ```
//! use tlog::tree::{Nodes as _, Tree, leaf};
//! use tlog::{Checkpoint, Keys, Seen, SignedRoot};
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
//! // The log takes in three entries and signs. `sign` is what its key store does.
//! let entries = [b"one".as_slice(), b"two", b"three"];
//! let tree: Tree = entries.into_iter().map(leaf).collect();
//! let origin = "log.tinh31.example/events".to_owned();
//! let checkpoint = Checkpoint { origin: origin.clone(), size: 3, root: tree.root(3)? };
//! let signed = SignedRoot::sign(checkpoint, &public_key, sign)?;
//! let receipt = signed.receipt(&tree.inclusion(1, 3)?)?;
//!
//! // A device has the table of keys, its own entry, and the receipt.
//! let keys = Keys::new(&origin).cose(0, &public_key)?;
//! let (index, checkpoint) = keys.open_receipt(&receipt, b"two")?;
//! assert_eq!((index, checkpoint.size), (1, 3));
//! assert!(keys.open_receipt(&receipt, b"too").is_err(), "another entry is not in there");
//!
//! // It keeps the checkpoint, and takes only what extends it.
//! let mut seen = Seen::nothing();
//! seen.take(keys.open_cose(&signed.to_bytes()?)?, None)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod checkpoint;
mod error;
mod hash;
pub mod keys;
pub mod note;
pub mod proof;
pub mod receipt;
pub mod seen;
pub mod tiles;
pub mod tree;
pub mod verify;

pub use checkpoint::{Checkpoint, Form, Signed};
pub use error::LogError;
pub use keys::Keys;
pub use proof::{Consistency, Inclusion};
pub use receipt::{Receipt, SignedRoot};
pub use seen::{Evidence, Seen};

/// A hash of the tree.
pub type Hash = events::event::Bytes<32>;
