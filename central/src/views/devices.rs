//! Devices by trouble, and one of them.

use crate::people::{Audit, Person};
use crate::store::{Apart, Done};
use crate::views::care::{Cared, Group, Trouble};
use crate::views::events::table;
use crate::views::html::{ago, icon, pill};
use crate::views::index::Shown;
use crate::views::words::{self, Language, Tone, day, minute};
use maud::{Markup, html};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Rows of the list; who has more looks for a site.
const MOST: usize = 200;

/// What of the list is asked for.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Filter {
    /// A group: a trouble, `fine`, `expected`, `retired`, `all`; what is wrong where nothing is said.
    #[serde(default)]
    pub(super) group: String,
    /// A site.
    #[serde(default)]
    pub(super) site: String,
    /// A profile.
    #[serde(default)]
    pub(super) profile: String,
    /// Part of a name or site.
    #[serde(default)]
    pub(super) q: String,
}

const fn word(group: Group) -> &'static str {
    match group {
        Group::Wrong(trouble) => trouble.as_str(),
        Group::Fine => "fine",
        Group::Expected => "expected",
        Group::Retired => "retired",
    }
}

const fn tone(group: Group) -> Tone {
    match group {
        Group::Wrong(trouble) if trouble.stops() => Tone::Stop,
        Group::Wrong(_) => Tone::Look,
        Group::Fine => Tone::Good,
        Group::Expected | Group::Retired => Tone::Plain,
    }
}

fn address(filter: &Filter, group: &str) -> String {
    let mut out = url::Address::new("/staff");
    out.and("group", group).and("site", &filter.site).and("profile", &filter.profile).and("q", &filter.q);
    out.to_string()
}

/// Addresses with what is asked in them.
pub(super) mod url {
    /// A path and its query.
    pub(crate) struct Address(String, char);

    impl Address {
        pub(crate) fn new(path: &str) -> Self {
            Self(path.to_owned(), '?')
        }

        /// One more part; an empty one is left out.
        pub(crate) fn and(&mut self, key: &str, value: &str) -> &mut Self {
            if !value.is_empty() {
                self.0.push(self.1);
                self.1 = '&';
                self.0.push_str(key);
                self.0.push('=');
                self.0.push_str(&encoded(value));
            }
            self
        }
    }

    impl std::fmt::Display for Address {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(&self.0)
        }
    }

    /// For a path or a query: unreserved characters as they are (RFC 3986 clause 2.3), all else in hexadecimal.
    pub(crate) fn encoded(text: &str) -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        text.bytes()
            .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
            .collect()
    }
}

fn fits(cared: &Cared, filter: &Filter) -> bool {
    let device = &cared.device;
    let part = filter.q.trim().to_lowercase();
    let has = |text: &str| text.to_lowercase().contains(&part);
    (filter.site.is_empty() || device.site == filter.site)
        && (filter.profile.is_empty() || device.profile == filter.profile)
        && (part.is_empty() || has(&device.name) || has(&device.site) || has(&device.serial))
}

fn is_wrong(group: Group) -> bool {
    matches!(group, Group::Wrong(_))
}

/// A choice of a form.
pub(super) fn choice(id: &str, label: &str, all: &str, chosen: &str, options: &[(String, String)]) -> Markup {
    html! {
        div.field {
            label for=(id) { (label) }
            select id=(id) name=(id) {
                option value="" { (all) }
                @for (value, text) in options { option value=(value) selected[value == chosen] { (text) } }
            }
        }
    }
}

fn chips(language: Language, filter: &Filter, counts: &BTreeMap<Group, u64>, wrong: u64, all: u64) -> Markup {
    let chip = |here: bool, to: String, tone: Tone, text: &str, count: u64| {
        html! {
            a.chip href=(to) aria-current=[here.then_some("true")] {
                i class=(tone.class()) {} (text) " " b { (language.count(count)) }
            }
        }
    };
    html! {
        nav.chips aria-label=(language.say("Tình trạng", "State")) {
            (chip(filter.group.is_empty(), address(filter, ""), Tone::Plain, language.say("Cần xử lý", "To look after"), wrong))
            @for (group, count) in counts {
                @let (vi, en) = group.title();
                (chip(filter.group == word(*group), address(filter, word(*group)), tone(*group), language.say(vi, en), *count))
            }
            (chip(filter.group == "all", address(filter, "all"), Tone::Plain, language.say("Tất cả", "All"), all))
        }
    }
}

