//! The GPIO character device (`/dev/gpiochip*`, uAPI version 2).

use super::{Lines, Pin, Pull, Wiring, not_wired};
use crate::device::DeviceError;
use gpiocdev::line::{Bias, Value};
use gpiocdev::request::{Config, Request};
use std::fs::File;
use std::path::Path;
use std::time::Duration;

/// A switch that is pressed bounces for about this long.
const DEBOUNCE: Duration = Duration::from_millis(20);

/// Lines of a chip of the kernel.
#[derive(Debug)]
pub struct CharacterDevice {
    chip: String,
    wiring: Wiring,
    claimed: Option<Request>,
}

impl CharacterDevice {
    /// Lines of `/dev/gpiochipN`. Nothing is claimed yet.
    #[must_use]
    pub fn new(chip: &str, wiring: Wiring) -> Self {
        Self { chip: chip.to_owned(), wiring, claimed: None }
    }

    fn on<T>(&mut self, work: impl Fn(&Request) -> gpiocdev::Result<T>) -> Result<T, DeviceError> {
        let request = match &mut self.claimed {
            Some(request) => request,
            released => released.insert(claim(&self.chip, &self.wiring)?),
        };
        work(request).map_err(|why| {
            self.claimed = None;
            error(&self.chip, &why)
        })
    }
}

fn error(chip: &str, error: &gpiocdev::Error) -> DeviceError {
    let (device, why) = (chip.to_owned(), error.to_string());
    match error {
        gpiocdev::Error::Os(errno) => DeviceError::from_io(&device, &std::io::Error::from_raw_os_error(errno.0)),
        // The crate does not give the number away.
        gpiocdev::Error::Uapi(..) if !Path::new(&device).exists() => DeviceError::Absent { device, why },
        gpiocdev::Error::Uapi(..) if why.contains("busy") => DeviceError::Busy { device },
        gpiocdev::Error::Uapi(..) => DeviceError::Failed { device, why },
        _ => DeviceError::Unsuitable { device, why },
    }
}

/// Takes the lines for this process alone, outputs off.
fn claim(chip: &str, wiring: &Wiring) -> Result<Request, DeviceError> {
    File::open(chip).map_err(|e| DeviceError::from_io(chip, &e))?;
    let mut config = Config::default();
    let level = |config: &mut Config, pin: &Pin| {
        config.with_line(pin.line);
        if pin.active_low {
            config.as_active_low()
        } else {
            config.as_active_high()
        };
    };
    for pin in &wiring.outputs {
        level(&mut config, pin);
        config.as_output(Value::Inactive);
    }
    for pin in &wiring.inputs {
        level(&mut config, pin);
        config.as_input().with_debounce_period(DEBOUNCE);
        config.with_bias(match pin.pull {
            Pull::None => None,
            Pull::Up => Some(Bias::PullUp),
            Pull::Down => Some(Bias::PullDown),
        });
    }
    let request = Request::from_config(config).on_chip(chip).with_consumer("cccd-agent").request();
    request.map_err(|why| error(chip, &why))
}

impl Lines for CharacterDevice {
    fn name(&self) -> String {
        self.chip.clone()
    }

    fn set(&mut self, line: u32, on: bool) -> Result<(), DeviceError> {
        if !self.wiring.outputs.iter().any(|pin| pin.line == line) {
            return Err(not_wired(&self.chip, line));
        }
        let value = if on { Value::Active } else { Value::Inactive };
        self.on(|request| request.set_value(line, value).map(drop))
    }

    fn get(&mut self, line: u32) -> Result<bool, DeviceError> {
        if !self.wiring.inputs.iter().any(|pin| pin.line == line) {
            return Err(not_wired(&self.chip, line));
        }
        self.on(|request| Ok(request.value(line)? == Value::Active))
    }
}

impl Drop for CharacterDevice {
    /// The kernel leaves a released line at its last level on most chips: everything goes off before.
    fn drop(&mut self) {
        if let Some(request) = &self.claimed {
            for pin in &self.wiring.outputs {
                program::ignore(request.set_value(pin.line, Value::Inactive), "nothing is left to do");
            }
        }
    }
}
