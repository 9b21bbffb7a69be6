//! Signed data: EF.SOD, EF.CardSecurity and lists.

use super::Oddity;
use super::below::SIGNER;
use super::certificate::name;
use super::der::{Hash, OID_EC_PUBLIC_KEY, OID_PKCS9, OID_SIGNED_DATA, integer, oid, oid_under, sequence};
use super::key::SigningKey;
use emrtd::hazmat::tlv::encode;
use openssl::error::ErrorStack;
use openssl::hash::hash;
use std::collections::BTreeMap;

/// A document signer at work.
pub(super) struct Signing {
    pub(super) key: SigningKey,
    pub(super) certificate: Vec<u8>,
    pub(super) issuer_name: Vec<u8>,
    pub(super) serial: u8,
    pub(super) oddity: Oddity,
}

impl Signing {
    /// The hash over content and data groups.
    pub(super) fn digest(&self) -> Hash {
        match (self.oddity, self.key.hash) {
            (Oddity::Sha1Signature | Oddity::Sha1PssDefaults | Oddity::Md5Signature, _) => Hash::Sha256,
            (_, hash) => hash,
        }
    }

    /// What is signed about the content.
    fn attributes(&self, content_type: &[u8], content: &[u8], signed_at: &str) -> Result<Vec<Vec<u8>>, ErrorStack> {
        let attribute =
            |arc: u8, values: &[Vec<u8>]| sequence(&[oid_under(OID_PKCS9, arc), encode(0x31, &values.concat())]);
        let right = encode(0x04, &hash(self.digest().digest(), content)?);
        let wrong = encode(0x04, &hash(self.digest().digest(), b"another content")?);
        let time = encode(0x17, signed_at.as_bytes());
        let content_type = attribute(3, &[oid(content_type)]);
        let other_type = attribute(3, &[oid(&[0x2A, 3, 4])]);
        let types = match self.oddity {
            Oddity::ContentTypeMissing => vec![],
            Oddity::WrongContentType => vec![other_type],
            Oddity::TwoContentTypes => vec![other_type, content_type],
            _ => vec![content_type],
        };
        let times = match self.oddity {
            Oddity::SigningTimeMissing => vec![],
            Oddity::SigningTimeUnreadable => vec![attribute(5, &[encode(0x17, b"yesterday")])],
            Oddity::SigningTimeTwice => vec![attribute(5, &[time]); 2],
            Oddity::SigningTimeFuture => vec![attribute(5, &[encode(0x17, b"450101000000Z")])],
            _ => vec![attribute(5, &[time])],
        };
        let digests = match self.oddity {
            Oddity::MessageDigestMissing => vec![],
            Oddity::WrongContentHash => vec![attribute(4, &[wrong])],
            Oddity::TwoMessageDigests => vec![attribute(4, &[wrong]), attribute(4, &[right])],
            Oddity::TwoDigestValues => vec![attribute(4, &[right, wrong])],
            _ => vec![attribute(4, &[right])],
        };
        Ok([types, times, digests].concat())
    }

