//! What `doctor` looks at besides parts: settings, keys, identity, clock, anchors, bundle, outbox, disk, central. Later checks may
//! depend on earlier ones; each has an identifier that stays.

use crate::recorder::EVENT_KEY;
use cccd::calendar::in_vietnam;
use config::{Config, Finding};
use drivers::key_store::{KeyStore, Protection};
use drivers::reader::pcsc::{PcscReader, Surveyed};
use drivers::reader::quirks;
use events::event::Bytes;
use events::{Certain, Clock as _, Quality, SystemClock};
use fleet::FleetError;
use identity::bundles::Bundles;
use identity::central::Central as _;
use identity::keeper::system_random;
use identity::{Https, State, TrustedClock};
use program::Failure;
use program::describe;
use reading::anchors;
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use store::outbox::Outbox;
use time::Date;
use visit::law::{Standing, standing};
use visit::profile::Profile;

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
    pub fault: Option<Failure>,
    /// What works, and may go wrong one day.
    pub warning: Option<Failure>,
}

fn well(id: &'static str, found: impl Into<String>) -> Check {
    Check { id, found: found.into(), fault: None, warning: None }
}

fn wrong(id: &'static str, failure: &Failure) -> Check {
    Check { id, found: String::new(), fault: Some(failure.clone()), warning: None }
}

fn of(id: &'static str, result: Result<String, Failure>) -> Check {
    result.map_or_else(|failure| wrong(id, &failure), |found| well(id, found))
}

/// All checks of a device with this configuration.
#[must_use]
pub fn run(config: &Config) -> Vec<Check> {
    let mut checks = settings(config);
    checks.push(profile(Profile::load(&config.profile), in_vietnam(SystemClock::new().wall()).date()));
    let keys = config.key_store();
    checks.push(of("key_store", key_store(&keys)));
    let state = config.identity_state();
    checks.push(of("identity", identity(&state)));
    let (keys, state) = (keys.ok(), state.ok().flatten());
    if let Some((keys, state)) = keys.zip(state) {
        let clock = Arc::new(TrustedClock::new(Arc::new(SystemClock::new()), state.floor));
        let site = config.site_keys(&*keys);
        let reached = site.as_ref().ok().map(|site| site.chains.day());
        checks.push(of("site_key", site.map(|_| "opens".to_owned())));
        checks.push(of("certificate", certificate(&state, clock.wall())));
        let floor = state.floor.max(identity::clock::built_after());
        checks.push(self::clock(SystemClock::new().wall(), floor, reached));
        if config.sync {
            checks.push(of("central", central(&state, keys, clock)));
        }
    }
    checks.extend(slots(&config.reader));
    checks.push(of("anchors", anchors(config)));
    checks.push(bundle(config));
    checks.push(of("outbox", outbox(config)));
    checks.extend(log(config));
    checks.push(of("disk", disk(&config.state)));
    checks.push(of("update", update(config)));
    checks
}

/// One for each thing that is wrong in the file. Notes come first: who keeps one by its identifier keeps the worst.
fn settings(config: &Config) -> Vec<Check> {
    let (notes, faults): (Vec<_>, Vec<_>) = config.findings.iter().partition(|finding| finding.works);
    let checks: Vec<_> = [notes, faults].concat().into_iter().map(found).collect();
    if checks.is_empty() { vec![well("settings", config.file.display().to_string())] } else { checks }
}

fn found(finding: &Finding) -> Check {
    let told = Some(finding.failure.clone());
    let (fault, warning) = if finding.works { (None, told) } else { (told, None) };
    Check { id: "settings", found: finding.key.clone(), fault, warning }
}

/// The profile, and whether what it says allows it is law.
fn profile(profile: Result<Profile, Failure>, today: Date) -> Check {
    let profile = match profile {
        Ok(profile) => profile,
        Err(failure) => return wrong("profile", &failure),
    };
    let lapsed = standing(&profile.legal_basis, today).find_map(|standing| match standing {
        Standing::Lapsed(law) => Some(format!("{} {}: instead {}", law.title_en, law.number, law.instead.join(", "))),
        Standing::NotYet(law) => Some(format!("{} {}: from {}", law.title_en, law.number, law.from)),
        Standing::InForce(_) | Standing::Unknown(_) => None,
    });
    let warning = lapsed.map(|law| {
        let message = format!("the profile stands on a law that is not in force: {law}");
        let remedy =
            "who answers for the site looks at the profile's legal_basis, and its purpose_version changes with it";
        Failure::device("profile_law", message, remedy)
    });
    Check { warning, ..well("profile", profile.id) }
}

