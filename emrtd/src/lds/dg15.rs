//! EF.DG15 (ICAO 9303-10 §4.7.15): the public key of active authentication.

use crate::crypto::{CryptoError, PublicKey};
use crate::tlv::{self, tag};

/// Reads the file.
///
/// # Errors
/// When the structure is malformed or the key is not accepted.
pub fn parse(file: &[u8]) -> Result<PublicKey, CryptoError> {
    let malformed = CryptoError::malformed("EF.DG15");
    let dg15 = tlv::first(file, 0x6F).map_err(&malformed)?;
    PublicKey::from_chip(&tlv::first(dg15.value, tag::SEQUENCE).map_err(&malformed)?)
}
