//! What people are called at this site: in events by keys that end, in lists and ledgers by one that opens no event.

use config::Config;
use drivers::key_store::KeyStore;
use events::event::Bytes;
use events::subject::Person;
use events::{Certain, Clock};
use fleet::FleetError;
use fleet::sites::SiteKeys;
use identity::keeper::KeeperError;
use identity::people;
use program::Failure;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use visit::profile::{EventField, Profile};
use zeroize::Zeroizing;

/// The site's keys.
pub struct People {
    directory: PathBuf,
    keys: Arc<dyn KeyStore>,
    clock: Arc<dyn Clock>,
    site: RwLock<SiteKeys>,
}

impl std::fmt::Debug for People {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("People")
    }
}

impl People {
    /// Opens the keys, and lets go of what an epoch that has ended left.
    ///
    /// # Errors
    /// When the device is not enrolled, or they do not open.
    pub fn open(config: &Config, keys: Arc<dyn KeyStore>, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let directory = config.identity.clone();
        let site = people::stepped(&directory, &*keys, &*clock).map_err(KeeperError::from)?;
        Ok(Self { directory, keys, clock, site: RwLock::new(site) })
    }

    fn site(&self) -> RwLockReadGuard<'_, SiteKeys> {
        self.site.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time, where it is certain enough to destroy something by it: the chains know which day was reached.
    #[must_use]
    pub fn certain(&self) -> Option<Certain> {
        Certain::of(self.site().chains.day(), self.clock.wall(), self.clock.quality())
    }

    /// Lets go of the keys of epochs that have ended, here and on the disk.
    ///
    /// # Errors
    /// When the keys do not open any more, or the disk fails.
    pub fn step(&self) -> Result<(), Failure> {
        if self.certain().is_some_and(|now| now.day() > self.site().chains.day()) {
            let stepped = people::stepped(&self.directory, &*self.keys, &*self.clock).map_err(KeeperError::from)?;
            *self.site.write().unwrap_or_else(PoisonError::into_inner) = stepped;
        }
        Ok(())
    }

    /// What somebody is called in an event of a profile, if it wants that; nothing where too little is known of them, or of
    /// the time.
    #[must_use]
    pub fn subject(&self, profile: &Profile, person: Option<&Person>) -> Option<Bytes<32>> {
        if !profile.event.fields.contains(&EventField::Subject) {
            return None;
        }
        let (id, days) = (&profile.id, profile.event.retention_days);
        self.site().chains.subject(id, days, self.clock.wall(), person?)
    }

    /// What a member of staff is called in an event of a profile; zeros where nothing is known of the time.
    #[must_use]
    pub fn staff(&self, profile: &Profile, name: &str) -> Bytes<32> {
        let (id, days) = (&profile.id, profile.event.retention_days);
        self.site().chains.staff(id, days, self.clock.wall(), name).unwrap_or(Bytes([0; 32]))
    }

    /// The key of the list of withdrawn cards.
    #[must_use]
    pub fn lists(&self) -> Zeroizing<[u8; 32]> {
        self.site().lists()
    }

    /// Opens a list of a bundle; `None` where it is for another site.
    ///
    /// # Errors
    /// When it is none, or was changed.
    pub fn open_list(&self, bytes: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, FleetError> {
        let own = self.site().box_key()?;
        fleet::sealed_list::open(&own, bytes)
    }

    /// How a person stands in lists.
    #[must_use]
    pub fn listed(&self, person: &Person) -> Bytes<32> {
        self.site().listed(person)
    }

    /// How somebody who is so listed stands in a profile's ledger of a period.
    #[must_use]
    pub fn counted(&self, profile: &str, period: &str, listed: &Bytes<32>) -> Bytes<32> {
        self.site().counted(profile, period, listed)
    }
}
