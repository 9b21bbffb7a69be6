//! The webhook that reader vendors' desktop programs speak: a POST of flat JSON with snake_case keys
//! (`id_card`, `full_name`, …), which hospital software listens for. Every value is a string.

use crate::Envelope;
use serde_json::{Map, Value};
use visit::profile::Item;

/// Key of the webhook, and what stands under it.
const KEYS: [(&str, Item); 16] = [
    ("id_card", Item::IdNumber),
    ("full_name", Item::FullName),
    ("date_of_birth", Item::DateOfBirth),
    ("gender", Item::Sex),
    ("nationality", Item::Nationality),
    ("race", Item::Ethnicity),
    ("religion", Item::Religion),
    ("place_of_origin", Item::PlaceOfOrigin),
    ("place_of_residence", Item::Residence),
    ("personal_identification", Item::Features),
    ("date_of_issue", Item::IssueDate),
    ("date_of_expiry", Item::ExpiryDate),
    ("father_name", Item::Father),
    ("mother_name", Item::Mother),
    ("wife_name", Item::Spouse),
    ("old_id_card", Item::OldIdNumber),
];

/// The body: all keys that such software expects; what is not released is an empty string. `visit`, `number`,
/// `assurance`, the code of the rung, and `guardian_…` are ours, and are ignored by those who do not know them.
#[must_use]
pub fn body(envelope: &Envelope) -> Value {
    let released = &envelope.released;
    let text = |text: Option<&str>| Value::from(text.unwrap_or_default());
    let mut map: Map<String, Value> =
        KEYS.iter().map(|(key, item)| ((*key).to_owned(), text(released.item(*item)))).collect();
    let image = released.portrait().map(|portrait| portrait.data.0.as_str());
    map.insert("id_img".to_owned(), text(image));
    map.insert("visit".to_owned(), Value::from(envelope.visit.clone()));
    map.insert("assurance".to_owned(), text(Some(released.rung())));
    map.insert("number".to_owned(), text(envelope.number.as_deref()));
    map.insert("guardian_name".to_owned(), text(released.get("form.guardian")));
    map.insert("guardian_id_card".to_owned(), text(released.get("form.guardian_number")));
    Value::Object(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::envelope;

    #[test]
    fn every_key_is_there_and_nothing_that_was_not_released() {
        let body = body(&envelope("hospital-desk", "webhook"));
        assert_eq!((&body["id_card"], &body["full_name"]), (&"001099000017".into(), &"Nguyễn Văn An".into()));
        assert_eq!((&body["religion"], &body["id_img"]), (&"".into(), &"".into()));
        assert!(body.as_object().expect("object").values().all(Value::is_string));
    }
}
