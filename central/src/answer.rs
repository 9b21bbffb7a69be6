//! What the interfaces of central take and answer with, and where their work is done.
//!
//! Nothing is read from a peer before it is known: [`Admitted`] comes from the head of a request, and a handler that has it among its
//! arguments has it before the body. [`Whole`] is the one way to a body; without an [`Admitted`] before it, it takes
//! [`OF_STRANGERS`] bytes at most.

use crate::door::{Place, Reserved};
use crate::tls::{Peer, Presented};
use axum::Json;
use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use events::sync::Refusal;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

/// The most bytes of a body while nobody knows who sends it: a PKCS#10 request in base64 has a tenth of it.
pub(crate) const OF_STRANGERS: usize = 16 * 1024;
/// How long a body may take that comes over a connection without a place: that of another program of this machine.
const BODY_TIME: Duration = Duration::from_secs(10);
/// When to come again where nobody has reckoned it, seconds.
const AGAIN: u64 = 5;

/// A refusal with its HTTP status, and with the seconds after which to come again where that may help.
#[derive(Debug)]
pub(crate) struct Refused(u16, Refusal, u64);

impl From<(u16, Refusal)> for Refused {
    fn from((status, refusal): (u16, Refusal)) -> Self {
        Self(status, refusal, AGAIN)
    }
}

impl Refused {
    pub(crate) fn new(status: u16, code: &str, message: &str, remedy: &str) -> Self {
        let (code, message, remedy) = (code.to_owned(), message.to_owned(), remedy.to_owned());
        Self(status, Refusal { code, message, remedy, committed: None }, AGAIN)
    }

    /// There is no room now, and there will be.
    pub(crate) fn busy(again: Duration) -> Self {
        let busy = Self::new(503, "central_busy", "too much is being sent at once", "try again when Retry-After says");
        Self(busy.0, busy.1, again.as_millis().div_ceil(1000).try_into().unwrap_or(AGAIN))
    }

    /// The same, with a time to come again.
    pub(crate) fn after(self, again: Duration) -> Self {
        Self(self.0, self.1, Self::busy(again).2)
    }

    /// A thread panicked; the log says why.
    fn internal() -> Self {
        Self::new(500, "internal", "central failed", "try again later, and tell its operator")
    }
}

/// Work off the network threads: signatures, fsync, hashes of pass words.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refused> + Send + 'static,
) -> Result<T, Refused> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(Refused::internal()))
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return (status, [(header::RETRY_AFTER, self.2.to_string())], Json(self.1)).into_response();
        }
        (status, Json(self.1)).into_response()
    }
}

/// Who decides whether a device may do anything.
pub(crate) trait Admits: Clone + Send + Sync + 'static {
    /// Whether it may.
    fn admit(&self, presented: &Presented) -> Result<(), Refused>;
}

/// A device that was admitted. It is made of nothing but a request's head.
#[derive(Debug)]
pub(crate) struct Admitted(pub(crate) Presented);

/// That the device of a request was admitted.
#[derive(Debug, Clone, Copy)]
struct Known;

impl<S: Admits> FromRequestParts<S> for Admitted {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let peer = parts.extensions.get::<Peer>().and_then(|peer| peer.0.clone());
        let presented = peer.ok_or_else(|| {
            Refused::new(401, "certificate_missing", "this wants a device's certificate", "enrol the device")
        })?;
        let state = state.clone();
        let admitted = apart(move || state.admit(&presented).map(|()| presented)).await?;
        parts.extensions.insert(Known);
        Ok(Self(admitted))
    }
}

/// A body, read to its end: at most `OF_DEVICES` bytes of an admitted device, [`OF_STRANGERS`] of all others. Its bytes are set aside
/// at the door for as long as it is here.
#[derive(Debug)]
pub(crate) struct Whole<const OF_DEVICES: usize = OF_STRANGERS> {
    pub(crate) bytes: Bytes,
    pub(crate) reserved: Option<Reserved>,
}

impl<S: Send + Sync, const OF_DEVICES: usize> FromRequest<S> for Whole<OF_DEVICES> {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refused> {
        let known = request.extensions().get::<Known>().is_some();
        let most = if known { OF_DEVICES } else { OF_DEVICES.min(OF_STRANGERS) };
        let place = request.extensions().get::<Arc<Place>>().cloned();
        let length = request.headers().get(header::CONTENT_LENGTH);
        let length = length.and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(most);
        if length > most {
            let message = format!("the body has more than {most} bytes");
            return Err(Refused::new(413, "body_too_large", &message, "send less at once"));
        }
        let reserved = place.as_ref().map(|place| {
            place.reserve(length).ok_or_else(|| {
                Refused::new(503, "central_busy", "too much is being sent at once", "try again in some seconds")
            })
        });
        let reserved = reserved.transpose()?;
        let time = place.map_or(BODY_TIME, |place| place.body_time());
        let read = tokio::time::timeout(time, to_bytes(request.into_body(), length)).await;
        let read = read.map_err(|_| {
            Refused::new(408, "body_late", "the body did not come in time", "look at the line, and try again")
        })?;
        let bytes = read.map_err(|_| {
            Refused::new(400, "body_unread", "the body broke off, or is longer than it may be", "send it again")
        })?;
        Ok(Self { bytes, reserved })
    }
}

/// A small body in JSON.
#[derive(Debug)]
pub(crate) struct Said<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Said<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        // A form of another site cannot say that it is JSON without being asked first.
        let media = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let json = media.is_some_and(|media| media.split(';').next().unwrap_or_default().trim() == "application/json");
        let malformed =
            |why: &str| Refused::new(400, "body_malformed", why, "send what the interface wants, as application/json");
        if !json {
            return Err(malformed("the body is not JSON"));
        }
        let Whole::<OF_STRANGERS> { bytes, .. } = Whole::from_request(request, state).await?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| malformed(&format!("the body is wrong: {error}")))
    }
}

/// Tells the place of a connection that a request has come, and when it is answered.
pub async fn counted(request: Request, next: Next) -> Response {
    let busy = request.extensions().get::<Arc<Place>>().map(Place::begin);
    let response = next.run(request).await;
    drop(busy);
    response
}

/// The page behind another program of this machine, which says from where a request came. Only such a program reaches it.
pub fn proxied(page: axum::Router, door: Arc<crate::door::Door>) -> axum::Router {
    page.layer(axum::middleware::from_fn(move |mut request: Request, next: Next| {
        let door = Arc::clone(&door);
        async move {
            // The last one is what the program itself wrote.
            let said = request.headers().get_all("x-forwarded-for").iter().next_back();
            let last = said.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
            request.extensions_mut().insert(door.visit(last.unwrap_or_else(|| std::net::Ipv4Addr::LOCALHOST.into())));
            next.run(request).await
        }
    }))
}
