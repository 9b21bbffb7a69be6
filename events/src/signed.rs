//! Signing, checking and chaining events.

use crate::event::{Bytes, Event, VERSION};
use coset::iana::Algorithm;
use coset::{CborSerializable as _, CoseSign1, CoseSign1Builder, HeaderBuilder, RegisteredLabelWithPrivate};
use openssl::bn::BigNum;
use openssl::ec::EcKey;
use openssl::ecdsa::EcdsaSig;
use openssl::pkey::{PKey, Public};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// External additional authenticated data: binds the signature to this format.
const CONTEXT: &[u8] = b"cccd-event-v1";

/// The largest event that is accepted. Real ones have under 2 KiB.
pub const MAX_EVENT: usize = 0xFFFF;

/// SHA-256.
#[must_use]
pub fn hash(bytes: &[u8]) -> Bytes<32> {
    Bytes(Sha256::digest(bytes).into())
}

/// Why bytes are no event, or no event that fits.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EventError {
    /// Over [`MAX_EVENT`].
    #[error("an event has at most {MAX_EVENT} bytes")]
    TooLarge,
    /// Not a COSE_Sign1 of the shape that the format prescribes.
    #[error("not a signed event: {0}")]
    Envelope(&'static str),
    /// The payload is not an event.
    #[error("the event's payload is malformed")]
    Payload,
    /// The payload or envelope has another than its one permitted encoding.
    #[error("the event is not in its deterministic encoding")]
    NotDeterministic,
    /// A version that is not known here.
    #[error("event version {0} is not known")]
    Version(u32),
    /// The signature is not that of the device's key.
    #[error("the event's signature is wrong")]
    Signature,
    /// The signer's key is unusable.
    #[error("the device's key is unusable")]
    Key,
    /// The signer failed.
    #[error("the event could not be signed: {0}")]
    Signing(String),
    /// The event does not follow the one before.
    #[error("expected event {expected}, got {got}")]
    Sequence {
        /// The next position of the chain.
        expected: u64,
        /// The event's position.
        got: u64,
    },
    /// The event names another predecessor.
    #[error("event {0} does not follow the event before it")]
    Broken(u64),
}

impl EventError {
    /// A stable identifier.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "event_too_large",
            Self::Envelope(_) => "event_envelope",
            Self::Payload => "event_payload",
            Self::NotDeterministic => "event_not_deterministic",
            Self::Version(_) => "event_version",
            Self::Signature => "event_signature",
            Self::Key => "event_key",
            Self::Signing(_) => "event_signing",
            Self::Sequence { .. } => "event_sequence",
            Self::Broken(_) => "event_chain_broken",
        }
    }
}

/// An event with the bytes that were signed and are kept unchanged for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedEvent {
    /// The content.
    pub event: Event,
    /// The COSE bytes.
    pub bytes: Vec<u8>,
}

fn encode(event: &Event) -> Result<Vec<u8>, EventError> {
    serde_cbor::to_vec(event).map_err(|_| EventError::Payload)
}

/// The first eight bytes of SHA-256 of a SubjectPublicKeyInfo.
#[must_use]
pub fn key_id(public_key: &[u8]) -> Vec<u8> {
    hash(public_key).0[..8].to_vec()
}

impl SignedEvent {
    /// Signs an event. `sign` makes an ES256 signature (`r ‖ s`) with the key whose SubjectPublicKeyInfo is given.
    ///
    /// # Errors
    /// When the signer fails.
    pub fn sign<E: std::fmt::Display>(
        event: Event,
        public_key: &[u8],
        sign: impl FnOnce(&[u8]) -> Result<[u8; 64], E>,
    ) -> Result<Self, EventError> {
        let bytes = sign_payload(encode(&event)?, public_key, sign)?;
        Ok(Self { event, bytes })
    }
}

/// Signs a payload as an event, whatever it says: for [`SignedEvent::sign`], and for tests of what newer programs may say.
///
/// # Errors
/// When the signer fails.
pub fn sign_payload<E: std::fmt::Display>(
    payload: Vec<u8>,
    public_key: &[u8],
    sign: impl FnOnce(&[u8]) -> Result<[u8; 64], E>,
) -> Result<Vec<u8>, EventError> {
    sign1(payload, CONTEXT, public_key, sign)
}

