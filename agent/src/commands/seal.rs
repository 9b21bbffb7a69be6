//! `cccd-agent seal verify`: a visible digital seal from a file, as a scanner or a decoder wrote it.

use crate::commands::{Judging, now, print_json};
use cccd::date::{CardDate, Century};
use emrtd::UnixTime;
use emrtd::seal::{Header, Seal, SealError, Value};
use events::Clock;
use program::{Failure, eprint, eprintln, exit};
use reading::anchors;
use reading::report;
use serde_json::json;
use std::path::Path;
use verdict::Validity;
use zeroize::Zeroizing;

/// Verifies, reports, and returns the exit status: that of `verify`, and `12` where the issuer stands and the document
/// is past its last day.
///
/// # Errors
/// When the file cannot be read, or is no seal.
pub fn verify(file: &Path, judging: &Judging, clock: &dyn Clock) -> Result<u8, Failure> {
    let anchors = anchors::load(&judging.trust)?;
    let bytes = Zeroizing::new(if file == Path::new("-") { standard_input()? } else { program::files::read(file)? });
    let seal = Seal::parse(&bytes).map_err(refused)?;
    let now = now(clock);
    let result = seal.verify(&anchors.store, judging.at, now);
    let (expiry, validity) = in_force(&seal, judging.at.unwrap_or(now));
    eprint!("{}", report::files_for_people(result.issuer, &result.checks));
    eprintln!("  {}", seal.content().kind.code());
    for (name, value) in &seal.content().features {
        match value {
            Value::Mrz(lines) => lines.iter().for_each(|line| eprintln!("    {name}: {}", &**line)),
            value => eprintln!("    {name}: {}", json!(value)),
        }
    }
    if judging.json {
        let content = seal.content();
        let report = json!({
            "schema": "cccd-agent/seal/1",
            "form": seal.form(),
            "kind": content.kind.code(),
            "issuing_state": seal.issuer(),
            "header": header(&seal),
            "features": content.features,
            "missing": content.missing,
            "unknown_features": content.unknown,
            "expiry": expiry,
            "checks": report::checks(&result.checks),
            "answers": { "issuer": result.issuer, "validity": validity },
            "issuer": report::issuer(&result),
            "deviations": report::deviations(&result),
            "deviation_severity": report::severities(&result),
            "trust_left_out": anchors.left_out,
        });
        print_json(&report)?;
    }
    Ok(match report::issuer_exit(result.issuer) {
        exit::GENUINE if validity == Validity::Expired => exit::NOT_ACCEPTABLE,
        status => status,
    })
}

fn refused(error: SealError) -> Failure {
    let remedy = match error {
        SealError::Unknown => "give the bytes of the bar code, or its text: hexadecimal, base64 or JSON",
        SealError::Unsupported(_) => "ask the issuer's own service",
        _ => "scan the seal again, flat and without glare, with a reader that keeps every byte",
    };
    Failure::usage(error.code(), error.to_string(), remedy)
}

fn standard_input() -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    // More than any seal has is not read.
    let most = 2 * emrtd::seal::MAX_LENGTH as u64 + 1;
    std::io::stdin().lock().take(most).read_to_end(&mut bytes).map_err(|e| {
        Failure::usage("file_unreadable", format!("cannot read standard input: {e}"), "name a file, or pipe one in")
    })?;
    Ok(bytes)
}

/// The last day that the zone in the seal states, and whether it has passed. A visa's is the last day of entry or of
/// the stay, as its `duration_of_stay` says; proofs have none.
fn in_force(seal: &Seal, now: UnixTime) -> (Option<String>, Validity) {
    let date = seal.content().expiry().and_then(|text| CardDate::from_mrz(text, Century::Expiry));
    let expiry = date.and_then(CardDate::iso);
    let validity = match date.and_then(CardDate::day) {
        // The day itself counts.
        Some(day) if day.midnight().assume_utc().unix_timestamp() + 86_400 <= now.0 => Validity::Expired,
        Some(_) => Validity::InDate,
        None => Validity::Unknown,
    };
    (expiry, validity)
}

fn header(seal: &Seal) -> serde_json::Value {
    match seal {
        Seal::Vds(vds) => {
            let Header { version, signer, reference, issued, signed, definition, category, .. } = &vds.header;
            json!({
                "version": version, "signer": signer, "certificate": reference, "issued": issued.to_string(),
                "signed": signed.to_string(), "definition": definition, "category": category,
            })
        }
        Seal::NonConstrained(seal) => json!({ "type": seal.kind, "version": seal.version }),
    }
}
