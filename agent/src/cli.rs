//! The command line. `docs/cli.md` is its contract.

mod receipt;
mod trust;

use crate::commands::{self, Judging};
use clap::{ArgGroup, Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use emrtd::{AccessPolicy, UnixTime};
use events::SystemClock;
use program::Failure;
use reading::access::{self, AccessKey};
use receipt::ReceiptCommand;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use trust::TrustCommand;

/// Reads the Vietnamese citizen card, verifies it on the spot and records one signed event.
#[derive(Debug, Parser)]
#[command(version, name = "cccd-agent")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read one card, verify it, and report.
    #[command(group = ArgGroup::new("key").required(true))]
    Read {
        /// pcsc, pcsc:SUBSTRING, libnfc:CONNSTRING or sim:PERSONA[@MAKE][:FAULT].
        #[arg(long)]
        reader: String,
        /// The 12-digit number of the card.
        #[arg(long, group = "key", value_name = "12DIGITS")]
        number: Option<String>,
        /// The card access number: the last six digits of the number.
        #[arg(long, group = "key", value_name = "6DIGITS")]
        can: Option<String>,
        /// Document number, birth and expiry as in the machine readable zone, or its lines.
        #[arg(long, group = "key", value_name = "DOCNO,YYMMDD,YYMMDD")]
        mrz: Option<String>,
        /// The text of the card's QR code, or of whatever else was scanned.
        #[arg(long, group = "key", value_name = "TEXT")]
        qr: Option<String>,
        /// Trust anchors: a directory or file of DER/PEM certificates and master lists.
        #[arg(long, value_name = "PATH")]
        trust: PathBuf,
        /// Allowed access protocols.
        #[arg(long, default_value = "auto")]
        access: Access,
        /// Write the evidence, without personal data, to this file.
        #[arg(long, value_name = "FILE")]
        evidence: Option<PathBuf>,
        /// Write the whole evidence, personal data included, encrypted, to this file.
        #[arg(long, value_name = "FILE", requires = "pass_phrase_file")]
        evidence_whole: Option<PathBuf>,
        /// The file with the pass phrase that encrypts the whole evidence.
        #[arg(long, value_name = "FILE")]
        pass_phrase_file: Option<PathBuf>,
        /// Read fingerprints and irises, too: a directory with certificates and key for terminal authentication.
        #[arg(long, value_name = "DIR")]
        terminal: Option<PathBuf>,
        /// Read this data group, too, as EF.DG11 and EF.DG12 of a passport; may be repeated.
        #[arg(long = "group", value_name = "N", value_parser = clap::value_parser!(u8).range(5..=16))]
        groups: Vec<u8>,
        /// Print the report as JSON on standard output.
        #[arg(long)]
        json: bool,
        /// How many seconds to wait for a card.
        #[arg(long, default_value_t = 30)]
        wait: u64,
        /// How many seconds a card that was lifted during the read may stay away; 0 ends the read at once.
        #[arg(long, default_value_t = 5)]
        resume: u64,
    },
    /// Passive authentication of files.
    Verify {
        /// EF.SOD.
        #[arg(long, value_name = "FILE")]
        sod: PathBuf,
        /// A data group: its number and its file; may be repeated.
        #[arg(long = "dg", value_name = "N=FILE")]
        data_groups: Vec<String>,
        #[command(flatten)]
        judging: JudgingArguments,
    },
    /// Visible digital seals: signed bar codes on visas, travel papers and certificates.
    Seal {
        #[command(subcommand)]
        command: SealCommand,
    },
    /// Stored evidence of a read.
    Evidence {
        #[command(subcommand)]
        command: EvidenceCommand,
    },
    /// Trust anchors, revocation and deviation lists, pins.
    Trust {
        #[command(subcommand)]
        command: TrustCommand,
    },
    /// Site profiles: what a use of the card reads, why it may, and what leaves the device.
    Profile {
        #[command(subcommand)]
        command: ProfileCommand,
    },
    /// Work as a device: scans on standard input, events to central.
    Run {
        /// The configuration, as `provision enrol` writes it.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Work as a kiosk with screen, touch, scanner, printer, lights and speech.
    Kiosk {
        /// The configuration; it needs a table [kiosk].
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Serve the page for staff, and the interface for other software, on this machine only.
    Desk {
        /// The configuration; it needs a table [desk].
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Print a code that lets one in to the desk: its own page in a browser, unless another is named.
    Pair {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// For a program that is no browser, not for staff.
        #[arg(long)]
        app: bool,
        /// For the page of other software at this address, not for staff.
        #[arg(long, value_name = "URL", conflicts_with = "app")]
        origin: Option<String>,
        /// List those that were let in.
        #[arg(long, conflicts_with_all = ["app", "origin", "end", "forget"])]
        list: bool,
        /// Do not let this one in any more; the list has its identifier, whose beginning is enough.
        #[arg(long, value_name = "ID", conflicts_with_all = ["app", "origin", "forget"])]
        end: Option<String>,
        /// Let nobody in any more that was let in.
        #[arg(long, conflicts_with_all = ["app", "origin"])]
        forget: bool,
    },
    /// Who works at the desk: people with a role and a PIN.
    Staff {
        #[command(subcommand)]
        command: StaffCommand,
    },
    /// Who looked at what is kept of people.
    Access {
        #[command(subcommand)]
        command: AccessCommand,
    },
    /// Lists of people that the operator signed.
    Roster {
        #[command(subcommand)]
        command: RosterCommand,
    },
    /// Who was there: signed lists, and rooms that meet later.
    Attendance {
        #[command(subcommand)]
        command: AttendanceCommand,
    },
    /// What the device keeps of a person, for that person. The number is read from standard input.
    Subject {
        #[command(subcommand)]
        command: SubjectCommand,
    },
    /// Make a device forget its site (soft), or everything (hard); the agent must not run.
    #[command(group = ArgGroup::new("how").required(true))]
    Reset {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The same device goes to another site: birth key, event key and log stay.
        #[arg(long, group = "how")]
        soft: bool,
        /// It becomes a new device.
        #[arg(long, group = "how")]
        hard: bool,
        /// Also when central does not have all events: they are lost.
        #[arg(long)]
        lose_events: bool,
    },
    /// That central's log has an event: write it, check it.
    Receipt {
        #[command(subcommand)]
        command: ReceiptCommand,
    },
    /// Events to central on a stick, and its receipt back.
    Outbox {
        #[command(subcommand)]
        command: OutboxCommand,
    },
    /// Say which devices are there, which are not, since when, and what to do.
    Doctor {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print the report as JSON on standard output.
        #[arg(long)]
        json: bool,
    },
    /// List the devices that agent.toml could name, with the words for them; it needs no configuration.
    Devices {
        /// The configuration: what it names is marked.
        #[arg(long, value_name = "FILE", default_value = "/etc/cccd-agent/agent.toml")]
        config: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make this machine a kiosk, a desk or a gate: find what is attached, try it, and write the configuration.
    Setup {
        /// The configuration that is written; what it says already stays.
        #[arg(long, value_name = "FILE", default_value = "/etc/cccd-agent/agent.toml")]
        config: PathBuf,
        /// What it becomes; without it what it is, or what is asked.
        #[arg(long = "as", value_enum, value_name = "PLACE")]
        place: Option<crate::setup::Place>,
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
    /// Say how a scanner that types is set, and draw a code that shows whether it is.
    ScannerCode,
    /// Say everything that is wrong with a configuration, and what it comes to with the site's settings below it.
    Config {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// What is to work with it; without it what the file has tables for.
        #[arg(long, value_enum)]
        stage: Option<config::Stage>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take a bundle in that came on a stick; a running agent uses it after a restart.
    Bundle {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// What `provision bundle build` wrote.
        file: PathBuf,
    },
    /// Write manual pages and completions.
    #[command(hide = true)]
    Pages {
        /// Where to.
        directory: PathBuf,
    },
    /// Show on the panel why the kiosk cannot start; cccd-fault.service calls it.
    #[command(hide = true)]
    Fault {
        /// The configuration of the kiosk.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Hold the line of a door relay; the kiosk starts it by itself.
    #[command(hide = true)]
    RelayGuard {
        /// The GPIO chip.
        chip: String,
        /// The line and its wiring.
        pin: String,
        /// Milliseconds after which it goes off by itself.
        maximum_ms: u16,
    },
    /// Read every virtual card and every fault on the simulated reader.
    Demo,
}

#[derive(Debug, Subcommand)]
enum StaffCommand {
    /// Add somebody, and print their identifier and a PIN that they change.
    Add {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Their name.
        name: String,
        /// What they do here: reception, proctor, nurse or manager.
        #[arg(long)]
        role: String,
    },
    /// List everybody who works, or worked, here.
    List {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Somebody does not work here any more.
    Remove {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Their identifier.
        id: String,
    },
    /// Print a new PIN for somebody who forgot theirs, a manager too.
    ResetPin {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Their identifier.
        id: String,
    },
}

impl StaffCommand {
    const fn config(&self) -> &PathBuf {
        match self {
            Self::Add { config, .. }
            | Self::List { config }
            | Self::Remove { config, .. }
            | Self::ResetPin { config, .. } => config,
        }
    }

    #[cfg(feature = "desk")]
    fn run(self) -> Result<u8, Failure> {
        match self {
            Self::Add { config, name, role } => commands::staff::add(&config, &name, &role),
            Self::List { config } => commands::staff::list(&config),
            Self::Remove { config, id } => commands::staff::remove(&config, &id),
            Self::ResetPin { config, id } => commands::staff::reset_pin(&config, &id),
        }
    }

    #[cfg(not(feature = "desk"))]
    fn run(self) -> Result<u8, Failure> {
        Err(crate::check::without("desk"))
    }
}

#[derive(Debug, Subcommand)]
enum AccessCommand {
    /// List who looked, as what, at what and at how many people: latest first, as far as the device still has it.
    List {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
enum RosterCommand {
    /// Take a list in.
    Import {
        /// The configuration; it needs a table [roster].
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The signed and sealed list.
        file: PathBuf,
        /// The file with the pass phrase that came with the list.
        #[arg(long, value_name = "FILE")]
        pass_phrase_file: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
enum AttendanceCommand {
    /// Write the signed list of who was there.
    Export {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The file that is written.
        out: PathBuf,
    },
    /// Take other rooms' lists in, and say who was in more than one.
    Merge {
        /// The configuration; it needs [roster] devices.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The other rooms' lists.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
enum SubjectCommand {
    /// Write everything that is kept of a person, sealed with a pass phrase.
    Export {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The file that is written.
        out: PathBuf,
        /// The file with the pass phrase that the person is given.
        #[arg(long, value_name = "FILE")]
        pass_phrase_file: PathBuf,
    },
    /// Show what `export` wrote.
    Show {
        /// The file.
        file: PathBuf,
        /// The file with the pass phrase.
        #[arg(long, value_name = "FILE")]
        pass_phrase_file: PathBuf,
    },
    /// Erase everything that is kept of a person.
    Erase {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

impl RosterCommand {
    fn run(self) -> Result<u8, Failure> {
        let Self::Import { config, file, pass_phrase_file } = self;
        commands::roster::import(&config, &file, pass_phrase_file.as_deref())
    }
}

impl AttendanceCommand {
    fn run(self) -> Result<u8, Failure> {
        match self {
            Self::Export { config, out } => commands::roster::export_attendance(&config, &out),
            Self::Merge { config, files, json } => commands::roster::merge_attendance(&config, &files, json),
        }
    }
}

#[derive(Debug, Subcommand)]
enum OutboxCommand {
    /// Write what central has not acknowledged into a directory.
    Export {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The directory on the stick.
        directory: PathBuf,
    },
    /// Take central's receipt.
    Receipt {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// What `cccd-central fleet import` wrote.
        file: PathBuf,
    },
}

impl OutboxCommand {
    fn run(self) -> Result<u8, Failure> {
        match self {
            Self::Export { config, directory } => commands::outbox::export(&config, &directory),
            Self::Receipt { config, file } => commands::outbox::receipt(&config, &file),
        }
    }
}

impl SubjectCommand {
    fn run(self) -> Result<u8, Failure> {
        match self {
            Self::Export { config, out, pass_phrase_file } => {
                commands::subject::export(&config, &out, &pass_phrase_file)
            }
            Self::Show { file, pass_phrase_file } => commands::subject::show(&file, &pass_phrase_file),
            Self::Erase { config } => commands::subject::erase(&config),
        }
    }
}

#[derive(Debug, Subcommand)]
enum ProfileCommand {
    /// List those that come with the agent.
    List,
    /// Say whether one is valid, with line and remedy where it is not.
    Check {
        /// Its identifier, or a file.
        profile: String,
    },
    /// Print what it takes, where that goes and how long it stays.
    Explain {
        /// Its identifier, or a file.
        profile: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Play a visit with a made-up person: each screen, and what is done.
    Simulate {
        /// Its identifier, or a file.
        profile: String,
        /// How the card is judged.
        #[arg(long, default_value = "proved", value_parser = word)]
        word: verdict::Word,
    },
}

impl ProfileCommand {
    fn run(self) -> Result<u8, Failure> {
        match self {
            Self::List => commands::profile::list(),
            Self::Check { profile } => commands::profile::check(&profile),
            Self::Explain { profile, json } => commands::profile::explain(&profile, json),
            #[cfg(all(feature = "kiosk", feature = "practice"))]
            Self::Simulate { profile, word } => commands::profile::simulate(&profile, word),
            #[cfg(not(all(feature = "kiosk", feature = "practice")))]
            Self::Simulate { .. } => {
                Err(crate::check::without(if cfg!(feature = "kiosk") { "practice" } else { "kiosk" }))
            }
        }
    }
}

/// A word of `docs/verdict.md`.
fn word(code: &str) -> Result<verdict::Word, String> {
    verdict::Word::find(code).ok_or_else(|| {
        let known: Vec<_> = verdict::Word::ALL.into_iter().map(verdict::Word::code).collect();
        format!("choose one of: {}", known.join(", "))
    })
}

#[derive(Debug, Subcommand)]
enum EvidenceCommand {
    /// Repeat every check of stored evidence, offline.
    Verify {
        /// What `read --evidence` or `read --evidence-whole` wrote.
        file: PathBuf,
        /// The file with the pass phrase of whole evidence.
        #[arg(long, value_name = "FILE")]
        pass_phrase_file: Option<PathBuf>,
        #[command(flatten)]
        judging: JudgingArguments,
    },
}

#[derive(Debug, Subcommand)]
enum SealCommand {
    /// Say who signed a seal, and what it says.
    Verify {
        /// The bytes of the bar code, or its text in hexadecimal digits, base64 or JSON; - for standard input.
        file: PathBuf,
        #[command(flatten)]
        judging: JudgingArguments,
    },
}

/// What commands that judge stored files share.
#[derive(Debug, Args)]
struct JudgingArguments {
    /// Trust anchors: a directory or file of DER/PEM certificates and master lists.
    #[arg(long, value_name = "PATH")]
    trust: PathBuf,
    /// Judge validity on this day instead of the signing time.
    #[arg(long, value_name = "YYYY-MM-DD")]
    at: Option<String>,
    /// Print the report as JSON on standard output.
    #[arg(long)]
    json: bool,
}

impl JudgingArguments {
    fn judging(self) -> Result<Judging, Failure> {
        Ok(Judging { trust: self.trust, at: self.at.as_deref().map(day).transpose()?, json: self.json })
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Access {
    Auto,
    Pace,
    Bac,
}

/// Runs the program: parses, works, reports, and gives the exit status.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return pages::not_run(&error),
    };
    start_log();
    let json = arguments.command.wants_json();
    program::end(arguments.command.step_down().and_then(|()| arguments.command.run()), json)
}

/// Logs go to standard error: text for people, JSON with `CCCD_LOG_FORMAT=json`; level by `CCCD_LOG`.
pub fn start_log() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("CCCD_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(program::terminal::log).with_target(false);
    if std::env::var("CCCD_LOG_FORMAT").is_ok_and(|f| f == "json") {
        builder.json().init();
    } else {
        builder.init();
    }
}

impl Command {
    /// Root goes on as the owner of the device that the command works on: the only place where that is done.
    fn step_down(&self) -> Result<(), Failure> {
        let Some((config, inputs)) = self.device() else { return Ok(()) };
        let directory = config.parent().unwrap_or_else(|| Path::new("."));
        Ok(program::owner::step_down(directory, &inputs, &[])?)
    }

    /// The configuration of the device that a command works on, and the other files that it reads; `None` for commands
    /// without a device. Whoever adds a command decides here.
    fn device(&self) -> Option<(&Path, Vec<&Path>)> {
        let (config, inputs) = match self {
            Self::Run { config }
            | Self::Kiosk { config }
            | Self::Fault { config }
            | Self::Desk { config }
            | Self::Pair { config, .. }
            | Self::Access { command: AccessCommand::List { config, .. } }
            | Self::Reset { config, .. }
            | Self::Doctor { config, .. }
            | Self::Devices { config, .. }
            | Self::Config { config, .. }
            | Self::Trust { command: TrustCommand::Seen { config, .. } }
            | Self::Attendance { command: AttendanceCommand::Export { config, .. } }
            | Self::Subject { command: SubjectCommand::Erase { config } }
            | Self::Outbox { command: OutboxCommand::Export { config, .. } } => (config, Vec::new()),
            Self::Bundle { config, file } | Self::Outbox { command: OutboxCommand::Receipt { config, file } } => {
                (config, vec![file])
            }
            Self::Roster { command: RosterCommand::Import { config, file, pass_phrase_file } } => {
                (config, std::iter::once(file).chain(pass_phrase_file).collect())
            }
            Self::Attendance { command: AttendanceCommand::Merge { config, files, .. } } => {
                (config, files.iter().collect())
            }
            Self::Staff { command } => (command.config(), Vec::new()),
            Self::Receipt { command } => (command.config()?, Vec::new()),
            Self::Setup { config, from, .. } => (config, from.iter().collect()),
            Self::Subject { command: SubjectCommand::Export { config, pass_phrase_file, .. } } => {
                (config, vec![pass_phrase_file])
            }
            Self::Subject { command: SubjectCommand::Show { .. } }
            | Self::Trust {
                command:
                    TrustCommand::Import { .. }
                    | TrustCommand::Scope { .. }
                    | TrustCommand::List { .. }
                    | TrustCommand::Show { .. }
                    | TrustCommand::Diff { .. }
                    | TrustCommand::Check { .. },
            }
            | Self::Read { .. }
            | Self::Verify { .. }
            | Self::Seal { .. }
            | Self::Evidence { .. }
            | Self::Profile { .. }
            | Self::Pages { .. }
            | Self::ScannerCode
            | Self::RelayGuard { .. }
            | Self::Demo => return None,
        };
        Some((config, inputs.into_iter().map(PathBuf::as_path).collect()))
    }

    const fn wants_json(&self) -> bool {
        match self {
            Self::Read { json, .. } => *json,
            Self::Verify { judging, .. }
            | Self::Seal { command: SealCommand::Verify { judging, .. } }
            | Self::Evidence { command: EvidenceCommand::Verify { judging, .. } } => judging.json,
            Self::Trust { command } => command.wants_json(),
            Self::Receipt { command } => command.wants_json(),
            Self::Doctor { json, .. }
            | Self::Devices { json, .. }
            | Self::Config { json, .. }
            | Self::Profile { command: ProfileCommand::Explain { json, .. } } => *json,
            Self::Profile { .. } => false,
            Self::Attendance { command: AttendanceCommand::Merge { json, .. } }
            | Self::Access { command: AccessCommand::List { json, .. } } => *json,
            Self::Desk { .. }
            | Self::Setup { .. }
            | Self::Bundle { .. }
            | Self::Pages { .. }
            | Self::ScannerCode
            | Self::Pair { .. }
            | Self::Staff { .. }
            | Self::Roster { .. }
            | Self::Attendance { .. }
            | Self::Outbox { .. }
            | Self::Reset { .. }
            | Self::Subject { .. } => false,
            Self::Run { .. } | Self::Kiosk { .. } | Self::Fault { .. } | Self::RelayGuard { .. } | Self::Demo => false,
        }
    }

    fn run(self) -> Result<u8, Failure> {
        let clock = SystemClock::new();
        match self {
            Self::Read {
                reader,
                number,
                can,
                mrz,
                qr,
                trust,
                access,
                evidence,
                evidence_whole,
                pass_phrase_file,
                terminal,
                groups,
                json,
                wait,
                resume,
            } => {
                let whole = evidence_whole.zip(pass_phrase_file);
                let key = key(number.as_deref(), can.as_deref(), mrz.as_deref(), qr.as_deref())?;
                let access = match access {
                    Access::Auto => AccessPolicy::Auto,
                    Access::Pace => AccessPolicy::Pace,
                    Access::Bac => AccessPolicy::Bac,
                };
                let (wait, resume) = (Duration::from_secs(wait), Duration::from_secs(resume));
                let request = commands::read::Request {
                    reader,
                    key,
                    trust,
                    access,
                    evidence,
                    whole,
                    terminal,
                    groups,
                    json,
                    wait,
                    resume,
                };
                commands::read::run(&request, &clock)
            }
            Self::Verify { sod, data_groups, judging } => {
                let data_groups = data_groups.iter().map(|text| data_group(text)).collect::<Result<_, _>>()?;
                let judging = judging.judging()?;
                commands::verify::run(&commands::verify::Request { sod, data_groups, judging }, &clock)
            }
            Self::Evidence { command: EvidenceCommand::Verify { file, pass_phrase_file, judging } } => {
                commands::evidence::verify(&file, pass_phrase_file.as_deref(), &judging.judging()?, &clock)
            }
            Self::Seal { command: SealCommand::Verify { file, judging } } => {
                commands::seal::verify(&file, &judging.judging()?, &clock)
            }
            Self::Trust { command } => command.run(&clock),
            Self::Profile { command } => command.run(),
            Self::Run { config } => commands::run::run(&config),
            Self::Staff { command } => command.run(),
            Self::Access { command: AccessCommand::List { config, json } } => commands::access::list(&config, json),
            Self::Roster { command } => command.run(),
            Self::Attendance { command } => command.run(),
            Self::Subject { command } => command.run(),
            Self::Outbox { command } => command.run(),
            Self::Receipt { command } => command.run(),
            Self::Reset { config, hard, lose_events, .. } => {
                let depth = if hard { commands::reset::Depth::Hard } else { commands::reset::Depth::Soft };
                commands::reset::run(&config, depth, lose_events)
            }
            #[cfg(feature = "desk")]
            Self::Desk { config } => commands::desk::run(&config),
            #[cfg(feature = "desk")]
            Self::Pair { config, forget: true, .. } => commands::desk::unpair(&config),
            #[cfg(feature = "desk")]
            Self::Pair { config, list: true, .. } => commands::desk::paired(&config),
            #[cfg(feature = "desk")]
            Self::Pair { config, end: Some(id), .. } => commands::desk::end(&config, &id),
            #[cfg(feature = "desk")]
            Self::Pair { config, app, origin, .. } => commands::desk::pair(&config, app, origin.as_deref()),
            #[cfg(not(feature = "desk"))]
            Self::Desk { .. } | Self::Pair { .. } => Err(crate::check::without("desk")),
            #[cfg(feature = "kiosk")]
            Self::Kiosk { config } => commands::kiosk::run(&config),
            #[cfg(feature = "kiosk")]
            Self::Fault { config } => commands::fault::run(&config),
            #[cfg(not(feature = "kiosk"))]
            Self::Kiosk { .. } | Self::Fault { .. } => Err(crate::check::without("kiosk")),
            Self::Config { config, stage, json } => commands::config::run(&config, stage, json),
            Self::Doctor { config, json } => commands::doctor::run(&config, json),
            Self::Devices { config, json } => commands::devices::run(&config, json),
            Self::Setup { config, place, site, yes, from } => {
                commands::setup::run(&commands::setup::Request { config, place, site, yes, from })
            }
            Self::ScannerCode => commands::scanner_code::run(),
            Self::Bundle { config, file } => commands::bundle::run(&config, &file),
            Self::Pages { directory } => pages::write(Arguments::command(), &directory).map(|()| 0).map_err(|e| {
                let message = format!("cannot write to {}: {e}", directory.display());
                Failure::usage("file_unwritable", message, "name another directory")
            }),
            Self::RelayGuard { chip, pin, maximum_ms } => commands::relay_guard::run(&chip, &pin, maximum_ms),
            #[cfg(feature = "practice")]
            Self::Demo => commands::demo::run(&clock),
            #[cfg(not(feature = "practice"))]
            Self::Demo => Err(crate::check::without("practice")),
        }
    }
}

fn key(number: Option<&str>, can: Option<&str>, mrz: Option<&str>, qr: Option<&str>) -> Result<AccessKey, Failure> {
    match (number, can, mrz, qr) {
        (Some(text), ..) => access::from_number(text),
        (_, Some(text), ..) => access::from_can(text),
        (_, _, Some(text), _) => access::from_mrz_text(text),
        (.., Some(text)) => access::from_qr(text),
        // clap requires one of them.
        (None, None, None, None) => Err(Failure::usage("no_access_key", "nothing opens the card", "give --number")),
    }
}

fn data_group(text: &str) -> Result<(u8, PathBuf), Failure> {
    let parsed = text.split_once('=').and_then(|(number, file)| {
        let number = number.parse().ok().filter(|n| (1..=16).contains(n))?;
        Some((number, PathBuf::from(file)))
    });
    parsed.ok_or_else(|| {
        Failure::usage("dg_malformed", format!("{text:?} is not N=FILE"), "write for example --dg 1=EF_DG1.bin")
    })
}

fn day(text: &str) -> Result<UnixTime, Failure> {
    let mut parts = text.splitn(3, '-').map(|p| p.parse::<i32>().ok());
    let date = (|| {
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        UnixTime::from_date(year, u8::try_from(month).ok()?, u8::try_from(day).ok()?)
    })();
    date.ok_or_else(|| Failure::usage("date_malformed", format!("{text:?} is no day"), "write YYYY-MM-DD"))
}
