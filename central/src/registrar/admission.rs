//! The decision about a request.

use super::registry::{Answered, Change, Device, DeviceState, Pending};
use super::said::Protection;
use super::{Decision, Registrar, RegistrarError, names, waiting};
use crate::door::Address;
use crate::issuer::{Issued, Wanted};
use crate::tls::Presented;
use fleet::answer::Octets;
use fleet::authority::validity;
use fleet::request::{Request, Way, csr_key};
use fleet::{fingerprint, request};
use openssl::x509::X509;
use std::time::Duration;

/// How soon a device that waits for a technician asks again.
const ASK_AGAIN: Duration = Duration::from_secs(3);

/// Where a device belongs.
struct Place {
    site: String,
    profile: String,
    by: String,
    /// Whether a person said so who may move a device from one site to another; a token or an entry of a list may not.
    moves: bool,
}

/// A request, as it came.
struct Asked<'a> {
    bytes: &'a [u8],
    request: Request,
    birth: String,
    tls: String,
    presented: Option<&'a Presented>,
    from: &'a str,
    now: i64,
}

impl Registrar {
    /// Decides about a request of somebody of whom nobody knows where they are.
    ///
    /// # Errors
    /// When the device does not get in.
    pub fn enrol(&self, bytes: &[u8], presented: Option<&Presented>) -> Result<Decision, RegistrarError> {
        self.enrol_from(bytes, presented, &Address::UNKNOWN.to_string())
    }

    /// Decides about a request. `presented` is the certificate of the connection, if there is one; `from` is whose place it takes
    /// where it has to wait: an address, or the technician who carries it.
    ///
    /// # Errors
    /// When the device does not get in.
    pub fn enrol_from(
        &self,
        bytes: &[u8],
        presented: Option<&Presented>,
        from: &str,
    ) -> Result<Decision, RegistrarError> {
        self.decided(bytes, presented, from, None)
    }

    /// Lets a device in that its operator vouches for: from a USB stick, or relayed by a phone.
    ///
    /// # Errors
    /// When a key of it was revoked, or the request is malformed.
    pub fn enrol_at(&self, bytes: &[u8], site: &str, profile: &str, by: &str) -> Result<Decision, RegistrarError> {
        self.knows(site, profile)?;
        let place = Place { site: site.to_owned(), profile: profile.to_owned(), by: by.to_owned(), moves: true };
        self.decided(bytes, None, by, Some(place))
    }

    /// A copy that was found must stay found although its request is refused, and a refusal keeps nothing.
    fn decided(
        &self,
        bytes: &[u8],
        presented: Option<&Presented>,
        from: &str,
        vouched: Option<Place>,
    ) -> Result<Decision, RegistrarError> {
        let request = request::open(bytes).map_err(RegistrarError::Request)?;
        let (birth, now) = (fingerprint(&request.birth), self.clock.wall());
        let tls = fingerprint(&csr_key(&request.csr).map_err(RegistrarError::Request)?);
        let asked = Asked { bytes, request, birth, tls, presented, from, now };
        let decided = self.registry.change(|change| self.decide(change, &asked, vouched));
        if let Err(RegistrarError::Quarantined) = &decided {
            let name = self.registry.change(|change| change.by_birth(&asked.birth))?;
            if let Some(device) = name {
                self.quarantine(&device.name, "renewed under a certificate that another had replaced")?;
            }
        }
        decided
    }

    fn decide(
        &self,
        change: &Change<'_>,
        asked: &Asked<'_>,
        vouched: Option<Place>,
    ) -> Result<Decision, RegistrarError> {
        let Asked { request, birth, tls, now, .. } = asked;
        let now = *now;
        let event = fingerprint(&request.event);
        for key in [birth, &event, tls] {
            if change.key(key)?.is_some_and(|(_, revoked)| revoked) {
                return Err(RegistrarError::Revoked);
            }
        }
        let known = change.by_birth(birth)?.filter(|device| device.state != DeviceState::Expected);
        if let Some(device) = known {
            return self.again(change, asked, device, vouched);
        }
        let place = match (vouched, request.way) {
            (Some(place), _) => place,
            (None, Way::Renewal | Way::Grace) => return Err(RegistrarError::Unknown(request.serial.clone())),
            (None, Way::List | Way::Qr | Way::Token | Way::Usb) => match expectation(change, asked)? {
                Some(place) => place,
                None => return wait(change, asked),
            },
        };
        self.admit(change, place, asked, now)
    }

