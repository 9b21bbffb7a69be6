//! Chip authentication version 1 (ICAO 9303-11 §6.2): a key agreement with the static key of EF.DG14.
//!
//! The chip proves that it holds the private key by answering under the new session keys; this module
//! therefore keeps what is needed to open the first such answer again ([`ChipAuthenticationTranscript`]).

use crate::apdu::{Command, Response};
use crate::crypto::{Cipher, CryptoError, Domain, KeyPair, PublicKey, SessionKeys};
use crate::error::Error;
use crate::exchange::{Exchange, Step};
use crate::secret::{Entropy, Secret};
use crate::secure_messaging::SecureMessaging;
use crate::security_info::{ChipAuthenticationInfo, KeyAgreement, SecurityInfos};
use crate::tlv::{encode, encode_into};
use serde::{Deserialize, Serialize};

const OPERATION: &str = "chip authentication";

/// The chip's key and how it wants to be asked.
#[derive(Debug, Clone)]
pub struct ChipAuthenticationParameters {
    key: PublicKey,
    /// Written into the command only when the chip has several keys.
    key_id: Option<Vec<u8>>,
    oid: Option<Vec<u8>>,
    cipher: Cipher,
}

impl ChipAuthenticationParameters {
    /// Chooses from EF.DG14: the strongest cipher that goes with a usable key. A key without any
    /// ChipAuthenticationInfo means 3DES and MSE:Set KAT. `None` when there is no usable key.
    #[must_use]
    pub fn choose(infos: &SecurityInfos) -> Option<Self> {
        let ecdh = |info: &&ChipAuthenticationInfo| info.key_agreement == KeyAgreement::Ecdh;
        let mut offers: Vec<_> = infos.chip_authentication.iter().filter(ecdh).collect();
        offers.sort_by_key(|info| std::cmp::Reverse(info.cipher.key_len() + info.cipher.block_len()));
        let several = infos.chip_authentication_keys.len() > 1;
        let usable = |wanted: Option<&Vec<u8>>| {
            infos.chip_authentication_keys.iter().find_map(|entry| match &entry.key {
                Ok(key @ PublicKey::Ec { .. }) if wanted.is_none() || entry.key_id.as_ref() == wanted => {
                    Some((key.clone(), entry.key_id.clone().filter(|_| several)))
                }
                _ => None,
            })
        };
        for info in &offers {
            if let Some((key, key_id)) = usable(info.key_id.as_ref()) {
                return Some(Self { key, key_id, oid: Some(info.oid.clone()), cipher: info.cipher });
            }
        }
        let (key, key_id) = usable(None)?;
        Some(Self { key, key_id, oid: None, cipher: Cipher::TripleDes })
    }

    /// The cipher of the session afterwards.
    #[must_use]
    pub const fn cipher(&self) -> Cipher {
        self.cipher
    }

    /// The key type as people write it.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("{} with {}", self.key.describe(), self.cipher.name())
    }

    fn domain_and_point(&self) -> Result<(Domain, &[u8]), CryptoError> {
        match &self.key {
            PublicKey::Ec { curve, point, .. } => Ok((Domain::standard(*curve)?, point)),
            PublicKey::Rsa { .. } => Err(CryptoError::Invalid("chip authentication key")),
        }
    }

    fn agree(&self, own: &KeyPair) -> Result<SessionKeys, CryptoError> {
        let (domain, point) = self.domain_and_point()?;
        Ok(SessionKeys::derive(self.cipher, domain.agree(own, point)?.x()))
    }
}

/// One run of chip authentication; yields the new session and the terminal's ephemeral private key.
pub struct ChipAuthentication {
    parameters: ChipAuthenticationParameters,
    state: State,
}

enum State {
    Begin,
    SetAt { own: KeyPair, private: Secret },
    Agree { own: KeyPair, private: Secret },
    Over,
}

impl std::fmt::Debug for ChipAuthentication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ChipAuthentication({})", self.parameters.describe())
    }
}

