//! The keys of the site at a device: `subject.sealed`, sealed under the secret `site` of the key store, written anew whenever
//! an epoch has ended ([`events::chain`]).
//!
//! Only a time that is certain steps a chain for good: one that central signed, or a technician set. The system's clock is
//! taken for it as long as it moves on by less than [`LEAP`] days at once; a device that nobody connects goes on by it for
//! years, and a clock that jumps ten years ahead destroys nothing. Until then what seems to be the time is derived in
//! memory, and the file waits.

use crate::disk::{Disk, Files, SITE_KEY_FILE};
use drivers::key_store::{KeyStore, KeyStoreError};
use events::chain::{Chains, Class};
use events::{Clock, Quality};
use fleet::FleetError;
use fleet::sites::SiteKeys;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use thiserror::Error;

/// Days that the system's clock may move chains at once.
pub const LEAP: u32 = 32;

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

/// Whether a time steps chains for good.
#[must_use]
pub fn is_certain(chains: &Chains, at: i64, quality: Quality) -> bool {
    match quality {
        Quality::Floor => false,
        Quality::System => Class::D1.epoch(at).saturating_sub(chains.day()) <= LEAP,
        Quality::Operator | Quality::Signed => true,
    }
}

/// The keys as they are on the disk, stepped to the clock's time there, if that is certain.
///
/// # Errors
/// When they do not open, or the disk fails.
pub fn stepped(directory: &Path, keys: &dyn KeyStore, clock: &dyn Clock) -> Result<SiteKeys, SiteKeyError> {
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut site = site_keys(directory, keys)?;
    let now = clock.wall();
    if is_certain(&site.chains, now, clock.quality()) && site.chains.step_to(now) {
        let sealed = sealed(keys, &site)?;
        Files.save_site_key(directory, &sealed)?;
    }
    Ok(site)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_900_000_000;
    const DAY: i64 = 86_400;

    #[test]
    fn a_clock_that_jumps_destroys_nothing_and_one_that_goes_on_does_its_work() {
        let chains = Chains::begin(NOW, |key| *key = [7; 32]);
        let leap = i64::from(LEAP) * DAY;
        for (after, quality, certain) in [
            (0, Quality::Floor, false),
            (DAY, Quality::Floor, false),
            (DAY, Quality::System, true),
            (leap, Quality::System, true),
            (leap + DAY, Quality::System, false),
            (3650 * DAY, Quality::System, false),
            (3650 * DAY, Quality::Operator, true),
            (3650 * DAY, Quality::Signed, true),
        ] {
            assert_eq!(is_certain(&chains, NOW + after, quality), certain, "{after} {}", quality.id());
        }
    }
}
