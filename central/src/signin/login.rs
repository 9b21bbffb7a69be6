//! Who is logged in, and how often somebody was not. A guess is counted before it costs a hash: for its name, for its address, and
//! for both together, where each further one waits longer. Two are hashed at once, one from addresses that a technician has
//! logged in from and one from all others, so that events never wait for them.

use super::staff::{PassWord, Standing};
use crate::door::Address;
use crate::people::Person;
use program::lock;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a session lasts.
pub(super) const SESSION: Duration = Duration::from_secs(8 * 3600);
/// Sessions of one name; the oldest ends.
const SESSIONS: usize = 20;
const MINUTE: Duration = Duration::from_secs(60);
/// Hashes of one name in a minute that were no pass word, from addresses that it has never logged in from.
const OF_A_NAME: usize = 7;
/// And from those that it has: strangers leave them free.
const OF_A_NAME_AT_HOME: usize = 3;
/// Hashes of one address in a minute that were no pass word, over all names.
const OF_AN_ADDRESS: usize = 10;
/// Wrong pass words of one name and address in a row before it waits.
const FREE: u32 = 5;
/// The longest that it waits.
const LONGEST: Duration = Duration::from_secs(3600);
/// After this time nothing is remembered of a guess.
const FORGOTTEN: Duration = Duration::from_secs(86_400);
/// Pairs of name and address that are remembered.
const REMEMBERED: usize = 20_000;
/// Log-ins that wait for a thread, for each of the two.
const QUEUE: usize = 8;

/// Times within the last minute.
#[derive(Debug, Default)]
struct Recent(VecDeque<Duration>);

impl Recent {
    fn count(&mut self, now: Duration) -> usize {
        while self.0.front().is_some_and(|at| now >= *at + MINUTE) {
            self.0.pop_front();
        }
        self.0.len()
    }

    /// How long until one more may come.
    fn wait(&mut self, most: usize, now: Duration) -> Option<Duration> {
        (self.count(now) >= most).then(|| self.0.front().map_or(MINUTE, |first| (*first + MINUTE).saturating_sub(now)))
    }

    fn note(&mut self, now: Duration) {
        self.0.push_back(now);
    }

    /// The guess was none.
    fn forget(&mut self, at: Duration) {
        if let Some(found) = self.0.iter().rposition(|noted| *noted == at) {
            self.0.remove(found);
        }
    }
}

/// What one address did with one name.
#[derive(Debug, Default)]
struct Pair {
    failures: u32,
    locked_until: Duration,
    last: Duration,
    /// Whether the name has logged in from there.
    home: bool,
}

/// A guess that was counted.
#[derive(Debug)]
pub(super) struct Guess {
    name: String,
    from: Address,
    at: Duration,
    pub(super) home: bool,
}

#[derive(Debug, Default)]
struct Guesses {
    pairs: HashMap<(String, Address), Pair>,
    /// By name, and whether from an address that it has logged in from.
    names: HashMap<(String, bool), Recent>,
    addresses: HashMap<Address, Recent>,
}

impl Guesses {
    /// Forgets what is over, where there is much.
    fn tidy(&mut self, now: Duration) {
        if self.names.len() + self.addresses.len() > REMEMBERED {
            self.names.retain(|_, recent| recent.count(now) > 0);
            self.addresses.retain(|_, recent| recent.count(now) > 0);
        }
        if self.pairs.len() < REMEMBERED {
            return;
        }
        self.pairs.retain(|_, pair| now < pair.last + FORGOTTEN);
        if self.pairs.len() >= REMEMBERED {
            // A flood over many names: those that nobody has are forgotten first.
            let mut ages: Vec<Duration> = self.pairs.values().filter(|pair| !pair.home).map(|pair| pair.last).collect();
            ages.sort_unstable();
            let half = ages.get(ages.len() / 2).copied().unwrap_or_default();
            self.pairs.retain(|_, pair| pair.home || pair.last > half);
        }
    }

    /// Counts a guess; how long it has to wait where there were too many.
    fn count(&mut self, name: &str, from: Address, now: Duration) -> Result<Guess, Duration> {
        self.tidy(now);
        let key = (name.to_owned(), from);
        let known = self.pairs.get(&key);
        let home = known.is_some_and(|pair| pair.home);
        if let Some(wait) = known.and_then(|pair| pair.locked_until.checked_sub(now)).filter(|wait| !wait.is_zero()) {
            return Err(wait);
        }
        if let Some(wait) = self.addresses.entry(from).or_default().wait(OF_AN_ADDRESS, now) {
            return Err(wait);
        }
        let most = if home { OF_A_NAME_AT_HOME } else { OF_A_NAME };
        if let Some(wait) = self.names.entry((name.to_owned(), home)).or_default().wait(most, now) {
            return Err(wait);
        }
        self.addresses.entry(from).or_default().note(now);
        self.names.entry((name.to_owned(), home)).or_default().note(now);
        let pair = self.pairs.entry(key).or_default();
        pair.last = now;
        pair.failures = pair.failures.saturating_add(1);
        if pair.failures >= FREE {
            let longer = 2_u32.saturating_pow(pair.failures - FREE);
            pair.locked_until = now + MINUTE.saturating_mul(longer).min(LONGEST);
        }
        Ok(Guess { name: name.to_owned(), from, at: now, home })
    }

