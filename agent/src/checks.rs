//! What `doctor` looks at besides parts: settings, keys, identity, clock, anchors, bundle, outbox, disk, central. Later checks may
//! depend on earlier ones; each has an identifier that stays.

use crate::config::{Adopted, Config};
use crate::failure::Failure;
use crate::outbox::Outbox;
use crate::parts::Fault;
use crate::profile::Profile;
use crate::recorder::EVENT_KEY;
use drivers::key_store::{KeyStore, Protection};
use emrtd::error::describe;
use events::event::Bytes;
use events::{Clock as _, SystemClock};
use identity::bundles::Bundles;
use identity::central::Central as _;
use identity::keeper::system_random;
use identity::{Https, State, TrustedClock};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;

/// Less room than this is too little for a week of a busy desk.
const ROOM: u64 = 64 * 1024 * 1024;
/// Seconds of a day.
const DAY: i64 = 86_400;

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its identifier.
    pub id: &'static str,
    /// What was found, in words.
    pub found: String,
    /// What is wrong, if anything.
    pub fault: Option<Fault>,
}

fn well(id: &'static str, found: impl Into<String>) -> Check {
    Check { id, found: found.into(), fault: None }
}

fn wrong(id: &'static str, failure: &Failure) -> Check {
    Check { id, found: String::new(), fault: Some(Fault::from(failure)) }
}

fn of(id: &'static str, result: Result<String, Failure>) -> Check {
    result.map_or_else(|failure| wrong(id, &failure), |found| well(id, found))
}

/// All checks of a device with this configuration.
#[must_use]
pub fn run(config: &Config) -> Vec<Check> {
    let mut checks = vec![match &config.adopted {
        Adopted::Refused(failure) => wrong("settings", failure),
        _ => well("settings", config.file.display().to_string()),
    }];
    let profile = Profile::load(&config.profile).map(|profile| profile.id);
    checks.push(of("profile", profile));
    let keys = config.key_store();
    checks.push(of("key_store", key_store(&keys)));
    let state = config.identity_state();
    checks.push(of("identity", identity(&state)));
    let (keys, state) = (keys.ok(), state.ok().flatten());
    if let Some((keys, state)) = keys.zip(state) {
        let clock = Arc::new(TrustedClock::new(Arc::new(SystemClock::new()), state.floor));
        checks.push(of("site_key", config.site_key(&*keys).map(|_| "opens".to_owned())));
        checks.push(of("certificate", certificate(&state, clock.wall())));
        checks.push(of("clock", self::clock(&state)));
        if config.sync {
            checks.push(of("central", central(&state, keys, clock)));
        }
    }
    checks.push(of("anchors", anchors(config)));
    checks.push(of("bundle", bundle(config)));
    checks.push(of("outbox", outbox(config)));
    checks.push(of("disk", disk(&config.state)));
    checks.push(of("update", update(config)));
    checks
}

fn key_store(keys: &Result<Arc<dyn KeyStore>, Failure>) -> Result<String, Failure> {
    let keys = keys.as_ref().map_err(Clone::clone)?;
    keys.public_key(EVENT_KEY).map_err(|e| Failure::device(e.code(), describe(&e), e.remedy()))?;
    Ok(match keys.protection() {
        Protection::Tpm => "keys in a TPM".to_owned(),
        Protection::Token => "keys on a token".to_owned(),
        Protection::File => "keys in files: whoever has disk and pass phrase has them".to_owned(),
    })
}

fn identity(state: &Result<Option<State>, Failure>) -> Result<String, Failure> {
    let state = state.as_ref().map_err(Clone::clone)?;
    let place = state.as_ref().and_then(|state| state.place.as_ref());
    place.map(|place| format!("{} at {} ({})", place.device, place.site, place.environment)).ok_or_else(|| {
        Failure::device("identity_missing", "the device is not enrolled", "enrol the device: provision enrol")
    })
}

