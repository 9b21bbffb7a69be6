//! The endpoints of identity, time and bundles.
//!
//! | endpoint | certificate | does |
//! |---|---|---|
//! | `GET /.well-known/est/cacerts` | – | the fleet's roots and links (RFC 7030 clause 4.1) |
//! | `GET /.well-known/est/csrattrs` | – | that keys are P-256 (clause 4.5) |
//! | `POST /.well-known/est/simpleenroll` | – | a certificate, or 202 while a technician has to confirm (clause 4.2) |
//! | `POST /.well-known/est/simplereenroll` | yes | the next certificate |
//! | `GET /v1/time?nonce=HEX` | – | the time, signed (see [`fleet::time`]) |
//! | `GET /v1/assignment` | yes | the signed answer that belongs to the certificate |
//! | `POST /v1/report` | yes | takes what the device says of itself |
//! | `POST /v1/tpm/claim` | yes | what its TPM has to open, so that it proves which keys are in it ([`fleet::residence`]) |
//! | `POST /v1/tpm/opened` | yes | takes what the TPM gave out |
//! | `GET /v1/file/SHA-256` | yes | a part of a file of an update: at most [`fleet::est::FILE_PART`] bytes of the asked range |
//! | `GET /v1/bundle?after=N` | yes | the newest bundle of its site, or 204 |
//!
//! An enrolment carries our request in the header [`fleet::est::REQUEST_HEADER`]; its PKCS#10 request is that of the body.

use super::files::{self, Part};
use super::{Decision, Registrar, RegistrarError};
use crate::answer::{Admits, Admitted, OF_STRANGERS, Refused, Said, Whole, apart};
use crate::door::{Address, Place};
use crate::tls::{Peer, Presented, TlsFiles};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use fleet::est::{self, Report};
use fleet::residence::{self, Claim, Opened};
use fleet::{FleetError, request, time};
use openssl::pkey::{PKey, Private};
use serde::Deserialize;
use std::sync::{Arc, PoisonError, RwLock};

/// CsrAttrs (RFC 7030 clause 4.5.2): id-ecPublicKey with prime256v1, ecdsa-with-SHA256.
const CSR_ATTRIBUTES: [u8; 35] = [
    0x30, 0x21, 0x30, 0x15, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x31, 0x0A, 0x06, 0x08, 0x2A, 0x86,
    0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02,
];

/// Key and certificate of the server: it signs the time with them.
#[derive(Clone)]
pub struct ServerKey {
    /// The private key.
    pub key: PKey<Private>,
    /// Certificate and links, DER.
    pub chain: Vec<Vec<u8>>,
}

impl std::fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerKey")
    }
}

impl ServerKey {
    /// From the files of the endpoint.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn load(files: &TlsFiles, pass_phrase: &[u8]) -> Result<Self, crate::tls::TlsError> {
        Ok(Self { key: files.key(pass_phrase)?, chain: files.chain()? })
    }
}

/// What the handlers need.
#[derive(Debug, Clone)]
pub struct Identity {
    registrar: Arc<Registrar>,
    server: Arc<RwLock<ServerKey>>,
}

impl Identity {
    /// Over a registrar.
    #[must_use]
    pub fn new(registrar: Arc<Registrar>, server: ServerKey) -> Self {
        Self { registrar, server: Arc::new(RwLock::new(server)) }
    }

    /// Lets another key sign the time from now on.
    pub fn set_server(&self, server: ServerKey) {
        *self.server.write().unwrap_or_else(PoisonError::into_inner) = server;
    }
}

/// The service. It expects a [`Peer`] from the acceptor.
pub fn router(identity: Identity) -> Router {
    let at = |path: &str| format!("{}/{path}", est::PATH);
    Router::new()
        .route(&at("cacerts"), get(cacerts))
        .route(&at("csrattrs"), get(csrattrs))
        .route(&at("simpleenroll"), post(enrol))
        .route(&at("simplereenroll"), post(enrol))
        .route(est::TIME_PATH, get(signed_time))
        .route(est::ASSIGNMENT_PATH, get(assignment))
        .route(est::REPORT_PATH, post(report))
        .route(residence::CLAIM_PATH, post(claim))
        .route(residence::OPENED_PATH, post(opened))
        .route(est::BUNDLE_PATH, get(bundle))
        .route(&format!("{}/{{hash}}", est::FILE_PATH), get(file))
        .layer(DefaultBodyLimit::max(OF_STRANGERS))
        .with_state(identity)
}

