//! The chip's files: how they are selected and read, and what the chip dislikes about that.

use super::{APPLICATION, Chip, Outcome, Refusal, refusal};
use crate::card_sm::Plain;
use crate::manners::{
    Above, CardAccess, Extended, Info, Largest, MasterFile, MasterFileForm, Moment, Odd, Parts, PastEnd, Place,
    Refused, SelectApplication, SelectFile, Sfi,
};
use crate::personalise::{CARD_SECURITY, CVCA};
use emrtd::hazmat::tlv::{self, encode};

/// EF.ATR/INFO.
const INFO: u16 = 0x2F01;

/// The bytes of data in a piece of an answer that comes in pieces, each protected.
const INNER_PIECE: usize = 200;

/// The bytes in a piece of a protected answer that is cut.
const OUTER_PIECE: usize = 256;

impl Chip {
    pub(super) fn select_master_file(&mut self, command: &Plain) -> Outcome {
        let form = match (command.header[3], &command.data[..]) {
            (0x0C, [0x3F, 0x00]) => MasterFileForm::Identifier,
            (0x0C, []) => MasterFileForm::NoData,
            (0x00, [0x3F, 0x00]) => MasterFileForm::Fci,
            _ => return Err(refusal(0x6D00)),
        };
        match self.manners.master_file {
            MasterFile::Refused => return Err(refusal(0x6D00)),
            MasterFile::Form(taken) | MasterFile::Needed(taken) if form != taken => return Err(refusal(0x6A86)),
            MasterFile::Any | MasterFile::Form(_) | MasterFile::Needed(_) => {}
        }
        self.state.master_file = true;
        self.state.application = false;
        self.state.current = None;
        Ok(self.control_information(command, &encode(0x83, &[0x3F, 0x00])))
    }

    pub(super) fn select_application(&mut self, command: &Plain) -> Outcome {
        let p2 = command.header[3];
        match self.manners.select_application {
            SelectApplication::Silent if p2 != 0x0C => return Err(refusal(0x6D00)),
            SelectApplication::Fci(refused) if p2 != 0x00 => return Err(refused.into()),
            _ => {}
        }
        if command.data != APPLICATION {
            return Err(refusal(0x6A82));
        }
        self.state.application = true;
        self.state.current = None;
        Ok(self.control_information(command, &encode(0x84, &APPLICATION)))
    }

    pub(super) fn select_file(&mut self, command: &Plain) -> Outcome {
        let id = command.data[..].try_into().map(u16::from_be_bytes).map_err(|_| refusal(0x6700))?;
        let p2 = command.header[3];
        let (taken, refused) = match self.manners.select_file {
            SelectFile::Silent => (0x0C, Refused::protected(0x6D00)),
            SelectFile::Only(taken, refused) => (taken, refused),
        };
        if p2 != taken && self.dislikes(id) {
            return Err(refused.into());
        }
        let file = self.file(id, false)?;
        self.address(file);
        Ok(self.control_information(command, &encode(0x83, &id.to_be_bytes())))
    }

    /// What SELECT answers with P2 = 00 (FCI) and 04 (FCP), if data are asked for.
    fn control_information(&self, command: &Plain, content: &[u8]) -> Vec<u8> {
        match command.header[3] {
            _ if command.le == 0 => Vec::new(),
            0x00 => encode(0x6F, content),
            0x04 => encode(0x62, content),
            _ => Vec::new(),
        }
    }

    fn address(&mut self, id: u16) {
        self.state.current = Some(id);
        if !self.state.seen.contains(&id) {
            self.state.seen.push(id);
        }
    }

    /// Whether what the chip dislikes in files it dislikes in this one, now.
    pub(super) fn dislikes(&mut self, id: u16) -> bool {
        let others = self.state.seen.iter().any(|seen| *seen != id);
        let dislikes = match self.manners.moment {
            Moment::Always => true,
            Moment::SecondFile => others,
            Moment::Portrait => id == 0x0102,
            Moment::Late => self.state.commands >= 12,
            Moment::Once => !self.disliked,
        };
        self.disliked |= dislikes;
        dislikes
    }

