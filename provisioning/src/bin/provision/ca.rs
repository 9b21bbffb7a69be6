//! The fleet's keys: the root, which stays off line, and the issuing key that it certifies.

use super::{Ca, read_pass_phrase};
use clap::{Args, Subcommand};
use events::Clock;
use fleet::authority::{ISSUERS, MOST_DAYS, ROOTS, install, request};
use program::{Failure, files, owner, println};
use provisioning::FleetCa;
use std::path::PathBuf;

/// Days that a root certifies an issuing key for, unless the operator wants otherwise.
const DAYS: u32 = 3 * 366;

/// What is done to the fleet's keys.
#[derive(Subcommand)]
pub(crate) enum CaCommand {
    /// Make a fleet CA: its root, on a stick or a machine without a network.
    #[command(name = "ca-init")]
    Init {
        #[command(flatten)]
        ca: Ca,
    },
    /// At the signer: make the next issuing key and its request, which goes to the root.
    #[command(name = "ca-request")]
    Request {
        #[command(flatten)]
        issuer: IssuerAt,
    },
    /// Where the root is: certify an issuing key. What is made goes back to the signer.
    #[command(name = "ca-certify")]
    Certify {
        #[command(flatten)]
        ca: Ca,
        /// The request that `ca-request` made.
        request: PathBuf,
        /// The file for `ca-install`.
        #[arg(long)]
        out: PathBuf,
        /// For how many days.
        #[arg(long, default_value_t = DAYS, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_DAYS)))]
        days: u32,
    },
    /// At the signer: take what the root certified. The new key signs from then on.
    #[command(name = "ca-install")]
    Install {
        #[command(flatten)]
        issuer: IssuerAt,
        /// The file that `ca-certify` made.
        certified: PathBuf,
    },
    /// Make the next root and its link from the present one; both are trusted from then on.
    #[command(name = "ca-add-root")]
    AddRoot {
        #[command(flatten)]
        ca: Ca,
    },
    /// Let another root issue, when the devices say that they trust it.
    #[command(name = "ca-use-root")]
    UseRoot {
        #[command(flatten)]
        ca: Ca,
        /// Its number.
        number: u32,
    },
    /// Trust a root no longer.
    #[command(name = "ca-retire-root")]
    RetireRoot {
        #[command(flatten)]
        ca: Ca,
        /// Its number.
        number: u32,
    },
}

/// Where an issuing key is.
#[derive(Args)]
pub(crate) struct IssuerAt {
    /// Directory of the issuing key.
    #[arg(long, default_value = "/var/lib/cccd-central-signer/issuer")]
    issuer: PathBuf,
    /// File with the pass phrase under which it is encrypted.
    #[arg(long, default_value = "/etc/cccd-central-signer/pass-phrase")]
    pass_phrase_file: PathBuf,
}

impl IssuerAt {
    /// The signer must be able to read what is written.
    fn step_down(&self, inputs: &[&std::path::Path]) -> Result<(), Failure> {
        let own = if self.issuer.exists() { Some(self.issuer.as_path()) } else { self.issuer.parent() };
        let inputs: Vec<_> = inputs.iter().copied().chain([self.pass_phrase_file.as_path()]).collect();
        Ok(owner::step_down(own.unwrap_or(&self.issuer), &inputs, &[])?)
    }
}

impl CaCommand {
    pub(crate) fn run(self, clock: &dyn Clock) -> Result<(), Failure> {
        match self {
            Self::Init { ca } => {
                FleetCa::create(&ca.ca, &ca.pass_phrase()?, clock)?;
                println!("fleet CA made in {}", ca.ca.display());
            }
            Self::Request { issuer } => {
                issuer.step_down(&[])?;
                let made = request(&issuer.issuer, &read_pass_phrase(&issuer.pass_phrase_file)?)?;
                println!("{}", made.display());
                println!(
                    "take it to the root: provision ca-certify --ca DIR --pass-phrase-file FILE {} --out FILE",
                    made.display()
                );
            }
            Self::Certify { ca, request, out, days } => {
                let root = FleetCa::open(&ca.ca, &ca.pass_phrase()?)?;
                let certified = root.certify(&files::read(&request)?, days, clock)?;
                files::write(&out, certified)?;
                println!("certified for {days} days; take {} to the signer: provision ca-install FILE", out.display());
            }
            Self::Install { issuer, certified } => {
                issuer.step_down(&[&certified])?;
                let phrase = read_pass_phrase(&issuer.pass_phrase_file)?;
                let number = install(&issuer.issuer, &files::read(&certified)?, &phrase)?;
                let ca = FleetCa::open(&issuer.issuer, &phrase)?;
                println!("issuing key {number} signs from now on; roots: {}", ca.roots()?.fingerprints().join(", "));
                let list = issuer.issuer.join(ISSUERS);
                println!(
                    "copy {} into central's tls directory; then reload cccd-central and cccd-central-signer",
                    list.display()
                );
            }
            Self::AddRoot { ca } => {
                let number = FleetCa::open(&ca.ca, &ca.pass_phrase()?)?.add_root(clock)?;
                println!("root {number} made; send {} to all devices in a bundle", ca.ca.join(ROOTS).display());
            }
            Self::UseRoot { ca, number } => {
                let pass_phrase = ca.pass_phrase()?;
                FleetCa::open(&ca.ca, &pass_phrase)?.use_root(number, &pass_phrase)?;
                println!("root {number} issues from now on; make central's certificate anew and send it SIGHUP");
            }
            Self::RetireRoot { ca, number } => {
                FleetCa::open(&ca.ca, &ca.pass_phrase()?)?.retire_root(number)?;
                println!("root {number} is trusted no longer");
            }
        }
        Ok(())
    }
}
