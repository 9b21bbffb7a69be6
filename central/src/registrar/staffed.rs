//! The registrar as one person of the staff has it: what they may see and change, and nothing beside. The pages have this and no
//! other way to it, so that a question without a person, or a deed without the right, does not compile.
//!
//! What stands at a site that they may not know of is answered like what is not there. Two things are said all the same, since the
//! machine is in their hands: that it belongs elsewhere, and that the site they name is not theirs.

use super::registry::{Change, Device, Pending};
use super::{Decision, Registrar, RegistrarError, admission, names, waiting};
use crate::issuer::Trust;
use crate::people::{Acting, Admit, Right, Scope};
use fleet::fingerprint;
use fleet::request::{self, csr_key};
use std::sync::Arc;

/// The registrar, for the staff's pages.
#[derive(Debug, Clone)]
pub struct Desk(Arc<Registrar>);

impl Desk {
    /// Over a registrar.
    #[must_use]
    pub const fn new(registrar: Arc<Registrar>) -> Self {
        Self(registrar)
    }

    /// As this person has it.
    #[must_use]
    pub fn of<'a, R: Right>(&'a self, who: &'a Acting<R>) -> Of<'a, R> {
        Of { registrar: &self.0, who }
    }
}

/// The registrar as somebody has it.
#[derive(Debug)]
pub struct Of<'a, R: Right> {
    registrar: &'a Registrar,
    who: &'a Acting<R>,
}

impl<R: Right> Of<'_, R> {
    const fn registry(&self) -> &super::Registry {
        self.registrar.registry()
    }

    fn scope(&self) -> &Scope {
        self.who.scope()
    }

    /// The devices of their sites.
    ///
    /// # Errors
    /// When the database fails, or it is not theirs.
    pub fn devices(&self) -> Result<Vec<Device>, RegistrarError> {
        Ok(self.registry().devices(self.scope())?)
    }

    /// Requests of machines that their sites expect; whoever may look everywhere sees all that wait.
    ///
    /// # Errors
    /// When the database fails, or it is not theirs.
    pub fn waiting(&self) -> Result<Vec<Pending>, RegistrarError> {
        Ok(self.registry().waiting(self.scope())?)
    }

    /// The newest bundle of one of their sites.
    ///
    /// # Errors
    /// When the database fails, or it is not theirs.
    pub fn bundle(&self, site: &str) -> Result<Option<Vec<u8>>, RegistrarError> {
        if !self.scope().sees(site) {
            return Ok(None);
        }
        Ok(self.registry().bundle(site, 0)?)
    }
}

