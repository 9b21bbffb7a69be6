//! The steps as they are taken: with an engine that fails when it is told to, and somebody at the device.

use events::{Clock, Quality};
use fleet::FleetError;
use fleet::rollout::Window;
use identity::visits::Visits;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use update::engine::{Engine, EngineError, Progress};
use update::gate::{Doctor, Health};
use update::machine::{INSTALLS, QUIET, Wanted, Why};
use update::runner::{Did, Disk, Order, Runner, Source};
use update::state::{Outcome, Phase, State, Target};

#[derive(Debug)]
struct Inside {
    wanted: Wanted,
    running: String,
    /// How the next installations end.
    installs: VecDeque<EngineError>,
    said: Vec<&'static str>,
    quality: Quality,
    steady: Duration,
}

#[derive(Clone)]
struct Device(Arc<Mutex<Inside>>);

fn target(hash: &str) -> Target {
    Target { rollout: format!("to {hash}"), version: "1".to_owned(), hash: hash.to_owned() }
}

impl Device {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Inside {
            wanted: Wanted { target: target("new"), due: 0, stopped: false, ready: true },
            running: "old".to_owned(),
            installs: VecDeque::new(),
            said: Vec::new(),
            quality: Quality::System,
            steady: Duration::from_secs(1000),
        })))
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().expect("inside")
    }

    fn says(&self, word: &'static str) -> Result<(), EngineError> {
        self.inside().said.push(word);
        Ok(())
    }

    fn said(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.inside().said)
    }

    fn runner(&self, visits: &Visits, phase: Phase) -> Runner {
        let own = || Box::new(self.clone());
        let state = State { phase, ..State::default() };
        Runner::new(own(), own(), own(), own(), visits.clone(), Arc::new(self.clone()), state)
    }
}

impl Engine for Device {
    fn id(&self) -> &'static str {
        "test"
    }
    fn running(&self) -> Result<Option<String>, EngineError> {
        Ok(Some(self.inside().running.clone()))
    }
    fn incarnation(&self) -> Result<String, EngineError> {
        Ok("1".to_owned())
    }
    fn install(&self, _: &Target, _: &[PathBuf], _: Progress<'_>) -> Result<(), EngineError> {
        let mut inside = self.inside();
        inside.said.push("install");
        inside.installs.pop_front().map_or(Ok(()), Err)
    }
    fn keep_running(&self) -> Result<(), EngineError> {
        self.says("keep")
    }
    fn affirm(&self) -> Result<(), EngineError> {
        self.says("good")
    }
    fn reject(&self) -> Result<(), EngineError> {
        self.says("bad")
    }
    fn restart(&self) -> Result<(), EngineError> {
        self.says("restart")
    }
}

impl Doctor for Device {
    fn examine(&self) -> Result<Health, String> {
        Err("doctor_silent".to_owned())
    }
}

impl Source for Device {
    fn order(&self, _: &mut State, _: i64) -> Result<Option<Order>, FleetError> {
        let window = Window::try_from("00:00-23:59".to_owned()).expect("a window");
        Ok(Some(Order { wanted: self.inside().wanted.clone(), window, files: Vec::new() }))
    }
}

impl Disk for Device {
    fn save(&self, _: &State) -> Result<(), FleetError> {
        Ok(())
    }
    fn tell(&self, _: &Outcome) -> Result<(), FleetError> {
        Ok(())
    }
}

impl Clock for Device {
    fn wall(&self) -> i64 {
        1_800_000_000
    }
    fn monotonic(&self) -> Duration {
        self.inside().steady
    }
    fn quality(&self) -> Quality {
        self.inside().quality
    }
}

fn step(runner: &mut Runner) -> Result<Did, &'static str> {
    runner.step(&|_, _| {}).map_err(|error| error.code())
}

