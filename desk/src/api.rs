//! The interface for other software and for the page: sessions, events, status.

#![allow(unused_qualifications, reason = "the macro that describes a path repeats the names of its arguments")]

use crate::guard::{self, Caller};
use crate::pairing::{self, Offer, PairingView, Role};
use crate::problem::Problem;
use crate::session::SessionEvent;
use crate::wire::*;
use crate::work::{LONGEST_PARTY, party, typed_text};
use crate::{API_LEVEL, Desk, News};
use crate::{rights, staff};
use axum::Json;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::response::sse::{Event, KeepAlive, Sse};
use events::Duty;
use futures_util::stream::{self, Stream};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use visit::finished::{Agreed, ConsentAct};
use visit::profile::Item;

type Answer<T> = Result<Json<T>, Problem>;

/// Who this is, and what it does with a card.
#[utoipa::path(get, path = "/v1", responses((status = 200, body = About)))]
pub async fn about(State(desk): TheDesk, caller: TheCaller) -> Answer<About> {
    let site = desk.site();
    Ok(Json(About {
        api_level: API_LEVEL,
        device: site.config.device.clone(),
        site: site.name().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        profile: profile(&desk),
        words: crate::words::for_a_page(),
        role: caller.role,
        on_duty: if caller.role == Role::Desk { desk.on_duty(&caller)? } else { None },
        may: caller.duty.map(rights::of).unwrap_or_default(),
        counter: site.config.desk.as_ref().and_then(|desk| Some(desk.counter.as_ref()?.name.clone())),
        plugin: site.config.desk.as_ref().is_some_and(|desk| desk.compat.listen.is_some()),
        jwk: site.jwk()?,
    }))
}

/// What the page shows of a profile.
fn profile(desk: &Desk) -> Value {
    let profile = desk.profile();
    let labels: BTreeMap<&str, Value> = Item::ALL
        .into_iter()
        .map(|item| (item.name(), json!({ "vi": item.label().0, "en": item.label().1 })))
        .collect();
    let lodging = profile.recipient(handoff::lodging::PORTAL).is_some();
    json!({
        "id": profile.id,
        "title": { "vi": profile.title_vi, "en": profile.title_en },
        "purpose": { "vi": profile.purpose_vi, "en": profile.purpose_en, "version": profile.purpose_version },
        "legal_basis": profile.legal_basis,
        "practice": profile.practice,
        "steps": profile.steps(),
        "form": profile.form().collect::<Vec<_>>(),
        "accept": profile.accept,
        "without_chip": profile.without_chip(),
        "documents": profile.documents().collect::<Vec<_>>(),
        "takes_mrz": profile.takes_mrz(),
        "assurance": profile.terms(),
        "party": profile.party,
        "roster": profile.roster(),
        "ledger": profile.ledger(),
        "keep": profile.keep(),
        "print": profile.print().map(|print| print.kind),
        "recipients": profile.recipients().collect::<Vec<_>>(),
        "lodging": lodging,
        "nationalities": handoff::lodging::lists::texts("nationality").filter(|_| lodging).collect::<Vec<_>>(),
        "labels": labels,
    })
}

/// Lets a browser or program in, if it is the one that is awaited.
#[utoipa::path(post, path = "/v1/pair", request_body = Pair,
    responses((status = 200, body = Paired), (status = 403, body = Problem), (status = 415, body = Problem)))]
