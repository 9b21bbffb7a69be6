//! HL7 v2.5.1 for older hospital systems: ADT^A04 (a patient is registered) or ADT^A28 (a person is added), over MLLP.
//!
//! | segment | holds |
//! |---|---|
//! | `MSH` | UTF-8 (`UNICODE UTF-8`), the facility, a control identifier that a repetition has again |
//! | `EVN` | when |
//! | `PID` | `PID-3` numbers, that of today first, with kind (`NI`, `PPN`, `HC`) and system as a URI, `PID-5` name, `PID-7` birth as exact as it is known, `PID-8`, `PID-11` the address as text, `PID-13` |
//! | `NK1` | who answers for the patient, where one is named: `NK1-2` name, `NK1-3` `GRD` (table 0063), `NK1-33` number |
//! | `PV1` | outpatient, department, the visit |
//! | `ZCA` | the rung of assurance, and where the data come from: no standard field says it |
//!
//! MLLP (HL7 v2.3.1, Appendix C.4): `0B` message `1C 0D`. `AA` is delivered, `AR` refused; after `AE`, or an answer to something else, it is tried
//! again. `mllps` is the same in TLS.

use crate::{Envelope, patient};
use cccd::calendar::in_vietnam;
use cccd::date::CardDate;
use config::{FhirSystems, HospitalEvent};
use std::io::{Read, Write};
use store::book::deliveries::Tried;
use visit::profile::Item;
use zeroize::Zeroizing;

const BEGIN: u8 = 0x0B;
const END: [u8; 2] = [0x1C, 0x0D];
/// The longest acknowledgement that is read.
const LONGEST: u64 = 64 * 1024;

/// A text inside a field (v2.5.1, §2.7): no sign in it parts anything.
fn escaped(text: &str) -> Zeroizing<String> {
    let mut whole = Zeroizing::new(String::with_capacity(text.len()));
    for sign in text.chars() {
        match sign {
            '|' => whole.push_str("\\F\\"),
            '^' => whole.push_str("\\S\\"),
            '&' => whole.push_str("\\T\\"),
            '~' => whole.push_str("\\R\\"),
            '\\' => whole.push_str("\\E\\"),
            sign => whole.push(sign),
        }
    }
    whole
}

/// What [`escaped`] was made of; `None` for an escape that it does not make.
fn plain(text: &str) -> Option<Zeroizing<String>> {
    let mut whole = Zeroizing::new(String::with_capacity(text.len()));
    for (at, part) in text.split('\\').enumerate() {
        match part {
            part if at % 2 == 0 => whole.push_str(part),
            "F" => whole.push('|'),
            "S" => whole.push('^'),
            "T" => whole.push('&'),
            "R" => whole.push('~'),
            "E" => whole.push('\\'),
            _ => return None,
        }
    }
    Some(whole)
}

/// A field of a segment by its number, of the first segment with that name.
fn field<'a>(message: &'a str, segment: &str, number: usize) -> Option<&'a str> {
    let mut segments = message.split('\r').map(|line| line.split('|'));
    let mut fields = segments.find_map(|mut fields| (fields.next() == Some(segment)).then_some(fields))?;
    // MSH-1 is the sign that parts fields.
    let before = if segment == "MSH" { 2 } else { 1 };
    fields.nth(number.checked_sub(before)?)
}

/// `yyyyMMddHHmmss+ZZZZ`.
fn moment(at: i64) -> String {
    let at = in_vietnam(at);
    let (date, time) = (at.date(), at.time());
    format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}+0700",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// The message's own identifier (MSH-10, 20 signs): the same for every repetition.
fn control(envelope: &Envelope) -> &str {
    envelope.visit.get(..20).unwrap_or(&envelope.visit)
}

/// One number of PID-3: identifier, authority as a URI, kind (table 0203).
fn number(value: &str, system: &str, kind: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("{}^^^&{}&URI^{kind}", &*escaped(value), &*escaped(system)))
}

/// A name (XPN), the family's first, as Vietnamese names are written; nothing of nobody.
fn name(full: &str) -> Zeroizing<String> {
    if full.is_empty() {
        return Zeroizing::default();
    }
    let (family, given) = full.split_once(' ').unwrap_or((full, ""));
    Zeroizing::new(format!("{}^{}^^^^^L", &*escaped(family), &*escaped(given)))
}

