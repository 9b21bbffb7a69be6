//! The number of a card, by hand.

use super::build::{Builder, Look};
use super::screens::plain;
use crate::font::{Align, Style, Weight};
use crate::geometry::Rect;
use crate::icon::Icon;
use crate::scene::{Id, Kind};
use crate::state::{Act, NUMBER_DIGITS};
use crate::text::Phrase;

pub(super) fn number(b: &mut Builder<'_>, rest: &mut Rect, typed: usize, wrong: bool) {
    let (theme, sizes, panel) = (b.theme, b.sizes, b.state.panel);
    if panel.is_tiny() {
        return plain(b, rest, Icon::Keypad, theme.primary, Phrase::NumberTitle, Phrase::NumberHidden);
    }
    let portrait = panel.is_portrait();
    let gap = (sizes.gap * 2 / 3).max(4);
    let (rows, columns) = if portrait { (5, 3) } else { (2, 7) };
    // Rows as high as they must be, and higher where there is room.
    let keys_height = match (portrait, panel.is_slim()) {
        (false, _) => sizes.key * rows + gap,
        // The way out is no digit, and need not be as high.
        (_, true) => sizes.key * (rows - 1) + sizes.target + gap * (rows - 1),
        _ => (rest.h * 60 / 100).max(sizes.key * rows + gap * (rows - 1)),
    };
    let keys = rest.cut_bottom(keys_height);
    rest.cut_bottom(gap);
    if portrait && !panel.is_slim() {
        let (title, hint, style, body) = (b.say(Phrase::NumberTitle), hint_of(b, wrong), b.title(), b.body());
        let color = if wrong { theme.bad } else { theme.muted };
        b.paragraph(Id("title", 0), rest, title, style, Align::Centre, theme.text);
        b.paragraph(Id("hint", 0), rest, hint, body, Align::Centre, color);
    } else {
        let style = Style::new(Weight::SemiBold, sizes.body);
        let text = if wrong { b.say(Phrase::NumberWrong) } else { b.say(Phrase::NumberTitle) };
        let style = if b.fonts.width(text, style) > rest.w && !portrait {
            Style::new(Weight::SemiBold, sizes.label)
        } else {
            style
        };
        let color = if wrong { theme.bad } else { theme.text };
        b.paragraph(Id("title", 0), rest, text, style, Align::Centre, color);
    }
    // What was typed: dots only, and said as such.
    let cells = rest.inset_xy(0, gap / 2);
    let cells = cells.centred(cells.w, cells.h.min(cells.w / NUMBER_DIGITS as i32 * 3 / 2));
    for (at, cell) in cells.columns(NUMBER_DIGITS as i32, gap / 2).into_iter().enumerate() {
        let current = at == typed;
        let border = Some(if current { (theme.stroke + 2, theme.primary) } else { (theme.stroke, theme.border) });
        let kind = Kind::Panel { fill: theme.surface, radius: sizes.radius / 2, border, shadow: 0 };
        let hidden = b.say(Phrase::Hidden);
        let node = b.push(Id("cell", at as u16 * 2), cell, kind);
        if at < typed {
            node.say = Some(hidden.to_owned().into());
            let size = cell.w.min(cell.h) * 3 / 10;
            let dot = cell.centred(size, size);
            let kind = Kind::Panel { fill: theme.text, radius: size / 2, border: None, shadow: 0 };
            b.push(Id("cell", at as u16 * 2 + 1), dot, kind);
        }
    }
    // Upright: three columns as on a telephone, then erase, zero, done, and cancel across. Wide: two rows of five digits,
    // cancel beside the first, erase and done beside the second.
    let digits: &[u8] =
        if portrait { &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 11] } else { &[1, 2, 3, 4, 5, 6, 7, 8, 9, 0] };
    let (digit_keys, cancel, erase, done) = if portrait {
        let (grid, cancel) = if panel.is_slim() {
            let mut keys = keys;
            let cancel = keys.cut_bottom(sizes.target);
            keys.cut_bottom(gap);
            (keys.rows(rows - 1, gap), cancel)
        } else {
            let mut grid = keys.rows(rows, gap);
            let cancel = grid.pop().unwrap_or_default();
            (grid, cancel)
        };
        let grid: Vec<Rect> = grid.into_iter().flat_map(|row| row.columns(columns, gap)).collect();
        let (erase, done) = (grid[9], grid[11]);
        (grid, cancel, erase, done)
    } else {
        let mut left = keys;
        let right = left.cut_right((keys.w - sizes.key * 5 - gap * 5).max(0));
        left.cut_right(gap);
        let right = right.rows(rows, gap);
        let pair = right[1].columns(2, gap);
        let grid = left.rows(rows, gap).into_iter().flat_map(|row| row.columns(5, gap)).collect();
        (grid, right[0], pair[0], pair[1])
    };
    for (digit, place) in digits.iter().zip(digit_keys).filter(|(digit, _)| **digit < 10) {
        let id = u16::from(*digit) * 4;
        let act = Act::Digit(*digit);
        let fill = if b.state.pressed == Some(act) { theme.surface.mix(theme.primary, 60) } else { theme.surface };
        let border = Some((theme.stroke, theme.border));
        let kind = Kind::Panel { fill, radius: sizes.radius, border, shadow: 0 };
        let node = b.push(Id("key", id), place, kind);
        node.hit = Some(act);
        node.say = Some(digit.to_string().into());
        let style = Style::new(Weight::SemiBold, place.h.min(place.w) * 45 / 100);
        b.line(Id("key", id + 1), place, &digit.to_string(), style, Align::Centre, theme.text);
    }
    let main = if portrait { Look::Primary } else { Look::MainTool };
    b.button(Id("key", 100), erase, Look::Tool, Some(Icon::Backspace), b.say(Phrase::Erase), Act::Backspace);
    b.button(
        Id("key", 104),
        done,
        main,
        (!panel.is_slim()).then_some(Icon::Tick),
        b.say(Phrase::Confirm),
        Act::Confirm,
    );
    b.button(Id("key", 108), cancel, Look::Quiet, Some(Icon::ArrowLeft), b.say(Phrase::Back), Act::Back);
}

const fn hint_of(b: &Builder<'_>, wrong: bool) -> &'static str {
    b.say(if wrong { Phrase::NumberWrong } else { Phrase::NumberHidden })
}