#[test]
fn what_was_withdrawn_since_it_began_is_not_installed() {
    let directory = tempfile::tempdir().expect("directory");
    let visits = Visits::new(directory.path());
    visits.make(None).expect("made");
    for change in [|w: &mut Wanted| w.target = target("newer"), |w: &mut Wanted| w.ready = false] {
        let device = Device::new();
        change(&mut device.inside().wanted);
        let mut runner = device.runner(&visits, Phase::Installing { target: target("new"), attempts: 0 });
        assert_eq!(step(&mut runner), Ok(Did::Left(target("new"))));
        assert_eq!((device.said(), &runner.state().phase), (vec!["keep"], &Phase::Idle));
    }
}

#[test]
fn an_installation_that_fails_is_tried_again_where_that_may_help() {
    let directory = tempfile::tempdir().expect("directory");
    let visits = Visits::new(directory.path());
    visits.make(None).expect("made");
    let installing = Phase::Installing { target: target("new"), attempts: 0 };
    let ended = |runner: &Runner| runner.state().last.clone().and_then(|last| last.failed);
    // The disk was full: it may have room the next time, up to the last time.
    let device = Device::new();
    device.inside().installs = (0..INSTALLS).map(|_| EngineError::Install("full".to_owned())).collect();
    let mut runner = device.runner(&visits, installing.clone());
    for _ in 1..INSTALLS {
        assert_eq!(step(&mut runner), Err("update_install"));
    }
    assert_eq!(step(&mut runner), Ok(Did::NotInstalled("update_install".to_owned())));
    assert_eq!(ended(&runner).as_deref(), Some("update_install"));
    assert_eq!(device.said().last(), Some(&"keep"));
    assert_eq!(step(&mut runner), Ok(Did::Rested(Why::FailedBefore)));
    // Another file stays another file.
    let device = Device::new();
    device.inside().installs = VecDeque::from([EngineError::Other("x".to_owned())]);
    let mut runner = device.runner(&visits, installing);
    assert_eq!(step(&mut runner), Ok(Did::NotInstalled("update_other_file".to_owned())));
    assert_eq!(ended(&runner).as_deref(), Some("update_other_file"));
}

#[test]
fn a_device_without_the_time_waits_until_nobody_has_come_for_long() {
    let directory = tempfile::tempdir().expect("directory");
    let visits = Visits::new(directory.path());
    visits.make(None).expect("made");
    let device = Device::new();
    device.inside().quality = Quality::Floor;
    let mut runner = device.runner(&visits, Phase::Installed { target: target("new") });
    assert_eq!(step(&mut runner), Ok(Did::Rested(Why::WrongHour)), "the window is open, by a clock that knows nothing");
    let visit = visits.begin().expect("lock").expect("served");
    device.inside().steady += QUIET;
    assert_eq!(step(&mut runner), Ok(Did::Rested(Why::Served)));
    drop(visit);
    assert_eq!(step(&mut runner), Ok(Did::Rested(Why::WrongHour)), "somebody has just left");
    device.inside().steady += QUIET;
    assert_eq!(step(&mut runner), Ok(Did::Restarting));
    assert_eq!(device.said(), ["restart"]);
}

#[test]
fn what_runs_is_called_good_when_it_was_found_well_and_not_before() {
    let directory = tempfile::tempdir().expect("directory");
    let visits = Visits::new(directory.path());
    visits.make(None).expect("made");
    let device = Device::new();
    device.inside().running = "new".to_owned();
    let restarting = Phase::Restarting { target: target("new"), incarnation: "0".to_owned() };
    let mut runner = device.runner(&visits, restarting);
    assert_eq!(step(&mut runner), Ok(Did::Waiting("doctor_silent".to_owned())));
    assert!(device.said().is_empty(), "its boot loader still counts");
    // Nothing is under way: whatever runs is kept.
    let mut runner = device.runner(&visits, Phase::Idle);
    assert_eq!(step(&mut runner), Ok(Did::Rested(Why::RunsAlready)));
    assert_eq!(device.said(), ["good"]);
}
