//! What a scan is, told by its form alone: one recogniser for every place where a scanner is.
//!
//! | kind | form | opens |
//! |---|---|---|
//! | citizen card | twelve digits, a separator, more ([`crate::qr`]) | by the number |
//! | number | twelve digits | by the number |
//! | machine readable zone | [`emrtd::mrz::MrzText`] | by the key fields |
//! | health insurance card (BHYT) | `$` at the end or a hexadecimal name; a printed code of 15 | |
//! | old identity card (CMND) | nine digits | |
//! | VNeID | a link to `vneid.gov.vn`, or of the app (its payload is not published) | |
//! | link | a scheme and a host | |
//! | payment (VietQR) | EMVCo merchant-presented QR: `000201` first, CRC of field 63 right | |
//! | boarding pass | IATA resolution 792, `M` and the number of legs, airports, day of the year | |
//! | seal | [`emrtd::seal`]: ICAO 9303-13 | |
//!
//! Nothing here is believed: a code is unsigned, or its signature is checked elsewhere.

pub use crate::insurance::Insurance;
use crate::number::Number;
use crate::qr::{self, Qr, QrError, Scan};
use emrtd::mrz::{self, MrzText};
use emrtd::seal::SealForm;
use zeroize::Zeroizing;

/// What a scan is, with what of it is of use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// A citizen card's code.
    CitizenCard(Box<Qr>),
    /// The twelve digits alone.
    Number(Number),
    /// A machine readable zone that opens a chip.
    Mrz {
        /// What of it opens.
        mrz: Box<MrzText>,
        /// It begins as a citizen card's does.
        is_citizen: bool,
    },
    /// A health insurance card.
    HealthInsurance(Insurance),
    /// Something else, which opens nothing.
    Other(Kind),
}

/// What a scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A citizen card.
    CitizenCard,
    /// Twelve digits.
    Number,
    /// A machine readable zone.
    Mrz,
    /// A machine readable zone whose key fields do not fit, and cannot be mended.
    MrzUnread,
    /// The code of a citizen card whose number is not one.
    CitizenCardUnread,
    /// A health insurance card.
    HealthInsurance,
    /// The nine digits of an identity card of before 2016, not in force since 2025.
    OldNumber,
    /// Digits, of another length.
    Digits,
    /// A code of the app VNeID.
    Vneid,
    /// A link.
    Link,
    /// A code to pay with.
    Payment,
    /// A boarding pass.
    BoardingPass,
    /// A visible digital seal.
    Seal,
    /// None of these.
    Unknown,
}

impl Kind {
    /// Every one.
    pub const ALL: [Self; 14] = [
        Self::CitizenCard,
        Self::Number,
        Self::Mrz,
        Self::MrzUnread,
        Self::CitizenCardUnread,
        Self::HealthInsurance,
        Self::OldNumber,
        Self::Digits,
        Self::Vneid,
        Self::Link,
        Self::Payment,
        Self::BoardingPass,
        Self::Seal,
        Self::Unknown,
    ];

    /// The code of the failure where a card is wanted; `None` for what opens one.
    #[must_use]
    pub const fn refusal(self) -> Option<&'static str> {
        match self {
            Self::CitizenCard | Self::Number | Self::Mrz => None,
            Self::MrzUnread => Some("mrz_malformed"),
            Self::CitizenCardUnread => Some("qr_field_malformed"),
            Self::HealthInsurance => Some("qr_health_insurance"),
            Self::OldNumber => Some("qr_old_number"),
            Self::Digits => Some("number_malformed"),
            Self::Vneid => Some("qr_vneid"),
            Self::Link => Some("qr_link"),
            Self::Payment => Some("qr_payment"),
            Self::BoardingPass => Some("qr_boarding_pass"),
            Self::Seal => Some("qr_seal"),
            Self::Unknown => Some("qr_unknown"),
        }
    }
}

