//! Makes devices known: the fleet's CA, enrolment, bundles, lists and notices; and what a technician does at a device.

pub mod bundle;
pub mod device;
pub mod enrol;
pub mod operator;
pub mod pins;
pub mod playlist;
pub mod revoked;
pub mod roster;
mod table;

pub use enrol::{EnrolRequest, enrol};
pub use fleet::FleetCa;
