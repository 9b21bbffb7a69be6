//! What is wrong with a scene, before a person meets it.

use crate::canvas::{Canvas, Color};
use crate::font::{Align, Fonts};
use crate::geometry::Rect;
use crate::panel::TARGET;
use crate::scene::{Id, Kind, Node, Scene};
use crate::state::{Act, Part, Screen, State};
use crate::text::Phrase;
use crate::theme::{KEY, LETTER};
use zeroize::Zeroizing;

/// The edge of a button, in pixels, that its word must leave free.
const EDGE: i32 = 3;

/// What letters leave free above and below them on their own button, in tenths of a millimetre.
pub const LETTERS_FREE: i32 = 20;

/// A fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Text is wider or higher than its place, or than the button that it is on.
    Overflow(Id),
    /// Something lies outside the panel.
    OffScreen(Id),
    /// Text stands too little out from what is really behind it, in tenths: 45 or 30 are wanted.
    Contrast(Id, i32),
    /// A target is smaller than a finger wants, in tenths of a millimetre.
    Target(Id, i32),
    /// Two targets overlap.
    Targets(Id, Id),
    /// A text lies over another.
    Texts(Id, Id),
    /// A target is not spoken.
    Silent(Id),
    /// The letters of a button come too close to its upper or lower border.
    Edge(Id),
    /// What this screen has to say does not show whole.
    Missing(Phrase),
    /// Time runs, and nothing shows it.
    Countdown,
    /// On an upright panel a target is above the reach of a person who sits.
    Reach(Id),
}

/// Everything that is wrong with a scene that was drawn on `canvas`.
#[must_use]
pub fn lint(state: &State, scene: &Scene, canvas: &Canvas, fonts: &mut Fonts) -> Vec<Fault> {
    let panel = state.panel;
    let glass = Rect::new(0, 0, panel.width, panel.height);
    let mut faults = Vec::new();
    for node in &scene.nodes {
        if !glass.covers(node.rect) {
            faults.push(Fault::OffScreen(node.id));
        }
        if let Kind::Text { lines, style, color, align } = &node.kind {
            let wide = lines.iter().map(|line| fonts.width(line, *style)).max().unwrap_or(0);
            if wide > node.rect.w || style.line_height() * lines.len() as i32 > node.rect.h {
                faults.push(Fault::Overflow(node.id));
            }
            let (x, y) = (node.rect.x + node.rect.w / 2, node.rect.y + node.rect.h / 2);
            let button = scene.nodes.iter().rev().find(|other| other.hit.is_some() && other.rect.contains(x, y));
            if let Some(button) = button {
                let left = match align {
                    Align::Left => node.rect.x,
                    Align::Centre => node.rect.x + (node.rect.w - wide) / 2,
                    Align::Right => node.rect.right() - wide,
                };
                if left < button.rect.x + EDGE || left + wide > button.rect.right() - EDGE {
                    faults.push(Fault::Overflow(node.id));
                }
                // A line stands in the middle of its place.
                let slack = (node.rect.h - style.line_height()) / 2;
                let top = node.rect.y + slack + style.above_capitals() - button.rect.y;
                let bottom = button.rect.bottom() - node.rect.bottom() + slack + style.descent();
                // Letters are hit one by one, and stand alone; the header is no button to those who are served.
                let stands_alone = matches!(button.hit, Some(Act::Key(_) | Act::Technician)) || lines.len() > 1;
                if !stands_alone && top.min(bottom) < panel.px(LETTERS_FREE) {
                    faults.push(Fault::Edge(node.id));
                }
            }
            // The card in the picture is no text to be read.
            let large = style.size * 74 >= panel.px(60) * 100;
            let wanted = if large { 30 } else { 45 };
            let found = contrast(canvas, node.rect.intersection(glass), *color);
            if found < wanted && node.id.0 != "picture" && lines.iter().any(|line| !line.is_empty()) {
                faults.push(Fault::Contrast(node.id, found));
            }
        }
        if let Some(act) = node.hit {
            faults.extend(target(state, node, act));
        }
    }
    faults.extend(missing(state, scene));
    let targets: Vec<&Node> = scene.nodes.iter().filter(|node| node.hit.is_some()).collect();
    let texts: Vec<&Node> = scene.nodes.iter().filter(|node| matches!(node.kind, Kind::Text { .. })).collect();
    for (kind, nodes) in [(Fault::Targets as fn(Id, Id) -> Fault, targets), (Fault::Texts, texts)] {
        for (at, first) in nodes.iter().enumerate() {
            for second in &nodes[at + 1..] {
                if !first.rect.intersection(second.rect).is_empty() {
                    faults.push(kind(first.id, second.id));
                }
            }
        }
    }
    faults
}

