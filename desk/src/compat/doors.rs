//! Socket.IO and raw WebSocket on one address.

use super::Message;
use crate::guard::host_is_ours;
use crate::places::Place;
use crate::{Desk, News};
use axum::Router;
use axum::extract::ws::{Message as Frame, WebSocket, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::{Map, Value, json};
use socketioxide::SocketIo;
use socketioxide::extract::SocketRef;
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;
use visit::content::Released;
use visit::profile::Item;

/// The name in `origins` for programs that are no browser.
const NO_ORIGIN: &str = "none";

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
pub(crate) fn socket_io(message: &Message) -> Vec<Value> {
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
pub(crate) fn raw(message: &Message) -> Option<Value> {
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

impl Door {
    /// Whether the configuration lets an origin in.
    fn names(&self, origin: &str) -> bool {
        let config = self.desk.site().config.desk.as_ref();
        config.is_some_and(|desk| desk.compat.origins.iter().any(|known| known == origin))
    }
}

/// The doors on their own address.
pub(crate) fn router(desk: &Arc<Desk>, port: u16) -> Router {
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
                        program::ignore(io.emit("/event", &value).await, "nobody may be there");
                        if let Some(namespace) = io.of("/event") {
                            program::ignore(namespace.emit("message", &value).await, "nobody may be there");
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

/// Only this machine's names, and only the origins that the configuration lets in; `none` is a program, never a browser, of
/// the agent's own user or of one that the configuration names.
async fn admit(State(door): State<Door>, request: Request, next: Next) -> Response {
    let place = request.extensions().get::<Arc<Place>>().cloned();
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.is_some_and(|host| host_is_ours(host, door.port));
    let origin = request.headers().get(header::ORIGIN).cloned();
    let known = match &origin {
        Some(origin) => origin.to_str().is_ok_and(|origin| origin != NO_ORIGIN && door.names(origin)),
        // A browser may leave the origin out, but not what it says instead; and programs of others have no business here.
        None => {
            let browser = request.headers().keys().any(|name| name.as_str().starts_with("sec-fetch-"));
            let user = place.as_ref().and_then(|place| place.user());
            !browser && door.names(NO_ORIGIN) && user.is_some_and(|uid| door.desk.serves(uid))
        }
    };
    if !host || !known {
        door.desk.refused(if host { "origin_refused" } else { "host_refused" });
        return StatusCode::FORBIDDEN.into_response();
    }
    if let Some(place) = place {
        let who = origin.as_ref().and_then(|origin| origin.to_str().ok()).unwrap_or(NO_ORIGIN);
        place.known(who);
    }
    let mut response = next.run(request).await;
    if let Some(origin) = origin {
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
}
