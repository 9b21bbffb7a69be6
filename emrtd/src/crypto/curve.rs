//! Elliptic curves of the standardised domain parameters (ICAO 9303-11 §9.5.1, ids 8 to 18) and the point
//! arithmetic of PACE generic mapping and chip authentication.
//!
//! Every encoding has a fixed width: coordinates the field's length, private keys the order's. Cutting
//! leading zeros makes one session in 256 fail.

use super::CryptoError;
use crate::oid::{self, Oid};
use crate::secret::{Entropy, Secret};
use crate::tlv::{Tlv, tag};
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint, EcPointRef, PointConversionForm};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Public};
use std::sync::OnceLock;

/// A named prime curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are the curves'")]
pub enum Curve {
    Secp192r1,
    BrainpoolP192r1,
    Secp224r1,
    BrainpoolP224r1,
    Secp256r1,
    BrainpoolP256r1,
    BrainpoolP320r1,
    Secp384r1,
    BrainpoolP384r1,
    BrainpoolP512r1,
    Secp521r1,
}

impl Curve {
    /// Every curve, in the order of its standardised domain parameter id.
    pub const ALL: [Self; 11] = [
        Self::Secp192r1,
        Self::BrainpoolP192r1,
        Self::Secp224r1,
        Self::BrainpoolP224r1,
        Self::Secp256r1,
        Self::BrainpoolP256r1,
        Self::BrainpoolP320r1,
        Self::Secp384r1,
        Self::BrainpoolP384r1,
        Self::BrainpoolP512r1,
        Self::Secp521r1,
    ];

    /// The standardised domain parameter id (ICAO 9303-11 table 8), 8 to 18.
    #[must_use]
    pub const fn parameter_id(self) -> u8 {
        8 + self as u8
    }

    /// By standardised domain parameter id.
    #[must_use]
    pub fn from_parameter_id(id: u32) -> Option<Self> {
        let index = usize::try_from(id).ok()?.checked_sub(8)?;
        Self::ALL.get(index).copied()
    }

    /// The name as OpenSSL and RFC 5639 / SEC 2 write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secp192r1 => "secp192r1",
            Self::BrainpoolP192r1 => "brainpoolP192r1",
            Self::Secp224r1 => "secp224r1",
            Self::BrainpoolP224r1 => "brainpoolP224r1",
            Self::Secp256r1 => "secp256r1",
            Self::BrainpoolP256r1 => "brainpoolP256r1",
            Self::BrainpoolP320r1 => "brainpoolP320r1",
            Self::Secp384r1 => "secp384r1",
            Self::BrainpoolP384r1 => "brainpoolP384r1",
            Self::BrainpoolP512r1 => "brainpoolP512r1",
            Self::Secp521r1 => "secp521r1",
        }
    }

    /// Length of a coordinate in bytes.
    #[must_use]
    pub const fn field_len(self) -> usize {
        match self {
            Self::Secp192r1 | Self::BrainpoolP192r1 => 24,
            Self::Secp224r1 | Self::BrainpoolP224r1 => 28,
            Self::Secp256r1 | Self::BrainpoolP256r1 => 32,
            Self::BrainpoolP320r1 => 40,
            Self::Secp384r1 | Self::BrainpoolP384r1 => 48,
            Self::BrainpoolP512r1 => 64,
            Self::Secp521r1 => 66,
        }
    }

    /// Length of the field's prime in bits.
    #[must_use]
    pub const fn field_bits(self) -> usize {
        match self {
            Self::Secp521r1 => 521,
            other => other.field_len() * 8,
        }
    }

    const fn nid(self) -> Nid {
        match self {
            Self::Secp192r1 => Nid::X9_62_PRIME192V1,
            Self::BrainpoolP192r1 => Nid::BRAINPOOL_P192R1,
            Self::Secp224r1 => Nid::SECP224R1,
            Self::BrainpoolP224r1 => Nid::BRAINPOOL_P224R1,
            Self::Secp256r1 => Nid::X9_62_PRIME256V1,
            Self::BrainpoolP256r1 => Nid::BRAINPOOL_P256R1,
            Self::BrainpoolP320r1 => Nid::BRAINPOOL_P320R1,
            Self::Secp384r1 => Nid::SECP384R1,
            Self::BrainpoolP384r1 => Nid::BRAINPOOL_P384R1,
            Self::BrainpoolP512r1 => Nid::BRAINPOOL_P512R1,
            Self::Secp521r1 => Nid::SECP521R1,
        }
    }

    fn group(self) -> Result<EcGroup, CryptoError> {
        EcGroup::from_curve_name(self.nid()).map_err(|_| CryptoError::unsupported("curve", self.name()))
    }

    /// By a namedCurve object identifier.
    #[must_use]
    pub fn from_oid(oid: Oid<'_>) -> Option<Self> {
        let dotted = openssl::asn1::Asn1Object::from_str(&oid.to_string()).ok()?;
        Self::ALL.into_iter().find(|curve| curve.nid() == dotted.nid())
    }

    /// By AlgorithmIdentifier parameters: a namedCurve, or explicit ECParameters (X9.62) that equal those of a
    /// named curve in field, coefficients, generator, order and cofactor. Nothing else is accepted, because
    /// signatures over chosen parameters can be forged.
    ///
    /// # Errors
    /// When the bytes are malformed or describe another curve.
    pub fn from_parameters(parameters: &Tlv<'_>) -> Result<(Self, ParameterForm), CryptoError> {
        if parameters.tag == tag::OID {
            let oid = Oid(parameters.value);
            let curve = Self::from_oid(oid).ok_or_else(|| CryptoError::unsupported("curve", oid))?;
            return Ok((curve, ParameterForm::Named));
        }
        let explicit = Explicit::read(parameters).map_err(CryptoError::malformed("explicit EC parameters"))?;
        Self::ALL
            .into_iter()
            .find(|curve| explicit.matches(curve.components()))
            .map(|curve| (curve, ParameterForm::Explicit))
            .ok_or_else(|| CryptoError::unsupported("curve", "explicit parameters of no named curve"))
    }

    fn components(self) -> &'static Components {
        static ALL: [OnceLock<Components>; 11] = [const { OnceLock::new() }; 11];
        ALL[self as usize].get_or_init(|| Components::of(self).expect("the library has every named curve"))
    }
}

