//! How much is signed in an hour.

use events::Clock;
use fleet::FleetError;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// What is signed in an hour at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// For one device.
    pub of_a_device: usize,
    /// For all.
    pub of_all: usize,
}

impl Rate {
    /// Of a process of its own: three hundred devices are put up in a morning, and one asks again while somebody tries.
    pub const USUAL: Self = Self { of_a_device: 20, of_all: 1200 };
    /// Where the key is in the process that asks, no number protects it.
    pub const NONE: Self = Self { of_a_device: usize::MAX, of_all: usize::MAX };
}

/// The most bytes of the file: so many devices are asked about in an hour by no fleet.
const MOST: u64 = 16 * 1024 * 1024;

/// What was signed in the last hour.
#[derive(Debug, Default)]
pub(super) struct Counted {
    all: VecDeque<Signed>,
    devices: HashMap<String, usize>,
}

/// One that was signed.
#[derive(Debug)]
struct Signed {
    /// Since an hour before this process' clock began: what another process signed was before it.
    at: Duration,
    /// Seconds since 1970, for the next process.
    wall: i64,
    device: String,
}

/// The file, as the next process finds it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    version: u32,
    /// Seconds since 1970, and the device; the oldest first.
    signed: Vec<(i64, String)>,
}

impl Counted {
    /// What a process before this one has signed. What its clock says is later than now was signed just now: whoever turns
    /// a clock back gains nothing.
    ///
    /// # Errors
    /// When there is a file and it cannot be read, or is none of this kind.
    pub(super) fn kept(path: &Path, clock: &dyn Clock) -> std::io::Result<Self> {
        let file = match std::fs::File::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            file => file?,
        };
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::Read::take(file, MOST), &mut bytes)?;
        let kept: Kept = serde_json::from_slice(&bytes)?;
        if kept.version != 1 {
            return Err(std::io::Error::other(format!("it is of version {}", kept.version)));
        }
        let (now, today) = (clock.monotonic() + HOUR, clock.wall());
        let mut counted = Self::default();
        for (wall, device) in kept.signed {
            let age = Duration::from_secs(u64::try_from(today.saturating_sub(wall)).unwrap_or_default());
            // Older ones are over.
            if let Some(at) = now.checked_sub(age).filter(|at| now < *at + HOUR) {
                *counted.devices.entry(device.clone()).or_default() += 1;
                counted.all.push_back(Signed { at, wall, device });
            }
        }
        Ok(counted)
    }

    /// Puts it down for the next process, at once and on the disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn keep(&self, path: &Path) -> Result<(), FleetError> {
        let signed = self.all.iter().map(|one| (one.wall, one.device.clone())).collect();
        let bytes = serde_json::to_vec(&Kept { version: 1, signed }).unwrap_or_default();
        fleet::files::replace(path, &bytes)
    }

    /// Counts one more, where it may be.
    pub(super) fn take(&mut self, device: &str, rate: Rate, clock: &dyn Clock) -> bool {
        let now = clock.monotonic() + HOUR;
        while let Some(first) = self.all.front()
            && now >= first.at + HOUR
        {
            let Some(Signed { device: over, .. }) = self.all.pop_front() else { break };
            if let Some(count) = self.devices.get_mut(&over) {
                *count -= 1;
                if *count == 0 {
                    self.devices.remove(&over);
                }
            }
        }
        if rate == Rate::NONE {
            return true;
        }
        let own = self.devices.get(device).copied().unwrap_or_default();
        if self.all.len() >= rate.of_all || own >= rate.of_a_device {
            return false;
        }
        self.all.push_back(Signed { at: now, wall: clock.wall(), device: device.to_owned() });
        *self.devices.entry(device.to_owned()).or_default() += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::sync::Mutex;

    /// A clock that a test sets: since the start of a process, and since 1970.
    struct Set(Mutex<Cell<(u64, i64)>>);

    impl Set {
        fn at(minutes: u64, wall: i64) -> Self {
            Self(Mutex::new(Cell::new((minutes * 60, wall))))
        }

        fn to(&self, minutes: u64, wall: i64) {
            self.0.lock().expect("clock").set((minutes * 60, wall));
        }
    }

    impl Clock for Set {
        fn wall(&self) -> i64 {
            self.0.lock().expect("clock").get().1
        }

        fn monotonic(&self) -> Duration {
            Duration::from_secs(self.0.lock().expect("clock").get().0)
        }
    }

    #[test]
    fn one_device_and_all_together_get_no_more_than_so_much_in_an_hour() {
        let rate = Rate { of_a_device: 2, of_all: 3 };
        let clock = Set::at(0, 0);
        let mut counted = Counted::default();
        let mut take = |device: &str, minutes| {
            clock.to(minutes, 0);
            counted.take(device, rate, &clock)
        };
        assert_eq!([take("a", 0), take("a", 1), take("a", 2)], [true, true, false]);
        assert_eq!([take("b", 3), take("b", 4), take("c", 59)], [true, false, false]);
        assert_eq!([take("a", 60), take("c", 60), take("c", 61)], [true, false, true]);
        assert!(counted.devices.len() <= rate.of_all);
    }

    #[test]
    fn a_new_process_goes_on_where_the_one_before_ended() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("signer.counted");
        let rate = Rate { of_a_device: 2, of_all: 3 };
        let clock = Set::at(500, 100_000);
        let mut counted = Counted::kept(&path, &clock).expect("none yet");
        assert!(counted.take("a", rate, &clock) && counted.take("b", rate, &clock));
        clock.to(530, 101_800);
        assert!(counted.take("a", rate, &clock));
        counted.keep(&path).expect("kept");

        // The machine was started anew, and its clock with it.
        let after = |seconds: i64| {
            let clock = Set::at(0, 100_000 + seconds);
            let mut counted = Counted::kept(&path, &clock).expect("kept");
            ["a", "b", "c"].map(|device| counted.take(device, rate, &clock))
        };
        assert_eq!(after(1900), [false; 3], "three were signed within the hour");
        assert_eq!(after(3600), [true, true, false], "one was, and one device has one more");
        assert_eq!(after(5399), [true, true, false]);
        assert_eq!(after(5400), [true; 3]);
        assert_eq!(after(-50_000), [false; 3], "a clock that was turned back");

        for wrong in [&b""[..], b"[]", b"{\"version\":2,\"signed\":[]}", b"{\"version\":1}", b"\xFF"] {
            std::fs::write(&path, wrong).expect("written");
            assert!(Counted::kept(&path, &clock).is_err(), "what cannot be read is not nothing");
        }
    }
}