    /// Which file an identifier means, if the rights allow it.
    fn file(&self, id: u16, by_sfi: bool) -> Result<u16, Refusal> {
        let application = self.state.application;
        let has_card_access = application == (self.manners.place == Place::ApplicationAlone);
        if id == 0x011C && has_card_access {
            let found = match self.manners.card_access {
                CardAccess::Both => true,
                CardAccess::SelectOnly => !by_sfi,
                CardAccess::SfiOnly => by_sfi,
                CardAccess::Hidden | CardAccess::Absent => false,
            };
            let needed = matches!(self.manners.master_file, MasterFile::Needed(_)) && !application;
            return if found && (!needed || self.state.master_file) { Ok(id) } else { Err(refusal(0x6A82)) };
        }
        if !application && self.manners.info == Info::Stated && (id == INFO || by_sfi && id == 0x0101) {
            return Ok(INFO);
        }
        let id = match (id, application) {
            (0x011D, false) => CARD_SECURITY,
            (0x011C, true) => CVCA,
            _ => id,
        };
        let there = self.card.files.contains_key(&id);
        if id == 0x011C || !application && id != CARD_SECURITY {
            return Err(refusal(0x6A82));
        }
        if id == 0x0103 && !there || !self.state.terminal.allows(id) {
            return Err(refusal(0x6982));
        }
        match (there, self.state.access) {
            (true, true) => Ok(id),
            (true, false) => Err(refusal(0x6982)),
            (false, _) => Err(refusal(0x6A82)),
        }
    }

    pub(super) fn read_binary(&mut self, command: &Plain) -> Outcome {
        let [_, _, p1, p2] = command.header;
        let (id, offset) = if p1 & 0x80 == 0 {
            (self.state.current.ok_or_else(|| refusal(0x6986))?, usize::from(p1) << 8 | usize::from(p2))
        } else {
            let id = 0x0100 | u16::from(p1 & 0x1F);
            if let Sfi::Refused(refused) = self.manners.sfi
                && self.dislikes(id)
            {
                return Err(refused.into());
            }
            (self.file(id, true)?, usize::from(p2))
        };
        self.address(id);
        let read = self.slice(id, offset, command.le, 0);
        self.in_parts(read)
    }

    pub(super) fn read_binary_odd(&mut self, command: &Plain) -> Outcome {
        let id = self.state.current.ok_or_else(|| refusal(0x6986))?;
        if let Odd::Refused(refused) = self.manners.odd
            && self.dislikes(id)
        {
            return Err(refused.into());
        }
        let object = tlv::first(&command.data, 0x54).map_err(|_| refusal(0x6A80))?;
        let offset = object.value.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
        // The data are wrapped in object 53.
        let read = self.slice(id, offset, command.le, 5).map(|data| encode(0x53, &data));
        self.in_parts(read)
    }

    /// `wrapping`: how much of Le an object around the data may take.
    fn slice(&mut self, id: u16, offset: usize, le: usize, wrapping: usize) -> Outcome {
        // The rights may have changed since the file was selected.
        let open = matches!(id, 0x011C | INFO) || self.state.access && self.state.terminal.allows(id);
        let information = (id == INFO).then(|| self.information());
        let file = information.as_ref().or_else(|| self.card.files.get(&id)).filter(|_| open);
        let rest = file.ok_or_else(|| refusal(0x6982))?.get(offset..).unwrap_or_default().to_vec();
        let mut le = le;
        if let Largest::Limited(largest, above) = self.manners.largest
            && le > usize::from(largest)
            && self.dislikes(id)
        {
            match above {
                Above::Refused(refused) => return Err(refused.into()),
                Above::Exact { bare } => return Err(Refusal { bare, ..refusal(0x6C00 | largest) }),
                Above::Fewer => le = usize::from(largest),
            }
        }
        if let Extended::AtMost(most) = self.manners.extended {
            le = le.min(usize::from(most));
        }
        if le > rest.len() + wrapping && self.manners.past_end != PastEnd::Clipped && self.dislikes(id) {
            let left = u16::try_from(rest.len()).ok().filter(|left| *left < 256).unwrap_or(0);
            return Err(match self.manners.past_end {
                PastEnd::Exact { bare } if !rest.is_empty() => Refusal { bare, ..refusal(0x6C00 | left) },
                PastEnd::Refused(Refused { status, bare }) => Refusal { bare, ..refusal(status) },
                PastEnd::Warned if !rest.is_empty() => Refusal { data: rest, ..refusal(0x6282) },
                _ => refusal(0x6B00),
            });
        }
        if rest.is_empty() {
            return Err(refusal(0x6B00));
        }
        let most = le.saturating_sub(wrapping).max(1);
        Ok(rest[..most.min(rest.len())].to_vec())
    }

