//! The technician's page: on a phone, at the device. It shows who waits, the six words to compare with the kiosk's
//! screen, and asks where the device belongs. For a device without a network the phone carries the request here, in the
//! fragment of the page's address, and the answer back, as QR codes that the kiosk scans.
//!
//! It is served where devices connect, under the fleet's certificate (`page`), or on an address of this machine only
//! (`technician`), for a reverse proxy with a certificate that phones know; or both. It holds no cookie; the page keeps its
//! session's token for as long as its tab lives.

use super::staffed::{Desk, Of};
use super::{Decision, Registrar, RegistrarError};
use crate::answer::{OF_STRANGERS, Refused, Said, apart};
use crate::people::{Admit, See};
use crate::signers::{self, Signers};
use crate::signin::{Gate, Signed, shown};
use crate::store::EventStore;
use axum::extract::{DefaultBodyLimit, FromRef, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use fleet::{FleetError, relay, request, words};
use qrcodegen::{QrCode, QrCodeEcc};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// What the handlers need.
#[derive(Clone)]
struct Shared {
    desk: Desk,
    store: Arc<dyn EventStore>,
    gate: Gate,
}

impl FromRef<Shared> for Gate {
    fn from_ref(shared: &Shared) -> Self {
        shared.gate.clone()
    }
}

/// The page and what it asks, with the routes of signing in.
pub fn router(registrar: Arc<Registrar>, store: Arc<dyn EventStore>, gate: Gate) -> Router {
    let sign_in = gate.router();
    Router::new()
        // What stands behind `#` goes along.
        .route("/", get(|| async { Redirect::temporary("/technician") }))
        .route("/technician", get(page))
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
        .with_state(Shared { desk: Desk::new(registrar), store, gate })
        .merge(sign_in)
}

async fn page() -> Response {
    let policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:; \
                  form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
    shown(policy, include_str!("technician.html"))
}

fn answered(result: Result<Value, Refused>) -> Response {
    result.map_or_else(IntoResponse::into_response, |value| Json(value).into_response())
}

async fn devices(State(shared): State<Shared>, Signed(who): Signed<See>) -> Response {
    let list = move || {
        let devices = shared.desk.of(&who).devices().map_err(Refused::from)?;
        let each = |d: &super::registry::Device| json!({ "name": d.name, "serial": d.serial, "site": d.site, "profile": d.profile, "state": d.state });
        Ok(devices.iter().map(each).collect())
    };
    answered(apart(list).await)
}

/// Document signers that nobody vouches for: `provision trust seen`.
async fn unknown_signers(State(shared): State<Shared>, Signed(who): Signed<See>) -> Response {
    let list = move || {
        let list = Signers::of(&*shared.store, signers::MOST, who.scope());
        Ok(json!(list.map_err(|error| Refused::from(RegistrarError::Store(error)))?))
    };
    answered(apart(list).await)
}

#[derive(Deserialize)]
struct OfSite {
    site: String,
}

/// The newest bundle of a site as codes, for a device without a network.
async fn bundle(
    State(shared): State<Shared>,
    Signed(who): Signed<See>,
    Query(OfSite { site }): Query<OfSite>,
) -> Response {
    let find = move || {
        let found = shared.desk.of(&who).bundle(site.trim()).map_err(Refused::from)?;
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

async fn assign(State(shared): State<Shared>, Signed(who): Signed<Admit>, Said(assign): Said<Assign>) -> Response {
    let change = move || {
        let (site, profile) = (assign.site.trim(), assign.profile.trim());
        if site.is_empty() || profile.is_empty() {
            return Err(site_missing());
        }
        shared.desk.of(&who).assign(&assign.device, site, profile).map_err(Refused::from)?;
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

async fn replace(State(shared): State<Shared>, Signed(who): Signed<Admit>, Said(replace): Said<Replace>) -> Response {
    let change = move || {
        let Replace { device, serial, birth } = &replace;
        let successor = shared.desk.of(&who).replace(device, serial, birth.as_deref()).map_err(Refused::from)?;
        Ok(json!({ "device": device, "successor": successor }))
    };
    answered(apart(change).await)
}

fn site_missing() -> Refused {
    Refused::new(400, "site_missing", "site and profile are missing", "fill both in")
}

async fn waiting(State(shared): State<Shared>, Signed(who): Signed<See>) -> Response {
    let list = move || {
        let waiting = shared.desk.of(&who).waiting().map_err(Refused::from)?;
        let each = |p: &super::registry::Pending| json!({ "birth": p.birth, "serial": p.serial, "model": p.model, "protection": p.protection, "at": p.at });
        Ok(waiting.iter().map(each).collect())
    };
    answered(apart(list).await)
}

/// The roots that the device knows: those that central has, or, for a relayed request, those that the device named.
fn compared_roots(desk: &Of<'_, Admit>, named: Option<&str>) -> Result<Vec<String>, Refused> {
    let error = |error| Refused::from(RegistrarError::Answer(error));
    let trust = desk.trust().map_err(Refused::from)?;
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
    Signed(who): Signed<Admit>,
    Path(code): Path<String>,
    Query(Known { roots }): Query<Known>,
) -> Response {
    let find = move || {
        let desk = shared.desk.of(&who);
        // From now on it is kept, also where it comes only now.
        let mut found = desk.find(&code).map_err(Refused::from)?;
        if found.len() > 1 {
            return Err(Refused::new(409, "code_ambiguous", "more than one device has this code", "type more digits"));
        }
        let pending = found.pop().ok_or_else(not_waiting)?;
        let birth = &pending.birth;
        let malformed = |error| Refused::from(RegistrarError::Request(error));
        let request = request::open(&pending.request).map_err(malformed)?;
        let roots = compared_roots(&desk, roots.as_deref())?;
        let words = words::of_request(&request.birth, request.nonce, &roots);
        let at =
            pending.approved.as_ref().map(|(site, profile, by)| json!({ "site": site, "profile": profile, "by": by }));
        // Where the list would have a machine of this serial number; that it is this one is for the technician to see.
        let listed = desk.listed(&pending.serial, birth).map_err(Refused::from)?;
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

async fn carry(State(shared): State<Shared>, Signed(who): Signed<Admit>, Said(carried): Said<Carried>) -> Response {
    let keep = move || {
        let malformed = |error| Refused::from(RegistrarError::Request(error));
        let bytes = fleet::est::from_header(&carried.request).map_err(malformed)?;
        let birth = shared.desk.of(&who).carry(&bytes).map_err(Refused::from)?;
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

async fn confirm(State(shared): State<Shared>, Signed(who): Signed<Admit>, Said(confirm): Said<Confirm>) -> Response {
    let decide = move || {
        let desk = shared.desk.of(&who);
        let Some(pending) = desk.pending(&confirm.birth).map_err(Refused::from)? else {
            return Err(not_waiting());
        };
        let request = request::open(&pending.request).map_err(|error| Refused::from(RegistrarError::Request(error)))?;
        let roots = compared_roots(&desk, confirm.roots.as_deref())?;
        // The request may have been replaced since the page was opened.
        if words::of_request(&request.birth, request.nonce, &roots).as_slice() != confirm.words {
            return Err(differ());
        }
        let (site, profile) = (confirm.site.trim(), confirm.profile.trim());
        if site.is_empty() || profile.is_empty() {
            return Err(site_missing());
        }
        if !desk.confirm(&pending, site, profile).map_err(Refused::from)? {
            return Err(differ());
        }
        if !confirm.relay {
            return Ok(json!({ "confirmed": true }));
        }
        match desk.answer(&pending).map_err(Refused::from)? {
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
    Signed(who): Signed<Admit>,
    Said(Dismiss { birth }): Said<Dismiss>,
) -> Response {
    let forget = move || {
        shared.desk.of(&who).dismiss(&birth).map_err(Refused::from)?;
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
