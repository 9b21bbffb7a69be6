//! What a technician sees: the checks of the device, and how it is let in.

use super::build::{Builder, Look};
use crate::canvas::Color;
use crate::code::Code;
use crate::font::{Align, Style, Weight};
use crate::geometry::Rect;
use crate::icon::Icon;
use crate::scene::{Id, Kind};
use crate::state::{Act, Carried, EnrolStep, Enrolment};
use crate::text::{Language, Phrase};
use std::sync::Arc;

/// What works and what does not, with the codes that the manual explains. Nothing here is about a person.
pub(super) fn checks(b: &mut Builder<'_>, rest: &mut Rect) {
    let (theme, sizes, panel) = (b.theme, b.sizes, b.state.panel);
    if !panel.is_tiny() {
        b.actions(rest, &[(Look::Primary, Some(Icon::Tick), Phrase::Finish, Act::Finish)]);
    }
    let bold = Style::new(Weight::Bold, if panel.is_portrait() { sizes.body } else { sizes.label });
    b.paragraph(Id("title", 0), rest, b.say(Phrase::TechnicianTitle), bold, Align::Left, theme.text);
    let about = &b.state.about;
    let unsent = format!("{}: {}", b.say(Phrase::UnsentEvents), about.unsent);
    let text = format!("{} · {} · {unsent}", about.device, about.version);
    let label = b.label();
    b.paragraph(Id("about", 0), rest, &text, label, Align::Left, theme.muted);
    rest.cut_top(sizes.gap);
    // Where there is little room, what works needs no line of its own.
    let roomy = panel.is_portrait() && !panel.is_slim();
    let (works, since, checking) = (b.say(Phrase::Works), b.say(Phrase::Since), b.say(Phrase::Checking));
    let mut rows = Vec::new();
    for (part, trouble) in &b.state.parts {
        if roomy || trouble.is_some() {
            let text = trouble.as_ref().map(|trouble| format!("{since} {} · {}", trouble.since, trouble.code));
            rows.push((b.say(part.phrase()).to_owned(), text));
        }
    }
    for (id, code) in about.checks.iter().flatten().filter(|(_, code)| roomy || code.is_some()) {
        let name = Phrase::of_device_check(id).map_or(id.as_str(), |phrase| b.say(phrase));
        rows.push((name.to_owned(), code.clone()));
    }
    if let Some(carried) = &about.carried {
        let bundle = b.say(Phrase::CheckBundle);
        let (text, color) = match carried {
            Carried::Parts(have, of) => (format!("{bundle}: {have}/{of}"), theme.primary),
            Carried::Taken(version) => (format!("{bundle}: {version}"), theme.good),
            Carried::Refused(code) => (format!("{bundle}: {code}"), theme.bad),
        };
        b.paragraph(Id("carried", 0), rest, &text, label, Align::Left, color);
    }
    if about.checks.is_none() {
        b.paragraph(Id("part", 1), rest, checking, label, Align::Left, theme.primary);
    }
    if rows.is_empty() {
        let text = b.say(Phrase::AllWork);
        return b.paragraph(Id("part", 0), rest, text, label, Align::Left, theme.good);
    }
    let high = label.line_height() + sizes.gap / 2;
    let room = usize::try_from(rest.h / high).unwrap_or(0);
    let count = rows.len();
    for (at, (said, trouble)) in rows.into_iter().enumerate() {
        // What does not fit is counted, not dropped.
        if at + 1 == room && count > room {
            let line = rest.cut_top(high);
            let more = b.fit(&format!("+{} · provision doctor", count - at), label, line.w);
            b.line(Id("row", u16::MAX), line, &more, label, Align::Left, theme.bad);
            return;
        }
        if at >= room {
            return;
        }
        let id = at as u16 * 4;
        let mut row = rest.cut_top(high);
        let mark = row.cut_left(high).centred(sizes.label, sizes.label);
        let (icon, color, text) = match trouble {
            None => (Icon::Tick, theme.good, works.to_owned()),
            Some(text) => (Icon::Cross, theme.bad, text),
        };
        b.icon(Id("row", id), mark, icon, color);
        let name = row.cut_left(row.w * if panel.is_tiny() { 40 } else { 30 } / 100);
        let shown = b.fit(&said, label, name.w - sizes.gap / 2);
        let node = b.line(Id("row", id + 1), name, &shown, label, Align::Left, theme.text);
        node.say = Some(format!("{said}: {text}").into());
        let text = b.fit(&text, label, row.w);
        b.line(Id("row", id + 2), row, &text, label, Align::Left, color);
    }
}

