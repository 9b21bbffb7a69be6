//! The interface between kiosk and hospital system that hospitals with bank kiosks already have (MediPay Kiosk C06,
//! version 0106): the kiosk asks, each request signed with HMAC-SHA-256.
//!
//! Headers: `x-merchant-id`, `x-timestamp` (milliseconds since 1970), `x-sign`, the MAC in hexadecimal over the values
//! with `|` between them. The document does not say which values in which order: here they are those of the query or
//! body in the order below, then the timestamp, and a site whose system wants another order has one place to change it.
//! An answer has `code`: `000` is good, `404` not found, anything else an error.

use crate::{Answer, Envelope};
use cccd::calendar::in_vietnam;
use cccd::date::CardDate;
use hmac::{Hmac, KeyInit as _, Mac as _};
use program::Text;
use serde_json::{Map, Value, json};
use sha2::Sha256;
use store::book::deliveries::Tried;
use visit::content::Released;
use visit::profile::Item;

/// Registration for an examination.
pub const REGISTER: &str = "/dangky-kcb";
/// The departments that people may choose.
pub const DEPARTMENTS: &str = "/khoa";
/// Whether a patient is known.
pub const PATIENT: &str = "/benhnhan";
/// What the insurer says of a patient.
pub const INSURANCE: &str = "/bhyt";
/// What the interface has no fields for: these are ours, stand last and are not among the values that are signed. How much is assured
/// of the patient; the numbers that they had before; who answers for a child, as QĐ 1551/2026 names them.
const OURS: [&str; 4] = ["MUC_XAC_THUC", "SO_GTTT_CU", "NGUOI_GIAM_HO", "SO_CCCD_NGH"];
/// What the recipient says when it took the registration.
pub const GOOD: &str = "000";

/// What a kiosk registers, field by field in the order in which it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration(Vec<(&'static str, program::Private)>);

/// What the hospital's system knows of a patient already.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// The patient's number there.
    pub patient: program::Private,
    /// The code of the health insurance card, where the patient did not show it.
    pub insurance: program::Private,
}

/// The number in the queue that the hospital's system gave, and where to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// As called.
    pub number: String,
    /// Where.
    pub place: Option<String>,
}

/// `yyyy-MM-dd`, or as much of it as the card says.
fn date(text: &str) -> String {
    CardDate::from_text(text).and_then(CardDate::iso).unwrap_or_default()
}

/// The registration of a visit. The insurer matches names as the chip has them (NFC), so they go unchanged.
#[must_use]
pub fn registration(envelope: &Envelope, known: &Known) -> Registration {
    let released = &envelope.released;
    let full = released.item(Item::FullName).unwrap_or_default();
    let (family, given) = full.rsplit_once(' ').unwrap_or(("", full));
    let sex = crate::patient::sex(released.item(Item::Sex), ["1", "2", "3"]);
    let at = in_vietnam(envelope.at);
    let day = format!("{:04}-{:02}-{:02}", at.year(), u8::from(at.month()), at.day());
    let born = released.item(Item::DateOfBirth).map(date).unwrap_or_default();
    let issued = released.item(Item::IssueDate).map(date).unwrap_or_default();
    let [assurance, old, guardian, guardian_number] = OURS;
    let old_numbers = crate::patient::old_numbers(released);
    let old_numbers: Vec<&str> = old_numbers.iter().map(|old| old.0.as_str()).collect();
    let old_numbers = zeroize::Zeroizing::new(old_numbers.join(";"));
    let values = [
        ("MA_YEU_CAU", envelope.visit.as_str()),
        ("NGAY_DK", day.as_str()),
        ("HO_TEN", full),
        ("HO_BN", family),
        ("TEN_BN", given),
        ("NGAY_SINH", born.as_str()),
        ("GIOI_TINH", sex),
        ("SO_GTTT", released.item(Item::IdNumber).unwrap_or_default()),
        ("LOAI_GTTT", "CCCD"),
        ("NGAY_CAP_GTTT", issued.as_str()),
        ("DIA_CHI", released.item(Item::Residence).unwrap_or_default()),
        ("MA_KHOA", released.get("form.department").unwrap_or_default()),
        ("MA_THE_BHYT", released.get("form.insurance").unwrap_or(&known.insurance.0)),
        ("DIEN_THOAI", released.get("form.phone").unwrap_or_default()),
        ("MA_BN", &known.patient.0),
        (assurance, released.rung()),
        (old, &old_numbers),
        (guardian, released.get("form.guardian").unwrap_or_default()),
        (guardian_number, released.get("form.guardian_number").unwrap_or_default()),
    ];
    Registration(values.map(|(name, value)| (name, value.to_owned().into())).into())
}

