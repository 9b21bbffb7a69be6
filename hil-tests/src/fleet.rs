//! A fleet in one process: the real registrar on its real database, the real keepers of devices, virtual time, and a cut
//! of power wherever one is wanted.

use cccd_central::registrar::registry::Registry;
use cccd_central::registrar::{Decision, Policy, Registrar, RegistrarError};
use cccd_central::store::sqlite::SqliteStore;
use cccd_central::tls::Presented;
use drivers::key_store::file::FileKeyStore;
use drivers::key_store::{KeyStore, KeyStoreError, Protection};
use events::Clock;
use events::event::Bytes;
use fleet::authority::{FleetCa, Roots};
use fleet::est::Report;
use fleet::request::Way;
use fleet::residence::{Challenge, Claim, Opened};
use fleet::{FleetError, fingerprint};
use identity::central::{Central, CentralError, Enrolled};
use identity::keeper::{BIRTH_KEY, Disk, Files, Keeper, KeeperError, Progress};
use identity::state::{Credential, State};
use identity::{TrustedClock, bundles::Bundles};
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use zeroize::Zeroizing;

/// Pass phrase of the CA and of all devices.
pub const PHRASE: &[u8] = b"a pass phrase of the rig";
/// When the rig's time begins.
pub const BEGIN: i64 = 1_800_000_000;
/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// A clock that is set by hand; the steady one follows it forwards.
#[derive(Debug, Default)]
pub struct HandClock {
    wall: AtomicI64,
    steady: AtomicU64,
}

impl HandClock {
    /// At a time.
    #[must_use]
    pub fn at(wall: i64) -> Arc<Self> {
        Arc::new(Self { wall: AtomicI64::new(wall), steady: AtomicU64::new(1000) })
    }

    /// Lets time pass.
    pub fn pass(&self, seconds: i64) {
        self.wall.fetch_add(seconds, Ordering::SeqCst);
        self.steady.fetch_add(seconds.unsigned_abs(), Ordering::SeqCst);
    }

    /// Sets the wall clock; no time passes.
    pub fn set(&self, wall: i64) {
        self.wall.store(wall, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn wall(&self) -> i64 {
        self.wall.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.steady.load(Ordering::SeqCst))
    }
}

/// What a cut of power throws.
#[derive(Debug, Clone, Copy)]
pub struct Cut;

/// Counts the moments at which power can be cut, and cuts at one.
#[derive(Debug, Default)]
pub struct Power {
    moments: AtomicU64,
    cut_at: AtomicU64,
}

impl Power {
    /// Cuts at the n-th moment from now; 0 never.
    pub fn cut_at(&self, moment: u64) {
        self.moments.store(0, Ordering::SeqCst);
        self.cut_at.store(moment, Ordering::SeqCst);
    }

    /// How many moments there were since.
    #[must_use]
    pub fn moments(&self) -> u64 {
        self.moments.load(Ordering::SeqCst)
    }

    fn moment(&self) {
        let now = self.moments.fetch_add(1, Ordering::SeqCst) + 1;
        if now == self.cut_at.load(Ordering::SeqCst) {
            std::panic::resume_unwind(Box::new(Cut));
        }
    }

    /// Something that is undone when power is cut before, and done when it is cut after.
    fn around<T>(&self, work: impl FnOnce() -> T) -> T {
        self.moment();
        let done = work();
        self.moment();
        done
    }
}

struct CutKeys(Box<dyn KeyStore>, Arc<Power>);

impl KeyStore for CutKeys {
    fn protection(&self) -> Protection {
        self.0.protection()
    }

    fn generate(&self, label: &str) -> Result<Vec<u8>, KeyStoreError> {
        self.1.around(|| self.0.generate(label))
    }

    fn public_key(&self, label: &str) -> Result<Vec<u8>, KeyStoreError> {
        self.0.public_key(label)
    }

    fn sign(&self, label: &str, message: &[u8]) -> Result<[u8; 64], KeyStoreError> {
        self.0.sign(label, message)
    }

    fn secret(&self, label: &str) -> Result<Zeroizing<[u8; 32]>, KeyStoreError> {
        self.1.around(|| self.0.secret(label))
    }

