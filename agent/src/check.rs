//! One whole check of a configuration: all that it names is put together as its stage will, and nothing is opened. Whoever
//! takes a configuration asks this, so that what passes once cannot be wrong the next time.

use config::{Config, Finding, Kiosk, Lines, Printer, Stage, no_table};
use devices::specification::{self, Pins};
use drivers::touch::PictureSize;
use program::Failure;
use reading::readers;
use std::path::Path;
use visit::profile::Profile;

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    /// Takes a result; the same thing is told once, under the key that was asked first.
    fn take<T>(&mut self, key: &str, result: Result<T, Failure>) -> Option<T> {
        result.map_err(|failure| self.put(key, false, failure)).ok()
    }

    fn put(&mut self, key: &str, works: bool, failure: Failure) {
        if !self.0.iter().any(|known| known.failure == failure) {
            self.0.push(Finding { key: key.to_owned(), works, failure });
        }
    }

    /// What is read later must be there now.
    fn is_there(&mut self, key: &str, path: Option<&Path>) {
        let Some(path) = path else { return };
        if let Err(why) = std::fs::metadata(path) {
            let message = format!("{key} = {}: {why}", path.display());
            let remedy = format!("put it there, or mend {key} in agent.toml");
            self.put(key, false, Failure::usage("config_path", message, &remedy));
        }
    }

    fn kiosk(&mut self, kiosk: &Kiosk) {
        self.take("kiosk.panel", specification::panel(kiosk));
        self.take("kiosk.rotation", specification::rotation(kiosk));
        self.take("kiosk.calibration", specification::calibration(kiosk));
        self.take("kiosk.display", specification::display(kiosk));
        self.take("kiosk.touch", specification::touch(kiosk, PictureSize::new(0, 0)));
        self.take("kiosk.scanner", specification::scanner(kiosk));
        self.take("kiosk.speech", specification::speaker(kiosk));
        self.is_there("kiosk.clips", kiosk.clips.as_deref());
        self.printer("kiosk.printer", kiosk.printer.as_ref());
        self.lines("kiosk.lines", kiosk.lines.as_ref());
        let line = |counter| handoff::counter::Line::new(counter, "kiosk").map(drop);
        self.take("kiosk.counter", kiosk.counter.as_ref().map(line).transpose());
        #[cfg(feature = "kiosk")]
        if let Some(signed) = &kiosk.playlist {
            self.take("kiosk.playlist", kiosk::playlist::load(&signed.file, &signed.key));
        }
    }

    fn printer(&mut self, key: &str, printer: Option<&Printer>) {
        self.take(&format!("{key}.device"), printer.map(specification::open_printer).transpose());
    }

    fn lines(&mut self, key: &str, lines: Option<&Lines>) {
        let Some(lines) = lines else { return };
        if let Some(pins) = self.take(key, Pins::new(lines)) {
            self.take(&format!("{key}.chip"), specification::lines(&lines.chip, pins.wiring()));
        }
    }
}

/// What was asked for of a program that was built without it.
#[must_use]
pub fn without(feature: &str) -> Failure {
    Failure::usage(
        "feature_left_out",
        program::without(feature),
        "install the packages' agent, or build with --features",
    )
}

/// The profile, for the stage.
fn suited(config: &Config, stage: Option<Stage>) -> Result<(), Failure> {
    let profile = Profile::load(&config.profile)?;
    #[cfg(feature = "kiosk")]
    if stage == Some(Stage::Kiosk) {
        return kiosk::suits(&profile);
    }
    let _ = (profile, stage);
    Ok(())
}

/// Keys of a configuration for which this program lacks the feature.
fn left_out(config: &Config) -> Vec<(&'static str, &'static str)> {
    let compat = config.desk.as_ref().is_some_and(|desk| desk.compat.listen.is_some());
    [
        ("kiosk", "kiosk", cfg!(feature = "kiosk") || config.kiosk.is_none()),
        ("desk", "desk", cfg!(feature = "desk") || config.desk.is_none()),
        ("desk.compat.listen", "compat", cfg!(feature = "compat") || !compat),
    ]
    .into_iter()
    .filter(|(.., is_here)| !is_here)
    .map(|(key, feature, _)| (key, feature))
    .collect()
}

