//! A chip that is honest but for one lie in a protocol: it has files, keys and password, and departs from the standard in
//! exactly one place, so that exactly one check of the terminal stands in its way.

/// Makes the enum and the list of all of it.
macro_rules! tampers {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// The one place where a chip lies in a protocol.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Tamper { $($(#[doc = $doc])+ $name,)+ }

        impl Tamper {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$name,)+];
        }
    };
}

tampers! {
    /// Secure messaging: a bit of the MAC is another.
    MacWrong,
    /// The response has no MAC.
    MacMissing,
    /// The MAC is a byte short.
    MacShort,
    /// The MAC is that of the command.
    MacReflected,
    /// The command comes back as its own response.
    CommandReflected,
    /// The response before comes once more.
    AnswerRepeated,
    /// The counter stands where it stood for the command.
    CounterReused,
    /// The counter is one ahead.
    CounterSkipped,
    /// A bit of the cryptogram is another, under the MAC of the right one.
    CryptogramChanged,
    /// The cryptogram is not whole blocks, under a right MAC.
    CryptogramCut,
    /// What is encrypted has no padding, under a right MAC.
    PaddingWrong,
    /// The padding indicator is another, under a right MAC.
    PaddingIndicatorWrong,
    /// The status bytes alone, in the clear.
    StatusInClear,
    /// Data and status in the clear.
    DataInClear,
    /// Another status outside than inside.
    StatusDiffers,
    /// No status inside, under a right MAC.
    StatusMissing,
    /// A status of three bytes inside, under a right MAC.
    StatusLong,
    /// An object behind the MAC.
    BytesAfterMac,
    /// BAC: a challenge of seven bytes.
    BacChallengeShort,
    /// A bit of the MAC is another.
    BacMacWrong,
    /// A bit of the cryptogram is another, under the MAC of the right one.
    BacCryptogramChanged,
    /// The response is a byte short.
    BacAnswerShort,
    /// RND.IC is not the challenge that was given.
    BacOtherChipChallenge,
    /// RND.IFD is not the terminal's.
    BacOtherTerminalChallenge,
    /// The terminal's own cryptogram and MAC come back: who has no key can do that.
    BacReflected,
    /// PACE: an encrypted nonce that is not whole blocks.
    PaceNonceCut,
    /// An encrypted nonce that is too long.
    PaceNonceLong,
    /// A mapping key that is no point of the curve.
    PaceMappingOffCurve,
    /// An ephemeral key that is no point of the curve.
    PaceKeyOffCurve,
    /// Another ephemeral key than the one that the chip has; it takes any token.
    PaceKeyOther,
    /// The terminal's own ephemeral key and token come back: who has no password can do that.
    PaceKeyReflected,
    /// A bit of the token is another.
    PaceTokenWrong,
    /// The token is the terminal's.
    PaceTokenReflected,
    /// The token is a byte short.
    PaceTokenShort,
    /// There is no token.
    PaceTokenMissing,
    /// Chip-authentication mapping: no chip authentication data.
    MappingDataMissing,
    /// Chip authentication data without padding.
    MappingDataUnpadded,
    /// Chip authentication data of another key.
    MappingDataOther,
    /// Chip authentication: another key than that of EF.DG14, and answers under it.
    ChipKeyOther,
    /// The keys of the session before, and answers under them.
    ChipSessionOld,
    /// Active authentication: a signature of another challenge.
    ActiveOtherChallenge,
    /// A signature with another key.
    ActiveOtherKey,
    /// RSA: a hash that is a bit off.
    ActiveHashWrong,
    /// RSA: another header than `6A`.
    ActiveHeaderWrong,
    /// RSA: a trailer that is none.
    ActiveTrailerWrong,
    /// Terminal authentication: a challenge of seven bytes.
    TerminalChallengeShort,
}

/// Bytes with the last bit another.
pub(crate) fn flipped(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    bytes
}
