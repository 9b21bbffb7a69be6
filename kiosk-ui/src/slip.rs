//! What a receipt printer prints, drawn with the fonts of the screen: no code page has all letters of Vietnamese.

use crate::canvas::{Canvas, Color};
use crate::code::Code;
use crate::font::{Align, Fonts, Style, Weight};
use crate::geometry::Rect;
use crate::state::{Queue, WallClock};
use crate::text::{Language, Phrase};
use zeroize::Zeroizing;

/// A queue ticket. It names nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slip {
    /// The site's name.
    pub site: String,
    /// The number as it will be called.
    pub number: String,
    /// Where to go.
    pub place: String,
    /// How many are before it, where the counter said so.
    pub queue: Option<Queue>,
    /// Less was assured than usual: whoever serves the holder looks at the card again.
    pub look_again: bool,
    /// When it was drawn.
    pub clock: WallClock,
}

/// A receipt: lines as a profile has them, the first as its title. Wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The lines.
    pub lines: Vec<Zeroizing<String>>,
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Receipt({} lines)", self.lines.len())
    }
}

/// What goes onto the roll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paper {
    /// A queue ticket.
    Ticket(Slip),
    /// A receipt.
    Receipt(Receipt),
}

impl Paper {
    /// Draws it, black on white, for paper of this width in dots.
    #[must_use]
    pub fn draw(&self, fonts: &mut Fonts, width: i32) -> Canvas {
        match self {
            Self::Ticket(slip) => slip.draw(fonts, width),
            Self::Receipt(receipt) => receipt.draw(fonts, width),
        }
    }
}

impl Receipt {
    /// Draws it, black on white, for paper of this width in dots.
    #[must_use]
    pub fn draw(&self, fonts: &mut Fonts, width: i32) -> Canvas {
        let title = Style::new(Weight::Bold, width * 7 / 100);
        let body = Style::new(Weight::Medium, width * 5 / 100);
        let styles = std::iter::once((title, Align::Centre)).chain(std::iter::repeat((body, Align::Left)));
        let lines: Vec<(&str, Style, Align)> =
            self.lines.iter().zip(styles).map(|(line, (style, align))| (line.as_str(), style, align)).collect();
        draw(fonts, width, width / 60, &lines, 0)
    }
}

/// Blocks of text one below the other, on paper as long as they need and a foot.
fn draw(fonts: &mut Fonts, width: i32, gap: i32, lines: &[(&str, Style, Align)], foot: i32) -> Canvas {
    let margin = width / 40;
    let broken: Vec<(Vec<Zeroizing<String>>, Style, Align)> = lines
        .iter()
        .map(|(text, style, align)| (fonts.wrap(text, *style, width - margin * 2), *style, *align))
        .collect();
    let high =
        |(lines, style, _): &(Vec<Zeroizing<String>>, Style, Align)| lines.len().max(1) as i32 * style.line_height();
    let all = broken.iter().map(high).sum::<i32>() + gap * (broken.len() as i32 + 1) + foot;
    let mut canvas = Canvas::new(width, all);
    canvas.fill_round(Rect::new(0, 0, width, all), 0, PAPER);
    let mut y = gap;
    for block in &broken {
        let (lines, style, align) = block;
        let place = Rect::new(margin, y, width - margin * 2, high(block));
        fonts.draw_block(&mut canvas, lines, *style, place, *align, INK);
        y += place.h + gap;
    }
    canvas
}

const INK: Color = Color(0);
const PAPER: Color = Color(0x00FF_FFFF);

