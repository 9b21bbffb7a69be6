//! Where events and devices are kept. [`conformance`] is the suite that every store passes.

pub mod conformance;
pub mod log;
mod look;
pub(crate) mod registry;
mod signers;
pub mod sqlite;
mod staff;
mod strange;

pub use log::{InLog, LogStore};
pub use look::{Apart, Done, Look};
pub use signers::SeenSigner;
pub use strange::{Evidence, Passed, Place, Strange, StrangeClock, StrangeKind, Withheld};

use crate::people::Scope;
use events::Chain;
use events::sync::Enrolment;
use program::exit;
use std::collections::BTreeMap;
use std::path::PathBuf;
use thiserror::Error;

/// The store failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database failed; nothing of the operation was kept.
    #[error("cannot {operation}")]
    Database {
        /// What was being done.
        operation: &'static str,
        /// Why not.
        #[source]
        source: rusqlite::Error,
    },
    /// There is no database; what only reads makes none.
    #[error("{0} is not there")]
    Absent(PathBuf),
    /// Not the database of this program.
    #[error("{0} is no database of central's")]
    Other(PathBuf),
    /// An older version wrote it, and who reads changes nothing.
    #[error("the database has schema version {0}, which is older than this program")]
    Older(i64),
    /// The file, or its directory, cannot be made or closed to others.
    #[error("cannot make {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A device of this name is registered with another key.
    #[error("device {0} is registered with another key")]
    DeviceExists(String),
    /// The device is registered at another site.
    #[error("device {0} is registered at another site")]
    DeviceElsewhere(String),
    /// The file was written by a newer version.
    #[error("the database has schema version {0}, which is newer than this program")]
    Schema(i64),
    /// The tree over the log does not fit the events.
    #[error("the log's tree and its events do not fit: {0}")]
    Log(&'static str),
    /// Somebody else appended to the chain between reading and writing.
    #[error("the chain of {0} moved meanwhile")]
    Conflict(String),
}

impl StoreError {
    /// A stable identifier.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Database { .. } => "database_failed",
            Self::Absent(_) => "database_absent",
            Self::Other(_) => "database_other",
            Self::Older(_) => "database_older",
            Self::File { .. } => "database_unwritable",
            Self::DeviceExists(_) => "device_exists",
            Self::DeviceElsewhere(_) => "device_elsewhere",
            Self::Schema(_) => "database_newer",
            Self::Log(_) => "log_damaged",
            Self::Conflict(_) => "database_conflict",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Database { .. } => "look at the disk and at who owns the database and its directory",
            Self::Absent(_) => "name central's database with --db; `cccd-central serve` and `device add` make one",
            Self::Other(_) => "name central's database with --db",
            Self::Older(_) => "start this version's `cccd-central serve` on it once; of a backup, on a copy of it",
            Self::File { .. } => "look at the directory's owner and the disk",
            Self::DeviceExists(_) => "give the device another name, or revoke the old one: cccd-central fleet revoke",
            Self::DeviceElsewhere(_) => "if it really moved: cccd-central device add --move FILE",
            Self::Schema(_) => "install the version of cccd-central that wrote it, or a newer one",
            Self::Log(_) => {
                "keep the database as it is, look with `cccd-central audit`, and go on from a backup: devices send again"
            }
            Self::Conflict(_) => "do it again",
        }
    }
}

program::coded!(StoreError, status);

impl StoreError {
    const fn status(&self) -> u8 {
        match self {
            Self::Absent(_) | Self::Other(_) | Self::DeviceExists(_) | Self::DeviceElsewhere(_) => exit::USAGE,
            _ => exit::DEVICE,
        }
    }
}

/// An event as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// The device.
    pub device: String,
    /// Position in its chain.
    pub sequence: u64,
    /// The signed bytes.
    pub bytes: Vec<u8>,
    /// When central received it, seconds since 1970.
    pub received_at: i64,
}

/// What takes the next place of a device's chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// An event.
    Event {
        /// The signed bytes.
        bytes: Vec<u8>,
        /// Its kind, where that or a key of it is not known here.
        unknown: Option<String>,
        /// When it happened and how good that is, by the device's word.
        time: Option<(i64, String)>,
    },
    /// Nothing that can be read: an event that follows says that the place is taken.
    Passed(Passed),
}

/// What is appended to one device's chain: all of it or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// The device.
    pub device: String,
    /// The end of its chain, as whoever checked the entries found it.
    pub from: Chain,
    /// What follows, in order.
    pub entries: Vec<Entry>,
    /// When it came, seconds since 1970.
    pub at: i64,
}