    /// ContentInfo with SignedData over `content`.
    pub(super) fn signed_data(
        &self,
        content_type: &[u8],
        content: &[u8],
        signed_at: &str,
    ) -> Result<Vec<u8>, ErrorStack> {
        let Self { key, certificate, issuer_name, serial, oddity } = self;
        let mut attributes = self.attributes(content_type, content, signed_at)?;
        // DER order of a SET OF: by encoding.
        attributes.sort();
        let sorted = attributes.concat();
        if matches!(oddity, Oddity::AttributesUnsorted | Oddity::AttributesResorted) {
            attributes.reverse();
        }
        let attributes = attributes.concat();
        let bare = *oddity == Oddity::NoSignedAttributes;
        let signature = key.sign(&match oddity {
            Oddity::NoSignedAttributes => content.to_vec(),
            Oddity::AttributesResorted => encode(0x31, &sorted),
            Oddity::WrongSignature => b"something else".to_vec(),
            _ => encode(0x31, &attributes),
        })?;
        let algorithm = match oddity {
            Oddity::SignatureAlgorithmIsKeyType => sequence(&[oid(OID_EC_PUBLIC_KEY)]),
            Oddity::UnknownSignatureAlgorithm => sequence(&[oid(&[0x2A, 3, 5])]),
            _ => key.algorithm(),
        };
        let named = if *oddity == Oddity::SignerIdentifier { serial + 1 } else { *serial };
        let digest = match oddity {
            Oddity::Md5Digest => Hash::Md5,
            _ => self.digest(),
        };
        let signer_info = sequence(&[
            integer(&[1]),
            sequence(&[issuer_name.clone(), integer(&[named])]),
            digest.algorithm(),
            if bare { Vec::new() } else { encode(0xA0, &attributes) },
            algorithm,
            encode(0x04, &signature),
        ]);
        let signers = match oddity {
            Oddity::TwoSigners => [signer_info.clone(), signer_info].concat(),
            _ => signer_info,
        };
        let version = match oddity {
            Oddity::Version => 4,
            Oddity::ContentTypeIsData => 1,
            _ => 3,
        };
        let digests = if *oddity == Oddity::DigestAlgorithms { Vec::new() } else { digest.algorithm() };
        let certificates = match oddity {
            Oddity::NoCertificate => Vec::new(),
            _ => encode(0xA0, certificate),
        };
        let signed_data = sequence(&[
            integer(&[version]),
            encode(0x31, &digests),
            sequence(&[oid(content_type), encode(0xA0, &encode(0x04, content))]),
            certificates,
            encode(0x31, &signers),
        ]);
        let info = [oid(OID_SIGNED_DATA), encode(0xA0, &signed_data)].concat();
        Ok(match oddity {
            Oddity::IndefiniteLength => [&[0x30, 0x80], &info[..], &[0, 0]].concat(),
            Oddity::LengthNotShortest => {
                let length = (info.len() as u32).to_be_bytes();
                [&[0x30, 0x84], &length[..], &info].concat()
            }
            _ => sequence(&[info]),
        })
    }

    /// LDSSecurityObject with the hashes of the groups.
    pub(super) fn security_object(&self, groups: &BTreeMap<u8, Vec<u8>>) -> Result<Vec<u8>, ErrorStack> {
        let mut hashes = Vec::new();
        for (number, bytes) in groups {
            let mut digest = hash(self.digest().digest(), bytes)?.to_vec();
            if self.oddity == Oddity::ShortHashes {
                digest.truncate(28);
            }
            hashes.push(sequence(&[integer(&[*number]), encode(0x04, &digest)]));
        }
        if self.oddity == Oddity::GroupTwice {
            hashes.extend(hashes.first().cloned());
        }
        let stated = matches!(self.oddity, Oddity::Lds18 | Oddity::LdsVersion | Oddity::LdsVersionText);
        let version = integer(if stated { &[1] } else { &[] });
        let text = |version: &[u8]| sequence(&[encode(0x13, version), encode(0x13, b"040000")]);
        let info = match self.oddity {
            Oddity::Lds18 => text(b"0108"),
            Oddity::LdsVersionText => text(b"9999"),
            _ => Vec::new(),
        };
        let object = sequence(&[version, self.digest().algorithm(), sequence(&hashes), info]);
        Ok(match self.oddity {
            Oddity::BytesAfterContent => [object, encode(0x04, b"more")].concat(),
            _ => object,
        })
    }
}

/// The name of a document signer.
pub(super) fn signer_name(country: &str, oddity: Oddity) -> Vec<u8> {
    match oddity {
        Oddity::SignerCountry => name("UT", SIGNER),
        Oddity::HostileName => name(country, "\u{1b}[2J\u{1b}[32mThe card is genuine\u{202e}\r\n"),
        _ => name(country, SIGNER),
    }
}
