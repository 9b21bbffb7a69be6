//! What the card came to: shape, word, one sentence, the facts behind it, and what happens next.
//!
//! Everything is measured before it is drawn. What does not fit goes by its weight, good news first; the word and its
//! sentence stay on every panel. A portrait is not shown: nobody compares it at a kiosk, and a queue stands behind.

use super::build::{Builder, Look};
use crate::canvas::Color;
use crate::font::{Align, Style, Weight};
use crate::geometry::Rect;
use crate::icon::Icon;
use crate::judged::{Fact, Judged, Mark, Then, pick};
use crate::scene::{Id, Kind};
use crate::state::Act;
use crate::text::Phrase;
use crate::theme::Sizes;
use crate::words::{self, Said, Shades, Tone};
use verdict::{Admission, Because, Word};

/// What happens next, in a field of its own.
struct Note {
    icon: Icon,
    text: String,
    /// In the colour of the word, where staff has to do with it.
    judged: bool,
}

/// What is shown, and how large.
struct Plan {
    title: Style,
    body: Style,
    /// Facts and note.
    small: Style,
    facts: Vec<usize>,
    note: bool,
    name: bool,
}

/// The texts of a result.
struct Card {
    said: Said,
    title: &'static str,
    name: Option<String>,
    /// As it is said, and as it is broken: the name of a desk stays together.
    course: (String, String),
    facts: Vec<(Mark, String)>,
    note: Option<Note>,
}

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
    let (wanted, most) = if panel.is_tiny() { (48, 84) } else { (sizes.gap * 5, sizes.gap * 9) };
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
    Some(match judged.admission {
        Admission::GoesOn => say(Icon::Card, Phrase::TakeBack, false),
        Admission::Marked(_) => say(Icon::Headset, Phrase::StaffLooksLater, true),
        Admission::AskStaff(Because::Expired) | Admission::Refused(Because::Expired) => {
            say(Icon::Notice, Phrase::RenewCard, false)
        }
        Admission::AskStaff(because) => reason(Icon::Headset, because, true),
        Admission::Refused(because @ (Because::Assurance | Because::Weak | Because::ValidityUnknown)) => {
            reason(Icon::Notice, because, false)
        }
        // The desk has the papers in hand; nothing lies on a reader.
        Admission::Refused(_) if matches!(judged.word, Word::Shown | Word::Claimed) => return None,
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
            Then::Next => (Icon::ArrowRight, next),
            Then::Named(what) => {
                let named = format!("{next}: {}", pick(what, language));
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

/// The most that fits. Large text is kept as long as nothing but good news gives way for it.
fn plan(b: &mut Builder<'_>, judged: &Judged, card: &Card, width: i32, room: i32) -> Plan {
    let (sizes, least, tiny) = (b.sizes, Sizes::of(b.state.panel, false), b.state.panel.is_tiny());
    let portrait = b.state.panel.is_portrait();
    // Upright there is a list under the title, not a title alone; what is listed is smaller than the sentence, unless
    // large text is asked for.
    let styles = |of: Sizes, title: i32, large: bool| {
        let title = if portrait { title * 82 / 100 } else { title };
        let small = if portrait && !large { of.body * 86 / 100 } else { of.body };
        let regular = |size| Style::new(Weight::Regular, size);
        (Style::new(Weight::Bold, title), regular(of.body), regular(small))
    };
    // What goes first: facts by weight, the last of a weight first; the name and the note between them.
    let weight = |at: &usize| judged.facts.get(*at).map_or(0, Fact::weight);
    let shown = |at: &usize| !tiny || weight(at) > NOTE;
    let mut order: Vec<usize> = (0..card.facts.len()).rev().filter(shown).collect();
    order.sort_by_key(weight);
    let good = order.iter().filter(|at| weight(at) == 0).count();
    let light = order.iter().filter(|at| weight(at) < NOTE).count();
    let of = |(title, body, small): (Style, Style, Style), gone: usize, name: bool, note: bool| {
        let mut facts: Vec<usize> = order.iter().skip(gone).copied().collect();
        facts.sort_unstable();
        Plan { title, body, small, facts, note: note && !tiny, name: name && !tiny }
    };
    let large = b.state.preferences.large;
    let wanted = [styles(sizes, sizes.title, large), styles(sizes, least.title, large)];
    let small = styles(least, least.title, false);
    let mut plans: Vec<Plan> = Vec::new();
    for name in [true, false] {
        for gone in 0..=good {
            plans.extend(wanted.map(|styles| of(styles, gone, name, true)));
        }
    }
    plans.extend((0..=light).map(|gone| of(small, gone, false, true)));
    plans.extend(wanted.map(|styles| of(styles, light, false, false)));
    plans.extend((light..=order.len()).map(|gone| of(small, gone, false, false)));
    let fits = plans.into_iter().find(|plan| height(b, card, plan, width) <= room);
    fits.unwrap_or_else(|| of(small, order.len(), false, false))
}

/// A note weighs more than facts below this.
const NOTE: u8 = 4;

/// The measures of a row of the list: its mark, and what is above and below its text.
fn row(b: &Builder<'_>, plan: &Plan) -> (i32, i32) {
    let portrait = b.state.panel.is_portrait();
    let around = if b.state.preferences.large { b.sizes.gap / 2 } else { b.sizes.gap * 9 / 10 };
    let (size, around) = if portrait { (140, around) } else { (105, 0) };
    (plan.small.size * size / 100, around)
}

/// The measures of the note: its icon, and what is around its text.
fn field(b: &Builder<'_>, plan: &Plan) -> (i32, i32) {
    let portrait = b.state.panel.is_portrait();
    let (size, around) = if portrait { (170, b.sizes.gap) } else { (125, b.sizes.gap / 2) };
    (plan.small.size * size / 100, around)
}

/// Words of two syllables that stay on one line: a syllable alone is another word.
const TOGETHER: [&str; 14] = [
    "Quý khách",
    "thẻ khác",
    "giấy tờ",
    "nhân viên",
    "căn cước",
    "đúng thẻ",
    "lấy lại",
    "xác thực",
    "hiệu lực",
    "thu hồi",
    "báo mất",
    "nơi cấp",
    "tiếp tục",
    "đầu đọc",
];

fn glued(text: &str) -> String {
    TOGETHER.iter().fold(text.to_owned(), |text, word| text.replace(word, &word.replace(' ', "\u{a0}")))
}

/// Lines that break where the sense does, if that takes no more of them: after a comma, a colon or a full stop.
fn broken(b: &mut Builder<'_>, text: &str, style: Style, width: i32) -> Vec<String> {
    let text = &glued(text);
    let plain = b.fonts.wrap(text, style, width);
    if plain.len() != 2 {
        return plain;
    }
    let halves = [", ", ": ", ". "].into_iter().flat_map(|sign| text.match_indices(sign)).filter_map(|(at, _)| {
        let (first, second) = (text.get(..=at)?, text.get(at + 2..)?);
        let wide = b.fonts.width(first, style).max(b.fonts.width(second, style));
        (wide <= width).then(|| (wide, vec![first.to_owned(), second.to_owned()]))
    });
    halves.min_by_key(|(wide, _)| *wide).map_or(plain, |(_, lines)| lines)
}

fn lines(b: &mut Builder<'_>, text: &str, style: Style, width: i32) -> i32 {
    b.fonts.wrap(&glued(text), style, width).len() as i32 * style.line_height()
}

fn fact_height(b: &mut Builder<'_>, text: &str, plan: &Plan, width: i32) -> i32 {
    let (mark, around) = row(b, plan);
    lines(b, text, plan.small, width - mark - b.sizes.gap).max(mark) + around * 2
}

fn note_height(b: &mut Builder<'_>, text: &str, plan: &Plan, width: i32) -> i32 {
    let (icon, around) = field(b, plan);
    lines(b, text, plan.small, width - icon - around * 2 - b.sizes.gap).max(icon) + around * 2
}

/// What is between the word and what is below.
const fn after_title(b: &Builder<'_>) -> i32 {
    if b.state.panel.is_portrait() { b.sizes.gap / 3 } else { 0 }
}

/// What is between the sentence and the list.
const fn before_facts(b: &Builder<'_>) -> i32 {
    if b.state.panel.is_portrait() { b.sizes.gap } else { b.sizes.gap / 2 }
}

fn facts_height(b: &mut Builder<'_>, card: &Card, plan: &Plan, width: i32) -> i32 {
    if plan.facts.is_empty() {
        return 0;
    }
    let facts = plan.facts.iter().filter_map(|at| card.facts.get(*at));
    facts.fold(before_facts(b), |sum, (_, text)| sum + fact_height(b, text, plan, width))
}

/// How high everything of a plan is, without the disc.
fn height(b: &mut Builder<'_>, card: &Card, plan: &Plan, width: i32) -> i32 {
    let mut all = lines(b, card.title, plan.title, width) + lines(b, &card.course.1, plan.body, width);
    if plan.name && card.name.is_some() {
        all += plan.body.line_height();
    }
    all += after_title(b);
    all += facts_height(b, card, plan, width);
    if let Some(note) = card.note.as_ref().filter(|_| plan.note) {
        all += b.sizes.gap + note_height(b, &note.text, plan, width);
    }
    all
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
    b.push(id, place, Kind::Text { lines, style, align, color }).say = Some(say.to_owned());
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
        b.push(Id("fact", id + 3), place, kind).say = Some(text.clone());
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
    b.push(Id("note", 2), inside, kind).say = Some(note.text.clone());
}
