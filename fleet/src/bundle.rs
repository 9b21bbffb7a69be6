//! Anchors, lists, profiles and settings in one signed, versioned file.
//!
//! A signed document (kind `bundle`) under an operator's key. Payload, CBOR map with text keys, version 1:
//!
//! | key | is |
//! |---|---|
//! | `v` | 1 |
//! | `at` | when it was made, seconds since 1970 |
//! | `entries` | list of `{path, bytes}`, sorted by path, each path once |
//! | `version` | a number; a device takes only a higher one than it ever had |
//! | `environment` | the kind of fleet that it is for |
//!
//! A path is up to four names of letters, digits, `.`, `_` and `-`, none beginning with `.`. Its first name says what the
//! part is ([`Kind`]). What a kind contains is checked by those who use it, before the bundle becomes active.

use crate::request::octets;
use crate::revoked::RevokedCards;
use crate::rollout::Rollout;
use crate::{FleetError, Sign, decode, encode, fingerprint};
use events::{Verifier, sign_document};
use serde::{Deserialize, Serialize};
use std::path::Path;

const KIND: &str = "bundle";
const WHAT: &str = "bundle";
const VERSION: u32 = 1;
/// The largest bundle.
pub const MAX_BUNDLE: usize = 64 * 1024 * 1024;

/// What a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `trust/…`: CSCA certificates, master lists, CRLs, deviation lists; as the trust directory has them.
    Trust,
    /// `fleet/roots.pem`: the fleet's roots, two at least while one follows the other.
    Roots,
    /// `operators/NAME.pem`: keys whose bundles are taken from now on.
    Operator,
    /// `profiles/NAME.toml`: site profiles.
    Profile,
    /// `rosters/NAME`: signed lists of people.
    Roster,
    /// `playlist/NAME`: signed notices.
    Playlist,
    /// `revoked/cards`: keyed hashes of cards that are lost or withdrawn.
    Revoked,
    /// `update/rollout.toml`: what devices shall run, see [`crate::rollout`].
    Rollout,
    /// `site.toml`: settings of the site, between the defaults and those of the device.
    Settings,
}

impl Kind {
    /// The kind of a path.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        let kind = match path.split_once('/') {
            Some(("trust", _)) => Self::Trust,
            Some(("fleet", "roots.pem")) => Self::Roots,
            Some(("operators", _)) if has_extension(path, "pem") => Self::Operator,
            Some(("profiles", _)) if has_extension(path, "toml") => Self::Profile,
            Some(("rosters", _)) => Self::Roster,
            Some(("playlist", _)) => Self::Playlist,
            _ if path == RevokedCards::PATH => Self::Revoked,
            _ if path == Rollout::PATH => Self::Rollout,
            None if path == "site.toml" => Self::Settings,
            _ => return None,
        };
        let name = |name: &str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
            !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.bytes().all(plain)
        };
        (path.split('/').count() <= 4 && path.split('/').all(name)).then_some(kind)
    }
}

fn has_extension(path: &str, wanted: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == wanted)
}

/// One part.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Where it belongs.
    pub path: String,
    /// What it is.
    #[serde(with = "octets")]
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.path, self.bytes.len())
    }
}

/// A bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// Version of the format.
    #[serde(rename = "v")]
    format: u32,
    /// When it was made.
    pub at: i64,
    /// Its parts.
    pub entries: Vec<Entry>,
    /// Its number.
    pub version: u64,
    /// The kind of fleet.
    pub environment: String,
}

impl Bundle {
    /// Puts parts together.
    ///
    /// # Errors
    /// When a path is none, or stands twice.
    pub fn new(version: u64, environment: &str, at: i64, mut entries: Vec<Entry>) -> Result<Self, FleetError> {
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        let bundle = Self { format: VERSION, at, entries, version, environment: environment.to_owned() };
        bundle.check()?;
        Ok(bundle)
    }

