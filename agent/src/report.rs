//! The read report: what `--json` prints. Schema `cccd-agent/read/1`, documented in `docs/cli.md`.

use crate::read::{Cost, Reading};
use cccd::cross_check::{Sources, cross_check, number_advice};
use cccd::dg13::{Dg13, Field};
use cccd::number::Number;
use cccd::qr::Qr;
use emrtd::evidence::{AccessRecord, Evidence, Verification};
use emrtd::file::FileId;
use emrtd::lds;
use emrtd::mrz::Mrz;
use emrtd::passive_authentication::PassiveAuthentication;
use emrtd::trust::TrustStore;
use emrtd::verdict::{Check, Decision, Outcome, Policy};
use emrtd::x509::UnixTime;
use kiosk_ui::{Language, Phrase};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Everything that was found out about a card.
pub struct Judgement {
    /// All checks: of the evidence, and across its parts.
    pub checks: Vec<Check>,
    /// The word over them.
    pub decision: Decision,
    /// What the evidence's own verification found.
    pub verification: Verification,
    /// The machine readable zone.
    pub mrz: Option<Mrz>,
    /// The national data.
    pub dg13: Option<Dg13>,
    /// Remarks on the number that change no verdict.
    pub advice: Vec<&'static str>,
}

impl std::fmt::Debug for Judgement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Judgement({:?})", self.decision)
    }
}

/// What was known of the card before it was read.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The scanned QR code.
    pub qr: Option<Qr>,
    /// The typed or scanned number.
    pub number: Option<Number>,
}

/// Verifies evidence, compares its parts and decides.
#[must_use]
pub fn judge(reading: &Reading, known: &Known, trust: &TrustStore, now: UnixTime) -> Judgement {
    let evidence = &reading.evidence;
    judge_verified(evidence, evidence.verify_prepared(trust, reading.sod.as_ref(), None, now), known)
}

/// The same over evidence whose own checks are done.
#[must_use]
pub fn judge_verified(evidence: &Evidence, verification: Verification, known: &Known) -> Judgement {
    let mut checks = verification.checks.clone();
    let mrz = parse(evidence, 1, "dg1", &mut checks, |bytes| lds::dg1::parse(bytes).ok());
    let dg13 = parse(evidence, 13, "dg13", &mut checks, |bytes| Dg13::parse(bytes).ok());
    let number = known.number.as_ref();
    checks.extend(cross_check(Sources { mrz: mrz.as_ref(), dg13: dg13.as_ref(), qr: known.qr.as_ref(), number }));
    let decision = Policy::Card.decide(&checks);
    let advice = advice(mrz.as_ref(), dg13.as_ref());
    Judgement { checks, decision, verification, mrz, dg13, advice }
}

/// A signed file that cannot be read is a failed check, not a silent gap.
fn parse<T>(
    evidence: &Evidence,
    group: u8,
    name: &str,
    checks: &mut Vec<Check>,
    read: impl FnOnce(&[u8]) -> Option<T>,
) -> Option<T> {
    let bytes = evidence.content(FileId::Dg(group))?;
    let parsed = read(bytes);
    if parsed.is_none() {
        checks.push(Check::failed(format!("{name}_readable"), "malformed"));
    }
    parsed
}

fn advice(mrz: Option<&Mrz>, dg13: Option<&Dg13>) -> Vec<&'static str> {
    let number = dg13.and_then(|d| d.get(Field::IdNumber)).and_then(|text| Number::parse(text).ok());
    let born = dg13.and_then(|d| d.get(Field::DateOfBirth)).and_then(cccd::date::parse_day_first);
    match (number, born, mrz) {
        (Some(number), Some(born), Some(mrz)) => number_advice(&number, born.year(), mrz.sex),
        _ => Vec::new(),
    }
}

impl Judgement {
    /// The holder's number, from the chip.
    #[must_use]
    pub fn number(&self) -> Option<Number> {
        match &self.dg13 {
            Some(dg13) => Number::parse(dg13.get(Field::IdNumber)?).ok(),
            // Where the national data were not read, the MRZ of a citizen card has it, too.
            None => Number::parse(cccd::cross_check::mrz_number(self.mrz.as_ref()?)?).ok(),
        }
    }

    /// The exit status of the command line.
    #[must_use]
    pub const fn exit(&self) -> u8 {
        decision_exit(self.decision)
    }
}

/// The exit status for a decision.
#[must_use]
pub const fn decision_exit(decision: Decision) -> u8 {
    use crate::failure::exit;
    match decision {
        Decision::Genuine => exit::GENUINE,
        Decision::NotGenuine => exit::CHECK_FAILED,
        Decision::Undecided => exit::UNDECIDED,
    }
}

/// The report in JSON. It holds the holder's data: it is for the one who asked, never for a log.
#[must_use]
pub fn read_report(reading: &Reading, judgement: &Judgement, left_out: &[String]) -> Value {
    let Reading { evidence, cost, .. } = reading;
    let AccessRecord { protocol, cipher, curve, password, fallback } = &evidence.access;
    let passive = &judgement.verification.passive;
    json!({
        "schema": "cccd-agent/read/1",
        "access": {
            "protocol": protocol, "cipher": cipher, "curve": curve, "password": password, "fallback": fallback,
        },
        "checks": checks(&judgement.checks),
        "decision": judgement.decision,
        "holder": holder(reading, judgement),
        "advice": judgement.advice,
        "files": files(evidence),
        "not_read": evidence.not_read.iter().map(|(f, r)| (f.to_string(), r)).collect::<BTreeMap<_, _>>(),
        "issuer": issuer(passive),
        "deviations": deviations(passive),
        "deviation_severity": severities(passive),
        "known_deviations": passive.known_deviations,
        "terminal_authentication": evidence.terminal_authentication,
        "trust_left_out": left_out,
        "evidence_sha256": events::hash(&evidence.to_cbor()).to_string(),
        "timing": timing(cost),
        "apdus": { "count": cost.apdus, "bytes_sent": cost.sent, "bytes_received": cost.received },
        "interruptions": cost.interruptions,
    })
}

