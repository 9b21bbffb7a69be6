//! HL7 FHIR R4: a transaction Bundle with the Patient and the Encounter of a check-in.
//!
//! The Patient is created only if the server knows nobody with that personal number (`ifNoneExist`), the Encounter only
//! if it does not know the visit, so that a repeated transaction changes nothing. The number is an identifier of the
//! type `NI` (national unique individual identifier, HL7 v2 table 0203).

use crate::Envelope;
use cccd::calendar::in_vietnam;
use cccd::date::CardDate;
use serde_json::{Value, json};
use visit::content::Source;
use visit::profile::Item;

/// The system of personal numbers. Vietnam has registered no URI: this one names the law's article.
pub const ID_SYSTEM: &str = "urn:vn:so-dinh-danh-ca-nhan";
/// The system of rungs, see `docs/verdict.md`.
pub const ASSURANCE_SYSTEM: &str = "urn:cccd-agent:assurance";
/// The system of visits.
pub const VISIT_SYSTEM: &str = "urn:cccd-agent:visit";

/// As FHIR has dates. A card may leave out day or month.
fn date(text: &str) -> Option<String> {
    CardDate::from_text(text)?.iso()
}

/// Family name first, as Vietnamese names are written; the last word is what people are called by.
fn name(full: &str) -> Value {
    let mut words = full.split_whitespace();
    let family = words.next().unwrap_or_default();
    let given: Vec<&str> = words.collect();
    json!([{ "use": "official", "text": full, "family": family, "given": given }])
}

/// A value in a query (RFC 3986, §3.4): somebody may have typed signs that part parameters.
fn in_query(value: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    value.bytes().map(byte).collect()
}

/// The transaction.
#[must_use]
pub fn bundle(envelope: &Envelope) -> Value {
    let released = &envelope.released;
    let number = released.item(Item::IdNumber).unwrap_or_default();
    let patient_url = format!("urn:uuid:{}", uuid(&envelope.visit, 0));
    let gender = match released.item(Item::Sex) {
        Some("Nam" | "M") => "male",
        Some("Nữ" | "F") => "female",
        _ => "unknown",
    };
    let mut patient = json!({
        "resourceType": "Patient",
        "identifier": [{
            "use": "official",
            "type": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "NI" }] },
            "system": ID_SYSTEM, "value": number,
        }],
        "active": true,
        "gender": gender,
    });
    if let Some(full) = released.item(Item::FullName) {
        patient["name"] = name(full);
    }
    if let Some(born) = released.item(Item::DateOfBirth).and_then(date) {
        patient["birthDate"] = born.into();
    }
    if let Some(text) = released.item(Item::Residence) {
        // As the card has it: it may be years old, so it is no current address.
        patient["address"] = json!([{ "use": "old", "type": "physical", "text": text, "country": "VN" }]);
    }
    if let Some(phone) = released.get("form.phone").filter(|phone| !phone.is_empty()) {
        patient["telecom"] = json!([{ "system": "phone", "value": phone }]);
    }
    if let Some(code) = released.get("form.insurance").filter(|code| !code.is_empty())
        && let Some(identifiers) = patient["identifier"].as_array_mut()
    {
        identifiers.push(json!({ "use": "secondary", "system": "urn:vn:bhyt", "value": code }));
    }
    let start = in_vietnam(envelope.at);
    let start = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}+07:00",
        start.year(),
        u8::from(start.month()),
        start.day(),
        start.hour(),
        start.minute(),
        start.second()
    );
    // Whoever reads either resource alone must see how much is assured of it.
    let assured = json!({ "system": ASSURANCE_SYSTEM, "code": released.rung() });
    patient["meta"] = json!({ "tag": [assured] });
    let verified = if released.source() == Source::Typed { "typed" } else { "chip" };
    let mut encounter = json!({
        "resourceType": "Encounter",
        "identifier": [{ "system": VISIT_SYSTEM, "value": envelope.visit }],
        "status": "arrived",
        "class": { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB" },
        "subject": { "reference": patient_url },
        "period": { "start": start },
        "meta": { "tag": [{ "system": "urn:cccd-agent:source", "code": verified }, assured] },
    });
    if let Some(department) = released.get("form.department") {
        encounter["serviceType"] = json!({ "coding": [{ "system": "urn:cccd-agent:department", "code": department }] });
    }
    json!({
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": patient_url,
                "resource": patient,
                "request": {
                    "method": "POST", "url": "Patient", "ifNoneExist": format!("identifier={ID_SYSTEM}|{}", in_query(number)),
                },
            },
            {
                "fullUrl": format!("urn:uuid:{}", uuid(&envelope.visit, 1)),
                "resource": encounter,
                "request": {
                    "method": "POST", "url": "Encounter",
                    "ifNoneExist": format!("identifier={VISIT_SYSTEM}|{}", envelope.visit),
                },
            },
        ],
    })
}

/// A version 8 UUID (RFC 9562) from a visit's identifier: the same for every repetition.
fn uuid(visit: &str, which: u8) -> String {
    let mut digits: Vec<char> = format!("{visit:0<32.32}").chars().collect();
    digits[0] = char::from_digit(u32::from(which), 16).unwrap_or('0');
    digits[12] = '8';
    digits[16] = '8';
    let text: String = digits.into_iter().collect();
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::envelope;

    #[test]
    fn patient_and_encounter() {
        let bundle = bundle(&envelope("hospital-desk", "fhir"));
        let patient = &bundle["entry"][0]["resource"];
        assert_eq!(patient["identifier"][0]["value"], "001099000017");
        assert_eq!(
            patient["name"][0],
            json!({
            "use": "official", "text": "Nguyễn Văn An", "family": "Nguyễn", "given": ["Văn", "An"] })
        );
        assert_eq!((&patient["birthDate"], &patient["gender"]), (&"1999-01-15".into(), &"male".into()));
        assert_eq!(patient["meta"]["tag"][0]["code"], "signed");
        let encounter = &bundle["entry"][1];
        assert_eq!(encounter["resource"]["meta"]["tag"][1]["code"], "signed");
        assert_eq!(encounter["resource"]["subject"]["reference"], bundle["entry"][0]["fullUrl"]);
        assert_eq!(encounter["resource"]["period"]["start"], "2026-11-23T08:41:00+07:00");
        assert_eq!(encounter["resource"]["serviceType"]["coding"][0]["code"], "K01");
        assert!(!bundle.to_string().contains("portrait") && !bundle.to_string().contains("Kinh"));
    }

    #[test]
    fn a_typed_number_adds_no_condition() {
        assert_eq!(in_query("001099000017"), "001099000017");
        assert_eq!(in_query("1&active=true|"), "1%26active%3Dtrue%7C");
    }

    #[test]
    fn identifiers_are_uuids_and_differ() {
        let visit = "0f".repeat(16);
        let (a, b) = (uuid(&visit, 0), uuid(&visit, 1));
        assert_ne!(a, b);
        assert_eq!(a, "0f0f0f0f-0f0f-8f0f-8f0f-0f0f0f0f0f0f");
    }
}
