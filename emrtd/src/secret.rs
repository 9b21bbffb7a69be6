//! Bytes that must not outlive their use nor appear anywhere.

use zeroize::Zeroizing;

/// A key, a password or personal data: wiped when dropped, and never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes themselves; the caller keeps copies as short-lived as this value.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes.to_vec())
    }
}

/// Where random bytes come from. An argument, so that worked examples replay bit-exact.
pub trait Entropy: Send {
    /// Fills `out` with random bytes.
    ///
    /// # Errors
    /// [`EntropyError`] when the source has nothing to give; no protocol goes on without it.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyError>;
}

/// The random source failed or, in a replay, ran dry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the random source gave no bytes")]
pub struct EntropyError;

/// The random generator of the cryptographic library, seeded by the kernel.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyError> {
        openssl::rand::rand_priv_bytes(out).map_err(|_| EntropyError)
    }
}

/// Prepared bytes for replays: hands them out in order and fails when they are used up.
#[derive(Clone, Default)]
pub struct ScriptedEntropy(std::collections::VecDeque<u8>);

impl ScriptedEntropy {
    /// Queues `bytes` behind what is there.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
    }
}

impl std::fmt::Debug for ScriptedEntropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ScriptedEntropy({} bytes left)", self.0.len())
    }
}

impl Entropy for ScriptedEntropy {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyError> {
        if self.0.len() < out.len() {
            return Err(EntropyError);
        }
        let taken = self.0.drain(..out.len());
        for (place, byte) in out.iter_mut().zip(taken) {
            *place = byte;
        }
        Ok(())
    }
}