/// The message; each segment ends with a carriage return.
#[must_use]
pub fn message(envelope: &Envelope, facility: &str, event: HospitalEvent, systems: &FhirSystems) -> Zeroizing<String> {
    let released = &envelope.released;
    let value = |name: &str| patient::value(released, name);
    let own = |name: &str| escaped(value(name).unwrap_or_default());
    let mut numbers: Vec<Zeroizing<String>> = Vec::new();
    let known = patient::number(released, systems);
    numbers.extend(known.map(|known| number(known.value, known.system, known.kind)));
    let old = patient::old_numbers(released);
    numbers.extend(old.iter().map(|old| number(&old.0, patient::old_system(&old.0, systems), "NI")));
    numbers.extend(value("form.insurance").map(|code| number(code, &systems.insurance, "HC")));
    let numbers = Zeroizing::new(numbers.iter().map(|number| number.as_str()).collect::<Vec<_>>().join("~"));
    let name = released.item(Item::FullName).unwrap_or_default();
    let born = released.item(Item::DateOfBirth).and_then(CardDate::from_text).and_then(CardDate::iso);
    let born = Zeroizing::new(born.unwrap_or_default().replace('-', ""));
    let sex = patient::sex(released.item(Item::Sex), ["M", "F", "U"]);
    let (trigger, structure) = match event {
        HospitalEvent::A04 => ("A04", "ADT_A01"),
        HospitalEvent::A28 => ("A28", "ADT_A05"),
    };
    let (at, facility, control) = (moment(envelope.at), escaped(facility), escaped(control(envelope)));
    let (device, visit) = (escaped(&envelope.device), escaped(&envelope.visit));
    let mut text = Zeroizing::new(String::with_capacity(1024));
    let mut say = |segment: &str| {
        text.push_str(segment);
        text.push('\r');
    };
    say(&format!(
        "MSH|^~\\&|{}|{}|||{at}||ADT^{trigger}^{structure}|{}|P|2.5.1|||AL|NE||UNICODE UTF-8",
        &*device, &*facility, &*control
    ));
    say(&format!("EVN||{at}"));
    let person = self::name(name);
    let phone =
        Zeroizing::new(value("form.phone").map(|phone| format!("{}^PRN^PH", &*escaped(phone))).unwrap_or_default());
    say(&Zeroizing::new(format!(
        "PID|1||{}||{}||{}|{sex}|||{}||{}",
        &*numbers,
        &*person,
        &*born,
        &*own(Item::Residence.name()),
        &*phone
    )));
    if let Some(guardian) = patient::guardian(released, systems) {
        let known = guardian.number.map(|known| number(known.value, known.system, known.kind)).unwrap_or_default();
        let gap = "|".repeat(30);
        say(&Zeroizing::new(format!("NK1|1|{}|GRD^Guardian^HL70063{gap}{}", &*self::name(guardian.name), &*known)));
    }
    say(&format!("PV1|1|O|{}||||||||||||||||{}", &*own("form.department"), &*visit));
    say(&format!("ZCA|{}|{}", released.rung(), patient::source(released)));
    text
}

/// Whether a message, read again, has the patient in the places where they belong.
#[must_use]
pub fn comes_back(message: &str, envelope: &Envelope) -> bool {
    let released = &envelope.released;
    let component = |number: usize, at: usize| {
        let text = field(message, "PID", number).and_then(|field| field.split('^').nth(at));
        text.and_then(plain).unwrap_or_default()
    };
    let name = [component(5, 0), component(5, 1)];
    let name =
        if name[1].is_empty() { name[0].clone() } else { Zeroizing::new(format!("{} {}", &*name[0], &*name[1])) };
    let number = released.item(Item::IdNumber).or_else(|| released.item(Item::DocumentNumber)).unwrap_or_default();
    let residence = released.item(Item::Residence).unwrap_or_default();
    let segments = message.split('\r').map(|segment| segment.get(..3).unwrap_or_default());
    let guardian = patient::value(released, "form.guardian").is_some();
    let wanted = ["MSH", "EVN", "PID"].into_iter().chain(guardian.then_some("NK1")).chain(["PV1", "ZCA", ""]);
    segments.eq(wanted)
        && *name == released.item(Item::FullName).unwrap_or_default()
        && (number.is_empty() || *component(3, 0) == number)
        && *component(11, 0) == residence
        && field(message, "MSH", 10) == Some(&*escaped(control(envelope)))
}

/// What an acknowledgement to a message means.
fn acknowledged(answer: &str, envelope: &Envelope) -> Tried {
    if field(answer, "MSA", 2) != Some(&*escaped(control(envelope))) {
        return Tried::Later("recipient_answer_malformed".to_owned());
    }
    match field(answer, "MSA", 1) {
        Some("AA" | "CA") => Tried::Delivered,
        Some("AR" | "CR") => Tried::Refused("recipient_hl7_AR".to_owned()),
        // Somebody there has to mend something.
        Some("AE" | "CE") => Tried::Later("recipient_hl7_AE".to_owned()),
        _ => Tried::Later("recipient_answer_malformed".to_owned()),
    }
}

