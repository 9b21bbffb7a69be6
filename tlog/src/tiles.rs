//! Tiles and bundles of entries, by the paths and in the form of C2SP `tlog-tiles`.
//!
//! | path | holds |
//! |---|---|
//! | `checkpoint` | the newest checkpoint, a signed note |
//! | `tile/L/N` | 256 hashes: of level 0 leaves, of level L the roots of full tiles of level L-1 |
//! | `tile/entries/N` | 256 entries, each behind its length in two bytes, big-endian |
//! | `…/N.p/W` | the first W of them, where the log ends |
//!
//! `N` is written in groups of three digits, all but the last with an `x`: 1234067 is `x001/x234/067`. A full tile never changes.
//!
//! # Entries that are gone
//! An entry may be erased, its leaf never. In a bundle it then has the length 0, which no entry has: a bundle so changed differs
//! from what it was, and everything in it still hashes to its leaf in the tile of level 0, or says that it is gone.

use crate::tree::{MAX_SIZE, Nodes, node};
use crate::{Hash, LogError};
use events::event::Bytes;

/// Hashes, or entries, of a full tile.
pub const WIDTH: u64 = 256;

/// The most bytes of an entry: what two bytes of length can say, and no event has more.
pub const MAX_ENTRY: usize = events::signed::MAX_EVENT;

/// The most bytes of a tile or bundle.
pub const MAX_BYTES: usize = WIDTH as usize * (MAX_ENTRY + 2);

/// Where a log's checkpoint lies.
pub const CHECKPOINT: &str = "checkpoint";

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Hashes of this level.
    Hashes(u8),
    /// Entries.
    Entries,
}

/// A tile: which one, and how much of it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// What it holds.
    pub kind: Kind,
    /// Which one of its level, from 0.
    pub index: u64,
    /// How many hashes or entries, 1 to 256.
    pub width: u64,
}

impl Tile {
    /// The tile of this place in a log of `size` entries, as far as that has it.
    #[must_use]
    pub fn of(kind: Kind, index: u64, size: u64) -> Option<Self> {
        let level = if let Kind::Hashes(level) = kind { u32::from(level) } else { 0 };
        let hashes = size.checked_shr(8 * level).unwrap_or(0);
        let width = hashes.saturating_sub(index.checked_mul(WIDTH)?).min(WIDTH);
        (width > 0).then_some(Self { kind, index, width })
    }

    /// All tiles and bundles of a log of `size` entries that one of `before` has not: what must be written when it grows.
    pub fn fresh(before: u64, size: u64) -> impl Iterator<Item = Self> {
        let size = size.min(MAX_SIZE);
        let kinds = (0..8).map(Kind::Hashes).chain([Kind::Entries]);
        kinds.flat_map(move |kind| {
            let level = if let Kind::Hashes(level) = kind { 8 * u32::from(level) } else { 0 };
            let (old, new) = (before >> level, size >> level);
            let last = new.div_ceil(WIDTH);
            let first = if old == new { last } else { old / WIDTH };
            (first..last).filter_map(move |index| Self::of(kind, index, size))
        })
    }

    /// The same tile once it is full.
    #[must_use]
    pub const fn full(self) -> Self {
        Self { width: WIDTH, ..self }
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> String {
        let mut groups = vec![format!("{:03}", self.index % 1000)];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.insert(0, format!("x{:03}", rest % 1000));
            rest /= 1000;
        }
        let kind = match self.kind {
            Kind::Hashes(level) => level.to_string(),
            Kind::Entries => "entries".to_owned(),
        };
        let part = if self.width < WIDTH { format!(".p/{}", self.width) } else { String::new() };
        format!("tile/{kind}/{}{part}", groups.join("/"))
    }

