//! The hashes of RFC 9162 §2.1, and how large a log may be.

use crate::Hash;
use events::event::Bytes;
use sha2::{Digest as _, Sha256};

/// The most entries of a log. No sum of positions overflows below it.
pub const MAX_SIZE: u64 = 1 << 62;

/// The hash of an entry.
#[must_use]
pub fn leaf(entry: &[u8]) -> Hash {
    Bytes(Sha256::new().chain_update([0]).chain_update(entry).finalize().into())
}

/// The hash over two trees.
#[must_use]
pub fn node(left: &Hash, right: &Hash) -> Hash {
    Bytes(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// The root of a log without entries.
#[must_use]
pub fn empty() -> Hash {
    Bytes(Sha256::digest([]).into())
}
