//! The next step, and what its outcome changes. Every step leaves a [`State`] that is written before the next one is
//! taken; cut at any point, the device goes on from the last state, and each step may be taken twice.
//!
//! ```text
//!            no keys            no credential             answer               tried             central answered
//! MakeKeys ──────────→ Ask(way) ───────────→ Send ───────────→ Try ───────────→ current ───────────→ Forget(previous)
//!                                              ↑  refused, away: later                │ half of its life is over
//!                                              └──────────────────────────────────────┘
//! ```

use crate::state::{Credential, Place, State, Underway};
use events::sync::Refusal;
use fleet::renewal;
use fleet::request::Way;
use std::time::Duration;

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make a key with this label, unless it is there.
    MakeKey(&'static str),
    /// Choose a nonce for a request.
    Ask(Way),
    /// Send the request that is under way.
    Send,
    /// Connect with what was issued.
    Try,
    /// Connect with what is used; then what was used before is forgotten, with its key.
    Confirm,
    /// Nothing before this time of the wall clock.
    Rest {
        /// Seconds since 1970.
        until: i64,
    },
}

/// What became of a request.
#[derive(Debug)]
pub enum Outcome {
    /// It was answered: what was issued, where the device belongs, the roots from now on (PEM), and a time that is past.
    Issued {
        /// The credential.
        credential: Credential,
        /// Where it belongs.
        place: Place,
        /// PEM.
        roots: String,
        /// Seconds since 1970.
        at: i64,
    },
    /// A technician has to confirm it.
    Pending(Option<Duration>),
    /// Central refused it.
    Refused(Refusal),
    /// Central cannot be reached.
    Unreachable(Option<Duration>),
}

/// Which keys are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Present {
    /// The birth key.
    pub birth: bool,
    /// The event key.
    pub event: bool,
}

/// The next step of a device at `now`. `first` is the way in for one that has no certificate yet.
#[must_use]
pub fn next(state: &State, present: Present, first: Way, now: i64) -> Step {
    if !present.birth {
        return Step::MakeKey("birth");
    }
    if !present.event {
        return Step::MakeKey("event");
    }
    if state.next.is_some() {
        return Step::Try;
    }
    if let Some(underway) = &state.underway {
        // What expired while it was asked for is asked for in another way.
        if underway.way == Way::Renewal && state.current.as_ref().is_some_and(|current| now >= current.not_after) {
            return Step::Ask(Way::Grace);
        }
        return Step::Send;
    }
    let Some(current) = &state.current else { return Step::Ask(first) };
    if now >= current.not_after {
        return Step::Ask(Way::Grace);
    }
    if state.previous.is_some() {
        return Step::Confirm;
    }
    let name = state.place.as_ref().map_or("", |place| place.device.as_str());
    let due = renewal::due(name, current.not_before, current.not_after);
    if now >= due { Step::Ask(Way::Renewal) } else { Step::Rest { until: due } }
}

impl State {
    /// Begins a request.
    pub fn ask(&mut self, way: Way, nonce: [u8; 16]) {
        let key = match (way, &self.current) {
            // The key that expired is the proof.
            (Way::Grace, Some(current)) => current.key.clone(),
            _ => self.free_label().to_owned(),
        };
        self.underway =
            Some(Underway { way, key, nonce: hex::encode(nonce), failures: 0, refused: None, waiting: false });
    }

    /// Takes the outcome of a request; how long to wait before the next step.
    pub fn sent(&mut self, outcome: Outcome, jitter: u8) -> Duration {
        let Some(underway) = &mut self.underway else { return Duration::ZERO };
        match outcome {
            Outcome::Issued { credential, place, roots, at } => {
                self.next = Some(credential);
                self.place = Some(place);
                self.roots = roots;
                self.floor = self.floor.max(at);
                (underway.failures, underway.refused, underway.waiting) = (0, None, false);
                Duration::ZERO
            }
            Outcome::Pending(asked) => {
                (underway.failures, underway.refused, underway.waiting) = (0, None, true);
                // Somebody stands before the screen.
                asked.unwrap_or(Duration::from_secs(5)).min(Duration::from_secs(60))
            }
            Outcome::Refused(refusal) => {
                let wait = renewal::wait(underway.failures, jitter, None);
                underway.failures = underway.failures.saturating_add(1);
                (underway.refused, underway.waiting) = (Some(refusal.code), false);
                wait
            }
            Outcome::Unreachable(asked) => {
                let wait = renewal::wait(underway.failures, jitter, asked);
                underway.failures = underway.failures.saturating_add(1);
                wait
            }
        }
    }

    /// What was issued works: it is used from now on.
    pub fn promote(&mut self) {
        if let Some(next) = self.next.take() {
            let before = self.current.replace(next);
            // After a grace the key is the same, and must not be forgotten.
            let same = before.as_ref().map(|old| &old.key) == self.current.as_ref().map(|new| &new.key);
            self.previous = before.filter(|_| !same);
            self.underway = None;
        }
    }

