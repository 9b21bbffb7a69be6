//! That a device's keys are in a TPM, shown by the TPM: credential activation (TPM 2.0 part 1, clause 24; part 3, TPM2_MakeCredential
//! and TPM2_ActivateCredential). Without a TPM here: what central does is arithmetic with public keys.
//!
//! A device shows its TPM's endorsement key and the public areas of its birth and event key. For each of the two central encrypts a
//! secret to the endorsement key and binds it to the *name* of the key: the hash of its public area, attributes included. A TPM gives
//! such a secret out only when a key of that name is loaded in it. The name says that the key was made inside a TPM and cannot leave
//! it, so whoever has the secret has the key in the TPM of that endorsement key.
//!
//! Whose endorsement key it is, only its maker's certificate says. Without one a program could play a TPM from the first day on:
//! [`Proof::FirstSight`].

use crate::FleetError;
use openssl::bn::BigNumContext;
use openssl::derive::Deriver;
use openssl::ec::{EcGroup, EcKey, EcPoint, PointConversionForm};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Public};
use openssl::sign::Signer;
use openssl::stack::Stack;
use openssl::symm::{Cipher, encrypt};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509StoreContext};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Where a device shows its TPM and is asked something: [`Claim`], answered with [`Challenge`].
pub const CLAIM_PATH: &str = "/v1/tpm/claim";
/// Where it sends what its TPM gave out: [`Opened`].
pub const OPENED_PATH: &str = "/v1/tpm/opened";

/// The most bytes of an endorsement key's certificate: that of a TPM's own memory.
const LONGEST_CERTIFICATE: usize = 4096;

/// What a device shows of its TPM. Octets are in hexadecimal; a public area is a TPMT_PUBLIC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The public area of the endorsement key: P-256, template L-2 of the TCG EK Credential Profile.
    pub endorsement: String,
    /// Its certificate, DER, where the TPM has one.
    pub certificate: Option<String>,
    /// The public area of the birth key.
    pub birth: String,
    /// That of the event key.
    pub event: String,
}

/// A secret that only the TPM of one endorsement key opens, and only for one key in it. Octets in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// TPMS_ID_OBJECT: the HMAC with its length, the encrypted secret.
    pub blob: String,
    /// TPMS_ECC_POINT: the sender's point.
    pub secret: String,
}

/// What a device's TPM has to open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// For the birth key.
    pub birth: Credential,
    /// For the event key.
    pub event: Credential,
}

/// What it gave out, in hexadecimal.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opened {
    /// For the birth key.
    pub birth: String,
    /// For the event key.
    pub event: String,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opened")
    }
}

program::closed_set! {
    /// What a TPM's answer proves.
    pub enum Proof {
        /// The keys are in a TPM whose maker certified it, under a root that the operator named.
        Vouched = "vouched",
        /// The keys are with the endorsement key that the device showed first, and nobody has said that it is a TPM's.
        FirstSight = "first_sight",
    }
}

/// TPMT_PUBLIC of an endorsement key up to its point (TCG EK Credential Profile 2.5, B.3.4, template L-2): ECC, SHA-256, made
/// inside, fixed, restricted to decryption, used by policy A only, AES-128-CFB, P-256.
const ENDORSEMENT: [u8; 54] = [
    0x00, 0x23, 0x00, 0x0B, 0x00, 0x03, 0x00, 0xB2, 0x00, 0x20, 0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xB3, 0xF8, 0x1A,
    0x90, 0xCC, 0x8D, 0x46, 0xA5, 0xD7, 0x24, 0xFD, 0x52, 0xD7, 0x6E, 0x06, 0x52, 0x0B, 0x64, 0xF2, 0xA1, 0xDA, 0x1B,
    0x33, 0x14, 0x69, 0xAA, 0x00, 0x06, 0x00, 0x80, 0x00, 0x43, 0x00, 0x10, 0x00, 0x03, 0x00, 0x10,
];

