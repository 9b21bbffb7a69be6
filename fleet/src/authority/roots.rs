//! Roots that somebody trusts, and what follows from them.

use crate::FleetError;
use openssl::x509::X509;

/// Roots that somebody trusts. Their own validity is not looked at: a device whose clock is wrong, or that stood in a
/// store-room for years, must still find home, and a root ends by leaving the bundle.
#[derive(Clone, Default)]
pub struct Roots(pub(super) Vec<X509>);

impl std::fmt::Debug for Roots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.fingerprints()).finish()
    }
}

impl Roots {
    /// From PEM, one after the other.
    ///
    /// # Errors
    /// When there is none.
    pub fn from_pem(pem: &[u8]) -> Result<Self, FleetError> {
        let roots = X509::stack_from_pem(pem).map_err(|_| FleetError::Malformed("file of roots"))?;
        if roots.is_empty() { Err(FleetError::Malformed("file of roots")) } else { Ok(Self(roots)) }
    }

    /// In PEM.
    ///
    /// # Errors
    /// When the library fails.
    pub fn to_pem(&self) -> Result<Vec<u8>, FleetError> {
        let pem: Result<Vec<Vec<u8>>, _> = self.0.iter().map(|root| root.to_pem()).collect();
        Ok(pem?.concat())
    }

    /// In DER.
    ///
    /// # Errors
    /// When the library fails.
    pub fn to_der(&self) -> Result<Vec<Vec<u8>>, FleetError> {
        Ok(self.0.iter().map(|root| root.to_der()).collect::<Result<_, _>>()?)
    }

    /// These, and those of `offered` that follow from them: a link is a certificate of a new root's key by a known
    /// root; with it the new root itself is trusted.
    #[must_use]
    pub fn extended(&self, offered: &[X509]) -> Self {
        let mut known = self.clone();
        let mut keys = known.keys();
        let key_of = |certificate: &X509| certificate.public_key().and_then(|key| key.public_key_to_der()).ok();
        // A chain of links may lead over several roots, in any order.
        for _ in offered {
            for certificate in offered {
                let Some(key) = key_of(certificate) else { continue };
                if known.issued(certificate) && is_link(certificate) && !keys.contains(&key) {
                    keys.push(key.clone());
                }
                let self_signed = certificate.public_key().is_ok_and(|own| certificate.verify(&own).unwrap_or(false));
                let new = !known.0.iter().any(|root| key_of(root).as_ref() == Some(&key));
                if self_signed && new && keys.contains(&key) {
                    known.0.push(certificate.clone());
                }
            }
        }
        known
    }

    /// Their public keys.
    #[must_use]
    pub fn keys(&self) -> Vec<Vec<u8>> {
        let key = |root: &X509| root.public_key().and_then(|key| key.public_key_to_der()).ok();
        self.0.iter().filter_map(key).collect()
    }

    /// Fingerprints of their keys.
    #[must_use]
    pub fn fingerprints(&self) -> Vec<String> {
        self.keys().iter().map(|key| crate::fingerprint(key)).collect()
    }

    /// Whether one of them issued a certificate.
    #[must_use]
    pub fn issued(&self, certificate: &X509) -> bool {
        let by = |root: &X509| root.public_key().is_ok_and(|key| certificate.verify(&key).unwrap_or(false));
        self.0.iter().any(by)
    }

    /// Those of `offered` that one of them lets issue for devices: certificates of keys that issue certificates,
    /// and make no other key an authority.
    #[must_use]
    pub fn issuers(&self, offered: &[X509]) -> Self {
        Self(offered.iter().filter(|one| self.issued(one) && is_issuer(one)).cloned().collect())
    }

    /// Whether a chain, the end entity first, leads to one of them over links.
    #[must_use]
    pub fn reach(&self, chain: &[X509]) -> bool {
        let Some((end, links)) = chain.split_first() else { return false };
        // A link has the new root's key, so whatever that root issued verifies under it.
        let linked = links.iter().any(|link| {
            let key = link.public_key();
            self.issued(link) && is_link(link) && key.is_ok_and(|key| end.verify(&key).unwrap_or(false))
        });
        self.issued(end) || linked
    }
}

/// What a certificate says of whom it may certify (RFC 5280 clause 4.2.1.9): the text form names it, as the library's binding has
/// no other way to ask.
fn basic_constraints(certificate: &X509) -> String {
    let text = certificate.to_text().unwrap_or_default();
    String::from_utf8_lossy(&text).lines().filter(|line| line.trim().starts_with("CA:")).collect()
}

/// Whether a certificate is an issuing key's: it certifies whoever connects, and no authority below it.
pub(super) fn is_issuer(certificate: &X509) -> bool {
    basic_constraints(certificate).contains("CA:TRUE, pathlen:0")
}

/// Whether a certificate makes another root known. That of an issuing key does not.
fn is_link(certificate: &X509) -> bool {
    let constraints = basic_constraints(certificate);
    constraints.contains("CA:TRUE") && !constraints.contains("pathlen:0")
}
