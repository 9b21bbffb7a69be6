//! Biometric information templates (ICAO 9303-10 §4.7.2 to §4.7.4, ISO/IEC 7816-11): what EF.DG2, EF.DG3 and EF.DG4
//! wrap their records in, and which format each record has. Fingers and irises are told apart and counted, never
//! decoded.
//!
//! ```text
//! 75, 63 or 76 { 7F61 { 02 n, 7F60 { A1 {…}, 5F2E block or 7F2E block } × n } }
//! block:  "FAC\0", "FIR\0", "IIR\0" …                 ISO/IEC 19794-5, -4, -6
//!         65, 64, 66 {…}, alone or inside A1          ISO/IEC 39794-5, -4, -6: ICAO's profile writes 7F2E { A1 { 65 {…} } }
//! ```
//!
//! A template may stand alone, without group or count, and a 7F2E may hold a 5F2E.

use crate::tlv::{self, Reader, TlvError, tag};

/// Bytes of a file of which the end may not be there yet. One walk serves the whole file and the front of one that is
/// still on the air: there an object that is cut is entered as far as it goes, and its end is an error.
#[derive(Clone, Copy)]
pub(super) struct Front<'a> {
    bytes: &'a [u8],
    /// Where the bytes stand in the file.
    at: usize,
    arriving: bool,
}

impl<'a> Front<'a> {
    pub(super) const fn whole(file: &'a [u8]) -> Self {
        Self { bytes: file, at: 0, arriving: false }
    }

    pub(super) const fn arriving(front: &'a [u8]) -> Self {
        Self { bytes: front, at: 0, arriving: true }
    }

    pub(super) const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub(super) const fn at(&self) -> usize {
        self.at
    }

    pub(super) const fn is_arriving(&self) -> bool {
        self.arriving
    }

    /// What is left after `count` bytes.
    pub(super) fn skip(&self, count: usize) -> Result<Self, TlvError> {
        let bytes = self.bytes.get(count..).ok_or(TlvError::Truncated)?;
        Ok(Self { bytes, at: self.at + count, ..*self })
    }

    /// The first `count` bytes, or what is there of them while they arrive.
    pub(super) fn take(&self, count: usize) -> Result<Self, TlvError> {
        match self.bytes.get(..count) {
            Some(bytes) => Ok(Self { bytes, arriving: false, ..*self }),
            None if self.arriving => Ok(*self),
            None => Err(TlvError::Truncated),
        }
    }

    /// Takes the next object off the front: tag and value.
    pub(super) fn next(&mut self) -> Result<Option<(u32, Self)>, TlvError> {
        if self.bytes.is_empty() {
            return if self.arriving { Err(TlvError::Truncated) } else { Ok(None) };
        }
        if self.arriving {
            let (tag, length, start) = tlv::header(self.bytes)?;
            let value = self.skip(start)?.take(length.ok_or(TlvError::Length)?)?;
            let end = start + value.bytes.len();
            *self = self.skip(end)?;
            return Ok(Some((tag, value)));
        }
        let Some(object) = Reader::new(self.bytes).next()? else { return Ok(None) };
        let start = object.value.as_ptr() as usize - self.bytes.as_ptr() as usize;
        let value = Self { bytes: object.value, at: self.at + start, arriving: false };
        *self = self.skip(object.raw.len())?;
        Ok(Some((object.tag, value)))
    }

    pub(super) fn find(mut self, wanted: u32) -> Result<Option<Self>, TlvError> {
        while let Some((tag, value)) = self.next()? {
            if tag == wanted {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    pub(super) fn inside(self, wanted: u32) -> Result<Self, TlvError> {
        self.find(wanted)?.ok_or(TlvError::Missing(wanted))
    }

    /// The first object, which must carry `wanted`.
    pub(super) fn first(mut self, wanted: u32) -> Result<Self, TlvError> {
        match self.next()? {
            Some((tag, value)) if tag == wanted => Ok(value),
            Some((found, _)) => Err(TlvError::Unexpected { expected: wanted, found }),
            None => Err(TlvError::Missing(wanted)),
        }
    }
}

/// The format of a record, by its first bytes; the format type in the header is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the standards")]
#[non_exhaustive]
pub enum RecordFormat {
    Finger19794,
    Face19794,
    Iris19794,
    Finger39794,
    Face39794,
    Iris39794,
}

/// How the records of ISO/IEC 19794 begin.
const RECORDS: [(&[u8; 4], RecordFormat); 3] =
    [(b"FIR\0", RecordFormat::Finger19794), (b"FAC\0", RecordFormat::Face19794), (b"IIR\0", RecordFormat::Iris19794)];

impl RecordFormat {
    /// The standard.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Finger19794 => "ISO/IEC 19794-4",
            Self::Face19794 => "ISO/IEC 19794-5",
            Self::Iris19794 => "ISO/IEC 19794-6",
            Self::Finger39794 => "ISO/IEC 39794-4",
            Self::Face39794 => "ISO/IEC 39794-5",
            Self::Iris39794 => "ISO/IEC 39794-6",
        }
    }

    /// By the application tag of its ASN.1 type.
    const fn tagged(tag: u32) -> Option<Self> {
        match tag {
            0x64 => Some(Self::Finger39794),
            0x65 => Some(Self::Face39794),
            0x66 => Some(Self::Iris39794),
            _ => None,
        }
    }
}

/// A biometric data block.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    /// `None` where the format is not known here.
    pub(super) format: Option<RecordFormat>,
    /// The record of ISO/IEC 19794, or what stands inside the type of ISO/IEC 39794.
    pub(super) content: Front<'a>,
}

