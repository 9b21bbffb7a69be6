//! `provision bundle`: anchors, lists, profiles and settings in one signed file.

use crate::{Ca, OperatorKey, read_pass_phrase};
use clap::Subcommand;
use events::Clock;
use fleet::bundle::FRESH_DAYS;
use fleet::{FleetCa, sealed_list};
use program::{Failure, files, print, println};
use provisioning::bundle::{self, Heading};
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum BundleCommand {
    /// Make the operator's key for bundles.
    Key {
        #[command(flatten)]
        key: OperatorKey,
        /// The public key, PEM, for registrars.
        #[arg(long)]
        out: PathBuf,
    },
    /// Write the key for which lists of people are sealed that go to a site in a bundle; only the site's devices open them.
    SiteKey {
        #[command(flatten)]
        ca: Ca,
        /// The site.
        #[arg(long)]
        site: String,
        /// The public key, PEM, for whoever seals.
        #[arg(long)]
        out: PathBuf,
    },
    /// Seal a list of people for the site to which it goes in a bundle.
    Seal {
        /// What `provision roster-sign` wrote.
        list: PathBuf,
        /// File with the pass phrase under which it was sealed then.
        #[arg(long, value_name = "FILE")]
        list_pass_phrase_file: PathBuf,
        /// The site's key: what `provision bundle site-key` wrote.
        #[arg(long = "for", value_name = "FILE")]
        site: PathBuf,
        /// The sealed file, as `PARTS/rosters/NAME`.
        #[arg(long)]
        out: PathBuf,
    },
    /// Put the files of a directory into a bundle, and sign it.
    Build {
        #[command(flatten)]
        key: OperatorKey,
        /// The directory: trust/, profiles/, rosters/, playlist/, fleet/roots.pem, operators/, site.toml.
        directory: PathBuf,
        /// Its number; devices take only a higher one than they ever had.
        #[arg(long)]
        version: u64,
        /// The kind of fleet that it is for.
        #[arg(long)]
        environment: String,
        /// Days for which it may be the newest: devices say so when there is none after it then.
        #[arg(long, default_value_t = FRESH_DAYS)]
        fresh_days: u32,
        /// Take over everything but playlists, lists and withdrawn cards from this bundle, with the signatures of the operators who signed it
        /// together: one signature is then enough for the new one.
        #[arg(long, value_name = "BUNDLE")]
        over: Option<PathBuf>,
        /// The signed file.
        #[arg(long)]
        out: PathBuf,
    },
    /// Sign what is in a bundle with another key: built where the parts are, signed where the operator's key is.
    Sign {
        #[command(flatten)]
        key: OperatorKey,
        /// The bundle.
        file: PathBuf,
        /// The signed file.
        #[arg(long)]
        out: PathBuf,
    },
    /// Sign a bundle as well: what would harm is signed by two operators where there are two, or by as many as the fleet says.
    Countersign {
        #[command(flatten)]
        key: OperatorKey,
        /// The bundle, which another operator signed.
        file: PathBuf,
        /// The file with both signatures.
        #[arg(long)]
        out: PathBuf,
    },
    /// Show what is in a bundle, and whether devices of these operators would take it.
    Inspect {
        /// The bundle.
        file: PathBuf,
        /// An operator's public key, PEM; may be repeated.
        #[arg(long)]
        key: Vec<PathBuf>,
    },
}

impl BundleCommand {
    pub(crate) fn run(self, clock: &dyn Clock) -> Result<(), Failure> {
        match self {
            Self::Key { key, out } => {
                key.make(bundle::LABEL, &out)?;
                println!("key made in {}; name {} in registrar.toml", key.keys.display(), out.display());
            }
            Self::SiteKey { ca, site, out } => {
                let keys = FleetCa::open(&ca.ca, &ca.pass_phrase()?)?.site_keys(&site, clock.wall())?;
                let pem = keys.box_key().and_then(|key| sealed_list::public_pem(&key));
                files::write(&out, pem.map_err(fleet::FleetError::Crypto)?)?;
                println!("lists for {site} are sealed with {}", out.display());
            }
            Self::Seal { list, list_pass_phrase_file, site, out } => {
                bundle::seal(&list, &read_pass_phrase(&list_pass_phrase_file)?, &site, &out)?;
                println!("sealed for the devices of its site: {}", out.display());
            }
            Self::Build { key, directory, version, environment, fresh_days, over, out } => {
                let pass_phrase = read_pass_phrase(&key.pass_phrase_file)?;
                let heading = Heading { version, environment: &environment, fresh_days, over: over.as_deref() };
                let parts = bundle::build(&key.keys, &pass_phrase, &directory, &heading, clock, &out)?;
                println!("bundle {version} with {parts} parts signed: {}", out.display());
            }
            Self::Sign { key, file, out } => {
                let version = bundle::sign(&key.keys, &read_pass_phrase(&key.pass_phrase_file)?, &file, &out)?;
                println!("bundle {version} signed: {}", out.display());
            }
            Self::Countersign { key, file, out } => {
                let version = bundle::countersign(&key.keys, &read_pass_phrase(&key.pass_phrase_file)?, &file, &out)?;
                println!("bundle {version} signed as well: {}", out.display());
            }
            Self::Inspect { file, key } => print!("{}", bundle::inspect(&file, &key, clock)?),
        }
        Ok(())
    }
}