    /// The parts of a directory, whose files lie as the paths say.
    ///
    /// # Errors
    /// When a file cannot be read or does not belong.
    pub fn of_directory(directory: &Path, version: u64, environment: &str, at: i64) -> Result<Self, FleetError> {
        fn collect(base: &Path, directory: &Path, entries: &mut Vec<Entry>) -> Result<(), FleetError> {
            let list = std::fs::read_dir(directory).map_err(crate::error::io("list", directory))?;
            for item in list {
                let path = item.map_err(crate::error::io("list", directory))?.path();
                if path.is_dir() {
                    collect(base, &path, entries)?;
                } else {
                    let name = path.strip_prefix(base).unwrap_or(&path).to_string_lossy().into_owned();
                    let bytes = std::fs::read(&path).map_err(crate::error::io("read", &path))?;
                    entries.push(Entry { path: name, bytes });
                }
            }
            Ok(())
        }
        let mut entries = Vec::new();
        collect(directory, directory, &mut entries)?;
        Self::new(version, environment, at, entries)
    }

    fn check(&self) -> Result<(), FleetError> {
        let wrong = |path: &str, why: &str| FleetError::Entry { path: path.to_owned(), why: why.to_owned() };
        for entry in &self.entries {
            if Kind::of(&entry.path).is_none() {
                return Err(wrong(&entry.path, "a bundle has no part of this name"));
            }
        }
        if let Some([_, second]) = self.entries.array_windows().find(|[one, other]| one.path >= other.path) {
            return Err(wrong(&second.path, "it stands twice, or out of order"));
        }
        Ok(())
    }

    /// The parts of a kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| Kind::of(&entry.path) == Some(kind))
    }

    /// What it says that devices shall run.
    ///
    /// # Errors
    /// When the part is no rollout.
    pub fn rollout(&self) -> Result<Option<Rollout>, FleetError> {
        let Some(entry) = self.of_kind(Kind::Rollout).next() else { return Ok(None) };
        let wrong = |why: String| FleetError::Entry { path: entry.path.clone(), why };
        let text = std::str::from_utf8(&entry.bytes).map_err(|error| wrong(error.to_string()))?;
        Rollout::parse(text).map(Some).map_err(|error| wrong(error.to_string()))
    }

    /// The keys that it names, whose bundles are taken from now on: SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn operators(&self) -> Vec<Vec<u8>> {
        let key = |pem: &[u8]| openssl::pkey::PKey::public_key_from_pem(pem)?.public_key_to_der();
        self.of_kind(Kind::Operator).filter_map(|entry| key(&entry.bytes).ok()).collect()
    }

    /// Signs it.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign(&self, operator: &[u8], key: Sign<'_>) -> Result<Vec<u8>, FleetError> {
        sign_document(KIND, &encode(self), operator, key)
            .map_err(|e| FleetError::Signing { what: WHAT, why: e.to_string() })
    }

    /// Reads a bundle without asking who signed it: to be shown, never to be used.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn inspect(bytes: &[u8]) -> Result<Self, FleetError> {
        if bytes.len() > MAX_BUNDLE {
            return Err(FleetError::Malformed(WHAT));
        }
        let bundle: Self = decode(WHAT, &crate::payload(WHAT, bytes)?)?;
        if bundle.format != VERSION {
            return Err(FleetError::Version { what: WHAT, version: bundle.format });
        }
        bundle.check()?;
        Ok(bundle)
    }
}

/// Whom a device takes bundles from, and which.
#[derive(Debug, Clone)]
pub struct Acceptance<'a> {
    /// Operators' keys, SubjectPublicKeyInfo in DER.
    pub operators: &'a [Vec<u8>],
    /// The kind of fleet.
    pub environment: &'a str,
    /// The highest version that was ever here.
    pub known: u64,
}

