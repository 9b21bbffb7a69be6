//! What staff do besides visits: the list of the day, print again, people without a chip, parties, the police portal,
//! lists of people, attendance, corrections, practice. For whom each is stands in [`crate::rights`].

#![allow(unused_qualifications, reason = "the macro that describes a path repeats the names of its arguments")]

use crate::guard::Caller;
use crate::paper;
use crate::problem::Problem;
use crate::wire::{Body, TheCaller, TheDesk, file};
use crate::{Desk, News};
use axum::Json;
use axum::body::Bytes as RawBody;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use cccd::calendar::day_of;
use events::Look;
use handoff::lodging::{self, Guest, Layout};
use handoff::table;
use program::{Failure, Private, Text, TextError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::book::{self, Record};
use utoipa::{IntoParams, ToSchema};
use verdict::{Admission, Rung};
use visit::content::{Assurance, Content, Difference, PORTRAIT_REASON, Paper, Reason, Released, Source, Vouching};
use visit::finished::{Agreed, ConsentAct, Finished, Keeping};
use visit::profile::{Accept, Item, LONGEST_ANSWER, Profile, Unfit};

/// The longest name of a member of staff, in characters.
const LONGEST_NAME: usize = 80;
/// The longest name of a party, or of a visit at a client, in characters.
pub(super) const LONGEST_PARTY: usize = 128;

/// Somebody of staff who answers for going on; they have to be named.
pub(super) fn vouching(name: &Private, reason: Reason) -> Result<Vouching, Problem> {
    let name = typed_text("name", &name.0, LONGEST_NAME)?;
    if name.as_str().is_empty() {
        return Err(Problem::invalid("name", "is missing"));
    }
    Ok(Vouching { name, reason })
}

/// What somebody typed at the desk, or another program sent, into a field that has a greatest length.
pub(super) fn typed_text(field: &str, text: &str, longest: usize) -> Result<Text, Problem> {
    let text = Text::typed(text).map_err(|error| Problem::text(field, error))?;
    if text.as_str().chars().count() > longest {
        return Err(Problem::text(field, TextError::Long(longest)));
    }
    Ok(text)
}

/// The name of a party, where there is one.
pub(super) fn party(name: Option<&String>) -> Result<Option<String>, Problem> {
    name.map(|name| Ok(typed_text("party", name, LONGEST_PARTY)?.as_str().to_owned())).transpose()
}

/// The answers that a profile asks for; nothing that it does not ask for is taken.
pub(super) fn answers(
    profile: &Profile,
    mut given: BTreeMap<String, Private>,
) -> Result<BTreeMap<String, Text>, Problem> {
    let mut answers = BTreeMap::new();
    for field in profile.form() {
        let answer = given.remove(&field.id).unwrap_or_default();
        let answer = field.take(&answer.0).map_err(|unfit| match unfit {
            Unfit::Missing => Problem::invalid(&field.id, "is missing"),
            Unfit::Form => Problem::invalid(&field.id, "has not the form that it must have"),
            Unfit::Text(error) => Problem::text(&field.id, error),
        })?;
        if !answer.as_str().is_empty() {
            answers.insert(field.id.clone(), answer);
        }
    }
    match given.into_keys().next() {
        Some(_) => Err(Problem::invalid("answers", "the profile does not ask for one of them")),
        None => Ok(answers),
    }
}

pub(super) fn differences(differences: &[Difference]) -> Vec<Value> {
    differences.iter().map(|d| json!({ "item": d.item, "listed": *d.listed.0, "chip": *d.chip.0 })).collect()
}

/// A record as staff see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordView {
    /// Identifier.
    pub id: String,
    /// Seconds since 1970.
    pub at: i64,
    /// The number of the ticket or receipt.
    pub number: Option<String>,
    /// The party.
    pub party: Option<String>,
    /// `citizen_card`, `passport` or `typed`.
    #[schema(value_type = String)]
    pub source: Source,
    /// How much is assured of them, and by what.
    #[schema(value_type = Option<Object>)]
    pub assurance: Option<Value>,
    /// Who of staff went on with them, where the profile leaves it to staff.
    #[schema(value_type = Option<String>)]
    pub staff: Option<Text>,
    /// What the profile grants the desk. Portraits come with a single record only.
    #[schema(value_type = Object)]
    pub holder: Value,
    /// Items of the card of which characters were left out that nobody could see.
    pub mended: Vec<&'static str>,
    /// Where the list says something else than the chip.
    #[schema(value_type = Vec<Object>)]
    pub differences: Vec<Value>,
    /// The file for the portal that it went into.
    pub batch: Option<i64>,
    /// When they left.
    pub gone_at: Option<i64>,
    /// Recipients, and how it stands with each: `due`, `refused` or `done`.
    pub deliveries: BTreeMap<String, String>,
}

