//! What is known of a person for the length of a visit, and the one form in which any of it leaves.
//!
//! [`Content`] is filled from the chip by what the profile takes, and from nothing else. [`Released`] is made from it
//! for one recipient by what the profile grants that recipient; every format that goes to somebody takes a `Released`,
//! so that a datum which no profile names has no way out.

use crate::profile::{Item, Profile};
pub use crate::source::{Means, Paper, Source};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cccd::judgement::Judgement;
use events::subject::Person;
use program::{Private, Text};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use verdict::{Admission, Answers, Because, Holder, Rung, Word};
use zeroize::Zeroizing;

/// Why a member of staff goes on where the profile leaves it to them: a closed list, so that it can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The card was looked at, and its features are right.
    CardExamined,
    /// The person is known.
    PersonKnown,
    /// Another paper was seen.
    OtherPaperSeen,
    /// An emergency.
    Emergency,
    /// There is a card, and its chip does not answer.
    ChipUnreadable,
    /// There is no card yet: a child, or somebody whose card is being made.
    NoCardYet,
    /// The card was lost.
    CardLost,
}

impl Reason {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::CardExamined,
        Self::PersonKnown,
        Self::OtherPaperSeen,
        Self::Emergency,
        Self::ChipUnreadable,
        Self::NoCardYet,
        Self::CardLost,
    ];

    /// A stable identifier.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::CardExamined => "card_examined",
            Self::PersonKnown => "person_known",
            Self::OtherPaperSeen => "other_paper_seen",
            Self::Emergency => "emergency",
            Self::ChipUnreadable => "chip_unreadable",
            Self::NoCardYet => "no_card_yet",
            Self::CardLost => "card_lost",
        }
    }
}

/// Who of staff went on, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vouching {
    /// Their name.
    pub name: Text,
    /// Why.
    pub reason: Reason,
    /// Who approved it beside them, where the profile asks for two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<Text>,
}

/// How much is assured of somebody, and by what: it stands in the record and in everything that leaves the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assurance {
    /// The rung.
    pub rung: Rung,
    /// The word.
    pub word: Word,
    /// The five answers, where a chip was read.
    #[serde(default)]
    pub answers: Option<Answers>,
    /// The kind of document, as `cccd::document::Kind` has them; what was seen, where no chip was read.
    #[serde(default)]
    pub document: String,
    /// Why the visit is marked, or why staff were asked.
    #[serde(default)]
    pub mark: Option<Because>,
    /// Who of staff went on.
    #[serde(default)]
    pub staff: Option<Vouching>,
}

impl Assurance {
    /// Of a card that was read, under the terms of a profile; nothing where nobody may go on with it.
    #[must_use]
    pub fn of(judgement: &Judgement, admission: Admission) -> Option<Self> {
        if matches!(admission, Admission::Refused(_)) {
            return None;
        }
        Some(Self {
            rung: judgement.rung()?,
            word: judgement.word(),
            answers: Some(judgement.answers),
            document: judgement.kind.code().to_owned(),
            mark: admission.because(),
            staff: None,
        })
    }

    /// Of somebody without a chip: what staff saw of them, if anything.
    #[must_use]
    pub fn without_chip(seen: Option<Paper>, admission: Admission) -> Self {
        let rung = if seen.is_some() { Rung::Shown } else { Rung::Claimed };
        let document = seen.map_or("", Paper::code).to_owned();
        Self { rung, word: rung.into(), answers: None, document, mark: admission.because(), staff: None }
    }

    /// Whether less is assured than the profile asks for, or something else is to be looked at.
    #[must_use]
    pub const fn is_marked(&self) -> bool {
        self.mark.is_some()
    }

    /// Somebody compared face and portrait.
    pub fn compared(&mut self, holder: Holder) {
        self.answers = self.answers.map(|answers| answers.with_holder(holder));
        if let Some(answers) = self.answers {
            self.word = answers.word();
        }
    }

    /// What everybody who receives something learns of it; who of staff went on stays here.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "rung": self.rung,
            "level": self.rung.level(),
            "word": self.word,
            "document": self.document,
            "answers": self.answers,
            "marked": self.mark,
            "staff": self.staff.as_ref().map(|staff| staff.reason),
            "approved_by_two": self.staff.as_ref().is_some_and(|staff| staff.second.is_some()),
        })
    }
}

/// An image as it stands on the chip or in a list. Wiped when dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// `image/jpeg` or `image/jp2`.
    pub media_type: String,
    /// Base64.
    pub data: Private,
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image({}, {} characters)", self.media_type, self.data.0.len())
    }
}

impl Image {
    /// From bytes.
    #[must_use]
    pub fn new(media_type: &str, bytes: &[u8]) -> Self {
        Self { media_type: media_type.to_owned(), data: BASE64_STANDARD.encode(bytes).into() }
    }
}

