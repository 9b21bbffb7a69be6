//! `/dev/input/event*`, by path or by a part of the name that the kernel gives the device.

use super::{Axis, InputDevice, RawEvent, Surface};
use crate::device::DeviceError;
use evdev::{AbsoluteAxisCode, Device, KeyCode};
use rustix::event::{PollFd, PollFlags, Timespec};
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

/// Opens a device and takes it for this process alone.
fn find(specification: &str, wanted: Wanted) -> Result<(Device, Option<Surface>), DeviceError> {
    let mut device = if specification.starts_with('/') {
        Device::open(specification).map_err(|e| DeviceError::from_io(specification, &e))?
    } else {
        let named = |device: &Device| device.name().is_some_and(|name| name.contains(specification));
        let mut devices = evdev::enumerate().map(|(_, device)| device);
        devices.find(|device| named(device) && fits(device, wanted)).ok_or_else(|| DeviceError::Absent {
            device: specification.to_owned(),
            why: "no input device of that name can be opened".to_owned(),
        })?
    };
    if !fits(&device, wanted) {
        let why = match wanted {
            Wanted::Keyboard => "it has no keys for digits",
            Wanted::Touch => "it does not say where a finger is",
        };
        return Err(DeviceError::Unsuitable { device: specification.to_owned(), why: why.to_owned() });
    }
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
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(Vec::new()),
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
