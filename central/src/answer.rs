//! What the interfaces of central answer with when they refuse, and where their work is done.

use crate::tls::{Peer, Presented};
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use events::sync::Refusal;

/// A refusal with its HTTP status.
#[derive(Debug)]
pub(crate) struct Refused(u16, Refusal);

impl From<(u16, Refusal)> for Refused {
    fn from((status, refusal): (u16, Refusal)) -> Self {
        Self(status, refusal)
    }
}

impl Refused {
    pub(crate) fn new(status: u16, code: &str, message: &str, remedy: &str) -> Self {
        let (code, message, remedy) = (code.to_owned(), message.to_owned(), remedy.to_owned());
        Self(status, Refusal { code, message, remedy, committed: None })
    }

    /// A thread panicked; the log says why.
    fn internal() -> Self {
        Self::new(500, "internal", "central failed", "try again later, and tell its operator")
    }
}

/// Work off the network threads: signatures, fsync, hashes of pass words.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refused> + Send + 'static,
) -> Result<T, Refused> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(Refused::internal()))
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self.1)).into_response()
    }
}

/// The device of a connection, or what to answer one without a certificate.
pub(crate) fn named(peer: Peer) -> Result<Presented, Refused> {
    let missing = || Refused::new(401, "certificate_missing", "this wants a device's certificate", "enrol the device");
    peer.0.ok_or_else(missing)
}
