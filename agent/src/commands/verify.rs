//! `cccd-agent verify`: passive authentication of files. Without a chip only the first question is answered: who signed?

use crate::commands::{Judging, now, print_json};
use emrtd::{Document, Facts, Group, PassiveAuthentication, lds};
use events::Clock;
use program::{Failure, eprint};
use reading::anchors;
use reading::report;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What `verify` is asked to do.
#[derive(Debug, Clone)]
pub struct Request {
    /// EF.SOD.
    pub sod: PathBuf,
    /// Data groups by number.
    pub data_groups: Vec<(u8, PathBuf)>,
    /// How to judge them.
    pub judging: Judging,
}

/// Verifies, reports, and returns the exit status.
///
/// # Errors
/// When a file cannot be read.
pub fn run(request: &Request, clock: &dyn Clock) -> Result<u8, Failure> {
    let anchors = anchors::load(&request.judging.trust)?;
    let sod = program::files::read(&request.sod)?;
    let mut files = BTreeMap::new();
    for (number, path) in &request.data_groups {
        files.insert(*number, program::files::read(path)?);
    }
    let groups = files.iter().map(|(number, bytes)| (*number, Group::Bytes(bytes))).collect();
    let document = files.get(&1).and_then(|bytes| lds::dg1::parse(bytes).ok()).map(|mrz| Document::of(&mrz));
    let facts = Facts::of(document);
    let result = PassiveAuthentication::run(&sod, &groups, &facts, &anchors.store, request.judging.at, now(clock));
    eprint!("{}", report::files_for_people(result.issuer, &result.checks));
    if request.judging.json {
        let report = json!({
            "schema": "cccd-agent/verify/2",
            "checks": report::checks(&result.checks),
            "answers": { "issuer": result.issuer },
            "issuer": report::issuer(&result),
            "deviations": report::deviations(&result),
            "deviation_severity": report::severities(&result),
            "known_deviations": result.known_deviations,
            "trust_left_out": anchors.left_out,
        });
        print_json(&report)?;
    }
    Ok(report::issuer_exit(result.issuer))
}
