//! Elliptic-curve key agreement: key pairs, shared points, and the mapped generators of PACE.
//!
//! Every encoding has a fixed width: coordinates the field's length, private keys the order's. Cutting
//! leading zeros makes one session in 256 fail.
//!
//! brainpoolP256r1, the curve of the CCCD, runs on RustCrypto's constant-time arithmetic, which is faster than
//! OpenSSL's generic ladder; every other curve runs on OpenSSL.

use super::CryptoError;
use super::curve::Curve;
use super::number::SecretNumber;
use crate::secret::{Entropy, Secret};
use bp256::elliptic_curve::ff::PrimeField as _;
use bp256::elliptic_curve::group::Group as _;
use bp256::elliptic_curve::ops::LinearCombination as _;
use bp256::elliptic_curve::sec1::ToSec1Point as _;
use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::ec::{EcGroup, EcKey, EcPoint, EcPointRef, PointConversionForm};
use openssl::pkey::{PKey, Public};
use zeroize::Zeroizing;

/// A curve with the generator in use: the standard one, or the one that PACE mapped.
pub struct Domain {
    curve: Curve,
    arithmetic: Arithmetic,
}

enum Arithmetic {
    /// The generator is `None` for the curve's own.
    OpenSsl {
        group: EcGroup,
        generator: Option<EcPoint>,
        order: BigNum,
    },
    Bp256 {
        generator: bp256::r1::ProjectivePoint,
    },
}

impl std::fmt::Debug for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Domain({})", self.curve.name())
    }
}

/// A private key that is wiped when dropped, with its public key in uncompressed form.
#[derive(Clone)]
pub struct KeyPair {
    private: Secret,
    public: Vec<u8>,
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyPair")
    }
}

impl KeyPair {
    /// The public point, `04 ‖ x ‖ y` with fixed-width coordinates.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// The private number, big-endian.
    #[must_use]
    pub const fn private(&self) -> &Secret {
        &self.private
    }
}

/// A point that two sides agreed on, wiped when dropped.
pub struct SharedPoint(Secret);

impl SharedPoint {
    /// `04 ‖ x ‖ y`.
    #[must_use]
    pub fn uncompressed(&self) -> &[u8] {
        self.0.expose()
    }

    /// The x coordinate, as wide as the field: the shared secret of ECDH (TR-03111 §4.3).
    #[must_use]
    pub fn x(&self) -> &[u8] {
        x_of(self.0.expose())
    }
}

/// The x coordinate of an uncompressed point; empty when it is none.
#[must_use]
pub fn x_of(uncompressed: &[u8]) -> &[u8] {
    uncompressed.get(1..1 + uncompressed.len() / 2).unwrap_or_default()
}

fn library(_: openssl::error::ErrorStack) -> CryptoError {
    CryptoError::Library("EC")
}

const INVALID_POINT: CryptoError = CryptoError::Invalid("public point");
const INVALID_PRIVATE: CryptoError = CryptoError::Invalid("private key");
const AT_INFINITY: CryptoError = CryptoError::Invalid("shared or mapped point (point at infinity)");

impl Domain {
    /// The standard domain of a curve.
    ///
    /// # Errors
    /// When the library was built without it.
    pub fn standard(curve: Curve) -> Result<Self, CryptoError> {
        if curve == Curve::BrainpoolP256r1 {
            let generator = bp256::r1::ProjectivePoint::generator();
            return Ok(Self { curve, arithmetic: Arithmetic::Bp256 { generator } });
        }
        let group = curve.group()?;
        let mut order = BigNum::new().map_err(library)?;
        group.order(&mut order, &mut *BigNumContext::new().map_err(library)?).map_err(library)?;
        Ok(Self { curve, arithmetic: Arithmetic::OpenSsl { group, generator: None, order } })
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
        match &self.arithmetic {
            Arithmetic::Bp256 { generator } => encode_bp256(generator),
            Arithmetic::OpenSsl { group, generator, .. } => {
                let generator = generator.as_deref().or_else(|| group.generator_opt());
                encode(group, generator.ok_or(CryptoError::Library("EC_GROUP"))?)
            }
        }
    }

    fn order_bits(&self) -> usize {
        match &self.arithmetic {
            Arithmetic::Bp256 { .. } => 256,
            Arithmetic::OpenSsl { order, .. } => order.num_bits() as usize,
        }
    }

