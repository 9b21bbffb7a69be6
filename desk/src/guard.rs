//! Who may ask: this machine only, by a name of this machine, from a page that was let in, with what it was let in with.
//!
//! | attack | what stands against it |
//! |---|---|
//! | any web page that the browser shows | `Origin` must be the desk's own or one that was named when its code was made; nothing goes along by itself: there are no cookies |
//! | another port of this machine | the page's right is a key that its origin alone holds, and each request is signed: [`crate::proof`] |
//! | a request that was seen, sent again or changed | a proof is for one method, path and body, and is taken once |
//! | DNS rebinding | `Host` must be a loopback name with the desk's port |
//! | another program of the machine | a token, given out once for a code that the agent's own user reads out |
//! | guessing the code | five tries, ten minutes, one use; guesses of those who are not awaited are not looked at |
//! | somebody at a page that was left alone | it is locked after a quarter of an hour, and after a shift; it opens by the PIN of a person |
//! | somebody who may less | one table of routes and duties: [`crate::rights`]; what it does not name is refused |
//! | looking without a trace | a look is an event before anything is given: [`store::book::access`] |
//! | bodies that never end | who asks is looked at before the body, which has a limit and a deadline |
//! | a program of another user on the Unix socket | the kernel says who it is |
//!
//! What is refused is logged by its code, once a second at most, without anything that the request held.

use crate::Desk;
use crate::pairing::{self, Awaited, Opened, Pairing, Right, Role, hashed};
use crate::places::Place;
use crate::problem::Problem;
use crate::proof::{NONCE, Nonces, PROOF, PageKey, Proof, Spent, digest};
use crate::rights::{self, Whom};
use crate::staff::{self, Waits};
use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use events::{Duty, Look};
use program::lock;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::book::{Looker, Seen};

/// What a browser says of where a request comes from (Fetch Metadata).
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Bytes of a stranger's body: that of a pairing.
const STRANGERS_BODY: usize = 4 * 1024;
/// Bytes of a body.
const BODY: usize = 64 * 1024;
/// Bytes of a list of people, photographs included.
const LIST: usize = 256 * 1024 * 1024;
/// How long a body may take.
const BODY_TIME: Duration = Duration::from_secs(10);
/// How long a list of people may take.
const LIST_TIME: Duration = Duration::from_secs(120);

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Identifier of the pairing, or `uid:N`.
    pub id: String,
    /// What they called themselves.
    pub name: String,
    /// What they are let in as.
    pub role: Role,
    /// Who looks, as events name them: somebody's identifier in the register of staff, or a program's name.
    pub by: String,
    /// As what; nothing at a page where nobody is on duty.
    pub duty: Option<Duty>,
    /// A page asks by itself, and nobody did anything.
    pub auto: bool,
}

/// Who all software that expects a vendor's plugin is: it cannot pair.
const PLUGIN: &str = "compat";

impl Caller {
    /// Software that expects a vendor's plugin.
    pub(crate) fn plugin() -> Self {
        Self::program(PLUGIN.to_owned(), "plugin".to_owned())
    }

    fn program(id: String, name: String) -> Self {
        Self { id, by: name.clone(), name, role: Role::App, duty: Some(Duty::Program), auto: false }
    }

    /// Who looks. Where nobody is on duty nothing is shown; were something, a program looked.
    pub(crate) fn looker<'a>(&'a self, what: Look, profile: &'a str) -> Looker<'a> {
        Looker { by: &self.by, role: self.duty.unwrap_or(Duty::Program), what, profile }
    }

    /// Whether a route is for them.
    fn may(self, whom: Option<Whom>) -> Result<Self, Problem> {
        let may = match whom {
            // There is nothing.
            None | Some(Whom::Anybody) => true,
            Some(Whom::Page) => self.role == Role::Desk,
            Some(Whom::These(duties)) => self.duty.is_some_and(|duty| duties.contains(&duty)),
        };
        if may {
            return Ok(self);
        }
        let (title, remedy) = match self.role {
            Role::App => ("this is for staff at the desk", "pair with a code for the desk"),
            Role::Desk => (
                "this is not for whoever is on duty here",
                "ask a manager, or let somebody come on duty whom it is for",
            ),
        };
        Err(Problem::new(StatusCode::FORBIDDEN, "role_refused", title, remedy))
    }

