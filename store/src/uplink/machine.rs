//! When to send, and how much. At-least-once: a batch is sent until a receipt covers it; central stores each event once.
//!
//! A batch is as large as the line carries in some seconds: it is halved when it took too long, and doubled when it did not. After
//! an outage of more than half a minute devices come back spread over minutes, whoever else comes back with them.

use events::sync::{MAX_BATCH, Receipt, Refusal};
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
    /// The line or central was too slow for a batch of this size.
    TimedOut,
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
/// After so many failures in a row, half a minute, it is an outage, and others have it too.
const OUTAGE: u32 = 6;
/// The first batch: what a thin line carries in some seconds, since nobody knows yet what it is.
const FIRST_BATCH: usize = 64;
/// A batch that took less may be larger.
const QUICK: Duration = Duration::from_secs(2);
/// A batch that took more is too large: as long as it comes it takes room at central from others.
const SLOW: Duration = Duration::from_secs(5);

/// The state of the uplink.
#[derive(Debug, Clone)]
pub struct Machine {
    failures: u32,
    not_before: Duration,
    batch: usize,
    sent: Option<Duration>,
    /// The last refusal, until something is accepted again.
    pub refusal: Option<Refusal>,
}

impl Default for Machine {
    fn default() -> Self {
        Self { failures: 0, not_before: Duration::ZERO, batch: FIRST_BATCH, sent: None, refusal: None }
    }
}

impl Machine {
    /// How many events the next batch has at most.
    #[must_use]
    pub const fn batch(&self) -> usize {
        self.batch
    }

    /// A batch is being sent.
    pub const fn sending(&mut self, now: Duration) {
        self.sent = Some(now);
    }

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
        let took = self.sent.take().map_or(Duration::ZERO, |sent| now.saturating_sub(sent));
        match answer {
            Answer::Receipt(receipt) => {
                self.fit(took);
                *self = Self { batch: self.batch, ..Self::default() };
                Note::Acknowledged(receipt.committed)
            }
            Answer::Refusal(refusal) if matches!(refusal.code.as_str(), "body_late" | "body_too_large") => {
                self.shrink();
                self.wait(now, jitter);
                self.refusal = Some(refusal);
                Note::Nothing
            }
            Answer::Refusal(refusal) => {
                // What cannot be read is passed over with what stands behind it in the same batch.
                self.fit(took);
                // A chain that central knows otherwise: go on from where it stands.
                let resume = (refusal.code == "event_sequence").then_some(refusal.committed).flatten();
                self.wait(now, jitter);
                self.refusal = Some(refusal);
                resume.map_or(Note::Nothing, Note::Acknowledged)
            }
            // Central is there and says when: that is no failure, and each device is told another time.
            Answer::Unreachable { retry_after: Some(asked) } => {
                let asked = asked.clamp(FIRST_WAIT, LONGEST_WAIT);
                let spread = (LONGEST_WAIT - asked).min(asked / 8) * u32::from(jitter) / 255;
                self.not_before = now + asked + spread;
                Note::Nothing
            }
            Answer::Unreachable { retry_after: None } => {
                self.wait(now, jitter);
                Note::Nothing
            }
            Answer::TimedOut => {
                self.shrink();
                self.wait(now, jitter);
                Note::Nothing
            }
        }
    }

    fn shrink(&mut self) {
        self.batch = (self.batch / 2).max(1);
    }

    fn fit(&mut self, took: Duration) {
        if took > SLOW {
            self.shrink();
        } else if took < QUICK {
            self.batch = (self.batch * 2).min(MAX_BATCH);
        }
    }

    /// Exponential, between half and all of the step; in an outage steps of minutes, and between a tenth and all of one.
    fn wait(&mut self, now: Duration, jitter: u8) {
        let (step, least) = if self.failures < OUTAGE {
            let step = FIRST_WAIT * (1 << self.failures);
            (step, step / 2)
        } else {
            let step = LONGEST_WAIT.min(Duration::from_secs(120) * (1 << (self.failures - OUTAGE).min(2)));
            (step, step / 10)
        };
        self.failures = self.failures.saturating_add(1);
        self.not_before = now + least + (step - least) * u32::from(jitter) / 255;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(committed: u64) -> Answer {
        Answer::Receipt(Receipt {
            device: "d".to_owned(),
            committed,
            head: String::new(),
            at: 0,
            refused: Vec::new(),
            log: None,
        })
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

    #[test]
    fn after_an_outage_devices_come_back_over_minutes() {
        let down = |jitter| {
            let (mut machine, mut now) = (Machine::default(), Duration::ZERO);
            for _ in 0..=OUTAGE {
                machine.feed(now, jitter, Answer::Unreachable { retry_after: None });
                let Step::WaitUntil(then) = machine.next(now, true) else { panic!("it waits") };
                now = then;
            }
            now
        };
        let first = down(0).as_secs();
        assert!(first < 30 && down(255).as_secs() - first > 110, "{first}");
    }

    #[test]
    fn an_answer_that_says_when_is_no_failure() {
        let mut machine = Machine::default();
        for _ in 0..20 {
            machine.feed(Duration::ZERO, 0, Answer::Unreachable { retry_after: Some(Duration::from_secs(4)) });
        }
        assert_eq!(machine.next(Duration::ZERO, true), Step::WaitUntil(Duration::from_secs(4)));
        machine.feed(Duration::ZERO, 255, Answer::Unreachable { retry_after: Some(Duration::from_secs(16)) });
        assert_eq!(machine.next(Duration::ZERO, true), Step::WaitUntil(Duration::from_secs(18)), "and its own part");
    }

    #[test]
    fn a_thin_line_gets_batches_that_it_carries() {
        // 690 bytes an event; requests end after a minute and what 2 KiB a second take.
        for bytes_in_a_second in [100_u64, 1_000, 12_500, 1_000_000] {
            let (mut machine, mut now, mut left, mut sends) = (Machine::default(), Duration::ZERO, 3_000_usize, 0);
            while left > 0 {
                match machine.next(now, true) {
                    Step::WaitUntil(then) => now = then,
                    Step::Idle => panic!("events wait"),
                    Step::Send => {
                        sends += 1;
                        assert!(sends < 3_200, "{left} left at {bytes_in_a_second} a second");
                        let count = machine.batch().min(left);
                        let bytes = count as u64 * 690;
                        let (takes, most) = (bytes * 1000 / bytes_in_a_second, 60_000 + bytes * 1000 / 2048);
                        machine.sending(now);
                        now += Duration::from_millis(takes.min(most));
                        if takes > most {
                            machine.feed(now, 128, Answer::TimedOut);
                        } else {
                            left -= count;
                            machine.feed(now, 128, receipt(0));
                        }
                    }
                }
            }
            assert!(bytes_in_a_second < 1_000_000 || sends == 9, "a good line gets whole batches: {sends}");
        }
    }

    #[test]
    fn a_refusal_of_one_event_lets_the_batch_grow_until_another_stands_behind_it() {
        let mut machine = Machine { batch: 1, ..Machine::default() };
        for _ in 0..9 {
            machine.feed(Duration::ZERO, 0, refusal("event_signature", Some(3)));
        }
        assert_eq!(machine.batch(), MAX_BATCH);
        machine.feed(Duration::ZERO, 0, refusal("body_late", None));
        assert_eq!(machine.batch(), MAX_BATCH / 2);
    }
}
