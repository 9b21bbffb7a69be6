//! A picture in memory that can be drawn on with soft edges and read back: XRGB8888, the format of dumb buffers.
//!
//! embedded-graphics' own targets can only be written to, which rules out antialiasing; this one implements its
//! `DrawTarget` for everything that speaks it, and blends for us.

use crate::geometry::Rect;
use embedded_graphics::Pixel;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor as _};
use embedded_graphics::primitives::Rectangle;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use zeroize::{Zeroize as _, Zeroizing};

/// An opaque colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Color(pub u32);

impl Color {
    /// Red, green, blue.
    #[must_use]
    pub const fn channels(self) -> [u8; 3] {
        [(self.0 >> 16) as u8, (self.0 >> 8) as u8, self.0 as u8]
    }

    /// A mixture: `share` of 256 parts of `other`.
    #[must_use]
    pub const fn mix(self, other: Self, share: u32) -> Self {
        Self(blend(self.0, other.0, share))
    }

    /// Relative luminance (WCAG 2.1).
    #[must_use]
    pub fn luminance(self) -> f64 {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.03928 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        let [r, g, b] = self.channels();
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    /// Contrast ratio with another colour (WCAG 2.1), 1 to 21.
    #[must_use]
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }
}

/// Both red-blue and green lanes at once; `alpha` of 256.
const fn blend(under: u32, over: u32, alpha: u32) -> u32 {
    let keep = 256 - alpha;
    let red_blue = (((under & 0x00FF_00FF) * keep + (over & 0x00FF_00FF) * alpha) >> 8) & 0x00FF_00FF;
    let green = (((under & 0x0000_FF00) * keep + (over & 0x0000_FF00) * alpha) >> 8) & 0x0000_FF00;
    red_blue | green
}

/// Lays a colour over a pixel; coverage 255 is all.
const fn cover(pixel: &mut u32, color: Color, coverage: u32) {
    match coverage {
        0 => {}
        255.. => *pixel = color.0,
        c => *pixel = blend(*pixel, color.0, c + (c >> 7)),
    }
}

/// A coverage mask: how much of each pixel a shape covers.
#[derive(Debug, Clone, Default)]
pub struct Mask {
    /// Left edge relative to the shape's origin.
    pub x: i32,
    /// Top edge relative to the shape's origin.
    pub y: i32,
    /// Width.
    pub w: i32,
    /// Height.
    pub h: i32,
    /// One byte a pixel, row by row.
    pub coverage: Vec<u8>,
}

/// The picture. Its pixels are wiped when it is dropped or told to, because they may show a person.
pub struct Canvas {
    width: i32,
    height: i32,
    pixels: Vec<u32>,
    clip: Rect,
    tables: Tables,
}

/// Coverage of curves by their sizes: roots are taken once, not once a picture.
#[derive(Default)]
struct Tables {
    /// By radius.
    corners: HashMap<i32, Arc<[u8]>>,
    /// By reach, spread and strength.
    shadows: HashMap<(i32, i32, u32), Arc<[u8]>>,
    /// By radius and width.
    rings: HashMap<(i32, i32), Arc<[u8]>>,
}

/// Sizes come from a few layouts; more than this is a flood.
const MOST_TABLES: usize = 64;

/// A table that is there, or is made.
fn table<K: std::hash::Hash + Eq>(
    tables: &mut HashMap<K, Arc<[u8]>>,
    key: K,
    make: impl FnOnce() -> Vec<u8>,
) -> Arc<[u8]> {
    if tables.len() > MOST_TABLES {
        tables.clear();
    }
    Arc::clone(tables.entry(key).or_insert_with(|| make().into()))
}

impl std::fmt::Debug for Canvas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Canvas({}x{})", self.width, self.height)
    }
}

impl Drop for Canvas {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl Canvas {
    /// A black picture.
    #[must_use]
    pub fn new(width: i32, height: i32) -> Self {
        let clip = Rect::new(0, 0, width, height);
        Self { width, height, pixels: vec![0; (width * height) as usize], clip, tables: Tables::default() }
    }

    /// All of it.
    #[must_use]
    pub const fn bounds(&self) -> Rect {
        Rect::new(0, 0, self.width, self.height)
    }

    /// The pixels, row by row.
    #[must_use]
    pub fn pixels(&self) -> &[u32] {
        &self.pixels
    }

