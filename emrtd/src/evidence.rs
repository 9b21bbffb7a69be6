//! Evidence of one read: everything from which the checks can be repeated, offline and by somebody else.
//!
//! In memory it holds the files as read. The stored form ([`Evidence::to_cbor`]) leaves personal data out: of
//! EF.DG1, DG2 and DG13 only length and digest stand in it, under the hash algorithm of the SOD, which is all
//! that passive authentication needs.
//!
//! # Stored form, version 1
//! A CBOR map (RFC 8949) with text keys:
//!
//! | key | content |
//! |---|---|
//! | `version` | 1 |
//! | `access` | protocol, cipher, curve, password kind, fallback |
//! | `files` | array of `{name, length, content}` or `{name, length, hash, digest}` |
//! | `not_read` | map of file name to reason: `absent`, `denied`, `not_in_sod` |
//! | `active_authentication`, `chip_authentication` | `{result: …}`: transcript, refusal or absence |
//!
//! New keys may be added; a reader ignores those it does not know. A change of meaning raises `version`.

use crate::active_authentication::ActiveAuthenticationTranscript;
use crate::chip_authentication::{ChipAuthenticationParameters, ChipAuthenticationTranscript};
use crate::crypto::{CryptoError, HashAlgorithm};
use crate::file::FileId;
use crate::lds::{self, Sod};
use crate::passive_authentication::{Group, PassiveAuthentication, passive_authentication};
use crate::secret::Secret;
use crate::security_info::SecurityInfos;
use crate::trust::TrustStore;
use crate::verdict::Check;
use crate::x509::UnixTime;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;

/// Stored evidence cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// The bytes are not stored evidence.
    #[error("not an evidence object")]
    Malformed(#[source] serde_cbor::Error),
    /// A newer format.
    #[error("evidence version {0} is not known here")]
    Version(u32),
    /// A file entry that is neither content nor digest, or has an unknown name.
    #[error("evidence of file {0} is malformed")]
    File(String),
}

/// How the chip was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRecord {
    /// `PACE-ECDH-GM-AES-CBC-CMAC-128`, `BAC`, …
    pub protocol: String,
    /// The cipher of secure messaging.
    pub cipher: String,
    /// The curve of PACE.
    pub curve: Option<String>,
    /// `MRZ` or `CAN`.
    pub password: String,
    /// Why another way than the preferred one was taken, as a stable code.
    pub fallback: Option<String>,
}

/// A file of the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileEvidence {
    /// As read from the chip.
    Content(Secret),
    /// Length and digest only.
    Digest {
        /// Length in bytes.
        length: usize,
        /// The algorithm.
        hash: HashAlgorithm,
        /// The digest.
        digest: Vec<u8>,
    },
}

/// What came of a proof that the chip is no copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof<T> {
    /// The chip answered.
    Answered(T),
    /// The chip refused or broke the protocol; the text is a stable reason code.
    Refused(String),
    /// It was not asked; the text is a stable reason code.
    NotAsked(String),
}

/// Everything that one read brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// How the chip was opened.
    pub access: AccessRecord,
    /// Files by identifier.
    pub files: BTreeMap<FileId, FileEvidence>,
    /// Files that the chip does not have or does not give: reason code.
    pub not_read: BTreeMap<FileId, String>,
    /// Active authentication.
    pub active_authentication: Proof<ActiveAuthenticationTranscript>,
    /// Chip authentication.
    pub chip_authentication: Proof<ChipAuthenticationTranscript>,
}

/// The checks over an evidence, with what a report wants to name.
#[derive(Debug, Clone, Default)]
pub struct Verification {
    /// All checks.
    pub checks: Vec<Check>,
    /// Passive authentication, whose checks are among `checks`.
    pub passive: PassiveAuthentication,
}

impl Evidence {
    /// The bytes of a file, when they were kept.
    #[must_use]
    pub fn content(&self, file: FileId) -> Option<&[u8]> {
        match self.files.get(&file) {
            Some(FileEvidence::Content(bytes)) => Some(bytes.expose()),
            _ => None,
        }
    }

