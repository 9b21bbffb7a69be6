//! The stored form of evidence.
//!
//! # Version 2
//! A CBOR map (RFC 8949) with text keys:
//!
//! | key | content |
//! |---|---|
//! | `version` | 2 |
//! | `access` | protocol, cipher, curve, password kind, fallback |
//! | `files` | array of `{name, length, content}` or `{name, length, hash, digest}` |
//! | `not_read` | map of file name to reason: `absent`, `denied`, `not_in_sod`, `not_reached`, … |
//! | `active_authentication`, `chip_authentication`, `pace_cam` | `{result: …}`: transcript, refusal or absence |
//! | `terminal_authentication` | how it went, whom the card let read what; absent when it was not tried |
//! | `document` | `{code, issuer, kind}` of EF.DG1; absent when it had none that could be read |
//!
//! New keys may be added; a reader ignores those it does not know. A change of meaning raises `version`.
//!
//! Version 1 has no `document`, and in it a chip that could not answer under the keys of chip authentication stands as
//! a refusal. It is still read: what such a refusal accused of then accuses nobody now.
//!
//! # What an auditor takes on the recorder's word
//! Signature, hashes, chain and the chip's proofs are repeated from what is stored. Without EF.DG1 itself, `document`
//! is the recorder's word: its hash is checked, but not that it says so. The same holds for `not_read`, for `access`
//! where EF.CardAccess was not given, and for the time of the read; the date of issue in EF.DG12 and the date of
//! expiry are not stored at all, so where EF.SOD has no signing time the judgement needs the former as an argument.

use super::{AccessRecord, Evidence, FileEvidence, Proof, TerminalRecord, bytes};
use crate::active_authentication::ActiveAuthenticationTranscript;
use crate::chip_authentication::ChipAuthenticationTranscript;
use crate::crypto::HashAlgorithm;
use crate::document::{Document, DocumentKind};
use crate::file::FileId;
use crate::lds::Sod;
use crate::pace::ChipAuthenticationData;
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;

/// The version that is written.
const VERSION: u32 = 2;

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
    /// A kind of document that is not known here.
    #[error("evidence of a document of kind {0}, which is not known here")]
    Kind(String),
}

impl Evidence {
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
            version: VERSION,
            access: self.access.clone(),
            files,
            not_read: self.not_read.iter().map(|(file, reason)| (file.to_string(), reason.clone())).collect(),
            active_authentication: self.active_authentication.clone(),
            chip_authentication: self.kept_transcript(),
            pace_cam: self.pace_cam.clone(),
            terminal_authentication: self.terminal_authentication.clone(),
            document: self.document().map(StoredDocument::from),
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
        if !(1..=VERSION).contains(&stored.version) {
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
            document: stored.document.map(StoredDocument::read).transpose()?,
        })
    }
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
    #[serde(skip_serializing_if = "Option::is_none", default)]
    document: Option<StoredDocument>,
}

/// What EF.DG1 says of the document; nothing of the holder.
#[derive(Serialize, Deserialize)]
struct StoredDocument {
    code: String,
    issuer: String,
    kind: String,
}

impl From<Document> for StoredDocument {
    fn from(Document { kind, issuer, code }: Document) -> Self {
        Self { code, issuer, kind: kind.code().to_owned() }
    }
}

impl StoredDocument {
    fn read(self) -> Result<Document, EvidenceError> {
        let Self { code, issuer, kind } = self;
        let kind = DocumentKind::find(&kind).ok_or(EvidenceError::Kind(kind))?;
        Ok(Document { kind, issuer, code })
    }
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
