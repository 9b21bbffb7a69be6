//! What staff do besides visits and records: print again, people without a chip, lists of people, attendance. For whom each is stands in [`crate::rights`].

#![allow(unused_qualifications, reason = "the macro that describes a path repeats the names of its arguments")]

use crate::guard::{self, Caller};
use crate::paper;
use crate::problem::Problem;
use crate::records::record_of;
use crate::wire::{Body, TheCaller, TheDesk, file};
use crate::{Desk, News};
use axum::Json;
use axum::body::Bytes as RawBody;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use cccd::Code;
use cccd::calendar::day_of;
use cccd::number::Sex;
use events::Look;
use handoff::lodging::{self, Guest, Layout};
use program::{Failure, Private, Text, TextError};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::book::Served;
use utoipa::ToSchema;
use verdict::{Admission, Rung};
use visit::content::{Assurance, Content, Paper, Reason, Released, Source, Vouching};
use visit::finished::{Agreed, ConsentAct, Finished, Keeping};
use visit::profile::{Accept, FormField, Item, LONGEST_ANSWER, Profile, Unfit};

/// The longest name of a member of staff, in characters.
const LONGEST_NAME: usize = 80;
/// The longest name of a party, or of a visit at a client, in characters.
pub(super) const LONGEST_PARTY: usize = 128;

/// Somebody of staff answers for going on: whoever is on duty, by the name that the register has, and nobody else.
pub(super) fn vouching(desk: &Desk, caller: &Caller, reason: Reason) -> Result<Vouching, Problem> {
    let person = desk.on_duty(caller)?.ok_or_else(guard::locked)?;
    Ok(Vouching { name: typed_text("name", &person.name, LONGEST_NAME)?, reason })
}

/// What somebody typed at the desk, or another program sent, into a field that has a greatest length.
pub(super) fn typed_text(field: &str, text: &str, longest: usize) -> Result<Text, Problem> {
    let text = Text::typed(text).map_err(|error| Problem::text(field, error))?;
    if text.as_str().chars().count() > longest {
        return Err(Problem::text(field, TextError::Long(longest)));
    }
    Ok(text)
}

/// What somebody adds in their own words, where they do.
pub(super) fn note(given: Option<&Private>, longest: usize) -> Result<Option<Text>, Problem> {
    let note = given.map(|note| typed_text("note", &note.0, longest)).transpose()?;
    Ok(note.filter(|note| !note.as_str().is_empty()))
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
        let answer = answer(field, &given.remove(&field.id).unwrap_or_default())?;
        if !answer.as_str().is_empty() {
            answers.insert(field.id.clone(), answer);
        }
    }
    match given.into_keys().next() {
        Some(_) => Err(Problem::invalid("answers", "the profile does not ask for one of them")),
        None => Ok(answers),
    }
}

/// An answer to one field; an empty text where it may be left empty.
pub(super) fn answer(field: &FormField, given: &Private) -> Result<Text, Problem> {
    field.take(&given.0).map_err(|unfit| match unfit {
        Unfit::Missing => Problem::invalid(&field.id, "is missing"),
        Unfit::Form => Problem::invalid(&field.id, "has not the form that it must have"),
        Unfit::Text(error) => Problem::text(&field.id, error),
    })
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
    /// Why. Who they are says the register.
    pub reason: Reason,
}

/// What a paper says, as staff type it in.
pub(super) fn typed_item(profile: &Profile, item: Item, value: &Private) -> Result<Text, Problem> {
    if !profile.takes(item) || item == Item::Portrait {
        return Err(Problem::invalid(item.name(), "the profile does not take it"));
    }
    let date = matches!(item, Item::DateOfBirth | Item::IssueDate | Item::ExpiryDate);
    if date && cccd::date::CardDate::from_text(&value.0).is_none() {
        return Err(Problem::invalid(item.name(), "is no date: dd/MM/yyyy, or the year alone"));
    }
    let text = typed_text(item.name(), &value.0, LONGEST_ANSWER)?;
    // The portal takes this one spelling.
    let ours = item == Item::Nationality && is_vietnam(text.as_str());
    Ok(if ours { Text::cleaned("Việt Nam") } else { text })
}

/// Whether a text is how people write this state: with marks or without, in one word or two, or its codes.
fn is_vietnam(text: &str) -> bool {
    let plain = cccd::name::Folded::new(text).plain().replace(' ', "");
    matches!(plain.as_str(), "vietnam" | "vnm" | "vn")
}

