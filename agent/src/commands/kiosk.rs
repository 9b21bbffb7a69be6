//! `cccd-agent kiosk`: a kiosk on its own screen.

use crate::cabinet::Cabinet;
use crate::config::Config;
use crate::failure::{Failure, exit};
use crate::kiosk::{self, Outside};
use events::{Clock, SystemClock};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

/// How soon the end is noticed.
const ROUND: Duration = Duration::from_millis(100);

/// Runs the kiosk until SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot start, or its own store fails.
pub fn run(config: &Path) -> Result<u8, Failure> {
    let config = Config::adopt(config)?;
    let (outside, comes_in) = channel();
    let (cabinet, place) = Cabinet::start(&config, &outside)?;
    let ended = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&ended))
            .map_err(|e| Failure::device("signals", e.to_string(), "report this as a bug"))?;
    }
    std::thread::spawn(move || {
        while !ended.load(Ordering::Relaxed) {
            std::thread::park_timeout(ROUND);
        }
        drop(outside.send(Outside::Stop));
    });
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    kiosk::run(config, place, clock, &comes_in, Box::new(cabinet))?;
    Ok(exit::GENUINE)
}
