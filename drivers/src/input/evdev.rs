//! `/dev/input/event*`, by path or by a part of the name that the kernel gives the device.

use super::{Axis, InputDevice, RawEvent, Surface};
use crate::device::DeviceError;
use evdev::{AbsoluteAxisCode, Device, KeyCode};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::fs::DirEntry;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a device must be able to do to be found by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Type letters.
    Keyboard,
    /// Say where a finger is.
    Touch,
}

/// An input device of the kernel.
pub struct EvdevInput {
    specification: String,
    wanted: Wanted,
    open: Option<(Device, Option<Surface>)>,
}

impl std::fmt::Debug for EvdevInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EvdevInput({})", self.specification)
    }
}

impl EvdevInput {
    /// By path (`/dev/input/…`) or by a part of the name. Nothing is opened yet.
    #[must_use]
    pub fn new(specification: &str, wanted: Wanted) -> Self {
        Self { specification: specification.to_owned(), wanted, open: None }
    }

    fn open(&mut self) -> Result<&mut Device, DeviceError> {
        let (device, _) = match &mut self.open {
            Some(open) => open,
            closed => closed.insert(find(&self.specification, self.wanted)?),
        };
        Ok(device)
    }
}

fn fits(device: &Device, wanted: Wanted) -> bool {
    match wanted {
        Wanted::Keyboard => device
            .supported_keys()
            .is_some_and(|keys| keys.contains(KeyCode::KEY_ENTER) && keys.contains(KeyCode::KEY_1)),
        Wanted::Touch => surface(device).is_some(),
    }
}

/// Where every user may read what input devices are called.
const NAMES: &str = "/sys/class/input";

/// The nodes of the devices whose name has `part` in it, in the kernel's order.
fn named(names: &Path, part: &str) -> Vec<PathBuf> {
    let number = |entry: DirEntry| entry.file_name().to_str()?.strip_prefix("event")?.parse().ok();
    let mut numbers: Vec<u32> = std::fs::read_dir(names).into_iter().flatten().flatten().filter_map(number).collect();
    numbers.sort_unstable();
    let is_named = |number: &u32| {
        let name = std::fs::read_to_string(names.join(format!("event{number}/device/name")));
        name.is_ok_and(|name| name.trim_end().contains(part))
    };
    numbers.into_iter().filter(is_named).map(|number| PathBuf::from(format!("/dev/input/event{number}"))).collect()
}

/// The first of the nodes that opens and fits. Where there is none, the error is that of the device which is nearest to it:
/// one that may not be opened is there all the same.
fn first<T>(
    specification: &str,
    nodes: &[PathBuf],
    open: impl Fn(&Path) -> std::io::Result<T>,
    fits: impl Fn(&T) -> Result<(), &'static str>,
) -> Result<T, DeviceError> {
    let device = specification.to_owned();
    let (mut denied, mut failed, mut unsuitable) = (None, None, None);
    for node in nodes {
        match open(node) {
            Ok(opened) => match fits(&opened) {
                Ok(()) => return Ok(opened),
                Err(why) => unsuitable = Some(DeviceError::Unsuitable { device: device.clone(), why: why.to_owned() }),
            },
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                denied = denied.or_else(|| Some(DeviceError::denied(specification, node)));
            }
            Err(error) => failed = Some(DeviceError::from_io(specification, &error)),
        }
    }
    let absent = || DeviceError::Absent { device, why: "no input device has that name".to_owned() };
    Err(denied.or(failed).or(unsuitable).unwrap_or_else(absent))
}

/// Opens a device and takes it for this process alone.
fn find(specification: &str, wanted: Wanted) -> Result<(Device, Option<Surface>), DeviceError> {
    let nodes = if specification.starts_with('/') {
        vec![specification.into()]
    } else {
        named(Path::new(NAMES), specification)
    };
    let why = match wanted {
        Wanted::Keyboard => "it has no keys for digits",
        Wanted::Touch => "it does not say where a finger is",
    };
    let is_wanted = |device: &Device| if fits(device, wanted) { Ok(()) } else { Err(why) };
    let mut device = first(specification, &nodes, |node| Device::open(node), is_wanted)?;
    // What is typed or touched here is for nobody else.
    device.grab().map_err(|e| DeviceError::from_io(specification, &e))?;
    device.set_nonblocking(true).map_err(|e| DeviceError::from_io(specification, &e))?;
    let surface = surface(&device);
    Ok((device, surface))
}

