//! By what a person is known: one closed set for all profiles, and what each of them assures.
//!
//! | means | is | rung |
//! |---|---|---|
//! | `chip` | a document's chip was read and judged | what the judgement says |
//! | `vneid` | VNeID, shown to staff; or confirmed by a provider ([`crate::vneid`]) | `shown`; `pinned` |
//! | `seen` | a paper of a closed list of kinds, seen by staff | `shown` |
//! | `typed` | what somebody says, a child with their adult for instance | `claimed` |

use cccd::document::Kind;
use serde::{Deserialize, Serialize};

program::closed_set! {
    /// By what a person is known. It goes with the rung to everybody who receives something.
    pub enum Means {
        /// A chip was read and judged.
        Chip = "chip",
        /// VNeID was shown, or a provider confirmed it.
        Vneid = "vneid",
        /// A member of staff saw a paper.
        Seen = "seen",
        /// Their word.
        Typed = "typed",
    }
}

/// Where the data come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The chip of a citizen card.
    #[default]
    CitizenCard,
    /// The chip of a passport.
    Passport,
    /// The chip of another card: of a resident, or of another state.
    OtherCard,
    /// VNeID: not read from a chip.
    Vneid,
    /// A paper that a member of staff saw: not verified.
    Seen,
    /// What somebody says; in records of versions that had one word for all without a chip, also what staff saw.
    Typed,
}

impl Source {
    /// Of somebody without a chip, by what staff saw of them.
    #[must_use]
    pub const fn without_chip(seen: Option<Paper>) -> Self {
        match seen {
            Some(Paper::Vneid) => Self::Vneid,
            Some(_) => Self::Seen,
            None => Self::Typed,
        }
    }

    /// Whether a chip was read.
    #[must_use]
    pub const fn is_chip(self) -> bool {
        matches!(self, Self::CitizenCard | Self::Passport | Self::OtherCard)
    }

    /// By what the person is known; `document` is what the record says was seen.
    #[must_use]
    pub fn means(self, document: &str) -> Means {
        match self {
            Self::CitizenCard | Self::Passport | Self::OtherCard => Means::Chip,
            Self::Vneid => Means::Vneid,
            Self::Seen => Means::Seen,
            Self::Typed if document == Paper::Vneid.code() => Means::Vneid,
            Self::Typed if !document.is_empty() => Means::Seen,
            Self::Typed => Means::Typed,
        }
    }
}

impl From<Kind> for Source {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::CitizenCard => Self::CitizenCard,
            Kind::Passport => Self::Passport,
            Kind::IdentityCard | Kind::ResidenceCard | Kind::Other => Self::OtherCard,
        }
    }
}

/// What a member of staff saw of somebody without a chip, or with one that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Paper {
    /// The citizen card, whose chip does not answer.
    CitizenCard,
    /// VNeID on a telephone.
    Vneid,
    /// A passport.
    Passport,
    /// A child's birth certificate.
    BirthCertificate,
    /// A driving licence.
    DrivingLicence,
    /// A card of a resident who is no citizen.
    ResidenceCard,
    /// Chứng minh nhân dân of nine digits; void since 2025-01-01.
    OldIdentityCard,
    /// Giấy chứng nhận căn cước: of people of Vietnamese descent without a nationality (Luật Căn cước 26/2023/QH15, Art. 30).
    IdentityCertificate,
    /// Thẻ bảo hiểm y tế.
    HealthInsuranceCard,
    /// Thông báo số định danh cá nhân.
    NumberNotice,
    /// Anything else, by its name.
    OtherPaper,
}

impl Paper {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::CitizenCard,
        Self::Vneid,
        Self::Passport,
        Self::BirthCertificate,
        Self::DrivingLicence,
        Self::ResidenceCard,
        Self::OldIdentityCard,
        Self::IdentityCertificate,
        Self::HealthInsuranceCard,
        Self::NumberNotice,
        Self::OtherPaper,
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::CitizenCard => "citizen_card",
            Self::Vneid => "vneid",
            Self::Passport => "passport",
            Self::BirthCertificate => "birth_certificate",
            Self::DrivingLicence => "driving_licence",
            Self::ResidenceCard => "residence_card",
            Self::OldIdentityCard => "old_identity_card",
            Self::IdentityCertificate => "identity_certificate",
            Self::HealthInsuranceCard => "health_insurance_card",
            Self::NumberNotice => "number_notice",
            Self::OtherPaper => "other_paper",
        }
    }

    /// The kind with this code.
    #[must_use]
    pub fn find(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|paper| paper.code() == code)
    }

    /// What people call it, in Vietnamese and English.
    #[must_use]
    pub const fn label(self) -> (&'static str, &'static str) {
        match self {
            Self::CitizenCard => ("Thẻ căn cước", "Citizen card"),
            Self::Vneid => ("VNeID", "VNeID"),
            Self::Passport => ("Hộ chiếu", "Passport"),
            Self::BirthCertificate => ("Giấy khai sinh", "Birth certificate"),
            Self::DrivingLicence => ("Giấy phép lái xe", "Driving licence"),
            Self::ResidenceCard => ("Thẻ cư trú", "Residence card"),
            Self::OldIdentityCard => ("Chứng minh nhân dân (9 số)", "Old identity card (9 digits)"),
            Self::IdentityCertificate => ("Giấy chứng nhận căn cước", "Certificate of identity"),
            Self::HealthInsuranceCard => ("Thẻ bảo hiểm y tế", "Health insurance card"),
            Self::NumberNotice => ("Thông báo số định danh cá nhân", "Notice of the personal number"),
            Self::OtherPaper => ("Giấy tờ khác", "Another paper"),
        }
    }
}
