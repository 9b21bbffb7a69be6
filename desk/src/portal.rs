//! What the police portal for lodging wants, and what it took.

use crate::problem::Problem;
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
use store::book::{Record, Which};
use utoipa::ToSchema;

/// What the portal is owed.
#[utoipa::path(get, path = "/v1/lodging", responses((status = 200)))]
pub async fn lodging(State(desk): TheDesk) -> Result<Json<Value>, Problem> {
    let site = desk.site();
    let book = site.book();
    let waiting = book.unreported(&desk.profile().id)?;
    let now = site.now();
    let due = waiting.iter().map(|(at, _)| lodging::deadline(*at)).min();
    let new = waiting.iter().filter(|(_, batch)| batch.is_none()).count();
    Ok(Json(json!({
        "unreported": waiting.len(), "in_no_file": new, "due": due, "late": due.is_some_and(|due| due < now),
        "batches": book.batches()?,
    })))
}

/// Which file is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// `xlsx` for citizens, `xml` for foreigners.
    pub kind: String,
}

/// Makes a file with everybody who is in none yet. Making it does not count as having sent it.
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
    let of = |record: &Record| Guest::of(desk.profile(), record).is_some_and(|guest| guest.is_citizen() == citizens);
    let records = desk.look(&caller, Look::File, Which::InNoFile(&desk.profile().id), of)?;
    let records: Vec<&Record> = records.iter().collect();
    if records.is_empty() {
        let (title, remedy) = ("there is nobody who is in no file yet", "nothing is to be done");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "batch_empty", title, remedy));
    }
    let (made, complete) = portal_file(&desk, citizens, &records)?;
    let batch = site.book().add_batch(&wanted.kind, &complete, site.now())?;
    desk.tell(News::Status);
    let named =
        |(at, why): &(usize, Failure)| json!({ "record": records[*at].id, "code": why.code, "why": why.message });
    let left_out: Vec<Value> = made.left_out.iter().map(named).collect();
    let mut answer = json!(batch);
    answer["left_out"] = left_out.into();
    Ok((StatusCode::CREATED, Json(answer)))
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
    Ok(Json(json!(done?)))
}
