//! What staff do besides visits and records: print again, people without a chip, lists of people, attendance. For whom each is stands in [`crate::rights`].

#![allow(unused_qualifications, reason = "the macro that describes a path repeats the names of its arguments")]

use crate::guard::{self, Caller};
use crate::paper;
use crate::people::Enter;
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
use cccd::date::{CardDate, Century};
use cccd::document::Kind;
use cccd::number::Sex;
use emrtd::Mrz;
use events::Look;
use handoff::lodging::{self, Guest, Layout};
use program::{Failure, Private, Text, TextError};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::book::Served;
use time::Date;
use utoipa::ToSchema;
use visit::content::{Content, Paper, Reason, Released, Vouching};
use visit::finished::{Agreed, ConsentAct, Finished, Keeping};
use visit::group::is_vietnam;
use visit::profile::{FormField, Item, LONGEST_ANSWER, Profile, Step, Unfit};
use visit::without_chip::{self, NoWay, SecondNeeded, Way};

/// The longest name of a member of staff, in characters.
const LONGEST_NAME: usize = 80;
/// The longest name of a party, or of a visit at a client, in characters.
pub(super) const LONGEST_PARTY: usize = 128;

/// Somebody of staff answers for going on: whoever is on duty, by the name that the register has, and nobody else.
pub(super) fn vouching(desk: &Desk, caller: &Caller, reason: Reason) -> Result<Vouching, Problem> {
    let person = desk.on_duty(caller)?.ok_or_else(guard::locked)?;
    Ok(Vouching { name: typed_text("name", &person.name, LONGEST_NAME)?, reason, second: None })
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

/// The answers that a profile asks somebody for on a day; nothing that it does not ask them for is taken.
pub(super) fn answers(
    profile: &Profile,
    content: &Content,
    today: Date,
    mut given: BTreeMap<String, Private>,
) -> Result<BTreeMap<String, Text>, Problem> {
    let mut answers = BTreeMap::new();
    for field in profile.form() {
        let said = given.remove(&field.id).unwrap_or_default();
        if !field.is_asked_of(content, today) {
            if !said.0.trim().is_empty() {
                return Err(Problem::invalid(&field.id, "is not asked of them"));
            }
            continue;
        }
        let answer = answer(field, &said)?;
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
    /// Somebody else of staff who approves it, where the profile asks for two.
    pub second: Option<Enter>,
}

/// What a paper says, as staff type it in.
pub(super) fn typed_item(profile: &Profile, item: Item, value: &Private) -> Result<Text, Problem> {
    if !profile.takes(item) || item == Item::Portrait {
        return Err(Problem::invalid(item.name(), "the profile does not take it"));
    }
    let date = matches!(item, Item::DateOfBirth | Item::IssueDate | Item::ExpiryDate);
    if date && CardDate::from_text(&value.0).is_none() {
        return Err(Problem::invalid(item.name(), "is no date: dd/MM/yyyy, or the year alone"));
    }
    let text = typed_text(item.name(), &value.0, LONGEST_ANSWER)?;
    if !without_chip::is_number(profile, item, text.as_str()) {
        return Err(Problem::invalid(item.name(), "has twelve digits; another paper's number is document_number"));
    }
    // The portal takes this one spelling.
    if item == Item::Nationality && is_vietnam(text.as_str()) {
        return Ok(Text::cleaned("Việt Nam"));
    }
    // Chosen from the portal's list it is the portal's code.
    let chosen = (item == Item::Nationality && profile.recipient(lodging::PORTAL).is_some())
        .then(|| lodging::lists::nationality(text.as_str()))
        .flatten();
    Ok(chosen.map_or(text, Text::cleaned))
}

/// What of a citizen card's code may be typed in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Scan {
    /// What a scanner read.
    #[schema(value_type = String)]
    pub scan: Private,
}

/// The machine readable lines of a paper, if all their check digits fit.
fn lines(scan: &str) -> Option<Mrz> {
    let signs = scan.chars().filter(|sign| !sign.is_whitespace());
    let text = zeroize::Zeroizing::new(signs.map(|sign| sign.to_ascii_uppercase()).collect::<String>());
    Mrz::parse(&text).ok().filter(|mrz| mrz.check_digits_ok)
}

/// What machine readable lines say; whoever wrote them, nobody has verified it.
fn said_by_lines(mrz: &Mrz, today: Date) -> Vec<(Item, Option<String>)> {
    let words = |text: &str| text.replace('<', " ");
    let day = |text: &str, century| CardDate::from_mrz(text, century)?.day_first();
    let sex = Sex::from_mrz(mrz.sex).map(|sex| if sex == Sex::Male { "M" } else { "F" });
    vec![
        (Item::DocumentNumber, Some(mrz.document_number.clone())),
        (Item::FullName, Some(format!("{} {}", words(&mrz.surname), words(&mrz.given_names)).trim().to_owned())),
        (Item::DateOfBirth, day(&mrz.birth, Century::Birth { not_after: today.year() })),
        (Item::Sex, sex.map(str::to_owned)),
        (Item::Nationality, Some(mrz.nationality.clone())),
        (Item::ExpiryDate, day(&mrz.expiry, Century::Expiry)),
    ]
}

/// What the code of a citizen card, or the machine readable lines of another paper, say, by the names of the profile's items, for a form that
/// staff fill in. Nobody has verified it, and nothing is kept.
#[utoipa::path(post, path = "/v1/typed/scan", request_body = Scan, responses((status = 200), (status = 422, body = Problem)))]
pub async fn scan(State(desk): TheDesk, Body(scan): Body<Scan>) -> Result<Json<Value>, Problem> {
    let code = Code::of(&scan.scan.0);
    let filled = |said: Vec<(Item, Option<String>)>| {
        let taken = said.into_iter().filter(|(item, _)| desk.profile().takes(*item));
        let text =
            |(item, value): (Item, Option<String>)| Some((item.name(), Text::cleaned(&value?).as_str().to_owned()));
        taken.filter_map(text).collect::<BTreeMap<&str, String>>()
    };
    let Code::CitizenCard(qr) = &code else {
        if let Some(mrz) = lines(&scan.scan.0) {
            let today = cccd::calendar::in_vietnam(desk.site().now()).date();
            let seen = match Kind::of(&mrz, None) {
                Kind::Passport => Some(Paper::Passport),
                Kind::ResidenceCard => Some(Paper::ResidenceCard),
                Kind::CitizenCard | Kind::IdentityCard | Kind::Other => None,
            };
            return Ok(Json(json!({ "items": filled(said_by_lines(&mrz, today)), "seen": seen })));
        }
        // Whatever opens a chip but says nothing of its holder is read by the chip.
        reading::access::from_scan(&scan.scan.0, false)?;
        return Err(Problem::invalid("scan", "is no code of a citizen card"));
    };
    let sex = qr.sex.as_deref().and_then(Sex::from_text).map(|sex| match sex {
        Sex::Male => "Nam",
        Sex::Female => "Nữ",
    });
    let said = vec![
        (Item::IdNumber, Some(qr.number.digits().to_owned())),
        (Item::FullName, qr.name.clone()),
        (Item::DateOfBirth, qr.birth.and_then(CardDate::day_first)),
        (Item::Sex, sex.map(str::to_owned)),
        (Item::Residence, qr.residence.clone()),
        (Item::IssueDate, qr.issued.and_then(CardDate::day_first)),
        (Item::OldIdNumber, Some(qr.old_numbers.join("; ")).filter(|old| !old.is_empty())),
    ];
    Ok(Json(json!({ "items": filled(said), "seen": null })))
}

fn refused(code: &str, title: String, remedy: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, title, remedy)
}