/// What keeps a store from taking events, or soon will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing can be written.
    Unwritable,
    /// Its disk is nearly full.
    Disk,
    /// The newest event came in what is the future now.
    Clock,
    /// The log is older than what it signed: nothing is signed any more.
    Log,
}

impl Trouble {
    /// A stable identifier.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unwritable => "store_unwritable",
            Self::Disk => "disk_low",
            Self::Clock => "clock_behind",
            Self::Log => "log_gone_back",
        }
    }
}

/// A registry of devices and an append-only log of events.
pub trait EventStore: LogStore + Send + Sync {
    /// Registers a device. Registering it again with the same key and site changes nothing.
    ///
    /// # Errors
    /// [`StoreError::DeviceExists`] when the name is another key's, [`StoreError::DeviceElsewhere`] when it is at another site.
    fn add_device(&self, enrolment: &Enrolment) -> Result<(), StoreError>;

    /// Moves a registered device to another site, with its chain.
    ///
    /// # Errors
    /// [`StoreError::DeviceExists`] when the name is not this key's.
    fn move_device(&self, enrolment: &Enrolment) -> Result<(), StoreError>;

    /// A registered device.
    ///
    /// # Errors
    /// When the store fails.
    fn device(&self, name: &str) -> Result<Option<Enrolment>, StoreError>;

    /// The committed end of a device's chain.
    ///
    /// # Errors
    /// When the store fails.
    fn chain(&self, device: &str) -> Result<Chain, StoreError>;

    /// One event of a device.
    ///
    /// # Errors
    /// When the store fails.
    fn event(&self, device: &str, sequence: u64) -> Result<Option<StoredEvent>, StoreError>;

    /// Appends to chains of several devices, and returns after all of it is on disk. Of each device all or nothing is
    /// appended; the caller has checked that the entries lead from `from` to the chain that is returned. An addition whose
    /// chain no longer ends at its `from` is a [`StoreError::Conflict`], and no other suffers for it.
    ///
    /// # Errors
    /// When the store fails; nothing was appended then.
    fn commit(&self, additions: &[Addition]) -> Result<Vec<Result<Chain, StoreError>>, StoreError>;

    /// Appends to the chain of one device, as [`EventStore::commit`] does.
    ///
    /// # Errors
    /// As [`EventStore::commit`].
    fn commit_one(&self, addition: &Addition) -> Result<Chain, StoreError> {
        self.commit(std::slice::from_ref(addition))?.pop().unwrap_or(Ok(addition.from))
    }

    /// Appends events behind `from`, as [`EventStore::commit`] does; nothing is said of their kind and time.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the chain no longer ends at `from`.
    fn append(&self, device: &str, from: Chain, events: &[Vec<u8>], at: i64) -> Result<Chain, StoreError> {
        let event = |bytes: &Vec<u8>| Entry::Event { bytes: bytes.clone(), unknown: None, time: None };
        let entries = events.iter().map(event).collect();
        self.commit_one(&Addition { device: device.to_owned(), from, entries, at })
    }

    /// What stands at some places of a device's chain, both ends with them.
    ///
    /// # Errors
    /// When the store fails.
    fn places(&self, device: &str, first: u64, last: u64) -> Result<BTreeMap<u64, Place>, StoreError>;

    /// Keeps a signed event that contradicts the chain, or came too late for it: some of each device, the first ones.
    ///
    /// # Errors
    /// When the store fails.
    fn keep(&self, evidence: &Evidence) -> Result<(), StoreError>;

    /// What keeps the store from taking events, or soon will, at a time in seconds since 1970. It writes, to know that it can.
    fn troubles(&self, at: i64) -> Vec<Trouble>;

    /// What is strange in the log: `most` rows of each sort.
    ///
    /// # Errors
    /// When the store fails.
    fn strange(&self, most: usize) -> Result<Strange, StoreError>;

    /// Events in the order of their arrival, from position `after` of the log on; with the position behind the last.
    ///
    /// # Errors
    /// When the store fails.
    fn scan(&self, after: u64, limit: usize) -> Result<(Vec<StoredEvent>, u64), StoreError>;

    /// The document signers that devices of these sites tell of, those of the most devices and numbers first, `most` of them: a hostile
    /// card brings a new one every time. Appending an event that tells of one changes what this says in the same
    /// transaction.
    ///
    /// # Errors
    /// When the store fails.
    fn signers(&self, most: usize, scope: &Scope) -> Result<Vec<SeenSigner>, StoreError>;
}
