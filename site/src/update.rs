//! The agent's part of an update: it fetches the files that a rollout names, and puts into its log how the updater says that it
//! went. It installs nothing and restarts nothing: that is another program's, which believes nothing of what lies here.

use crate::words::DeviceWord;
use config::Config;
use fleet::rollout::{LARGEST, copy_hashed};
use identity::keeper::KeeperError;
use program::Failure;
use serde::Deserialize;
use std::io::Write as _;
use std::path::Path;

/// How far it is.
#[derive(Debug, PartialEq, Eq)]
pub enum Fetched {
    /// Everything is here.
    All,
    /// A part came; there is more.
    Part,
    /// Nothing came, and why.
    Failed(String),
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> Failure {
    let path = path.to_owned();
    move |error| {
        let message = format!("cannot write {}: {error}", path.display());
        Failure::device("update_file", message, "free space, or check the disk")
    }
}

fn hash(path: &Path) -> std::io::Result<String> {
    copy_hashed(std::fs::File::open(path)?, std::io::sink())
}

/// Asks central for bytes of a file from a position on.
pub type Ask<'a> = &'a dyn Fn(&str, u64) -> Result<Vec<u8>, KeeperError>;

/// Fetches one part of the first file that is not whole; what is not wanted is removed.
///
/// # Errors
/// When the disk fails.
pub fn fetch(directory: &Path, wanted: &[String], ask: Ask<'_>) -> Result<Fetched, Failure> {
    program::private::directory(directory).map_err(io(directory))?;
    for path in std::fs::read_dir(directory).map_err(io(directory))?.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !wanted.iter().any(|hash| *hash == name || name == part_name(hash)) {
            std::fs::remove_file(&path).map_err(io(&path))?;
        }
    }
    let Some(next) = wanted.iter().find(|hash| !directory.join(hash).exists()) else { return Ok(Fetched::All) };
    let part = directory.join(part_name(next));
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&part).map_err(io(&part))?;
    let have = file.metadata().map_err(io(&part))?.len();
    let bytes = match ask(next, have) {
        Ok(bytes) => bytes,
        Err(error) => return Ok(Fetched::Failed(error.code().to_owned())),
    };
    if !bytes.is_empty() && have < LARGEST {
        file.write_all(&bytes).map_err(io(&part))?;
        return Ok(Fetched::Part);
    }
    file.sync_all().map_err(io(&part))?;
    if hash(&part).map_err(io(&part))? != *next {
        // Begun anew: what came is not what was signed.
        std::fs::remove_file(&part).map_err(io(&part))?;
        return Ok(Fetched::Failed("update_file_wrong".to_owned()));
    }
    std::fs::rename(&part, directory.join(next)).map_err(io(&part))?;
    Ok(Fetched::Part)
}

fn part_name(hash: &str) -> String {
    format!("{hash}.part")
}

/// What the agent reads of the updater's file; its format is the updater's.
#[derive(Debug, Deserialize)]
pub struct Outcome {
    /// What was to run.
    pub target: Target,
    /// Stable code of what went wrong.
    pub failed: Option<String>,
}

/// What was to run.
#[derive(Debug, Deserialize)]
pub struct Target {
    /// Name of the rollout.
    pub rollout: String,
    /// For people.
    pub version: String,
}

impl Outcome {
    /// The last one, where there was one that is understood: the updater may be newer than the agent.
    #[must_use]
    pub fn last(path: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }
}

/// Puts into the log how the last update ended, once.
///
/// # Errors
/// When the log cannot be written.
pub fn tell(config: &Config, note: Note<'_>) -> Result<(), Failure> {
    tell_of(&config.update_outcome(), &config.state.join("update-told"), note)
}

/// Puts something into the log: what, from what, to what.
pub type Note<'a> = &'a dyn Fn(DeviceWord, String, String) -> Result<(), Failure>;

fn tell_of(outcome: &Path, told: &Path, note: Note<'_>) -> Result<(), Failure> {
    let Ok(bytes) = std::fs::read(outcome) else { return Ok(()) };
    if std::fs::read(told).is_ok_and(|before| before == bytes) {
        return Ok(());
    }
    let Some(Outcome { target: Target { rollout, version }, failed }) = Outcome::last(outcome) else { return Ok(()) };
    let what = if failed.is_some() { DeviceWord::UpdateFailed } else { DeviceWord::UpdateKept };
    note(what, format!("{rollout} {version}"), failed.unwrap_or_else(|| "well".to_owned()))?;
    // Told twice is better than not at all.
    Ok(fleet::files::replace(told, &bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn a_file_comes_in_parts_goes_on_after_a_cut_and_is_what_was_signed() {
        let directory = tempfile::tempdir().expect("directory");
        let content = b"what was signed".to_vec();
        let hash = events::hash(&content).to_string();
        let (wanted, broken) = ([hash.clone()], RefCell::new(true));
        let whole = directory.path().join(&hash);
        std::fs::write(directory.path().join("older"), "of a rollout before").expect("written");
        let ask = |asked: &str, from: u64| {
            assert_eq!(asked, hash);
            let from = usize::try_from(from).expect("small");
            if from == 8 && broken.replace(false) {
                return Err(KeeperError::NoRoots);
            }
            Ok(content[from..(from + 4).min(content.len())].to_vec())
        };
        let mut failures = 0;
        for _ in 0..20 {
            match fetch(directory.path(), &wanted, &ask).expect("a disk") {
                Fetched::All => break,
                Fetched::Part => {}
                Fetched::Failed(_) => failures += 1,
            }
        }
        assert_eq!((std::fs::read(&whole).expect("whole"), failures), (content.clone(), 1));
        assert!(!directory.path().join("older").exists() && !directory.path().join(part_name(&hash)).exists());

        // Somebody in between sends something else: it is thrown away.
        std::fs::remove_file(&whole).expect("removed");
        let wrong = |_: &str, from: u64| Ok(if from == 0 { b"something else".to_vec() } else { Vec::new() });
        assert_eq!(fetch(directory.path(), &wanted, &wrong).expect("a disk"), Fetched::Part);
        let refused = fetch(directory.path(), &wanted, &wrong).expect("a disk");
        assert_eq!(refused, Fetched::Failed("update_file_wrong".to_owned()));
        assert!(!whole.exists() && !directory.path().join(part_name(&hash)).exists());
    }

    #[test]
    fn an_outcome_is_told_once() {
        let directory = tempfile::tempdir().expect("directory");
        let (outcome, told) = (directory.path().join("outcome.json"), directory.path().join("told"));
        let notes = RefCell::new(Vec::new());
        let note = |what: DeviceWord, from: String, to: String| {
            notes.borrow_mut().push(format!("{what} {from} {to}"));
            Ok(())
        };
        tell_of(&outcome, &told, &note).expect("nothing to tell");
        std::fs::write(
            &outcome,
            r#"{"target":{"rollout":"r1","version":"0.2.0","hash":"x"},"failed":"update_install"}"#,
        )
        .expect("written");
        tell_of(&outcome, &told, &note).expect("told");
        tell_of(&outcome, &told, &note).expect("not again");
        std::fs::write(&outcome, r#"{"target":{"rollout":"r2","version":"0.2.1","hash":"y"},"failed":null}"#)
            .expect("written");
        tell_of(&outcome, &told, &note).expect("told");
        assert_eq!(*notes.borrow(), ["update_failed r1 0.2.0 update_install", "update_kept r2 0.2.1 well"]);
    }
}
