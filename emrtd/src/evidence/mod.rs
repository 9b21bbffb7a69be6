//! Evidence of one read: everything from which the checks can be repeated, offline and by somebody else.
//!
//! In memory it holds the files as read. The stored form ([`Evidence::to_cbor`]) leaves personal data out: of
//! EF.DG1, DG2, DG12 and DG13 only length and digest stand in it, under the hash algorithm of the SOD, which is all
//! that passive authentication needs.
//!
//! | file | task |
//! |---|---|
//! | `mod.rs` | what one read brings, and the answers to *issuer* and *chip* over it |
//! | `checks.rs` | the checks that are not passive authentication's: the channel and the proofs of the chip |
//! | `stored.rs` | the stored form |
//! | `bytes.rs` | byte strings in it |

pub(crate) mod bytes;
mod checks;
mod stored;

pub use stored::EvidenceError;

use crate::active_authentication::ActiveAuthenticationTranscript;
use crate::chip_authentication::ChipAuthenticationTranscript;
use crate::crypto::HashAlgorithm;
use crate::document::Document;
use crate::file::FileId;
use crate::lds::{self, LdsSecurityObject, Sod};
use crate::mrz::Mrz;
use crate::pace::ChipAuthenticationData;
use crate::passive_authentication::{Facts, Group, PassiveAuthentication, SodVerification};
use crate::secret::Secret;
use crate::trust::TrustStore;
use crate::verdict::{Check, Outcome};
use crate::x509::UnixTime;
use ::verdict::{Answers, Chip, Issuer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// The chip refused, or the session was lost: `chip_refused:6985`, `session_lost:6988`, a stable reason code with
    /// the status word behind a colon. It accuses nobody.
    Refused(String),
    /// It was not asked; the text is a stable reason code.
    NotAsked(String),
}

/// Everything that one read brought.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
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
    /// What EF.DG1 says of the document, where only its digest was kept: the recorder's word.
    pub document: Option<Document>,
}

impl Evidence {
    /// Of a chip that was opened, and of which nothing was read or asked yet.
    #[must_use]
    pub fn new(access: AccessRecord) -> Self {
        let reason = || "not_wanted".to_owned();
        Self {
            access,
            files: BTreeMap::new(),
            not_read: BTreeMap::new(),
            active_authentication: Proof::NotAsked(reason()),
            chip_authentication: Proof::NotAsked(reason()),
            pace_cam: Proof::NotAsked(reason()),
            terminal_authentication: None,
            document: None,
        }
    }
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

/// When and with what knowledge evidence is judged.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Circumstances {
    /// The time of the judgement.
    pub now: UnixTime,
    /// The time at which validity is judged, where somebody asks for another than the document's own.
    pub at: Option<UnixTime>,
    /// The date of issue that the caller read in a national group, with the group's number. Believed only where the
    /// SOD binds that group, and only where EF.DG12 has none.
    pub issued: Option<(u8, UnixTime)>,
}

impl Circumstances {
    /// Now, and nothing else is known.
    #[must_use]
    pub const fn now(now: UnixTime) -> Self {
        Self { now, at: None, issued: None }
    }

    /// With another time to judge validity at than the document's own.
    #[must_use]
    pub fn with_at(self, at: impl Into<Option<UnixTime>>) -> Self {
        Self { at: at.into(), ..self }
    }

    /// With the date of issue that the caller read in a national group.
    #[must_use]
    pub fn with_issued(self, issued: impl Into<Option<(u8, UnixTime)>>) -> Self {
        Self { issued: issued.into(), ..self }
    }
}

/// The checks over an evidence, with what a report wants to name.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Verification {
    /// All checks.
    pub checks: Vec<Check>,
    /// Passive authentication, whose checks are among `checks`.
    pub passive: PassiveAuthentication,
    /// Who signed. Never better than unchecked while something that the signature covers is not there.
    pub issuer: Issuer,
    /// Is the chip the one that was issued?
    pub chip: Chip,
    /// What the document says that it is.
    pub document: Option<Document>,
    /// Groups that the SOD lists and the read wanted, and that the chip did not give.
    pub missing: Vec<u8>,
}

impl Verification {
    /// The five answers, as far as the chip protocols give them.
    #[must_use]
    pub const fn answers(&self) -> Answers {
        Answers::of_chip(self.issuer, self.chip)
    }

    /// Whether signature and hashes cover what they should: EF.DG1 is there and bound, and nothing was kept back.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.passive.bound.contains(&1)
    }
}

