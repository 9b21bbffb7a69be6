//! Events: by site, time, kind and outcome; and the same as a table to take away. None of them names anybody.

use crate::store::StoreError;
use crate::views::devices::{choice, url};
use crate::views::html::{icon, pill};
use crate::views::index::{Asked, COUNTED, Found, Shown};
use crate::views::words::{self, Language, Tone, day, iso_day, midnight, second, stamp};
use maud::{Markup, html};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Rows of a page.
pub(super) const PAGE: usize = 50;
/// Rows of a table to take away.
pub(super) const EXPORTED: usize = 50_000;

/// What is asked for, as a form says it: empty where nothing is said.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Search {
    /// The first day, `YYYY-MM-DD` in Vietnam.
    #[serde(default)]
    from: String,
    /// The last.
    #[serde(default)]
    to: String,
    #[serde(default)]
    site: String,
    #[serde(default)]
    device: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    before: String,
}

impl Search {
    /// As the database is asked. A day that is none asks for nothing there is: nobody gets more than they asked for.
    pub(super) fn asked(&self) -> Asked {
        let said = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
        let from = said(&self.from).map(|day| midnight(&day).unwrap_or(i64::MAX));
        let until = said(&self.to).map(|day| midnight(&day).map_or(i64::MIN, |at| at.saturating_add(86_400)));
        Asked {
            from,
            until,
            site: said(&self.site),
            device: said(&self.device),
            kind: said(&self.kind),
            outcome: said(&self.outcome),
            before: said(&self.before).map(|row| row.parse().unwrap_or(0)),
        }
    }

    fn address(&self, path: &str, before: Option<i64>) -> String {
        let mut out = url::Address::new(path);
        out.and("from", &self.from).and("to", &self.to).and("site", &self.site).and("device", &self.device);
        out.and("kind", &self.kind).and("outcome", &self.outcome);
        if let Some(before) = before {
            out.and("before", &before.to_string());
        }
        out.to_string()
    }
}

fn said(language: Language, word: &str, both: Option<(&'static str, &'static str)>) -> String {
    both.map_or_else(|| word.to_owned(), |(vi, en)| language.say(vi, en).to_owned())
}

fn rung(language: Language, word: Option<&str>) -> Markup {
    let Some(word) = word else { return html! { span.soft { (language.say("không áp dụng", "does not apply")) } } };
    let Some((vi, en, place)) = words::rung(word) else { return html! { code { (word) } } };
    html! {
        span.rung {
            svg viewBox="0 0 30 16" aria-hidden="true" class={ "steps at" (place) } {
                @for step in 0..5_u8 {
                    @let height = 4 + 3 * step;
                    rect x=(6 * step) y=(16 - height) width="4" height=(height) class=[(step < place).then_some("on")] {}
                }
            }
            (language.say(vi, en))
        }
    }
}

/// Rows of events; where the device is not said by the page itself, with it.
pub(super) fn table(language: Language, events: &[Shown], with_device: bool) -> Markup {
    let class = if with_device { "rows events" } else { "rows events short" };
    html! {
        div class=(class) role="table" aria-label=(language.say("Sự kiện", "Events")) {
            div.row.heads role="row" {
                span role="columnheader" { (language.say("Lúc", "At")) }
                span role="columnheader" { (language.say("Loại", "Kind")) }
                span role="columnheader" { (language.say("Kết quả", "Outcome")) }
                span role="columnheader" { (language.say("Bậc bảo đảm", "Rung")) }
                @if with_device { span role="columnheader" { (language.say("Thiết bị và điểm", "Device and site")) } }
                span role="columnheader" { (language.say("Số", "Number")) }
            }
            @for event in events {
                @let known = words::outcome(&event.outcome);
                div.row role="row" {
                    span.time role="cell" { b { (second(event.at)) } span.soft.block { (day(event.at)) } }
                    span.strong role="cell" {
                        (said(language, &event.kind, words::kind(&event.kind)))
                        @if !event.known { span.soft.block { (language.say("loại mới, giữ nguyên", "new kind, kept as it is")) } }
                    }
                    span role="cell" {
                        @if !event.outcome.is_empty() {
                            (pill(known.map_or(Tone::Plain, |(_, tone)| tone), &said(language, &event.outcome, known.map(|(both, _)| both))))
                        }
                        @if let Some(why) = &event.why { code.block { (why) } }
                    }
                    span role="cell" data-head=(language.say("Bậc bảo đảm", "Rung")) { (rung(language, event.rung.as_deref())) }
                    @if with_device {
                        span.name role="cell" {
                            a href={ "/staff/device/" (url::encoded(&event.device)) } { b { (event.device) } }
                            span.soft.block title=(event.site) { (event.site) }
                        }
                    }
                    span.soft role="cell" data-head=(language.say("Số", "Number")) { "#" (event.sequence) @if !event.profile.is_empty() { span.block { (event.profile) } } }
                }
            }
        }
    }
}

