//! Files that hold what a fleet trusts, readable by their owner only.

use crate::error::{FleetError, io};
use program::private::{self, SecretError};
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
