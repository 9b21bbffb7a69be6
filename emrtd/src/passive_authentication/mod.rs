//! Passive authentication (ICAO 9303-11 §5.1, 9303-12 §5): who signed a document, each question its own check, see
//! [`PassiveAuthentication`].
//!
//! | file | content |
//! |---|---|
//! | `mod.rs` | the order of things, hashes, the answer |
//! | `signer.rs` | signature, purpose and strength of the document signer |
//! | `signed.rs` | the same questions of something else that such a signer signed: a seal |
//! | `issuer.rs` | chain, revocation, validity, state and scope |

mod issuer;
mod signed;
mod signer;

pub(crate) use signed::Signed;
pub(crate) use signer::unusable;

use crate::cms::{CmsError, Deviation, Severity, SignedData};
use crate::crypto::{CryptoError, HashAlgorithm, equal};
use crate::deviation_list::{DeviationKind, KnownDeviation};
use crate::document::Document;
use crate::error::describe;
use crate::lds::{LdsSecurityObject, Sod};
use crate::trust::{Entry, Pin, TrustStore};
use crate::verdict::{Check, Outcome};
use crate::x509::{Certificate, Purpose, UnixTime};
use ::verdict::Issuer;
use std::collections::BTreeMap;

/// A data group to be compared with the SOD.
#[derive(Debug, Clone, Copy)]
pub enum Group<'a> {
    /// The file as read.
    Bytes(&'a [u8]),
    /// Only its digest was kept.
    Digest(HashAlgorithm, &'a [u8]),
}

/// What else is known when a document is judged. All of it is believed only where the SOD binds it.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Facts {
    /// The document, from EF.DG1.
    pub document: Option<Document>,
    /// The date of issue that a signed data group states, with the group's number: EF.DG12 or a national one.
    pub issued: Option<(u8, UnixTime)>,
    /// The date of expiry that EF.DG1 states.
    pub expires: Option<UnixTime>,
}

impl Facts {
    /// The document, and nothing else.
    #[must_use]
    pub fn of(document: impl Into<Option<Document>>) -> Self {
        Self { document: document.into(), ..Self::default() }
    }

    /// With the date of issue and the number of the group that states it.
    #[must_use]
    pub fn with_issued(self, issued: impl Into<Option<(u8, UnixTime)>>) -> Self {
        Self { issued: issued.into(), ..self }
    }

    /// With the date of expiry.
    #[must_use]
    pub fn with_expires(self, expires: impl Into<Option<UnixTime>>) -> Self {
        Self { expires: expires.into(), ..self }
    }

    /// What of it these groups bear out.
    fn bound_by(&self, groups: &[u8]) -> Self {
        let dg1 = groups.contains(&1);
        Self {
            document: self.document.clone().filter(|_| dg1),
            issued: self.issued.filter(|(group, _)| groups.contains(group)),
            expires: self.expires.filter(|_| dg1),
        }
    }
}

