//! Passive authentication (ICAO 9303-11 §5.1): hashes, signature, chain and validity, each its own check.

use crate::cms::{CmsError, Deviation, SignatureFault};
use crate::crypto::{HashAlgorithm, equal};
use crate::error::describe;
use crate::lds::Sod;
use crate::trust::{Chain, Entry, TrustStore, Validity, validity};
use crate::verdict::Check;
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
    /// Whether signature, chain and validity all passed.
    pub trusted: bool,
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
    trust: &TrustStore,
    at: Option<UnixTime>,
    now: UnixTime,
) -> PassiveAuthentication {
    let mut result = PassiveAuthentication::default();
    let sod = match Sod::parse(sod) {
        Ok(sod) => sod,
        Err(error) => {
            let reason = match error {
                CmsError::Crypto(_) => Check::not_performed("sod_signature", "unsupported_algorithm"),
                _ => Check::failed("sod_signature", "sod_malformed"),
            };
            result.checks.push(reason.with_detail(describe(&error)));
            return result;
        }
    };
    result.deviations.clone_from(&sod.deviations);
    let signature_ok = result.signature(&sod);
    let path = result.chain(trust);
    let revoked = result.revocation(trust, path.as_deref().unwrap_or(&[]));
    let validity_ok = result.validity(&sod, path.as_deref().unwrap_or(&[]), at, now);
    result.trusted = signature_ok && path.is_some() && validity_ok && !revoked;
    result.hashes(&sod, groups);
    result
}

impl PassiveAuthentication {
    fn signature(&mut self, sod: &Sod) -> bool {
        const ID: &str = "sod_signature";
        let data = &sod.signed_data;
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

    fn chain(&mut self, trust: &TrustStore) -> Option<Vec<Entry>> {
        const ID: &str = "dsc_chain";
        let signer = self.document_signer.as_ref()?;
        let mut trusted = None;
        let check = match trust.chain(signer) {
            Chain::Trusted(path) => {
                self.anchor = path.last().map(|e| (e.certificate.subject_name(), e.source.clone()));
                let names: Vec<_> = path.iter().map(|e| e.certificate.subject_name()).collect();
                trusted = Some(path);
                Check::passed(ID).with_detail(names.join(" → "))
            }
            Chain::NoAnchor => {
                Check::not_performed(ID, "no_anchor").with_detail(format!("issuer {}", signer.issuer_name()))
            }
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

    /// Whether a revocation list names the document signer. Without a list nothing is held against it: none is
    /// public for the CCCD, and an operator who has one supplies it.
    fn revocation(&mut self, trust: &TrustStore, path: &[Entry]) -> bool {
        const ID: &str = "dsc_revocation";
        let (Some(signer), Some(issuer)) = (&self.document_signer, path.first()) else { return false };
        let Some(crl) = trust.revocation_list(&issuer.certificate) else {
            self.checks.push(Check::not_performed(ID, "no_revocation_list"));
            return false;
        };
        let revoked = crl.revokes(signer);
        let check = if revoked { Check::failed(ID, "dsc_revoked") } else { Check::passed(ID) };
        let next = crl.next_update.map(|t| format!(", next due {t}")).unwrap_or_default();
        self.checks.push(check.with_detail(format!("list of {}{next}", crl.this_update)));
        revoked
    }

    fn validity(&mut self, sod: &Sod, path: &[Entry], at: Option<UnixTime>, now: UnixTime) -> bool {
        const ID: &str = "dsc_validity";
        let Some(signer) = &self.document_signer else { return false };
        let (time, which) = match (at, sod.signed_data.signing_time) {
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

    fn hashes(&mut self, sod: &Sod, groups: &BTreeMap<u8, Group<'_>>) {
        let object = &sod.security_object;
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
