//! The edge agent: reads the card, decides, records one signed event, and syncs.
//!
//! | module | task |
//! |---|---|
//! | [`cli`], [`commands`] | what a person or script types |
//! | [`access`] | scans and typed numbers into passwords |
//! | [`terminal`], [`chips`] | what a terminal keeps from card to card; what it has learnt of types of chip |
//! | [`anchors`], [`trust`] | trust anchors; the operator's side of them |
//! | [`read`](mod@read) | drives the sans-IO session over a card |
//! | [`other_kind`] | whether a card that was not read is of the wanted kind |
//! | [`groups`] | the portrait or why there is none; the data groups of passports |
//! | [`report`] | checks, decision, JSON and words |
//! | [`playlist`] | the operator's signed notices |
//! | [`profile`] | what a use of the card may read and send |
//! | [`holder`] | what is known of a person, and the one form in which any of it leaves |
//! | [`visit`] | the steps of a profile, as a pure state machine |
//! | [`roster`], [`book`] | lists of people; what a site keeps, sealed |
//! | [`site`], [`handoff`] | keys, log, book and lists of a site; messages to recipients |
//! | [`desk`] | the page for staff and the interface for other software |
//! | [`said`] | the operator's word about certificates and signers |
//! | [`attendance`] | signed lists of who was there, and rooms that meet later |
//! | [`lodging`] | files for the police portal |
//! | [`station`] | the thread that owns the reader |
//! | [`device`] | reader and terminal of a device at work |
//! | [`flow`] | what a kiosk does, as a pure state machine |
//! | [`kiosk`] | a glass, fingers and a device around it |
//! | [`setup`] | what is attached becomes a configuration, each part tried |
//! | [`enrolment`] | a kiosk that a technician lets in at its own screen |
//! | [`checks`] | what a device looks at in itself: for `doctor`, the technician's screen, the gate of an update |
//! | [`cabinet`], [`parts`] | the devices of a kiosk, and which of them are there |
//! | [`recorder`], [`outbox`], [`uplink`] | event, disk, central |
//! | [`update`] | files for the updater, and what it says of how it went |
//! | [`custodian`], [`bundle`] | certificate, time and bundle of a running device; what a bundle's parts must be |

pub mod access;
pub mod anchors;
pub mod attendance;
pub mod book;
pub mod bundle;
pub mod cabinet;
pub mod checks;
pub mod chips;
pub mod cli;
pub mod commands;
pub mod config;
pub mod custodian;
pub mod desk;
pub mod device;
pub mod enrolment;
pub mod failure;
pub mod flow;
pub mod groups;
pub mod handoff;
pub mod holder;
pub mod kiosk;
pub mod lodging;
pub mod other_kind;
pub mod outbox;
pub mod parts;
pub mod playlist;
pub mod profile;
pub mod read;
pub mod recorder;
pub mod report;
pub mod roster;
pub mod said;
pub mod setup;
pub mod simulated;
pub mod site;
pub mod station;
pub mod terminal;
pub mod trust;
pub mod update;
pub mod uplink;
pub mod visit;
pub mod words;