    /// Repeats every check against trust anchors.
    #[must_use]
    pub fn verify(&self, trust: &TrustStore, at: Option<UnixTime>, now: UnixTime) -> Verification {
        let Some(sod) = self.content(FileId::Sod) else {
            let checks = vec![Check::not_performed("sod_signature", "no_sod")];
            return Verification { checks, passive: PassiveAuthentication::default() };
        };
        let mut groups = BTreeMap::new();
        for (file, evidence) in &self.files {
            if let FileId::Dg(number) = file {
                let group = match evidence {
                    FileEvidence::Content(bytes) => Group::Bytes(bytes.expose()),
                    FileEvidence::Digest { hash, digest, .. } => Group::Digest(*hash, digest),
                };
                groups.insert(*number, group);
            }
        }
        let passive = passive_authentication(sod, &groups, trust, at, now);
        let mut checks = passive.checks.clone();
        // A copy may leave out the groups that would expose it; what the SOD lists, the chip must give.
        checks.extend(self.not_read.iter().filter_map(|(file, reason)| match (file, reason.as_str()) {
            (FileId::Dg(number), "absent" | "denied") => {
                Some(Check::failed(format!("dg_hash.{number}"), "listed_but_not_given").with_detail(reason))
            }
            _ => None,
        }));
        let infos = self.content(FileId::Dg(14)).map(lds::dg14);
        let infos = infos.and_then(Result::ok);
        checks.push(self.check_card_access(infos.as_ref()));
        checks.push(self.check_active(infos.as_ref(), &passive));
        checks.push(self.check_chip(infos.as_ref(), &passive));
        Verification { checks, passive }
    }

    /// EF.CardAccess is unsigned; EF.DG14 must repeat the PACE offer that was used (ICAO 9303-11 §9.2.11).
    fn check_card_access(&self, infos: Option<&SecurityInfos>) -> Check {
        const ID: &str = "card_access";
        let Some(card_access) = self.content(FileId::CardAccess) else {
            return Check::not_performed(ID, "no_card_access");
        };
        let Ok(offered) = SecurityInfos::parse(card_access) else {
            return Check::failed(ID, "card_access_malformed");
        };
        match infos {
            None => Check::not_performed(ID, "no_dg14"),
            Some(infos) if infos.pace.is_empty() => Check::not_performed(ID, "dg14_has_no_pace_info"),
            Some(infos) if offered.pace.iter().all(|info| infos.pace.contains(info)) => Check::passed(ID),
            Some(_) => Check::failed(ID, "card_access_differs_from_dg14"),
        }
    }

    fn check_active(&self, infos: Option<&SecurityInfos>, passive: &PassiveAuthentication) -> Check {
        const ID: &str = "active_authentication";
        let key = self.content(FileId::Dg(15)).map(lds::dg15::parse);
        let hash = infos.and_then(|i| i.active_authentication_hash);
        let detail = key.as_ref().and_then(|k| k.as_ref().ok()).map(|k| k.describe()).unwrap_or_default();
        proof(ID, &self.active_authentication, passive, 15, detail, |transcript| match key {
            Some(key) => key.and_then(|key| transcript.verify(&key, hash)),
            None => Err(CryptoError::Invalid("EF.DG15 (missing)")),
        })
    }

    fn check_chip(&self, infos: Option<&SecurityInfos>, passive: &PassiveAuthentication) -> Check {
        const ID: &str = "chip_authentication";
        let parameters = infos.and_then(ChipAuthenticationParameters::choose);
        let detail = parameters.as_ref().map(ChipAuthenticationParameters::describe).unwrap_or_default();
        proof(ID, &self.chip_authentication, passive, 14, detail, |transcript| match &parameters {
            Some(parameters) => transcript.verify(parameters),
            None => Err(CryptoError::Invalid("EF.DG14 (no usable key)")),
        })
    }

    /// The stored form, without personal data.
    ///
    /// # Panics
    /// Never: the structure has no float and no map key that CBOR cannot hold.
    #[must_use]
    pub fn to_cbor(&self) -> Vec<u8> {
        let hash = self.content(FileId::Sod).and_then(|sod| Sod::parse(sod).ok());
        let hash = hash.map_or(HashAlgorithm::Sha256, |sod| sod.security_object.hash);
        let files = self.files.iter().map(|(file, evidence)| stored_file(*file, evidence, hash)).collect();
        let stored = Stored {
            version: 1,
            access: self.access.clone(),
            files,
            not_read: self.not_read.iter().map(|(file, reason)| (file.to_string(), reason.clone())).collect(),
            active_authentication: self.active_authentication.clone(),
            chip_authentication: self.chip_authentication.clone(),
        };
        serde_cbor::to_vec(&stored).expect("plain data always encodes")
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// When it is malformed or of another version.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let stored: Stored = serde_cbor::from_slice(bytes).map_err(EvidenceError::Malformed)?;
        if stored.version != 1 {
            return Err(EvidenceError::Version(stored.version));
        }
        let mut files = BTreeMap::new();
        for file in stored.files {
            let (id, evidence) = file.read()?;
            files.insert(id, evidence);
        }
        let mut not_read = BTreeMap::new();
        for (name, reason) in stored.not_read {
            not_read.insert(FileId::from_name(&name).ok_or(EvidenceError::File(name))?, reason);
        }
        Ok(Self {
            access: stored.access,
            files,
            not_read,
            active_authentication: stored.active_authentication,
            chip_authentication: stored.chip_authentication,
        })
    }
}

