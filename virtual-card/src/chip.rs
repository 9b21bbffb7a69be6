//! The chip's operating system: a strict, CCCD-like card.
//!
//! - SELECT MF answers 6D00; EF.CardAccess is there before the application is selected and not after.
//! - Every file of the application answers 6982 before access, DG3 always, and DG11 6A82.
//! - A plain command inside a session ends the session with 6982; a damaged protected one with 6988.

mod authenticate;

use crate::card_pace::Pace;
use crate::card_sm::{CardSm, Plain};
use crate::card_ta::TerminalState;
use crate::fault::{Fault, Quirk};
use crate::make::Make;
use crate::persona::Persona;
use crate::personalise::{CARD_SECURITY, CVCA, Card, PersonaliseError};
use emrtd::tlv::{self, encode};
use openssl::error::ErrorStack;

const APPLICATION: [u8; 7] = [0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01];

/// ATR of a contactless card whose historical bytes announce extended length fields (ISO/IEC 7816-4 §12.1.1.9).
pub const ATR: [u8; 10] = [0x3B, 0x85, 0x80, 0x01, 0x80, 0x73, 0x00, 0x21, 0xC0, 0x16];

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Data and status bytes.
    Response(Vec<u8>),
    /// The card left the field.
    Lifted,
}

/// What a chip that lies answers to a command inside a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lie {
    /// What the chip would answer anyway.
    None,
    /// This, properly protected.
    Protected(Vec<u8>, u16),
    /// These bytes, without protection.
    Raw(Vec<u8>),
}

/// Decides about each command inside a session, by its instruction byte.
pub type Liar = Box<dyn FnMut(u8) -> Lie + Send>;

/// A card in the field of a reader.
pub struct Chip {
    liar: Option<Liar>,
    card: Card,
    fault: Fault,
    quirks: Vec<Quirk>,
    sent: usize,
    state: State,
}

#[derive(Default)]
struct State {
    application: bool,
    current: Option<u16>,
    session: Option<CardSm>,
    pace: Option<Pace>,
    challenge: Option<Vec<u8>>,
    /// Whether the command that runs came in a session.
    access: bool,
    chip_authentication: bool,
    /// The session's keys are a copy's guess: it answers under them whatever it is asked.
    guessing: bool,
    /// The rest of an answer, for GET RESPONSE.
    rest: Vec<u8>,
    /// What names the chip in terminal authentication.
    chip_identifier: Vec<u8>,
    /// The terminal's key of chip authentication, compressed.
    terminal_key: Vec<u8>,
    terminal: TerminalState,
}

impl std::fmt::Debug for Chip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Chip({:?}, {:?})", self.card, self.fault)
    }
}

/// A status other than 9000.
struct Refusal(u16);

type Outcome = Result<Vec<u8>, Refusal>;

impl From<ErrorStack> for Refusal {
    fn from(_: ErrorStack) -> Self {
        Self(0x6F00)
    }
}

