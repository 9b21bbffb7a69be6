//! The endpoints. `POST /v1/events` takes a batch (see [`events::sync`]); `GET /v1/health` answers `ok`;
//! [`crate::registrar::est`] has those of identity, time and bundles.

use crate::answer::{Admits, Admitted, OF_STRANGERS, Refused, Whole};
use crate::ingest::{IngestError, ingest};
use crate::registrar::Registrar;
use crate::store::EventStore;
use crate::tls::Presented;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use events::Clock;
use events::sync::{EVENTS_PATH, decode_batch};
use std::sync::Arc;

/// The largest batch in bytes.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// What the handlers need.
#[derive(Clone)]
struct Shared {
    store: Arc<dyn EventStore>,
    clock: Arc<dyn Clock>,
    registrar: Option<Arc<Registrar>>,
}

impl Admits for Shared {
    fn admit(&self, presented: &Presented) -> Result<(), Refused> {
        match &self.registrar {
            Some(registrar) => Ok(registrar.admits(presented)?),
            // Without a registrar the devices are those of the log.
            None => match self.store.device(&presented.name).map_err(IngestError::from) {
                Ok(Some(_)) => Ok(()),
                Ok(None) => Err(IngestError::UnknownDevice(presented.name.clone()).refusal().into()),
                Err(error) => Err(error.refusal().into()),
            },
        }
    }
}

/// The service. It expects a [`crate::tls::Peer`] from the acceptor; without one no device is admitted.
pub fn router(store: Arc<dyn EventStore>, clock: Arc<dyn Clock>, registrar: Option<Arc<Registrar>>) -> Router {
    Router::new()
        .route(EVENTS_PATH, post(take_batch))
        .route("/v1/health", get(|| async { "ok" }))
        .layer(DefaultBodyLimit::max(OF_STRANGERS))
        .with_state(Shared { store, clock, registrar })
}

async fn take_batch(
    State(shared): State<Shared>,
    Admitted(presented): Admitted,
    Whole { bytes: body, reserved: kept }: Whole<MAX_BODY>,
) -> Response {
    let Some(batch) = decode_batch(&body) else {
        let remedy = "send a CBOR array of at most 500 byte strings";
        return Refused::new(400, "batch_malformed", "the body is not a batch of events", remedy).into_response();
    };
    let events = batch.len();
    let name = presented.name.clone();
    // Signature checks and fsync do not belong on the network threads.
    let taken = tokio::task::spawn_blocking(move || {
        let (at, device) = (shared.clock.wall(), &presented.name);
        let taken = match ingest(&*shared.store, device, &batch, at) {
            // Two connections of one device raced; the second sees what the first stored.
            Err(IngestError::Store(crate::StoreError::Conflict(_))) => ingest(&*shared.store, device, &batch, at),
            result => result,
        };
        if let (Some(registrar), Err(IngestError::Fork { .. })) = (&shared.registrar, &taken)
            && let Err(error) = registrar.quarantine(device, "its chain of events goes two ways")
        {
            tracing::error!(device, "a copied device could not be shut out: {error}");
        }
        taken.map_err(|error| error.refusal())
    })
    .await;
    drop(kept);
    match taken {
        Ok(Ok(receipt)) => {
            tracing::info!(device = name, events, committed = receipt.committed, "batch stored");
            Json(receipt).into_response()
        }
        Ok(Err((status, refusal))) => {
            tracing::warn!(device = name, events, code = refusal.code, "batch refused");
            Refused::from((status, refusal)).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