/// `COSE_Sign1` over a payload, with what binds the signature to its use as external data.
fn sign1<E: std::fmt::Display>(
    payload: Vec<u8>,
    context: &[u8],
    public_key: &[u8],
    sign: impl FnOnce(&[u8]) -> Result<[u8; 64], E>,
) -> Result<Vec<u8>, EventError> {
    let header = HeaderBuilder::new().algorithm(Algorithm::ES256).key_id(key_id(public_key)).build();
    let message = CoseSign1Builder::new()
        .protected(header)
        .payload(payload)
        .try_create_signature(context, |data| sign(data).map(|s| s.to_vec()))
        .map_err(|error| EventError::Signing(error.to_string()))?
        .build();
    message.to_vec().map_err(|_| EventError::Envelope("encoding"))
}

/// Checks events of one device.
#[derive(Debug, Clone)]
pub struct Verifier {
    key: EcKey<Public>,
    key_id: Vec<u8>,
}

impl Verifier {
    /// For a device's event key, given as SubjectPublicKeyInfo in DER.
    ///
    /// # Errors
    /// When it is not a P-256 key.
    pub fn new(public_key: &[u8]) -> Result<Self, EventError> {
        let key = PKey::public_key_from_der(public_key).and_then(|k| k.ec_key()).map_err(|_| EventError::Key)?;
        if key.group().curve_name() != Some(openssl::nid::Nid::X9_62_PRIME256V1) {
            return Err(EventError::Key);
        }
        Ok(Self { key, key_id: key_id(public_key) })
    }

    /// A verifier for a public key in PEM.
    ///
    /// # Errors
    /// When it is no P-256 key.
    pub fn from_pem(pem: &[u8]) -> Result<Self, EventError> {
        let der = PKey::public_key_from_pem(pem).and_then(|key| key.public_key_to_der());
        Self::new(&der.map_err(|_| EventError::Key)?)
    }

    /// Checks envelope, encoding and signature of one event whose kind and keys must be known here.
    ///
    /// # Errors
    /// When any of them is wrong.
    pub fn verify(&self, bytes: &[u8]) -> Result<SignedEvent, EventError> {
        let (message, payload) = envelope(bytes)?;
        let event = known(&payload)?;
        self.signed(&message)?;
        Ok(SignedEvent { event, bytes: bytes.to_vec() })
    }

    pub(crate) fn signed(&self, message: &CoseSign1) -> Result<(), EventError> {
        if message.protected.header.key_id != self.key_id {
            return Err(EventError::Signature);
        }
        message.verify_signature(CONTEXT, |signature, data| self.check(signature, data))?;
        Ok(())
    }

    /// Opens a document of a kind that was signed with this key.
    ///
    /// # Errors
    /// When it is no document, of another kind, or signed with another key.
    pub fn open_document(&self, kind: &str, bytes: &[u8]) -> Result<Vec<u8>, EventError> {
        let message = document(bytes)?;
        message.verify_signature(&document_context(kind), |signature, data| self.check(signature, data))?;
        message.payload.ok_or(EventError::Envelope("no payload"))
    }

    /// Checks a plain signature (`r ‖ s`) over `data`.
    ///
    /// # Errors
    /// [`EventError::Signature`] when it is wrong.
    pub fn check(&self, signature: &[u8], data: &[u8]) -> Result<(), EventError> {
        let number = |range: std::ops::Range<usize>| BigNum::from_slice(&signature[range]);
        if signature.len() != 64 {
            return Err(EventError::Signature);
        }
        let signature = number(0..32).and_then(|r| EcdsaSig::from_private_components(r, number(32..64)?));
        // Numbers that the library does not take are no signature.
        let valid = signature.and_then(|signature| signature.verify(&Sha256::digest(data), &self.key));
        if valid.unwrap_or(false) { Ok(()) } else { Err(EventError::Signature) }
    }
}

/// Binds a signature to documents of one kind.
fn document(bytes: &[u8]) -> Result<CoseSign1, EventError> {
    let message = CoseSign1::from_slice(bytes).map_err(|_| EventError::Envelope("not COSE_Sign1"))?;
    if message.protected.header.alg != Some(RegisteredLabelWithPrivate::Assigned(Algorithm::ES256)) {
        return Err(EventError::Envelope("algorithm is not ES256"));
    }
    Ok(message)
}

/// The payload of a signed document whose signature is still to be checked: it may say which key that wants.
///
/// # Errors
/// When it is no signed document.
pub fn document_payload(bytes: &[u8]) -> Result<Vec<u8>, EventError> {
    document(bytes)?.payload.ok_or(EventError::Envelope("no payload"))
}

