//! Who asks, as whoever signs people in says it: what the pages for staff need of a sign-in, and nothing else of it.

use crate::people::Person;
use axum::http::{HeaderMap, header};

/// The cookie of a session: of this host alone, over TLS alone, and no script reads it.
pub const COOKIE: &str = "__Host-central";

/// Says who somebody is.
pub trait Doorkeeper: Send + Sync + 'static {
    /// Whose request this is, by its head. It may look into a database.
    fn who(&self, head: &HeaderMap) -> Option<Person>;

    /// Where somebody signs in, to come back to a path of ours.
    fn sign_in(&self, to: &str) -> String;
}

/// A cookie of a request.
#[must_use]
pub fn cookie<'a>(head: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = head.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';')).find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
}
