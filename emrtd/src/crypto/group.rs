//! One face for both kinds of group on which PACE and chip authentication agree on keys: curves and MODP groups.

use super::domain::x_of;
use super::integrated::random_function;
use super::{Cipher, CryptoError, Curve, DhDomain, DhKeyPair, Domain, HashAlgorithm, KeyPair, ModpGroup};
use crate::secret::{Entropy, Secret};
use std::collections::VecDeque;

/// A group of the standardised domain parameters (ICAO 9303-11 §9.5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NamedGroup {
    /// A curve, ids 8 to 18.
    Ec(Curve),
    /// A MODP group, ids 0 to 2.
    Dh(ModpGroup),
}

impl NamedGroup {
    /// By standardised domain parameter id.
    #[must_use]
    pub fn from_parameter_id(id: u32) -> Option<Self> {
        Curve::from_parameter_id(id).map(Self::Ec).or_else(|| ModpGroup::from_parameter_id(id).map(Self::Dh))
    }

    /// The name of the domain parameters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ec(curve) => curve.name(),
            Self::Dh(group) => group.name(),
        }
    }
}

/// A group with the generator in use.
#[derive(Debug)]
pub enum Group {
    /// On a curve.
    Ec(Domain),
    /// Modulo a prime.
    Dh(DhDomain),
}

/// A key pair of either kind, wiped when dropped.
#[derive(Debug, Clone)]
pub enum GroupKey {
    /// On a curve.
    Ec(KeyPair),
    /// Modulo a prime.
    Dh(DhKeyPair),
}

impl GroupKey {
    /// The public key as it stands in commands: an uncompressed point or an unsigned integer.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        match self {
            Self::Ec(key) => key.public(),
            Self::Dh(key) => key.public(),
        }
    }

    /// The private key, big-endian.
    #[must_use]
    pub const fn private(&self) -> &Secret {
        match self {
            Self::Ec(key) => key.private(),
            Self::Dh(key) => key.private(),
        }
    }

    /// Comp of this public key; see [`compress`].
    #[must_use]
    pub fn compressed(&self) -> Vec<u8> {
        compress(self.public(), matches!(self, Self::Ec(_)))
    }
}

/// Comp of a public key, as terminal authentication signs it (TR-03110-3 §A.2.2.3): the x coordinate of a point, or
/// SHA-1 of a DH key.
#[must_use]
pub fn compress(public: &[u8], is_point: bool) -> Vec<u8> {
    if is_point { x_of(public).to_vec() } else { HashAlgorithm::Sha1.digest(public) }
}

const MISMATCH: CryptoError = CryptoError::Invalid("key for this group");

impl Group {
    /// The standard domain of a named group.
    ///
    /// # Errors
    /// When the library was built without it.
    pub fn standard(name: NamedGroup) -> Result<Self, CryptoError> {
        match name {
            NamedGroup::Ec(curve) => Domain::standard(curve).map(Self::Ec),
            NamedGroup::Dh(group) => DhDomain::standard(group).map(Self::Dh),
        }
    }

    /// A fresh key pair.
    ///
    /// # Errors
    /// When no random bytes come.
    pub fn key_pair(&self, entropy: &mut dyn Entropy) -> Result<GroupKey, CryptoError> {
        match self {
            Self::Ec(domain) => domain.key_pair(entropy).map(GroupKey::Ec),
            Self::Dh(domain) => domain.key_pair(entropy).map(GroupKey::Dh),
        }
    }

    /// The key pair of a known private key.
    ///
    /// # Errors
    /// When the number is no private key of this group.
    pub fn key_pair_from_bytes(&self, private: &[u8]) -> Result<GroupKey, CryptoError> {
        match self {
            Self::Ec(domain) => domain.key_pair_from_bytes(private).map(GroupKey::Ec),
            Self::Dh(domain) => domain.key_pair_from_bytes(private).map(GroupKey::Dh),
        }
    }