    /// It was the pass word.
    fn right(&mut self, guess: &Guess) {
        let Guess { name, from, at, home } = guess;
        let pair = self.pairs.entry((name.clone(), *from)).or_default();
        (pair.failures, pair.locked_until, pair.home) = (0, Duration::ZERO, true);
        for recent in [self.addresses.get_mut(from), self.names.get_mut(&(name.clone(), *home))].into_iter().flatten() {
            recent.forget(*at);
        }
    }
}

/// A session.
#[derive(Debug)]
struct Session {
    name: String,
    /// What the pass word of the table was when it began: with another one it is over. Role and places are those of now.
    pass_word: PassWord,
    since: i64,
    end: Duration,
    from: Address,
}

impl Session {
    /// Whose it is, where it stands still.
    fn person(&self, standing: &Standing) -> Option<Person> {
        if standing.ended.is_some_and(|ended| self.since <= ended) {
            return None;
        }
        let (now, person) = standing.local.as_ref()?;
        (*now == self.pass_word).then(|| person.clone())
    }
}

/// A session as whoever has it sees it.
#[derive(Debug, serde::Serialize)]
pub(super) struct Shown {
    /// Names it, and opens nothing.
    pub(super) id: String,
    pub(super) since: i64,
    pub(super) from: String,
    /// Whether it is the one that asks.
    pub(super) own: bool,
}

/// Whose session a request is of.
#[derive(Debug, Clone)]
pub(super) struct Whose {
    pub(super) person: Person,
    key: String,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Logins {
    guesses: Mutex<Guesses>,
    /// By the token's SHA-256, in order: who reads the memory has no token.
    sessions: Mutex<BTreeMap<String, Session>>,
    threads: [Arc<Semaphore>; 2],
    queues: [Semaphore; 2],
}

impl Default for Logins {
    fn default() -> Self {
        Self {
            guesses: Mutex::default(),
            sessions: Mutex::default(),
            threads: [(); 2].map(|()| Arc::new(Semaphore::new(1))),
            queues: [(); 2].map(|()| Semaphore::new(QUEUE)),
        }
    }
}

fn key(token: &str) -> String {
    events::hash(token.as_bytes()).to_string()
}

impl Logins {
    /// Counts a guess before anything is made of it; how long it has to wait where there were too many.
    pub(super) fn count(&self, name: &str, from: Address, now: Duration) -> Result<Guess, Duration> {
        lock(&self.guesses).count(name, from, now)
    }

    /// A thread for its hash; none where too many wait already.
    pub(super) async fn thread(&self, guess: &Guess) -> Option<OwnedSemaphorePermit> {
        let lane = usize::from(guess.home);
        let _waits = self.queues.get(lane)?.try_acquire().ok()?;
        Arc::clone(self.threads.get(lane)?).acquire_owned().await.ok()
    }

    /// Begins a session of somebody who knew the pass word; its token.
    pub(super) fn begin(
        &self,
        guess: &Guess,
        pass_word: PassWord,
        (since, now): (i64, Duration),
    ) -> Result<String, openssl::error::ErrorStack> {
        let mut token = [0; 32];
        openssl::rand::rand_bytes(&mut token)?;
        let token = hex::encode(token);
        lock(&self.guesses).right(guess);
        let (name, from, end) = (guess.name.clone(), guess.from, now + SESSION);
        let mut sessions = lock(&self.sessions);
        let of_name = |session: &&Session| session.name == name;
        while sessions.values().filter(of_name).count() >= SESSIONS {
            let oldest =
                sessions.iter().filter(|(_, session)| session.name == name).min_by_key(|(_, session)| session.end);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { break };
            sessions.remove(&oldest);
        }
        sessions.insert(key(&token), Session { name, pass_word, since, end, from });
        Ok(token)
    }

