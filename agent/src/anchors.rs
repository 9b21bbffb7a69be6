//! Loads trust anchors from a file or a directory.

use crate::failure::Failure;
use emrtd::error::describe;
use emrtd::trust::{Added, Pin, TrustStore};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The anchors with what was odd about their files.
#[derive(Debug, Default)]
pub struct Anchors {
    /// The store.
    pub store: TrustStore,
    /// What each file added.
    pub files: Vec<(PathBuf, Added)>,
    /// Files of a directory that were left out, with the reason.
    pub left_out: Vec<String>,
}

/// The file of pinned document signers in a trust directory.
pub const PINS: &str = "pins.toml";

/// The record of imports in a trust directory.
pub const PROVENANCE: &str = "provenance.toml";

/// `pins.toml`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pins {
    /// Document signers that are trusted by themselves.
    #[serde(default, rename = "pin")]
    pub pins: Vec<PinEntry>,
}

/// One pin.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinEntry {
    /// SHA-256 of the certificate, hexadecimal.
    pub sha256: String,
    /// Why it is trusted: whoever audits the device reads it.
    pub reason: String,
    /// The day it was pinned.
    pub added: String,
}

impl Pins {
    /// Reads the pins of a directory; none when there is no file.
    ///
    /// # Errors
    /// In words, when the file is not valid.
    pub fn load(directory: &Path) -> Result<Self, String> {
        match std::fs::read_to_string(directory.join(PINS)) {
            Ok(text) => toml::from_str(&text).map_err(|e| e.to_string().trim().to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn add_to(&self, store: &mut TrustStore) -> Result<(), String> {
        for pin in &self.pins {
            let fingerprint = hex::decode(&pin.sha256).ok().filter(|bytes| bytes.len() == 32);
            let fingerprint = fingerprint.ok_or_else(|| format!("{:?} is no SHA-256", pin.sha256))?;
            let scope = emrtd::document::Scope::of(&[emrtd::document::DocumentKind::IdentityCard]);
            store.pin(Pin { fingerprint, source: PINS.to_owned(), reason: pin.reason.clone(), scope });
        }
        Ok(())
    }
}

/// Loads a file of certificates or lists, or every such file of a directory.
///
/// A directory may hold other files: they are left out and named. An empty directory is no error, because
/// verification without anchors is possible and says so.
///
/// # Errors
/// When the path cannot be read, or a file that was named itself is no trust file.
pub fn load(path: &Path) -> Result<Anchors, Failure> {
    let unreadable = |path: &Path, why: &dyn std::fmt::Display| {
        Failure::usage(
            "trust_unreadable",
            format!("cannot use trust anchors {}: {why}", path.display()),
            "give --trust a directory or file of DER/PEM certificates or master lists",
        )
    };
    let mut anchors = Anchors::default();
    if !path.is_dir() {
        let bytes = std::fs::read(path).map_err(|e| unreadable(path, &e))?;
        let added = anchors.store.add(&name(path), &bytes).map_err(|e| unreadable(path, &describe(&e)))?;
        anchors.note(path.to_owned(), added);
        return Ok(anchors);
    }
    let entries = std::fs::read_dir(path).map_err(|e| unreadable(path, &e))?;
    let mut files: Vec<PathBuf> = entries.filter_map(Result::ok).map(|e| e.path()).filter(|p| p.is_file()).collect();
    files.retain(|file| ![PINS, PROVENANCE].contains(&name(file).as_str()));
    files.sort();
    for file in files {
        let result = std::fs::read(&file).map_err(|e| e.to_string());
        let result = result.and_then(|bytes| anchors.store.add(&name(&file), &bytes).map_err(|e| describe(&e)));
        match result {
            Ok(added) => anchors.note(file, added),
            Err(why) => anchors.left_out.push(format!("{}: {why}", name(&file))),
        }
    }
    if let Err(why) = Pins::load(path).and_then(|pins| pins.add_to(&mut anchors.store)) {
        anchors.left_out.push(format!("{PINS}: {why}"));
    }
    Ok(anchors)
}

impl Anchors {
    fn note(&mut self, file: PathBuf, added: Added) {
        if added.unreadable > 0 {
            self.left_out.push(format!("{}: {} certificates could not be read", name(&file), added.unreadable));
        }
        self.files.push((file, added));
    }
}

/// A path's last part as text.
#[must_use]
pub fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
