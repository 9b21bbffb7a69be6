//! The command line of a device, and the one place where its rooms are put together.
//!
//! | module | task |
//! |---|---|
//! | [`cli`], [`commands`] | what a person or script types |
//! | [`check`] | one whole check of a configuration |
//! | [`setup`] | what is attached becomes a configuration, each part tried |
//!
//! The rooms below are crates of their own: `docs/architecture.md`.

pub mod check;
pub mod cli;
pub mod commands;
pub mod setup;
