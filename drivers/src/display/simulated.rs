//! A display without hardware: a sheet of glass that a program looks at.

use super::{Display, Picture, Rectangle, Rotation, Size, check_size, turn, turned_size};
use crate::device::DeviceError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is to be seen. Clones are handles on the same glass.
#[derive(Clone, Default)]
pub struct Glass(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    pixels: Vec<u32>,
    unplugged: bool,
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

    fn size(&mut self) -> Result<Size, DeviceError> {
        Ok(turned_size(self.panel, self.rotation))
    }

    fn show(&mut self, picture: Picture<'_>, changed: &[Rectangle]) -> Result<(), DeviceError> {
        let name = self.name();
        let mut seen = self.glass.lock();
        if seen.unplugged {
            return Err(DeviceError::Absent { device: name, why: "unplugged".to_owned() });
        }
        check_size(&name, turned_size(self.panel, self.rotation), picture.size())?;
        let whole = [picture.whole()];
        let changed = if seen.pixels.is_empty() { &whole } else { changed };
        seen.pixels.resize(picture.pixels.len(), 0);
        let width = self.panel.width;
        for part in changed {
            turn(picture, *part, self.rotation, |x, y, run| {
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

    struct SimulatedRig(Glass);

    impl Rig for SimulatedRig {
        fn display(&mut self, rotation: Rotation) -> Box<dyn Display> {
            Box::new(SimulatedDisplay::new(self.0.clone(), Size::new(64, 40), rotation))
        }

        fn panel(&mut self) -> (Size, Vec<u32>) {
            (Size::new(64, 40), self.0.pixels())
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
        conformance::run(&mut SimulatedRig(Glass::default()), conformance::Depth::Full);
    }
}