    /// Reads a path in the one form that [`path`](Self::path) writes.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let kind = if kind == "entries" { Kind::Entries } else { Kind::Hashes(kind.parse().ok()?) };
        let (place, width) = match rest.split_once(".p/") {
            Some((place, width)) => (place, width.parse().ok()?),
            None => (rest, WIDTH),
        };
        let mut index = 0_u64;
        for group in place.split('/') {
            let digits = group.strip_prefix('x').unwrap_or(group);
            let number: u64 = (digits.len() == 3).then(|| digits.parse().ok())??;
            index = index.checked_mul(1000)?.checked_add(number)?;
        }
        let tile = Self { kind, index, width };
        let level = if let Kind::Hashes(level) = kind { level } else { 0 };
        // What was not in the one form is written otherwise: signs, zeros in front, a part of 0 or 256.
        (level < 64 && (1..=WIDTH).contains(&width) && tile.path() == path).then_some(tile)
    }

    fn malformed(&self, why: &'static str) -> LogError {
        LogError::Tile { path: self.path(), why }
    }

    /// The bytes of a tile of hashes.
    ///
    /// # Errors
    /// When a hash is not to be had, or it is a bundle.
    pub fn hashes_from(&self, nodes: &impl Nodes) -> Result<Vec<u8>, LogError> {
        let Kind::Hashes(level) = self.kind else { return Err(self.malformed("a bundle has no hashes")) };
        let first = self.index * WIDTH;
        let hashes = (first..first + self.width).map(|index| nodes.node(8 * level, index));
        Ok(hashes.collect::<Result<Vec<_>, _>>()?.into_iter().flat_map(|hash| hash.0).collect())
    }

    /// The hashes in the bytes of this tile, or of a wider one at the same place.
    ///
    /// # Errors
    /// When they are no whole hashes, or too few.
    pub fn read_hashes(&self, bytes: &[u8]) -> Result<Vec<Hash>, LogError> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        let width = self.width as usize;
        if !rest.is_empty() || hashes.len() < width || hashes.len() > WIDTH as usize {
            return Err(self.malformed("another number of hashes than it should have"));
        }
        Ok(hashes[..width].iter().copied().map(Bytes).collect())
    }

    /// The entries in the bytes of this bundle, or of a wider one at the same place; `None` for one that is gone.
    ///
    /// # Errors
    /// When they are no whole entries, too few, or too many.
    pub fn read_entries<'a>(&self, bytes: &'a [u8]) -> Result<Vec<Option<&'a [u8]>>, LogError> {
        let mut entries = Vec::with_capacity(self.width as usize);
        let mut rest = bytes;
        while let Some((length, after)) = rest.split_first_chunk() {
            let length = usize::from(u16::from_be_bytes(*length));
            let (entry, after) = after.split_at_checked(length).ok_or_else(|| self.malformed("it is cut off"))?;
            entries.push((length > 0).then_some(entry));
            rest = after;
        }
        let width = self.width as usize;
        if !rest.is_empty() || entries.len() < width || entries.len() > WIDTH as usize {
            return Err(self.malformed("another number of entries than it should have"));
        }
        entries.truncate(width);
        Ok(entries)
    }
}

/// The bytes of a bundle; `None` for an entry that is gone.
///
/// # Errors
/// When an entry has no byte, or more than [`MAX_ENTRY`].
pub fn bundle<'a>(entries: impl IntoIterator<Item = Option<&'a [u8]>>) -> Result<Vec<u8>, LogError> {
    let mut bytes = Vec::new();
    for entry in entries {
        let length = entry.map_or(Ok(0), |entry| u16::try_from(entry.len())).map_err(|_| LogError::EntrySize)?;
        if entry.is_some() && length == 0 {
            return Err(LogError::EntrySize);
        }
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(entry.unwrap_or_default());
    }
    Ok(bytes)
}

/// The root over hashes whose number is a power of two.
#[must_use]
pub fn fold(hashes: &[Hash]) -> Option<Hash> {
    let mut row = hashes.to_vec();
    if !row.len().is_power_of_two() {
        return None;
    }
    while row.len() > 1 {
        row = row.chunks_exact(2).map(|pair| node(&pair[0], &pair[1])).collect();
    }
    row.first().copied()
}

/// The full trees of a log of which only tiles are kept. What it gives is as true as the tiles: a proof made of it shows that
/// by its root.
#[derive(Debug, Clone, Copy)]
pub struct Tiles<F> {
    /// How many entries the log has.
    pub size: u64,
    /// Reads the bytes of a tile.
    pub read: F,
}

impl<F: Fn(&Tile) -> Result<Vec<u8>, LogError>> Nodes for Tiles<F> {
    fn node(&self, level: u8, index: u64) -> Result<Hash, LogError> {
        // A tile has its own level and the seven above it; what lies higher is in a tile of a higher level.
        let (row, height) = (level / 8, level % 8);
        let first = index.checked_shl(u32::from(height)).filter(|first| first >> height == index);
        let first = first.ok_or(LogError::Position)?;
        let tile = Tile::of(Kind::Hashes(row), first / WIDTH, self.size).ok_or(LogError::Position)?;
        let hashes = tile.read_hashes(&(self.read)(&tile)?)?;
        let from = (first % WIDTH) as usize;
        hashes.get(from..from + (1 << height)).and_then(fold).ok_or(LogError::Position)
    }
}
