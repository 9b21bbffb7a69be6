//! What is asked, filled in and given: consent, the ways without a card, the summary, the ticket, staff.

use super::build::{Builder, Look};
use super::screens::{BACK, Below, CANCEL, Sign, height, words};
use crate::canvas::Color;
use crate::code::Code;
use crate::font::{Align, Style, Weight};
use crate::geometry::Rect;
use crate::icon::Icon;
use crate::judged::{Then, pick};
use crate::panel::Layout;
use crate::scene::{Id, Kind};
use crate::state::{Act, Consent, Help, Part, Queue, Review};
use crate::text::{Language, Phrase};
use std::sync::Arc;

/// What, for whom, for how long: made from the profile. Every line has to be on every panel.
pub(super) fn consent(b: &mut Builder<'_>, rest: &mut Rect, consent: &Consent) {
    b.actions(rest, &[CANCEL, (Look::Primary, Some(Icon::Tick), Phrase::Agree, Act::Agree)]);
    let (theme, language) = (b.theme, b.language());
    let list = |texts: &[(String, String)]| {
        let mut names: Vec<String> = texts.iter().map(|text| pick(text, language).to_owned()).collect();
        // In the middle of a sentence.
        for name in names.iter_mut().skip(1) {
            *name = small(name);
        }
        names.join(", ")
    };
    let takes = match consent.takes.is_empty() {
        true => format!("{}.", b.say(Phrase::ConsentTakesNothing)),
        false => format!("{}: {}.", b.say(Phrase::ConsentTakes), small(&list(&consent.takes))),
    };
    let keeps = match consent.keeps {
        None => b.say(Phrase::ConsentErase).to_owned(),
        Some(days) => b.say(Phrase::ConsentKeep).replace("{days}", &days.to_string()),
    };
    let line = |at, text: String, weight, color| Below { id: Id("purpose", at), text: text.into(), weight, color };
    let mut below = vec![
        line(0, pick(&consent.purpose, language).to_owned(), Weight::Regular, theme.text),
        line(1, takes, Weight::SemiBold, theme.text),
    ];
    if !consent.recipients.is_empty() {
        let whom = format!("{}: {}.", b.say(Phrase::ConsentFor), list(&consent.recipients));
        below.push(line(2, whom, Weight::Regular, theme.text));
    }
    below.push(line(3, keeps, Weight::Regular, theme.muted));
    if consent.scanned {
        below.push(line(4, b.say(Phrase::ConsentScanned).to_owned(), Weight::SemiBold, theme.primary));
    }
    words(b, rest, Sign::of(Icon::Shield, theme.primary), b.say(Phrase::ConsentTitle), &below);
}

