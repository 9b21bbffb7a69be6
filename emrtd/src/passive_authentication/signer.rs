//! The document signer: does its signature hold, may it sign such documents, and how strong is it?

use super::{Judged, PassiveAuthentication};
use crate::cms::{Deviation, SignatureFault, SignedData};
use crate::crypto::{CryptoError, Protection, PublicKey};
use crate::error::describe;
use crate::trust::TrustStore;
use crate::verdict::Check;
use crate::x509::{Certificate, Purpose, PurposeFault};

/// The reason code of a key or an algorithm that gives no answer.
pub(crate) const fn unusable(error: &CryptoError) -> &'static str {
    match error {
        CryptoError::Broken(_) => "algorithm_broken",
        _ => "unsupported_algorithm",
    }
}

impl PassiveAuthentication {
    pub(super) fn signature(&mut self, data: &SignedData, trust: &TrustStore) {
        const ID: &str = "sod_signature";
        // The identifier may lie; the signature decides. The certificate that it names is tried first.
        let mut signers = data.certificates.clone();
        signers.sort_by_key(|c| !data.is_signer(c));
        let carried = signers.len();
        if carried == 0 {
            signers = trust.signers_of(data);
        }
        let mut worst = None;
        for signer in signers {
            let check = match data.verify(&signer) {
                Ok(Ok(())) => {
                    let key = signer.public_key().map(PublicKey::describe).unwrap_or_default();
                    self.checks.push(Check::passed(ID).with_detail(format!("{}, {key}", data.algorithm.describe())));
                    self.deviations.extend(data.deviations_with(&signer));
                    self.deviations.extend((carried == 0).then_some(Deviation::SignerNotInSod));
                    self.document_signer = Some(signer);
                    return;
                }
                Ok(Err(SignatureFault::MessageDigest)) => Check::failed(ID, "content_hash_differs"),
                Ok(Err(SignatureFault::ContentType)) => Check::failed(ID, "content_type_differs"),
                Ok(Err(SignatureFault::Repeated)) => Check::failed(ID, "signed_attribute_repeated"),
                Ok(Err(SignatureFault::NoMessageDigest)) => Check::not_performed(ID, "message_digest_missing"),
                Ok(Err(SignatureFault::Signature)) if data.is_signer(&signer) => Check::failed(ID, "wrong_signature"),
                // Certificates of others prove nothing: the signer's own is missing.
                Ok(Err(SignatureFault::Signature)) => Check::not_performed(ID, "no_document_signer"),
                Err(error) => {
                    if matches!(error, CryptoError::Broken(_)) {
                        self.deviations.push(Deviation::AlgorithmBroken);
                    }
                    Check::not_performed(ID, unusable(&error)).with_detail(describe(&error))
                }
            };
            worst.get_or_insert(check);
        }
        self.checks.push(worst.unwrap_or_else(|| Check::not_performed(ID, "no_document_signer")));
    }

    /// Extended key usage, key usage, document types and critical extensions.
    pub(super) fn purpose(&mut self, signer: &Certificate, purpose: Purpose) {
        const ID: &str = "dsc_purpose";
        let mut faults = signer.extensions.faults(purpose);
        let code = self.facts.document.as_ref().map(|document| document.code.as_str()).filter(|code| !code.is_empty());
        if code.is_some_and(|code| !signer.extensions.allows_document(code)) {
            faults.push(PurposeFault::DocumentType);
        }
        // What proves something goes before what is merely odd.
        faults.sort_by_key(|fault| !fault.is_proof());
        let codes: Vec<_> = faults.iter().map(|fault| fault.code()).collect();
        self.checks.push(match faults.first() {
            None if signer.extensions.document_types.is_some() && code.is_none() => {
                let reason = if purpose == Purpose::Documents { "no_dg1" } else { "document_type_unknown" };
                Check::not_performed(ID, reason)
            }
            None => Check::passed(ID),
            Some(fault) if fault.is_proof() => Check::failed(ID, fault.code()).with_detail(codes.join(", ")),
            Some(fault) => Check::not_performed(ID, fault.code()).with_detail(codes.join(", ")),
        });
    }

    /// Names what is weak between document signer and anchor.
    pub(super) fn strength(&mut self, judged: &Judged) {
        let Some(signer) = &self.document_signer else { return };
        let certificates = std::iter::once(signer).chain(judged.entries().iter().map(|entry| &entry.certificate));
        let mut found = Vec::new();
        for certificate in certificates {
            match certificate.public_key() {
                Ok(key) if key.protection() != Protection::Weak => {}
                Ok(PublicKey::Rsa { .. }) => found.push(Deviation::RsaShort),
                Ok(PublicKey::Ec { .. }) => found.push(Deviation::CurveShort),
                Err(_) => {}
            }
            if certificate.signature_algorithm().is_ok_and(|a| a.protection() == Protection::Weak) {
                found.push(Deviation::Sha1Certificate);
            }
        }
        found.sort();
        found.dedup();
        self.deviations.extend(found);
    }
}