/// Everything that is wrong, for a stage, or for the one that the file's tables are for.
#[must_use]
pub fn check(config: &Config, stage: Option<Stage>) -> Vec<Finding> {
    let mut found = Findings::default();
    let stage = stage.or(match (&config.kiosk, &config.desk) {
        (Some(_), None) => Some(Stage::Kiosk),
        (None, Some(_)) => Some(Stage::Desk),
        _ => None,
    });
    match (stage, &config.kiosk, &config.desk) {
        (Some(Stage::Kiosk), None, _) => found.put("kiosk", false, no_table("kiosk")),
        (Some(Stage::Desk), _, None) => found.put("desk", false, no_table("desk")),
        (None, None, None) => {
            let message = "the configuration has neither [kiosk] nor [desk]: only `cccd-agent run` works with it";
            let remedy = "add the table of the stage: /usr/share/doc/cccd-agent/examples/kiosk.toml, /usr/share/doc/cccd-agent/examples/desk.toml";
            found.put("", true, Failure::usage("config_no_stage", message, remedy));
        }
        _ => {}
    }
    found.take("profile", suited(config, stage));
    for (key, feature) in left_out(config) {
        found.put(key, false, without(feature));
    }
    found.take("reader", readers::ReaderName::parse(&config.reader).and_then(|name| name.check()));
    let key_store = drivers::key_store::Name::parse(&config.key_store);
    found.take("key_store", key_store.map_err(|e| Failure::from(e).as_usage()));
    found.take("pass_phrase_file", config.pass_phrase());
    if config.has_no_anchors() {
        found.put("trust", true, config.no_anchors());
    }
    found.is_there("terminal", config.terminal.as_deref());
    found.is_there("log_keys", config.log_keys.as_deref());
    if let Some(kiosk) = &config.kiosk {
        found.kiosk(kiosk);
    }
    if let Some(desk) = &config.desk {
        found.take("desk.scanner", desk.scanner.as_deref().map(specification::open_scanner).transpose());
        let secret = desk.counter.as_ref().map(|door| handoff::counter::secret(&door.secret_file).map(drop));
        found.take("desk.counter", secret.transpose());
        found.is_there("desk.socket", desk.socket.as_deref().and_then(Path::parent));
        found.is_there("desk.compat.keyboard", desk.compat.keyboard.as_deref());
        found.printer("desk.printer", desk.printer.as_ref());
        found.lines("desk.lines", desk.lines.as_ref());
        if desk.compat.listen.is_some_and(|at| at == desk.listen) {
            let message = format!("desk.compat.listen = {}: the desk itself listens there", desk.listen);
            let remedy = "choose another port for desk.compat.listen in agent.toml";
            found.put("desk.compat.listen", false, Failure::usage("config_invalid", message, remedy));
        }
    }
    for (id, connection) in &config.recipient {
        found.take(&format!("recipient.{id}"), handoff::check(id, connection));
    }
    if let Some(roster) = &config.roster {
        // `roster.devices` is for merging ledgers, by hand and later.
        found.is_there("roster.key", Some(&roster.key));
    }
    if let Some(lodging) = &config.lodging {
        found.is_there("lodging.template", lodging.template.as_deref());
        found.is_there("lodging.columns", lodging.columns.as_deref());
    }
    found.0
}

/// [`Config::load_or_last`] with the whole check.
///
/// # Errors
/// When it cannot be read, and there was none before.
pub fn load_or_last(path: &Path, stage: Option<Stage>) -> Result<Config, Failure> {
    Config::load_or_last(path, stage, check)
}

