//! The endpoints. `POST /v1/events` takes a batch (see [`events::sync`]); `GET /v1/health` says whether
//! central can take some;
//! [`crate::registrar::est`] has those of identity, time and bundles.

use crate::answer::{Admits, Admitted, OF_STRANGERS, Refused, Whole};
use crate::ingest::{IngestError, check};
use crate::log::{Log, SealError, pages};
use crate::queue::{Limits, Queue};
use crate::registrar::Registrar;
use crate::store::{EventStore, StoreError, Trouble};
use crate::tls::Presented;
use crate::writer::Writer;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use events::Clock;
use events::sync::{EVENTS_PATH, Receipt, SEEN_HEADER, decode_batch};
use program::{Coded as _, lock};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;

/// The largest batch in bytes.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// What the handlers need.
#[derive(Clone)]
struct Shared {
    store: Arc<dyn EventStore>,
    clock: Arc<dyn Clock>,
    registrar: Option<Arc<Registrar>>,
    log: Option<Arc<Log>>,
    intake: Arc<Intake>,
}

/// The way of batches: so many at once wait, so few at once are looked at, one writes.
struct Intake {
    queue: Queue,
    hands: Arc<Semaphore>,
    writer: Writer,
    /// What was found wrong last, and when.
    looked: Mutex<Option<(Duration, Vec<Trouble>)>>,
}

impl Intake {
    fn new(store: &Arc<dyn EventStore>) -> Self {
        let hands = std::thread::available_parallelism().map_or(1, usize::from);
        let queue = Queue::new(Limits { hands, ..Limits::default() });
        Self {
            queue,
            hands: Arc::new(Semaphore::new(hands)),
            writer: Writer::start(Arc::clone(store)),
            looked: Mutex::default(),
        }
    }
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
    router_of_log(store, clock, registrar, None)
}

/// The same, with a log that is signed: devices get receipts, and its pages.
pub fn router_of_log(
    store: Arc<dyn EventStore>,
    clock: Arc<dyn Clock>,
    registrar: Option<Arc<Registrar>>,
    log: Option<Arc<Log>>,
) -> Router {
    let intake = Arc::new(Intake::new(&store));
    let shared = Shared { intake, store, clock, registrar, log: log.clone() };
    let pages = log.map(|log| pages::router(log, shared.clone()));
    let router = Router::new()
        .route(EVENTS_PATH, post(take_batch))
        .route("/v1/health", get(health))
        .with_state(shared)
        .merge(pages.unwrap_or_default());
    router.layer(DefaultBodyLimit::max(OF_STRANGERS))
}

/// How central is, as far as anybody may know. It is asked of the disk every few seconds, however often somebody asks here.
async fn health(State(shared): State<Shared>) -> Response {
    const FRESH: Duration = Duration::from_secs(5);
    let now = shared.clock.monotonic();
    let known = lock(&shared.intake.looked).clone().filter(|(when, _)| now.saturating_sub(*when) < FRESH);
    let troubles = match known {
        Some((_, troubles)) => troubles,
        None => {
            // Whoever asks meanwhile hears what was true before.
            let before = lock(&shared.intake.looked).take().map(|(_, troubles)| troubles).unwrap_or_default();
            *lock(&shared.intake.looked) = Some((now, before));
            let (store, at) = (Arc::clone(&shared.store), shared.clock.wall());
            let mut troubles = tokio::task::spawn_blocking(move || store.troubles(at)).await.unwrap_or_default();
            if shared.log.as_ref().is_some_and(|log| log.has_gone_back()) {
                troubles.push(Trouble::Log);
            }
            *lock(&shared.intake.looked) = Some((now, troubles.clone()));
            troubles
        }
    };
    let (bytes, events) = shared.intake.queue.under_way();
    let ok = troubles.is_empty();
    let status = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let troubles: Vec<&str> = troubles.iter().map(|trouble| trouble.code()).collect();
    let waiting = serde_json::json!({ "events": events, "bytes": bytes });
    (status, Json(serde_json::json!({ "ok": ok, "troubles": troubles, "under_way": waiting }))).into_response()
}

