//! What the rooms around a site ask of it: the reader, the upkeep, and the clock of retention.

use super::Site;
use crate::upkeep::{Charge, Taken};
use crate::words::DeviceWord;
use cccd::calendar::day_of;
use cccd::judgement::{Judgement, Today, Withdrawn};
use config::{self, Config};
use drivers::reader::simulated::Slot;
use emrtd::SystemEntropy;
use events::{Clock, SignedEvent};
use fleet::revoked::Listed;
use program::{Failure, lock};
use reading::device::{Happened, Host};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};
use store::book::figures::LONGEST;
use visit::content::Content;
use visit::profile::Profile;
use visit::tally::{Cell, Ended, cells};

impl Host for Site {
    fn config(&self) -> &Config {
        &self.config
    }

    fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    fn profile(&self) -> Arc<Profile> {
        Arc::clone(&self.profile)
    }

    fn slot(&self) -> Option<&Slot> {
        self.slot.as_ref()
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    fn today(&self) -> Today {
        let now = emrtd::UnixTime(self.now());
        Today { now, is_certain: self.clock.quality() > events::Quality::Floor }
    }

    fn is_withdrawn(&self, judgement: &Judgement) -> Withdrawn {
        let revoked = self.revoked.read().unwrap_or_else(PoisonError::into_inner);
        let revoked = match revoked.as_ref() {
            None => return Withdrawn::No,
            // A list that is there and cannot be read lets nobody pass unseen.
            Some(Err(_)) => return Withdrawn::Unknown,
            Some(Ok(list)) => list,
        };
        // The list is one of citizen cards. What has no number is no citizen card, and no profile that counts takes it.
        let Some(number) = judgement.number() else { return Withdrawn::No };
        let issued = judgement.issued().map(|day| day.to_string());
        match revoked.look_up(&*self.recorder.people.lists(), number.digits(), issued.as_deref()) {
            Listed::Yes => Withdrawn::Yes,
            Listed::No => Withdrawn::No,
            Listed::Perhaps => Withdrawn::Unknown,
        }
    }

    fn record(
        &self,
        profile: &Profile,
        evidence: &emrtd::Evidence,
        judgement: &Judgement,
    ) -> Result<SignedEvent, Failure> {
        let mut outbox = lock(&self.outbox);
        let signed = self.recorder.record(&mut outbox, &mut SystemEntropy, profile, evidence, judgement)?;
        drop(outbox);
        self.wake();
        self.saw_signer(judgement)?;
        Ok(signed)
    }

    fn unsent(&self) -> u64 {
        let outbox = lock(&self.outbox);
        let last = outbox.end().map_or(0, |end| end.sequence);
        last.saturating_sub(outbox.acknowledged().unwrap_or(last))
    }

    fn tell(&self, happened: &Happened) -> Result<(), Failure> {
        (self.around.tell)(happened)
    }
}

impl Charge for Site {
    fn config(&self) -> &Config {
        &self.config
    }

    fn note(&self, what: DeviceWord, from: Option<String>, to: Option<String>) -> Result<(), Failure> {
        self.note_device(what, from, to)
    }

    fn take_bundle(&self, bytes: &[u8]) -> Result<Taken, Failure> {
        Self::take_bundle(self, bytes)
    }

    fn state(&self) -> fleet::est::State {
        let room = rustix::fs::statvfs(&self.config.state).ok();
        fleet::est::State {
            waiting: Some(Host::unsent(self)),
            disk_free: room.map(|room| room.f_bavail.saturating_mul(room.f_frsize)),
            undelivered: self.book().undelivered().ok(),
        }
    }
}

/// The clock of retention is looked at once a minute, until the site is gone.
pub(super) fn minutely(site: Weak<Site>) -> impl FnMut() -> bool + Send {
    let mut swept = i64::MIN;
    move || {
        let Some(site) = site.upgrade() else { return false };
        if site.now() >= swept.saturating_add(60) {
            swept = site.now();
            sweep(&site);
            tell(&site);
        }
        true
    }
}

/// Puts into the device's own log that central's contradicts what it signed: once, and again after a cut of power in between.
fn tell_contradictions(site: &Site) -> Result<(), Failure> {
    let untold = lock(&site.outbox).untold_contradictions()?;
    for origin in untold {
        site.note_device(DeviceWord::LogInconsistent, None, Some(origin.clone()))?;
        lock(&site.outbox).told_contradiction(&origin)?;
    }
    Ok(())
}

/// Where a visit is counted by its profile.
pub(super) fn counted(profile: &Profile, content: &Content, ended: Ended, now: i64) -> Vec<Cell> {
    profile.tally().map(|tally| cells(tally, content, ended, &day_of(now))).unwrap_or_default()
}

/// Tells what was counted on days that are over.
fn tell(site: &Site) {
    let (today, waited) = (day_of(site.now()), day_of(site.now() - LONGEST * 86_400));
    // A clock that nobody vouches for does not say that a day is over.
    if site.clock.quality() <= events::Quality::Floor {
        return;
    }
    let told = site.book().tell_tallies(&today, &waited).map_err(Failure::from);
    if let Err(failure) = told.and_then(|told| if told > 0 { site.drain() } else { Ok(()) }) {
        tracing::error!(code = failure.code, "{}", failure.message);
    }
}

/// Erases what is past its time, and puts the events of it into the log. A clock that may be wrong erases nothing.
fn sweep(site: &Site) {
    let certain = site.recorder.people.certain();
    if let Err(failure) = site.recorder.people.step() {
        tracing::error!(code = failure.code, "{}", failure.message);
    }
    if let Err(failure) = tell_contradictions(site) {
        tracing::error!(code = failure.code, "{}", failure.message);
    }
    let Some(now) = certain else { return };
    // A list stays a week longer than it is valid: whoever comes late is told why they are turned away.
    let past = day_of(now.at() - 7 * 86_400);
    let mut book = site.book();
    let erased = book.drop_rosters(&past).and_then(|lists| Ok(lists + book.expire(now)?));
    drop(book);
    match erased {
        Ok(0) => {}
        Ok(count) => {
            tracing::info!(count, "what was past its time was erased");
            if let Err(failure) = site.drain() {
                tracing::error!(code = failure.code, "{}", failure.message);
            }
        }
        Err(error) => tracing::error!(code = error.code(), "{}", program::describe(&error)),
    }
}
