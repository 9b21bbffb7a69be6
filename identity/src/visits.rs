//! Whether somebody is served: a lock that those who serve share, and that whoever restarts the device holds alone.
//!
//! It lies in the updater's directory, which is root's: the agent opens it to read, which is enough to share a lock, and root opens
//! nothing that another user could have put there. The kernel lets go of it when a process ends, however it ends.

use fleet::FleetError;
use fleet::error::io;
use program::foreign::ForeignError;
use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The lock of a device.
#[derive(Debug, Clone)]
pub struct Visits(PathBuf);

/// Somebody is served for as long as this lives.
#[derive(Debug)]
pub struct Visit {
    /// `None` where no updater was ever set up: nobody would restart the device.
    _lock: Option<File>,
}

/// Nobody begins to be served for as long as this lives.
#[derive(Debug)]
pub struct Alone {
    _lock: File,
}

impl Visits {
    /// In the updater's directory.
    #[must_use]
    pub fn new(updater: &Path) -> Self {
        Self(updater.join("visits.lock"))
    }

    /// Makes the lock where it is not there, as the updater does: nobody but its user writes in its directory. Those of `group` may
    /// share it.
    ///
    /// # Errors
    /// When somebody else may write in the directory, or the file cannot be made.
    pub fn make(&self, group: Option<u32>) -> Result<(), FleetError> {
        let directory = self.0.parent().unwrap_or_else(|| Path::new("/"));
        own_directory(directory)?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .custom_flags(no_link())
            .open(&self.0)
            .map_err(io("open", &self.0))?;
        if group.is_some() {
            std::os::unix::fs::fchown(&file, None, group).map_err(io("give away", &self.0))?;
        }
        file.set_permissions(Permissions::from_mode(0o640)).map_err(io("open", &self.0))
    }

    fn lock(
        &self,
        file: File,
        lock: impl FnOnce(&File) -> Result<(), TryLockError>,
    ) -> Result<Option<File>, FleetError> {
        match lock(&file) {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(io("lock", &self.0)(error)),
        }
    }

    fn open(&self) -> std::io::Result<File> {
        OpenOptions::new().read(true).custom_flags(no_link()).open(&self.0)
    }

    /// Somebody begins to be served; `None` while the device is about to restart.
    ///
    /// # Errors
    /// When the file cannot be opened or locked.
    pub fn begin(&self) -> Result<Option<Visit>, FleetError> {
        let file = match self.open() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Some(Visit { _lock: None })),
            file => file.map_err(io("open", &self.0))?,
        };
        Ok(self.lock(file, File::try_lock_shared)?.map(|lock| Visit { _lock: Some(lock) }))
    }

    /// Nobody is to be served from now on; `None` while somebody is.
    ///
    /// # Errors
    /// When the file is not there, or cannot be opened or locked: whoever restarts has made it.
    pub fn alone(&self) -> Result<Option<Alone>, FleetError> {
        let file = self.open().map_err(io("open", &self.0))?;
        Ok(self.lock(file, File::try_lock)?.map(|lock| Alone { _lock: lock }))
    }
}

/// Neither a link nor a FIFO on which somebody waits.
fn no_link() -> i32 {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    i32::try_from(flags.bits()).unwrap_or(0)
}

/// Makes the updater's own directory where it is not there. Others may look, since the agent reads there how an update ended.
///
/// # Errors
/// When it is no directory, somebody else's, or one in which everybody writes.
pub fn own_directory(directory: &Path) -> Result<(), FleetError> {
    if !directory.exists() {
        let made = DirBuilder::new().recursive(true).mode(0o755).create(directory);
        // Whatever the caller's umask left of it.
        made.and_then(|()| std::fs::set_permissions(directory, Permissions::from_mode(0o755)))
            .map_err(io("make", directory))?;
    }
    let about = std::fs::symlink_metadata(directory).map_err(io("look at", directory))?;
    let own = rustix::process::geteuid().as_raw();
    if about.uid() != own {
        return Err(ForeignError::Owner { path: directory.to_owned(), found: about.uid(), owner: own }.into());
    }
    if !about.is_dir() || about.mode() & 0o002 != 0 {
        return Err(ForeignError::Kind(directory.to_owned()).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_may_be_served_and_nobody_is_restarted_meanwhile() {
        let directory = tempfile::tempdir().expect("directory");
        let visits = Visits::new(directory.path());
        visits.make(None).expect("made");
        visits.make(None).expect("there already");
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

    #[test]
    fn without_an_updater_people_are_served_and_nobody_restarts_the_device() {
        let directory = tempfile::tempdir().expect("directory");
        let visits = Visits::new(&directory.path().join("none"));
        assert!(visits.begin().expect("no lock").is_some());
        assert_eq!(visits.alone().expect_err("no lock").code(), "fleet_io");
        assert!(!directory.path().join("none").exists(), "the agent makes nothing there");
    }

    #[test]
    fn the_lock_is_made_over_no_link_and_where_nobody_else_writes() {
        let directory = tempfile::tempdir().expect("directory");
        let (open, linked) = (directory.path().join("open"), directory.path().join("linked"));
        std::fs::create_dir(&open).expect("directory");
        std::fs::set_permissions(&open, Permissions::from_mode(0o777)).expect("mode");
        assert_eq!(Visits::new(&open).make(None).expect_err("open to all").code(), "foreign_kind");
        std::fs::create_dir(&linked).expect("directory");
        std::os::unix::fs::symlink("../nologin", linked.join("visits.lock")).expect("linked");
        let visits = Visits::new(&linked);
        assert_eq!(visits.make(None).expect_err("a link").code(), "fleet_io");
        assert!(visits.begin().is_err() && visits.alone().is_err());
        assert!(!directory.path().join("nologin").exists(), "nothing outside was made");
    }
}