/// What of a citizen card's code may be typed in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Scan {
    /// What a scanner read.
    #[schema(value_type = String)]
    pub scan: Private,
}

/// What the code of a citizen card says, by the names of the profile's items, for a form that staff fill in. Nobody has verified
/// it, and nothing is kept.
#[utoipa::path(post, path = "/v1/typed/scan", request_body = Scan, responses((status = 200), (status = 422, body = Problem)))]
pub async fn scan(State(desk): TheDesk, Body(scan): Body<Scan>) -> Result<Json<Value>, Problem> {
    let code = Code::of(&scan.scan.0);
    let Code::CitizenCard(qr) = &code else {
        // Whatever opens a chip but says nothing of its holder is read by the chip.
        reading::access::from_scan(&scan.scan.0, false)?;
        return Err(Problem::invalid("scan", "is no code of a citizen card"));
    };
    let sex = qr.sex.as_deref().and_then(Sex::from_text).map(|sex| match sex {
        Sex::Male => "Nam",
        Sex::Female => "Nữ",
    });
    let said = [
        (Item::IdNumber, Some(qr.number.digits().to_owned())),
        (Item::FullName, qr.name.clone()),
        (Item::DateOfBirth, qr.birth.and_then(cccd::CardDate::day_first)),
        (Item::Sex, sex.map(str::to_owned)),
        (Item::Residence, qr.residence.clone()),
        (Item::IssueDate, qr.issued.and_then(cccd::CardDate::day_first)),
        (Item::OldIdNumber, Some(qr.old_numbers.join("; ")).filter(|old| !old.is_empty())),
    ];
    let taken = said.into_iter().filter(|(item, _)| desk.profile().takes(*item));
    let items: BTreeMap<&str, String> =
        taken.filter_map(|(item, value)| Some((item.name(), Text::cleaned(&value?).as_str().to_owned()))).collect();
    Ok(Json(json!({ "items": items })))
}

/// What the profile makes of somebody without a chip.
fn assured(desk: &Desk, caller: &Caller, seen: Option<Paper>, by: Option<TypedBy>) -> Result<Assurance, Problem> {
    let profile = desk.profile();
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
        (_, Some(by)) => assurance.staff = Some(vouching(desk, caller, by.reason)?),
        (_, None) => {}
    }
    Ok(assurance)
}

/// Takes in somebody without a chip: a child in a party, say. It stands in every record and file as not verified.
#[utoipa::path(post, path = "/v1/typed", request_body = Typed, responses((status = 201), (status = 422, body = Problem)))]
pub async fn typed(
    State(desk): TheDesk,
    caller: TheCaller,
    Body(typed): Body<Typed>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let profile = Arc::clone(desk.profile());
    if !profile.accepts(Accept::Typed) {
        let (title, remedy) = ("this profile reads cards only", "read the card");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "typed_not_accepted", title, remedy));
    }
    let mut items = BTreeMap::new();
    for (item, value) in &typed.items {
        items.insert(*item, typed_item(&profile, *item, value)?);
    }
    for wanted in [Item::FullName, Item::DateOfBirth] {
        if profile.takes(wanted) && items.get(&wanted).is_none_or(|value: &Text| value.as_str().is_empty()) {
            return Err(Problem::invalid(wanted.name(), "is missing"));
        }
    }
    let content = Content {
        source: Source::Typed,
        assurance: Some(assured(&desk, &caller, typed.seen, typed.staff)?),
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
    let served = Served { staff: Some(caller.by.clone()), took: None };
    match desk.site().keep_by(&profile, &finished, served)? {
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
    fn this_state_is_written_as_the_portal_takes_it() {
        let profile = Profile::built_in("lodging").expect("profile");
        let typed = |text: &str| {
            typed_item(&profile, Item::Nationality, &text.to_owned().into()).expect("typed").as_str().to_owned()
        };
        for ours in ["Viet Nam", "việt nam", "Vietnam", "VNM", " Việt Nam "] {
            assert_eq!(typed(ours), "Việt Nam", "{ours}");
        }
        assert_eq!([typed("USA"), typed("Lào")], ["USA", "Lào"]);
        let wrong = typed_item(&profile, Item::DateOfBirth, &"soon".to_owned().into()).expect_err("no date");
        assert_eq!(wrong.field.as_deref(), Some("date_of_birth"));
    }

    #[test]
    fn a_pass_phrase_survives_the_header() {
        assert_eq!(*percent_decoded(b"m%E1%BA%ADt%20kh%E1%BA%A9u%"), "mật khẩu%".as_bytes());
    }
}
