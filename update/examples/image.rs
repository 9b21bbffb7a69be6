//! The updater on a device in an image, for `cargo xtask image --check`: engine, steps, gate and state are the product's; the
//! order is given on the command line instead of in a signed bundle, and the ten minutes of the gate are one.
//!
//! `image STATE BUNDLE HASH` goes on until the machine restarts or the update has ended, and says each step.

use events::{Clock, Quality, SystemClock};
use fleet::FleetError;
use fleet::rollout::Window;
use identity::visits::Visits;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use update::commands::Commands;
use update::machine::Wanted;
use update::rauc::Rauc;
use update::runner::{Did, Files, Order, Source};
use update::state::Target;
use update::{Runner, State};

/// How much faster the steady clock goes.
const HASTE: u32 = 10;

struct Hasty(SystemClock);

impl Clock for Hasty {
    fn wall(&self) -> i64 {
        self.0.wall()
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic() * HASTE
    }

    fn quality(&self) -> Quality {
        Quality::System
    }
}

struct Given(Target, Window, PathBuf);

impl Source for Given {
    fn order(&self, _: &mut State, _: i64) -> Result<Option<Order>, FleetError> {
        let wanted = Wanted { target: self.0.clone(), due: 0, stopped: false, ready: true };
        Ok(Some(Order { wanted, window: self.1, files: vec![self.2.clone()] }))
    }
}

fn say(text: &str) {
    println!("UPDATE {text}");
    drop(std::io::stdout().flush());
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [directory, bundle, hash] = &words[..] else {
        eprintln!("usage: image STATE BUNDLE HASH");
        return ExitCode::from(64);
    };
    match follow(Path::new(directory), Path::new(bundle), hash) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("broken: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn follow(directory: &Path, bundle: &Path, hash: &str) -> Result<(), Box<dyn std::error::Error>> {
    // A hash is one rollout: what failed is not tried again under the same name.
    let target = Target { rollout: hash.to_owned(), version: "check".to_owned(), hash: hash.to_owned() };
    let visits = Visits::new(directory);
    visits.make(Some(program::foreign::Foreign::owner_of(Path::new("/etc/cccd-agent"))?.group()))?;
    let window = Window::try_from("00:00-23:59".to_owned())?;
    let mut runner = Runner::new(
        Box::new(Rauc::new(directory)?),
        Box::new(Commands::of("/etc/cccd-agent/agent.toml")),
        Box::new(Given(target, window, bundle.to_owned())),
        Box::new(Files::new(directory)),
        visits,
        Arc::new(Hasty(SystemClock::new())),
        State::load(directory)?,
    );
    let last = std::sync::Mutex::new(String::new());
    loop {
        let did = runner.step(&|per_cent, doing| {
            let text = format!("progress {per_cent} {doing}");
            let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if *last != text {
                say(&text);
                *last = text;
            }
        });
        match did {
            Ok(Did::Rested(why)) => {
                say(&format!("rests: {}", why.text()));
                return Ok(());
            }
            Ok(Did::Ended(outcome)) => {
                say(&format!("ended: {}", outcome.failed.as_deref().unwrap_or("kept")));
                return Ok(());
            }
            Ok(Did::Began(_)) => {
                let before = runner.state().before.as_ref().map(serde_json::to_string).transpose()?;
                say(&format!("began, before: {}", before.unwrap_or_default()));
            }
            Ok(Did::Installed(_)) => say("installed"),
            Ok(Did::Waiting(what)) => {
                say(&format!("waits: {what}"));
                std::thread::park_timeout(Duration::from_secs(2));
            }
            Ok(other) => say(&format!("{other:?}")),
            Err(error) => {
                say(&format!("not now: {error} ({})", error.code()));
                std::thread::park_timeout(Duration::from_secs(2));
            }
        }
    }
}
