//! VDS-NC: JSON with the signer's certificate inside (ICAO technical report *VDS-NC*).
//!
//! ```json
//! {"data": {"hdr": {"t": "icao.vacc", "v": 1, "is": "UTO"}, "msg": {}}, "sig": {"alg": "ES256", "cer": "", "sigvl": ""}}
//! ```
//!
//! What is signed is `data` in its canonical form (RFC 8785). A name that stands twice in an object is refused: the
//! signer and the reader may mean different ones.

use super::content::Content;
use super::{MAX_LENGTH, SealError};
use crate::crypto::HashAlgorithm;
use crate::x509::Certificate;
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};
use zeroize::Zeroizing;

/// A seal in the JSON form. Personal data: `Debug` shows kind and state.
#[derive(Clone)]
pub struct VdsNc {
    /// The kind, for example `icao.vacc`.
    pub kind: String,
    /// The version of the kind's definition.
    pub version: u64,
    /// The issuing state.
    pub issuer: String,
    /// What the message says.
    pub content: Content,
    /// The certificate that it carries.
    pub signer: Certificate,
    pub(super) hash: HashAlgorithm,
    /// `data` in the canonical form.
    pub(super) signed: Zeroizing<Vec<u8>>,
    /// r ‖ s.
    pub(super) signature: Vec<u8>,
}

impl std::fmt::Debug for VdsNc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VdsNc({}, {}, {:?})", self.kind, self.issuer, self.content)
    }
}

impl PartialEq for VdsNc {
    fn eq(&self, other: &Self) -> bool {
        self.signed == other.signed && self.signature == other.signature && self.signer.der() == other.signer.der()
    }
}

impl VdsNc {
    /// Reads a seal.
    ///
    /// # Errors
    /// When it is no JSON of this form, or its certificate cannot be read.
    pub fn parse(text: &str) -> Result<Self, SealError> {
        if text.len() > MAX_LENGTH {
            return Err(SealError::TooLong);
        }
        let Strict(seal) = serde_json::from_str(text).map_err(|_| SealError::Malformed("JSON"))?;
        let member = |pointer: &'static str| seal.pointer(pointer).ok_or(SealError::Malformed(pointer));
        let text = |pointer: &'static str| member(pointer)?.as_str().ok_or(SealError::Malformed(pointer));
        let bytes = |pointer: &'static str| base64(text(pointer)?).ok_or(SealError::Malformed(pointer));
        let hash = match text("/sig/alg")? {
            "ES256" => HashAlgorithm::Sha256,
            "ES384" => HashAlgorithm::Sha384,
            "ES512" => HashAlgorithm::Sha512,
            _ => return Err(SealError::Unsupported("signature algorithm")),
        };
        let signer = Certificate::parse(&bytes("/sig/cer")?).map_err(|_| SealError::Malformed("/sig/cer"))?;
        let (kind, issuer) = (text("/data/hdr/t")?, text("/data/hdr/is")?);
        let is_state = (1..=3).contains(&issuer.len()) && issuer.bytes().all(|b| b.is_ascii_uppercase());
        if !is_state || kind.len() > 40 || !kind.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(SealError::Malformed("/data/hdr"));
        }
        let version = member("/data/hdr/v")?.as_u64().ok_or(SealError::Malformed("/data/hdr/v"))?;
        let message = member("/data/msg")?;
        if !message.is_object() {
            return Err(SealError::Malformed("/data/msg"));
        }
        let signed = serde_json_canonicalizer::to_vec(member("/data")?).map_err(|_| SealError::Malformed("/data"))?;
        Ok(Self {
            kind: kind.to_owned(),
            version,
            issuer: issuer.to_owned(),
            content: Content::of_message(kind, message),
            signer,
            hash,
            signed: Zeroizing::new(signed),
            signature: bytes("/sig/sigvl")?,
        })
    }
}

/// Whether a text is JSON with a header of a seal and a signature.
pub(super) fn looks_like(text: &str) -> bool {
    text.len() <= MAX_LENGTH
        && serde_json::from_str::<Json>(text)
            .is_ok_and(|json| json.pointer("/data/hdr/t").is_some() && json.get("sig").is_some())
}

/// Base64 with either alphabet, with or without padding.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    const ANY: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let text = Zeroizing::new(text.replace('+', "-").replace('/', "_"));
    GeneralPurpose::new(&URL_SAFE, ANY).decode(text.as_bytes()).ok()
}

/// JSON in which every name stands once.
struct Strict(Json);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut array = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut object = Map::new();
        while let Some((name, Strict(value))) = members.next_entry::<String, _>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(Json::Object(object))
    }
}
