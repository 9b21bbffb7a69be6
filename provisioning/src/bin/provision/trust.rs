//! `provision trust`: document signers that devices saw and nobody vouches for, pinned for a fleet.

use crate::remote::Central;
use crate::{missing, no_input, read_pass_phrase};
use clap::{Args, Subcommand};
use emrtd::UnixTime;
use events::Clock;
use fleet::bundle::FRESH_DAYS;
use program::{Failure, files, print, println};
use provisioning::bundle::{self, Heading};
use provisioning::pins::{self, Candidate};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

#[derive(Subcommand)]
pub(crate) enum TrustCommand {
    /// Ask central which document signers devices saw that nobody vouches for, and write the list for `trust pin --from`.
    Seen {
        #[command(flatten)]
        central: Central,
        /// The file.
        #[arg(long)]
        out: PathBuf,
    },
    /// Pin a document signer in a bundle's source, after its fingerprint was compared with what an authority publishes; with
    /// --build the signed bundle is made at once.
    Pin {
        /// The whole SHA-256 of its certificate, or a file with the certificate.
        what: String,
        /// Where the fingerprint was compared, and with what: for whoever audits the fleet.
        #[arg(long)]
        reason: String,
        /// Kinds of document that it may sign: citizen_card, passport, identity_card, residence_card.
        #[arg(long, value_delimiter = ',', required = true)]
        documents: Vec<String>,
        /// The directory that bundles are built from.
        #[arg(long, value_name = "BUNDLE_DIR")]
        into: PathBuf,
        /// What central exported: signers.json, or the directory.
        #[arg(long, value_name = "FILE_OR_DIR")]
        from: Option<PathBuf>,
        /// For scripts: the first eight digits of the fingerprint, in place of the question.
        #[arg(long, value_name = "DIGITS")]
        accept: Option<String>,
        #[command(flatten)]
        build: Build,
    },
    /// The pins of a bundle's source.
    List {
        /// The directory that bundles are built from.
        directory: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// The bundle that is built with the new pin.
#[derive(Args)]
pub(crate) struct Build {
    /// Build and sign the bundle into this file.
    #[arg(long, value_name = "FILE", requires_all = ["version", "environment", "keys", "pass_phrase_file"])]
    build: Option<PathBuf>,
    /// Its number; devices take only a higher one than they ever had.
    #[arg(long, requires = "build")]
    version: Option<u64>,
    /// The kind of fleet that it is for.
    #[arg(long, requires = "build")]
    environment: Option<String>,
    /// Directory of the operator's key for bundles.
    #[arg(long, requires = "build")]
    keys: Option<PathBuf>,
    /// File with the pass phrase under which the key is encrypted.
    #[arg(long, requires = "build")]
    pass_phrase_file: Option<PathBuf>,
}

/// What a bundle is made with; read before anything is written.
struct Prepared {
    out: PathBuf,
    version: u64,
    environment: String,
    keys: PathBuf,
    pass_phrase: Zeroizing<Vec<u8>>,
}

impl Build {
    fn prepare(self) -> Result<Option<Prepared>, Failure> {
        let Some(out) = self.build else { return Ok(None) };
        Ok(Some(Prepared {
            out,
            version: self.version.ok_or_else(|| missing("--version"))?,
            environment: self.environment.ok_or_else(|| missing("--environment"))?,
            keys: self.keys.ok_or_else(|| missing("--keys"))?,
            pass_phrase: read_pass_phrase(&self.pass_phrase_file.ok_or_else(|| missing("--pass-phrase-file"))?)?,
        }))
    }
}

impl TrustCommand {
    pub(crate) fn run(self, clock: &dyn Clock) -> Result<(), Failure> {
        match self {
            Self::Seen { central, out } => {
                let list = central.log_in()?.signers()?;
                let count = list["signers"].as_array().map_or(0, Vec::len);
                files::write(&out, serde_json::to_vec_pretty(&list)?)?;
                println!("{count} document signers that nobody vouches for: {}", out.display());
            }
            Self::Pin { what, reason, documents, into, from, accept, build } => {
                let build = build.prepare()?;
                let (der, seen) = pins::find(&what, from.as_deref())?;
                let candidate = Candidate::new(&der, seen, &documents, &reason, UnixTime(clock.wall()))?;
                // A record that is damaged is told of before anybody is asked.
                pins::list(&into)?;
                print!("{}", candidate.shown());
                let typed = match accept {
                    Some(digits) => digits,
                    None => ask()?,
                };
                let path = candidate.confirm(&typed)?.write(&into)?;
                println!("pinned in {}", path.display());
                if pins::stand_alone(&into) {
                    println!(
                        "note: nothing else is in trust/, and devices trust what a bundle has there instead of their own"
                    );
                }
                let Some(Prepared { out, version, environment, keys, pass_phrase }) = build else {
                    let into = quoted(&into);
                    println!(
                        "next: provision bundle build {into} --version … --environment … --keys … --pass-phrase-file … --out …"
                    );
                    return Ok(());
                };
                let (environment, fresh_days) = (environment.as_str(), FRESH_DAYS);
                let heading = Heading { version, environment, fresh_days, over: None };
                let parts = bundle::build(&keys, &pass_phrase, &into, &heading, clock, &out)
                    .map_err(|failure| failure.within("the pin is written, the bundle is not"))?;
                println!("bundle {version} with {parts} parts signed: {}", out.display());
                println!("next: cccd-central --registrar registrar.toml fleet publish {}", quoted(&out));
            }
            Self::List { directory, json } => {
                let pins = pins::list(&directory)?;
                if json {
                    print(&(serde_json::to_string_pretty(&pins)? + "\n"))?;
                } else {
                    print!("{}", pins::text(&pins));
                }
            }
        }
        Ok(())
    }
}

/// The digits that an operator types.
fn ask() -> Result<String, Failure> {
    print(
        "So vân tay với công bố của cơ quan cấp, rồi gõ 8 ký tự đầu.\n\
         Compare the fingerprint with what the authority publishes, then type its first eight digits: ",
    )?;
    let mut typed = String::new();
    std::io::stdin().read_line(&mut typed).map_err(|error| no_input(&error))?;
    Ok(typed)
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@,".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
