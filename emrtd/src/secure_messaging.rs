//! Secure messaging (ICAO 9303-11 §9.8): commands and responses wrapped under session keys.
//!
//! | data object | content |
//! |---|---|
//! | `87` / `85` | padding indicator `01` ‖ cryptogram (even INS) / cryptogram (odd INS) |
//! | `97` | Le of the plain command |
//! | `99` | status of the plain response |
//! | `8E` | MAC over send sequence counter, padded header and the objects above |
//!
//! Once keys stand, a response without a valid MAC is an error, whatever its status bytes say: a chip that
//! answers in plain could be somebody in the middle who wants the session opened.

use crate::apdu::{self, Command, Response, StatusWord};
use crate::crypto::symmetric::{PreparedKeys, pad, padding, unpad};
use crate::crypto::{self, Cipher, SessionKeys};
use crate::secret::Secret;
use crate::tlv::{Reader, TlvError, encode_into};
use thiserror::Error;

/// Why a protected response is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SecureMessagingError {
    /// The response carries no MAC; a chip does this when it has dropped the session.
    #[error("the chip answered {0} without protection")]
    Unprotected(StatusWord),
    /// The MAC is wrong.
    #[error("the response MAC is wrong")]
    Mac,
    /// The data objects are malformed.
    #[error("the protected response is malformed")]
    Malformed(#[source] TlvError),
    /// The cryptogram does not decrypt to padded data.
    #[error("the cryptogram is malformed")]
    Cryptogram,
    /// The protected status differs from the one outside.
    #[error("the status inside ({inside}) differs from the one outside ({outside})")]
    Status {
        /// From the `99` object.
        inside: StatusWord,
        /// From the response itself.
        outside: StatusWord,
    },
}

const DO_CRYPTOGRAM: u32 = 0x87;
const DO_CRYPTOGRAM_ODD: u32 = 0x85;
const DO_LE: u32 = 0x97;
const DO_STATUS: u32 = 0x99;
const DO_MAC: u32 = 0x8E;

/// Length of the MAC's object.
const MAC_OBJECT: usize = 10;

/// A secure messaging session: keys and send sequence counter.
#[derive(Debug)]
pub struct SecureMessaging {
    keys: PreparedKeys,
    counter: u128,
    /// What a MAC is computed over: nothing in it is plain.
    message: Vec<u8>,
}

/// The send sequence counter as bytes.
struct Counter([u8; 16], usize);

impl Counter {
    fn bytes(&self) -> &[u8] {
        &self.0[16 - self.1..]
    }
}

impl SecureMessaging {
    /// A session whose counter starts at zero, as after PACE and chip authentication.
    #[must_use]
    pub fn new(keys: SessionKeys) -> Self {
        Self::with_counter(keys, 0)
    }

    /// A session with a given counter, as after BAC.
    #[must_use]
    pub fn with_counter(keys: SessionKeys, counter: u128) -> Self {
        Self { keys: PreparedKeys::new(keys), counter, message: Vec::new() }
    }

    /// The cipher in use.
    #[must_use]
    pub const fn cipher(&self) -> Cipher {
        self.keys.cipher()
    }

    /// The current send sequence counter.
    #[must_use]
    pub const fn counter(&self) -> u128 {
        self.counter
    }

    /// The most plain response bytes that fit a protected response of 256 bytes: 231 (3DES) or 223 (AES).
    #[must_use]
    pub const fn short_le(&self) -> u32 {
        match self.keys.cipher() {
            Cipher::TripleDes => 231,
            _ => 223,
        }
    }

    const fn advance(&mut self) -> Counter {
        self.counter = self.counter.wrapping_add(1);
        Counter(self.counter.to_be_bytes(), self.keys.cipher().block_len())
    }

