//! Packages on plain Debian: there is one system, so what runs is kept as files, and the way back is to install it again.
//!
//! | in the directory | is |
//! |---|---|
//! | `packages.json` | the set that runs, the one before, and the one that was installed and not started |
//! | `kept/` | the files of these sets |
//! | `installing/` | links to those that are being installed |
//! | `dpkg.log` | what dpkg said last when it failed |
//!
//! The hash of a set is [`fleet::rollout::set_hash`]. It runs when dpkg says that these versions are
//! installed and the agent was restarted since.

use crate::engine::{Engine, EngineError, Progress};
use crate::state::Target;
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The updater's directory on a device.
pub const DIRECTORY: &str = "/var/lib/cccd-update";
/// The engine's own, in it.
pub const PACKAGES: &str = "packages";
const INSTALLING: &str = "installing";

/// Programs of the system.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Installs all packages in `installing/`: `dpkg` may write anywhere, and the updater, whose child it would be, may not.
    pub install: Vec<String>,
    /// `dpkg-query` with its first arguments.
    pub query: Vec<String>,
    /// Restarts the agent, whichever of its services runs.
    pub restart: Vec<String>,
}

impl Tools {
    /// Those of a device whose updater has this directory. The service that installs knows the usual one alone; with another, dpkg is a
    /// child of whoever calls the updater by hand.
    #[must_use]
    pub fn of(directory: &Path) -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let installing = directory.join(PACKAGES).join(INSTALLING).display().to_string();
        let by_hand = ["dpkg", "--force-confold", "--install", "--recursive", &installing];
        let service = ["systemctl", "start", "cccd-update-dpkg.service"];
        Self {
            install: words(if directory == Path::new(DIRECTORY) { &service } else { &by_hand }),
            query: words(&["dpkg-query"]),
            restart: words(&["systemctl", "try-restart", "cccd-kiosk.service", "cccd-desk.service"]),
        }
    }
}

/// A package that a file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    name: String,
    version: String,
    file: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Set {
    /// `None` for what came from the factory.
    hash: Option<String>,
    packages: Vec<Kept>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    running: Set,
    before: Option<Set>,
    /// Installed, and not started yet.
    pending: Option<Set>,
}

/// The engine.
#[derive(Debug)]
pub struct Packages {
    directory: PathBuf,
    tools: Tools,
}

fn io(operation: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> EngineError {
    let path = path.to_owned();
    move |source| EngineError::Io { operation, path, source }
}

/// Runs a program; what it printed.
fn run(program: &'static str, words: &[String], more: &[&str]) -> Result<String, EngineError> {
    let failed = |why: String| EngineError::Program { program, why };
    let (first, rest) = words.split_first().ok_or_else(|| failed("no program".to_owned()))?;
    let output = Command::new(first)
        .args(rest)
        .args(more)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failed(format!("{}: {}", output.status, last_lines(&String::from_utf8_lossy(&output.stderr)))))
}

/// The last lines say why; all of it is in dpkg's own log.
fn last_lines(said: &str) -> String {
    let last: Vec<&str> = said.lines().rev().take(3).collect();
    last.into_iter().rev().collect::<Vec<_>>().join(" / ")
}

/// What a kept package is called: what stands in a package is not trusted to be a file's name.
fn file_name(name: &str, version: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._+~-".contains(c) { c } else { '%' };
    format!("{name}_{version}.deb").chars().map(plain).collect()
}

impl Packages {
    /// With its files in a directory.
    #[must_use]
    pub fn new(directory: &Path, tools: Tools) -> Self {
        Self { directory: directory.to_owned(), tools }
    }

    fn record_path(&self) -> PathBuf {
        self.directory.join("packages.json")
    }

