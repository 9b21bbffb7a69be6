//! Doors to software that expects a reader vendor's plugin, so that it needs no change: Socket.IO and raw WebSocket on one
//! address, and QR codes as a keyboard types them.
//!
//! | door | what such software sees |
//! |---|---|
//! | Socket.IO, event `/event` (and namespace `/event`, event `message`) | `{"id":1,"message"}` card laid down, `{"id":2,"message","data":{idCode, personName, …}}` read, `{"id":3,"message"}` failed, `{"id":4,"message","data":{img_data, …}}` portrait |
//! | WebSocket `/` | `{"EventName":"READ"}`, `{"NewState":"EMPTY"}`, `{"EventName":"CARD_RESULT","PersonalInfo":{…},"ChipFace"}`, `{"Status":"FAILURE","Code"}` |
//! | a keyboard device | the text of each scan, and Enter |
//!
//! These formats have no pairing, so the doors are shut unless the configuration names the origins that may come in, and
//! `Host` is checked as everywhere. What is sent is what the profile grants the recipient `app`; keys without a value
//! are empty strings. Whole data groups (`dg2`, `dg13`, … of id 4) hold more than any profile may release: they are
//! always empty.

use crate::guard::{Caller, Role, host_is_ours};
use crate::session::Session;
use crate::{Desk, News, wire};
use axum::Router;
use axum::extract::ws::{Message as Frame, WebSocket, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use program::Failure;
use program::Private;
use serde_json::{Map, Value, json};
use socketioxide::SocketIo;
use socketioxide::extract::SocketRef;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;
use visit::content::Released;
use visit::profile::Item;

/// The name in `origins` for programs that are no browser.
const NO_ORIGIN: &str = "none";

/// What such software is told.
#[derive(Debug, Clone)]
pub enum Message {
    /// A card lies there and is read.
    Card,
    /// The result of a visit.
    Result(Arc<Released>),
    /// The read failed: a stable code.
    Failed(String),
    /// The card has left the reader.
    Gone,
    /// Something was scanned.
    Scan(Private),
}

impl Message {
    /// The result of a session: what the profile grants other software.
    pub(super) fn result(session: &Session) -> Self {
        let content = session.finished.as_ref().map(|finished| &finished.content);
        let released = content.and_then(|content| Released::new(&session.profile, Role::App.recipient(), content));
        released.map_or(Self::Gone, |released| Self::Result(Arc::new(released)))
    }
}

/// Keys of the Socket.IO result.
const SOCKET_KEYS: [(&str, Item); 16] = [
    ("idCode", Item::IdNumber),
    ("oldIdCode", Item::OldIdNumber),
    ("personName", Item::FullName),
    ("dateOfBirth", Item::DateOfBirth),
    ("gender", Item::Sex),
    ("nationality", Item::Nationality),
    ("race", Item::Ethnicity),
    ("religion", Item::Religion),
    ("originPlace", Item::PlaceOfOrigin),
    ("residencePlace", Item::Residence),
    ("personalIdentification", Item::Features),
    ("issueDate", Item::IssueDate),
    ("expiryDate", Item::ExpiryDate),
    ("fatherName", Item::Father),
    ("motherName", Item::Mother),
    ("wifeName", Item::Spouse),
];

fn keyed(released: &Released) -> Map<String, Value> {
    let value = |item: &Item| Value::from(released.item(*item).unwrap_or_default());
    let items = SOCKET_KEYS.iter().map(|(key, item)| ((*key).to_owned(), value(item)));
    // Ours: the code of the rung.
    items.chain([("assurance".to_owned(), released.rung().into())]).collect()
}

fn portrait(released: &Released) -> &str {
    released.portrait().map_or("", |portrait| portrait.data.0.as_str())
}

/// What goes out on `/event`.
#[must_use]
pub fn socket_io(message: &Message) -> Vec<Value> {
    match message {
        Message::Card => vec![json!({ "id": 1, "message": "new card!" })],
        Message::Result(released) => {
            let mut raw: Map<String, Value> =
                ["dg2", "dg13", "dg14", "dg15", "sod"].map(|key| (key.to_owned(), "".into())).into_iter().collect();
            raw.insert("img_data".to_owned(), portrait(released).into());
            vec![
                json!({ "id": 2, "message": "read card successfully!", "data": keyed(released) }),
                json!({ "id": 4, "message": "Read raw data successfully!", "data": raw }),
            ]
        }
        Message::Failed(code) => vec![json!({ "id": 3, "message": code })],
        Message::Gone | Message::Scan(_) => Vec::new(),
    }
}

/// What goes out on the raw WebSocket.
#[must_use]
pub fn raw(message: &Message) -> Option<Value> {
    Some(match message {
        Message::Card => json!({ "EventName": "READ" }),
        Message::Gone => json!({ "NewState": "EMPTY" }),
        Message::Result(released) => {
            json!({ "EventName": "CARD_RESULT", "PersonalInfo": keyed(released), "ChipFace": portrait(released) })
        }
        Message::Failed(code) => json!({ "Status": "FAILURE", "Code": code }),
        Message::Scan(_) => return None,
    })
}

#[derive(Clone)]
struct Door {
    desk: Arc<Desk>,
    port: u16,
}

/// The doors on their own address.
pub fn router(desk: &Arc<Desk>, port: u16) -> Router {
    let door = Door { desk: Arc::clone(desk), port };
    let (layer, io) = SocketIo::builder().max_payload(4096).ws_max_message_size(4096).build_layer();
    for namespace in ["/", "/event"] {
        io.ns(namespace, |_: SocketRef| async {});
    }
    let mut news = desk.listen();
    tokio::spawn(async move {
        loop {
            match news.recv().await {
                Ok(News::Compat(message)) => {
                    for value in socket_io(&message) {
                        // Nobody may be there.
                        drop(io.emit("/event", &value).await);
                        if let Some(namespace) = io.of("/event") {
                            drop(namespace.emit("message", &value).await);
                        }
                    }
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    });
    Router::new().route("/", get(connect)).with_state(door.clone()).layer(layer).layer(from_fn_with_state(door, admit))
}

/// Only this machine's names, and only the origins that the configuration lets in.
async fn admit(State(door): State<Door>, request: Request, next: Next) -> Response {
    let (origin, host) = {
        let text = |name| request.headers().get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
        let host = text(header::HOST).is_some_and(|host| host_is_ours(host, door.port));
        (text(header::ORIGIN).unwrap_or(NO_ORIGIN).to_owned(), host)
    };
    let config = door.desk.site().config.desk.as_ref();
    let known = config.is_some_and(|desk| desk.compat.origins.contains(&origin));
    if !host || !known {
        door.desk.refused(if host { "origin_refused" } else { "host_refused" });
        return StatusCode::FORBIDDEN.into_response();
    }
    let mut response = next.run(request).await;
    if origin != NO_ORIGIN
        && let Ok(origin) = header::HeaderValue::from_str(&origin)
    {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::VARY, header::HeaderValue::from_static("Origin"));
    }
    response
}

async fn connect(State(door): State<Door>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.max_message_size(4096).on_upgrade(move |socket| tell(socket, door))
}

async fn tell(mut socket: WebSocket, door: Door) {
    let mut news = door.desk.listen();
    loop {
        tokio::select! {
            news = news.recv() => match news {
                Ok(News::Compat(message)) => {
                    let Some(value) = raw(&message) else { continue };
                    if socket.send(Frame::text(value.to_string())).await.is_err() {
                        return;
                    }
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            said = socket.recv() => {
                if !matches!(said, Some(Ok(_))) {
                    return;
                }
            }
        }
    }
}

impl Desk {
    /// A scan begins a session for such software where nobody has one, if the configuration says so. The consent is
    /// staff's to note at the desk page, unless the profile asks for none.
    pub(super) fn begin_for_compat(&self) {
        let wanted = self.site().config.desk.as_ref().is_some_and(|desk| desk.compat.begin_on_scan);
        if !wanted || self.status().session.is_some() {
            return;
        }
        let caller = Caller::plugin();
        if let Err(problem) = self.begin(&caller, wire::Begin::default(), None) {
            self.refused(&problem.code);
        }
    }
}

/// Usage identifiers of a boot keyboard (USB HID Usage Tables, page 7) for what stands in a QR code: modifiers, key.
fn key(letter: char) -> Option<(u8, u8)> {
    const SHIFT: u8 = 2;
    const SHIFTED: &str = "!@#$%^&*()";
    let plain = |letter: char| -> Option<u8> {
        Some(match letter {
            'a'..='z' => 4 + (letter as u8 - b'a'),
            '1'..='9' => 30 + (letter as u8 - b'1'),
            '0' => 39,
            ' ' => 44,
            '-' => 45,
            '=' => 46,
            '\\' => 49,
            ';' => 51,
            '\'' => 52,
            ',' => 54,
            '.' => 55,
            '/' => 56,
            _ => return None,
        })
    };
    if letter.is_ascii_uppercase() {
        return plain(letter.to_ascii_lowercase()).map(|key| (SHIFT, key));
    }
    if let Some(at) = SHIFTED.find(letter) {
        return u8::try_from(at).ok().map(|at| (SHIFT, 30 + at));
    }
    match letter {
        '|' => Some((SHIFT, 49)),
        '_' => Some((SHIFT, 45)),
        ':' => Some((SHIFT, 51)),
        '"' => Some((SHIFT, 52)),
        '<' => Some((SHIFT, 54)),
        '?' => Some((SHIFT, 56)),
        letter => plain(letter).map(|key| (0, key)),
    }
}

/// A text as the reports of a boot keyboard: eight bytes down, eight bytes up, for each key, and Enter at the end. A
/// keyboard has no Vietnamese letters: they are typed without their marks, as the card's MRZ spells them.
#[must_use]
pub fn reports(text: &str) -> zeroize::Zeroizing<Vec<u8>> {
    let unmarked = cccd::name::without_marks(text);
    const ENTER: u8 = 40;
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    for (modifiers, key) in unmarked.chars().filter_map(key).chain([(0, ENTER)]) {
        bytes.extend_from_slice(&[modifiers, 0, key, 0, 0, 0, 0, 0]);
        bytes.extend_from_slice(&[0; 8]);
    }
    bytes
}

/// Types what is scanned into a keyboard device, until the desk is gone.
///
/// # Errors
/// When there is no such device.
pub fn type_scans(desk: &Arc<Desk>, device: &Path) -> Result<(), Failure> {
    let opened = std::fs::OpenOptions::new().read(true).write(true).open(device);
    let mut keyboard = opened.map_err(|e| {
        let message = format!("cannot type into {}: {e}", device.display());
        Failure::usage("keyboard_absent", message, "name a HID gadget (/dev/hidg0) in [desk.compat] keyboard")
    })?;
    let mut news = desk.listen();
    std::thread::spawn(move || {
        loop {
            match news.blocking_recv() {
                Ok(News::Compat(Message::Scan(text))) => {
                    if let Err(error) = keyboard.write_all(&reports(&text.0)) {
                        tracing::warn!(code = "keyboard_failed", "a scan was not typed: {error}");
                    }
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use visit::content::Content;
    use visit::profile::Profile;

    #[test]
    fn results_have_the_keys_that_such_software_reads() {
        let of_card = [(Item::IdNumber, "001099000017"), (Item::FullName, "Nguyễn Văn An")];
        let items = of_card.map(|(item, text)| (item, text.to_owned().into())).into();
        let profile = Profile::built_in("customer-check").expect("profile");
        let released = Released::new(&profile, "app", &Content { items, ..Content::default() }).expect("named");
        let message = Message::Result(Arc::new(released));
        let out = socket_io(&message);
        assert_eq!((&out[0]["id"], &out[0]["data"]["idCode"]), (&json!(2), &json!("001099000017")));
        assert_eq!((&out[0]["data"]["race"], &out[1]["data"]["dg13"]), (&json!(""), &json!("")));
        let raw = raw(&message).expect("told");
        assert_eq!(raw["PersonalInfo"]["personName"], "Nguyễn Văn An");
        assert!(raw["PersonalInfo"].as_object().expect("object").values().all(Value::is_string));
    }

    /// A host's side of the boot protocol, written from the usage tables' other direction.
    fn typed(bytes: &[u8]) -> String {
        const PLAIN: &str = "abcdefghijklmnopqrstuvwxyz1234567890";
        let mut text = String::new();
        for report in bytes.chunks(8).filter(|report| report[2] != 0) {
            let shift = report[0] & 0x22 != 0;
            let letter = match (report[2], shift) {
                (40, _) => '\n',
                (44, _) => ' ',
                (49, true) => '|',
                (54, _) => ',',
                (56, false) => '/',
                (key @ 4..=39, shift) => {
                    let letter = PLAIN.as_bytes()[usize::from(key) - 4] as char;
                    if shift { letter.to_ascii_uppercase() } else { letter }
                }
                _ => '?',
            };
            text.push(letter);
        }
        text
    }

    #[test]
    fn a_scan_is_typed_as_a_keyboard_types() {
        let text = "001099000017||Nguyễn Văn Đức|15011999|Nam|Số 1, Hà Nội|16012022";
        let expected = "001099000017||Nguyen Van Duc|15011999|Nam|So 1, Ha Noi|16012022\n";
        assert_eq!(typed(&reports(text)), expected);
    }
}
