//! Chip authentication version 1 (ICAO 9303-11 §6.2): a key agreement with the static key of EF.DG14.
//!
//! The chip proves that it holds the private key by answering under the new session keys; this module
//! therefore keeps what is needed to open the first such answer again ([`ChipAuthenticationTranscript`]).
//!
//! | form | command | for |
//! |---|---|---|
//! | MSE:Set KAT | `00 22 41 A6`: `91` terminal's key, `84` key id | 3DES only, asked first there |
//! | MSE:Set AT, GENERAL AUTHENTICATE | `00 22 41 A4`: `80` protocol, `84` key id; `7C { 80 terminal's key }` | every cipher |
//!
//! A chip that refuses one form is asked in the other, then for the next key or cipher that it offers, then for all of
//! them with the key's identifier where none was due and without it where one was; only then has it refused. A refusal
//! proves nothing in either direction.

use crate::active_authentication::Answer;
use crate::apdu::{Command, Response};
use crate::crypto::{AgreementKey, Cipher, CryptoError, GroupKey, NamedGroup, SessionKeys};
use crate::error::Error;
use crate::exchange::{Exchange, Step};
use crate::oid;
use crate::secret::{Entropy, Secret};
use crate::secure_messaging::{SecureMessaging, SecureMessagingError};
use crate::security_info::{ChipAuthenticationInfo, KeyAgreement, SecurityInfos};
use crate::tlv::{encode, encode_into};
use serde::{Deserialize, Serialize};

const OPERATION: &str = "chip authentication";

/// More keys and ciphers than these are asked for of no chip.
const MOST_OFFERS: usize = 4;

/// The chip's key and how it wants to be asked.
#[derive(Debug, Clone)]
pub struct ChipAuthenticationParameters {
    key: AgreementKey,
    key_id: Option<Vec<u8>>,
    /// Whether the chip has several keys, so that the identifier is to be written.
    several: bool,
    oid: Option<Vec<u8>>,
    cipher: Cipher,
}

impl ChipAuthenticationParameters {
    /// The best of [`Self::all`]. `None` when there is no usable key.
    #[must_use]
    pub fn choose(infos: &SecurityInfos) -> Option<Self> {
        Self::all(infos).into_iter().next()
    }

    /// What EF.DG14 offers, best first: the strongest cipher that goes with a usable key, ECDH before DH. Keys without
    /// any ChipAuthenticationInfo that fits mean 3DES. No more than four, however many the file lists.
    #[must_use]
    pub fn all(infos: &SecurityInfos) -> Vec<Self> {
        let several = infos.chip_authentication_keys.len() > 1;
        let kind = |key: &AgreementKey| match key {
            AgreementKey::Ec { .. } => KeyAgreement::Ecdh,
            AgreementKey::Dh { .. } => KeyAgreement::Dh,
        };
        let keys: Vec<_> = infos
            .chip_authentication_keys
            .iter()
            .filter_map(|entry| Some((entry.key.as_ref().ok()?, entry.key_id.as_ref())))
            .collect();
        let with = |(key, id): &(&AgreementKey, Option<&Vec<u8>>), oid: Option<Vec<u8>>, cipher| Self {
            key: (*key).clone(),
            key_id: id.cloned(),
            several,
            oid,
            cipher,
        };
        let mut offers: Vec<_> = infos.chip_authentication.iter().collect();
        let strength = |info: &ChipAuthenticationInfo| (info.cipher.strength(), info.key_agreement);
        offers.sort_by_key(|info| std::cmp::Reverse(strength(info)));
        let mut all = Vec::new();
        for info in offers {
            let fits = |(key, id): &&(&AgreementKey, Option<&Vec<u8>>)| {
                kind(key) == info.key_agreement && (info.key_id.is_none() || *id == info.key_id.as_ref())
            };
            all.extend(keys.iter().filter(fits).map(|entry| with(entry, Some(info.oid.clone()), info.cipher)));
        }
        if all.is_empty() {
            all.extend(keys.iter().map(|entry| with(entry, None, Cipher::TripleDes)));
        }
        all.truncate(MOST_OFFERS);
        all
    }

    /// The cipher of the session afterwards.
    #[must_use]
    pub const fn cipher(&self) -> Cipher {
        self.cipher
    }

    /// The group in which the terminal makes its key, when it is one of the standardised ones.
    #[must_use]
    pub const fn named_group(&self) -> Option<NamedGroup> {
        self.key.named_group()
    }

