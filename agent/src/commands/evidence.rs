//! `cccd-agent evidence verify`: every check of stored evidence again, offline.

use crate::commands::{Judging, now, print_json};
use cccd::judgement::{Known, Today, issued, judge_verified};
use drivers::key_store::sealed;
use emrtd::{Circumstances, Evidence, FileId};
use events::Clock;
use program::files::pass_phrase;
use program::{Failure, eprint};
use reading::anchors;
use reading::report;
use serde_json::json;
use std::path::Path;
use verdict::{Answers, Validity};
use zeroize::Zeroizing;

/// Verifies, reports, and returns the exit status.
///
/// # Errors
/// When a file cannot be read or is no evidence.
pub fn verify(file: &Path, phrase: Option<&Path>, judging: &Judging, clock: &dyn Clock) -> Result<u8, Failure> {
    let anchors = anchors::load(&judging.trust)?;
    let mut bytes = Zeroizing::new(program::files::read(file)?);
    if sealed::is_sealed(&bytes) {
        bytes = open_sealed(file, &bytes, phrase)?;
    }
    let evidence = Evidence::from_cbor(&bytes).map_err(|e| {
        let message = format!("{}: {}", file.display(), program::describe(&e));
        Failure::usage("evidence_unreadable", message, "name a file that `cccd-agent read --evidence` wrote")
    })?;
    let now = now(clock);
    let circumstances = Circumstances::now(now).with_at(judging.at).with_issued(issued(&evidence));
    let mut verification = evidence.verify(&anchors.store, &circumstances);
    let mut answers = Answers { validity: Validity::Unknown, ..verification.answers() };
    // With the holder's data at hand, dates are looked at, and groups compared among themselves, too.
    if evidence.content(FileId::Dg(1)).is_some() {
        let today = Today::certain(judging.at.unwrap_or(now));
        let judgement = judge_verified(&evidence, verification, &Known::default(), today);
        answers = judgement.answers;
        verification = judgement.verification;
        verification.checks = judgement.checks;
    }
    eprint!("{}", report::for_people(answers.word(), answers.rung(), &verification.checks));
    if judging.json {
        let report = json!({
            "schema": "cccd-agent/evidence/2",
            "access": evidence.access,
            "checks": report::checks(&verification.checks),
            "word": answers.word(),
            "rung": answers.rung(),
            "answers": answers,
            "issuer": report::issuer(&verification.passive),
            "deviations": report::deviations(&verification.passive),
            "deviation_severity": report::severities(&verification.passive),
            "known_deviations": verification.passive.known_deviations,
            "evidence_sha256": events::hash(&evidence.to_cbor()).to_string(),
            "trust_left_out": anchors.left_out,
        });
        print_json(&report)?;
    }
    Ok(report::word_exit(answers.word()))
}

fn open_sealed(file: &Path, bytes: &[u8], phrase: Option<&Path>) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let locked = |why: &str| {
        let message = format!("{} is encrypted evidence: {why}", file.display());
        Failure::usage("evidence_locked", message, "give the pass phrase that sealed it with --pass-phrase-file")
    };
    let phrase = pass_phrase(phrase.ok_or_else(|| locked("no pass phrase was given"))?)?;
    sealed::open(&phrase, bytes).ok_or_else(|| locked("the pass phrase does not open it"))
}
