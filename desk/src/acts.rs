//! What staff do to what is kept: correct it, take it out of what goes to the portal, let people leave, and undo each of these.
//! Nothing is written over unseen: each act is a version (`store::book::changes`).

#![allow(unused_qualifications, reason = "the macro that describes a path repeats the names of its arguments")]

use crate::guard::Caller;
use crate::problem::Problem;
use crate::records::{Names, RecordView, has_portal, record_of, view};
use crate::wire::{Body, TheCaller, TheDesk};
use crate::work::{self, answer, party, typed_item};
use crate::{Desk, News};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use cccd::calendar::day_of;
use events::{Duty, Look};
use program::{Failure, Private, Text};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::book::{Book, Doing, Record, Stated};
use utoipa::ToSchema;
use visit::content::Content;
use visit::profile::Item;

type Answer<T> = Result<Json<T>, Problem>;

/// Why a record is corrected.
const CORRECTED: [&str; 6] = ["typing_error", "stay_changed", "guest_asked", "wrong_person", "portal_refused", "other"];
/// Why one is withdrawn.
const WITHDRAWN: [&str; 4] = ["wrong_person", "duplicate", "not_staying", "other"];
/// The longest note, in characters.
const LONGEST_NOTE: usize = 200;
/// Seconds of a day.
const DAY: i64 = 86_400;

/// What of a record is to be corrected.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// Answers by the field's identifier; the others stay as they are.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub answers: BTreeMap<String, Private>,
    /// What staff typed from a paper; where a chip was read there is nothing to correct.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub items: BTreeMap<Item, Private>,
    /// The party; an empty text is none.
    pub party: Option<String>,
    /// `typing_error`, `stay_changed`, `guest_asked`, `wrong_person`, `portal_refused` or `other`.
    pub why: String,
    /// What `other` is.
    #[schema(value_type = Option<String>)]
    pub note: Option<Private>,
    /// The version that whoever corrects it has seen.
    pub version: Option<u64>,
}

/// Why a record is taken out of what goes to the portal.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Withdrawal {
    /// `wrong_person`, `duplicate`, `not_staying` or `other`.
    pub why: String,
    /// What `other` is.
    #[schema(value_type = Option<String>)]
    pub note: Option<Private>,
}