/// Where the list says something else than the chip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What about.
    pub item: Item,
    /// As listed.
    pub listed: Text,
    /// As the chip has it.
    pub chip: Text,
}

/// Under which numbers somebody may be known beside that of the card: for the lists and ledgers of this visit. It is never kept and
/// never leaves; what a profile takes of it is [`Item::OldIdNumber`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownAs {
    /// Before, as the chip says, signed with all else on it.
    pub signed: Vec<Private>,
    /// Before, as the printed code alone says. Whoever prints a code writes what they like: it finds nobody by itself.
    pub printed: Vec<Private>,
    /// As the list has them.
    pub listed: Option<ListedAs>,
}

/// How an entry of a list names somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListedAs {
    /// By a citizen's number.
    Number(Private),
    /// By a keyed hash, in hexadecimal.
    Subject(String),
}

/// Everything that the device knows of a person by a profile. Wiped when dropped; no `Debug` output shows a value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Content {
    /// Where it comes from.
    pub source: Source,
    /// How much is assured; nothing in records of versions that did not say.
    #[serde(default)]
    pub assurance: Option<Assurance>,
    /// The state that issued the document, as its chip says (ICAO 9303, three letters); empty where no chip was read. Nobody
    /// receives it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub issuer: String,
    /// Of the card.
    pub items: BTreeMap<Item, Text>,
    /// Of which of them characters were left out that no text may have ([`Text::cleaned`]).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub mended: BTreeSet<Item>,
    /// The portrait.
    pub portrait: Option<Image>,
    /// Why there is none, where the profile takes it.
    #[serde(default)]
    pub portrait_reason: Option<String>,
    /// What was asked, by the field's identifier.
    pub answers: BTreeMap<String, Text>,
    /// What the list says, by attribute.
    pub listed: BTreeMap<String, Text>,
    /// The photograph in the list.
    pub photo: Option<Image>,
    /// Where the list says something else.
    pub differences: Vec<Difference>,
    /// Under which other numbers they may be known.
    #[serde(skip)]
    pub known_as: KnownAs,
}

impl Content {
    /// Whom the document names, where enough of it is known to tell them from everybody else.
    #[must_use]
    pub fn person(&self) -> Option<Person> {
        if let Some(number) = self.items.get(&Item::IdNumber) {
            return Person::citizen(number.as_str());
        }
        let kind = self.assurance.as_ref()?.document.as_str();
        Person::new(kind, &self.issuer, self.items.get(&Item::DocumentNumber)?.as_str())
    }

    /// By what they are known.
    #[must_use]
    pub fn means(&self) -> Means {
        self.source.means(self.assurance.as_ref().map_or("", |assurance| assurance.document.as_str()))
    }

    /// The twelve-digit numbers that a citizen had before, as signed. An identity card's nine digits are left out: there are people who
    /// share them.
    pub fn persons_before(&self) -> impl Iterator<Item = Person> {
        let personal = self.known_as.signed.iter().filter(|number| number.0.len() == 12);
        personal.filter_map(|number| Person::citizen(&number.0))
    }

    /// Whom the device's own book takes them for, where also somebody is found whose paper was typed in.
    #[must_use]
    pub fn bearer(&self) -> Option<Person> {
        let on_paper = || Person::on_paper(self.items.get(&Item::DocumentNumber)?.as_str());
        self.person().or_else(on_paper)
    }

    /// What it is called, as [`crate::profile::Recipient::fields`] and pages name it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Text> {
        match name.split_once('.') {
            Some(("form", id)) => self.answers.get(id),
            Some(("roster", attribute)) => self.listed.get(attribute),
            _ => self.items.get(&Item::find(name)?),
        }
    }

    /// The bytes that go sealed onto the disk.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        to_json(self)
    }
}

/// JSON in a buffer that leaves nothing behind where it grows.
#[must_use]
pub fn to_json(value: &impl Serialize) -> Zeroizing<Vec<u8>> {
    let mut out = Wiped(Zeroizing::new(Vec::with_capacity(4096)));
    let written = serde_json::to_writer(&mut out, value);
    program::ignore(written, "writing to memory does not fail, and what is written here has text for keys");
    out.0
}

/// A buffer that wipes the place that it grows out of.
struct Wiped(Zeroizing<Vec<u8>>);

