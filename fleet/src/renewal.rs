//! When a certificate is renewed: from half of its life on, spread over a quarter of it, so that devices which were
//! enrolled on one day do not come back on one day. Which moment is a device's is a matter of its name.

use std::time::Duration;

/// Days after its end for which central still takes a certificate's key for that of its device, unless it was revoked.
pub const GRACE_DAYS: u32 = 400;

const FIRST_WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_secs(6 * 3600);

/// A fraction of 2^32 that belongs to a name.
fn share(name: &str) -> u32 {
    let hash = events::hash(format!("cccd-renewal-v1 {name}").as_bytes());
    u32::from_be_bytes([hash.0[0], hash.0[1], hash.0[2], hash.0[3]])
}

/// When the certificate of a device is to be renewed, seconds since 1970.
#[must_use]
pub fn due(device: &str, not_before: i64, not_after: i64) -> i64 {
    let life = i128::from(not_after.saturating_sub(not_before).max(0));
    let into = life / 2 + life / 4 * i128::from(share(device)) / (1 << 32);
    not_before.saturating_add(i64::try_from(into).unwrap_or(i64::MAX))
}

/// How long to wait after so many failures in a row, for ever: between half and all of a step that doubles up to six
/// hours. `jitter` is random; what the server asks for counts, up to the longest step.
#[must_use]
pub fn wait(failures: u32, jitter: u8, asked: Option<Duration>) -> Duration {
    let step = FIRST_WAIT.saturating_mul(1 << failures.min(16)).min(LONGEST_WAIT);
    let spread = step / 2 + step / 2 * u32::from(jitter) / 255;
    asked.unwrap_or_default().min(LONGEST_WAIT).max(spread)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: i64 = 86_400;

    proptest! {
        #[test]
        fn it_lies_in_the_third_quarter_of_life(name in "[a-z0-9-]{1,63}", from in 0_i64..4_000_000_000, days in 1_i64..4000) {
            let at = due(&name, from, from + days * DAY);
            prop_assert!(at >= from + days * DAY / 2 && at < from + days * DAY * 3 / 4 + 1);
            prop_assert_eq!(at, due(&name, from, from + days * DAY));
        }

        #[test]
        fn waits_grow_stay_within_bounds_and_obey(failures in 0_u32..1000, jitter: u8, asked in proptest::option::of(0_u64..1_000_000)) {
            let wait = wait(failures, jitter, asked.map(Duration::from_secs));
            prop_assert!(wait >= FIRST_WAIT / 2 && wait <= LONGEST_WAIT);
            prop_assert!(asked.is_none_or(|asked| wait >= Duration::from_secs(asked).min(LONGEST_WAIT)));
        }
    }
}
