//! Checks a whole log against its keys alone: every tile, every entry that is still there.
//!
//! 1. The checkpoint is signed by the key that signs at its size, and by enough witnesses.
//! 2. All tiles above the leaves, and the last tile of leaves, lead to the signed root. From here on each hash in them is as
//!    certain as the signature.
//! 3. What an earlier run saw is a prefix of it, or the log has changed its past (`log_inconsistent`, with both checkpoints).
//! 4. Each full tile of leaves has the root that stands above it, and each entry in its bundle has its leaf, or is gone. These are
//!    independent of each other: as many threads as are wanted take them one after the other.
//!
//! So a fault is found at the tile where it lies, and what a run has done stays done: [`State`] says how many tiles from the
//! first on. Nothing that is missing passes, and an empty log verifies nothing.

use crate::checkpoint::Signed;
use crate::seen::Evidence;
use crate::tiles::{CHECKPOINT, Kind, Tile, Tiles, WIDTH, fold};
use crate::tree::{Frontier, MAX_SIZE, Nodes as _, leaf};
use crate::{Hash, Keys, LogError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;

/// Where a log's files are read. Several threads do.
pub trait Source: Sync {
    /// The bytes at a path of [`crate::tiles`]; `None` where nothing is.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, LogError>;
}

/// What a run leaves to the next one. It is believed as far as its checkpoint is signed and the log still extends that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The checkpoint against which the tiles were checked, a signed note.
    pub checkpoint: String,
    /// How many full tiles, from the first on, have been checked with their entries.
    pub tiles: u64,
    /// How many entries were in them.
    pub present: u64,
    /// How many were gone.
    pub gone: u64,
}

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub struct Task<'a> {
    /// Whose signatures count.
    pub keys: &'a Keys,
    /// How many threads read and hash.
    pub threads: usize,
    /// Whether entries are read too; without them the log's shape is verified, and nothing of what it says.
    pub entries: bool,
    /// After how many tiles the state is told.
    pub every: u64,
}

/// What was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The log.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// Its root.
    pub root: String,
    /// Witnesses that have signed it.
    pub witnesses: Vec<String>,
    /// The size of the log that an earlier run saw, which this one extends.
    pub extends: Option<u64>,
    /// Entries that an earlier run had verified, and this one did not read again.
    pub before: u64,
    /// Entries that are there, and are those that the log took in.
    pub present: u64,
    /// Entries that are gone; their leaves are in the root.
    pub gone: u64,
    /// Entries of which only the leaf was looked at, as it was asked.
    pub unread: u64,
}

/// What one tile has.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    present: u64,
    gone: u64,
    unread: u64,
}

/// The upper part of a log, proved to lead to the signed root.
struct Spine {
    size: u64,
    /// The roots of the full tiles of leaves.
    full: Vec<Hash>,
    /// The leaves behind them.
    tail: Vec<Hash>,
}

fn required(source: &impl Source, tile: &Tile) -> Result<Vec<u8>, LogError> {
    // Once a tile is full its parts may be removed.
    let found = match source.read(&tile.path())? {
        None if tile.width < WIDTH => source.read(&tile.full().path())?,
        found => found,
    };
    found.ok_or_else(|| LogError::Missing(tile.path()))
}

fn hashes(source: &impl Source, kind: Kind, index: u64, size: u64) -> Result<(Tile, Vec<Hash>), LogError> {
    let tile = Tile::of(kind, index, size).ok_or(LogError::Position)?;
    let hashes = tile.read_hashes(&required(source, &tile)?)?;
    Ok((tile, hashes))
}