    /// The key type as people write it.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("{} with {}", self.key.describe(), self.cipher.name())
    }

    /// The ways in which the chip may be asked, best first.
    fn forms(&self) -> &'static [Form] {
        match self.cipher {
            Cipher::TripleDes => &[Form::KeyAgreementTemplate, Form::GeneralAuthenticate],
            _ => &[Form::GeneralAuthenticate],
        }
    }

    /// The protocol's identifier; where no info states it, that of the key's kind with 3DES.
    fn protocol(&self) -> Vec<u8> {
        let prefix = match self.key {
            AgreementKey::Ec { .. } => oid::CA_ECDH,
            AgreementKey::Dh { .. } => oid::CA_DH,
        };
        self.oid.clone().unwrap_or_else(|| [prefix.0, &[1]].concat())
    }

    fn agree(&self, own: &GroupKey) -> Result<SessionKeys, CryptoError> {
        Ok(SessionKeys::derive(self.cipher, self.key.group()?.agree(own, self.key.public())?.expose()))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    KeyAgreementTemplate,
    GeneralAuthenticate,
}

/// One way of asking.
#[derive(Debug, Clone, Copy)]
struct Try {
    offer: usize,
    form: Form,
    with_id: bool,
}

/// More ways than these are tried with no chip.
const MOST_TRIES: usize = 10;

/// One run of chip authentication; yields the new session and the terminal's ephemeral key.
pub struct ChipAuthentication {
    offers: Vec<ChipAuthenticationParameters>,
    /// Every way in which the chip may be asked, best first.
    tries: Vec<Try>,
    /// How many of them were begun.
    tried: usize,
    /// A key that was made before the card came, in the group of the first way's key.
    prepared: Option<GroupKey>,
    state: State,
}

enum State {
    Begin,
    SetAt(GroupKey),
    Agree(GroupKey),
    Over,
}

impl std::fmt::Debug for ChipAuthentication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ChipAuthentication({} of {})", self.tried, self.tries.len())
    }
}

/// The session after chip authentication.
#[derive(Debug)]
#[non_exhaustive]
pub struct ChipAuthenticated {
    /// To be used for everything that follows.
    pub session: SecureMessaging,
    /// The terminal's ephemeral key: for the transcript, and for terminal authentication.
    pub terminal_key: GroupKey,
}

impl ChipAuthentication {
    /// A run with what the chip offers, best first. `tried`: how many ways a session before this one has tried; `None` when
    /// there is none left.
    #[must_use]
    pub fn new(offers: Vec<ChipAuthenticationParameters>, tried: usize) -> Option<Self> {
        let ways = |other_id: bool| {
            let numbered = offers.iter().enumerate();
            numbered.filter(move |(_, offer)| !other_id || offer.key_id.is_some()).flat_map(move |(number, offer)| {
                let with_id = offer.several != other_id && offer.key_id.is_some();
                offer.forms().iter().map(move |form| Try { offer: number, form: *form, with_id })
            })
        };
        // The identifier is written where there are several keys; some chips want it all the same, or never.
        let tries: Vec<_> = ways(false).chain(ways(true)).take(MOST_TRIES).collect();
        let left = tried < tries.len();
        left.then_some(Self { offers, tries, tried, prepared: None, state: State::Begin })
    }

    /// The same with a key that was made before, in the group of [`Self::named_group`].
    #[must_use]
    pub fn with_terminal_key(mut self, key: Option<GroupKey>) -> Self {
        self.prepared = key;
        self
    }

    /// The group in which the terminal makes its first key, when it is one of the standardised ones.
    #[must_use]
    pub fn named_group(&self) -> Option<NamedGroup> {
        self.next().and_then(|(_, offer)| offer.named_group())
    }

    /// How many ways were tried so far, the one that is on the air included.
    #[must_use]
    pub const fn tried(&self) -> usize {
        self.tried
    }

    fn next(&self) -> Option<(Try, &ChipAuthenticationParameters)> {
        let next = self.tries.get(self.tried)?;
        Some((*next, self.offers.get(next.offer)?))
    }

    /// What is on the air.
    fn offer(&self) -> Result<&ChipAuthenticationParameters, Error> {
        let current = self.tries.get(self.tried.wrapping_sub(1)).and_then(|way| self.offers.get(way.offer));
        current.ok_or(Error::OutOfOrder)
    }

    /// The first command of the next way.
    fn ask(&mut self, own: GroupKey) -> Result<Command, Error> {
        let (Try { form, with_id, .. }, offer) = self.next().ok_or(Error::OutOfOrder)?;
        let mut data = Vec::with_capacity(160);
        let p2 = match form {
            Form::KeyAgreementTemplate => {
                encode_into(&mut data, 0x91, own.public());
                0xA6
            }
            Form::GeneralAuthenticate => {
                encode_into(&mut data, 0x80, &offer.protocol());
                0xA4
            }
        };
        if let Some(id) = offer.key_id.as_ref().filter(|_| with_id) {
            encode_into(&mut data, 0x84, id);
        }
        self.tried += 1;
        self.state = match form {
            Form::KeyAgreementTemplate => State::Agree(own),
            Form::GeneralAuthenticate => State::SetAt(own),
        };
        Ok(Command::new(0x00, 0x22, 0x41, p2).with_data(data))
    }

