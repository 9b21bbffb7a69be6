//! The logical data structure (ICAO 9303-10): typed views of the files, over the bytes as read.

pub mod biometric;
pub mod card_security;
pub mod com;
pub mod dg1;
pub mod dg11;
pub mod dg12;
pub mod dg15;
pub mod dg16;
pub mod dg2;
pub mod dg7;
pub mod field;
pub mod sod;

pub use biometric::{Record, RecordFormat};
pub use card_security::CardSecurity;
pub use com::Com;
pub use dg2::{FaceImage, ImageType, NoFace};
pub use dg7::Dg7;
pub use dg11::Dg11;
pub use dg12::Dg12;
pub use dg16::Dg16;
pub use sod::{LdsSecurityObject, Sod};

use crate::security_info::SecurityInfos;
use crate::tlv::{self, TlvError};

/// EF.DG14 (ICAO 9303-10 §4.7.14): SecurityInfos in template `6E`.
///
/// # Errors
/// When the structure is malformed.
pub fn dg14(file: &[u8]) -> Result<SecurityInfos, TlvError> {
    SecurityInfos::parse(tlv::first(file, 0x6E)?.value)
}