/// What passive authentication found (ICAO 9303-11 §5.1, 9303-12 §5): each question is its own check.
///
/// | check | question | failed | not performed |
/// |---|---|---|---|
/// | `sod_signature` | is the signature right? | wrong signature, hash or attributes | malformed, unsupported, broken algorithm |
/// | `dsc_chain` | does an anchor here stand behind the signer? | the named key did not sign | nobody known, or nobody who stands |
/// | `dsc_revocation` | has the issuer withdrawn the signer? | revoked | no list, or none that decides |
/// | `dsc_validity` | were the certificates valid then? | not at the signing time | no signing time, and valid at no certain moment |
/// | `dsc_purpose` | may the signer sign such documents? | its certificate says no | odd extensions |
/// | `issuing_state` | is it the state of the MRZ? | another state | no EF.DG1 that is bound, state not known |
/// | `anchor_scope` | does the anchor vouch for this kind? | | out of scope |
/// | `dg_hash.N` | is group N what was signed? | another hash | not listed, not comparable |
///
/// Failed is what proves that something is wrong. What is missing, unreadable or odd accuses nobody, and lets nothing
/// pass.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct PassiveAuthentication {
    /// Those of the checks above that came into question.
    pub checks: Vec<Check>,
    /// The document signer's certificate.
    pub document_signer: Option<Certificate>,
    /// The name of the CSCA that ends the chain, with the file it was found in.
    pub anchor: Option<(String, String)>,
    /// The time that validity was judged at.
    pub judged_at: Option<UnixTime>,
    /// Accepted departures from the profile.
    pub deviations: Vec<Deviation>,
    /// Whether one of them weakens the protection.
    pub weak: bool,
    /// What the issuer's deviation list says of such documents.
    pub known_deviations: Vec<String>,
    /// Whether the issuer has declared the keys of active authentication compromised.
    pub active_key_compromised: bool,
    /// Whether the signature is right and nothing refutes it: keys that it binds prove something, whoever signed.
    pub signed: bool,
    /// Whether the issuer is vouched for or pinned.
    pub trusted: bool,
    /// Who signed.
    pub issuer: Issuer,
    /// Groups that the SOD lists.
    pub listed: Vec<u8>,
    /// Groups whose hash passed.
    pub bound: Vec<u8>,
    /// What was known beforehand and is borne out by those.
    pub facts: Facts,
}

/// What leads to trust in the signer.
#[derive(Debug, Clone)]
enum Path {
    /// Document signer's issuer first, anchor last.
    Chain(Vec<Entry>),
    Pin(Pin),
}

/// What the first part leaves to the second.
#[derive(Debug, Clone)]
struct Judged {
    path: Option<Path>,
    /// The signing time, if it can be believed.
    signing_time: Option<UnixTime>,
    at: Option<UnixTime>,
    now: UnixTime,
    /// What the signer must be for.
    purpose: Purpose,
}

impl Judged {
    fn entries(&self) -> &[Entry] {
        match &self.path {
            Some(Path::Chain(entries)) => entries,
            _ => &[],
        }
    }
}

/// The part of passive authentication that needs EF.SOD alone: it can be done while the portrait is still on the air.
#[derive(Debug, Clone)]
pub struct SodVerification {
    file: Vec<u8>,
    object: Option<LdsSecurityObject>,
    known_deviations: Vec<KnownDeviation>,
    result: PassiveAuthentication,
    judged: Judged,
}

impl SodVerification {
    /// Checks signature, chain, revocation and purpose.
    #[must_use]
    pub fn new(file: &[u8], trust: &TrustStore, at: Option<UnixTime>, now: UnixTime) -> Self {
        let sod = match Sod::parse(file) {
            Ok(sod) => sod,
            Err(error) => return Self::unreadable(file, &error, at, now),
        };
        let mut result =
            PassiveAuthentication { deviations: sod.deviations.clone(), ..PassiveAuthentication::default() };
        let judged = result.judge(&sod.signed_data, trust, at, now);
        // Where the signature fails, the certificate that the signer identifier names is the one declared about.
        let named = sod.signed_data.certificates.iter().find(|c| sod.signed_data.is_signer(c));
        let signer = result.document_signer.as_ref().or(named);
        let known_deviations = signer.map_or_else(Vec::new, |s| trust.known_deviations(s, judged.signing_time, now));
        result.listed = sod.security_object.data_groups.keys().copied().collect();
        Self { file: file.to_vec(), object: Some(sod.security_object), known_deviations, result, judged }
    }

