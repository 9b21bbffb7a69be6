//! How something new comes into a trust directory: checked first, compared with what is there, written whole, and
//! recorded.

use super::{Difference, difference};
use crate::anchors::{self, PINS, PROVENANCE, PinEntry, Pins, name};
use crate::failure::Failure;
use emrtd::error::describe;
use emrtd::trust::{MasterList, TrustStore};
use emrtd::x509::{Certificate, UnixTime};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What the operator allows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Permissions {
    /// A master list whose CSCA is not in the directory yet, although others of its country are.
    pub new_signer: bool,
    /// A master list older than the one that is there.
    pub older: bool,
}

/// What an import did.
#[derive(Debug, Clone, Serialize)]
pub struct Imported {
    /// The file's name in the directory.
    pub file: String,
    /// SHA-256 of its content.
    pub sha256: String,
    /// Certificates, revocation lists, deviation lists in it.
    pub certificates: usize,
    /// Revocation lists.
    pub revocation_lists: usize,
    /// Deviation lists.
    pub deviation_lists: usize,
    /// For a master list: its signer.
    pub signer: Option<String>,
    /// For a master list: the CSCA that vouches for the signer, SHA-256.
    pub authority_sha256: Option<String>,
    /// Whether that CSCA was trusted before.
    pub authority_known: bool,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    signer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authority_sha256: Option<String>,
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

/// Imports a file of certificates or lists into a directory, which is made if it is not there.
///
/// # Errors
/// When the file is no trust file, when a list's signature is wrong, when a master list comes from a new signer or is
/// older than the one that is there and that was not allowed, or when the directory cannot be written.
pub fn import(file: &Path, directory: &Path, allowed: Permissions, now: UnixTime) -> Result<Imported, Failure> {
    let bytes = crate::commands::load(file)?;
    let original = name(file);
    let mut alone = TrustStore::new();
    let added = alone.add(&original, &bytes).map_err(|e| {
        refused("trust_unreadable", format!("{}: {}", file.display(), describe(&e)), "give a sound trust file")
    })?;
    std::fs::create_dir_all(directory).map_err(unwritable(directory))?;
    let before = anchors::load(directory)?;
    let authority = added.master_lists.first().map(|list| list.authority.fingerprint());
    let is_known =
        |fingerprint: &Vec<u8>| before.store.entries().iter().any(|e| e.certificate.fingerprint() == *fingerprint);
    let authority_known = authority.as_ref().is_some_and(is_known);
    let mut replaced = Vec::new();
    if let Some(list) = added.master_lists.first() {
        replaced = predecessors(list, &before, authority_known, allowed)?;
    }
    let sha256 = hex::encode(emrtd::crypto::HashAlgorithm::Sha256.digest(&bytes));
    let target = target_name(&alone, &added, &sha256);
    write(&directory.join(&target), &bytes)?;
    let attic = directory.join("replaced");
    replaced.retain(|path| name(path) != target);
    for path in &replaced {
        std::fs::create_dir_all(&attic).map_err(unwritable(&attic))?;
        std::fs::rename(path, attic.join(name(path))).map_err(unwritable(path))?;
    }
    let imported = Provenance {
        file: target.clone(),
        sha256: sha256.clone(),
        original,
        imported: now.to_string(),
        signer: added.master_lists.first().map(|list| list.signer.clone()),
        authority_sha256: authority.map(hex::encode),
    };
    record(directory, imported.clone())?;
    let after = anchors::load(directory)?;
    Ok(Imported {
        file: target,
        sha256,
        certificates: added.certificates,
        revocation_lists: added.revocation_lists,
        deviation_lists: added.deviation_lists,
        signer: imported.signer,
        authority_sha256: imported.authority_sha256,
        authority_known,
        replaced: replaced.iter().map(|path| name(path)).collect(),
        difference: difference(&before.store, &after.store),
    })
}

/// The files that a master list takes the place of: earlier lists of the same country.
fn predecessors(
    list: &MasterList,
    before: &anchors::Anchors,
    authority_known: bool,
    allowed: Permissions,
) -> Result<Vec<PathBuf>, Failure> {
    let country = list.authority.country();
    let same = |file: &&(PathBuf, emrtd::trust::Added)| {
        file.1.master_lists.iter().any(|other| other.authority.country() == country)
    };
    let earlier: Vec<_> = before.files.iter().filter(same).collect();
    if !earlier.is_empty() && !authority_known && !allowed.new_signer {
        let message = format!(
            "the master list is vouched for by a CSCA that is not trusted here yet: {}, SHA-256 {}",
            list.authority.subject_name(),
            hex::encode(list.authority.fingerprint())
        );
        let remedy = "compare the fingerprint with the issuer's publication, then import with --accept-new-signer";
        return Err(refused("master_list_new_signer", message, remedy));
    }
    for (path, added) in &earlier {
        let there = added.master_lists.iter().filter_map(|other| other.signed).max();
        if list.signed < there && !allowed.older {
            let message = format!("{} is newer than the master list to be imported", name(path));
            return Err(refused("master_list_older", message, "import it with --allow-older if that is meant"));
        }
    }
    Ok(earlier.into_iter().map(|(path, _)| path.clone()).collect())
}

/// A name that tells what is in the file.
fn target_name(store: &TrustStore, added: &emrtd::trust::Added, sha256: &str) -> String {
    let of = |certificate: &Certificate| certificate.country().unwrap_or_default().to_lowercase();
    let (kind, country) = match (added.master_lists.first(), store.entries().first(), store.revocation_lists().next()) {
        (Some(list), ..) => ("ml", of(&list.authority)),
        (None, Some(entry), _) => ("cer", of(&entry.certificate)),
        (None, None, Some(crl)) => ("crl", emrtd::x509::country(crl.issuer()).unwrap_or_default().to_lowercase()),
        (None, None, None) => ("dl", store.deviation_lists().next().map(|(l, _)| of(&l.signer)).unwrap_or_default()),
    };
    let country: String = country.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{country}-{}.{kind}", &sha256[..12])
}

/// Writes beside and renames: a power cut leaves the old state or the new one.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    use std::io::Write as _;
    let failed = unwritable(path);
    let beside = path.with_extension("tmp");
    let mut file = std::fs::File::create(&beside).map_err(&failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(&failed)?;
    std::fs::rename(&beside, path).map_err(&failed)
}

fn record(directory: &Path, line: Provenance) -> Result<(), Failure> {
    let path = directory.join(PROVENANCE);
    let damaged = |why: String| {
        refused("trust_record_damaged", format!("{}: {why}", path.display()), "mend or remove the file; it is a record")
    };
    let mut record: Record = match std::fs::read_to_string(&path) {
        Ok(text) => toml::from_str(&text).map_err(|e| damaged(e.to_string().trim().to_owned()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Record::default(),
        Err(error) => return Err(damaged(error.to_string())),
    };
    record.imports.push(line);
    let text = toml::to_string(&record).map_err(|e| damaged(e.to_string()))?;
    write(&path, text.as_bytes())
}

/// Pins a document signer: from its certificate, or from an EF.SOD that it signed.
///
/// # Errors
/// When the file is neither, or the directory cannot be written.
pub fn pin(file: &Path, directory: &Path, reason: &str, now: UnixTime) -> Result<PinEntry, Failure> {
    let bytes = crate::commands::load(file)?;
    let certificate = document_signer(&bytes).ok_or_else(|| {
        let message = format!("{} is neither a document signer's certificate nor an EF.SOD", file.display());
        refused("pin_unreadable", message, "give a DER or PEM certificate, or an EF.SOD that verifies")
    })?;
    if certificate.is_authority() {
        let message = format!("{} is a certification authority", certificate.subject_name());
        return Err(refused("pin_is_authority", message, "import it without --pin: it then vouches for its signers"));
    }
    std::fs::create_dir_all(directory).map_err(unwritable(directory))?;
    let path = directory.join(PINS);
    let mut pins = Pins::load(directory)
        .map_err(|why| refused("trust_record_damaged", format!("{}: {why}", path.display()), "mend the file"))?;
    let entry =
        PinEntry { sha256: hex::encode(certificate.fingerprint()), reason: reason.to_owned(), added: now.to_string() };
    pins.pins.retain(|pin| pin.sha256 != entry.sha256);
    pins.pins.push(entry.clone());
    let text =
        toml::to_string(&pins).map_err(|e| refused("trust_unwritable", e.to_string(), "report this as a bug"))?;
    write(&path, text.as_bytes())?;
    Ok(entry)
}

fn document_signer(bytes: &[u8]) -> Option<Certificate> {
    if let Ok(sod) = emrtd::lds::Sod::parse(bytes) {
        let signed = &sod.signed_data;
        return signed.certificates.iter().find(|c| matches!(signed.verify(c), Ok(Ok(())))).cloned();
    }
    let objects = emrtd::x509::split_certificates(bytes).ok()?;
    match &objects[..] {
        [der] => Certificate::parse(der).ok(),
        _ => None,
    }
}
