//! Drives one read: the sans-IO session on one side, a card on the other, a clock and an observer beside them.

use crate::failure::Failure;
use drivers::reader::{Card, Reader, ReaderError};
use emrtd::apdu::StatusWord;
use emrtd::secret::SystemEntropy;
use emrtd::secure_messaging::SecureMessagingError;
use emrtd::session::{Action, Plan, Progress, Session};
use emrtd::{Error, Evidence};
use events::Clock;
use std::time::Duration;

/// What a read cost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cost {
    /// Time per phase, in the order of first appearance.
    pub phases: Vec<(String, Duration)>,
    /// From the first command to the last answer.
    pub total: Duration,
    /// Command and response pairs.
    pub apdus: u32,
    /// Bytes to the card.
    pub sent: u64,
    /// Bytes from the card.
    pub received: u64,
    /// How often the card was lifted and put back.
    pub interruptions: u32,
}

impl Cost {
    fn add(&mut self, phase: &str, time: Duration) {
        match self.phases.iter_mut().find(|(name, _)| name == phase) {
            Some((_, sum)) => *sum += time,
            None => self.phases.push((phase.to_owned(), time)),
        }
    }
}

/// Reads a card on a reader according to the plan. `observe` is told after every answer where the read stands.
///
/// - A card that is lifted may be put back within `patience`: the read goes on where it stopped. `on_lifted` is told,
///   so that the person can be asked.
/// - Some chips announce extended length and then break off the session with a bare `6700` when they meet it: the
///   read is then started anew, once, with short APDUs.
///
/// # Errors
/// When the card stays away, refuses or breaks a protocol. A broken read yields no evidence: half a card proves
/// nothing.
pub fn read(
    reader: &mut dyn Reader,
    mut card: Box<dyn Card>,
    mut plan: Plan,
    clock: &dyn Clock,
    hooks: &mut Hooks<'_>,
) -> Result<(Evidence, Cost), Failure> {
    plan.max_response = plan.max_response.min(card.max_response());
    let mut cost = Cost::default();
    let start = clock.monotonic();
    let mut session = Session::new(plan.clone(), Box::new(SystemEntropy));
    let evidence = loop {
        match attempt(&mut *card, &mut session, clock, hooks.observe, &mut cost) {
            Ok(()) => break session.into_evidence().ok_or(Error::OutOfOrder)?,
            Err(Stopped::Chip(error)) if plan.max_response > SHORT && is_length_refusal(&error) => {
                plan.max_response = SHORT;
                card.reset()?;
                session = Session::new(plan.clone(), Box::new(SystemEntropy));
            }
            Err(Stopped::Chip(error)) => return Err(error.into()),
            Err(Stopped::Reader(ReaderError::CardLifted))
                if !hooks.patience.is_zero() && cost.interruptions < MOST_INTERRUPTIONS =>
            {
                drop(card);
                (hooks.on_lifted)();
                card = match reader.wait_for_card(hooks.patience) {
                    Err(ReaderError::NoCard) => return Err(ReaderError::CardLifted.into()),
                    card => card?,
                };
                let entropy = Box::new(SystemEntropy);
                session = match session.interrupt() {
                    Some(interrupted) => Session::resume(plan.clone(), entropy, interrupted),
                    None => Session::new(plan.clone(), entropy),
                };
                cost.interruptions += 1;
            }
            Err(Stopped::Reader(error)) => return Err(error.into()),
        }
    };
    cost.total = clock.monotonic().saturating_sub(start);
    Ok((evidence, cost))
}

/// Who is told of what while a card is read.
pub struct Hooks<'a> {
    /// How long a lifted card may stay away; zero ends the read at once.
    pub patience: Duration,
    /// After every answer of the card.
    pub observe: &'a mut dyn FnMut(&Session, Progress),
    /// When the card was lifted.
    pub on_lifted: &'a mut dyn FnMut(),
}

impl std::fmt::Debug for Hooks<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hooks({:?})", self.patience)
    }
}

/// The most response bytes of a short APDU.
const SHORT: u32 = 256;

/// More lifts than this are a card that does not lie well: better to say so and start again.
const MOST_INTERRUPTIONS: u32 = 5;

/// A bare `6700` inside a session.
fn is_length_refusal(error: &Error) -> bool {
    matches!(error, Error::SecureMessaging(SecureMessagingError::Unprotected(StatusWord::WRONG_LENGTH)))
}

enum Stopped {
    Chip(Error),
    Reader(ReaderError),
}

fn attempt(
    card: &mut dyn Card,
    session: &mut Session,
    clock: &dyn Clock,
    observe: &mut dyn FnMut(&Session, Progress),
    cost: &mut Cost,
) -> Result<(), Stopped> {
    let mut last = clock.monotonic();
    while let Action::Transmit(command) = session.next().map_err(Stopped::Chip)? {
        let phase = session.progress().phase.name();
        let answer = card.transmit(&command).map_err(Stopped::Reader)?;
        cost.apdus += 1;
        cost.sent += command.len() as u64;
        cost.received += answer.len() as u64;
        session.feed(&answer).map_err(Stopped::Chip)?;
        let now = clock.monotonic();
        cost.add(&phase, now.saturating_sub(last));
        last = now;
        observe(session, session.progress());
    }
    Ok(())
}
