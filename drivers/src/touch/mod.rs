//! Touch screens.
//!
//! One finger is heard: the first that comes down, until it is lifted. What else lies on the glass (a palm, a sleeve, a
//! child's hand) does nothing. Where the finger is comes out in pixels of the picture, after calibration and rotation.

pub mod calibration;

pub use calibration::{Calibration, Rotation};

use crate::device::DeviceError;
use crate::input::{EV_ABS, EV_KEY, EV_SYN, InputDevice, RawEvent, SYN_DROPPED, SYN_REPORT, Surface};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a finger does, in pixels of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// It came down.
    Down(i32, i32),
    /// It was lifted here.
    Up(i32, i32),
}

/// Something that is touched.
pub trait Touchscreen: Send {
    /// What to call it in messages.
    fn name(&self) -> String;

    /// Waits for a finger; none when nothing happened in time.
    ///
    /// # Errors
    /// As long as the device cannot be used. Each call tries to open it again.
    fn wait(&mut self, timeout: Duration) -> Result<Vec<Touch>, DeviceError>;
}

/// Width and height of the picture that is touched. Clones share them, so that whoever shows can tell whoever feels.
#[derive(Debug, Clone)]
pub struct PictureSize(Arc<AtomicU64>);

impl PictureSize {
    /// Of this width and height.
    #[must_use]
    pub fn new(width: u32, height: u32) -> Self {
        let size = Self(Arc::default());
        size.set(width, height);
        size
    }

    /// The picture is another.
    pub fn set(&self, width: u32, height: u32) {
        self.0.store(u64::from(width) << 32 | u64::from(height), Ordering::Relaxed);
    }

    fn get(&self) -> (i32, i32) {
        let both = self.0.load(Ordering::Relaxed);
        let side = |side: u64| i32::try_from(side & 0xFFFF_FFFF).unwrap_or(i32::MAX).max(1);
        (side(both >> 32), side(both))
    }
}

/// A touch screen on evdev.
#[derive(Debug)]
pub struct EvdevTouchscreen<I> {
    device: I,
    finger: Finger,
    calibration: Calibration,
    size: PictureSize,
}

impl<I: InputDevice> EvdevTouchscreen<I> {
    /// Over an input device, for a picture of this size.
    pub fn new(device: I, calibration: Calibration, size: PictureSize) -> Self {
        Self { device, finger: Finger::default(), calibration, size }
    }
}

impl<I: InputDevice> Touchscreen for EvdevTouchscreen<I> {
    fn name(&self) -> String {
        self.device.name()
    }

    fn wait(&mut self, timeout: Duration) -> Result<Vec<Touch>, DeviceError> {
        let events = self.device.wait(timeout);
        if events.is_err() {
            self.finger = Finger::default();
        }
        let events = events?;
        let Some(surface) = self.device.surface() else { return Ok(Vec::new()) };
        let mut touches = Vec::new();
        for event in events {
            if let Some((down, x, y)) = self.finger.take(event, surface.slots) {
                let (x, y) = self.place(surface, x, y);
                touches.push(if down { Touch::Down(x, y) } else { Touch::Up(x, y) });
            }
        }
        Ok(touches)
    }
}

impl<I> EvdevTouchscreen<I> {
    fn place(&self, surface: Surface, x: i32, y: i32) -> (i32, i32) {
        let share = |value: i32, axis: crate::input::Axis| {
            let wide = f64::from(axis.maximum) - f64::from(axis.minimum);
            if wide > 0.0 { (f64::from(value) - f64::from(axis.minimum)) / wide } else { 0.0 }
        };
        let (x, y) = self.calibration.apply(share(x, surface.x), share(y, surface.y));
        let pixel = |share: f64, size: i32| ((share * f64::from(size)) as i32).clamp(0, size - 1);
        let (width, height) = self.size.get();
        (pixel(x, width), pixel(y, height))
    }
}

pub(crate) const BTN_LEFT: u16 = 0x110;
pub(crate) const BTN_TOUCH: u16 = 0x14A;
pub(crate) const ABS_X: u16 = 0x00;
pub(crate) const ABS_Y: u16 = 0x01;
pub(crate) const ABS_MT_SLOT: u16 = 0x2F;
pub(crate) const ABS_MT_POSITION_X: u16 = 0x35;
pub(crate) const ABS_MT_POSITION_Y: u16 = 0x36;
const ABS_MT_TRACKING_ID: u16 = 0x39;

/// Follows the first finger through the kernel's events: protocol B of multi-touch, or a single pointer.
#[derive(Debug, Default)]
struct Finger {
    x: i32,
    y: i32,
    /// On the glass since the last report.
    down: bool,
    /// As last told.
    told: bool,
    /// The slot that events are about.
    slot: i32,
    /// The slot of the finger that is heard.
    heard: Option<i32>,
    /// After a loss, until the next report.
    dropped: bool,
}

