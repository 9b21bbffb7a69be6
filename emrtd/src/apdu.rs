//! Command and response APDUs (ISO/IEC 7816-4 §5.1), short and extended.

use crate::secret::Secret;

/// A command APDU before encoding.
///
/// `Debug` shows the header and lengths only: the data field may hold key material or personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    /// Class byte.
    pub cla: u8,
    /// Instruction byte.
    pub ins: u8,
    /// First parameter.
    pub p1: u8,
    /// Second parameter.
    pub p2: u8,
    /// Command data field; empty for none.
    pub data: Secret,
    /// Number of response bytes asked for, 1 to 65,536; `None` asks for none.
    pub le: Option<u32>,
    /// Extended length fields even where short ones would do.
    pub extended: bool,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cla, ins, p1, p2, data, le, .. } = self;
        write!(f, "Command({cla:02X} {ins:02X} {p1:02X} {p2:02X}, {data:?}, Le {le:?})")
    }
}

impl Command {
    /// A command without data that asks for nothing back.
    #[must_use]
    pub fn new(cla: u8, ins: u8, p1: u8, p2: u8) -> Self {
        Self { cla, ins, p1, p2, data: Secret::new(Vec::new()), le: None, extended: false }
    }

    /// The same with a data field of at most 65,535 bytes.
    #[must_use]
    pub fn with_data(mut self, data: Vec<u8>) -> Self {
        debug_assert!(data.len() <= 0xFFFF, "a data field holds at most 65,535 bytes");
        self.data = Secret::new(data);
        self
    }

    /// The same, asking for up to `le` response bytes.
    #[must_use]
    pub const fn with_le(mut self, le: u32) -> Self {
        self.le = Some(le);
        self
    }

    /// The same with extended length fields, which say that the answer may be long.
    #[must_use]
    pub const fn in_extended_form(mut self) -> Self {
        self.extended = true;
        self
    }

    /// The four header bytes.
    #[must_use]
    pub const fn header(&self) -> [u8; 4] {
        [self.cla, self.ins, self.p1, self.p2]
    }

    /// Whether the encoding needs the extended length form.
    #[must_use]
    pub fn is_extended(&self) -> bool {
        self.extended || self.data.expose().len() > 255 || self.le.is_some_and(|le| le > 256)
    }

    /// The bytes for the card, in the shortest of the two forms.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(self.header(), self.data.expose(), self.le, self.is_extended())
    }
}

fn encode(header: [u8; 4], data: &[u8], le: Option<u32>, extended: bool) -> Vec<u8> {
    let mut out = begin(header, data.len(), extended);
    out.extend_from_slice(data);
    end(&mut out, le, extended);
    out
}

/// Header and Lc, with room for the data field that the caller appends, and for [`end`].
pub(crate) fn begin(header: [u8; 4], length: usize, extended: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(length + 10);
    out.extend_from_slice(&header);
    let [high, low] = (length as u16).to_be_bytes();
    match (extended, length) {
        (true, 0) => out.push(0),
        (true, _) => out.extend_from_slice(&[0, high, low]),
        (false, 0) => {}
        (false, _) => out.push(low),
    }
    out
}

/// Le; 256 and 65,536 are written as zero.
pub(crate) fn end(out: &mut Vec<u8>, le: Option<u32>, extended: bool) {
    match le {
        Some(le) if extended => out.extend_from_slice(&(le as u16).to_be_bytes()),
        Some(le) => out.push(le as u8),
        None => {}
    }
}

/// The two status bytes of a response.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatusWord(pub u16);

impl StatusWord {
    /// Normal processing.
    pub const OK: Self = Self(0x9000);
    /// End of file reached before Le bytes (a warning: the data are valid).
    pub const END_OF_FILE: Self = Self(0x6282);
    /// Wrong length.
    pub const WRONG_LENGTH: Self = Self(0x6700);
    /// Security status not satisfied.
    pub const ACCESS_DENIED: Self = Self(0x6982);
    /// File or application not found.
    pub const NOT_FOUND: Self = Self(0x6A82);
    /// Offset outside the file.
    pub const WRONG_OFFSET: Self = Self(0x6B00);

    /// Whether the response data can be used.
    #[must_use]
    pub fn is_success(self) -> bool {
        self == Self::OK
    }

    /// `63xx`: authentication failed, that is, the password is wrong.
    #[must_use]
    pub const fn is_authentication_failure(self) -> bool {
        self.0 >> 8 == 0x63
    }

    /// Whether a refusal may be one of the number of bytes that was asked for. 9000 with nothing behind it is one, too.
    #[must_use]
    pub fn concerns_length(self) -> bool {
        [Self::OK, Self::WRONG_LENGTH, Self::WRONG_OFFSET, Self::END_OF_FILE].contains(&self)
            || self.exact_length().is_some()
    }

    /// `6Cxx`: the exact number of bytes available, 256 for `6C00`.
    #[must_use]
    pub const fn exact_length(self) -> Option<u32> {
        match self.0 {
            0x6C00 => Some(256),
            0x6C01..=0x6CFF => Some((self.0 & 0xFF) as u32),
            _ => None,
        }
    }

    /// `61xx`: how many bytes GET RESPONSE would still bring, 256 for `6100`.
    #[must_use]
    pub const fn bytes_left(self) -> Option<u32> {
        match self.0 {
            0x6100 => Some(256),
            0x6101..=0x61FF => Some((self.0 & 0xFF) as u32),
            _ => None,
        }
    }
}

impl std::fmt::Display for StatusWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl std::fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StatusWord({self})")
    }
}

/// A response APDU.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The response data field, possibly empty.
    pub data: Secret,
    /// The status bytes.
    pub status: StatusWord,
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Response({:?}, {})", self.data, self.status)
    }
}

impl Response {
    /// Splits what the card sent; `None` when there are fewer than two bytes.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (data, status) = split_status(bytes)?;
        Some(Self { data: data.into(), status })
    }
}

/// Data field and status bytes of what a card answered.
pub(crate) fn split_status(bytes: &[u8]) -> Option<(&[u8], StatusWord)> {
    let (data, status) = bytes.split_last_chunk::<2>()?;
    Some((data, StatusWord(u16::from_be_bytes(*status))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_cases_encode_short_and_extended() {
        let case1 = Command::new(0, 0x70, 0, 0);
        assert_eq!(case1.encode(), [0, 0x70, 0, 0]);
        assert_eq!(case1.clone().with_le(256).encode(), [0, 0x70, 0, 0, 0]);
        assert_eq!(case1.clone().with_le(65_536).encode(), [0, 0x70, 0, 0, 0, 0, 0]);
        assert_eq!(case1.clone().with_data(vec![1, 2]).encode(), [0, 0x70, 0, 0, 2, 1, 2]);
        assert_eq!(case1.clone().with_data(vec![1, 2]).with_le(5).encode(), [0, 0x70, 0, 0, 2, 1, 2, 5]);
        let long = case1.with_data(vec![7; 256]).with_le(256).encode();
        assert_eq!(long[..7], [0, 0x70, 0, 0, 0, 1, 0]);
        assert_eq!(long[long.len() - 2..], [1, 0]);
    }

    #[test]
    fn nothing_of_the_data_shows_in_debug() {
        let shown = format!("{:?}", Command::new(0, 0x22, 0xC1, 0xA4).with_data(b"secret".to_vec()));
        assert_eq!(shown, "Command(00 22 C1 A4, Secret(6 bytes), Le None)");
    }
}
