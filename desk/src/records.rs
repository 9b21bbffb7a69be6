//! What is kept: lists of days, of who is here and of what a search finds, one record with its versions, tables to take away.
//! For whom each is stands in [`crate::rights`].

#![allow(unused_qualifications, reason = "the macro that describes a path repeats the names of its arguments")]

use crate::Desk;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::staff;
use crate::wire::{TheCaller, TheDesk, file};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use cccd::calendar::{day_of, in_vietnam};
use events::{Duty, Look};
use handoff::{lodging, table};
use program::{Failure, Text};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use store::book::tally::Counts;
use store::book::{self, Listed, Portal, Record, Stated, Version};
use utoipa::{IntoParams, ToSchema};
use visit::content::{Assurance, Content, Difference, PORTRAIT_REASON, Released, Source};
use visit::profile::{Item, Profile};

/// Records of one answer, where nobody says how many.
const SOME: usize = 100;
/// The most of one answer.
const MOST: usize = 200;

/// A record as staff see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordView {
    /// Identifier.
    pub id: String,
    /// Seconds since 1970.
    pub at: i64,
    /// The day in Vietnam, `YYYY-MM-DD`.
    pub day: String,
    /// The number of the ticket or receipt.
    pub number: Option<String>,
    /// The party.
    pub party: Option<String>,
    /// Who of staff kept it: their identifier.
    pub by: Option<String>,
    /// Their name.
    pub by_name: Option<String>,
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
    /// How it is with the portal: `waiting`, `in_file`, `stale`, `sent`, `correct` or `withdrawn`; nothing where the profile has none.
    #[schema(value_type = Option<String>)]
    pub portal: Option<Portal>,
    /// When they left.
    pub gone_at: Option<i64>,
    /// When it was taken out of what goes to the portal.
    pub withdrawn_at: Option<i64>,
    /// Recipients, and how it stands with each: `due`, `refused` or `done`.
    pub deliveries: BTreeMap<String, String>,
    /// The version that stands.
    pub version: u64,
    /// Answers that may be corrected.
    pub editable: Vec<String>,
    /// Items that may be corrected: of who was typed in.
    pub editable_items: Vec<&'static str>,
    /// What was done to it, oldest first; with a single record only.
    pub versions: Vec<VersionView>,
}

/// A version of a record, or an act that left it as it was.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionView {
    /// Which: 1 as it was kept.
    pub version: u64,
    /// When, seconds since 1970.
    pub at: i64,
    /// Who: the identifier in the register.
    pub by: Option<String>,
    /// Their name.
    pub by_name: Option<String>,
    /// As what.
    #[schema(value_type = Option<String>)]
    pub role: Option<Duty>,
    /// `kept`, `corrected`, `withdrawn`, `restored`, `corrected_at_portal`, `checked_out` or `check_out_undone`.
    pub act: &'static str,
    /// Why, a word of a closed list.
    pub why: Option<String>,
    /// The same in somebody's words.
    #[schema(value_type = Option<String>)]
    pub note: Option<Text>,
    /// The answers from then on.
    #[schema(value_type = Object)]
    pub answers: Value,
    /// What was typed in, from then on.
    #[schema(value_type = Object)]
    pub items: Value,
    /// The party from then on.
    pub party: Option<String>,
    /// What this act changed, by name.
    pub changed: Vec<String>,
    /// What the event in the signed log commits to.
    pub commitment: Option<String>,
}

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordList {
    /// Records, latest first.
    pub records: Vec<RecordView>,
    /// What to ask `after` for more; nothing where there are no more.
    pub next: Option<String>,
    /// How many there are of each kind in all.
    #[schema(value_type = Object)]
    pub counts: Counts,
}

/// Names of staff by their identifiers, those who left included.
pub(crate) struct Names(BTreeMap<String, String>);

impl Names {
    pub(crate) fn of(desk: &Desk) -> Result<Self, Failure> {
        let register = staff::register(&desk.site().book())?;
        Ok(Self(register.into_iter().map(|person| (person.id, person.name)).collect()))
    }

