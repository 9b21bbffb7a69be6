//! Keys that end: the chains under which a site's devices hash people in events.
//!
//! Each class of retention, a number of days out of a closed set, has a chain. In the epoch `n = days since 1970 / class`
//! its key is `S(n)`, and `S(n+1) = HMAC(S(n), "next")`. The key of a profile is `HMAC(S(n), profile)`. Whoever holds a chain
//! steps it forward when an epoch ends, and wipes what was. There is no way back: what is left opens no event of an ended
//! epoch. Devices of a site step alike, and ask nobody.
//!
//! This module knows no clock and no disk. See `docs/decisions/0016-pseudonyms-that-end.md`.

use crate::event::Bytes;
use crate::subject::{Person, Purpose, keyed};
use zeroize::{Zeroize as _, Zeroizing};

const DAY: i64 = 86_400;
/// Steps that a chain can be taken at once. A clock that is further off than a century of days says nothing.
pub const MOST_STEPS: u32 = 40_000;

/// Classes of retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it: days")]
pub enum Class {
    D1,
    D7,
    D30,
    D90,
    D365,
    D730,
    D1825,
}

impl Class {
    /// Every one, the shortest first.
    pub const ALL: [Self; 7] = [Self::D1, Self::D7, Self::D30, Self::D90, Self::D365, Self::D730, Self::D1825];

    /// How long an epoch is.
    #[must_use]
    pub const fn days(self) -> u32 {
        match self {
            Self::D1 => 1,
            Self::D7 => 7,
            Self::D30 => 30,
            Self::D90 => 90,
            Self::D365 => 365,
            Self::D730 => 730,
            Self::D1825 => 1825,
        }
    }

    /// The longest that is not longer than what a profile promises; `None` where it promises nothing: then nobody is named.
    #[must_use]
    pub fn of(retention_days: u32) -> Option<Self> {
        Self::ALL.into_iter().rev().find(|class| class.days() <= retention_days)
    }

    /// The epoch of a time, seconds since 1970.
    #[must_use]
    pub fn epoch(self, at: i64) -> u32 {
        u32::try_from(at.max(0) / DAY / i64::from(self.days())).unwrap_or(u32::MAX)
    }
}

/// The chain of a class, from an epoch on. Wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
struct Chain {
    epoch: u32,
    key: Zeroizing<[u8; 32]>,
}

impl Chain {
    /// The key of an epoch; `None` for one that has ended.
    fn at(&self, epoch: u32) -> Option<Zeroizing<[u8; 32]>> {
        let steps = epoch.checked_sub(self.epoch).filter(|steps| *steps <= MOST_STEPS)?;
        let mut key = self.key.clone();
        for _ in 0..steps {
            *key = keyed(&*key, "cccd-chain-v1", &[b"next"]).0;
        }
        Some(key)
    }

    /// Steps forward; what was is wiped. False where the epoch is this one, or ended before.
    fn step_to(&mut self, epoch: u32) -> bool {
        match self.at(epoch) {
            Some(key) if epoch > self.epoch => {
                self.key.zeroize();
                (self.epoch, self.key) = (epoch, key);
                true
            }
            _ => false,
        }
    }
}

/// A site's chains, one for each class.
#[derive(Clone, PartialEq, Eq)]
pub struct Chains([Chain; Class::ALL.len()]);

impl std::fmt::Debug for Chains {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|chain| chain.epoch)).finish()
    }
}

impl Chains {
    /// Bytes of one in a file: epoch (4, the highest first) and key (32), for each class, the shortest first.
    pub const SIZE: usize = Class::ALL.len() * 36;

    /// Chains that begin at a time, each with a key that nobody knows: `random` fills it.
    pub fn begin(at: i64, mut random: impl FnMut(&mut [u8; 32])) -> Self {
        Self(Class::ALL.map(|class| {
            let mut key = Zeroizing::new([0; 32]);
            random(&mut key);
            Chain { epoch: class.epoch(at), key }
        }))
    }

    /// The key under which people are hashed in events of a profile at a time; `None` where the class's epoch of that time has
    /// ended, or lies further away than any clock can be right about.
    fn key(&self, class: Class, profile: &str, at: i64) -> Option<Zeroizing<[u8; 32]>> {
        let key = self.0[class as usize].at(class.epoch(at))?;
        Some(Zeroizing::new(keyed(&*key, "cccd-chain-v1", &[b"profile", profile.as_bytes()]).0))
    }

    /// How a person is called in events of a profile, which promises to forget them after some days, at a time.
    #[must_use]
    pub fn subject(&self, profile: &str, retention_days: u32, at: i64, person: &Person) -> Option<Bytes<32>> {
        let key = self.key(Class::of(retention_days)?, profile, at)?;
        Some(person.hash(&*key, Purpose::Event(profile)))
    }

    /// How a member of staff is called in events of a profile, by the name that stands in the sealed record.
    #[must_use]
    pub fn staff(&self, profile: &str, retention_days: u32, at: i64, name: &str) -> Option<Bytes<32>> {
        let key = self.key(Class::of(retention_days)?, profile, at)?;
        Some(keyed(&*key, "cccd-staff-v2", &[name.as_bytes()]))
    }

    /// Steps every chain whose epoch is over at a time. False where there was none.
    pub fn step_to(&mut self, at: i64) -> bool {
        Class::ALL.iter().zip(&mut self.0).fold(false, |any, (class, chain)| chain.step_to(class.epoch(at)) || any)
    }

