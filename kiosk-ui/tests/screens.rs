//! Every screen in every look: nothing wrong with it, and the picture that was looked at.

mod common;

use common::{compare, draw, hash};
use kiosk_ui::canvas::{Canvas, Color};
use kiosk_ui::font::Fonts;
use kiosk_ui::geometry::Rect;
use kiosk_ui::judged::{Details, Document, Judged, Then};
use kiosk_ui::lint::{Fault, lint};
use kiosk_ui::panel::{PANELS, Panel};
use kiosk_ui::scene::{Id, Kind, Node, Renderer, Scene};
use kiosk_ui::state::Act;
use kiosk_ui::words::Tone;
use kiosk_ui::{Language, Screen, gallery, view};
use proptest::prelude::*;
use std::collections::BTreeMap;
use verdict::{Admission, Because, Rung, Word};

/// What is wrong with a panel's screens, and the hash of each.
fn examine(panel: Panel) -> (Vec<String>, BTreeMap<String, String>) {
    let mut renderer = Renderer::default();
    let (mut faults, mut hashes) = (Vec::new(), BTreeMap::new());
    for (panel, preferences) in gallery::looks().filter(|(each, _)| *each == panel) {
        for (name, screen) in gallery::screens() {
            let state = gallery::state(panel, preferences, name, screen);
            let (scene, canvas) = draw(&state, &mut renderer);
            let name = gallery::name(panel, preferences, name);
            let found = lint(&state, &scene, &canvas, &mut renderer.fonts);
            faults.extend(found.into_iter().map(|fault| format!("{name}: {fault:?}")));
            hashes.insert(name, hash(&canvas));
        }
    }
    (faults, hashes)
}

