//! `cccd-agent fault`: shows on the panel why the kiosk cannot start. `cccd-fault.service` calls it when `cccd-kiosk.service`
//! has failed for good, and ends it as soon as the kiosk is started again.

use crate::check;
use crate::commands::kiosk::begun;
use crate::commands::told_to_end;
use crate::setup::trial::Easel;
use config::{Config, Kiosk, Stage};
use config::{no_table, worst};
use devices::specification;
use drivers::device::DeviceError;
use drivers::display::Display;
use drivers::display::drm::DrmDisplay;
use drivers::touch::Rotation;
use kiosk_ui::Screen;
use kiosk_ui::state::{Lack, NotStarted};
use program::Failure;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How soon the end is noticed.
const ROUND: Duration = Duration::from_secs(1);

/// How often a panel that cannot be had is tried again, a round apart: after that another program has it.
const TRIES: u32 = 3;

/// Shows until SIGTERM or SIGINT, and ends as the kiosk did.
///
/// # Errors
/// Always: with what the kiosk failed of.
pub fn run(config: &Path) -> Result<u8, Failure> {
    let loaded = check::load_or_last(config, Some(Stage::Kiosk));
    let failure = reason(&loaded);
    let ended = told_to_end()?;
    let kiosk = loaded.ok().and_then(|config| config.kiosk);
    let mut display = display(kiosk.as_ref());
    // Without a panel there is nothing to stay for.
    show(&mut *display, &failure).map_err(|error| {
        tracing::error!(code = error.code(), remedy = error.remedy(), "{error}");
        failure.clone()
    })?;
    tracing::info!(code = failure.code, "the panel says why the kiosk does not work");
    wait(Duration::MAX, &ended);
    Err(failure)
}

/// Shows for a while, or until the end, what a kiosk failed of. Without a panel nothing is waited for.
pub fn show_for(config: &Path, failure: &Failure, time: Duration, ended: &AtomicBool) {
    let kiosk = check::load_or_last(config, Some(Stage::Kiosk)).ok().and_then(|config| config.kiosk);
    if let Err(error) = stay(&mut *display(kiosk.as_ref()), failure, time, ended) {
        tracing::error!(code = error.code(), remedy = error.remedy(), "{error}");
    }
}

fn stay(display: &mut dyn Display, failure: &Failure, time: Duration, ended: &AtomicBool) -> Result<(), DeviceError> {
    let mut shown = show(display, failure);
    // The kiosk's own hold on the panel may take a moment to end.
    for _ in 0..TRIES {
        if shown.is_ok() || ended.load(Ordering::Relaxed) {
            break;
        }
        wait(ROUND.min(time), ended);
        shown = show(display, failure);
    }
    shown?;
    wait(time, ended);
    Ok(())
}

/// Waits for a while, or until the end.
fn wait(time: Duration, ended: &AtomicBool) {
    let mut left = time;
    while !left.is_zero() && !ended.load(Ordering::Relaxed) {
        let round = left.min(ROUND);
        std::thread::park_timeout(round);
        left -= round;
    }
}

/// Why the kiosk does not start with its file.
fn reason(loaded: &Result<Config, Failure>) -> Failure {
    let config = match loaded {
        Err(failure) => return failure.clone(),
        Ok(config) => config,
    };
    let found = worst(&config.findings).cloned();
    let found = found.or_else(|| config.kiosk.is_none().then(|| no_table("kiosk")));
    found.or_else(|| begun(config).err()).unwrap_or_else(|| {
        let message = "the kiosk ended, and nothing is wrong with its configuration";
        Failure::device("kiosk_ended", message, "journalctl -u cccd-kiosk says why; then systemctl restart cccd-kiosk")
    })
}

/// The display of a kiosk; where its file names none that could be one, whatever panel is connected.
fn display(kiosk: Option<&Kiosk>) -> Box<dyn Display> {
    kiosk
        .and_then(|kiosk| specification::display(kiosk).ok())
        .unwrap_or_else(|| Box::new(DrmDisplay::new("auto", Rotation::None)))
}

fn show(display: &mut dyn Display, failure: &Failure) -> Result<(), DeviceError> {
    let Failure { code, message, remedy, .. } = failure.clone();
    let (lack, remedy) = match lacking(&code) {
        Some((lack, command)) => (Some(lack), command.to_owned()),
        None => (None, remedy),
    };
    Easel::new(display, None)?.show(Screen::NotStarted(NotStarted { lack, code, message, remedy }))
}

