//! When to send. At-least-once: a batch is sent until a receipt covers it; central stores each event once.

use events::sync::{Receipt, Refusal};
use std::time::Duration;

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Central stored it.
    Receipt(Receipt),
    /// Central refused it.
    Refusal(Refusal),
    /// No answer that can be understood: network, TLS, a proxy.
    Unreachable {
        /// What the server asked for in Retry-After.
        retry_after: Option<Duration>,
    },
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send the next pending events.
    Send,
    /// Nothing before this point of the monotonic clock.
    WaitUntil(Duration),
    /// Nothing until an event is appended.
    Idle,
}

/// What to note in the outbox after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// Central has everything up to here.
    Acknowledged(u64),
    /// Nothing.
    Nothing,
}

const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// The state of the uplink.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    failures: u32,
    not_before: Duration,
    /// The last refusal, until something is accepted again.
    pub refusal: Option<Refusal>,
}

impl Machine {
    /// What to do at `now` when `pending` says whether events wait.
    #[must_use]
    pub fn next(&self, now: Duration, pending: bool) -> Step {
        match (pending, now < self.not_before) {
            (false, _) => Step::Idle,
            (true, true) => Step::WaitUntil(self.not_before),
            (true, false) => Step::Send,
        }
    }

    /// Takes the answer to a batch. `jitter` in 0..=255 spreads devices that failed together.
    pub fn feed(&mut self, now: Duration, jitter: u8, answer: Answer) -> Note {
        match answer {
            Answer::Receipt(receipt) => {
                *self = Self::default();
                Note::Acknowledged(receipt.committed)
            }
            Answer::Refusal(refusal) => {
                // A chain that central knows otherwise: go on from where it stands.
                let resume = (refusal.code == "event_sequence").then_some(refusal.committed).flatten();
                self.wait(now, jitter, None);
                self.refusal = Some(refusal);
                resume.map_or(Note::Nothing, Note::Acknowledged)
            }
            Answer::Unreachable { retry_after } => {
                self.wait(now, jitter, retry_after);
                Note::Nothing
            }
        }
    }

    /// Exponential, between half and all of the step, and never longer than [`LONGEST_WAIT`] even if asked.
    fn wait(&mut self, now: Duration, jitter: u8, asked: Option<Duration>) {
        let step = FIRST_WAIT.saturating_mul(1 << self.failures.min(12)).min(LONGEST_WAIT);
        self.failures += 1;
        let spread = step / 2 + (step / 2) * u32::from(jitter) / 255;
        self.not_before = now + asked.unwrap_or_default().min(LONGEST_WAIT).max(spread);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(committed: u64) -> Answer {
        Answer::Receipt(Receipt { device: "d".to_owned(), committed, head: String::new(), at: 0 })
    }

    fn refusal(code: &str, committed: Option<u64>) -> Answer {
        let (message, remedy) = (String::new(), String::new());
        Answer::Refusal(Refusal { code: code.to_owned(), message, remedy, committed })
    }

    #[test]
    fn it_waits_longer_after_each_failure_but_not_for_ever() {
        let mut machine = Machine::default();
        let mut now = Duration::ZERO;
        let mut waits = Vec::new();
        for _ in 0..20 {
            machine.feed(now, 255, Answer::Unreachable { retry_after: None });
            let Step::WaitUntil(then) = machine.next(now, true) else { panic!("it waits") };
            waits.push(then - now);
            now = then;
            assert_eq!(machine.next(now, true), Step::Send);
        }
        assert_eq!(waits[0], FIRST_WAIT);
        assert!(waits.windows(2).all(|w| w[0] <= w[1]));
        assert_eq!(waits[19], LONGEST_WAIT);
        assert_eq!(machine.feed(now, 0, receipt(7)), Note::Acknowledged(7));
        assert_eq!(machine.next(now, true), Step::Send);
        assert_eq!(machine.next(now, false), Step::Idle);
    }

    #[test]
    fn retry_after_is_obeyed_within_reason() {
        let mut machine = Machine::default();
        machine.feed(Duration::ZERO, 0, Answer::Unreachable { retry_after: Some(Duration::from_secs(60)) });
        assert_eq!(machine.next(Duration::ZERO, true), Step::WaitUntil(Duration::from_secs(60)));
        machine.feed(Duration::ZERO, 0, Answer::Unreachable { retry_after: Some(Duration::from_secs(1_000_000)) });
        assert_eq!(machine.next(Duration::ZERO, true), Step::WaitUntil(LONGEST_WAIT));
    }

    #[test]
    fn a_central_that_stands_elsewhere_is_followed() {
        let mut machine = Machine::default();
        assert_eq!(machine.feed(Duration::ZERO, 0, refusal("event_sequence", Some(3))), Note::Acknowledged(3));
        assert_eq!(machine.feed(Duration::ZERO, 0, refusal("event_fork", Some(3))), Note::Nothing);
        assert_eq!(machine.refusal.as_ref().map(|r| r.code.as_str()), Some("event_fork"));
        assert!(matches!(machine.next(Duration::ZERO, true), Step::WaitUntil(_)), "a refusal is not hammered");
    }
}
