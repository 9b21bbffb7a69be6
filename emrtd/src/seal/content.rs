//! What features mean: one table, a line for each feature of each kind of document.
//!
//! | kind | category, definition | clause |
//! |---|---|---|
//! | visa | 01, 5D | 9303-7 §9.1 |
//! | emergency travel document | 03, 5E | 9303-8 §6.1 |
//! | arrival attestation | 02, FD | TR-03137 §6.2 |
//! | social insurance card | 04, FC | TR-03137 §7.2 |
//! | residence permit | 06, FB | TR-03137 §8.2 |
//! | supplementary sheet of a residence permit | 06, FA | TR-03137 §8.4 |
//! | address sticker on an identity card, residence sticker in a passport | 08, F9; 0A, F8 | TR-03137 §9, §10 |
//! | proof of test, proof of vaccination | `icao.test`, `icao.vacc` | VDS-NC |
//!
//! Unknown features do not spoil a seal (9303-13 §2.3.1). A feature that must be there and is not, or has another
//! form, does: the seal is then not one of its kind.

use super::c40;
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// What a seal is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names say it; the module's table has their clauses")]
#[non_exhaustive]
pub enum SealKind {
    Visa,
    EmergencyTravelDocument,
    ArrivalAttestation,
    SocialInsuranceCard,
    ResidencePermit,
    SupplementarySheet,
    AddressSticker,
    ResidenceSticker,
    ProofOfTest,
    ProofOfVaccination,
    /// A definition that is not in the table: the signature can be checked, the features mean nothing here.
    Other,
}

impl SealKind {
    /// Its stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Visa => "visa",
            Self::EmergencyTravelDocument => "emergency_travel_document",
            Self::ArrivalAttestation => "arrival_attestation",
            Self::SocialInsuranceCard => "social_insurance_card",
            Self::ResidencePermit => "residence_permit",
            Self::SupplementarySheet => "supplementary_sheet",
            Self::AddressSticker => "address_sticker",
            Self::ResidenceSticker => "residence_sticker",
            Self::ProofOfTest => "proof_of_test",
            Self::ProofOfVaccination => "proof_of_vaccination",
            Self::Other => "other",
        }
    }
}

/// How a feature is encoded.
#[derive(Debug, Clone, Copy)]
enum Coding {
    /// C40; the lengths of the zone's lines in characters. What a line lacks are fillers that were left out.
    Mrz(usize, usize),
    C40,
    Utf8,
    Entries,
    Stay,
    Binary,
}

struct Feature {
    tag: u8,
    name: &'static str,
    coding: Coding,
    needed: bool,
    /// Fewest and most bytes.
    length: (usize, usize),
}

const fn needed(tag: u8, name: &'static str, coding: Coding, least: usize, most: usize) -> Feature {
    Feature { tag, name, coding, needed: true, length: (least, most) }
}

const fn optional(tag: u8, name: &'static str, coding: Coding, least: usize, most: usize) -> Feature {
    Feature { tag, name, coding, needed: false, length: (least, most) }
}

struct Definition {
    category: u8,
    definition: u8,
    kind: SealKind,
    features: &'static [Feature],
}

const TD2: Coding = Coding::Mrz(36, 36);

/// The table. Of a visa's two zones one must be there; that rule is in [`Content::of_features`].
const DEFINITIONS: [Definition; 8] = [
    Definition {
        category: 0x01,
        definition: 0x5D,
        kind: SealKind::Visa,
        features: &[
            optional(0x01, "mrz", Coding::Mrz(44, 28), 48, 48),
            optional(0x02, "mrz", Coding::Mrz(36, 28), 44, 44),
            optional(0x03, "number_of_entries", Coding::Entries, 1, 1),
            needed(0x04, "duration_of_stay", Coding::Stay, 3, 3),
            needed(0x05, "passport_number", Coding::C40, 6, 6),
            optional(0x06, "visa_type", Coding::Binary, 1, 4),
            optional(0x07, "additional_feature", Coding::Binary, 0, 254),
        ],
    },
    Definition {
        category: 0x03,
        definition: 0x5E,
        kind: SealKind::EmergencyTravelDocument,
        features: &[needed(0x02, "mrz", TD2, 48, 48)],
    },
    Definition {
        category: 0x02,
        definition: 0xFD,
        kind: SealKind::ArrivalAttestation,
        features: &[needed(0x02, "mrz", TD2, 48, 48), needed(0x03, "azr_number", Coding::C40, 8, 8)],
    },
    Definition {
        category: 0x04,
        definition: 0xFC,
        kind: SealKind::SocialInsuranceCard,
        features: &[
            needed(0x01, "social_insurance_number", Coding::C40, 8, 8),
            needed(0x02, "surname", Coding::Utf8, 1, 90),
            needed(0x03, "given_names", Coding::Utf8, 1, 90),
            optional(0x04, "name_at_birth", Coding::Utf8, 1, 90),
        ],
    },
    Definition {
        category: 0x06,
        definition: 0xFB,
        kind: SealKind::ResidencePermit,
        features: &[needed(0x02, "mrz", TD2, 48, 48), needed(0x03, "passport_number", Coding::C40, 6, 6)],
    },
    Definition {
        category: 0x06,
        definition: 0xFA,
        kind: SealKind::SupplementarySheet,
        features: &[needed(0x04, "mrz", TD2, 48, 48), needed(0x05, "sheet_number", Coding::C40, 6, 6)],
    },
    Definition {
        category: 0x08,
        definition: 0xF9,
        kind: SealKind::AddressSticker,
        features: &[
            needed(0x01, "document_number", Coding::C40, 6, 6),
            needed(0x02, "municipality", Coding::C40, 6, 6),
            needed(0x03, "address", Coding::C40, 6, 18),
        ],
    },
    Definition {
        category: 0x0A,
        definition: 0xF8,
        kind: SealKind::ResidenceSticker,
        features: &[
            needed(0x01, "document_number", Coding::C40, 6, 6),
            needed(0x02, "municipality", Coding::C40, 6, 6),
            needed(0x03, "postal_code", Coding::C40, 4, 4),
        ],
    },
];

