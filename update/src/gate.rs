//! Whether a device is as well as it was: the checks of its own doctor, before and after.
//!
//! A check that was wrong before may stay wrong: where central could not be reached or a scanner was away before an update,
//! that says nothing about it. What was well must be well.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The checks of a device by identifier, each with the code of what is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Health(pub BTreeMap<String, Option<String>>);

/// The check that reads a card of the agent's own and verifies it.
pub const SELF_TEST: &str = "self_test";

impl Health {
    /// The code of the first thing that is wrong now and was not before; that somebody who could be asked before no longer
    /// answers is wrong, too.
    #[must_use]
    pub fn worse_than(&self, before: &Self) -> Option<String> {
        let missing = before.0.keys().find(|id| !self.0.contains_key(*id)).map(|id| format!("{id}: gone"));
        let worse = || {
            let well_before = |id: &String| before.0.get(id).is_none_or(Option::is_none);
            let wrong = |(id, code): (&String, &Option<String>)| Some(format!("{id}: {}", code.as_ref()?));
            self.0.iter().filter(|(id, _)| well_before(id)).find_map(wrong)
        };
        missing.or_else(worse)
    }
}

/// Asks a device how it is.
pub trait Doctor: Send {
    /// Its checks; an error where it cannot be asked at all, which is not well.
    ///
    /// # Errors
    /// With a stable code.
    fn examine(&self) -> Result<Health, String>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(checks: &[(&str, Option<&str>)]) -> Health {
        Health(checks.iter().map(|(id, code)| ((*id).to_owned(), code.map(str::to_owned))).collect())
    }

    #[test]
    fn what_was_well_must_be_well() {
        let before = health(&[("reader", None), ("central", Some("central_unreachable"))]);
        assert_eq!(health(&[("reader", None), ("central", None)]).worse_than(&before), None);
        assert_eq!(health(&[("reader", None), ("central", Some("central_unreachable"))]).worse_than(&before), None);
        let lost = health(&[("reader", Some("reader_absent")), ("central", None)]);
        assert_eq!(lost.worse_than(&before).as_deref(), Some("reader: reader_absent"));
        assert_eq!(health(&[("central", None)]).worse_than(&before).as_deref(), Some("reader: gone"));
        let new = health(&[("reader", None), ("central", None), ("camera", Some("camera_absent"))]);
        assert_eq!(new.worse_than(&before).as_deref(), Some("camera: camera_absent"));
    }
}
