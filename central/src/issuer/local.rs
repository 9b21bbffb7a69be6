//! The issuer with the key.

use super::{Issued, Issuer, IssuerError, Rate, Trust, Wanted, rate::Counted};
use events::Clock;
use events::chain::Class;
use events::sync::Receipt;
use fleet::FleetError;
use fleet::answer::{self, Assignment, Octets};
use fleet::authority::{FleetCa, is_device_name, validity};
use fleet::request::{self, csr_key};
use openssl::nid::Nid;
use openssl::x509::X509;
use program::lock;
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// The most bytes of the name of a site or a profile.
const LONGEST: usize = 128;
/// The most days that a device's certificate lasts.
const MOST_DAYS: u32 = 2 * 366;

/// What is the same for all devices, and comes from nobody who asks.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Where devices send events.
    pub url: String,
    /// `production`, `practice`, …
    pub environment: String,
    /// Keys whose bundles devices take, SubjectPublicKeyInfo in DER.
    pub operators: Vec<Vec<u8>>,
    /// Days that a certificate lasts.
    pub days: u32,
    /// The sites whose devices it lets in; all, where nobody says.
    pub sites: Option<Vec<String>>,
    /// How much in an hour.
    pub rate: Rate,
}

/// A line of the signer's own log.
#[derive(Serialize)]
struct Line<'a> {
    at: i64,
    form: &'a str,
    device: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<&'a str>,
    code: &'a str,
}

/// The issuer with the key.
pub struct Local {
    ca: RwLock<Arc<FleetCa>>,
    rules: Rules,
    clock: Arc<dyn Clock>,
    counted: Mutex<Counted>,
    /// Refusals that were noted.
    refused: Mutex<Counted>,
    log: Option<Mutex<File>>,
    /// Where the count lies for the next process.
    kept: Option<PathBuf>,
    /// The epoch of the shortest class that the sites' chains have reached.
    stepped: AtomicU32,
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Local({})", self.rules.environment)
    }
}

fn key(error: &FleetError) -> IssuerError {
    IssuerError::Key(program::describe(error))
}

fn form(why: &str) -> IssuerError {
    IssuerError::Form(why.to_owned())
}

/// Names of sites and profiles stand on screens and in files.
fn is_plain(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len()) && name.trim() == name && !name.chars().any(char::is_control)
}

impl Local {
    /// With a key.
    #[must_use]
    pub fn new(ca: FleetCa, rules: Rules, clock: Arc<dyn Clock>) -> Self {
        Self {
            ca: RwLock::new(Arc::new(ca)),
            rules,
            clock,
            counted: Mutex::default(),
            refused: Mutex::default(),
            log: None,
            kept: None,
            stepped: AtomicU32::new(0),
        }
    }

