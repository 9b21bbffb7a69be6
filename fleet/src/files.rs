//! Files that hold what a fleet trusts, readable by their owner only.

use crate::error::{FleetError, io};
use program::private::{self, SecretError};
use std::io::Write as _;
use std::path::Path;
use zeroize::Zeroizing;

/// Reads a secret that is nobody else's.
///
/// # Errors
/// When it cannot be read, or others can.
pub fn secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, FleetError> {
    private::secret(path).map_err(|error| match error {
        SecretError::Io { path, source } => io("read", &path)(source),
        error => FleetError::Secret(error),
    })
}

/// Writes a new file.
///
/// # Errors
/// [`FleetError::Exists`] when it is there already.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), FleetError> {
    private::write_new(path, bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => FleetError::Exists(path.to_owned()),
        _ => io("write", path)(error),
    })
}

/// Replaces a file at once: a power cut leaves the old content or the new one.
///
/// # Errors
/// When it cannot be written.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), FleetError> {
    private::replace(path, bytes).map_err(io("write", path))
}

/// The same where the old content is to be gone: it is overwritten before its space is given back. What a file system with
/// a log of its own, or flash memory, keeps below is out of a program's reach.
///
/// # Errors
/// When it cannot be written.
pub fn replace_and_wipe(path: &Path, bytes: &[u8]) -> Result<(), FleetError> {
    let old = std::fs::OpenOptions::new().write(true).open(path).ok();
    replace(path, bytes)?;
    if let Some(mut old) = old {
        let length = old.metadata().map_err(io("look at", path))?.len();
        let nothing = vec![0; usize::try_from(length).unwrap_or_default()];
        old.write_all(&nothing).and_then(|()| old.sync_all()).map_err(io("overwrite", path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_is_overwritten_where_it_stood() {
        let directory = tempfile::tempdir().expect("directory");
        let (path, also) = (directory.path().join("key"), directory.path().join("also"));
        replace_and_wipe(&path, b"old secret").expect("written");
        // Another name of the same place on the disk shows what is left there.
        std::fs::hard_link(&path, &also).expect("link");
        replace_and_wipe(&path, b"new").expect("written");
        assert_eq!(std::fs::read(&path).expect("file"), b"new");
        assert_eq!(std::fs::read(&also).expect("file"), [0; 10]);
    }
}
