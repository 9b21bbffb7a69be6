//! The people who wait with a number: who is called next, how many are before somebody, and how long that takes where the queue
//! itself has shown it. It holds numbers, places and times of one day, and nobody's name.

#![allow(unused_qualifications, reason = "the macro that describes a path repeats the names of its arguments")]

use crate::problem::Problem;
use crate::wire::{Body, TheDesk};
use crate::{Desk, News};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cccd::calendar::day_of;
use handoff::counter::Waiting;
use program::{Failure, lock};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use store::book::Book;
use utoipa::ToSchema;

/// Setting of the book with the queue.
const QUEUE: &str = "queue-1";
/// Numbers that wait; more than a hall holds.
const MOST: usize = 2000;
/// Numbers that were called, on the board and in people's telephones.
const MOST_CALLED: usize = 200;
/// Pauses between two calls that are remembered for each place.
const MOST_PAUSES: usize = 20;
/// So many of them are ground enough to say how long it takes.
const GROUND: usize = 3;
/// Characters of a number, and of a place.
const LONGEST: usize = 60;
/// Numbers that the board shows.
const SHOWN: usize = 6;

/// Somebody waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Waits {
    number: String,
    place: String,
    /// What the code on their ticket leads to; nobody guesses it.
    token: String,
    at: i64,
}

/// A number that was called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Called {
    /// As on the ticket.
    pub number: String,
    /// Where they go.
    pub place: String,
    /// Which counter called.
    pub counter: String,
    /// When, seconds since 1970.
    pub at: i64,
    /// How often it was called.
    pub times: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    token: String,
}

/// How fast it goes at one place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Pace {
    called: Option<i64>,
    pauses: VecDeque<i64>,
}

/// A day's queue. Pure: time and randomness are arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Queue {
    day: String,
    waiting: Vec<Waits>,
    called: VecDeque<Called>,
    paces: BTreeMap<String, Pace>,
}

/// What the holder of a ticket may know of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Standing {
    pub(crate) number: String,
    pub(crate) place: String,
    pub(crate) called: bool,
    pub(crate) ahead: u32,
    pub(crate) minutes: Option<u32>,
}

/// The queue, as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct QueueView {
    /// How many wait.
    pub waiting: usize,
    /// How many of them where.
    pub places: BTreeMap<String, usize>,
    /// Who would be next.
    pub next: Option<String>,
    /// The last that were called, latest first.
    pub called: Vec<Called>,
}

/// Whom to call.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Next {
    /// Only those who wait for this place.
    pub place: Option<String>,
    /// The one that was called last, once more.
    #[serde(default)]
    pub again: bool,
}

impl Queue {
    /// Another day begins with nobody.
    pub(crate) fn on(&mut self, day: &str) {
        if self.day != day {
            *self = Self { day: day.to_owned(), ..Self::default() };
        }
    }

    /// Somebody has a number now; nothing changes where they have it already. Nothing where it is none.
    pub(crate) fn join(&mut self, number: &str, place: &str, token: String, at: i64) -> Option<(Waiting, String)> {
        let fits = |text: &str, least| {
            let clean = program::Text::typed(text).is_ok_and(|clean| clean.as_str() == text);
            clean && (least..=LONGEST).contains(&text.chars().count())
        };
        if !fits(number, 1) || !fits(place, 0) {
            return None;
        }
        if !self.knows(number) {
            if self.waiting.len() >= MOST {
                self.waiting.remove(0);
            }
            self.waiting.push(Waits { number: number.to_owned(), place: place.to_owned(), token, at });
        }
        let waits = self.waiting.iter().find(|one| one.number == number).map(|one| &one.token);
        let was_called = || self.called.iter().find(|one| one.number == number).map(|one| &one.token);
        let token = waits.or_else(was_called)?.clone();
        let state = self.state(&token)?;
        Some((Waiting { ahead: state.ahead, minutes: state.minutes, link: None }, token))
    }

    fn knows(&self, number: &str) -> bool {
        self.waiting.iter().any(|one| one.number == number) || self.called.iter().any(|one| one.number == number)
    }

    /// Calls whoever has waited longest.
    pub(crate) fn next(&mut self, place: Option<&str>, counter: &str, at: i64) -> Option<Called> {
        let here = |one: &Waits| place.is_none_or(|place| one.place == place);
        let first = self.waiting.iter().position(here)?;
        let one = self.waiting.remove(first);
        let pace = self.paces.entry(one.place.clone()).or_default();
        // Only where they waited since the call before does the time between say how long somebody takes.
        if let Some(before) = pace.called.filter(|before| one.at <= *before && *before <= at) {
            pace.pauses.push_back(at - before);
            if pace.pauses.len() > MOST_PAUSES {
                pace.pauses.pop_front();
            }
        }
        pace.called = Some(at);
        let Waits { number, place, token, .. } = one;
        let called = Called { number, place, counter: counter.to_owned(), at, times: 1, token };
        self.called.push_front(called.clone());
        self.called.truncate(MOST_CALLED);
        Some(called)
    }

