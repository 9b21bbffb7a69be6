//! Pictures of screens, and whether they are those that were looked at.

use kiosk_ui::canvas::Canvas;
use kiosk_ui::scene::{Renderer, Scene};
use kiosk_ui::{State, view};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

pub(crate) fn draw(state: &State, renderer: &mut Renderer) -> (Scene, Canvas) {
    let scene = view(state, &mut renderer.fonts);
    let mut canvas = Canvas::new(state.panel.width, state.panel.height);
    let all = canvas.bounds();
    renderer.draw_part(&mut canvas, &scene, all);
    (scene, canvas)
}

pub(crate) fn hash(canvas: &Canvas) -> String {
    let bytes: Vec<u8> = canvas.pixels().iter().flat_map(|pixel| pixel.to_le_bytes()).collect();
    Sha256::digest(&bytes)[..8].iter().fold(String::new(), |text, b| format!("{text}{b:02x}"))
}

/// Compares with the hashes of the pictures that were looked at. After a change that is meant:
/// `UPDATE_GOLDEN=1 cargo test -p kiosk-ui`, then look at what `cargo run --release -p kiosk-ui --example screens -- DIRECTORY`
/// draws. Exact on x86-64: another architecture may round a glyph's edge otherwise.
pub(crate) fn compare(file: &str, hashes: &BTreeMap<String, String>) {
    let lines: String = hashes.iter().map(|(name, hash)| format!("{hash} {name}\n")).collect();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, &lines).expect("golden pictures can be written");
    }
    if cfg!(target_arch = "x86_64") {
        let known = std::fs::read_to_string(&golden).expect("golden pictures");
        let changed: Vec<&str> = lines.lines().filter(|line| !known.lines().any(|k| k == *line)).collect();
        assert!(changed.is_empty() && known.lines().count() == hashes.len(), "other pictures: {changed:#?}");
    }
}
