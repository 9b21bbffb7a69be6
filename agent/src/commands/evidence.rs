//! `cccd-agent evidence verify`: every check of stored evidence again, offline.

use crate::anchors;
use crate::commands::{Judging, load, now, print_json};
use crate::failure::Failure;
use crate::report;
use emrtd::Evidence;
use emrtd::verdict::Policy;
use events::Clock;
use serde_json::json;
use std::path::Path;

/// Verifies, reports, and returns the exit status.
///
/// # Errors
/// When a file cannot be read or is no evidence.
pub fn verify(file: &Path, judging: &Judging, clock: &dyn Clock) -> Result<u8, Failure> {
    let anchors = anchors::load(&judging.trust)?;
    let bytes = load(file)?;
    let evidence = Evidence::from_cbor(&bytes).map_err(|e| {
        let message = format!("{}: {}", file.display(), emrtd::error::describe(&e));
        Failure::usage("evidence_unreadable", message, "name a file that `cccd-agent read --evidence` wrote")
    })?;
    let verification = evidence.verify(&anchors.store, judging.at, now(clock));
    let decision = Policy::Card.decide(&verification.checks);
    eprint!("{}", report::for_people(decision, &verification.checks));
    if judging.json {
        let report = json!({
            "schema": "cccd-agent/evidence/1",
            "access": evidence.access,
            "checks": report::checks(&verification.checks),
            "decision": decision,
            "issuer": report::issuer(&verification.passive),
            "deviations": verification.passive.deviations.iter().map(|d| d.code()).collect::<Vec<_>>(),
            "evidence_sha256": events::hash(&bytes).to_string(),
            "trust_left_out": anchors.left_out,
        });
        print_json(&report, true)?;
    }
    Ok(report::decision_exit(decision))
}
