//! What the configuration names becomes a device at work: its words are read, it is opened, and [`parts`] tells whether it is there.

pub mod door;
pub mod lines;
pub mod parts;
pub mod printing;
pub mod scanning;
pub mod sound;
pub mod specification;

use std::time::Duration;

/// How long a device that is away is left alone before it is looked for again.
pub const PAUSE: Duration = Duration::from_millis(500);
/// How long a device is waited on at once.
pub const ROUND: Duration = Duration::from_millis(500);