    pub(crate) fn name(&self, id: &str) -> Option<String> {
        self.0.get(id).cloned()
    }
}

/// What the profile grants the desk of somebody.
pub(crate) fn holder(desk: &Desk, content: &Content, with_portrait: bool) -> Value {
    let released = Released::new(desk.profile(), "desk", content);
    let mut holder = released.map(|released| released.to_json()).unwrap_or_default();
    if !with_portrait && let Some(map) = holder.as_object_mut() {
        map.remove(Item::Portrait.name());
        map.remove(PORTRAIT_REASON);
    }
    holder
}

/// Where the list says something else than the chip.
pub(super) fn differences(differences: &[Difference]) -> Vec<Value> {
    differences.iter().map(|d| json!({ "item": d.item, "listed": *d.listed.0, "chip": *d.chip.0 })).collect()
}

/// Whether a profile has a portal to which its people go.
pub(crate) fn has_portal(desk: &Desk) -> bool {
    desk.profile().recipient(lodging::PORTAL).is_some()
}

pub(crate) fn view(desk: &Desk, names: &Names, record: &Record, whole: bool) -> RecordView {
    let deliveries = desk.site().book().deliveries_of(&record.id).unwrap_or_default();
    let profile = desk.profile();
    let typed = !record.content.source.is_chip();
    let items = Item::ALL.into_iter().filter(|item| typed && profile.takes(*item) && *item != Item::Portrait);
    RecordView {
        id: record.id.clone(),
        at: record.at,
        day: record.day.clone(),
        number: record.number.clone(),
        party: record.party.clone(),
        by: record.staff.clone(),
        by_name: record.staff.as_deref().and_then(|id| names.name(id)),
        source: record.content.source,
        assurance: record.content.assurance.as_ref().map(Assurance::to_json),
        staff: record.content.assurance.as_ref().and_then(|a| Some(a.staff.as_ref()?.name.clone())),
        holder: holder(desk, &record.content, whole),
        mended: record.content.mended.iter().map(|item| item.name()).collect(),
        differences: differences(&record.content.differences),
        batch: record.batch,
        portal: has_portal(desk).then(|| record.portal()),
        gone_at: record.gone_at,
        withdrawn_at: record.withdrawn_at,
        deliveries: deliveries.into_iter().collect(),
        version: record.version,
        editable: asked(desk, profile, &record.content),
        editable_items: items.map(Item::name).collect(),
        versions: if whole { versions(desk, names, record) } else { Vec::new() },
    }
}

/// What may be meant, where a profile asks for it: today's province of an address on an older card.
pub(crate) fn proposals(profile: &Profile, content: &Content) -> Value {
    let residence = content.items.get(&Item::Residence).filter(|_| profile.form().any(|field| field.id == "province"));
    let provinces = residence.map(|residence| lodging::lists::provinces(residence.as_str())).unwrap_or_default();
    if provinces.is_empty() { json!({}) } else { json!({ "province": provinces }) }
}

/// The fields that are asked of somebody today.
pub(crate) fn asked(desk: &Desk, profile: &Profile, content: &Content) -> Vec<String> {
    let today = cccd::calendar::in_vietnam(desk.site().now()).date();
    profile.form().filter(|field| field.is_asked_of(content, today)).map(|field| field.id.clone()).collect()
}

/// What was done to a record: the profile says what of it the desk may see.
fn versions(desk: &Desk, names: &Names, record: &Record) -> Vec<VersionView> {
    let first = record.versions.is_empty().then(|| record.as_kept());
    let mut before: Option<&Stated> = None;
    let mut all = Vec::new();
    for version in first.iter().chain(&record.versions) {
        all.push(version_view(desk, names, record.content.source, version, before));
        before = Some(&version.stated);
    }
    all
}

