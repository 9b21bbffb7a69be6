//! How something new comes into a trust directory: written whole, and recorded.

use super::lists::ListView;
use super::plan::{Documents, Plan, unfit, unknown};
use super::{Difference, difference};
use crate::anchors::{PROVENANCE, name};
use crate::said::{ANCHORS, PINS, PinEntry, Pins, Words, citizen_cards, kinds};
use emrtd::{Certificate, UnixTime};
use program::Failure;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What an import did.
#[derive(Debug, Clone, Serialize)]
pub struct Imported {
    /// The file's name in the directory.
    pub file: String,
    /// SHA-256 of its content.
    pub sha256: String,
    /// Certificates that may vouch for something.
    pub certificates: usize,
    /// Document signers of a directory, kept aside.
    pub document_signers: usize,
    /// Revocation lists.
    pub revocation_lists: usize,
    /// Deviation lists.
    pub deviation_lists: usize,
    /// Lists of a directory that were left out, because they are damaged or not rightly signed.
    pub refused_lists: usize,
    /// Certificates that could not be read and were left out.
    pub unreadable: usize,
    /// Master lists.
    pub master_lists: Vec<ListView>,
    /// What it replaced.
    pub replaced: Vec<String>,
    /// What changes for verification.
    pub difference: Difference,
}

