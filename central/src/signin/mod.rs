//! Signing in with a pass word of central's own. Sessions live in this process's memory.
//!
//! A session is shown by a token in `Authorization` (the technician's page, programs) or by a cookie (pages that the server writes).
//! A cookie goes along by itself, so with it only what our own pages ask is answered: see `comes_from_here`.
//!
//! A handler that has [`Signed`] among its arguments has it before the body; pages have a visitor of their own, by [`Doorkeeper`].

mod login;
pub mod staff;

use crate::answer::{OF_STRANGERS, Refused, Said, apart};
use crate::door::{Address, Place};
use crate::doorkeeper::Doorkeeper;
use crate::people::{Acting, Person, Right, See};
use crate::store::StoreError;
use axum::extract::{DefaultBodyLimit, FromRef, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use events::{Clock, sealed};
use login::{Logins, Whose};
use serde::Deserialize;
use serde_json::{Value, json};
use staff::{Member, PassWord, Staff};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Bytes of a name at most.
pub const LONGEST_NAME: usize = 64;
/// What will stand before the name of somebody for whom an identity provider vouches: no name of the table begins so.
pub const VOUCHED: &str = "oidc:";
/// The cookie of a session: of this host alone, over TLS alone, and no script reads it.
const COOKIE: &str = "__Host-central";

/// A name and the word that goes with it, as the table keeps them.
///
/// # Errors
/// When the random source or the database fails.
pub fn keep(staff: &Staff, member: &Member, pass_word: &[u8], done: (i64, &str)) -> Result<(), KeepError> {
    let (salt, hash) = sealed::remember(pass_word)?;
    Ok(staff.put(member, &PassWord { salt, hash: hash.to_vec() }, done)?)
}

/// Somebody could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The hash.
    #[error("the pass word cannot be hashed")]
    Hash(#[from] openssl::error::ErrorStack),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

struct Inner {
    staff: Staff,
    logins: Logins,
    clock: Arc<dyn Clock>,
}

/// Who is signed in.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gate")
    }
}

impl Gate {
    /// Over the staff's table.
    #[must_use]
    pub fn new(staff: Staff, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { staff, logins: Logins::default(), clock }))
    }

    /// The table.
    #[must_use]
    pub fn staff(&self) -> &Staff {
        &self.0.staff
    }

    fn now(&self) -> (i64, std::time::Duration) {
        (self.0.clock.wall(), self.0.clock.monotonic())
    }

    /// Whose session a request's head shows.
    async fn whose(&self, parts: &Parts) -> Result<Whose, Refused> {
        let nobody =
            || Refused::new(401, "technician_unknown", "nobody is logged in", "log in with your name and pass word");
        let token = match bearer(&parts.headers) {
            Some(token) => token,
            None => {
                let token = cookie(&parts.headers, COOKIE).ok_or_else(nobody)?;
                if !comes_from_here(&parts.method, &parts.headers) {
                    let remedy = "open the page at its own address, and do it there";
                    return Err(Refused::new(403, "origin_foreign", "another page asks for this", remedy));
                }
                token
            }
        };
        let gate = self.clone();
        let look = move || {
            let standing = |name: &str| gate.0.staff.standing(name);
            let whose = gate.0.logins.who(&token, gate.now().1, standing);
            whose.map_err(store_failed)?.ok_or_else(nobody)
        };
        apart(look).await
    }

    async fn acting<R: Right>(&self, parts: &Parts) -> Result<Acting<R>, Refused> {
        let role = self.whose(parts).await?.person;
        role.acting().ok_or_else(|| {
            let message = format!("this wants the right to {}", R::WORD);
            Refused::new(
                403,
                "right_missing",
                &message,
                "ask somebody who has it, or an operator: cccd-central staff place",
            )
        })
    }

    /// The routes of signing in, out, and of one's own sessions.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/signin", get(page))
            .route("/technician/api/login", post(log_in))
            .route("/technician/api/logout", post(log_out))
            .route("/technician/api/sessions", get(sessions))
            .route("/technician/api/sessions/end", post(end_session))
            .layer(DefaultBodyLimit::max(OF_STRANGERS))
            .with_state(self.clone())
    }
}

