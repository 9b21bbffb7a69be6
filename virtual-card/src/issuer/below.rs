//! What hangs below a certificate that must not carry it: too many links, or a document signer that plays the authority; and
//! a state that declares something about the documents of another.

use super::certificate::{Request, certificate};
use super::der::{Hash, OID_DEVIATION_LIST, integer, oid, sequence};
use super::key::SigningKey;
use super::{CSCA_1, DocumentSigner, Issuer, Oddity, file};
use emrtd::hazmat::tlv::encode;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use std::collections::BTreeMap;

/// The common name of the document signers.
pub(super) const SIGNER: &str = "Document Signer Practice (synthetic)";

impl Issuer {
    /// This many links below the first CSCA, each of a key and a name of its own, and EF.SOD by a document signer below the
    /// last.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn over_links(
        &self,
        count: u8,
        groups: &BTreeMap<u8, Vec<u8>>,
        signed_at: &str,
    ) -> Result<(Vec<Vec<u8>>, Vec<u8>), ErrorStack> {
        let mut links = Vec::new();
        let mut above = (self.csca_1.again(), CSCA_1.to_owned());
        for number in 1..=count {
            let label = format!("practice/link-{number}");
            let key = SigningKey::ec(&label, Nid::BRAINPOOL_P256R1, Hash::Sha256, false)?;
            let name = format!("Link Practice {number} (synthetic)");
            let request = Request {
                serial: 40 + number,
                subject: self.name(&name),
                issuer: self.name(&above.1),
                not_before: "20210101000000Z",
                not_after: "20401231235959Z",
                is_ca: true,
                seal: None,
                oddity: Oddity::None,
            };
            links.push(certificate(&request, &key, &above.0)?);
            above = (key, name);
        }
        let own = SigningKey::ec("practice/dsc-256", Nid::BRAINPOOL_P256R1, Hash::Sha256, true)?;
        let signing = self.signing_under(own, &above.0, &above.1, 60, self.oddity)?;
        Ok((links, file(&signing, groups, signed_at)?))
    }

    /// EF.SOD by a document signer that the usual document signer issued, which is no authority.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn sod_below_signer(&self, groups: &BTreeMap<u8, Vec<u8>>, signed_at: &str) -> Result<Vec<u8>, ErrorStack> {
        let signer = SigningKey::ec("practice/dsc-256", Nid::BRAINPOOL_P256R1, Hash::Sha256, true)?;
        let own = SigningKey::ec("practice/dsc-below", Nid::BRAINPOOL_P256R1, Hash::Sha256, true)?;
        file(&self.signing_under(own, &signer, SIGNER, 61, self.oddity)?, groups, signed_at)
    }

    /// A deviation list about documents of one signer of another state, or of this one.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn deviation_list_about(
        &self,
        other: &Self,
        about: DocumentSigner,
        deviation: [u8; 2],
        data_group: Option<u8>,
    ) -> Result<Vec<u8>, ErrorStack> {
        let named = other.signing(about, other.oddity)?;
        let documents = encode(0xA1, &[named.issuer_name, integer(&[named.serial])].concat());
        let kind = oid(&[OID_DEVIATION_LIST, &deviation].concat());
        let parameters = data_group.map(|n| encode(0xA0, &integer(&[n]))).unwrap_or_default();
        let description = sequence(&[encode(0x13, b"declared by the practice issuer"), kind, parameters]);
        let entry = sequence(&[sequence(&[documents]), encode(0x31, &description)]);
        let content = sequence(&[integer(&[]), encode(0x31, &entry)]);
        self.signing(about, self.oddity)?.signed_data(OID_DEVIATION_LIST, &content, "260101000000Z")
    }
}
