//! `cccd-agent setup`: makes this machine a kiosk, a desk or a gate. It finds what is attached, proposes a whole `agent.toml`,
//! has each part tried, and writes the file only when the device can start with it.

use crate::check;
use crate::commands::devices::attached;
use crate::commands::print_text;
use crate::setup::Place;
use crate::setup::ask::{Ask, Terminal};
use crate::setup::dialogue::Dialogue;
use crate::setup::proposal::{Proposal, Sources};
use crate::setup::trial::Attached;
use config::worst;
use config::{Config, Finding, bundles_of};
use devices::parts;
use program::files;
use program::{Failure, exit};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What the command line says.
#[derive(Debug, Clone)]
pub struct Request {
    /// The device's file.
    pub config: PathBuf,
    /// What the device becomes; without it what it is, or what is asked.
    pub place: Option<Place>,
    /// What the site is called.
    pub site: Option<String>,
    /// Nothing is asked or tried.
    pub yes: bool,
    /// Settings that go before what is found; nothing is asked or tried either.
    pub from: Option<PathBuf>,
}

/// Sets the device up.
///
/// # Errors
/// When nobody says what it is to be, or it could not start with what was found: nothing is written then.
pub fn run(request: &Request) -> Result<u8, Failure> {
    let asks = !request.yes && request.from.is_none();
    let devices = attached();
    let own = read_or_empty(&request.config)?;
    let base = request.config.parent().unwrap_or_else(|| Path::new("."));
    let site = read_or_empty(&bundles_of(base, &own).join("active/site.toml"))?;
    let wanted = request.from.as_deref().map_or_else(|| Ok(String::new()), text_of)?;
    let known = place(&[&wanted, &own, &site]);
    let place = match (request.place, known) {
        (Some(place), _) => place,
        (None, known) if asks => ask_place(&mut Terminal, known)?,
        (None, Some(known)) => known,
        (None, None) => {
            let message = "nobody says what this device is to be";
            return Err(Failure::usage("setup_no_place", message, "say it: --as kiosk, --as desk or --as gate"));
        }
    };
    if asks {
        nothing_runs(&request.config)?;
    }
    let assigned = assigned_site(base)?;
    // Who is asked is asked for the name, too.
    let assigned = assigned.as_deref().or_else(|| asks.then_some(""));
    let sources = Sources {
        devices: &devices,
        own: &own,
        site: &site,
        wanted: &wanted,
        called: request.site.as_deref(),
        assigned,
    };
    let mut proposal = Proposal::new(place, &sources)?;
    if asks {
        let mut dialogue =
            Dialogue { ask: &mut Terminal, parts: &mut Attached, devices: &devices, config: &request.config };
        dialogue.run(&mut proposal)?;
    }
    let text = proposal.file.to_string();
    let findings = startable(&request.config, &text, place)?;
    print_text(&told(&proposal, &findings));
    if asks && !Terminal.yes("Ghi cấu hình này? · Write this configuration?")? {
        return Ok(exit::UNDECIDED);
    }
    let kept = write(&request.config, &own, &text)?;
    print_text(&format!("{kept}\n{}\n", next_step(base, place)));
    Ok(exit::GENUINE)
}

fn text_of(path: &Path) -> Result<String, Failure> {
    let bytes = files::read(path)?;
    String::from_utf8(bytes).map_err(|_| {
        let message = format!("{} is no text", path.display());
        Failure::usage("config_invalid", message, "give --from a file with settings as agent.toml has them")
    })
}

/// A file's text; empty where there is none.
fn read_or_empty(path: &Path) -> Result<String, Failure> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        text => text.map_err(|error| {
            let message = format!("cannot read {}: {error}", path.display());
            Failure::usage("config_invalid", message, "give --config the agent.toml of the device")
        }),
    }
}

