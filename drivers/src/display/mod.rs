//! Displays.
//!
//! A [`Display`] is given a picture and the parts of it that changed. It may be absent when the device starts and may
//! be unplugged at any time: a call then fails, the next one tries to open it again, and the whole picture is shown
//! whatever parts are named. [`conformance`] is the suite that every implementation passes.

pub mod conformance;
pub(crate) mod connector;
#[cfg(feature = "panel")]
pub mod drm;
pub mod fbdev;
pub mod simulated;
#[cfg(feature = "panel")]
pub mod spi;

use crate::device::DeviceError;
use crate::touch::Rotation;
pub use embedded_graphics::geometry::{Point, Size};
pub use embedded_graphics::primitives::Rectangle;

/// A picture: XRGB8888, row by row without gaps.
#[derive(Clone, Copy)]
pub struct Picture<'a> {
    /// Width in pixels.
    pub width: u32,
    /// `0x00RRGGBB`.
    pub pixels: &'a [u32],
}

impl std::fmt::Debug for Picture<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({}x{})", self.width, self.height())
    }
}

impl<'a> Picture<'a> {
    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        u32::try_from(self.pixels.len()).unwrap_or(u32::MAX).checked_div(self.width).unwrap_or(0)
    }

    /// Width and height.
    #[must_use]
    pub fn size(&self) -> Size {
        Size::new(self.width, self.height())
    }

    /// All of it.
    #[must_use]
    pub fn whole(&self) -> Rectangle {
        Rectangle::new(Point::zero(), self.size())
    }

    /// The pixels of a row between two columns.
    fn row(&self, y: u32, x: std::ops::Range<u32>) -> &'a [u32] {
        let start = (y * self.width) as usize;
        &self.pixels[start + x.start as usize..start + x.end as usize]
    }
}

/// Something that shows pictures.
pub trait Display: Send {
    /// What to call it in messages.
    fn name(&self) -> String;

    /// What is there, and so the size of the pictures that it takes. It may be another one after the panel was away.
    ///
    /// # Errors
    /// As long as the device cannot be used.
    fn format(&mut self) -> Result<Format, DeviceError>;

    /// Shows the parts of a picture that changed.
    ///
    /// # Errors
    /// As long as the device cannot be used; [`DeviceError::Unsuitable`] when the picture has another size than
    /// [`Display::format`] says.
    fn show(&mut self, picture: Picture<'_>, changed: &[Rectangle]) -> Result<(), DeviceError>;
}

/// The most pixels of a picture that are drawn ten times a second on a small computer: 1920x1200.
pub const MOST_PIXELS: u32 = 1920 * 1200;

/// What a display is, and the pictures that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Pixels of the panel, as its rows run.
    pub panel: Size,
    /// Its width and height in millimetres, where it says them.
    pub millimetres: Option<Size>,
    /// How pictures are turned on it.
    pub rotation: Rotation,
}

impl Format {
    /// How many pixels of the panel a pixel of a picture takes in each direction: as few as keep the picture below
    /// [`MOST_PIXELS`].
    #[must_use]
    pub fn factor(&self) -> u32 {
        let fits = |n: &u32| (self.panel.width / n).saturating_mul(self.panel.height / n) <= MOST_PIXELS;
        (1..=64).find(fits).unwrap_or(64)
    }

    /// Width and height of its pictures. Rows and columns of the panel that are left over at its end stay black.
    #[must_use]
    pub fn picture(&self) -> Size {
        turned_size(self.panel / self.factor(), self.rotation)
    }

    /// Width and height of its pictures in millimetres, where they are known.
    #[must_use]
    pub fn picture_millimetres(&self) -> Option<Size> {
        self.millimetres.map(|size| turned_size(size, self.rotation))
    }

    /// The answer to a picture of another size.
    fn check(&self, device: &str, given: Size) -> Result<(), DeviceError> {
        let wanted = self.picture();
        if wanted == given {
            return Ok(());
        }
        let why = format!(
            "its pictures are {}x{}, not {}x{}: another panel is attached",
            wanted.width, wanted.height, given.width, given.height
        );
        Err(DeviceError::Unsuitable { device: device.to_owned(), why })
    }

