//! Who may ask: this machine only, by a name of this machine, from a page that was let in, with a token.
//!
//! | attack | what stands against it |
//! |---|---|
//! | any web page that the browser shows | `Origin` must be the desk's own or one that was paired; cookies are `SameSite=Strict` |
//! | DNS rebinding | `Host` must be a loopback name with the desk's port |
//! | another program of the machine | a token, given out once for a code that the agent's own user reads out |
//! | guessing the code | five tries, ten minutes, one use |
//! | a program of another user on the Unix socket | the kernel says who it is |
//!
//! What is refused is logged by its code, once a second at most, without anything that the request held.

use crate::Desk;
use crate::problem::Problem;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use program::Failure;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::book::Book;
use utoipa::ToSchema;

/// Name of the cookie that the desk page has.
pub const COOKIE: &str = "cccd_desk";
/// Setting of the book with those who are paired.
const PAIRINGS: &str = "pairings";
/// Setting of the book with the code that is valid now.
const CODE: &str = "pairing-code";
/// Tries before a code is void.
const TRIES: u8 = 5;
/// Seconds that a code is valid.
const VALID_S: i64 = 600;
/// Those who may be paired at a time; the oldest goes.
const MOST: usize = 64;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Staff: everything that a desk does.
    Desk,
    /// Other software: sessions of its own, and their results.
    App,
}

