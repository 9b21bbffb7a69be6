//! `registrar.toml`: what a registrar is told. Relative paths start at the file.

use super::registry::Registry;
use super::{Policy, Registrar};
use anyhow::Context as _;
use events::Clock;
use fleet::FleetCa;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

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
    /// Where the technician's page listens: an address of this machine, behind a reverse proxy with TLS.
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
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut settings: Self = toml::from_str(&text).with_context(|| path.display().to_string())?;
        let base = path.parent().unwrap_or_else(|| Path::new("."));
        let paths = [&mut settings.ca, &mut settings.pass_phrase_file].into_iter();
        for path in paths.chain(&mut settings.operators).chain(&mut settings.files) {
            *path = base.join(&*path);
        }
        if let Some(open) = settings.technician.filter(|address| !address.ip().is_loopback()) {
            anyhow::bail!(
                "{open} can be reached from elsewhere without TLS; listen on 127.0.0.1 behind a reverse proxy"
            );
        }
        Ok(settings)
    }

    /// The CA's pass phrase.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn pass_phrase(&self) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        let path = &self.pass_phrase_file;
        let bytes = std::fs::read(path).map(Zeroizing::new);
        let bytes = bytes.with_context(|| format!("cannot read the pass phrase {}", path.display()))?;
        Ok(Zeroizing::new(bytes.trim_ascii().to_vec()))
    }

    /// The CA with the root that issues now.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn ca(&self) -> anyhow::Result<FleetCa> {
        FleetCa::open(&self.ca, &self.pass_phrase()?)
            .with_context(|| format!("cannot open the CA {}", self.ca.display()))
    }

    /// The registrar over the database of the event store.
    ///
    /// # Errors
    /// When database, CA or a key cannot be opened.
    pub fn registrar(&self, db: &Path, clock: Arc<dyn Clock>) -> anyhow::Result<Registrar> {
        let key = |path: &PathBuf| {
            let pem = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            let key = openssl::pkey::PKey::public_key_from_pem(&pem);
            Ok(key.with_context(|| format!("{} holds no public key", path.display()))?.public_key_to_der()?)
        };
        let operators: anyhow::Result<Vec<Vec<u8>>> = self.operators.iter().map(key).collect();
        let policy = Policy {
            url: self.url.clone(),
            environment: self.environment.clone(),
            operators: operators?,
            days: self.certificate_days,
            grace_days: self.grace_days,
            files: self.files.clone(),
        };
        Ok(Registrar::new(Registry::open(db)?, self.ca()?, policy, clock))
    }
}