/// What the first of these texts that has a table of a place is for.
fn place(texts: &[&str]) -> Option<Place> {
    texts.iter().find_map(|text| {
        let table: toml::Table = toml::from_str(text).ok()?;
        let is_gate = table.get("profile").and_then(toml::Value::as_str) == Some("gate");
        match (table.contains_key("kiosk"), table.contains_key("desk")) {
            (true, _) if is_gate => Some(Place::Gate),
            (true, _) => Some(Place::Kiosk),
            (_, true) => Some(Place::Desk),
            _ => None,
        }
    })
}

fn ask_place(ask: &mut impl Ask, known: Option<Place>) -> Result<Place, Failure> {
    let items = Place::ALL.map(|place| place.called().to_owned());
    let default = known.and_then(|known| Place::ALL.iter().position(|place| *place == known)).unwrap_or(0);
    let chosen = ask.choose("Thiết bị này là gì? · What is this device?", &items, default)?;
    Ok(Place::ALL[chosen.min(Place::ALL.len() - 1)])
}

/// A running kiosk holds the parts that are to be tried.
fn nothing_runs(config: &Path) -> Result<(), Failure> {
    let running = Config::load(config).ok().and_then(|config| parts::of_running(&config.state));
    if running.is_none() {
        return Ok(());
    }
    let message = "the kiosk runs and holds the parts that are to be tried";
    Err(Failure::device("kiosk_running", message, "systemctl stop cccd-kiosk, then call this again"))
}

/// What central calls the site.
fn assigned_site(base: &Path) -> Result<Option<String>, Failure> {
    let state = identity::State::load(&base.join("identity"))?;
    Ok(state.and_then(|state| state.place).map(|place| place.site))
}

/// Notes of what is found with a file, where the device can start with it.
fn startable(config: &Path, text: &str, place: Place) -> Result<Vec<Finding>, Failure> {
    let findings = check::check(&Config::assemble(config, text.to_owned(), None)?, Some(place.stage()));
    if worst(&findings).is_none() {
        return Ok(findings);
    }
    let line =
        |Finding { failure, .. }: &Finding| format!("\n{} [{}] → {}", failure.message, failure.code, failure.remedy);
    let wrong: String = findings.iter().filter(|finding| !finding.works).map(line).collect();
    let message = format!("the device cannot start so, and nothing was written:{wrong}\n");
    Err(Failure::usage("setup_not_startable", message, "mend this and call it again"))
}

/// What will be written of this place, and what is to be known.
fn told(proposal: &Proposal, findings: &[Finding]) -> String {
    let mut text = format!("{}\n", proposal.place.called());
    for key in ["reader", "profile"] {
        text += &proposal.text(key).map_or_else(String::new, |value| format!("  {key:<22} {value}\n"));
    }
    for key in ["site", "display", "panel", "touch", "calibration", "scanner", "printer.device", "speech", "lines.chip"]
    {
        let path = proposal.path(key);
        text += &proposal.text(&path).map_or_else(String::new, |value| format!("  {path:<22} {value}\n"));
    }
    text += &proposal.notes.iter().map(|note| format!("note  {note}\n")).collect::<String>();
    for Finding { failure, .. } in findings {
        text += &format!("note  {} [{}]\n      → {}\n", failure.message, failure.code, failure.remedy);
    }
    text
}

/// Writes the file at once or not at all; the one before stays beside it.
fn write(config: &Path, before: &str, text: &str) -> Result<String, Failure> {
    if before == text {
        return Ok(format!("{} stays as it is", config.display()));
    }
    if let Some(directory) = config.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        program::private::directory(directory).map_err(|error| files::unwritable(directory, &error))?;
    }
    let mut said = format!("{} written", config.display());
    if !before.is_empty() {
        let kept = config.with_extension("toml.before");
        fleet::files::replace(&kept, before.as_bytes())?;
        said += &format!("; the one before is {}", kept.display());
    }
    fleet::files::replace(config, text.as_bytes())?;
    Ok(said)
}

