//! The rollout in the active bundle, and its files.
//!
//! The agent, which fetched both, is another user with more to defend against: nothing of it is believed, and nothing of it is opened but
//! through [`Foreign`]. The bundle's signature is checked here once more, against keys that root noted at enrolment; a file is copied
//! before it is hashed, and only the copy is used.

use crate::machine::Wanted;
use crate::runner::{Order, Source};
use crate::state::{State, Target};
use crate::trust::{Trusted, Word};
use fleet::FleetError;
use fleet::acceptance::{Acceptance, Trust};
use fleet::error::io;
use fleet::rollout::{Choice, LARGEST, Rollout, Settings, Takes, copy_hashed};
use identity::bundles::Bundles;
use program::foreign::Foreign;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The agent's side of it.
#[derive(Debug, Clone)]
pub struct OfAgent {
    /// Whose the three directories that follow are.
    pub user: Foreign,
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
    /// The updater's own directory: root's word, and the copies of files.
    pub own: PathBuf,
}

/// What became of a file.
enum Taken {
    Right,
    Wrong,
    Absent,
}

/// Copies a file of somebody's and hashes the copy.
fn take(user: Foreign, directory: &Path, hash: &str, to: &Path) -> Result<Taken, FleetError> {
    let Some(source) = user.file(directory, Path::new(hash), LARGEST)? else { return Ok(Taken::Absent) };
    let beside = to.with_extension("part");
    let copy = || {
        let copy = std::fs::File::create(&beside)?;
        // It may grow while it is read.
        let copied = copy_hashed(source.take(LARGEST), &copy)?;
        copy.sync_all()?;
        if copied != hash {
            std::fs::remove_file(&beside)?;
            return Ok(Taken::Wrong);
        }
        std::fs::rename(&beside, to)?;
        Ok(Taken::Right)
    };
    copy().map_err(io("copy", to))
}

impl OfAgent {
    /// Where copies of files are.
    fn own_files(&self) -> PathBuf {
        self.own.join("files")
    }

    /// For which device, and whose word counts: root's. `None` as long as the device was not let in.
    fn trusted(&self, state: &State) -> Result<Option<Trusted>, FleetError> {
        let word = Word::load(&self.own)?;
        if let Some(Word::Given(trusted)) = word {
            return Ok(Some(trusted));
        }
        let Some(identity) = identity::State::load_of(self.user, &self.identity)? else { return Ok(None) };
        let Some(place) = identity.place else { return Ok(None) };
        let operators = match word {
            Some(Word::Awaited { operators }) => operators,
            // An updater before this one noted whom it obeys.
            _ if !state.operators.is_empty() => state.operators.clone(),
            // Nobody else wrote it.
            _ if self.user.is_self() => Vec::new(),
            _ => return Err(FleetError::Unvouched),
        };
        let trusted = Trusted::of(place, operators);
        Word::Given(trusted.clone()).save(&self.own)?;
        Ok(Some(trusted))
    }

    fn rollout(&self, state: &mut State) -> Result<Option<(Rollout, String)>, FleetError> {
        let Some(trusted) = self.trusted(state)? else { return Ok(None) };
        if state.trusted.as_ref() != Some(&trusted) {
            if state.operators != trusted.operators {
                // Another operator counts bundles by itself.
                state.operators.clone_from(&trusted.operators);
                (state.threshold, state.base) = (None, 0);
                state.bundle = 0;
            }
            state.trusted = Some(trusted.clone());
        }
        let Some(bytes) = Bundles::new(&self.bundles).signed_of(self.user)? else { return Ok(None) };
        let operators: Vec<Vec<u8>> = state.operators.iter().filter_map(|key| hex::decode(key).ok()).collect();
        // The one that was obeyed last may be obeyed again.
        let known = state.bundle.saturating_sub(1);
        let first = Trust::of(&operators);
        let trust = Trust { threshold: state.threshold.unwrap_or(first.threshold), base: state.base, ..first };
        let accepted = Acceptance { trust: &trust, environment: &trusted.environment, known }.open(&bytes)?;
        let bundle = accepted.bundle;
        state.bundle = bundle.version;
        (state.threshold, state.base) = (Some(accepted.trust.threshold), accepted.trust.base);
        if accepted.trust.operators != trust.operators {
            state.operators = accepted.trust.operators;
        }
        Ok(bundle.rollout()?.map(|rollout| (rollout, trusted.device)))
    }

    /// The files, where all of them are here and right.
    fn files(&self, hashes: &[String]) -> Result<Option<Vec<PathBuf>>, FleetError> {
        let own_files = self.own_files();
        std::fs::create_dir_all(&own_files).map_err(io("make", &own_files))?;
        let mut files = Vec::new();
        for hash in hashes {
            let own = own_files.join(hash);
            if !own.exists() {
                match take(self.user, &self.files, hash, &own)? {
                    Taken::Right => {}
                    Taken::Wrong => {
                        let from = self.files.join(hash);
                        tracing::warn!(code = "update_file_wrong", "{} is not what its name says", from.display());
                        return Ok(None);
                    }
                    Taken::Absent => return Ok(None),
                }
            }
            files.push(own);
        }
        Ok(Some(files))
    }

    /// Removes copies that no rollout names any more.
    fn tidy(&self, hashes: &[String]) {
        let Ok(list) = std::fs::read_dir(self.own_files()) else { return };
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
