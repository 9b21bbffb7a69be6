//! A kiosk.
//!
//! | module | task |
//! |---|---|
//! | [`flow`] | what a kiosk does, as a pure state machine |
//! | [`stage`] | what is around it: picture, sound, paper, fingers |
//! | [`run()`] | the flow between a stage and a device |
//! | [`cabinet`] | the stage of real devices |
//! | [`enrolment`] | a kiosk that a technician lets in at its own screen |
//! | [`playlist`] | the operator's signed notices |

pub mod cabinet;
mod clerk;
mod counter;
pub mod enrolment;
pub mod flow;
pub mod playlist;
mod run;
pub mod stage;

pub use run::{run, suits};