/// The list: its first line answers the question of the page.
pub(super) fn list(
    language: Language,
    filter: &Filter,
    all: &[Cared],
    taken: &BTreeMap<(String, Trouble), String>,
    now: i64,
) -> Markup {
    let options = |of: fn(&Cared) -> &str| {
        let mut names: Vec<&str> = all.iter().map(of).filter(|name| !name.is_empty()).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(|name| (name.to_owned(), name.to_owned())).collect::<Vec<_>>()
    };
    let mine: Vec<&Cared> = all.iter().filter(|cared| fits(cared, filter)).collect();
    let mut counts: BTreeMap<Group, u64> = BTreeMap::new();
    for cared in &mine {
        *counts.entry(cared.group()).or_default() += 1;
    }
    let wrong: u64 = counts.iter().filter(|(group, _)| is_wrong(**group)).map(|(_, count)| count).sum();
    let shown: Vec<&&Cared> = mine
        .iter()
        .filter(|cared| match filter.group.as_str() {
            "" => is_wrong(cared.group()),
            "all" => true,
            group => word(cared.group()) == group,
        })
        .collect();
    let total = mine.len() as u64;
    html! {
        div.title {
            h1 { (language.say("Thiết bị cần xử lý", "Devices to look after")) }
            p.soft { (language.count(wrong)) " " (language.say("trong", "of")) " " (language.count(total)) " " (language.say("thiết bị", "devices")) " · " (language.say("lúc", "at")) " " (minute(now)) }
        }
        form.filters method="get" action="/staff" role="search" {
            @if !filter.group.is_empty() { input type="hidden" name="group" value=(filter.group); }
            (choice("site", language.say("Điểm", "Site"), language.say("Tất cả", "All"), &filter.site, &options(|cared| &cared.device.site)))
            (choice("profile", language.say("Hồ sơ sử dụng", "Profile"), language.say("Tất cả", "All"), &filter.profile, &options(|cared| &cared.device.profile)))
            div.field.grow {
                label for="q" { (language.say("Tìm tên máy, số máy, điểm", "Search name, serial, site")) }
                input id="q" name="q" type="search" value=(filter.q) maxlength="80";
            }
            button type="submit" { (language.say("Lọc", "Filter")) }
        }
        (chips(language, filter, &counts, wrong, total))
        section.panel.list aria-label=(language.say("Thiết bị", "Devices")) {
            @if shown.is_empty() {
                p.empty { (icon("tick")) (language.say("Không có thiết bị nào trong mục này.", "There is no device in this group.")) }
            } @else {
                div.rows role="table" aria-label=(language.say("Thiết bị", "Devices")) {
                    div.row.heads role="row" {
                        @for (vi, en) in HEADS { span role="columnheader" { (language.say(vi, en)) } }
                    }
                    @for cared in shown.iter().take(MOST) { (row(language, cared, taken, now)) }
                }
                p.under.soft {
                    (language.say("Hiện", "Showing")) " " (language.count(shown.len().min(MOST) as u64)) " " (language.say("trong", "of")) " " (language.count(shown.len() as u64))
                    span.key { i.bar.stop {} (language.say("ngừng phục vụ", "service is stopped")) }
                    span.key { i.bar.look {} (language.say("xem trong ngày", "look today")) }
                }
            }
        }
    }
}

const HEADS: [(&str, &str); 7] = [
    ("Tình trạng", "State"),
    ("Thiết bị và điểm", "Device and site"),
    ("Liên lạc cuối", "Last heard of"),
    ("Chờ gửi", "Waits to be sent"),
    ("Cấu hình", "Configuration"),
    ("Chứng thư đến", "Certificate until"),
    ("Cảnh báo", "Alert"),
];

fn bundle(language: Language, cared: &Cared, now: i64) -> Markup {
    let own = cared.device.bundle;
    let old = cared.troubles.contains(&Trouble::Bundle);
    html! {
        span class=(if old { "strong late-soft" } else { "strong" }) {
            @if own == 0 { (language.say("chưa có", "none yet")) } @else { (language.say("bộ", "version")) " " (own) }
        }
        @if let Some((newest, at)) = cared.look.newest.filter(|(newest, _)| *newest > own) {
            span.soft.block { (language.say("mới:", "newest:")) " " (newest) ", " (language.span(now - at)) }
        }
    }
}

/// Events that wait on the device; what is not known is said to be so, with what it was last.
fn waiting(language: Language, cared: &Cared, now: i64) -> Markup {
    let last = cared.state.as_ref().and_then(|(_, state)| state.waiting);
    let slow = cared.troubles.contains(&Trouble::Outbox);
    html! {
        @match (cared.said(now).and_then(|said| said.waiting), last) {
            (Some(count), _) => { span class=(if slow { "strong late-soft" } else { "strong" }) { (language.count(count)) " " (language.say("sự kiện", "events")) } }
            (None, Some(last)) => { span { (language.say("chưa rõ", "not known")) } span.soft.block { (language.say("lần cuối:", "last:")) " " (language.count(last)) } }
            (None, None) => { span.soft { (language.say("chưa rõ", "not known")) } }
        }
        @if cared.look.unknown > 0 { span.soft.block { (language.count(cared.look.unknown)) " " (language.say("loại mới, giữ nguyên", "of new kinds, kept")) } }
    }
}