/// What the profile grants the desk of somebody.
fn holder(desk: &Desk, record: &Record, with_portrait: bool) -> Value {
    let released = Released::new(desk.profile(), "desk", &record.content);
    let mut holder = released.map(|released| released.to_json()).unwrap_or_default();
    if !with_portrait && let Some(map) = holder.as_object_mut() {
        map.remove(Item::Portrait.name());
        map.remove(PORTRAIT_REASON);
    }
    holder
}

fn view(desk: &Desk, record: &Record, with_portrait: bool) -> RecordView {
    let deliveries = desk.site().book().deliveries_of(&record.id).unwrap_or_default();
    RecordView {
        id: record.id.clone(),
        at: record.at,
        number: record.number.clone(),
        party: record.party.clone(),
        source: record.content.source,
        assurance: record.content.assurance.as_ref().map(Assurance::to_json),
        staff: record.content.assurance.as_ref().and_then(|a| Some(a.staff.as_ref()?.name.clone())),
        holder: holder(desk, record, with_portrait),
        mended: record.content.mended.iter().map(|item| item.name()).collect(),
        differences: differences(&record.content.differences),
        batch: record.batch,
        gone_at: record.gone_at,
        deliveries: deliveries.into_iter().collect(),
    }
}

/// Which records are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
pub struct Which {
    /// `YYYY-MM-DD`; today without it.
    pub day: Option<String>,
    /// Words that stand in name, number, room or the like, without regard to case and marks.
    pub q: Option<String>,
}

/// Plain small letters: what people type when they look for a name.
fn plain(text: &str) -> String {
    cccd::name::Folded::new(text).search().to_string()
}

/// Whether each word that is looked for stands somewhere in what staff see of a record: letters without regard to marks, or
/// digits.
fn found(holder: &Value, number: Option<&str>, wanted: &str) -> bool {
    fn holds(value: &Value, letters: &str, word: &str) -> bool {
        match value {
            Value::String(text) => {
                (!letters.is_empty() && plain(text).contains(letters)) || text.to_lowercase().contains(word)
            }
            Value::Object(map) => map.values().any(|value| holds(value, letters, word)),
            _ => false,
        }
    }
    wanted.to_lowercase().split_whitespace().all(|word| {
        // What has digits in it is a number, a room or a plate, and no name.
        let letters = if word.contains(|c: char| c.is_ascii_digit()) { String::new() } else { plain(word) };
        holds(holder, &letters, word) || number.is_some_and(|number| number.to_lowercase().contains(word))
    })
}

fn list(desk: &Desk, caller: &Caller, what: Look, which: &Which) -> Result<Vec<RecordView>, Problem> {
    let day = which.day.clone().unwrap_or_else(|| day_of(desk.site().now()));
    let wanted = which.q.as_deref().map(str::trim).filter(|wanted| !wanted.is_empty());
    let what = if what == Look::List && wanted.is_some() { Look::Search } else { what };
    // Only who is found was looked at.
    let keep = |record: &Record| {
        wanted.is_none_or(|wanted| found(&holder(desk, record, false), record.number.as_deref(), wanted))
    };
    let records = desk.look(caller, what, book::Which::Day(&day, &desk.profile().id), keep)?;
    Ok(records.iter().map(|record| view(desk, record, false)).collect())
}

