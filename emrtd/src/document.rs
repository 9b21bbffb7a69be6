//! What kind of document a chip belongs to, and for which kinds a certificate may vouch.
//!
//! The kind is told from the machine readable zone in EF.DG1 (ICAO 9303-3 §4.4, 9303-4, -5, -6), never from what
//! opened the chip.

use crate::mrz::{Mrz, MrzFormat};
use std::fmt;

/// A kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum DocumentKind {
    /// A passport: a document code that begins with `P` (9303-4, 4.2.2.3).
    Passport = 1,
    /// A card of the size TD1 or TD2 of a state for its own nationals (9303-5 and 9303-6, 4.2.2): `I`, `A` or `C`.
    IdentityCard = 2,
    /// A card of a state for the nationals of another, or with `R` as second letter.
    ResidenceCard = 4,
    /// A visible digital seal, whatever it is printed on (9303-13); never told from a machine readable zone.
    Seal = 16,
    /// Anything else: a visa, a crew member's certificate (`AC`), a code that ICAO 9303 does not have.
    Other = 8,
}

impl DocumentKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Passport, Self::IdentityCard, Self::ResidenceCard, Self::Other, Self::Seal];

    /// Its stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Passport => "passport",
            Self::IdentityCard => "identity_card",
            Self::ResidenceCard => "residence_card",
            Self::Other => "other",
            Self::Seal => "seal",
        }
    }

    /// The kind with this code.
    #[must_use]
    pub fn find(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// What EF.DG1 says of the document itself; nothing of the holder but whether they are a national.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Document {
    /// Its kind.
    pub kind: DocumentKind,
    /// The issuing state or organisation as the MRZ has it, fillers removed: `VNM`, `D`.
    pub issuer: String,
    /// The document code, fillers removed: `ID`, `P`.
    pub code: String,
}

impl Document {
    /// Of this kind; issuer and code without fillers.
    #[must_use]
    pub fn new(kind: DocumentKind, issuer: impl Into<String>, code: impl Into<String>) -> Self {
        Self { kind, issuer: issuer.into(), code: code.into() }
    }

    /// From the machine readable zone.
    #[must_use]
    pub fn of(mrz: &Mrz) -> Self {
        let code = mrz.document_code.trim_end_matches('<');
        let issuer = mrz.issuer.trim_end_matches('<');
        let kind = match (code.as_bytes(), mrz.format) {
            ([b'P', ..], _) => DocumentKind::Passport,
            // A crew member's certificate says nothing of residence or nationality.
            (_, MrzFormat::Td3) | ([b'A', b'C'], _) => DocumentKind::Other,
            // TR and EU permits write R behind the first letter.
            ([b'A' | b'C' | b'I', b'R', ..], _) => DocumentKind::ResidenceCard,
            ([b'A' | b'C' | b'I', ..], _) => {
                let nationality = mrz.nationality.trim_end_matches('<');
                if nationality.is_empty() || nationality == issuer {
                    DocumentKind::IdentityCard
                } else {
                    DocumentKind::ResidenceCard
                }
            }
            _ => DocumentKind::Other,
        };
        Self { kind, issuer: issuer.to_owned(), code: code.to_owned() }
    }
}

/// For which kinds of document of its state a certificate vouches.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope(u8);

impl Scope {
    /// Every kind.
    pub const ALL: Self = Self(31);
    /// No kind.
    pub const NONE: Self = Self(0);

    /// These kinds.
    #[must_use]
    pub const fn of(kinds: &[DocumentKind]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < kinds.len() {
            bits |= kinds[at] as u8;
            at += 1;
        }
        Self(bits)
    }

    /// Whether this kind is among them.
    #[must_use]
    pub const fn contains(self, kind: DocumentKind) -> bool {
        self.0 & kind as u8 != 0
    }

    /// What both have.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What either has.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The kinds.
    pub fn kinds(self) -> impl Iterator<Item = DocumentKind> {
        DocumentKind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes: Vec<_> = self.kinds().map(DocumentKind::code).collect();
        f.write_str(&codes.join(", "))
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({self})")
    }
}