impl Doorkeeper for Gate {
    fn who(&self, head: &HeaderMap) -> Option<Person> {
        let token = cookie(head, COOKIE)?;
        let standing = |name: &str| self.0.staff.standing(name);
        Some(self.0.logins.who(&token, self.now().1, standing).ok()??.person)
    }

    fn sign_in(&self, to: &str) -> String {
        format!("/signin#{to}")
    }
}

fn store_failed(_: StoreError) -> Refused {
    Refused::new(503, "store_failed", "the registry failed", "try again later")
}

fn bearer(headers: &HeaderMap) -> Option<Zeroizing<String>> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    Some(Zeroizing::new(value.strip_prefix("Bearer ")?.to_owned()))
}

/// A cookie by its name; none where there are two, of which one is somebody else's.
pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<Zeroizing<String>> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = pairs.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(key, _)| *key == name);
    let (_, value) = found.next()?;
    found.next().is_none().then(|| Zeroizing::new(value.to_owned()))
}

/// Whether a request with a cookie is one of our own pages, or of somebody who opens one. A browser says of itself which page asks
/// (`Sec-Fetch-Site`), and no page can say it for the browser; one that is too old to say so names its origin where something is changed.
pub(crate) fn comes_from_here(method: &Method, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let reads = matches!(*method, Method::GET | Method::HEAD);
    match text("sec-fetch-site") {
        Some("same-origin") => true,
        // Typed, or followed from elsewhere: a page is shown, and nothing is changed.
        Some(_) => reads && text("sec-fetch-mode") == Some("navigate") && text("sec-fetch-dest") == Some("document"),
        None if reads => true,
        None => text("origin").zip(text("host")).is_some_and(|(origin, host)| origin == format!("https://{host}")),
    }
}

/// Somebody with a right, for an interface: who has none is refused in JSON.
#[derive(Debug)]
pub struct Signed<R: Right>(pub Acting<R>);

impl<R: Right, S: Send + Sync> FromRequestParts<S> for Signed<R>
where
    Gate: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let acting = Gate::from_ref(state).acting(parts).await;
        acting.map(Self).map_err(IntoResponse::into_response)
    }
}

/// A session, to list and to end.
struct Own(Whose);

impl FromRequestParts<Gate> for Own {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self, Refused> {
        let whose = gate.whose(parts).await?;
        // Whoever has no right at all has no session either.
        match whose.person.may::<See>() {
            true => Ok(Self(whose)),
            false => Err(Refused::new(403, "right_missing", "this wants the right to see", "ask an operator")),
        }
    }
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

async fn page() -> Response {
    let policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
                  form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
    shown(policy, include_str!("signin.html"))
}

/// A page with a script of its own, which nobody else embeds, keeps or hears of.
pub(crate) fn shown(policy: &'static str, page: &'static str) -> Response {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Html(page)).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    name: String,
    pass_word: Zeroizing<String>,
    /// Whether the session is kept by the browser as a cookie, and its token is not told.
    #[serde(default)]
    cookie: bool,
}

fn wrong() -> Refused {
    Refused::new(401, "technician_unknown", "name or pass word is wrong", "try again")
}

async fn log_in(State(gate): State<Gate>, From(from): From, Said(login): Said<Login>) -> Result<Response, Refused> {
    let cookie = login.cookie;
    let token = begin(gate, from, login).await?;
    if !cookie {
        return Ok(Json(json!({ "token": *token })).into_response());
    }
    Ok(([(header::SET_COOKIE, kept(&token)?)], Json(json!({ "begun": true }))).into_response())
}

/// The cookie of a session; without a token, its end.
fn kept(token: &str) -> Result<HeaderValue, Refused> {
    let age = if token.is_empty() { 0 } else { login::SESSION.as_secs() };
    // Lax: whoever follows a link in a letter finds the session.
    let value = format!("{COOKIE}={token}; Path=/; Max-Age={age}; Secure; HttpOnly; SameSite=Lax");
    HeaderValue::from_str(&value).map_err(|_| Refused::new(500, "internal", "central failed", "try again later"))
}

