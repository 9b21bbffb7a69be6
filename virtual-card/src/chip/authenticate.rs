//! How the chip lets a terminal in, proves itself, and in which ways of its own.

use super::{Chip, Outcome, Refusal};
use crate::card_pace::{Pace, Reply, chip_authentication};
use crate::card_sm::{CardSm, Family, Plain, cbc, derive, mac, pad};
use crate::card_ta::TerminalState;
use crate::fault::{Fault, Quirk};
use crate::make::Form;
use crate::personalise::ActiveKey;
use emrtd::tlv::{self, encode};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::{MessageDigest, hash};
use openssl::rsa::Padding;
use openssl::symm::Mode;

impl Chip {
    pub(super) fn pace_set_at(&mut self, data: &[u8]) -> Outcome {
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

    pub(super) fn general_authenticate(&mut self, data: &[u8]) -> Outcome {
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

    pub(super) fn chip_authentication_set_at(&mut self, data: &[u8]) -> Outcome {
        let oid = tlv::find(data, 0x80).ok().flatten().map(|t| t.value);
        if !self.chip_authentication_allowed(Form::GeneralAuthenticate, data)
            || oid != Some(&self.card.make.chip_oid()[..])
        {
            return Err(Refusal(0x6A80));
        }
        self.state.chip_authentication = true;
        Ok(Vec::new())
    }

    pub(super) fn chip_authentication_set_kat(&mut self, data: &[u8]) -> Outcome {
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
        let copy = self.fault == Fault::Cloned;
        let key = if copy { &card.guessed_key } else { &card.chip_key };
        let agreed = chip_authentication(key, terminal)?.ok_or(Refusal(0x6A80))?;
        self.state.session = Some(CardSm::new(card.make.chip_family, &agreed.secret, None)?);
        self.state.terminal_key = agreed.terminal;
        self.state.guessing = copy;
        Ok(encode(0x7C, &[]))
    }

    /// A step of terminal authentication, which comes after chip authentication.
    pub(super) fn terminal(&mut self, step: impl FnOnce(&mut TerminalState) -> Result<(), u16>) -> Outcome {
        if !self.state.access || !self.card.make.biometrics || self.state.terminal_key.is_empty() {
            return Err(Refusal(0x6982));
        }
        step(&mut self.state.terminal).map(|()| Vec::new()).map_err(Refusal)
    }

    pub(super) fn terminal_set_at(&mut self, data: &[u8]) -> Outcome {
        let reference = tlv::first(data, 0x83).map_err(|_| Refusal(0x6A80))?.value.to_vec();
        self.terminal(|terminal| terminal.set_at(&reference))
    }

    pub(super) fn get_challenge(&mut self) -> Outcome {
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

    pub(super) fn external_authenticate(&mut self, data: &[u8]) -> Outcome {
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

    pub(super) fn internal_authenticate(&mut self, challenge: &[u8]) -> Outcome {
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

    /// The status with which this chip refuses a command that another would carry out.
    pub(super) fn refuses(&self, ins: u8, p1: u8) -> Option<u16> {
        let agreement = self.state.access && (ins == 0x22 && p1 == 0x41 || ins == 0x86);
        self.quirks.iter().find_map(|quirk| match quirk {
            Quirk::ActiveRefused(word) if ins == 0x88 => Some(*word),
            Quirk::ChipRefused { ins: refused, status } if agreement && ins == *refused => Some(*status),
            _ => None,
        })
    }

    /// The bare status of a chip that drops the session after chip authentication.
    pub(super) fn confirmed_bare(&self) -> Option<u16> {
        self.quirks.iter().find_map(|quirk| match quirk {
            Quirk::BareConfirm(word) if !self.state.terminal_key.is_empty() => Some(*word),
            _ => None,
        })
    }

    /// Whether the chip sends long signatures in answer to short commands.
    pub(super) fn answers_long(&self) -> bool {
        let long = |quirk: &Quirk| {
            matches!(quirk, Quirk::ActiveExactLength | Quirk::ActiveEmptyOnExtended | Quirk::ActiveTruncated(_))
        };
        self.quirks.iter().any(long)
    }

    /// What the chip's ways make of its signature.
    pub(super) fn quirk(&mut self, command: &Plain, data: &mut Vec<u8>, word: &mut u16) {
        if command.header[1] != 0x88 || *word != 0x9000 {
            return;
        }
        for quirk in &self.quirks {
            match *quirk {
                Quirk::ActiveExactLength if command.le != data.len() => {
                    *word = 0x6C00 | data.len() as u16 & 0xFF;
                    data.clear();
                }
                Quirk::ActiveEmptyOnExtended if command.le > 256 => data.clear(),
                Quirk::ActiveTruncated(length) => data.truncate(length),
                Quirk::ActiveInParts if data.len() > 100 => {
                    self.state.rest = data.split_off(100);
                    *word = 0x6100 | self.state.rest.len() as u16 & 0xFF;
                }
                _ => {}
            }
        }
    }
}
