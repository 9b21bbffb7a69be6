//! `agent.toml`: the device's configuration. Relative paths start at the file.
//!
//! The words beside the fields are the reference that people read: `docs/configuration.md` has it from here.

mod finding;
pub mod reference;
mod tables;

pub use finding::{Check, Finding, Stage, no_table, worst};
pub use tables::{
    Compat, Connection, Counter, CounterDoor, Desk, FhirSystems, Format, HospitalEvent, Kiosk, Lines, Lodging,
    PATIENCE_S, Playlist, Printer, Queue, Roster, Side,
};

use drivers::key_store::KeyStore;
use fleet::sites::SiteKeys;
use identity::bundles::Bundles;
use identity::keeper::KeeperError;
use program::Failure;
use program::private::SecretError;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use visit::ledger::Direction;
use zeroize::Zeroizing;

/// The configuration.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The device's name: that of its identity.
    #[serde(skip)]
    pub device: String,
    /// The file that it was read from.
    #[serde(skip)]
    pub file: PathBuf,
    /// What this was read from, without the site's settings below it.
    #[serde(skip)]
    text: String,
    /// What became of the file.
    #[serde(skip)]
    pub adopted: Adopted,
    /// What is wrong with the file, also where the last good one is used instead.
    #[serde(skip)]
    pub findings: Vec<Finding>,
    /// The bundle that was damaged, and withdrawn at the start.
    #[serde(skip)]
    pub withdrawn: Option<Withdrawn>,
    /// The site profile: one that comes with the agent or with a bundle, or a file whose name ends in `.toml`. Without one that
    /// which central assigned to the device.
    #[serde(default)]
    pub profile: String,
    /// The reader: `pcsc`, `pcsc:SUBSTRING`, `libnfc:CONNSTRING` or `sim:PERSONA`.
    pub reader: String,
    /// Trust anchors for cards: directory or file; those of the active bundle go before it.
    pub trust: PathBuf,
    /// Directory of the outbox, the book and what runs meanwhile; on an installed device that of the service.
    #[serde(default = "Config::state_directory")]
    pub state: PathBuf,
    /// The key store's directory.
    pub keys: PathBuf,
    /// Which key store: `file`, `tpm:TCTI` (as `tpm:device:/dev/tpmrm0`) or `pkcs11:MODULE#TOKEN`.
    #[serde(default = "Config::key_store_name")]
    pub key_store: String,
    /// Directory of the device's identity: certificate, roots, site's key.
    #[serde(default = "Config::identity_directory")]
    pub identity: PathBuf,
    /// Directory of the bundles that the operator sends.
    #[serde(default = "Config::bundles_directory")]
    pub bundles: PathBuf,
    /// What the site says of updates.
    #[serde(default)]
    pub update: fleet::rollout::Settings,
    /// Where the updater says how the last update ended.
    #[serde(default = "Config::updater_directory")]
    pub updater: PathBuf,
    /// Whether events go to central; otherwise they stay in the outbox.
    #[serde(default = "Config::sync")]
    pub sync: bool,
    /// Central's table of keys of its log (there the file `log/keys`): its receipts are checked by it and kept. Without it nobody
    /// notices here what central drops.
    pub log_keys: Option<PathBuf>,
    /// The file with the pass phrase that opens the keys (the PIN of a token). A systemd credential `cccd-pass-phrase` goes before it.
    pub pass_phrase_file: PathBuf,
    /// Certificates and key for terminal authentication; used only by profiles that read data groups 3 or 4.
    pub terminal: Option<PathBuf>,
    /// Screen and devices of a kiosk.
    pub kiosk: Option<Kiosk>,
    /// The page for staff and the interface for other software.
    pub desk: Option<Desk>,
    /// How recipients that a profile names are reached.
    #[serde(default)]
    pub recipient: BTreeMap<String, Connection>,
    /// Lists of people.
    pub roster: Option<Roster>,
    /// What the police portal wants to know of a house.
    pub lodging: Option<Lodging>,
    /// Which way people go here, where a profile counts in and out.
    #[serde(default)]
    pub direction: Direction,
}

impl Config {
    /// The table of keys of central's log, if there is one.
    ///
    /// # Errors
    /// When it cannot be read: then nothing of the log can be believed.
    pub fn log_keys(&self) -> Result<Option<tlog::Keys>, Failure> {
        let Some(path) = &self.log_keys else { return Ok(None) };
        let text = program::files::read(path)?;
        let text = String::from_utf8(text).map_err(|_| tlog::LogError::Key("not UTF-8"))?;
        Ok(Some(tlog::Keys::parse(&text)?))
    }

