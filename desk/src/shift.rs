//! Handing over: what was done since the last time, what is left to do, who takes over. It is signed into the log as numbers, kept
//! with its words for the next one, and printed.

#![allow(unused_qualifications, reason = "the macro that describes a path repeats the names of its arguments")]

use crate::figures::{ByStaff, Figures};
use crate::portal;
use crate::problem::Problem;
use crate::records::{Names, counts, has_portal, midnight};
use crate::wire::{Body, OnDuty, TheCaller, TheDesk};
use crate::work::note;
use crate::{Desk, News};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cccd::calendar::{date_of, day_of, time_of};
use events::{Duty, Handover};
use program::{Private, Text};
use serde::{Deserialize, Serialize};
use store::book::tally;
use utoipa::ToSchema;

/// Shifts of the past that are shown.
const PAST: u32 = 10;
/// The longest note, in characters.
const LONGEST_NOTE: usize = 500;

/// What is left to do.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Open {
    /// People who have not gone; nothing where nobody is let go of.
    pub here: u64,
    /// Are in no file for the portal.
    pub unsent: u64,
    /// Are in a file that nobody has confirmed.
    pub in_file: u64,
    /// Were changed since that file was made.
    pub stale: u64,
    /// Are to be corrected at the portal.
    pub correct: u64,
    /// When the portal has to have the first of them, seconds since 1970.
    pub due: Option<i64>,
    /// That is over.
    pub late: bool,
    /// Messages that wait for a recipient, or were refused by it.
    pub deliveries: u64,
    /// Events that central does not have.
    pub events_unsent: u64,
    /// Who has a visit that goes on.
    pub busy: Option<String>,
}

/// A shift that was closed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Closed {
    /// Its number.
    pub number: i64,
    /// When, seconds since 1970.
    pub at: i64,
    /// Since when it went on.
    pub since: i64,
    /// Who handed over.
    pub by: String,
    /// Their name.
    pub by_name: Option<String>,
    /// Who took over, if anybody did.
    pub to: Option<String>,
    /// Their name.
    pub to_name: Option<String>,
    /// What they were told.
    #[schema(value_type = Option<String>)]
    pub note: Option<Text>,
    /// To print.
    pub lines: Vec<String>,
}

/// The shift that goes on.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShiftView {
    /// When the last one was closed; before the first, the begin of the day. Seconds since 1970.
    pub since: i64,
    /// Now.
    pub until: i64,
    /// Who is on duty.
    pub on: Option<OnDuty>,
    /// Visits that were kept.
    pub kept: u64,
    /// Turned away.
    pub refused: u64,
    /// Broken off.
    pub cancelled: u64,
    /// Records that were corrected.
    pub corrected: u64,
    /// Records that were withdrawn.
    pub withdrawn: u64,
    /// By whom of staff.
    pub staff: Vec<ByStaff>,
    /// What is left to do.
    pub open: Open,
    /// To print.
    pub lines: Vec<String>,
    /// Shifts that were closed, latest first.
    pub closed: Vec<Closed>,
}

/// Who takes over.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Close {
    /// Their identifier; nobody at the end of a day.
    pub to: Option<String>,
    /// What they are told.
    #[schema(value_type = Option<String>)]
    pub note: Option<Private>,
}

fn closed(names: &Names, shift: tally::Shift) -> Closed {
    let tally::Shift { number, at, since, counted: _, by, to, note, lines } = shift;
    let (by_name, to_name) = (names.name(&by), to.as_deref().and_then(|to| names.name(to)));
    Closed { number, at, since, by, by_name, to, to_name, note, lines }
}