    /// A file that cannot be read binds nothing, and proves nothing either.
    fn unreadable(file: &[u8], error: &CmsError, at: Option<UnixTime>, now: UnixTime) -> Self {
        let mut result = PassiveAuthentication::default();
        let reason = match error {
            CmsError::Crypto(CryptoError::Broken(_)) => {
                result.deviations.push(Deviation::AlgorithmBroken);
                "algorithm_broken"
            }
            CmsError::Crypto(CryptoError::Unsupported { .. }) => "unsupported_algorithm",
            _ => "sod_malformed",
        };
        result.checks.push(Check::not_performed("sod_signature", reason).with_detail(describe(error)));
        let judged = Judged { path: None, signing_time: None, at, now, purpose: Purpose::Documents };
        Self { file: file.to_vec(), object: None, known_deviations: Vec::new(), result, judged }
    }

    /// Whether this is about the same file.
    #[must_use]
    pub fn is_of(&self, file: &[u8]) -> bool {
        self.file == file
    }

    /// Adds the comparison of the data groups, and with it everything that depends on what they say.
    #[must_use]
    pub fn with_groups(&self, groups: &BTreeMap<u8, Group<'_>>, facts: &Facts) -> PassiveAuthentication {
        let mut result = self.result.clone();
        let mut hashes = self.object.as_ref().map(|object| result.hashes(object, groups)).unwrap_or_default();
        result.conclude(&self.judged, facts.bound_by(&result.bound));
        result.checks.append(&mut hashes);
        result.apply(&self.known_deviations);
        result.answer(&self.judged);
        result
    }
}

/// Judges signed data of the document signer that are not EF.SOD, such as EF.CardSecurity, as one check: by the same
/// rules, for the document that `passive` found to be bound.
#[must_use]
pub fn judge_signed(
    id: &str,
    data: &SignedData,
    passive: &PassiveAuthentication,
    trust: &TrustStore,
    at: Option<UnixTime>,
    now: UnixTime,
) -> Check {
    let mut result = PassiveAuthentication::default();
    let judged = result.judge(data, trust, at, now);
    result.conclude(&judged, passive.facts.clone());
    let signer = result.document_signer.as_ref().map(Certificate::subject_name).unwrap_or_default();
    let of = |outcome| result.checks.iter().find(|c| c.outcome == outcome && c.id != "dsc_revocation");
    let failed = result.checks.iter().find(|c| c.outcome == Outcome::Failed);
    let check = match failed.or_else(|| of(Outcome::NotPerformed)) {
        Some(check) => Check { id: id.to_owned(), detail: None, ..check.clone() },
        None if result.vouched(&judged).is_some() => Check::passed(id),
        None => Check::not_performed(id, "no_anchor"),
    };
    if signer.is_empty() { check } else { check.with_detail(signer) }
}

impl PassiveAuthentication {
    /// Runs passive authentication.
    ///
    /// Validity is judged at the signing time that the SOD states, as ICAO 9303-12 §5 wants; `at` overrides it. Where the
    /// SOD states none, it is judged at the date of issue, and at the latest moment at which the document can have been
    /// in use: `now`, or the day on which it expired.
    #[must_use]
    pub fn run(
        sod: &[u8],
        groups: &BTreeMap<u8, Group<'_>>,
        facts: &Facts,
        trust: &TrustStore,
        at: Option<UnixTime>,
        now: UnixTime,
    ) -> Self {
        SodVerification::new(sod, trust, at, now).with_groups(groups, facts)
    }

    /// What the signed data alone tell.
    fn judge(&mut self, data: &SignedData, trust: &TrustStore, at: Option<UnixTime>, now: UnixTime) -> Judged {
        self.signature(data, trust);
        let signing_time = data.signing_time.filter(|time| *time <= now);
        if signing_time.is_none() && data.signing_time.is_some() {
            self.deviations.push(Deviation::SigningTimeFuture);
        }
        let path = self.chain(trust);
        let judged = Judged { path, signing_time, at, now, purpose: Purpose::Documents };
        self.revocation(trust, &judged);
        self.strength(&judged);
        judged
    }

