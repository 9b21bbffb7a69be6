//! Lists of people that an operator signs: candidates, staff, beneficiaries, entitlements.
//!
//! # Format, version 1
//! A COSE_Sign1 document of the kind `roster` (`events::sign_document`), sealed with a pass phrase for the way
//! (`drivers::key_store::sealed`), whose payload is JSON:
//!
//! ```json
//! {
//!   "schema": "cccd-roster/1", "id": "thi-2026-12-P201", "version": 3, "title": "Phòng thi P201",
//!   "profile": "exam", "valid_from": "2026-12-01", "valid_until": "2026-12-02",
//!   "entries": [{
//!     "number": "001099000017", "items": {"full_name": "Nguyễn Văn An"},
//!     "attributes": {"seat": "A12"}, "photo": {"media_type": "image/jpeg", "data": "…base64…"}
//!   }]
//! }
//! ```
//!
//! An entry is found by `number` (of a citizen), by `document_number` (of a passport), or by `subject`, the keyed hash
//! of the person ([`events::subject`]) in hexadecimal, in lists that must name nobody. What it says for people is [`Text`]: odd characters are left
//! out, because one person's name must not refuse the list of a whole room. Days are whole days in Vietnam. A list replaces
//! one of the same identifier only if its version is higher.

use crate::content::{Content, Difference, Image};
use crate::profile::Item;
use crate::steps::Refusal;
use cccd::date::{Agreement, CardDate};
use cccd::name::{self, Likeness};
use events::Verifier;
use events::event::Bytes;
use program::{Failure, Private, Text};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use time::Date;
use zeroize::Zeroizing;

/// The kind of document that a list is signed as.
pub const KIND: &str = "roster";
/// The only schema there is.
pub const SCHEMA: &str = "cccd-roster/1";
/// Entries that a list may have.
pub const MOST_ENTRIES: usize = 200_000;

/// One person.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The citizen's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Private>,
    /// The number of a passport.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_number: Option<Private>,
    /// The keyed hash of the person, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What the list says of the person.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub items: BTreeMap<Item, Text>,
    /// What it grants or assigns.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Text>,
    /// A photograph.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo: Option<Image>,
}

/// A list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roster {
    /// [`SCHEMA`].
    pub schema: String,
    /// Identifier.
    pub id: String,
    /// Counts up.
    pub version: u32,
    /// For people.
    pub title: String,
    /// The profile that uses it.
    pub profile: String,
    /// First day, `YYYY-MM-DD`.
    pub valid_from: String,
    /// Last day.
    pub valid_until: String,
    /// The people.
    pub entries: Vec<Entry>,
}

fn invalid(why: impl Into<String>) -> Failure {
    Failure::usage("roster_invalid", why, "make the list again with `provision roster-sign`")
}

fn day(text: &str) -> Option<Date> {
    let format = time::macros::format_description!("[year]-[month]-[day]");
    Date::parse(text, &format).ok()
}

impl Roster {
    /// Opens a signed list.
    ///
    /// # Errors
    /// When it is not signed with the operator's key, or not a list.
    pub fn open(signed: &[u8], operator: &Verifier) -> Result<Self, Failure> {
        let payload = operator.open_document(KIND, signed).map_err(|e| {
            let message = format!("the list is not signed by the operator: {e}");
            Failure::usage("roster_not_signed", message, "get the list from the operator again")
        })?;
        Self::parse(&Zeroizing::new(payload))
    }