fn open(desk: &Desk) -> Result<Open, Problem> {
    let counts = counts(desk)?;
    let status = desk.status();
    let waiting = if has_portal(desk) { desk.site().book().unreported(&desk.profile().id)? } else { Vec::new() };
    let (due, late) = portal::due(desk, &waiting, desk.site().now());
    Ok(Open {
        // Where nobody checks out, nobody is "here".
        here: if has_portal(desk) { counts.here } else { status.inside.unwrap_or_default() },
        unsent: counts.unsent,
        in_file: counts.in_file,
        stale: counts.stale,
        correct: counts.correct,
        due,
        late,
        deliveries: status.recipients.iter().map(|each| each.waiting + each.refused).sum(),
        events_unsent: if status.central.configured { status.central.unsent } else { 0 },
        busy: status.busy,
    })
}

fn moment(at: i64) -> String {
    format!("{} {}", time_of(at), date_of(at))
}

/// What is printed, in the language of the place.
fn lines(site: &str, (since, until): (i64, i64), figures: &Figures, open: &Open) -> Vec<String> {
    let mut lines = vec![
        "BÀN GIAO CA".to_owned(),
        site.to_owned(),
        format!("Từ {} đến {}", moment(since), moment(until)),
        format!("Đã tiếp nhận: {} · Từ chối: {} · Bỏ dở: {}", figures.kept, figures.refused, figures.cancelled),
    ];
    for own in &figures.staff {
        let name = own.name.as_deref().unwrap_or(if own.by.is_empty() { "Máy tự phục vụ" } else { &own.by });
        lines.push(format!("  {name}: tiếp nhận {}, từ chối {}, bỏ dở {}", own.kept, own.refused, own.cancelled));
    }
    if figures.corrected + figures.withdrawn > 0 {
        lines.push(format!("Đã sửa: {} · Đã gỡ khỏi tệp: {}", figures.corrected, figures.withdrawn));
    }
    lines.push("CÒN LẠI".to_owned());
    let left = [
        ("Đang ở", open.here),
        ("Chưa đưa vào tệp", open.unsent),
        ("Trong tệp chưa đối chiếu", open.in_file),
        ("Đã sửa sau khi tạo tệp, cần tạo lại", open.stale),
        ("Cần sửa trên cổng Công an", open.correct),
        ("Chưa gửi được tới hệ thống khác", open.deliveries),
        ("Sự kiện chưa gửi về trung tâm", open.events_unsent),
    ];
    let some = left.iter().filter(|(_, count)| *count > 0);
    let before = lines.len();
    lines.extend(some.map(|(what, count)| format!("  {what}: {count}")));
    if let Some(due) = open.due {
        let late = if open.late { " (ĐÃ QUÁ HẠN)" } else { "" };
        lines.push(format!("  Hạn gửi: {}{late}", moment(due)));
    }
    if let Some(who) = &open.busy {
        lines.push(format!("  Đang có người được phục vụ tại: {who}"));
    }
    if lines.len() == before {
        lines.push("  Không còn việc gì".to_owned());
    }
    lines
}

/// What was done since the last shift was closed.
struct Done {
    since: i64,
    figures: Figures,
    /// The last of what was counted.
    last: i64,
}

fn done(desk: &Desk, names: &Names) -> Result<Done, Problem> {
    let now = desk.site().now();
    let book = desk.site().book();
    let before = book.shifts(&desk.profile().id, 1)?.pop();
    // Of a clock that was set back nothing is made up.
    let since = before.as_ref().map_or_else(|| midnight(now), |before| before.at.min(now));
    let after = before.map_or(0, |before| before.counted);
    let counted = book.counted(&desk.profile().id, &day_of(since), &day_of(now))?;
    drop(book);
    let last = counted.iter().map(|each| each.id).max().unwrap_or_default().max(after);
    let figures = Figures::of(counted.iter().filter(|each| each.id > after), |id| names.name(id));
    Ok(Done { since, figures, last })
}

