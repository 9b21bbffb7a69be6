//! Why a device cannot be used: one type for every class but the chip readers, which have more to say.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
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
    #[error("{device} may not be opened by this user{}", let_in(.group.as_deref()))]
    Denied {
        /// What was looked for.
        device: String,
        /// The group that may; `None` where only the owner may, or nobody knows.
        group: Option<String>,
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
    /// A program that it needs is not installed.
    #[error("the program {program} is not installed")]
    Program {
        /// The program.
        program: String,
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

program::coded!(DeviceError);

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
            Self::Program { .. } => "program_absent",
            Self::Specification { .. } => "device_specification",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Absent { .. } => "plug it in, or correct its name in agent.toml; cccd-agent devices lists the names",
            Self::Denied { .. } => {
                "install the package's udev rule (60-cccd-kiosk.rules) and plug it in again, or add the user to that group: usermod -aG GROUP cccd-agent"
            }
            Self::Busy { .. } => {
                "stop the other program: systemctl stop cccd-kiosk cccd-fault; a desktop or getty often holds screens and serial ports"
            }
            Self::Unsuitable { .. } => {
                "configure another device; /usr/share/doc/cccd-agent/hardware.md lists what each class needs"
            }
            Self::Failed { .. } => "check cable and power; the device is tried again by itself",
            Self::Paper { .. } => "put paper in and close the cover",
            Self::Program { .. } => "apt-get install espeak-ng alsa-utils (speech), v4l-utils (cameras)",
            Self::Specification { .. } => "write it as /usr/share/doc/cccd-agent/configuration.md shows",
        }
    }

    /// A device whose node this user may not open.
    #[must_use]
    pub fn denied(device: &str, node: &Path) -> Self {
        let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
        let about = std::fs::metadata(node).ok().filter(|about| about.mode() & 0o060 == 0o060);
        Self::Denied { device: device.to_owned(), group: about.map(|about| group_name(about.gid(), &groups)) }
    }

    /// From what the system said while a program was started.
    #[must_use]
    pub fn of_program(program: &str, error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound => Self::Program { program: program.to_owned() },
            _ => Self::from_io(program, error),
        }
    }

    /// From what the system said while `device` was opened or used.
    #[must_use]
    pub fn from_io(device: &str, error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Kind;
        let device = device.to_owned();
        let why = error.to_string();
        match error.kind() {
            Kind::PermissionDenied => Self::denied(&device, Path::new(&device)),
            Kind::ResourceBusy => Self::Busy { device },
            Kind::NotFound | Kind::BrokenPipe | Kind::UnexpectedEof | Kind::ConnectionRefused | Kind::NotConnected => {
                Self::Absent { device, why }
            }
            _ => match error.raw_os_error() {
                // EIO, ENXIO, ENODEV: what the kernel says of a device that was pulled out.
                Some(5 | 6 | 19) => Self::Absent { device, why },
                _ if device.starts_with('/') && !Path::new(&device).exists() => Self::Absent { device, why },
                _ => Self::Failed { device, why },
            },
        }
    }
}

fn let_in(group: Option<&str>) -> String {
    group.map_or_else(String::new, |group| format!("; group {group} may"))
}

/// The name of a group in a table like `/etc/group`; its number where it has none.
fn group_name(gid: u32, table: &str) -> String {
    let named = table.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(gid)).then_some(name)
    });
    named.map_or_else(|| gid.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions};
    use std::io::Error;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn what_is_refused_says_which_group_may() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let node = file.path().display().to_string();
        let gid = file.as_file().metadata().expect("about it").gid();
        let group = group_name(gid, &std::fs::read_to_string("/etc/group").unwrap_or_default());
        // EPERM: what a service's list of devices leaves out. EACCES: what the node's mode leaves out.
        for errno in [1, 13] {
            for (mode, group) in [(0o660, Some(group.clone())), (0o600, None)] {
                set_permissions(file.path(), Permissions::from_mode(mode)).expect("mode");
                let error = DeviceError::from_io(&node, &Error::from_raw_os_error(errno));
                assert_eq!(error, DeviceError::Denied { device: node.clone(), group: group.clone() });
                assert_eq!(error.to_string().ends_with("may"), group.is_some(), "{error}");
            }
        }
        assert_eq!(DeviceError::from_io(&node, &Error::from_raw_os_error(2)).code(), "device_absent");
    }

    #[test]
    fn a_group_has_a_name_or_a_number() {
        let table = "root:x:0:\ninput:x:104:daemon,nobody\nshort\n";
        assert_eq!(group_name(104, table), "input");
        assert_eq!(group_name(105, table), "105");
    }
}