fn version_view(desk: &Desk, names: &Names, source: Source, version: &Version, before: Option<&Stated>) -> VersionView {
    let Stated { answers, items, party } = &version.stated;
    let content = Content { source, answers: answers.clone(), items: items.clone(), ..Content::default() };
    // A profile that grants the desk nothing shows it nothing.
    let mut seen = match holder(desk, &content, false) {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    let answers = seen.remove("form").unwrap_or_else(|| json!({}));
    VersionView {
        version: version.version,
        at: version.at,
        by: Some(version.by.clone()).filter(|by| !by.is_empty()),
        by_name: names.name(&version.by),
        role: version.role,
        act: version.act.map_or("kept", events::Act::code),
        why: version.why.clone(),
        note: version.note.clone(),
        answers,
        items: Value::Object(seen),
        party: party.clone(),
        changed: before.map(|before| changed(before, &version.stated)).unwrap_or_default(),
        commitment: version.commitment.map(|hash| hash.to_string()),
    }
}

/// The names of what two statements do not have in common.
pub(crate) fn changed(before: &Stated, after: &Stated) -> Vec<String> {
    fn of<K: Ord + Clone>(before: &BTreeMap<K, Text>, after: &BTreeMap<K, Text>) -> Vec<K> {
        let differs = |key: &&K| before.get(*key) != after.get(*key);
        let all: std::collections::BTreeSet<&K> = before.keys().chain(after.keys()).collect();
        all.into_iter().filter(differs).cloned().collect()
    }
    let items = of(&before.items, &after.items).into_iter().map(|item| item.name().to_owned());
    let party = (before.party != after.party).then(|| "party".to_owned());
    items.chain(of(&before.answers, &after.answers)).chain(party).collect()
}

/// Which records are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
pub struct Which {
    /// `YYYY-MM-DD`: this day alone. Without anything: today.
    pub day: Option<String>,
    /// `YYYY-MM-DD`: from this day on.
    pub from: Option<String>,
    /// `YYYY-MM-DD`: up to this day.
    pub to: Option<String>,
    /// Whoever has not gone and is not withdrawn, whatever the day they came.
    #[serde(default)]
    pub in_house: bool,
    /// Words that stand in name, number, room or the like, without regard to case and marks; without days, of all that is kept.
    pub q: Option<String>,
    /// Those of this party.
    pub party: Option<String>,
    /// How it is with the portal: `waiting`, `in_file`, `stale`, `sent`, `correct` or `withdrawn`.
    pub portal: Option<String>,
    /// What `next` of the answer before said.
    pub after: Option<String>,
    /// How many at most; 100 without, 200 at most.
    pub limit: Option<usize>,
}

/// A day that is asked for.
pub(crate) fn a_day(field: &str, text: &str) -> Result<(), Problem> {
    let plain = text.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let day_first = (plain && text.len() == 10).then(|| format!("{}/{}/{}", &text[8..], &text[5..7], &text[..4]));
    if day_first.is_some_and(|day| cccd::date::parse_day_first(&day).is_some()) {
        return Ok(());
    }
    Err(Problem::invalid(field, "is no day: YYYY-MM-DD"))
}

/// When the day of Vietnam began in which that lies, seconds since 1970.
pub(crate) fn midnight(now: i64) -> i64 {
    let at = in_vietnam(now);
    now - i64::from(at.hour()) * 3600 - i64::from(at.minute()) * 60 - i64::from(at.second())
}

/// Which part of the list that is.
#[derive(Debug)]
struct Asked<'a> {
    days: Option<(String, String)>,
    in_house: bool,
    words: Option<&'a str>,
    party: Option<&'a str>,
    portal: Option<Portal>,
    after: Option<(i64, i64)>,
}