/// What may fail: identifier of the check, without the number of a data group, and reason. Nothing else does; every one
/// of these makes the issuer's answer `refuted` or the chip's `copy`.
pub const MAY_FAIL: &[(&str, &str)] = &[
    ("active_authentication", "wrong_answer"),
    ("chip_authentication", "wrong_answer"),
    ("pace_cam", "wrong_answer"),
    ("seal_signature", "wrong_signature"),
    ("sod_signature", "content_hash_differs"),
    ("sod_signature", "content_type_differs"),
    ("sod_signature", "signed_attribute_repeated"),
    ("sod_signature", "wrong_signature"),
    ("dsc_chain", "dsc_not_signed_by_csca"),
    ("dsc_purpose", "critical_extension_unknown"),
    ("dsc_purpose", "document_type_differs"),
    ("dsc_purpose", "for_barcodes"),
    ("dsc_purpose", "for_certificates"),
    ("dsc_purpose", "for_deviation_lists"),
    ("dsc_purpose", "for_master_lists"),
    ("dsc_purpose", "for_other_purpose"),
    ("dsc_purpose", "not_for_signatures"),
    ("dsc_revocation", "dsc_revoked"),
    ("issuing_state", "state_differs"),
    ("dsc_validity", "dsc_expired"),
    ("dsc_validity", "dsc_not_yet_valid"),
    ("dsc_validity", "csca_expired"),
    ("dsc_validity", "csca_not_yet_valid"),
    ("dg_hash", "hash_differs"),
];

/// Whether a check did not fail, or may.
#[must_use]
pub fn may_stand(check: &Check) -> bool {
    let id = check.id.split('.').next().unwrap_or(&check.id);
    check.outcome != Outcome::Failed || check.reason.as_deref().is_some_and(|reason| MAY_FAIL.contains(&(id, reason)))
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

    /// What EF.DG1 says of the document or, where only its digest was kept, what the recorder says that it said.
    #[must_use]
    pub fn document(&self) -> Option<Document> {
        match self.content(FileId::Dg(1)) {
            Some(_) => self.mrz().map(|mrz| Document::of(&mrz)),
            None => self.document.clone(),
        }
    }

    fn mrz(&self) -> Option<Mrz> {
        self.content(FileId::Dg(1)).and_then(|dg1| lds::dg1::parse(dg1).ok())
    }

    /// Repeats every check against trust anchors.
    #[must_use]
    pub fn verify(&self, trust: &TrustStore, circumstances: &Circumstances) -> Verification {
        self.verify_prepared(trust, None, circumstances)
    }

    /// The same, with what was found out about EF.SOD while the read went on. It is used only if it is about the same
    /// file; trust anchors and times must be the same.
    #[must_use]
    pub fn verify_prepared(
        &self,
        trust: &TrustStore,
        prepared: Option<&SodVerification>,
        circumstances: &Circumstances,
    ) -> Verification {
        let document = self.document();
        let Some(file) = self.content(FileId::Sod) else {
            let checks = vec![Check::not_performed("sod_signature", "no_sod")];
            return Verification { checks, document, ..Verification::default() };
        };
        let object = Sod::parse(file).ok().map(|sod| sod.security_object);
        let groups = self.groups();
        let facts = self.facts(document.clone(), object.as_ref(), circumstances);
        let passive = match prepared.filter(|prepared| prepared.is_of(file)) {
            Some(prepared) => prepared.with_groups(&groups, &facts),
            None => PassiveAuthentication::run(file, &groups, &facts, trust, circumstances.at, circumstances.now),
        };
        let missing = self.missing(object.as_ref());
        let mut checks = passive.checks.clone();
        // A copy may leave out the groups that would expose it: that accuses nobody, and lets nothing pass.
        checks.extend(missing.iter().map(|(number, reason)| {
            Check::not_performed(format!("dg_hash.{number}"), "listed_but_not_given").with_detail(*reason)
        }));
        let chip = self.check_chip(&passive, trust, circumstances, &mut checks);
        let missing = missing.into_iter().map(|(number, _)| number).collect();
        let mut verification = Verification { checks, issuer: passive.issuer, passive, chip, document, missing };
        if verification.issuer != Issuer::Refuted && !verification.is_complete() {
            verification.issuer = Issuer::Unchecked;
        }
        verification
    }

    fn groups(&self) -> BTreeMap<u8, Group<'_>> {
        self.files
            .iter()
            .filter_map(|(file, evidence)| match (file, evidence) {
                (FileId::Dg(number), FileEvidence::Content(bytes)) => Some((*number, Group::Bytes(bytes.expose()))),
                (FileId::Dg(number), FileEvidence::Digest { hash, digest, .. }) => {
                    Some((*number, Group::Digest(*hash, digest)))
                }
                _ => None,
            })
            .collect()
    }

    /// Groups that the SOD lists and the chip did not give, with the reason. Without a SOD that can be read nobody
    /// knows what it lists.
    fn missing(&self, object: Option<&LdsSecurityObject>) -> Vec<(u8, &str)> {
        let Some(object) = object else { return Vec::new() };
        // What the terminal itself left out, for want of rights; whatever else is the reason, the chip did not give it.
        let own = |reason: &str| {
            matches!(reason, "no_chip_authentication" | "no_terminal_authentication" | "terminal_authentication_failed")
                || reason == "not_authorised"
        };
        self.not_read
            .iter()
            .filter_map(|(file, reason)| match file {
                FileId::Dg(number) if object.data_groups.contains_key(number) && !own(reason) => {
                    Some((*number, reason.as_str()))
                }
                _ => None,
            })
            .collect()
    }

    /// What else is known of the document; dates only from groups that the SOD binds.
    fn facts(
        &self,
        document: Option<Document>,
        object: Option<&LdsSecurityObject>,
        circumstances: &Circumstances,
    ) -> Facts {
        let binds = |number: u8| object.is_some_and(|object| self.is_bound(number, object));
        let dg12 = self.content(FileId::Dg(12)).and_then(|file| lds::Dg12::parse(file).ok());
        let stated = dg12.and_then(|dg12| dg12.issued()).map(|issued| (12, issued));
        let issued = [stated, circumstances.issued].into_iter().flatten().find(|(number, _)| binds(*number));
        let expires = self.mrz().filter(|_| binds(1)).and_then(|mrz| expiry(&mrz));
        Facts { document: document.filter(|_| binds(1)), issued, expires }
    }

    fn is_bound(&self, number: u8, object: &LdsSecurityObject) -> bool {
        let digest = match self.files.get(&FileId::Dg(number)) {
            Some(FileEvidence::Content(bytes)) => object.hash.digest(bytes.expose()),
            Some(FileEvidence::Digest { hash, digest, .. }) if *hash == object.hash => digest.clone(),
            _ => return false,
        };
        object.data_groups.get(&number) == Some(&digest)
    }
}

