//! What a technician does at a device.

use crate::read_pass_phrase;
use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use drivers::key_store::{self, KeyStore};
use events::SystemClock;
use fleet::authority::Roots;
use fleet::request::Way;
use fleet::{fingerprint, relay};
use identity::keeper::{BIRTH_KEY, Keeper, Progress, system_random};
use identity::{Https, State, TrustedClock};
use provisioning::device::{self, Setup};
use qrcodegen::{QrCode, QrCodeEcc};
use std::io::{BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

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
}

fn say(step: u8, text: &str) {
    println!("[{step}/5] {text}");
}

/// The serial number that the firmware knows.
fn firmware_serial() -> Option<String> {
    let places = ["/sys/class/dmi/id/product_serial", "/proc/device-tree/serial-number"];
    let read = |path: &&str| std::fs::read_to_string(path).ok();
    let text = places.iter().find_map(read)?;
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0').to_owned();
    (!text.is_empty()).then_some(text)
}

impl Enrol {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        crate::owner::become_owner(&self.dir)?;
        let identity = self.dir.join("identity");
        if State::load(&identity)?.is_none() {
            self.prepare()?;
        }
        let pass_phrase = read_pass_phrase(&self.pass_phrase_file)?;
        if self.by == By::Screen {
            println!(
                "prepared; start the kiosk (systemctl start cccd-kiosk): it shows code and words until it is let in"
            );
            return Ok(());
        }
        let keys: Arc<dyn KeyStore> = key_store::open(&self.key_store, &self.dir.join("keys"), &pass_phrase)
            .map_err(|e| anyhow::anyhow!("{e} [{}] → {}", e.code(), e.remedy()))?;
        say(1, &format!("keys are kept in: {}", keys.protection().id()));
        let state = State::load(&identity)?.context("identity")?;
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
        let mut keeper = keeper.map_err(explained)?.by(way, token.as_deref().map(String::as_str));
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

    fn prepare(&self) -> anyhow::Result<()> {
        let serial = self.serial.clone().or_else(firmware_serial).context("name the serial number with --serial")?;
        let central = self.central.as_deref().context("name the central with --central https://host:port")?;
        let roots = match &self.roots {
            None => None,
            Some(path) => {
                let pem = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
                Some(Roots::from_pem(&pem)?)
            }
        };
        let setup = Setup {
            serial: &serial,
            model: &self.model,
            central,
            roots: roots.as_ref(),
            trust: &self.trust,
            key_store: &self.key_store,
            pass_phrase_file: &self.pass_phrase_file,
        };
        Ok(device::prepare(&self.dir, &setup)?)
    }

    fn over_network(&self, keeper: &mut Keeper) -> anyhow::Result<()> {
        let mut shown = false;
        let mut left = self.within.map(Duration::from_secs);
        loop {
            let wait = match keeper.step(&system_random).map_err(explained)? {
                Progress::KeyMade(label) => {
                    say(1, &format!("key {label} made"));
                    continue;
                }
                Progress::Asked(way) => {
                    say(2, &format!("request made, by {}", way.id()));
                    continue;
                }
                Progress::Waiting { words, wait } => {
                    if !shown && self.by == By::Qr {
                        say(3, "scan this code with the technician's phone, and compare the six words");
                        show(&keeper.code().map_err(explained)?)?;
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
                    None => bail!("not let in within {} s; call it again, nothing is lost", self.within.unwrap_or(0)),
                }
            }
            std::thread::park_timeout(wait);
        }
    }

    fn over_usb(&self, keeper: &mut Keeper) -> anyhow::Result<()> {
        let stick = self.usb.as_deref().context("name the stick's directory with --usb")?;
        keeper.prepare(&system_random).map_err(explained)?;
        let name = keeper.state().serial.clone();
        let answer = stick.join(format!("{name}.answer"));
        if let Ok(bytes) = std::fs::read(&answer) {
            keeper.take_answer(&bytes).map_err(explained)?;
            say(4, &format!("answer taken from {}", answer.display()));
            return Ok(());
        }
        let (request, _) = keeper.request().map_err(explained)?;
        let out = stick.join(format!("{name}.request"));
        std::fs::write(&out, request).with_context(|| format!("cannot write {}", out.display()))?;
        say(2, &format!("request written to {}", out.display()));
        println!(
            "      at central: cccd-central fleet sign DIR --site … --profile …; then call this again with the stick"
        );
        bail!("no answer on the stick yet: {}", answer.display())
    }
}

/// The request in a code for a phone, and the answer from scanned codes.
fn over_phone(keeper: &mut Keeper, keys: &dyn KeyStore) -> anyhow::Result<()> {
    keeper.prepare(&system_random).map_err(explained)?;
    let code = keeper.code_with_request().map_err(explained)?;
    say(2, &format!("request of {} made", fingerprint(&keys.public_key(BIRTH_KEY)?)));
    say(3, "scan this code with the technician's phone, and compare the six words");
    show(&code)?;
    say(3, &keeper.words().map_err(explained)?.join(" · "));
    println!("      then hold the phone before the scanner");
    let mut collector = relay::Collector::default();
    for line in std::io::stdin().lock().lines() {
        match collector.take("answer", &line?) {
            Ok(None) => {
                let (have, of) = collector.progress();
                say(4, &format!("{have} of {of} codes"));
            }
            Ok(Some(answer)) => {
                keeper.take_answer(&answer).map_err(explained)?;
                return Ok(());
            }
            Err(error) => println!("      {error} [{}] → {}", error.code(), error.remedy()),
        }
    }
    bail!("the scanner's input ended before the answer was whole; call this again")
}

fn read_token(path: &Path) -> anyhow::Result<zeroize::Zeroizing<String>> {
    let text = std::fs::read_to_string(path).map(zeroize::Zeroizing::new);
    let text = text.with_context(|| format!("cannot read the token {}", path.display()))?;
    Ok(zeroize::Zeroizing::new(text.trim().to_owned()))
}

fn explained(error: identity::KeeperError) -> anyhow::Error {
    let text = format!("{} [{}] → {}", emrtd::error::describe(&error), error.code(), error.remedy());
    anyhow::Error::msg(text)
}

fn done(keeper: &Keeper) -> anyhow::Result<()> {
    let place = keeper.state().place.as_ref().context("a place")?;
    say(5, &format!("{} is let in, at {}; start the agent", place.device, place.site));
    Ok(())
}

/// A QR code on a terminal: two modules in one character, light around it. Elsewhere its text.
fn show(text: &str) -> anyhow::Result<()> {
    if !std::io::stdout().is_terminal() {
        println!("{text}");
        return Ok(());
    }
    let code = QrCode::encode_text(text, QrCodeEcc::Low)?;
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
    Ok(())
}
