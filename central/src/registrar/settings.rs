//! `registrar.toml`: what a registrar is told. Relative paths start at the file.

use super::Policy;
use fleet::{FleetCa, operator};
use program::{Failure, files};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Directory of the fleet CA (`provision ca init`).
    pub ca: PathBuf,
    /// File with the pass phrase of the CA.
    pub pass_phrase_file: PathBuf,
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
    /// Directory with the files of updates, each named by its SHA-256.
    pub files: Option<PathBuf>,
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
        let paths = [&mut settings.ca, &mut settings.pass_phrase_file].into_iter();
        for path in paths.chain(&mut settings.operators).chain(&mut settings.files) {
            *path = base.join(&*path);
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

    /// The CA with the root that issues now.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn ca(&self) -> Result<FleetCa, Failure> {
        Ok(FleetCa::open(&self.ca, &files::pass_phrase(&self.pass_phrase_file)?)?)
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
