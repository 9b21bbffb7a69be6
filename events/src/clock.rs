//! Time as an argument. This is the only place of the product that reads a clock.

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