impl Which {
    fn asked(&self, today: &str) -> Result<Asked<'_>, Problem> {
        for (field, day) in [("day", &self.day), ("from", &self.from), ("to", &self.to)] {
            day.as_deref().map(|day| a_day(field, day)).transpose()?;
        }
        let words = self.q.as_deref().map(str::trim).filter(|words| !words.is_empty());
        let party = self.party.as_deref().filter(|party| !party.is_empty());
        let portal = self.portal.as_deref().map(|word| {
            let known = serde_json::from_value(json!(word));
            known.map_err(|_| Problem::invalid("portal", "is waiting, in_file, stale, sent, correct or withdrawn"))
        });
        let after = self.after.as_deref().map(|place| {
            let numbers = place.split_once('-').and_then(|(at, row)| Some((at.parse().ok()?, row.parse().ok()?)));
            numbers.ok_or_else(|| Problem::invalid("after", "is what next of an answer said"))
        });
        let any = self.in_house || words.is_some() || party.is_some() || portal.is_some();
        let days = match (&self.day, &self.from, &self.to) {
            (Some(day), _, _) => Some((day.clone(), day.clone())),
            (None, None, None) => (!any).then(|| (today.to_owned(), today.to_owned())),
            (None, from, to) => Some((
                from.clone().unwrap_or_else(|| "0000".to_owned()),
                to.clone().unwrap_or_else(|| "9999".to_owned()),
            )),
        };
        Ok(Asked {
            days,
            in_house: self.in_house,
            words,
            party,
            portal: portal.transpose()?,
            after: after.transpose()?,
        })
    }
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

/// What of it staff search in: without the portrait, which would be copied for each.
fn searched(desk: &Desk, record: &Record) -> Value {
    let Content { source, items, answers, listed, .. } = record.content.clone();
    holder(desk, &Content { source, items, answers, listed, ..Content::default() }, false)
}

fn list(
    desk: &Desk,
    caller: &Caller,
    what: Look,
    which: &Which,
    most: usize,
) -> Result<(Vec<RecordView>, Option<String>), Problem> {
    let today = day_of(desk.site().now());
    let asked = which.asked(&today)?;
    let what = if what == Look::List && asked.words.is_some() { Look::Search } else { what };
    // Only who is found was looked at.
    let keep = |record: &Record| {
        asked.party.is_none_or(|party| record.party.as_deref() == Some(party))
            && asked.portal.is_none_or(|portal| record.portal() == portal)
            && asked.words.is_none_or(|words| found(&searched(desk, record), record.number.as_deref(), words))
    };
    let days = asked.days.as_ref().map(|(from, to)| (from.as_str(), to.as_str()));
    let listed = Listed { profile: &desk.profile().id, days, in_house: asked.in_house, after: asked.after };
    let part = desk.look_part(caller, what, book::Which::List(listed), most, keep)?;
    let names = Names::of(desk)?;
    let records = part.records.iter().map(|record| view(desk, &names, record, false)).collect();
    Ok((records, part.next.map(|(at, row)| format!("{at}-{row}"))))
}

/// How many records there are of each kind.
pub(crate) fn counts(desk: &Desk) -> Result<Counts, Problem> {
    let now = desk.site().now();
    let today = day_of(now);
    Ok(desk.site().book().counts(&desk.profile().id, has_portal(desk), (&today, midnight(now)))?)
}

/// What is kept: of today, of a range of days, of who is here, or what a search finds.
#[utoipa::path(get, path = "/v1/records", params(Which),
    responses((status = 200, body = RecordList), (status = 422, body = Problem)))]
pub async fn records(
    State(desk): TheDesk,
    caller: TheCaller,
    Query(which): Query<Which>,
) -> Result<Json<RecordList>, Problem> {
    let most = which.limit.unwrap_or(SOME);
    if !(1..=MOST).contains(&most) {
        return Err(Problem::invalid("limit", "is 1 to 200"));
    }
    let (records, next) = list(&desk, &caller, Look::List, &which, most)?;
    Ok(Json(RecordList { records, next, counts: counts(&desk)? }))
}

pub(crate) fn record_of(desk: &Desk, caller: &Caller, what: Look, id: &str) -> Result<Record, Problem> {
    let keep = |record: &Record| record.profile == desk.profile().id;
    desk.look(caller, what, book::Which::One(id), keep)?.pop().ok_or_else(|| Problem::unknown("record"))
}

/// One record, with its portrait and its versions.
#[utoipa::path(get, path = "/v1/records/{id}", responses((status = 200, body = RecordView), (status = 404, body = Problem)))]
pub async fn record(
    State(desk): TheDesk,
    caller: TheCaller,
    Path(id): Path<String>,
) -> Result<Json<RecordView>, Problem> {
    let record = record_of(&desk, &caller, Look::Record, &id)?;
    Ok(Json(view(&desk, &Names::of(&desk)?, &record, true)))
}

