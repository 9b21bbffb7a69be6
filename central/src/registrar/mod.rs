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
//!
//! # Requests that were seen before
//! Whoever saw a request, on a screen or a stick, can send it again. A request that was answered is answered alike as long as
//! it is the device's newest, and refused afterwards; a device that has a certificate gets another without showing it only
//! while somebody expects that: a technician who confirmed this very request, a fresh token, an entry of the list.

mod admission;
mod error;
pub mod est;
pub mod files;
mod names;
pub mod registry;
mod residence;
pub mod said;
pub mod settings;
pub mod staffed;
pub mod technician;
mod waiting;

use crate::issuer::{Issuer, IssuerError, Local, Rate, Remote, Rules, Trust};
use crate::store::StoreError;
use crate::tls::Presented;
pub use error::RegistrarError;
use events::Clock;
use events::sync::Receipt;
use files::Files;
use fleet::FleetError;
use fleet::authority::FleetCa;
use fleet::bundle::Bundle;
use fleet::rollout::Rollout;
use registry::{Change, Device, DeviceState, Registry};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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

/// Where the key is that signs.
#[derive(Debug)]
pub enum Signing {
    /// In this process.
    Here(Box<FleetCa>),
    /// In one of its own.
    Apart(Remote),
}

/// The registrar.
pub struct Registrar {
    registry: Registry,
    issuer: Arc<dyn Issuer>,
    /// The same, where the key is in this process.
    local: Option<Arc<Local>>,
    policy: Policy,
    clock: Arc<dyn Clock>,
    residence: residence::Residence,
}

impl std::fmt::Debug for Registrar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registrar({})", self.policy.environment)
    }
}

impl Registrar {
    /// Over a registry, with the fleet's CA in this process.
    #[must_use]
    pub fn new(registry: Registry, ca: FleetCa, policy: Policy, clock: Arc<dyn Clock>) -> Self {
        let rules = Rules {
            url: policy.url.clone(),
            environment: policy.environment.clone(),
            operators: policy.operators.clone(),
            days: policy.days,
            sites: None,
            rate: Rate::NONE,
        };
        let local = Arc::new(Local::new(ca, rules, Arc::clone(&clock)));
        Self { local: Some(Arc::clone(&local)), ..Self::asking(registry, local, policy, clock) }
    }

    /// Over a registry, with an issuer that is asked.
    #[must_use]
    pub fn asking(registry: Registry, issuer: Arc<dyn Issuer>, policy: Policy, clock: Arc<dyn Clock>) -> Self {
        Self { registry, issuer, local: None, policy, clock, residence: residence::Residence::default() }
    }

    /// As the settings say.
    #[must_use]
    pub fn with(registry: Registry, signing: Signing, policy: Policy, clock: Arc<dyn Clock>) -> Self {
        match signing {
            Signing::Here(ca) => Self::new(registry, *ca, policy, clock),
            Signing::Apart(remote) => Self::asking(registry, Arc::new(remote), policy, clock),
        }
    }

    /// The registry.
    #[must_use]
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The CA, where it is in this process.
    #[must_use]
    pub fn ca(&self) -> Option<Arc<FleetCa>> {
        self.local.as_ref().map(|local| local.ca())
    }

    /// Lets another key issue from now on, where it is in this process.
    pub fn set_ca(&self, ca: FleetCa) {
        if let Some(local) = &self.local {
            local.set_ca(ca);
        }
    }

    /// What everybody may know of the fleet's keys.
    ///
    /// # Errors
    /// When the signer does not answer, and never did.
    pub fn trust(&self) -> Result<Trust, IssuerError> {
        self.issuer.trust()
    }

    /// Signs a receipt for events that came on a stick.
    ///
    /// # Errors
    /// When the signer does not.
    pub fn receipt(&self, receipt: &Receipt) -> Result<Vec<u8>, IssuerError> {
        self.issuer.receipt(receipt)
    }

    /// Whether a device that shows this certificate may do anything: asked at every request. Devices that were registered
    /// at a bench or before there was a registrar are in the log's table only, and may; whom neither knows may not.
    ///
    /// # Errors
    /// When it may not.
    pub fn admits(&self, presented: &Presented) -> Result<(), RegistrarError> {
        let Some(device) = self.registry.device(&presented.name)? else {
            return match self.registry.logged(&presented.name)? {
                true => Ok(()),
                false => Err(RegistrarError::Unknown(presented.name.clone())),
            };
        };
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

    /// Takes a device's report of itself. What it was told with the certificate that it now uses is erased: it holds the
    /// site's keys under a key of the device that never ends. The chains of all sites step, too, so that they do where
    /// no device comes; those of a signer of its own step by its own clock.
    ///
    /// # Errors
    /// When the database fails, or a chain cannot be stepped.
    pub fn report(&self, presented: &Presented, report: &fleet::est::Report) -> Result<(), RegistrarError> {
        let now = self.clock.wall();
        if let Some(local) = &self.local {
            local.step_sites(now)?;
        }
        let erased = self.registry.change(|change| match change.device(&presented.name)? {
            Some(device) => {
                let used = device.tls_key.as_ref() == Some(&presented.key);
                let erased = used && device.answer.is_some();
                let answer = device.answer.clone().filter(|_| !used);
                change.put(&Device {
                    answer,
                    software: Some(report.software.clone()),
                    bundle: report.bundle,
                    roots: report.roots.clone(),
                    time_quality: Some(report.time_quality.clone()),
                    protection: Some(said::Protection::said(&report.protection)),
                    seen_at: Some(now),
                    ..device
                })?;
                Ok(erased)
            }
            None => Ok::<_, RegistrarError>(false),
        })?;
        if erased {
            self.registry.put_away()?;
        }
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

    /// The newest bundle for a site: its version, and whether there should be a newer one by now.
    ///
    /// # Errors
    /// When the database fails.
    pub fn newest_bundle(&self, site: &str) -> Result<Option<(u64, bool)>, RegistrarError> {
        let bytes = self.registry.bundle(site, 0)?;
        let bundle = bytes.and_then(|bytes| Bundle::inspect(&bytes).ok());
        Ok(bundle.map(|bundle| (bundle.version, bundle.is_stale(self.clock.wall()))))
    }

    /// Expects a device. It gets in by its birth key where that is named; by its serial number alone it gets a place and a name, and
    /// waits for a technician.
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
            let name = names::free(change, serial, None)?;
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

    /// The entry of the list for a device that waits.
    ///
    /// # Errors
    /// When the database fails.
    pub fn listed(&self, serial: &str, birth: &str) -> Result<Option<Device>, RegistrarError> {
        Ok(self.registry.change(|change| change.promised(serial, birth))?)
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
        self.registry.change(|change| {
            match change.device(name)? {
                Some(device) => change.put(&Device { site: site.to_owned(), profile: profile.to_owned(), ..device })?,
                // One of a bench: its profile is in its own configuration.
                None if change.move_logged(name, site)? => {}
                None => return Err(RegistrarError::Unknown(name.to_owned())),
            }
            Ok(change.journal(now, name, "assigned", by, Some(site))?)
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
        let trust = fleet::acceptance::Trust::of(&self.policy.operators);
        let acceptance =
            fleet::acceptance::Acceptance { trust: &trust, environment: &self.policy.environment, known: 0 };
        let bundle = acceptance.open(bytes).map_err(RegistrarError::Request)?.bundle;
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
        assert_eq!(
            registrar.registry().devices(&crate::people::Scope::everywhere()).expect("devices").len(),
            0,
            "nothing is kept of a wrong line"
        );
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
