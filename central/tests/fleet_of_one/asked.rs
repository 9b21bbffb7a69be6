//! Asking central's doors something over HTTP, without a network.

use super::Rig;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request};
use cccd_central::registrar::technician;
use cccd_central::signin::Gate;
use cccd_central::store::EventStore;
use cccd_central::tls::{Peer, Presented};
use events::Clock;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::Service as _;

/// Something that is asked.
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
    pub(crate) headers: Vec<(&'static str, String)>,
}

pub(crate) fn get(path: &str) -> Asked {
    Asked { method: Method::GET, path: path.to_owned(), body: Vec::new(), headers: Vec::new() }
}

pub(crate) fn post(path: &str, body: impl Into<Vec<u8>>) -> Asked {
    Asked { method: Method::POST, body: body.into(), ..get(path) }
}

pub(crate) fn post_json(path: &str, body: &Value) -> Asked {
    post(path, body.to_string()).with("content-type", "application/json")
}

impl Asked {
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// The answer's status and body.
pub(crate) async fn ask(mut router: Router, peer: Option<&Presented>, asked: Asked) -> (u16, Vec<u8>) {
    let mut request = Request::builder().method(asked.method).uri(asked.path);
    for (name, value) in asked.headers {
        request = request.header(name, value);
    }
    let mut request = request.body(Body::from(asked.body)).expect("a request");
    request.extensions_mut().insert(Peer(peer.cloned()));
    let response = router.call(request).await.expect("an answer");
    let status = response.status().as_u16();
    (status, to_bytes(response.into_body(), usize::MAX).await.expect("a body").to_vec())
}

/// Status and code of a refusal; an empty code for what is none.
pub(crate) fn code((status, body): (u16, Vec<u8>)) -> (u16, String) {
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    (status, said["code"].as_str().unwrap_or_default().to_owned())
}

pub(crate) fn is(status: u16, text: &str) -> (u16, String) {
    (status, text.to_owned())
}

pub(crate) fn technicians_door(rig: &Rig) -> Router {
    let (store, clock) = (Arc::clone(&rig.store) as Arc<dyn EventStore>, Arc::clone(&rig.clock) as Arc<dyn Clock>);
    technician::router(Arc::clone(&rig.registrar), store, Gate::new(rig.staff(), clock))
}

pub(crate) async fn log_in(door: &Router, name: &str, pass_word: &str) -> Result<String, (u16, String)> {
    let asked = post_json("/technician/api/login", &json!({ "name": name, "pass_word": pass_word }));
    let answer = ask(door.clone(), None, asked).await;
    let said: Value = serde_json::from_slice(&answer.1).expect("JSON");
    said["token"].as_str().map(str::to_owned).ok_or_else(|| code(answer))
}
