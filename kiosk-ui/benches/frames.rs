//! What a picture costs, as a time and as a ratio to copying it: `cargo bench -p kiosk-ui --bench frames`.
//!
//! The copy of the whole frame in the same run is the yardstick: it moves with the machine's memory, as drawing does.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![allow(missing_docs, reason = "a program")]

use kiosk_ui::canvas::Canvas;
use kiosk_ui::panel::{PANELS, Panel};
use kiosk_ui::scene::Renderer;
use kiosk_ui::state::{Preferences, Screen, State};
use kiosk_ui::{gallery, view};
use std::hint::black_box;
use std::time::{Duration, Instant};

const ROUNDS: u32 = 60;

fn best(mut work: impl FnMut()) -> Duration {
    (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .min()
        .unwrap_or_default()
}

fn main() {
    println!("{:<38} {:>9} {:>7} {:>8}", "best of rounds", "ms", "copies", "pixels");
    PANELS.into_iter().for_each(panel);
}

fn row(name: &str, time: Duration, copy: Duration, share: f64) {
    let ms = time.as_secs_f64() * 1e3;
    println!("{name:<38} {ms:>9.3} {:>7.2} {:>7.1}%", time.as_secs_f64() / copy.as_secs_f64(), share * 100.0);
}

fn panel(panel: Panel) {
    let all = f64::from(panel.width * panel.height);
    let canvas = Canvas::new(panel.width, panel.height);
    let mut out = canvas.pixels().to_vec();
    let copy = best(|| black_box(&mut out).copy_from_slice(black_box(canvas.pixels())));
    row(&format!("{}: copy of the frame", panel.name), copy, copy, 1.0);
    let state = |name: &str| -> State {
        let screen = gallery::screens().into_iter().find(|(known, _)| *known == name).map(|(_, screen)| screen);
        gallery::state(panel, Preferences::default(), name, screen.unwrap_or(Screen::Attract))
    };
    for name in ["place", "reading", "number-half", "result-proved"] {
        let scene = view(&state(name), &mut kiosk_ui::font::Fonts::new());
        let mut renderer = Renderer::default();
        let mut canvas = Canvas::new(panel.width, panel.height);
        let bounds = canvas.bounds();
        renderer.draw_part(&mut canvas, &scene, bounds);
        let whole = best(|| renderer.draw_part(&mut canvas, black_box(&scene), bounds));
        row(&format!("{}: {name}, whole, warm", panel.name), whole, copy, 1.0);
    }
    for name in ["place", "reading"] {
        let mut renderer = Renderer::default();
        let mut canvas = Canvas::new(panel.width, panel.height);
        let (mut pixels, mut tick, mut moving) = (0.0, 0, state(name));
        let mut next = |canvas: &mut Canvas, renderer: &mut Renderer| {
            tick = (tick + 1) % 15;
            moving.tick = tick;
            let scene = view(&moving, &mut renderer.fonts);
            renderer.draw(canvas, scene).1
        };
        next(&mut canvas, &mut renderer);
        // The mean of a whole movement: some of its ticks change nothing.
        let start = Instant::now();
        for _ in 0..ROUNDS {
            let changed = next(&mut canvas, &mut renderer);
            pixels += changed.iter().map(|r| f64::from(r.w * r.h)).sum::<f64>() / all / f64::from(ROUNDS);
        }
        let time = start.elapsed() / ROUNDS;
        row(&format!("{}: {name}, tick, view and diff", panel.name), time, copy, pixels);
    }
}