    /// Wraps a command and encodes it for the card.
    #[must_use]
    pub fn protect(&mut self, command: &Command) -> Vec<u8> {
        let counter = self.advance();
        let block = self.keys.cipher().block_len();
        let data = command.data.expose();
        let header = [command.cla | 0x0C, command.ins, command.p1, command.p2];
        // What the MAC covers: counter, header, objects, each padded; without objects the header's padding is the last.
        let message = &mut self.message;
        message.clear();
        message.extend_from_slice(counter.bytes());
        message.extend_from_slice(&header);
        message.extend_from_slice(padding(header.len(), block));
        let start = message.len();
        if !data.is_empty() {
            let mut plain = zeroize::Zeroizing::new(Vec::with_capacity(data.len() + block));
            plain.extend_from_slice(data);
            pad(&mut plain, block);
            let cryptogram = self.keys.encrypt(counter.bytes(), &plain);
            if command.ins & 1 == 0 {
                let mut value = Vec::with_capacity(cryptogram.len() + 1);
                value.push(0x01);
                value.extend_from_slice(&cryptogram);
                encode_into(message, DO_CRYPTOGRAM, &value);
            } else {
                encode_into(message, DO_CRYPTOGRAM_ODD, &cryptogram);
            }
        }
        if let Some(le) = command.le {
            if le > 256 || command.extended {
                encode_into(message, DO_LE, &(le as u16).to_be_bytes());
            } else {
                encode_into(message, DO_LE, &[le as u8]);
            }
        }
        let length = message.len() - start;
        let extended = command.is_extended() || length + MAC_OBJECT > 255;
        let mut out = apdu::begin(header, length + MAC_OBJECT, extended);
        out.extend_from_slice(&message[start..]);
        if length > 0 {
            message.extend_from_slice(padding(length, block));
        }
        encode_into(&mut out, DO_MAC, &self.keys.mac(message));
        apdu::end(&mut out, Some(if extended { 65_536 } else { 256 }), extended);
        out
    }

    /// Opens what the card answered: data field and status bytes.
    ///
    /// # Errors
    /// When it is not protected under these keys and this counter. The session must not be used any more then.
    pub fn unprotect(&mut self, answer: &[u8]) -> Result<Response, SecureMessagingError> {
        let counter = self.advance();
        let (data, outside) = apdu::split_status(answer).ok_or(SecureMessagingError::Malformed(TlvError::Truncated))?;
        let mut objects = Reader::new(data);
        let (mut cryptogram, mut status, mut mac) = (None, None, None);
        let mut signed = 0;
        while let Some(object) = objects.next().map_err(SecureMessagingError::Malformed)? {
            match object.tag {
                DO_MAC => {
                    mac = Some(object.value);
                    break;
                }
                DO_CRYPTOGRAM | DO_CRYPTOGRAM_ODD if cryptogram.is_none() => cryptogram = Some(object),
                DO_STATUS if status.is_none() => status = Some(object.value),
                _ => {}
            }
            // Objects stand one behind the other, so what the MAC covers is the data up to its own object.
            signed += object.raw.len();
        }
        let mac = mac.ok_or(SecureMessagingError::Unprotected(outside))?;
        objects.finish().map_err(SecureMessagingError::Malformed)?;
        let block = self.keys.cipher().block_len();
        let message = &mut self.message;
        message.clear();
        message.extend_from_slice(counter.bytes());
        message.extend_from_slice(&data[..signed]);
        message.extend_from_slice(padding(signed, block));
        let expected = self.keys.mac(message);
        if !crypto::equal(&expected, mac) {
            return Err(SecureMessagingError::Mac);
        }
        let status = match status {
            Some(&[sw1, sw2]) => StatusWord(u16::from_be_bytes([sw1, sw2])),
            _ => return Err(SecureMessagingError::Malformed(TlvError::Missing(DO_STATUS))),
        };
        if status != outside {
            return Err(SecureMessagingError::Status { inside: status, outside });
        }
        let data = match cryptogram {
            None => Secret::new(Vec::new()),
            Some(object) => {
                let cryptogram = match (object.tag, object.value) {
                    (DO_CRYPTOGRAM, [0x01, rest @ ..]) => rest,
                    (DO_CRYPTOGRAM_ODD, rest) => rest,
                    _ => return Err(SecureMessagingError::Cryptogram),
                };
                let plain = self.keys.decrypt(counter.bytes(), cryptogram);
                let plain = plain.and_then(unpad).ok_or(SecureMessagingError::Cryptogram)?;
                Secret::new(plain)
            }
        };
        Ok(Response { data, status })
    }
}
