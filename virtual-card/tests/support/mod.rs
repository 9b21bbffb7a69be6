//! What the tests of card and terminal share: a trust store, a plan, a read in one process.

#![allow(dead_code, reason = "each test takes what it needs")]

pub(crate) mod issued;

use emrtd::password::Password;
use emrtd::secret::SystemEntropy;
use emrtd::session::{AccessPolicy, Action, Plan, Session};
use emrtd::terminal_authentication::SigningRequest;
use emrtd::trust::TrustStore;
use emrtd::verdict::Check;
use emrtd::x509::UnixTime;
use emrtd::{Error, Evidence};
use virtual_card::issuer::IssuerFault;
use virtual_card::{Answer, Chip, Issuer, Persona};

/// The practice issuer's anchors.
pub(crate) fn trust() -> TrustStore {
    let mut store = TrustStore::new();
    for file in Issuer::new(IssuerFault::None).expect("issuer").trust_files().expect("files") {
        store.add(file.name, &file.der).expect("certificate");
    }
    store
}

/// Everything but biometrics, with every password.
pub(crate) fn plan(persona: &Persona, access: AccessPolicy) -> Plan {
    let (document, birth, expiry) = persona.mrz_fields();
    let mrz = emrtd::mrz::MrzKey::new(&document, &birth, &expiry).expect("key data");
    let passwords = vec![Password::can(persona.can()).expect("CAN"), Password::Mrz(mrz)];
    Plan { access, ..Plan::new(passwords, &[1, 2, 13, 14, 15]) }
}

/// Reads a chip; nobody signs for terminal authentication.
pub(crate) fn read(chip: &mut Chip, plan: Plan) -> Result<Evidence, Error> {
    read_signing(chip, plan, |_| None)
}

/// Reads a chip with somebody who signs for terminal authentication.
pub(crate) fn read_signing(
    chip: &mut Chip,
    plan: Plan,
    mut sign: impl FnMut(&SigningRequest) -> Option<Vec<u8>>,
) -> Result<Evidence, Error> {
    let mut session = Session::new(plan, Box::new(SystemEntropy));
    loop {
        match session.next()? {
            Action::Transmit(command) => match chip.transmit(&command) {
                Answer::Response(bytes) => session.feed(&bytes)?,
                Answer::Lifted => return Err(Error::OutOfOrder),
            },
            Action::Sign(request) => match sign(&request) {
                Some(signature) => session.signed(&signature)?,
                None => session.not_signed(),
            },
            Action::Done => return Ok(session.into_evidence().expect("opened")),
        }
    }
}

pub(crate) fn now() -> UnixTime {
    UnixTime::from_date(2026, 6, 1).expect("date")
}

/// A check by its identifier.
pub(crate) fn check<'a>(checks: &'a [Check], id: &str) -> &'a Check {
    checks.iter().find(|c| c.id == id).unwrap_or_else(|| panic!("{id} among {checks:#?}"))
}
