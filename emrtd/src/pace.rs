//! Password authenticated connection establishment (ICAO 9303-11 §4.4), generic mapping over ECDH.
//!
//! | command | terminal sends | chip answers |
//! |---|---|---|
//! | MSE:Set AT | protocol, password reference | |
//! | GENERAL AUTHENTICATE | `7C 00` | `80` encrypted nonce |
//! | GENERAL AUTHENTICATE | `81` mapping point | `82` mapping point |
//! | GENERAL AUTHENTICATE | `83` ephemeral point | `84` ephemeral point |
//! | GENERAL AUTHENTICATE | `85` token | `86` token |

use crate::apdu::{Command, Response, StatusWord};
use crate::crypto::symmetric::pad;
use crate::crypto::{Cipher, CryptoError, Domain, KeyPair, SessionKeys, equal};
use crate::error::Error;
use crate::exchange::{Exchange, Step};
use crate::password::Password;
use crate::secret::{Entropy, Secret};
use crate::secure_messaging::SecureMessaging;
use crate::security_info::{KeyAgreement, Mapping, PaceInfo};
use crate::tlv::{self, encode, encode_into, tag};

const OPERATION: &str = "PACE";

/// Whether MSE:Set AT names the domain parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ParameterReference {
    /// Leave them out, as when EF.CardAccess has one PACEInfo; some chips refuse the object otherwise.
    #[default]
    Omit,
    /// Name them (tag `84`), needed when several PACEInfos share a protocol identifier.
    Name,
}

/// One run of PACE; yields the secure messaging session.
pub struct Pace {
    info: PaceInfo,
    password: Password,
    reference: ParameterReference,
    state: State,
}

enum State {
    SetAt,
    Nonce,
    Map { domain: Domain, nonce: Secret, own: KeyPair },
    Agree { domain: Domain, own: KeyPair },
    Token { keys: SessionKeys, own: Vec<u8> },
    Over,
}

impl std::fmt::Debug for Pace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pace({}, {:?})", self.info.name(), self.password)
    }
}

impl Pace {
    /// Whether this terminal implements what the chip offers.
    #[must_use]
    pub fn supports(info: &PaceInfo) -> bool {
        info.mapping == Mapping::Generic
            && info.key_agreement == KeyAgreement::Ecdh
            && info.version == 2
            && info.curve().is_some()
    }

    /// A run with one of the chip's offers.
    #[must_use]
    pub const fn new(info: PaceInfo, password: Password, reference: ParameterReference) -> Self {
        Self { info, password, reference, state: State::SetAt }
    }

    fn set_at(&self) -> Command {
        let mut data = Vec::with_capacity(20);
        encode_into(&mut data, 0x80, &self.info.oid);
        encode_into(&mut data, 0x83, &[self.password.reference()]);
        if let (ParameterReference::Name, Some(id)) = (self.reference, self.info.parameter_id) {
            encode_into(&mut data, 0x84, &[id as u8]);
        }
        Command::new(0x00, 0x22, 0xC1, 0xA4).with_data(data)
    }

    /// Key derivation from the nonce: the chip encrypted it under the password.
    fn decrypt_nonce(&self, encrypted: &[u8]) -> Result<Secret, Error> {
        let cipher = self.info.cipher;
        let key = cipher.derive(self.password.pace_secret().expose(), 3);
        let reason = "the encrypted nonce is not whole blocks";
        if encrypted.is_empty() || encrypted.len() > 32 {
            return Err(Error::Protocol { operation: "PACE nonce", reason });
        }
        cipher
            .decrypt(&key, cipher.zero_iv(), encrypted)
            .map(Secret::new)
            .ok_or(Error::Protocol { operation: "PACE nonce", reason })
    }

    /// The authentication token of ICAO 9303-11 §4.4.3.4: a MAC over the other side's public key.
    fn token(&self, keys: &SessionKeys, public: &[u8]) -> [u8; 8] {
        let mut template = Vec::with_capacity(public.len() + 24);
        encode_into(&mut template, tag::OID, &self.info.oid);
        encode_into(&mut template, 0x86, public);
        let mut input = encode(0x7F49, &template);
        // Retail MAC wants whole blocks; CMAC pads by itself.
        if keys.cipher == Cipher::TripleDes {
            pad(&mut input, keys.cipher.block_len());
        }
        keys.cipher.mac(&keys.mac, &input)
    }
}