pub async fn pair(State(desk): TheDesk, request: Request) -> Answer<Paired> {
    let (parts, body) = request.into_parts();
    // The guard read it already.
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let Pair { code, name, key, manager } = parsed(&bytes)?;
    let origin = guard::own_origin(&desk, &parts.headers);
    let site = desk.site();
    let managed = staff::has_manager(&site.book())?;
    let offer = match (&key, &origin, &manager) {
        (Some(key), Some(origin), manager) => {
            if !key.is_one() {
                return Err(Problem::invalid("key", "is no key on P-256"));
            }
            guard::proves(&desk, &parts, key, &bytes)?;
            match manager {
                None if !managed => return Err(first_manager()),
                // What is wrong with it is said before the code is spent.
                Some(first) => {
                    staff::fit(&first.pin.0)?;
                    staff::named(&first.name)?;
                }
                None => {}
            }
            Offer::Key(key.clone(), origin)
        }
        (None, _, None) => Offer::Token,
        _ => return Err(Problem::invalid("key", "comes from the desk's own page, and manager with it")),
    };
    let paired = pairing::pair(&site.book(), code.trim(), &name, offer, site.now());
    let (token, id) = paired.inspect_err(|problem| desk.refused(&problem.code))?;
    let role = if token.is_none() { Role::Desk } else { Role::App };
    // The place has its first manager with its first page; whoever pairs a later one is somebody of the register.
    if let Some(first) = manager.filter(|_| !managed) {
        let person = staff::add(&site.book(), &first.name, Duty::Manager, &first.pin.0, site.now())?;
        desk.open(&id, &person.id);
    }
    Ok(Json(Paired { id, role, token }))
}

fn first_manager() -> Problem {
    let (title, remedy) = ("nobody manages this place yet", "pair with the name and PIN of the first manager");
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "manager_needed", title, remedy)
}

/// Those who were let in.
#[utoipa::path(get, path = "/v1/pairings", responses((status = 200, body = Vec<PairingView>)))]
pub async fn pairings(State(desk): TheDesk) -> Answer<Vec<PairingView>> {
    Ok(Json(pairing::paired(&desk.site().book(), desk.site().now())?))
}

/// Ends a pairing.
#[utoipa::path(delete, path = "/v1/pairings/{id}", responses((status = 200), (status = 422, body = Problem)))]
pub async fn unpair(State(desk): TheDesk, Path(id): Path<String>) -> Answer<Value> {
    pairing::end(&desk.site().book(), &id, desk.site().now())?;
    Ok(Json(json!({})))
}

/// How everything is.
#[utoipa::path(get, path = "/v1/status", responses((status = 200, body = Status)))]
pub async fn status(State(desk): TheDesk) -> Json<Status> {
    Json(desk.status())
}

/// Begins a session. With an `Idempotency-Key` that was used before, the session of that time.
#[utoipa::path(post, path = "/v1/sessions", request_body = Begin,
    params(("Idempotency-Key" = Option<String>, Header, description = "Any text that is new for each visit")),
    responses((status = 201, body = SessionView), (status = 409, body = Problem)))]
pub async fn begin(
    State(desk): TheDesk,
    caller: TheCaller,
    headers: HeaderMap,
    Body(mut wanted): Body<Begin>,
) -> Result<(StatusCode, Json<SessionView>), Problem> {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).filter(|key| key.len() <= 128);
    let long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.chars().count() > 128);
    if long(&wanted.correlation_id) || long(&wanted.party) {
        let (title, remedy) = ("names have 128 characters at most", "send a shorter one");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "name_too_long", title, remedy));
    }
    wanted.party = party(wanted.party.as_ref())?;
    if let Some(correlation) = &wanted.correlation_id {
        // It comes back in the result as it was given.
        typed_text("correlation_id", correlation, LONGEST_PARTY)?;
    }
    let whose = if wanted.for_plugin { caller.staff().map(|()| Caller::plugin())? } else { caller.0.clone() };
    let id = desk.begin(&whose, wanted, key)?;
    Ok((StatusCode::CREATED, Json(desk.session(&caller, &id)?)))
}

/// The session that the caller has now, after a page was loaded anew.
#[utoipa::path(get, path = "/v1/sessions/current", responses((status = 200, body = SessionView), (status = 404, body = Problem)))]
pub async fn current(State(desk): TheDesk, caller: TheCaller) -> Answer<SessionView> {
    let id = desk.own(&caller).unwrap_or_default();
    Ok(Json(desk.session(&caller, &id)?))
}

/// A session.
#[utoipa::path(get, path = "/v1/sessions/{id}", responses((status = 200, body = SessionView), (status = 404, body = Problem)))]
pub async fn session(State(desk): TheDesk, caller: TheCaller, Path(id): Path<String>) -> Answer<SessionView> {
    Ok(Json(desk.session(&caller, &id)?))
}