/// The shift that goes on: what was done, what is left to do.
#[utoipa::path(get, path = "/v1/shift", responses((status = 200, body = ShiftView)))]
pub async fn shift(State(desk): TheDesk, caller: TheCaller) -> Result<Json<ShiftView>, Problem> {
    let names = Names::of(&desk)?;
    let Done { since, figures, .. } = done(&desk, &names)?;
    let (until, open) = (desk.site().now(), open(&desk)?);
    let past = desk.site().book().shifts(&desk.profile().id, PAST)?;
    Ok(Json(ShiftView {
        since,
        until,
        on: desk.on_duty(&caller)?,
        lines: lines(desk.site().name(), (since, until), &figures, &open),
        kept: figures.kept,
        refused: figures.refused,
        cancelled: figures.cancelled,
        corrected: figures.corrected,
        withdrawn: figures.withdrawn,
        staff: figures.staff,
        open,
        closed: past.into_iter().map(|shift| closed(&names, shift)).collect(),
    }))
}

/// Closes it: what was done and what is left to do goes to whoever takes over.
#[utoipa::path(post, path = "/v1/shift/close", request_body = Close,
    responses((status = 201, body = Closed), (status = 422, body = Problem)))]
pub async fn close(
    State(desk): TheDesk,
    caller: TheCaller,
    Body(wanted): Body<Close>,
) -> Result<(StatusCode, Json<Closed>), Problem> {
    let note = note(wanted.note.as_ref(), LONGEST_NOTE)?;
    let names = Names::of(&desk)?;
    let to = wanted.to.filter(|to| !to.is_empty());
    if let Some(to) = &to
        && crate::staff::member(&desk.site().book(), to)?.is_none()
    {
        return Err(Problem::invalid("to", "nobody of that identifier works here"));
    }
    let Done { since, figures, last } = done(&desk, &names)?;
    let (at, open) = (desk.site().now(), open(&desk)?);
    let mut lines = lines(desk.site().name(), (since, at), &figures, &open);
    let named = |id: &str| names.name(id).unwrap_or_else(|| id.to_owned());
    lines.push(format!("Người bàn giao: {}", named(&caller.by)));
    lines.push(format!("Người nhận: {}", to.as_deref().map_or_else(|| "—".to_owned(), named)));
    lines.extend(note.as_ref().map(|note| format!("Ghi chú: {}", note.as_str())));
    let handover = Handover {
        by: caller.by.clone(),
        to: to.clone(),
        here: open.here,
        kept: figures.kept,
        role: caller.duty.unwrap_or(Duty::Program),
        since,
        unsent: open.unsent + open.in_file + open.stale,
        profile: desk.profile().id.clone(),
        refused: figures.refused,
    };
    let mut shift = tally::Shift { number: 0, at, since, counted: last, by: caller.by.clone(), to, note, lines };
    shift.number = desk.site().change(|book| book.close_shift(&shift, handover))?;
    desk.tell(News::Status);
    Ok((StatusCode::CREATED, Json(closed(&names, shift))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing() -> Open {
        Open {
            here: 0,
            unsent: 0,
            in_file: 0,
            stale: 0,
            correct: 0,
            due: None,
            late: false,
            deliveries: 0,
            events_unsent: 0,
            busy: None,
        }
    }

    #[test]
    fn the_paper_says_what_is_left_and_nothing_that_is_not() {
        let of = |open: &Open| lines("KHÁCH SẠN", (1_795_971_600, 1_795_975_200), &Figures::default(), open).join("\n");
        let quiet = of(&nothing());
        assert!(quiet.contains("Từ 00:00 30/11/2026 đến 01:00 30/11/2026"), "{quiet}");
        assert!(quiet.ends_with("Không còn việc gì") && !quiet.contains("Hạn gửi"), "{quiet}");
        let busy = of(&Open { unsent: 4, due: Some(1_795_971_600), late: true, ..nothing() });
        assert!(busy.contains("Chưa đưa vào tệp: 4") && busy.contains("ĐÃ QUÁ HẠN"), "{busy}");
        assert!(!busy.contains("Đang ở") && !busy.contains("Không còn"), "{busy}");
    }
}
