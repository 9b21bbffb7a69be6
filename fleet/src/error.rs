//! Why something of the fleet is not taken.

use openssl::error::ErrorStack;
use program::foreign::ForeignError;
use program::private::SecretError;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Something of the fleet is not taken, or could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FleetError {
    /// A file could not be read or written.
    #[error("cannot {operation} {path}")]
    Io {
        /// `read`, `write`, …
        operation: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What another user has in its directory is not what is read there.
    #[error(transparent)]
    Foreign(#[from] ForeignError),
    /// Others can read a secret's file.
    #[error(transparent)]
    Secret(SecretError),
    /// Root never noted whose bundles the updater obeys.
    #[error("nobody has said whose bundles the updater of this device obeys")]
    Unvouched,
    /// The file is there already; nothing is overwritten.
    #[error("{0} is there already")]
    Exists(PathBuf),
    /// The pass phrase does not open a key.
    #[error("the pass phrase does not open {0}")]
    Locked(PathBuf),
    /// The cryptographic library.
    #[error("the cryptographic library failed")]
    Crypto(#[from] ErrorStack),
    /// A name that cannot be used.
    #[error("{0:?} is no device name: use a-z, 0-9 and '-', at most 63 characters")]
    Name(String),
    /// The bytes are not what they should be.
    #[error("this is no {0}")]
    Malformed(&'static str),
    /// A format version that is not known here.
    #[error("version {version} of a {what} is not known here")]
    Version {
        /// What it is.
        what: &'static str,
        /// Its version.
        version: u32,
    },
    /// The signature of something is wrong, or somebody else's.
    #[error("the signature of the {0} is wrong or somebody else's")]
    Signature(&'static str),
    /// Something could not be signed.
    #[error("cannot sign the {what}: {why}")]
    Signing {
        /// What.
        what: &'static str,
        /// Why not.
        why: String,
    },
    /// It answers another question.
    #[error("the {0} answers another request")]
    Nonce(&'static str),
    /// It was sealed for another device.
    #[error("the assignment was sealed for another device")]
    Sealed,
    /// A certificate does not lead to a root that is trusted here.
    #[error("the {0} leads to no root that is trusted here")]
    Root(&'static str),
    /// What only a root's key can do was asked of an issuing key.
    #[error("the root's key is not here: it stays off line, and here is an issuing key")]
    Offline,
    /// A root that certified an issuing key was asked to let a device in.
    #[error("this root lets an issuing key sign for devices, which has the sites' keys")]
    Delegated,
    /// Chains of sites did not come along to the issuing key.
    #[error("keys of sites that began where the root signed are not in {0}")]
    Chains(PathBuf),
    /// The bundle is not newer than one that was here.
    #[error("bundle {offered} is not newer than {known}")]
    Older {
        /// What was offered.
        offered: u64,
        /// The highest version that was here.
        known: u64,
    },
    /// The bundle is for another kind of fleet.
    #[error("the bundle is for {offered:?}, this device is for {own:?}")]
    Environment {
        /// What the bundle is for.
        offered: String,
        /// What the device is for.
        own: String,
    },
    /// Something inside a bundle.
    #[error("{path} in the bundle: {why}")]
    Entry {
        /// Which part.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A bundle changes what more operators have to sign together.
    #[error("the bundle changes what {need} operators sign together, and {have} signed it")]
    Countersign {
        /// How many signed.
        have: usize,
        /// How many have to.
        need: usize,
    },
    /// A bundle lies there, and not whose bundles were taken.
    #[error("it is not noted whose bundles this device takes")]
    Trustless,
    /// A list of people in a bundle that everybody could read who has the bundle.
    #[error("{0} in the bundle is not sealed for a site")]
    Unsealed(String),
    /// Parts of a relayed document are missing or do not belong together.
    #[error("the codes do not belong together: {0}")]
    Parts(&'static str),
}

program::coded!(FleetError);

impl FleetError {
    /// A stable identifier.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "fleet_io",
            Self::Foreign(error) => error.code(),
            Self::Secret(error) => error.code(),
            Self::Unvouched => "update_unvouched",
            Self::Exists(_) => "fleet_exists",
            Self::Locked(_) => "fleet_locked",
            Self::Crypto(_) => "fleet_crypto",
            Self::Name(_) => "device_name",
            Self::Malformed(_) => "fleet_malformed",
            Self::Version { .. } => "fleet_version",
            Self::Signature(_) => "fleet_signature",
            Self::Signing { .. } => "fleet_signing",
            Self::Nonce(_) => "fleet_nonce",
            Self::Sealed => "fleet_sealed",
            Self::Offline => "root_offline",
            Self::Delegated => "root_delegated",
            Self::Chains(_) => "site_chains",
            Self::Root(_) => "fleet_root",
            Self::Older { .. } => "bundle_older",
            Self::Environment { .. } => "bundle_environment",
            Self::Entry { .. } => "bundle_entry",
            Self::Countersign { .. } => "bundle_signatures",
            Self::Trustless => "bundle_trust",
            Self::Unsealed(_) => "bundle_list_unsealed",
            Self::Parts(_) => "relay_parts",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Io { .. } => "check disk, path and rights",
            Self::Foreign(error) => error.remedy(),
            Self::Secret(error) => error.remedy(),
            Self::Unvouched => {
                "as root: provision update trust, and compare the fingerprints that it shows with the operator's"
            }
            Self::Exists(_) => "choose another place, or move what is there away",
            Self::Locked(_) => "use the pass phrase under which it was made",
            Self::Crypto(_) | Self::Signing { .. } => "check the key store; if it is well, report this as a bug",
            Self::Name(_) => "choose another name",
            Self::Malformed(_) | Self::Parts(_) => "make or transfer it anew; it was cut or changed on the way",
            Self::Version { .. } => "update the older side",
            Self::Signature(_) => "ask who signed it; use one that this fleet's operator signed",
            Self::Nonce(_) => "use the answer to the request that is pending now",
            Self::Offline => "do it where the root is: on its stick, at a machine without a network",
            Self::Delegated => "do it where the issuing key is; if it is nowhere yet: provision ca-install",
            Self::Chains(_) => "move the directory chains from the root's directory there, and leave none behind",
            Self::Sealed => "use the answer that was made for this device",
            Self::Root(_) => "bring the fleet's present roots with a bundle",
            Self::Older { .. } => "sign what is to be used under a higher version",
            Self::Environment { .. } => "use a bundle of this device's own fleet",
            Self::Countersign { .. } => "have another operator sign it: provision bundle countersign",
            Self::Trustless => "take a newer bundle in; if none is taken, reset the device softly and enrol it again",
            Self::Unsealed(_) => {
                "seal the list with `provision bundle seal`, and build the bundle anew under a higher version"
            }
            Self::Entry { .. } => "mend that part and sign the bundle anew",
        }
    }
}

/// Wraps an error of the file system.
pub fn io(operation: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> FleetError {
    move |source| FleetError::Io { operation, path: path.to_owned(), source }
}
