//! EF.DG13 of the CCCD: the national data.
//!
//! There is no public specification; the layout is what many readers agree on:
//!
//! ```text
//! 6D { SEQUENCE { SEQUENCE { INTEGER index, value? } × n } }
//! ```
//!
//! A value is a string of any ASN.1 type, nothing, or one or two nested SEQUENCEs of a string (13: parents,
//! 14: spouse). Cards of 2024 leave many fields empty, so every field is optional; indices that are not known are
//! kept raw. One odd field never fails the file: it is listed in [`Dg13::odd`].

use emrtd::hazmat::tlv::{self, Tlv, TlvError, tag};
use std::collections::BTreeMap;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroize;

/// A field of EF.DG13 with its index, and the name that reports use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names say it; see `name`")]
pub enum Field {
    IdNumber = 1,
    FullName = 2,
    DateOfBirth = 3,
    Sex = 4,
    Nationality = 5,
    Ethnicity = 6,
    Religion = 7,
    /// Place of origin; on cards of 2024 the place of birth registration.
    PlaceOfOrigin = 8,
    /// Permanent residence; on cards of 2024 the place of residence.
    Residence = 9,
    Features = 10,
    IssueDate = 11,
    /// May be text such as "Không thời hạn".
    ExpiryDate = 12,
    /// Father, then mother.
    Parents = 13,
    Spouse = 14,
    OldIdNumber = 15,
}

impl Field {
    /// Every field, by index.
    pub const ALL: [Self; 15] = [
        Self::IdNumber,
        Self::FullName,
        Self::DateOfBirth,
        Self::Sex,
        Self::Nationality,
        Self::Ethnicity,
        Self::Religion,
        Self::PlaceOfOrigin,
        Self::Residence,
        Self::Features,
        Self::IssueDate,
        Self::ExpiryDate,
        Self::Parents,
        Self::Spouse,
        Self::OldIdNumber,
    ];

    /// The stable name in JSON and profiles.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IdNumber => "id_number",
            Self::FullName => "full_name",
            Self::DateOfBirth => "date_of_birth",
            Self::Sex => "sex",
            Self::Nationality => "nationality",
            Self::Ethnicity => "ethnicity",
            Self::Religion => "religion",
            Self::PlaceOfOrigin => "place_of_origin",
            Self::Residence => "residence",
            Self::Features => "features",
            Self::IssueDate => "issue_date",
            Self::ExpiryDate => "expiry_date",
            Self::Parents => "parents",
            Self::Spouse => "spouse",
            Self::OldIdNumber => "old_id_number",
        }
    }

    fn from_index(index: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|field| *field as u32 == index)
    }
}

/// The content of EF.DG13. Personal data: `Debug` shows no value, and all are wiped when dropped.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Dg13 {
    fields: BTreeMap<Field, Vec<String>>,
    unknown: BTreeMap<u32, Vec<u8>>,
    /// Indices whose value has an unexpected form, and repeated indices; the first one counts.
    pub odd: Vec<u32>,
}

impl std::fmt::Debug for Dg13 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fields: Vec<_> = self.fields.keys().map(|field| field.name()).collect();
        write!(f, "Dg13({fields:?}, {} unknown, odd {:?})", self.unknown.len(), self.odd)
    }
}

impl Drop for Dg13 {
    fn drop(&mut self) {
        for values in self.fields.values_mut() {
            values.zeroize();
        }
        for raw in self.unknown.values_mut() {
            raw.zeroize();
        }
    }
}

impl Dg13 {
    /// Reads the file.
    ///
    /// # Errors
    /// When the outer structure is not as above.
    pub fn parse(file: &[u8]) -> Result<Self, TlvError> {
        let container = tlv::first(tlv::first(file, 0x6D)?.value, tag::SEQUENCE)?;
        let mut dg13 = Self::default();
        let mut entries = container.children();
        while let Some(entry) = entries.next()? {
            if entry.tag != tag::SEQUENCE {
                return Err(TlvError::Unexpected { expected: tag::SEQUENCE, found: entry.tag });
            }
            dg13.entry(&entry)?;
        }
        Ok(dg13)
    }

    fn entry(&mut self, entry: &Tlv<'_>) -> Result<(), TlvError> {
        let mut parts = entry.children();
        let index = parts.expect(tag::INTEGER)?;
        let raw = &entry.value[index.raw.len()..];
        let index = index.small_uint()?;
        let Some(field) = Field::from_index(index) else {
            self.unknown.entry(index).or_insert_with(|| raw.to_vec());
            return Ok(());
        };
        match values(raw) {
            Some(_) if self.fields.contains_key(&field) => self.odd.push(index),
            Some(values) if values.is_empty() => {}
            Some(values) => {
                self.fields.insert(field, values);
            }
            None => {
                self.odd.push(index);
                self.unknown.entry(index).or_insert_with(|| raw.to_vec());
            }
        }
        Ok(())
    }

    /// The first value of a field, NFC; `None` when the card leaves it out or empty.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&str> {
        self.fields.get(&field)?.first().map(String::as_str)
    }

    /// All values of a field: father and mother, for example.
    #[must_use]
    pub fn all(&self, field: Field) -> &[String] {
        self.fields.get(&field).map_or(&[], Vec::as_slice)
    }

    /// Indices without a known meaning, with the raw bytes behind the index.
    pub fn unknown(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.unknown.iter().map(|(index, raw)| (*index, raw.as_slice()))
    }
}

/// The strings behind an index, directly or in SEQUENCEs; empty ones left out. `None` for any other form.
fn values(raw: &[u8]) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut reader = tlv::Reader::new(raw);
    while let Some(object) = reader.next().ok()? {
        match object.tag {
            tag::SEQUENCE => {
                let mut inner = object.children();
                while let Some(string) = inner.next().ok()? {
                    found.push(text(&string)?);
                }
            }
            _ => found.push(text(&object)?),
        }
    }
    found.retain(|value| !value.is_empty());
    Some(found)
}

