//! A machine with two systems whose power is cut at every point of an update, and at every pair of points.

use events::{Clock, Quality};
use fleet::FleetError;
use fleet::rollout::Window;
use identity::visits::Visits;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use update::engine::{Engine, EngineError, Progress};
use update::gate::{Doctor, Health};
use update::machine::Wanted;
use update::runner::{Did, Disk, Order, Runner, Source};
use update::state::{Outcome, Phase, State, Target};

/// How often a boot loader starts a system that nobody says is good.
const TRIES: u32 = 3;
const OLD: &str = "old";
const NEW: &str = "new";

#[derive(Debug, Clone, Default)]
struct Slot {
    holds: String,
    tries_left: u32,
}

/// What the new system is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum New {
    Good,
    /// It starts, and its reader is gone.
    Unwell,
    /// Its kernel does not come up.
    Dead,
}

#[derive(Debug)]
struct Hardware {
    slots: [Slot; 2],
    primary: usize,
    booted: usize,
    boots: u32,
    disk: Option<State>,
    told: Vec<Outcome>,
    telling_fails: bool,
    new: New,
    steady: Duration,
    /// Operations until the power is cut.
    until_cut: Option<u32>,
    done: u32,
}

#[derive(Clone)]
struct Machine(Arc<Mutex<Hardware>>);

/// The power is gone.
struct Cut;
/// It restarts by itself.
struct Reboot;

impl Machine {
    fn new(new: New) -> Self {
        let slot = |holds: &str| Slot { holds: holds.to_owned(), tries_left: TRIES };
        Self(Arc::new(Mutex::new(Hardware {
            slots: [slot(OLD), slot("older")],
            primary: 0,
            booted: 0,
            boots: 1,
            disk: None,
            told: Vec::new(),
            telling_fails: false,
            new,
            steady: Duration::ZERO,
            until_cut: None,
            done: 0,
        })))
    }

    fn hardware(&self) -> MutexGuard<'_, Hardware> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An operation whose effect may be lost, or may be the last.
    fn operation<T>(&self, effect: impl FnOnce(&mut Hardware) -> T) -> T {
        let cut = |hardware: &mut Hardware| {
            hardware.done += 1;
            match &mut hardware.until_cut {
                Some(0) => {
                    hardware.until_cut = None;
                    true
                }
                Some(left) => {
                    *left -= 1;
                    false
                }
                None => false,
            }
        };
        if cut(&mut self.hardware()) {
            resume_unwind(Box::new(Cut));
        }
        let result = effect(&mut self.hardware());
        if cut(&mut self.hardware()) {
            resume_unwind(Box::new(Cut));
        }
        result
    }

    /// The boot loader: the primary system while it has tries left, else the other one.
    fn boot(&self) {
        let mut hardware = self.hardware();
        for _ in 0..2 * TRIES {
            let at =
                if hardware.slots[hardware.primary].tries_left > 0 { hardware.primary } else { 1 - hardware.primary };
            hardware.slots[at].tries_left = hardware.slots[at].tries_left.saturating_sub(1);
            hardware.boots += 1;
            if hardware.slots[at].holds == NEW && hardware.new == New::Dead {
                continue;
            }
            assert!([OLD, "older", NEW].contains(&hardware.slots[at].holds.as_str()), "a brick: {hardware:?}");
            hardware.booted = at;
            return;
        }
        panic!("nothing starts any more: {hardware:?}");
    }
}

impl Engine for Machine {
    fn id(&self) -> &'static str {
        "twin"
    }
    fn running(&self) -> Result<Option<String>, EngineError> {
        let hardware = self.hardware();
        Ok(Some(hardware.slots[hardware.booted].holds.clone()))
    }
    fn incarnation(&self) -> Result<String, EngineError> {
        Ok(self.hardware().boots.to_string())
    }
    fn install(&self, target: &Target, _: &[PathBuf], _: Progress<'_>) -> Result<(), EngineError> {
        // As RAUC: first the other one cannot be started, then it is written, then it starts next.
        self.operation(|h| {
            let other = 1 - h.booted;
            (h.slots[other].tries_left, h.primary) = (0, h.booted);
        });
        self.operation(|h| h.slots[1 - h.booted].holds = "half of something".to_owned());
        self.operation(|h| h.slots[1 - h.booted].holds.clone_from(&target.hash));
        self.operation(|h| {
            let other = 1 - h.booted;
            (h.slots[other].tries_left, h.primary) = (TRIES, other);
        });
        Ok(())
    }
    fn keep_running(&self) -> Result<(), EngineError> {
        self.operation(|h| {
            (h.primary, h.slots[h.booted].tries_left) = (h.booted, TRIES);
        });
        Ok(())
    }
    fn affirm(&self) -> Result<(), EngineError> {
        self.operation(|h| h.slots[h.booted].tries_left = TRIES);
        Ok(())
    }
    fn reject(&self) -> Result<(), EngineError> {
        self.operation(|h| {
            let other = 1 - h.booted;
            h.slots[h.booted].tries_left = 0;
            (h.primary, h.slots[other].tries_left) = (other, TRIES);
        });
        Ok(())
    }
    fn restart(&self) -> Result<(), EngineError> {
        self.operation(|_| ());
        resume_unwind(Box::new(Reboot));
    }
}

