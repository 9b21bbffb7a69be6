//! A read of the chip as it goes on.

use super::build::Builder;
use super::screens::{alignment, height};
use crate::font::{Align, Style, Weight};
use crate::geometry::Rect;
use crate::icon::Icon;
use crate::scene::{Id, Kind};
use crate::state::{Holder, ReadStep};
use crate::text::Phrase;

pub(super) fn reading(b: &mut Builder<'_>, rest: &mut Rect, step: ReadStep, per_cent: u8, holder: Option<&Holder>) {
    let (theme, sizes, panel) = (b.theme, b.sizes, b.state.panel);
    let title = b.say(Phrase::ReadingTitle);
    let ring = |b: &mut Builder<'_>, place: Rect| {
        let size = place.w.min(place.h);
        let ring = place.centred(size, size);
        let width = (size / 14).max(6);
        b.push(Id("ring", 0), ring, Kind::Ring { value: per_cent, width, color: theme.primary, track: theme.track });
        if let Some(picture) = holder.and_then(|h| h.picture.clone()) {
            // The portrait as it arrives, where the number was.
            let high = size * 58 / 100;
            let wide = high * picture.width as i32 / (picture.height as i32).max(1);
            b.push(Id("portrait", 0), ring.centred(wide.min(high), high), Kind::Picture(picture));
        } else {
            let style = Style::new(Weight::Bold, size * 22 / 100).fixed();
            let text = format!("{per_cent}%");
            let place = ring.centred(size * 7 / 10, style.line_height());
            b.line(Id("ring", 1), place, &text, style, Align::Centre, theme.text);
        }
    };
    if panel.is_tiny() {
        let style = b.title();
        let mut bottom = rest.cut_bottom(height(b, title, style, rest.w));
        ring(b, *rest);
        b.paragraph(Id("title", 0), &mut bottom, title, style, Align::Centre, theme.text);
        return;
    }
    let align = alignment(b);
    let portrait = panel.is_portrait();
    if portrait {
        b.surface(Id("surface", 0), *rest);
        *rest = rest.inset(sizes.gap * 2);
        // Large text takes room from the ring.
        let share = match (panel.is_slim(), b.state.preferences.large) {
            (false, false) => 42,
            (true, false) => 36,
            (_, true) => 28,
        };
        let place = rest.cut_top(rest.h * share / 100);
        rest.cut_top(sizes.gap);
        ring(b, place);
    } else {
        let left = rest.cut_left(rest.w * 34 / 100);
        rest.cut_left(sizes.gap);
        ring(b, left.inset(sizes.gap / 2));
    }
    let (style, warn) = (b.title(), Style::new(Weight::SemiBold, sizes.body));
    if !portrait {
        let lines = height(b, title, style, rest.w) + height(b, b.say(Phrase::DoNotLift), warn, rest.w);
        let more = i32::from(holder.is_some()) + 1;
        rest.cut_top((rest.h - lines - more * warn.line_height()).max(0) / 2);
    }
    b.paragraph(Id("title", 0), rest, title, style, align, theme.text);
    b.paragraph(Id("hint", 0), rest, b.say(Phrase::DoNotLift), warn, align, theme.bad);
    if let Some(holder) = holder {
        let style = Style::new(Weight::SemiBold, sizes.body);
        let name = b.fit(&holder.name, style, rest.w);
        let place = rest.cut_top(style.line_height());
        b.line(Id("holder", 0), place, &name, style, align, theme.text);
    }
    if portrait && !panel.is_slim() {
        steps_of_read(b, rest, step);
    } else {
        // One line: what is done now.
        let text = b.say(step.phrase());
        let body = b.body();
        b.paragraph(Id("now", 0), rest, text, body, align, theme.muted);
    }
}

fn steps_of_read(b: &mut Builder<'_>, rest: &mut Rect, step: ReadStep) {
    let (theme, sizes) = (b.theme, b.sizes);
    rest.cut_top(sizes.gap);
    let rows = rest.inset_xy(sizes.gap * 2, 0).rows(5, 4);
    for (at, (mut row, each)) in rows.into_iter().zip(ReadStep::ALL).enumerate() {
        let id = at as u16 * 4;
        let size = row.h.min(sizes.body * 5 / 4);
        let mark = row.cut_left(size).centred(size, size);
        row.cut_left(sizes.gap);
        let (weight, color) = match each.cmp(&step) {
            std::cmp::Ordering::Less => {
                let kind = Kind::Panel { fill: theme.good, radius: size / 2, border: None, shadow: 0 };
                b.push(Id("read", id), mark, kind);
                b.icon(Id("read", id + 1), mark.inset(size / 6), Icon::Tick, theme.on_signal);
                (Weight::Regular, theme.text)
            }
            std::cmp::Ordering::Equal => {
                // A ring that fills and starts again, once in two seconds.
                let value = (b.state.tick % 20 * 5) as u8;
                let width = (size / 7).max(3);
                b.push(Id("read", id), mark, Kind::Ring { value, width, color: theme.primary, track: theme.track });
                (Weight::Bold, theme.text)
            }
            std::cmp::Ordering::Greater => {
                let width = (size / 10).max(2);
                b.push(Id("read", id), mark, Kind::Ring { value: 0, width, color: theme.track, track: theme.track });
                (Weight::Regular, theme.muted)
            }
        };
        let text = b.say(each.phrase());
        let style = Style::new(weight, sizes.body.min(row.h * 25 / 37));
        let node = b.line(Id("read", id + 2), row, text, style, Align::Left, color);
        node.say = (each == step).then(|| text.to_owned().into());
    }
}
