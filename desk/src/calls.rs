//! Calls of this site's kiosks: somebody stands there and wants staff. They are said by [`crate::kiosks`], shown on the page, and
//! taken by somebody on duty, once.

#![allow(unused_qualifications, reason = "the macro that describes a path repeats the names of its arguments")]

use crate::problem::Problem;
use crate::staff;
use crate::wire::{TheCaller, TheDesk};
use crate::{Desk, News};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use handoff::counter::{At, CLOCKS_MS, Call, Standing};
use program::lock;
use serde::Serialize;
use site::words::DeviceWord;
use std::collections::VecDeque;
use utoipa::ToSchema;

/// Calls at a time; the oldest gives way.
const MOST: usize = 64;
/// Milliseconds after which a kiosk that says nothing is away.
const AWAY_MS: u64 = 15_000;
/// Milliseconds after which its call is forgotten: it keeps nobody's visit for so long.
const FORGOTTEN_MS: u64 = 600_000;
/// Calls that are over, remembered so that nobody says them once more.
const MOST_OVER: usize = 256;

/// A call, as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CallView {
    /// Its identifier.
    pub id: String,
    /// Which kiosk.
    pub kiosk: String,
    /// Where somebody stands: `start`, `consent`, `scan`, `no_card`, `card`, `result`, `form`, `ticket`, `problem` or `out_of_service`.
    #[schema(value_type = String)]
    pub step: At,
    /// Since when, seconds since 1970.
    pub since: i64,
    /// Who comes: their identifier.
    pub taken_by: Option<String>,
    /// Their name.
    pub taken_by_name: Option<String>,
    /// The kiosk is not heard any more: nobody knows whether somebody still stands there.
    pub away: bool,
}

/// The calls that there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CallsView {
    /// Whether kiosks are heard here at all.
    pub hears: bool,
    /// Oldest first.
    pub calls: Vec<CallView>,
}

#[derive(Debug)]
struct Held {
    device: String,
    id: String,
    call: Call,
    /// When the kiosk last said it, by its own clock.
    said_ms: i64,
    /// And by ours.
    heard_ms: u64,
    taken: Option<(String, String)>,
}

/// The calls of this site. Pure: time is an argument.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    held: Vec<Held>,
    /// Device, call, and when it was over by the device's clock.
    over: VecDeque<(String, String, i64)>,
}

/// What was said was said before, or is of a call that is over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stale;

impl Calls {
    /// Hears how a call stands; says whether the page has to know, and who comes.
    pub(crate) fn hear(
        &mut self,
        (device, id): (&str, &str),
        call: Call,
        said_ms: i64,
        now_ms: u64,
    ) -> Result<(bool, bool), Stale> {
        self.forget(now_ms);
        let at = self.held.iter().position(|held| held.device == device && held.id == id);
        if at.is_some_and(|at| self.held[at].said_ms >= said_ms) {
            return Err(Stale);
        }
        if call.over {
            if let Some(at) = at {
                self.held.remove(at);
            }
            self.over.retain(|(_, _, over)| said_ms - over <= 2 * CLOCKS_MS);
            self.over.push_back((device.to_owned(), id.to_owned(), said_ms));
            if self.over.len() > MOST_OVER {
                self.over.pop_front();
            }
            return Ok((at.is_some(), false));
        }
        if self.over.iter().any(|(known, over, _)| known == device && over == id) {
            return Err(Stale);
        }
        match at {
            Some(at) => {
                let held = &mut self.held[at];
                let changed = held.call != call || now_ms.saturating_sub(held.heard_ms) > AWAY_MS;
                (held.call, held.said_ms, held.heard_ms) = (call, said_ms, now_ms);
                Ok((changed, held.taken.is_some()))
            }
            None => {
                if self.held.len() >= MOST {
                    self.held.remove(0);
                }
                let (device, id) = (device.to_owned(), id.to_owned());
                self.held.push(Held { device, id, call, said_ms, heard_ms: now_ms, taken: None });
                Ok((true, false))
            }
        }
    }

    /// Somebody comes. Whether they are the first to say so: saying it again changes nothing.
    pub(crate) fn take(&mut self, id: &str, by: &str, name: &str, now_ms: u64) -> Result<bool, Problem> {
        self.forget(now_ms);
        let held = self.held.iter_mut().find(|held| held.id == id).ok_or_else(|| {
            let (title, remedy) = ("nobody waits there any more", "look at the calls again");
            Problem::new(StatusCode::NOT_FOUND, "call_over", title, remedy)
        })?;
        match &held.taken {
            None => {
                held.taken = Some((by.to_owned(), name.to_owned()));
                Ok(true)
            }
            Some((known, _)) if known == by => Ok(false),
            Some((_, name)) => {
                let (title, remedy) = (format!("{name} comes already"), "leave it to them");
                Err(Problem::new(StatusCode::CONFLICT, "call_taken", title, remedy))
            }
        }
    }

    /// The calls that there are, oldest first.
    pub(crate) fn view(&mut self, now_ms: u64) -> Vec<CallView> {
        self.forget(now_ms);
        let view = |held: &Held| CallView {
            id: held.id.clone(),
            kiosk: held.call.kiosk.clone(),
            step: held.call.step,
            since: held.call.since,
            taken_by: held.taken.as_ref().map(|(by, _)| by.clone()),
            taken_by_name: held.taken.as_ref().map(|(_, name)| name.clone()),
            away: now_ms.saturating_sub(held.heard_ms) > AWAY_MS,
        };
        self.held.iter().map(view).collect()
    }