/// The slots that a `pcsc` reader names. Several work, and one too many may hold a token or somebody else's card. A reader
/// that is away is a fault of its own, and not told here.
fn slots(reader: &str) -> Option<Check> {
    let wanted = reader.strip_prefix("pcsc").map(|rest| rest.strip_prefix(':').unwrap_or(rest))?;
    let slots = PcscReader::survey(wanted).ok().filter(|slots| !slots.is_empty())?;
    let all = PcscReader::attached().unwrap_or_default();
    Some(judge_slots(&slots, &all))
}

/// What is to be said of slots: name and ATR of the card in each, beside the names of all that are attached.
fn judge_slots(slots: &[Surveyed], all: &[String]) -> Check {
    let is_token = |atr: &Option<Vec<u8>>| atr.as_ref().is_some_and(|atr| !quirks::is_contactless(atr));
    let describe = |(name, atr): &Surveyed| {
        let note = quirks::find(name).map_or_else(String::new, |quirk| format!("; {}", quirk.note));
        let token = if is_token(atr) { "; a card with contacts lies there, perhaps a token" } else { "" };
        format!("{name} ({}{token}{note})", quirks::place(name).name())
    };
    let found = slots.iter().map(describe).collect::<Vec<_>>().join(", ");
    let likely = slots.iter().min_by_key(|(name, atr)| (is_token(atr), quirks::place(name).rank()));
    let warning = likely.filter(|(_, atr)| slots.len() > 1 || is_token(atr)).map(|(name, _)| {
        let message = format!("cards are looked for in {} slots: {found}", slots.len());
        let lasting = quirks::lasting(name, all);
        let remedy = format!("name the one that cards are laid on in agent.toml: reader = \"pcsc:{lasting}\"");
        Failure::device("reader_ambiguous", message, &remedy)
    });
    Check { id: "reader_slots", found, fault: None, warning }
}

fn key_store(keys: &Result<Arc<dyn KeyStore>, Failure>) -> Result<String, Failure> {
    let keys = keys.as_ref().map_err(Clone::clone)?;
    keys.public_key(EVENT_KEY)?;
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
        Some(code) => Err(Failure::device(
            &code,
            "central refuses the next certificate",
            "/usr/share/doc/cccd-agent/errors.md has the code",
        )),
        None => Ok(format!("{days} days left, {} root(s) trusted", state.roots.matches("BEGIN CERTIFICATE").count())),
    }
}

/// The system's clock: what is known to be past, and the day that the site's keys have reached.
fn clock(system: i64, floor: i64, reached: Option<u32>) -> Check {
    if system < floor {
        let message = format!("the system's clock is {} days behind what is known", (floor - system) / DAY + 1);
        let remedy = "let the agent reach central, or set the system's clock";
        return wrong("clock", &Failure::device("clock_behind", message, remedy));
    }
    let ahead = reached.filter(|reached| Certain::of(*reached, system, Quality::System).is_none());
    let warning = ahead.map(|reached| {
        let days = system / DAY - i64::from(reached);
        let message =
            format!("the system's clock is {days} days past the last day that is certain: nothing is erased by it");
        Failure::device(
            "clock_ahead",
            message,
            "let the agent reach central, which signs the time, or correct the clock",
        )
    });
    Check { id: "clock", found: "not earlier than what is known".to_owned(), fault: None, warning }
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
    let anchors = anchors::of(config)?;
    Ok(format!("{} files in {}", anchors.files.len(), config.anchors().display()))
}

fn bundle(config: &Config) -> Check {
    let bundles = Bundles::new(&config.bundles);
    let standing = bundles.check().and_then(|()| crate::bundle::standing(&bundles, SystemClock::new().wall()));
    match standing {
        Ok((found, warning)) => Check { warning, ..well("bundle", found) },
        Err(error @ (FleetError::Entry { .. } | FleetError::Io { .. })) => {
            wrong("bundle", &Failure::from(error).with_remedy("take the bundle in again: cccd-agent bundle"))
        }
        Err(error) => wrong("bundle", &error.into()),
    }
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
    let outbox = Outbox::open(&config.outbox())?;
    let (last, sent) = (outbox.end()?.sequence, outbox.acknowledged()?);
    let waiting = last.saturating_sub(sent);
    let unread = match outbox.refused()? {
        0 => String::new(),
        some => format!("; {some} that central could not read: look at the disk"),
    };
    Ok(format!("{last} events, {waiting} of them not at central yet{unread}"))
}

