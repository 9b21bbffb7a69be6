//! Diffie-Hellman modulo a prime: the MODP groups of RFC 5114 (ICAO 9303-11 §9.5.1, ids 0 to 2) and the groups
//! that a chip authentication key brings with it (PKCS #3, X9.42).
//!
//! Public keys are unsigned integers without leading zeros; a shared secret is as long as the prime.

use super::CryptoError;
use super::number::SecretNumber;
use crate::secret::{Entropy, Secret};
use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::dh::Dh;

/// A MODP group of RFC 5114.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "modulus and subgroup size in bits")]
pub enum ModpGroup {
    Modp1024Sub160,
    Modp2048Sub224,
    Modp2048Sub256,
}

impl ModpGroup {
    /// By standardised domain parameter id.
    #[must_use]
    pub const fn from_parameter_id(id: u32) -> Option<Self> {
        Some(match id {
            0 => Self::Modp1024Sub160,
            1 => Self::Modp2048Sub224,
            2 => Self::Modp2048Sub256,
            _ => return None,
        })
    }

    /// The name as RFC 5114 has it, in short.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Modp1024Sub160 => "modp1024-160",
            Self::Modp2048Sub224 => "modp2048-224",
            Self::Modp2048Sub256 => "modp2048-256",
        }
    }
}

fn library(_: openssl::error::ErrorStack) -> CryptoError {
    CryptoError::Library("BN")
}

/// A number that the library treats as secret.
fn secret(bytes: &[u8]) -> Result<SecretNumber, CryptoError> {
    SecretNumber::from_bytes(bytes).map_err(library)
}

/// A group with the generator in use: the standard one, the one that PACE mapped, or the one of a key.
pub struct DhDomain {
    p: BigNum,
    /// Order of the subgroup; PKCS #3 parameters leave it out.
    q: Option<BigNum>,
    g: BigNum,
}

/// The primes taken: shorter ones are broken, longer ones only keep the terminal busy.
const PRIME_BITS: std::ops::RangeInclusive<i32> = 1024..=4096;

/// Bits of an exponent where the order of the subgroup is unknown: twice the strength of a prime of 4,096 bits and
/// more.
const EXPONENT_BITS: usize = 512;

impl std::fmt::Debug for DhDomain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DhDomain({} bits)", self.p.num_bits())
    }
}

/// A private exponent, wiped when dropped, with its public value.
#[derive(Clone)]
pub struct DhKeyPair {
    private: Secret,
    public: Vec<u8>,
}

impl std::fmt::Debug for DhKeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DhKeyPair")
    }
}

impl DhKeyPair {
    /// The private exponent, big-endian.
    #[must_use]
    pub const fn private(&self) -> &Secret {
        &self.private
    }

    /// The public value, without leading zeros.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        &self.public
    }
}

impl DhDomain {
    /// The standard domain of a group.
    ///
    /// # Errors
    /// When the library was built without it.
    pub fn standard(group: ModpGroup) -> Result<Self, CryptoError> {
        let parameters = match group {
            ModpGroup::Modp1024Sub160 => Dh::get_1024_160(),
            ModpGroup::Modp2048Sub224 => Dh::get_2048_224(),
            ModpGroup::Modp2048Sub256 => Dh::get_2048_256(),
        }
        .map_err(library)?;
        let copy = |number: &BigNumRef| number.to_owned().map_err(library);
        let q = parameters.prime_q().ok_or(CryptoError::Library("DH"))?;
        Ok(Self { p: copy(parameters.prime_p())?, q: Some(copy(q)?), g: copy(parameters.generator())? })
    }

    /// The group that a public key states. Who states it must be trusted: only numbers that cannot be a group are
    /// refused here.
    ///
    /// # Errors
    /// When prime, generator or order cannot be those of a group, or the prime is shorter than 1,024 or longer than
    /// 4,096 bits.
    pub fn stated(p: &[u8], q: Option<&[u8]>, g: &[u8]) -> Result<Self, CryptoError> {
        const INVALID: CryptoError = CryptoError::Invalid("DH group");
        if p.len() > 512 || g.len() > p.len() || q.is_some_and(|q| q.len() > p.len()) {
            return Err(INVALID);
        }
        let number = |bytes| BigNum::from_slice(bytes).map_err(library);
        let (p, q, g) = (number(p)?, q.map(number).transpose()?, number(g)?);
        let odd = p.is_bit_set(0);
        if !PRIME_BITS.contains(&p.num_bits()) || !odd || g.num_bits() < 2 || g >= p {
            return Err(INVALID);
        }
        if q.as_ref().is_some_and(|q| q.num_bits() < 160 || *q >= p) {
            return Err(INVALID);
        }
        Ok(Self { p, q, g })
    }

    /// The generator in use.
    #[must_use]
    pub fn generator(&self) -> Vec<u8> {
        self.g.to_vec()
    }

    fn power(&self, base: &BigNumRef, exponent: &BigNumRef) -> Result<BigNum, CryptoError> {
        let mut ctx = BigNumContext::new_secure().map_err(library)?;
        let mut result = BigNum::new().map_err(library)?;
        result.mod_exp(base, exponent, &self.p, &mut ctx).map_err(library)?;
        Ok(result)
    }