    /// EF.ATR/INFO: the card capabilities of the ATR, and the longest command and answer.
    fn information(&self) -> Vec<u8> {
        let longest: u16 = match (self.manners.extended, self.manners.largest) {
            (_, Largest::Limited(bytes, _)) => bytes,
            (Extended::AtMost(bytes), _) => bytes,
            (Extended::Refused(_), _) => 256,
            (Extended::Taken, _) => u16::MAX,
        };
        let lengths = [encode(0x02, &[0x04, 0x00]), encode(0x02, &longest.to_be_bytes())].concat();
        [encode(0x47, &[0x00, 0x21, 0xC0]), encode(0x7F66, &lengths)].concat()
    }

    /// An answer to READ BINARY, in pieces where that is the chip's manner.
    fn in_parts(&mut self, read: Outcome) -> Outcome {
        if self.manners.parts != Parts::Inner || !self.state.access {
            return read;
        }
        match read {
            Ok(data) if data.len() > INNER_PIECE => self.first_part(data, INNER_PIECE),
            read => read,
        }
    }

    /// The first bytes, and `61xx` for the others.
    pub(super) fn first_part(&mut self, mut data: Vec<u8>, length: usize) -> Outcome {
        self.state.rest = data.split_off(length.min(data.len()));
        if self.state.rest.is_empty() {
            return Ok(data);
        }
        let more = u16::try_from(self.state.rest.len()).ok().filter(|more| *more < 256).unwrap_or(0);
        Err(Refusal { data, ..refusal(0x6100 | more) })
    }

    /// GET RESPONSE inside secure messaging.
    pub(super) fn get_response(&mut self, le: usize) -> Outcome {
        let rest = std::mem::take(&mut self.state.rest);
        if rest.is_empty() {
            return Err(refusal(0x6985));
        }
        self.first_part(rest, le.min(INNER_PIECE))
    }

    /// A protected answer, cut where that is the chip's manner: the first piece and `61xx`.
    pub(super) fn cut(&mut self, sealed: Vec<u8>) -> Vec<u8> {
        if self.manners.parts != Parts::Outer {
            return sealed;
        }
        self.state.pieces = sealed;
        self.piece(OUTER_PIECE)
    }

    /// GET RESPONSE outside secure messaging, if there is something to get.
    pub(super) fn next_piece(&mut self, outer: &Plain) -> Option<Vec<u8>> {
        if self.state.pieces.is_empty() || outer.header != [0x00, 0xC0, 0x00, 0x00] {
            self.state.pieces.clear();
            return None;
        }
        Some(self.piece(outer.le.min(OUTER_PIECE)))
    }

    fn piece(&mut self, length: usize) -> Vec<u8> {
        // The last two bytes are the status.
        let left = self.state.pieces.len() - 2;
        if left <= length {
            return std::mem::take(&mut self.state.pieces);
        }
        let rest = self.state.pieces.split_off(length);
        let mut piece = std::mem::replace(&mut self.state.pieces, rest);
        piece.extend([0x61, u8::try_from(left - length).unwrap_or(0)]);
        piece
    }
}
