//! Seals of the practice issuer: bar code signers, and what they sign (ICAO 9303-13, VDS-NC).

use super::certificate::{Request, certificate, name};
use super::der::{Hash, OID_ICAO, oid, sequence};
use super::key::SigningKey;
use super::{CSCA_1, Issuer, Oddity, TrustFile};
use emrtd::hazmat::tlv::encode;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::nid::Nid;

/// Who signs a seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealSigner {
    /// A bar code signer.
    BarCode,
    /// One for seals in the JSON form.
    NonConstrained,
    /// A document signer, by its extended key usage.
    Documents,
    /// A certificate that does not say what it is for: document signers do not.
    Unnamed,
}

impl SealSigner {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::BarCode, Self::NonConstrained, Self::Documents, Self::Unnamed];

    fn usage(self) -> Vec<u8> {
        match self {
            Self::BarCode => [OID_ICAO, &[11, 1]].concat(),
            Self::NonConstrained => [OID_ICAO, &[14, 2]].concat(),
            Self::Documents => [OID_ICAO, &[1]].concat(),
            Self::Unnamed => Vec::new(),
        }
    }

    fn serial(self) -> u8 {
        0x90 + self as u8
    }
}

/// The fields of a binary seal that a test chooses.
#[derive(Debug, Clone)]
pub struct SealRequest<'a> {
    /// The issuing state, three letters or `D`.
    pub state: &'a str,
    /// When it was issued and signed, `MMDDYYYY`.
    pub date: u32,
    /// Category and definition.
    pub kind: [u8; 2],
    /// Features by tag.
    pub features: &'a [(u8, Vec<u8>)],
}

impl Issuer {
    fn seal_key(&self) -> Result<SigningKey, ErrorStack> {
        SigningKey::ec(&format!("practice/seal-{}", self.country), Nid::X9_62_PRIME256V1, Hash::Sha256, false)
    }

    /// The certificate of a signer of seals, below the first CSCA.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn seal_signer(&self, signer: SealSigner) -> Result<Vec<u8>, ErrorStack> {
        let attribute =
            |arc: u8, value: &str| encode(0x31, &sequence(&[oid(&[0x55, 0x04, arc]), encode(0x13, value.as_bytes())]));
        let request = Request {
            serial: signer.serial(),
            subject: sequence(&[attribute(6, &self.country), attribute(3, "TS")]),
            issuer: name(&self.country, CSCA_1),
            not_before: "20210101000000Z",
            not_after: "20381231235959Z",
            is_ca: false,
            seal: Some(&signer.usage()),
            oddity: Oddity::None,
        };
        certificate(&request, &self.seal_key()?, &self.csca_1)
    }

    /// The first CSCA as an authority for health certificates only.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn health_authority(&self) -> Result<TrustFile, ErrorStack> {
        let request = Request {
            serial: 1,
            subject: name(&self.country, CSCA_1),
            issuer: name(&self.country, CSCA_1),
            not_before: "20200101000000Z",
            not_after: "20401231235959Z",
            is_ca: true,
            seal: Some(&[OID_ICAO, &[14, 1]].concat()),
            oddity: Oddity::None,
        };
        Ok(TrustFile { name: "csca-health.cer", der: certificate(&request, &self.csca_1, &self.csca_1)? })
    }

    /// r ‖ s under the key of the signers of seals.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn sign_plain(&self, message: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let signature = EcdsaSig::from_der(&self.seal_key()?.sign(message)?)?;
        Ok([signature.r().to_vec_padded(32)?, signature.s().to_vec_padded(32)?].concat())
    }

    /// A seal in the binary form, version 4.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn seal(&self, signer: SealSigner, request: &SealRequest<'_>) -> Result<Vec<u8>, ErrorStack> {
        let SealRequest { state, date, kind: [category, definition], features } = request;
        let reference = format!("{}TS02{:02X}", self.country, signer.serial());
        let date = &date.to_be_bytes()[1..];
        let mut seal = [&[0xDC, 0x03][..], &c40(&format!("{state: <3}")), &c40(&reference), date, date].concat();
        seal.extend([*definition, *category]);
        for (tag, value) in *features {
            seal.extend(
                encode(0x04, value).split_first().map(|(_, rest)| [&[*tag], rest].concat()).unwrap_or_default(),
            );
        }
        let signature = self.sign_plain(&seal)?;
        seal.extend([0xFF, 0x40]);
        seal.extend(signature);
        Ok(seal)
    }

    /// A seal in the JSON form, around the canonical form of its data.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn seal_nc(&self, signer: SealSigner, data: &str) -> Result<String, ErrorStack> {
        let base64 = |bytes: &[u8]| {
            let text = openssl::base64::encode_block(bytes).replace('\n', "");
            text.replace('+', "-").replace('/', "_")
        };
        let (certificate, signature) = (base64(&self.seal_signer(signer)?), base64(&self.sign_plain(data.as_bytes())?));
        let sig = format!("{{\"alg\":\"ES256\",\"cer\":\"{certificate}\",\"sigvl\":\"{signature}\"}}");
        Ok(format!("{{\"data\":{data},\"sig\":{sig}}}"))
    }
}

/// C40 of capitals, digits and spaces (9303-13 §2.6.1); a filler is a space.
#[must_use]
pub fn c40(text: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'0'..=b'9' => u16::from(byte - b'0') + 4,
        b'A'..=b'Z' => u16::from(byte - b'A') + 14,
        _ => 3,
    };
    let pair = |triple: &[u8]| match *triple {
        [one] => [0xFE, one + 1],
        _ => {
            (1600 * value(triple[0]) + 40 * value(triple[1]) + triple.get(2).map_or(0, |b| value(*b)) + 1).to_be_bytes()
        }
    };
    text.as_bytes().chunks(3).flat_map(pair).collect()
}