/// Code, words and steps for the technician who lets the device in.
pub(super) fn enrolment(b: &mut Builder<'_>, rest: &mut Rect, enrolment: &Enrolment) {
    let (theme, sizes, panel) = (b.theme, b.sizes, b.state.panel);
    let portrait = panel.is_portrait();
    let done = enrolment.step == EnrolStep::Done;
    if portrait {
        b.surface(Id("surface", 0), *rest);
        *rest = rest.inset(sizes.gap * 2);
        let title = b.title();
        b.paragraph(Id("title", 0), rest, b.say(Phrase::EnrolTitle), title, Align::Centre, theme.text);
        let other = if b.language() == Language::Vietnamese { Language::English } else { Language::Vietnamese };
        b.paragraph(Id("title", 1), rest, Phrase::EnrolTitle.text(other), b.label(), Align::Centre, theme.muted);
        b.paragraph(Id("serial", 0), rest, &serial(b, enrolment), b.label(), Align::Centre, theme.muted);
        rest.cut_top(sizes.gap);
        // Where there is room: what was done and what is to come.
        let steps = b.label().line_height() * if panel.is_slim() { 3 } else { 7 };
        let mut bottom = rest.cut_bottom(steps);
        if panel.is_slim() {
            now_of_enrolment(b, &mut bottom, enrolment);
        } else {
            steps_of_enrolment(b, &mut bottom, enrolment);
        }
        rest.cut_bottom(sizes.gap);
    }
    let code = enrolment.code.as_deref().and_then(Code::new);
    // On a panel for one thought the code is the thought; without one, the words or the step are.
    let place = if portrait {
        let high = rest.h * 66 / 100;
        let place = rest.cut_top(high);
        rest.cut_top(sizes.gap);
        place
    } else {
        let wide = if panel.is_tiny() && code.is_none() { 0 } else { (rest.w * 46 / 100).min(rest.h) };
        let place = rest.cut_left(wide);
        rest.cut_left(sizes.gap);
        place
    };
    let size = place.w.min(place.h);
    if let Some(code) = code {
        b.push(Id("code", 0), place.centred(size, size), Kind::Code(Arc::new(code)));
    } else if size > 0 {
        let (icon, color) = match (done, &enrolment.trouble) {
            (true, _) => (Icon::Tick, theme.good),
            (_, Some(_)) => (Icon::Tools, theme.warn),
            _ => (Icon::Shield, theme.primary),
        };
        b.sign(place.inset(size / 5), icon, color);
    }
    if !portrait && !panel.is_tiny() {
        let bold = Style::new(Weight::Bold, sizes.label);
        b.paragraph(Id("title", 0), rest, b.say(Phrase::EnrolTitle), bold, Align::Left, theme.text);
        b.paragraph(Id("serial", 0), rest, &enrolment.serial, b.label(), Align::Left, theme.muted);
        rest.cut_top(sizes.gap / 2);
    }
    six_words(b, rest, enrolment);
    if !portrait {
        now_of_enrolment(b, rest, enrolment);
    }
}

fn serial(b: &Builder<'_>, enrolment: &Enrolment) -> String {
    format!("{} {}", b.say(Phrase::SerialNumber), enrolment.serial)
}

