//! The operator's side of lists: from a table to a signed and sealed file for devices.
//!
//! Columns of the table (CSV, UTF-8, with a header): `number` (twelve digits, of today or before, or the nine of an identity card), `document_number`, `photo` (a path beside the table), names
//! of the field dictionary (`full_name`, `date_of_birth`, …), and attributes under any other name (`seat`, `amount`).
//! With the site's keys, numbers become keyed hashes, and the list names nobody. A passport's number alone is nobody's then: the
//! state that issued it stands in the column `issuing_state`, in three letters as on the passport.

use crate::operator::not_signed;
use crate::table as rows;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use drivers::key_store::file::FileKeyStore;
use drivers::key_store::{KeyStore as _, sealed};
use events::subject::Person;
use fleet::FleetError;
use fleet::sites::SiteKeys;
use program::{Failure, Text, files};
use serde_json::{Map, Value, json};
use std::path::Path;
use zeroize::Zeroizing;

/// Label of the operator's key.
pub const LABEL: &str = "roster";

/// What a list says of itself.
#[derive(Debug, Clone)]
pub struct Heading<'a> {
    /// Identifier.
    pub id: &'a str,
    /// Counts up.
    pub version: u32,
    /// For people.
    pub title: &'a str,
    /// The profile that uses it.
    pub profile: &'a str,
    /// First day, `YYYY-MM-DD`.
    pub valid_from: &'a str,
    /// Last day.
    pub valid_until: &'a str,
}

/// How whoever stands in a line is listed by keyed hash.
fn listed(keys: &SiteKeys, name: &str, value: &str, state: Option<&str>) -> Option<Value> {
    let person = match name {
        "number" => Person::citizen(value),
        _ => Person::new("passport", state.unwrap_or_default(), value),
    };
    Some(keys.listed(&person?).to_string().into())
}

/// The entries of a table. With the keys of a site, numbers become keyed hashes.
fn entries(table: &Path, hashed: Option<&SiteKeys>) -> Result<Vec<Value>, Failure> {
    let (mut reader, headers) = rows::open(table)?;
    let is_item = |name: &str| cccd::Field::ALL.iter().any(|field| field.name() == name);
    let mut entries = Vec::new();
    for (at, row) in reader.records().enumerate() {
        let row = row.map_err(|error| rows::unreadable(&error))?;
        let (mut entry, mut items, mut attributes) = (Map::new(), Map::new(), Map::new());
        let cells = || headers.iter().map(str::trim).zip(row.iter().map(str::trim));
        let state = cells().find(|(name, _)| *name == "issuing_state").map(|(_, state)| state);
        let state = state.filter(|state| state.len() == 3 && state.bytes().all(|byte| byte.is_ascii_uppercase()));
        for (name, value) in cells() {
            let value = if name == "number" { value.trim_start_matches('\'') } else { value };
            if value.is_empty() {
                continue;
            }
            // Whoever signs can mend the table; a device that takes the list could only leave characters out.
            let text = Text::typed(value).map_err(|error| rows::wrong(at, error))?;
            let value = if name == "photo" { value } else { text.as_str() };
            match name {
                "number" | "document_number" => {
                    // People share nine digits now and then: by them alone, as in a list that names nobody, nobody is found.
                    let long = value.len() == 12 || (value.len() == 9 && hashed.is_none());
                    let digits = long && value.bytes().all(|byte| byte.is_ascii_digit());
                    let rule = "a number has twelve digits, or the nine of an identity card where the list is not by keyed hash";
                    rows::check(name != "number" || digits, at, rule)?;
                    match hashed {
                        Some(keys) => {
                            let hash = listed(keys, name, value, state);
                            rows::check(hash.is_some(), at, "a passport has an issuing_state of three letters")?;
                            entry.insert("subject".to_owned(), hash.into())
                        }
                        None => entry.insert(name.to_owned(), value.into()),
                    };
                }
                // It is part of the hash.
                "issuing_state" if hashed.is_some() => {}
                "photo" => {
                    let path = table.parent().unwrap_or_else(|| Path::new(".")).join(value);
                    let bytes =
                        std::fs::read(&path).map_err(|error| rows::wrong(at, format_args!("the photo: {error}")))?;
                    rows::check(bytes.starts_with(&[0xFF, 0xD8]), at, "the photo is no JPEG")?;
                    let image = json!({ "media_type": "image/jpeg", "data": BASE64_STANDARD.encode(bytes) });
                    entry.insert(name.to_owned(), image);
                }
                name if is_item(name) => {
                    items.insert(name.to_owned(), value.into());
                }
                name => {
                    attributes.insert(name.to_owned(), value.into());
                }
            }
        }
        rows::check(!entry.is_empty(), at, "nobody is named")?;
        // A list by keyed hash is to name nobody.
        if !items.is_empty() && hashed.is_none() {
            entry.insert("items".to_owned(), items.into());
        }
        if !attributes.is_empty() {
            entry.insert("attributes".to_owned(), attributes.into());
        }
        entries.push(entry.into());
    }
    if entries.is_empty() {
        return Err(rows::malformed(format!("{} has no lines", table.display())));
    }
    Ok(entries)
}

