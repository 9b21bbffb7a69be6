//! Document signers that an operator pins for a fleet: what is known of one before, what is refused, and the record of it in
//! the source of a bundle (`trust/pins.toml`).
//!
//! A pin vouches for whatever its key signs, for every device that takes the bundle. Whoever pins has seen the certificate,
//! says for which kinds of document and why, and repeats the begin of its hash.

mod seen;

pub use seen::{Seen, find};

use cccd::document::Kind;
use emrtd::hazmat::x509::Purpose;
use emrtd::{Certificate, UnixTime};
use program::Failure;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The file of pins in a trust directory.
const FILE: &str = "pins.toml";
/// The digits that confirm.
const DIGITS: usize = 8;
/// How long after its end a signer may still be pinned: documents live on after it, but not for ever.
const GRACE: i64 = 2 * 366 * 86_400;

/// Why a signer is not pinned.
#[derive(Debug, Error)]
#[error("{message} [{code}] → {remedy}")]
pub struct PinError {
    /// A stable identifier.
    pub code: &'static str,
    message: String,
    remedy: &'static str,
}

impl From<PinError> for Failure {
    fn from(PinError { code, message, remedy }: PinError) -> Self {
        Self::usage(code, message, remedy)
    }
}

fn refused(code: &'static str, message: impl Into<String>, remedy: &'static str) -> PinError {
    PinError { code, message: message.into(), remedy }
}

/// `pins.toml`, as devices read it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pins {
    #[serde(default, rename = "pin")]
    pins: Vec<Pin>,
}

/// One pin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// SHA-256 of the certificate, hexadecimal.
    pub sha256: String,
    /// Kinds of document that it may sign; citizen cards where nothing is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<String>,
    /// Why it is trusted.
    pub reason: String,
    /// The day it was pinned.
    pub added: String,
}

/// A signer that may be pinned: everything but the operator's word is there.
#[derive(Debug)]
pub struct Candidate {
    certificate: Certificate,
    seen: Option<Seen>,
    pin: Pin,
}

impl Candidate {
    /// Looks at a certificate and at what is said about the pin.
    ///
    /// # Errors
    /// When it is not one to be pinned.
    pub fn new(
        der: &[u8],
        seen: Option<Seen>,
        documents: &[String],
        reason: &str,
        now: UnixTime,
    ) -> Result<Self, PinError> {
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().any(char::is_control) {
            let remedy =
                "say in one line with --reason where the fingerprint was compared: whoever audits the fleet reads it";
            return Err(refused("pin_reason_missing", "a pin wants a reason", remedy));
        }
        let unknown = documents.iter().find(|kind| Kind::find(kind).is_none_or(|kind| kind == Kind::Other));
        if unknown.is_some() || documents.is_empty() {
            let message = format!("{:?} is no kind of document", unknown.map_or("", String::as_str));
            let remedy = "name with --documents: citizen_card, passport, identity_card, residence_card";
            return Err(refused("pin_documents", message, remedy));
        }
        let unreadable = |why: String| {
            refused(
                "pin_unreadable",
                format!("no document signer's certificate: {why}"),
                "give a certificate in DER or PEM",
            )
        };
        let certificate = Certificate::parse(der).map_err(|error| unreadable(error.to_string()))?;
        certificate.public_key().map_err(|error| unreadable(program::describe(&error)))?;
        let name = certificate.subject_name();
        if certificate.claims_authority() {
            let remedy = "put its certificate into trust/ of the bundle: it then vouches for its signers";
            return Err(refused("pin_is_authority", format!("{name} is a certification authority"), remedy));
        }
        if let Some(fault) =
            certificate.extensions.faults(Purpose::Documents).into_iter().find(|fault| fault.is_proof())
        {
            let message = format!("{name} may not sign documents: {}", fault.code());
            return Err(refused("pin_purpose", message, "no card becomes genuine by it: ask the authority"));
        }
        if certificate.not_after.0.saturating_add(GRACE) < now.0 {
            let message = format!("{name} ended on {}", certificate.not_after);
            return Err(refused("pin_expired", message, "look for the signer that the authority publishes today"));
        }
        let country = certificate.country().or_else(|| certificate.issuer_country()).unwrap_or_default();
        let citizen = documents.iter().any(|kind| kind == Kind::CitizenCard.code());
        if citizen && emrtd::hazmat::country::signs_for("VNM", &country) != Some(true) {
            let remedy = "name the kinds that its state issues: passport, identity_card, residence_card";
            return Err(refused("pin_documents", format!("{name} of {country:?} signs no citizen cards"), remedy));
        }
        let mut documents = documents.to_vec();
        documents.sort();
        documents.dedup();
        let sha256 = hex::encode(certificate.fingerprint());
        let pin = Pin { sha256, documents, reason: reason.to_owned(), added: now.to_string() };
        Ok(Self { certificate, seen, pin })
    }

    /// What an operator must have seen before they confirm.
    #[must_use]
    pub fn shown(&self) -> String {
        let Self { certificate, seen, pin } = self;
        let key = certificate.public_key().map_or_else(|error| program::describe(&error), |key| key.describe());
        let seen =
            seen.as_ref().map_or_else(|| "not looked up: name central's list with --from".to_owned(), Seen::shown);
        format!(
            "subject    {}\nissuer     {}\ncountry    {}\nvalid      {} to {}\nkey        {key}\nSHA-256    {}\n\
             seen       {seen}\nfor        {}\nbecause    {}\n",
            certificate.subject_name(),
            certificate.issuer_name(),
            certificate.country().or_else(|| certificate.issuer_country()).unwrap_or_default(),
            certificate.not_before,
            certificate.not_after,
            grouped(&pin.sha256),
            pin.documents.join(", "),
            pin.reason,
        )
    }

