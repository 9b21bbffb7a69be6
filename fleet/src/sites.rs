//! The keys of a site, and how the registrar keeps them.
//!
//! Two things, and neither opens what the other is for. The chains ([`events::chain`]) begin at random when the site's first
//! device comes, are stepped by the registrar's clock, and name people in events. The counting key is derived from the CA's
//! secret, stays, and opens no event: lists are hashed under one half of it, places in ledgers under the other.
//!
//! Beside the CA, in the directory `chains`: one file for each site, named by the site's SHA-256, sealed under a key from the
//! CA's secret. When a chain steps, the file is written anew, and the old one is overwritten before its space is given
//! back. What a file system or flash memory keeps of it below is out of a program's reach: the disk is to be encrypted.

use crate::error::{FleetError, io};
use crate::files::replace_and_wipe;
use events::chain::Chains;
use events::event::Bytes;
use events::sealed;
use events::subject::{Person, Purpose, keyed};
use openssl::ec::EcKey;
use openssl::error::ErrorStack;
use openssl::pkey::Private;
use program::private;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const DIRECTORY: &str = "chains";
const SUFFIX: &str = "sealed";
/// What a device's file begins with.
const MAGIC: &[u8; 8] = b"CCCDSITE";
const VERSION: u8 = 2;

/// The keys of a site.
#[derive(Clone, PartialEq, Eq)]
pub struct SiteKeys {
    /// Of people in events.
    pub chains: Chains,
    counting: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for SiteKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SiteKeys({:?})", self.chains)
    }
}

impl SiteKeys {
    /// As an assignment tells them; `None` when one is of another form.
    #[must_use]
    pub fn new(chains: &[u8], counting: &[u8]) -> Option<Self> {
        let counting: [u8; 32] = counting.try_into().ok()?;
        Some(Self { chains: Chains::from_bytes(chains)?, counting: Zeroizing::new(counting) })
    }

    /// The counting key.
    #[must_use]
    pub fn counting(&self) -> &[u8; 32] {
        &self.counting
    }

    /// The key of lists: of people, and of cards that were withdrawn.
    #[must_use]
    pub fn lists(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(keyed(&*self.counting, "cccd-counting-v1", &[b"lists"]).0)
    }

    /// The key for which lists in bundles are sealed ([`crate::sealed_list`]): the devices of a site have it, and no others.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn box_key(&self) -> Result<EcKey<Private>, ErrorStack> {
        let secret = Zeroizing::new(keyed(&*self.counting, "cccd-counting-v1", &[b"box"]).0);
        crate::sealed_box::key(&secret)
    }

    /// How a person stands in lists.
    #[must_use]
    pub fn listed(&self, person: &Person) -> Bytes<32> {
        person.hash(&*self.lists(), Purpose::List)
    }

    /// How somebody who is so listed stands in a profile's ledger of a period.
    #[must_use]
    pub fn counted(&self, profile: &str, period: &str, listed: &Bytes<32>) -> Bytes<32> {
        let key = keyed(&*self.counting, "cccd-counting-v1", &[b"ledger", profile.as_bytes(), period.as_bytes()]);
        keyed(&Zeroizing::new(key.0)[..], "cccd-ledger-v1", &[&listed.0])
    }

    /// As they stand sealed at a device.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAGIC.len() + 1 + Chains::SIZE + 32));
        bytes.extend_from_slice(MAGIC);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.chains.to_bytes());
        bytes.extend_from_slice(&*self.counting);
        bytes
    }

    /// The same back; `None` for what an older version kept there.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?.strip_prefix(&[VERSION])?;
        let (chains, counting) = rest.split_at_checked(Chains::SIZE)?;
        Self::new(chains, counting)
    }
}

/// Where chains are, in the directory of a CA.
pub(crate) fn directory(ca: &Path) -> PathBuf {
    ca.join(DIRECTORY)
}

/// The names of the files of all chains that are in the directory of a CA.
pub(crate) fn begun(ca: &Path) -> Result<Vec<String>, FleetError> {
    let directory = directory(ca);
    let list = match std::fs::read_dir(&directory) {
        Ok(list) => list,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io("read", &directory)(error)),
    };
    let names = list.map(|entry| entry.map(|entry| PathBuf::from(entry.file_name())).map_err(io("read", &directory)));
    let names: Vec<PathBuf> = names.collect::<Result<_, _>>()?;
    let chains = names.iter().filter(|name| name.extension().is_some_and(|extension| extension == SUFFIX));
    let mut chains: Vec<String> = chains.filter_map(|name| name.to_str().map(str::to_owned)).collect();
    chains.sort();
    Ok(chains)
}

/// The registrar's side: where chains are, and the CA's secret.
pub(crate) struct Kept<'a> {
    ca: &'a Path,
    secret: &'a [u8],
}

impl<'a> Kept<'a> {
    pub(crate) const fn new(ca: &'a Path, secret: &'a [u8]) -> Self {
        Self { ca, secret }
    }

    fn directory(&self) -> PathBuf {
        directory(self.ca)
    }

    fn key(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(keyed(self.secret, "cccd-chains-kept-v1", &[]).0)
    }

    /// Nobody else steps or begins a chain as long as the file is held: a bench and a registrar may share a CA.
    fn lock(&self) -> Result<std::fs::File, FleetError> {
        let directory = self.directory();
        private::directory(&directory).map_err(io("make", &directory))?;
        let path = directory.join(".lock");
        let file = private::file(&path).and_then(|()| std::fs::OpenOptions::new().write(true).open(&path));
        let file = file.map_err(io("open", &path))?;
        file.lock().map_err(io("lock", &path))?;
        Ok(file)
    }

