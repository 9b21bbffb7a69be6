//! A simulator of an identity card: PACE only, tolerant of every SELECT, answers of at most 4,000 bytes of data. Its
//! commands are functions in a table, which say whether they want a session.

use super::{Answer, broken};
use crate::card_pace::{Pace, Reply, chip_authentication};
use crate::card_sm::{CardSm, Plain};
use crate::chip::ATR;
use crate::personalise::{CARD_SECURITY, Card};
use crate::vpcd::VpcdCard;
use emrtd::hazmat::tlv::{self, encode};
use openssl::hash::{MessageDigest, hash};

/// The most bytes of data in an answer.
const MOST: usize = 4000;

pub(super) struct Simulator {
    card: Card,
    now: Now,
}

#[derive(Default)]
struct Now {
    application: bool,
    selected: u16,
    pace: Option<Pace>,
    agreeing: bool,
    session: Option<CardSm>,
    renewed: Option<CardSm>,
}

/// A command's instruction, whether it wants a session, and what it does.
type Row = (u8, Option<bool>, fn(&mut Simulator, &Plain) -> Answer);

const COMMANDS: [Row; 7] = [
    (0xA4, None, Simulator::select),
    (0xB0, None, Simulator::read),
    (0xB1, Some(true), Simulator::read_far),
    (0x22, None, Simulator::manage_security_environment),
    (0x86, Some(false), Simulator::pace),
    (0x86, Some(true), Simulator::agree),
    (0x88, Some(true), Simulator::sign),
];

impl Simulator {
    pub(super) fn new(card: Card) -> Self {
        Self { card, now: Now::default() }
    }

    fn dispatch(&mut self, command: &Plain, protected: bool) -> Answer {
        let mut known = COMMANDS.iter().filter(|(ins, ..)| *ins == command.header[1]).peekable();
        if known.peek().is_none() {
            return Err(0x6D00);
        }
        let row = known.find(|(_, wanted, _)| wanted.is_none_or(|wanted| wanted == protected)).ok_or(0x6982u16)?;
        (row.2)(self, command)
    }

    fn select(&mut self, command: &Plain) -> Answer {
        match (command.header[2], &command.data[..]) {
            (0x04, [0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01]) => self.now.application = true,
            (0x00, _) => self.now.application = false,
            (0x02, [high, low]) => self.choose(u16::from_be_bytes([*high, *low]))?,
            _ => return Err(0x6A82),
        }
        Ok(Vec::new())
    }

    fn choose(&mut self, id: u16) -> Result<(), u16> {
        let id = match (id, self.now.application) {
            (0x011D, false) => CARD_SECURITY,
            (0x011C, true) => return Err(0x6A82),
            (id, _) => id,
        };
        if !self.card.files.contains_key(&id) {
            return Err(0x6A82);
        }
        self.now.selected = id;
        Ok(())
    }

    fn bytes(&self, protected: bool, offset: usize) -> Result<&[u8], u16> {
        if !protected && self.now.selected != 0x011C {
            return Err(0x6982);
        }
        let file = self.card.files.get(&self.now.selected).ok_or(0x6986u16)?;
        file.get(offset..).filter(|rest| !rest.is_empty()).ok_or(0x6B00)
    }

    fn read(&mut self, command: &Plain) -> Answer {
        let [cla, _, p1, p2] = command.header;
        let mut offset = usize::from(p2);
        if p1 >= 0x80 {
            self.choose(0x0100 | u16::from(p1 & 0x1F))?;
        } else {
            offset += usize::from(p1) * 256;
        }
        let rest = self.bytes(cla == PROTECTED, offset)?;
        Ok(rest[..command.le.min(MOST).min(rest.len())].to_vec())
    }

    fn read_far(&mut self, command: &Plain) -> Answer {
        let offset = tlv::first(&command.data, 0x54).map_err(|_| 0x6A80u16)?.value;
        let offset = offset.iter().fold(0usize, |n, byte| n * 256 + usize::from(*byte));
        let rest = self.bytes(true, offset)?;
        let room = command.le.min(MOST).saturating_sub(4).max(1);
        Ok(encode(0x53, &rest[..room.min(rest.len())]))
    }

