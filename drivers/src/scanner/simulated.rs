//! A scanner without hardware: a program holds texts before it.

use super::{Letters, Scan, Scanned, Scanner};
use crate::device::DeviceError;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

/// The hand that holds codes before the scanner, and pulls its plug. Clones are handles on the same scanner.
#[derive(Debug, Clone, Default)]
pub struct Hand(Arc<(Mutex<Held>, Condvar)>);

#[derive(Debug, Default)]
struct Held {
    codes: VecDeque<Scanned>,
    unplugged: bool,
}

impl Hand {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds a code before the scanner; nothing is read where the plug is out.
    pub fn hold(&self, text: &str) {
        let mut held = self.lock();
        if !held.unplugged {
            held.codes.push_back(Scanned::Text(Scan { text: Zeroizing::new(text.to_owned()), letters: Letters::All }));
            self.0.1.notify_all();
        }
    }

    /// Pulls the plug, or puts it back.
    pub fn unplug(&self, unplugged: bool) {
        let mut held = self.lock();
        held.unplugged = unplugged;
        held.codes.clear();
        self.0.1.notify_all();
    }
}

/// A scanner over a [`Hand`].
#[derive(Debug, Clone, Default)]
pub struct SimulatedScanner(pub Hand);

impl Scanner for SimulatedScanner {
    fn name(&self) -> String {
        "simulated scanner".to_owned()
    }

    fn wait_for_scan(&mut self, timeout: Duration) -> Result<Option<Scanned>, DeviceError> {
        let waiting = |held: &mut Held| held.codes.is_empty() && !held.unplugged;
        let waited = self.0.0.1.wait_timeout_while(self.0.lock(), timeout, waiting);
        let mut held = waited.unwrap_or_else(PoisonError::into_inner).0;
        if held.unplugged {
            return Err(DeviceError::Absent { device: self.name(), why: "unplugged".to_owned() });
        }
        Ok(held.codes.pop_front())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scanner::conformance::{self, Rig};

    struct SimulatedRig(Hand);

    impl Rig for SimulatedRig {
        fn scanner(&mut self) -> Box<dyn Scanner> {
            Box::new(SimulatedScanner(self.0.clone()))
        }

        fn hold(&mut self, text: &str) {
            self.0.hold(text);
        }

        fn unplug(&mut self) {
            self.0.unplug(true);
        }

        fn plug(&mut self) {
            self.0.unplug(false);
        }
    }

    #[test]
    fn the_simulated_scanner_conforms() {
        conformance::run(&mut SimulatedRig(Hand::default()));
    }
}
