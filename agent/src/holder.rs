//! What is known of a person for the length of a visit, and the one form in which any of it leaves.
//!
//! [`Content`] is filled from the chip by what the profile takes, and from nothing else. [`Released`] is made from it
//! for one recipient by what the profile grants that recipient; every format that goes to somebody takes a `Released`,
//! so that a datum which no profile names has no way out.

use crate::access::Private;
use crate::profile::{Item, Profile};
use crate::read::Reading;
use crate::report::Judgement;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cccd::dg13::Field;
use emrtd::file::FileId;
use emrtd::lds;
use emrtd::mrz::{Mrz, MrzFormat};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Where the data come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The chip of a citizen card.
    #[default]
    CitizenCard,
    /// The chip of a passport.
    Passport,
    /// A member of staff, from a paper: not verified.
    Typed,
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
    pub listed: Private,
    /// As the chip has it.
    pub chip: Private,
}

/// Everything that the device knows of a person by a profile. Wiped when dropped; no `Debug` output shows a value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Content {
    /// Where it comes from.
    pub source: Source,
    /// Of the card.
    pub items: BTreeMap<Item, Private>,
    /// The card was reported lost, or withdrawn; nothing that is kept or sent.
    #[serde(skip)]
    pub withdrawn: bool,
    /// The portrait.
    pub portrait: Option<Image>,
    /// What was asked, by the field's identifier.
    pub answers: BTreeMap<String, Private>,
    /// What the list says, by attribute.
    pub listed: BTreeMap<String, Private>,
    /// The photograph in the list.
    pub photo: Option<Image>,
    /// Where the list says something else.
    pub differences: Vec<Difference>,
}

/// `YYMMDD` as `dd/MM/yyyy`; a birth lies in the past, an expiry in the future of its century.
fn full_date(yymmdd: &str, this_year: i32, born: bool) -> Option<String> {
    let number = |range: std::ops::Range<usize>| yymmdd.get(range)?.parse::<i32>().ok();
    let (year, month, day) = (number(0..2)?, number(2..4)?, number(4..6)?);
    let century = this_year / 100 * 100;
    let year = if born && century + year > this_year { century - 100 + year } else { century + year };
    Some(format!("{day:02}/{month:02}/{year}"))
}

/// What a chip says under one name. `year` is today's, for the two digits of an MRZ.
fn datum(item: Item, judgement: &Judgement, year: i32) -> Option<String> {
    let dg13 = judgement.dg13.as_ref();
    let field = |field| dg13.and_then(|dg13| dg13.get(field)).map(str::to_owned);
    let mrz = judgement.mrz.as_ref();
    let passport = || mrz.filter(|mrz| mrz.format != MrzFormat::Td1);
    let words = |text: &str| text.replace('<', " ");
    match item {
        Item::IdNumber => judgement.number().map(|number| number.digits().to_owned()),
        Item::DocumentNumber => mrz.map(|mrz: &Mrz| mrz.document_number.clone()),
        Item::FullName => field(Field::FullName).or_else(|| {
            passport().map(|mrz| format!("{} {}", words(&mrz.surname), words(&mrz.given_names)).trim().to_owned())
        }),
        Item::DateOfBirth => {
            field(Field::DateOfBirth).or_else(|| passport().and_then(|mrz| full_date(&mrz.birth, year, true)))
        }
        Item::Sex => field(Field::Sex).or_else(|| passport().map(|mrz| mrz.sex.to_string())),
        Item::Nationality => field(Field::Nationality).or_else(|| passport().map(|mrz| mrz.nationality.clone())),
        Item::ExpiryDate => {
            field(Field::ExpiryDate).or_else(|| passport().and_then(|mrz| full_date(&mrz.expiry, year, false)))
        }
        Item::Ethnicity => field(Field::Ethnicity),
        Item::Religion => field(Field::Religion),
        Item::PlaceOfOrigin => field(Field::PlaceOfOrigin),
        Item::Residence => field(Field::Residence),
        Item::Features => field(Field::Features),
        Item::IssueDate => field(Field::IssueDate),
        Item::Father => dg13.and_then(|dg13| dg13.all(Field::Parents).first().cloned()),
        Item::Mother => dg13.and_then(|dg13| dg13.all(Field::Parents).get(1).cloned()),
        Item::Spouse => field(Field::Spouse),
        Item::OldIdNumber => field(Field::OldIdNumber),
        Item::Portrait => None,
    }
}

impl Content {
    /// Takes of a chip what the profile takes. `year` is today's.
    #[must_use]
    pub fn take(profile: &Profile, reading: &Reading, judgement: &Judgement, year: i32) -> Self {
        let passport = judgement.mrz.as_ref().is_some_and(|mrz| mrz.format != MrzFormat::Td1);
        let items = profile.take().iter().filter_map(|item| Some((*item, datum(*item, judgement, year)?.into())));
        let portrait = profile.takes(Item::Portrait).then(|| {
            let faces = reading.evidence.content(FileId::Dg(2)).and_then(|bytes| lds::dg2::parse(bytes).ok())?;
            let face = faces.first()?;
            Some(Image::new(face.image_type.media_type(), face.image))
        });
        Self {
            source: if passport { Source::Passport } else { Source::CitizenCard },
            items: items.collect(),
            portrait: portrait.flatten(),
            ..Self::default()
        }
    }

    /// What it is called, as [`crate::profile::Recipient::fields`] and pages name it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Private> {
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
    // Writing to memory does not fail, and what is written here has text for keys.
    drop(serde_json::to_writer(&mut out, value));
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

/// What one recipient receives of one visit: nothing but what the profile grants it. It is read back only from where
/// it lay sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    recipient: String,
    source: Source,
    values: BTreeMap<String, Private>,
    portrait: Option<Image>,
}

impl Released {
    /// For a recipient that the profile names; `None` for any other.
    #[must_use]
    pub fn new(profile: &Profile, recipient: &str, content: &Content) -> Option<Self> {
        let granted = &profile.recipient(recipient)?.fields;
        let values = granted.iter().filter_map(|name| Some((name.clone(), content.get(name)?.clone()))).collect();
        let wants_portrait = granted.iter().any(|name| name == Item::Portrait.name());
        let portrait = content.portrait.clone().filter(|_| wants_portrait);
        Some(Self { recipient: recipient.to_owned(), source: content.source, values, portrait })
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

    /// As JSON: items at the top, `form` and `roster` below.
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
                None => drop(top.insert(name.clone(), value)),
            }
        }
        if let Some(portrait) = &self.portrait {
            let image = json!({ "media_type": portrait.media_type, "base64": *portrait.data.0 });
            top.insert(Item::Portrait.name().to_owned(), image);
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
    fn a_century_is_guessed_from_today() {
        assert_eq!(full_date("990115", 2026, true).as_deref(), Some("15/01/1999"));
        assert_eq!(full_date("260115", 2026, true).as_deref(), Some("15/01/2026"));
        assert_eq!(full_date("270115", 2026, true).as_deref(), Some("15/01/1927"));
        assert_eq!(full_date("390115", 2026, false).as_deref(), Some("15/01/2039"));
        assert_eq!(full_date("<<<<<<", 2026, true), None);
    }

    #[test]
    fn what_is_sealed_comes_back() {
        let content = everything();
        let back: Content = serde_json::from_slice(&content.to_bytes()).expect("JSON");
        assert_eq!(back, content);
    }
}