    /// Whether it is such software.
    pub(crate) fn is_plugin(&self) -> bool {
        self.id == PLUGIN
    }

    /// Lets nobody but staff on.
    ///
    /// # Errors
    /// `role_refused`.
    pub fn staff(&self) -> Result<(), Problem> {
        if self.role == Role::Desk {
            return Ok(());
        }
        let (title, remedy) = ("this is for staff at the desk", "pair with a code for the desk");
        Err(Problem::new(StatusCode::FORBIDDEN, "role_refused", title, remedy))
    }
}

/// A program on the Unix socket, as the kernel names it.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub u32);

/// Where a request comes from, as far as a browser says so; programs say nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// The desk's own page; `Origin` is there where something is done.
    Own(Option<String>),
    /// Another page.
    Page(String),
    /// Something of another page that does not say which: an image, a link.
    Unnamed,
    /// No browser.
    Program,
}

impl Source {
    fn of(headers: &HeaderMap, port: u16) -> Self {
        if headers.contains_key(header::ORIGIN) {
            // One that is no text is none of ours.
            let origin = text(headers, header::ORIGIN).unwrap_or("null");
            let own = origin_is_ours(origin, port) && !elsewhere(headers);
            return if own { Self::Own(Some(origin.to_owned())) } else { Self::Page(origin.to_owned()) };
        }
        match headers.get(FETCH_SITE) {
            None => Self::Program,
            Some(_) if elsewhere(headers) => Self::Unnamed,
            Some(_) => Self::Own(None),
        }
    }
}

/// Whether a browser says that a request was made by something of another origin.
fn elsewhere(headers: &HeaderMap) -> bool {
    headers.get(FETCH_SITE).is_some_and(|site| site != "same-origin" && site != "none")
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Whether a `Host` is a name of this machine with the desk's port.
#[must_use]
pub fn host_is_ours(host: &str, port: u16) -> bool {
    [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("[::1]:{port}")].iter().any(|ours| ours == host)
}

fn origin_is_ours(origin: &str, port: u16) -> bool {
    origin.strip_prefix("http://").is_some_and(|host| host_is_ours(host, port))
}

const PAIR: &str = "/v1/pair";

/// Whom a request is for; nothing where there is nothing of that path.
fn whom(parts: &Parts) -> Result<Option<Whom>, Problem> {
    let Some(path) = parts.extensions.get::<MatchedPath>() else { return Ok(None) };
    rights::whom(&parts.method, path.as_str()).map(Some).ok_or_else(|| {
        let (title, remedy) = ("nobody may ask this", "compare method and path with /v1/openapi.json");
        Problem::new(StatusCode::FORBIDDEN, "route_refused", title, remedy)
    })
}

fn answer_cross_origin(response: &mut Response, origin: &str) {
    if let Ok(origin) = HeaderValue::from_str(origin) {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE"));
        let allowed = HeaderValue::from_static("authorization, content-type, idempotency-key, last-event-id");
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    }
}

/// What the guard remembers, and forgets with the agent: nonces, who works at which page, whose PIN has to wait, and what of their
/// looks is in the log.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    nonces: Mutex<Nonces>,
    opened: Mutex<HashMap<String, Opened>>,
    pub(crate) waits: Waits,
    pub(crate) lists: Mutex<HashMap<String, Seen>>,
    pub(crate) visits: Mutex<HashMap<String, Seen>>,
}

impl Watch {
    /// Somebody works at a page from now on. What the log has of others' looks is not theirs.
    pub(crate) fn open(&self, id: &str, staff: &str, now: u64) {
        self.close(id);
        let opened = Opened { staff: staff.to_owned(), since: now, touched: now };
        lock(&self.opened).insert(id.to_owned(), opened);
    }

    /// Nobody works at a page.
    pub(crate) fn close(&self, id: &str) {
        lock(&self.opened).remove(id);
        lock(&self.lists).remove(id);
        lock(&self.visits).remove(id);
    }

    /// Who works at a page.
    pub(crate) fn staff_at(&self, id: &str, now: u64) -> Option<String> {
        lock(&self.opened).get(id).filter(|opened| opened.holds(now)).map(|opened| opened.staff.clone())
    }

