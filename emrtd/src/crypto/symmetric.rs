//! Block ciphers and MACs of secure messaging, BAC and PACE (ICAO 9303-11 §9.7, §9.8.6).

use super::hash::HashAlgorithm;
use crate::secret::Secret;
use aes::{Aes128, Aes192, Aes256};
use cbc::cipher::{
    BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt as _, BlockModeEncrypt as _, InnerIvInit as _, KeyInit,
    KeyIvInit as _, block_padding::NoPadding,
};
use cmac::{Cmac, Mac as _};
use des::Des;
use openssl::symm::{Crypter, Mode};
use retail_mac::RetailMac;
use zeroize::Zeroizing;

/// The cipher of a session: 3DES with retail MAC, or AES with CMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the algorithms'")]
#[non_exhaustive]
pub enum Cipher {
    TripleDes,
    Aes128,
    Aes192,
    Aes256,
}

impl Cipher {
    /// Key length in bytes.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::TripleDes | Self::Aes128 => 16,
            Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }

    /// Block length in bytes; also the length of the send sequence counter.
    #[must_use]
    pub const fn block_len(self) -> usize {
        match self {
            Self::TripleDes => 8,
            _ => 16,
        }
    }

    /// A number by which ciphers compare: the larger, the stronger.
    #[must_use]
    pub const fn strength(self) -> usize {
        self.key_len() + self.block_len()
    }

    /// The name as the field writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TripleDes => "3DES-CBC-CBC",
            Self::Aes128 => "AES-CBC-CMAC-128",
            Self::Aes192 => "AES-CBC-CMAC-192",
            Self::Aes256 => "AES-CBC-CMAC-256",
        }
    }

    /// By the last arc of a PACE or CA protocol identifier (1 to 4).
    #[must_use]
    pub const fn from_oid_suffix(suffix: u8) -> Option<Self> {
        Some(match suffix {
            1 => Self::TripleDes,
            2 => Self::Aes128,
            3 => Self::Aes192,
            4 => Self::Aes256,
            _ => return None,
        })
    }

    /// The key derivation function of ICAO 9303-11 §9.7.1 with its counter: 1 encryption, 2 MAC, 3 password.
    #[must_use]
    pub fn derive(self, secret: &[u8], counter: u32) -> Secret {
        let mut input = Zeroizing::new(Vec::with_capacity(secret.len() + 4));
        input.extend_from_slice(secret);
        input.extend_from_slice(&counter.to_be_bytes());
        let hash = match self {
            Self::TripleDes | Self::Aes128 => HashAlgorithm::Sha1,
            Self::Aes192 | Self::Aes256 => HashAlgorithm::Sha256,
        };
        let mut key = hash.digest(&input);
        zeroize::Zeroize::zeroize(&mut key[self.key_len()..]);
        key.truncate(self.key_len());
        if self == Self::TripleDes {
            for byte in &mut key {
                let ones = (*byte >> 1).count_ones();
                *byte = *byte & 0xFE | u8::from(ones % 2 == 0);
            }
        }
        Secret::new(key)
    }

    /// CBC encryption of whole blocks.
    #[must_use]
    pub fn encrypt(self, key: &Secret, iv: &[u8], data: &[u8]) -> Vec<u8> {
        match self {
            Self::TripleDes => triple_des(Mode::Encrypt, key, iv, data).expect(WHOLE_BLOCKS),
            Self::Aes128 => encrypt::<Aes128>(key, iv, data),
            Self::Aes192 => encrypt::<Aes192>(key, iv, data),
            Self::Aes256 => encrypt::<Aes256>(key, iv, data),
        }
    }

    /// CBC decryption; `None` unless `data` is whole blocks.
    #[must_use]
    pub fn decrypt(self, key: &Secret, iv: &[u8], data: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::TripleDes => triple_des(Mode::Decrypt, key, iv, data),
            Self::Aes128 => decrypt::<Aes128>(key, iv, data),
            Self::Aes192 => decrypt::<Aes192>(key, iv, data),
            Self::Aes256 => decrypt::<Aes256>(key, iv, data),
        }
    }

    /// The eight-byte MAC. For 3DES `data` must already be padded (ISO/IEC 9797-1 algorithm 3); CMAC pads itself.
    #[must_use]
    pub fn mac(self, key: &Secret, data: &[u8]) -> [u8; 8] {
        match self {
            Self::TripleDes => {
                let mut mac = <RetailMac<Des> as KeyInit>::new_from_slice(key.expose()).expect(KEY_LEN);
                retail_mac::Mac::update(&mut mac, data);
                let tag = retail_mac::Mac::finalize(mac).into_bytes();
                tag.into()
            }
            Self::Aes128 => cmac::<Aes128>(key, data),
            Self::Aes192 => cmac::<Aes192>(key, data),
            Self::Aes256 => cmac::<Aes256>(key, data),
        }
    }

    /// An initialisation vector of zeros.
    #[must_use]
    pub const fn zero_iv(self) -> &'static [u8] {
        match self {
            Self::TripleDes => &[0; 8],
            _ => &[0; 16],
        }
    }
}

