//! A field of a form with the keyboard on the glass.

use super::build::{Builder, Look};
use crate::font::{Align, Style, Weight};
use crate::geometry::Rect;
use crate::icon::Icon;
use crate::scene::{Id, Kind};
use crate::state::{Act, Field, Layer};
use crate::text::{Language, Phrase};
use crate::theme::Sizes;

/// Rows of keys; beside the last stand Shift and Backspace.
const fn rows(layer: Layer) -> [&'static str; 3] {
    match layer {
        Layer::Lower => ["qwertyuiop", "asdfghjkl", "zxcvbnm"],
        Layer::Upper => ["QWERTYUIOP", "ASDFGHJKL", "ZXCVBNM"],
        Layer::Digits => ["1234567890", "-/:;()&@\"", "._,?!'+"],
    }
}

pub(super) fn form(b: &mut Builder<'_>, rest: &mut Rect, field: &Field) {
    let (theme, sizes, panel) = (b.theme, b.sizes, b.state.panel);
    let (vietnamese, english) = &field.label;
    let label = if b.language() == Language::Vietnamese { vietnamese.clone() } else { english.clone() };
    if panel.is_tiny() {
        // Nobody types here: it says what is asked on the large panel.
        let style = b.title();
        let high = b.fonts.wrap(&label, style, rest.w).len() as i32 * style.line_height();
        let mut middle = rest.centred(rest.w, high);
        return b.paragraph(Id("title", 0), &mut middle, &label, style, Align::Centre, theme.text);
    }
    let (portrait, slim) = (panel.is_portrait(), panel.is_slim());
    let gap = if portrait && !slim { sizes.gap / 3 } else { 0 };
    let digits = field.layer == Layer::Digits;
    let next = if field.at + 1 == field.of { Phrase::ToReview } else { Phrase::Next };
    if slim {
        // Its last row has no width for words.
        b.actions(rest, &[(Look::Quiet, None, Phrase::Back, Act::Back), (Look::Primary, None, next, Act::Confirm)]);
    }
    // On a wide panel ten keys of a finger's width take all of it.
    let high = if portrait && !slim { sizes.key.max(rest.h * 11 / 100) } else { sizes.target };
    let mut keys = rest.cut_bottom(high * 4 + gap * 3);
    if !portrait || slim {
        (keys.x, keys.w) = (panel.area.x, panel.area.w);
    }
    if !portrait {
        // Up to the edge: every row counts.
        (rest.y, rest.h) = (panel.area.y + 2, keys.y - panel.area.y - 4);
    }
    entry(b, rest, field, &label);
    let mut lines = keys.rows(4, gap);
    let bottom = lines.pop().unwrap_or_default();
    for (at, (line, letters)) in lines.into_iter().zip(rows(field.layer)).enumerate() {
        let all = letters.chars().count() as i32;
        let column = (keys.w - gap * 9) / 10;
        let mut line = line.centred(column * 10 + gap * 9, line.h);
        if at == 2 {
            let wide = (line.w - (column + gap) * all) / 2 - gap / 2;
            let (shift, erase) = (line.cut_left(wide), line.cut_right(wide));
            let on = field.layer == Layer::Upper;
            key(b, 90, shift, Cap::Icon(Icon::Shift, Phrase::Shift), Act::Shift, on);
            key(b, 94, erase, Cap::Icon(Icon::Backspace, Phrase::Erase), Act::Backspace, false);
        }
        let mut line = line.centred(column * all + gap * (all - 1), line.h);
        for letter in letters.chars() {
            let place = line.cut_left(column);
            line.cut_left(gap);
            key(b, 200 + letter as u16 * 4, place, Cap::Letter(letter), Act::Key(letter), false);
        }
    }
    let mut line = bottom;
    let (narrow, wide) = (line.w * 17 / 100, line.w * 24 / 100);
    let other = line.cut_left(if slim { wide } else { narrow });
    line.cut_left(gap);
    key(b, 98, other, Cap::Word(if digits { "ABC" } else { "123" }, Phrase::OtherKeys), Act::Digits, digits);
    if slim {
        return key(b, 102, line, Cap::Word(b.say(Phrase::Space), Phrase::Space), Act::Key(' '), false);
    }
    let cancel = line.cut_left(wide);
    line.cut_left(gap);
    let done = line.cut_right(wide);
    line.cut_right(gap);
    key(b, 102, line, Cap::Word(b.say(Phrase::Space), Phrase::Space), Act::Key(' '), false);
    b.button(Id("key", 106), cancel, Look::Quiet, None, b.say(Phrase::Back), Act::Back);
    b.button(Id("key", 112), done, Look::Primary, None, b.say(next), Act::Confirm);
}