    /// One pixel.
    #[must_use]
    pub fn pixel(&self, x: i32, y: i32) -> Color {
        Color(self.pixels[(y * self.width + x) as usize])
    }

    /// A part of the picture, three bytes a pixel, row by row from the top.
    #[must_use]
    pub fn rgb(&self, part: Rect) -> Zeroizing<Vec<u8>> {
        let part = part.intersection(self.bounds());
        let mut rgb = Zeroizing::new(Vec::with_capacity((part.w * part.h * 3) as usize));
        for y in part.y..part.bottom() {
            rgb.extend((part.x..part.right()).flat_map(|x| self.pixel(x, y).channels()));
        }
        rgb
    }

    /// Overwrites everything with zeros.
    pub fn wipe(&mut self) {
        self.pixels.zeroize();
        self.pixels.resize((self.width * self.height) as usize, 0);
    }

    /// Takes over parts of another picture of the same size.
    pub fn copy(&mut self, other: &Self, parts: &[Rect]) {
        for part in parts {
            let area = part.intersection(self.bounds()).intersection(other.bounds());
            for y in area.y..area.bottom() {
                let from = (y * other.width + area.x) as usize;
                self.row(y, area.x, area.right()).copy_from_slice(&other.pixels[from..from + area.w as usize]);
            }
        }
    }

    /// Draws only inside this from now on.
    pub fn set_clip(&mut self, clip: Rect) {
        self.clip = clip.intersection(self.bounds());
    }

    fn row(&mut self, y: i32, from: i32, to: i32) -> &mut [u32] {
        let start = (y * self.width) as usize;
        &mut self.pixels[start + from as usize..start + to as usize]
    }

    /// A filled rectangle with hard edges.
    pub fn fill(&mut self, rect: Rect, color: Color) {
        let area = rect.intersection(self.clip);
        for y in area.y..area.bottom() {
            self.row(y, area.x, area.right()).fill(color.0);
        }
    }

    /// A vertical change of colour from top to bottom of `rect`.
    pub fn gradient(&mut self, rect: Rect, top: Color, bottom: Color) {
        let area = rect.intersection(self.clip);
        for y in area.y..area.bottom() {
            let share = ((y - rect.y) * 256 / rect.h.max(1)) as u32;
            self.row(y, area.x, area.right()).fill(top.mix(bottom, share).0);
        }
    }

    fn blend_at(&mut self, x: i32, y: i32, color: Color, coverage: u32) {
        if self.clip.contains(x, y) {
            cover(&mut self.pixels[(y * self.width + x) as usize], color, coverage);
        }
    }

    /// Blends a run of pixels, left to right; coverage 255 is all.
    fn blend_run(&mut self, x: i32, y: i32, color: Color, coverage: impl ExactSizeIterator<Item = u8>) {
        let all = coverage.len() as i32;
        let (from, to) = (x.max(self.clip.x), (x + all).min(self.clip.right()));
        if from >= to || y < self.clip.y || y >= self.clip.bottom() {
            return;
        }
        let coverage = coverage.skip((from - x) as usize);
        for (pixel, c) in self.row(y, from, to).iter_mut().zip(coverage) {
            cover(pixel, color, c.into());
        }
    }

    /// A filled rectangle with round corners and soft edges.
    pub fn fill_round(&mut self, rect: Rect, radius: i32, color: Color) {
        let radius = radius.min(rect.w / 2).min(rect.h / 2).max(0);
        self.fill(Rect::new(rect.x, rect.y + radius, rect.w, rect.h - 2 * radius), color);
        if radius == 0 {
            return;
        }
        let table = table(&mut self.tables.corners, radius, || {
            (0..radius).flat_map(|row| (0..radius).map(move |column| corner(radius, column, row) as u8)).collect()
        });
        for (row, coverage) in table.chunks_exact(radius as usize).enumerate() {
            let (top, bottom) = (rect.y + row as i32, rect.bottom() - 1 - row as i32);
            for y in [top, bottom] {
                self.fill(Rect::new(rect.x + radius, y, rect.w - 2 * radius, 1), color);
                self.blend_run(rect.x, y, color, coverage.iter().copied());
                self.blend_run(rect.right() - radius, y, color, coverage.iter().rev().copied());
            }
        }
    }

