//! One function a screen.

use super::build::{Builder, Look};
use super::{keyboard, result, technician};
use crate::canvas::Color;
use crate::code::Code;
use crate::font::{Align, Style, Weight};
use crate::geometry::Rect;
use crate::icon::Icon;
use crate::scene::{Id, Kind};
use crate::state::{Act, Choice, Holder, NUMBER_DIGITS, Notice, Part, Problem, ReadStep, Screen, choices_shown};
use crate::text::{Language, Phrase};
use crate::theme::Sizes;
use std::sync::Arc;

const CANCEL: (Look, Option<Icon>, Phrase, Act) = (Look::Quiet, Some(Icon::Cross), Phrase::Cancel, Act::Cancel);

pub(super) fn draw(b: &mut Builder<'_>, rest: &mut Rect) {
    match b.state.screen.clone() {
        Screen::Attract => attract(b, rest),
        Screen::Consent { purpose: (vietnamese, english), keeps } => {
            let purpose = if b.language() == Language::Vietnamese { vietnamese } else { english };
            b.actions(rest, &[CANCEL, (Look::Primary, Some(Icon::Tick), Phrase::Agree, Act::Agree)]);
            let erase = match keeps {
                None => b.say(Phrase::ConsentErase).to_owned(),
                Some(days) => b.say(Phrase::ConsentKeep).replace("{days}", &days.to_string()),
            };
            let theme = b.theme;
            let below = [
                Below { id: Id("purpose", 0), text: purpose, weight: Weight::Regular, color: theme.text },
                Below { id: Id("purpose", 1), text: erase, weight: Weight::Regular, color: theme.muted },
            ];
            words(b, rest, (Icon::Shield, theme.primary), Phrase::ConsentTitle, &below);
        }
        Screen::Scan { insurance } => {
            b.actions(rest, &[CANCEL, (Look::Outline, Some(Icon::Keypad), Phrase::TypeNumber, Act::TypeNumber)]);
            let away = b.state.trouble(Part::Scanner).is_some();
            let hint = if away { Phrase::ScannerAway } else { Phrase::ScanHint };
            let (title, hint) =
                if insurance { (Phrase::InsuranceTaken, Phrase::InsuranceNext) } else { (Phrase::ScanTitle, hint) };
            pictured(b, rest, title, hint, |b, place| b.scanner(place));
        }
        Screen::Number { typed, wrong } => number(b, rest, typed, wrong),
        Screen::Place => {
            b.actions(rest, &[CANCEL]);
            pictured(b, rest, Phrase::PlaceCard, Phrase::PlaceHint, |b, place| b.gesture(place, true));
        }
        Screen::Lifted => {
            b.actions(rest, &[CANCEL]);
            pictured(b, rest, Phrase::CardLifted, Phrase::PutCardBack, |b, place| b.gesture(place, true));
        }
        Screen::Reading { step, per_cent, holder } => reading(b, rest, step, per_cent, holder.as_ref()),
        Screen::Result(judged) => result::result(b, rest, &judged),
        Screen::Form(field) => keyboard::form(b, rest, &field),
        Screen::Choice(choice) => choices(b, rest, &choice),
        Screen::Ticket { number, place } => ticket(b, rest, &number, &place),
        Screen::TakeCard => {
            pictured(b, rest, Phrase::TakeCardTitle, Phrase::TakeCardHint, |b, place| b.gesture(place, false));
        }
        Screen::Problem(problem) => trouble(b, rest, problem),
        Screen::Staff => {
            b.actions(rest, &[(Look::Quiet, Some(Icon::Cross), Phrase::Finish, Act::Finish)]);
            plain(b, rest, Icon::Headset, b.theme.primary, Phrase::StaffTitle, Phrase::StaffHint);
        }
        Screen::MoreTime => {
            b.actions(rest, &[CANCEL, (Look::Primary, Some(Icon::Clock), Phrase::MoreTime, Act::MoreTime)]);
            plain(b, rest, Icon::Clock, b.theme.warn, Phrase::MoreTimeTitle, Phrase::MoreTimeHint);
        }
        Screen::OutOfService(part) => {
            let theme = b.theme;
            let hint = b.say(Phrase::OutOfServiceHint).to_owned();
            let since = b.state.trouble(part).map_or_else(String::new, |trouble| format!(" · {}", trouble.since));
            let what = format!("{}{since}", b.say(part.phrase()));
            let below = [
                Below { id: Id("hint", 0), text: hint, weight: Weight::Regular, color: theme.text },
                Below { id: Id("hint", 1), text: what, weight: Weight::Regular, color: theme.muted },
            ];
            words(b, rest, (Icon::Tools, theme.warn), Phrase::OutOfServiceTitle, &below);
        }
        Screen::Technician => technician::checks(b, rest),
        Screen::Enrolment(state) => technician::enrolment(b, rest, &state),
    }
}

