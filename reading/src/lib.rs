//! From a reader to a judgement. What it needs of the site around it stands in one trait, [`device::Host`].
//!
//! | module | task |
//! |---|---|
//! | [`access`] | scans and typed numbers into passwords |
//! | [`readers`] | readers by their names, virtual cards among them ([`simulated`]) |
//! | [`terminal`], [`chips`] | what a terminal keeps from card to card; what it has learnt of types of chip |
//! | [`anchors`], [`said`], [`trust`] | trust anchors; the operator's word about them; the operator's side of them |
//! | [`read`](mod@read) | drives the sans-IO session over a card |
//! | [`other_kind`] | whether a card that was not read is of the wanted kind |
//! | [`take`](mod@take), [`groups`] | what a profile takes of a chip; the portrait or why there is none, the data groups of passports |
//! | [`report`] | checks, decision, JSON and words |
//! | [`device`], [`reader_thread`] | reader and terminal at work; the thread that owns them |

pub mod access;
pub mod anchors;
pub mod chips;
pub mod device;
pub mod groups;
pub mod other_kind;
pub mod read;
pub mod reader_thread;
pub mod readers;
pub mod report;
pub mod said;
pub mod simulated;
pub mod take;
pub mod terminal;
pub mod trust;