/// The session after chip authentication.
#[derive(Debug)]
pub struct ChipAuthenticated {
    /// To be used for everything that follows.
    pub session: SecureMessaging,
    /// The terminal's ephemeral private key, for the transcript.
    pub private: Secret,
}

impl ChipAuthentication {
    /// A run with the chip's parameters.
    #[must_use]
    pub const fn new(parameters: ChipAuthenticationParameters) -> Self {
        Self { parameters, state: State::Begin }
    }

    fn draw(&self, entropy: &mut dyn Entropy) -> Result<(KeyPair, Secret), CryptoError> {
        let (domain, _) = self.parameters.domain_and_point()?;
        let mut recorded = Recorder { inner: entropy, last: Vec::new() };
        let own = domain.key_pair(&mut recorded)?;
        Ok((own, Secret::new(std::mem::take(&mut recorded.last))))
    }
}

/// Remembers the last draw, which is the one that became the private key.
struct Recorder<'a> {
    inner: &'a mut dyn Entropy,
    last: Vec<u8>,
}

impl Entropy for Recorder<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), crate::secret::EntropyError> {
        zeroize::Zeroize::zeroize(&mut self.last);
        self.inner.fill(out)?;
        self.last.extend_from_slice(out);
        Ok(())
    }
}

impl Exchange for ChipAuthentication {
    type Output = ChipAuthenticated;

    fn begin(&mut self, entropy: &mut dyn Entropy) -> Result<Command, Error> {
        let (own, private) = self.draw(entropy).map_err(Error::crypto(OPERATION))?;
        let mut data = Vec::with_capacity(160);
        let command = match &self.parameters.oid {
            Some(oid) if self.parameters.cipher != Cipher::TripleDes => {
                encode_into(&mut data, 0x80, oid);
                Command::new(0x00, 0x22, 0x41, 0xA4)
            }
            _ => {
                encode_into(&mut data, 0x91, own.public());
                Command::new(0x00, 0x22, 0x41, 0xA6)
            }
        };
        if let Some(id) = &self.parameters.key_id {
            encode_into(&mut data, 0x84, id);
        }
        self.state = if command.p2 == 0xA4 { State::SetAt { own, private } } else { State::Agree { own, private } };
        Ok(command.with_data(data))
    }

    fn feed(&mut self, response: &Response, _: &mut dyn Entropy) -> Result<Step<ChipAuthenticated>, Error> {
        let refused = |operation| Error::Status { operation, status: response.status };
        match std::mem::replace(&mut self.state, State::Over) {
            State::SetAt { own, private } => {
                if !response.status.is_success() {
                    return Err(refused("chip authentication MSE:Set AT"));
                }
                let data = encode(0x7C, &encode(0x80, own.public()));
                self.state = State::Agree { own, private };
                Ok(Step::Send(Command::new(0x00, 0x86, 0x00, 0x00).with_data(data).with_le(256)))
            }
            State::Agree { own, private } => {
                if !response.status.is_success() {
                    return Err(refused("chip authentication key agreement"));
                }
                let keys = self.parameters.agree(&own).map_err(Error::crypto(OPERATION))?;
                Ok(Step::Done(ChipAuthenticated { session: SecureMessaging::new(keys), private }))
            }
            State::Begin | State::Over => Err(Error::OutOfOrder),
        }
    }
}

/// What shows that the chip had the private key: its first answer under the new keys.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChipAuthenticationTranscript {
    /// The terminal's ephemeral private key. It opens this one recorded answer and protects nothing else any more.
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
    /// Repeats the check: derives the keys from the chip's public key and opens the recorded response, which
    /// is the second message of the session.
    ///
    /// # Errors
    /// When the key cannot be used.
    pub fn verify(&self, parameters: &ChipAuthenticationParameters) -> Result<bool, CryptoError> {
        let (domain, _) = parameters.domain_and_point()?;
        let own = domain.key_pair_from_draw(&self.terminal_private)?;
        let mut session = SecureMessaging::with_counter(parameters.agree(&own)?, 1);
        Ok(Response::decode(&self.response).is_some_and(|response| session.unprotect(&response).is_ok()))
    }
}
