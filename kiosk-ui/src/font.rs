//! Text: shaping with kerning and marks, wrapping, and soft glyphs. Be Vietnam Pro in four weights is built in.
//!
//! - Text is normalised to composed letters first: chips and servers may give marks apart.
//! - A line is 1.48 em high: "Ẳ" reaches 1.22 em above the base line and "Ạ" 0.25 em below, and two lines must not meet.
//! - The font's digits differ in width. Where they change while one looks ([`Style::fixed_digits`]), each stands in a cell
//!   of its own.

use crate::canvas::{Canvas, Color, Mask};
use crate::geometry::Rect;
use crate::theme::CAPITAL_SHARE;
use std::collections::HashMap;
use swash::FontRef;
use swash::scale::{Render, ScaleContext, Source};
use swash::shape::ShapeContext;
use swash::zeno::{Format, Vector};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::{Zeroize as _, Zeroizing};

/// How bold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the font's")]
pub enum Weight {
    Regular,
    Medium,
    SemiBold,
    Bold,
}

impl Weight {
    fn font(self) -> FontRef<'static> {
        let data: &[u8] = match self {
            Self::Regular => include_bytes!("../fonts/BeVietnamPro-Regular.ttf"),
            Self::Medium => include_bytes!("../fonts/BeVietnamPro-Medium.ttf"),
            Self::SemiBold => include_bytes!("../fonts/BeVietnamPro-SemiBold.ttf"),
            Self::Bold => include_bytes!("../fonts/BeVietnamPro-Bold.ttf"),
        };
        FontRef::from_index(data, 0).expect("the built-in fonts are fonts; a test opens each")
    }
}

/// How text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Style {
    /// Weight.
    pub weight: Weight,
    /// Size of the em in pixels.
    pub size: i32,
    /// Digits in cells of equal width.
    pub fixed_digits: bool,
}

impl Style {
    /// A style without fixed digits.
    #[must_use]
    pub const fn new(weight: Weight, size: i32) -> Self {
        Self { weight, size, fixed_digits: false }
    }

    /// The same with digits in cells of equal width: clocks, counters, numbers.
    #[must_use]
    pub const fn fixed(mut self) -> Self {
        self.fixed_digits = true;
        self
    }

    /// Distance between base lines: 1.48 em.
    #[must_use]
    pub const fn line_height(self) -> i32 {
        (self.size * 37 + 24) / 25
    }

    /// From the top of a line to its base line.
    const fn ascent(self) -> i32 {
        (self.size * 1225 + 999) / 1000
    }

    /// From the base line to the bottom of a line: what hangs below letters has its place there.
    #[must_use]
    pub const fn descent(self) -> i32 {
        self.line_height() - self.ascent()
    }

    /// From the top of a line to the top of its capitals.
    #[must_use]
    pub const fn above_capitals(self) -> i32 {
        self.ascent() - self.size * CAPITAL_SHARE / 100
    }

    /// How far the middle of capitals is below the middle of a line: what stands beside letters is centred by it.
    #[must_use]
    pub const fn below_middle(self) -> i32 {
        self.ascent() - self.size * CAPITAL_SHARE / 200 - self.line_height() / 2
    }
}

/// Where a line stands in its rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Align {
    Left,
    Centre,
    Right,
}

/// A glyph of a shaped line: identifier and place of its origin, in 64ths of a pixel.
#[derive(Debug, Clone, Copy)]
struct Placed {
    glyph: u16,
    x: i32,
    y: i32,
}

/// A line of text as a key: wiped when forgotten.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Text(String);

impl Drop for Text {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[derive(Debug, Clone, Default)]
struct Line {
    glyphs: Vec<Placed>,
    /// In 64ths of a pixel.
    width: i32,
}

/// A glyph mask: weight, size, glyph, quarter of a pixel.
type GlyphKey = (Weight, i32, u16, u8);

/// Shapes and draws. It remembers lines and glyphs; lines may be names, so [`Fonts::forget`] is called between people.
pub struct Fonts {
    shape: ShapeContext,
    scale: ScaleContext,
    lines: HashMap<(Style, Text), Line>,
    wraps: HashMap<(Style, i32, Text), Vec<Text>>,
    glyphs: HashMap<GlyphKey, Mask>,
}

impl std::fmt::Debug for Fonts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fonts({} glyphs)", self.glyphs.len())
    }
}

impl Default for Fonts {
    fn default() -> Self {
        Self::new()
    }
}

/// More lines than any screen has; beyond it the memory starts anew.
const MOST_LINES: usize = 512;

/// Words; a space that does not break stays inside one.
fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() && c != '\u{a0}').filter(|word| !word.is_empty())
}