/// Why a profile has no way in for somebody without a chip.
fn no_way(profile: &Profile, no: NoWay) -> Problem {
    match no {
        NoWay::NotTaken => {
            let why = profile.without_chip().why_not_en;
            let title = if why.is_empty() { "this profile reads cards only".to_owned() } else { why };
            refused("typed_not_accepted", title, "read the card")
        }
        NoWay::Paper(paper) => {
            let title = format!("this use does not take {}", paper.code());
            refused("paper_not_taken", title, "ask for another paper")
        }
        NoWay::TooLittle(rung) => {
            refused("assurance_too_low", format!("this use asks for more than {}", rung.code()), "read the card")
        }
    }
}

/// Who of staff answers for somebody without a chip, and who approves it where that takes two.
fn answered_for(desk: &Desk, caller: &Caller, way: Way, by: Option<TypedBy>) -> Result<Option<Vouching>, Problem> {
    let Some(by) = by else {
        let title = format!("this use asks for more than {}", way.rung.code());
        let remedy = "say who of staff goes on, and why, or read the card";
        return if way.asks_staff() { Err(refused("assurance_too_low", title, remedy)) } else { Ok(None) };
    };
    let mut vouching = vouching(desk, caller, by.reason)?;
    let named = by.second.as_ref().map(|second| second.staff.as_str());
    let approver = way.approver(&caller.by, named).map_err(|SecondNeeded| {
        let title = "a second member of staff approves this".to_owned();
        refused("second_person_needed", title, "have somebody else of staff choose their name and type their PIN")
    })?;
    if let Some((id, second)) = approver.zip(by.second.as_ref()) {
        let member = desk.watch.waits.enter(|| desk.site().book(), id, &second.pin.0, desk.now_ms())?;
        vouching.second = Some(typed_text("name", &member.name, LONGEST_NAME)?);
    }
    Ok(Some(vouching))
}

