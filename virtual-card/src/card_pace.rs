//! The card's side of PACE (ECDH, generic and chip-authentication mapping) and of chip authentication.

use crate::card_sm::{Family, cbc, derive, mac, pad};
use crate::make::{CardCurve, Make};
use crate::personalise::ChipKey;
use crate::tamper::{Tamper, flipped};
use emrtd::hazmat::tlv::encode;
use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::dh::Dh;
use openssl::ec::{EcGroup, EcPoint, EcPointRef, PointConversionForm};
use openssl::error::ErrorStack;
use openssl::symm::Mode;

/// A run of PACE.
pub(crate) struct Pace {
    make: Make,
    group: EcGroup,
    /// For chip-authentication mapping.
    chip_private: Option<BigNum>,
    lie: Option<Tamper>,
    stage: Stage,
}

enum Stage {
    Selected { password_key: Vec<u8> },
    Nonce { nonce: Vec<u8> },
    Mapped { generator: EcPoint, private: BigNum },
    Agreed { secret: Vec<u8>, own: Vec<u8>, peer: Vec<u8>, mapping_private: BigNum },
}

/// What a step gives back: an answer object, or the end with the session's secret.
pub(crate) enum Reply {
    Object(Vec<u8>),
    Done {
        object: Vec<u8>,
        secret: Vec<u8>,
        /// The x coordinate of the chip's ephemeral key, which names the chip in terminal authentication.
        identifier: Vec<u8>,
    },
    /// The terminal's token is wrong: 6300.
    WrongPassword,
    /// The command does not belong here.
    OutOfOrder,
}

fn encode_point(group: &EcGroup, point: &EcPointRef) -> Result<Vec<u8>, ErrorStack> {
    point.to_bytes(group, PointConversionForm::UNCOMPRESSED, &mut *BigNumContext::new()?)
}

fn times(group: &EcGroup, point: &EcPointRef, factor: &BigNumRef) -> Result<EcPoint, ErrorStack> {
    let mut result = EcPoint::new(group)?;
    result.mul2(group, point, factor, &mut *BigNumContext::new()?)?;
    Ok(result)
}

fn order(group: &EcGroup) -> Result<BigNum, ErrorStack> {
    let mut order = BigNum::new()?;
    group.order(&mut order, &mut *BigNumContext::new()?)?;
    Ok(order)
}

fn random_scalar(group: &EcGroup) -> Result<BigNum, ErrorStack> {
    let order = order(group)?;
    let mut scalar = BigNum::new()?;
    loop {
        order.rand_range(&mut scalar)?;
        if scalar.num_bits() > 0 {
            return Ok(scalar);
        }
    }
}

/// The x coordinate of an encoded point.
fn x_of(encoded: &[u8]) -> Vec<u8> {
    encoded[1..1 + encoded.len() / 2].to_vec()
}

impl Pace {
    pub(crate) fn select(make: Make, secret: &[u8], chip_private: Option<BigNum>) -> Result<Self, ErrorStack> {
        let group = EcGroup::from_curve_name(make.pace_curve.nid)?;
        let stage = Stage::Selected { password_key: derive(make.pace_family, secret, 3)? };
        Ok(Self { make, group, chip_private, lie: None, stage })
    }

    /// The same but for one lie.
    pub(crate) fn lying(self, lie: Option<Tamper>) -> Self {
        Self { lie, ..self }
    }

    fn go(self, stage: Stage, object: Vec<u8>) -> (Option<Self>, Reply) {
        (Some(Self { stage, ..self }), Reply::Object(object))
    }

