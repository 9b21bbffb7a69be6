//! How high a result is, and what of it fits: everything is measured before it is drawn.

use super::build::Builder;
use crate::font::{Style, Weight};
use crate::icon::Icon;
use crate::judged::{Fact, Judged, Mark};
use crate::theme::Sizes;
use crate::words::Said;
use zeroize::Zeroizing;

/// What happens next, in a field of its own.
pub(super) struct Note {
    pub(super) icon: Icon,
    pub(super) text: String,
    /// In the colour of the word, where staff has to do with it.
    pub(super) judged: bool,
}

/// What is shown, and how large.
pub(super) struct Plan {
    pub(super) title: Style,
    pub(super) body: Style,
    /// Facts and note.
    pub(super) small: Style,
    pub(super) facts: Vec<usize>,
    pub(super) note: bool,
    pub(super) name: bool,
}

/// The texts of a result.
pub(super) struct Card {
    pub(super) said: Said,
    pub(super) title: &'static str,
    pub(super) name: Option<String>,
    /// As it is said, and as it is broken: the name of a desk stays together.
    pub(super) course: (String, String),
    pub(super) facts: Vec<(Mark, String)>,
    pub(super) note: Option<Note>,
}

/// The most that fits. Large text is kept as long as nothing but good news gives way for it.
pub(super) fn plan(b: &mut Builder<'_>, judged: &Judged, card: &Card, width: i32, room: i32) -> Plan {
    let (sizes, least, tiny) = (b.sizes, Sizes::of(b.state.panel, false), b.state.panel.is_tiny());
    let portrait = b.state.panel.is_portrait() && !b.state.panel.is_slim();
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
pub(super) fn row(b: &Builder<'_>, plan: &Plan) -> (i32, i32) {
    let portrait = b.state.panel.is_portrait();
    let around = if b.state.preferences.large { b.sizes.gap / 2 } else { b.sizes.gap * 9 / 10 };
    let (size, around) = if portrait { (140, around) } else { (105, 0) };
    (plan.small.size * size / 100, around)
}

/// The measures of the note: its icon, and what is around its text.
pub(super) fn field(b: &Builder<'_>, plan: &Plan) -> (i32, i32) {
    let portrait = b.state.panel.is_portrait();
    let (size, around) = if portrait { (170, b.sizes.gap) } else { (125, b.sizes.gap / 2) };
    (plan.small.size * size / 100, around)
}

/// Words of two syllables that stay on one line: a syllable alone is another word.
const TOGETHER: [&str; 22] = [
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
    "hồ sơ",
    "Công an",
    "ứng dụng",
    "danh sách",
    "chứng thư",
    "cơ quan",
    "bằng chứng",
    "dữ liệu",
];

fn glued(text: &str) -> Zeroizing<String> {
    let text = Zeroizing::new(text.to_owned());
    TOGETHER.iter().fold(text, |text, word| text.replace(word, &word.replace(' ', "\u{a0}")).into())
}

/// Lines that break where the sense does, if that takes no more of them: after a comma, a colon or a full stop.
pub(super) fn broken(b: &mut Builder<'_>, text: &str, style: Style, width: i32) -> Vec<Zeroizing<String>> {
    let text = &glued(text);
    let plain = b.fonts.wrap(text, style, width);
    if plain.len() != 2 {
        return plain;
    }
    let halves = [", ", ": ", ". "].into_iter().flat_map(|sign| text.match_indices(sign)).filter_map(|(at, _)| {
        let (first, second) = (text.get(..=at)?, text.get(at + 2..)?);
        let wide = b.fonts.width(first, style).max(b.fonts.width(second, style));
        (wide <= width).then(|| (wide, vec![first.to_owned().into(), second.to_owned().into()]))
    });
    halves.min_by_key(|(wide, _)| *wide).map_or(plain, |(_, lines)| lines)
}

fn lines(b: &mut Builder<'_>, text: &str, style: Style, width: i32) -> i32 {
    b.fonts.wrap(&glued(text), style, width).len() as i32 * style.line_height()
}

pub(super) fn fact_height(b: &mut Builder<'_>, text: &str, plan: &Plan, width: i32) -> i32 {
    let (mark, around) = row(b, plan);
    lines(b, text, plan.small, width - mark - b.sizes.gap).max(mark) + around * 2
}

pub(super) fn note_height(b: &mut Builder<'_>, text: &str, plan: &Plan, width: i32) -> i32 {
    let (icon, around) = field(b, plan);
    lines(b, text, plan.small, width - icon - around * 2 - b.sizes.gap).max(icon) + around * 2
}

/// What is between the word and what is below.
pub(super) const fn after_title(b: &Builder<'_>) -> i32 {
    if b.state.panel.is_portrait() { b.sizes.gap / 3 } else { 0 }
}

/// What is between the sentence and the list.
pub(super) const fn before_facts(b: &Builder<'_>) -> i32 {
    if b.state.panel.is_portrait() { b.sizes.gap } else { b.sizes.gap / 2 }
}

pub(super) fn facts_height(b: &mut Builder<'_>, card: &Card, plan: &Plan, width: i32) -> i32 {
    if plan.facts.is_empty() {
        return 0;
    }
    let facts = plan.facts.iter().filter_map(|at| card.facts.get(*at));
    facts.fold(before_facts(b), |sum, (_, text)| sum + fact_height(b, text, plan, width))
}

/// How high everything of a plan is, without the disc.
pub(super) fn height(b: &mut Builder<'_>, card: &Card, plan: &Plan, width: i32) -> i32 {
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
