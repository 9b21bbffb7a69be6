//! `POST /v1/state`: how a device says it is, beside its report. What it says is kept as long as nothing newer came.

use super::index::Index;
use crate::answer::{Admits, Admitted, OF_STRANGERS, Refused, Said, apart};
use crate::registrar::Registrar;
use crate::tls::Presented;
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use events::Clock;
use fleet::est;
use std::sync::Arc;

#[derive(Clone)]
struct Shared {
    registrar: Arc<Registrar>,
    index: Arc<Index>,
    clock: Arc<dyn Clock>,
}

impl Admits for Shared {
    fn admit(&self, presented: &Presented) -> Result<(), Refused> {
        Ok(self.registrar.admits(presented)?)
    }
}

pub(super) fn router(registrar: Arc<Registrar>, index: Arc<Index>, clock: Arc<dyn Clock>) -> Router {
    Router::new().route(est::STATE_PATH, post(take)).layer(DefaultBodyLimit::max(OF_STRANGERS)).with_state(Shared {
        registrar,
        index,
        clock,
    })
}

async fn take(State(shared): State<Shared>, Admitted(presented): Admitted, Said(state): Said<est::State>) -> Response {
    let keep = move || {
        shared.index.put_state(&presented.name, shared.clock.wall(), &state).map_err(super::unread)?;
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    apart(keep).await.unwrap_or_else(IntoResponse::into_response)
}
