//! A kiosk whose glass is a browser tab: `hil-kiosk CONFIG SOCKET PORT PATIENCE_S`. It runs inside the rig's namespaces and ends
//! with its standard input. See `hil_tests::mirror`.

use anyhow::Context as _;
use config::Config;
use events::{Clock, SystemClock};
use kiosk::stage::{self, Outside};
use std::io::BufRead as _;
use std::path::Path;
use std::sync::Arc;

fn main() -> anyhow::Result<()> {
    cccd_agent::cli::start_log();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [config, socket, port, patience] = &arguments[..] else {
        anyhow::bail!("usage: hil-kiosk CONFIG SOCKET PORT PATIENCE_S")
    };
    let config = Config::load(Path::new(config))?;
    let place = hil_tests::mirror::place(patience.parse().context("PATIENCE_S")?);
    let (outside, inbox) = stage::entrance();
    let glass =
        hil_tests::mirror::start(Path::new(socket), port.parse().context("PORT")?, place.panel, outside.clone())?;
    std::thread::spawn(move || {
        for _ in std::io::stdin().lock().lines() {}
        program::ignore(outside.send(Outside::Stop), "the kiosk has ended");
    });
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    kiosk::run(config, place, clock, cccd_agent::commands::around(), inbox, Box::new(glass))?;
    Ok(())
}