/// How a certificate names its curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterForm {
    /// By object identifier.
    Named,
    /// By explicit field, coefficients, generator and order, as ICAO 9303-12 prescribes.
    Explicit,
}

/// The numbers of a curve, without leading zeros.
struct Components {
    p: Vec<u8>,
    a: Vec<u8>,
    b: Vec<u8>,
    order: Vec<u8>,
    uncompressed: Vec<u8>,
    compressed: Vec<u8>,
}

impl Components {
    fn of(curve: Curve) -> Result<Self, CryptoError> {
        let library = |_| CryptoError::Library("EC_GROUP");
        let group = curve.group()?;
        let mut ctx = BigNumContext::new().map_err(library)?;
        let [mut p, mut a, mut b, mut order] = [(); 4].map(|()| BigNum::new().expect("allocation of a number"));
        group.components_gfp(&mut p, &mut a, &mut b, &mut ctx).map_err(library)?;
        group.order(&mut order, &mut ctx).map_err(library)?;
        let mut encode = |form| {
            let generator = group.generator_opt().ok_or(CryptoError::Library("EC_GROUP"))?;
            generator.to_bytes(&group, form, &mut ctx).map_err(library)
        };
        Ok(Self {
            p: p.to_vec(),
            a: a.to_vec(),
            b: b.to_vec(),
            order: order.to_vec(),
            uncompressed: encode(PointConversionForm::UNCOMPRESSED)?,
            compressed: encode(PointConversionForm::COMPRESSED)?,
        })
    }
}

/// ECParameters as read from a certificate.
struct Explicit<'a> {
    p: &'a [u8],
    a: &'a [u8],
    b: &'a [u8],
    base: &'a [u8],
    order: &'a [u8],
    cofactor: Option<&'a [u8]>,
}

