//! Enrolment of one device.
//!
//! Written into the device's directory:
//!
//! | file | content |
//! |---|---|
//! | `agent.toml` | configuration of the agent |
//! | `keys/event.key.pem`, `keys/tls.key.pem` | made there, encrypted |
//! | `keys/subject.sealed` | key of the keyed hash that stands for a holder, sealed |
//! | `tls/device.cert.pem`, `tls/fleet-ca.cert.pem` | for mutual TLS |
//! | `enrolment.json` | for `cccd-central device add` |

use crate::fleet_ca::{FleetCa, ProvisionError, io, write_new};
use drivers::key_store::file::FileKeyStore;
use drivers::key_store::{KeyStore as _, sealed};
use events::Clock;
use events::sync::Enrolment;
use std::path::Path;

/// What to enrol.
#[derive(Debug, Clone, Copy)]
pub struct EnrolRequest<'a> {
    /// Name of the device: a-z, 0-9 and `-`.
    pub device: &'a str,
    /// Where it stands.
    pub site: &'a str,
    /// Where it sends events: `https://host:port`.
    pub central: &'a str,
    /// Directory or file with the trust anchors for cards.
    pub trust: &'a Path,
    /// The file with the pass phrase that opens the device's keys.
    pub pass_phrase_file: &'a Path,
    /// Directory of another device of the same site: people are known again by the same keyed hash.
    pub same_site_as: Option<&'a Path>,
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
    clock: &dyn Clock,
) -> Result<Enrolment, ProvisionError> {
    let name = request.device;
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.is_empty() || name.len() > 63 || !name.bytes().all(plain) {
        return Err(ProvisionError::Name(name.to_owned()));
    }
    let tls = directory.join("tls");
    std::fs::create_dir_all(&tls).map_err(io("make", &tls))?;
    let keys = directory.join("keys");
    let store = FileKeyStore::new(&keys, pass_phrase);
    let event_key = store.generate("event")?;
    let tls_key = store.generate("tls")?;
    let mut subject = zeroize::Zeroizing::new(vec![0; 32]);
    match request.same_site_as {
        None => openssl::rand::rand_priv_bytes(&mut subject)?,
        Some(other) => {
            let path = other.join("keys/subject.sealed");
            let bytes = std::fs::read(&path).map_err(io("read", &path))?;
            subject = sealed::open(pass_phrase, &bytes).ok_or(ProvisionError::Locked(path))?;
        }
    }
    write_new(&keys.join("subject.sealed"), &sealed::seal(pass_phrase, &subject)?)?;
    write_new(&tls.join("device.cert.pem"), &ca.device_certificate(name, &tls_key, clock)?)?;
    write_new(&tls.join("fleet-ca.cert.pem"), &ca.certificate_pem()?)?;
    write_new(&directory.join("agent.toml"), configuration(request).as_bytes())?;
    let enrolment =
        Enrolment { device: name.to_owned(), site: request.site.to_owned(), event_key: hex::encode(event_key) };
    let record = serde_json::to_vec_pretty(&enrolment).unwrap_or_default();
    write_new(&directory.join("enrolment.json"), &record)?;
    Ok(enrolment)
}

/// `Debug` of a string is a valid TOML basic string for paths and names without control characters.
fn configuration(request: &EnrolRequest<'_>) -> String {
    let EnrolRequest { device, central, trust, pass_phrase_file, .. } = request;
    format!(
        "# Written by `provision enrol`. Relative paths start at this file.\n\
         device = {device:?}\n\
         profile = \"identify\"\n\
         reader = \"pcsc\"\n\
         trust = {trust:?}\n\
         state = \"state\"\n\
         keys = \"keys\"\n\
         pass_phrase_file = {pass_phrase_file:?}\n\
         \n\
         [central]\n\
         url = {central:?}\n\
         certificate = \"tls/device.cert.pem\"\n\
         authority = \"tls/fleet-ca.cert.pem\"\n"
    )
}