    /// Blends a colour through a mask whose origin lies at `(x, y)`.
    pub fn blend_mask(&mut self, mask: &Mask, x: i32, y: i32, color: Color) {
        if mask.w <= 0 {
            return;
        }
        let lines = mask.coverage.chunks_exact(mask.w as usize);
        for (line, coverage) in (y + mask.y..y + mask.y + mask.h).zip(lines) {
            self.blend_run(x + mask.x, line, color, coverage.iter().copied());
        }
    }

    /// A soft shadow around a round rectangle, `spread` pixels wide, of at most `strength` of 256.
    pub fn shadow(&mut self, rect: Rect, radius: i32, spread: i32, strength: u32, color: Color) {
        let outer = rect.inset(-spread);
        let area = outer.intersection(self.clip);
        let radius = radius.min(rect.w / 2).min(rect.h / 2);
        let reach = (spread + radius).max(1);
        let coverage = |dx: i32, dy: i32| {
            let depth = reach - integer_root(dx * dx + dy * dy);
            let share = (depth.clamp(0, spread) * 256 / spread.max(1)) as u32;
            // Soft at the outer edge: the square of the distance.
            (share * share * strength) >> 16
        };
        let corners = table(&mut self.tables.shadows, (reach, spread, strength), || {
            let share = |from_edge: i32, dy: i32| coverage(reach - from_edge, dy) as u8;
            (0..=reach).rev().flat_map(|dy| (0..reach).map(move |from_edge| share(from_edge, dy))).collect()
        });
        for y in area.y..area.bottom() {
            let from_edge_y = (y - outer.y).min(outer.bottom() - 1 - y);
            // Beside the rectangle, which covers all between, the shadow is as wide as its spread.
            let (row, wide) = if from_edge_y >= reach { (reach, spread) } else { (from_edge_y, reach) };
            let shares = &corners[(row * reach) as usize..][..wide as usize];
            self.blend_run(outer.x, y, color, shares.iter().copied());
            self.blend_run(outer.right() - wide, y, color, shares.iter().rev().copied());
            if from_edge_y < spread.min(reach) {
                let share = coverage(0, reach - from_edge_y);
                let share = share + (share >> 7);
                let (from, to) = ((outer.x + reach).max(area.x), (outer.right() - reach).min(area.right()));
                if from < to {
                    self.row(y, from, to).iter_mut().for_each(|pixel| *pixel = blend(*pixel, color.0, share));
                }
            }
        }
    }

    /// A ring of this width inside `rect`, done from the top clockwise for `per_cent`, with round ends.
    pub fn ring(&mut self, rect: Rect, width: i32, per_cent: u8, done: Color, track: Color) {
        let radius = rect.w.min(rect.h) / 2;
        let (cx, cy) = (rect.x + rect.w / 2, rect.y + rect.h / 2);
        let per_cent = i32::from(per_cent.min(100));
        let angle = f64::from(per_cent) * std::f64::consts::TAU / 100.0;
        // Rounded to a grid coarse enough that every machine rounds alike.
        let (sin, cos) = ((angle.sin() * 1024.0).round() as i32, (angle.cos() * 1024.0).round() as i32);
        let area = rect.intersection(self.clip);
        // Where a row crosses the ring, in sixteenths of a pixel; one pixel more for the soft edge.
        let half = |limit: i32, dy: i32| integer_root(limit * limit - (dy * 16 + 8).pow(2)) / 16;
        // A quarter of it: the other three are its mirrors.
        let side = radius + 3;
        let table = table(&mut self.tables.rings, (radius, width), || {
            let coverage = |dx: i32, dy: i32| {
                let distance = integer_root((dx * 16 + 8).pow(2) + (dy * 16 + 8).pow(2));
                let outside = (radius * 16 - distance + 8).clamp(0, 16);
                let inside = (distance - (radius - width) * 16 + 8).clamp(0, 16);
                (outside.min(inside) * 255 / 16) as u8
            };
            (0..side).flat_map(|dy| (0..side).map(move |dx| coverage(dx, dy))).collect()
        });
        let mirrored = |at: i32| if at < 0 { -1 - at } else { at };
        for y in area.y..area.bottom() {
            let dy = y - cy;
            let far = half(radius * 16 + 16, dy) + 2;
            let near = half(((radius - width) * 16 - 16).max(0), dy) - 2;
            let quarter = (mirrored(dy) < side).then(|| &table[(mirrored(dy) * side) as usize..][..side as usize]);
            let Some(quarter) = quarter else { continue };
            let (from, to) = (area.x.max(cx - far), area.right().min(cx + far));
            // Left of the hole, and right of it.
            for x in (from..to.min(cx - near + 1)).chain(from.max(cx + near.max(1 - near))..to) {
                let dx = x - cx;
                let coverage = quarter.get(mirrored(dx) as usize).map_or(0, |c| u32::from(*c));
                if coverage > 0 {
                    // Right of the vertical, and left of the end's direction; beyond half a turn the other way round.
                    let before_end = dx * cos + dy * sin <= 0 || per_cent == 100;
                    let in_arc = if per_cent <= 50 { dx >= 0 && before_end } else { dx >= 0 || before_end };
                    self.blend_at(x, y, if in_arc && per_cent > 0 { done } else { track }, coverage);
                }
            }
        }
        if per_cent > 0 && per_cent < 100 {
            let middle = radius - width / 2;
            let end = (cx + middle * sin / 1024, cy - middle * cos / 1024);
            for (x, y) in [(cx, cy - middle), end] {
                self.fill_round(Rect::new(x - width / 2, y - width / 2, width, width), width / 2, done);
            }
        }
    }

