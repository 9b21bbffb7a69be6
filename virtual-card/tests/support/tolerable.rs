//! Reads of tolerable cards: a small card, a driver that resets it when the session asks for that, and what has to come
//! of it whatever the card's manners.

use super::{issued, plan, put, trust};
use emrtd::{
    AccessPolicy, Action, Circumstances, Error, Evidence, FileId, Outcome, Plan, Session, SodVerification,
    SystemEntropy, TrustStore,
};
use std::sync::{Arc, LazyLock, Mutex};
use verdict::Word;
use virtual_card::issuer::Oddity;
use virtual_card::manners::{ActiveProof, ChipProof, Extended, Largest, Manners, Moment, Parts};
use virtual_card::persona::ActiveAuthenticationKey;
use virtual_card::personalise::dg2;
use virtual_card::vpcd::VpcdCard;
use virtual_card::{Chip, Fault, Persona};

static TRUST: LazyLock<TrustStore> = LazyLock::new(trust);

/// EF.SODs that were judged before: there are few cards, and each is read often.
static JUDGED: Mutex<Vec<Arc<SodVerification>>> = Mutex::new(Vec::new());

fn judged(sod: &[u8]) -> Arc<SodVerification> {
    let mut judged = JUDGED.lock().expect("lock");
    if let Some(known) = judged.iter().find(|known| known.is_of(sod)) {
        return Arc::clone(known);
    }
    let new = Arc::new(SodVerification::new(sod, &TRUST, None, super::now()));
    judged.push(Arc::clone(&new));
    new
}

/// A read, and what it cost.
pub(crate) struct Read {
    pub(crate) evidence: Result<Evidence, Error>,
    pub(crate) commands: usize,
    pub(crate) resets: usize,
}

/// Commands after which nobody holds the card any more.
const PATIENCE: usize = 20_000;

/// Reads a card that may want to be reset.
pub(crate) fn drive(card: &mut dyn VpcdCard, plan: Plan) -> Read {
    let mut session = Session::new(plan, Box::new(SystemEntropy));
    let mut read = Read { evidence: Err(Error::OutOfOrder), commands: 0, resets: 0 };
    while read.commands < PATIENCE {
        let result = match session.next() {
            Ok(Action::Transmit(command)) => {
                read.commands += 1;
                let answer = card.transmit(&command).expect("nobody lifts the card");
                session.feed(&answer)
            }
            Ok(Action::Reset) => {
                read.resets += 1;
                card.reset();
                session.was_reset();
                Ok(())
            }
            Ok(Action::Sign(_)) => {
                session.not_signed();
                Ok(())
            }
            Ok(Action::Done) => {
                read.evidence = session.into_evidence().ok_or(Error::OutOfOrder);
                return read;
            }
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            read.evidence = Err(error);
            return read;
        }
    }
    read
}

/// A card with a portrait of 700 bytes, which a test can read ten thousand times.
pub(crate) struct Small {
    pub(crate) chip: Chip,
    pub(crate) persona: &'static Persona,
    /// The bytes of its signatures.
    signature: usize,
    /// Whether it does chip authentication, and that with GENERAL AUTHENTICATE.
    agrees: Option<bool>,
}

impl Small {
    pub(crate) fn new(persona: &'static Persona, make_id: &str) -> Self {
        Self::issue(persona, make_id, true)
    }

    /// A card that has active authentication only, which is by far the cheaper proof.
    pub(crate) fn active_only(persona: &'static Persona) -> Self {
        Self::issue(persona, "cccd", false)
    }

    fn issue(persona: &'static Persona, make_id: &str, agrees: bool) -> Self {
        let make = super::make(make_id);
        let mut chip = Chip::with_make(persona, Fault::None, make).expect("card");
        let image: Vec<u8> = (0..700u32).map(|n| (n * n % 251) as u8).collect();
        let files = issued(persona, make, Oddity::None, |groups| {
            groups.insert(2, dg2(&image));
            groups.retain(|number, _| agrees || *number != 14);
        });
        put(&mut chip, &files);
        let rsa = persona.active_authentication == ActiveAuthenticationKey::Rsa;
        let by_general_authenticate = !make_id.ends_with("-kat");
        Self { chip, persona, signature: if rsa { 256 } else { 64 }, agrees: agrees.then_some(by_general_authenticate) }
    }

    /// Reads it as a card with these manners.
    pub(crate) fn read(&mut self, manners: Manners, access: AccessPolicy) -> Read {
        self.chip.set_manners(manners);
        drive(&mut self.chip, plan(self.persona, access))
    }

