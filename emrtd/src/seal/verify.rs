//! Who signed a seal: the checks of passive authentication, with a bar code signer in the place of the document signer.
//!
//! | check | failed | not performed |
//! |---|---|---|
//! | `seal_signature` | `wrong_signature` | `signer_unknown`, `signer_not_vouched`, `unsupported_algorithm`, `algorithm_broken` |
//! | `seal_content` | | `feature_missing`, `kind_unknown`; remark: `feature_unknown` |
//! | `dsc_*`, `issuing_state`, `anchor_scope` | as of a document signer | |

use super::{Seal, SealKind};
use crate::crypto::{CryptoError, HashAlgorithm, PublicKey, SignatureAlgorithm};
use crate::error::describe;
use crate::passive_authentication::{Facts, PassiveAuthentication, Signed, unusable};
use crate::trust::{Chain, TrustStore};
use crate::verdict::Check;
use crate::x509::{Certificate, Purpose, UnixTime};

const SIGNATURE: &str = "seal_signature";
const CONTENT: &str = "seal_content";

impl Seal {
    /// Judges a seal. Validity is judged at the day of signature that the header states; VDS-NC states none, and the
    /// signer must be valid now. `at` overrides both.
    #[must_use]
    pub fn verify(&self, trust: &TrustStore, at: Option<UnixTime>, now: UnixTime) -> PassiveAuthentication {
        let (signature, signer) = self.signature(trust);
        let purpose = match self {
            Self::Vds(_) => Purpose::Seals,
            Self::NonConstrained(_) => Purpose::NonConstrainedSeals,
        };
        let time = match self {
            Self::Vds(vds) => Some(vds.header.signed),
            Self::NonConstrained(_) => None,
        };
        let issued = match self {
            Self::Vds(vds) => Some((0, vds.header.issued)),
            Self::NonConstrained(_) => None,
        };
        let facts = Facts { document: Some(self.document()), issued, expires: None };
        let signed = Signed { signature, signer, purpose, time, facts, content: self.content_check() };
        PassiveAuthentication::of_signed(signed, trust, at, now)
    }

    fn signature(&self, trust: &TrustStore) -> (Check, Option<Certificate>) {
        let vds = match self {
            Self::NonConstrained(seal) => {
                let check = check(&seal.signer, Some(seal.hash), &seal.signed, &seal.signature);
                return (
                    check.unwrap_or_else(|| Check::failed(SIGNATURE, "wrong_signature")),
                    Some(seal.signer.clone()),
                );
            }
            Self::Vds(vds) => vds,
        };
        let candidates = trust.seal_signers(&vds.header.signer, &vds.header.reference);
        let name = format!("{} {}", vds.header.signer, vds.header.reference);
        let mut wrong = None;
        for candidate in candidates {
            let vouched = matches!(trust.chain(&candidate), Chain::Trusted(_) | Chain::Pinned(_));
            match check(&candidate, None, &vds.signed, &vds.signature) {
                Some(check) => return (check, Some(candidate)),
                // A certificate that merely bears the name accuses nobody.
                None if vouched => {
                    wrong =
                        Some((Check::failed(SIGNATURE, "wrong_signature").with_detail(name.clone()), Some(candidate)));
                }
                None => {
                    let check = Check::not_performed(SIGNATURE, "signer_not_vouched").with_detail(name.clone());
                    wrong.get_or_insert((check, None));
                }
            }
        }
        wrong.unwrap_or_else(|| (Check::not_performed(SIGNATURE, "signer_unknown").with_detail(name), None))
    }

    fn content_check(&self) -> Check {
        let content = self.content();
        match content.missing.first() {
            _ if content.kind == SealKind::Other => Check::not_performed(CONTENT, "kind_unknown"),
            Some(_) => Check::not_performed(CONTENT, "feature_missing").with_detail(content.missing.join(", ")),
            None if content.unknown > 0 => Check::remark(CONTENT, "feature_unknown"),
            None => Check::passed(CONTENT).with_detail(content.kind.code()),
        }
    }
}

/// The check of a signature that is right, or that cannot be made; `None` for one that is wrong.
fn check(signer: &Certificate, hash: Option<HashAlgorithm>, message: &[u8], signature: &[u8]) -> Option<Check> {
    let verified = signer.public_key().cloned().and_then(|key| {
        let hash = match hash {
            Some(hash) => hash,
            None => by_curve(&key).ok_or_else(|| CryptoError::unsupported("key of a seal", key.describe()))?,
        };
        let right = key.verify(&SignatureAlgorithm::EcdsaPlain(hash), message, signature)?;
        Ok(right
            .then(|| Check::passed(SIGNATURE).with_detail(format!("ECDSA with {}, {}", hash.name(), key.describe()))))
    });
    verified
        .unwrap_or_else(|error| Some(Check::not_performed(SIGNATURE, unusable(&error)).with_detail(describe(&error))))
}

/// The hash that belongs to the order of a curve (9303-13 §2.4).
const fn by_curve(key: &PublicKey) -> Option<HashAlgorithm> {
    let PublicKey::Ec { curve, .. } = key else { return None };
    match curve.field_bits() {
        0..=224 => Some(HashAlgorithm::Sha224),
        225..=256 => Some(HashAlgorithm::Sha256),
        257..=384 => Some(HashAlgorithm::Sha384),
        385..=512 => Some(HashAlgorithm::Sha512),
        _ => None,
    }
}