    /// Calls the last one of a counter once more.
    pub(crate) fn again(&mut self, counter: &str, at: i64) -> Option<Called> {
        let called = self.called.iter_mut().find(|one| one.counter == counter)?;
        (called.times, called.at) = (called.times + 1, at);
        Some(called.clone())
    }

    /// How it stands with whoever has this ticket.
    pub(crate) fn state(&self, token: &str) -> Option<Standing> {
        if let Some(one) = self.called.iter().find(|one| !token.is_empty() && one.token == token) {
            let (number, place) = (one.number.clone(), one.place.clone());
            return Some(Standing { number, place, called: true, ahead: 0, minutes: None });
        }
        let at = self.waiting.iter().position(|one| !token.is_empty() && one.token == token)?;
        let one = &self.waiting[at];
        let ahead = self.waiting[..at].iter().filter(|before| before.place == one.place).count();
        let minutes = self.minutes(&one.place, ahead);
        let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
        Some(Standing { number: one.number.clone(), place: one.place.clone(), called: false, ahead, minutes })
    }

    /// The middle of the pauses that were seen, for each who is before: nothing where too few were.
    fn minutes(&self, place: &str, ahead: usize) -> Option<u32> {
        let pauses = &self.paces.get(place)?.pauses;
        if pauses.len() < GROUND || ahead == 0 {
            return None;
        }
        let mut sorted: Vec<i64> = pauses.iter().copied().collect();
        sorted.sort_unstable();
        let seconds = sorted[sorted.len() / 2].saturating_mul(i64::try_from(ahead).ok()?);
        u32::try_from((seconds + 59) / 60).ok().map(|minutes| minutes.max(1))
    }

    /// What the page and the board show.
    pub(crate) fn view(&self) -> QueueView {
        let mut places = BTreeMap::new();
        for one in &self.waiting {
            *places.entry(one.place.clone()).or_insert(0) += 1;
        }
        let shown = |one: &Called| Called { token: String::new(), ..one.clone() };
        QueueView {
            waiting: self.waiting.len(),
            places,
            next: self.waiting.first().map(|one| one.number.clone()),
            called: self.called.iter().take(SHOWN).map(shown).collect(),
        }
    }
}

/// The queue that an agent left when it ended; nobody where it cannot be read, for nobody else is called in their stead.
pub(crate) fn kept(book: &Book) -> Result<Queue, Failure> {
    let bytes = book.setting(QUEUE)?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
}

impl Desk {
    /// Works with today's queue, and keeps it.
    pub(crate) fn queued<T>(&self, work: impl FnOnce(&mut Queue, i64) -> T) -> Result<T, Failure> {
        let now = self.site.now();
        let mut queue = lock(&self.queue);
        let before = queue.clone();
        queue.on(&day_of(now));
        let done = work(&mut queue, now);
        if *queue != before {
            self.site.book().set(QUEUE, &serde_json::to_vec(&*queue).unwrap_or_default())?;
            drop(queue);
            self.tell(News::Calls);
        }
        Ok(done)
    }

    /// Somebody got a number; how many wait. Nothing where this desk has no queue to call from.
    pub(crate) fn joined(&self, number: &str, place: &str) -> Result<Option<Waiting>, Failure> {
        let Some(door) = self.site.config.desk.as_ref().and_then(|desk| desk.counter.as_ref()) else { return Ok(None) };
        let token = visit::finished::random_id()?.to_string();
        let joined = self.queued(|queue, now| queue.join(number, place, token, now))?;
        let link = |token: &str| Some(format!("{}/t/{token}", door.public.as_ref()?.trim_end_matches('/')));
        Ok(joined.map(|(waiting, token)| Waiting { link: link(&token), ..waiting }))
    }

    fn counter_name(&self) -> String {
        let door = self.site.config.desk.as_ref().and_then(|desk| desk.counter.as_ref());
        door.map_or_else(|| self.site.config.device.clone(), |door| door.name.clone())
    }
}

/// Who waits with a number.
#[utoipa::path(get, path = "/v1/queue", responses((status = 200, body = QueueView)))]
pub async fn queue(State(desk): TheDesk) -> Result<Json<QueueView>, Problem> {
    Ok(Json(desk.queued(|queue, _| queue.view())?))
}

/// Calls whoever has waited longest, or the last one once more.
#[utoipa::path(post, path = "/v1/queue/next", request_body = Next,
    responses((status = 200, body = QueueView), (status = 409, body = Problem)))]
