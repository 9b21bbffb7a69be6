//! What the card came to: shape, word, one sentence, the facts behind it, and what happens next.
//!
//! Everything is measured before it is drawn (`measure.rs`). What does not fit goes by its weight, good news first; the word and its
//! sentence stay on every panel. A portrait is not shown: nobody compares it at a kiosk, and a queue stands behind.

use super::build::{Builder, Look};
use super::measure::{
    Card, Note, Plan, after_title, before_facts, broken, fact_height, facts_height, field, height, note_height, plan,
    row,
};
use crate::canvas::Color;
use crate::font::{Align, Style, Weight};
use crate::geometry::Rect;
use crate::icon::Icon;
use crate::judged::{Judged, Mark, Then, pick};
use crate::panel::Layout;
use crate::scene::{Id, Kind};
use crate::state::Act;
use crate::text::Phrase;
use crate::words::{self, Said, Shades, Tone};
use verdict::{Admission, Because, Word};

pub(super) fn result(b: &mut Builder<'_>, rest: &mut Rect, judged: &Judged) {
    actions(b, rest, judged);
    let card = card(b, judged);
    let (sizes, panel) = (b.sizes, b.state.panel);
    if panel.is_portrait() {
        b.surface(Id("surface", 0), *rest);
        *rest = rest.inset(sizes.gap * 2);
    }
    let above = panel.is_portrait() || panel.is_tiny();
    let side = if above { 0 } else { (rest.w * 16 / 100).min(rest.h) };
    let mut text = *rest;
    let beside = text.cut_left(side);
    text.cut_left(if above { 0 } else { sizes.gap * 2 });
    // Above, the disc takes what is left, between these; a long sentence takes some of the least, too.
    let (wanted, most) = match panel.layout {
        Layout::Tiny => (48, 84),
        Layout::Slim => (sizes.target, sizes.target * 2),
        Layout::Upright | Layout::Wide => (sizes.gap * 5, sizes.gap * 9),
    };
    let room = |least: i32| text.h - if above { least + sizes.gap } else { 0 };
    let (mut least, mut plan) = (wanted, plan(b, judged, &card, text.w, room(wanted)));
    if panel.is_tiny() && height(b, &card, &plan, text.w) > room(wanted) {
        plan.facts.clear();
        least = 26;
    }
    let room = room(least);
    let spare = room - height(b, &card, &plan, text.w);
    let (disc, spare) = if above {
        let size = (least + spare).clamp(least, most);
        text.cut_top((spare + least - size).max(0) / 3);
        let disc = text.cut_top(size);
        text.cut_top(sizes.gap);
        (disc, 0)
    } else {
        (beside, spare)
    };
    text.cut_top(spare.max(0) / 2);
    b.judgement(disc, &card.said);
    draw(b, &mut text, &card, &plan);
}

fn card(b: &Builder<'_>, judged: &Judged) -> Card {
    let language = b.language();
    let said = words::of(judged.word);
    let name = judged.holder.as_ref().map(|holder| (*holder.name).clone());
    let course = judged.course(language);
    let desk = judged.desk.as_ref().map_or_else(|| words::DESK.text(language), |desk| pick(desk, language));
    let glued = course.replace(desk, &desk.replace(' ', "\u{a0}"));
    let facts = judged.facts.iter().map(|fact| (fact.mark(), fact.text(language))).collect();
    Card { said, title: said.title.text(language), name, course: (course, glued), facts, note: note(b, judged) }
}