fn document_context(kind: &str) -> Vec<u8> {
    format!("cccd-document-v1/{kind}").into_bytes()
}

/// Signs a document that an operator gives to devices: COSE_Sign1, ES256, the kind in the external data. `sign` makes
/// a signature (`r ‖ s`) with the key whose SubjectPublicKeyInfo is given.
///
/// # Errors
/// When the signer fails.
pub fn sign_document<E: std::fmt::Display>(
    kind: &str,
    payload: &[u8],
    public_key: &[u8],
    sign: impl FnOnce(&[u8]) -> Result<[u8; 64], E>,
) -> Result<Vec<u8>, EventError> {
    sign1(payload.to_vec(), &document_context(kind), public_key, sign)
}

/// Reads an event of a known kind without judging its signature.
///
/// # Errors
/// When envelope or payload is not in the one permitted form.
pub fn read(bytes: &[u8]) -> Result<Event, EventError> {
    known(&envelope(bytes)?.1)
}

/// The envelope and its payload.
pub(crate) fn envelope(bytes: &[u8]) -> Result<(CoseSign1, Vec<u8>), EventError> {
    if bytes.len() > MAX_EVENT {
        return Err(EventError::TooLarge);
    }
    let message = CoseSign1::from_slice(bytes).map_err(|_| EventError::Envelope("not COSE_Sign1"))?;
    let header = &message.protected.header;
    if header.alg != Some(RegisteredLabelWithPrivate::Assigned(Algorithm::ES256)) {
        return Err(EventError::Envelope("algorithm is not ES256"));
    }
    if !message.unprotected.is_empty() || !header.rest.is_empty() || !header.crit.is_empty() {
        return Err(EventError::Envelope("unexpected headers"));
    }
    // Decoders accept more than one encoding of a value; the format has exactly one. `protected` keeps the bytes as
    // received, so it is cleared to see what they should be.
    let mut fresh = message.clone();
    fresh.protected.original_data = None;
    if fresh.to_vec().ok().as_deref() != Some(bytes) {
        return Err(EventError::NotDeterministic);
    }
    let payload = message.payload.clone().ok_or(EventError::Envelope("no payload"))?;
    Ok((message, payload))
}

/// An event of a version, kind and keys that are known here.
fn known(payload: &[u8]) -> Result<Event, EventError> {
    let event: Event = serde_cbor::from_slice(payload).map_err(|_| EventError::Payload)?;
    if !(1..=VERSION).contains(&event.version) {
        return Err(EventError::Version(event.version));
    }
    fits(&event, payload)?;
    Ok(event)
}

pub(crate) fn fits(event: &Event, payload: &[u8]) -> Result<(), EventError> {
    if !event.fits_its_version() {
        return Err(EventError::Payload);
    }
    if encode(event)? != payload { Err(EventError::NotDeterministic) } else { Ok(()) }
}

/// The end of a device's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    /// Position of the last event; 0 before the first.
    pub sequence: u64,
    /// Hash of the last event's bytes; zeros before the first.
    pub head: Bytes<32>,
}

impl Chain {
    /// Before the first event.
    pub const EMPTY: Self = Self { sequence: 0, head: Bytes([0; 32]) };

    /// Appends an event.
    ///
    /// # Errors
    /// When it is not the next one.
    pub fn append(&mut self, signed: &SignedEvent) -> Result<(), EventError> {
        let SignedEvent { event: Event { sequence, previous, .. }, bytes } = signed;
        self.follow(Link { sequence: *sequence, previous: *previous }, hash(bytes))
    }

    /// Appends what stands at a place and names a predecessor, by its hash.
    ///
    /// # Errors
    /// When it is not the next one.
    pub fn follow(&mut self, event: Link, own: Bytes<32>) -> Result<(), EventError> {
        let expected = self.sequence + 1;
        if event.sequence != expected {
            return Err(EventError::Sequence { expected, got: event.sequence });
        }
        if event.previous != self.head {
            return Err(EventError::Broken(event.sequence));
        }
        *self = Self { sequence: expected, head: own };
        Ok(())
    }
}

/// Where an event stands in its chain, by its own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Its position.
    pub sequence: u64,
    /// Hash of the one before it.
    pub previous: Bytes<32>,
}
