//! Scanner modules on a serial port or USB-CDC: `serial:/dev/ttyACM0` or `serial:/dev/ttyUSB0@115200`.
//!
//! Without a rate in the configuration the usual ones are tried: what comes at a wrong rate has hardly a letter in it,
//! and the next rate is set for the next scan. USB-CDC has no rate; there nothing of this happens.

use super::{Framer, Garbled, QUIET, Scanned, Scanner, Trickle};
use crate::device::DeviceError;
use crate::serial;
use serialport::{SerialPort as _, TTYPort};
use std::collections::VecDeque;
use std::io::Read as _;
use std::time::Duration;
use zeroize::Zeroize as _;

/// Bit rates that modules leave the factory with, most usual first.
pub const RATES: [u32; 6] = [9600, 115_200, 57_600, 38_400, 19_200, 4800];

/// What reading bytes that are there counts, so that a device that never stops does not hold up its caller.
const MOMENT: Duration = Duration::from_millis(5);

/// A scanner on a serial port.
#[derive(Debug)]
pub struct SerialScanner {
    path: String,
    /// Fixed by the configuration.
    fixed: bool,
    rate: u32,
    port: Option<TTYPort>,
    framer: Framer,
    ready: VecDeque<Scanned>,
}

impl SerialScanner {
    /// From `PATH` or `PATH@RATE`. Nothing is opened yet.
    ///
    /// # Errors
    /// When the rate is no number.
    pub fn new(specification: &str) -> Result<Self, DeviceError> {
        let (path, rate) = match specification.rsplit_once('@') {
            None => (specification, None),
            Some((path, rate)) => (path, Some(rate.parse::<u32>().ok().filter(|rate| *rate > 0))),
        };
        if rate == Some(None) || path.is_empty() {
            let why = "serial:PATH or serial:PATH@RATE, for example serial:/dev/ttyUSB0@9600";
            return Err(DeviceError::Specification { specification: specification.to_owned(), why });
        }
        let rate = rate.flatten();
        Ok(Self {
            path: path.to_owned(),
            fixed: rate.is_some(),
            rate: rate.unwrap_or(RATES[0]),
            port: None,
            framer: Framer::default(),
            ready: VecDeque::new(),
        })
    }

    /// The rate at which it listens.
    #[must_use]
    pub const fn rate(&self) -> u32 {
        self.rate
    }

    fn try_next_rate(&mut self) {
        let at = RATES.iter().position(|rate| *rate == self.rate).unwrap_or(0);
        self.rate = RATES[(at + 1) % RATES.len()];
        // What follows is the rest of the same scan; it says nothing new.
        self.framer.reset();
        if let Some(port) = &mut self.port
            && (port.set_baud_rate(self.rate).is_err() || port.clear(serialport::ClearBuffer::Input).is_err())
        {
            self.port = None;
        }
    }

    fn lost(&mut self, why: String) -> DeviceError {
        self.port = None;
        self.framer.reset();
        DeviceError::Absent { device: self.path.clone(), why }
    }
}

impl Scanner for SerialScanner {
    fn name(&self) -> String {
        self.path.clone()
    }

    fn wait_for_scan(&mut self, timeout: Duration) -> Result<Option<Scanned>, DeviceError> {
        self.wait(timeout)
    }
}

impl Trickle for SerialScanner {
    fn ready(&mut self) -> &mut VecDeque<Scanned> {
        &mut self.ready
    }

    fn read(&mut self, timeout: Duration) -> Result<Duration, DeviceError> {
        let mut buffer = [0; 256];
        let port = match &mut self.port {
            Some(port) => port,
            closed => closed.insert(serial::open(&self.path, self.rate, QUIET)?),
        };
        port.set_timeout(timeout).map_err(|e| serial::error(&self.path, e))?;
        let mut used = MOMENT.min(timeout);
        match port.read(&mut buffer) {
            Ok(0) => return Err(self.lost("end of file".to_owned())),
            Ok(count) => self.ready.extend(self.framer.feed(&buffer[..count])),
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                used = timeout;
                self.ready.extend(self.framer.silence(timeout));
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(self.lost(error.to_string())),
        }
        buffer.zeroize();
        if self.ready.contains(&Scanned::Garbled(Garbled::Rate)) && !self.fixed {
            self.try_next_rate();
        }
        Ok(used)
    }
}