    /// Reads the payload.
    ///
    /// # Errors
    /// When it is not a list. What it holds is not repeated.
    pub fn parse(payload: &[u8]) -> Result<Self, Failure> {
        let mut roster: Self = serde_json::from_slice(payload)
            .map_err(|e| invalid(format!("the list is not valid JSON of its schema, line {}", e.line())))?;
        roster.title = Text::cleaned(&roster.title).as_str().to_owned();
        if roster.schema != SCHEMA {
            return Err(invalid("the list has another schema"));
        }
        if roster.entries.len() > MOST_ENTRIES {
            return Err(invalid(format!("the list has more than {MOST_ENTRIES} entries")));
        }
        if day(&roster.valid_from).zip(day(&roster.valid_until)).is_none_or(|(from, until)| from > until) {
            return Err(invalid("the list's days are not YYYY-MM-DD in order"));
        }
        let named = |entry: &Entry| {
            [entry.number.is_some(), entry.document_number.is_some(), entry.subject.is_some()]
                .into_iter()
                .any(|there| there)
        };
        if let Some(at) = roster.entries.iter().position(|entry| !named(entry)) {
            return Err(invalid(format!("entry {} names nobody", at + 1)));
        }
        Ok(roster)
    }

    /// Whether it may be used on a day.
    #[must_use]
    pub fn is_valid_on(&self, today: Date) -> bool {
        let days = day(&self.valid_from).zip(day(&self.valid_until));
        days.is_some_and(|(from, until)| (from..=until).contains(&today))
    }

    /// Makes it ready to be asked.
    #[must_use]
    pub fn index(self) -> Index {
        let mut found = HashMap::new();
        for (at, entry) in self.entries.iter().enumerate() {
            for key in keys(
                entry.number.as_ref().map(|n| n.0.as_str()),
                entry.document_number.as_ref().map(|n| n.0.as_str()),
                entry.subject.as_deref(),
            ) {
                found.entry(key).or_insert(at);
            }
        }
        Index { roster: self, found }
    }
}

/// One hash for each way to find an entry; the prefix keeps the ways apart.
fn keys(number: Option<&str>, document: Option<&str>, subject: Option<&str>) -> impl Iterator<Item = Bytes<32>> {
    let way = |prefix: char, text: Option<&str>| {
        text.map(|text| events::hash(Zeroizing::new(format!("{prefix}{text}")).as_bytes()))
    };
    [way('n', number), way('d', document), way('s', subject)].into_iter().flatten()
}

/// A list that is ready to be asked.
pub struct Index {
    roster: Roster,
    found: HashMap<Bytes<32>, usize>,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Index({} version {}, {} entries)", self.roster.id, self.roster.version, self.roster.entries.len())
    }
}

/// Whether list and chip say the same of an item, each in its own spelling. Letters without their marks are the same
/// name: many lists have none.
fn agree(item: Item, listed: &str, chip: &str) -> bool {
    let same = |listed, chip| matches!(name::compare(listed, chip), Likeness::Same | Likeness::SameWithoutMarks);
    match item {
        Item::DateOfBirth | Item::IssueDate | Item::ExpiryDate => {
            match (CardDate::from_text(listed), CardDate::from_text(chip)) {
                (Some(listed), Some(chip)) => listed.agrees_with(chip) != Agreement::Differs,
                _ => same(listed, chip),
            }
        }
        _ => same(listed, chip),
    }
}

impl Index {
    /// The list.
    #[must_use]
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The entry of a person.
    #[must_use]
    pub fn find(&self, content: &Content, subject: Option<&Bytes<32>>) -> Option<&Entry> {
        let item = |item| content.items.get(&item).map(|value: &Text| value.as_str());
        let subject = subject.map(ToString::to_string);
        // The nine digits in a citizen card's MRZ are no passport's number.
        let document = item(Item::DocumentNumber).filter(|_| item(Item::IdNumber).is_none());
        let mut keys = keys(item(Item::IdNumber), document, subject.as_deref());
        keys.find_map(|key| self.roster.entries.get(*self.found.get(&key)?))
    }

