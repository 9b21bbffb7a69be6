//! Rigs: a private PC/SC stack, virtual cards on it, a central endpoint, a device. The only place that starts
//! everything.
//!
//! Each [`Stack`] runs its own `pcscd` in network and mount namespaces of its own, so that rigs do not disturb each
//! other nor the machine's readers, and vpcd's port is open to nobody else.

pub mod browser;
pub mod ccid;
pub mod debian;
pub mod fleet;
pub mod fleet_line;
pub mod guest;
pub mod line;
pub mod link;
pub mod lying;
pub mod mirror;
pub mod office;
pub mod page_key;
pub mod said;
pub mod stack;

pub use line::Line;
pub use stack::{Laid, Stack};

use anyhow::Context as _;
pub use rustix::process::Signal;
use std::path::PathBuf;

/// A program of this workspace, beside the running one in the target directory.
///
/// # Panics
/// When the running program's own path is unknown, which Linux does not let happen.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("the path of the running program");
    // Tests lie in `deps`, one deeper than the programs.
    own.ancestors().skip(1).take(2).map(|dir| dir.join(name)).find(|path| path.exists()).unwrap_or_else(|| name.into())
}

/// Sends a process a signal.
///
/// # Errors
/// When there is no such process.
pub fn signal(process: u32, signal: Signal) -> anyhow::Result<()> {
    let process = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    Ok(rustix::process::kill_process(process.context("no process")?, signal)?)
}

/// The vpcd port of the first virtual reader.
pub const FIRST_READER: u16 = 35963;
/// The vpcd port of the second virtual reader.
pub const SECOND_READER: u16 = 35964;
