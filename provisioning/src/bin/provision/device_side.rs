//! What a technician does at a device.

use crate::updating::{self, operators};
use crate::{agent_config, missing, no_input, read_pass_phrase};
use clap::{Args, ValueEnum};
use drivers::key_store::{self, KeyStore};
use events::SystemClock;
use fleet::authority::Roots;
use fleet::request::Way;
use fleet::{fingerprint, relay};
use identity::keeper::{BIRTH_KEY, Keeper, Progress, system_random};
use identity::visits::Visits;
use identity::{Https, KeeperError, State, TrustedClock};
use program::foreign::Foreign;
use program::{Failure, exit, files, owner, print, println};
use provisioning::device::{self, Setup};
use qrcodegen::{QrCode, QrCodeEcc};
use serde::Deserialize;
use std::ffi::OsStr;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use update::trust::{Trusted, Word};

/// A way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// Its serial number is on the list of expected devices.
    List,
    /// A technician scans the code on the screen and compares six words.
    Qr,
    /// With a one-time token.
    Token,
    /// Over a USB stick: DIR/SERIAL.request there, DIR/SERIAL.answer back.
    Usb,
    /// At the kiosk's own screen: this only prepares the device, the kiosk does the rest when it starts.
    Screen,
    /// Through a technician's phone: the code on the screen there, scanned codes back on standard input.
    Phone,
}

/// Makes a device's keys and gets it in.
#[derive(Debug, Args)]
pub(crate) struct Enrol {
    /// The device's directory.
    #[arg(long)]
    dir: PathBuf,
    /// How it gets in.
    #[arg(long, value_enum)]
    by: By,
    /// Where it is enrolled: https://host:port. At the first call.
    #[arg(long)]
    central: Option<String>,
    /// The serial number on the machine. At the first call; without it the product's serial number of the firmware.
    #[arg(long)]
    serial: Option<String>,
    /// Kind of machine.
    #[arg(long, default_value = "kiosk")]
    model: String,
    /// The fleet's roots, PEM. Without them six words must be compared.
    #[arg(long)]
    roots: Option<PathBuf>,
    /// Trust anchors for cards, from the configuration's point of view.
    #[arg(long, default_value = "trust")]
    trust: PathBuf,
    /// Where its keys are made: file, tpm:TCTI or pkcs11:MODULE#TOKEN. At the first call.
    #[arg(long, default_value = "file")]
    key_store: String,
    /// File with the pass phrase (or PIN) of the keys.
    #[arg(long)]
    pass_phrase_file: PathBuf,
    /// File with the one-time token.
    #[arg(long, required_if_eq("by", "token"))]
    token_file: Option<PathBuf>,
    /// Directory on the USB stick.
    #[arg(long, required_if_eq("by", "usb"))]
    usb: Option<PathBuf>,
    /// Give up after so many seconds; without it, it tries for ever.
    #[arg(long)]
    within: Option<u64>,
    /// Public key of an operator whose bundles the updater obeys, PEM; may be repeated. Without it those that central names. Root notes
    /// it where the directory is the agent's user's.
    #[arg(long, value_name = "FILE")]
    operator: Vec<PathBuf>,
    /// Where root notes for the updater whose bundles it obeys.
    #[arg(long, value_name = "DIR", default_value = update::packages::DIRECTORY)]
    updater: PathBuf,
}

fn say(step: u8, text: &str) {
    println!("[{step}/5] {text}");
}

/// Where the firmware says its serial number, below `/`: on a PC (readable by root only), and on a board with a device tree.
const FIRMWARE: [&str; 2] = ["sys/class/dmi/id/product_serial", "proc/device-tree/serial-number"];

/// What makers leave there instead of a number; two such machines would be one.
const FILLERS: [&str; 6] =
    ["to be filled by o.e.m.", "default string", "system serial number", "not specified", "not applicable", "none"];

/// The serial number that the firmware knows, on the system below a directory.
fn firmware_serial(system: &Path) -> Result<String, Failure> {
    let mut tried = Vec::new();
    for place in FIRMWARE.map(|place| system.join(place)) {
        let why = match std::fs::read_to_string(&place) {
            Err(error) => error.to_string(),
            Ok(text) => {
                let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
                if !text.is_empty() && !FILLERS.contains(&text.to_lowercase().as_str()) {
                    return Ok(text.to_owned());
                }
                format!("{text:?} is no serial number")
            }
        };
        tried.push(format!("{}: {why}", place.display()));
    }
    let message = format!("the firmware names no serial number ({})", tried.join("; "));
    Err(Failure::usage("serial_unknown", message, "give the one on the machine with --serial"))
}

