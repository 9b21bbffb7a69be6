//! One function a screen.

use super::build::{Builder, Look};
use super::{attract, keyboard, number, reading, result, setup, step, technician};
use crate::canvas::Color;
use crate::font::{Align, Style, Weight};
use crate::geometry::Rect;
use crate::icon::Icon;
use crate::scene::Id;
use crate::state::{Act, Choice, Part, Problem, Screen, Side, choices_shown};
use crate::text::{Language, Phrase};
use crate::theme::Sizes;
use zeroize::Zeroizing;

pub(super) const CANCEL: (Look, Option<Icon>, Phrase, Act) =
    (Look::Quiet, Some(Icon::Cross), Phrase::Cancel, Act::Cancel);
pub(super) const BACK: (Look, Option<Icon>, Phrase, Act) =
    (Look::Quiet, Some(Icon::ArrowLeft), Phrase::Back, Act::Back);

pub(super) fn draw(b: &mut Builder<'_>, rest: &mut Rect) {
    match b.state.screen.clone() {
        Screen::Attract => attract::attract(b, rest),
        Screen::Consent(consent) => step::consent(b, rest, &consent),
        Screen::Scan { insurance } => {
            b.actions(
                rest,
                &[
                    BACK,
                    (Look::Outline, Some(Icon::Keypad), Phrase::TypeNumber, Act::TypeNumber),
                    (Look::Outline, Some(Icon::Card), Phrase::NoCard, Act::NoCard),
                ],
            );
            let away = b.state.trouble(Part::Scanner).is_some();
            let at = b.state.scanner_at.map(scanner_at);
            let hint = if away { Phrase::ScannerAway } else { Phrase::ScanHint };
            let (title, hint) =
                if insurance { (Phrase::InsuranceTaken, Phrase::InsuranceNext) } else { (Phrase::ScanTitle, hint) };
            pictured(b, rest, title, (hint, at), |b, place| b.scanner(place));
        }
        Screen::NoCard { passports } => step::no_card(b, rest, passports),
        Screen::Number { typed, wrong } => number::number(b, rest, typed, wrong),
        Screen::Place => {
            b.actions(rest, &[BACK]);
            let at = b.state.reader_at.map(reader_at);
            pictured(b, rest, Phrase::PlaceCard, (Phrase::PlaceHint, at), |b, place| b.gesture(place, true));
        }
        Screen::Lifted => {
            b.actions(rest, &[CANCEL]);
            let at = b.state.reader_at.map(reader_at);
            pictured(b, rest, Phrase::CardLifted, (Phrase::PutCardBack, at), |b, place| b.gesture(place, true));
        }
        Screen::Reading { step, per_cent, holder } => reading::reading(b, rest, step, per_cent, holder.as_ref()),
        Screen::Result(judged) => result::result(b, rest, &judged),
        Screen::Form(field) => keyboard::form(b, rest, &field),
        Screen::Choice(choice) => choices(b, rest, &choice),
        Screen::Review(review) => step::review(b, rest, &review),
        Screen::Ticket { number, place, queue } => step::ticket(b, rest, (&number, &place), queue.as_ref()),
        Screen::TakeCard => {
            pictured(b, rest, Phrase::TakeCardTitle, (Phrase::TakeCardHint, None), |b, place| b.gesture(place, false));
        }
        Screen::Problem(problem) => trouble(b, rest, problem),
        Screen::Staff(help) => step::staff(b, rest, &help),
        Screen::MoreTime => {
            b.actions(rest, &[CANCEL, (Look::Primary, Some(Icon::Clock), Phrase::MoreTime, Act::MoreTime)]);
            let left = b.state.seconds_left.unwrap_or_default().to_string();
            let hint = b.say(Phrase::MoreTimeHint).replace("{seconds}", &left);
            let below = [Below::hint(b, hint)];
            words(b, rest, Sign::of(Icon::Clock, b.theme.warn), b.say(Phrase::MoreTimeTitle), &below);
        }
        Screen::OutOfService(part) => {
            let theme = b.theme;
            let hint = b.say(Phrase::OutOfServiceHint).to_owned();
            let since = b.state.trouble(part).map_or_else(String::new, |trouble| format!(" · {}", trouble.since));
            let what = format!("{}{since}", b.say(part.phrase()));
            let below = [
                Below { id: Id("hint", 0), text: hint.into(), weight: Weight::Regular, color: theme.text },
                Below { id: Id("hint", 1), text: what.into(), weight: Weight::Regular, color: theme.muted },
            ];
            words(b, rest, Sign::of(Icon::Tools, theme.warn), b.say(Phrase::OutOfServiceTitle), &below);
        }
        Screen::Technician => technician::checks(b, rest),
        Screen::Enrolment(state) => technician::enrolment(b, rest, &state),
        Screen::TestPicture => setup::test_picture(b),
        Screen::Calibration(state) => setup::calibration(b, &state),
        Screen::NotStarted(why) => setup::not_started(b, rest, &why),
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
        b.actions(rest, &[BACK, (Look::Outline, Some(Icon::ChevronDown), Phrase::More, Act::More)]);
    } else {
        b.actions(rest, &[BACK]);
    }
    b.paragraph(Id("title", 0), rest, &label, style, Align::Left, theme.text);
    rest.cut_top(sizes.gap);
    let columns = if panel.is_portrait() { 1 } else { 2 };
    let rows = (shown as i32 + columns - 1) / columns;
    let gap = sizes.gap / 2;
    // Whoever sits reaches the lower part of an upright panel.
    let tall = panel.is_portrait() && !panel.is_slim();
    let reach = if tall { rest.bottom() - panel.area.y - panel.area.h / 3 } else { rest.h };
    let high = ((rest.h.min(reach) - gap * (rows - 1)) / rows).min(sizes.target * 3 / 2);
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

pub(super) const fn alignment(b: &Builder<'_>) -> Align {
    if b.state.panel.is_portrait() || b.state.panel.is_tiny() { Align::Centre } else { Align::Left }
}

/// How high a text will be.
pub(super) fn height(b: &mut Builder<'_>, text: &str, style: Style, width: i32) -> i32 {
    b.fonts.wrap(text, style, width).len() as i32 * style.line_height()
}

/// A picture with a title and a sentence: above on upright panels, left on wide ones.
fn pictured(
    b: &mut Builder<'_>,
    rest: &mut Rect,
    title: Phrase,
    (hint, at): (Phrase, Option<Phrase>),
    picture: impl FnOnce(&mut Builder<'_>, Rect),
) {
    let (theme, sizes) = (b.theme, b.sizes);
    let (mut title_style, mut body) = (b.title(), b.body());
    // Where the thing is comes before what is done with it.
    let title = b.say(title);
    let hint = at.map_or_else(|| b.say(hint).to_owned(), |at| format!("{}. {}", b.say(at), b.say(hint)));
    let hint = hint.as_str();
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
        let high = |b: &mut Builder<'_>, of: Style, below: Style| {
            height(b, title, of, inside.w) + height(b, hint, below, inside.w) + sizes.gap
        };
        let mut words = high(b, title_style, body);
        // A picture that nobody makes out helps nobody.
        let share = if b.state.panel.is_slim() { 2 } else { 3 };
        for size in smaller(b) {
            if words <= inside.h * share / (share + 1) {
                break;
            }
            (title_style, body) = size;
            words = high(b, title_style, body);
        }
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
    for size in smaller(b) {
        if words <= rest.h {
            break;
        }
        (title_style, body) = size;
        words = height(b, title, title_style, rest.w) + height(b, hint, body, rest.w);
    }
    rest.cut_top((rest.h - words) / 2);
    b.paragraph(Id("title", 0), rest, title, title_style, align, theme.text);
    b.paragraph(Id("hint", 0), rest, hint, body, align, theme.muted);
}

/// Hundredths of the least size, for what has to be said whole where there is no room for it.
const SHARES: [i32; 5] = [86, 72, 60, 50, 42];

/// Titles and sentences of the least size, and then smaller ones.
fn smaller(b: &Builder<'_>) -> impl Iterator<Item = (Style, Style)> + use<> {
    let least = Sizes::of(b.state.panel, false);
    let of = move |share| {
        (Style::new(Weight::Bold, least.title * share / 100), Style::new(Weight::Regular, least.body * share / 100))
    };
    std::iter::once(100).chain(SHARES).map(of)
}

/// A paragraph below a title.
pub(super) struct Below {
    pub(super) id: Id,
    pub(super) text: Zeroizing<String>,
    pub(super) weight: Weight,
    pub(super) color: Color,
}

impl Below {
    /// The sentence under a title.
    pub(super) fn hint(b: &Builder<'_>, text: String) -> Self {
        Self { id: Id("hint", 0), text: text.into(), weight: Weight::Regular, color: b.theme.muted }
    }
}

/// The picture beside a title.
#[derive(Clone, Copy)]
pub(super) struct Sign {
    icon: Icon,
    color: Color,
    /// What is to be done, as a gesture; the sign is a badge on it.
    shows: Shows,
}

/// What a picture shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shows {
    Sign,
    Lay,
    Scan,
}