/// What happens next, or why the visit ends here.
fn note(b: &Builder<'_>, judged: &Judged) -> Option<Note> {
    let say = |icon, phrase, judged| Note { icon, text: b.say(phrase).to_owned(), judged };
    let reason =
        |icon, because, judged| Note { icon, text: words::of_reason(because).text(b.language()).to_owned(), judged };
    // The papers are in somebody's hand; nothing lies on a reader.
    let on_paper = matches!(judged.word, Word::Shown | Word::Claimed);
    Some(match judged.admission {
        Admission::GoesOn if on_paper => return None,
        Admission::Marked(_) if on_paper => say(Icon::Headset, Phrase::StaffSeesPapers, true),
        Admission::GoesOn => say(Icon::Card, Phrase::TakeBack, false),
        Admission::Marked(_) => say(Icon::Headset, Phrase::StaffLooksLater, true),
        Admission::AskStaff(Because::Expired) | Admission::Refused(Because::Expired) => {
            say(Icon::Notice, Phrase::RenewCard, false)
        }
        Admission::AskStaff(because) => reason(Icon::Headset, because, true),
        Admission::Refused(because @ (Because::Assurance | Because::Weak | Because::ValidityUnknown)) => {
            reason(Icon::Notice, because, false)
        }
        Admission::Refused(_) if on_paper => return None,
        Admission::Refused(Because::OtherDocument) => say(Icon::ArrowUp, Phrase::TakePapersBack, false),
        Admission::Refused(_) => say(Icon::ArrowUp, Phrase::TakeBack, false),
    })
}

fn actions(b: &mut Builder<'_>, rest: &mut Rect, judged: &Judged) {
    let language = b.language();
    let other = (Look::Quiet, Some(Icon::Card), b.say(Phrase::OtherCard).to_owned(), Act::OtherCard);
    let finish = (Look::Quiet, Some(Icon::Cross), b.say(Phrase::Finish).to_owned(), Act::Finish);
    let main = if judged.admission.goes_on() {
        let next = b.say(Phrase::Continue).to_owned();
        let (icon, text) = match &judged.then {
            Then::Finish => (Icon::Tick, b.say(Phrase::Finish).to_owned()),
            Then::Ticket | Then::Named(_) => {
                let what = match &judged.then {
                    Then::Named(what) => pick(what, language),
                    _ => b.say(Phrase::ToTicket),
                };
                let named = format!("{next}: {what}");
                let fits = b.fits_a_main_action(&named, rest.w);
                (Icon::ArrowRight, if fits { named } else { next })
            }
        };
        (Look::Primary, Some(icon), text, Act::Finish)
    } else {
        (Look::Primary, Some(Icon::Headset), b.say(Phrase::CallStaff).to_owned(), Act::Staff)
    };
    let way_out = match (judged.another_may_do(), judged.admission.goes_on()) {
        (true, _) => Some(other),
        (false, false) => Some(finish),
        (false, true) => None,
    };
    b.actions_said(rest, &way_out.into_iter().chain([main]).collect::<Vec<_>>());
}

/// A text in lines, said as a whole; cuts its place off the top.
fn write(
    b: &mut Builder<'_>,
    id: Id,
    rest: &mut Rect,
    (text, say): (&str, &str),
    style: Style,
    (align, color): (Align, Color),
) {
    let lines = broken(b, text, style, rest.w);
    let place = rest.cut_top(style.line_height() * lines.len() as i32);
    b.push(id, place, Kind::Text { lines, style, align, color }).say = Some(say.to_owned().into());
}

fn draw(b: &mut Builder<'_>, rest: &mut Rect, card: &Card, plan: &Plan) {
    let theme = b.theme;
    let portrait = b.state.panel.is_portrait();
    let align = if portrait || b.state.panel.is_tiny() { Align::Centre } else { Align::Left };
    write(b, Id("title", 0), rest, (card.title, card.title), plan.title, (align, theme.text));
    rest.cut_top(after_title(b));
    if let Some(name) = card.name.as_ref().filter(|_| plan.name) {
        let style = Style::new(Weight::SemiBold, plan.body.size);
        let name = b.fit(name, style, rest.w);
        b.paragraph(Id("holder", 0), rest, &name, style, align, theme.text);
    }
    write(b, Id("hint", 0), rest, (&card.course.1, &card.course.0), plan.body, (align, theme.muted));
    let facts = facts_height(b, card, plan, rest.w);
    let mut list = rest.cut_top(facts);
    draw_facts(b, &mut list, card, plan);
    if let Some(note) = card.note.as_ref().filter(|_| plan.note) {
        let high = note_height(b, &note.text, plan, rest.w);
        // At the foot of a card; close to the rest where there is none.
        let place = if portrait {
            rest.cut_bottom(high)
        } else {
            rest.cut_top(b.sizes.gap);
            rest.cut_top(high)
        };
        // What is good needs nobody to look again; what staff has to do with is not green.
        let green = matches!(card.said.tone, Tone::Green | Tone::Teal);
        let shades = b.shades(if green { Tone::Amber } else { card.said.tone });
        draw_note(b, place, note, shades, plan);
    }
}