/// Breaks a session off.
#[utoipa::path(delete, path = "/v1/sessions/{id}", responses((status = 200, body = SessionView), (status = 409, body = Problem)))]
pub async fn cancel(State(desk): TheDesk, caller: TheCaller, Path(id): Path<String>) -> Answer<SessionView> {
    desk.cancel(&caller, &id)?;
    Ok(Json(desk.session(&caller, &id)?))
}

/// The holder agreed to the words of the profile.
#[utoipa::path(post, path = "/v1/sessions/{id}/consent", request_body = Consent,
    responses((status = 200, body = SessionView), (status = 409, body = Problem)))]
pub async fn consent(
    State(desk): TheDesk,
    caller: TheCaller,
    Path(id): Path<String>,
    Body(consent): Body<Consent>,
) -> Answer<SessionView> {
    let act = if caller.role == Role::Desk { ConsentAct::ToldStaff } else { ConsentAct::App };
    let language = if consent.language == "en" { "en" } else { "vi" };
    desk.consent(&caller, &id, &Agreed { act, language })?;
    Ok(Json(desk.session(&caller, &id)?))
}

/// What opens the chip.
#[utoipa::path(post, path = "/v1/sessions/{id}/key", request_body = Key,
    responses((status = 200, body = SessionView), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn key(
    State(desk): TheDesk,
    caller: TheCaller,
    Path(id): Path<String>,
    Body(key): Body<Key>,
) -> Answer<SessionView> {
    desk.key(&caller, &id, &key)?;
    Ok(Json(desk.session(&caller, &id)?))
}

/// Whether the face is that of the portrait.
#[utoipa::path(post, path = "/v1/sessions/{id}/face", request_body = Face,
    responses((status = 200, body = SessionView), (status = 409, body = Problem)))]
pub async fn face(
    State(desk): TheDesk,
    caller: TheCaller,
    Path(id): Path<String>,
    Body(face): Body<Face>,
) -> Answer<SessionView> {
    desk.face(&caller, &id, face.same)?;
    Ok(Json(desk.session(&caller, &id)?))
}

