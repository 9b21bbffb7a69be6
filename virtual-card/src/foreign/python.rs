//! A card as vsmartcard's `vicc` plays it, read from its `Iso7816OS`: a tree of files, everything is there whole and is
//! cut when the answer is formed. READ BINARY warns when Le is more than there is; what other commands cannot send at
//! once waits for GET RESPONSE.

use super::{Answer, broken, mutual_authenticate};
use crate::card_pace::chip_authentication;
use crate::card_sm::{CardSm, Plain};
use crate::chip::ATR;
use crate::personalise::Card;
use crate::vpcd::VpcdCard;
use emrtd::hazmat::tlv::{self, encode};

pub(super) struct PythonCard {
    card: Card,
    memory: Memory,
}

#[derive(Default)]
struct Memory {
    /// The current dedicated file is that of the application.
    application: bool,
    current: Option<u16>,
    challenge: Vec<u8>,
    offcut: Vec<u8>,
    session: Option<CardSm>,
    next_session: Option<CardSm>,
}

/// The instructions whose data lie at an offset, so that they can be asked for again.
const fn seekable(ins: u8) -> bool {
    matches!(ins, 0xB0 | 0xB1)
}

impl PythonCard {
    pub(super) fn new(card: Card) -> Self {
        Self { card, memory: Memory::default() }
    }

    fn execute(&mut self, message: &[u8]) -> Vec<u8> {
        let Some(outer) = Plain::parse(message) else { return vec![0x6A, 0x80] };
        let protected = outer.header[0] & 0x0C == 0x0C;
        let mut session = None;
        let mut command = outer;
        if protected {
            let Some(mut opened) = self.memory.session.take() else { return vec![0x69, 0x82] };
            match opened.open(&command) {
                Ok(Some(inner)) => command = inner,
                _ => return vec![0x69, 0x88],
            }
            session = Some(opened);
        }
        let ins = command.header[1];
        let (data, mut status, le) = match self.handle(&command, protected) {
            Ok(data) => (data, 0x9000u16, command.le),
            Err(status) => (Vec::new(), status, 0),
        };
        if !seekable(ins) {
            self.memory.offcut = data.get(le..).unwrap_or_default().to_vec();
            if !self.memory.offcut.is_empty() && le > 0 {
                status = 0x6100 + self.memory.offcut.len().min(0xFF) as u16;
            }
        } else if status == 0x9000 && le > data.len() {
            status = 0x6282;
        }
        let data = &data[..le.min(data.len())];
        let answer = match &mut session {
            None => [data, &status.to_be_bytes()].concat(),
            Some(session) => session.seal(ins & 1 == 1, data, status).unwrap_or_else(|_| vec![0x6F, 0x00]),
        };
        if protected {
            self.memory.session = self.memory.next_session.take().or(session);
        }
        answer
    }

    fn handle(&mut self, command: &Plain, protected: bool) -> Answer {
        let [_, ins, p1, p2] = command.header;
        match ins {
            0xA4 => self.select(p1, p2, &command.data, protected),
            0xB0 => self.read(p1, p2, protected),
            0xB1 => {
                let offset = tlv::first(&command.data, 0x54).map_err(|_| 0x6A80u16)?.value;
                let offset = offset.iter().fold(0usize, |n, byte| n << 8 | usize::from(*byte));
                let whole = self.current(protected)?;
                let rest = whole.get(offset..).filter(|rest| !rest.is_empty()).ok_or(0x6B00u16)?;
                // The object is made of what was asked for, else its length would not be true.
                let room = command.le.saturating_sub(4).min(rest.len());
                Ok(encode(0x53, &rest[..room]))
            }
            0x84 => {
                self.memory.challenge = vec![0; 8];
                openssl::rand::rand_bytes(&mut self.memory.challenge).map_err(broken)?;
                Ok(self.memory.challenge.clone())
            }
            0x82 => {
                let challenge = std::mem::take(&mut self.memory.challenge);
                let (answer, session) = mutual_authenticate(&self.card, &challenge, &command.data)?;
                self.memory.session = Some(session);
                Ok(answer)
            }
            0x88 if protected => {
                let whole = self.card.active_key.sign(&command.data).map_err(broken)?;
                Ok(whole)
            }
            0x22 if protected && (p1, p2) == (0x41, 0xA6) => {
                let terminal = tlv::find(&command.data, 0x91).ok().flatten().ok_or(0x6A80u16)?.value;
                let agreed = chip_authentication(&self.card.chip_key, terminal).map_err(broken)?.ok_or(0x6A80u16)?;
                let session = CardSm::new(self.card.make.chip_family, &agreed.secret, None).map_err(broken)?;
                self.memory.next_session = Some(session);
                Ok(Vec::new())
            }
            0xC0 => Ok(std::mem::take(&mut self.memory.offcut)),
            _ => Err(0x6D00),
        }
    }

    fn select(&mut self, p1: u8, p2: u8, data: &[u8], protected: bool) -> Answer {
        let memory = &mut self.memory;
        match (p1, data) {
            (0x00, [] | [0x3F, 0x00]) => (memory.application, memory.current) = (false, None),
            (0x04, [0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01]) => (memory.application, memory.current) = (true, None),
            (0x02, [high, low]) => {
                let id = u16::from_be_bytes([*high, *low]);
                if !memory.application || !self.card.files.contains_key(&id) || id == 0x011C {
                    return Err(0x6A82);
                }
                if !protected {
                    return Err(0x6982);
                }
                memory.current = Some(id);
            }
            _ => return Err(0x6A82),
        }
        let description = encode(0x83, data);
        Ok(match p2 {
            0x0C | 0x08 => Vec::new(),
            0x04 => encode(0x62, &description),
            _ => encode(0x6F, &description),
        })
    }

    fn current(&self, protected: bool) -> Result<&[u8], u16> {
        let id = self.memory.current.ok_or(0x6986u16)?;
        if protected { Ok(&self.card.files[&id]) } else { Err(0x6982) }
    }

    fn read(&mut self, p1: u8, p2: u8, protected: bool) -> Answer {
        let mut offset = usize::from(p2);
        if p1 & 0x80 != 0 {
            let id = 0x0100 | u16::from(p1 & 0x1F);
            let found = self.memory.application && id != 0x011C && self.card.files.contains_key(&id);
            self.memory.current = Some(if found { id } else { return Err(0x6A82) });
        } else {
            offset |= usize::from(p1) << 8;
        }
        let whole = self.current(protected)?;
        whole.get(offset..).filter(|rest| !rest.is_empty()).map(<[u8]>::to_vec).ok_or(0x6B00)
    }
}

impl VpcdCard for PythonCard {
    fn atr(&self) -> Vec<u8> {
        ATR.to_vec()
    }

    fn reset(&mut self) {
        self.memory = Memory::default();
    }

    fn transmit(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        Some(self.execute(command))
    }
}
