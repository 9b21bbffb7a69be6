//! The log as devices and auditors see it: its checkpoints, signed, and the proofs that belong to them.
//!
//! The tree grows in the transaction that stores events ([`crate::store::log`]). What is signed here is a size that is on the disk
//! already: a crash in between leaves a tree without a checkpoint, never a checkpoint without its tree, and the next one is over all
//! of it. One signature is for as many devices as wait for it.
//!
//! # When the database went back
//! A database that comes from a backup would sign a second time, over other entries, sizes that were signed before: two logs of one
//! name. Nobody could tell that from fraud. So each device sends the last checkpoint that it took, and where that is central's own and
//! the tree does not have it, the log of this name is closed: events are taken as ever, and nothing is signed any more until the
//! operator gives the log a new origin and new keys, which everybody gets by the way of the table.

pub mod audit;
pub mod keys;
pub mod pages;

use crate::store::log::tree;
use crate::store::{EventStore, StoreError};
use events::sync;
use keys::Signers;
use openssl::base64::{decode_block, encode_block};
use program::{Coded, lock};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use thiserror::Error;
use tlog::tree::Nodes as _;
use tlog::{Checkpoint, LogError, SignedRoot};

/// Why the log says nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SealError {
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// A key or a proof failed.
    #[error("the log cannot be signed")]
    Log(#[from] LogError),
    /// The database was taken back behind what was signed.
    #[error("the log is older than what it signed before: nothing is signed under its name any more")]
    GoneBack,
}

impl Coded for SealError {
    fn code(&self) -> &str {
        match self {
            Self::Store(error) => error.code(),
            Self::Log(error) => error.code(),
            Self::GoneBack => "log_gone_back",
        }
    }

    fn remedy(&self) -> &str {
        match self {
            Self::Store(error) => error.remedy(),
            Self::Log(error) => error.remedy(),
            Self::GoneBack => {
                "begin a log of a new origin: cccd-central log begin, and give its table of keys to devices and auditors"
            }
        }
    }
}

/// The log at one size, signed.
#[derive(Debug)]
pub struct Sealed {
    signed: SignedRoot,
    note: String,
}

impl Sealed {
    /// What was signed.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        self.signed.checkpoint()
    }

    /// As a signed note.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }
}

/// A log that is signed.
pub struct Log {
    store: Arc<dyn EventStore>,
    signers: Mutex<Arc<Signers>>,
    newest: Mutex<Option<Arc<Sealed>>>,
    gone_back: AtomicBool,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Log({})", self.signers().keys().origin())
    }
}

impl Log {
    /// The log of a store, signed with these keys.
    ///
    /// # Errors
    /// When the store fails.
    pub fn new(store: Arc<dyn EventStore>, signers: Signers) -> Result<Self, StoreError> {
        let gone_back = store.gone_back(signers.keys().origin())?.is_some();
        let signers = Mutex::new(Arc::new(signers));
        Ok(Self { store, signers, newest: Mutex::default(), gone_back: AtomicBool::new(gone_back) })
    }

    fn signers(&self) -> Arc<Signers> {
        Arc::clone(&lock(&self.signers))
    }

    /// Signs with these keys from now on: those of before, and those that were added to them.
    ///
    /// # Errors
    /// When they are of another log; that one begins with a new start.
    pub fn set_signers(&self, signers: Signers) -> Result<(), LogError> {
        if signers.keys().origin() != self.signers().keys().origin() {
            return Err(LogError::Origin);
        }
        *lock(&self.signers) = Arc::new(signers);
        Ok(())
    }

    /// Whether its database went back behind what was signed.
    #[must_use]
    pub fn has_gone_back(&self) -> bool {
        self.gone_back.load(Ordering::Relaxed)
    }

    /// The newest checkpoint, over everything that is stored now.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn newest(&self) -> Result<Arc<Sealed>, SealError> {
        self.sealed(u64::MAX)
    }

    /// A checkpoint over at least so many entries, or over all that there are.
    fn sealed(&self, least: u64) -> Result<Arc<Sealed>, SealError> {
        if self.has_gone_back() {
            return Err(SealError::GoneBack);
        }
        let mut newest = lock(&self.newest);
        if let Some(sealed) = newest.as_ref().filter(|sealed| sealed.checkpoint().size >= least) {
            return Ok(Arc::clone(sealed));
        }
        let frontier = self.store.frontier()?;
        if let Some(sealed) = newest.as_ref().filter(|sealed| sealed.checkpoint().size >= frontier.size()) {
            return Ok(Arc::clone(sealed));
        }
        let (signed, note) = self.signers().sign(frontier.size(), frontier.root())?;
        let sealed = Arc::new(Sealed { signed, note });
        *newest = Some(Arc::clone(&sealed));
        Ok(sealed)
    }

    /// What a device is told of its last event, if it has one: the receipt, and that the log extends what it has seen. `seen` is
    /// the value of [`sync::SEEN_HEADER`].
    ///
    /// # Errors
    /// When it cannot be signed, or the device proves that the database went back.
    pub fn prove(&self, device: &str, seen: Option<&str>, at: i64) -> Result<Option<sync::InLog>, SealError> {
        let seen = seen.and_then(|value| decode_block(value).ok());
        let claimed = seen.as_deref().and_then(claimed);
        if let (Some(claimed), Some(bytes)) = (&claimed, &seen) {
            self.compare(claimed, bytes, at)?;
        }
        let Some(place) = self.store.last_of(device)? else { return Ok(None) };
        let sealed = self.sealed(place.index + 1)?;
        let size = sealed.checkpoint().size;
        let tree = tree(&*self.store, size);
        let receipt = sealed.signed.receipt(&tree.inclusion(place.index, size)?)?;
        let old = claimed.map(|claimed| claimed.size).filter(|old| (1..size).contains(old));
        let extends = old.map(|old| tree.consistency(old, size)).transpose()?;
        let extends = extends.map(|proof| encode_block(&proof.to_bytes()));
        Ok(Some(sync::InLog { sequence: place.sequence, receipt: encode_block(&receipt), extends }))
    }

    /// Closes the log where a checkpoint that it signed is not of its tree.
    fn compare(&self, claimed: &Checkpoint, bytes: &[u8], at: i64) -> Result<(), SealError> {
        if self.has_gone_back() {
            return Err(SealError::GoneBack);
        }
        let signers = self.signers();
        let origin = signers.keys().origin();
        let frontier = self.store.frontier()?;
        let known = |size: u64| {
            if size == frontier.size() { Ok(frontier.root()) } else { tree(&*self.store, frontier.size()).root(size) }
        };
        if claimed.origin != origin || (claimed.size <= frontier.size() && known(claimed.size)? == claimed.root) {
            return Ok(());
        }
        // Only a signature of its own closes it: anybody may claim anything.
        if signers.keys().open_cose(bytes).is_err() {
            return Ok(());
        }
        self.store.note_gone_back(origin, bytes, at)?;
        self.gone_back.store(true, Ordering::Relaxed);
        tracing::error!(
            code = "log_gone_back",
            signed = claimed.size,
            here = frontier.size(),
            "a device has a checkpoint of this log that its database does not have: nothing is signed any more"
        );
        Err(SealError::GoneBack)
    }
}

/// What bytes say that they are a checkpoint of; their signature is not looked at.
fn claimed(bytes: &[u8]) -> Option<Checkpoint> {
    let receipt = tlog::Receipt::parse(bytes).ok()?;
    let (origin, size) = receipt.claims().ok()?;
    let tlog::receipt::Proof::Root(root) = receipt.proof else { return None };
    Some(Checkpoint { origin: origin.to_owned(), size, root })
}