/// A named member of staff goes on, with a reason, or does not.
#[utoipa::path(post, path = "/v1/sessions/{id}/staff", request_body = Staff,
    responses((status = 200, body = SessionView), (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
pub async fn staff(
    State(desk): TheDesk,
    caller: TheCaller,
    Path(id): Path<String>,
    Body(staff): Body<Staff>,
) -> Answer<SessionView> {
    desk.staff(&caller, &id, staff)?;
    Ok(Json(desk.session(&caller, &id)?))
}

/// Fills the form in.
#[utoipa::path(post, path = "/v1/sessions/{id}/form", request_body = Form,
    responses((status = 200, body = SessionView), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn form(
    State(desk): TheDesk,
    caller: TheCaller,
    Path(id): Path<String>,
    Body(form): Body<Form>,
) -> Answer<SessionView> {
    desk.form(&caller, &id, form)?;
    Ok(Json(desk.session(&caller, &id)?))
}

/// The result of a session that has ended; it can be fetched for five minutes.
#[utoipa::path(get, path = "/v1/sessions/{id}/result",
    responses((status = 200, body = SignedResult), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn result(State(desk): TheDesk, caller: TheCaller, Path(id): Path<String>) -> Answer<SignedResult> {
    Ok(Json(desk.result(&caller, &id)?))
}

/// What happens in a session, as server-sent events: first what the client has not seen yet.
#[utoipa::path(get, path = "/v1/sessions/{id}/events", params(After),
    responses((status = 200, content_type = "text/event-stream", body = SessionEvent), (status = 404, body = Problem)))]
pub async fn session_events(
    State(desk): TheDesk,
    caller: TheCaller,
    Path(id): Path<String>,
    Query(after): Query<After>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok()).or(after.after).unwrap_or(0);
    // Listening begins before the past is read, so that nothing falls between.
    let feed = Feed::new(&desk, &caller, &id, seen)?;
    let events = stream::unfold(feed, |mut feed| async move {
        let event = feed.next().await?;
        let data = serde_json::to_string(&event).unwrap_or_default();
        Some((Ok(Event::default().id(event.sequence.to_string()).data(data)), feed))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

/// The same over a WebSocket.
#[utoipa::path(get, path = "/v1/sessions/{id}/ws", params(After), responses((status = 101), (status = 404, body = Problem)))]
pub async fn session_socket(
    State(desk): TheDesk,
    caller: TheCaller,
    Path(id): Path<String>,
    Query(after): Query<After>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    let feed = Feed::new(&desk, &caller, &id, after.after.unwrap_or(0))?;
    Ok(upgrade.max_message_size(4096).on_upgrade(|socket| tell(socket, feed)))
}

async fn tell(mut socket: WebSocket, mut feed: Feed) {
    loop {
        tokio::select! {
            event = feed.next() => {
                let Some(event) = event else { break };
                let text = serde_json::to_string(&event).unwrap_or_default();
                if socket.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
            // Nothing is expected from there; what comes is read so that the end is seen.
            said = socket.recv() => {
                if !matches!(said, Some(Ok(_))) {
                    return;
                }
            }
        }
    }
    program::ignore(socket.send(Message::Close(None)).await, "whoever listened has ended");
}

/// Events of one session: the past, then what happens.
struct Feed {
    desk: Arc<Desk>,
    caller: Caller,
    id: String,
    past: std::vec::IntoIter<SessionEvent>,
    seen: u64,
    news: tokio::sync::broadcast::Receiver<News>,
    over: bool,
}

impl Feed {
    fn new(desk: &Arc<Desk>, caller: &Caller, id: &str, seen: u64) -> Result<Self, Problem> {
        let news = desk.listen();
        let past = desk.since(caller, id, seen)?.into_iter();
        let (desk, caller, id) = (Arc::clone(desk), caller.clone(), id.to_owned());
        Ok(Self { desk, caller, id, past, seen, news, over: false })
    }

    async fn next(&mut self) -> Option<SessionEvent> {
        loop {
            if self.over || !self.desk.still(&self.caller) {
                return None;
            }
            if let Some(event) = self.past.next() {
                return Some(self.seen(event));
            }
            match self.news.recv().await {
                Ok(News::Session(event)) if event.session == self.id && event.sequence > self.seen => {
                    return self.desk.still(&self.caller).then(|| self.seen(event));
                }
                Ok(_) => {}
                // A slow client gets from the log what it missed.
                Err(RecvError::Lagged(_)) => {
                    self.past = self.desk.since(&self.caller, &self.id, self.seen).ok()?.into_iter();
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn seen(&mut self, event: SessionEvent) -> SessionEvent {
        self.seen = event.sequence;
        self.over = matches!(event.what, super::session::What::Ended { .. });
        event
    }
}

/// What changes at the desk, as server-sent events: `session` with what happened, `status` when it is worth asking.
#[utoipa::path(get, path = "/v1/events", responses((status = 200, content_type = "text/event-stream")))]
pub async fn events(State(desk): TheDesk, caller: TheCaller) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let news = desk.listen();
    let events = stream::unfold((desk, caller, news), |(desk, caller, mut news)| async move {
        loop {
            let said = news.recv().await;
            // Whose pairing ended meanwhile hears nothing more.
            if !desk.still(&caller) {
                return None;
            }
            let event = match said {
                Ok(News::Session(event)) => {
                    Event::default().event("session").data(serde_json::to_string(&event).unwrap_or_default())
                }
                Ok(News::Status) | Err(RecvError::Lagged(_)) => Event::default().event("status").data("{}"),
                Ok(News::Calls) => Event::default().event("calls").data("{}"),
                Ok(News::Compat(_)) => continue,
                Err(RecvError::Closed) => return None,
            };
            return Some((Ok(event), (desk, caller, news)));
        }
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}
