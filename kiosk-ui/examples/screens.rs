//! Writes every screen as a picture: `cargo run --release -p kiosk-ui --example screens -- DIRECTORY [PANEL]`. A panel is one
//! by its name, or pixels and, where known, millimetres: `720x1280`, `1080x1920@194x344`.

use kiosk_ui::canvas::Canvas;
use kiosk_ui::lint::lint;
use kiosk_ui::panel::{PANELS, Panel};
use kiosk_ui::scene::Renderer;
use kiosk_ui::{gallery, view};
use std::path::PathBuf;

/// A panel by its size.
fn sized(text: &str) -> Option<Panel> {
    let pair = |text: &str| {
        let (wide, high) = text.split_once('x')?;
        Some((wide.parse().ok()?, high.parse().ok()?))
    };
    let (pixels, millimetres) = text.split_once('@').map_or((text, None), |(pixels, rest)| (pixels, Some(rest)));
    Panel::of(pair(pixels)?, millimetres.and_then(pair), None)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = PathBuf::from(arguments.next().ok_or("a directory is wanted")?);
    let only = arguments.next();
    let mut renderer = Renderer::default();
    let panels = match only.as_deref() {
        None => PANELS.to_vec(),
        Some(text) => vec![Panel::find(text).or_else(|| sized(text)).ok_or("no such panel")?],
    };
    let looks = panels.into_iter().flat_map(gallery::looks_on);
    for (panel, preferences) in looks {
        std::fs::create_dir_all(directory.join(panel.name))?;
        for (name, screen) in gallery::screens() {
            let state = gallery::state(panel, preferences, name, screen);
            let scene = view(&state, &mut renderer.fonts);
            let mut canvas = Canvas::new(panel.width, panel.height);
            let bounds = canvas.bounds();
            renderer.draw_part(&mut canvas, &scene, bounds);
            let name = gallery::name(panel, preferences, name);
            for fault in lint(&state, &scene, &canvas, &mut renderer.fonts) {
                println!("{name}: {fault:?}");
            }
            let file = std::io::BufWriter::new(std::fs::File::create(directory.join(format!("{name}.png")))?);
            let mut encoder = png::Encoder::new(file, panel.width as u32, panel.height as u32);
            encoder.set_color(png::ColorType::Rgb);
            encoder.write_header()?.write_image_data(&canvas.rgb(bounds))?;
        }
    }
    Ok(())
}
