//! What a use of the card *is*. Pure: no clock, no disk, no device.
//!
//! | module | task |
//! |---|---|
//! | [`profile`] | what a use of the card may read, keep and send |
//! | [`steps`] | the steps of a profile, as a state machine |
//! | [`content`] | what is known of a person, and the one form in which any of it leaves |
//! | [`law`] | the laws that profiles name, and whether they are in force |
//! | [`roster`] | lists of people |
//! | [`ledger`] | who did something already, and whether that lets them do it again |
//! | [`stage`] | where a visit takes place, and the one place in which its wishes are carried out |
//! | [`finished`] | what a visit gives to its site, and what it gets back |
//!
//! # Example
//!
//! ```
//! use verdict::Admission;
//! use visit::profile::Step;
//! use visit::steps::{Effect, Input, Outcome, Visit, Wait, update};
//!
//! let (visit, wanted) = Visit::begin(&[Step::Consent], false);
//! assert_eq!(wanted, [Effect::Ask(Wait::Consent)]);
//! let (visit, _) = update(visit, Input::Agreed);
//! let (visit, wanted) = update(visit, Input::Key);
//! assert_eq!(wanted, [Effect::Ask(Wait::Chip)]);
//! // Nothing leaves before the visit is on disk.
//! let (visit, wanted) = update(visit, Input::Judged(Admission::GoesOn, None));
//! assert_eq!(wanted, [Effect::Keep]);
//! let (_, wanted) = update(visit, Input::Kept(None));
//! assert_eq!(wanted.last(), Some(&Effect::End(Outcome::Done)));
//! ```

pub mod content;
pub mod finished;
pub mod law;
pub mod ledger;
pub mod profile;
pub mod roster;
pub mod stage;
pub mod steps;
pub mod tally;