/// Two columns where there is width, in the order in which the phone has them.
fn six_words(b: &mut Builder<'_>, rest: &mut Rect, enrolment: &Enrolment) {
    if enrolment.words.is_empty() {
        return;
    }
    let (theme, sizes, tiny) = (b.theme, b.sizes, b.state.panel.is_tiny());
    let columns = if tiny { 1 } else { 2 };
    let rows = (enrolment.words.len() as i32 + columns - 1) / columns;
    let bold = |size| Style::new(Weight::Bold, size);
    let line_of = |style: Style| style.line_height() + if tiny { 0 } else { sizes.gap / 4 };
    let is_roomy = b.state.panel.is_portrait() && line_of(bold(sizes.body)) * rows <= rest.h;
    let style = bold(if is_roomy { sizes.body } else { sizes.label });
    let line = line_of(style);
    let mut area = rest.cut_top(line * rows);
    let wide = area.w / columns;
    for column in 0..columns {
        let mut place = area.cut_left(wide);
        for at in (column * rows..(column + 1) * rows).filter(|at| (*at as usize) < enrolment.words.len()) {
            let row = place.cut_top(line);
            let text = format!("{}. {}", at + 1, enrolment.words[at as usize]);
            let node = b.line(Id("word", at as u16), row, &text, style, Align::Left, theme.text);
            node.say = Some(text.into());
        }
    }
    rest.cut_top(sizes.gap / 2);
}

/// What to do, and what goes wrong, in one or two sentences.
fn now_of_enrolment(b: &mut Builder<'_>, rest: &mut Rect, enrolment: &Enrolment) {
    let theme = b.theme;
    let style = b.label();
    let (text, color) = sentence(b, enrolment);
    let room = (rest.h / style.line_height()).max(0) as usize;
    let lines = b.fonts.wrap(&text, style, rest.w);
    if lines.len() <= room {
        b.paragraph(Id("now", 0), rest, &text, style, Align::Left, color);
    } else if room > 0 {
        let text = b.fit(b.say(enrolment.step.phrase()), style, rest.w);
        let line = rest.cut_top(style.line_height());
        b.line(Id("now", 0), line, &text, style, Align::Left, theme.muted);
    }
}

fn sentence(b: &Builder<'_>, enrolment: &Enrolment) -> (String, Color) {
    let theme = b.theme;
    match enrolment {
        Enrolment { trouble: Some(code), .. } => (format!("{code} · {}", b.say(Phrase::TriesAgain)), theme.bad),
        Enrolment { step: EnrolStep::Done, .. } => (b.say(Phrase::EnrolDone).to_owned(), theme.good),
        Enrolment { scanned: Some((have, of)), .. } => {
            (format!("{} {have}/{of}", b.say(Phrase::EnrolScanBack)), theme.primary)
        }
        Enrolment { step: EnrolStep::Confirm, .. } => (b.say(Phrase::EnrolHint).to_owned(), theme.muted),
        Enrolment { step, .. } => (format!("{}…", b.say(step.phrase())), theme.muted),
    }
}

fn steps_of_enrolment(b: &mut Builder<'_>, rest: &mut Rect, enrolment: &Enrolment) {
    let (theme, sizes) = (b.theme, b.sizes);
    let style = b.label();
    let (text, color) = sentence(b, enrolment);
    b.paragraph(Id("now", 0), rest, &text, style, Align::Centre, color);
    rest.cut_top(sizes.gap / 2);
    let high = style.line_height();
    for (at, each) in EnrolStep::ALL.into_iter().enumerate() {
        let id = at as u16 * 4;
        let mut row = rest.cut_top(high);
        if row.h < high {
            return;
        }
        let mark = row.cut_left(high).centred(sizes.label, sizes.label);
        row.cut_left(sizes.gap / 2);
        let passed = each < enrolment.step || enrolment.step == EnrolStep::Done;
        let (weight, color) = match (passed, each == enrolment.step) {
            (true, _) => (Weight::Regular, theme.good),
            (_, true) => (Weight::SemiBold, theme.primary),
            _ => (Weight::Regular, theme.muted),
        };
        let icon = if passed { Icon::Tick } else { Icon::Clock };
        b.icon(Id("step", id), mark, icon, color);
        let style = Style::new(weight, sizes.label);
        b.line(Id("step", id + 1), row, b.say(each.phrase()), style, Align::Left, color);
    }
}
