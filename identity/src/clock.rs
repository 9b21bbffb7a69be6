//! Time on a device without a battery for its clock.
//!
//! Until central has signed the time in this run, the clock shows what the system's says, but never less than a floor:
//! the build of the software, the last signed time, the begin of its own certificate. After that it counts on from the
//! signed time, whatever the system's clock does. A signed time may also take a floor back, as a clock that once stood in
//! the far future must not spoil all that follows.

use events::{Clock, Quality};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// When this software was built, or 0: the system's clock cannot be earlier.
#[must_use]
pub fn built_after() -> i64 {
    env!("CCCD_BUILT_AFTER").parse().unwrap_or_default()
}

/// Seconds by which the system's clock may drift from the steady one between two looks.
const DRIFT: i64 = 5;

#[derive(Debug)]
struct Inner {
    floor: i64,
    /// Where the steady clock stood when the floor was taken as the time.
    floor_since: Duration,
    /// Steady time, wall time and where from.
    anchor: Option<(Duration, i64, Quality)>,
    /// The last look at the system's clocks.
    look: (Duration, i64),
}

/// The clock that everything on a device uses.
pub struct TrustedClock {
    system: Arc<dyn Clock>,
    inner: Mutex<Inner>,
}

impl std::fmt::Debug for TrustedClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TrustedClock({}, {})", self.wall(), self.quality().id())
    }
}

/// The system's clock jumped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jump {
    /// What it should have said.
    pub from: i64,
    /// What it says.
    pub to: i64,
}

impl TrustedClock {
    /// Over the system's clocks, with what is known of the past.
    #[must_use]
    pub fn new(system: Arc<dyn Clock>, floor: i64) -> Self {
        Self::without_build_time(system, floor.max(built_after()))
    }

