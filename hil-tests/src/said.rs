//! The last lines that a service of a rig said, which an error shows: why it did not come up, it knows best.

use anyhow::{Context as _, bail};
use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// How many lines are kept.
const KEPT: usize = 20;

/// Lines of one service; a clone is the same lines.
#[derive(Debug, Clone, Default)]
pub struct Said(Arc<Mutex<VecDeque<String>>>);

impl Said {
    /// Keeps what comes until the end. The pipe stays open and drained, or the service dies of it.
    pub fn keep(&self, from: impl Read + Send + 'static) -> JoinHandle<()> {
        let said = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
                said.push(&String::from_utf8_lossy(&line));
            }
        })
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    pub(crate) fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line.trim_end().to_owned());
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match lines.is_empty() {
            true => formatter.write_str("(it said nothing)"),
            false => formatter.write_str(&Vec::from_iter(lines.iter().map(String::as_str)).join("\n")),
        }
    }
}

/// Starts a service, and waits for the line on standard output that begins with `sign`.
///
/// # Errors
/// When it cannot be started, or ends before it says so: its own last lines.
pub fn service(what: &str, command: &mut Command, sign: &str) -> anyhow::Result<Child> {
    // Kept apart: what comes on one must not push out what came on the other.
    let (said, errors) = (Said::default(), Said::default());
    let process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut process = process.with_context(|| format!("cannot start {what}"))?;
    let ending = errors.keep(process.stderr.take().context("standard error")?);
    let mut lines = BufReader::new(process.stdout.take().context("standard output")?);
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        if line.starts_with(sign) {
            drop(said.keep(lines));
            return Ok(process);
        }
        said.push(&line);
        line.clear();
    }
    let status = process.wait()?;
    // What it said last is still on its way to us; what it left running may hold the pipe open.
    for _ in 0..40 {
        if ending.is_finished() {
            break;
        }
        crate::stack::pause(50);
    }
    let words = match (said.is_empty(), errors.is_empty()) {
        (false, false) => format!("{said}\n{errors}"),
        (false, true) => said.to_string(),
        (true, _) => errors.to_string(),
    };
    bail!("{what} did not come up ({status}):\n{words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> anyhow::Result<Child> {
        service("the service", Command::new("sh").args(["-c", script]), "listening")
    }

    #[test]
    fn what_does_not_come_up_says_why_in_its_last_lines() {
        let error = shell("for n in $(seq 30); do echo line $n; done; echo no bus >&2; exit 3").expect_err("it ended");
        let text = error.to_string();
        let count = text.lines().filter(|line| line.starts_with("line ")).count();
        assert!(text.contains("the service") && text.contains("no bus") && text.contains("status: 3"), "{text}");
        assert!(count == KEPT && text.contains("line 30") && !text.contains("line 1\n"), "{text}");
        assert!(shell("exit 1").expect_err("it ended").to_string().ends_with("(it said nothing)"));
    }

    #[test]
    fn what_comes_up_goes_on_talking() {
        // More than a pipe holds, on both sides.
        let script =
            "echo warming up; echo listening on 1; head -c 200000 /dev/zero; head -c 200000 /dev/zero >&2; exit 7";
        let mut process = shell(script).expect("ready");
        assert_eq!(process.wait().expect("end").code(), Some(7));
    }
}
