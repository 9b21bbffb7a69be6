//! Disk and chance, as arguments: a test cuts the power between any two operations.

use crate::state::State;
use fleet::FleetError;
use fleet::files::replace_and_wipe;
use std::path::Path;

/// Name of the file with the site's keys.
pub const SITE_KEY_FILE: &str = "subject.sealed";

/// Where an identity is written: each call is one change that a cut of power leaves undone or done.
pub trait Disk: Send + Sync {
    /// Writes the state.
    ///
    /// # Errors
    /// When the disk fails.
    fn save(&self, directory: &Path, state: &State) -> Result<(), FleetError>;

    /// Writes the sealed keys of the site; what they were is wiped.
    ///
    /// # Errors
    /// When the disk fails.
    fn save_site_key(&self, directory: &Path, sealed: &[u8]) -> Result<(), FleetError>;
}

/// The file system.
#[derive(Debug, Clone, Copy)]
pub struct Files;

impl Disk for Files {
    fn save(&self, directory: &Path, state: &State) -> Result<(), FleetError> {
        state.save(directory)
    }

    fn save_site_key(&self, directory: &Path, sealed: &[u8]) -> Result<(), FleetError> {
        program::private::directory(directory).map_err(fleet::error::io("make", directory))?;
        replace_and_wipe(&directory.join(SITE_KEY_FILE), sealed)
    }
}

/// Randomness as an argument.
pub type Random<'a> = &'a dyn Fn(&mut [u8]);

/// The system's random source.
///
/// # Panics
/// When it fails: a key or nonce that can be guessed is worse than none.
pub fn system_random(bytes: &mut [u8]) {
    openssl::rand::rand_bytes(bytes).expect("the random source");
}