    /// One GENERAL AUTHENTICATE with object `tag`.
    pub(crate) fn step(mut self, tag: u32, value: &[u8]) -> Result<(Option<Self>, Reply), ErrorStack> {
        let family = self.make.pace_family;
        let mut ctx = BigNumContext::new()?;
        let stage = std::mem::replace(&mut self.stage, Stage::Selected { password_key: Vec::new() });
        match (stage, tag) {
            (Stage::Selected { password_key }, 0) => {
                let mut nonce = vec![0; 16];
                openssl::rand::rand_bytes(&mut nonce)?;
                let iv = vec![0; family.block()];
                let mut sealed = cbc(family, Mode::Encrypt, &password_key, &iv, &nonce)?;
                match self.lie {
                    Some(Tamper::PaceNonceCut) => {
                        sealed.pop();
                    }
                    Some(Tamper::PaceNonceLong) => sealed = sealed.repeat(3),
                    _ => {}
                }
                Ok(self.go(Stage::Nonce { nonce }, encode(0x80, &sealed)))
            }
            (Stage::Nonce { nonce }, 0x81) => {
                let Ok(peer) = EcPoint::from_bytes(&self.group, value, &mut ctx) else {
                    return Ok((None, Reply::OutOfOrder));
                };
                let private = random_scalar(&self.group)?;
                let mut public = EcPoint::new(&self.group)?;
                public.mul_generator2(&self.group, &private, &mut ctx)?;
                let shared = times(&self.group, &peer, &private)?;
                let mut base = EcPoint::new(&self.group)?;
                base.mul_generator2(&self.group, &*BigNum::from_slice(&nonce)?, &mut ctx)?;
                let mut generator = EcPoint::new(&self.group)?;
                generator.add(&self.group, &base, &shared, &mut ctx)?;
                let public = encode_point(&self.group, &public)?;
                let off_curve = self.lie == Some(Tamper::PaceMappingOffCurve);
                let object = encode(0x82, &if off_curve { flipped(&public) } else { public });
                Ok(self.go(Stage::Mapped { generator, private }, object))
            }
            (Stage::Mapped { generator, private: mapping_private }, 0x83) => {
                let Ok(peer) = EcPoint::from_bytes(&self.group, value, &mut ctx) else {
                    return Ok((None, Reply::OutOfOrder));
                };
                let scalar = random_scalar(&self.group)?;
                let own = encode_point(&self.group, &*times(&self.group, &generator, &scalar)?)?;
                let shared = encode_point(&self.group, &*times(&self.group, &peer, &scalar)?)?;
                let shown = match self.lie {
                    Some(Tamper::PaceKeyOffCurve) => flipped(&own),
                    Some(Tamper::PaceKeyOther) => encode_point(&self.group, &generator)?,
                    Some(Tamper::PaceKeyReflected) => value.to_vec(),
                    _ => own.clone(),
                };
                let object = encode(0x84, &shown);
                let stage = Stage::Agreed { secret: x_of(&shared), own, peer: value.to_vec(), mapping_private };
                Ok(self.go(stage, object))
            }
            (Stage::Agreed { secret, own, peer, mapping_private }, 0x85) => {
                let key = derive(family, &secret, 2)?;
                let token = |public: &[u8]| {
                    let body = [encode(0x06, &self.make.pace_oid()), encode(0x86, public)].concat();
                    mac(family, &key, &encode(0x7F49, &body))
                };
                let takes_any = matches!(self.lie, Some(Tamper::PaceKeyOther | Tamper::PaceKeyReflected));
                if token(&own)? != value && !takes_any {
                    return Ok((None, Reply::WrongPassword));
                }
                let mut mine = token(&peer)?;
                match self.lie {
                    Some(Tamper::PaceTokenWrong) => mine = flipped(&mine),
                    Some(Tamper::PaceTokenReflected | Tamper::PaceKeyReflected) => mine = value.to_vec(),
                    Some(Tamper::PaceTokenShort) => {
                        mine.pop();
                    }
                    _ => {}
                }
                let missing = self.lie == Some(Tamper::PaceTokenMissing);
                let mut object = if missing { Vec::new() } else { encode(0x86, &mine) };
                let chip_private = self.chip_private.as_ref();
                if let Some(chip_private) = chip_private.filter(|_| self.lie != Some(Tamper::MappingDataMissing)) {
                    object.extend(encode(0x8A, &self.chip_data(chip_private, &mapping_private, &secret)?));
                }
                Ok((None, Reply::Done { object, secret, identifier: x_of(&own) }))
            }
            _ => Ok((None, Reply::OutOfOrder)),
        }
    }

    /// Chip authentication data: mapping key divided by the static key, encrypted.
    fn chip_data(&self, chip: &BigNumRef, mapping: &BigNumRef, secret: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let family = self.make.pace_family;
        let order = order(&self.group)?;
        let mut ctx = BigNumContext::new()?;
        let (mut inverse, mut data) = (BigNum::new()?, BigNum::new()?);
        inverse.mod_inverse(chip, &order, &mut ctx)?;
        data.mod_mul(&inverse, mapping, &order, &mut ctx)?;
        let mut data = data.to_vec_padded(order.num_bytes())?;
        if self.lie == Some(Tamper::MappingDataOther) {
            data = flipped(&data);
        }
        let mut plain = pad(&data, family.block());
        if self.lie == Some(Tamper::MappingDataUnpadded) {
            plain.fill(0x11);
        }
        let key = derive(family, secret, 1)?;
        let zero = vec![0; family.block()];
        let iv = cbc(family, Mode::Encrypt, &key, &zero, &vec![0xFF; family.block()])?;
        cbc(family, Mode::Encrypt, &key, &iv, &plain)
    }
}

/// What chip authentication yields on the card's side.
pub(crate) struct ChipAgreed {
    pub(crate) secret: Vec<u8>,
    /// The terminal's key, compressed, which terminal authentication signs.
    pub(crate) terminal: Vec<u8>,
}

/// Chip authentication with the terminal's key, or `None` when that is no valid key.
pub(crate) fn chip_authentication(key: &ChipKey, terminal: &[u8]) -> Result<Option<ChipAgreed>, ErrorStack> {
    match key {
        ChipKey::Ec(key, CardCurve { nid, .. }) => {
            let group = EcGroup::from_curve_name(*nid)?;
            let mut ctx = BigNumContext::new()?;
            let Ok(peer) = EcPoint::from_bytes(&group, terminal, &mut ctx) else { return Ok(None) };
            let shared = times(&group, &peer, key.private_key())?;
            let secret = x_of(&encode_point(&group, &shared)?);
            Ok(Some(ChipAgreed { secret, terminal: x_of(terminal) }))
        }
        ChipKey::Dh(private) => {
            let group = Dh::get_2048_256()?;
            let peer = BigNum::from_slice(terminal)?;
            if peer.num_bits() < 2 || peer >= *group.prime_p() {
                return Ok(None);
            }
            let mut shared = BigNum::new()?;
            shared.mod_exp(&peer, private, group.prime_p(), &mut *BigNumContext::new()?)?;
            let digest = openssl::hash::hash(openssl::hash::MessageDigest::sha1(), terminal)?;
            Ok(Some(ChipAgreed { secret: shared.to_vec_padded(256)?, terminal: digest.to_vec() }))
        }
    }
}

impl Family {
    pub(crate) const fn block(self) -> usize {
        if matches!(self, Self::TripleDes) { 8 } else { 16 }
    }
}