impl Slip {
    /// Draws it, black on white, for paper of this width in dots: Vietnamese first, English beside it.
    #[must_use]
    pub fn draw(&self, fonts: &mut Fonts, width: i32) -> Canvas {
        let style = |weight, share| Style::new(weight, width * share / 100);
        let (small, body, large) = (style(Weight::Medium, 5), style(Weight::SemiBold, 7), style(Weight::Bold, 30));
        let date = format!("{} {}", self.clock.time, self.clock.date);
        let title = Phrase::TicketTitle.both();
        let again = Phrase::LookAgain.both();
        let mut lines =
            vec![(self.site.as_str(), body), (&title, small), (&self.number, large.fixed()), (&self.place, body)];
        let waiting =
            self.queue.as_ref().map(|queue| [Language::Vietnamese, Language::English].map(|of| queue.text(of)));
        lines.extend(waiting.iter().flatten().map(|text| (text.as_str(), small)));
        if self.look_again {
            lines.push((&again, small));
        }
        lines.push((&date, small));
        let lines: Vec<_> = lines.into_iter().map(|(text, style)| (text, style, Align::Centre)).collect();
        let code = self.queue.as_ref().and_then(|queue| Code::new(queue.link.as_deref()?));
        // The code is half as wide as the paper.
        let foot = if code.is_some() { width / 2 + width / 30 } else { 0 };
        let mut paper = draw(fonts, width, width / 30, &lines, foot);
        if let Some(code) = code {
            let high = paper.bounds().h;
            code.draw(&mut paper, Rect::new(width / 4, high - foot, width / 2, width / 2));
        }
        paper
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_as_long_as_its_lines() {
        let lines = |count: usize| {
            let line = |at: usize| Zeroizing::new(format!("Dòng {at}: Nguyễn Thị Hương Giang, số tiền 500.000 đồng"));
            Receipt { lines: (0..count).map(line).collect() }
        };
        let high = |count| lines(count).draw(&mut Fonts::new(), 384).bounds().h;
        assert!(high(3) < high(6));
        assert!(!format!("{:?}", lines(2)).contains("Giang"));
    }

    #[test]
    fn a_slip_fits_its_paper_and_has_a_margin() {
        let clock = WallClock { time: "08:41".to_owned(), weekday: 0, date: "23/11/2026".to_owned() };
        let site = "TRUNG TÂM PHỤC VỤ HÀNH CHÍNH CÔNG QUẬN TÂN BÌNH".to_owned();
        let place = "Phòng khám 12 · Tầng 2".to_owned();
        let slip = |look_again| Slip {
            site: site.clone(),
            number: "A047".to_owned(),
            place: place.clone(),
            queue: None,
            look_again,
            clock: clock.clone(),
        };
        let high = |look_again| slip(look_again).draw(&mut Fonts::new(), 384).bounds().h;
        assert!(high(true) > high(false), "the mark is on the paper");
        let link = Some("http://192.168.1.20:8482/t/00112233445566778899aabbccddeeff".to_owned());
        let waits = |link| Slip { queue: Some(Queue { ahead: 3, minutes: Some(7), link }), ..slip(false) };
        let long = |slip: Slip| slip.draw(&mut Fonts::new(), 384).bounds().h;
        assert!(long(waits(None)) > high(false), "how many wait is on the paper");
        assert!(long(waits(link)) > long(waits(None)) + 384 / 2, "and the code that leads to it");
        for (width, look_again) in [(384, false), (384, true), (576, false), (576, true)] {
            let canvas = slip(look_again).draw(&mut Fonts::new(), width);
            let bounds = canvas.bounds();
            assert!(bounds.w == width && bounds.h > width / 2 && bounds.h < width * 3 / 2);
            let black = |x, y| canvas.pixel(x, y).channels()[0] < 128;
            let edges = (0..width).flat_map(|x| [(x, 0), (x, bounds.h - 1)]);
            let sides = (0..bounds.h).flat_map(|y| [(0, y), (width - 1, y)]);
            assert!(!edges.chain(sides).any(|(x, y)| black(x, y)), "nothing is cut off");
            let ink = (0..bounds.h).map(|y| (0..width).filter(|x| black(*x, y)).count()).sum::<usize>();
            assert!(ink > (width * bounds.h / 30) as usize, "and something is on it");
        }
    }
}