/// Takes in somebody without a chip: a child in a party, say. It stands in every record and file as not verified.
#[utoipa::path(post, path = "/v1/typed", request_body = Typed, responses((status = 201), (status = 422, body = Problem)))]
pub async fn typed(
    State(desk): TheDesk,
    caller: TheCaller,
    Body(typed): Body<Typed>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let profile = Arc::clone(desk.profile());
    let way = without_chip::way(&profile, typed.seen).map_err(|no| no_way(&profile, no))?;
    let mut items = BTreeMap::new();
    for (item, value) in &typed.items {
        items.insert(*item, typed_item(&profile, *item, value)?);
    }
    for wanted in [Item::FullName, Item::DateOfBirth] {
        if profile.takes(wanted) && items.get(&wanted).is_none_or(|value: &Text| value.as_str().is_empty()) {
            return Err(Problem::invalid(wanted.name(), "is missing"));
        }
    }
    let mut content = way.content(typed.seen, items, BTreeMap::new());
    let today = cccd::calendar::in_vietnam(desk.site().now()).date();
    content.answers = answers(&profile, &content, today, typed.answers)?;
    let staff = answered_for(&desk, &caller, way, typed.staff)?;
    if let Some(assurance) = &mut content.assurance {
        assurance.staff = staff;
    }
    if let Some(released) = Released::new(&profile, lodging::PORTAL, &content) {
        // What the portal would not take is mended while the paper lies there.
        lodging::check(&layout(&desk)?, &Guest::new(released), 1)?;
    }
    let visit = visit::finished::random_id()?;
    let language = if typed.agreed == "en" { "en" } else { "vi" };
    desk.site().consented(&profile, visit, &Agreed { act: ConsentAct::ToldStaff, language })?;
    let mut finished = Finished { visit, sequence: 0, content, party: party(typed.party.as_ref())? };
    let served = Served { staff: Some(caller.by.clone()), took: None };
    // The list and the ledger ask the same of everybody.
    if let Some(refusal) = desk.site().judged(&profile, way.admission, &mut finished.content)? {
        desk.site().turned_away_by(&profile, visit, Some(&finished), Some(refusal), &served)?;
        let title = "the list or the ledger turns them away";
        return Err(Problem::new(StatusCode::CONFLICT, refusal.code(), title, "look at the list"));
    }
    match desk.site().keep_by(&profile, &finished, served)? {
        Keeping::Kept(kept) => {
            if profile.steps().contains(&Step::Relay) {
                desk.open_door();
            }
            let printed = profile.print().is_some_and(|print| desk.print_again(print.kind, &kept));
            desk.tell(News::Status);
            let listed: BTreeMap<&str, &str> =
                finished.content.listed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let answer = json!({ "record": kept.id, "number": kept.number, "printed": printed, "roster": listed });
            Ok((StatusCode::CREATED, Json(answer)))
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
            answers(&profile, &Content::default(), time::macros::date!(2026 - 11 - 30), all.collect())
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