/// Bytes in gigabytes with one decimal.
fn room(language: Language, bytes: u64) -> String {
    let tenths = bytes / 100_000_000;
    format!("{}{}{} GB", language.count(tenths / 10), language.say(",", "."), tenths % 10)
}

fn row(language: Language, cared: &Cared, taken: &BTreeMap<(String, Trouble), String>, now: i64) -> Markup {
    let device = &cared.device;
    let group = cared.group();
    let stripe = match tone(group) {
        Tone::Stop => "row stop",
        Tone::Look => "row look",
        Tone::Good | Tone::Plain => "row",
    };
    let (vi, en) = group.title();
    let late = cared.troubles.contains(&Trouble::Silent);
    let ending = cared.troubles.contains(&Trouble::Ends) || cared.troubles.contains(&Trouble::Ended);
    let by = cared.troubles.first().and_then(|first| taken.get(&(device.name.clone(), *first)));
    html! {
        div class=(stripe) role="row" {
            span.state role="cell" { (pill(tone(group), language.say(vi, en))) }
            span.name role="cell" {
                a href={ "/staff/device/" (url::encoded(&device.name)) } { b { (device.name) } }
                span.soft.block title=(device.site) { (device.site) @if !device.profile.is_empty() { " · " (device.profile) } }
            }
            span role="cell" data-head=(language.say("Liên lạc cuối", "Last heard of")) { (ago(language, cared.heard, now, late)) }
            span role="cell" data-head=(language.say("Chờ gửi", "Waits to be sent")) { (waiting(language, cared, now)) }
            span role="cell" data-head=(language.say("Cấu hình", "Configuration")) { (bundle(language, cared, now)) }
            span role="cell" data-head=(language.say("Chứng thư đến", "Certificate until")) {
                @match device.not_after {
                    Some(until) => { span class=(if ending { "strong late-soft" } else { "strong" }) { (day(until)) } }
                    None => { span.soft { (language.say("chưa có", "none yet")) } }
                }
            }
            span role="cell" data-head=(language.say("Cảnh báo", "Alert")) {
                @for trouble in cared.troubles.iter().take(2) {
                    @let (vi, en) = trouble.title();
                    span.block { (language.say(vi, en)) }
                }
                @if let Some(by) = by { span.soft.block { (language.say("Đã nhận:", "Taken by")) " " (by) } }
                @else if is_wrong(group) && cared.troubles.len() < 2 { span.soft.block { (language.say("Chưa ai nhận", "Nobody has taken it")) } }
            }
        }
    }
}

/// All that one page about a device shows.
pub(super) struct One<'a> {
    pub(super) cared: &'a Cared,
    pub(super) done: &'a [Done],
    pub(super) apart: &'a [Apart],
    pub(super) events: &'a [Shown],
}

/// One device: what is wanted of it and what it says, what is wrong, what was done, what is strange, what it sent last.
pub(super) fn one(language: Language, person: &Person, one: &One<'_>, now: i64) -> Markup {
    let One { cared, done, apart, events } = one;
    let device = &cared.device;
    let (vi, en) = cared.group().title();
    html! {
        div.title {
            a.button href="/staff" { (icon("back")) (language.say("Thiết bị", "Devices")) }
            h1 { (device.name) }
            (pill(tone(cared.group()), language.say(vi, en)))
            p.soft { (device.site) " · " (device.profile) @if let Some(model) = &device.model { " · " (model) } }
            a.button.right href={ "/staff/events?device=" (url::encoded(&device.name)) } { (icon("list")) (language.say("Sự kiện", "Events")) }
        }
        div.columns {
            section.panel {
                h2 { (language.say("Muốn và thực tế", "Wanted and reported")) }
                (twin(language, cared, now))
            }
            section.panel {
                h2 { (language.say("Cần xử lý", "To look after")) }
                @if cared.troubles.is_empty() { p.empty { (icon("tick")) (language.say("Không có gì.", "Nothing.")) } }
                @for trouble in &cared.troubles {
                    @let (vi, en) = trouble.title();
                    @let (how, how_en) = trouble.remedy();
                    div.trouble {
                        (pill(if trouble.stops() { Tone::Stop } else { Tone::Look }, language.say(vi, en)))
                        p.how { b { (language.say("Cách xử lý:", "What to do:")) } " " (language.say(how, how_en)) "." }
                    }
                }
                @if !apart.is_empty() {
                    h3 { (language.say("Giữ riêng", "Kept apart")) }
                    ul.plain {
                        @for it in *apart {
                            li { b { "#" (it.sequence) } " " code { (it.code) } span.soft.block { (day(it.received_at)) " " (minute(it.received_at)) } }
                        }
                    }
                }
            }
            section.panel {
                h2 { (language.say("Diễn biến", "History")) }
                @if done.is_empty() { p.soft { (language.say("Chưa có gì.", "Nothing yet.")) } }
                ol.line {
                    @for it in *done {
                        li {
                            b { (deed(language, &it.what)) } span.soft.block { (day(it.at)) " " (minute(it.at)) @if person.may::<Audit>() { " · " (it.who) } }
                            @if let Some(why) = &it.why { span.soft.block { (why) } }
                        }
                    }
                }
            }
        }
        section.panel.list {
            h2 { (language.say("Sự kiện gần nhất", "Latest events")) }
            @if events.is_empty() { p.soft.pad { (language.say("Máy chưa gửi sự kiện nào.", "It has sent no event.")) } } @else { (table(language, events, false)) }
        }
    }
}

