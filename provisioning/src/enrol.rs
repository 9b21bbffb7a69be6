//! Enrolment at a bench: CA and device on one machine, without a network.
//!
//! It takes the steps that a device takes anywhere, and the CA answers at once. Written into the device's directory:
//!
//! | file | content |
//! |---|---|
//! | `agent.toml` | configuration of the agent |
//! | `keys/…` | what the key store keeps |
//! | `identity/…` | certificate, roots, site's key: see the crate `identity` |
//! | `enrolment.json` | for `cccd-central device add`, where central has no registrar |

use crate::device::{self, Setup};
use drivers::key_store::{self, KeyStore};
use events::Clock;
use events::sync::Enrolment;
use fleet::answer::{self, Assignment};
use fleet::authority::{DEVICE_DAYS, is_device_name};
use fleet::files::write_new;
use fleet::request::Way;
use fleet::{FleetCa, FleetError, request};
use identity::keeper::{Keeper, KeeperError, system_random};
use identity::{Https, TrustedClock};
use std::path::Path;
use std::sync::Arc;

/// What to enrol.
#[derive(Debug, Clone, Copy)]
pub struct EnrolRequest<'a> {
    /// Name of the device: a-z, 0-9 and `-`; its serial number, too.
    pub device: &'a str,
    /// Where it stands.
    pub site: &'a str,
    /// Where it sends events: `https://host:port`.
    pub central: &'a str,
    /// Directory or file with the trust anchors for cards.
    pub trust: &'a Path,
    /// Which key store, as in the configuration.
    pub key_store: &'a str,
    /// The file with the pass phrase that opens the device's keys.
    pub pass_phrase_file: &'a Path,
}

/// Makes keys, certificate and configuration in `directory`.
///
/// # Errors
/// When something is there already or cannot be written. What was written stays, to be looked at.
pub fn enrol(
    ca: &FleetCa,
    directory: &Path,
    request: &EnrolRequest<'_>,
    pass_phrase: &[u8],
    clock: Arc<dyn Clock>,
) -> Result<Enrolment, KeeperError> {
    let name = request.device;
    if !is_device_name(name) {
        return Err(FleetError::Name(name.to_owned()).into());
    }
    let roots = ca.roots()?;
    let setup = Setup {
        serial: name,
        model: "bench",
        central: request.central,
        roots: Some(&roots),
        trust: request.trust,
        key_store: request.key_store,
        pass_phrase_file: request.pass_phrase_file,
    };
    device::prepare(directory, &setup)?;
    let keys: Arc<dyn KeyStore> = key_store::open(request.key_store, &directory.join("keys"), pass_phrase)?;
    let trusted = Arc::new(TrustedClock::new(Arc::clone(&clock), 0));
    let central = Arc::new(Https::new(request.central, Arc::clone(&keys), Arc::clone(&trusted)));
    let identity = directory.join("identity");
    let software = env!("CARGO_PKG_VERSION");
    let mut keeper = Keeper::open(&identity, keys, central, trusted, software)?.by(Way::Usb, None);
    keeper.prepare(&system_random)?;
    let opened = request::open(&keeper.request()?.0)?;
    let key = request::csr_key(&opened.csr)?;
    let certificate = ca.device_certificate(name, &key, &*clock, DEVICE_DAYS)?;
    let site = ca.site_keys(request.site, clock.wall())?;
    let assignment = Assignment {
        version: answer::ASSIGNMENT_VERSION,
        site: request.site.to_owned(),
        device: name.to_owned(),
        central: request.central.to_owned(),
        profile: "identify".to_owned(),
        chains: site.chains.to_bytes().to_vec(),
        counting: site.counting().to_vec(),
        operators: Vec::new(),
        environment: "bench".to_owned(),
    };
    keeper.take_answer(&answer::issue(ca, &opened, certificate, &assignment, clock.wall())?)?;
    let event_key = hex::encode(&opened.event);
    let enrolment = Enrolment { device: name.to_owned(), site: request.site.to_owned(), event_key };
    let record = serde_json::to_vec_pretty(&enrolment).unwrap_or_default();
    write_new(&directory.join("enrolment.json"), &record)?;
    Ok(enrolment)
}
