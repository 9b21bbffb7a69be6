//! The log over HTTP, for devices that are admitted: `/v1/log/checkpoint` and the tiles of hashes, by the paths of C2SP `tlog-tiles`.
//!
//! Hashes say nothing of anybody. Bundles of entries are the events themselves, and are not served here: an auditor gets a copy
//! of the log from central's operator (`cccd-central log copy`).

use super::Log;
use crate::answer::{Admits, Admitted, Refused, apart};
use crate::store::log::tree;
use crate::tls::Presented;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use program::Coded as _;
use std::sync::Arc;
use tlog::tiles::{CHECKPOINT, Kind, Tile};

/// Where the log is.
pub const PATH: &str = "/v1/log";

#[derive(Clone)]
struct Pages<A> {
    log: Arc<Log>,
    admits: A,
}

impl<A: Admits> Admits for Pages<A> {
    fn admit(&self, presented: &Presented) -> Result<(), Refused> {
        self.admits.admit(presented)
    }
}

/// The pages of a log.
pub(crate) fn router<A: Admits>(log: Arc<Log>, admits: A) -> Router {
    Router::new().route(&format!("{PATH}/{{*path}}"), get(page::<A>)).with_state(Pages { log, admits })
}

async fn page<A: Admits>(
    State(pages): State<Pages<A>>,
    _: Admitted,
    Path(path): Path<String>,
) -> Result<Response, Refused> {
    let (media, bytes) = apart(move || pages.log.page(&path)).await?;
    Ok(([(header::CONTENT_TYPE, media)], bytes).into_response())
}

impl Log {
    /// A file of the log, with its media type.
    fn page(&self, path: &str) -> Result<(&'static str, Vec<u8>), Refused> {
        let failed = |error: &super::SealError| {
            tracing::error!(code = error.code(), "the log cannot be shown: {}", program::describe(error));
            Refused::new(503, error.code(), &error.to_string(), error.remedy())
        };
        if path == CHECKPOINT {
            let sealed = self.newest().map_err(|error| failed(&error))?;
            return Ok(("text/plain; charset=utf-8", sealed.note().as_bytes().to_vec()));
        }
        let missing =
            || Refused::new(404, "log_tile_missing", "the log has no such tile", "name a tile of its checkpoint");
        let tile = Tile::parse(path).ok_or_else(missing)?;
        if tile.kind == Kind::Entries {
            let remedy = "ask central's operator for a copy of the log";
            return Err(Refused::new(403, "log_entries_closed", "entries are not shown here", remedy));
        }
        let size = self.store.frontier().map_err(|error| failed(&error.into()))?.size();
        // No tile that the log does not fill so far.
        Tile::of(tile.kind, tile.index, size).filter(|there| there.width >= tile.width).ok_or_else(missing)?;
        let bytes = (tree(&*self.store, size).read)(&tile).map_err(|error| failed(&error.into()))?;
        let bytes = bytes.get(..tile.width as usize * 32).ok_or_else(missing)?.to_vec();
        Ok(("application/octet-stream", bytes))
    }
}
