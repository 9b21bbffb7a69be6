//! What only its owner reads.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
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

/// Writes a file that is not there yet.
///
/// # Errors
/// Of the file system; [`io::ErrorKind::AlreadyExists`] where it is there.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all())
}

/// Replaces a file, or makes it, at once: a cut of power leaves the old content or the new one.
///
/// # Errors
/// Of the file system.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes).and_then(|()| file.sync_all())?;
    fs::rename(&beside, path)?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("metadata").permissions().mode() & 0o777
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
            fs::set_permissions(&file, Permissions::from_mode(before)).expect("mode");
            super::file(&file).expect("kept");
            assert_eq!(mode(&file), after, "{before:o}");
        }
    }

    #[test]
    fn a_file_is_made_once_and_replaced_whole() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("file");
        write_new(&path, b"one").expect("made");
        assert_eq!(write_new(&path, b"two").expect_err("there").kind(), io::ErrorKind::AlreadyExists);
        replace(&path, b"three").expect("replaced");
        assert_eq!((fs::read(&path).expect("file"), mode(&path)), (b"three".to_vec(), 0o600));
        assert_eq!(fs::read_dir(directory.path()).expect("directory").count(), 1, "nothing is left beside it");
    }
}
