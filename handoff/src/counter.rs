//! What a kiosk says to the counter of its site, and what the counter answers: somebody calls, somebody comes, a number was
//! given out, so many wait. Nobody's name or number is in it.
//!
//! The counter is a desk's agent ([`config::CounterDoor`]), or any other software that answers the same two requests. Both are
//! signed as those of the kiosk interface ([`his::mac`]), over device, method, path and body; so is the answer, over the
//! request's signature and its own body: whoever stands between can neither call staff nor say that they come.

use crate::{LONGEST_ANSWER, client, his};
use config::Counter;
use program::Failure;
use reqwest::blocking::Client;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::Read as _;
use std::time::Duration;
use zeroize::Zeroizing;

/// How long a counter may take: whoever stands at the kiosk waits for it.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How far the clocks of kiosk and counter may be apart, in milliseconds.
pub const CLOCKS_MS: i64 = 300_000;
/// Which kiosk asks.
pub const DEVICE: &str = "x-merchant-id";
/// When it asks, milliseconds since 1970.
pub const AT: &str = "x-timestamp";
/// The MAC.
pub const SIGN: &str = "x-sign";

program::closed_set! {
    /// The step at which somebody called.
    pub enum At {
        /// Nobody had begun.
        Start = "start",
        /// They were asked whether they agree.
        Consent = "consent",
        /// The code of the card, or its number.
        Scan = "scan",
        /// They have no card.
        NoCard = "no_card",
        /// The card on the reader.
        Card = "card",
        /// The verdict.
        Result = "result",
        /// Something to fill in.
        Form = "form",
        /// The number in the queue.
        Ticket = "ticket",
        /// Something went wrong.
        Problem = "problem",
        /// The kiosk cannot serve anybody.
        OutOfService = "out_of_service",
    }
}

/// A call, as it stands at the kiosk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// What the site calls the kiosk.
    pub kiosk: String,
    /// Where they are.
    pub step: At,
    /// Since when, seconds since 1970.
    pub since: i64,
    /// Nobody waits any more.
    pub over: bool,
}

/// A call, as it stands at the counter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// What the site calls the counter that comes; nothing before somebody there said so.
    pub taken_by: Option<String>,
}

/// A number that was given out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// Where people with it go.
    pub place: String,
}

/// How it stands with a number.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// How many are before it.
    pub ahead: u32,
    /// About how long it takes; nothing where the queue has not shown it.
    pub minutes: Option<u32>,
    /// Where that can be looked at later.
    pub link: Option<String>,
}

/// Why nothing is known of the counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// It does not answer.
    Away,
    /// It answers, and not as the counter of this site.
    Refused,
}

impl Lost {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Away => "counter_away",
            Self::Refused => "counter_refused",
        }
    }
}

/// Path of a call.
#[must_use]
pub fn call_path(id: &str) -> String {
    format!("/v1/calls/{id}")
}

/// Path of a number. What a hospital's system calls its numbers may be anything.
#[must_use]
pub fn ticket_path(number: &str) -> String {
    format!("/v1/tickets/{}", hex::encode(number))
}

/// The signature of a request.
#[must_use]
pub fn sign(key: &[u8], device: &str, path: &str, body: &str, at_ms: i64) -> String {
    his::mac(key, &[device, "PUT", path, body], at_ms)
}

/// The signature of an answer.
#[must_use]
pub fn sign_answer(key: &[u8], request: &str, body: &str, at_ms: i64) -> String {
    his::mac(key, &["answer", request, body], at_ms)
}

/// Whether a request is of a kiosk of this site, and of now.
#[must_use]
pub fn holds(key: &[u8], (device, path, body): (&str, &str, &str), at_ms: i64, sign_of: &str, now_ms: i64) -> bool {
    (now_ms - at_ms).abs() <= CLOCKS_MS && same(&sign(key, device, path, body, at_ms), sign_of)
}

/// Takes as long whatever is different.
fn same(ours: &str, theirs: &str) -> bool {
    let differ = ours.bytes().zip(theirs.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b));
    ours.len() == theirs.len() && !ours.is_empty() && differ == 0
}

