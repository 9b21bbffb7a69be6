//! `cccd-agent trust seen`: document signers of cards that were read here, and that nobody here vouches for.

use super::print;
use crate::check;
use crate::commands::book;
use crate::commands::print_json;
use cccd::document::Kind;
use emrtd::{Certificate, Chain, Scope, TrustStore, UnixTime, scope_of};
use program::{Failure, exit};
use reading::anchors;
use reading::said::kinds;
use reading::simulated;
use serde::Serialize;
use serde_json::json;
use std::path::Path;
use store::book::signers::SeenSigner;
use visit::profile::Profile;

/// A document signer as people and programs see it.
#[derive(Debug, Serialize)]
struct View {
    sha256: String,
    subject: String,
    issuer: String,
    country: String,
    serial: String,
    document: String,
    documents: u64,
    numbers: u64,
    since: String,
    last: String,
}

/// Whether somebody here vouches by now for what this signer signed.
fn is_vouched_for(store: &TrustStore, certificate: &Certificate, document: &str) -> bool {
    let scope = match store.chain(certificate) {
        Chain::Pinned(pin) => pin.scope,
        Chain::Trusted(path) => scope_of(&path),
        _ => Scope::NONE,
    };
    Kind::find(document).is_some_and(|kind| scope.contains(kinds::document(kind)))
}

fn view(seen: &SeenSigner, certificate: &Certificate) -> View {
    View {
        sha256: hex::encode(certificate.fingerprint()),
        subject: certificate.subject_name(),
        issuer: certificate.issuer_name(),
        country: certificate.issuer_country().unwrap_or_default(),
        serial: certificate.serial_hex(),
        document: seen.document.clone(),
        documents: seen.count,
        numbers: seen.numbers,
        since: UnixTime(seen.since).to_string(),
        last: UnixTime(seen.last).to_string(),
    }
}

/// Lists them, and writes their certificates out to be compared and pinned.
///
/// # Errors
/// When the book does not open, or a file cannot be written.
pub fn run(config: &Path, export: Option<&Path>, json: bool) -> Result<u8, Failure> {
    let config = check::load_or_last(config, None)?;
    let practice = Profile::load(&config.profile)?.practice;
    let anchors = if practice { simulated::anchors()? } else { anchors::of(&config)? };
    let signers = book(&config)?.signers()?;
    let mut views = Vec::new();
    let mut by_now = 0;
    for seen in &signers {
        // What was kept was parsed when it was read.
        let Ok(certificate) = Certificate::parse(&seen.certificate) else { continue };
        if is_vouched_for(&anchors.store, &certificate, &seen.document) {
            by_now += 1;
            continue;
        }
        let view = view(seen, &certificate);
        if let Some(directory) = export {
            write(directory, &view.sha256, &seen.certificate)?;
        }
        views.push(view);
    }
    if json {
        let report = json!({ "schema": "cccd-agent/trust-seen/1", "signers": views, "vouched_for_by_now": by_now });
        print_json(&report)?;
        return Ok(exit::GENUINE);
    }
    let mut text = String::new();
    for view in &views {
        let View { sha256, subject, issuer, country, serial, document, documents, numbers, since, last } = view;
        text += &format!(
            "{sha256}\n  subject    {subject}\n  issuer     {issuer}\n  country    {country}\n  serial     {serial}\n\
             \x20 documents  {documents} of kind {document}, over some {numbers} numbers\n  seen       {since} to {last}\n"
        );
    }
    text += &format!("{} document signers that nobody here vouches for\n", views.len());
    if by_now > 0 {
        text += &format!("{by_now} more are vouched for by now\n");
    }
    print(&text);
    Ok(exit::GENUINE)
}

fn write(directory: &Path, sha256: &str, certificate: &[u8]) -> Result<(), Failure> {
    let path = directory.join(format!("{sha256}.cer"));
    let written = std::fs::create_dir_all(directory).and_then(|()| std::fs::write(&path, certificate));
    written.map_err(|e| {
        let message = format!("cannot write {}: {e}", path.display());
        Failure::usage("file_unwritable", message, "name a directory that can be written")
    })
}
