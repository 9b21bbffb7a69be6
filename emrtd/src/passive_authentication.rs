//! Passive authentication (ICAO 9303-11 §5.1): hashes, signature, chain and validity, each its own check.

use crate::cms::{CmsError, Deviation, SignatureFault, SignedData};
use crate::crypto::{HashAlgorithm, equal};
use crate::deviation_list::{DeviationKind, KnownDeviation};
use crate::document::Document;
use crate::error::describe;
use crate::lds::{LdsSecurityObject, Sod};
use crate::trust::{Chain, Entry, TrustStore, Validity, validity};
use crate::verdict::{Check, Outcome};
use crate::x509::{Certificate, UnixTime};
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
pub struct Facts {
    /// The document, from EF.DG1.
    pub document: Option<Document>,
    /// The date of issue that a signed data group states, with the group's number: EF.DG12 or a national one.
    pub issued: Option<(u8, UnixTime)>,
    /// The date of expiry that EF.DG1 states.
    pub expires: Option<UnixTime>,
}

/// What passive authentication found.
#[derive(Debug, Clone, Default)]
pub struct PassiveAuthentication {
    /// `sod_signature`, `dsc_chain`, `dsc_revocation`, `dsc_validity` and one `dg_hash.N` per group.
    pub checks: Vec<Check>,
    /// The document signer's certificate.
    pub document_signer: Option<Certificate>,
    /// The name of the CSCA that ends the chain, with the file it was found in.
    pub anchor: Option<(String, String)>,
    /// The signing time that the SOD states, and the time that validity was judged at.
    pub judged_at: Option<UnixTime>,
    /// Accepted departures from the profile.
    pub deviations: Vec<Deviation>,
    /// What the issuer's deviation list says of such documents.
    pub known_deviations: Vec<String>,
    /// Whether the issuer has declared the keys of active authentication compromised.
    pub active_key_compromised: bool,
    /// Whether the signature is right and nothing refutes it: keys that it binds prove something, whoever signed.
    pub signed: bool,
    /// Whether signature, chain and validity all passed.
    pub trusted: bool,
    /// Who signed.
    pub issuer: ::verdict::Issuer,
    /// Groups whose hash passed.
    pub bound: Vec<u8>,
}

/// Runs passive authentication.
///
/// Validity is judged at the signing time that the SOD states, as ICAO 9303-12 §5 wants; `at` overrides it, and
/// `now` serves when there is neither.
#[must_use]
pub fn passive_authentication(
    sod: &[u8],
    groups: &BTreeMap<u8, Group<'_>>,
    facts: &Facts,
    trust: &TrustStore,
    at: Option<UnixTime>,
    now: UnixTime,
) -> PassiveAuthentication {
    SodVerification::new(sod, trust, at, now).with_groups(groups, facts)
}

/// The part of passive authentication that needs EF.SOD alone: it can be done while the portrait is still on the air.
#[derive(Debug, Clone)]
pub struct SodVerification {
    file: Vec<u8>,
    object: Option<LdsSecurityObject>,
    known_deviations: Vec<KnownDeviation>,
    result: PassiveAuthentication,
}

impl SodVerification {
    /// Checks signature, chain, revocation and validity.
    #[must_use]
    pub fn new(file: &[u8], trust: &TrustStore, at: Option<UnixTime>, now: UnixTime) -> Self {
        let empty = |result| Self { file: file.to_vec(), object: None, known_deviations: Vec::new(), result };
        let sod = match Sod::parse(file) {
            Ok(sod) => sod,
            Err(error) => {
                let check = match error {
                    CmsError::Crypto(_) => Check::not_performed("sod_signature", "unsupported_algorithm"),
                    _ => Check::failed("sod_signature", "sod_malformed"),
                };
                let checks = vec![check.with_detail(describe(&error))];
                return empty(PassiveAuthentication { checks, ..PassiveAuthentication::default() });
            }
        };
        let mut result =
            PassiveAuthentication { deviations: sod.deviations.clone(), ..PassiveAuthentication::default() };
        result.judge(&sod.signed_data, trust, at, now);
        // Where the signature fails, the certificate that the signer identifier names is the one declared about.
        let named = sod.signed_data.certificates.iter().find(|c| sod.signed_data.is_signer(c));
        let signer = result.document_signer.as_ref().or(named);
        let known_deviations =
            signer.map_or_else(Vec::new, |s| trust.known_deviations(s, sod.signed_data.signing_time, now));
        Self { object: Some(sod.security_object), known_deviations, ..empty(result) }
    }

    /// Whether this is about the same file.
    #[must_use]
    pub fn is_of(&self, file: &[u8]) -> bool {
        self.file == file
    }

    /// Adds the comparison of the data groups.
    #[must_use]
    pub fn with_groups(&self, groups: &BTreeMap<u8, Group<'_>>, _facts: &Facts) -> PassiveAuthentication {
        let mut result = self.result.clone();
        if let Some(object) = &self.object {
            result.hashes(object, groups);
        }
        result.apply(&self.known_deviations);
        result
    }
}