/// The way to a counter.
pub struct Line {
    client: Client,
    url: String,
    key: Zeroizing<Vec<u8>>,
    device: String,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Line({})", self.url)
    }
}

impl Line {
    /// As the configuration of a kiosk says.
    ///
    /// # Errors
    /// `counter_configuration`; when the secret cannot be read.
    pub fn new(counter: &Counter, device: &str) -> Result<Self, Failure> {
        let url = reqwest::Url::parse(&counter.url).map_err(|e| wrong(&e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(wrong("its url begins with http:// or https://"));
        }
        let client = client(counter.authority.as_deref()).map_err(|why| wrong(&why))?;
        let url = counter.url.trim_end_matches('/').to_owned();
        Ok(Self { client, url, key: secret(&counter.secret_file)?, device: device.to_owned() })
    }

    /// Says how a call stands, and hears who takes it. It may be said as often as one likes.
    ///
    /// # Errors
    /// When the counter does not answer as it should.
    pub fn call(&self, id: &str, call: &Call, now_ms: i64) -> Result<Standing, Lost> {
        self.put(&call_path(id), call, now_ms)
    }

    /// Says that a number was given out, and hears how many wait.
    ///
    /// # Errors
    /// When the counter does not answer as it should.
    pub fn ticket(&self, number: &str, ticket: &Ticket, now_ms: i64) -> Result<Waiting, Lost> {
        self.put(&ticket_path(number), ticket, now_ms)
    }

    fn put<T: DeserializeOwned>(&self, path: &str, what: &impl Serialize, now_ms: i64) -> Result<T, Lost> {
        let body = serde_json::to_string(what).map_err(|_| Lost::Refused)?;
        let sign = sign(&self.key, &self.device, path, &body, now_ms);
        let request = self.client.put(format!("{}{path}", self.url)).timeout(TIMEOUT);
        let request = request.header("content-type", "application/json").header(DEVICE, &self.device);
        let response = request.header(AT, now_ms.to_string()).header(SIGN, &sign).body(body).send();
        let response = response.map_err(|_| Lost::Away)?;
        let theirs = response.headers().get(SIGN).and_then(|sign| sign.to_str().ok()).map(str::to_owned);
        if !response.status().is_success() {
            return Err(if response.status().is_server_error() { Lost::Away } else { Lost::Refused });
        }
        let mut said = String::new();
        response.take(LONGEST_ANSWER).read_to_string(&mut said).map_err(|_| Lost::Away)?;
        // Nobody else says that somebody comes.
        if !theirs.is_some_and(|theirs| same(&sign_answer(&self.key, &sign, &said, now_ms), &theirs)) {
            return Err(Lost::Refused);
        }
        serde_json::from_str(&said).map_err(|_| Lost::Refused)
    }
}

fn wrong(why: &str) -> Failure {
    let remedy = "compare with /usr/share/doc/cccd-agent/configuration.md";
    Failure::usage("counter_configuration", format!("counter: {why}"), remedy)
}

/// The key that kiosks and counter of a site share.
///
/// # Errors
/// `counter_configuration` where it is too short; when it cannot be read.
pub fn secret(path: &std::path::Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let key = program::files::pass_phrase(path)?;
    if key.len() < 16 { Err(wrong("its secret has 16 characters at least")) } else { Ok(key) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;

    const KEY: &[u8] = b"a secret of this site";

    fn call() -> Call {
        Call { kiosk: "Kiosk sảnh A".to_owned(), step: At::Scan, since: 1_790_000_000, over: false }
    }

    /// Answers one request as `answer` makes it of the request's signature and body; the address.
    fn answering(answer: impl FnOnce(&str, &str) -> (u16, String, String) + Send + 'static) -> Line {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("address"));
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a request");
            let mut reader = BufReader::new(stream.try_clone().expect("stream"));
            let (mut sign, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).expect("a line");
                match line.trim().split_once(": ") {
                    Some((SIGN, value)) => value.clone_into(&mut sign),
                    Some(("content-length", value)) => length = value.parse().expect("a length"),
                    None if line.trim().is_empty() => break,
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("a body");
            let (status, said, signed) = answer(&sign, std::str::from_utf8(&body).expect("text"));
            let length = said.len();
            write!(stream, "HTTP/1.1 {status} -\r\n{SIGN}: {signed}\r\ncontent-length: {length}\r\n\r\n{said}")
                .expect("answered");
        });
        let directory = tempfile::tempdir().expect("directory");
        let secret_file = directory.path().join("secret");
        program::private::replace(&secret_file, KEY).expect("secret");
        Line::new(&Counter { url, secret_file, authority: None }, "kiosk-1").expect("a line")
    }

    #[test]
    fn who_comes_is_heard_from_the_counter_of_this_site_only() {
        const SAID: &str = r#"{"taken_by":"Quầy 1"}"#;
        let at = 1_790_000_000_000;
        let line = answering(move |sign, body| {
            assert!(holds(KEY, ("kiosk-1", "/v1/calls/c1", body), at, sign, at + 1000));
            assert!(!body.contains("taken"));
            (200, SAID.to_owned(), sign_answer(KEY, sign, SAID, at))
        });
        assert_eq!(line.call("c1", &call(), at), Ok(Standing { taken_by: Some("Quầy 1".to_owned()) }));
        // Whoever has not the key says nothing, and neither does an answer to something else.
        let line = answering(move |sign, _| (200, SAID.to_owned(), sign_answer(b"another", sign, SAID, at)));
        assert_eq!(line.call("c1", &call(), at), Err(Lost::Refused));
        let line = answering(move |_, _| (200, SAID.to_owned(), sign_answer(KEY, "of yesterday", SAID, at)));
        assert_eq!(line.call("c1", &call(), at), Err(Lost::Refused));
        let line = answering(|_, _| (200, SAID.to_owned(), String::new()));
        assert_eq!(line.call("c1", &call(), at), Err(Lost::Refused));
        let line = answering(|_, _| (502, String::new(), String::new()));
        assert_eq!(line.call("c1", &call(), at), Err(Lost::Away));
        assert_eq!(line.call("c1", &call(), at), Err(Lost::Away), "nobody listens there any more");
    }

    #[test]
    fn a_request_is_for_one_device_path_body_and_time() {
        let sign = sign(KEY, "kiosk-1", "/v1/calls/c1", "{}", 5000);
        let holds = |device, path, body, at, now| holds(KEY, (device, path, body), at, &sign, now);
        assert!(holds("kiosk-1", "/v1/calls/c1", "{}", 5000, 5000 + CLOCKS_MS));
        assert!(!holds("kiosk-1", "/v1/calls/c1", "{}", 5000, 5001 + CLOCKS_MS), "of earlier");
        assert!(!holds("kiosk-2", "/v1/calls/c1", "{}", 5000, 5000));
        assert!(!holds("kiosk-1", "/v1/calls/c2", "{}", 5000, 5000));
        assert!(!holds("kiosk-1", "/v1/calls/c1", "{} ", 5000, 5000));
        assert!(!holds("kiosk-1", "/v1/calls/c1", "{}", 5001, 5000));
        assert!(!super::holds(KEY, ("kiosk-1", "/v1/calls/c1", "{}"), 5000, "", 5000));
    }

    #[test]
    fn a_counter_that_cannot_be_asked_is_told_before_anybody_calls() {
        let directory = tempfile::tempdir().expect("directory");
        let secret_file = directory.path().join("secret");
        let code = |url: &str| {
            let counter = Counter { url: url.to_owned(), secret_file: secret_file.clone(), authority: None };
            Line::new(&counter, "kiosk-1").map(drop).map_err(|failure| failure.code)
        };
        assert!(code("http://desk:8482").is_err(), "no secret");
        program::private::replace(&secret_file, b"short").expect("secret");
        assert_eq!(code("http://desk:8482"), Err("counter_configuration".to_owned()));
        program::private::replace(&secret_file, KEY).expect("secret");
        assert_eq!(code("http://desk:8482"), Ok(()));
        assert_eq!(code("ftp://desk"), Err("counter_configuration".to_owned()));
        assert_eq!(code("desk"), Err("counter_configuration".to_owned()));
    }
}
