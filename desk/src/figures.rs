//! Figures of days for whoever manages a place: how many were served, turned away and why, when, by whom of staff, how long it took.
//! They are made of the book's tally, which names nobody who was served.

#![allow(unused_qualifications, reason = "the macro that describes a path repeats the names of its arguments")]

use crate::Desk;
use crate::problem::Problem;
use crate::records::{Names, a_day};
use crate::wire::{TheDesk, file};
use axum::Json;
use axum::extract::{Query, State};
use axum::response::Response;
use cccd::calendar::{day_of, in_vietnam};
use handoff::table;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::book::tally::Counted;
use utoipa::{IntoParams, ToSchema};

/// The most days of one answer.
const MOST_DAYS: i64 = 400;
/// Days without being asked for others.
const SOME_DAYS: usize = 7;
/// Seconds of a day.
const DAY: i64 = 86_400;

/// How long visits took.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Took {
    /// Visits that were measured.
    pub visits: u64,
    /// Seconds, on average.
    pub mean_s: i64,
    /// Seconds of the longest.
    pub longest_s: i64,
}

/// What somebody of staff did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ByStaff {
    /// Their identifier; empty for a kiosk, or where it is not known.
    pub by: String,
    /// Their name.
    pub name: Option<String>,
    /// Visits that were kept.
    pub kept: u64,
    /// Turned away.
    pub refused: u64,
    /// Broken off.
    pub cancelled: u64,
}

/// Figures of a day, or of all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Figures {
    /// `YYYY-MM-DD`; nothing of a sum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
    /// Visits that were kept.
    pub kept: u64,
    /// Turned away.
    pub refused: u64,
    /// Broken off.
    pub cancelled: u64,
    /// Turned away, by reason.
    pub why: BTreeMap<String, u64>,
    /// How long visits took that were kept; nothing where none was measured.
    pub took: Option<Took>,
    /// Visits that were kept, by hour.
    pub hours: [u64; 24],
    /// By whom of staff.
    pub staff: Vec<ByStaff>,
    /// Records that were corrected.
    pub corrected: u64,
    /// Records that were withdrawn.
    pub withdrawn: u64,
}

impl Figures {
    /// Of what was counted.
    pub(crate) fn of<'a>(counted: impl Iterator<Item = &'a Counted>, name: impl Fn(&str) -> Option<String>) -> Self {
        let mut figures = Self::default();
        let mut staff: BTreeMap<&str, ByStaff> = BTreeMap::new();
        let mut all_s = 0;
        for each in counted {
            let own = staff.entry(&each.staff).or_default();
            match each.result.as_str() {
                "done" => {
                    figures.kept += 1;
                    own.kept += 1;
                    if let Some(hour) = figures.hours.get_mut(usize::from(in_vietnam(each.at).hour())) {
                        *hour += 1;
                    }
                    if let Some(took_s) = each.took {
                        let took = figures.took.get_or_insert_default();
                        all_s += took_s;
                        took.visits += 1;
                        took.longest_s = took.longest_s.max(took_s);
                    }
                }
                "refused" => {
                    figures.refused += 1;
                    own.refused += 1;
                    *figures.why.entry(each.why.clone().unwrap_or_default()).or_default() += 1;
                }
                "cancelled" => {
                    figures.cancelled += 1;
                    own.cancelled += 1;
                }
                "corrected" => figures.corrected += 1,
                "withdrawn" => figures.withdrawn += 1,
                _ => {}
            }
        }
        if let Some(took) = &mut figures.took {
            took.mean_s = all_s / i64::try_from(took.visits.max(1)).unwrap_or(i64::MAX);
        }
        let named = |(by, of): (&str, ByStaff)| ByStaff { by: by.to_owned(), name: name(by), ..of };
        figures.staff = staff.into_iter().map(named).filter(|own| own.kept + own.refused + own.cancelled > 0).collect();
        figures
    }
}

/// Which days are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
pub struct Range {
    /// `YYYY-MM-DD`; a week up to `to` without it.
    pub from: Option<String>,
    /// `YYYY-MM-DD`; today without it.
    pub to: Option<String>,
}

/// Figures by day.
#[derive(Debug, Serialize, ToSchema)]
pub struct Days {
    /// The first day.
    pub from: String,
    /// The last one.
    pub to: String,
    /// Each of them, also those on which nothing was done.
    pub days: Vec<Figures>,
    /// All of them together.
    pub total: Figures,
}

/// The days of a range, the first and the last included.
fn days_of(range: &Range, now: i64) -> Result<Vec<String>, Problem> {
    for (field, day) in [("from", &range.from), ("to", &range.to)] {
        day.as_deref().map(|day| a_day(field, day)).transpose()?;
    }
    // Backwards from today: a day that is to come has no figures.
    let back = |days: i64| day_of(now - days * DAY);
    let last = range.to.clone().unwrap_or_else(|| back(0));
    let mut days: Vec<String> = Vec::new();
    for day in (0..MOST_DAYS * 2).map(back).skip_while(|day| *day > last) {
        let before = range.from.as_ref().map_or(days.len() >= SOME_DAYS, |from| day < *from);
        if before {
            break;
        }
        days.push(day);
    }
    if days.is_empty() {
        return Err(Problem::invalid("from", "lies after the last day, or too far back"));
    }
    if days.len() > usize::try_from(MOST_DAYS).unwrap_or(usize::MAX) {
        return Err(Problem::invalid("from", "these are more than 400 days"));
    }
    days.reverse();
    Ok(days)
}

