//! `cccd-central log` and `audit`: the keys of the log, a copy of it for auditors, and the log against itself.

use super::{Database, verified};
use cccd_central::log::audit::{self, Audited};
use cccd_central::log::keys::{self, Signers, TABLE};
use cccd_central::registrar::settings::Settings;
use cccd_central::{EventStore, LogStore as _, SqliteStore};
use clap::Subcommand;
use program::{Failure, exit, files, print};
use std::path::{Path, PathBuf};
use tlog::checkpoint::{Form, Signed};

#[derive(Subcommand)]
pub(crate) enum LogCommand {
    /// Make the keys of a new log; `log` in registrar.toml names their directory.
    Begin {
        /// Directory for them.
        #[arg(long, default_value = "/etc/cccd-central/log")]
        dir: PathBuf,
        /// What the log is called, a URL without https://, for example log.tinh31.example/events. No two logs have one name.
        #[arg(long)]
        origin: String,
    },
    /// Print the table of keys, which devices and auditors need.
    Keys,
    /// Add keys that sign from a size on which the log has not reached yet.
    Rotate {
        /// From this many entries on.
        #[arg(long, value_name = "SIZE")]
        from: u64,
    },
    /// Write a copy of the log for an auditor, as `verify-log` reads it; a copy that is there is brought up to date.
    Copy {
        /// Where to.
        directory: PathBuf,
    },
}

impl LogCommand {
    pub(crate) const fn only_reads(&self) -> bool {
        matches!(self, Self::Keys | Self::Copy { .. })
    }
}

fn directory(settings: Option<&Settings>) -> Result<&Path, Failure> {
    settings.and_then(|settings| settings.log.as_deref()).ok_or_else(|| {
        let remedy = "make keys with `cccd-central log begin`, and name their directory as log in registrar.toml";
        Failure::usage("log_missing", "nothing is said of the log's keys", remedy)
    })
}

pub(crate) fn run(command: LogCommand, settings: Option<&Settings>, store: Database<'_>) -> Result<(), Failure> {
    match command {
        LogCommand::Begin { dir, origin } => {
            keys::create(&dir, &origin)?;
            print(&format!(
                "made {}: set log = {:?} in registrar.toml, and give {} to devices and auditors\n",
                dir.display(),
                dir.display().to_string(),
                dir.join(TABLE).display()
            ))
        }
        LogCommand::Keys => print(Signers::open(directory(settings)?)?.text()),
        LogCommand::Rotate { from } => {
            let size = store()?.frontier()?.size();
            if from <= size {
                let message = format!("the log has {size} entries, and keys would sign from {from} on");
                let remedy = "name a size that the log reaches after everybody has the new table";
                return Err(Failure::usage("log_key_malformed", message, remedy));
            }
            let directory = directory(settings)?;
            keys::rotate(directory, from)?;
            print(Signers::open(directory)?.text())
        }
        LogCommand::Copy { directory: to } => {
            let (store, signers) = (store()?, Signers::open(directory(settings)?)?);
            if store.gone_back(signers.keys().origin())?.is_some() {
                return Err(Failure::of(&cccd_central::log::SealError::GoneBack));
            }
            let frontier = store.frontier()?;
            let (_, note) = signers.sign(frontier.size(), frontier.root())?;
            let written = audit::copy(&store, frontier.size(), &note, &to)?;
            print(&format!("{} entries in {}, {written} files written\n", frontier.size(), to.display()))
        }
    }
}

/// A checkpoint that somebody kept, in either form.
fn kept(path: &Path, signers: &Signers) -> Result<Signed, Failure> {
    let bytes = files::read(path)?;
    let cose = openssl::base64::decode_block(String::from_utf8_lossy(&bytes).trim()).ok();
    let opened = signers.keys().open_again(Form::Note, &bytes);
    Ok(opened.or_else(|_| signers.keys().open_cose(cose.as_deref().unwrap_or(&bytes)))?)
}

/// Compares events, tree, registry and kept checkpoints.
pub(crate) fn audit(
    store: &SqliteStore,
    settings: Option<&Settings>,
    checkpoints: &[PathBuf],
    json: bool,
) -> Result<(), Failure> {
    let kept = if checkpoints.is_empty() {
        Vec::new()
    } else {
        let signers = Signers::open(directory(settings)?)?;
        checkpoints.iter().map(|path| kept(path, &signers)).collect::<Result<_, _>>()?
    };
    let audited = audit::audit(store as &dyn EventStore, &kept)?;
    let (chains, _) = verified(store)?;
    let strangers = store.disagreements()?;
    if let Some(device) = strangers.first() {
        return Err(Failure {
            code: "log_registry".to_owned(),
            message: format!("device {device} has another key in the registry than in the log"),
            remedy: "keep the database as it is, and compare it with a backup".to_owned(),
            exit: exit::CHECK_FAILED,
        });
    }
    let Audited { size, root, present, gone, extends } = audited;
    if json {
        let report = serde_json::json!({
            "schema": "cccd-central/audit/1", "size": size, "root": root, "present": present, "gone": gone,
            "extends": extends, "chains": chains.len(),
        });
        return print(&format!("{report:#}\n"));
    }
    for old in extends {
        print(&format!("the log extends the one of {old} entries that was signed\n"))?;
    }
    print(&format!(
        "audited: {size} entries, {present} of them here and {gone} gone, {} chains; root {root}\n",
        chains.len()
    ))
}