    /// Whose a token is. `standing` says what the table has of a name now.
    pub(super) fn who<E>(
        &self,
        token: &str,
        now: Duration,
        standing: impl Fn(&str) -> Result<Standing, E>,
    ) -> Result<Option<Whose>, E> {
        let key = key(token);
        let name = {
            let mut sessions = lock(&self.sessions);
            sessions.retain(|_, session| session.end > now);
            sessions.get(&key).map(|session| session.name.clone())
        };
        let Some(name) = name else { return Ok(None) };
        let standing = standing(&name)?;
        let mut sessions = lock(&self.sessions);
        sessions.retain(|_, session| session.name != name || session.person(&standing).is_some());
        let person = sessions.get(&key).and_then(|session| session.person(&standing));
        Ok(person.map(|person| Whose { person, key }))
    }

    /// Ends the session that asks.
    pub(super) fn end(&self, whose: &Whose) {
        lock(&self.sessions).remove(&whose.key);
    }

    /// The sessions of whoever asks.
    pub(super) fn list(&self, whose: &Whose) -> Vec<Shown> {
        let sessions = lock(&self.sessions);
        let own = sessions.iter().filter(|(_, session)| session.name == whose.person.name());
        own.map(|(key, session)| Shown {
            id: key.chars().take(16).collect(),
            since: session.since,
            from: session.from.to_string(),
            own: *key == whose.key,
        })
        .collect()
    }

    /// Ends a session of whoever asks; false where there is none of this name.
    pub(super) fn end_one(&self, whose: &Whose, id: &str) -> bool {
        let mut sessions = lock(&self.sessions);
        let before = sessions.len();
        sessions.retain(|key, session| session.name != whose.person.name() || id.len() != 16 || !key.starts_with(id));
        sessions.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(last: u8) -> Address {
        std::net::IpAddr::from([192, 0, 2, last]).into()
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(1000 + seconds)
    }

    #[test]
    fn of_however_many_guesses_ten_a_minute_and_name_cost_a_hash() {
        let mut guesses = Guesses::default();
        // Its technician has logged in from some places.
        for last in 200..210 {
            let guess = guesses.count("an", from(last), at(0)).expect("counted");
            guesses.right(&guess);
        }
        for minute in 1..20 {
            let hashes = (0..500).filter(|n| guesses.count("an", from((n % 250) as u8), at(minute * 60)).is_ok());
            assert!(hashes.count() <= 10, "minute {minute}");
        }
    }

    #[test]
    fn a_strangers_guesses_do_not_shut_out_whoever_knows_the_pass_word() {
        let mut guesses = Guesses::default();
        let passed = (0..500).filter(|_| guesses.count("an", from(1), at(0)).is_ok()).count();
        assert_eq!(passed, 5);
        let guess = guesses.count("an", from(2), at(0)).expect("from another address, where it was never before");
        guesses.right(&guess);
        // Many strangers at once leave alone where the name is at home.
        for last in 10..250 {
            drop(guesses.count("an", from(last), at(1)));
        }
        assert!(guesses.count("an", from(3), at(1)).is_err());
        assert!(guesses.count("an", from(2), at(1)).is_ok());
        assert!(guesses.count("binh", from(2), at(1)).is_ok(), "another name");
    }

    #[test]
    fn each_further_guess_of_one_address_waits_longer_and_the_pass_word_ends_it() {
        let mut guesses = Guesses::default();
        for _ in 0..5 {
            guesses.count("an", from(1), at(0)).expect("counted");
        }
        assert_eq!(guesses.count("an", from(1), at(10)).expect_err("waits"), Duration::from_secs(50));
        guesses.count("an", from(1), at(60)).expect("once");
        assert_eq!(guesses.count("an", from(1), at(60)).expect_err("waits"), Duration::from_secs(120));
        let mut now = 180;
        for _ in 0..10 {
            guesses.count("an", from(1), at(now)).expect("once");
            now += 3600;
        }
        assert_eq!(guesses.count("an", from(1), at(now - 3600)).expect_err("waits"), LONGEST);
        let guess = guesses.count("an", from(1), at(now)).expect("once");
        guesses.right(&guess);
        for _ in 0..3 {
            guesses.count("an", from(1), at(now)).expect("it begins anew");
        }
    }

    #[test]
    fn one_address_does_not_hash_for_ever_by_changing_names() {
        let mut guesses = Guesses::default();
        let passed = (0..500).filter(|n| guesses.count(&format!("name-{n}"), from(1), at(0)).is_ok()).count();
        assert_eq!(passed, OF_AN_ADDRESS);
        for n in 0..3 * REMEMBERED {
            let many = std::net::IpAddr::V4(std::net::Ipv4Addr::from_bits(n as u32)).into();
            drop(guesses.count("an", many, at(n as u64 * 10)));
        }
        assert!(
            guesses.pairs.len() <= REMEMBERED && guesses.addresses.len() <= 2 * REMEMBERED,
            "what is kept has an end"
        );
    }
}