impl Doctor for Machine {
    fn examine(&self) -> Result<Health, String> {
        let hardware = self.hardware();
        let unwell = hardware.slots[hardware.booted].holds == NEW && hardware.new == New::Unwell;
        let reader = unwell.then(|| "reader_absent".to_owned());
        Ok(Health(BTreeMap::from([("reader".to_owned(), reader)])))
    }
}

impl Source for Machine {
    fn order(&self, _: &mut State, _: i64) -> Result<Option<Order>, FleetError> {
        let target = Target { rollout: "r1".to_owned(), version: "0.2.0".to_owned(), hash: NEW.to_owned() };
        let wanted = Wanted { target, due: 0, stopped: false, ready: true };
        let window = Window::try_from("00:00-23:59".to_owned()).expect("a window");
        Ok(Some(Order { wanted, window, files: Vec::new() }))
    }
}

impl Disk for Machine {
    fn save(&self, state: &State) -> Result<(), FleetError> {
        self.operation(|h| h.disk = Some(state.clone()));
        Ok(())
    }
    fn tell(&self, outcome: &Outcome) -> Result<(), FleetError> {
        if self.hardware().telling_fails {
            return Err(FleetError::Malformed("outcome"));
        }
        self.operation(|h| h.told.push(outcome.clone()));
        Ok(())
    }
}

impl Clock for Machine {
    fn wall(&self) -> i64 {
        1_800_000_000
    }
    fn monotonic(&self) -> Duration {
        self.hardware().steady
    }
    fn quality(&self) -> Quality {
        Quality::System
    }
}

/// Runs the device, through cuts and restarts, until it rests; how it ended.
fn live(machine: &Machine, cuts: &[u32]) -> State {
    let directory = tempfile::tempdir().expect("directory");
    let mut cuts = cuts.iter().copied();
    machine.hardware().until_cut = cuts.next();
    for _ in 0..60 {
        let run = || {
            let state = machine.hardware().disk.clone().unwrap_or_default();
            let own = || Box::new(machine.clone());
            let (visits, clock) = (Visits::new(directory.path()), Arc::new(machine.clone()));
            visits.make(None).expect("made");
            let mut runner = Runner::new(own(), own(), own(), own(), visits, clock, state);
            for _ in 0..50 {
                machine.hardware().steady += Duration::from_secs(60);
                let did = runner.step(&|_, _| {}).expect("a step");
                if matches!(did, Did::Rested(_)) {
                    return runner.state().clone();
                }
            }
            panic!("it does not come to rest: {runner:?}");
        };
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(state) => return state,
            Err(ended) if ended.is::<Cut>() => machine.hardware().until_cut = cuts.next(),
            Err(ended) if ended.is::<Reboot>() => {}
            Err(ended) => resume_unwind(ended),
        }
        machine.boot();
    }
    panic!("it restarts for ever: {:?}", machine.hardware());
}

/// What must be true however the power was cut.
fn judge(machine: &Machine, state: &State, cuts: &[u32]) {
    let hardware = machine.hardware();
    let runs = hardware.slots[hardware.booted].holds.as_str();
    let told = hardware.told.iter().filter(|outcome| outcome.failed.is_none()).count();
    assert_eq!(state.phase, Phase::Idle, "{cuts:?}");
    let last = state.last.as_ref().unwrap_or_else(|| panic!("nothing ended: {cuts:?}"));
    match &last.failed {
        None => {
            assert_eq!(runs, NEW, "a success that does not run: {cuts:?}");
            assert_eq!(hardware.new, New::Good, "a success that is not well: {cuts:?}");
        }
        Some(_) => {
            assert_eq!(runs, OLD, "{cuts:?} {last:?}");
            assert_eq!(told, 0, "told as a success: {cuts:?}");
        }
    }
    // A good system is given up only where the boot loader ran out of tries, which one or two cuts do not do.
    assert_eq!(last.failed.is_none(), hardware.new == New::Good, "{cuts:?} {last:?}");
    assert_eq!(hardware.slots[hardware.booted].tries_left, TRIES, "the next cuts have all tries again: {cuts:?}");
}

fn operations(new: New) -> u32 {
    let machine = Machine::new(new);
    let state = live(&machine, &[]);
    judge(&machine, &state, &[]);
    machine.hardware().done
}

#[test]
fn power_is_cut_at_every_point_and_at_every_pair_of_points() {
    for new in [New::Good, New::Unwell, New::Dead] {
        let most = operations(new);
        let mut lives = 0;
        for first in 0..most {
            let machine = Machine::new(new);
            let state = live(&machine, &[first]);
            judge(&machine, &state, &[first]);
            // What is done again after the first cut can be cut, too.
            for second in 0..most {
                let machine = Machine::new(new);
                let state = live(&machine, &[first, second]);
                judge(&machine, &state, &[first, second]);
                lives += 1;
            }
        }
        println!("{new:?}: {most} points, {lives} pairs, no brick and no false success");
    }
}

#[test]
fn ten_quick_power_cycles_after_it_was_kept_change_nothing() {
    let machine = Machine::new(New::Good);
    live(&machine, &[]);
    for _ in 0..10 {
        machine.boot();
        live(&machine, &[]);
    }
    let hardware = machine.hardware();
    assert_eq!(hardware.slots[hardware.booted].holds, NEW);
}

#[test]
fn that_nobody_hears_of_it_takes_nothing_back() {
    let machine = Machine::new(New::Good);
    machine.hardware().telling_fails = true;
    let state = live(&machine, &[]);
    judge(&machine, &state, &[]);
    assert!(machine.hardware().told.is_empty());
}
