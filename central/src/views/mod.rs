//! Pages for staff: devices by trouble, one device, events, alerts. They are made here, whole, and have no script.
//!
//! Everything that a page asks goes with the [`Scope`](crate::people::Scope) of whoever asks: nobody sees another unit's rows.
//! What is read is read from connections of its own, so that nobody who looks holds up what devices send.

mod alerts;
pub mod care;
mod devices;
mod events;
mod figures;
mod html;
pub mod index;
mod state;
mod tallies;
mod visitor;
pub(crate) mod words;

use crate::SqliteStore;
use crate::answer::{OF_STRANGERS, Refused, Whole, apart};
use crate::doorkeeper::Doorkeeper;
use crate::figures::units::Units;
use crate::figures::{INSIDE, OUTSIDE, Publication, open};
use crate::people::{Admit, Audit, Person, See};
use crate::registrar::Registrar;
use crate::signin::cookie;
use crate::store::StoreError;
use ::events::Clock;
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use care::{Cared, Trouble, look_after};
use events::{PAGE, Search};
use html::{Frame, Where, page, sent};
use index::{Index, Take};
use maud::Markup;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use visitor::Visitor;
use words::Language;

/// Events that one look reads from the log at most: who looks waits under a second for them.
const AT_ONCE: usize = 20_000;
/// Rows of one device's page.
const OF_ONE: usize = 12;

/// What the pages are made of.
#[derive(Clone)]
pub struct Views {
    registrar: Arc<Registrar>,
    log: Arc<SqliteStore>,
    index: Arc<Index>,
    clock: Arc<dyn Clock>,
    door: Arc<dyn Doorkeeper>,
    units: Arc<PathBuf>,
}

impl std::fmt::Debug for Views {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Views")
    }
}

impl Views {
    /// `log` is a connection of its own, which only reads; `door` says who asks; `units` is the table of sites and units, which need
    /// not be there.
    #[must_use]
    pub fn new(
        registrar: Arc<Registrar>,
        log: SqliteStore,
        index: Index,
        clock: Arc<dyn Clock>,
        door: Arc<dyn Doorkeeper>,
        units: PathBuf,
    ) -> Self {
        Self { registrar, log: Arc::new(log), index: Arc::new(index), clock, door, units: Arc::new(units) }
    }

    /// Devices of somebody's places, the worst first.
    fn devices(&self, person: &Person) -> Result<Vec<Cared>, StoreError> {
        let looks = self.log.looks(person.scope())?;
        let devices = self.registrar.registry().devices(person.scope())?;
        Ok(look_after(devices, looks, self.index.states()?, self.clock.wall()))
    }

    /// Looks at all devices, and notes what is wrong: it is done before a page is made, and every minute.
    ///
    /// # Errors
    /// When a database fails.
    pub fn watch(&self) -> Result<(), StoreError> {
        let everywhere = crate::people::Scope::everywhere();
        let now = self.clock.wall();
        let all = look_after(
            self.registrar.registry().devices(&everywhere)?,
            self.log.looks(&everywhere)?,
            self.index.states()?,
            now,
        );
        let all = all.into_iter().map(|cared| (cared.device.name, (cared.device.site, cared.troubles))).collect();
        self.index.watch(&all, now)?;
        self.index.follow(&self.log, AT_ONCE).map(drop)
    }

    /// Where devices say how they are: it belongs where devices connect.
    pub fn said_by_devices(&self) -> Router {
        state::router(Arc::clone(&self.registrar), Arc::clone(&self.index), Arc::clone(&self.clock))
    }

    /// Watches once a minute for as long as the process serves.
    pub async fn minutely(self) {
        let mut minutes = tokio::time::interval(std::time::Duration::from_secs(60));
        loop {
            minutes.tick().await;
            let own = self.clone();
            if let Ok(Err(error)) = tokio::task::spawn_blocking(move || own.watch()).await {
                tracing::error!(code = error.code(), "{}", program::describe(&error));
            }
        }
    }

