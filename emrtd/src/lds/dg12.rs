//! EF.DG12 (ICAO 9303-10 §4.7.12): additional details of the document. The date of issue also says when the document
//! was signed, where EF.SOD does not.
//!
//! ```text
//! 6C { 5C tags, 5F19 authority, 5F26 date of issue, A0 { 02 n, 5F1A other person × n }, 5F1B …, 5F55 personalised, 5F56 … }
//! ```

use super::field::{self, Date, Image, Odd, Slot, Text};
use crate::tlv::{self, TlvError};
use crate::x509::UnixTime;

/// What stands in EF.DG12.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Dg12 {
    /// Issuing authority.
    pub issuing_authority: Option<Text>,
    /// Date of issue.
    pub date_of_issue: Option<Date>,
    /// Names of other persons.
    pub other_persons: Vec<Text>,
    /// Endorsements and observations.
    pub endorsements: Option<Text>,
    /// Tax or exit requirements.
    pub tax_exit: Option<Text>,
    /// The front of the document.
    pub front: Option<Image>,
    /// The rear of the document.
    pub rear: Option<Image>,
    /// When it was personalised.
    pub personalised: Option<Moment>,
    /// Serial number of the system that personalised it.
    pub personalisation_system: Option<Text>,
    /// Fields that were left out.
    pub odd: Vec<Odd>,
}

impl Dg12 {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is not EF.DG12. Odd fields are no error.
    pub fn parse(file: &[u8]) -> Result<Self, TlvError> {
        let dg12 = tlv::first(file, 0x6C)?;
        let mut it = Self::default();
        let slots: &mut field::Slots<'_> = &mut [
            (0x5F19, &mut it.issuing_authority),
            (0x5F26, &mut it.date_of_issue),
            (0x5F1A, &mut it.other_persons),
            (0x5F1B, &mut it.endorsements),
            (0x5F1C, &mut it.tax_exit),
            (0x5F1D, &mut it.front),
            (0x5F1E, &mut it.rear),
            (0x5F55, &mut it.personalised),
            (0x5F56, &mut it.personalisation_system),
        ];
        field::read(0x6C, dg12.value, slots, &mut it.odd);
        Ok(it)
    }

    /// The date of issue, where its day is known: midnight UTC.
    #[must_use]
    pub fn issued(&self) -> Option<UnixTime> {
        self.date_of_issue.as_ref()?.midnight()
    }
}

/// A moment of no stated time zone: `YYYYMMDDhhmmss` in fourteen digits, or packed into seven bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    date: Date,
    time: [u8; 3],
}

impl Moment {
    fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        let packed = bytes.len() == 7;
        let (date, time) = match bytes.len() {
            7 => bytes.split_at(4),
            14 => bytes.split_at(8),
            _ => return Err("date"),
        };
        let digits = |two: &[u8]| match *two {
            [byte] => (byte >> 4, byte & 0x0F),
            [tens, ones] => (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0')),
            _ => (10, 10),
        };
        let mut numbers = [0; 3];
        for ((number, two), limit) in numbers.iter_mut().zip(time.chunks(if packed { 1 } else { 2 })).zip([24, 60, 61])
        {
            let (tens, ones) = digits(two);
            if tens > 9 || ones > 9 || tens * 10 + ones >= limit {
                return Err("date");
            }
            *number = tens * 10 + ones;
        }
        let date = Date::read(date)?.filter(|date| date.midnight().is_some()).ok_or("date")?;
        Ok(Self { date, time: numbers })
    }
}

impl Slot for Option<Moment> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), &'static str> {
        field::once(self, Moment::read(bytes).map(Some))
    }
}

/// `YYYY-MM-DDThh:mm:ss`
impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [hours, minutes, seconds] = self.time;
        write!(f, "{}T{hours:02}:{minutes:02}:{seconds:02}", self.date)
    }
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
        let issued = |file: &[u8]| Dg12::parse(file).expect("EF.DG12").issued();
        let expected = UnixTime::from_date(2021, 4, 15);
        assert_eq!(issued(&file(b"20210415")), expected);
        assert_eq!(issued(&file(&[0x20, 0x21, 0x04, 0x15])), expected);
        assert_eq!(issued(&encode(0x6C, &encode(0x5F19, b"UTOPIA"))), None);
    }

    #[test]
    fn what_is_no_date_dates_nothing_and_hides_nothing() {
        for bad in [&b"2021"[..3], b"20211345", b"2021041X", b"15042021x", &[0x20, 0x21, 0x0A, 0x15], &[0xFF; 8]] {
            let dg12 = Dg12::parse(&file(bad)).expect("EF.DG12");
            assert_eq!((dg12.issued(), dg12.odd[0].to_string().as_str()), (None, "5F26:date"), "{bad:02X?}");
            assert!(dg12.issuing_authority.is_some_and(|authority| authority.as_str() == "UTOPIA"));
        }
        assert_eq!(Dg12::parse(&file(b"20210400")).expect("EF.DG12").issued(), None, "a month is no day");
        let whole = file(b"20210415");
        for end in 0..whole.len() {
            assert!(Dg12::parse(&whole[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn every_field_is_read() {
        let persons = [encode(0x02, &[1]), encode(0x5F1A, b"DOE<<JANE")].concat();
        let fields = |moment: &[u8]| {
            let fields = [
                encode(0xA0, &persons),
                encode(0x5F1B, b"NONE"),
                encode(0x5F1C, b"T"),
                encode(0x5F1D, &[0xFF, 0xD8, 0xFF]),
                encode(0x5F1E, b"?"),
                encode(0x5F55, moment),
                encode(0x5F56, b"SYS-1"),
            ];
            Dg12::parse(&encode(0x6C, &fields.concat())).expect("EF.DG12")
        };
        for moment in [&b"20210415093005"[..], &[0x20, 0x21, 0x04, 0x15, 0x09, 0x30, 0x05]] {
            let dg12 = fields(moment);
            assert_eq!(dg12.odd, []);
            assert_eq!(dg12.personalised.map(|at| at.to_string()).as_deref(), Some("2021-04-15T09:30:05"));
            assert_eq!(dg12.other_persons[0].as_str(), "DOE<<JANE");
            let images = [dg12.front, dg12.rear].map(|image| image.expect("an image").image_type.is_some());
            assert_eq!(images, [true, false]);
            assert!(dg12.endorsements.is_some() && dg12.tax_exit.is_some() && dg12.personalisation_system.is_some());
        }
        for bad in [&b"20210415"[..], b"20210415246000", b"20210415A93005", b"20210400093005", &[0xFF; 7], &[0xFF; 14]]
        {
            assert_eq!(fields(bad).odd[0].to_string(), "5F55:date", "{bad:02X?}");
        }
    }
}
