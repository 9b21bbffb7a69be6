//! `cccd-agent bundle`: what the operator sent on a stick.

use crate::check;
use crate::commands::print_text;
use config::Config;
use identity::bundles::Bundles;
use program::{Failure, exit};
use site::bundle;
use std::path::Path;

/// Takes a bundle in.
///
/// # Errors
/// When it is refused: the active one stays.
pub fn run(config: &Path, file: &Path) -> Result<u8, Failure> {
    let config = Config::load(config)?;
    let state = config.identity_state()?.ok_or_else(|| {
        Failure::device("identity_missing", "the device has no identity", "enrol the device: provision enrol")
    })?;
    let (before, version) =
        bundle::take(&Bundles::new(&config.bundles), &state, &config.file, &program::files::read(file)?, check::check)
            .map_err(|e| Failure::from(e).as_usage())?;
    print_text(&format!("bundle {version} is active, it was {before}; restart the agent\n"));
    Ok(exit::GENUINE)
}