impl Spine {
    fn read(source: &impl Source, signed: &Signed) -> Result<Self, LogError> {
        let size = signed.checkpoint.size;
        let mut rows = Vec::new();
        for level in 1..8 {
            let count = size >> (8 * u32::from(level));
            let mut row = Vec::new();
            for index in 0..count.div_ceil(WIDTH) {
                row.extend(hashes(source, Kind::Hashes(level), index, size)?.1);
            }
            rows.push(row);
        }
        // Each row must be made of the one below; the lowest is judged by the root.
        for (at, pair) in rows.windows(2).enumerate() {
            for (index, (root, tile)) in pair[1].iter().zip(pair[0].as_chunks::<256>().0).enumerate() {
                if fold(tile) != Some(*root) {
                    let tile = Tile::of(Kind::Hashes(at as u8 + 2), index as u64 / WIDTH, size);
                    return Err(LogError::TileDiffers(tile.map(|tile| tile.path()).unwrap_or_default()));
                }
            }
        }
        let full = rows.swap_remove(0);
        let tail = if size.is_multiple_of(WIDTH) {
            Vec::new()
        } else {
            hashes(source, Kind::Hashes(0), size / WIDTH, size)?.1
        };
        let spine = Self { size, full, tail };
        if spine.root_with(&spine.full, &spine.tail) != signed.checkpoint.root {
            return Err(LogError::TileDiffers("what lies above the tiles of leaves".to_owned()));
        }
        Ok(spine)
    }

    fn root_with(&self, full: &[Hash], tail: &[Hash]) -> Hash {
        let mut frontier = Frontier::over_tiles(full);
        tail.iter().for_each(|leaf| frontier.push(*leaf));
        frontier.root()
    }

    /// The leaves of a tile, proved.
    fn leaves(&self, source: &impl Source, index: u64) -> Result<Vec<Hash>, LogError> {
        let Some(root) = usize::try_from(index).ok().and_then(|index| self.full.get(index)) else {
            return Ok(self.tail.clone());
        };
        let (tile, leaves) = hashes(source, Kind::Hashes(0), index, self.size)?;
        if fold(&leaves) == Some(*root) { Ok(leaves) } else { Err(LogError::TileDiffers(tile.path())) }
    }

    /// The root of the first `size` leaves.
    fn prefix(&self, source: &impl Source, size: u64) -> Result<Hash, LogError> {
        let rest = (size % WIDTH) as usize;
        let leaves = if rest == 0 { Vec::new() } else { self.leaves(source, size / WIDTH)? };
        let full = usize::try_from(size / WIDTH).ok().and_then(|full| self.full.get(..full));
        let (full, rest) = full.zip(leaves.get(..rest)).ok_or(LogError::Position)?;
        Ok(self.root_with(full, rest))
    }

    /// One tile with its entries.
    fn tile(&self, source: &impl Source, index: u64, entries: bool) -> Result<Count, LogError> {
        let leaves = self.leaves(source, index)?;
        let mut count = Count::default();
        if !entries {
            count.unread = leaves.len() as u64;
            return Ok(count);
        }
        let bundle = Tile::of(Kind::Entries, index, self.size).ok_or(LogError::Position)?;
        let bytes = required(source, &bundle)?;
        for (place, (entry, hash)) in bundle.read_entries(&bytes)?.into_iter().zip(&leaves).enumerate() {
            match entry {
                None => count.gone += 1,
                Some(entry) if leaf(entry) == *hash => count.present += 1,
                Some(_) => return Err(LogError::Rewritten(index * WIDTH + place as u64)),
            }
        }
        Ok(count)
    }
}

/// That the log still has all that an earlier run saw.
fn extends(source: &impl Source, spine: &Spine, known: Signed, offered: &Signed) -> Result<u64, LogError> {
    let (old, new) = (&known.checkpoint, &offered.checkpoint);
    if new.size < old.size {
        return Err(LogError::Older { seen: old.size, offered: new.size });
    }
    let prefix = spine.prefix(source, old.size)?;
    if prefix == old.root {
        return Ok(old.size);
    }
    // For whoever was not here: the path from the log's present past to its present root.
    let read = |tile: &Tile| required(source, tile);
    let proof = Tiles { size: new.size, read }.consistency(old.size, new.size)?;
    let evidence = Evidence { known, offered: offered.clone(), proof: Some(proof), prefix: Some(prefix) };
    Err(LogError::Inconsistent(Box::new(evidence)))
}

