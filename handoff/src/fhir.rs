//! HL7 FHIR R4: a transaction Bundle with the Patient and the Encounter of a check-in, and with the `RelatedPerson` who answers for the
//! patient, where one is named.
//!
//! The Patient is created only if the server knows nobody with that number, the Encounter only if it does not know the visit
//! (`ifNoneExist`), so that a repeated transaction changes nothing. Whoever has no number is known by the visit alone: a condition without a
//! value would match whom it likes. What is not known is left out, never an empty text or list.
//!
//! | number | `type` (HL7 v2 table 0203) | `use` |
//! |---|---|---|
//! | twelve digits | `NI` | official |
//! | of a passport | `PPN` | official |
//! | of a card before, nine or twelve digits | `NI` | old |
//! | of the insurance | – | secondary |
//!
//! Systems and profile are configuration ([`FhirSystems`]). An address has no `country`: VN Core wants the province's code beside it, and a card says it in
//! words. It has no `use` either: what a card says may be years old, and nobody knows whether it still holds.

use crate::Envelope;
use crate::patient::{self, Guardian, Number};
use cccd::calendar::in_vietnam;
use cccd::date::CardDate;
use config::FhirSystems;
use serde_json::{Value, json};
use visit::profile::Item;

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
    let mut name = json!({ "use": "official", "text": full, "family": family });
    if !given.is_empty() {
        name["given"] = json!(given);
    }
    json!([name])
}

/// A value in a query (RFC 3986, §3.4): somebody may have typed signs that part parameters.
fn in_query(value: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    value.bytes().map(byte).collect()
}

/// A number of a kind that HL7 has a code for.
fn identifier(of: &str, code: &str, system: &str, value: &str) -> Value {
    let coding = json!([{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": code }]);
    json!({ "use": of, "type": { "coding": coding }, "system": system, "value": value })
}

/// By what a patient is known: the number first where there is one, and the condition under which nobody new is made.
fn identifiers(envelope: &Envelope, systems: &FhirSystems) -> (Vec<Value>, String) {
    let value = |name: &str| patient::value(&envelope.released, name);
    let number = patient::number(&envelope.released, systems);
    let (mut identifiers, condition) = match &number {
        Some(Number { value, system, kind }) => (
            vec![identifier("official", kind, system, value)],
            format!("identifier={}|{}", in_query(system), in_query(value)),
        ),
        None => (
            vec![json!({ "use": "temp", "system": VISIT_SYSTEM, "value": envelope.visit })],
            format!("identifier={VISIT_SYSTEM}|{}", envelope.visit),
        ),
    };
    let old = patient::old_numbers(&envelope.released);
    identifiers.extend(old.iter().map(|old| identifier("old", "NI", patient::old_system(&old.0, systems), &old.0)));
    let insurance = value("form.insurance");
    identifiers.extend(insurance.map(|code| json!({ "use": "secondary", "system": systems.insurance, "value": code })));
    (identifiers, condition)
}

/// Who answers for a patient. The visit is by what they are known: one who comes with two children is two related persons.
fn related(guardian: &Guardian<'_>, patient_url: &str, visit: &str) -> Value {
    let mut identifiers = vec![json!({ "use": "temp", "system": VISIT_SYSTEM, "value": visit })];
    let number = guardian.number.as_ref();
    identifiers.extend(number.map(|number| identifier("official", number.kind, number.system, number.value)));
    json!({
        "resourceType": "RelatedPerson",
        "identifier": identifiers,
        "active": true,
        "patient": { "reference": patient_url },
        "relationship": [{
            "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "GUARD" }],
        }],
        "name": name(guardian.name),
    })
}

/// One resource of the transaction, made only where the server knows none that answers to the condition.
fn entry(url: String, resource: Value, condition: String) -> Value {
    let request = json!({ "method": "POST", "url": resource["resourceType"], "ifNoneExist": condition });
    json!({ "fullUrl": url, "resource": resource, "request": request })
}

/// The transaction.
#[must_use]
pub fn bundle(envelope: &Envelope, systems: &FhirSystems) -> Value {
    let released = &envelope.released;
    let (identifiers, condition) = identifiers(envelope, systems);
    let patient_url = format!("urn:uuid:{}", uuid(&envelope.visit, 0));
    let gender = patient::sex(released.item(Item::Sex), ["male", "female", "unknown"]);
    let mut patient = json!({
        "resourceType": "Patient",
        "identifier": identifiers,
        "active": true,
        "gender": gender,
    });
    if let Some(full) = patient::value(released, Item::FullName.name()) {
        patient["name"] = name(full);
    }
    if let Some(born) = released.item(Item::DateOfBirth).and_then(date) {
        patient["birthDate"] = born.into();
    }
    if let Some(text) = patient::value(released, Item::Residence.name()) {
        patient["address"] = json!([{ "type": "physical", "text": text }]);
    }
    if let Some(phone) = patient::value(released, "form.phone") {
        patient["telecom"] = json!([{ "system": "phone", "value": phone }]);
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
    if !systems.patient_profile.is_empty() {
        patient["meta"]["profile"] = json!([systems.patient_profile]);
    }
    let mut encounter = json!({
        "resourceType": "Encounter",
        "identifier": [{ "system": VISIT_SYSTEM, "value": envelope.visit }],
        "status": "arrived",
        "class": { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB" },
        "subject": { "reference": patient_url },
        "period": { "start": start },
        "meta": { "tag": [{ "system": "urn:cccd-agent:source", "code": patient::source(released) }, assured] },
    });
    if let Some(department) = patient::value(released, "form.department") {
        encounter["serviceType"] = json!({ "coding": [{ "system": "urn:cccd-agent:department", "code": department }] });
    }
    let by_visit = || format!("identifier={VISIT_SYSTEM}|{}", envelope.visit);
    let guardian = patient::guardian(released, systems).map(|guardian| {
        let related = related(&guardian, &patient_url, &envelope.visit);
        entry(format!("urn:uuid:{}", uuid(&envelope.visit, 2)), related, by_visit())
    });
    let mut entries = vec![
        entry(patient_url, patient, condition),
        entry(format!("urn:uuid:{}", uuid(&envelope.visit, 1)), encounter, by_visit()),
    ];
    entries.extend(guardian);
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries })
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
        let bundle = bundle(&envelope("hospital-desk", "fhir"), &FhirSystems::default());
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
