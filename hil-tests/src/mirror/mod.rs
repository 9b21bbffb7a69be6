//! The browser mirror: a kiosk's glass in a browser tab, with a panel beside it that plays the person.
//!
//! It shows personal data and is a remote control. It is therefore no part of the agent: only rigs and the
//! demonstration link it. It answers on a Unix socket, which the demonstration carries to 127.0.0.1, and only to pages
//! of its own: `Host` and `Origin` are checked.
//!
//! | to the browser | |
//! |---|---|
//! | binary | `u16 x, u16 y, u32 number` (big endian), then a PNG: a part of the picture |
//! | `{"panel": {"width", "height"}}` | a new picture begins |
//! | `{"heard": {"sound"} or {"words"}}` | what the kiosk lets hear |
//! | `{"light"}`, `{"printed"}`, `{"door"}` | what its lights, printer and door would do |
//! | `{"words": [text]}` | what the screen says, in words |
//! | `{"card": persona or null}` | what lies on the reader |
//! | `{"error": text}` | what the panel asked for did not work |
//!
//! Lines to the browser are JSON in base64. The buffers of a WebSocket are grown and left as they are, and a scenario
//! looks through this process's memory for what the kiosk left there: it shall find the kiosk's traces, not the mirror's.
//!
//! | from the browser | |
//! |---|---|
//! | `{"do": "down" or "up", "x", "y"}` | a finger |
//! | `{"do": "card", "persona", "fault"}`, `{"do": "lift"}` | a card comes or goes |
//! | `{"do": "scan", "persona"}` | the QR code of a persona is held to the scanner |
//! | `{"do": "panel", "name"}`, `{"do": "profile", "name"}` | another panel, another profile |

use crate::stack::{self, Laid};
use crate::{FIRST_READER, program};
use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use devices::lines::Signal;
use kiosk::flow::{Place, Sound};
use kiosk::stage::{Entrance, Glass, Heard, Outside};
use kiosk_ui::canvas::Canvas;
use kiosk_ui::geometry::Rect;
use kiosk_ui::panel::{PANELS, Panel};
use kiosk_ui::playlist::Playlist;
use kiosk_ui::scene::Scene;
use kiosk_ui::slip::Slip;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::broadcast;
use virtual_card::{PERSONAS, Persona};
use visit::profile::Profile;
use zeroize::Zeroizing;

/// Changes that a slow browser may be behind before it gets a whole picture instead.
const BACKLOG: usize = 64;

#[derive(Debug, Clone)]
enum News {
    /// Parts of the picture changed.
    Parts(Vec<Rect>),
    /// All of it, and perhaps its size.
    Whole,
    /// A line, as [`line`] makes it.
    Line(String),
}

/// What the browsers share.
struct Mirror {
    /// What the glass shows.
    picture: Mutex<Canvas>,
    /// What it says in words, as a line.
    words: Mutex<String>,
    news: broadcast::Sender<News>,
    outside: Mutex<Entrance>,
    card: Mutex<Option<(String, Laid)>>,
    /// The only names that it answers to, and the only pages that it listens to.
    hosts: [String; 2],
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The kiosk's side of a mirror.
pub struct MirrorGlass(Arc<Mirror>);

impl std::fmt::Debug for MirrorGlass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MirrorGlass")
    }
}

impl MirrorGlass {
    fn tell(&self, what: &impl Serialize) {
        drop(self.0.news.send(News::Line(line(what))));
    }

    /// What the screen says in words, for those who do not see the tab and for tests.
    fn tell_words(&self, scene: &Scene) {
        let words: Vec<&str> = scene.speech().collect();
        let line = line(&Words { words: &words });
        let mut last = lock(&self.0.words);
        if *last != line {
            last.clone_from(&line);
            drop(self.0.news.send(News::Line(line)));
        }
    }
}

impl Glass for MirrorGlass {
    fn show(&mut self, canvas: &Canvas, scene: &Scene, changed: &[Rect]) {
        self.tell_words(scene);
        let mut picture = lock(&self.0.picture);
        let news = if picture.bounds() == canvas.bounds() {
            News::Parts(changed.to_vec())
        } else {
            *picture = Canvas::new(canvas.bounds().w, canvas.bounds().h);
            News::Whole
        };
        picture.copy(canvas, changed);
        // Nobody may be looking.
        drop(self.0.news.send(news));
    }

