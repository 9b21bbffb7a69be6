//! Rooms of a lodging and who is in them: a view over the records, not a list of its own.

#![allow(unused_qualifications, reason = "the macro that describes a path repeats the names of its arguments")]

use crate::problem::Problem;
use crate::records::{a_day, counts};
use crate::wire::{TheCaller, TheDesk};
use axum::Json;
use axum::extract::{Query, State};
use cccd::calendar::day_of;
use events::Look;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use store::book::{self, Listed, Portal, Record};
use utoipa::{IntoParams, ToSchema};
use visit::content::{Assurance, Released};
use visit::profile::Item;

/// How it is with a guest on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stay {
    /// They came on that day.
    Arriving,
    /// They stay.
    Staying,
    /// They leave on that day.
    DueOut,
    /// They should have left before.
    Overdue,
}

/// Somebody in a room.
#[derive(Debug, Serialize, ToSchema)]
pub struct Guest {
    /// Their record.
    pub record: String,
    /// Their name.
    pub name: Option<String>,
    /// Their party.
    pub party: Option<String>,
    /// `dd/MM/yyyy`.
    pub arrival: Option<String>,
    /// `dd/MM/yyyy`.
    pub departure: Option<String>,
    /// How it is with them.
    pub state: Stay,
    /// How it is with the portal.
    #[schema(value_type = String)]
    pub portal: Portal,
    /// Less is assured of them than the profile asks for.
    pub marked: bool,
}

/// A room with somebody in it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Room {
    /// Its number or name; empty where nobody said.
    pub room: String,
    /// Who is in it.
    pub guests: Vec<Guest>,
}

/// A party of which somebody is here.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Party {
    /// Its name.
    pub party: String,
    /// How many are here.
    pub here: u64,
    /// Their rooms.
    pub rooms: BTreeSet<String>,
    /// The answers of who came last, for the form of the next one.
    #[schema(value_type = Object)]
    pub answers: Value,
}

/// Departures of a day.
#[derive(Debug, Serialize, ToSchema)]
pub struct Departures {
    /// Who is still here and leaves on that day or should have left before.
    pub expected: u64,
    /// Who went today.
    pub gone: u64,
}

/// Rooms.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rooms {
    /// The day.
    pub day: String,
    /// How many are here.
    pub here: u64,
    /// How many of them should have left.
    pub overdue: u64,
    /// How many of them came on that day.
    pub arrivals: u64,
    /// Departures.
    pub departures: Departures,
    /// Rooms with somebody in them.
    pub rooms: Vec<Room>,
    /// Parties.
    pub parties: Vec<Party>,
}

/// Which day is wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
pub struct OfDay {
    /// `YYYY-MM-DD`; today without it.
    pub day: Option<String>,
}

/// A day as forms have it, as `YYYY-MM-DD`, which sorts.
fn iso(day_first: &str) -> Option<String> {
    cccd::date::parse_day_first(day_first)?;
    let (day, rest) = day_first.split_once('/')?;
    let (month, year) = rest.split_once('/')?;
    Some(format!("{year}-{month}-{day}"))
}

/// How it is with somebody who is here: what nobody said is no reason to send them away.
fn stay(arrival: Option<&str>, departure: Option<&str>, day: &str) -> Stay {
    match departure.and_then(iso) {
        Some(leaves) if *leaves < *day => Stay::Overdue,
        Some(leaves) if *leaves == *day => Stay::DueOut,
        _ if arrival.and_then(iso).is_some_and(|came| came == day) => Stay::Arriving,
        _ => Stay::Staying,
    }
}

/// Rooms in an order that people look for them in: 2 before 10.
fn in_order(room: &str) -> (usize, &str) {
    (if room.is_empty() { usize::MAX } else { room.chars().count() }, room)
}

