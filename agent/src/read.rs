//! Drives one read: the sans-IO session on one side, a card on the other, a clock and an observer beside them.

use crate::failure::Failure;
use drivers::reader::Card;
use emrtd::secret::Entropy;
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
/// # Errors
/// When the card leaves, refuses or breaks a protocol. A broken read yields no evidence: half a card proves nothing.
pub fn read(
    card: &mut dyn Card,
    mut plan: Plan,
    entropy: Box<dyn Entropy>,
    clock: &dyn Clock,
    observe: &mut dyn FnMut(&Session, Progress),
) -> Result<(Evidence, Cost), Failure> {
    plan.max_response = plan.max_response.min(card.max_response());
    let mut session = Session::new(plan, entropy);
    let mut cost = Cost::default();
    let start = clock.monotonic();
    let mut last = start;
    while let Action::Transmit(command) = session.next()? {
        let phase = session.progress().phase.name();
        let answer = card.transmit(&command)?;
        cost.apdus += 1;
        cost.sent += command.len() as u64;
        cost.received += answer.len() as u64;
        session.feed(&answer)?;
        let now = clock.monotonic();
        cost.add(&phase, now.saturating_sub(last));
        last = now;
        observe(&session, session.progress());
    }
    cost.total = last.saturating_sub(start);
    let evidence = session.into_evidence().ok_or(Error::OutOfOrder)?;
    Ok((evidence, cost))
}
