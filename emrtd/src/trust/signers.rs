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

    /// Those with this serial number, as an unsigned number without leading zeros.
    fn with_serial(&self, serial: &[u8]) -> impl Iterator<Item = Certificate> {
        let signed = [&[0], serial].concat();
        let found = [self.by_serial.get(serial), self.by_serial.get(&signed)].into_iter().flatten().flatten();
        found.filter_map(|at| Certificate::parse(self.certificates.get(*at as usize)?).ok())
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
    /// Certificates of the bar code signer that a seal's header names: state and signer are the subject's country and
    /// common name, the reference is the serial number in hexadecimal digits (ICAO 9303-12 §7.1.3, 9303-13 §2.2.1).
    #[must_use]
    pub fn seal_signers(&self, signer: &str, reference: &str) -> Vec<Certificate> {
        let Some((country, name)) = signer.split_at_checked(2) else { return Vec::new() };
        let trimmed = reference.trim_start_matches('0');
        let even = if trimmed.len().is_multiple_of(2) { trimmed.to_owned() } else { format!("0{trimmed}") };
        let Ok(serial) = hex::decode(even) else { return Vec::new() };
        let is_serial = |found: &[u8]| {
            let zeros = found.iter().take_while(|b| **b == 0).count();
            found[zeros..] == serial[..]
        };
        let is_signer = |c: &Certificate| {
            is_serial(c.serial())
                && c.country().is_some_and(|found| found == country)
                && crate::x509::common_name(c.subject()) == name
                && !c.claims_authority()
        };
        let mut found: Vec<_> = self.entries.iter().map(|e| &e.certificate).filter(|c| is_signer(c)).cloned().collect();
        found.extend(self.signers.with_serial(&serial).filter(is_signer));
        found
    }

    /// Certificates of this store that the signer identifier names, for signed data that carry none.
    #[must_use]
    pub fn signers_of(&self, data: &SignedData) -> Vec<Certificate> {
        let loose = self.entries.iter().map(|entry| &entry.certificate);
        let mut found: Vec<_> = loose.filter(|c| !c.claims_authority() && data.is_signer(c)).cloned().collect();
        found.extend(self.signers.named_by(data));
        found
    }
}
