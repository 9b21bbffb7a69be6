//! EF.CardSecurity (ICAO 9303-11 §9.2.11, TR-03110-3 §A.1.2): SecurityInfos under the document signer's signature, in
//! the master file. The static key of PACE chip-authentication mapping stands in it.

use crate::cms::{CmsError, SignedData};
use crate::crypto::AgreementKey;
use crate::oid::{self, Oid};
use crate::pace::ChipAuthenticationData;
use crate::security_info::SecurityInfos;
use crate::tlv::TlvError;

/// EF.CardSecurity, read but not yet checked.
#[derive(Debug, Clone)]
pub struct CardSecurity {
    /// The signed message.
    pub signed_data: SignedData,
    /// What it signs.
    pub infos: SecurityInfos,
}

impl CardSecurity {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is malformed or uses an algorithm that is not supported.
    pub fn parse(file: &[u8]) -> Result<Self, CmsError> {
        let signed_data = SignedData::parse(file)?;
        if Oid(&signed_data.content_type) != oid::SECURITY_OBJECT {
            return Err(TlvError::Value("eContentType is not id-SecurityObject").into());
        }
        let infos = SecurityInfos::parse(&signed_data.content)?;
        Ok(Self { signed_data, infos })
    }

    /// The usable keys in it.
    pub fn keys(&self) -> impl Iterator<Item = &AgreementKey> {
        self.infos.chip_authentication_keys.iter().filter_map(|entry| entry.key.as_ref().ok())
    }

    /// Whether the chip has shown that it holds one of the keys.
    #[must_use]
    pub fn proves(&self, data: &ChipAuthenticationData) -> bool {
        self.keys().any(|key| data.verify(key).unwrap_or(false))
    }
}