const KEY_LEN: &str = "keys come from `derive`, which cuts them to length";

const WHOLE_BLOCKS: &str = "callers pad to whole blocks";

/// Two-key triple DES by OpenSSL, which is more than twice as fast as the Rust implementation. Its default provider
/// knows the three-key form only.
fn triple_des(mode: Mode, key: &Secret, iv: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let mut three = Zeroizing::new([0; 24]);
    three[..16].copy_from_slice(key.expose());
    three[16..].copy_from_slice(&key.expose()[..8]);
    let cipher = openssl::symm::Cipher::des_ede3_cbc();
    let mut crypter = Crypter::new(cipher, mode, &*three, Some(iv)).ok()?;
    crypter.pad(false);
    let mut out = vec![0; data.len() + 8];
    let mut written = crypter.update(data, &mut out).ok()?;
    written += crypter.finalize(&mut out[written..]).ok()?;
    out.truncate(written);
    Some(out)
}

fn encrypt<C: BlockCipherEncrypt + KeyInit>(key: &Secret, iv: &[u8], data: &[u8]) -> Vec<u8> {
    debug_assert!(data.len().is_multiple_of(C::block_size()), "callers pad");
    cbc::Encryptor::<C>::new_from_slices(key.expose(), iv).expect(KEY_LEN).encrypt_padded_vec::<NoPadding>(data)
}

fn decrypt<C: BlockCipherDecrypt + KeyInit>(key: &Secret, iv: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let cipher = cbc::Decryptor::<C>::new_from_slices(key.expose(), iv).expect(KEY_LEN);
    cipher.decrypt_padded_vec::<NoPadding>(data).ok()
}

fn cmac<C>(key: &Secret, data: &[u8]) -> [u8; 8]
where
    Cmac<C>: cmac::Mac + KeyInit,
    C: cmac::block_api::CmacCipher,
{
    let mut mac = <Cmac<C> as KeyInit>::new_from_slice(key.expose()).expect(KEY_LEN);
    mac.update(data);
    let mut tag = [0; 8];
    tag.copy_from_slice(&mac.finalize().into_bytes()[..8]);
    tag
}

/// Appends `80 00…` up to a block boundary (ISO/IEC 9797-1 padding method 2).
pub fn pad(data: &mut Vec<u8>, block_len: usize) {
    data.push(0x80);
    data.resize(data.len().next_multiple_of(block_len), 0);
}

/// Removes that padding; `None` when it is not there.
#[must_use]
pub fn unpad(mut data: Vec<u8>) -> Option<Vec<u8>> {
    let marker = data.iter().rposition(|b| *b != 0)?;
    if data[marker] != 0x80 {
        return None;
    }
    data.truncate(marker);
    Some(data)
}

