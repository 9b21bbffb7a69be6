//! The synthetic PKI of terminal authentication: CVCA of two generations, document verifier, inspection systems.
//!
//! ```text
//! VNCVCA00001 (in every card) ── link ─ VNCVCA00002 ── VNDV00001 ─┬─ VNIS00001 (fingerprints and irises)
//!                                                                 ├─ VNIS00002 (fingerprints only)
//!                                                                 └─ VNIS00003 (expired)
//! ```

use crate::keys;
use emrtd::hazmat::tlv::encode;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroupRef, EcKey, PointConversionForm};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::{MessageDigest, hash};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};

/// id-TA-ECDSA-SHA-256.
const ALGORITHM: [u8; 10] = [0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x02, 0x02, 0x03];
/// id-IS.
const ROLE: [u8; 9] = [0x04, 0x00, 0x7F, 0x00, 0x07, 0x03, 0x01, 0x02, 0x01];

/// The CVCA key that every card trusts.
pub(crate) const CVCA: &str = "VNCVCA00001";

/// Whose certificate: reference, authority, role and rights, expiry.
struct Holder {
    reference: &'static str,
    authority: &'static str,
    /// Role in the two highest bits, rights in the two lowest.
    bits: u8,
    expires: [u8; 6],
}

const VALID: [u8; 6] = [4, 0, 1, 2, 3, 1];

/// The anchor itself, which cards have inside and nobody needs to show them.
const ANCHOR: Holder = Holder { reference: CVCA, authority: CVCA, bits: 0xC3, expires: VALID };

const HOLDERS: [Holder; 5] = [
    Holder { reference: "VNCVCA00002", authority: CVCA, bits: 0xC3, expires: VALID },
    Holder { reference: "VNDV00001", authority: "VNCVCA00002", bits: 0x83, expires: VALID },
    Holder { reference: "VNIS00001", authority: "VNDV00001", bits: 0x03, expires: VALID },
    Holder { reference: "VNIS00002", authority: "VNDV00001", bits: 0x01, expires: VALID },
    Holder { reference: "VNIS00003", authority: "VNDV00001", bits: 0x03, expires: [2, 2, 0, 1, 0, 1] },
];

/// A file for the operator of an inspection system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalFile {
    /// File name.
    pub name: String,
    /// Content: a card verifiable certificate, or a private key in PEM.
    pub content: Vec<u8>,
}

pub(crate) fn key(reference: &str) -> Result<EcKey<Private>, ErrorStack> {
    keys::ec(&format!("practice/{reference}"), Nid::BRAINPOOL_P256R1)
}

fn domain_parameters(group: &EcGroupRef, public: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let mut ctx = BigNumContext::new()?;
    let [mut p, mut a, mut b, mut order] = [BigNum::new()?, BigNum::new()?, BigNum::new()?, BigNum::new()?];
    group.components_gfp(&mut p, &mut a, &mut b, &mut ctx)?;
    group.order(&mut order, &mut ctx)?;
    let form = PointConversionForm::UNCOMPRESSED;
    let generator = group.generator_opt().map(|g| g.to_bytes(group, form, &mut ctx)).transpose()?.unwrap_or_default();
    let number = |tag, n: &BigNum| Ok::<_, ErrorStack>(encode(tag, &n.to_vec_padded(32)?));
    Ok([
        number(0x81, &p)?,
        number(0x82, &a)?,
        number(0x83, &b)?,
        encode(0x84, &generator),
        number(0x85, &order)?,
        public.to_vec(),
        encode(0x87, &[1]),
    ]
    .concat())
}

/// The self-signed certificate of the CVCA that every card trusts.
///
/// # Errors
/// When the cryptographic library fails.
pub fn anchor() -> Result<Vec<u8>, ErrorStack> {
    certificate(&ANCHOR)
}

fn certificate(holder: &Holder) -> Result<Vec<u8>, ErrorStack> {
    let own = key(holder.reference)?;
    let public = encode(0x86, &keys::point(&own)?);
    // A CVCA's certificate has the domain parameters; the others inherit them (TR-03110-3 §D.3).
    let key_data = if holder.bits >> 6 == 3 { domain_parameters(own.group(), &public)? } else { public };
    let body = encode(
        0x7F4E,
        &[
            encode(0x5F29, &[0]),
            encode(0x42, holder.authority.as_bytes()),
            encode(0x7F49, &[encode(0x06, &ALGORITHM), key_data].concat()),
            encode(0x5F20, holder.reference.as_bytes()),
            encode(0x7F4C, &[encode(0x06, &ROLE), encode(0x53, &[holder.bits])].concat()),
            encode(0x5F25, &[2, 0, 0, 1, 0, 1]),
            encode(0x5F24, &holder.expires),
        ]
        .concat(),
    );
    let digest = hash(MessageDigest::sha256(), &body)?;
    let signature = EcdsaSig::sign(&digest, &*key(holder.authority)?)?;
    let plain = [signature.r().to_vec_padded(32)?, signature.s().to_vec_padded(32)?].concat();
    Ok(encode(0x7F21, &[body, encode(0x5F37, &plain)].concat()))
}

/// What the operator of inspection system `VNIS0000N` is given: link, document verifier and own certificate, and the
/// private key.
///
/// # Errors
/// When the cryptographic library fails.
pub fn terminal_files(number: u8) -> Result<Vec<TerminalFile>, ErrorStack> {
    let own = format!("VNIS0000{number}");
    let mut files = Vec::new();
    for holder in HOLDERS.iter().filter(|h| !h.reference.starts_with("VNIS") || h.reference == own) {
        files.push(TerminalFile { name: format!("{}.cvcert", holder.reference), content: certificate(holder)? });
    }
    let pem = PKey::from_ec_key(key(&own)?)?.private_key_to_pem_pkcs8()?;
    files.push(TerminalFile { name: "terminal.key.pem".to_owned(), content: pem });
    Ok(files)
}