/// The list of a day.
#[utoipa::path(get, path = "/v1/records", params(Which), responses((status = 200, body = Vec<RecordView>)))]
pub async fn records(
    State(desk): TheDesk,
    caller: TheCaller,
    Query(which): Query<Which>,
) -> Result<Json<Vec<RecordView>>, Problem> {
    Ok(Json(list(&desk, &caller, Look::List, &which)?))
}

fn record_of(desk: &Desk, caller: &Caller, what: Look, id: &str) -> Result<Record, Problem> {
    let keep = |record: &Record| record.profile == desk.profile().id;
    desk.look(caller, what, book::Which::One(id), keep)?.pop().ok_or_else(|| Problem::unknown("record"))
}

/// One record, with its portrait.
#[utoipa::path(get, path = "/v1/records/{id}", responses((status = 200, body = RecordView), (status = 404, body = Problem)))]
pub async fn record(
    State(desk): TheDesk,
    caller: TheCaller,
    Path(id): Path<String>,
) -> Result<Json<RecordView>, Problem> {
    Ok(Json(view(&desk, &record_of(&desk, &caller, Look::Record, &id)?, true)))
}

/// The list of a day as a table (CSV, UTF-8).
#[utoipa::path(get, path = "/v1/records.csv", params(Which), responses((status = 200, content_type = "text/csv")))]
pub async fn export(State(desk): TheDesk, caller: TheCaller, Query(which): Query<Which>) -> Result<Response, Problem> {
    let fields = desk.profile().recipient("desk").map(|recipient| recipient.fields.clone()).unwrap_or_default();
    let fields: Vec<String> = fields.into_iter().filter(|name| name != Item::Portrait.name()).collect();
    let head = ["at", "number", "assurance"].into_iter().map(str::to_owned);
    let mut rows = vec![head.chain(fields.iter().cloned()).collect()];
    for record in list(&desk, &caller, Look::Export, &which)? {
        let value = |name: &String| {
            let place = format!("/{}", name.replace('.', "/"));
            record.holder.pointer(&place).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let at = format!("{} {}", cccd::calendar::date_of(record.at), cccd::calendar::time_of(record.at));
        let rung = record.assurance.as_ref().and_then(|assurance| assurance["rung"].as_str()).unwrap_or_default();
        let own = [at, record.number.clone().unwrap_or_default(), rung.to_owned()];
        rows.push(own.into_iter().chain(fields.iter().map(value)).collect());
    }
    let day = which.day.unwrap_or_else(|| day_of(desk.site().now()));
    Ok(file(&format!("{}-{day}.csv", desk.profile().id), "text/csv; charset=utf-8", table::csv(&rows)?))
}

/// Where the list says something else than the chips of a day, as a table for whoever corrects the list.
#[utoipa::path(get, path = "/v1/corrections.csv", params(Which), responses((status = 200, content_type = "text/csv")))]
pub async fn corrections(
    State(desk): TheDesk,
    caller: TheCaller,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    let day = which.day.unwrap_or_else(|| day_of(desk.site().now()));
    let keep = |record: &Record| !record.content.differences.is_empty();
    let records = desk.look(&caller, Look::Corrections, book::Which::Day(&day, &desk.profile().id), keep)?;
    let mut rows = vec![["id_number", "item", "listed", "chip"].map(str::to_owned).to_vec()];
    for record in &records {
        let number = record.content.get(Item::IdNumber.name()).map(|n| n.0.to_string()).unwrap_or_default();
        for differs in &record.content.differences {
            let (listed, chip) = (differs.listed.0.to_string(), differs.chip.0.to_string());
            rows.push(vec![number.clone(), differs.item.name().to_owned(), listed, chip]);
        }
    }
    Ok(file(&format!("corrections-{day}.csv"), "text/csv; charset=utf-8", table::csv(&rows)?))
}

/// Prints a record once more: on the roll where there is a printer, else the lines for the browser to print.
#[utoipa::path(post, path = "/v1/records/{id}/print", responses((status = 200), (status = 404, body = Problem)))]
pub async fn print(State(desk): TheDesk, caller: TheCaller, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let record = record_of(&desk, &caller, Look::Print, &id)?;
    let Some(print) = desk.profile().print() else { return Err(Problem::unknown("thing to print")) };
    let kept = paper::kept(desk.site(), desk.profile(), &record);
    let printed = desk.print_again(print.kind, &kept);
    let lines: Vec<&str> = kept.lines.iter().map(|line| line.0.as_str()).collect();
    Ok(Json(
        json!({ "printed": printed, "kind": print.kind, "number": kept.number, "place": kept.place, "lines": lines }),
    ))
}

/// The signed statement of a record (COSE_Sign1).
#[utoipa::path(get, path = "/v1/records/{id}/attestation",
    responses((status = 200, content_type = "application/cose"), (status = 404, body = Problem)))]