fn general_authenticate(last: bool, object: Option<(u32, &[u8])>) -> Command {
    let object = object.map_or_else(Vec::new, |(tag, value)| encode(tag, value));
    let cla = if last { 0x00 } else { 0x10 };
    Command::new(cla, 0x86, 0x00, 0x00).with_data(encode(0x7C, &object)).with_le(256)
}

/// The object `tag` of a dynamic authentication data response.
fn answer(response: &Response, operation: &'static str, tag: u32) -> Result<Vec<u8>, Error> {
    if !response.status.is_success() {
        return Err(Error::Status { operation, status: response.status });
    }
    let template = tlv::first(response.data.expose(), 0x7C).map_err(Error::malformed(operation))?;
    let object = tlv::find(template.value, tag).map_err(Error::malformed(operation))?;
    let object = object.ok_or(tlv::TlvError::Missing(tag)).map_err(Error::malformed(operation))?;
    Ok(object.value.to_vec())
}

impl Exchange for Pace {
    type Output = SecureMessaging;

    fn begin(&mut self, _: &mut dyn Entropy) -> Result<Command, Error> {
        if !Self::supports(&self.info) {
            return Err(Error::NoAccessProtocol("this variant of PACE is not implemented"));
        }
        self.state = State::SetAt;
        Ok(self.set_at())
    }

    fn feed(&mut self, response: &Response, entropy: &mut dyn Entropy) -> Result<Step<SecureMessaging>, Error> {
        let crypto = Error::crypto(OPERATION);
        match std::mem::replace(&mut self.state, State::Over) {
            State::SetAt => {
                // 63Cx warns that few tries are left; the protocol may go on (TR-03110-3 §B.1).
                let status = response.status;
                if !status.is_success() && !status.is_authentication_failure() {
                    return Err(Error::Status { operation: "PACE MSE:Set AT", status });
                }
                self.state = State::Nonce;
                Ok(Step::Send(general_authenticate(false, None)))
            }
            State::Nonce => {
                let nonce = self.decrypt_nonce(&answer(response, "PACE nonce", 0x80)?)?;
                let curve = self.info.curve().ok_or(Error::NoAccessProtocol("unknown domain parameters"))?;
                let domain = Domain::standard(curve).map_err(&crypto)?;
                let own = domain.key_pair(entropy).map_err(&crypto)?;
                let command = general_authenticate(false, Some((0x81, own.public())));
                self.state = State::Map { domain, nonce, own };
                Ok(Step::Send(command))
            }
            State::Map { domain, nonce, own } => {
                let peer = answer(response, "PACE mapping", 0x82)?;
                let shared = domain.agree(&own, &peer).map_err(&crypto)?;
                let mapped = domain.map_generic(&nonce, &shared).map_err(&crypto)?;
                let own = mapped.key_pair(entropy).map_err(&crypto)?;
                let command = general_authenticate(false, Some((0x83, own.public())));
                self.state = State::Agree { domain: mapped, own };
                Ok(Step::Send(command))
            }
            State::Agree { domain, own } => {
                let peer = answer(response, "PACE key agreement", 0x84)?;
                if peer == own.public() {
                    return Err(crypto(CryptoError::Invalid("public point (the chip returned the terminal's)")));
                }
                let shared = domain.agree(&own, &peer).map_err(&crypto)?;
                let keys = SessionKeys::derive(self.info.cipher, shared.x());
                let token = self.token(&keys, &peer);
                self.state = State::Token { keys, own: own.public().to_vec() };
                Ok(Step::Send(general_authenticate(true, Some((0x85, &token)))))
            }
            State::Token { keys, own } => {
                // The chip cannot tell a wrong password before this step: its token check fails.
                let status = response.status;
                if status.is_authentication_failure() || matches!(status, StatusWord(0x6982 | 0x6983 | 0x6988)) {
                    return Err(Error::WrongPassword { operation: OPERATION });
                }
                let theirs = answer(response, "PACE token", 0x86)?;
                if !equal(&self.token(&keys, &own), &theirs) {
                    let reason = "the chip's authentication token is wrong";
                    return Err(Error::Protocol { operation: "PACE token", reason });
                }
                Ok(Step::Done(SecureMessaging::new(keys)))
            }
            State::Over => Err(Error::OutOfOrder),
        }
    }
}
