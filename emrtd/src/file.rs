//! The elementary files of the LDS (ICAO 9303-10 §3.2, §4) and how one of them is read.

use crate::apdu::{Command, Response, StatusWord};
use crate::error::Error;
use crate::exchange::{Exchange, Step};
use crate::secret::{Entropy, Secret};
use crate::tlv::{self, TlvError};
use zeroize::Zeroizing;

/// A file of the chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileId {
    /// EF.CardAccess, in the master file.
    CardAccess,
    /// EF.CardSecurity, in the master file.
    CardSecurity,
    /// EF.COM.
    Com,
    /// EF.SOD.
    Sod,
    /// Data group 1 to 16.
    Dg(u8),
}

impl FileId {
    /// File identifier.
    #[must_use]
    pub const fn fid(self) -> u16 {
        match self {
            Self::CardAccess => 0x011C,
            Self::Com => 0x011E,
            // The same identifier in the master file and in the application.
            Self::CardSecurity | Self::Sod => 0x011D,
            Self::Dg(n) => 0x0100 | n as u16,
        }
    }

    /// Short file identifier.
    #[must_use]
    pub const fn sfi(self) -> u8 {
        (self.fid() & 0x1F) as u8
    }

    /// Tag of the file's template.
    #[must_use]
    pub const fn tag(self) -> u32 {
        match self {
            Self::CardAccess => 0x31,
            Self::CardSecurity => 0x30,
            Self::Com => 0x60,
            Self::Sod => 0x77,
            Self::Dg(n) => match n {
                1 => 0x61,
                2 => 0x75,
                3 => 0x63,
                4 => 0x76,
                n => 0x60 + n as u32,
            },
        }
    }

    /// By the name that [`Display`](std::fmt::Display) writes.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let all =
            [Self::CardAccess, Self::CardSecurity, Self::Com, Self::Sod].into_iter().chain((1..=16).map(Self::Dg));
        all.into_iter().find(|file| file.to_string() == name)
    }

    /// The data group with this tag (EF.COM's tag list).
    #[must_use]
    pub fn from_tag(tag: u8) -> Option<Self> {
        (1..=16).map(Self::Dg).find(|file| file.tag() == u32::from(tag))
    }
}

impl std::fmt::Display for FileId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CardAccess => f.write_str("EF.CardAccess"),
            Self::CardSecurity => f.write_str("EF.CardSecurity"),
            Self::Com => f.write_str("EF.COM"),
            Self::Sod => f.write_str("EF.SOD"),
            Self::Dg(n) => write!(f, "EF.DG{n}"),
        }
    }
}

/// The largest file this terminal takes. Portraits have 15 to 50 KiB; a chip that announces more is hostile.
pub const MAX_FILE: usize = 512 * 1024;

/// How many response bytes to ask for at once; kept from file to file within a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadSize {
    /// Fits a short response under the current protection.
    pub short: u32,
    /// The most that reader and chip take together; equal to `short` when extended length is off the table.
    pub extended: u32,
}

impl ReadSize {
    /// What to ask for when this many bytes are left.
    fn ask(self, left: usize) -> u32 {
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        if left > self.short { left.min(self.extended) } else { left }
    }
}

/// The front of a file whose length is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartialFile {
    /// The file.
    pub file: FileId,
    bytes: Secret,
    total: usize,
}

/// Whether a file could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileOutcome {
    /// The whole file: template with header, without padding that may follow it.
    Read(Secret),
    /// The chip has no such file (`6A82`).
    Absent,
    /// The chip asks for more rights (`6982`), as for DG3 and DG4.
    Denied,
}

/// Reads one file: by short file identifier first, which returns header and data at once, else by SELECT.
///
/// Reads up to 32,767 with even INS and past that with odd INS (`B1`, ISO/IEC 7816-4 §11.3.3).
#[derive(Debug)]
pub struct ReadFile {
    file: FileId,
    size: ReadSize,
    buffer: Zeroizing<Vec<u8>>,
    total: Option<usize>,
    pending: Pending,
    refusals: u8,
    reads: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pending {
    BySfi,
    Select,
    Read { le: u32, odd: bool },
}

impl ReadFile {
    /// A read of `file`.
    #[must_use]
    pub fn new(file: FileId, size: ReadSize) -> Self {
        Self { file, size, buffer: Zeroizing::default(), total: None, pending: Pending::BySfi, refusals: 0, reads: 0 }
    }

    /// Goes on with what another read of the same file has brought.
    #[must_use]
    pub fn resumed(partial: PartialFile, size: ReadSize) -> Self {
        let mut read = Self::new(partial.file, size);
        read.total = Some(partial.total);
        read.buffer = Zeroizing::new(Vec::with_capacity(partial.total));
        read.buffer.extend_from_slice(partial.bytes.expose());
        read
    }

    /// What is there so far, if it is enough to go on from.
    #[must_use]
    pub fn partial(&self) -> Option<PartialFile> {
        let total = self.total?;
        Some(PartialFile { file: self.file, bytes: self.buffer.as_slice().into(), total })
    }

    /// Bytes read and, once the header is known, bytes in all.
    #[must_use]
    pub fn progress(&self) -> (usize, Option<usize>) {
        (self.buffer.len(), self.total)
    }

    /// The bytes read so far.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// The sizes as they are after any step-down.
    #[must_use]
    pub const fn size(&self) -> ReadSize {
        self.size
    }

    /// The file.
    #[must_use]
    pub const fn file(&self) -> FileId {
        self.file
    }

    fn select(&mut self) -> Command {
        self.pending = Pending::Select;
        Command::new(0x00, 0xA4, 0x02, 0x0C).with_data(self.file.fid().to_be_bytes().to_vec())
    }

