//! The read report: what `--json` prints. Schema `cccd-agent/read/2`, documented in `docs/cli.md`.

use crate::groups::{self, NoPortrait};
use crate::read::{Cost, Reading};
use cccd::dg13::Field;
use cccd::judgement::Judgement;
use emrtd::{AccessRecord, Check, Evidence, FileId, Outcome, PassiveAuthentication};
use kiosk_ui::{Language, Phrase};
use program::Text;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use verdict::{Issuer, Rung, Word};

/// The exit status for a word.
#[must_use]
pub const fn word_exit(word: Word) -> u8 {
    use program::exit;
    match word {
        Word::Proved | Word::Pinned => exit::GENUINE,
        Word::NotGenuine => exit::CHECK_FAILED,
        Word::Signed | Word::Unproved | Word::Shown | Word::Claimed => exit::UNDECIDED,
        Word::Expired
        | Word::NotYetValid
        | Word::Withdrawn
        | Word::OtherDocument
        | Word::OtherCard
        | Word::OtherHolder => exit::NOT_ACCEPTABLE,
    }
}

/// The exit status where only files were looked at: who signed them?
#[must_use]
pub const fn issuer_exit(issuer: Issuer) -> u8 {
    use program::exit;
    match issuer {
        Issuer::Vouched | Issuer::Pinned => exit::GENUINE,
        Issuer::Unknown | Issuer::Unchecked => exit::UNDECIDED,
        Issuer::Refuted => exit::CHECK_FAILED,
    }
}

/// The report in JSON. It holds the holder's data: it is for the one who asked, never for a log.
#[must_use]
pub fn read_report(reading: &Reading, judgement: &Judgement, left_out: &[String]) -> Value {
    let Reading { evidence, asked, cost, .. } = reading;
    let AccessRecord { protocol, cipher, curve, password, fallback } = &evidence.access;
    let passive = &judgement.verification.passive;
    json!({
        "schema": "cccd-agent/read/2",
        "access": {
            "protocol": protocol, "cipher": cipher, "curve": curve, "password": password, "fallback": fallback,
        },
        "checks": checks(&judgement.checks),
        "word": judgement.word(),
        "rung": judgement.rung(),
        "answers": judgement.answers,
        "reasons": judgement.reasons(),
        "document": document(judgement),
        "holder": holder(reading, judgement),
        "advice": judgement.advice,
        "groups": groups::report(evidence),
        "files": files(evidence),
        "not_read": evidence.not_read.iter().map(|(f, r)| (f.to_string(), r)).collect::<BTreeMap<_, _>>(),
        "issuer": issuer(passive),
        "deviations": deviations(passive),
        "deviation_severity": severities(passive),
        "known_deviations": passive.known_deviations,
        "terminal_authentication": evidence.terminal_authentication,
        "trust_left_out": left_out,
        "evidence_sha256": events::hash(&evidence.to_cbor()).to_string(),
        "manner": {
            "name": asked.manner.name(), "without": asked.manner.without().collect::<Vec<_>>(),
            "short": asked.manner.short(), "most": asked.manner.most(),
            "openings": asked.openings, "expected": asked.expected,
        },
        "timing": timing(cost),
        "apdus": { "count": cost.apdus, "bytes_sent": cost.sent, "bytes_received": cost.received },
        "interruptions": cost.interruptions,
    })
}

/// The kind of document and its issuing state.
#[must_use]
pub fn document(judgement: &Judgement) -> Value {
    json!({ "kind": judgement.kind.code(), "issuer": judgement.issuer() })
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
    let mut holder = Map::new();
    if let Some(dg13) = &judgement.dg13 {
        for field in Field::ALL {
            let value = match (field, dg13.all(field)) {
                (_, []) => continue,
                (Field::Parents, names) => json!(names.iter().map(|name| Text::cleaned(name)).collect::<Vec<_>>()),
                (_, [first, ..]) => json!(Text::cleaned(first)),
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
    let portrait = groups::portrait(&reading.evidence);
    let reason = match (&portrait, &reading.picture) {
        (Err(why), _) => Some(why),
        (Ok(_), None) => Some(&NoPortrait::NotDecoded),
        (Ok(_), Some(_)) => None,
    };
    holder.insert("portrait_reason".to_owned(), json!(reason.map(NoPortrait::code)));
    let portrait = portrait.as_ref().ok().map(|face| {
        // The picture's own size, where it could be decoded: records of real issuers leave theirs out.
        let stated = (u32::from(face.width), u32::from(face.height));
        let (width, height) = reading.picture.as_ref().map_or(stated, |p| (p.width, p.height));
        json!({
            "format": face.format.name(), "media_type": face.image_type.media_type(), "width": width, "height": height,
            "length": face.image.len(), "decoded": reading.picture.is_some(),
        })
    });
    holder.insert("portrait".to_owned(), json!(portrait));
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
pub fn for_people(word: Word, rung: Option<Rung>, checks: &[Check]) -> String {
    let words = kiosk_ui::words::of(word);
    let level = rung.map(|rung| format!(" · {} {}/5", rung.code(), rung.level())).unwrap_or_default();
    let text = format!("{}{level}\n  {}\n", words.title.both(), words.staff.says.both());
    format!("{text}{}→ {}\n", lines(checks), words.staff.next.both())
}

/// The same where only files were looked at.
#[must_use]
pub fn files_for_people(issuer: Issuer, checks: &[Check]) -> String {
    let said = match issuer {
        Issuer::Vouched => "Đúng nơi cấp ký / Signed by an authority that may",
        Issuer::Pinned => "Nơi ký đã được đơn vị chấp nhận / Signed by a signer that the operator accepted",
        Issuer::Unknown => "Chữ ký đúng, chưa rõ nơi cấp / The signature is right, nobody here knows the issuer",
        Issuer::Unchecked => "Chưa kiểm tra được chữ ký / The signature could not be checked",
        Issuer::Refuted => "Chữ ký hoặc dữ liệu sai / A signature or the data are wrong",
    };
    format!("{said}\n{}", lines(checks))
}

fn lines(checks: &[Check]) -> String {
    let mut text = String::new();
    for check in checks {
        let mark = match check.outcome {
            Outcome::Passed => "✓",
            Outcome::Failed => "✗",
            Outcome::Remark => "!",
            Outcome::NotPerformed => "–",
        };
        let name = Phrase::of_check(&check.id).text(Language::Vietnamese);
        let why =
            [check.reason.as_deref(), check.detail.as_deref()].into_iter().flatten().collect::<Vec<_>>().join("; ");
        // What stands in a certificate or on a chip makes no line of its own.
        let why = program::terminal::line(&why);
        text.push_str(&format!("  {mark} {:<24} {name}{}{why}\n", check.id, if why.is_empty() { "" } else { ": " }));
    }
    text
}