impl<'a> Explicit<'a> {
    fn read(parameters: &Tlv<'a>) -> Result<Self, crate::tlv::TlvError> {
        use crate::tlv::TlvError;
        if parameters.tag != tag::SEQUENCE {
            return Err(TlvError::Unexpected { expected: tag::SEQUENCE, found: parameters.tag });
        }
        let mut fields = parameters.children();
        fields.expect(tag::INTEGER)?;
        let mut field_id = fields.expect(tag::SEQUENCE)?.children();
        if Oid(field_id.expect(tag::OID)?.value) != oid::PRIME_FIELD {
            return Err(TlvError::Value("not a prime field"));
        }
        let p = field_id.expect(tag::INTEGER)?.uint_bytes()?;
        let mut coefficients = fields.expect(tag::SEQUENCE)?.children();
        let a = trim(coefficients.expect(tag::OCTET_STRING)?.value);
        let b = trim(coefficients.expect(tag::OCTET_STRING)?.value);
        let base = fields.expect(tag::OCTET_STRING)?.value;
        let order = fields.expect(tag::INTEGER)?.uint_bytes()?;
        let cofactor = fields.optional(tag::INTEGER)?.map(|t| t.uint_bytes()).transpose()?;
        Ok(Self { p, a, b, base, order, cofactor })
    }

    fn matches(&self, named: &Components) -> bool {
        self.p == named.p
            && self.a == named.a
            && self.b == named.b
            && self.order == named.order
            && (self.base == named.uncompressed || self.base == named.compressed)
            // Every curve here has cofactor one.
            && self.cofactor.is_none_or(|h| h == [1])
    }
}

fn trim(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    &bytes[zeros..]
}

/// A curve with the generator in use: the standard one, or the one that PACE mapped.
pub struct Domain {
    curve: Curve,
    group: EcGroup,
    /// `None` for the curve's own generator, which has the faster multiplication.
    generator: Option<EcPoint>,
    order: BigNum,
}

impl std::fmt::Debug for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Domain({}, mapped: {})", self.curve.name(), self.generator.is_some())
    }
}

/// A private key that is wiped when dropped, with its public key in uncompressed form.
pub struct KeyPair {
    private: BigNum,
    public: Vec<u8>,
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyPair")
    }
}

impl Drop for KeyPair {
    fn drop(&mut self) {
        self.private.clear();
    }
}

impl KeyPair {
    /// The public point, `04 ‖ x ‖ y` with fixed-width coordinates.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        &self.public
    }
}

/// A point that two sides agreed on; its encoding is wiped when dropped.
pub struct SharedPoint {
    point: EcPoint,
    encoded: Secret,
}

impl SharedPoint {
    /// `04 ‖ x ‖ y`.
    #[must_use]
    pub fn uncompressed(&self) -> &[u8] {
        self.encoded.expose()
    }

    /// The x coordinate, as wide as the field: the shared secret of ECDH (TR-03111 §4.3).
    #[must_use]
    pub fn x(&self) -> &[u8] {
        let encoded = self.encoded.expose();
        &encoded[1..1 + (encoded.len() - 1) / 2]
    }
}

impl Domain {
    /// The standard domain of a curve.
    ///
    /// # Errors
    /// When the library was built without it.
    pub fn standard(curve: Curve) -> Result<Self, CryptoError> {
        let library = |_| CryptoError::Library("EC_GROUP");
        let group = curve.group()?;
        let mut order = BigNum::new().map_err(library)?;
        let mut ctx = BigNumContext::new().map_err(library)?;
        group.order(&mut order, &mut ctx).map_err(library)?;
        Ok(Self { curve, group, generator: None, order })
    }

    /// The curve.
    #[must_use]
    pub const fn curve(&self) -> Curve {
        self.curve
    }

    /// The generator in use, `04 ‖ x ‖ y`.
    ///
    /// # Errors
    /// When the library fails.
    pub fn generator(&self) -> Result<Vec<u8>, CryptoError> {
        let generator = self.generator.as_deref().or_else(|| self.group.generator_opt());
        self.encode(generator.ok_or(CryptoError::Library("EC_GROUP"))?)
    }

    /// A fresh key pair: draws numbers as wide as the order until one lies in `[1, order)`.
    ///
    /// # Errors
    /// When no random bytes come.
    pub fn key_pair(&self, entropy: &mut dyn Entropy) -> Result<KeyPair, CryptoError> {
        let mut draw = zeroize::Zeroizing::new(vec![0; (self.order.num_bits() as usize).div_ceil(8)]);
        // Half of all draws succeed in the worst case; a source that fails 256 times is broken.
        for _ in 0..256 {
            entropy.fill(&mut draw)?;
            match self.key_pair_from_draw(&draw) {
                Err(CryptoError::Invalid(_)) => {}
                result => return result,
            }
        }
        Err(CryptoError::Entropy(crate::secret::EntropyError))
    }

