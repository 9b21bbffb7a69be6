//! What only its owner reads.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Makes a directory, and those above it, that only their owner enters. One that is there keeps its mode: its owner chose it.
///
/// # Errors
/// Of the file system.
pub fn directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes a file, if it is not there, that only its owner reads; one that is there is closed to those who are neither
/// owner nor of its group.
///
/// # Errors
/// Of the file system.
pub fn file(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => drop(file),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let file = File::open(path)?;
            let mode = file.metadata()?.permissions().mode();
            if mode & 0o007 != 0 {
                file.set_permissions(Permissions::from_mode(mode & 0o770))?;
            }
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).expect("metadata").permissions().mode() & 0o777
    }

    #[test]
    fn nobody_else_reads_what_is_made() {
        let directory = tempfile::tempdir().expect("directory");
        let (inner, file) = (directory.path().join("a/b"), directory.path().join("a/b/file"));
        super::directory(&inner).expect("made");
        super::directory(&inner).expect("there already");
        super::file(&file).expect("made");
        assert_eq!((mode(&inner), mode(inner.parent().expect("a")), mode(&file)), (0o700, 0o700, 0o600));
        for (before, after) in [(0o644, 0o640), (0o600, 0o600), (0o660, 0o660), (0o666, 0o660)] {
            std::fs::set_permissions(&file, Permissions::from_mode(before)).expect("mode");
            super::file(&file).expect("kept");
            assert_eq!(mode(&file), after, "{before:o}");
        }
    }
}
