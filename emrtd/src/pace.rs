//! Password authenticated connection establishment (ICAO 9303-11 §4.4): ECDH and DH, generic, integrated and
//! chip-authentication mapping.
//!
//! | command | terminal sends | chip answers |
//! |---|---|---|
//! | MSE:Set AT | protocol, password reference | |
//! | GENERAL AUTHENTICATE | `7C 00` | `80` encrypted nonce |
//! | GENERAL AUTHENTICATE | `81` mapping key (integrated mapping: nonce) | `82` mapping key (or nothing) |
//! | GENERAL AUTHENTICATE | `83` ephemeral key | `84` ephemeral key |
//! | GENERAL AUTHENTICATE | `85` token | `86` token, `8A` encrypted chip authentication data |

use crate::active_authentication::Answer;
use crate::apdu::{Command, Response, StatusWord};
use crate::crypto::group::compress;
use crate::crypto::symmetric::{pad, unpad};
use crate::crypto::{
    AgreementKey, Cipher, CryptoError, Curve, Domain, Group, GroupKey, NamedGroup, SessionKeys, equal,
};
use crate::error::Error;
use crate::exchange::{Exchange, Step};
use crate::password::Password;
use crate::secret::{Entropy, Secret};
use crate::secure_messaging::SecureMessaging;
use crate::security_info::{KeyAgreement, Mapping, PaceInfo};
use crate::tlv::{self, encode, encode_into, tag};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

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
    /// A mapping key that was made before the card came.
    prepared: Option<GroupKey>,
    state: State,
}

enum State {
    SetAt,
    Nonce,
    Map { group: Group, nonce: Secret, mapping: MappingKey },
    Agree { group: Group, own: GroupKey, chip_mapping: Vec<u8> },
    Token { keys: SessionKeys, own: Vec<u8>, chip_mapping: Vec<u8>, chip_identifier: Vec<u8> },
    Over,
}

/// What the terminal contributes to the mapping.
enum MappingKey {
    Key(GroupKey),
    Nonce(Vec<u8>),
}

/// Tag of a public key in the template that the tokens cover (ICAO 9303-11 §9.4.5).
const fn public_key_tag(agreement: KeyAgreement) -> u32 {
    match agreement {
        KeyAgreement::Dh => 0x84,
        KeyAgreement::Ecdh => 0x86,
    }
}

/// What PACE yields.
#[derive(Debug)]
#[non_exhaustive]
pub struct PaceOutput {
    /// The session.
    pub session: SecureMessaging,
    /// Chip authentication data of PACE-CAM, to be checked against EF.CardSecurity.
    pub chip_authentication: Option<ChipAuthenticationData>,
    /// Comp of the chip's ephemeral key: its identifier in terminal authentication (TR-03110-3 §A.2.2.3).
    pub chip_identifier: Vec<u8>,
}

/// What a chip shows in PACE-CAM (ICAO 9303-11 §4.4.3.5).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChipAuthenticationData {
    /// CA_IC, decrypted.
    #[serde(with = "crate::evidence::bytes")]
    pub data: Vec<u8>,
    /// The chip's mapping key.
    #[serde(with = "crate::evidence::bytes")]
    pub mapping_key: Vec<u8>,
}

impl std::fmt::Debug for ChipAuthenticationData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChipAuthenticationData")
    }
}

impl ChipAuthenticationData {
    /// Whether the chip holds the private key of `key`. That proves something only for a key from an
    /// EF.CardSecurity whose signature is trusted.
    ///
    /// # Errors
    /// When the key is not on a curve, or a point is malformed.
    pub fn verify(&self, key: &AgreementKey) -> Result<bool, CryptoError> {
        let AgreementKey::Ec { curve, point } = key else { return Err(CryptoError::Invalid("CAM key")) };
        Domain::standard(*curve)?.is_multiple(point, &self.data, &self.mapping_key)
    }

    /// What it is worth under `key`: wrong is only what has the length of a number in the curve's field.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn judge(&self, key: &AgreementKey) -> Result<Answer, CryptoError> {
        if self.verify(key)? {
            return Ok(Answer::Right);
        }
        let AgreementKey::Ec { curve, .. } = key else { return Err(CryptoError::Invalid("CAM key")) };
        Ok(match self.data.len().cmp(&curve.field_len()) {
            Ordering::Less => Answer::Short,
            Ordering::Equal => Answer::Wrong,
            Ordering::Greater => Answer::Odd,
        })
    }
}

impl std::fmt::Debug for Pace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pace({}, {:?})", self.info.name(), self.password)
    }
}

impl Pace {
    /// The first step, as errors name it.
    pub(crate) const SET_AT: &'static str = "PACE MSE:Set AT";

    /// Whether this terminal implements what the chip offers.
    #[must_use]
    pub fn supports(info: &PaceInfo) -> bool {
        let group = info.group();
        // The point encoding of integrated mapping wants a prime that is 3 modulo 4, which P-224 is not.
        let mappable = info.mapping != Mapping::Integrated || group != Some(NamedGroup::Ec(Curve::Secp224r1));
        info.version == 2 && group.is_some() && mappable
    }

    /// A run with one of the chip's offers.
    #[must_use]
    pub const fn new(info: PaceInfo, password: Password, reference: ParameterReference) -> Self {
        Self { info, password, reference, prepared: None, state: State::SetAt }
    }

