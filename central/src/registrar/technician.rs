//! The technician's page: on a phone, at the device. It shows who waits, the six words to compare with the kiosk's
//! screen, and asks where the device belongs. For a device without a network the phone carries the request here, in the
//! fragment of the page's address, and the answer back, as QR codes that the kiosk scans.
//!
//! It is served where devices connect, under the fleet's certificate (`page`), or on an address of this machine only
//! (`technician`), for a reverse proxy with a certificate that phones know; or both. It holds no cookie; the page keeps its
//! session's token for as long as its tab lives.

use super::login::{Logins, Whose};
use super::{Decision, Registrar, RegistrarError};
use crate::answer::{OF_STRANGERS, Refused, Said, apart};
use crate::door::{Address, Place};
use crate::doorkeeper::{COOKIE, Doorkeeper, cookie};
use crate::people::{Person, Role, Scope};
use crate::signers::{self, Signers};
use crate::store::EventStore;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use events::{Clock, sealed};
use fleet::{FleetError, fingerprint, relay, request, words};
use qrcodegen::{QrCode, QrCodeEcc};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Bytes of a technician's name at most.
pub const LONGEST_NAME: usize = 64;

/// Forgets a technician; their sessions end. False where there is none of this name.
///
/// # Errors
/// When the database fails.
pub fn remove(registrar: &Registrar, name: &str) -> Result<bool, RegistrarError> {
    Ok(registrar.registry.change(|change| change.remove_technician(name))?)
}

/// Keeps a technician with a pass word. Sessions that were begun with another one end.
///
/// # Errors
/// When the random source or the database fails.
pub fn add(registrar: &Registrar, name: &str, pass_word: &[u8]) -> Result<(), RegistrarError> {
    let crypto = |error: openssl::error::ErrorStack| RegistrarError::Answer(error.into());
    let (salt, hash) = sealed::remember(pass_word).map_err(crypto)?;
    registrar.registry.change(|change| change.put_technician(name, &salt, &*hash))?;
    Ok(())
}

/// What the handlers need.
#[derive(Clone)]
struct Shared {
    registrar: Arc<Registrar>,
    store: Arc<dyn EventStore>,
    clock: Arc<dyn Clock>,
    logins: Arc<Logins>,
}

/// The page and what it asks.
pub fn router(registrar: Arc<Registrar>, store: Arc<dyn EventStore>, clock: Arc<dyn Clock>) -> Router {
    with_sessions(registrar, store, clock).0
}

/// The page, and the sessions that are begun on it.
pub fn with_sessions(
    registrar: Arc<Registrar>,
    store: Arc<dyn EventStore>,
    clock: Arc<dyn Clock>,
) -> (Router, Arc<dyn Doorkeeper>) {
    let shared = Shared { registrar, store, clock, logins: Arc::default() };
    let router = Router::new()
        // What stands behind `#` goes along.
        .route("/", get(|| async { Redirect::temporary("/technician") }))
        .route("/technician", get(page))
        .route("/technician/api/login", post(login))
        .route("/technician/api/logout", post(log_out))
        .route("/technician/api/sessions", get(sessions))
        .route("/technician/api/sessions/end", post(end_session))
        .route("/technician/api/requests", get(waiting))
        .route("/technician/api/request/{code}", get(one))
        .route("/technician/api/relay", post(carry))
        .route("/technician/api/confirm", post(confirm))
        .route("/technician/api/dismiss", post(dismiss))
        .route("/technician/api/devices", get(devices))
        .route("/technician/api/signers", get(unknown_signers))
        .route("/technician/api/bundle", get(bundle))
        .route("/technician/api/assign", post(assign))
        .route("/technician/api/replace", post(replace))
        .layer(DefaultBodyLimit::max(OF_STRANGERS))
        .with_state(shared.clone());
    (router, Arc::new(shared))
}

/// A session that was begun on the technician's page goes for the pages for staff, by a cookie that this page itself never looks at.
impl Doorkeeper for Shared {
    fn who(&self, head: &HeaderMap) -> Option<Person> {
        let token = Zeroizing::new(cookie(head, COOKIE)?.to_owned());
        let stored = |name: &str| self.registrar.registry.technician(name);
        let whose = self.logins.who(&token, self.clock.monotonic(), stored).ok()??;
        Some(Person::new(&whose.name, Role::Technician, Scope::everywhere()))
    }

    fn sign_in(&self, _: &str) -> String {
        "/technician".to_owned()
    }
}

async fn page() -> Response {
    let policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:; \
                  form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Html(include_str!("technician.html"))).into_response()
}

/// Who is logged in. It comes from the head of a request: nothing is read of a body before.
struct Technician(Whose);