    fn state_directory() -> PathBuf {
        "/var/lib/cccd-agent".into()
    }

    fn key_store_name() -> String {
        "file".to_owned()
    }

    fn identity_directory() -> PathBuf {
        "identity".into()
    }

    fn bundles_directory() -> PathBuf {
        "bundles".into()
    }

    fn updater_directory() -> PathBuf {
        "/var/lib/cccd-update".into()
    }

    const fn sync() -> bool {
        true
    }

    /// Reads a configuration file.
    ///
    /// # Errors
    /// With line and reason when it is not valid.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            if e.kind() == ErrorKind::NotFound {
                let message = format!("{} is not there: this device is not set up", path.display());
                let remedy = "cccd-agent setup --as kiosk, or --as desk, makes it; or give --config the agent.toml of the device";
                return Failure::usage("config_absent", message, remedy);
            }
            let message = format!("cannot read {}: {e}", path.display());
            Failure::usage("config_invalid", message, "give --config the agent.toml of the device")
        })?;
        Self::assemble(path, text, None)
    }

    /// What a text comes to as the file at `path`, over the active bundle or one that is about to become active.
    ///
    /// # Errors
    /// With line and reason when it is not valid.
    pub fn assemble(path: &Path, text: String, bundle: Option<&Path>) -> Result<Self, Failure> {
        let invalid = |why: String| {
            Failure::usage(
                "config_invalid",
                format!("{}: {why}", path.display()),
                "compare with /usr/share/doc/cccd-agent/configuration.md",
            )
        };
        let base = path.parent().unwrap_or_else(|| Path::new("."));
        let active = bundle.map_or_else(|| bundles_of(base, &text).join("active"), Path::to_owned);
        let parsed = match std::fs::read_to_string(active.join("site.toml")).ok() {
            // The file alone: an error names its line.
            None => toml::from_str(&text),
            Some(site) => layered(&site, &text).and_then(|table| Self::deserialize(toml::Value::Table(table))),
        };
        let mut config: Self = parsed.map_err(|e| invalid(e.to_string().trim().to_owned()))?;
        let mut paths = vec![&mut config.trust, &mut config.state, &mut config.keys, &mut config.pass_phrase_file];
        paths.extend(&mut config.terminal);
        paths.extend(&mut config.log_keys);
        paths.extend([&mut config.identity, &mut config.bundles, &mut config.updater]);
        if let Some(kiosk) = &mut config.kiosk {
            paths.extend(&mut kiosk.clips);
            if let Some(counter) = &mut kiosk.counter {
                paths.push(&mut counter.secret_file);
                paths.extend(&mut counter.authority);
            }
            paths.extend(kiosk.playlist.iter_mut().flat_map(|playlist| [&mut playlist.file, &mut playlist.key]));
        }
        if let Some(desk) = &mut config.desk {
            paths.extend(&mut desk.socket);
            paths.extend(desk.counter.iter_mut().map(|door| &mut door.secret_file));
            paths.extend(&mut desk.compat.keyboard);
            let open = [Some(desk.listen), desk.compat.listen].into_iter().flatten().find(|at| !at.ip().is_loopback());
            if let Some(open) = open {
                return Err(invalid(format!("{open} can be reached from elsewhere; listen on 127.0.0.1 or [::1]")));
            }
        }
        for connection in config.recipient.values_mut() {
            paths.extend(&mut connection.directory);
            paths.extend(&mut connection.authority);
            paths.extend(&mut connection.secret_file);
        }
        if let Some(roster) = &mut config.roster {
            paths.push(&mut roster.key);
            paths.extend(&mut roster.devices);
        }
        if let Some(lodging) = &mut config.lodging {
            paths.extend(&mut lodging.template);
            paths.extend(&mut lodging.columns);
        }
        for path in paths {
            *path = base.join(&*path);
        }
        path.clone_into(&mut config.file);
        config.text = text;
        let place = config.identity_state()?.and_then(|state| state.place);
        if config.profile.is_empty() {
            // Before it is enrolled the device has nothing to serve anybody with, and may still be looked at.
            let assigned = place.as_ref().map_or("identify", |place| place.profile.as_str());
            assigned.clone_into(&mut config.profile);
        }
        let sent = active.join(format!("profiles/{}.toml", config.profile));
        if config.profile.ends_with(".toml") {
            config.profile = base.join(&config.profile).display().to_string();
        } else if sent.exists() {
            config.profile = sent.display().to_string();
        }
        config.device = place.map(|place| place.device).unwrap_or_default();
        Ok(config)
    }

    /// Reads a configuration file; when something in it is wrong, the last one that was good. Where there is none, what could
    /// be read is given with its findings, for whoever only looks.
    ///
    /// # Errors
    /// When it cannot be read, and there was none before.
    pub fn load_or_last(path: &Path, stage: Option<Stage>, check: Check) -> Result<Self, Failure> {
        let read = Self::load(path);
        let findings = match &read {
            Ok(config) => check(config, stage),
            Err(failure) => vec![Finding::whole(failure)],
        };
        let Some(wrong) = worst(&findings).cloned() else {
            return read.map(|config| Self { findings, ..config });
        };
        let last = std::fs::read_to_string(last_good(path)).ok();
        let last = last.and_then(|text| Self::assemble(path, text, None).ok());
        // One that has become wrong, too, is better than none that can be read.
        match last.filter(|last| read.is_err() || worst(&check(last, stage)).is_none()) {
            Some(last) => {
                tracing::error!(code = wrong.code, "{}; the last good configuration is used", wrong.message);
                Ok(Self { adopted: Adopted::Refused(wrong), findings, ..last })
            }
            None => read.map(|config| Self { findings, ..config }),
        }
    }

    /// The same for a device that is about to work: nothing that is known to be wrong gets that far, and a bundle that was
    /// damaged on the disk is withdrawn before its settings are looked at.
    ///
    /// # Errors
    /// With the first thing that is wrong, where there is no last good one; the others are in the log.
    pub fn adopt(path: &Path, stage: Stage, check: Check) -> Result<Self, Failure> {
        let withdrawn = withdraw_damaged(path);
        let config = Self { withdrawn, ..Self::load_or_last(path, Some(stage), check)? };
        for Finding { key, works, failure } in &config.findings {
            let Failure { code, message, remedy, .. } = failure;
            if *works {
                tracing::warn!(key, code, remedy, "{message}");
            } else {
                tracing::error!(key, code, remedy, "{message}");
            }
        }
        if matches!(config.adopted, Adopted::Refused(_)) {
            return Ok(config);
        }
        if let Some(wrong) = worst(&config.findings) {
            return Err(wrong.clone());
        }
        let hash = |text: &str| events::hash(text.as_bytes()).to_string();
        // The first of all is no change.
        let before = std::fs::read_to_string(last_good(path)).ok().filter(|before| *before != config.text);
        let new = |before: String| Adopted::New { from: hash(&before), to: hash(&config.text) };
        let adopted = before.map_or(Adopted::AsBefore, new);
        Ok(Self { adopted, ..config })
    }

    /// Keeps the file as the last good one, since its stage works with it; whether it was another.
    pub fn keep(&self) -> bool {
        let last = last_good(&self.file);
        let is_kept = std::fs::read(&last).is_ok_and(|before| before == self.text.as_bytes());
        if is_kept || matches!(self.adopted, Adopted::Refused(_)) {
            return false;
        }
        // A disk that cannot be written is found out by what has to be kept.
        if let Err(error) = fleet::files::replace(&last, self.text.as_bytes()) {
            tracing::warn!(code = error.code(), "the configuration could not be kept: {error}");
        }
        true
    }

    /// Where the trust anchors are: those of the active bundle, if it has any.
    #[must_use]
    pub fn anchors(&self) -> PathBuf {
        let sent = self.bundles.join("active/trust");
        if sent.exists() { sent } else { self.trust.clone() }
    }

    /// Whether there is not even a directory for anchors: that is as an empty one.
    #[must_use]
    pub fn has_no_anchors(&self) -> bool {
        matches!(self.anchors().try_exists(), Ok(false))
    }

    /// That there is none.
    #[must_use]
    pub fn no_anchors(&self) -> Failure {
        let message = format!("{} is not there: no card is vouched for", self.anchors().display());
        Failure::usage("trust_absent", message, "cccd-agent trust import makes it; trust in agent.toml names it")
    }

    /// What the device knows of itself; `None` before it was set up.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn identity_state(&self) -> Result<Option<identity::State>, Failure> {
        Ok(identity::State::load(&self.identity)?)
    }

    /// The key store.
    ///
    /// # Errors
    /// When the pass phrase cannot be read, or TPM or token are not there.
    pub fn key_store(&self) -> Result<Arc<dyn KeyStore>, Failure> {
        Ok(drivers::key_store::open(&self.key_store, &self.keys, &self.pass_phrase()?)?)
    }

    /// The keys of the site, under which holders become keyed hashes.
    ///
    /// # Errors
    /// When the device is not enrolled, or they do not open.
    pub fn site_keys(&self, keys: &dyn KeyStore) -> Result<SiteKeys, Failure> {
        Ok(identity::people::site_keys(&self.identity, keys).map_err(KeeperError::from)?)
    }

    /// What the updater says of the last update.
    #[must_use]
    pub fn update_outcome(&self) -> PathBuf {
        self.updater.join("outcome.json")
    }

    /// Where files of updates are put, named by their SHA-256.
    #[must_use]
    pub fn update_files(&self) -> PathBuf {
        self.state.join("updates")
    }

    /// Where a profile's state lies: what is practised is kept apart.
    #[must_use]
    pub fn state_of(&self, practice: bool) -> PathBuf {
        if practice { self.state.join("practice") } else { self.state.clone() }
    }

    /// The outbox's file.
    #[must_use]
    pub fn outbox(&self) -> PathBuf {
        self.state.join("outbox.db")
    }

    /// The pass phrase of the keys.
    ///
    /// # Errors
    /// When it cannot be read, or others can read it.
    pub fn pass_phrase(&self) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let credential = std::env::var_os("CREDENTIALS_DIRECTORY").map(|d| Path::new(&d).join("cccd-pass-phrase"));
        // An empty one stands for none: that is how a unit says that there may be one.
        let is_given = |path: &PathBuf| std::fs::metadata(path).is_ok_and(|about| about.len() > 0);
        let path = credential.filter(is_given).unwrap_or_else(|| self.pass_phrase_file.clone());
        let bytes = program::private::secret(&path).map_err(|error| match error {
            SecretError::Io { path, source } => {
                let message = format!("cannot read the pass phrase {}: {source}", path.display());
                Failure::device("pass_phrase_unreadable", message, "mend pass_phrase_file in agent.toml")
            }
            error => Failure::of(&error),
        })?;
        Ok(Zeroizing::new(bytes.trim_ascii().to_vec()))
    }
}