    /// A fresh key pair: draws numbers as wide as the order until one lies in `[1, order)`.
    ///
    /// # Errors
    /// When no random bytes come.
    pub fn key_pair(&self, entropy: &mut dyn Entropy) -> Result<KeyPair, CryptoError> {
        let bits = self.order_bits();
        let mut draw = Zeroizing::new(vec![0; bits.div_ceil(8)]);
        // Half of all draws succeed in the worst case; a source that fails 256 times is broken.
        for _ in 0..256 {
            entropy.fill(&mut draw)?;
            draw[0] &= 0xFF >> (draw.len() * 8 - bits);
            match self.key_pair_from_bytes(&draw) {
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
        let public = match &self.arithmetic {
            Arithmetic::Bp256 { generator } => encode_bp256(&(*generator * scalar_bp256(private)?))?,
            Arithmetic::OpenSsl { group, generator, order } => {
                let private = number(private)?;
                if private.num_bits() == 0 || *private >= *order {
                    return Err(INVALID_PRIVATE);
                }
                encode(group, &*multiply(group, generator.as_deref(), &private)?)?
            }
        };
        Ok(KeyPair { private: private.into(), public })
    }

    /// Elliptic curve Diffie-Hellman with a peer's public point, which must lie on the curve.
    ///
    /// # Errors
    /// When the peer's bytes are no valid point or the result is the point at infinity.
    pub fn agree(&self, own: &KeyPair, peer: &[u8]) -> Result<SharedPoint, CryptoError> {
        let shared = match &self.arithmetic {
            Arithmetic::Bp256 { .. } => encode_bp256(&(decode_bp256(peer)? * scalar_bp256(own.private.expose())?))?,
            Arithmetic::OpenSsl { group, .. } => {
                let private = number(own.private.expose())?;
                encode(group, &*multiply(group, Some(&*self.decode(group, peer)?), &private)?)?
            }
        };
        Ok(SharedPoint(Secret::new(shared)))
    }

    /// Generic mapping (ICAO 9303-11 §4.4.3.3.1): the domain with generator `s·G + H`, where `H` is what `own` and
    /// the peer's mapping key agree on.
    ///
    /// # Errors
    /// When the peer's bytes are no valid point or the new generator would be the point at infinity.
    pub fn map_generic(&self, nonce: &Secret, own: &KeyPair, peer: &[u8]) -> Result<Self, CryptoError> {
        let arithmetic = match &self.arithmetic {
            Arithmetic::Bp256 { generator } => {
                // The nonce has at most 32 bytes; a 256-bit one may exceed the order and is reduced.
                let nonce = reduced_bp256(nonce.expose())?;
                let pairs = [(*generator, nonce), (decode_bp256(peer)?, scalar_bp256(own.private.expose())?)];
                let generator = bp256::r1::ProjectivePoint::lincomb(&pairs);
                if bool::from(generator.is_identity()) {
                    return Err(AT_INFINITY);
                }
                Arithmetic::Bp256 { generator }
            }
            Arithmetic::OpenSsl { group, generator, order } => {
                let shared = multiply(group, Some(&*self.decode(group, peer)?), &*number(own.private.expose())?)?;
                let product = multiply(group, generator.as_deref(), &*number(nonce.expose())?)?;
                let mut sum = EcPoint::new(group).map_err(library)?;
                let mut ctx = BigNumContext::new_secure().map_err(library)?;
                sum.add(group, &product, &shared, &mut ctx).map_err(library)?;
                if sum.is_infinity(group) {
                    return Err(AT_INFINITY);
                }
                self.with_generator(sum, order)?
            }
        };
        Ok(Self { curve: self.curve, arithmetic })
    }

    fn with_generator(&self, generator: EcPoint, order: &BigNum) -> Result<Arithmetic, CryptoError> {
        let order = BigNumRef::to_owned(order).map_err(library)?;
        Ok(Arithmetic::OpenSsl { group: self.curve.group()?, generator: Some(generator), order })
    }

    /// Integrated mapping (ICAO 9303-11 §4.4.3.3.2): the domain whose generator is the point that `random` encodes.
    ///
    /// # Errors
    /// When the curve does not allow it (P-224), or the number has no point.
    pub fn map_integrated(&self, random: &[u8]) -> Result<Self, CryptoError> {
        let group = self.curve.group()?;
        let mut ctx = BigNumContext::new().map_err(library)?;
        let [mut p, mut a, mut b] = [(); 3].map(|()| BigNum::new().expect("allocation of a number"));
        group.components_gfp(&mut p, &mut a, &mut b, &mut ctx).map_err(library)?;
        let (x, y) = super::integrated::Weierstrass { p: &p, a: &a, b: &b }.encode(random)?;
        let mut generator = EcPoint::new(&group).map_err(library)?;
        // Setting coordinates checks the curve equation; every curve here has cofactor one.
        generator
            .set_affine_coordinates_gfp(&group, &x, &y, &mut ctx)
            .map_err(|_| CryptoError::Invalid("mapped generator"))?;
        let arithmetic = match &self.arithmetic {
            Arithmetic::Bp256 { .. } => Arithmetic::Bp256 { generator: decode_bp256(&encode(&group, &generator)?)? },
            Arithmetic::OpenSsl { order, .. } => self.with_generator(generator, order)?,
        };
        Ok(Self { curve: self.curve, arithmetic })
    }

    /// Whether `factor` times `point` is `product`: the check of PACE chip-authentication mapping.
    ///
    /// # Errors
    /// When a point is malformed.
    pub fn is_multiple(&self, point: &[u8], factor: &[u8], product: &[u8]) -> Result<bool, CryptoError> {
        let group = self.curve.group()?;
        let computed = multiply(&group, Some(&*self.decode(&group, point)?), &*number(factor)?)?;
        Ok(!computed.is_infinity(&group) && super::equal(&encode(&group, &computed)?, product))
    }

    fn decode(&self, group: &EcGroup, bytes: &[u8]) -> Result<EcPoint, CryptoError> {
        if bytes.len() != 1 + 2 * self.curve.field_len() || bytes[0] != 0x04 {
            return Err(CryptoError::Invalid("public point encoding"));
        }
        let mut ctx = BigNumContext::new().map_err(library)?;
        // Decoding checks that the point satisfies the curve equation.
        EcPoint::from_bytes(group, bytes, &mut ctx).map_err(|_| INVALID_POINT)
    }
}

/// A signature key from an encoded point (uncompressed or compressed).
pub(super) fn signature_key(curve: Curve, point: &[u8]) -> Result<PKey<Public>, CryptoError> {
    let invalid = |_| INVALID_POINT;
    let group = curve.group()?;
    let mut ctx = BigNumContext::new().map_err(library)?;
    let point = EcPoint::from_bytes(&group, point, &mut ctx).map_err(invalid)?;
    if point.is_infinity(&group) {
        return Err(INVALID_POINT);
    }
    let key = EcKey::from_public_key(&group, &point).map_err(invalid)?;
    PKey::from_ec_key(key).map_err(invalid)
}

fn number(bytes: &[u8]) -> Result<SecretNumber, CryptoError> {
    SecretNumber::from_bytes(bytes).map_err(library)
}

fn multiply(group: &EcGroup, point: Option<&EcPointRef>, factor: &BigNum) -> Result<EcPoint, CryptoError> {
    let mut ctx = BigNumContext::new_secure().map_err(library)?;
    let mut result = EcPoint::new(group).map_err(library)?;
    match point {
        Some(point) => result.mul2(group, point, factor, &mut ctx),
        None => result.mul_generator2(group, factor, &mut ctx),
    }
    .map_err(library)?;
    Ok(result)
}

fn encode(group: &EcGroup, point: &EcPointRef) -> Result<Vec<u8>, CryptoError> {
    if point.is_infinity(group) {
        return Err(AT_INFINITY);
    }
    let mut ctx = BigNumContext::new().map_err(library)?;
    point.to_bytes(group, PointConversionForm::UNCOMPRESSED, &mut ctx).map_err(library)
}

fn encode_bp256(point: &bp256::r1::ProjectivePoint) -> Result<Vec<u8>, CryptoError> {
    if bool::from(point.is_identity()) {
        return Err(AT_INFINITY);
    }
    Ok(point.to_affine().to_sec1_point(false).as_bytes().to_vec())
}

fn decode_bp256(bytes: &[u8]) -> Result<bp256::r1::ProjectivePoint, CryptoError> {
    if bytes.len() != 65 || bytes[0] != 0x04 {
        return Err(CryptoError::Invalid("public point encoding"));
    }
    // Decoding checks that the point satisfies the curve equation.
    let key = bp256::elliptic_curve::PublicKey::<bp256::r1::BrainpoolP256r1>::from_sec1_bytes(bytes);
    key.map(|key| key.to_projective()).map_err(|_| INVALID_POINT)
}

fn repr(bytes: &[u8]) -> Result<bp256::elliptic_curve::FieldBytes<bp256::r1::BrainpoolP256r1>, CryptoError> {
    let mut wide = bp256::elliptic_curve::FieldBytes::<bp256::r1::BrainpoolP256r1>::default();
    let start = wide.len().checked_sub(bytes.len()).ok_or(INVALID_PRIVATE)?;
    wide[start..].copy_from_slice(bytes);
    Ok(wide)
}

/// A private key in `[1, order)`.
fn scalar_bp256(bytes: &[u8]) -> Result<bp256::Scalar, CryptoError> {
    let scalar = Option::<bp256::Scalar>::from(bp256::Scalar::from_repr(repr(bytes)?)).ok_or(INVALID_PRIVATE)?;
    if bool::from(bp256::elliptic_curve::ff::Field::is_zero(&scalar)) { Err(INVALID_PRIVATE) } else { Ok(scalar) }
}

fn reduced_bp256(bytes: &[u8]) -> Result<bp256::Scalar, CryptoError> {
    use bp256::elliptic_curve::ops::Reduce as _;
    Ok(bp256::Scalar::reduce(&repr(bytes)?))
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
            let nonce = Secret::new(vec![0xFF; 16]);
            let [left, right] = [(&a, &b), (&b, &a)].map(|(own, peer)| domain.map_generic(&nonce, own, peer.public()));
            assert_eq!(left.expect("map").generator(), right.expect("map").generator());
        }
    }

