//! EF.DG12 (ICAO 9303-10 §4.7.12): details of the document. Only the date of issue is read, which says when the
//! document was signed where EF.SOD does not.

use crate::tlv::{self, TlvError};
use crate::x509::UnixTime;

/// What is read of EF.DG12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dg12 {
    /// Date of issue, if the file has one: midnight UTC.
    pub issued: Option<UnixTime>,
}

/// Reads the file.
///
/// # Errors
/// When the structure is malformed, or the date is none.
pub fn parse(file: &[u8]) -> Result<Dg12, TlvError> {
    let dg12 = tlv::first(file, 0x6C)?;
    let issued = tlv::find(dg12.value, 0x5F26)?.map(|date| read_date(date.value)).transpose()?;
    Ok(Dg12 { issued })
}

/// `YYYYMMDD` in eight digits or, as before LDS 1.8, packed into four bytes.
fn read_date(bytes: &[u8]) -> Result<UnixTime, TlvError> {
    const BAD: TlvError = TlvError::Value("date of issue");
    let digits: Vec<u8> = match bytes.len() {
        4 => bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]).collect(),
        8 => bytes.iter().map(|byte| byte.wrapping_sub(b'0')).collect(),
        _ => return Err(BAD),
    };
    if digits.iter().any(|digit| *digit > 9) {
        return Err(BAD);
    }
    let number = |range: std::ops::Range<usize>| digits[range].iter().fold(0u16, |n, digit| n * 10 + u16::from(*digit));
    let (year, month, day) = (number(0..4), number(4..6), number(6..8));
    UnixTime::from_date(i32::from(year), month as u8, day as u8).ok_or(BAD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlv::encode;

    fn file(date: &[u8]) -> Vec<u8> {
        let list = encode(0x5C, &[0x5F, 0x19, 0x5F, 0x26]);
        encode(0x6C, &[list, encode(0x5F19, b"UTOPIA"), encode(0x5F26, date)].concat())
    }

    #[test]
    fn both_forms_of_the_date_are_read() {
        let issued = UnixTime::from_date(2021, 4, 15);
        assert_eq!(parse(&file(b"20210415")), Ok(Dg12 { issued }));
        assert_eq!(parse(&file(&[0x20, 0x21, 0x04, 0x15])), Ok(Dg12 { issued }));
        assert_eq!(parse(&encode(0x6C, &encode(0x5F19, b"UTOPIA"))), Ok(Dg12 { issued: None }));
    }

    #[test]
    fn what_is_no_date_is_an_error() {
        for bad in [&b""[..], b"2021", b"20211345", b"2021041X", b"15042021x", &[0x20, 0x21, 0x0A, 0x15], &[0xFF; 8]] {
            assert!(parse(&file(bad)).is_err(), "{bad:02X?}");
        }
        let whole = file(b"20210415");
        for end in 0..whole.len() {
            assert!(parse(&whole[..end]).is_err(), "cut at {end}");
        }
    }
}