/// A word of a closed list, and what was written beside it.
fn reason(why: &str, known: &[&'static str], note: Option<&Private>) -> Result<(&'static str, Option<Text>), Problem> {
    let of = || format!("is one of {}", known.join(", "));
    let why = known.iter().find(|word| **word == why).ok_or_else(|| Problem::invalid("why", &of()))?;
    let note = work::note(note, LONGEST_NOTE)?;
    if *why == "other" && note.is_none() {
        return Err(Problem::invalid("note", "is missing: say why in a few words"));
    }
    Ok((why, note))
}

/// Does something to a record that the caller has looked at, and shows them what became of it.
fn act(
    desk: &Desk,
    caller: &Caller,
    id: &str,
    (why, note): (Option<&str>, Option<Text>),
    change: impl FnOnce(&Book, &Record, &Doing<'_>) -> Result<(), Failure>,
) -> Answer<RecordView> {
    let record = record_of(desk, caller, Look::Record, id)?;
    doing(desk, caller, (why, note), |book, doing| change(book, &record, doing))?;
    let record = record_of(desk, caller, Look::Record, id)?;
    Ok(Json(view(desk, &Names::of(desk)?, &record, true)))
}

fn doing<T, E: Into<Failure>>(
    desk: &Desk,
    caller: &Caller,
    (why, note): (Option<&str>, Option<Text>),
    change: impl FnOnce(&Book, &Doing<'_>) -> Result<T, E>,
) -> Result<T, Problem> {
    let at = desk.site().now();
    let doing = Doing { by: &caller.by, role: caller.duty.unwrap_or(Duty::Program), why, note, at, day: &day_of(at) };
    let done = desk.site().change(|book| change(book, &doing)).map_err(Problem::conflict)?;
    desk.tell(News::Status);
    Ok(done)
}

/// What a record says when it is corrected.
fn corrected(desk: &Desk, record: &Record, wanted: &Correction) -> Result<Stated, Problem> {
    let profile = desk.profile();
    let mut stated = record.stated();
    for (id, given) in &wanted.answers {
        let field = profile.form().find(|field| field.id == *id);
        let field = field.ok_or_else(|| Problem::invalid("answers", "the profile does not ask for one of them"))?;
        let answer = answer(field, given)?;
        if answer.as_str().is_empty() {
            stated.answers.remove(id);
        } else {
            stated.answers.insert(id.clone(), answer);
        }
    }
    if record.content.source.is_chip() && !wanted.items.is_empty() {
        let (title, remedy) =
            ("what came from the chip cannot be edited", "read the card once more, and withdraw this one");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "chip_fixed", title, remedy));
    }
    for (item, given) in &wanted.items {
        if !given.0.trim().is_empty() {
            stated.items.insert(*item, typed_item(profile, *item, given)?);
        } else if matches!(item, Item::FullName | Item::DateOfBirth) {
            return Err(Problem::invalid(item.name(), "is missing"));
        } else {
            stated.items.remove(item);
        }
    }
    if let Some(name) = &wanted.party {
        stated.party = party(Some(name))?.filter(|name| !name.is_empty());
    }
    Ok(stated)
}

/// Corrects what people said: answers, the party, and what was typed in from a paper. It is a new version; the old ones stay.
#[utoipa::path(patch, path = "/v1/records/{id}", request_body = Correction,
    responses((status = 200, body = RecordView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
pub async fn correct(
    State(desk): TheDesk,
    caller: TheCaller,
    Path(id): Path<String>,
    Body(wanted): Body<Correction>,
) -> Answer<RecordView> {
    let (why, note) = reason(&wanted.why, &CORRECTED, wanted.note.as_ref())?;
    let record = record_of(&desk, &caller, Look::Record, &id)?;
    if wanted.version.is_some_and(|seen| seen != record.version) {
        let remedy = "look at the record again, then do it once more if it is still right";
        let title = "somebody else changed this record meanwhile";
        return Err(Problem::new(StatusCode::CONFLICT, "record_changed", title, remedy));
    }
    let stated = corrected(&desk, &record, &wanted)?;
    if stated == record.stated() {
        let (title, remedy) = ("everything is as it was", "change something, or close the form");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "nothing_changed", title, remedy));
    }
    let mut content = Content { answers: stated.answers.clone(), ..record.content.clone() };
    if !content.source.is_chip() {
        content.items.clone_from(&stated.items);
    }
    // Somebody whose number was typed wrong is found under the right one from now on.
    let bearer = content.bearer();
    doing(&desk, &caller, (Some(why), note), |book, doing| {
        let subject = bearer.map(|person| book.handle(&person));
        book.correct(&record, &stated, subject.as_ref(), doing)
    })?;
    let record = record_of(&desk, &caller, Look::Record, &id)?;
    Ok(Json(view(&desk, &Names::of(&desk)?, &record, true)))
}

fn no_portal() -> Problem {
    let (title, remedy) = ("this use has no portal to which people go", "correct the record instead");
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no_portal", title, remedy)
}

/// Takes a record out of what goes to the portal. One that the portal has is to be withdrawn there, too.
#[utoipa::path(post, path = "/v1/records/{id}/withdraw", request_body = Withdrawal,
    responses((status = 200, body = RecordView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
pub async fn withdraw(
    State(desk): TheDesk,
    caller: TheCaller,
    Path(id): Path<String>,
    Body(wanted): Body<Withdrawal>,
) -> Answer<RecordView> {
    let (why, note) = reason(&wanted.why, &WITHDRAWN, wanted.note.as_ref())?;
    if !has_portal(&desk) {
        return Err(no_portal());
    }
    let days = desk.profile().keep().map_or(1, |keep| keep.days);
    let erase_at = desk.site().now() + i64::from(days) * DAY;
    act(&desk, &caller, &id, (Some(why), note), |book, record, doing| book.withdraw(record, erase_at, doing))
}

/// Undoes that.
#[utoipa::path(delete, path = "/v1/records/{id}/withdraw",
    responses((status = 200, body = RecordView), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn restore(State(desk): TheDesk, caller: TheCaller, Path(id): Path<String>) -> Answer<RecordView> {
    let held = desk.profile().keep().is_some_and(|keep| keep.until_reported);
    act(&desk, &caller, &id, (None, None), |book, record, doing| book.restore(record, held, doing))
}

/// Somebody has corrected on the portal what was changed after the portal had it.
#[utoipa::path(post, path = "/v1/records/{id}/corrected",
    responses((status = 200, body = RecordView), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn corrected_there(State(desk): TheDesk, caller: TheCaller, Path(id): Path<String>) -> Answer<RecordView> {
    act(&desk, &caller, &id, (None, None), Book::corrected_at_portal)
}

/// Somebody or a party has left, on whatever day they came.
#[utoipa::path(post, path = "/v1/records/{id}/check-out", responses((status = 200), (status = 404, body = Problem)))]
pub async fn check_out(State(desk): TheDesk, caller: TheCaller, Path(id): Path<String>) -> Answer<Value> {
    let profile = desk.profile().id.clone();
    let left = doing(&desk, &caller, (None, None), |book, doing| book.check_out(&profile, &id, doing))?;
    if left.is_empty() {
        return Err(Problem::unknown("guest who is still here"));
    }
    Ok(Json(json!({ "left": left.len(), "records": left })))
}

/// Undoes that: one person, or those of a party who left last together.
#[utoipa::path(delete, path = "/v1/records/{id}/check-out", responses((status = 200), (status = 404, body = Problem)))]
pub async fn check_out_undone(State(desk): TheDesk, caller: TheCaller, Path(id): Path<String>) -> Answer<Value> {
    let profile = desk.profile().id.clone();
    let back = doing(&desk, &caller, (None, None), |book, doing| book.check_out_undone(&profile, &id, doing))?;
    if back.is_empty() {
        return Err(Problem::unknown("guest who has left"));
    }
    Ok(Json(json!({ "back": back.len(), "records": back })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_of_a_closed_list_and_what_is_other_is_said() {
        let note = Private::from("gõ nhầm phòng".to_owned());
        assert_eq!(reason("typing_error", &CORRECTED, None).expect("known"), ("typing_error", None));
        assert!(reason("other", &CORRECTED, Some(&note)).expect("said").1.is_some());
        let field = |why: &str, note: Option<&Private>| reason(why, &WITHDRAWN, note).expect_err("refused").field;
        assert_eq!(field("because", None).as_deref(), Some("why"));
        assert_eq!(field("typing_error", None).as_deref(), Some("why"), "no reason to withdraw anybody");
        assert_eq!(field("other", Some(&Private::from(" ".to_owned()))).as_deref(), Some("note"));
    }
}
