//! Diffie-Hellman over the MODP groups of RFC 5114 (ICAO 9303-11 §9.5.1, ids 0 to 2).
//!
//! Public keys are unsigned integers without leading zeros; a shared secret is as long as the prime.

use super::CryptoError;
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

/// A group with the generator in use: the standard one, or the one that PACE mapped.
pub struct DhDomain {
    p: BigNum,
    q: BigNum,
    g: BigNum,
}

impl std::fmt::Debug for DhDomain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DhDomain({} bits)", self.p.num_bits())
    }
}

/// A private exponent, wiped when dropped, with its public value.
pub struct DhKeyPair {
    private: BigNum,
    public: Vec<u8>,
}

impl Drop for DhKeyPair {
    fn drop(&mut self) {
        self.private.clear();
    }
}

impl DhKeyPair {
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
        Ok(Self { p: copy(parameters.prime_p())?, q: copy(q)?, g: copy(parameters.generator())? })
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
        let bits = self.q.num_bits() as usize;
        let mut draw = zeroize::Zeroizing::new(vec![0; bits.div_ceil(8)]);
        for _ in 0..256 {
            entropy.fill(&mut draw)?;
            draw[0] &= 0xFF >> (draw.len() * 8 - bits);
            let private = BigNum::from_slice(&draw).map_err(library)?;
            if private.num_bits() > 0 && private < self.q {
                return self.key_pair_from(private);
            }
        }
        Err(CryptoError::Entropy(crate::secret::EntropyError))
    }

    /// The key pair of a known exponent, for card sides and worked examples.
    ///
    /// # Errors
    /// When it is zero or not below the prime.
    pub fn key_pair_from_bytes(&self, private: &[u8]) -> Result<DhKeyPair, CryptoError> {
        let private = BigNum::from_slice(private).map_err(library)?;
        if private.num_bits() == 0 || private >= self.p {
            return Err(CryptoError::Invalid("private key"));
        }
        self.key_pair_from(private)
    }

    fn key_pair_from(&self, mut private: BigNum) -> Result<DhKeyPair, CryptoError> {
        private.set_const_time();
        let public = self.power(&self.g, &private)?.to_vec();
        Ok(DhKeyPair { private, public })
    }

    /// The shared secret with a peer's public value, which must lie in the subgroup.
    ///
    /// # Errors
    /// When the peer's value is outside the subgroup or trivial.
    pub fn agree(&self, own: &DhKeyPair, peer: &[u8]) -> Result<Secret, CryptoError> {
        const INVALID: CryptoError = CryptoError::Invalid("public value");
        if peer.len() > self.p.num_bytes() as usize {
            return Err(INVALID);
        }
        let peer = BigNum::from_slice(peer).map_err(library)?;
        let one = BigNum::from_u32(1).map_err(library)?;
        if peer <= one || peer >= self.p || self.power(&peer, &self.q)? != one {
            return Err(INVALID);
        }
        let shared = self.power(&peer, &own.private)?;
        if shared == one {
            return Err(CryptoError::Invalid("shared secret"));
        }
        Ok(Secret::new(shared.to_vec_padded(self.p.num_bytes()).map_err(library)?))
    }

    /// Generic mapping: the domain with generator `g^s · h`.
    ///
    /// # Errors
    /// When the new generator would be trivial.
    pub fn map_generic(&self, nonce: &Secret, shared: &Secret) -> Result<Self, CryptoError> {
        let mut nonce = BigNum::from_slice(nonce.expose()).map_err(library)?;
        let power = self.power(&self.g, &nonce)?;
        nonce.clear();
        let shared = BigNum::from_slice(shared.expose()).map_err(library)?;
        let mut ctx = BigNumContext::new().map_err(library)?;
        let mut generator = BigNum::new().map_err(library)?;
        generator.mod_mul(&power, &shared, &self.p, &mut ctx).map_err(library)?;
        self.with_generator(generator)
    }

    /// Integrated mapping: the domain with generator `R^((p-1)/q)`.
    ///
    /// # Errors
    /// When the new generator would be trivial.
    pub fn map_integrated(&self, random: &[u8]) -> Result<Self, CryptoError> {
        let mut ctx = BigNumContext::new().map_err(library)?;
        let (mut reduced, mut cofactor) = (BigNum::new().map_err(library)?, BigNum::new().map_err(library)?);
        let random = BigNum::from_slice(random).map_err(library)?;
        reduced.nnmod(&random, &self.p, &mut ctx).map_err(library)?;
        let mut below = BigNumRef::to_owned(&self.p).map_err(library)?;
        below.sub_word(1).map_err(library)?;
        cofactor.checked_div(&below, &self.q, &mut ctx).map_err(library)?;
        self.with_generator(self.power(&reduced, &cofactor)?)
    }

    fn with_generator(&self, g: BigNum) -> Result<Self, CryptoError> {
        if g.num_bits() < 2 {
            return Err(CryptoError::Invalid("mapped generator"));
        }
        let copy = |number: &BigNumRef| number.to_owned().map_err(library);
        Ok(Self { p: copy(&self.p)?, q: copy(&self.q)?, g })
    }

    /// Length of the prime in bits.
    #[must_use]
    pub fn prime_bits(&self) -> usize {
        self.p.num_bits() as usize
    }
}
