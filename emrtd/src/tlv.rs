//! BER-TLV reading and DER-TLV writing (ISO/IEC 7816-4 §5.2.2, X.690 §8).
//!
//! The reader keeps the raw span of every object, because signatures and hashes are computed over the
//! bytes as they came and never over a re-encoding. It accepts the indefinite lengths that some issuers
//! use in EF.SOD. It never allocates and never reads past its input; nesting of indefinite lengths is
//! limited to [`MAX_DEPTH`].

use thiserror::Error;

/// How deep indefinite-length objects may nest before the input is refused.
pub const MAX_DEPTH: usize = 16;

/// Universal tags used by this crate.
pub mod tag {
    #![allow(missing_docs, reason = "the names are those of X.680")]
    pub const BOOLEAN: u32 = 0x01;
    pub const INTEGER: u32 = 0x02;
    pub const BIT_STRING: u32 = 0x03;
    pub const OCTET_STRING: u32 = 0x04;
    pub const NULL: u32 = 0x05;
    pub const OID: u32 = 0x06;
    pub const UTF8_STRING: u32 = 0x0C;
    pub const PRINTABLE_STRING: u32 = 0x13;
    pub const T61_STRING: u32 = 0x14;
    pub const IA5_STRING: u32 = 0x16;
    pub const UTC_TIME: u32 = 0x17;
    pub const GENERALIZED_TIME: u32 = 0x18;
    pub const BMP_STRING: u32 = 0x1E;
    pub const SEQUENCE: u32 = 0x30;
    pub const SET: u32 = 0x31;
    pub const CONTEXT_0: u32 = 0xA0;
    pub const CONTEXT_1: u32 = 0xA1;
    pub const CONTEXT_3: u32 = 0xA3;
}

/// Why bytes are not the TLV structure that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TlvError {
    /// The input ends inside a tag, a length or a value.
    #[error("the data end inside a TLV object")]
    Truncated,
    /// A length field of a form that is not allowed here, or over four bytes.
    #[error("a TLV length field is malformed")]
    Length,
    /// A tag over four bytes.
    #[error("a TLV tag is too long")]
    Tag,
    /// Another object was expected.
    #[error("expected TLV tag {expected:#x}, found {found:#x}")]
    Unexpected {
        /// The tag that the format calls for.
        expected: u32,
        /// The tag that stands there.
        found: u32,
    },
    /// An object that the format calls for is not there.
    #[error("TLV object {0:#x} is missing")]
    Missing(u32),
    /// Bytes remain after the last object.
    #[error("bytes remain after the last TLV object")]
    TrailingData,
    /// Indefinite lengths nest deeper than [`MAX_DEPTH`].
    #[error("TLV objects nest too deep")]
    Depth,
    /// A value does not fit its type.
    #[error("a TLV value is malformed: {0}")]
    Value(&'static str),
}

/// One TLV object inside a buffer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// The tag bytes as a big-endian number: `0x30`, `0x7F61`, …
    pub tag: u32,
    /// The value, without end-of-contents octets.
    pub value: &'a [u8],
    /// Tag, length and value as they stand in the input.
    pub raw: &'a [u8],
}

// Values of data groups are personal data; only the shape may appear in a log.
impl std::fmt::Debug for Tlv<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tlv({:#x}, {} bytes)", self.tag, self.value.len())
    }
}

impl<'a> Tlv<'a> {
    /// Whether the value is itself a sequence of TLV objects (bit 6 of the first tag byte).
    #[must_use]
    pub fn is_constructed(&self) -> bool {
        self.raw.first().is_some_and(|b| b & 0x20 != 0)
    }

    /// This object, which must carry `tag`.
    ///
    /// # Errors
    /// When it carries another.
    pub const fn tagged(self, tag: u32) -> Result<Self, TlvError> {
        if self.tag == tag { Ok(self) } else { Err(TlvError::Unexpected { expected: tag, found: self.tag }) }
    }

