//! Who may send now, and when the others come again.
//!
//! A fleet that was cut off comes back at once, with everything it recorded meanwhile. Whoever is let in then is answered in
//! time, and whoever is not is told so before it has sent a byte, with the time at which there will be room: each one another.
//! Without that all of them wait for each other, give up, and begin again.
//!
//! Nothing here knows a clock, a network or a thread.

use events::sync::MAX_BATCH;
use program::lock;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What may be under way at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Batches that are looked at at once.
    pub hands: usize,
    /// Bytes of batches, from before they are read until they are answered.
    pub bytes: usize,
    /// How long a batch may wait until it is looked at: older devices hang up after twenty seconds in all.
    pub patience: Duration,
    /// The longest time after which anybody is told to come again.
    pub longest: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { hands: 1, bytes: 40 * 1024 * 1024, patience: Duration::from_secs(15), longest: Duration::from_secs(300) }
    }
}

/// Bytes of an event in a batch before any was measured, and the least and the most that count.
const FIRST_SIZE: usize = 512;
const SIZE: (usize, usize) = (256, 4096);
/// What an event costs a hand before any was measured.
const FIRST_COST: Duration = Duration::from_micros(100);
/// What it costs at least and at most, whatever was measured.
const COST: (Duration, Duration) = (Duration::from_micros(10), Duration::from_millis(20));
/// Nobody is told to come again sooner.
const SHORTEST: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct State {
    bytes: usize,
    events: usize,
    /// Of one event, for one hand.
    cost: Duration,
    /// Bytes of one event.
    size: usize,
    /// Until when there is work for those who were told to come again.
    promised: Duration,
}

/// The queue.
#[derive(Debug)]
pub struct Queue {
    limits: Limits,
    state: Arc<Mutex<State>>,
}

impl Queue {
    /// An empty one.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let state = State { bytes: 0, events: 0, cost: FIRST_COST, size: FIRST_SIZE, promised: Duration::ZERO };
        Self { limits, state: Arc::new(Mutex::new(state)) }
    }

    /// How long a batch may wait until it is looked at.
    #[must_use]
    pub const fn patience(&self) -> Duration {
        self.limits.patience
    }

    /// Bytes and events that are under way, as far as their number is known before they are read.
    #[must_use]
    pub fn under_way(&self) -> (usize, usize) {
        let state = lock(&self.state);
        (state.bytes, state.events)
    }

    /// Lets a device send so many bytes, or says after which time it may ask again.
    ///
    /// # Errors
    /// That time, where there is no room.
    pub fn admit(&self, now: Duration, device: &str, bytes: usize) -> Result<Turn, Duration> {
        let mut state = lock(&self.state);
        let events = bytes.div_ceil(state.size).clamp(1, MAX_BATCH);
        // What waits half as long as anybody's patience will be looked at in time, even if it takes twice as long as it should.
        let most = self.hands_time(self.limits.patience / 2).div_duration(state.cost);
        let room = state.bytes + bytes <= self.limits.bytes && state.events + events <= most;
        if !room && state.events > 0 {
            return Err(self.promise(&mut state, now, device, events));
        }
        state.bytes += bytes;
        state.events += events;
        drop(state);
        Ok(Turn { state: Arc::clone(&self.state), bytes, events })
    }

    /// When a device is to come again whose batch could not be taken.
    #[must_use]
    pub fn again(&self, now: Duration, device: &str) -> Duration {
        self.promise(&mut lock(&self.state), now, device, MAX_BATCH)
    }

    /// Each one gets the time behind the one before, and its own part of some seconds more.
    fn promise(&self, state: &mut State, now: Duration, device: &str, events: usize) -> Duration {
        let takes = |events: usize| {
            let whole = state.cost * u32::try_from(events).unwrap_or(u32::MAX);
            whole / u32::try_from(self.limits.hands.max(1)).unwrap_or(u32::MAX)
        };
        // Those under way go first, but for a reserve that keeps the hands busy.
        let begin = (now + takes(state.events).saturating_sub(SHORTEST)).max(state.promised);
        let end = begin + takes(events);
        let longest = self.limits.longest;
        if end > now + longest {
            // More than anybody reckons with: spread over the whole time.
            state.promised = now + longest;
            return longest / 4 + part(device, longest - longest / 4);
        }
        state.promised = end;
        let wait = (end - now).max(SHORTEST);
        wait + part(device, (wait / 8).max(SHORTEST))
    }

    fn hands_time(&self, time: Duration) -> Duration {
        time * u32::try_from(self.limits.hands.max(1)).unwrap_or(u32::MAX)
    }

    /// Tells how long a hand had a batch.
    pub fn worked(&self, events: usize, bytes: usize, time: Duration) {
        // A few events say more about the rest of the work than about themselves.
        let Some(count) = u32::try_from(events).ok().filter(|events| *events >= 8) else { return };
        let mut state = lock(&self.state);
        state.size = (state.size * 7 + bytes / events) / 8;
        state.size = state.size.clamp(SIZE.0, SIZE.1);
        state.cost = (state.cost * 7 + time / count) / 8;
        state.cost = state.cost.clamp(COST.0, COST.1);
    }
}

