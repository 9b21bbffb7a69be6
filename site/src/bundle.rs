//! Bundles from the operator: what their parts must be before they are used.

use cccd::calendar::in_vietnam;
use config::{Check, Config};
use fleet::FleetError;
use fleet::authority::Roots;
use fleet::bundle::{Bundle, Entry, Kind};
use fleet::revoked::RevokedCards;
use fleet::rollout::Rollout;
use identity::State;
use identity::bundles::Bundles;
use program::Failure;
use std::path::Path;
use visit::profile::Profile;

fn wrong(entry: &Entry, why: impl std::fmt::Display) -> FleetError {
    FleetError::Entry { path: entry.path.clone(), why: why.to_string() }
}

/// Checks each part as its user will: a bundle with one part that nobody can use is not taken.
///
/// # Errors
/// With the part and what is wrong with it.
pub fn validate(bundle: &Bundle, directory: &Path, settings: &Path, check: Check) -> Result<(), FleetError> {
    if let Some(first) = bundle.of_kind(Kind::Trust).next() {
        let anchors =
            reading::anchors::load(&directory.join("trust")).map_err(|failure| wrong(first, failure.message))?;
        if let Some(why) = anchors.misread.first() {
            return Err(wrong(first, why));
        }
    }
    for entry in bundle.of_kind(Kind::Profile) {
        let path = directory.join(&entry.path);
        Profile::load(&path.display().to_string()).map_err(|failure| wrong(entry, failure.message))?;
    }
    for entry in bundle.of_kind(Kind::Roots) {
        Roots::from_pem(&entry.bytes).map_err(|error| wrong(entry, error))?;
    }
    for entry in bundle.of_kind(Kind::Operator) {
        events::Verifier::from_pem(&entry.bytes).map_err(|error| wrong(entry, error))?;
    }
    for entry in bundle.of_kind(Kind::Revoked) {
        RevokedCards::parse(&entry.bytes).map_err(|error| wrong(entry, error))?;
    }
    bundle.rollout()?;
    let site = bundle.of_kind(Kind::Settings).next();
    let own = std::fs::read_to_string(settings).unwrap_or_default();
    if own.is_empty() && site.is_none() {
        return Ok(());
    }
    // As it will be: under the device's own. What was wrong before is not the bundle's, which may come to mend it.
    let path = site.map_or("profiles", |entry| entry.path.as_str()).to_owned();
    let refused = |why: String| FleetError::Entry { path: path.clone(), why };
    let before = Config::assemble(settings, own.clone(), None).map(|config| check(&config, None)).unwrap_or_default();
    let after = Config::assemble(settings, own, Some(directory)).map_err(|failure| refused(failure.message))?;
    match check(&after, None).iter().find(|finding| !finding.works && !before.contains(finding)) {
        Some(finding) => Err(refused(finding.failure.message.clone())),
        None => Ok(()),
    }
}

/// The operators of a device's enrolment, whose bundles it takes until there was one.
fn enrolled(state: &State) -> Vec<Vec<u8>> {
    let assigned = state.place.as_ref().map(|place| place.operators.as_slice()).unwrap_or_default();
    assigned.iter().filter_map(|key| hex::decode(key).ok()).collect()
}

/// Takes a bundle in; the version before and this one. `settings` is the device's own file, over which nothing goes.
///
/// # Errors
/// When it is refused: what was active stays.
pub fn take(
    bundles: &Bundles,
    state: &State,
    settings: &Path,
    bytes: &[u8],
    check: Check,
) -> Result<(u64, u64), FleetError> {
    let environment = state.place.as_ref().map(|place| place.environment.clone()).unwrap_or_default();
    let validate = |bundle: &Bundle, directory: &Path| validate(bundle, directory, settings, check);
    bundles.take(bytes, &enrolled(state), &environment, &validate)
}

/// How the active bundle stands at a time, in words; a warning where there should be a newer one.
///
/// # Errors
/// When it cannot be read.
pub fn standing(bundles: &Bundles, now: i64) -> Result<(String, Option<Failure>), FleetError> {
    let Some(bundle) = bundles.contents()? else { return Ok(("none".to_owned(), None)) };
    let version = bundle.version;
    let day = |at: i64| in_vietnam(at).date();
    let stale = |message: String| {
        let remedy = "let the device reach central, or bring the newest bundle; if this is it, sign it anew: provision bundle build";
        Some(Failure::device("bundle_stale", message, remedy))
    };
    Ok(match bundle.fresh_until {
        None => {
            let message = format!("bundle {version} does not say until when it may be the newest");
            (format!("version {version}, as it was signed"), stale(message))
        }
        Some(until) => {
            let found = format!("version {version}, as it was signed, the newest until {}", day(until));
            let message = format!("there should be a newer bundle than {version} since {}", day(until));
            (found, if bundle.is_stale(now) { stale(message) } else { None })
        }
    })
}

/// The rollout that the active bundle names.
#[must_use]
pub fn rollout(bundles: &Bundles) -> Option<Rollout> {
    // What came with a bundle was checked before it became active.
    Rollout::parse(&std::fs::read_to_string(bundles.path().join(Rollout::PATH)).ok()?).ok()
}

/// The active bundle's list of lost cards.
#[must_use]
pub fn revoked(bundles: &Bundles) -> Option<Result<RevokedCards, FleetError>> {
    match std::fs::read(bundles.path().join(RevokedCards::PATH)) {
        Ok(bytes) => Some(RevokedCards::parse(&bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(_) => Some(Err(FleetError::Malformed("list of revoked cards"))),
    }
}

/// The roots that the active bundle names.
#[must_use]
pub fn roots(bundles: &Bundles) -> Option<Roots> {
    let bundle = bundles.contents().ok().flatten()?;
    Roots::from_pem(&bundle.of_kind(Kind::Roots).next()?.bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use drivers::key_store::KeyStore as _;
    use drivers::key_store::file::FileKeyStore;

    const DAY: i64 = 86_400;

    #[test]
    fn a_device_says_when_there_should_be_a_newer_bundle() {
        let directory = tempfile::tempdir().expect("directory");
        let bundles = Bundles::new(&directory.path().join("bundles"));
        assert_eq!(standing(&bundles, 0).expect("nothing"), ("none".to_owned(), None));
        let keys = FileKeyStore::new(&directory.path().join("keys"), b"correct horse battery");
        let public = keys.generate("bundle").expect("a key");
        let sign = |m: &[u8]| keys.sign("bundle", m).map_err(|error| error.to_string());
        let bundle = Bundle::new(3, "practice", 10 * DAY, Vec::new()).expect("a bundle").fresh_for(5);
        let bytes = bundle.sign(&public, &sign).expect("signed");
        bundles.take(&bytes, std::slice::from_ref(&public), "practice", &|_, _| Ok(())).expect("taken");
        let at = |now: i64| standing(&bundles, now).expect("readable");
        let (found, warning) = at(15 * DAY);
        assert!(found.contains("version 3") && found.contains("1970-01-16"), "{found}");
        assert_eq!(warning, None);
        assert_eq!(at(15 * DAY + 1).1.expect("a warning").code, "bundle_stale");
    }
}
