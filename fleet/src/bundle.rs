//! Anchors, lists, profiles and settings in one signed, versioned file.
//!
//! Operators sign the manifest, which is small and can be carried to where their keys are; the parts lie beside it. The file is
//! a CBOR map with text keys:
//!
//! | key | is |
//! |---|---|
//! | `base` | where one operator alone signed: an older manifest as others signed it, whose parts but the light ones are here |
//! | `parts` | the bytes of the parts, in the order of the manifest |
//! | `signed` | the manifest as each operator signed it: signed documents (kind `bundle-manifest`) with one and the same payload |
//!
//! The manifest is a CBOR map with text keys, version 2:
//!
//! | key | is |
//! |---|---|
//! | `v` | 2 |
//! | `at` | when it was made, seconds since 1970 |
//! | `parts` | list of `{hash, path}`, sorted by path, each path once; SHA-256 |
//! | `version` | a number; a device takes only a higher one than it ever had |
//! | `environment` | the kind of fleet that it is for |
//! | `fresh_until` | until when it may be the newest, seconds since 1970: by then there is another, or one is withheld |
//!
//! Version 1 was one signed document (kind `bundle`) of one operator, with `entries` (`{path, bytes}`) in place of `parts`, and
//! nothing about its freshness. It is read still: the active bundle of a device that is updated is one.
//!
//! A path is up to four names of letters, digits, `.`, `_` and `-`, none beginning with `.`. Its first name says what the
//! part is ([`Kind`]). What a kind contains is checked by those who use it, before the bundle becomes active. Who has to sign
//! is [`crate::acceptance`]'s.

use crate::answer::Octets;
use crate::request::octets;
use crate::revoked::RevokedCards;
use crate::rollout::Rollout;
use crate::{FleetError, Sign, decode, encode, sealed_list};
use events::event::Bytes;
use events::sign_document;
use serde::{Deserialize, Serialize};
use std::path::Path;

const KIND: &str = "bundle-manifest";
const KIND_BEFORE: &str = "bundle";
const WHAT: &str = "bundle";
const VERSION: u32 = 2;
const VERSION_BEFORE: u32 = 1;
/// The largest bundle.
pub const MAX_BUNDLE: usize = 64 * 1024 * 1024;
/// More signatures nobody looks at.
const MOST_SIGNATURES: usize = 16;
/// Days for which a bundle may be the newest, where nobody says another number.
pub const FRESH_DAYS: u32 = 90;
const DAY: i64 = 86_400;

/// What a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `trust/…`: CSCA certificates, master lists, CRLs, deviation lists; as the trust directory has them.
    Trust,
    /// `fleet/roots.pem`: the fleet's roots, two at least while one follows the other.
    Roots,
    /// `operators/NAME.pem`: keys whose bundles are taken from now on.
    Operator,
    /// `operators/threshold`: how many of them have to sign what would harm, in digits.
    Threshold,
    /// `profiles/NAME.toml`: site profiles.
    Profile,
    /// `rosters/NAME`: signed lists of people, each sealed for its site ([`crate::sealed_list`]).
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
    /// The path of [`Self::Threshold`].
    pub const THRESHOLD: &str = "operators/threshold";

    /// Whether one operator alone may send another: what does no harm, or is signed under a key of its own besides.
    #[must_use]
    pub const fn is_light(self) -> bool {
        match self {
            Self::Roster | Self::Playlist | Self::Revoked => true,
            Self::Trust
            | Self::Roots
            | Self::Operator
            | Self::Threshold
            | Self::Profile
            | Self::Rollout
            | Self::Settings => false,
        }
    }

    /// The kind of a path.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        let kind = match path.split_once('/') {
            Some(("trust", _)) => Self::Trust,
            Some(("fleet", "roots.pem")) => Self::Roots,
            _ if path == Self::THRESHOLD => Self::Threshold,
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

impl Entry {
    fn is_light(&self) -> bool {
        Kind::of(&self.path).is_some_and(Kind::is_light)
    }
}

