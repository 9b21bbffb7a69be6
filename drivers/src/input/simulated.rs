//! Input without hardware.

use super::{InputDevice, RawEvent, Surface};
use crate::device::DeviceError;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The hand on a simulated keyboard or touch screen. Clones are handles on the same device.
#[derive(Debug, Clone, Default)]
pub struct Fingers(Arc<(Mutex<Pending>, Condvar)>);

#[derive(Debug, Default)]
struct Pending {
    events: Vec<RawEvent>,
    unplugged: bool,
}

impl Fingers {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets events happen; none where the plug is out.
    pub fn happen(&self, events: impl IntoIterator<Item = RawEvent>) {
        let mut pending = self.lock();
        if !pending.unplugged {
            pending.events.extend(events);
            self.0.1.notify_all();
        }
    }

    /// Pulls the plug, or puts it back.
    pub fn unplug(&self, unplugged: bool) {
        let mut pending = self.lock();
        pending.unplugged = unplugged;
        pending.events.clear();
        self.0.1.notify_all();
    }
}

/// An input device over [`Fingers`].
#[derive(Debug, Clone)]
pub struct SimulatedInput {
    /// The hand on it.
    pub fingers: Fingers,
    /// What it can say of a finger.
    pub surface: Option<Surface>,
}

impl InputDevice for SimulatedInput {
    fn name(&self) -> String {
        "simulated input".to_owned()
    }

    fn wait(&mut self, timeout: Duration) -> Result<Vec<RawEvent>, DeviceError> {
        let fingers = &self.fingers;
        let waiting = |pending: &mut Pending| pending.events.is_empty() && !pending.unplugged;
        let waited = fingers.0.1.wait_timeout_while(fingers.lock(), timeout, waiting);
        let mut pending = waited.unwrap_or_else(PoisonError::into_inner).0;
        if pending.unplugged {
            return Err(DeviceError::Absent { device: self.name(), why: "unplugged".to_owned() });
        }
        Ok(std::mem::take(&mut pending.events))
    }

    fn surface(&self) -> Option<Surface> {
        self.surface
    }
}