    /// A reader over the value.
    #[must_use]
    pub const fn children(&self) -> Reader<'a> {
        Reader::new(self.value)
    }

    /// The value of an OCTET STRING, joining the segments of a BER constructed one.
    ///
    /// # Errors
    /// When a segment is malformed.
    pub fn octets(&self) -> Result<std::borrow::Cow<'a, [u8]>, TlvError> {
        if !self.is_constructed() {
            return Ok(self.value.into());
        }
        let mut joined = Vec::with_capacity(self.value.len());
        let mut segments = self.children();
        while let Some(segment) = segments.next()? {
            joined.extend_from_slice(segment.value);
        }
        Ok(joined.into())
    }

    /// The value of a BIT STRING that has no unused bits.
    ///
    /// # Errors
    /// When the first octet, the count of unused bits, is not zero.
    pub fn bits(&self) -> Result<&'a [u8], TlvError> {
        match self.value.split_first() {
            Some((0, bits)) => Ok(bits),
            _ => Err(TlvError::Value("BIT STRING with unused bits")),
        }
    }

    /// A small non-negative INTEGER.
    ///
    /// # Errors
    /// When it is empty, negative or does not fit 32 bits.
    pub fn small_uint(&self) -> Result<u32, TlvError> {
        let magnitude = self.uint_bytes()?;
        if magnitude.len() > 4 {
            return Err(TlvError::Value("INTEGER too large"));
        }
        Ok(magnitude.iter().fold(0, |n, b| n << 8 | u32::from(*b)))
    }

    /// The magnitude of a non-negative INTEGER, without leading zero octets.
    ///
    /// # Errors
    /// When it is empty or negative.
    pub fn uint_bytes(&self) -> Result<&'a [u8], TlvError> {
        match self.value.first() {
            None => Err(TlvError::Value("empty INTEGER")),
            Some(b) if b & 0x80 != 0 => Err(TlvError::Value("negative INTEGER")),
            Some(_) => {
                let zeros = self.value.iter().take_while(|b| **b == 0).count();
                Ok(&self.value[zeros..])
            }
        }
    }
}

/// Walks the TLV objects of a buffer in order.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the front of `input`.
    #[must_use]
    pub const fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    /// The next object, or `None` at the end.
    ///
    /// # Errors
    /// When the bytes at this place are not a TLV object.
    #[allow(clippy::should_implement_trait, reason = "fallible: an Iterator would hide the error")]
    pub fn next(&mut self) -> Result<Option<Tlv<'a>>, TlvError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (tlv, rest) = parse(self.rest, 0)?;
        self.rest = rest;
        Ok(Some(tlv))
    }

    /// The next object, which must carry `tag`.
    ///
    /// # Errors
    /// When there is none or it carries another tag.
    pub fn expect(&mut self, tag: u32) -> Result<Tlv<'a>, TlvError> {
        match self.next()? {
            Some(tlv) => tlv.tagged(tag),
            None => Err(TlvError::Missing(tag)),
        }
    }

    /// The next object if it carries `tag`; otherwise the reader stays where it is.
    ///
    /// # Errors
    /// When the bytes at this place are not a TLV object.
    pub fn optional(&mut self, tag: u32) -> Result<Option<Tlv<'a>>, TlvError> {
        let mut ahead = *self;
        match ahead.next()? {
            Some(tlv) if tlv.tag == tag => {
                *self = ahead;
                Ok(Some(tlv))
            }
            _ => Ok(None),
        }
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    /// When bytes remain.
    pub const fn finish(self) -> Result<(), TlvError> {
        if self.rest.is_empty() { Ok(()) } else { Err(TlvError::TrailingData) }
    }
}

/// Reads the one object that `input` starts with; bytes after it are allowed, because chips pad files.
///
/// # Errors
/// When `input` does not start with an object of this tag.
pub fn first(input: &[u8], tag: u32) -> Result<Tlv<'_>, TlvError> {
    Reader::new(input).expect(tag)
}

/// Looks for the first object with `tag` among the objects of `input`.
///
/// # Errors
/// When an object before it is malformed.
pub fn find(input: &[u8], tag: u32) -> Result<Option<Tlv<'_>>, TlvError> {
    let mut reader = Reader::new(input);
    while let Some(tlv) = reader.next()? {
        if tlv.tag == tag {
            return Ok(Some(tlv));
        }
    }
    Ok(None)
}

/// Tag and total length (header and value) that a file's first bytes announce.
///
/// # Errors
/// [`TlvError::Truncated`] when `head` is too short to tell, [`TlvError::Length`] for an indefinite length.
pub fn announced(head: &[u8]) -> Result<(u32, usize), TlvError> {
    let (tag, length, header) = header(head)?;
    let length = length.ok_or(TlvError::Length)?;
    Ok((tag, header.checked_add(length).ok_or(TlvError::Length)?))
}

