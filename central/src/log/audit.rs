//! The log against itself: every event against its leaf, every tile against those below it, the frontier against all of it, and
//! checkpoints that others kept against the tree.
//!
//! It believes the database and wants it to agree with itself and with what was signed. Whoever does not believe the database takes a
//! copy and looks at that with `verify-log`.

use crate::store::log::tree;
use crate::store::{EventStore, StoreError};
use serde::Serialize;
use std::io::Write as _;
use std::path::Path;
use tlog::checkpoint::Signed;
use tlog::tiles::{CHECKPOINT, Kind, MAX_ENTRY, Tile, WIDTH, bundle, fold};
use tlog::tree::{Frontier, Nodes as _, leaf};
use tlog::{Hash, LogError};

/// What was found to be in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audited {
    /// How many entries the log has.
    pub size: u64,
    /// Its root.
    pub root: String,
    /// Entries that are there.
    pub present: u64,
    /// Entries that are gone; their leaves are there.
    pub gone: u64,
    /// Sizes of the kept checkpoints that the log extends.
    pub extends: Vec<u64>,
}

/// Why an audit stopped.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The store failed, or its tree does not fit its events.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something is not what it was.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl From<AuditError> for program::Failure {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Store(error) => error.into(),
            AuditError::Log(error) => error.into(),
        }
    }
}

/// Looks at a whole log.
///
/// # Errors
/// At the first thing that is missing or is not what it was.
pub fn audit(store: &dyn EventStore, kept: &[Signed]) -> Result<Audited, AuditError> {
    let frontier = store.frontier()?;
    let size = frontier.size();
    let tree = tree(store, size);
    let (mut own, mut present, mut gone) = (Frontier::default(), 0, 0);
    let mut row: Vec<Hash> = Vec::new();
    for number in 0..size.div_ceil(WIDTH) {
        let tile = Tile::of(Kind::Hashes(0), number, size).ok_or(LogError::Position)?;
        let leaves = tile.read_hashes(&(tree.read)(&tile)?)?;
        let entries = store.entries(number * WIDTH, tile.width)?;
        if entries.len() != leaves.len() {
            return Err(LogError::Missing(Tile { kind: Kind::Entries, ..tile }.path()).into());
        }
        for (at, (entry, hash)) in entries.iter().zip(&leaves).enumerate() {
            match entry {
                None => gone += 1,
                Some(entry) if leaf(entry) == *hash => present += 1,
                Some(_) => return Err(LogError::Rewritten(number * WIDTH + at as u64).into()),
            }
            own.push(*hash);
        }
        if tile.width == WIDTH {
            row.extend(fold(&leaves));
        }
    }
    if own != frontier {
        return Err(LogError::TileDiffers("the tree's frontier".to_owned()).into());
    }
    if !store.entries(size, 1)?.is_empty() {
        return Err(StoreError::Log("an event has no leaf").into());
    }
    let mut level = 1;
    while !row.is_empty() {
        let mut above = Vec::new();
        for (number, hashes) in row.chunks(WIDTH as usize).enumerate() {
            let tile = Tile { kind: Kind::Hashes(level), index: number as u64, width: hashes.len() as u64 };
            if tile.read_hashes(&(tree.read)(&tile)?)? != hashes {
                return Err(LogError::TileDiffers(tile.path()).into());
            }
            if tile.width == WIDTH {
                above.extend(fold(hashes));
            }
        }
        (row, level) = (above, level + 1);
    }
    let mut extends = Vec::new();
    for kept in kept {
        let old = kept.checkpoint.size;
        if old > size {
            return Err(LogError::Older { seen: old, offered: size }.into());
        }
        if tree.root(old)? != kept.checkpoint.root {
            return Err(LogError::TileDiffers(format!("the log of {old} entries that was signed")).into());
        }
        extends.push(old);
    }
    Ok(Audited { size, root: own.root().to_string(), present, gone, extends })
}

/// Writes the log as files that `verify-log` and others read; what is there of it already stays. `note` is its checkpoint, over
/// `size` entries.
///
/// # Errors
/// When the store fails, or a file cannot be written.
pub fn copy(store: &dyn EventStore, size: u64, note: &str, directory: &Path) -> Result<u64, AuditError> {
    let tree = tree(store, size);
    let mut written = 0;
    for tile in Tile::fresh(0, size) {
        let path = directory.join(tile.path());
        // Full tiles of hashes never change; entries may have gone since.
        if tile.kind != Kind::Entries && tile.width == WIDTH && path.exists() {
            continue;
        }
        let bytes = if tile.kind == Kind::Entries {
            let entries = store.entries(tile.index * WIDTH, tile.width)?;
            bundle(entries.iter().map(|entry| entry.as_deref().filter(|entry| entry.len() <= MAX_ENTRY)))?
        } else {
            let bytes = (tree.read)(&tile)?;
            bytes.get(..tile.width as usize * 32).ok_or_else(|| LogError::Missing(tile.path()))?.to_vec()
        };
        write(&path, &bytes)?;
        written += 1;
    }
    // Last, so that a copy that was broken off has the checkpoint of the one before.
    write(&directory.join(CHECKPOINT), note.as_bytes())?;
    Ok(written)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), LogError> {
    let unwritable = |why| LogError::Unreadable { path: path.display().to_string(), why };
    if let Some(above) = path.parent() {
        std::fs::create_dir_all(above).map_err(unwritable)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let beside = Path::new(&name);
    let made = std::fs::File::create(beside).and_then(|mut file| file.write_all(bytes));
    made.and_then(|()| std::fs::rename(beside, path)).map_err(unwritable)
}