    /// A picture, scaled to `rect` by averaging. `rgb` has three bytes a pixel.
    pub fn picture(&mut self, rect: Rect, width: i32, height: i32, rgb: &[u8]) {
        if width <= 0 || height <= 0 || rgb.len() < (width * height * 3) as usize {
            return;
        }
        let area = rect.intersection(self.clip);
        let span = |at: i32, size: i32, source: i32| {
            let from = i64::from(at) * i64::from(source) / i64::from(size);
            let to = (i64::from(at + 1) * i64::from(source)).div_euclid(i64::from(size));
            (from as i32, (to as i32).max(from as i32 + 1).min(source))
        };
        let columns: Vec<(i32, i32)> = (area.x..area.right()).map(|x| span(x - rect.x, rect.w, width)).collect();
        // Where the picture grows, rows repeat.
        let mut line = Zeroizing::new(vec![0u32; columns.len()]);
        let mut drawn = None;
        for y in area.y..area.bottom() {
            let (top, bottom) = span(y - rect.y, rect.h, height);
            if drawn != Some((top, bottom)) {
                drawn = Some((top, bottom));
                for (pixel, &(left, right)) in line.iter_mut().zip(&columns) {
                    *pixel = average(rgb, width, (left, right), (top, bottom));
                }
            }
            self.row(y, area.x, area.right()).copy_from_slice(&line);
        }
    }

    /// Hands a part to a display driver: one `fill_contiguous`.
    ///
    /// # Errors
    /// Those of the display.
    pub fn flush_to<D, C>(&self, part: Rect, target: &mut D) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = C>,
        C: embedded_graphics::pixelcolor::PixelColor + From<Rgb888>,
    {
        let part = part.intersection(self.bounds());
        let area = Rectangle::new(Point::new(part.x, part.y), Size::new(part.w as u32, part.h as u32));
        let pixels = (part.y..part.bottom()).flat_map(|y| (part.x..part.right()).map(move |x| (x, y)));
        let colors = pixels.map(|(x, y)| {
            let [r, g, b] = self.pixel(x, y).channels();
            C::from(Rgb888::new(r, g, b))
        });
        target.fill_contiguous(&area, colors)
    }
}

/// The mean colour of some columns and rows of a picture with three bytes a pixel.
fn average(rgb: &[u8], width: i32, (left, right): (i32, i32), (top, bottom): (i32, i32)) -> u32 {
    let at = |row: i32, column: i32| {
        let at = ((row * width + column) * 3) as usize;
        [rgb[at], rgb[at + 1], rgb[at + 2]].map(u32::from)
    };
    let count = ((bottom - top) * (right - left)) as u32;
    let [r, g, b] = if count == 1 {
        at(top, left)
    } else {
        let places = (top..bottom).flat_map(|row| (left..right).map(move |column| (row, column)));
        let sum = places.fold([0; 3], |[r, g, b], (row, column)| {
            let [more_r, more_g, more_b] = at(row, column);
            [r + more_r, g + more_g, b + more_b]
        });
        sum.map(|total| total / count)
    };
    r << 16 | g << 8 | b
}

/// Coverage of a pixel in the upper left corner square of a circle of this radius, of 255.
fn corner(radius: i32, column: i32, row: i32) -> u32 {
    // Sixteenths of a pixel from the centre to the pixel's middle.
    let (dx, dy) = ((radius - column) * 16 - 8, (radius - row) * 16 - 8);
    let distance = integer_root(dx * dx + dy * dy);
    let inside = radius * 16 - distance + 8;
    (inside.clamp(0, 16) * 255 / 16) as u32
}

/// The integer part of a square root. Pictures must be the same on every machine, so no floating point is used here.
pub(crate) fn integer_root(square: i32) -> i32 {
    square.max(0).isqrt()
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        Size::new(self.width as u32, self.height as u32)
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(point, color) in pixels {
            self.fill(Rect::new(point.x, point.y, 1, 1), from_rgb(color));
        }
        Ok(())
    }

