//! Drives one read: the sans-IO session on one side, a card on the other, a clock and an observer beside them.

use crate::failure::Failure;
use drivers::reader::{Card, ReaderError};
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
}

impl Cost {
    fn add(&mut self, phase: &str, time: Duration) {
        match self.phases.iter_mut().find(|(name, _)| name == phase) {
            Some((_, sum)) => *sum += time,
            None => self.phases.push((phase.to_owned(), time)),
        }
    }
}

/// Reads the card according to the plan. `observe` is told after every answer where the read stands.
///
/// Some chips announce extended length and then break off the session with a bare `6700` when they meet it: the
/// read is then started anew, once, with short APDUs.
///
/// # Errors
/// When the card leaves, refuses or breaks a protocol. A broken read yields no evidence: half a card proves nothing.
pub fn read(
    card: &mut dyn Card,
    mut plan: Plan,
    clock: &dyn Clock,
    observe: &mut dyn FnMut(&Session, Progress),
) -> Result<(Evidence, Cost), Failure> {
    plan.max_response = plan.max_response.min(card.max_response());
    let mut cost = Cost::default();
    let start = clock.monotonic();
    let evidence = match attempt(card, plan.clone(), clock, observe, &mut cost) {
        Err(Interrupted::Chip(error)) if plan.max_response > SHORT && is_length_refusal(&error) => {
            plan.max_response = SHORT;
            card.reset()?;
            attempt(card, plan, clock, observe, &mut cost)
        }
        result => result,
    };
    cost.total = clock.monotonic().saturating_sub(start);
    match evidence {
        Ok(evidence) => Ok((evidence, cost)),
        Err(Interrupted::Chip(error)) => Err(error.into()),
        Err(Interrupted::Reader(error)) => Err(error.into()),
    }
}

/// The most response bytes of a short APDU.
const SHORT: u32 = 256;

/// A bare `6700` inside a session.
fn is_length_refusal(error: &Error) -> bool {
    matches!(error, Error::SecureMessaging(SecureMessagingError::Unprotected(StatusWord::WRONG_LENGTH)))
}

enum Interrupted {
    Chip(Error),
    Reader(ReaderError),
}

fn attempt(
    card: &mut dyn Card,
    plan: Plan,
    clock: &dyn Clock,
    observe: &mut dyn FnMut(&Session, Progress),
    cost: &mut Cost,
) -> Result<Evidence, Interrupted> {
    let mut session = Session::new(plan, Box::new(SystemEntropy));
    let mut last = clock.monotonic();
    while let Action::Transmit(command) = session.next().map_err(Interrupted::Chip)? {
        let phase = session.progress().phase.name();
        let answer = card.transmit(&command).map_err(Interrupted::Reader)?;
        cost.apdus += 1;
        cost.sent += command.len() as u64;
        cost.received += answer.len() as u64;
        session.feed(&answer).map_err(Interrupted::Chip)?;
        let now = clock.monotonic();
        cost.add(&phase, now.saturating_sub(last));
        last = now;
        observe(&session, session.progress());
    }
    session.into_evidence().ok_or(Interrupted::Chip(Error::OutOfOrder))
}