    /// The key pair of a known private key (big-endian), for card sides and evidence checks.
    ///
    /// # Errors
    /// When the number is not in `[1, order)`.
    pub fn key_pair_from_bytes(&self, private: &[u8]) -> Result<KeyPair, CryptoError> {
        let mut private = BigNum::from_slice(private).map_err(|_| CryptoError::Library("BN"))?;
        private.set_const_time();
        if private.num_bits() == 0 || private >= self.order {
            return Err(CryptoError::Invalid("private key"));
        }
        self.key_pair_from(private)
    }

    /// The key pair that [`Self::key_pair`] makes of one draw.
    pub(crate) fn key_pair_from_draw(&self, draw: &[u8]) -> Result<KeyPair, CryptoError> {
        let bits = self.order.num_bits() as usize;
        let mut bytes = zeroize::Zeroizing::new(draw.to_vec());
        if bytes.len() != bits.div_ceil(8) {
            return Err(CryptoError::Invalid("private key"));
        }
        bytes[0] &= 0xFF >> (bytes.len() * 8 - bits);
        self.key_pair_from_bytes(&bytes)
    }

    fn key_pair_from(&self, private: BigNum) -> Result<KeyPair, CryptoError> {
        let point = self.multiply(self.generator.as_deref(), &private)?;
        Ok(KeyPair { public: self.encode(&point)?, private })
    }

    /// Elliptic curve Diffie-Hellman with a peer's public point, which must lie on the curve.
    ///
    /// # Errors
    /// When the peer's bytes are no valid point or the result is the point at infinity.
    pub fn agree(&self, own: &KeyPair, peer: &[u8]) -> Result<SharedPoint, CryptoError> {
        let peer = self.decode(peer)?;
        let point = self.multiply(Some(&peer), &own.private)?;
        if point.is_infinity(&self.group) {
            return Err(CryptoError::Invalid("shared secret (point at infinity)"));
        }
        let encoded = Secret::new(self.encode(&point)?);
        Ok(SharedPoint { point, encoded })
    }

    /// Generic mapping (ICAO 9303-11 §4.4.3.3.1): the domain with generator `s·G + H`.
    ///
    /// # Errors
    /// When the new generator would be the point at infinity.
    pub fn map_generic(&self, nonce: &Secret, shared: &SharedPoint) -> Result<Self, CryptoError> {
        let library = |_| CryptoError::Library("EC_POINT");
        let mut nonce = BigNum::from_slice(nonce.expose()).map_err(library)?;
        let product = self.multiply(self.generator.as_deref(), &nonce)?;
        nonce.clear();
        let mut ctx = BigNumContext::new().map_err(library)?;
        let mut generator = EcPoint::new(&self.group).map_err(library)?;
        generator.add(&self.group, &product, &shared.point, &mut ctx).map_err(library)?;
        if generator.is_infinity(&self.group) {
            return Err(CryptoError::Invalid("mapped generator (point at infinity)"));
        }
        let order = self.order.to_owned().map_err(library)?;
        Ok(Self { curve: self.curve, group: self.curve.group()?, generator: Some(generator), order })
    }

    /// Integrated mapping (ICAO 9303-11 §4.4.3.3.2): the domain whose generator is the point that `random` encodes.
    ///
    /// # Errors
    /// When the curve does not allow it (P-224), or the number has no point.
    pub fn map_integrated(&self, random: &[u8]) -> Result<Self, CryptoError> {
        let library = |_| CryptoError::Library("EC_POINT");
        let mut ctx = BigNumContext::new().map_err(library)?;
        let [mut p, mut a, mut b] = [(); 3].map(|()| BigNum::new().expect("allocation of a number"));
        self.group.components_gfp(&mut p, &mut a, &mut b, &mut ctx).map_err(library)?;
        let (x, y) = super::integrated::Weierstrass { p: &p, a: &a, b: &b }.encode(random)?;
        let mut generator = EcPoint::new(&self.group).map_err(library)?;
        // Setting coordinates checks the curve equation; every curve here has cofactor one.
        generator
            .set_affine_coordinates_gfp(&self.group, &x, &y, &mut ctx)
            .map_err(|_| CryptoError::Invalid("mapped generator"))?;
        let order = self.order.to_owned().map_err(library)?;
        Ok(Self { curve: self.curve, group: self.curve.group()?, generator: Some(generator), order })
    }