    /// What depends on the document.
    fn conclude(&mut self, judged: &Judged, facts: Facts) {
        self.facts = facts;
        if let Some(signer) = self.document_signer.clone() {
            self.validity(&signer, judged);
            self.purpose(&signer, judged.purpose);
            self.state(&signer, judged);
            self.scope(judged);
        }
    }

    fn passed(&self, id: &str) -> bool {
        self.checks.iter().any(|c| c.id == id && c.outcome == Outcome::Passed)
    }

    /// Whose word stands behind the signer, if everything about it passed.
    fn vouched(&self, judged: &Judged) -> Option<Issuer> {
        let signature = if judged.purpose == Purpose::Documents { "sod_signature" } else { "seal_signature" };
        let asked = [signature, "dsc_chain", "dsc_validity", "dsc_purpose", "issuing_state", "anchor_scope"];
        match &judged.path {
            _ if !asked.into_iter().all(|id| self.passed(id)) => None,
            Some(Path::Chain(_)) => Some(Issuer::Vouched),
            Some(Path::Pin(_)) => Some(Issuer::Pinned),
            None => None,
        }
    }

    fn answer(&mut self, judged: &Judged) {
        let unchecked = |check: &Check| {
            check.outcome == Outcome::NotPerformed && (check.id == "sod_signature" || check.id.starts_with("dg_hash."))
        };
        self.issuer = if self.checks.iter().any(|c| c.outcome == Outcome::Failed) {
            Issuer::Refuted
        } else if !self.passed("sod_signature") || self.checks.iter().any(unchecked) || !self.bound.contains(&1) {
            Issuer::Unchecked
        } else {
            self.vouched(judged).unwrap_or(Issuer::Unknown)
        };
        self.signed = self.passed("sod_signature") && self.issuer != Issuer::Refuted;
        self.trusted = matches!(self.issuer, Issuer::Vouched | Issuer::Pinned);
        self.weak = self.deviations.iter().any(|deviation| deviation.severity() != Severity::Form);
    }

    /// What the issuer has declared about its own documents: a failure that it explains is no proof of forgery, and a
    /// key that it calls compromised proves nothing. Nothing passes for it.
    fn apply(&mut self, known: &[KnownDeviation]) {
        for deviation in known {
            let explained = |check: &Check| match deviation.kind {
                DeviationKind::DataGroupHash | DeviationKind::DataGroupMalformed => {
                    check.id.starts_with("dg_hash.") && deviation.concerns(&check.id)
                }
                DeviationKind::SodSignature => check.id == "sod_signature",
                DeviationKind::ActiveAuthenticationKey | DeviationKind::Other => false,
            };
            for check in self.checks.iter_mut().filter(|c| c.outcome == Outcome::Failed && explained(c)) {
                *check = Check::not_performed(check.id.clone(), "issuer_declared_deviation")
                    .with_detail(deviation.to_string());
            }
            self.active_key_compromised |= deviation.kind == DeviationKind::ActiveAuthenticationKey;
            self.known_deviations.push(deviation.to_string());
        }
    }

    fn hashes(&mut self, object: &LdsSecurityObject, groups: &BTreeMap<u8, Group<'_>>) -> Vec<Check> {
        let mut checks = Vec::new();
        for (number, group) in groups {
            let id = format!("dg_hash.{number}");
            let digest = match group {
                Group::Bytes(bytes) => Some(object.hash.digest(bytes)),
                Group::Digest(hash, digest) => (*hash == object.hash).then(|| digest.to_vec()),
            };
            checks.push(match (object.data_groups.get(number), digest) {
                (Some(expected), Some(digest)) if equal(expected, &digest) => {
                    self.bound.push(*number);
                    Check::passed(id).with_detail(object.hash.name())
                }
                (Some(_), Some(_)) => Check::failed(id, "hash_differs"),
                // The issuer said nothing about it.
                (None, _) => Check::not_performed(id, "not_in_sod"),
                (Some(_), None) => Check::not_performed(id, "other_hash_algorithm"),
            });
        }
        checks
    }
}
