//! QR codes on the glass.

use crate::canvas::{Canvas, Color};
use crate::geometry::Rect;
use qrcodegen::{QrCode, QrCodeEcc};

/// A QR code.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(QrCode);

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Code({})", self.0.size())
    }
}

/// Modules of light around it (ISO/IEC 18004).
const QUIET: i32 = 4;

impl Code {
    /// Of a text; `None` when it is longer than a code can hold.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        QrCode::encode_text(text, QrCodeEcc::Medium).ok().map(Self)
    }

    /// For a terminal: two rows of modules a line, light ones drawn, with the light around them.
    #[must_use]
    pub fn for_terminal(&self) -> String {
        let light = |x, y| !self.0.get_module(x, y);
        let across = -QUIET..self.0.size() + QUIET;
        let mut text = String::new();
        for y in across.clone().step_by(2) {
            text.extend(across.clone().map(|x| match (light(x, y), light(x, y + 1)) {
                (true, true) => '\u{2588}',
                (true, false) => '\u{2580}',
                (false, true) => '\u{2584}',
                (false, false) => ' ',
            }));
            text.push('\n');
        }
        text
    }

    /// Draws it into a place, in whole pixels a module.
    pub(crate) fn draw(&self, canvas: &mut Canvas, place: Rect) {
        let modules = self.0.size() + QUIET * 2;
        let pixels = (place.w.min(place.h) / modules).max(1);
        let size = pixels * modules;
        let square = place.centred(size, size);
        canvas.fill_round(square, pixels * 2, Color(0x00FF_FFFF));
        for y in 0..self.0.size() {
            for x in (0..self.0.size()).filter(|x| self.0.get_module(*x, y)) {
                let corner = (square.x + (x + QUIET) * pixels, square.y + (y + QUIET) * pixels);
                canvas.fill_round(Rect::new(corner.0, corner.1, pixels, pixels), 0, Color(0));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_shows_every_module() {
        let code = Code::new("001099000017|012345678").expect("short enough");
        let text = code.for_terminal();
        let lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
        let size = usize::try_from(code.0.size()).expect("size");
        assert!(lines.iter().all(|line| line.len() == size + 8) && lines.len() == (size + 8).div_ceil(2));
        for (x, y) in (0..size).flat_map(|x| (0..size).map(move |y| (x, y))) {
            let (row, half) = ((y + 4) / 2, (y + 4) % 2);
            let drawn = match lines[row][x + 4] {
                '\u{2588}' => true,
                '\u{2580}' => half == 0,
                '\u{2584}' => half == 1,
                _ => false,
            };
            let dark = code.0.get_module(i32::try_from(x).expect("x"), i32::try_from(y).expect("y"));
            assert_eq!(drawn, !dark, "{x} {y}");
        }
    }

    #[test]
    fn modules_stand_where_they_belong_with_light_around_them() {
        let code = Code::new("https://dichvucong.gov.vn").expect("short enough");
        let mut canvas = Canvas::new(200, 200);
        code.draw(&mut canvas, Rect::new(0, 0, 200, 200));
        let (modules, pixels) = (code.0.size() + 8, 200 / (code.0.size() + 8));
        let left = (200 - modules * pixels) / 2;
        for (x, y) in (0..code.0.size()).flat_map(|x| (0..code.0.size()).map(move |y| (x, y))) {
            let at = |v| left + (v + QUIET) * pixels + pixels / 2;
            let dark = canvas.pixel(at(x), at(y)).channels()[0] == 0;
            assert_eq!(dark, code.0.get_module(x, y), "{x} {y}");
        }
        assert_eq!(canvas.pixel(left + pixels, 100).channels()[0], 255);
        assert!(Code::new(&"x".repeat(5000)).is_none());
    }
}