    /// A device that is here already.
    fn again(
        &self,
        change: &Change<'_>,
        asked: &Asked<'_>,
        mut device: Device,
        vouched: Option<Place>,
    ) -> Result<Decision, RegistrarError> {
        let Asked { request, birth, tls, now, presented, .. } = asked;
        match device.state {
            DeviceState::Active => {}
            DeviceState::Quarantined => return Err(RegistrarError::Quarantined),
            DeviceState::Expected | DeviceState::Revoked | DeviceState::Replaced => {
                return Err(RegistrarError::Revoked);
            }
        }
        let answered = change.answered(birth, request.nonce)?;
        if answered == Answered::Before {
            return Err(RegistrarError::Replayed);
        }
        let same_key = device.tls_key.as_ref() == Some(tls);
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
                let end = device.not_after.unwrap_or(*now);
                if !same_key {
                    return Err(RegistrarError::Superseded);
                }
                if *now > end + i64::from(self.policy.grace_days) * 86_400 {
                    return Err(RegistrarError::TooLate(self.policy.grace_days));
                }
                repeated = false;
                if let Some(place) = vouched {
                    (device.site, device.profile) = (place.site, place.profile);
                }
            }
            Way::List | Way::Qr | Way::Token | Way::Usb => {
                let place = match vouched {
                    Some(place) => Some(place),
                    // It was cut off, and asks again.
                    None if answered == Answered::Newest && same_key => None,
                    // Whoever saw an old request may send it, too.
                    None => match expectation(change, asked)? {
                        Some(place) => Some(place),
                        None => return wait(change, asked),
                    },
                };
                if let Some(place) = place {
                    if place.site != device.site && !place.moves {
                        return Err(RegistrarError::Elsewhere(device.name));
                    }
                    change.forget(birth)?;
                    // It has a name already; the entry has done what it was for.
                    let entry = change.promised(&request.serial, birth)?.filter(|_| request.way != Way::Token);
                    if let Some(entry) = entry {
                        change.forget_expected(&entry.name)?;
                    }
                    (device.site, device.profile) = (place.site, place.profile);
                }
            }
        }
        self.issue(change, device, asked, repeated)
    }

    /// A device that was not here before.
    fn admit(
        &self,
        change: &Change<'_>,
        place: Place,
        asked: &Asked<'_>,
        now: i64,
    ) -> Result<Decision, RegistrarError> {
        let Asked { request, birth, .. } = asked;
        let event = hex::encode(&request.event);
        let logged = names::logged(change, &request.serial, &event)?;
        if let Some((name, site)) = &logged
            && *site != place.site
            && !place.moves
        {
            return Err(RegistrarError::Elsewhere(name.clone()));
        }
        // The name that it was promised is its own where nobody else has it, and free again where it has one of the log.
        let expected = change.promised(&request.serial, birth)?.filter(|_| request.way != Way::Token);
        if let Some(expected) = &expected {
            change.forget_expected(&expected.name)?;
        }
        let name = match (logged, expected) {
            (Some((name, _)), _) => name,
            (None, Some(device)) if !change.is_taken(&device.name, Some(&event))? => device.name,
            (None, _) => names::free(change, &request.serial, Some(&event))?,
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
        change.note_key(birth, &device.name, "birth")?;
        change.note_key(&fingerprint(&request.event), &device.name, "event")?;
        change.forget(birth)?;
        change.journal(now, &device.name, "enrolled", &place.by, Some(request.way.id()))?;
        self.issue(change, device, asked, false)
    }

    /// Certifies the key of a request, or repeats the certificate that it has.
    fn issue(
        &self,
        change: &Change<'_>,
        mut device: Device,
        asked: &Asked<'_>,
        repeated: bool,
    ) -> Result<Decision, RegistrarError> {
        let Asked { request, birth, tls, now, .. } = asked;
        let now = *now;
        let certificate =
            device.certificate.clone().filter(|_| repeated && device.not_after.is_some_and(|end| end > now));
        let wanted = Wanted {
            device: device.name.clone(),
            site: device.site.clone(),
            profile: device.profile.clone(),
            request: Octets(asked.bytes.to_vec()),
            certificate: certificate.map(Octets),
        };
        let issued = self.issuer.issue(&wanted).inspect_err(|error| {
            // The device comes again by itself; that somebody has to look at the signer stands here.
            tracing::warn!(device = device.name, code = error.answer().1, "not let in, nobody signed: {error}");
        })?;
        let Issued { certificate: Octets(certificate), answer: Octets(answer) } = issued;
        let way = request.way.id();
        if !repeated && device.tls_key.is_some() {
            change.journal(now, &device.name, "renewed", way, None)?;
        }
        if device.tls_key.as_ref() != Some(tls) {
            (device.tls_before, device.tls_used) = (device.tls_key.take(), false);
            change.note_key(tls, &device.name, "tls")?;
        }
        let parsed = X509::from_der(&certificate).map_err(|e| RegistrarError::Answer(e.into()))?;
        device.tls_key = Some(tls.clone());
        device.not_after = Some(validity(&parsed).map_err(RegistrarError::Answer)?.1);
        device.certificate = Some(certificate.clone());
        device.answer = Some(answer.clone());
        if !matches!(request.way, Way::Renewal | Way::Grace) {
            device.way = Some(way.to_owned());
        }
        device.model = Some(request.model.clone());
        device.protection = Some(Protection::said(&request.protection));
        device.software = Some(request.software.clone());
        device.seen_at = Some(now);
        change.put(&device)?;
        change.note_answered(birth, request.nonce)?;
        Ok(Decision::Issued { answer, certificate, device: device.name })
    }
}