    /// The two libraries behind one type give the same numbers.
    #[test]
    fn the_faster_arithmetic_agrees_with_openssl() {
        let fast = Domain::standard(Curve::BrainpoolP256r1).expect("curve");
        let group = Curve::BrainpoolP256r1.group().expect("curve");
        let mut order = BigNum::new().expect("number");
        group.order(&mut order, &mut BigNumContext::new().expect("context")).expect("order");
        let slow =
            Domain { curve: Curve::BrainpoolP256r1, arithmetic: Arithmetic::OpenSsl { group, generator: None, order } };
        assert_eq!(fast.generator(), slow.generator());
        for _ in 0..20 {
            let (a, b) =
                (fast.key_pair(&mut SystemEntropy).expect("key"), slow.key_pair(&mut SystemEntropy).expect("key"));
            let same = slow.key_pair_from_bytes(a.private().expose()).expect("key");
            assert_eq!(same.public(), a.public());
            let shared = |domain: &Domain| domain.agree(&a, b.public()).expect("agree").uncompressed().to_vec();
            assert_eq!(shared(&fast), shared(&slow));
            // A nonce of 32 bytes may exceed the order.
            for nonce in [vec![0x01; 16], vec![0xFF; 32], vec![0; 16]] {
                let nonce = Secret::new(nonce);
                let map = |domain: &Domain| domain.map_generic(&nonce, &a, b.public()).expect("map");
                let (fast, slow) = (map(&fast), map(&slow));
                assert_eq!(fast.generator(), slow.generator());
                let key = fast.key_pair(&mut SystemEntropy).expect("key");
                assert_eq!(slow.key_pair_from_bytes(key.private().expose()).expect("key").public(), key.public());
            }
        }
        for private in [vec![0; 32], vec![0xFF; 32], vec![1; 33]] {
            assert!(fast.key_pair_from_bytes(&private).is_err());
            assert!(slow.key_pair_from_bytes(&private).is_err());
        }
    }

    #[test]
    fn points_off_the_curve_are_refused() {
        for curve in [Curve::BrainpoolP256r1, Curve::Secp256r1] {
            let domain = Domain::standard(curve).expect("curve");
            let key = domain.key_pair(&mut SystemEntropy).expect("key");
            let mut point = key.public().to_vec();
            point[40] ^= 1;
            assert_eq!(domain.agree(&key, &point).err(), Some(INVALID_POINT));
            assert!(domain.map_generic(&Secret::new(vec![1; 16]), &key, &point).is_err());
            assert!(domain.agree(&key, &[0]).is_err());
            assert!(domain.agree(&key, &[]).is_err());
        }
    }
}
