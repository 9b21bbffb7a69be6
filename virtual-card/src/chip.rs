//! The chip's operating system: a strict, CCCD-like card.
//!
//! - SELECT MF answers 6D00; EF.CardAccess is there before the application is selected and not after.
//! - Every file of the application answers 6982 before access, DG3 always, and DG11 6A82.
//! - A plain command inside a session ends the session with 6982; a damaged protected one with 6988.

mod authenticate;
mod files;

use crate::card_pace::Pace;
use crate::card_sm::{CardSm, Plain};
use crate::card_ta::TerminalState;
use crate::fault::Fault;
use crate::make::Make;
use crate::manners::{ActiveProof, Chaining, ChipProof, Extended, Manners, Refused};
use crate::persona::Persona;
use crate::personalise::{Card, PersonaliseError};
use crate::tamper::Tamper;
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
    tamper: Option<Tamper>,
    card: Card,
    fault: Fault,
    manners: Manners,
    /// Whether the chip has disliked something in its files, ever.
    disliked: bool,
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
    /// Whether the master file was selected.
    master_file: bool,
    /// The files that were addressed.
    seen: Vec<u16>,
    /// The last command and its status.
    last: Option<(Plain, u16)>,
    /// The commands in sessions.
    commands: usize,
    /// The front of a chained command's data.
    chain: Vec<u8>,
    /// The rest of an answer, for GET RESPONSE inside a session.
    rest: Vec<u8>,
    /// The rest of a protected answer, for GET RESPONSE outside of it.
    pieces: Vec<u8>,
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
struct Refusal {
    word: u16,
    /// What comes with it all the same.
    data: Vec<u8>,
    /// Outside secure messaging; the session ends.
    bare: bool,
}

type Outcome = Result<Vec<u8>, Refusal>;

/// A refusal as secure messaging wants it.
const fn refusal(word: u16) -> Refusal {
    Refusal { word, data: Vec::new(), bare: false }
}

impl From<ErrorStack> for Refusal {
    fn from(_: ErrorStack) -> Self {
        refusal(0x6F00)
    }
}

impl From<Refused> for Refusal {
    fn from(Refused { status, bare }: Refused) -> Self {
        Self { bare, ..refusal(status) }
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
        Self::with_manners(persona, fault, make, Manners::default())
    }

