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
