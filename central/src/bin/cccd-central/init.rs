//! `cccd-central init`: everything that the endpoint needs before it starts. What is there already is kept, so it may be called
//! again after a fault, and never replaces a key.

use cccd_central::log::keys;
use cccd_central::registrar::settings::Settings;
use cccd_central::tls::TlsFiles;
use clap::Args;
use events::SystemClock;
use events::sealed::Lock;
use fleet::authority::ROOTS;
use fleet::files::write_new;
use fleet::{FleetCa, FleetError};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use program::{Failure, files, print, private};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Where the package's unit looks.
pub(crate) const DIRECTORY: &str = "/etc/cccd-central";
/// The port that the package's unit listens on.
const PORT: u16 = 8443;
/// The operator's key for bundles, as `provision bundle` looks for it.
const OPERATOR_KEY: &str = "bundle.key.pem";
/// What opens a key beside it.
const PASS_PHRASE: &str = "pass-phrase";

/// What is made, and where.
#[derive(Args)]
pub(crate) struct Init {
    /// Directory for all of it.
    #[arg(long, default_value = DIRECTORY)]
    pub(crate) dir: PathBuf,
    /// Host name or address that devices connect to; may be repeated, the first one is what devices are told.
    #[arg(long, required = true)]
    host: Vec<String>,
    /// `production`, `practice`, …: fleets of different kinds do not mix.
    #[arg(long, default_value = "production")]
    environment: String,
    /// Public key, PEM, of the operator whose bundles devices take (`provision bundle key --out`); without it a key is made here.
    #[arg(long, value_name = "FILE")]
    pub(crate) operator: Option<PathBuf>,
}

/// What became of one thing.
struct Step {
    path: PathBuf,
    made: bool,
}