    fn erase(&mut self) {
        lock(&self.0.picture).wipe();
        lock(&self.0.words).clear();
        drop(self.0.news.send(News::Whole));
    }

    fn hear(&mut self, heard: Heard<'_>) {
        let sound = |name| json!({ "heard": { "sound": name } });
        match heard {
            Heard::Sound(Sound::Touch) => self.tell(&sound("touch")),
            Heard::Sound(Sound::Done) => self.tell(&sound("done")),
            Heard::Sound(Sound::Attention) => self.tell(&sound("attention")),
            Heard::Words(_, words) => self.tell(&Spoken { heard: Words { words } }),
        }
    }

    fn signal(&mut self, signal: Signal) {
        let light = match signal {
            Signal::Ready => "ready",
            Signal::Busy => "busy",
            Signal::Problem => "problem",
        };
        self.tell(&json!({ "light": light }));
    }

    fn print(&mut self, slip: Slip) {
        // It names nobody.
        self.tell(&json!({ "printed": { "site": slip.site, "number": slip.number, "place": slip.place } }));
    }

    fn open_door(&mut self) {
        self.tell(&json!({ "door": "open" }));
    }
}

/// The kiosk of the demonstration: a hospital's, on the largest panel.
#[must_use]
pub fn place(patience_s: u16) -> Place {
    let queue = Some(('A', "Phòng khám 12 · Tầng 2".to_owned()));
    let playlist = Playlist::parse(include_str!("playlist.toml")).expect("a playlist");
    Place {
        site: "BỆNH VIỆN ĐA KHOA TÂN BÌNH".to_owned(),
        queue,
        panel: PANELS[0],
        patience_s,
        reader_at: None,
        scanner_at: None,
        staff_at: None,
        calls: false,
        playlist,
    }
}

/// Serves a mirror on a Unix socket, in a thread of its own. `port` is where the browser sees it.
///
/// # Errors
/// When the socket cannot be made.
pub fn start(socket: &Path, port: u16, panel: Panel, outside: Entrance) -> anyhow::Result<MirrorGlass> {
    let mirror = Arc::new(Mirror {
        picture: Mutex::new(Canvas::new(panel.width, panel.height)),
        words: Mutex::default(),
        news: broadcast::channel(BACKLOG).0,
        outside: Mutex::new(outside),
        card: Mutex::new(None),
        hosts: [format!("127.0.0.1:{port}"), format!("localhost:{port}")],
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let listener = {
        let _inside = runtime.enter();
        tokio::net::UnixListener::bind(socket).with_context(|| format!("cannot listen on {}", socket.display()))?
    };
    let router = router(Arc::clone(&mirror));
    std::thread::spawn(move || runtime.block_on(async { axum::serve(listener, router).await }));
    Ok(MirrorGlass(mirror))
}

fn router(mirror: Arc<Mirror>) -> Router {
    Router::new().route("/", get(page)).route("/mirror", get(connect)).with_state(mirror)
}

/// Whether a request comes from this machine's own page: a page from elsewhere that resolves to 127.0.0.1 names another
/// host, and one that opens a WebSocket names its origin.
fn is_ours(mirror: &Mirror, headers: &HeaderMap, origin_wanted: bool) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).is_some_and(|host| mirror.hosts.iter().any(|known| known == host));
    let origin = match text(header::ORIGIN) {
        Some(origin) => mirror.hosts.iter().any(|known| origin.strip_prefix("http://") == Some(known)),
        None => !origin_wanted,
    };
    host && origin
}