    fn remove(&self, label: &str) -> Result<(), KeyStoreError> {
        self.1.around(|| self.0.remove(label))
    }
}

struct CutDisk(Arc<Power>);

impl Disk for CutDisk {
    fn save(&self, directory: &Path, state: &State) -> Result<(), FleetError> {
        self.0.around(|| Files.save(directory, state))
    }

    fn save_site_key(&self, directory: &Path, sealed: &[u8]) -> Result<(), FleetError> {
        self.0.around(|| Files.save_site_key(directory, sealed))
    }
}

/// Central as a device reaches it, without a network between: it shows a certificate, and central looks at it as TLS does.
pub struct Near {
    registrar: Arc<Registrar>,
    clock: Arc<HandClock>,
    /// Whether the network is away.
    away: Arc<AtomicBool>,
    power: Arc<Power>,
}

fn refused(error: &RegistrarError) -> CentralError {
    CentralError::Refused(error.refusal().1)
}

impl Near {
    fn ca(&self) -> Arc<FleetCa> {
        self.registrar.ca().expect("the CA is in this process")
    }

    fn exchange<T>(&self, work: impl FnOnce() -> Result<T, CentralError>) -> Result<T, CentralError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(CentralError::Unreachable { why: "no network".to_owned(), retry_after: None, time: false });
        }
        self.power.around(work)
    }

    fn presented(&self, roots: &Roots, own: &Credential) -> Result<Presented, CentralError> {
        let local = |_| CentralError::Local("certificate".to_owned());
        let certificate = X509::from_pem(own.certificate.as_bytes()).map_err(local)?;
        let unreachable = |why: &str, time| CentralError::Unreachable { why: why.to_owned(), retry_after: None, time };
        // What the two ends' TLS would say.
        if !self.ca().roots().is_ok_and(|own| own.issued(&certificate)) {
            return Err(unreachable("the certificate's root is not known", false));
        }
        if self.clock.wall() >= own.not_after {
            return Err(unreachable("the certificate has expired", false));
        }
        let server = self.ca();
        let reaches = server.roots().is_ok_and(|theirs| {
            let mut chain = server.links().unwrap_or_default();
            chain.extend(theirs.to_der().unwrap_or_default().iter().filter_map(|der| X509::from_der(der).ok()));
            let known = roots.extended(&chain).keys();
            server.public_key().is_ok_and(|issuing| known.contains(&issuing))
        });
        if !reaches {
            return Err(unreachable("the server's root is not known", false));
        }
        let name = certificate.subject_name().entries().next().map(|entry| entry.data().as_slice().to_vec());
        let name = String::from_utf8(name.unwrap_or_default()).unwrap_or_default();
        let key = certificate.public_key().and_then(|key| key.public_key_to_der()).map_err(local)?;
        Ok(Presented { name, key: fingerprint(&key) })
    }

    fn admitted(&self, roots: &Roots, own: &Credential) -> Result<Presented, CentralError> {
        let presented = self.presented(roots, own)?;
        self.registrar.admits(&presented).map_err(|error| refused(&error))?;
        Ok(presented)
    }
}

impl Central for Near {
    fn unverified_roots(&self) -> Result<Roots, CentralError> {
        self.exchange(|| self.ca().roots().map_err(|e| CentralError::Local(e.to_string())))
    }

    fn time(&self, _: &Roots, _: Bytes<16>) -> Result<Vec<u8>, CentralError> {
        Err(CentralError::Local("there is no server's key in this rig".to_owned()))
    }

    fn enrol(
        &self,
        roots: &Roots,
        own: Option<&Credential>,
        request: &[u8],
        _: &[u8],
    ) -> Result<Enrolled, CentralError> {
        self.exchange(|| {
            let presented = own.map(|own| self.presented(roots, own)).transpose()?;
            match self.registrar.enrol(request, presented.as_ref()) {
                Ok(Decision::Issued { certificate, .. }) => Ok(Enrolled::Issued(certificate)),
                Ok(Decision::Pending { retry_after }) => Ok(Enrolled::Pending(Some(retry_after))),
                Err(error) => Err(refused(&error)),
            }
        })
    }

    fn assignment(&self, roots: &Roots, own: &Credential) -> Result<Vec<u8>, CentralError> {
        self.exchange(|| {
            let presented = self.admitted(roots, own)?;
            let device = self.registrar.registry().device(&presented.name);
            let answer = device.ok().flatten().and_then(|device| device.answer);
            // Where it was used, nothing is kept of it.
            Ok(answer.unwrap_or_default())
        })
    }

