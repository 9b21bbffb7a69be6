//! Updates from the operator's desk to the device's log: packages by Debian's own dpkg in a root of the test's own, files
//! through central, the gate by the agent's own doctor.

use fleet::rollout::{Package, set_hash};
use fleet::rollout::{Settings, Takes, Window};
use hil_tests::debian::Debian;
use hil_tests::fleet::HandClock;
use hil_tests::fleet_line::FleetLine;
use identity::visits::Visits;
use program::foreign::Foreign;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use update::commands::Commands;
use update::engine::{Engine as _, EngineError};
use update::machine::Why;
use update::runner::{Did, Files};
use update::source::OfAgent;
use update::state::Target;
use update::{Runner, State};

fn target(file: &Path, version: &str) -> Target {
    let bytes = std::fs::read(file).expect("file");
    let package = Package {
        name: "cccd-agent".to_owned(),
        version: version.to_owned(),
        architecture: "all".to_owned(),
        file: events::hash(&bytes).to_string(),
    };
    Target { rollout: "r".to_owned(), version: version.to_owned(), hash: set_hash([&package].into_iter()) }
}

#[test]
fn a_package_is_installed_started_kept_and_taken_back() {
    let debian = Debian::new();
    let engine = debian.engine();
    let (first, second) = (debian.package("0.1.0", false), debian.package("0.2.0", false));
    let (one, two) = (target(&first, "0.1.0"), target(&second, "0.2.0"));
    assert_eq!(engine.running().expect("asked"), None, "nobody knows what came from the factory");
    engine.install(&one, std::slice::from_ref(&first), &|_, _| {}).expect("installed");
    assert_eq!(engine.running().expect("asked"), None, "it was not started");
    engine.restart().expect("restarted");
    assert_eq!(engine.running().expect("asked").as_ref(), Some(&one.hash));

    engine.install(&two, std::slice::from_ref(&second), &|_, _| {}).expect("installed");
    assert_eq!((debian.installed().as_str(), engine.running().expect("asked")), ("0.2.0", None), "not started yet");
    engine.keep_running().expect("left");
    assert_eq!((debian.installed().as_str(), engine.running().expect("asked").as_ref()), ("0.1.0", Some(&one.hash)));

    // Installed twice, as after a cut between dpkg and the record: the way back is still the first.
    engine.install(&two, std::slice::from_ref(&second), &|_, _| {}).expect("installed");
    engine.install(&two, &[second], &|_, _| {}).expect("installed once more");
    engine.restart().expect("restarted");
    engine.affirm().expect("kept");
    assert_eq!(engine.running().expect("asked").as_ref(), Some(&two.hash));
    engine.reject().expect("taken back");
    engine.restart().expect("restarted");
    assert_eq!((debian.installed().as_str(), engine.running().expect("asked").as_ref()), ("0.1.0", Some(&one.hash)));
    assert_eq!(std::fs::read_to_string(debian.path("restarts")).expect("restarts").lines().count(), 3);

    // Somebody installs by hand.
    let by_hand = debian.package("0.3.0", false);
    let root = format!("--root={}", debian.path("root").display());
    assert!(Command::new("dpkg").arg(root).arg("--install").arg(by_hand).output().expect("dpkg").status.success());
    assert_eq!(engine.running().expect("asked"), None);
}

#[test]
fn without_a_way_back_nothing_is_touched_and_what_dpkg_refuses_is_undone() {
    let debian = Debian::new();
    let engine = debian.engine();
    let (first, second) = (debian.package("0.1.0", false), debian.package("0.2.0", false));
    let root = format!("--root={}", debian.path("root").display());
    assert!(Command::new("dpkg").arg(root).arg("--install").arg(&first).output().expect("dpkg").status.success());
    let refused = engine.install(&target(&second, "0.2.0"), &[second], &|_, _| {}).expect_err("no way back");
    assert!(matches!(&refused, EngineError::NoWayBack(what) if what == "cccd-agent 0.1.0"), "{refused}");
    assert_eq!(debian.installed(), "0.1.0");
    assert_eq!(engine.keep(&first).expect("kept"), ("cccd-agent".to_owned(), "0.1.0".to_owned()));

    let broken = debian.package("0.4.0", true);
    let refused = engine.install(&target(&broken, "0.4.0"), &[broken], &|_, _| {}).expect_err("dpkg refuses");
    assert!(matches!(&refused, EngineError::Install(why) if why.contains("dpkg")), "{refused}");
    assert_eq!(debian.installed(), "0.1.0", "what ran is installed again");
    assert!(engine.install(&target(&first, "0.1.0"), &[debian.path("restarts")], &|_, _| {}).is_err(), "no package");
}