fn text(object: &Tlv<'_>) -> Option<String> {
    let text = match object.tag {
        tag::UTF8_STRING | tag::PRINTABLE_STRING | tag::IA5_STRING => {
            std::str::from_utf8(object.value).ok()?.to_owned()
        }
        tag::BMP_STRING if object.value.len().is_multiple_of(2) => {
            let units = object.value.chunks(2).map(|c| u16::from_be_bytes([c[0], c[1]]));
            char::decode_utf16(units).collect::<Result<String, _>>().ok()?
        }
        tag::NULL if object.value.is_empty() => String::new(),
        _ => return None,
    };
    Some(text.trim().nfc().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(index: u8, value: &[u8]) -> Vec<u8> {
        tlv::encode(tag::SEQUENCE, &[&tlv::encode(tag::INTEGER, &[index])[..], value].concat())
    }

    fn file(entries: &[Vec<u8>]) -> Vec<u8> {
        tlv::encode(0x6D, &tlv::encode(tag::SEQUENCE, &entries.concat()))
    }

    fn utf8(text: &str) -> Vec<u8> {
        tlv::encode(tag::UTF8_STRING, text.as_bytes())
    }

    #[test]
    fn every_form_of_a_value() {
        let address = "Số 1, ".repeat(40);
        let dg13 = Dg13::parse(&file(&[
            entry(1, &tlv::encode(tag::PRINTABLE_STRING, b"001099000017")),
            entry(2, &utf8("Nguyễn Văn A")),
            entry(9, &utf8(&address)),
            entry(13, &[tlv::encode(0x30, &utf8("Nguyễn Văn B")), tlv::encode(0x30, &utf8("Trần Thị C"))].concat()),
            entry(14, &[]),
            entry(7, &utf8("")),
            entry(16, &tlv::encode(tag::PRINTABLE_STRING, b"0123456789ABCDEF")),
        ]))
        .expect("EF.DG13");
        assert_eq!(dg13.get(Field::IdNumber), Some("001099000017"));
        assert_eq!(dg13.get(Field::Residence), Some(address.trim()));
        assert_eq!(dg13.all(Field::Parents), ["Nguyễn Văn B", "Trần Thị C"]);
        assert_eq!((dg13.get(Field::Spouse), dg13.get(Field::Religion)), (None, None));
        assert_eq!(dg13.unknown().map(|(index, _)| index).collect::<Vec<_>>(), [16]);
        assert!(dg13.odd.is_empty());
        let shown = format!("{dg13:?}");
        assert!(!shown.contains("001099") && !shown.contains("Nguy"), "{shown}");
    }

    #[test]
    fn a_string_that_looks_like_an_entry_is_a_string() {
        let trap = String::from_utf8(entry(5, &utf8("Lào"))).expect("UTF-8");
        let dg13 = Dg13::parse(&file(&[entry(2, &utf8(&trap)), entry(5, &utf8("Việt Nam"))])).expect("EF.DG13");
        assert_eq!(dg13.get(Field::Nationality), Some("Việt Nam"));
    }

    #[test]
    fn one_odd_field_does_not_fail_the_others() {
        let bad = tlv::encode(tag::UTF8_STRING, &[0xFF, 0xFE]);
        let dg13 =
            Dg13::parse(&file(&[entry(2, &bad), entry(4, &utf8("Nam")), entry(4, &utf8("Nữ"))])).expect("EF.DG13");
        assert_eq!((dg13.get(Field::FullName), dg13.get(Field::Sex)), (None, Some("Nam")));
        assert_eq!(dg13.odd, [2, 4]);
    }

    #[test]
    fn a_string_of_half_a_character_and_a_null_with_content_are_odd() {
        let bmp = |bytes: &[u8]| tlv::encode(tag::BMP_STRING, bytes);
        let null = |bytes: &[u8]| tlv::encode(tag::NULL, bytes);
        let file = file(&[
            entry(2, &bmp(b"\0A\0n")),
            entry(4, &bmp(b"\0N\0a\0")),
            entry(5, &null(b"")),
            entry(6, &null(b"Kinh")),
        ]);
        let dg13 = Dg13::parse(&file).expect("EF.DG13");
        assert_eq!((dg13.get(Field::FullName), dg13.get(Field::Sex)), (Some("An"), None));
        assert_eq!(dg13.odd, [4, 6]);
    }

    #[test]
    fn an_entry_that_is_none_is_an_error() {
        let set = tlv::encode(0x31, &[tlv::encode(tag::INTEGER, &[4]), utf8("Nam")].concat());
        let expected = TlvError::Unexpected { expected: tag::SEQUENCE, found: 0x31 };
        assert_eq!(Dg13::parse(&file(&[entry(2, &utf8("An")), set])), Err(expected));
    }

    #[test]
    fn dg13_other_layout_of_the_field_is_an_error_and_no_data() {
        let case = crate::field_cases::json("dg13-other-layout.json");
        let text = case["dg13"].as_str().expect("text").split(',').next().expect("bytes").replace(' ', "");
        let file = hex::decode(text).expect("hexadecimal");
        assert_eq!(file, [0x6D, 0x06, 0x04, 0x04, 0x0A, 0x0B, 0x0C, 0x0D]);
        assert_eq!(Dg13::parse(&file), Err(TlvError::Unexpected { expected: tag::SEQUENCE, found: tag::OCTET_STRING }));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            drop(Dg13::parse(&bytes));
            drop(Dg13::parse(&tlv::encode(0x6D, &tlv::encode(tag::SEQUENCE, &bytes))));
        }
    }
}
