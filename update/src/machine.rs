//! The next step of an update, and what its outcome changes. Pure: time, health and what runs are arguments.
//!
//! ```text
//! idle ─ turn has come, files are there ─→ installing ─→ installed ─ nobody served, hours allow ─→ restarting
//!  ↑                                            │            │                                         │
//!  │                                            │ failed     │ stopped                                 ├─ runs and is well ─→ kept
//!  │                                            ↓            ↓                                         │
//!  └───────────────────────────────────── what runs stays ←──┴──────────── going back ←── not well, or did not come up
//! ```

use crate::gate::Health;
use crate::state::{Outcome, Phase, State, Target};
use std::time::Duration;

/// How often an installation is begun.
pub const INSTALLS: u32 = 3;
/// How often the way back is tried, before the device stays as it is and says so.
pub const WAYS_BACK: u32 = 3;
/// How long a device has after a restart to be as well as before.
pub const PROBATION: Duration = Duration::from_secs(10 * 60);
/// Where nobody knows the hour: how long nobody must have come.
pub const QUIET: Duration = Duration::from_secs(3 * 3600);

/// What is wanted of this device now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What is to run.
    pub target: Target,
    /// When its turn comes, seconds since 1970.
    pub due: i64,
    /// Nobody begins, and what was installed is left.
    pub stopped: bool,
    /// Its files are there.
    pub ready: bool,
}

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Seconds since 1970, never later than the truth by much.
    pub now: i64,
    /// What is wanted; nothing where there is no rollout for this device.
    pub wanted: Option<Wanted>,
    /// The hash of what runs.
    pub running: Option<String>,
    /// Which start this is.
    pub incarnation: String,
    /// It may restart in this hour; `None` where nobody knows the hour.
    pub hour_allows: Option<bool>,
    /// How long nobody has been served; `None` while somebody is.
    pub quiet: Option<Duration>,
    /// How long this start runs.
    pub up: Duration,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing; why, for people.
    Rest(Why),
    /// Note how the device is, and begin.
    Begin(Target),
    /// Install; how often it was begun before.
    Install(Target, u32),
    /// It cannot be installed: what runs stays.
    GiveUp(Outcome),
    /// Leave what was installed.
    Leave(Target),
    /// Restart into it.
    Restart(Target),
    /// Look whether it is as well as before.
    Examine(Target),
    /// Have what ran before run again; why, and how often it was tried before.
    GoBack(Target, String, u32),
    /// Restart once more: it was ordered and did not happen.
    RestartAgain,
    /// It has ended: write it down.
    End(Outcome),
}

/// Why nothing is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Why {
    NothingWanted,
    Stopped,
    RunsAlready,
    FailedBefore,
    NotYet,
    NoFiles,
    Served,
    WrongHour,
}

impl Why {
    /// In words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::NothingWanted => "no rollout is for this device",
            Self::Stopped => "the rollout or the site says to wait",
            Self::RunsAlready => "what is wanted runs",
            Self::FailedBefore => "this rollout failed here; it waits for another",
            Self::NotYet => "its turn has not come",
            Self::NoFiles => "its files are not here yet",
            Self::Served => "somebody is served",
            Self::WrongHour => "it may not restart in this hour",
        }
    }
}

fn failed(target: &Target, code: &str) -> Outcome {
    Outcome { target: target.clone(), failed: Some(code.to_owned()) }
}

/// The next step.
#[must_use]
pub fn next(state: &State, present: &Present) -> Step {
    let runs = |target: &Target| present.running.as_deref() == Some(target.hash.as_str());
    match &state.phase {
        Phase::Idle => idle(state, present),
        // Power was cut after the last word to the boot loader: it runs already. To install once more would be to write
        // over the way back.
        Phase::Installing { target, .. } | Phase::Installed { target } if runs(target) => Step::Examine(target.clone()),
        Phase::Installing { target, attempts } if *attempts >= INSTALLS => {
            Step::GiveUp(failed(target, "update_install"))
        }
        Phase::Installing { target, attempts } => Step::Install(target.clone(), *attempts),
        Phase::Installed { target } => match &present.wanted {
            // Another was named since: this one is not started.
            Some(wanted) if wanted.target == *target && !wanted.stopped => {
                let Some(quiet) = present.quiet else { return Step::Rest(Why::Served) };
                match present.hour_allows {
                    Some(true) => Step::Restart(target.clone()),
                    Some(false) => Step::Rest(Why::WrongHour),
                    None if quiet >= QUIET => Step::Restart(target.clone()),
                    None => Step::Rest(Why::WrongHour),
                }
            }
            _ => Step::Leave(target.clone()),
        },
        Phase::Restarting { target, .. } if runs(target) => Step::Examine(target.clone()),
        Phase::Restarting { incarnation, .. } if *incarnation == present.incarnation => Step::RestartAgain,
        // The machine came up with something else: its boot loader gave up.
        Phase::Restarting { target, .. } => Step::End(failed(target, "update_did_not_start")),
        Phase::GoingBack { target, why, .. } if !runs(target) => Step::End(failed(target, why)),
        Phase::GoingBack { target, attempts, .. } if *attempts >= WAYS_BACK => {
            Step::End(failed(target, "update_no_way_back"))
        }
        Phase::GoingBack { target, why, attempts } => Step::GoBack(target.clone(), why.clone(), *attempts),
    }
}

