//! Alerts: what is wrong since when, and who looks after it.

use crate::people::{Admit, Person};
use crate::views::devices::url;
use crate::views::html::{ago, icon, pill};
use crate::views::index::Alert;
use crate::views::words::{Language, Tone, day, minute};
use maud::{Markup, html};

/// The page.
pub(super) fn list(language: Language, person: &Person, alerts: &[Alert], now: i64) -> Markup {
    let (mut open, over): (Vec<&Alert>, Vec<&Alert>) = alerts.iter().partition(|alert| alert.ended.is_none());
    // What stops a service first, and of that what nobody has taken.
    open.sort_by_key(|alert| (!alert.trouble.stops(), alert.taken.is_some(), alert.since, alert.id));
    let waiting = open.iter().filter(|alert| alert.taken.is_none()).count() as u64;
    html! {
        div.title {
            h1 { (language.say("Cảnh báo", "Alerts")) }
            p.soft {
                (language.count(waiting)) " " (language.say("chưa ai nhận", "nobody has taken")) " · "
                (language.count(open.len() as u64)) " " (language.say("đang diễn ra", "going on"))
            }
        }
        section.panel.list aria-label=(language.say("Đang diễn ra", "Going on")) {
            @if open.is_empty() {
                p.empty { (icon("tick")) (language.say("Không có cảnh báo nào.", "There is no alert.")) }
            } @else {
                div.rows.alerts role="table" aria-label=(language.say("Đang diễn ra", "Going on")) {
                    div.row.heads role="row" {
                        @for (vi, en) in [("Cảnh báo", "Alert"), ("Thiết bị và điểm", "Device and site"), ("Từ", "Since"), ("Cách xử lý", "What to do"), ("Người nhận", "Taken by")] {
                            span role="columnheader" { (language.say(vi, en)) }
                        }
                    }
                    @for alert in open { (row(language, person, alert, now)) }
                }
            }
        }
        @if !over.is_empty() {
            section.panel.list aria-label=(language.say("Đã hết", "Over")) {
                h2 { (language.say("Đã hết", "Over")) }
                div.rows.over role="table" aria-label=(language.say("Đã hết", "Over")) {
                    @for alert in over {
                        @let (vi, en) = alert.trouble.title();
                        div.row role="row" {
                            span.state role="cell" { (pill(Tone::Plain, language.say(vi, en))) }
                            span.name role="cell" { a href={ "/staff/device/" (url::encoded(&alert.device)) } { b { (alert.device) } } span.soft.block { (alert.site) } }
                            span.soft role="cell" { (day(alert.since)) " " (minute(alert.since)) @if let Some(end) = alert.ended { " – " (day(end)) " " (minute(end)) } }
                            span.soft role="cell" { @if let Some((by, _)) = &alert.taken { (language.say("Đã nhận:", "Taken by")) " " (by) } }
                        }
                    }
                }
            }
        }
    }
}

fn row(language: Language, person: &Person, alert: &Alert, now: i64) -> Markup {
    let tone = if alert.trouble.stops() { Tone::Stop } else { Tone::Look };
    let (vi, en) = alert.trouble.title();
    let (how, how_en) = alert.trouble.remedy();
    html! {
        div class=(if alert.trouble.stops() { "row stop" } else { "row look" }) role="row" {
            span.state role="cell" { (pill(tone, language.say(vi, en))) }
            span.name role="cell" {
                a href={ "/staff/device/" (url::encoded(&alert.device)) } { b { (alert.device) } }
                span.soft.block title=(alert.site) { (alert.site) }
            }
            span role="cell" data-head=(language.say("Từ", "Since")) { (ago(language, Some(alert.since), now, false)) }
            span.how role="cell" { (language.say(how, how_en)) "." }
            span role="cell" {
                @match &alert.taken {
                    Some((by, at)) => { span.strong { (by) } span.soft.block { (minute(*at)) " " (day(*at)) } }
                    None if person.may::<Admit>() => {
                        form method="post" action="/staff/alerts/take" {
                            input type="hidden" name="id" value=(alert.id);
                            button type="submit" { (language.say("Tôi nhận", "I take it")) span.unseen { ": " (language.say(vi, en)) " " (alert.device) } }
                        }
                    }
                    None => { span.soft { (language.say("Chưa ai nhận", "Nobody has taken it")) } }
                }
            }
        }
    }
}
