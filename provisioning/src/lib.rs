//! Makes a device known: its keys, its certificate, its configuration, and the record that central wants.
//!
//! This is the thinnest honest form: fleet CA, server certificate and enrolment on one machine, file to file. The
//! ways in over a network, renewal and bundles are still to come.

pub mod enrol;
pub mod fleet_ca;
pub mod playlist;
pub mod roster;

pub use enrol::{EnrolRequest, enrol};
pub use fleet_ca::FleetCa;
