//! The elementary files of the LDS (ICAO 9303-10 §3.2, §4) and how one of them is read.

use crate::apdu::{Command, Response, StatusWord};
use crate::error::Error;
use crate::exchange::{Exchange, Step};
use crate::manner::{Feature, HEADER, Manner, Select};
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

/// What a command without an answer that can be trusted means for the read of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// A feature was given up: in a new session the read may go on.
    Again,
    /// The chip has no such file, and says so bare.
    Absent,
    /// There is nothing left to give up.
    Unreadable,
}

/// Reads one file in the [`Manner`] that the chip takes, see there: at best by short file identifier, which returns
/// header and data at once.
///
/// Reads up to 32,767 with even INS and past that with odd INS (`B1`, ISO/IEC 7816-4 §11.3.3).
#[derive(Debug)]
pub struct ReadFile {
    file: FileId,
    /// What the chip has shown that it takes.
    manner: Manner,
    /// The manner of the next command; it becomes the chip's when the chip takes it.
    trial: Manner,
    buffer: Zeroizing<Vec<u8>>,
    total: Option<usize>,
    pending: Pending,
    /// What the spellings of SELECT that were tried were answered.
    selects: Vec<StatusWord>,
    shown: Shown,
    refusals: u8,
    reads: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pending {
    BySfi { le: u32 },
    Select,
    Read { le: u32, odd: bool },
}

const READ: &str = "READ BINARY";

/// The last offset that fits READ BINARY with even INS.
const MOST_EVEN: usize = 0x7FFF;

/// More refusals than these are no chip with ways of its own but one that does not want to be read.
const MOST_REFUSALS: u8 = 16;

impl ReadFile {
    /// A read of `file`.
    #[must_use]
    pub fn new(file: FileId, manner: Manner) -> Self {
        Self {
            file,
            manner,
            trial: manner,
            buffer: Zeroizing::default(),
            total: None,
            pending: Pending::Select,
            selects: Vec::new(),
            shown: Shown::default(),
            refusals: 0,
            reads: 0,
        }
    }

    /// Goes on with what another read of the same file has brought.
    #[must_use]
    pub fn resumed(partial: PartialFile, manner: Manner) -> Self {
        let mut read = Self::new(partial.file, manner);
        read.total = Some(partial.total);
        read.buffer = Zeroizing::new(Vec::with_capacity(partial.total));
        read.buffer.extend_from_slice(partial.bytes.expose());
        read
    }

    /// The same on a chip of which reads before this one have shown something.
    pub(crate) const fn on(mut self, shown: Shown) -> Self {
        self.shown = shown;
        self
    }

