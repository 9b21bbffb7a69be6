//! Lines without hardware: a board whose levels a program sees and drives.

use super::{Lines, Pin, Pull, Wiring, not_wired};
use crate::device::DeviceError;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The far end of the lines, in levels: true is high. Clones are handles on the same board.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Mutex<Levels>>);

#[derive(Debug, Default)]
struct Levels {
    high: BTreeMap<u32, bool>,
    unplugged: bool,
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, Levels> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a line is high; false for one that nobody drives.
    #[must_use]
    pub fn is_high(&self, line: u32) -> bool {
        self.lock().high.get(&line).copied().unwrap_or(false)
    }

    /// Drives an input.
    pub fn drive(&self, line: u32, high: bool) {
        self.lock().high.insert(line, high);
    }

    /// Pulls the plug, or puts it back.
    pub fn unplug(&self, unplugged: bool) {
        self.lock().unplugged = unplugged;
    }
}

/// Lines over a [`Board`].
#[derive(Debug)]
pub struct SimulatedLines {
    board: Board,
    wiring: Wiring,
    claimed: bool,
}

impl SimulatedLines {
    /// Nothing is claimed yet.
    #[must_use]
    pub const fn new(board: Board, wiring: Wiring) -> Self {
        Self { board, wiring, claimed: false }
    }

    fn claim(&mut self) -> Result<MutexGuard<'_, Levels>, DeviceError> {
        let mut levels = self.board.lock();
        if levels.unplugged {
            self.claimed = false;
            let why = "unplugged".to_owned();
            return Err(DeviceError::Absent { device: "simulated lines".to_owned(), why });
        }
        if !self.claimed {
            self.claimed = true;
            levels.high.extend(self.wiring.outputs.iter().map(|pin| (pin.line, pin.active_low)));
            for pin in &self.wiring.inputs {
                levels.high.entry(pin.line).or_insert(pin.pull == Pull::Up);
            }
        }
        Ok(levels)
    }
}

fn find(pins: &[Pin], line: u32) -> Result<Pin, DeviceError> {
    pins.iter().copied().find(|pin| pin.line == line).ok_or_else(|| not_wired("simulated lines", line))
}

impl Lines for SimulatedLines {
    fn name(&self) -> String {
        "simulated lines".to_owned()
    }

    fn set(&mut self, line: u32, on: bool) -> Result<(), DeviceError> {
        let pin = find(&self.wiring.outputs, line)?;
        self.claim()?.high.insert(line, on != pin.active_low);
        Ok(())
    }

    fn get(&mut self, line: u32) -> Result<bool, DeviceError> {
        let pin = find(&self.wiring.inputs, line)?;
        Ok(self.claim()?.high.get(&line).copied().unwrap_or(false) != pin.active_low)
    }
}

impl Drop for SimulatedLines {
    fn drop(&mut self) {
        if self.claimed {
            let mut levels = self.board.lock();
            levels.high.extend(self.wiring.outputs.iter().map(|pin| (pin.line, pin.active_low)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpio::conformance::{self, Rig};

    struct SimulatedRig(Board);

    impl Rig for SimulatedRig {
        fn lines(&mut self, wiring: Wiring) -> Box<dyn Lines> {
            Box::new(SimulatedLines::new(self.0.clone(), wiring))
        }

        fn is_high(&mut self, line: u32) -> bool {
            self.0.is_high(line)
        }

        fn drive(&mut self, line: u32, high: bool) {
            self.0.drive(line, high);
        }
    }

    #[test]
    fn the_simulated_lines_conform() {
        conformance::run(&mut SimulatedRig(Board::default()), [4, 5, 6, 7]);
    }

    #[test]
    fn a_board_that_comes_back_is_claimed_anew() {
        let board = Board::default();
        let wiring = Wiring { outputs: vec!["3 active-low".parse().expect("pin")], inputs: Vec::new() };
        let mut lines = SimulatedLines::new(board.clone(), wiring);
        assert_eq!(lines.set(3, true), Ok(()));
        board.unplug(true);
        assert!(matches!(lines.set(3, false), Err(DeviceError::Absent { .. })));
        board.unplug(false);
        assert_eq!(lines.set(3, true), Ok(()));
        assert!(!board.is_high(3));
    }
}
