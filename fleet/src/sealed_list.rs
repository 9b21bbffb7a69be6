//! A list of people as it lies in a bundle: sealed for the devices of one site, on its way, at central and at rest.
//!
//! | bytes | are |
//! |---|---|
//! | 8 | `CCCDLIST` |
//! | 1 | version, 1 |
//! | 8 | for which site: the beginning of SHA-256 of the site's point |
//! | … | the list that its operator signed, in a [`crate::sealed_box`] for the site ([`crate::sites::SiteKeys::box_key`]) |
//!
//! Whoever seals needs the public half only, as a PEM file; the private half is derived from a key that the devices of the site
//! are told when they are let in, and no others.

use crate::{FleetError, sealed_box};
use openssl::ec::EcKey;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::Private;
use zeroize::Zeroizing;

const MAGIC: &[u8; 8] = b"CCCDLIST";
const VERSION: u8 = 1;
const WHAT: &str = "list that is sealed for a site";
/// Point and tag of the box around nothing.
const LEAST: usize = 65 + 16;

/// The public half of a site's key, for whoever seals.
///
/// # Errors
/// When the cryptographic library fails.
pub fn public_pem(site: &EcKey<Private>) -> Result<Vec<u8>, ErrorStack> {
    site.public_key_to_pem()
}

/// The point of a site's key in PEM, as [`public_pem`] wrote it.
///
/// # Errors
/// When it is no P-256 key.
pub fn point(pem: &[u8]) -> Result<Vec<u8>, FleetError> {
    let key = EcKey::public_key_from_pem(pem).map_err(|_| FleetError::Malformed("site's key"))?;
    if key.group().curve_name() != Some(Nid::X9_62_PRIME256V1) {
        return Err(FleetError::Malformed("site's key"));
    }
    Ok(sealed_box::point(&key)?)
}

fn for_site(point: &[u8]) -> [u8; 8] {
    let mut name = [0; 8];
    name.copy_from_slice(&events::hash(point).0[..8]);
    name
}

/// Seals a list for the site with this point.
///
/// # Errors
/// When the point is none of the curve.
pub fn seal(site: &[u8], list: &[u8]) -> Result<Vec<u8>, FleetError> {
    let sealed = sealed_box::seal(site, list)?;
    Ok([&MAGIC[..], &[VERSION], &for_site(site), &sealed].concat())
}

/// For which site, and the box.
fn parts(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = bytes.strip_prefix(MAGIC)?.strip_prefix(&[VERSION])?;
    rest.split_at_checked(8).filter(|(_, sealed)| sealed.len() >= LEAST)
}

/// Whether these bytes have the form of a sealed list.
#[must_use]
pub fn is_sealed(bytes: &[u8]) -> bool {
    parts(bytes).is_some()
}

/// Opens a list with a site's key; `None` where it is for another site.
///
/// # Errors
/// When it is no sealed list, or was changed.
pub fn open(own: &EcKey<Private>, bytes: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, FleetError> {
    let (site, sealed) = parts(bytes).ok_or(FleetError::Malformed(WHAT))?;
    if site != for_site(&sealed_box::public_point(own)?) {
        return Ok(None);
    }
    sealed_box::open(own, sealed).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sites::SiteKeys;

    fn site(byte: u8) -> EcKey<Private> {
        let keys = SiteKeys::new(&[7; events::chain::Chains::SIZE], &[byte; 32]).expect("keys");
        keys.box_key().expect("a key")
    }

    fn sealed_for(key: &EcKey<Private>) -> Vec<u8> {
        seal(&point(&public_pem(key).expect("PEM")).expect("a point"), b"001099000017").expect("sealed")
    }

    #[test]
    fn a_list_is_read_at_its_site_and_nowhere_else() {
        let (own, other) = (site(1), site(2));
        let sealed = sealed_for(&own);
        assert!(is_sealed(&sealed));
        assert!(!sealed.windows(4).any(|part| part == b"0010"), "nobody reads it on the way");
        // Every device of the site is told the same, and finds the same key.
        assert_eq!(open(&site(1), &sealed).expect("whole").expect("ours").as_slice(), b"001099000017");
        assert_eq!(open(&other, &sealed).expect("whole"), None, "another site's");
        // Also where somebody writes another site's name on it.
        let name = for_site(&sealed_box::public_point(&other).expect("point"));
        let renamed = [&sealed[..9], &name, &sealed[17..]].concat();
        assert_eq!(open(&other, &renamed).expect_err("not for it").code(), "fleet_sealed");
    }

    #[test]
    fn what_was_changed_is_never_a_list() {
        let own = site(1);
        let sealed = sealed_for(&own);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(!matches!(open(&own, &changed), Ok(Some(_))), "byte {at}");
            assert!(!matches!(open(&own, &sealed[..at]), Ok(Some(_))), "{at} bytes");
        }
    }

    #[test]
    fn what_is_not_sealed_for_a_site_has_not_its_form() {
        let sealed = sealed_for(&site(1));
        for clear in [&b""[..], b"number\n001099000017\n", b"CCCDLIST", &sealed[..9 + 8 + 80], &sealed[1..]] {
            assert!(!is_sealed(clear), "{clear:?}");
            assert_eq!(open(&site(1), clear).expect_err("no list").code(), "fleet_malformed");
        }
        let mut newer = sealed.clone();
        newer[8] = 2;
        assert!(!is_sealed(&newer));
        let rsa = openssl::rsa::Rsa::generate(2048).and_then(|key| key.public_key_to_pem()).expect("a key");
        for wrong in [&b"no key"[..], &rsa] {
            assert_eq!(point(wrong).expect_err("no key of a site").code(), "fleet_malformed");
        }
    }
}