/// The two keys of a secure messaging session.
#[derive(Debug, Clone)]
pub struct SessionKeys {
    /// Which cipher they are for.
    pub cipher: Cipher,
    /// KS_Enc.
    pub enc: Secret,
    /// KS_MAC.
    pub mac: Secret,
}

impl SessionKeys {
    /// Derives both keys from a shared secret.
    #[must_use]
    pub fn derive(cipher: Cipher, secret: &[u8]) -> Self {
        Self { cipher, enc: cipher.derive(secret, 1), mac: cipher.derive(secret, 2) }
    }
}

/// The keys of a session, ready for use: key schedules are computed once.
pub enum PreparedKeys {
    /// 3DES and retail MAC.
    TripleDes(SessionKeys),
    /// AES-128 and CMAC.
    Aes128(Box<AesKeys<Aes128>>),
    /// AES-192 and CMAC.
    Aes192(Box<AesKeys<Aes192>>),
    /// AES-256 and CMAC.
    Aes256(Box<AesKeys<Aes256>>),
}

/// Key schedules of an AES session, with the subkey of CMAC for whole blocks (NIST SP 800-38B §6.1).
pub struct AesKeys<C> {
    enc: C,
    mac: C,
    subkey: Zeroizing<[u8; 16]>,
}

impl std::fmt::Debug for PreparedKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PreparedKeys({})", self.cipher().name())
    }
}

impl<C> AesKeys<C>
where
    C: BlockCipherEncrypt + BlockCipherDecrypt + KeyInit,
{
    fn new(keys: &SessionKeys) -> Box<Self> {
        let enc = C::new_from_slice(keys.enc.expose()).expect(KEY_LEN);
        let mac = C::new_from_slice(keys.mac.expose()).expect(KEY_LEN);
        let mut zero = cbc::cipher::Block::<C>::default();
        mac.encrypt_block(&mut zero);
        let mut subkey = Zeroizing::new([0; 16]);
        subkey.copy_from_slice(&zero);
        // Doubling in GF(2^128): a shift, and the polynomial when a bit falls out. No branch on the secret bit.
        let number = u128::from_be_bytes(*subkey);
        *subkey = ((number << 1) ^ ((number >> 127) * 0x87)).to_be_bytes();
        Box::new(Self { enc, mac, subkey })
    }

    /// CBC with the IV that secure messaging derives from the counter: E(KS_Enc, SSC).
    fn encrypt(&self, counter: &[u8], data: &[u8]) -> Vec<u8> {
        let iv = self.iv(counter);
        cbc::Encryptor::<&C>::inner_iv_slice_init(&self.enc, &iv).expect(KEY_LEN).encrypt_padded_vec::<NoPadding>(data)
    }

    fn decrypt(&self, counter: &[u8], data: &[u8]) -> Option<Vec<u8>> {
        let iv = self.iv(counter);
        let cipher = cbc::Decryptor::<&C>::inner_iv_slice_init(&self.enc, &iv).expect(KEY_LEN);
        // In place: a second buffer would have to be wiped, too.
        let mut plain = data.to_vec();
        cipher.decrypt_padded::<NoPadding>(&mut plain).ok()?;
        Some(plain)
    }

    fn iv(&self, counter: &[u8]) -> [u8; 16] {
        let mut block = cbc::cipher::Block::<C>::try_from(counter).expect("a counter is one block");
        self.enc.encrypt_block(&mut block);
        let mut iv = [0; 16];
        iv.copy_from_slice(&block);
        iv
    }

    /// CMAC of whole blocks, which secure messaging always has: the last block of CBC over the message, whose own last
    /// block has the subkey in it. One pass over one buffer; the `cmac` crate, which takes any length, sets up anew for
    /// every message.
    fn mac(&self, message: &mut [u8]) -> [u8; 8] {
        let length = message.len();
        let last = length - 16;
        message[last..].iter_mut().zip(*self.subkey).for_each(|(byte, key)| *byte ^= key);
        let chain = cbc::Encryptor::<&C>::inner_iv_slice_init(&self.mac, &[0; 16]).expect(KEY_LEN);
        let message = chain.encrypt_padded::<NoPadding>(message, length).expect(WHOLE_BLOCKS);
        let mut tag = [0; 8];
        tag.copy_from_slice(&message[last..last + 8]);
        tag
    }
}

