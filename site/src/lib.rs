//! One device at one site.
//!
//! | module | task |
//! |---|---|
//! | [`Site`] | opens the stores; admits, keeps, turns away; lists and withdrawn cards |
//! | [`recorder`] | turns what happened into signed events |
//! | [`upkeep`], [`bundle`], [`update`] | certificate, time and bundle of a running device; what a bundle's parts must be; files for the updater |
//! | [`words`] | words of the device's own log |
//! | [`attendance`] | signed lists of who was there, and rooms that meet later |
//! | [`checks`] | what a device looks at in itself: for `doctor`, the technician's screen, the gate of an update |

pub mod attendance;
pub mod bundle;
pub mod checks;
pub mod people;
pub mod recorder;
mod site;
pub mod update;
pub mod upkeep;
pub mod words;

pub use handoff::counter;
pub use site::{Around, Site, Tell, looks};