/// A bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// When it was made.
    pub at: i64,
    /// Its parts.
    pub entries: Vec<Entry>,
    /// Its number.
    pub version: u64,
    /// The kind of fleet.
    pub environment: String,
    /// Until when it may be the newest; one of version 1 does not say.
    pub fresh_until: Option<i64>,
}

impl Bundle {
    /// Puts parts together. It may be the newest for [`FRESH_DAYS`].
    ///
    /// # Errors
    /// When a path is none, or stands twice.
    pub fn new(version: u64, environment: &str, at: i64, mut entries: Vec<Entry>) -> Result<Self, FleetError> {
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        let bundle = Self { at, entries, version, environment: environment.to_owned(), fresh_until: None };
        let bundle = bundle.fresh_for(FRESH_DAYS);
        bundle.check()?;
        Ok(bundle)
    }

    /// The same, which may be the newest for so many days after it was made.
    #[must_use]
    pub fn fresh_for(self, days: u32) -> Self {
        Self { fresh_until: Some(self.at.saturating_add(i64::from(days) * DAY)), ..self }
    }

    /// Whether there should be a newer one by now. One that does not say until when it may be the newest may not.
    #[must_use]
    pub fn is_stale(&self, now: i64) -> bool {
        self.fresh_until.is_none_or(|until| now > until)
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
            // Here, where every bundle comes by that is made, offered, taken or looked at again.
            if Kind::of(&entry.path) == Some(Kind::Roster) && !sealed_list::is_sealed(&entry.bytes) {
                return Err(FleetError::Unsealed(entry.path.clone()));
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
    ///
    /// # Errors
    /// When a part holds none that can sign.
    pub fn operators(&self) -> Result<Vec<Vec<u8>>, FleetError> {
        let key = |entry: &Entry| {
            let der = openssl::pkey::PKey::public_key_from_pem(&entry.bytes).and_then(|key| key.public_key_to_der());
            let der = der.ok().filter(|der| events::Verifier::new(der).is_ok());
            der.ok_or_else(|| FleetError::Entry { path: entry.path.clone(), why: "no key of an operator".to_owned() })
        };
        self.of_kind(Kind::Operator).map(key).collect()
    }

    /// How many of them have to sign what would harm, where it says that.
    ///
    /// # Errors
    /// When the part is no number.
    pub fn threshold(&self) -> Result<Option<usize>, FleetError> {
        let Some(entry) = self.of_kind(Kind::Threshold).next() else { return Ok(None) };
        let number = std::str::from_utf8(&entry.bytes).ok().and_then(|text| text.trim().parse().ok());
        let wrong = || FleetError::Entry { path: entry.path.clone(), why: "no number in digits".to_owned() };
        number.map(Some).ok_or_else(wrong)
    }

    fn manifest(&self) -> Manifest {
        let part = |entry: &Entry| Part { hash: events::hash(&entry.bytes), path: entry.path.clone() };
        Manifest {
            format: VERSION,
            at: self.at,
            parts: self.entries.iter().map(part).collect(),
            version: self.version,
            environment: self.environment.clone(),
            fresh_until: self.fresh_until.unwrap_or(self.at),
        }
    }

    /// Signs it, as the first.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign(&self, operator: &[u8], key: Sign<'_>) -> Result<Vec<u8>, FleetError> {
        let mut envelope = Envelope::unsigned(self.clone());
        envelope.countersign(operator, key)?;
        Ok(envelope.to_bytes())
    }

    /// Reads a bundle without asking who signed it: to be shown, never to be used.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn inspect(bytes: &[u8]) -> Result<Self, FleetError> {
        Envelope::parse(bytes).map(Envelope::into_bundle)
    }
}

/// A line of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    hash: Bytes<32>,
    path: String,
}

/// What operators sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    #[serde(rename = "v")]
    format: u32,
    at: i64,
    parts: Vec<Part>,
    version: u64,
    environment: String,
    fresh_until: i64,
}

