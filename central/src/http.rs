//! The endpoints. `POST /v1/events` takes a batch (see [`events::sync`]); `GET /v1/health` answers `ok`.

use crate::ingest::{IngestError, ingest};
use crate::store::EventStore;
use crate::tls::Peer;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use events::Clock;
use events::sync::{EVENTS_PATH, Refusal, decode_batch};
use std::sync::Arc;

/// The largest batch in bytes.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// What the handlers need.
#[derive(Clone)]
struct Shared {
    store: Arc<dyn EventStore>,
    clock: Arc<dyn Clock>,
}

/// The service. It expects a [`Peer`] from the acceptor; without one every request fails.
pub fn router(store: Arc<dyn EventStore>, clock: Arc<dyn Clock>) -> Router {
    Router::new()
        .route(EVENTS_PATH, post(take_batch))
        .route("/v1/health", get(|| async { "ok" }))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Shared { store, clock })
}

async fn take_batch(State(shared): State<Shared>, Extension(Peer(device)): Extension<Peer>, body: Bytes) -> Response {
    let Some(batch) = decode_batch(&body) else {
        let refusal = Refusal {
            code: "batch_malformed".to_owned(),
            message: "the body is not a batch of events".to_owned(),
            remedy: "send a CBOR array of at most 500 byte strings".to_owned(),
            committed: None,
        };
        return (StatusCode::BAD_REQUEST, Json(refusal)).into_response();
    };
    let events = batch.len();
    let name = device.clone();
    // Signature checks and fsync do not belong on the network threads.
    let taken = tokio::task::spawn_blocking(move || {
        let at = shared.clock.wall();
        match ingest(&*shared.store, &device, &batch, at) {
            // Two connections of one device raced; the second sees what the first stored.
            Err(IngestError::Store(crate::StoreError::Conflict(_))) => ingest(&*shared.store, &device, &batch, at),
            result => result,
        }
    })
    .await;
    match taken {
        Ok(Ok(receipt)) => {
            tracing::info!(device = name, events, committed = receipt.committed, "batch stored");
            Json(receipt).into_response()
        }
        Ok(Err(error)) => {
            let (status, refusal) = error.refusal();
            tracing::warn!(device = name, events, code = refusal.code, "batch refused");
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, Json(refusal)).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
