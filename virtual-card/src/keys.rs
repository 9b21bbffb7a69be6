//! Keys of the synthetic PKI and chips: derived from labels, so that every process makes the same ones and a
//! card started here is trusted by an anchor written there. They protect nothing.

use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::ec::{EcGroup, EcKey, EcPoint, PointConversionForm};
use openssl::error::ErrorStack;
use openssl::hash::{MessageDigest, hash};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};

/// Derives a private number in `[1, order)` from a label.
pub(crate) fn number(label: &str, order: &BigNumRef) -> Result<BigNum, ErrorStack> {
    let mut bytes = Vec::new();
    for counter in 0..2 {
        bytes.extend_from_slice(&hash(MessageDigest::sha512(), format!("{label}/{counter}").as_bytes())?);
    }
    let mut limit = BigNumRef::to_owned(order)?;
    limit.sub_word(1)?;
    let mut ctx = BigNumContext::new()?;
    let mut result = BigNum::new()?;
    let wide = BigNum::from_slice(&bytes)?;
    result.nnmod(&wide, &limit, &mut ctx)?;
    result.add_word(1)?;
    Ok(result)
}

/// An elliptic-curve key pair derived from a label.
pub(crate) fn ec(label: &str, curve: Nid) -> Result<EcKey<Private>, ErrorStack> {
    let group = EcGroup::from_curve_name(curve)?;
    let mut ctx = BigNumContext::new()?;
    let mut order = BigNum::new()?;
    group.order(&mut order, &mut ctx)?;
    let private = number(label, &order)?;
    let mut public = EcPoint::new(&group)?;
    public.mul_generator2(&group, &private, &mut ctx)?;
    EcKey::from_private_components(&group, &private, &public)
}

/// The uncompressed public point of a key.
pub(crate) fn point(key: &EcKey<Private>) -> Result<Vec<u8>, ErrorStack> {
    let mut ctx = BigNumContext::new()?;
    key.public_key().to_bytes(key.group(), PointConversionForm::UNCOMPRESSED, &mut ctx)
}

/// The document signer's RSA key.
pub(crate) fn document_signer_rsa() -> Result<PKey<Private>, ErrorStack> {
    PKey::private_key_from_pem(include_bytes!("../keys/dsc-rsa.pem"))
}

/// The RSA key of active authentication.
pub(crate) fn active_authentication_rsa() -> Result<PKey<Private>, ErrorStack> {
    PKey::private_key_from_pem(include_bytes!("../keys/aa-rsa.pem"))
}