fn last_good(path: &Path) -> PathBuf {
    path.with_extension("toml.last-good")
}

/// What became of a configuration file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Adopted {
    /// It is what it was.
    #[default]
    AsBefore,
    /// It is another: SHA-256 of the one before and of this one.
    New {
        /// Before.
        from: String,
        /// Now.
        to: String,
    },
    /// It is not valid; the last good one is used.
    Refused(Failure),
}

/// Where the bundles of a device are; its own file alone says so.
#[must_use]
pub fn bundles_of(base: &Path, device: &str) -> PathBuf {
    let table = toml::from_str::<toml::Table>(device).ok();
    let named = table.and_then(|table| Some(table.get("bundles")?.as_str()?.to_owned()));
    base.join(named.map_or_else(Config::bundles_directory, PathBuf::from))
}

/// Goes back to the bundle before where the files of the active one are not those that were signed; from which version to
/// which, and why.
fn withdraw_damaged(path: &Path) -> Option<Withdrawn> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let bundles = Bundles::new(&bundles_of(path.parent().unwrap_or_else(|| Path::new(".")), &text));
    let error = bundles.check().err()?;
    tracing::error!(code = error.code(), "the active bundle is damaged: {error}");
    match bundles.withdraw() {
        Ok((from, to)) => Some(Withdrawn { from, to }),
        Err(error) => {
            tracing::error!(code = error.code(), "and cannot be withdrawn: {error}");
            None
        }
    }
}

/// A bundle that was withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Withdrawn {
    /// Its version.
    pub from: u64,
    /// The one before, which is active again; 0 for none.
    pub to: u64,
}

/// The device's settings over the site's: tables are merged, anything else is replaced.
///
/// # Errors
/// When one of them is no TOML.
fn layered(site: &str, device: &str) -> Result<toml::Table, toml::de::Error> {
    fn over(below: &mut toml::Table, above: toml::Table) {
        for (key, value) in above {
            match (below.get_mut(&key), value) {
                (Some(toml::Value::Table(below)), toml::Value::Table(above)) => over(below, above),
                (_, value) => {
                    below.insert(key, value);
                }
            }
        }
    }
    let mut table: toml::Table = toml::from_str(site)?;
    over(&mut table, toml::from_str(device)?);
    Ok(table)
}