/// The date of expiry of the MRZ; nothing where it has fillers. Documents with a chip expire in this century.
fn expiry(mrz: &Mrz) -> Option<UnixTime> {
    let number = |range: std::ops::Range<usize>| mrz.expiry.get(range)?.parse::<u8>().ok();
    UnixTime::from_date(2000 + i32::from(number(0..2)?), number(2..4)?, number(4..6)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A date counts only from a group that the SOD binds, and EF.DG12 before what the caller read.
    #[test]
    fn dates_of_groups_that_nobody_signed_are_not_believed() {
        let stored = include_bytes!("../../vectors/evidence-v1/genuine.cbor");
        let mut evidence = Evidence::from_cbor(stored).expect("evidence");
        let time = UnixTime::from_date(2022, 1, 16).expect("date");
        let object = Sod::parse(evidence.content(FileId::Sod).expect("SOD")).expect("SOD").security_object;
        let issued = |evidence: &Evidence, group| {
            let circumstances = Circumstances { issued: Some((group, time)), ..Circumstances::now(time) };
            evidence.facts(None, Some(&object), &circumstances).issued
        };
        assert_eq!(issued(&evidence, 13), Some((13, time)));
        assert_eq!(issued(&evidence, 12), None, "there is none");
        let content = |bytes: &[u8]| FileEvidence::Content(bytes.into());
        evidence.files.insert(FileId::Dg(13), content(b"another EF.DG13"));
        assert_eq!(issued(&evidence, 13), None, "another file");
        // An EF.DG12 that the SOD does not list, and one that it does.
        let dg12 = crate::tlv::encode(0x6C, &crate::tlv::encode(0x5F26, b"20210415"));
        evidence.files.insert(FileId::Dg(12), content(&dg12));
        assert_eq!(issued(&evidence, 12), None);
        let mut object = object.clone();
        object.data_groups.insert(12, object.hash.digest(&dg12));
        let circumstances = Circumstances::now(time);
        let stated = UnixTime::from_date(2021, 4, 15).map(|date| (12, date));
        assert_eq!(evidence.facts(None, Some(&object), &circumstances).issued, stated);
        assert_eq!(evidence.facts(None, None, &circumstances).issued, None, "without a SOD");
    }

    #[test]
    fn a_document_counts_only_where_the_sod_binds_its_zone() {
        let mrz = "IDVNM0990000176001099000017<<79901155M3901153VNM<<<<<<<<<<<8NGUYEN<<VAN<A<<<<<<<<<<<<<<<<<";
        let dg1 = crate::tlv::encode(0x61, &crate::tlv::encode(0x5F1F, mrz.as_bytes()));
        let stored = include_bytes!("../../vectors/evidence-v1/genuine.cbor");
        let mut evidence = Evidence::from_cbor(stored).expect("evidence");
        let mut object = Sod::parse(evidence.content(FileId::Sod).expect("SOD")).expect("SOD").security_object;
        evidence.files.insert(FileId::Dg(1), FileEvidence::Content(dg1.as_slice().into()));
        let circumstances = Circumstances::now(UnixTime(0));
        let facts = evidence.facts(evidence.document(), Some(&object), &circumstances);
        assert_eq!((facts.document, facts.expires), (None, None));
        object.data_groups.insert(1, object.hash.digest(&dg1));
        let facts = evidence.facts(evidence.document(), Some(&object), &circumstances);
        assert_eq!(facts.document, evidence.document());
        assert_eq!(facts.expires, UnixTime::from_date(2039, 1, 15));
    }
}
