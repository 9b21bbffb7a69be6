//! The keys of the site at a device: `subject.sealed`, sealed under the secret `site` of the key store, written anew whenever
//! an epoch has ended ([`events::chain`]).
//!
//! Only a time that is certain ([`Certain`]) steps a chain for good. Until then what seems to be the time is derived in memory,
//! and the file waits.

use crate::disk::{Disk, Files, SITE_KEY_FILE};
use drivers::key_store::{KeyStore, KeyStoreError};
use events::{Certain, Clock};
use fleet::FleetError;
use fleet::sites::SiteKeys;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use thiserror::Error;

/// The site's keys cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SiteKeyError {
    /// The key store.
    #[error("the key store")]
    KeyStore(#[from] KeyStoreError),
    /// The disk, or the cryptographic library.
    #[error("the identity")]
    Fleet(#[from] FleetError),
    /// They are not there, or do not open.
    #[error("the site's key does not open")]
    Locked,
    /// What is there is of an older version.
    #[error("the site's key is one of an older version, which never ended")]
    Old,
}

program::coded!(SiteKeyError);

impl SiteKeyError {
    /// A stable identifier.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::KeyStore(error) => error.code(),
            Self::Fleet(error) => error.code(),
            Self::Locked => "subject_key_locked",
            Self::Old => "subject_key_old",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &str {
        match self {
            Self::KeyStore(error) => error.remedy(),
            Self::Fleet(error) => error.remedy(),
            Self::Locked | Self::Old => "reset the device softly and enrol it again",
        }
    }
}

/// An assignment that comes and an epoch that ends write the same file.
static WRITING: Mutex<()> = Mutex::new(());

/// The keys of an identity's site.
///
/// # Errors
/// When they are not there or do not open, or are those of an older version.
pub fn site_keys(directory: &Path, keys: &dyn KeyStore) -> Result<SiteKeys, SiteKeyError> {
    let bytes = std::fs::read(directory.join(SITE_KEY_FILE)).map_err(|_| SiteKeyError::Locked)?;
    let plain = events::sealed::open(&*keys.secret("site")?, &bytes).ok_or(SiteKeyError::Locked)?;
    SiteKeys::from_bytes(&plain).ok_or(SiteKeyError::Old)
}

fn sealed(keys: &dyn KeyStore, site: &SiteKeys) -> Result<Vec<u8>, SiteKeyError> {
    let sealed = events::sealed::seal_under(&*keys.secret("site")?, &site.to_bytes());
    Ok(sealed.map_err(FleetError::Crypto)?)
}

/// Keeps them.
pub(crate) fn keep(
    disk: &dyn Disk,
    directory: &Path,
    keys: &dyn KeyStore,
    site: &SiteKeys,
) -> Result<(), SiteKeyError> {
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let sealed = sealed(keys, site)?;
    Ok(disk.save_site_key(directory, &sealed)?)
}

/// The keys as they are on the disk, stepped to the clock's time there, if that is certain.
///
/// # Errors
/// When they do not open, or the disk fails.
pub fn stepped(directory: &Path, keys: &dyn KeyStore, clock: &dyn Clock) -> Result<SiteKeys, SiteKeyError> {
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut site = site_keys(directory, keys)?;
    let now = clock.wall();
    let certain = Certain::of(site.chains.day(), now, clock.quality());
    if certain.is_some_and(|now| site.chains.step_to(now.at())) {
        let sealed = sealed(keys, &site)?;
        Files.save_site_key(directory, &sealed)?;
    }
    Ok(site)
}
