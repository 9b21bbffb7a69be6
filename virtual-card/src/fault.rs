//! Faults on demand.

use crate::manners::{CardAccess, Extended, Manners, MasterFile, Refused};
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

/// The text names no fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown fault {0:?}; known are {known}", known = Fault::SYNTAX)]
pub struct FaultError(String);

impl Fault {
    /// All spellings, for help texts.
    pub const SYNTAX: &'static str = "none, lifted:BYTES, slow:MILLISECONDS, wrong-password, cloned, stripped, \
        altered:GROUP, self-made-csca, expired-dsc, revoked-dsc, garbage, no-clone-check, no-pace, hidden-card-access, no-extended-length, \
        tolerate-select-mf";

    /// Manners with those that the fault means: some have a name among the faults.
    #[must_use]
    pub(crate) fn manners(self, manners: Manners) -> Manners {
        match self {
            Self::NoPace => Manners { card_access: CardAccess::Absent, ..manners },
            Self::HiddenCardAccess => Manners { card_access: CardAccess::Hidden, ..manners },
            Self::NoExtendedLength => Manners { extended: Extended::Refused(Refused::bare(0x6700)), ..manners },
            Self::TolerateSelectMf => Manners { master_file: MasterFile::Any, ..manners },
            _ => manners,
        }
    }
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
