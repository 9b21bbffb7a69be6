//! `cccd-agent trust`: what a trust directory holds, what is wrong with it, and how something new comes in.

use crate::anchors;
use crate::commands::{now, print_json, print_text};
use crate::failure::{Failure, exit};
use crate::trust::check::{Weight, findings};
use crate::trust::import::{Imported, Permissions, import, pin};
use crate::trust::{CertificateView, Difference, difference};
use events::Clock;
use serde_json::json;
use std::path::{Path, PathBuf};

/// What to import, and what the operator allows.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    /// Files, in order.
    pub files: Vec<PathBuf>,
    /// The trust directory.
    pub into: PathBuf,
    /// Pin the document signer in the files, for this reason.
    pub pin: Option<String>,
    /// What may come in.
    pub permissions: Permissions,
    /// Whether to print JSON.
    pub json: bool,
}

/// Imports files, one after the other; the first that is refused ends it, those before it stay.
///
/// # Errors
/// When a file is refused.
pub fn run_import(request: &ImportRequest, clock: &dyn Clock) -> Result<u8, Failure> {
    let mut done = Vec::new();
    for file in &request.files {
        if let Some(reason) = &request.pin {
            let entry = pin(file, &request.into, reason, now(clock))?;
            if !request.json {
                print_text(&format!("pinned {}\n", entry.sha256));
            }
            done.push(json!({ "pin": entry }));
        } else {
            let imported = import(file, &request.into, request.permissions, now(clock))?;
            if !request.json {
                print_text(&imported_text(&imported));
            }
            done.push(json!(imported));
        }
    }
    if request.json {
        print_json(&json!({ "schema": "cccd-agent/trust-import/1", "imported": done }), true)?;
    }
    Ok(exit::GENUINE)
}

fn imported_text(imported: &Imported) -> String {
    let Imported { file, certificates, revocation_lists, deviation_lists, difference, .. } = imported;
    let mut text = format!(
        "{file}: {certificates} certificates, {revocation_lists} revocation lists, {deviation_lists} deviation lists\n"
    );
    if let (Some(signer), Some(authority)) = (&imported.signer, &imported.authority_sha256) {
        let known = if imported.authority_known { "trusted here before" } else { "new here: compare its fingerprint" };
        text += &format!("  signed by {signer}, under the CSCA {authority} ({known})\n");
    }
    for replaced in &imported.replaced {
        text += &format!("  replaces {replaced}, which is kept in replaced/\n");
    }
    // The first of its kind is no difference that anybody would read line by line; `trust list` shows it.
    let first = difference.common == 0 && difference.removed.is_empty() && difference.added.len() > 20;
    if first { text + &format!("  {} added\n", difference.added.len()) } else { text + &difference_text(difference) }
}

fn difference_text(difference: &Difference) -> String {
    let Difference { added, removed, common } = difference;
    let mut text = format!("  {} added, {} removed, {common} unchanged\n", added.len(), removed.len());
    for (mark, views) in [('+', added), ('-', removed)] {
        for view in views {
            text += &format!("  {mark} {}\n", line(view));
        }
    }
    text
}

fn line(view: &CertificateView) -> String {
    let CertificateView { sha256, country, subject, role, key, not_before, not_after, .. } = view;
    format!("{} {country:<3} {role:<6} {not_before} to {not_after}  {key:<40} {subject}", &sha256[..16])
}

/// Lists what a directory or file holds.
///
/// # Errors
/// When it cannot be read.
pub fn run_list(path: &Path, country: Option<&str>, json: bool, clock: &dyn Clock) -> Result<u8, Failure> {
    let anchors = anchors::load(path)?;
    let wanted = country.map(str::to_uppercase);
    let mut views: Vec<_> = anchors.store.entries().iter().map(CertificateView::new).collect();
    views.retain(|view| wanted.as_ref().is_none_or(|wanted| view.country == *wanted));
    views.sort_by(|a, b| (&a.country, &a.subject, &a.not_before).cmp(&(&b.country, &b.subject, &b.not_before)));
    let pins: Vec<_> = anchors
        .store
        .pins()
        .map(|pin| json!({ "sha256": hex::encode(&pin.fingerprint), "reason": pin.reason }))
        .collect();
    let revocation: Vec<_> = anchors.store.revocation_lists().map(revocation_list).collect();
    if json {
        let report = json!({
            "schema": "cccd-agent/trust-list/1",
            "certificates": views, "pins": pins, "revocation_lists": revocation, "left_out": anchors.left_out,
        });
        print_json(&report, true)?;
        return Ok(exit::GENUINE);
    }
    let mut text: String = views.iter().map(|view| line(view) + "\n").collect();
    for pin in anchors.store.pins() {
        text += &format!("pin {}: {}\n", hex::encode(&pin.fingerprint), pin.reason);
    }
    for crl in anchors.store.revocation_lists() {
        let issuer = emrtd::x509::common_name(crl.issuer());
        let age = (now(clock).0 - crl.this_update.0) / 86_400;
        text += &format!("revocation list of {issuer}, {}, {age} days old\n", crl.this_update);
    }
    text += &format!("{} certificates, {} pins, {} revocation lists\n", views.len(), pins.len(), revocation.len());
    print_text(&text);
    Ok(exit::GENUINE)
}