/// A question with a button for each answer; where they are more than fit, the last button shows the others.
fn choices(b: &mut Builder<'_>, rest: &mut Rect, choice: &Choice) {
    let pick = |(vietnamese, english): &(String, String)| {
        if b.language() == Language::Vietnamese { vietnamese.clone() } else { english.clone() }
    };
    let label = pick(&choice.label);
    let options: Vec<String> = choice.options.iter().map(pick).collect();
    let (theme, sizes, panel) = (b.theme, b.sizes, b.state.panel);
    let style = b.title();
    if panel.is_tiny() {
        // Nobody chooses here: it says what is asked on the large panel.
        let high = height(b, &label, style, rest.w);
        let mut middle = rest.centred(rest.w, high);
        return b.paragraph(Id("title", 0), &mut middle, &label, style, Align::Centre, theme.text);
    }
    let shown = choices_shown(panel);
    let more = options.len() > shown;
    if more {
        b.actions(rest, &[CANCEL, (Look::Outline, Some(Icon::ChevronDown), Phrase::More, Act::More)]);
    } else {
        b.actions(rest, &[CANCEL]);
    }
    b.paragraph(Id("title", 0), rest, &label, style, Align::Left, theme.text);
    rest.cut_top(sizes.gap);
    let columns = if panel.is_portrait() { 1 } else { 2 };
    let rows = (shown as i32 + columns - 1) / columns;
    let gap = sizes.gap / 2;
    let high = ((rest.h - gap * (rows - 1)) / rows).min(sizes.target * 3 / 2);
    // Whoever sits reaches the lower part of an upright panel.
    let area = rest.cut_bottom(high * rows + gap * (rows - 1));
    let page = options.iter().enumerate().skip(choice.from).take(shown);
    for (place, (at, option)) in page.enumerate() {
        let (row, column) = (place as i32 / columns, place as i32 % columns);
        let wide = (area.w - gap * (columns - 1)) / columns;
        let place = Rect::new(area.x + column * (wide + gap), area.y + row * (high + gap), wide, high);
        let act = Act::Choose(u8::try_from(at).unwrap_or(u8::MAX));
        b.button(Id("choice", at as u16 * 4), place, Look::Outline, None, option, act);
    }
}

const fn alignment(b: &Builder<'_>) -> Align {
    if b.state.panel.is_portrait() || b.state.panel.is_tiny() { Align::Centre } else { Align::Left }
}

/// How high a text will be.
fn height(b: &mut Builder<'_>, text: &str, style: Style, width: i32) -> i32 {
    b.fonts.wrap(text, style, width).len() as i32 * style.line_height()
}

fn attract(b: &mut Builder<'_>, rest: &mut Rect) {
    let (theme, sizes, title) = (b.theme, b.sizes, b.title());
    if b.state.panel.is_tiny() {
        let hint = rest.cut_bottom(b.body().line_height());
        let (text, style) = (b.say(Phrase::Welcome), b.body());
        b.line(Id("title", 0), hint, text, style, Align::Centre, theme.text).say = Some(text.to_owned());
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
    node.say = Some(text.to_owned());
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
        let place = rest.cut_bottom(if has_code { rest.h * 48 / 100 } else { 0 });
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
            *last = b.fit(&format!("{last} ……"), small, rest.w);
        }
    }
    let place = rest.cut_top(small.line_height() * lines.len() as i32);
    b.push(Id("notice", 0), place, Kind::Text { lines, style: small, align, color: theme.muted }).say = Some(text);
}

