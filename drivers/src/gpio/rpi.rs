//! Raspberry Pi lines through `/dev/gpiomem` (`rpi`), for systems whose kernel has no character device for them.

use super::{Lines, Pull, Wiring, not_wired};
use crate::device::DeviceError;
use rppal::gpio::{Gpio, InputPin, Level, OutputPin};
use std::path::Path;

/// Lines by BCM number.
#[derive(Debug)]
pub struct RaspberryPi {
    wiring: Wiring,
    claimed: Option<Claimed>,
}

#[derive(Debug)]
struct Claimed {
    outputs: Vec<(bool, OutputPin)>,
    inputs: Vec<(bool, InputPin)>,
}

const NAME: &str = "Raspberry Pi GPIO";

impl RaspberryPi {
    /// Nothing is claimed yet.
    #[must_use]
    pub const fn new(wiring: Wiring) -> Self {
        Self { wiring, claimed: None }
    }

    fn claimed(&mut self) -> Result<&mut Claimed, DeviceError> {
        Ok(match &mut self.claimed {
            Some(claimed) => claimed,
            released => released.insert(claim(&self.wiring)?),
        })
    }
}

fn claim(wiring: &Wiring) -> Result<Claimed, DeviceError> {
    let error = |error: rppal::gpio::Error| match error {
        rppal::gpio::Error::UnknownModel => {
            DeviceError::Absent { device: NAME.to_owned(), why: "this is no Raspberry Pi".to_owned() }
        }
        rppal::gpio::Error::PermissionDenied(_) => DeviceError::denied(NAME, Path::new("/dev/gpiomem")),
        rppal::gpio::Error::PinUsed(_) => DeviceError::Busy { device: NAME.to_owned() },
        rppal::gpio::Error::Io(error) => DeviceError::from_io(NAME, &error),
        other => DeviceError::Unsuitable { device: NAME.to_owned(), why: other.to_string() },
    };
    let gpio = Gpio::new().map_err(error)?;
    let get = |line: u32| {
        let number = u8::try_from(line).map_err(|_| not_wired(NAME, line))?;
        gpio.get(number).map_err(error)
    };
    let mut claimed = Claimed { outputs: Vec::new(), inputs: Vec::new() };
    for pin in &wiring.outputs {
        let line = get(pin.line)?;
        let off = if pin.active_low { line.into_output_high() } else { line.into_output_low() };
        claimed.outputs.push((pin.active_low, off));
    }
    for pin in &wiring.inputs {
        let line = get(pin.line)?;
        let line = match pin.pull {
            Pull::None => line.into_input(),
            Pull::Up => line.into_input_pullup(),
            Pull::Down => line.into_input_pulldown(),
        };
        claimed.inputs.push((pin.active_low, line));
    }
    Ok(claimed)
}

impl Lines for RaspberryPi {
    fn name(&self) -> String {
        NAME.to_owned()
    }

    fn set(&mut self, line: u32, on: bool) -> Result<(), DeviceError> {
        let found = self.claimed()?.outputs.iter_mut().find(|(_, pin)| u32::from(pin.pin()) == line);
        let (active_low, pin) = found.ok_or_else(|| not_wired(NAME, line))?;
        pin.write(if on == *active_low { Level::Low } else { Level::High });
        Ok(())
    }

    fn get(&mut self, line: u32) -> Result<bool, DeviceError> {
        let found = self.claimed()?.inputs.iter().find(|(_, pin)| u32::from(pin.pin()) == line);
        let (active_low, pin) = found.ok_or_else(|| not_wired(NAME, line))?;
        Ok(pin.is_high() != *active_low)
    }
}

impl Drop for RaspberryPi {
    fn drop(&mut self) {
        for (active_low, pin) in self.claimed.iter_mut().flat_map(|claimed| &mut claimed.outputs) {
            pin.write(if *active_low { Level::High } else { Level::Low });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_is_no_raspberry_pi_says_so() {
        let pin = "17".parse().expect("pin");
        let mut lines = RaspberryPi::new(Wiring { outputs: vec![pin], inputs: Vec::new() });
        let error = lines.set(17, true).expect_err("no Raspberry Pi");
        assert!(matches!(error, DeviceError::Absent { .. }), "{error:?}");
    }
}
