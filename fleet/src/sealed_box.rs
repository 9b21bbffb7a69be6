//! Something that only one device can open: ECDH with its box key (P-256, ephemeral sender), HKDF-like SHA-256,
//! AES-256-GCM.
//!
//! Layout: the sender's point (65, uncompressed), tag (16), ciphertext. The key is SHA-256 of `cccd-box-v1`, the agreed
//! x coordinate, the sender's and the receiver's points; as it is used once, the nonce is zero.

use crate::FleetError;
use openssl::bn::{BigNum, BigNumContext};
use openssl::derive::Deriver;
use openssl::ec::{EcGroup, EcKey, EcPoint, PointConversionForm};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private, Public};
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use zeroize::Zeroizing;

const POINT: usize = 65;
const NONCE: [u8; 12] = [0; 12];

/// The box key that belongs to a secret of the key store.
///
/// # Errors
/// When the cryptographic library fails.
pub fn key(secret: &[u8; 32]) -> Result<EcKey<Private>, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let (mut order, mut context) = (BigNum::new()?, BigNumContext::new()?);
    group.order(&mut order, &mut context)?;
    // 32 bytes of a hash reduced modulo the order, which is near 2^256: the bias is far below what matters.
    let hash = Zeroizing::new(openssl::sha::sha256(&Zeroizing::new([&b"cccd-box-key-v1"[..], secret].concat())));
    let mut scalar = BigNum::new_secure()?;
    scalar.nnmod(&*BigNum::from_slice(&*hash)?, &order, &mut context)?;
    let mut point = EcPoint::new(&group)?;
    point.mul_generator2(&group, &scalar, &mut context)?;
    EcKey::from_private_components(&group, &scalar, &point)
}

pub(crate) fn point(key: &EcKey<Public>) -> Result<Vec<u8>, ErrorStack> {
    key.public_key().to_bytes(key.group(), PointConversionForm::UNCOMPRESSED, &mut *BigNumContext::new()?)
}

fn public(bytes: &[u8]) -> Result<EcKey<Public>, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let point = EcPoint::from_bytes(&group, bytes, &mut *BigNumContext::new()?)?;
    let key = EcKey::from_public_key(&group, &point)?;
    key.check_key()?;
    Ok(key)
}

/// The public half, an uncompressed point.
///
/// # Errors
/// When the cryptographic library fails.
pub fn public_point(key: &EcKey<Private>) -> Result<Vec<u8>, ErrorStack> {
    key.public_key().to_bytes(key.group(), PointConversionForm::UNCOMPRESSED, &mut *BigNumContext::new()?)
}

fn agree(own: EcKey<Private>, other: EcKey<Public>, points: [&[u8]; 2]) -> Result<Zeroizing<[u8; 32]>, ErrorStack> {
    let (own, other) = (PKey::from_ec_key(own)?, PKey::from_ec_key(other)?);
    let mut deriver = Deriver::new(&own)?;
    deriver.set_peer(&other)?;
    let agreed = Zeroizing::new(deriver.derive_to_vec()?);
    let mut hasher = openssl::sha::Sha256::new();
    for part in [&b"cccd-box-v1"[..], &agreed, points[0], points[1]] {
        hasher.update(part);
    }
    Ok(Zeroizing::new(hasher.finish()))
}

/// Seals for the device with this box key.
///
/// # Errors
/// When the key is no point of the curve.
pub fn seal(receiver: &[u8], plain: &[u8]) -> Result<Vec<u8>, FleetError> {
    let receiver_key = public(receiver).map_err(|_| FleetError::Malformed("box key"))?;
    let sender = EcKey::generate(receiver_key.group())?;
    let sender_point = public_point(&sender)?;
    let key = agree(sender, receiver_key, [&sender_point, receiver])?;
    let mut tag = [0; 16];
    let sealed = encrypt_aead(Cipher::aes_256_gcm(), &*key, Some(&NONCE), &[], plain, &mut tag)?;
    Ok([&sender_point[..], &tag, &sealed].concat())
}

/// Opens what was sealed for this box key.
///
/// # Errors
/// [`FleetError::Sealed`] when it was sealed for another, or changed.
pub fn open(own: &EcKey<Private>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, FleetError> {
    let (sender_point, rest) = sealed.split_at_checked(POINT).ok_or(FleetError::Sealed)?;
    let (tag, sealed) = rest.split_at_checked(16).ok_or(FleetError::Sealed)?;
    let sender = public(sender_point).map_err(|_| FleetError::Sealed)?;
    let own_public = EcKey::from_public_key(own.group(), own.public_key())?;
    let key = agree(own.clone(), sender, [sender_point, &point(&own_public)?])?;
    let plain = decrypt_aead(Cipher::aes_256_gcm(), &*key, Some(&NONCE), &[], sealed, tag);
    plain.map(Zeroizing::new).map_err(|_| FleetError::Sealed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_receiver_opens_and_changes_are_seen() {
        let (own, other) = (key(&[1; 32]).expect("key"), key(&[2; 32]).expect("key"));
        assert_eq!(public_point(&own).expect("point"), public_point(&key(&[1; 32]).expect("key")).expect("point"));
        let sealed = seal(&public_point(&own).expect("point"), b"site key").expect("sealed");
        assert_eq!(open(&own, &sealed).expect("open").as_slice(), b"site key");
        assert!(matches!(open(&other, &sealed), Err(FleetError::Sealed)));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(&own, &changed).is_err(), "byte {at}");
            assert!(open(&own, &sealed[..at]).is_err(), "{at} bytes");
        }
        assert!(seal(&[4; 65], b"x").is_err(), "a point off the curve");
        assert_eq!(seal(&[0], b"x").expect_err("the point at infinity").code(), "fleet_malformed");
    }
}
