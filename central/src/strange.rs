//! What is strange in the log, for people and for programs: what is not known here, what cannot be read, what contradicts the
//! log, and whose clock is wrong.

use crate::store::{Strange, StrangeClock, StrangeKind, Withheld};
use emrtd::UnixTime;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;

/// What the list is; a change of meaning changes the number.
pub const SCHEMA: &str = "cccd-central/strange/1";
/// How many of each sort are listed where nobody says how many.
pub const MOST: usize = 1000;

/// The list in JSON.
#[derive(Debug, Serialize)]
struct View<'a> {
    schema: &'static str,
    unknown: &'a [StrangeKind],
    damaged: Vec<WithheldView<'a>>,
    contradictions: Vec<WithheldView<'a>>,
    clocks: &'a [StrangeClock],
}

/// What is kept apart, by its hashes.
#[derive(Debug, Serialize)]
struct WithheldView<'a> {
    device: &'a str,
    sequence: u64,
    code: &'a str,
    received_at: i64,
    sha256: Option<String>,
    log_sha256: Option<String>,
}

impl<'a> From<&'a Withheld> for WithheldView<'a> {
    fn from(it: &'a Withheld) -> Self {
        let hash = |bytes: &Option<Vec<u8>>| bytes.as_deref().map(|bytes| events::hash(bytes).to_string());
        let Withheld { device, sequence, code, received_at, bytes, kept } = it;
        Self {
            device,
            sequence: *sequence,
            code,
            received_at: *received_at,
            sha256: hash(bytes),
            log_sha256: hash(kept),
        }
    }
}

impl Strange {
    /// In JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let view = View {
            schema: SCHEMA,
            unknown: &self.unknown,
            damaged: self.passed.iter().map(Into::into).collect(),
            contradictions: self.evidence.iter().map(Into::into).collect(),
            clocks: &self.clocks,
        };
        serde_json::to_value(view).unwrap_or_default()
    }

    /// In words.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |words: std::fmt::Arguments<'_>| {
            program::ignore(text.write_fmt(format_args!("{words}\n")), "a String takes everything");
        };
        for StrangeKind { device, kind, count, first, last } in &self.unknown {
            line(format_args!(
                "{device}: {count} events of kind {kind} are not known to this version ({first} to {last})"
            ));
        }
        for Withheld { device, sequence, code, received_at, .. } in &self.passed {
            line(format_args!("{device}: event {sequence} cannot be read [{code}], came {}", UnixTime(*received_at)));
        }
        for Withheld { device, sequence, code, received_at, .. } in &self.evidence {
            line(format_args!("{device}: another event {sequence} [{code}], came {}", UnixTime(*received_at)));
        }
        for StrangeClock { device, day, ahead, events, least, most, quality, .. } in &self.clocks {
            let day = UnixTime(day.saturating_mul(86_400));
            line(format_args!(
                "{device}: {ahead} of {events} events that came on {day} happened later than that; delays {least} to {most} s, time {quality}"
            ));
        }
        if text.is_empty() { "nothing in the log is strange\n".to_owned() } else { text }
    }

    /// Writes what is kept apart into a directory: `DEVICE-PLACE-CODE-HASH.cose`, and beside it the event of the
    /// log, `DEVICE-PLACE-log-HASH.cose`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn export(&self, directory: &Path) -> std::io::Result<()> {
        program::private::directory(directory)?;
        for Withheld { device, sequence, code, bytes, kept, .. } in self.passed.iter().chain(&self.evidence) {
            // A log has devices of before there were rules for names.
            let named = fleet::authority::is_device_name(device);
            let device = if named { device.clone() } else { events::hash(device.as_bytes()).to_string() };
            for (word, bytes) in [(code.as_str(), bytes), ("log", kept)] {
                if let Some(bytes) = bytes {
                    let hash = events::hash(bytes).to_string();
                    let name = format!("{device}-{sequence}-{word}-{}.cose", &hash[..8]);
                    std::fs::write(directory.join(name), bytes)?;
                }
            }
        }
        Ok(())
    }
}
