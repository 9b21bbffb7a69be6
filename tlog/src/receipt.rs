//! Receipts and checkpoints in COSE (RFC 9942, in the words of RFC 9943: the event is the signed statement, the log the
//! transparency service).
//!
//! A COSE_Sign1 with ES256 and tag 18. Its payload is the root, 32 bytes, its external data are empty.
//!
//! | header | label | value |
//! |---|---|---|
//! | protected | 1 `alg` | -7, ES256 |
//! | | 4 `kid` | the first eight bytes of SHA-256 of the key's SubjectPublicKeyInfo |
//! | | 15 CWT claims | `{1 iss: the origin up to its first /, 2 sub: the origin, -65537: the size}` |
//! | | 395 `vds` | 1, RFC9162_SHA256 |
//! | unprotected | 396 `vdp` | `{-1: [inclusion]}`, `{-2: [consistency]}`, or absent |
//!
//! - **A checkpoint** has no proof, and the root as its payload.
//! - **A receipt** has a proof of inclusion, and its payload is detached: who checks it makes the root from leaf and path.
//! - **A receipt of consistency** likewise, from the old root.
//!
//! The signature is over the same bytes in all three: one for each group of appended events, whatever the number of devices
//! that wait for a receipt. The size stands under the signature because a root alone does not tell it: the path of a leaf may
//! be the same in logs of two sizes, and nobody shall be accused by bytes that anybody can change.
//!
//! A receipt lies beside its event, never in it: an event has no unprotected headers.

use crate::checkpoint::Checkpoint;
use crate::hash::MAX_SIZE;
use crate::proof::{Consistency, Inclusion};
use crate::{Hash, LogError};
use coset::cbor::Value;
use coset::iana::Algorithm;
use coset::{
    CoseSign1, Header, HeaderBuilder, Label, ProtectedHeader, RegisteredLabelWithPrivate, SignatureContext,
    TaggedCborSerializable as _, sig_structure_data,
};
use std::fmt::Display;

/// CWT claims, RFC 9597.
const CLAIMS: i64 = 15;
/// Verifiable data structure, RFC 9942.
const VDS: i64 = 395;
/// Verifiable data proofs, RFC 9942.
const VDP: i64 = 396;
/// `vds`: RFC9162_SHA256.
const RFC9162_SHA256: i64 = 1;
/// `vdp`: proofs of inclusion.
const INCLUSION: i64 = -1;
/// `vdp`: proofs of consistency.
const CONSISTENCY: i64 = -2;
/// Claims: issuer, subject, and for private use the size.
const ISSUER: i64 = 1;
const SUBJECT: i64 = 2;
const SIZE: i64 = -65_537;

/// The most bytes of a receipt. Of a log of 2⁶² entries one has under 3 KiB.
pub const MAX_RECEIPT: usize = 8 * 1024;

/// A root that was signed once, of which any number of receipts is made.
#[derive(Debug, Clone)]
pub struct SignedRoot {
    checkpoint: Checkpoint,
    protected: ProtectedHeader,
    signature: Vec<u8>,
}

/// Who runs the log, as the claim `iss` has it.
fn issuer(origin: &str) -> &str {
    origin.split('/').next().unwrap_or(origin)
}

impl SignedRoot {
    /// Signs. `sign` makes an ES256 signature (`r ‖ s`) with the key whose SubjectPublicKeyInfo is given.
    ///
    /// # Errors
    /// When the signer fails.
    pub fn sign<E: Display>(
        checkpoint: Checkpoint,
        public_key: &[u8],
        sign: impl FnOnce(&[u8]) -> Result<[u8; 64], E>,
    ) -> Result<Self, LogError> {
        let claims = vec![
            (ISSUER.into(), issuer(&checkpoint.origin).into()),
            (SUBJECT.into(), checkpoint.origin.as_str().into()),
            (SIZE.into(), checkpoint.size.into()),
        ];
        let header = HeaderBuilder::new()
            .algorithm(Algorithm::ES256)
            .key_id(events::signed::key_id(public_key))
            .value(CLAIMS, Value::Map(claims))
            .value(VDS, RFC9162_SHA256.into())
            .build();
        let protected = ProtectedHeader { original_data: None, header };
        let data = sig_structure_data(SignatureContext::CoseSign1, protected.clone(), None, &[], &checkpoint.root.0);
        let signature = sign(&data).map_err(|error| LogError::Signing(error.to_string()))?;
        Ok(Self { checkpoint, protected, signature: signature.to_vec() })
    }