impl Role {
    /// The recipient in profiles.
    #[must_use]
    pub const fn recipient(self) -> &'static str {
        match self {
            Self::Desk => "desk",
            Self::App => "app",
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Identifier of the pairing, or `uid:N`.
    pub id: String,
    /// What they called themselves.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// Who all software that expects a vendor's plugin is: it cannot pair.
const PLUGIN: &str = "compat";

impl Caller {
    /// Software that expects a vendor's plugin.
    pub(crate) fn plugin() -> Self {
        Self { id: PLUGIN.to_owned(), name: "plugin".to_owned(), role: Role::App }
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

/// Somebody who was let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pairing {
    id: String,
    name: String,
    role: Role,
    token: String,
    origin: Option<String>,
    since: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Code {
    hash: String,
    role: Role,
    until: i64,
    tries: u8,
}

fn hashed(text: &str) -> String {
    events::hash(text.as_bytes()).to_string()
}

fn read<T: for<'de> Deserialize<'de>>(book: &Book, name: &str) -> Result<Option<T>, Failure> {
    Ok(book.setting(name)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

fn write<T: Serialize>(book: &Book, name: &str, value: &T) -> Result<(), Failure> {
    Ok(book.set(name, &serde_json::to_vec(value).unwrap_or_default())?)
}

/// Makes a code that pairs one browser or program, in place of any that was made before.
///
/// # Errors
/// When the book fails.
pub fn new_code(book: &Book, role: Role, now: i64) -> Result<String, Failure> {
    let random = visit::finished::random_id()?;
    let number = u64::from_be_bytes(random.0[..8].try_into().unwrap_or_default());
    let code = format!("{:08}", number % 100_000_000);
    write(book, CODE, &Code { hash: hashed(&code), role, until: now + VALID_S, tries: TRIES })?;
    Ok(code)
}

/// Lets in whoever knows the code; their token, which is told this once.
///
/// # Errors
/// `pairing_refused` when the code is wrong, used or old.
pub fn pair(book: &Book, code: &str, name: &str, origin: Option<&str>, now: i64) -> Result<(String, Role), Problem> {
    let refused = || {
        let remedy = "have a new code made with `cccd-agent pair`";
        Problem::new(StatusCode::FORBIDDEN, "pairing_refused", "the code is wrong, used or too old", remedy)
    };
    let Some(mut known) = read::<Code>(book, CODE)? else { return Err(refused()) };
    if known.until < now || known.tries == 0 {
        return Err(refused());
    }
    known.tries -= 1;
    let right = openssl::memcmp::eq(known.hash.as_bytes(), hashed(code).as_bytes());
    if right {
        known.tries = 0;
    }
    write(book, CODE, &known)?;
    if !right {
        return Err(refused());
    }
    let mut secret = [0; 32];
    openssl::rand::rand_bytes(&mut secret)
        .map_err(|e| Problem::from(Failure::device("no_entropy", e.to_string(), "check the kernel's random source")))?;
    let token = hex::encode(secret);
    let mut pairings: Vec<Pairing> = read(book, PAIRINGS)?.unwrap_or_default();
    if pairings.len() >= MOST {
        pairings.remove(0);
    }
    pairings.push(Pairing {
        id: visit::finished::random_id()?.to_string(),
        name: program::Text::cleaned(name).as_str().chars().take(60).collect(),
        role: known.role,
        token: hashed(&token),
        origin: origin.map(str::to_owned),
        since: now,
    });
    write(book, PAIRINGS, &pairings)?;
    Ok((token, known.role))
}

/// Names of those who are paired, with what they may do and since when.
///
/// # Errors
/// When the book fails.
pub fn paired(book: &Book) -> Result<Vec<(String, Role, i64)>, Failure> {
    let pairings: Vec<Pairing> = read(book, PAIRINGS)?.unwrap_or_default();
    Ok(pairings.into_iter().map(|pairing| (pairing.name, pairing.role, pairing.since)).collect())
}

/// Lets nobody in any more who was paired.
///
/// # Errors
/// When the book fails.
pub fn forget_all(book: &Book) -> Result<(), Failure> {
    write(book, PAIRINGS, &Vec::<Pairing>::new())
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// The token of a request: `Authorization: Bearer`, or the desk page's cookie.
fn token(headers: &HeaderMap) -> Option<&str> {
    if let Some(bearer) = text(headers, header::AUTHORIZATION) {
        return bearer.strip_prefix("Bearer ");
    }
    let cookies = text(headers, header::COOKIE)?;
    cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// Whether a `Host` is a name of this machine with the desk's port.
#[must_use]
pub fn host_is_ours(host: &str, port: u16) -> bool {
    [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("[::1]:{port}")].iter().any(|ours| ours == host)
}

fn origin_is_ours(origin: &str, port: u16) -> bool {
    origin.strip_prefix("http://").is_some_and(|host| host_is_ours(host, port))
}

/// What may be asked without a token: the page itself, its parts, the interface's description, and pairing.
fn is_open(path: &str) -> bool {
    !(path == "/v1" || path.starts_with("/v1/")) || matches!(path, "/v1/pair" | "/v1/openapi.json")
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

/// Asks every request who it is; what comes through has a [`Caller`], unless it is open to all.
pub async fn guard(State(desk): State<Arc<Desk>>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    let origin = text(request.headers(), header::ORIGIN).map(str::to_owned);
    match admit(&desk, peer, &request) {
        Err(problem) => {
            desk.refused(&problem.code);
            problem.into_response()
        }
        Ok(None) if request.method() == Method::OPTIONS => {
            let mut response = StatusCode::NO_CONTENT.into_response();
            answer_cross_origin(&mut response, origin.as_deref().unwrap_or_default());
            response
        }
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            let mut response = next.run(request).await;
            let headers = response.headers_mut();
            let policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
                          connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
            headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            if let Some(origin) = origin.filter(|origin| !origin_is_ours(origin, desk.port())) {
                answer_cross_origin(&mut response, &origin);
            }
            response
        }
    }
}

fn admit(desk: &Desk, peer: Option<Peer>, request: &Request) -> Result<Option<Caller>, Problem> {
    let headers = request.headers();
    let path = request.uri().path();
    if let Some(Peer(uid)) = peer {
        let config = desk.site().config.desk.as_ref();
        let own = rustix::process::getuid().as_raw();
        if uid != own && !config.is_some_and(|desk| desk.socket_users.contains(&uid)) {
            let remedy = "name the user's identifier in [desk] socket_users";
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "user_refused",
                "this user may not use the socket",
                remedy,
            ));
        }
        return Ok(Some(Caller { id: format!("uid:{uid}"), name: format!("user {uid}"), role: Role::App }));
    }
    if !text(headers, header::HOST).is_some_and(|host| host_is_ours(host, desk.port())) {
        let (title, remedy) = ("this is not a name of this machine", "use http://127.0.0.1 with the desk's port");
        return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "host_refused", title, remedy));
    }
    let origin = text(headers, header::ORIGIN);
    let pairings: Vec<Pairing> = read(&desk.site().book(), PAIRINGS)?.unwrap_or_default();
    let foreign = origin.filter(|origin| !origin_is_ours(origin, desk.port()));
    if let Some(origin) = foreign {
        let known = pairings.iter().any(|pairing| pairing.origin.as_deref() == Some(origin));
        // A page that is not known yet may try a code, and nothing else.
        if !known && path != "/v1/pair" {
            let (title, remedy) = ("this page was not let in", "pair it with a code from `cccd-agent pair`");
            return Err(Problem::new(StatusCode::FORBIDDEN, "origin_refused", title, remedy));
        }
    }
    if request.method() == Method::OPTIONS || is_open(path) {
        return Ok(None);
    }
    let found = token(headers).map(hashed);
    let found = found.and_then(|hash| {
        pairings.into_iter().find(|known| openssl::memcmp::eq(known.token.as_bytes(), hash.as_bytes()))
    });
    match found {
        // A token is good only for the page that it was given to.
        Some(known) if foreign.is_none() || known.origin.as_deref() == foreign => {
            Ok(Some(Caller { id: known.id, name: known.name, role: known.role }))
        }
        _ => {
            let (title, remedy) = ("nobody was let in with this token", "pair with a code from `cccd-agent pair`");
            Err(Problem::new(StatusCode::UNAUTHORIZED, "not_paired", title, remedy))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::book::seal::Seal;

    fn book() -> Book {
        Book::in_memory(Seal::new(zeroize::Zeroizing::new([7; 32]))).expect("book")
    }

    #[test]
    fn a_code_is_good_once_for_ten_minutes_and_five_tries() {
        let book = book();
        assert_eq!(pair(&book, "00000000", "x", None, 0).expect_err("none was made").code, "pairing_refused");
        let code = new_code(&book, Role::Desk, 100).expect("code");
        assert!(code.len() == 8 && code.bytes().all(|b| b.is_ascii_digit()));
        assert!(pair(&book, &code, "x", None, 100 + VALID_S + 1).is_err(), "too old");
        let (token, role) = pair(&book, &code, "quầy 1", None, 200).expect("paired");
        assert_eq!((token.len(), role), (64, Role::Desk));
        assert!(pair(&book, &code, "x", None, 201).is_err(), "used");
        let code = new_code(&book, Role::App, 300).expect("code");
        let wrong = if code == "00000000" { "00000001" } else { "00000000" };
        for _ in 0..TRIES {
            assert!(pair(&book, wrong, "x", None, 301).is_err());
        }
        assert!(pair(&book, &code, "x", None, 302).is_err(), "guessed at too often");
        assert_eq!(paired(&book).expect("reads"), [("quầy 1".to_owned(), Role::Desk, 200)]);
    }

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
}
