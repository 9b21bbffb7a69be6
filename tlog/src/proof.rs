//! Proofs, as RFC 9162 §2.1.3 and §2.1.4 verify them, and RFC 9942 §5.2 encodes them: `[size, index, [hash]]` and
//! `[old size, new size, [hash]]` in CBOR.
//!
//! A proof binds nothing by itself: it says which root follows from a leaf, or from an old root. What the proof is worth
//! is worth the signature over that root.

use crate::hash::{MAX_SIZE, node};
use crate::{Hash, LogError};
use coset::CborSerializable as _;
use coset::cbor::Value;
use events::event::Bytes;

/// No path is longer: a tree of [`MAX_SIZE`] leaves has 62 levels, and a proof of consistency one hash more.
const MAX_PATH: usize = 63;

/// That an entry is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inclusion {
    /// How many entries the log has.
    pub size: u64,
    /// Which one it is, from 0.
    pub index: u64,
    /// From the leaf's neighbour to the root's.
    pub path: Vec<Hash>,
}

impl Inclusion {
    /// The root of the log, if this leaf is where the proof says.
    ///
    /// # Errors
    /// When the path has another length than position and size want.
    pub fn root(&self, leaf: &Hash) -> Result<Hash, LogError> {
        if self.index >= self.size || self.size > MAX_SIZE {
            return Err(LogError::Position);
        }
        let (mut at, mut last) = (self.index, self.size - 1);
        let mut hash = *leaf;
        for other in &self.path {
            if last == 0 {
                return Err(LogError::Proof("the path is too long"));
            }
            if at & 1 == 1 || at == last {
                hash = node(other, &hash);
                climb(&mut at, &mut last);
            } else {
                hash = node(&hash, other);
            }
            at >>= 1;
            last >>= 1;
        }
        if last != 0 {
            return Err(LogError::Proof("the path is too short"));
        }
        Ok(hash)
    }

    /// `[size, index, path]` in CBOR.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self.size, self.index, &self.path)
    }

    /// Reads its one encoding.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LogError> {
        let (size, index, path) = decode(bytes)?;
        if index >= size {
            return Err(LogError::Position);
        }
        Ok(Self { size, index, path })
    }
}

/// That a log extends what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consistency {
    /// How many entries the log had.
    pub old: u64,
    /// How many it has.
    pub new: u64,
    /// From where the old log ended to the new root.
    pub path: Vec<Hash>,
}

impl Consistency {
    /// The roots of old and new log that this path is over, if the old one was `old_root`: where that is not what comes back, the
    /// new log holds other entries.
    ///
    /// # Errors
    /// When the path has another length than the sizes want.
    pub fn roots(&self, old_root: &Hash) -> Result<(Hash, Hash), LogError> {
        const LENGTH: LogError = LogError::Proof("the path has another length than the sizes want");
        if self.old > self.new || self.new > MAX_SIZE {
            return Err(LogError::Position);
        }
        if self.old == 0 {
            // Everything extends nothing; which root that leads to nobody can say.
            return Err(LogError::Proof("nothing is proved of an empty log"));
        }
        if self.old == self.new {
            return if self.path.is_empty() { Ok((*old_root, *old_root)) } else { Err(LENGTH) };
        }
        let mut path = self.path.iter();
        // An old log that is one full tree is the first hash itself, which is left out.
        let first = if self.old.is_power_of_two() { old_root } else { path.next().ok_or(LENGTH)? };
        let (mut at, mut last) = (self.old - 1, self.new - 1);
        while at & 1 == 1 {
            at >>= 1;
            last >>= 1;
        }
        let (mut old, mut new) = (*first, *first);
        for other in path {
            if last == 0 {
                return Err(LENGTH);
            }
            if at & 1 == 1 || at == last {
                old = node(other, &old);
                new = node(other, &new);
                climb(&mut at, &mut last);
            } else {
                new = node(&new, other);
            }
            at >>= 1;
            last >>= 1;
        }
        if last == 0 { Ok((old, new)) } else { Err(LENGTH) }
    }

    /// Checks that the log with `new_root` extends the one with `old_root`.
    ///
    /// # Errors
    /// When the path does not prove it.
    pub fn verify(&self, old_root: &Hash, new_root: &Hash) -> Result<(), LogError> {
        let (old, new) = self.roots(old_root)?;
        if old == *old_root && new == *new_root { Ok(()) } else { Err(LogError::ProofDiffers) }
    }

    /// `[old, new, path]` in CBOR.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self.old, self.new, &self.path)
    }

    /// Reads its one encoding.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LogError> {
        let (old, new, path) = decode(bytes)?;
        if old > new || new > MAX_SIZE {
            return Err(LogError::Position);
        }
        Ok(Self { old, new, path })
    }
}

/// Past the levels at which the right edge of the tree has no neighbour.
fn climb(at: &mut u64, last: &mut u64) {
    while *at & 1 == 0 && *at != 0 {
        *at >>= 1;
        *last >>= 1;
    }
}

fn encode(first: u64, second: u64, path: &[Hash]) -> Vec<u8> {
    let path = path.iter().map(|hash| Value::Bytes(hash.0.to_vec())).collect();
    bytes(&Value::Array(vec![first.into(), second.into(), Value::Array(path)]))
}

fn decode(encoded: &[u8]) -> Result<(u64, u64, Vec<Hash>), LogError> {
    const WHY: LogError = LogError::Proof("not [size, position, [hash]] in deterministic CBOR");
    if encoded.len() > 32 + 34 * MAX_PATH {
        return Err(WHY);
    }
    let [first, second, path] = <[Value; 3]>::try_from(list(encoded).ok_or(WHY)?).map_err(|_| WHY)?;
    let number = |value: &Value| value.as_integer().and_then(|it| u64::try_from(it).ok()).filter(|it| *it <= MAX_SIZE);
    let hash = |value: Value| value.into_bytes().ok().and_then(|it| it.try_into().ok()).map(Bytes);
    let path = path.into_array().ok().and_then(|path| path.into_iter().map(hash).collect::<Option<Vec<Hash>>>());
    let (first, second, path) = (number(&first).ok_or(WHY)?, number(&second).ok_or(WHY)?, path.ok_or(WHY)?);
    if path.len() > MAX_PATH || encode(first, second, &path) != encoded {
        return Err(WHY);
    }
    Ok((first, second, path))
}

/// CBOR of a value of numbers, bytes, texts, lists and maps, each of which has an encoding.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    value.clone().to_vec().unwrap_or_default()
}

/// The elements of a list in CBOR, with nothing behind it.
pub(crate) fn list(encoded: &[u8]) -> Option<Vec<Value>> {
    Value::from_slice(encoded).ok()?.into_array().ok()
}
