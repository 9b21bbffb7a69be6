//! What the police portal for lodging wants, and what it took.

use crate::problem::Problem;
use crate::records;
use crate::wire::{Body, TheCaller, TheDesk, file};
use crate::work::layout;
use crate::{Desk, News};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use cccd::calendar::day_of;
use events::Look;
use handoff::lodging::{self, Guest, Made};
use program::Failure;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use store::book::lodging::Owed;
use store::book::{Record, Which};
use utoipa::ToSchema;
use visit::law::{Article, STAY_OF_CITIZENS, STAY_OF_FOREIGNERS};

/// What the portal is owed.
#[utoipa::path(get, path = "/v1/lodging", responses((status = 200)))]
pub async fn lodging(State(desk): TheDesk) -> Result<Json<Value>, Problem> {
    let site = desk.site();
    let (correct, now) = (records::counts(&desk)?.correct, site.now());
    let book = site.book();
    let waiting = book.unreported(&desk.profile().id)?;
    let (due, late) = due(&desk, &waiting, now);
    let new = waiting.iter().filter(|owed| owed.batch.is_none()).count();
    let law = |article: Article| {
        let (vi, en) = article.cited();
        json!({ "vi": vi, "en": en })
    };
    Ok(Json(json!({
        "unreported": waiting.len(), "in_no_file": new, "due": due, "late": late,
        "correct": correct, "batches": book.batches()?,
        "foreigners": waiting.iter().filter(|owed| !owed.citizen).count(),
        "law": { "citizens": law(STAY_OF_CITIZENS), "foreigners": law(STAY_OF_FOREIGNERS) },
    })))
}

/// Which file is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// `xlsx` for citizens, `xml` for foreigners.
    pub kind: String,
    /// The file that is made again: one that nobody has confirmed.
    pub again: Option<i64>,
    /// With these people of it only, by their records: those whom the portal does not show.
    pub only: Option<BTreeSet<String>>,
}

/// Makes a file with everybody who is in none yet, or in one of which the portal shows nobody; or one that nobody has confirmed
/// once more. Making it does not count as having sent it.
#[utoipa::path(post, path = "/v1/lodging/batches", request_body = Batch,
    responses((status = 201), (status = 422, body = Problem)))]
pub async fn make_batch(
    State(desk): TheDesk,
    caller: TheCaller,
    Body(wanted): Body<Batch>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let citizens = match wanted.kind.as_str() {
        "xlsx" => true,
        "xml" => false,
        _ => return Err(Problem::invalid("kind", "is xlsx or xml")),
    };
    let site = desk.site();
    let which = again(&desk, &wanted)?;
    let only = |record: &Record| wanted.only.as_ref().is_none_or(|only| only.contains(&record.id));
    let of = |record: &Record| {
        let guest = Guest::of(desk.profile(), record);
        record.withdrawn_at.is_none() && only(record) && guest.is_some_and(|guest| guest.is_citizen() == citizens)
    };
    let records = desk.look(&caller, Look::File, which, of)?;
    let records: Vec<&Record> = records.iter().collect();
    if records.is_empty() {
        return Err(nobody_for(&desk, &wanted)?);
    }
    let (made, complete) = portal_file(&desk, citizens, &records)?;
    let days = desk.profile().keep().map_or(1, |keep| keep.days);
    let batch = site.book().add_batch(&wanted.kind, &complete, days, site.now())?;
    desk.tell(News::Status);
    let named =
        |(at, why): &(usize, Failure)| json!({ "record": records[*at].id, "code": why.code, "why": why.message });
    let left_out: Vec<Value> = made.left_out.iter().map(named).collect();
    let mut answer = json!(batch);
    answer["left_out"] = left_out.into();
    Ok((StatusCode::CREATED, Json(answer)))
}

/// When the portal has to have the first of those of whom it has not confirmed anything, and whether that is over.
pub(crate) fn due(desk: &Desk, waiting: &[Owed], now: i64) -> (Option<i64>, bool) {
    let remote = desk.site().config.lodging.as_ref().is_some_and(|lodging| lodging.remote);
    let due = waiting.iter().map(|owed| lodging::deadline(owed.at, owed.citizen, remote)).min();
    (due, due.is_some_and(|due| due < now))
}

/// Who goes into a file.
fn again<'a>(desk: &'a Desk, wanted: &Batch) -> Result<Which<'a>, Problem> {
    let Some(id) = wanted.again else {
        return match &wanted.only {
            None => Ok(Which::InNoFile(&desk.profile().id)),
            Some(_) => {
                Err(Problem::invalid("again", "is missing: say which file it is of whose people only some are meant"))
            }
        };
    };
    let batch = desk.site().book().batches()?.into_iter().find(|batch| batch.id == id);
    let refused = |code, title: String, remedy| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, title, remedy);
    let batch = batch.filter(|batch| batch.kind == wanted.kind).ok_or_else(|| {
        refused("batch_unknown", format!("there is no file {id} of that kind"), "choose a file from the list")
    })?;
    if batch.confirmed_at.is_some() {
        let remedy = "correct at the portal who was changed since; who is new goes into a file of their own";
        return Err(refused("batch_confirmed", format!("the portal has everybody of file {id}"), remedy));
    }
    Ok(Which::File(id))
}

