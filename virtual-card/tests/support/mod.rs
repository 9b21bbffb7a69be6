//! What the tests of card and terminal share: a trust store, a plan, a read in one process.

#![allow(dead_code, reason = "each test takes what it needs")]

pub(crate) mod issued;
pub(crate) mod tolerable;

use emrtd::{
    AccessPolicy, Action, Check, Circumstances, Error, Evidence, Outcome, Password, Plan, Session, SigningRequest,
    SystemEntropy, TrustStore, UnixTime, Verification,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use verdict::Word;
use virtual_card::issuer::{IssuerFault, Oddity};
use virtual_card::personalise::Card;
use virtual_card::{Answer, Chip, Fault, Issuer, Lie, Make, Manners, PERSONAS, Persona};

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
    let mrz = emrtd::MrzKey::new(&document, &birth, &expiry).expect("key data");
    let passwords = vec![Password::can(persona.can()).expect("CAN"), Password::Mrz(mrz)];
    Plan::new(passwords, &[1, 2, 13, 14, 15]).with_access(access)
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
            Action::Reset => {
                chip.reset();
                session.was_reset();
            }
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

/// What evidence says under these anchors, now.
pub(crate) fn verify(evidence: &Evidence, trust: &TrustStore) -> Verification {
    evidence.verify(trust, &Circumstances::now(now()))
}

/// The word over the answers to *issuer* and *chip*.
pub(crate) fn word(evidence: &Evidence, trust: &TrustStore) -> Word {
    verify(evidence, trust).answers().word()
}

/// A check's outcome and reason.
pub(crate) fn found<'a>(verification: &'a Verification, id: &str) -> (Outcome, Option<&'a str>) {
    let check = check(&verification.checks, id);
    (check.outcome, check.reason.as_deref())
}

/// EF.SOD and the groups of a card that was issued otherwise: what `edit` makes of the groups, signed anew. Nothing is
/// deleted from a chip that gets them, but what the new EF.SOD does not list is not asked for.
pub(crate) fn issued(
    persona: &Persona,
    make: Make,
    oddity: Oddity,
    edit: impl FnOnce(&mut BTreeMap<u8, Vec<u8>>),
) -> Vec<(u16, Vec<u8>)> {
    let card = Card::with_make(persona, Fault::None, make).expect("card");
    let groups = card.files().filter(|(id, _)| (0x0101..=0x0110).contains(id));
    let mut groups: BTreeMap<u8, Vec<u8>> = groups.map(|(id, bytes)| (id as u8, bytes.to_vec())).collect();
    edit(&mut groups);
    let issuer = Issuer::new(IssuerFault::None).expect("issuer");
    let sod = issuer.odd_sod(persona.signer, &groups, "230401120000Z", oddity).expect("SOD");
    let groups = groups.into_iter().map(|(number, bytes)| (0x0100 | u16::from(number), bytes));
    groups.chain([(0x011D, sod)]).collect()
}

/// Puts files onto a chip.
pub(crate) fn put(chip: &mut Chip, files: &[(u16, Vec<u8>)]) {
    for (id, bytes) in files {
        chip.set_file(*id, bytes.clone());
    }
}

/// The instruction bytes that the chip is sent inside sessions from now on.
pub(crate) fn watch(chip: &mut Chip) -> Arc<Mutex<Vec<u8>>> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let watcher = Arc::clone(&seen);
    chip.set_liar(Box::new(move |ins| {
        watcher.lock().expect("lock").push(ins);
        Lie::None
    }));
    seen
}

/// The default persona, whose active authentication is RSA of 2,048 bits.
pub(crate) const AN: &Persona = &PERSONAS[0];
/// One whose active authentication is ECDSA.
pub(crate) const BINH: &Persona = &PERSONAS[1];

/// A make by its identifier.
pub(crate) fn make(id: &str) -> Make {
    *Make::find(id).expect("make")
}

/// A chip with these manners; `active_only`: a card that has no chip authentication.
pub(crate) fn chip(persona: &Persona, make: Make, manners: impl Into<Manners>, active_only: bool) -> Chip {
    let mut chip = Chip::with_manners(persona, Fault::None, make, manners.into()).expect("card");
    if active_only {
        put(&mut chip, &issued(persona, make, Oddity::None, |groups| drop(groups.remove(&14))));
    }
    chip
}

/// A whole read: the evidence, and how often the chip was sent each of these instructions.
pub(crate) fn whole(chip: &mut Chip, persona: &Persona, instructions: &[u8]) -> (Evidence, Vec<usize>) {
    let seen = watch(chip);
    let evidence = read(chip, plan(persona, AccessPolicy::Auto)).expect("read");
    let seen = seen.lock().expect("lock");
    let counts = instructions.iter().map(|ins| seen.iter().filter(|one| *one == ins).count()).collect();
    // Whatever was found is found again in the stored form.
    let stored = Evidence::from_cbor(&evidence.to_cbor()).expect("stored evidence");
    assert_eq!(verify(&stored, &trust()).checks, verify(&evidence, &trust()).checks);
    (evidence, counts)
}

/// A check's outcome and reason under the practice anchors.
pub(crate) fn reason(evidence: &Evidence, id: &str) -> (Outcome, Option<String>) {
    let verification = verify(evidence, &trust());
    let (outcome, reason) = found(&verification, id);
    (outcome, reason.map(str::to_owned))
}

/// What a check says that was not made.
pub(crate) fn not_performed(reason: &str) -> (Outcome, Option<String>) {
    (Outcome::NotPerformed, Some(reason.to_owned()))
}
