//! The thread that puts visits on disk.

use crate::counter::shown;
use kiosk_ui::state::Queue;
use program::Failure;
use site::Site;
use site::counter::{Line, Ticket};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use visit::finished::{Finished, Keeping};
use visit::profile::{PrintKind, Profile};
use visit::steps::Refusal;

/// A visit that is to be kept.
pub(crate) struct Order {
    /// Its number.
    pub(crate) visit: u64,
    pub(crate) profile: Arc<Profile>,
    pub(crate) finished: Box<Finished>,
}

/// What became of one.
pub(crate) struct Kept {
    /// Its number.
    pub(crate) visit: u64,
    /// The number that is called out and where, if there is one; or that somebody was faster.
    pub(crate) kept: Result<Option<(String, Option<String>)>, Refusal>,
    /// How many wait before that number, where the counter said so.
    pub(crate) queue: Option<Queue>,
}

/// Tells the counter of a number, and hears how many wait. Where it does not answer the number stands without that.
fn queued(site: &Site, counter: &Line, (number, place): &(String, Option<String>)) -> Option<Queue> {
    let place = place.clone().or_else(|| site.queue_place()).unwrap_or_default();
    match counter.ticket(number, &Ticket { place }, site.now().saturating_mul(1000)) {
        Ok(waiting) => Some(shown(waiting)),
        Err(lost) => {
            tracing::warn!(code = lost.code(), "the counter does not know of a number");
            None
        }
    }
}

/// Puts visits on disk, and asks the recipient that gives out numbers for one. Ends when nobody orders, or when the disk fails.
pub(crate) fn work(
    site: &Site,
    counter: Option<&Line>,
    orders: &Receiver<Order>,
    tell: &dyn Fn(Result<Kept, Failure>),
) {
    for Order { visit, profile, finished } in orders {
        let kept = site.keep(&profile, &finished).map(|keeping| match keeping {
            Keeping::TooLate(refusal) => Err(refusal),
            Keeping::Kept(kept) => Ok(kept.number.map(|number| (number, kept.place))),
        });
        let has_failed = kept.is_err();
        let is_ticket = profile.print().is_some_and(|print| print.kind == PrintKind::Ticket);
        let queue = counter
            .filter(|_| is_ticket)
            .and_then(|counter| queued(site, counter, kept.as_ref().ok()?.as_ref().ok()?.as_ref()?));
        tell(kept.map(|kept| Kept { visit, kept, queue }));
        if has_failed {
            return;
        }
    }
}