    /// Somebody did something at a page.
    fn touch(&self, id: &str, now: u64) {
        if let Some(opened) = lock(&self.opened).get_mut(id) {
            opened.touched = now;
        }
    }

    /// Forgets those who are not paired any more.
    fn keep(&self, pairings: &[Pairing]) {
        let stays =
            |id: &String| id == PLUGIN || id.starts_with("uid:") || pairings.iter().any(|known| known.id == *id);
        lock(&self.opened).retain(|id, _| stays(id));
        lock(&self.lists).retain(|id, _| stays(id));
        lock(&self.visits).retain(|id, _| stays(id));
    }
}

/// Who asks, and what is to hold of the body that comes.
#[derive(Debug)]
enum Admitted {
    /// Anybody may.
    Open,
    /// They have a right; a page's proof names the body's digest.
    Known(Caller, Option<String>),
}

/// Whom a cross-origin answer is for.
type Answerable = Option<String>;

fn origin_refused() -> Problem {
    let (title, remedy) = ("this page was not let in", "pair it with a code from `cccd-agent pair --origin URL`");
    Problem::new(StatusCode::FORBIDDEN, "origin_refused", title, remedy)
}

fn proof_refused(title: &str) -> Problem {
    let remedy = "sign method, path with query and body with the page's key, anew for each request";
    Problem::new(StatusCode::UNAUTHORIZED, "proof_refused", title, remedy)
}

pub(crate) fn locked() -> Problem {
    let (title, remedy) = ("nobody is on duty at this page", "choose who you are and type your PIN");
    Problem::new(StatusCode::UNAUTHORIZED, "desk_locked", title, remedy)
}

/// Asks every request who it is; what comes through has a [`Caller`], unless it is open to all.
pub async fn guard(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let mut answerable = None;
    let passed = pass(&desk, request, &mut answerable).await;
    let mut response = match passed {
        Err(problem) => {
            desk.refused(&problem.code);
            problem.into_response()
        }
        Ok(None) => StatusCode::NO_CONTENT.into_response(),
        Ok(Some(request)) => next.run(request).await,
    };
    let headers = response.headers_mut();
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; \
                  img-src 'self' data: blob:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(nonce) = lock(&desk.watch.nonces).current(desk.now_ms()).and_then(|nonce| nonce.parse().ok()) {
        headers.insert(NONCE, nonce);
    }
    // Who was not let in is not answered, so that no page learns more than that nothing came.
    if let Some(origin) = answerable {
        answer_cross_origin(&mut response, &origin);
    } else {
        let ours = HeaderValue::from_static("same-origin");
        response.headers_mut().insert("cross-origin-resource-policy", ours);
    }
    response
}

/// The request with its body and its caller; nothing where only leave to ask was asked for.
async fn pass(desk: &Desk, request: Request, answerable: &mut Answerable) -> Result<Option<Request>, Problem> {
    let (mut parts, body) = request.into_parts();
    let admitted = admit(desk, &parts, answerable)?;
    if parts.method == Method::OPTIONS {
        return Ok(None);
    }
    let path = parts.uri.path();
    let (limit, time) = match &admitted {
        Admitted::Open => (STRANGERS_BODY, BODY_TIME),
        // What the lists' own handlers take; only staff have them.
        Admitted::Known(caller, _) if caller.role == Role::Desk && matches!(path, "/v1/roster" | "/v1/attendance") => {
            (LIST, LIST_TIME)
        }
        Admitted::Known(..) => (BODY, BODY_TIME),
    };
    let bytes = whole(body, limit, time).await?;
    if let Admitted::Known(caller, said) = admitted {
        if said.is_some_and(|said| said != digest(&bytes)) {
            return Err(proof_refused("the body is another one than was signed"));
        }
        if let Some(place) = parts.extensions.get::<Arc<Place>>() {
            place.known(&caller.id);
        }
        parts.extensions.insert(caller);
    }
    Ok(Some(Request::from_parts(parts, Body::from(bytes))))
}

