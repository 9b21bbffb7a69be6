//! A copy of the workspace, and the tests of one of its crates without one check after the other.

use crate::switch::{CHOSEN, MODULE};
use crate::{Check, List, rounds, switched};
use anyhow::{Context as _, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// A run that says nothing for so long hangs.
const SILENCE: Duration = Duration::from_secs(300);

/// What became of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A test noticed: which.
    Killed(String),
    /// None did.
    Survived,
}

/// A copy of the workspace.
#[derive(Debug)]
pub struct Suite {
    root: PathBuf,
    tree: PathBuf,
    target: PathBuf,
}

/// A program with tests.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Binary {
    name: String,
    program: PathBuf,
}

impl Suite {
    /// A copy of what git knows of the workspace, below `into`, with switches at the checks of all these lists: whichever
    /// crate is tried, those below it are built once. What is built stays there for the next time.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn copy(root: &Path, into: &Path, lists: &[List]) -> anyhow::Result<Self> {
        let suite = Self { root: root.to_owned(), tree: into.join("tree"), target: into.join("build") };
        let words = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let output = Command::new("git").args(words).current_dir(root).output().context("git")?;
        let files: BTreeSet<&str> =
            std::str::from_utf8(&output.stdout)?.split('\0').filter(|f| !f.is_empty()).collect();
        if !output.status.success() || files.is_empty() {
            bail!("git lists no files");
        }
        let written = into.join("files.txt");
        for gone in fs::read_to_string(&written).unwrap_or_default().lines().filter(|file| !files.contains(file)) {
            drop(fs::remove_file(suite.tree.join(gone)));
        }
        let mut switched = BTreeMap::new();
        for list in lists {
            if let Some(round) = suite.rounds(list)?.first() {
                switched.extend(suite.sources(list, round)?);
            }
        }
        for file in &files {
            let from = root.join(file);
            if let Some(text) = switched.get(Path::new(file)) {
                write(&suite.tree.join(file), text.as_bytes())?;
                continue;
            }
            // What was deleted and git does not know it yet.
            if from.is_file() {
                write(&suite.tree.join(file), &fs::read(&from)?)?;
            }
        }
        fs::write(written, files.into_iter().collect::<Vec<_>>().join("\n"))?;
        Ok(suite)
    }

    /// Takes out one check of these after the other and runs the crate's tests until one fails. All of the list are switched,
    /// whichever are wanted: so the build is the same the next time.
    ///
    /// # Errors
    /// When a check cannot be taken out, the copy cannot be built, or its tests fail although nothing is missing.
    pub fn run(&self, list: &List, checks: &[&Check], mut tell: impl FnMut(&Check, &Found)) -> anyhow::Result<()> {
        for round in self.rounds(list)? {
            let wanted: Vec<&Check> = round.iter().copied().filter(|check| checks.contains(check)).collect();
            if wanted.is_empty() {
                continue;
            }
            for (file, text) in self.sources(list, &round)? {
                write(&self.tree.join(file), text.as_bytes())?;
            }
            let mut binaries = self.build(&list.package)?;
            let place = self.tree.join(&list.directory);
            if let [check] = round[..]
                && check.alone
            {
                tell(check, &without(&mut binaries, &place, "")?);
                continue;
            }
            if let Found::Killed(test) = without(&mut binaries, &place, "")? {
                bail!("{test} fails although nothing is missing");
            }
            for check in wanted {
                tell(check, &without(&mut binaries, &place, &check.id)?);
            }
        }
        Ok(())
    }

    fn rounds<'a>(&self, list: &'a List) -> anyhow::Result<Vec<Vec<&'a Check>>> {
        let directory = self.root.join(&list.directory);
        let source = |file: &str| fs::read_to_string(directory.join(file)).with_context(|| file.to_owned());
        rounds(&list.checks.iter().collect::<Vec<_>>(), source)
    }

    /// The crate's sources with the switches of one round.
    fn sources(&self, list: &List, round: &[&Check]) -> anyhow::Result<BTreeMap<PathBuf, String>> {
        let mut by_file: BTreeMap<&str, Vec<&Check>> = BTreeMap::new();
        // All files of the list: what the round before has changed is as it was.
        for check in &list.checks {
            by_file.entry(&check.file).or_default();
        }
        for check in round {
            by_file.entry(&check.file).or_default().push(check);
        }
        by_file.entry("src/lib.rs").or_default();
        let mut sources = BTreeMap::new();
        for (file, checks) in by_file {
            let place = list.directory.join(file);
            let mut text = switched(&fs::read_to_string(self.root.join(&place))?, &checks)?;
            if file == "src/lib.rs" {
                text.push_str(MODULE);
            }
            sources.insert(place, text);
        }
        Ok(sources)
    }

    fn build(&self, package: &str) -> anyhow::Result<Vec<Binary>> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .args(["test", "--no-run", "--quiet", "--locked", "--tests", "--message-format", "json-render-diagnostics"])
            .args(["--package", package])
            .current_dir(&self.tree)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_INCREMENTAL", "0")
            // What a switch leaves unused is no matter.
            .env("CARGO_BUILD_WARNINGS", "allow")
            .stderr(Stdio::piped());
        let output = command.output().context("cargo")?;
        if !output.status.success() {
            bail!("the copy cannot be built:\n{}", errors(&String::from_utf8_lossy(&output.stderr)));
        }
        let text = String::from_utf8(output.stdout)?;
        let mut binaries = Vec::new();
        for message in text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()) {
            if let (Some(program), Some(true), Some(name)) = (
                message["executable"].as_str(),
                message["profile"]["test"].as_bool(),
                message["target"]["name"].as_str(),
            ) {
                binaries.push(Binary { name: name.to_owned(), program: program.into() });
            }
        }
        if binaries.is_empty() {
            bail!("{package} has no tests");
        }
        Ok(binaries)
    }
}

