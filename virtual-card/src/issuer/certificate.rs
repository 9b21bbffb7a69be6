//! Certificates and revocation lists of the practice issuer.

use super::Oddity;
use super::der::{Hash, OID_ECDSA, OID_ICAO, bit_string, integer, oid, oid_under, sequence};
use super::key::SigningKey;
use emrtd::hazmat::tlv::encode;
use openssl::error::ErrorStack;

/// A name; without a country where that is empty.
pub(super) fn name(country: &str, common_name: &str) -> Vec<u8> {
    let attribute = |arc: u8, tag: u32, value: &str| {
        encode(0x31, &sequence(&[oid(&[0x55, 0x04, arc]), encode(tag, value.as_bytes())]))
    };
    let country = if country.is_empty() { Vec::new() } else { attribute(6, 0x13, country) };
    sequence(&[country, attribute(10, 0x0C, "Practice cards, synthetic"), attribute(3, 0x0C, common_name)])
}

/// A certificate to be issued.
pub(super) struct Request<'a> {
    pub(super) serial: u8,
    pub(super) subject: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    pub(super) not_before: &'a str,
    pub(super) not_after: &'a str,
    pub(super) is_ca: bool,
    /// The extended key usage of a bar code signer, which has no other extension that says what it is for.
    pub(super) seal: Option<&'a [u8]>,
    pub(super) oddity: Oddity,
}

fn time(text: &str) -> Vec<u8> {
    encode(0x18, text.as_bytes())
}

fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { encode(0x01, &[0xFF]) } else { Vec::new() };
    sequence(&[oid(id), critical, encode(0x04, value)])
}

fn standard(arc: u8, critical: bool, value: &[u8]) -> Vec<u8> {
    extension(&[0x55, 0x1D, arc], critical, value)
}

/// keyUsage and basicConstraints of an authority.
fn authority(oddity: Oddity) -> Vec<Vec<u8>> {
    let key_usage = match oddity {
        Oddity::CscaNoCertSign => [0x03, 0x02, 0x07, 0x80],
        Oddity::CscaNoListSign => [0x03, 0x02, 0x02, 0x04],
        // keyCertSign and cRLSign.
        _ => [0x03, 0x02, 0x01, 0x06],
    };
    let constraints = match oddity {
        Oddity::CscaNoBasicConstraints => Vec::new(),
        Oddity::CscaNotAuthority | Oddity::LinkNotAuthority => standard(19, true, &sequence(&[])),
        _ => standard(19, true, &sequence(&[encode(0x01, &[0xFF]), integer(&[0])])),
    };
    vec![standard(15, true, &key_usage), constraints]
}

/// extendedKeyUsage with one purpose; none where that is empty.
fn extended(usage: &[u8]) -> Vec<Vec<u8>> {
    if usage.is_empty() { Vec::new() } else { vec![standard(37, true, &sequence(&[oid(usage)]))] }
}

/// What a document signer's certificate says of its purpose.
fn purpose(oddity: Oddity) -> Vec<Vec<u8>> {
    let key_usage = |value: &[u8]| standard(15, true, value);
    let usage = match oddity {
        // nonRepudiation only, keyCertSign only, an INTEGER.
        Oddity::NoDigitalSignature => key_usage(&[0x03, 0x02, 0x06, 0x40]),
        Oddity::KeyCertSign => key_usage(&[0x03, 0x02, 0x02, 0x04]),
        Oddity::UnreadableKeyUsage => key_usage(&[0x02, 0x01, 0x00]),
        _ => key_usage(&[0x03, 0x02, 0x07, 0x80]),
    };
    let extended = |id: &[u8]| standard(37, true, &sequence(&[oid(id)]));
    let under = |arcs: &[u8]| [OID_ICAO, arcs].concat();
    let types = |code: &str| {
        let list = sequence(&[integer(&[]), encode(0x31, &encode(0x13, code.as_bytes()))]);
        extension(&under(&[6, 2]), false, &list)
    };
    let more = match oddity {
        Oddity::AnyPurpose => extended(&[0x55, 0x1D, 0x25, 0x00]),
        Oddity::BarcodeSigner => extended(&under(&[14, 2])),
        Oddity::MasterListSigner => extended(&under(&[3])),
        Oddity::DeviationListSigner => extended(&under(&[8])),
        Oddity::OtherPurpose => extended(&[0x2B, 6, 1, 5, 5, 7, 3, 1]),
        Oddity::UnknownCritical => extension(&[0x2A, 3, 4], true, &[0x05, 0x00]),
        Oddity::RightDocumentType => types("ID"),
        Oddity::OtherDocumentType => types("P"),
        Oddity::SignerIsAuthority => standard(19, true, &sequence(&[encode(0x01, &[0xFF])])),
        Oddity::RepeatedExtension => key_usage(&[0x03, 0x02, 0x02, 0x04]),
        Oddity::KeyUsagePeriod => {
            let period = [encode(0x80, b"20210101000000Z"), encode(0x81, b"20220101000000Z")];
            standard(16, false, &sequence(&period))
        }
        _ => Vec::new(),
    };
    vec![usage, more]
}

