//! Takes the steps of [`crate::machine`]: engine, doctor, disk.

use crate::engine::{Engine, EngineError, Progress};
use crate::gate::Doctor;
use crate::machine::{Present, Step, Verdict, Wanted, Why, judge, next};
use crate::state::{Outcome, Phase, State, Target};
use events::{Clock, Quality};
use fleet::FleetError;
use fleet::rollout::Window;
use identity::visits::Visits;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// An updater could not go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// State, bundle, lock.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl UpdateError {
    /// A stable identifier.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Fleet(error) => error.code(),
            Self::Engine(error) => error.code(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Fleet(error) => error.remedy(),
            Self::Engine(error) => error.remedy(),
        }
    }
}

/// What a device is to run, and where the files are.
#[derive(Debug, Clone)]
pub struct Order {
    /// What and when.
    pub wanted: Wanted,
    /// The hours in which it may restart.
    pub window: Window,
    /// The files, whose content was compared with what was signed.
    pub files: Vec<PathBuf>,
}

/// Where orders come from.
pub trait Source: Send {
    /// What this device is to run; nothing where no rollout names anything for it. May note in the state whose word counts.
    ///
    /// # Errors
    /// When what is there cannot be read or believed.
    fn order(&self, state: &mut State, now: i64) -> Result<Option<Order>, FleetError>;
}

/// Where a state is written: each call is one change that a cut of power leaves undone or done.
pub trait Disk: Send {
    /// Writes the state.
    ///
    /// # Errors
    /// When the disk fails.
    fn save(&self, state: &State) -> Result<(), FleetError>;

    /// Tells the agent how an update ended.
    ///
    /// # Errors
    /// When the disk fails; nothing is taken back for it.
    fn tell(&self, outcome: &Outcome) -> Result<(), FleetError>;
}

/// The file system.
#[derive(Debug, Clone)]
pub struct Files(PathBuf);

impl Files {
    /// In a directory.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    /// What the agent reads and puts into its log.
    #[must_use]
    pub fn outcome(directory: &Path) -> PathBuf {
        directory.join("outcome.json")
    }
}

impl Disk for Files {
    fn save(&self, state: &State) -> Result<(), FleetError> {
        state.save(&self.0)
    }

    fn tell(&self, outcome: &Outcome) -> Result<(), FleetError> {
        let path = Self::outcome(&self.0);
        let bytes = serde_json::to_vec(outcome).map_err(|_| FleetError::Malformed("outcome"))?;
        fleet::files::replace(&path, &bytes)?;
        // The agent is another user; there is nothing in it that others must not see.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).map_err(fleet::error::io("open", &path))
    }
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Did {
    /// Nothing, and why.
    Rested(Why),
    /// It began.
    Began(Target),
    /// It is installed.
    Installed(Target),
    /// It could not be installed, and has been given up.
    NotInstalled(String),
    /// What was installed is left.
    Left(Target),
    /// The restart was ordered.
    Restarting,
    /// It is not as well as before yet.
    Waiting(String),
    /// It is not as well as before, and goes back.
    GoingBack(String),
    /// It has ended.
    Ended(Outcome),
}

/// An updater.
pub struct Runner {
    engine: Box<dyn Engine>,
    doctor: Box<dyn Doctor>,
    source: Box<dyn Source>,
    disk: Box<dyn Disk>,
    visits: Visits,
    clock: Arc<dyn Clock>,
    state: State,
    /// When somebody was last served, by the steady clock.
    served: Duration,
    started: Duration,
    affirmed: bool,
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Runner({}, {:?})", self.engine.id(), self.state.phase)
    }
}

impl Runner {
    /// With everything that it works with.
    #[must_use]
    pub fn new(
        engine: Box<dyn Engine>,
        doctor: Box<dyn Doctor>,
        source: Box<dyn Source>,
        disk: Box<dyn Disk>,
        visits: Visits,
        clock: Arc<dyn Clock>,
        state: State,
    ) -> Self {
        let started = clock.monotonic();
        Self { engine, doctor, source, disk, visits, clock, state, served: started, started, affirmed: false }
    }

    /// What is known.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Takes orders from another source from now on: the site's settings may have changed.
    pub fn obey(&mut self, source: Box<dyn Source>) {
        self.source = source;
    }

    fn save(&self) -> Result<(), UpdateError> {
        Ok(self.disk.save(&self.state)?)
    }

    fn go(&mut self, phase: Phase) -> Result<(), UpdateError> {
        self.state.phase = phase;
        self.save()
    }

    fn present(&mut self, order: Option<&Order>) -> Result<Present, UpdateError> {
        let steady = self.clock.monotonic();
        // Where nobody can say whether somebody is served, nobody is sent away.
        let is_free = matches!(self.visits.alone(), Ok(Some(_)));
        if !is_free {
            self.served = steady;
        }
        let now = self.clock.wall();
        let known = self.clock.quality() != Quality::Floor;
        Ok(Present {
            now,
            wanted: order.map(|order| order.wanted.clone()),
            running: self.engine.running()?,
            incarnation: self.engine.incarnation()?,
            hour_allows: order.filter(|_| known).map(|order| order.window.is_open(now)),
            quiet: is_free.then(|| steady.saturating_sub(self.served)),
            up: steady.saturating_sub(self.started),
        })
    }

