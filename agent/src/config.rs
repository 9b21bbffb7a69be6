//! `agent.toml`: the device's configuration. Relative paths start at the file.

use crate::failure::Failure;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The device's name.
    pub device: String,
    /// The site profile.
    pub profile: String,
    /// The reader: `pcsc`, `pcsc:SUBSTRING` or `sim:PERSONA`.
    pub reader: String,
    /// Trust anchors: directory or file.
    pub trust: PathBuf,
    /// Where the outbox lies.
    pub state: PathBuf,
    /// The key store's directory.
    pub keys: PathBuf,
    /// The file with the pass phrase that opens the keys. A systemd credential `cccd-pass-phrase` goes before it.
    pub pass_phrase_file: PathBuf,
    /// Certificates and key for terminal authentication; used only by profiles that read data groups 3 or 4.
    pub terminal: Option<PathBuf>,
    /// Where events go; without it they stay in the outbox.
    pub central: Option<Central>,
}

/// Where events go.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Central {
    /// `https://host:port`.
    pub url: String,
    /// The device's certificate, PEM.
    pub certificate: PathBuf,
    /// The CA of the server's certificate, PEM.
    pub authority: PathBuf,
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// With line and reason when it is not valid.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let invalid = |why: String| {
            Failure::usage("config_invalid", format!("{}: {why}", path.display()), "compare with docs/configuration.md")
        };
        let text = std::fs::read_to_string(path).map_err(|e| invalid(e.to_string()))?;
        let mut config: Self = toml::from_str(&text).map_err(|e| invalid(e.to_string().trim().to_owned()))?;
        let base = path.parent().unwrap_or_else(|| Path::new("."));
        let mut paths = vec![&mut config.trust, &mut config.state, &mut config.keys, &mut config.pass_phrase_file];
        paths.extend(&mut config.terminal);
        if let Some(central) = &mut config.central {
            paths.extend([&mut central.certificate, &mut central.authority]);
        }
        for path in paths {
            *path = base.join(&*path);
        }
        Ok(config)
    }

    /// The outbox's file.
    #[must_use]
    pub fn outbox(&self) -> PathBuf {
        self.state.join("outbox.db")
    }

    /// The pass phrase of the keys.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn pass_phrase(&self) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let credential = std::env::var_os("CREDENTIALS_DIRECTORY").map(|d| Path::new(&d).join("cccd-pass-phrase"));
        let path = credential.filter(|p| p.exists()).unwrap_or_else(|| self.pass_phrase_file.clone());
        let bytes = std::fs::read(&path).map_err(|e| {
            let message = format!("cannot read the pass phrase {}: {e}", path.display());
            Failure::device("pass_phrase_unreadable", message, "mend pass_phrase_file in agent.toml")
        })?;
        let bytes = Zeroizing::new(bytes);
        Ok(Zeroizing::new(bytes.trim_ascii().to_vec()))
    }
}
