//! The parts of a device: which is there, which is not, since when and what to do.
//!
//! `STATE/parts.json` says so to `cccd-agent doctor` and to whoever else looks, while a kiosk runs; it holds nothing
//! about persons. It is written anew, under another name first, at each change. The running kiosk holds a lock on
//! `STATE/kiosk.lock`: without it the file tells of the past.
//!
//! ```json
//! {"schema": "cccd-agent/parts/1",
//!  "parts": [{"part": "scanner", "since": 1795430000, "fault": {"code", "message", "remedy"}}, …]}
//! ```

use drivers::device::DeviceError;
use kiosk_ui::state::Part;
use program::Failure;
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Who is told how a part is.
pub type Tell = Box<dyn FnMut(Part, Option<Failure>) + Send>;

/// Tells each change of a part once.
#[derive(Debug)]
pub struct Watch<F> {
    part: Part,
    tell: F,
    last: Last,
}

/// What was told last.
#[derive(Debug, PartialEq, Eq)]
enum Last {
    /// Nothing yet.
    Untold,
    /// That it is there.
    There,
    /// The code of what was wrong with it.
    Fault(String),
}

impl<F: FnMut(Part, Option<Failure>)> Watch<F> {
    /// Over a part of which nothing is known yet.
    pub const fn new(part: Part, tell: F) -> Self {
        Self { part, tell, last: Last::Untold }
    }

    /// Takes what a driver said; gives what it gave.
    pub fn heard<T>(&mut self, result: Result<T, DeviceError>) -> Option<T> {
        self.is(result.as_ref().err().map(Failure::of));
        result.ok()
    }

    /// Takes how the part is.
    pub fn is(&mut self, fault: Option<Failure>) {
        // The same trouble in other words is no news.
        let now = fault.as_ref().map_or(Last::There, |fault| Last::Fault(fault.code.clone()));
        if self.last == now {
            return;
        }
        self.last = now;
        let part = self.part.id();
        match &fault {
            Some(fault) => tracing::warn!(part, code = fault.code, remedy = fault.remedy, "{}", fault.message),
            None => tracing::info!(part, "there"),
        }
        (self.tell)(self.part, fault);
    }
}

/// How a part is, since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its identifier.
    pub part: String,
    /// Seconds since 1970.
    pub since: i64,
    /// What is wrong with it.
    pub fault: Option<Failure>,
    /// What was found or chosen, where that is worth a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Parts {
    schema: String,
    parts: Vec<Entry>,
}

const SCHEMA: &str = "cccd-agent/parts/1";

/// What a running kiosk knows of its parts.
#[derive(Debug)]
pub struct Register {
    path: PathBuf,
    parts: BTreeMap<Part, Entry>,
    /// Held for as long as the kiosk runs.
    _lock: File,
}

/// Under the state directory.
const LOCK: &str = "kiosk.lock";

/// Takes the lock; false when somebody has it.
fn lock(file: &File) -> bool {
    rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive).is_ok()
}

impl Register {
    /// Begins one in a state directory.
    ///
    /// # Errors
    /// When the directory cannot be written to, or another kiosk runs there.
    pub fn begin(state: &Path) -> Result<Self, Failure> {
        let path = state.join(LOCK);
        let made = program::private::directory(state).and_then(|()| program::private::file(&path));
        let file = made.and_then(|()| File::options().append(true).open(&path)).map_err(|e| {
            let message = format!("cannot write to {}: {e}", state.display());
            Failure::device("state_unwritable", message, "check the disk and the state directory")
        })?;
        if !lock(&file) {
            let message = format!("another kiosk works with {}", state.display());
            return Err(Failure::device("kiosk_running", message, "stop the other one: systemctl stop cccd-kiosk"));
        }
        Ok(Self { path: state.join("parts.json"), parts: BTreeMap::new(), _lock: file })
    }