async fn page(State(mirror): State<Arc<Mirror>>, headers: HeaderMap) -> Response {
    if !is_ours(&mirror, &headers, false) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'";
    let personas: Vec<Value> = PERSONAS.iter().map(|p| json!({ "id": p.id, "about": p.about })).collect();
    let panels: Vec<Value> = PANELS.iter().map(|p| json!(p.name)).collect();
    let fits = |id: &&str| Profile::built_in(id).is_ok_and(|profile| kiosk::suits(&profile).is_ok());
    let profiles: Vec<&str> = Profile::names_built_in().filter(fits).collect();
    let setup = json!({ "personas": personas, "panels": panels, "profiles": profiles }).to_string();
    let page = include_str!("page.html").replace("/*SETUP*/", &setup);
    ([(header::CONTENT_SECURITY_POLICY, policy), (header::CACHE_CONTROL, "no-store")], Html(page)).into_response()
}

async fn connect(State(mirror): State<Arc<Mirror>>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    if !is_ours(&mirror, &headers, true) {
        return StatusCode::FORBIDDEN.into_response();
    }
    upgrade.max_message_size(4096).on_upgrade(move |socket| async move {
        // A browser that goes away in the middle of a word is no fault.
        drop(serve(&mirror, socket).await);
    })
}

async fn serve(mirror: &Arc<Mirror>, mut socket: WebSocket) -> anyhow::Result<()> {
    let mut news = mirror.news.subscribe();
    let mut number = 0;
    let card = lock(&mirror.card).as_ref().map(|(persona, _)| persona.clone());
    socket.send(Message::Text(line(&json!({ "card": card })).into())).await?;
    let words = lock(&mirror.words).clone();
    if !words.is_empty() {
        socket.send(Message::Text(words.into())).await?;
    }
    whole(mirror, &mut socket, &mut number).await?;
    // Cards come and go through programs, which takes a moment; and a hand does one thing after the other.
    let (wishes, wanted) = std::sync::mpsc::channel::<String>();
    let hand = Arc::clone(mirror);
    tokio::task::spawn_blocking(move || {
        for wish in wanted {
            if let Err(error) = obey(&hand, &wish) {
                drop(hand.news.send(News::Line(line(&json!({ "error": format!("{error:#}") })))));
            }
        }
    });
    loop {
        tokio::select! {
            message = news.recv() => match message {
                Ok(News::Parts(parts)) => {
                    for part in parts {
                        send_part(mirror, &mut socket, part, &mut number).await?;
                    }
                }
                Ok(News::Whole) | Err(broadcast::error::RecvError::Lagged(_)) => {
                    whole(mirror, &mut socket, &mut number).await?;
                }
                Ok(News::Line(text)) => socket.send(Message::Text(text.into())).await?,
                Err(broadcast::error::RecvError::Closed) => return Ok(()),
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => drop(wishes.send(text.to_string())),
                Some(Ok(Message::Close(_))) | None => return Ok(()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
            },
        }
    }
}

/// Words that somebody may have typed or that stand on a card.
#[derive(Serialize)]
struct Words<'a> {
    words: &'a [&'a str],
}

#[derive(Serialize)]
struct Spoken<'a> {
    heard: Words<'a>,
}

/// What goes through buffers that nobody wipes.
fn line(what: &impl Serialize) -> String {
    // Large enough for a screen's words: a buffer that grows leaves its beginning behind.
    let mut json = Zeroizing::new(Vec::with_capacity(1 << 16));
    serde_json::to_writer(&mut *json, what).expect("it goes to memory");
    openssl::base64::encode_block(&json)
}

async fn whole(mirror: &Mirror, socket: &mut WebSocket, number: &mut u32) -> anyhow::Result<()> {
    let all = lock(&mirror.picture).bounds();
    let panel = json!({ "panel": { "width": all.w, "height": all.h } });
    socket.send(Message::Text(line(&panel).into())).await?;
    send_part(mirror, socket, all, number).await
}

async fn send_part(mirror: &Mirror, socket: &mut WebSocket, part: Rect, number: &mut u32) -> anyhow::Result<()> {
    let Some(png) = ({
        let picture = lock(&mirror.picture);
        let part = part.intersection(picture.bounds());
        (!part.is_empty()).then(|| encode(&picture, part)).transpose()?
    }) else {
        return Ok(());
    };
    let mut message = Vec::with_capacity(png.len() + 8);
    message.extend_from_slice(&u16::try_from(part.x)?.to_be_bytes());
    message.extend_from_slice(&u16::try_from(part.y)?.to_be_bytes());
    message.extend_from_slice(&number.to_be_bytes());
    message.extend_from_slice(&png);
    *number = number.wrapping_add(1);
    Ok(socket.send(Message::Binary(Bytes::from(message))).await?)
}