impl Finger {
    /// Takes an event; whether the finger came down or was lifted, and where.
    fn take(&mut self, event: RawEvent, slots: bool) -> Option<(bool, i32, i32)> {
        match (event.kind, event.code, event.value) {
            (EV_SYN, SYN_DROPPED, _) => {
                // Nobody knows what happened; a lift is the safe thing to believe.
                self.dropped = true;
                (self.down, self.heard) = (false, None);
            }
            (EV_SYN, SYN_REPORT, _) => {
                self.dropped = false;
                if self.down != self.told {
                    self.told = self.down;
                    return Some((self.down, self.x, self.y));
                }
            }
            _ if self.dropped => {}
            (EV_ABS, ABS_MT_SLOT, slot) if slots => self.slot = slot,
            (EV_ABS, ABS_MT_TRACKING_ID, -1) if slots && self.heard == Some(self.slot) => {
                (self.down, self.heard) = (false, None);
            }
            (EV_ABS, ABS_MT_TRACKING_ID, 0..) if slots && self.heard.is_none() => {
                (self.down, self.heard) = (true, Some(self.slot));
            }
            (EV_ABS, ABS_MT_POSITION_X, x) if slots && self.heard == Some(self.slot) => self.x = x,
            (EV_ABS, ABS_MT_POSITION_Y, y) if slots && self.heard == Some(self.slot) => self.y = y,
            (EV_ABS, ABS_X, x) if !slots => self.x = x,
            (EV_ABS, ABS_Y, y) if !slots => self.y = y,
            (EV_KEY, BTN_TOUCH | BTN_LEFT, value) if !slots => self.down = value != 0,
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Axis;
    use crate::input::simulated::{Fingers, SimulatedInput};

    fn surface(slots: bool) -> Surface {
        let axis = Axis { minimum: 0, maximum: 4096 };
        Surface { x: axis, y: axis, slots }
    }

    fn screen(slots: bool, calibration: Calibration) -> (Fingers, EvdevTouchscreen<SimulatedInput>) {
        let fingers = Fingers::default();
        let device = SimulatedInput { fingers: fingers.clone(), surface: Some(surface(slots)) };
        (fingers, EvdevTouchscreen::new(device, calibration, PictureSize::new(1080, 1920)))
    }

    fn events(all: &[(u16, u16, i32)]) -> Vec<RawEvent> {
        all.iter().map(|&(kind, code, value)| RawEvent { kind, code, value }).collect()
    }

    const NOW: Duration = Duration::from_millis(20);
    const REPORT: (u16, u16, i32) = (EV_SYN, SYN_REPORT, 0);

    #[test]
    fn a_single_touch_device() {
        let (fingers, mut screen) = screen(false, Calibration::default());
        let down = [(EV_ABS, ABS_X, 2048), (EV_ABS, ABS_Y, 1024), (EV_KEY, BTN_TOUCH, 1), REPORT];
        fingers.happen(events(&down));
        fingers.happen(events(&[(EV_ABS, ABS_X, 4096), REPORT, (EV_KEY, BTN_TOUCH, 0), REPORT]));
        assert_eq!(screen.wait(NOW), Ok(vec![Touch::Down(540, 480), Touch::Up(1079, 480)]));
    }

    #[test]
    fn the_second_finger_is_not_heard() {
        let (fingers, mut screen) = screen(true, Calibration::default());
        let slot = |slot| (EV_ABS, ABS_MT_SLOT, slot);
        let id = |id| (EV_ABS, ABS_MT_TRACKING_ID, id);
        let at = |x, y| [(EV_ABS, ABS_MT_POSITION_X, x), (EV_ABS, ABS_MT_POSITION_Y, y)];
        let [x1, y1] = at(1024, 1024);
        let [x2, y2] = at(4000, 4000);
        fingers.happen(events(&[slot(0), id(7), x1, y1, REPORT, slot(1), id(8), x2, y2, REPORT]));
        fingers.happen(events(&[slot(0), id(-1), REPORT, slot(1), x2, REPORT, id(-1), REPORT]));
        assert_eq!(screen.wait(NOW), Ok(vec![Touch::Down(270, 480), Touch::Up(270, 480)]));
        fingers.happen(events(&[slot(0), id(9), x2, y2, REPORT]));
        assert_eq!(screen.wait(NOW), Ok(vec![Touch::Down(1054, 1875)]), "the next one is");
    }

    #[test]
    fn a_loss_and_an_absence_lift_the_finger() {
        let (fingers, mut screen) = screen(false, Calibration::default());
        fingers.happen(events(&[(EV_KEY, BTN_TOUCH, 1), REPORT]));
        assert_eq!(screen.wait(NOW), Ok(vec![Touch::Down(0, 0)]));
        fingers.happen(events(&[(EV_SYN, SYN_DROPPED, 0), (EV_ABS, ABS_X, 99), REPORT]));
        assert_eq!(screen.wait(NOW), Ok(vec![Touch::Up(0, 0)]));
        fingers.unplug(true);
        assert!(matches!(screen.wait(NOW), Err(DeviceError::Absent { .. })));
        fingers.unplug(false);
        fingers.happen(events(&[(EV_KEY, BTN_TOUCH, 1), REPORT]));
        assert_eq!(screen.wait(NOW), Ok(vec![Touch::Down(0, 0)]));
    }

    #[test]
    fn a_panel_that_hangs_on_its_side() {
        let (fingers, mut screen) = screen(false, Calibration::from(Rotation::Right));
        // The device's top left corner is the picture's top right one.
        fingers.happen(events(&[(EV_ABS, ABS_X, 0), (EV_ABS, ABS_Y, 0), (EV_KEY, BTN_TOUCH, 1), REPORT]));
        assert_eq!(screen.wait(NOW), Ok(vec![Touch::Down(0, 1919)]));
    }

    #[test]
    fn another_picture_is_touched_where_it_is() {
        let (fingers, mut screen) = screen(false, Calibration::default());
        let size = screen.size.clone();
        size.set(1280, 800);
        fingers.happen(events(&[(EV_ABS, ABS_X, 2048), (EV_ABS, ABS_Y, 4096), (EV_KEY, BTN_TOUCH, 1), REPORT]));
        assert_eq!(screen.wait(NOW), Ok(vec![Touch::Down(640, 799)]));
    }
}