fn deed(language: Language, word: &str) -> String {
    words::deed(word).map_or_else(|| word.to_owned(), |(vi, en)| language.say(vi, en).to_owned())
}

fn twin(language: Language, cared: &Cared, now: i64) -> Markup {
    let device = &cared.device;
    let none = || language.say("chưa rõ", "not known").to_owned();
    let newest = cared.look.newest.map(|(version, _)| version);
    let skew = cared.skew().map_or_else(
        || language.say("trong 5 phút", "within 5 min").to_owned(),
        |off| {
            let which = if off > 0 {
                language.say("nhanh", "ahead by")
            } else {
                language.say("chậm hoặc gửi trễ", "late by")
            };
            format!("{which} {}", language.span(off))
        },
    );
    let skew = if cared.look.clock.is_some() { skew } else { none() };
    let (vi, en) = words::state(device.state);
    let has = |trouble| cared.troubles.contains(&trouble);
    let rows = [
        (
            ("Tình trạng", "State"),
            language.say("đang dùng", "active").to_owned(),
            language.say(vi, en).to_owned(),
            has(Trouble::ShutOut),
        ),
        (
            ("Bộ cấu hình", "Bundle"),
            newest.map_or_else(none, |version| version.to_string()),
            if device.bundle == 0 { none() } else { device.bundle.to_string() },
            has(Trouble::Bundle),
        ),
        (
            ("Phần mềm", "Software"),
            language.say("mới nhất của hệ thống", "the fleet's newest").to_owned(),
            device.software.clone().unwrap_or_else(none),
            has(Trouble::Version),
        ),
        (
            ("Giờ", "Clock"),
            language.say("lệch dưới 5 phút", "off by under 5 min").to_owned(),
            skew,
            has(Trouble::Clock),
        ),
        (("Nguồn giờ", "Time from"), "signed".to_owned(), device.time_quality.clone().unwrap_or_else(none), false),
        (
            ("Chứng thư", "Certificate"),
            language.say("còn hơn 30 ngày", "over 30 days left").to_owned(),
            device
                .not_after
                .map_or_else(none, |until| format!("{} ({})", day(until), language.span((until - now).max(0)))),
            has(Trouble::Ends) || has(Trouble::Ended),
        ),
        (
            ("Liên lạc", "Contact"),
            language.say("trong 2 giờ", "within 2 h").to_owned(),
            cared.heard.map_or_else(none, |at| language.span(now - at)),
            has(Trouble::Silent),
        ),
        (
            ("Chờ gửi", "Waits to be sent"),
            language.say("dưới 500", "under 500").to_owned(),
            cared.said(now).and_then(|said| said.waiting).map_or_else(none, |count| language.count(count)),
            has(Trouble::Outbox),
        ),
        (
            ("Đĩa trống", "Free disk"),
            language.say("trên 2 GB", "over 2 GB").to_owned(),
            cared.said(now).and_then(|said| said.disk_free).map_or_else(none, |bytes| room(language, bytes)),
            has(Trouble::Disk),
        ),
        (
            ("Khóa ở", "Keys in"),
            String::from("TPM, token"),
            device.protection.as_ref().map_or_else(none, ToString::to_string),
            false,
        ),
        (("Số máy", "Serial"), String::new(), device.serial.clone(), false),
        (
            ("Sự kiện", "Events"),
            String::new(),
            language.count(cared.look.sequence),
            has(Trouble::Unreadable) || has(Trouble::Contradicts),
        ),
    ];
    html! {
        table.twin {
            thead { tr { th scope="col" { span.unseen { (language.say("Mục", "What")) } } th scope="col" { (language.say("Muốn", "Wanted")) } th scope="col" { (language.say("Máy báo", "Reported")) } } }
            tbody {
                @for ((vi, en), wanted, said, differs) in &rows {
                    tr class=[differs.then_some("differs")] {
                        th scope="row" { (language.say(vi, en)) }
                        td { (wanted) }
                        td { @if *differs { (icon("look")) } (said) }
                    }
                }
            }
        }
    }
}