/// What a device knows of itself, whoever asks: its directory is another user's.
pub(crate) fn identity_of(dir: &Path) -> Result<Option<State>, Failure> {
    // Nothing is known of what is not there yet.
    let Ok(user) = Foreign::owner_of(dir) else { return Ok(None) };
    Ok(State::load_of(user, &dir.join("identity"))?)
}

impl Enrol {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let serial = match (&self.serial, identity_of(&self.dir)?) {
            (None, None) => Some(firmware_serial(Path::new("/"))?),
            _ => None,
        };
        // What only root can read has been read. The pass phrase is not: the agent itself must be able to.
        let named = serial.iter().flat_map(|serial| [OsStr::new("--serial"), OsStr::new(serial)]).collect::<Vec<_>>();
        let inputs =
            self.roots.iter().chain(&self.token_file).chain(&self.operator).map(PathBuf::as_path).collect::<Vec<_>>();
        let operators = operators(&self.operator)?;
        if let Some(done) = owner::have_done(&self.dir, &inputs, &named)? {
            if done.success() {
                self.note(&operators)?;
            }
            // The owner has said what there is to say.
            return Ok(done.code().and_then(|status| u8::try_from(status).ok()).unwrap_or(exit::DEVICE));
        }
        self.get_in(serial.as_deref()).map(|()| 0)
    }

    /// Root's part, once the owner has done its own: whose bundles the updater obeys is noted in root's directory. What was noted
    /// before stays: the directory of the device is the agent's, and could say anything by now.
    fn note(&self, operators: &[String]) -> Result<(), Failure> {
        let user = Foreign::owner_of(&self.dir)?;
        Visits::new(&self.updater).make(Some(user.group()))?;
        let place = State::load_of(user, &self.dir.join("identity"))?.and_then(|identity| identity.place);
        match (Word::load(&self.updater)?, place) {
            (Some(Word::Given(known)), place) => {
                let told = place.map(|place| Trusted::of(place, operators.to_vec()));
                if told.is_some_and(|told| told != known) {
                    println!("{}", updating::shown(&known)?.trim());
                    println!("      where that is another fleet: provision update trust --anew");
                }
            }
            (Some(Word::Awaited { operators: named }), Some(place)) => {
                let operators = if operators.is_empty() { &named[..] } else { operators };
                print!(
                    "{}",
                    updating::shown(&updating::note(&self.updater, place, operators, update::State::default())?)?
                );
            }
            (None, Some(place)) => {
                let known = update::State::load(&self.updater)?;
                print!("{}", updating::shown(&updating::note(&self.updater, place, operators, known)?)?);
            }
            // It is let in at its own screen, where root is not asked.
            (_, None) => Word::Awaited { operators: operators.to_vec() }.save(&self.updater)?,
        }
        Ok(())
    }

    /// As the owner of the device's directory.
    fn get_in(&self, serial: Option<&str>) -> Result<(), Failure> {
        let identity = self.dir.join("identity");
        if State::load(&identity)?.is_none() {
            self.prepare(self.serial.as_deref().or(serial).ok_or_else(|| missing("--serial"))?)?;
        }
        let pass_phrase = read_pass_phrase(&self.pass_phrase_file)?;
        if self.by == By::Screen {
            kiosk_can_start(&self.dir.join("agent.toml"))?;
            println!(
                "prepared; start the kiosk (systemctl start cccd-kiosk): it shows code and words until it is let in"
            );
            return Ok(());
        }
        let keys: Arc<dyn KeyStore> = key_store::open(&self.key_store, &self.dir.join("keys"), &pass_phrase)?;
        say(1, &format!("keys are kept in: {}", keys.protection().id()));
        let state = State::load(&identity)?.ok_or_else(|| KeeperError::None(identity.clone()))?;
        let clock = Arc::new(TrustedClock::new(Arc::new(SystemClock::new()), state.floor));
        let central = Arc::new(Https::new(state.url(), Arc::clone(&keys), Arc::clone(&clock)));
        let token = self.token_file.as_deref().map(read_token).transpose()?;
        let way = match self.by {
            By::List => Way::List,
            By::Qr | By::Phone | By::Screen => Way::Qr,
            By::Token => Way::Token,
            By::Usb => Way::Usb,
        };
        let keeper = Keeper::open(&identity, Arc::clone(&keys), central, clock, env!("CARGO_PKG_VERSION"));
        let mut keeper = keeper?.by(way, token.as_deref().map(String::as_str));
        if keeper.state().current.is_some() {
            return done(&keeper);
        }
        match self.by {
            By::Usb => self.over_usb(&mut keeper)?,
            By::Phone => over_phone(&mut keeper, &*keys)?,
            _ => self.over_network(&mut keeper)?,
        }
        done(&keeper)
    }

    fn prepare(&self, serial: &str) -> Result<(), Failure> {
        let central = self.central.as_deref().ok_or_else(|| missing("--central https://host:port"))?;
        let roots = match &self.roots {
            None => None,
            Some(path) => Some(Roots::from_pem(&files::read(path)?)?),
        };
        let setup = Setup {
            serial,
            model: &self.model,
            central,
            roots: roots.as_ref(),
            trust: &self.trust,
            key_store: &self.key_store,
            pass_phrase_file: &self.pass_phrase_file,
        };
        Ok(device::prepare(&self.dir, &setup)?)
    }

    fn over_network(&self, keeper: &mut Keeper) -> Result<(), Failure> {
        let mut shown = false;
        let mut left = self.within.map(Duration::from_secs);
        loop {
            let wait = match keeper.step(&system_random)? {
                Progress::KeyMade(label) => {
                    say(1, &format!("key {label} made"));
                    continue;
                }
                Progress::Asked(way) => {
                    say(2, &format!("request made, by {}", way.id()));
                    continue;
                }
                Progress::Waiting { words, wait } => {
                    // Also a device of the list: without its birth key there, it waits like every other.
                    if !shown && matches!(self.by, By::Qr | By::List) {
                        say(3, "scan this code with the technician's phone, and compare the six words");
                        show(&keeper.code()?);
                    }
                    if !shown {
                        say(3, &format!("waiting to be confirmed: {}", words.join(" · ")));
                    }
                    shown = true;
                    wait
                }
                Progress::Issued => {
                    say(4, "certificate issued; trying it");
                    continue;
                }
                Progress::Promoted { .. } => return Ok(()),
                Progress::Failed { code, message, remedy, wait } => {
                    println!("      {message} [{code}]\n      → {remedy}; again in {} s", wait.as_secs());
                    wait
                }
                Progress::Forgotten | Progress::Resting { .. } => return Ok(()),
            };
            if let Some(left) = &mut left {
                match left.checked_sub(wait) {
                    Some(rest) => *left = rest,
                    None => {
                        let message = format!("not let in within {} s", self.within.unwrap_or(0));
                        return Err(waiting("enrolment_pending", message, "call it again, nothing is lost"));
                    }
                }
            }
            std::thread::park_timeout(wait);
        }
    }

    fn over_usb(&self, keeper: &mut Keeper) -> Result<(), Failure> {
        let stick = self.usb.as_deref().ok_or_else(|| missing("--usb"))?;
        keeper.prepare(&system_random)?;
        let name = keeper.state().serial.clone();
        let answer = stick.join(format!("{name}.answer"));
        if let Ok(bytes) = std::fs::read(&answer) {
            keeper.take_answer(&bytes)?;
            say(4, &format!("answer taken from {}", answer.display()));
            return Ok(());
        }
        let (request, _) = keeper.request()?;
        let out = stick.join(format!("{name}.request"));
        files::write(&out, request)?;
        say(2, &format!("request written to {}", out.display()));
        let remedy =
            "at central: cccd-central fleet sign DIR --site … --profile …; then call this again with the stick";
        Err(waiting("enrolment_unanswered", format!("no answer on the stick yet: {}", answer.display()), remedy))
    }
}