impl Sign {
    /// A sign in a disc.
    pub(super) const fn of(icon: Icon, color: Color) -> Self {
        Self { icon, color, shows: Shows::Sign }
    }

    fn draw(self, b: &mut Builder<'_>, place: Rect) {
        // No gesture can be made out in a small place.
        let least = b.sizes.gap * 6;
        if self.shows == Shows::Sign || place.w < least || place.h < least {
            return b.sign(place, self.icon, self.color);
        }
        match self.shows {
            Shows::Scan => b.scanner(place),
            _ => b.gesture(place, true),
        }
        let size = place.h.min(place.w) * 34 / 100;
        b.sign(Rect::new(place.x, place.y, size, size), self.icon, self.color);
    }
}

/// A sign, a title and what stands below, in the middle of what is left.
///
/// Text is as large as asked for where it fits, and never smaller than the least that may be read.
pub(super) fn words(b: &mut Builder<'_>, rest: &mut Rect, sign_of: Sign, title: &str, below: &[Below]) {
    let (theme, sizes, panel) = (b.theme, b.sizes, b.state.panel);
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
    let share = if panel.is_tiny() { 24 } else { 28 };
    // On a slim one the sign gives way, too.
    let shares: &[i32] = if panel.is_slim() { &[share, share / 2] } else { &[share] };
    // What has to be said whole is small print before it is cut.
    let print = SHARES.map(|share| Sizes { title: least.title * share / 100, body: least.body * share / 100, ..least });
    let tries = [sizes, least].into_iter().chain(print).flat_map(|size| [(size, true), (size, false)]);
    let tries = tries.flat_map(|(size, side)| shares.iter().map(move |share| (size, side, *share)));
    let mut chosen = None;
    for (size, side, share) in tries {
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
    sign_of.draw(b, place);
    for paragraph in below {
        rest.cut_top(sizes.gap);
        let style = Style::new(paragraph.weight, size.body);
        b.paragraph(paragraph.id, rest, &paragraph.text, style, align, paragraph.color);
    }
}

pub(super) fn plain(b: &mut Builder<'_>, rest: &mut Rect, icon: Icon, color: Color, title: Phrase, hint: Phrase) {
    let hint = Below::hint(b, b.say(hint).to_owned());
    words(b, rest, Sign::of(icon, color), b.say(title), &[hint]);
}

fn trouble(b: &mut Builder<'_>, rest: &mut Rect, problem: Problem) {
    let theme = b.theme;
    let retry = (Look::Primary, None, Phrase::TryAgain, Act::Retry);
    let staff = (Look::Primary, Some(Icon::Headset), Phrase::CallStaff, Act::Staff);
    b.actions(rest, &[CANCEL, if problem.tries_left > 0 { retry } else { staff }]);
    let next = if problem.tries_left > 0 { problem.next } else { Phrase::StaffWillHelp };
    let text = b.say(next).to_owned();
    let mut below = vec![Below { id: Id("hint", 0), text: text.into(), weight: Weight::Regular, color: theme.text }];
    if problem.tries_left > 0 {
        let text = format!("{}: {}", b.say(Phrase::TriesLeft), problem.tries_left);
        below.push(Below { id: Id("tries", 0), text: text.into(), weight: Weight::Regular, color: theme.muted });
    }
    // Red is for whoever is turned away; all else can be done better, and the picture shows how.
    let shows = match problem.next {
        _ if problem.refused || problem.tries_left == 0 => Shows::Sign,
        Phrase::PlaceCard | Phrase::PutCardFlat | Phrase::KeepCard => Shows::Lay,
        Phrase::ScanCitizenCard | Phrase::ScanOrType => Shows::Scan,
        _ => Shows::Sign,
    };
    let color = if problem.refused { theme.bad } else { theme.warn };
    words(b, rest, Sign { icon: Icon::Exclamation, color, shows }, b.say(problem.what), &below);
}

const fn reader_at(side: Side) -> Phrase {
    match side {
        Side::Above => Phrase::ReaderAbove,
        Side::Below => Phrase::ReaderBelow,
        Side::Left => Phrase::ReaderLeft,
        Side::Right => Phrase::ReaderRight,
    }
}

const fn scanner_at(side: Side) -> Phrase {
    match side {
        Side::Above => Phrase::ScannerAbove,
        Side::Below => Phrase::ScannerBelow,
        Side::Left => Phrase::ScannerLeft,
        Side::Right => Phrase::ScannerRight,
    }
}