/// One line of `provenance.toml`.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Provenance {
    file: String,
    sha256: String,
    original: String,
    imported: String,
    // As imports before this version wrote them, for the one list that a file had.
    #[serde(skip_serializing_if = "Option::is_none")]
    signer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authority_sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    master_lists: Vec<Signer>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Signer {
    signer: String,
    authority_sha256: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Record {
    #[serde(default, rename = "import")]
    imports: Vec<Provenance>,
}

fn refused(code: &str, message: String, remedy: &str) -> Failure {
    Failure::usage(code, message, remedy)
}

fn unwritable(path: &Path) -> impl Fn(std::io::Error) -> Failure {
    let path = path.to_owned();
    move |error| {
        let message = format!("cannot write {}: {error}", path.display());
        Failure::usage("trust_unwritable", message, "name a directory that you may write to")
    }
}

/// Does what was planned. The directory is made if it is not there.
///
/// # Errors
/// When it cannot be written.
pub fn write(plan: Plan, now: UnixTime) -> Result<Imported, Failure> {
    let Plan { directory, original, target, sha256, bytes, file, before, after, replaced, words, master_lists, .. } =
        plan;
    std::fs::create_dir_all(&directory).map_err(unwritable(&directory))?;
    // The word goes first: no power cut leaves a certificate with more than it was given.
    if !words.is_empty() {
        let mut all = said(&directory)?;
        words.into_iter().for_each(|word| all.put(word));
        replace(&directory, ANCHORS, &all)?;
    }
    write_file(&directory.join(&target), &bytes)?;
    let attic = directory.join("replaced");
    let replaced: Vec<_> = replaced.into_iter().filter(|path| name(path) != target).collect();
    for path in &replaced {
        std::fs::create_dir_all(&attic).map_err(unwritable(&attic))?;
        std::fs::rename(path, attic.join(name(path))).map_err(unwritable(path))?;
    }
    let signers = master_lists
        .iter()
        .map(|list| Signer { signer: list.signer.clone(), authority_sha256: list.authority_sha256.clone() });
    let line = Provenance {
        file: target.clone(),
        sha256: sha256.clone(),
        original,
        imported: now.to_string(),
        signer: None,
        authority_sha256: None,
        master_lists: signers.collect(),
    };
    record(&directory, line)?;
    Ok(Imported {
        file: target,
        sha256,
        certificates: file.added.certificates,
        document_signers: file.added.signers,
        revocation_lists: file.added.revocation_lists,
        deviation_lists: file.added.deviation_lists,
        refused_lists: file.added.refused_lists,
        unreadable: file.added.unreadable,
        master_lists,
        replaced: replaced.iter().map(|path| name(path)).collect(),
        difference: difference(&before.store, &after),
    })
}

/// The words of a directory, to be changed.
pub(super) fn said(directory: &Path) -> Result<Words, Failure> {
    Words::load(directory).map_err(|why| damaged(&directory.join(ANCHORS), &why))
}

/// The pins of a directory, to be changed.
pub(super) fn pins(directory: &Path) -> Result<Pins, Failure> {
    Pins::load(directory).map_err(|why| damaged(&directory.join(PINS), &why))
}

fn damaged(path: &Path, why: &str) -> Failure {
    refused("trust_record_damaged", format!("{}: {why}", path.display()), "mend or remove the file")
}

/// Writes a file of a directory anew.
pub(super) fn replace(directory: &Path, file: &str, content: &impl Serialize) -> Result<(), Failure> {
    let text = toml::to_string(content);
    let text = text.map_err(|e| refused("trust_unwritable", e.to_string(), "report this as a bug"))?;
    write_file(&directory.join(file), text.as_bytes())
}

/// Writes beside and renames: a power cut leaves the old state or the new one.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    use std::io::Write as _;
    let failed = unwritable(path);
    let beside = path.with_extension("tmp");
    let mut file = std::fs::File::create(&beside).map_err(&failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(&failed)?;
    std::fs::rename(&beside, path).map_err(&failed)
}

fn record(directory: &Path, line: Provenance) -> Result<(), Failure> {
    let path = directory.join(PROVENANCE);
    let mut record: Record = match std::fs::read_to_string(&path) {
        Ok(text) => toml::from_str(&text).map_err(|e| damaged(&path, e.to_string().trim()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Record::default(),
        Err(error) => return Err(damaged(&path, &error.to_string())),
    };
    record.imports.push(line);
    replace(directory, PROVENANCE, &record)
}

/// Pins a document signer: from its certificate, or from an EF.SOD that it signed; for citizen cards when no words are
/// given.
///
/// # Errors
/// When the file is neither, the words do not fit it, or the directory cannot be written.
pub fn pin(file: &Path, directory: &Path, documents: &Documents, now: UnixTime) -> Result<PinEntry, Failure> {
    let bytes = program::files::read(file)?;
    let certificate = document_signer(&bytes).ok_or_else(|| {
        let message = format!("{} is neither a document signer's certificate nor an EF.SOD", file.display());
        refused("pin_unreadable", message, "give a DER or PEM certificate, or an EF.SOD that verifies")
    })?;
    if certificate.is_authority() {
        let message = format!("{} is a certification authority", certificate.subject_name());
        return Err(refused("pin_is_authority", message, "import it without --pin: it then vouches for its signers"));
    }
    let words = if documents.words.is_empty() { citizen_cards() } else { documents.words.clone() };
    kinds::scope(&words).map_err(|why| unknown(&why))?;
    // The verdict compares the country of the signer's issuer with the document's.
    let country = certificate.issuer_country().unwrap_or_default();
    if let Some(word) = kinds::misfit(&words, &country) {
        return Err(unfit(word, &certificate.subject_name(), &country));
    }
    std::fs::create_dir_all(directory).map_err(unwritable(directory))?;
    let mut pins = pins(directory)?;
    let sha256 = hex::encode(certificate.fingerprint());
    let entry = PinEntry { sha256, documents: words, reason: documents.reason.clone(), added: now.to_string() };
    pins.put(entry.clone());
    replace(directory, PINS, &pins)?;
    Ok(entry)
}

fn document_signer(bytes: &[u8]) -> Option<Certificate> {
    if let Ok(sod) = emrtd::lds::Sod::parse(bytes) {
        let signed = &sod.signed_data;
        return signed.certificates.iter().find(|c| matches!(signed.verify(c), Ok(Ok(())))).cloned();
    }
    let objects = emrtd::hazmat::x509::split_certificates(bytes).ok()?;
    match &objects[..] {
        [der] => Certificate::parse(der).ok(),
        _ => None,
    }
}
