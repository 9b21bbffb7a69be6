//! Faults on demand.

use std::str::FromStr;
use thiserror::Error;

/// What is wrong with a card, or how it differs from a plain one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// The card leaves the field after this many response bytes.
    Lifted(usize),
    /// Every command takes this many milliseconds longer.
    Slow(u64),
    /// The card is another one than the number says: no password fits.
    WrongPassword,
    /// A copy: all files, but none of the private keys. It answers in full all the same.
    Cloned,
    /// A copy that leaves out EF.DG14 and EF.DG15, hoping that nobody asks.
    Stripped,
    /// One byte of this data group was changed.
    Altered(u8),
    /// Signed under somebody's own CSCA.
    SelfMadeCsca,
    /// Signed by a document signer whose certificate had expired.
    ExpiredDsc,
    /// Signed by a document signer that is on the revocation list.
    RevokedDsc,
    /// After access every answer is two meaningless bytes.
    Garbage,
    /// A chip that has neither active nor chip authentication.
    NoCloneCheck,
    /// A chip without EF.CardAccess: BAC only.
    NoPace,
    /// A chip whose EF.CardAccess cannot be read although it does PACE.
    HiddenCardAccess,
    /// A chip that refuses extended length with 6700.
    NoExtendedLength,
    /// A chip that lets SELECT MF pass, for readers that insist on it.
    TolerateSelectMf,
}

/// A way in which a chip differs that is no fault of its data; a chip may have several. Met in the field
/// (`vectors/field-cases`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quirk {
    /// INTERNAL AUTHENTICATE wants exactly the signature's length as Le, and names it with `6Cxx` otherwise.
    ActiveExactLength,
    /// INTERNAL AUTHENTICATE answers 9000 without data when Le is above 256.
    ActiveEmptyOnExtended,
    /// INTERNAL AUTHENTICATE gives only so many bytes of the signature.
    ActiveTruncated(usize),
    /// INTERNAL AUTHENTICATE gives the signature in two parts: `61xx`, then GET RESPONSE.
    ActiveInParts,
    /// INTERNAL AUTHENTICATE is refused with this status.
    ActiveRefused(u16),
    /// A command of chip authentication is refused.
    ChipRefused {
        /// `22` for MSE, `86` for GENERAL AUTHENTICATE.
        ins: u8,
        /// The status.
        status: u16,
    },
    /// The first command after chip authentication is answered with this status, without protection.
    BareConfirm(u16),
}

/// The text names no fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown fault {0:?}; known are {known}", known = Fault::SYNTAX)]
pub struct FaultError(String);

impl Fault {
    /// All spellings, for help texts.
    pub const SYNTAX: &'static str = "none, lifted:BYTES, slow:MILLISECONDS, wrong-password, cloned, stripped, \
        altered:GROUP, self-made-csca, expired-dsc, revoked-dsc, garbage, no-clone-check, no-pace, hidden-card-access, no-extended-length, \
        tolerate-select-mf";
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let unknown = || FaultError(text.to_owned());
        let (name, argument) = text.split_once(':').map_or((text, None), |(name, argument)| (name, Some(argument)));
        let number = |default: u64| match argument {
            None => Ok(default),
            Some(argument) => argument.parse().map_err(|_| unknown()),
        };
        let fault = match name {
            "lifted" => Self::Lifted(number(3000)? as usize),
            "slow" => Self::Slow(number(50)?),
            "altered" => Self::Altered(u8::try_from(number(13)?).map_err(|_| unknown())?),
            _ if argument.is_some() => return Err(unknown()),
            "none" => Self::None,
            "wrong-password" => Self::WrongPassword,
            "cloned" => Self::Cloned,
            "stripped" => Self::Stripped,
            "self-made-csca" => Self::SelfMadeCsca,
            "expired-dsc" => Self::ExpiredDsc,
            "revoked-dsc" => Self::RevokedDsc,
            "garbage" => Self::Garbage,
            "no-clone-check" => Self::NoCloneCheck,
            "no-pace" => Self::NoPace,
            "hidden-card-access" => Self::HiddenCardAccess,
            "no-extended-length" => Self::NoExtendedLength,
            "tolerate-select-mf" => Self::TolerateSelectMf,
            _ => return Err(unknown()),
        };
        Ok(fault)
    }
}