/// What a screen has to say on every panel, whatever else gives way.
fn must_say(state: &State) -> Vec<Phrase> {
    match &state.screen {
        Screen::Consent(_) => vec![Phrase::ConsentTitle],
        Screen::Ticket { .. } if state.trouble(Part::Printer).is_some() => vec![Phrase::RememberNumber],
        Screen::Problem(problem) => vec![problem.what],
        Screen::MoreTime => vec![Phrase::MoreTimeTitle],
        Screen::Place => vec![Phrase::PlaceCard],
        Screen::Scan { insurance: false } => vec![Phrase::ScanTitle],
        Screen::TakeCard => vec![Phrase::TakeCardTitle],
        Screen::OutOfService(_) => vec![Phrase::OutOfServiceTitle],
        _ => Vec::new(),
    }
}

/// Lines as the sentence that they were.
fn joined(lines: &[Zeroizing<String>]) -> String {
    lines.iter().map(|line| line.as_str()).collect::<Vec<_>>().join(" ")
}

fn missing(state: &State, scene: &Scene) -> Vec<Fault> {
    let glass = Rect::new(0, 0, state.panel.width, state.panel.height);
    let shows = |phrase: &Phrase| {
        let wanted = phrase.text(state.preferences.language);
        scene.nodes.iter().any(|node| match &node.kind {
            Kind::Text { lines, .. } => glass.covers(node.rect) && joined(lines) == wanted,
            _ => false,
        })
    };
    let phrases = must_say(state).into_iter().filter(|phrase| !shows(phrase)).map(Fault::Missing);
    let counts = scene.nodes.iter().any(|node| node.id.0 == "countdown" && !node.rect.is_empty());
    let countdown = (state.seconds_left.is_some() && !counts).then_some(Fault::Countdown);
    phrases.chain(countdown).collect()
}

fn target(state: &State, node: &Node, act: Act) -> Vec<Fault> {
    let panel = state.panel;
    let mut faults = Vec::new();
    // No citizen is to find it.
    if act == Act::Technician {
        return faults;
    }
    let wanted = match act {
        Act::Digit(_) => KEY,
        // Ten stand side by side on whatever width there is; they are as high as a finger wants.
        Act::Key(_) | Act::Shift | Act::Backspace | Act::Digits if panel.is_slim() => LETTER,
        _ => TARGET,
    };
    let least = node.rect.w.min(node.rect.h);
    if least < panel.px(wanted) {
        faults.push(Fault::Target(node.id, least * 1000 / panel.density));
    }
    if node.say.as_ref().is_none_or(|text| text.is_empty()) {
        faults.push(Fault::Silent(node.id));
    }
    // The lower two thirds of an upright panel; a small one is within reach as a whole.
    if panel.is_portrait() && !panel.is_slim() && node.rect.y < panel.area.y + panel.area.h / 3 {
        faults.push(Fault::Reach(node.id));
    }
    faults
}

/// The least contrast, in tenths, between a text colour and what is really behind it: every pixel of its place that has
/// not the text's colour in it is looked at, and the commonest counts.
fn contrast(canvas: &Canvas, place: Rect, color: Color) -> i32 {
    let mut seen: Vec<(Color, u32)> = Vec::new();
    for y in (place.y..place.bottom()).step_by(2) {
        for x in (place.x..place.right()).step_by(3) {
            let pixel = canvas.pixel(x, y);
            match seen.iter().position(|(known, _)| *known == pixel) {
                Some(at) => seen[at].1 += 1,
                None if seen.len() < 64 => seen.push((pixel, 1)),
                None => {}
            }
        }
    }
    let behind = seen.into_iter().filter(|(known, _)| *known != color).max_by_key(|(_, count)| *count);
    behind.map_or(0, |(known, _)| (known.contrast(color) * 10.0) as i32)
}
