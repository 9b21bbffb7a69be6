//! A device's identity, from its first key to the day it is replaced.
//!
//! | module | is |
//! |---|---|
//! | [`state`] | what a device knows of itself, in one file that is replaced at once |
//! | [`machine`] | the next step of enrolment or renewal, and what its outcome changes; no I/O |
//! | [`keeper`] | takes the steps: key store, disk, central |
//! | [`central`] | what central is asked, and how over HTTPS |
//! | [`clock`] | time that is never earlier than what is known, with its quality |
//! | [`visits`] | whether somebody is served, for those who would restart the device |
//! | [`bundles`] | the active bundle on disk, the one before, and how one follows the other |
//!
//! # Keys
//! `birth` names the device for ever and signs its requests. `event` signs its log. `tls-a` and `tls-b` take turns: one is in
//! use while the other is certified and tried. The secrets `box` and `site` open what was sealed for the device.
//!
//! # Example
//!
//! ```
//! use fleet::request::Way;
//! use identity::State;
//! use identity::machine::{Present, Step, next};
//!
//! let (state, now) = (State::default(), 1_780_000_000);
//! let step = |birth, event| next(&state, Present { birth, event }, Way::Qr, now);
//! assert_eq!(step(false, false), Step::MakeKey("birth"));
//! assert_eq!(step(true, false), Step::MakeKey("event"));
//! // With both keys and no certificate it asks to be let in.
//! assert_eq!(step(true, true), Step::Ask(Way::Qr));
//! ```

pub mod bundles;
pub mod central;
pub mod clock;
mod disk;
pub mod keeper;
pub mod machine;
pub mod people;
pub mod state;
pub mod visits;

pub use central::{Central, Https};
pub use clock::TrustedClock;
pub use keeper::{Keeper, KeeperError};
pub use state::{Credential, State};
