//! What a use of the card *is*. Pure: no clock, no disk, no device.
//!
//! | module | task |
//! |---|---|
//! | [`profile`] | what a use of the card may read, keep and send |
//! | [`steps`] | the steps of a profile, as a state machine |
//! | [`content`] | what is known of a person, and the one form in which any of it leaves |
//! | [`roster`] | lists of people |
//! | [`ledger`] | who did something already, and whether that lets them do it again |
//! | [`stage`] | where a visit takes place, and the one place in which its wishes are carried out |
//! | [`finished`] | what a visit gives to its site, and what it gets back |

pub mod content;
pub mod finished;
pub mod ledger;
pub mod profile;
pub mod roster;
pub mod stage;
pub mod steps;
