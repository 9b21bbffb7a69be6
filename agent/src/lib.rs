//! The edge agent: reads the card, decides, records one signed event, and syncs.
//!
//! | module | task |
//! |---|---|
//! | [`cli`], [`commands`] | what a person or script types |
//! | [`access`] | scans and typed numbers into passwords |
//! | [`terminal`] | what a terminal keeps from card to card |
//! | [`anchors`], [`trust`] | trust anchors; the operator's side of them |
//! | [`read`](mod@read) | drives the sans-IO session over a card |
//! | [`report`] | checks, decision, JSON and words |
//! | [`playlist`] | the operator's signed notices |
//! | [`profile`] | what a use of the card may read and send |
//! | [`device`] | reader, keys, outbox and uplink of a device at work |
//! | [`flow`] | what a kiosk does, as a pure state machine |
//! | [`kiosk`] | a glass, fingers and a device around it |
//! | [`cabinet`], [`parts`] | the devices of a kiosk, and which of them are there |
//! | [`recorder`], [`outbox`], [`uplink`] | event, disk, central |

pub mod access;
pub mod anchors;
pub mod cabinet;
pub mod cli;
pub mod commands;
pub mod config;
pub mod device;
pub mod failure;
pub mod flow;
pub mod kiosk;
pub mod outbox;
pub mod parts;
pub mod playlist;
pub mod profile;
pub mod read;
pub mod recorder;
pub mod report;
pub mod simulated;
pub mod terminal;
pub mod trust;
pub mod uplink;
