//! Who may in, and under which certificate: the decisions, without network and clock.
//!
//! A request is answered alike when it is repeated: a device that was cut off after its certificate was issued asks
//! again and gets it. A key that was revoked never gets anything again, whatever it asks and whichever way it takes.
//!
//! # Copies
//! A device renews under its newest certificate. Somebody who renews under an older one after the newer was used, with
//! a key that is not the newest, has the device's keys from a copy; so has somebody whose event follows another event
//! than the one that is known ([`Registrar::quarantine`]). Who of the two is the right one cannot be told from here: both
//! are shut out until a technician has looked and enrols one of them anew.

mod error;
pub mod est;
pub mod files;
pub mod registry;
pub mod settings;
pub mod technician;

use crate::store::StoreError;
use crate::tls::Presented;
pub use error::RegistrarError;
use events::Clock;
use files::Files;
use fleet::answer::{self, Assignment, Octets};
use fleet::authority::{FleetCa, is_device_name, validity};
use fleet::bundle::Bundle;
use fleet::request::{Request, Way, csr_key};
use fleet::rollout::Rollout;
use fleet::{FleetError, fingerprint, request};
use openssl::x509::X509;
use registry::{Change, Device, DeviceState, Pending, Registry};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// How long a request waits for a technician, seconds.
const PENDING_FOR: i64 = 7 * 86_400;
/// The most requests that wait: whoever can reach central can send one.
const MOST_PENDING: u64 = 2000;
/// How soon a device that waits for a technician asks again.
const ASK_AGAIN: Duration = Duration::from_secs(3);

/// What is decided.
#[derive(Debug)]
pub enum Decision {
    /// It is let in: the signed answer and the certificate, DER.
    Issued {
        /// For [`fleet::answer::open`].
        answer: Vec<u8>,
        /// The certificate.
        certificate: Vec<u8>,
        /// The device's name.
        device: String,
    },
    /// A technician has to confirm it.
    Pending {
        /// When to ask again.
        retry_after: Duration,
    },
}

/// What is the same for all devices.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Where devices send events.
    pub url: String,
    /// `production`, `practice`, …
    pub environment: String,
    /// Keys whose bundles devices take, SubjectPublicKeyInfo in DER.
    pub operators: Vec<Vec<u8>>,
    /// Days that a certificate lasts.
    pub days: u32,
    /// Days after its end for which its key still counts.
    pub grace_days: u32,
    /// Where files of updates are.
    pub files: Option<PathBuf>,
}

/// Where a device belongs.
struct Place {
    site: String,
    profile: String,
    by: String,
}

/// The registrar.
pub struct Registrar {
    registry: Registry,
    ca: RwLock<Arc<FleetCa>>,
    policy: Policy,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Registrar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registrar({})", self.policy.environment)
    }
}

impl Registrar {
    /// Over a registry, with the fleet's CA.
    #[must_use]
    pub fn new(registry: Registry, ca: FleetCa, policy: Policy, clock: Arc<dyn Clock>) -> Self {
        Self { registry, ca: RwLock::new(Arc::new(ca)), policy, clock }
    }