/// Accepted departures from the profile, by their codes.
#[must_use]
pub fn deviations(passive: &PassiveAuthentication) -> Value {
    json!(passive.deviations.iter().map(|d| d.code()).collect::<Vec<_>>())
}

/// The same with what each means for trust.
#[must_use]
pub fn severities(passive: &PassiveAuthentication) -> Value {
    json!(passive.deviations.iter().map(|d| (d.code(), d.severity().code())).collect::<BTreeMap<_, _>>())
}

/// Document signer and anchor, for people who look into a verdict.
#[must_use]
pub fn issuer(passive: &PassiveAuthentication) -> Value {
    let signer = passive.document_signer.as_ref();
    json!({
        "document_signer": signer.map(|c| json!({
            "subject": c.subject_name(),
            "issuer": c.issuer_name(),
            "serial": c.serial_hex(),
            "not_before": c.not_before.to_string(),
            "not_after": c.not_after.to_string(),
            "sha256": hex::encode(c.fingerprint()),
        })),
        "anchor": passive.anchor.as_ref().map(|(name, source)| json!({ "subject": name, "source": source })),
        "judged_at": passive.judged_at.map(|t| t.to_string()),
    })
}

/// Checks as a map from identifier to outcome, reason and detail.
#[must_use]
pub fn checks(checks: &[Check]) -> Value {
    let mut map = Map::new();
    for check in checks {
        map.insert(
            check.id.clone(),
            json!({ "outcome": check.outcome, "reason": check.reason, "detail": check.detail }),
        );
    }
    Value::Object(map)
}

/// Checks as a map from identifier to outcome only: for those who need no names of certificates.
#[must_use]
pub fn outcomes(checks: &[Check]) -> Value {
    Value::Object(checks.iter().map(|check| (check.id.clone(), json!(check.outcome))).collect())
}

fn holder(reading: &Reading, judgement: &Judgement) -> Value {
    let evidence = &reading.evidence;
    let mut holder = Map::new();
    if let Some(dg13) = &judgement.dg13 {
        for field in Field::ALL {
            let value = match (field, dg13.all(field)) {
                (_, []) => continue,
                (Field::Parents, names) => json!(names),
                (_, [first, ..]) => json!(first),
            };
            holder.insert(field.name().to_owned(), value);
        }
    }
    if let Some(mrz) = &judgement.mrz {
        holder.insert(
            "mrz".to_owned(),
            json!({
                "document_number": mrz.document_number, "surname": mrz.surname, "given_names": mrz.given_names,
                "birth": mrz.birth, "sex": mrz.sex, "expiry": mrz.expiry, "nationality": mrz.nationality,
                "issuer": mrz.issuer,
            }),
        );
    }
    let faces = evidence.content(FileId::Dg(2)).and_then(|bytes| lds::dg2::parse(bytes).ok());
    if let Some(face) = faces.as_ref().and_then(|faces| faces.first()) {
        // The picture's own size, where it could be decoded: records of real issuers leave theirs out.
        let stated = (u32::from(face.width), u32::from(face.height));
        let (width, height) = reading.picture.as_ref().map_or(stated, |p| (p.width, p.height));
        holder.insert(
            "portrait".to_owned(),
            json!({
                "media_type": face.image_type.media_type(), "width": width, "height": height,
                "length": face.image.len(), "decoded": reading.picture.is_some(),
            }),
        );
    }
    Value::Object(holder)
}

fn files(evidence: &Evidence) -> Value {
    let entry = |file: &FileId| {
        let bytes = evidence.content(*file)?;
        Some((file.to_string(), json!({ "length": bytes.len(), "sha256": events::hash(bytes).to_string() })))
    };
    Value::Object(evidence.files.keys().filter_map(entry).collect())
}

fn timing(cost: &Cost) -> Value {
    let milliseconds = |time: std::time::Duration| (time.as_secs_f64() * 1e5).round() / 1e2;
    let phases: Map<String, Value> =
        cost.phases.iter().map(|(name, time)| (name.clone(), json!(milliseconds(*time)))).collect();
    json!({ "total_ms": milliseconds(cost.total), "phases_ms": phases })
}

/// The report for people: Vietnamese first, no personal data beyond what they already hold in their hand.
#[must_use]
pub fn for_people(decision: Decision, checks: &[Check]) -> String {
    let (verdict, next) = match decision {
        Decision::Genuine => (Phrase::Genuine, Phrase::NextGenuine),
        Decision::NotGenuine => (Phrase::NotGenuine, Phrase::NextNotGenuine),
        Decision::Undecided => (Phrase::Undecided, Phrase::NextUndecided),
    };
    let mut text = format!("{}\n", verdict.both());
    for check in checks {
        let mark = match check.outcome {
            Outcome::Passed => "✓",
            Outcome::Failed => "✗",
            Outcome::NotPerformed => "–",
        };
        let name = Phrase::of_check(&check.id).text(Language::Vietnamese);
        let why =
            [check.reason.as_deref(), check.detail.as_deref()].into_iter().flatten().collect::<Vec<_>>().join("; ");
        text.push_str(&format!("  {mark} {:<24} {name}{}{why}\n", check.id, if why.is_empty() { "" } else { ": " }));
    }
    text.push_str(&format!("→ {}\n", next.both()));
    text
}
