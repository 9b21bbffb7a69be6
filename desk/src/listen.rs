//! The sockets: one address of this machine, and a Unix socket beside it.
//!
//! A program that opens connections and says nothing harms nobody but itself. A connection has five seconds for each request's
//! head; whoever shows no right on it has twenty seconds in all, and only as much room as `places.rs` leaves to strangers.

use crate::apart::apart;
use crate::guard::{self, Peer};
use crate::places::{Ends, Place, Places, Seated};
use crate::{
    Desk, acts, api, calls, compat, figures, kiosks, page, people, portal, practice, queue, records, rooms, shift, work,
};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Json;
use axum::routing::get;
use config::no_table;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use program::Failure;
use reading::device::{Happened, Host as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How long a connection may take for a request's head.
const HEAD: Duration = Duration::from_secs(5);

#[derive(utoipa::OpenApi)]
#[openapi(info(
    title = "cccd-agent, local interface",
    description = "Reads the Vietnamese citizen card for software on the same machine. /usr/share/doc/cccd-agent/local-api.md explains it.",
    license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
))]
struct Description;

/// Every path with its description.
fn described() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(api::about))
        .routes(routes!(api::pair))
        .routes(routes!(people::duty))
        .routes(routes!(people::unlock))
        .routes(routes!(people::leave))
        .routes(routes!(people::own_pin))
        .routes(routes!(people::people, people::add))
        .routes(routes!(people::end))
        .routes(routes!(people::new_pin))
        .routes(routes!(people::access))
        .routes(routes!(api::pairings))
        .routes(routes!(api::unpair))
        .routes(routes!(api::status))
        .routes(routes!(api::events))
        .routes(routes!(api::begin))
        .routes(routes!(api::current))
        .routes(routes!(api::session, api::cancel))
        .routes(routes!(api::consent))
        .routes(routes!(api::key))
        .routes(routes!(api::staff))
        .routes(routes!(api::face))
        .routes(routes!(api::form))
        .routes(routes!(api::result))
        .routes(routes!(api::session_events))
        .routes(routes!(api::session_socket))
        .routes(routes!(records::records))
        .routes(routes!(records::export))
        .routes(routes!(records::corrections))
        .routes(routes!(records::record, acts::correct))
        .routes(routes!(acts::withdraw, acts::restore))
        .routes(routes!(acts::corrected_there))
        .routes(routes!(acts::check_out, acts::check_out_undone))
        .routes(routes!(work::print))
        .routes(routes!(work::attestation))
        .routes(routes!(work::typed))
        .routes(routes!(work::scan))
        .routes(routes!(rooms::rooms))
        .routes(routes!(figures::days))
        .routes(routes!(figures::table_of_days))
        .routes(routes!(shift::shift))
        .routes(routes!(shift::close))
        .routes(routes!(portal::lodging))
        .routes(routes!(portal::make_batch))
        .routes(routes!(portal::batch_file))
        .routes(routes!(portal::reconcile))
        .routes(routes!(work::retry))
        .routes(routes!(practice::personas, practice::lay, practice::take_away))
        .routes(routes!(work::roster, work::import_roster))
        .routes(routes!(work::attendance, work::merge_attendance))
        .routes(routes!(calls::calls))
        .routes(routes!(calls::take))
        .routes(routes!(queue::queue))
        .routes(routes!(queue::next))
}

/// The description of the interface, in JSON.
#[must_use]
pub fn openapi() -> String {
    described().split_for_parts().1.to_pretty_json().unwrap_or_default()
}

/// The page and the interface.
pub fn router(desk: &Arc<Desk>) -> Router {
    let (router, description) = described().split_for_parts();
    page::serve(router)
        .route("/v1/openapi.json", get(move || async move { Json(description) }))
        // The guard reads bodies, and knows how much of whom.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(desk), guard::guard))
        .layer(from_fn(apart))
        .with_state(Arc::clone(desk))
}

