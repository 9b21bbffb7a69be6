//! The commands of `cccd-agent`, one module each.

pub mod bundle;
pub mod config;
pub mod demo;
pub mod desk;
pub mod devices;
pub mod doctor;
pub mod evidence;
pub mod fault;
pub mod kiosk;
pub mod outbox;
pub mod profile;
pub mod read;
pub mod relay_guard;
pub mod reset;
pub mod roster;
pub mod run;
pub mod scanner_code;
pub mod seal;
pub mod setup;
pub mod subject;
pub mod trust;
pub mod verify;

use crate::failure::Failure;
use crate::simulated;
use drivers::reader::Reader;
use drivers::reader::pcsc::PcscReader;
use emrtd::session::{AccessPolicy, Plan};
use emrtd::x509::UnixTime;
use events::Clock;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use zeroize::Zeroizing;

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

/// A reader by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReaderName<'a> {
    /// PC/SC, with a part of the slot's name.
    Pcsc(&'a str),
    /// libnfc, with its connection string.
    Libnfc(&'a str),
    /// A virtual card.
    Simulated(&'a str),
}

impl<'a> ReaderName<'a> {
    /// Reads a name.
    ///
    /// # Errors
    /// When there is no such kind of reader.
    pub fn parse(text: &'a str) -> Result<Self, Failure> {
        match text.split_once(':') {
            None if text == "pcsc" => Ok(Self::Pcsc("")),
            Some(("pcsc", name)) => Ok(Self::Pcsc(name)),
            Some(("libnfc", connstring)) => Ok(Self::Libnfc(connstring)),
            Some(("sim", persona)) => Ok(Self::Simulated(persona)),
            _ => Err(Failure::usage(
                "reader_unknown",
                format!("no kind of reader is called {text:?}"),
                "use pcsc, pcsc:SUBSTRING, libnfc:CONNSTRING or sim:PERSONA",
            )),
        }
    }

    /// What can be known of it without opening it.
    ///
    /// # Errors
    /// When there is no such virtual card.
    pub fn check(self) -> Result<(), Failure> {
        match self {
            Self::Simulated(persona) => simulated::chip(persona).map(drop),
            Self::Pcsc(_) | Self::Libnfc(_) => Ok(()),
        }
    }

    /// Opens it.
    ///
    /// # Errors
    /// When it is not there.
    pub fn open(self) -> Result<Box<dyn Reader>, Failure> {
        Ok(match self {
            Self::Pcsc(name) => Box::new(PcscReader::open(name)?),
            #[cfg(feature = "libnfc")]
            Self::Libnfc(connstring) => Box::new(drivers::reader::libnfc::LibnfcReader::open(connstring)?),
            #[cfg(not(feature = "libnfc"))]
            Self::Libnfc(connstring) => {
                let message = format!("libnfc:{connstring}: this agent was built without the feature libnfc");
                return Err(Failure::usage("reader_unknown", message, "use pcsc, or the packages' agent"));
            }
            Self::Simulated(persona) => Box::new(simulated::reader(persona)?),
        })
    }
}

/// Opens a reader from its name.
///
/// # Errors
/// When it is misspelt or not there.
pub fn open_reader(specification: &str) -> Result<Box<dyn Reader>, Failure> {
    ReaderName::parse(specification)?.open()
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

/// A pass phrase from a file, without the line's end.
///
/// # Errors
/// When the file cannot be read.
pub fn pass_phrase(path: &std::path::Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let bytes = Zeroizing::new(program::files::read(path)?);
    Ok(Zeroizing::new(bytes.trim_ascii().to_vec()))
}

/// What to read of a CCCD.
#[must_use]
pub fn plan(access: AccessPolicy, passwords: Vec<emrtd::password::Password>, data_groups: &[u8]) -> Plan {
    let card_access_fallback = Some(cccd::access::CARD_ACCESS.to_vec());
    Plan { access, card_access_fallback, ..Plan::new(passwords, data_groups) }
}

/// The wall clock as the trust rules want it.
#[must_use]
pub fn now(clock: &dyn Clock) -> UnixTime {
    UnixTime(clock.wall())
}

/// Prints one JSON value on standard output.
///
/// # Errors
/// When standard output is closed.
pub fn print_json(value: &serde_json::Value, pretty: bool) -> Result<(), Failure> {
    program::print(&if pretty { format!("{value:#}\n") } else { format!("{value}\n") })
}

/// Prints a table or text for people. Whoever closes the pipe has seen enough.
pub fn print_text(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}
