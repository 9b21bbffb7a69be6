//! `cccd-agent trust`: what a trust directory holds, what is wrong with it, and how something new comes in.

pub mod import;
pub mod seen;

use crate::commands::{now, print_json, print_text};
use events::Clock;
use program::{Failure, exit};
use reading::anchors;
use reading::trust::check::{Weight, findings};
use reading::trust::plan::Documents;
use reading::trust::scope::{Scoped, scope};
use reading::trust::{CertificateView, Difference, difference, views};
use serde_json::json;
use std::path::Path;

fn print(text: &str) {
    print_text(&anchors::shown(text));
}

fn difference_text(difference: &Difference) -> String {
    let Difference { added, removed, changed, common } = difference;
    let (unchanged, count) = (common.saturating_sub(changed.len()), changed.len());
    let mut text =
        format!("  {} added, {} removed, {count} changed, {unchanged} unchanged\n", added.len(), removed.len());
    for (mark, views) in [('+', added), ('-', removed), ('~', changed)] {
        for view in views {
            text += &format!("  {mark} {}\n", line(view));
        }
    }
    text
}

fn line(view: &CertificateView) -> String {
    let CertificateView { sha256, country, subject, role, key, not_before, not_after, .. } = view;
    let documents = documents(view);
    format!("{} {country:<3} {role:<6} {not_before} to {not_after}  {key:<40} {subject}  [{documents}]", &sha256[..16])
}

/// For what it vouches.
fn documents(view: &CertificateView) -> String {
    if view.documents.is_empty() { "nothing".to_owned() } else { view.documents.join(", ") }
}

/// Lists what a directory or file holds.
///
/// # Errors
/// When it cannot be read.
pub fn run_list(path: &Path, country: Option<&str>, json: bool, clock: &dyn Clock) -> Result<u8, Failure> {
    let anchors = anchors::load(path)?;
    let wanted = country.map(str::to_uppercase);
    let mut views = views(&anchors.store);
    views.retain(|view| wanted.as_ref().is_none_or(|wanted| view.country == *wanted));
    let pins = &anchors.pins.pins;
    let revocation: Vec<_> = anchors.store.revocation_lists().map(revocation_list).collect();
    if json {
        let report = json!({
            "schema": "cccd-agent/trust-list/2",
            "certificates": views, "pins": pins, "words": anchors.words.anchors, "revocation_lists": revocation,
            "document_signers": anchors.store.signers(), "left_out": anchors.left_out,
        });
        print_json(&report)?;
        return Ok(exit::GENUINE);
    }
    let mut text: String = views.iter().map(|view| line(view) + "\n").collect();
    for pin in pins {
        text += &format!("pin {} for {}: {}\n", pin.sha256, pin.documents.join(", "), pin.reason);
    }
    for crl in anchors.store.revocation_lists() {
        let issuer = emrtd::hazmat::x509::common_name(crl.issuer());
        let age = (now(clock).0 - crl.this_update.0) / 86_400;
        text += &format!("revocation list of {issuer}, {}, {age} days old\n", crl.this_update);
    }
    let aside = anchors.store.signers();
    text += &format!("{} certificates, {} pins, {} revocation lists", views.len(), pins.len(), revocation.len());
    text += &if aside > 0 { format!(", {aside} document signers kept aside\n") } else { "\n".to_owned() };
    print(&text);
    Ok(exit::GENUINE)
}

fn revocation_list(crl: &emrtd::hazmat::crl::Crl) -> serde_json::Value {
    json!({
        "issuer": emrtd::hazmat::x509::common_name(crl.issuer()),
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
    let views = views(&anchors.store);
    let found: Vec<_> = views.iter().filter(|view| view.sha256.starts_with(&wanted)).collect();
    if found.is_empty() {
        let message = format!("no certificate whose SHA-256 starts with {fingerprint:?} in {}", path.display());
        return Err(Failure::usage("certificate_unknown", message, "see `cccd-agent trust list`"));
    }
    if json {
        let words = &anchors.words.anchors;
        let words: Vec<_> = words.iter().filter(|word| word.sha256.to_lowercase().starts_with(&wanted)).collect();
        let report = json!({ "schema": "cccd-agent/trust-show/2", "certificates": found, "words": words });
        print_json(&report)?;
        return Ok(exit::GENUINE);
    }
    let mut text = String::new();
    for view in found {
        let CertificateView { sha256, country, subject, issuer, serial, role, key, .. } = view;
        text += &format!(
            "{subject}\n  role       {role}\n  country    {country}\n  issuer     {issuer}\n  serial     {serial}\n\
             \x20 key        {key}\n  valid      {} to {}\n  origin     {} in {}\n  vouches    {}\n  SHA-256    {sha256}\n",
            view.not_before,
            view.not_after,
            view.origin,
            view.source,
            documents(view)
        );
        for word in anchors.words.anchors.iter().filter(|word| word.sha256.eq_ignore_ascii_case(sha256)) {
            text += &format!("  said       {}: {} ({})\n", word.documents.join(", "), word.reason, word.added);
        }
    }
    print(&text);
    Ok(exit::GENUINE)
}

/// Says what differs between two directories or files.
///
/// # Errors
/// When one cannot be read.
pub fn run_diff(old: &Path, new: &Path, json: bool) -> Result<u8, Failure> {
    let difference = difference(&anchors::load(old)?.store, &anchors::load(new)?.store);
    if json {
        print_json(&json!({ "schema": "cccd-agent/trust-diff/2", "difference": difference }))?;
    } else {
        print(&difference_text(&difference));
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
        print_json(&json!({ "schema": "cccd-agent/trust-check/1", "findings": findings }))?;
    } else {
        let mut text = String::new();
        for finding in &findings {
            let weight = format!("{:?}", finding.weight).to_lowercase();
            text += &format!("{weight:<8} {:<22} {}\n{:33}→ {}\n", finding.code, finding.subject, "", finding.remedy);
        }
        text += &format!("{} certificates, {} findings\n", anchors.store.entries().len(), findings.len());
        print(&text);
    }
    Ok(match findings.iter().map(|f| f.weight).max() {
        Some(Weight::Error) => exit::CHECK_FAILED,
        Some(Weight::Warning) => exit::UNDECIDED,
        Some(Weight::Note) | None => exit::GENUINE,
    })
}

/// Says for which kinds of document a certificate, or a pin, vouches.
///
/// # Errors
/// When it is not clear which, or the words do not fit it.
pub fn run_scope(
    directory: &Path,
    fingerprint: &str,
    documents: &Documents,
    json: bool,
    clock: &dyn Clock,
) -> Result<u8, Failure> {
    let scoped = scope(directory, fingerprint, documents, now(clock))?;
    if json {
        print_json(&json!({ "schema": "cccd-agent/trust-scope/1", "scope": scoped }))?;
        return Ok(exit::GENUINE);
    }
    let Scoped { sha256, documents, pin, changed, here } = &scoped;
    let what = match (pin, here) {
        (true, _) => "the pin",
        (false, true) => "the certificate",
        (false, false) => "the certificate, which is not there yet,",
    };
    let mut text = format!("{what} {sha256} is for {}\n", documents.join(", "));
    for view in changed {
        text += &format!("  ~ {}\n", line(view));
    }
    print(&text);
    Ok(exit::GENUINE)
}