impl Of<'_, Admit> {
    /// What everybody may know of the fleet's keys.
    ///
    /// # Errors
    /// When the database fails, or it is not theirs.
    pub fn trust(&self) -> Result<Trust, RegistrarError> {
        Ok(self.registrar.trust()?)
    }

    /// What waits under a code that they have in hand; it is kept for some minutes from now on.
    ///
    /// # Errors
    /// When the database fails, or it is not theirs.
    pub fn find(&self, code: &str) -> Result<Vec<Pending>, RegistrarError> {
        let code = waiting::code(code).ok_or(RegistrarError::Code)?;
        let (now, by) = (self.registrar.clock.wall(), self.who.name());
        self.registry().change(|change| {
            change.forget_waiting(now)?;
            change.hold(&code, by, now)?;
            let found = change.waiting_under(&code)?;
            found.iter().try_for_each(|pending| self.theirs(change, pending))?;
            Ok(found)
        })
    }

    /// The entry of the list for a machine that waits.
    ///
    /// # Errors
    /// When the database fails, or it is not theirs.
    pub fn listed(&self, serial: &str, birth: &str) -> Result<Option<Device>, RegistrarError> {
        Ok(self.registrar.listed(serial, birth)?.filter(|entry| self.scope().sees(&entry.site)))
    }

    /// Keeps a request that a phone carries; its code.
    ///
    /// # Errors
    /// When the database fails, or it is not theirs.
    pub fn carry(&self, bytes: &[u8]) -> Result<String, RegistrarError> {
        let birth = fingerprint(&request::open(bytes).map_err(RegistrarError::Request)?.birth);
        self.find(&birth)?;
        self.registrar.enrol_from(bytes, None, &self.carrier())?;
        Ok(birth)
    }

    fn carrier(&self) -> String {
        format!("technician {}", self.who.name())
    }

    /// A request that waits, by the fingerprint of its birth key.
    ///
    /// # Errors
    /// When the database fails, or it is not theirs.
    pub fn pending(&self, birth: &str) -> Result<Option<Pending>, RegistrarError> {
        self.registry().change(|change| {
            let found = change.waiting_under(birth)?.into_iter().find(|pending| pending.birth == birth);
            found.iter().try_for_each(|pending| self.theirs(change, pending))?;
            Ok(found)
        })
    }

    /// Confirms this very request for one of their sites. False when the device sent another meanwhile.
    ///
    /// # Errors
    /// When the database fails, or it is not theirs.
    pub fn confirm(&self, seen: &Pending, site: &str, profile: &str) -> Result<bool, RegistrarError> {
        self.own(site)?;
        self.registrar.knows(site, profile)?;
        self.registry().change(|change| {
            // A repetition is signed anew, and is the same request.
            let Some(waits) = change.waiting_under(&seen.birth)?.pop() else { return Ok(false) };
            self.theirs(change, &waits)?;
            if !admission::is_repeated(&waits.request, &seen.request) {
                return Ok(false);
            }
            let confirmed = change.approve(&seen.birth, site, profile, self.who.name())?;
            // Somebody else of the same site may have done so before.
            Ok(confirmed || waits.approved.is_some())
        })
    }

    /// What a device gets whose request they confirmed, to carry it back.
    ///
    /// # Errors
    /// When the database fails, or it is not theirs.
    pub fn answer(&self, pending: &Pending) -> Result<Decision, RegistrarError> {
        self.registrar.enrol_from(&pending.request, None, &self.carrier())
    }

    /// Refuses a request that waits.
    ///
    /// # Errors
    /// When the database fails, or it is not theirs.
    pub fn dismiss(&self, birth: &str) -> Result<(), RegistrarError> {
        self.pending(birth)?;
        self.registrar.dismiss(birth, self.who.name())
    }

    /// Moves a device from one of their sites to another of them.
    ///
    /// # Errors
    /// When the database fails, or it is not theirs.
    pub fn assign(&self, device: &str, site: &str, profile: &str) -> Result<(), RegistrarError> {
        self.stands(device)?;
        self.own(site)?;
        self.registrar.assign(device, site, profile, self.who.name())
    }

    /// Shuts out a device of their sites, and expects another in its place.
    ///
    /// # Errors
    /// When the database fails, or it is not theirs.
    pub fn replace(&self, device: &str, serial: &str, birth: Option<&str>) -> Result<String, RegistrarError> {
        self.stands(device)?;
        self.registrar.replace(device, serial, birth, self.who.name())
    }

    fn own(&self, site: &str) -> Result<(), RegistrarError> {
        if self.scope().sees(site) { Ok(()) } else { Err(RegistrarError::Foreign(site.to_owned())) }
    }

    /// That a device stands at one of their sites, by the registry or, where that does not know it, by the log.
    fn stands(&self, device: &str) -> Result<(), RegistrarError> {
        let site = self.registry().change(|change| change.site_of(device))?;
        match site {
            Some(site) if self.scope().sees(&site) => Ok(()),
            _ => Err(RegistrarError::Unknown(device.to_owned())),
        }
    }

    /// That nothing which the request would change stands at another site: an entry of the list, a device of this key, a name of
    /// the log, a place that somebody confirmed.
    fn theirs(&self, change: &Change<'_>, pending: &Pending) -> Result<(), RegistrarError> {
        if self.scope().is_everywhere() {
            return Ok(());
        }
        let asked = request::open(&pending.request).map_err(RegistrarError::Request)?;
        let event = fingerprint(&asked.event);
        let tls = fingerprint(&csr_key(&asked.csr).map_err(RegistrarError::Request)?);
        let mut devices = Vec::new();
        devices.extend(change.by_birth(&pending.birth)?);
        devices.extend(change.promised(&asked.serial, &pending.birth)?);
        for key in [&pending.birth, &event, &tls] {
            if let Some((name, _)) = change.key(key)? {
                devices.extend(change.device(&name)?);
            }
        }
        let mut sites: Vec<String> = devices.into_iter().map(|device| device.site).collect();
        sites.extend(names::logged(change, &asked.serial, &hex::encode(&asked.event))?.map(|(_, site)| site));
        sites.extend(pending.approved.as_ref().map(|(site, ..)| site.clone()));
        if sites.iter().all(|site| self.scope().sees(site)) { Ok(()) } else { Err(RegistrarError::NotYours) }
    }
}
