//! The passwords that open a chip.

use crate::crypto::HashAlgorithm;
use crate::mrz::MrzKey;
use crate::secret::Secret;
use thiserror::Error;

/// The text is not a CAN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a card access number has six digits")]
pub struct CanError;

/// A password for BAC or PACE. `Debug` names its kind only.
#[derive(Clone, PartialEq, Eq)]
pub enum Password {
    /// Key data of the machine readable zone.
    Mrz(MrzKey),
    /// Card access number.
    Can(Secret),
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Password({})", self.kind())
    }
}

impl Password {
    /// A card access number of six digits.
    ///
    /// # Errors
    /// When it is not six digits.
    pub fn can(digits: &str) -> Result<Self, CanError> {
        if digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self::Can(digits.as_bytes().into()))
        } else {
            Err(CanError)
        }
    }

    /// Whether it opens BAC, too.
    #[must_use]
    pub const fn is_mrz(&self) -> bool {
        matches!(self, Self::Mrz(_))
    }

    /// `MRZ` or `CAN`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Mrz(_) => "MRZ",
            Self::Can(_) => "CAN",
        }
    }

    /// The password reference of MSE:Set AT (ICAO 9303-11 §4.4.4.1).
    #[must_use]
    pub const fn reference(&self) -> u8 {
        match self {
            Self::Mrz(_) => 1,
            Self::Can(_) => 2,
        }
    }

    /// K of PACE (ICAO 9303-11 §4.4.2): SHA-1 of MRZ_information, or the CAN's digits.
    #[must_use]
    pub fn pace_secret(&self) -> Secret {
        match self {
            Self::Mrz(key) => Secret::new(HashAlgorithm::Sha1.digest(key.information())),
            Self::Can(digits) => digits.clone(),
        }
    }
}
