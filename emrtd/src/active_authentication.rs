//! Active authentication (ICAO 9303-11 §6.1): the chip signs a challenge with the key of EF.DG15.

use crate::apdu::{Command, Response, StatusWord};
use crate::crypto::{CryptoError, HashAlgorithm, PublicKey, SignatureAlgorithm, equal};
use crate::error::Error;
use crate::exchange::{Exchange, Step};
use crate::secret::Entropy;
use crate::tlv::{self, TlvError, encode, tag};
use serde::{Deserialize, Serialize};

/// What the terminal asked and the chip answered; enough to repeat the check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveAuthenticationTranscript {
    /// RND.IFD, eight random bytes.
    #[serde(with = "crate::evidence::bytes")]
    pub challenge: Vec<u8>,
    /// The signature.
    #[serde(with = "crate::evidence::bytes")]
    pub response: Vec<u8>,
}

/// What a chip's answer is worth under the key that it should have used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It was made with the private key.
    Right,
    /// It is of full length, and was not made with the private key.
    Wrong,
    /// It is empty or shorter than any answer can be: nothing is said.
    Short,
    /// It is longer, or of a form that is none: nothing is said.
    Odd,
}

/// One run of active authentication: at most four commands, until an answer of full length is there. A chip that
/// dislikes a length has not refused the proof.
///
/// | answer | what follows |
/// |---|---|
/// | of full length | the end |
/// | `61xx` | GET RESPONSE, in the same session |
/// | `6Cxx` | again, with that Le |
/// | short or empty, or `6700` | again with Le 256, then in extended form with the exact length |
/// | any other status | the end: refused |
///
/// Every INTERNAL AUTHENTICATE has a challenge of its own; the transcript keeps the last.
#[derive(Debug)]
pub struct ActiveAuthentication {
    key: PublicKey,
    /// Whether reader and chip have extended length.
    extended: bool,
    /// What was asked for, and whether in extended form; the last is on the air.
    asked: Vec<(u32, bool)>,
    commands: u8,
    challenge: [u8; 8],
    /// What came before `61xx`.
    collected: Vec<u8>,
}

/// More commands than these are no ladder but a game.
const MOST_COMMANDS: u8 = 4;

impl ActiveAuthentication {
    /// A run that first asks for up to `first` bytes: more than 256 when the signature with its protection is longer.
    /// `extended`: whether it may come to extended length later.
    #[must_use]
    pub fn new(key: PublicKey, first: u32, extended: bool) -> Self {
        let asked = vec![(first, first > 256)];
        Self { key, extended, asked, commands: 0, challenge: [0; 8], collected: Vec::new() }
    }

    /// The bytes of a whole signature; for ECDSA in the plain form.
    #[must_use]
    pub fn full_length(key: &PublicKey) -> u32 {
        match key {
            PublicKey::Rsa { bits, .. } => bits.div_ceil(8),
            PublicKey::Ec { curve, .. } => 2 * curve.field_len() as u32,
        }
    }

    fn command(&mut self, entropy: &mut dyn Entropy) -> Result<Command, Error> {
        let crypto = Error::crypto("active authentication");
        entropy.fill(&mut self.challenge).map_err(|e| crypto(e.into()))?;
        self.collected.clear();
        self.commands += 1;
        let (le, extended) = self.asked.last().copied().unwrap_or((256, false));
        let command = Command::new(0x00, 0x88, 0x00, 0x00).with_data(self.challenge.to_vec()).with_le(le);
        Ok(if extended { command.in_extended_form() } else { command })
    }

    /// Asks for `wanted` or, where that was asked for before, for the next length of the ladder. `None` at its end.
    fn again(&mut self, wanted: Option<u32>, entropy: &mut dyn Entropy) -> Option<Result<Command, Error>> {
        let exact = (Self::full_length(&self.key), true);
        let ladder = [wanted.map(|le| (le, le > 256)), Some((256, false)), self.extended.then_some(exact)];
        let next = ladder.into_iter().flatten().find(|step| !self.asked.contains(step))?;
        if self.commands >= MOST_COMMANDS {
            return None;
        }
        self.asked.push(next);
        Some(self.command(entropy))
    }
}

impl Exchange for ActiveAuthentication {
    type Output = ActiveAuthenticationTranscript;

    fn begin(&mut self, entropy: &mut dyn Entropy) -> Result<Command, Error> {
        self.command(entropy)
    }

    fn feed(&mut self, response: &Response, entropy: &mut dyn Entropy) -> Result<Step<Self::Output>, Error> {
        let status = response.status;
        let left = status.bytes_left();
        if status.is_success() || left.is_some() {
            self.collected.extend_from_slice(response.data.expose());
            if let Some(left) = left.filter(|_| self.commands < MOST_COMMANDS) {
                self.commands += 1;
                return Ok(Step::Send(Command::new(0x00, 0xC0, 0x00, 0x00).with_le(left)));
            }
            let transcript = ActiveAuthenticationTranscript {
                challenge: self.challenge.to_vec(),
                response: std::mem::take(&mut self.collected),
            };
            let incomplete = transcript.form(&self.key).is_some();
            let again = if incomplete { self.again(None, entropy) } else { None };
            return again.map_or(Ok(Step::Done(transcript)), |command| command.map(Step::Send));
        }
        let refused = Error::Status { operation: "INTERNAL AUTHENTICATE", status };
        let length = status.exact_length();
        let disliked = length.is_some() || status == StatusWord::WRONG_LENGTH;
        let again = if disliked { self.again(length, entropy) } else { None };
        again.map_or(Err(refused), |command| command.map(Step::Send))
    }
}

