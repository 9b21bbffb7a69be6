//! Whose bundles a device's updater obeys: root's own word, noted at enrolment, in root's own directory.
//!
//! What the agent writes into its identity afterwards is not looked at again. Who has no word of root's, and never obeyed anybody, obeys
//! nobody: whoever owns the agent's user would choose otherwise.

use fleet::FleetError;
use fleet::error::io;
use fleet::files::replace;
use identity::state::Place;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// For which device, and from whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trusted {
    /// The device's name, which says when its turn in a rollout comes.
    pub device: String,
    /// The kind of fleet.
    pub environment: String,
    /// Keys of operators whose bundles are obeyed first, SubjectPublicKeyInfo in hexadecimal.
    pub operators: Vec<String>,
}

impl Trusted {
    /// Where a device was put, with other keys where root has named them.
    #[must_use]
    pub fn of(place: Place, operators: Vec<String>) -> Self {
        let operators = if operators.is_empty() { place.operators } else { operators };
        Self { device: place.device, environment: place.environment, operators }
    }
}

/// Root's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Word {
    /// The device was prepared, and is let in at its own screen: what it is told then is noted, once. Keys that root has named already
    /// are not asked of it.
    Awaited {
        /// As [`Trusted::operators`]; none where root knows none yet.
        operators: Vec<String>,
    },
    /// It was let in.
    Given(Trusted),
}

impl Word {
    /// Its file in the updater's directory.
    #[must_use]
    pub fn path(directory: &Path) -> PathBuf {
        directory.join("trusted.json")
    }

    /// Reads it; `None` where root has said nothing.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn load(directory: &Path) -> Result<Option<Self>, FleetError> {
        let path = Self::path(directory);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|_| FleetError::Malformed("updater's trust")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io("read", &path)(error)),
        }
    }

    /// Replaces it.
    ///
    /// # Errors
    /// When the directory is somebody else's, or the disk fails.
    pub fn save(&self, directory: &Path) -> Result<(), FleetError> {
        identity::visits::own_directory(directory)?;
        let bytes = serde_json::to_vec_pretty(self).map_err(|_| FleetError::Malformed("updater's trust"))?;
        replace(&Self::path(directory), &bytes)
    }

    /// What was said, where a device is let in.
    #[must_use]
    pub const fn given(&self) -> Option<&Trusted> {
        match self {
            Self::Given(trusted) => Some(trusted),
            Self::Awaited { .. } => None,
        }
    }
}
