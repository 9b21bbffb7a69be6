//! What only its owner reads.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use thiserror::Error;
use zeroize::Zeroizing;

/// Why a secret is not taken from its file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SecretError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// In the words of the system.
        #[source]
        source: io::Error,
    },
    /// Others than its owner have a way to it.
    #[error("{path} holds a secret, and others than its owner may read or write it (mode {mode:04o})")]
    Open {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Another user owns it, who has it already and may change it.
    #[error("{path} holds a secret, and belongs to user number {found}")]
    Owner {
        /// Which file.
        path: PathBuf,
        /// Whose it is.
        found: u32,
    },
}

crate::coded!(SecretError);

impl SecretError {
    /// A stable identifier.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "file_unreadable",
            Self::Open { .. } => "secret_open",
            Self::Owner { .. } => "secret_owner",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Io { .. } => "name a file that exists and may be read",
            Self::Open { .. } => "chmod 600 FILE; and take a new secret where others may have read it",
            Self::Owner { .. } => "chown it to the user that this program runs as, then chmod 600 FILE",
        }
    }
}

/// Reads a secret: a pass phrase, a key, a token. Its file is closed to others and belongs to who asks, or to root, who may let a group
/// read it: so packages hand a secret to a service, and so systemd hands out credentials (the mode of an access list shows there as
/// the group's). What is no regular file, a pipe of the shell, lies nowhere.
///
/// # Errors
/// When it cannot be read, or somebody else can.
pub fn secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let failed = |source| SecretError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    if about.is_file() {
        closed(path, about.uid(), about.mode() & 0o7777, rustix::process::geteuid().as_raw())?;
    }
    // Room for all of it at once: what grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(about.len()).unwrap_or(0).min(1 << 20) + 1));
    file.read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Whether nobody but its owner has a way to a file; root may let a group read it.
pub(crate) const fn is_closed(owner: u32, mode: u32) -> bool {
    mode & (if owner == 0 { 0o027 } else { 0o077 }) == 0
}

/// Whether nobody but `asking` has a way to a file of this owner and mode.
fn closed(path: &Path, owner: u32, mode: u32, asking: u32) -> Result<(), SecretError> {
    // Root reads what is anybody's, and is asked to: at a bench the pass phrase of a device is its agent's.
    if owner != asking && owner != 0 && asking != 0 {
        return Err(SecretError::Owner { path: path.to_owned(), found: owner });
    }
    if !is_closed(owner, mode) {
        return Err(SecretError::Open { path: path.to_owned(), mode });
    }
    Ok(())
}

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
    fn a_secret_that_others_can_read_is_none() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("secret");
        write_new(&path, b"secret").expect("made");
        assert_eq!(*secret(&path).expect("closed"), b"secret");
        for mode in [0o644, 0o604, 0o620, 0o602, 0o660, 0o601] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("mode");
            let error = secret(&path).expect_err("open");
            assert_eq!(error.code(), "secret_open", "{mode:o}");
            assert!(error.remedy().contains("chmod 600") && error.to_string().contains("secret holds"), "{error}");
        }
        assert_eq!(secret(&directory.path().join("none")).expect_err("absent").code(), "file_unreadable");
        assert!(secret(Path::new("/dev/null")).expect("no regular file").is_empty());
    }

    #[test]
    fn a_secret_is_of_who_asks_or_of_root() {
        let code = |owner, mode, asking| closed(Path::new("secret"), owner, mode, asking).map_err(|error| error.code());
        for (owner, mode, asking) in
            [(1000, 0o600, 1000), (1000, 0o400, 1000), (0, 0o640, 1000), (0, 0o440, 0), (1000, 0o600, 0)]
        {
            assert_eq!(code(owner, mode, asking), Ok(()), "{owner} {mode:o} {asking}");
        }
        for (owner, mode, asking) in
            [(1000, 0o640, 1000), (0, 0o644, 1000), (0, 0o660, 0), (0, 0o604, 0), (1000, 0o640, 0)]
        {
            assert_eq!(code(owner, mode, asking), Err("secret_open"), "{owner} {mode:o} {asking}");
        }
        assert_eq!(code(1001, 0o600, 1000), Err("secret_owner"));
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
