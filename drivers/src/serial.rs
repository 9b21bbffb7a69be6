//! Serial ports: RS-232, USB-CDC, pseudo-terminals.

use crate::device::DeviceError;
use rustix::fs::Access;
use serialport::{ErrorKind, SerialPort as _, TTYPort};
use std::path::Path;
use std::time::Duration;

/// Opens a port with eight data bits and no parity, for this process alone.
///
/// Modem lines are raised where there are some: many scanners stay silent without DTR. A port that has none (a
/// pseudo-terminal, a three-wire UART) is as good.
pub(crate) fn open(path: &str, baud: u32, timeout: Duration) -> Result<TTYPort, DeviceError> {
    let mut port = TTYPort::open(&serialport::new(path, baud).timeout(timeout)).map_err(|e| error(path, e))?;
    for result in [port.write_data_terminal_ready(true), port.write_request_to_send(true)] {
        program::ignore(result, "ENOTTY where there are no such lines: nothing that anybody could mend");
    }
    Ok(port)
}

/// What the crate says, as a device error. It has no word for EPERM, which a service hears of ports that its unit leaves out:
/// then the system is asked once more.
pub(crate) fn error(path: &str, error: serialport::Error) -> DeviceError {
    let device = path.to_owned();
    match error.kind() {
        // The crate says so of ports that another process has locked, too.
        ErrorKind::NoDevice if Path::new(path).exists() => DeviceError::Busy { device },
        ErrorKind::NoDevice => DeviceError::Absent { device, why: error.description },
        ErrorKind::InvalidInput => DeviceError::Unsuitable { device, why: error.description },
        ErrorKind::Io(kind) => DeviceError::from_io(path, &std::io::Error::new(kind, error.description)),
        ErrorKind::Unknown => match rustix::fs::access(path, Access::READ_OK | Access::WRITE_OK) {
            Err(why) => DeviceError::from_io(path, &why.into()),
            Ok(()) => DeviceError::Failed { device, why: error.description },
        },
    }
}
