//! Document signers of a directory: tens of thousands, of which a site meets a few. Only their bytes are kept.

use crate::cms::SignedData;
use crate::x509::Certificate;
use std::collections::{HashMap, HashSet};

/// Document signers, by what a signer identifier may name.
#[derive(Debug, Clone, Default)]
pub(super) struct Signers {
    certificates: Vec<Box<[u8]>>,
    by_serial: HashMap<Vec<u8>, Vec<u32>>,
    by_key: HashMap<Vec<u8>, Vec<u32>>,
    seen: HashSet<Vec<u8>>,
}

impl Signers {
    pub(super) const fn len(&self) -> usize {
        self.certificates.len()
    }

    pub(super) fn add(&mut self, certificate: &Certificate) -> bool {
        if !self.seen.insert(certificate.fingerprint()) {
            return false;
        }
        let at = self.certificates.len() as u32;
        self.by_serial.entry(certificate.serial().to_vec()).or_default().push(at);
        if let Some(key) = certificate.subject_key_identifier() {
            self.by_key.entry(key.to_vec()).or_default().push(at);
        }
        self.certificates.push(certificate.der().into());
        true
    }

    /// Those that the signer identifier names.
    pub(super) fn named_by(&self, data: &SignedData) -> Vec<Certificate> {
        let (serial, key) = data.signer_identifier();
        let found = serial.and_then(|s| self.by_serial.get(s)).or_else(|| self.by_key.get(key?));
        let found = found.into_iter().flatten().filter_map(|at| self.certificates.get(*at as usize));
        found.filter_map(|der| Certificate::parse(der).ok()).filter(|c| data.is_signer(c)).collect()
    }
}

impl super::TrustStore {
    /// Certificates of this store that the signer identifier names, for signed data that carry none.
    #[must_use]
    pub fn signers_of(&self, data: &SignedData) -> Vec<Certificate> {
        let loose = self.entries.iter().map(|entry| &entry.certificate);
        let mut found: Vec<_> = loose.filter(|c| !c.claims_authority() && data.is_signer(c)).cloned().collect();
        found.extend(self.signers.named_by(data));
        found
    }
}