impl Init {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let address = self.address()?;
        let registrar = self.at("registrar.toml");
        // Read before anything is made: when it is wrong, nothing is left behind.
        let operator = self.operator.as_deref().map(|path| {
            let pem = files::read(path)?;
            fleet::operator::public_key(path, &pem).map(|_| pem)
        });
        let operator = operator.transpose()?;
        private::directory(&self.dir).map_err(|error| files::unwritable(&self.dir, &error))?;
        let clock = SystemClock::new();
        let mut steps = vec![self.file(PASS_PHRASE, || Ok(pass_phrase()?))?];
        let phrase = files::pass_phrase(&self.at(PASS_PHRASE))?;
        let phrase = phrase.as_slice();
        steps.push(self.directory("ca", |ca| FleetCa::create(ca, phrase, &clock).map(drop))?);
        let ca = FleetCa::open(&self.at("ca"), phrase)?;
        steps.push(self.directory("tls", |tls| ca.server(tls, &self.host, phrase, &clock))?);
        // Its private half may have been taken away since: the public one says that there is one.
        if operator.is_none() && !self.at("operator.pem").exists() {
            steps.push(self.directory("operator", operator_key)?);
        }
        steps.push(self.file("operator.pem", || match operator {
            Some(pem) => Ok(Zeroizing::new(pem)),
            None => public_half(&self.at("operator")),
        })?);
        steps.push(self.directory("log", |log| keys::create(log, &self.origin()))?);
        steps.push(self.file("registrar.toml", || Ok(Zeroizing::new(self.settings(&address).into_bytes())))?);
        // What is kept may be of somebody else's making: together it must be what `serve` can start with.
        let settings = Settings::load(&registrar)?;
        settings.signing()?;
        settings.policy()?;
        TlsFiles::of(&self.at("tls")).load(phrase)?;
        let said: String = steps.iter().map(Step::line).collect();
        let unused = if settings.log.is_none() {
            "registrar.toml is of an older version: add log = \"log\" to it, and events get receipts.\n"
        } else {
            ""
        };
        print(&(said + unused + "\n" + &self.next(&settings.url)))
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Host and port of the first name, as an address has them.
    fn address(&self) -> Result<String, Failure> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        let is_name = |host: &str| (1..=253).contains(&host.len()) && host.bytes().all(plain);
        for host in &self.host {
            if host.parse::<IpAddr>().is_err() && !is_name(host) {
                let message = format!("{host:?} is no host name and no address");
                return Err(Failure::usage("host_malformed", message, "name it without https:// and without a port"));
            }
        }
        let first = self.host.first().map_or("localhost", String::as_str);
        Ok(match first.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => format!("[{address}]:{PORT}"),
            _ => format!("{first}:{PORT}"),
        })
    }

    /// What the log is called, by the name that devices connect to.
    fn origin(&self) -> String {
        format!("{}/events", self.host.first().map_or("localhost", String::as_str))
    }

    fn settings(&self, address: &str) -> String {
        let environment = toml::Value::from(self.environment.as_str());
        let files = if self.dir == Path::new(DIRECTORY) { "/var/lib/cccd-central/files" } else { "files" };
        format!(
            "# What the registrar is told: /usr/share/doc/cccd-central/provisioning.md. Relative paths start at this file.\n\
             # After a change: systemctl restart cccd-central\n\
             ca = \"ca\"\n\
             pass_phrase_file = \"{PASS_PHRASE}\"\n\
             # Where devices send events.\n\
             url = \"https://{address}\"\n\
             # Fleets of different kinds do not mix.\n\
             environment = {environment}\n\
             # Whose bundles devices take.\n\
             operators = [\"operator.pem\"]\n\
             # Files of updates.\n\
             files = \"{files}\"\n\
             # Keys of the log: devices get receipts. Its table, log/keys, is for devices and auditors.\n\
             log = \"log\"\n\
             # The technician's page, at https://{address}/.\n\
             page = true\n\
             # The same for a reverse proxy on this machine: /usr/share/doc/cccd-central/examples/nginx.conf.\n\
             #technician = \"127.0.0.1:8444\"\n"
        )
    }

    /// Makes a file, unless it is there.
    fn file(&self, name: &str, content: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, Failure>) -> Result<Step, Failure> {
        let path = self.at(name);
        let made = !path.exists();
        if made {
            let beside = self.at(&format!(".{name}.new"));
            program::ignore(
                std::fs::remove_file(&beside),
                "what stays there harms nobody, and the next one takes it away",
            );
            write_new(&beside, &content()?)?;
            moved(&beside, &path)?;
        }
        Ok(Step { path, made })
    }

    /// Makes a directory, unless it is there: whole or not at all.
    fn directory(&self, name: &str, fill: impl FnOnce(&Path) -> Result<(), FleetError>) -> Result<Step, Failure> {
        let path = self.at(name);
        let made = !path.exists();
        if made {
            let beside = self.at(&format!(".{name}.new"));
            program::ignore(
                std::fs::remove_dir_all(&beside),
                "what stays there harms nobody, and the next one takes it away",
            );
            fill(&beside)?;
            moved(&beside, &path)?;
        }
        Ok(Step { path, made })
    }

    fn next(&self, url: &str) -> String {
        let dir = self.dir.display();
        let keys = if self.at("operator").exists() {
            format!(
                "Take {dir}/operator away to the operator's own machine: who has it sets what devices do. It is not needed here.\n"
            )
        } else {
            String::new()
        };
        let steps = [
            "systemctl start cccd-central".to_owned(),
            "cccd-central staff add NAME --role technician --everywhere --pass-word-file FILE".to_owned(),
            format!("open {url}/: the technician's page. A phone knows it once it trusts {dir}/tls/{ROOTS}"),
            format!("at a device, with a copy of {dir}/tls/{ROOTS}: provision enrol --central {url} --roots {ROOTS} …"),
        ];
        let steps: String = (1..).zip(steps).map(|(number, step)| format!("  {number}. {step}\n")).collect();
        format!(
            "Next:\n{steps}{keys}Keep a copy of {dir}/ca and {dir}/{PASS_PHRASE} in two places: without them no device is let in any more.\n\
             All of it: /usr/share/doc/cccd-central/central-on-a-server.md\n"
        )
    }
}

impl Step {
    fn line(&self) -> String {
        format!("{} {}\n", if self.made { "made" } else { "kept" }, self.path.display())
    }
}

fn moved(from: &Path, to: &Path) -> Result<(), Failure> {
    std::fs::rename(from, to).map_err(|error| files::unwritable(to, &error))
}

/// 256 bits in hexadecimal.
fn pass_phrase() -> Result<Zeroizing<Vec<u8>>, FleetError> {
    let mut secret = Zeroizing::new([0; 32]);
    openssl::rand::rand_priv_bytes(&mut *secret)?;
    Ok(Zeroizing::new(hex::encode(secret.as_slice()).into_bytes()))
}

/// The operator's key, under a pass phrase of its own.
fn operator_key(directory: &Path) -> Result<(), FleetError> {
    private::directory(directory).map_err(fleet::error::io("make", directory))?;
    let phrase = pass_phrase()?;
    let pem = || -> Result<Vec<u8>, ErrorStack> {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        let key = PKey::from_ec_key(EcKey::generate(&group)?)?;
        Lock::new(&phrase).seal_key(&key)
    };
    write_new(&directory.join(OPERATOR_KEY), &pem()?)?;
    write_new(&directory.join(PASS_PHRASE), &phrase)
}

fn public_half(directory: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let path = directory.join(OPERATOR_KEY);
    let lock = Lock::new(&files::pass_phrase(&directory.join(PASS_PHRASE))?);
    let key = fleet::authority::open_key(&lock, &path)?;
    Ok(Zeroizing::new(key.public_key_to_pem().map_err(FleetError::from)?))
}
