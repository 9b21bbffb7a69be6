//! How a page is put together: head, bar, side, icons. A page is served whole and has no script.

use crate::people::Person;
use crate::views::words::{Language, Tone, day, minute};
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// What pages may load: nothing from elsewhere, and no script at all.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; \
                                 form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The pages that the side names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    Devices,
    Alerts,
    Events,
    Figures,
}

/// Where a page stands, and for whom it is made.
pub(super) struct Frame<'a> {
    pub(super) person: &'a Person,
    pub(super) language: Language,
    pub(super) place: Where,
    /// Alerts that nobody has taken.
    pub(super) waiting: u64,
    /// When it was made.
    pub(super) now: i64,
    /// The address of this page in the other language.
    pub(super) other: String,
}

/// A drawing of one stroke in a square of 24.
pub(super) fn icon(name: &str) -> Markup {
    let path = match name {
        "device" => {
            "M7 3h10a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H7a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zM9 7h6M9 10h6M12 17v4M8 21h8"
        }
        "bell" => "M18 9a6 6 0 0 0-12 0c0 6-2 7-2 7h16s-2-1-2-7M10 20a2 2 0 0 0 4 0",
        "list" => "M9 6h11M9 12h11M9 18h11M4 6h.01M4 12h.01M4 18h.01",
        "chart" => "M4 20h16M6 16v-5M11 16V5M16 16V9",
        "cross" => "M6 6l12 12M18 6L6 18",
        "look" => "M12 8v5M12 16h.01M12 3l9.5 17h-19z",
        "tick" => "M5 13l4 4L19 7",
        "clock" => "M12 7v5l3 2M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18z",
        "wait" => "M7 3h10M7 21h10M8 3c0 5 8 5 8 9s-8 4-8 9M16 3c0 5-8 5-8 9s8 4 8 9",
        "next" => "M9 5l7 7-7 7",
        "back" => "M15 5l-7 7 7 7",
        "down" => "M12 4v11M7 11l5 5 5-5M5 20h14",
        _ => "M12 3l8 3v6c0 5-4 8-8 9-4-1-8-4-8-9V6z",
    };
    html! {
        svg.icon viewBox="0 0 24 24" aria-hidden="true" focusable="false" { path d=(path) {} }
    }
}

/// A word with its tone; the icon says the tone, too.
pub(super) fn pill(tone: Tone, text: &str) -> Markup {
    let name = match tone {
        Tone::Good => "tick",
        Tone::Look => "look",
        Tone::Stop => "cross",
        Tone::Plain => "wait",
    };
    html! { span class=(tone.class()) { (icon(name)) (text) } }
}

/// A time and how long it is ago, the one above the other.
pub(super) fn ago(language: Language, at: Option<i64>, now: i64, late: bool) -> Markup {
    let Some(at) = at else { return html! { span.soft { (language.say("chưa rõ", "not known")) } } };
    html! {
        span class=(if late { "strong late" } else { "strong" }) { (language.span(now - at)) }
        span.soft.block {
            (language.say("lúc", "at")) " " (minute(at))
            @if now - at > 86_400 { " · " (day(at)) }
        }
    }
}

/// Sends a page.
pub(super) fn sent(page: Markup) -> Response {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Html(page.into_string())).into_response()
}

fn head(language: Language, title: &str) -> Markup {
    html! {
        (DOCTYPE)
        (PreEscaped(format!("<html lang=\"{}\">", language.code())))
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            title { (title) " · " (language.say("Trung tâm thiết bị", "Device centre")) }
            link rel="stylesheet" href="/staff/style.css";
        }
    }
}

/// A whole page.
pub(super) fn page(frame: &Frame<'_>, title: &str, content: &Markup) -> Markup {
    let Frame { person, language, place, waiting, now, other } = frame;
    let link = |to: Where, path: &str, name: &str, vi, en, count: u64| {
        let here = to == *place;
        html! {
            a href=(path) aria-current=[here.then_some("page")] {
                (icon(name)) span { (language.say(vi, en)) }
                @if count > 0 { b.badge { (language.count(count)) } }
            }
        }
    };
    html! {
        (head(*language, title))
        body {
            a.skip href="#content" { (language.say("Tới nội dung", "To the content")) }
            header.bar {
                a.brand href="/staff" { (icon("shield")) b { (language.say("Trung tâm thiết bị căn cước", "Identity device centre")) } }
                a.other href=(other) lang=(if *language == Language::Vi { "en" } else { "vi" }) {
                    (if *language == Language::Vi { "English" } else { "Tiếng Việt" })
                }
                span.who { b { (person.name()) } " " span { (role(*language, person)) } }
            }
            nav.side aria-label=(language.say("Trang", "Pages")) {
                (link(Where::Devices, "/staff", "device", "Thiết bị", "Devices", 0))
                (link(Where::Alerts, "/staff/alerts", "bell", "Cảnh báo", "Alerts", *waiting))
                (link(Where::Events, "/staff/events", "list", "Sự kiện", "Events", 0))
                (link(Where::Figures, "/staff/figures", "chart", "Số liệu", "Figures", 0))
            }
            main #content tabindex="-1" { (content) }
            footer.foot { (language.say("Trang lúc", "Page of")) " " (minute(*now)) " " (day(*now)) }
        }
        (PreEscaped("</html>"))
    }
}

fn role(language: Language, person: &Person) -> &'static str {
    use crate::people::Role;
    match person.role() {
        Role::Reader => language.say("Người xem", "Reader"),
        Role::Auditor => language.say("Kiểm tra viên", "Auditor"),
        Role::Technician => language.say("Kỹ thuật viên", "Technician"),
        Role::Operator => language.say("Vận hành", "Operator"),
    }
}

/// A page that says why there is none.
pub(super) fn trouble(language: Language, title: &str, text: &str, remedy: &str) -> Markup {
    html! {
        (head(language, title))
        body.plain {
            main #content { section.panel { h1 { (title) } p { (text) } p.soft { (remedy) } p { a href="/staff" { (language.say("Về trang thiết bị", "To the devices")) } } } }
        }
        (PreEscaped("</html>"))
    }
}