    fn report(&self, roots: &Roots, own: &Credential, report: &Report) -> Result<(), CentralError> {
        self.exchange(|| {
            let presented = self.admitted(roots, own)?;
            self.registrar.report(&presented, report).map_err(|error| refused(&error))
        })
    }

    fn claim(&self, roots: &Roots, own: &Credential, claim: &Claim) -> Result<Challenge, CentralError> {
        self.exchange(|| {
            let presented = self.admitted(roots, own)?;
            self.registrar.claim(&presented, claim).map_err(|error| refused(&error))
        })
    }

    fn opened(&self, roots: &Roots, own: &Credential, opened: &Opened) -> Result<(), CentralError> {
        self.exchange(|| {
            let presented = self.admitted(roots, own)?;
            self.registrar.opened(&presented, opened).map(drop).map_err(|error| refused(&error))
        })
    }

    fn bundle(&self, roots: &Roots, own: &Credential, after: u64) -> Result<Option<Vec<u8>>, CentralError> {
        self.exchange(|| {
            let presented = self.admitted(roots, own)?;
            let site = self.registrar.registry().device(&presented.name).ok().flatten().map(|device| device.site);
            let found = self.registrar.registry().bundle(&site.unwrap_or_default(), after);
            found.map_err(|error| CentralError::Local(error.to_string()))
        })
    }

    fn file(&self, _: &Roots, _: &Credential, _: &str, _: u64) -> Result<Vec<u8>, CentralError> {
        Err(CentralError::Local("there are no files in this rig".to_owned()))
    }
}

/// Central, its CA and an operator.
pub struct Rig {
    directory: tempfile::TempDir,
    /// The time of central and of all devices that have the right time.
    pub clock: Arc<HandClock>,
    /// Who decides.
    pub registrar: Arc<Registrar>,
    /// The operator's key.
    pub operator: (PKey<Private>, Vec<u8>),
    devices: Mutex<u32>,
}

impl std::fmt::Debug for Rig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rig")
    }
}

impl Default for Rig {
    fn default() -> Self {
        Self::new()
    }
}

impl Rig {
    /// A new fleet, whose certificates last 90 days and count for 400 after that.
    ///
    /// # Panics
    /// When a file cannot be made.
    #[must_use]
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let clock = HandClock::at(BEGIN);
        let ca = FleetCa::create(&directory.path().join("ca"), PHRASE, &*clock).expect("CA");
        let db = directory.path().join("central.db");
        drop(SqliteStore::open(&db).expect("store"));
        let operator = key();
        let policy = Policy {
            url: "https://central.example".to_owned(),
            environment: "practice".to_owned(),
            operators: vec![operator.1.clone()],
            days: 90,
            grace_days: 400,
            files: None,
        };
        let own = Arc::clone(&clock) as Arc<dyn Clock>;
        let registrar = Arc::new(Registrar::new(Registry::open(&db).expect("registry"), ca, policy, own));
        Self { directory, clock, registrar, operator, devices: Mutex::new(0) }
    }

    /// The CA.
    ///
    /// # Panics
    /// When it is not in this process.
    #[must_use]
    pub fn ca(&self) -> Arc<FleetCa> {
        self.registrar.ca().expect("the CA is in this process")
    }

    /// A device out of the box, whose image knows the fleet's roots.
    ///
    /// # Panics
    /// When a file cannot be made.
    #[must_use]
    pub fn device(&self) -> Machine {
        let mut devices = self.devices.lock().expect("devices");
        *devices += 1;
        let place = self.directory.path().join(format!("device-{devices}"));
        let serial = format!("SN-{devices:04}");
        let roots = self.ca().roots().expect("roots");
        State::new(&serial, "rig", "https://central.example", Some(&roots)).save(&place).expect("state");
        let (power, away) = (Arc::default(), Arc::default());
        let system = Arc::clone(&self.clock);
        Machine {
            place,
            serial,
            power,
            away,
            system,
            clock: Arc::clone(&self.clock),
            registrar: Arc::clone(&self.registrar),
        }
    }

    /// The device as central knows it.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn known(&self, name: &str) -> cccd_central::registrar::registry::Device {
        self.registrar.registry().device(name).expect("registry").expect("a device")
    }
}

