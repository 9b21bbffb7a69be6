//! `cccd-agent relay-guard`: the process that holds the line of a door relay. See `drivers::gpio::guard`.

use crate::cabinet::specification;
use crate::failure::{Failure, exit};
use drivers::gpio::guard::guard;
use drivers::gpio::{Pin, Pull, Wiring};
use std::time::Duration;

/// The command that starts a guard as this program does.
#[must_use]
pub fn command(chip: &str, door: Pin, maximum_ms: u16) -> Option<Vec<String>> {
    let program = std::env::current_exe().ok()?.display().to_string();
    let level = if door.active_low { " active-low" } else { "" };
    let pin = format!("{}{level}", door.line);
    Some(vec![program, "relay-guard".to_owned(), chip.to_owned(), pin, maximum_ms.to_string()])
}

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
