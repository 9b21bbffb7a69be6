//! Fields of EF.DG7, EF.DG11, EF.DG12 and EF.DG16 (ICAO 9303-10 §4.7): text, dates, images, and the walk through a
//! template of them. One odd field never refuses its group: it is listed as odd, and accuses nobody.

use super::dg2::ImageType;
use crate::secret::Secret;
use crate::tlv::{Reader, Tlv, tag};
use crate::x509::UnixTime;
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

/// A text about the holder or the document. Wiped when dropped, and never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Text(Zeroizing<String>);

/// More bytes than this are no field for people.
const LONGEST: usize = 4096;

impl Text {
    /// UTF-8 as ICAO 9303-10 has it or, where the bytes are none, ISO/IEC 8859-1. `None` where nothing is said: empty, or
    /// fillers only.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Self>, &'static str> {
        if bytes.len() > LONGEST {
            return Err("long");
        }
        // Room for everything: a text that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 2));
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        match std::str::from_utf8(bytes) {
            Ok(utf8) => text.extend(utf8.chars().map(printable)),
            Err(_) => text.extend(bytes.iter().map(|byte| printable(char::from(*byte)))),
        }
        let said = text.contains(|c: char| c != '<' && !c.is_whitespace());
        Ok(said.then_some(Self(text)))
    }

    /// As it stands, controls replaced by spaces.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What `<` separates: the parts of a name or of an address, a list of numbers.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('<').map(str::trim).filter(|part| !part.is_empty())
    }

    /// The parts in one line, with this between them.
    #[must_use]
    pub fn joined(&self, between: &str) -> Zeroizing<String> {
        let mut line = Zeroizing::new(String::with_capacity(self.0.len() * between.len().max(1)));
        for part in self.parts() {
            if !line.is_empty() {
                line.push_str(between);
            }
            line.push_str(part);
        }
        line
    }

    /// Whether every letter is of the Latin script: national characters of others are no use in a Latin form.
    #[must_use]
    pub fn is_latin(&self) -> bool {
        self.0.chars().filter(|c| c.is_alphabetic()).all(|c| matches!(u32::from(c), 0..0x250 | 0x1E00..0x1F00))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text")
    }
}

/// A day, of which month and day may not be known. Wiped when dropped, and never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// `YYYYMMDD` in eight digits or, as before LDS 1.8, packed into four bytes. Parts that are not known are zeros or
    /// fillers.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Self>, &'static str> {
        const BAD: Result<Option<Date>, &str> = Err("date");
        let digits: Zeroizing<Vec<u8>> = Zeroizing::new(match bytes.len() {
            0 => return Ok(None),
            4 => bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]).collect(),
            8 => bytes.iter().map(|byte| if *byte == b'<' { 0 } else { byte.wrapping_sub(b'0') }).collect(),
            _ => return BAD,
        });
        if digits.iter().any(|digit| *digit > 9) {
            return BAD;
        }
        let number = |at: std::ops::Range<usize>| digits[at].iter().fold(0u16, |n, digit| n * 10 + u16::from(*digit));
        let date = Self { year: number(0..4), month: number(4..6) as u8, day: number(6..8) as u8 };
        if date.year == 0 && date.month == 0 && date.day == 0 {
            return Ok(None);
        }
        let possible = UnixTime::from_date(i32::from(date.year), date.month.max(1), date.day.max(1));
        if date.year == 0 || (date.month == 0 && date.day != 0) || possible.is_none() { BAD } else { Ok(Some(date)) }
    }

    /// The year.
    #[must_use]
    pub const fn year(&self) -> u16 {
        self.year
    }

    /// The month, where it is known.
    #[must_use]
    pub fn month(&self) -> Option<u8> {
        (self.month != 0).then_some(self.month)
    }

    /// The day of the month, where it is known.
    #[must_use]
    pub fn day(&self) -> Option<u8> {
        (self.day != 0).then_some(self.day)
    }

    /// Midnight UTC, where the day is known.
    #[must_use]
    pub fn midnight(&self) -> Option<UnixTime> {
        UnixTime::from_date(i32::from(self.year), self.month()?, self.day()?)
    }
}

/// `YYYY-MM-DD`, as far as it is known.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.year)?;
        for part in [self.month, self.day].into_iter().take_while(|part| *part != 0) {
            write!(f, "-{part:02}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Date")
    }
}

impl Drop for Date {
    fn drop(&mut self) {
        self.year.zeroize();
        self.month.zeroize();
        self.day.zeroize();
    }
}

/// An image in a field: a signature, a page, a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Image {
    /// Its coding by its first bytes; `None` where it is neither JPEG nor JPEG 2000.
    pub image_type: Option<ImageType>,
    /// The coded image.
    pub bytes: Secret,
}

impl Image {
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Self>, &'static str> {
        let image = || Self { image_type: ImageType::sniff(bytes), bytes: bytes.into() };
        Ok((!bytes.is_empty()).then(image))
    }
}

/// A field that was left out, and why: `date`, `long`, `repeated`, `unknown` (another tag than the group has) or `cut`
/// (the objects of the group end in the middle of one; the tag is that of the group).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Odd {
    /// The tag.
    pub tag: u32,
    /// Why.
    pub why: &'static str,
}

