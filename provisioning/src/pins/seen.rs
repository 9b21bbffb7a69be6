//! Where a certificate comes from: a file of the operator's, or what central exported of the signers that devices saw.

use super::{PinError, refused};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use emrtd::UnixTime;
use emrtd::hazmat::x509::split_certificates;
use serde::Deserialize;
use std::path::Path;

/// The list in a directory that central exported.
const LIST: &str = "signers.json";
const SCHEMA: &str = "cccd-central/signers/1";

/// How often a signer was seen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Seen {
    pub(super) devices: u64,
    count: u64,
    numbers_at_most: u64,
    since: i64,
    last: i64,
}

impl Seen {
    pub(super) fn shown(&self) -> String {
        let Self { devices, count, numbers_at_most, since, last } = self;
        format!(
            "{count} documents over {numbers_at_most} numbers at most, at {devices} devices, from {} to {}",
            UnixTime(*since),
            UnixTime(*last)
        )
    }
}

/// A certificate, and how often it was seen where that is known.
type Known = (Vec<u8>, Option<Seen>);

#[derive(Deserialize)]
struct List {
    schema: String,
    signers: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    certificate: String,
    #[serde(flatten)]
    seen: Seen,
}

/// The certificate that an operator means, by its whole SHA-256 or by a file, and how often central says that it was seen.
///
/// # Errors
/// When it is not found, or what is named cannot be read.
pub fn find(what: &str, from: Option<&Path>) -> Result<(Vec<u8>, Option<Seen>), PinError> {
    let known = from.map(exported).transpose()?.unwrap_or_default();
    let path = Path::new(what);
    if path.is_file() {
        let unreadable = |why: &dyn std::fmt::Display| {
            refused("pin_unreadable", format!("{}: {why}", path.display()), "give one certificate in DER or PEM")
        };
        let bytes = std::fs::read(path).map_err(|error| unreadable(&error))?;
        let mut all = split_certificates(&bytes).map_err(|error| unreadable(&error))?;
        let (Some(der), true) = (all.pop(), all.is_empty()) else {
            return Err(unreadable(&"not one certificate"));
        };
        let seen = known.into_iter().find(|(other, _)| *other == der).and_then(|(_, seen)| seen);
        return Ok((der, seen));
    }
    // Part of a hash would do for a person, and for whoever makes another certificate with the same part.
    let digits: String = what.chars().filter(|c| !c.is_whitespace() && *c != ':').collect();
    let wanted: Option<[u8; 32]> = hex::decode(&digits).ok().and_then(|bytes| bytes.try_into().ok());
    let wanted = wanted.ok_or_else(|| {
        let message = format!("{what:?} is neither a file nor a whole SHA-256");
        refused("pin_fingerprint", message, "give all 64 digits, or the file of the certificate")
    })?;
    known.into_iter().find(|(der, _)| events::hash(der).0 == wanted).ok_or_else(|| {
        let remedy = "name with --from what cccd-central signers --export wrote, or give the certificate's file";
        refused("pin_unknown", "no certificate with this SHA-256 is there", remedy)
    })
}

/// Certificates that central exported: a list, or a directory with one, or with certificates only.
fn exported(from: &Path) -> Result<Vec<Known>, PinError> {
    let unreadable = |why: &dyn std::fmt::Display| {
        let remedy = "name what cccd-central signers --json or --export wrote";
        refused("signers_unreadable", format!("{}: {why}", from.display()), remedy)
    };
    let list = if from.is_dir() { from.join(LIST) } else { from.to_owned() };
    if list.is_file() || !from.is_dir() {
        let bytes = std::fs::read(&list).map_err(|error| unreadable(&error))?;
        let list: List = serde_json::from_slice(&bytes).map_err(|error| unreadable(&error))?;
        if list.schema != SCHEMA {
            return Err(unreadable(&format!("schema {:?} is not known", list.schema)));
        }
        let each = |listed: Listed| Ok((BASE64_STANDARD.decode(&listed.certificate)?, Some(listed.seen)));
        return list
            .signers
            .into_iter()
            .map(each)
            .collect::<Result<_, base64::DecodeError>>()
            .map_err(|e| unreadable(&e));
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(from).map_err(|error| unreadable(&error))? {
        let path = entry.map_err(|error| unreadable(&error))?.path();
        if path.is_file() {
            // What is no certificate has no hash that anybody asks for.
            let bytes = std::fs::read(&path).map_err(|error| unreadable(&error))?;
            found.extend(split_certificates(&bytes).unwrap_or_default().into_iter().map(|der| (der, None)));
        }
    }
    Ok(found)
}