impl Acceptance<'_> {
    /// Checks signature, environment and version of a bundle; also who signed it, by fingerprint.
    ///
    /// # Errors
    /// When it is not to be taken.
    pub fn open(&self, bytes: &[u8]) -> Result<(Bundle, String), FleetError> {
        let bundle = Bundle::inspect(bytes)?;
        let signed = |key: &&Vec<u8>| Verifier::new(key).is_ok_and(|key| key.open_document(KIND, bytes).is_ok());
        let operator = self.operators.iter().find(signed).ok_or(FleetError::Signature(WHAT))?;
        if bundle.environment != self.environment {
            let (offered, own) = (bundle.environment, self.environment.to_owned());
            return Err(FleetError::Environment { offered, own });
        }
        if bundle.version <= self.known {
            return Err(FleetError::Older { offered: bundle.version, known: self.known });
        }
        Ok((bundle, fingerprint(operator)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::pkey::{PKey, Private};

    fn key() -> (PKey<Private>, Vec<u8>) {
        let group = EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1).expect("group");
        let key = PKey::from_ec_key(EcKey::generate(&group).expect("key")).expect("key");
        let public = key.public_key_to_der().expect("public key");
        (key, public)
    }

    fn signed(bundle: &Bundle, (key, public): &(PKey<Private>, Vec<u8>)) -> Vec<u8> {
        bundle.sign(public, &|m| crate::authority::sign(key, m).map_err(|e| e.to_string())).expect("signed")
    }

    fn entry(path: &str) -> Entry {
        Entry { path: path.to_owned(), bytes: path.as_bytes().to_vec() }
    }

    #[test]
    fn only_the_operators_newer_bundle_of_this_fleet_is_taken() {
        let (operator, stranger) = (key(), key());
        let bundle = Bundle::new(7, "production", 1, vec![entry("trust/a.der"), entry("site.toml")]).expect("bundle");
        let bytes = signed(&bundle, &operator);
        let operators = [stranger.1.clone(), operator.1.clone()];
        let accept = |known, environment| Acceptance { operators: &operators, environment, known }.open(&bytes);
        let (opened, by) = accept(6, "production").expect("taken");
        assert_eq!((opened, by), (bundle.clone(), fingerprint(&operator.1)));
        assert_eq!(accept(7, "production").expect_err("known").code(), "bundle_older");
        assert_eq!(accept(0, "practice").expect_err("elsewhere").code(), "bundle_environment");
        let only = Acceptance { operators: &operators[..1], environment: "production", known: 0 };
        assert_eq!(only.open(&bytes).expect_err("signer").code(), "fleet_signature");
        let all = Acceptance { operators: &operators, environment: "production", known: 0 };
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(all.open(&changed).is_err(), "byte {at}");
            assert!(all.open(&bytes[..at]).is_err(), "{at} bytes");
        }
    }

    #[test]
    fn a_bundle_of_another_format_order_or_size_is_refused_whoever_signed_it() {
        let operator = key();
        let operators = [operator.1.clone()];
        let code = |bundle: &Bundle| {
            let accept = Acceptance { operators: &operators, environment: "p", known: 0 };
            accept.open(&signed(bundle, &operator)).map_or_else(|error| error.code(), |_| "taken")
        };
        let bundle = Bundle::new(1, "p", 0, vec![entry("site.toml"), entry("trust/a.der")]).expect("bundle");
        assert_eq!(code(&bundle), "taken");
        assert_eq!(code(&Bundle { format: 2, ..bundle.clone() }), "fleet_version");
        let entries = |paths: [&str; 2]| paths.map(entry).to_vec();
        let with = |entries| code(&Bundle { entries, ..bundle.clone() });
        assert_eq!(with(entries(["trust/a.der", "site.toml"])), "bundle_entry");
        assert_eq!(with(entries(["site.toml", "site.toml"])), "bundle_entry");
        assert_eq!(with(entries(["site.toml", "trust/../../a"])), "bundle_entry");
        let large = Entry { path: "trust/a.der".to_owned(), bytes: vec![0; MAX_BUNDLE] };
        assert_eq!(with(vec![large]), "fleet_malformed");
    }

    #[test]
    fn a_path_leads_nowhere_else() {
        assert!(Kind::of(&format!("trust/{}", "a".repeat(100))).is_some());
        for good in ["trust/vn/csca.der", "fleet/roots.pem", "operators/a.pem", "profiles/x.toml", "rosters/r.list"] {
            assert!(Kind::of(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "x",
            "/trust/a",
            "trust",
            "trust/",
            "trust/../a",
            "trust/.a",
            "trust/a b",
            "fleet/other.pem",
            "profiles/x.sh",
            "trust/a/b/c/d",
            "trust//a",
            "site.toml/x",
            "trust/\u{1eaf}",
            "operators/a.der",
            &format!("trust/{}", "a".repeat(101)),
        ] {
            assert!(Kind::of(bad).is_none(), "{bad}");
            assert_eq!(Bundle::new(1, "p", 0, vec![entry(bad)]).expect_err(bad).code(), "bundle_entry");
        }
        let twice = Bundle::new(1, "p", 0, vec![entry("site.toml"), entry("site.toml")]);
        assert_eq!(twice.expect_err("twice").code(), "bundle_entry");
    }
}