/// `5F2B:date`
impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}:{}", self.tag, self.why)
    }
}

/// What a field that stands in a group is put into.
pub(super) trait Slot {
    /// Takes the field's bytes.
    fn put(&mut self, bytes: &[u8]) -> Result<(), &'static str>;
}

/// What may stand once.
pub(super) fn once<T>(slot: &mut Option<T>, read: Result<Option<T>, &'static str>) -> Result<(), &'static str> {
    match (read?, slot.is_some()) {
        (Some(_), true) => Err("repeated"),
        (Some(value), false) => {
            *slot = Some(value);
            Ok(())
        }
        (None, _) => Ok(()),
    }
}

macro_rules! slots {
    ($($kind:ty),*) => {
        $(
            impl Slot for Option<$kind> {
                fn put(&mut self, bytes: &[u8]) -> Result<(), &'static str> {
                    once(self, <$kind>::read(bytes))
                }
            }

            impl Slot for Vec<$kind> {
                fn put(&mut self, bytes: &[u8]) -> Result<(), &'static str> {
                    self.extend(<$kind>::read(bytes)?);
                    Ok(())
                }
            }
        )*
    };
}

slots!(Text, Date, Image);

/// Where the fields of a template belong, by tag.
pub(super) type Slots<'s> = [(u32, &'s mut (dyn Slot + 's))];

/// Reads the fields of a template. Repeated fields may stand in an A0 with their number in front, or without either.
/// The list of tags (5C) is a hint: what counts is what stands there.
pub(super) fn read(group: u32, template: &[u8], slots: &mut Slots<'_>, odd: &mut Vec<Odd>) {
    for object in objects(group, template, odd) {
        let fields = if object.tag == tag::CONTEXT_0 { objects(group, object.value, odd) } else { vec![object] };
        for field in fields.iter().filter(|field| !matches!(field.tag, 0x5C | tag::INTEGER)) {
            let slot = slots.iter_mut().find(|(tag, _)| *tag == field.tag);
            let put = slot.map_or(Err("unknown"), |(_, slot)| slot.put(field.value));
            odd.extend(put.err().map(|why| Odd { tag: field.tag, why }));
        }
    }
}

/// The objects of a template, as far as they are objects.
pub(super) fn objects<'a>(group: u32, template: &'a [u8], odd: &mut Vec<Odd>) -> Vec<Tlv<'a>> {
    let mut reader = Reader::new(template);
    let mut objects = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(object)) => objects.push(object),
            Ok(None) => return objects,
            Err(_) => {
                odd.push(Odd { tag: group, why: "cut" });
                return objects;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Option<String> {
        Text::read(bytes).expect("a field").map(|text| text.as_str().to_owned())
    }

    #[test]
    fn text_is_utf_8_or_latin_1_and_fillers_say_nothing() {
        assert_eq!(text("NGUYỄN<<VĂN<AN".as_bytes()).as_deref(), Some("NGUYỄN<<VĂN<AN"));
        assert_eq!(text(b"M\xDCLLER<<J\xD6RG").as_deref(), Some("MÜLLER<<JÖRG"));
        assert_eq!(text(b"A\0B\nC").as_deref(), Some("A B C"), "controls have no place on a page");
        for empty in [&b""[..], b"<<<", b" ", b"\0\0"] {
            assert_eq!(text(empty), None, "{empty:?}");
        }
        assert_eq!(Text::read(&[b'A'; LONGEST + 1]), Err("long"));
        let name = Text::read("MÜLLER<<JÖRG<UWE<".as_bytes()).expect("a field").expect("a text");
        assert_eq!(*name.joined(" "), "MÜLLER JÖRG UWE");
        assert!(name.is_latin() && Text::read("Мюллер".as_bytes()).expect("a field").is_some_and(|t| !t.is_latin()));
        assert_eq!(format!("{name:?}"), "Text");
    }

    #[test]
    fn dates_have_digits_or_four_packed_bytes_and_may_be_known_in_part() {
        let date = |bytes: &[u8]| Date::read(bytes).map(|date| date.map(|date| date.to_string()));
        for (bytes, expected) in [
            (&b"19850902"[..], "1985-09-02"),
            (&[0x19, 0x85, 0x09, 0x02], "1985-09-02"),
            (b"19850900", "1985-09"),
            (b"1985<<<<", "1985"),
            (&[0x19, 0x85, 0x00, 0x00], "1985"),
        ] {
            assert_eq!(date(bytes), Ok(Some(expected.to_owned())), "{bytes:02X?}");
        }
        for nothing in [&b""[..], b"00000000", b"<<<<<<<<"] {
            assert_eq!(date(nothing), Ok(None));
        }
        for bad in [&b"1985"[..4], b"19851345", b"1985090X", b"02091985x", &[0x19, 0x85, 0x0A, 0x02], b"19850031"] {
            assert_eq!(date(bad), Err("date"), "{bad:02X?}");
        }
        let known = Date::read(b"19850902").expect("a field").expect("a date");
        assert_eq!((known.midnight(), format!("{known:?}").as_str()), (UnixTime::from_date(1985, 9, 2), "Date"));
        assert_eq!(Date::read(b"19850900").expect("a field").expect("a date").midnight(), None);
    }
}
