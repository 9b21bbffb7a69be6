//! One process at a time keeps an identity.

use super::KeeperError;
use std::path::Path;

/// Keeps others from changing an identity for as long as the file is held.
///
/// # Errors
/// [`KeeperError::Busy`] when another process does.
pub fn lock(directory: &Path) -> Result<std::fs::File, KeeperError> {
    let path = directory.join(".lock");
    let file = program::private::file(&path).and_then(|()| std::fs::OpenOptions::new().write(true).open(&path));
    let file = file.map_err(fleet::error::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(KeeperError::Busy(directory.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(fleet::error::io("lock", &path)(error).into()),
    }
}
