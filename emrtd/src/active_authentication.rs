//! Active authentication (ICAO 9303-11 §6.1): the chip signs a challenge with the key of EF.DG15.

use crate::apdu::{Command, Response};
use crate::crypto::{CryptoError, HashAlgorithm, PublicKey, SignatureAlgorithm, equal};
use crate::error::Error;
use crate::exchange::{Exchange, Step};
use crate::secret::Entropy;
use crate::tlv::{encode, tag};
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

/// One run of INTERNAL AUTHENTICATE.
#[derive(Debug)]
pub struct ActiveAuthentication {
    le: u32,
    challenge: [u8; 8],
}

impl ActiveAuthentication {
    /// A run that asks for up to `le` bytes: more than 256 when the signature with its protection is longer.
    #[must_use]
    pub const fn new(le: u32) -> Self {
        Self { le, challenge: [0; 8] }
    }
}

impl Exchange for ActiveAuthentication {
    type Output = ActiveAuthenticationTranscript;

    fn begin(&mut self, entropy: &mut dyn Entropy) -> Result<Command, Error> {
        let crypto = Error::crypto("active authentication");
        entropy.fill(&mut self.challenge).map_err(|e| crypto(e.into()))?;
        Ok(Command::new(0x00, 0x88, 0x00, 0x00).with_data(self.challenge.to_vec()).with_le(self.le))
    }

    fn feed(&mut self, response: &Response, _: &mut dyn Entropy) -> Result<Step<Self::Output>, Error> {
        if !response.status.is_success() {
            return Err(Error::Status { operation: "INTERNAL AUTHENTICATE", status: response.status });
        }
        Ok(Step::Done(ActiveAuthenticationTranscript {
            challenge: self.challenge.to_vec(),
            response: response.data.expose().to_vec(),
        }))
    }
}

impl ActiveAuthenticationTranscript {
    /// Whether the response is a signature of the challenge by `key`. `hash` is that of
    /// ActiveAuthenticationInfo in EF.DG14; without it the hash as long as the curve's order is taken first.
    ///
    /// # Errors
    /// When the key cannot be used for active authentication.
    pub fn verify(&self, key: &PublicKey, hash: Option<HashAlgorithm>) -> Result<bool, CryptoError> {
        match key {
            PublicKey::Rsa { .. } => Ok(self.verify_iso9796(key)),
            PublicKey::Ec { curve, .. } => {
                let width = curve.field_len();
                let guesses = match (hash, width) {
                    (Some(hash), _) => vec![hash],
                    (None, ..=24) => vec![HashAlgorithm::Sha1, HashAlgorithm::Sha224, HashAlgorithm::Sha256],
                    (None, ..=28) => vec![HashAlgorithm::Sha224, HashAlgorithm::Sha1, HashAlgorithm::Sha256],
                    (None, ..=40) => vec![HashAlgorithm::Sha256, HashAlgorithm::Sha1],
                    (None, ..=48) => vec![HashAlgorithm::Sha384, HashAlgorithm::Sha256, HashAlgorithm::Sha1],
                    (None, _) => vec![HashAlgorithm::Sha512, HashAlgorithm::Sha256, HashAlgorithm::Sha1],
                };
                // TR-03111 plain r ‖ s is the rule; some chips send the DER form.
                let plain = (self.response.len() == 2 * width).then(|| plain_to_der(&self.response));
                for hash in guesses {
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
