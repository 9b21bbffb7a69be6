//! EF.CardSecurity (ICAO 9303-11 §9.2.11, TR-03110-3 §A.1.2): SecurityInfos under the document signer's signature, in
//! the master file. The static key of PACE chip-authentication mapping stands in it.

use crate::active_authentication::Answer;
use crate::cms::{CmsError, SignedData};
use crate::crypto::{AgreementKey, CryptoError};
use crate::oid::{self, Oid};
use crate::pace::ChipAuthenticationData;
use crate::security_info::SecurityInfos;
use crate::tlv::TlvError;

/// EF.CardSecurity, read but not yet checked.
#[derive(Debug, Clone)]
#[non_exhaustive]
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

    /// Whether EF.DG14 has every key of this file.
    #[must_use]
    pub fn is_repeated_by(&self, dg14: &SecurityInfos) -> bool {
        self.keys().all(|key| dg14.chip_authentication_keys.iter().any(|entry| entry.key.as_ref() == Ok(key)))
    }

    /// What the chip's answer is worth under the keys.
    ///
    /// # Errors
    /// When no key can be used.
    pub fn judge(&self, data: &ChipAuthenticationData) -> Result<Answer, CryptoError> {
        let mut judged = Err(CryptoError::Invalid("EF.CardSecurity (no usable key)"));
        for key in self.keys() {
            match data.judge(key) {
                Ok(Answer::Right) => return Ok(Answer::Right),
                Ok(answer) => judged = Ok(answer),
                Err(error) => judged = judged.or(Err(error)),
            }
        }
        judged
    }

    /// Whether the chip has shown that it holds one of the keys.
    #[must_use]
    pub fn proves(&self, data: &ChipAuthenticationData) -> bool {
        self.keys().any(|key| data.verify(key).unwrap_or(false))
    }
}
