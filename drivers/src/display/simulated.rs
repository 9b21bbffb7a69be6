//! A display without hardware: a sheet of glass that a program looks at.

use super::{Display, Format, Picture, Rectangle, Rotation, Size};
use crate::device::DeviceError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is to be seen. Clones are handles on the same glass.
#[derive(Clone, Default)]
pub struct Glass(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    pixels: Vec<u32>,
    unplugged: bool,
    /// The size of another panel in its place.
    other: Option<Size>,
}

impl std::fmt::Debug for Glass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Glass")
    }
}

impl Glass {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The panel's pixels, row by row.
    #[must_use]
    pub fn pixels(&self) -> Vec<u32> {
        self.lock().pixels.clone()
    }

    /// Pulls the plug, or puts it back: what comes back is black.
    pub fn unplug(&self, unplugged: bool) {
        let mut seen = self.lock();
        seen.unplugged = unplugged;
        seen.pixels.clear();
    }

    /// Another panel takes its place.
    pub fn replace(&self, panel: Size) {
        let mut seen = self.lock();
        seen.other = Some(panel);
        seen.pixels.clear();
    }
}

/// A display over [`Glass`].
#[derive(Debug, Clone)]
pub struct SimulatedDisplay {
    glass: Glass,
    panel: Size,
    rotation: Rotation,
}

impl SimulatedDisplay {
    /// A panel of this size whose content is turned.
    #[must_use]
    pub const fn new(glass: Glass, panel: Size, rotation: Rotation) -> Self {
        Self { glass, panel, rotation }
    }
}

impl Display for SimulatedDisplay {
    fn name(&self) -> String {
        "simulated display".to_owned()
    }

    fn format(&mut self) -> Result<Format, DeviceError> {
        let seen = self.glass.lock();
        Ok(Format { panel: seen.other.unwrap_or(self.panel), millimetres: None, rotation: self.rotation })
    }

    fn show(&mut self, picture: Picture<'_>, changed: &[Rectangle]) -> Result<(), DeviceError> {
        let (name, format) = (self.name(), self.format()?);
        let mut seen = self.glass.lock();
        if seen.unplugged {
            return Err(DeviceError::Absent { device: name, why: "unplugged".to_owned() });
        }
        format.check(&name, picture.size())?;
        let whole = [picture.whole()];
        let changed = if seen.pixels.is_empty() { &whole } else { changed };
        let width = format.panel.width;
        seen.pixels.resize((width * format.panel.height) as usize, 0);
        for part in changed {
            format.place(picture, *part, |x, y, run| {
                let start = (y * width + x) as usize;
                for (pixel, value) in seen.pixels[start..].iter_mut().zip(run) {
                    *pixel = value;
                }
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::display::conformance::{self, Rig};

    struct SimulatedRig(Glass, Size);

    impl Rig for SimulatedRig {
        fn display(&mut self, rotation: Rotation) -> Box<dyn Display> {
            Box::new(SimulatedDisplay::new(self.0.clone(), self.1, rotation))
        }

        fn panel(&mut self) -> (Size, Vec<u32>) {
            (self.1, self.0.pixels())
        }

        fn unplug(&mut self) -> bool {
            self.0.unplug(true);
            true
        }

        fn plug(&mut self) {
            self.0.unplug(false);
        }
    }

    #[test]
    fn the_simulated_display_conforms() {
        // The second one is drawn for half as large, and has a row and a column left over.
        for panel in [Size::new(64, 40), Size::new(2401, 1001)] {
            conformance::run(&mut SimulatedRig(Glass::default(), panel), conformance::Depth::Full);
        }
    }
}