/// A new P-256 key and its public part.
///
/// # Panics
/// When the library fails.
#[must_use]
pub fn key() -> (PKey<Private>, Vec<u8>) {
    let group = openssl::ec::EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1).expect("group");
    let key = PKey::from_ec_key(openssl::ec::EcKey::generate(&group).expect("key")).expect("key");
    let public = key.public_key_to_der().expect("public key");
    (key, public)
}

/// A machine.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Its disk.
    pub place: PathBuf,
    /// On its back.
    pub serial: String,
    /// Its plug.
    pub power: Arc<Power>,
    /// Its cable.
    pub away: Arc<AtomicBool>,
    /// Its own clock.
    pub system: Arc<HandClock>,
    clock: Arc<HandClock>,
    registrar: Arc<Registrar>,
}

impl Machine {
    /// Switches it on.
    ///
    /// # Errors
    /// When its identity cannot be opened.
    pub fn start(&self, way: Way, token: Option<&str>) -> Result<Keeper, KeeperError> {
        let files = FileKeyStore::new(&self.place.join("keys"), PHRASE);
        let keys: Arc<dyn KeyStore> = Arc::new(CutKeys(Box::new(files), Arc::clone(&self.power)));
        let near = Near {
            registrar: Arc::clone(&self.registrar),
            clock: Arc::clone(&self.clock),
            away: Arc::clone(&self.away),
            power: Arc::clone(&self.power),
        };
        let trusted = Arc::new(TrustedClock::new(Arc::clone(&self.system) as Arc<dyn Clock>, 0));
        let keeper = Keeper::open(&self.place, keys, Arc::new(near), trusted, "rig")?;
        Ok(keeper.by(way, token).on(Arc::new(CutDisk(Arc::clone(&self.power)))))
    }

    /// The fingerprint of its birth key, which is made here where it is not yet: its maker noted it for the list.
    ///
    /// # Panics
    /// When the key cannot be made.
    #[must_use]
    pub fn birth(&self) -> String {
        let keys = FileKeyStore::new(&self.place.join("keys"), PHRASE);
        let key = keys.public_key(BIRTH_KEY).or_else(|_| keys.generate(BIRTH_KEY)).expect("birth key");
        fingerprint(&key)
    }

    /// A copy of its disk, in another machine.
    ///
    /// # Panics
    /// When it cannot be copied.
    #[must_use]
    pub fn copy(&self) -> Self {
        let place = self.place.with_extension("copy");
        let status = std::process::Command::new("cp").arg("-a").arg(&self.place).arg(&place).status();
        assert!(status.expect("cp").success());
        Self { place, power: Arc::default(), ..self.clone() }
    }

    /// Its bundles.
    #[must_use]
    pub fn bundles(&self) -> Bundles {
        Bundles::new(&self.place.join("bundles"))
    }

    /// What it knows of itself.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn state(&self) -> State {
        State::load(&self.place).expect("state").expect("state")
    }

    /// Its name.
    ///
    /// # Panics
    /// When it has none.
    #[must_use]
    pub fn name(&self) -> String {
        self.state().place.expect("a place").device
    }
}

/// A random source that gives what it is asked for.
pub fn random(bytes: &mut [u8]) {
    identity::keeper::system_random(bytes);
}

/// Takes steps until the device rests, waits or fails.
///
/// # Errors
/// When a step is an error.
pub fn settle(keeper: &mut Keeper) -> Result<Progress, KeeperError> {
    for _ in 0..40 {
        let progress = keeper.step(&random)?;
        if matches!(progress, Progress::Resting { .. } | Progress::Waiting { .. } | Progress::Failed { .. }) {
            return Ok(progress);
        }
    }
    Err(KeeperError::None(PathBuf::from("a device that never rests")))
}

/// Does something until power is cut; whether it was.
///
/// # Panics
/// With whatever else than a cut went wrong.
pub fn until_cut<T>(work: impl FnOnce() -> T) -> Option<T> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)) {
        Ok(done) => Some(done),
        Err(thrown) if thrown.is::<Cut>() => None,
        Err(thrown) => std::panic::resume_unwind(thrown),
    }
}