/// Sends a message over a connection and reads what is answered.
pub(super) fn exchange(mut line: impl Read + Write, message: &str, envelope: &Envelope) -> Tried {
    let framed = Zeroizing::new([&[BEGIN][..], message.as_bytes(), &END].concat());
    let failed = |error: &std::io::Error| {
        let slow = matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut);
        Tried::Later(if slow { "recipient_timeout" } else { "recipient_failed" }.to_owned())
    };
    if let Err(error) = line.write_all(&framed).and_then(|()| line.flush()) {
        return failed(&error);
    }
    let (mut answer, mut bytes) = (Vec::new(), std::io::BufReader::new(line.take(LONGEST)).bytes());
    // The connection stays open: the answer ends where its frame does.
    while !answer.ends_with(&END) {
        match bytes.next() {
            Some(Ok(byte)) => answer.push(byte),
            Some(Err(error)) => return failed(&error),
            None => return Tried::Later("recipient_answer_malformed".to_owned()),
        }
    }
    let answer = answer.strip_prefix(&[BEGIN]).and_then(|answer| answer.strip_suffix(&END));
    match answer.and_then(|answer| std::str::from_utf8(answer).ok()) {
        Some(answer) => acknowledged(answer, envelope),
        None => Tried::Later("recipient_answer_malformed".to_owned()),
    }
}

#[cfg(test)]
mod over_tcp;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::envelope;
    use proptest::prelude::*;

    fn made() -> (Envelope, Zeroizing<String>) {
        let envelope = envelope("hospital-desk", "his");
        let text = message(&envelope, "79001", HospitalEvent::A04, &FhirSystems::default());
        (envelope, text)
    }

    #[test]
    fn a_patient_is_registered() {
        let (envelope, text) = made();
        let of = |segment: &str, number: usize| field(&text, segment, number).unwrap_or_default().to_owned();
        assert_eq!(of("MSH", 2), "^~\\&");
        assert_eq!(of("MSH", 9), "ADT^A04^ADT_A01");
        assert_eq!(of("MSH", 18), "UNICODE UTF-8");
        assert_eq!(of("PID", 3), "001099000017^^^&http://fhir.hl7.org.vn/core/sid/cccd&URI^NI");
        assert_eq!(of("PID", 5), "Nguyễn^Văn An^^^^^L");
        assert_eq!((of("PID", 7), of("PID", 8)), ("19990115".to_owned(), "M".to_owned()));
        assert_eq!((of("PV1", 3), of("PV1", 19)), ("K01".to_owned(), "0f".repeat(16)));
        assert_eq!(of("ZCA", 1), "signed");
        assert!(comes_back(&text, &envelope));
    }

    /// Both ends of a connection in memory.
    struct Line {
        sent: Vec<u8>,
        answer: std::io::Cursor<Vec<u8>>,
    }

    impl Read for Line {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.answer.read(buffer)
        }
    }

    impl Write for Line {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.sent.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_an_acknowledgement_of_this_message_delivers_it() {
        let (envelope, text) = made();
        let (id, later) = (control(&envelope), |code: &str| Tried::Later(code.to_owned()));
        let framed = |answer: &str| [&[BEGIN][..], answer.as_bytes(), &END].concat();
        let answered = |answer: Vec<u8>| {
            let mut line = Line { sent: Vec::new(), answer: std::io::Cursor::new(answer) };
            let tried = exchange(&mut line, &text, &envelope);
            assert!(line.sent.starts_with(&[BEGIN]) && line.sent.ends_with(&END));
            tried
        };
        let ack = |code: &str, id: &str| framed(&format!("MSH|^~\\&|HIS|||||ACK|1|P|2.5.1\rMSA|{code}|{id}\r"));
        assert_eq!(answered(ack("AA", id)), Tried::Delivered);
        assert_eq!(answered(ack("AE", id)), later("recipient_hl7_AE"));
        assert_eq!(answered(ack("AR", id)), Tried::Refused("recipient_hl7_AR".to_owned()));
        for wrong in [ack("AA", "another"), ack("", id), framed("nonsense"), Vec::new(), ack("AA", id)[1..].to_vec()] {
            assert_eq!(answered(wrong), later("recipient_answer_malformed"));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(test_support::cases(200, 20_000)))]

        #[test]
        fn no_text_parts_a_field(text in "[^\\x00-\\x1f\\x7f]{0,40}") {
            let whole = escaped(&text);
            prop_assert!(!whole.contains(['|', '^', '&', '~']));
            prop_assert_eq!(plain(&whole), Some(Zeroizing::new(text)));
        }
    }
}
