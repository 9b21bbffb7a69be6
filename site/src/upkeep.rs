//! Keeps a running device in good standing with central, in a thread of its own: certificate, time, bundle, report, files of
//! updates. What the updater did is told here.
//!
//! What it changes is noted in the device's own log. Whatever fails is tried again for ever; a read never waits for it.

use crate::bundle;
use crate::update::Fetched;
use crate::words::DeviceWord;
use config::Config;
use drivers::key_store::KeyStore;
use events::Clock as _;
use fleet::FleetError;
use fleet::rollout::Takes;
use identity::bundles::Bundles;
use identity::keeper::{KeeperError, Progress, system_random};
use identity::{Keeper, TrustedClock};
use program::Failure;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;
use store::uplink::https::Https;

/// How often the clock is looked at, and whether a certificate is due.
const LOOK: Duration = Duration::from_secs(60);
/// How often time, report and bundle are exchanged, on average; devices spread by their random numbers.
const EXCHANGE: Duration = Duration::from_secs(3600);
/// A difference between clocks, in seconds, that is worth an event.
const WORTH_TELLING: u64 = 5;

/// What became of a bundle.
#[derive(Debug)]
pub enum Taken {
    /// It is active, with this version.
    Active(u64),
    /// It is refused; what was active stays.
    Refused(FleetError),
}

/// The site whose standing is kept.
pub trait Charge: Send + Sync {
    /// Its configuration.
    fn config(&self) -> &Config;

    /// Puts something about the device itself into its log.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn note(&self, what: DeviceWord, from: Option<String>, to: Option<String>) -> Result<(), Failure>;

    /// How it is, for whoever looks after it; what is not known is left out.
    fn state(&self) -> fleet::est::State {
        fleet::est::State::default()
    }

    /// Takes a bundle in and uses it at once; its version, or why it is refused.
    ///
    /// # Errors
    /// When the device's own disk or log fails.
    fn take_bundle(&self, bytes: &[u8]) -> Result<Taken, Failure>;
}

/// The upkeep before it runs.
pub struct Upkeep {
    keeper: Keeper,
    bundles: Bundles,
    https: Https,
    keys: Arc<dyn KeyStore>,
    clock: Arc<TrustedClock>,
    failures: u32,
    fetch_failures: u32,
    /// Whether central knows where the keys are, or there is nothing to be proved.
    resident: bool,
    /// The active bundle, until when it may be the newest, and whether it was told that this is over.
    fresh: Option<Fresh>,
}

/// What is known of the active bundle's freshness.
#[derive(Debug, Clone, Copy)]
struct Fresh {
    version: u64,
    until: Option<i64>,
    told: bool,
}

impl std::fmt::Debug for Upkeep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Upkeep({:?})", self.keeper)
    }
}

/// The upkeep at work; dropping it ends it.
#[derive(Debug)]
pub struct Running {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop = None;
        // What it has under way with central may take its time, and loses nothing when it is cut.
        if self.thread.as_ref().is_some_and(JoinHandle::is_finished)
            && let Some(thread) = self.thread.take()
        {
            program::ignore(thread.join(), "a panic there has been reported by the runtime");
        }
    }
}

impl Upkeep {
    /// Opens the identity and connects the uplink.
    ///
    /// # Errors
    /// When the device is not enrolled, or another process keeps its identity.
    pub fn prepare(
        config: &Config,
        keys: Arc<dyn KeyStore>,
        clock: Arc<TrustedClock>,
        https: Https,
    ) -> Result<Self, Failure> {
        let url = config.identity_state()?.map(|state| state.url().to_owned()).unwrap_or_default();
        let central = Arc::new(identity::Https::new(&url, Arc::clone(&keys), Arc::clone(&clock)));
        let software = env!("CARGO_PKG_VERSION");
        let keeper = Keeper::open(&config.identity, Arc::clone(&keys), central, Arc::clone(&clock), software);
        let mut keeper = keeper?;
        let bundles = Bundles::new(&config.bundles);
        // It may have come on a stick.
        if let Some(roots) = bundle::roots(&bundles) {
            keeper.trust(&roots)?;
        }
        let (failures, fetch_failures, resident) = (0, 0, false);
        let upkeep = Self { keeper, bundles, https, keys, clock, failures, fetch_failures, resident, fresh: None };
        upkeep.connect()?;
        Ok(upkeep)
    }

