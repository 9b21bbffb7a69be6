//! A program without virtual cards.

use super::Practised;
use crate::anchors::Anchors;
use drivers::reader::simulated::Chip;
use program::Failure;

fn absent() -> Failure {
    Failure::usage("reader_unknown", program::without("practice"), "use pcsc, or the packages' agent")
}

/// Nobody.
#[must_use]
pub const fn people() -> Vec<Practised> {
    Vec::new()
}

/// None.
///
/// # Errors
/// Always.
pub fn anchors() -> Result<Anchors, Failure> {
    Err(absent())
}

/// None.
///
/// # Errors
/// Always.
pub fn chip(_: &str) -> Result<Box<dyn Chip>, Failure> {
    Err(absent())
}