    /// The same, where nothing is known of the software's own age.
    #[must_use]
    pub fn without_build_time(system: Arc<dyn Clock>, floor: i64) -> Self {
        let look = (system.monotonic(), system.wall());
        let inner = Inner { floor, floor_since: look.0, anchor: None, look };
        Self { system, inner: Mutex::new(inner) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the time from central (`Signed`) or from a technician (`Operator`). What central signed in this run is not
    /// replaced by what a technician says.
    pub fn set(&self, at: i64, quality: Quality) {
        let now = self.system.monotonic();
        let mut inner = self.inner();
        if inner.anchor.is_some_and(|(_, _, known)| known > quality) {
            return;
        }
        inner.anchor = Some((now, at, quality));
        (inner.floor, inner.floor_since) = (at, now);
    }

    /// Raises the floor.
    pub fn not_before(&self, at: i64) {
        let now = self.system.monotonic();
        let mut inner = self.inner();
        if at > inner.floor {
            (inner.floor, inner.floor_since) = (at, now);
        }
    }

    /// Whether the system's clock jumped since the last look.
    #[must_use]
    pub fn look(&self) -> Option<Jump> {
        let (steady, wall) = (self.system.monotonic(), self.system.wall());
        let mut inner = self.inner();
        let passed = i64::try_from(steady.saturating_sub(inner.look.0).as_secs()).unwrap_or(i64::MAX);
        let from = inner.look.1.saturating_add(passed);
        inner.look = (steady, wall);
        (from.abs_diff(wall) > DRIFT.unsigned_abs()).then_some(Jump { from, to: wall })
    }
}

fn later(from: i64, since: Duration, now: Duration) -> i64 {
    from.saturating_add(i64::try_from(now.saturating_sub(since).as_secs()).unwrap_or(i64::MAX))
}

impl Clock for TrustedClock {
    fn wall(&self) -> i64 {
        let (now, inner) = (self.system.monotonic(), self.inner());
        match inner.anchor {
            Some((since, at, _)) => later(at, since, now),
            None => self.system.wall().max(later(inner.floor, inner.floor_since, now)),
        }
    }

    fn monotonic(&self) -> Duration {
        self.system.monotonic()
    }

    fn quality(&self) -> Quality {
        let (now, inner) = (self.system.monotonic(), self.inner());
        match inner.anchor {
            Some((_, _, quality)) => quality,
            None if self.system.wall() >= later(inner.floor, inner.floor_since, now) => Quality::System,
            None => Quality::Floor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

    #[derive(Default)]
    struct Fake {
        wall: AtomicI64,
        steady: AtomicU64,
    }

    impl Fake {
        fn pass(&self, seconds: u64) {
            self.steady.fetch_add(seconds, Ordering::Relaxed);
            self.wall.fetch_add(seconds.cast_signed(), Ordering::Relaxed);
        }
    }

    impl Clock for Fake {
        fn wall(&self) -> i64 {
            self.wall.load(Ordering::Relaxed)
        }

        fn monotonic(&self) -> Duration {
            Duration::from_secs(self.steady.load(Ordering::Relaxed))
        }
    }

    const NOW: i64 = 1_900_000_000;
    const FAR: i64 = 4_070_908_800;

    #[test]
    fn at_1970_it_stands_on_its_floor_and_counts() {
        let system = Arc::new(Fake::default());
        let clock = TrustedClock::new(Arc::clone(&system) as Arc<dyn Clock>, NOW);
        assert_eq!((clock.wall(), clock.quality()), (NOW, Quality::Floor));
        system.pass(60);
        assert_eq!((clock.wall(), clock.quality()), (NOW + 60, Quality::Floor));
        clock.set(NOW + 500_000, Quality::Signed);
        assert_eq!((clock.wall(), clock.quality()), (NOW + 500_000, Quality::Signed));
        system.wall.store(FAR, Ordering::Relaxed);
        system.steady.fetch_add(10, Ordering::Relaxed);
        assert_eq!(clock.wall(), NOW + 500_010, "the system's clock matters no more");
        clock.set(5, Quality::Operator);
        assert_eq!(clock.quality(), Quality::Signed, "nor does what somebody says");
    }

    #[test]
    fn a_floor_is_raised_and_never_lowered() {
        let system = Arc::new(Fake::default());
        let clock = TrustedClock::new(Arc::clone(&system) as Arc<dyn Clock>, 0);
        assert!(clock.wall() >= built_after(), "the software was built before");
        let clock = TrustedClock::without_build_time(Arc::clone(&system) as Arc<dyn Clock>, NOW);
        clock.not_before(NOW - 1000);
        assert_eq!(clock.wall(), NOW);
        clock.not_before(NOW + 1000);
        assert_eq!((clock.wall(), clock.quality()), (NOW + 1000, Quality::Floor));
        system.wall.store(NOW + 2000, Ordering::Relaxed);
        assert_eq!((clock.wall(), clock.quality()), (NOW + 2000, Quality::System));
    }

    #[test]
    fn a_time_in_the_far_future_is_taken_back_by_a_signed_one() {
        let system = Arc::new(Fake::default());
        system.wall.store(FAR, Ordering::Relaxed);
        let clock = TrustedClock::new(Arc::clone(&system) as Arc<dyn Clock>, FAR);
        assert_eq!((clock.wall(), clock.quality()), (FAR, Quality::System), "it cannot know better");
        clock.set(NOW, Quality::Signed);
        assert_eq!(clock.wall(), NOW);
    }

    #[test]
    fn a_jump_is_seen_once_and_drift_is_none() {
        let system = Arc::new(Fake::default());
        system.wall.store(NOW, Ordering::Relaxed);
        let clock = TrustedClock::new(Arc::clone(&system) as Arc<dyn Clock>, 0);
        system.pass(3600);
        system.wall.fetch_add(3, Ordering::Relaxed);
        assert_eq!(clock.look(), None);
        system.wall.store(0, Ordering::Relaxed);
        assert_eq!(clock.look(), Some(Jump { from: NOW + 3603, to: 0 }));
        assert_eq!(clock.look(), None);
    }
}