impl FromRequestParts<Shared> for Technician {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Refused> {
        let bearer = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token =
            bearer.and_then(|value| value.strip_prefix("Bearer ")).map(|token| Zeroizing::new(token.to_owned()));
        let nobody =
            || Refused::new(401, "technician_unknown", "nobody is logged in", "log in with your name and pass word");
        let token = token.ok_or_else(nobody)?;
        let shared = shared.clone();
        let look = move || {
            let stored = |name: &str| shared.registrar.registry.technician(name);
            let whose = shared.logins.who(&token, shared.clock.monotonic(), stored);
            whose.map_err(|error| Refused::from(RegistrarError::Store(error)))?.ok_or_else(nobody)
        };
        apart(look).await.map(Self)
    }
}

fn answered(result: Result<Value, Refused>) -> Response {
    result.map_or_else(IntoResponse::into_response, |value| Json(value).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    name: String,
    pass_word: Zeroizing<String>,
}

fn wrong() -> Refused {
    Refused::new(401, "technician_unknown", "name or pass word is wrong", "try again")
}

/// From where a request comes.
struct From(Address);

impl<S: Send + Sync> FromRequestParts<S> for From {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let place = parts.extensions.get::<Arc<Place>>();
        Ok(Self(place.map_or(Address::UNKNOWN, |place| place.address())))
    }
}