    /// Gives the uplink a client with the present certificate and roots.
    fn connect(&self) -> Result<(), Failure> {
        let state = self.keeper.state();
        let roots = state.roots()?;
        let Some((roots, own)) = roots.zip(state.current.as_ref()) else {
            return Err(Failure::device("identity_missing", "the device is not enrolled", "provision enrol"));
        };
        let https = identity::Https::new(state.url(), Arc::clone(&self.keys), Arc::clone(&self.clock));
        let client = https.client(&roots, Some(own)).map_err(KeeperError::from)?;
        self.https.set(client, state.url());
        Ok(())
    }

    /// Starts the thread. It ends with the site.
    #[must_use]
    pub fn start(mut self, site: &Arc<dyn Charge>) -> Running {
        let site = Arc::downgrade(site);
        let (stop, stopped) = channel();
        let thread = std::thread::spawn(move || self.work(&site, &stopped));
        Running { stop: Some(stop), thread: Some(thread) }
    }

    fn work(&mut self, site: &Weak<dyn Charge>, stopped: &Receiver<()>) {
        let (mut exchange_at, mut step_at, mut fetch_at) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        loop {
            let Some(site) = site.upgrade() else { return };
            let now = self.clock.monotonic();
            let say = |failure: &Failure| tracing::error!(code = failure.code, "upkeep: {}", failure.message);
            // What fails in the device itself is not tried again at once: it would fill the log.
            let later = |result: Result<Duration, Failure>| now + result.inspect_err(say).unwrap_or(LOOK);
            if let Err(failure) = self.look(&*site) {
                say(&failure);
            }
            if now >= step_at {
                step_at = later(self.step(&*site));
            }
            if now >= exchange_at {
                exchange_at = later(self.exchange(&*site));
            }
            if now >= fetch_at {
                // A part at a time: a large file on a thin line keeps no certificate from being renewed.
                fetch_at = later(self.fetch(site.config()));
            }
            drop(site);
            let now = self.clock.monotonic();
            let wait =
                exchange_at.min(step_at).min(fetch_at).saturating_sub(now).clamp(Duration::from_millis(50), LOOK);
            match stopped.recv_timeout(wait) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn look(&mut self, site: &dyn Charge) -> Result<(), Failure> {
        self.tell_stale(site)?;
        let config = site.config();
        crate::update::tell(config, &|what, from, to| site.note(what, Some(from), Some(to)))?;
        match self.clock.look() {
            Some(jump) => site.note(DeviceWord::ClockJumped, Some(jump.from.to_string()), Some(jump.to.to_string())),
            None => Ok(()),
        }
    }

    /// Tells once of each bundle that there should be a newer one: whoever is between may withhold it.
    fn tell_stale(&mut self, site: &dyn Charge) -> Result<(), Failure> {
        let version = self.bundles.active();
        if self.fresh.is_none_or(|fresh| fresh.version != version) {
            let until = self.bundles.contents()?.and_then(|bundle| bundle.fresh_until);
            self.fresh = Some(Fresh { version, until, told: false });
        }
        let Some(fresh) = self.fresh.as_mut().filter(|fresh| version != 0 && !fresh.told) else { return Ok(()) };
        if fresh.until.is_none_or(|until| self.clock.wall() > until) {
            fresh.told = true;
            tracing::warn!(code = "bundle_stale", version, "there should be a newer bundle");
            site.note(DeviceWord::BundleStale, Some(version.to_string()), fresh.until.map(|until| until.to_string()))?;
        }
        Ok(())
    }

    /// A part of a file that a rollout names, once the turn of this device has come; when to fetch the next.
    fn fetch(&mut self, config: &Config) -> Result<Duration, Failure> {
        let Some(rollout) = bundle::rollout(&self.bundles) else { return Ok(LOOK) };
        let due = rollout.due(&config.device);
        if rollout.stopped || config.update.hold || self.clock.wall() < due {
            return Ok(LOOK);
        }
        let Some(choice) = rollout.choice(&Takes::of(Path::new("/"))) else { return Ok(LOOK) };
        let fetch = |hash: &str, from: u64| self.keeper.fetch_file(hash, from);
        match crate::update::fetch(&config.update_files(), &choice.files, &fetch)? {
            Fetched::All => Ok(LOOK),
            Fetched::Part => {
                self.fetch_failures = 0;
                Ok(Duration::ZERO)
            }
            Fetched::Failed(code) => {
                self.fetch_failures = self.fetch_failures.saturating_add(1);
                tracing::info!(code, "a file of the update did not come");
                let mut jitter = [0];
                system_random(&mut jitter);
                Ok(fleet::renewal::wait(self.fetch_failures, jitter[0], None).min(EXCHANGE))
            }
        }
    }

    /// A step of the identity; when to look again.
    fn step(&mut self, site: &dyn Charge) -> Result<Duration, Failure> {
        match self.keeper.step(&system_random)? {
            Progress::Promoted { ends: (before, end), .. } => {
                site.note(DeviceWord::CertificateRenewed, before.map(|end| end.to_string()), Some(end.to_string()))?;
                self.connect()?;
                Ok(Duration::ZERO)
            }
            Progress::Failed { code, message, wait, .. } => {
                tracing::warn!(code, "identity: {message}");
                Ok(wait)
            }
            Progress::Waiting { wait, .. } => Ok(wait),
            // Whatever a clock says, no more than one renewal a minute.
            Progress::Resting { .. } | Progress::Forgotten => Ok(LOOK),
            Progress::KeyMade(_) | Progress::Asked(_) | Progress::Issued => Ok(Duration::ZERO),
        }
    }

    /// Time, bundle and report; when to do it again.
    fn exchange(&mut self, site: &dyn Charge) -> Result<Duration, Failure> {
        let mut jitter = [0];
        system_random(&mut jitter);
        match self.exchange_once(site) {
            Ok(()) => {
                self.failures = 0;
                Ok(EXCHANGE / 2 + EXCHANGE * u32::from(jitter[0]) / 255)
            }
            Err(Exchange::Keeper(error)) => {
                self.failures = self.failures.saturating_add(1);
                tracing::info!(code = error.code(), "central did not say the time, or take the report");
                Ok(fleet::renewal::wait(self.failures, jitter[0], None).min(EXCHANGE))
            }
            Err(Exchange::Own(failure)) => Err(failure),
        }
    }

    fn exchange_once(&mut self, site: &dyn Charge) -> Result<(), Exchange> {
        let (believed, at) = self.keeper.synchronise()?;
        if believed.abs_diff(at) > WORTH_TELLING {
            site.note(DeviceWord::TimeSigned, Some(believed.to_string()), Some(at.to_string()))?;
        }
        if let Some(bytes) = self.keeper.fetch_bundle(self.bundles.known())? {
            self.take_bundle(site, &bytes)?;
        }
        self.keeper.report(self.bundles.active())?;
        self.keeper.say(&site.state())?;
        self.prove_residence();
        Ok(())
    }

    /// Once for each start. A central that does not ask, or a TPM that cannot answer, keeps nothing else from going on.
    fn prove_residence(&mut self) {
        if !self.resident {
            match self.keeper.prove_residence() {
                Ok(_) => self.resident = true,
                Err(error) => {
                    tracing::warn!(
                        code = error.code(),
                        "it is not proved that the keys are in a TPM: {}",
                        program::describe(&error)
                    );
                }
            }
        }
    }

    fn take_bundle(&mut self, site: &dyn Charge, bytes: &[u8]) -> Result<(), Failure> {
        if matches!(site.take_bundle(bytes)?, Taken::Active(_))
            && let Some(roots) = bundle::roots(&self.bundles)
        {
            self.keeper.trust(&roots)?;
            self.connect()?;
        }
        Ok(())
    }
}

/// Why an exchange ended early.
enum Exchange {
    /// Central, for now.
    Keeper(KeeperError),
    /// The device itself.
    Own(Failure),
}

impl From<KeeperError> for Exchange {
    fn from(error: KeeperError) -> Self {
        Self::Keeper(error)
    }
}

impl From<Failure> for Exchange {
    fn from(failure: Failure) -> Self {
        Self::Own(failure)
    }
}