/// A picture with a title and a sentence: above on upright panels, left on wide ones.
fn pictured(
    b: &mut Builder<'_>,
    rest: &mut Rect,
    title: Phrase,
    hint: Phrase,
    picture: impl FnOnce(&mut Builder<'_>, Rect),
) {
    let (theme, sizes) = (b.theme, b.sizes);
    let (mut title_style, mut body) = (b.title(), b.body());
    let (title, hint) = (b.say(title), b.say(hint));
    if b.state.panel.is_tiny() {
        let words = height(b, title, title_style, rest.w);
        let mut bottom = rest.cut_bottom(words);
        picture(b, *rest);
        b.paragraph(Id("title", 0), &mut bottom, title, title_style, Align::Centre, theme.text);
        return;
    }
    let align = alignment(b);
    if b.state.panel.is_portrait() {
        b.surface(Id("surface", 0), *rest);
        let mut inside = rest.inset(sizes.gap * 2);
        let words = height(b, title, title_style, inside.w) + height(b, hint, body, inside.w) + sizes.gap;
        let mut bottom = inside.cut_bottom(words);
        inside.cut_bottom(sizes.gap);
        picture(b, inside);
        b.paragraph(Id("title", 0), &mut bottom, title, title_style, align, theme.text);
        b.paragraph(Id("hint", 0), &mut bottom, hint, body, align, theme.muted);
        return;
    }
    let left = rest.cut_left(rest.w * 42 / 100);
    rest.cut_left(sizes.gap);
    b.surface(Id("surface", 0), left);
    picture(b, left.inset(sizes.gap));
    let mut words = height(b, title, title_style, rest.w) + height(b, hint, body, rest.w);
    if words > rest.h {
        let least = Sizes::of(b.state.panel, false);
        (title_style, body) = (Style::new(Weight::Bold, least.title), Style::new(Weight::Regular, least.body));
        words = height(b, title, title_style, rest.w) + height(b, hint, body, rest.w);
    }
    rest.cut_top((rest.h - words) / 2);
    b.paragraph(Id("title", 0), rest, title, title_style, align, theme.text);
    b.paragraph(Id("hint", 0), rest, hint, body, align, theme.muted);
}

/// A paragraph below a title.
struct Below {
    id: Id,
    text: String,
    weight: Weight,
    color: Color,
}

/// A sign, a title and what stands below, in the middle of what is left.
///
/// Text is as large as asked for where it fits, and never smaller than the least that may be read.
fn words(b: &mut Builder<'_>, rest: &mut Rect, (icon, color): (Icon, Color), title: Phrase, below: &[Below]) {
    let (theme, sizes, panel) = (b.theme, b.sizes, b.state.panel);
    let title = b.say(title);
    let align = alignment(b);
    let above = panel.is_portrait() || panel.is_tiny();
    if panel.is_portrait() {
        b.surface(Id("surface", 0), *rest);
        *rest = rest.inset(sizes.gap * 2);
    }
    // The smallest panel has room for what to do next only.
    let below: Vec<&Below> = below.iter().filter(|p| !panel.is_tiny() || p.id == Id("hint", 0)).collect();
    let least = Sizes::of(panel, false);
    // The picture beside wide text if everything fits so, else a small one before the title; else smaller text.
    let tries = [(sizes, true), (sizes, false), (least, true), (least, false)];
    let mut chosen = None;
    for (size, side) in tries {
        let title_style = Style::new(Weight::Bold, size.title);
        let title_high = |b: &mut Builder<'_>, width| height(b, title, title_style, width);
        let column = if above {
            0
        } else if side {
            rest.w * 24 / 100 + sizes.gap * 2
        } else {
            0
        };
        let small = if above || side { 0 } else { title_style.line_height() + sizes.gap };
        let width = rest.w - column;
        let text: i32 = below.iter().map(|p| height(b, &p.text, Style::new(p.weight, size.body), width)).sum();
        let gaps = sizes.gap * below.len() as i32;
        let all = title_high(b, width - small) + text + gaps;
        let share = if panel.is_tiny() { 24 } else { 28 };
        let sign = if above { rest.h * share / 100 + sizes.gap } else { 0 };
        chosen = Some((size, side, column, small, sign, all));
        if all + sign <= rest.h {
            break;
        }
    }
    let Some((size, side, column, small, sign, all)) = chosen else { return };
    rest.cut_top((rest.h - all - sign).max(0) / 2);
    let title_style = Style::new(Weight::Bold, size.title);
    let mut place = if above {
        let place = rest.cut_top(sign - sizes.gap);
        rest.cut_top(sizes.gap);
        place
    } else if side {
        let mut place = rest.cut_left(column);
        place.cut_right(sizes.gap * 2);
        Rect::new(place.x, place.y, place.w, place.h.min(all).max(place.w.min(place.h)))
    } else {
        Rect::default()
    };
    if small > 0 {
        let lines = height(b, title, title_style, rest.w - small);
        let mut row = rest.cut_top(lines);
        place = row.cut_left(small - sizes.gap);
        row.cut_left(sizes.gap);
        b.paragraph(Id("title", 0), &mut row, title, title_style, align, theme.text);
    } else {
        b.paragraph(Id("title", 0), rest, title, title_style, align, theme.text);
    }
    b.sign(place, icon, color);
    for paragraph in below {
        rest.cut_top(sizes.gap);
        let style = Style::new(paragraph.weight, size.body);
        b.paragraph(paragraph.id, rest, &paragraph.text, style, align, paragraph.color);
    }
}

fn plain(b: &mut Builder<'_>, rest: &mut Rect, icon: Icon, color: Color, title: Phrase, hint: Phrase) {
    let hint = Below { id: Id("hint", 0), text: b.say(hint).to_owned(), weight: Weight::Regular, color: b.theme.muted };
    words(b, rest, (icon, color), title, &[hint]);
}

fn number(b: &mut Builder<'_>, rest: &mut Rect, typed: usize, wrong: bool) {
    let (theme, sizes, panel) = (b.theme, b.sizes, b.state.panel);
    if panel.is_tiny() {
        return plain(b, rest, Icon::Keypad, theme.primary, Phrase::NumberTitle, Phrase::NumberHidden);
    }
    let portrait = panel.is_portrait();
    let gap = (sizes.gap * 2 / 3).max(4);
    let (rows, columns) = if portrait { (5, 3) } else { (2, 7) };
    // Rows as high as they must be, and higher where there is room.
    let keys_height =
        if portrait { (rest.h * 60 / 100).max(sizes.key * rows + gap * (rows - 1)) } else { sizes.key * rows + gap };
    let keys = rest.cut_bottom(keys_height);
    rest.cut_bottom(gap);
    if portrait {
        let (title, hint, style, body) = (b.say(Phrase::NumberTitle), hint_of(b, wrong), b.title(), b.body());
        let color = if wrong { theme.bad } else { theme.muted };
        b.paragraph(Id("title", 0), rest, title, style, Align::Centre, theme.text);
        b.paragraph(Id("hint", 0), rest, hint, body, Align::Centre, color);
    } else {
        let style = Style::new(Weight::SemiBold, sizes.body);
        let text = if wrong { b.say(Phrase::NumberWrong) } else { b.say(Phrase::NumberTitle) };
        let style = if b.fonts.width(text, style) > rest.w { Style::new(Weight::SemiBold, sizes.label) } else { style };
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
            node.say = Some(hidden.to_owned());
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
        let mut grid = keys.rows(rows, gap);
        let cancel = grid.pop().unwrap_or_default();
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
        node.say = Some(digit.to_string());
        let style = Style::new(Weight::SemiBold, place.h.min(place.w) * 45 / 100);
        b.line(Id("key", id + 1), place, &digit.to_string(), style, Align::Centre, theme.text);
    }
    let main = if portrait { Look::Primary } else { Look::MainTool };
    b.button(Id("key", 100), erase, Look::Tool, Some(Icon::Backspace), b.say(Phrase::Erase), Act::Backspace);
    b.button(Id("key", 104), done, main, Some(Icon::Tick), b.say(Phrase::Confirm), Act::Confirm);
    b.button(Id("key", 108), cancel, Look::Quiet, Some(Icon::Cross), b.say(Phrase::Cancel), Act::Cancel);
}

const fn hint_of(b: &Builder<'_>, wrong: bool) -> &'static str {
    b.say(if wrong { Phrase::NumberWrong } else { Phrase::NumberHidden })
}

fn reading(b: &mut Builder<'_>, rest: &mut Rect, step: ReadStep, per_cent: u8, holder: Option<&Holder>) {
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
        let share = if b.state.preferences.large { 28 } else { 42 };
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
    if portrait {
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
        node.say = (each == step).then(|| text.to_owned());
    }
}

fn ticket(b: &mut Builder<'_>, rest: &mut Rect, number: &str, place: &str) {
    let (theme, sizes, panel) = (b.theme, b.sizes, b.state.panel);
    b.actions(rest, &[(Look::Primary, Some(Icon::Tick), Phrase::Finish, Act::Finish)]);
    if panel.is_portrait() {
        b.surface(Id("surface", 0), *rest);
        *rest = rest.inset(sizes.gap * 2);
        rest.cut_top(rest.h / 12);
        let sign = rest.cut_top(rest.h / 5);
        rest.cut_top(sizes.gap * 2);
        b.sign(sign, Icon::Ticket, theme.good);
    }
    let (title, body) = (b.say(Phrase::TicketTitle), b.body());
    b.paragraph(Id("title", 0), rest, title, body, Align::Centre, theme.muted);
    let share = if panel.is_tiny() { 38 } else { 46 };
    let size = (rest.h * share / 100).min(rest.w * 30 / 100);
    let style = Style::new(Weight::Bold, size).fixed();
    let line = rest.cut_top(style.line_height());
    b.line(Id("number", 0), line, number, style, Align::Centre, theme.text).say = Some(number.to_owned());
    let style = Style::new(Weight::SemiBold, sizes.body);
    b.paragraph(Id("place", 0), rest, place, style, Align::Centre, theme.text);
    let hint = match (b.state.works(Part::Printer), b.state.trouble(Part::Printer)) {
        (true, _) => Phrase::TakeTicket,
        (_, Some(_)) => Phrase::RememberNumber,
        _ => Phrase::TakeCardTitle,
    };
    let warn = Style::new(Weight::SemiBold, if panel.is_portrait() { sizes.body } else { sizes.label });
    if !panel.is_tiny() && height(b, b.say(hint), warn, rest.w) <= rest.h {
        b.paragraph(Id("hint", 0), rest, b.say(hint), warn, Align::Centre, theme.bad);
    }
}

fn trouble(b: &mut Builder<'_>, rest: &mut Rect, problem: Problem) {
    let theme = b.theme;
    let retry = (Look::Primary, None, Phrase::TryAgain, Act::Retry);
    let staff = (Look::Primary, Some(Icon::Headset), Phrase::CallStaff, Act::Staff);
    b.actions(rest, &[CANCEL, if problem.tries_left > 0 { retry } else { staff }]);
    let next = if problem.tries_left > 0 { problem.next } else { Phrase::StaffWillHelp };
    let text = b.say(next).to_owned();
    let mut below = vec![Below { id: Id("hint", 0), text, weight: Weight::Regular, color: theme.text }];
    if problem.tries_left > 0 {
        let text = format!("{}: {}", b.say(Phrase::TriesLeft), problem.tries_left);
        below.push(Below { id: Id("tries", 0), text, weight: Weight::Regular, color: theme.muted });
    }
    words(b, rest, (Icon::Exclamation, theme.bad), problem.what, &below);
}
