//! The commands of `cccd-agent`, one module each.

pub mod access;
pub mod bundle;
pub mod config;
#[cfg(feature = "practice")]
pub mod demo;
#[cfg(feature = "desk")]
pub mod desk;
pub mod devices;
pub mod doctor;
pub mod evidence;
#[cfg(feature = "kiosk")]
pub mod fault;
#[cfg(feature = "kiosk")]
pub mod kiosk;
pub mod outbox;
pub mod profile;
pub mod read;
pub mod receipt;
pub mod relay_guard;
pub mod reset;
pub mod roster;
pub mod run;
pub mod scanner_code;
pub mod seal;
pub mod setup;
#[cfg(feature = "desk")]
pub mod staff;
pub mod subject;
pub mod trust;
pub mod verify;

use crate::check;
use ::config::Config;
use emrtd::UnixTime;
use events::Clock;
use program::Failure;
pub use program::print_text;
use site::{Around, Site};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use store::book::Book;
use store::book::seal::Seal;
use visit::profile::Profile;

/// How stored files are to be judged.
#[derive(Debug, Clone)]
pub struct Judging {
    /// Trust anchors.
    pub trust: PathBuf,
    /// Judge validity at this time instead of the signing time.
    pub at: Option<UnixTime>,
    /// Whether to print JSON.
    pub json: bool,
}

/// A word that becomes true when the service is told to end: by SIGTERM or SIGINT.
///
/// # Errors
/// When the system takes no handler.
pub fn told_to_end() -> Result<Arc<AtomicBool>, Failure> {
    let ended = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&ended))
            .map_err(|e| Failure::device("signals", e.to_string(), "report this as a bug"))?;
    }
    Ok(ended)
}

/// The wall clock as the trust rules want it.
#[must_use]
pub fn now(clock: &dyn Clock) -> UnixTime {
    UnixTime(clock.wall())
}

/// Opens a site whose happenings are printed, one JSON object a line.
///
/// # Errors
/// When a file, key or store is not as it must be.
pub fn open_site(config: Config, clock: Arc<dyn Clock>) -> Result<Arc<Site>, Failure> {
    let profile = Profile::load(&config.profile)?;
    Site::open(config, profile, clock, around())
}

/// The book of a configuration, beside an agent that may be running.
///
/// # Errors
/// When it does not open.
pub fn book(config: &Config) -> Result<Book, Failure> {
    let practice = Profile::load(&config.profile)?.practice;
    let state = config.state_of(practice);
    program::private::directory(&state).map_err(|e| {
        Failure::device("state_unwritable", format!("{}: {e}", state.display()), "mend state in agent.toml")
    })?;
    let seal = if practice { Seal::practice } else { Seal::open };
    Ok(Book::open(&state.join("book.db"), seal(config.key_store()?))?)
}

/// Who gives a command, for events: `uid:N`.
pub(crate) fn who() -> String {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").map_or_else(|_| "uid:unknown".to_owned(), |this| format!("uid:{}", this.uid()))
}

/// What the program gives to a site.
#[must_use]
pub fn around() -> Around {
    Around { check: check::check, tell: Arc::new(|happened| print_line(&happened.to_json())) }
}

/// Prints one JSON value on standard output, for people and programs.
///
/// # Errors
/// When standard output is closed.
pub fn print_json(value: &serde_json::Value) -> Result<(), Failure> {
    program::print(&format!("{value:#}\n"))
}

/// Prints one JSON value on a line of its own, for programs that read on.
///
/// # Errors
/// When standard output is closed.
pub fn print_line(value: &serde_json::Value) -> Result<(), Failure> {
    program::print(&format!("{value}\n"))
}