impl Admits for Identity {
    fn admit(&self, presented: &Presented) -> Result<(), Refused> {
        Ok(self.registrar.admits(presented)?)
    }
}

fn failed(error: FleetError) -> Response {
    Refused::from(RegistrarError::Answer(error)).into_response()
}

fn malformed(error: FleetError) -> Refused {
    RegistrarError::Request(error).into()
}

/// Certificates as EST wants them.
fn certificates(list: &[Vec<u8>]) -> Response {
    let headers =
        [(header::CONTENT_TYPE, est::CERTIFICATES), (HeaderName::from_static("content-transfer-encoding"), "base64")];
    (headers, est::to_body(&est::certs_only(list))).into_response()
}

async fn cacerts(State(identity): State<Identity>) -> Response {
    let all = move || {
        let trust = identity.registrar.trust().map_err(|error| Refused::from(RegistrarError::from(error)))?;
        Ok(trust.roots.into_iter().chain(trust.links).map(|octets| octets.0).collect::<Vec<_>>())
    };
    apart(all).await.map_or_else(IntoResponse::into_response, |list| certificates(&list))
}

async fn csrattrs() -> Response {
    ([(header::CONTENT_TYPE, "application/csrattrs")], est::to_body(&CSR_ATTRIBUTES)).into_response()
}

async fn enrol(
    State(identity): State<Identity>,
    Extension(Peer(presented)): Extension<Peer>,
    place: Option<Extension<Arc<Place>>>,
    headers: HeaderMap,
    Whole { bytes: body, .. }: Whole,
) -> Response {
    let from = place.map_or(Address::UNKNOWN, |Extension(place)| place.address()).to_string();
    let decide = move || {
        let text = headers.get(est::REQUEST_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let bytes = est::from_header(text).map_err(malformed)?;
        let request = request::open(&bytes).map_err(malformed)?;
        if est::from_body(&body).map_err(malformed)? != request.csr {
            return Err(malformed(FleetError::Nonce("certificate request in the body")));
        }
        let decided = identity.registrar.enrol_from(&bytes, presented.as_ref(), &from);
        decided.map_err(|error| {
            tracing::warn!(serial = request.serial, way = request.way.id(), code = error.answer().1, "not enrolled");
            error.into()
        })
    };
    match apart(decide).await {
        Ok(Decision::Issued { certificate, device, .. }) => {
            tracing::info!(device, "certificate issued");
            certificates(&[certificate])
        }
        Ok(Decision::Pending { retry_after }) => {
            (StatusCode::ACCEPTED, [(header::RETRY_AFTER, retry_after.as_secs().to_string())]).into_response()
        }
        Err(refused) => refused.into_response(),
    }
}

#[derive(Deserialize)]
struct Nonce {
    nonce: String,
}

async fn signed_time(State(identity): State<Identity>, Query(Nonce { nonce }): Query<Nonce>) -> Response {
    let mut bytes = [0; 16];
    if hex::decode_to_slice(&nonce, &mut bytes).is_err() {
        return malformed(FleetError::Malformed("nonce of 16 bytes in hexadecimal")).into_response();
    }
    let server = identity.server.read().unwrap_or_else(PoisonError::into_inner).clone();
    let sign = |message: &[u8]| fleet::authority::sign(&server.key, message).map_err(|error| error.to_string());
    let signed = time::sign(identity.registrar.clock.wall(), events::event::Bytes(bytes), &server.chain, &sign);
    signed.map_or_else(failed, |statement| {
        ([(header::CONTENT_TYPE, "application/cose"), (header::CACHE_CONTROL, "no-store")], statement).into_response()
    })
}

async fn assignment(State(identity): State<Identity>, Admitted(presented): Admitted) -> Response {
    let find = move || {
        let device = identity.registrar.registry().device(&presented.name);
        device.map_err(|error| Refused::from(RegistrarError::Store(error)))
    };
    match apart(find).await {
        Ok(device) => match device.and_then(|device| device.answer) {
            Some(answer) => ([(header::CONTENT_TYPE, "application/cose")], answer).into_response(),
            // It was used, and nothing is kept of it.
            None => StatusCode::NO_CONTENT.into_response(),
        },
        Err(refused) => refused.into_response(),
    }
}

async fn report(
    State(identity): State<Identity>,
    Admitted(presented): Admitted,
    Said(report): Said<Report>,
) -> Response {
    let take = move || identity.registrar.report(&presented, &report).map_err(Refused::from);
    match apart(take).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refused) => refused.into_response(),
    }
}

