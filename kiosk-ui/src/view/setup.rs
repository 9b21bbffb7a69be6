//! What a technician sees while a device is set up: a test picture, marks to touch, and why it cannot start.
//!
//! Both languages stand there at once: nobody has chosen one yet.

use super::build::Builder;
use crate::canvas::Color;
use crate::font::{Align, Style, Weight};
use crate::geometry::Rect;
use crate::icon::Icon;
use crate::scene::{Id, Kind};
use crate::state::{Calibration, Lack, MARKS, NotStarted};
use crate::text::{Language, Phrase};
use zeroize::Zeroizing;

/// A phrase in the language of the screen, and the other one below it.
fn both(b: &mut Builder<'_>, id: &'static str, rest: &mut Rect, phrase: Phrase, style: Style, color: Color) {
    b.paragraph(Id(id, 0), rest, b.say(phrase), style, Align::Centre, color);
    // The smallest panel has room for one.
    if b.state.panel.is_tiny() {
        return;
    }
    let other = if b.language() == Language::Vietnamese { Language::English } else { Language::Vietnamese };
    let (label, muted) = (b.label(), b.theme.muted);
    b.paragraph(Id(id, 1), rest, phrase.text(other), label, Align::Centre, muted);
}

fn heading(b: &Builder<'_>) -> Style {
    Style::new(Weight::Bold, if b.state.panel.is_portrait() { b.sizes.body } else { b.sizes.label })
}

/// A frame along the edges, colours, and words that stand upright or not.
pub(super) fn test_picture(b: &mut Builder<'_>) {
    let (theme, sizes, panel) = (b.theme, b.sizes, b.state.panel);
    let glass = Rect::new(0, 0, panel.width, panel.height);
    let frame = Kind::Panel { fill: theme.surface, radius: 0, border: Some((theme.stroke, theme.primary)), shadow: 0 };
    b.push(Id("frame", 0), glass, frame);
    let mut rest = glass.inset(sizes.margin + theme.stroke);
    let bars = rest.cut_bottom(rest.h / 4);
    let colours = [0x00FF_0000, 0x0000_FF00, 0x0000_00FF, 0x0000_0000, 0x0080_8080].map(Color);
    for (at, (place, fill)) in bars.columns(5, 0).into_iter().zip(colours).enumerate() {
        b.push(Id("colour", at as u16), place, Kind::Panel { fill, radius: 0, border: None, shadow: 0 });
    }
    let mut rest = rest.intersection(panel.area);
    let title = heading(b);
    both(b, "title", &mut rest, Phrase::TestPicture, title, theme.text);
    rest.cut_top(sizes.gap);
    let label = b.label();
    let size = format!("{} × {}", panel.width, panel.height);
    b.paragraph(Id("size", 0), &mut rest, &size, label, Align::Centre, theme.text);
    if !panel.is_tiny() {
        rest.cut_top(sizes.gap);
        let hint = b.say(Phrase::TestPictureHint);
        b.paragraph(Id("hint", 0), &mut rest, hint, label, Align::Centre, theme.text);
    }
}

/// One mark at a time, how many there are, and where the last touch was believed to be.
pub(super) fn calibration(b: &mut Builder<'_>, calibration: &Calibration) {
    let (theme, sizes, panel) = (b.theme, b.sizes, b.state.panel);
    let glass = Rect::new(0, 0, panel.width, panel.height);
    let arm = panel.px(50).min(panel.height * 8 / 100);
    let mut words = glass.inset_xy(panel.width * 18 / 100, sizes.margin).intersection(panel.area);
    // Between the upper marks and above the middle one; where the layout lies low, between the lower marks and below it.
    let (middle, beside) = (panel.height / 2, arm + sizes.gap / 2);
    if panel.area.y > panel.height / 8 {
        words.cut_top(middle + beside - words.y);
    } else {
        words.h = middle - beside - words.y;
    }
    let (phrase, color) = match calibration {
        Calibration { wrong: true, .. } => (Phrase::TouchAgain, theme.bad),
        Calibration { mark: None, .. } => (Phrase::TouchGood, theme.good),
        _ => (Phrase::TouchMark, theme.text),
    };
    let style = heading(b);
    both(b, "title", &mut words, phrase, style, color);
    if let Some(mark) = calibration.mark {
        let (label, done) = (b.label(), format!("{}/{}", mark + 1, MARKS.len()));
        if label.line_height() <= words.h {
            b.paragraph(Id("progress", 0), &mut words, &done, label, Align::Centre, theme.primary);
        }
        let (x, y) = MARKS[mark % MARKS.len()];
        cross(b, panel.width * x / 100, panel.height * y / 100, arm);
    }
    if let Some((x, y)) = calibration.point {
        let size = panel.px(40);
        let place = Rect::new(x - size / 2, y - size / 2, size, size).intersection(glass);
        b.push(Id("point", 0), place, Kind::Panel { fill: theme.warn, radius: size / 2, border: None, shadow: 0 });
    }
}