/// A body, which comes whole and in time or not at all.
async fn whole(body: Body, limit: usize, time: Duration) -> Result<Bytes, Problem> {
    let remedy = "send less, or faster; /usr/share/doc/cccd-agent/local-api.md has the limits";
    let refused = |status, title: &str| Problem::new(status, "body_refused", title, remedy);
    match tokio::time::timeout(time, axum::body::to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large or did not arrive whole")),
        Err(_) => Err(refused(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")),
    }
}

/// Looks at the head of a request only.
fn admit(desk: &Desk, parts: &Parts, answerable: &mut Answerable) -> Result<Admitted, Problem> {
    let headers = &parts.headers;
    let path = parts.uri.path();
    if let Some(Peer(uid)) = parts.extensions.get() {
        if !desk.serves(*uid) {
            let (title, remedy) =
                ("this user may not use the socket", "name the user's identifier in [desk] socket_users");
            return Err(Problem::new(StatusCode::FORBIDDEN, "user_refused", title, remedy));
        }
        let caller = Caller::program(format!("uid:{uid}"), format!("user {uid}")).may(whom(parts)?)?;
        return Ok(Admitted::Known(caller, None));
    }
    if !text(headers, header::HOST).is_some_and(|host| host_is_ours(host, desk.port())) {
        let (title, remedy) = ("this is not a name of this machine", "use http://127.0.0.1 with the desk's port");
        return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "host_refused", title, remedy));
    }
    let now = desk.site().now();
    let source = Source::of(headers, desk.port());
    let pairings = pairing::those(&desk.site().book(), now)?;
    let awaited = if path == PAIR { pairing::awaited(&desk.site().book(), now)? } else { None };
    match &source {
        Source::Page(origin) => {
            let known = pairings.iter().any(|known| known.origin() == Some(origin));
            // A page that is awaited may give its code, and nothing else.
            if !known && awaited.as_ref() != Some(&Awaited::Origin(origin.clone())) {
                return Err(origin_refused());
            }
            *answerable = Some(origin.clone());
        }
        Source::Unnamed if path.starts_with("/v1") => return Err(origin_refused()),
        Source::Unnamed | Source::Own(_) | Source::Program => {}
    }
    if parts.method == Method::OPTIONS {
        return Ok(Admitted::Open);
    }
    if path == PAIR {
        return may_pair(headers, &source, awaited.as_ref()).map(|()| Admitted::Open);
    }
    // Who has no right does not learn what there is, and what nobody may.
    let whom = whom(parts);
    if matches!(whom, Ok(Some(Whom::Anybody))) || (matches!(whom, Ok(None)) && !path.starts_with("/v1")) {
        return Ok(Admitted::Open);
    }
    desk.watch.keep(&pairings);
    if let Some(proof) = text(headers, HeaderName::from_static(PROOF)) {
        return by_proof(desk, parts, &source, pairings, proof, whom);
    }
    let token = text(headers, header::AUTHORIZATION).and_then(|bearer| bearer.strip_prefix("Bearer ")).map(hashed);
    let found = token.and_then(|hash| pairings.into_iter().find(|known| has(&known.right, &hash)));
    let found = found.ok_or_else(pairing::not_paired)?;
    // A token is good only where it was given to: for that page, or for programs.
    let there = match (&source, found.origin()) {
        (Source::Page(origin), Some(given)) => origin == given,
        (Source::Program, None) => true,
        // Libraries for WebSockets send the address that they speak to; a browser says more than that.
        (Source::Own(_), None) => !headers.contains_key(FETCH_SITE),
        (Source::Page(_) | Source::Own(_) | Source::Unnamed | Source::Program, _) => false,
    };
    if there {
        Ok(Admitted::Known(Caller::program(found.id, found.name).may(whom?)?, None))
    } else {
        Err(origin_refused())
    }
}

fn has(right: &Right, token: &str) -> bool {
    matches!(right, Right::Token { hash, .. } if openssl::memcmp::eq(hash.as_bytes(), token.as_bytes()))
}