    /// What the chip has shown, this read included.
    pub(crate) const fn shown(&self) -> Shown {
        self.shown
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

    /// The manner as it is after what this read has shown.
    #[must_use]
    pub const fn manner(&self) -> Manner {
        self.manner
    }

    /// Whether the command that was sent last has extended length.
    pub(crate) const fn asks_extended(&self) -> bool {
        matches!(self.pending, Pending::Read { le: 257.., .. })
    }

    /// Whether the command that was sent last is SELECT.
    pub(crate) const fn selects(&self) -> bool {
        matches!(self.pending, Pending::Select)
    }

    /// The file.
    #[must_use]
    pub const fn file(&self) -> FileId {
        self.file
    }

    /// As many bytes as the beginning of a file is asked for.
    fn first_le(&self) -> u32 {
        if self.trial.has(Feature::LePastEnd) { self.trial.short() } else { HEADER }
    }

    fn by_sfi(&mut self, le: u32) -> Command {
        self.pending = Pending::BySfi { le };
        Command::new(0x00, 0xB0, 0x80 | self.file.sfi(), 0x00).with_le(le)
    }

    fn select(&mut self) -> Command {
        self.pending = Pending::Select;
        select_file(self.file, self.trial)
    }

    fn read_on(&mut self) -> Command {
        let offset = self.buffer.len();
        // Where INS is odd the response wraps the data in object 53: four bytes more at most.
        let wrapping = if offset > MOST_EVEN { 4 } else { 0 };
        let le = self.total.map_or_else(|| self.first_le(), |total| self.trial.ask(total - offset + wrapping));
        self.read(le)
    }

    fn read(&mut self, le: u32) -> Command {
        let offset = self.buffer.len();
        if offset <= MOST_EVEN {
            self.pending = Pending::Read { le, odd: false };
            return Command::new(0x00, 0xB0, (offset >> 8) as u8, offset as u8).with_le(le);
        }
        self.pending = Pending::Read { le, odd: true };
        let offset = tlv::encode(0x54, &(offset as u32).to_be_bytes()[1..]);
        Command::new(0x00, 0xB1, 0x00, 0x00).with_data(offset).with_le(le)
    }

    fn refused(&mut self, operation: &'static str, status: StatusWord) -> Result<(), Error> {
        self.refusals += 1;
        if self.refusals > MOST_REFUSALS { Err(Error::Status { operation, status }) } else { Ok(()) }
    }

    /// The chip refuses the beginning of the file by short identifier: less of it, or SELECT.
    fn sfi_refused(&mut self, le: u32, status: StatusWord) -> Result<Command, Error> {
        self.refused(READ, status)?;
        if le > HEADER && status.concerns_length() {
            if let Some(exact) = status.exact_length().filter(|exact| (HEADER..le).contains(exact)) {
                return Ok(self.by_sfi(exact));
            }
            self.trial.give_up(Feature::LePastEnd);
            return Ok(self.by_sfi(HEADER));
        }
        Ok(self.without_sfi())
    }

    /// There is no such file, or no such way to name one: SELECT tells. What else was suspected is not to blame then.
    fn without_sfi(&mut self) -> Command {
        self.trial = self.manner;
        self.trial.give_up(Feature::ShortIdentifier);
        self.select()
    }

    fn select_refused(&mut self, status: StatusWord) -> Result<Step<FileOutcome>, Error> {
        self.refused("SELECT EF", status)?;
        let absent = status == StatusWord::NOT_FOUND;
        if status == StatusWord::ACCESS_DENIED {
            return Ok(Step::Done(FileOutcome::Denied));
        }
        self.selects.push(status);
        if self.selects.len() < Select::ALL.len() && !(absent && self.shown.select.is_some()) {
            self.trial.file = self.trial.file.next();
            return Ok(Step::Send(self.select()));
        }
        if self.selects.contains(&StatusWord::NOT_FOUND) {
            return Ok(Step::Done(FileOutcome::Absent));
        }
        Err(Error::Status { operation: "SELECT EF", status })
    }

    /// The chip refuses bytes of the file that is selected.
    fn read_refused(&mut self, le: u32, odd: bool, status: StatusWord) -> Result<Step<FileOutcome>, Error> {
        self.refused(READ, status)?;
        let refused = Err(Error::Status { operation: READ, status });
        let exact = status.exact_length().filter(|exact| (1..le).contains(exact));
        if self.total.is_none() {
            if status == StatusWord::ACCESS_DENIED && self.buffer.is_empty() {
                return Ok(Step::Done(FileOutcome::Denied));
            }
            if le <= HEADER {
                return refused;
            }
            if exact.is_none() {
                self.trial.give_up(Feature::LePastEnd);
            }
            return Ok(Step::Send(self.read(exact.unwrap_or(HEADER))));
        }
        if let Some(exact) = exact {
            self.trial.lower_to(exact);
            return Ok(Step::Send(self.read(exact)));
        }
        if odd && !status.concerns_length() || !self.trial.lower(le, self.shown.longest) {
            return refused;
        }
        Ok(Step::Send(self.read_on()))
    }

    /// The last command was not answered under the session's keys: what of it the chip may dislike is given up.
    pub(crate) fn lost(&mut self, status: Option<StatusWord>) -> Lost {
        self.manner = self.trial;
        let absent = status == Some(StatusWord::NOT_FOUND);
        let again = match self.pending {
            Pending::BySfi { le } if le > HEADER => {
                let had = self.manner.give_up(Feature::ShortIdentifier);
                self.manner.give_up(Feature::LePastEnd) || had
            }
            Pending::BySfi { .. } => self.manner.give_up(Feature::ShortIdentifier),
            Pending::Select if absent && self.shown.select.is_some() => return Lost::Absent,
            Pending::Select => {
                let turned = self.manner.turn_file(self.shown.select);
                if absent && !turned {
                    return Lost::Absent;
                }
                turned
            }
            Pending::Read { le, .. } if self.total.is_none() => le > HEADER && self.manner.give_up(Feature::LePastEnd),
            Pending::Read { le, .. } if le > self.manner.short() => {
                self.manner.give_up_extended(self.shown.longest);
                true
            }
            Pending::Read { odd: true, .. } if status.is_some_and(|status| !status.concerns_length()) => false,
            Pending::Read { le, .. } => self.manner.lower(le, self.shown.longest),
        };
        if again { Lost::Again } else { Lost::Unreadable }
    }

    fn take(&mut self, data: &[u8]) -> Result<(), Error> {
        self.reads += 1;
        // A chip that gives a few bytes at a time would keep the terminal busy for hours.
        if self.reads > 64 + self.buffer.len() / 16 {
            return Err(Error::Limit { operation: READ, limit: "answers of a useful size" });
        }
        self.shown.longest = self.shown.longest.max(data.len());
        self.buffer.extend_from_slice(data);
        if self.total.is_none() {
            match tlv::announced(&self.buffer) {
                Ok((tag, _)) if tag != self.file.tag() => {
                    let source = TlvError::Unexpected { expected: self.file.tag(), found: tag };
                    return Err(Error::Malformed { operation: READ, source });
                }
                Ok((_, total)) if total > MAX_FILE => {
                    return Err(Error::Limit { operation: READ, limit: "file size" });
                }
                Ok((_, total)) => {
                    self.total = Some(total);
                    // One allocation: growing would leave copies of personal data behind.
                    let mut whole = Zeroizing::new(Vec::with_capacity(total));
                    whole.extend_from_slice(&self.buffer);
                    self.buffer = whole;
                }
                Err(TlvError::Truncated) if self.buffer.len() < 8 => {}
                Err(source) => return Err(Error::Malformed { operation: READ, source }),
            }
        }
        // A chip may return padding behind the template.
        self.buffer.truncate(self.total.unwrap_or(usize::MAX));
        self.manner = self.trial;
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.total == Some(self.buffer.len())
    }
}

/// SELECT of an elementary file under the current one (§11.2.2), in the spelling that the chip takes.
pub(crate) fn select_file(file: FileId, manner: Manner) -> Command {
    manner.file.command(0x02, &file.fid().to_be_bytes())
}

impl Exchange for ReadFile {
    type Output = FileOutcome;