/// Why there is nobody for a file: nobody is new, or it is open who of the last one is missing.
fn nobody_for(desk: &Desk, wanted: &Batch) -> Result<Problem, Problem> {
    let batches = desk.site().book().batches()?;
    let mut open = batches.into_iter().filter(|batch| batch.kind == wanted.kind && batch.replaced_by.is_none());
    let unsettled = open.find(|batch| batch.confirmed_at.is_none() && batch.taken.is_some());
    let refused = |code, title: String, remedy| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, title, remedy);
    Ok(match unsettled.filter(|_| wanted.again.is_none()) {
        Some(batch) => {
            let shown = batch.taken.unwrap_or_default();
            let title = format!("file {} has {} people, the portal shows {shown}", batch.id, batch.made);
            refused("batch_unsettled", title, "make that file again with those whom the portal does not show")
        }
        None => refused("batch_empty", "there is nobody who is in no file yet".to_owned(), "nothing is to be done"),
    })
}

/// The file of these records, and which of them are in it: somebody whom the portal would not take keeps nobody else out.
fn portal_file<'a>(desk: &Desk, citizens: bool, records: &[&'a Record]) -> Result<(Made, Vec<&'a Record>), Failure> {
    let layout = layout(desk)?;
    let config = desk.site().config.lodging.as_ref();
    let template = config.and_then(|lodging| lodging.template.as_deref()).filter(|_| citizens);
    let template = template.map(program::files::read).transpose()?;
    let (of, guests): (Vec<&Record>, Vec<Guest>) =
        records.iter().filter_map(|record| Some((*record, Guest::of(desk.profile(), record)?))).unzip();
    let write = |guests: &[&Guest]| {
        if citizens { lodging::xlsx(&layout, template.as_deref(), guests) } else { lodging::xml(guests) }
    };
    let made = lodging::make(&guests, |guest, index| lodging::check(&layout, guest, index), write)?;
    let is_in = |at: &usize| made.left_out.iter().all(|(left, _)| left != at);
    let complete = (0..of.len()).filter(is_in).map(|at| of[at]).collect();
    Ok((made, complete))
}

/// The file itself.
#[utoipa::path(get, path = "/v1/lodging/batches/{id}/file", responses((status = 200), (status = 404, body = Problem)))]
pub async fn batch_file(State(desk): TheDesk, caller: TheCaller, Path(id): Path<i64>) -> Result<Response, Problem> {
    let batches = desk.site().book().batches()?;
    let records = desk.look(&caller, Look::File, Which::File(id), |_| true)?;
    let batch = batches.into_iter().find(|batch| batch.id == id).ok_or_else(|| Problem::unknown("file"))?;
    let conflict = |code, title: String, remedy| Problem::new(StatusCode::CONFLICT, code, title, remedy);
    if let Some(by) = batch.replaced_by {
        return Err(conflict(
            "batch_replaced",
            format!("file {by} was made in place of this one"),
            "take the newer file",
        ));
    }
    if batch.stale {
        // What would come out is another file than the one that was made, under the same number.
        let title = "somebody in this file was changed since it was made".to_owned();
        return Err(conflict("batch_stale", title, "make the file again"));
    }
    let citizens = batch.kind == "xlsx";
    let (made, _) = portal_file(&desk, citizens, &records.iter().collect::<Vec<_>>())?;
    if let Some((_, why)) = made.left_out.into_iter().next() {
        // Its people were counted: a file of fewer would be another file under the same number.
        return Err(why.into());
    }
    let (name, kind) = if citizens {
        (
            format!("thong_bao_luu_tru_VNM_{}_{id}.xlsx", day_of(batch.at)),
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        )
    } else {
        (format!("khai_bao_tam_tru_{}_{id}.xml", day_of(batch.at)), "application/xml")
    };
    Ok(file(&name, kind, made.bytes))
}

/// What somebody saw on the portal.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// How many people of the file it shows.
    pub taken: u64,
}

/// Confirms a file by the number that the portal shows. Nothing counts as sent before that.
#[utoipa::path(post, path = "/v1/lodging/batches/{id}/reconcile", request_body = Seen,
    responses((status = 200), (status = 422, body = Problem)))]
pub async fn reconcile(
    State(desk): TheDesk,
    Path(id): Path<i64>,
    Body(seen): Body<Seen>,
) -> Result<Json<Value>, Problem> {
    let days = desk.profile().keep().map_or(1, |keep| keep.days);
    let done = desk.site().book().reconcile(id, seen.taken, days, desk.site().now());
    desk.tell(News::Status);
    Ok(Json(json!(done.map_err(Problem::conflict)?)))
}
