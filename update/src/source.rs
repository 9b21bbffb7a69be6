//! The rollout in the active bundle, and its files.
//!
//! The agent, which fetched both, is another user with more to defend against: nothing of it is believed. The bundle's
//! signature is checked here once more, against keys that were noted the first time; a file is copied before it is hashed, and
//! only the copy is used.

use crate::machine::Wanted;
use crate::runner::{Order, Source};
use crate::state::{State, Target};
use fleet::FleetError;
use fleet::bundle::Acceptance;
use fleet::error::io;
use fleet::rollout::{Choice, Rollout, Settings, Takes, copy_hashed};
use identity::bundles::Bundles;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The agent's side of it.
#[derive(Debug, Clone)]
pub struct OfAgent {
    /// Directory of the identity.
    pub identity: PathBuf,
    /// Directory of the bundles.
    pub bundles: PathBuf,
    /// Where it puts the files that it fetches, named by their SHA-256.
    pub files: PathBuf,
    /// What the site says of updates.
    pub settings: Settings,
    /// What the device takes.
    pub takes: Takes,
    /// Where files are copied to.
    pub own_files: PathBuf,
}

/// Copies a file and hashes the copy; whether it is the right one.
fn take(from: &Path, to: &Path, hash: &str) -> std::io::Result<bool> {
    // Neither a link nor anything else that leads elsewhere or blocks.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let source =
        std::fs::OpenOptions::new().read(true).custom_flags(i32::try_from(flags.bits()).unwrap_or(0)).open(from)?;
    if !source.metadata()?.is_file() {
        return Ok(false);
    }
    let beside = to.with_extension("part");
    let copy = std::fs::File::create(&beside)?;
    let copied = copy_hashed(source, &copy)?;
    copy.sync_all()?;
    if copied != hash {
        std::fs::remove_file(&beside)?;
        return Ok(false);
    }
    std::fs::rename(&beside, to)?;
    Ok(true)
}

impl OfAgent {
    fn rollout(&self, state: &mut State) -> Result<Option<(Rollout, String)>, FleetError> {
        let Some(identity) = identity::State::load(&self.identity)? else { return Ok(None) };
        let Some(place) = identity.place else { return Ok(None) };
        if state.operators.is_empty() {
            // The first time there is nobody else to ask.
            state.operators.clone_from(&place.operators);
        }
        let signed = Bundles::new(&self.bundles).path().join(identity::bundles::SIGNED);
        let bytes = match std::fs::read(&signed) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(io("read", &signed))?,
        };
        let operators: Vec<Vec<u8>> = state.operators.iter().filter_map(|key| hex::decode(key).ok()).collect();
        // The one that was obeyed last may be obeyed again.
        let known = state.bundle.saturating_sub(1);
        let (bundle, _) = Acceptance { operators: &operators, environment: &place.environment, known }.open(&bytes)?;
        state.bundle = bundle.version;
        let named = bundle.operators();
        if !named.is_empty() {
            state.operators = named.iter().map(hex::encode).collect();
        }
        Ok(bundle.rollout()?.map(|rollout| (rollout, place.device)))
    }

    /// The files, where all of them are here and right.
    fn files(&self, hashes: &[String]) -> Result<Option<Vec<PathBuf>>, FleetError> {
        std::fs::create_dir_all(&self.own_files).map_err(io("make", &self.own_files))?;
        let mut files = Vec::new();
        for hash in hashes {
            let own = self.own_files.join(hash);
            if !own.exists() {
                let from = self.files.join(hash);
                match take(&from, &own, hash) {
                    Ok(true) => {}
                    Ok(false) => {
                        tracing::warn!(code = "update_file_wrong", "{} is not what its name says", from.display());
                        return Ok(None);
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                    Err(error) => return Err(io("copy", &from)(error)),
                }
            }
            files.push(own);
        }
        Ok(Some(files))
    }

    /// Removes copies that no rollout names any more.
    fn tidy(&self, hashes: &[String]) {
        let Ok(list) = std::fs::read_dir(&self.own_files) else { return };
        for path in list.flatten().map(|entry| entry.path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !hashes.contains(&name) {
                program::ignore(std::fs::remove_file(&path), "it costs room, no more");
            }
        }
    }
}

impl Source for OfAgent {
    fn order(&self, state: &mut State, now: i64) -> Result<Option<Order>, FleetError> {
        let named = self.rollout(state)?.and_then(|(rollout, device)| {
            let choice = rollout.choice(&self.takes)?;
            Some((rollout, device, choice))
        });
        let Some((rollout, device, Choice { version, hash, files: hashes })) = named else {
            self.tidy(&[]);
            return Ok(None);
        };
        let due = rollout.due(&device);
        let target = Target { rollout: rollout.id.clone(), version, hash };
        let stopped = rollout.stopped || self.settings.hold;
        self.tidy(&hashes);
        let files = if now >= due && !stopped { self.files(&hashes)? } else { None };
        let window = self.settings.window.unwrap_or(rollout.window);
        let wanted = Wanted { target, due, stopped, ready: files.is_some() };
        Ok(Some(Order { wanted, window, files: files.unwrap_or_default() }))
    }
}