/// [`Config::adopt`] with the whole check.
///
/// # Errors
/// With the first thing that is wrong, where there is no last good one.
pub fn adopt(path: &Path, stage: Stage) -> Result<Config, Failure> {
    Config::adopt(path, stage, check)
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::Adopted;
    use fleet::bundle::{Bundle, Entry};
    use program::exit;
    use reading::anchors;
    use site::checks;
    use std::path::PathBuf;

    const OWN: &str = "reader='pcsc'\ntrust='trust'\nstate='state'\nkeys='keys'\npass_phrase_file='pass-phrase'\n";
    const KIOSK: &str = "[kiosk]\nsite='S'\npanel='landscape-7'\ndisplay='drm:/dev/dri/card9'\n";

    /// A device's directory with anchors and pass phrase.
    fn device() -> tempfile::TempDir {
        let device = tempfile::tempdir().expect("directory");
        std::fs::create_dir(device.path().join("trust")).expect("trust");
        program::private::replace(&device.path().join("pass-phrase"), b"correct horse battery").expect("phrase");
        device
    }

    fn put(device: &Path, text: &str) -> PathBuf {
        let path = device.join("agent.toml");
        std::fs::write(&path, text).expect("configuration");
        path
    }

    fn keys(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|finding| finding.key.as_str()).collect()
    }

    #[test]
    fn all_that_is_wrong_is_found_at_once_with_its_key() {
        let device = device();
        let text = OWN.replace("'pcsc'", "'psc'").replace("'trust'", "'none'").replace("'pass-phrase'", "'no-phrase'");
        let text = format!(
            "profile='identfy'\nkey_store='tmp:x'\nterminal='no-terminal'\n{text}\
             [kiosk]\nsite='S'\npanel='landscape7'\ndisplay='hdmi'\nrotation=45\ntouch='x'\ncalibration='1 0'\n\
             scanner='usb:1'\nspeech='festival'\nclips='no-clips'\n\
             [kiosk.playlist]\nfile='p'\nkey='k'\n[kiosk.printer]\ndevice='lpt1'\n\
             [kiosk.lines]\nchip='/dev/gpiochip0'\nready='GPIO17'\n\
             [desk]\nsite='S'\nscanner='usb:2'\n[desk.compat]\nlisten='127.0.0.1:8480'\n[desk.printer]\ndevice='lpt2'\n\
             [desk.lines]\nchip='/dev/gpiochip0'\ndoor='x'\n\
             [recipient.his]\nformat='fhir'\nurl='http://his.example'\n\
             [roster]\nkey='no-key'\n[lodging]\ntemplate='no-template'\n"
        );
        let config = Config::load(&put(device.path(), &text)).expect("TOML");
        let findings = check(&config, None);
        let expected = [
            "profile",
            "reader",
            "key_store",
            "pass_phrase_file",
            "trust",
            "terminal",
            "kiosk.panel",
            "kiosk.rotation",
            "kiosk.calibration",
            "kiosk.scanner",
            "kiosk.speech",
            "kiosk.clips",
            "kiosk.printer.device",
            "kiosk.lines",
            "kiosk.playlist",
            "desk.scanner",
            "desk.printer.device",
            "desk.lines",
            "desk.compat.listen",
            "recipient.his",
            "roster.key",
            "lodging.template",
        ];
        // A display that is wrong hides behind its rotation.
        assert_eq!(keys(&findings), expected);
        assert!(findings.iter().all(|found| found.works == (found.key == "trust")), "{findings:?}");
        assert!(findings.iter().all(|found| !found.failure.remedy.is_empty() && !found.failure.remedy.contains("--")));
        let text = text.replace("rotation=45", "rotation=90");
        let config = Config::load(&put(device.path(), &text)).expect("TOML");
        assert!(keys(&check(&config, None)).contains(&"kiosk.display"));
    }

    #[test]
    fn a_typed_panel_is_wrong_everywhere_and_never_the_last_good_one() {
        let device = device();
        let good = format!("{OWN}{KIOSK}");
        let wrong = good.replace("landscape-7", "landscape7");
        let path = put(device.path(), &wrong);
        let last = path.with_extension("toml.last-good");
        let failure = adopt(&path, Stage::Kiosk).expect_err("there is no good one");
        assert_eq!((failure.code.as_str(), failure.exit), ("config_invalid", exit::USAGE));
        assert!(!last.exists());

        put(device.path(), &good);
        let config = adopt(&path, Stage::Kiosk).expect("good");
        assert_eq!((&config.adopted, last.exists()), (&Adopted::AsBefore, false), "it has not started yet");
        assert!(config.keep() && !config.keep());
        assert_eq!(std::fs::read_to_string(&last).expect("kept"), good);

        put(device.path(), &wrong);
        assert_eq!(crate::commands::config::run(&path, None, true), Ok(exit::DEVICE));
        let config = adopt(&path, Stage::Kiosk).expect("the last good one");
        assert!(matches!(&config.adopted, Adopted::Refused(failure) if failure.message.contains("landscape7")));
        assert_eq!(config.kiosk.as_ref().expect("kiosk").panel.as_deref(), Some("landscape-7"));
        assert!(!config.keep());
        assert_eq!(std::fs::read_to_string(&last).expect("kept"), good);
        assert_eq!(config.file, path, "what is mended is the device's file");
        let settings = checks::run(&config).into_iter().find(|check| check.id == "settings").expect("a check");
        assert_eq!(settings.fault.expect("wrong").code, "config_invalid");

        // Another good one is kept only once it works, and only then told.
        let new = good.replace("'S'", "'T'");
        put(device.path(), &new);
        let config = adopt(&path, Stage::Kiosk).expect("good");
        assert!(matches!(config.adopted, Adopted::New { .. }));
        assert_eq!(std::fs::read_to_string(&last).expect("kept"), good);
        assert!(config.keep());
        assert_eq!(std::fs::read_to_string(&last).expect("kept"), new);
    }

    #[test]
    fn a_stage_wants_its_table_and_who_only_looks_is_told() {
        let device = device();
        let path = put(device.path(), OWN);
        for (stage, code) in [(Stage::Kiosk, "config_no_kiosk"), (Stage::Desk, "config_no_desk")] {
            assert_eq!(adopt(&path, stage).expect_err("no table").code, code);
        }
        adopt(&path, Stage::Run).expect("it needs none");
        let findings = check(&Config::load(&path).expect("TOML"), None);
        assert_eq!((findings[0].failure.code.as_str(), findings[0].works), ("config_no_stage", true));
        let path = put(device.path(), &format!("profile='hospital-desk'\n{OWN}{KIOSK}"));
        assert_eq!(adopt(&path, Stage::Kiosk).expect_err("nobody to look").code, "profile_needs_staff");
    }

    #[test]
    fn no_trust_directory_is_an_empty_one() {
        let device = device();
        std::fs::remove_dir(device.path().join("trust")).expect("removed");
        let config = Config::load(&put(device.path(), &format!("{OWN}{KIOSK}"))).expect("TOML");
        let findings = check(&config, Some(Stage::Kiosk));
        assert_eq!(keys(&findings), ["trust"]);
        assert!(findings[0].works && findings[0].failure.code == "trust_absent");
        assert!(anchors::of(&config).expect("empty").files.is_empty());
        // One that is there and is no anchor is wrong, and the device has no --trust.
        std::fs::write(device.path().join("trust"), "no certificate").expect("file");
        let failure = anchors::of(&config).expect_err("no anchors");
        assert_eq!(failure.code, "trust_unreadable");
        assert!(failure.remedy.contains("trust in agent.toml"), "{failure}");
    }

    #[test]
    fn a_bundle_is_refused_for_what_it_makes_wrong_only() {
        let device = device();
        let own = OWN.replace("reader='pcsc'\n", "");
        let validate = |own: &str, site: &str| {
            let settings = put(device.path(), own);
            let staged = tempfile::tempdir().expect("directory");
            std::fs::write(staged.path().join("site.toml"), site).expect("written");
            let entry = Entry { path: "site.toml".to_owned(), bytes: site.as_bytes().to_vec() };
            let bundle = Bundle::new(1, "test", 0, vec![entry]).expect("bundle");
            site::bundle::validate(&bundle, staged.path(), &settings, check).map_err(|error| error.to_string())
        };
        validate(&own, "reader='pcsc'\n").expect("a reader for the site");
        let why = validate(&own, &format!("reader='pcsc'\n{}", KIOSK.replace("landscape-7", "landscape7")));
        assert!(why.as_ref().is_err_and(|why| why.contains("landscape7")), "{why:?}");
        let why = validate(&own, "reader='pscs'\n");
        assert!(why.as_ref().is_err_and(|why| why.contains("pscs")), "{why:?}");
        // The device's own fault is no reason to refuse the operator's bundle.
        let faulty = format!("{OWN}{}", KIOSK.replace("landscape-7", "landscape7"));
        validate(&faulty, "direction='in'\n").expect("no fault of the bundle");
    }

    #[test]
    fn what_is_wrong_in_a_file_is_not_restarted_for_ever_and_is_shown() {
        let units = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/systemd");
        let unit = |name: &str| std::fs::read_to_string(units.join(name)).expect(name);
        for name in ["cccd-kiosk.service", "cccd-desk.service"] {
            let unit = unit(name);
            let status = unit.lines().find_map(|line| line.strip_prefix("RestartPreventExitStatus="));
            assert_eq!(status.and_then(|status| status.parse().ok()), Some(exit::USAGE), "{name}");
        }
        assert!(unit("cccd-kiosk.service").lines().any(|line| line == "StandardError=journal+console"));
    }

    /// Each example as it stands, and with everything in it switched on.
    #[test]
    fn the_examples_are_right_in_every_line() {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples");
        for (name, stage) in [("kiosk", Stage::Kiosk), ("desk", Stage::Desk), ("gate", Stage::Kiosk)] {
            let device = device();
            std::fs::write(device.path().join("roster.pem"), "").expect("file");
            let text = std::fs::read_to_string(examples.join(format!("{name}.toml"))).expect(name);
            let config = Config::load(&put(device.path(), &text)).expect(name);
            assert_eq!(check(&config, Some(stage)), [], "{name}");
            let mut on: Vec<&str> = Vec::new();
            for line in text.lines() {
                let Some(setting) = line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')) else {
                    on.push(line);
                    continue;
                };
                // A choice takes the place of the line above it.
                let key = |line: &str| line.split_once(" = ").map(|(key, _)| key.to_owned());
                if key(setting).is_some() && on.last().and_then(|line| key(line)) == key(setting) {
                    on.pop();
                }
                on.push(setting);
            }
            let config = Config::load(&put(device.path(), &on.join("\n"))).expect(name);
            assert_eq!(check(&config, Some(stage)), [], "{name}, all of it");
        }
    }
}
