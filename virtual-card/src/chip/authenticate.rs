//! How the chip lets a terminal in, proves itself, and in which ways of its own.

use super::{Chip, Outcome, Refusal, refusal};
use crate::card_pace::{Pace, Reply, chip_authentication};
use crate::card_sm::{CardSm, Family, Plain, cbc, derive, mac, pad};
use crate::card_ta::TerminalState;
use crate::fault::Fault;
use crate::make::{Form, KeyId};
use crate::manners::{ActiveProof, CardAccess, ChipProof, Pace as PaceManner, Place};
use crate::tamper::{Tamper, flipped};
use emrtd::hazmat::tlv::{self, encode};
use openssl::hash::{MessageDigest, hash};
use openssl::symm::Mode;

impl Chip {
    pub(super) fn pace_set_at(&mut self, data: &[u8]) -> Outcome {
        let value = |tag| tlv::find(data, tag).ok().flatten().map(|t| t.value);
        let make = self.card.make;
        if self.manners.card_access == CardAccess::Absent || value(0x80) != Some(&make.pace_oid()[..]) {
            return Err(refusal(0x6A80));
        }
        let here = match self.manners.place {
            Place::Anywhere => true,
            Place::MasterFile => !self.state.application,
            Place::Application | Place::ApplicationAlone => self.state.application,
        };
        if !here {
            return Err(refusal(0x6985));
        }
        let secret = match value(0x83) {
            Some([1]) => hash(MessageDigest::sha1(), self.card.mrz_information.as_bytes())?.to_vec(),
            Some([2]) => self.card.can.as_bytes().to_vec(),
            _ => return Err(refusal(0x6A88)),
        };
        let secret = if self.fault == Fault::WrongPassword { b"another card".to_vec() } else { secret };
        let copy = self.fault == Fault::Cloned;
        let key = self.card.mapping_key.as_ref();
        let chip_private = key.map(|key| {
            if copy { crate::keys::number("a guess", key.private_key()) } else { key.private_key().to_owned() }
        });
        self.state.pace = Some(Pace::select(make, &secret, chip_private.transpose()?)?.lying(self.tamper));
        Ok(Vec::new())
    }

    pub(super) fn general_authenticate(&mut self, command: &Plain) -> Outcome {
        let template = tlv::first(&command.data, 0x7C).map_err(|_| refusal(0x6A80))?;
        let object = template.children().next().map_err(|_| refusal(0x6A80))?;
        let (tag, value) = object.map_or((0, &[][..]), |o| (o.tag, o.value));
        if self.state.chip_authentication && tag == 0x80 {
            if self.manners.chip_proof == ChipProof::ExactLength && command.le != 2 {
                return Err(refusal(0x6C02));
            }
            return self.chip_authentication(value);
        }
        let pace = self.state.pace.take().ok_or(refusal(0x6985))?;
        let (next, reply) = pace.step(tag, value)?;
        self.state.pace = next;
        match reply {
            Reply::Object(object) => Ok(encode(0x7C, &object)),
            Reply::Done { .. } if self.manners.pace == PaceManner::TokenRefused => Err(refusal(0x6300)),
            Reply::Done { object, secret, identifier } => {
                self.state.session = Some(CardSm::new(self.card.make.pace_family, &secret, None)?);
                self.state.chip_identifier = identifier;
                Ok(encode(0x7C, &object))
            }
            Reply::WrongPassword => Err(refusal(0x6300)),
            Reply::OutOfOrder => Err(refusal(0x6985)),
        }
    }

    /// Whether the chip knows this form of chip authentication.
    fn knows_chip_authentication(&self, form: Form) -> bool {
        self.state.access && self.card.make.form == form && self.card.files.contains_key(&0x010E)
    }