/// Central's log, where this device has its table of keys. Without one nothing is said of it, and nothing known.
fn log(config: &Config) -> Option<Check> {
    let keys = match config.log_keys().transpose()? {
        Ok(keys) => keys,
        Err(failure) => return Some(wrong("log", &failure)),
    };
    let found = || -> Result<_, Failure> {
        let outbox = Outbox::open(&config.outbox())?;
        let size = outbox.seen(&keys)?.last().map(|signed| signed.checkpoint.size);
        Ok((size, outbox.log_trouble(&keys)?))
    };
    let (size, trouble) = match found() {
        Ok(found) => found,
        Err(failure) => return Some(wrong("log", &failure)),
    };
    let said = size.map_or_else(|| "no receipt yet".to_owned(), |size| format!("{size} entries at the last receipt"));
    let check = well("log", said);
    let Some(trouble) = trouble else { return Some(check) };
    let remedy = if trouble.is_contradiction() {
        "keep the device as it is: it has both checkpoints, signed; tell whoever audits central's log, and ask its operator whether central was restored"
    } else {
        "look at central: whether its log is signed with the keys of this table; what the device has stays here"
    };
    let failure = Failure::device(&trouble.code, trouble.message.clone(), remedy);
    Some(if trouble.is_contradiction() {
        Check { fault: Some(failure), ..check }
    } else {
        Check { warning: Some(failure), ..check }
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_that_stands_on_a_law_of_before_is_told_so_with_what_came_instead() {
        let made = |law: &str| {
            let mut profile = Profile::built_in("identify")?;
            profile.legal_basis = law.to_owned();
            Ok(profile)
        };
        let on = |law, day| profile(made(law), day);
        let day = time::macros::date!(2026 - 11 - 30);
        let before = time::macros::date!(2025 - 12 - 31);
        let warning = on("Nghị định 13/2023/NĐ-CP, Điều 11", day).warning.expect("lapsed");
        assert_eq!(warning.code, "profile_law");
        assert!(warning.message.contains("13/2023/NĐ-CP: instead 91/2025/QH15, 356/2025/NĐ-CP"), "{warning:?}");
        for (law, day) in [("Luật 91/2025/QH15", day), ("Quy chế thi; 5/2031/TT-ABC", day), ("13/2023/NĐ-CP", before)]
        {
            let check = on(law, day);
            assert_eq!((check.fault, check.warning, check.found.as_str()), (None, None, "identify"), "{law}");
        }
    }

    #[test]
    fn a_clock_by_which_nothing_is_erased_is_told() {
        let of = |system, reached| clock(system, DAY, reached);
        assert_eq!(of(0, None).fault.expect("behind").code, "clock_behind");
        for (days, code) in [(100, None), (132, None), (133, Some("clock_ahead"))] {
            let check = of(days * DAY, Some(100));
            assert_eq!(
                (check.fault, check.warning.as_ref().map(|warning| warning.code.as_str())),
                (None, code),
                "{days}"
            );
        }
    }

    #[test]
    fn several_slots_are_named_with_the_setting_that_chooses_one() {
        let contactless = || Some(vec![0x3B, 0x80, 0x80, 0x01, 0x01]);
        let token = || Some(vec![0x3B, 0xFF, 0x13, 0x00]);
        let of = |slots: &[(&str, Option<Vec<u8>>)]| {
            let slots: Vec<_> = slots.iter().map(|(name, atr)| ((*name).to_owned(), atr.clone())).collect();
            let all: Vec<_> = slots.iter().map(|(name, _)| name.clone()).collect();
            judge_slots(&slots, &all)
        };
        let one = of(&[("ACS ACR122U PICC Interface 00 00", contactless())]);
        assert_eq!((one.fault, one.warning), (None, None));
        let (picc, sam) = (
            "ACS ACR1252 Dual Reader [ACR1252 Dual Reader PICC] 00 00",
            "ACS ACR1252 Dual Reader [ACR1252 Dual Reader SAM] 01 00",
        );
        let warning = of(&[(sam, token()), (picc, None)]).warning.expect("two slots");
        assert_eq!(warning.code, "reader_ambiguous");
        assert!(
            warning.remedy.ends_with("reader = \"pcsc:ACS ACR1252 Dual Reader [ACR1252 Dual Reader PICC]\""),
            "{warning:?}"
        );
        assert!(warning.message.contains("SAM slot; a card with contacts lies there"), "{warning:?}");
        // The slots of one device differ by their number only: the whole name it is.
        let warning = of(&[("Virtual PCD 00 00", token()), ("Virtual PCD 00 01", None)]).warning.expect("two slots");
        assert!(warning.remedy.ends_with("reader = \"pcsc:Virtual PCD 00 01\""), "{warning:?}");
        assert!(
            of(&[("Yubico YubiKey CCID 00 00", token())]).warning.is_some(),
            "a token alone is no reader for cards"
        );
    }
}