    /// Whether `factor` times `point` is `product`: the check of PACE chip-authentication mapping.
    ///
    /// # Errors
    /// When a point is malformed.
    pub fn is_multiple(&self, point: &[u8], factor: &[u8], product: &[u8]) -> Result<bool, CryptoError> {
        let factor = BigNum::from_slice(factor).map_err(|_| CryptoError::Library("BN"))?;
        let computed = self.multiply(Some(&*self.decode(point)?), &factor)?;
        Ok(super::equal(&self.encode(&computed)?, product))
    }

    fn multiply(&self, point: Option<&EcPointRef>, factor: &BigNum) -> Result<EcPoint, CryptoError> {
        let library = |_| CryptoError::Library("EC_POINT_mul");
        let mut ctx = BigNumContext::new_secure().map_err(library)?;
        let mut result = EcPoint::new(&self.group).map_err(library)?;
        match point {
            Some(point) => result.mul2(&self.group, point, factor, &mut ctx),
            None => result.mul_generator2(&self.group, factor, &mut ctx),
        }
        .map_err(library)?;
        Ok(result)
    }

    fn encode(&self, point: &EcPointRef) -> Result<Vec<u8>, CryptoError> {
        let library = |_| CryptoError::Library("EC_POINT_point2oct");
        let mut ctx = BigNumContext::new().map_err(library)?;
        point.to_bytes(&self.group, PointConversionForm::UNCOMPRESSED, &mut ctx).map_err(library)
    }

    fn decode(&self, bytes: &[u8]) -> Result<EcPoint, CryptoError> {
        if bytes.len() != 1 + 2 * self.curve.field_len() || bytes[0] != 0x04 {
            return Err(CryptoError::Invalid("public point encoding"));
        }
        let mut ctx = BigNumContext::new().map_err(|_| CryptoError::Library("BN_CTX"))?;
        // Decoding checks that the point satisfies the curve equation.
        EcPoint::from_bytes(&self.group, bytes, &mut ctx).map_err(|_| CryptoError::Invalid("public point"))
    }

    /// A signature key from an encoded point (uncompressed or compressed).
    pub(crate) fn public_key(&self, point: &[u8]) -> Result<PKey<Public>, CryptoError> {
        let invalid = |_| CryptoError::Invalid("public point");
        let mut ctx = BigNumContext::new().map_err(|_| CryptoError::Library("BN_CTX"))?;
        let point = EcPoint::from_bytes(&self.group, point, &mut ctx).map_err(invalid)?;
        if point.is_infinity(&self.group) {
            return Err(CryptoError::Invalid("public point"));
        }
        let key = EcKey::from_public_key(&self.group, &point).map_err(invalid)?;
        PKey::from_ec_key(key).map_err(invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SystemEntropy;

    #[test]
    fn both_sides_agree_on_every_curve_at_full_width() {
        for curve in Curve::ALL {
            assert_eq!(Curve::from_parameter_id(curve.parameter_id().into()), Some(curve));
            let domain = Domain::standard(curve).expect("curve");
            let a = domain.key_pair(&mut SystemEntropy).expect("key");
            let b = domain.key_pair(&mut SystemEntropy).expect("key");
            let ab = domain.agree(&a, b.public()).expect("agree");
            let ba = domain.agree(&b, a.public()).expect("agree");
            assert_eq!(ab.uncompressed(), ba.uncompressed());
            assert_eq!(ab.x().len(), curve.field_len());
        }
    }

    #[test]
    fn points_off_the_curve_are_refused() {
        let domain = Domain::standard(Curve::BrainpoolP256r1).expect("curve");
        let key = domain.key_pair(&mut SystemEntropy).expect("key");
        let mut point = key.public().to_vec();
        point[40] ^= 1;
        assert_eq!(domain.agree(&key, &point).err(), Some(CryptoError::Invalid("public point")));
        assert!(domain.agree(&key, &[0]).is_err());
        assert!(domain.agree(&key, &[]).is_err());
    }
}
