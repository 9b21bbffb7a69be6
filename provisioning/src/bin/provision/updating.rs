//! `provision update`: the updater of a device, and what a technician may ask of it.

use crate::agent_config;
use clap::{Args, Subcommand};
use events::{Clock as _, SystemClock};
use fleet::FleetError;
use fleet::rollout::{Settings, Takes};
use identity::state::Place;
use identity::visits::Visits;
use identity::{KeeperError, TrustedClock};
use indicatif::{ProgressBar, ProgressStyle};
use program::foreign::Foreign;
use program::{Failure, eprintln, print, println};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use update::commands::Commands;
use update::gate::Doctor as _;
use update::packages::{PACKAGES, Packages, Tools};
use update::rauc::Rauc;
use update::runner::{Did, Files};
use update::source::OfAgent;
use update::trust::{Trusted, Word};
use update::{Engine, Runner, State};

/// How often the updater looks whether there is something to do.
const LOOK: Duration = Duration::from_secs(60);

/// Updates of this device.
#[derive(Debug, Args)]
pub(crate) struct Update {
    #[command(subcommand)]
    command: UpdateCommand,
    /// The agent's configuration.
    #[arg(long, global = true, default_value = "/etc/cccd-agent/agent.toml")]
    config: PathBuf,
    /// Where the updater keeps what it knows.
    #[arg(long, global = true, default_value = update::packages::DIRECTORY)]
    dir: PathBuf,
}