    /// The same with a mapping key that was made before, in the offer's group.
    #[must_use]
    pub fn with_mapping_key(mut self, key: Option<GroupKey>) -> Self {
        self.prepared = key;
        self
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
        encode_into(&mut template, public_key_tag(self.info.key_agreement), public);
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

/// The object `tag` of a dynamic authentication data response; `None` when the template does not have it.
fn optional_answer(response: &Response, operation: &'static str, tag: u32) -> Result<Option<Vec<u8>>, Error> {
    if !response.status.is_success() {
        return Err(Error::Status { operation, status: response.status });
    }
    let template = tlv::first(response.data.expose(), 0x7C).map_err(Error::malformed(operation))?;
    let object = tlv::find(template.value, tag).map_err(Error::malformed(operation))?;
    Ok(object.map(|object| object.value.to_vec()))
}

/// The same, and it must be there.
fn answer(response: &Response, operation: &'static str, tag: u32) -> Result<Vec<u8>, Error> {
    let object = optional_answer(response, operation, tag)?;
    object.ok_or(tlv::TlvError::Missing(tag)).map_err(Error::malformed(operation))
}

impl Pace {
    /// The chip authentication data of the last answer: padded, encrypted under KS_Enc, IV = E(KS_Enc, FF…FF).
    fn chip_data(&self, response: &Response, keys: &SessionKeys) -> Result<Option<Vec<u8>>, Error> {
        const OPERATION: &str = "PACE chip authentication data";
        if self.info.mapping != Mapping::ChipAuthentication {
            return Ok(None);
        }
        let encrypted = answer(response, OPERATION, 0x8A)?;
        let cipher = keys.cipher;
        let iv = cipher.encrypt(&keys.enc, cipher.zero_iv(), &vec![0xFF; cipher.block_len()]);
        let data = cipher.decrypt(&keys.enc, &iv, &encrypted).and_then(unpad);
        data.map(Some).ok_or(Error::Protocol { operation: OPERATION, reason: "it does not decrypt" })
    }
}

impl Exchange for Pace {
    type Output = PaceOutput;

    fn begin(&mut self, _: &mut dyn Entropy) -> Result<Command, Error> {
        if !Self::supports(&self.info) {
            return Err(Error::NoAccessProtocol("this variant of PACE is not implemented"));
        }
        self.state = State::SetAt;
        Ok(self.set_at())
    }

    fn feed(&mut self, response: &Response, entropy: &mut dyn Entropy) -> Result<Step<PaceOutput>, Error> {
        let crypto = Error::crypto(OPERATION);
        match std::mem::replace(&mut self.state, State::Over) {
            State::SetAt => {
                // 63Cx warns that few tries are left; the protocol may go on (TR-03110-3 §B.1).
                let status = response.status;
                if !status.is_success() && !status.is_authentication_failure() {
                    return Err(Error::Status { operation: Self::SET_AT, status });
                }
                self.state = State::Nonce;
                Ok(Step::Send(general_authenticate(false, None)))
            }
            State::Nonce => {
                let nonce = self.decrypt_nonce(&answer(response, "PACE nonce", 0x80)?)?;
                let unknown = || CryptoError::unsupported("domain parameters", self.info.name());
                let group =
                    Group::standard(self.info.group().ok_or_else(unknown).map_err(&crypto)?).map_err(&crypto)?;
                let mapping = if self.info.mapping == Mapping::Integrated {
                    let mut t = vec![0; self.info.cipher.key_len()];
                    entropy.fill(&mut t).map_err(|e| crypto(e.into()))?;
                    MappingKey::Nonce(t)
                } else {
                    let prepared = self.prepared.take().map(Ok);
                    MappingKey::Key(prepared.unwrap_or_else(|| group.key_pair(entropy)).map_err(&crypto)?)
                };
                let data = match &mapping {
                    MappingKey::Key(own) => own.public(),
                    MappingKey::Nonce(t) => t,
                };
                let command = general_authenticate(false, Some((0x81, data)));
                self.state = State::Map { group, nonce, mapping };
                Ok(Step::Send(command))
            }
            State::Map { group, nonce, mapping } => {
                let (mapped, chip_mapping) = match &mapping {
                    MappingKey::Key(own) => {
                        let peer = answer(response, "PACE mapping", 0x82)?;
                        (group.map_generic(&nonce, own, &peer).map_err(&crypto)?, peer)
                    }
                    MappingKey::Nonce(t) => {
                        // The chip has nothing to add; an empty object is allowed.
                        optional_answer(response, "PACE mapping", 0x82)?;
                        (group.map_integrated(self.info.cipher, &nonce, t).map_err(&crypto)?, Vec::new())
                    }
                };
                let own = mapped.key_pair(entropy).map_err(&crypto)?;
                let command = general_authenticate(false, Some((0x83, own.public())));
                self.state = State::Agree { group: mapped, own, chip_mapping };
                Ok(Step::Send(command))
            }
            State::Agree { group, own, chip_mapping } => {
                let peer = answer(response, "PACE key agreement", 0x84)?;
                if peer == own.public() {
                    return Err(crypto(CryptoError::Invalid("public key (the chip returned the terminal's)")));
                }
                let shared = group.agree(&own, &peer).map_err(&crypto)?;
                let keys = SessionKeys::derive(self.info.cipher, shared.expose());
                let token = self.token(&keys, &peer);
                let chip_identifier = compress(&peer, matches!(own, GroupKey::Ec(_)));
                self.state = State::Token { keys, own: own.public().to_vec(), chip_mapping, chip_identifier };
                Ok(Step::Send(general_authenticate(true, Some((0x85, &token)))))
            }
            State::Token { keys, own, chip_mapping, chip_identifier } => {
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
                let chip_authentication = self
                    .chip_data(response, &keys)?
                    .map(|data| ChipAuthenticationData { data, mapping_key: chip_mapping });
                Ok(Step::Done(PaceOutput { session: SecureMessaging::new(keys), chip_authentication, chip_identifier }))
            }
            State::Over => Err(Error::OutOfOrder),
        }
    }
}
