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
//! of the person ([`events::subject`]) in hexadecimal, in lists that must name nobody; and then by the numbers that the chip says a citizen
//! had before, twelve digits or the nine of an identity card. Of nine digits there are two people now and then: they find somebody
//! only whose name or birth the list has, too. Whoever is not found so may be *proposed* ([`Index::propose`]): a person decides. What it says for people is [`Text`]: odd characters are left
//! out, because one person's name must not refuse the list of a whole room. Days are whole days in Vietnam. A list replaces
//! one of the same identifier only if its version is higher.

use crate::content::{Content, Difference, Image, ListedAs};
use crate::profile::Item;
use crate::steps::Refusal;
use cccd::date::{Agreement, CardDate};
use cccd::name::{self, Folded, Likeness};
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
        let mut named: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, entry) in self.entries.iter().enumerate() {
            if let Some(name) = entry.items.get(&Item::FullName) {
                named.entry(name_key(name.as_str())).or_default().push(at);
            }
            for key in keys(
                entry.number.as_ref().map(|n| n.0.as_str()),
                entry.document_number.as_ref().map(|n| n.0.as_str()),
                entry.subject.as_deref(),
            ) {
                found.entry(key).or_insert(at);
            }
        }
        Index { roster: self, found, named }
    }
}

/// One hash for all spellings of a name, and for some other names: who is meant is decided by comparing.
fn name_key(name: &str) -> Bytes<32> {
    events::hash(Folded::new(name).search().as_bytes())
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
    named: HashMap<Bytes<32>, Vec<usize>>,
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

/// Whether list and chip say the same of name and birth; nothing where the list says neither.
fn likeness(entry: &Entry, content: &Content) -> Option<bool> {
    let both = [Item::FullName, Item::DateOfBirth].into_iter().filter_map(|item| {
        let (listed, chip) = (entry.items.get(&item)?, content.items.get(&item)?);
        Some(agree(item, &listed.0, &chip.0))
    });
    both.reduce(|one, other| one && other)
}

/// What a list says of somebody goes into what is known of them. Of the number it is said wherever it is another one, whatever the profile
/// compares: it is what lists are cleaned for.
pub fn take(entry: &Entry, rules: &crate::profile::RosterUse, content: &mut Content) {
    let shown = entry.attributes.iter().filter(|(name, _)| rules.show.contains(name));
    content.listed = shown.map(|(name, value)| (name.clone(), value.clone())).collect();
    content.photo.clone_from(&entry.photo);
    let number = entry.number.as_ref().and_then(|listed| {
        let chip = content.items.get(&Item::IdNumber).filter(|chip| chip.as_str() != listed.0.as_str())?;
        let listed = Text::cleaned(&listed.0);
        Some(Difference { item: Item::IdNumber, listed, chip: chip.clone() })
    });
    let others = rules.compare.iter().filter_map(|item| {
        let (listed, chip) = (entry.items.get(item)?, content.items.get(item)?);
        (!agree(*item, &listed.0, &chip.0)).then(|| Difference {
            item: *item,
            listed: listed.clone(),
            chip: chip.clone(),
        })
    });
    content.differences = number.into_iter().chain(others).collect();
    let hashed = || entry.subject.clone().map(ListedAs::Subject);
    content.known_as.listed = entry.number.clone().map(ListedAs::Number).or_else(hashed);
}

impl Index {
    /// The list.
    #[must_use]
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }

    fn entry(&self, key: &Bytes<32>) -> Option<&Entry> {
        self.roster.entries.get(*self.found.get(key)?)
    }

    /// The entry of a person. `subjects` are their keyed hashes: that of today's number first, then those of
    /// [`Content::persons_before`].
    #[must_use]
    pub fn find(&self, content: &Content, subjects: &[Bytes<32>]) -> Option<&Entry> {
        let item = |item| content.items.get(&item).map(|value: &Text| value.as_str());
        let hashed = |subject: &Bytes<32>| keys(None, None, Some(&subject.to_string())).next();
        // The nine digits in a citizen card's MRZ are no passport's number.
        let document = item(Item::DocumentNumber).filter(|_| item(Item::IdNumber).is_none());
        let mut today = keys(item(Item::IdNumber), document, None);
        let found = today.find_map(|key| self.entry(&key));
        let found = found.or_else(|| self.entry(&hashed(subjects.first()?)?));
        found.or_else(|| self.before(content)).or_else(|| {
            let before = subjects.iter().skip(1);
            before.filter_map(hashed).find_map(|key| self.entry(&key))
        })
    }

    /// The entry under a number that the chip says somebody had before.
    fn before(&self, content: &Content) -> Option<&Entry> {
        content.known_as.signed.iter().find_map(|old| {
            let entry = keys(Some(&old.0), None, None).find_map(|key| self.entry(&key))?;
            likeness(entry, content).unwrap_or(old.0.len() == 12).then_some(entry)
        })
    }

    /// The one entry that may be somebody's who is not found: under a number that they had before, or of the same name and birth. A
    /// person decides whether it is; where several could be meant, nobody is proposed.
    #[must_use]
    pub fn propose(&self, content: &Content) -> Option<&Entry> {
        let known = content.known_as.signed.iter().chain(&content.known_as.printed);
        let by_number = known.filter_map(|old| keys(Some(&old.0), None, None).find_map(|key| self.found.get(&key)));
        let mut proposed: Vec<usize> = by_number.copied().collect();
        if proposed.is_empty() {
            let name = content.items.get(&Item::FullName).map(|name| name_key(name.as_str()));
            let named = name.and_then(|key| self.named.get(&key)).map(Vec::as_slice).unwrap_or_default();
            let has_both = |entry: &Entry| {
                [Item::FullName, Item::DateOfBirth]
                    .iter()
                    .all(|item| entry.items.contains_key(item) && content.items.contains_key(item))
            };
            let alike = named.iter().copied().filter(|at| {
                self.roster
                    .entries
                    .get(*at)
                    .is_some_and(|entry| has_both(entry) && likeness(entry, content) == Some(true))
            });
            proposed.extend(alike);
        }
        proposed.sort_unstable();
        proposed.dedup();
        let [only] = proposed[..] else { return None };
        self.roster.entries.get(only)
    }

    /// Asks the list for a person: what it says goes into `content`, or why they are turned away.
    ///
    /// # Errors
    /// When the list is not valid today, or the person is not on it and must be.
    pub fn ask(
        &self,
        today: Date,
        rules: &crate::profile::RosterUse,
        subjects: &[Bytes<32>],
        content: &mut Content,
    ) -> Result<(), Refusal> {
        if !self.roster.is_valid_on(today) {
            return Err(Refusal::ListExpired);
        }
        let Some(entry) = self.find(content, subjects) else {
            return if rules.required { Err(Refusal::NotOnList) } else { Ok(()) };
        };
        take(entry, rules, content);
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
        index.ask(date!(2026 - 12 - 01), &rules(), &[], &mut content).expect("on the list");
        assert_eq!(content.listed.keys().collect::<Vec<_>>(), ["seat"], "only what the profile shows");
        let differ: Vec<_> = content.differences.iter().map(|d| d.item).collect();
        assert_eq!(differ, [Item::DateOfBirth], "case and spaces make no difference");
    }

    #[test]
    fn days_and_strangers() {
        let index = Roster::parse(TEXT.as_bytes()).expect("list").index();
        let ask = |day, content: &mut Content| index.ask(day, &rules(), &[], content);
        assert_eq!(ask(date!(2026 - 12 - 03), &mut an()), Err(Refusal::ListExpired));
        assert_eq!(ask(date!(2026 - 11 - 30), &mut an()), Err(Refusal::ListExpired));
        assert_eq!(ask(date!(2026 - 12 - 02), &mut Content::default()), Err(Refusal::NotOnList));
        let mut nameless = Content::default();
        index.ask(date!(2026 - 12 - 02), &rules(), &[Bytes([7; 32])], &mut nameless).expect("by keyed hash");
        let mut renumbered = an_under("001099000025");
        index
            .ask(date!(2026 - 12 - 02), &rules(), &[Bytes([6; 32]), Bytes([7; 32])], &mut renumbered)
            .expect("by the old hash");
        assert_eq!(renumbered.known_as.listed, Some(ListedAs::Subject("07".repeat(32))));
    }

    /// The same man with another number.
    fn an_under(number: &str) -> Content {
        let mut content = an();
        content.items.insert(Item::IdNumber, number.to_owned().into());
        content
    }

    fn list(entries: &str) -> Index {
        let head = TEXT.split_once("\"entries\"").expect("a list").0;
        Roster::parse(format!("{head}\"entries\":[{entries}]}}").as_bytes()).expect("list").index()
    }

    #[test]
    fn an_old_number_that_the_chip_has_finds_somebody_and_is_a_difference() {
        let today = date!(2026 - 12 - 01);
        let name = r#""items":{"full_name":"Nguyen Van An","date_of_birth":"1999"}"#;
        for (entry, old, found) in [
            (r#"{"number":"001098000017"}"#.to_owned(), "001098000017", true),
            (format!(r#"{{"number":"012345678",{name}}}"#), "012345678", true),
            // Nine digits are not one person's.
            (r#"{"number":"012345678"}"#.to_owned(), "012345678", false),
            (r#"{"number":"012345678","items":{"full_name":"Trần Thị Bình"}}"#.to_owned(), "012345678", false),
            (r#"{"number":"001098000017","items":{"date_of_birth":"16/01/1999"}}"#.to_owned(), "001098000017", false),
        ] {
            let index = list(&entry);
            let mut content = an();
            content.known_as.signed = vec![old.to_owned().into()];
            let asked = index.ask(today, &rules(), &[], &mut content);
            assert_eq!(asked.is_ok(), found, "{entry}");
            if found {
                let number = &content.differences[0];
                let said = (number.item, number.listed.as_str(), number.chip.as_str());
                assert_eq!(said, (Item::IdNumber, old, "001099000017"));
            } else {
                assert!(index.propose(&content).is_some(), "a person decides: {entry}");
            }
            // What a printed code says finds nobody.
            content = an();
            content.known_as.printed = vec![old.to_owned().into()];
            assert_eq!(index.ask(today, &rules(), &[], &mut content), Err(Refusal::NotOnList));
            assert!(index.propose(&content).is_some(), "{entry}");
        }
    }

    #[test]
    fn todays_number_comes_before_any_that_was() {
        let index = list(r#"{"number":"001098000017"},{"number":"001099000017","attributes":{"seat":"A12"}}"#);
        let mut content = an();
        content.known_as.signed = vec!["001098000017".to_owned().into()];
        index.ask(date!(2026 - 12 - 01), &rules(), &[], &mut content).expect("on the list");
        assert_eq!((content.differences.len(), content.listed.len()), (0, 1));
    }

    #[test]
    fn whoever_has_the_same_name_and_birth_is_proposed_and_never_taken() {
        let one = r#"{"number":"001099000018","items":{"full_name":"NGUYEN VAN AN","date_of_birth":"1999-01-15"}}"#;
        let index = list(one);
        let mut content = an();
        assert_eq!(index.ask(date!(2026 - 12 - 01), &rules(), &[], &mut content), Err(Refusal::NotOnList));
        assert!(content.differences.is_empty() && content.known_as.listed.is_none());
        let entry = index.propose(&content).expect("one wrong digit in the list").clone();
        take(&entry, &rules(), &mut content);
        let differ: Vec<_> = content.differences.iter().map(|d| (d.item, d.listed.as_str().to_owned())).collect();
        assert_eq!(differ, [(Item::IdNumber, "001099000018".to_owned())]);
        for other in [
            format!("{one},{}", one.replace("018", "019")),
            one.replace("1999-01-15", "1999-01-16"),
            one.replace("NGUYEN VAN AN", "NGUYEN VAN ANH"),
            one.replace(",\"date_of_birth\":\"1999-01-15\"", ""),
        ] {
            assert!(list(&other).propose(&an()).is_none(), "{other}");
        }
    }

    fn field_case(name: &str) -> Option<serde_json::Value> {
        let path = test_support::shared(&format!("field-cases/{name}"))?;
        Some(serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON"))
    }

    /// A list with one item of somebody against a chip with the same item: how many differences.
    fn differences(item: Item, listed: &str, chip: &str) -> usize {
        let entry = Entry { items: [(item, listed.to_owned().into())].into(), ..Entry::default() };
        let rules = RosterUse { compare: vec![item], ..rules() };
        let mut content = Content { items: [(item, chip.to_owned().into())].into(), ..Content::default() };
        take(&entry, &rules, &mut content);
        content.differences.len()
    }

    #[test]
    fn list_names() {
        let Some(case) = field_case("list-names.json") else { return };
        for pair in case["pairs"].as_array().expect("pairs") {
            let (listed, chip) = (pair["listed"].as_str().expect("text"), pair["chip"].as_str().expect("text"));
            assert_eq!(differences(Item::FullName, listed, chip), 0, "{listed} {chip}");
        }
        assert_eq!(differences(Item::FullName, "Nguyễn Văn Ân", "Nguyễn Văn An"), 1);
    }

    #[test]
    fn list_dates() {
        let Some(case) = field_case("list-dates.json") else { return };
        for pair in case["pairs"].as_array().expect("pairs") {
            let (listed, chip) = (pair["listed"].as_str().expect("text"), pair["chip"].as_str().expect("text"));
            assert_eq!(differences(Item::DateOfBirth, listed, chip), 0, "{listed} {chip}");
        }
        assert_eq!(differences(Item::DateOfBirth, "1/5/1999", "05/01/1999"), 1);
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