    /// Copies a part of a picture to where it stands on the panel, as [`turn`] does, each pixel as large as it is there.
    fn place(
        &self,
        picture: Picture<'_>,
        part: Rectangle,
        mut put: impl FnMut(u32, u32, &mut dyn Iterator<Item = u32>),
    ) -> Rectangle {
        let factor = self.factor();
        if factor == 1 {
            return turn(picture, part, self.rotation, put);
        }
        let mut wide: Vec<u32> = Vec::new();
        let place = turn(picture, part, self.rotation, |x, y, run| {
            wide.clear();
            wide.extend(run.flat_map(|pixel| std::iter::repeat_n(pixel, factor as usize)));
            for row in 0..factor {
                put(x * factor, y * factor + row, &mut wide.iter().copied());
            }
        });
        Rectangle::new(place.top_left * factor as i32, place.size * factor)
    }
}

/// The size of pictures on a panel of this size whose content is turned.
fn turned_size(panel: Size, rotation: Rotation) -> Size {
    if rotation.is_sideways() { Size::new(panel.height, panel.width) } else { panel }
}

/// Copies a part of a picture to where it stands on the panel; `put` is given place and run of pixels, left to right on
/// the panel. Says which part of the panel that was.
fn turn(
    picture: Picture<'_>,
    part: Rectangle,
    rotation: Rotation,
    mut put: impl FnMut(u32, u32, &mut dyn Iterator<Item = u32>),
) -> Rectangle {
    let size = picture.size();
    let part = part.intersection(&Rectangle::new(Point::zero(), size));
    let (x, y) = (part.top_left.x as u32, part.top_left.y as u32);
    let (w, h) = (part.size.width, part.size.height);
    let at = |x: u32, y: u32| picture.pixels[(y * picture.width + x) as usize];
    match rotation {
        Rotation::None => {
            for row in y..y + h {
                put(x, row, &mut picture.row(row, x..x + w).iter().copied());
            }
            part
        }
        Rotation::Half => {
            let (left, top) = (size.width - x - w, size.height - y - h);
            for row in 0..h {
                put(left, top + row, &mut picture.row(y + h - 1 - row, x..x + w).iter().rev().copied());
            }
            Rectangle::new(Point::new(left as i32, top as i32), part.size)
        }
        // The panel's rows are the picture's columns: the picture's top is the panel's right edge.
        Rotation::Right => {
            let (left, top) = (size.height - y - h, x);
            for row in 0..w {
                put(left, top + row, &mut (0..h).rev().map(|column| at(x + row, y + column)));
            }
            Rectangle::new(Point::new(left as i32, top as i32), Size::new(h, w))
        }
        Rotation::Left => {
            let (left, top) = (y, size.width - x - w);
            for row in 0..w {
                put(left, top + row, &mut (0..h).map(|column| at(x + w - 1 - row, y + column)));
            }
            Rectangle::new(Point::new(left as i32, top as i32), Size::new(h, w))
        }
    }
}

/// RGB565 of a pixel.
const fn rgb565(pixel: u32) -> u16 {
    ((pixel >> 8 & 0xF800) | (pixel >> 5 & 0x07E0) | (pixel >> 3 & 0x001F)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_no_larger_than_can_be_drawn() {
        for ((width, height), rotation, picture, factor) in [
            ((320, 240), Rotation::None, (320, 240), 1),
            ((1080, 1920), Rotation::None, (1080, 1920), 1),
            ((720, 1280), Rotation::Right, (1280, 720), 1),
            ((1920, 1200), Rotation::None, (1920, 1200), 1),
            ((3840, 2160), Rotation::None, (1920, 1080), 2),
            ((3840, 2160), Rotation::Left, (1080, 1920), 2),
            ((2561, 1441), Rotation::None, (1280, 720), 2),
            ((7680, 4320), Rotation::None, (1920, 1080), 4),
        ] {
            let format = Format { panel: Size::new(width, height), millimetres: Some(Size::new(4, 3)), rotation };
            assert_eq!((format.picture(), format.factor()), (Size::new(picture.0, picture.1), factor), "{format:?}");
            let turned = if rotation.is_sideways() { Size::new(3, 4) } else { Size::new(4, 3) };
            assert_eq!(format.picture_millimetres(), Some(turned));
        }
    }
}