/// A part of a picture as PNG.
fn encode(picture: &Canvas, part: Rect) -> anyhow::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, part.w as u32, part.h as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fast);
    encoder.write_header()?.write_image_data(&picture.rgb(part))?;
    Ok(out)
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase", deny_unknown_fields)]
enum Wish {
    Down { x: i32, y: i32 },
    Up { x: i32, y: i32 },
    Card { persona: String, fault: String },
    Lift,
    Scan { persona: String },
    Panel { name: String },
    Profile { name: String },
}

fn obey(mirror: &Mirror, text: &str) -> anyhow::Result<()> {
    let tell = |outside| program::ignore(lock(&mirror.outside).send(outside), "the kiosk has ended");
    let persona = |id: &str| Persona::find(id).with_context(|| format!("no persona {id:?}"));
    match serde_json::from_str(text).context("not understood")? {
        Wish::Down { x, y } => tell(Outside::Down(x, y)),
        Wish::Up { x, y } => tell(Outside::Up(x, y)),
        Wish::Scan { persona: id } => tell(Outside::Scan(persona(&id)?.qr().into())),
        Wish::Panel { name } => tell(Outside::Panel(Panel::find(&name).with_context(|| format!("no panel {name:?}"))?)),
        Wish::Profile { name } => tell(Outside::Profile(Box::new(Profile::built_in(&name)?))),
        Wish::Lift => lay(mirror, None)?,
        Wish::Card { persona: id, fault } => {
            fault.parse::<virtual_card::Fault>().map_err(|error| anyhow::anyhow!("{error}"))?;
            lay(mirror, Some((persona(&id)?, &fault)))?;
        }
    }
    Ok(())
}

/// Takes away the card that lies on the reader, and lays another.
fn lay(mirror: &Mirror, card: Option<(&Persona, &str)>) -> anyhow::Result<()> {
    let mut place = lock(&mirror.card);
    place.take();
    drop(mirror.news.send(News::Line(line(&json!({ "card": null })))));
    if let Some((persona, fault)) = card {
        let laid = stack::lay(|name| Command::new(program(name)), persona.id, fault, FIRST_READER)?;
        *place = Some((persona.id.to_owned(), laid));
        drop(mirror.news.send(News::Line(line(&json!({ "card": persona.id })))));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_this_machines_own_page_is_answered() {
        let (outside, _) = kiosk::stage::entrance();
        let mirror = Mirror {
            picture: Mutex::new(Canvas::new(8, 8)),
            words: Mutex::default(),
            news: broadcast::channel(1).0,
            outside: Mutex::new(outside),
            card: Mutex::new(None),
            hosts: ["127.0.0.1:8787".to_owned(), "localhost:8787".to_owned()],
        };
        let ours = |host: &'static str, origin: Option<&'static str>, wanted| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static(host));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            is_ours(&mirror, &headers, wanted)
        };
        assert!(ours("127.0.0.1:8787", None, false), "typed into the address bar");
        assert!(ours("localhost:8787", Some("http://localhost:8787"), true));
        assert!(!ours("127.0.0.1:8787", None, true), "a WebSocket without an origin is no browser's");
        assert!(!ours("127.0.0.1:8787", Some("https://example.vn"), true), "another page");
        assert!(!ours("example.vn", None, false), "a name that somebody let point here");
        assert!(!ours("example.vn:8787", Some("http://example.vn:8787"), true));
    }

    #[test]
    fn wishes_are_taken_to_the_letter() {
        let wish = |text| serde_json::from_str::<Wish>(text).is_ok();
        assert!(wish(r#"{"do":"down","x":3,"y":4}"#) && wish(r#"{"do":"lift"}"#));
        assert!(!wish(r#"{"do":"down"}"#) && !wish(r#"{"do":"reboot"}"#) && !wish("[]"));
        assert!(!wish(r#"{"do":"scan","persona":"an","digits":"1"}"#));
    }
}