    /// What was signed.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    fn with(&self, payload: Option<Vec<u8>>, proof: Option<(i64, Vec<u8>)>) -> Result<Vec<u8>, LogError> {
        let mut unprotected = Header::default();
        if let Some((kind, proof)) = proof {
            let proofs = Value::Map(vec![(kind.into(), Value::Array(vec![proof.into()]))]);
            unprotected.rest.push((Label::Int(VDP), proofs));
        }
        let message =
            CoseSign1 { protected: self.protected.clone(), unprotected, payload, signature: self.signature.clone() };
        message.to_tagged_vec().map_err(|_| LogError::Receipt("encoding"))
    }

    /// The checkpoint itself.
    ///
    /// # Errors
    /// None that a caller could bring about.
    pub fn to_bytes(&self) -> Result<Vec<u8>, LogError> {
        self.with(Some(self.checkpoint.root.0.to_vec()), None)
    }

    /// A receipt: that an entry is in the log of this size.
    ///
    /// # Errors
    /// When the proof is of another size.
    pub fn receipt(&self, proof: &Inclusion) -> Result<Vec<u8>, LogError> {
        if proof.size != self.checkpoint.size {
            return Err(LogError::Position);
        }
        self.with(None, Some((INCLUSION, proof.to_bytes())))
    }

    /// A receipt of consistency: that the log of this size extends an older one.
    ///
    /// # Errors
    /// When the proof is to another size.
    pub fn consistency(&self, proof: &Consistency) -> Result<Vec<u8>, LogError> {
        if proof.new != self.checkpoint.size {
            return Err(LogError::Position);
        }
        self.with(None, Some((CONSISTENCY, proof.to_bytes())))
    }
}

/// What a receipt proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Nothing: it is a checkpoint.
    Root(Hash),
    /// That an entry is in the log.
    Inclusion(Inclusion),
    /// That the log extends an older one.
    Consistency(Consistency),
}

/// A receipt or checkpoint, read. Nothing of it is believed until [`verify`](Self::verify) says the signature is right.
#[derive(Debug, Clone)]
pub struct Receipt {
    message: CoseSign1,
    /// What it proves.
    pub proof: Proof,
}

