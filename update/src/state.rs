//! What an updater knows across restarts: `update.json`, replaced at once.

use crate::gate::Health;
use crate::trust::Trusted;
use fleet::FleetError;
use fleet::error::io;
use fleet::files::replace;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What is to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Name of the rollout.
    pub rollout: String,
    /// For people.
    pub version: String,
    /// What the engine will say that runs, when it does.
    pub hash: String,
}

/// How far it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// Nothing is under way.
    #[default]
    Idle,
    /// The engine writes it beside what runs.
    Installing {
        /// What.
        target: Target,
        /// How often it was begun.
        attempts: u32,
    },
    /// It is there, and waits for an hour in which the device may restart.
    Installed {
        /// What.
        target: Target,
    },
    /// The restart was ordered; what runs afterwards has to show that it is well.
    Restarting {
        /// What.
        target: Target,
        /// Which start of the machine ordered it.
        incarnation: String,
    },
    /// It is not well, or did not come up: what ran before is to run again.
    GoingBack {
        /// What.
        target: Target,
        /// Why.
        why: String,
        /// How often the way back was tried.
        attempts: u32,
    },
}

/// How a rollout ended here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What was to run.
    pub target: Target,
    /// Stable code of what went wrong; `None` when it runs and is well.
    pub failed: Option<String>,
}

/// Everything that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// How far it is.
    #[serde(flatten)]
    pub phase: Phase,
    /// How the device was before the update that is under way.
    pub before: Option<Health>,
    /// How the last one ended.
    pub last: Option<Outcome>,
    /// Root's word as it was when the operators below were taken from it; `None` where an older updater noted them.
    #[serde(default)]
    pub trusted: Option<Trusted>,
    /// Keys of operators whose bundles are obeyed, SubjectPublicKeyInfo in hexadecimal: those of root's word, or those that a bundle
    /// under one of them named.
    #[serde(default)]
    pub operators: Vec<String>,
    /// How many of them have to sign a rollout; what [`fleet::acceptance::Trust::of`] says where no bundle was obeyed yet.
    #[serde(default)]
    pub threshold: Option<usize>,
    /// The version of the newest bundle that so many signed.
    #[serde(default)]
    pub base: u64,
    /// The highest version of a bundle that was obeyed.
    #[serde(default)]
    pub bundle: u64,
}

impl State {
    /// Its file in a directory.
    #[must_use]
    pub fn path(directory: &Path) -> PathBuf {
        directory.join("update.json")
    }

    /// Reads it; a new one where there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn load(directory: &Path) -> Result<Self, FleetError> {
        let path = Self::path(directory);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| FleetError::Malformed("updater's state")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(io("read", &path)(error)),
        }
    }

    /// Replaces it.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn save(&self, directory: &Path) -> Result<(), FleetError> {
        identity::visits::own_directory(directory)?;
        let bytes = serde_json::to_vec_pretty(self).map_err(|_| FleetError::Malformed("updater's state"))?;
        replace(&Self::path(directory), &bytes)
    }
}