impl Manifest {
    /// That of documents which all have it.
    fn of(documents: &[Octets]) -> Result<Self, FleetError> {
        let (first, others) = documents.split_first().ok_or(FleetError::Malformed(WHAT))?;
        if others.len() >= MOST_SIGNATURES {
            return Err(FleetError::Malformed(WHAT));
        }
        let payload = crate::payload(WHAT, &first.0)?;
        for other in others {
            if crate::payload(WHAT, &other.0)? != payload {
                return Err(FleetError::Malformed(WHAT));
            }
        }
        let manifest: Self = decode(WHAT, &payload)?;
        if manifest.format != VERSION {
            return Err(FleetError::Version { what: WHAT, version: manifest.format });
        }
        Ok(manifest)
    }

    /// The parts that one operator alone may not send.
    fn heavy(&self) -> Vec<&Part> {
        self.parts.iter().filter(|part| !Kind::of(&part.path).is_some_and(Kind::is_light)).collect()
    }
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    base: Vec<Octets>,
    parts: Vec<Octets>,
    signed: Vec<Octets>,
}

/// The payload of version 1.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Before {
    #[serde(rename = "v")]
    format: u32,
    at: i64,
    entries: Vec<Entry>,
    version: u64,
    environment: String,
}

/// A bundle with its signatures, which nobody has checked yet.
#[derive(Debug, Clone)]
pub struct Envelope {
    kind: &'static str,
    bundle: Bundle,
    signed: Vec<Octets>,
    base: Vec<Octets>,
}

impl Envelope {
    const fn unsigned(bundle: Bundle) -> Self {
        Self { kind: KIND, bundle, signed: Vec::new(), base: Vec::new() }
    }

    /// Reads the file.
    ///
    /// # Errors
    /// When it is malformed, or a part is not that of the manifest.
    pub fn parse(bytes: &[u8]) -> Result<Self, FleetError> {
        if bytes.len() > MAX_BUNDLE {
            return Err(FleetError::Malformed(WHAT));
        }
        if let Ok(payload) = crate::payload(WHAT, bytes) {
            return Self::before(bytes, &payload);
        }
        let File { base, parts, signed } = decode(WHAT, bytes)?;
        let Manifest { at, parts: lines, version, environment, fresh_until, .. } = Manifest::of(&signed)?;
        if lines.len() != parts.len() {
            return Err(FleetError::Malformed(WHAT));
        }
        let mut entries = Vec::with_capacity(lines.len());
        for (Part { hash, path }, Octets(bytes)) in lines.into_iter().zip(parts) {
            if events::hash(&bytes) != hash {
                return Err(FleetError::Signature(WHAT));
            }
            entries.push(Entry { path, bytes });
        }
        let bundle = Bundle { at, entries, version, environment, fresh_until: Some(fresh_until) };
        bundle.check()?;
        Ok(Self { kind: KIND, bundle, signed, base })
    }

    fn before(bytes: &[u8], payload: &[u8]) -> Result<Self, FleetError> {
        let Before { format, at, entries, version, environment } = decode(WHAT, payload)?;
        if format != VERSION_BEFORE {
            return Err(FleetError::Version { what: WHAT, version: format });
        }
        let bundle = Bundle { at, entries, version, environment, fresh_until: None };
        bundle.check()?;
        Ok(Self { kind: KIND_BEFORE, signed: vec![Octets(bytes.to_vec())], ..Self::unsigned(bundle) })
    }

    /// What is in it.
    #[must_use]
    pub const fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// What is in it, alone.
    #[must_use]
    pub fn into_bundle(self) -> Bundle {
        self.bundle
    }

