//! What may be odd or wrong about EF.SOD and its signer, and what it means by ICAO 9303-10 to -12, RFC 5280 and 5652.

use super::Paper;

/// What is odd or wrong about the signature. The names are those of the practice issuer's oddities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "virtual_card::issuer::Oddity describes each")]
pub enum Form {
    Plain,
    BytesAfterFile,
    SignerCountry,
    SigningTimeMissing,
    SigningTimeFuture,
    Rsa1024,
    P192,
    Sha1,
    Sha1Signature,
    Sha1Certificate,
    BarcodeSigner,
    MasterListSigner,
    DeviationListSigner,
    OtherPurpose,
    NoDigitalSignature,
    KeyCertSign,
    UnknownCritical,
    OtherDocumentType,
    SignerIsAuthority,
    WrongSignature,
    WrongContentHash,
    NoCertificate,
    Rsa512,
    RsaExponentOne,
    Md5Digest,
    Truncated,
    OtherContent,
    TwoSigners,
}

impl Form {
    /// Every one.
    pub const ALL: [Self; 28] = [
        Self::Plain,
        Self::BytesAfterFile,
        Self::SignerCountry,
        Self::SigningTimeMissing,
        Self::SigningTimeFuture,
        Self::Rsa1024,
        Self::P192,
        Self::Sha1,
        Self::Sha1Signature,
        Self::Sha1Certificate,
        Self::BarcodeSigner,
        Self::MasterListSigner,
        Self::DeviationListSigner,
        Self::OtherPurpose,
        Self::NoDigitalSignature,
        Self::KeyCertSign,
        Self::UnknownCritical,
        Self::OtherDocumentType,
        Self::SignerIsAuthority,
        Self::WrongSignature,
        Self::WrongContentHash,
        Self::NoCertificate,
        Self::Rsa512,
        Self::RsaExponentOne,
        Self::Md5Digest,
        Self::Truncated,
        Self::OtherContent,
        Self::TwoSigners,
    ];

    /// Old algorithms: too weak where strength is asked for.
    pub(super) const fn is_weak(self) -> bool {
        matches!(self, Self::Rsa1024 | Self::P192 | Self::Sha1 | Self::Sha1Signature | Self::Sha1Certificate)
    }

    /// The signature itself is wrong, or of something else.
    pub(super) const fn is_wrong(self) -> bool {
        matches!(self, Self::WrongSignature | Self::WrongContentHash)
    }

    /// The signer's certificate says that it is for something else.
    pub(super) const fn is_for_others(self, paper: Paper) -> bool {
        match self {
            Self::BarcodeSigner
            | Self::MasterListSigner
            | Self::DeviationListSigner
            | Self::OtherPurpose
            | Self::NoDigitalSignature
            | Self::KeyCertSign
            | Self::UnknownCritical => true,
            // For passports only.
            Self::OtherDocumentType => !matches!(paper, Paper::PassportVnm | Paper::PassportKor),
            _ => false,
        }
    }

    /// There is a signature, and nothing that it could be checked with, or it is worth nothing.
    pub(super) const fn is_uncheckable(self) -> bool {
        matches!(self, Self::NoCertificate | Self::Rsa512 | Self::RsaExponentOne)
    }

    /// Nobody can read what was signed: it lists no group, and so accuses none.
    pub(super) const fn is_unreadable(self) -> bool {
        matches!(self, Self::Md5Digest | Self::Truncated | Self::OtherContent | Self::TwoSigners)
    }

    pub(super) const fn has_no_time(self) -> bool {
        matches!(self, Self::SigningTimeMissing | Self::SigningTimeFuture)
    }
}