    /// Notes each form, signed or refused, in a file of its own.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn logging(mut self, path: &Path) -> std::io::Result<Self> {
        self.log = Some(Mutex::new(OpenOptions::new().append(true).create(true).mode(0o600).open(path)?));
        Ok(self)
    }

    /// Goes on counting where the process before this one ended.
    ///
    /// # Errors
    /// When what that left cannot be read: it is not known how much was signed within the hour.
    pub fn counting(mut self, path: &Path) -> std::io::Result<Self> {
        self.counted = Mutex::new(Counted::kept(path, &*self.clock)?);
        self.kept = Some(path.to_owned());
        Ok(self)
    }

    /// The key.
    #[must_use]
    pub fn ca(&self) -> Arc<FleetCa> {
        Arc::clone(&self.ca.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets another key sign from now on.
    pub fn set_ca(&self, ca: FleetCa) {
        *self.ca.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ca);
        // Its chains may be older than those of the one before.
        self.stepped.store(0, Ordering::Relaxed);
    }

    /// Steps the chains of all sites, once for each day: between two of them no epoch ends.
    ///
    /// # Errors
    /// When a chain cannot be stepped.
    pub fn step_sites(&self, now: i64) -> Result<(), IssuerError> {
        let day = Class::D1.epoch(now);
        if self.stepped.load(Ordering::Relaxed) < day {
            self.ca().step_sites(now).map_err(|error| key(&error))?;
            self.stepped.store(day, Ordering::Relaxed);
        }
        Ok(())
    }

    fn note(&self, form: &str, device: &str, site: Option<&str>, code: &str) -> Result<(), IssuerError> {
        let Some(log) = &self.log else { return Ok(()) };
        // Of a name that is none nothing is kept but that it was.
        let device = if is_device_name(device) { device } else { "-" };
        let site = site.filter(|site| is_plain(site));
        let line = Line { at: self.clock.wall(), form, device, site, code };
        let text = serde_json::to_string(&line).map_err(|error| IssuerError::Log(error.to_string()))? + "\n";
        let mut log = lock(log);
        let written = log.write_all(text.as_bytes()).and_then(|()| log.sync_data());
        written.map_err(|error| IssuerError::Log(error.to_string()))
    }

    /// Does it and notes it: what cannot be noted does not leave. Of what is refused, as much is noted in an hour as may be signed:
    /// whoever asks for nonsense without end fills no disk.
    fn noted<T>(
        &self,
        what: (&str, &str, Option<&str>),
        work: impl FnOnce() -> Result<T, IssuerError>,
    ) -> Result<T, IssuerError> {
        let (form, device, site) = what;
        let done = work();
        let code = done.as_ref().map_or_else(|error| error.answer().1, |_| "signed");
        let rate = Rate { of_a_device: self.rules.rate.of_all, ..self.rules.rate };
        if done.is_ok() || lock(&self.refused).take("", rate, &*self.clock) {
            self.note(form, device, site, code)?;
        }
        done
    }

    fn take(&self, device: &str) -> Result<(), IssuerError> {
        let mut counted = lock(&self.counted);
        if !counted.take(device, self.rules.rate, &*self.clock) {
            return Err(IssuerError::Rate);
        }
        // Before anything is signed: whoever ends the process in between has gained nothing.
        self.kept
            .as_ref()
            .map_or(Ok(()), |path| counted.keep(path).map_err(|error| IssuerError::Log(program::describe(&error))))
    }

    fn signed(&self, wanted: &Wanted) -> Result<Issued, IssuerError> {
        let Wanted { device, site, profile, request, certificate } = wanted;
        if !is_device_name(device) {
            return Err(form("the device's name"));
        }
        if !is_plain(site) || !is_plain(profile) {
            return Err(form("the name of site or profile"));
        }
        if self.rules.sites.as_ref().is_some_and(|sites| !sites.contains(site)) {
            return Err(form("a site that is none of its own"));
        }
        // It checks the signatures of birth, event and TLS key.
        let request = request::open(&request.0).map_err(|error| IssuerError::Form(error.to_string()))?;
        let tls = csr_key(&request.csr).map_err(|error| IssuerError::Form(error.to_string()))?;
        self.take(device)?;
        let (ca, now) = (self.ca(), self.clock.wall());
        let certificate = match certificate {
            Some(certificate) => {
                self.is_own(&ca, &certificate.0, device, &tls, now)?;
                certificate.0.clone()
            }
            None => {
                let days = self.rules.days.clamp(1, MOST_DAYS);
                ca.device_certificate(device, &tls, &*self.clock, days).map_err(|error| key(&error))?
            }
        };
        let keys = ca.site_keys(site, now).map_err(|error| key(&error))?;
        let assignment = Assignment {
            version: answer::ASSIGNMENT_VERSION,
            site: site.clone(),
            device: device.clone(),
            central: self.rules.url.clone(),
            profile: profile.clone(),
            chains: keys.chains.to_bytes().to_vec(),
            counting: keys.counting().to_vec(),
            operators: self.rules.operators.iter().cloned().map(Octets).collect(),
            environment: self.rules.environment.clone(),
        };
        let answer =
            answer::issue(&ca, &request, certificate.clone(), &assignment, now).map_err(|error| key(&error))?;
        Ok(Issued { certificate: Octets(certificate), answer: Octets(answer) })
    }

    /// That a certificate is one that was issued here to this device and key, and is not over.
    fn is_own(&self, ca: &FleetCa, der: &[u8], device: &str, tls: &[u8], now: i64) -> Result<(), IssuerError> {
        let wrong = || form("a certificate that is not this device's");
        let certificate = X509::from_der(der).map_err(|_| wrong())?;
        let roots = ca.roots().map_err(|error| key(&error))?;
        let issuers = ca.issuers().map_err(|error| key(&error))?;
        let issued = roots.issued(&certificate) || issuers.issued(&certificate);
        let name = certificate.subject_name().entries_by_nid(Nid::COMMONNAME).next();
        let named = name.is_some_and(|name| name.data().as_slice() == device.as_bytes());
        let keyed = certificate.public_key().and_then(|key| key.public_key_to_der()).is_ok_and(|key| key == tls);
        let lasts = validity(&certificate).is_ok_and(|(_, end)| end > now);
        if issued && named && keyed && lasts { Ok(()) } else { Err(wrong()) }
    }
}

impl Issuer for Local {
    fn issue(&self, wanted: &Wanted) -> Result<Issued, IssuerError> {
        self.noted(("enrolment", &wanted.device, Some(&wanted.site)), || self.signed(wanted))
    }

    fn receipt(&self, receipt: &Receipt) -> Result<Vec<u8>, IssuerError> {
        self.noted(("receipt", &receipt.device, None), || {
            let hash = receipt.head.len() == 64 && receipt.head.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !is_device_name(&receipt.device) || !hash {
                return Err(form("a receipt"));
            }
            self.take(&receipt.device)?;
            let receipt = Receipt { at: self.clock.wall(), ..receipt.clone() };
            fleet::receipt::sign(&receipt, &self.ca()).map_err(|error| key(&error))
        })
    }

    fn trust(&self) -> Result<Trust, IssuerError> {
        let ca = self.ca();
        let all = || -> Result<Trust, FleetError> {
            let list = |list: Vec<Vec<u8>>| list.into_iter().map(Octets).collect();
            let links: Result<Vec<Vec<u8>>, _> = ca.links()?.iter().map(|link| link.to_der()).collect();
            let (roots, issuers) = (ca.roots()?.to_der()?, ca.issuers()?.to_der()?);
            Ok(Trust { roots: list(roots), links: list(links?), issuers: list(issuers) })
        };
        all().map_err(|error| key(&error))
    }
}
