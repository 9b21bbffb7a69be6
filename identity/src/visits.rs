//! Whether somebody is served: a lock that those who serve share, and that whoever restarts the device holds alone.
//!
//! The kernel lets go of it when a process ends, however it ends.

use fleet::FleetError;
use fleet::error::io;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

/// The lock of a device.
#[derive(Debug, Clone)]
pub struct Visits(PathBuf);

/// Somebody is served for as long as this lives.
#[derive(Debug)]
pub struct Visit {
    _lock: File,
}

/// Nobody begins to be served for as long as this lives.
#[derive(Debug)]
pub struct Alone {
    _lock: File,
}

impl Visits {
    /// In the agent's directory of state.
    #[must_use]
    pub fn new(state: &Path) -> Self {
        Self(state.join("visits.lock"))
    }

    fn lock(&self, lock: impl FnOnce(&File) -> Result<(), TryLockError>) -> Result<Option<File>, FleetError> {
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&self.0);
        let file = file.map_err(io("open", &self.0))?;
        match lock(&file) {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(io("lock", &self.0)(error)),
        }
    }

    /// Somebody begins to be served; `None` while the device is about to restart.
    ///
    /// # Errors
    /// When the file cannot be opened or locked.
    pub fn begin(&self) -> Result<Option<Visit>, FleetError> {
        Ok(self.lock(File::try_lock_shared)?.map(|lock| Visit { _lock: lock }))
    }

    /// Nobody is to be served from now on; `None` while somebody is.
    ///
    /// # Errors
    /// When the file cannot be opened or locked.
    pub fn alone(&self) -> Result<Option<Alone>, FleetError> {
        Ok(self.lock(File::try_lock)?.map(|lock| Alone { _lock: lock }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_may_be_served_and_nobody_is_restarted_meanwhile() {
        let directory = tempfile::tempdir().expect("directory");
        let visits = Visits::new(directory.path());
        let one = visits.begin().expect("lock").expect("served");
        let other = visits.begin().expect("lock").expect("served");
        assert!(visits.alone().expect("lock").is_none());
        drop(one);
        assert!(visits.alone().expect("lock").is_none());
        drop(other);
        let alone = visits.alone().expect("lock").expect("nobody");
        assert!(visits.begin().expect("lock").is_none(), "it is about to restart");
        drop(alone);
        assert!(visits.begin().expect("lock").is_some());
    }
}
