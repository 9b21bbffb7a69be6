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
//! | `active_authentication`, `chip_authentication`, `pace_cam` | `{result: …}`: transcript, refusal or absence |
//! | `terminal_authentication` | how it went, whom the card let read what; absent when it was not tried |
//!
//! New keys may be added; a reader ignores those it does not know. A change of meaning raises `version`.

use crate::active_authentication::ActiveAuthenticationTranscript;
use crate::chip_authentication::{ChipAuthenticationParameters, ChipAuthenticationTranscript};
use crate::crypto::{AgreementKey, CryptoError, HashAlgorithm, NamedGroup};
use crate::error::describe;
use crate::file::FileId;
use crate::lds::{self, Sod};
use crate::pace::ChipAuthenticationData;
use crate::passive_authentication::{
    Facts, Group, PassiveAuthentication, SodVerification, judge_signed, passive_authentication,
};
use crate::secret::Secret;
use crate::security_info::SecurityInfos;
use crate::trust::TrustStore;
use crate::verdict::{Check, Outcome};
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
    /// What the chip showed in PACE with chip-authentication mapping.
    pub pace_cam: Proof<ChipAuthenticationData>,
    /// Terminal authentication, if it was tried.
    pub terminal_authentication: Option<TerminalRecord>,
}

/// How terminal authentication went. It says nothing about the card, but whom the card let read what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalRecord {
    /// `granted`, or why not.
    pub result: String,
    /// The inspection system's holder reference.
    pub holder: String,
    /// Whether fingerprints were opened.
    pub fingerprints: bool,
    /// Whether irises were opened.
    pub irises: bool,
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
        self.verify_prepared(trust, None, at, now)
    }

    /// The same, with what was found out about EF.SOD while the read went on. It is used only if it is about the same
    /// file; trust anchors and times must be the same.
    #[must_use]
    pub fn verify_prepared(
        &self,
        trust: &TrustStore,
        prepared: Option<&SodVerification>,
        at: Option<UnixTime>,
        now: UnixTime,
    ) -> Verification {
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
        let facts = Facts::default();
        let passive = match prepared.filter(|prepared| prepared.is_of(sod)) {
            Some(prepared) => prepared.with_groups(&groups, &facts),
            None => passive_authentication(sod, &groups, &facts, trust, at, now),
        };
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
        if self.pace_cam != Proof::NotAsked("not_offered".to_owned()) {
            checks.extend(self.check_cam(infos.as_ref(), &passive, trust, at, now));
        }
        Verification { checks, passive }
    }

    /// EF.CardAccess is unsigned, and may have been assumed where the chip did not give it; EF.DG14 must repeat the
    /// PACE offer that was used (ICAO 9303-11 §9.2.11).
    fn check_card_access(&self, infos: Option<&SecurityInfos>) -> Check {
        const ID: &str = "card_access";
        let Some(infos) = infos else {
            return Check::not_performed(ID, "no_dg14");
        };
        if infos.pace.is_empty() {
            return Check::not_performed(ID, "dg14_has_no_pace_info");
        }
        let verdict = |same| if same { Check::passed(ID) } else { Check::failed(ID, "card_access_differs_from_dg14") };
        match self.content(FileId::CardAccess).map(SecurityInfos::parse) {
            Some(Ok(offered)) => verdict(offered.pace.iter().all(|info| infos.pace.contains(info))),
            Some(Err(_)) => Check::failed(ID, "card_access_malformed"),
            None if self.access.protocol == "BAC" => Check::not_performed(ID, "no_card_access"),
            None => verdict(infos.pace.iter().any(|info| {
                info.name() == self.access.protocol
                    && info.group().map(NamedGroup::name) == self.access.curve.as_deref()
            })),
        }
    }

    /// PACE-CAM: EF.CardSecurity must bear the issuer's signature, its key be one of EF.DG14's, and the chip hold it.
    fn check_cam(
        &self,
        infos: Option<&SecurityInfos>,
        passive: &PassiveAuthentication,
        trust: &TrustStore,
        at: Option<UnixTime>,
        now: UnixTime,
    ) -> [Check; 2] {
        const FILE: &str = "card_security";
        const PROOF: &str = "pace_cam";
        let reason = match &self.pace_cam {
            Proof::NotAsked(reason) | Proof::Refused(reason) => reason.clone(),
            Proof::Answered(_) => "no_card_security".to_owned(),
        };
        let (data, security) = match (&self.pace_cam, self.content(FileId::CardSecurity)) {
            (Proof::Answered(data), Some(file)) => (data, lds::CardSecurity::parse(file)),
            _ => return [Check::not_performed(FILE, "no_card_security"), Check::not_performed(PROOF, &reason)],
        };
        let security = match security {
            Ok(security) => security,
            Err(error) => {
                let malformed = Check::failed(FILE, "card_security_malformed").with_detail(describe(&error));
                return [malformed, Check::not_performed(PROOF, "no_card_security")];
            }
        };
        let mut file = judge_signed(FILE, &security.signed_data, passive, trust, at, now);
        let repeated = infos.is_none_or(|infos| {
            security.keys().all(|key| infos.chip_authentication_keys.iter().any(|e| e.key.as_ref() == Ok(key)))
        });
        if !repeated && file.outcome != Outcome::Failed {
            file = Check::failed(FILE, "card_security_differs_from_dg14");
        }
        let proof = match (security.proves(data), file.outcome) {
            (false, _) => Check::failed(PROOF, "wrong_answer"),
            (true, Outcome::Passed) => Check::passed(PROOF),
            (true, _) => Check::not_performed(PROOF, "key_not_bound_by_trusted_card_security"),
        };
        [file, proof.with_detail(security.keys().map(AgreementKey::describe).collect::<Vec<_>>().join(", "))]
    }

    fn check_active(&self, infos: Option<&SecurityInfos>, passive: &PassiveAuthentication) -> Check {
        const ID: &str = "active_authentication";
        let key = self.content(FileId::Dg(15)).map(lds::dg15::parse);
        let hash = infos.and_then(|i| i.active_authentication_hash);
        let detail = key.as_ref().and_then(|k| k.as_ref().ok()).map(|k| k.describe()).unwrap_or_default();
        if passive.active_key_compromised {
            return Check::not_performed(ID, "issuer_declared_compromised").with_detail(detail);
        }
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

    /// The stored form without personal data: of files about the holder it has length and digest.
    ///
    /// # Panics
    /// Never: the structure has no float and no map key that CBOR cannot hold.
    #[must_use]
    pub fn to_cbor(&self) -> Vec<u8> {
        self.stored(false).expose().to_vec()
    }

    /// The stored form with every file whole. It is personal data: it must not reach a disk unencrypted.
    #[must_use]
    pub fn to_cbor_whole(&self) -> Secret {
        self.stored(true)
    }

    fn stored(&self, whole: bool) -> Secret {
        let hash = self.content(FileId::Sod).and_then(|sod| Sod::parse(sod).ok());
        let hash = hash.map_or(HashAlgorithm::Sha256, |sod| sod.security_object.hash);
        let files = self.files.iter().map(|(file, evidence)| stored_file(*file, evidence, hash, whole)).collect();
        let stored = Stored {
            version: 1,
            access: self.access.clone(),
            files,
            not_read: self.not_read.iter().map(|(file, reason)| (file.to_string(), reason.clone())).collect(),
            active_authentication: self.active_authentication.clone(),
            chip_authentication: self.kept_transcript(),
            pace_cam: self.pace_cam.clone(),
            terminal_authentication: self.terminal_authentication.clone(),
        };
        // Room for everything: a buffer that grows leaves copies of personal data behind.
        let contents = self.files.keys().filter_map(|file| self.content(*file)).map(<[u8]>::len).sum::<usize>();
        let mut out = Vec::with_capacity(contents + 16 * 1024);
        serde_cbor::to_writer(&mut out, &stored).expect("plain data always encodes");
        Secret::new(out)
    }

    /// The transcript holds the key to everything that the session carried after it. Where that was biometric data,
    /// the transcript stays out of the stored form.
    fn kept_transcript(&self) -> Proof<ChipAuthenticationTranscript> {
        if [3, 4].iter().any(|n| self.files.contains_key(&FileId::Dg(*n))) {
            return Proof::NotAsked("withheld_biometrics_read".to_owned());
        }
        self.chip_authentication.clone()
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
            pace_cam: stored.pace_cam,
            terminal_authentication: stored.terminal_authentication,
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
    #[serde(default = "not_offered")]
    pace_cam: Proof<ChipAuthenticationData>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    terminal_authentication: Option<TerminalRecord>,
}

fn not_offered() -> Proof<ChipAuthenticationData> {
    Proof::NotAsked("not_offered".to_owned())
}

#[derive(Serialize, Deserialize)]
struct StoredFile {
    name: String,
    length: usize,
    #[serde(with = "bytes::secret", skip_serializing_if = "Option::is_none", default)]
    content: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    hash: Option<String>,
    #[serde(with = "bytes::optional", skip_serializing_if = "Option::is_none", default)]
    digest: Option<Vec<u8>>,
}

fn stored_file(file: FileId, evidence: &FileEvidence, hash: HashAlgorithm, whole: bool) -> StoredFile {
    let name = file.to_string();
    match evidence {
        FileEvidence::Content(bytes) if whole || !is_about_holder(file) => {
            let length = bytes.expose().len();
            StoredFile { name, length, content: Some(bytes.clone()), hash: None, digest: None }
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

/// Keys, signatures and lists of files are not; every other file is.
const fn is_about_holder(file: FileId) -> bool {
    !matches!(file, FileId::Sod | FileId::CardAccess | FileId::CardSecurity | FileId::Com | FileId::Dg(14 | 15))
}

impl StoredFile {
    fn read(self) -> Result<(FileId, FileEvidence), EvidenceError> {
        let id = FileId::from_name(&self.name);
        let hash = self.hash.as_deref().and_then(HashAlgorithm::from_name);
        match (id, self.content, hash, self.digest) {
            (Some(id), Some(content), _, _) => Ok((id, FileEvidence::Content(content))),
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

    /// Bytes that are wiped.
    pub(crate) mod secret {
        use crate::secret::Secret;
        use serde::{Deserializer, Serializer};

        #[allow(clippy::ref_option, reason = "the signature is serde's")]
        pub(crate) fn serialize<S: Serializer>(bytes: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
            match bytes {
                Some(bytes) => serializer.serialize_bytes(bytes.expose()),
                None => serializer.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
            super::deserialize(deserializer).map(|bytes| Some(Secret::new(bytes)))
        }
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
