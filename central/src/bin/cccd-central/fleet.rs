//! `cccd-central fleet`: the registry from the command line.

use cccd_central::people::Scope;
use cccd_central::registrar::{Decision, Registrar};
use cccd_central::{EventStore, ingest};
use clap::Subcommand;
use events::sync::decode_batch;
use events::{Clock as _, SystemClock};
use program::{Failure, eprintln, files, print, println};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
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
    /// Expect devices: a CSV table with the columns serial, site, profile and birth (the birth key's fingerprint). A device whose birth is empty waits for a technician.
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
    /// Take events from a stick: DIR/*.events; DIR/DEVICE.receipt goes back to the device.
    Import {
        /// The directory on the stick.
        directory: PathBuf,
    },
    /// Who did what.
    Journal,
}

impl FleetCommand {
    /// Files that it reads besides central's own; not those of updates, which may be larger than the memory.
    pub(crate) fn inputs(&self) -> Vec<&Path> {
        match self {
            Self::Expect { table: file } | Self::Publish { file, .. } => vec![file],
            Self::List { .. }
            | Self::Token { .. }
            | Self::Sign { .. }
            | Self::Assign { .. }
            | Self::Revoke { .. }
            | Self::Replace { .. }
            | Self::File { .. }
            | Self::Import { .. }
            | Self::Journal => Vec::new(),
        }
    }

    /// Whether it only reads.
    pub(crate) const fn only_reads(&self) -> bool {
        match self {
            Self::List { .. } | Self::Journal => true,
            Self::Expect { .. }
            | Self::Token { .. }
            | Self::Sign { .. }
            | Self::Assign { .. }
            | Self::Revoke { .. }
            | Self::Replace { .. }
            | Self::Publish { .. }
            | Self::File { .. }
            | Self::Import { .. } => false,
        }
    }
}

/// A table of expected devices that cannot be read.
fn table_malformed(message: String) -> Failure {
    let remedy = "write CSV with the columns serial, site and profile, and birth where it is known";
    Failure::usage("table_malformed", message, remedy)
}

/// What becomes of a device whose birth key nobody named.
const fn unkeyed(birth: Option<&str>) -> &'static str {
    if birth.is_some() { "" } else { "; without its birth key it waits for a technician" }
}

pub(crate) fn who() -> String {
    std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).unwrap_or_else(|_| "operator".to_owned())
}