pub async fn attestation(State(desk): TheDesk, caller: TheCaller, Path(id): Path<String>) -> Result<Response, Problem> {
    let record = record_of(&desk, &caller, Look::Attestation, &id)?;
    let bytes = paper::attestation(desk.site(), desk.profile(), &record)?;
    Ok(file(&format!("attestation-{}.cose", &id[..8.min(id.len())]), "application/cose", bytes))
}

/// Somebody or a party has left.
#[utoipa::path(post, path = "/v1/records/{id}/check-out", responses((status = 200), (status = 404, body = Problem)))]
pub async fn check_out(State(desk): TheDesk, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let left = desk.site().book().check_out(&id, desk.site().now())?;
    if left == 0 {
        return Err(Problem::unknown("guest who is still here"));
    }
    desk.tell(News::Status);
    Ok(Json(json!({ "left": left })))
}

/// Somebody without a chip, whom staff type in from a paper.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Typed {
    /// What the paper says, by the names of the profile's items.
    #[schema(value_type = Object)]
    pub items: BTreeMap<Item, Private>,
    /// The form.
    #[schema(value_type = Object)]
    pub answers: BTreeMap<String, Private>,
    /// The party.
    pub party: Option<String>,
    /// What staff saw of them; without it, it is what somebody says.
    pub seen: Option<Paper>,
    /// Who of staff goes on, and why, where the profile leaves it to staff.
    pub staff: Option<TypedBy>,
    /// The language in which they, or who speaks for them, were told what for, and agreed.
    pub agreed: String,
}

/// Who of staff goes on with somebody who was typed in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TypedBy {
    /// Their name.
    #[schema(value_type = String)]
    pub name: Private,
    /// Why.
    pub reason: Reason,
}

/// What the profile makes of somebody without a chip.
fn assured(profile: &Profile, seen: Option<Paper>, by: Option<TypedBy>) -> Result<Assurance, Problem> {
    let rung = if seen.is_some() { Rung::Shown } else { Rung::Claimed };
    let admission = profile.terms().assured(rung, false);
    let refused = |remedy| {
        let title = format!("this use asks for more than {}", rung.code());
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "assurance_too_low", title, remedy)
    };
    let mut assurance = Assurance::without_chip(seen, admission);
    match (admission, by) {
        (Admission::Refused(_), _) => return Err(refused("read the card")),
        (Admission::AskStaff(_), None) => return Err(refused("say who of staff goes on, and why, or read the card")),
        (_, Some(by)) => assurance.staff = Some(vouching(&by.name, by.reason)?),
        (_, None) => {}
    }
    Ok(assurance)
}