/// Verifies a log. `told` hears how far it is whenever some more tiles are done, and may keep the state.
///
/// # Errors
/// At the first thing that is missing, wrong, or not what it was.
pub fn verify(
    source: &impl Source,
    task: Task<'_>,
    earlier: Option<&State>,
    mut told: impl FnMut(&State, u64) -> Result<(), LogError>,
) -> Result<Verified, LogError> {
    let note = source.read(CHECKPOINT)?.ok_or_else(|| LogError::Missing(CHECKPOINT.to_owned()))?;
    let signed = task.keys.open_note(&note)?;
    let witnesses = task.keys.witnessed(&note)?.into_iter().map(str::to_owned).collect();
    let size = signed.checkpoint.size;
    if size == 0 || size > MAX_SIZE {
        return Err(LogError::Empty);
    }
    let spine = Spine::read(source, &signed)?;
    let (mut state, mut extended) = (None, None);
    if let Some(earlier) = earlier {
        let known = task.keys.open_note(earlier.checkpoint.as_bytes())?;
        if earlier.tiles.checked_mul(WIDTH).is_none_or(|done| done > known.checkpoint.size)
            || earlier.present.checked_add(earlier.gone).is_none_or(|sum| sum > earlier.tiles * WIDTH)
        {
            return Err(LogError::State("it says more than its checkpoint has"));
        }
        extended = Some(extends(source, &spine, known, &signed)?);
        state = Some(earlier.clone());
    }
    let checkpoint = String::from_utf8(note).map_err(|_| LogError::Note("not UTF-8"))?;
    let mut state =
        State { checkpoint, ..state.unwrap_or(State { checkpoint: String::new(), tiles: 0, present: 0, gone: 0 }) };
    let first = state.tiles;
    let rest = run(source, &spine, task, &mut state, &mut told)?;
    told(&state, size)?;
    Ok(Verified {
        origin: signed.checkpoint.origin,
        size,
        root: signed.checkpoint.root.to_string(),
        witnesses,
        extends: extended,
        before: first * WIDTH,
        present: state.present + rest.present,
        gone: state.gone + rest.gone,
        unread: rest.unread,
    })
}

/// All tiles that are not done, by several threads; counts full ones into the state, in their order, and gives what is not in it.
fn run(
    source: &impl Source,
    spine: &Spine,
    task: Task<'_>,
    state: &mut State,
    told: &mut impl FnMut(&State, u64) -> Result<(), LogError>,
) -> Result<Count, LogError> {
    let (full, all) = (spine.size / WIDTH, spine.size.div_ceil(WIDTH));
    let next = AtomicU64::new(state.tiles);
    let stop = AtomicBool::new(false);
    let (send, done) = mpsc::sync_channel(1024);
    std::thread::scope(|scope| {
        for _ in 0..task.threads.max(1) {
            let send = send.clone();
            let (next, stop) = (&next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= all || send.send((index, spine.tile(source, index, task.entries))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        let mut rest = Count::default();
        let mut waiting = BTreeMap::new();
        let mut at = state.tiles;
        let mut result = Ok(());
        for (index, count) in &done {
            waiting.insert(index, count);
            // In their order, so that the first fault is the one that is told, whoever found one first.
            while let Some(count) = waiting.remove(&at) {
                let step = count.and_then(|count| {
                    at += 1;
                    rest.unread += count.unread;
                    // A tile whose entries were not read is not done; one that is not full may yet become it.
                    if task.entries && at <= full {
                        state.tiles = at;
                        state.present += count.present;
                        state.gone += count.gone;
                    } else {
                        rest.present += count.present;
                        rest.gone += count.gone;
                    }
                    let due = task.every > 0 && at.is_multiple_of(task.every);
                    if due { told(state, (at * WIDTH).min(spine.size)) } else { Ok(()) }
                });
                if result.is_ok() {
                    result = step;
                }
                if result.is_err() {
                    stop.store(true, Ordering::Relaxed);
                    break;
                }
            }
            if result.is_err() {
                break;
            }
        }
        // Threads that still want to say something must not wait for a listener.
        drop(done);
        result?;
        if at == all { Ok(rest) } else { Err(LogError::Missing("a thread's answer".to_owned())) }
    })
}