/// Who is in which room, who came, who leaves, and with whom.
#[utoipa::path(get, path = "/v1/lodging/rooms", params(OfDay), responses((status = 200, body = Rooms), (status = 422, body = Problem)))]
pub async fn rooms(State(desk): TheDesk, caller: TheCaller, Query(of): Query<OfDay>) -> Result<Json<Rooms>, Problem> {
    let day = of.day.unwrap_or_else(|| day_of(desk.site().now()));
    a_day("day", &day)?;
    let profile = desk.profile();
    let listed = Listed { profile: &profile.id, in_house: true, ..Listed::default() };
    let records = desk.look(&caller, Look::List, book::Which::List(listed), |_| true)?;
    let seen: Vec<(&Record, Option<Released>)> =
        records.iter().map(|record| (record, Released::new(profile, "desk", &record.content))).collect();
    let mut rooms = Rooms {
        day: day.clone(),
        here: records.len() as u64,
        overdue: 0,
        arrivals: 0,
        departures: Departures { expected: 0, gone: counts(&desk)?.gone_today },
        rooms: Vec::new(),
        parties: Vec::new(),
    };
    let mut by_room: BTreeMap<String, Vec<Guest>> = BTreeMap::new();
    let mut parties: BTreeMap<String, Party> = BTreeMap::new();
    for (record, released) in &seen {
        let value = |name: &str| released.as_ref().and_then(|released| released.get(name)).map(str::to_owned);
        let (arrival, departure) = (value("form.arrival"), value("form.departure"));
        let room = value("form.room").or_else(|| value("form.ward")).unwrap_or_default();
        let state = stay(arrival.as_deref(), departure.as_deref(), &day);
        rooms.overdue += u64::from(state == Stay::Overdue);
        rooms.departures.expected += u64::from(matches!(state, Stay::Overdue | Stay::DueOut));
        rooms.arrivals += u64::from(arrival.as_deref().and_then(iso).is_some_and(|came| came == day));
        if let Some(name) = &record.party {
            let party = parties.entry(name.clone()).or_insert_with(|| {
                let form = released.as_ref().map(|released| released.to_json()["form"].clone());
                Party { party: name.clone(), answers: form.unwrap_or_else(|| json!({})), ..Party::default() }
            });
            party.here += 1;
            party.rooms.insert(room.clone());
        }
        by_room.entry(room).or_default().push(Guest {
            record: record.id.clone(),
            name: value(Item::FullName.name()),
            party: record.party.clone(),
            arrival,
            departure,
            state,
            portal: record.portal(),
            marked: record.content.assurance.as_ref().is_some_and(Assurance::is_marked),
        });
    }
    rooms.rooms = by_room.into_iter().map(|(room, guests)| Room { room, guests }).collect();
    rooms.rooms.sort_by(|a, b| in_order(&a.room).cmp(&in_order(&b.room)));
    rooms.parties = parties.into_values().collect();
    Ok(Json(rooms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_should_have_left_is_told_from_who_leaves_and_who_stays() {
        let on = |arrival, departure| stay(Some(arrival), Some(departure), "2026-11-30");
        assert_eq!(on("29/11/2026", "01/12/2026"), Stay::Staying);
        assert_eq!(on("30/11/2026", "01/12/2026"), Stay::Arriving);
        assert_eq!(on("29/11/2026", "30/11/2026"), Stay::DueOut);
        assert_eq!(on("30/11/2026", "30/11/2026"), Stay::DueOut, "they leave on the day on which they came");
        assert_eq!(on("01/10/2026", "29/11/2026"), Stay::Overdue);
        assert_eq!(on("01/10/2026", "soon"), Stay::Staying);
        assert_eq!(stay(None, None, "2026-11-30"), Stay::Staying);
    }

    #[test]
    fn rooms_stand_as_people_count_them() {
        let mut rooms = ["101", "", "12", "A3", "102"];
        rooms.sort_by(|a, b| in_order(a).cmp(&in_order(b)));
        assert_eq!(rooms, ["12", "A3", "101", "102", ""]);
    }
}
