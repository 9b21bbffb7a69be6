//! What is wrong with a configuration, and for whom.

use crate::Config;
use clap::ValueEnum;
use program::Failure;
use serde::Serialize;

/// What is to work with a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    /// `cccd-agent run`.
    Run,
    /// `cccd-agent kiosk`.
    Kiosk,
    /// `cccd-agent desk`.
    Desk,
}

/// Something that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The key in the file, as `kiosk.panel`; empty for the file as a whole.
    pub key: String,
    /// Whether the device works all the same: a note.
    pub works: bool,
    /// Code, message, remedy.
    #[serde(flatten)]
    pub failure: Failure,
}

impl Finding {
    /// The file itself cannot be used.
    #[must_use]
    pub fn whole(failure: &Failure) -> Self {
        Self { key: String::new(), works: false, failure: failure.clone() }
    }
}

/// The first finding with which the device does not work.
#[must_use]
pub fn worst(findings: &[Finding]) -> Option<&Failure> {
    findings.iter().find(|finding| !finding.works).map(|finding| &finding.failure)
}

/// That a stage has no table.
#[must_use]
pub fn no_table(table: &str) -> Failure {
    let code = format!("config_no_{table}");
    let message = format!("the configuration has no [{table}]");
    Failure::usage(
        &code,
        message,
        &format!("cccd-agent setup writes [{table}]; /usr/share/doc/cccd-agent/examples/{table}.toml is a whole one"),
    )
}

/// Looks a configuration over, for a stage or for the one that its tables are for. Rooms above this one put it together, since what a
/// word means is known where it is used.
pub type Check = fn(&Config, Option<Stage>) -> Vec<Finding>;
