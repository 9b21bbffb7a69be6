//! Time as an argument. This is the only place of the product that reads a clock.

use crate::chain::Class;
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, SystemTime};

/// A source of time.
pub trait Clock: Send + Sync {
    /// Wall clock, seconds since 1970. May be wrong, and may jump.
    fn wall(&self) -> i64;

    /// Time since some fixed point of this process; never goes back. What the machine slept counts: what was to be over by
    /// then is over when it wakes.
    fn monotonic(&self) -> Duration;

    /// How good the wall clock is.
    fn quality(&self) -> Quality {
        Quality::System
    }
}

/// Where the time of the wall clock comes from, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quality {
    /// It is not earlier than this: the system's clock was, and nobody has said what the time is.
    Floor,
    /// The operating system, which may know it from a network or a battery, or not at all.
    System,
    /// A technician said so.
    Operator,
    /// Central signed it in this run.
    Signed,
}

impl Quality {
    /// Its name in events.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::System => "system",
            Self::Operator => "operator",
            Self::Signed => "signed",
        }
    }
}

/// Days that the system's clock may move on at once and still be believed where something is destroyed by it.
pub const LEAP: u32 = 32;

/// A time by which something may be destroyed for good. There is none but by [`Certain::of`]: whatever erases on a clock takes
/// one, so that a clock that stands ten years ahead erases nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Certain(i64);

impl Certain {
    /// A time that central signed or a technician set; the system's clock as long as it has moved on from the day that was
    /// reached before, counted since 1970, by at most [`LEAP`] days. A device that nobody connects goes on by it for years.
    #[must_use]
    pub fn of(reached: u32, at: i64, quality: Quality) -> Option<Self> {
        let certain = match quality {
            Quality::Floor => false,
            Quality::System => Class::D1.epoch(at).saturating_sub(reached) <= LEAP,
            Quality::Operator | Quality::Signed => true,
        };
        certain.then_some(Self(at))
    }

    /// Seconds since 1970.
    #[must_use]
    pub const fn at(self) -> i64 {
        self.0
    }

    /// The day, counted since 1970.
    #[must_use]
    pub fn day(self) -> u32 {
        Class::D1.epoch(self.0)
    }
}

/// The clocks of the operating system.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Duration,
}

impl SystemClock {
    /// Starts counting now.
    #[must_use]
    pub fn new() -> Self {
        Self { start: since_boot() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

/// Not `Instant`, which stands still while the machine is suspended: a time that central signed would then fall behind by
/// a night, and what somebody left open in the evening would still be open in the morning.
fn since_boot() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default()
}

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn wall(&self) -> i64 {
        match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
        }
    }

    fn monotonic(&self) -> Duration {
        since_boot().saturating_sub(self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_900_000_000;
    const DAY: i64 = 86_400;

    #[test]
    fn a_clock_that_jumps_destroys_nothing_and_one_that_goes_on_does_its_work() {
        let reached = Class::D1.epoch(NOW);
        let leap = i64::from(LEAP) * DAY;
        for (after, quality, certain) in [
            (0, Quality::Floor, false),
            (DAY, Quality::Floor, false),
            (DAY, Quality::System, true),
            (leap, Quality::System, true),
            (leap + DAY, Quality::System, false),
            (3650 * DAY, Quality::System, false),
            (3650 * DAY, Quality::Operator, true),
            (3650 * DAY, Quality::Signed, true),
        ] {
            let of = Certain::of(reached, NOW + after, quality);
            assert_eq!(of.map(Certain::at), certain.then_some(NOW + after), "{after} {}", quality.id());
        }
    }
}
