//! Whose bundles are taken, and how many of them have to sign one.
//!
//! What would harm (anchors, roots, operators, profiles, settings, packages: [`Kind::is_light`] names what does not) counts
//! when as many operators signed it as the trust of the device says. One operator alone may send another playlist, list of withdrawn cards
//! or list of people: in a bundle whose other parts are, byte for byte, those of one that enough operators signed, and whose
//! signed manifest it brings along. Nothing but the bundle and the trust is asked, so a device that was away for ten
//! bundles, and one that starts anew, find the same.
//!
//! A bundle that names operators is signed by enough of those before and by enough of those after it, as a new root of
//! The Update Framework is: whoever is named has the key, and what is in use can always be checked against the trust
//! of the present.

use crate::answer::Octets;
use crate::bundle::{Bundle, Envelope, Kind};
use crate::{FleetError, fingerprint};
use events::Verifier;
use serde::{Deserialize, Serialize};

/// Operators that have to sign what would harm, where nobody says another number and there are as many.
const SEVERAL: usize = 2;
/// How far one operator alone counts on from the version that enough of them signed: numbers are used up by going to the
/// end of them, and then there is none left for a bundle of all.
const FARTHEST: u64 = 1000;

/// Whose bundles a device takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// Operators' keys, SubjectPublicKeyInfo in hexadecimal, each once.
    pub operators: Vec<String>,
    /// How many of them have to sign what would harm.
    pub threshold: usize,
    /// The version of the newest bundle that so many signed; what is older never comes back, whoever brings it.
    pub base: u64,
    /// The version of the bundle that made it so; 0 for the first trust, that of the enrolment.
    pub version: u64,
}

impl Trust {
    /// As a device begins: keys in DER. Two operators sign together where there are two.
    #[must_use]
    pub fn of(operators: &[Vec<u8>]) -> Self {
        let operators = once(operators.iter().map(hex::encode));
        let threshold = operators.len().clamp(1, SEVERAL);
        Self { operators, threshold, base: 0, version: 0 }
    }

    /// Who of the operators signed one of these documents, which all have the same payload.
    fn signers(&self, kind: &str, documents: &[Octets]) -> Vec<Vec<u8>> {
        let keys = self.operators.iter().filter_map(|key| hex::decode(key).ok());
        let signed = |key: &Vec<u8>| {
            let key = Verifier::new(key);
            key.is_ok_and(|key| documents.iter().any(|document| key.open_document(kind, &document.0).is_ok()))
        };
        keys.filter(signed).collect()
    }

    /// Who signed a bundle, and which version it was that enough of them signed.
    fn standing(&self, envelope: &Envelope) -> Result<(Vec<Vec<u8>>, u64), FleetError> {
        let signers = self.signers(envelope.kind(), envelope.signed());
        if signers.is_empty() {
            return Err(FleetError::Signature("bundle"));
        }
        let need = self.threshold.max(1);
        let Some(base) = envelope.base()? else {
            let have = signers.len();
            let enough = have >= need;
            return if enough {
                Ok((signers, envelope.bundle().version))
            } else {
                Err(FleetError::Countersign { have, need })
            };
        };
        let have = self.signers(base.kind(), base.signed()).len();
        if have < need {
            return Err(FleetError::Countersign { have, need });
        }
        if base.environment() != envelope.bundle().environment {
            let (offered, own) = (base.environment().to_owned(), envelope.bundle().environment.clone());
            return Err(FleetError::Environment { offered, own });
        }
        // Nor does it stay the newest for longer than they said.
        if envelope.bundle().fresh_until.is_none_or(|until| until > base.fresh_until()) {
            return Err(FleetError::Countersign { have: signers.len(), need });
        }
        if envelope.bundle().version > base.version().saturating_add(FARTHEST) {
            return Err(FleetError::Countersign { have: signers.len(), need });
        }
        match base.difference(envelope.bundle()) {
            None => Ok((signers, base.version())),
            Some(path) => {
                let why = format!("it is not as it was signed in bundle {} by {need} operators", base.version());
                Err(FleetError::Entry { path, why })
            }
        }
    }