fn certificate(state: &State, now: i64) -> Result<String, Failure> {
    let current = state.current.as_ref().ok_or_else(|| {
        Failure::device("identity_missing", "the device has no certificate", "enrol the device: provision enrol")
    })?;
    let days = (current.not_after - now).div_euclid(DAY);
    if days < 0 {
        let message = format!("the certificate ended {} days ago", -days);
        let remedy = "let the agent reach central: it renews by itself for as long as the operator grants";
        return Err(Failure::device("certificate_over", message, remedy));
    }
    let refused = state.underway.as_ref().and_then(|underway| underway.refused.clone());
    match refused {
        Some(code) => {
            Err(Failure::device(&code, "central refuses the next certificate", "docs/errors.md has the code"))
        }
        None => Ok(format!("{days} days left, {} root(s) trusted", state.roots.matches("BEGIN CERTIFICATE").count())),
    }
}

fn clock(state: &State) -> Result<String, Failure> {
    let (system, floor) = (SystemClock::new().wall(), state.floor.max(identity::clock::built_after()));
    if system < floor {
        let message = format!("the system's clock is {} days behind what is known", (floor - system) / DAY + 1);
        return Err(Failure::device("clock_behind", message, "let the agent reach central, or set the system's clock"));
    }
    Ok("not earlier than what is known".to_owned())
}

fn central(state: &State, keys: Arc<dyn KeyStore>, clock: Arc<TrustedClock>) -> Result<String, Failure> {
    let failed =
        |why: String| Failure::device("central_unreachable", why, "check the network and the address of central");
    let roots =
        state.roots().map_err(|e| failed(describe(&e)))?.ok_or_else(|| failed("no root is known".to_owned()))?;
    let mut nonce = [0; 16];
    system_random(&mut nonce);
    let statement =
        Https::new(state.url(), keys, clock).time(&roots, Bytes(nonce)).map_err(|e| failed(describe(&e)))?;
    let at = fleet::time::open(&statement, Bytes(nonce), &roots).map_err(|e| failed(describe(&e)))?;
    Ok(format!(
        "{} answers; its clock and the system's differ by {} s",
        state.url(),
        at.abs_diff(SystemClock::new().wall())
    ))
}

fn anchors(config: &Config) -> Result<String, Failure> {
    let anchors = crate::anchors::load(&config.anchors())?;
    Ok(format!("{} files in {}", anchors.files.len(), config.anchors().display()))
}

fn bundle(config: &Config) -> Result<String, Failure> {
    let bundles = Bundles::new(&config.bundles);
    bundles
        .check()
        .map_err(|e| Failure::device(e.code(), describe(&e), "take the bundle in again: cccd-agent bundle"))?;
    Ok(match bundles.active() {
        0 => "none".to_owned(),
        version => format!("version {version}, as it was signed"),
    })
}

fn update(config: &Config) -> Result<String, Failure> {
    let Some(outcome) = crate::update::Outcome::last(&config.update_outcome()) else {
        return Ok("none so far".to_owned());
    };
    let said = format!("{} of rollout {}", outcome.target.version, outcome.target.rollout);
    match outcome.failed {
        None => Ok(format!("{said} runs")),
        Some(code) => {
            let remedy = "it was taken back; the next rollout is tried again: provision update status";
            Err(Failure::device("update_failed", format!("{said} failed: {code}"), remedy))
        }
    }
}

fn outbox(config: &Config) -> Result<String, Failure> {
    if !config.outbox().exists() {
        return Ok("empty".to_owned());
    }
    let outbox = Outbox::open(&config.outbox()).map_err(|e| crate::site::outbox_failure(&e))?;
    let failed = |e| crate::site::outbox_failure(&e);
    let (last, sent) = (outbox.end().map_err(failed)?.sequence, outbox.acknowledged().map_err(failed)?);
    Ok(format!("{last} events, {} of them not at central yet", last.saturating_sub(sent)))
}

fn disk(state: &Path) -> Result<String, Failure> {
    // Before the first start its parent is asked.
    let place = state.ancestors().find(|place| place.exists()).unwrap_or_else(|| Path::new("/"));
    let failed = |e: rustix::io::Errno| Failure::device("disk_unreadable", e.to_string(), "check the disk");
    let room = rustix::fs::statvfs(place).map_err(failed)?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    if free < ROOM {
        let message = format!("{} MiB are free in {}", free >> 20, place.display());
        return Err(Failure::device(
            "disk_low",
            message,
            "free space: logs first; what is kept of people has its own clock",
        ));
    }
    Ok(format!("{} MiB free", free >> 20))
}