pub(super) fn certificate(
    request: &Request<'_>,
    subject: &SigningKey,
    issuer: &SigningKey,
) -> Result<Vec<u8>, ErrorStack> {
    let mut authority_key = issuer.identifier()?;
    if request.oddity == Oddity::AuthorityKeyIdentifier {
        authority_key.reverse();
    }
    let sha1 = match request.oddity {
        Oddity::Sha1Certificate => !request.is_ca,
        Oddity::Sha1Csca => request.is_ca,
        _ => false,
    };
    let issuer = SigningKey {
        key: issuer.key.clone(),
        hash: if sha1 { Hash::Sha1 } else { issuer.hash },
        spki: issuer.spki.clone(),
        scheme: issuer.scheme,
    };
    // Inside the signed part another algorithm may be named than outside.
    let inner = match request.oddity {
        Oddity::CertificateAlgorithm => sequence(&[oid_under(OID_ECDSA, 1)]),
        _ => issuer.algorithm(),
    };
    let mut extensions = vec![
        standard(14, false, &encode(0x04, &subject.identifier()?)),
        standard(35, false, &sequence(&[encode(0x80, &authority_key)])),
    ];
    extensions.extend(match request.seal {
        // An authority for health certificates has both.
        Some(usage) if request.is_ca => [authority(request.oddity), extended(usage)].concat(),
        Some(usage) => extended(usage),
        None if request.is_ca => authority(request.oddity),
        None => purpose(request.oddity),
    });
    let tbs = sequence(&[
        encode(0xA0, &integer(&[2])),
        integer(&[request.serial]),
        inner,
        request.issuer.clone(),
        sequence(&[time(request.not_before), time(request.not_after)]),
        request.subject.clone(),
        subject.spki.clone(),
        encode(0xA3, &sequence(&extensions)),
    ]);
    let mut signature = issuer.sign(&tbs)?;
    if request.is_ca && request.oddity == Oddity::CscaSelfSignatureWrong {
        signature = issuer.sign(b"something else")?;
    }
    Ok(sequence(&[tbs, issuer.algorithm(), bit_string(&signature)]))
}

/// The serial number that revocation lists name.
pub(super) const REVOKED_SERIAL: u8 = 66;

/// A revocation list to be issued.
#[derive(Debug, Clone, Copy)]
pub struct ListRequest {
    /// When it was issued, `YYYYMMDDhhmmssZ`.
    pub this_update: &'static str,
    /// When the next one is due.
    pub next_update: &'static str,
    /// Its number; 0 for none.
    pub number: u8,
    /// Whether it names anybody.
    pub revokes: bool,
    /// What is wrong with it.
    pub oddity: ListOddity,
}

impl Default for ListRequest {
    fn default() -> Self {
        Self {
            this_update: "20260101000000Z",
            next_update: "20400101000000Z",
            number: 0,
            revokes: true,
            oddity: ListOddity::None,
        }
    }
}

/// What is wrong with a revocation list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListOddity {
    /// Nothing.
    None,
    /// It is a change to another list.
    Delta,
    /// It is about the certificates of another issuer.
    Indirect,
    /// An entry is about the certificate of another issuer.
    IndirectEntry,
    /// It has a critical extension that nobody knows.
    UnknownCritical,
    /// Its signature is wrong.
    WrongSignature,
}

/// A revocation list of this issuer.
pub(super) fn revocation_list(
    request: &ListRequest,
    issuer_name: &[u8],
    issuer: &SigningKey,
) -> Result<Vec<u8>, ErrorStack> {
    let indirect = match request.oddity {
        ListOddity::IndirectEntry => sequence(&[standard(29, true, &sequence(&[]))]),
        _ => Vec::new(),
    };
    let entry = sequence(&[integer(&[REVOKED_SERIAL]), time("20240601000000Z"), indirect]);
    let mut extensions = Vec::new();
    if request.number > 0 {
        extensions.push(standard(20, false, &integer(&[request.number])));
        extensions.push(standard(35, false, &sequence(&[encode(0x80, &issuer.identifier()?)])));
    }
    match request.oddity {
        ListOddity::Delta => extensions.push(standard(27, true, &integer(&[1]))),
        ListOddity::Indirect => extensions.push(standard(28, true, &sequence(&[encode(0x84, &[0xFF])]))),
        ListOddity::UnknownCritical => extensions.push(extension(&[0x2A, 3, 4], true, &[0x05, 0x00])),
        _ => {}
    }
    let tbs = sequence(&[
        integer(&[1]),
        issuer.algorithm(),
        issuer_name.to_vec(),
        time(request.this_update),
        time(request.next_update),
        if request.revokes { sequence(&[entry]) } else { Vec::new() },
        if extensions.is_empty() { Vec::new() } else { encode(0xA0, &sequence(&extensions)) },
    ]);
    let wrong = request.oddity == ListOddity::WrongSignature;
    let signature = issuer.sign(if wrong { b"something else" } else { &tbs })?;
    Ok(sequence(&[tbs, issuer.algorithm(), bit_string(&signature)]))
}
