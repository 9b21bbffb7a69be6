//! The card's side of terminal authentication.

use crate::eac;
use emrtd::hazmat::tlv;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::{MessageDigest, hash};
use openssl::nid::Nid;
use openssl::pkey::Public;

/// A day before which the card knows it is not: it was issued then.
const TODAY: [u8; 6] = [2, 4, 0, 1, 0, 1];

/// A key that the card has come to trust in this session.
struct Trusted {
    reference: Vec<u8>,
    point: Vec<u8>,
    /// Role and rights.
    bits: u8,
}

/// Where terminal authentication stands.
#[derive(Default)]
pub(crate) struct TerminalState {
    trusted: Vec<Trusted>,
    authority: Option<Vec<u8>>,
    terminal: Option<Vec<u8>>,
    challenge: Option<Vec<u8>>,
    /// Rights that were granted.
    pub(crate) rights: u8,
}

/// Why the card refuses: its status.
type Refused = u16;

fn verify(point: &[u8], message: &[u8], signature: &[u8]) -> Result<bool, ErrorStack> {
    if signature.len() != 64 {
        return Ok(false);
    }
    let group = EcGroup::from_curve_name(Nid::BRAINPOOL_P256R1)?;
    let point = EcPoint::from_bytes(&group, point, &mut *BigNumContext::new()?)?;
    let key: EcKey<Public> = EcKey::from_public_key(&group, &point)?;
    let (r, s) = (BigNum::from_slice(&signature[..32])?, BigNum::from_slice(&signature[32..])?);
    EcdsaSig::from_private_components(r, s)?.verify(&hash(MessageDigest::sha256(), message)?, &key)
}

impl TerminalState {
    fn find(&mut self, reference: &[u8]) -> Option<&Trusted> {
        if self.trusted.is_empty() {
            let point = eac::key(eac::CVCA).and_then(|key| crate::keys::point(&key)).ok()?;
            self.trusted.push(Trusted { reference: eac::CVCA.into(), point, bits: 0xC3 });
        }
        self.trusted.iter().find(|t| t.reference == reference)
    }

    /// EF.CVCA: one reference, padded with zeros.
    pub(crate) fn file() -> Vec<u8> {
        let mut file = tlv::encode(0x42, eac::CVCA.as_bytes());
        file.resize(36, 0);
        file
    }

    /// MSE:Set DST.
    pub(crate) fn set_dst(&mut self, data: &[u8]) -> Result<(), Refused> {
        let reference = tlv::first(data, 0x83).map_err(|_| 0x6A80u16)?.value;
        if self.find(reference).is_none() {
            return Err(0x6A88);
        }
        self.authority = Some(reference.to_vec());
        Ok(())
    }

    /// PSO:Verify Certificate.
    pub(crate) fn verify_certificate(&mut self, data: &[u8]) -> Result<(), Refused> {
        let authority = self.authority.take().ok_or(0x6985u16)?;
        let malformed = |_| 0x6A80u16;
        let mut fields = tlv::Reader::new(data);
        let body = fields.expect(0x7F4E).map_err(malformed)?;
        let signature = fields.expect(0x5F37).map_err(malformed)?.value;
        let field = |tag| tlv::find(body.value, tag).ok().flatten().ok_or(0x6A80u16);
        if field(0x42)?.value != authority {
            return Err(0x6A80);
        }
        let issuer = self.find(&authority).ok_or(0x6A88u16)?;
        if !verify(&issuer.point, body.raw, signature).unwrap_or(false) {
            return Err(0x6300);
        }
        let expires = field(0x5F24)?.value;
        let bits = tlv::find(field(0x7F4C)?.value, 0x53).ok().flatten().ok_or(0x6A80u16)?.value[0];
        // A CVCA signs CVCAs and document verifiers, a document verifier inspection systems.
        let (above, below) = (issuer.bits >> 6, bits >> 6);
        let allowed = matches!((above, below), (3, 1..=3) | (1 | 2, 0));
        if !allowed || (expires < &TODAY[..] && below != 3) {
            return Err(0x6300);
        }
        let bits = bits & 0xC0 | bits & issuer.bits & 0x03;
        let point = tlv::find(field(0x7F49)?.value, 0x86).ok().flatten().ok_or(0x6A80u16)?.value.to_vec();
        let reference = field(0x5F20)?.value.to_vec();
        self.trusted.push(Trusted { reference, point, bits });
        Ok(())
    }

    /// MSE:Set AT.
    pub(crate) fn set_at(&mut self, reference: &[u8]) -> Result<(), Refused> {
        match self.find(reference) {
            Some(trusted) if trusted.bits >> 6 == 0 => {
                self.terminal = Some(reference.to_vec());
                Ok(())
            }
            _ => Err(0x6A88),
        }
    }

    pub(crate) const fn wants_challenge(&self) -> bool {
        self.terminal.is_some()
    }

    pub(crate) fn challenge(&mut self, challenge: &[u8]) {
        self.challenge = Some(challenge.to_vec());
    }

    /// EXTERNAL AUTHENTICATE.
    pub(crate) fn authenticate(&mut self, chip: &[u8], terminal_key: &[u8], signature: &[u8]) -> Result<(), Refused> {
        let (Some(terminal), Some(challenge)) = (self.terminal.take(), self.challenge.take()) else {
            return Err(0x6985);
        };
        let message = [chip, &challenge, terminal_key].concat();
        let trusted = self.find(&terminal).ok_or(0x6A88u16)?;
        if !verify(&trusted.point, &message, signature).unwrap_or(false) {
            return Err(0x6300);
        }
        self.rights = trusted.bits & 0x03;
        Ok(())
    }

    /// Whether a file may be read as far as terminal authentication goes.
    pub(crate) const fn allows(&self, file: u16) -> bool {
        match file {
            0x0103 => self.rights & 0x01 != 0,
            0x0104 => self.rights & 0x02 != 0,
            _ => true,
        }
    }
}
