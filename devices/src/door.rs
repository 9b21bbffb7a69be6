//! A door's relay, which a process of its own holds: `drivers::gpio::guard`.

use crate::specification::Pins;
use config::Lines;
use drivers::gpio::Pin;
use drivers::gpio::guard::Guard;
use program::Failure;
use std::time::Duration;

/// The guard of a door's relay, where there is one, and how long it opens.
///
/// # Errors
/// When the line is not written as a line is.
pub fn guard(config: &Lines) -> Result<Option<(Guard, Duration)>, Failure> {
    let Some(door) = Pins::new(config)?.door else { return Ok(None) };
    let command = command(&config.chip, door, config.door_ms);
    Ok(command.map(|command| (Guard::new(command), Duration::from_millis(config.door_ms.into()))))
}

/// The command that starts a guard as this program does.
#[must_use]
pub fn command(chip: &str, door: Pin, maximum_ms: u16) -> Option<Vec<String>> {
    let program = std::env::current_exe().ok()?.display().to_string();
    let level = if door.active_low { " active-low" } else { "" };
    let pin = format!("{}{level}", door.line);
    Some(vec![program, "relay-guard".to_owned(), chip.to_owned(), pin, maximum_ms.to_string()])
}
