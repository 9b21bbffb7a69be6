//! Figures for leaders: a month and a profile, as they were published. What is hidden is in no part of the page: not in a table, not
//! in the alternative text of a chart, not in a length of a bar.

use crate::figures::{Cell, INSIDE, OTHERS, Publication, TOTAL, Table, units};
use crate::views::devices::choice;
use crate::views::html::icon;
use crate::views::words::{self, Language};
use maud::{Markup, html};
use serde::Deserialize;

/// Which figures.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    month: String,
    #[serde(default)]
    profile: String,
}

/// What people call a class.
fn class(language: Language, by: &str, word: &str) -> String {
    let both = match (by, word) {
        (_, TOTAL) => Some(("Cộng", "Total")),
        (_, OTHERS) => Some(("Đơn vị khác", "Other units")),
        (_, "unknown") => Some(("Không rõ", "Not known")),
        (_, "all") => Some(("Tất cả", "All")),
        ("unit", units::NONE) => Some(("Chưa gắn đơn vị", "In no unit")),
        ("origin", "domestic") => Some(("Trong nước", "Domestic")),
        ("origin", "foreign") => Some(("Nước ngoài", "Foreign")),
        ("sex", "f") => Some(("Nữ", "Women")),
        ("sex", "m") => Some(("Nam", "Men")),
        ("age", "60") => Some(("từ 60", "60 and over")),
        ("province", "abroad") => Some(("Nước ngoài", "Abroad")),
        ("outcome", word) => words::outcome(word).map(|(both, _)| both),
        ("rung", word) => words::rung(word).map(|(vi, en, _)| (vi, en)),
        _ => None,
    };
    match (by, both) {
        (_, Some((vi, en))) => language.say(vi, en).to_owned(),
        ("province", None) => units::province(word).unwrap_or(word).to_owned(),
        ("day", None) => word
            .split('-')
            .skip(1)
            .fold(String::new(), |rest, part| if rest.is_empty() { part.to_owned() } else { format!("{part}/{rest}") }),
        ("unit", None) => word.split_once(' ').map_or(word, |(_, name)| name).to_owned(),
        _ => word.to_owned(),
    }
}

/// What people call what is counted by.
fn by(language: Language, word: &str) -> String {
    let (vi, en) = match word {
        "day" => ("Ngày", "Day"),
        "unit" => ("Xã, phường", "Commune, ward"),
        "origin" => ("Trong nước, nước ngoài", "Domestic, foreign"),
        "age" => ("Nhóm tuổi", "Age"),
        "sex" => ("Giới tính", "Sex"),
        "province" => ("Tỉnh cư trú", "Province of residence"),
        "rung" => ("Bậc bảo đảm", "Rung"),
        "refusal" => ("Lý do từ chối", "Reason of refusal"),
        "outcome" => ("Kết quả", "Outcome"),
        _ => return word.to_owned(),
    };
    language.say(vi, en).to_owned()
}

fn cell(language: Language, cell: Cell) -> Markup {
    match cell {
        Cell::Count(n) => html! { (language.count(n)) },
        Cell::Hidden => html! { span.hidden { (language.say("ẩn", "hidden")) } },
    }
}

fn table(language: Language, own: &Table) -> Markup {
    html! {
        div.wide tabindex="0" role="region" aria-label={ (by(language, &own.rows_by)) ", " (by(language, &own.columns_by)) } {
            table.figures {
                thead { tr { th scope="col" { (by(language, &own.rows_by)) } @for column in &own.columns { th scope="col" { (class(language, &own.columns_by, column)) } } } }
                tbody {
                    @for (row, cells) in own.rows.iter().zip(&own.cells) {
                        tr class=[(row == TOTAL).then_some("sum")] {
                            th scope="row" { (class(language, &own.rows_by, row)) }
                            @for one in cells { td { (cell(language, *one)) } }
                        }
                    }
                }
            }
        }
    }
}

/// People by day as columns. A day that is hidden has a mark in its place, of one height.
fn chart(language: Language, own: &Table) -> Markup {
    const WIDE: u64 = 720;
    const HIGH: u64 = 200;
    let totals: Vec<Cell> =
        own.rows.iter().filter(|row| *row != TOTAL).filter_map(|row| own.cell(row, TOTAL)).collect();
    let most = totals
        .iter()
        .filter_map(|cell| if let Cell::Count(n) = cell { Some(*n) } else { None })
        .max()
        .unwrap_or(0)
        .max(1);
    let step = WIDE / (totals.len() as u64).max(1);
    html! {
        svg.chart viewBox={ "0 0 " (WIDE) " " (HIGH + 24) } role="img" aria-label=(language.say("Lượt theo ngày; bảng bên dưới có cùng số liệu", "Visits by day; the table below has the same figures")) {
            @for part in 0..=4_u64 {
                @let y = HIGH - HIGH * part / 4;
                line.grid x1="0" x2=(WIDE) y1=(y) y2=(y) {}
            }
            @for (at, one) in totals.iter().enumerate() {
                @let x = at as u64 * step + 2;
                @match one {
                    Cell::Count(n) => { @let high = n * (HIGH - 8) / most; rect.bar x=(x) y=(HIGH - high) width=(step.saturating_sub(4).max(1)) height=(high) rx="2" {} }
                    Cell::Hidden => { rect.veil x=(x) y=(HIGH - 12) width=(step.saturating_sub(4).max(1)) height="12" {} }
                }
            }
            @for (at, row) in own.rows.iter().filter(|row| *row != TOTAL).enumerate() {
                @if at % (totals.len() / 10 + 1) == 0 { text x=(at as u64 * step + 2) y=(HIGH + 18) { (class(language, "day", row)) } }
            }
        }
    }
}