/// Takes in somebody without a chip: a child in a party, say. It stands in every record and file as not verified.
#[utoipa::path(post, path = "/v1/typed", request_body = Typed, responses((status = 201), (status = 422, body = Problem)))]
pub async fn typed(State(desk): TheDesk, Body(typed): Body<Typed>) -> Result<(StatusCode, Json<Value>), Problem> {
    let profile = Arc::clone(desk.profile());
    if !profile.accepts(Accept::Typed) {
        let (title, remedy) = ("this profile reads cards only", "read the card");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "typed_not_accepted", title, remedy));
    }
    let mut items = BTreeMap::new();
    for (item, value) in &typed.items {
        if !profile.takes(*item) || *item == Item::Portrait {
            return Err(Problem::invalid(item.name(), "the profile does not take it"));
        }
        let date = matches!(item, Item::DateOfBirth | Item::IssueDate | Item::ExpiryDate);
        if date && cccd::date::CardDate::from_text(&value.0).is_none() {
            return Err(Problem::invalid(item.name(), "is no date: dd/MM/yyyy, or the year alone"));
        }
        items.insert(*item, typed_text(item.name(), &value.0, LONGEST_ANSWER)?);
    }
    for wanted in [Item::FullName, Item::DateOfBirth] {
        if profile.takes(wanted) && items.get(&wanted).is_none_or(|value: &Text| value.as_str().is_empty()) {
            return Err(Problem::invalid(wanted.name(), "is missing"));
        }
    }
    let content = Content {
        source: Source::Typed,
        assurance: Some(assured(&profile, typed.seen, typed.staff)?),
        items,
        answers: answers(&profile, typed.answers)?,
        ..Content::default()
    };
    if let Some(released) = Released::new(&profile, lodging::PORTAL, &content) {
        // What the portal would not take is mended while the paper lies there.
        lodging::check(&layout(&desk)?, &Guest::new(released), 1)?;
    }
    let visit = visit::finished::random_id()?;
    let language = if typed.agreed == "en" { "en" } else { "vi" };
    desk.site().consented(&profile, visit, &Agreed { act: ConsentAct::ToldStaff, language })?;
    let finished = Finished { visit, sequence: 0, content, party: party(typed.party.as_ref())? };
    match desk.site().keep(&profile, &finished)? {
        Keeping::Kept(kept) => {
            desk.tell(News::Status);
            Ok((StatusCode::CREATED, Json(json!({ "record": kept.id, "number": kept.number }))))
        }
        Keeping::TooLate(refusal) => {
            let title = "somebody else was first";
            Err(Problem::new(StatusCode::CONFLICT, refusal.code(), title, "look at the list"))
        }
    }
}

/// The list in force, without anybody's name.
#[utoipa::path(get, path = "/v1/roster", responses((status = 200), (status = 404, body = Problem)))]
pub async fn roster(State(desk): TheDesk) -> Result<Json<Value>, Problem> {
    let list = desk.site().roster(&desk.profile().id).ok_or_else(|| Problem::unknown("list"))?;
    let roster = list.roster();
    let today = cccd::calendar::in_vietnam(desk.site().now()).date();
    Ok(Json(json!({
        "id": roster.id, "version": roster.version, "title": roster.title, "valid_from": roster.valid_from,
        "valid_until": roster.valid_until, "entries": roster.entries.len(), "valid_today": roster.is_valid_on(today),
    })))
}

/// Takes a list in: the signed and sealed file as the body, its pass phrase in the header `X-Pass-Phrase`.
#[utoipa::path(post, path = "/v1/roster", responses((status = 200), (status = 422, body = Problem)))]
pub async fn import_roster(State(desk): TheDesk, headers: HeaderMap, body: RawBody) -> Result<Json<Value>, Problem> {
    let phrase = headers.get("x-pass-phrase").map(axum::http::HeaderValue::as_bytes);
    // The phrase comes from a form in the page: percent signs stand for what a header cannot hold.
    let phrase = phrase.map(percent_decoded);
    let phrase = phrase.as_deref().map(Vec::as_slice);
    let list = desk.site().import_roster(&desk.profile().id, &body, phrase)?;
    desk.tell(News::Status);
    Ok(Json(
        json!({ "id": list.roster().id, "version": list.roster().version, "entries": list.roster().entries.len() }),
    ))
}