async fn serve_one<S>(stream: S, router: Router, place: Arc<Place>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let router = router.layer(axum::Extension(Arc::clone(&place)));
    let mut server = hyper::server::conn::http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(64 * 1024);
    let service = TowerToHyperService::new(router);
    let stream = TokioIo::new(Seated { stream, place: Arc::clone(&place) });
    tokio::select! {
        served = server.serve_connection(stream, service).with_upgrades() => {
            program::ignore(served, "how a client ends is its own affair");
        }
        () = place.over() => {}
    }
}

async fn tcp(desk: Arc<Desk>, listener: TcpListener, port: u16, router: Router) {
    let places = Places::new(port);
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            // Out of descriptors, say: those that are open end by themselves.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let ends = stream.local_addr().ok().map(|ours| Ends { peer, ours });
        let (place, full) = places.enter(ends, None, desk.now_ms());
        if full {
            desk.refused("connections_full");
        }
        program::ignore(stream.set_nodelay(true), "answers only come later");
        tokio::spawn(serve_one(stream, router.clone(), place));
    }
}

async fn unix(desk: Arc<Desk>, listener: UnixListener, router: Router) {
    let places = Places::new(0);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // Whom the kernel does not name is nobody.
        let Ok(peer) = stream.peer_cred() else { continue };
        let (place, full) = places.enter(None, Some(peer.uid()), desk.now_ms());
        if full {
            desk.refused("connections_full");
        }
        let router = router.clone().layer(axum::Extension(Peer(peer.uid())));
        tokio::spawn(serve_one(stream, router, place));
    }
}

async fn bind(at: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(at).await.map_err(|e| {
        let message = format!("cannot listen on {at}: {e}");
        Failure::device("listen_failed", message, "choose another port, or stop what has this one")
    })
}

fn bind_unix(path: &Path) -> Result<UnixListener, Failure> {
    let failed = |e: std::io::Error| {
        let message = format!("cannot listen on {}: {e}", path.display());
        Failure::device("listen_failed", message, "mend [desk] socket in agent.toml")
    };
    // One that a killed agent left behind; whoever listens on it would answer.
    if std::os::unix::net::UnixStream::connect(path).is_err() && path.exists() {
        std::fs::remove_file(path).map_err(failed)?;
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    // Who may is decided by the kernel's word on who it is.
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).map_err(failed)?;
    Ok(listener)
}

/// Listens until told to stop, or until the device has failed.
///
/// # Errors
/// When an address is taken, or the device has failed.
pub async fn run(desk: Arc<Desk>, stop: impl Fn() -> bool) -> Result<(), Failure> {
    let config = desk.site().config.desk.clone().ok_or_else(|| no_table("desk"))?;
    let routes = router(&desk);
    let listener = bind(config.listen).await?;
    if let Some(path) = &config.socket {
        tokio::spawn(unix(Arc::clone(&desk), bind_unix(path)?, routes.clone()));
    }
    #[cfg(feature = "compat")]
    if let Some(at) = config.compat.listen {
        let doors = compat::doors::router(&desk, at.port());
        tokio::spawn(tcp(Arc::clone(&desk), bind(at).await?, at.port(), doors));
    }
    if let Some(door) = &config.counter {
        let (at, routes) = (door.listen, kiosks::router(&desk, door)?);
        tokio::spawn(tcp(Arc::clone(&desk), bind(at).await?, at.port(), routes));
        tracing::info!(listen = %at, "the door for kiosks and the board is open");
    }
    if let Some(device) = &config.compat.keyboard {
        compat::type_scans(&desk, device)?;
    }
    tokio::spawn(tcp(Arc::clone(&desk), listener, config.listen.port(), routes));
    desk.site().started()?;
    tracing::info!(listen = %config.listen, profile = desk.profile().id, "the desk is open");
    desk.site().tell(&Happened::Listening(config.listen))?;
    while !stop() {
        if let Some(failure) = desk.broken() {
            return Err(failure);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_names_every_path_and_each_schema_that_it_uses() {
        let text = openapi();
        let description: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let paths = description["paths"].as_object().expect("paths");
        assert!(paths.len() > 25 && paths.keys().all(|path| path.starts_with("/v1")), "{:?}", paths.keys());
        let schemas = description["components"]["schemas"].as_object().expect("schemas");
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().expect("name");
            assert!(schemas.contains_key(name), "{name}");
        }
    }
}