impl Code {
    /// Tells what a scan is.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let text = text.trim_matches(qr::is_around);
        if let Some(code) = digits(text) {
            return code;
        }
        match qr::parse(text) {
            Ok(Scan::Cccd(qr)) => return Self::CitizenCard(qr),
            Ok(Scan::HealthInsurance(insurance)) => return Self::HealthInsurance(insurance),
            Err(QrError::Field(_)) => return Self::Other(Kind::CitizenCardUnread),
            Err(QrError::Unknown) => {}
        }
        if qr::is_insurance_code(text) {
            return Self::HealthInsurance(Insurance { code: text.to_ascii_uppercase().into() });
        }
        if let Some(kind) = link(text) {
            return Self::Other(kind);
        }
        if SealForm::of_text(text).is_some() {
            return Self::Other(Kind::Seal);
        }
        if is_payment(text) {
            return Self::Other(Kind::Payment);
        }
        if is_boarding_pass(text) {
            return Self::Other(Kind::BoardingPass);
        }
        match MrzText::read(text) {
            Ok(mrz) => {
                let mut letters = text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase());
                Self::Mrz { mrz: Box::new(mrz), is_citizen: "IDVNM".chars().all(|c| letters.next() == Some(c)) }
            }
            Err(_) if mrz::looks_like(text) => Self::Other(Kind::MrzUnread),
            Err(_) => Self::Other(Kind::Unknown),
        }
    }

    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::CitizenCard(_) => Kind::CitizenCard,
            Self::Number(_) => Kind::Number,
            Self::Mrz { .. } => Kind::Mrz,
            Self::HealthInsurance(_) => Kind::HealthInsurance,
            Self::Other(kind) => *kind,
        }
    }
}

/// Digits alone, as typed or of a bar code; spaces between are no matter.
fn digits(text: &str) -> Option<Code> {
    let joined: Zeroizing<String> = Zeroizing::new(text.chars().filter(|c| !c.is_whitespace()).collect());
    if joined.is_empty() || !joined.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(match joined.len() {
        12 => Number::parse(&joined).map_or(Code::Other(Kind::Digits), Code::Number),
        9 => Code::Other(Kind::OldNumber),
        _ => Code::Other(Kind::Digits),
    })
}

/// A scheme of letters and a host, as in RFC 3986 §3; without a scheme only `www.`.
fn link(text: &str) -> Option<Kind> {
    let (scheme, rest) = match text.split_once("://") {
        Some(parts) => parts,
        None if text.get(..4).is_some_and(|www| www.eq_ignore_ascii_case("www.")) => ("https", text),
        None => return None,
    };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    if !is_scheme {
        return None;
    }
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default().split(':').next().unwrap_or_default().to_ascii_lowercase();
    let is_vneid =
        scheme.to_ascii_lowercase().contains("vneid") || host == "vneid.gov.vn" || host.ends_with(".vneid.gov.vn");
    Some(if is_vneid { Kind::Vneid } else { Kind::Link })
}

/// EMV QR Code Specification, merchant-presented mode, §4.7: objects of two digits each for tag and length; the first
/// is the format `01`, the last (63) the CRC over everything before its value.
fn is_payment(text: &str) -> bool {
    let Some(at) = text.len().checked_sub(4).filter(|at| text.is_char_boundary(*at)) else { return false };
    let (covered, crc) = text.split_at(at);
    covered.starts_with("000201")
        && covered.ends_with("6304")
        && u16::from_str_radix(crc, 16) == Ok(crc16(covered.as_bytes()))
}

/// CRC-16/CCITT-FALSE (ISO/IEC 13239, polynomial 1021, from FFFF).
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 })
    })
}

/// The mandatory items of a bar coded boarding pass (IATA resolution 792, version 1 on).
fn is_boarding_pass(text: &str) -> bool {
    let bytes = text.as_bytes();
    let all =
        |range: std::ops::Range<usize>, is: fn(&u8) -> bool| bytes.get(range).is_some_and(|part| part.iter().all(is));
    bytes.len() >= 58
        && bytes[0] == b'M'
        && matches!(bytes[1], b'1'..=b'4')
        && bytes.is_ascii()
        // From, to; the day of the year.
        && all(30..36, u8::is_ascii_uppercase)
        && all(44..47, u8::is_ascii_digit)
}

#[cfg(test)]
mod tests;