/// The errors of a build, without its warnings.
fn errors(text: &str) -> String {
    let blocks = text.split("\n\n").filter(|block| block.trim_start().starts_with("error"));
    blocks.take(10).collect::<Vec<_>>().join("\n\n")
}

/// Writes a file where its content is another, so that cargo sees no change where there is none.
fn write(place: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if fs::read(place).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    fs::create_dir_all(place.parent().context("a file in a directory")?)?;
    fs::write(place, bytes).with_context(|| place.display().to_string())
}

/// Runs programs with tests until one of these fails. That one goes first the next time: checks that stand together on the
/// list are often guarded together.
fn without(binaries: &mut [Binary], directory: &Path, id: &str) -> anyhow::Result<Found> {
    for at in 0..binaries.len() {
        if let Some(test) = first_failure(&binaries[at], directory, id)? {
            let found = Found::Killed(format!("{}::{test}", binaries[at].name));
            binaries[..=at].rotate_right(1);
            return Ok(found);
        }
    }
    Ok(Found::Survived)
}

fn first_failure(binary: &Binary, directory: &Path, id: &str) -> anyhow::Result<Option<String>> {
    let mut child = Command::new(&binary.program)
        .current_dir(directory)
        .env("CARGO_MANIFEST_DIR", directory)
        .env(CHOSEN, id)
        // A check is guarded by what is in the repository.
        .env(test_support::SHARED, "/nonexistent")
        .env_remove("SKIP")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| binary.program.display().to_string())?;
    let stdout = child.stdout.take().context("its output")?;
    let (lines, heard) = channel();
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                break;
            }
        }
    });
    let failed = loop {
        match heard.recv_timeout(SILENCE) {
            Ok(line) => {
                if let Some(test) = failed(&line) {
                    break Some(test.to_owned());
                }
            }
            Err(RecvTimeoutError::Disconnected) => break None,
            Err(RecvTimeoutError::Timeout) => break Some("(hangs)".to_owned()),
        }
    };
    let success = end(&mut child, failed.is_some())?;
    drop(heard);
    drop(reader.join());
    Ok(failed.or_else(|| (!success).then(|| "(breaks off)".to_owned())))
}

/// Whether the program ended well, after it was killed where that is wanted.
fn end(child: &mut Child, kill: bool) -> anyhow::Result<bool> {
    if kill {
        child.kill()?;
    }
    Ok(child.wait()?.success())
}

/// The test that a line of libtest says has failed.
fn failed(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?.split(" - ").next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_from_all_other_lines() {
        assert_eq!(failed("test bac::tests::a_mac ... FAILED"), Some("bac::tests::a_mac"));
        assert_eq!(failed("test a_mac - should panic ... FAILED"), Some("a_mac"));
        assert_eq!(failed("test a_mac ... ok"), None);
        assert_eq!(failed("test result: FAILED. 1 passed; 1 failed"), None);
    }
}