impl Registration {
    /// The values that are signed: those of the interface.
    #[must_use]
    pub fn signed(&self) -> Vec<&str> {
        self.0.iter().filter(|(name, _)| !OURS.contains(name)).map(|(_, value)| value.0.as_str()).collect()
    }

    /// The body.
    #[must_use]
    pub fn to_json(&self) -> Value {
        Value::Object(self.0.iter().map(|(name, value)| ((*name).to_owned(), json!(*value.0))).collect::<Map<_, _>>())
    }
}

/// The MAC over values and timestamp, in hexadecimal.
#[must_use]
pub fn mac(key: &[u8], values: &[&str], now_ms: i64) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    for value in values {
        mac.update(value.as_bytes());
        mac.update(b"|");
    }
    mac.update(now_ms.to_string().as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// The headers of a request.
#[must_use]
pub fn sign(key: &[u8], merchant: &str, now_ms: i64, values: &[&str]) -> [(&'static str, String); 3] {
    [("x-merchant-id", merchant.to_owned()), ("x-timestamp", now_ms.to_string()), ("x-sign", mac(key, values, now_ms))]
}

/// What is asked of a patient: the paths with their parameters, in the order in which they are signed.
#[must_use]
pub fn questions(released: &Released) -> [(&'static str, Vec<(&'static str, program::Private)>); 2] {
    let own = |item| program::Private::from(released.item(item).unwrap_or_default().to_owned());
    let born = released.item(Item::DateOfBirth).map(date).unwrap_or_default();
    [
        (PATIENT, vec![("SO_GTTT", own(Item::IdNumber)), ("LOAI_GTTT", "CCCD".to_owned().into())]),
        (
            INSURANCE,
            vec![("SO_GTTT", own(Item::IdNumber)), ("HO_TEN", own(Item::FullName)), ("NGAY_SINH", born.into())],
        ),
    ]
}

/// The data of an answer that is good.
#[must_use]
pub fn found(answer: &Answer) -> Option<Value> {
    let mut body: Value = serde_json::from_str(&answer.body).ok().filter(|_| answer.status == 200)?;
    (body["code"] == GOOD).then(|| body["data"].take())
}

/// The departments of an answer: code and name.
#[must_use]
pub fn departments(data: &Value) -> Vec<(String, String)> {
    let fits = |text: Text| Some(text.as_str().to_owned()).filter(|text| (1..=60).contains(&text.chars().count()));
    // A code goes back as it came or not at all; a name is for people.
    let code = |value: &Value| fits(Text::typed(value.as_str()?).ok()?);
    let name = |value: &Value| fits(Text::cleaned(value.as_str()?));
    let one = |value: &Value| Some((code(&value["MA_KHOA"])?, name(&value["TEN_KHOA"])?));
    data.as_array().map(|all| all.iter().filter_map(one).take(100).collect()).unwrap_or_default()
}

/// What an answer means.
#[must_use]
pub fn answered(answer: &Answer) -> (Tried, Option<Registered>) {
    let by_status = answer.by_status();
    if by_status != Tried::Delivered {
        return (by_status, None);
    }
    let Ok(body) = serde_json::from_str::<Value>(&answer.body) else {
        return (Tried::Later("recipient_answer_malformed".to_owned()), None);
    };
    let text = |value: &Value| match value {
        Value::String(text) => Some(Text::cleaned(text).as_str().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match body["code"].as_str() {
        Some(GOOD) => {
            let data = &body["data"];
            let number = text(&data["SO_THU_TU"]).filter(|number| number.len() <= 8);
            let place = text(&data["TEN_PHONG"]).filter(|place| place.chars().count() <= 60);
            (Tried::Delivered, number.map(|number| Registered { number, place }))
        }
        // Busy or being mended there: the message is not at fault.
        Some("999") | None => (Tried::Later("his_code_999".to_owned()), None),
        Some(code) => {
            let code: String = code.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
            (Tried::Refused(format!("his_code_{code}")), None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::envelope;

    #[test]
    fn names_dates_and_codes() {
        let registration = registration(&envelope("hospital-desk", "his"), &Known::default());
        let json = registration.to_json();
        assert!(!registration.signed().contains(&"signed"), "what is signed is what the interface has");
        for (key, value) in [
            ("HO_TEN", "Nguyễn Văn An"),
            ("HO_BN", "Nguyễn Văn"),
            ("TEN_BN", "An"),
            ("NGAY_SINH", "1999-01-15"),
            ("GIOI_TINH", "1"),
            ("SO_GTTT", "001099000017"),
            ("MA_KHOA", "K01"),
            ("NGAY_DK", "2026-11-23"),
            ("MUC_XAC_THUC", "signed"),
        ] {
            assert_eq!(json[key], value);
        }
    }

    #[test]
    fn the_mac_covers_every_value_and_the_time() {
        // echo -n 'a|b|1' | openssl dgst -sha256 -hmac key
        assert_eq!(mac(b"key", &["a", "b"], 1), "cdc5be79406f15a78fcefcf0e63b5ec919160e19eb5f92f6abbab2d41721b737");
        assert_ne!(mac(b"key", &["a", "b"], 1), mac(b"key", &["a", "b"], 2));
        assert_ne!(mac(b"key", &["a", "b"], 1), mac(b"key", &["ab", ""], 1));
    }

    #[test]
    fn questions_and_what_is_found() {
        let [(path, parameters), (_, insurance)] = questions(&envelope("hospital-desk", "his").released);
        assert_eq!((path, parameters[0].1.0.as_str()), ("/benhnhan", "001099000017"));
        assert_eq!(insurance[2].1.0.as_str(), "1999-01-15");
        let answer = |status, body: &str| found(&Answer { status, body: body.to_owned() });
        assert_eq!(answer(200, r#"{"code":"000","data":{"MA_BN":"7"}}"#), Some(json!({ "MA_BN": "7" })));
        assert_eq!(answer(200, r#"{"code":"404"}"#), None);
        assert_eq!(answer(500, r#"{"code":"000"}"#), None);
        let list = json!([{ "MA_KHOA": "K1", "TEN_KHOA": "Nội" }, { "MA_KHOA": "", "TEN_KHOA": "x" }, 7]);
        assert_eq!(departments(&list), [("K1".to_owned(), "Nội".to_owned())]);
        let hostile = json!([
            { "MA_KHOA": "K1\u{1}", "TEN_KHOA": "Nội" }, { "MA_KHOA": "K2", "TEN_KHOA": "N\u{202e}goại\u{7}" },
        ]);
        assert_eq!(departments(&hostile), [("K2".to_owned(), "Ngoại".to_owned())]);
    }

    #[test]
    fn answers() {
        let answer = |status, body: &str| answered(&Answer { status, body: body.to_owned() });
        let good = r#"{"code":"000","data":{"SO_THU_TU":17,"TEN_PHONG":"Phòng 5"}}"#;
        let number = Registered { number: "17".to_owned(), place: Some("Phòng 5".to_owned()) };
        assert_eq!(answer(200, good), (Tried::Delivered, Some(number)));
        let hostile = r#"{"code":"000","data":{"SO_THU_TU":"A\u001b7","TEN_PHONG":"Ph\u202eòng"}}"#;
        let cleaned = Registered { number: "A 7".to_owned(), place: Some("Phòng".to_owned()) };
        assert_eq!(answer(200, hostile).1, Some(cleaned));
        assert_eq!(answer(200, r#"{"code":"000"}"#), (Tried::Delivered, None));
        assert_eq!(answer(200, r#"{"code":"404"}"#), (Tried::Refused("his_code_404".to_owned()), None));
        assert_eq!(answer(200, r#"{"code":"999"}"#).0, Tried::Later("his_code_999".to_owned()));
        assert_eq!(answer(502, "").0, Tried::Later("recipient_http_502".to_owned()));
        assert_eq!(answer(200, "<html>").0, Tried::Later("recipient_answer_malformed".to_owned()));
    }
}
