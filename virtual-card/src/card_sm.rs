//! The card's side of secure messaging, on OpenSSL's ciphers: written apart from the terminal's, so that the two
//! cannot share a mistake.

use crate::tamper::{Tamper, flipped};
use emrtd::hazmat::tlv::{Reader, encode};
use openssl::error::ErrorStack;
use openssl::hash::{MessageDigest, hash};
use openssl::pkey::PKey;
use openssl::sign::Signer;
use openssl::symm::{Cipher, Crypter, Mode};

/// The ciphers that the card speaks, by the last arc of their protocol identifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    TripleDes = 1,
    Aes128 = 2,
    Aes192 = 3,
    Aes256 = 4,
}

impl Family {
    fn aes(self) -> Cipher {
        match self {
            Self::TripleDes | Self::Aes128 => Cipher::aes_128_cbc(),
            Self::Aes192 => Cipher::aes_192_cbc(),
            Self::Aes256 => Cipher::aes_256_cbc(),
        }
    }
}

/// CBC without padding.
pub(crate) fn cbc(family: Family, mode: Mode, key: &[u8], iv: &[u8], data: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let (cipher, key) = match family {
        Family::TripleDes => (Cipher::des_ede3_cbc(), [key, &key[..8]].concat()),
        _ => (family.aes(), key.to_vec()),
    };
    let mut crypter = Crypter::new(cipher, mode, &key, Some(iv))?;
    crypter.pad(false);
    let mut out = vec![0; data.len() + 16];
    let mut written = crypter.update(data, &mut out)?;
    written += crypter.finalize(&mut out[written..])?;
    out.truncate(written);
    Ok(out)
}

/// Eight-byte MAC: retail MAC for 3DES, which pads what is not whole blocks, CMAC cut to eight for AES.
pub(crate) fn mac(family: Family, key: &[u8], data: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    match family {
        Family::TripleDes => {
            // Single DES is not in OpenSSL's default provider; EDE with three equal keys is the same.
            let data = if data.len().is_multiple_of(8) { data.to_vec() } else { pad(data, 8) };
            let (first, last) = data.split_at(data.len() - 8);
            let single = [&key[..8], &key[..8]].concat();
            let chained = cbc(Family::TripleDes, Mode::Encrypt, &single, &[0; 8], first)?;
            let iv = if chained.is_empty() { [0; 8].to_vec() } else { chained[chained.len() - 8..].to_vec() };
            cbc(Family::TripleDes, Mode::Encrypt, key, &iv, last)
        }
        _ => {
            let key = PKey::cmac(&family.aes(), key)?;
            let mut signer = Signer::new_without_digest(&key)?;
            signer.update(data)?;
            let mut tag = signer.sign_to_vec()?;
            tag.truncate(8);
            Ok(tag)
        }
    }
}

/// Key derivation with a counter: 1 encryption, 2 MAC, 3 password.
pub(crate) fn derive(family: Family, secret: &[u8], counter: u8) -> Result<Vec<u8>, ErrorStack> {
    let (digest, length) = match family {
        Family::TripleDes | Family::Aes128 => (MessageDigest::sha1(), 16),
        Family::Aes192 => (MessageDigest::sha256(), 24),
        Family::Aes256 => (MessageDigest::sha256(), 32),
    };
    let mut key = hash(digest, &[secret, &[0, 0, 0, counter]].concat())?[..length].to_vec();
    if family == Family::TripleDes {
        for byte in &mut key {
            if byte.count_ones() % 2 == 0 {
                *byte ^= 1;
            }
        }
    }
    Ok(key)
}

pub(crate) fn pad(data: &[u8], block: usize) -> Vec<u8> {
    let mut padded = [data, &[0x80]].concat();
    while padded.len() % block != 0 {
        padded.push(0);
    }
    padded
}

/// A plain command as the chip's application sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plain {
    pub(crate) header: [u8; 4],
    pub(crate) data: Vec<u8>,
    /// Zero when no response data were asked for.
    pub(crate) le: usize,
    /// Whether the length fields were in extended form.
    pub(crate) extended: bool,
}

impl Plain {
    /// Splits the bytes of a command; `None` when the lengths do not fit.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let (header, body) = bytes.split_first_chunk::<4>()?;
        let plain = |data: &[u8], le, extended| Self { header: *header, data: data.to_vec(), le, extended };
        let full = |le: usize, all: usize| if le == 0 { all } else { le };
        match *body {
            [] => Some(plain(&[], 0, false)),
            [le] => Some(plain(&[], full(le.into(), 256), false)),
            [0, a, b] => Some(plain(&[], full(usize::from(a) << 8 | usize::from(b), 65_536), true)),
            [0, a, b, ref rest @ ..] => {
                let lc = usize::from(a) << 8 | usize::from(b);
                let data = rest.get(..lc)?;
                match rest[lc..] {
                    [] => Some(plain(data, 0, true)),
                    [a, b] => Some(plain(data, full(usize::from(a) << 8 | usize::from(b), 65_536), true)),
                    _ => None,
                }
            }
            [lc, ref rest @ ..] => {
                let lc = usize::from(lc);
                let data = rest.get(..lc)?;
                match rest[lc..] {
                    [] => Some(plain(data, 0, false)),
                    [le] => Some(plain(data, full(le.into(), 256), false)),
                    _ => None,
                }
            }
        }
    }
}

/// The card's end of a session.
pub(crate) struct CardSm {
    family: Family,
    enc: Vec<u8>,
    mac: Vec<u8>,
    counter: Vec<u8>,
    /// The response before, for a chip that repeats itself.
    before: Vec<u8>,
}