    /// Holds the identifier of a key against that of the chip's key.
    fn check_key_identifier(&self, data: &[u8]) -> Result<(), Refusal> {
        let id = tlv::find(data, 0x84).ok().flatten().map(|t| t.value);
        let taken = match (self.card.make.key_id, id) {
            (_, Some(_)) if self.manners.chip_proof == ChipProof::IdentifierRefused => false,
            (KeyId::Needed, None) => false,
            (KeyId::None, id) => id.is_none(),
            (KeyId::Stated, None) => self.manners.chip_proof != ChipProof::IdentifierWanted,
            (KeyId::Stated | KeyId::Needed, Some(id)) => id == [2],
        };
        match (taken, id) {
            (true, _) => Ok(()),
            (false, None) => Err(refusal(0x6A88)),
            (false, Some(_)) => Err(refusal(0x6A80)),
        }
    }

    pub(super) fn chip_authentication_set_at(&mut self, data: &[u8]) -> Outcome {
        let oid = tlv::find(data, 0x80).ok().flatten().map(|t| t.value);
        if !self.knows_chip_authentication(Form::GeneralAuthenticate) || oid != Some(&self.card.make.chip_oid()[..]) {
            return Err(refusal(0x6A80));
        }
        self.check_key_identifier(data)?;
        self.state.chip_authentication = true;
        Ok(Vec::new())
    }

    pub(super) fn chip_authentication_set_kat(&mut self, data: &[u8]) -> Outcome {
        if !self.knows_chip_authentication(Form::KeyAgreementTemplate) {
            return Err(refusal(0x6D00));
        }
        self.check_key_identifier(data)?;
        let terminal = tlv::find(data, 0x91).ok().flatten().ok_or(refusal(0x6A80))?.value;
        self.chip_authentication(terminal)?;
        Ok(Vec::new())
    }

    fn chip_authentication(&mut self, terminal: &[u8]) -> Outcome {
        self.state.chip_authentication = false;
        if self.lies(Tamper::ChipSessionOld) {
            self.state.guessing = true;
            return Ok(encode(0x7C, &[]));
        }
        let card = &self.card;
        let copy = self.fault == Fault::Cloned || self.lies(Tamper::ChipKeyOther);
        let key = if copy { &card.guessed_key } else { &card.chip_key };
        let agreed = chip_authentication(key, terminal)?.ok_or(refusal(0x6A80))?;
        self.state.session = Some(CardSm::new(card.make.chip_family, &agreed.secret, None)?);
        self.state.terminal_key = agreed.terminal;
        self.state.guessing = copy;
        Ok(encode(0x7C, &[]))
    }

    /// A step of terminal authentication, which comes after chip authentication.
    pub(super) fn terminal(&mut self, step: impl FnOnce(&mut TerminalState) -> Result<(), u16>) -> Outcome {
        if !self.state.access || !self.card.make.biometrics || self.state.terminal_key.is_empty() {
            return Err(refusal(0x6982));
        }
        step(&mut self.state.terminal).map(|()| Vec::new()).map_err(refusal)
    }

    pub(super) fn terminal_set_at(&mut self, data: &[u8]) -> Outcome {
        let reference = tlv::first(data, 0x83).map_err(|_| refusal(0x6A80))?.value.to_vec();
        self.terminal(|terminal| terminal.set_at(&reference))
    }

    pub(super) fn get_challenge(&mut self) -> Outcome {
        if !self.state.application {
            return Err(refusal(0x6985));
        }
        let mut challenge = vec![0; 8];
        openssl::rand::rand_bytes(&mut challenge)?;
        let lie = if self.state.access { Tamper::TerminalChallengeShort } else { Tamper::BacChallengeShort };
        if self.lies(lie) {
            challenge.pop();
        }
        if self.state.terminal.wants_challenge() {
            self.state.terminal.challenge(&challenge);
        } else {
            self.state.challenge = Some(challenge.clone());
        }
        Ok(challenge)
    }