    fn read_on(&mut self) -> Command {
        let offset = self.buffer.len();
        let left = self.total.map_or(self.size.short as usize, |total| total - offset);
        if offset <= 0x7FFF {
            let le = self.size.ask(left);
            self.pending = Pending::Read { le, odd: false };
            return Command::new(0x00, 0xB0, (offset >> 8) as u8, offset as u8).with_le(le);
        }
        // The response wraps the data in object 53: four bytes more at most.
        let le = self.size.ask(left + 4);
        self.pending = Pending::Read { le, odd: true };
        let offset = tlv::encode(0x54, &(offset as u32).to_be_bytes()[1..]);
        Command::new(0x00, 0xB1, 0x00, 0x00).with_data(offset).with_le(le)
    }

    /// The chip rejects a length: ask for less, or give up when there is nothing less.
    fn step_down(&mut self, status: StatusWord, asked: u32) -> Result<Command, Error> {
        self.refusals += 1;
        let size = &mut self.size;
        if let Some(exact) = status.exact_length().filter(|n| *n < asked) {
            size.extended = exact.max(size.short.min(exact));
            size.short = size.short.min(exact);
        } else if asked > 4096 {
            size.extended = 4096;
        } else if asked > 1024 {
            size.extended = 1024;
        } else if asked > size.short {
            size.extended = size.short;
        } else {
            size.short = match asked {
                193.. => 192,
                129.. => 128,
                _ => 64,
            };
            size.extended = size.short;
        }
        if self.refusals > 8 {
            return Err(Error::Status { operation: "READ BINARY", status });
        }
        Ok(self.read_on())
    }

    fn take(&mut self, data: &[u8]) -> Result<(), Error> {
        const OPERATION: &str = "READ BINARY";
        self.reads += 1;
        // A chip that gives a few bytes at a time would keep the terminal busy for hours.
        if self.reads > 64 + self.buffer.len() / 16 {
            return Err(Error::Limit { operation: OPERATION, limit: "answers of a useful size" });
        }
        if data.is_empty() {
            return Err(Error::Protocol { operation: OPERATION, reason: "the chip returns no data" });
        }
        self.buffer.extend_from_slice(data);
        if self.total.is_none() {
            match tlv::announced(&self.buffer) {
                Ok((tag, _)) if tag != self.file.tag() => {
                    let source = TlvError::Unexpected { expected: self.file.tag(), found: tag };
                    return Err(Error::Malformed { operation: OPERATION, source });
                }
                Ok((_, total)) if total > MAX_FILE => {
                    return Err(Error::Limit { operation: OPERATION, limit: "file size" });
                }
                Ok((_, total)) => {
                    self.total = Some(total);
                    // One allocation: growing would leave copies of personal data behind.
                    let mut whole = Zeroizing::new(Vec::with_capacity(total));
                    whole.extend_from_slice(&self.buffer);
                    self.buffer = whole;
                }
                Err(TlvError::Truncated) if self.buffer.len() < 8 => {}
                Err(source) => return Err(Error::Malformed { operation: OPERATION, source }),
            }
        }
        // A chip may return padding behind the template.
        self.buffer.truncate(self.total.unwrap_or(usize::MAX));
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.total == Some(self.buffer.len())
    }
}

impl Exchange for ReadFile {
    type Output = FileOutcome;

    fn begin(&mut self, _: &mut dyn Entropy) -> Result<Command, Error> {
        if !self.buffer.is_empty() {
            // A short identifier reaches the first 255 bytes only.
            return Ok(self.select());
        }
        self.pending = Pending::BySfi;
        Ok(Command::new(0x00, 0xB0, 0x80 | self.file.sfi(), 0x00).with_le(self.size.short))
    }

    fn feed(&mut self, response: &Response, _: &mut dyn Entropy) -> Result<Step<FileOutcome>, Error> {
        let status = response.status;
        let data = response.data.expose();
        let usable = status.is_success() || (status == StatusWord::END_OF_FILE && !data.is_empty());
        match self.pending {
            Pending::BySfi if !usable => match status {
                StatusWord::ACCESS_DENIED => return Ok(Step::Done(FileOutcome::Denied)),
                // Absent, or a chip that cannot read by short identifier: SELECT tells.
                _ => return Ok(Step::Send(self.select())),
            },
            Pending::Select => {
                return match status {
                    StatusWord::OK => Ok(Step::Send(self.read_on())),
                    StatusWord::NOT_FOUND => Ok(Step::Done(FileOutcome::Absent)),
                    StatusWord::ACCESS_DENIED => Ok(Step::Done(FileOutcome::Denied)),
                    _ => Err(Error::Status { operation: "SELECT EF", status }),
                };
            }
            Pending::Read { le, .. } if !usable => {
                return match status {
                    StatusWord::ACCESS_DENIED if self.buffer.is_empty() => Ok(Step::Done(FileOutcome::Denied)),
                    StatusWord::WRONG_LENGTH | StatusWord::WRONG_OFFSET => self.step_down(status, le).map(Step::Send),
                    _ if status.exact_length().is_some() => self.step_down(status, le).map(Step::Send),
                    _ => Err(Error::Status { operation: "READ BINARY", status }),
                };
            }
            Pending::Read { odd: true, .. } => {
                let object = tlv::first(data, 0x53).map_err(Error::malformed("READ BINARY"))?;
                self.take(object.value)?;
            }
            Pending::BySfi | Pending::Read { odd: false, .. } => self.take(data)?,
        }
        if self.is_complete() {
            return Ok(Step::Done(FileOutcome::Read(Secret::new(std::mem::take(&mut *self.buffer)))));
        }
        Ok(Step::Send(self.read_on()))
    }
}
