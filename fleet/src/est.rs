//! What EST (RFC 7030) puts on the wire.
//!
//! Bodies are base64. `cacerts` and the enrolments answer a certs-only PKCS#7 SignedData (RFC 5652 clause 5, RFC 7030
//! clause 4.1.3), `simpleenroll` and `simplereenroll` take a PKCS#10 request. Our devices put their whole request into
//! the header [`REQUEST_HEADER`] beside it, and fetch the assignment afterwards; other clients authenticate with HTTP Basic
//! authentication (clause 3.2.3): the device's serial number and a one-time token.

use crate::FleetError;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openssl::pkcs7::Pkcs7;
use openssl::x509::X509;

/// Where EST lives.
pub const PATH: &str = "/.well-known/est";
/// Media type of certificates.
pub const CERTIFICATES: &str = "application/pkcs7-mime; smime-type=certs-only";
/// Media type of a request.
pub const PKCS10: &str = "application/pkcs10";
/// Header with the device's [`crate::request`], base64url.
pub const REQUEST_HEADER: &str = "cccd-enrolment";
/// Where the [`crate::answer`] to the last request is, for a device whose certificate was issued.
pub const ASSIGNMENT_PATH: &str = "/v1/assignment";
/// What a device says of itself with its certificate, JSON: [`Report`].
pub const REPORT_PATH: &str = "/v1/report";
/// What a device says of itself beside its report, JSON: [`State`]. A central that does not know it answers 404.
pub const STATE_PATH: &str = "/v1/state";
/// Where signed time is.
pub const TIME_PATH: &str = "/v1/time";
/// Where bundles are: `?after=VERSION`.
pub const BUNDLE_PATH: &str = "/v1/bundle";

/// Where files of updates are: `/SHA-256`, with a `Range` (RFC 9110 clause 14).
pub const FILE_PATH: &str = "/v1/file";
/// The most of a file in one answer.
pub const FILE_PART: u64 = 4 * 1024 * 1024;

/// What a device reports of itself, beside its events.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Version of the agent.
    pub software: String,
    /// Version of the bundle that is active; 0 when there is none.
    pub bundle: u64,
    /// Fingerprints of the roots that it trusts.
    pub roots: Vec<String>,
    /// How good its time is.
    pub time_quality: String,
    /// Where its keys are.
    pub protection: String,
}

/// How a device is, for whoever looks after it. Everything may be missing, and what a later version says besides is passed over.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct State {
    /// Events that wait to be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<u64>,
    /// Bytes that are free where its state lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_free: Option<u64>,
    /// Messages for recipients that wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undelivered: Option<u64>,
}

/// Header value of a request.
#[must_use]
pub fn to_header(request: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(request)
}

/// A request from its header value.
///
/// # Errors
/// When it is not base64url.
pub fn from_header(value: &str) -> Result<Vec<u8>, FleetError> {
    URL_SAFE_NO_PAD.decode(value).map_err(|_| FleetError::Malformed("enrolment header"))
}

/// A body in base64, in lines of 76 (RFC 2045 clause 6.8).
#[must_use]
pub fn to_body(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let lines = text.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned());
    lines.map(|line| line + "\r\n").collect()
}

/// The bytes of a body, whatever its line ends.
///
/// # Errors
/// When it is not base64.
pub fn from_body(body: &[u8]) -> Result<Vec<u8>, FleetError> {
    let text: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(text).map_err(|_| FleetError::Malformed("EST body"))
}

/// A DER element.
fn der(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let mut out = vec![tag];
    match content.len() {
        short @ 0..0x80 => out.push(short as u8),
        long => {
            let bytes = long.to_be_bytes();
            let first = bytes.iter().position(|byte| *byte != 0).unwrap_or_default();
            out.push(0x80 | (bytes.len() - first) as u8);
            out.extend_from_slice(&bytes[first..]);
        }
    }
    out.extend(content);
    out
}

/// OIDs pkcs7-signedData and pkcs7-data (RFC 2315 clause 14).
const SIGNED_DATA: [u8; 11] = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];
const DATA: [u8; 11] = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01];

/// Certificates (DER) as certs-only PKCS#7.
#[must_use]
pub fn certs_only(certificates: &[Vec<u8>]) -> Vec<u8> {
    let certificates: Vec<&[u8]> = certificates.iter().map(Vec::as_slice).collect();
    let signed = der(
        0x30,
        &[&[0x02, 0x01, 0x01], &[0x31, 0x00], &der(0x30, &[&DATA]), &der(0xA0, &certificates), &[0x31, 0x00]],
    );
    der(0x30, &[&SIGNED_DATA, &der(0xA0, &[&signed])])
}

/// The certificates of a certs-only PKCS#7.
///
/// # Errors
/// When it is none.
pub fn certificates(pkcs7: &[u8]) -> Result<Vec<X509>, FleetError> {
    let malformed = || FleetError::Malformed("certs-only PKCS#7");
    let parsed = Pkcs7::from_der(pkcs7).map_err(|_| malformed())?;
    let signed = parsed.signed().and_then(|signed| signed.certificates()).ok_or_else(malformed)?;
    Ok(signed.iter().map(ToOwned::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FleetCa;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    #[test]
    fn certificates_travel_and_openssl_reads_them() {
        let directory = tempfile::tempdir().expect("directory");
        let ca = FleetCa::create(directory.path(), b"pass phrase", &events::SystemClock::new()).expect("CA");
        ca.add_root(&events::SystemClock::new()).expect("root");
        let roots = ca.roots().expect("roots").to_der().expect("DER");
        let pkcs7 = certs_only(&roots);
        let back: Vec<Vec<u8>> =
            certificates(&pkcs7).expect("certificates").iter().map(|c| c.to_der().expect("DER")).collect();
        assert_eq!(back, roots);
        let arguments = ["pkcs7", "-inform", "DER", "-print_certs", "-noout"];
        let mut openssl = Command::new("openssl")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("openssl");
        openssl.stdin.take().expect("input").write_all(&pkcs7).expect("written");
        let said = openssl.wait_with_output().expect("openssl");
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(said.contains("fleet root 1") && said.contains("fleet root 2"), "{said}");
        assert_eq!(from_body(to_body(&pkcs7).as_bytes()).expect("body"), pkcs7);
        assert!(certificates(b"x").is_err() && from_body(b"*").is_err());
    }
}