fn percent_decoded(text: &[u8]) -> zeroize::Zeroizing<Vec<u8>> {
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

/// Who was here for the list in force: signed by this device (COSE_Sign1, kind `attendance`), by keyed hash, with
/// what the list assigns. Other rooms take it in with `cccd-agent attendance merge`.
#[utoipa::path(get, path = "/v1/attendance", responses((status = 200, content_type = "application/cose"), (status = 404, body = Problem)))]
pub async fn attendance(State(desk): TheDesk) -> Result<Response, Problem> {
    let bytes = site::attendance::sign(desk.site(), desk.profile())?;
    let name = format!("attendance-{}-{}.cose", desk.site().config.device, day_of(desk.site().now()));
    Ok(file(&name, "application/cose", bytes))
}

/// Takes another room's attendance in; who stands in both is named by seat.
#[utoipa::path(post, path = "/v1/attendance", responses((status = 200), (status = 422, body = Problem)))]
pub async fn merge_attendance(State(desk): TheDesk, body: RawBody) -> Result<Json<Value>, Problem> {
    let merged = site::attendance::merge(desk.site(), desk.profile(), &body)?;
    Ok(Json(json!(merged)))
}

/// Tries everything again now that waits for a recipient.
#[utoipa::path(post, path = "/v1/deliveries/retry", responses((status = 200)))]
pub async fn retry(State(desk): TheDesk) -> Result<Json<Value>, Problem> {
    let count = desk.site().book().retry(desk.site().now())?;
    desk.site().courier().wake();
    Ok(Json(json!({ "tried": count })))
}

/// The layout of the portal's file.
pub(crate) fn layout(desk: &Desk) -> Result<Layout, Failure> {
    let config = desk.site().config.lodging.as_ref();
    Layout::load(config.and_then(|lodging| lodging.columns.as_deref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_asked_for_is_taken() {
        let profile = Profile::built_in("lodging").expect("profile");
        let form = |extra: &[(&str, &str)]| {
            let base =
                [("room", "101"), ("arrival", "23/11/2026"), ("departure", "25/11/2026"), ("reason", "1 - Du lịch")];
            let all = base.iter().chain(extra).map(|(id, value)| ((*id).to_owned(), (*value).to_owned().into()));
            answers(&profile, all.collect())
        };
        assert_eq!(form(&[]).expect("complete").len(), 4);
        for wrong in [
            ("room", " "),
            ("arrival", "2026-11-23"),
            ("departure", "31/02/2026"),
            ("reason", "Du lịch"),
            ("religion", "x"),
        ] {
            let problem = form(&[wrong]).expect_err(wrong.0);
            assert_eq!(problem.code, "form_invalid");
            assert!(!problem.title.contains(wrong.1) || wrong.1 == "x" || wrong.1 == " ", "{}", problem.title);
        }
    }

    #[test]
    fn a_name_is_found_as_people_type_it() {
        let holder =
            json!({ "full_name": "Đặng Thị Ngọc Ánh", "id_number": "001099000017", "form": { "room": "P201" } });
        let found = |wanted| found(&holder, Some("A017"), wanted);
        for wanted in ["ngoc anh", "Ngọc Ánh", "dang", "0017", "a017", "201", "anh p201"] {
            assert!(found(wanted), "{wanted}");
        }
        for other in ["binh", "999", "ngoc binh", "anh 999"] {
            assert!(!found(other), "{other}");
        }
    }

    #[test]
    fn a_pass_phrase_survives_the_header() {
        assert_eq!(*percent_decoded(b"m%E1%BA%ADt%20kh%E1%BA%A9u%"), "mật khẩu%".as_bytes());
    }
}
