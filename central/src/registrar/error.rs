//! Why a device does not get what it asks for.

use crate::answer::Refused;
use crate::issuer::IssuerError;
use crate::store::StoreError;
use events::sync::Refusal;
use fleet::FleetError;
use program::{Coded, exit};
use thiserror::Error;

/// Why a device does not get what it asks for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RegistrarError {
    /// The request is not taken.
    #[error("the request is not taken")]
    Request(#[source] FleetError),
    /// A certificate or answer could not be made.
    #[error("the answer could not be made")]
    Answer(#[source] FleetError),
    /// Nobody expects this device.
    #[error("nobody expects the device with serial number {0}")]
    Unknown(String),
    /// The token is wrong, spent or too old.
    #[error("the one-time token is wrong, spent or too old")]
    Token,
    /// A key of the device was revoked.
    #[error("a key of this device was revoked")]
    Revoked,
    /// There is a copy of the device.
    #[error("there is a copy of this device; both are shut out")]
    Quarantined,
    /// The certificate is not the one that the device has now.
    #[error("the certificate belongs to another device or was replaced")]
    Superseded,
    /// It has been away for too long.
    #[error("the certificate ended more than {0} days ago")]
    TooLate(u32),
    /// Devices of the site would not know the profile.
    #[error("no profile {profile:?} comes with the agent or with the bundle for {site}")]
    Profile {
        /// Its name.
        profile: String,
        /// The site.
        site: String,
    },
    /// The request was answered before, and another since.
    #[error("this request was answered before, and a newer one since")]
    Replayed,
    /// The device stands at another site, and whoever let it in here may not move it.
    #[error("device {0} stands at another site")]
    Elsewhere(String),
    /// The machine, or what is known of it, belongs to a site that is not for this person to know of.
    #[error("this device belongs to another site")]
    NotYours,
    /// A site that is not for this person to change.
    #[error("{0:?} is none of your sites")]
    Foreign(String),
    /// Not the code of a device, nor its beginning.
    #[error("this is no code of a device")]
    Code,
    /// The keys that a device shows in its TPM are not those that it came in with.
    #[error("the keys in this TPM are not those of the device")]
    TpmKeys,
    /// Another TPM proved the same keys before.
    #[error("another TPM proved that it has these keys")]
    TpmOther,
    /// Nothing was asked of the device's TPM, or too long ago, or it was answered.
    #[error("nothing is asked of this device's TPM")]
    TpmUnasked,
    /// The TPM did not give out what was encrypted for it.
    #[error("the answer is not what was encrypted for this device's TPM")]
    TpmProof,
    /// Nobody signed.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The database.
    #[error("the registry failed")]
    Store(#[from] StoreError),
}

impl RegistrarError {
    /// HTTP status, stable code, remedy.
    #[must_use]
    pub const fn answer(&self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Request(error) => (400, error.code(), error.remedy()),
            Self::Answer(error) => (500, error.code(), error.remedy()),
            Self::Unknown(_) => (403, "device_unknown", "put it on the list of expected devices, or use another way"),
            Self::Token => (403, "token_invalid", "ask for a new token; one lasts for one device and three days"),
            Self::Revoked => (403, "device_revoked", "reset the device hard and enrol it as a new one"),
            Self::Quarantined => (403, "device_quarantined", "find both devices, reset both hard, enrol the right one"),
            Self::Superseded => (403, "certificate_superseded", "enrol the device again with its birth key"),
            Self::TooLate(_) => (403, "certificate_too_old", "let a technician confirm the device anew"),
            Self::Profile { .. } => {
                (400, "profile_unknown", "correct its name, or publish the bundle with profiles/NAME.toml first")
            }
            Self::Replayed => (409, "request_replayed", "enrol the device again: it makes a new request"),
            Self::Elsewhere(_) => (
                403,
                "device_elsewhere",
                "move it first: cccd-central fleet assign DEVICE --site SITE --profile PROFILE",
            ),
            Self::NotYours => (403, "device_elsewhere", "ask whoever is responsible for that site, or an operator"),
            Self::Foreign(_) => {
                (403, "site_foreign", "correct it, or have an operator add it: cccd-central staff place")
            }
            Self::Code => (400, "code_malformed", "give at least the first eight digits of the code on the screen"),
            Self::TpmKeys => (403, "tpm_keys", "enrol the device again with the keys that its TPM has"),
            Self::TpmOther => {
                (403, "tpm_other", "look at the machine: a key cannot go from one TPM to another; reset it hard")
            }
            Self::TpmUnasked => (409, "tpm_unasked", "show the TPM again: the device does so by itself"),
            Self::TpmProof => (403, "tpm_proof", "look at the machine: its keys are not where it says"),
            Self::Issuer(error) => error.answer(),
            Self::Store(_) => (503, "store_failed", "try again later"),
        }
    }

    /// For the device.
    #[must_use]
    pub fn refusal(&self) -> (u16, Refusal) {
        let (status, code, remedy) = self.answer();
        let (code, remedy) = (code.to_owned(), remedy.to_owned());
        let message = match self {
            Self::Request(error) | Self::Answer(error) => error.to_string(),
            other => other.to_string(),
        };
        (status, Refusal { code, message, remedy, committed: None })
    }
}

impl Coded for RegistrarError {
    fn code(&self) -> &str {
        match self {
            Self::Store(error) => error.code(),
            other => other.answer().1,
        }
    }

    fn remedy(&self) -> &str {
        match self {
            Self::Store(error) => error.remedy(),
            other => other.answer().2,
        }
    }

    fn exit(&self) -> u8 {
        match self {
            Self::Store(error) => Coded::exit(error),
            _ => exit::USAGE,
        }
    }
}

impl From<RegistrarError> for Refused {
    fn from(error: RegistrarError) -> Self {
        error.refusal().into()
    }
}
