//! The chip's operating system: a strict, CCCD-like card.
//!
//! - SELECT MF answers 6D00; EF.CardAccess is there before the application is selected and not after.
//! - Every file of the application answers 6982 before access, DG3 always, and DG11 6A82.
//! - A plain command inside a session ends the session with 6982; a damaged protected one with 6988.

use crate::card_pace::{Pace, Reply, chip_authentication};
use crate::card_sm::{CardSm, Family, Plain, cbc, derive, mac, pad};
use crate::card_ta::TerminalState;
use crate::fault::Fault;
use crate::make::{Form, Make};
use crate::persona::Persona;
use crate::personalise::{ActiveKey, CARD_SECURITY, CVCA, Card, PersonaliseError};
use emrtd::tlv::{self, encode};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::{MessageDigest, hash};
use openssl::rsa::Padding;
use openssl::symm::Mode;

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
        Ok(Self { liar: None, card: Card::with_make(persona, fault, make)?, fault, sent: 0, state: State::default() })
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
        let Ok(Some(plain)) = session.open(&outer) else {
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
        if !outer.extended && data.len() > session.short_capacity() {
            word = 0x6C00 | session.short_capacity() as u16;
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

    fn pace_set_at(&mut self, data: &[u8]) -> Outcome {
        let value = |tag| tlv::find(data, tag).ok().flatten().map(|t| t.value);
        let make = self.card.make;
        if self.fault == Fault::NoPace || value(0x80) != Some(&make.pace_oid()[..]) {
            return Err(Refusal(0x6A80));
        }
        let secret = match value(0x83) {
            Some([1]) => hash(MessageDigest::sha1(), self.card.mrz_information.as_bytes())?.to_vec(),
            Some([2]) => self.card.can.as_bytes().to_vec(),
            _ => return Err(Refusal(0x6A88)),
        };
        let secret = if self.fault == Fault::WrongPassword { b"another card".to_vec() } else { secret };
        let copy = self.fault == Fault::Cloned;
        let key = self.card.mapping_key.as_ref();
        let chip_private = key.map(|key| {
            if copy { crate::keys::number("a guess", key.private_key()) } else { key.private_key().to_owned() }
        });
        self.state.pace = Some(Pace::select(make, &secret, chip_private.transpose()?)?);
        Ok(Vec::new())
    }

    fn general_authenticate(&mut self, data: &[u8]) -> Outcome {
        let template = tlv::first(data, 0x7C).map_err(|_| Refusal(0x6A80))?;
        let object = template.children().next().map_err(|_| Refusal(0x6A80))?;
        let (tag, value) = object.map_or((0, &[][..]), |o| (o.tag, o.value));
        if self.state.chip_authentication && tag == 0x80 {
            return self.chip_authentication(value);
        }
        let pace = self.state.pace.take().ok_or(Refusal(0x6985))?;
        let (next, reply) = pace.step(tag, value)?;
        self.state.pace = next;
        match reply {
            Reply::Object(object) => Ok(encode(0x7C, &object)),
            Reply::Done { object, secret, identifier } => {
                self.state.session = Some(CardSm::new(self.card.make.pace_family, &secret, None)?);
                self.state.chip_identifier = identifier;
                Ok(encode(0x7C, &object))
            }
            Reply::WrongPassword => Err(Refusal(0x6300)),
            Reply::OutOfOrder => Err(Refusal(0x6985)),
        }
    }

    /// Whether the chip knows this form of chip authentication, and the key identifier is that of its key.
    fn chip_authentication_allowed(&self, form: Form, data: &[u8]) -> bool {
        let make = &self.card.make;
        let id = tlv::find(data, 0x84).ok().flatten().map(|t| t.value);
        let id_fits = if make.two_keys { id == Some(&[2]) } else { id.is_none() };
        self.state.access && make.form == form && id_fits && self.card.files.contains_key(&0x010E)
    }

    fn chip_authentication_set_at(&mut self, data: &[u8]) -> Outcome {
        let oid = tlv::find(data, 0x80).ok().flatten().map(|t| t.value);
        if !self.chip_authentication_allowed(Form::GeneralAuthenticate, data)
            || oid != Some(&self.card.make.chip_oid()[..])
        {
            return Err(Refusal(0x6A80));
        }
        self.state.chip_authentication = true;
        Ok(Vec::new())
    }

    fn chip_authentication_set_kat(&mut self, data: &[u8]) -> Outcome {
        if !self.chip_authentication_allowed(Form::KeyAgreementTemplate, data) {
            return Err(Refusal(0x6D00));
        }
        let terminal = tlv::find(data, 0x91).ok().flatten().ok_or(Refusal(0x6A80))?.value;
        self.chip_authentication(terminal)?;
        Ok(Vec::new())
    }

    fn chip_authentication(&mut self, terminal: &[u8]) -> Outcome {
        self.state.chip_authentication = false;
        let card = &self.card;
        let key = if self.fault == Fault::Cloned { &card.guessed_key } else { &card.chip_key };
        let agreed = chip_authentication(key, terminal)?.ok_or(Refusal(0x6A80))?;
        self.state.session = Some(CardSm::new(card.make.chip_family, &agreed.secret, None)?);
        self.state.terminal_key = agreed.terminal;
        Ok(encode(0x7C, &[]))
    }

    /// A step of terminal authentication, which comes after chip authentication.
    fn terminal(&mut self, step: impl FnOnce(&mut TerminalState) -> Result<(), u16>) -> Outcome {
        if !self.state.access || !self.card.make.biometrics || self.state.terminal_key.is_empty() {
            return Err(Refusal(0x6982));
        }
        step(&mut self.state.terminal).map(|()| Vec::new()).map_err(Refusal)
    }

    fn terminal_set_at(&mut self, data: &[u8]) -> Outcome {
        let reference = tlv::first(data, 0x83).map_err(|_| Refusal(0x6A80))?.value.to_vec();
        self.terminal(|terminal| terminal.set_at(&reference))
    }

    fn get_challenge(&mut self) -> Outcome {
        if !self.state.application {
            return Err(Refusal(0x6985));
        }
        let mut challenge = vec![0; 8];
        openssl::rand::rand_bytes(&mut challenge)?;
        if self.state.terminal.wants_challenge() {
            self.state.terminal.challenge(&challenge);
        } else {
            self.state.challenge = Some(challenge.clone());
        }
        Ok(challenge)
    }

    fn external_authenticate(&mut self, data: &[u8]) -> Outcome {
        if self.state.terminal.wants_challenge() {
            let (chip, terminal_key) = (self.state.chip_identifier.clone(), self.state.terminal_key.clone());
            return self.terminal(|terminal| terminal.authenticate(&chip, &terminal_key, data));
        }
        let challenge = self.state.challenge.take().ok_or(Refusal(0x6985))?;
        if data.len() != 40 {
            return Err(Refusal(0x6700));
        }
        let information = match self.fault {
            Fault::WrongPassword => "another card",
            _ => &self.card.mrz_information,
        };
        let seed = hash(MessageDigest::sha1(), information.as_bytes())?;
        let enc = derive(Family::TripleDes, &seed[..16], 1)?;
        let mac_key = derive(Family::TripleDes, &seed[..16], 2)?;
        if mac(Family::TripleDes, &mac_key, &pad(&data[..32], 8))? != data[32..] {
            return Err(Refusal(0x6300));
        }
        let s = cbc(Family::TripleDes, Mode::Decrypt, &enc, &[0; 8], &data[..32])?;
        if s[8..16] != challenge {
            return Err(Refusal(0x6300));
        }
        let mut own = vec![0; 16];
        openssl::rand::rand_bytes(&mut own)?;
        let r = [&challenge[..], &s[..8], &own].concat();
        let sealed = cbc(Family::TripleDes, Mode::Encrypt, &enc, &[0; 8], &r)?;
        let tag = mac(Family::TripleDes, &mac_key, &pad(&sealed, 8))?;
        let secret: Vec<u8> = s[16..].iter().zip(&own).map(|(a, b)| a ^ b).collect();
        let counter = [&challenge[4..], &s[4..8]].concat();
        // The document number with its check digit.
        self.state.chip_identifier = self.card.mrz_information.as_bytes()[..10].to_vec();
        self.state.session = Some(CardSm::new(Family::TripleDes, &secret, Some(counter))?);
        Ok([sealed, tag].concat())
    }

    fn internal_authenticate(&mut self, challenge: &[u8]) -> Outcome {
        if !self.state.access || !self.card.files.contains_key(&0x010F) {
            return Err(Refusal(0x6982));
        }
        if challenge.len() != 8 {
            return Err(Refusal(0x6700));
        }
        match &self.card.active_key {
            ActiveKey::Rsa(key) => {
                let rsa = key.rsa()?;
                let size = rsa.size() as usize;
                if self.fault == Fault::Cloned {
                    let mut noise = vec![0; size];
                    openssl::rand::rand_bytes(&mut noise)?;
                    noise[0] = 0;
                    return Ok(noise);
                }
                // 6A ‖ M1 ‖ H(M1 ‖ challenge) ‖ 34 CC
                let mut block = vec![0; size];
                openssl::rand::rand_bytes(&mut block[1..size - 34])?;
                block[0] = 0x6A;
                let digest = hash(MessageDigest::sha256(), &[&block[1..size - 34], challenge].concat())?;
                block[size - 34..size - 2].copy_from_slice(&digest);
                block[size - 2..].copy_from_slice(&[0x34, 0xCC]);
                let mut signature = vec![0; size];
                rsa.private_encrypt(&block, &mut signature, Padding::NONE)?;
                Ok(signature)
            }
            ActiveKey::Ec(key) => {
                if self.fault == Fault::Cloned {
                    let mut noise = vec![0; 64];
                    openssl::rand::rand_bytes(&mut noise)?;
                    return Ok(noise);
                }
                let digest = hash(MessageDigest::sha256(), challenge)?;
                let signature = EcdsaSig::sign(&digest, key)?;
                Ok([signature.r().to_vec_padded(32)?, signature.s().to_vec_padded(32)?].concat())
            }
        }
    }
}

fn status(word: u16) -> Vec<u8> {
    word.to_be_bytes().to_vec()
}
