//! `cccd-agent devices`: every device that `agent.toml` could name, with the words for it. It opens none, and needs no
//! configuration.

use crate::commands::{print_json, print_text};
use config::Config;
use drivers::inventory::{Entry, Kind, inventory};
use drivers::reader::pcsc::PcscReader;
use program::{Failure, exit};
use serde_json::json;
use std::path::Path;

/// What is attached to this machine.
#[must_use]
pub fn attached() -> Vec<Entry> {
    inventory(Path::new("/"), PcscReader::attached())
}

/// Where the words of a kind stand in `agent.toml`.
#[must_use]
pub const fn key(kind: Kind) -> &'static str {
    match kind {
        Kind::Display => "kiosk.display",
        Kind::Touch => "kiosk.touch",
        Kind::Scanner => "kiosk.scanner, desk.scanner",
        Kind::Reader => "reader",
        Kind::Printer => "kiosk.printer.device, desk.printer.device",
        Kind::Speech => "kiosk.speech",
        Kind::Lines => "kiosk.lines.chip, desk.lines.chip",
    }
}

/// The words that a configuration has for a kind.
fn named(config: &Config, kind: Kind) -> Vec<&str> {
    let (kiosk, desk) = (config.kiosk.as_ref(), config.desk.as_ref());
    let text = match kind {
        Kind::Display => [kiosk.map(|kiosk| &kiosk.display), None],
        Kind::Touch => [kiosk.and_then(|kiosk| kiosk.touch.as_ref()), None],
        Kind::Scanner => [kiosk.and_then(|kiosk| kiosk.scanner.as_ref()), desk.and_then(|desk| desk.scanner.as_ref())],
        Kind::Reader => [Some(&config.reader), None],
        Kind::Printer => [kiosk.and_then(|kiosk| kiosk.printer.as_ref()), desk.and_then(|desk| desk.printer.as_ref())]
            .map(|printer| printer.map(|printer| &printer.device)),
        Kind::Speech => [kiosk.and_then(|kiosk| kiosk.speech.as_ref()), None],
        Kind::Lines => [kiosk.and_then(|kiosk| kiosk.lines.as_ref()), desk.and_then(|desk| desk.lines.as_ref())]
            .map(|lines| lines.map(|lines| &lines.chip)),
    };
    text.into_iter().flatten().map(String::as_str).collect()
}

/// Lists them; an entry that the configuration names, where there is one, is marked.
///
/// # Errors
/// When there is a configuration and it cannot be read.
pub fn run(config: &Path, as_json: bool) -> Result<u8, Failure> {
    let config = if config.exists() { Some(Config::load(config)?) } else { None };
    let is_named =
        |entry: &Entry| config.as_ref().is_some_and(|config| named(config, entry.kind).contains(&&*entry.name));
    let all = attached();
    if as_json {
        let list: Vec<_> = all.iter().map(|entry| json_of(entry, is_named(entry))).collect();
        print_json(&json!({ "schema": "cccd-agent/devices/1", "devices": list }))?;
    } else {
        print_text(&text_of(&all, is_named));
    }
    Ok(exit::GENUINE)
}

fn json_of(entry: &Entry, is_named: bool) -> serde_json::Value {
    let Entry { kind, name, called, likely, modes, failure } = entry;
    let modes: Vec<_> = modes.iter().map(|mode| [mode.width, mode.height]).collect();
    json!({
        "kind": kind.id(), "key": key(*kind), "name": name, "called": called, "likely": likely, "in_use": is_named,
        "modes": modes, "fault": failure,
    })
}

fn text_of(all: &[Entry], is_named: impl Fn(&Entry) -> bool) -> String {
    let mut text = String::new();
    for kind in Kind::ALL {
        text += &format!("{} ({})\n", kind.id(), key(kind));
        let mut entries = all.iter().filter(|entry| entry.kind == kind).peekable();
        if entries.peek().is_none() {
            text += "  –\n";
        }
        for entry in entries {
            let mark = match entry {
                entry if is_named(entry) => '*',
                Entry { likely: true, .. } => ' ',
                _ => '?',
            };
            let size = entry.modes.first().map_or_else(String::new, |mode| format!(", {}x{}", mode.width, mode.height));
            text += &format!("{mark} {:<40} {}{size}\n", entry.name, entry.called);
            if let Some(why) = &entry.failure {
                text += &format!("      {} [{}]\n      → {}\n", why.message, why.code, why.remedy);
            }
        }
    }
    text + "*: agent.toml names it; ?: it could be one. A printer on the network is tcp:HOST:9100.\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use drivers::display::Size;

    fn entry(kind: Kind, name: &str, likely: bool) -> Entry {
        Entry { kind, name: name.to_owned(), called: "it".to_owned(), likely, modes: Vec::new(), failure: None }
    }

    #[test]
    fn what_the_configuration_names_is_marked_and_what_is_absent_shows_its_remedy() {
        let display = Entry { modes: vec![Size::new(1024, 600)], ..entry(Kind::Display, "drm:auto", true) };
        let absent = drivers::reader::ReaderError::NoService;
        let reader = Entry { failure: Some(absent.into()), ..entry(Kind::Reader, "pcsc", true) };
        let all = [display, reader, entry(Kind::Scanner, "wedge:K120", false)];
        let text = text_of(&all, |entry| entry.name == "drm:auto");
        for line in ["* drm:auto  ", "? wedge:K120  ", "  pcsc  ", "[no_pcsc_service]", ", 1024x600\n", "lines ("] {
            assert!(text.contains(line), "{line}: {text}");
        }
        let json = json_of(&all[1], false);
        assert_eq!((json["key"].as_str(), json["fault"]["code"].as_str()), (Some("reader"), Some("no_pcsc_service")));
        assert_eq!(json_of(&all[0], true)["modes"], json!([[1024, 600]]));
    }

    /// Every key is one of the configuration's.
    #[test]
    fn every_kind_says_where_its_words_stand() {
        let page = config::reference::markdown();
        for kind in Kind::ALL {
            for key in key(kind).split(", ") {
                let (table, key) = key.rsplit_once('.').unwrap_or(("", key));
                assert!(table.is_empty() || page.contains(&format!("[{table}]")), "{table}");
                assert!(page.contains(&format!("| `{key}` |")), "{key}");
            }
        }
    }
}