/// Whether whoever gives a code is awaited: otherwise the guess is not looked at.
fn may_pair(headers: &HeaderMap, source: &Source, awaited: Option<&Awaited>) -> Result<(), Problem> {
    let kind = text(headers, header::CONTENT_TYPE).and_then(|kind| kind.split(';').next()).map(str::trim);
    if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")) {
        // Whatever a page can send without asking is none: forms and plain text.
        let (title, remedy) = ("a pairing comes as JSON", "send content-type: application/json");
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type_refused", title, remedy));
    }
    let right = match (source, awaited) {
        (Source::Unnamed, _) | (Source::Page(_), None) => false,
        // Nobody is awaited: the handler says so.
        (_, None) => true,
        (Source::Own(origin), Some(Awaited::Page)) => origin.is_some(),
        (Source::Page(origin), Some(Awaited::Origin(awaited))) => origin == awaited,
        (Source::Program, Some(Awaited::Program)) => true,
        (Source::Own(_) | Source::Page(_) | Source::Program, Some(_)) => false,
    };
    if right { Ok(()) } else { Err(origin_refused()) }
}

fn by_proof(
    desk: &Desk,
    parts: &Parts,
    source: &Source,
    pairings: Vec<Pairing>,
    proof: &str,
    whom: Result<Option<Whom>, Problem>,
) -> Result<Admitted, Problem> {
    let proof = Proof::parse(proof).ok_or_else(|| proof_refused("this is no proof"))?;
    let kid = proof.kid.clone();
    let of = |known: Pairing| match &known.right {
        Right::Key { key, origin } if key.thumbprint() == kid => {
            Some((known.id.clone(), known.name.clone(), key.clone(), origin.clone()))
        }
        Right::Key { .. } | Right::Token { .. } => None,
    };
    let found = pairings.into_iter().find_map(of);
    let (id, name, key, origin) = found.ok_or_else(pairing::not_paired)?;
    match source {
        Source::Own(named) if named.as_ref().is_none_or(|named| *named == origin) => {}
        // A browser that is too old to say where its requests come from.
        Source::Program => {}
        Source::Own(_) | Source::Page(_) | Source::Unnamed => return Err(origin_refused()),
    }
    let (said, auto) = spend(desk, proof, &key, parts)?;
    let (whom, now) = (whom?, desk.now_ms());
    let mut caller = Caller { id, name, role: Role::Desk, by: String::new(), duty: None, auto };
    if whom != Some(Whom::Page) {
        // Who left is on duty nowhere, whatever page they had open.
        let staff = desk.watch.staff_at(&caller.id, now).ok_or_else(locked)?;
        let member = staff::member(&desk.site().book(), &staff)?.ok_or_else(locked)?;
        (caller.by, caller.duty) = (member.id, Some(member.duty));
        if !auto {
            desk.watch.touch(&caller.id, now);
        }
    }
    Ok(Admitted::Known(caller.may(whom)?, Some(said)))
}

/// The digest of the body that a proof is for, and whether nobody did anything; it is good this once.
fn spend(desk: &Desk, proof: Proof<'_>, key: &PageKey, parts: &Parts) -> Result<(String, bool), Problem> {
    let kid = proof.kid.clone();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let claims = proof
        .open(key, parts.method.as_str(), target)
        .ok_or_else(|| proof_refused("the proof is not for this request, or not of this key"))?;
    let spent = lock(&desk.watch.nonces).spend(&kid, &claims, desk.now_ms());
    match spent {
        Spent::Fresh => Ok((claims.body, claims.auto)),
        Spent::Replayed => Err(proof_refused("this request was here before")),
        Spent::Stale => {
            let (title, remedy) =
                ("the proof names no nonce that is valid now", "sign again with the one in proof-nonce");
            Err(Problem::new(StatusCode::UNAUTHORIZED, "proof_stale", title, remedy))
        }
    }
}

/// A page that pairs proves that it has the key that it names; nobody else can pair it with theirs.
pub(crate) fn proves(desk: &Desk, parts: &Parts, key: &PageKey, body: &[u8]) -> Result<(), Problem> {
    let proof = text(&parts.headers, HeaderName::from_static(PROOF)).and_then(Proof::parse);
    let (said, _) = spend(desk, proof.ok_or_else(|| proof_refused("this is no proof"))?, key, parts)?;
    if said == digest(body) { Ok(()) } else { Err(proof_refused("the body is another one than was signed")) }
}

/// The origin of the desk's own page, where a request is one of it.
pub(crate) fn own_origin(desk: &Desk, headers: &HeaderMap) -> Option<String> {
    match Source::of(headers, desk.port()) {
        Source::Own(origin) => origin,
        Source::Page(_) | Source::Unnamed | Source::Program => None,
    }
}