    /// The kind of its signed documents.
    pub(crate) const fn kind(&self) -> &'static str {
        self.kind
    }

    /// Its signed documents.
    pub(crate) fn signed(&self) -> &[Octets] {
        &self.signed
    }

    /// The manifest whose parts it took over, if it brings one along.
    pub(crate) fn base(&self) -> Result<Option<Base<'_>>, FleetError> {
        if self.base.is_empty() {
            return Ok(None);
        }
        Ok(Some(Base { manifest: Manifest::of(&self.base)?, signed: &self.base }))
    }

    /// The version of the bundle whose parts it took over, if it brings that along.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn over(&self) -> Result<Option<u64>, FleetError> {
        Ok(self.base()?.map(|base| base.manifest.version))
    }

    /// Signs it as well.
    ///
    /// # Errors
    /// When the key cannot sign, or it is of version 1, which has one signature.
    pub fn countersign(&mut self, operator: &[u8], key: Sign<'_>) -> Result<(), FleetError> {
        if self.kind != KIND {
            return Err(FleetError::Version { what: WHAT, version: VERSION_BEFORE });
        }
        let document = sign_document(KIND, &encode(&self.bundle.manifest()), operator, key)
            .map_err(|e| FleetError::Signing { what: WHAT, why: e.to_string() })?;
        // Who signs twice has signed once.
        let own = events::Verifier::new(operator).map_err(|_| FleetError::Malformed("operator's key"))?;
        self.signed.retain(|before| own.open_document(KIND, &before.0).is_err());
        self.signed.push(Octets(document));
        Ok(())
    }

    /// Takes over what operators signed together in another bundle: the parts that are not light, with those signatures. One
    /// operator's is then enough for this one.
    ///
    /// # Errors
    /// When the other is of version 1, or a part that is not light is here already.
    pub fn take_over(bundle: Bundle, from: &Self) -> Result<Self, FleetError> {
        if from.kind != KIND {
            return Err(FleetError::Version { what: WHAT, version: VERSION_BEFORE });
        }
        if let Some(entry) = bundle.entries.iter().find(|entry| !entry.is_light()) {
            let why = "one operator alone may not send it".to_owned();
            return Err(FleetError::Entry { path: entry.path.clone(), why });
        }
        let kept = from.bundle.entries.iter().filter(|entry| !entry.is_light()).cloned();
        let entries = bundle.entries.into_iter().chain(kept).collect();
        // One operator alone cannot say that what others signed is the newest for longer than they said.
        let fresh_until = bundle.fresh_until.min(from.bundle.fresh_until);
        let bundle =
            Bundle { fresh_until, ..Bundle::new(bundle.version, &from.bundle.environment, bundle.at, entries)? };
        let base = if from.base.is_empty() { from.signed.clone() } else { from.base.clone() };
        Ok(Self { base, ..Self::unsigned(bundle) })
    }

    /// The file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        if self.kind != KIND {
            return self.signed.first().map(|document| document.0.clone()).unwrap_or_default();
        }
        let parts = self.bundle.entries.iter().map(|entry| Octets(entry.bytes.clone())).collect();
        encode(&File { base: self.base.clone(), parts, signed: self.signed.clone() })
    }

    /// The signatures of others beside something else.
    #[cfg(test)]
    pub(crate) fn set(&mut self, bundle: Bundle) {
        self.bundle = bundle;
    }
}

/// A manifest that enough operators are said to have signed.
pub(crate) struct Base<'a> {
    manifest: Manifest,
    signed: &'a [Octets],
}

impl Base<'_> {
    pub(crate) const fn kind(&self) -> &'static str {
        KIND
    }

    pub(crate) const fn signed(&self) -> &[Octets] {
        self.signed
    }

    pub(crate) const fn version(&self) -> u64 {
        self.manifest.version
    }

    pub(crate) const fn fresh_until(&self) -> i64 {
        self.manifest.fresh_until
    }

    pub(crate) fn environment(&self) -> &str {
        &self.manifest.environment
    }

    /// The first part of a bundle that is not light and not as it was here; or one that was here and is gone.
    pub(crate) fn difference(&self, bundle: &Bundle) -> Option<String> {
        let manifest = bundle.manifest();
        let (then, now) = (self.manifest.heavy(), manifest.heavy());
        let other = |these: &[&Part], those: &[&Part]| {
            these.iter().find(|part| !those.contains(part)).map(|part| part.path.clone())
        };
        other(&now, &then).or_else(|| other(&then, &now))
    }
}

#[cfg(test)]
mod tests;
