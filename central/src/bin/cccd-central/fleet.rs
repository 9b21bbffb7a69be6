//! `cccd-central fleet`: the registry from the command line.

use anyhow::{Context as _, bail};
use cccd_central::registrar::{Decision, Registrar, technician};
use cccd_central::{EventStore, ingest};
use clap::Subcommand;
use events::sync::decode_batch;
use events::{Clock as _, SystemClock};
use std::path::{Path, PathBuf};

/// What is done to the fleet.
#[derive(Subcommand)]
pub(crate) enum FleetCommand {
    /// List the devices.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Expect devices: a CSV table with the columns serial, site, profile and, where it is known, birth (the birth key's fingerprint).
    Expect {
        /// The table.
        table: PathBuf,
    },
    /// Make a one-time token for a site, and print it.
    Token {
        /// Where the device will stand.
        #[arg(long)]
        site: String,
        /// The profile that it begins with.
        #[arg(long)]
        profile: String,
        /// For how long it may be used.
        #[arg(long, default_value_t = 72, value_parser = clap::value_parser!(u32).range(1..=72))]
        hours: u32,
    },
    /// Answer the requests of a USB stick: DIR/*.request become DIR/*.answer.
    Sign {
        /// The directory on the stick.
        directory: PathBuf,
        /// Where the devices will stand.
        #[arg(long)]
        site: String,
        /// The profile that they begin with.
        #[arg(long)]
        profile: String,
    },
    /// Move a device to another site.
    Assign {
        /// Its name.
        device: String,
        /// Where it stands now.
        #[arg(long)]
        site: String,
        /// Its profile.
        #[arg(long)]
        profile: String,
    },
    /// Shut a device out for ever.
    Revoke {
        /// Its name.
        device: String,
        /// Why.
        #[arg(long)]
        why: String,
    },
    /// Shut a device out and expect another in its place.
    Replace {
        /// The old device's name.
        device: String,
        /// The new machine's serial number.
        #[arg(long)]
        serial: String,
        /// The fingerprint of the new machine's birth key.
        #[arg(long)]
        birth: Option<String>,
    },
    /// Offer a signed bundle to devices.
    Publish {
        /// The bundle.
        file: PathBuf,
        /// Only to this site.
        #[arg(long)]
        site: Option<String>,
    },
    /// Offer a file of an update to devices; prints its SHA-256, which a rollout names.
    File {
        /// The file.
        file: PathBuf,
    },
    /// Let a technician log in to the page; the pass word comes from a file.
    Technician {
        /// The name.
        name: String,
        /// File with the pass word.
        #[arg(long)]
        pass_word_file: PathBuf,
    },
    /// Take events from a stick: DIR/*.events; DIR/DEVICE.receipt goes back to the device.
    Import {
        /// The directory on the stick.
        directory: PathBuf,
    },
    /// Who did what.
    Journal,
}

fn who() -> String {
    std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).unwrap_or_else(|_| "operator".to_owned())
}