    /// The registry.
    #[must_use]
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The CA.
    #[must_use]
    pub fn ca(&self) -> Arc<FleetCa> {
        Arc::clone(&self.ca.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets another root issue from now on.
    pub fn set_ca(&self, ca: FleetCa) {
        *self.ca.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ca);
    }

    /// Decides about a request. `presented` is the certificate of the connection, if there is one.
    ///
    /// # Errors
    /// When the device does not get in.
    pub fn enrol(&self, bytes: &[u8], presented: Option<&Presented>) -> Result<Decision, RegistrarError> {
        let request = request::open(bytes).map_err(RegistrarError::Request)?;
        let decided = self.registry.change(|change| self.decide(change, bytes, &request, presented, None));
        self.settle(decided, &request)
    }

    /// Lets a device in that its operator vouches for: from a USB stick, or relayed by a phone.
    ///
    /// # Errors
    /// When a key of it was revoked, or the request is malformed.
    pub fn enrol_at(&self, bytes: &[u8], site: &str, profile: &str, by: &str) -> Result<Decision, RegistrarError> {
        self.knows(site, profile)?;
        let request = request::open(bytes).map_err(RegistrarError::Request)?;
        let place = Place { site: site.to_owned(), profile: profile.to_owned(), by: by.to_owned() };
        let decided = self.registry.change(|change| self.decide(change, bytes, &request, None, Some(place)));
        self.settle(decided, &request)
    }

    /// A copy that was found must stay found although its request is refused, and a refusal keeps nothing.
    fn settle(&self, decided: Result<Decision, RegistrarError>, request: &Request) -> Result<Decision, RegistrarError> {
        if let Err(RegistrarError::Quarantined) = &decided {
            let name = self.registry.change(|change| change.by_birth(&fingerprint(&request.birth)))?;
            if let Some(device) = name {
                self.quarantine(&device.name, "renewed under a certificate that another had replaced")?;
            }
        }
        decided
    }

    fn decide(
        &self,
        change: &Change<'_>,
        bytes: &[u8],
        request: &Request,
        presented: Option<&Presented>,
        vouched: Option<Place>,
    ) -> Result<Decision, RegistrarError> {
        let now = self.clock.wall();
        let tls = fingerprint(&csr_key(&request.csr).map_err(RegistrarError::Request)?);
        let (birth, event) = (fingerprint(&request.birth), fingerprint(&request.event));
        for key in [&birth, &event, &tls] {
            if change.key(key)?.is_some_and(|(_, revoked)| revoked) {
                return Err(RegistrarError::Revoked);
            }
        }
        let known = change.by_birth(&birth)?.filter(|device| device.state != DeviceState::Expected);
        if let Some(mut device) = known {
            match device.state {
                DeviceState::Active => {}
                DeviceState::Quarantined => return Err(RegistrarError::Quarantined),
                DeviceState::Expected | DeviceState::Revoked | DeviceState::Replaced => {
                    return Err(RegistrarError::Revoked);
                }
            }
            let same_key = device.tls_key.as_ref() == Some(&tls);
            let mut repeated = same_key;
            match request.way {
                Way::Renewal => {
                    let presented = presented.filter(|p| p.name == device.name).ok_or(RegistrarError::Superseded)?;
                    let newest = device.tls_key.as_ref() == Some(&presented.key);
                    let before = device.tls_before.as_ref() == Some(&presented.key);
                    if !newest && !before {
                        return Err(RegistrarError::Superseded);
                    }
                    if before && !newest && device.tls_used && !same_key {
                        return Err(RegistrarError::Quarantined);
                    }
                    repeated &= !newest;
                }
                Way::Grace => {
                    let end = device.not_after.unwrap_or(now);
                    if !same_key {
                        return Err(RegistrarError::Superseded);
                    }
                    if now > end + i64::from(self.policy.grace_days) * 86_400 {
                        return Err(RegistrarError::TooLate(self.policy.grace_days));
                    }
                    repeated = false;
                }
                // Whoever has the birth key is the device: it asks again, or was reset softly.
                Way::List | Way::Qr | Way::Token | Way::Usb => {}
            }
            if let Some(place) = vouched {
                (device.site, device.profile) = (place.site, place.profile);
            }
            return self.issue(change, device, request, &tls, now, repeated);
        }
        let place = match (vouched, request.way) {
            (Some(place), _) => place,
            (None, Way::Renewal | Way::Grace) => return Err(RegistrarError::Unknown(request.serial.clone())),
            (None, Way::Token) => {
                let hash = token_hash(request.token.as_deref().unwrap_or_default());
                let (site, profile) = change.spend_token(&hash, &birth, now)?.ok_or(RegistrarError::Token)?;
                Place { site, profile, by: "token".to_owned() }
            }
            (None, Way::List | Way::Qr | Way::Usb) => {
                let expected = change.expected(&request.serial, &birth)?;
                match (expected, change.approved(&birth)?) {
                    (Some(device), _) => {
                        let (site, profile) = (device.site.clone(), device.profile.clone());
                        let device = Device { birth: Some(birth.clone()), ..device };
                        let named = Place { site, profile, by: "list".to_owned() };
                        return self.admit(change, Some(device), named, request, &tls, now);
                    }
                    (None, Some((site, profile, by))) => Place { site, profile, by },
                    (None, None) => {
                        change.forget_waiting(now - PENDING_FOR)?;
                        if change.count_waiting()? >= MOST_PENDING {
                            return Err(RegistrarError::Crowded);
                        }
                        change.wait(&Pending {
                            birth,
                            serial: request.serial.clone(),
                            model: request.model.clone(),
                            protection: request.protection.clone(),
                            request: bytes.to_vec(),
                            at: now,
                            approved: None,
                        })?;
                        return Ok(Decision::Pending { retry_after: ASK_AGAIN });
                    }
                }
            }
        };
        self.admit(change, None, place, request, &tls, now)
    }

    /// A device that was not here before.
    fn admit(
        &self,
        change: &Change<'_>,
        expected: Option<Device>,
        place: Place,
        request: &Request,
        tls: &str,
        now: i64,
    ) -> Result<Decision, RegistrarError> {
        let (birth, event) = (fingerprint(&request.birth), hex::encode(&request.event));
        let name = match &expected {
            Some(device) => device.name.clone(),
            None => free_name(change, &request.serial, Some(&event))?,
        };
        let device = Device {
            name,
            serial: request.serial.clone(),
            site: place.site,
            profile: place.profile,
            state: DeviceState::Active,
            birth: Some(birth.clone()),
            event_key: Some(event),
            since: now,
            ..Device::default()
        };
        change.note_key(&birth, &device.name, "birth")?;
        change.note_key(&fingerprint(&request.event), &device.name, "event")?;
        change.forget(&birth)?;
        change.journal(now, &device.name, "enrolled", &place.by, Some(request.way.id()))?;
        self.issue(change, device, request, tls, now, false)
    }

    /// Certifies the key of a request, or repeats the certificate that it has.
    fn issue(
        &self,
        change: &Change<'_>,
        mut device: Device,
        request: &Request,
        tls: &str,
        now: i64,
        repeated: bool,
    ) -> Result<Decision, RegistrarError> {
        let ca = self.ca();
        let certificate = match &device.certificate {
            Some(certificate) if repeated && device.not_after.is_some_and(|end| end > now) => certificate.clone(),
            _ => {
                let key = csr_key(&request.csr).map_err(RegistrarError::Request)?;
                ca.device_certificate(&device.name, &key, &*self.clock, self.policy.days)
                    .map_err(RegistrarError::Answer)?
            }
        };
        let answer = self.answer(&ca, &device, request, certificate.clone(), now).map_err(RegistrarError::Answer)?;
        let way = request.way.id();
        if !repeated && device.tls_key.is_some() {
            change.journal(now, &device.name, "renewed", way, None)?;
        }
        if device.tls_key.as_deref() != Some(tls) {
            (device.tls_before, device.tls_used) = (device.tls_key.take(), false);
            change.note_key(tls, &device.name, "tls")?;
        }
        let parsed = X509::from_der(&certificate).map_err(|e| RegistrarError::Answer(e.into()))?;
        device.tls_key = Some(tls.to_owned());
        device.not_after = Some(validity(&parsed).map_err(RegistrarError::Answer)?.1);
        device.certificate = Some(certificate.clone());
        device.answer = Some(answer.clone());
        if !matches!(request.way, Way::Renewal | Way::Grace) {
            device.way = Some(way.to_owned());
        }
        device.model = Some(request.model.clone());
        device.protection = Some(request.protection.clone());
        device.software = Some(request.software.clone());
        device.seen_at = Some(now);
        change.put(&device)?;
        Ok(Decision::Issued { answer, certificate, device: device.name })
    }

    fn answer(
        &self,
        ca: &FleetCa,
        device: &Device,
        request: &Request,
        certificate: Vec<u8>,
        now: i64,
    ) -> Result<Vec<u8>, FleetError> {
        let assignment = Assignment {
            version: answer::VERSION,
            site: device.site.clone(),
            device: device.name.clone(),
            central: self.policy.url.clone(),
            profile: device.profile.clone(),
            subject: ca.site_key(&device.site).to_vec(),
            operators: self.policy.operators.iter().cloned().map(Octets).collect(),
            environment: self.policy.environment.clone(),
        };
        answer::issue(ca, request, certificate, &assignment, now)
    }

    /// Whether a device that shows this certificate may do anything: asked at every request. Devices that were enrolled
    /// before there was a registry are not in it, and may.
    ///
    /// # Errors
    /// When it may not.
    pub fn admits(&self, presented: &Presented) -> Result<(), RegistrarError> {
        let Some(device) = self.registry.device(&presented.name)? else { return Ok(()) };
        match device.state {
            DeviceState::Active => {}
            DeviceState::Quarantined => return Err(RegistrarError::Quarantined),
            DeviceState::Expected | DeviceState::Revoked | DeviceState::Replaced => {
                return Err(RegistrarError::Revoked);
            }
        }
        let newest = device.tls_key.as_ref() == Some(&presented.key);
        // Until the new one was used, the device may still be on its way to it.
        if !newest && (device.tls_before.as_ref() != Some(&presented.key)) {
            return Err(RegistrarError::Superseded);
        }
        if newest && !device.tls_used {
            self.registry.change(|change| match change.device(&presented.name)? {
                Some(device) if device.tls_key.as_ref() == Some(&presented.key) => {
                    change.put(&Device { tls_used: true, ..device })
                }
                _ => Ok(()),
            })?;
        }
        Ok(())
    }

    /// Takes a device's report of itself.
    ///
    /// # Errors
    /// When the database fails.
    pub fn report(&self, name: &str, report: &fleet::est::Report) -> Result<(), RegistrarError> {
        let now = self.clock.wall();
        self.registry.change(|change| match change.device(name)? {
            Some(device) => change.put(&Device {
                software: Some(report.software.clone()),
                bundle: report.bundle,
                roots: report.roots.clone(),
                time_quality: Some(report.time_quality.clone()),
                protection: Some(report.protection.clone()),
                seen_at: Some(now),
                ..device
            }),
            None => Ok(()),
        })?;
        Ok(())
    }

    /// Whether the devices of a site know a profile: no place is given to a device that could not work there.
    ///
    /// # Errors
    /// When they do not.
    pub fn knows(&self, site: &str, profile: &str) -> Result<(), RegistrarError> {
        let bundle = self.registry.bundle(site, 0)?;
        // What was published was opened then.
        let bundle = bundle.as_deref().and_then(|bytes| Bundle::inspect(bytes).ok());
        if fleet::profile::is_known(profile, bundle.as_ref()) {
            return Ok(());
        }
        Err(RegistrarError::Profile { profile: profile.to_owned(), site: site.to_owned() })
    }

    /// Expects a device: it gets in by its serial number, and by its birth key where that is known.
    ///
    /// # Errors
    /// When the name is none, or taken.
    pub fn expect(
        &self,
        serial: &str,
        birth: Option<&str>,
        site: &str,
        profile: &str,
        by: &str,
    ) -> Result<String, RegistrarError> {
        self.knows(site, profile)?;
        let now = self.clock.wall();
        self.registry.change(|change| {
            let name = free_name(change, serial, None)?;
            change.put(&Device {
                name: name.clone(),
                serial: serial.to_owned(),
                site: site.to_owned(),
                profile: profile.to_owned(),
                state: DeviceState::Expected,
                birth: birth.map(str::to_owned),
                since: now,
                ..Device::default()
            })?;
            change.journal(now, &name, DeviceState::Expected.as_str(), by, None)?;
            Ok(name)
        })
    }

    /// Makes a one-time token for a site: 128 bits, for the first device that uses it, for `hours`.
    ///
    /// # Errors
    /// When the random source or the database fails.
    pub fn make_token(&self, site: &str, profile: &str, hours: u32, by: &str) -> Result<String, RegistrarError> {
        self.knows(site, profile)?;
        let mut random = [0; 16];
        openssl::rand::rand_bytes(&mut random).map_err(|e| RegistrarError::Answer(e.into()))?;
        // Groups of four can be typed.
        let text = hex::encode(random);
        let groups: Vec<&str> = (0..text.len()).step_by(4).map(|at| &text[at..at + 4]).collect();
        let (token, now) = (groups.join("-"), self.clock.wall());
        self.registry.change(|change| {
            change.add_token(&token_hash(&token), site, profile, now + i64::from(hours) * 3600)?;
            change.journal(now, "-", "token_made", by, Some(site))
        })?;
        Ok(token)
    }

    /// Confirms a request that waits. False when it does not wait any more.
    ///
    /// # Errors
    /// When the database fails.
    pub fn approve(&self, birth: &str, site: &str, profile: &str, by: &str) -> Result<bool, RegistrarError> {
        self.knows(site, profile)?;
        Ok(self.registry.change(|change| change.approve(birth, site, profile, by))?)
    }

    /// Refuses a request that waits.
    ///
    /// # Errors
    /// When the database fails.
    pub fn dismiss(&self, birth: &str, by: &str) -> Result<(), RegistrarError> {
        let now = self.clock.wall();
        self.registry.change(|change| {
            change.forget(birth)?;
            change.journal(now, "-", "dismissed", by, Some(birth))
        })?;
        Ok(())
    }

    /// Moves a device to another site. Its certificate stays: the site is here, not in there.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn assign(&self, name: &str, site: &str, profile: &str, by: &str) -> Result<(), RegistrarError> {
        self.knows(site, profile)?;
        let now = self.clock.wall();
        self.update(name, |change, device| {
            change.put(&Device { site: site.to_owned(), profile: profile.to_owned(), ..device })?;
            change.journal(now, name, "assigned", by, Some(site))
        })
    }

