//! `cccd-agent bundle`: what the operator sent on a stick.

use crate::bundle;
use crate::commands::print_text;
use crate::config::Config;
use crate::failure::{Failure, exit};
use identity::bundles::Bundles;
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
        bundle::take(&Bundles::new(&config.bundles), &state, &config.file, &program::files::read(file)?)
            .map_err(|e| Failure::usage(e.code(), emrtd::error::describe(&e), e.remedy()))?;
    print_text(&format!("bundle {version} is active, it was {before}; restart the agent\n"));
    Ok(exit::GENUINE)
}