fn revocation_list(crl: &emrtd::crl::Crl) -> serde_json::Value {
    json!({
        "issuer": emrtd::x509::common_name(crl.issuer()),
        "this_update": crl.this_update.to_string(),
        "next_update": crl.next_update.map(|t| t.to_string()),
    })
}

/// Shows every certificate whose fingerprint starts so.
///
/// # Errors
/// When there is none.
pub fn run_show(path: &Path, fingerprint: &str, json: bool) -> Result<u8, Failure> {
    let anchors = anchors::load(path)?;
    let wanted = fingerprint.to_lowercase();
    let views: Vec<_> = anchors.store.entries().iter().map(CertificateView::new).collect();
    let found: Vec<_> = views.iter().filter(|view| view.sha256.starts_with(&wanted)).collect();
    if found.is_empty() {
        let message = format!("no certificate whose SHA-256 starts with {fingerprint:?} in {}", path.display());
        return Err(Failure::usage("certificate_unknown", message, "see `cccd-agent trust list`"));
    }
    if json {
        print_json(&json!({ "schema": "cccd-agent/trust-show/1", "certificates": found }), true)?;
        return Ok(exit::GENUINE);
    }
    let mut text = String::new();
    for view in found {
        let CertificateView { sha256, country, subject, issuer, serial, role, key, .. } = view;
        text += &format!(
            "{subject}\n  role       {role}\n  country    {country}\n  issuer     {issuer}\n  serial     {serial}\n\
             \x20 key        {key}\n  valid      {} to {}\n  origin     {} in {}\n  SHA-256    {sha256}\n",
            view.not_before, view.not_after, view.origin, view.source
        );
    }
    print_text(&text);
    Ok(exit::GENUINE)
}

/// Says what differs between two directories or files.
///
/// # Errors
/// When one cannot be read.
pub fn run_diff(old: &Path, new: &Path, json: bool) -> Result<u8, Failure> {
    let difference = difference(&anchors::load(old)?.store, &anchors::load(new)?.store);
    if json {
        print_json(&json!({ "schema": "cccd-agent/trust-diff/1", "difference": difference }), true)?;
    } else {
        print_text(&difference_text(&difference));
    }
    Ok(exit::GENUINE)
}

/// Says what is wrong with a directory or file: 10 when something in it is not used, 11 when verdicts will suffer.
///
/// # Errors
/// When it cannot be read.
pub fn run_check(path: &Path, json: bool, clock: &dyn Clock) -> Result<u8, Failure> {
    let anchors = anchors::load(path)?;
    let findings = findings(&anchors, now(clock));
    if json {
        print_json(&json!({ "schema": "cccd-agent/trust-check/1", "findings": findings }), true)?;
    } else {
        let mut text = String::new();
        for finding in &findings {
            let weight = format!("{:?}", finding.weight).to_lowercase();
            text += &format!("{weight:<8} {:<22} {}\n{:33}→ {}\n", finding.code, finding.subject, "", finding.remedy);
        }
        text += &format!("{} certificates, {} findings\n", anchors.store.entries().len(), findings.len());
        print_text(&text);
    }
    Ok(match findings.iter().map(|f| f.weight).max() {
        Some(Weight::Error) => exit::CHECK_FAILED,
        Some(Weight::Warning) => exit::UNDECIDED,
        Some(Weight::Note) | None => exit::GENUINE,
    })
}
