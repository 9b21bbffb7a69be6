//! Bundles from the operator: what their parts must be before they are used.

use config::{Check, Config};
use fleet::FleetError;
use fleet::authority::Roots;
use fleet::bundle::{Bundle, Entry, Kind};
use fleet::revoked::RevokedCards;
use fleet::rollout::Rollout;
use identity::State;
use identity::bundles::Bundles;
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

/// Keys whose bundles a device takes: those of its assignment, or those that its active bundle names.
fn operators(bundles: &Bundles, state: &State) -> Vec<Vec<u8>> {
    let of_bundle = bundles.contents().ok().flatten().map_or_else(Vec::new, |bundle| bundle.operators());
    if !of_bundle.is_empty() {
        return of_bundle;
    }
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
    bundles.take(bytes, &operators(bundles, state), &environment, &validate)
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