    /// What comes after a refusal: the next way, then the refusal itself.
    fn refused(
        &mut self,
        own: GroupKey,
        refusal: Error,
        entropy: &mut dyn Entropy,
    ) -> Result<Step<ChipAuthenticated>, Error> {
        let same = self.tries.get(self.tried.wrapping_sub(1)).map(|way| way.offer);
        let Some((next, offer)) = self.next() else { return Err(refusal) };
        let own = if same == Some(next.offer) {
            own
        } else {
            offer.key.group().and_then(|group| group.key_pair(entropy)).map_err(Error::crypto(OPERATION))?
        };
        self.ask(own).map(Step::Send)
    }
}

impl Exchange for ChipAuthentication {
    type Output = ChipAuthenticated;

    fn begin(&mut self, entropy: &mut dyn Entropy) -> Result<Command, Error> {
        let prepared = self.prepared.take();
        let (_, offer) = self.next().ok_or(Error::OutOfOrder)?;
        let make = || offer.key.group()?.key_pair(entropy);
        let own = prepared.map_or_else(make, Ok).map_err(Error::crypto(OPERATION))?;
        self.ask(own)
    }

    fn feed(&mut self, response: &Response, entropy: &mut dyn Entropy) -> Result<Step<ChipAuthenticated>, Error> {
        let refusal = |operation| Error::Status { operation, status: response.status };
        match std::mem::replace(&mut self.state, State::Over) {
            State::SetAt(own) if !response.status.is_success() => {
                self.refused(own, refusal("chip authentication MSE:Set AT"), entropy)
            }
            State::SetAt(own) => {
                let data = encode(0x7C, &encode(0x80, own.public()));
                self.state = State::Agree(own);
                Ok(Step::Send(Command::new(0x00, 0x86, 0x00, 0x00).with_data(data).with_le(256)))
            }
            State::Agree(own) if !response.status.is_success() => {
                self.refused(own, refusal("chip authentication key agreement"), entropy)
            }
            State::Agree(own) => {
                let keys = self.offer()?.agree(&own).map_err(Error::crypto(OPERATION))?;
                Ok(Step::Done(ChipAuthenticated { session: SecureMessaging::new(keys), terminal_key: own }))
            }
            State::Begin | State::Over => Err(Error::OutOfOrder),
        }
    }
}

/// What shows that the chip had the private key: its first answer under the new keys.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChipAuthenticationTranscript {
    /// The terminal's ephemeral private key. It opens this one recorded answer and protects nothing else any more,
    /// unless biometric groups were read afterwards: then it is kept from the stored form.
    #[serde(with = "crate::evidence::bytes")]
    pub terminal_private: Vec<u8>,
    /// The first protected response: data field and status.
    #[serde(with = "crate::evidence::bytes")]
    pub response: Vec<u8>,
}

impl std::fmt::Debug for ChipAuthenticationTranscript {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChipAuthenticationTranscript")
    }
}

impl ChipAuthenticationTranscript {
    /// What is kept of a run.
    #[must_use]
    pub fn new(terminal_private: &Secret, response: &[u8]) -> Self {
        Self { terminal_private: terminal_private.expose().to_vec(), response: response.to_vec() }
    }

    /// Repeats the check: derives the keys from the chip's public key and opens the recorded response, which
    /// is the second message of the session.
    ///
    /// # Errors
    /// When the key cannot be used.
    pub fn verify(&self, parameters: &ChipAuthenticationParameters) -> Result<bool, CryptoError> {
        Ok(self.open(parameters)? == Answer::Right)
    }

    /// What the response is worth under the keys that EF.DG14 offers: the chip may have refused the best of them.
    ///
    /// # Errors
    /// When none can be used.
    pub fn judge(&self, offers: &[ChipAuthenticationParameters]) -> Result<Answer, CryptoError> {
        let mut judged = Err(CryptoError::Invalid("EF.DG14 (no usable key)"));
        for parameters in offers {
            match self.open(parameters) {
                Ok(Answer::Wrong) => judged = Ok(Answer::Wrong),
                Ok(answer) => return Ok(answer),
                Err(error) => judged = judged.or(Err(error)),
            }
        }
        judged
    }

    /// A wrong MAC is a wrong answer; what is not protected, or is odd under a right MAC, accuses nobody.
    fn open(&self, parameters: &ChipAuthenticationParameters) -> Result<Answer, CryptoError> {
        let own = parameters.key.group()?.key_pair_from_bytes(&self.terminal_private)?;
        let mut session = SecureMessaging::with_counter(parameters.agree(&own)?, 1);
        Ok(match session.unprotect(&self.response) {
            Ok(_) => Answer::Right,
            Err(SecureMessagingError::Mac) => Answer::Wrong,
            Err(SecureMessagingError::Unprotected(_)) => Answer::Short,
            Err(_) => Answer::Odd,
        })
    }
}