/// Judges signed data of the document signer that are not EF.SOD, such as EF.CardSecurity, as one check.
#[must_use]
pub fn judge_signed(id: &str, data: &SignedData, trust: &TrustStore, at: Option<UnixTime>, now: UnixTime) -> Check {
    let mut result = PassiveAuthentication::default();
    result.judge(data, trust, at, now);
    let worst = |outcome| result.checks.iter().find(|c| c.outcome == outcome && c.id != "dsc_revocation");
    let signer = result.document_signer.as_ref().map(Certificate::subject_name).unwrap_or_default();
    let failed = result.checks.iter().find(|c| c.outcome == Outcome::Failed);
    let check = match failed.or_else(|| worst(Outcome::NotPerformed)) {
        _ if result.trusted => Check::passed(id),
        Some(check) => Check { id: id.to_owned(), detail: None, ..check.clone() },
        None => Check::not_performed(id, "no_anchor"),
    };
    if signer.is_empty() { check } else { check.with_detail(signer) }
}

impl PassiveAuthentication {
    fn judge(&mut self, data: &SignedData, trust: &TrustStore, at: Option<UnixTime>, now: UnixTime) {
        let signature_ok = self.signature(data);
        let chain = self.chain(trust);
        let path = chain.as_deref().unwrap_or_default();
        let revoked = self.revocation(trust, path, now);
        let validity_ok = self.validity(data, path, at, now);
        self.trusted = signature_ok && chain.is_some() && validity_ok && !revoked;
        self.signed = signature_ok && !revoked && self.checks.iter().all(|check| check.outcome != Outcome::Failed);
    }

    fn signature(&mut self, data: &SignedData) -> bool {
        const ID: &str = "sod_signature";
        // The identifier may lie; the signature decides. The certificate that it names is tried first.
        let mut signers: Vec<_> = data.certificates.iter().collect();
        signers.sort_by_key(|c| !data.is_signer(c));
        if signers.is_empty() {
            self.checks.push(Check::not_performed(ID, "no_document_signer"));
            return false;
        }
        let mut worst = None;
        for signer in signers {
            match data.verify(signer) {
                Ok(Ok(())) => {
                    let key = signer.public_key().map(|k| k.describe()).unwrap_or_default();
                    self.checks.push(Check::passed(ID).with_detail(format!("{}, {key}", data.algorithm.describe())));
                    self.deviations.extend(data.deviations_with(signer));
                    self.document_signer = Some(signer.clone());
                    return true;
                }
                Ok(Err(fault)) => {
                    worst.get_or_insert_with(|| {
                        Check::failed(
                            ID,
                            match fault {
                                SignatureFault::MessageDigest => "content_hash_differs",
                                SignatureFault::ContentType => "content_type_differs",
                                SignatureFault::Signature => "wrong_signature",
                            },
                        )
                    });
                }
                Err(error) => {
                    worst.get_or_insert_with(|| {
                        Check::not_performed(ID, "unsupported_algorithm").with_detail(describe(&error))
                    });
                }
            }
        }
        self.checks.extend(worst);
        false
    }

    /// The path to an anchor; empty for a pinned signer.
    fn chain(&mut self, trust: &TrustStore) -> Option<Vec<Entry>> {
        const ID: &str = "dsc_chain";
        let signer = self.document_signer.as_ref()?;
        let mut trusted = None;
        let check = match trust.chain(signer) {
            Chain::Trusted(path) => {
                self.anchor = path.last().map(|e| (e.certificate.subject_name(), e.source.clone()));
                let issuer = path.first().and_then(|e| e.certificate.subject_key_identifier());
                if signer.authority_key_identifier().is_none_or(|named| issuer.is_some_and(|is| is != named)) {
                    self.deviations.push(Deviation::AuthorityKeyIdentifier);
                }
                let names: Vec<_> = path.iter().map(|e| e.certificate.subject_name()).collect();
                trusted = Some(path);
                Check::passed(ID).with_detail(names.join(" → "))
            }
            Chain::Pinned(pin) => {
                self.anchor = Some((signer.subject_name(), pin.source.clone()));
                trusted = Some(Vec::new());
                Check::passed(ID).with_detail(format!("pinned by the operator: {}", pin.reason))
            }
            Chain::NoAnchor => {
                Check::not_performed(ID, "no_anchor").with_detail(format!("issuer {}", signer.issuer_name()))
            }
            Chain::UnknownKey(csca) => Check::not_performed(ID, "issuer_key_unknown").with_detail(format!(
                "{} is known here with another key: a newer CSCA, or a self-made one",
                csca.certificate.subject_name()
            )),
            Chain::Forged(csca) => {
                Check::failed(ID, "dsc_not_signed_by_csca").with_detail(csca.certificate.subject_name())
            }
            Chain::Unusable(csca, error) => Check::not_performed(ID, "unsupported_algorithm").with_detail(format!(
                "{}: {}",
                csca.certificate.subject_name(),
                describe(&error)
            )),
        };
        self.checks.push(check);
        trusted
    }