/// The page.
pub(super) fn list(
    language: Language,
    search: &Search,
    found: &Found,
    sites: &BTreeSet<String>,
    (kinds, outcomes): &(BTreeSet<String>, BTreeSet<String>),
    whole: bool,
    now: i64,
) -> Markup {
    let sites: Vec<_> = sites.iter().map(|site| (site.clone(), site.clone())).collect();
    let kinds: Vec<_> = kinds.iter().map(|word| (word.clone(), said(language, word, words::kind(word)))).collect();
    let outcomes: Vec<_> = outcomes
        .iter()
        .filter(|word| !word.is_empty())
        .map(|word| (word.clone(), said(language, word, words::outcome(word).map(|(both, _)| both))))
        .collect();
    html! {
        div.title {
            h1 { (language.say("Sự kiện", "Events")) }
            p.soft {
                (language.count(found.count)) @if found.count >= COUNTED { "+" } " " (language.say("kết quả · không có tên hay số định danh", "found · without names and numbers of people"))
                @if !whole { " · " (language.say("đang đọc thêm từ nhật ký", "more is being read from the log")) }
            }
            a.button.right href=(search.address("/staff/events.csv", None)) download="events.csv" { (icon("down")) (language.say("Xuất CSV", "Export CSV")) }
        }
        form.filters method="get" action="/staff/events" role="search" {
            div.field { label for="from" { (language.say("Từ ngày", "From")) } input id="from" name="from" type="date" value=(search.from) max=(iso_day(now)); }
            div.field { label for="to" { (language.say("Đến ngày", "To")) } input id="to" name="to" type="date" value=(search.to) max=(iso_day(now)); }
            (choice("site", language.say("Điểm", "Site"), language.say("Tất cả", "All"), &search.site, &sites))
            (choice("kind", language.say("Loại", "Kind"), language.say("Tất cả", "All"), &search.kind, &kinds))
            (choice("outcome", language.say("Kết quả", "Outcome"), language.say("Tất cả", "All"), &search.outcome, &outcomes))
            div.field { label for="device" { (language.say("Thiết bị", "Device")) } input id="device" name="device" value=(search.device) maxlength="80"; }
            button type="submit" { (language.say("Lọc", "Filter")) }
        }
        section.panel.list aria-label=(language.say("Sự kiện", "Events")) {
            @if found.events.is_empty() {
                p.empty { (icon("list")) (language.say("Không có sự kiện nào như vậy.", "There is no such event.")) }
            } @else {
                (table(language, &found.events, true))
                p.under.soft {
                    (language.say("Hiện", "Showing")) " " (found.events.len()) " " (language.say("trong", "of")) " " (language.count(found.count))
                    @if !search.before.is_empty() { a.button href=(search.address("/staff/events", None)) { (icon("back")) (language.say("Mới nhất", "Newest")) } }
                    @if let Some(next) = found.next { a.button href=(search.address("/staff/events", Some(next))) { (language.say("Cũ hơn", "Older")) (icon("next")) } }
                }
            }
        }
    }
}

/// The same as a table for programs, in UTF-8 with a mark that spreadsheets know it by. What a spreadsheet would take for a formula
/// begins with an apostrophe.
pub(super) fn csv(events: &[Shown]) -> Result<Vec<u8>, StoreError> {
    let mut out = csv::Writer::from_writer(vec![0xEF, 0xBB, 0xBF]);
    let heads = ["at", "received_at", "kind", "outcome", "why", "rung", "profile", "device", "site", "sequence"];
    let mut write = |row: [String; 10]| {
        let plain =
            |text: String| if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text };
        program::ignore(out.write_record(row.map(plain)), "writing to memory does not fail");
    };
    write(heads.map(str::to_owned));
    for event in events {
        let none = String::new;
        write([
            stamp(event.at),
            stamp(event.received_at),
            event.kind.clone(),
            event.outcome.clone(),
            event.why.clone().unwrap_or_else(none),
            event.rung.clone().unwrap_or_else(none),
            event.profile.clone(),
            event.device.clone(),
            event.site.clone(),
            event.sequence.to_string(),
        ]);
    }
    Ok(out.into_inner().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_that_is_none_asks_for_nothing() {
        let of =
            |from: &str, to: &str| Search { from: from.to_owned(), to: to.to_owned(), ..Search::default() }.asked();
        assert_eq!((of("", "").from, of("", "").until), (None, None));
        let day = of("2026-11-28", "2026-11-28");
        assert_eq!(day.until.zip(day.from).map(|(until, from)| until - from), Some(86_400));
        assert_eq!((of("28/11/2026", "").from, of("", "x").until), (Some(i64::MAX), Some(i64::MIN)));
    }

    #[test]
    fn no_word_of_a_device_is_a_formula_in_a_spreadsheet() {
        let event = Shown { outcome: "=1+1".to_owned(), why: Some("a,\"b\"".to_owned()), ..Shown::default() };
        let table = String::from_utf8(csv(&[event]).expect("a table")).expect("text");
        let line = table.lines().nth(1).expect("a row");
        assert!(line.contains(",'=1+1,") && line.contains("\"a,\"\"b\"\"\""), "{line}");
        assert!(table.starts_with('\u{feff}'));
    }
}