    /// Writes down how a part is from now on. A disk that cannot take it is no reason to stop.
    pub fn set(&mut self, part: Part, fault: Option<Failure>, now: i64) {
        let found = self.parts.get(&part).and_then(|entry| entry.found.clone());
        self.parts.insert(part, Entry { part: part.id().to_owned(), since: now, fault, found });
        self.write();
    }

    /// Writes down what was found of a part; it stays until something else is.
    pub fn found(&mut self, part: Part, found: String, now: i64) {
        let new = || Entry { part: part.id().to_owned(), since: now, fault: None, found: None };
        self.parts.entry(part).or_insert_with(new).found = Some(found);
        self.write();
    }

    fn write(&self) {
        let parts = Parts { schema: SCHEMA.to_owned(), parts: self.parts.values().cloned().collect() };
        if let Err(error) = program::files::show(&self.path, &parts) {
            tracing::warn!(code = "parts_unwritten", "{error}");
        }
    }
}

/// What the kiosk that runs with a state directory says of its parts; `None` when none runs.
#[must_use]
pub fn of_running(state: &Path) -> Option<Vec<Entry>> {
    // Only looked at: a file that root makes here would keep the kiosk's own user out.
    if lock(&File::open(state.join(LOCK)).ok()?) {
        return None;
    }
    let parts: Parts = serde_json::from_slice(&std::fs::read(state.join("parts.json")).ok()?).ok()?;
    (parts.schema == SCHEMA).then_some(parts.parts)
}

#[cfg(test)]
pub(crate) mod told {
    use super::*;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    /// Parts and the codes of what is wrong with them.
    pub(crate) type ToldOf = Receiver<(Part, Option<String>)>;

    /// What is told, for a test to hear.
    pub(crate) fn told() -> (Tell, ToldOf) {
        let (tell, told) = channel();
        (
            Box::new(move |part, fault: Option<Failure>| {
                program::ignore(tell.send((part, fault.map(|fault| fault.code))), "whoever listened has ended")
            }),
            told,
        )
    }

    pub(crate) const SOON: Duration = Duration::from_secs(10);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn absent(why: &str) -> DeviceError {
        DeviceError::Absent { device: "scanner".to_owned(), why: why.to_owned() }
    }

    #[test]
    fn each_change_is_told_once() {
        let told = RefCell::new(Vec::new());
        let mut watch = Watch::new(Part::Scanner, |part, fault: Option<Failure>| {
            told.borrow_mut().push((part, fault.map(|fault| fault.code)));
        });
        assert_eq!(watch.heard(Ok(1)), Some(1));
        assert_eq!(watch.heard(Ok(2)), Some(2));
        assert_eq!(watch.heard::<i32>(Err(absent("one"))), None);
        assert_eq!(watch.heard::<i32>(Err(absent("other words"))), None);
        watch.is(None);
        let away = Some("device_absent".to_owned());
        let expected = [(Part::Scanner, None), (Part::Scanner, away), (Part::Scanner, None)];
        assert_eq!(*told.borrow(), expected);
    }

    #[test]
    fn whoever_looks_sees_what_the_running_kiosk_knows() {
        let directory = tempfile::tempdir().expect("directory");
        assert_eq!(of_running(directory.path()), None);
        assert!(!directory.path().join(LOCK).exists(), "who only looks leaves nothing behind");
        let mut register = Register::begin(directory.path()).expect("register");
        register.set(Part::Scanner, Some(absent("pulled").into()), 1_795_430_000);
        register.set(Part::Reader, None, 1_795_430_001);
        let parts = of_running(directory.path()).expect("it runs");
        let seen: Vec<_> =
            parts.iter().map(|entry| (entry.part.as_str(), entry.since, entry.fault.is_some())).collect();
        assert_eq!(seen, [("reader", 1_795_430_001, false), ("scanner", 1_795_430_000, true)]);
        let second = Register::begin(directory.path()).expect_err("one kiosk a device");
        assert_eq!(second.code, "kiosk_running");
        drop(register);
        assert_eq!(of_running(directory.path()), None, "what an ended kiosk knew is the past");
    }
}
