//! Basic access control (ICAO 9303-11 §4.3): GET CHALLENGE, EXTERNAL AUTHENTICATE.

use crate::apdu::{Command, Response, StatusWord};
use crate::crypto::symmetric::pad;
use crate::crypto::{Cipher, HashAlgorithm, SessionKeys, equal};
use crate::error::Error;
use crate::exchange::{Exchange, Step};
use crate::mrz::MrzKey;
use crate::secret::{Entropy, Secret};
use crate::secure_messaging::SecureMessaging;
use zeroize::Zeroizing;

const OPERATION: &str = "BAC";
const CIPHER: Cipher = Cipher::TripleDes;

/// One run of BAC; yields the secure messaging session.
pub struct Bac {
    k_enc: Secret,
    k_mac: Secret,
    state: State,
}

enum State {
    Challenge,
    Authenticate { rnd_ifd: [u8; 8], rnd_ic: [u8; 8], k_ifd: Zeroizing<[u8; 16]> },
    Over,
}

impl std::fmt::Debug for Bac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bac")
    }
}

impl Bac {
    /// A run with the key data of a machine readable zone.
    #[must_use]
    pub fn new(key: &MrzKey) -> Self {
        let mut seed = Zeroizing::new(HashAlgorithm::Sha1.digest(key.information()));
        seed.truncate(16);
        Self { k_enc: CIPHER.derive(&seed, 1), k_mac: CIPHER.derive(&seed, 2), state: State::Challenge }
    }

    fn authenticate(&mut self, response: &Response, entropy: &mut dyn Entropy) -> Result<Command, Error> {
        if !response.status.is_success() {
            return Err(Error::Status { operation: "BAC GET CHALLENGE", status: response.status });
        }
        let rnd_ic: [u8; 8] = response.data.expose().try_into().map_err(|_| Error::Protocol {
            operation: "BAC GET CHALLENGE",
            reason: "the challenge is not eight bytes",
        })?;
        let mut rnd_ifd = [0; 8];
        let mut k_ifd = Zeroizing::new([0; 16]);
        let crypto = Error::crypto(OPERATION);
        entropy.fill(&mut rnd_ifd).map_err(|e| crypto(e.into()))?;
        entropy.fill(&mut *k_ifd).map_err(|e| crypto(e.into()))?;
        let s = Zeroizing::new([&rnd_ifd[..], &rnd_ic, &k_ifd[..]].concat());
        let mut data = CIPHER.encrypt(&self.k_enc, CIPHER.zero_iv(), &s);
        let mac = self.mac(&data);
        data.extend_from_slice(&mac);
        self.state = State::Authenticate { rnd_ifd, rnd_ic, k_ifd };
        Ok(Command::new(0x00, 0x82, 0x00, 0x00).with_data(data).with_le(40))
    }

    fn mac(&self, cryptogram: &[u8]) -> [u8; 8] {
        let mut input = cryptogram.to_vec();
        pad(&mut input, CIPHER.block_len());
        CIPHER.mac(&self.k_mac, &input)
    }
}

impl Exchange for Bac {
    type Output = SecureMessaging;

    fn begin(&mut self, _: &mut dyn Entropy) -> Result<Command, Error> {
        Ok(Command::new(0x00, 0x84, 0x00, 0x00).with_le(8))
    }

    fn feed(&mut self, response: &Response, entropy: &mut dyn Entropy) -> Result<Step<SecureMessaging>, Error> {
        let (rnd_ifd, rnd_ic, k_ifd) = match std::mem::replace(&mut self.state, State::Over) {
            State::Challenge => return self.authenticate(response, entropy).map(Step::Send),
            State::Authenticate { rnd_ifd, rnd_ic, k_ifd } => (rnd_ifd, rnd_ic, k_ifd),
            State::Over => return Err(Error::OutOfOrder),
        };
        // Chips answer a wrong key with 6300, 6982 or 6988; all mean the same here.
        match response.status {
            StatusWord::OK => {}
            StatusWord(0x6982 | 0x6985 | 0x6988) => return Err(Error::WrongPassword { operation: OPERATION }),
            status if status.is_authentication_failure() => {
                return Err(Error::WrongPassword { operation: OPERATION });
            }
            status => return Err(Error::Status { operation: "BAC EXTERNAL AUTHENTICATE", status }),
        }
        let protocol = |reason| Error::Protocol { operation: "BAC EXTERNAL AUTHENTICATE", reason };
        let data = response.data.expose();
        if data.len() != 40 {
            return Err(protocol("the response is not 40 bytes"));
        }
        let (cryptogram, mac) = data.split_at(32);
        if !equal(&self.mac(cryptogram), mac) {
            return Err(protocol("the chip's MAC is wrong"));
        }
        let r = CIPHER.decrypt(&self.k_enc, CIPHER.zero_iv(), cryptogram);
        let r = Zeroizing::new(r.ok_or_else(|| protocol("the cryptogram is malformed"))?);
        if !equal(&r[..8], &rnd_ic) || !equal(&r[8..16], &rnd_ifd) {
            return Err(protocol("the chip does not return the challenges"));
        }
        let seed: Zeroizing<Vec<u8>> = Zeroizing::new(k_ifd.iter().zip(&r[16..]).map(|(a, b)| a ^ b).collect());
        let counter = rnd_ic[4..].iter().chain(&rnd_ifd[4..]).fold(0u128, |n, b| n << 8 | u128::from(*b));
        Ok(Step::Done(SecureMessaging::with_counter(SessionKeys::derive(CIPHER, &seed), counter)))
    }
}