    fn manage_security_environment(&mut self, command: &Plain) -> Answer {
        let value = |tag| tlv::find(&command.data, tag).ok().flatten().map(|object| object.value);
        let make = self.card.make;
        match command.header {
            [PROTECTED, _, 0x41, 0xA4] if value(0x80) == Some(&make.chip_oid()[..]) => self.now.agreeing = true,
            [_, _, 0xC1, 0xA4] if value(0x80) == Some(&make.pace_oid()[..]) => {
                let mrz = hash(MessageDigest::sha1(), self.card.mrz_information.as_bytes()).map_err(broken)?;
                let password = match value(0x83) {
                    Some([1]) => &mrz[..],
                    Some([2]) => self.card.can.as_bytes(),
                    _ => return Err(0x6A88),
                };
                self.now.pace = Some(Pace::select(make, password, None).map_err(broken)?);
            }
            _ => return Err(0x6A80),
        }
        Ok(Vec::new())
    }

    fn pace(&mut self, command: &Plain) -> Answer {
        let step = tlv::first(&command.data, 0x7C).and_then(|it| it.children().next()).map_err(|_| 0x6A80u16)?;
        let (tag, value) = step.map_or((0, &[][..]), |object| (object.tag, object.value));
        let (next, reply) = self.now.pace.take().ok_or(0x6985u16)?.step(tag, value).map_err(broken)?;
        self.now.pace = next;
        match reply {
            Reply::Object(object) => Ok(encode(0x7C, &object)),
            Reply::Done { object, secret, .. } => {
                self.now.renewed = Some(CardSm::new(self.card.make.pace_family, &secret, None).map_err(broken)?);
                Ok(encode(0x7C, &object))
            }
            Reply::WrongPassword => Err(0x6300),
            Reply::OutOfOrder => Err(0x6985),
        }
    }

    fn agree(&mut self, command: &Plain) -> Answer {
        if !std::mem::take(&mut self.now.agreeing) {
            return Err(0x6985);
        }
        let template = tlv::first(&command.data, 0x7C).map_err(|_| 0x6A80u16)?;
        let terminal = tlv::first(template.value, 0x80).map_err(|_| 0x6A80u16)?.value;
        let agreed = chip_authentication(&self.card.chip_key, terminal).map_err(broken)?.ok_or(0x6A80u16)?;
        self.now.renewed = Some(CardSm::new(self.card.make.chip_family, &agreed.secret, None).map_err(broken)?);
        Ok(encode(0x7C, &[]))
    }

    fn sign(&mut self, command: &Plain) -> Answer {
        self.card.active_key.sign(&command.data).map_err(broken)
    }
}

/// The class of commands in a session, as the table sees it.
const PROTECTED: u8 = 0x0C;

impl VpcdCard for Simulator {
    fn atr(&self) -> Vec<u8> {
        ATR.to_vec()
    }

    fn reset(&mut self) {
        self.now = Now::default();
    }

    fn transmit(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        let plain_word = |word: u16| Some(word.to_be_bytes().to_vec());
        let Some(outer) = Plain::parse(command) else { return plain_word(0x6700) };
        let Some(mut session) = self.now.session.take() else {
            let answer = self.dispatch(&outer, false);
            self.now.session = self.now.renewed.take();
            return Some(match answer {
                Ok(data) => [&data[..], &[0x90, 0x00]].concat(),
                Err(word) => word.to_be_bytes().to_vec(),
            });
        };
        let Ok(Some(mut inner)) = session.open(&outer) else { return plain_word(0x6988) };
        inner.header[0] = PROTECTED;
        let (data, word) = match self.dispatch(&inner, true) {
            Ok(data) => (data, 0x9000),
            Err(word) => (Vec::new(), word),
        };
        let sealed = session.seal(inner.header[1] & 1 == 1, &data, word);
        self.now.session = self.now.renewed.take().or(Some(session));
        sealed.ok()
    }
}
