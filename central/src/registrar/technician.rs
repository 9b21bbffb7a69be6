//! The technician's page: on a phone, at the device. It shows who waits, the six words to compare with the kiosk's
//! screen, and asks where the device belongs. For a device without a network the phone carries the request here, in the
//! fragment of the page's address, and the answer back, as QR codes that the kiosk scans.
//!
//! It is served where devices connect, under the fleet's certificate (`page`), or on an address of this machine only
//! (`technician`), for a reverse proxy with a certificate that phones know; or both. It holds no cookie; the page keeps its
//! session's token for as long as its tab lives.

use super::registry::PassWord;
use super::{Decision, Registrar, RegistrarError};
use crate::answer::{Refused, apart};
use crate::signers::{self, Signers};
use crate::store::EventStore;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use events::Clock;
use fleet::{FleetError, fingerprint, relay, request, words};
use openssl::hash::MessageDigest;
use qrcodegen::{QrCode, QrCodeEcc};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

const ROUNDS: usize = 600_000;
/// How long a session lasts.
const SESSION: Duration = Duration::from_secs(8 * 3600);
/// Wrong pass words in a row after which everybody waits.
const MOST_FAILURES: u32 = 10;
const LOCKED_FOR: Duration = Duration::from_secs(60);

/// Keeps a technician with a pass word.
///
/// # Errors
/// When the random source or the database fails.
pub fn add(registrar: &Registrar, name: &str, pass_word: &[u8]) -> Result<(), RegistrarError> {
    let crypto = |error: openssl::error::ErrorStack| RegistrarError::Answer(error.into());
    let mut salt = [0; 16];
    openssl::rand::rand_bytes(&mut salt).map_err(crypto)?;
    let hash = hash(&salt, pass_word).map_err(crypto)?;
    registrar.registry.change(|change| change.put_technician(name, &salt, &*hash))?;
    Ok(())
}

fn hash(salt: &[u8], pass_word: &[u8]) -> Result<Zeroizing<[u8; 32]>, openssl::error::ErrorStack> {
    let mut hash = Zeroizing::new([0; 32]);
    openssl::pkcs5::pbkdf2_hmac(pass_word, salt, ROUNDS, MessageDigest::sha256(), &mut *hash)?;
    Ok(hash)
}

/// Who is logged in, and how often somebody was not.
#[derive(Debug, Default)]
struct Sessions {
    /// By token: name and end.
    open: BTreeMap<String, (String, Duration)>,
    failures: u32,
    locked_until: Duration,
}

/// What the handlers need.
#[derive(Clone)]
struct Shared {
    registrar: Arc<Registrar>,
    store: Arc<dyn EventStore>,
    clock: Arc<dyn Clock>,
    sessions: Arc<Mutex<Sessions>>,
}

