//! State to scene. Nothing here knows a clock, a device or a pixel.
//!
//! Upright panels have everything that is touched in their lower half, within reach of a person who sits; wide ones have
//! picture left and words right; the smallest shows one thought and nothing to touch.

mod attract;
mod build;
mod illustration;
mod keyboard;
mod measure;
mod number;
mod reading;
mod result;
mod screens;
mod setup;
mod step;
mod technician;

use crate::font::Fonts;
use crate::scene::Scene;
use crate::state::State;
use build::Builder;

/// The scene of a state. `fonts` measures text; it does not change what is drawn.
#[must_use]
pub fn view(state: &State, fonts: &mut Fonts) -> Scene {
    let mut builder = Builder::new(state, fonts);
    let mut rest = builder.frame();
    screens::draw(&mut builder, &mut rest);
    builder.finish()
}
