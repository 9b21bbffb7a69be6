//! What a terminal keeps from card to card: trust anchors, what it has learnt about types of chip, key pairs made while
//! nobody waits, and the inspection system's certificates and key.

use crate::anchors::Anchors;
use crate::chips::Chips;
use drivers::terminal_key::file::FileTerminalKey;
use drivers::terminal_key::{self, Location, TerminalKey};
use emrtd::hazmat::crypto::{Curve, NamedGroup};
use emrtd::{KeyReserve, SystemEntropy, TerminalCertificates, TrustStore};
use program::Failure;
use program::describe;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// A terminal between reads.
pub struct Terminal {
    /// Trust anchors; shared with the thread that judges EF.SOD while the portrait is on the air.
    pub trust: Arc<TrustStore>,
    /// Files of the trust directory that were left out, with the reason.
    pub left_out: Vec<String>,
    /// What opens fingerprints and irises, where the operator has it.
    pub inspection: Option<Inspection>,
    /// What is known of types of chip.
    pub chips: Chips,
    reserve: KeyReserve,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Terminal({:?})", self.chips)
    }
}

/// The group of PACE and chip authentication on every CCCD seen so far.
const CCCD_GROUP: NamedGroup = NamedGroup::Ec(Curve::BrainpoolP256r1);

/// One key pair for the mapping of PACE, one for chip authentication; a second try costs its own.
const KEYS_A_READ: usize = 2;

impl Terminal {
    /// A terminal with these anchors.
    #[must_use]
    pub fn new(anchors: Anchors) -> Self {
        Self {
            trust: Arc::new(anchors.store),
            left_out: anchors.left_out,
            inspection: None,
            chips: Chips::default(),
            reserve: KeyReserve::default(),
        }
    }

    /// The same with certificates and key for terminal authentication.
    #[must_use]
    pub fn with_inspection(mut self, inspection: Option<Inspection>) -> Self {
        self.inspection = inspection;
        self
    }

    /// Makes key pairs for the next read. To be called while no card lies on the reader.
    pub fn prepare(&mut self) {
        let filled = self.reserve.fill(CCCD_GROUP, KEYS_A_READ, &mut SystemEntropy);
        program::ignore(filled, "a read makes what it does not find, so a failure here shows there, if it lasts");
    }

    /// The key pairs that were made.
    pub(crate) fn take_reserve(&mut self) -> KeyReserve {
        std::mem::take(&mut self.reserve)
    }
}

/// Certificates and key of an inspection system.
pub struct Inspection {
    /// Its own certificate and those above it.
    pub certificates: TerminalCertificates,
    /// Its key.
    pub key: Box<dyn TerminalKey>,
}

impl std::fmt::Debug for Inspection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Inspection({})", self.certificates.own().holder_name())
    }
}

/// `terminal.toml`: where the key is. Without the file it is `terminal.key.pem`, unencrypted.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    /// A PKCS#8 file.
    file: Option<PathBuf>,
    /// A file with the pass phrase of `file`, or the PIN of `pkcs11`.
    pass_phrase_file: Option<PathBuf>,
    /// A token.
    pkcs11: Option<Token>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    module: PathBuf,
    token: String,
    key: String,
}

impl Inspection {
    /// Loads a directory: `*.cvcert` and `terminal.toml`, see `docs/configuration.md`.
    ///
    /// # Errors
    /// When certificates or key cannot be used.
    pub fn load(directory: &Path) -> Result<Self, Failure> {
        let unusable = |why: String| {
            let message = format!("cannot use {} for terminal authentication: {why}", directory.display());
            Failure::usage(
                "terminal_unusable",
                message,
                "compare the directory with /usr/share/doc/cccd-agent/configuration.md",
            )
        };
        let entries = std::fs::read_dir(directory).map_err(|e| unusable(e.to_string()))?;
        let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|e| e == "cvcert"));
        paths.sort();
        let files = paths.iter().map(std::fs::read).collect::<Result<Vec<_>, _>>();
        let files = files.map_err(|e| unusable(e.to_string()))?;
        let certificates = TerminalCertificates::parse(files.iter().map(Vec::as_slice));
        let certificates = certificates.map_err(|e| unusable(describe(&e)))?;
        let settings = match std::fs::read_to_string(directory.join("terminal.toml")) {
            Ok(text) => toml::from_str(&text).map_err(|e| unusable(e.to_string().trim().to_owned()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => KeyFile::default(),
            Err(error) => return Err(unusable(error.to_string())),
        };
        let phrase = match &settings.pass_phrase_file {
            Some(path) => {
                let bytes = program::files::pass_phrase(&directory.join(path))?;
                Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())
            }
            None => Zeroizing::default(),
        };
        let key: Box<dyn TerminalKey> = match (&settings.pkcs11, settings.file) {
            (Some(Token { module, token, key }), _) => {
                terminal_key::on_token(&Location { module, token, key }, &phrase)?
            }
            (None, file) => {
                let path = directory.join(file.unwrap_or_else(|| PathBuf::from("terminal.key.pem")));
                Box::new(FileTerminalKey::open(&path, phrase.as_bytes())?)
            }
        };
        Ok(Self { certificates, key })
    }
}