impl Fonts {
    /// With nothing remembered.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shape: ShapeContext::new(),
            scale: ScaleContext::new(),
            lines: HashMap::new(),
            wraps: HashMap::new(),
            glyphs: HashMap::new(),
        }
    }

    /// Forgets every line of text, wiping it. Glyphs stay: a letter is nobody's.
    pub fn forget(&mut self) {
        self.lines.clear();
        self.wraps.clear();
    }

    fn line(&mut self, text: &str, style: Style) -> &Line {
        let key = (style, Text(text.nfc().collect()));
        if !self.lines.contains_key(&key) {
            if self.lines.len() >= MOST_LINES {
                self.lines.clear();
            }
            let line = self.shape_line(&key.1.0, style);
            self.lines.insert(key.clone(), line);
        }
        &self.lines[&key]
    }

    fn shape_line(&mut self, text: &str, style: Style) -> Line {
        let font = style.weight.font();
        let size = style.size as f32;
        // The widest digit sets the cell.
        let cell = if style.fixed_digits {
            let metrics = font.glyph_metrics(&[]).scale(size);
            let width = |digit: char| metrics.advance_width(font.charmap().map(digit));
            ('0'..='9').map(|digit| (width(digit) * 64.0) as i32).max()
        } else {
            None
        };
        let mut shaper = self.shape.builder(font).size(size).features(&[("kern", 1), ("mark", 1)]).build();
        shaper.add_str(text);
        let mut line = Line::default();
        shaper.shape_with(|cluster| {
            let digit = text[cluster.source.to_range()].chars().all(|c| c.is_ascii_digit());
            for glyph in cluster.glyphs {
                let advance = (glyph.advance * 64.0) as i32;
                let (shift, advance) = match cell.filter(|_| digit) {
                    Some(cell) => ((cell - advance) / 2, cell),
                    None => (0, advance),
                };
                let x = line.width + shift + (glyph.x * 64.0) as i32;
                line.glyphs.push(Placed { glyph: glyph.id, x, y: (glyph.y * 64.0) as i32 });
                line.width += advance;
            }
        });
        line
    }

    /// Width of one line in pixels, rounded up.
    pub fn width(&mut self, text: &str, style: Style) -> i32 {
        (self.line(text, style).width + 63) / 64
    }

    /// Breaks text at spaces so that each line fits, and at line feeds. A word that is too long stands alone. Lines of a
    /// paragraph become about equally long: no word is left over.
    pub fn wrap(&mut self, text: &str, style: Style, width: i32) -> Vec<Zeroizing<String>> {
        let key = (style, width, Text(text.to_owned()));
        if let Some(lines) = self.wraps.get(&key) {
            return lines.iter().map(|line| line.0.clone().into()).collect();
        }
        let mut lines: Vec<Zeroizing<String>> = Vec::new();
        let space = self.width(" ", style);
        for paragraph in text.split('\n') {
            let words: Vec<(&str, i32)> = split(paragraph).map(|word| (word, self.width(word, style))).collect();
            let few = break_words(&words, space, width);
            // The narrowest measure that needs no more lines.
            let (mut narrow, mut wide) = (0, width);
            while narrow + 1 < wide {
                let middle = narrow.midpoint(wide);
                if break_words(&words, space, middle).len() > few.len() { narrow = middle } else { wide = middle }
            }
            lines.extend(break_words(&words, space, wide).into_iter().map(|line| line.join(" ").into()));
        }
        if self.wraps.len() >= MOST_LINES {
            self.wraps.clear();
        }
        self.wraps.insert(key, lines.iter().map(|line| Text(String::clone(line))).collect());
        lines
    }

    /// Draws one line with its top at `y`.
    pub fn draw(&mut self, canvas: &mut Canvas, text: &str, style: Style, x: i32, y: i32, color: Color) {
        let line = self.line(text, style).clone();
        let base = y + style.ascent();
        for placed in line.glyphs {
            let across = x * 64 + placed.x;
            let quarter = across.rem_euclid(64) / 16;
            let mask = self.glyph(style, placed.glyph, quarter as u8);
            canvas.blend_mask(mask, across.div_euclid(64), base - placed.y / 64, color);
        }
    }

    /// Draws lines one below the other inside `rect`, in the middle of its height.
    pub fn draw_block(
        &mut self,
        canvas: &mut Canvas,
        lines: &[Zeroizing<String>],
        style: Style,
        rect: Rect,
        align: Align,
        color: Color,
    ) {
        let height = style.line_height() * lines.len() as i32;
        // Letters look to be in the middle when capitals are: a little higher, where there is room.
        let spare = ((rect.h - height) / 2).max(0);
        let mut y = rect.y + spare - spare.min(style.size * 11 / 100);
        for line in lines {
            let spare = rect.w - self.width(line, style);
            let x = match align {
                Align::Left => rect.x,
                Align::Centre => rect.x + spare / 2,
                Align::Right => rect.x + spare,
            };
            self.draw(canvas, line, style, x, y, color);
            y += style.line_height();
        }
    }

    fn glyph(&mut self, style: Style, glyph: u16, quarter: u8) -> &Mask {
        let key = (style.weight, style.size, glyph, quarter);
        let scale = &mut self.scale;
        self.glyphs.entry(key).or_insert_with(|| {
            let mut scaler = scale.builder(style.weight.font()).size(style.size as f32).hint(false).build();
            let image = Render::new(&[Source::Outline])
                .format(Format::Alpha)
                .offset(Vector::new(f32::from(quarter) / 4.0, 0.0))
                .render(&mut scaler, glyph);
            // A space has no outline.
            image.map_or_else(Mask::default, |image| Mask {
                x: image.placement.left,
                y: -image.placement.top,
                w: image.placement.width as i32,
                h: image.placement.height as i32,
                coverage: image.data,
            })
        })
    }
}