    pub(super) fn external_authenticate(&mut self, data: &[u8]) -> Outcome {
        if self.state.terminal.wants_challenge() {
            let (chip, terminal_key) = (self.state.chip_identifier.clone(), self.state.terminal_key.clone());
            return self.terminal(|terminal| terminal.authenticate(&chip, &terminal_key, data));
        }
        let challenge = self.state.challenge.take().ok_or(refusal(0x6985))?;
        if data.len() != 40 {
            return Err(refusal(0x6700));
        }
        let information = match self.fault {
            Fault::WrongPassword => "another card",
            _ => &self.card.mrz_information,
        };
        let seed = hash(MessageDigest::sha1(), information.as_bytes())?;
        let enc = derive(Family::TripleDes, &seed[..16], 1)?;
        let mac_key = derive(Family::TripleDes, &seed[..16], 2)?;
        if mac(Family::TripleDes, &mac_key, &pad(&data[..32], 8))? != data[32..] {
            return Err(refusal(0x6300));
        }
        let s = cbc(Family::TripleDes, Mode::Decrypt, &enc, &[0; 8], &data[..32])?;
        if s[8..16] != challenge {
            return Err(refusal(0x6300));
        }
        let mut own = vec![0; 16];
        openssl::rand::rand_bytes(&mut own)?;
        let mut r = [&challenge[..], &s[..8], &own].concat();
        match self.tamper {
            Some(Tamper::BacOtherChipChallenge) => r[7] ^= 1,
            Some(Tamper::BacOtherTerminalChallenge) => r[15] ^= 1,
            _ => {}
        }
        let mut sealed = cbc(Family::TripleDes, Mode::Encrypt, &enc, &[0; 8], &r)?;
        let mut tag = mac(Family::TripleDes, &mac_key, &pad(&sealed, 8))?;
        match self.tamper {
            Some(Tamper::BacMacWrong) => tag = flipped(&tag),
            Some(Tamper::BacCryptogramChanged) => sealed = flipped(&sealed),
            Some(Tamper::BacAnswerShort) => {
                tag.pop();
            }
            Some(Tamper::BacReflected) => (sealed, tag) = (data[..32].to_vec(), data[32..].to_vec()),
            _ => {}
        }
        let secret: Vec<u8> = s[16..].iter().zip(&own).map(|(a, b)| a ^ b).collect();
        let counter = [&challenge[4..], &s[4..8]].concat();
        // The document number with its check digit.
        self.state.chip_identifier = self.card.mrz_information.as_bytes()[..10].to_vec();
        self.state.session = Some(CardSm::new(Family::TripleDes, &secret, Some(counter))?);
        Ok([sealed, tag].concat())
    }

    pub(super) fn internal_authenticate(&mut self, command: &Plain) -> Outcome {
        let mut signature = self.sign(&command.data)?;
        let wrong_length = match self.manners.active_proof {
            ActiveProof::ShortOnly => command.le != 256,
            ActiveProof::ExtendedOnly => !command.extended,
            _ => false,
        };
        if wrong_length {
            return Err(refusal(0x6700));
        }
        match self.manners.active_proof {
            ActiveProof::ExactOnly if command.le != signature.len() => {
                return Err(refusal(0x6C00 | signature.len() as u16 & 0xFF));
            }
            ActiveProof::EmptyOnExtended if command.le > 256 => signature.clear(),
            ActiveProof::Truncated(length) => signature.truncate(length),
            ActiveProof::InParts => return self.first_part(signature, 60),
            _ => {}
        }
        Ok(signature)
    }

    /// A signature of the challenge.
    fn sign(&self, challenge: &[u8]) -> Outcome {
        if !self.state.access || !self.card.files.contains_key(&0x010F) {
            return Err(refusal(0x6982));
        }
        if challenge.len() != 8 {
            return Err(refusal(0x6700));
        }
        let key = &self.card.active_key;
        if self.fault == Fault::Cloned || self.lies(Tamper::ActiveOtherKey) {
            return Ok(key.guess()?);
        }
        Ok(key.sign_lying(challenge, self.tamper)?)
    }

    /// The bare status of a chip that drops the session after chip authentication.
    pub(super) fn confirmed_bare(&self) -> Option<u16> {
        match self.manners.chip_proof {
            ChipProof::LostAfter(word) if !self.state.terminal_key.is_empty() => Some(word),
            _ => None,
        }
    }

    /// Whether the chip sends long signatures in answer to short commands.
    pub(super) fn signs_long(&self) -> bool {
        use ActiveProof::{EmptyOnExtended, ExactOnly, ShortOnly, Truncated};
        matches!(self.manners.active_proof, ShortOnly | ExactOnly | EmptyOnExtended | Truncated(_))
    }
}
