//! Central's receipt for events that came on a stick: a signed document (kind `receipt`) under the key of the issuing root, with
//! the [`Receipt`] that a device gets over the network.

use crate::authority::Roots;
use crate::{FleetCa, FleetError, decode, encode};
use events::sync::Receipt;
use events::{Verifier, sign_document};

const KIND: &str = "receipt";

/// Signs a receipt.
///
/// # Errors
/// When the key cannot be used.
pub fn sign(receipt: &Receipt, ca: &FleetCa) -> Result<Vec<u8>, FleetError> {
    sign_document(KIND, &encode(receipt), &ca.public_key()?, |message| ca.sign(message))
        .map_err(|e| FleetError::Signing { what: KIND, why: e.to_string() })
}

/// The receipt of a signed document, by one of the roots, for this device.
///
/// # Errors
/// When nobody who is trusted signed it, or it is another device's.
pub fn open(bytes: &[u8], roots: &Roots, device: &str) -> Result<Receipt, FleetError> {
    let opened = |key: &Vec<u8>| Verifier::new(key).and_then(|key| key.open_document(KIND, bytes)).ok();
    let payload = roots.keys().iter().find_map(opened).ok_or(FleetError::Signature(KIND))?;
    let receipt: Receipt = decode(KIND, &payload)?;
    if receipt.device == device { Ok(receipt) } else { Err(FleetError::Nonce(KIND)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_the_fleets_and_one_devices() {
        let (one, two) = (tempfile::tempdir().expect("directory"), tempfile::tempdir().expect("directory"));
        let clock = events::SystemClock::new();
        let ca = FleetCa::create(one.path(), b"pass phrase", &clock).expect("CA");
        let other = FleetCa::create(two.path(), b"pass phrase", &clock).expect("CA");
        let receipt =
            Receipt { device: "d".to_owned(), committed: 7, head: "00".to_owned(), at: 5, refused: Vec::new() };
        let signed = sign(&receipt, &ca).expect("signed");
        let roots = ca.roots().expect("roots");
        assert_eq!(open(&signed, &roots, "d").expect("receipt"), receipt);
        assert_eq!(open(&signed, &roots, "e").expect_err("another's").code(), "fleet_nonce");
        assert_eq!(open(&signed, &other.roots().expect("roots"), "d").expect_err("fleet").code(), "fleet_signature");
        for at in 0..signed.len() {
            let mut changed = signed.clone();
            changed[at] ^= 1;
            assert!(open(&changed, &roots, "d").is_err(), "byte {at}");
        }
    }
}
