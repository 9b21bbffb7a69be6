//! Which lists may come in, and whose place they take.
//!
//! | new | takes the place of | refused |
//! |---|---|---|
//! | master list | earlier ones of its country | when it is older than one that is there |
//! | directory (LDIF) | earlier ones with no more in them than it has: master lists, document signers, revocation lists | when what it replaces has a list that is newer than its newest |
//! | either | | when a master list is vouched for by a CSCA that is new here, although others of its country are there |

use super::plan::Permissions;
use crate::anchors::{Anchors, Loaded, name};
use emrtd::{Added, MasterList, TrustStore, UnixTime};
use program::Failure;
use serde::Serialize;
use std::path::PathBuf;

/// A master list that comes in.
#[derive(Debug, Clone, Serialize)]
pub struct ListView {
    /// The name of its signer.
    pub signer: String,
    /// The CSCA that vouches for the signer, SHA-256.
    pub authority_sha256: String,
    /// Whether that CSCA was here before.
    pub authority_known: bool,
    /// When it was signed, if it says so.
    pub signed: Option<String>,
}

impl ListView {
    pub(super) fn new(list: &MasterList, before: &Anchors) -> Self {
        Self {
            signer: list.signer.clone(),
            authority_sha256: hex::encode(list.authority.fingerprint()),
            authority_known: is_known(list, before),
            signed: list.signed.map(|at| at.to_string()),
        }
    }
}

fn is_known(list: &MasterList, before: &Anchors) -> bool {
    let fingerprint = list.authority.fingerprint();
    before.store.entries().iter().any(|entry| entry.certificate.fingerprint() == fingerprint)
}

/// What a file has of each kind.
fn has(added: &Added) -> [bool; 3] {
    [!added.master_lists.is_empty(), added.signers > 0, added.revocation_lists > 0]
}

/// The newest list of a file.
fn newest(store: &TrustStore, added: &Added) -> Option<UnixTime> {
    let lists = added.master_lists.iter().filter_map(|list| list.signed);
    lists.chain(store.revocation_lists().map(|crl| crl.this_update)).max()
}

/// The files that a new one takes the place of. `alone` has nothing but the new one.
pub(super) fn replaced(
    new: &Loaded,
    alone: &TrustStore,
    before: &Anchors,
    allowed: &Permissions,
) -> Result<Vec<PathBuf>, Failure> {
    for list in &new.added.master_lists {
        let country = list.authority.country();
        let same = |file: &Loaded| file.added.master_lists.iter().any(|other| other.authority.country() == country);
        if before.files.iter().any(same) && !is_known(list, before) && !allowed.new_signer {
            let message = format!(
                "the master list is vouched for by a CSCA that is not trusted here yet: {}, SHA-256 {}",
                list.authority.subject_name(),
                hex::encode(list.authority.fingerprint())
            );
            let remedy = "compare the fingerprint with the issuer's publication, then import with --accept-new-signer";
            return Err(Failure::usage("master_list_new_signer", message, remedy));
        }
    }
    if new.is_directory { directories(new, alone, before, allowed) } else { master_lists(new, before, allowed) }
}

fn master_lists(new: &Loaded, before: &Anchors, allowed: &Permissions) -> Result<Vec<PathBuf>, Failure> {
    let Some(list) = new.added.master_lists.first() else { return Ok(Vec::new()) };
    let country = list.authority.country();
    let mut replaced = Vec::new();
    for file in &before.files {
        let mut same = file.added.master_lists.iter().filter(|other| other.authority.country() == country).peekable();
        if same.peek().is_none() {
            continue;
        }
        if list.signed < same.filter_map(|other| other.signed).max() && !allowed.older {
            let message = format!("{} is newer than the master list to be imported", name(&file.path));
            return Err(older("master_list_older", message));
        }
        // A directory has the lists of others, too.
        if !file.is_directory {
            replaced.push(file.path.clone());
        }
    }
    Ok(replaced)
}

fn directories(
    new: &Loaded,
    alone: &TrustStore,
    before: &Anchors,
    allowed: &Permissions,
) -> Result<Vec<PathBuf>, Failure> {
    let covers = |file: &&Loaded| {
        file.is_directory && has(&file.added).iter().zip(has(&new.added)).all(|(there, here)| !there || here)
    };
    let mut replaced = Vec::new();
    for file in before.files.iter().filter(covers) {
        let there = crate::anchors::load(&file.path)?;
        if newest(alone, &new.added) < newest(&there.store, &file.added) && !allowed.older {
            let message = format!("{} has newer lists than the directory to be imported", name(&file.path));
            return Err(older("directory_older", message));
        }
        replaced.push(file.path.clone());
    }
    Ok(replaced)
}

fn older(code: &str, message: String) -> Failure {
    Failure::usage(code, message, "import it with --allow-older if that is meant")
}