impl Chip {
    /// The card of a persona.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(persona: &Persona, fault: Fault) -> Result<Self, PersonaliseError> {
        Self::with_make(persona, fault, Make::default())
    }

    /// The same as another make of chip.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn with_make(persona: &Persona, fault: Fault, make: Make) -> Result<Self, PersonaliseError> {
        let card = Card::with_make(persona, fault, make)?;
        Ok(Self { liar: None, card, fault, quirks: Vec::new(), sent: 0, state: State::default() })
    }

    /// Lays a lifted card back: the same card, which stays this time.
    pub fn put_back(&mut self) {
        self.fault = Fault::None;
        self.reset();
    }

    /// Replaces a file's content, for measurements; the SOD does not vouch for it.
    pub fn set_file(&mut self, id: u16, content: Vec<u8>) {
        self.card.files.insert(id, content);
    }

    /// Gives the chip a way of its own, besides those that it has.
    pub fn add_quirk(&mut self, quirk: Quirk) {
        self.quirks.push(quirk);
    }

    /// Lets the chip lie from now on: it opens for the password and then answers what it is told.
    pub fn set_liar(&mut self, liar: Liar) {
        self.liar = Some(liar);
    }

    /// Power on, or a reset: all sessions are gone.
    pub fn reset(&mut self) {
        self.state = State::default();
        self.sent = 0;
    }

    /// One command, one answer.
    #[allow(clippy::disallowed_methods, reason = "a slow card takes real time")]
    pub fn transmit(&mut self, command: &[u8]) -> Answer {
        if let Fault::Slow(milliseconds) = self.fault {
            std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        }
        let response = self.respond(command);
        self.sent += response.len();
        match self.fault {
            Fault::Lifted(limit) if self.sent > limit => Answer::Lifted,
            _ => Answer::Response(response),
        }
    }

    fn respond(&mut self, command: &[u8]) -> Vec<u8> {
        let Some(outer) = Plain::parse(command) else { return status(0x6700) };
        if outer.extended && self.fault == Fault::NoExtendedLength {
            self.state.session = None;
            return status(0x6700);
        }
        let session = self.state.session.take();
        self.state.access = session.is_some();
        let Some(mut session) = session else {
            return match self.execute(&outer) {
                Ok(data) => [&data[..], &[0x90, 0x00]].concat(),
                Err(Refusal(word)) => status(word),
            };
        };
        if self.fault == Fault::Garbage {
            return status(0x1234);
        }
        // `open` says None for plain commands, too; both end the session.
        if let Some(word) = self.confirmed_bare() {
            return status(word);
        }
        let opened = session.open(&outer);
        if self.state.guessing && !matches!(opened, Ok(Some(_))) {
            return session.seal(false, b"what a copy says", 0x9000).unwrap_or_else(|_| status(0x6F00));
        }
        let Ok(Some(plain)) = opened else {
            return status(if outer.header[0] & 0x0C == 0 { 0x6982 } else { 0x6988 });
        };
        let (mut data, mut word) = match self.execute(&plain) {
            Ok(data) => (data, 0x9000),
            Err(Refusal(word)) => (Vec::new(), word),
        };
        match self.liar.as_mut().map_or(Lie::None, |liar| liar(plain.header[1])) {
            Lie::None => {}
            Lie::Protected(lie, status) => (data, word) = (lie, status),
            Lie::Raw(bytes) => return bytes,
        }
        self.quirk(&plain, &mut data, &mut word);
        let signature = plain.header[1] == 0x88;
        if !outer.extended && data.len() > session.short_capacity() && !self.answers_long() {
            // Part of a file is of use, part of a signature is not.
            word = if signature { 0x6700 } else { 0x6C00 | session.short_capacity() as u16 };
            data.clear();
        }
        let sealed = session.seal(plain.header[1] & 1 == 1, &data, word);
        // A command may have opened a session of its own (chip authentication); its answer is still the old one's.
        if self.state.session.is_none() {
            self.state.session = Some(session);
        }
        sealed.unwrap_or_else(|_| status(0x6F00))
    }

    fn execute(&mut self, command: &Plain) -> Outcome {
        let [_, ins, p1, p2] = command.header;
        if let Some(word) = self.refuses(ins, p1) {
            return Err(Refusal(word));
        }
        match (ins, p1, p2) {
            (0xA4, 0x04, 0x0C) => self.select_application(&command.data),
            (0xA4, 0x02, 0x0C) => self.select_file(&command.data),
            (0xA4, 0x00, _) if self.fault == Fault::TolerateSelectMf => Ok(Vec::new()),
            (0xA4, 0x00, _) => Err(Refusal(0x6D00)),
            (0xB0, p1, p2) => self.read_binary(p1, p2, command.le),
            (0xB1, 0, 0) => self.read_binary_odd(&command.data, command.le),
            (0x22, 0xC1, 0xA4) => self.pace_set_at(&command.data),
            (0x22, 0x41, 0xA4) => self.chip_authentication_set_at(&command.data),
            (0x22, 0x41, 0xA6) => self.chip_authentication_set_kat(&command.data),
            (0x22, 0x81, 0xB6) => self.terminal(|terminal| terminal.set_dst(&command.data)),
            (0x2A, 0x00, 0xBE) => self.terminal(|terminal| terminal.verify_certificate(&command.data)),
            (0x22, 0x81, 0xA4) => self.terminal_set_at(&command.data),
            (0x86, 0, 0) => self.general_authenticate(&command.data),
            (0x84, 0, 0) => self.get_challenge(),
            (0x82, 0, 0) => self.external_authenticate(&command.data),
            (0x88, 0, 0) => self.internal_authenticate(&command.data),
            (0xC0, 0, 0) if !self.state.rest.is_empty() => Ok(std::mem::take(&mut self.state.rest)),
            _ => Err(Refusal(0x6D00)),
        }
    }

    fn select_application(&mut self, aid: &[u8]) -> Outcome {
        if aid != APPLICATION {
            return Err(Refusal(0x6A82));
        }
        self.state.application = true;
        self.state.current = None;
        Ok(Vec::new())
    }

    /// Which file an identifier means, if the rights allow it.
    fn file(&self, id: u16) -> Result<u16, Refusal> {
        let id = match (id, self.state.application) {
            (0x011D, false) => CARD_SECURITY,
            (0x011C, true) => CVCA,
            _ => id,
        };
        let there = self.card.files.contains_key(&id);
        if id == 0x011C {
            return if there && self.fault != Fault::HiddenCardAccess { Ok(id) } else { Err(Refusal(0x6A82)) };
        }
        if !self.state.application && id != CARD_SECURITY {
            return Err(Refusal(0x6A82));
        }
        if id == 0x0103 && !there || !self.state.terminal.allows(id) {
            return Err(Refusal(0x6982));
        }
        match (there, self.state.access) {
            (true, true) => Ok(id),
            (true, false) => Err(Refusal(0x6982)),
            (false, _) => Err(Refusal(0x6A82)),
        }
    }

    fn select_file(&mut self, data: &[u8]) -> Outcome {
        let id = data.try_into().map(u16::from_be_bytes).map_err(|_| Refusal(0x6700))?;
        self.state.current = Some(self.file(id)?);
        Ok(Vec::new())
    }

    fn read_binary(&mut self, p1: u8, p2: u8, le: usize) -> Outcome {
        let (id, offset) = if p1 & 0x80 == 0 {
            (self.state.current.ok_or(Refusal(0x6986))?, usize::from(p1) << 8 | usize::from(p2))
        } else {
            (self.file(0x0100 | u16::from(p1 & 0x1F))?, usize::from(p2))
        };
        self.state.current = Some(id);
        self.slice(id, offset, le)
    }

    fn read_binary_odd(&mut self, data: &[u8], le: usize) -> Outcome {
        let id = self.state.current.ok_or(Refusal(0x6986))?;
        let object = tlv::first(data, 0x54).map_err(|_| Refusal(0x6A80))?;
        let offset = object.value.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
        Ok(encode(0x53, &self.slice(id, offset, le.saturating_sub(5).max(1))?))
    }

    fn slice(&self, id: u16, offset: usize, le: usize) -> Outcome {
        // The rights may have changed since the file was selected.
        let open = id == 0x011C || self.state.access && self.state.terminal.allows(id);
        let file = self.card.files.get(&id).filter(|_| open).ok_or(Refusal(0x6982))?;
        if offset >= file.len() {
            return Err(Refusal(0x6B00));
        }
        Ok(file[offset..(offset + le).min(file.len())].to_vec())
    }
}

fn status(word: u16) -> Vec<u8> {
    word.to_be_bytes().to_vec()
}
