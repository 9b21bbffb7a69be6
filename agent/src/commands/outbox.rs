//! `cccd-agent outbox`: events to central on a stick, and its receipt back. For devices without a network, and for those that
//! were replaced.

use crate::check;
use crate::commands::print_text;
use config::Config;
use events::sync::{MAX_BATCH, encode_batch};
use program::{Failure, exit};
use std::path::Path;
use store::outbox::Outbox;

fn open(config: &Config) -> Result<Outbox, Failure> {
    Ok(Outbox::open(&config.outbox())?)
}

/// Writes all events that central has not acknowledged, in batches: `DEVICE-0001.events`, … They stay in the outbox until the
/// receipt is taken.
///
/// # Errors
/// When a file cannot be written.
pub fn export(config: &Path, directory: &Path) -> Result<u8, Failure> {
    let config = check::load_or_last(config, None)?;
    let pending = open(&config)?.pending(usize::MAX)?;
    for (number, batch) in pending.chunks(MAX_BATCH).enumerate() {
        let path = directory.join(format!("{}-{:04}.events", config.device, number + 1));
        fleet::files::replace(&path, &encode_batch(batch.iter().map(Vec::as_slice))).map_err(|e| {
            Failure::usage("file_unwritable", program::describe(&e), "name a directory that can be written")
        })?;
    }
    print_text(&format!("{} events in {}\n", pending.len(), directory.display()));
    Ok(exit::GENUINE)
}

/// Takes central's receipt: what it covers need not be sent any more.
///
/// # Errors
/// When it is not this fleet's, or for another device.
pub fn receipt(config: &Path, file: &Path) -> Result<u8, Failure> {
    let config = check::load_or_last(config, None)?;
    let missing =
        || Failure::device("identity_missing", "the device is not enrolled", "enrol the device: provision enrol");
    let refused = |e: fleet::FleetError| Failure::from(e).as_usage();
    let state = config.identity_state()?.ok_or_else(missing)?;
    let roots = state.roots().map_err(refused)?.ok_or_else(missing)?;
    let receipt = fleet::receipt::open(&program::files::read(file)?, &roots, &config.device).map_err(refused)?;
    open(&config)?.acknowledge(receipt.committed, receipt.at)?;
    print_text(&format!("central has {} events\n", receipt.committed));
    Ok(exit::GENUINE)
}
