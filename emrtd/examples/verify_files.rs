//! Passive authentication of files that somebody else read: who signed them, and whether they are what was signed.
//!
//! ```sh
//! cargo run -p emrtd --example verify_files -- DIRECTORY
//! ```
//!
//! | in the directory | is |
//! |---|---|
//! | `sod.bin` | EF.SOD |
//! | `dg1.bin` … `dg16.bin` | data groups, those that are there |
//! | `csca/` | trust anchors: certificates, master lists, revocation lists |
//!
//! That a chip is no copy cannot be seen from files: for that it must be asked.

use emrtd::{Document, Facts, Group, Issuer, PassiveAuthentication, TrustStore, UnixTime, lds};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Judges the files of a directory.
pub(crate) fn verify(directory: &Path, now: UnixTime) -> Result<PassiveAuthentication, Box<dyn Error>> {
    let mut trust = TrustStore::new();
    for entry in fs::read_dir(directory.join("csca"))? {
        let path = entry?.path();
        trust.add(&path.display().to_string(), &fs::read(&path)?)?;
    }
    let mut files = BTreeMap::new();
    for number in 1..=16 {
        let path = directory.join(format!("dg{number}.bin"));
        if path.exists() {
            files.insert(number, fs::read(path)?);
        }
    }
    // The issuing state of EF.DG1 must be the signer's. It is believed only where the SOD binds the group.
    let mrz = files.get(&1).map(|file| lds::dg1::parse(file)).transpose()?;
    let facts = Facts::of(mrz.as_ref().map(Document::of));
    let groups = files.iter().map(|(number, file)| (*number, Group::Bytes(file))).collect();
    let sod = fs::read(directory.join("sod.bin"))?;
    Ok(PassiveAuthentication::run(&sod, &groups, &facts, &trust, None, now))
}

#[allow(clippy::disallowed_methods, reason = "a program of one judgement has no other clock")]
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args_os().nth(1).ok_or("a directory")?;
    let now = UnixTime(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().try_into()?);
    let found = verify(Path::new(&directory), now)?;
    for check in &found.checks {
        let reason = check.reason.as_deref().unwrap_or_default();
        println!("{:<24} {:?} {reason}", check.id, check.outcome);
    }
    println!("issuer {}, groups that are what was signed: {:?}", found.issuer.code(), found.bound);
    if found.issuer == Issuer::Refuted { Err("refuted".into()) } else { Ok(()) }
}
