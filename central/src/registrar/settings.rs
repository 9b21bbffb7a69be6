//! `registrar.toml`: what a registrar is told. Relative paths start at the file.

use super::{Policy, Signing};
use crate::issuer::Remote;
use events::SystemClock;
use fleet::{FleetCa, operator};
use openssl::x509::X509;
use program::{Failure, files};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Directory of the fleet CA (`provision ca-init`), where this process signs by itself.
    pub ca: Option<PathBuf>,
    /// File with the pass phrase of the CA.
    pub pass_phrase_file: Option<PathBuf>,
    /// Socket of the process that signs (`cccd-central signer`): no key of the fleet is here then.
    pub signer: Option<PathBuf>,
    /// Where devices send events: `https://host:port`.
    pub url: String,
    /// `production`, `practice`, …: fleets of different kinds do not mix.
    pub environment: String,
    /// Public keys, PEM, whose bundles devices take.
    #[serde(default)]
    pub operators: Vec<PathBuf>,
    /// Days that a device's certificate lasts.
    #[serde(default = "Settings::certificate_days")]
    pub certificate_days: u32,
    /// Days after its end for which a device that still has its keys gets a new one.
    #[serde(default = "Settings::grace_days")]
    pub grace_days: u32,
    /// Certificates, PEM, of makers' authorities that certify endorsement keys of TPMs, and nothing else.
    pub tpm_roots: Option<PathBuf>,
    /// Directory with the files of updates, each named by its SHA-256.
    pub files: Option<PathBuf>,
    /// Directory with the keys of the log (`cccd-central log begin`); without it events have no receipts.
    pub log: Option<PathBuf>,
    /// Whether the technician's page is served where devices connect, too: at `/` and `/technician`.
    #[serde(default)]
    pub page: bool,
    /// Where the page listens for a reverse proxy with TLS: an address of this machine.
    pub technician: Option<SocketAddr>,
}

impl Settings {
    const fn certificate_days() -> u32 {
        fleet::authority::DEVICE_DAYS
    }

    const fn grace_days() -> u32 {
        fleet::renewal::GRACE_DAYS
    }

    /// Reads the file.
    ///
    /// # Errors
    /// With line and reason.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let text = files::read(path)?;
        let invalid = |why: String| {
            let remedy = "write it as /usr/share/doc/cccd-central/provisioning.md shows";
            Failure::usage("registrar_invalid", format!("{}: {why}", path.display()), remedy)
        };
        let mut settings: Self = toml::from_slice(&text).map_err(|error| invalid(error.to_string()))?;
        let base = path.parent().unwrap_or_else(|| Path::new("."));
        let Self { ca, pass_phrase_file, signer, operators, files, log, tpm_roots, .. } = &mut settings;
        let more = files.iter_mut().chain(log).chain(tpm_roots);
        for path in ca.iter_mut().chain(pass_phrase_file).chain(signer).chain(operators).chain(more) {
            *path = base.join(&*path);
        }
        match (&settings.ca, &settings.pass_phrase_file, &settings.signer) {
            (Some(_), Some(_), None) => {}
            (None, None, Some(_)) => no_keys(base)?,
            _ => return Err(invalid("it has ca and pass_phrase_file, or signer, and nothing of both".to_owned())),
        }
        if let Some(open) = settings.technician.filter(|address| !address.ip().is_loopback()) {
            return Err(Failure::usage(
                "technician_exposed",
                format!("{open} can be reached from elsewhere without TLS"),
                "set page = true, or listen on 127.0.0.1 behind a reverse proxy",
            ));
        }
        Ok(settings)
    }

    /// What signs: the CA with the root that issues now, or the socket of the process that does.
    ///
    /// # Errors
    /// When the CA cannot be opened.
    pub fn signing(&self) -> Result<Signing, Failure> {
        match (&self.ca, &self.pass_phrase_file, &self.signer) {
            (Some(ca), Some(pass_phrase_file), _) => {
                let ca = FleetCa::open(ca, &files::pass_phrase(pass_phrase_file)?)?;
                ca.lets_in()?;
                Ok(Signing::Here(Box::new(ca)))
            }
            (_, _, Some(signer)) => Ok(Signing::Apart(Remote::new(signer, Arc::new(SystemClock::new())))),
            _ => Err(Failure::usage("registrar_invalid", "nothing is said of who signs", "name ca, or signer")),
        }
    }

    /// Whose word about TPMs counts.
    ///
    /// # Errors
    /// When the file cannot be read, or has no certificate in it.
    pub fn makers(&self) -> Result<Vec<X509>, Failure> {
        let Some(path) = &self.tpm_roots else { return Ok(Vec::new()) };
        let list = X509::stack_from_pem(&files::read(path)?).unwrap_or_default();
        if list.is_empty() {
            let message = format!("{} has no certificate in it", path.display());
            let remedy = "put the certificates of the TPMs' makers there, in PEM, or leave tpm_roots out";
            return Err(Failure::usage("registrar_invalid", message, remedy));
        }
        Ok(list)
    }

    /// What is the same for all devices.
    ///
    /// # Errors
    /// When a key cannot be read.
    pub fn policy(&self) -> Result<Policy, Failure> {
        let key = |path: &PathBuf| operator::public_key(path, &files::read(path)?);
        Ok(Policy {
            url: self.url.clone(),
            environment: self.environment.clone(),
            operators: self.operators.iter().map(key).collect::<Result<_, Failure>>()?,
            days: self.certificate_days,
            grace_days: self.grace_days,
            files: self.files.clone(),
        })
    }
}

/// That no key of the fleet can be read below a directory: with a process that signs, this one has none.
fn no_keys(directory: &Path) -> Result<(), Failure> {
    let Ok(list) = std::fs::read_dir(directory) else { return Ok(()) };
    for entry in list.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        let is_key = name.ends_with(".key.pem") && (name.starts_with("root-") || name.starts_with("issuer-"));
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            no_keys(&path)?;
        } else if (is_key || name == "sites.sealed") && std::fs::File::open(&path).is_ok() {
            let message = format!("{} is a key of the fleet, and the network's process can read it", path.display());
            let remedy = "take it away: the root's to a stick, the issuing key's to the signer's own directory";
            return Err(Failure::usage("keys_exposed", message, remedy));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_without_tls_listens_on_this_machine_only() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("registrar.toml");
        let load = |address: &str| {
            let text = format!(
                "ca = \"ca\"\npass_phrase_file = \"phrase\"\nurl = \"https://central.example\"\n\
                 environment = \"practice\"\ntechnician = \"{address}\"\n"
            );
            std::fs::write(&path, text).expect("written");
            Settings::load(&path).map(|settings| settings.technician).map_err(|failure| failure.code)
        };
        for address in ["127.0.0.1:8080", "[::1]:8080"] {
            assert_eq!(load(address), Ok(address.parse().ok()));
        }
        for address in ["0.0.0.0:8080", "192.0.2.1:8080", "[::]:8080"] {
            assert_eq!(load(address).expect_err("exposed"), "technician_exposed", "{address}");
        }
    }
}
