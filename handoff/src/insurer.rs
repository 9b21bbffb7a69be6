//! What the health insurer says of a patient, as the hospital's own system tells it. The device has no account at the insurer's portal, and
//! the code on a card proves nothing (a facility looks the number up: QĐ 4750, MA_THE_BHYT), so it asks whoever has one.
//!
//! [`Insurer`] is the one way to ask; the kiosk interface (`/bhyt`) is the system that there is. The names are those of XML0:
//!
//! | field | is |
//! |---|---|
//! | `MA_THE_BHYT` | the code: 15 or 10 signs, or the personal number, which has taken the card's place since 2025 |
//! | `MA_DKBD` | the facility of first registration, five digits |
//! | `GT_THE_TU`, `GT_THE_DEN` | first and last day, `yyyymmdd` |

use crate::Answer;
use crate::his::GOOD;
use cccd::date::CardDate;
use program::{Private, Text};
use serde_json::Value;
use time::Date;
use visit::content::Released;

/// What the insurer says of somebody who is insured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover {
    /// The code, to go on under.
    pub code: Private,
    /// The facility of first registration.
    pub facility: Option<Private>,
    /// The first day.
    pub from: Option<CardDate>,
    /// The last day.
    pub until: Option<CardDate>,
}

/// How it is with somebody's insurance on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// In force.
    Valid,
    /// It has ended.
    Over,
    /// It has not begun.
    NotYet,
    /// The insurer knows them and does not say until when.
    Unknown,
    /// The insurer does not know them.
    Nobody,
}

impl Standing {
    /// Of what the insurer said, on a day. What it does not say is never taken for good.
    #[must_use]
    pub fn of(cover: Option<&Cover>, today: Date) -> Self {
        let Some(cover) = cover else { return Self::Nobody };
        let day = |date: Option<CardDate>| date.and_then(CardDate::day);
        match (day(cover.from), day(cover.until)) {
            (_, Some(until)) if until < today => Self::Over,
            (Some(from), _) if from > today => Self::NotYet,
            (_, Some(_)) => Self::Valid,
            (_, None) => Self::Unknown,
        }
    }
}

/// Whoever knows who is insured.
pub trait Insurer {
    /// Asks for somebody by number, name and birth, as far as the profile grants them to that system; nothing where they are not insured.
    ///
    /// # Errors
    /// A stable code when there is no answer, or none that can be read: then nobody knows.
    fn cover(&self, of: &Released, now_ms: i64) -> Result<Option<Cover>, &'static str>;
}

/// A day as XML0 has it.
fn day(value: &Value) -> Option<CardDate> {
    let text = value.as_str().filter(|text| text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()))?;
    CardDate::from_text(&format!("{}/{}/{}", &text[6..], &text[4..6], &text[..4]))
}

/// What an answer of the kiosk interface says.
///
/// # Errors
/// When it says neither who is insured nor that nobody is.
pub fn told(answer: &Answer) -> Result<Option<Cover>, &'static str> {
    const MALFORMED: &str = "recipient_answer_malformed";
    let body: Value = serde_json::from_str(&answer.body).ok().filter(|_| answer.status == 200).ok_or(MALFORMED)?;
    match body["code"].as_str() {
        Some(GOOD) => {
            let data = &body["data"];
            let whole = |value: &Value, fits: fn(&str) -> bool| {
                // A code is what it is or none: half of one would be somebody else's.
                let text = Text::typed(value.as_str()?).ok()?;
                fits(text.as_str()).then(|| Private::clone(&text))
            };
            let is_code = |code: &str| {
                matches!(code.len(), 10 | 12 | 15) && code.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
            };
            let is_facility = |code: &str| code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_digit());
            let code = whole(&data["MA_THE_BHYT"], is_code).ok_or(MALFORMED)?;
            let facility = whole(&data["MA_DKBD"], is_facility);
            Ok(Some(Cover { code, facility, from: day(&data["GT_THE_TU"]), until: day(&data["GT_THE_DEN"]) }))
        }
        Some("404") => Ok(None),
        _ => Err("his_code_999"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    fn answer(body: &str) -> Result<Option<Cover>, &'static str> {
        told(&Answer { status: 200, body: body.to_owned() })
    }

    fn on(from: &str, until: &str) -> Standing {
        let body = format!(
            r#"{{"code":"000","data":{{"MA_THE_BHYT":"001099000017","GT_THE_TU":"{from}","GT_THE_DEN":"{until}"}}}}"#
        );
        let cover = answer(&body).expect("an answer");
        Standing::of(cover.as_ref(), date!(2026 - 11 - 30))
    }

    #[test]
    fn a_cover_is_in_force_from_its_first_day_to_its_last() {
        assert_eq!(on("20260101", "20261231"), Standing::Valid);
        assert_eq!(on("20261130", "20261130"), Standing::Valid);
        assert_eq!(on("20250101", "20261129"), Standing::Over);
        assert_eq!(on("20261201", "20271231"), Standing::NotYet);
        assert_eq!(on("20260101", ""), Standing::Unknown, "what is not said is not taken for good");
        assert_eq!(on("20260101", "20261331"), Standing::Unknown);
        assert_eq!(on("", "20261231"), Standing::Valid);
    }

    #[test]
    fn an_answer_says_who_is_insured_or_that_nobody_is_or_it_is_none() {
        let full =
            r#"{"code":"000","data":{"MA_THE_BHYT":"GD4010123456789","MA_DKBD":"79001","GT_THE_DEN":"20261231"}}"#;
        let cover = answer(full).expect("an answer").expect("insured");
        assert_eq!(cover.code.0.as_str(), "GD4010123456789");
        assert_eq!(cover.facility.map(|code| code.0.to_string()).as_deref(), Some("79001"));
        assert_eq!(answer(r#"{"code":"404"}"#), Ok(None));
        assert_eq!(Standing::of(None, date!(2026 - 11 - 30)), Standing::Nobody);
        for broken in
            [r#"{"code":"999"}"#, "<html>", r#"{"code":"000"}"#, r#"{"code":"000","data":{"MA_THE_BHYT":"1"}}"#]
        {
            assert!(answer(broken).is_err(), "{broken}");
        }
        assert!(told(&Answer { status: 502, body: full.to_owned() }).is_err());
    }
}