    fn read(&self, path: &Path) -> Result<Option<Chains>, FleetError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io("read", path)(error)),
        };
        let plain = sealed::open(&*self.key(), &bytes);
        let chains = plain.and_then(|plain| Chains::from_bytes(&plain));
        chains.map(Some).ok_or_else(|| FleetError::Locked(path.to_owned()))
    }

    fn write(&self, path: &Path, chains: &Chains) -> Result<(), FleetError> {
        replace_and_wipe(path, &sealed::seal_under(&self.key(), &chains.to_bytes())?)
    }

    /// The keys of a site, stepped to a time; its chains begin now, when it is new.
    pub(crate) fn of(&self, site: &str, now: i64) -> Result<SiteKeys, FleetError> {
        let _lock = self.lock()?;
        let name = format!("{}.{SUFFIX}", events::hash(site.as_bytes()));
        let path = self.directory().join(name);
        let (mut chains, new) = match self.read(&path)? {
            Some(chains) => (chains, false),
            None => {
                let mut random = Ok(());
                let begun = Chains::begin(now, |key| {
                    random = std::mem::replace(&mut random, Ok(())).and_then(|()| openssl::rand::rand_priv_bytes(key));
                });
                random?;
                (begun, true)
            }
        };
        if chains.step_to(now) || new {
            self.write(&path, &chains)?;
        }
        let counting = Zeroizing::new(keyed(self.secret, "cccd-site-v2", &[site.as_bytes()]).0);
        Ok(SiteKeys { chains, counting })
    }

    /// Steps the chains of every site.
    pub(crate) fn step(&self, now: i64) -> Result<(), FleetError> {
        let directory = self.directory();
        if !directory.exists() {
            return Ok(());
        }
        let _lock = self.lock()?;
        for entry in std::fs::read_dir(&directory).map_err(io("read", &directory))? {
            let path = entry.map_err(io("read", &directory))?.path();
            if path.extension().is_some_and(|extension| extension == SUFFIX)
                && let Some(mut chains) = self.read(&path)?
                && chains.step_to(now)
            {
                self.write(&path, &chains)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_900_000_000;
    const DAY: i64 = 86_400;

    fn an() -> Person {
        Person::citizen("001099000017").expect("a person")
    }

    #[test]
    fn devices_of_a_site_are_told_the_same_and_devices_of_another_something_else() {
        let directory = tempfile::tempdir().expect("directory");
        let kept = Kept::new(directory.path(), b"secret");
        let (first, second) = (kept.of("A", NOW).expect("keys"), kept.of("A", NOW + 40 * DAY).expect("keys"));
        let subject = |keys: &SiteKeys, at| keys.chains.subject("exam", 365, at, &an());
        assert_eq!(subject(&first, NOW + 40 * DAY), subject(&second, NOW + 40 * DAY));
        assert_eq!(first.listed(&an()), second.listed(&an()), "a list goes on");
        let other = kept.of("B", NOW).expect("keys");
        assert_ne!(subject(&first, NOW), subject(&other, NOW));
        assert_ne!(first.listed(&an()), other.listed(&an()));
        let again = SiteKeys::from_bytes(&second.to_bytes()).expect("the same");
        assert_eq!(again, second);
        assert_eq!(SiteKeys::from_bytes(&[7; 32]), None, "what an older version kept");
        assert!(Kept::new(directory.path(), b"other").of("A", NOW).is_err(), "and no new ones in their place");
    }

    #[test]
    fn chains_begin_at_random_and_no_secret_that_stays_gives_them_again() {
        let (one, two) = (tempfile::tempdir().expect("directory"), tempfile::tempdir().expect("directory"));
        let of = |at: &tempfile::TempDir| Kept::new(at.path(), b"secret").of("A", NOW).expect("keys");
        assert_ne!(of(&one).chains, of(&two).chains);
        assert_eq!(of(&one).counting, of(&two).counting);
    }

    #[test]
    fn a_step_takes_every_site_with_it_also_one_where_nobody_asks() {
        let directory = tempfile::tempdir().expect("directory");
        let kept = Kept::new(directory.path(), b"secret");
        kept.step(NOW).expect("no site yet");
        kept.of("A", NOW).expect("keys");
        kept.of("B", NOW).expect("keys");
        kept.step(NOW + 2 * DAY).expect("stepped");
        for site in ["A", "B"] {
            let keys = kept.of(site, NOW).expect("a clock that goes back moves nothing");
            assert_eq!(keys.chains.subject("practice", 1, NOW, &an()), None, "{site}");
            assert!(keys.chains.subject("practice", 1, NOW + 2 * DAY, &an()).is_some(), "{site}");
        }
    }

    #[test]
    fn a_place_in_a_ledger_says_nothing_in_another() {
        let directory = tempfile::tempdir().expect("directory");
        let keys = Kept::new(directory.path(), b"secret").of("A", NOW).expect("keys");
        let listed = keys.listed(&an());
        let hashes = [
            listed,
            keys.counted("exam", "day/1", &listed),
            keys.counted("exam", "day/2", &listed),
            keys.counted("gate", "day/1", &listed),
            keys.chains.subject("exam", 365, NOW, &an()).expect("a subject"),
        ];
        for (at, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..at].contains(hash), "{at}");
        }
    }
}
