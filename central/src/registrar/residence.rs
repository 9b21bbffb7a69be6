//! Whether a device's keys are in a TPM, as its TPM proves it ([`fleet::residence`]).
//!
//! A question is for one device, is answered once, and is kept in memory only: whoever was asked before central was started anew is
//! asked again. What was proved is kept with the keys that it was proved of, so that a device that comes with others has proved nothing.

use super::registry::{Change, Device, failed};
use super::{Registrar, RegistrarError};
use crate::store::StoreError;
use crate::tls::Presented;
use fleet::residence::{Challenge, Claim, Endorsement, Opened, Proof, resident};
use fleet::{FleetError, fingerprint};
use openssl::error::ErrorStack;
use openssl::x509::X509;
use program::lock;
use rusqlite::{OptionalExtension as _, params};
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;
use zeroize::Zeroizing;

/// For how long an answer is waited for: a slow TPM takes seconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is proved of the keys that a device has now; a column beside those of a device.
pub(super) const PROVED: &str = "(SELECT proof FROM fleet_tpm WHERE fleet_tpm.device = fleet_device.name
    AND fleet_tpm.birth = fleet_device.birth AND fleet_tpm.event_key = fleet_device.event_key) AS proved";

/// What a device was asked.
struct Asked {
    birth: Zeroizing<[u8; 32]>,
    event: Zeroizing<[u8; 32]>,
    /// Of which keys.
    keys: (String, String),
    endorsement: String,
    proof: Proof,
    until: Duration,
}

/// Who was asked, and whose word about TPMs counts.
#[derive(Default)]
pub(super) struct Residence {
    /// Authorities of makers that certify endorsement keys.
    pub(super) makers: Vec<X509>,
    asked: Mutex<HashMap<String, Asked>>,
}

fn octets(hexadecimal: &str, what: &'static str) -> Result<Vec<u8>, RegistrarError> {
    hex::decode(hexadecimal).map_err(|_| RegistrarError::Request(FleetError::Malformed(what)))
}

fn secret() -> Result<Zeroizing<[u8; 32]>, ErrorStack> {
    let mut secret = Zeroizing::new([0; 32]);
    openssl::rand::rand_priv_bytes(&mut *secret)?;
    Ok(secret)
}

impl Registrar {
    /// Believes what these authorities certify of TPMs.
    #[must_use]
    pub fn believing(mut self, makers: Vec<X509>) -> Self {
        self.residence.makers = makers;
        self
    }

    /// Asks the TPM that a device shows to prove that birth and event key are in it.
    ///
    /// # Errors
    /// When what it shows is no TPM's, are not the keys that it came in with, or is another TPM than before.
    pub fn claim(&self, presented: &Presented, claim: &Claim) -> Result<Challenge, RegistrarError> {
        let own = || RegistrarError::Unknown(presented.name.clone());
        let (device, known) = self.registry.change(|change| {
            let device = change.device(&presented.name)?.ok_or_else(own)?;
            let known = change.endorsement_of(&device)?;
            Ok::<_, RegistrarError>((device, known))
        })?;
        let endorsement = Endorsement::read(&octets(&claim.endorsement, "endorsement key of a TPM")?);
        let endorsement = endorsement.map_err(RegistrarError::Request)?;
        let key = |area: &String| resident(&octets(area, "public area of a key")?).map_err(RegistrarError::Request);
        let ((birth, birth_name), (event, event_name)) = (key(&claim.birth)?, key(&claim.event)?);
        let keys = (fingerprint(&birth), hex::encode(&event));
        if device.birth.as_ref() != Some(&keys.0) || device.event_key.as_ref() != Some(&keys.1) {
            return Err(RegistrarError::TpmKeys);
        }
        let shown = fingerprint(&endorsement.public_key().map_err(RegistrarError::Answer)?);
        if known.is_some_and(|known| known != shown) {
            return Err(RegistrarError::TpmOther);
        }
        let certificate = claim.certificate.as_ref().map(|der| octets(der, "certificate of a TPM")).transpose()?;
        let proof = endorsement.proof(certificate.as_deref(), &self.residence.makers, self.clock.wall());
        let proof = proof.map_err(RegistrarError::Answer)?;
        let random = || secret().map_err(|error| RegistrarError::Answer(error.into()));
        let asked = Asked {
            birth: random()?,
            event: random()?,
            keys,
            endorsement: shown,
            proof,
            until: self.clock.monotonic() + PATIENCE,
        };
        let made = |name, secret| endorsement.credential(name, secret).map_err(RegistrarError::Answer);
        let challenge = Challenge { birth: made(&birth_name, &asked.birth)?, event: made(&event_name, &asked.event)? };
        // One a device, and a device is one that was let in.
        lock(&self.residence.asked).insert(presented.name.clone(), asked);
        Ok(challenge)
    }

    /// Takes what a device's TPM gave out. A question is over with its first answer, right or wrong.
    ///
    /// # Errors
    /// When it was not asked, too late, or the answer is wrong.
    pub fn opened(&self, presented: &Presented, opened: &Opened) -> Result<Proof, RegistrarError> {
        let asked = lock(&self.residence.asked).remove(&presented.name).ok_or(RegistrarError::TpmUnasked)?;
        let now = (self.clock.monotonic(), self.clock.wall());
        if now.0 >= asked.until {
            return Err(RegistrarError::TpmUnasked);
        }
        let right = |said: &String, secret: &[u8; 32]| {
            hex::decode(said).is_ok_and(|said| said.len() == secret.len() && openssl::memcmp::eq(&said, secret))
        };
        if !right(&opened.birth, &asked.birth) || !right(&opened.event, &asked.event) {
            return Err(RegistrarError::TpmProof);
        }
        self.registry.change(|change| {
            let device = change.device(&presented.name)?;
            // It may have come in with other keys meanwhile.
            let same = |device: &Device| {
                device.birth.as_ref() == Some(&asked.keys.0) && device.event_key.as_ref() == Some(&asked.keys.1)
            };
            let device = device.filter(same).ok_or(RegistrarError::TpmKeys)?;
            change.prove(&device.name, &asked, now.1)?;
            change.journal(now.1, &device.name, "tpm_proved", "-", Some(asked.proof.as_str()))?;
            Ok::<_, RegistrarError>(())
        })?;
        Ok(asked.proof)
    }
}

impl Change<'_> {
    /// The endorsement key that proved the keys which a device has now.
    fn endorsement_of(&self, device: &Device) -> Result<Option<String>, StoreError> {
        let query = "SELECT endorsement FROM fleet_tpm WHERE device = ?1 AND birth = ?2 AND event_key = ?3";
        let values = params![device.name, device.birth, device.event_key];
        self.0.query_row(query, values, |row| row.get(0)).optional().map_err(failed("look up a TPM"))
    }

    fn prove(&self, device: &str, asked: &Asked, at: i64) -> Result<(), StoreError> {
        let query = "INSERT OR REPLACE INTO fleet_tpm (device, birth, event_key, endorsement, proof, at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let values = params![device, asked.keys.0, asked.keys.1, asked.endorsement, asked.proof.as_str(), at];
        self.0.execute(query, values).map_err(failed("keep what a TPM proved"))?;
        Ok(())
    }
}