    /// A fresh key pair with an exponent in `[1, q)`.
    ///
    /// # Errors
    /// When no random bytes come.
    pub fn key_pair(&self, entropy: &mut dyn Entropy) -> Result<DhKeyPair, CryptoError> {
        let bits = self.q.as_ref().map_or(EXPONENT_BITS, |q| q.num_bits() as usize);
        let mut draw = zeroize::Zeroizing::new(vec![0; bits.div_ceil(8)]);
        for _ in 0..256 {
            entropy.fill(&mut draw)?;
            draw[0] &= 0xFF >> (draw.len() * 8 - bits);
            let private = BigNum::from_slice(&draw).map_err(library)?;
            if private.num_bits() > 0 && self.q.as_ref().is_none_or(|q| private < *q) {
                return self.key_pair_from_bytes(&draw);
            }
        }
        Err(CryptoError::Entropy(crate::secret::EntropyError))
    }

    /// The key pair of a known exponent, for card sides and worked examples.
    ///
    /// # Errors
    /// When it is zero or not below the prime.
    pub fn key_pair_from_bytes(&self, private: &[u8]) -> Result<DhKeyPair, CryptoError> {
        let number = secret(private)?;
        if number.num_bits() == 0 || *number >= self.p {
            return Err(CryptoError::Invalid("private key"));
        }
        let public = self.power(&self.g, &number)?.to_vec();
        Ok(DhKeyPair { private: private.into(), public })
    }

    /// The shared secret with a peer's public value, which must lie in the subgroup.
    ///
    /// # Errors
    /// When the peer's value is outside the subgroup or trivial.
    pub fn agree(&self, own: &DhKeyPair, peer: &[u8]) -> Result<Secret, CryptoError> {
        let shared = self.power(&*self.decode(peer)?, &*secret(own.private.expose())?)?;
        if shared.num_bits() < 2 {
            return Err(CryptoError::Invalid("shared secret"));
        }
        Ok(Secret::new(shared.to_vec_padded(self.p.num_bytes()).map_err(library)?))
    }

    fn decode(&self, peer: &[u8]) -> Result<BigNum, CryptoError> {
        const INVALID: CryptoError = CryptoError::Invalid("public value");
        if peer.len() > self.p.num_bytes() as usize {
            return Err(INVALID);
        }
        let peer = BigNum::from_slice(peer).map_err(library)?;
        let mut last = BigNumRef::to_owned(&self.p).map_err(library)?;
        last.sub_word(1).map_err(library)?;
        // Neither 0, 1 nor p - 1, which lie in subgroups of order one and two.
        if peer.num_bits() < 2 || peer >= last {
            return Err(INVALID);
        }
        match &self.q {
            Some(q) if self.power(&peer, q)?.num_bits() != 1 => Err(INVALID),
            _ => Ok(peer),
        }
    }

    /// Generic mapping: the domain with generator `g^s · h`, where `h` is what `own` and the peer agree on.
    ///
    /// # Errors
    /// When the peer's value is outside the subgroup or the new generator would be trivial.
    pub fn map_generic(&self, nonce: &Secret, own: &DhKeyPair, peer: &[u8]) -> Result<Self, CryptoError> {
        let power = self.power(&self.g, &*secret(nonce.expose())?)?;
        let shared = BigNum::from_slice(self.agree(own, peer)?.expose()).map_err(library)?;
        let mut ctx = BigNumContext::new_secure().map_err(library)?;
        let mut generator = BigNum::new().map_err(library)?;
        generator.mod_mul(&power, &shared, &self.p, &mut ctx).map_err(library)?;
        self.with_generator(generator)
    }

    /// Integrated mapping: the domain with generator `R^((p-1)/q)`.
    ///
    /// # Errors
    /// When the new generator would be trivial.
    pub fn map_integrated(&self, random: &[u8]) -> Result<Self, CryptoError> {
        let q = self.q.as_ref().ok_or(CryptoError::Invalid("DH group without the order of its subgroup"))?;
        let mut ctx = BigNumContext::new().map_err(library)?;
        let (mut reduced, mut cofactor) = (BigNum::new().map_err(library)?, BigNum::new().map_err(library)?);
        let random = BigNum::from_slice(random).map_err(library)?;
        reduced.nnmod(&random, &self.p, &mut ctx).map_err(library)?;
        let mut below = BigNumRef::to_owned(&self.p).map_err(library)?;
        below.sub_word(1).map_err(library)?;
        cofactor.checked_div(&below, q, &mut ctx).map_err(library)?;
        self.with_generator(self.power(&reduced, &cofactor)?)
    }

    fn with_generator(&self, g: BigNum) -> Result<Self, CryptoError> {
        if g.num_bits() < 2 {
            return Err(CryptoError::Invalid("mapped generator"));
        }
        let copy = |number: &BigNumRef| number.to_owned().map_err(library);
        let q = self.q.as_deref().map(copy).transpose()?;
        Ok(Self { p: copy(&self.p)?, q, g })
    }

    /// Length of the prime in bits.
    #[must_use]
    pub fn prime_bits(&self) -> usize {
        self.p.num_bits() as usize
    }
}
