//! Packages on plain Debian: there is one system, so what runs is kept as files, and the way back is to install it again.
//!
//! | in the directory | is |
//! |---|---|
//! | `packages.json` | the set that runs, the one before, and the one that was installed and not started |
//! | `kept/` | the files of these sets |
//!
//! The hash of a set is [`fleet::rollout::set_hash`]. It runs when dpkg says that these versions are
//! installed and the agent was restarted since.

use crate::engine::{Engine, EngineError, Progress};
use crate::state::Target;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Programs of the system.
#[derive(Debug, Clone)]
pub struct Tools {
    /// `dpkg` with its first arguments.
    pub dpkg: Vec<String>,
    /// `dpkg-query` with its first arguments.
    pub query: Vec<String>,
    /// Restarts the agent, whichever of its services runs.
    pub restart: Vec<String>,
}

impl Default for Tools {
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            dpkg: words(&["dpkg", "--force-confold"]),
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
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("LC_ALL", "C.UTF-8")
        // The package's script leaves the restart to us: somebody may be served.
        .env("CCCD_UPDATE", "1")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    // The last lines say why; all of it is in dpkg's own log.
    let last: Vec<&str> = said.lines().rev().take(3).collect();
    Err(failed(format!("{}: {}", output.status, last.into_iter().rev().collect::<Vec<_>>().join(" / "))))
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
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Record::default()),
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
        // What a cut left half-way is finished first.
        let configured = run("dpkg", &self.tools.dpkg, &["--configure", "--pending"]);
        program::ignore(configured, "that it fails shows in what follows");
        let files: Vec<String> = set
            .packages
            .iter()
            .map(|kept| self.directory.join("kept").join(&kept.file).display().to_string())
            .collect();
        let words: Vec<&str> = ["--install"].into_iter().chain(files.iter().map(String::as_str)).collect();
        run("dpkg", &self.tools.dpkg, &words).map(drop)
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