pub(crate) fn run(registrar: &Registrar, store: &dyn EventStore, command: FleetCommand) -> Result<(), Failure> {
    let by = who();
    match command {
        FleetCommand::List { json: true } => {
            for device in registrar.registry().devices(&Scope::everywhere())? {
                print(&(serde_json::to_string(&device)? + "\n"))?;
            }
        }
        FleetCommand::List { json: false } => {
            println!(
                "{:<24} {:<12} {:<16} {:<8} {:<16} {:>7} {:>6}",
                "device", "state", "site", "way", "keys", "bundle", "roots"
            );
            let mut newest = BTreeMap::new();
            for d in registrar.registry().devices(&Scope::everywhere())? {
                let newest = match newest.entry(d.site.clone()) {
                    Entry::Occupied(known) => *known.get(),
                    Entry::Vacant(place) => *place.insert(registrar.newest_bundle(&d.site)?),
                };
                // One that is withheld, and one that nobody replaced in time.
                let late = match newest {
                    Some((version, _)) if d.bundle < version => " behind",
                    Some((_, true)) => " stale",
                    _ => "",
                };
                let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
                let (way, keys) = (text(d.way), text(d.protection.map(|keys| keys.to_string())));
                println!(
                    "{:<24} {:<12} {:<16} {way:<8} {keys:<16} {:>7} {:>6}{late}",
                    d.name,
                    d.state,
                    d.site,
                    d.bundle,
                    d.roots.len()
                );
            }
        }
        FleetCommand::Expect { table } => {
            let text = String::from_utf8(files::read(&table)?)
                .map_err(|_| table_malformed(format!("{} is not in UTF-8", table.display())))?;
            let mut lines = text.lines();
            let header: Vec<&str> = lines.next().unwrap_or_default().split(',').map(str::trim).collect();
            let column = |name: &str| header.iter().position(|field| *field == name);
            let needed =
                |name: &str| column(name).ok_or_else(|| table_malformed(format!("the table has no column {name:?}")));
            let (serial, site, profile, birth) =
                (needed("serial")?, needed("site")?, needed("profile")?, column("birth"));
            let mut expected = Vec::new();
            for (at, line) in lines.enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                let fields: Vec<&str> = line.split(',').map(str::trim).collect();
                let field = |at: usize| fields.get(at).copied().filter(|field| !field.is_empty());
                let (Some(serial), Some(site), Some(profile)) = (field(serial), field(site), field(profile)) else {
                    return Err(table_malformed(format!("line {}: serial, site or profile is missing", at + 2)));
                };
                registrar
                    .knows(site, profile)
                    .map_err(|error| Failure::from(error).within(format_args!("line {}", at + 2)))?;
                expected.push((serial, birth.and_then(field), site, profile));
            }
            // All of a table, or nothing.
            for (serial, birth, site, profile) in expected {
                let name = registrar.expect(serial, birth, site, profile, &by)?;
                println!("{serial} is expected as {name} at {site}{}", unkeyed(birth));
            }
        }
        FleetCommand::Token { site, profile, hours } => {
            println!("{}", registrar.make_token(&site, &profile, hours, &by)?);
        }
        FleetCommand::Sign { directory, site, profile } => {
            let mut signed = 0;
            let unreadable = |error| files::unreadable(&directory, &error);
            for entry in std::fs::read_dir(&directory).map_err(unreadable)? {
                let path = entry.map_err(unreadable)?.path();
                if path.extension().is_none_or(|extension| extension != "request") {
                    continue;
                }
                let bytes = files::read(&path)?;
                match registrar.enrol_at(&bytes, &site, &profile, &by) {
                    Ok(Decision::Issued { answer, device, .. }) => {
                        let out = path.with_extension("answer");
                        files::write(&out, answer)?;
                        println!("{device} at {site}: {}", out.display());
                        signed += 1;
                    }
                    Ok(Decision::Pending { .. }) => {}
                    Err(error) => eprintln!("{}", Failure::from(error).within(path.display())),
                }
            }
            if signed == 0 {
                let message = format!("no request in {} could be answered", directory.display());
                let remedy = "look at what was said of each; `provision enrol --by usb` writes one";
                return Err(Failure::usage("stick_unanswered", message, remedy));
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
            println!("{device} is shut out; {serial} is expected as {successor}{}", unkeyed(birth.as_deref()));
        }
        FleetCommand::Publish { file, site } => {
            let bytes = files::read(&file)?;
            println!("bundle {} is offered", registrar.publish(&bytes, site.as_deref(), &by)?);
        }
        FleetCommand::File { file } => {
            let directory = registrar.files().ok_or_else(|| {
                let remedy = "name one in registrar.toml: files = \"files\"";
                Failure::usage("files_unset", "there is no directory for files of updates", remedy)
            })?;
            println!("{}", directory.offer(&file).map_err(|error| files::unreadable(&file, &error))?);
        }
        FleetCommand::Import { directory } => import(registrar, store, &directory)?,
        FleetCommand::Journal => {
            for deed in registrar.registry().journal(&Scope::everywhere())? {
                print(&(serde_json::to_string(&deed)? + "\n"))?;
            }
        }
    }
    Ok(())
}

/// Takes batches in the order of their names. A device that was cut off since may still bring what it recorded before: its
/// signatures and its chain say that it is its own.
fn import(registrar: &Registrar, store: &dyn EventStore, directory: &Path) -> Result<(), Failure> {
    let list = std::fs::read_dir(directory).map_err(|error| files::unreadable(directory, &error))?;
    let mut batches: Vec<PathBuf> = list.flatten().map(|entry| entry.path()).collect();
    batches.retain(|path| path.extension().is_some_and(|extension| extension == "events"));
    batches.sort();
    if batches.is_empty() {
        let message = format!("there are no *.events in {}", directory.display());
        return Err(Failure::usage("stick_empty", message, "`provision export` writes them at the device"));
    }
    for path in batches {
        let malformed = |why: String| {
            let message = format!("{} is no batch of events{why}", path.display());
            Failure::usage("batch_malformed", message, "export it anew at the device: provision export")
        };
        let batch = decode_batch(&files::read(&path)?).ok_or_else(|| malformed(String::new()))?;
        // The first that can be read says whose they are; signatures are checked with that device's key.
        let mut read = batch.iter().map(|event| events::read_any(event));
        let Some(first) = read.find(Result::is_ok).or_else(|| batch.first().map(|event| events::read_any(event)))
        else {
            continue;
        };
        let device = first.map_err(|error| malformed(format!(": {error}")))?.head.device;
        let at = SystemClock::new().wall();
        let receipt =
            ingest(store, &device, &batch, at).map_err(|error| Failure::from(error).within(path.display()))?;
        for events::sync::RefusedEvent { sequence, code } in &receipt.refused {
            println!("{device}: event {sequence} cannot be read [{code}]; it is kept apart: cccd-central strange");
        }
        // Older devices take no signed receipt that says more than how far their chain is committed.
        let receipt = events::sync::Receipt { refused: Vec::new(), log: None, ..receipt };
        let out = directory.join(format!("{device}.receipt"));
        let signed = registrar.receipt(&receipt)?;
        files::write(&out, signed)?;
        println!("{device}: {} events at central; {}", receipt.committed, out.display());
    }
    Ok(())
}
