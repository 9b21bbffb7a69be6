//! Central's receipt for events that came on a stick: a signed document (kind `receipt`) under the key of the issuing root, with
//! the [`Receipt`] that a device gets over the network. Where an issuing key signs, its certificate goes along (kind
//! `issued-receipt`): the device knows the root.

use crate::authority::Roots;
use crate::request::octets;
use crate::{FleetCa, FleetError, decode, encode};
use events::sync::Receipt;
use events::{Verifier, sign_document};
use openssl::x509::X509;
use serde::{Deserialize, Serialize};

const KIND: &str = "receipt";
const ISSUED: &str = "issued-receipt";

/// A receipt and the certificate of the issuing key that signs it, DER.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Issued {
    #[serde(with = "octets")]
    issuer: Vec<u8>,
    #[serde(with = "octets")]
    receipt: Vec<u8>,
}

/// Signs a receipt.
///
/// # Errors
/// When the key cannot be used.
pub fn sign(receipt: &Receipt, ca: &FleetCa) -> Result<Vec<u8>, FleetError> {
    let plain = encode(receipt);
    let (kind, payload) = match ca.issuer() {
        Some(issuer) => (ISSUED, encode(&Issued { issuer: issuer.to_der()?, receipt: plain })),
        None => (KIND, plain),
    };
    sign_document(kind, &payload, &ca.public_key()?, |message| ca.sign(message))
        .map_err(|e| FleetError::Signing { what: KIND, why: e.to_string() })
}

/// The receipt of a signed document, by one of the roots, for this device.
///
/// # Errors
/// When nobody who is trusted signed it, or it is another device's.
pub fn open(bytes: &[u8], roots: &Roots, device: &str) -> Result<Receipt, FleetError> {
    let opened = |key: &Vec<u8>| Verifier::new(key).and_then(|key| key.open_document(KIND, bytes)).ok();
    let by_root = roots.keys().iter().find_map(opened);
    let payload = by_root.or_else(|| issued(bytes, roots)).ok_or(FleetError::Signature(KIND))?;
    let receipt: Receipt = decode(KIND, &payload)?;
    if receipt.device == device { Ok(receipt) } else { Err(FleetError::Nonce(KIND)) }
}

/// The payload of a receipt by an issuing key that one of the roots certified.
fn issued(bytes: &[u8], roots: &Roots) -> Option<Vec<u8>> {
    let Issued { issuer, receipt } = decode(ISSUED, &crate::payload(ISSUED, bytes).ok()?).ok()?;
    let issuers = roots.issuers(&[X509::from_der(&issuer).ok()?]);
    let signed = |key: &Vec<u8>| Verifier::new(key).is_ok_and(|key| key.open_document(ISSUED, bytes).is_ok());
    issuers.keys().iter().any(signed).then_some(receipt)
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
        let receipt = Receipt {
            device: "d".to_owned(),
            committed: 7,
            head: "00".to_owned(),
            at: 5,
            refused: Vec::new(),
            log: None,
        };
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
