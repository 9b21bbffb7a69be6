//! `cccd-central backup`, `restore`, `drill`.

use cccd_central::backup::{self, Statement};
use clap::Args;
use events::{Clock as _, SystemClock};
use program::{Failure, print};
use std::path::{Path, PathBuf};

/// Where copies go.
#[derive(Args)]
pub(crate) struct Backup {
    /// Directory for copies; it is made, and only its owner reads it.
    directory: PathBuf,
}

/// What is put back.
#[derive(Args)]
pub(crate) struct Restore {
    /// The .json file of a copy, or a directory with copies: then the newest.
    pub(crate) copy: PathBuf,
}

/// What is tried.
#[derive(Args)]
pub(crate) struct Drill {
    /// The .json file of a copy, or a directory with copies: then the newest.
    pub(crate) copy: PathBuf,
    /// Directory that has room for the database once more.
    #[arg(long, default_value = "/var/tmp/cccd-central")]
    scratch: PathBuf,
}

fn told(what: &str, Statement { content, .. }: &Statement) -> Result<(), Failure> {
    print(&format!("{what}: {} events of {} devices, chains {}\n", content.events, content.devices, content.chains))
}

impl Backup {
    pub(crate) fn run(&self, db: &Path) -> Result<(), Failure> {
        let (path, statement) = backup::make(db, &self.directory, SystemClock::new().wall())?;
        told(&format!("copied to {}", path.display()), &statement)
    }
}

impl Restore {
    pub(crate) fn run(&self, db: &Path) -> Result<(), Failure> {
        told("put back", &backup::restore(&self.copy, db)?)
    }
}

impl Drill {
    pub(crate) fn run(&self, db: &Path) -> Result<(), Failure> {
        told("could be put back", &backup::drill(&self.copy, db, &self.scratch)?)
    }
}