    /// The same, told command by command.
    pub(crate) fn tell(&mut self, manners: Manners, access: AccessPolicy) -> Read {
        self.chip.set_manners(manners);
        let read = drive(&mut Told(&mut self.chip), plan(self.persona, access));
        println!("{access:?}: {} commands, {} resets", read.commands, read.resets);
        read
    }

    /// What is wrong with a read of it.
    pub(crate) fn wrong(&self, read: &Read, manners: &Manners) -> Option<String> {
        wrong(read, [active_proof(manners, self.signature), Some(chip_proof(manners, self.agrees))])
    }
}

/// Whether a card with these manners can make a signature of so many bytes; `None` where that is a matter of when.
fn active_proof(manners: &Manners, signature: usize) -> Option<bool> {
    let can = |extended| makes_signature(manners, signature, extended);
    match manners.extended {
        Extended::Refused(_) if manners.moment == Moment::Always => Some(can(false)),
        Extended::Refused(_) => (can(false) == can(true)).then_some(can(true)),
        Extended::Taken | Extended::AtMost(_) => Some(can(true)),
    }
}

fn makes_signature(manners: &Manners, signature: usize, extended: bool) -> bool {
    // Longer ones do not fit a protected short answer.
    let fits = extended || signature <= 128;
    match manners.active_proof {
        ActiveProof::Works => fits,
        ActiveProof::ExtendedOnly => extended,
        ActiveProof::ShortOnly | ActiveProof::ExactOnly | ActiveProof::InParts | ActiveProof::EmptyOnExtended => true,
        ActiveProof::Truncated(_) | ActiveProof::Refused(_) => false,
    }
}

/// Whether it can agree on keys, if it has one for that. MSE:Set KAT needs no GENERAL AUTHENTICATE.
fn chip_proof(manners: &Manners, agrees: Option<bool>) -> bool {
    agrees.is_some_and(|by_general_authenticate| match manners.chip_proof {
        ChipProof::Refused(0x86, _) => !by_general_authenticate,
        ChipProof::Refused(..) | ChipProof::LostAfter(_) => false,
        ChipProof::Works | ChipProof::IdentifierWanted | ChipProof::IdentifierRefused | ChipProof::ExactLength => true,
    })
}

/// What is wrong with a read of a tolerable card, in a few words: unread, accused, or unproved where the card can prove.
pub(crate) fn wrong(read: &Read, proofs: [Option<bool>; 2]) -> Option<String> {
    let evidence = match &read.evidence {
        Ok(evidence) => evidence,
        Err(error) => return Some(format!("unread: {} ({})", error.code(), emrtd::describe(error))),
    };
    for file in [1, 2, 13, 14, 15].map(FileId::Dg) {
        let reason = evidence.not_read.get(&file).map(String::as_str);
        if evidence.content(file).is_none() && reason != Some("not_in_sod") {
            return Some(format!("unread: {file} {reason:?}"));
        }
    }
    let sod = evidence.content(FileId::Sod).map(judged);
    let verification = evidence.verify_prepared(&TRUST, sod.as_deref(), &Circumstances::now(super::now()));
    if let Some(check) = verification.checks.iter().find(|check| check.outcome == Outcome::Failed) {
        return Some(format!("accused: {} {:?}", check.id, check.reason));
    }
    let word = verification.answers().word();
    let mut proved = false;
    for (id, can) in ["active_authentication", "chip_authentication"].into_iter().zip(proofs) {
        let check = super::check(&verification.checks, id);
        let passed = check.outcome == Outcome::Passed;
        proved |= passed;
        if can.is_some_and(|can| can != passed) {
            return Some(format!("{id}: {:?} {:?}", check.outcome, check.reason));
        }
    }
    let expected = if proved { Word::Proved } else { Word::Unproved };
    (word != expected).then(|| format!("{word:?}"))
}

/// Whether a chip with these manners gives long answers to READ BINARY.
pub(crate) fn answers_long(manners: &Manners) -> bool {
    let extended = matches!(manners.extended, Extended::Taken | Extended::AtMost(4000));
    extended && manners.largest == Largest::Unlimited && manners.parts == Parts::Whole
}

/// Tells the headers of commands and the statuses of answers.
pub(crate) struct Told<'a>(pub(crate) &'a mut Chip);

impl VpcdCard for Told<'_> {
    fn atr(&self) -> Vec<u8> {
        self.0.atr()
    }

    fn reset(&mut self) {
        println!("reset");
        VpcdCard::reset(self.0);
    }

    fn transmit(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        let answer = VpcdCard::transmit(self.0, command)?;
        println!(
            "{} -> {} bytes {}",
            self.0.last_command(),
            answer.len(),
            hex::encode_upper(&answer[answer.len() - 2..])
        );
        Some(answer)
    }
}
