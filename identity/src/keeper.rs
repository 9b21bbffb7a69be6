//! Takes the steps of [`crate::machine`]: key store, disk, central.
//!
//! Files in the identity's directory: [`crate::state`]'s, and [`crate::people`]'s.

mod lock;
mod residence;

pub use lock::lock;

use crate::central::{Central, CentralError, Enrolled};
use crate::clock::TrustedClock;
pub use crate::disk::{Disk, Files, Random, SITE_KEY_FILE, system_random};
use crate::machine::{Outcome, Present, Step, next};
use crate::people::SiteKeyError;
use crate::state::{Credential, Place, State};
use drivers::key_store::{KeyStore, KeyStoreError};
use events::event::Bytes;
use events::{Clock as _, Quality};
use fleet::answer;
use fleet::authority::Roots;
use fleet::request::{self, About, Key, Keys, Way};
use fleet::sites::SiteKeys;
use fleet::{FleetError, sealed_box, words};
use program::describe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use zeroize::Zeroizing;

/// Label of the key that signs events.
pub const EVENT_KEY: &str = "event";
/// Label of the key that names the device.
pub const BIRTH_KEY: &str = "birth";

/// A step could not be taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeeperError {
    /// The key store.
    #[error("the key store")]
    KeyStore(#[from] KeyStoreError),
    /// A format, a signature, the disk.
    #[error("the identity")]
    Fleet(#[from] FleetError),
    /// Central.
    #[error("central")]
    Central(#[from] CentralError),
    /// The device was never set up here.
    #[error("{0} has no identity")]
    None(PathBuf),
    /// The device does not know the fleet's roots, and has no network to ask for them.
    #[error("the device does not know the fleet's roots")]
    NoRoots,
    /// The site's keys.
    #[error("the keys of the site")]
    Site(#[from] SiteKeyError),
    /// Another process keeps the identity.
    #[error("another process keeps the identity in {0}")]
    Busy(PathBuf),
}

program::coded!(KeeperError);

impl KeeperError {
    /// A stable identifier.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::KeyStore(error) => error.code(),
            Self::Fleet(error) => error.code(),
            Self::Central(CentralError::Refused(refusal)) => &refusal.code,
            Self::Central(CentralError::Unreachable { .. }) => "central_unreachable",
            Self::Central(CentralError::Local(_)) => "uplink_configuration",
            Self::None(_) => "identity_missing",
            Self::NoRoots => "roots_unknown",
            Self::Site(error) => error.code(),
            Self::Busy(_) => "identity_busy",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &str {
        match self {
            Self::KeyStore(error) => error.remedy(),
            Self::Fleet(error) => error.remedy(),
            Self::Central(CentralError::Refused(refusal)) => &refusal.remedy,
            Self::Central(CentralError::Unreachable { .. }) => {
                "check network and address of central; it is tried again"
            }
            Self::Central(CentralError::Local(_)) => "reset the device softly and enrol it again",
            Self::None(_) => "enrol the device: provision enrol",
            Self::NoRoots => "give the device the fleet's roots (provision enrol --roots), or a network",
            Self::Site(error) => error.remedy(),
            Self::Busy(_) => "stop the agent first: systemctl stop cccd-agent",
        }
    }
}

impl From<openssl::error::ErrorStack> for KeeperError {
    fn from(error: openssl::error::ErrorStack) -> Self {
        Self::Fleet(error.into())
    }
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A key was made.
    KeyMade(&'static str),
    /// A request was begun.
    Asked(Way),
    /// A technician has to confirm it: the words to compare.
    Waiting {
        /// Six words.
        words: [String; 6],
        /// When to look again.
        wait: Duration,
    },
    /// It was answered.
    Issued,
    /// What was issued works and is used.
    Promoted {
        /// End of the certificate before, and of this one, seconds since 1970.
        ends: (Option<i64>, i64),
        /// The way in.
        way: Option<Way>,
    },
    /// What was used before is gone.
    Forgotten,
    /// It did not work; when to try again.
    Failed {
        /// Stable code.
        code: String,
        /// For people.
        message: String,
        /// What to do.
        remedy: String,
        /// When to try again.
        wait: Duration,
    },
    /// Nothing to do until then.
    Resting {
        /// Seconds since 1970.
        until: i64,
    },
}

/// The keeper of a device's identity.
pub struct Keeper {
    directory: PathBuf,
    disk: Arc<dyn Disk>,
    keys: Arc<dyn KeyStore>,
    central: Arc<dyn Central>,
    clock: Arc<TrustedClock>,
    /// The way in for a device without a certificate, with its token.
    first: Way,
    token: Option<Zeroizing<String>>,
    software: String,
    state: State,
    /// One process at a time changes an identity.
    _lock: std::fs::File,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keeper({})", self.state.serial)
    }
}

impl Keeper {
    /// Opens the identity in a directory.
    ///
    /// # Errors
    /// [`KeeperError::None`] when there is none.
    pub fn open(
        directory: &Path,
        keys: Arc<dyn KeyStore>,
        central: Arc<dyn Central>,
        clock: Arc<TrustedClock>,
        software: &str,
    ) -> Result<Self, KeeperError> {
        let none = || KeeperError::None(directory.to_owned());
        State::load(directory)?.ok_or_else(none)?;
        let lock = lock(directory)?;
        // It may have changed before the lock was ours.
        let state = State::load(directory)?.ok_or_else(none)?;
        clock.not_before(state.not_earlier_than());
        let (directory, software) = (directory.to_owned(), software.to_owned());
        let disk = Arc::new(Files);
        Ok(Self { directory, disk, keys, central, clock, first: Way::List, token: None, software, state, _lock: lock })
    }

    /// How the device gets in, if it is not in yet.
    #[must_use]
    pub fn by(self, first: Way, token: Option<&str>) -> Self {
        Self { first, token: token.map(|token| Zeroizing::new(token.to_owned())), ..self }
    }

    /// Writes through another disk.
    #[must_use]
    pub fn on(self, disk: Arc<dyn Disk>) -> Self {
        Self { disk, ..self }
    }

    /// What the device knows of itself.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The clock.
    #[must_use]
    pub const fn clock(&self) -> &Arc<TrustedClock> {
        &self.clock
    }

    fn save(&self) -> Result<(), KeeperError> {
        Ok(self.disk.save(&self.directory, &self.state)?)
    }

    fn present(&self) -> Result<Present, KeeperError> {
        let there = |label| match self.keys.public_key(label) {
            Ok(_) => Ok(true),
            Err(KeyStoreError::NoKey(_)) => Ok(false),
            Err(error) => Err(error),
        };
        Ok(Present { birth: there(BIRTH_KEY)?, event: there(EVENT_KEY)? })
    }

    /// Makes a key, unless it is there: a cut after it was made left it.
    fn make_key(&self, label: &str) -> Result<Vec<u8>, KeeperError> {
        match self.keys.generate(label) {
            Err(KeyStoreError::Exists(_)) => Ok(self.keys.public_key(label)?),
            made => Ok(made?),
        }
    }

    /// Takes one step. Failures that time may mend are progress; an error is for people.
    ///
    /// # Errors
    /// When key store or disk fail.
    pub fn step(&mut self, random: Random<'_>) -> Result<Progress, KeeperError> {
        let mut step = next(&self.state, self.present()?, self.first, self.clock.wall());
        if matches!(step, Step::Ask(Way::Renewal | Way::Grace)) && self.clock.quality() != Quality::Signed {
            // A clock that runs ahead would have a device renew for ever. Where central does not say the time it
            // will not renew either, or it is one that does not know how.
            if let Some(roots) = self.state.roots()?
                && self.fetch_time(&roots).is_ok()
            {
                step = next(&self.state, self.present()?, self.first, self.clock.wall());
            }
        }
        match step {
            Step::MakeKey(label) => {
                self.make_key(label)?;
                Ok(Progress::KeyMade(label))
            }
            Step::Ask(way) => {
                let mut nonce = [0; 16];
                random(&mut nonce);
                self.state.ask(way, nonce);
                self.save()?;
                Ok(Progress::Asked(way))
            }
            Step::Send => self.send(random),
            Step::Try => self.try_next(random),
            Step::Confirm => match self.connect(self.state.current.clone().as_ref()) {
                Ok(()) => {
                    self.forget()?;
                    Ok(Progress::Forgotten)
                }
                Err(error) => Ok(failed(&error, Duration::from_secs(60))),
            },
            Step::Rest { until } => Ok(Progress::Resting { until }),
        }
    }

    fn forget(&mut self) -> Result<(), KeeperError> {
        if let Some(previous) = &self.state.previous {
            self.keys.remove(&previous.key)?;
            self.state.previous = None;
            self.save()?;
        }
        Ok(())
    }

    /// Connects with a credential, so that central has seen it.
    fn connect(&self, own: Option<&Credential>) -> Result<(), KeeperError> {
        let (Some(own), Some(roots)) = (own, self.state.roots()?) else {
            return Err(KeeperError::None(self.directory.clone()));
        };
        self.in_time(&roots, || self.central.assignment(&roots, own))?;
        Ok(())
    }

    /// Asks central something; where a certificate is not valid at this clock's time, central is asked for the time first.
    fn in_time<T>(&self, roots: &Roots, ask: impl Fn() -> Result<T, CentralError>) -> Result<T, CentralError> {
        match ask() {
            Err(CentralError::Unreachable { time: true, .. }) => {
                self.fetch_time(roots)?;
                ask()
            }
            answered => answered,
        }
    }

    fn fetch_time(&self, roots: &Roots) -> Result<i64, CentralError> {
        let mut nonce = [0; 16];
        system_random(&mut nonce);
        let nonce = Bytes(nonce);
        let statement = self.central.time(roots, nonce)?;
        let at = fleet::time::open(&statement, nonce, roots);
        let at = at.map_err(|e| CentralError::Unreachable { why: e.to_string(), retry_after: None, time: false })?;
        self.clock.set(at, Quality::Signed);
        Ok(at)
    }

    /// Asks central for the time; what the clock believed and what it is.
    ///
    /// # Errors
    /// When central cannot be reached, or the device has no roots yet.
    pub fn synchronise(&mut self) -> Result<(i64, i64), KeeperError> {
        let roots = self.state.roots()?.ok_or_else(|| KeeperError::None(self.directory.clone()))?;
        let believed = self.clock.wall();
        let at = self.fetch_time(&roots)?;
        self.state.floor = at;
        self.save()?;
        Ok((believed, at))
    }

    /// The request that is under way, signed, with its PKCS#10 request.
    ///
    /// # Errors
    /// When there is none, or a key cannot be used.
    pub fn request(&self) -> Result<(Vec<u8>, Vec<u8>), KeeperError> {
        let underway = self.state.underway.as_ref().ok_or_else(|| KeeperError::None(self.directory.clone()))?;
        let tls = self.make_key(&underway.key)?;
        let (birth, event) = (self.keys.public_key(BIRTH_KEY)?, self.keys.public_key(EVENT_KEY)?);
        let point = sealed_box::public_point(&*self.box_key()?)?;
        let by = |label: &'static str| move |m: &[u8]| self.keys.sign(label, m).map_err(|e| e.to_string());
        let (birth_sign, event_sign) = (by(BIRTH_KEY), by(EVENT_KEY));
        let tls_sign = |m: &[u8]| self.keys.sign(&underway.key, m).map_err(|e| e.to_string());
        let keys = Keys {
            birth: Key { public: &birth, sign: &birth_sign },
            event: Key { public: &event, sign: &event_sign },
            tls: Key { public: &tls, sign: &tls_sign },
            box_key: &point,
        };
        let about = About {
            serial: &self.state.serial,
            model: &self.state.model,
            software: &self.software,
            protection: self.keys.protection().id(),
        };
        let token = self.token.as_ref().filter(|_| underway.way == Way::Token).map(|token| token.as_str());
        let request = request::sign(about, keys, underway.way, token, underway.nonce())?;
        let csr = request::open(&request)?.csr;
        Ok((request, csr))
    }

    fn box_key(&self) -> Result<Box<openssl::ec::EcKey<openssl::pkey::Private>>, KeeperError> {
        Ok(Box::new(sealed_box::key(&*self.keys.secret("box")?)?))
    }

    /// The six words of the request that is under way.
    ///
    /// # Errors
    /// When there is none.
    pub fn words(&self) -> Result<[String; 6], KeeperError> {
        let underway = self.state.underway.as_ref().ok_or_else(|| KeeperError::None(self.directory.clone()))?;
        let roots = self.state.roots()?.map(|roots| roots.fingerprints()).unwrap_or_default();
        Ok(words::of_request(&self.keys.public_key(BIRTH_KEY)?, underway.nonce(), &roots))
    }

    /// What a technician's phone scans: central's page with the device's fingerprint.
    ///
    /// # Errors
    /// When the device has no keys yet.
    pub fn code(&self) -> Result<String, KeeperError> {
        Ok(format!("{}/technician#id={}", self.state.url(), fleet::fingerprint(&self.keys.public_key(BIRTH_KEY)?)))
    }

    /// The same for a device without a network: the phone carries the request that is under way.
    ///
    /// # Errors
    /// When there is none, or the device does not know the fleet's roots: nobody would compare them.
    pub fn code_with_request(&self) -> Result<String, KeeperError> {
        let roots = self.state.roots()?.ok_or(KeeperError::NoRoots)?.fingerprints().join(",");
        let (request, _) = self.request()?;
        Ok(format!("{}/technician#r={}&roots={roots}", self.state.url(), fleet::est::to_header(&request)))
    }

    /// The roots that the device trusts; at the first contact those that central shows, which a technician then compares.
    fn roots(&mut self) -> Result<Roots, KeeperError> {
        if let Some(roots) = self.state.roots()? {
            return Ok(roots);
        }
        let roots = self.central.unverified_roots()?;
        self.state.roots = String::from_utf8(roots.to_pem()?).unwrap_or_default();
        self.save()?;
        Ok(roots)
    }

    fn send(&mut self, random: Random<'_>) -> Result<Progress, KeeperError> {
        let mut jitter = [0];
        random(&mut jitter);
        let outcome = match self.exchange() {
            Ok(Some(answer)) => self.accept(&answer)?,
            Ok(None) => Outcome::Pending(None),
            Err(KeeperError::Central(CentralError::Refused(refusal))) => Outcome::Refused(refusal),
            Err(KeeperError::Central(error @ CentralError::Unreachable { .. })) => {
                let CentralError::Unreachable { retry_after, .. } = &error else { return Err(error.into()) };
                let wait = self.state.sent(Outcome::Unreachable(*retry_after), jitter[0]);
                self.save()?;
                return Ok(failed(&error.into(), wait));
            }
            Err(error) => return Err(error),
        };
        let refusal = match &outcome {
            Outcome::Refused(refusal) => Some(refusal.clone()),
            _ => None,
        };
        let issued = matches!(outcome, Outcome::Issued { .. });
        let wait = self.state.sent(outcome, jitter[0]);
        self.save()?;
        if let Some(refusal) = refusal {
            let (code, message, remedy) = (refusal.code, refusal.message, refusal.remedy);
            return Ok(Progress::Failed { code, message, remedy, wait });
        }
        if issued { Ok(Progress::Issued) } else { Ok(Progress::Waiting { words: self.words()?, wait }) }
    }

    /// Sends the request; the signed answer, or nothing while a technician has to confirm it.
    fn exchange(&mut self) -> Result<Option<Vec<u8>>, KeeperError> {
        let roots = self.roots()?;
        let (request, csr) = self.request()?;
        let underway = self.state.underway.clone().ok_or_else(|| KeeperError::None(self.directory.clone()))?;
        let own = self.state.current.clone().filter(|_| underway.way == Way::Renewal);
        let sent = self.in_time(&roots, || self.central.enrol(&roots, own.as_ref(), &request, &csr))?;
        let Enrolled::Issued(certificate) = sent else { return Ok(None) };
        // The certificate opens the door to the answer that belongs to it; until that was read it is only borrowed.
        let borrowed = Credential::new(&underway.key, &certificate)?;
        Ok(Some(self.in_time(&roots, || self.central.assignment(&roots, &borrowed))?))
    }

    /// Checks an answer to the request that is under way, and keeps the site's key.
    fn accept(&self, bytes: &[u8]) -> Result<Outcome, KeeperError> {
        let none = || KeeperError::None(self.directory.clone());
        let underway = self.state.underway.as_ref().ok_or_else(none)?;
        let pinned = self.state.roots()?.ok_or_else(none)?;
        let tls = self.make_key(&underway.key)?;
        let opened = answer::open(bytes, &pinned, underway.nonce(), &tls, &*self.box_key()?)?;
        crate::people::keep(&*self.disk, &self.directory, &*self.keys, &opened.assignment.site_keys()?)?;
        let assignment = &opened.assignment;
        Ok(Outcome::Issued {
            credential: Credential::new(&underway.key, &opened.answer.certificate)?,
            place: Place {
                device: assignment.device.clone(),
                site: assignment.site.clone(),
                central: assignment.central.clone(),
                profile: assignment.profile.clone(),
                environment: assignment.environment.clone(),
                operators: assignment.operators.iter().map(|key| hex::encode(&key.0)).collect(),
            },
            roots: String::from_utf8(opened.roots.to_pem()?).unwrap_or_default(),
            at: opened.answer.at,
        })
    }

    /// Takes an answer that came by USB or phone. It is not tried: there may be no network.
    ///
    /// # Errors
    /// When it does not answer the request that is under way.
    pub fn take_answer(&mut self, bytes: &[u8]) -> Result<Progress, KeeperError> {
        let outcome = self.accept(bytes)?;
        if let Outcome::Issued { at, .. } = &outcome {
            self.clock.not_before(*at);
        }
        // One change on disk: there may be nobody to try it with.
        self.state.sent(outcome, 0);
        self.promote()
    }

    /// Begins a request for a way without a network, unless one is under way.
    ///
    /// # Errors
    /// When key store or disk fail.
    pub fn prepare(&mut self, random: Random<'_>) -> Result<(), KeeperError> {
        while !matches!(next(&self.state, self.present()?, self.first, self.clock.wall()), Step::Send) {
            match self.step(random)? {
                Progress::KeyMade(_) | Progress::Asked(_) => {}
                _ => return Err(KeeperError::None(self.directory.clone())),
            }
        }
        Ok(())
    }

    fn try_next(&mut self, random: Random<'_>) -> Result<Progress, KeeperError> {
        match self.connect(self.state.next.clone().as_ref()) {
            Ok(()) => self.promote(),
            // Away is not wrong: what was issued waits.
            Err(error @ KeeperError::Central(CentralError::Unreachable { .. })) => {
                Ok(failed(&error, Duration::from_secs(60)))
            }
            Err(KeeperError::Central(CentralError::Refused(refusal))) => {
                let mut jitter = [0];
                random(&mut jitter);
                let wait = self.state.reject(&refusal.code, jitter[0]);
                self.save()?;
                let (code, message, remedy) = (refusal.code, refusal.message, refusal.remedy);
                Ok(Progress::Failed { code, message, remedy, wait })
            }
            Err(error) => Err(error),
        }
    }

    fn promote(&mut self) -> Result<Progress, KeeperError> {
        let before = self.state.current.as_ref().map(|credential| credential.not_after);
        let way = self.state.underway.as_ref().map(|underway| underway.way);
        self.state.promote();
        self.save()?;
        let end = self.state.current.as_ref().map_or(0, |credential| credential.not_after);
        Ok(Progress::Promoted { ends: (before, end), way })
    }

    /// The site's keys, under which holders become keyed hashes.
    ///
    /// # Errors
    /// When they are not there or do not open.
    pub fn site_keys(&self) -> Result<SiteKeys, KeeperError> {
        Ok(crate::people::site_keys(&self.directory, &*self.keys)?)
    }

    /// Tells central about the device.
    ///
    /// # Errors
    /// When central cannot be reached or refuses.
    pub fn report(&self, bundle: u64) -> Result<(), KeeperError> {
        let (own, roots) = self.connected()?;
        let report = || fleet::est::Report {
            software: self.software.clone(),
            bundle,
            roots: roots.fingerprints(),
            time_quality: self.clock.quality().id().to_owned(),
            protection: self.keys.protection().id().to_owned(),
        };
        Ok(self.in_time(&roots, || self.central.report(&roots, &own, &report()))?)
    }

    /// Tells central how the device is.
    ///
    /// # Errors
    /// When central cannot be reached or refuses.
    pub fn say(&self, state: &fleet::est::State) -> Result<(), KeeperError> {
        let (own, roots) = self.connected()?;
        Ok(self.in_time(&roots, || self.central.state(&roots, &own, state))?)
    }

    /// The newest bundle after a version.
    ///
    /// # Errors
    /// When central cannot be reached or refuses.
    pub fn fetch_bundle(&self, after: u64) -> Result<Option<Vec<u8>>, KeeperError> {
        let (own, roots) = self.connected()?;
        Ok(self.in_time(&roots, || self.central.bundle(&roots, &own, after))?)
    }

    /// The next part of a file of an update, from a byte on; empty after the last.
    ///
    /// # Errors
    /// When central cannot be reached, or does not have it.
    pub fn fetch_file(&self, hash: &str, from: u64) -> Result<Vec<u8>, KeeperError> {
        let (own, roots) = self.connected()?;
        Ok(self.in_time(&roots, || self.central.file(&roots, &own, hash, from))?)
    }

    fn connected(&self) -> Result<(Credential, Roots), KeeperError> {
        let none = || KeeperError::None(self.directory.clone());
        Ok((self.state.current.clone().ok_or_else(none)?, self.state.roots()?.ok_or_else(none)?))
    }

    /// Trusts these roots from now on: an operator's bundle says so.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn trust(&mut self, roots: &Roots) -> Result<(), KeeperError> {
        let pem = String::from_utf8(roots.to_pem()?).unwrap_or_default();
        if self.state.roots != pem {
            self.state.roots = pem;
            self.save()?;
        }
        Ok(())
    }
}

fn failed(error: &KeeperError, wait: Duration) -> Progress {
    let (code, remedy) = (error.code().to_owned(), error.remedy().to_owned());
    Progress::Failed { code, message: describe(error), remedy, wait }
}
