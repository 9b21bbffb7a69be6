//! A speaker without a loudspeaker: it remembers what it was to say.

use super::{Line, Speaker, Tone, Voice};
use crate::device::DeviceError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The ear before it. Clones are handles on the same one.
#[derive(Debug, Clone, Default)]
pub struct Ear(Arc<Mutex<Vec<Said>>>, Arc<Mutex<Vec<Tone>>>);

/// A language and what was to be said in it.
pub type Said = (Voice, Vec<Line>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ear {
    /// What was said, and what ended it.
    #[must_use]
    pub fn said(&self) -> Vec<Said> {
        lock(&self.0).clone()
    }

    /// What was played.
    #[must_use]
    pub fn played(&self) -> Vec<Tone> {
        lock(&self.1).clone()
    }
}

/// A speaker before an [`Ear`].
#[derive(Debug, Clone, Default)]
pub struct SimulatedSpeaker(pub Ear);

impl Speaker for SimulatedSpeaker {
    fn name(&self) -> String {
        "simulated speaker".to_owned()
    }

    fn say(&mut self, voice: Voice, lines: &[Line]) -> Result<(), DeviceError> {
        lock(&self.0.0).push((voice, lines.to_vec()));
        Ok(())
    }

    fn play(&mut self, tones: &[Tone]) -> Result<(), DeviceError> {
        lock(&self.0.1).extend(tones);
        Ok(())
    }
}
