//! Updates a device, and takes the update back where the device is not as well as before.
//!
//! | module | is |
//! |---|---|
//! | [`machine`] | the next step and what its outcome changes; no I/O |
//! | [`state`] | what is known across restarts, in one file that is replaced at once |
//! | [`engine`] | what installs and restarts: [`rauc`] for devices with two systems, [`packages`] for plain Debian |
//! | [`source`] | the rollout in the active bundle, and its files |
//! | [`trust`] | whose bundles are obeyed: root's own word, not the agent's |
//! | [`gate`] | whether the device is as well as it was before |
//! | [`commands`] | the device's own doctor, asked through its command line |
//! | [`runner`] | takes the steps |
//!
//! # What is promised
//! - A device restarts when nobody is served, in the hours that its site allows. Whoever serves holds a lock, and the restart
//!   happens under it.
//! - It counts as a success only when what runs has the hash that the rollout named, and the gate has passed.
//! - What fails is taken back, told with a code, and not tried again under the same rollout.
//! - Telling comes after everything else: that it fails takes nothing back.
//! - Power may be cut at any point: the state says what was begun, and each step can be taken again.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//! use update::State;
//! use update::machine::{Present, Step, Wanted, Why, next};
//! use update::state::Target;
//!
//! let mut present = Present {
//!     now: 1_780_000_000,
//!     wanted: None,
//!     running: None,
//!     incarnation: "first".to_owned(),
//!     hour_allows: Some(true),
//!     quiet: None,
//!     up: Duration::from_secs(60),
//! };
//! assert_eq!(next(&State::default(), &present), Step::Rest(Why::NothingWanted));
//!
//! let target = Target { rollout: "spring".to_owned(), version: "0.2.0".to_owned(), hash: "ab".repeat(32) };
//! present.wanted = Some(Wanted { target: target.clone(), due: 1_770_000_000, stopped: false, ready: true });
//! assert_eq!(next(&State::default(), &present), Step::Begin(target));
//! ```

pub mod commands;
pub mod engine;
pub mod gate;
pub mod machine;
pub mod packages;
pub mod rauc;
pub mod runner;
pub mod source;
pub mod state;
pub mod trust;

pub use engine::{Engine, EngineError};
pub use runner::Runner;
pub use state::State;
