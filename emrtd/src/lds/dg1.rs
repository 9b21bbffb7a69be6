//! EF.DG1 (ICAO 9303-10 §4.7.1): the machine readable zone.

use crate::mrz::{Mrz, MrzError};
use crate::tlv::{self, TlvError};
use thiserror::Error;

/// Why EF.DG1 yields no MRZ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Dg1Error {
    /// The structure is malformed.
    #[error("EF.DG1 is malformed")]
    Malformed(#[from] TlvError),
    /// The text is no MRZ.
    #[error("EF.DG1 holds no MRZ")]
    Mrz(#[from] MrzError),
}

/// Reads the file.
///
/// # Errors
/// When the structure or the MRZ is malformed.
pub fn parse(file: &[u8]) -> Result<Mrz, Dg1Error> {
    let dg1 = tlv::first(file, 0x61)?;
    let mrz = tlv::first(dg1.value, 0x5F1F)?;
    let text = std::str::from_utf8(mrz.value).map_err(|_| MrzError::Character)?;
    Ok(Mrz::parse(text)?)
}