/// A label in the middle of a sentence.
fn small(label: &str) -> String {
    let mut letters = label.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// What those without a card do.
pub(super) fn no_card(b: &mut Builder<'_>, rest: &mut Rect, passports: bool) {
    b.actions(rest, &[BACK, (Look::Primary, Some(Icon::Headset), Phrase::CallStaff, Act::Staff)]);
    let text = |b: &Builder<'_>, phrase| b.say(phrase).to_owned();
    let mut below = vec![Below::hint(b, text(b, Phrase::NoCardStaff))];
    if passports {
        let (id, weight, color) = (Id("hint", 1), Weight::Regular, b.theme.text);
        below.insert(0, Below { id, text: text(b, Phrase::NoCardPassport).into(), weight, color });
    }
    words(b, rest, Sign::of(Icon::Card, b.theme.primary), b.say(Phrase::NoCardTitle), &below);
}

/// What was filled in, before anything is printed or sent. The button says what follows.
pub(super) fn review(b: &mut Builder<'_>, rest: &mut Rect, review: &Review) {
    let (theme, language) = (b.theme, b.language());
    let next = match review.then {
        Then::Ticket => Phrase::ReviewTicket,
        Then::Finish | Then::Named(_) => Phrase::ReviewSend,
    };
    b.actions(rest, &[BACK, (Look::Primary, Some(Icon::Tick), next, Act::Confirm)]);
    let nothing = b.say(Phrase::Unanswered);
    let mut below = Vec::new();
    for (at, (asked, answer)) in review.rows.iter().enumerate() {
        let answer = if language == Language::Vietnamese { &answer.0 } else { &answer.1 };
        let answer = if answer.is_empty() { nothing } else { answer.as_str() };
        let text = [pick(asked, language), ": ", answer].concat().into();
        below.push(Below { id: Id("answer", at as u16), text, weight: Weight::SemiBold, color: theme.text });
    }
    words(b, rest, Sign::of(Icon::Pencil, theme.primary), b.say(Phrase::ReviewTitle), &below);
}

/// Who comes, or where staff is. Nothing is claimed that nobody acknowledged.
pub(super) fn staff(b: &mut Builder<'_>, rest: &mut Rect, help: &Help) {
    b.actions(
        rest,
        &[
            (Look::Quiet, Some(Icon::Cross), Phrase::Finish, Act::Finish),
            (Look::Primary, None, Phrase::BackToStep, Act::Back),
        ],
    );
    let who = |phrase: Phrase, who: &str| b.say(phrase).replace("{who}", who);
    let (title, hint) = match help {
        Help::Calling => (b.say(Phrase::StaffCalling).to_owned(), Phrase::StaffHint),
        Help::Received => (b.say(Phrase::StaffTitle).to_owned(), Phrase::StaffHint),
        Help::Taken(by) => (who(Phrase::StaffTaken, by), Phrase::StaffHint),
        Help::At(Some(desk)) => (who(Phrase::StaffAt, desk), Phrase::StaffGo),
        Help::At(None) => (b.say(Phrase::StaffAtDesk).to_owned(), Phrase::StaffGo),
    };
    let hint = Below::hint(b, b.say(hint).to_owned());
    words(b, rest, Sign::of(Icon::Headset, b.theme.primary), &title, &[hint]);
}

/// The number, where to go, and what has to be taken or remembered: that stays on every panel, and the number gives way.
pub(super) fn ticket(b: &mut Builder<'_>, rest: &mut Rect, (number, place): (&str, &str), queue: Option<&Queue>) {
    let (theme, sizes, panel) = (b.theme, b.sizes, b.state.panel);
    b.actions(rest, &[(Look::Primary, Some(Icon::Tick), Phrase::Finish, Act::Finish)]);
    let (hint, color): (Phrase, Color) = match (b.state.works(Part::Printer), b.state.trouble(Part::Printer)) {
        (true, _) => (Phrase::TakeTicket, theme.primary),
        (_, Some(_)) => (Phrase::RememberNumber, theme.warn),
        _ => (Phrase::TakeCardTitle, theme.primary),
    };
    let hint = b.say(hint);
    if panel.is_portrait() {
        b.surface(Id("surface", 0), *rest);
        *rest = rest.inset(sizes.gap * 2);
    }
    // On one line where that can still be read: the number needs the room.
    let size = if panel.is_portrait() { sizes.body } else { sizes.label };
    let mut warn = Style::new(Weight::SemiBold, size);
    while !panel.is_portrait() && warn.size > size * 7 / 10 && b.fonts.width(hint, warn) > rest.w {
        warn.size -= 1;
    }
    let high = height(b, hint, warn, rest.w);
    let mut foot = rest.cut_bottom(high);
    // A slim panel has room for the sign or for how many wait.
    if panel.is_portrait() && !(panel.is_slim() && queue.is_some()) {
        rest.cut_top(rest.h / 12);
        let sign = rest.cut_top(rest.h / if panel.is_slim() { 8 } else { 5 });
        rest.cut_top(sizes.gap * 2);
        let code = queue.filter(|_| !panel.is_slim()).and_then(|queue| Code::new(queue.link.as_deref()?));
        match code {
            Some(code) => follow(b, sign, code),
            None => b.sign(sign, Icon::Ticket, theme.primary),
        }
    }
    let (title, body) = (b.say(Phrase::TicketTitle), b.body());
    b.paragraph(Id("title", 0), rest, title, body, Align::Centre, theme.muted);
    let semi = Style::new(Weight::SemiBold, sizes.body);
    let way = height(b, place, semi, rest.w);
    let waiting = queue.map(|queue| queue.text(b.language()));
    // The number is read from afar: where both are too much, the paper and the telephone say how many wait.
    let waiting = waiting.map(|text| (height(b, &text, body, rest.w), text));
    let waiting = waiting.filter(|(high, _)| rest.h - way - high >= sizes.title * 2);
    let way = way + waiting.as_ref().map_or(0, |(high, _)| *high);
    let share = match panel.layout {
        Layout::Tiny => 46,
        Layout::Slim => 28,
        Layout::Upright | Layout::Wide => 46,
    };
    // As large as what stands below it leaves.
    let most = (rest.h - way).max(0) * 10 / 15;
    let size = (rest.h * share / 100).min(rest.w * 30 / 100).min(most);
    let style = Style::new(Weight::Bold, size).fixed();
    let line = rest.cut_top(style.line_height());
    b.line(Id("number", 0), line, number, style, Align::Centre, theme.text).say = Some(number.to_owned().into());
    b.paragraph(Id("place", 0), rest, place, semi, Align::Centre, theme.text);
    if let Some((_, text)) = waiting {
        b.paragraph(Id("queue", 0), rest, &text, body, Align::Centre, theme.text);
    }
    b.paragraph(Id("hint", 0), &mut foot, hint, warn, Align::Centre, color);
}

/// The code of a ticket's own page, with what it is for.
fn follow(b: &mut Builder<'_>, mut place: Rect, code: Code) {
    let (theme, label) = (b.theme, b.label());
    let text = b.say(Phrase::FollowByPhone);
    let mut line = place.cut_bottom(height(b, text, label, place.w));
    b.paragraph(Id("follow", 1), &mut line, text, label, Align::Centre, theme.muted);
    let size = place.w.min(place.h);
    b.push(Id("follow", 0), place.centred(size, size), Kind::Code(Arc::new(code)));
}
