//! Lights, buzzer, door relay and tamper switch on general-purpose lines.
//!
//! Levels here are logical: on is on, whatever the wiring makes of it ([`Pin::active_low`]). Outputs are off when they
//! are claimed and when they are dropped. [`conformance`] is the suite that every implementation passes; [`guard`] is
//! the relay that cannot stay on.

pub mod chardev;
pub mod conformance;
pub mod guard;
#[cfg(feature = "rpi")]
pub mod rpi;
pub mod simulated;

use crate::device::DeviceError;
use std::str::FromStr;

/// What holds an input that nobody drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pull {
    /// The wiring does.
    #[default]
    None,
    /// A resistor to the supply.
    Up,
    /// A resistor to ground.
    Down,
}

/// One line and its wiring: `17`, `17 active-low`, `22 active-low pull-up`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    /// Its offset on the chip; on a Raspberry Pi the BCM number.
    pub line: u32,
    /// On is the low level.
    pub active_low: bool,
    /// For inputs.
    pub pull: Pull,
}

impl FromStr for Pin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str = "a line is its number, then active-low, pull-up or pull-down where the wiring is so";
        let mut words = text.split_whitespace();
        let line = words.next().and_then(|word| word.parse().ok()).ok_or(WANTED)?;
        let mut pin = Self { line, active_low: false, pull: Pull::None };
        for word in words {
            match word {
                "active-low" => pin.active_low = true,
                "pull-up" => pin.pull = Pull::Up,
                "pull-down" => pin.pull = Pull::Down,
                _ => return Err(WANTED),
            }
        }
        Ok(pin)
    }
}

/// The lines of one chip that this process uses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wiring {
    /// Lines that are driven.
    pub outputs: Vec<Pin>,
    /// Lines that are read.
    pub inputs: Vec<Pin>,
}

/// The lines of a chip, claimed for this process alone.
pub trait Lines: Send {
    /// What to call the chip in messages.
    fn name(&self) -> String;

    /// Switches an output of the wiring.
    ///
    /// # Errors
    /// As long as the chip cannot be used, or the line is no output of the wiring.
    fn set(&mut self, line: u32, on: bool) -> Result<(), DeviceError>;

    /// Whether an input of the wiring is on.
    ///
    /// # Errors
    /// As long as the chip cannot be used, or the line is no input of the wiring.
    fn get(&mut self, line: u32) -> Result<bool, DeviceError>;
}

/// The answer to a line that is not in the wiring.
fn not_wired(device: &str, line: u32) -> DeviceError {
    DeviceError::Unsuitable { device: device.to_owned(), why: format!("line {line} is not wired that way") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_written_as_people_wire_them() {
        assert_eq!("17".parse(), Ok(Pin { line: 17, active_low: false, pull: Pull::None }));
        assert_eq!("22 active-low pull-up".parse(), Ok(Pin { line: 22, active_low: true, pull: Pull::Up }));
        assert!("".parse::<Pin>().is_err() && "GPIO17".parse::<Pin>().is_err() && "17 low".parse::<Pin>().is_err());
    }
}
