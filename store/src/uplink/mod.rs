//! Sends pending events to central and notes what it has committed.
//!
//! [`machine`] decides when to send and how long to wait, without I/O and with time as an argument; [`https`]
//! carries a batch over mutual TLS; [`worker`] runs both in a thread.

pub mod https;
pub mod machine;
pub mod worker;
