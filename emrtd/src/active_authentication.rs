//! Active authentication (ICAO 9303-11 §6.1): the chip signs a challenge with the key of EF.DG15.

use crate::apdu::{Command, Response, StatusWord};
use crate::crypto::{CryptoError, HashAlgorithm, PublicKey, SignatureAlgorithm, equal};
use crate::error::Error;
use crate::exchange::{Exchange, Step};
use crate::secret::Entropy;
use crate::tlv::{self, TlvError, tag};
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

/// One run of active authentication: up to five commands, until an answer of full length is there. A chip that dislikes
/// a length has not refused the proof.
///
/// | answer | what follows |
/// |---|---|
/// | of full length | the end |
/// | `6Cxx` | again, with that Le |
/// | short or empty, or `6700` | again with Le 256, then with the exact length, then with that in extended form |
/// | any other status | the end: refused |
///
/// Every INTERNAL AUTHENTICATE has a challenge of its own; the transcript keeps the last. An answer outside secure
/// messaging ends the session but not the ladder: see [`Self::after`].
#[derive(Debug)]
pub struct ActiveAuthentication {
    key: PublicKey,
    /// Whether reader and chip have extended length.
    extended: bool,
    first: u32,
    /// What was asked for, and whether in extended form; the last is on the air.
    tried: Vec<(u32, bool)>,
    challenge: [u8; 8],
}

/// More commands than these are no ladder but a game.
const MOST_COMMANDS: usize = 5;

impl ActiveAuthentication {
    /// A run that first asks for up to `first` bytes: more than 256 when the signature with its protection is longer.
    /// `extended`: whether it may come to extended length.
    #[must_use]
    pub const fn new(key: PublicKey, first: u32, extended: bool) -> Self {
        Self { key, extended, first, tried: Vec::new(), challenge: [0; 8] }
    }

    /// The same, going on where a session before this one ended: with what was asked for there.
    #[must_use]
    pub fn after(mut self, tried: &[(u32, bool)]) -> Self {
        self.tried = tried.to_vec();
        self
    }

    /// What was asked for so far, and whether in extended form.
    #[must_use]
    pub fn tried(&self) -> &[(u32, bool)] {
        &self.tried
    }

    /// Whether what is on the air has extended length.
    #[must_use]
    pub fn is_extended(&self) -> bool {
        self.tried.last().is_some_and(|(_, extended)| *extended)
    }

    /// Whether nothing is left to ask for.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.step(None).is_none()
    }

    /// The bytes of a whole signature; for ECDSA in the plain form.
    #[must_use]
    pub fn full_length(key: &PublicKey) -> u32 {
        match key {
            PublicKey::Rsa { bits, .. } => bits.div_ceil(8),
            PublicKey::Ec { curve, .. } => 2 * curve.field_len() as u32,
        }
    }

    /// What to ask for next.
    fn step(&self, wanted: Option<u32>) -> Option<(u32, bool)> {
        let exact = Self::full_length(&self.key);
        let ladder = [
            wanted.map(|le| (le, le > 256)),
            Some((self.first, self.first > 256)),
            Some((256, false)),
            (exact < 256).then_some((exact, false)),
            Some((exact, true)),
        ];
        let mut ladder = ladder.into_iter().flatten().filter(|step| self.extended || !step.1);
        ladder.find(|step| !self.tried.contains(step)).filter(|_| self.tried.len() < MOST_COMMANDS)
    }

    /// Asks for `wanted` or, where that was asked for before, for the next length of the ladder. `None` at its end.
    fn ask(&mut self, wanted: Option<u32>, entropy: &mut dyn Entropy) -> Option<Result<Command, Error>> {
        let (le, extended) = self.step(wanted)?;
        self.tried.push((le, extended));
        if let Err(error) = entropy.fill(&mut self.challenge) {
            return Some(Err(Error::crypto("active authentication")(error.into())));
        }
        let command = Command::new(0x00, 0x88, 0x00, 0x00).with_data(self.challenge.to_vec()).with_le(le);
        Some(Ok(if extended { command.in_extended_form() } else { command }))
    }
}

impl Exchange for ActiveAuthentication {
    type Output = ActiveAuthenticationTranscript;

    fn begin(&mut self, entropy: &mut dyn Entropy) -> Result<Command, Error> {
        self.ask(None, entropy).unwrap_or(Err(Error::OutOfOrder))
    }

    fn feed(&mut self, response: &Response, entropy: &mut dyn Entropy) -> Result<Step<Self::Output>, Error> {
        let status = response.status;
        if status.is_success() {
            let response = response.data.expose().to_vec();
            let transcript = ActiveAuthenticationTranscript { challenge: self.challenge.to_vec(), response };
            let incomplete = transcript.form(&self.key).is_some();
            let again = if incomplete { self.ask(None, entropy) } else { None };
            return again.map_or(Ok(Step::Done(transcript)), |command| command.map(Step::Send));
        }
        let refused = Error::Status { operation: "INTERNAL AUTHENTICATE", status };
        let length = status.exact_length();
        let disliked = length.is_some() || status == StatusWord::WRONG_LENGTH;
        let again = if disliked { self.ask(length, entropy) } else { None };
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
                for hash in std::iter::once(first).chain(others) {
                    // TR-03111 plain r ‖ s is the rule; some chips send the DER form.
                    for algorithm in [SignatureAlgorithm::EcdsaPlain(hash), SignatureAlgorithm::Ecdsa(hash)] {
                        if key.verify(&algorithm, &self.challenge, &self.response)? {
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
