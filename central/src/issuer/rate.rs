//! How much is signed in an hour.

use std::collections::{HashMap, VecDeque};
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

/// What was signed in the last hour.
#[derive(Debug, Default)]
pub(super) struct Counted {
    all: VecDeque<(Duration, String)>,
    devices: HashMap<String, usize>,
}

impl Counted {
    /// Counts one more, where it may be.
    pub(super) fn take(&mut self, device: &str, rate: Rate, now: Duration) -> bool {
        while let Some((at, _)) = self.all.front()
            && now >= *at + HOUR
        {
            let Some((_, over)) = self.all.pop_front() else { break };
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
        self.all.push_back((now, device.to_owned()));
        self.devices.insert(device.to_owned(), own + 1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_device_and_all_together_get_no_more_than_so_much_in_an_hour() {
        let rate = Rate { of_a_device: 2, of_all: 3 };
        let at = |minutes: u64| Duration::from_secs(minutes * 60);
        let mut counted = Counted::default();
        let mut take = |device: &str, minutes| counted.take(device, rate, at(minutes));
        assert_eq!([take("a", 0), take("a", 1), take("a", 2)], [true, true, false]);
        assert_eq!([take("b", 3), take("b", 4), take("c", 59)], [true, false, false]);
        assert_eq!([take("a", 60), take("c", 60), take("c", 61)], [true, false, true]);
        assert!(counted.devices.len() <= rate.of_all);
    }
}
