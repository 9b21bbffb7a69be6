//! What every display must do. An implementation brings a [`Rig`] that looks at the panel and pulls its plug, and calls
//! [`run`].

use super::{Display, Picture, Point, Rectangle, Rotation, Size};
use crate::device::DeviceError;

/// A display under test and the eye before it.
pub trait Rig {
    /// The display, its content turned; each call opens it anew.
    fn display(&mut self, rotation: Rotation) -> Box<dyn Display>;
    /// Size of the panel and its pixels, row by row, as they hang on the wall.
    fn panel(&mut self) -> (Size, Vec<u32>);
    /// Pulls its plug; false where that cannot be done.
    fn unplug(&mut self) -> bool;
    /// Puts it back.
    fn plug(&mut self);
}

/// How many of a pixel's bits arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// All 24.
    Full,
    /// Five, six and five.
    Rgb565,
}

impl Depth {
    const fn mask(self) -> u32 {
        match self {
            Self::Full => 0x00FF_FFFF,
            Self::Rgb565 => 0x00F8_FCF8,
        }
    }
}

/// Runs the suite.
///
/// # Panics
/// When the display does not conform; the message names the clause.
pub fn run(rig: &mut dyn Rig, depth: Depth) {
    for rotation in [Rotation::None, Rotation::Right, Rotation::Half, Rotation::Left] {
        pictures_arrive(rig, rotation, depth);
    }
    let mut display = rig.display(Rotation::None);
    let format = display.format().expect("format");
    let size = format.picture();
    let small = vec![0; (size.width * size.height) as usize - size.width as usize];
    let refused = display.show(Picture { width: size.width, pixels: &small }, &[]);
    assert!(
        matches!(refused, Err(DeviceError::Unsuitable { .. })),
        "a picture of another size is refused: {refused:?}"
    );
    if rig.unplug() {
        let pixels = vec![0x0012_3456; (size.width * size.height) as usize];
        let picture = Picture { width: size.width, pixels: &pixels };
        let error = display.show(picture, &[]).expect_err("an unplugged display cannot show");
        assert!(matches!(error, DeviceError::Absent { .. }), "it is absent: {error:?}");
        rig.plug();
        assert_eq!(display.show(picture, &[]), Ok(()), "it is found again");
        let expected = hung(&pixels, size, rig.panel().0, (Rotation::None, format.factor()), depth);
        assert!(rig.panel().1 == expected, "and shows the whole picture");
    }
}

fn pictures_arrive(rig: &mut dyn Rig, rotation: Rotation, depth: Depth) {
    let mut display = rig.display(rotation);
    assert!(!display.name().is_empty(), "a display has a name");
    let format = display.format().expect("format");
    let (size, factor) = (format.picture(), format.factor());
    // Every pixel is another.
    let mut pixels: Vec<u32> =
        (0..size.width * size.height).map(|at| at.wrapping_mul(0x0001_0F1D) & 0x00FF_FFFF).collect();
    let whole = Rectangle::new(Point::zero(), size);
    display.show(Picture { width: size.width, pixels: &pixels }, &[whole]).expect("shown");
    let (panel, seen) = rig.panel();
    let expected = |pixels: &[u32]| hung(pixels, size, panel, (rotation, factor), depth);
    assert!(seen == expected(&pixels), "the whole picture arrives, turned {rotation:?}");
    // Parts, one of which reaches over the edge; between them something changes that is not named.
    let before = pixels.clone();
    pixels.iter_mut().for_each(|pixel| *pixel ^= 0x00FF_FFFF);
    let parts = [
        Rectangle::new(Point::new(3, 5), Size::new(7, 4)),
        Rectangle::new(Point::new(size.width as i32 - 4, size.height as i32 - 6), Size::new(20, 20)),
        Rectangle::new(Point::new(1, 1), Size::zero()),
    ];
    display.show(Picture { width: size.width, pixels: &pixels }, &parts).expect("shown");
    let mixed: Vec<u32> = (0..size.width * size.height)
        .map(|at| {
            let place = Point::new((at % size.width) as i32, (at / size.width) as i32);
            let changed = parts.iter().any(|part| part.contains(place));
            if changed { pixels[at as usize] } else { before[at as usize] }
        })
        .collect();
    assert!(rig.panel().1 == expected(&mixed), "exactly the named parts change, turned {rotation:?}");
}

/// The picture as somebody sees it who looks at a panel that hangs the usual way.
fn hung(pixels: &[u32], picture: Size, panel: Size, (rotation, factor): (Rotation, u32), depth: Depth) -> Vec<u32> {
    let (wide, high) = (panel.width / factor, panel.height / factor);
    (0..panel.width * panel.height)
        .map(|at| {
            let (x, y) = (at % panel.width / factor, at / panel.width / factor);
            // What is left over at the end.
            if x >= wide || y >= high {
                return 0;
            }
            let (x, y) = match rotation {
                Rotation::None => (x, y),
                Rotation::Right => (y, wide - 1 - x),
                Rotation::Half => (wide - 1 - x, high - 1 - y),
                Rotation::Left => (high - 1 - y, x),
            };
            pixels[(y * picture.width + x) as usize] & depth.mask()
        })
        .collect()
}