/// A device with its agent, its updater and a fleet.
struct Device {
    line: FleetLine,
    debian: Debian,
    clock: Arc<HandClock>,
}

impl Device {
    fn new(directory: &Path) -> Self {
        let line = FleetLine::start(directory).expect("line");
        line.listed("agent-1").expect("listed");
        let trust = Command::new(hil_tests::program("cccd-card"))
            .args(["trust", "--out", &line.text("agent-1/trust")])
            .stdout(Stdio::null())
            .status();
        assert!(trust.expect("cccd-card").success());
        let config = line.path("agent-1/agent.toml");
        let text = std::fs::read_to_string(&config).expect("configuration").replace("\"pcsc\"", "\"sim:an\"");
        std::fs::write(&config, format!("updater = {:?}\n{text}", line.path("updater"))).expect("configuration");
        Self { line, debian: Debian::new(), clock: HandClock::at(FleetLine::now()) }
    }

    fn config(&self) -> String {
        self.line.text("agent-1/agent.toml")
    }

    /// A run of the agent, until it has done something.
    fn agent_until<T>(&self, what: &str, look: impl FnMut() -> Option<T>) -> T {
        let mut agent = Command::new(hil_tests::program("cccd-agent"))
            .args(["run", "--config", &self.config()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("agent");
        let found = hil_tests::stack::until(what, look);
        drop(agent.stdin.take());
        assert!(agent.wait().expect("ended").success());
        found
    }

    /// Publishes a rollout of a package file.
    fn publish(&self, bundle: u32, file: &Path, version: &str) -> anyhow::Result<String> {
        let hash = events::hash(&std::fs::read(file)?).to_string();
        std::fs::create_dir_all(self.line.path("parts/update"))?;
        let rollout = format!(
            "id = \"r{bundle}\"\nbegins = \"2026-01-01T00:00:00+07:00\"\npace = \"urgent\"\nwindow = \"01:00-04:00\"\n\
             [[package]]\nname = \"cccd-agent\"\nversion = \"{version}\"\narchitecture = \"all\"\nfile = \"{hash}\"\n"
        );
        std::fs::write(self.line.path("parts/update/rollout.toml"), rollout)?;
        self.line.publish("parts", bundle)?;
        Ok(hash)
    }

    fn updater(&self, takes_window: bool) -> Runner {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let agent = hil_tests::program("cccd-agent").display().to_string();
        let doctor = Commands {
            doctor: words(&[&agent, "doctor", "--config", &self.config(), "--json"]),
            self_test: words(&[&agent, "demo"]),
            // The service of this rig is well unless the package that is installed is the third.
            service: words(&[
                "sh",
                "-c",
                "! grep -q 0.3.0 \"$0\"",
                &self.debian.path("root/usr/share/cccd/version").display().to_string(),
            ]),
        };
        let minute = (FleetLine::now() / 60 + 7 * 60).rem_euclid(24 * 60);
        let hour = |minute: i64| format!("{:02}:{:02}", minute.rem_euclid(1440) / 60, minute.rem_euclid(60));
        let shift = if takes_window { 0 } else { 720 };
        let window = format!("{}-{}", hour(minute - 60 + shift), hour(minute + 120 + shift));
        let source = OfAgent {
            user: Foreign::owner_of(&self.line.path("agent-1")).expect("an owner"),
            identity: self.line.path("agent-1/identity"),
            bundles: self.line.path("agent-1/bundles"),
            files: self.line.path("agent-1/state/updates"),
            settings: Settings { window: Some(Window::try_from(window).expect("a window")), hold: false },
            takes: Takes::Packages("amd64".to_owned()),
            own: self.line.path("updater"),
        };
        let directory = self.line.path("updater");
        let state = State::load(&directory).expect("state");
        let visits = Visits::new(&directory);
        visits.make(None).expect("made");
        let (engine, disk) = (Box::new(self.debian.engine()), Box::new(Files::new(&directory)));
        Runner::new(engine, Box::new(doctor), Box::new(source), disk, visits, Arc::clone(&self.clock) as _, state)
    }

    /// Steps with a minute between them, until one is what is wanted.
    fn step_until(&self, runner: &mut Runner, wanted: impl Fn(&Did) -> bool) -> Vec<Did> {
        let mut all = Vec::new();
        for _ in 0..30 {
            self.clock.pass(60);
            all.push(runner.step(&|_, _| {}).expect("a step"));
            if all.last().is_some_and(&wanted) {
                return all;
            }
        }
        panic!("{all:?}");
    }

    /// What the device's log at central says of updates.
    fn told(&self) -> Vec<String> {
        let db = self.line.text("central.db");
        let output = Command::new(hil_tests::program("cccd-central")).args(["--db", &db, "events"]).output();
        let text = String::from_utf8(output.expect("events").stdout).expect("text");
        let events = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        let what = |event: serde_json::Value| {
            let device = &event["event"]["body"]["device"];
            let text = |key: &str| device[key].as_str().unwrap_or_default().to_owned();
            text("what").starts_with("update_").then(|| format!("{} {} {}", text("what"), text("from"), text("to")))
        };
        events.filter_map(what).collect()
    }
}

#[test]
fn an_update_goes_from_the_operators_desk_to_the_log_and_a_bad_one_comes_back() {
    let directory = tempfile::tempdir().expect("directory");
    let device = Device::new(directory.path());
    let (first, second, third) = (
        device.debian.package("0.1.0", false),
        device.debian.package("0.2.0", false),
        device.debian.package("0.3.0", false),
    );
    let engine = device.debian.engine();
    engine.install(&target(&first, "0.1.0"), &[first], &|_, _| {}).expect("the factory");
    engine.restart().expect("started");

    let refused = device.publish(1, &second, "0.2.0").expect_err("the file is not offered yet").to_string();
    assert!(refused.contains("is not offered yet"), "{refused}");
    let offered = device.line.fleet(&["file", &second.display().to_string()]).expect("offered");
    let hash = device.publish(1, &second, "0.2.0").expect("published");
    assert_eq!(offered.trim(), hash);
    let fetched = device.line.path("agent-1/state/updates").join(&hash);
    device.agent_until("the file comes", || fetched.exists().then_some(()));

    // At the wrong hour it waits, and while somebody is served.
    let mut updater = device.updater(false);
    device.step_until(&mut updater, |did| *did == Did::Rested(Why::WrongHour));
    assert_eq!(device.debian.installed(), "0.2.0", "it is installed, and not started");
    let mut updater = device.updater(true);
    let visits = Visits::new(&device.line.path("updater"));
    let served = visits.begin().expect("lock").expect("served");
    device.step_until(&mut updater, |did| *did == Did::Rested(Why::Served));
    drop(served);
    let steps = device.step_until(&mut updater, |did| matches!(did, Did::Ended(_)));
    assert!(matches!(steps.last(), Some(Did::Ended(outcome)) if outcome.failed.is_none()), "{steps:?}");
    assert_eq!(device.step_until(&mut updater, |_| true), [Did::Rested(Why::RunsAlready)]);
    let told = ["update_kept r1 0.2.0 well".to_owned()];
    device.agent_until("the log has it", || (device.told() == told).then_some(()));

    // The next one does not come up: it is taken back, told, and not tried again.
    device.line.fleet(&["file", &third.display().to_string()]).expect("offered");
    let hash = device.publish(2, &third, "0.3.0").expect("published");
    let fetched = device.line.path("agent-1/state/updates").join(&hash);
    device.agent_until("the file comes", || fetched.exists().then_some(()));
    let mut updater = device.updater(true);
    let steps = device.step_until(&mut updater, |did| matches!(did, Did::Ended(_)));
    assert!(steps.contains(&Did::Waiting("service: service_inactive".to_owned())), "{steps:?}");
    assert_eq!(device.debian.installed(), "0.2.0");
    assert_eq!(device.step_until(&mut updater, |_| true), [Did::Rested(Why::FailedBefore)]);
    device.agent_until("the log has it", || {
        device.told().last().filter(|last| last.starts_with("update_failed r2 0.3.0 update_not_well")).map(drop)
    });
    let mut doctor = Command::new(hil_tests::program("cccd-agent"));
    let doctor = doctor.args(["doctor", "--json", "--config", &device.config()]).output().expect("doctor");
    let report: serde_json::Value = serde_json::from_slice(&doctor.stdout).expect("a report");
    let update = report["checks"].as_array().and_then(|checks| checks.iter().find(|check| check["id"] == "update"));
    assert_eq!(update.expect("a check")["fault"]["code"], "update_failed");
}