/// What is to be done now.
fn next_step(base: &Path, place: Place) -> String {
    let start = format!("systemctl enable --now {}", place.unit());
    if identity::State::path(&base.join("identity")).exists() {
        return format!("→ {start}");
    }
    let way = if place.table() == "kiosk" { " --by screen …" } else { " …" };
    format!("→ provision enrol{way}, then {start}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::Stage;

    fn device() -> tempfile::TempDir {
        let device = tempfile::tempdir().expect("directory");
        std::fs::create_dir(device.path().join("trust")).expect("trust");
        program::private::replace(&device.path().join("pass-phrase"), b"correct horse battery").expect("phrase");
        device
    }

    fn request(device: &Path, place: Option<Place>, from: Option<&str>) -> Request {
        let from = from.map(|text| {
            let path = device.join("site.toml");
            std::fs::write(&path, text).expect("settings");
            path
        });
        Request { config: device.join("agent.toml"), place, site: Some("Viện A".to_owned()), yes: true, from }
    }

    #[test]
    fn a_desk_is_set_up_without_questions_and_can_start() {
        let device = device();
        let config = device.path().join("agent.toml");
        assert_eq!(run(&request(device.path(), Some(Place::Desk), None)), Ok(exit::GENUINE));
        let loaded = check::adopt(&config, Stage::Desk).expect("it starts");
        assert_eq!(loaded.desk.expect("a desk").site, "Viện A");
        assert!(!config.with_extension("toml.before").exists(), "there was none before");

        // Once more changes nothing; with other settings the one before is kept. What it is is known now.
        let first = std::fs::read_to_string(&config).expect("the file");
        assert_eq!(run(&request(device.path(), None, None)), Ok(exit::GENUINE));
        assert_eq!(std::fs::read_to_string(&config).expect("the file"), first);
        let wanted = "reader = \"sim:an\"\n[desk]\nscanner = \"serial:/dev/ttyS9\"\n";
        run(&request(device.path(), None, Some(wanted))).expect("written");
        let text = std::fs::read_to_string(&config).expect("the file");
        assert!(text.contains("/dev/ttyS9") && text.contains("# Where results go"), "{text}");
        assert_eq!(std::fs::read_to_string(config.with_extension("toml.before")).expect("kept"), first);
    }

    #[test]
    fn nothing_is_written_that_could_not_start() {
        let device = device();
        let config = device.path().join("agent.toml");
        let wrong = "[kiosk]\npanel = \"landscape7\"\ndisplay = \"drm:auto\"\n";
        let failure = run(&request(device.path(), None, Some(wrong))).expect_err("no such panel");
        assert_eq!((failure.code.as_str(), failure.exit), ("setup_not_startable", exit::USAGE));
        assert!(failure.message.contains("landscape7") && !config.exists());
        let failure = run(&request(device.path(), None, None)).expect_err("what is it?");
        assert_eq!(failure.code, "setup_no_place");
        std::fs::write(&config, "reader = ").expect("a file");
        assert_eq!(run(&request(device.path(), Some(Place::Desk), None)).expect_err("no TOML").code, "config_invalid");
        assert_eq!(std::fs::read_to_string(&config).expect("as it was"), "reader = ");
    }

    #[test]
    fn what_a_device_is_stands_in_its_settings() {
        assert_eq!(place(&["", "[desk]", "[kiosk]"]), Some(Place::Desk));
        assert_eq!(place(&["profile = \"gate\"\n[kiosk]"]), Some(Place::Gate));
        assert_eq!(place(&["[kiosk]\n[desk]"]), Some(Place::Kiosk));
        assert_eq!(place(&["", "reader = "]), None);
    }

    #[test]
    fn the_next_step_is_to_enrol_or_to_start() {
        let device = device();
        assert!(next_step(device.path(), Place::Gate).starts_with("→ provision enrol --by screen"));
        std::fs::create_dir(device.path().join("identity")).expect("directory");
        std::fs::write(identity::State::path(&device.path().join("identity")), "{}").expect("identity");
        assert_eq!(next_step(device.path(), Place::Desk), "→ systemctl enable --now cccd-desk");
    }
}
