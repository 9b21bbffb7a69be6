//! The time, signed over a nonce: for devices whose clock knows nothing, over any way, a phone included.
//!
//! A signed document (kind `time`) under the key of central's TLS certificate. Payload, version 1: `v`, `at` (seconds since
//! 1970), `chain` (that certificate and links to older roots, DER), `nonce` (16 bytes, the asker's). It proves that
//! central said `at` after the nonce was made. Validity of certificates is not looked at: that is what it is asked for.

use crate::answer::Octets;
use crate::authority::Roots;
use crate::{FleetError, Sign, decode, encode};
use events::event::Bytes;
use events::{Verifier, sign_document};
use openssl::x509::X509;
use serde::{Deserialize, Serialize};

const KIND: &str = "time";
const WHAT: &str = "signed time";
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    #[serde(rename = "v")]
    version: u32,
    at: i64,
    chain: Vec<Octets>,
    nonce: Bytes<16>,
}

/// Signs the time with the key of the first certificate of `chain` (DER).
///
/// # Errors
/// When the key cannot sign.
pub fn sign(at: i64, nonce: Bytes<16>, chain: &[Vec<u8>], key: Sign<'_>) -> Result<Vec<u8>, FleetError> {
    let chain: Vec<Octets> = chain.iter().map(|der| Octets(der.clone())).collect();
    let first = chain.first().and_then(|der| X509::from_der(&der.0).ok()).ok_or(FleetError::Malformed("chain"))?;
    let public = first.public_key()?.public_key_to_der()?;
    let statement = Statement { version: VERSION, at, chain, nonce };
    sign_document(KIND, &encode(&statement), &public, key)
        .map_err(|e| FleetError::Signing { what: WHAT, why: e.to_string() })
}

/// The time of a statement that answers this nonce, by a server whose certificate leads to one of the roots.
///
/// # Errors
/// When it does not.
pub fn open(bytes: &[u8], nonce: Bytes<16>, roots: &Roots) -> Result<i64, FleetError> {
    let statement: Statement = decode(WHAT, &crate::payload(WHAT, bytes)?)?;
    if statement.version != VERSION {
        return Err(FleetError::Version { what: WHAT, version: statement.version });
    }
    let chain: Result<Vec<X509>, _> = statement.chain.iter().map(|der| X509::from_der(&der.0)).collect();
    let chain = chain.map_err(|_| FleetError::Malformed(WHAT))?;
    let server = chain.first().ok_or(FleetError::Malformed(WHAT))?;
    // A device's certificate is of the same root, and says nothing about the time.
    let is_server =
        server.to_text().is_ok_and(|text| String::from_utf8_lossy(&text).contains("Web Server Authentication"));
    if !roots.reach(&chain) || !is_server {
        return Err(FleetError::Root(WHAT));
    }
    let key = server.public_key()?.public_key_to_der()?;
    let verifier = Verifier::new(&key).map_err(|_| FleetError::Malformed(WHAT))?;
    verifier.open_document(KIND, bytes).map_err(|_| FleetError::Signature(WHAT))?;
    if statement.nonce == nonce { Ok(statement.at) } else { Err(FleetError::Nonce(WHAT)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FleetCa;

    #[test]
    fn a_time_of_another_version_is_not_understood() {
        let (directory, out) = (tempfile::tempdir().expect("directory"), tempfile::tempdir().expect("directory"));
        let clock = events::SystemClock::new();
        let ca = FleetCa::create(directory.path(), b"pass phrase", &clock).expect("CA");
        ca.server(out.path(), &["127.0.0.1".to_owned()], b"pass phrase", &clock).expect("server");
        let read = |name: &str| std::fs::read(out.path().join(name)).expect("file");
        let certificate = X509::from_pem(&read("server.cert.pem")).expect("PEM");
        let key = events::sealed::Lock::new(b"pass phrase").open_key(&read("server.key.pem")).expect("key");
        let public = key.public_key_to_der().expect("key");
        for (version, taken) in [(VERSION, true), (VERSION + 1, false)] {
            let chain = vec![Octets(certificate.to_der().expect("DER"))];
            let statement = Statement { version, at: 9, chain, nonce: Bytes([1; 16]) };
            let sign = |m: &[u8]| crate::authority::sign(&key, m).map_err(|e| e.to_string());
            let bytes = sign_document(KIND, &encode(&statement), &public, sign).expect("signed");
            assert_eq!(open(&bytes, Bytes([1; 16]), &ca.roots().expect("roots")).is_ok(), taken);
        }
    }
}