impl Desk {
    /// Whether programs of a user may ask without a pairing: the agent's own user's, and those that the configuration names.
    pub(crate) fn serves(&self, uid: u32) -> bool {
        let config = self.site().config.desk.as_ref();
        uid == rustix::process::getuid().as_raw() || config.is_some_and(|desk| desk.socket_users.contains(&uid))
    }

    /// Whether somebody who listens may still: their pairing is there, and not locked.
    pub(crate) fn still(&self, caller: &Caller) -> bool {
        if caller.is_plugin() || caller.id.starts_with("uid:") {
            return true;
        }
        let pairings = pairing::those(&self.site().book(), self.site().now()).unwrap_or_default();
        // A page's listener is that of who was on duty when it began.
        let on =
            caller.role == Role::App || self.watch.staff_at(&caller.id, self.now_ms()).as_ref() == Some(&caller.by);
        let works =
            caller.role == Role::App || staff::member(&self.site().book(), &caller.by).is_ok_and(|one| one.is_some());
        pairings.iter().any(|known| known.id == caller.id) && on && works
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine() {
        for ours in ["127.0.0.1:8480", "localhost:8480", "[::1]:8480"] {
            assert!(host_is_ours(ours, 8480));
        }
        for foreign in ["127.0.0.1", "127.0.0.1:80", "evil.example:8480", "localhost.evil.example:8480", ""] {
            assert!(!host_is_ours(foreign, 8480), "{foreign}");
        }
        assert!(origin_is_ours("http://localhost:8480", 8480));
        assert!(!origin_is_ours("https://localhost:8480", 8480) && !origin_is_ours("null", 8480));
    }

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a value"))).collect()
    }

    #[test]
    fn where_a_request_comes_from() {
        let own = "http://127.0.0.1:8480";
        let of = |list: &[(&'static str, &str)]| Source::of(&headers(list), 8480);
        assert_eq!(of(&[]), Source::Program);
        assert_eq!(of(&[("origin", own)]), Source::Own(Some(own.to_owned())));
        assert_eq!(of(&[("sec-fetch-site", "same-origin")]), Source::Own(None));
        assert_eq!(of(&[("sec-fetch-site", "none")]), Source::Own(None), "typed into the browser");
        for site in ["cross-site", "same-site", ""] {
            assert_eq!(of(&[("sec-fetch-site", site)]), Source::Unnamed, "{site}");
            assert_ne!(of(&[("sec-fetch-site", site), ("origin", own)]), Source::Own(Some(own.to_owned())), "{site}");
        }
        // The next port is another page.
        for other in ["http://127.0.0.1:8481", "null", "", "https://127.0.0.1:8480"] {
            assert_eq!(of(&[("origin", other)]), Source::Page(other.to_owned()));
        }
    }

    #[test]
    fn only_who_is_awaited_gives_a_code_and_only_as_json() {
        let json = headers(&[("content-type", "application/json; charset=utf-8")]);
        let his = "https://his.example".to_owned();
        let sources = [
            Source::Own(Some("http://127.0.0.1:8480".to_owned())),
            Source::Own(None),
            Source::Page(his.clone()),
            Source::Page("https://evil.example".to_owned()),
            Source::Page("null".to_owned()),
            Source::Unnamed,
            Source::Program,
        ];
        for (awaited, may) in [
            (Some(Awaited::Page), [true, false, false, false, false, false, false]),
            (Some(Awaited::Origin(his)), [false, false, true, false, false, false, false]),
            (Some(Awaited::Program), [false, false, false, false, false, false, true]),
            // Then there is no code to be guessed at.
            (None, [true, true, false, false, false, false, true]),
        ] {
            for (source, may) in sources.iter().zip(may) {
                let said = may_pair(&json, source, awaited.as_ref());
                assert_eq!(said.is_ok(), may, "{awaited:?} {source:?}");
                assert!(said.is_ok() || said.is_err_and(|problem| problem.code == "origin_refused"));
                for kind in [&[][..], &[("content-type", "text/plain")], &[("content-type", "application/jsonx")]] {
                    let said = may_pair(&headers(kind), source, awaited.as_ref());
                    assert_eq!(said.expect_err("no JSON").code, "content_type_refused");
                }
            }
        }
    }
}