/// Two thin lines that cross at a place.
fn cross(b: &mut Builder<'_>, x: i32, y: i32, arm: i32) {
    let theme = b.theme;
    let wide = theme.stroke;
    let line = Kind::Panel { fill: theme.primary, radius: 0, border: None, shadow: 0 };
    b.push(Id("mark", 0), Rect::new(x - arm, y - wide / 2, arm * 2, wide), line.clone());
    b.push(Id("mark", 1), Rect::new(x - wide / 2, y - arm, wide, arm * 2), line);
}

/// Code, message and remedy of a kiosk that cannot start; of one that nobody has set up or enrolled, what a technician types.
pub(super) fn not_started(b: &mut Builder<'_>, rest: &mut Rect, why: &NotStarted) {
    let (theme, sizes) = (b.theme, b.sizes);
    if b.state.panel.is_portrait() {
        // At the height of somebody's eyes.
        rest.cut_top(rest.h / if b.state.panel.is_slim() { 10 } else { 4 });
    }
    if !b.state.panel.is_tiny() {
        let size = sizes.target;
        let place = rest.cut_top(size);
        b.icon(Id("sign", 0), place.centred(size, size), Icon::Tools, theme.warn);
        rest.cut_top(sizes.gap);
    }
    let title = heading(b);
    both(b, "title", rest, why.lack.map_or(Phrase::NotStarted, Lack::phrase), title, theme.text);
    rest.cut_top(sizes.gap);
    let label = if b.state.panel.is_slim() { b.body() } else { b.label() };
    if why.lack.is_some() {
        if !b.state.panel.is_tiny() {
            both(b, "hint", rest, Phrase::TypeThere, label, theme.text);
            rest.cut_top(sizes.gap / 2);
        }
        let room = rest.h / label.line_height();
        return cut(b, "remedy", rest, &why.remedy, label, room, theme.primary);
    }
    let code = b.fit(&why.code, title, rest.w);
    b.paragraph(Id("code", 0), rest, &code, title, Align::Centre, theme.bad);
    rest.cut_top(sizes.gap / 2);
    // The remedy matters more than the whole of the message.
    let remedy = b.fonts.wrap(&why.remedy, label, rest.w).len() as i32;
    let room = rest.h / label.line_height();
    let message = (room - remedy).max(1);
    cut(b, "message", rest, &why.message, label, message, theme.text);
    let room = rest.h / label.line_height();
    cut(b, "remedy", rest, &why.remedy, label, room, theme.primary);
}

/// As many lines of a text as there is room for; what is left out shows as an ellipsis.
fn cut(b: &mut Builder<'_>, id: &'static str, rest: &mut Rect, text: &str, style: Style, most: i32, color: Color) {
    let most = usize::try_from(most).unwrap_or(0);
    let mut lines = b.fonts.wrap(text, style, rest.w);
    // A path may be longer than a line.
    for line in &mut lines {
        *line = b.fit(line, style, rest.w);
    }
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            let more = Zeroizing::new([last.as_str(), " …"].concat());
            *last = if b.fonts.width(&more, style) <= rest.w {
                more
            } else {
                b.fit(&[last.as_str(), "……"].concat(), style, rest.w)
            };
        }
    }
    if lines.is_empty() {
        return;
    }
    let place = rest.cut_top(style.line_height() * lines.len() as i32);
    b.push(Id(id, 0), place, Kind::Text { lines, style, align: Align::Centre, color }).say =
        Some(text.to_owned().into());
}
