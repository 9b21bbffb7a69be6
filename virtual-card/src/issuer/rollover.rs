//! A CSCA that changes its key and keeps its name, as most do; and somebody who takes the name.

use super::certificate::{ListRequest, Request, certificate, revocation_list};
use super::der::Hash;
use super::key::SigningKey;
use super::{CSCA_1, Issuer, Oddity, file};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use std::collections::BTreeMap;

/// A key under the first CSCA's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CscaKey {
    /// The first.
    Old,
    /// The one that follows it.
    New,
    /// Somebody else's.
    Stranger,
}

impl Issuer {
    fn csca(&self, key: CscaKey) -> Result<SigningKey, ErrorStack> {
        let label = match key {
            CscaKey::Old => return Ok(self.csca_1.again()),
            CscaKey::New => format!("practice-{}/csca-1-new", self.country),
            CscaKey::Stranger => "stranger/csca-1".to_owned(),
        };
        SigningKey::ec(&label, Nid::BRAINPOOL_P384R1, Hash::Sha384, false)
    }

    /// A certificate for `key` under the first CSCA's name, signed by `by`: self-signed, a link, or a stranger's.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn same_name(&self, key: CscaKey, by: CscaKey) -> Result<Vec<u8>, ErrorStack> {
        self.same_name_until(key, by, "20401231235959Z")
    }

    /// The same with another end, `YYYYMMDDhhmmssZ`. All begin in 2021, the first key's own in 2020.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn same_name_until(&self, key: CscaKey, by: CscaKey, not_after: &str) -> Result<Vec<u8>, ErrorStack> {
        let request = Request {
            serial: 20 + key as u8 * 4 + by as u8,
            subject: self.name(CSCA_1),
            issuer: self.name(CSCA_1),
            not_before: if key == CscaKey::Old { "20200101000000Z" } else { "20210101000000Z" },
            not_after,
            is_ca: true,
            seal: None,
            oddity: Oddity::None,
        };
        certificate(&request, &self.csca(key)?, &self.csca(by)?)
    }

    /// A revocation list under the first CSCA's name, signed by `by`. It names whoever is revoked.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn revocation_list(&self, by: CscaKey, request: &ListRequest) -> Result<Vec<u8>, ErrorStack> {
        revocation_list(request, &self.name(CSCA_1), &self.csca(by)?)
    }

    /// EF.SOD by a document signer under `key`.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn sod_under(
        &self,
        key: CscaKey,
        groups: &BTreeMap<u8, Vec<u8>>,
        signed_at: &str,
    ) -> Result<Vec<u8>, ErrorStack> {
        let own = SigningKey::ec("practice/dsc-256", Nid::BRAINPOOL_P256R1, Hash::Sha256, true)?;
        let serial = 30 + key as u8;
        file(&self.signing_under(own, &self.csca(key)?, CSCA_1, serial, self.oddity)?, groups, signed_at)
    }
}