    /// What was issued does not work: it is asked for again, with the same key.
    pub fn reject(&mut self, code: &str, jitter: u8) -> Duration {
        self.next = None;
        let Some(underway) = &mut self.underway else { return Duration::ZERO };
        underway.refused = Some(code.to_owned());
        let wait = renewal::wait(underway.failures, jitter, None);
        underway.failures = underway.failures.saturating_add(1);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;
    const ALL: Present = Present { birth: true, event: true };

    fn credential(key: &str, from: i64, days: i64) -> Credential {
        let end = from + days * DAY;
        Credential { key: key.to_owned(), certificate: String::new(), not_before: from, not_after: end }
    }

    fn place() -> Place {
        let text = str::to_owned;
        let (device, site, central) = (text("d"), text("s"), text("https://c"));
        Place { device, site, central, profile: text("p"), environment: text("e"), operators: Vec::new() }
    }

    fn issued(key: &str, at: i64) -> Outcome {
        Outcome::Issued { credential: credential(key, at, 90), place: place(), roots: "r".to_owned(), at }
    }

    #[test]
    fn from_nothing_to_a_credential_and_its_renewal() {
        let mut state = State::new("SN", "m", "https://c", None);
        let none = Present { birth: false, event: false };
        assert_eq!(next(&state, none, Way::Qr, 0), Step::MakeKey("birth"));
        assert_eq!(next(&state, Present { birth: true, event: false }, Way::Qr, 0), Step::MakeKey("event"));
        assert_eq!(next(&state, ALL, Way::Qr, 0), Step::Ask(Way::Qr));
        state.ask(Way::Qr, [1; 16]);
        assert_eq!(next(&state, ALL, Way::Qr, 0), Step::Send);
        assert_eq!(state.sent(Outcome::Pending(Some(Duration::from_secs(3))), 0), Duration::from_secs(3));
        assert_eq!(next(&state, ALL, Way::Qr, 0), Step::Send);
        state.sent(issued("tls-a", 1000), 0);
        assert_eq!((next(&state, ALL, Way::Qr, 1000), state.floor), (Step::Try, 1000));
        state.promote();
        let Step::Rest { until } = next(&state, ALL, Way::Qr, 1000) else { panic!("it rests") };
        assert!((1000 + 45 * DAY..=1000 + 68 * DAY).contains(&until));
        assert_eq!(next(&state, ALL, Way::Qr, until), Step::Ask(Way::Renewal));
        state.ask(Way::Renewal, [2; 16]);
        assert_eq!(state.underway.as_ref().map(|u| u.key.as_str()), Some("tls-b"), "the other slot");
        state.sent(issued("tls-b", until), 0);
        assert_eq!(state.current.as_ref().map(|c| c.key.as_str()), Some("tls-a"), "not before it was tried");
        state.promote();
        assert_eq!(next(&state, ALL, Way::Qr, until), Step::Confirm);
        assert_eq!(state.previous.as_ref().map(|c| c.key.as_str()), Some("tls-a"));
    }

    #[test]
    fn an_answer_does_not_lower_the_floor_of_the_clock() {
        let mut state = State { floor: 5000, ..State::default() };
        state.ask(Way::Qr, [1; 16]);
        state.sent(issued("tls-a", 1000), 0);
        assert_eq!(state.floor, 5000);
        state.promote();
        assert_eq!(state.not_earlier_than(), 5000);
        state.current = Some(credential("tls-a", 7000, 90));
        assert_eq!(state.not_earlier_than(), 7000, "its certificate began");
    }

    #[test]
    fn what_expired_is_asked_for_with_its_own_key() {
        let mut state = State { current: Some(credential("tls-b", 0, 90)), place: Some(place()), ..State::default() };
        assert_eq!(next(&state, ALL, Way::Qr, 500 * DAY), Step::Ask(Way::Grace));
        state.ask(Way::Renewal, [0; 16]);
        assert_eq!(next(&state, ALL, Way::Qr, 500 * DAY), Step::Ask(Way::Grace), "also when it expired meanwhile");
        state.ask(Way::Grace, [1; 16]);
        state.sent(issued("tls-b", 500 * DAY), 0);
        state.promote();
        assert_eq!((state.previous.as_ref(), state.current.as_ref().map(|c| c.key.as_str())), (None, Some("tls-b")));
    }

    #[test]
    fn failures_change_nothing_but_the_waiting() {
        let mut state = State { current: Some(credential("tls-a", 0, 90)), place: Some(place()), ..State::default() };
        state.ask(Way::Renewal, [0; 16]);
        let before = state.clone();
        let mut last = Duration::ZERO;
        for _ in 0..40 {
            let wait = state.sent(Outcome::Unreachable(None), 255);
            assert!(wait >= last);
            last = wait;
        }
        assert_eq!(last, Duration::from_secs(6 * 3600));
        let refusal = Refusal { code: "x".into(), message: String::new(), remedy: String::new(), committed: None };
        state.sent(Outcome::Refused(refusal), 0);
        assert_eq!((&state.current, &state.next), (&before.current, &before.next));
        assert_eq!(next(&state, ALL, Way::Qr, DAY), Step::Send, "for ever");
    }
}
