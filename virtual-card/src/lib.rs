//! A software CCCD: a strict chip, the synthetic issuing state that signs it, personas, faults and
//! manners.
//!
//! The card side is written apart from the terminal ([`emrtd`]): they share TLV bytes and nothing of the
//! protocols, so that the two cannot agree on the same mistake. All keys are public by construction
//! (`keys/README.md`); no card made here is worth anything outside tests and demonstrations.

mod card_pace;
mod card_sm;
mod card_ta;
pub mod chip;
pub mod eac;
pub mod fault;
pub mod foreign;
pub mod issuer;
mod keys;
pub mod make;
pub mod manners;
pub mod persona;
pub mod personalise;
pub mod portrait;
pub mod tamper;
pub mod vpcd;

pub use chip::{ATR, Answer, Chip, Lie};
pub use fault::Fault;
pub use foreign::{FOREIGN, Foreign};
pub use issuer::Issuer;
pub use make::{MAKES, Make};
pub use manners::Manners;
pub use persona::{PERSONAS, Persona, TRAVELLER, VISITOR, practice_files};
pub use tamper::Tamper;