/// `(tag, length or None for indefinite, header length)`
pub(crate) fn header(input: &[u8]) -> Result<(u32, Option<usize>, usize), TlvError> {
    let first = *input.first().ok_or(TlvError::Truncated)?;
    let mut tag = u32::from(first);
    let mut at = 1;
    if first & 0x1F == 0x1F {
        loop {
            let b = *input.get(at).ok_or(TlvError::Truncated)?;
            if at == 4 {
                return Err(TlvError::Tag);
            }
            tag = tag << 8 | u32::from(b);
            at += 1;
            if b & 0x80 == 0 {
                break;
            }
        }
    }
    let b = *input.get(at).ok_or(TlvError::Truncated)?;
    at += 1;
    match b {
        0..=0x7F => Ok((tag, Some(usize::from(b)), at)),
        0x80 => Ok((tag, None, at)),
        0x81..=0x84 => {
            let mut length = 0usize;
            for _ in 0..b & 0x7F {
                length = length << 8 | usize::from(*input.get(at).ok_or(TlvError::Truncated)?);
                at += 1;
            }
            Ok((tag, Some(length), at))
        }
        _ => Err(TlvError::Length),
    }
}

fn parse(input: &[u8], depth: usize) -> Result<(Tlv<'_>, &[u8]), TlvError> {
    let (tag, length, start) = header(input)?;
    if let Some(length) = length {
        let end = start.checked_add(length).ok_or(TlvError::Truncated)?;
        let value = input.get(start..end).ok_or(TlvError::Truncated)?;
        return Ok((Tlv { tag, value, raw: &input[..end] }, &input[end..]));
    }
    if input[0] & 0x20 == 0 {
        return Err(TlvError::Length);
    }
    if depth == MAX_DEPTH {
        return Err(TlvError::Depth);
    }
    let mut rest = &input[start..];
    loop {
        if let [0, 0, after @ ..] = rest {
            let end = input.len() - after.len();
            return Ok((Tlv { tag, value: &input[start..end - 2], raw: &input[..end] }, after));
        }
        (_, rest) = parse(rest, depth + 1)?;
    }
}

/// Encodes one object with the shortest definite length (DER).
#[must_use]
pub fn encode(tag: u32, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len() + 8);
    encode_into(&mut out, tag, value);
    out
}

/// Appends one object with the shortest definite length (DER).
pub fn encode_into(out: &mut Vec<u8>, tag: u32, value: &[u8]) {
    let length = value.len();
    if tag < 0x100 && length < 0x80 {
        // Most objects of secure messaging.
        out.reserve(length + 2);
        out.extend_from_slice(&[tag as u8, length as u8]);
        out.extend_from_slice(value);
        return;
    }
    push_shortest(out, tag);
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let bytes = length.to_be_bytes();
        let skip = bytes.iter().take_while(|b| **b == 0).count();
        out.push(0x80 | (bytes.len() - skip) as u8);
        out.extend_from_slice(&bytes[skip..]);
    }
    out.extend_from_slice(value);
}

fn push_shortest(out: &mut Vec<u8>, tag: u32) {
    let bytes = tag.to_be_bytes();
    let skip = bytes.iter().take_while(|b| **b == 0).count().min(3);
    out.extend_from_slice(&bytes[skip..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn indefinite_lengths_nest_and_keep_the_raw_span() {
        let input = [0x30, 0x80, 0x24, 0x80, 0x04, 0x01, 0xAA, 0x04, 0x01, 0xBB, 0, 0, 0, 0, 0x05, 0x00];
        let mut reader = Reader::new(&input);
        let outer = reader.expect(tag::SEQUENCE).expect("sequence");
        assert_eq!(outer.raw, &input[..14]);
        let octets = outer.children().next().expect("child").expect("some");
        assert_eq!(octets.octets().expect("octets").as_ref(), [0xAA, 0xBB]);
        assert!(reader.expect(tag::NULL).expect("null").value.is_empty());
        reader.finish().expect("end");
    }

    #[test]
    fn lengths_that_lie_are_errors() {
        assert_eq!(first(&[0x30, 0x05, 0x00], 0x30), Err(TlvError::Truncated));
        assert_eq!(first(&[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0], 0x30), Err(TlvError::Truncated));
        assert_eq!(first(&[0x30, 0x85, 0, 0, 0, 0, 0], 0x30), Err(TlvError::Length));
        assert_eq!(first(&[0x04, 0x80, 0, 0], 0x04), Err(TlvError::Length));
        let bomb = [0x30, 0x80].repeat(200);
        assert_eq!(first(&bomb, 0x30), Err(TlvError::Depth));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(tag in prop_oneof![Just(0x04u32), Just(0x5F1F), Just(0x7F61)], value in proptest::collection::vec(any::<u8>(), 0..70_000)) {
            let raw = encode(tag, &value);
            prop_assert_eq!(announced(&raw).expect("header"), (tag, raw.len()));
            let mut reader = Reader::new(&raw);
            let tlv = reader.expect(tag).expect("object");
            prop_assert_eq!(tlv.value, &value[..]);
            prop_assert_eq!(tlv.raw, &raw[..]);
            prop_assert!(reader.finish().is_ok());
        }
    }
}
