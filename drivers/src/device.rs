//! Why a device cannot be used: one type for every class but the chip readers, which have more to say.

use thiserror::Error;

/// Why a device cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// It is not attached, or was unplugged.
    #[error("{device} is not there: {why}")]
    Absent {
        /// What was looked for.
        device: String,
        /// In the words of the system.
        why: String,
    },
    /// This user may not open it.
    #[error("{device} may not be opened by this user")]
    Denied {
        /// What was looked for.
        device: String,
    },
    /// Another program has it.
    #[error("{device} is in use by another program")]
    Busy {
        /// What was looked for.
        device: String,
    },
    /// It is there, but is not what it is configured to be.
    #[error("{device} cannot be used: {why}")]
    Unsuitable {
        /// What was looked for.
        device: String,
        /// What it lacks.
        why: String,
    },
    /// It stopped in the middle of something.
    #[error("{device} failed: {why}")]
    Failed {
        /// What was used.
        device: String,
        /// In the words of the system.
        why: String,
    },
    /// The printer has no paper, or its cover is open.
    #[error("{device} cannot print: {why}")]
    Paper {
        /// What was used.
        device: String,
        /// Paper or cover.
        why: &'static str,
    },
    /// The configuration does not name a device.
    #[error("{specification:?} names no device: {why}")]
    Specification {
        /// As configured.
        specification: String,
        /// What is expected.
        why: &'static str,
    },
}

impl DeviceError {
    /// A stable identifier.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Absent { .. } => "device_absent",
            Self::Denied { .. } => "device_denied",
            Self::Busy { .. } => "device_busy",
            Self::Unsuitable { .. } => "device_unsuitable",
            Self::Failed { .. } => "device_failed",
            Self::Paper { .. } => "device_paper",
            Self::Specification { .. } => "device_specification",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Absent { .. } => "plug it in, or correct its name in agent.toml; docs/hardware.md has the names",
            Self::Denied { .. } => "install the udev rule of docs/hardware.md, or add the user to the group it names",
            Self::Busy { .. } => "stop the other program; a desktop or getty often holds screens and serial ports",
            Self::Unsuitable { .. } => "configure another device; docs/hardware.md lists what each class needs",
            Self::Failed { .. } => "check cable and power; the device is tried again by itself",
            Self::Paper { .. } => "put paper in and close the cover",
            Self::Specification { .. } => "write it as docs/configuration.md shows",
        }
    }

    /// From what the system said while `device` was opened or used.
    #[must_use]
    pub fn from_io(device: &str, error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Kind;
        let device = device.to_owned();
        let why = error.to_string();
        match error.kind() {
            Kind::PermissionDenied => Self::Denied { device },
            Kind::ResourceBusy => Self::Busy { device },
            Kind::NotFound | Kind::BrokenPipe | Kind::UnexpectedEof | Kind::ConnectionRefused | Kind::NotConnected => {
                Self::Absent { device, why }
            }
            _ => match error.raw_os_error() {
                // EIO, ENXIO, ENODEV: what the kernel says of a device that was pulled out.
                Some(5 | 6 | 19) => Self::Absent { device, why },
                _ if device.starts_with('/') && !std::path::Path::new(&device).exists() => Self::Absent { device, why },
                _ => Self::Failed { device, why },
            },
        }
    }
}