/// The request in a code for a phone, and the answer from scanned codes.
fn over_phone(keeper: &mut Keeper, keys: &dyn KeyStore) -> Result<(), Failure> {
    keeper.prepare(&system_random)?;
    let code = keeper.code_with_request()?;
    say(2, &format!("request of {} made", fingerprint(&keys.public_key(BIRTH_KEY)?)));
    say(3, "scan this code with the technician's phone, and compare the six words");
    show(&code);
    say(3, &keeper.words()?.join(" · "));
    println!("      then hold the phone before the scanner");
    let mut collector = relay::Collector::default();
    for line in std::io::stdin().lock().lines() {
        match collector.take("answer", &line.map_err(|error| no_input(&error))?) {
            Ok(None) => {
                let (have, of) = collector.progress();
                say(4, &format!("{have} of {of} codes"));
            }
            Ok(Some(answer)) => {
                keeper.take_answer(&answer)?;
                return Ok(());
            }
            Err(error) => println!("      {error} [{}] → {}", error.code(), error.remedy()),
        }
    }
    let message = "the scanner's input ended before the answer was whole";
    Err(waiting("enrolment_unanswered", message.to_owned(), "call this again"))
}

/// What the agent says of a configuration.
#[derive(Deserialize)]
struct Report {
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
struct Finding {
    works: bool,
    code: String,
    message: String,
    remedy: String,
}

/// Asks the agent whether the kiosk can start with its configuration: on its screen nobody could read why not.
fn kiosk_can_start(config: &Path) -> Result<(), Failure> {
    let report: Report = agent_config(config, &["--stage", "kiosk"])?;
    let wrong: String = report
        .findings
        .iter()
        .filter(|finding| !finding.works)
        .map(|Finding { code, message, remedy, .. }| format!("\n{message} [{code}] → {remedy}"))
        .collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let message = format!("the kiosk cannot start with {}:{wrong}\n", config.display());
    Err(Failure::usage(
        "kiosk_not_startable",
        message,
        "provision setup finds what is attached and writes it; then call this again",
    ))
}

fn read_token(path: &Path) -> Result<zeroize::Zeroizing<String>, Failure> {
    let text = files::pass_phrase(path)?;
    let text = std::str::from_utf8(&text).map_err(|_| {
        let message = format!("{} holds no token", path.display());
        Failure::usage("token_malformed", message, "write what `cccd-central fleet token` printed into it")
    })?;
    Ok(zeroize::Zeroizing::new(text.to_owned()))
}

/// Nothing failed, and the device is not in yet.
fn waiting(code: &str, message: String, remedy: &str) -> Failure {
    Failure { exit: exit::UNDECIDED, ..Failure::usage(code, message, remedy) }
}

fn done(keeper: &Keeper) -> Result<(), Failure> {
    let place = keeper.state().place.as_ref().ok_or(KeeperError::NoRoots)?;
    say(5, &format!("{} is let in, at {}; start the agent", place.device, place.site));
    Ok(())
}

/// A QR code on a terminal: two modules in one character, light around it. Elsewhere its text.
fn show(text: &str) {
    let code = QrCode::encode_text(text, QrCodeEcc::Low);
    let Some(code) = code.ok().filter(|_| std::io::stdout().is_terminal()) else {
        return println!("{text}");
    };
    let dark = |x: i32, y: i32| code.get_module(x, y);
    for y in (-2..code.size() + 2).step_by(2) {
        let row: String = (-2..code.size() + 2)
            .map(|x| match (dark(x, y), dark(x, y + 1)) {
                (true, true) => ' ',
                (true, false) => '▄',
                (false, true) => '▀',
                (false, false) => '█',
            })
            .collect();
        println!("{row}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A system with these files; `None` for one that is there and cannot be read.
    fn system(files: &[(&str, Option<&str>)]) -> tempfile::TempDir {
        let system = tempfile::tempdir().expect("a directory");
        for (path, text) in files {
            let path = system.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            match text {
                Some(text) => std::fs::write(path, text).expect("a file"),
                None => std::fs::create_dir(path).expect("a directory in its place"),
            }
        }
        system
    }

    #[test]
    fn the_firmware_is_asked_on_a_pc_and_on_a_board() {
        let pc = system(&[(FIRMWARE[0], Some("SN-4711\n"))]);
        assert_eq!(firmware_serial(pc.path()).expect("a number"), "SN-4711");
        let board = system(&[(FIRMWARE[1], Some("10000000abcdef01\0"))]);
        assert_eq!(firmware_serial(board.path()).expect("a number"), "10000000abcdef01");
    }

    #[test]
    fn the_error_says_which_file_and_why() {
        let none = system(&[(FIRMWARE[0], None), (FIRMWARE[1], Some("To be filled by O.E.M.\n"))]);
        let said = firmware_serial(none.path()).expect_err("no number").to_string();
        for part in
            ["product_serial: Is a directory", "serial-number: \"To be filled by O.E.M.\" is no serial", "--serial"]
        {
            assert!(said.contains(part), "{said}");
        }
    }
}
