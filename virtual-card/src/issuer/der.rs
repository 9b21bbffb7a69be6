//! The DER that issuing takes.

use emrtd::hazmat::tlv::encode;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroupRef, PointConversionForm};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;

pub(super) const OID_EC_PUBLIC_KEY: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
pub(super) const OID_PRIME_FIELD: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x01, 0x01];
pub(super) const OID_ECDSA: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03];
pub(super) const OID_ECDSA_PLAIN: &[u8] = &[0x04, 0x00, 0x7F, 0x00, 0x07, 0x01, 0x01, 0x04, 0x01];
pub(super) const OID_RSA_PSS: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0A];
/// 2.23.136.1.1, under which ICAO's security objects stand.
pub(super) const OID_ICAO: &[u8] = &[0x67, 0x81, 0x08, 0x01, 0x01];
pub(super) const OID_RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01];
pub(super) const OID_MGF1: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x08];
pub(super) const OID_SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
pub(super) const OID_DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01];
pub(super) const OID_SIGNED_DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];
pub(super) const OID_PKCS9: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09];
pub(super) const OID_SECURITY_OBJECT: &[u8] = &[0x04, 0x00, 0x7F, 0x00, 0x07, 0x03, 0x02, 0x01];
pub(super) const OID_MASTER_LIST: &[u8] = &[0x67, 0x81, 0x08, 0x01, 0x01, 0x02];
pub(super) const OID_DEVIATION_LIST: &[u8] = &[0x67, 0x81, 0x08, 0x01, 0x01, 0x07];
pub(super) const OID_LDS_SECURITY_OBJECT: &[u8] = &[0x67, 0x81, 0x08, 0x01, 0x01, 0x01];

pub(crate) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    encode(0x30, &parts.concat())
}

pub(super) fn oid(value: &[u8]) -> Vec<u8> {
    encode(0x06, value)
}

pub(super) fn oid_under(prefix: &[u8], last: u8) -> Vec<u8> {
    encode(0x06, &[prefix, &[last]].concat())
}

/// A non-negative INTEGER from its magnitude.
pub(crate) fn integer(magnitude: &[u8]) -> Vec<u8> {
    let trimmed: Vec<u8> = magnitude.iter().copied().skip_while(|b| *b == 0).collect();
    match trimmed.first() {
        None => encode(0x02, &[0]),
        Some(b) if b & 0x80 != 0 => encode(0x02, &[&[0], &trimmed[..]].concat()),
        Some(_) => encode(0x02, &trimmed),
    }
}

pub(crate) fn bit_string(value: &[u8]) -> Vec<u8> {
    encode(0x03, &[&[0], value].concat())
}

/// A hash: of the SHA-2 family by the last arc of its identifier, SHA-1 or MD5.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Md5 = 9,
    Sha1 = 0,
    Sha256 = 1,
    Sha384 = 2,
    Sha512 = 3,
}

impl Hash {
    pub(super) fn digest(self) -> MessageDigest {
        match self {
            Self::Md5 => MessageDigest::md5(),
            Self::Sha1 => MessageDigest::sha1(),
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha384 => MessageDigest::sha384(),
            Self::Sha512 => MessageDigest::sha512(),
        }
    }

    pub(super) fn algorithm(self) -> Vec<u8> {
        match self {
            Self::Md5 => sequence(&[oid(&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x02, 0x05])]),
            Self::Sha1 => sequence(&[oid(&[0x2B, 0x0E, 0x03, 0x02, 0x1A])]),
            _ => sequence(&[oid_under(OID_SHA2, self as u8)]),
        }
    }
}

pub(super) fn named_curve(curve: Nid) -> Result<Vec<u8>, ErrorStack> {
    let value: &[u8] = match curve {
        Nid::X9_62_PRIME192V1 => &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x01],
        Nid::X9_62_PRIME256V1 => &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07],
        Nid::BRAINPOOL_P384R1 => &[0x2B, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0B],
        _ => &[0x2B, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07],
    };
    Ok(oid(value))
}

/// ECParameters of X9.62, as Vietnam's CSCA has them.
pub(crate) fn explicit_parameters(group: &EcGroupRef) -> Result<Vec<u8>, ErrorStack> {
    Ok(sequence(&explicit_fields(group)?))
}

/// Their fields, the cofactor last.
pub(super) fn explicit_fields(group: &EcGroupRef) -> Result<[Vec<u8>; 6], ErrorStack> {
    let mut ctx = BigNumContext::new()?;
    let (mut p, mut a, mut b, mut order) = (BigNum::new()?, BigNum::new()?, BigNum::new()?, BigNum::new()?);
    group.components_gfp(&mut p, &mut a, &mut b, &mut ctx)?;
    group.order(&mut order, &mut ctx)?;
    let width = p.num_bytes();
    let generator = group.generator_opt().map(|g| g.to_bytes(group, PointConversionForm::UNCOMPRESSED, &mut ctx));
    Ok([
        integer(&[1]),
        sequence(&[oid(OID_PRIME_FIELD), integer(&p.to_vec())]),
        sequence(&[encode(0x04, &a.to_vec_padded(width)?), encode(0x04, &b.to_vec_padded(width)?)]),
        encode(0x04, &generator.transpose()?.unwrap_or_default()),
        integer(&order.to_vec()),
        integer(&[1]),
    ])
}
