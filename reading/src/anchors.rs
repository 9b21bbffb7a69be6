//! Loads trust anchors from a file or a directory.

use crate::said::{ANCHORS, PINS, Pins, Words};
use config::Config;
use emrtd::{Added, TrustStore};
use program::Failure;
use program::describe;
use std::path::{Path, PathBuf};

/// The anchors with what was odd about their files.
#[derive(Debug, Default)]
pub struct Anchors {
    /// The store.
    pub store: TrustStore,
    /// What each file added.
    pub files: Vec<Loaded>,
    /// What the operator says about single certificates; none when that cannot be used.
    pub words: Words,
    /// What the operator pinned; none when that cannot be used.
    pub pins: Pins,
    /// Files of a directory that were left out, with the reason.
    pub left_out: Vec<String>,
    /// Of these, the operator's own words: without them less is trusted than the operator meant.
    pub misread: Vec<String>,
}

/// A file that was taken.
#[derive(Debug)]
pub struct Loaded {
    /// Where it lies.
    pub path: PathBuf,
    /// What it added.
    pub added: Added,
    /// Whether it is a directory in the ICAO PKD's form (LDIF).
    pub is_directory: bool,
}

/// The record of imports in a trust directory.
pub const PROVENANCE: &str = "provenance.toml";

/// Loads a file of certificates or lists, or every such file of a directory with what the operator says there.
///
/// A directory may hold other files: they are left out and named. An empty directory is no error, because
/// verification without anchors is possible and says so.
///
/// # Errors
/// When the path cannot be read, or a file that was named itself is no trust file.
pub fn load(path: &Path) -> Result<Anchors, Failure> {
    load_without(path, &[])
}

/// The same as if these files of the directory were not there.
///
/// # Errors
/// As [`load`].
pub fn load_without(path: &Path, without: &[PathBuf]) -> Result<Anchors, Failure> {
    let unreadable = |path: &Path, why: &dyn std::fmt::Display| {
        Failure::usage(
            "trust_unreadable",
            format!("cannot use trust anchors {}: {why}", path.display()),
            "give --trust a directory or file of DER/PEM certificates, master lists or a PKD's LDIF",
        )
    };
    let mut anchors = Anchors::default();
    if !path.is_dir() {
        let bytes = std::fs::read(path).map_err(|e| unreadable(path, &e))?;
        return match anchors.take(path, &bytes) {
            Ok(()) => Ok(anchors),
            Err(why) => Err(unreadable(path, &why)),
        };
    }
    let entries = std::fs::read_dir(path).map_err(|e| unreadable(path, &e))?;
    let mut files: Vec<PathBuf> = entries.filter_map(Result::ok).map(|e| e.path()).filter(|p| p.is_file()).collect();
    files.retain(|file| ![ANCHORS, PINS, PROVENANCE].contains(&name(file).as_str()) && !without.contains(file));
    files.sort();
    for file in files {
        let read = std::fs::read(&file).map_err(|e| e.to_string());
        if let Err(why) = read.and_then(|bytes| anchors.take(&file, &bytes)) {
            anchors.leave_out(&format!("{}: {why}", name(&file)));
        }
    }
    match Words::tell(path, &mut anchors.store) {
        Ok(words) => anchors.words = words,
        Err(why) => anchors.misread(&format!("{ANCHORS}: {why}; what it names vouches for nothing")),
    }
    match Pins::tell(path, &mut anchors.store) {
        Ok(pins) => anchors.pins = pins,
        Err(why) => anchors.misread(&format!("{PINS}: {why}; nothing is pinned")),
    }
    Ok(anchors)
}

impl Anchors {
    fn leave_out(&mut self, what: &str) {
        self.left_out.push(shown(what));
    }

    fn misread(&mut self, what: &str) {
        self.leave_out(what);
        self.misread.push(shown(what));
    }

    fn take(&mut self, file: &Path, bytes: &[u8]) -> Result<(), String> {
        // Only a directory has entries to count.
        let mut is_directory = false;
        let taken = self.store.add_with(&name(file), bytes, &mut |_, _| is_directory = true);
        let added = taken.map_err(|e| describe(&e))?;
        if added.unreadable > 0 {
            self.leave_out(&format!("{}: {} certificates could not be read", name(file), added.unreadable));
        }
        if added.refused_lists > 0 {
            self.leave_out(&format!("{}: {} lists are damaged or not rightly signed", name(file), added.refused_lists));
        }
        self.files.push(Loaded { path: file.to_owned(), added, is_directory });
        Ok(())
    }
}

/// A text of which a terminal does nothing but show it. Names in certificates are clean; those of files, and what stands
/// in them, may be anything.
#[must_use]
pub fn shown(text: &str) -> String {
    program::terminal::shown(text).into_owned()
}

/// A path's last part as text.
#[must_use]
pub fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The trust anchors of the device.
///
/// # Errors
/// When they cannot be read.
pub fn of(config: &Config) -> Result<Anchors, Failure> {
    if config.has_no_anchors() {
        let Failure { code, message, remedy, .. } = config.no_anchors();
        tracing::warn!(code, remedy, "{message}");
        return Ok(Anchors::default());
    }
    let remedy = "mend trust in agent.toml: a directory or file of DER/PEM certificates, master lists or a PKD's LDIF";
    load(&config.anchors()).map_err(|failure| Failure { remedy: remedy.to_owned(), ..failure })
}
