//! `cccd-agent kiosk`: a kiosk on its own screen.

use crate::check;
use crate::commands::{fault, told_to_end};
use config::{Config, Stage};
use events::{Clock, SystemClock};
use kiosk::cabinet::Cabinet;
use kiosk::stage::{self, Outside};
use program::{Failure, exit};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How soon the end is noticed.
const ROUND: Duration = Duration::from_millis(100);

/// So long the panel says why a kiosk ended that the unit starts again at once.
const SHOWN: Duration = Duration::from_secs(20);

/// Runs the kiosk until SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot start, or its own store fails. What the unit would only start anew is said on the panel for a while first; a wrong
/// setting, which it does not start anew, is shown by `cccd-agent fault`.
pub fn run(path: &Path) -> Result<u8, Failure> {
    let ended = told_to_end()?;
    let result = serve(path, &ended);
    if let Err(failure) = &result
        && failure.exit != exit::USAGE
    {
        fault::show_for(path, failure, SHOWN, &ended);
    }
    result
}

/// Whether somebody has begun to let the device in. It does not mend itself, so the unit does not start it anew.
///
/// # Errors
/// `identity_missing` when nobody has; what is wrong with the identity's file.
pub(super) fn begun(config: &Config) -> Result<(), Failure> {
    if config.identity_state()?.is_some() {
        return Ok(());
    }
    let remedy = "provision enrol --by screen --central https://…; then systemctl restart cccd-kiosk";
    Err(Failure::usage("identity_missing", "the device is not enrolled", remedy))
}

fn serve(path: &Path, ended: &Arc<AtomicBool>) -> Result<u8, Failure> {
    let config = check::adopt(path, Stage::Kiosk)?;
    begun(&config)?;
    let (outside, inbox) = stage::entrance();
    let (cabinet, place) = Cabinet::start(&config, &outside)?;
    let ended = Arc::clone(ended);
    std::thread::spawn(move || {
        while !ended.load(Ordering::Relaxed) {
            std::thread::park_timeout(ROUND);
        }
        program::ignore(outside.send(Outside::Stop), "whoever listened has ended");
    });
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    kiosk::run(config, place, clock, crate::commands::around(), inbox, Box::new(cabinet))?;
    Ok(exit::GENUINE)
}
