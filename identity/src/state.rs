//! What a device knows of itself: `identity.json`, replaced at once, readable by its owner only. It holds no secret:
//! private keys are in the key store, the site's key lies sealed beside them.

use events::event::Bytes;
use fleet::FleetError;
use fleet::authority::Roots;
use fleet::files::replace;
use fleet::request::Way;
use openssl::x509::X509;
use program::foreign::Foreign;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Version of the file.
pub const VERSION: u32 = 1;
/// Name of the file.
pub const FILE: &str = "identity.json";
/// More bytes it never has.
const MOST: u64 = 1 << 20;

/// A certificate and the label of its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// Label in the key store.
    pub key: String,
    /// PEM.
    pub certificate: String,
    /// Begin of its validity, seconds since 1970.
    pub not_before: i64,
    /// End of its validity.
    pub not_after: i64,
}

impl Credential {
    /// Of a certificate in DER.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(key: &str, der: &[u8]) -> Result<Self, FleetError> {
        let certificate = X509::from_der(der).map_err(|_| FleetError::Malformed("certificate"))?;
        let (not_before, not_after) = fleet::authority::validity(&certificate)?;
        let pem = String::from_utf8(certificate.to_pem()?).map_err(|_| FleetError::Malformed("certificate"))?;
        Ok(Self { key: key.to_owned(), certificate: pem, not_before, not_after })
    }
}

/// A request that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Underway {
    /// The way in.
    pub way: Way,
    /// Label of the key that is to be certified.
    pub key: String,
    /// The same in every repetition, hexadecimal.
    pub nonce: String,
    /// Failures in a row.
    pub failures: u32,
    /// The last refusal's code.
    pub refused: Option<String>,
    /// Whether a technician has to confirm it.
    pub waiting: bool,
}

impl Underway {
    /// The nonce.
    #[must_use]
    pub fn nonce(&self) -> Bytes<16> {
        let mut bytes = [0; 16];
        // Written here, in this form.
        hex::decode_to_slice(&self.nonce, &mut bytes).unwrap_or_default();
        Bytes(bytes)
    }
}

/// Where a device belongs; what an assignment says, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Its name.
    pub device: String,
    /// Where it stands.
    pub site: String,
    /// Where events go.
    pub central: String,
    /// The profile that it begins with.
    pub profile: String,
    /// Kind of fleet.
    pub environment: String,
    /// Keys whose bundles it takes, DER in hexadecimal.
    pub operators: Vec<String>,
}

/// The file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Version of the file.
    pub version: u32,
    /// The serial number on the machine.
    pub serial: String,
    /// Kind of machine.
    pub model: String,
    /// Where to be enrolled, until the assignment says where events go.
    pub central: String,
    /// The roots that are trusted, PEM; empty before the first contact, where a technician compares words.
    pub roots: String,
    /// Not earlier than this, seconds since 1970.
    pub floor: i64,
    /// What is used.
    pub current: Option<Credential>,
    /// What was used before, until central has answered the new one.
    pub previous: Option<Credential>,
    /// What was issued and is not tried yet.
    pub next: Option<Credential>,
    /// What is asked for.
    pub underway: Option<Underway>,
    /// Where it belongs.
    pub place: Option<Place>,
}

impl State {
    /// A device that knows nothing yet.
    #[must_use]
    pub fn new(serial: &str, model: &str, central: &str, roots: Option<&Roots>) -> Self {
        let roots = roots.and_then(|roots| roots.to_pem().ok()).and_then(|pem| String::from_utf8(pem).ok());
        Self {
            version: VERSION,
            serial: serial.to_owned(),
            model: model.to_owned(),
            central: central.to_owned(),
            roots: roots.unwrap_or_default(),
            ..Self::default()
        }
    }

    /// The file of a directory.
    #[must_use]
    pub fn path(directory: &Path) -> PathBuf {
        directory.join(FILE)
    }

    /// Reads the file; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read, or is of a newer version.
    pub fn load(directory: &Path) -> Result<Option<Self>, FleetError> {
        let path = Self::path(directory);
        let bytes = match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes.map_err(fleet::error::io("read", &path))?,
        };
        Self::parse(&bytes).map(Some)
    }

    /// Reads the file of another user's device, as root does; `None` when there is none.
    ///
    /// # Errors
    /// When it is no file of that user, cannot be read, or is of a newer version.
    pub fn load_of(user: Foreign, directory: &Path) -> Result<Option<Self>, FleetError> {
        let bytes = user.read(directory, Path::new(FILE), MOST)?;
        bytes.map(|bytes| Self::parse(&bytes)).transpose()
    }

    fn parse(bytes: &[u8]) -> Result<Self, FleetError> {
        let state: Self = serde_json::from_slice(bytes).map_err(|_| FleetError::Malformed("identity file"))?;
        if state.version == VERSION {
            return Ok(state);
        }
        Err(FleetError::Version { what: "identity file", version: state.version })
    }

    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written: what was there stays.
    pub fn save(&self, directory: &Path) -> Result<(), FleetError> {
        program::private::directory(directory).map_err(fleet::error::io("make", directory))?;
        let bytes = serde_json::to_vec_pretty(self).map_err(|_| FleetError::Malformed("identity file"))?;
        replace(&Self::path(directory), &bytes)
    }

    /// The roots that are trusted; `None` before the first contact.
    ///
    /// # Errors
    /// When they are no certificates.
    pub fn roots(&self) -> Result<Option<Roots>, FleetError> {
        if self.roots.is_empty() { Ok(None) } else { Roots::from_pem(self.roots.as_bytes()).map(Some) }
    }

    /// What the time cannot be earlier than, seconds since 1970: the last signed time, and the begin of its certificate.
    #[must_use]
    pub fn not_earlier_than(&self) -> i64 {
        self.floor.max(self.current.as_ref().map_or(0, |current| current.not_before))
    }

    /// The label that no credential uses.
    #[must_use]
    pub fn free_label(&self) -> &'static str {
        let used = |label: &str| {
            [&self.current, &self.previous, &self.next].into_iter().flatten().any(|credential| credential.key == label)
        };
        if used("tls-a") { "tls-b" } else { "tls-a" }
    }

    /// Where central is.
    #[must_use]
    pub fn url(&self) -> &str {
        self.place.as_ref().map_or(&self.central, |place| &place.central)
    }
}