/// What is asked for, and what was typed so far.
fn entry(b: &mut Builder<'_>, rest: &mut Rect, field: &Field, label: &str) {
    let (theme, sizes, portrait) = (b.theme, b.sizes, b.state.panel.is_portrait());
    let text = field.text.text();
    let border = Some((theme.stroke + 1, if field.wrong { theme.bad } else { theme.primary }));
    let kind = Kind::Panel { fill: theme.surface, radius: sizes.radius, border, shadow: 0 };
    let color = if field.wrong { theme.bad } else { theme.muted };
    let asked = if field.wrong { b.say(Phrase::FieldEmpty) } else { label };
    let (mut place, style) = if portrait {
        // A slim one has room for a title of one size, and a line below.
        let (title, hint) = match b.state.panel.is_slim() {
            true => (Style::new(Weight::Bold, Sizes::of(b.state.panel, false).title), b.label()),
            false => (b.title(), b.body()),
        };
        b.paragraph(Id("title", 0), rest, label, title, Align::Left, theme.text);
        rest.cut_top(sizes.gap);
        let below = format!("{} {}/{}", b.say(Phrase::FieldOf), field.at + 1, field.of);
        let hinted = if field.wrong { asked.to_owned() } else { format!("{below} · {}", b.say(Phrase::TelexHint)) };
        let style = Style::new(Weight::SemiBold, sizes.body);
        let place = rest.cut_top(style.line_height() + sizes.gap * 2);
        rest.cut_top(sizes.gap);
        b.paragraph(Id("hint", 0), rest, &hinted, hint, Align::Left, color);
        (place, style)
    } else {
        (*rest, Style::new(Weight::SemiBold, sizes.label))
    };
    b.push(Id("field", 0), place, kind);
    place = place.inset_xy(sizes.gap, 0);
    let mut shown = zeroize::Zeroizing::new(format!("{}▏", *text));
    if !portrait {
        let heading = b.label();
        // All of it as long as what is typed leaves room, and never less than this.
        let free = place.w - sizes.gap - b.fonts.width(&shown, style);
        let asked = b.fit(asked, heading, free.max(place.w * 45 / 100));
        let wide = b.fonts.width(&asked, heading);
        let left = place.cut_left(wide);
        place.cut_left(sizes.gap);
        b.line(Id("title", 0), left, &asked, heading, Align::Left, color).say = Some(label.to_owned().into());
    }
    // The end of it counts: that is where the person types.
    while b.fonts.width(&shown, style) > place.w && shown.chars().count() > 1 {
        shown.remove(0);
    }
    b.line(Id("typed", 0), place, &shown, style, Align::Left, theme.text);
}

/// What stands on a key.
enum Cap<'a> {
    Letter(char),
    Word(&'a str, Phrase),
    Icon(Icon, Phrase),
}

fn key(b: &mut Builder<'_>, id: u16, place: Rect, cap: Cap<'_>, act: Act, on: bool) {
    let (theme, sizes) = (b.theme, b.sizes);
    let pressed = b.state.pressed == Some(act);
    let fill = if pressed || on { theme.surface.mix(theme.primary, 60) } else { theme.surface };
    let border = Some((theme.stroke, theme.border));
    let say = match cap {
        Cap::Letter(letter) => letter.to_string(),
        Cap::Word(_, phrase) | Cap::Icon(_, phrase) => b.say(phrase).to_owned(),
    };
    let kind = Kind::Panel { fill, radius: sizes.radius / 2, border, shadow: 0 };
    let node = b.push(Id("key", id), place, kind);
    node.hit = Some(act);
    node.say = Some(say.into());
    let size = if b.state.panel.is_portrait() { sizes.body } else { sizes.label };
    // The widest letter is as wide as it is high.
    let size = if b.state.panel.is_slim() { size.min(place.w * 78 / 100) } else { size };
    match cap {
        Cap::Letter(letter) => {
            let style = Style::new(Weight::SemiBold, size);
            b.line(Id("key", id + 1), place, &letter.to_string(), style, Align::Centre, theme.text);
        }
        Cap::Word(text, _) => {
            let style = Style::new(Weight::Medium, sizes.label);
            b.line(Id("key", id + 1), place, text, style, Align::Centre, theme.text);
        }
        Cap::Icon(icon, _) => b.icon(Id("key", id + 1), place.centred(size, size), icon, theme.text),
    }
}