/// Words of these widths in as few lines as fit.
fn break_words<'a>(words: &[(&'a str, i32)], space: i32, width: i32) -> Vec<Vec<&'a str>> {
    let mut lines: Vec<Vec<&str>> = vec![Vec::new()];
    let mut used = 0;
    for (word, wide) in words {
        match lines.last_mut() {
            Some(line) if line.is_empty() || used + space + wide <= width => {
                used += wide + if line.is_empty() { 0 } else { space };
                line.push(word);
            }
            _ => {
                lines.push(vec![word]);
                used = *wide;
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every letter of Vietnamese: vowels with each tone, and the rest of the alphabet.
    fn alphabet() -> String {
        let vowels = "aăâeêioôơuưy";
        let tones = ["", "\u{0300}", "\u{0309}", "\u{0303}", "\u{0301}", "\u{0323}"];
        let lower: String = vowels.chars().flat_map(|v| tones.map(|tone| format!("{v}{tone}"))).collect();
        let lower: String = (lower + "bcdđghklmnpqrstvx").nfc().collect();
        format!("{lower}{}0123456789", lower.to_uppercase())
    }

    #[test]
    fn every_weight_has_every_letter_of_vietnamese() {
        for weight in [Weight::Regular, Weight::Medium, Weight::SemiBold, Weight::Bold] {
            let font = weight.font();
            for letter in alphabet().chars().chain("“”‘’–—…·•%/:;,.!?()+-".chars()) {
                assert_ne!(font.charmap().map(letter), 0, "{weight:?} has {letter}");
            }
        }
    }

    #[test]
    fn no_letter_reaches_into_the_next_line() {
        let mut fonts = Fonts::new();
        for size in [14, 28, 43, 96] {
            let style = Style::new(Weight::Bold, size);
            for letter in alphabet().chars() {
                let mut canvas = Canvas::new(size * 2, style.line_height() * 3);
                fonts.draw(&mut canvas, &letter.to_string(), style, size / 2, style.line_height(), Color(0x00FF_FFFF));
                let outside = |y: i32| (0..size * 2).any(|x| canvas.pixel(x, y) != Color(0));
                let above = (0..style.line_height()).filter(|y| outside(*y)).count() as i32;
                let below = (style.line_height() * 2..style.line_height() * 3).filter(|y| outside(*y)).count() as i32;
                // Soft edges may touch one row of pixels.
                assert!(above + below <= 1, "{letter} at {size}: {above} above, {below} below");
            }
        }
    }

    #[test]
    fn composed_and_decomposed_text_look_the_same() {
        let mut fonts = Fonts::new();
        let style = Style::new(Weight::Regular, 40);
        let draw = |fonts: &mut Fonts, text: &str| {
            let mut canvas = Canvas::new(400, 60);
            fonts.draw(&mut canvas, text, style, 5, 2, Color(0x00FF_FFFF));
            canvas.pixels().to_vec()
        };
        let composed = "Nguyễn Thị Ổn";
        let decomposed: String = composed.nfd().collect();
        assert_ne!(composed, decomposed);
        assert_eq!(draw(&mut fonts, composed), draw(&mut fonts, &decomposed));
    }

    #[test]
    fn fixed_digits_do_not_move() {
        let mut fonts = Fonts::new();
        let style = Style::new(Weight::Medium, 30);
        assert_ne!(fonts.width("1111", style), fonts.width("4444", style));
        assert_eq!(fonts.width("1111", style.fixed()), fonts.width("4444", style.fixed()));
    }

    #[test]
    fn wrapped_lines_fit_and_lose_no_word() {
        let mut fonts = Fonts::new();
        let style = Style::new(Weight::Regular, 28);
        let text = "Mặt có chip hướng xuống. Giữ yên thẻ cho đến khi nghe tiếng “bíp”.";
        let lines = fonts.wrap(text, style, 300);
        assert!(lines.len() > 2);
        assert!(lines.iter().all(|line| fonts.width(line, style) <= 300), "{lines:?}");
        assert_eq!(lines.iter().map(|line| line.as_str()).collect::<Vec<_>>().join(" "), text);
        fonts.forget();
        assert!(fonts.lines.is_empty() && fonts.wraps.is_empty());
    }
}