    fn record(&self) -> Result<Record, EngineError> {
        let path = self.record_path();
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| io("understand", &path)(std::io::Error::other(error.to_string()))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Record::default()),
            Err(error) => Err(io("read", &path)(error)),
        }
    }

    fn save(&self, record: &Record) -> Result<(), EngineError> {
        let path = self.record_path();
        let bytes = serde_json::to_vec_pretty(record).unwrap_or_default();
        let replaced = fleet::files::replace(&path, &bytes);
        replaced.map_err(|error| io("write", &path)(std::io::Error::other(error.to_string())))
    }

    fn field(file: &Path, field: &str) -> Result<String, EngineError> {
        let words = ["dpkg-deb".to_owned(), "--field".to_owned()];
        Ok(run("dpkg-deb", &words, &[&file.to_string_lossy(), field])?.trim().to_owned())
    }

    /// Puts a package's file where the way back finds it.
    ///
    /// # Errors
    /// When it is no package, or cannot be copied.
    pub fn keep(&self, file: &Path) -> Result<(String, String), EngineError> {
        let kept = self.kept(file)?;
        Ok((kept.name, kept.version))
    }

    fn kept(&self, file: &Path) -> Result<Kept, EngineError> {
        let (name, version) = (Self::field(file, "Package")?, Self::field(file, "Version")?);
        let called = file_name(&name, &version);
        let place = self.directory.join("kept").join(&called);
        std::fs::create_dir_all(self.directory.join("kept")).map_err(io("make", &place))?;
        let beside = place.with_extension("new");
        std::fs::copy(file, &beside).map_err(io("write", &beside))?;
        std::fs::File::open(&beside).and_then(|copy| copy.sync_all()).map_err(io("write", &beside))?;
        std::fs::rename(&beside, &place).map_err(io("write", &place))?;
        Ok(Kept { name, version, file: called })
    }

    /// The version of a package that is installed; `None` where it is not.
    fn installed(&self, name: &str) -> Result<Option<String>, EngineError> {
        // A name that dpkg does not know is an error of its own.
        let said = run(
            "dpkg-query",
            &self.tools.query,
            &["--show", "--showformat=${Package} ${Version} ${db:Status-Status}\n"],
        )?;
        let mut lines = said.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let found = lines.find(|fields| fields.first() == Some(&name) && fields.get(2) == Some(&"installed"));
        Ok(found.and_then(|fields| fields.get(1).map(|version| (*version).to_owned())))
    }

    /// The files that lead back to what is installed of these packages now.
    fn way_back(&self, names: &[Kept]) -> Result<Vec<Kept>, EngineError> {
        let mut back = Vec::new();
        for Kept { name, .. } in names {
            // What is not installed yet is no part of the way back.
            let Some(version) = self.installed(name)? else { continue };
            let file = file_name(name, &version);
            if !self.directory.join("kept").join(&file).exists() {
                return Err(EngineError::NoWayBack(format!("{name} {version}")));
            }
            back.push(Kept { name: name.clone(), version, file });
        }
        Ok(back)
    }

    fn dpkg_install(&self, set: &Set) -> Result<(), EngineError> {
        if set.packages.is_empty() {
            return Ok(());
        }
        let (installing, log) = (self.directory.join(INSTALLING), self.directory.join("dpkg.log"));
        // Made anew: what an attempt before this one left belongs to another set.
        for absent in [std::fs::remove_dir_all(&installing), std::fs::remove_file(&log)] {
            absent
                .or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
                .map_err(io("empty", &installing))?;
        }
        std::fs::create_dir(&installing).map_err(io("make", &installing))?;
        for Kept { file, .. } in &set.packages {
            let kept = self.directory.join("kept").join(file);
            std::fs::hard_link(&kept, installing.join(file)).map_err(io("link", &kept))?;
        }
        run("dpkg", &self.tools.install, &[]).map(drop).map_err(|error| match (error, std::fs::read(&log)) {
            (EngineError::Program { program, .. }, Ok(said)) if !said.is_empty() => {
                EngineError::Program { program, why: last_lines(&String::from_utf8_lossy(&said)) }
            }
            (error, _) => error,
        })
    }
}

impl Engine for Packages {
    fn id(&self) -> &'static str {
        "packages"
    }

    fn running(&self) -> Result<Option<String>, EngineError> {
        let Record { running, .. } = self.record()?;
        for Kept { name, version, .. } in &running.packages {
            // Somebody installed another version by hand: nobody knows what runs.
            if self.installed(name)?.as_ref() != Some(version) {
                return Ok(None);
            }
        }
        Ok(running.hash)
    }

    /// Always the same: what was installed and not started is started once more, however the machine came up.
    fn incarnation(&self) -> Result<String, EngineError> {
        Ok("packages".to_owned())
    }

    fn install(&self, target: &Target, files: &[PathBuf], progress: Progress<'_>) -> Result<(), EngineError> {
        progress(0, "dpkg-deb");
        let packages = files.iter().map(|file| self.kept(file)).collect::<Result<Vec<_>, _>>()?;
        let mut record = self.record()?;
        if record.pending.as_ref().is_none_or(|pending| pending.hash.as_deref() != Some(&target.hash)) {
            // Taken once: after a cut what is installed may be the new one already.
            record.running.packages = self.way_back(&packages)?;
        }
        record.pending = Some(Set { hash: Some(target.hash.clone()), packages });
        self.save(&record)?;
        progress(50, "dpkg");
        let pending = record.pending.clone().unwrap_or_default();
        if let Err(error) = self.dpkg_install(&pending) {
            self.keep_running()?;
            return Err(EngineError::Install(error.to_string()));
        }
        progress(100, "dpkg");
        Ok(())
    }

    fn keep_running(&self) -> Result<(), EngineError> {
        let mut record = self.record()?;
        if record.pending.is_some() {
            self.dpkg_install(&record.running)?;
            record.pending = None;
            self.save(&record)?;
        }
        Ok(())
    }

    fn affirm(&self) -> Result<(), EngineError> {
        let record = self.record()?;
        let sets = [Some(&record.running), record.before.as_ref(), record.pending.as_ref()];
        let used: Vec<&str> =
            sets.into_iter().flatten().flat_map(|set| &set.packages).map(|kept| kept.file.as_str()).collect();
        if used.is_empty() {
            return Ok(());
        }
        let Ok(list) = std::fs::read_dir(self.directory.join("kept")) else { return Ok(()) };
        for path in list.flatten().map(|entry| entry.path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // Room is all that it costs.
            if !used.contains(&name.as_str()) {
                program::ignore(
                    std::fs::remove_file(&path),
                    "what stays there harms nobody, and the next one takes it away",
                );
            }
        }
        Ok(())
    }

    fn reject(&self) -> Result<(), EngineError> {
        let mut record = self.record()?;
        let Some(before) = record.before.clone() else {
            return Err(EngineError::NoWayBack(record.running.hash.unwrap_or_default()));
        };
        record.pending = Some(before.clone());
        self.save(&record)?;
        self.dpkg_install(&before)
    }

    fn restart(&self) -> Result<(), EngineError> {
        run("systemctl", &self.tools.restart, &[])?;
        let mut record = self.record()?;
        if let Some(pending) = record.pending.take() {
            record.before = Some(std::mem::replace(&mut record.running, pending));
            self.save(&record)?;
        }
        Ok(())
    }
}
