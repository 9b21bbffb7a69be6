//! The operator's word about one certificate of a directory: for which kinds of document it vouches.

use super::import::{pins, replace, said};
use super::plan::{Documents, unfit, unknown};
use super::{CertificateView, difference};
use crate::anchors;
use crate::said::{ANCHORS, PINS, PinEntry, Word, fingerprint, kinds};
use emrtd::UnixTime;
use program::Failure;
use serde::Serialize;
use std::path::Path;

/// What was said.
#[derive(Debug, Clone, Serialize)]
pub struct Scoped {
    /// SHA-256 of the certificate.
    pub sha256: String,
    /// The kinds.
    pub documents: Vec<String>,
    /// Whether it is a pin.
    pub pin: bool,
    /// Certificates that vouch for something else than before: links follow their anchor.
    pub changed: Vec<CertificateView>,
    /// Whether the certificate is in the directory, or pinned there.
    pub here: bool,
}

/// The shortest start of a fingerprint that names a certificate.
const SHORTEST: usize = 8;

/// Says for which documents the certificate, or the pin, whose SHA-256 starts so, vouches. One that is not there yet is
/// named by the whole of it.
///
/// # Errors
/// When nothing or more than one thing is meant, the words do not fit, or the directory cannot be written.
pub fn scope(directory: &Path, start: &str, documents: &Documents, now: UnixTime) -> Result<Scoped, Failure> {
    kinds::scope(&documents.words).map_err(|why| unknown(&why))?;
    let before = anchors::load(directory)?;
    let start = start.to_lowercase();
    let is_meant = |sha256: &String| start.len() >= SHORTEST && sha256.starts_with(&start);
    let entries = before.store.entries().iter();
    let mut meant: Vec<(String, Option<String>)> = entries
        .map(|entry| {
            (hex::encode(entry.certificate.fingerprint()), Some(entry.certificate.country().unwrap_or_default()))
        })
        .chain(before.pins.pins.iter().map(|pin| (pin.sha256.to_lowercase(), None)))
        .filter(|(sha256, _)| is_meant(sha256))
        .collect();
    let here = !meant.is_empty();
    if !here && fingerprint(&start).is_some() {
        meant.push((start.clone(), Some(String::new())));
    }
    let [(sha256, country)] = &meant[..] else {
        let message = format!(
            "{} certificates in {} have a SHA-256 that starts with {start:?}",
            meant.len(),
            directory.display()
        );
        let remedy =
            "give more of it, at least 8 digits: see `cccd-agent trust list`; all 64 for one that is not there yet";
        return Err(Failure::usage("certificate_unknown", message, remedy));
    };
    let Documents { words, reason } = documents.clone();
    if let Some(country) = country {
        if let Some(word) = kinds::misfit(&words, country).filter(|_| here) {
            return Err(unfit(word, sha256, country));
        }
        let mut all = said(directory)?;
        all.put(Word { sha256: sha256.clone(), documents: words.clone(), reason, added: now.to_string() });
        replace(directory, ANCHORS, &all)?;
    } else {
        let mut all = pins(directory)?;
        all.put(PinEntry { sha256: sha256.clone(), documents: words.clone(), reason, added: now.to_string() });
        replace(directory, PINS, &all)?;
    }
    let after = anchors::load(directory)?;
    let changed = difference(&before.store, &after.store).changed;
    Ok(Scoped { sha256: sha256.clone(), documents: words, pin: country.is_none(), changed, here })
}