/// One class as bars beside their words, with the number in words: the colour says nothing.
fn bars(language: Language, own: &Table) -> Markup {
    let counts: Vec<(&String, Cell)> = own
        .columns
        .iter()
        .filter(|word| *word != TOTAL)
        .filter_map(|word| Some((word, own.cell(TOTAL, word)?)))
        .collect();
    let most = counts
        .iter()
        .filter_map(|(_, cell)| if let Cell::Count(n) = cell { Some(*n) } else { None })
        .max()
        .unwrap_or(0)
        .max(1);
    html! {
        ul.bars {
            @for (word, one) in counts {
                li {
                    span { (class(language, &own.columns_by, word)) }
                    svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
                        rect.rail width="100" height="8" rx="2" {}
                        @if let Cell::Count(n) = one { rect class=(if own.columns_by == "refusal" { "bar refusal" } else { "bar" }) width=(n * 100 / most) height="8" rx="2" {} }
                    }
                    b { (cell(language, one)) }
                }
            }
        }
    }
}

fn tile(language: Language, title: &str, value: Option<Cell>) -> Markup {
    html! { div.panel.tile { span.soft { (title) } b { @match value { Some(value) => (cell(language, value)), None => (language.say("không đếm", "not counted")) } } } }
}

/// The page.
pub(super) fn page(language: Language, wanted: &Wanted, all: &[Publication], until: Option<&str>) -> Markup {
    let mut months: Vec<&str> = all.iter().map(|made| made.month.as_str()).collect();
    months.dedup();
    let mut profiles: Vec<&str> = all.iter().map(|made| made.profile.as_str()).collect();
    profiles.sort_unstable();
    profiles.dedup();
    let options =
        |words: &[&str]| words.iter().map(|word| ((*word).to_owned(), (*word).to_owned())).collect::<Vec<_>>();
    let fits = |made: &&Publication| {
        (wanted.month.is_empty() || made.month == wanted.month)
            && (wanted.profile.is_empty() || made.profile == wanted.profile)
    };
    let newest = language.say("Mới nhất", "Newest");
    html! {
        div.title {
            h1 { (language.say("Số liệu", "Figures")) }
            @if let Some(made) = all.iter().find(fits) {
                p.soft { (made.profile) " · " (made.month) " · " (language.say("từ", "of")) " " (language.count(made.sites)) " " (language.say("điểm", "sites")) }
            }
            a.button.right href="/open/figures.csv" download="figures.csv" { (icon("down")) (language.say("Dữ liệu mở (CSV)", "Open data (CSV)")) }
        }
        form.filters method="get" action="/staff/figures" {
            (choice("month", language.say("Tháng", "Month"), newest, &wanted.month, &options(&months)))
            (choice("profile", language.say("Hồ sơ sử dụng", "Profile"), language.say("Đầu tiên", "The first"), &wanted.profile, &options(&profiles)))
            button type="submit" { (language.say("Xem", "Show")) }
        }
        @match all.iter().find(fits) {
            None => {
                section.panel { p.empty { (icon("chart")) (language.say("Chưa có tháng nào được chốt.", "No month has been closed yet.")) }
                    p.soft { (language.say("Một tháng được chốt sau năm ngày và không sửa nữa.", "A month is closed after five days, and is not revised."))
                        @if let Some(until) = until { " " (language.say("Đã nhận số đếm đến", "Tallies have come until")) " " (until) "." } } }
            }
            Some(made) => { (publication(language, made)) }
        }
    }
}

fn publication(language: Language, made: &Publication) -> Markup {
    let outcome = made.table("day", "outcome");
    let origin = made.table("day", "origin");
    html! {
        div.tiles {
            (tile(language, language.say("Lượt", "Visits"), outcome.and_then(|table| table.cell(TOTAL, TOTAL))))
            (tile(language, language.say("Trong nước", "Domestic"), origin.and_then(|table| table.cell(TOTAL, "domestic"))))
            (tile(language, language.say("Nước ngoài", "Foreign"), origin.and_then(|table| table.cell(TOTAL, "foreign"))))
            (tile(language, language.say("Từ chối", "Refused"), outcome.and_then(|table| table.cell(TOTAL, "refused"))))
        }
        @if let Some(table) = outcome { section.panel { h2 { (language.say("Lượt theo ngày", "Visits by day")) } (chart(language, table)) } }
        div.columns {
            @for own in made.tables.iter().filter(|table| table.rows_by == "all") { section.panel { h2 { (by(language, &own.columns_by)) } (bars(language, own)) } }
        }
        @for own in made.tables.iter().filter(|table| table.rows_by != "all") {
            section.panel { h2 { (by(language, &own.rows_by)) " · " (by(language, &own.columns_by)) } (table(language, own)) }
        }
        section.panel.note {
            h2 { (icon("shield")) (language.say("Không có dữ liệu từng người", "No data of persons")) }
            p {
                (language.say("Mỗi thiết bị tự đếm trong ngày rồi ký; trung tâm chỉ cộng. Ô dưới", "Each device counts by day and signs; the centre only adds up. Cells under")) " " (INSIDE) " "
                (language.say("người, và ô có thể làm lộ ô đó, ghi “ẩn”. Xã chỉ có một điểm được gộp. Tháng đã chốt không sửa. Dữ liệu mở dùng ngưỡng 10.", "people, and those that could give one away, say “hidden”. A commune with one site goes with others. A month that is closed is not revised. Open data use a threshold of 10."))
            }
        }
    }
}
