//! Ways to a printer: `serial:/dev/ttyUSB1@115200`, `usb:/dev/usb/lp0`, `tcp:192.168.1.50:9100`.

use crate::device::DeviceError;
use crate::serial;
use rustix::event::{PollFd, PollFlags, Timespec};
use serialport::{SerialPort as _, TTYPort};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

/// A way to a printer and, where there is one, back.
pub trait Transport: Send {
    /// What to call the printer in messages.
    fn name(&self) -> String;

    /// Sends all of it.
    ///
    /// # Errors
    /// As long as the device cannot be used.
    fn write(&mut self, bytes: &[u8]) -> Result<(), DeviceError>;

    /// Asks something that is answered with one byte; `None` when no answer came.
    ///
    /// # Errors
    /// As long as the device cannot be used.
    fn ask(&mut self, question: &[u8], timeout: Duration) -> Result<Option<u8>, DeviceError>;
}

/// How long a printer may take to take more: a line of a slow one, a roll that is being changed.
const PATIENCE: Duration = Duration::from_secs(5);

/// One byte, or none when none came in time.
fn one_byte(mut from: impl Read) -> std::io::Result<Option<u8>> {
    let mut byte = [0];
    match from.read(&mut byte) {
        Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
        Ok(_) => Ok(Some(byte[0])),
        Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A serial port.
#[derive(Debug)]
pub struct SerialTransport {
    path: String,
    rate: u32,
    port: Option<TTYPort>,
}

impl SerialTransport {
    /// From `PATH` or `PATH@RATE`; 9,600 without one. Nothing is opened yet.
    ///
    /// # Errors
    /// When the rate is no number.
    pub fn new(specification: &str) -> Result<Self, DeviceError> {
        let (path, rate) = specification.rsplit_once('@').unwrap_or((specification, "9600"));
        let rate = rate.parse().map_err(|_| DeviceError::Specification {
            specification: specification.to_owned(),
            why: "serial:PATH@RATE, for example serial:/dev/ttyUSB1@115200",
        })?;
        Ok(Self { path: path.to_owned(), rate, port: None })
    }

    fn with<T>(&mut self, work: impl FnOnce(&mut TTYPort) -> std::io::Result<T>) -> Result<T, DeviceError> {
        let port = match &mut self.port {
            Some(port) => port,
            closed => closed.insert(serial::open(&self.path, self.rate, PATIENCE)?),
        };
        work(port).map_err(|error| {
            self.port = None;
            DeviceError::from_io(&self.path, &error)
        })
    }
}

impl Transport for SerialTransport {
    fn name(&self) -> String {
        self.path.clone()
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), DeviceError> {
        self.with(|port| port.write_all(bytes).and_then(|()| port.flush()))
    }

    fn ask(&mut self, question: &[u8], timeout: Duration) -> Result<Option<u8>, DeviceError> {
        self.with(|port| {
            // What was said to an older question is no answer to this one.
            port.clear(serialport::ClearBuffer::Input)?;
            port.write_all(question)?;
            port.set_timeout(timeout)?;
            let answer = one_byte(&mut *port);
            port.set_timeout(PATIENCE)?;
            answer
        })
    }
}

/// The kernel's USB printer class.
#[derive(Debug)]
pub struct UsbTransport {
    path: String,
    file: Option<File>,
}

impl UsbTransport {
    /// Of a device file. Nothing is opened yet.
    #[must_use]
    pub fn new(path: &str) -> Self {
        Self { path: path.to_owned(), file: None }
    }

    fn with<T>(&mut self, work: impl FnOnce(&mut File) -> std::io::Result<T>) -> Result<T, DeviceError> {
        let error = |error: &std::io::Error| DeviceError::from_io(&self.path, error);
        let file = match &mut self.file {
            Some(file) => file,
            closed => {
                let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
                let opened = OpenOptions::new().read(true).write(true).custom_flags(flags).open(&self.path);
                closed.insert(opened.map_err(|e| error(&e))?)
            }
        };
        work(file).map_err(|why| {
            self.file = None;
            DeviceError::from_io(&self.path, &why)
        })
    }
}

/// Waits until a file is ready; whether it is.
fn ready(file: &File, what: PollFlags, timeout: Duration) -> std::io::Result<bool> {
    let mut fds = [PollFd::new(file, what)];
    Ok(rustix::event::poll(&mut fds, Timespec::try_from(timeout).ok().as_ref())? > 0)
}

fn write_all(file: &mut File, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        if !ready(file, PollFlags::OUT, PATIENCE)? {
            return Err(ErrorKind::TimedOut.into());
        }
        match file.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Transport for UsbTransport {
    fn name(&self) -> String {
        self.path.clone()
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), DeviceError> {
        self.with(|file| write_all(file, bytes))
    }

    fn ask(&mut self, question: &[u8], timeout: Duration) -> Result<Option<u8>, DeviceError> {
        self.with(|file| {
            while ready(file, PollFlags::IN, Duration::ZERO)? && one_byte(&*file)?.is_some() {}
            write_all(file, question)?;
            if ready(file, PollFlags::IN, timeout)? { one_byte(&*file) } else { Ok(None) }
        })
    }
}

/// A connection of the network, as every "Ethernet printer" takes it. It lasts for one picture: such printers serve one
/// connection at a time, and forget one that is idle.
#[derive(Debug)]
pub struct TcpTransport {
    address: String,
    stream: Option<TcpStream>,
}

impl TcpTransport {
    /// Of `HOST:PORT`. Nothing is opened yet.
    #[must_use]
    pub fn new(address: &str) -> Self {
        Self { address: address.to_owned(), stream: None }
    }

    fn with<T>(&mut self, work: impl FnOnce(&mut TcpStream) -> std::io::Result<T>) -> Result<T, DeviceError> {
        let connect = || {
            let mut last = std::io::Error::from(ErrorKind::NotFound);
            for address in self.address.to_socket_addrs()? {
                match TcpStream::connect_timeout(&address, PATIENCE) {
                    Ok(stream) => {
                        stream.set_write_timeout(Some(PATIENCE))?;
                        return Ok(stream);
                    }
                    Err(error) => last = error,
                }
            }
            Err(last)
        };
        let absent = |error: &std::io::Error| match DeviceError::from_io(&self.address, error) {
            // A host that does not answer or has no name is a printer that is not there.
            DeviceError::Failed { device, why } => DeviceError::Absent { device, why },
            other => other,
        };
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect().map_err(|e| absent(&e))?,
        };
        let result = work(&mut stream).map_err(|e| absent(&e))?;
        self.stream = Some(stream);
        Ok(result)
    }
}

impl Transport for TcpTransport {
    fn name(&self) -> String {
        self.address.clone()
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), DeviceError> {
        let written = self.with(|stream| stream.write_all(bytes));
        self.stream = None;
        written
    }

    fn ask(&mut self, question: &[u8], timeout: Duration) -> Result<Option<u8>, DeviceError> {
        // One that the printer has closed meanwhile takes the question and then gives the end of file.
        for is_last in [self.stream.is_none(), true] {
            let answer = self.with(|stream| {
                stream.write_all(question)?;
                stream.set_read_timeout(Some(timeout))?;
                one_byte(stream)
            });
            if answer.is_ok() || is_last {
                return answer;
            }
        }
        Ok(None)
    }
}
