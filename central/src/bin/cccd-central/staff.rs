//! `cccd-central staff`: who may sign in to the pages, and where they may look.

use cccd_central::people::Role;
use cccd_central::signin::staff::{Member, Places, Staff};
use cccd_central::signin::{self, KeepError, LONGEST_NAME, VOUCHED};
use clap::{Args, Subcommand};
use events::{Clock as _, SystemClock};
use program::{Failure, files, print, println};
use std::path::{Path, PathBuf};

/// What is done to the staff.
#[derive(Subcommand)]
pub(crate) enum StaffCommand {
    /// Let somebody sign in with a pass word, which comes from a file; who is there already gets another one, and sessions end.
    Add {
        /// The name.
        name: String,
        /// What they are: reader, auditor, technician or operator.
        #[arg(long)]
        role: Role,
        #[command(flatten)]
        places: PlacesOf,
        /// File with the pass word.
        #[arg(long)]
        pass_word_file: PathBuf,
    },
    /// Give somebody another role and other places. Sessions go on, and see what they may see from now on.
    Place {
        /// The name.
        name: String,
        /// What they are: reader, auditor, technician or operator.
        #[arg(long)]
        role: Role,
        #[command(flatten)]
        places: PlacesOf,
    },
    /// Let somebody sign in no more; sessions that they have end.
    Remove {
        /// The name.
        name: String,
    },
    /// End all sessions of a name.
    End {
        /// The name.
        name: String,
    },
    /// List who may sign in with a pass word, and where they may look.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Say which sites stand in a unit: these, and no other.
    Unit {
        /// The unit: a province, a commune, a hospital with several sites.
        unit: String,
        /// A site; may be repeated. Without one the unit has none.
        #[arg(long = "site", value_name = "SITE")]
        sites: Vec<String>,
    },
    /// List the units with their sites.
    Units,
}

/// Where somebody may look.
#[derive(Args)]
#[group(required = true, multiple = true)]
pub(crate) struct PlacesOf {
    /// A site; may be repeated.
    #[arg(long = "site", value_name = "SITE")]
    sites: Vec<String>,
    /// A unit, with all sites that stand there (`staff unit`); may be repeated.
    #[arg(long = "unit", value_name = "UNIT")]
    units: Vec<String>,
    /// All sites, also those that come later.
    #[arg(long, conflicts_with_all = ["sites", "units"])]
    everywhere: bool,
}

impl From<PlacesOf> for Places {
    fn from(PlacesOf { sites, units, everywhere }: PlacesOf) -> Self {
        Self { everywhere, sites: sites.into_iter().collect(), units: units.into_iter().collect() }
    }
}

impl StaffCommand {
    /// Files that it reads besides central's own.
    pub(crate) fn inputs(&self) -> Vec<&Path> {
        match self {
            Self::Add { pass_word_file, .. } => vec![pass_word_file],
            Self::Place { .. }
            | Self::Remove { .. }
            | Self::End { .. }
            | Self::List { .. }
            | Self::Unit { .. }
            | Self::Units => Vec::new(),
        }
    }

    /// Whether it only reads.
    pub(crate) const fn only_reads(&self) -> bool {
        match self {
            Self::List { .. } | Self::Units => true,
            Self::Add { .. } | Self::Place { .. } | Self::Remove { .. } | Self::End { .. } | Self::Unit { .. } => false,
        }
    }
}

fn absent(name: &str) -> Failure {
    Failure::usage("staff_absent", format!("there is nobody called {name}"), "look: cccd-central staff list")
}

fn named(name: &str) -> Result<(), Failure> {
    let plain = !name.is_empty() && name.len() <= LONGEST_NAME && !name.starts_with(VOUCHED);
    if plain && !name.chars().any(char::is_control) {
        return Ok(());
    }
    let message = format!("a name has 1 to {LONGEST_NAME} bytes, and does not begin with {VOUCHED}");
    Err(Failure::usage("staff_name", message, "choose another one"))
}

pub(crate) fn run(staff: &Staff, command: StaffCommand) -> Result<(), Failure> {
    let who = super::fleet::who();
    let done = (SystemClock::new().wall(), who.as_str());
    match command {
        StaffCommand::Add { name, role, places, pass_word_file } => {
            named(&name)?;
            let word = files::pass_phrase(&pass_word_file)?;
            if word.len() < 12 {
                let message = "a pass word has at least 12 characters";
                return Err(Failure::usage("pass_word_short", message, "write a longer one into the file"));
            }
            let member = Member { name, role, places: places.into() };
            signin::keep(staff, &member, &word, done).map_err(|error| match error {
                KeepError::Hash(error) => Failure::device("internal", error.to_string(), "try again"),
                KeepError::Store(error) => error.into(),
            })?;
            println!("{} may sign in as {role}", member.name);
        }
        StaffCommand::Place { name, role, places } => {
            let member = Member { name, role, places: places.into() };
            if !staff.place(&member, done)? {
                return Err(absent(&member.name));
            }
            println!("{} is {role}", member.name);
        }
        StaffCommand::Remove { name } => {
            if !staff.remove(&name, done)? {
                return Err(absent(&name));
            }
            println!("{name} may sign in no more");
        }
        StaffCommand::End { name } => {
            staff.end(&name, done)?;
            println!("all sessions of {name} are over");
        }
        StaffCommand::List { json: true } => {
            for member in staff.list()? {
                print(&(serde_json::to_string(&member)? + "\n"))?;
            }
        }
        StaffCommand::List { json: false } => {
            for Member { name, role, places } in staff.list()? {
                let units = places.units.iter().map(|unit| format!("unit {unit}"));
                let list: Vec<String> = places.sites.iter().cloned().chain(units).collect();
                let at = if places.everywhere { "everywhere".to_owned() } else { list.join(", ") };
                println!("{name:<24} {role:<12} {at}");
            }
        }
        StaffCommand::Unit { unit, sites } => {
            staff.unit(&unit, &sites.into_iter().collect(), done)?;
            println!("{unit} is set");
        }
        StaffCommand::Units => {
            for (unit, sites) in staff.units()? {
                println!("{unit:<24} {}", sites.into_iter().collect::<Vec<_>>().join(", "));
            }
        }
    }
    Ok(())
}
