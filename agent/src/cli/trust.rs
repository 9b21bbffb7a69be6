//! `cccd-agent trust` on the command line.

use crate::commands::trust as commands;
use clap::Subcommand;
use events::SystemClock;
use program::Failure;
use reading::trust::plan::{Documents, Permissions};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(super) enum TrustCommand {
    /// Check files and take them into a trust directory.
    Import {
        /// Certificates, master lists, revocation lists, deviation lists, a PKD's LDIF; with --pin also an EF.SOD.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The trust directory; made if it is not there.
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
        /// Trust the document signer in the files by itself, for this reason.
        #[arg(long, value_name = "REASON")]
        pin: Option<String>,
        /// For which kinds of document the certificates vouch: citizen_card, passport, identity_card, residence_card.
        #[arg(long, value_name = "KIND,…", value_delimiter = ',')]
        documents: Vec<String>,
        /// Why they vouch for these, for the auditor.
        #[arg(long, value_name = "TEXT", requires = "documents", conflicts_with = "pin")]
        reason: Option<String>,
        /// Trust the certificate with this SHA-256, which was compared with what its issuer publishes.
        #[arg(long, value_name = "FINGERPRINT")]
        accept_anchor: Vec<String>,
        /// Trust every certificate that would otherwise be asked for.
        #[arg(long)]
        accept_all_anchors: bool,
        /// Take a master list although its CSCA is not trusted here yet.
        #[arg(long)]
        accept_new_signer: bool,
        /// Take a list that is older than the one that is there.
        #[arg(long)]
        allow_older: bool,
        /// Print the report as JSON on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Say for which kinds of document a certificate, or a pin, vouches.
    Scope {
        /// The trust directory.
        directory: PathBuf,
        /// The start of its SHA-256; all of it when it is not there yet.
        fingerprint: String,
        /// citizen_card, passport, identity_card, residence_card.
        #[arg(long, value_name = "KIND,…", value_delimiter = ',', required = true)]
        documents: Vec<String>,
        /// Why, for the auditor.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List document signers that were seen here and that nobody here vouches for.
    Seen {
        /// agent.toml.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Write each certificate into this directory, as FINGERPRINT.cer.
        #[arg(long, value_name = "DIR")]
        export: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List certificates, pins and revocation lists.
    List {
        /// Directory or file.
        path: PathBuf,
        /// Only those of this country, two letters.
        #[arg(long, value_name = "CC")]
        country: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show a certificate.
    Show {
        /// Directory or file.
        path: PathBuf,
        /// The start of its SHA-256.
        fingerprint: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say what differs between two directories or files.
    Diff {
        /// The old one.
        old: PathBuf,
        /// The new one.
        new: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say what is wrong with a directory or file.
    Check {
        /// Directory or file.
        path: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

impl TrustCommand {
    pub(super) const fn wants_json(&self) -> bool {
        match self {
            Self::Import { json, .. }
            | Self::Scope { json, .. }
            | Self::Seen { json, .. }
            | Self::List { json, .. }
            | Self::Show { json, .. }
            | Self::Diff { json, .. }
            | Self::Check { json, .. } => *json,
        }
    }

    pub(super) fn run(self, clock: &SystemClock) -> Result<u8, Failure> {
        match self {
            Self::Import {
                files,
                into,
                pin,
                documents,
                reason,
                accept_anchor,
                accept_all_anchors,
                accept_new_signer,
                allow_older,
                json,
            } => {
                let permissions = Permissions {
                    new_signer: accept_new_signer,
                    older: allow_older,
                    all: accept_all_anchors,
                    ..Permissions::default()
                };
                let permissions = permissions.accept(&accept_anchor)?;
                let request = commands::import::Request { files, into, pin, documents, reason, permissions, json };
                commands::import::run(&request, clock)
            }
            Self::Scope { directory, fingerprint, documents, reason, json } => {
                commands::run_scope(&directory, &fingerprint, &Documents { words: documents, reason }, json, clock)
            }
            Self::Seen { config, export, json } => commands::seen::run(&config, export.as_deref(), json),
            Self::List { path, country, json } => commands::run_list(&path, country.as_deref(), json, clock),
            Self::Show { path, fingerprint, json } => commands::run_show(&path, &fingerprint, json),
            Self::Diff { old, new, json } => commands::run_diff(&old, &new, json),
            Self::Check { path, json } => commands::run_check(&path, json, clock),
        }
    }
}