/// The part of a time that is this device's own.
fn part(device: &str, whole: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    device.hash(&mut hasher);
    let share = u32::try_from(hasher.finish() >> 48).unwrap_or_default();
    whole * share / (1 << 16)
}

/// How often a duration has room in another.
trait Times {
    fn div_duration(self, each: Duration) -> usize;
}

impl Times for Duration {
    fn div_duration(self, each: Duration) -> usize {
        usize::try_from(self.as_nanos() / each.as_nanos().max(1)).unwrap_or(usize::MAX)
    }
}

/// Room in the queue, free again when nobody has this any more.
#[derive(Debug)]
pub struct Turn {
    state: Arc<Mutex<State>>,
    bytes: usize,
    events: usize,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        state.bytes -= self.bytes;
        state.events -= self.events;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> Queue {
        Queue::new(Limits { bytes: 1000, ..Limits::default() })
    }

    #[test]
    fn bytes_are_let_in_until_there_are_enough_and_come_back() {
        let queue = queue();
        let first = queue.admit(Duration::ZERO, "a", 600).expect("room");
        assert!(queue.admit(Duration::ZERO, "b", 600).is_err());
        assert_eq!(queue.under_way(), (600, 2));
        drop(first);
        assert_eq!(queue.under_way(), (0, 0));
        let _large = queue.admit(Duration::ZERO, "b", 5000).expect("whoever is alone has room, however much it is");
    }

    #[test]
    fn events_are_let_in_for_as_long_as_they_are_looked_at_in_time() {
        let queue = Queue::new(Limits { patience: Duration::from_secs(2), ..Limits::default() });
        for _ in 0..100 {
            queue.worked(500, 500 * 600, Duration::from_millis(500));
        }
        // A millisecond each: a thousand in the half of two seconds.
        let all: Vec<_> = (0..5).filter_map(|_| queue.admit(Duration::ZERO, "a", 500 * 600).ok()).collect();
        assert_eq!(all.len(), 2);
    }

    #[test]
    fn whoever_is_sent_away_comes_again_one_after_the_other_and_within_minutes() {
        let queue = queue();
        let _turn = queue.admit(Duration::ZERO, "a", 1000).expect("room");
        let waits: Vec<Duration> =
            (0..20_000).filter_map(|n| queue.admit(Duration::ZERO, &format!("kiosk-{n}"), 200_000).err()).collect();
        assert_eq!(waits.len(), 20_000);
        assert!(waits[0] < Duration::from_secs(3) && waits[100] > Duration::from_secs(4), "{:?}", &waits[..3]);
        assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(340) && *wait >= SHORTEST));
        // What is beyond reckoning does not come back at one time.
        let late = &waits[10_000..];
        let in_a_minute = late.iter().filter(|wait| (100..160).contains(&wait.as_secs())).count();
        assert!((2200..3200).contains(&in_a_minute), "{in_a_minute} of 10,000");
    }
}
