//! The Merkle tree of RFC 9162 §2.1: hashes, what is kept to append, and how proofs are made.
//!
//! `MTH({}) = SHA-256()`, a leaf is `SHA-256(00 ‖ entry)`, a node `SHA-256(01 ‖ left ‖ right)`. The left side of a node is always the
//! largest full tree that is smaller than the whole; so a log of any size is a row of full trees, the *peaks*, and a tree that has
//! grown holds all full trees that it had before.
//!
//! Entries themselves are needed once, to make the leaf. Afterwards they may be erased: no proof needs them.

pub use crate::hash::{MAX_SIZE, empty, leaf, node};
use crate::{Consistency, Hash, Inclusion, LogError};
use events::event::Bytes;

/// What a log must keep to go on: the peaks, largest first. Appending takes O(log n) hashes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// A log whose first `256 * tiles.len()` leaves are full tiles with these roots.
    #[must_use]
    pub fn over_tiles(tiles: &[Hash]) -> Self {
        let mut frontier = Self::default();
        for tile in tiles {
            frontier.push(*tile);
        }
        // A peak over n full tiles is the peak over 256 n leaves.
        Self { size: frontier.size * 256, ..frontier }
    }

    /// How many leaves there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        let mut rest = self.size;
        while rest & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            hash = node(&left, &hash);
            rest >>= 1;
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev().copied();
        let Some(last) = peaks.next() else { return empty() };
        peaks.fold(last, |right, left| node(&left, &right))
    }

    /// The size, big-endian, and the peaks.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let peaks = self.peaks.iter().flat_map(|peak| peak.0);
        self.size.to_be_bytes().into_iter().chain(peaks).collect()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// When the number of peaks is not that of the size.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LogError> {
        const WHY: LogError = LogError::State("the peaks do not fit the size");
        let (size, peaks) = bytes.split_first_chunk().ok_or(WHY)?;
        let size = u64::from_be_bytes(*size);
        let (peaks, rest) = peaks.as_chunks::<32>();
        if size > MAX_SIZE || !rest.is_empty() || peaks.len() != size.count_ones() as usize {
            return Err(WHY);
        }
        Ok(Self { size, peaks: peaks.iter().copied().map(Bytes).collect() })
    }
}

/// Where the hashes of full trees are found.
pub trait Nodes {
    /// The root of the full tree over the leaves `index << level` to `(index + 1) << level`.
    ///
    /// # Errors
    /// When it is not to be had.
    fn node(&self, level: u8, index: u64) -> Result<Hash, LogError>;

    /// `MTH(D[begin:end])`, where `begin` is where a proof may begin.
    ///
    /// # Errors
    /// As [`node`](Self::node).
    fn range(&self, begin: u64, end: u64) -> Result<Hash, LogError> {
        let size = end.checked_sub(begin).ok_or(LogError::Position)?;
        if size == 0 {
            return Ok(empty());
        }
        if size.is_power_of_two() && begin.is_multiple_of(size) {
            return self.node(size.trailing_zeros() as u8, begin / size);
        }
        let middle = begin + split(size);
        Ok(node(&self.range(begin, middle)?, &self.range(middle, end)?))
    }

    /// The root of the first `size` leaves.
    ///
    /// # Errors
    /// As [`node`](Self::node).
    fn root(&self, size: u64) -> Result<Hash, LogError> {
        self.range(0, size)
    }

    /// That the leaf `index` is in the log of the first `size` leaves.
    ///
    /// # Errors
    /// When it is not, or as [`node`](Self::node).
    fn inclusion(&self, index: u64, size: u64) -> Result<Inclusion, LogError> {
        if index >= size || size > MAX_SIZE {
            return Err(LogError::Position);
        }
        let (mut begin, mut end) = (0, size);
        let mut path = Vec::new();
        while end - begin > 1 {
            let middle = begin + split(end - begin);
            if index < middle {
                path.push(self.range(middle, end)?);
                end = middle;
            } else {
                path.push(self.range(begin, middle)?);
                begin = middle;
            }
        }
        path.reverse();
        Ok(Inclusion { size, index, path })
    }

    /// That the log of `new` leaves extends the log of `old`.
    ///
    /// # Errors
    /// When it is smaller, or as [`node`](Self::node).
    fn consistency(&self, old: u64, new: u64) -> Result<Consistency, LogError> {
        if old > new || new > MAX_SIZE {
            return Err(LogError::Position);
        }
        let mut path = Vec::new();
        if old > 0 && old < new {
            let (mut begin, mut end) = (0, new);
            // Down to the tree that ends where the old log ended.
            while end != old {
                let middle = begin + split(end - begin);
                if old <= middle {
                    path.push(self.range(middle, end)?);
                    end = middle;
                } else {
                    path.push(self.range(begin, middle)?);
                    begin = middle;
                }
            }
            // Whoever has the old root has that tree, if it is the whole old log.
            if begin != 0 {
                path.push(self.range(begin, end)?);
            }
            path.reverse();
        }
        Ok(Consistency { old, new, path })
    }
}

/// The largest power of two that is smaller than `size`, which is at least 2.
const fn split(size: u64) -> u64 {
    1 << (63 - (size - 1).leading_zeros())
}

/// A tree in memory, all of whose full trees are kept: for logs of a few million entries, and to write tiles.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let row = &mut self.levels[level];
            row.push(hash);
            let [.., left, right] = &row[..] else { return };
            if row.len() % 2 == 1 {
                return;
            }
            hash = node(left, right);
        }
    }

    /// How many leaves there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }
}

impl FromIterator<Hash> for Tree {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaves: I) -> Self {
        let mut tree = Self::default();
        leaves.into_iter().for_each(|leaf| tree.push(leaf));
        tree
    }
}

impl Nodes for Tree {
    fn node(&self, level: u8, index: u64) -> Result<Hash, LogError> {
        let row = self.levels.get(usize::from(level));
        let hash = usize::try_from(index).ok().and_then(|index| row?.get(index));
        hash.copied().ok_or(LogError::Position)
    }
}
