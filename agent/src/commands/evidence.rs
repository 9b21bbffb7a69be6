//! `cccd-agent evidence verify`: every check of stored evidence again, offline.

use crate::anchors;
use crate::commands::{load, now, print_json};
use crate::failure::Failure;
use crate::report;
use emrtd::Evidence;
use emrtd::verdict::Policy;
use emrtd::x509::UnixTime;
use events::Clock;
use serde_json::json;
use std::path::PathBuf;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Request {
    /// The stored evidence.
    pub file: PathBuf,
    /// Trust anchors.
    pub trust: PathBuf,
    /// Judge validity at this time instead of the signing time.
    pub at: Option<UnixTime>,
    /// Whether to print JSON.
    pub json: bool,
}

/// Verifies, reports, and returns the exit status.
///
/// # Errors
/// When a file cannot be read or is no evidence.
pub fn verify(request: &Request, clock: &dyn Clock) -> Result<u8, Failure> {
    let anchors = anchors::load(&request.trust)?;
    let bytes = load(&request.file)?;
    let evidence = Evidence::from_cbor(&bytes).map_err(|e| {
        let message = format!("{}: {}", request.file.display(), emrtd::error::describe(&e));
        Failure::usage("evidence_unreadable", message, "name a file that `cccd-agent read --evidence` wrote")
    })?;
    let verification = evidence.verify(&anchors.store, request.at, now(clock));
    let decision = Policy::Card.decide(&verification.checks);
    eprint!("{}", report::for_people(decision, &verification.checks));
    if request.json {
        let report = json!({
            "schema": "cccd-agent/evidence/1",
            "access": evidence.access,
            "checks": report::checks(&verification.checks),
            "decision": decision,
            "issuer": report::issuer(&verification.passive),
            "deviations": verification.passive.deviations.iter().map(|d| d.code()).collect::<Vec<_>>(),
            "evidence_sha256": report::sha256(&bytes),
            "trust_left_out": anchors.left_out,
        });
        print_json(&report, true)?;
    }
    Ok(report::decision_exit(decision))
}
