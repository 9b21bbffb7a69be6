//! `cccd-agent run`: the device at work. A line on standard input is a scan (a QR code) or a typed number; it arms
//! one read. Each verdict becomes a signed event on disk and is sent to central.
//!
//! Standard output carries one JSON object a line, without personal data; `docs/cli.md` lists them. End of input,
//! SIGTERM and SIGINT end the process after the read at hand and after pending events had their chance.

use crate::check;
use crate::commands::{open_site, print_line, told_to_end};
use config::Stage;
use events::{Clock, SystemClock};
use program::{Failure, exit};
use reading::device::{Device, Host, ROUND};
use serde_json::json;
use std::io::BufRead as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};

/// Runs the device until it is told to stop.
///
/// # Errors
/// When it cannot start, or its own store fails.
pub fn run(config: &Path) -> Result<u8, Failure> {
    let config = check::adopt(config, Stage::Run)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let stop = told_to_end()?;
    let site = open_site(config, clock)?;
    let mut device = match Device::start(Arc::clone(&site) as Arc<dyn Host>, &stop) {
        // Told to stop while there was no reader: nothing was under way.
        Err(failure) if failure.exit == exit::NO_READER && stop.load(Ordering::Relaxed) => return Ok(0),
        device => device?,
    };
    tracing::info!(name = site.config.device, profile = site.config.profile, ?device, "ready");
    site.started()?;
    print_line(&json!({ "ready": true }))?;
    let scans = scans();
    while !stop.load(Ordering::Relaxed) {
        match scans.recv_timeout(ROUND) {
            Ok(line) => {
                // Nobody restarts the device meanwhile.
                let _served = site.visits.begin();
                device.scan(&line, &stop)?;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    tracing::info!("stopping");
    site.finish()?;
    Ok(0)
}

/// Lines of standard input, read in a thread of their own; the channel closes at the end of input.
fn scans() -> Receiver<zeroize::Zeroizing<String>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.send(zeroize::Zeroizing::new(line)).is_err() {
                return;
            }
        }
    });
    receiver
}
