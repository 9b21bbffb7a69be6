//! The index of document signers that nobody vouches for. It follows from the log alone: what stands here was told by an
//! event of kind `signer`, and could be made again from the events.
//!
//! An index, not a scan: a province's log has ten million events, of which a few thousand tell of a signer, and an operator
//! who asks waits for a second. It costs the look at each event's bytes when it comes.

use events::event::Bytes;
use events::{Body, hash};

/// How the body of such an event begins: the text `signer` in CBOR. Whatever lacks these bytes tells of none.
pub(crate) const MARK: &[u8] = b"\x66signer";

/// Counts beyond this are no counts: a device that claims more is not believed, and sums stay within their type.
const MOST: u64 = 1 << 40;

/// What one event tells of a document signer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) fingerprint: Bytes<32>,
    pub(crate) certificate: Vec<u8>,
    pub(crate) document: String,
    pub(crate) count: i64,
    pub(crate) numbers: i64,
    pub(crate) since: i64,
    pub(crate) at: i64,
}

/// What an event tells of a document signer, if it does.
pub(crate) fn told(bytes: &[u8]) -> Option<Told> {
    if !bytes.windows(MARK.len()).any(|part| part == MARK) {
        return None;
    }
    let event = events::signed::read(bytes).ok()?;
    let Body::Signer(signer) = event.body else { return None };
    let counted = |count: u64| i64::try_from(count.min(MOST)).unwrap_or_default();
    // A device's word, shown to people: a kind of document and nothing else.
    let plain = |b: u8| b.is_ascii_lowercase() || b == b'_';
    let known = (1..=32).contains(&signer.document.len()) && signer.document.bytes().all(plain);
    Some(Told {
        fingerprint: hash(&signer.certificate),
        document: if known { signer.document } else { "other".to_owned() },
        count: counted(signer.count),
        numbers: counted(signer.numbers),
        since: signer.since,
        at: event.at,
        certificate: signer.certificate,
    })
}

/// A document signer as all devices saw it. No holder is named by any of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenSigner {
    /// SHA-256 of its certificate.
    pub fingerprint: Bytes<32>,
    /// Its certificate as it came: bytes of a card that nobody vouched for.
    pub certificate: Vec<u8>,
    /// Kinds of document that it signed, in order.
    pub documents: Vec<String>,
    /// How many devices saw it.
    pub devices: u64,
    /// How many documents of it were read: the newest count of each device, added up.
    pub count: u64,
    /// Over how many numbers at most: a person who came to two devices counts twice.
    pub numbers: u64,
    /// When the first one was read, seconds since 1970.
    pub since: i64,
    /// When a device last told of it.
    pub last: i64,
}