/// What a device has not been given yet, and the command that gives it.
fn lacking(code: &str) -> Option<(Lack, &'static str)> {
    match code {
        "config_absent" => Some((Lack::Configuration, "cccd-agent setup --as kiosk")),
        "identity_missing" => Some((Lack::Identity, "provision enrol --by screen --central https://…")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drivers::display::Size;
    use drivers::display::simulated::{Glass, SimulatedDisplay};
    use program::exit;

    #[test]
    fn the_first_thing_that_is_wrong_is_the_reason() {
        let device = tempfile::tempdir().expect("directory");
        let path = device.path().join("agent.toml");
        let code = |text: Option<&str>| {
            if let Some(text) = text {
                std::fs::write(&path, text).expect("a file");
            }
            reason(&check::load_or_last(&path, Some(Stage::Kiosk))).code
        };
        assert_eq!(code(None), "config_absent", "no file");
        let own = "reader='pcsc'\ntrust='trust'\nstate='state'\nkeys='keys'\npass_phrase_file='phrase'\n";
        assert_eq!(code(Some(own)), "config_no_kiosk");
        let kiosk = format!("{own}[kiosk]\nsite='S'\npanel='landscape-7'\ndisplay='drm:auto'\n");
        assert_eq!(code(Some(&kiosk)), "pass_phrase_unreadable");
        program::private::replace(&device.path().join("phrase"), b"correct horse battery").expect("phrase");
        assert_eq!(code(Some(&kiosk)), "identity_missing", "nobody has enrolled it");
        let roots = None;
        let state = identity::State::new("box-1", "kiosk", "https://central.example.vn:8443", roots);
        state.save(&device.path().join("identity")).expect("an identity");
        assert_eq!(code(Some(&kiosk)), "kiosk_ended");
    }

    /// What the unit does not start anew the panel explains, and a device that nobody has begun with is told by a command.
    #[test]
    fn a_device_that_is_not_set_up_or_enrolled_is_no_crash_loop() {
        let device = tempfile::tempdir().expect("directory");
        let path = device.path().join("agent.toml");
        let fails = || {
            let failure = crate::commands::kiosk::run(&path).expect_err("it cannot start");
            (failure.code, failure.exit)
        };
        assert_eq!(fails(), ("config_absent".to_owned(), exit::USAGE));
        program::private::replace(&device.path().join("phrase"), b"correct horse battery").expect("phrase");
        let text =
            "reader='pcsc'\ntrust='trust'\nstate='state'\nkeys='keys'\npass_phrase_file='phrase'\n[kiosk]\nsite='S'\n";
        std::fs::write(&path, text).expect("a file");
        assert_eq!(fails(), ("identity_missing".to_owned(), exit::USAGE));
        for (code, command) in [("config_absent", "cccd-agent setup"), ("identity_missing", "provision enrol")] {
            assert!(lacking(code).is_some_and(|(_, said)| said.starts_with(command)), "{code}");
        }
        // A condition would skip the unit, and nobody would be told anything.
        let units = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/systemd");
        let unit = std::fs::read_to_string(units.join("cccd-kiosk.service")).expect("unit");
        assert!(!unit.contains("Condition") && unit.contains("\nOnFailure=cccd-fault.service\n"), "{unit}");
    }

    #[test]
    fn it_shows_on_a_panel_that_is_turned_and_without_one_it_does_not_stay() {
        let failure = Failure::usage("config_invalid", "panel = \"landscape7\"", "compare with docs/configuration.md");
        let glass = Glass::default();
        let mut display = SimulatedDisplay::new(glass.clone(), Size::new(1920, 1080), Rotation::Right);
        show(&mut display, &failure).expect("shown upright");
        assert!(glass.pixels().iter().any(|pixel| *pixel != 0));
        glass.unplug(true);
        assert!(show(&mut display, &failure).is_err());
    }

    #[test]
    fn what_is_started_again_is_shown_for_a_while_and_a_panel_that_comes_late_too() {
        let failure = Failure::device("store_full", "the disk is full", "free space");
        let (glass, ended) = (Glass::default(), AtomicBool::new(false));
        let mut display = SimulatedDisplay::new(glass.clone(), Size::new(1024, 600), Rotation::None);
        stay(&mut display, &failure, Duration::from_millis(1), &ended).expect("shown");
        assert!(glass.pixels().iter().any(|pixel| *pixel != 0));
        glass.unplug(true);
        assert!(stay(&mut display, &failure, Duration::from_millis(1), &ended).is_err(), "nobody waits for a panel");
        ended.store(true, Ordering::Relaxed);
        glass.unplug(false);
        stay(&mut display, &failure, Duration::from_secs(3600), &ended).expect("the end is not waited for");
    }

    #[test]
    fn a_file_without_a_display_has_whatever_panel_is_connected() {
        let name = |kiosk: Option<&Kiosk>| display(kiosk).name();
        assert_eq!(name(None), "auto");
        let kiosk = |display: &str| -> Kiosk {
            toml::from_str(&format!("site='S'\npanel='x'\ndisplay='{display}'")).expect("a table")
        };
        assert_eq!(name(Some(&kiosk("hdmi"))), "auto");
        assert_eq!(name(Some(&kiosk("fbdev:/dev/fb9"))), "/dev/fb9");
    }
}