/// The page and what it asks.
pub fn router(registrar: Arc<Registrar>, store: Arc<dyn EventStore>, clock: Arc<dyn Clock>) -> Router {
    Router::new()
        // What stands behind `#` goes along.
        .route("/", get(|| async { Redirect::temporary("/technician") }))
        .route("/technician", get(page))
        .route("/technician/api/login", post(login))
        .route("/technician/api/requests", get(waiting))
        .route("/technician/api/request/{birth}", get(one))
        .route("/technician/api/relay", post(carry))
        .route("/technician/api/confirm", post(confirm))
        .route("/technician/api/dismiss", post(dismiss))
        .route("/technician/api/devices", get(devices))
        .route("/technician/api/signers", get(unknown_signers))
        .route("/technician/api/bundle", get(bundle))
        .route("/technician/api/assign", post(assign))
        .route("/technician/api/replace", post(replace))
        .layer(DefaultBodyLimit::max(16 * 1024))
        .with_state(Shared { registrar, store, clock, sessions: Arc::default() })
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

impl Shared {
    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The technician of a request.
    fn who(&self, headers: &HeaderMap) -> Result<String, Refused> {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let now = self.clock.monotonic();
        let mut sessions = self.sessions();
        sessions.open.retain(|_, (_, end)| *end > now);
        let known = bearer.and_then(|token| sessions.open.get(token));
        known.map(|(name, _)| name.clone()).ok_or_else(|| {
            Refused::new(401, "technician_unknown", "nobody is logged in", "log in with your name and pass word")
        })
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

async fn login(State(shared): State<Shared>, Json(login): Json<Login>) -> Response {
    let try_it = move || {
        let now = shared.clock.monotonic();
        if shared.sessions().locked_until > now {
            return Err(Refused::new(429, "technician_locked", "too many wrong pass words", "wait a minute"));
        }
        let stored = shared.registrar.registry.technician(&login.name);
        let stored = stored.map_err(|error| Refused::from(RegistrarError::Store(error)))?;
        // A name that nobody has takes as long.
        let PassWord { salt, hash: wanted } = stored.unwrap_or_default();
        let crypto = |error: openssl::error::ErrorStack| Refused::from(RegistrarError::Answer(error.into()));
        let given = hash(&salt, login.pass_word.as_bytes()).map_err(crypto)?;
        let right = wanted.len() == given.len() && openssl::memcmp::eq(&wanted, &*given);
        let mut sessions = shared.sessions();
        if !right {
            sessions.failures += 1;
            if sessions.failures >= MOST_FAILURES {
                (sessions.failures, sessions.locked_until) = (0, now + LOCKED_FOR);
            }
            return Err(Refused::new(401, "technician_unknown", "name or pass word is wrong", "try again"));
        }
        let mut token = [0; 32];
        openssl::rand::rand_bytes(&mut token).map_err(crypto)?;
        let token = hex::encode(token);
        sessions.failures = 0;
        sessions.open.insert(token.clone(), (login.name.clone(), now + SESSION));
        Ok(json!({ "token": token }))
    };
    answered(apart(try_it).await)
}

async fn devices(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let list = move || {
        shared.who(&headers)?;
        let devices = shared.registrar.registry.devices();
        let devices = devices.map_err(|error| Refused::from(RegistrarError::Store(error)))?;
        let each = |d: &super::registry::Device| json!({ "name": d.name, "serial": d.serial, "site": d.site, "profile": d.profile, "state": d.state });
        Ok(devices.iter().map(each).collect())
    };
    answered(apart(list).await)
}

/// Document signers that nobody vouches for: `provision trust seen`.
async fn unknown_signers(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let list = move || {
        shared.who(&headers)?;
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
async fn bundle(State(shared): State<Shared>, headers: HeaderMap, Query(OfSite { site }): Query<OfSite>) -> Response {
    let find = move || {
        shared.who(&headers)?;
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

async fn assign(State(shared): State<Shared>, headers: HeaderMap, Json(assign): Json<Assign>) -> Response {
    let change = move || {
        let who = shared.who(&headers)?;
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

async fn replace(State(shared): State<Shared>, headers: HeaderMap, Json(replace): Json<Replace>) -> Response {
    let change = move || {
        let who = shared.who(&headers)?;
        let Replace { device, serial, birth } = &replace;
        let successor = shared.registrar.replace(device, serial, birth.as_deref(), &who).map_err(Refused::from)?;
        Ok(json!({ "device": device, "successor": successor }))
    };
    answered(apart(change).await)
}

fn site_missing() -> Refused {
    Refused::new(400, "site_missing", "site and profile are missing", "fill both in")
}

async fn waiting(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let list = move || {
        shared.who(&headers)?;
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
    let mut own = registrar.ca().roots().map_err(error)?.fingerprints();
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

#[derive(Deserialize)]
struct Known {
    roots: Option<String>,
}

async fn one(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Path(birth): Path<String>,
    Query(Known { roots }): Query<Known>,
) -> Response {
    let find = move || {
        shared.who(&headers)?;
        let store = |error| Refused::from(RegistrarError::Store(error));
        let Some(pending) = shared.registrar.registry.pending(&birth).map_err(store)? else {
            return Err(Refused::new(
                404,
                "request_unknown",
                "this device does not wait here",
                "let the device ask again",
            ));
        };
        let malformed = |error| Refused::from(RegistrarError::Request(error));
        let request = request::open(&pending.request).map_err(malformed)?;
        let roots = compared_roots(&shared.registrar, roots.as_deref())?;
        let words = words::of_request(&request.birth, request.nonce, &roots);
        let at =
            pending.approved.as_ref().map(|(site, profile, by)| json!({ "site": site, "profile": profile, "by": by }));
        Ok(json!({
            "birth": birth, "serial": pending.serial, "model": pending.model, "protection": pending.protection,
            "words": words, "approved": at,
        }))
    };
    answered(apart(find).await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Carried {
    request: String,
}

async fn carry(State(shared): State<Shared>, headers: HeaderMap, Json(carried): Json<Carried>) -> Response {
    let keep = move || {
        shared.who(&headers)?;
        let malformed = |error| Refused::from(RegistrarError::Request(error));
        let bytes = fleet::est::from_header(&carried.request).map_err(malformed)?;
        let request = request::open(&bytes).map_err(malformed)?;
        shared.registrar.enrol(&bytes, None).map_err(Refused::from)?;
        Ok(json!({ "birth": fingerprint(&request.birth) }))
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

async fn confirm(State(shared): State<Shared>, headers: HeaderMap, Json(confirm): Json<Confirm>) -> Response {
    let decide = move || {
        let who = shared.who(&headers)?;
        let store = |error| Refused::from(RegistrarError::Store(error));
        let Some(pending) = shared.registrar.registry.pending(&confirm.birth).map_err(store)? else {
            return Err(Refused::new(
                404,
                "request_unknown",
                "this device does not wait here",
                "let the device ask again",
            ));
        };
        let request = request::open(&pending.request).map_err(|error| Refused::from(RegistrarError::Request(error)))?;
        let roots = compared_roots(&shared.registrar, confirm.roots.as_deref())?;
        // The request may have been replaced since the page was opened.
        if words::of_request(&request.birth, request.nonce, &roots).as_slice() != confirm.words {
            return Err(Refused::new(
                409,
                "words_differ",
                "the words are not those of this device",
                "do not confirm it; scan its code again",
            ));
        }
        let (site, profile) = (confirm.site.trim(), confirm.profile.trim());
        if site.is_empty() || profile.is_empty() {
            return Err(site_missing());
        }
        shared.registrar.approve(&confirm.birth, site, profile, &who).map_err(Refused::from)?;
        if !confirm.relay {
            return Ok(json!({ "confirmed": true }));
        }
        match shared.registrar.enrol(&pending.request, None).map_err(Refused::from)? {
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

async fn dismiss(State(shared): State<Shared>, headers: HeaderMap, Json(Dismiss { birth }): Json<Dismiss>) -> Response {
    let forget = move || {
        let who = shared.who(&headers)?;
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
