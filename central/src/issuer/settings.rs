//! `signer.toml`: what the process that signs is told. Relative paths start at the file.

use super::{Local, Rate, Rules};
use events::Clock;
use fleet::{FleetCa, operator};
use program::{Failure, files};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Directory of the issuing key (`provision ca-request`, `ca-install`).
    pub issuer: PathBuf,
    /// File with the pass phrase of the issuing key.
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
    /// The sites whose devices it lets in; all, where nobody says.
    pub sites: Option<Vec<String>>,
    /// How much it signs in an hour.
    #[serde(default = "Settings::most_an_hour")]
    pub most_an_hour: usize,
    /// Users of this machine who may ask, by name or number. Without any only the signer's own user may.
    #[serde(default)]
    pub peers: Vec<String>,
    /// The signer's own log.
    pub log: PathBuf,
}

fn invalid(path: &Path, why: &str) -> Failure {
    let remedy = "write it as /usr/share/doc/cccd-central/central-on-a-server.md shows";
    Failure::usage("signer_invalid", format!("{}: {why}", path.display()), remedy)
}

/// The number of a user, by name or number.
fn user(name: &str, users: &str) -> Option<u32> {
    let named = |line: &str| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok()).flatten()
    };
    name.parse().ok().or_else(|| users.lines().find_map(named))
}

impl Settings {
    const fn certificate_days() -> u32 {
        fleet::authority::DEVICE_DAYS
    }

    const fn most_an_hour() -> usize {
        Rate::USUAL.of_all
    }

    /// Reads the file.
    ///
    /// # Errors
    /// With line and reason.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let mut settings: Self =
            toml::from_slice(&files::read(path)?).map_err(|error| invalid(path, &error.to_string()))?;
        let base = path.parent().unwrap_or_else(|| Path::new("."));
        let paths = [&mut settings.issuer, &mut settings.pass_phrase_file, &mut settings.log].into_iter();
        for path in paths.chain(&mut settings.operators) {
            *path = base.join(&*path);
        }
        Ok(settings)
    }

    /// The issuing key. A root's own key is refused: it stays off line.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn ca(&self) -> Result<FleetCa, Failure> {
        let ca = FleetCa::open(&self.issuer, &files::pass_phrase(&self.pass_phrase_file)?)?;
        if ca.issuer().is_none() {
            let message = format!("{} has the fleet's root, which signs for no device", self.issuer.display());
            let remedy = "provision ca-request, ca-certify where the root is, ca-install";
            return Err(Failure::usage("signer_root", message, remedy));
        }
        Ok(ca)
    }

    /// What signs.
    ///
    /// # Errors
    /// When key, operators or log cannot be opened.
    pub fn signer(&self, clock: Arc<dyn Clock>) -> Result<Local, Failure> {
        let key = |path: &PathBuf| operator::public_key(path, &files::read(path)?);
        let rules = Rules {
            url: self.url.clone(),
            environment: self.environment.clone(),
            operators: self.operators.iter().map(key).collect::<Result<_, Failure>>()?,
            days: self.certificate_days,
            sites: self.sites.clone(),
            rate: Rate { of_all: self.most_an_hour, ..Rate::USUAL },
        };
        let signer = Local::new(self.ca()?, rules, clock);
        let signer = signer.logging(&self.log).map_err(|error| files::unwritable(&self.log, &error))?;
        let counted = self.counted();
        signer.counting(&counted).map_err(|error| {
            let message =
                format!("{}: it is not known how much was signed within the hour: {error}", counted.display());
            let remedy =
                "look in the signer's log, take the file away, and start the signer an hour after its last line";
            Failure::device("signer_counted", message, remedy)
        })
    }

    /// What was signed within the hour, for the next start: a file beside the log.
    #[must_use]
    pub fn counted(&self) -> PathBuf {
        self.log.with_extension("counted")
    }

    /// The numbers of the users who may ask. `own` is that of this process, `users` what `/etc/passwd` says.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn peers(&self, path: &Path, own: u32, users: &str) -> Result<Vec<u32>, Failure> {
        if self.peers.is_empty() {
            return Ok(vec![own]);
        }
        let number =
            |name: &String| user(name, users).ok_or_else(|| invalid(path, &format!("there is no user {name}")));
        self.peers.iter().map(number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_a_user_of_this_machine() {
        let users = "root:x:0:0:root:/root:/bin/sh\ncccd-central:x:991:991::/var/lib/cccd-central:/usr/sbin/nologin\n";
        assert_eq!(
            ["cccd-central", "7", "root", "x", "cccd"].map(|name| user(name, users)),
            [Some(991), Some(7), Some(0), None, None]
        );
    }
}
