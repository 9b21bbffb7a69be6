//! Panels of every size: the layout suits them, and nothing on it is wrong.

mod common;

use common::{compare, draw, hash};
use kiosk_ui::canvas::Canvas;
use kiosk_ui::font::Fonts;
use kiosk_ui::geometry::Rect;
use kiosk_ui::lint::{Fault, lint};
use kiosk_ui::panel::Layout;
use kiosk_ui::panel::{PANELS, Panel};
use kiosk_ui::scene::{Kind, Renderer};
use kiosk_ui::state::Preferences;
use kiosk_ui::theme::{CAPITAL_SHARE, Sizes};
use kiosk_ui::{Language, Screen, State, gallery, view};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Name, pixels, and millimetres where they are known.
type Sold = (&'static str, (i32, i32), Option<(i32, i32)>);

/// What kiosks are made of, in pixels and, where it matters, millimetres.
const SOLD: [Sold; 10] = [
    ("720x1280", (720, 1280), None),
    ("800x1280", (800, 1280), None),
    ("1280x720", (1280, 720), Some((155, 88))),
    ("1280x800", (1280, 800), None),
    ("1366x768", (1366, 768), None),
    ("1920x1080", (1920, 1080), None),
    ("3840x2160", (3840, 2160), None),
    ("1080x1920-194mm", (1080, 1920), Some((194, 344))),
    // Touch Display 2 as it is built, and a 10.1-inch panel hung upright.
    ("720x1280-88mm", (720, 1280), Some((88, 155))),
    ("800x1280-136mm", (800, 1280), Some((136, 217))),
];

/// One screen of each kind of layout.
const SCREENS: [&str; 11] = [
    "attract",
    "consent-kept",
    "scan",
    "number-half",
    "place",
    "reading-portrait",
    "result-proved",
    "form-typed",
    "choice-more",
    "technician",
    "enrolment",
];

fn looks() -> [Preferences; 2] {
    let usual = Preferences { language: Language::Vietnamese, large: false, high_contrast: false, speech: false };
    [usual, Preferences { language: Language::English, large: true, high_contrast: true, ..usual }]
}

fn examine((name, pixels, millimetres): Sold) -> BTreeMap<String, String> {
    let panel = Panel::of(pixels, millimetres, None).expect(name);
    let mut renderer = Renderer::default();
    let mut hashes = BTreeMap::new();
    for preferences in looks() {
        for (screen, shown) in gallery::screens().into_iter().filter(|(screen, _)| SCREENS.contains(screen)) {
            let state = gallery::state(panel, preferences, screen, shown);
            let (scene, canvas) = draw(&state, &mut renderer);
            let screen = gallery::name(panel, preferences, screen).replace(panel.name, name);
            assert_eq!(lint(&state, &scene, &canvas, &mut renderer.fonts), [], "{screen}");
            hashes.insert(screen, hash(&canvas));
        }
    }
    hashes
}

#[test]
fn screens_on_panels_that_are_sold_are_clean_and_as_they_were_looked_at() {
    let panels = SOLD.map(|sold| std::thread::spawn(move || examine(sold)));
    let hashes: BTreeMap<String, String> = panels.into_iter().flat_map(|panel| panel.join().expect("clean")).collect();
    assert_eq!(hashes.len(), SOLD.len() * SCREENS.len() * looks().len());
    compare("golden-panels.txt", &hashes);
}

#[test]
fn a_panel_that_a_layout_was_made_for_has_it_as_it_is() {
    for panel in PANELS {
        let pixels = (panel.width, panel.height);
        assert_eq!(Panel::of(pixels, None, None), Some(panel));
        let millimetres = (panel.width * 100 / panel.density + 1, panel.height * 100 / panel.density + 1);
        assert_eq!(Panel::of(pixels, Some(millimetres), Some(panel.layout)), Some(panel));
    }
}

#[test]
fn the_layout_is_the_one_that_can_be_read() {
    let layout = |pixels, wish| Panel::of(pixels, None, wish).map(|panel| panel.layout);
    for (pixels, expected) in [
        ((720, 1280), Some(Layout::Upright)),
        ((1280, 800), Some(Layout::Wide)),
        ((640, 480), Some(Layout::Wide)),
        // Upright, and too narrow for the letters of the upright layout.
        ((600, 1024), Some(Layout::Slim)),
        ((480, 800), Some(Layout::Slim)),
        ((480, 320), Some(Layout::Tiny)),
        ((240, 320), Some(Layout::Tiny)),
        ((160, 128), None),
    ] {
        assert_eq!(layout(pixels, None), expected, "{pixels:?}");
    }
    assert_eq!(layout((1920, 1080), Some(Layout::Tiny)), Some(Layout::Tiny), "what is wished for");
    assert_eq!(layout((1024, 600), Some(Layout::Upright)), Some(Layout::Wide), "unless nobody could read it");
}

#[test]
fn what_a_hand_and_an_eye_need_is_kept_where_the_millimetres_allow() {
    let smallest = |pixels, (wide, high)| {
        Panel::of(pixels, Some((wide, high)), None).and_then(|panel| panel.smallest(wide)).expect("a panel to touch")
    };
    // 15.6 inches upright, 7 and 10.1 inches wide, a television.
    for (pixels, millimetres) in
        [((1080, 1920), (194, 344)), ((1024, 600), (154, 90)), ((1280, 800), (217, 136)), ((1920, 1080), (941, 529))]
    {
        let (capital, target) = smallest(pixels, millimetres);
        assert!(capital >= 48 && target >= 150, "{pixels:?}: {capital} {target}");
    }
    // Touch Display 2, turned, as near as its keys come to each other.
    let (capital, target) = smallest((1280, 720), (155, 88));
    assert!(capital >= 47 && target >= 147, "{capital} {target}");
    // As it is built, and others that are upright and small: ten letters side by side are narrower, and nothing else is.
    for (pixels, millimetres) in [((720, 1280), (88, 155)), ((600, 1024), (90, 154)), ((800, 1280), (136, 217))] {
        let (capital, target) = smallest(pixels, millimetres);
        assert!(capital >= 48 && target >= 150, "{pixels:?}: {capital} {target}");
    }
}

/// Capitals of sentences in tenths of a millimetre.
fn sentence(pixels: (i32, i32), (wide, high): (i32, i32)) -> i32 {
    let panel = Panel::of(pixels, Some((wide, high)), None).expect("a panel");
    Sizes::of(panel, false).body * CAPITAL_SHARE * wide / pixels.0 / 10
}

#[test]
fn sentences_are_nowhere_smaller_than_on_seven_inches_wide() {
    let usual = sentence((1024, 600), (154, 90));
    assert!(usual >= 48, "{usual}");
    // Upright: 7, 8, 10.1, 13.3 and 15.6 inches. Wide: 10.1 inches and a television.
    for (pixels, millimetres) in [
        ((600, 1024), (90, 154)),
        ((720, 1280), (88, 155)),
        ((800, 1280), (108, 172)),
        ((800, 1280), (136, 217)),
        ((1080, 1920), (165, 294)),
        ((1080, 1920), (194, 344)),
        ((1280, 800), (217, 136)),
        ((3840, 2160), (941, 529)),
    ] {
        // A pixel more or less is a tenth of a millimetre.
        assert!(sentence(pixels, millimetres) > usual - 2, "{pixels:?}: {}", sentence(pixels, millimetres));
    }
}

/// A size, and perhaps how wide it is in millimetres.
fn sizes() -> impl Strategy<Value = ((i32, i32), Option<(i32, i32)>)> {
    let side = |least: i32| prop_oneof![least..1200, least..=4096];
    let wide = prop::option::of(prop_oneof![Just(20), 20..1500i32].prop_map(|wide| (wide, wide)));
    ((side(320), side(240)), wide)
}

fn state(panel: Panel, screen: &(&'static str, Screen), [english, large]: [bool; 2]) -> State {
    let language = if english { Language::English } else { Language::Vietnamese };
    let preferences = Preferences { language, large, high_contrast: false, speech: false };
    gallery::state(panel, preferences, screen.0, screen.1.clone())
}

/// Every screen on this panel: all that is read and touched lies in the layout's area and is clean, and a finger beside it
/// touches nothing.
fn examine_all(panel: Panel, look: [bool; 2], fonts: &mut Fonts) -> Result<(), String> {
    let glass = Rect::new(0, 0, panel.width, panel.height);
    if !glass.covers(panel.area) || panel.area.is_empty() {
        return Err(format!("{panel:?} lies outside"));
    }
    // No pixel is needed: contrast is looked at in the golden pictures.
    let blank = Canvas::new(panel.width, panel.height);
    for screen in gallery::screens() {
        let state = state(panel, &screen, look);
        let scene = view(&state, fonts);
        let mut faults = lint(&state, &scene, &blank, fonts);
        faults.retain(|fault| !matches!(fault, Fault::Contrast(..)));
        if !faults.is_empty() {
            return Err(format!("{} {panel:?} {faults:?}", screen.0));
        }
        let shown = |kind: &Kind| matches!(kind, Kind::Text { .. });
        let outside = |rect: Rect| !panel.area.covers(rect);
        let mut nodes = scene.nodes.iter().filter(|node| node.hit.is_some() || shown(&node.kind));
        if let Some(node) = nodes.find(|node| outside(node.rect)) {
            return Err(format!("{} {panel:?} {node:?}", screen.0));
        }
        let area = panel.area;
        let beside = [(area.x - 1, area.y), (area.x, area.y - 1), (area.right(), area.y), (area.x, area.bottom())];
        if let Some(point) = beside.into_iter().find(|(x, y)| scene.hit(*x, *y).is_some()) {
            return Err(format!("{} {panel:?} is touched at {point:?}", screen.0));
        }
    }
    Ok(())
}

/// The least sizes of every layout, and those at which it is drawn hardly larger than it was made, on glass so dense that
/// its letters are as large as they come: there it has the least room.
#[test]
fn every_layout_has_room_where_it_has_the_least() {
    let dense = Some((20, 20));
    let corners =
        [(1020, 400), (740, 401), (800, 480), (785, 908), (705, 1035), (1296, 1034), (600, 1024), (730, 1300)].map(
            |pixels| {
                std::thread::spawn(move || {
                    let mut fonts = Fonts::new();
                    for look in [[false, false], [false, true], [true, false], [true, true]] {
                        for wish in [None, Some(Layout::Slim)] {
                            let panel = Panel::of(pixels, dense, wish).expect("readable");
                            examine_all(panel, look, &mut fonts).expect("clean");
                        }
                    }
                })
            },
        );
    for corner in corners {
        corner.join().expect("clean");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: test_support::cases(40, 4000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_size_has_a_clean_layout_with_nothing_to_touch_beside_it(
        (pixels, millimetres) in sizes(),
        look in any::<[bool; 2]>(),
        wish in prop::option::of(prop::sample::select(vec![Layout::Upright, Layout::Slim, Layout::Wide, Layout::Tiny])),
    ) {
        let panel = Panel::of(pixels, millimetres, wish).expect("readable");
        if let Err(fault) = examine_all(panel, look, &mut Fonts::new()) {
            return Err(TestCaseError::fail(fault));
        }
    }
}
