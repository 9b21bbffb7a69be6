//! What a device, a witness or an auditor has seen of a log, and what it takes next: only what extends it.
//!
//! | what comes | is |
//! |---|---|
//! | the same size and root | taken; nothing changes |
//! | the same size, another root | `log_inconsistent`, and proves itself |
//! | larger, with a proof | taken |
//! | larger, with a proof that leads elsewhere | `log_inconsistent`; proves itself where the path leads to the new root from another old one |
//! | larger, without a proof | `log_unproven`: asked again |
//! | smaller | `log_older`: overtaken, or restored from a backup; accuses nobody |
//!
//! What is not taken changes nothing here. [`Evidence`] holds both checkpoints as they were signed: whoever has the log's keys
//! can check it anew, and believes nobody's word.

use crate::checkpoint::{Checkpoint, Form, Signed};
use crate::proof::{Consistency, bytes, list};
use crate::{Hash, Keys, LogError};
use coset::cbor::Value;
use events::event::Bytes;

/// The last checkpoint that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen(Option<Signed>);

impl Seen {
    /// Nothing yet: what comes first is taken as it is.
    #[must_use]
    pub const fn nothing() -> Self {
        Self(None)
    }

    /// As it was kept; its signature was checked once more by whoever opened it.
    #[must_use]
    pub const fn kept(signed: Signed) -> Self {
        Self(Some(signed))
    }

    /// The last checkpoint.
    #[must_use]
    pub const fn last(&self) -> Option<&Signed> {
        self.0.as_ref()
    }

    /// From which size a proof is wanted; `None` where none is.
    #[must_use]
    pub fn wants_proof_from(&self) -> Option<u64> {
        self.0.as_ref().map(|seen| seen.checkpoint.size).filter(|size| *size > 0)
    }

    /// Takes a checkpoint, if it extends the last one. `proof` is from that to this one.
    ///
    /// # Errors
    /// When it does not, or nothing proves it; then nothing has changed.
    pub fn take(&mut self, offered: Signed, proof: Option<&Consistency>) -> Result<(), LogError> {
        if let Some(known) = &self.0 {
            extends(known, &offered, proof)?;
        }
        self.0 = Some(offered);
        Ok(())
    }
}

fn extends(known: &Signed, offered: &Signed, proof: Option<&Consistency>) -> Result<(), LogError> {
    let (old, new) = (&known.checkpoint, &offered.checkpoint);
    if old.origin != new.origin {
        return Err(LogError::Origin);
    }
    let evidence = |proof| {
        let evidence = Evidence { known: known.clone(), offered: offered.clone(), proof, prefix: None };
        Err(LogError::Inconsistent(Box::new(evidence)))
    };
    if new.size < old.size {
        return Err(LogError::Older { seen: old.size, offered: new.size });
    }
    if new.size == old.size {
        return if new.root == old.root { Ok(()) } else { evidence(None) };
    }
    if old.size == 0 {
        // Everything extends the empty log, whose root is known.
        return if old.root == crate::hash::empty() {
            Ok(())
        } else {
            Err(LogError::Checkpoint("an empty log has one root"))
        };
    }
    let unproven = LogError::Unproven { seen: old.size, offered: new.size };
    let Some(proof) = proof.filter(|proof| (proof.old, proof.new) == (old.size, new.size)) else {
        return Err(unproven);
    };
    match proof.verify(&old.root, &new.root) {
        Ok(()) => Ok(()),
        Err(LogError::ProofDiffers) => evidence(Some(proof.clone())),
        // What no log makes is no answer to the question.
        Err(_) => Err(unproven),
    }
}

/// Two checkpoints that do not fit, as they were signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What was taken before.
    pub known: Signed,
    /// What came.
    pub offered: Signed,
    /// How the log said that it extends.
    pub proof: Option<Consistency>,
    /// The root of the first `known.size` entries of the new log, where somebody has read them. The proof is from that one.
    pub prefix: Option<Hash>,
}

impl Evidence {
    /// Whether it convicts the log by itself: both are signed, and no log extends both. Otherwise the log owes a proof, and may
    /// yet show one.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        let (old, new) = (&self.known.checkpoint, &self.offered.checkpoint);
        if old.size == new.size {
            return old.root != new.root;
        }
        let Some(proof) = self.proof.as_ref().filter(|proof| (proof.old, proof.new) == (old.size, new.size)) else {
            return false;
        };
        // The path leads from some old root to the new one that was signed: if that is another, the past was changed.
        proof.roots(&self.prefix.unwrap_or(old.root)).is_ok_and(|(from, to)| to == new.root && from != old.root)
    }

    /// To keep: `[1, form, known, form, offered, proof or null, prefix or null]` in CBOR.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let signed = |it: &Signed| [Value::from(it.form as u8), it.bytes.clone().into()];
        let proof = self.proof.as_ref().map_or(Value::Null, |proof| proof.to_bytes().into());
        let prefix = self.prefix.map_or(Value::Null, |root| root.0.to_vec().into());
        let mut parts = vec![Value::from(1)];
        parts.extend(signed(&self.known).into_iter().chain(signed(&self.offered)).chain([proof, prefix]));
        bytes(&Value::Array(parts))
    }

    /// Reads it, and checks both signatures anew.
    ///
    /// # Errors
    /// When it is none, or a signature is wrong.
    pub fn open(encoded: &[u8], keys: &Keys) -> Result<Self, LogError> {
        const WHY: LogError = LogError::State("not evidence of two checkpoints");
        let parts = list(encoded).ok_or(WHY)?;
        let [version, form, known, other, offered, proof, prefix] = <[Value; 7]>::try_from(parts).map_err(|_| WHY)?;
        if version != Value::from(1) {
            return Err(WHY);
        }
        let signed = |form: &Value, bytes: &Value| {
            let form = [Form::Note, Form::Cose].into_iter().find(|it| Value::from(*it as u8) == *form).ok_or(WHY)?;
            keys.open_again(form, bytes.as_bytes().ok_or(WHY)?)
        };
        let (known, offered) = (signed(&form, &known)?, signed(&other, &offered)?);
        let proof = match proof {
            Value::Null => None,
            Value::Bytes(proof) => Some(Consistency::from_bytes(&proof)?),
            _ => return Err(WHY),
        };
        let prefix = match prefix {
            Value::Null => None,
            Value::Bytes(root) => Some(Bytes(root.try_into().map_err(|_| WHY)?)),
            _ => return Err(WHY),
        };
        Ok(Self { known, offered, proof, prefix })
    }

    /// Both sizes and roots, for people.
    #[must_use]
    pub fn describe(&self) -> String {
        let line = |it: &Checkpoint| format!("{} entries, root {}", it.size, it.root);
        let word = if self.is_certain() { "no log extends both" } else { "the log has not shown that it extends it" };
        format!("{}; {}: {word}", line(&self.known.checkpoint), line(&self.offered.checkpoint))
    }
}