    fn fill_solid(&mut self, area: &Rectangle, color: Rgb888) -> Result<(), Infallible> {
        self.fill(from_rectangle(area), from_rgb(color));
        Ok(())
    }

    fn fill_contiguous<I: IntoIterator<Item = Rgb888>>(
        &mut self,
        area: &Rectangle,
        colors: I,
    ) -> Result<(), Infallible> {
        let rect = from_rectangle(area);
        let places = (rect.y..rect.bottom()).flat_map(|y| (rect.x..rect.right()).map(move |x| (x, y)));
        for ((x, y), color) in places.zip(colors) {
            if self.clip.contains(x, y) {
                self.pixels[(y * self.width + x) as usize] = from_rgb(color).0;
            }
        }
        Ok(())
    }
}

fn from_rgb(color: Rgb888) -> Color {
    Color(u32::from(color.r()) << 16 | u32::from(color.g()) << 8 | u32::from(color.b()))
}

const fn from_rectangle(area: &Rectangle) -> Rect {
    Rect::new(area.top_left.x, area.top_left.y, area.size.width as i32, area.size.height as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use embedded_graphics::Drawable as _;
    use embedded_graphics::primitives::{Circle, Primitive as _, PrimitiveStyle};

    #[test]
    fn round_corners_are_soft_symmetric_and_stay_inside() {
        let mut canvas = Canvas::new(40, 30);
        canvas.fill_round(Rect::new(5, 5, 30, 20), 8, Color(0x00FF_FFFF));
        assert_eq!(canvas.pixel(20, 15), Color(0x00FF_FFFF));
        assert_eq!(canvas.pixel(5, 5), Color(0));
        for (x, y) in [(7, 7), (6, 9), (9, 6)] {
            let mirrored = [canvas.pixel(39 - x, y), canvas.pixel(x, 29 - y), canvas.pixel(39 - x, 29 - y)];
            assert_eq!(mirrored, [canvas.pixel(x, y); 3]);
        }
        let soft = canvas.pixels().iter().filter(|p| ![0, 0x00FF_FFFF].contains(*p)).count();
        assert!(soft > 8, "{soft} soft pixels");
        assert!(canvas.pixels()[..5 * 40].iter().all(|p| *p == 0));
    }

    #[test]
    fn what_speaks_embedded_graphics_can_draw_here_and_be_fed_from_here() {
        let mut canvas = Canvas::new(32, 32);
        Circle::new(Point::new(4, 4), 20)
            .into_styled(PrimitiveStyle::with_fill(Rgb888::GREEN))
            .draw(&mut canvas)
            .expect("infallible");
        assert_eq!(canvas.pixel(14, 14), Color(0x0000_FF00));
        let mut other = Canvas::new(32, 32);
        canvas.flush_to(Rect::new(0, 0, 16, 32), &mut other).expect("infallible");
        assert_eq!(other.pixel(14, 14), canvas.pixel(14, 14));
        assert_eq!(other.pixel(18, 14), Color(0));
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        assert!((Color(0).contrast(Color(0x00FF_FFFF)) - 21.0).abs() < 1e-9);
        assert!((Color(0x0077_7777).contrast(Color(0x00FF_FFFF)) - 4.478).abs() < 0.01);
    }
}