    fn forget(&mut self, now_ms: u64) {
        self.held.retain(|held| now_ms.saturating_sub(held.heard_ms) <= FORGOTTEN_MS);
    }
}

impl Desk {
    /// A kiosk says how a call stands.
    pub(crate) fn called(&self, whose: (&str, &str), call: Call, said_ms: i64) -> Result<Standing, Stale> {
        let (changed, taken) = lock(&self.calls).hear(whose, call, said_ms, self.now_ms())?;
        if changed {
            self.tell(News::Calls);
        }
        // Whoever comes is somebody of the counter: a public screen needs no name of staff.
        let counter = self.site.config.desk.as_ref().and_then(|desk| desk.counter.as_ref());
        Ok(Standing { taken_by: counter.filter(|_| taken).map(|counter| counter.name.clone()) })
    }
}

/// Who wants staff at this site's kiosks.
#[utoipa::path(get, path = "/v1/calls", responses((status = 200, body = CallsView)))]
pub async fn calls(State(desk): TheDesk) -> Json<CallsView> {
    let hears = desk.site.config.desk.as_ref().is_some_and(|desk| desk.counter.is_some());
    let calls = lock(&desk.calls).view(desk.now_ms());
    Json(CallsView { hears, calls })
}

/// Somebody on duty comes: the kiosk says so, and the log has who.
#[utoipa::path(post, path = "/v1/calls/{id}/take",
    responses((status = 200, body = CallsView), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn take(State(desk): TheDesk, caller: TheCaller, Path(id): Path<String>) -> Result<Json<CallsView>, Problem> {
    let name = staff::member(&desk.site.book(), &caller.by)?.map(|member| member.name).unwrap_or_default();
    let first = lock(&desk.calls).take(&id, &caller.by, &name, desk.now_ms())?;
    if first {
        desk.site.note_device(DeviceWord::StaffCame, None, Some(caller.by.clone()))?;
        desk.tell(News::Calls);
    }
    Ok(calls(State(desk)).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(step: At, over: bool) -> Call {
        Call { kiosk: "kiosk-1".to_owned(), step, since: 1_790_000_000, over }
    }

    const ONE: (&str, &str) = ("kiosk-1", "c1");

    #[test]
    fn a_call_is_heard_taken_once_and_over_when_nobody_waits() {
        let mut calls = Calls::default();
        assert_eq!(calls.hear(ONE, call(At::Scan, false), 1000, 0), Ok((true, false)));
        assert_eq!(calls.hear(ONE, call(At::Scan, false), 3000, 2000), Ok((false, false)), "the page knows it");
        assert_eq!(calls.hear(ONE, call(At::Card, false), 5000, 4000), Ok((true, false)), "they went on");
        assert!(calls.take("c1", "nv-1", "Lê Hồng Nhung", 4000).is_ok_and(|first| first));
        assert!(calls.take("c1", "nv-1", "Lê Hồng Nhung", 4000).is_ok_and(|first| !first), "pressed twice");
        let second = calls.take("c1", "nv-2", "Trần Quang Hùng", 4000).expect_err("somebody else comes");
        assert_eq!((second.status, second.code.as_str()), (409, "call_taken"));
        assert!(second.title.contains("Nhung"), "{}", second.title);
        assert_eq!(calls.hear(ONE, call(At::Card, false), 7000, 6000), Ok((false, true)), "the kiosk hears it");
        let [view] = calls.view(6000).try_into().expect("one call");
        assert_eq!((view.step, view.taken_by.as_deref(), view.away), (At::Card, Some("nv-1"), false));
        assert_eq!(calls.hear(ONE, call(At::Card, true), 9000, 8000), Ok((true, false)));
        assert_eq!(calls.view(8000), []);
        assert_eq!(calls.take("c1", "nv-1", "", 8000).expect_err("over").code, "call_over");
    }

    #[test]
    fn what_was_said_once_is_not_said_again_by_somebody_who_heard_it() {
        let mut calls = Calls::default();
        assert_eq!(calls.hear(ONE, call(At::Scan, false), 1000, 0), Ok((true, false)));
        assert_eq!(calls.hear(ONE, call(At::Scan, false), 1000, 1), Err(Stale));
        assert_eq!(calls.hear(ONE, call(At::Scan, true), 2000, 2), Ok((true, false)));
        // All that was ever said of it, once more.
        assert_eq!(calls.hear(ONE, call(At::Scan, false), 1000, 3), Err(Stale));
        assert_eq!(calls.hear(ONE, call(At::Scan, false), 2001, 3), Err(Stale));
        assert_eq!(calls.view(3), []);
        // Another kiosk's call of the same name is another call.
        assert_eq!(calls.hear(("kiosk-2", "c1"), call(At::Scan, false), 1000, 4), Ok((true, false)));
    }

    #[test]
    fn a_kiosk_that_is_not_heard_is_shown_as_away_and_then_forgotten() {
        let mut calls = Calls::default();
        calls.hear(ONE, call(At::Scan, false), 1000, 0).expect("heard");
        assert!(!calls.view(AWAY_MS)[0].away);
        assert!(calls.view(AWAY_MS + 1)[0].away);
        assert_eq!(calls.hear(ONE, call(At::Scan, false), 2000, AWAY_MS + 1), Ok((true, false)), "it is back");
        assert_eq!(calls.view(AWAY_MS + 2 + FORGOTTEN_MS), []);
        for at in 0..=MOST {
            let id = format!("c{at}");
            calls.hear(("kiosk-1", &id), call(At::Scan, false), 1, u64::MAX).expect("heard");
        }
        let left = calls.view(u64::MAX);
        assert_eq!((left.len(), left[0].id.as_str()), (MOST, "c1"));
    }
}
