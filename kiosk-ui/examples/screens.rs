//! Writes every screen as a picture: `cargo run --release -p kiosk-ui --example screens -- DIRECTORY [PANEL]`.

use kiosk_ui::canvas::Canvas;
use kiosk_ui::lint::lint;
use kiosk_ui::scene::Renderer;
use kiosk_ui::{gallery, view};
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = PathBuf::from(arguments.next().ok_or("a directory is wanted")?);
    let only = arguments.next();
    let mut renderer = Renderer::default();
    for (panel, preferences) in gallery::looks().filter(|(panel, _)| only.as_deref().is_none_or(|o| o == panel.name)) {
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