    /// The shared secret as key derivation takes it: the x coordinate, or the number as long as the prime.
    ///
    /// # Errors
    /// When the peer's key is not one of this group.
    pub fn agree(&self, own: &GroupKey, peer: &[u8]) -> Result<Secret, CryptoError> {
        match (self, own) {
            (Self::Ec(domain), GroupKey::Ec(own)) => domain.agree(own, peer).map(|point| point.x().into()),
            (Self::Dh(domain), GroupKey::Dh(own)) => domain.agree(own, peer),
            _ => Err(MISMATCH),
        }
    }

    /// Generic mapping of the nonce.
    ///
    /// # Errors
    /// When the peer's key is not one of this group, or the new generator would be trivial.
    pub fn map_generic(&self, nonce: &Secret, own: &GroupKey, peer: &[u8]) -> Result<Self, CryptoError> {
        match (self, own) {
            (Self::Ec(domain), GroupKey::Ec(own)) => domain.map_generic(nonce, own, peer).map(Self::Ec),
            (Self::Dh(domain), GroupKey::Dh(own)) => domain.map_generic(nonce, own, peer).map(Self::Dh),
            _ => Err(MISMATCH),
        }
    }

    /// Integrated mapping of both nonces.
    ///
    /// # Errors
    /// When the curve does not allow it, or the number has no point.
    pub fn map_integrated(&self, cipher: Cipher, s: &Secret, t: &[u8]) -> Result<Self, CryptoError> {
        match self {
            Self::Ec(domain) => {
                let bits = domain.curve().field_bits();
                domain.map_integrated(&random_function(cipher, s, t, bits)).map(Self::Ec)
            }
            Self::Dh(domain) => {
                domain.map_integrated(&random_function(cipher, s, t, domain.prime_bits())).map(Self::Dh)
            }
        }
    }
}

/// Key pairs made before a card comes, so that nobody waits for them: each is handed out once.
#[derive(Debug, Default)]
pub struct KeyReserve(Vec<(NamedGroup, VecDeque<GroupKey>)>);

impl KeyReserve {
    /// Makes key pairs until there are `count` of this group.
    ///
    /// # Errors
    /// When no random bytes come.
    pub fn fill(&mut self, group: NamedGroup, count: usize, entropy: &mut dyn Entropy) -> Result<(), CryptoError> {
        let at = self.0.iter().position(|(known, _)| *known == group).unwrap_or_else(|| {
            self.0.push((group, VecDeque::new()));
            self.0.len() - 1
        });
        let keys = &mut self.0[at].1;
        if keys.len() < count {
            let domain = Group::standard(group)?;
            while keys.len() < count {
                keys.push_back(domain.key_pair(entropy)?);
            }
        }
        Ok(())
    }

    /// Hands out a key pair of this group, if there is one.
    pub fn take(&mut self, group: NamedGroup) -> Option<GroupKey> {
        self.0.iter_mut().find(|(known, _)| *known == group)?.1.pop_front()
    }

    /// How many key pairs of this group there are.
    #[must_use]
    pub fn len(&self, group: NamedGroup) -> usize {
        self.0.iter().find(|(known, _)| *known == group).map_or(0, |(_, keys)| keys.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SystemEntropy;

    #[test]
    fn a_key_pair_of_the_reserve_is_handed_out_once() {
        let group = NamedGroup::Ec(Curve::BrainpoolP256r1);
        let mut reserve = KeyReserve::default();
        reserve.fill(group, 2, &mut SystemEntropy).expect("keys");
        reserve.fill(group, 2, &mut SystemEntropy).expect("keys");
        assert_eq!(reserve.len(group), 2);
        assert!(reserve.take(NamedGroup::Dh(ModpGroup::Modp2048Sub256)).is_none());
        let keys = [(); 3].map(|()| reserve.take(group));
        let [Some(first), Some(second), None] = keys else { panic!("two keys") };
        assert_ne!(first.public(), second.public());
    }
}
