//! Loads trust anchors from a file or a directory.

use crate::failure::Failure;
use emrtd::TrustStore;
use std::path::{Path, PathBuf};

/// The anchors with what was odd about their files.
#[derive(Debug, Default)]
pub struct Anchors {
    /// The store.
    pub store: TrustStore,
    /// Files of a directory that were left out, with the reason.
    pub left_out: Vec<String>,
}

/// Loads a file of certificates or a master list, or every such file of a directory.
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
        let added =
            anchors.store.add(&name(path), &bytes).map_err(|e| unreadable(path, &emrtd::error::describe(&e)))?;
        note_unreadable(&mut anchors.left_out, path, added.unreadable);
        return Ok(anchors);
    }
    let entries = std::fs::read_dir(path).map_err(|e| unreadable(path, &e))?;
    let mut files: Vec<PathBuf> = entries.filter_map(Result::ok).map(|e| e.path()).filter(|p| p.is_file()).collect();
    files.sort();
    for file in files {
        let result = std::fs::read(&file).map_err(|e| e.to_string());
        let result =
            result.and_then(|bytes| anchors.store.add(&name(&file), &bytes).map_err(|e| emrtd::error::describe(&e)));
        match result {
            Ok(added) => note_unreadable(&mut anchors.left_out, &file, added.unreadable),
            Err(why) => anchors.left_out.push(format!("{}: {why}", name(&file))),
        }
    }
    Ok(anchors)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn note_unreadable(left_out: &mut Vec<String>, path: &Path, count: usize) {
    if count > 0 {
        left_out.push(format!("{}: {count} certificates could not be read", name(path)));
    }
}