async fn take_batch(
    State(shared): State<Shared>,
    Admitted(presented): Admitted,
    request: Request,
) -> Result<Response, Refused> {
    let device = presented.name;
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let seen = request.headers().get(SEEN_HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let intake = Arc::clone(&shared.intake);
    // Whoever has no place in the queue keeps its bytes.
    let turn =
        intake.queue.admit(shared.clock.monotonic(), &device, length.unwrap_or(MAX_BODY)).map_err(Refused::busy)?;
    let Whole { bytes: body, reserved: kept } = Whole::<MAX_BODY>::from_request(request, &()).await?;
    let Some(batch) = decode_batch(&body) else {
        let remedy = "send a CBOR array of at most 500 byte strings";
        return Err(Refused::new(400, "batch_malformed", "the body is not a batch of events", remedy));
    };
    drop(body);
    let (events, batch) = (batch.len(), Arc::new(batch));
    let until = shared.clock.monotonic() + intake.queue.patience();
    let mut taken = taken(&shared, &device, &batch, until).await;
    if matches!(&taken, Err(IngestError::Store(StoreError::Conflict(_)))) {
        // Two connections of one device raced; the second sees what the first stored.
        taken = self::taken(&shared, &device, &batch, until).await;
    }
    drop((kept, turn));
    match taken {
        Ok(receipt) => {
            let passed = receipt.refused.len();
            tracing::info!(device, events, passed, committed = receipt.committed, "batch stored");
            let log = proved(&shared, &device, seen).await;
            Ok(Json(Receipt { log, ..receipt }).into_response())
        }
        Err(error) => {
            if error.goes_two_ways() {
                shut_out(&shared, &device).await;
            }
            let (status, refusal) = error.refusal();
            tracing::warn!(device, events, code = refusal.code, "batch refused");
            let refused = Refused::from((status, refusal));
            if status != 503 {
                return Err(refused);
            }
            Err(refused.after(intake.queue.again(shared.clock.monotonic(), &device)))
        }
    }
}

/// Looks at a batch when one of the few hands is free, and stores what is right of it.
async fn taken(
    shared: &Shared,
    device: &str,
    batch: &Arc<Vec<Vec<u8>>>,
    until: Duration,
) -> Result<Receipt, IngestError> {
    let wait = until.saturating_sub(shared.clock.monotonic());
    let hand = tokio::time::timeout(wait, Arc::clone(&shared.intake.hands).acquire_owned()).await;
    let Ok(Ok(hand)) = hand else { return Err(IngestError::Late) };
    let (own, name, batch) = (shared.clone(), device.to_owned(), Arc::clone(batch));
    let bytes = batch.iter().map(Vec::len).sum();
    // Signature checks do not belong on the network threads.
    let checked = tokio::task::spawn_blocking(move || {
        let begun = own.clock.monotonic();
        let in_time = || own.clock.monotonic() < until;
        let checked = check(&*own.store, &name, &batch, own.clock.wall(), &in_time);
        own.intake.queue.worked(batch.len(), bytes, own.clock.monotonic().saturating_sub(begun));
        drop(hand);
        checked
    });
    let checked = checked.await.unwrap_or(Err(IngestError::Broke))?;
    let end = match checked.addition() {
        nothing if nothing.entries.is_empty() => nothing.from,
        addition => shared.intake.writer.commit(addition.clone()).await.ok_or(IngestError::Broke)??,
    };
    checked.answer(end)
}

/// What the log says of a device's events. Whatever is wrong with the log, events that are stored are acknowledged.
async fn proved(shared: &Shared, device: &str, seen: Option<String>) -> Option<events::sync::InLog> {
    let (log, name, at) = (shared.log.clone()?, device.to_owned(), shared.clock.wall());
    let proved = tokio::task::spawn_blocking(move || log.prove(&name, seen.as_deref(), at)).await;
    match proved {
        Ok(Ok(proved)) => proved,
        // Told once, when it was found out; the health of central says it since.
        Ok(Err(SealError::GoneBack)) => None,
        Ok(Err(error)) => {
            tracing::error!(code = error.code(), "a batch has no receipt: {}", program::describe(&error));
            None
        }
        Err(error) => {
            tracing::error!(device, "a batch has no receipt: {error}");
            None
        }
    }
}

/// A device whose events exclude each other is two devices, or none that can be believed.
async fn shut_out(shared: &Shared, device: &str) {
    let Some(registrar) = shared.registrar.clone() else { return };
    let name = device.to_owned();
    let done = tokio::task::spawn_blocking(move || registrar.quarantine(&name, "its chain of events goes two ways"));
    match done.await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::error!(device, "a copied device could not be shut out: {error}"),
        Err(error) => tracing::error!(device, "a copied device could not be shut out: {error}"),
    }
}