    /// Asks the list for a person: what it says goes into `content`, or why they are turned away.
    ///
    /// # Errors
    /// When the list is not valid today, or the person is not on it and must be.
    pub fn ask(
        &self,
        today: Date,
        rules: &crate::profile::RosterUse,
        subject: Option<&Bytes<32>>,
        content: &mut Content,
    ) -> Result<(), Refusal> {
        if !self.roster.is_valid_on(today) {
            return Err(Refusal::ListExpired);
        }
        let Some(entry) = self.find(content, subject) else {
            return if rules.required { Err(Refusal::NotOnList) } else { Ok(()) };
        };
        let shown = entry.attributes.iter().filter(|(name, _)| rules.show.contains(name));
        content.listed = shown.map(|(name, value)| (name.clone(), value.clone())).collect();
        content.photo.clone_from(&entry.photo);
        let differs = rules.compare.iter().filter_map(|item| {
            let (listed, chip) = (entry.items.get(item)?, content.items.get(item)?);
            (!agree(*item, &listed.0, &chip.0)).then(|| Difference {
                item: *item,
                listed: listed.clone(),
                chip: chip.clone(),
            })
        });
        content.differences = differs.collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::RosterUse;
    use time::macros::date;

    const TEXT: &str = r#"{"schema":"cccd-roster/1","id":"r","version":1,"title":"t","profile":"exam",
        "valid_from":"2026-12-01","valid_until":"2026-12-02","entries":[
        {"number":"001099000017","items":{"full_name":"NGUYỄN  VĂN AN","date_of_birth":"16/01/1999"},
         "attributes":{"seat":"A12","note":"secret"}},
        {"subject":"0707070707070707070707070707070707070707070707070707070707070707"}]}"#;

    fn an() -> Content {
        let items =
            [(Item::IdNumber, "001099000017"), (Item::FullName, "Nguyễn Văn An"), (Item::DateOfBirth, "15/01/1999")];
        Content { items: items.map(|(item, text)| (item, text.to_owned().into())).into(), ..Content::default() }
    }

    fn rules() -> RosterUse {
        RosterUse { required: true, show: vec!["seat".to_owned()], compare: vec![Item::FullName, Item::DateOfBirth] }
    }

    #[test]
    fn an_entry_is_found_shown_and_compared() {
        let index = Roster::parse(TEXT.as_bytes()).expect("list").index();
        let mut content = an();
        index.ask(date!(2026 - 12 - 01), &rules(), None, &mut content).expect("on the list");
        assert_eq!(content.listed.keys().collect::<Vec<_>>(), ["seat"], "only what the profile shows");
        let differ: Vec<_> = content.differences.iter().map(|d| d.item).collect();
        assert_eq!(differ, [Item::DateOfBirth], "case and spaces make no difference");
    }

    #[test]
    fn days_and_strangers() {
        let index = Roster::parse(TEXT.as_bytes()).expect("list").index();
        let ask = |day, content: &mut Content| index.ask(day, &rules(), None, content);
        assert_eq!(ask(date!(2026 - 12 - 03), &mut an()), Err(Refusal::ListExpired));
        assert_eq!(ask(date!(2026 - 11 - 30), &mut an()), Err(Refusal::ListExpired));
        assert_eq!(ask(date!(2026 - 12 - 02), &mut Content::default()), Err(Refusal::NotOnList));
        let known = Some(Bytes([7; 32]));
        let mut nameless = Content::default();
        index.ask(date!(2026 - 12 - 02), &rules(), known.as_ref(), &mut nameless).expect("by keyed hash");
    }

    #[test]
    fn what_is_no_list_is_refused_without_repeating_it() {
        for (from, to) in [
            ("cccd-roster/1", "cccd-roster/9"),
            ("\"2026-12-02\"", "\"2026-11-02\""),
            ("\"subject\":", "\"subjekt\":"),
            ("\"number\":\"001099000017\",", ""),
            ("]}", "]"),
        ] {
            let failure = Roster::parse(TEXT.replace(from, to).as_bytes()).expect_err(to);
            assert_eq!(failure.code, "roster_invalid");
            assert!(!failure.message.contains("NGUYỄN") && !failure.message.contains("0010"), "{}", failure.message);
        }
    }
}
