//! `cccd-agent doctor`: which parts of a device are there, which are not, since when, and what to do.
//!
//! A running kiosk holds its devices: it is asked through [`parts`]. Otherwise each device is opened for a moment.

use crate::cabinet::specification::{self, Pins};
use crate::checks::{self, Check};
use crate::commands::{open_reader, print_json, print_text};
use crate::config::{Config, Kiosk};
use crate::failure::{Failure, exit};
use crate::parts::{self, Entry, Fault};
use drivers::device::DeviceError;
use kiosk_ui::state::Part;
use serde_json::json;
use std::path::Path;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Long enough to open a device and hear nothing from it.
const MOMENT: Duration = Duration::from_millis(50);

/// Examines and reports; 70 when something is wrong.
///
/// # Errors
/// When the configuration is not valid.
pub fn run(config: &Path, json: bool) -> Result<u8, Failure> {
    let config = Config::load_or_last(config)?;
    let running = parts::of_running(&config.state);
    let source = if running.is_some() { "running_kiosk" } else { "probe" };
    let parts = match running {
        Some(parts) => parts,
        None => probe(&config)?,
    };
    let checks = checks::run(&config);
    let wrong = parts.iter().any(|entry| entry.fault.is_some()) || checks.iter().any(|check| check.fault.is_some());
    if json {
        let report = json!({ "schema": "cccd-agent/doctor/2", "source": source, "parts": parts, "checks": checks });
        print_json(&report, true)?;
    } else {
        print_text(&for_people(&parts));
        print_text(&checks.iter().map(line).collect::<String>());
    }
    Ok(if wrong { exit::DEVICE } else { exit::GENUINE })
}

fn for_people(parts: &[Entry]) -> String {
    let mut text = String::new();
    for Entry { part, since, fault } in parts {
        // A probe knows of no time.
        let since = if *since == 0 { None } else { OffsetDateTime::from_unix_timestamp(*since).ok() };
        let since = since.and_then(|at| at.format(&Rfc3339).ok()).map_or_else(String::new, |at| format!("since {at}"));
        match fault {
            None => text += &format!("ok    {part:<9} {since}\n"),
            Some(Fault { code, message, remedy }) => {
                text += &format!("WRONG {part:<9} {since}\n      {message} [{code}]\n      → {remedy}\n");
            }
        }
    }
    text
}

fn line(check: &Check) -> String {
    match &check.fault {
        None => format!("ok    {:<11} {}\n", check.id, check.found),
        Some(Fault { code, message, remedy }) => {
            format!("WRONG {:<11} {message} [{code}]\n      → {remedy}\n", check.id)
        }
    }
}

fn probe(config: &Config) -> Result<Vec<Entry>, Failure> {
    let mut parts = Vec::new();
    let mut found = |part: Part, fault: Option<Fault>| {
        parts.push(Entry { part: part.id().to_owned(), since: 0, fault });
    };
    found(Part::Reader, open_reader(&config.reader).err().map(|failure| Fault::from(&failure)));
    if let Some(kiosk) = &config.kiosk {
        for (part, result) in devices(kiosk)? {
            found(part, result.err().map(|error| Fault::from(&error)));
        }
    }
    Ok(parts)
}

/// A part and what its driver said.
type Tried = (Part, Result<(), DeviceError>);

fn devices(kiosk: &Kiosk) -> Result<Vec<Tried>, Failure> {
    let mut devices = vec![(Part::Display, specification::display(kiosk)?.size().map(drop))];
    if let Some(mut touch) = specification::touch(kiosk)? {
        devices.push((Part::Touch, touch.wait(MOMENT).map(drop)));
    }
    if let Some(mut scanner) = specification::scanner(kiosk)? {
        devices.push((Part::Scanner, scanner.wait_for_scan(MOMENT).map(drop)));
    }
    if let Some(mut printer) = specification::printer(kiosk)? {
        devices.push((Part::Printer, printer.check()));
    }
    if let Some(mut speaker) = specification::speaker(kiosk)? {
        devices.push((Part::Speaker, speaker.play(&[(0, 10)])));
    }
    if let Some(lines) = &kiosk.lines {
        let pins = Pins::new(lines)?;
        let wiring = pins.wiring();
        let first = (wiring.outputs.first().copied(), wiring.inputs.first().copied());
        let mut chip = specification::lines(&lines.chip, wiring)?;
        let tried = match first {
            (Some(output), _) => chip.set(output.line, false),
            (None, Some(input)) => chip.get(input.line).map(drop),
            (None, None) => Ok(()),
        };
        devices.push((Part::Lines, tried));
    }
    Ok(devices)
}