impl CardSm {
    pub(crate) fn new(family: Family, secret: &[u8], counter: Option<Vec<u8>>) -> Result<Self, ErrorStack> {
        let block = family.block();
        Ok(Self {
            family,
            enc: derive(family, secret, 1)?,
            mac: derive(family, secret, 2)?,
            counter: counter.unwrap_or_else(|| vec![0; block]),
            before: Vec::new(),
        })
    }

    fn step(&mut self) {
        for byte in self.counter.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                return;
            }
        }
    }

    fn iv(&self) -> Result<Vec<u8>, ErrorStack> {
        match self.family {
            Family::TripleDes => Ok(vec![0; 8]),
            _ => cbc(self.family, Mode::Encrypt, &self.enc, &[0; 16], &self.counter),
        }
    }

    fn tag(&self, data: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let padded = pad(&[&self.counter[..], data].concat(), self.family.block());
        mac(self.family, &self.mac, &padded)
    }

    /// Opens a protected command; `None` when it is not one of this session.
    pub(crate) fn open(&mut self, outer: &Plain) -> Result<Option<Plain>, ErrorStack> {
        if outer.header[0] & 0x0C != 0x0C {
            return Ok(None);
        }
        self.step();
        let mut reader = Reader::new(&outer.data);
        let (mut cryptogram, mut le, mut tag, mut covered) = (None, 0, None, Vec::new());
        while let Ok(Some(object)) = reader.next() {
            match object.tag {
                0x8E => tag = Some(object.value),
                0x97 => {
                    le = object.value.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
                    if le == 0 {
                        le = if object.value.len() == 1 { 256 } else { 65_536 };
                    }
                    covered.extend_from_slice(object.raw);
                }
                0x87 => {
                    cryptogram = object.value.split_first().map(|(_, rest)| rest);
                    covered.extend_from_slice(object.raw);
                }
                0x85 => {
                    cryptogram = Some(object.value);
                    covered.extend_from_slice(object.raw);
                }
                _ => return Ok(None),
            }
        }
        let block = self.family.block();
        let message =
            if covered.is_empty() { outer.header.to_vec() } else { [pad(&outer.header, block), covered].concat() };
        if tag != Some(&self.tag(&message)?[..]) {
            return Ok(None);
        }
        let data = match cryptogram {
            None => Vec::new(),
            Some(bytes) if bytes.len() % block == 0 => {
                let mut data = cbc(self.family, Mode::Decrypt, &self.enc, &self.iv()?, bytes)?;
                let end = data.iter().rposition(|b| *b == 0x80);
                data.truncate(end.unwrap_or(0));
                data
            }
            Some(_) => return Ok(None),
        };
        let mut header = outer.header;
        header[0] &= 0xF0;
        Ok(Some(Plain { header, data, le, extended: outer.extended }))
    }

    /// Seals a response.
    pub(crate) fn seal(&mut self, odd: bool, data: &[u8], status: u16) -> Result<Vec<u8>, ErrorStack> {
        self.seal_lying(None, &[], odd, data, status)
    }

    /// Seals the response to a command, whose data objects these are, but for one lie.
    pub(crate) fn seal_lying(
        &mut self,
        lie: Option<Tamper>,
        command: &[u8],
        odd: bool,
        data: &[u8],
        status: u16,
    ) -> Result<Vec<u8>, ErrorStack> {
        let word = status.to_be_bytes();
        for _ in 0..match lie {
            Some(Tamper::CounterReused) => 0,
            Some(Tamper::CounterSkipped) => 2,
            _ => 1,
        } {
            self.step();
        }
        let mut out = Vec::with_capacity(data.len() + 48);
        if !data.is_empty() {
            let mut plain = pad(data, self.family.block());
            if lie == Some(Tamper::PaddingWrong) {
                plain[data.len()..].fill(0x11);
            }
            let mut sealed = cbc(self.family, Mode::Encrypt, &self.enc, &self.iv()?, &plain)?;
            if lie == Some(Tamper::CryptogramCut) {
                sealed.pop();
            }
            let indicator = if lie == Some(Tamper::PaddingIndicatorWrong) { 2 } else { 1 };
            out = if odd { encode(0x85, &sealed) } else { encode(0x87, &[&[indicator], &sealed[..]].concat()) };
        }
        match lie {
            Some(Tamper::StatusMissing) => {}
            Some(Tamper::StatusLong) => out.extend(encode(0x99, &[&word[..], &[0]].concat())),
            _ => out.extend(encode(0x99, &word)),
        }
        let mut tag = self.tag(&out)?;
        match lie {
            Some(Tamper::MacWrong) => tag = flipped(&tag),
            Some(Tamper::MacShort) => {
                tag.pop();
            }
            Some(Tamper::MacReflected) => tag = command[command.len() - 8..].to_vec(),
            Some(Tamper::CryptogramChanged) if !data.is_empty() => out[4] ^= 1,
            _ => {}
        }
        if lie != Some(Tamper::MacMissing) {
            out.extend(encode(0x8E, &tag));
        }
        match lie {
            Some(Tamper::CommandReflected) => out = command.to_vec(),
            Some(Tamper::BytesAfterMac) => out.extend(encode(0x99, &word)),
            Some(Tamper::StatusInClear) => out.clear(),
            Some(Tamper::DataInClear) if !data.is_empty() => out = data.to_vec(),
            _ => {}
        }
        out.extend_from_slice(&if lie == Some(Tamper::StatusDiffers) { [0x62, 0x82] } else { word });
        let before = std::mem::replace(&mut self.before, out.clone());
        Ok(if lie == Some(Tamper::AnswerRepeated) && !before.is_empty() { before } else { out })
    }

    /// The most plain bytes whose sealed form fits 256.
    pub(crate) fn short_capacity(&self) -> usize {
        if self.family == Family::TripleDes { 231 } else { 223 }
    }
}