async fn begin(gate: Gate, from: Address, login: Login) -> Result<Zeroizing<String>, Refused> {
    if login.name.len() > LONGEST_NAME {
        return Err(wrong());
    }
    let logins = &gate.0.logins;
    let guess = logins.count(&login.name, from, gate.now().1).map_err(|wait| {
        let remedy = format!("wait {} seconds", wait.as_secs() + 1);
        Refused::new(429, "technician_locked", "too many wrong pass words", &remedy)
    })?;
    let thread = logins
        .thread(&guess)
        .await
        .ok_or_else(|| Refused::new(503, "central_busy", "too many log in at once", "try again in some seconds"))?;
    let own = gate.clone();
    let try_it = move || {
        // It is free when the hash is done, also where nobody waits for it any more.
        let _thread = thread;
        let local = own.0.staff.standing(&login.name).map_err(store_failed)?.local;
        // A name that nobody has takes as long.
        let wanted = local.map(|(pass_word, _)| pass_word).unwrap_or_default();
        if !sealed::recalls((&wanted.salt, &wanted.hash), login.pass_word.as_bytes()) {
            return Err(wrong());
        }
        let token = own.0.logins.begin(&guess, wanted, own.now());
        token.map(Zeroizing::new).map_err(|_| Refused::new(500, "internal", "central failed", "try again later"))
    };
    apart(try_it).await
}

async fn log_out(State(gate): State<Gate>, Own(whose): Own) -> Result<Response, Refused> {
    gate.0.logins.end(&whose);
    Ok(([(header::SET_COOKIE, kept("")?)], Json(json!({ "ended": true }))).into_response())
}

async fn sessions(State(gate): State<Gate>, Own(whose): Own) -> Json<Value> {
    Json(json!(gate.0.logins.list(&whose)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ended {
    id: String,
}

async fn end_session(
    State(gate): State<Gate>,
    Own(whose): Own,
    Said(Ended { id }): Said<Ended>,
) -> Result<Json<Value>, Refused> {
    if gate.0.logins.end_one(&whose, &id) {
        return Ok(Json(json!({ "ended": true })));
    }
    Err(Refused::new(404, "session_unknown", "you have no such session", "look at the list again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn with_a_cookie_only_our_own_pages_are_answered() {
        let navigates = ("sec-fetch-mode", "navigate");
        let shows = ("sec-fetch-dest", "document");
        for (list, reads, changes) in [
            (vec![("sec-fetch-site", "same-origin")], true, true),
            (vec![("sec-fetch-site", "same-site")], false, false),
            (vec![("sec-fetch-site", "cross-site")], false, false),
            (vec![("sec-fetch-site", "none"), navigates, shows], true, false),
            (vec![("sec-fetch-site", "cross-site"), navigates, shows], true, false),
            (vec![("sec-fetch-site", "cross-site"), navigates, ("sec-fetch-dest", "iframe")], false, false),
            (vec![("host", "central.example")], true, false),
            (vec![("host", "central.example"), ("origin", "https://central.example")], true, true),
            (vec![("host", "central.example"), ("origin", "http://central.example")], true, false),
            (vec![("host", "central.example"), ("origin", "https://central.example:8000")], true, false),
            (vec![("host", "central.example"), ("origin", "null")], true, false),
            // What a browser says of the page outweighs what the page says.
            (
                vec![("sec-fetch-site", "cross-site"), ("host", "a.example"), ("origin", "https://a.example")],
                false,
                false,
            ),
        ] {
            let headers = headers(&list);
            let both = [Method::GET, Method::POST].map(|method| comes_from_here(&method, &headers));
            assert_eq!(both, [reads, changes], "{list:?}");
        }
    }

    #[test]
    fn a_cookie_is_one_or_none() {
        let of = |value: &'static str| cookie(&headers(&[("cookie", value)]), COOKIE).map(|found| found.to_string());
        assert_eq!(of("a=b; __Host-central=t; c=d").as_deref(), Some("t"));
        assert_eq!(of("__Host-central=t; __Host-central=u"), None);
        assert_eq!(of("x__Host-central=t; central=u"), None);
        let kept = kept("t").expect("a cookie");
        assert_eq!(kept, "__Host-central=t; Path=/; Max-Age=28800; Secure; HttpOnly; SameSite=Lax");
    }
}