/// Turns a table into a signed list, sealed with its own pass phrase; how many people it has.
///
/// # Errors
/// When table, key or a file is not as it must be. Lines are named, people are not.
pub fn sign(
    keys: &Path,
    pass_phrase: &[u8],
    heading: &Heading<'_>,
    table: &Path,
    hashed: Option<&SiteKeys>,
    list_phrase: &[u8],
    out: &Path,
) -> Result<usize, Failure> {
    let entries = entries(table, hashed)?;
    let count = entries.len();
    let list = json!({
        "schema": "cccd-roster/1", "id": heading.id, "version": heading.version, "title": heading.title,
        "profile": heading.profile, "valid_from": heading.valid_from, "valid_until": heading.valid_until,
        "entries": entries,
    });
    let payload = Zeroizing::new(list.to_string());
    let store = FileKeyStore::new(keys, pass_phrase);
    let public = store.public_key(LABEL)?;
    let signed = events::sign_document("roster", payload.as_bytes(), &public, |data| store.sign(LABEL, data));
    let signed = signed.map_err(|error| not_signed(&error))?;
    let sealed = sealed::seal(list_phrase, &Zeroizing::new(signed)).map_err(FleetError::Crypto)?;
    files::write(out, sealed)?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::make_key;

    fn signed(table: &str, hashed: Option<&SiteKeys>) -> Result<Value, Failure> {
        let directory = tempfile::tempdir().expect("directory");
        let path = |name: &str| directory.path().join(name);
        let phrase = b"correct horse battery";
        make_key(&path("keys"), LABEL, phrase, &path("public.pem"))?;
        std::fs::write(path("list.csv"), table).expect("table");
        let heading = Heading {
            id: "r",
            version: 1,
            title: "t",
            profile: "exam",
            valid_from: "2026-12-01",
            valid_until: "2026-12-02",
        };
        sign(&path("keys"), phrase, &heading, &path("list.csv"), hashed, b"on the way", &path("out"))?;
        let bytes = std::fs::read(path("out")).expect("list");
        assert!(!bytes.windows(4).any(|part| part == b"0010"), "nobody reads it on the way");
        let signed = sealed::open(b"on the way", &bytes).expect("sealed");
        let public = std::fs::read(path("public.pem")).expect("key");
        let verifier = events::Verifier::from_pem(&public).expect("P-256");
        Ok(serde_json::from_slice(&verifier.open_document("roster", &signed).expect("opens"))?)
    }

    #[test]
    fn a_table_becomes_a_list() {
        let list = signed("number,full_name,seat\n001099000017,Nguyễn Văn An,A12\n", None).expect("signed");
        let entry = json!({ "number": "001099000017", "items": { "full_name": "Nguyễn Văn An" }, "attributes": { "seat": "A12" } });
        assert_eq!(list["entries"], json!([entry]));
    }

    #[test]
    fn an_old_list_knows_people_by_nine_digits() {
        let table = "number,full_name\n012345678,Nguyễn Văn An\n";
        assert_eq!(signed(table, None).expect("signed")["entries"][0]["number"], "012345678");
        let keys = SiteKeys::new(&[7; events::chain::Chains::SIZE], &[7; 32]).expect("keys");
        assert!(signed(table, Some(&keys)).is_err(), "by nine digits alone nobody is found");
    }

    #[test]
    fn by_keyed_hash_nobody_is_named() {
        let keys = SiteKeys::new(&[7; events::chain::Chains::SIZE], &[7; 32]).expect("keys");
        let table = "number,full_name,entitlement\n001099000017,Nguyễn Văn An,free\n";
        let list = signed(table, Some(&keys)).expect("signed");
        let entry = &list["entries"][0];
        let person = Person::citizen("001099000017").expect("a person");
        assert_eq!(entry["subject"], keys.listed(&person).to_string());
        assert_eq!(entry["attributes"]["entitlement"], "free");
        assert!(!list.to_string().contains("0010") && !list.to_string().contains("Nguy"), "{list}");
    }

    #[test]
    fn a_passport_in_a_list_by_keyed_hash_is_one_of_a_state() {
        let keys = SiteKeys::new(&[7; events::chain::Chains::SIZE], &[7; 32]).expect("keys");
        let table = "document_number,issuing_state\nC1234567,LAO\n";
        let list = signed(table, Some(&keys)).expect("signed");
        let person = Person::new("passport", "LAO", "C1234567").expect("a person");
        assert_eq!(list["entries"], json!([{ "subject": keys.listed(&person).to_string() }]));
        for table in ["document_number\nC1234567\n", "document_number,issuing_state\nC1234567,Lào\n"] {
            assert!(signed(table, Some(&keys)).is_err(), "{table}");
        }
    }

    #[test]
    fn a_wrong_line_is_named_by_its_number_only() {
        for table in [
            "number,full_name\n001099000017,Nguy\u{202e}ễn\n",
            "number,full_name\n001099000017,\"Nguyễn\u{b}An\"\n",
            "number\n12345\n",
            "number,seat\n,A1\n",
            "number\n",
            "number,photo\n001099000017,away.jpg\n",
        ] {
            let error = signed(table, None).expect_err(table).to_string();
            assert!(!error.contains("12345") && !error.contains("0010"), "{error}");
        }
    }
}
