//! Files that a command line names.

use crate::Failure;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use zeroize::Zeroizing;

/// Reads a file that the command line names.
///
/// # Errors
/// `file_unreadable`.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| unreadable(path, &error))
}

/// A pass phrase, pass word or token from a file, without the line's end.
///
/// # Errors
/// `file_unreadable`; `secret_open` and `secret_owner` when it is not the reader's alone ([`crate::private::secret`]).
pub fn pass_phrase(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let bytes = crate::private::secret(path).map_err(|error| match error {
        crate::private::SecretError::Io { source, .. } => unreadable(path, &source),
        error => Failure::of(&error).as_usage(),
    })?;
    Ok(Zeroizing::new(bytes.trim_ascii().to_vec()))
}

/// Writes a file that the command line names.
///
/// # Errors
/// `file_unwritable`.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
    public(path).and_then(|mut file| file.write_all(bytes.as_ref())).map_err(|error| unwritable(path, &error))
}

/// Shows a value, as JSON, to others who look while this program runs: they see the old content or the new one. It is not put
/// through to the disk, since after a cut of power nobody runs; what must survive one is for [`crate::private::replace`].
///
/// # Errors
/// Of the file system, or when the value has no JSON.
pub fn show(path: &Path, value: &impl serde::Serialize) -> io::Result<()> {
    let new = path.with_extension("new");
    public(&new)?.write_all(&serde_json::to_vec(value)?)?;
    std::fs::rename(&new, path)
}

/// A file for others to read and for nobody else to write, whatever the umask says; one that is there keeps its mode.
fn public(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(path)
}

/// A file or directory that the command line names cannot be read.
#[must_use]
pub fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let message = format!("cannot read {}: {error}", path.display());
    Failure::usage("file_unreadable", message, "name a file that exists and may be read")
}

/// A file or directory that the command line names cannot be written.
#[must_use]
pub fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let message = format!("cannot write {}: {error}", path.display());
    Failure::usage("file_unwritable", message, "name a place that can be written")
}
