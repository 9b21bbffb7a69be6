//! Batches to central over mutual TLS. The private key stays in the key store: TLS asks it to sign.

use super::machine::Answer;
use events::sync::{BATCH_MEDIA_TYPE, EVENTS_PATH, SEEN_HEADER, encode_batch};
use program::describe;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// How long central may take for an answer, once it has the batch.
const ANSWER: Duration = Duration::from_secs(60);
/// A line that carries fewer bytes a second is too thin for the batch.
const SLOWEST: u64 = 2048;

/// The connection that is good now; the upkeep replaces it when the certificate or the roots change.
#[derive(Debug, Clone, Default)]
pub struct Https(Arc<RwLock<Option<(reqwest::blocking::Client, String)>>>);

impl Https {
    /// Uses a client from now on, to the central at `url`.
    pub fn set(&self, client: reqwest::blocking::Client, url: &str) {
        let target = format!("{}{EVENTS_PATH}", url.trim_end_matches('/'));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some((client, target));
    }

    /// Sends a batch and says what became of it. `seen` is the last checkpoint of central's log, for [`SEEN_HEADER`].
    #[must_use]
    pub fn send(&self, batch: &[Vec<u8>], seen: Option<&str>) -> Answer {
        let connection = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some((client, url)) = connection else { return Answer::Unreachable { retry_after: None } };
        let body = encode_batch(batch.iter().map(Vec::as_slice));
        let time = ANSWER + Duration::from_millis(body.len() as u64 * 1000 / SLOWEST);
        let mut request = client.post(url).header("content-type", BATCH_MEDIA_TYPE).timeout(time).body(body);
        if let Some(seen) = seen {
            request = request.header(SEEN_HEADER, seen);
        }
        let response = match request.send() {
            Ok(response) => response,
            Err(error) if error.is_timeout() => {
                tracing::warn!(code = "central_unreachable", events = batch.len(), error = describe(&error), "uplink");
                return Answer::TimedOut;
            }
            Err(error) => {
                tracing::warn!(code = "central_unreachable", error = describe(&error), "uplink");
                return Answer::Unreachable { retry_after: None };
            }
        };
        let status = response.status();
        let retry_after = response.headers().get("retry-after").and_then(|v| v.to_str().ok()?.parse().ok());
        let retry_after = retry_after.map(Duration::from_secs);
        let parsed = if status.is_success() {
            response.json().map(Answer::Receipt)
        } else if status.is_client_error() {
            response.json().map(Answer::Refusal)
        } else {
            return Answer::Unreachable { retry_after };
        };
        parsed.unwrap_or(Answer::Unreachable { retry_after })
    }
}
