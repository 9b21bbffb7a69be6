//! The door for the kiosks of this site, for the board of numbers, and for the code on a ticket.
//!
//! It may be on the site's network, where `crate::listen` never is: it gives nothing that is about anybody, and takes nothing but
//! what is signed with the site's secret ([`handoff::counter`]).
//!
//! | path | for |
//! |---|---|
//! | `PUT /v1/calls/ID`, `PUT /v1/tickets/NUMBER` | kiosks: signed, of now, each time once |
//! | `GET /board` | a second screen: who was called, large, and said aloud |
//! | `GET /t/TOKEN` | whoever has the ticket: how many are before them |

use crate::Desk;
use crate::calls::Stale;
use crate::page::{PARTS, Part};
use crate::places::Place;
use crate::problem::Problem;
use crate::wire::TheDesk;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Json, Response};
use axum::routing::{get, put};
use axum::{Extension, Router};
use handoff::counter::{self, AT, Call, DEVICE, SIGN, Ticket};
use program::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Bytes of what a kiosk says.
const BODY: usize = 4096;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// What the board and a ticket's page are made of; letters they share with the desk's page.
pub const BOARD: [Part; 5] = [
    Part { path: "/board", kind: HTML, bytes: include_bytes!("board/index.html") },
    Part { path: "/board.css", kind: CSS, bytes: include_bytes!("board/board.css") },
    Part { path: "/board.js", kind: SCRIPT, bytes: include_bytes!("board/board.js") },
    Part { path: "/t/{token}", kind: HTML, bytes: include_bytes!("board/ticket.html") },
    Part { path: "/ticket.js", kind: SCRIPT, bytes: include_bytes!("board/ticket.js") },
];

/// What goes through the door.
struct Door {
    desk: Arc<Desk>,
    key: Zeroizing<Vec<u8>>,
}

/// Everything that the door has.
///
/// # Errors
/// When its secret cannot be read, or is none.
pub(crate) fn router(desk: &Arc<Desk>, door: &config::CounterDoor) -> Result<Router, Failure> {
    let state = Arc::new(Door { desk: Arc::clone(desk), key: counter::secret(&door.secret_file)? });
    let signed = Router::new()
        .route("/v1/calls/{id}", put(call))
        .route("/v1/tickets/{number}", put(ticket))
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(state);
    let open = Router::new()
        .route("/board.json", get(board))
        .route("/t/{token}/state", get(state_of_ticket))
        .with_state(Arc::clone(desk));
    let letters = PARTS.into_iter().filter(|part| part.kind.starts_with("font/"));
    let parts = BOARD.into_iter().chain(letters).fold(Router::new(), |router, Part { path, kind, bytes }| {
        router.route(path, get(move || async move { ([(header::CONTENT_TYPE, kind)], bytes).into_response() }))
    });
    Ok(signed.merge(open).merge(parts).layer(from_fn(careful)))
}

/// What every answer says to a browser.
async fn careful(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; \
                  base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn refused() -> Problem {
    let title = "this is not said by a kiosk of this site, or not now";
    let remedy = "compare secret_file and the clocks of kiosk and desk";
    Problem::new(StatusCode::UNAUTHORIZED, "counter_refused", title, remedy)
}

/// Who says something, and when: nothing that is not signed is looked at.
fn said<'a>(
    key: &[u8],
    headers: &'a HeaderMap,
    path: &str,
    body: &str,
    now_ms: i64,
) -> Option<(&'a str, i64, &'a str)> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let (device, at, sign) = (text(DEVICE)?, text(AT)?.parse().ok()?, text(SIGN)?);
    counter::holds(key, (device, path, body), at, sign, now_ms).then_some((device, at, sign))
}

impl Door {
    /// Takes what a kiosk says, and signs the answer.
    fn take<T: DeserializeOwned, A: Serialize>(
        &self,
        headers: &HeaderMap,
        path: &str,
        body: &Bytes,
        place: Option<Extension<Arc<Place>>>,
        work: impl FnOnce(&Desk, &str, T, i64) -> Result<A, Problem>,
    ) -> Result<Response, Problem> {
        let now_ms = self.desk.site().now().saturating_mul(1000);
        let told = std::str::from_utf8(body).ok().and_then(|body| {
            let (device, at, sign) = said(&self.key, headers, path, body, now_ms)?;
            Some((device, at, sign, serde_json::from_str(body).ok()?))
        });
        let (device, at, sign, what) =
            told.ok_or_else(refused).inspect_err(|problem| self.desk.refused(&problem.code))?;
        if let Some(Extension(place)) = place {
            place.known(device);
        }
        let answer = serde_json::to_string(&work(&self.desk, device, what, at)?).unwrap_or_default();
        let sign = counter::sign_answer(&self.key, sign, &answer, at);
        Ok(([(header::CONTENT_TYPE, "application/json"), (header::HeaderName::from_static(SIGN), &sign)], answer)
            .into_response())
    }
}

