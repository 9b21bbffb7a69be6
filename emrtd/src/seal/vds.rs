//! The binary form: header, features, signature (ICAO 9303-13 §2.2 to §2.4).

use super::content::Content;
use super::{MAX_LENGTH, SealError, c40};
use crate::x509::UnixTime;
use zeroize::Zeroizing;

/// The first byte of every seal.
pub(super) const MAGIC: u8 = 0xDC;

/// Where the signature begins.
const SIGNATURE: u8 = 0xFF;

/// The header (9303-13 §2.2, table 1).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// 3 or 4.
    pub version: u8,
    /// The issuing state, fillers removed.
    pub country: String,
    /// The signer: two letters of its state, two of its own.
    pub signer: String,
    /// The serial number of the signer's certificate, as hexadecimal digits.
    pub reference: String,
    /// When the document was issued.
    pub issued: UnixTime,
    /// When it was signed.
    pub signed: UnixTime,
    /// Document feature definition reference.
    pub definition: u8,
    /// Document type category.
    pub category: u8,
}

/// A seal in the binary form. Personal data: `Debug` shows only the header.
#[derive(Clone, PartialEq)]
pub struct Vds {
    /// The header.
    pub header: Header,
    /// What the features say.
    pub content: Content,
    /// Header and features, as they are signed.
    pub(super) signed: Zeroizing<Vec<u8>>,
    /// r ‖ s.
    pub(super) signature: Vec<u8>,
}

impl std::fmt::Debug for Vds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vds({:?}, {:?})", self.header, self.content)
    }
}

impl Vds {
    /// Reads a seal. What a reader left behind the signature is no matter: nothing signs it, and nobody reads it.
    ///
    /// # Errors
    /// When header, features or signature are not as the standard has them.
    pub fn parse(bytes: &[u8]) -> Result<Self, SealError> {
        if bytes.len() > MAX_LENGTH {
            return Err(SealError::TooLong);
        }
        let mut rest = Cursor(bytes);
        if rest.byte("header")? != MAGIC {
            return Err(SealError::Unknown);
        }
        let header = header(&mut rest)?;
        let mut features: Vec<(u8, &[u8])> = Vec::new();
        let signed = loop {
            let before = bytes.len() - rest.0.len();
            let tag = rest.byte("signature is missing")?;
            if tag == SIGNATURE {
                break &bytes[..before];
            }
            let length = if header.version == 3 { usize::from(rest.byte("feature")?) } else { rest.length()? };
            // Who reads the other one reads something else.
            if features.iter().any(|(other, _)| *other == tag) {
                return Err(SealError::Malformed("a feature stands twice"));
            }
            features.push((tag, rest.take(length, "feature")?));
        };
        let length = rest.length()?;
        let signature = rest.take(length, "signature")?;
        if features.is_empty() || signature.is_empty() || !signature.len().is_multiple_of(2) {
            return Err(SealError::Malformed("signature"));
        }
        let content = Content::of_features(header.category, header.definition, &features);
        Ok(Self { header, content, signed: Zeroizing::new(signed.to_vec()), signature: signature.to_vec() })
    }
}

fn header(rest: &mut Cursor<'_>) -> Result<Header, SealError> {
    let version = match rest.byte("header")? {
        2 => 3,
        3 => 4,
        _ => return Err(SealError::Unsupported("version")),
    };
    let text = |bytes: &[u8]| c40::decode(bytes).ok_or(SealError::Malformed("header"));
    let country = text(rest.take(2, "header")?)?.trim_end().to_owned();
    let (signer, reference) = if version == 3 {
        let name = text(rest.take(6, "header")?)?;
        let (signer, reference) = name.split_at_checked(4).ok_or(SealError::Malformed("signer"))?;
        (signer.to_owned(), reference.to_owned())
    } else {
        // Six characters tell how many follow them; all are encoded as one text.
        let start = text(rest.peek(4)?)?;
        let follow = start.get(4..6).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let follow = usize::from(follow.ok_or(SealError::Malformed("signer"))?);
        let name = text(rest.take((6 + follow).div_ceil(3) * 2, "header")?)?;
        if name.len() != 6 + follow {
            return Err(SealError::Malformed("signer"));
        }
        (name[..4].to_owned(), name[6..].to_owned())
    };
    let letters = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase());
    let is_reference = !reference.is_empty() && reference.bytes().all(|b| b.is_ascii_hexdigit());
    if !letters(&country) || !letters(&signer[..2]) || signer.contains(' ') || !is_reference {
        return Err(SealError::Malformed("signer"));
    }
    let issued = date(rest.take(3, "header")?).ok_or(SealError::Malformed("date of issue"))?;
    let signed = date(rest.take(3, "header")?).ok_or(SealError::Malformed("date of signature"))?;
    let (definition, category) = (rest.byte("header")?, rest.byte("header")?);
    Ok(Header { version, country, signer, reference, issued, signed, definition, category })
}

/// Three bytes: the decimal number `MMDDYYYY` (9303-13 §2.3.1).
fn date(bytes: &[u8]) -> Option<UnixTime> {
    let number = bytes.iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte));
    let (month, day, year) = (number / 1_000_000, number / 10_000 % 100, number % 10_000);
    UnixTime::from_date(i32::try_from(year).ok()?, u8::try_from(month).ok()?, u8::try_from(day).ok()?)
}

/// What is left to read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize, what: &'static str) -> Result<&'a [u8], SealError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(SealError::Malformed(what))?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self, what: &'static str) -> Result<u8, SealError> {
        Ok(self.take(1, what)?[0])
    }

    fn peek(&self, length: usize) -> Result<&'a [u8], SealError> {
        self.0.get(..length).ok_or(SealError::Malformed("header"))
    }

    /// A length of DER (X.690 §10.1).
    fn length(&mut self) -> Result<usize, SealError> {
        let first = self.byte("length")?;
        match first {
            ..=0x7F => Ok(usize::from(first)),
            0x81..=0x84 => {
                let bytes = self.take(usize::from(first & 0x0F), "length")?;
                Ok(bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
            }
            _ => Err(SealError::Malformed("length")),
        }
    }
}