impl ActiveAuthenticationTranscript {
    /// What the answer is worth under `key`. `hash` is that of ActiveAuthenticationInfo in EF.DG14.
    ///
    /// # Errors
    /// When the key cannot be used for active authentication.
    pub fn judge(&self, key: &PublicKey, hash: Option<HashAlgorithm>) -> Result<Answer, CryptoError> {
        match self.form(key) {
            Some(odd) => Ok(odd),
            None => Ok(if self.verify(key, hash)? { Answer::Right } else { Answer::Wrong }),
        }
    }

    /// What is said already by the answer's length; `None` when it is that of a signature.
    fn form(&self, key: &PublicKey) -> Option<Answer> {
        let (length, full) = (self.response.len(), ActiveAuthentication::full_length(key) as usize);
        match key {
            PublicKey::Ec { curve, .. } if is_der(&self.response, curve.field_len()) => None,
            _ if length == full => None,
            _ if length < full => Some(Answer::Short),
            _ => Some(Answer::Odd),
        }
    }

    /// Whether the response is a signature of the challenge by `key`. `hash` is that of
    /// ActiveAuthenticationInfo in EF.DG14; without it the hash as long as the curve's order is taken first. A
    /// signature over another hash than the file names was made with the key all the same.
    ///
    /// # Errors
    /// When the key cannot be used for active authentication.
    pub fn verify(&self, key: &PublicKey, hash: Option<HashAlgorithm>) -> Result<bool, CryptoError> {
        match key {
            PublicKey::Rsa { .. } => Ok(self.verify_iso9796(key)),
            PublicKey::Ec { curve, .. } => {
                let width = curve.field_len();
                let natural = match width {
                    0..=24 => HashAlgorithm::Sha1,
                    25..=28 => HashAlgorithm::Sha224,
                    29..=40 => HashAlgorithm::Sha256,
                    41..=48 => HashAlgorithm::Sha384,
                    _ => HashAlgorithm::Sha512,
                };
                let first = hash.unwrap_or(natural);
                let others = HashAlgorithm::ALL.into_iter().filter(|other| *other != first);
                // TR-03111 plain r ‖ s is the rule; some chips send the DER form.
                let plain = (self.response.len() == 2 * width).then(|| plain_to_der(&self.response));
                for hash in std::iter::once(first).chain(others) {
                    let algorithm = SignatureAlgorithm::Ecdsa(hash);
                    for signature in plain.iter().chain([&self.response]) {
                        if key.verify(&algorithm, &self.challenge, signature)? {
                            return Ok(true);
                        }
                    }
                }
                Ok(false)
            }
        }
    }

    /// ISO/IEC 9796-2 scheme 1: `6A ‖ M1 ‖ H(M1 ‖ challenge) ‖ trailer`.
    fn verify_iso9796(&self, key: &PublicKey) -> bool {
        let Some(block) = key.rsa_recover(&self.response) else { return false };
        // The signature is the smaller of s and n - s; a recovered block ends in nibble C for the right one.
        let block = if block.last().is_some_and(|b| b & 0x0F == 0x0C) {
            block
        } else {
            match key.rsa_complement(&block) {
                Some(block) if block.last().is_some_and(|b| b & 0x0F == 0x0C) => block,
                _ => return false,
            }
        };
        let (hash, trailer) = match block[..] {
            [.., 0xBC] => (HashAlgorithm::Sha1, 1),
            [.., 0x33, 0xCC] => (HashAlgorithm::Sha1, 2),
            [.., 0x34, 0xCC] => (HashAlgorithm::Sha256, 2),
            [.., 0x35, 0xCC] => (HashAlgorithm::Sha512, 2),
            [.., 0x36, 0xCC] => (HashAlgorithm::Sha384, 2),
            [.., 0x38, 0xCC] => (HashAlgorithm::Sha224, 2),
            _ => return false,
        };
        let overhead = 1 + hash.output_len() + trailer;
        if block[0] != 0x6A || block.len() <= overhead {
            return false;
        }
        let (message, rest) = block[1..].split_at(block.len() - overhead);
        let digest = hash.digest(&[message, &self.challenge].concat());
        equal(&digest, &rest[..hash.output_len()])
    }
}

/// Whether these are two numbers of at most `width` bytes in DER, and nothing else.
fn is_der(response: &[u8], width: usize) -> bool {
    let numbers = || -> Result<bool, TlvError> {
        let sequence = tlv::first(response, tag::SEQUENCE)?;
        let mut numbers = sequence.children();
        let r = numbers.expect(tag::INTEGER)?.uint_bytes()?;
        let s = numbers.expect(tag::INTEGER)?.uint_bytes()?;
        numbers.finish()?;
        Ok(sequence.raw.len() == response.len() && r.len() <= width && s.len() <= width)
    };
    numbers().unwrap_or(false)
}

fn plain_to_der(plain: &[u8]) -> Vec<u8> {
    let (r, s) = plain.split_at(plain.len() / 2);
    let integer = |bytes: &[u8]| {
        let zeros = bytes.iter().take_while(|b| **b == 0).count().min(bytes.len() - 1);
        let mut value = Vec::with_capacity(bytes.len() + 1);
        if bytes[zeros] & 0x80 != 0 {
            value.push(0);
        }
        value.extend_from_slice(&bytes[zeros..]);
        encode(tag::INTEGER, &value)
    };
    encode(tag::SEQUENCE, &[integer(r), integer(s)].concat())
}