/// TPMT_PUBLIC of a device's key up to its point: ECC, SHA-256, made inside, fixed to TPM and parent, signs, no policy, ECDSA with
/// SHA-256 on P-256. A key that came from outside, or may leave, has other attributes, and so another name.
const SIGNING: [u8; 20] = [
    0x00, 0x23, 0x00, 0x0B, 0x00, 0x04, 0x04, 0x72, 0x00, 0x00, 0x00, 0x10, 0x00, 0x18, 0x00, 0x0B, 0x00, 0x03, 0x00,
    0x10,
];

fn group() -> Result<EcGroup, ErrorStack> {
    EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)
}

/// The point of a public area that begins as it has to: some TPMs leave leading zeros of a coordinate out.
fn point_of(area: &[u8], begin: &[u8]) -> Option<EcKey<Public>> {
    fn coordinate(bytes: &[u8]) -> Option<([u8; 32], &[u8])> {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let (number, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        let mut padded = [0; 32];
        padded.get_mut(32_usize.checked_sub(number.len())?..)?.copy_from_slice(number);
        Some((padded, rest))
    }
    let (x, rest) = coordinate(area.strip_prefix(begin)?)?;
    let (y, rest) = coordinate(rest)?;
    if !rest.is_empty() {
        return None;
    }
    let group = group().ok()?;
    let mut context = BigNumContext::new().ok()?;
    let point = EcPoint::from_bytes(&group, &[&[4][..], &x, &y].concat(), &mut context).ok()?;
    let key = EcKey::from_public_key(&group, &point).ok()?;
    key.check_key().ok()?;
    Some(key)
}

/// An endorsement key.
#[derive(Debug)]
pub struct Endorsement(EcKey<Public>);

impl Endorsement {
    /// From its public area.
    ///
    /// # Errors
    /// When that is not the one of an endorsement key as TPMs make it.
    pub fn read(area: &[u8]) -> Result<Self, FleetError> {
        point_of(area, &ENDORSEMENT).map(Self).ok_or(FleetError::Malformed("endorsement key of a TPM"))
    }

    /// SubjectPublicKeyInfo, DER.
    ///
    /// # Errors
    /// When the library fails.
    pub fn public_key(&self) -> Result<Vec<u8>, FleetError> {
        Ok(PKey::from_ec_key(self.0.clone())?.public_key_to_der()?)
    }

    /// What is known of it: its maker's certificate, if there is one, leads to one of `roots`, and is valid at `now` (seconds since
    /// 1970). Everything else is first sight.
    ///
    /// # Errors
    /// When the library fails.
    pub fn proof(&self, certificate: Option<&[u8]>, roots: &[X509], now: i64) -> Result<Proof, FleetError> {
        let own = self.public_key()?;
        let certificate = certificate.filter(|der| der.len() <= LONGEST_CERTIFICATE);
        let Some(certificate) = certificate.and_then(|der| X509::from_der(der).ok()) else {
            return Ok(Proof::FirstSight);
        };
        let same = certificate.public_key().and_then(|key| key.public_key_to_der()).is_ok_and(|key| key == own);
        if !same {
            return Ok(Proof::FirstSight);
        }
        let mut store = X509StoreBuilder::new()?;
        for root in roots {
            store.add_cert(root.clone())?;
        }
        let mut parameters = X509VerifyParam::new()?;
        // Makers put authorities between: whichever of them the operator named is trusted.
        // Their own days are over before the TPMs are; those of the certificate count.
        parameters.set_flags(X509VerifyFlags::PARTIAL_CHAIN | X509VerifyFlags::NO_CHECK_TIME)?;
        store.set_param(&parameters)?;
        let store = store.build();
        let mut context = X509StoreContext::new()?;
        let leads = context.init(&store, &certificate, &*Stack::new()?, |context| context.verify_cert())?;
        let (begin, end) = crate::authority::validity(&certificate)?;
        // The certificate itself is no root of its own, even where somebody named it.
        Ok(if leads && (begin..end).contains(&now) && !roots.contains(&certificate) {
            Proof::Vouched
        } else {
            Proof::FirstSight
        })
    }

    /// Encrypts a secret so that the TPM of this key gives it out for the key of one name, and for no other.
    ///
    /// # Errors
    /// When the library fails.
    pub fn credential(&self, name: &Name, secret: &[u8; 32]) -> Result<Credential, FleetError> {
        Ok(self.made(name, secret)?)
    }

    fn made(&self, name: &Name, secret: &[u8; 32]) -> Result<Credential, ErrorStack> {
        let group = group()?;
        let sender = EcKey::generate(&group)?;
        let (sender_x, sender_y) = coordinates(&EcKey::from_public_key(&group, sender.public_key())?)?;
        let (own_x, _) = coordinates(&self.0)?;
        let (sender, peer) = (PKey::from_ec_key(sender)?, PKey::from_ec_key(self.0.clone())?);
        let mut deriver = Deriver::new(&sender)?;
        deriver.set_peer(&peer)?;
        let agreed = Zeroizing::new(deriver.derive_to_vec()?);
        // KDFe, part 1 clause 11.4.10.3: one hash gives all 256 bits.
        let parts = [&[0, 0, 0, 1][..], &agreed, b"IDENTITY\0", &sender_x, &own_x];
        let seed = Zeroizing::new(openssl::sha::sha256(&Zeroizing::new(parts.concat())));
        let cipher_key = kdfa(&*seed, b"STORAGE\0", &name.0, 128)?;
        let identity = Zeroizing::new([&[0, 32][..], secret].concat());
        let identity = encrypt(Cipher::aes_128_cfb128(), &cipher_key[..16], Some(&[0; 16]), &identity)?;
        let mac = hmac(&kdfa(&*seed, b"INTEGRITY\0", &[], 256)?, &[&identity, &name.0])?;
        let blob = [&[0, 32][..], &*mac, &identity].concat();
        let point = [&[0, 32][..], &sender_x, &[0, 32], &sender_y].concat();
        Ok(Credential { blob: hex::encode(blob), secret: hex::encode(point) })
    }
}

/// The name of a key in a TPM (part 1, clause 16).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name([u8; 34]);

/// A device's key by its public area: SubjectPublicKeyInfo, DER, and its name.
///
/// # Errors
/// When it is not one that a TPM made inside and keeps.
pub fn resident(area: &[u8]) -> Result<(Vec<u8>, Name), FleetError> {
    let key = point_of(area, &SIGNING).ok_or(FleetError::Malformed("key that was made in a TPM and stays there"))?;
    let mut name = [0; 34];
    name[..2].copy_from_slice(&[0x00, 0x0B]);
    name[2..].copy_from_slice(&openssl::sha::sha256(area));
    Ok((PKey::from_ec_key(key)?.public_key_to_der()?, Name(name)))
}

fn coordinates(key: &EcKey<Public>) -> Result<([u8; 32], [u8; 32]), ErrorStack> {
    let mut context = BigNumContext::new()?;
    let point = key.public_key().to_bytes(key.group(), PointConversionForm::UNCOMPRESSED, &mut context)?;
    let (mut x, mut y) = ([0; 32], [0; 32]);
    // 4, x, y: 65 octets on this curve.
    x.copy_from_slice(&point[1..33]);
    y.copy_from_slice(&point[33..]);
    Ok((x, y))
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
    let key = PKey::hmac(key)?;
    let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
    for part in parts {
        signer.update(part)?;
    }
    Ok(Zeroizing::new(signer.sign_to_vec()?))
}

/// KDFa, part 1 clause 11.4.10.2: one HMAC gives up to 256 bits.
fn kdfa(seed: &[u8], label: &[u8], context: &[u8], bits: u32) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
    hmac(seed, &[&[0, 0, 0, 1], label, context, &bits.to_be_bytes()])
}

#[cfg(test)]
mod tests;
