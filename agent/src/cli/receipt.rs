//! `cccd-agent receipt` on the command line.

use crate::commands::receipt as commands;
use clap::Subcommand;
use program::Failure;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(super) enum ReceiptCommand {
    /// Write an event with the receipt of central's log, for whoever wants to be shown it.
    Export {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The event's place in the device's chain.
        sequence: u64,
        /// The file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Check such a file: that central's log has the event. It needs the log's table of keys and nothing else.
    Verify {
        /// What `receipt export` wrote.
        file: PathBuf,
        /// The log's table of keys (`cccd-central log keys`), which came by another way than the file.
        #[arg(long, value_name = "FILE")]
        checkpoint_key: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

impl ReceiptCommand {
    /// The configuration of the device that it works on, if it does.
    pub(super) const fn config(&self) -> Option<&PathBuf> {
        match self {
            Self::Export { config, .. } => Some(config),
            Self::Verify { .. } => None,
        }
    }

    pub(super) const fn wants_json(&self) -> bool {
        match self {
            Self::Verify { json, .. } => *json,
            Self::Export { .. } => false,
        }
    }

    pub(super) fn run(self) -> Result<u8, Failure> {
        match self {
            Self::Export { config, sequence, out } => commands::export(&config, sequence, &out),
            Self::Verify { file, checkpoint_key, json } => commands::verify(&file, &checkpoint_key, json),
        }
    }
}
