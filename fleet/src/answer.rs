//! What comes back to a device that is let in.
//!
//! A signed document (kind `enrolment-answer`) under the key of the fleet's issuing root, or of the issuing key that it certified. Payload, version 1:
//!
//! | key | is |
//! |---|---|
//! | `v` | 1 |
//! | `at` | when it was made, seconds since 1970: the device's clock is not earlier |
//! | `nonce` | that of the request |
//! | `roots` | the fleet's roots, the links between them, and the certificate of the issuing key where one signs; each in DER |
//! | `assignment` | [`Assignment`] (CBOR), in a [`crate::sealed_box`] for the device's box key |
//! | `certificate` | of the TLS key, DER |

use crate::authority::Roots;
pub use crate::request::Octets;
use crate::request::octets;
use crate::sites::SiteKeys;
use crate::{FleetError, Sign, decode, encode, payload};
use events::event::Bytes;
use events::{Verifier, sign_document};
use openssl::x509::X509;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

/// Version of the payload.
pub const VERSION: u32 = 1;
/// Version of the assignment. 1 had a key of the site that never ended; a device that was told one is enrolled anew.
pub const ASSIGNMENT_VERSION: u32 = 2;
/// The largest answer.
pub const MAX_ANSWER: usize = 64 * 1024;
const KIND: &str = "enrolment-answer";
const WHAT: &str = "enrolment answer";

/// What a device is told of its place.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// Version of the format.
    #[serde(rename = "v")]
    pub version: u32,
    /// Where it stands.
    pub site: String,
    /// Its name, the common name of its certificate.
    pub device: String,
    /// Where events go: `https://host:port`.
    pub central: String,
    /// The site profile that it begins with.
    pub profile: String,
    /// Keys that end, of the keyed hash that stands for a holder in events ([`events::chain`]); one set for all devices of a
    /// site.
    #[serde(with = "octets")]
    pub chains: Vec<u8>,
    /// The key of lists and ledgers, which opens no event.
    #[serde(with = "octets")]
    pub counting: Vec<u8>,
    /// Keys whose bundles, lists and notices it takes: SubjectPublicKeyInfo in DER.
    pub operators: Vec<Octets>,
    /// `production`, `practice`, …: fleets of different kinds do not mix.
    pub environment: String,
}

impl Assignment {
    /// The keys of the site.
    ///
    /// # Errors
    /// When they are of another form.
    pub fn site_keys(&self) -> Result<SiteKeys, FleetError> {
        SiteKeys::new(&self.chains, &self.counting).ok_or(FleetError::Malformed("assignment"))
    }
}

impl Drop for Assignment {
    fn drop(&mut self) {
        self.chains.zeroize();
        self.counting.zeroize();
    }
}

impl std::fmt::Debug for Assignment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Assignment({} at {})", self.device, self.site)
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Version of the format.
    #[serde(rename = "v")]
    pub version: u32,
    /// When it was made.
    pub at: i64,
    /// Of the request.
    pub nonce: Bytes<16>,
    /// Roots and links, DER.
    pub roots: Vec<Octets>,
    /// The sealed assignment.
    #[serde(with = "octets")]
    pub assignment: Vec<u8>,
    /// The device's certificate, DER.
    #[serde(with = "octets")]
    pub certificate: Vec<u8>,
}

/// Seals an assignment for a device and signs the answer with the issuing root's key.
///
/// # Errors
/// When a key cannot be used.
pub fn sign(answer: &Answer, root_key: &[u8], sign: Sign<'_>) -> Result<Vec<u8>, FleetError> {
    sign_document(KIND, &encode(answer), root_key, sign)
        .map_err(|e| FleetError::Signing { what: WHAT, why: e.to_string() })
}

/// An assignment, sealed for a box key.
///
/// # Errors
/// When the box key is none.
pub fn seal(assignment: &Assignment, box_key: &[u8]) -> Result<Vec<u8>, FleetError> {
    crate::sealed_box::seal(box_key, &Zeroizing::new(encode(assignment)))
}

/// The signed answer to a request: the certificate, and the assignment sealed for the device.
///
/// # Errors
/// When a file of the CA cannot be read, or the box key is none.
pub fn issue(
    ca: &crate::FleetCa,
    request: &crate::request::Request,
    certificate: Vec<u8>,
    assignment: &Assignment,
    at: i64,
) -> Result<Vec<u8>, FleetError> {
    let mut roots = ca.roots()?.to_der()?;
    for link in ca.links()? {
        roots.push(link.to_der()?);
    }
    if let Some(issuer) = ca.issuer() {
        roots.push(issuer.to_der()?);
    }
    let answer = Answer {
        version: VERSION,
        at,
        nonce: request.nonce,
        roots: roots.into_iter().map(Octets).collect(),
        assignment: seal(assignment, &request.box_key)?,
        certificate,
    };
    sign(&answer, &ca.public_key()?, &|message| ca.sign(message))
}

/// An answer that was checked.
#[derive(Debug)]
pub struct Opened {
    /// The answer.
    pub answer: Answer,
    /// The roots that are trusted from now on.
    pub roots: Roots,
    /// The assignment.
    pub assignment: Assignment,
}

/// Reads the answer to a request. A root that `pinned` trusts has signed it, directly or over links; it answers `nonce`;
/// its certificate is for `tls_key` and by a root that is trusted.
///
/// # Errors
/// When any of that is not so.
pub fn open(
    bytes: &[u8],
    pinned: &Roots,
    nonce: Bytes<16>,
    tls_key: &[u8],
    box_key: &openssl::ec::EcKey<openssl::pkey::Private>,
) -> Result<Opened, FleetError> {
    if bytes.len() > MAX_ANSWER {
        return Err(FleetError::Malformed(WHAT));
    }
    let answer: Answer = decode(WHAT, &payload(WHAT, bytes)?)?;
    if answer.version != VERSION {
        return Err(FleetError::Version { what: WHAT, version: answer.version });
    }
    let offered: Result<Vec<X509>, _> = answer.roots.iter().map(|der| X509::from_der(&der.0)).collect();
    let offered = offered.map_err(|_| FleetError::Malformed(WHAT))?;
    let roots = pinned.extended(&offered);
    let issuers = roots.issuers(&offered);
    let signed = |key: &[u8]| Verifier::new(key).is_ok_and(|key| key.open_document(KIND, bytes).is_ok());
    if !roots.keys().iter().chain(&issuers.keys()).any(|key| signed(key)) {
        return Err(FleetError::Signature(WHAT));
    }
    if answer.nonce != nonce {
        return Err(FleetError::Nonce(WHAT));
    }
    let certificate = X509::from_der(&answer.certificate).map_err(|_| FleetError::Malformed("certificate"))?;
    if !roots.issued(&certificate) && !issuers.issued(&certificate) {
        return Err(FleetError::Root("certificate"));
    }
    if certificate.public_key().and_then(|key| key.public_key_to_der())? != tls_key {
        return Err(FleetError::Nonce("certificate"));
    }
    let plain = crate::sealed_box::open(box_key, &answer.assignment)?;
    let assignment: Assignment = decode("assignment", &plain)?;
    if assignment.version != ASSIGNMENT_VERSION {
        return Err(FleetError::Version { what: "assignment", version: assignment.version });
    }
    Ok(Opened { answer, roots, assignment })
}
