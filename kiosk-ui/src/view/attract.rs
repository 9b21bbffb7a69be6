//! What shows while nobody is served.

use super::build::Builder;
use super::screens::{alignment, height};
use crate::code::Code;
use crate::font::{Align, Style, Weight};
use crate::geometry::Rect;
use crate::icon::Icon;
use crate::scene::{Id, Kind};
use crate::state::{Act, Notice};
use crate::text::{Language, Phrase};
use crate::theme::Sizes;
use std::sync::Arc;

pub(super) fn attract(b: &mut Builder<'_>, rest: &mut Rect) {
    let (theme, sizes, title) = (b.theme, b.sizes, b.title());
    if b.state.panel.is_tiny() {
        let hint = rest.cut_bottom(b.body().line_height());
        let (text, style) = (b.say(Phrase::Welcome), b.body());
        b.line(Id("title", 0), hint, text, style, Align::Centre, theme.text).say = Some(text.to_owned().into());
        b.gesture(*rest, true);
        return;
    }
    let style = Style::new(Weight::Bold, sizes.button * 12 / 10);
    let button = rest.cut_bottom((style.line_height() + sizes.gap * 2).max(sizes.target));
    rest.cut_bottom(sizes.gap);
    let text = b.say(Phrase::TouchToStart);
    let pressed = b.state.pressed == Some(Act::Start);
    let fill = if pressed { theme.primary.mix(theme.on_primary, 40) } else { theme.primary };
    let node = b.push(Id("start", 0), button, Kind::Panel { fill, radius: sizes.radius, border: None, shadow: 0 });
    node.hit = Some(Act::Start);
    node.say = Some(text.to_owned().into());
    b.line(Id("start", 1), button, text, style, Align::Centre, theme.on_primary);
    if let Some(told) = b.state.notice.clone() {
        return notice(b, rest, &told);
    }
    let welcome = b.say(Phrase::Welcome);
    if b.state.panel.is_portrait() {
        b.paragraph(Id("title", 0), rest, welcome, title, Align::Centre, theme.text);
        b.gesture(rest.inset(sizes.gap), true);
    } else {
        let left = rest.cut_left(rest.w / 2);
        b.gesture(left, true);
        let line = title.line_height();
        let mut place = rest.centred(rest.w, line);
        b.paragraph(Id("title", 0), &mut place, welcome, title, Align::Centre, theme.text);
    }
}

/// What the site has to say, with a code for those who want to know more.
fn notice(b: &mut Builder<'_>, rest: &mut Rect, notice: &Notice) {
    let (theme, sizes) = (b.theme, b.sizes);
    let vietnamese = b.language() == Language::Vietnamese;
    let of = |(vi, en): &(String, String)| if vietnamese { vi.clone() } else { en.clone() };
    let (title, text) = (of(&notice.title), of(&notice.text));
    let portrait = b.state.panel.is_portrait();
    if portrait {
        b.surface(Id("surface", 0), *rest);
        *rest = rest.inset(sizes.gap * 2);
    }
    let code = notice.link.as_deref().and_then(Code::new);
    let has_code = code.is_some();
    let mut place = if portrait {
        let share = if b.state.panel.is_slim() { 38 } else { 48 };
        let place = rest.cut_bottom(if has_code { rest.h * share / 100 } else { 0 });
        rest.cut_bottom(sizes.gap);
        place
    } else {
        let place = rest.cut_left(if has_code { (rest.w * 36 / 100).min(rest.h) } else { 0 });
        rest.cut_left(sizes.gap);
        place
    };
    if let Some(code) = code {
        if portrait {
            let below = b.label();
            let line = place.cut_bottom(below.line_height());
            b.line(Id("code", 1), line, b.say(Phrase::ScanWithPhone), below, Align::Centre, theme.muted);
        }
        let size = place.w.min(place.h);
        b.push(Id("code", 0), place.centred(size, size), Kind::Code(Arc::new(code)));
    } else if portrait {
        let sign = rest.cut_top(rest.h * 36 / 100);
        b.sign(sign.inset(sizes.gap * 2), Icon::Info, theme.primary);
    }
    let align = alignment(b);
    // As large as it fits: a site's words are as long as its people make them.
    let least = Sizes::of(b.state.panel, false);
    let sizes_to_try = [(sizes.title, sizes.body), (least.title, least.body), (least.body, least.label)];
    let fits = |b: &mut Builder<'_>, (large, small): (i32, i32)| {
        let (large, small) = (Style::new(Weight::Bold, large), Style::new(Weight::Regular, small));
        let all = height(b, &title, large, rest.w) + height(b, &text, small, rest.w) + sizes.gap;
        (large, small, all)
    };
    let mut chosen = fits(b, sizes_to_try[0]);
    for sizes in sizes_to_try {
        chosen = fits(b, sizes);
        if chosen.2 <= rest.h {
            break;
        }
    }
    let (large, small, all) = chosen;
    // Where both do not fit, the code leads to the words.
    let with_text = all <= rest.h || !has_code;
    let shown = if with_text { all } else { height(b, &title, large, rest.w) };
    rest.cut_top((rest.h - shown).max(0) / 2);
    b.paragraph(Id("title", 0), rest, &title, large, align, theme.text);
    if !with_text {
        return;
    }
    rest.cut_top(sizes.gap);
    let mut lines = b.fonts.wrap(&text, small, rest.w);
    let room = (rest.h / small.line_height()).max(0) as usize;
    if lines.len() > room {
        lines.truncate(room);
        if let Some(last) = lines.last_mut() {
            *last = b.fit(&[last, " ……"].concat(), small, rest.w);
        }
    }
    let place = rest.cut_top(small.line_height() * lines.len() as i32);
    b.push(Id("notice", 0), place, Kind::Text { lines, style: small, align, color: theme.muted }).say =
        Some(text.into());
}