async fn login(State(shared): State<Shared>, From(from): From, Said(login): Said<Login>) -> Response {
    let done = log_in(shared, from, login).await;
    let token = done.as_ref().ok().and_then(|said| said["token"].as_str().map(str::to_owned));
    let mut response = answered(done);
    let cookie = token.map(|token| format!("{COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Strict"));
    if let Some(Ok(cookie)) = cookie.map(HeaderValue::try_from) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

async fn log_in(shared: Shared, from: Address, login: Login) -> Result<Value, Refused> {
    if login.name.len() > LONGEST_NAME {
        return Err(wrong());
    }
    let guess = shared.logins.count(&login.name, from, shared.clock.monotonic()).map_err(|wait| {
        let remedy = format!("wait {} seconds", wait.as_secs() + 1);
        Refused::new(429, "technician_locked", "too many wrong pass words", &remedy)
    })?;
    let logins = Arc::clone(&shared.logins);
    let thread = logins
        .thread(&guess)
        .await
        .ok_or_else(|| Refused::new(503, "central_busy", "too many log in at once", "try again in some seconds"))?;
    let try_it = move || {
        // It is free when the hash is done, also where nobody waits for it any more.
        let _thread = thread;
        let stored = shared.registrar.registry.technician(&login.name);
        let stored = stored.map_err(|error| Refused::from(RegistrarError::Store(error)))?;
        // A name that nobody has takes as long.
        let wanted = stored.unwrap_or_default();
        let crypto = |error: openssl::error::ErrorStack| Refused::from(RegistrarError::Answer(error.into()));
        if !sealed::recalls((&wanted.salt, &wanted.hash), login.pass_word.as_bytes()) {
            return Err(wrong());
        }
        let now = (shared.clock.wall(), shared.clock.monotonic());
        Ok(json!({ "token": shared.logins.begin(&guess, wanted, now).map_err(crypto)? }))
    };
    apart(try_it).await
}

async fn log_out(State(shared): State<Shared>, Technician(whose): Technician) -> Response {
    shared.logins.end(&whose);
    answered(Ok(json!({ "ended": true })))
}

async fn sessions(State(shared): State<Shared>, Technician(whose): Technician) -> Response {
    answered(Ok(json!(shared.logins.list(&whose))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ended {
    id: String,
}

async fn end_session(
    State(shared): State<Shared>,
    Technician(whose): Technician,
    Said(Ended { id }): Said<Ended>,
) -> Response {
    if shared.logins.end_one(&whose, &id) {
        return answered(Ok(json!({ "ended": true })));
    }
    let unknown = Refused::new(404, "session_unknown", "you have no such session", "look at the list again");
    unknown.into_response()
}

async fn devices(State(shared): State<Shared>, _: Technician) -> Response {
    let list = move || {
        let devices = shared.registrar.registry.devices();
        let devices = devices.map_err(|error| Refused::from(RegistrarError::Store(error)))?;
        let each = |d: &super::registry::Device| json!({ "name": d.name, "serial": d.serial, "site": d.site, "profile": d.profile, "state": d.state });
        Ok(devices.iter().map(each).collect())
    };
    answered(apart(list).await)
}

/// Document signers that nobody vouches for: `provision trust seen`.
async fn unknown_signers(State(shared): State<Shared>, _: Technician) -> Response {
    let list = move || {
        let list = Signers::of(&*shared.store, signers::MOST);
        Ok(json!(list.map_err(|error| Refused::from(RegistrarError::Store(error)))?))
    };
    answered(apart(list).await)
}

#[derive(Deserialize)]
struct OfSite {
    site: String,
}

/// The newest bundle of a site as codes, for a device without a network.
async fn bundle(State(shared): State<Shared>, _: Technician, Query(OfSite { site }): Query<OfSite>) -> Response {
    let find = move || {
        let found = shared.registrar.registry.bundle(site.trim(), 0);
        let found = found.map_err(|error| Refused::from(RegistrarError::Store(error)))?;
        let bytes = found.ok_or_else(|| {
            Refused::new(404, "bundle_unknown", "there is no bundle for this site", "publish one, or correct the site")
        })?;
        let parts = relay::split("bundle", &bytes);
        if parts.len() > relay::MOST {
            let message = format!("the bundle would be {} codes", parts.len());
            return Err(Refused::new(413, "bundle_too_large", &message, "take it along on a USB stick"));
        }
        codes(&parts)
    };
    answered(apart(find).await)
}

/// Parts of a document with a picture of each.
fn codes(parts: &[String]) -> Result<Value, Refused> {
    let codes: Result<Vec<String>, _> = parts.iter().map(|part| svg(part)).collect();
    let codes = codes.map_err(|_| Refused::from(RegistrarError::Answer(FleetError::Malformed("QR code"))))?;
    Ok(json!({ "confirmed": true, "codes": codes, "parts": parts }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Assign {
    device: String,
    site: String,
    profile: String,
}

async fn assign(
    State(shared): State<Shared>,
    Technician(Whose { name: who, .. }): Technician,
    Said(assign): Said<Assign>,
) -> Response {
    let change = move || {
        let (site, profile) = (assign.site.trim(), assign.profile.trim());
        if site.is_empty() || profile.is_empty() {
            return Err(site_missing());
        }
        shared.registrar.assign(&assign.device, site, profile, &who).map_err(Refused::from)?;
        Ok(json!({ "device": assign.device, "site": site }))
    };
    answered(apart(change).await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replace {
    device: String,
    serial: String,
    birth: Option<String>,
}

async fn replace(
    State(shared): State<Shared>,
    Technician(Whose { name: who, .. }): Technician,
    Said(replace): Said<Replace>,
) -> Response {
    let change = move || {
        let Replace { device, serial, birth } = &replace;
        let successor = shared.registrar.replace(device, serial, birth.as_deref(), &who).map_err(Refused::from)?;
        Ok(json!({ "device": device, "successor": successor }))
    };
    answered(apart(change).await)
}

fn site_missing() -> Refused {
    Refused::new(400, "site_missing", "site and profile are missing", "fill both in")
}

async fn waiting(State(shared): State<Shared>, _: Technician) -> Response {
    let list = move || {
        let waiting =
            shared.registrar.registry.waiting().map_err(|error| Refused::from(RegistrarError::Store(error)))?;
        let each = |p: &super::registry::Pending| json!({ "birth": p.birth, "serial": p.serial, "model": p.model, "protection": p.protection, "at": p.at });
        Ok(waiting.iter().map(each).collect())
    };
    answered(apart(list).await)
}

/// The roots that the device knows: those that central has, or, for a relayed request, those that the device named.
fn compared_roots(registrar: &Registrar, named: Option<&str>) -> Result<Vec<String>, Refused> {
    let error = |error| Refused::from(RegistrarError::Answer(error));
    let trust = registrar.trust().map_err(|error| Refused::from(RegistrarError::from(error)))?;
    let mut own = trust.roots().map_err(error)?.fingerprints();
    own.sort();
    let Some(named) = named else { return Ok(own) };
    let mut named: Vec<String> = named.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    named.sort();
    // Words over no roots would be the same whoever stands between.
    if !named.is_empty() && named.iter().all(|root| own.contains(root)) {
        return Ok(named);
    }
    Err(Refused::new(
        409,
        "relay_roots",
        "the device trusts a root that is not this fleet's",
        "do not confirm it; look who set it up",
    ))
}

fn not_waiting() -> Refused {
    Refused::new(404, "request_unknown", "this device does not wait here", "let the device ask again")
}

#[derive(Deserialize)]
struct Known {
    roots: Option<String>,
}

async fn one(
    State(shared): State<Shared>,
    Technician(Whose { name: who, .. }): Technician,
    Path(code): Path<String>,
    Query(Known { roots }): Query<Known>,
) -> Response {
    let find = move || {
        // From now on it is kept, also where it comes only now.
        let mut found = shared.registrar.hold(&code, &who).map_err(Refused::from)?;
        if found.len() > 1 {
            return Err(Refused::new(409, "code_ambiguous", "more than one device has this code", "type more digits"));
        }
        let pending = found.pop().ok_or_else(not_waiting)?;
        let birth = &pending.birth;
        let malformed = |error| Refused::from(RegistrarError::Request(error));
        let request = request::open(&pending.request).map_err(malformed)?;
        let roots = compared_roots(&shared.registrar, roots.as_deref())?;
        let words = words::of_request(&request.birth, request.nonce, &roots);
        let at =
            pending.approved.as_ref().map(|(site, profile, by)| json!({ "site": site, "profile": profile, "by": by }));
        // Where the list would have a machine of this serial number; that it is this one is for the technician to see.
        let listed = shared.registrar.listed(&pending.serial, birth).map_err(Refused::from)?;
        let listed = listed.map(|entry| json!({ "site": entry.site, "profile": entry.profile }));
        Ok(json!({
            "birth": birth, "serial": pending.serial, "model": pending.model, "protection": pending.protection,
            "words": words, "approved": at, "listed": listed,
        }))
    };
    answered(apart(find).await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Carried {
    request: String,
}

async fn carry(
    State(shared): State<Shared>,
    Technician(Whose { name: who, .. }): Technician,
    Said(carried): Said<Carried>,
) -> Response {
    let keep = move || {
        let malformed = |error| Refused::from(RegistrarError::Request(error));
        let bytes = fleet::est::from_header(&carried.request).map_err(malformed)?;
        let request = request::open(&bytes).map_err(malformed)?;
        let birth = fingerprint(&request.birth);
        shared.registrar.hold(&birth, &who).map_err(Refused::from)?;
        shared.registrar.enrol_from(&bytes, None, &format!("technician {who}")).map_err(Refused::from)?;
        Ok(json!({ "birth": birth }))
    };
    answered(apart(keep).await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirm {
    birth: String,
    site: String,
    profile: String,
    /// The words that the technician saw on the kiosk's screen.
    words: Vec<String>,
    /// Fingerprints of the roots that a relayed request named.
    roots: Option<String>,
    /// Whether the answer goes back by phone.
    #[serde(default)]
    relay: bool,
}

fn differ() -> Refused {
    let remedy = "do not confirm it; scan its code again";
    Refused::new(409, "words_differ", "the words are not those of this device", remedy)
}

async fn confirm(
    State(shared): State<Shared>,
    Technician(Whose { name: who, .. }): Technician,
    Said(confirm): Said<Confirm>,
) -> Response {
    let decide = move || {
        let store = |error| Refused::from(RegistrarError::Store(error));
        let Some(pending) = shared.registrar.registry.pending(&confirm.birth).map_err(store)? else {
            return Err(not_waiting());
        };
        let request = request::open(&pending.request).map_err(|error| Refused::from(RegistrarError::Request(error)))?;
        let roots = compared_roots(&shared.registrar, confirm.roots.as_deref())?;
        // The request may have been replaced since the page was opened.
        if words::of_request(&request.birth, request.nonce, &roots).as_slice() != confirm.words {
            return Err(differ());
        }
        let (site, profile) = (confirm.site.trim(), confirm.profile.trim());
        if site.is_empty() || profile.is_empty() {
            return Err(site_missing());
        }
        if !shared.registrar.approve_request(&pending, site, profile, &who).map_err(Refused::from)?
            && shared
                .registrar
                .registry
                .pending(&confirm.birth)
                .map_err(store)?
                .is_none_or(|now| now.approved.is_none())
        {
            return Err(differ());
        }
        if !confirm.relay {
            return Ok(json!({ "confirmed": true }));
        }
        match shared
            .registrar
            .enrol_from(&pending.request, None, &format!("technician {who}"))
            .map_err(Refused::from)?
        {
            Decision::Issued { answer, .. } => codes(&relay::split("answer", &answer)),
            Decision::Pending { .. } => {
                Err(Refused::new(409, "request_unknown", "it was confirmed by somebody else", "scan its code again"))
            }
        }
    };
    answered(apart(decide).await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dismiss {
    birth: String,
}

async fn dismiss(
    State(shared): State<Shared>,
    Technician(Whose { name: who, .. }): Technician,
    Said(Dismiss { birth }): Said<Dismiss>,
) -> Response {
    let forget = move || {
        shared.registrar.dismiss(&birth, &who).map_err(Refused::from)?;
        Ok(json!({ "dismissed": true }))
    };
    answered(apart(forget).await)
}

/// A QR code as SVG, with the four modules of light that a scanner wants around it.
fn svg(text: &str) -> Result<String, qrcodegen::DataTooLong> {
    let code = QrCode::encode_text(text, QrCodeEcc::Low)?;
    let size = code.size();
    let dark = (0..size).flat_map(|y| (0..size).map(move |x| (x, y))).filter(|(x, y)| code.get_module(*x, *y));
    let path: String = dark.map(|(x, y)| format!("M{},{}h1v1h-1z", x + 4, y + 4)).collect();
    let side = size + 8;
    Ok(format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {side} {side}'><rect width='100%' height='100%' fill='#fff'/>\
         <path d='{path}' fill='#000'/></svg>"
    ))
}