#[test]
fn every_screen_is_clean_and_as_it_was_looked_at() {
    let panels = PANELS.map(|panel| std::thread::spawn(move || examine(panel)));
    let (mut faults, mut hashes) = (Vec::new(), BTreeMap::new());
    for panel in panels {
        let (wrong, some) = panel.join().expect("no panic");
        faults.extend(wrong);
        hashes.extend(some);
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert_eq!(hashes.len(), gallery::screens().len() * 40, "every screen in every look, under a name of its own");
    compare("golden.txt", &hashes);
}

#[test]
fn the_lint_finds_what_is_wrong() {
    let mut renderer = Renderer::default();
    let (panel, preferences) = gallery::looks().next().expect("a look");
    let (name, screen) = gallery::screens().into_iter().find(|(name, _)| *name == "scan").expect("a screen");
    let state = gallery::state(panel, preferences, name, screen);
    let (scene, canvas) = draw(&state, &mut renderer);
    let at = |id: &str| scene.nodes.iter().position(|node| node.id.0 == id).expect("a node");
    let found = |change: &dyn Fn(&mut Scene)| {
        let mut scene = scene.clone();
        change(&mut scene);
        format!("{:?}", lint(&state, &scene, &canvas, &mut Fonts::new()))
    };
    assert_eq!(found(&|_| {}), "[]");
    let (title, action, tool) = (at("title"), at("action"), at("tool"));
    assert!(found(&|s| s.nodes[title].rect.w = 40).contains("Overflow"));
    // A word that is wider than its button, though it has room enough for itself.
    let narrow = |rect: Rect| rect.inset_xy(rect.w * 3 / 8, 0);
    assert!(found(&|s| s.nodes[action].rect = narrow(s.nodes[action].rect)).contains("Overflow"));
    assert!(found(&|s| s.nodes[tool].rect.h -= s.nodes[tool].rect.h / 5).contains("Edge"));
    assert!(found(&|s| s.nodes.retain(|node| node.id.0 != "title")).contains("Missing"));
    assert!(found(&|s| s.nodes.retain(|node| node.id.0 != "countdown")).contains("Countdown"));
    assert!(found(&|s| s.nodes[title].rect.x = panel.width - 10).contains("OffScreen"));
    assert!(found(&|s| s.nodes[action].rect.h = 20).contains("Target"));
    assert!(found(&|s| s.nodes[action].say = None).contains("Silent"));
    assert!(found(&|s| s.nodes[action].rect.y = 200).contains("Reach"));
    assert!(found(&|s| s.nodes[action].rect = s.nodes[tool].rect).contains("Targets"));
    assert!(found(&|s| s.nodes[title].rect.y += 60).contains("Texts"));
    let faint = |s: &mut Scene| {
        if let Kind::Text { color, .. } = &mut s.nodes[title].kind {
            *color = Color(0x00CF_DBE8);
        }
    };
    let mut scene = scene.clone();
    faint(&mut scene);
    let mut canvas = Canvas::new(panel.width, panel.height);
    let all = canvas.bounds();
    renderer.draw_part(&mut canvas, &scene, all);
    assert!(format!("{:?}", lint(&state, &scene, &canvas, &mut Fonts::new())).contains("Contrast"));
}

/// Whether a colour reads as green or teal.
fn is_green(color: Color) -> bool {
    let [r, g, b] = color.channels().map(i32::from);
    let (most, least) = (r.max(g).max(b), r.min(g).min(b));
    // From yellow-green to teal, and no mere grey.
    let (by_red, by_blue) = (g - r, b - g);
    let green = g == most && by_red * 4 > (most - least) * 3;
    let teal = b == most && by_blue * 4 < most - least;
    most - least > 12 && (green || teal)
}

/// Every colour that a scene draws with.
fn colors(scene: &Scene) -> Vec<(Id, Color)> {
    let of = |node: &Node| match &node.kind {
        Kind::Gradient(top, bottom) => vec![*top, *bottom],
        Kind::Panel { fill, border, .. } => std::iter::once(*fill).chain(border.map(|(_, color)| color)).collect(),
        Kind::Text { color, .. } | Kind::Icon { color, .. } => vec![*color],
        Kind::Ring { color, track, .. } => vec![*color, *track],
        Kind::Picture(_) | Kind::Code(_) => Vec::new(),
    };
    scene.nodes.iter().flat_map(|node| of(node).into_iter().map(|color| (node.id, color))).collect()
}

#[test]
fn green_and_teal_are_drawn_under_the_two_upper_words_only() {
    for tone in Tone::ALL {
        let expected = matches!(tone, Tone::Green | Tone::Teal);
        for shades in [tone.light(), tone.dark()] {
            assert_eq!((is_green(shades.ink), is_green(shades.ground)), (expected, expected), "{tone:?}");
        }
    }
    let mut fonts = Fonts::new();
    for (panel, preferences) in gallery::looks() {
        for (name, screen) in gallery::screens() {
            let Screen::Result(judged) = &screen else { continue };
            let word = judged.word;
            let scene = view(&gallery::state(panel, preferences, name, screen.clone()), &mut fonts);
            let green: Vec<_> = colors(&scene).into_iter().filter(|(_, color)| is_green(*color)).collect();
            assert_eq!(!green.is_empty(), word.is_green(), "{name} {panel:?} {green:?}");
        }
    }
}

#[test]
fn the_gallery_has_every_word() {
    for word in Word::ALL {
        let has = |screen: &Screen| matches!(screen, Screen::Result(judged) if judged.word == word);
        assert!(gallery::screens().iter().any(|(_, screen)| has(screen)), "{word:?}");
    }
}

/// Whatever comes together with whatever: a title, a sentence and a way on, and nothing cut on any panel.
#[test]
fn every_word_with_every_admission_says_what_is_and_what_comes_next() {
    let with = |of: fn(Because) -> Admission| Because::ALL.into_iter().map(of);
    let admissions: Vec<Admission> = std::iter::once(Admission::GoesOn)
        .chain(with(Admission::Marked))
        .chain(with(Admission::AskStaff))
        .chain(with(Admission::Refused))
        .collect();
    let texts = |vi: &str, en: &str| Some((vi.to_owned(), en.to_owned()));
    let full = Details {
        rung: Some(Rung::Signed),
        until: Some("01/01/2040".to_owned()),
        from: Some("01/01/2027".to_owned()),
        document: Some(Document::Other),
        takes: texts("thẻ căn cước", "citizen cards"),
        desk: texts("Quầy tiếp đón số 12", "Reception desk 12"),
        way: texts("Đi thẳng 10 m, quầy ở bên trái", "10 m straight on, on the left"),
    };
    let mut fonts = Fonts::new();
    // No pixel is needed: contrast is looked at in the gallery.
    let blank = PANELS.map(|panel| (panel, Canvas::new(panel.width, panel.height)));
    let looks: Vec<_> = gallery::looks().filter(|(_, preferences)| !preferences.high_contrast).collect();
    for word in Word::ALL {
        for admission in &admissions {
            for details in [Details::default(), full.clone()] {
                let then = Then::Named(("chọn khoa".to_owned(), "choose a department".to_owned()));
                let judged = Judged::new(word, *admission, details).then(then);
                for (panel, preferences) in &looks {
                    let state = gallery::state(*panel, *preferences, "", Screen::Result(judged.clone()));
                    let scene = view(&state, &mut fonts);
                    for id in ["title", "hint"] {
                        let said = scene.nodes.iter().find(|node| node.id.0 == id).and_then(|node| node.say.as_deref());
                        assert!(said.is_some_and(|said| !said.is_empty()), "{word:?} {admission:?} {id}");
                    }
                    let acts = scene.nodes.iter().filter(|node| node.id.0 == "action" && node.hit.is_some()).count();
                    assert!(acts > 0 || !panel.touch, "{word:?} {admission:?}");
                    let Some((_, canvas)) = blank.iter().find(|(each, _)| each == panel) else { continue };
                    let mut faults = lint(&state, &scene, canvas, &mut fonts);
                    faults.retain(|fault| !matches!(fault, Fault::Contrast(..)));
                    assert!(faults.is_empty(), "{word:?} {admission:?} {} {preferences:?} {faults:?}", panel.name);
                }
            }
        }
    }
}

/// Whoever listens hears first what the screen is about, and no keyboard read out.
#[test]
fn speech_begins_with_what_the_screen_is_about() {
    let mut renderer = Renderer::default();
    let (panel, preferences) = gallery::looks().next().expect("a look");
    for (name, screen) in gallery::screens() {
        let state = gallery::state(panel, preferences, name, screen);
        let scene = view(&state, &mut renderer.fonts);
        let said: Vec<&str> = scene.speech().collect();
        let tool = kiosk_ui::Phrase::StaffTool.text(preferences.language);
        // Who lets a device in or sets it up has no tools of those who are served.
        let served = !name.starts_with("enrolment") && !name.starts_with("setup");
        assert_eq!(said.last() == Some(&tool), served, "{name}: {said:?}");
        let first = scene
            .nodes
            .iter()
            .find(|node| node.say.as_ref().is_some_and(|text| *text.as_str() == *said[0]))
            .expect("a node");
        let has_words = scene.nodes.iter().any(|node| node.hit.is_none() && node.say.is_some());
        assert!(first.hit.is_none() || !has_words, "{name}: {said:?}");
        assert!(!said.iter().any(|word| word.chars().count() == 1), "{name}: {said:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever came before, drawing only what changed gives the picture that drawing everything gives.
    #[test]
    fn incremental_redraw_equals_full_redraw(
        panel in 0..PANELS.len(),
        history in prop::collection::vec((0..gallery::screens().len(), 0u32..60, any::<[bool; 4]>(), prop::option::of(0u8..4)), 2..10),
    ) {
        let panel = PANELS[panel];
        let mut renderer = Renderer::default();
        let mut full = Renderer::default();
        let mut canvas = Canvas::new(panel.width, panel.height);
        let screens = gallery::screens();
        for (screen, tick, [english, large, high_contrast, clock], pressed) in history {
            let (_, mut preferences) = gallery::looks().next().expect("a look");
            preferences.language = if english { Language::English } else { Language::Vietnamese };
            (preferences.large, preferences.high_contrast) = (large, high_contrast);
            let mut state = gallery::state(panel, preferences, screens[screen].0, screens[screen].1.clone());
            state.tick = tick;
            state.seconds_left = clock.then_some(tick as u16);
            state.pressed = pressed.map(|n| [Act::Cancel, Act::Language, Act::Digit(4), Act::Start][usize::from(n)]);
            let scene = view(&state, &mut renderer.fonts);
            renderer.draw(&mut canvas, scene);
            let (_, whole) = draw(&state, &mut full);
            prop_assert!(canvas.pixels() == whole.pixels(), "{:?} differs", state.screen);
        }
    }
}