/// For how long the holder of a visa may stay (9303-7 §9.1.3, table 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stay {
    /// To the last day of the visa.
    UntilExpiry,
    /// As the officer at the border says.
    DecidedAtTheBorder,
    /// Transit without entry.
    Transit,
    /// From entry on.
    For {
        /// Days.
        days: u8,
        /// Months.
        months: u8,
        /// Years.
        years: u8,
    },
}

/// Personal data: wiped when dropped. It is serialized for the one who asked.
#[derive(Clone, PartialEq, Eq)]
pub struct Text(Zeroizing<String>);

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl std::ops::Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Serialize for Text {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

/// A dose of a vaccine.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Dose {
    /// ICD-11 code of the vaccine, and its name.
    pub vaccine: Text,
    /// The name of the product.
    pub product: Text,
    /// When it was given, as written: `YYYY-MM-DD`.
    pub date: Text,
    /// Which dose it was.
    pub number: Text,
    /// In which state.
    pub country: Text,
    /// Its lot.
    pub lot: Text,
}

/// What a feature says.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Value {
    /// Text.
    Text(Text),
    /// The lines of a machine readable zone, filled up to their length.
    Mrz(Vec<Text>),
    /// How many entries are allowed; `None` is any number.
    Entries(Option<u8>),
    /// How long the stay may be.
    Stay(Stay),
    /// Bytes, as hexadecimal digits.
    Binary(Text),
    /// Doses.
    Doses(Vec<Dose>),
}

/// What a seal says. Personal data: `Debug` shows names of features only.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Content {
    /// On what it is.
    pub kind: SealKind,
    /// Features by name.
    pub features: BTreeMap<&'static str, Value>,
    /// Names of features that must be there, and are not or have another form.
    pub missing: Vec<&'static str>,
    /// How many features are not in the table.
    pub unknown: usize,
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.features.keys().collect();
        write!(f, "Content({}, {names:?}, missing {:?}, {} unknown)", self.kind.code(), self.missing, self.unknown)
    }
}

impl Content {
    /// From the features of the binary form.
    pub(super) fn of_features(category: u8, definition: u8, found: &[(u8, &[u8])]) -> Self {
        let mut content =
            Self { kind: SealKind::Other, features: BTreeMap::new(), missing: Vec::new(), unknown: found.len() };
        let known = DEFINITIONS.iter().find(|one| (one.category, one.definition) == (category, definition));
        let Some(known) = known else { return content };
        content.kind = known.kind;
        for feature in known.features {
            let Some((_, bytes)) = found.iter().find(|(tag, _)| *tag == feature.tag) else {
                content.missing.extend(feature.needed.then_some(feature.name));
                continue;
            };
            content.unknown -= 1;
            let fits = (feature.length.0..=feature.length.1).contains(&bytes.len());
            match feature.coding.read(bytes).filter(|_| fits) {
                Some(value) => {
                    content.features.entry(feature.name).or_insert(value);
                }
                None => content.missing.push(feature.name),
            }
        }
        if content.kind == SealKind::Visa && !content.features.contains_key("mrz") && !content.missing.contains(&"mrz")
        {
            content.missing.push("mrz");
        }
        content
    }