/// The same list as a table (CSV, UTF-8), all of it.
#[utoipa::path(get, path = "/v1/records.csv", params(Which), responses((status = 200, content_type = "text/csv")))]
pub async fn export(State(desk): TheDesk, caller: TheCaller, Query(which): Query<Which>) -> Result<Response, Problem> {
    let fields = desk.profile().recipient("desk").map(|recipient| recipient.fields.clone()).unwrap_or_default();
    let fields: Vec<String> = fields.into_iter().filter(|name| name != Item::Portrait.name()).collect();
    let head = ["at", "number", "assurance"].into_iter().map(str::to_owned);
    let mut rows = vec![head.chain(fields.iter().cloned()).collect()];
    for record in list(&desk, &caller, Look::Export, &which, usize::MAX)?.0 {
        let value = |name: &String| {
            let place = format!("/{}", name.replace('.', "/"));
            record.holder.pointer(&place).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let at = format!("{} {}", cccd::calendar::date_of(record.at), cccd::calendar::time_of(record.at));
        let rung = record.assurance.as_ref().and_then(|assurance| assurance["rung"].as_str()).unwrap_or_default();
        let own = [at, record.number.clone().unwrap_or_default(), rung.to_owned()];
        rows.push(own.into_iter().chain(fields.iter().map(value)).collect());
    }
    let day = which.day.or(which.to).unwrap_or_else(|| day_of(desk.site().now()));
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
    a_day("day", &day)?;
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_list_is_of_today_unless_something_else_is_asked_for() {
        let today = ("2026-11-30".to_owned(), "2026-11-30".to_owned());
        let days = |which: Which| which.asked("2026-11-30").expect("a list").days;
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(days(Which::default()), Some(today.clone()));
        assert_eq!(days(Which { q: text(" "), ..Which::default() }), Some(today), "nothing is looked for");
        assert_eq!(days(Which { q: text("an"), ..Which::default() }), None, "all that is kept");
        assert_eq!(days(Which { in_house: true, ..Which::default() }), None, "whatever the day they came");
        let from = Which { from: text("2026-11-01"), q: text("an"), ..Which::default() };
        assert_eq!(days(from), Some(("2026-11-01".to_owned(), "9999".to_owned())));
        for wrong in [
            Which { day: text("30/11/2026"), ..Which::default() },
            Which { from: text("2026-02-30"), ..Which::default() },
            Which { to: text("2026-11-3é"), ..Which::default() },
            Which { portal: text("gone"), ..Which::default() },
            Which { after: text("1"), ..Which::default() },
        ] {
            let problem = wrong.asked("2026-11-30").expect_err("nothing of that kind");
            assert!(problem.code == "form_invalid" && problem.field.is_some(), "{wrong:?}");
        }
    }

    #[test]
    fn what_an_act_changed_is_named() {
        let of = |pairs: &[(&str, &str)]| Stated {
            answers: pairs.iter().map(|(id, value)| ((*id).to_owned(), (*value).to_owned().into())).collect(),
            ..Stated::default()
        };
        let before = of(&[("room", "101"), ("phone", "09")]);
        let after = Stated { party: Some("An".to_owned()), ..of(&[("room", "102"), ("reason", "x")]) };
        assert_eq!(changed(&before, &after), ["phone", "reason", "room", "party"]);
        assert_eq!(changed(&before, &before), [""; 0]);
    }

    #[test]
    fn a_day_begins_at_midnight_in_vietnam() {
        // 2026-11-30 00:00:00 in Vietnam is 17:00 of the day before in UTC.
        assert_eq!(midnight(1_795_971_600), 1_795_971_600);
        assert_eq!(midnight(1_795_971_600 + 86_399), 1_795_971_600);
        assert_eq!(day_of(midnight(1_795_971_600)), "2026-11-30");
    }
}
