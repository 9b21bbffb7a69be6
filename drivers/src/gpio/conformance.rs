//! What every implementation of lines must do. It brings a [`Rig`] that sees and drives the far end, and calls [`run`].

use super::{Lines, Pin, Pull, Wiring};

/// The far end of the lines under test.
pub trait Rig {
    /// The lines; each call claims them anew.
    fn lines(&mut self, wiring: Wiring) -> Box<dyn Lines>;
    /// Whether a line is high.
    fn is_high(&mut self, line: u32) -> bool;
    /// Drives an input.
    fn drive(&mut self, line: u32, high: bool);
}

/// Runs the suite on two outputs and two inputs.
///
/// # Panics
/// When the implementation does not conform; the message names the clause.
pub fn run(rig: &mut dyn Rig, [plain, inverted, input, switch]: [u32; 4]) {
    let pin = |line, active_low| Pin { line, active_low, pull: Pull::None };
    let wiring = Wiring {
        outputs: vec![pin(plain, false), pin(inverted, true)],
        inputs: vec![pin(input, false), Pin { pull: Pull::Up, ..pin(switch, true) }],
    };
    let mut lines = rig.lines(wiring.clone());
    assert!(!lines.name().is_empty(), "a chip has a name");
    assert_eq!(lines.set(plain, false), Ok(()), "an output can be switched");
    assert!(rig.is_high(inverted), "outputs are off from the start, whatever off is");
    for on in [true, false, true] {
        assert_eq!((lines.set(plain, on), lines.set(inverted, on)), (Ok(()), Ok(())));
        assert_eq!((rig.is_high(plain), rig.is_high(inverted)), (on, !on), "on is on as it is wired");
    }
    for high in [true, false] {
        rig.drive(input, high);
        rig.drive(switch, high);
        assert_eq!(settled(&mut *lines, input, high), high, "an input is read");
        assert_eq!(settled(&mut *lines, switch, !high), !high, "and one to ground the other way round");
    }
    assert!(lines.set(input, true).is_err() && lines.get(plain).is_err(), "inputs and outputs are not confused");
    drop(lines);
    assert_eq!((rig.is_high(plain), rig.is_high(inverted)), (false, true), "what was on goes off when it is dropped");
    assert_eq!(rig.lines(wiring).set(plain, true), Ok(()), "and can be claimed again");
}

/// Real lines are debounced.
fn settled(lines: &mut dyn Lines, line: u32, wanted: bool) -> bool {
    for _ in 0..50 {
        if lines.get(line) == Ok(wanted) {
            return wanted;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
    !wanted
}
