//! `provision`: the technician's tool. What the agent knows of its device it is asked itself; what central decides is asked of
//! central.

mod bundling;
mod ca;
mod device_side;
mod guide;
mod remote;
mod trust;
mod updating;

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use events::{Clock as _, SystemClock};
use program::foreign;
use program::{Failure, files, print, println};
use provisioning::{EnrolRequest, FleetCa, enrol, operator, playlist, revoked, roster};
use remote::{Central, hand_over};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, ExitCode};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// The technician's and operator's tool: the fleet CA, devices, bundles, lists and notices.
#[derive(Parser)]
#[command(version, name = "provision")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Ca(ca::CaCommand),
    /// Make key and certificate of a central endpoint.
    Server {
        #[command(flatten)]
        ca: Ca,
        /// File with the pass phrase of the endpoint's key, where it is to be another than the CA's.
        #[arg(long, value_name = "FILE")]
        server_pass_phrase_file: Option<PathBuf>,
        /// Directory for the files.
        #[arg(long)]
        out: PathBuf,
        /// Host name or address that devices connect to; may be repeated.
        #[arg(long, required = true)]
        host: Vec<String>,
    },
    /// On a device: make its keys and get it in. Each step can be cut off and called again.
    Enrol(device_side::Enrol),
    /// On a device: what it knows of itself, as JSON.
    Status {
        /// The device's directory.
        #[arg(long)]
        dir: PathBuf,
    },
    /// Ask what is to be done, and do it step by step.
    Guide {
        /// The device's directory.
        #[arg(long, default_value = "/etc/cccd-agent")]
        dir: PathBuf,
    },
    /// The devices that central knows.
    Devices {
        #[command(flatten)]
        central: Central,
    },
    /// Say where a device stands and what it does there; it needs no new certificate.
    Assign {
        #[command(flatten)]
        central: Central,
        /// Its name.
        device: String,
        /// Where it stands now.
        #[arg(long)]
        site: String,
        /// Its profile.
        #[arg(long)]
        profile: String,
    },
    /// Shut a device out for ever, and expect another in its place and site.
    Replace {
        #[command(flatten)]
        central: Central,
        /// The old device's name.
        device: String,
        /// The new machine's serial number.
        #[arg(long)]
        serial: String,
        /// The fingerprint of the new machine's birth key.
        #[arg(long)]
        birth: Option<String>,
    },
    /// On a device: make it a kiosk, a desk or a gate: find what is attached, try it, and write the configuration.
    Setup {
        #[command(flatten)]
        at: At,
        /// What it becomes; without it what it is, or what is asked.
        #[arg(long = "as", value_name = "PLACE", value_parser = ["kiosk", "desk", "gate"])]
        place: Option<String>,
        /// What the site is called.
        #[arg(long, value_name = "NAME")]
        site: Option<String>,
        /// Ask and try nothing: take what is proposed.
        #[arg(long)]
        yes: bool,
        /// Take these settings before what is found, and ask and try nothing.
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
    /// On a device: its configuration with the site's below it, and whether it is valid.
    Config {
        #[command(flatten)]
        at: At,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// On a device: every check, with code and remedy.
    Doctor {
        #[command(flatten)]
        at: At,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// On a device: events that central does not have, onto a stick; `cccd-central fleet import` makes the receipt.
    Export {
        #[command(flatten)]
        at: At,
        /// The directory on the stick.
        #[arg(required_unless_present = "receipt")]
        directory: Option<PathBuf>,
        /// Take this receipt of central instead.
        #[arg(long, value_name = "FILE", conflicts_with = "directory")]
        receipt: Option<PathBuf>,
    },
    /// On a device: make it forget its site, or everything.
    Reset {
        #[command(flatten)]
        at: At,
        /// The same device goes to another site.
        #[arg(long, required_unless_present = "hard")]
        soft: bool,
        /// It becomes a new device.
        #[arg(long, conflicts_with = "soft")]
        hard: bool,
        /// Also when central does not have all events: they are lost.
        #[arg(long)]
        lose_events: bool,
    },
    /// On a device: updates of its software.
    Update(updating::Update),
    /// Bundles: anchors, lists, profiles and settings in one signed file.
    Bundle {
        #[command(subcommand)]
        command: bundling::BundleCommand,
    },
    /// Document signers that nobody vouches for: those that devices saw, and those that are pinned for a fleet.
    Trust {
        #[command(subcommand)]
        command: trust::TrustCommand,
    },
    /// Write manual pages and completions.
    #[command(hide = true)]
    Pages {
        /// Where to.
        directory: PathBuf,
    },
    /// Enrol a device on the machine that has the CA: keys, certificate, configuration, record for central.
    Bench {
        #[command(flatten)]
        ca: Ca,
        /// Directory of the device.
        #[arg(long)]
        out: PathBuf,
        /// Name of the device: a-z, 0-9 and '-'.
        #[arg(long)]
        device: String,
        /// Where it stands.
        #[arg(long)]
        site: String,
        /// Where it sends events: https://host:port.
        #[arg(long)]
        central: String,
        /// Trust anchors for cards: directory or file, from the device's point of view.
        #[arg(long)]
        trust: PathBuf,
        /// Where its keys are made: file, tpm:TCTI or pkcs11:MODULE#TOKEN.
        #[arg(long, default_value = "file")]
        key_store: String,
    },
    /// Turn a table of lost and withdrawn cards into the part `revoked/cards` of a site's bundle; it names nobody.
    Revoked {
        #[command(flatten)]
        ca: Ca,
        /// The table: CSV with the columns number and issued (YYYY-MM-DD; empty for every card of that number).
        table: PathBuf,
        /// The site whose devices know the key.
        #[arg(long)]
        site: String,
        /// The file, as `PARTS/revoked/cards`.
        #[arg(long)]
        out: PathBuf,
    },
    /// Make the operator's key for playlists.
    PlaylistKey {
        #[command(flatten)]
        key: OperatorKey,
        /// The public key, PEM, for devices.
        #[arg(long)]
        out: PathBuf,
    },
    /// Check a playlist and sign it.
    PlaylistSign {
        #[command(flatten)]
        key: OperatorKey,
        /// The playlist, TOML.
        playlist: PathBuf,
        /// The signed file, for devices.
        #[arg(long)]
        out: PathBuf,
    },
    /// Make the key that signs lists of people.
    RosterKey {
        #[command(flatten)]
        key: OperatorKey,
        /// The public key, PEM, for devices.
        #[arg(long)]
        out: PathBuf,
    },
    /// Turn a table into a signed list of people, sealed for the way.
    RosterSign {
        #[command(flatten)]
        key: OperatorKey,
        /// The table: CSV with a header, see docs/configuration.md.
        table: PathBuf,
        /// Identifier of the list.
        #[arg(long)]
        id: String,
        /// Its version; a device takes only a higher one than it has.
        #[arg(long)]
        version: u32,
        /// What people call it.
        #[arg(long)]
        title: String,
        /// The profile that uses it.
        #[arg(long)]
        profile: String,
        /// First day, YYYY-MM-DD.
        #[arg(long)]
        from: String,
        /// Last day, YYYY-MM-DD.
        #[arg(long)]
        until: String,
        /// The fleet CA, which knows the site's key: the list then names nobody.
        #[arg(long, value_name = "DIR", requires = "site")]
        ca: Option<PathBuf>,
        /// The site whose key replaces numbers.
        #[arg(long, requires = "ca")]
        site: Option<String>,
        /// File with the pass phrase that opens the list at the device.
        #[arg(long, value_name = "FILE")]
        list_pass_phrase_file: PathBuf,
        /// The signed and sealed file, for devices.
        #[arg(long)]
        out: PathBuf,
    },
}

impl OperatorKey {
    fn make(&self, label: &str, public: &Path) -> Result<(), Failure> {
        operator::make_key(&self.keys, label, &read_pass_phrase(&self.pass_phrase_file)?, public)
    }
}

/// The agent of this device.
#[derive(Args)]
struct At {
    /// The agent's configuration.
    #[arg(long, value_name = "FILE", default_value = "/etc/cccd-agent/agent.toml")]
    config: PathBuf,
}

#[derive(Args)]
struct OperatorKey {
    /// Directory of the operator's key for documents.
    #[arg(long)]
    keys: PathBuf,
    /// File with the pass phrase under which the key is encrypted.
    #[arg(long)]
    pass_phrase_file: PathBuf,
}

#[derive(Args)]
struct Ca {
    /// Directory of the fleet CA.
    #[arg(long)]
    ca: PathBuf,
    /// File with the pass phrase under which keys are encrypted.
    #[arg(long)]
    pass_phrase_file: PathBuf,
}

impl Ca {
    fn pass_phrase(&self) -> Result<Zeroizing<Vec<u8>>, Failure> {
        read_pass_phrase(&self.pass_phrase_file)
    }
}

fn read_pass_phrase(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let phrase = files::pass_phrase(path)?;
    if phrase.len() < 16 {
        let message = format!("the pass phrase in {} has fewer than 16 bytes", path.display());
        return Err(Failure::usage("pass_phrase_short", message, "write a longer one into the file"));
    }
    Ok(phrase)
}

/// Something must be said that was not.
fn missing(option: &str) -> Failure {
    Failure::usage("argument_missing", format!("{option} is missing"), &format!("call it again with {option}"))
}

/// Standard input failed.
fn no_input(error: &std::io::Error) -> Failure {
    Failure::device("stdin_failed", format!("cannot read standard input: {error}"), "call it again in a terminal")
}

/// A program that this one calls is not there, or may not be called.
fn not_started(program: &str, error: &std::io::Error) -> Failure {
    let remedy = "call this on the device, where the package cccd-agent is installed";
    Failure::device("program_absent", format!("cannot start {program}: {error}"), remedy)
}

/// What `cccd-agent config --json` says of a device's configuration.
fn agent_config<T: DeserializeOwned>(config: &Path, more: &[&str]) -> Result<T, Failure> {
    let mut agent = Process::new("cccd-agent");
    agent.arg("config").args(more).args(["--json", "--config"]).arg(config);
    // It goes on as the directory's owner, who may have it say anything.
    let output = foreign::said(&mut agent, 1 << 20, Duration::from_secs(60))
        .map_err(|error| not_started("cccd-agent", &error))?;
    // Another status says that the last good configuration is used: so it is.
    serde_json::from_slice(&output.stdout).map_err(|_| {
        let message = format!("cccd-agent config: {}", String::from_utf8_lossy(&output.stderr).trim());
        Failure::device("agent_malformed", message, "mend what it says; both programs are of one version")
    })
}

fn main() -> ExitCode {
    let command = match Arguments::try_parse() {
        Ok(arguments) => arguments.command,
        Err(error) => return pages::not_run(&error),
    };
    let json = command.wants_json();
    program::end(run(command), json)
}

impl Command {
    /// What `cccd-agent` does under another name prints its own.
    const fn wants_json(&self) -> bool {
        matches!(
            self,
            Self::Status { .. }
                | Self::Config { json: true, .. }
                | Self::Doctor { json: true, .. }
                | Self::Trust { command: trust::TrustCommand::List { json: true, .. } }
        )
    }
}

fn run(command: Command) -> Result<u8, Failure> {
    let clock = SystemClock::new();
    match command {
        Command::Ca(command) => command.run(&clock)?,
        Command::Server { ca, server_pass_phrase_file, out, host } => {
            let own = read_pass_phrase(server_pass_phrase_file.as_ref().unwrap_or(&ca.pass_phrase_file))?;
            FleetCa::open(&ca.ca, &ca.pass_phrase()?)?.server(&out, &host, &own, &clock)?;
            println!("server certificate for {} made in {}", host.join(", "), out.display());
        }
        Command::Enrol(enrol) => return enrol.run(),
        Command::Status { dir } => {
            let state = device_side::identity_of(&dir)?.ok_or(identity::KeeperError::None(dir))?;
            print(&(serde_json::to_string_pretty(&state)? + "\n"))?;
        }
        Command::Guide { dir } => guide::run(&dir)?,
        Command::Devices { central } => print!("{}", remote::table(&central.log_in()?.devices()?)),
        Command::Assign { central, device, site, profile } => {
            central.log_in()?.assign(&device, &site, &profile)?;
            println!("{device} stands at {site} as {profile}; it hears of it with its next certificate or restart");
        }
        Command::Replace { central, device, serial, birth } => {
            let successor = central.log_in()?.replace(&device, &serial, birth.as_deref())?;
            println!("{device} is shut out; {serial} is expected as {successor}");
            println!("its events, if it still starts: provision export there, cccd-central fleet import at central");
        }
        Command::Setup { at, place, site, yes, from } => {
            let from = from.map(|from| from.to_string_lossy().into_owned());
            let named = [("--as", &place), ("--site", &site), ("--from", &from)];
            let named = named.into_iter().filter_map(|(name, value)| Some([name, value.as_deref()?]));
            let more: Vec<&str> = named.flatten().chain(yes.then_some("--yes")).collect();
            hand_over(&["setup"], &at.config, &more)?;
        }
        Command::Config { at, json } => hand_over(&["config"], &at.config, if json { &["--json"] } else { &[] })?,
        Command::Doctor { at, json } => hand_over(&["doctor"], &at.config, if json { &["--json"] } else { &[] })?,
        Command::Export { at, directory, receipt } => {
            let what = if receipt.is_some() { "receipt" } else { "export" };
            let path = receipt.or(directory).ok_or_else(|| missing("a directory, or --receipt"))?;
            hand_over(&["outbox", what], &at.config, &[&path.to_string_lossy()])?;
        }
        Command::Reset { at, soft, hard: _, lose_events } => {
            let lose: &[&str] = if lose_events { &["--lose-events"] } else { &[] };
            hand_over(&["reset", if soft { "--soft" } else { "--hard" }], &at.config, lose)?;
        }
        Command::Update(update) => update.run()?,
        Command::Bundle { command } => command.run(&clock)?,
        Command::Trust { command } => command.run(&clock)?,
        Command::Pages { directory } => {
            let written = pages::write(Arguments::command(), &directory);
            written.map_err(|error| files::unwritable(&directory, &error))?;
        }
        Command::Bench { ca, out, device, site, central, trust, key_store } => {
            let pass_phrase = ca.pass_phrase()?;
            let request = EnrolRequest {
                device: &device,
                site: &site,
                central: &central,
                trust: &trust,
                key_store: &key_store,
                pass_phrase_file: &ca.pass_phrase_file,
            };
            enrol(&FleetCa::open(&ca.ca, &pass_phrase)?, &out, &request, &pass_phrase, Arc::new(clock))?;
            println!("device {device} enrolled in {}", out.display());
            println!("next: cccd-central device add {}", out.join("enrolment.json").display());
        }
        Command::Revoked { ca, table, site, out } => {
            let keys = FleetCa::open(&ca.ca, &ca.pass_phrase()?)?.site_keys(&site, clock.wall())?;
            println!("{} cards: {}", revoked::build(&table, &*keys.lists(), &out)?, out.display());
        }
        Command::PlaylistKey { key, out } => {
            key.make(playlist::LABEL, &out)?;
            println!("key made in {}; give {} to devices", key.keys.display(), out.display());
        }
        Command::PlaylistSign { key, playlist, out } => {
            let signed = playlist::sign(&key.keys, &read_pass_phrase(&key.pass_phrase_file)?, &playlist, &out)?;
            println!("version {} signed: {}", signed.version, out.display());
        }
        Command::RosterKey { key, out } => {
            key.make(roster::LABEL, &out)?;
            println!("key made in {}; give {} to devices", key.keys.display(), out.display());
        }
        Command::RosterSign {
            key,
            table,
            id,
            version,
            title,
            profile,
            from,
            until,
            ca,
            site,
            list_pass_phrase_file,
            out,
        } => {
            let pass_phrase = read_pass_phrase(&key.pass_phrase_file)?;
            let list_phrase = read_pass_phrase(&list_pass_phrase_file)?;
            let hashed = match ca.zip(site) {
                Some((ca, site)) => Some(FleetCa::open(&ca, &pass_phrase)?.site_keys(&site, clock.wall())?),
                None => None,
            };
            let heading = roster::Heading {
                id: &id,
                version,
                title: &title,
                profile: &profile,
                valid_from: &from,
                valid_until: &until,
            };
            let count = roster::sign(&key.keys, &pass_phrase, &heading, &table, hashed.as_ref(), &list_phrase, &out)?;
            println!("version {version} signed, {count} people: {}", out.display());
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::Arguments;
    use clap::CommandFactory as _;

    #[test]
    fn the_manual_names_commands_that_there_are() {
        manual::commands::hold(Arguments::command(), 30);
    }
}