/// An answer counts only under a key whose data group a trusted SOD binds; a wrong answer always counts.
fn proof<T>(
    id: &str,
    proof: &Proof<T>,
    passive: &PassiveAuthentication,
    group: u8,
    detail: String,
    verify: impl FnOnce(&T) -> Result<bool, CryptoError>,
) -> Check {
    let check = match proof {
        Proof::NotAsked(reason) => Check::not_performed(id, reason),
        Proof::Refused(reason) => Check::failed(id, reason),
        Proof::Answered(transcript) => match verify(transcript) {
            Ok(false) => Check::failed(id, "wrong_answer"),
            Ok(true) if passive.trusted && passive.bound.contains(&group) => Check::passed(id),
            Ok(true) => Check::not_performed(id, "key_not_bound_by_trusted_sod"),
            Err(_) => Check::not_performed(id, "unsupported_algorithm"),
        },
    };
    if detail.is_empty() { check } else { check.with_detail(detail) }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    access: AccessRecord,
    files: Vec<StoredFile>,
    not_read: BTreeMap<String, String>,
    active_authentication: Proof<ActiveAuthenticationTranscript>,
    chip_authentication: Proof<ChipAuthenticationTranscript>,
}

#[derive(Serialize, Deserialize)]
struct StoredFile {
    name: String,
    length: usize,
    #[serde(with = "bytes::optional", skip_serializing_if = "Option::is_none", default)]
    content: Option<Vec<u8>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    hash: Option<String>,
    #[serde(with = "bytes::optional", skip_serializing_if = "Option::is_none", default)]
    digest: Option<Vec<u8>>,
}

const HASHES: [HashAlgorithm; 5] =
    [HashAlgorithm::Sha1, HashAlgorithm::Sha224, HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512];

fn stored_file(file: FileId, evidence: &FileEvidence, hash: HashAlgorithm) -> StoredFile {
    let name = file.to_string();
    match evidence {
        // Keys and signatures only; these files hold nothing about the holder.
        FileEvidence::Content(bytes)
            if matches!(file, FileId::Sod | FileId::CardAccess | FileId::Com | FileId::Dg(14 | 15)) =>
        {
            let content = bytes.expose().to_vec();
            StoredFile { name, length: content.len(), content: Some(content), hash: None, digest: None }
        }
        FileEvidence::Content(bytes) => StoredFile {
            name,
            length: bytes.expose().len(),
            content: None,
            hash: Some(hash.name().to_owned()),
            digest: Some(hash.digest(bytes.expose())),
        },
        FileEvidence::Digest { length, hash, digest } => StoredFile {
            name,
            length: *length,
            content: None,
            hash: Some(hash.name().to_owned()),
            digest: Some(digest.clone()),
        },
    }
}

impl StoredFile {
    fn read(self) -> Result<(FileId, FileEvidence), EvidenceError> {
        let id = FileId::from_name(&self.name);
        let hash = HASHES.into_iter().find(|h| Some(h.name()) == self.hash.as_deref());
        match (id, self.content, hash, self.digest) {
            (Some(id), Some(content), _, _) => Ok((id, FileEvidence::Content(Secret::new(content)))),
            (Some(id), None, Some(hash), Some(digest)) => {
                Ok((id, FileEvidence::Digest { length: self.length, hash, digest }))
            }
            _ => Err(EvidenceError::File(self.name)),
        }
    }
}

/// CBOR byte strings for `Vec<u8>` fields.
pub(crate) mod bytes {
    use serde::{Deserializer, Serializer, de};

    struct BytesVisitor;

    impl<'de> de::Visitor<'de> for BytesVisitor {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a byte string")
        }

        fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_bytes(BytesVisitor)
    }

    pub(crate) mod optional {
        use serde::{Deserializer, Serializer};

        #[allow(clippy::ref_option, reason = "the signature is serde's")]
        pub(crate) fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
            match bytes {
                Some(bytes) => serializer.serialize_bytes(bytes),
                None => serializer.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
            super::deserialize(deserializer).map(Some)
        }
    }
}