    /// Takes one step.
    ///
    /// # Errors
    /// When disk or engine fail in a way that the next step may find mended.
    pub fn step(&mut self, progress: Progress<'_>) -> Result<Did, UpdateError> {
        let known = self.state.clone();
        let order = self.source.order(&mut self.state, self.clock.wall());
        if self.state != known {
            self.save()?;
        }
        // What cannot be believed is no order; what is under way goes on, or is left.
        let order = order.unwrap_or_else(|error| {
            tracing::warn!(code = error.code(), "the rollout cannot be used: {error}");
            None
        });
        let present = self.present(order.as_ref())?;
        if self.state.phase == Phase::Idle && !self.affirmed {
            // Boot loaders count starts until somebody says that this one was good.
            self.engine.affirm()?;
            self.affirmed = true;
        }
        match next(&self.state, &present) {
            Step::Rest(why) => Ok(Did::Rested(why)),
            Step::Begin(target) => {
                self.state.before = self.doctor.examine().ok();
                self.go(Phase::Installing { target: target.clone(), attempts: 0 })?;
                Ok(Did::Began(target))
            }
            Step::Install(target, before) => self.install(target, before + 1, order, progress),
            Step::GiveUp(outcome) => {
                self.engine.keep_running()?;
                self.end(outcome)
            }
            Step::Leave(target) => {
                self.engine.keep_running()?;
                self.go(Phase::Idle)?;
                Ok(Did::Left(target))
            }
            Step::Restart(target) => {
                // From here on nobody begins to be served.
                let Some(_alone) = self.visits.alone()? else { return Ok(Did::Rested(Why::Served)) };
                self.go(Phase::Restarting { target, incarnation: present.incarnation })?;
                self.engine.restart()?;
                Ok(Did::Restarting)
            }
            Step::RestartAgain => {
                let Some(_alone) = self.visits.alone()? else { return Ok(Did::Rested(Why::Served)) };
                self.engine.restart()?;
                Ok(Did::Restarting)
            }
            Step::Examine(target) => self.examine(target, present.up),
            Step::GoBack(target, why, before) => {
                let Some(_alone) = self.visits.alone()? else { return Ok(Did::Rested(Why::Served)) };
                self.go(Phase::GoingBack { target, why: why.clone(), attempts: before + 1 })?;
                self.engine.reject()?;
                self.engine.restart()?;
                Ok(Did::GoingBack(why))
            }
            Step::End(outcome) => self.end(outcome),
        }
    }

    fn install(
        &mut self,
        target: Target,
        attempts: u32,
        order: Option<Order>,
        progress: Progress<'_>,
    ) -> Result<Did, UpdateError> {
        // The rollout may have been withdrawn since it began.
        let Some(order) = order.filter(|order| order.wanted.target == target && order.wanted.ready) else {
            self.engine.keep_running()?;
            self.go(Phase::Idle)?;
            return Ok(Did::Left(target));
        };
        // Counted before it is tried: what kills the device has been tried, too.
        self.go(Phase::Installing { target: target.clone(), attempts })?;
        match self.engine.install(&target, &order.files, progress) {
            Ok(()) => {
                self.go(Phase::Installed { target: target.clone() })?;
                Ok(Did::Installed(target))
            }
            Err(error) if error.may_pass() && attempts < crate::machine::INSTALLS => Err(error.into()),
            Err(error) => {
                let code = error.code().to_owned();
                tracing::error!(code, "not installed: {error}");
                self.engine.keep_running()?;
                self.end(Outcome { target, failed: Some(code.clone()) })?;
                Ok(Did::NotInstalled(code))
            }
        }
    }

    fn examine(&mut self, target: Target, up: Duration) -> Result<Did, UpdateError> {
        match judge(self.state.before.as_ref(), &self.doctor.examine(), up) {
            Verdict::Well => {
                self.engine.affirm()?;
                self.end(Outcome { target, failed: None })
            }
            Verdict::Waiting(what) => Ok(Did::Waiting(what)),
            Verdict::Worse(what) => {
                let why = format!("update_not_well ({what})");
                self.go(Phase::GoingBack { target, why: why.clone(), attempts: 0 })?;
                Ok(Did::GoingBack(why))
            }
        }
    }

    fn end(&mut self, outcome: Outcome) -> Result<Did, UpdateError> {
        (self.state.before, self.state.last) = (None, Some(outcome.clone()));
        self.go(Phase::Idle)?;
        if let Err(error) = self.disk.tell(&outcome) {
            // It stands in the state; nothing is taken back because somebody does not hear of it.
            tracing::warn!(code = error.code(), "the outcome could not be told: {error}");
        }
        Ok(Did::Ended(outcome))
    }
}