impl PreparedKeys {
    /// Computes the key schedules.
    #[must_use]
    pub fn new(keys: SessionKeys) -> Self {
        match keys.cipher {
            Cipher::TripleDes => Self::TripleDes(keys),
            Cipher::Aes128 => Self::Aes128(AesKeys::new(&keys)),
            Cipher::Aes192 => Self::Aes192(AesKeys::new(&keys)),
            Cipher::Aes256 => Self::Aes256(AesKeys::new(&keys)),
        }
    }

    /// Which cipher they are for.
    #[must_use]
    pub const fn cipher(&self) -> Cipher {
        match self {
            Self::TripleDes(_) => Cipher::TripleDes,
            Self::Aes128(_) => Cipher::Aes128,
            Self::Aes192(_) => Cipher::Aes192,
            Self::Aes256(_) => Cipher::Aes256,
        }
    }

    /// Encrypts whole blocks under the IV that goes with a send sequence counter.
    #[must_use]
    pub fn encrypt(&self, counter: &[u8], data: &[u8]) -> Vec<u8> {
        match self {
            Self::TripleDes(keys) => Cipher::TripleDes.encrypt(&keys.enc, Cipher::TripleDes.zero_iv(), data),
            Self::Aes128(keys) => keys.encrypt(counter, data),
            Self::Aes192(keys) => keys.encrypt(counter, data),
            Self::Aes256(keys) => keys.encrypt(counter, data),
        }
    }

    /// Decrypts under the IV that goes with a send sequence counter; `None` unless `data` is whole blocks.
    #[must_use]
    pub fn decrypt(&self, counter: &[u8], data: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::TripleDes(keys) => Cipher::TripleDes.decrypt(&keys.enc, Cipher::TripleDes.zero_iv(), data),
            Self::Aes128(keys) => keys.decrypt(counter, data),
            Self::Aes192(keys) => keys.decrypt(counter, data),
            Self::Aes256(keys) => keys.decrypt(counter, data),
        }
    }

    /// The MAC over a message of whole blocks, which is overwritten.
    #[must_use]
    pub fn mac(&self, message: &mut [u8]) -> [u8; 8] {
        match self {
            Self::TripleDes(keys) => Cipher::TripleDes.mac(&keys.mac, message),
            Self::Aes128(keys) => keys.mac(message),
            Self::Aes192(keys) => keys.mac(message),
            Self::Aes256(keys) => keys.mac(message),
        }
    }
}

/// The `80 00…` that brings `length` bytes to a block boundary.
#[must_use]
pub const fn padding(length: usize, block_len: usize) -> &'static [u8] {
    const PADDING: [u8; 16] = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    PADDING.split_at(block_len - length % block_len).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_mac_of_a_session_is_cmac(key in any::<[u8; 32]>(), blocks in proptest::collection::vec(any::<[u8; 16]>(), 1..40)) {
            for cipher in [Cipher::Aes128, Cipher::Aes192, Cipher::Aes256] {
                let keys = SessionKeys::derive(cipher, &key);
                let mut message = blocks.concat();
                let expected = cipher.mac(&keys.mac, &message);
                prop_assert_eq!(PreparedKeys::new(keys).mac(&mut message), expected);
            }
        }
    }

    #[test]
    fn padding_round_trips_and_rejects_its_absence() {
        for len in 0..40 {
            let mut data = vec![0; len];
            pad(&mut data, 16);
            assert!(data.len().is_multiple_of(16) && data.len() > len);
            assert_eq!(unpad(data).map(|d| d.len()), Some(len));
        }
        assert_eq!(unpad(vec![1, 2, 3]), None);
        assert_eq!(unpad(vec![0; 16]), None);
    }
}