#[derive(Debug, Subcommand)]
enum UpdateCommand {
    /// Follow the rollouts of the device's bundles, as its service does.
    Run {
        /// Stop when there is nothing to do for now.
        #[arg(long)]
        once: bool,
    },
    /// Say how far the update is and how the last one ended.
    Status,
    /// Say what the gate of an update would see now, as JSON: each check with the code of what is wrong, or null.
    Examine,
    /// Say whose bundles this device's updater obeys. Where root has said nothing yet, and with --anew, what the device was told when
    /// it was let in is noted; what the agent writes afterwards changes nothing.
    Trust {
        /// Obey these operators instead of those that the device was told of: what `provision bundle key --out` wrote.
        #[arg(long, value_name = "FILE")]
        operator: Vec<PathBuf>,
        /// Forget what was noted: the device came to another fleet.
        #[arg(long)]
        anew: bool,
    },
    /// On plain Debian: keep these packages, which are installed, as the way back.
    Keep {
        /// Package files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

/// How often the site's settings are read anew.
const READ: Duration = Duration::from_secs(600);

/// What `cccd-agent config --json` says.
#[derive(Debug, Deserialize)]
struct Agent {
    paths: Paths,
    update: Settings,
}

#[derive(Debug, Deserialize)]
struct Paths {
    identity: PathBuf,
    bundles: PathBuf,
    update_files: PathBuf,
}

impl Update {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        match &self.command {
            UpdateCommand::Run { once } => self.follow(*once),
            UpdateCommand::Status => {
                let state = State::load(&self.dir)?;
                println!("{}", serde_json::to_string_pretty(&state)?);
                Ok(())
            }
            UpdateCommand::Examine => {
                let health = Commands::of(&self.config.display().to_string()).examine();
                println!("{}", serde_json::to_string_pretty(&health.map_err(unexamined)?)?);
                Ok(())
            }
            UpdateCommand::Trust { operator, anew } => self.trust(&operators(operator)?, *anew),
            UpdateCommand::Keep { files } => {
                let packages = Packages::new(&self.dir.join(PACKAGES), Tools::of(&self.dir));
                for file in files {
                    let (name, version) = packages.keep(file)?;
                    println!("{name} {version} is kept as the way back");
                }
                Ok(())
            }
        }
    }

    fn engine(&self, takes: &Takes) -> Result<Box<dyn Engine>, Failure> {
        Ok(match takes {
            Takes::Image => Box::new(Rauc::new(&self.dir)?),
            Takes::Packages(_) => Box::new(Packages::new(&self.dir.join(PACKAGES), Tools::of(&self.dir))),
        })
    }

    /// Orders as the agent's configuration has them now.
    fn source(&self, takes: &Takes) -> Result<OfAgent, Failure> {
        let Agent { paths, update: settings } = agent_config(&self.config, &[])?;
        let source = OfAgent {
            user: self.user()?,
            identity: paths.identity,
            bundles: paths.bundles,
            files: paths.update_files,
            settings,
            takes: takes.clone(),
            own: self.dir.clone(),
        };
        Ok(source)
    }

    /// The user as whom the agent runs: nobody but root could have made another the owner of its directory.
    fn user(&self) -> Result<Foreign, Failure> {
        Ok(Foreign::owner_of(self.config.parent().unwrap_or_else(|| Path::new("/")))?)
    }

    fn trust(&self, operators: &[String], anew: bool) -> Result<(), Failure> {
        let Agent { paths, .. } = agent_config(&self.config, &[])?;
        let user = self.user()?;
        Visits::new(&self.dir).make(Some(user.group()))?;
        let word = if anew { None } else { Word::load(&self.dir)? };
        let trusted = match word.as_ref().and_then(Word::given) {
            Some(trusted) if operators.is_empty() => trusted.clone(),
            Some(_) => {
                let remedy = "call it with --anew where they are really to be forgotten";
                return Err(Failure::usage("update_trusted", "operators were noted before", remedy));
            }
            None => {
                let identity = identity::State::load_of(user, &paths.identity)?;
                let place = identity.and_then(|identity| identity.place);
                let place = place.ok_or_else(|| KeeperError::None(paths.identity.clone()))?;
                note(&self.dir, place, operators, if anew { State::default() } else { State::load(&self.dir)? })?
            }
        };
        print!("{}", shown(&trusted)?);
        Ok(())
    }

    fn follow(&self, once: bool) -> Result<(), Failure> {
        tracing_subscriber::fmt().with_writer(program::terminal::log).with_target(false).init();
        let takes = Takes::of(Path::new("/"));
        let source = self.source(&takes)?;
        let visits = Visits::new(&self.dir);
        visits.make(Some(source.user.group()))?;
        let floor = identity::State::load_of(source.user, &source.identity)?.map_or(0, |state| state.floor);
        let clock = Arc::new(TrustedClock::new(Arc::new(SystemClock::new()), floor));
        let mut runner = Runner::new(
            self.engine(&takes)?,
            Box::new(Commands::of(&self.config.display().to_string())),
            Box::new(source),
            Box::new(Files::new(&self.dir)),
            visits,
            clock.clone(),
            State::load(&self.dir)?,
        );
        let mut read_at = clock.monotonic();
        loop {
            match step(&mut runner) {
                After::Step => {}
                // The next is followed by the program that was just installed.
                After::End if !once => return Ok(()),
                After::End => {}
                After::Rest if once => return Ok(()),
                After::Rest => std::thread::park_timeout(LOOK),
            }
            if clock.monotonic().saturating_sub(read_at) >= READ {
                // The site's settings may have come with a bundle; an agent that cannot say so now is asked again.
                if let Ok(source) = self.source(&takes) {
                    runner.obey(Box::new(source));
                }
                read_at = clock.monotonic();
            }
        }
    }
}

/// Keys in files that the command line names, as the updater keeps them.
pub(crate) fn operators(files: &[PathBuf]) -> Result<Vec<String>, Failure> {
    let key = |file: &PathBuf| Ok(hex::encode(fleet::operator::public_key(file, &program::files::read(file)?)?));
    files.iter().map(key).collect()
}

/// Notes for the updater where a device was put: whom an updater before this one obeyed, and keys that root names, count before those
/// that the device was told of.
pub(crate) fn note(dir: &Path, place: Place, operators: &[String], known: State) -> Result<Trusted, Failure> {
    let operators = if operators.is_empty() { known.operators } else { operators.to_vec() };
    let trusted = Trusted::of(place, operators);
    Word::Given(trusted.clone()).save(dir)?;
    Ok(trusted)
}

/// For people, who compare the fingerprints.
pub(crate) fn shown(trusted: &Trusted) -> Result<String, Failure> {
    let key = |key: &String| hex::decode(key).map_err(|_| FleetError::Malformed("operator's key"));
    let prints =
        trusted.operators.iter().map(|operator| Ok(format!("operator {}\n", fleet::fingerprint(&key(operator)?))));
    let prints = prints.collect::<Result<String, FleetError>>()?;
    Ok(format!("device {} of the fleet {:?}; its updater obeys\n{prints}", trusted.device, trusted.environment))
}

/// What comes after a step.
enum After {
    /// The next, at once.
    Step,
    /// Nothing, for now.
    Rest,
    /// The update has ended.
    End,
}

fn step(runner: &mut Runner) -> After {
    let bar = ProgressBar::hidden();
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos:>3} % {msg}") {
        bar.set_style(style);
    }
    bar.set_length(100);
    let progress = |per_cent: u8, doing: &str| {
        if bar.is_hidden() {
            bar.set_draw_target(indicatif::ProgressDrawTarget::stdout());
        }
        bar.set_position(per_cent.into());
        bar.set_message(doing.to_owned());
    };
    let did = runner.step(&progress);
    bar.finish_and_clear();
    let (after, text) = match did {
        Err(error) => {
            eprintln!("{} [{}] → {}", program::describe(&error), error.code(), error.remedy());
            return After::Rest;
        }
        Ok(Did::Rested(why)) => (After::Rest, why.text().to_owned()),
        Ok(Did::Waiting(what)) => (After::Rest, format!("not as well as before yet: {what}")),
        Ok(Did::Began(target)) => (After::Step, format!("rollout {}: version {}", target.rollout, target.version)),
        Ok(Did::Installed(target)) => {
            (After::Step, format!("version {} is installed, and waits for a restart", target.version))
        }
        Ok(Did::NotInstalled(code)) => (After::End, format!("not installed [{code}]")),
        Ok(Did::Left(target)) => (After::Step, format!("version {} is left; what runs goes on", target.version)),
        Ok(Did::Restarting) => (After::Step, "restarted".to_owned()),
        Ok(Did::GoingBack(why)) => (After::Step, format!("going back: {why}")),
        Ok(Did::Ended(outcome)) => match outcome.failed {
            None => (After::End, format!("version {} runs, as well as the one before", outcome.target.version)),
            Some(code) => (After::End, format!("version {} was given up [{code}]", outcome.target.version)),
        },
    };
    println!("{text}");
    after
}

fn unexamined(why: String) -> Failure {
    Failure::device("update_unexamined", why, "mend what it says, and call this again")
}
