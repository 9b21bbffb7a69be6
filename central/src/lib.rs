//! The endpoint that devices sync to: checks signature and chain of every event, appends it, answers how far each
//! device's chain is committed.
//!
//! An event is acknowledged only after the database committed it to disk. The signed bytes are kept unchanged.

mod answer;
pub mod backup;
pub mod door;
pub mod doorkeeper;
pub mod figures;
pub mod http;
pub mod ingest;
pub mod issuer;
pub mod log;
pub mod people;
pub mod queue;
pub mod registrar;
pub mod signers;
pub mod signin;
pub mod store;
pub mod strange;
pub mod tls;
pub mod views;
mod writer;

pub use answer::{counted, proxied};
pub use ingest::{IngestError, ingest};
pub use registrar::Registrar;
pub use store::{EventStore, LogStore, StoreError, sqlite::SqliteStore};
