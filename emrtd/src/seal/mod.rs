//! Visible digital seals: signed bar codes on visas, travel papers and certificates (ICAO 9303-13, BSI TR-03137, ICAO
//! technical report VDS-NC).
//!
//! | form | content | signature | signer's certificate |
//! |---|---|---|---|
//! | VDS, version 3 and 4 | header and features in C40 and binary | ECDSA, r ‖ s, hash by the curve (9303-13 §2.4) | named in the header by state, signer and serial number |
//! | VDS-NC | JSON, canonical by RFC 8785 | ECDSA, r ‖ s, `ES256` and its kin (RFC 7518 §3.4) | in the seal |
//!
//! | file | content |
//! |---|---|
//! | `mod.rs` | which form it is |
//! | `vds.rs`, `c40.rs` | the binary form |
//! | `nc.rs` | the JSON form |
//! | `content.rs` | what the features mean, as a table |
//! | `verify.rs` | who signed |
//!
//! It stands in this crate because everything behind the signature is that of passive authentication: the same trust
//! store, chain, revocation, validity, state and scope, and the same five codes of the answer. Only the signer differs:
//! a bar code signer (9303-12 §7.1.3) signs seals and never a document, a document signer never a seal.
//!
//! A seal has no defence against copies: it tells what the issuer wrote, not that this paper is the one.
//!
//! Another form, the ICAO Datastructure for Barcode (`NDB1`, `RDB1`), is told apart and not read. VDS-NC has no binary
//! form in its report, so none is read.

mod c40;
mod content;
mod nc;
mod vds;
mod verify;

pub use content::{Content, Dose, SealKind, Stay, Text, Value};
pub use nc::VdsNc;
pub use vds::{Header, Vds};

use crate::document::{Document, DocumentKind};
use thiserror::Error;
use zeroize::Zeroizing;

/// The most bytes of a seal: a QR code holds 2,953.
pub const MAX_LENGTH: usize = 4096;

/// Why something is no seal, or one that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SealError {
    /// Neither form.
    #[error("this is no visible digital seal")]
    Unknown,
    /// A form or version that is not read here.
    #[error("this form of a seal is not read here: {0}")]
    Unsupported(&'static str),
    /// Longer than any bar code.
    #[error("a seal has at most {MAX_LENGTH} bytes")]
    TooLong,
    /// This part has not the form that it must have.
    #[error("the seal is damaged, or not rightly made: {0}")]
    Malformed(&'static str),
}

impl SealError {
    /// A stable identifier.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "seal_unknown",
            Self::Unsupported(_) => "seal_unsupported",
            Self::TooLong => "seal_too_long",
            Self::Malformed(_) => "seal_malformed",
        }
    }
}

/// The form of a seal in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealForm {
    /// Bytes of a VDS as hexadecimal digits.
    Hex,
    /// Bytes of a VDS in base64.
    Base64,
    /// Bytes of a VDS that a scanner took for Latin-1.
    Latin1,
    /// VDS-NC.
    Json,
    /// ICAO Datastructure for Barcode.
    Idb,
}

impl SealForm {
    /// Tells whether a text is a seal, well formed or not.
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.starts_with('{') {
            return nc::looks_like(text).then_some(Self::Json);
        }
        if text.starts_with("NDB1") || text.starts_with("RDB1") {
            let is_base32 = |b: u8| b.is_ascii_uppercase() || matches!(b, b'2'..=b'7' | b'=');
            return (text.len() > 40 && text[4..].bytes().all(is_base32)).then_some(Self::Idb);
        }
        let starts = |prefix: &str| text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        if starts("dc02") || starts("dc03") {
            return (text.len() >= 36 && text.bytes().all(|b| b.is_ascii_hexdigit())).then_some(Self::Hex);
        }
        if text.starts_with("3A") && text.as_bytes().get(2).is_some_and(|b| (b'I'..=b'P').contains(b)) {
            let is_base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/-_=".contains(&b);
            return (text.len() >= 24 && text.bytes().all(is_base64)).then_some(Self::Base64);
        }
        let latin1 = text.starts_with("\u{dc}\u{2}") || text.starts_with("\u{dc}\u{3}");
        (latin1 && text.chars().all(|c| u32::from(c) < 256)).then_some(Self::Latin1)
    }
}

/// A seal.
#[derive(Debug, Clone, PartialEq)]
pub enum Seal {
    /// The binary form.
    Vds(Vds),
    /// The JSON form.
    NonConstrained(Box<VdsNc>),
}

impl Seal {
    /// Reads a seal: the bytes of the bar code, or a text that stands for them.
    ///
    /// # Errors
    /// When it is none, or malformed.
    pub fn parse(bytes: &[u8]) -> Result<Self, SealError> {
        // As text every byte has two digits, or may be one of UTF-8's two.
        if bytes.len() > 2 * MAX_LENGTH {
            return Err(SealError::TooLong);
        }
        if bytes.first() == Some(&vds::MAGIC) && bytes.get(1).is_some_and(|version| *version < 0x10) {
            return Vds::parse(bytes).map(Self::Vds);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| SealError::Unknown)?.trim_matches(['\u{feff}', '\0']).trim();
        let decoded = |bytes: Option<Vec<u8>>| {
            let bytes = Zeroizing::new(bytes.ok_or(SealError::Malformed("encoding of its bytes"))?);
            Vds::parse(&bytes).map(Self::Vds)
        };
        match SealForm::of_text(text).ok_or(SealError::Unknown)? {
            SealForm::Hex => decoded(hex::decode(text).ok()),
            SealForm::Base64 => decoded(nc::base64(text)),
            SealForm::Latin1 => decoded(text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()),
            SealForm::Json => VdsNc::parse(text).map(|seal| Self::NonConstrained(Box::new(seal))),
            SealForm::Idb => Err(SealError::Unsupported("ICAO Datastructure for Barcode")),
        }
    }

    /// `vds` or `vds_nc`.
    #[must_use]
    pub const fn form(&self) -> &'static str {
        match self {
            Self::Vds(_) => "vds",
            Self::NonConstrained(_) => "vds_nc",
        }
    }

    /// The issuing state or organisation, three letters or `D`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        match self {
            Self::Vds(vds) => &vds.header.country,
            Self::NonConstrained(seal) => &seal.issuer,
        }
    }

    /// What it says.
    #[must_use]
    pub const fn content(&self) -> &Content {
        match self {
            Self::Vds(vds) => &vds.content,
            Self::NonConstrained(seal) => &seal.content,
        }
    }

    /// What a certificate must vouch for.
    fn document(&self) -> Document {
        let issuer = self.issuer().to_owned();
        Document { kind: DocumentKind::Seal, issuer, code: self.content().document_code().to_owned() }
    }
}

#[cfg(test)]
mod tests;