fn idle(state: &State, present: &Present) -> Step {
    let Some(wanted) = &present.wanted else { return Step::Rest(Why::NothingWanted) };
    let target = &wanted.target;
    if present.running.as_deref() == Some(target.hash.as_str()) {
        return Step::Rest(Why::RunsAlready);
    }
    let gave_up = |last: &Outcome| last.failed.is_some() && last.target.rollout == target.rollout;
    if state.last.as_ref().is_some_and(gave_up) {
        return Step::Rest(Why::FailedBefore);
    }
    match (wanted.stopped, present.now < wanted.due, wanted.ready) {
        (true, _, _) => Step::Rest(Why::Stopped),
        (_, true, _) => Step::Rest(Why::NotYet),
        (_, _, false) => Step::Rest(Why::NoFiles),
        _ => Step::Begin(target.clone()),
    }
}

/// What an examination comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is kept.
    Well,
    /// It may still come up.
    Waiting(String),
    /// It goes back.
    Worse(String),
}

/// Judges an examination.
#[must_use]
pub fn judge(before: Option<&Health>, now: &Result<Health, String>, up: Duration) -> Verdict {
    let none = Health::default();
    let worse = match now {
        Ok(health) => health.worse_than(before.unwrap_or(&none)),
        Err(code) => Some(code.clone()),
    };
    match worse {
        None => Verdict::Well,
        Some(what) if up < PROBATION => Verdict::Waiting(what),
        Some(what) => Verdict::Worse(what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn target(hash: &str) -> Target {
        Target { rollout: format!("to {hash}"), version: "1".to_owned(), hash: hash.to_owned() }
    }

    /// A device that runs `old`, whose turn has come to run `new`, and that nobody needs.
    fn present() -> Present {
        Present {
            now: 1000,
            wanted: Some(Wanted { target: target("new"), due: 1000, stopped: false, ready: true }),
            running: Some("old".to_owned()),
            incarnation: "1".to_owned(),
            hour_allows: Some(true),
            quiet: Some(Duration::ZERO),
            up: PROBATION,
        }
    }

    fn step(phase: Phase, change: impl FnOnce(&mut Present)) -> Step {
        let mut present = present();
        change(&mut present);
        next(&State { phase, ..State::default() }, &present)
    }

    fn wants(present: &mut Present, change: impl FnOnce(&mut Wanted)) {
        change(present.wanted.as_mut().expect("something is wanted"));
    }

    #[test]
    fn an_update_begins_when_it_is_wanted_and_its_turn_has_come() {
        let idle = |change: fn(&mut Present)| step(Phase::Idle, change);
        assert_eq!(idle(|_| ()), Step::Begin(target("new")));
        assert_eq!(idle(|p| p.wanted = None), Step::Rest(Why::NothingWanted));
        assert_eq!(idle(|p| p.running = Some("new".to_owned())), Step::Rest(Why::RunsAlready));
        assert_eq!(idle(|p| p.running = None), Step::Begin(target("new")), "nobody knows what runs");
        assert_eq!(idle(|p| wants(p, |w| w.stopped = true)), Step::Rest(Why::Stopped));
        assert_eq!(idle(|p| wants(p, |w| w.due = 1001)), Step::Rest(Why::NotYet));
        assert_eq!(idle(|p| wants(p, |w| w.ready = false)), Step::Rest(Why::NoFiles));
    }

    #[test]
    fn a_rollout_that_failed_here_is_not_tried_again_and_another_is() {
        let after = |rollout: &str, failed: Option<&str>| {
            let target = Target { rollout: rollout.to_owned(), ..target("new") };
            let last = Some(Outcome { target, failed: failed.map(str::to_owned) });
            next(&State { last, ..State::default() }, &present())
        };
        assert_eq!(after("to new", Some("update_not_well")), Step::Rest(Why::FailedBefore));
        assert_eq!(after("another", Some("update_not_well")), Step::Begin(target("new")));
        assert_eq!(after("to new", None), Step::Begin(target("new")), "it ran, and something else does now");
    }

    #[test]
    fn an_installation_is_tried_so_often_and_no_more() {
        let installing = |attempts| Phase::Installing { target: target("new"), attempts };
        assert_eq!(step(installing(INSTALLS - 1), |_| ()), Step::Install(target("new"), INSTALLS - 1));
        assert_eq!(step(installing(INSTALLS), |_| ()), Step::GiveUp(failed(&target("new"), "update_install")));
        // Power was cut after the last word: to install it again would write over the way back.
        for phase in [installing(INSTALLS), Phase::Installed { target: target("new") }] {
            assert_eq!(step(phase, |p| p.running = Some("new".to_owned())), Step::Examine(target("new")));
        }
    }

    #[test]
    fn a_device_restarts_when_nobody_is_served_and_the_hour_allows_it() {
        let installed = |change: fn(&mut Present)| step(Phase::Installed { target: target("new") }, change);
        assert_eq!(installed(|_| ()), Step::Restart(target("new")));
        assert_eq!(installed(|p| p.quiet = None), Step::Rest(Why::Served));
        assert_eq!(installed(|p| p.hour_allows = Some(false)), Step::Rest(Why::WrongHour));
        let unknown = |quiet: Duration| {
            step(Phase::Installed { target: target("new") }, |p| (p.hour_allows, p.quiet) = (None, Some(quiet)))
        };
        assert_eq!(unknown(QUIET - Duration::from_secs(1)), Step::Rest(Why::WrongHour));
        assert_eq!(unknown(QUIET), Step::Restart(target("new")));
        // What is wanted no longer is left.
        assert_eq!(installed(|p| p.wanted = None), Step::Leave(target("new")));
        assert_eq!(installed(|p| wants(p, |w| w.stopped = true)), Step::Leave(target("new")));
        assert_eq!(installed(|p| wants(p, |w| w.target = target("newer"))), Step::Leave(target("new")));
    }

    #[test]
    fn after_a_restart_what_runs_is_looked_at_and_what_does_not_has_failed() {
        let restarting = |running: &str, incarnation: &str| {
            let phase = Phase::Restarting { target: target("new"), incarnation: incarnation.to_owned() };
            step(phase, |p| p.running = Some(running.to_owned()))
        };
        assert_eq!(restarting("new", "0"), Step::Examine(target("new")));
        assert_eq!(restarting("old", "1"), Step::RestartAgain, "it was ordered and did not happen");
        assert_eq!(restarting("old", "0"), Step::End(failed(&target("new"), "update_did_not_start")));
    }

    #[test]
    fn the_way_back_ends_when_something_else_runs_or_nothing_helps() {
        let back = |running: &str, attempts| {
            let phase = Phase::GoingBack { target: target("new"), why: "why".to_owned(), attempts };
            step(phase, |p| p.running = Some(running.to_owned()))
        };
        assert_eq!(back("new", 0), Step::GoBack(target("new"), "why".to_owned(), 0));
        assert_eq!(back("new", WAYS_BACK), Step::End(failed(&target("new"), "update_no_way_back")));
        assert_eq!(back("old", 1), Step::End(failed(&target("new"), "why")));
        assert_eq!(back("old", WAYS_BACK), Step::End(failed(&target("new"), "why")));
    }

    #[test]
    fn a_device_is_kept_when_it_is_as_well_as_before_and_has_some_minutes_for_it() {
        let health = |code: Option<&str>| Health(BTreeMap::from([("reader".to_owned(), code.map(str::to_owned))]));
        let (well, unwell) = (health(None), health(Some("reader_absent")));
        let short = PROBATION - Duration::from_secs(1);
        assert_eq!(judge(Some(&well), &Ok(well.clone()), short), Verdict::Well);
        assert_eq!(judge(Some(&unwell), &Ok(unwell.clone()), short), Verdict::Well, "it was no better before");
        let what = "reader: reader_absent".to_owned();
        assert_eq!(judge(Some(&well), &Ok(unwell.clone()), short), Verdict::Waiting(what.clone()));
        assert_eq!(judge(Some(&well), &Ok(unwell.clone()), PROBATION), Verdict::Worse(what.clone()));
        assert_eq!(judge(None, &Ok(unwell), PROBATION), Verdict::Worse(what), "nobody knows how it was");
        let silent = Err("doctor_silent".to_owned());
        assert_eq!(judge(Some(&well), &silent, short), Verdict::Waiting("doctor_silent".to_owned()));
        assert_eq!(judge(Some(&well), &silent, PROBATION), Verdict::Worse("doctor_silent".to_owned()));
    }
}