impl<'a> Block<'a> {
    /// From what a 5F2E or 7F2E holds.
    fn of(value: Front<'a>) -> Self {
        let known = RECORDS.into_iter().find(|(magic, _)| value.bytes().starts_with(*magic));
        if let Some((_, format)) = known {
            return Self { format: Some(format), content: value };
        }
        let unknown = Self { format: None, content: value };
        let mut objects = value;
        match objects.next() {
            // 5F2E: a primitive block within the constructed one. A1: the choice of formats in ICAO's profile.
            Ok(Some((0x5F2E, inner))) if RECORDS.iter().any(|(magic, _)| inner.bytes().starts_with(*magic)) => {
                Self::of(inner)
            }
            Ok(Some((0x5F2E | 0xA1, mut inner))) => match inner.next() {
                Ok(Some((tag, content))) if RecordFormat::tagged(tag).is_some() => {
                    Self { format: RecordFormat::tagged(tag), content }
                }
                _ => unknown,
            },
            Ok(Some((tag, content))) => {
                RecordFormat::tagged(tag).map_or(unknown, |f| Self { format: Some(f), content })
            }
            _ => unknown,
        }
    }

    /// How many representations (faces, fingers, eyes) it says that it has; `None` where it does not say.
    fn representations(&self) -> Option<u32> {
        let number = |range: std::ops::Range<usize>| {
            let bytes = self.content.bytes().get(range)?;
            Some(bytes.iter().fold(0, |n, byte| n << 8 | u32::from(*byte)))
        };
        match self.format? {
            RecordFormat::Finger19794 => number(18..19),
            RecordFormat::Face19794 => number(12..14),
            RecordFormat::Iris19794 => number(14..15),
            RecordFormat::Finger39794 | RecordFormat::Face39794 | RecordFormat::Iris39794 => {
                u32::try_from(representations(self.content).ok()?.len()).ok()
            }
        }
    }
}

/// The representation blocks of an ISO/IEC 39794 block, each from its first field on. Some writers leave out the
/// SEQUENCE of the only one.
pub(super) fn representations(content: Front<'_>) -> Result<Vec<Front<'_>>, TlvError> {
    let all = content.inside(tag::CONTEXT_1)?;
    let mut rest = all;
    let mut blocks = Vec::new();
    loop {
        match rest.next() {
            Ok(Some((tag::SEQUENCE, block))) => blocks.push(block),
            Ok(Some(_)) if blocks.is_empty() => return Ok(vec![all]),
            Ok(Some((found, _))) => return Err(TlvError::Unexpected { expected: tag::SEQUENCE, found }),
            // The first ones are there already.
            Err(_) if all.is_arriving() && !blocks.is_empty() => return Ok(blocks),
            Ok(None) => return Ok(blocks),
            Err(error) => return Err(error),
        }
    }
}

/// The data blocks of a file in order, as far as they can be found, and what ends the search before the end.
pub(super) fn blocks(file: Front<'_>, outer: u32) -> (Vec<Block<'_>>, Option<TlvError>) {
    let mut blocks = Vec::new();
    let mut search = || -> Result<(), TlvError> {
        let content = file.first(outer)?;
        let mut templates = match content.first(0x7F61) {
            Ok(group) => group,
            // A template that stands alone.
            Err(TlvError::Unexpected { found: 0x7F60, .. }) => content,
            Err(error) => return Err(error),
        };
        while let Some((tag, mut template)) = templates.next()? {
            if tag != 0x7F60 {
                continue;
            }
            while let Some((tag, value)) = template.next()? {
                if matches!(tag, 0x5F2E | 0x7F2E) {
                    blocks.push(Block::of(value));
                }
            }
        }
        Ok(())
    };
    let odd = search().err();
    (blocks, odd)
}

/// A record of EF.DG2, EF.DG3 or EF.DG4, undecoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// Its format; `None` where it is not known here.
    pub format: Option<RecordFormat>,
    /// How many faces, fingers or eyes it says that it has.
    pub representations: Option<u32>,
    /// Its length in bytes.
    pub length: usize,
}

/// The records of EF.DG2 (`75`), EF.DG3 (`63`) or EF.DG4 (`76`). A file without any is right: who has no finger that
/// can be taken has an empty EF.DG3.
///
/// # Errors
/// When the structure is malformed before the first record.
pub fn records(file: &[u8], outer: u32) -> Result<Vec<Record>, TlvError> {
    let (blocks, odd) = blocks(Front::whole(file), outer);
    match odd {
        Some(error) if blocks.is_empty() => Err(error),
        _ => Ok(blocks
            .iter()
            .map(|block| Record {
                format: block.format,
                representations: block.representations(),
                length: block.content.bytes().len(),
            })
            .collect()),
    }
}
