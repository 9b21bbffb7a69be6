//! `cccd-agent relay-guard`: the process that holds the line of a door relay. See `drivers::gpio::guard`.

use devices::specification;
use drivers::gpio::guard::guard;
use drivers::gpio::{Pin, Pull, Wiring};
use program::{Failure, exit};
use std::time::Duration;

/// Guards the line until standard input ends.
///
/// # Errors
/// When the line cannot be used.
pub fn run(chip: &str, pin: &str, maximum_ms: u16) -> Result<u8, Failure> {
    let pin: Pin = pin.parse().map_err(|why| Failure::usage("line_malformed", format!("{pin:?}: {why}"), why))?;
    let wiring = Wiring { outputs: vec![Pin { pull: Pull::None, ..pin }], inputs: Vec::new() };
    let mut lines = specification::lines(chip, wiring)?;
    let maximum = Duration::from_millis(maximum_ms.into());
    guard(&mut *lines, pin.line, maximum, std::io::stdin().lock())?;
    Ok(exit::GENUINE)
}