    fn begin(&mut self, _: &mut dyn Entropy) -> Result<Command, Error> {
        // A short identifier reaches the first 255 bytes only.
        let fresh = self.buffer.is_empty();
        let by_sfi = fresh && self.manner.has(Feature::ShortIdentifier);
        Ok(if by_sfi { self.by_sfi(self.first_le()) } else { self.select() })
    }

    fn feed(&mut self, response: &Response, _: &mut dyn Entropy) -> Result<Step<FileOutcome>, Error> {
        let status = response.status;
        let data = response.data.expose();
        let usable = !data.is_empty() && (status.is_success() || status == StatusWord::END_OF_FILE);
        match self.pending {
            Pending::BySfi { le } if !usable => return self.sfi_refused(le, status).map(Step::Send),
            // A chip may take the identifier for an offset in whatever file was selected before.
            Pending::BySfi { .. } if matches!(tlv::announced(data), Ok((tag, _)) if tag != self.file.tag()) => {
                return Ok(Step::Send(self.without_sfi()));
            }
            Pending::Select if status.is_success() => {
                self.shown.select = Some(self.trial.file);
                return Ok(Step::Send(self.read_on()));
            }
            Pending::Select => return self.select_refused(status),
            Pending::Read { le, odd } if !usable => return self.read_refused(le, odd, status),
            Pending::Read { odd: true, .. } => {
                let object = tlv::first(data, 0x53).map_err(Error::malformed(READ))?;
                self.take(object.value)?;
            }
            Pending::BySfi { .. } | Pending::Read { odd: false, .. } => self.take(data)?,
        }
        if self.is_complete() {
            return Ok(Step::Done(FileOutcome::Read(Secret::new(std::mem::take(&mut *self.buffer)))));
        }
        Ok(Step::Send(self.read_on()))
    }
}

/// What a chip has shown of itself so far, besides what it dislikes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Shown {
    /// A SELECT that was answered 9000: after it, one that finds nothing means that there is nothing.
    pub(crate) select: Option<Select>,
    /// The most bytes in one answer.
    pub(crate) longest: usize,
}