    /// Whether a bundle that was taken may be used still: enough of the operators of today signed it.
    ///
    /// # Errors
    /// When not so many did, or it is malformed.
    pub fn vouches(&self, bytes: &[u8]) -> Result<Bundle, FleetError> {
        let envelope = Envelope::parse(bytes)?;
        self.standing(&envelope)?;
        Ok(envelope.into_bundle())
    }

    /// The trust that a bundle leaves behind.
    fn after(&self, envelope: &Envelope, base: u64) -> Result<Self, FleetError> {
        let bundle = envelope.bundle();
        let version = bundle.version;
        let named = once(bundle.operators()?.iter().map(hex::encode));
        let said = bundle.threshold()?;
        if named.is_empty() {
            return match said {
                None => Ok(Self { base, version, ..self.clone() }),
                Some(_) => Err(threshold_wrong("it names no operators beside it")),
            };
        }
        // What is not said makes it never easier.
        let threshold = said.unwrap_or_else(|| self.threshold.max(named.len().min(SEVERAL)));
        if threshold == 0 || threshold > named.len() {
            return Err(threshold_wrong("so many operators are not named"));
        }
        let after = Self { operators: named, threshold, base, version };
        match after.standing(envelope) {
            Ok(_) => Ok(after),
            Err(FleetError::Signature(_)) => Err(FleetError::Countersign { have: 0, need: threshold }),
            Err(error) => Err(error),
        }
    }

    /// The trust after a bundle that was taken under this one.
    ///
    /// # Errors
    /// When it cannot have been taken.
    pub fn taken(&self, bytes: &[u8]) -> Result<Self, FleetError> {
        let envelope = Envelope::parse(bytes)?;
        let (_, base) = self.standing(&envelope)?;
        self.after(&envelope, base)
    }
}

fn threshold_wrong(why: &str) -> FleetError {
    FleetError::Entry { path: Kind::THRESHOLD.to_owned(), why: why.to_owned() }
}

fn once(keys: impl Iterator<Item = String>) -> Vec<String> {
    // A key that is named twice signs once.
    keys.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

/// Whom a device takes bundles from, and which.
#[derive(Debug, Clone)]
pub struct Acceptance<'a> {
    /// Whose.
    pub trust: &'a Trust,
    /// The kind of fleet.
    pub environment: &'a str,
    /// The highest version that was ever here.
    pub known: u64,
}

/// A bundle that may be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// What is in it.
    pub bundle: Bundle,
    /// Who signed it, by fingerprint.
    pub signers: Vec<String>,
    /// Whose bundles are taken after it.
    pub trust: Trust,
}

impl Acceptance<'_> {
    /// Checks signatures, environment and version of a bundle.
    ///
    /// # Errors
    /// When it is not to be taken.
    pub fn open(&self, bytes: &[u8]) -> Result<Accepted, FleetError> {
        let envelope = Envelope::parse(bytes)?;
        let (signers, base) = self.trust.standing(&envelope)?;
        let bundle = envelope.bundle();
        if bundle.environment != self.environment {
            let (offered, own) = (bundle.environment.clone(), self.environment.to_owned());
            return Err(FleetError::Environment { offered, own });
        }
        if bundle.version <= self.known {
            return Err(FleetError::Older { offered: bundle.version, known: self.known });
        }
        if base < self.trust.base {
            return Err(FleetError::Older { offered: base, known: self.trust.base });
        }
        let trust = self.trust.after(&envelope, base)?;
        let signers = signers.iter().map(|key| fingerprint(key)).collect();
        Ok(Accepted { bundle: envelope.into_bundle(), signers, trust })
    }
}

#[cfg(test)]
mod tests;