    /// Whether a revocation list names the document signer, or a link on its path. Without a list nothing is held
    /// against it: none is public for the CCCD, and an operator who has one supplies it. A list that is past its next
    /// update still revokes, but no longer clears.
    fn revocation(&mut self, trust: &TrustStore, path: &[Entry], now: UnixTime) -> bool {
        const ID: &str = "dsc_revocation";
        let Some(signer) = &self.document_signer else { return false };
        let subjects = std::iter::once(signer).chain(path.iter().map(|entry| &entry.certificate));
        let mut worst: Option<Check> = None;
        for (subject, issuer) in subjects.zip(path) {
            let check = match trust.revocation_list(&issuer.certificate) {
                None => Check::not_performed(ID, "no_revocation_list"),
                Some(crl) => {
                    let check = if crl.revokes(subject) {
                        Check::failed(ID, "dsc_revoked")
                    } else if crl.next_update.is_some_and(|next| next < now) {
                        Check::not_performed(ID, "revocation_list_stale")
                    } else {
                        Check::passed(ID)
                    };
                    let next = crl.next_update.map(|t| format!(", next due {t}")).unwrap_or_default();
                    let age = (now.0 - crl.this_update.0) / 86_400;
                    check.with_detail(format!("list of {}, {age} days old{next}", crl.this_update))
                }
            };
            // The document signer's own line stands unless an issuer above it is revoked.
            let revoked = check.outcome == Outcome::Failed;
            if worst.is_none() || revoked {
                worst = Some(check);
            }
            if revoked {
                break;
            }
        }
        let revoked = worst.as_ref().is_some_and(|c| c.outcome == Outcome::Failed);
        self.checks.extend(worst);
        revoked
    }

    fn validity(&mut self, data: &SignedData, path: &[Entry], at: Option<UnixTime>, now: UnixTime) -> bool {
        const ID: &str = "dsc_validity";
        let Some(signer) = &self.document_signer else { return false };
        let (time, which) = match (at, data.signing_time) {
            (Some(at), _) => (at, "as asked"),
            (None, Some(signing_time)) => (signing_time, "signing time"),
            (None, None) => (now, "now; the SOD states no signing time"),
        };
        self.judged_at = Some(time);
        let detail = format!("{} to {}, judged at {time} ({which})", signer.not_before, signer.not_after);
        let check = match validity(signer, time) {
            Validity::Expired => Check::failed(ID, "dsc_expired"),
            Validity::NotYet => Check::failed(ID, "dsc_not_yet_valid"),
            Validity::Valid => path
                .iter()
                .find_map(|entry| match validity(&entry.certificate, time) {
                    Validity::Expired => Some(Check::failed(ID, "csca_expired")),
                    Validity::NotYet => Some(Check::failed(ID, "csca_not_yet_valid")),
                    Validity::Valid => None,
                })
                .unwrap_or_else(|| Check::passed(ID)),
        };
        let ok = check.reason.is_none();
        self.checks.push(check.with_detail(detail));
        ok
    }

    /// What the issuer has declared about its own documents: a failure that it explains is no proof of forgery, and a
    /// key that it calls compromised proves nothing. Nothing passes for it.
    fn apply(&mut self, known: &[KnownDeviation]) {
        for deviation in known {
            match deviation.kind {
                DeviationKind::DataGroupHash | DeviationKind::DataGroupMalformed => {
                    for check in self.checks.iter_mut().filter(|c| c.id.starts_with("dg_hash.")) {
                        if check.outcome == Outcome::Failed && deviation.concerns(&check.id) {
                            *check = Check::not_performed(check.id.clone(), "issuer_declared_deviation")
                                .with_detail(deviation.to_string());
                        }
                    }
                }
                DeviationKind::SodSignature => {
                    for check in self.checks.iter_mut().filter(|c| c.id == "sod_signature") {
                        if check.outcome == Outcome::Failed {
                            *check = Check::not_performed(check.id.clone(), "issuer_declared_deviation")
                                .with_detail(deviation.to_string());
                        }
                    }
                }
                DeviationKind::ActiveAuthenticationKey => self.active_key_compromised = true,
                DeviationKind::Other => {}
            }
            self.known_deviations.push(deviation.to_string());
        }
    }

    fn hashes(&mut self, object: &LdsSecurityObject, groups: &BTreeMap<u8, Group<'_>>) {
        for (number, group) in groups {
            let id = format!("dg_hash.{number}");
            let digest = match group {
                Group::Bytes(bytes) => Some(object.hash.digest(bytes)),
                Group::Digest(hash, digest) => (*hash == object.hash).then(|| digest.to_vec()),
            };
            let check = match (object.data_groups.get(number), digest) {
                (Some(expected), Some(digest)) if equal(expected, &digest) => {
                    self.bound.push(*number);
                    Check::passed(id).with_detail(object.hash.name())
                }
                (Some(_), Some(_)) => Check::failed(id, "hash_differs"),
                (None, _) => Check::failed(id, "not_in_sod"),
                (Some(_), None) => Check::not_performed(id, "other_hash_algorithm"),
            };
            self.checks.push(check);
        }
    }
}