    /// The day, counted since 1970, that the chains have reached.
    #[must_use]
    pub const fn day(&self) -> u32 {
        self.0[Class::D1 as usize].epoch
    }

    /// As they stand in a file.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(Self::SIZE));
        for chain in &self.0 {
            bytes.extend_from_slice(&chain.epoch.to_be_bytes());
            bytes.extend_from_slice(&*chain.key);
        }
        bytes
    }

    /// From a file; `None` when it is of another form.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (chains, rest) = bytes.as_chunks::<36>();
        let chains: &[[u8; 36]; Class::ALL.len()] = chains.try_into().ok().filter(|_| rest.is_empty())?;
        Some(Self(chains.map(|chain| {
            let (epoch, key) = chain.split_at(4);
            let epoch = u32::from_be_bytes(std::array::from_fn(|at| epoch[at]));
            Chain { epoch, key: Zeroizing::new(std::array::from_fn(|at| key[at])) }
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_900_000_000;

    fn chains() -> Chains {
        let mut next = 0;
        Chains::begin(NOW, |key| {
            next += 1;
            *key = [next; 32];
        })
    }

    fn an() -> Person {
        Person::citizen("001099000017").expect("a person")
    }

    #[test]
    fn a_profile_counts_as_the_longest_class_that_is_not_longer() {
        for (days, class) in [(1, 1), (6, 1), (7, 7), (29, 7), (30, 30), (365, 365), (366, 365), (9999, 1825)] {
            assert_eq!(Class::of(days).map(Class::days), Some(class), "{days}");
        }
        assert_eq!(Class::of(0), None);
        assert!(Class::ALL.is_sorted_by_key(|class| class.days()));
        for (at, class) in Class::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, at);
        }
    }

    #[test]
    fn a_step_is_the_one_that_is_written_down() {
        // As in `subject`: l cccd-chain-v1; l next, under thirty-two bytes 01.
        let chain = Chain { epoch: 3, key: Zeroizing::new([1; 32]) };
        let key = chain.at(4).expect("the next");
        assert_eq!(Bytes(*key).to_string(), "a1626af3c2530544d3d0b2c044639a3a982deba2ed65db6318a0f1320ce57e03");
    }

    #[test]
    fn one_person_is_one_subject_within_a_profile_and_an_epoch_and_another_beyond() {
        let chains = chains();
        let of = |profile, days, at| chains.subject(profile, days, at, &an()).expect("a subject");
        let begin = NOW - NOW % (30 * DAY) + 30 * DAY;
        assert_eq!(of("exam", 30, begin), of("exam", 30, begin + 30 * DAY - 1));
        assert_ne!(of("exam", 30, begin), of("exam", 30, begin + 30 * DAY));
        assert_ne!(of("exam", 30, begin), of("gate", 30, begin));
        assert_ne!(of("exam", 30, begin), of("exam", 90, begin));
        assert_eq!(chains.subject("exam", 30, NOW - 31 * DAY, &an()), None, "that epoch has ended");
        assert_eq!(chains.subject("exam", 0, NOW, &an()), None, "nothing is promised, so nobody is named");
        assert_eq!(chains.subject("practice", 1, i64::MAX, &an()), None, "no clock is right about that");
    }

    #[test]
    fn bytes_of_another_form_are_no_chains() {
        let bytes = chains().to_bytes();
        assert_eq!(Chains::from_bytes(&bytes), Some(chains()));
        assert_eq!(bytes.len(), Chains::SIZE);
        for end in 0..bytes.len() {
            assert_eq!(Chains::from_bytes(&bytes[..end]), None, "{end}");
        }
        assert_eq!(Chains::from_bytes(&[&bytes[..], &[0]].concat()), None);
    }

    proptest! {
        #[test]
        fn chains_that_step_often_and_chains_that_step_once_say_the_same(
            mut steps in proptest::collection::vec(0..300 * DAY, 0..8), until in 0..300 * DAY, days in 1..4000_u32,
        ) {
            steps.sort_unstable();
            let (mut often, mut once) = (chains(), chains());
            for step in steps.into_iter().filter(|step| *step <= until) {
                often.step_to(NOW + step);
            }
            often.step_to(NOW + until);
            once.step_to(NOW + until);
            prop_assert_eq!(&often, &once);
            prop_assert_eq!(often.subject("p", days, NOW + until, &an()), chains().subject("p", days, NOW + until, &an()));
        }

        #[test]
        fn what_stepped_never_says_what_was(until in 0..300 * DAY, back in 0..300 * DAY, days in 1..4000_u32) {
            let mut stepped = chains();
            stepped.step_to(NOW + until);
            let class = Class::of(days).expect("a class");
            let before = NOW + until - back;
            let ended = class.epoch(before) < class.epoch(NOW + until);
            prop_assert_eq!(stepped.subject("p", days, before, &an()).is_none(), ended);
            let mut again = stepped.clone();
            prop_assert!(!again.step_to(before), "a clock that goes back moves nothing");
            prop_assert_eq!(&again, &stepped);
            if until >= DAY {
                let (old, new) = (chains().to_bytes(), stepped.to_bytes());
                prop_assert!(!new.windows(32).any(|part| part == &old[4..36]), "what was is wiped");
            }
        }
    }
}
