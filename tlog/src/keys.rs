//! Whose signatures count, and from which size on.
//!
//! A log changes its keys by naming, beside the new key, the size from which that signs. Below it the old key counts, and from
//! it on the old key counts no longer, whoever has it. Who finds it later cannot extend the log; what it can still sign is a
//! log smaller than that, which nobody takes who has seen a larger one, and no witness signs. The table comes to whoever checks
//! by another way than the log.
//!
//! ```text
//! # What the operator publishes. A line each: from which size, in which form, the key.
//! origin log.tinh31.example/events
//! 0 note log.tinh31.example/events+8f3a0c11+ATBq…
//! 0 cose MFkwEwYHKoZIzj0C…
//! 2500000 cose MFkwEwYHKoZIzj0D…
//! # Who watches the log, and how many of them must have signed.
//! witness witness.tinh79.example+0b1c2d3e+BGv1…
//! quorum 1
//! ```

use crate::checkpoint::{Checkpoint, Form, Signed};
use crate::hash::MAX_SIZE;
use crate::note::{Note, NoteKey, Role};
use crate::receipt::{Proof, Receipt};
use crate::{Hash, LogError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// The table of keys of one log.
#[derive(Debug, Clone)]
pub struct Keys {
    origin: String,
    notes: Rotation<NoteKey>,
    coses: Rotation<CoseKey>,
    witnesses: Vec<NoteKey>,
    quorum: usize,
}

/// A key that signs as COSE.
#[derive(Debug, Clone)]
struct CoseKey {
    id: Vec<u8>,
    verifier: events::Verifier,
}

/// Keys by the size from which they sign, ascending.
#[derive(Debug, Clone)]
struct Rotation<K>(Vec<(u64, K)>);

impl<K> Rotation<K> {
    fn add(&mut self, from: u64, key: K) -> Result<(), LogError> {
        if from > MAX_SIZE || self.0.last().is_some_and(|(before, _)| *before >= from) {
            return Err(LogError::Key("each key signs from a larger size than the one before it"));
        }
        self.0.push((from, key));
        Ok(())
    }

    /// The one key that signs a log of this size.
    fn at(&self, size: u64) -> Result<&K, LogError> {
        let key = self.0.iter().rev().find(|(from, _)| *from <= size);
        key.map(|(_, key)| key).ok_or(LogError::KeyUnknown(size))
    }
}

impl Keys {
    /// Of a log that nobody signs yet.
    #[must_use]
    pub fn new(origin: &str) -> Self {
        let origin = origin.to_owned();
        Self { origin, notes: Rotation(Vec::new()), coses: Rotation(Vec::new()), witnesses: Vec::new(), quorum: 0 }
    }

    /// The log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// A key that signs notes from a size on.
    ///
    /// # Errors
    /// When it has another name than the log, is a witness's, or the order is wrong.
    pub fn note(mut self, from: u64, key: NoteKey) -> Result<Self, LogError> {
        if key.name() != self.origin || key.role() != Role::Author {
            return Err(LogError::Key("a key that signs notes has the log's name, and is no witness's"));
        }
        self.notes.add(from, key)?;
        Ok(self)
    }

    /// A key (P-256, SubjectPublicKeyInfo) that signs as COSE from a size on.
    ///
    /// # Errors
    /// When it is none, or the order is wrong.
    pub fn cose(mut self, from: u64, public_key: &[u8]) -> Result<Self, LogError> {
        let verifier = events::Verifier::new(public_key).map_err(|_| LogError::Key("not a P-256 key"))?;
        self.coses.add(from, CoseKey { id: events::signed::key_id(public_key), verifier })?;
        Ok(self)
    }

    /// Witnesses, and how many of them must have signed.
    ///
    /// # Errors
    /// When one is none or comes twice, or there are fewer than must sign.
    pub fn witnesses(self, witnesses: Vec<NoteKey>, quorum: usize) -> Result<Self, LogError> {
        let twice = |(at, key): (usize, &NoteKey)| witnesses[..at].iter().any(|other| other.is_same_key(key));
        if witnesses.iter().enumerate().any(twice) {
            return Err(LogError::Key("a witness counts once"));
        }
        if witnesses.iter().any(|key| self.notes.0.iter().any(|(_, own)| own.is_same_key(key))) {
            return Err(LogError::Key("a log is not its own witness"));
        }
        if witnesses.iter().any(|key| key.role() != Role::Witness) || quorum > witnesses.len() {
            return Err(LogError::Key("fewer witnesses than the quorum"));
        }
        Ok(Self { witnesses, quorum, ..self })
    }

    /// Reads a table.
    ///
    /// # Errors
    /// When a line says nothing, or they contradict each other.
    pub fn parse(text: &str) -> Result<Self, LogError> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let origin = lines.next().and_then(|line| line.strip_prefix("origin "));
        let mut keys = Self::new(origin.ok_or(LogError::Key("the first line is `origin NAME`"))?);
        let (mut witnesses, mut quorum) = (Vec::new(), None);
        for line in lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["witness", key] => witnesses.push(key.parse()?),
                ["quorum", number] if quorum.is_none() => {
                    quorum = Some(number.parse().map_err(|_| LogError::Key("`quorum` is followed by a number"))?);
                }
                [from, form, key] => {
                    let from = from.parse().map_err(|_| LogError::Key("a key's line begins with a size"))?;
                    keys = match form {
                        "note" => keys.note(from, key.parse()?)?,
                        "cose" => keys.cose(from, &BASE64.decode(key).map_err(|_| LogError::Key("not in base64"))?)?,
                        _ => return Err(LogError::Key("a form is `note` or `cose`")),
                    };
                }
                _ => return Err(LogError::Key("a line that says nothing of keys")),
            }
        }
        // Who lists witnesses without a number wants all of them: absence fails closed.
        let quorum = quorum.unwrap_or(witnesses.len());
        keys.witnesses(witnesses, quorum)
    }

    /// Opens a checkpoint, a signed note.
    ///
    /// # Errors
    /// When it is none, of another log, or not signed by the key that signs at this size.
    pub fn open_note(&self, bytes: &[u8]) -> Result<Signed, LogError> {
        let note = Note::parse(bytes)?;
        let checkpoint = Checkpoint::parse(&note.text)?;
        if checkpoint.origin != self.origin {
            return Err(LogError::Origin);
        }
        self.notes.at(checkpoint.size)?.find(&note)?.ok_or(LogError::Signature)?;
        Ok(Signed { checkpoint, form: Form::Note, bytes: bytes.to_vec() })
    }

    /// The names of the known witnesses that have signed it.
    ///
    /// # Errors
    /// When a witness's signature is wrong, or they are fewer than must sign.
    pub fn witnessed(&self, bytes: &[u8]) -> Result<Vec<&str>, LogError> {
        let note = Note::parse(bytes)?;
        let mut names = Vec::new();
        for witness in &self.witnesses {
            if witness.find(&note)?.is_some() {
                names.push(witness.name());
            }
        }
        if names.len() < self.quorum {
            return Err(LogError::Witnesses { have: names.len(), need: self.quorum });
        }
        Ok(names)
    }

    /// The receipt's signature by the key that signs at the size that it claims.
    fn open(&self, receipt: &Receipt, start: &Hash) -> Result<Checkpoint, LogError> {
        let (origin, size) = receipt.claims()?;
        if origin != self.origin {
            return Err(LogError::Origin);
        }
        let key = self.coses.at(size)?;
        if receipt.key_id() != key.id {
            return Err(LogError::Signature);
        }
        let root = receipt.verify(start, &key.verifier)?;
        Ok(Checkpoint { origin: origin.to_owned(), size, root })
    }

    /// Opens a checkpoint in COSE.
    ///
    /// # Errors
    /// As [`open_note`](Self::open_note).
    pub fn open_cose(&self, bytes: &[u8]) -> Result<Signed, LogError> {
        let receipt = Receipt::parse(bytes)?;
        let Proof::Root(root) = receipt.proof else { return Err(LogError::Receipt("a checkpoint has no proof")) };
        let checkpoint = self.open(&receipt, &root)?;
        Ok(Signed { checkpoint, form: Form::Cose, bytes: bytes.to_vec() })
    }

    /// Opens a checkpoint in either form again, for example from what was kept.
    ///
    /// # Errors
    /// As [`open_note`](Self::open_note).
    pub fn open_again(&self, form: Form, bytes: &[u8]) -> Result<Signed, LogError> {
        match form {
            Form::Note => self.open_note(bytes),
            Form::Cose => self.open_cose(bytes),
        }
    }

    /// Opens a receipt: that `entry` is in the log, where, and in which one.
    ///
    /// # Errors
    /// When it is none, of another log or entry, or not signed by the key that signs at this size.
    pub fn open_receipt(&self, bytes: &[u8], entry: &[u8]) -> Result<(u64, Checkpoint), LogError> {
        let receipt = Receipt::parse(bytes)?;
        let Proof::Inclusion(proof) = &receipt.proof else { return Err(LogError::Receipt("not of an entry")) };
        let checkpoint = self.open(&receipt, &crate::hash::leaf(entry))?;
        Ok((proof.index, checkpoint))
    }

    /// Opens a receipt as [`open_receipt`](Self::open_receipt) does, and gives its checkpoint as it was signed, to be kept.
    ///
    /// # Errors
    /// As [`open_receipt`](Self::open_receipt).
    pub fn open_entry(&self, bytes: &[u8], entry: &[u8]) -> Result<(u64, Signed), LogError> {
        let (index, checkpoint) = self.open_receipt(bytes, entry)?;
        let bytes = Receipt::parse(bytes)?.checkpoint(&checkpoint.root)?;
        Ok((index, Signed { checkpoint, form: Form::Cose, bytes }))
    }

    /// Opens a receipt of consistency: what the log is that extends the one with `old`.
    ///
    /// # Errors
    /// As [`open_receipt`](Self::open_receipt).
    pub fn open_consistency(&self, bytes: &[u8], old: &Checkpoint) -> Result<Checkpoint, LogError> {
        let receipt = Receipt::parse(bytes)?;
        let Proof::Consistency(proof) = &receipt.proof else { return Err(LogError::Receipt("not of consistency")) };
        if old.origin != self.origin || proof.old != old.size {
            return Err(LogError::Origin);
        }
        self.open(&receipt, &old.root)
    }
}