fn surface(device: &Device) -> Option<Surface> {
    let axes = device.supported_absolute_axes()?;
    let slots = axes.contains(AbsoluteAxisCode::ABS_MT_SLOT);
    let (x, y) = if slots {
        (AbsoluteAxisCode::ABS_MT_POSITION_X, AbsoluteAxisCode::ABS_MT_POSITION_Y)
    } else {
        (AbsoluteAxisCode::ABS_X, AbsoluteAxisCode::ABS_Y)
    };
    let touch = device.supported_keys().is_some_and(|keys| {
        keys.contains(KeyCode::BTN_TOUCH)
            || (keys.contains(KeyCode::BTN_LEFT) && axes.contains(AbsoluteAxisCode::ABS_X))
    });
    if !touch || !axes.contains(x) || !axes.contains(y) {
        return None;
    }
    let axis = |wanted| {
        let (_, info) = device.get_absinfo().ok()?.find(|(code, _)| *code == wanted)?;
        Some(Axis { minimum: info.minimum(), maximum: info.maximum() })
    };
    Some(Surface { x: axis(x)?, y: axis(y)?, slots })
}

impl InputDevice for EvdevInput {
    fn name(&self) -> String {
        self.specification.clone()
    }

    fn wait(&mut self, timeout: Duration) -> Result<Vec<RawEvent>, DeviceError> {
        let name = self.specification.clone();
        let result = self.open().and_then(|device| {
            let failed = |e: &std::io::Error| DeviceError::from_io(&name, e);
            let mut ready = [PollFd::new(&*device, PollFlags::IN)];
            let timeout = Timespec::try_from(timeout).ok();
            match rustix::event::poll(&mut ready, timeout.as_ref()) {
                Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(Vec::new()),
                Ok(_) => {}
                Err(error) => return Err(failed(&error.into())),
            }
            match device.fetch_events() {
                Ok(events) => Ok(events
                    .map(|event| RawEvent { kind: event.event_type().0, code: event.code(), value: event.value() })
                    .collect()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Vec::new()),
                Err(error) => Err(failed(&error)),
            }
        });
        if result.is_err() {
            self.open = None;
        }
        result
    }

    fn surface(&self) -> Option<Surface> {
        self.open.as_ref().and_then(|(_, surface)| *surface)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory that describes input devices as the kernel does.
    fn names(devices: &[(&str, &str)]) -> tempfile::TempDir {
        let names = tempfile::tempdir().expect("a directory");
        for (event, name) in devices {
            let place = names.path().join(event).join("device");
            std::fs::create_dir_all(&place).expect("directories");
            std::fs::write(place.join("name"), format!("{name}\n")).expect("a name");
        }
        names
    }

    fn code(nodes: &[PathBuf], said: impl Fn(&Path) -> Result<bool, ErrorKind>) -> Result<PathBuf, &'static str> {
        let open = |node: &Path| said(node).map(|fits| (node.to_owned(), fits)).map_err(Into::into);
        let fits = |(_, fits): &(PathBuf, bool)| if *fits { Ok(()) } else { Err("it is a mouse") };
        first("Tablet", nodes, open, fits).map(|(node, _)| node).map_err(|error| error.code())
    }

    #[test]
    fn names_are_known_without_opening_anything() {
        let names = names(&[
            ("event10", "QEMU Virtio Tablet"),
            ("event2", "QEMU Virtio Tablet"),
            ("event3", "AT keyboard"),
            ("input4", "Tablet"),
            ("eventful", "Tablet"),
        ]);
        let nodes = |part| named(names.path(), part);
        assert_eq!(nodes("Tablet"), ["/dev/input/event2", "/dev/input/event10"].map(PathBuf::from));
        assert!(nodes("Goodix").is_empty());
        assert!(named(&names.path().join("none"), "Tablet").is_empty());
    }

    #[test]
    fn what_may_not_be_opened_is_not_absent() {
        let nodes = ["/dev/input/event2", "/dev/input/event10"].map(PathBuf::from);
        let second = |node: &Path| node.ends_with("event10");
        assert_eq!(code(&nodes, |_| Err(ErrorKind::PermissionDenied)), Err("device_denied"));
        assert_eq!(code(&[], |_| Ok(true)), Err("device_absent"));
        // A mouse of that name that opens does not hide the screen that does not.
        let mixed = |node: &Path| if second(node) { Ok(false) } else { Err(ErrorKind::PermissionDenied) };
        assert_eq!(code(&nodes, mixed), Err("device_denied"));
        assert_eq!(code(&nodes, |_| Ok(false)), Err("device_unsuitable"));
        assert_eq!(code(&nodes, |_| Err(ErrorKind::NotFound)), Err("device_absent"));
        // One that fits is taken, whatever is said of those before it.
        let fits = |node: &Path| if second(node) { Ok(true) } else { Err(ErrorKind::PermissionDenied) };
        assert_eq!(code(&nodes, fits), Ok(nodes[1].clone()));
    }
}