    /// Shuts a device out for ever: none of its keys will ever get anything again.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn revoke(&self, name: &str, why: &str, by: &str) -> Result<(), RegistrarError> {
        self.end(name, DeviceState::Revoked, why, by)
    }

    /// Shuts out a device that another replaces, and expects that other at its site.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn replace(&self, name: &str, serial: &str, birth: Option<&str>, by: &str) -> Result<String, RegistrarError> {
        let old = self.registry.device(name)?.ok_or_else(|| RegistrarError::Unknown(name.to_owned()))?;
        let successor = self.expect(serial, birth, &old.site, &old.profile, by)?;
        self.end(name, DeviceState::Replaced, &format!("by {successor}"), by)?;
        Ok(successor)
    }

    /// Shuts out a device of which there are two.
    ///
    /// # Errors
    /// When the database fails.
    pub fn quarantine(&self, name: &str, why: &str) -> Result<(), RegistrarError> {
        let now = self.clock.wall();
        self.registry.change(|change| match change.device(name)? {
            Some(device) if device.state == DeviceState::Active => {
                let (state, why) = (DeviceState::Quarantined, Some(why.to_owned()));
                change.journal(now, name, state.as_str(), "registrar", why.as_deref())?;
                change.put(&Device { state, why, since: now, ..device })
            }
            _ => Ok(()),
        })?;
        Ok(())
    }

    fn end(&self, name: &str, state: DeviceState, why: &str, by: &str) -> Result<(), RegistrarError> {
        let now = self.clock.wall();
        self.update(name, |change, device| {
            change.revoke_keys(name, now)?;
            change.journal(now, name, state.as_str(), by, Some(why))?;
            change.put(&Device { state, why: Some(why.to_owned()), since: now, ..device })
        })
    }

    fn update(
        &self,
        name: &str,
        work: impl FnOnce(&Change<'_>, Device) -> Result<(), StoreError>,
    ) -> Result<(), RegistrarError> {
        self.registry.change(|change| {
            let device = change.device(name)?.ok_or_else(|| RegistrarError::Unknown(name.to_owned()))?;
            Ok(work(change, device)?)
        })
    }

    /// The files of updates, where there are any.
    #[must_use]
    pub fn files(&self) -> Option<Files> {
        self.policy.files.as_deref().map(Files::new)
    }

    /// What a bundle's rollout names must be here before devices ask for it.
    fn has_files(&self, bundle: &Bundle) -> Result<(), FleetError> {
        let Some(rollout) = bundle.rollout()?.filter(|rollout| !rollout.stopped) else { return Ok(()) };
        let here = |hash: &&String| self.files().is_some_and(|files| files.has(hash));
        if let Some(missing) = rollout.files().find(|hash| !here(hash)) {
            let why = format!("file {missing} is not offered yet: cccd-central fleet file FILE");
            return Err(FleetError::Entry { path: Rollout::PATH.to_owned(), why });
        }
        Ok(())
    }

    /// Keeps a bundle for devices to fetch. Its signature is theirs to check; here it must be readable and of this fleet, and
    /// the files of its rollout must be offered.
    ///
    /// # Errors
    /// When it is neither, its version is taken, or a file is missing.
    pub fn publish(&self, bytes: &[u8], site: Option<&str>, by: &str) -> Result<u64, RegistrarError> {
        let acceptance = fleet::bundle::Acceptance {
            operators: &self.policy.operators,
            environment: &self.policy.environment,
            known: 0,
        };
        let (bundle, _) = acceptance.open(bytes).map_err(RegistrarError::Request)?;
        self.has_files(&bundle).map_err(RegistrarError::Request)?;
        let now = self.clock.wall();
        self.registry.change(|change| {
            change.add_bundle(bundle.version, site, bytes, now)?;
            change.journal(now, "-", "bundle_published", by, Some(&bundle.version.to_string()))
        })?;
        Ok(bundle.version)
    }
}