pub(crate) fn run(registrar: &Registrar, store: &dyn EventStore, command: FleetCommand) -> anyhow::Result<()> {
    let by = who();
    match command {
        FleetCommand::List { json: true } => {
            for device in registrar.registry().devices()? {
                println!("{}", serde_json::to_string(&device)?);
            }
        }
        FleetCommand::List { json: false } => {
            println!(
                "{:<24} {:<12} {:<16} {:<8} {:<6} {:>7} {:>6}",
                "device", "state", "site", "way", "keys", "bundle", "roots"
            );
            for d in registrar.registry().devices()? {
                let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
                let (way, keys) = (text(d.way), text(d.protection));
                println!(
                    "{:<24} {:<12} {:<16} {way:<8} {keys:<6} {:>7} {:>6}",
                    d.name,
                    d.state,
                    d.site,
                    d.bundle,
                    d.roots.len()
                );
            }
        }
        FleetCommand::Expect { table } => {
            let text = std::fs::read_to_string(&table).with_context(|| format!("cannot read {}", table.display()))?;
            let mut lines = text.lines();
            let header: Vec<&str> = lines.next().unwrap_or_default().split(',').map(str::trim).collect();
            let column = |name: &str| header.iter().position(|field| *field == name);
            let needed = |name: &str| column(name).with_context(|| format!("the table has no column {name:?}"));
            let (serial, site, profile, birth) =
                (needed("serial")?, needed("site")?, needed("profile")?, column("birth"));
            for (at, line) in lines.enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                let fields: Vec<&str> = line.split(',').map(str::trim).collect();
                let field = |at: usize| fields.get(at).copied().filter(|field| !field.is_empty());
                let (Some(serial), Some(site), Some(profile)) = (field(serial), field(site), field(profile)) else {
                    bail!("line {}: serial, site or profile is missing", at + 2);
                };
                let name = registrar.expect(serial, birth.and_then(field), site, profile, &by)?;
                println!("{serial} is expected as {name} at {site}");
            }
        }
        FleetCommand::Token { site, profile, hours } => {
            println!("{}", registrar.make_token(&site, &profile, hours, &by)?);
        }
        FleetCommand::Sign { directory, site, profile } => {
            let mut signed = 0;
            let list = std::fs::read_dir(&directory).with_context(|| format!("cannot list {}", directory.display()))?;
            for entry in list {
                let path = entry?.path();
                if path.extension().is_none_or(|extension| extension != "request") {
                    continue;
                }
                let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                match registrar.enrol_at(&bytes, &site, &profile, &by) {
                    Ok(Decision::Issued { answer, device, .. }) => {
                        let out = path.with_extension("answer");
                        std::fs::write(&out, answer).with_context(|| format!("cannot write {}", out.display()))?;
                        println!("{device} at {site}: {}", out.display());
                        signed += 1;
                    }
                    Ok(Decision::Pending { .. }) => {}
                    Err(error) => {
                        let (_, refusal) = error.refusal();
                        eprintln!("{}: {} [{}] → {}", path.display(), refusal.message, refusal.code, refusal.remedy);
                    }
                }
            }
            if signed == 0 {
                bail!("no request in {} could be answered", directory.display());
            }
        }
        FleetCommand::Assign { device, site, profile } => {
            registrar.assign(&device, &site, &profile, &by)?;
            println!("{device} stands at {site}");
        }
        FleetCommand::Revoke { device, why } => {
            registrar.revoke(&device, &why, &by)?;
            println!("{device} is shut out");
        }
        FleetCommand::Replace { device, serial, birth } => {
            let successor = registrar.replace(&device, &serial, birth.as_deref(), &by)?;
            println!("{device} is shut out; {serial} is expected as {successor}");
        }
        FleetCommand::Publish { file, site } => {
            let bytes = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            println!("bundle {} is offered", registrar.publish(&bytes, site.as_deref(), &by)?);
        }
        FleetCommand::File { file } => {
            let files =
                registrar.files().context("name the directory for files in registrar.toml: files = \"files\"")?;
            println!("{}", files.offer(&file).with_context(|| format!("cannot offer {}", file.display()))?);
        }
        FleetCommand::Technician { name, pass_word_file } => {
            let word = std::fs::read(&pass_word_file).map(zeroize::Zeroizing::new);
            let word = word.with_context(|| format!("cannot read {}", pass_word_file.display()))?;
            anyhow::ensure!(word.trim_ascii().len() >= 12, "a pass word has at least 12 characters");
            technician::add(registrar, &name, word.trim_ascii())?;
            println!("{name} may log in");
        }
        FleetCommand::Import { directory } => import(registrar, store, &directory)?,
        FleetCommand::Journal => {
            for deed in registrar.registry().journal()? {
                println!("{}", serde_json::to_string(&deed)?);
            }
        }
    }
    Ok(())
}

/// Takes batches in the order of their names. A device that was cut off since may still bring what it recorded before: its
/// signatures and its chain say that it is its own.
fn import(registrar: &Registrar, store: &dyn EventStore, directory: &Path) -> anyhow::Result<()> {
    let list = std::fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))?;
    let mut files: Vec<PathBuf> = list.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "events"));
    files.sort();
    anyhow::ensure!(!files.is_empty(), "there are no *.events in {}", directory.display());
    for path in files {
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let batch = decode_batch(&bytes).with_context(|| format!("{} is no batch of events", path.display()))?;
        let Some(first) = batch.first() else { continue };
        let device = events::signed::read(first).with_context(|| path.display().to_string())?.device;
        let at = SystemClock::new().wall();
        let receipt = match ingest(store, &device, &batch, at) {
            Ok(receipt) => receipt,
            Err(error) => {
                let (_, refusal) = error.refusal();
                bail!("{}: {} [{}] → {}", path.display(), refusal.message, refusal.code, refusal.remedy);
            }
        };
        let out = directory.join(format!("{device}.receipt"));
        let signed = fleet::receipt::sign(&receipt, &registrar.ca())?;
        std::fs::write(&out, signed).with_context(|| format!("cannot write {}", out.display()))?;
        println!("{device}: {} events at central; {}", receipt.committed, out.display());
    }
    Ok(())
}