async fn call(
    State(door): State<Arc<Door>>,
    Path(id): Path<String>,
    place: Option<Extension<Arc<Place>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    door.take(&headers, &counter::call_path(&id), &body, place, |desk, device, call: Call, at| {
        desk.called((device, &id), call, at).map_err(|Stale| refused())
    })
}

async fn ticket(
    State(door): State<Arc<Door>>,
    Path(number): Path<String>,
    place: Option<Extension<Arc<Place>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let text = hex::decode(&number).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(refused)?;
    door.take(&headers, &counter::ticket_path(&text), &body, place, |desk, _, ticket: Ticket, _| {
        desk.joined(&text, &ticket.place)?.ok_or_else(refused)
    })
}

/// Who was called; numbers and places only.
async fn board(State(desk): TheDesk) -> Result<Json<Value>, Problem> {
    let view = desk.queued(|queue, _| queue.view())?;
    Ok(Json(json!({ "site": desk.site().name(), "called": view.called, "waiting": view.waiting })))
}

/// How it stands with a ticket.
async fn state_of_ticket(State(desk): TheDesk, Path(token): Path<String>) -> Result<Json<Value>, Problem> {
    let state = desk.queued(|queue, _| queue.state(&token))?;
    let state = state.ok_or_else(|| Problem::unknown("ticket today"))?;
    Ok(Json(json!({ "site": desk.site().name(), "ticket": state })))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"a secret of this site";

    #[test]
    fn nothing_is_heard_that_no_kiosk_of_this_site_has_signed_now() {
        let (path, body, now) = ("/v1/calls/c1", "{}", 1_790_000_000_000);
        let headers = |sign: &str, at: &str| -> HeaderMap {
            [(DEVICE, "kiosk-1"), (AT, at), (SIGN, sign)]
                .into_iter()
                .map(|(name, value)| (header::HeaderName::from_static(name), value.parse().expect("a value")))
                .collect()
        };
        let sign = counter::sign(KEY, "kiosk-1", path, body, now);
        let at = now.to_string();
        let good = headers(&sign, &at);
        assert_eq!(said(KEY, &good, path, body, now), Some(("kiosk-1", now, sign.as_str())));
        assert_eq!(said(b"another", &good, path, body, now), None);
        assert_eq!(said(KEY, &good, "/v1/tickets/41", body, now), None);
        assert_eq!(said(KEY, &good, path, "{ }", now), None);
        assert_eq!(said(KEY, &good, path, body, now + counter::CLOCKS_MS + 1), None);
        assert_eq!(said(KEY, &headers(&sign, "today"), path, body, now), None);
        for missing in [DEVICE, AT, SIGN] {
            let mut without = good.clone();
            without.remove(missing);
            assert_eq!(said(KEY, &without, path, body, now), None, "{missing}");
        }
    }

    #[test]
    fn whatever_board_and_ticket_ask_for_is_served_and_needs_no_more_than_the_policy() {
        let text = |path: &str| {
            let part = BOARD.iter().find(|part| part.path == path).expect("part");
            std::str::from_utf8(part.bytes).expect("text")
        };
        let served = |path: &str| BOARD.iter().chain(PARTS.iter()).any(|part| part.path == path);
        for page in ["/board", "/t/{token}"] {
            let page = text(page);
            assert!(!page.contains(" style=") && !page.contains("<script>") && page.contains("lang=\"vi\""));
            for start in ["src=\"", "rel=\"stylesheet\" href=\""] {
                for path in page.split(start).skip(1).filter_map(|rest| rest.split('"').next()) {
                    assert!(served(path), "{path}");
                }
            }
        }
        for path in text("/board.css").split("url(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(served(path), "{path}");
        }
        for script in ["/board.js", "/ticket.js"] {
            for word in ["innerHTML", "eval(", "document.write", "insertAdjacentHTML"] {
                assert!(!text(script).contains(word), "{script}: {word}");
            }
        }
    }
}