fn token_hash(token: &str) -> String {
    let plain: String = token.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    events::hash(plain.as_bytes()).to_string()
}

/// A name that no other device has, from a serial number.
fn free_name(change: &Change<'_>, serial: &str, event_key: Option<&str>) -> Result<String, StoreError> {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let base: String = serial.chars().map(plain).take(50).collect();
    let base = if is_device_name(&base) { base } else { "device".to_owned() };
    let mut name = base.clone();
    let mut number = 1_u32;
    while change.is_taken(&name, event_key)? {
        number += 1;
        name = format!("{base}-{number}");
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::SystemClock;
    use fleet::bundle::Entry;

    #[test]
    fn no_device_gets_a_profile_that_it_does_not_know() {
        let directory = tempfile::tempdir().expect("directory");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let ca = FleetCa::create(&directory.path().join("ca"), b"correct horse battery", &*clock).expect("CA");
        let database = directory.path().join("central.db");
        drop(crate::SqliteStore::open(&database).expect("store"));
        let registry = Registry::open(&database).expect("registry");
        let policy = Policy {
            url: "https://localhost:8443".to_owned(),
            environment: "test".to_owned(),
            operators: Vec::new(),
            days: 397,
            grace_days: 400,
            files: None,
        };
        let registrar = Registrar::new(registry, ca, policy, clock);
        let code = |result: Result<(), RegistrarError>| result.err().map_or("", |error| error.answer().1);
        let all = |profile: &str| {
            [
                code(registrar.expect("box-1", None, "A", profile, "test").map(drop)),
                code(registrar.make_token("A", profile, 1, "test").map(drop)),
                code(registrar.approve("birth", "A", profile, "test").map(drop)),
                code(registrar.assign("box-1", "A", profile, "test")),
                code(registrar.enrol_at(b"", "A", profile, "test").map(drop)),
            ]
        };
        assert_eq!(all("identfy"), ["profile_unknown"; 5]);
        assert_eq!(registrar.registry().devices().expect("devices").len(), 0, "nothing is kept of a wrong line");
        let known = all("identify");
        assert!(known[..4].iter().all(|code| code.is_empty()) && known[4] != "profile_unknown", "{known:?}");

        // One that the operator sends to this site, and to no other.
        let entry = Entry { path: "profiles/own.toml".to_owned(), bytes: b"id = 'own'".to_vec() };
        let bundle = Bundle::new(7, "test", 0, vec![entry]).expect("bundle");
        let group = openssl::ec::EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1).expect("curve");
        let key = openssl::ec::EcKey::generate(&group).expect("key");
        let public = openssl::pkey::PKey::from_ec_key(key.clone()).and_then(|key| key.public_key_to_der());
        let sign = |data: &[u8]| {
            let hash = openssl::hash::hash(openssl::hash::MessageDigest::sha256(), data).map_err(|e| e.to_string())?;
            let signature = openssl::ecdsa::EcdsaSig::sign(&hash, &key).map_err(|e| e.to_string())?;
            let part = |number: &openssl::bn::BigNumRef| number.to_vec_padded(32).expect("32 octets");
            <[u8; 64]>::try_from([part(signature.r()), part(signature.s())].concat()).map_err(|_| String::new())
        };
        let signed = bundle.sign(&public.expect("key"), &sign).expect("signed");
        registrar.registry().change(|change| change.add_bundle(7, Some("A"), &signed, 0)).expect("kept");
        assert_eq!(code(registrar.knows("A", "own")), "");
        assert_eq!(code(registrar.knows("B", "own")), "profile_unknown");
    }
}