async fn claim(State(identity): State<Identity>, Admitted(presented): Admitted, Said(claim): Said<Claim>) -> Response {
    let ask = move || identity.registrar.claim(&presented, &claim).map_err(Refused::from);
    apart(ask).await.map_or_else(IntoResponse::into_response, |challenge| Json(challenge).into_response())
}

async fn opened(
    State(identity): State<Identity>,
    Admitted(presented): Admitted,
    Said(opened): Said<Opened>,
) -> Response {
    let take = move || {
        let taken = identity.registrar.opened(&presented, &opened);
        taken.map(|proof| (presented.name.clone(), proof)).map_err(|error| {
            tracing::warn!(device = presented.name, code = error.answer().1, "its TPM proves nothing");
            Refused::from(error)
        })
    };
    match apart(take).await {
        Ok((device, proof)) => {
            tracing::info!(device, proof = proof.as_str(), "its keys are in a TPM");
            StatusCode::NO_CONTENT.into_response()
        }
        Err(refused) => refused.into_response(),
    }
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: u64,
}

async fn file(State(identity): State<Identity>, _: Admitted, Path(hash): Path<String>, headers: HeaderMap) -> Response {
    let find = move || {
        let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
        let (from, until) = files::range(asked);
        let unknown =
            || Refused::new(404, "file_unknown", "this file is not offered", "offer it: cccd-central fleet file");
        let failed = |error: std::io::Error| {
            Refused::new(500, "file_unreadable", &error.to_string(), "check the disk of central")
        };
        let files = identity.registrar.files().ok_or_else(unknown)?;
        files.part(&hash, from, until).map_err(failed)?.ok_or_else(unknown)
    };
    match apart(find).await {
        Ok(part) if part.bytes.is_empty() => {
            let range = [(header::CONTENT_RANGE, format!("bytes */{}", part.whole))];
            (StatusCode::RANGE_NOT_SATISFIABLE, range).into_response()
        }
        Ok(Part { from, bytes, whole }) => {
            let last = from + bytes.len() as u64 - 1;
            let headers = [
                (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
                (header::CONTENT_RANGE, format!("bytes {from}-{last}/{whole}")),
            ];
            (StatusCode::PARTIAL_CONTENT, headers, bytes).into_response()
        }
        Err(refused) => refused.into_response(),
    }
}

async fn bundle(
    State(identity): State<Identity>,
    Admitted(presented): Admitted,
    Query(After { after }): Query<After>,
) -> Response {
    let find = move || {
        let store = |error| Refused::from(RegistrarError::Store(error));
        let registry = identity.registrar.registry();
        let site = registry.device(&presented.name).map_err(store)?.map(|device| device.site).unwrap_or_default();
        registry.bundle(&site, after).map_err(store)
    };
    match apart(find).await {
        Ok(Some(bytes)) => ([(header::CONTENT_TYPE, "application/cose")], bytes).into_response(),
        Ok(None) => StatusCode::NO_CONTENT.into_response(),
        Err(refused) => refused.into_response(),
    }
}