    /// The operator's word: the first digits of the fingerprint, as they read them where the authority publishes it.
    ///
    /// # Errors
    /// When the digits are others.
    pub fn confirm(self, typed: &str) -> Result<Confirmed, PinError> {
        let typed: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
        if self.pin.sha256.get(..DIGITS).is_some_and(|digits| digits.eq_ignore_ascii_case(&typed)) {
            return Ok(Confirmed(self.pin));
        }
        let remedy = "compare the fingerprint with what the authority publishes, then give its first eight digits";
        Err(refused("pin_not_confirmed", "these are not the first eight digits of the fingerprint", remedy))
    }
}

/// A pin that an operator stands for.
#[derive(Debug)]
pub struct Confirmed(Pin);

impl Confirmed {
    /// Writes it into the trust directory of a bundle's source. What is there stays; a pin of the same signer is replaced.
    ///
    /// # Errors
    /// When the file that is there cannot be understood, or cannot be written.
    pub fn write(self, source: &Path) -> Result<PathBuf, PinError> {
        let directory = source.join("trust");
        let (text, known) = load(&directory)?;
        let path = directory.join(FILE);
        let failed = |why: &dyn std::fmt::Display| {
            refused(
                "trust_unwritable",
                format!("cannot write {}: {why}", path.display()),
                "look at the directory's owner and the disk",
            )
        };
        let Self(pin) = self;
        let alone = toml::to_string(&Pins { pins: vec![pin.clone()] }).map_err(|error| failed(&error))?;
        // Remarks of whoever wrote the file stay where nothing else must change.
        let mut fresh = if text.trim().is_empty() { alone.clone() } else { format!("{}\n\n{alone}", text.trim_end()) };
        let replaces = known.iter().any(|other| other.sha256.eq_ignore_ascii_case(&pin.sha256));
        if replaces || toml::from_str::<toml::Table>(&fresh).is_err() {
            let mut table: toml::Table = toml::from_str(&text).map_err(|error| failed(&error))?;
            let mut entry: toml::Table = toml::from_str(&alone).map_err(|error| failed(&error))?;
            let entries = table.entry("pin").or_insert_with(|| toml::Value::Array(Vec::new()));
            if let (Some(entries), Some(toml::Value::Array(added))) = (entries.as_array_mut(), entry.remove("pin")) {
                let same = |other: &toml::Value| {
                    other
                        .get("sha256")
                        .and_then(toml::Value::as_str)
                        .is_some_and(|it| it.eq_ignore_ascii_case(&pin.sha256))
                };
                entries.retain(|other| !same(other));
                entries.extend(added);
            }
            fresh = toml::to_string(&table).map_err(|error| failed(&error))?;
        }
        std::fs::create_dir_all(&directory).map_err(|error| failed(&error))?;
        // Beside and renamed: a power cut leaves the old file or the new one.
        let beside = directory.join(".pins.new");
        let written = std::fs::write(&beside, fresh).and_then(|()| std::fs::File::open(&beside)?.sync_all());
        written.and_then(|()| std::fs::rename(&beside, &path)).map_err(|error| failed(&error))?;
        Ok(path)
    }
}

/// Whether pins are all that a bundle's source has of trust: devices then use nothing else.
#[must_use]
pub fn stand_alone(source: &Path) -> bool {
    let names = std::fs::read_dir(source.join("trust")).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.filter(|name| name != FILE).count() == 0
}

fn load(directory: &Path) -> Result<(String, Vec<Pin>), PinError> {
    let path = directory.join(FILE);
    let damaged = |why: String| {
        refused(
            "trust_record_damaged",
            format!("{}: {why}", path.display()),
            "mend the file: devices would not use it either",
        )
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(damaged(error.to_string())),
    };
    let pins: Pins = toml::from_str(&text).map_err(|error| damaged(error.to_string().trim().to_owned()))?;
    Ok((text, pins.pins))
}

/// The pins of a bundle's source.
///
/// # Errors
/// When the file is not valid.
pub fn list(source: &Path) -> Result<Vec<Pin>, PinError> {
    load(&source.join("trust")).map(|(_, pins)| pins)
}

/// Pins in words.
#[must_use]
pub fn text(pins: &[Pin]) -> String {
    // Somebody may have written the file by hand.
    let plain = |text: &str| program::terminal::line(text).into_owned();
    let each = |pin: &Pin| {
        let documents = if pin.documents.is_empty() { "citizen_card".to_owned() } else { pin.documents.join(", ") };
        format!(
            "{}\n  {}, since {}: {}\n",
            grouped(&plain(&pin.sha256)),
            plain(&documents),
            plain(&pin.added),
            plain(&pin.reason)
        )
    };
    if pins.is_empty() { "nothing is pinned\n".to_owned() } else { pins.iter().map(each).collect() }
}

/// In groups of four, as people compare it.
fn grouped(sha256: &str) -> String {
    let digits: Vec<char> = sha256.chars().collect();
    digits.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