impl Receipt {
    /// Reads a receipt of any log of RFC 9942 with RFC9162_SHA256 and ES256 and one proof.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, LogError> {
        let not = LogError::Receipt;
        if bytes.len() > MAX_RECEIPT {
            return Err(not("too long"));
        }
        let message = CoseSign1::from_tagged_slice(bytes).map_err(|_| not("not a tagged COSE_Sign1"))?;
        // The protected bytes are signed as they are; all else has one encoding.
        if message.clone().to_tagged_vec().ok().as_deref() != Some(bytes) {
            return Err(not("not in its deterministic encoding"));
        }
        let header = &message.protected.header;
        if header.alg != Some(RegisteredLabelWithPrivate::Assigned(Algorithm::ES256)) {
            return Err(not("the algorithm is not ES256"));
        }
        if !header.crit.is_empty() {
            return Err(not("a critical header that is not known"));
        }
        if find(&header.rest, VDS) != Some(&RFC9162_SHA256.into()) {
            return Err(not("the data structure is not RFC9162_SHA256"));
        }
        let proof = match (&message.payload, &message.unprotected.rest[..]) {
            (Some(root), []) => {
                let root = root.as_slice().try_into().map_err(|_| not("the root has 32 bytes"))?;
                Proof::Root(events::event::Bytes(root))
            }
            (None, [(Label::Int(VDP), proofs)]) => Self::proof(proofs)?,
            _ => return Err(not("either a root or one kind of proof")),
        };
        let plain = Header { rest: message.unprotected.rest.clone(), ..Header::default() };
        if message.unprotected != plain {
            return Err(not("headers outside the signature"));
        }
        Ok(Self { message, proof })
    }

    fn proof(proofs: &Value) -> Result<Proof, LogError> {
        let not = LogError::Receipt;
        let Some([(kind, list)]) = proofs.as_map().map(Vec::as_slice) else { return Err(not("one kind of proof")) };
        let Some([one]) = list.as_array().map(Vec::as_slice) else { return Err(not("one proof")) };
        let one = one.as_bytes().ok_or(LogError::Receipt("a proof is a byte string"))?;
        if *kind == INCLUSION.into() {
            Inclusion::from_bytes(one).map(Proof::Inclusion)
        } else if *kind == CONSISTENCY.into() {
            Consistency::from_bytes(one).map(Proof::Consistency)
        } else {
            Err(not("a kind of proof that is not known"))
        }
    }

    /// The key that it names, if it names one.
    #[must_use]
    pub fn key_id(&self) -> &[u8] {
        &self.message.protected.header.key_id
    }

    /// The root that the signature must be over. `start` is the leaf of an inclusion, the old root of a consistency.
    ///
    /// # Errors
    /// When the proof does not lead from `start` to a root.
    pub fn root(&self, start: &Hash) -> Result<Hash, LogError> {
        match &self.proof {
            Proof::Root(root) => Ok(*root),
            Proof::Inclusion(proof) => proof.root(start),
            Proof::Consistency(proof) => {
                let (old, new) = proof.roots(start)?;
                if old == *start { Ok(new) } else { Err(LogError::ProofDiffers) }
            }
        }
    }

    /// Checks the signature and gives the root. `start` as in [`root`](Self::root).
    ///
    /// # Errors
    /// When proof or signature is wrong.
    pub fn verify(&self, start: &Hash, key: &events::Verifier) -> Result<Hash, LogError> {
        let root = self.root(start)?;
        let protected = self.message.protected.clone();
        let data = sig_structure_data(SignatureContext::CoseSign1, protected, None, &[], &root.0);
        key.check(&self.message.signature, &data).map_err(|_| LogError::Signature)?;
        Ok(root)
    }

    /// The checkpoint of this receipt: the same signature, with `root` as its payload. It is worth as much as the receipt: whoever
    /// keeps it opens it again.
    ///
    /// # Errors
    /// None that a caller could bring about.
    pub fn checkpoint(&self, root: &Hash) -> Result<Vec<u8>, LogError> {
        let message = CoseSign1 {
            protected: self.message.protected.clone(),
            unprotected: Header::default(),
            payload: Some(root.0.to_vec()),
            signature: self.message.signature.clone(),
        };
        message.to_tagged_vec().map_err(|_| LogError::Receipt("encoding"))
    }

    /// Origin and size, as this log writes them under its signature.
    ///
    /// # Errors
    /// When they are not there, or the proof is of another size.
    pub fn claims(&self) -> Result<(&str, u64), LogError> {
        let not = LogError::Receipt;
        let header = &self.message.protected.header;
        let claims = find(&header.rest, CLAIMS).and_then(Value::as_map).map(Vec::as_slice);
        let Some([(one, iss), (two, sub), (three, size)]) = claims else { return Err(not("not this log's claims")) };
        if [one, two, three] != [&ISSUER.into(), &SUBJECT.into(), &SIZE.into()] {
            return Err(not("not this log's claims"));
        }
        let origin = sub.as_text().ok_or(LogError::Receipt("the subject is a text"))?;
        let size = size.as_integer().and_then(|size| u64::try_from(size).ok()).filter(|size| *size <= MAX_SIZE);
        let size = size.ok_or(LogError::Receipt("the size is a number"))?;
        if iss.as_text() != Some(issuer(origin)) {
            return Err(not("the issuer is not the origin's"));
        }
        let proved = match &self.proof {
            Proof::Root(_) => size,
            Proof::Inclusion(proof) => proof.size,
            Proof::Consistency(proof) => proof.new,
        };
        if proved == size { Ok((origin, size)) } else { Err(not("the proof is of another size than the signature")) }
    }
}

fn find(headers: &[(Label, Value)], wanted: i64) -> Option<&Value> {
    headers.iter().find(|(label, _)| *label == Label::Int(wanted)).map(|(_, value)| value)
}
