//! The pseudo-random function and the point encoding of PACE integrated mapping (ICAO 9303-11 §4.4.3.3.2, App. B).

use super::{Cipher, CryptoError};
use crate::secret::Secret;
use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::error::ErrorStack;

#[rustfmt::skip]
const C0_128: [u8; 16] = [0xA6, 0x68, 0x89, 0x2A, 0x7C, 0x41, 0xE3, 0xCA, 0x73, 0x9F, 0x40, 0xB0, 0x57, 0xD8, 0x59, 0x04];
#[rustfmt::skip]
const C1_128: [u8; 16] = [0xA4, 0xE1, 0x36, 0xAC, 0x72, 0x5F, 0x73, 0x8B, 0x01, 0xC1, 0xF6, 0x02, 0x17, 0xC1, 0x88, 0xAD];
#[rustfmt::skip]
const C0_256: [u8; 32] = [
    0xD4, 0x63, 0xD6, 0x52, 0x34, 0x12, 0x4E, 0xF7, 0x89, 0x70, 0x54, 0x98, 0x6D, 0xCA, 0x0A, 0x17,
    0x4E, 0x28, 0xDF, 0x75, 0x8C, 0xBA, 0xA0, 0x3F, 0x24, 0x06, 0x16, 0x41, 0x4D, 0x5A, 0x16, 0x76,
];
#[rustfmt::skip]
const C1_256: [u8; 32] = [
    0x54, 0xBD, 0x72, 0x55, 0xF0, 0xAA, 0xF8, 0x31, 0xBE, 0xC3, 0x42, 0x3F, 0xCF, 0x39, 0xD6, 0x9B,
    0x6C, 0xBF, 0x06, 0x66, 0x77, 0xD0, 0xFA, 0xAE, 0x5A, 0xAD, 0xD9, 0x9D, 0xF8, 0xE5, 0x35, 0x17,
];

/// R(s, t): at least 64 bits more than the prime has.
#[must_use]
pub fn random_function(cipher: Cipher, s: &Secret, t: &[u8], prime_bits: usize) -> Vec<u8> {
    let (c0, c1): (&[u8], &[u8]) = match cipher {
        Cipher::TripleDes | Cipher::Aes128 => (&C0_128, &C1_128),
        Cipher::Aes192 | Cipher::Aes256 => (&C0_256, &C1_256),
    };
    let encrypt = |key: &Secret, data: &[u8]| cipher.encrypt(key, cipher.zero_iv(), data);
    let cut = |mut key: Vec<u8>| {
        key.truncate(cipher.key_len());
        Secret::new(key)
    };
    let mut key = cut(encrypt(&cut(t.to_vec()), s.expose()));
    let mut output = Vec::new();
    while output.len() * 8 < prime_bits + 64 {
        output.extend(encrypt(&key, c1));
        key = cut(encrypt(&key, c0));
    }
    output
}

/// A curve's numbers for the point encoding.
pub(super) struct Weierstrass<'a> {
    pub(super) p: &'a BigNumRef,
    pub(super) a: &'a BigNumRef,
    pub(super) b: &'a BigNumRef,
}

/// Arithmetic modulo the prime.
struct Field<'a> {
    p: &'a BigNumRef,
    ctx: BigNumContext,
}

impl Field<'_> {
    fn mul(&mut self, a: &BigNumRef, b: &BigNumRef) -> Result<BigNum, ErrorStack> {
        let mut out = BigNum::new()?;
        out.mod_mul(a, b, self.p, &mut self.ctx)?;
        Ok(out)
    }

    fn add(&mut self, a: &BigNumRef, b: &BigNumRef) -> Result<BigNum, ErrorStack> {
        let mut out = BigNum::new()?;
        out.mod_add(a, b, self.p, &mut self.ctx)?;
        Ok(out)
    }

    fn neg(&mut self, a: &BigNumRef) -> Result<BigNum, ErrorStack> {
        let mut out = BigNum::new()?;
        out.mod_sub(&*BigNum::new()?, a, self.p, &mut self.ctx)?;
        Ok(out)
    }

    fn inverse(&mut self, a: &BigNumRef) -> Result<BigNum, ErrorStack> {
        let mut out = BigNum::new()?;
        out.mod_inverse(a, self.p, &mut self.ctx)?;
        Ok(out)
    }

    fn power(&mut self, a: &BigNumRef, e: &BigNumRef) -> Result<BigNum, ErrorStack> {
        let mut out = BigNum::new()?;
        out.mod_exp(a, e, self.p, &mut self.ctx)?;
        Ok(out)
    }
}

impl Weierstrass<'_> {
    /// x³ + ax + b.
    fn right_side(&self, field: &mut Field<'_>, x: &BigNumRef) -> Result<BigNum, ErrorStack> {
        let square = field.mul(x, x)?;
        let cube = field.mul(&square, x)?;
        let linear = field.mul(self.a, x)?;
        let sum = field.add(&cube, &linear)?;
        field.add(&sum, self.b)
    }

    /// The point that a number maps to, as affine coordinates.
    ///
    /// # Errors
    /// When the prime is not 3 modulo 4 (P-224), or the number is one of the few without a point.
    pub(super) fn encode(&self, random: &[u8]) -> Result<(BigNum, BigNum), CryptoError> {
        if self.p.mod_word(4).map_err(|_| CryptoError::Library("BN"))? != 3 {
            return Err(CryptoError::unsupported("integrated mapping", "a prime that is not 3 modulo 4"));
        }
        self.encode_number(random).map_err(|_| CryptoError::Invalid("mapping number"))
    }

    fn encode_number(&self, random: &[u8]) -> Result<(BigNum, BigNum), ErrorStack> {
        let mut field = Field { p: self.p, ctx: BigNumContext::new_secure()? };
        let mut t = BigNum::new()?;
        t.nnmod(&*BigNum::from_slice(random)?, self.p, &mut field.ctx)?;
        let one = BigNum::from_u32(1)?;
        let square = field.mul(&t, &t)?;
        let alpha = field.neg(&square)?;
        // X2 = -b/a (1 + 1/(alpha + alpha²)), X3 = alpha X2
        let alpha_square = field.mul(&alpha, &alpha)?;
        let sum = field.add(&alpha, &alpha_square)?;
        let inverse = field.inverse(&sum)?;
        let factor = field.add(&one, &inverse)?;
        let a_inverse = field.inverse(self.a)?;
        let ratio = field.mul(self.b, &a_inverse)?;
        let ratio = field.neg(&ratio)?;
        let x2 = field.mul(&ratio, &factor)?;
        let x3 = field.mul(&alpha, &x2)?;
        let h2 = self.right_side(&mut field, &x2)?;
        // A = h2^(p - 1 - (p + 1)/4)
        let mut quarter = BigNumRef::to_owned(self.p)?;
        quarter.add_word(1)?;
        quarter.div_word(4)?;
        let mut exponent = BigNumRef::to_owned(self.p)?;
        exponent.sub_word(1)?;
        let mut difference = BigNum::new()?;
        difference.checked_sub(&exponent, &quarter)?;
        let root = field.power(&h2, &difference)?;
        let root_square = field.mul(&root, &root)?;
        if field.mul(&root_square, &h2)? == one {
            let y = field.mul(&root, &h2)?;
            return Ok((x2, y));
        }
        let cube = field.mul(&square, &t)?;
        let u = field.mul(&cube, &h2)?;
        let y = field.mul(&root, &u)?;
        Ok((x3, y))
    }
}
