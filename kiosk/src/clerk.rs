//! The thread that puts visits on disk.

use program::Failure;
use site::Site;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use visit::finished::{Finished, Keeping};
use visit::profile::Profile;
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
}

/// Puts visits on disk, and asks the recipient that gives out numbers for one. Ends when nobody orders, or when the disk fails.
pub(crate) fn work(site: &Site, orders: &Receiver<Order>, tell: &dyn Fn(Result<Kept, Failure>)) {
    for Order { visit, profile, finished } in orders {
        let kept = site.keep(&profile, &finished).map(|keeping| match keeping {
            Keeping::TooLate(refusal) => Err(refusal),
            Keeping::Kept(kept) => Ok(kept.number.map(|number| (number, kept.place))),
        });
        let has_failed = kept.is_err();
        tell(kept.map(|kept| Kept { visit, kept }));
        if has_failed {
            return;
        }
    }
}