    /// From the message of VDS-NC.
    pub(super) fn of_message(kind: &str, message: &Json) -> Self {
        let text = |pointer: &str| message.pointer(pointer).and_then(Json::as_str).map(|text| text.to_owned().into());
        let (kind, fields): (_, &[(&str, &str, bool)]) = match kind {
            "icao.vacc" => (
                SealKind::ProofOfVaccination,
                &[
                    ("certificate_number", "/uvci", true),
                    ("name", "/pid/n", true),
                    ("birth", "/pid/dob", false),
                    ("sex", "/pid/sex", false),
                    ("passport_number", "/pid/i", false),
                    ("other_number", "/pid/ai", false),
                ],
            ),
            "icao.test" => (
                SealKind::ProofOfTest,
                &[
                    ("certificate_number", "/utci", true),
                    ("name", "/pid/n", true),
                    ("birth", "/pid/dob", false),
                    ("document_type", "/pid/dt", true),
                    ("document_number", "/pid/dn", true),
                    ("place", "/sp/spn", true),
                    ("country", "/sp/ctr", true),
                    ("sampled", "/dat/sc", true),
                    ("reported", "/dat/ri", true),
                    ("test", "/tr/tc", true),
                    ("result", "/tr/r", true),
                    ("method", "/tr/m", false),
                ],
            ),
            _ => (SealKind::Other, &[]),
        };
        let mut content = Self { kind, features: BTreeMap::new(), missing: Vec::new(), unknown: 0 };
        for (name, pointer, needed) in fields {
            match text(pointer) {
                Some(value) => {
                    content.features.insert(name, Value::Text(value));
                }
                None => content.missing.extend(needed.then_some(*name)),
            }
        }
        if kind == SealKind::ProofOfVaccination {
            match doses(message) {
                Some(doses) => {
                    content.features.insert("doses", Value::Doses(doses));
                }
                None => content.missing.push("doses"),
            }
        }
        content
    }

    /// The document code of the zone; `NT` and `NV` of the proofs. Empty where there is none.
    #[must_use]
    pub fn document_code(&self) -> &str {
        match (self.kind, self.features.get("mrz")) {
            (SealKind::ProofOfTest, _) => "NT",
            (SealKind::ProofOfVaccination, _) => "NV",
            (_, Some(Value::Mrz(lines))) => lines.first().map_or("", |line| line[..2].trim_end_matches('<')),
            _ => "",
        }
    }

    /// The date of expiry in its zone, `YYMMDD`.
    #[must_use]
    pub fn expiry(&self) -> Option<&str> {
        match self.features.get("mrz") {
            Some(Value::Mrz(lines)) => lines.get(1)?.get(21..27),
            _ => None,
        }
    }

    /// A feature that is text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.features.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }
}

impl Coding {
    fn read(self, bytes: &[u8]) -> Option<Value> {
        Some(match self {
            Self::Mrz(first, second) => {
                let text = c40::decode(bytes)?;
                // Fillers at the very end may have been left to the padding.
                let text = Text(Zeroizing::new(format!("{:<<width$}", text.replace(' ', "<"), width = first + second)));
                if text.len() != first + second {
                    return None;
                }
                // The second line of a visa is cut behind its last check digit; lines are of one length.
                let (one, two) = text.split_at(first);
                Value::Mrz(vec![one.to_owned().into(), format!("{two:<<first$}").into()])
            }
            Self::C40 => Value::Text(c40::decode(bytes)?.trim_end().to_owned().into()),
            Self::Utf8 => Value::Text(std::str::from_utf8(bytes).ok()?.to_owned().into()),
            Self::Entries => Value::Entries(bytes.first().copied().filter(|entries| *entries != 0)),
            Self::Stay => Value::Stay(match *bytes {
                [0, 0, 0] => Stay::UntilExpiry,
                [255, 255, 255] => Stay::DecidedAtTheBorder,
                [254, 254, 254] => Stay::Transit,
                [days, months, years] => Stay::For { days, months, years },
                _ => return None,
            }),
            Self::Binary => Value::Binary(hex::encode(bytes).into()),
        })
    }
}

fn doses(message: &Json) -> Option<Vec<Dose>> {
    let mut doses = Vec::new();
    for event in message.pointer("/ve")?.as_array()? {
        let of = |object: &Json, name: &str| -> Option<Text> {
            match object.get(name)? {
                Json::String(text) => Some(text.clone().into()),
                Json::Number(number) => Some(number.to_string().into()),
                _ => None,
            }
        };
        for dose in event.get("vd")?.as_array()? {
            doses.push(Dose {
                vaccine: of(event, "des")?,
                product: of(event, "nam")?,
                date: of(dose, "dvc")?,
                number: of(dose, "seq")?,
                country: of(dose, "ctr")?,
                lot: of(dose, "lot")?,
            });
        }
    }
    (!doses.is_empty()).then_some(doses)
}