fn figures(desk: &Desk, range: &Range) -> Result<Days, Problem> {
    let days = days_of(range, desk.site().now())?;
    let (from, to) = (days.first().cloned().unwrap_or_default(), days.last().cloned().unwrap_or_default());
    let names = Names::of(desk)?;
    let counted = desk.site().book().counted(&desk.profile().id, &from, &to)?;
    let name = |id: &str| names.name(id);
    let of = |day: String| {
        let own = Figures::of(counted.iter().filter(|each| each.day == day), name);
        Figures { day: Some(day), ..own }
    };
    let days = days.into_iter().map(of).collect();
    Ok(Days { from, to, days, total: Figures::of(counted.iter(), name) })
}

/// What was done on these days: nobody who was served is named.
#[utoipa::path(get, path = "/v1/days", params(Range), responses((status = 200, body = Days), (status = 422, body = Problem)))]
pub async fn days(State(desk): TheDesk, Query(range): Query<Range>) -> Result<Json<Days>, Problem> {
    Ok(Json(figures(&desk, &range)?))
}

/// The same as a table (CSV, UTF-8).
#[utoipa::path(get, path = "/v1/days.csv", params(Range),
    responses((status = 200, content_type = "text/csv"), (status = 422, body = Problem)))]
pub async fn table_of_days(State(desk): TheDesk, Query(range): Query<Range>) -> Result<Response, Problem> {
    let Days { from, to, days, total } = figures(&desk, &range)?;
    // A column for each reason that there was.
    let reasons: Vec<&String> = total.why.keys().collect();
    let fixed = ["day", "kept", "refused", "cancelled", "corrected", "withdrawn", "mean_s", "longest_s"];
    let head = fixed.into_iter().map(str::to_owned).chain(reasons.iter().map(|why| format!("refused {why}")));
    let hours = (0..24).map(|hour| format!("kept {hour:02}h"));
    let mut rows = vec![head.chain(hours).collect()];
    for one in &days {
        let took = one.took.clone().unwrap_or_default();
        let counts = [one.kept, one.refused, one.cancelled, one.corrected, one.withdrawn].map(|n| n.to_string());
        let why = reasons.iter().map(|why| one.why.get(*why).copied().unwrap_or_default().to_string());
        let row = one.day.iter().cloned().chain(counts).chain([took.mean_s, took.longest_s].map(|s| s.to_string()));
        rows.push(row.chain(why).chain(one.hours.iter().map(u64::to_string)).collect());
    }
    Ok(file(&format!("days-{from}-{to}.csv"), "text/csv; charset=utf-8", table::csv(&rows)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-30 09:00 in Vietnam.
    const NINE: i64 = 1_795_971_600 + 9 * 3600;

    fn counted(result: &str, why: Option<&str>, staff: &str, took: Option<i64>) -> Counted {
        let (result, staff) = (result.to_owned(), staff.to_owned());
        Counted { id: 0, day: "2026-11-30".to_owned(), at: NINE, result, why: why.map(str::to_owned), staff, took }
    }

    #[test]
    fn figures_are_counts_and_name_staff_alone() {
        let all = [
            counted("done", None, "nv-1", Some(40)),
            counted("done", None, "nv-1", Some(60)),
            counted("done", None, "", None),
            counted("refused", Some("not_genuine"), "nv-2", None),
            counted("refused", Some("not_genuine"), "nv-2", None),
            counted("cancelled", None, "nv-1", None),
            counted("corrected", Some("typing_error"), "nv-3", None),
            counted("withdrawn", Some("duplicate"), "nv-3", None),
        ];
        let figures = Figures::of(all.iter(), |id| (id == "nv-1").then(|| "Lê Thị Tiếp Tân".to_owned()));
        assert_eq!((figures.kept, figures.refused, figures.cancelled), (3, 2, 1));
        assert_eq!((figures.corrected, figures.withdrawn), (1, 1));
        assert_eq!(
            figures.took,
            Some(Took { visits: 2, mean_s: 50, longest_s: 60 }),
            "who was not measured is no zero"
        );
        assert_eq!((figures.hours[9], figures.hours.iter().sum::<u64>()), (3, 3));
        assert_eq!(figures.why, [("not_genuine".to_owned(), 2)].into());
        let staff: Vec<_> = figures.staff.iter().map(|own| (own.by.as_str(), own.kept, own.refused)).collect();
        assert_eq!(staff, [("", 1, 0), ("nv-1", 2, 0), ("nv-2", 0, 2)]);
        assert_eq!(figures.staff[1].name.as_deref(), Some("Lê Thị Tiếp Tân"));
        assert_eq!(Figures::of([].iter(), |_| None).took, None);
    }

    #[test]
    fn days_are_a_week_or_what_is_asked_for() {
        let range = |from: Option<&str>, to: Option<&str>| Range { from: from.map(Into::into), to: to.map(Into::into) };
        let days = |from, to| days_of(&range(from, to), NINE).map(|days| (days.len(), days[0].clone()));
        assert_eq!(days(None, None).expect("a week"), (7, "2026-11-24".to_owned()));
        assert_eq!(days(Some("2026-11-30"), None).expect("today"), (1, "2026-11-30".to_owned()));
        assert_eq!(days(Some("2026-11-01"), Some("2026-11-03")).expect("three"), (3, "2026-11-01".to_owned()));
        assert_eq!(days(None, Some("2026-11-03")).expect("a week"), (7, "2026-10-28".to_owned()));
        for (from, to) in [("2026-12-01", "2026-11-30"), ("2025-01-01", "2026-11-30"), ("30/11/2026", "2026-11-30")] {
            assert_eq!(days(Some(from), Some(to)).expect_err("none").code, "form_invalid", "{from}");
        }
    }
}
