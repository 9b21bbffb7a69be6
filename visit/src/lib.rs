//! What a use of the card *is*. Pure: no clock, no disk, no device.
//!
//! | module | task |
//! |---|---|
//! | [`profile`] | what a use of the card may read, keep and send |
//! | [`steps`] | the steps of a profile, as a state machine |
//! | [`content`] | what is known of a person, and the one form in which any of it leaves |
//! | [`departments`] | departments of hospitals by the ministry's codes |
//! | [`source`] | by what a person is known: a chip, VNeID, a paper that was seen, their word |
//! | [`without_chip`] | the way in for somebody whose chip cannot be read, or who has none |
//! | [`vneid`] | the port of a provider that confirms VNeID |
//! | [`payment`] | a payment that goes with a visit: the code, and the port of whoever says that it was paid |
//! | [`group`] | of whom a field is asked: children, foreigners |
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
pub mod departments;
pub mod finished;
pub mod group;
pub mod law;
pub mod ledger;
pub mod payment;
pub mod profile;
pub mod roster;
pub mod source;
pub mod stage;
pub mod steps;
pub mod tally;
pub mod vneid;
pub mod without_chip;
