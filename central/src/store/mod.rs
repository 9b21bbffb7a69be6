//! Where events and devices are kept. [`conformance`] is the suite that every store passes.

pub mod conformance;
mod signers;
pub mod sqlite;

pub use signers::SeenSigner;

use events::Chain;
use events::sync::Enrolment;
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
    /// A device of this name is registered with another key.
    #[error("device {0} is registered with another key")]
    DeviceExists(String),
    /// The file was written by a newer version.
    #[error("the database has schema version {0}, which is newer than this program")]
    Schema(i64),
    /// Somebody else appended to the chain between reading and writing.
    #[error("the chain of {0} moved meanwhile")]
    Conflict(String),
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

/// A registry of devices and an append-only log of events.
pub trait EventStore: Send + Sync {
    /// Registers a device. Registering it again with the same key changes its site only.
    ///
    /// # Errors
    /// [`StoreError::DeviceExists`] when the name is taken by another key.
    fn add_device(&self, enrolment: &Enrolment) -> Result<(), StoreError>;

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

    /// Appends events behind `from`, all or none, and returns after they are on disk. The events are those that
    /// lead from `from` to the returned chain; the caller has checked them.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the chain no longer ends at `from`.
    fn append(&self, device: &str, from: Chain, events: &[Vec<u8>], at: i64) -> Result<Chain, StoreError>;

    /// Events in the order of their arrival, from position `after` of the log on; with the position behind the last.
    ///
    /// # Errors
    /// When the store fails.
    fn scan(&self, after: u64, limit: usize) -> Result<(Vec<StoredEvent>, u64), StoreError>;

    /// The document signers that the log tells of, those of the most devices and numbers first, `most` of them: a hostile
    /// card brings a new one every time. Appending an event that tells of one changes what this says in the same
    /// transaction.
    ///
    /// # Errors
    /// When the store fails.
    fn signers(&self, most: usize) -> Result<Vec<SeenSigner>, StoreError>;
}