/// Where a request says that it belongs, and somebody agrees: a technician who confirmed this very request, a fresh token, or an
/// entry of the list with its birth key.
fn expectation(change: &Change<'_>, asked: &Asked<'_>) -> Result<Option<Place>, RegistrarError> {
    let Asked { request, birth, now, .. } = asked;
    let approved = change.approved(birth)?.filter(|approved| is_of(&approved.request, request));
    if let Some((site, profile, by)) = approved.and_then(|approved| approved.approved) {
        return Ok(Some(Place { site, profile, by, moves: true }));
    }
    if request.way == Way::Token {
        let hash = super::token_hash(request.token.as_deref().unwrap_or_default());
        let (site, profile) = change.spend_token(&hash, birth, *now)?.ok_or(RegistrarError::Token)?;
        return Ok(Some(Place { site, profile, by: "token".to_owned(), moves: false }));
    }
    let expected = change.expected(&request.serial, birth)?;
    Ok(expected.map(|device| {
        let (site, profile) = (device.site, device.profile);
        Place { site, profile, by: "list".to_owned(), moves: false }
    }))
}

/// Whether a request that waited and was confirmed is this one: it has its nonce, which every repetition has.
fn is_of(waited: &[u8], request: &Request) -> bool {
    request::open(waited).is_ok_and(|waited| waited.nonce == request.nonce && waited.birth == request.birth)
}

/// Whether two requests are the same one, signed twice.
pub(super) fn is_repeated(one: &[u8], other: &[u8]) -> bool {
    request::open(other).is_ok_and(|other| is_of(one, &other))
}

fn wait(change: &Change<'_>, asked: &Asked<'_>) -> Result<Decision, RegistrarError> {
    let Asked { request, birth, now, from, bytes, .. } = asked;
    let pending = Pending {
        birth: birth.clone(),
        serial: request.serial.clone(),
        model: request.model.clone(),
        protection: Protection::said(&request.protection),
        request: bytes.to_vec(),
        at: *now,
        address: (*from).to_owned(),
        approved: None,
    };
    waiting::keep(change, &pending)?;
    Ok(Decision::Pending { retry_after: ASK_AGAIN })
}
