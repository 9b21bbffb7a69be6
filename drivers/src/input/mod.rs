//! Input devices of the kernel (evdev): keyboards and touch screens, each taken for this process alone.

pub mod evdev;
pub mod simulated;

use crate::device::DeviceError;
use std::time::Duration;

/// An event as the kernel has it (`linux/input-event-codes.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawEvent {
    /// `EV_SYN`, `EV_KEY`, `EV_ABS`…
    pub kind: u16,
    /// Which key or axis.
    pub code: u16,
    /// Pressed or not, or where.
    pub value: i32,
}

/// Type of synchronisation events.
pub const EV_SYN: u16 = 0;
/// Type of keys.
pub const EV_KEY: u16 = 1;
/// Type of absolute axes.
pub const EV_ABS: u16 = 3;
/// The end of what happened at once.
pub const SYN_REPORT: u16 = 0;
/// The kernel's buffer ran over: what was known of the device is no longer true.
pub const SYN_DROPPED: u16 = 3;

/// Least and greatest value of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axis {
    /// Least.
    pub minimum: i32,
    /// Greatest.
    pub maximum: i32,
}

/// What a device can say of a finger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Surface {
    /// Left to right.
    pub x: Axis,
    /// Top to bottom.
    pub y: Axis,
    /// Several fingers in slots (protocol B), or one.
    pub slots: bool,
}

/// An input device that may come and go.
pub trait InputDevice: Send {
    /// What to call it in messages.
    fn name(&self) -> String;

    /// Waits for events; none when nothing happened in time.
    ///
    /// # Errors
    /// As long as the device cannot be used. Each call tries to open it again.
    fn wait(&mut self, timeout: Duration) -> Result<Vec<RawEvent>, DeviceError>;

    /// Its touch surface, once it is open; `None` for a device without one.
    fn surface(&self) -> Option<Surface>;
}