impl std::io::Write for Wiped {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.capacity() - self.0.len() < bytes.len() {
            let mut larger = Zeroizing::new(Vec::with_capacity((self.0.len() + bytes.len()) * 2));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Why there is no portrait, in JSON.
pub const PORTRAIT_REASON: &str = "portrait_reason";

/// What one recipient receives of one visit: nothing but what the profile grants it. It is read back only from where
/// it lay sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    recipient: String,
    source: Source,
    #[serde(default)]
    assurance: Option<Assurance>,
    values: BTreeMap<String, Text>,
    portrait: Option<Image>,
    #[serde(default)]
    portrait_reason: Option<String>,
}

impl Released {
    /// For a recipient that the profile names; `None` for any other.
    #[must_use]
    pub fn new(profile: &Profile, recipient: &str, content: &Content) -> Option<Self> {
        let granted = &profile.recipient(recipient)?.fields;
        let values = granted.iter().filter_map(|name| Some((name.clone(), content.get(name)?.clone()))).collect();
        let wants_portrait = granted.iter().any(|name| name == Item::Portrait.name());
        let portrait = content.portrait.clone().filter(|_| wants_portrait);
        let portrait_reason = content.portrait_reason.clone().filter(|_| wants_portrait);
        // Who of staff went on is the site's affair.
        let assurance = content.assurance.clone().map(|assurance| {
            let staff = assurance.staff.map(|staff| Vouching {
                name: Text::default(),
                second: staff.second.map(|_| Text::default()),
                ..staff
            });
            Assurance { staff, ..assurance }
        });
        let recipient = recipient.to_owned();
        Some(Self { recipient, source: content.source, assurance, values, portrait, portrait_reason })
    }

    /// For whom.
    #[must_use]
    pub fn recipient(&self) -> &str {
        &self.recipient
    }

    /// Where the data come from.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }

    /// By what the holder is known.
    #[must_use]
    pub fn means(&self) -> Means {
        self.source.means(self.assurance.as_ref().map_or("", |assurance| assurance.document.as_str()))
    }

    /// How much is assured.
    #[must_use]
    pub const fn assurance(&self) -> Option<&Assurance> {
        self.assurance.as_ref()
    }

    /// The code of the rung; `unknown` for what lay here since before there were rungs.
    #[must_use]
    pub fn rung(&self) -> &'static str {
        self.assurance.as_ref().map_or("unknown", |assurance| assurance.rung.code())
    }

    /// A datum of the card.
    #[must_use]
    pub fn item(&self, item: Item) -> Option<&str> {
        self.get(item.name())
    }

    /// A value by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.0.as_str())
    }

    /// The portrait.
    #[must_use]
    pub const fn portrait(&self) -> Option<&Image> {
        self.portrait.as_ref()
    }

    /// The names of what it holds: what an event and a log may say.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let portrait = self.portrait.is_some().then(|| Item::Portrait.name().to_owned());
        self.values.keys().cloned().chain(portrait).collect()
    }

    /// As JSON: items at the top, `form` and `roster` below. Where a portrait is granted and there is none,
    /// `portrait_reason` says why.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut top = Map::new();
        for (name, value) in &self.values {
            let value = json!(*value.0);
            match name.split_once('.') {
                Some((table, key)) => {
                    let inner = top.entry(table).or_insert_with(|| json!({}));
                    inner[key] = value;
                }
                None => {
                    top.insert(name.clone(), value);
                }
            }
        }
        if let Some(portrait) = &self.portrait {
            let image = json!({ "media_type": portrait.media_type, "base64": *portrait.data.0 });
            top.insert(Item::Portrait.name().to_owned(), image);
        }
        if let Some(reason) = &self.portrait_reason {
            top.insert(Item::Portrait.name().to_owned(), Value::Null);
            top.insert(PORTRAIT_REASON.to_owned(), json!(reason));
        }
        Value::Object(top)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything() -> Content {
        let items = Item::ALL.into_iter().filter(|item| *item != Item::Portrait);
        Content {
            items: items.map(|item| (item, format!("of {}", item.name()).into())).collect(),
            portrait: Some(Image::new("image/jpeg", b"face")),
            answers: BTreeMap::from([("phone".to_owned(), "0900".to_owned().into())]),
            ..Content::default()
        }
    }

    #[test]
    fn nobody_receives_what_the_profile_does_not_grant() {
        for id in Profile::names_built_in() {
            let profile = Profile::built_in(id).expect("valid");
            assert_eq!(Released::new(&profile, "somebody else", &everything()), None);
            for recipient in profile.recipients() {
                // Even where more than the profile takes were known.
                let released = Released::new(&profile, &recipient.id, &everything()).expect("named");
                let text = released.to_json().to_string();
                for item in Item::ALL {
                    let granted = recipient.fields.iter().any(|field| field == item.name());
                    let there = text.contains(&format!("of {}", item.name())) || text.contains(item.name());
                    assert_eq!(granted, there, "{id}/{}: {}", recipient.id, item.name());
                }
                assert!(released.names().iter().all(|name| recipient.fields.contains(name)));
            }
        }
    }

    #[test]
    fn a_debug_output_shows_no_value() {
        let text = format!("{:?}", everything());
        assert!(!text.contains("of full_name") && !text.contains("0900"), "{text}");
    }

    #[test]
    fn what_is_sealed_comes_back() {
        let content = everything();
        let back: Content = serde_json::from_slice(&content.to_bytes()).expect("JSON");
        assert_eq!(back, content);
    }
}