    /// What was published. A table of units that cannot be read publishes nothing.
    fn published(&self, least: u64) -> Result<Vec<Publication>, Refused> {
        let units = match std::fs::read_to_string(&*self.units) {
            Ok(text) => Units::parse(&text).map_err(|error| {
                let message = format!("{}: {error}", self.units.display());
                Refused::new(503, "units_malformed", &message, "mend the table of units: site,unit,province,from,until")
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Units::default(),
            Err(error) => {
                let message = format!("{}: {error}", self.units.display());
                return Err(Refused::new(503, "units_unread", &message, "let central's user read the table of units"));
            }
        };
        let now = self.clock.wall();
        self.index.publications((&words::iso_day(now), now), &units, least).map_err(unread)
    }

    fn framed(
        &self,
        asked: &Asked,
        person: &Person,
        place: Where,
        title: &str,
        content: &Markup,
    ) -> Result<Response, Refused> {
        let waiting = self.index.waiting(person.scope()).map_err(unread)?;
        let Asked { language, other } = asked;
        let now = self.clock.wall();
        let frame = Frame { person, language: *language, place, waiting, now, other: other.clone() };
        Ok(sent(page(&frame, title, content)))
    }
}

fn unread(error: StoreError) -> Refused {
    let (code, remedy) = (error.code().to_owned(), error.remedy().to_owned());
    Refused::new(503, &code, &program::describe(&error), &remedy)
}

/// How a page is asked for: in which language, and what its address is in the other.
#[derive(Debug, Clone)]
struct Asked {
    language: Language,
    other: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let query = parts.uri.query().unwrap_or_default();
        let chosen = query.split('&').rev().find_map(|part| part.strip_prefix("lang="));
        let kept = cookie(&parts.headers, "lang");
        let wanted = chosen.or_else(|| kept.as_ref().map(|kept| kept.as_str()));
        let language = if wanted == Some("en") { Language::En } else { Language::Vi };
        let rest: Vec<&str> = query.split('&').filter(|part| !part.is_empty() && !part.starts_with("lang=")).collect();
        let to = if language == Language::Vi { "en" } else { "vi" };
        let mut other = format!("{}?", parts.uri.path());
        for part in rest {
            other.push_str(part);
            other.push('&');
        }
        other.push_str("lang=");
        other.push_str(to);
        Ok(Self { language, other })
    }
}

/// Remembers the language that an address asks for.
async fn remembered(request: axum::extract::Request, next: axum::middleware::Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let chosen = query.split('&').rev().find_map(|part| part.strip_prefix("lang="));
    let chosen = chosen.filter(|word| ["vi", "en"].contains(word)).map(str::to_owned);
    let mut response = next.run(request).await;
    if let Some(value) =
        chosen.and_then(|word| format!("lang={word}; Path=/staff; SameSite=Strict; Max-Age=31536000").parse().ok())
    {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// The pages.
pub fn router(views: Views) -> Router {
    Router::new()
        .route("/staff", get(device_list))
        .route("/staff/device/{name}", get(one_device))
        .route("/staff/events", get(event_list))
        .route("/staff/events.csv", get(event_table))
        .route("/staff/figures", get(figure_page))
        .route("/open/figures.csv", get(open_table))
        .route("/open/figures.json", get(open_document))
        .route("/open/dictionary.jsonld", get(open_dictionary))
        .route("/staff/alerts", get(alert_list))
        .route("/staff/alerts/take", post(take))
        .route("/staff/style.css", get(|| async { part("text/css; charset=utf-8", include_bytes!("style.css")) }))
        .route("/staff/{font}", get(font))
        .layer(axum::middleware::from_fn(remembered))
        .layer(DefaultBodyLimit::max(OF_STRANGERS))
        .with_state(views)
}

fn part(kind: &'static str, bytes: &'static [u8]) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "public, max-age=3600"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, bytes).into_response()
}

async fn font(Path(name): Path<String>) -> Response {
    let bytes: &'static [u8] = match name.as_str() {
        "letters-400.woff2" => include_bytes!("../../../desk/fonts/letters-400.woff2"),
        "letters-500.woff2" => include_bytes!("../../../desk/fonts/letters-500.woff2"),
        "letters-600.woff2" => include_bytes!("../../../desk/fonts/letters-600.woff2"),
        "letters-700.woff2" => include_bytes!("../../../desk/fonts/letters-700.woff2"),
        "digits-400.woff2" => include_bytes!("../../../desk/fonts/digits-400.woff2"),
        "digits-500.woff2" => include_bytes!("../../../desk/fonts/digits-500.woff2"),
        "digits-600.woff2" => include_bytes!("../../../desk/fonts/digits-600.woff2"),
        "digits-700.woff2" => include_bytes!("../../../desk/fonts/digits-700.woff2"),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    part("font/woff2", bytes)
}

/// Makes a page off the network threads.
async fn made(work: impl FnOnce() -> Result<Response, Refused> + Send + 'static) -> Response {
    apart(work).await.unwrap_or_else(IntoResponse::into_response)
}

async fn device_list(
    State(views): State<Views>,
    Visitor(who): Visitor<See>,
    asked: Asked,
    Query(filter): Query<devices::Filter>,
) -> Response {
    made(move || {
        views.watch().map_err(unread)?;
        let all = views.devices(&who).map_err(unread)?;
        let alerts = views.index.alerts(who.scope(), 10_000).map_err(unread)?;
        let taken: BTreeMap<(String, Trouble), String> = alerts
            .into_iter()
            .filter(|alert| alert.ended.is_none())
            .filter_map(|alert| Some(((alert.device, alert.trouble), alert.taken?.0)))
            .collect();
        let content = devices::list(asked.language, &filter, &all, &taken, views.clock.wall());
        views.framed(&asked, &who, Where::Devices, asked.language.say("Thiết bị", "Devices"), &content)
    })
    .await
}

async fn one_device(
    State(views): State<Views>,
    Visitor(who): Visitor<See>,
    asked: Asked,
    Path(name): Path<String>,
) -> Response {
    made(move || {
        views.watch().map_err(unread)?;
        let all = views.devices(&who).map_err(unread)?;
        // Of a device elsewhere nobody learns whether it is there.
        let Some(cared) = all.into_iter().find(|cared| cared.device.name == name) else {
            let language = asked.language;
            let title = language.say("Không có thiết bị này", "There is no such device");
            let text = language
                .say("Ở các điểm của bạn không có thiết bị tên này.", "There is none of this name at your sites.");
            let page = html::trouble(
                language,
                title,
                text,
                language.say("Xem lại danh sách thiết bị.", "Look at the list again."),
            );
            return Ok((StatusCode::NOT_FOUND, sent(page)).into_response());
        };
        let done = views.log.done_to(&name, OF_ONE).map_err(unread)?;
        let apart = if who.may::<Audit>() { views.log.apart(&name, OF_ONE).map_err(unread)? } else { Vec::new() };
        let wanted = index::Asked { device: Some(name.clone()), ..index::Asked::default() };
        let found = views.index.events(who.scope(), &wanted, OF_ONE).map_err(unread)?;
        let one = devices::One { cared: &cared, done: &done, apart: &apart, events: &found.events };
        let content = devices::one(asked.language, &who, &one, views.clock.wall());
        views.framed(&asked, &who, Where::Devices, &name, &content)
    })
    .await
}

async fn event_list(
    State(views): State<Views>,
    Visitor(who): Visitor<See>,
    asked: Asked,
    Query(search): Query<Search>,
) -> Response {
    made(move || {
        let whole = views.index.follow(&views.log, AT_ONCE).map_err(unread)?;
        let found = views.index.events(who.scope(), &search.asked(), PAGE).map_err(unread)?;
        let choices = views.index.kinds(who.scope()).map_err(unread)?;
        let sites: BTreeSet<String> =
            views.devices(&who).map_err(unread)?.into_iter().map(|cared| cared.device.site).collect();
        let content = events::list(asked.language, &search, &found, &sites, &choices, whole, views.clock.wall());
        views.framed(&asked, &who, Where::Events, asked.language.say("Sự kiện", "Events"), &content)
    })
    .await
}

async fn event_table(State(views): State<Views>, Visitor(who): Visitor<See>, Query(search): Query<Search>) -> Response {
    made(move || {
        views.index.follow(&views.log, AT_ONCE).map_err(unread)?;
        let found = views.index.events(who.scope(), &search.asked(), events::EXPORTED).map_err(unread)?;
        let table = events::csv(&found.events).map_err(unread)?;
        let headers = [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
            (header::CONTENT_DISPOSITION, "attachment; filename=\"events.csv\""),
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        Ok((headers, table).into_response())
    })
    .await
}

async fn figure_page(
    State(views): State<Views>,
    Visitor(who): Visitor<See>,
    asked: Asked,
    Query(wanted): Query<figures::Wanted>,
) -> Response {
    made(move || {
        views.index.follow(&views.log, AT_ONCE).map_err(unread)?;
        // What is published is the same for everybody, whatever their places: a table for each would be one to subtract from.
        let all = views.published(INSIDE)?;
        let until = views.index.tallied_until().map_err(unread)?;
        let content = figures::page(asked.language, &wanted, &all, until.as_deref());
        views.framed(&asked, &who, Where::Figures, asked.language.say("Số liệu", "Figures"), &content)
    })
    .await
}

/// Open data are for everybody.
async fn opened(views: Views, kind: &'static str, make: fn(&[Publication]) -> Vec<u8>) -> Response {
    made(move || {
        let headers = [
            (header::CONTENT_TYPE, kind),
            (header::CACHE_CONTROL, "public, max-age=3600"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        ];
        Ok((headers, make(&views.published(OUTSIDE)?)).into_response())
    })
    .await
}

async fn open_table(State(views): State<Views>) -> Response {
    opened(views, "text/csv; charset=utf-8", open::csv).await
}

async fn open_document(State(views): State<Views>) -> Response {
    opened(views, "application/json", |all| open::document(all).to_string().into_bytes()).await
}

async fn open_dictionary(State(views): State<Views>) -> Response {
    opened(views, "application/ld+json", |_| open::dictionary().to_string().into_bytes()).await
}

async fn alert_list(State(views): State<Views>, Visitor(who): Visitor<See>, asked: Asked) -> Response {
    made(move || {
        views.watch().map_err(unread)?;
        let all = views.index.alerts(who.scope(), 300).map_err(unread)?;
        let content = alerts::list(asked.language, &who, &all, views.clock.wall());
        views.framed(&asked, &who, Where::Alerts, asked.language.say("Cảnh báo", "Alerts"), &content)
    })
    .await
}

/// Somebody looks after it from now on. Only whoever may mend a device takes its alert.
async fn take(
    State(views): State<Views>,
    Visitor(who): Visitor<Admit>,
    Asked { language, .. }: Asked,
    Whole::<OF_STRANGERS> { bytes, .. }: Whole,
) -> Response {
    made(move || {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let id = text.split('&').find_map(|part| part.strip_prefix("id=")).and_then(|id| id.parse().ok());
        let taken = match id {
            Some(id) => views.index.take(who.scope(), id, who.name(), views.clock.wall()).map_err(unread)?,
            None => Take::Unknown,
        };
        let (status, title, text) = match taken {
            Take::Taken => return Ok(Redirect::to("/staff/alerts").into_response()),
            Take::Before(by) => (StatusCode::CONFLICT, language.say("Đã có người nhận", "Somebody has taken it"), by),
            Take::Unknown => {
                (StatusCode::NOT_FOUND, language.say("Không có cảnh báo này", "There is no such alert"), String::new())
            }
        };
        let page = html::trouble(
            language,
            title,
            &text,
            language.say("Xem lại danh sách cảnh báo.", "Look at the list of alerts again."),
        );
        Ok((status, sent(page)).into_response())
    })
    .await
}
