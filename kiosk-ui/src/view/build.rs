//! What every screen has: background, header, steps, tools; and the pieces that screens are made of.

use super::measure::broken;
use crate::canvas::Color;
use crate::font::{Align, Fonts, Style, Weight};
use crate::geometry::Rect;
use crate::icon::Icon;
use crate::lint::LETTERS_FREE;
use crate::scene::{Id, Kind, Node, Scene};
use crate::state::{Act, Screen, Side, State};
use crate::text::{Language, Phrase};
use crate::theme::{Sizes, Theme};
use crate::words::{Shades, Tone};
use zeroize::Zeroizing;

/// The last seconds of a screen: the countdown stands out.
const LAST_S: i32 = 10;

/// How a button looks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Primary,
    Outline,
    Quiet,
    Tool,
    /// A main action in a narrow place.
    MainTool,
}

pub(super) struct Builder<'a> {
    pub(super) state: &'a State,
    pub(super) fonts: &'a mut Fonts,
    pub(super) theme: Theme,
    pub(super) sizes: Sizes,
    nodes: Vec<Node>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(state: &'a State, fonts: &'a mut Fonts) -> Self {
        let theme = Theme::of(state.preferences.high_contrast);
        let sizes = Sizes::of(state.panel, state.preferences.large);
        Self { state, fonts, theme, sizes, nodes: Vec::with_capacity(64) }
    }

    pub(super) fn finish(self) -> Scene {
        Scene { nodes: self.nodes }
    }

    pub(super) const fn language(&self) -> Language {
        self.state.preferences.language
    }

    pub(super) const fn say(&self, phrase: Phrase) -> &'static str {
        phrase.text(self.language())
    }

    /// A tone on this theme's ground. In high contrast the ground stays black.
    pub(super) const fn shades(&self, tone: Tone) -> Shades {
        if self.theme.shadows { tone.light() } else { Shades { ink: tone.dark().ink, ground: self.theme.surface } }
    }

    pub(super) fn push(&mut self, id: Id, rect: Rect, kind: Kind) -> &mut Node {
        self.nodes.push(Node { id, rect, kind, hit: None, say: None });
        self.nodes.last_mut().expect("just pushed")
    }

    pub(super) fn icon(&mut self, id: Id, rect: Rect, icon: Icon, color: Color) {
        self.push(id, rect, Kind::Icon { icon, tenths: 18, color });
    }

    /// A surface for content.
    pub(super) fn surface(&mut self, id: Id, rect: Rect) {
        let theme = self.theme;
        let border = (!theme.shadows).then_some((theme.stroke, theme.border));
        let (radius, shadow) = (self.sizes.radius * 2, if theme.shadows { self.sizes.gap } else { 0 });
        self.push(id, rect, Kind::Panel { fill: theme.surface, radius, border, shadow });
    }

    /// Text broken to the width of `rect`, as high as it is; cuts its place off the top of `rect`. Spoken, too.
    pub(super) fn paragraph(&mut self, id: Id, rest: &mut Rect, text: &str, style: Style, align: Align, color: Color) {
        let lines = self.fonts.wrap(text, style, rest.w);
        let place = rest.cut_top(style.line_height() * lines.len() as i32);
        self.push(id, place, Kind::Text { lines, style, align, color }).say = Some(text.to_owned().into());
    }

    /// One line in a place of its own; not spoken unless told.
    pub(super) fn line(
        &mut self,
        id: Id,
        rect: Rect,
        text: &str,
        style: Style,
        align: Align,
        color: Color,
    ) -> &mut Node {
        self.push(id, rect, Kind::Text { lines: vec![text.to_owned().into()], style, align, color })
    }

    pub(super) const fn title(&self) -> Style {
        Style::new(Weight::Bold, self.sizes.title)
    }

    pub(super) const fn body(&self) -> Style {
        Style::new(Weight::Regular, self.sizes.body)
    }

    pub(super) const fn label(&self) -> Style {
        Style::new(Weight::Medium, self.sizes.label)
    }

    /// The word below a tool's picture.
    const fn tool(&self) -> Style {
        Style::new(Weight::Medium, self.sizes.tool)
    }

    /// A button: panel, icon and word. It is spoken and touched as one.
    pub(super) fn button(&mut self, id: Id, rect: Rect, look: Look, icon: Option<Icon>, text: &str, act: Act) {
        let (theme, sizes) = (self.theme, self.sizes);
        let pressed = self.state.pressed == Some(act);
        let (fill, ink, border) = match look {
            Look::Primary | Look::MainTool => (theme.primary, theme.on_primary, None),
            Look::Outline => {
                (theme.surface, if theme.shadows { theme.primary } else { theme.text }, Some(theme.primary))
            }
            Look::Quiet => (theme.quiet, theme.text, (!theme.shadows).then_some(theme.border)),
            Look::Tool => (theme.surface, theme.text, Some(theme.border)),
        };
        let fill = if pressed { fill.mix(ink, 40) } else { fill };
        let border = border.map(|color| (theme.stroke, color));
        let node = self.push(id, rect, Kind::Panel { fill, radius: sizes.radius, border, shadow: 0 });
        node.hit = Some(act);
        node.say = Some(text.to_owned().into());
        let word = Id(id.0, id.1 + 2);
        let mark = Id(id.0, id.1 + 1);
        if matches!(look, Look::Tool | Look::MainTool) {
            // Icon above the word, both as one block in the middle; no letter comes closer to the border than this.
            let style = if look == Look::Tool { self.tool() } else { self.label() };
            let free = self.state.panel.px(LETTERS_FREE) + 1;
            let mut inside = rect.inset_xy(2, 0);
            inside.cut_bottom((free - style.descent()).max(theme.stroke + 1));
            inside.cut_top(theme.stroke + free / 3);
            let line = style.line_height();
            let size = if icon.is_some() { (inside.h - line).clamp(0, sizes.label * 17 / 10) } else { 0 };
            let mut inside = inside.centred(inside.w, size + line);
            let above = inside.cut_top(size);
            if let Some(icon) = icon {
                self.icon(mark, above.centred(size, size), icon, ink);
            }
            self.line(word, inside, text, style, Align::Centre, ink);
            return;
        }
        let style = Style::new(Weight::SemiBold, sizes.button);
        let mark_size = sizes.button * 11 / 10;
        let inside = rect.inset_xy(sizes.gap / 2, theme.stroke);
        let mark_gap = self.mark_gap();
        // One that is not the main one does without its icon before its words break.
        let tight = matches!(look, Look::Quiet | Look::Outline) && {
            let wide = self.fonts.width(text, style);
            let slim = self.state.panel.is_slim();
            (wide <= inside.w || slim) && wide + mark_size + mark_gap > inside.w
        };
        let icon = icon.filter(|_| !tight);
        let room = inside.w - icon.map_or(0, |_| mark_size + mark_gap);
        let lines = broken(self, text, style, room);
        let wide = lines.iter().map(|line| self.fonts.width(line, style)).max().unwrap_or(0);
        let all = wide + icon.map_or(0, |_| mark_size + mark_gap);
        let mut place = inside.centred(all, (style.line_height() * lines.len() as i32).max(mark_size));
        let middle = place;
        // Letters are centred by their capitals, as the icon is.
        place.y -= style.below_middle();
        if let Some(icon) = icon {
            // What leads on stands after the word.
            let column = if icon == Icon::ArrowRight {
                let column = place.cut_right(mark_size);
                place.cut_right(mark_gap);
                column
            } else {
                let column = place.cut_left(mark_size);
                place.cut_left(mark_gap);
                column
            };
            let column = Rect::new(column.x, middle.y, column.w, middle.h);
            self.icon(mark, column.centred(mark_size, mark_size), icon, ink);
        }
        self.push(word, place, Kind::Text { lines, style, align: Align::Left, color: ink });
    }

    /// Background, header, steps and tools; what is left is the screen's own.
    pub(super) fn frame(&mut self) -> Rect {
        let panel = self.state.panel;
        let mut rest = panel.area;
        let (theme, sizes) = (self.theme, self.sizes);
        // What the layout leaves of the picture is background, too.
        let whole = Rect::new(0, 0, panel.width, panel.height);
        self.push(Id("background", 0), whole, Kind::Gradient(theme.background_top, theme.background_bottom));
        if panel.is_tiny() || self.state.screen.is_bare() {
            self.countdown(rest);
            return rest.inset(sizes.margin);
        }
        self.pointer(&mut rest, panel.area, &[Side::Above, Side::Below]);
        // A wide panel is small: its header gives way to the task as soon as somebody is there.
        let nobody = matches!(self.state.screen, Screen::Attract | Screen::OutOfService(_));
        if (panel.is_portrait() && !panel.is_slim()) || nobody {
            self.header(&mut rest);
        }
        self.countdown(rest);
        rest = rest.inset_xy(sizes.margin, sizes.gap);
        // They are for those who are served.
        if !matches!(self.state.screen, Screen::Enrolment(_)) {
            self.tools(&mut rest);
        }
        self.steps(&mut rest);
        // Beside what is touched there is nothing: tools have the whole width.
        self.pointer(&mut rest, panel.area, &[Side::Left, Side::Right]);
        rest
    }

    /// What lies outside the glass, on the side on which it is: a strip at the edge with arrows that lead out of the picture.
    fn pointer(&mut self, rest: &mut Rect, area: Rect, sides: &[Side]) {
        let (theme, sizes, state) = (self.theme, self.sizes, self.state);
        let side = match state.screen {
            Screen::Place | Screen::Lifted => state.reader_at,
            Screen::Scan { .. } => state.scanner_at,
            _ => None,
        };
        let Some(side) = side.filter(|side| sides.contains(side)) else { return };
        let thick = sizes.label * 7 / 4;
        // From the edge of the glass to what is left, and a gap.
        let mut beside = |cut: fn(&mut Rect, i32) -> Rect, x: i32| {
            cut(rest, (thick + sizes.gap - sizes.margin).max(0));
            Rect::new(x, rest.y, thick, rest.h)
        };
        let (strip, icon) = match side {
            Side::Above => (rest.cut_top(thick), Icon::ArrowUp),
            Side::Below => (rest.cut_bottom(thick), Icon::ArrowDown),
            Side::Left => (beside(Rect::cut_left, area.x), Icon::ArrowLeft),
            Side::Right => (beside(Rect::cut_right, area.right() - thick), Icon::ArrowRight),
        };
        self.push(Id("pointer", 0), strip, Kind::Panel { fill: theme.primary, radius: 0, border: None, shadow: 0 });
        // Once in a second and a half they step outwards.
        let step = (state.tick / 5 % 3) as i32 * thick / 16;
        let (dx, dy) = match side {
            Side::Above => (0, -step),
            Side::Below => (0, step),
            Side::Left => (-step, 0),
            Side::Right => (step, 0),
        };
        let size = thick * 3 / 5;
        let parts = if strip.w > strip.h { strip.columns(3, 0) } else { strip.rows(3, 0) };
        for (at, part) in parts.into_iter().enumerate() {
            let place = part.centred(size, size);
            let place = Rect::new(place.x + dx, place.y + dy, size, size);
            self.push(Id("pointer", at as u16 + 1), place, Kind::Icon { icon, tenths: 30, color: theme.on_primary });
        }
    }

    /// The time that is left, as a bar at the lower edge of every panel.
    fn countdown(&mut self, rest: Rect) {
        let Some(left) = self.state.seconds_left else { return };
        let of = i32::from(self.state.seconds_of.max(left)).max(1);
        let (theme, left) = (self.theme, i32::from(left));
        let high = (self.sizes.gap / 3).max(3);
        let bar = Rect::new(rest.x, rest.bottom() - high, rest.w, high);
        self.push(Id("countdown", 0), bar, Kind::Panel { fill: theme.track, radius: 0, border: None, shadow: 0 });
        let fill = if left <= LAST_S { theme.warn } else { theme.primary };
        let done = Rect::new(bar.x, bar.y, bar.w * left / of, bar.h);
        self.push(Id("countdown", 1), done, Kind::Panel { fill, radius: 0, border: None, shadow: 0 });
    }

    fn header(&mut self, rest: &mut Rect) {
        let (theme, sizes, state) = (self.theme, self.sizes, self.state);
        let portrait = state.panel.is_portrait();
        let label = self.label();
        let lines = if portrait { 2 } else { 1 };
        let mut bar = rest.cut_top(label.line_height() * lines + sizes.gap * 2);
        let node =
            self.push(Id("header", 0), bar, Kind::Panel { fill: theme.surface, radius: 0, border: None, shadow: 0 });
        // Held for a while: a way in for technicians that nobody finds by chance.
        node.hit = matches!(state.screen, Screen::Attract | Screen::OutOfService(_)).then_some(Act::Technician);
        let edge = Rect::new(bar.x, bar.bottom() - 2, bar.w, 2);
        self.push(Id("header", 1), edge, Kind::Panel { fill: theme.border, radius: 0, border: None, shadow: 0 });
        bar = bar.inset_xy(sizes.margin, sizes.gap);
        if state.panel.is_slim() {
            return self.narrow_header(bar);
        }
        let size = bar.h;
        let mark = bar.cut_left(size);
        self.push(
            Id("header", 2),
            mark,
            Kind::Panel { fill: theme.primary, radius: size / 5, border: None, shadow: 0 },
        );
        self.icon(Id("header", 3), mark.inset(size / 6), Icon::Shield, theme.on_primary);
        bar.cut_left(sizes.gap);
        let bold = Style::new(Weight::Bold, sizes.label);
        let time = &state.clock.time;
        let day = if time.is_empty() { "" } else { self.say(Phrase::weekday(state.clock.weekday)) };
        let date = if day.is_empty() { String::new() } else { format!("{day}, {}", state.clock.date) };
        let wide = if portrait { self.fonts.width(&date, label) } else { 0 };
        let right = bar.cut_right(self.fonts.width("00:00", bold.fixed()).max(wide));
        bar.cut_right(sizes.gap);
        let site = self.fit(&state.site, bold, bar.w);
        let (mut left, mut right) = (bar, right);
        self.line(Id("site", 0), left.cut_top(bold.line_height()), &site, bold, Align::Left, theme.text);
        self.line(Id("clock", 0), right.cut_top(bold.line_height()), time, bold.fixed(), Align::Right, theme.text);
        if portrait {
            let service = self.fit(self.say(Phrase::SelfService), label, left.w);
            self.line(Id("site", 1), left, &service, label, Align::Left, theme.muted);
            self.line(Id("clock", 1), right, &date, label, Align::Right, theme.muted);
        }
    }

    /// Where there is no width for both: the site's name, and the hour below it.
    fn narrow_header(&mut self, mut bar: Rect) {
        let (theme, clock) = (self.theme, self.state.clock.clone());
        let (label, bold) = (self.label(), Style::new(Weight::Bold, self.sizes.label));
        let site = self.fit(&self.state.site, bold, bar.w);
        self.line(Id("site", 0), bar.cut_top(bold.line_height()), &site, bold, Align::Left, theme.text);
        let date = match clock.time.is_empty() {
            true => String::new(),
            false => format!("{}, {}", self.say(Phrase::weekday(clock.weekday)), clock.date),
        };
        let wide = self.fonts.width("00:00", bold.fixed());
        self.line(Id("clock", 0), bar.cut_right(wide), &clock.time, bold.fixed(), Align::Right, theme.text);
        self.line(Id("clock", 1), bar, &date, label, Align::Left, theme.muted);
    }

    /// Cuts a text that must fit a line: names of sites are as long as people make them.
    pub(super) fn fit(&mut self, text: &str, style: Style, width: i32) -> Zeroizing<String> {
        if self.fonts.width(text, style) <= width {
            return text.to_owned().into();
        }
        let mut cut = Zeroizing::new(text.to_owned());
        while cut.pop().is_some() {
            let shown = Zeroizing::new([cut.trim_end(), "…"].concat());
            if self.fonts.width(&shown, style) <= width {
                return shown;
            }
        }
        Zeroizing::default()
    }

    /// There the keyboard needs every row.
    const fn is_typing_on_a_wide_panel(&self) -> bool {
        !self.state.panel.is_portrait() && matches!(self.state.screen, Screen::Form(_))
    }

    /// The three named steps with where we are.
    fn steps(&mut self, rest: &mut Rect) {
        let Some(current) = self.state.screen.step() else { return };
        let (theme, sizes) = (self.theme, self.sizes);
        // Where there is no width for words.
        let wide = !self.state.panel.is_portrait() || self.state.panel.is_slim();
        if self.is_typing_on_a_wide_panel() {
            return;
        }
        let bar = rest.cut_top(if wide { sizes.gap } else { sizes.label * 3 });
        rest.cut_top(sizes.gap);
        // Green is for what stands on a proof: under a lesser word nothing on the screen is green. A ticket is given
        // under any word.
        let lesser = match &self.state.screen {
            Screen::Result(judged) => !judged.word.is_green(),
            Screen::Ticket { .. } => true,
            _ => false,
        };
        let done = if lesser { (theme.primary, theme.on_primary) } else { (theme.good, theme.on_signal) };
        let names = [Phrase::StepIdentify, Phrase::StepRead, Phrase::StepDone].map(|phrase| self.say(phrase));
        for (at, (mut column, name)) in bar.columns(3, sizes.gap / 2).into_iter().zip(names).enumerate() {
            let id = at as u16 * 8;
            let (color, ink) = match at.cmp(&current) {
                std::cmp::Ordering::Less => done,
                std::cmp::Ordering::Equal => (theme.primary, theme.on_primary),
                std::cmp::Ordering::Greater => (theme.track, theme.text),
            };
            // On wide panels the bars alone; which step it is stands in the title.
            let line = if wide { column } else { column.cut_bottom(sizes.label / 3) };
            self.push(Id("step", id), line, Kind::Panel { fill: color, radius: line.h / 2, border: None, shadow: 0 });
            if wide {
                continue;
            }
            column.cut_bottom(sizes.label / 3);
            let size = sizes.label * 7 / 4;
            let mark = column.cut_left(size).centred(size, size);
            self.push(Id("step", id + 1), mark, Kind::Panel { fill: color, radius: size / 2, border: None, shadow: 0 });
            if at < current {
                self.icon(Id("step", id + 2), mark.inset(size / 5), Icon::Tick, ink);
            } else {
                let bold = Style::new(Weight::Bold, sizes.label);
                self.line(Id("step", id + 3), mark, &(at + 1).to_string(), bold, Align::Centre, ink);
            }
            let weight = if at == current { Weight::Bold } else { Weight::Regular };
            let color = if at == current { theme.text } else { theme.muted };
            let style = Style::new(weight, sizes.label);
            let spare = column.w - self.fonts.width(name, style);
            column.cut_left((sizes.label / 2).min(spare.max(sizes.label / 8)));
            self.line(Id("step", id + 4), column, name, style, Align::Left, color);
        }
    }

    /// Language, text size, contrast, speech and staff: on every screen, in the same place.
    fn tools(&mut self, rest: &mut Rect) {
        let sizes = self.sizes;
        if let Some(seconds) = self.state.seconds_left {
            let text = format!("{} {seconds} {}", self.say(Phrase::SecondsLeft), self.say(Phrase::Seconds));
            // It stands out when it counts.
            let last = i32::from(seconds) <= LAST_S;
            let style = if last { Style::new(Weight::Bold, sizes.label) } else { self.label() }.fixed();
            if self.state.panel.is_portrait() {
                let line = rest.cut_bottom(style.line_height());
                let color = if last { self.theme.text } else { self.theme.muted };
                self.line(Id("seconds", 0), line, &text, style, Align::Centre, color);
            }
        }
        let share = if self.state.panel.is_portrait() && !self.state.panel.is_slim() { 7 } else { 2 };
        let high = sizes.target.max(self.label().line_height() + sizes.label * share / 2);
        let bar = rest.cut_bottom(if self.is_typing_on_a_wide_panel() { sizes.target } else { high });
        rest.cut_bottom(sizes.gap);
        let larger = if self.state.preferences.large { Phrase::NormalText } else { Phrase::LargeText };
        let tools = [
            (Icon::Globe, Phrase::OtherLanguage, Act::Language),
            (Icon::LargerText, larger, Act::TextSize),
            (Icon::Contrast, Phrase::ContrastTool, Act::Contrast),
            (Icon::Speaker, Phrase::SpeechTool, Act::Speech),
            (Icon::Headset, Phrase::StaffTool, Act::Staff),
        ];
        // As wide as their words want, and at least a target.
        let label = self.tool();
        let texts = tools.map(|(_, phrase, _)| self.say(phrase));
        let wanted = texts.map(|text| (self.fonts.width(text, label) + 8).max(sizes.target));
        let words = wanted.iter().sum::<i32>();
        let gap = (sizes.gap / 2).max(4).min((bar.w - words) / 4).max(1);
        let spare = (bar.w - words - gap * 4).max(0) / 5;
        let mut bar = bar;
        for (at, ((icon, _, act), text)) in tools.into_iter().zip(texts).enumerate() {
            let place = if at == 4 { bar } else { bar.cut_left(wanted[at] + spare) };
            bar.cut_left(gap);
            self.button(Id("tool", at as u16 * 4), place, Look::Tool, Some(icon), text, act);
        }
    }

    /// Buttons side by side at the bottom of what is left.
    pub(super) fn actions(&mut self, rest: &mut Rect, buttons: &[(Look, Option<Icon>, Phrase, Act)]) {
        let said = |(look, icon, phrase, act): &(Look, Option<Icon>, Phrase, Act)| {
            (*look, *icon, self.say(*phrase).to_owned(), *act)
        };
        let buttons: Vec<_> = buttons.iter().map(said).collect();
        self.actions_said(rest, &buttons);
    }

    /// The same with words of the site's.
    pub(super) fn actions_said(&mut self, rest: &mut Rect, buttons: &[(Look, Option<Icon>, String, Act)]) {
        let sizes = self.sizes;
        if self.state.panel.is_tiny() || buttons.is_empty() {
            return;
        }
        let style = Style::new(Weight::SemiBold, sizes.button);
        let bar = rest.cut_bottom((style.line_height() * self.button_lines() + sizes.gap).max(sizes.target));
        rest.cut_bottom(sizes.gap);
        let all: i32 = buttons.iter().map(|(look, ..)| share(*look)).sum();
        let (gap, wide) = (sizes.gap, sizes.button * 11 / 10 + self.mark_gap());
        let width = bar.w - gap * (buttons.len() as i32 - 1);
        let mut bar = bar;
        // Of three, each has what its words want.
        let words: Vec<i32> =
            buttons.iter().map(|(_, _, text, _)| self.fonts.width(text, style) + wide + gap * 2).collect();
        let sum = words.iter().sum::<i32>().max(1);
        for (at, (look, icon, text, act)) in buttons.iter().enumerate() {
            let last = at + 1 == buttons.len();
            let part = if buttons.len() > 2 { width * words[at] / sum } else { width * share(*look) / all };
            // One whose words are longer takes what the main one has to spare.
            let wanted = match buttons.get(at + 1) {
                Some((_, _, next, _)) if buttons.len() == 2 => {
                    let [own, others] = [text, next].map(|text| self.fonts.width(text, style) + wide + gap * 2);
                    own.min(width - others)
                }
                _ => 0,
            };
            let place = if last { bar } else { bar.cut_left(part.max(wanted)) };
            bar.cut_left(gap);
            self.button(Id("action", at as u16 * 4), place, *look, *icon, text, *act);
        }
    }

    /// Between the icon of a button and its word.
    fn mark_gap(&self) -> i32 {
        (self.sizes.gap / 2).max(self.sizes.button / 4)
    }

    const fn button_lines(&self) -> i32 {
        if self.state.panel.is_portrait() { 2 } else { 1 }
    }

    /// Whether a main action beside a quiet one has room for these words, where the row is this wide.
    pub(super) fn fits_a_main_action(&mut self, text: &str, row: i32) -> bool {
        let sizes = self.sizes;
        let style = Style::new(Weight::SemiBold, sizes.button);
        let (main, quiet) = (share(Look::Primary), share(Look::Quiet));
        let button = (row - sizes.gap) * main / (main + quiet) - sizes.gap - self.theme.stroke * 2;
        let room = button - sizes.button * 11 / 10 - self.mark_gap();
        self.fonts.wrap(text, style, room).len() as i32 <= self.button_lines()
    }
}

/// The main one is wider.
const fn share(look: Look) -> i32 {
    if matches!(look, Look::Quiet) { 2 } else { 3 }
}
