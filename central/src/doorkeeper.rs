//! Who asks, as whoever signs people in says it: what the pages for staff need of a sign-in, and nothing else of it.

use crate::people::Person;
use axum::http::HeaderMap;

/// Says who somebody is.
pub trait Doorkeeper: Send + Sync + 'static {
    /// Whose request this is, by its head. It may look into a database.
    fn who(&self, head: &HeaderMap) -> Option<Person>;

    /// Where somebody signs in, to come back to a path of ours.
    fn sign_in(&self, to: &str) -> String;
}