fn draw_facts(b: &mut Builder<'_>, rest: &mut Rect, card: &Card, plan: &Plan) {
    let (theme, sizes) = (b.theme, b.sizes);
    let portrait = b.state.panel.is_portrait();
    let divider = |b: &mut Builder<'_>, id, y| {
        let line = Rect::new(rest.x, y, rest.w, 2);
        b.push(Id("fact", id), line, Kind::Panel { fill: theme.track, radius: 0, border: None, shadow: 0 });
    };
    let mut list = *rest;
    list.cut_top(before_facts(b));
    for (nth, at) in plan.facts.iter().enumerate() {
        let Some((mark, text)) = card.facts.get(*at) else { continue };
        let high = fact_height(b, text, plan, list.w);
        let mut place = list.cut_top(high);
        let id = nth as u16 * 8;
        if portrait {
            divider(b, id, place.y);
            divider(b, id + 4, place.bottom());
        }
        let (size, around) = row(b, plan);
        let mut disc = place.cut_left(size).centred(size, size);
        place.cut_left(sizes.gap);
        // Letters are centred by their capitals, as the sign is: they go up where there is room, or it goes down.
        let up = plan.small.below_middle().min(around);
        disc.y += plan.small.below_middle() - up;
        draw_mark(b, Id("fact", id + 1), disc, *mark, &card.said);
        let lines = broken(b, text, plan.small, place.w);
        let kind = Kind::Text { lines, style: plan.small, align: Align::Left, color: theme.text };
        let mut place = place.inset_xy(0, around);
        place.y -= up;
        b.push(Id("fact", id + 3), place, kind).say = Some(text.clone().into());
    }
}

/// A sign before a fact. A tick is green or teal under the two upper words only, and slate under all others: it says
/// that something is so, not that the card is good.
fn draw_mark(b: &mut Builder<'_>, id: Id, disc: Rect, mark: Mark, said: &Said) {
    let theme = b.theme;
    let green = matches!(said.tone, Tone::Green | Tone::Teal);
    let shades = match mark {
        Mark::Tick if !green => b.shades(Tone::Slate),
        Mark::Question | Mark::Date if green => b.shades(Tone::Amber),
        Mark::Tick | Mark::Question | Mark::Date => b.shades(said.tone),
        Mark::Info | Mark::Passport | Mark::Card | Mark::Arrow => Shades { ink: theme.primary, ground: theme.quiet },
    };
    let kind = Kind::Panel { fill: shades.ground, radius: disc.h / 2, border: None, shadow: 0 };
    b.push(id, disc, kind);
    // On black ground no disc shows, and the sign takes its place.
    let size = disc.h * if theme.shadows { 64 } else { 90 } / 100;
    let kind = Kind::Icon { icon: mark.icon(), tenths: 24, color: shades.ink };
    b.push(Id(id.0, id.1 + 1), disc.centred(size, size), kind);
}

fn draw_note(b: &mut Builder<'_>, place: Rect, note: &Note, shades: Shades, plan: &Plan) {
    let (theme, sizes) = (b.theme, b.sizes);
    let (fill, ink, letters) = if note.judged {
        (shades.ground, shades.ink, if theme.shadows { shades.ink } else { theme.text })
    } else {
        (theme.quiet, theme.primary, theme.text)
    };
    let border = (!theme.shadows).then_some((theme.stroke, ink));
    b.push(Id("note", 0), place, Kind::Panel { fill, radius: sizes.radius, border, shadow: 0 });
    let (size, around) = field(b, plan);
    let mut inside = place.inset(around);
    let icon = inside.cut_left(size);
    inside.cut_left(sizes.gap);
    b.icon(Id("note", 1), icon.centred(size, size), note.icon, ink);
    let lines = broken(b, &note.text, plan.small, inside.w);
    let kind = Kind::Text { lines, style: plan.small, align: Align::Left, color: letters };
    inside.y -= plan.small.below_middle().min(around);
    b.push(Id("note", 2), inside, kind).say = Some(note.text.clone().into());
}