    /// The same with manners of its own, besides those that the fault means.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn with_manners(
        persona: &Persona,
        fault: Fault,
        make: Make,
        manners: Manners,
    ) -> Result<Self, PersonaliseError> {
        let (card, manners) = (Card::with_make(persona, fault, make)?, fault.manners(manners));
        Ok(Self { liar: None, tamper: None, card, fault, manners, disliked: false, sent: 0, state: State::default() })
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

    /// Gives the chip other manners, as if it were another one with the same files and keys.
    pub fn set_manners(&mut self, manners: Manners) {
        self.manners = self.fault.manners(manners);
        self.disliked = false;
        self.reset();
    }

    /// Lets the chip lie from now on: it opens for the password and then answers what it is told.
    pub fn set_liar(&mut self, liar: Liar) {
        self.liar = Some(liar);
    }

    /// Lets the chip lie in one place of a protocol from now on.
    pub const fn set_tamper(&mut self, tamper: Tamper) {
        self.tamper = Some(tamper);
    }

    /// Whether the chip lies in this place.
    fn lies(&self, tamper: Tamper) -> bool {
        self.tamper == Some(tamper)
    }

    /// The last command as the chip's application saw it, and the status that it gave, for people who look for a fault.
    #[must_use]
    pub fn last_command(&self) -> String {
        let Some((Plain { header, data, le, extended }, word)) = &self.state.last else { return String::new() };
        let form = if *extended { " extended" } else { "" };
        let [cla, ins, p1, p2] = header;
        let head = format!("{cla:02X} {ins:02X} {p1:02X} {p2:02X}, {} bytes, Le {le}{form}: {word:04X}", data.len());
        if self.state.access { format!("protected {head}") } else { head }
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
        if let Some(piece) = self.next_piece(&outer) {
            return piece;
        }
        let session = self.state.session.take();
        self.state.access = session.is_some();
        let Some(mut session) = session else {
            return match self.run(outer) {
                Ok(data) => [&data[..], &[0x90, 0x00]].concat(),
                Err(Refusal { data, word, .. }) => [data, status(word)].concat(),
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
        self.state.commands += 1;
        let (mut data, mut word) = match self.run(plain.clone()) {
            Ok(data) => (data, 0x9000),
            Err(Refusal { word, bare: true, .. }) => return status(word),
            Err(Refusal { data, word, .. }) => (data, word),
        };
        match self.liar.as_mut().map_or(Lie::None, |liar| liar(plain.header[1])) {
            Lie::None => {}
            Lie::Protected(lie, status) => (data, word) = (lie, status),
            Lie::Raw(bytes) => return bytes,
        }
        let signature = plain.header[1] == 0x88;
        if !outer.extended && data.len() > session.short_capacity() && !(signature && self.signs_long()) {
            // Part of a file is of use, part of a signature is not.
            word = if signature { 0x6700 } else { 0x6C00 | session.short_capacity() as u16 };
            data.clear();
        }
        let sealed = session.seal_lying(self.tamper, &outer.data, plain.header[1] & 1 == 1, &data, word);
        // A command may have opened a session of its own (chip authentication); its answer is still the old one's.
        if self.state.session.is_none() {
            self.state.session = Some(session);
        }
        sealed.map_or_else(|_| status(0x6F00), |sealed| self.cut(sealed))
    }

    fn run(&mut self, command: Plain) -> Outcome {
        let outcome = self.execute(&command);
        self.state.last = Some((command, outcome.as_ref().map_or_else(|refusal| refusal.word, |_| 0x9000)));
        outcome
    }

    fn execute(&mut self, command: &Plain) -> Outcome {
        let [cla, ins, p1, p2] = command.header;
        if ins != 0xC0 {
            self.state.rest.clear();
        }
        if let Some(refused) = self.refuses(command) {
            return Err(refused.into());
        }
        // PACE chains its steps, which are whole commands all the same (ICAO 9303-11 §4.4.4.2).
        if cla & 0x10 != 0 && (ins != 0x86 || self.state.access) {
            self.state.chain.extend(&command.data);
            return Ok(Vec::new());
        }
        let chain = std::mem::take(&mut self.state.chain);
        let command = &Plain { data: [&chain[..], &command.data].concat(), ..*command };
        match (ins, p1, p2) {
            (0xA4, 0x04, _) => self.select_application(command),
            (0xA4, 0x02, _) => self.select_file(command),
            (0xA4, 0x00, _) => self.select_master_file(command),
            (0xB0, _, _) => self.read_binary(command),
            (0xB1, 0, 0) => self.read_binary_odd(command),
            (0x22, 0xC1, 0xA4) => self.pace_set_at(&command.data),
            (0x22, 0x41, 0xA4) => self.chip_authentication_set_at(&command.data),
            (0x22, 0x41, 0xA6) => self.chip_authentication_set_kat(&command.data),
            (0x22, 0x81, 0xB6) => self.terminal(|terminal| terminal.set_dst(&command.data)),
            (0x2A, 0x00, 0xBE) => self.terminal(|terminal| terminal.verify_certificate(&command.data)),
            (0x22, 0x81, 0xA4) => self.terminal_set_at(&command.data),
            (0x86, 0, 0) => self.general_authenticate(command),
            (0x84, 0, 0) => self.get_challenge(),
            (0x82, 0, 0) => self.external_authenticate(&command.data),
            (0x88, 0, 0) => self.internal_authenticate(command),
            (0xC0, 0, 0) => self.get_response(command.le),
            _ => Err(refusal(0x6D00)),
        }
    }

    /// How this chip refuses a command that another would carry out, whatever is in it.
    fn refuses(&mut self, command: &Plain) -> Option<Refused> {
        let [cla, ins, p1, _] = command.header;
        let (long, chained) = (command.data.len() > 223, cla & 0x10 != 0 && (ins != 0x86 || self.state.access));
        if let Extended::Refused(refused) = self.manners.extended
            && command.extended
            && self.dislikes(self.state.current.unwrap_or_default())
        {
            return Some(refused);
        }
        match self.manners.chaining {
            Chaining::Wanted if command.extended && long => return Some(Refused::protected(0x6700)),
            Chaining::Refused if chained => return Some(Refused::protected(0x6884)),
            _ => {}
        }
        let agreement = self.state.access && (ins == 0x22 && p1 == 0x41 || ins == 0x86);
        match (self.manners.active_proof, self.manners.chip_proof) {
            (ActiveProof::Refused(refused), _) if ins == 0x88 => Some(refused),
            (_, ChipProof::Refused(refused_ins, refused)) if agreement && ins == refused_ins => Some(refused),
            _ => None,
        }
    }
}

fn status(word: u16) -> Vec<u8> {
    word.to_be_bytes().to_vec()
}