pub async fn next(State(desk): TheDesk, Body(next): Body<Next>) -> Result<Json<QueueView>, Problem> {
    let counter = desk.counter_name();
    let called = desk.queued(|queue, now| {
        let called =
            if next.again { queue.again(&counter, now) } else { queue.next(next.place.as_deref(), &counter, now) };
        called.map(|called| (called, queue.view()))
    })?;
    let Some((called, view)) = called else {
        let (title, remedy) = ("nobody waits", "wait until somebody has a number");
        return Err(Problem::new(StatusCode::CONFLICT, "queue_empty", title, remedy));
    };
    tracing::info!(number = called.number, place = called.place, times = called.times, "called");
    Ok(Json(view))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> Queue {
        let mut queue = Queue::default();
        queue.on("2026-11-30");
        queue
    }

    fn join(queue: &mut Queue, number: &str, at: i64) -> Waiting {
        queue.join(number, "Phòng 12", format!("token of {number}"), at).expect("a number").0
    }

    #[test]
    fn whoever_has_waited_longest_is_called_first_and_everybody_once() {
        let mut queue = queue();
        for (at, number) in ["A001", "A002", "A003"].into_iter().enumerate() {
            assert_eq!(join(&mut queue, number, 0).ahead as usize, at);
            assert_eq!(join(&mut queue, number, 5).ahead as usize, at, "said twice is waited once");
        }
        let other = queue.join("B001", "Mắt", "b".to_owned(), 0).expect("a number").0;
        assert_eq!(other.ahead, 0, "another place is another queue");
        assert_eq!(queue.view().waiting, 4);
        assert_eq!(queue.next(Some("Mắt"), "Quầy 2", 10).expect("somebody").number, "B001");
        let called: Vec<String> = std::iter::from_fn(|| Some(queue.next(None, "Quầy 1", 10)?.number)).collect();
        assert_eq!(called, ["A001", "A002", "A003"]);
        assert_eq!(queue.next(None, "Quầy 1", 10), None);
        let again = queue.again("Quầy 1", 20).expect("the last one");
        assert_eq!((again.number.as_str(), again.times, again.at), ("A003", 2, 20));
        assert_eq!(queue.again("Quầy 3", 20), None, "which called nobody");
        assert_eq!(queue.view().called.len(), 4);
        join(&mut queue, "A001", 30);
        assert_eq!(queue.view().waiting, 0, "whoever was called waits no more");
        queue.on("2026-12-01");
        assert_eq!(queue.view(), Queue::default().view());
    }

    #[test]
    fn minutes_are_said_only_where_the_queue_has_shown_them() {
        let mut queue = queue();
        for at in 0..8 {
            join(&mut queue, &format!("A{at:03}"), 0);
        }
        let minutes = |queue: &Queue, number: &str| queue.state(&format!("token of {number}")).expect("waits").minutes;
        for at in [0, 120, 240] {
            queue.next(None, "Quầy 1", at).expect("somebody");
            assert_eq!(minutes(&queue, "A007"), None, "two pauses are no ground");
        }
        queue.next(None, "Quầy 1", 360).expect("somebody");
        // Three are before the last one, two minutes each.
        assert_eq!(minutes(&queue, "A007"), Some(6));
        assert_eq!(minutes(&queue, "A004"), None, "who is next waits for no one");
        // A counter that had nobody to call says nothing of how long people take.
        for at in 4..8 {
            queue.next(None, "Quầy 1", 360 + (at - 3) * 120).expect("somebody");
        }
        join(&mut queue, "A100", 90_000);
        queue.next(None, "Quầy 1", 90_001).expect("somebody");
        for number in ["A101", "A102", "A103"] {
            join(&mut queue, number, 90_002);
        }
        assert_eq!(minutes(&queue, "A103"), Some(4));
    }

    #[test]
    fn a_ticket_knows_its_own_state_and_nobody_elses() {
        let mut queue = queue();
        join(&mut queue, "A001", 0);
        join(&mut queue, "A002", 0);
        assert_eq!(queue.state("token of A002").expect("waits").ahead, 1);
        assert_eq!(queue.state(""), None);
        assert_eq!(queue.state("token of A003"), None);
        queue.next(None, "Quầy 1", 10);
        let state = queue.state("token of A001").expect("was called");
        assert!(state.called && state.number == "A001" && state.place == "Phòng 12");
        assert!(!serde_json::to_string(&queue.view()).expect("JSON").contains("token"), "no board shows it");
    }

    #[test]
    fn what_is_no_number_does_not_wait() {
        let mut queue = queue();
        for number in ["", "A\u{202e}1", "A\n1", &"9".repeat(LONGEST + 1)] {
            assert_eq!(queue.join(number, "P", "t".to_owned(), 0), None, "{number:?}");
        }
        assert_eq!(queue.join("A1", &"9".repeat(LONGEST + 1), "t".to_owned(), 0), None);
        assert!(queue.join("A1", "", "t".to_owned(), 0).is_some());
        for at in 0..MOST {
            join(&mut queue, &format!("B{at}"), 0);
        }
        assert_eq!(queue.view().waiting, MOST);
    }
}
