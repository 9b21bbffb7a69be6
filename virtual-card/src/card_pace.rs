//! The card's side of PACE (ECDH generic mapping, AES-128, brainpoolP256r1) and of chip authentication.

use crate::card_sm::{Family, cbc, derive, mac};
use crate::keys;
use emrtd::tlv::encode;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint, EcPointRef, PointConversionForm};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::Private;
use openssl::symm::Mode;

/// id-PACE-ECDH-GM-AES-CBC-CMAC-128.
pub(crate) const PACE_OID: [u8; 10] = [0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x04, 0x02, 0x02];

/// Where a run of PACE stands.
pub(crate) enum Pace {
    Selected { password_key: Vec<u8> },
    Nonce { nonce: Vec<u8> },
    Mapped { generator: EcPoint },
    Agreed { secret: Vec<u8>, own: Vec<u8>, peer: Vec<u8> },
}

/// What a step gives back: an answer object, or the end with the session's secret.
pub(crate) enum Reply {
    Object(Vec<u8>),
    Done {
        object: Vec<u8>,
        secret: Vec<u8>,
    },
    /// The terminal's token is wrong: 6300.
    WrongPassword,
    /// The command does not belong here.
    OutOfOrder,
}

fn group() -> Result<EcGroup, ErrorStack> {
    EcGroup::from_curve_name(Nid::BRAINPOOL_P256R1)
}

fn encode_point(group: &EcGroup, point: &EcPointRef) -> Result<Vec<u8>, ErrorStack> {
    point.to_bytes(group, PointConversionForm::UNCOMPRESSED, &mut *BigNumContext::new()?)
}

fn times(group: &EcGroup, point: &EcPointRef, factor: &BigNum) -> Result<EcPoint, ErrorStack> {
    let mut result = EcPoint::new(group)?;
    result.mul2(group, point, factor, &mut *BigNumContext::new()?)?;
    Ok(result)
}

fn random_scalar(group: &EcGroup) -> Result<BigNum, ErrorStack> {
    let mut order = BigNum::new()?;
    group.order(&mut order, &mut *BigNumContext::new()?)?;
    let mut scalar = BigNum::new()?;
    loop {
        order.rand_range(&mut scalar)?;
        if scalar.num_bits() > 0 {
            return Ok(scalar);
        }
    }
}

/// The shared x coordinate, 32 bytes.
fn x_of(encoded: &[u8]) -> Vec<u8> {
    encoded[1..33].to_vec()
}

impl Pace {
    pub(crate) fn select(secret: &[u8]) -> Result<Self, ErrorStack> {
        Ok(Self::Selected { password_key: derive(Family::Aes128, secret, 3)? })
    }

    /// One GENERAL AUTHENTICATE with object `tag`.
    pub(crate) fn step(self, tag: u32, value: &[u8]) -> Result<(Option<Self>, Reply), ErrorStack> {
        let group = group()?;
        let mut ctx = BigNumContext::new()?;
        match (self, tag) {
            (Self::Selected { password_key }, 0) => {
                let mut nonce = vec![0; 16];
                openssl::rand::rand_bytes(&mut nonce)?;
                let sealed = cbc(Family::Aes128, Mode::Encrypt, &password_key, &[0; 16], &nonce)?;
                Ok((Some(Self::Nonce { nonce }), Reply::Object(encode(0x80, &sealed))))
            }
            (Self::Nonce { nonce }, 0x81) => {
                let Ok(peer) = EcPoint::from_bytes(&group, value, &mut ctx) else {
                    return Ok((None, Reply::OutOfOrder));
                };
                let own = random_scalar(&group)?;
                let mut public = EcPoint::new(&group)?;
                public.mul_generator2(&group, &own, &mut ctx)?;
                let shared = times(&group, &peer, &own)?;
                let mut base = EcPoint::new(&group)?;
                base.mul_generator2(&group, &*BigNum::from_slice(&nonce)?, &mut ctx)?;
                let mut generator = EcPoint::new(&group)?;
                generator.add(&group, &base, &shared, &mut ctx)?;
                let object = encode(0x82, &encode_point(&group, &public)?);
                Ok((Some(Self::Mapped { generator }), Reply::Object(object)))
            }
            (Self::Mapped { generator }, 0x83) => {
                let Ok(peer) = EcPoint::from_bytes(&group, value, &mut ctx) else {
                    return Ok((None, Reply::OutOfOrder));
                };
                let scalar = random_scalar(&group)?;
                let own = encode_point(&group, &*times(&group, &generator, &scalar)?)?;
                let shared = encode_point(&group, &*times(&group, &peer, &scalar)?)?;
                let object = encode(0x84, &own);
                Ok((Some(Self::Agreed { secret: x_of(&shared), own, peer: value.to_vec() }), Reply::Object(object)))
            }
            (Self::Agreed { secret, own, peer }, 0x85) => {
                let key = derive(Family::Aes128, &secret, 2)?;
                let token = |public: &[u8]| {
                    let body = [encode(0x06, &PACE_OID), encode(0x86, public)].concat();
                    mac(Family::Aes128, &key, &encode(0x7F49, &body))
                };
                if token(&own)? != value {
                    return Ok((None, Reply::WrongPassword));
                }
                Ok((None, Reply::Done { object: encode(0x86, &token(&peer)?), secret }))
            }
            _ => Ok((None, Reply::OutOfOrder)),
        }
    }
}

/// The secret of chip authentication, or `None` when the terminal's point is not on the curve. A copy has no
/// private key and works with a number of its own.
pub(crate) fn chip_authentication(
    key: &EcKey<Private>,
    copy: bool,
    terminal: &[u8],
) -> Result<Option<Vec<u8>>, ErrorStack> {
    let group = group()?;
    let mut ctx = BigNumContext::new()?;
    let Ok(peer) = EcPoint::from_bytes(&group, terminal, &mut ctx) else { return Ok(None) };
    let guess = keys::ec("a copy knows only this", Nid::BRAINPOOL_P256R1)?;
    let key = if copy { &guess } else { key };
    let shared = times(&group, &peer, &key.private_key().to_owned()?)?;
    Ok(Some(x_of(&encode_point(&group, &shared)?)))
}
