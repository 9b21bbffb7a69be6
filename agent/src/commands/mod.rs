//! The commands of `cccd-agent`, one module each.

pub mod bundle;
pub mod config;
pub mod demo;
pub mod desk;
pub mod doctor;
pub mod evidence;
pub mod kiosk;
pub mod outbox;
pub mod profile;
pub mod read;
pub mod relay_guard;
pub mod reset;
pub mod roster;
pub mod run;
pub mod subject;
pub mod trust;
pub mod verify;

use crate::failure::Failure;
use crate::simulated;
use drivers::reader::Reader;
use drivers::reader::libnfc::LibnfcReader;
use drivers::reader::pcsc::PcscReader;
use emrtd::session::{AccessPolicy, Plan};
use emrtd::x509::UnixTime;
use events::Clock;
use std::path::PathBuf;
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

/// Opens a reader from its name on the command line.
///
/// # Errors
/// When it is misspelt or not there.
pub fn open_reader(specification: &str) -> Result<Box<dyn Reader>, Failure> {
    match specification.split_once(':') {
        None if specification == "pcsc" => Ok(Box::new(PcscReader::open("")?)),
        Some(("pcsc", name)) => Ok(Box::new(PcscReader::open(name)?)),
        Some(("libnfc", connstring)) => Ok(Box::new(LibnfcReader::open(connstring)?)),
        Some(("sim", persona)) => Ok(Box::new(simulated::reader(persona)?)),
        _ => Err(Failure::usage(
            "reader_unknown",
            format!("no kind of reader is called {specification:?}"),
            "use pcsc, pcsc:SUBSTRING, libnfc:CONNSTRING or sim:PERSONA",
        )),
    }
}

/// Reads a file that the command line names.
///
/// # Errors
/// When it cannot be read.
pub fn load(path: &std::path::Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|e| {
        let message = format!("cannot read {}: {e}", path.display());
        Failure::usage("file_unreadable", message, "name a file that exists and may be read")
    })
}

/// A pass phrase from a file, without the line's end.
///
/// # Errors
/// When the file cannot be read.
pub fn pass_phrase(path: &std::path::Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let bytes = Zeroizing::new(load(path)?);
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
    use std::io::Write as _;
    let text = if pretty { format!("{value:#}\n") } else { format!("{value}\n") };
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|e| {
        Failure::device("stdout_closed", format!("cannot write to standard output: {e}"), "keep the pipe open")
    })
}

/// Prints a table or text for people. Whoever closes the pipe has seen enough.
pub fn print_text(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}
