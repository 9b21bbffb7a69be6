//! Shows central that the device's keys are in its TPM: [`fleet::residence`].

use super::{BIRTH_KEY, EVENT_KEY, Keeper, KeeperError};
use drivers::key_store::{KeyStoreError, Residence};
use fleet::residence::{Claim, Credential, Opened};

/// A certificate without what fills the TPM's memory behind it; none where there is none.
fn trimmed(memory: &[u8]) -> Option<Vec<u8>> {
    openssl::x509::X509::from_der(memory).and_then(|certificate| certificate.to_der()).ok()
}

fn claim(tpm: &dyn Residence) -> Result<Claim, KeyStoreError> {
    let shown = tpm.endorsement()?;
    Ok(Claim {
        endorsement: hex::encode(shown.public),
        certificate: shown.certificate.as_deref().and_then(trimmed).map(hex::encode),
        birth: hex::encode(tpm.public_area(BIRTH_KEY)?),
        event: hex::encode(tpm.public_area(EVENT_KEY)?),
    })
}

fn opened(tpm: &dyn Residence, label: &str, credential: &Credential) -> Result<String, KeyStoreError> {
    let octets = |text: &String| hex::decode(text).map_err(|_| KeyStoreError::NotForUs(label.to_owned()));
    Ok(hex::encode(&*tpm.activate(label, &octets(&credential.blob)?, &octets(&credential.secret)?)?))
}

impl Keeper {
    /// Has the TPM prove to central that birth and event key are in it. False where they are in none, and nothing is to be proved.
    ///
    /// # Errors
    /// When central cannot be reached, or does not take it.
    pub fn prove_residence(&self) -> Result<bool, KeeperError> {
        let Some(tpm) = self.keys.residence() else { return Ok(false) };
        let (own, roots) = self.connected()?;
        let claim = claim(tpm)?;
        let challenge = self.in_time(&roots, || self.central.claim(&roots, &own, &claim))?;
        let (birth, event) = (opened(tpm, BIRTH_KEY, &challenge.birth)?, opened(tpm, EVENT_KEY, &challenge.event)?);
        let answer = Opened { birth, event };
        self.in_time(&roots, || self.central.opened(&roots, &own, &answer))?;
        Ok(true)
    }
}
